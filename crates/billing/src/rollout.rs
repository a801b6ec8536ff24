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
mod go_live;
mod refusal;

pub use go_live::{GoLive, GoLiveError, GoLiveMove};
pub use refusal::PracticeError;

/// How long a grace can be: 1 to 90 days.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GraceDays(u8);

impl GraceDays {
    /// The longest grace there is.
    pub const LONGEST: GraceDays = GraceDays(90);

    /// So many days, 1 to 90.
    #[must_use]
    pub const fn new(days: u8) -> Option<GraceDays> {
        if days >= 1 && days <= 90 { Some(GraceDays(days)) } else { None }
    }
}

/// A moment until which one person may enter one system without a second factor. It always has an
/// end, is computed once and stored by the host as that moment, and afterwards only gets shorter:
/// nothing that starts again (a sign-in, a session, a later go-live date) makes it longer.
///
/// ```
/// use countersign::UnixTime;
/// use countersign_billing::date::{Date, UtcOffset};
/// use countersign_billing::rollout::{GoLive, Grace, GraceDays};
///
/// let go_live = GoLive::new(Date::parse("2026-11-02")?, Date::parse("2026-09-15")?).unwrap();
/// let hired = Date::parse("2026-11-16")?;
/// let grace = Grace::fix(go_live, hired, GraceDays::new(7).unwrap(), UtcOffset::UTC);
/// assert_eq!(UtcOffset::UTC.show(grace.until()), "2026-11-23 00:00 +00:00");
/// assert_eq!(grace.shorten(grace.until().plus(86_400)), grace);
/// # Ok::<(), countersign_billing::date::DateError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Grace {
    until: UnixTime,
}

impl Grace {
    /// So many days from the go-live date or from the person's first day, whichever is later.
    /// Compute it once and store [`Grace::until`].
    #[must_use]
    pub fn fix(go_live: GoLive, first_day: Date, days: GraceDays, offset: UtcOffset) -> Grace {
        let start = go_live.on().max(first_day);
        Grace { until: offset.day_start(start.plus_days(u32::from(days.0))) }
    }

    /// The grace that was stored.
    #[must_use]
    pub const fn restore(until: UnixTime) -> Grace {
        Grace { until }
    }

    /// The first moment at which it is over.
    #[must_use]
    pub const fn until(self) -> UnixTime {
        self.until
    }

    /// Ends it at `until` if that is earlier; never makes it longer.
    #[must_use]
    pub fn shorten(self, until: UnixTime) -> Grace {
        Grace { until: self.until.min(until) }
    }

    /// Ends it where the account's first factor was confirmed, if it was. The gate does not depend
    /// on this being stored; it keeps a stored grace from coming back with an emptied account.
    #[must_use]
    pub fn end_with(self, summary: &Summary) -> Grace {
        summary.first_bound_at.map_or(self, |bound| self.shorten(bound))
    }
}

/// After how many days without use an enrolled factor shows as stale: 1 to 365, 30 by default (the
/// example of CISA CPG 2.0 3.D).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StaleDays(u16);

impl StaleDays {
    /// Thirty days.
    pub const THIRTY: StaleDays = StaleDays(30);

    /// So many days, 1 to 365.
    #[must_use]
    pub const fn new(days: u16) -> Option<StaleDays> {
        if days >= 1 && days <= 365 { Some(StaleDays(days)) } else { None }
    }

