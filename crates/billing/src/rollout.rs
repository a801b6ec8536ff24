//! The practice as a whole, and the gate: who may enter which system today.
//!
//! Standard: 45 CFR 164.312(d) (the one who seeks access is the one claimed), 164.312(a)(2)(i)
//! (unique user identification), 164.308(a)(3)(ii)(C) (ending access); CISA CPG 2.0 3.F (the
//! ranking); NIST SP 800-63B-4 section 3.2.9 (SMS).
//!
//! Records meet here, and what the records together must not say is refused when the second of them
//! comes in: a shared login where a go-live date stands, a grace without an end, an exception for
//! an administrator of several clients, a gap that names somebody without a login there. So a
//! [`Practice`] that exists can be reported on without asking again.
//!
//! The gate only ever widens by what is *present*: a date ahead, a grace, a standing gap, a
//! confirmed factor. What is missing or unknown closes it, so nobody gets in by losing a row. It
//! reads no clock, keeps nothing, and decides nothing that a `Proof` has to decide: it says by which
//! methods a person may enter, and the code is still to be verified.
//!
//! What stays with the host: showing [`SMS_NOTICE`](crate::gap::SMS_NOTICE), the training itself
//! (only its date is here), telling people of the date, every other door into the same data (API
//! tokens, file shares, password resets), and the flows for a lost or replaced device, which are
//! operations on the account.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use countersign::{Method, Proof, SignIn, Summary, UnixTime};

use crate::date::{Date, UtcOffset};
use crate::gap::Gap;
use crate::inventory::{
    Client, ClientId, EmploymentStatus, Enforcement, GapId, Login, LoginKind, Methods,
    OfferedFactor, Person, PersonId, Privilege, System, SystemId, SystemKind, TextLine,
};

mod agreement;
mod gate;
mod go_live;
mod grace;
mod reading;
mod refusal;

pub use gate::{AllowReason, DenyReason, GateAnswer};
pub use go_live::{GoLive, GoLiveError, GoLiveMove};
pub use grace::{Grace, GraceDays, StaleDays};
pub use refusal::PracticeError;

/// Something that must be done by hand when somebody leaves.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum OffboardingTask {
    /// Change the password of a login that they shared, and end the sharing.
    ChangeSharedPassword(SystemId),
    /// Tell a client that they no longer work on its data.
    NotifyClient(ClientId),
    /// Remove their login and second factor in a system that somebody else runs.
    RemoveLogin(SystemId),
}

/// That a task of an offboarding was done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CompletedTask {
    /// Who left.
    pub leaver: PersonId,
    /// What was done.
    pub task: OffboardingTask,
    /// Who did it; never the leaver.
    pub by: PersonId,
    /// When.
    pub at: UnixTime,
}

/// A practice, or a billing company and its clients: systems, people, logins, dates and gaps that
/// do not contradict each other.
#[derive(Clone, Debug)]
pub struct Practice {
    name: TextLine,
    offset: UtcOffset,
    stale: StaleDays,
    own: BTreeSet<SystemId>,
    read_on: Option<Date>,
    clients: BTreeMap<ClientId, Client>,
    people: BTreeMap<PersonId, Person>,
    names: BTreeMap<TextLine, usize>,
    systems: BTreeMap<SystemId, System>,
    /// By system and by person, and the systems of each person: no question walks over all logins.
    logins: BTreeMap<SystemId, BTreeMap<PersonId, Login>>,
    systems_of: BTreeMap<PersonId, BTreeSet<SystemId>>,
    go_lives: BTreeMap<SystemId, GoLive>,
    moves: BTreeMap<SystemId, Vec<GoLiveMove>>,
    graces: BTreeMap<(SystemId, PersonId), Grace>,
    gaps: BTreeMap<GapId, Gap>,
    gaps_at: BTreeMap<SystemId, BTreeSet<GapId>>,
    completed_tasks: BTreeMap<(PersonId, OffboardingTask), CompletedTask>,
}

impl Practice {
    /// A practice with nothing in it, whose days begin where `offset` says.
    #[must_use]
    pub fn new(name: TextLine, offset: UtcOffset, stale: StaleDays) -> Practice {
        Practice {
            name,
            offset,
            stale,
            own: BTreeSet::new(),
            read_on: None,
            clients: BTreeMap::new(),
            people: BTreeMap::new(),
            names: BTreeMap::new(),
            systems: BTreeMap::new(),
            logins: BTreeMap::new(),
            systems_of: BTreeMap::new(),
            go_lives: BTreeMap::new(),
            moves: BTreeMap::new(),
            graces: BTreeMap::new(),
            gaps: BTreeMap::new(),
            gaps_at: BTreeMap::new(),
            completed_tasks: BTreeMap::new(),
        }
    }

