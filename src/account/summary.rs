//! Labels, methods, devices, standings, and the summary of one account, for the host's columns and for
//! reports. Nothing here is secret, and nothing here decides.
//!
//! Standard: NIST SP 800-63B-4 sections 3.2.5 (what resists phishing: passkeys and PKI), 3.2.9
//! (restricted authenticators), 4.1 (the record of bound authenticators); CISA CPG 2.0 3.F (the
//! ranking).

use alloc::{string::String, vec::Vec};

use crate::account::id::{BrowserId, DeviceId, KeyName};
use crate::named::named;
use crate::text::Text;
use crate::time::UnixTime;

/// What a person calls a device: 1 to 64 bytes.
/// ```
/// use countersign::account::Label;
/// // The form's field, before a device of another system is imported.
/// assert!(Label::new("Dana's phone").is_ok());
/// assert!(Label::new(&"a".repeat(65)).is_err());
/// ```
pub type Label = Text<64>;

/// Why an operator or the host did something: 1 to 200 bytes.
/// ```
/// use countersign::account::Reason;
/// // The help desk's form, before an operator types a code.
/// assert!(Reason::new("lost phone, passport seen").is_ok());
/// assert!(Reason::new(" ").is_err());
/// ```
pub type Reason = Text<200>;

/// The most apps and tokens that a person may have; each one's window adds to a guesser's odds.
pub const MAX_OTP_DEVICES: usize = 5;

/// The most passkeys and certificates that a person may have.
pub const MAX_EXTERNAL_DEVICES: usize = 8;

named! {
    /// How a person proves possession.
    /// ```
    /// use countersign::Method;
    /// // Which of the bound methods a report shows first, and which one it warns of.
    /// let strongest = [Method::Sms, Method::Passkey, Method::Totp].into_iter().max_by_key(|m| m.rank());
    /// assert_eq!(strongest.map(Method::name), Some("passkey"));
    /// assert!(!Method::Totp.is_phishing_resistant());
    /// assert!(Method::Sms.is_restricted());
    /// ```
    #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
    #[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
    #[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
    pub enum Method {
        /// Time-based codes (RFC 6238) of an authenticator app or token.
        Totp = "totp",
        /// Counter-based codes (RFC 4226) of a token.
        Hotp = "hotp",
        /// A WebAuthn credential, verified by the host.
        Passkey = "passkey",
        /// A certificate on a smart card or device, verified by the host.
        Pki = "pki",
        /// A code sent by SMS: restricted (NIST SP 800-63B-4 section 3.2.9), the last resort.
        Sms = "sms",
        /// A look-up secret: one of the recovery codes.
        RecoveryCode = "recovery-code",
        /// An emergency pass, from an operator, for one sign-in.
        Emergency = "emergency",
        /// An enrolment pass, from an operator: it binds a factor and does nothing else.
        Pass = "pass",
        /// The token of a trusted browser, in place of a factor: AAL1, and only for signing in.
        TrustedBrowser = "trusted-browser",
    }
    /// Every method, in the order of the enum.
    pub const ALL: 9;
    /// A short name for reports: `totp`, `hotp`, `passkey`, `pki`, `sms`, `recovery-code`,
    /// `emergency`, `pass`, `trusted-browser`.
    #[must_use]
    pub fn name;
}

impl Method {
    /// Its rank by CISA CPG 2.0 3.F: 3 for WebAuthn and PKI, 2 for codes of an app or token, 1 for SMS, 0
    /// for recovery codes and passes, which are not for daily use, and for trusted browsers.
    pub const fn rank(self) -> u8 {
        match self {
            Method::Passkey | Method::Pki => 3,
            Method::Totp | Method::Hotp => 2,
            Method::Sms => 1,
            Method::RecoveryCode | Method::Emergency | Method::Pass | Method::TrustedBrowser => 0,
        }
    }

    /// Whether an impostor's site cannot relay it (NIST SP 800-63B-4 section 3.2.5). A code that a
    /// person types is never phishing-resistant.
    pub const fn is_phishing_resistant(self) -> bool {
        matches!(self, Method::Passkey | Method::Pki)
    }

