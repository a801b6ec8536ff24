//! Unlocking: failures are forgiven on a proof of another kind, or by an operator.
//!
//! Standard: NIST SP 800-63B-4 section 3.2.2 (a successful authentication resets the count), ASVS 6.1.1.

use alloc::{boxed::Box, vec::Vec};

use crate::account::{
    Account, AnyChange, AnyPurpose, Class, MayChangeFactors, Method, Proven, Refusal,
};
use crate::mfa::decision::{Context, Decision};
use crate::mfa::handle::AccountAt;
use crate::mfa::operation::{Change, NoProof};

impl<'m> AccountAt<'m> {
    /// Forgives the failures of codes and texts, so that they are evaluated again.
    ///
    /// Takes the person's proof of another kind that is not weaker: by passkey or recovery code for both;
    /// by app or token for texts, and for codes too if it came from a remembered browser; never by SMS or
    /// emergency access. Or an operator. The person can clear
    /// the thirty-day total twice in thirty days; after that only streaks and waits end. The epoch stays.
    /// Emits `Forgiven`, a notice, for each class that had failures. NIST SP 800-63B-4 section 3.2.2.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::{ChangeFactors, SignIn, Verdict};
    /// # let wrong = phone.wrong_code(now);
    /// // A stranger has tried until the owner has to wait.
    /// for _ in 0..5 {
    ///     assert!(dana.verify(&wrong, SignIn).run(&store).accepted().is_none());
    /// }
    /// assert!(matches!(dana.verify(&phone.code(now), SignIn).run(&store), Verdict::Wait { .. }));
    /// // A printed code opens it.
    /// let verdict = dana.recover(&phone.recovery_codes[0], ChangeFactors).run(&store);
    /// let proof = verdict.accepted().ok_or("wrong code")?;
    /// dana.unlock(proof).run(&store)?;
    /// assert!(dana.verify(&phone.code(now), SignIn).run(&store).accepted().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unlock<A: MayChangeFactors>(&self, by: A) -> Change<'m, (), A> {
        self.change::<_, NoProof>(|account, cx| Ok(account.unlock(cx)))
            .allowed(Some(AnyChange::Unlock), by)
    }
}

impl Account {
    fn unlock(mut self: Box<Self>, cx: &Context<'_>) -> Decision<Result<(), Refusal>> {
        let proof = match self
            .authority(cx, &AnyPurpose::ChangeFactors)
            .and(cx.proof.ok_or(Refusal::ProofRequired))
        {
            Ok(proof) => proof,
            Err(refusal) => return Decision::refused(refusal),
        };
        if !self.exists {
            return Decision::refused(Refusal::NothingBound);
        }
        let opens = |class| cx.by_operator || opens(proof, class);
        let has_failed = |class| !self.budget(class).is_clean(cx.now);
        if !(opens(Class::Codes) || opens(Class::OutOfBand) && has_failed(Class::OutOfBand)) {
            return Decision::refused(Refusal::NotPermitted);
        }
        let mut happened = Vec::new();
        for class in Class::ALL.into_iter().filter(|class| opens(*class)) {
            self.forgive(cx, class, cx.by_operator, &mut happened);
        }
        if happened.is_empty() {
            // Nothing to forgive is nothing to write: a version has an event.
            return Decision { answer: Ok(()), next: None, dummy: None, happened };
        }
        self.change((), happened)
    }
}

/// Whether the proof is of another kind than the class, and not weaker, or from a remembered browser.
fn opens(proof: &Proven, class: Class) -> bool {
    match proof.method {
        Method::Passkey | Method::Pki | Method::RecoveryCode => true,
        Method::Totp | Method::Hotp => proof.remembered || class == Class::OutOfBand,
        Method::Sms | Method::Emergency | Method::Pass | Method::TrustedBrowser => false,
    }
}
