//! One event as one line of JSON, and back.
//!
//! Standard: RFC 8259 (JSON), JSON Lines; the schema is `schema/event-v1.json`.
//!
//! A line has one spelling: `v` first, the other members sorted by name, `prev` and `hash` last, no blanks,
//! nothing that is empty. So two programs hash the same bytes, and a verifier sees a member that was added
//! or written twice. No member is now a text and now an object, because a pipeline that meets both drops
//! one of them: the root's `{"rejected":"wrong-code"}` is `"kind":"rejected"` and
//! `"kind_detail":{"value":"wrong-code"}`.

use std::collections::BTreeMap;
use std::fmt;

use countersign::Event;
use serde_json::{Map, Value};

use crate::chain::LineHash;
use crate::origin::rfc3339;

/// The version of the schema.
const VERSION: u64 = 1;

/// The members that are enums in [`Event`].
const ENUMS: [&str; 3] = ["actor", "kind", "purpose"];

/// The members of a line but `v`, `prev` and `hash`, in their order.
pub(crate) type Members = BTreeMap<String, Value>;

/// Writes an event as one line, without a line break.
/// ```
/// use countersign::account::EventKind;
/// use countersign::{AccountId, Event, UnixTime};
/// use countersign_audit::{from_line, to_line};
/// let (id, at) = (AccountId::new("42")?, UnixTime::from_secs(1_800_000_000));
/// let event = Event::new(id, at, EventKind::Forgiven { class: countersign::account::Class::Codes });
/// let line = to_line(&event);
/// assert!(line.starts_with(r#"{"v":1,"account":"3432","actor":"unproven","at":1800000000,"#));
/// assert_eq!(from_line(&line)?, event);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn to_line(event: &Event) -> String {
    let mut line = open_line(event);
    line.push('}');
    line
}

/// Reads a line back. Takes its members in any order, with blanks between them; `prev` and `hash` are
/// for the [`Verifier`](crate::Verifier), and only read.
///
/// # Errors
/// [`LineError`]: it is no line of this schema, or says two things.
pub fn from_line(line: &str) -> Result<Event, LineError> {
    parsed(line).map(|parsed| parsed.event)
}

/// Why a line was not read.
/// ```
/// use countersign_audit::{LineError, from_line};
/// // A trail of a later release is not half understood.
/// assert!(matches!(from_line(r#"{"v":2}"#), Err(LineError::Version(Some(2)))));
/// assert_eq!(from_line("{}").unwrap_err().to_string(), "the line has no version");
/// ```
#[derive(Debug)]
pub enum LineError {
    /// The text is not one JSON object.
    NotAnObject,
    /// Another version of the schema, or none.
    Version(Option<u64>),
    /// The members make no event of this release.
    NotAnEvent(serde_json::Error),
    /// The member is not what the event says: `name` or `time` was changed, or it is no member.
    Differs(String),
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LineError::NotAnObject => f.write_str("the line is not one JSON object"),
            LineError::Version(None) => f.write_str("the line has no version"),
            LineError::Version(Some(version)) => {
                write!(f, "the line has version {version}, and this release reads {VERSION}")
            }
            LineError::NotAnEvent(error) => write!(f, "the line is no event: {error}"),
            LineError::Differs(member) => {
                write!(f, "the member {member:?} does not agree with the event")
            }
        }
    }
}

impl std::error::Error for LineError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LineError::NotAnEvent(error) => Some(error),
            _ => None,
        }
    }
}

/// A line that was read.
pub(crate) struct Parsed {
    pub(crate) event: Event,
    pub(crate) prev: Option<LineHash>,
    pub(crate) hash: Option<LineHash>,
}

pub(crate) fn parsed(line: &str) -> Result<Parsed, LineError> {
    let Ok(Value::Object(mut found)) = serde_json::from_str(line) else {
        return Err(LineError::NotAnObject);
    };
    let version = found.remove("v").and_then(|version| version.as_u64());
    if version != Some(VERSION) {
        return Err(LineError::Version(version));
    }
    let (prev, hash) = (hash_of(&mut found, "prev")?, hash_of(&mut found, "hash")?);
    let found: Members = found.into_iter().collect();
    let event = event_of(found.clone()).map_err(LineError::NotAnEvent)?;
    let again = members(&event);
    let differs = |name: &&String| found.get(*name) != again.get(*name);
    if let Some(name) = found.keys().chain(again.keys()).find(differs) {
        return Err(LineError::Differs(name.clone()));
    }
    Ok(Parsed { event, prev, hash })
}

fn hash_of(found: &mut Map<String, Value>, name: &str) -> Result<Option<LineHash>, LineError> {
    let Some(hash) = found.remove(name) else { return Ok(None) };
    let hash = hash.as_str().and_then(|hash| hash.parse().ok());
    hash.map(Some).ok_or_else(|| LineError::Differs(name.into()))
}

/// The line up to its last brace.
pub(crate) fn open_line(event: &Event) -> String {
    let mut line = format!("{{\"v\":{VERSION}");
    for (name, value) in members(event) {
        line.push(',');
        write_text(&name, &mut line);
        line.push(':');
        write_value(&value, &mut line);
    }
    line
}

