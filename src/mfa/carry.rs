//! Carrying a proof across one request.
//!
//! Standard: ASVS 6.6.2 (bound to its request), 7.5.1 (a fresh factor before factors change).
//!
//! Reads and writes no account: the change that the proof allows does.

use alloc::boxed::Box;

use rand::CryptoRng;

use crate::account::{
    ActForOther, AnyChange, CarriedProof, ChangeFactors, Proof, Proven, SealError, Session,
};
use crate::mfa::handle::{AccountAt, AccountHandle};

impl<'m> AccountAt<'m> {
    /// Carries a proof for changing factors to the next request of the session that the host names.
    ///
    /// Uses up the proof, and reads and writes nothing. Serves one stored change of this account. An empty
    /// session is as none: the text never opens. ASVS 6.6.2.
    ///
    /// # Errors
    /// [`SealError`]: the key management has no answer.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// # let session = "8f1c6a";
    /// use countersign::{account::CarriedProof, mfa::ExternalMethod, ChangeFactors};
    /// let verdict = dana.verify(&phone.code(now), ChangeFactors).run(&store);
    /// let carried = dana.carry(verdict.accepted().ok_or("wrong code")?, session, &mut rng)?;
    /// let field = carried.expose_text().to_owned();
    /// // A minute later the browser has made a passkey, and the form brings the text back.
    /// let dana = mfa.account(&id).at(now.plus(60));
    /// let bind = dana.bind_external("Laptop", ExternalMethod::Passkey, &mut rng);
    /// assert!(bind.proven_by(CarriedProof::new(&field, session)).run(&store).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn carry(
        &self,
        proof: Proof<ChangeFactors>,
        session: impl AsRef<[u8]>,
        rng: &mut impl CryptoRng,
    ) -> Result<CarriedProof, SealError> {
        self.seal_proof(proof.proven, None, session.as_ref(), rng)
    }

    /// Carries an operator's proof as [`AccountAt::carry`] does, for one change of this account, another
    /// person's. Burnt in the record of that person; the operator's account is read again at use.
    ///
    /// # Errors
    /// [`SealError`]: the key management has no answer.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// # let (operator, lee) = host::person(&mfa, &store, &mut rng, "7", now)?;
    /// # let session = "03b97d";
    /// use countersign::account::{AnyChange, CarriedProof, Operator, PassLength};
    /// use countersign::ActForOther;
    /// let verdict = mfa.account(&operator).at(now).verify(&lee.code(now), ActForOther).run(&store);
    /// let proof = verdict.accepted().ok_or("wrong code")?;
    /// let carried = dana.carry_for_other(proof, AnyChange::Reset, session, &mut rng)?;
    /// let field = carried.expose_text().to_owned();
    /// // The button "yes, reset": the host looks up again what Lee may do.
    /// let carried = CarriedProof::new(&field, session);
    /// let lee = Operator::carried_checked_by_host(carried, "role help-desk");
    /// dana.reset(lee, PassLength::Long, "lost phone, passport seen", &mut rng).run(&store)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn carry_for_other(
        &self,
        proof: Proof<ActForOther>,
        change: AnyChange,
        session: impl AsRef<[u8]>,
        rng: &mut impl CryptoRng,
    ) -> Result<CarriedProof, SealError> {
        self.seal_proof(proof.proven, Some(change), session.as_ref(), rng)
    }

    fn seal_proof(
        &self,
        mut proven: Box<Proven>,
        change: Option<AnyChange>,
        session: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<CarriedProof, SealError> {
        let (mut number, mut nonce) = ([0; 16], [0; 12]);
        rng.fill_bytes(&mut number);
        rng.fill_bytes(&mut nonce);
        proven.carried = Some(number);
        let AccountHandle { keys, id, .. } = &self.account;
        CarriedProof::seal(*keys, id, nonce, (Session::new(session), change), &proven)
    }
}
