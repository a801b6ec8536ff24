//! The formats of others: what they look like, and that no field breaks out of its place.

use std::collections::{BTreeMap, BTreeSet};

use countersign::account::{
    ActionName, Actor, AnyPurpose, EventKind, HostsWord, Notice, Reason, Source,
};
use countersign::{AccountId, DeviceId, Event, Method};
use countersign_audit::{Chain, Origin, Severity, cef, ocsf, severity, syslog, to_line};
use proptest::prelude::*;
use serde_json::Value;

use crate::life::life;
use crate::samples::{NOW, actors, full, operator, samples, with};

fn origin() -> Origin {
    Origin::new("db1.example.com", "acme-billing", 32473)
}

/// Compares with the file under `tests/data`, or writes it when `BLESS` is set.
fn golden(name: &str, found: impl IntoIterator<Item = String>) {
    let found: String = found.into_iter().map(|line| line + "\n").collect();
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert!(found == expected, "{name} has changed; see the head of tests/audit.rs");
}

/// A few that a person can read.
fn chosen() -> Vec<Event> {
    let wanted = ["bound", "accepted", "rejected-wrong-code", "waiting", "offboarded", "refused"];
    let of_life = life().events;
    let one = |name: &&str| of_life.iter().find(|event| event.kind.name() == *name).cloned();
    let mut chosen: Vec<_> = wanted.iter().filter_map(one).collect();
    assert_eq!(chosen.len(), wanted.len());
    let mut helped = full();
    let reason = Reason::new("lost phone, passport seen").unwrap();
    helped.kind = EventKind::Reset { until: NOW.plus(86_400), reason };
    helped.actor = operator();
    let by_word = Actor::Host(HostsWord::Person(AccountId::new("boss").unwrap()));
    let reason = Reason::new("contract ended").unwrap();
    let mut left = Event::new(helped.account, NOW, EventKind::Offboarded { reason });
    left.actor = by_word;
    chosen.extend([full(), helped, left]);
    chosen
}

#[test]
fn the_formats_are_the_golden_ones() {
    let mut chain = Chain::default();
    golden("samples.jsonl", samples().iter().map(to_line));
    golden("chained.jsonl", life().events.iter().map(|event| chain.line(event)));
    golden("syslog.txt", chosen().iter().map(|event| syslog(event, &origin())));
    golden("cef.txt", chosen().iter().map(|event| cef(event, &origin())));
    let pretty = |event: &Event| {
        let found: Value = serde_json::from_str(&ocsf(event, &origin())).unwrap();
        serde_json::to_string_pretty(&found).unwrap()
    };
    golden("ocsf.txt", chosen().iter().map(pretty));
}

/// PRI, the header's words, the parameters of the one element, and the rest: RFC 5424 section 6.
fn read_syslog(message: &str) -> (u8, Vec<String>, String, BTreeMap<String, String>, String) {
    let (pri, rest) = message.strip_prefix('<').unwrap().split_once('>').unwrap();
    let words: Vec<_> = rest.splitn(7, ' ').map(str::to_owned).collect();
    let [header @ .., rest] = &words[..] else { panic!("{message}") };
    let mut rest = rest.strip_prefix('[').unwrap();
    let end = rest.find(' ').unwrap();
    let id = rest[..end].to_owned();
    rest = &rest[end..];
    let mut found = BTreeMap::new();
    while let Some(next) = rest.strip_prefix(' ') {
        let (name, value) = next.split_once("=\"").unwrap();
        assert!((1..=32).contains(&name.len()), "{name}");
        assert!(name.chars().all(|c| c.is_ascii_graphic() && !"=]\"".contains(c)), "{name}");
        let (mut text, mut characters) = (String::new(), value.char_indices());
        loop {
            match characters.next().unwrap() {
                (at, '"') => break rest = &value[at + 1..],
                (_, '\\') => text.push(characters.next().unwrap().1),
                (_, ']') => panic!("it ends early: {message}"),
                (_, character) => text.push(character),
            }
        }
        assert!(found.insert(name.to_owned(), text).is_none(), "{name} is there twice");
    }
    (pri.parse().unwrap(), header.to_vec(), id, found, rest.strip_prefix("] ").unwrap().into())
}

