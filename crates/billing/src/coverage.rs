//! What is covered today, what is not, and what is due next.
//!
//! Standard: 45 CFR 164.312(d), 164.312(a)(2)(i), 164.308(a)(3)(ii)(C) (in force); HHS HPH CPGs,
//! HICP Technical Volume 2 practice 3.M, CISA CPG 2.0 3.D and 3.F (voluntary). The report names
//! which of them each line is evidence for. It never says that they are met: that is a judgement,
//! and somebody signs for it.
//!
//! Pure functions of the practice, of account summaries and of a moment: the same input gives the
//! same report, in the same order. The report is stricter than the gate where it can be: a device
//! bound after the moment does not count yet, a gap that is overdue covers nobody, and what nobody
//! knows is shown as unknown. `report` writes it down.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use countersign::account::{DeviceSummary, ThrottleSummary};
use countersign::{Method, Summary, UnixTime};

use crate::date::{Date, UtcOffset};
use crate::gap::{
    CompensatingControl, Gap, GapApproval, GapKind, GapReview, GapState, SmsAcknowledgement,
    VendorContact,
};
use crate::inventory::{
    ClientId, Employment, EmploymentStatus, Enforcement, GapId, Login, LoginKind, OfferedFactor,
    Person, PersonId, Privilege, System, SystemId, SystemKind, TextLine,
};
use crate::offboarding::{
    self, OffboardingDeadlines, OffboardingPlan, OffboardingStep, RemainingAccess,
};
use crate::rollout::{self, AllowReason, GoLiveMove, Practice};

/// What was seen in somebody else's system is believed for so many calendar months.
pub const ATTESTATION_MONTHS: u32 = 6;

/// What a system offers is looked up again after so many calendar months, while it offers too
/// little.
pub const SUPPORT_MONTHS: u32 = 6;

/// A vendor who has not answered is asked again after so many days.
pub const ANSWER_DAYS: u32 = 30;

/// Where one person stands on one system.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(tag = "is", rename_all = "kebab-case")
)]
#[non_exhaustive]
pub enum CoverageStatus {
    /// Has a factor of the upper ranks, used or seen lately.
    Covered {
        /// The strongest one.
        by: Method,
    },
    /// Has SMS and nothing stronger.
    Weak {
        /// The gap that permits it; `None`: nothing does.
        gap: Option<GapId>,
    },
    /// Has no factor, and an open gap names them. Only a standing one excuses.
    Gap {
        /// Which.
        gap: GapId,
        /// Where it stands.
        state: GapState,
    },
    /// Has no factor and is not asked for one yet: the go-live date lies ahead.
    BeforeGoLive {
        /// The first day on which it is asked for.
        on: Date,
    },
    /// Has no factor and a grace.
    InGrace {
        /// The first moment at which it is over.
        until: UnixTime,
    },
    /// Has started to enrol. It satisfies nothing.
    Pending {
        /// Until when it can be confirmed.
        until: UnixTime,
        /// Whether a factor is asked for already: no date ahead and no grace.
        asked: bool,
    },
    /// Has an imported factor that was never used here. It satisfies nothing: the import may hold
    /// another secret than the device.
    NotUsedYet {
        /// The strongest one.
        by: Method,
        /// Whether a factor is asked for already: no date ahead and no grace.
        asked: bool,
    },
    /// Has a factor that was not used, or not seen, for long.
    Stale {
        /// The strongest one.
        by: Method,
        /// When it was last used, bound or seen.
        last: Date,
    },
    /// Has a factor and must wait after failures.
    Waiting {
        /// Until when nothing is evaluated.
        until: UnixTime,
    },
    /// Has a factor whose codes are taken from remembered browsers alone, after many failures.
    ClosedToStrangers,
    /// Has a factor, disabled by failures until another factor or an operator opens it again.
    Disabled,
    /// Has no factor and nothing excuses it.
    NotEnrolled,
    /// Nobody knows: there was no summary of the account.
    NoRecord,
    /// Is employed, and the account was offboarded: one of the two records is wrong.
    Offboarded,
    /// The login is shared.
    Shared {
        /// The open gap about it, if there is one.
        gap: Option<GapId>,
    },
    /// Has left, and this still works or was not ticked off.
    Left {
        /// The last day of work.
        on: Date,
    },
    /// The first day of work has not come.
    Ahead {
        /// When it comes.
        from: Date,
    },
    /// The system is out of scope.
    NotRequired,
}

impl CoverageStatus {
    /// Every name, in the order of the totals.
    pub const NAMES: [&'static str; 18] = [
        "covered",
        "weak",
        "gap",
        "before go-live",
        "in grace",
        "pending",
        "stale",
        "waiting",
        "closed to strangers",
        "disabled",
        "not enrolled",
        "no record",
        "offboarded",
        "shared",
        "left",
        "ahead",
        "not required",
        "not used yet",
    ];

