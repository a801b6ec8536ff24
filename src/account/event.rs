//! What happened, for the audit trail and for telling the person.
//!
//! Standard: 45 CFR 164.312(b) (audit controls), ASVS 16.3.1 (every attempt, success and failure)
//! and 16.2.5 (no credential in a log), NIST SP 800-63B-4 sections 4.1 (date, source) and 4.6
//! (what the subscriber must be told).
//!
//! The public answer to an attempt says little on purpose; the event says why. No event carries a
//! secret, a code, or the destination of one.

use core::fmt;

use crate::account::id::{AccountId, BrowserId, DeviceId, RecordName};
use crate::account::operator::HostsWord;
use crate::account::proof::{AnyPurpose, Refusal};
use crate::account::summary::{Method, PassKind, Reason};
use crate::account::throttle::Class;
use crate::named::named;
use crate::text::Text;
use crate::time::UnixTime;

/// Where a request came from, as the host knows it (an address, a device name): 1 to 128 bytes.
/// ```
/// use countersign::account::Source;
/// // As an event keeps the address that a request came from.
/// let source = Source::cleaned("192.0.2.7\n").expect("something is left");
/// assert_eq!(source.as_str(), "192.0.2.7");
/// ```
pub type Source = Text<128>;

/// One thing that happened to one account.
/// ```
/// use countersign::account::{EventKind, Notice};
/// use countersign::{AccountId, Event, UnixTime};
/// // In a store, beside the record: what to mail, and whose sessions to end.
/// let event = Event::new(AccountId::new("42")?, UnixTime::now()?, EventKind::ReportedLost);
/// assert_eq!(event.notice(), Some(Notice::FactorRemoved));
/// assert!(event.ends_sessions());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[non_exhaustive]
pub struct Event {
    /// Its place in the account's history. `None` if the attempt changed no state, as one that had to
    /// wait; those reach [`Store::note`](crate::Store::note) and may repeat without end.
    pub id: Option<EventId>,
    /// Whose account.
    pub account: AccountId,
    /// When, by the host's clock.
    pub at: UnixTime,
    /// Who did it.
    pub actor: Actor,
    /// From where, if the host said.
    pub source: Option<Source>,
    /// Whether the host said that the first factor was right. With
    /// [`EventKind::Rejected`] this is the alert of ASVS 6.3.5: right password, wrong second factor.
    pub first_factor_passed: bool,
    /// Which device.
    pub device: Option<DeviceId>,
    /// By which method.
    pub method: Option<Method>,
    /// What for.
    pub purpose: Option<AnyPurpose>,
    /// What happened.
    pub kind: EventKind,
}

/// The place of an event in an account's history: unique, and without holes as long as none was
/// lost or removed.
/// ```
/// use countersign::{account::EventId, AccountId};
/// // The key of the host's audit table, in the order in which things happened.
/// let first = EventId { account: AccountId::new("42")?, version: 1, index: 0 };
/// let second = EventId { index: 1, ..first };
/// assert!(first < second && second < EventId { version: 2, ..first });
/// # Ok::<(), countersign::account::AccountIdError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct EventId {
    /// Whose history.
    pub account: AccountId,
    /// The version of the record that was written with it.
    pub version: u64,
    /// Its index among the events of that version, from 0.
    pub index: u16,
}

/// Who did it, and why the library believes so: a proof, the host's word, or nothing.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{account::Actor, mfa::Decided, SignIn};
/// // A wrong code: the person, or an attacker.
/// let attempt = dana.verify(&phone.wrong_code(now), SignIn);
/// let decided = attempt.operation().decide(countersign::Store::load(&store, &id)?, None)?;
/// let Decided::Write(prepared) = decided else { panic!("a failure is written") };
/// assert_eq!(prepared.write().events()[0].actor, Actor::Unproven);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[allow(missing_docs)] // a variant says what its fields are
pub enum Actor {
    /// The host, on its word alone.
    Host(HostsWord),
    /// Another person: their own factor, and what the host said that it had checked
    /// ([`Operator::checked_by_host`](crate::account::Operator::checked_by_host)).
    Operator {
        account: AccountId,
        device: Option<DeviceId>,
        method: Method,
        word: Option<Text<128>>,
    },
    /// The person, with a factor or a proof of one.
    Subject,
    /// The person, or an attacker: nothing was proved.
    Unproven,
}

