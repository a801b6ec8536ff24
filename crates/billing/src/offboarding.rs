//! When somebody leaves: what was revoked at once, what must be done elsewhere and by when, and who
//! did it.
//!
//! Standard: 45 CFR 164.308(a)(3)(ii)(C) (ending access), 164.316(b)(2)(i) (kept six years); NIST
//! SP 800-63B-4 section 4.5 (invalidate promptly); CISA CPG 2.0 3.D. The clocks of one hour and 24
//! hours are the proposed 164.308(a)(9) (90 FR 898), **not in force**.
//!
//! Revocation happens where the sign-in is: for the host's own systems it is one swap of the
//! account and done when this plan is made. For everybody else's it is work for a person, and the
//! part that is forgotten. The plan is a pure function of the operation and the account; ticks are
//! records of the operation.

use countersign::{Summary, UnixTime};

use crate::date::{Date, UtcOffset};
use crate::inventory::{EmploymentStatus, Enforcement, LoginKind, PersonId, SystemId, Text};
use crate::rollout::{Operation, Refusal, Task};

/// By when things must be done, from the end of the employment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
pub enum Clock {
    /// By the end of that day, where the operation is. The rule in force names no time.
    #[default]
    EndOfDay,
    /// Access within one hour, notice to clients within 24 hours: the proposed rule, not in force.
    Proposed,
}

impl Clock {
    /// Seconds to end access under [`Clock::Proposed`].
    pub const ACCESS_SECS: u64 = 3_600;
    /// Seconds to tell clients under [`Clock::Proposed`].
    pub const NOTICE_SECS: u64 = 86_400;
}

/// The list for one leaver.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Plan {
    /// Who leaves.
    pub person: PersonId,
    /// What people call them.
    pub name: Text,
    /// When the employment ends or ended.
    pub ended_at: UnixTime,
    /// Which clock the deadlines follow.
    pub clock: Clock,
    /// The moment for which the plan was made.
    pub as_of: UnixTime,
    /// Where the operation's days begin, for showing moments.
    pub offset: UtcOffset,
    /// The account first, then the host's systems, then everything that is done by hand.
    pub lines: Vec<Line>,
    /// Until the end of which day this evidence must be kept; `None` while anything is open.
    pub retain_until: Option<Date>,
}

impl Plan {
    /// The list for `person`, as it stands at `now`.
    ///
    /// `summary` is the account as last stored; `None`, nobody knows, leaves its lines open.
    ///
    /// # Errors
    /// [`Refusal::UnknownPerson`]; [`Refusal::NotLeaving`] while no end of the employment is
    /// recorded.
    pub fn new(
        operation: &Operation,
        person: &PersonId,
        summary: Option<&Summary>,
        clock: Clock,
        now: UnixTime,
    ) -> Result<Plan, Refusal> {
        let who = operation.person(person).ok_or_else(|| Refusal::UnknownPerson(person.clone()))?;
        let ended_at = who.employment.end().ok_or_else(|| Refusal::NotLeaving(person.clone()))?;
        let offset = operation.offset();
        let end_of_day = offset.day_end(Date::of(ended_at, offset));
        let due = |step: &Step| match (clock, step) {
            (Clock::EndOfDay, _) => end_of_day,
            (Clock::Proposed, Step::ByHand(Task::NotifyClient(_))) => {
                ended_at.plus(Clock::NOTICE_SECS)
            }
            (Clock::Proposed, _) => ended_at.plus(Clock::ACCESS_SECS),
        };
        let revoked = summary.filter(|summary| !is_usable(summary));
        let revoked = revoked.and_then(|summary| summary.offboarded_at);
        let own = operation.systems().into_iter().filter(|system| {
            system.enforcement == Enforcement::Enforced
                && operation.login(&system.id, person).is_some()
        });
        let own = own.map(|system| Step::Enforced(system.id.clone()));
        let by_hand = operation.tasks_of(who).into_iter().map(Step::ByHand);
        let lines: Vec<Line> = [Step::Account]
            .into_iter()
            .chain(own)
            .chain(by_hand)
            .map(|step| {
                let due = due(&step);
                let done = match &step {
                    Step::Account | Step::Enforced(_) => {
                        revoked.map(|at| Done { at, by: None, by_name: None })
                    }
                    Step::ByHand(task) => operation
                        .tick(person, task)
                        .filter(|tick| tick.at <= now)
                        .map(|tick| Done {
                            at: tick.at,
                            by: Some(tick.by.clone()),
                            by_name: operation.person(&tick.by).map(|by| by.name.clone()),
                        }),
                };
                let late = done.as_ref().map_or(now, |done| done.at) > due;
                Line { what: words(operation, &step), step, due, done, late }
            })
            .collect();
        let all_done = lines.iter().all(|line| line.done.is_some());
        let last = lines.iter().filter_map(|line| line.done.as_ref()).map(|done| done.at).max();
        let created = Date::of(ended_at, offset);
        let retain_until =
            all_done.then(|| Date::retain_until(created, last.map(|last| Date::of(last, offset))));
        let name = who.name.clone();
        let person = person.clone();
        Ok(Plan { person, name, ended_at, clock, as_of: now, offset, lines, retain_until })
    }