    /// Whether it is a restricted authenticator (NIST SP 800-63B-4 section 3.2.9).
    pub const fn is_restricted(self) -> bool {
        matches!(self, Method::Sms)
    }
}

/// What a pass is for. A person has at most one of each kind.
/// ```
/// use countersign::account::PassKind;
/// // What the host mails to the operator whose pass ended.
/// fn text(pass: PassKind) -> &'static str {
///     match pass {
///         PassKind::Emergency => "The emergency pass has ended.",
///         PassKind::Enrolment => "The pass to enrol with has ended.",
///     }
/// }
/// assert!(text(PassKind::Emergency).contains("emergency"));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum PassKind {
    /// One sign-in without a factor.
    Emergency,
    /// The binding of a factor where there is none.
    Enrolment,
}

impl PassKind {
    pub(crate) const ALL: [PassKind; 2] = [PassKind::Emergency, PassKind::Enrolment];

    pub(crate) const fn method(self) -> Method {
        match self {
            PassKind::Emergency => Method::Emergency,
            PassKind::Enrolment => Method::Pass,
        }
    }
}

/// The status of a device. The only way back from `Lost` or `Revoked` is a new device.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{account::DeviceStatus, SignIn};
/// let proof = dana.verify(&phone.code(now), SignIn).run(&store).accepted().ok_or("wrong code")?;
/// dana.report_lost(phone.device, proof).run(&store)?;
/// // The page of the person's devices says what became of it.
/// let summary = dana.summary().run(&store)?.ok_or("no record")?;
/// assert_eq!(summary.devices[0].status, DeviceStatus::Lost);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum DeviceStatus {
    /// In use.
    Confirmed,
    /// Reported lost, stolen or compromised.
    Lost,
    /// Removed, replaced or reset.
    Revoked,
}

/// One device of a [`Summary`].
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{account::DeviceSummary, Method};
/// // A line of the page "my devices".
/// let summary = dana.summary().run(&store)?.ok_or("no record")?;
/// let DeviceSummary { label, method, short_secret, .. } = &summary.devices[0];
/// assert_eq!((label.as_str(), *method, *short_secret), ("Phone", Method::Totp, false));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct DeviceSummary {
    /// Its number.
    pub id: DeviceId,
    /// What the person called it.
    pub label: String,
    /// Its method.
    pub method: Method,
    /// Its status.
    pub status: DeviceStatus,
    /// When it was bound, or imported.
    pub bound_at: UnixTime,
    /// When it was last accepted here.
    pub last_used: Option<UnixTime>,
    /// The remembered drift from `clock_offset` in time steps, -2 to 2; 0 for other methods.
    pub drift: i8,
    /// The clock error in time steps, positive if ahead, from two codes in a row or an import; else 0.
    pub clock_offset: i16,
    /// Whether its secret is below the 128 bits of RFC 4226 R6: plan its replacement.
    pub short_secret: bool,
    /// Whether it was brought over from another system.
    pub imported: bool,
    /// How many digits its codes have; `None` for what shows no code.
    pub digits: Option<u8>,
    /// A hash of its secret under a key of this deployment, in hexadecimal: two devices with one secret
    /// have one fingerprint. For a unique column, so that one secret is not bound to two people.
    pub fingerprint: Option<String>,
    /// Whether it was bound with the password alone: with neither a proof nor a pass, and not imported
    /// ([`FirstEnrolment::Open`](crate::account::FirstEnrolment::Open)).
    pub bound_openly: bool,
}

/// One remembered browser of a [`Summary`].
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{account::BrowserSummary, SignIn};
/// let proof = dana.verify(&phone.code(now), SignIn).run(&store).accepted().ok_or("wrong code")?;
/// let browser = dana.remember_browser(&proof, &mut rng).run(&store)?;
/// // A line of the page "my browsers".
/// let summary = dana.summary().run(&store)?.ok_or("no record")?;
/// assert_eq!(summary.browsers, [BrowserSummary { id: browser.id(), used_at: now }]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct BrowserSummary {
    /// Its number.
    pub id: BrowserId,
    /// When the person last succeeded from it, at first when it was remembered.
    pub used_at: UnixTime,
}

