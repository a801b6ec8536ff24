//! What the practice says of systems, people, logins and dates.
//!
//! Standard: 45 CFR 164.310(d)(2)(iii) (a record of what there is).

use super::*;

impl Practice {
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
}