    /// Names the systems that the host's own sign-in guards, through this crate. Only these can be
    /// [`Enforcement::Enforced`]: a factor proved here says nothing about a sign-in elsewhere. Name
    /// them before the first system is added.
    #[must_use]
    pub fn guarding(mut self, own: impl IntoIterator<Item = SystemId>) -> Practice {
        self.own.extend(own);
        self
    }

    /// Says on which day the records are read. From then on a fact dated later is refused: what has
    /// not happened is evidence of nothing. Without it the caller answers for the dates.
    #[must_use]
    pub fn read_on(mut self, day: Date) -> Practice {
        self.read_on = Some(day);
        self
    }

    /// Adds a client.
    ///
    /// # Errors
    /// [`PracticeError::Twice`].
    pub fn add_client(&mut self, client: Client) -> Result<(), PracticeError> {
        once(&self.clients, &client.id)?;
        self.clients.insert(client.id.clone(), client);
        Ok(())
    }

    /// Adds a person.
    ///
    /// # Errors
    /// [`PracticeError::Twice`], [`PracticeError::UnknownClient`]; [`PracticeError::Backwards`] for
    /// an employment that ends before it starts; [`PracticeError::SeveralClients`] for an
    /// administrator of several clients who is not called one; [`PracticeError::Ahead`].
    pub fn add_person(&mut self, person: Person) -> Result<(), PracticeError> {
        once(&self.people, &person.id)?;
        for (place, client) in person.clients.iter().enumerate() {
            if !self.clients.contains_key(client) {
                return Err(PracticeError::UnknownClient(client.clone()));
            }
            if person.clients.iter().take(place).any(|earlier| earlier == client) {
                return Err(PracticeError::Twice);
            }
        }
        if person.privilege == Privilege::Administrator && person.clients.len() > 1 {
            return Err(PracticeError::SeveralClients(person.id));
        }
        let first = self.offset.day_start(person.employment.from());
        if person.employment.end().is_some_and(|end| end < first) {
            return Err(PracticeError::Backwards);
        }
        self.not_ahead(person.trained_on)?;
        let named = self.names.entry(person.name.clone()).or_default();
        *named = named.saturating_add(1);
        self.people.insert(person.id.clone(), person);
        Ok(())
    }

    /// Adds a system.
    ///
    /// # Errors
    /// [`PracticeError::Twice`]; [`PracticeError::NeverEnforced`] for Medicare PECOS, whose sign-in
    /// is not the host's; [`PracticeError::NotOurs`] and [`PracticeError::OursAndAttested`] where the
    /// enforcement is not what [`Practice::guarding`] says; [`PracticeError::OwnWithoutFactor`] for an
    /// enforced system that offers no factor; [`PracticeError::Ahead`].
    pub fn add_system(&mut self, system: System) -> Result<(), PracticeError> {
        once(&self.systems, &system.id)?;
        if system.kind == SystemKind::Pecos && system.enforcement == Enforcement::Enforced {
            return Err(PracticeError::NeverEnforced(system.id));
        }
        self.is_what_it_says(&system)?;
        self.systems.insert(system.id.clone(), system);
        Ok(())
    }

    /// Adds one person's way into one system.
    ///
    /// # Errors
    /// [`PracticeError::Twice`], [`PracticeError::UnknownPerson`],
    /// [`PracticeError::UnknownSystem`]; [`PracticeError::SharedAtGoLive`] for a shared login where
    /// a date stands; [`PracticeError::Attestation`] for one on an enforced system, by the person
    /// themself, or of a method that is no standing factor; [`PracticeError::OffersLess`] for a factor
    /// that the system does not offer; [`PracticeError::NoException`] for one that makes a person with
    /// a grace or a gap an administrator of several clients; [`PracticeError::NotEmployedThen`] for a witness or a person
    /// seen on a day on which they did not work here; [`PracticeError::Ahead`].
    pub fn add_login(&mut self, login: Login) -> Result<(), PracticeError> {
        if self.login(&login.system, &login.person).is_some() {
            return Err(PracticeError::Twice);
        }
        let person = self.known_person(&login.person)?;
        let system = self.known_system(&login.system)?;
        if system.kind == SystemKind::BillingAdministration
            && person.clients.len() > 1
            && self.has_an_exception(&login.person)
        {
            return Err(PracticeError::NoException(login.person));
        }
        if login.kind == LoginKind::Shared && self.go_lives.contains_key(&login.system) {
            return Err(PracticeError::SharedAtGoLive {
                system: login.system,
                person: login.person,
            });
        }
        if let Some(attestation) = &login.attestation {
            self.known_person(&attestation.by)?;
            if system.enforcement == Enforcement::Enforced
                || attestation.by == login.person
                || attestation.method.rank() == 0
            {
                return Err(PracticeError::Attestation);
            }
            self.could_be_seen(system, &login.person, attestation)?;
        }
        let (system, person) = (login.system.clone(), login.person.clone());
        self.systems_of.entry(person.clone()).or_default().insert(system.clone());
        self.logins.entry(system).or_default().insert(person, login);
        Ok(())
    }

