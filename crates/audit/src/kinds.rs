//! What each kind of event means to those who watch: how much it matters, and which OCSF activity it is.
//!
//! Standard: RFC 5424 section 6.2.1 (severities), OCSF 1.7.0 (classes 3001 and 3002, their activities).
//!
//! A new kind takes one row here, one definition in `schema/event-v1.json` and one sample in
//! `tests/audit/samples.rs`; a test names what is missing. Until then it is a warning of the activity "other".

use countersign::Event;
use countersign::account::Notice;

/// How much an event matters to the person who watches.
/// ```
/// use countersign::account::EventKind;
/// use countersign::{AccountId, Event, UnixTime};
/// use countersign_audit::{Severity, severity};
/// // What wakes the person on call.
/// let kind = EventKind::RecoveryCodeClosed { left: 9 };
/// let event = Event::new(AccountId::new("42")?, UnixTime::from_secs(1_800_000_000), kind);
/// assert!(severity(&event) >= Severity::Alert);
/// # Ok::<(), countersign::account::AccountIdError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// An ordinary day. Syslog 6, CEF 1, OCSF 1.
    Info,
    /// Worth a look in a review. Syslog 5, CEF 3, OCSF 2.
    Notice,
    /// May be an attack, or help given. Syslog 4, CEF 6, OCSF 3.
    Warning,
    /// A factor is closed, or a token was stolen: look now. Syslog 1, CEF 8, OCSF 4.
    Alert,
}

impl Severity {
    pub(crate) const fn of_syslog(self) -> u8 {
        match self {
            Severity::Info => 6,
            Severity::Notice => 5,
            Severity::Warning => 4,
            Severity::Alert => 1,
        }
    }

    pub(crate) const fn of_cef(self) -> u8 {
        match self {
            Severity::Info => 1,
            Severity::Notice => 3,
            Severity::Warning => 6,
            Severity::Alert => 8,
        }
    }

    pub(crate) const fn of_ocsf(self) -> (u8, &'static str) {
        match self {
            Severity::Info => (1, "Informational"),
            Severity::Notice => (2, "Low"),
            Severity::Warning => (3, "Medium"),
            Severity::Alert => (4, "High"),
        }
    }
}

/// Returns how much an event matters: by its kind, and a warning where the right password came with a
/// wrong second factor (ASVS 6.3.5).
#[must_use]
pub fn severity(event: &Event) -> Severity {
    let of_kind = row(event).severity;
    match event.notice() {
        Some(Notice::SuspiciousAttempt) => of_kind.max(Severity::Warning),
        _ => of_kind,
    }
}

/// An activity of one of the two OCSF classes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Activity {
    // Authentication, 3002.
    Logon,
    Preauth,
    OtherAuthentication,
    // Account Change, 3001.
    Disable,
    Lock,
    FactorEnable,
    FactorDisable,
    Unlock,
    OtherChange,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The kind's name; that of all rejections is `rejected`.
    pub(crate) kind: &'static str,
    pub(crate) severity: Severity,
    pub(crate) activity: Activity,
    pub(crate) failed: bool,
}

const fn done(kind: &'static str, severity: Severity, activity: Activity) -> Row {
    Row { kind, severity, activity, failed: false }
}

const fn failed(kind: &'static str, severity: Severity, activity: Activity) -> Row {
    Row { kind, severity, activity, failed: true }
}

pub(crate) const ROWS: [Row; 33] = {
    use Activity::{
        Disable, FactorDisable, FactorEnable, Lock, Logon, OtherAuthentication, OtherChange,
        Preauth, Unlock,
    };
    use Severity::{Alert, Info, Notice, Warning};
    [
        done("abandoned", Warning, FactorDisable),
        done("accepted", Info, Logon),
        done("bound", Notice, FactorEnable),
        done("browser-distrusted", Notice, OtherChange),
        done("browser-forgotten", Info, OtherChange),
        done("browser-remembered", Notice, OtherChange),
        done("browser-trusted", Notice, OtherChange),
        done("challenge-issued", Info, Preauth),
        done("clock-went-back", Warning, OtherChange),
        done("closed-to-strangers", Warning, Lock),
        failed("contended", Warning, OtherAuthentication),
        done("disabled", Alert, Lock),
        done("emergency-granted", Warning, OtherChange),
        done("enrolment-started", Info, OtherChange),
        done("forgiven", Notice, Unlock),
        done("imported", Notice, FactorEnable),
        done("invited", Notice, OtherChange),
        failed("malformed", Info, Logon),
        done("offboarded", Notice, Disable),
        done("pass-ended", Notice, OtherChange),
        done("recovery-code-closed", Alert, FactorDisable),
        done("recovery-code-spent", Notice, OtherAuthentication),
        done("recovery-codes-issued", Notice, FactorEnable),
        done("recovery-codes-seen", Info, OtherChange),
        failed("refused", Notice, OtherChange),
        failed("rejected", Notice, Logon),
        done("reported-lost", Warning, FactorDisable),
        done("resealed", Info, OtherChange),
        done("reset", Warning, FactorDisable),
        done("resynchronised", Notice, OtherChange),
        done("revoked", Notice, FactorDisable),
        failed("trusted-token-reused", Alert, Logon),
        failed("waiting", Notice, Logon),
    ]
};

/// A kind that has no row yet.
const UNKNOWN: Row = done("", Severity::Warning, Activity::OtherChange);

pub(crate) fn row(event: &Event) -> Row {
    let name = event.kind.name();
    let kind = if name.starts_with("rejected-") { "rejected" } else { name };
    ROWS.into_iter().find(|row| row.kind == kind).unwrap_or(UNKNOWN)
}