/// What happened.
/// ```
/// use countersign::account::{EventKind, RejectionReason};
/// // Which events the host's monitoring counts.
/// fn is_failure(kind: &EventKind) -> bool {
///     matches!(kind, EventKind::Rejected(_) | EventKind::Disabled { .. })
/// }
/// assert!(is_failure(&EventKind::Rejected(RejectionReason::Replayed)));
/// assert!(!is_failure(&EventKind::Malformed));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
#[allow(missing_docs)] // a variant says what its fields are
pub enum EventKind {
    /// A record that did not open was given up: which, and why. Only a pass opens the account.
    Abandoned { record: RecordName, reason: Reason },
    /// An attempt was accepted: the moving factor that matched, and for TOTP how many steps the
    /// device's clock was ahead of ours.
    Accepted { moving_factor: Option<u64>, drift: Option<i16> },
    /// A browser is no longer trusted: the person ended it, or its token came more than a minute after
    /// its successor was made.
    BrowserDistrusted { browser: BrowserId },
    /// A remembered browser is forgotten.
    BrowserForgotten { browser: BrowserId },
    /// A browser is remembered.
    BrowserRemembered { browser: BrowserId },
    /// A browser is trusted: its token takes the place of the second factor at sign-in.
    BrowserTrusted { browser: BrowserId },
    /// A device was bound. `replaces` names the one that was revoked in the same write.
    Bound { replaces: Option<DeviceId> },
    /// A code was made for sending, or asked for again; it can be answered until then.
    ChallengeIssued { until: UnixTime },
    /// The host's clock is more than a minute before the last write, by this many seconds.
    ClockWentBack { by: u64 },
    /// Too many failures in a row: the class is closed to unknown browsers.
    ClosedToStrangers { class: Class },
    /// Every try was decided and then lost its race against another write, `lost` times; nothing was
    /// answered, and the host said to try again later.
    Contended { lost: u64 },
    /// A hundred failures in a row: the class is closed to every browser (NIST SP 800-63B-4 section
    /// 3.2.2). No device or secret is lost.
    Disabled { class: Class },
    /// An operator issued an emergency pass, which can be entered until then.
    EmergencyGranted { until: UnixTime, reason: Reason },
    /// An enrolment was started; it can be confirmed until then.
    EnrolmentStarted { until: UnixTime },
    /// The failures of a class were forgiven.
    Forgiven { class: Class },
    /// A device was brought over from another system; a short secret is below 128 bits.
    Imported { short_secret: bool },
    /// An operator issued a pass to enrol with, which can be entered until then.
    Invited { until: UnixTime, reason: Reason },
    /// The typed text was not a code; nothing was counted.
    Malformed,
    /// The person was offboarded: nothing of theirs works any more.
    Offboarded { reason: Reason },
    /// A pass ended: which, why, and the operator who issued it, to be told if a stranger used up its tries.
    PassEnded { pass: PassKind, why: PassEnd, operator: AccountId },
    /// A hundred wrong codes named this recovery code, and it is closed; `left` are usable.
    RecoveryCodeClosed { left: u8 },
    /// A new set of `count` recovery codes was issued.
    RecoveryCodesIssued { count: u8 },
    /// The person has seen the recovery codes, which ends the set before them.
    RecoveryCodesSeen,
    /// A recovery code was spent; `left` are usable.
    RecoveryCodeSpent { left: u8 },
    /// A change was refused.
    Refused(Refusal),
    /// An attempt was not accepted.
    Rejected(RejectionReason),
    /// A device was reported lost.
    ReportedLost,
    /// The record was sealed anew with the newest key, and nothing else of it changed.
    Resealed,
    /// An operator reset the account: every factor is revoked. The pass can be entered until then.
    Reset { until: UnixTime, reason: Reason },
    /// A device was resynchronised; for TOTP its clock error in steps.
    Resynchronised { clock_offset: Option<i16> },
    /// A device was revoked.
    Revoked,
    /// Two hold tokens of one trusted browser, so one is a thief: the trust has ended.
    TrustedTokenReused { browser: BrowserId },
    /// An attempt came while the class had to wait until then; nothing was evaluated.
    Waiting { until: UnixTime },
}

