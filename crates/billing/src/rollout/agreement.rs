//! Whether records tell the same story: what one of them says, another must not deny.
//!
//! Standard: 45 CFR 164.316(b)(1) (a record of an assessment has to be true); NIST SP 800-63B-4
//! section 3.1.3 (what a factor is).
//!
//! Each rule here refuses the second of two records that contradict each other. Which of the two is
//! wrong is for a person to say.

use crate::date::Date;
use crate::gap::{Gap, GapKind, GapResolution, GapState};
use crate::inventory::{
    Attestation, Duty, Enforcement, LoginKind, OfferedFactor, PersonId, System, SystemId,
};
use crate::rollout::{CompletedTask, OffboardingTask, Practice, PracticeError};

impl Practice {
    /// Refuses facts dated after the day on which the records are read.
    pub(super) fn not_ahead(
        &self,
        facts: impl IntoIterator<Item = Date>,
    ) -> Result<(), PracticeError> {
        let Some(read_on) = self.read_on else { return Ok(()) };
        let ahead = facts.into_iter().find(|fact| *fact > read_on);
        ahead.map_or(Ok(()), |fact| Err(PracticeError::Ahead(fact)))
    }

    /// Whether the enforcement of a system is what the host says of its sign-in.
    pub(super) fn is_what_it_says(&self, system: &System) -> Result<(), PracticeError> {
        let named = self.own.contains(&system.id);
        match system.enforcement {
            Enforcement::Enforced if !named => Err(PracticeError::NotOurs(system.id.clone())),
            Enforcement::Attested if named => {
                Err(PracticeError::OursAndAttested(system.id.clone()))
            }
            // Our sign-in takes app codes, so a record that denies it is about another system.
            Enforcement::Enforced if system.offer() == OfferedFactor::NoMfa => {
                Err(PracticeError::OwnWithoutFactor(system.id.clone()))
            }
            _ => self.not_ahead(system.support.as_ref().map(|support| support.seen_on)),
        }
    }

    /// Whether a factor could be seen there on that day, by that witness.
    pub(super) fn could_be_seen(
        &self,
        system: &System,
        person: &PersonId,
        seen: &Attestation,
    ) -> Result<(), PracticeError> {
        if !system.offer().allows(seen.method) {
            return Err(PracticeError::OffersLess {
                system: system.id.clone(),
                person: person.clone(),
                method: seen.method,
                offer: system.offer(),
            });
        }
        self.employed_on(person, seen.seen_on)?;
        self.employed_on(&seen.by, seen.seen_on)?;
        self.not_ahead([seen.seen_on])
    }

    /// Whether those who signed, reviewed, asked or read the notice worked here on that day.
    pub(super) fn could_be_signed(&self, gap: &Gap) -> Result<(), PracticeError> {
        let signed = gap.approvals().iter().map(|approval| (&approval.by, approval.on));
        let signed = signed.chain(gap.reviews().iter().map(|review| (&review.by, review.on)));
        let asked = gap.contacts().iter().map(|contact| (&contact.asked_by, contact.asked_on));
        let read = gap.acknowledgements().iter().map(|read| (&read.person, read.on));
        signed.chain(asked).chain(read).try_for_each(|(person, on)| {
            self.known_person(person)?;
            self.employed_on(person, on)
        })
    }

    /// Whether a gap fits the system, its logins and what was ticked off there.
    pub(super) fn fits(&self, gap: &Gap, system: &System) -> Result<(), PracticeError> {
        let shared = self.logins_of(gap.system()).any(|login| login.kind == LoginKind::Shared);
        let open = gap.closing().is_none();
        if open && *gap.kind() == GapKind::SharedLoginPlatform && !shared {
            return Err(PracticeError::NothingShared(system.id.clone()));
        }
        if !agrees(gap, system.offer(), shared) {
            return Err(PracticeError::SupportSaysOtherwise {
                system: system.id.clone(),
                offer: system.offer(),
            });
        }
        let tasks = [OffboardingTask::ChangeSharedPassword, OffboardingTask::RemoveLogin];
        let tasks = tasks.map(|task| task(gap.system().clone()));
        let mut ticks = gap.named_users().iter().flat_map(|person| {
            tasks.iter().filter_map(move |task| self.completed_task(person, task))
        });
        ticks.try_for_each(|it| self.is_later(it, worked_there(gap, &it.leaver)))
    }

    /// Whether a login was ticked off on or after the day on which its user was last seen there: by
    /// an attestation, or as a named user of a gap.
    pub(super) fn follows_the_last_sight(
        &self,
        completed: &CompletedTask,
    ) -> Result<(), PracticeError> {
        let Some(system) = at(&completed.task) else { return Ok(()) };
        let leaver = &completed.leaver;
        let seen = self.login(system, leaver).and_then(|login| login.attestation.as_ref());
        let named = self.gaps_of(system).filter(|gap| gap.names(leaver));
        let named = named.map(|gap| worked_there(gap, leaver)).max();
        let last = seen.map(|seen| seen.seen_on).max(named);
        last.map_or(Ok(()), |last| self.is_later(completed, last))
    }

