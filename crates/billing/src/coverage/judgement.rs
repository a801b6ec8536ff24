//! How each line is judged, from the practice and the accounts at one moment.
//!
//! Standard: each status names what it follows. Reads no clock.

use super::*;

/// The moment for which a report is made, and the practice it is about.
pub(super) struct Moment<'o> {
    pub(super) practice: &'o Practice,
    pub(super) as_of: UnixTime,
    pub(super) today: Date,
}

impl Moment<'_> {
    pub(super) fn system_coverage(
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

    pub(super) fn record(
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
    pub(super) fn administrators(&self) -> Vec<AdministratorLine> {
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
    pub(super) fn gap_lines(&self) -> Vec<GapLine> {
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

    pub(super) fn vendor_line(&self, system: &System) -> VendorLine {
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
    pub(super) fn due(
        &self,
        accounts: &[(&Person, Option<Summary>)],
        vendors: &[VendorLine],
    ) -> Vec<DueItem> {
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
pub(super) fn found<'a, 'p>(
    accounts: &'a [(&'p Person, Option<Summary>)],
    person: &PersonId,
) -> Option<&'a (&'p Person, Option<Summary>)> {
    let place = accounts.binary_search_by(|(who, _)| who.id.cmp(person)).ok()?;
    accounts.get(place)
}

pub(super) fn has_short_secret(summary: &Summary) -> bool {
    summary.confirmed().any(|device| device.short_secret)
}