    /// Sets the go-live date of a system, once.
    ///
    /// # Errors
    /// [`PracticeError::Twice`], [`PracticeError::UnknownSystem`];
    /// [`PracticeError::SharedAtGoLive`] while a login there is shared: end the sharing first;
    /// [`PracticeError::Ahead`] for an announcement that is still to come.
    pub fn set_go_live(&mut self, system: &SystemId, go_live: GoLive) -> Result<(), PracticeError> {
        self.known_system(system)?;
        once(&self.go_lives, system)?;
        self.not_ahead([go_live.announced_on()])?;
        if let Some(login) = self.logins_of(system).find(|login| login.kind == LoginKind::Shared) {
            let person = login.person.clone();
            return Err(PracticeError::SharedAtGoLive { system: system.clone(), person });
        }
        self.go_lives.insert(system.clone(), go_live);
        Ok(())
    }

    /// Gives one person a grace on one system. If there is one, the shorter stays.
    ///
    /// # Errors
    /// [`PracticeError::NoLogin`]; [`PracticeError::NoException`] for an administrator of several
    /// clients; [`PracticeError::GraceWithoutGoLive`] where no date stands;
    /// [`PracticeError::GraceTooLong`] beyond [`GraceDays::LONGEST`] from that date or from the
    /// person's first day.
    pub fn add_grace(
        &mut self,
        system: &SystemId,
        person: &PersonId,
        grace: Grace,
    ) -> Result<(), PracticeError> {
        let who = self.known_person(person)?;
        self.known_login(system, person)?;
        if self.privilege_of(who) == Privilege::MultiClientAdministrator {
            return Err(PracticeError::NoException(person.clone()));
        }
        let go_live = self.go_lives.get(system).ok_or(PracticeError::GraceWithoutGoLive)?;
        let first_day = who.employment.from();
        let longest = Grace::fix(*go_live, first_day, GraceDays::LONGEST, self.offset);
        if grace.until() > longest.until() {
            return Err(PracticeError::GraceTooLong);
        }
        let key = (system.clone(), person.clone());
        let shorter = self.graces.get(&key).map_or(grace, |given| given.shorten(grace.until()));
        self.graces.insert(key, shorter);
        Ok(())
    }

    /// Adds a gap to the register.
    ///
    /// # Errors
    /// [`PracticeError::Twice`], [`PracticeError::UnknownSystem`], [`PracticeError::UnknownPerson`]
    /// for anybody who signs or is named; [`PracticeError::NoLogin`] for a named user without a
    /// login there; [`PracticeError::NoException`] if one of them administers several clients;
    /// [`PracticeError::SupportSaysOtherwise`] if the support record does not say what the gap
    /// says, or not what closed it, or if the sharing goes on that a closed gap was about;
    /// [`PracticeError::NotEmployedThen`] for a signature, a review or a question by a person who did
    /// not work here on that day; [`PracticeError::NothingShared`] for one about sharing where there is
    /// none; [`PracticeError::SeenLater`] for a named user whose login was ticked
    /// off before the gap was found; [`PracticeError::Ahead`].
    pub fn add_gap(&mut self, gap: Gap) -> Result<(), PracticeError> {
        once(&self.gaps, gap.id())?;
        let system = self.known_system(gap.system())?;
        self.known_person(gap.owner())?;
        self.could_be_signed(&gap)?;
        for person in gap.named_users() {
            let who = self.known_person(person)?;
            self.known_login(gap.system(), person)?;
            if self.privilege_of(who) == Privilege::MultiClientAdministrator {
                return Err(PracticeError::NoException(person.clone()));
            }
        }
        self.fits(&gap, system)?;
        self.not_ahead(gap.facts())?;
        self.gaps_at.entry(gap.system().clone()).or_default().insert(gap.id().clone());
        self.gaps.insert(gap.id().clone(), gap);
        Ok(())
    }

