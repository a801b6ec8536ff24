//! What there is: systems, people, and who has a login where.
//!
//! Standard: 45 CFR 164.308(a)(1)(ii)(A) (a risk analysis starts from a complete list), 164.312(a)
//! (2)(i) (one name or number per user); CISA CPG 2.0 3.F; NIST SP 800-63B-4 section 3.1.3.1 (email
//! is no out-of-band authenticator).
//!
//! Plain data. Field types refuse what no field may hold; what must hold *between* records is asked
//! where they come together, in `rollout`. Facts that forbid something (a shared login, an ended
//! employment, the privilege of an administrator) are values of a field that is always there, never
//! a flag or an entry that can be left out: losing a piece of data must not open a door.
//!
//! Email as a factor does not exist here: there is no method to write it with.

use std::fmt;

use countersign::account::{Text, TextError};
use countersign::{Method, UnixTime};

use crate::date::{Date, UtcOffset};

/// An identifier: 1 to 64 of `a`-`z`, `0`-`9`, `-`, `_`, `.`, with a letter or digit first. One
/// spelling only, so that nobody is two people to one table and one person to another.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 1 to 64 of `a`-`z`, `0`-`9`, `-`, `_` and `.`, with a letter or digit first; compared
        /// bytewise.
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize), serde(into = "String"))]
        pub struct $name(String);

        impl $name {
            /// Takes an identifier as it is; nothing is trimmed or folded.
            ///
            /// # Errors
            /// [`IdentifierError`] for anything else.
            pub fn new(text: &str) -> Result<$name, IdentifierError> {
                well_formed(text).map(|()| $name(String::from(text)))
            }

            /// The identifier.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

identifier! {
    /// Names one client of a billing company: another regulated entity.
    ClientId
}
identifier! {
    /// Names one gap in the register.
    GapId
}
identifier! {
    /// Names one person; never a role, a desk or a team.
    PersonId
}
identifier! {
    /// Names one system.
    SystemId
}

fn well_formed(text: &str) -> Result<(), IdentifierError> {
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let rest = text.bytes().all(|byte| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
    });
    if first && rest && text.len() <= 64 { Ok(()) } else { Err(IdentifierError) }
}

/// A text is no identifier.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IdentifierError;

impl fmt::Display for IdentifierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an identifier is 1 to 64 of a-z, 0-9, '-', '_', '.', a letter or digit first")
    }
}

impl std::error::Error for IdentifierError {}

/// One line that a person wrote: 1 to 500 characters, not only spaces. What a [`Text`] refuses is
/// refused, because the line ends up in a report that an official signs.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(into = "String"))]
pub struct TextLine(String);

impl TextLine {
    /// Takes a line as it is.
    ///
    /// # Errors
    /// [`TextLineError`] for an empty or over-long line and for characters that do not show.
    pub fn new(text: &str) -> Result<TextLine, TextLineError> {
        // 500 characters have at most 2,000 bytes.
        let line = Text::<2000>::new(text).map_err(|error| match error {
            TextError::Empty => TextLineError::Empty,
            TextError::Invisible => TextLineError::Invisible,
            TextError::TooLong { .. } => TextLineError::TooLong,
        })?;
        if line.as_str().chars().count() > 500 {
            return Err(TextLineError::TooLong);
        }
        Ok(TextLine(String::from(line.as_str())))
    }

    /// The line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TextLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<TextLine> for String {
    fn from(text: TextLine) -> String {
        text.0
    }
}

/// Why a line is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TextLineError {
    /// Nothing, or only spaces.
    Empty,
    /// A character that does not show, or that turns the text around it.
    Invisible,
    /// More than 500 characters.
    TooLong,
}

impl fmt::Display for TextLineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TextLineError::Empty => "the text is empty",
            TextLineError::Invisible => {
                "the text has a line break or a character that does not show"
            }
            TextLineError::TooLong => "the text has more than 500 characters",
        })
    }
}

impl std::error::Error for TextLineError {}

