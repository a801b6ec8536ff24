//! What a gap is made of: its reason, its controls, the question to the vendor, reviews and its end.
//!
//! Standard: 45 CFR 164.306(d)(3) (reasons and equivalent measures in writing).

use super::*;

/// Why a system has no sufficient second factor.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum GapKind {
    /// It offers none at all.
    NoMfa,
    /// It offers SMS and nothing better.
    SmsOnly,
    /// It forces people to share a login or cannot tell its users apart; a second factor alone will
    /// not mend that.
    SharedLoginPlatform,
    /// Proposed 164.312(f)(2)(iii)(A), not in force: the asset does not support it, and a written
    /// plan moves the data to one that does.
    ProposedUnsupportedAsset {
        /// Where the plan is, or what it says.
        migration_plan: TextLine,
        /// When the data will have moved. The gap lapses after this day.
        migrate_by: Date,
    },
    /// Proposed 164.312(f)(2)(iii)(B), not in force: an emergency makes it infeasible.
    ProposedEmergency {
        /// The first day.
        from: Date,
        /// The last day. The gap lapses after it.
        until: Date,
    },
    /// Proposed 164.312(f)(2)(iii)(C), not in force: a medical device authorised by the FDA.
    ProposedFdaDevice(FdaDevice),
}

impl GapKind {
    /// Whether it is an exception of the proposed rule, which is not in force.
    #[must_use]
    pub const fn is_proposed(&self) -> bool {
        matches!(
            self,
            GapKind::ProposedUnsupportedAsset { .. }
                | GapKind::ProposedEmergency { .. }
                | GapKind::ProposedFdaDevice(_)
        )
    }

    /// What it says in a report.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            GapKind::NoMfa => "no second factor offered",
            GapKind::SmsOnly => "SMS only",
            GapKind::SharedLoginPlatform => "platform forces shared logins",
            GapKind::ProposedUnsupportedAsset { .. } => {
                "unsupported asset with migration plan (proposed rule, not in force)"
            }
            GapKind::ProposedEmergency { .. } => "emergency (proposed rule, not in force)",
            GapKind::ProposedFdaDevice(_) => "FDA device (proposed rule, not in force)",
        }
    }
}

/// Which devices the proposed exception would reach; both only while patched as recommended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FdaDevice {
    /// Submitted before 29 March 2023.
    SubmittedBeforeMarch2023,
    /// Submitted later and no longer supported by its maker.
    NoLongerSupported,
}

/// What is done instead.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum CompensatingControlKind {
    /// Long random passwords, kept in a password manager.
    PasswordManager,
    /// Access for the named users of the gap and nobody else.
    NamedUsersOnly,
    /// The access logs are read, where the portal gives them.
    AccessLogReview,
    /// Something else.
    Other(TextLine),
}

impl CompensatingControlKind {
    /// The three that a portal without any second factor asks for.
    pub const FOR_NO_MFA: [CompensatingControlKind; 3] = [
        CompensatingControlKind::PasswordManager,
        CompensatingControlKind::NamedUsersOnly,
        CompensatingControlKind::AccessLogReview,
    ];

    /// What it says in a report.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            CompensatingControlKind::PasswordManager => {
                "long random passwords in a password manager"
            }
            CompensatingControlKind::NamedUsersOnly => "access for named users only",
            CompensatingControlKind::AccessLogReview => "access logs reviewed",
            CompensatingControlKind::Other(what) => what.as_str(),
        }
    }
}

/// One compensating control, with the evidence that it is there.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct CompensatingControl {
    /// What is done.
    pub kind: CompensatingControlKind,
    /// Since when, or when it was last seen to be done.
    pub since: Date,
    /// How one can see that it is done.
    pub evidence: TextLine,
}

/// How often a gap is looked at again: every 1 to 12 calendar months, six by default.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReviewMonths(u8);

impl ReviewMonths {
    /// Every six months.
    pub const SIX: ReviewMonths = ReviewMonths(6);

    /// Every so many months, 1 to 12.
    #[must_use]
    pub const fn new(months: u8) -> Option<ReviewMonths> {
        if months >= 1 && months <= 12 { Some(ReviewMonths(months)) } else { None }
    }