    /// Records that a task of an offboarding was done.
    ///
    /// # Errors
    /// [`PracticeError::Twice`], [`PracticeError::UnknownPerson`], [`PracticeError::NotLeaving`],
    /// [`PracticeError::NoSuchTask`]; [`PracticeError::NotTheirs`] when the leaver, or somebody not
    /// employed at that moment, would have done it; [`PracticeError::SeenLater`] for a tick from before
    /// the person was last seen there; [`PracticeError::Ahead`].
    pub fn add_completed_task(&mut self, completed: CompletedTask) -> Result<(), PracticeError> {
        let key = (completed.leaver.clone(), completed.task.clone());
        once(&self.completed_tasks, &key)?;
        let leaver = self.known_person(&completed.leaver)?;
        if leaver.employment.end().is_none() {
            return Err(PracticeError::NotLeaving(completed.leaver));
        }
        let by = self.known_person(&completed.by)?;
        let employed = by.employment.at(completed.at, self.offset) == EmploymentStatus::Employed;
        if completed.by == completed.leaver || !employed {
            return Err(PracticeError::NotTheirs(completed.by));
        }
        if !self.tasks_of(leaver).contains(&completed.task) {
            return Err(PracticeError::NoSuchTask);
        }
        self.not_ahead([Date::of(completed.at, self.offset)])?;
        self.follows_the_last_sight(&completed)?;
        self.completed_tasks.insert(key, completed);
        Ok(())
    }

    /// What must be done by hand when `person` leaves, in a fixed order: logins in systems of
    /// others, passwords they shared, clients to tell.
    #[must_use]
    pub fn tasks_of(&self, person: &Person) -> Vec<OffboardingTask> {
        let at_systems = self.logins_by(&person.id).filter_map(|login| {
            let system = self.systems.get(&login.system)?;
            match (login.kind, system.enforcement) {
                (LoginKind::Shared, _) => {
                    Some(OffboardingTask::ChangeSharedPassword(system.id.clone()))
                }
                (LoginKind::Personal, Enforcement::Attested) => {
                    Some(OffboardingTask::RemoveLogin(system.id.clone()))
                }
                (LoginKind::Personal, Enforcement::Enforced) => None,
            }
        });
        let to_clients = person.clients.iter().cloned().map(OffboardingTask::NotifyClient);
        at_systems.chain(to_clients).collect()
    }

    /// Whether `person` may enter `system`, as far as second factors go.
    ///
    /// `summary` is the account as last stored. `Some` of an empty [`Summary`] says that the store
    /// was asked and holds no account of this person; `None` says that nobody knows, and opens
    /// nothing. Call it after the password, and hand the proof that `countersign` gives to
    /// [`GateAnswer::admits`]; only systems with [`Enforcement::Enforced`] have a gate at all.
    ///
    /// ```
    /// # use countersign::{Summary, UnixTime};
    /// # use countersign_billing::date::{Date, UtcOffset};
    /// # use countersign_billing::inventory::*;
    /// # use countersign_billing::rollout::{GateAnswer, Practice, StaleDays, DenyReason};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let name = TextLine::new("Demo practice")?;
    /// let practice = Practice::new(name, UtcOffset::UTC, StaleDays::THIRTY);
    /// let (dana, ehr) = (PersonId::new("dana")?, SystemId::new("ehr")?);
    /// let now = UnixTime::from_secs(1_793_000_000);
    ///
    /// let gate = practice.gate(&dana, &ehr, Some(&Summary::default()), now);
    /// assert_eq!(gate, GateAnswer::Deny(DenyReason::UnknownSystem)); // nobody wrote it down
    /// assert!(!gate.admits_password_alone());
    /// # Ok(())
    /// # }
    /// ```
    pub fn gate(
        &self,
        person: &PersonId,
        system: &SystemId,
        summary: Option<&Summary>,
        now: UnixTime,
    ) -> GateAnswer {
        if !now.is_plausible() {
            return GateAnswer::Deny(DenyReason::ImplausibleTime);
        }
        let Some(system) = self.systems.get(system) else {
            return GateAnswer::Deny(DenyReason::UnknownSystem);
        };
        if system.enforcement != Enforcement::Enforced {
            return GateAnswer::Deny(DenyReason::NotEnforcedHere);
        }
        let Some(person) = self.people.get(person) else {
            return GateAnswer::Deny(DenyReason::UnknownPerson);
        };
        match person.employment.at(now, self.offset) {
            EmploymentStatus::Ahead => return GateAnswer::Deny(DenyReason::NotYetEmployed),
            EmploymentStatus::Employed => {}
            EmploymentStatus::Over => return GateAnswer::Deny(DenyReason::EmploymentOver),
        }
        match self.login(&system.id, &person.id).map(|login| login.kind) {
            None => return GateAnswer::Deny(DenyReason::NoLogin),
            Some(LoginKind::Shared) => return GateAnswer::Deny(DenyReason::SharedLogin),
            Some(LoginKind::Personal) => {}
        }
        let accepted = self.accepted(person, system, Date::of(now, self.offset));
        let Some(summary) = summary else { return GateAnswer::Need(accepted) };
        if summary.offboarded_at.is_some() {
            return GateAnswer::Deny(DenyReason::Offboarded);
        }
        let emergency = summary.emergency_until.filter(|until| now < *until);
        let held = summary.confirmed().map(|device| device.method);
        let held = held.filter(|method| accepted.contains(*method));
        let mut by = held.fold(Methods::NONE, Methods::with);
        if !by.is_empty() {
            if summary.recovery_codes_left > 0 {
                by = by.with(Method::RecoveryCode);
            }
            if emergency.is_some() {
                by = by.with(Method::Emergency);
            }
            let trusted = summary.trusted_browsers.iter().any(|one| now <= one.until);
            if trusted && self.privilege_of(person) != Privilege::MultiClientAdministrator {
                by = by.with(Method::TrustedBrowser);
            }
            return GateAnswer::Allow(by);
        }
        let last = person.employment.end().unwrap_or(UnixTime::LATEST_PLAUSIBLE);
        let excused = !has_had_a_factor(summary)
            && self.privilege_of(person) != Privilege::MultiClientAdministrator;
        let not_yet = self.not_yet_asked(system, person, now).filter(|_| excused);
        let emergency = emergency.map(|until| (until, AllowReason::Emergency));
        // The wider answer first, so that a grant of emergency access narrows nothing.
        if let Some((until, why)) = not_yet.or(emergency) {
            return GateAnswer::AllowUntil { until: until.min(last), why };
        }
        GateAnswer::Need(accepted)
    }