/// The seven fields of the header, and the pairs: a key ends at an `=` without a backslash before it.
fn read_cef(line: &str) -> (Vec<String>, BTreeMap<String, String>) {
    let (mut fields, mut field) = (Vec::new(), String::new());
    let mut characters = line.char_indices();
    let mut extension = "";
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => field.push(characters.next().unwrap().1),
            '|' => fields.push(std::mem::take(&mut field)),
            _ => field.push(character),
        }
        if fields.len() == 7 {
            extension = &line[at + 1..];
            break;
        }
    }
    let mut tokens = vec![String::new()];
    let mut characters = extension.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => tokens.last_mut().unwrap().push(match characters.next().unwrap() {
                'n' => '\n',
                'r' => '\r',
                other => other,
            }),
            '=' => tokens.push(String::new()),
            _ => tokens.last_mut().unwrap().push(character),
        }
    }
    let mut pairs = BTreeMap::new();
    let mut key = tokens[0].clone();
    for (place, token) in tokens.iter().enumerate().skip(1) {
        let is_last = place + 1 == tokens.len();
        let (value, next) =
            if is_last { (token.as_str(), "") } else { token.rsplit_once(' ').unwrap() };
        assert!(pairs.insert(std::mem::replace(&mut key, next.into()), value.into()).is_none());
    }
    (fields, pairs)
}

/// Every sample in every format: it parses, and says the same.
#[test]
fn every_event_is_in_every_format() {
    for event in samples().into_iter().chain(life().events) {
        let (name, account) = (event.kind.name(), event.account.to_string());
        let (pri, header, id, found, message) = read_syslog(&syslog(&event, &origin()));
        assert_eq!(pri / 8, 10);
        let expected = match severity(&event) {
            Severity::Info => 6,
            Severity::Notice => 5,
            Severity::Warning => 4,
            Severity::Alert => 1,
        };
        assert_eq!(pri % 8, expected);
        assert_eq!(header[0], "1");
        assert_eq!(header[2..], ["db1.example.com", "acme-billing", "-", name]);
        assert!(name.len() <= 32, "MSGID");
        assert_eq!(id, "countersign@32473");
        assert_eq!((&found["account"], &found["time"]), (&account, &header[1]));
        assert_eq!(message, format!("{name} of account {account}"));

        let (fields, pairs) = read_cef(&cef(&event, &origin()));
        assert_eq!(fields[..3], ["CEF:0", "countersign", "countersign"]);
        assert_eq!(fields[4..6], [name, name]);
        assert!(fields[6].parse::<u8>().unwrap() <= 10);
        assert_eq!((&pairs["duid"], &pairs["cs2"]), (&account, &found["actor"]));

        let found: Value = serde_json::from_str(&ocsf(&event, &origin())).unwrap();
        assert_is_ocsf(&found);
        assert_eq!(found["unmapped"]["name"], name);
    }
}

/// The attributes that OCSF 1.7.0 requires, and how the numbers hang together.
fn assert_is_ocsf(found: &Value) {
    let number = |name: &str| found[name].as_u64().unwrap_or_else(|| panic!("{name}: {found}"));
    let activities: &[u64] = match number("class_uid") {
        3001 => &[5, 9, 10, 11, 12, 99],
        3002 => &[1, 6, 99],
        other => panic!("class {other}"),
    };
    assert_eq!(number("category_uid"), 3);
    assert!(activities.contains(&number("activity_id")));
    assert_eq!(number("type_uid"), number("class_uid") * 100 + number("activity_id"));
    assert!((1..=4).contains(&number("severity_id")));
    let status = ["", "Success", "Failure"][usize::try_from(number("status_id")).unwrap()];
    assert_eq!(found["status"], status);
    assert_eq!(number("time"), found["unmapped"]["at"].as_u64().unwrap() * 1000);
    assert_eq!(found["metadata"]["version"], "1.7.0");
    assert!(found["metadata"]["product"]["name"].is_string());
    assert!(found["user"]["uid"].is_string());
    // Authentication: at least one of service and dst_endpoint.
    assert_eq!(found["service"]["name"].is_string(), number("class_uid") == 3002);
    for factor in found["auth_factors"].as_array().into_iter().flatten() {
        assert!(factor["factor_type_id"].is_u64());
    }
    fn has_null(value: &Value) -> bool {
        match value {
            Value::Object(object) => object.values().any(has_null),
            Value::Array(values) => values.iter().any(has_null),
            other => other.is_null(),
        }
    }
    assert!(!has_null(found), "{found}");
}

