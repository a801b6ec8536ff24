//! The plain words: account ids, labels, methods, devices, and the summary of one account, which is
//! for the host's columns and for reports. Nothing here is secret, nothing here decides.
//!
//! Standard: NIST SP 800-63B-4 sections 3.2.5 (what resists phishing: passkeys and PKI), 3.2.9
//! (restricted authenticators), 4.1 (the record of bound authenticators); CISA CPG 2.0 3.F (the
//! ranking).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::str::FromStr;

use crate::text::{Text, read_hex, serde_as_text, unit_error};
use crate::time::UnixTime;

/// The host's own number for one person: 1 to 64 opaque bytes, compared bytewise.
///
/// Take it from the primary key of the person's row. Never from a name or an address: two spellings
/// of one name are two ids, so the second spelling has a fresh failure budget or no factor at all
/// (CVE-2025-6004, CVE-2020-12812, CVE-2026-47203).
/// ```
/// use countersign::AccountId;
/// // From the primary key of the person's row, never from a name.
/// let id = AccountId::new(42_u64.to_be_bytes())?;
/// assert_eq!(id.as_bytes(), 42_u64.to_be_bytes());
/// assert_eq!(id.to_string().parse(), Ok(id)); // through a log and back
/// # Ok::<(), countersign::account::AccountIdError>(())
/// ```
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub struct AccountId {
    bytes: [u8; AccountId::MAX_LEN], // zero after `len`
    len: u8,
}

impl AccountId {
    /// The most bytes of an id.
    pub const MAX_LEN: usize = 64;

    /// Takes the bytes as they are.
    ///
    /// # Errors
    /// [`AccountIdError`] for no bytes, or more than 64.
    pub fn new(id: impl AsRef<[u8]>) -> Result<AccountId, AccountIdError> {
        let id = id.as_ref();
        let mut bytes = [0; Self::MAX_LEN];
        let len = u8::try_from(id.len()).map_err(|_| AccountIdError)?;
        match bytes.get_mut(..id.len()) {
            Some(place) if !id.is_empty() => place.copy_from_slice(id),
            _ => return Err(AccountIdError),
        }
        Ok(AccountId { bytes, len })
    }

    /// The bytes. Store them in a binary column: a collation that folds case or trims spaces makes
    /// two people one.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl Hash for AccountId {
    /// Of the bytes there are, not of their room.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for AccountId {
    /// In hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({self})")
    }
}

impl FromStr for AccountId {
    type Err = AccountIdError;

    /// Reads what `Display` prints.
    fn from_str(text: &str) -> Result<AccountId, AccountIdError> {
        let mut bytes = [0; Self::MAX_LEN];
        let len = read_hex(text, &mut bytes).ok_or(AccountIdError)?;
        AccountId::new(bytes.get(..len).unwrap_or_default())
    }
}

serde_as_text!(AccountId);

unit_error! {
    /// An account id has 1 to 64 bytes.
    /// ```
    /// use countersign::{account::AccountIdError, AccountId};
    /// // A row without a key is a fault of the host: it fails here, and no account is shared.
    /// assert_eq!(AccountId::new(""), Err(AccountIdError));
    /// assert_eq!("4g".parse::<AccountId>(), Err(AccountIdError));
    /// ```
    AccountIdError: "an account id has 1 to 64 bytes, as text two hexadecimal digits for each"
}

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
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename_all = "kebab-case")
)]
pub enum Method {
    /// Time-based codes (RFC 6238) of an authenticator app or token.
    Totp,
    /// Counter-based codes (RFC 4226) of a token.
    Hotp,
    /// A WebAuthn credential, verified by the host.
    Passkey,
    /// A certificate on a smart card or device, verified by the host.
    Pki,
    /// A code sent by SMS: restricted (NIST SP 800-63B-4 section 3.2.9), the last resort.
    Sms,
    /// A look-up secret: one of the recovery codes.
    RecoveryCode,
    /// Emergency access, granted by an operator for a limited time with a reason.
    Emergency,
}

impl Method {
    /// Every method, in the order of the enum.
    pub const ALL: [Method; 7] = [
        Method::Totp,
        Method::Hotp,
        Method::Passkey,
        Method::Pki,
        Method::Sms,
        Method::RecoveryCode,
        Method::Emergency,
    ];

    /// Its place in the ranking of CISA CPG 2.0 3.F, from 0 (no standing factor at all) over 1
    /// (SMS) and 2 (codes of an app or token) to 3 (WebAuthn and PKI).
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Method::Passkey | Method::Pki => 3,
            Method::Totp | Method::Hotp => 2,
            Method::Sms => 1,
            Method::RecoveryCode | Method::Emergency => 0,
        }
    }

    /// Whether an impostor's site cannot relay it (NIST SP 800-63B-4 section 3.2.5). A code that a
    /// person types is never phishing-resistant.
    #[must_use]
    pub const fn is_phishing_resistant(self) -> bool {
        matches!(self, Method::Passkey | Method::Pki)
    }

    /// Whether it is a restricted authenticator (NIST SP 800-63B-4 section 3.2.9).
    #[must_use]
    pub const fn is_restricted(self) -> bool {
        matches!(self, Method::Sms)
    }

    /// A short name for reports: `totp`, `hotp`, `passkey`, `pki`, `sms`, `recovery-code`,
    /// `emergency`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Method::Totp => "totp",
            Method::Hotp => "hotp",
            Method::Passkey => "passkey",
            Method::Pki => "pki",
            Method::Sms => "sms",
            Method::RecoveryCode => "recovery-code",
            Method::Emergency => "emergency",
        }
    }
}