/// What a line says of an event, member by member.
pub(crate) fn members(event: &Event) -> Members {
    // An event serialises: it has no map with other keys than texts, and no number that JSON lacks.
    let Ok(Value::Object(of_event)) = serde_json::to_value(event) else { return Members::new() };
    let mut members = Members::new();
    for (name, value) in of_event {
        match without_nulls(value) {
            None => {}
            Some(Value::Object(id)) if name == "id" => members.extend(id),
            Some(value) if ENUMS.contains(&name.as_str()) => {
                let (tag, detail) = split(value);
                if let Some(detail) = detail {
                    members.insert(format!("{name}_detail"), detail);
                }
                members.insert(name, tag);
            }
            Some(value) => {
                members.insert(name, value);
            }
        }
    }
    members.insert("name".into(), event.kind.name().into());
    members.extend(rfc3339(event.at).map(|time| ("time".into(), time.into())));
    members
}

fn event_of(mut members: Members) -> Result<Event, serde_json::Error> {
    let mut event = Map::new();
    for name in ENUMS {
        let detail = members.remove(&format!("{name}_detail"));
        if let Some(tag) = members.remove(name) {
            event.insert(name.into(), joined(tag, detail));
        }
    }
    let mut id = Map::new();
    for name in ["version", "index"] {
        id.extend(members.remove(name).map(|value| (name.into(), value)));
    }
    if !id.is_empty() {
        id.extend(members.get("account").map(|account| ("account".into(), account.clone())));
        event.insert("id".into(), Value::Object(id));
    }
    event.extend(members);
    serde_json::from_value(Value::Object(event))
}

/// Splits what serde makes of an enum's value into its name and the rest: `"a"`, `{"a":"b"}` or
/// `{"a":{…}}`.
fn split(value: Value) -> (Value, Option<Value>) {
    let Value::Object(object) = value else { return (value, None) };
    match object.into_iter().next() {
        Some((tag, rest @ Value::Object(_))) => (tag.into(), Some(rest)),
        Some((tag, rest)) => {
            (tag.into(), Some(Value::Object(Map::from_iter([(VALUE.into(), rest)]))))
        }
        None => (Value::Null, None),
    }
}

/// Where a detail is no object.
const VALUE: &str = "value";

fn joined(tag: Value, detail: Option<Value>) -> Value {
    match (tag, detail) {
        (Value::String(tag), Some(Value::Object(mut detail))) => {
            let is_value = detail.len() == 1 && detail.contains_key(VALUE);
            let value = if is_value { detail.remove(VALUE) } else { None };
            Value::Object(Map::from_iter([(tag, value.unwrap_or(Value::Object(detail)))]))
        }
        (tag, _) => tag,
    }
}

fn without_nulls(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(object) => {
            let kept =
                object.into_iter().filter_map(|(name, value)| Some((name, without_nulls(value)?)));
            Some(Value::Object(kept.collect()))
        }
        other => Some(other),
    }
}

/// Writes with the members sorted, whatever features `serde_json` was built with.
fn write_value(value: &Value, line: &mut String) {
    match value {
        Value::String(text) => write_text(text, line),
        Value::Object(object) => {
            let sorted: BTreeMap<_, _> = object.iter().collect();
            for (place, (name, value)) in sorted.into_iter().enumerate() {
                line.push(if place == 0 { '{' } else { ',' });
                write_text(name, line);
                line.push(':');
                write_value(value, line);
            }
            line.push_str(if object.is_empty() { "{}" } else { "}" });
        }
        Value::Array(values) => {
            for (place, value) in values.iter().enumerate() {
                line.push(if place == 0 { '[' } else { ',' });
                write_value(value, line);
            }
            line.push_str(if values.is_empty() { "[]" } else { "]" });
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => line.push_str(&value.to_string()),
    }
}

/// Also escapes what JSON allows and some readers take for the end of a line.
pub(crate) fn write_text(text: &str, line: &mut String) {
    for character in Value::from(text).to_string().chars() {
        match character {
            '\u{7F}'..='\u{9F}' | '\u{2028}' | '\u{2029}' => {
                line.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            _ => line.push(character),
        }
    }
}

/// Every member as a name and a text, the details by their path: for formats of flat pairs.
pub(crate) fn pairs(event: &Event) -> Vec<(String, String)> {
    fn walk(path: &str, value: &Value, pairs: &mut Vec<(String, String)>) {
        match value {
            Value::Object(object) => {
                let sorted: BTreeMap<_, _> = object.iter().collect();
                for (name, value) in sorted {
                    walk(&format!("{path}.{name}"), value, pairs);
                }
            }
            Value::String(text) => pairs.push((path.into(), text.clone())),
            other => pairs.push((path.into(), other.to_string())),
        }
    }
    let mut pairs = Vec::new();
    members(event).iter().for_each(|(name, value)| walk(name, value, &mut pairs));
    pairs
}