    /// Whether a person has a grace, or is named in a gap: what an administrator of several clients
    /// cannot have.
    pub(super) fn has_an_exception(&self, person: &PersonId) -> bool {
        self.graces.keys().any(|(_, other)| other == person)
            || self.gaps.values().any(|gap| gap.names(person))
    }

    /// Whether a signature counts: of the security official, who is not one of those it excuses.
    #[must_use]
    pub fn may_sign(&self, gap: &Gap, by: &PersonId) -> bool {
        let signer = self.person(by);
        signer.is_some_and(|signer| signer.duties.contains(&Duty::SecurityOfficial))
            && !gap.names(by)
            && gap.owner() != by
    }

    /// What a gap still needs before it can excuse a person, in words: a control of the three for a
    /// portal without any factor, at least one control for others, a written question to the vendor.
    pub fn gap_lacks(&self, gap: &Gap, on: Date) -> Vec<String> {
        let missing = gap.missing_controls(on);
        let mut lacks: Vec<String> =
            missing.map(|kind| format!("record: {}", kind.name())).collect();
        if !gap.controls().iter().any(|control| control.since <= on) && lacks.is_empty() {
            lacks.push(String::from("record a control that is there"));
        }
        if !gap.is_asked(on) {
            lacks.push(String::from("ask the vendor in writing"));
        }
        lacks
    }

    /// Where a gap is on a day. Only [`GapState::Standing`] excuses: signed by a person who may, in
    /// time, reviewed in time, with everything that [`Practice::gap_lacks`] names, and of no proposed
    /// rule.
    #[must_use]
    pub fn gap_state(&self, gap: &Gap, on: Date) -> GapState {
        match gap.dated_state(on, |approval| self.may_sign(gap, &approval.by)) {
            GapState::Standing { .. } if gap.kind().is_proposed() => GapState::NotInForce,
            GapState::Standing { .. } if !self.gap_lacks(gap, on).is_empty() => {
                GapState::Incomplete
            }
            state => state,
        }
    }

    /// Whether a gap excuses `person` from a factor on a day: a gap about a portal without any, open,
    /// standing, and naming them. A platform that forces sharing excuses no person, because the
    /// sharing is the violation.
    #[must_use]
    pub fn excuses(&self, gap: &Gap, person: &PersonId, on: Date) -> bool {
        *gap.kind() == GapKind::NoMfa && self.stands_for(gap, person, on)
    }

    /// Whether `person` may use SMS codes under a gap on a day: a gap about SMS, open, standing, naming
    /// them, and they have read the notice.
    #[must_use]
    pub fn permits_sms(&self, gap: &Gap, person: &PersonId, on: Date) -> bool {
        *gap.kind() == GapKind::SmsOnly
            && gap.has_read_notice(person, on)
            && self.stands_for(gap, person, on)
    }

    fn stands_for(&self, gap: &Gap, person: &PersonId, on: Date) -> bool {
        gap.identified_on() <= on
            && gap.names(person)
            && matches!(self.gap_state(gap, on), GapState::Standing { .. })
    }

    fn is_later(&self, completed: &CompletedTask, seen_on: Date) -> Result<(), PracticeError> {
        if Date::of(completed.at, self.offset) >= seen_on {
            return Ok(());
        }
        Err(PracticeError::SeenLater { leaver: completed.leaver.clone(), seen_on })
    }

    pub(super) fn employed_on(&self, person: &PersonId, on: Date) -> Result<(), PracticeError> {
        let employment = self.known_person(person)?.employment;
        if employment.on(on, self.offset) {
            return Ok(());
        }
        Err(PracticeError::NotEmployedThen { person: person.clone(), on })
    }
}

/// The system that a task is about.
fn at(task: &OffboardingTask) -> Option<&SystemId> {
    match task {
        OffboardingTask::ChangeSharedPassword(system) | OffboardingTask::RemoveLogin(system) => {
            Some(system)
        }
        OffboardingTask::NotifyClient(_) => None,
    }
}

/// The last day on which a gap says that its named user worked there.
fn worked_there(gap: &Gap, person: &PersonId) -> Date {
    let read = gap.acknowledgements().iter().filter(|read| read.person == *person);
    read.map(|read| read.on).fold(gap.identified_on(), Date::max)
}

/// Whether a gap, the support record and the logins tell the same story.
fn agrees(gap: &Gap, offer: OfferedFactor, shared: bool) -> bool {
    match gap.closing().map(|closing| &closing.how) {
        Some(GapResolution::Migration { .. }) => true,
        Some(GapResolution::Support) => match gap.kind() {
            GapKind::NoMfa => offer > OfferedFactor::NoMfa,
            GapKind::SmsOnly | GapKind::ProposedUnsupportedAsset { .. } => {
                offer > OfferedFactor::SmsOnly
            }
            GapKind::SharedLoginPlatform => !shared,
            _ => true,
        },
        None => match gap.kind() {
            GapKind::NoMfa => offer == OfferedFactor::NoMfa,
            GapKind::SmsOnly => offer == OfferedFactor::SmsOnly,
            GapKind::ProposedUnsupportedAsset { .. } => {
                matches!(offer, OfferedFactor::NoMfa | OfferedFactor::SmsOnly)
            }
            _ => true,
        },
    }
}
