//! Secrets that were in use before: a record remembers them, so that none comes back below its last code.
//!
//! Standard: RFC 2104 section 2 (how HMAC takes a key), NIST SP 800-63B-4 section 3.1.4.2 (once).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::account::id::DeviceId;
use crate::ct::reveal;
use crate::wipe;

/// A secret as HMAC takes it: hashed if longer than a block, and padded with zeros. Two secrets that
/// make one key compute the same codes.
pub(crate) type HmacKey = [u8; 128];

/// One secret that was in use before, recognised by a keyed hash for as long as the record exists.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct FormerSecret {
    /// The device that had it. It is hashed with the secret, so no two devices share a hash.
    pub(crate) device: DeviceId,
    pub(crate) hash: [u8; 16],
    /// The highest moving factor that was used.
    pub(crate) last: Option<u64>,
    pub(crate) lost: bool,
}

pub(crate) const MAX_FORMER_SECRETS: usize = 64;

impl FormerSecret {
    /// Whether this key is that secret. Constant-time.
    pub(crate) fn is(&self, key: &HmacKey) -> bool {
        reveal(self.hash.ct_eq(&hash_of(self.device, key)))
    }
}

pub(crate) fn hash_of(device: DeviceId, key: &HmacKey) -> [u8; 16] {
    wipe::after::<{ wipe::OF_HMAC }, _>(|| {
        // HMAC takes a key of any length; the error cannot happen and gives what is no hash.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
            return [0; 16];
        };
        mac.update(b"countersign former secret 1");
        mac.update(&device.as_u64().to_be_bytes());
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        whole.first_chunk().copied().unwrap_or_default()
    })
}