/// A set of methods.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct Methods(u16);

impl Methods {
    /// No method.
    pub const NONE: Methods = Methods(0);

    /// What every system accepts, strongest first: passkeys and PKI, then codes of apps and tokens.
    pub const STRONG: Methods =
        Methods::NONE.with(Method::Passkey).with(Method::Pki).with(Method::Totp).with(Method::Hotp);

    /// This set and `method`.
    #[must_use]
    pub const fn with(self, method: Method) -> Methods {
        Methods(self.0 | bit(method))
    }

    /// Whether `method` is in the set.
    #[must_use]
    pub const fn contains(self, method: Method) -> bool {
        self.0 & bit(method) != 0
    }

    /// Whether the set has no method.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The methods in the set, the strongest rank first.
    pub fn iter(self) -> impl Iterator<Item = Method> {
        (0..=3_u8).rev().flat_map(move |rank| {
            Method::ALL
                .into_iter()
                .filter(move |method| method.rank() == rank && self.contains(*method))
        })
    }
}

const fn bit(method: Method) -> u16 {
    match method {
        Method::Totp => 1,
        Method::Hotp => 2,
        Method::Passkey => 4,
        Method::Pki => 8,
        Method::Sms => 16,
        Method::RecoveryCode => 32,
        Method::Emergency => 64,
        Method::Pass => 128,
        Method::TrustedBrowser => 256,
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, method) in self.iter().enumerate() {
            write!(f, "{}{}", if place == 0 { "" } else { ", " }, method.name())?;
        }
        if self.is_empty() { f.write_str("none") } else { Ok(()) }
    }
}

impl fmt::Debug for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Methods({self})")
    }
}

/// What a system is. A billing operation that has none of a kind has probably forgotten one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum SystemKind {
    /// A clearinghouse portal.
    Clearinghouse,
    /// Practice management or electronic health records.
    PracticeManagement,
    /// A payer's portal: eligibility, claim status, remittance.
    PayerPortal,
    /// Email used for billing.
    Email,
    /// Administration of the billing software, over the data of one or several clients.
    BillingAdministration,
    /// Shared drives and cloud storage with claims files, patient lists, remittance.
    CloudStorage,
    /// Medicare provider enrolment (PECOS). It has its own sign-in: recorded here, never enforced.
    Pecos,
    /// Anything else.
    Other,
}

impl SystemKind {
    /// Every kind, in the order in which to start: what the team uses every day comes first.
    pub const ALL: [SystemKind; 8] = [
        SystemKind::Clearinghouse,
        SystemKind::PracticeManagement,
        SystemKind::PayerPortal,
        SystemKind::Email,
        SystemKind::BillingAdministration,
        SystemKind::CloudStorage,
        SystemKind::Pecos,
        SystemKind::Other,
    ];

    /// A short name: `clearinghouse`, `practice-management`, `payer-portal`, `email`,
    /// `billing-administration`, `cloud-storage`, `pecos`, `other`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            SystemKind::Clearinghouse => "clearinghouse",
            SystemKind::PracticeManagement => "practice-management",
            SystemKind::PayerPortal => "payer-portal",
            SystemKind::Email => "email",
            SystemKind::BillingAdministration => "billing-administration",
            SystemKind::CloudStorage => "cloud-storage",
            SystemKind::Pecos => "pecos",
            SystemKind::Other => "other",
        }
    }

    /// From its name; anything else is `None`, never `Other`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<SystemKind> {
        SystemKind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What of the billing work a system touches.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct BillingData {
    /// Claims data.
    pub claims: bool,
    /// Patient information.
    pub patient_information: bool,
    /// Communication with payers.
    pub payer_communication: bool,
}

impl BillingData {
    /// Whether it touches any of them.
    #[must_use]
    pub const fn any(self) -> bool {
        self.claims || self.patient_information || self.payer_communication
    }
}

/// Who makes sure of the second factor.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
pub enum Enforcement {
    /// Somebody else's sign-in. The practice records what a person saw there, and no more.
    Attested,
    /// The host's own sign-in, through this crate.
    Enforced,
}

