//! Passes: entering one, and revoking them.
//!
//! Standard: ASVS 6.4.1, NIST SP 800-63B-4 section 3.2.2, 45 CFR 164.312(a)(2)(ii).

use alloc::{boxed::Box, vec::Vec};

use crate::account::{
    Account, AnyChange, AnyPurpose, ChangeFactors, EventKind, MayChangeFactors, Pass, PassEnd,
    PassKind, PassSeed, Proof, Refusal, RejectionReason, SignIn, StoredPass, TypedPass,
};
use crate::mfa::answer::Verdict;
use crate::mfa::decision::{Context, Decision, DraftEvent, NO_WAIT, malformed};
use crate::mfa::handle::AccountAt;
use crate::mfa::operation::{Attempt, Change, NoProof, without_traces};

impl<'m> AccountAt<'m> {
    /// Enters a pass that an operator has handed over. Takes what a person pastes, as
    /// [`RecoveryCode::parse`](crate::account::RecoveryCode::parse).
    ///
    /// Accepted: an emergency pass is used up; one to enrol with stays until a factor is bound, so that a
    /// set-up which was not finished can be started again. Expired: the pass was right, and its time is over. Rejected: counted on the long pass that the text
    /// names, which 100 failures end, or on the short one, which 20 end; else nowhere. `tries_left` is
    /// always 255. Emits `Accepted`, a notice; or `Rejected`; and `PassEnded`. ASVS 6.4.1.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (operator, lee) = host::person(&mfa, &store, &mut rng, "7", now)?;
    /// # let dana = mfa.account(&countersign::AccountId::new("42")?).at(now);
    /// use countersign::{account::PassLength, mfa::Entered};
    /// # use countersign::ActForOther;
    /// # let verdict = mfa.account(&operator).at(now).verify(&lee.code(now), ActForOther).run(&store);
    /// # let proof = verdict.accepted().ok_or("wrong code")?;
    /// # let lee = countersign::account::Operator::checked_by_host(proof, "role help-desk");
    /// # let pass = dana.invite(lee, PassLength::Long, "starts on Monday", &mut rng).run(&store)?;
    /// # let typed = pass.expose_text();
    /// // The page "enter the pass" behind the password.
    /// match dana.enter_pass(&typed).run(&store).accepted().ok_or("wrong pass")? {
    ///     Entered::SignIn(proof) => panic!("an emergency pass: {proof:?}"),
    ///     Entered::Enrolment(proof) => {
    ///         let pending = dana.enrol("Dana's phone", &mut rng).proven_by(proof).run(&store)?;
    ///         assert!(pending.uri("Acme Billing", "dana").is_ok());
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn enter_pass(&self, text: &str) -> Attempt<'m, Entered> {
        let typed = without_traces(|| TypedPass::parse(text));
        Attempt::new(
            self.operation(move |account, cx| Ok(account.enter_pass(cx, Option::as_ref(&typed)))),
        )
    }

    /// Ends the passes of this person, and an enrolment that one of them started.
    ///
    /// Takes an operator, or the person's own proof: a person who is told of a pass, and did not call the
    /// help desk, ends it. Refused: no pass. The epoch stays. Emits `PassEnded`, a notice, for each.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// # let (operator, lee) = host::person(&mfa, &store, &mut rng, "7", now)?;
    /// use countersign::{account::PassLength, ChangeFactors};
    /// # use countersign::ActForOther;
    /// # let verdict = mfa.account(&operator).at(now).verify(&lee.code(now), ActForOther).run(&store);
    /// # let proof = verdict.accepted().ok_or("wrong code")?;
    /// # let lee = countersign::account::Operator::checked_by_host(proof, "role help-desk");
    /// // The help desk believed a caller, and the person reads the notice.
    /// let (long, why) = (PassLength::Long, "says the phone is at home");
    /// let pass = dana.grant_emergency_access(lee, long, 3600, why, &mut rng).run(&store)?;
    /// let verdict = dana.verify(&phone.code(now), ChangeFactors).run(&store);
    /// dana.revoke_passes(verdict.accepted().ok_or("wrong code")?).run(&store)?;
    /// assert!(dana.enter_pass(&pass.expose_text()).run(&store).accepted().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn revoke_passes<A: MayChangeFactors>(&self, by: A) -> Change<'m, (), A> {
        self.change::<_, NoProof>(|account, cx| Ok(account.revoke_passes(cx)))
            .allowed(Some(AnyChange::RevokePasses), by)
            .persistent()
    }
}

/// What an accepted pass is worth.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// # let (operator, lee) = host::person(&mfa, &store, &mut rng, "7", now)?;
/// use countersign::{account::PassLength, mfa::Entered, Method};
/// # use countersign::ActForOther;
/// # let verdict = mfa.account(&operator).at(now).verify(&lee.code(now), ActForOther).run(&store);
/// # let proof = verdict.accepted().ok_or("wrong code")?;
/// # let lee = countersign::account::Operator::checked_by_host(proof, "role help-desk");
/// # let (short, why) = (PassLength::Short, "phone at home, on call");
/// # let pass = dana.grant_emergency_access(lee, short, 600, why, &mut rng).run(&store)?;
/// # let typed = pass.expose_text();
/// // Where the page goes next.
/// let next = match dana.enter_pass(&typed).run(&store).accepted().ok_or("wrong pass")? {
///     Entered::SignIn(proof) => proof.method(), // and the session opens, this once
///     Entered::Enrolment(_) => panic!("a pass to enrol with"),
/// };
/// assert_eq!(next, Method::Emergency);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "the proof is what the pass was entered for"]
pub enum Entered {
    /// An emergency pass, now used up: it signs in, and does nothing else.
    SignIn(Proof<SignIn>),
    /// A pass to enrol with: it binds a factor, and does nothing else. [`Proof::method`] is
    /// [`Method::Pass`](crate::Method::Pass).
    Enrolment(Proof<ChangeFactors>),
}

