//! What `summary` prints.

use countersign::account::odds_per_year;
use countersign::{Recommended, Summary};
use serde_json::Value;

use super::ZERO;

/// `Some` if a summary has a field of that name. What a device has is known once there is one.
pub fn is_field(name: &str) -> Option<()> {
    if name.starts_with("devices.") && name.split('.').count() == 3 {
        return Some(());
    }
    field(&Summary::default(), name).map(|_| ())
}

/// One field of a summary as text: the ones with names here, and any other by its name in JSON, a time
/// in seconds since the beginning of the scenario's time. `devices.P.drift` is the drift of device `P`.
pub fn field(summary: &Summary, name: &str) -> Option<String> {
    match name {
        "devices" => return Some(summary.confirmed().count().to_string()),
        "recovery-left" => return Some(summary.recovery_codes_left.to_string()),
        "standing" => return Some(summary.standing.name().to_owned()),
        "odds-per-year" => return Some(odds_per_year(&Recommended, summary).to_string()),
        "strongest" => {
            return Some(summary.strongest().map_or("none", |method| method.name()).to_owned());
        }
        _ => {}
    }
    let mut value = serde_json::to_value(summary).ok()?;
    for part in name.split('.') {
        value = match &mut value {
            Value::Array(devices) => {
                let mut named = devices.iter_mut().rev().filter(|one| one["label"] == part);
                named.next()?.take()
            }
            fields => fields.get_mut(part.replace('-', "_"))?.take(),
        };
    }
    let is_time = name.ends_with("until") || name.ends_with("-at");
    Some(match value {
        Value::Null => "none".to_owned(),
        Value::Number(number) => match number.as_i64().filter(|_| is_time) {
            Some(secs) => secs.saturating_sub_unsigned(ZERO.as_secs()).to_string(),
            None => number.to_string(),
        },
        Value::String(text) => text,
        Value::Bool(flag) => flag.to_string(),
        Value::Array(items) => items.len().to_string(),
        Value::Object(_) => return None,
    })
}
