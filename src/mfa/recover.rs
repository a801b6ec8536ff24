//! Recovery codes: signing in with one, and a new set.
//!
//! Standard: NIST SP 800-63B-4 sections 3.1.2.2 and 4.2.1.1.

use alloc::{boxed::Box, vec::Vec};

use rand::CryptoRng;

use crate::account::{
    Account, AnyPurpose, ChallengeId, Device, EventKind, MayChangeOwnFactors, Method, Proof,
    Proven, Purpose, Recovery, RecoveryCode, RecoveryCodes, RecoverySeed, Refusal, RejectionReason,
    Spent, permits,
};
use crate::mfa::answer::Verdict;
use crate::mfa::decision::{Context, Decision, DraftEvent, NO_WAIT, malformed, not_permitted};
use crate::mfa::handle::AccountAt;
use crate::mfa::operation::{Attempt, Change, NoProof, without_traces};

impl<'m> AccountAt<'m> {
    /// Signs in, or steps up, with a recovery code, which is spent. Takes what a person pastes, as
    /// [`RecoveryCode::parse`]. A new set is due afterwards: [`Proof::replacement_due`].
    ///
    /// A failure counts on the one code that it names, which closes at 100, so an attacker who knows no
    /// name keeps none of the owner's out; `tries_left` is always 255. Refused: privileges, and acting for
    /// others. Emits `RecoveryCodeSpent` and `Accepted`, or `Rejected` and `RecoveryCodeClosed`. NIST SP
    /// 800-63B-4 sections 3.1.2.2 and 4.2.1.1.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::SignIn;
    /// // The phone is gone: a printed code lets the person in once, and a new set is due.
    /// let printed = &phone.recovery_codes[0];
    /// let proof = dana.recover(printed, SignIn).run(&store).accepted().ok_or("wrong code")?;
    /// assert!(proof.replacement_due());
    /// assert!(dana.recover(printed, SignIn).run(&store).accepted().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recover<P: Purpose>(&self, code: &str, purpose: P) -> Attempt<'m, Proof<P>> {
        let code = without_traces(|| RecoveryCode::parse(code).ok());
        self.attempt(purpose, move |account, cx, purpose| {
            Ok(account.recover(cx, Option::as_ref(&code), purpose))
        })
    }

    /// Issues new recovery codes, shown once. The old set works until the person has seen the new one
    /// ([`AccountAt::acknowledge_recovery_codes`]) or used one of its codes, and for a day at most: an
    /// answer that got lost must not leave the person without codes.
    ///
    /// The epoch rises. Emits `RecoveryCodesIssued`. NIST SP 800-63B-4 section 4.2.1.1.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::{ChangeFactors, SignIn};
    /// let verdict = dana.verify(&phone.code(now), ChangeFactors).run(&store);
    /// let proof = verdict.accepted().ok_or("wrong code")?;
    /// let codes = dana.regenerate_recovery_codes(proof, &mut rng).run(&store)?;
    /// assert_eq!(codes.expose_lines().lines().count(), 10);
    /// // The button "I have printed them": now the old ones are worth nothing.
    /// dana.acknowledge_recovery_codes(codes.set()).run(&store)?;
    /// assert!(dana.recover(&phone.recovery_codes[0], SignIn).run(&store).accepted().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn regenerate_recovery_codes<A: MayChangeOwnFactors>(
        &self,
        proof: A,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, RecoveryCodes, A> {
        self.regenerate(proof, false, rng)
    }

    /// As [`AccountAt::regenerate_recovery_codes`], and ends the old set at once: it may have leaked.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::{ChangeFactors, SignIn};
    /// let verdict = dana.verify(&phone.code(now), ChangeFactors).run(&store);
    /// let proof = verdict.accepted().ok_or("wrong code")?;
    /// // The sheet was photographed.
    /// let codes = dana.replace_leaked_recovery_codes(proof, &mut rng).run(&store)?;
    /// assert!(dana.recover(&phone.recovery_codes[0], SignIn).run(&store).accepted().is_none());
    /// # let _ = codes.into_inner();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn replace_leaked_recovery_codes<A: MayChangeOwnFactors>(
        &self,
        proof: A,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, RecoveryCodes, A> {
        self.regenerate(proof, true, rng)
    }

    fn regenerate<A: MayChangeOwnFactors>(
        &self,
        proof: A,
        leaked: bool,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, RecoveryCodes, A> {
        let seed = RecoverySeed::generate(rng);
        self.change::<_, NoProof>(move |account, cx| Ok(account.regenerate(cx, leaked, &seed)))
            .allowed_by(proof)
            .persistent()
    }

    /// Notes that the person has seen the recovery codes of `set`, which ends the set before them.
    ///
    /// Call it when the person clicks past the page that shows them, in a session that is signed in. Emits
    /// `RecoveryCodesSeen`.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = countersign::AccountId::new("42")?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::mfa::ExternalMethod;
    /// let bound = dana.bind_external("Laptop", ExternalMethod::Passkey, &mut rng).run(&store)?;
    /// let codes = bound.recovery_codes().ok_or("not the first factor")?;
    /// let seen = || Ok::<_, Box<dyn std::error::Error>>(
    ///     dana.summary().run(&store)?.is_some_and(|summary| summary.recovery_codes_seen),
    /// );
    /// assert!(!seen()?); // if the page never arrived, issue new ones
    /// dana.acknowledge_recovery_codes(codes.set()).run(&store)?;
    /// assert!(seen()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn acknowledge_recovery_codes(&self, set: ChallengeId) -> Change<'m> {
        self.change(move |account, _| Ok(account.acknowledge(set)))
    }
}

