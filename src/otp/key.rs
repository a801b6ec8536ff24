//! HMAC keyed once: from a moving factor to a code in two compressions.
//!
//! Standard: RFC 4226 section 5.3 (dynamic truncation), RFC 6238 section 1.2 (SHA-256 and SHA-512),
//! RFC 2104 (HMAC; section 4 describes keying once).
//!
//! Computes codes. It does not compare anything; windows do that (`hotp`, `totp`).

use zeroize::Zeroize;

use crate::otp::algorithm::Algorithm;
use crate::otp::code::{Code, Digits};
use crate::otp::engine::Schedule;
use crate::otp::secret::Secret;

/// An HMAC key schedule: the two compressed pads of one secret. Wiped when dropped; no `Clone`.
///
/// Making one costs two compressions (four for a secret longer than the hash's block); each code
/// after that costs two. Keep it as long as you would keep the secret, and no longer.
/// ```
/// use countersign::{vectors, Algorithm, Digits, Hotp, Key, Secret};
/// // Keyed once, for many codes of one secret.
/// let secret = Secret::from_bytes(vectors::seed(Algorithm::Sha1))?;
/// let key = Key::new(Algorithm::Sha1, &secret);
/// assert_eq!(key.generate(1, Digits::Six).expose_str(), "287082");
/// assert_eq!(Hotp::from_key(key, Digits::Six).generate(2).expose_str(), "359152");
/// # Ok::<(), countersign::otp::SecretError>(())
/// ```
pub struct Key(Schedule);

impl Key {
    /// Keys the HMAC of `algorithm` with `secret`.
    #[must_use]
    pub fn new(algorithm: Algorithm, secret: &Secret) -> Key {
        // Zeros behind a key shorter than the block make it the block (RFC 2104 section 2), and the
        // secret has zeros behind it: a copy of fixed length.
        let block = match algorithm {
            Algorithm::Sha1 | Algorithm::Sha256 => 64,
            Algorithm::Sha512 => 128,
        };
        Key(Schedule::new(algorithm, secret.expose_padded(block)))
    }

    /// The algorithm it was keyed for.
    pub const fn algorithm(&self) -> Algorithm {
        self.0.algorithm()
    }

    /// The code at one moving factor: a counter (RFC 4226) or a time step (RFC 6238).
    #[must_use]
    pub fn generate(&self, moving_factor: u64, digits: Digits) -> Code {
        let mut reduced = 0;
        let visit = |(): &(), truncated| reduced = digits.reduce(truncated);
        self.truncate(moving_factor, 1, || (), visit);
        let code = Code::from_value(reduced, digits);
        reduced.zeroize();
        code
    }

    /// Visits the truncated 31-bit values of `used` moving factors from `first` on, one to four, side
    /// by side. Past 2^64-1 the factors wrap: the same work is done, and the caller, who knows which
    /// factors exist, leaves those out. What `meanwhile` works out is worked out while the lanes are
    /// busy, is shown to each visit, and comes back.
    #[inline(always)]
    pub(crate) fn truncate<M>(
        &self,
        first: u64,
        used: u32,
        meanwhile: impl FnOnce() -> M,
        visit: impl FnMut(&M, u32),
    ) -> M {
        self.0.truncate(first, used, meanwhile, visit)
    }
}

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Key({:?}, [redacted])", self.algorithm())
    }
}

#[cfg(test)]
#[path = "../../tests/unit/key.rs"]
mod tests;