/// The random number of one enrolled device. A device enrolled again is another device.
///
/// Serialised as its sixteen hexadecimal digits: many readers of JSON lose digits of such a number.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::DeviceId;
/// // In the button "remove this device" of a page, and back from it.
/// let button = phone.device.to_string();
/// assert_eq!(button.parse::<DeviceId>()?, phone.device);
/// assert_eq!(DeviceId::from_u64(phone.device.as_u64()), phone.device);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DeviceId(u64);

impl DeviceId {
    /// From the number that [`DeviceId::as_u64`] gave.
    #[must_use]
    pub const fn from_u64(id: u64) -> DeviceId {
        DeviceId(id)
    }

    /// The number, for a column or a form.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for DeviceId {
    type Err = DeviceIdError;

    /// Reads what `Display` prints, from a form for example.
    fn from_str(text: &str) -> Result<DeviceId, DeviceIdError> {
        let mut bytes = [0; 8];
        match read_hex(text, &mut bytes) {
            Some(8) => Ok(DeviceId(u64::from_be_bytes(bytes))),
            _ => Err(DeviceIdError),
        }
    }
}

serde_as_text!(DeviceId);

unit_error! {
    /// The text is not a device id: sixteen hexadecimal digits.
    /// ```
    /// use countersign::{account::DeviceIdError, DeviceId};
    /// // A form that was tampered with is a bad request.
    /// assert_eq!("phone".parse::<DeviceId>(), Err(DeviceIdError));
    /// assert_eq!(DeviceIdError.to_string(), "a device id is sixteen hexadecimal digits");
    /// ```
    DeviceIdError: "a device id is sixteen hexadecimal digits"
}

/// The status of a device. The only way back from `Disabled`, `Lost` or `Revoked` is a new device.
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
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename_all = "kebab-case")
)]
pub enum DeviceStatus {
    /// In use.
    Confirmed,
    /// Too many consecutive failures (NIST SP 800-63B-4 section 3.2.2); time does not undo it.
    Disabled,
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
    /// Remembered drift in time steps, -2 to 2; 0 for other methods.
    pub drift: i8,
    /// The clock error in time steps that a resynchronisation found; 0 for other methods.
    pub clock_offset: i16,
    /// Whether its secret is below the 128 bits of RFC 4226 R6: plan its replacement.
    pub short_secret: bool,
    /// Whether it was brought over from another system.
    pub imported: bool,
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
/// let ThrottleSummary { consecutive_failures, disabled, .. } = summary.codes;
/// assert_eq!((consecutive_failures, disabled), (1, false));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct ThrottleSummary {
    /// Failures since the last success.
    pub consecutive_failures: u16,
    /// Nothing is evaluated before this moment.
    pub waiting_until: Option<UnixTime>,
    /// Whether the class was disabled by failures and waits for a new binding.
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
    /// Devices, bound ones and, for as long as they are remembered, former ones.
    pub devices: Vec<DeviceSummary>,
    /// Until when a started enrolment can be confirmed.
    pub pending_until: Option<UnixTime>,
    /// Unspent recovery codes.
    pub recovery_codes_left: u8,
    /// Whether a recovery code was spent since the set was issued: a new set is due (NIST SP
    /// 800-63B-4 section 4.2.1.1).
    pub recovery_replacement_due: bool,
    /// Codes of apps and tokens.
    pub codes: ThrottleSummary,
    /// Recovery codes.
    pub recovery: ThrottleSummary,
    /// SMS codes.
    pub out_of_band: ThrottleSummary,
    /// Passkeys and PKI.
    pub external: ThrottleSummary,
    /// Until when emergency access is granted.
    pub emergency_until: Option<UnixTime>,
}

impl Summary {
    /// The devices in use.
    pub fn confirmed(&self) -> impl Iterator<Item = &DeviceSummary> {
        self.devices.iter().filter(|device| device.status == DeviceStatus::Confirmed)
    }

    /// The strongest method in use, by [`Method::rank`].
    #[must_use]
    pub fn strongest(&self) -> Option<Method> {
        self.confirmed().map(|device| device.method).max_by_key(|method| method.rank())
    }

    /// When any device was last accepted here.
    #[must_use]
    pub fn last_used(&self) -> Option<UnixTime> {
        self.devices.iter().filter_map(|device| device.last_used).max()
    }
}
