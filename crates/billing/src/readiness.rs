//! Whether a go-live date can hold: who has enrolled, who was trained, who is missing.
//!
//! Standard: 45 CFR 164.308(a)(5) (training), 164.312(a)(2)(i) (unique users, before anything
//! else); HICP 3.M.B.
//!
//! The same judgement as `coverage`, asked per system and before the day. A date that cannot hold
//! says why, so that it is moved on purpose or not at all.

use countersign::{Summary, UnixTime};

use crate::coverage::{Coverage, CoverageLine, CoverageStatus, SystemCoverage};
use crate::date::Date;
use crate::gap::GapState;
use crate::inventory::{OfferedFactor, PersonId, SystemId, TextLine};
use crate::rollout::Practice;

/// Whether the go-live dates of a practice can hold, or have held.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Readiness {
    /// What the practice is called.
    #[cfg_attr(feature = "serde", serde(rename = "operation"))]
    pub practice: TextLine,
    /// The moment for which it was judged.
    pub as_of: UnixTime,
    /// Its day, where the practice is.
    pub as_of_date: Date,
    /// Whether that day had not come when the records were read.
    pub ahead: bool,
    /// The systems in scope, in the order in which to start.
    pub systems: Vec<SystemReadiness>,
}

impl Readiness {
    /// Judges every system in scope. `summaries` is as for [`Coverage::new`].
    #[must_use]
    pub fn new(
        practice: &Practice,
        summaries: &dyn Fn(&PersonId) -> Option<Summary>,
        as_of: UnixTime,
    ) -> Readiness {
        let coverage = Coverage::new(practice, summaries, as_of);
        let today = coverage.as_of_date;
        let in_scope = coverage.systems.iter().filter(|system| system.in_scope);
        let systems = in_scope.map(|system| SystemReadiness::new(practice, system, today));
        Readiness {
            practice: coverage.practice.clone(),
            as_of,
            as_of_date: today,
            ahead: coverage.ahead,
            systems: systems.collect(),
        }
    }
}

/// Whether the go-live date of one system can hold, or has held.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SystemReadiness {
    /// The system.
    pub system: SystemId,
    /// What people call it.
    pub name: TextLine,
    /// Its go-live date.
    pub go_live: Option<Date>,
    /// People with a login there who are or will be employed when it goes live.
    pub people: usize,
    /// How many have enrolled what it asks for.
    pub enrolled: usize,
    /// How many a standing gap excuses.
    pub excused: usize,
    /// How many were trained before the date.
    pub trained: usize,
    /// Who is missing what, by person.
    pub missing: Vec<PersonNotReady>,
    /// Why the date cannot hold; empty: it can.
    pub blockers: Vec<GoLiveBlocker>,
}

impl SystemReadiness {
    fn new(practice: &Practice, system: &SystemCoverage, today: Date) -> SystemReadiness {
        let shared = |line: &&CoverageLine| matches!(line.status, CoverageStatus::Shared { .. });
        let counted = system.lines.iter().filter_map(|line| {
            let person = practice.person(&line.person)?;
            let day = system.go_live.map_or(today, |go_live| go_live.max(today));
            let last = person.employment.last_day(practice.offset());
            let stays = person.employment.from() <= day && last.is_none_or(|last| last >= day);
            (stays && !matches!(line.status, CoverageStatus::Left { .. })).then_some((line, person))
        });
        let (mut people, mut enrolled, mut excused, mut trained) =
            (0_usize, 0_usize, 0_usize, 0_usize);
        let mut missing = Vec::new();
        for (line, person) in counted {
            let is_excused =
                matches!(line.status, CoverageStatus::Gap { state: GapState::Standing { .. }, .. });
            let is_enrolled = line.status.is_enrolled();
            let is_trained = person.trained_on.is_some_and(|trained_on| {
                let first_day = person.employment.from();
                let in_time = system.go_live.is_none_or(|go_live| {
                    trained_on < go_live || (first_day >= go_live && trained_on <= today)
                });
                trained_on <= today && in_time
            });
            people = people.saturating_add(1);
            enrolled = enrolled.saturating_add(usize::from(is_enrolled));
            excused = excused.saturating_add(usize::from(is_excused));
            trained = trained.saturating_add(usize::from(is_trained));
            let enrolment = !is_enrolled && !is_excused;
            if enrolment || !is_trained {
                let called = practice.call(person);
                let (person, name) = (line.person.clone(), line.name.clone());
                let training = !is_trained;
                missing.push(PersonNotReady { person, name, called, enrolment, training });
            }
        }
        // Where nothing is offered and every person is excused, there is nothing to go live with.
        let nothing = system.offer == OfferedFactor::NoMfa && people > 0 && excused == people;
        let blockers = [
            (system.go_live.is_none() && !nothing, GoLiveBlocker::NoDate),
            (system.offer == OfferedFactor::Unknown, GoLiveBlocker::SupportUnknown),
            (system.lines.iter().any(|line| shared(&line)), GoLiveBlocker::SharedLogin),
            (people == 0, GoLiveBlocker::NoPeople),
            (missing.iter().any(|person| person.enrolment), GoLiveBlocker::NotEnrolled),
            (missing.iter().any(|person| person.training), GoLiveBlocker::NotTrained),
        ];
        let blockers = blockers.into_iter().filter_map(|(blocks, why)| blocks.then_some(why));
        SystemReadiness {
            system: system.system.clone(),
            name: system.name.clone(),
            go_live: system.go_live,
            people,
            enrolled,
            excused,
            trained,
            missing,
            blockers: blockers.collect(),
        }
    }

    /// Whether the date can hold as things stand.
    #[must_use]
    pub fn can_hold(&self) -> bool {
        self.blockers.is_empty()
    }

    /// Enrolled people in whole percent, rounded down; `None` if there is nobody.
    #[must_use]
    pub fn percent_enrolled(&self) -> Option<usize> {
        percent(self.enrolled, self.people)
    }

    /// Trained people in whole percent, rounded down; `None` if there is nobody.
    #[must_use]
    pub fn percent_trained(&self) -> Option<usize> {
        percent(self.trained, self.people)
    }
}

fn percent(part: usize, whole: usize) -> Option<usize> {
    part.saturating_mul(100).checked_div(whole)
}

/// What one person is missing before a go-live date.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PersonNotReady {
    /// Who.
    pub person: PersonId,
    /// What people call them.
    pub name: TextLine,
    /// The same, told apart from another person of the same name.
    pub called: String,
    /// Has not enrolled, and nothing standing excuses it.
    pub enrolment: bool,
    /// Was not trained before the date.
    pub training: bool,
}

/// Why a date cannot hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum GoLiveBlocker {
    /// There is no date.
    NoDate,
    /// Nobody has a login there, or nobody wrote it down.
    NoPeople,
    /// Somebody has not enrolled.
    NotEnrolled,
    /// Somebody was not trained.
    NotTrained,
    /// A login is shared.
    SharedLogin,
    /// Nobody knows what the system offers.
    SupportUnknown,
}

impl GoLiveBlocker {
    /// What it says in a report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            GoLiveBlocker::NoDate => "no date is set",
            GoLiveBlocker::NoPeople => "nobody has a login",
            GoLiveBlocker::NotEnrolled => "people have not enrolled",
            GoLiveBlocker::NotTrained => "people were not trained before the date",
            GoLiveBlocker::SharedLogin => "a login is shared",
            GoLiveBlocker::SupportUnknown => "nobody knows what the system offers",
        }
    }
}