named! {
    /// Why an attempt was not accepted. For the audit trail only.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = countersign::AccountId::new("42")?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::account::{EventKind, RejectionReason};
    /// use countersign::{mfa::Decided, SignIn};
    /// // The person reads "wrong code"; the trail says that there is no such account.
    /// let decided = dana.verify("123456", SignIn).operation().decide(None, None)?;
    /// let Decided::Answer { events, .. } = decided else { panic!("it wrote a record") };
    /// let unknown = EventKind::Rejected(RejectionReason::UnknownAccount);
    /// assert_eq!(events[0].kind, unknown);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
    #[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
    #[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
    #[non_exhaustive]
    pub enum RejectionReason {
        /// The enrolment is confirmed already, by this very code.
        AlreadyConfirmed = "rejected-already-confirmed",
        /// The class is closed, to unknown browsers or to all.
        Closed = "rejected-closed",
        /// What the code was for has expired or is gone.
        Expired = "rejected-expired",
        /// The host's own check of a passkey or certificate failed.
        HostCheckFailed = "rejected-host-check-failed",
        /// The person has no device for it.
        NoDevice = "rejected-no-device",
        /// The person was offboarded.
        Offboarded = "rejected-offboarded",
        /// The factor may not prove this purpose.
        NotPermitted = "rejected-not-permitted",
        /// The last accepted code of a device, or a recovery code spent within ten minutes, came again,
        /// as when a form is sent twice. Counted nowhere.
        Repeated = "rejected-repeated",
        /// The code was right and is used up (NIST SP 800-63B-4 section 3.1.4.2: duplicate use).
        Replayed = "rejected-replayed",
        /// There is no such account.
        UnknownAccount = "rejected-unknown-account",
        /// The code was wrong.
        WrongCode = "rejected-wrong-code",
        /// The sent code or the assertion was for another purpose.
        WrongPurpose = "rejected-wrong-purpose",
    }
    fn name;
}

/// Why a pass ended.
/// ```
/// use countersign::account::{EventKind, PassEnd};
/// // Whom the host mails besides the person: the operator, to hand over a long pass.
/// fn to_operator(kind: &EventKind) -> Option<String> {
///     match kind {
///         EventKind::PassEnded { why: PassEnd::TriesUsedUp, operator, .. } => {
///             Some(operator.to_string())
///         }
///         _ => None,
///     }
/// }
/// assert_eq!(to_operator(&EventKind::Malformed), None);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum PassEnd {
    /// A factor was bound, with this pass or otherwise.
    Bound,
    /// Its time was over. Written with the next write of the account, which may be much later.
    Expired,
    /// An operator issued another of its kind.
    Replaced,
    /// The person or an operator revoked it, or the account was reset or ended.
    Revoked,
    /// The person signed in with it.
    SignedIn,
    /// Its tries were used up: by a stranger, unless the person mistyped it.
    TriesUsedUp,
}

impl EventKind {
    /// A short name for columns and monitoring, with the reason of a rejection: `accepted`, `bound`,
    /// `rejected-wrong-code`.
    pub const fn name(&self) -> &'static str {
        match self {
            EventKind::Abandoned { .. } => "abandoned",
            EventKind::Accepted { .. } => "accepted",
            EventKind::BrowserDistrusted { .. } => "browser-distrusted",
            EventKind::BrowserForgotten { .. } => "browser-forgotten",
            EventKind::BrowserRemembered { .. } => "browser-remembered",
            EventKind::BrowserTrusted { .. } => "browser-trusted",
            EventKind::Bound { .. } => "bound",
            EventKind::ChallengeIssued { .. } => "challenge-issued",
            EventKind::ClockWentBack { .. } => "clock-went-back",
            EventKind::ClosedToStrangers { .. } => "closed-to-strangers",
            EventKind::Contended { .. } => "contended",
            EventKind::Disabled { .. } => "disabled",
            EventKind::EmergencyGranted { .. } => "emergency-granted",
            EventKind::EnrolmentStarted { .. } => "enrolment-started",
            EventKind::Forgiven { .. } => "forgiven",
            EventKind::Imported { .. } => "imported",
            EventKind::Invited { .. } => "invited",
            EventKind::Malformed => "malformed",
            EventKind::Offboarded { .. } => "offboarded",
            EventKind::PassEnded { .. } => "pass-ended",
            EventKind::RecoveryCodeClosed { .. } => "recovery-code-closed",
            EventKind::RecoveryCodesIssued { .. } => "recovery-codes-issued",
            EventKind::RecoveryCodesSeen => "recovery-codes-seen",
            EventKind::RecoveryCodeSpent { .. } => "recovery-code-spent",
            EventKind::Refused(_) => "refused",
            EventKind::Rejected(reason) => reason.name(),
            EventKind::ReportedLost => "reported-lost",
            EventKind::Resealed => "resealed",
            EventKind::Reset { .. } => "reset",
            EventKind::Resynchronised { .. } => "resynchronised",
            EventKind::Revoked => "revoked",
            EventKind::TrustedTokenReused { .. } => "trusted-token-reused",
            EventKind::Waiting { .. } => "waiting",
        }
    }
}

