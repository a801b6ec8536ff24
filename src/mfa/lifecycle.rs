//! The end of a device and of an account, and the summary.
//!
//! Standard: NIST SP 800-63B-4 sections 4.3 and 4.5, 45 CFR 164.308(a)(3)(ii)(C).

use alloc::{boxed::Box, vec::Vec};

use crate::account::{
    Account, AnyChange, AnyPurpose, DeviceId, DeviceStatus, EventKind, MayChangeFactors,
    MayOffboard, MayReportLost, Method, PassEnd, Proven, Reason, Refusal, Standing, Summary,
};
use crate::mfa::decision::{Context, Decision, DraftEvent};
use crate::mfa::handle::AccountAt;
use crate::mfa::operation::{Change, NoProof, Reading};
use crate::text::Text;

impl<'m> AccountAt<'m> {
    /// Removes a device and erases its secret; not the last factor.
    ///
    /// Needs the person's own proof, or an operator. The epoch rises. Emits `Revoked`. NIST SP
    /// 800-63B-4 section 4.5.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// # use countersign::mfa::ExternalMethod;
    /// use countersign::ChangeFactors;
    /// # let verdict = dana.verify(&phone.code(now), ChangeFactors).run(&store);
    /// # let proof = verdict.accepted().ok_or("wrong code")?;
    /// # let change = dana.bind_external("Laptop", ExternalMethod::Passkey, &mut rng);
    /// # let passkey = change.proven_by(proof).run(&store)?.device();
    /// let verdict = dana.verify(&phone.code(now.plus(30)), ChangeFactors).run(&store);
    /// let proof = verdict.accepted().ok_or("wrong code")?;
    /// // The button "remove" beside a laptop that is being sold.
    /// dana.revoke(passkey, proof).run(&store)?;
    /// let summary = dana.summary().run(&store)?.ok_or("no record")?;
    /// assert_eq!(summary.confirmed().count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn revoke<A: MayChangeFactors>(&self, device: DeviceId, by: A) -> Change<'m, (), A> {
        self.change::<_, NoProof>(move |account, cx| Ok(account.revoke(cx, device)))
            .allowed(Some(AnyChange::Revoke), by)
            .persistent()
    }

    /// Takes a lost, stolen or compromised device out of use at once, the last one too.
    ///
    /// One factor is enough, with the person's proof for any purpose; or an operator. A text ends no app and
    /// no passkey, or the thief of a telephone number could; emergency access and a trusted browser end
    /// nothing. The epoch rises. Emits `ReportedLost`. NIST SP 800-63B-4
    /// section 4.3.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::SignIn;
    /// // The phone was stolen; a printed code is proof enough.
    /// let verdict = dana.recover(&phone.recovery_codes[0], SignIn).run(&store);
    /// let proof = verdict.accepted().ok_or("wrong code")?;
    /// dana.report_lost(phone.device, proof).run(&store)?;
    /// assert!(dana.verify(&phone.code(now), SignIn).run(&store).accepted().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn report_lost<A: MayReportLost>(&self, device: DeviceId, by: A) -> Change<'m, (), A> {
        self.change::<_, NoProof>(move |account, cx| Ok(account.report_lost(cx, device)))
            .allowed(Some(AnyChange::ReportLost), by)
            .persistent()
    }

    /// Ends everything of a leaver in one write: afterwards nothing of theirs is accepted, enrolled
    /// or changed, ever. A person who comes back gets a new account id. An unknown id is refused: a
    /// mistyped one must not read as done ([`AccountAt::bar`]).
    ///
    /// Needs no proof, because it can only deny: the host's word is enough, of anyone who may end an
    /// employment. The epoch rises. Emits `Revoked` for each device and `Offboarded`. 45 CFR 164.308(a)(3)(ii)(C).
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::{account::{HostsWord, Refusal}, SignIn};
    /// // The personnel system's list of leavers.
    /// dana.offboard(HostsWord::Process, "contract ended").run(&store)?;
    /// assert!(dana.verify(&phone.code(now), SignIn).run(&store).accepted().is_none());
    /// let refused = dana.enrol("New phone", &mut rng).run(&store).err().and_then(|no| no.refusal());
    /// assert_eq!(refused, Some(Refusal::Offboarded));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn offboard<A: MayOffboard>(&self, by: A, reason: &str) -> Change<'m, (), A> {
        let reason: Result<Reason, _> = Text::new(reason);
        self.change::<_, NoProof>(move |account, cx| {
            Ok(account.offboard(cx, reason.as_ref().map_err(|error| *error)?))
        })
        .allowed(Some(AnyChange::Offboard), by)
        .persistent()
    }

    /// Bars an id: nothing is ever bound to it, whether or not it has a record. For an id that must not
    /// come into use, and for a record that was given up after its person left.
    ///
    /// Otherwise as [`AccountAt::offboard`].
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let dana = mfa.account(&countersign::AccountId::new("42")?).at(now);
    /// use countersign::account::HostsWord;
    /// // A leaver who never enrolled: the old password must not enrol either.
    /// assert!(dana.offboard(HostsWord::Process, "contract ended").run(&store).is_err());
    /// dana.bar(HostsWord::Process, "contract ended").run(&store)?;
    /// assert!(dana.enrol("New phone", &mut rng).run(&store).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bar<A: MayOffboard>(&self, by: A, reason: &str) -> Change<'m, (), A> {
        let reason: Result<Reason, _> = Text::new(reason);
        self.change::<_, NoProof>(move |account, cx| {
            Ok(account.bar(cx, reason.as_ref().map_err(|error| *error)?))
        })
        .allowed(Some(AnyChange::Bar), by)
        .persistent()
    }

    /// Returns the account without its secrets; `None` if there is no record. Changes nothing.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// // The page "my factors", and the host's own columns.
    /// let summary = dana.summary().run(&store)?.ok_or("no record")?;
    /// let labels: Vec<&str> = summary.confirmed().map(|device| device.label.as_str()).collect();
    /// assert_eq!(labels, ["Phone"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn summary(&self) -> Reading<'m, Option<Summary>> {
        Reading::new(self.operation(|account, cx| {
            let mut answer = account.exists.then(|| account.summary(cx.id, cx.policy, cx.now));
            if let Some(summary) = &mut answer {
                summary.sealed_with = cx.record.and_then(|(record, _)| record.key);
            }
            Ok(Decision { answer, next: None, dummy: None, happened: Vec::new() })
        }))
    }

    /// Returns where the person stands, and so what the sign-in page shows. Changes nothing.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::{account::Standing, AccountId};
    /// assert_eq!(dana.standing().run(&store)?, Standing::InUse);
    /// // No factor yet: the page offers to set one up, and does not let in.
    /// let new = AccountId::new("43")?;
    /// assert_eq!(mfa.account(&new).at(now).standing().run(&store)?, Standing::NeverEnrolled);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn standing(&self) -> Reading<'m, Standing> {
        Reading::new(self.operation(|account, cx| {
            let answer = account.standing(cx.policy, cx.now);
            Ok(Decision { answer, next: None, dummy: None, happened: Vec::new() })
        }))
    }
}

