//! What an operator does for another person: a reset, and emergency access.
//!
//! Standard: ASVS 6.4.4, 45 CFR 164.312(a)(2)(ii).

use alloc::{boxed::Box, vec::Vec};

use crate::account::{
    Account, AnyChange, AnyPurpose, Emergency, EventKind, Method, Operator, Proof, Proven, Purpose,
    Reason, Refusal, RejectionReason, permits,
};
use crate::mfa::answer::Verdict;
use crate::mfa::decision::{Context, Decision, DraftEvent, not_permitted};
use crate::mfa::handle::AccountAt;
use crate::mfa::operation::{Attempt, Change, NoProof};
use crate::text::Text;
use crate::time::UnixTime;

impl<'m> AccountAt<'m> {
    /// Removes every factor of this person and forgives the failures, on the word of an operator; for
    /// a day the person can enrol as if for the first time. Make sure first who calls for help.
    ///
    /// The epoch rises. Emits `Reset`. ASVS 6.4.4.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// # let (operator, lee) = host::person(&mfa, &store, &mut rng, "7", now)?;
    /// use countersign::{account::Operator, ActForOther, SignIn};
    /// let verdict = mfa.account(&operator).at(now).verify(&lee.code(now), ActForOther).run(&store);
    /// let proof = verdict.accepted().ok_or("wrong code")?;
    /// let lee = Operator::checked_by_host(proof, "role help-desk");
    /// // Everything is lost, and the help desk knows who calls.
    /// dana.reset(lee, "lost phone, passport seen").run(&store)?;
    /// assert!(dana.verify(&phone.code(now), SignIn).run(&store).accepted().is_none());
    /// assert!(dana.enrol("New phone", &mut rng).run(&store).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reset(&self, operator: Operator, reason: &str) -> Change<'m, (), Operator> {
        let reason: Result<Reason, _> = Text::new(reason);
        self.change::<_, NoProof>(move |account, cx| {
            Ok(account.reset(cx, reason.as_ref().map_err(|error| *error)?))
        })
        .allowed(Some(AnyChange::Reset), operator)
        .persistent()
    }

    /// Lets this person in without a factor for `secs` seconds, the policy's limit at most, on the
    /// word of an operator. Returns until when.
    ///
    /// An unknown account is refused. Emits `EmergencyGranted`. 45
    /// CFR 164.312(a)(2)(ii).
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// # let (operator, lee) = host::person(&mfa, &store, &mut rng, "7", now)?;
    /// use countersign::{account::Operator, ActForOther};
    /// let verdict = mfa.account(&operator).at(now).verify(&lee.code(now), ActForOther).run(&store);
    /// let proof = verdict.accepted().ok_or("wrong code")?;
    /// let lee = Operator::checked_by_host(proof, "role help-desk");
    /// // An hour for a physician whose phone is at home.
    /// let until = dana.grant_emergency_access(lee, 3600, "phone at home, on call").run(&store)?;
    /// assert_eq!(*until, now.plus(3600));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn grant_emergency_access(
        &self,
        operator: Operator,
        secs: u64,
        reason: &str,
    ) -> Change<'m, UnixTime, Operator> {
        let reason: Result<Reason, _> = Text::new(reason);
        self.change::<_, NoProof>(move |account, cx| {
            let reason = reason.as_ref().map_err(|error| *error)?;
            Ok(account.grant_emergency_access(cx, secs, reason))
        })
        .allowed(Some(AnyChange::GrantEmergencyAccess), operator)
    }

    /// Signs in on an operator's grant of emergency access, for as long as it lasts.
    ///
    /// Without one: [`Verdict::Expired`]. Emits `Accepted` each time. 45 CFR 164.312(a)(2)(ii).
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// # let (operator, lee) = host::person(&mfa, &store, &mut rng, "7", now)?;
    /// use countersign::{account::Operator, ActForOther, Method, SignIn};
    /// # let verdict = mfa.account(&operator).at(now).verify(&lee.code(now), ActForOther).run(&store);
    /// # let lee = Operator::checked_by_host(verdict.accepted().ok_or("wrong code")?, "role help-desk");
    /// assert!(dana.use_emergency_access(SignIn).run(&store).accepted().is_none());
    /// dana.grant_emergency_access(lee, 3600, "phone at home, on call").run(&store)?;
    /// // The button "emergency" behind the password works while the grant lasts.
    /// let proof = dana.use_emergency_access(SignIn).run(&store).accepted();
    /// assert_eq!(proof.map(|proof| proof.method()), Some(Method::Emergency));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn use_emergency_access<P: Purpose>(&self, purpose: P) -> Attempt<'m, Proof<P>> {
        self.attempt(purpose, |account, cx, purpose| Ok(account.use_emergency_access(cx, purpose)))
    }
}

impl Account {
    /// An operator's last help: every factor goes, failures are forgiven, and for a day a factor can
    /// be enrolled as if for the first time.
    pub(crate) fn reset(
        mut self: Box<Self>,
        cx: &Context<'_>,
        reason: &Reason,
    ) -> Decision<Result<(), Refusal>> {
        if let Err(refusal) = self.operator_proof(cx) {
            return Decision::refused(refusal);
        }
        if !self.exists {
            return Decision::refused(Refusal::NothingBound);
        }
        self.retire_all();
        // Both limiters: the guessed secrets are gone, and after any number of an attacker's guesses the
        // person has to be able to confirm a new device within the ten minutes that it waits.
        (self.codes, self.out_of_band) = Default::default();
        self.reset_at = Some(cx.now);
        self.change_epoch();
        let event = DraftEvent::plain(EventKind::Reset { reason: reason.clone() });
        self.change((), Vec::from([event]))
    }

    /// 45 CFR 164.312(a)(2)(ii): an operator lets the person in without a factor, for a time, with a
    /// reason. Factors and failures stay as they are.
    pub(crate) fn grant_emergency_access(
        mut self: Box<Self>,
        cx: &Context<'_>,
        secs: u64,
        reason: &Reason,
    ) -> Decision<Result<UnixTime, Refusal>> {
        if let Err(refusal) = self.operator_proof(cx) {
            return Decision::refused(refusal);
        }
        if !self.exists {
            return Decision::refused(Refusal::NothingBound); // a mistyped id must not let anyone in
        }
        let secs = secs.min(cx.policy.emergency_lifetime().as_u64());
        let until = cx.now.plus(secs);
        self.emergency = Some(Emergency { at: cx.now, secs });
        let kind = EventKind::EmergencyGranted { until, reason: reason.clone() };
        let event = DraftEvent::plain(kind).by(Method::Emergency);
        self.change(until, Vec::from([event]))
    }

    /// 45 CFR 164.312(a)(2)(ii): signs in on a grant, for as long as it lasts.
    pub(crate) fn use_emergency_access(
        self: Box<Self>,
        cx: &Context<'_>,
        purpose: &AnyPurpose,
    ) -> Decision<Verdict<Proven>> {
        if !permits(Method::Emergency, purpose) {
            return not_permitted(purpose);
        }
        let granted = self.emergency.is_some_and(|granted| granted.at.lasts(granted.secs, cx.now));
        if granted && self.is_open() {
            return self.accept_as(cx, None, Method::Emergency, purpose, Vec::new());
        }
        let event = DraftEvent::plain(EventKind::Rejected(RejectionReason::Expired));
        let event = event.by(Method::Emergency);
        Decision::unchanged(Verdict::Expired, event.purpose(purpose))
    }
}