/// One trusted browser of a [`Summary`]: reduced assurance, until it ends.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::trusting()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{account::TrustedBrowserSummary, SignIn};
/// let proof = dana.verify(&phone.code(now), SignIn).run(&store).accepted().ok_or("wrong code")?;
/// let browser = dana.trust_browser(&proof, &mut rng).run(&store)?;
/// // A line of the page "my browsers".
/// let summary = dana.summary().run(&store)?.ok_or("no record")?;
/// let TrustedBrowserSummary { id, since, until, device, .. } = summary.trusted_browsers[0];
/// assert_eq!((id, since, until), (browser.id(), now, browser.until()));
/// assert_eq!(device, phone.device);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct TrustedBrowserSummary {
    /// Its number.
    pub id: BrowserId,
    /// When the factor behind it was proved.
    pub since: UnixTime,
    /// When the trust ends at the latest.
    pub until: UnixTime,
    /// When the person last signed in by it, at first when it was trusted.
    pub used_at: UnixTime,
    /// The device of the factor behind it.
    pub device: DeviceId,
}

/// What a person can do to get in from an unknown browser, and so what the sign-in page shows.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::account::Standing;
/// // No factor is never a reason to let a person in: the page after the password asks for this.
/// let page = match dana.standing().run(&store)? {
///     Standing::NeverEnrolled => "set up a factor",
///     Standing::Invited { .. } | Standing::Reset { .. } => "enter the pass, set up a factor",
///     Standing::Pending { .. } => "type the first code",
///     Standing::InUse => "type a code",
///     Standing::Waiting { .. } => "wait, or use a recovery code",
///     Standing::ClosedToStrangers => "use a recovery code, a passkey or your usual browser",
///     Standing::RecoveryCodesOnly => "use a recovery code",
///     Standing::OperatorOnly => "call the help desk",
///     Standing::Offboarded => "this account has ended",
///     _ => "try again later",
/// };
/// assert_eq!(page, "type a code");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
#[allow(missing_docs)] // a variant says what its fields are
pub enum Standing {
    /// No factor was ever bound: the person enrols one.
    #[default]
    NeverEnrolled,
    /// No factor was ever bound, and the person can enrol one with an operator's pass, until then.
    Invited { until: UnixTime },
    /// No factor can be used, and an enrolment waits for its first code, until then.
    Pending { until: UnixTime },
    /// A factor is in use and can be used now.
    InUse,
    /// From an unknown browser every factor in use has to wait; the first of them until then.
    Waiting { until: UnixTime },
    /// After too many failures in a row, codes are taken from remembered browsers alone. A success there
    /// opens them again, or [`unlock`](crate::mfa::AccountAt::unlock), or a new device.
    ClosedToStrangers,
    /// Every factor is lost or disabled, and recovery codes are left.
    RecoveryCodesOnly,
    /// No factor is left, and the person can enrol one with an operator's pass, until then.
    Reset { until: UnixTime },
    /// Nothing that the person has opens the account: only an operator can help.
    OperatorOnly,
    /// The person was offboarded.
    Offboarded,
}

impl Standing {
    /// A short name for reports: `never-enrolled`, `invited`, `pending`, `in-use`, `waiting`,
    /// `closed-to-strangers`, `recovery-codes-only`, `reset`, `operator-only`, `offboarded`.
    pub const fn name(&self) -> &'static str {
        match self {
            Standing::NeverEnrolled => "never-enrolled",
            Standing::Invited { .. } => "invited",
            Standing::Pending { .. } => "pending",
            Standing::InUse => "in-use",
            Standing::Waiting { .. } => "waiting",
            Standing::ClosedToStrangers => "closed-to-strangers",
            Standing::RecoveryCodesOnly => "recovery-codes-only",
            Standing::Reset { .. } => "reset",
            Standing::OperatorOnly => "operator-only",
            Standing::Offboarded => "offboarded",
        }
    }
}