impl Event {
    /// Makes an event whose actor is the person, without a place in a history: for the tests of a store
    /// or an outbox. The library makes its own.
    #[must_use]
    pub const fn new(account: AccountId, at: UnixTime, kind: EventKind) -> Event {
        Event {
            id: None,
            account,
            at,
            actor: Actor::Unproven,
            source: None,
            first_factor_passed: false,
            device: None,
            method: None,
            purpose: None,
            kind,
        }
    }

    /// The minute of a note, counted from 1970. Keep at most one note for each account, minute and
    /// [kind](EventKind::name), such as by a unique key: an attacker can cause them without end.
    pub const fn minute(&self) -> u64 {
        self.at.as_secs() / 60
    }

    /// What the person must be told about it, through an address other than the session (NIST SP
    /// 800-63B-4 section 4.6); `None` if nothing.
    #[must_use]
    pub const fn notice(&self) -> Option<Notice> {
        match self.kind {
            EventKind::Bound { .. } | EventKind::Imported { .. } => Some(Notice::FactorAdded),
            EventKind::Revoked | EventKind::ReportedLost => Some(Notice::FactorRemoved),
            EventKind::RecoveryCodesIssued { .. } => Some(Notice::RecoveryCodesReplaced),
            EventKind::RecoveryCodeSpent { .. } => Some(Notice::RecoveryCodeUsed),
            EventKind::ClosedToStrangers { .. } => Some(Notice::ClosedToStrangers),
            EventKind::Disabled { .. } | EventKind::RecoveryCodeClosed { .. } => {
                Some(Notice::FactorDisabled)
            }
            EventKind::Forgiven { .. } => Some(Notice::FailuresForgiven),
            EventKind::BrowserDistrusted { .. } => Some(Notice::BrowserDistrusted),
            EventKind::BrowserRemembered { .. } => Some(Notice::BrowserRemembered),
            EventKind::BrowserTrusted { .. } => Some(Notice::BrowserTrusted),
            EventKind::TrustedTokenReused { .. } => Some(Notice::TrustedBrowserCopied),
            EventKind::Resynchronised { .. } => Some(Notice::DeviceResynchronised),
            EventKind::Abandoned { .. } | EventKind::Reset { .. } => Some(Notice::AccountReset),
            EventKind::EmergencyGranted { .. } => Some(Notice::EmergencyAccess),
            EventKind::Invited { .. } => Some(Notice::PassIssued),
            EventKind::Accepted { .. } if self.is_by_pass() => Some(Notice::PassUsed),
            // The other ends come with an event that has a notice.
            EventKind::PassEnded {
                why: PassEnd::Expired | PassEnd::Revoked | PassEnd::TriesUsedUp,
                ..
            } => Some(Notice::PassEnded),
            EventKind::Rejected(
                RejectionReason::HostCheckFailed
                | RejectionReason::Replayed
                | RejectionReason::WrongCode,
            ) if self.first_factor_passed => Some(Notice::SuspiciousAttempt),
            // No wildcard: a new kind does not compile until it is decided here whom to tell.
            EventKind::Accepted { .. }
            | EventKind::BrowserForgotten { .. }
            | EventKind::ChallengeIssued { .. }
            | EventKind::ClockWentBack { .. }
            | EventKind::Contended { .. }
            | EventKind::EnrolmentStarted { .. }
            | EventKind::Malformed
            | EventKind::Offboarded { .. }
            | EventKind::PassEnded { .. }
            | EventKind::RecoveryCodesSeen
            | EventKind::Refused(_)
            | EventKind::Rejected(_)
            | EventKind::Resealed
            | EventKind::Waiting { .. } => None,
        }
    }

