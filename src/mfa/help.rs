//! What an operator does for another person: each way ends in a pass, handed over outside the session.
//!
//! Standard: ASVS 6.4.4, 45 CFR 164.312(a)(2)(ii).

use alloc::{boxed::Box, vec::Vec};

use rand::CryptoRng;

use crate::account::{
    Account, AnyChange, Device, EventKind, Method, Operator, Pass, PassEnd, PassKind, PassLength,
    PassSeed, Reason, Refusal,
};
use crate::mfa::decision::{Context, Decision, DraftEvent};
use crate::mfa::handle::AccountAt;
use crate::mfa::operation::{Change, NoProof};
use crate::text::Text;

impl<'m> AccountAt<'m> {
    /// Issues a pass with which this person enrols a first factor. From then on the password alone enrols
    /// none, also after the pass is over.
    ///
    /// A long pass lasts [`Policy::pass_lifetime`](crate::Policy::pass_lifetime), a short one ten minutes.
    /// It ends with the next binding, another invitation, a reset, or
    /// [`revoke_passes`](AccountAt::revoke_passes). Refused: a person with a
    /// factor in use. The epoch rises. Emits `Invited`, a notice. NIST SP 800-63B-4 section 4.1.2.1.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (operator, lee) = host::person(&mfa, &store, &mut rng, "7", now)?;
    /// # let dana = mfa.account(&countersign::AccountId::new("42")?).at(now);
    /// use countersign::{account::{Operator, PassLength}, ActForOther};
    /// let verdict = mfa.account(&operator).at(now).verify(&lee.code(now), ActForOther).run(&store);
    /// let proof = verdict.accepted().ok_or("wrong code")?;
    /// let lee = Operator::checked_by_host(proof, "role help-desk");
    /// // Handed over with the contract.
    /// let pass = dana.invite(lee, PassLength::Long, "starts on Monday", &mut rng).run(&store)?;
    /// assert!(dana.enrol("A stranger's phone", &mut rng).run(&store).is_err());
    /// assert!(dana.enter_pass(&pass.expose_text()).run(&store).accepted().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn invite(
        &self,
        operator: Operator,
        length: PassLength,
        reason: &str,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, Pass, Operator> {
        self.help(
            (AnyChange::Invite, operator),
            length,
            reason,
            rng,
            |account, cx, reason, seed| account.invite(cx, reason, seed),
        )
    }

    /// Removes every factor of this person and forgives the failures, on the word of an operator. Returns a
    /// pass, as [`AccountAt::invite`], with which the person enrols again; the password alone enrols
    /// nothing. Make sure first who calls for help.
    ///
    /// The epoch rises. Emits `Reset`, a notice. ASVS 6.4.4.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// # let (operator, lee) = host::person(&mfa, &store, &mut rng, "7", now)?;
    /// use countersign::{account::{Operator, PassLength}, ActForOther, SignIn};
    /// let verdict = mfa.account(&operator).at(now).verify(&lee.code(now), ActForOther).run(&store);
    /// let proof = verdict.accepted().ok_or("wrong code")?;
    /// let lee = Operator::checked_by_host(proof, "role help-desk");
    /// // Everything is lost, and the help desk calls back the number on file.
    /// let (short, why) = (PassLength::Short, "lost phone, called back");
    /// let pass = dana.reset(lee, short, why, &mut rng).run(&store)?;
    /// assert!(dana.verify(&phone.code(now), SignIn).run(&store).accepted().is_none());
    /// assert!(dana.enter_pass(&pass.expose_text()).run(&store).accepted().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reset(
        &self,
        operator: Operator,
        length: PassLength,
        reason: &str,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, Pass, Operator> {
        self.help((AnyChange::Reset, operator), length, reason, rng, |account, cx, reason, seed| {
            account.reset(cx, reason, seed)
        })
        .persistent()
    }

    /// Issues a pass that signs this person in once without a factor, within `secs` seconds: the policy's
    /// limit at most, and ten minutes for a short one. Factors and failures stay as they are.
    ///
    /// An unknown account is refused. Emits `EmergencyGranted`, a notice. 45
    /// CFR 164.312(a)(2)(ii).
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// # let (operator, lee) = host::person(&mfa, &store, &mut rng, "7", now)?;
    /// use countersign::{account::{Operator, PassLength}, ActForOther};
    /// let verdict = mfa.account(&operator).at(now).verify(&lee.code(now), ActForOther).run(&store);
    /// let proof = verdict.accepted().ok_or("wrong code")?;
    /// let lee = Operator::checked_by_host(proof, "role help-desk");
    /// // An hour for a physician whose phone is at home.
    /// let (long, why) = (PassLength::Long, "phone at home, on call");
    /// let pass = dana.grant_emergency_access(lee, long, 3600, why, &mut rng).run(&store)?;
    /// assert_eq!(pass.until(), now.plus(3600));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn grant_emergency_access(
        &self,
        operator: Operator,
        length: PassLength,
        secs: u64,
        reason: &str,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, Pass, Operator> {
        let by = (AnyChange::GrantEmergencyAccess, operator);
        self.help(by, length, reason, rng, move |account, cx, reason, seed| {
            account.grant_emergency_access(cx, secs, reason, seed)
        })
    }