#[test]
fn who_acted_is_named() {
    let boss = AccountId::new("boss").unwrap().to_string();
    let event = |actor| with(full(), |event| event.actor = actor);
    let suid = |event: &Event| read_cef(&cef(event, &origin())).1.remove("suid");
    let actor = |event: &Event| {
        serde_json::from_str::<Value>(&ocsf(event, &origin())).unwrap()["actor"].clone()
    };
    let by_operator = event(operator());
    assert_eq!(suid(&by_operator), Some(boss.clone()));
    assert_eq!(actor(&by_operator)["user"]["uid"], boss);
    let by_subject = event(Actor::Subject);
    assert_eq!(suid(&by_subject), Some(by_subject.account.to_string()));
    assert_eq!(actor(&by_subject)["user"]["uid"], by_subject.account.to_string());
    let by_person = event(Actor::Host(HostsWord::Person(AccountId::new("boss").unwrap())));
    assert_eq!(suid(&by_person), Some(boss.clone()));
    assert_eq!(actor(&by_person)["user"]["uid"], boss);
    assert_eq!(actor(&by_person)["app_name"], "acme-billing");
    let by_process = event(Actor::Host(HostsWord::Process));
    assert_eq!(suid(&by_process), None);
    assert_eq!(actor(&by_process)["app_name"], "acme-billing");
    let unproven = event(Actor::Unproven);
    assert_eq!((suid(&unproven), actor(&unproven)), (None, Value::Null));
}

/// What the trail says of an operator is enough to ask the right person: who, with which device, by which
/// method, and on what ground.
#[test]
fn every_format_says_how_an_operator_was_believed() {
    let event = with(full(), |event| event.actor = operator());
    let word = "role help-desk, ticket 4711";
    let device = DeviceId::from_u64(0xb055).to_string();
    let (.., found, _) = read_syslog(&syslog(&event, &origin()));
    let of = |name: &str| found[&format!("actor_detail.{name}")].clone();
    assert_eq!((found["actor"].as_str(), of("account")), ("operator", "626f7373".into()));
    assert_eq!(
        (of("device"), of("method"), of("word")),
        (device.clone(), "totp".into(), word.into())
    );

    let (_, pairs) = read_cef(&cef(&event, &origin()));
    assert_eq!((pairs["suid"].as_str(), pairs["cs2"].as_str()), ("626f7373", "operator"));
    assert_eq!(pairs["flexString1"], format!("method: totp, device: {device}"));
    assert_eq!(pairs["flexString2"], word);

    let found: Value = serde_json::from_str(&ocsf(&event, &origin())).unwrap();
    assert_eq!(found["actor"]["authorizations"][0]["policy"]["name"], word);
    let line: Value = serde_json::from_str(&to_line(&event)).unwrap();
    for found in [&line, &found["unmapped"]] {
        assert_eq!(found["actor"], "operator");
        let detail = &found["actor_detail"];
        assert_eq!(
            (&detail["account"], &detail["device"]),
            (&"626f7373".into(), &device.clone().into())
        );
        assert_eq!((&detail["method"], &detail["word"]), (&"totp".into(), &word.into()));
    }
}

