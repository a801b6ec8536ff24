//! When somebody leaves: what was revoked at once, what must be done elsewhere and by when, and who
//! did it.
//!
//! Standard: 45 CFR 164.308(a)(3)(ii)(C) (ending access), 164.316(b)(2)(i) (kept six years); NIST
//! SP 800-63B-4 section 4.5 (invalidate promptly); CISA CPG 2.0 3.D. The clocks of one hour and 24
//! hours are the proposed 164.308(a)(9) (90 FR 898), **not in force**.
//!
//! Revocation happens where the sign-in is: for the host's own systems it is one swap of the
//! account and done when this plan is made. For everybody else's it is work for a person, and the
//! part that is forgotten. The plan is a pure function of the practice and the account; the
//! completed tasks are records of the practice.

use countersign::{Summary, UnixTime};

use crate::date::{Date, UtcOffset};
use crate::inventory::{EmploymentStatus, Enforcement, LoginKind, PersonId, SystemId, TextLine};
use crate::rollout::{OffboardingTask, Practice, PracticeError};

/// By when things must be done, from the end of the employment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum OffboardingDeadlines {
    /// By the end of that day, where the practice is. The rule in force names no time.
    #[default]
    EndOfDay,
    /// Access within one hour, notice to clients within 24 hours: the proposed rule, not in force.
    Proposed,
}

impl OffboardingDeadlines {
    /// Seconds to end access under [`OffboardingDeadlines::Proposed`].
    pub const ACCESS_SECS: u64 = 3_600;
    /// Seconds to tell clients under [`OffboardingDeadlines::Proposed`].
    pub const NOTICE_SECS: u64 = 86_400;

    fn due(self, step: &OffboardingStep, ended_at: UnixTime, end_of_day: UnixTime) -> UnixTime {
        match (self, step) {
            (OffboardingDeadlines::EndOfDay, _) => end_of_day,
            (
                OffboardingDeadlines::Proposed,
                OffboardingStep::ByHand(OffboardingTask::NotifyClient(_)),
            ) => ended_at.plus(OffboardingDeadlines::NOTICE_SECS),
            (OffboardingDeadlines::Proposed, _) => ended_at.plus(OffboardingDeadlines::ACCESS_SECS),
        }
    }
}

/// The list for one leaver.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OffboardingPlan {
    /// Who leaves.
    pub person: PersonId,
    /// What people call them.
    pub name: TextLine,
    /// The same, told apart from another person of the same name.
    pub called: String,
    /// When the employment ends or ended.
    pub ended_at: UnixTime,
    /// The last day of work.
    pub last_day: Date,
    /// Which clock the deadlines follow.
    #[cfg_attr(feature = "serde", serde(rename = "clock"))]
    pub deadlines: OffboardingDeadlines,
    /// The moment for which the plan was made.
    pub as_of: UnixTime,
    /// Where the practice's days begin, for showing moments.
    pub offset: UtcOffset,
    /// The account first, then the host's systems, then everything that is done by hand.
    pub lines: Vec<OffboardingLine>,
    /// Until the end of which day this evidence must be kept; `None` while anything is open.
    pub retain_until: Option<Date>,
}

