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

mod judgement;
mod lines;
mod status;

pub use lines::*;
pub use status::*;

use judgement::{Moment, found};

/// What was seen in somebody else's system is believed for so many calendar months.
pub const ATTESTATION_MONTHS: u32 = 6;

/// What a system offers is looked up again after so many calendar months, while it offers too
/// little.
pub const SUPPORT_MONTHS: u32 = 6;

/// A vendor who has not answered is asked again after so many days.
pub const ANSWER_DAYS: u32 = 30;

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