/// The strongest thing that a system offers its users.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum OfferedFactor {
    /// Nobody has looked.
    Unknown,
    /// No second factor at all.
    NoMfa,
    /// Codes by SMS and nothing better.
    SmsOnly,
    /// Codes of an authenticator app or token.
    App,
    /// WebAuthn or PKI, the only phishing-resistant ones, whether or not apps too.
    PhishingResistant,
}

impl OfferedFactor {
    /// A short name: `unknown`, `no-mfa`, `sms-only`, `app`, `phishing-resistant`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            OfferedFactor::Unknown => "unknown",
            OfferedFactor::NoMfa => "no-mfa",
            OfferedFactor::SmsOnly => "sms-only",
            OfferedFactor::App => "app",
            OfferedFactor::PhishingResistant => "phishing-resistant",
        }
    }

    /// The strongest methods on offer: weaker ones are still better than none, so SMS is taken
    /// where there is nothing else.
    #[must_use]
    pub const fn best(self) -> Methods {
        match self {
            OfferedFactor::PhishingResistant => {
                Methods::NONE.with(Method::Passkey).with(Method::Pki)
            }
            OfferedFactor::App => Methods::NONE.with(Method::Totp).with(Method::Hotp),
            OfferedFactor::SmsOnly => Methods::NONE.with(Method::Sms),
            OfferedFactor::NoMfa | OfferedFactor::Unknown => Methods::NONE,
        }
    }

    /// Whether a person can have `method` there: nothing stronger than what is on offer, and SMS beside
    /// an app. Of an unknown offer nothing is denied.
    #[must_use]
    pub const fn allows(self, method: Method) -> bool {
        let strongest = match self {
            OfferedFactor::Unknown | OfferedFactor::PhishingResistant => 3,
            OfferedFactor::NoMfa => 0,
            OfferedFactor::SmsOnly => 1,
            OfferedFactor::App => 2,
        };
        method.rank() <= strongest
    }

    /// Whether it belongs in the conversation with the vendor.
    #[must_use]
    pub const fn is_vendor_item(self) -> bool {
        matches!(self, OfferedFactor::NoMfa | OfferedFactor::SmsOnly | OfferedFactor::Unknown)
    }
}

/// What a system was found to support, when, and who says so.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SupportRecord {
    /// The strongest thing on offer.
    pub offer: OfferedFactor,
    /// When it was looked up.
    pub seen_on: Date,
    /// Where: a page of the vendor's manual, a letter, one's own account settings.
    pub source: TextLine,
}

/// One system.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct System {
    /// Its identifier.
    pub id: SystemId,
    /// What people call it.
    pub name: TextLine,
    /// What it is.
    pub kind: SystemKind,
    /// Who makes sure of the second factor.
    pub enforcement: Enforcement,
    /// Whether it can be reached from the internet.
    pub internet_facing: bool,
    /// What it touches.
    pub touches: BillingData,
    /// What it supports. `None` counts as [`OfferedFactor::Unknown`].
    pub support: Option<SupportRecord>,
}

impl System {
    /// What it offers, as far as anybody has looked.
    #[must_use]
    pub fn offer(&self) -> OfferedFactor {
        self.support.as_ref().map_or(OfferedFactor::Unknown, |support| support.offer)
    }

    /// Whether the report asks for a second factor: any kind but `Other`, and of the others what
    /// faces the internet or touches claims, patients or payers. The gate never reads this: behind
    /// it everything asks.
    #[must_use]
    pub fn is_in_scope(&self) -> bool {
        self.kind != SystemKind::Other || self.internet_facing || self.touches.any()
    }
}

/// What a person may do to the data of others. Always one of these; nothing else lifts it. A login can
/// make it more: see [`Practice::privilege_of`](crate::rollout::Practice::privilege_of).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
pub enum Privilege {
    /// Administers the data of one practice or one client.
    Administrator,
    /// Administers the data of several clients: a second factor without exception, no grace, no
    /// gap, no SMS.
    MultiClientAdministrator,
    /// Everyone else.
    Staff,
}