impl Account {
    /// NIST SP 800-63B-4 section 4.5: removes a device, but not the last factor.
    pub(crate) fn revoke(
        self: Box<Self>,
        cx: &Context<'_>,
        device: DeviceId,
    ) -> Decision<Result<(), Refusal>> {
        let others =
            self.devices.iter().filter(|other| other.in_use() && other.id != device).count();
        let allowed = self.authority(cx, &AnyPurpose::ChangeFactors).and_then(|()| {
            let found = self.device(device).ok_or(Refusal::NoSuchDevice)?;
            match found.status {
                DeviceStatus::Confirmed if others == 0 => Err(Refusal::LastFactor),
                DeviceStatus::Confirmed => Ok(()),
                DeviceStatus::Lost | DeviceStatus::Revoked => Err(Refusal::NoSuchDevice),
            }
        });
        self.retire(allowed, device, DeviceStatus::Revoked, EventKind::Revoked)
    }

    /// NIST SP 800-63B-4 section 4.3: one factor of any kind, or an operator, is enough to report a
    /// device lost, and it works for the last one too.
    pub(crate) fn report_lost(
        self: Box<Self>,
        cx: &Context<'_>,
        device: DeviceId,
    ) -> Decision<Result<(), Refusal>> {
        let own = cx.proof.map_or(AnyPurpose::ChangeFactors, |proof| proof.purpose.clone());
        let allowed = self.authority(cx, &own).and_then(|()| {
            let found = self.device(device).ok_or(Refusal::NoSuchDevice)?;
            match found.status {
                DeviceStatus::Confirmed => may_report(cx.proof, found.method()),
                DeviceStatus::Lost | DeviceStatus::Revoked => Err(Refusal::NoSuchDevice),
            }
        });
        self.retire(allowed, device, DeviceStatus::Lost, EventKind::ReportedLost)
    }

