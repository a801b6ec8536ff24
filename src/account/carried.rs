//! The host's session, by its digest: what is bound to one is worth nothing in another.
//!
//! Standard: ASVS 6.6.2 (bound to its request).
//!
//! Opens no session and knows of none: the host names it.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::ct::reveal;

/// SHA-256 of what the host named, so that a record does not hold the key to a session.
#[derive(Clone, Copy)]
pub(crate) struct Session(pub(crate) [u8; 32]);

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
