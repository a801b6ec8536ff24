//! What every format says of the program that writes, and the time as text.
//!
//! Standard: RFC 5424 sections 6.2.4, 6.2.5 and 7.2.2 (host, program, enterprise number), RFC 3339.

use countersign::UnixTime;

/// Which program writes, as the host is set up.
/// ```
/// use countersign_audit::Origin;
/// // 32473 is the number for documentation (RFC 5612); yours is in IANA's list.
/// let origin = Origin::new("db1.example.com", "acme-billing", 32473);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    pub(crate) hostname: String,
    pub(crate) program: String,
    pub(crate) enterprise: u32,
}

impl Origin {
    /// Names the machine, the program, and the private enterprise number (IANA) under which a syslog
    /// receiver files the fields. Of both names only the visible ASCII characters are kept, at most 255
    /// and 48 of them, as RFC 5424 wants it; `-` if nothing is left.
    #[must_use]
    pub fn new(hostname: &str, program: &str, enterprise: u32) -> Origin {
        Origin { hostname: word(hostname, 255), program: word(program, 48), enterprise }
    }
}

/// PRINTUSASCII of RFC 5424, or its NILVALUE.
fn word(text: &str, most: usize) -> String {
    let word: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if word.is_empty() { "-".into() } else { word }
}

/// A character that ends a line for some reader, or does not show: it has no place in a flat format.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '\u{FEFF}')
}

/// What takes the place of an unsafe character.
pub(crate) const REPLACEMENT: char = '\u{FFFD}';

/// RFC 3339 in UTC, `2027-01-15T08:00:00Z`; `None` for a moment that no calendar has.
pub(crate) fn rfc3339(at: UnixTime) -> Option<String> {
    let at = jiff::Timestamp::from_second(i64::try_from(at.as_secs()).ok()?).ok()?;
    Some(at.to_string())
}