    /// Calendar months.
    #[must_use]
    pub const fn months(self) -> u8 {
        self.0
    }
}

impl Default for ReviewMonths {
    fn default() -> ReviewMonths {
        ReviewMonths::SIX
    }
}

/// What it takes to open a gap.
#[derive(Clone, Debug)]
pub struct NewGap {
    /// Its identifier in the register.
    pub id: GapId,
    /// The system.
    pub system: SystemId,
    /// Why.
    pub kind: GapKind,
    /// When it was found.
    pub identified_on: Date,
    /// The reason in words.
    pub reason: TextLine,
    /// What is done instead; at least one.
    pub controls: Vec<CompensatingControl>,
    /// Who works there in spite of it; at least one, each with a login there.
    pub named_users: Vec<PersonId>,
    /// Who answers for it.
    pub owner: PersonId,
    /// How often it is looked at again.
    pub review_every: ReviewMonths,
}

/// A written question to a vendor. A telephone call is not one.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct VendorContact {
    /// When it was put.
    pub asked_on: Date,
    /// Who put it.
    pub asked_by: PersonId,
    /// How it was written.
    pub channel: WrittenChannel,
    /// What the vendor said.
    pub answer: Option<VendorAnswer>,
}

/// A way of asking that leaves a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum WrittenChannel {
    /// An email.
    Email,
    /// A letter.
    Letter,
    /// A ticket in the vendor's support system.
    Ticket,
}

/// What a vendor said.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct VendorAnswer {
    /// When.
    pub on: Date,
    /// In their words.
    pub words: TextLine,
    /// When they promise a factor, if they promise a day.
    pub available_on: Option<Date>,
}

/// A signature under a gap: the controls were reviewed and the risk accepted until a day.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct GapApproval {
    /// Who signed; never the owner.
    pub by: PersonId,
    /// When.
    pub on: Date,
    /// The last day for which it counts, at most twelve calendar months later.
    pub until: Date,
}

/// One look at a gap.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct GapReview {
    /// When.
    pub on: Date,
    /// Who looked.
    pub by: PersonId,
    /// What they found: whether the controls work, what the vendor says now.
    pub finding: TextLine,
}

/// How a gap closes. There is no third way.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum GapResolution {
    /// The work moved to another system.
    Migration {
        /// Where it went.
        to: TextLine,
    },
    /// The system now supports what was missing.
    Support,
}

/// The end of a gap.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GapClosure {
    /// When.
    pub on: Date,
    /// How.
    pub how: GapResolution,
}

/// That a user of SMS codes has read [`SMS_NOTICE`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SmsAcknowledgement {
    /// Who.
    pub person: PersonId,
    /// When.
    pub on: Date,
}

/// Why a gap, or an entry in one, is refused.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum GapError {
    /// The one who answers for it cannot sign for it.
    ApproverIsOwner,
    /// A date before the one it must follow.
    Backwards,
    /// It is closed.
    Closed,
    /// Somebody is named twice.
    NamedTwice(PersonId),
    /// Nothing is done instead.
    NoControls,
    /// Nobody is named.
    NoNamedUsers,
    /// They are not among the named users.
    NotNamed(PersonId),
    /// Only a gap about SMS has a notice about SMS.
    NotSms,
    /// More than twelve calendar months ahead.
    TooLate,
}

impl fmt::Display for GapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GapError::ApproverIsOwner => f.write_str("the owner of a gap cannot approve it"),
            GapError::Backwards => f.write_str("a date lies before the one it must follow"),
            GapError::Closed => f.write_str("the gap is closed"),
            GapError::NamedTwice(person) => write!(f, "{person} is named twice"),
            GapError::NoControls => f.write_str("a gap needs at least one compensating control"),
            GapError::NoNamedUsers => f.write_str("a gap names at least one user"),
            GapError::NotNamed(person) => write!(f, "{person} is not a named user of the gap"),
            GapError::NotSms => f.write_str("only a gap about SMS has a notice about SMS"),
            GapError::TooLate => f.write_str("more than twelve calendar months ahead"),
        }
    }
}

impl std::error::Error for GapError {}