impl OffboardingPlan {
    /// The list for `person`, as it stands at `now`.
    ///
    /// `summary` is the account as last stored. `None`, nothing is known of it, leaves its lines open;
    /// an empty one, of a person who never had an account, has nothing to close.
    ///
    /// # Errors
    /// [`PracticeError::UnknownPerson`]; [`PracticeError::NotLeaving`] while no end of the
    /// employment is recorded.
    pub fn new(
        practice: &Practice,
        person: &PersonId,
        summary: Option<&Summary>,
        deadlines: OffboardingDeadlines,
        now: UnixTime,
    ) -> Result<OffboardingPlan, PracticeError> {
        let who =
            practice.person(person).ok_or_else(|| PracticeError::UnknownPerson(person.clone()))?;
        let ended_at =
            who.employment.end().ok_or_else(|| PracticeError::NotLeaving(person.clone()))?;
        let offset = practice.offset();
        let last_day =
            who.employment.last_day(offset).unwrap_or_else(|| Date::of(ended_at, offset));
        let own = practice.logins_by(person).filter_map(|login| practice.system(&login.system));
        let mut own: Vec<_> =
            own.filter(|system| system.enforcement == Enforcement::Enforced).collect();
        own.sort_by_key(|system| system.kind); // stable: identifiers stay in order
        let own = own.into_iter().map(|system| OffboardingStep::Enforced(system.id.clone()));
        let by_hand = practice.tasks_of(who).into_iter().map(OffboardingStep::ByHand);
        let steps = [OffboardingStep::Account].into_iter().chain(own).chain(by_hand);
        let never = summary.is_some_and(|summary| *summary == Summary::default());
        let lines: Vec<OffboardingLine> = steps
            .map(|step| {
                let due = deadlines.due(&step, ended_at, offset.day_end(last_day));
                let done = match &step {
                    OffboardingStep::Account | OffboardingStep::Enforced(_) => {
                        // Without an account nothing worked from the end on.
                        let at = if never {
                            Some(ended_at.min(due))
                        } else {
                            summary.and_then(revoked_at)
                        };
                        let at = at.filter(|at| !never || *at <= now);
                        at.map(|at| StepCompletion { at, by: None, by_name: None })
                    }
                    OffboardingStep::ByHand(task) => completion(practice, person, task, now),
                };
                let late = done.as_ref().map_or(now, |done| done.at) > due;
                let what = words(practice, &step, never);
                OffboardingLine { what, step, due, done, late }
            })
            .collect();
        let all_done = lines.iter().all(|line| line.done.is_some());
        let last = lines.iter().filter_map(|line| line.done.as_ref()).map(|done| done.at).max();
        let retain_until =
            all_done.then(|| Date::retain_until(last_day, last.map(|last| Date::of(last, offset))));
        let (name, called) = (who.name.clone(), practice.call(who));
        let person = person.clone();
        Ok(OffboardingPlan {
            person,
            name,
            called,
            ended_at,
            last_day,
            deadlines,
            as_of: now,
            offset,
            lines,
            retain_until,
        })
    }

    /// The lines that are not done.
    pub fn open(&self) -> impl Iterator<Item = &OffboardingLine> {
        self.lines.iter().filter(|line| line.done.is_none())
    }
}

/// When the account was ended, if nothing of it works any more.
fn revoked_at(summary: &Summary) -> Option<UnixTime> {
    summary.offboarded_at.filter(|_| !is_usable(summary))
}

fn completion(
    practice: &Practice,
    person: &PersonId,
    task: &OffboardingTask,
    now: UnixTime,
) -> Option<StepCompletion> {
    let completed = practice.completed_task(person, task)?;
    (completed.at <= now).then(|| StepCompletion {
        at: completed.at,
        by: Some(completed.by.clone()),
        by_name: practice.person(&completed.by).map(|by| by.name.clone()),
    })
}

fn words(practice: &Practice, step: &OffboardingStep, never: bool) -> String {
    let system = |id: &SystemId| {
        let system = practice.system(id);
        String::from(system.map_or(id.as_str(), |system| system.name.as_str()))
    };
    match step {
        OffboardingStep::Account if never => String::from("offboard the account: there is none"),
        OffboardingStep::Account => String::from("offboard the account"),
        OffboardingStep::Enforced(id) if never => {
            format!("{}: nothing to close without an account", system(id))
        }
        OffboardingStep::Enforced(id) => format!("{}: closed with the account", system(id)),
        OffboardingStep::ByHand(OffboardingTask::ChangeSharedPassword(id)) => {
            format!("{}: change the shared password", system(id))
        }
        OffboardingStep::ByHand(OffboardingTask::NotifyClient(id)) => {
            let client = practice.clients().find(|client| client.id == *id);
            format!("tell {}", client.map_or(id.as_str(), |client| client.name.as_str()))
        }
        OffboardingStep::ByHand(OffboardingTask::RemoveLogin(id)) => {
            format!("{}: remove the login and its second factor", system(id))
        }
    }
}