    /// Its name in reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            CoverageStatus::Covered { .. } => "covered",
            CoverageStatus::Weak { .. } => "weak",
            CoverageStatus::Gap { .. } => "gap",
            CoverageStatus::BeforeGoLive { .. } => "before go-live",
            CoverageStatus::InGrace { .. } => "in grace",
            CoverageStatus::Pending { .. } => "pending",
            CoverageStatus::Stale { .. } => "stale",
            CoverageStatus::Waiting { .. } => "waiting",
            CoverageStatus::ClosedToStrangers => "closed to strangers",
            CoverageStatus::Disabled => "disabled",
            CoverageStatus::NotEnrolled => "not enrolled",
            CoverageStatus::NoRecord => "no record",
            CoverageStatus::Offboarded => "offboarded",
            CoverageStatus::Shared { .. } => "shared",
            CoverageStatus::Left { .. } => "left",
            CoverageStatus::Ahead { .. } => "ahead",
            CoverageStatus::NotRequired => "not required",
            CoverageStatus::NotUsedYet { .. } => "not used yet",
        }
    }

    /// Which controls the line is evidence for.
    #[must_use]
    pub const fn controls(&self) -> ControlGroup {
        match self {
            CoverageStatus::Shared { .. } => ControlGroup::UniqueUser,
            CoverageStatus::Left { .. } => ControlGroup::Termination,
            CoverageStatus::Stale { .. } => ControlGroup::Inactivity,
            CoverageStatus::Ahead { .. } => ControlGroup::Provisioning,
            _ => ControlGroup::Authentication,
        }
    }

    /// Whether it is an open vulnerability: nothing strong enough stands there and nothing standing
    /// excuses that.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        match self {
            CoverageStatus::Disabled
            | CoverageStatus::Left { .. }
            | CoverageStatus::NoRecord
            | CoverageStatus::NotEnrolled
            | CoverageStatus::NotUsedYet { asked: true, .. }
            | CoverageStatus::Offboarded
            | CoverageStatus::Pending { asked: true, .. }
            | CoverageStatus::Shared { .. }
            | CoverageStatus::Weak { gap: None } => true,
            CoverageStatus::Gap { state, .. } => !matches!(state, GapState::Standing { .. }),
            _ => false,
        }
    }

    /// Whether the person has enrolled what the system asks for, stale, waiting or closed to strangers
    /// included.
    #[must_use]
    pub const fn is_enrolled(&self) -> bool {
        matches!(
            self,
            CoverageStatus::Covered { .. }
                | CoverageStatus::ClosedToStrangers
                | CoverageStatus::Stale { .. }
                | CoverageStatus::Waiting { .. }
                | CoverageStatus::Weak { gap: Some(_) }
        )
    }
}

/// A group of controls, by identifier. The identifiers of HICP 3.M and of the HHS goals are named
/// without their titles.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ControlGroup {
    /// That the person is the one claimed, by more than a password.
    Authentication,
    /// The same, and that unused accounts are noticed.
    Inactivity,
    /// That access is given in an orderly way.
    Provisioning,
    /// That access ends with the employment.
    Termination,
    /// That a login is one person's.
    UniqueUser,
}

impl ControlGroup {
    /// Every group, by letter.
    pub const ALL: [ControlGroup; 5] = [
        ControlGroup::Authentication,
        ControlGroup::Inactivity,
        ControlGroup::Provisioning,
        ControlGroup::Termination,
        ControlGroup::UniqueUser,
    ];

    /// One letter, for a narrow column: `A`, `I`, `P`, `T`, `U`.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            ControlGroup::Authentication => 'A',
            ControlGroup::Inactivity => 'I',
            ControlGroup::Provisioning => 'P',
            ControlGroup::Termination => 'T',
            ControlGroup::UniqueUser => 'U',
        }
    }

    /// The rule in force (45 CFR part 164, subpart C).
    #[must_use]
    pub const fn in_force(self) -> &'static [&'static str] {
        match self {
            ControlGroup::Authentication | ControlGroup::Inactivity => &["45 CFR 164.312(d)"],
            ControlGroup::Provisioning | ControlGroup::UniqueUser => &["45 CFR 164.312(a)(2)(i)"],
            ControlGroup::Termination => &["45 CFR 164.308(a)(3)(ii)(C)"],
        }
    }

    /// Voluntary goals and practices.
    #[must_use]
    pub const fn voluntary(self) -> &'static [&'static str] {
        match self {
            ControlGroup::Authentication => {
                &["HHS HPH CPG (MFA)", "HICP 3.M.C", "HICP 3.M.D", "CISA CPG 2.0 3.F"]
            }
            ControlGroup::Inactivity => &[
                "HHS HPH CPG (MFA)",
                "HICP 3.M.C",
                "HICP 3.M.D",
                "CISA CPG 2.0 3.D",
                "CISA CPG 2.0 3.F",
            ],
            ControlGroup::Provisioning => &["HICP 3.M.A", "HICP 3.M.B"],
            ControlGroup::Termination => {
                &["HHS HPH CPG (departing workforce)", "HICP 3.M.B", "CISA CPG 2.0 3.D"]
            }
            ControlGroup::UniqueUser => &["HHS HPH CPG (unique credentials)", "HICP 3.M.A"],
        }
    }

    /// All of them, the rule in force first.
    pub fn identifiers(self) -> impl Iterator<Item = &'static str> + Clone {
        self.in_force().iter().chain(self.voluntary()).copied()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for ControlGroup {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.identifiers())
    }
}