/// Nothing proved, a person on the host's word, the host's process and a proof: no two of them are told
/// in the same words.
#[test]
fn every_format_tells_a_proof_from_the_hosts_word_and_from_nothing() {
    let of = |said: &dyn Fn(&Event) -> String| {
        let events = actors().into_iter().map(|actor| with(full(), |event| event.actor = actor));
        events.map(|event| said(&event)).collect::<BTreeSet<_>>()
    };
    let who = |event: &Event| {
        let (.., mut found, _) = read_syslog(&syslog(event, &origin()));
        found.retain(|name, _| name.starts_with("actor"));
        format!("{found:?}")
    };
    assert_eq!(of(&who).len(), actors().len());
    let who = |event: &Event| {
        let (_, mut pairs) = read_cef(&cef(event, &origin()));
        pairs.retain(|name, _| {
            ["suid", "cs2", "flexString1", "flexString2"].contains(&name.as_str())
        });
        format!("{pairs:?}")
    };
    assert_eq!(of(&who).len(), actors().len());
    let who = |event: &Event| {
        let found: Value = serde_json::from_str(&ocsf(event, &origin())).unwrap();
        let unmapped = &found["unmapped"];
        format!("{} {} {}", found["actor"], unmapped["actor"], unmapped["actor_detail"])
    };
    assert_eq!(of(&who).len(), actors().len());
}

/// As the assurance level of the proof: whoever counts sign-ins without a second factor finds these.
#[test]
fn a_trusted_browser_is_no_second_factor() {
    let is_mfa = |method| {
        let event = with(full(), |event| event.method = method);
        let found: Value = serde_json::from_str(&ocsf(&event, &origin())).unwrap();
        found["is_mfa"].as_bool().unwrap()
    };
    for method in Method::ALL {
        assert_eq!(is_mfa(Some(method)), method.rank() > 0, "{method:?}");
    }
    assert!(is_mfa(None)); // a wrong code names no device
}

/// ASVS 6.3.5: the right password with a wrong second factor is a warning, in every format.
#[test]
fn a_right_password_with_a_wrong_code_is_a_warning() {
    let event = full();
    assert_eq!(event.notice(), Some(Notice::SuspiciousAttempt));
    assert_eq!(severity(&event), Severity::Warning);
    let not_passed = with(event, |event| event.first_factor_passed = false);
    assert_eq!(severity(&not_passed), Severity::Notice);
}

#[test]
fn an_address_goes_where_addresses_go() {
    let from = |text: &str| with(full(), |event| event.source = Source::cleaned(text));
    let pairs = |text: &str| read_cef(&cef(&from(text), &origin())).1;
    assert_eq!(pairs("192.0.2.7")["src"], "192.0.2.7");
    assert_eq!(pairs("2001:db8::1")["c6a2"], "2001:db8::1");
    assert_eq!(pairs("Dana's phone")["cs1"], "Dana's phone");
    let endpoint = |text: &str| -> Value {
        let found: Value = serde_json::from_str(&ocsf(&from(text), &origin())).unwrap();
        found["src_endpoint"].clone()
    };
    assert_eq!(endpoint("192.0.2.7")["ip"], "192.0.2.7");
    assert_eq!(endpoint("Dana's phone")["name"], "Dana's phone");
}

/// A host's name is set up by the host, and still no header is broken by it.
#[test]
fn a_name_of_the_host_is_a_word() {
    let origin = Origin::new("db 1\n<34>1 forged", "\u{202e}", 1);
    let (_, header, id, ..) = read_syslog(&syslog(&full(), &origin));
    assert_eq!(header[2..4], ["db1<34>1forged", "-"]);
    assert_eq!(id, "countersign@1");
    let long = Origin::new(&"a".repeat(300), &"b".repeat(300), 1);
    let (_, header, ..) = read_syslog(&syslog(&full(), &long));
    assert_eq!((header[2].len(), header[3].len()), (255, 48));
}

/// RFC 5424 section 6.1: a receiver should take 2,048 bytes.
#[test]
fn the_longest_event_is_no_longer_than_receivers_take() {
    let quotes = |length: usize| "\"".repeat(length);
    let longest = with(full(), |event| {
        event.account = AccountId::new([b'a'; 64]).unwrap();
        event.actor = Actor::Operator {
            account: AccountId::new([b'b'; 64]).unwrap(),
            device: event.device,
            method: Method::RecoveryCode,
            word: Source::cleaned(&quotes(128)),
        };
        event.source = Source::cleaned(&quotes(128));
        event.kind = EventKind::Reset { until: NOW, reason: Reason::new(&quotes(200)).unwrap() };
        event.purpose = Some(AnyPurpose::Action(ActionName::new(&quotes(32)).unwrap()));
    });
    let (line, message) = (Chain::default().line(&longest), syslog(&longest, &origin()));
    assert!(line.len().max(message.len()) <= 2048, "{} and {}", line.len(), message.len());
}