    const fn is_by_pass(&self) -> bool {
        matches!(self.method, Some(Method::Emergency | Method::Pass))
    }

    /// Whether the host should end the person's other sessions (ASVS 7.4.2, 7.4.3).
    pub const fn ends_sessions(&self) -> bool {
        matches!(
            self.kind,
            EventKind::Abandoned { .. }
                | EventKind::Bound { .. }
                | EventKind::Revoked
                | EventKind::ReportedLost
                | EventKind::RecoveryCodesIssued { .. }
                | EventKind::Invited { .. }
                | EventKind::Reset { .. }
                | EventKind::Offboarded { .. }
                | EventKind::TrustedTokenReused { .. }
        )
    }
}

/// What a person must be told. The host writes the message and adds whom to contact if it was not
/// them.
/// ```
/// use countersign::account::{EventKind, Notice};
/// use countersign::{AccountId, Event, UnixTime};
/// // The first sentence of a mail.
/// let bound = EventKind::Bound { replaces: None };
/// let notice = Event::new(AccountId::new("42")?, UnixTime::now()?, bound).notice();
/// let text = notice.as_ref().map(Notice::to_string);
/// assert_eq!(text.as_deref(), Some("A sign-in factor was added to your account."));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Notice {
    /// An operator removed all factors.
    AccountReset,
    /// A browser is no longer trusted.
    BrowserDistrusted,
    /// A browser is remembered from now on.
    BrowserRemembered,
    /// A browser is trusted from now on: no code is asked for there.
    BrowserTrusted,
    /// After too many wrong codes, codes are taken from remembered browsers alone.
    ClosedToStrangers,
    /// A device was set right with two codes in a row.
    DeviceResynchronised,
    /// An operator issued a pass that signs in without a factor.
    EmergencyAccess,
    /// Failed attempts were forgiven.
    FailuresForgiven,
    /// A factor was added.
    FactorAdded,
    /// A factor was disabled after too many failures.
    FactorDisabled,
    /// A factor was removed.
    FactorRemoved,
    /// A pass ended unused.
    PassEnded,
    /// An operator issued a pass to enrol with.
    PassIssued,
    /// An operator's pass was used.
    PassUsed,
    /// A recovery code was used, and a new set is due.
    RecoveryCodeUsed,
    /// The recovery codes were replaced.
    RecoveryCodesReplaced,
    /// The right password came with a wrong or used code, or a passkey check that failed.
    SuspiciousAttempt,
    /// The token of a trusted browser was copied; the browser is no longer trusted.
    TrustedBrowserCopied,
}

impl fmt::Display for Notice {
    /// One sentence for the person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Notice::AccountReset => "Your sign-in factors were removed by an administrator.",
            Notice::BrowserDistrusted => {
                "A browser is no longer trusted: it asks for a code again."
            }
            Notice::BrowserRemembered => "A browser is now remembered for your account.",
            Notice::BrowserTrusted => {
                "A browser is now trusted to sign in to your account without a code."
            }
            Notice::ClosedToStrangers => {
                "After many wrong codes, codes work only from your remembered browsers."
            }
            Notice::DeviceResynchronised => "The clock of one of your devices was set right.",
            Notice::FailuresForgiven => "Failed attempts on your account were forgiven.",
            Notice::EmergencyAccess => {
                "An administrator issued a pass that opens your account without a factor."
            }
            Notice::FactorAdded => "A sign-in factor was added to your account.",
            Notice::FactorDisabled => "A sign-in factor was disabled after too many wrong codes.",
            Notice::FactorRemoved => "A sign-in factor was removed from your account.",
            Notice::PassEnded => "A pass for your account can no longer be used.",
            Notice::PassIssued => "An administrator issued a pass to set up a sign-in factor.",
            Notice::PassUsed => "A pass from an administrator was used for your account.",
            Notice::RecoveryCodeUsed => "One of your recovery codes was used.",
            Notice::RecoveryCodesReplaced => "Your recovery codes were replaced.",
            Notice::SuspiciousAttempt => "Your password was used with a wrong second factor.",
            Notice::TrustedBrowserCopied => {
                "The trust in one of your browsers was copied to another place, and has ended."
            }
        })
    }
}