/// The state of the whole practice at one moment.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Coverage {
    /// What the practice is called.
    #[cfg_attr(feature = "serde", serde(rename = "operation"))]
    pub practice: TextLine,
    /// The moment for which everything was judged.
    pub as_of: UnixTime,
    /// Its day, where the practice is.
    pub as_of_date: Date,
    /// Whether that day had not come when the records were read: the report is a forecast then.
    pub ahead: bool,
    /// Where its days begin, for showing moments.
    pub offset: UtcOffset,
    /// After how many days without use a factor is stale.
    pub stale_days: u16,
    /// Which account summaries were at hand, by person.
    pub records: Vec<AccountSource>,
    /// How many lines there are of each status, in the order of [`CoverageStatus::NAMES`], zeros
    /// included.
    pub totals: Vec<StatusTotal>,
    /// The systems, in the order in which to start.
    pub systems: Vec<SystemCoverage>,
    /// Kinds of systems of which the inventory has none.
    pub missing_kinds: Vec<SystemKind>,
    /// Who can administer the billing software or the data of clients, by person.
    pub administrators: Vec<AdministratorLine>,
    /// The gap register, open gaps first.
    pub gaps: Vec<GapLine>,
    /// Systems that need a gap and have none open.
    pub missing_gaps: Vec<SystemId>,
    /// The conversation with vendors.
    pub vendors: Vec<VendorLine>,
    /// What former employees still have.
    #[cfg_attr(feature = "serde", serde(rename = "remnants"))]
    pub remaining_access: Vec<RemainingAccess>,
    /// What is due, overdue first.
    pub due: Vec<DueItem>,
}

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

impl Coverage {
    /// Judges `practice` and the accounts at `as_of`.
    ///
    /// `summaries` gives the account of a person as last stored: `Some` of an empty [`Summary`]
    /// when the store was asked and holds none, `None` when nobody knows. Summaries show the
    /// present; for an `as_of` in the past, devices bound later do not count, and whatever else
    /// changed since is marked in [`Coverage::records`], not undone.
    #[must_use]
    pub fn new(
        practice: &Practice,
        summaries: &dyn Fn(&PersonId) -> Option<Summary>,
        as_of: UnixTime,
    ) -> Coverage {
        let offset = practice.offset();
        let today = Date::of(as_of, offset);
        let accounts: Vec<(&Person, Option<Summary>)> =
            practice.people().map(|person| (person, summaries(&person.id))).collect();
        let at = Moment { practice, as_of, today };
        let systems: Vec<SystemCoverage> = practice
            .systems()
            .into_iter()
            .map(|system| at.system_coverage(system, &accounts))
            .collect();
        let lines = || systems.iter().flat_map(|system| &system.lines);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for line in lines() {
            let count = counts.entry(line.status.name()).or_default();
            *count = count.saturating_add(1);
        }
        let totals = CoverageStatus::NAMES.map(|status| StatusTotal {
            status,
            lines: counts.get(status).copied().unwrap_or_default(),
        });
        let known =
            |person: &PersonId| found(&accounts, person).and_then(|(_, summary)| summary.clone());
        let mut holders: BTreeMap<&str, BTreeSet<&PersonId>> = BTreeMap::new();
        for (who, summary) in &accounts {
            let devices = summary.iter().flat_map(Summary::confirmed);
            for print in devices.filter_map(|device| device.fingerprint.as_deref()) {
                holders.entry(print).or_default().insert(&who.id);
            }
        }
        let records =
            accounts.iter().map(|(who, summary)| at.record(who, summary, &holders)).collect();
        let vendors: Vec<VendorLine> =
            practice.vendor_items().map(|system| at.vendor_line(system)).collect();
        Coverage {
            practice: practice.name().clone(),
            as_of,
            as_of_date: today,
            ahead: practice.reading_day().is_some_and(|day| today > day),
            offset,
            stale_days: practice.stale().days(),
            records,
            totals: totals.to_vec(),
            missing_kinds: practice.missing_kinds().collect(),
            administrators: at.administrators(),
            gaps: at.gap_lines(),
            missing_gaps: practice.missing_gaps(today).map(|system| system.id.clone()).collect(),
            remaining_access: offboarding::remaining_access(practice, &known, as_of),
            due: at.due(&accounts, &vendors),
            vendors,
            systems,
        }
    }

    /// Every line, in the order of the report.
    pub fn lines(&self) -> impl Iterator<Item = (&SystemCoverage, &CoverageLine)> {
        self.systems.iter().flat_map(|system| system.lines.iter().map(move |line| (system, line)))
    }

