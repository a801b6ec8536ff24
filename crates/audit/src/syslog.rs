//! An event as a syslog message with structured data.
//!
//! Standard: RFC 5424 sections 6.2 (header), 6.3 (structured data, its escapes), 6.3.2 and 7.2.2 (names
//! with an enterprise number).
//!
//! Sends nothing. Over TCP and TLS a message is framed by its length (RFC 6587, RFC 5425), never by a line
//! break alone.

use countersign::Event;

use crate::kinds::severity;
use crate::line::pairs;
use crate::origin::{Origin, REPLACEMENT, is_unsafe, rfc3339};

/// `authpriv`: security and authorization messages that not everybody reads.
const FACILITY: u8 = 10;

/// Writes an event as one message of RFC 5424: each member is a parameter of `countersign@NUMBER`.
/// ```
/// use countersign::account::EventKind;
/// use countersign::{AccountId, Event, UnixTime};
/// use countersign_audit::{Origin, syslog};
/// let (id, at) = (AccountId::new("42")?, UnixTime::from_secs(1_800_000_000));
/// let origin = Origin::new("db1", "acme-billing", 32473);
/// let message = syslog(&Event::new(id, at, EventKind::Malformed), &origin);
/// let header = "<86>1 2027-01-15T08:00:00Z db1 acme-billing - malformed [countersign@32473 ";
/// assert!(message.starts_with(header));
/// # Ok::<(), countersign::account::AccountIdError>(())
/// ```
#[must_use]
pub fn syslog(event: &Event, origin: &Origin) -> String {
    let priority = FACILITY.saturating_mul(8).saturating_add(severity(event).of_syslog());
    let (time, name) = (rfc3339(event.at).unwrap_or("-".into()), event.kind.name());
    let Origin { hostname, program, enterprise } = origin;
    let mut message = format!("<{priority}>1 {time} {hostname} {program} - {name} ");
    message.push_str(&format!("[countersign@{enterprise}"));
    for (name, value) in pairs(event) {
        message.push_str(&format!(" {name}=\"{}\"", escaped(&value)));
    }
    message.push_str(&format!("] {name} of account {}", event.account));
    message
}

/// A PARAM-VALUE: `"`, `\` and `]` behind a backslash, and nothing that some reader takes for the end of
/// the message.
pub(crate) fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '"' | '\\' | ']' => escaped.extend(['\\', character]),
            _ if is_unsafe(character) => escaped.push(REPLACEMENT),
            _ => escaped.push(character),
        }
    }
    escaped
}