/// One line of a [`OffboardingPlan`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OffboardingLine {
    /// What.
    pub step: OffboardingStep,
    /// What, in words, with the names that people use.
    pub what: String,
    /// The last moment that is in time.
    pub due: UnixTime,
    /// When it was done and by whom; `None` while it is open.
    pub done: Option<StepCompletion>,
    /// Done after it was due, or open and past it.
    pub late: bool,
}

/// What has to be done for a leaver.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum OffboardingStep {
    /// Offboard the account: devices, recovery codes, pending enrolments and emergency access end
    /// in one swap, and nothing can be enrolled again.
    Account,
    /// A system of the host, closed by the same swap.
    Enforced(SystemId),
    /// Something a person does.
    ByHand(OffboardingTask),
}

/// That a line is done.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct StepCompletion {
    /// When.
    pub at: UnixTime,
    /// By whom; `None` for what the library did.
    pub by: Option<PersonId>,
    /// What people call them.
    pub by_name: Option<TextLine>,
}

/// Something of a former employee that still works, or of which nobody knows.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RemainingAccess {
    /// Whose.
    pub person: PersonId,
    /// What.
    pub what: RemainingAccessKind,
}

/// What of a former employee is left.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum RemainingAccessKind {
    /// Factors of the account still work, or can still be enrolled.
    Account,
    /// No summary of the account was at hand.
    AccountUnknown,
    /// The login in a system of others was not ticked off as removed.
    Login(SystemId),
    /// They know a password that was not changed since.
    SharedPassword(SystemId),
}

/// Everything that former employees still have at `now`, by person. Empty is the only good answer.
#[must_use]
pub fn remaining_access(
    practice: &Practice,
    summaries: &dyn Fn(&PersonId) -> Option<Summary>,
    now: UnixTime,
) -> Vec<RemainingAccess> {
    let mut found = Vec::new();
    for person in practice.people() {
        if person.employment.at(now, practice.offset()) != EmploymentStatus::Over {
            continue;
        }
        let mut add = |what| found.push(RemainingAccess { person: person.id.clone(), what });
        match summaries(&person.id) {
            Some(summary) if is_usable(&summary) => add(RemainingAccessKind::Account),
            Some(_) => {}
            None => add(RemainingAccessKind::AccountUnknown),
        }
        for task in practice.tasks_of(person) {
            if practice
                .completed_task(&person.id, &task)
                .is_some_and(|completed| completed.at <= now)
            {
                continue;
            }
            match task {
                OffboardingTask::ChangeSharedPassword(system) => {
                    add(RemainingAccessKind::SharedPassword(system))
                }
                OffboardingTask::RemoveLogin(system) => add(RemainingAccessKind::Login(system)),
                OffboardingTask::NotifyClient(_) => {}
            }
        }
    }
    found
}

/// Whether a person's login on one system has been undone by hand at `now`.
pub(crate) fn is_undone(
    practice: &Practice,
    person: &PersonId,
    system: &SystemId,
    now: UnixTime,
) -> bool {
    let task = match practice.login(system, person).map(|login| login.kind) {
        Some(LoginKind::Personal) => OffboardingTask::RemoveLogin(system.clone()),
        Some(LoginKind::Shared) => OffboardingTask::ChangeSharedPassword(system.clone()),
        None => return true,
    };
    practice.completed_task(person, &task).is_some_and(|completed| completed.at <= now)
}

/// Whether anything of the account still works or can come to work. A tombstone alone is not
/// believed: an account that says it was offboarded and still lists a confirmed device is usable.
pub(crate) fn is_usable(summary: &Summary) -> bool {
    let enrolled = summary.confirmed().next().is_some()
        || summary.recovery_codes_left > 0
        || summary.pending_until.is_some()
        || summary.emergency_until.is_some();
    enrolled || (summary.offboarded_at.is_none() && *summary != Summary::default())
}
