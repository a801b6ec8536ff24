//! The lines of the report: what it says of systems, people, gaps and vendors.
//!
//! Standard: 45 CFR 164.316(b)(1) (a record of what was found).

use super::*;

/// Whether one person's account summary was at hand, and which version of it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct AccountSource {
    /// Whose.
    pub person: PersonId,
    /// What people call them.
    pub name: TextLine,
    /// The same, told apart from another person of the same name.
    pub called: String,
    /// The epoch of the summary; `None`: there was no summary.
    pub epoch: Option<u32>,
    /// Where they stand, in the words of [`Standing::name`](countersign::account::Standing::name), as
    /// an unknown browser met them when the summary was written.
    pub standing: Option<&'static str>,
    /// When they were trained, if that was by the report.
    pub trained_on: Option<Date>,
    /// When their first factor was confirmed.
    pub first_bound_at: Option<UnixTime>,
    /// Whether a device in use has a secret below the 128 bits of RFC 4226 R6.
    pub short_secret: bool,
    /// The methods of the devices in use that were bound with the password alone, without a proof or an
    /// operator's pass
    /// ([`FirstEnrolment::Open`](countersign::account::FirstEnrolment::Open)).
    pub bound_openly: Vec<Method>,
    /// Who else has a device in use with the same secret: one code signs in both.
    pub shares_secret_with: Vec<PersonId>,
    /// How many browsers sign them in without a factor: there, reduced assurance. The gate takes none of
    /// an administrator of several clients.
    pub trusted_browsers: usize,
    /// Whether the summary knows of something after the moment of the report.
    pub newer_than_report: bool,
}

/// How many lines have one status.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct StatusTotal {
    /// Its name.
    pub status: &'static str,
    /// How many.
    pub lines: usize,
}

/// One system and the people who have a login there.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SystemCoverage {
    /// Its identifier.
    pub system: SystemId,
    /// What people call it.
    pub name: TextLine,
    /// What it is.
    pub kind: SystemKind,
    /// Who makes sure of the second factor.
    pub enforcement: Enforcement,
    /// Whether a second factor is asked for.
    pub in_scope: bool,
    /// What it offers.
    pub offer: OfferedFactor,
    /// When that was looked up; `None`: never.
    pub offer_seen_on: Option<Date>,
    /// Where it was looked up.
    pub offer_source: Option<TextLine>,
    /// Its go-live date.
    pub go_live: Option<Date>,
    /// When people were first told of one.
    pub announced_on: Option<Date>,
    /// Every move of the date up to the report, the oldest first.
    pub go_live_moves: Vec<GoLiveMove>,
    /// Its people, by identifier.
    pub lines: Vec<CoverageLine>,
}

/// On what ground a line says that a person has a factor.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(tag = "ground", rename_all = "kebab-case")
)]
#[non_exhaustive]
pub enum Evidence {
    /// This program's own sign-in took the factor.
    OwnSignIn {
        /// When it last did by the report, or when the device was bound.
        at: UnixTime,
        /// Whether it was used by then.
        used: bool,
        /// The epoch of the account that says so.
        epoch: u32,
    },
    /// A person saw it in a system of others.
    Seen {
        /// When.
        on: Date,
        /// Who saw it.
        by: PersonId,
        /// What people call them.
        by_name: TextLine,
    },
}

/// One person on one system.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CoverageLine {
    /// Who.
    pub person: PersonId,
    /// What people call them.
    pub name: TextLine,
    /// Where they stand.
    pub status: CoverageStatus,
    /// On what ground it is said that they have a factor; `None`: it is not said.
    pub evidence: Option<Evidence>,
    /// Which controls the line is evidence for.
    pub controls: ControlGroup,
}

/// A person who can administer the billing software, or the data of clients.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct AdministratorLine {
    /// Who.
    pub person: PersonId,
    /// What people call them.
    pub name: TextLine,
    /// What they are: as written, or more by what they hold.
    pub privilege: Privilege,
    /// Whether the record of the person says the same.
    pub as_written: bool,
    /// Where they can administer the billing software.
    pub systems: Vec<SystemId>,
    /// Whose data they work on.
    pub clients: Vec<ClientId>,
}

/// One gap of the register, with names looked up and its state judged.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct GapLine {
    /// Its identifier.
    pub gap: GapId,
    /// The system.
    pub system: SystemId,
    /// What people call the system.
    pub system_name: TextLine,
    /// Why, in the words of [`GapKind::name`].
    pub kind: &'static str,
    /// Whether it is an exception of the proposed rule, which is not in force.
    pub proposed: bool,
    /// Where it stands.
    pub state: GapState,
    /// When it was found.
    pub identified_on: Date,
    /// The reason in words.
    pub reason: TextLine,
    /// What is done instead.
    pub controls: Vec<CompensatingControl>,
    /// Which of the three controls for a portal without any factor are missing.
    pub missing_controls: Vec<String>,
    /// What it needs before it can excuse a person; of a closed one nothing.
    pub lacks: Vec<String>,
    /// Signatures up to the report that do not count: not by the security official, or by a named user.
    pub not_counted: Vec<GapApproval>,
    /// Who works there in spite of it.
    pub named_users: Vec<PersonId>,
    /// Who answers for it.
    pub owner: PersonId,
    /// The last signature up to the report by a person who may sign.
    pub approval: Option<GapApproval>,
    /// The last review up to the report.
    pub last_review: Option<GapReview>,
    /// Every review up to the report, the oldest first.
    pub reviews: Vec<GapReview>,
    /// Who has read the notice about SMS up to the report.
    pub acknowledgements: Vec<SmsAcknowledgement>,
    /// The plan to move the data, and by when, of an asset that supports no factor.
    pub migration_plan: Option<(TextLine, Date)>,
    /// When a person must look again.
    pub review_due: Date,
    /// The questions put to the vendor, with the answers.
    pub contacts: Vec<VendorContact>,
    /// Until the end of which day it must be kept; `None` while it is open.
    pub retain_until: Option<Date>,
}

/// One system to talk to its vendor about.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct VendorLine {
    /// The system.
    pub system: SystemId,
    /// What people call it.
    pub name: TextLine,
    /// What it offers.
    pub offer: OfferedFactor,
    /// The last written question up to the report; `None`: never asked.
    pub last_contact: Option<VendorContact>,
    /// What to do now.
    pub next: VendorStep,
}

/// What to do about a vendor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum VendorStep {
    /// Ask in writing when a second factor will be available.
    Ask,
    /// Wait for the answer.
    AwaitAnswer,
    /// Ask again: no answer came.
    AskAgain,
    /// Look up what the system offers.
    LookUp,
    /// The vendor has answered; look again when it is due.
    Recheck,
}

impl VendorStep {
    /// What it says in a report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            VendorStep::Ask => "ask in writing when a second factor will be available",
            VendorStep::AwaitAnswer => "wait for the answer",
            VendorStep::AskAgain => "ask again in writing: no answer came",
            VendorStep::LookUp => "find out what the system offers",
            VendorStep::Recheck => "answered; check again at the next review",
        }
    }
}

/// Something that has to be done by a day.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DueItem {
    /// By when.
    pub on: Date,
    /// What.
    pub what: String,
    /// Whether the day is past.
    pub overdue: bool,
}