impl Account {
    /// A look-up secret from an operator. No class holds it: an attacker who knows the password must not
    /// be able to keep a long one out.
    pub(crate) fn enter_pass(
        mut self: Box<Self>,
        cx: &Context<'_>,
        typed: Option<&TypedPass>,
    ) -> Decision<Verdict<Entered>> {
        let Some(typed) = typed else { return malformed(&AnyPurpose::ChangeFactors) };
        // Both kinds are compared, dummies where there is none: the time says neither whether nor which.
        let is_open = self.is_open();
        let right = PassKind::ALL
            .map(|kind| StoredPass::is(self.pass(kind).filter(|_| is_open), typed).then_some(kind));
        if let Some(kind) = right.into_iter().flatten().next() {
            return self.enter(cx, kind);
        }
        let why = self.why_rejected(!self.passes.is_empty(), false);
        let mut happened = Vec::from([DraftEvent::plain(EventKind::Rejected(why))]);
        let open = self.passes.iter_mut().filter(|pass| is_open && pass.is_open(cx.now));
        let mut is_counted = false;
        for pass in open.filter(|pass| pass.is_named(typed)) {
            is_counted = true;
            happened.extend(pass.count(cx.now).map(DraftEvent::plain));
        }
        let (next, dummy) = if is_counted { (Some(self), None) } else { (None, Some(self)) };
        let dummy = dummy.filter(|_| is_open);
        Decision { answer: Verdict::Rejected { tries_left: NO_WAIT }, next, dummy, happened }
    }

    /// The end of a right [`Account::enter_pass`].
    fn enter(mut self: Box<Self>, cx: &Context<'_>, kind: PassKind) -> Decision<Verdict<Entered>> {
        let purpose = match kind {
            PassKind::Emergency => AnyPurpose::SignIn,
            PassKind::Enrolment => AnyPurpose::ChangeFactors,
        };
        let Some(pass) = self.passes.iter_mut().find(|pass| pass.kind == kind) else {
            return malformed(&purpose);
        };
        let not = |answer, why| {
            let event = DraftEvent::plain(EventKind::Rejected(why)).by(kind.method());
            Decision::unchanged(answer, event.purpose(&purpose))
        };
        if !pass.lasts(cx.now) {
            return not(Verdict::Expired, RejectionReason::Expired);
        }
        if !pass.is_open(cx.now) {
            return not(Verdict::Rejected { tries_left: NO_WAIT }, RejectionReason::Closed);
        }
        let ended = match kind {
            PassKind::Emergency => self.end_passes(Some(kind), PassEnd::SignedIn, cx.now),
            PassKind::Enrolment => pass.count(cx.now).into_iter().collect(),
        };
        let happened = ended.into_iter().map(DraftEvent::plain).collect();
        let accepted = self.accept_as(cx, None, kind.method(), &purpose, happened);
        accepted.map(|verdict| {
            verdict.map(|proven| {
                let proven = Box::new(proven);
                match kind {
                    PassKind::Emergency => Entered::SignIn(Proof { proven, purpose: SignIn }),
                    PassKind::Enrolment => {
                        Entered::Enrolment(Proof { proven, purpose: ChangeFactors })
                    }
                }
            })
        })
    }

    /// Puts a pass in the place of the one of its kind.
    pub(crate) fn issue_pass(
        &mut self,
        cx: &Context<'_>,
        kind: PassKind,
        secs: u64,
        seed: &PassSeed,
        happened: &mut Vec<DraftEvent>,
    ) -> Pass {
        let replaced = self.end_passes(Some(kind), PassEnd::Replaced, cx.now);
        happened.extend(replaced.into_iter().map(DraftEvent::plain));
        let operator = cx.proof.map_or(*cx.id, |proof| proof.account);
        let (pass, stored) = seed.issue(kind, operator, cx.now, secs);
        self.passes.push(stored);
        pass
    }

    fn revoke_passes(mut self: Box<Self>, cx: &Context<'_>) -> Decision<Result<(), Refusal>> {
        if let Err(refusal) = self.authority(cx, &AnyPurpose::ChangeFactors) {
            return Decision::refused(refusal);
        }
        let mut lasting = self.passes.iter_mut().filter(|pass| pass.lasts(cx.now)).peekable();
        if lasting.peek().is_none() {
            return Decision::refused(Refusal::NotFound);
        }
        // One whose tries are used up ends on the trail a second time, with what it started: a version
        // without an event is a hole.
        lasting.for_each(|pass| pass.is_over = false);
        if self.pass(PassKind::Enrolment).is_some() {
            self.pending = None; // it may have been started with the pass
        }
        let ended = self.end_passes(None, PassEnd::Revoked, cx.now);
        self.change((), ended.into_iter().map(DraftEvent::plain).collect())
    }
}