/// Text of an attacker: what each format escapes, what ends a line somewhere, and beyond ASCII.
fn hostile() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "]",
        "\"",
        "\\",
        "|",
        "=",
        "\n",
        "\r",
        "\u{2028}",
        "\u{2029}",
        "\u{85}",
        "\0",
        "\u{1b}[2J",
        " suid=0 ",
        "\" admin=\"1",
        "] forged",
        "\\\"",
        "\\n",
        "}",
        ",\"v\":2",
        "é",
        "日",
        "a",
        " ",
        "\u{202e}",
        "\u{7f}",
        "<34>1 ",
    ]);
    prop::collection::vec(parts, 1..12).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_text_breaks_out_of_its_place(
        source in hostile(), action in hostile(), reason in hostile(), id in hostile(),
    ) {
        let account = AccountId::new(id.chars().take(12).collect::<String>()).unwrap();
        let cleaned = Reason::cleaned(&reason);
        let kind = cleaned.clone();
        let kind = kind.map_or(EventKind::Revoked, |reason| EventKind::Offboarded { reason });
        let mut event = Event::new(account, NOW, kind);
        let word = Source::cleaned(&reason);
        event.actor =
            Actor::Operator { account, device: None, method: Method::Totp, word: word.clone() };
        event.source = Source::cleaned(&source);
        let action: String = action.chars().take(8).collect();
        event.purpose = ActionName::cleaned(&action).map(AnyPurpose::Action);
        let origin = Origin::new(&source, &reason, 7);
        let (source, purpose) =
            (event.source.clone(), event.purpose.as_ref().map(ToString::to_string));
        let text = |text: Option<&String>| text.cloned();

        let line = to_line(&event);
        prop_assert_eq!(countersign_audit::from_line(&line).unwrap(), event.clone());
        let (_, header, id, found, _) = read_syslog(&syslog(&event, &origin));
        prop_assert_eq!(header.len(), 6);
        prop_assert_eq!(id, "countersign@7");
        prop_assert_eq!(text(found.get("source")), source.as_ref().map(ToString::to_string));
        let reason = cleaned.map(|reason| reason.to_string());
        prop_assert_eq!(text(found.get("kind_detail.reason")), reason.clone());
        let word = word.map(|word| word.to_string());
        prop_assert_eq!(text(found.get("actor_detail.word")), word.clone());
        let names = ["account", "actor", "actor_detail.account", "actor_detail.method",
            "actor_detail.word", "at", "first_factor_passed", "kind", "kind_detail.reason",
            "name", "purpose", "purpose_detail.value", "source", "time"];
        prop_assert!(found.keys().all(|name| names.contains(&name.as_str())), "{:?}", found);

        let (fields, pairs) = read_cef(&cef(&event, &origin));
        prop_assert_eq!(fields.len(), 7);
        prop_assert_eq!(pairs["duid"].clone(), account.to_string());
        prop_assert_eq!(text(pairs.get("cs1")), source.map(|source| source.to_string()));
        prop_assert_eq!(text(pairs.get("cs5")), purpose);
        prop_assert_eq!(text(pairs.get("cs6")), reason.map(|reason| format!("reason: {reason}")));
        prop_assert_eq!(pairs["suid"].clone(), account.to_string());
        prop_assert_eq!(text(pairs.get("flexString2")), word);

        let ocsf = ocsf(&event, &origin);
        let found: Value = serde_json::from_str(&ocsf).unwrap();
        assert_is_ocsf(&found);
        for one in [line, syslog(&event, &origin), cef(&event, &origin), ocsf] {
            let breaks = |c: char| c.is_control() || "\u{2028}\u{2029}".contains(c);
            prop_assert!(!one.contains(breaks), "{one:?}");
        }
    }
}
