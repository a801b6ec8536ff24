//! Carrying a proof: how it is sealed as text for the next request, and opened.
//!
//! Standard: ASVS 6.6.2 (bound to its request).
//!
//! ```text
//! text      = hexadecimal digits of what the keys seal
//! context   = "countersign proof 1 " session(32) change 0x00 account id   (authenticated, not stored)
//! plaintext = CBOR, the list of `Proven` in `codec`
//! ```
//!
//! The change is empty for a person's own proof. A text for another person, session or change does not
//! open, nor does an altered one.

use alloc::boxed::Box;

use crate::account::carried::{AnyChange, CarriedProof, Session};
use crate::account::codec;
use crate::account::id::AccountId;
use crate::account::proof::Proven;
use crate::account::seal::{Seal, SealError, Sealed};

impl CarriedProof {
    pub(crate) fn seal(
        keys: &dyn Seal,
        account: &AccountId,
        nonce: [u8; 12],
        (session, change): (Option<Session>, Option<AnyChange>),
        proven: &Proven,
    ) -> Result<CarriedProof, SealError> {
        let plaintext = codec::write(proven).map_err(|_| SealError::NotAuthentic)?;
        // With no session it is sealed for none, and never opens.
        let sealed = sealed(session.unwrap_or(Session([0; 32])), change);
        let text = sealed.seal(keys, account, nonce, plaintext.as_bytes())?;
        Ok(CarriedProof { text: text.into(), session })
    }

    /// Opens a proof that was carried for this person, session and change.
    pub(crate) fn open(
        &self,
        keys: &dyn Seal,
        account: &AccountId,
        change: Option<AnyChange>,
    ) -> Result<Box<Proven>, SealError> {
        let session = self.session.ok_or(SealError::NotAuthentic)?;
        let opened = sealed(session, change).open(keys, account, &self.text)?;
        let proven = opened.and_then(|opened| codec::read::<Proven>(&opened).ok());
        proven.map(Box::new).ok_or(SealError::NotAuthentic)
    }
}

fn sealed(session: Session, change: Option<AnyChange>) -> Sealed {
    Sealed::Proof { session: session.0, change: change.map_or("", AnyChange::name) }
}