/// The failure state of one class of methods in a [`Summary`].
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{account::ThrottleSummary, SignIn};
/// assert!(dana.verify(&phone.wrong_code(now), SignIn).run(&store).accepted().is_none());
/// // What the help desk sees before it asks what happened.
/// let summary = dana.summary().run(&store)?.ok_or("no record")?;
/// let ThrottleSummary { consecutive_failures, closed_to_strangers, .. } = summary.codes;
/// assert_eq!((consecutive_failures, closed_to_strangers), (1, false));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct ThrottleSummary {
    /// Failures from unknown browsers since the last success.
    pub consecutive_failures: u16,
    /// Failures from remembered browsers since the last success.
    pub remembered_failures: u16,
    /// The weight of the failures from unknown browsers in the last thirty days, 50 at most.
    pub weight: u64,
    /// Nothing from an unknown browser is evaluated before this moment.
    pub waiting_until: Option<UnixTime>,
    /// Whether nothing from an unknown browser is evaluated.
    pub closed_to_strangers: bool,
    /// Whether nothing is evaluated from any browser: 100 failures in a row (NIST SP 800-63B-4 section
    /// 3.2.2). [`unlock`](crate::mfa::AccountAt::unlock) or a new device ends it.
    pub disabled: bool,
}

/// What an account is, without a secret: for the host's own columns and for reports.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::Method;
/// // The host's own columns: who has which factor, and which sessions are too old.
/// let summary = dana.summary().run(&store)?.ok_or("no record")?;
/// assert_eq!(summary.strongest(), Some(Method::Totp));
/// assert_eq!(summary.recovery_codes_left, 10);
/// assert!(summary.epoch > 0); // a session from before the phone ends
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Summary {
    /// 0 at first, and raised by every change of factors; a session opened under a lower epoch should
    /// end.
    pub epoch: u32,
    /// When the first factor was confirmed, ever.
    pub first_bound_at: Option<UnixTime>,
    /// When the person was offboarded: nothing of theirs works since.
    pub offboarded_at: Option<UnixTime>,
    /// What the sign-in page shows.
    pub standing: Standing,
    /// The devices in use, and the last 16 former ones.
    pub devices: Vec<DeviceSummary>,
    /// Remembered browsers.
    pub browsers: Vec<BrowserSummary>,
    /// Trusted browsers: for each, signing in takes the password and a cookie.
    pub trusted_browsers: Vec<TrustedBrowserSummary>,
    /// Until when a started enrolment can be confirmed.
    pub pending_until: Option<UnixTime>,
    /// How many codes of the newest set are neither spent nor closed.
    pub recovery_codes_left: u8,
    /// Whether the person is known to have seen the recovery codes. If not, issue new ones.
    pub recovery_codes_seen: bool,
    /// Whether a recovery code was spent since the set was issued: a new set is due (NIST SP
    /// 800-63B-4 section 4.2.1.1).
    pub recovery_replacement_due: bool,
    /// Codes of apps and tokens.
    pub codes: ThrottleSummary,
    /// SMS codes.
    pub out_of_band: ThrottleSummary,
    /// Until when an emergency pass can be entered.
    pub emergency_until: Option<UnixTime>,
    /// The key that the record is sealed with: for a column, so that one query tells when no record
    /// needs an older key.
    pub sealed_with: Option<KeyName>,
}

impl Summary {
    /// The devices in use.
    pub fn confirmed(&self) -> impl Iterator<Item = &DeviceSummary> {
        self.devices.iter().filter(|device| device.status == DeviceStatus::Confirmed)
    }

    /// The strongest method in use, by [`Method::rank`].
    pub fn strongest(&self) -> Option<Method> {
        self.confirmed().map(|device| device.method).max_by_key(|method| method.rank())
    }

    /// When any device was last accepted here.
    pub fn last_used(&self) -> Option<UnixTime> {
        self.devices.iter().filter_map(|device| device.last_used).max()
    }
}