    /// How many lines have the status of this name; 0 for an unknown name.
    #[must_use]
    pub fn total(&self, status: &str) -> usize {
        let found = self.totals.iter().find(|total| total.status == status);
        found.map_or(0, |total| total.lines)
    }

    /// How many lines ask for a factor at all: every one but those of people who left or have not
    /// started and of systems out of scope.
    #[must_use]
    pub fn asked(&self) -> usize {
        let asked = self.lines().filter(|(_, line)| {
            !matches!(
                line.status,
                CoverageStatus::Ahead { .. }
                    | CoverageStatus::Left { .. }
                    | CoverageStatus::NotRequired
            )
        });
        asked.count()
    }

    /// How many people have a device in use whose secret another person's device has as well.
    #[must_use]
    pub fn sharing_secrets(&self) -> usize {
        self.records.iter().filter(|record| !record.shares_secret_with.is_empty()).count()
    }

    /// How many people have a trusted browser.
    #[must_use]
    pub fn trusting(&self) -> usize {
        self.records.iter().filter(|record| record.trusted_browsers > 0).count()
    }

    /// How many covered lines rest on this program's own sign-in, and how many on what a person saw.
    #[must_use]
    pub fn grounds(&self) -> (usize, usize) {
        let covered = self.lines().map(|(_, line)| line);
        let covered = covered.filter(|line| matches!(line.status, CoverageStatus::Covered { .. }));
        let (own, seen): (Vec<_>, Vec<_>) =
            covered.partition(|line| matches!(line.evidence, Some(Evidence::OwnSignIn { .. })));
        (own.len(), seen.len())
    }

    /// How many lines are open vulnerabilities.
    #[must_use]
    pub fn open(&self) -> usize {
        self.lines().filter(|(_, line)| line.status.is_open()).count()
    }
}

/// The moment for which a report is made, and the practice it is about.
struct Moment<'o> {
    practice: &'o Practice,
    as_of: UnixTime,
    today: Date,
}