    /// Which methods let `person` into `system` on a day: the strong ones always, SMS only where
    /// the support record says that there is no app, a standing gap says so too and names the
    /// person, and they have read the notice. Never SMS for an administrator of several clients.
    #[must_use]
    pub fn accepted(&self, person: &Person, system: &System, on: Date) -> Methods {
        let mut gaps = self.gaps_of(&system.id);
        let sms = self.privilege_of(person) != Privilege::MultiClientAdministrator
            && system.offer() == OfferedFactor::SmsOnly
            && gaps.any(|gap| self.permits_sms(gap, &person.id, on));
        if sms { Methods::STRONG.with(Method::Sms) } else { Methods::STRONG }
    }

    /// Until when no factor is required yet: a go-live date ahead, or a grace. A system without a date
    /// requires it today, and so does every one of an administrator of several clients.
    pub(crate) fn not_yet_asked(
        &self,
        system: &System,
        person: &Person,
        now: UnixTime,
    ) -> Option<(UnixTime, AllowReason)> {
        if self.privilege_of(person) == Privilege::MultiClientAdministrator {
            return None;
        }
        let go_live = self.offset.day_start(self.go_live(&system.id)?.on());
        if now < go_live {
            return Some((go_live, AllowReason::GoLive));
        }
        let grace = self.grace(&system.id, &person.id)?;
        (now < grace.until()).then_some((grace.until(), AllowReason::Grace))
    }

    fn known_person(&self, id: &PersonId) -> Result<&Person, PracticeError> {
        self.people.get(id).ok_or_else(|| PracticeError::UnknownPerson(id.clone()))
    }

    fn known_system(&self, id: &SystemId) -> Result<&System, PracticeError> {
        self.systems.get(id).ok_or_else(|| PracticeError::UnknownSystem(id.clone()))
    }

    fn known_login(&self, system: &SystemId, person: &PersonId) -> Result<&Login, PracticeError> {
        self.known_system(system)?;
        self.login(system, person).ok_or_else(|| PracticeError::NoLogin {
            system: system.clone(),
            person: person.clone(),
        })
    }
}

fn once<K: Ord, V>(map: &BTreeMap<K, V>, key: &K) -> Result<(), PracticeError> {
    if map.contains_key(key) { Err(PracticeError::Twice) } else { Ok(()) }
}

/// Whether an account shows any trace of a confirmed factor. Whoever has had one gets no grace:
/// else taking a factor away would be a way in. Several traces are read so that the loss of one
/// opens nothing.
pub(crate) fn has_had_a_factor(summary: &Summary) -> bool {
    summary.first_bound_at.is_some()
        || summary.epoch > 0
        || !summary.devices.is_empty()
        || summary.recovery_codes_left > 0
        || summary.recovery_replacement_due
}