    fn help(
        &self,
        (change, operator): (AnyChange, Operator),
        length: PassLength,
        reason: &str,
        rng: &mut impl CryptoRng,
        decide: impl Fn(Box<Account>, &Context<'_>, &Reason, &PassSeed) -> Helped + Send + Sync + 'm,
    ) -> Change<'m, Pass, Operator> {
        let reason: Result<Reason, _> = Text::new(reason);
        let seed = PassSeed::generate(length, rng);
        self.change::<_, NoProof>(move |account, cx| {
            let reason = reason.as_ref().map_err(|error| *error)?;
            Ok(match account.operator_proof(cx) {
                Ok(()) => decide(account, cx, reason, &seed),
                Err(refusal) => Decision::refused(refusal),
            })
        })
        .allowed(Some(change), operator)
    }
}

type Helped = Decision<Result<Pass, Refusal>>;

impl Account {
    fn invite(mut self: Box<Self>, cx: &Context<'_>, reason: &Reason, seed: &PassSeed) -> Helped {
        if self.devices.iter().any(Device::in_use) {
            return Decision::refused(Refusal::FactorInUse);
        }
        let mut happened = Vec::new();
        let pass = self.take_in_hand(cx, seed, &mut happened);
        let kind = EventKind::Invited { until: pass.until(), reason: reason.clone() };
        happened.push(DraftEvent::plain(kind).by(Method::Pass));
        self.change(pass, happened)
    }

    /// An operator's last help: every factor goes, failures are forgiven.
    fn reset(mut self: Box<Self>, cx: &Context<'_>, reason: &Reason, seed: &PassSeed) -> Helped {
        if !self.exists || self.abandoned_at.is_some() {
            return Decision::refused(Refusal::NothingBound);
        }
        self.retire_all();
        // Both limiters: the guessed secrets are gone, and after any number of an attacker's guesses the
        // person has to be able to confirm a new device within the ten minutes that it waits.
        (self.codes, self.out_of_band) = Default::default();
        let ended = self.end_passes(Some(PassKind::Emergency), PassEnd::Revoked, cx.now);
        let mut happened = ended.into_iter().map(DraftEvent::plain).collect();
        let pass = self.take_in_hand(cx, seed, &mut happened);
        let kind = EventKind::Reset { until: pass.until(), reason: reason.clone() };
        happened.push(DraftEvent::plain(kind).by(Method::Pass));
        self.change(pass, happened)
    }

    /// From here on only a pass opens the account: a stranger with the password could enrol first. What a
    /// stranger has started ends.
    fn take_in_hand(
        &mut self,
        cx: &Context<'_>,
        seed: &PassSeed,
        happened: &mut Vec<DraftEvent>,
    ) -> Pass {
        (self.needs_pass, self.import_ended, self.enrolment_began) = (true, true, None);
        self.change_epoch();
        let secs = cx.policy.pass_lifetime().as_u64();
        self.issue_pass(cx, PassKind::Enrolment, secs, seed, happened)
    }

    /// 45 CFR 164.312(a)(2)(ii): an operator lets the person in without a factor, once, with a reason.
    fn grant_emergency_access(
        mut self: Box<Self>,
        cx: &Context<'_>,
        secs: u64,
        reason: &Reason,
        seed: &PassSeed,
    ) -> Helped {
        if !self.exists || self.abandoned_at.is_some() {
            return Decision::refused(Refusal::NothingBound); // a mistyped id must not let anyone in
        }
        let mut happened = Vec::new();
        let secs = secs.min(cx.policy.emergency_lifetime().as_u64());
        let pass = self.issue_pass(cx, PassKind::Emergency, secs, seed, &mut happened);
        let kind = EventKind::EmergencyGranted { until: pass.until(), reason: reason.clone() };
        happened.push(DraftEvent::plain(kind).by(Method::Emergency));
        self.change(pass, happened)
    }
}