impl Moment<'_> {
    fn system_coverage(
        &self,
        system: &System,
        accounts: &[(&Person, Option<Summary>)],
    ) -> SystemCoverage {
        let lines = self.practice.logins_of(&system.id).filter_map(|login| {
            let (person, summary) = found(accounts, &login.person)?;
            let status = self.status(system, person, login, summary.as_ref())?;
            let evidence = self.evidence(system, login, &status, summary.as_ref());
            Some(CoverageLine {
                evidence,
                person: person.id.clone(),
                name: person.name.clone(),
                controls: status.controls(),
                status,
            })
        });
        SystemCoverage {
            lines: lines.collect(),
            system: system.id.clone(),
            name: system.name.clone(),
            kind: system.kind,
            enforcement: system.enforcement,
            in_scope: system.is_in_scope(),
            offer: system.offer(),
            offer_seen_on: system.support.as_ref().map(|support| support.seen_on),
            offer_source: system.support.as_ref().map(|support| support.source.clone()),
            go_live: self.practice.go_live(&system.id).map(|go_live| go_live.on()),
            announced_on: self.practice.go_live(&system.id).map(|go_live| go_live.announced_on()),
            go_live_moves: self
                .practice
                .go_live_moves(&system.id)
                .iter()
                .filter(|step| step.moved_on <= self.today)
                .cloned()
                .collect(),
        }
    }

    /// Where one person stands on one system; `None` for a leaver of whom nothing is left there.
    fn status(
        &self,
        system: &System,
        person: &Person,
        login: &Login,
        summary: Option<&Summary>,
    ) -> Option<CoverageStatus> {
        match person.employment.at(self.as_of, self.practice.offset()) {
            EmploymentStatus::Ahead => {
                return Some(CoverageStatus::Ahead { from: person.employment.from() });
            }
            EmploymentStatus::Over => return self.after_leaving(system, person, login, summary),
            EmploymentStatus::Employed => {}
        }
        if login.kind == LoginKind::Shared {
            let mut gaps = self.practice.gaps_of(&system.id);
            let gap = gaps
                .find(|gap| *gap.kind() == GapKind::SharedLoginPlatform && gap.is_open(self.today));
            return Some(CoverageStatus::Shared { gap: gap.map(|gap| gap.id().clone()) });
        }
        let by_factor = match system.enforcement {
            Enforcement::Enforced => match summary {
                None => Some(CoverageStatus::NoRecord),
                Some(summary) => self.by_account(system, person, summary),
            },
            Enforcement::Attested => self.by_attestation(system, person, login),
        };
        Some(by_factor.unwrap_or_else(|| self.without_factor(system, person, summary)))
    }

    /// What shows the factor that the status speaks of.
    fn evidence(
        &self,
        system: &System,
        login: &Login,
        status: &CoverageStatus,
        summary: Option<&Summary>,
    ) -> Option<Evidence> {
        match status {
            CoverageStatus::Covered { .. }
            | CoverageStatus::ClosedToStrangers
            | CoverageStatus::Disabled
            | CoverageStatus::Stale { .. }
            | CoverageStatus::Waiting { .. }
            | CoverageStatus::Weak { .. } => {}
            _ => return None,
        }
        if system.enforcement == Enforcement::Enforced {
            let summary = summary?;
            let device = self.strongest(summary)?;
            let last = device.last_used.filter(|used| *used <= self.as_of);
            let (at, used) = (last.unwrap_or(device.bound_at), last.is_some());
            return Some(Evidence::OwnSignIn { at, used, epoch: summary.epoch });
        }
        let seen = login.attestation.as_ref()?;
        let (on, by) = (seen.seen_on, seen.by.clone());
        let by_name = self.practice.person(&by)?.name.clone();
        Some(Evidence::Seen { on, by, by_name })
    }

    fn after_leaving(
        &self,
        system: &System,
        person: &Person,
        login: &Login,
        summary: Option<&Summary>,
    ) -> Option<CoverageStatus> {
        let undone = match (system.enforcement, login.kind) {
            (Enforcement::Enforced, LoginKind::Personal) => {
                summary.is_some_and(|summary| !offboarding::is_usable(summary))
            }
            _ => offboarding::is_undone(self.practice, &person.id, &system.id, self.as_of),
        };
        let last_day = person.employment.last_day(self.practice.offset());
        (!undone).then(|| CoverageStatus::Left { on: last_day.unwrap_or(self.today) })
    }

    /// What the account says, if it has, or had, a factor.
    fn by_account(
        &self,
        system: &System,
        person: &Person,
        summary: &Summary,
    ) -> Option<CoverageStatus> {
        if summary.offboarded_at.is_some() {
            return Some(CoverageStatus::Offboarded);
        }
        let Some(device) = self.strongest(summary) else {
            let unused = self.bound(summary).max_by(|one, other| self.compare(one, other))?;
            let asked = self.practice.not_yet_asked(system, person, self.as_of).is_none();
            return Some(CoverageStatus::NotUsedYet { by: unused.method, asked });
        };
        let throttle = match device.method {
            Method::Sms => summary.out_of_band,
            Method::Totp | Method::Hotp => summary.codes,
            // No number of failures makes a passkey or certificate wait.
            _ => ThrottleSummary::default(),
        };
        if throttle.disabled {
            return Some(CoverageStatus::Disabled);
        }
        if throttle.closed_to_strangers {
            return Some(CoverageStatus::ClosedToStrangers);
        }
        if let Some(until) = throttle.waiting_until.filter(|until| self.as_of < *until) {
            return Some(CoverageStatus::Waiting { until });
        }
        if device.method.rank() == 1 {
            return Some(self.weak(system, person));
        }
        let last = self.last_sign(device);
        let stale_secs = u64::from(self.practice.stale().days()).saturating_mul(86_400);
        Some(if self.as_of.since(last) > stale_secs {
            let last = Date::of(last, self.practice.offset());
            CoverageStatus::Stale { by: device.method, last }
        } else {
            CoverageStatus::Covered { by: device.method }
        })
    }

    /// Factors that were bound by the moment of the report.
    fn bound<'s>(&self, summary: &'s Summary) -> impl Iterator<Item = &'s DeviceSummary> {
        let as_of = self.as_of;
        summary.confirmed().filter(move |it| it.bound_at <= as_of && it.method.rank() > 0)
    }

    /// The strongest of them that has shown that it is what it says.
    fn strongest<'s>(&self, summary: &'s Summary) -> Option<&'s DeviceSummary> {
        let shown = self.bound(summary).filter(|device| !self.is_unused_import(device));
        shown.max_by(|one, other| self.compare(one, other))
    }

    /// Whether nothing has shown yet that the import holds the secret of the device.
    fn is_unused_import(&self, device: &DeviceSummary) -> bool {
        device.imported && device.last_used.is_none_or(|used| used > self.as_of)
    }

    /// By rank, and of one rank the one used last, so that an old spare does not hide a phone that
    /// is used every day.
    fn compare(&self, one: &DeviceSummary, other: &DeviceSummary) -> Ordering {
        let key = |device: &DeviceSummary| (device.method.rank(), self.last_sign(device));
        key(one).cmp(&key(other))
    }

    fn last_sign(&self, device: &DeviceSummary) -> UnixTime {
        device.last_used.map_or(device.bound_at, |used| used.max(device.bound_at))
    }

    fn by_attestation(
        &self,
        system: &System,
        person: &Person,
        login: &Login,
    ) -> Option<CoverageStatus> {
        let seen = login.attestation.as_ref().filter(|seen| seen.seen_on <= self.today)?;
        if seen.method.rank() == 1 {
            return Some(self.weak(system, person));
        }
        Some(if seen.seen_on.plus_months(ATTESTATION_MONTHS) < self.today {
            CoverageStatus::Stale { by: seen.method, last: seen.seen_on }
        } else {
            CoverageStatus::Covered { by: seen.method }
        })
    }

    /// SMS, and which gap permits it: the same question as the gate's.
    fn weak(&self, system: &System, person: &Person) -> CoverageStatus {
        let permitted = self
            .practice
            .accepted(person, system, self.today)
            .contains(Method::Sms)
            .then(|| {
                let mut gaps = self.practice.gaps_of(&system.id);
                gaps.find(|gap| self.practice.permits_sms(gap, &person.id, self.today))
            })
            .flatten();
        CoverageStatus::Weak { gap: permitted.map(|gap| gap.id().clone()) }
    }

    fn without_factor(
        &self,
        system: &System,
        person: &Person,
        summary: Option<&Summary>,
    ) -> CoverageStatus {
        // What a gap about SMS permits is a factor, and a gap about sharing excuses no person.
        let gaps = self.practice.gaps_of(&system.id).filter(|gap| {
            !matches!(gap.kind(), GapKind::SmsOnly | GapKind::SharedLoginPlatform)
                && gap.is_open(self.today)
                && gap.names(&person.id)
        });
        let best = gaps.max_by_key(|gap| self.practice.excuses(gap, &person.id, self.today));
        if let Some(gap) = best {
            let state = self.practice.gap_state(gap, self.today);
            return CoverageStatus::Gap { gap: gap.id().clone(), state };
        }
        let account = summary.filter(|_| system.enforcement == Enforcement::Enforced);
        let lost = account.is_some_and(rollout::has_had_a_factor);
        let not_yet = self.practice.not_yet_asked(system, person, self.as_of).filter(|_| !lost);
        let pending = account.and_then(|summary| summary.pending_until);
        if let Some(until) = pending.filter(|until| self.as_of < *until) {
            return CoverageStatus::Pending { until, asked: not_yet.is_none() };
        }
        match not_yet {
            Some((until, AllowReason::Grace)) => return CoverageStatus::InGrace { until },
            Some((until, _)) => {
                return CoverageStatus::BeforeGoLive {
                    on: Date::of(until, self.practice.offset()),
                };
            }
            None => {}
        }
        if system.is_in_scope() { CoverageStatus::NotEnrolled } else { CoverageStatus::NotRequired }
    }

    fn record(
        &self,
        person: &Person,
        summary: &Option<Summary>,
        holders: &BTreeMap<&str, BTreeSet<&PersonId>>,
    ) -> AccountSource {
        let devices = || summary.iter().flat_map(Summary::confirmed);
        let openly = devices().filter(|device| device.bound_openly);
        let prints = devices().filter_map(|device| device.fingerprint.as_deref());
        let others = prints.filter_map(|print| holders.get(print)).flatten().copied();
        let shares_secret_with: BTreeSet<&PersonId> =
            others.filter(|other| **other != person.id).collect();
        let newer = summary.as_ref().is_some_and(|summary| {
            let devices = summary.devices.iter();
            let moments = devices.flat_map(|device| [Some(device.bound_at), device.last_used]);
            let moments = moments.chain([summary.first_bound_at, summary.offboarded_at]);
            moments.flatten().any(|moment| moment > self.as_of)
        });
        let trusted = summary.iter().flat_map(|summary| &summary.trusted_browsers);
        AccountSource {
            person: person.id.clone(),
            name: person.name.clone(),
            called: self.practice.call(person),
            epoch: summary.as_ref().map(|summary| summary.epoch),
            standing: summary.as_ref().map(|summary| summary.standing.name()),
            trained_on: person.trained_on.filter(|on| *on <= self.today),
            first_bound_at: summary.as_ref().and_then(|summary| summary.first_bound_at),
            short_secret: summary.as_ref().is_some_and(has_short_secret),
            bound_openly: openly.map(|device| device.method).collect(),
            shares_secret_with: shares_secret_with.into_iter().cloned().collect(),
            trusted_browsers: trusted.filter(|one| self.as_of <= one.until).count(),
            newer_than_report: newer,
        }
    }

    /// Derived from what people hold, so that none is forgotten; people who left are none.
    fn administrators(&self) -> Vec<AdministratorLine> {
        let offset = self.practice.offset();
        let here = self
            .practice
            .people()
            .filter(|person| person.employment.at(self.as_of, offset) != EmploymentStatus::Over);
        let found = here.filter_map(|person| {
            let privilege = self.practice.privilege_of(person);
            (privilege != Privilege::Staff).then(|| AdministratorLine {
                person: person.id.clone(),
                name: person.name.clone(),
                privilege,
                as_written: privilege == person.privilege,
                systems: self
                    .practice
                    .administered_by(&person.id)
                    .map(|system| system.id.clone())
                    .collect(),
                clients: person.clients.clone(),
            })
        });
        found.collect()
    }

    /// Gaps found by the day of the report: the open ones first, then by identifier.
    fn gap_lines(&self) -> Vec<GapLine> {
        let found = self.practice.gaps().filter(|gap| gap.identified_on() <= self.today);
        let mut lines: Vec<GapLine> = found
            .filter_map(|gap| Some(self.gap_line(gap, self.practice.system(gap.system())?)))
            .collect();
        lines.sort_by_key(|line| matches!(line.state, GapState::Closed { .. })); // stable
        lines
    }

    fn gap_line(&self, gap: &Gap, system: &System) -> GapLine {
        let state = self.practice.gap_state(gap, self.today);
        let closed = matches!(state, GapState::Closed { .. });
        let missing = gap.missing_controls(self.today).map(|control| String::from(control.name()));
        let approvals = self.signatures(gap);
        let reviews: Vec<GapReview> =
            gap.reviews().iter().filter(|review| review.on <= self.today).cloned().collect();
        let read = gap.acknowledgements().iter().filter(|read| read.on <= self.today);
        let contacts = gap.contacts().iter().filter(|contact| contact.asked_on <= self.today);
        GapLine {
            gap: gap.id().clone(),
            system: system.id.clone(),
            system_name: system.name.clone(),
            kind: gap.kind().name(),
            proposed: gap.kind().is_proposed(),
            state,
            identified_on: gap.identified_on(),
            reason: gap.reason().clone(),
            controls: gap.controls().to_vec(),
            missing_controls: missing.collect(),
            lacks: if closed { Vec::new() } else { self.practice.gap_lacks(gap, self.today) },
            not_counted: gap
                .approvals()
                .iter()
                .filter(|it| it.on <= self.today && !self.practice.may_sign(gap, &it.by))
                .cloned()
                .collect(),
            named_users: gap.named_users().to_vec(),
            owner: gap.owner().clone(),
            approval: approvals.max_by_key(|approval| approval.until).cloned(),
            last_review: reviews.iter().max_by_key(|review| review.on).cloned(),
            reviews,
            acknowledgements: read.cloned().collect(),
            migration_plan: match gap.kind() {
                GapKind::ProposedUnsupportedAsset { migration_plan, migrate_by } => {
                    Some((migration_plan.clone(), *migrate_by))
                }
                _ => None,
            },
            review_due: gap.review_due(self.today),
            contacts: contacts.cloned().collect(),
            retain_until: gap.retain_until().filter(|_| closed),
        }
    }

    /// The signatures that count, up to the report.
    fn signatures<'g>(&self, gap: &'g Gap) -> impl Iterator<Item = &'g GapApproval> {
        let signed = gap.approvals().iter().filter(|approval| approval.on <= self.today);
        signed.filter(|approval| self.practice.may_sign(gap, &approval.by))
    }

    fn vendor_line(&self, system: &System) -> VendorLine {
        let gaps = self.practice.gaps_of(&system.id);
        let contacts = gaps.flat_map(Gap::contacts);
        let contacts = contacts.filter(|contact| contact.asked_on <= self.today);
        let last = contacts.max_by_key(|contact| contact.asked_on).cloned();
        let next = match &last {
            _ if system.offer() == OfferedFactor::Unknown => VendorStep::LookUp,
            None => VendorStep::Ask,
            Some(contact) if contact.answer.as_ref().is_some_and(|it| it.on <= self.today) => {
                VendorStep::Recheck
            }
            Some(contact) if contact.asked_on.plus_days(ANSWER_DAYS) < self.today => {
                VendorStep::AskAgain
            }
            Some(_) => VendorStep::AwaitAnswer,
        };
        VendorLine {
            system: system.id.clone(),
            name: system.name.clone(),
            offer: system.offer(),
            last_contact: last,
            next,
        }
    }

    /// Everything with a day on it, the earliest first. Overdue ones are the earliest.
    fn due(&self, accounts: &[(&Person, Option<Summary>)], vendors: &[VendorLine]) -> Vec<DueItem> {
        let mut due = Vec::new();
        self.due_on_systems(&mut due);
        self.due_on_gaps(&mut due);
        self.due_by_vendors(vendors, &mut due);
        self.due_for_people(accounts, &mut due);
        due.sort();
        due
    }

    fn add(&self, due: &mut Vec<DueItem>, on: Date, what: String) {
        due.push(DueItem { on, what, overdue: on < self.today });
    }

    fn due_on_systems(&self, due: &mut Vec<DueItem>) {
        let offset = self.practice.offset();
        for system in self.practice.systems() {
            let name = &system.name;
            let mut look_again: BTreeMap<Date, Vec<String>> = BTreeMap::new();
            if let Some(go_live) = self.practice.go_live(&system.id)
                && self.today <= go_live.on()
            {
                self.add(due, go_live.on(), format!("{name}: go-live"));
            }
            for login in self.practice.logins_of(&system.id) {
                let Some(person) = self.practice.person(&login.person) else { continue };
                if person.employment.at(self.as_of, offset) == EmploymentStatus::Over {
                    continue;
                }
                let grace = self.practice.grace(&system.id, &person.id);
                if let Some(grace) = grace.filter(|grace| self.as_of < grace.until()) {
                    let last_day = Date::of(
                        UnixTime::from_secs(grace.until().as_secs().saturating_sub(1)),
                        offset,
                    );
                    let person = self.practice.call(person);
                    self.add(due, last_day, format!("{name}: the grace of {person} ends"));
                }
                if let Some(seen) = &login.attestation {
                    let again = seen.seen_on.plus_months(ATTESTATION_MONTHS);
                    look_again.entry(again).or_default().push(self.practice.call(person));
                }
            }
            for (on, people) in look_again {
                let what = format!("{name}: look again at the factor of {}", people.join(", "));
                self.add(due, on, what);
            }
        }
        for system in self.practice.missing_gaps(self.today) {
            self.add(due, self.today, format!("{}: open a gap and ask the vendor", system.name));
        }
    }

    fn due_on_gaps(&self, due: &mut Vec<DueItem>) {
        for gap in self.practice.gaps().filter(|gap| gap.is_open(self.today)) {
            let Some(system) = self.practice.system(gap.system()) else { continue };
            let (id, name) = (gap.id(), &system.name);
            self.add(due, gap.review_due(self.today), format!("{name}: review gap {id}"));
            // The question to the vendor is among the vendors' items.
            for lack in self.practice.gap_lacks(gap, self.today) {
                if !gap.is_asked(self.today) && lack.starts_with("ask") {
                    continue;
                }
                self.add(due, gap.identified_on(), format!("{name}: gap {id}: {lack}"));
            }
            let (on, what) = match self.signatures(gap).map(|approval| approval.until).max() {
                Some(until) => (until, "the approval ends"),
                None => (gap.identified_on(), "approve it or end the access"),
            };
            self.add(due, on, format!("{name}: gap {id}: {what}"));
        }
    }

    fn due_by_vendors(&self, vendors: &[VendorLine], due: &mut Vec<DueItem>) {
        for line in vendors {
            let name = &line.name;
            let on = match (line.next, &line.last_contact) {
                (VendorStep::AwaitAnswer | VendorStep::AskAgain, Some(contact)) => {
                    contact.asked_on.plus_days(ANSWER_DAYS)
                }
                (VendorStep::Recheck, _) => {
                    let support = self.practice.system(&line.system);
                    let support = support.and_then(|system| system.support.as_ref());
                    support.map_or(self.today, |found| found.seen_on.plus_months(SUPPORT_MONTHS))
                }
                _ => self.today,
            };
            let what = match line.next {
                VendorStep::AwaitAnswer => "an answer of the vendor is expected",
                VendorStep::Recheck => "look up again what it offers",
                next => next.name(),
            };
            self.add(due, on, format!("{name}: {what}"));
            let answer = line.last_contact.as_ref().and_then(|contact| contact.answer.as_ref());
            if let Some(promised) = answer.and_then(|answer| answer.available_on) {
                self.add(due, promised, format!("{name}: the vendor promised a factor"));
            }
        }
    }

    fn due_for_people(&self, accounts: &[(&Person, Option<Summary>)], due: &mut Vec<DueItem>) {
        let offset = self.practice.offset();
        for (person, summary) in accounts {
            let name = self.practice.call(person);
            if summary.as_ref().is_some_and(|summary| summary.recovery_replacement_due) {
                self.add(due, self.today, format!("{name}: issue new recovery codes"));
            }
            if summary.as_ref().is_some_and(has_short_secret) {
                let what = format!("{name}: replace the device with a secret below 128 bits");
                self.add(due, self.today, what);
            }
            let emergency = summary.as_ref().and_then(|summary| summary.emergency_until);
            if let Some(until) = emergency.filter(|until| self.as_of < *until) {
                let what = format!("{name}: emergency access ends");
                self.add(due, Date::of(until, offset), what);
            }
            let Employment::Ended { .. } = person.employment else { continue };
            let plan = OffboardingPlan::new(
                self.practice,
                &person.id,
                summary.as_ref(),
                OffboardingDeadlines::EndOfDay,
                self.as_of,
            );
            for line in plan.iter().flat_map(OffboardingPlan::open) {
                if matches!(line.step, OffboardingStep::Enforced(_)) {
                    continue; // done with the account
                }
                let what = &line.what;
                self.add(due, Date::of(line.due, offset), format!("{name} leaves: {what}"));
            }
        }
    }
}

/// The account of a person. People come by identifier, so none has to be searched for.
fn found<'a, 'p>(
    accounts: &'a [(&'p Person, Option<Summary>)],
    person: &PersonId,
) -> Option<&'a (&'p Person, Option<Summary>)> {
    let place = accounts.binary_search_by(|(who, _)| who.id.cmp(person)).ok()?;
    accounts.get(place)
}

fn has_short_secret(summary: &Summary) -> bool {
    summary.confirmed().any(|device| device.short_secret)
}
