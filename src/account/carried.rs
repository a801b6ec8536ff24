//! What crosses a request: a proof as sealed text. It is bound to the host's session, and so is a waiting
//! enrolment.
//!
//! Standard: ASVS 6.6.2 (bound to its request), 7.5.1 (a fresh factor before factors change).
//!
//! Opens no session and knows of none: the host names it.

use alloc::string::String;
use core::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::ct::reveal;
use crate::named::named;

/// SHA-256 of what the host named, so that a record does not hold the key to a session.
#[derive(Clone, Copy)]
pub struct Session(pub(crate) [u8; 32]);

impl Session {
    /// `None` for no bytes: a cookie that was not sent must not be a session that all have.
    pub(crate) fn new(name: &[u8]) -> Option<Session> {
        let hash = || Sha256::new().chain_update(b"countersign session 1").chain_update(name);
        (!name.is_empty()).then(|| Session(hash().finalize().into()))
    }

    /// Constant-time.
    pub(crate) fn is(&self, other: &Session) -> bool {
        reveal(self.0.ct_eq(&other.0))
    }
}

/// A proof that crosses a request: sealed for one person, for the host's session, and for one stored change.
///
/// It is as old as the proof that it was made of: five minutes in all. The change that it allows burns it, in
/// the same write; a refusal leaves it usable. There is none for [`SignIn`](crate::SignIn) and
/// [`Action`](crate::Action), which open what only the host guards. No `Clone`.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// # let session = "8f1c6a";
/// use countersign::{account::CarriedProof, ChangeFactors};
/// // The first page takes the code, and shows what can be changed.
/// let verdict = dana.verify(&phone.code(now), ChangeFactors).run(&store);
/// let carried = dana.carry(verdict.accepted().ok_or("wrong code")?, session, &mut rng)?;
/// let field = carried.expose_text().to_owned(); // hidden, in the form of the second page
/// // The second request brings it back.
/// let carried = CarriedProof::new(&field, session);
/// let codes = dana.regenerate_recovery_codes(carried, &mut rng).run(&store)?;
/// # let _ = codes.into_inner();
/// let again = CarriedProof::new(&field, session);
/// assert!(dana.enrol("Tablet", &mut rng).proven_by(again).run(&store).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the text is handed to the page now or never"]
pub struct CarriedProof {
    pub(crate) text: Zeroizing<String>,
    pub(crate) session: Option<Session>,
}

impl CarriedProof {
    /// Takes the text as the form brought it, and the session of this request. Neither is judged before the
    /// change is decided: a text that does not open is refused as unfit, and counted nowhere.
    pub fn new(text: &str, session: impl AsRef<[u8]>) -> CarriedProof {
        let (text, session) = (Zeroizing::new(text.into()), Session::new(session.as_ref()));
        CarriedProof { text, session }
    }

    /// The text, for a hidden field of the form: hexadecimal digits. Never log it.
    pub fn expose_text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for CarriedProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CarriedProof([redacted])")
    }
}

named! {
    /// What an operator does for another person, named when the operator's proof is carried to the next
    /// request: it is good for nothing else.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// # let (operator, lee) = host::person(&mfa, &store, &mut rng, "7", now)?;
    /// # let session = "03b97d";
    /// use countersign::{account::{AnyChange, Operator}, ActForOther};
    /// let verdict = mfa.account(&operator).at(now).verify(&lee.code(now), ActForOther).run(&store);
    /// let proof = verdict.accepted().ok_or("wrong code")?;
    /// // The help desk's page asks once more: "reset Dana's account?"
    /// let carried = dana.carry_for_other(proof, AnyChange::Reset, session, &mut rng)?;
    /// let lee = Operator::carried_checked_by_host(carried, "role help-desk");
    /// assert!(dana.unlock(lee).run(&store).is_err()); // it is for a reset
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
    #[non_exhaustive]
    pub enum AnyChange {
        /// [`AccountAt::abandon`](crate::mfa::AccountAt::abandon).
        Abandon = "abandon",
        /// [`AccountAt::bar`](crate::mfa::AccountAt::bar).
        Bar = "bar",
        /// [`AccountAt::grant_emergency_access`](crate::mfa::AccountAt::grant_emergency_access).
        GrantEmergencyAccess = "grant-emergency-access",
        /// [`AccountAt::invite`](crate::mfa::AccountAt::invite).
        Invite = "invite",
        /// [`AccountAt::offboard`](crate::mfa::AccountAt::offboard).
        Offboard = "offboard",
        /// [`AccountAt::report_lost`](crate::mfa::AccountAt::report_lost).
        ReportLost = "report-lost",
        /// [`AccountAt::reset`](crate::mfa::AccountAt::reset).
        Reset = "reset",
        /// [`AccountAt::revoke`](crate::mfa::AccountAt::revoke).
        Revoke = "revoke",
        /// [`AccountAt::revoke_passes`](crate::mfa::AccountAt::revoke_passes).
        RevokePasses = "revoke-passes",
        /// [`AccountAt::unlock`](crate::mfa::AccountAt::unlock).
        Unlock = "unlock",
    }
    /// A short name, which the sealing binds.
    pub(crate) fn name;
}
