//! An event as a line of the Common Event Format.
//!
//! Standard: ArcSight Common Event Format, version 0 (header, extension, their escapes, the dictionary of
//! keys).

use std::net::IpAddr;

use countersign::Event;
use countersign::account::{Actor, HostsWord};

use crate::kinds::{row, severity};
use crate::line::pairs;
use crate::origin::{Origin, REPLACEMENT, is_unsafe};

/// Writes an event as one line of CEF, without a syslog header before it.
///
/// `duid` is the account, `suid` who acted, `act` the kind, `externalId` the place in the history; what the
/// dictionary has no key for is in the labelled `cs1` to `cs6`, and the source in `src` or `c6a2` if it
/// is an address. `cs2` says whether `suid` was proved; of an operator `flexString1` has the proof, and
/// `flexString2` the host's word.
/// ```
/// use countersign::account::EventKind;
/// use countersign::{AccountId, Event, UnixTime};
/// use countersign_audit::{Origin, cef};
/// let (id, at) = (AccountId::new("42")?, UnixTime::from_secs(1_800_000_000));
/// let origin = Origin::new("db1", "acme-billing", 32473);
/// let line = cef(&Event::new(id, at, EventKind::Malformed), &origin);
/// assert!(line.contains("|malformed|malformed|1|rt=1800000000000 "));
/// # Ok::<(), countersign::account::AccountIdError>(())
/// ```
#[must_use]
pub fn cef(event: &Event, origin: &Origin) -> String {
    let pairs = pairs(event);
    let (name, row) = (event.kind.name(), row(event));
    let found = |wanted: &str| {
        pairs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
    };
    let mut extension = Extension(String::new());
    extension.put("rt", &event.at.as_secs().saturating_mul(1000).to_string());
    extension.put("dvchost", &origin.hostname);
    extension.put("deviceProcessName", &origin.program);
    extension.put("act", row.kind);
    extension.put("outcome", if row.failed { "failure" } else { "success" });
    extension.put_found("reason", found("kind_detail.value"));
    extension.put("duid", &event.account.to_string());
    extension.put_found("suid", actor(event));
    if let Some(id) = event.id {
        extension.put("externalId", &format!("{}:{}:{}", id.account, id.version, id.index));
    }
    let source = event.source.as_ref().map(ToString::to_string);
    match source.as_deref().map(str::parse) {
        Some(Ok(IpAddr::V4(address))) => extension.put("src", &address.to_string()),
        Some(Ok(IpAddr::V6(address))) => {
            extension.labelled("c6a2", "Source IPv6 Address", Some(address.to_string()))
        }
        _ => extension.labelled("cs1", "source", source),
    }
    extension.labelled("cs2", "actor", found("actor"));
    extension.labelled("cs3", "method", found("method"));
    extension.labelled("cs4", "device", found("device"));
    extension.labelled("cs5", "purpose", event.purpose.as_ref().map(ToString::to_string));
    let details = pairs.iter().filter_map(|(name, value)| {
        let name = name.strip_prefix("kind_detail.")?;
        Some(format!("{name}: {value}"))
    });
    extension.labelled("cs6", "detail", joined(details));
    let proof = ["method", "device"].into_iter().filter_map(|name| {
        let value = found(&format!("actor_detail.{name}"))?;
        Some(format!("{name}: {value}"))
    });
    extension.labelled("flexString1", "operatorProof", joined(proof));
    extension.labelled("flexString2", "operatorWord", found("actor_detail.word"));
    extension.labelled("cn1", "firstFactorPassed", event.first_factor_passed.then(|| "1".into()));
    let version = header(env!("CARGO_PKG_VERSION"));
    let (name, severity) = (header(name), severity(event).of_cef());
    format!("CEF:0|countersign|countersign|{version}|{name}|{name}|{severity}|{}", extension.0)
}

fn joined(parts: impl Iterator<Item = String>) -> Option<String> {
    let all = parts.collect::<Vec<_>>().join(", ");
    Some(all).filter(|all| !all.is_empty())
}

/// Which person acted, with a proof or as the host says. None where nothing was proved: an
/// attacker acts on the account, and its owner did not.
pub(crate) fn actor(event: &Event) -> Option<String> {
    match &event.actor {
        Actor::Subject => Some(event.account.to_string()),
        Actor::Operator { account, .. } | Actor::Host(HostsWord::Person(account)) => {
            Some(account.to_string())
        }
        Actor::Host(HostsWord::Process) | Actor::Unproven => None,
    }
}

struct Extension(String);

impl Extension {
    fn put(&mut self, key: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(&format!("{key}={}", escaped(value)));
    }

    fn put_found(&mut self, key: &str, value: Option<String>) {
        if let Some(value) = value {
            self.put(key, &value);
        }
    }

    fn labelled(&mut self, key: &str, label: &str, value: Option<String>) {
        if let Some(value) = value {
            self.put(&format!("{key}Label"), label);
            self.put(key, &value);
        }
    }
}

/// A value of the extension: `\` and `=` behind a backslash, line breaks as `\n` and `\r`.
pub(crate) fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' | '=' => escaped.extend(['\\', character]),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            _ if is_unsafe(character) => escaped.push(REPLACEMENT),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// A field of the header: `\` and `|` behind a backslash, and one line.
pub(crate) fn header(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' | '|' => escaped.extend(['\\', character]),
            _ if is_unsafe(character) => escaped.push(REPLACEMENT),
            _ => escaped.push(character),
        }
    }
    escaped
}