    pub(crate) fn retire(
        mut self: Box<Self>,
        allowed: Result<(), Refusal>,
        device: DeviceId,
        status: DeviceStatus,
        kind: EventKind,
    ) -> Decision<Result<(), Refusal>> {
        if let Err(refusal) = allowed {
            return Decision::refused(refusal);
        }
        let Some(method) = self.take_out(device, status) else {
            return Decision::refused(Refusal::NoSuchDevice);
        };
        if status == DeviceStatus::Lost {
            self.forget_browsers(); // the browser may have been on the lost device
        }
        self.change_epoch();
        self.forget_oldest();
        self.change((), Vec::from([DraftEvent::plain(kind).on(device, method)]))
    }

    fn offboard(
        self: Box<Self>,
        cx: &Context<'_>,
        reason: &Reason,
    ) -> Decision<Result<(), Refusal>> {
        if self.exists { self.bar(cx, reason) } else { Decision::refused(Refusal::UnknownAccount) }
    }

    /// 45 CFR 164.308(a)(3)(ii)(C), NIST SP 800-63B-4 section 4.5: the end of everything, in one
    /// write. Works on an account that never was, which then can never be.
    fn bar(
        mut self: Box<Self>,
        cx: &Context<'_>,
        reason: &Reason,
    ) -> Decision<Result<(), Refusal>> {
        let allowed = if cx.by_operator { self.operator_proof(cx) } else { Ok(()) };
        if let Err(refusal) = allowed {
            return Decision::refused(refusal);
        }
        if self.offboarded_at.is_some() {
            return Decision::refused(Refusal::Offboarded);
        }
        let retired = self.devices.iter().filter(|device| device.in_use());
        let mut happened: Vec<_> = retired
            .map(|device| DraftEvent::plain(EventKind::Revoked).on(device.id, device.method()))
            .collect();
        self.retire_all();
        let ended = self.end_passes(None, PassEnd::Revoked, cx.now);
        happened.extend(ended.into_iter().map(DraftEvent::plain));
        self.offboarded_at = Some(cx.now);
        self.change_epoch();
        happened.push(DraftEvent::plain(EventKind::Offboarded { reason: reason.clone() }));
        self.change((), happened)
    }
}

/// Whether a proof is strong enough to take a device of this method out of use.
fn may_report(proof: Option<&Proven>, of: Method) -> Result<(), Refusal> {
    match proof.map(|proof| proof.method) {
        Some(Method::Emergency | Method::TrustedBrowser) => Err(Refusal::NotPermitted),
        Some(Method::Sms) if of.rank() > Method::Sms.rank() => Err(Refusal::NotPermitted),
        _ => Ok(()),
    }
}