/// What a person is responsible for. A duty gives no access.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Duty {
    /// Runs the billing office.
    BillingManager,
    /// The Security Official of 45 CFR 164.308(a)(2).
    SecurityOfficial,
    /// Looks after the systems.
    SystemsAdministrator,
}

/// Whether a person still works here. Being employed is said, never left to be inferred.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Employment {
    /// Employed.
    Current {
        /// The first day.
        from: Date,
    },
    /// Left, or about to leave: nothing opens from the end on.
    Ended {
        /// The first day.
        from: Date,
        /// When it ends, to the second: the clocks of offboarding start here.
        at: UnixTime,
    },
}

impl Employment {
    /// The first day.
    #[must_use]
    pub const fn from(self) -> Date {
        match self {
            Employment::Current { from } | Employment::Ended { from, .. } => from,
        }
    }

    /// When it ended or will end.
    #[must_use]
    pub const fn end(self) -> Option<UnixTime> {
        match self {
            Employment::Current { .. } => None,
            Employment::Ended { at, .. } => Some(at),
        }
    }

    /// The last day of work, which may be a part of a day; `None` while no end is recorded. An end at
    /// midnight belongs to the day before, which is the one that people write.
    #[must_use]
    pub fn last_day(self, offset: UtcOffset) -> Option<Date> {
        let end = self.end()?;
        let second = UnixTime::from_secs(end.as_secs().saturating_sub(1));
        Some(Date::of(second, offset).max(self.from()))
    }

    /// Whether the person worked here on `day`, or on a part of it.
    #[must_use]
    pub fn on(self, day: Date, offset: UtcOffset) -> bool {
        self.from() <= day && self.end().is_none_or(|end| end > offset.day_start(day))
    }

    /// Where it stands at `now`.
    #[must_use]
    pub fn at(self, now: UnixTime, offset: UtcOffset) -> EmploymentStatus {
        if self.end().is_some_and(|end| now >= end) {
            EmploymentStatus::Over
        } else if now < offset.day_start(self.from()) {
            EmploymentStatus::Ahead
        } else {
            EmploymentStatus::Employed
        }
    }
}

/// Where an employment stands at a moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EmploymentStatus {
    /// The first day has not come.
    Ahead,
    /// Employed.
    Employed,
    /// Over.
    Over,
}

/// One person.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Person {
    /// Their identifier.
    pub id: PersonId,
    /// What people call them.
    pub name: TextLine,
    /// What they may do to the data of others.
    pub privilege: Privilege,
    /// What they are responsible for.
    pub duties: Vec<Duty>,
    /// Since when, and until when if that is known.
    pub employment: Employment,
    /// When they were shown what a second factor is, how to use it, that they will need their
    /// phone, and what to do when it is lost.
    pub trained_on: Option<Date>,
    /// Clients whose data they work on: who is told when they leave.
    pub clients: Vec<ClientId>,
}

/// A client of a billing company.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Client {
    /// Its identifier.
    pub id: ClientId,
    /// What people call it.
    pub name: TextLine,
}

/// Whose a login is. Always one of these.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum LoginKind {
    /// This person's alone.
    Personal,
    /// Used by several people: a violation (45 CFR 164.312(a)(2)(i)) until it is gone.
    Shared,
}

/// That somebody saw a second factor switched on in somebody else's system.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attestation {
    /// Which factor.
    pub method: Method,
    /// When it was seen.
    pub seen_on: Date,
    /// Who saw it; not the person whose login it is.
    pub by: PersonId,
}

/// One person's way into one system.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Login {
    /// Who.
    pub person: PersonId,
    /// Where.
    pub system: SystemId,
    /// Whose it is.
    pub kind: LoginKind,
    /// For attested systems, what was seen there. Never read for enforced ones.
    pub attestation: Option<Attestation>,
}
