//! The schema, the library and the rows of kinds agree.

use std::collections::BTreeSet;

use boon::{Compiler, SchemaIndex, Schemas};
use countersign::Event;
use countersign::account::{Actor, HostsWord};
use countersign_audit::{Chain, LineError, from_line, to_line};
use serde_json::{Value, json};

use crate::life::life;
use crate::samples::{full, operator, samples, variants, with};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/event-v1.json");

struct Schema(Schemas, SchemaIndex);

impl Schema {
    fn new() -> Schema {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("event-v1.json", document()).unwrap();
        let index = compiler.compile("event-v1.json", &mut schemas).unwrap();
        Schema(schemas, index)
    }

    /// What is wrong with a line.
    fn wrong(&self, line: &str) -> Option<String> {
        let value: Value = serde_json::from_str(line).unwrap();
        self.0.validate(&value, self.1).err().map(|error| error.to_string())
    }
}

fn document() -> Value {
    serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap()
}

#[test]
fn every_event_is_a_line_of_the_schema_and_comes_back() {
    let schema = Schema::new();
    let mut chain = Chain::default();
    for event in samples().into_iter().chain(life().events) {
        for line in [to_line(&event), chain.line(&event)] {
            assert_eq!(schema.wrong(&line), None, "{line}");
            assert_eq!(from_line(&line).unwrap(), event, "{line}");
            assert!(!line.contains('\n'));
        }
    }
}

/// A kind that the library has and the schema, the samples or `src/kinds.rs` lack is named here.
#[test]
fn a_new_kind_is_missed_until_it_is_described() {
    let kinds = variants("EventKind");
    let document = document();
    let mut described: Vec<_> = document["oneOf"].as_array().unwrap().iter().map(kind_of).collect();
    described.sort();
    assert_eq!(described, kinds, "the kinds of schema/event-v1.json, and those of the library");

    let of = |name: &str| -> BTreeSet<String> {
        let lines = samples().into_iter().map(|event| to_line(&event));
        let lines = lines.map(|line| serde_json::from_str::<Value>(&line).unwrap());
        lines.filter_map(|line| Some(line[name].as_str()?.to_owned())).collect()
    };
    assert_eq!(Vec::from_iter(of("kind")), kinds, "the kinds of the samples");
    assert_eq!(Vec::from_iter(of("actor")), variants("Actor"), "the actors of the samples");
    assert_eq!(Vec::from_iter(of("method")), variants("Method"), "the methods of the samples");
    assert_eq!(Vec::from_iter(of("purpose")), variants("AnyPurpose"), "the purposes");
    let rows = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/kinds.rs"));
    let rows = rows.unwrap();
    let missing = |kind: &&String| !rows.contains(&format!("(\"{kind}\", "));
    assert_eq!(kinds.iter().find(missing), None, "it has no row in src/kinds.rs");
}

fn kind_of(of_kind: &Value) -> String {
    of_kind["properties"]["kind"]["const"].as_str().unwrap().into()
}

#[test]
fn a_new_reason_method_or_purpose_is_missed_until_it_is_described() {
    let document = document();
    for (place, name, apart) in [
        ("/properties/actor/enum", "Actor", None),
        ("/$defs/method/enum", "Method", None),
        ("/$defs/hosts-word/oneOf/0/properties/value/enum", "HostsWord", Some("person")), // has an account
        ("/properties/purpose/enum", "AnyPurpose", None),
        ("/$defs/class/enum", "Class", None),
        ("/$defs/rejection/enum", "RejectionReason", None),
        ("/$defs/refusal/enum", "Refusal", Some("too-soon")), // has a moment
    ] {
        let listed = document.pointer(place).unwrap().as_array().unwrap().iter();
        let mut listed: Vec<_> = listed.map(|value| value.as_str().unwrap()).collect();
        listed.extend(apart);
        listed.sort_unstable();
        assert_eq!(listed, variants(name), "{place}, and {name} of the library");
    }
}

/// What a careless writer or an attacker on the file might put there.
#[test]
fn planted_bad_lines_are_refused_by_the_schema_and_by_the_reader() {
    let schema = Schema::new();
    let good: Value = serde_json::from_str(&to_line(&full())).unwrap();
    let hash = "ab".repeat(32);
    let planted = [
        ("v", Some(json!(2))),
        ("v", None),
        ("account", Some(json!("xyz"))),
        ("account", Some(json!(42))),
        ("account", None),
        ("actor", Some(json!("nobody"))),
        ("actor", Some(json!("operator"))), // which?
        ("actor", Some(json!("host"))),     // which word?
        ("actor_detail", Some(json!({ "value": "3432" }))),
        ("at", Some(json!("yesterday"))),
        ("at", Some(json!(-1))),
        ("device", Some(json!("1"))),
        ("first_factor_passed", Some(json!("yes"))),
        ("first_factor_passed", None),
        ("index", None),
        ("index", Some(json!(65_536))),
        ("kind", Some(json!("hacked"))),
        ("kind", Some(json!("accepted"))), // the name is another's
        ("kind_detail", None),
        ("kind_detail", Some(json!({ "value": "weather" }))),
        ("kind_detail", Some(json!({ "value": "wrong-code", "code": "123456" }))),
        ("method", Some(json!("telepathy"))),
        ("name", Some(json!("accepted"))),
        ("name", None),
        ("purpose", Some(json!("sign-in"))), // has a detail
        ("purpose_detail", None),
        ("source", Some(json!(""))),
        ("time", Some(json!("2027-01-15 08:00"))),
        ("version", Some(json!(-1))),
        ("version", None),
        ("secret", Some(json!("GEZDGNBV"))),
        ("hash", Some(json!("ab"))),
    ];
    for (name, value) in planted {
        let mut line = good.clone();
        let members = line.as_object_mut().unwrap();
        match value.clone() {
            Some(value) => drop(members.insert(name.into(), value)),
            None => drop(members.remove(name)),
        }
        let line = line.to_string();
        assert!(schema.wrong(&line).is_some(), "the schema takes {name}: {value:?}");
        assert!(from_line(&line).is_err(), "the reader takes {name}: {value:?}");
    }
    let good_of = |event: &Event| serde_json::from_str::<Value>(&to_line(event)).unwrap();
    for (base, detail) in [
        (operator(), json!({ "account": "626f7373" })), // by which proof?
        (operator(), json!({ "method": "totp" })),
        (operator(), json!({ "value": "process" })),
        (operator(), json!({ "account": "626f7373", "method": "totp", "word": "" })),
        (Actor::Host(HostsWord::Process), json!({ "value": "626f7373" })),
        (Actor::Host(HostsWord::Process), json!({ "account": "626f7373", "method": "totp" })),
        (Actor::Subject, json!({ "person": "626f7373" })),
    ] {
        let mut line = good_of(&with(full(), |event| event.actor = base));
        line["actor_detail"] = detail;
        let line = line.to_string();
        assert!(schema.wrong(&line).is_some(), "the schema takes {line}");
        assert!(from_line(&line).is_err(), "the reader takes {line}");
    }
    // The schema alone, because the reader leaves it to the verifier.
    let mut line = good.clone();
    line["hash"] = json!(hash);
    assert!(schema.wrong(&line.to_string()).is_some());
    // The reader alone, because a schema does not calculate.
    let mut line = good;
    line["time"] = json!("2027-01-15T08:00:01Z");
    assert!(
        matches!(from_line(&line.to_string()), Err(LineError::Differs(name)) if name == "time")
    );
    for text in ["", "null", "[]", "{", "{}{}"] {
        assert!(matches!(from_line(text), Err(LineError::NotAnObject)), "{text}");
    }
}