impl Account {
    /// NIST SP 800-63B-4 section 3.1.2.2: a look-up secret, spent once. No budget holds it: an attacker
    /// with the password must not be able to keep the owner's right code out.
    pub(crate) fn recover(
        mut self: Box<Self>,
        cx: &Context<'_>,
        typed: Option<&RecoveryCode>,
        purpose: &AnyPurpose,
    ) -> Decision<Verdict<Proven>> {
        if !permits(Method::RecoveryCode, purpose) {
            return not_permitted(purpose);
        }
        let Some(typed) = typed else { return malformed(purpose) };
        let (is_open, has_set) = (self.is_open(), self.recovery.newest.is_some());
        let spent = if is_open {
            self.recovery.spend(typed, cx.now)
        } else {
            Recovery::default().spend(typed, cx.now) // the same work
        };
        let left = self.recovery.left();
        let why = match spent {
            Spent::Now => {
                let spent = DraftEvent::plain(EventKind::RecoveryCodeSpent { left });
                let happened = Vec::from([spent.by(Method::RecoveryCode).purpose(purpose)]);
                return self.accept_as(cx, None, Method::RecoveryCode, purpose, happened);
            }
            Spent::Before => RejectionReason::Replayed,
            Spent::Repeated => RejectionReason::Repeated,
            Spent::Never | Spent::Counted | Spent::Closed if is_open && !has_set => {
                RejectionReason::NoDevice
            }
            Spent::Never | Spent::Counted | Spent::Closed => self.why_rejected(true, false),
        };
        let by_code = |kind| DraftEvent::plain(kind).by(Method::RecoveryCode).purpose(purpose);
        let mut happened = Vec::from([by_code(EventKind::Rejected(why))]);
        if spent == Spent::Closed {
            happened.push(by_code(EventKind::RecoveryCodeClosed { left }));
        }
        let is_counted = matches!(spent, Spent::Counted | Spent::Closed);
        let (next, dummy) = if is_counted { (Some(self), None) } else { (None, Some(self)) };
        let dummy = dummy.filter(|_| is_open);
        Decision { answer: Verdict::Rejected { tries_left: NO_WAIT }, next, dummy, happened }
    }

    pub(crate) fn regenerate(
        mut self: Box<Self>,
        cx: &Context<'_>,
        leaked: bool,
        seed: &RecoverySeed,
    ) -> Decision<Result<RecoveryCodes, Refusal>> {
        let allowed = self.subject_proof(cx, &AnyPurpose::ChangeFactors);
        if let Err(refusal) = allowed {
            return Decision::refused(refusal);
        }
        if !self.devices.iter().any(Device::in_use) {
            return Decision::refused(Refusal::NothingBound);
        }
        self.change_epoch();
        let mut happened = Vec::new();
        let codes = self.issue_recovery_codes(cx, seed, leaked, &mut happened);
        self.change(codes, happened)
    }

    pub(crate) fn acknowledge(
        mut self: Box<Self>,
        set: ChallengeId,
    ) -> Decision<Result<(), Refusal>> {
        if self.offboarded_at.is_some() {
            return Decision::refused(Refusal::Offboarded);
        }
        let event = DraftEvent::plain(EventKind::RecoveryCodesSeen).by(Method::RecoveryCode);
        let newest = self.recovery.newest.as_ref();
        if newest.is_some_and(|newest| newest.id == set && newest.seen) {
            return Decision::unchanged(Ok(()), event); // said twice
        }
        if !self.recovery.acknowledge(set) {
            return Decision::refused(Refusal::NotFound);
        }
        self.change((), Vec::from([event]))
    }
}