    /// The lines that are not done.
    pub fn open(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.done.is_none())
    }
}

fn words(operation: &Operation, step: &Step) -> String {
    let system = |id: &SystemId| {
        let system = operation.system(id);
        String::from(system.map_or(id.as_str(), |system| system.name.as_str()))
    };
    match step {
        Step::Account => String::from("offboard the account"),
        Step::Enforced(id) => format!("{}: closed with the account", system(id)),
        Step::ByHand(Task::ChangeSharedPassword(id)) => {
            format!("{}: change the shared password", system(id))
        }
        Step::ByHand(Task::NotifyClient(id)) => {
            let client = operation.clients().find(|client| client.id == *id);
            format!("tell {}", client.map_or(id.as_str(), |client| client.name.as_str()))
        }
        Step::ByHand(Task::RemoveLogin(id)) => {
            format!("{}: remove the login and its second factor", system(id))
        }
    }
}

/// One line of a [`Plan`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Line {
    /// What.
    pub step: Step,
    /// What, in words, with the names that people use.
    pub what: String,
    /// The last moment that is in time.
    pub due: UnixTime,
    /// When it was done and by whom; `None` while it is open.
    pub done: Option<Done>,
    /// Done after it was due, or open and past it.
    pub late: bool,
}

/// What has to be done for a leaver.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
pub enum Step {
    /// Offboard the account: devices, recovery codes, pending enrolments and emergency access end
    /// in one swap, and nothing can be enrolled again.
    Account,
    /// A system of the host, closed by the same swap.
    Enforced(SystemId),
    /// Something a person does.
    ByHand(Task),
}

/// That a line is done.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Done {
    /// When.
    pub at: UnixTime,
    /// By whom; `None` for what the library did.
    pub by: Option<PersonId>,
    /// What people call them.
    pub by_name: Option<Text>,
}

/// Something of a former employee that still works, or of which nobody knows.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Remnant {
    /// Whose.
    pub person: PersonId,
    /// What.
    pub what: RemnantKind,
}

/// What of a former employee is left.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
pub enum RemnantKind {
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
pub fn remnants(
    operation: &Operation,
    summaries: &dyn Fn(&PersonId) -> Option<Summary>,
    now: UnixTime,
) -> Vec<Remnant> {
    let mut found = Vec::new();
    for person in operation.people() {
        if person.employment.at(now, operation.offset()) != EmploymentStatus::Over {
            continue;
        }
        let mut add = |what| found.push(Remnant { person: person.id.clone(), what });
        match summaries(&person.id) {
            Some(summary) if is_usable(&summary) => add(RemnantKind::Account),
            Some(_) => {}
            None => add(RemnantKind::AccountUnknown),
        }
        for task in operation.tasks_of(person) {
            if operation.tick(&person.id, &task).is_some_and(|tick| tick.at <= now) {
                continue;
            }
            match task {
                Task::ChangeSharedPassword(system) => add(RemnantKind::SharedPassword(system)),
                Task::RemoveLogin(system) => add(RemnantKind::Login(system)),
                Task::NotifyClient(_) => {}
            }
        }
    }
    found
}

/// Whether a person's login on one system has been undone by hand at `now`.
pub(crate) fn is_undone(
    operation: &Operation,
    person: &PersonId,
    system: &SystemId,
    now: UnixTime,
) -> bool {
    let task = match operation.login(system, person).map(|login| login.kind) {
        Some(LoginKind::Personal) => Task::RemoveLogin(system.clone()),
        Some(LoginKind::Shared) => Task::ChangeSharedPassword(system.clone()),
        None => return true,
    };
    operation.tick(person, &task).is_some_and(|tick| tick.at <= now)
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
