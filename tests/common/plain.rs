//! A seal that seals nothing: to look into a record, and to alter it.

use countersign::account::{Deployment, KeyName, Seal, SealError};
use zeroize::Zeroizing;

use super::keys::deployment;

/// No encryption at all, for a deployment `tests`: the bytes of a record are its plaintext.
pub struct Plain;

impl Seal for Plain {
    fn seal(&self, _: &[u8], _: [u8; 12], plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(plaintext.to_vec())
    }

    fn open(&self, _: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        Ok(Zeroizing::new(sealed.to_vec()))
    }

    fn deployment(&self) -> &Deployment {
        deployment()
    }

    fn is_current(&self, _: KeyName) -> bool {
        true
    }
}