    /// Days.
    #[must_use]
    pub const fn days(self) -> u16 {
        self.0
    }
}

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
        if grace.until > longest.until {
            return Err(PracticeError::GraceTooLong);
        }
        let key = (system.clone(), person.clone());
        let shorter = self.graces.get(&key).map_or(grace, |given| given.shorten(grace.until));
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
            if trusted && person.privilege != Privilege::MultiClientAdministrator {
                by = by.with(Method::TrustedBrowser);
            }
            return GateAnswer::Allow(by);
        }
        let last = person.employment.end().unwrap_or(UnixTime::LATEST_PLAUSIBLE);
        let excused =
            !has_had_a_factor(summary) && person.privilege != Privilege::MultiClientAdministrator;
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
        (now < grace.until).then_some((grace.until, AllowReason::Grace))
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &TextLine {
        &self.name
    }

    /// Where its days begin.
    #[must_use]
    pub fn offset(&self) -> UtcOffset {
        self.offset
    }

    /// After how many days without use a factor is stale.
    #[must_use]
    pub fn stale(&self) -> StaleDays {
        self.stale
    }

    /// The clients, by identifier.
    pub fn clients(&self) -> impl Iterator<Item = &Client> {
        self.clients.values()
    }

    /// The people, by identifier.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.people.values()
    }

    /// One person.
    #[must_use]
    pub fn person(&self, id: &PersonId) -> Option<&Person> {
        self.people.get(id)
    }

    /// What to call a person in a report: the name, and the identifier after it if another person has
    /// the same name.
    #[must_use]
    pub fn call(&self, person: &Person) -> String {
        match self.names.get(&person.name) {
            Some(2..) => format!("{} ({})", person.name, person.id),
            _ => person.name.to_string(),
        }
    }

    /// The day on which the records are read, if that was said.
    #[must_use]
    pub fn reading_day(&self) -> Option<Date> {
        self.read_on
    }

    /// The systems in the order in which to start: by [`SystemKind::ALL`], then by identifier.
    #[must_use]
    pub fn systems(&self) -> Vec<&System> {
        let mut systems: Vec<&System> = self.systems.values().collect();
        systems.sort_by_key(|system| system.kind); // stable: identifiers stay in order
        systems
    }

    /// One system.
    #[must_use]
    pub fn system(&self, id: &SystemId) -> Option<&System> {
        self.systems.get(id)
    }

    /// The logins of one system, by person.
    pub fn logins_of(&self, system: &SystemId) -> impl Iterator<Item = &Login> {
        self.logins.get(system).into_iter().flat_map(BTreeMap::values)
    }

    /// One person's login on one system.
    #[must_use]
    pub fn login(&self, system: &SystemId, person: &PersonId) -> Option<&Login> {
        self.logins.get(system)?.get(person)
    }

    /// The logins of one person, by system.
    pub fn logins_by(&self, person: &PersonId) -> impl Iterator<Item = &Login> {
        let systems = self.systems_of.get(person).into_iter().flatten();
        systems.filter_map(|system| self.login(system, person))
    }

    /// What a person may do to the data of others: what is written, or more if their logins say more.
    /// A login on a system of the kind [`SystemKind::BillingAdministration`] makes an administrator,
    /// of several clients if the person works for several.
    #[must_use]
    pub fn privilege_of(&self, person: &Person) -> Privilege {
        let administers = self.administered_by(&person.id).next().is_some();
        match (person.privilege, administers) {
            (Privilege::MultiClientAdministrator, _) => Privilege::MultiClientAdministrator,
            (_, true) if person.clients.len() > 1 => Privilege::MultiClientAdministrator,
            (_, true) => Privilege::Administrator,
            (written, false) => written,
        }
    }

    /// The systems on which a person can administer the billing software, by identifier.
    pub fn administered_by(&self, person: &PersonId) -> impl Iterator<Item = &System> {
        let systems = self.systems_of.get(person).into_iter().flatten();
        let systems = systems.filter_map(|system| self.systems.get(system));
        systems.filter(|system| system.kind == SystemKind::BillingAdministration)
    }

    /// The go-live date of a system.
    #[must_use]
    pub fn go_live(&self, system: &SystemId) -> Option<GoLive> {
        self.go_lives.get(system).copied()
    }

    /// One person's grace on one system.
    #[must_use]
    pub fn grace(&self, system: &SystemId, person: &PersonId) -> Option<Grace> {
        self.graces.get(&(system.clone(), person.clone())).copied()
    }

    /// The gap register, by identifier.
    pub fn gaps(&self) -> impl Iterator<Item = &Gap> {
        self.gaps.values()
    }

    /// The gaps of one system, by identifier.
    pub fn gaps_of(&self, system: &SystemId) -> impl Iterator<Item = &Gap> {
        let gaps = self.gaps_at.get(system).into_iter().flatten();
        gaps.filter_map(|gap| self.gaps.get(gap))
    }

    /// The record that a task was done, if it was.
    #[must_use]
    pub fn completed_task(
        &self,
        leaver: &PersonId,
        task: &OffboardingTask,
    ) -> Option<&CompletedTask> {
        self.completed_tasks.get(&(leaver.clone(), task.clone()))
    }

    /// Kinds of systems of which the inventory has none: forgotten, or really not used. `Other` is
    /// never missed.
    pub fn missing_kinds(&self) -> impl Iterator<Item = SystemKind> {
        SystemKind::ALL.into_iter().filter(|kind| {
            *kind != SystemKind::Other && !self.systems.values().any(|system| system.kind == *kind)
        })
    }

    /// The conversation with vendors: in-scope systems that offer SMS only, nothing, or of which
    /// nobody knows; in the order in which to start.
    pub fn vendor_items(&self) -> impl Iterator<Item = &System> {
        let systems = self.systems().into_iter();
        systems.filter(|system| system.is_in_scope() && system.offer().is_vendor_item())
    }

    /// In-scope systems that need a gap and have none open on a day: where people work and there is
    /// no factor or SMS only, and wherever a login is shared. An SMS code is accepted nowhere
    /// before its gap is open, so the gap comes first and the code after it.
    pub fn missing_gaps(&self, on: Date) -> impl Iterator<Item = &System> {
        self.systems().into_iter().filter(move |system| {
            let shared = self.logins_of(&system.id).any(|login| login.kind == LoginKind::Shared);
            let weak = matches!(system.offer(), OfferedFactor::NoMfa | OfferedFactor::SmsOnly);
            let used = self.logins_of(&system.id).next().is_some();
            let mut gaps = self.gaps_of(&system.id);
            let needed = system.is_in_scope() && (shared || (weak && used));
            needed && !gaps.any(|gap| gap.is_open(on))
        })
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

/// What the gate says at the moment for which it was asked. Ask again at the next one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "the answer is the point"]
pub enum GateAnswer {
    /// The person may enter with a proof by one of these methods, and with nothing less: the
    /// password alone is not enough, and the code is still to be verified.
    Allow(Methods),
    /// The person may enter for now.
    AllowUntil {
        /// The first moment at which this is over.
        until: UnixTime,
        /// Why.
        why: AllowReason,
    },
    /// The person may not enter and must first enrol one of these methods.
    Need(Methods),
    /// The person may not enter.
    Deny(DenyReason),
}

impl GateAnswer {
    /// Whether a session may open now with this proof, which the host then uses up. This is the one
    /// question to ask; a match on [`GateAnswer::Allow`] alone is not an answer, and neither is a method
    /// that the person merely has.
    ///
    /// The proof is of this person's account: the host compares [`Proof::account`]. A proof by a trusted
    /// browser or emergency access is reduced assurance; the first never admits an administrator of
    /// several clients, the second only while the grant lasts.
    ///
    /// ```compile_fail,E0308
    /// use countersign::Summary;
    /// use countersign_billing::rollout::GateAnswer;
    /// fn enter(gate: GateAnswer, summary: &Summary) -> bool {
    ///     gate.admits(summary.strongest()) // nothing was proved
    /// }
    /// ```
    #[must_use]
    pub fn admits(self, proof: &Proof<SignIn>) -> bool {
        match self {
            GateAnswer::Allow(by) => by.contains(proof.method()),
            GateAnswer::AllowUntil { why: AllowReason::Emergency, .. } => {
                proof.method() == Method::Emergency
            }
            GateAnswer::AllowUntil { .. } => self.admits_password_alone(),
            GateAnswer::Need(_) | GateAnswer::Deny(_) => false,
        }
    }

    /// Whether the practice asks this person for no factor yet, before the go-live date or in a grace: the
    /// one case in which there is no proof.
    #[must_use]
    pub fn admits_password_alone(self) -> bool {
        matches!(self, GateAnswer::AllowUntil { why: AllowReason::GoLive | AllowReason::Grace, .. })
    }
}

/// Why somebody may enter for now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AllowReason {
    /// An operator granted emergency access (45 CFR 164.312(a)(2)(ii)).
    Emergency,
    /// The go-live date has not come.
    GoLive,
    /// The go-live date is past and this person has a grace.
    Grace,
}

/// Why somebody may not enter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DenyReason {
    /// Their employment is over.
    EmploymentOver,
    /// The clock is broken or in another unit.
    ImplausibleTime,
    /// They have no login on this system.
    NoLogin,
    /// The system is somebody else's: what goes on there is recorded, not decided.
    NotEnforcedHere,
    /// Their first day has not come.
    NotYetEmployed,
    /// Their account was offboarded.
    Offboarded,
    /// Their login is shared.
    SharedLogin,
    /// Nobody of this name.
    UnknownPerson,
    /// No system of this name.
    UnknownSystem,
}

impl fmt::Display for DenyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DenyReason::EmploymentOver => "the employment is over",
            DenyReason::ImplausibleTime => "the clock is not plausible",
            DenyReason::NoLogin => "no login on this system",
            DenyReason::NotEnforcedHere => "the system is not enforced here",
            DenyReason::NotYetEmployed => "the first day has not come",
            DenyReason::Offboarded => "the account was offboarded",
            DenyReason::SharedLogin => "the login is shared",
            DenyReason::UnknownPerson => "unknown person",
            DenyReason::UnknownSystem => "unknown system",
        })
    }
}
