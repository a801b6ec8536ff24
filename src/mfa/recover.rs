//! Recovery codes: signing in with one, and a new set.
//!
//! Standard: NIST SP 800-63B-4 sections 3.1.2.2 and 4.2.1.1.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand::CryptoRng;

use crate::account::{
    Account, AnyPurpose, ChangeFactors, Class, Device, EventKind, Method, Proof, Proven, Purpose,
    RecoveryCode, RecoveryCodes, RecoverySeed, RecoverySet, Refusal, RejectionReason, Spent,
    permits,
};
use crate::mfa::answer::Verdict;
use crate::mfa::decision::{Context, Decision, DraftEvent, malformed};
use crate::mfa::handle::AccountAt;
use crate::mfa::operation::{Attempt, Change, NoProof, without_traces};

impl<'m> AccountAt<'m> {
    /// Signs in, or steps up, with a recovery code, which is spent. Takes what a person pastes, as
    /// [`RecoveryCode::parse`].
    ///
    /// Its failures count apart from those of apps and tokens. A new set is due afterwards:
    /// [`Proof::replacement_due`]. Emits `RecoveryCodeSpent` and `Accepted`, or `Rejected`. NIST SP
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
        without_traces(|| {
            let code = RecoveryCode::parse(code).ok();
            self.attempt(purpose, move |account, cx, purpose| {
                account.recover(cx, code.as_ref(), purpose)
            })
        })
    }

    /// Issues new recovery codes, shown once. The old set ends as one.
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
    /// // Shown once; the printed ones are worth nothing now.
    /// let codes = dana.regenerate_recovery_codes(proof, &mut rng).run(&store)?;
    /// assert_eq!(codes.expose_lines().lines().count(), 10);
    /// assert!(dana.recover(&phone.recovery_codes[0], SignIn).run(&store).accepted().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn regenerate_recovery_codes(
        &self,
        proof: Proof<ChangeFactors>,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, RecoveryCodes, Proof<ChangeFactors>> {
        let seed = RecoverySeed::generate(rng);
        self.change::<_, NoProof>(move |account, cx| Ok(account.regenerate(cx, &seed)))
            .with_proof(proof)
    }
}

impl Account {
    /// NIST SP 800-63B-4 section 3.1.2.2: a look-up secret, spent once. The codes of apps keep their
    /// own budget: a guesser who locked them has not locked the owner out.
    pub(crate) fn recover(
        mut self: Box<Self>,
        cx: &Context<'_>,
        typed: Option<&RecoveryCode>,
        purpose: &AnyPurpose,
    ) -> Decision<Verdict<Proven>> {
        if let Some(no) = self.gate(cx, Class::Recovery, purpose) {
            return no;
        }
        let Some(typed) = typed else { return malformed(purpose) };
        let allowed = permits(Method::RecoveryCode, purpose);
        let spent = match &mut self.recovery {
            Some(set) if allowed => set.spend(typed),
            _ => RecoverySet::dummy().spend(typed), // the same work
        };
        let why = match spent {
            Spent::Now => {
                self.budgets.recovery.forgive();
                let left = self.recovery.as_ref().map_or(0, RecoverySet::left);
                let spent = DraftEvent::plain(EventKind::RecoveryCodeSpent { left });
                let happened = Vec::from([spent.by(Method::RecoveryCode).purpose(purpose)]);
                return self.accept_as(cx, None, Method::RecoveryCode, purpose, happened);
            }
            Spent::Before => RejectionReason::Replayed,
            Spent::Never if !allowed => RejectionReason::WrongPurpose,
            Spent::Never if self.is_open() && self.recovery.is_none() => RejectionReason::NoDevice,
            Spent::Never => self.why_rejected(true, false),
        };
        let event = DraftEvent::plain(EventKind::Rejected(why)).by(Method::RecoveryCode);
        self.reject(cx, Class::Recovery, event.purpose(purpose))
    }

    /// Issues a new set of recovery codes, which ends the old set.
    pub(crate) fn regenerate(
        mut self: Box<Self>,
        cx: &Context<'_>,
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
        self.budgets.recovery.forgive();
        let mut happened = Vec::new();
        let codes = self.issue_recovery_codes(cx, seed, &mut happened);
        self.change(codes, happened)
    }
}
