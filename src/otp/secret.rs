//! The shared secret K: owned bytes, wiped when dropped.
//!
//! Standard: RFC 4226 R6 (at least 128 bits, 160 recommended), RFC 6238 section 5.1 (as long as the
//! hash), NIST SP 800-63B-4 section 3.1.4.1.
//!
//! It does not encrypt anything; records are sealed in `record`.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;
use core::fmt;
use core::hint::black_box;

use rand::CryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

use crate::otp::algorithm::Algorithm;
use crate::otp::engine::{Beside, write_at_once};

/// A shared secret of 16 to 128 bytes. No `Clone`, no `Display`; `Debug` shows its length.
/// ```
/// use countersign::{Algorithm, OsRandom, Secret};
/// // Shown to a person who cannot scan, and read back.
/// let secret = Secret::generate(Algorithm::Sha1, &mut OsRandom::new()?);
/// let shown = secret.expose_base32();
/// let again = Secret::from_base32_lenient(&shown.expose_str().to_lowercase())?;
/// assert_eq!(again.expose_bytes(), secret.expose_bytes());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(C)]
pub struct Secret {
    len: usize,
    bytes: Room, // zero after `len`
}

#[repr(align(16))]
struct Room([u8; Secret::MAX_LEN]);

impl Secret {
    /// The fewest bytes of a secret: 128 bits (RFC 4226 R6).
    pub const MIN_LEN: usize = 16;

    /// The most bytes of a secret.
    pub const MAX_LEN: usize = 128;

    /// Draws a new secret of the length of the hash: 20, 32 or 64 bytes.
    #[must_use]
    pub fn generate(algorithm: Algorithm, rng: &mut impl CryptoRng) -> Secret {
        let mut secret = Self::EMPTY;
        secret.draw(algorithm, rng);
        secret
    }

    /// Takes existing bytes, 16 to 128 of them. Never trimmed or padded: `K` and `K || 00` make the
    /// same codes.
    ///
    /// # Errors
    /// [`SecretError::TooShort`], [`SecretError::TooLong`].
    #[inline]
    pub fn from_bytes(bytes: &[u8]) -> Result<Secret, SecretError> {
        if bytes.len() < Self::MIN_LEN {
            return Err(SecretError::TooShort { bytes: bytes.len() });
        }
        Self::dangerously_allow_short(bytes)
    }

    /// Takes 1 to 128 bytes: the one door for a secret that RFC 4226 forbids, because other systems
    /// have handed out 80-bit secrets and their users must be able to move here. Such a device is
    /// marked and reported for as long as it lives; plan its replacement.
    ///
    /// # Errors
    /// [`SecretError::TooShort`] for no bytes at all, [`SecretError::TooLong`].
    #[inline]
    pub fn dangerously_allow_short(bytes: &[u8]) -> Result<Secret, SecretError> {
        refuse_length(bytes)?;
        let mut secret = Self::EMPTY;
        secret.fill(bytes);
        Ok(secret)
    }

    /// How many bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // never empty
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it is below the 16 bytes of RFC 4226 R6 and came in by
    /// [`Secret::dangerously_allow_short`].
    pub const fn is_short(&self) -> bool {
        self.len < Self::MIN_LEN
    }

    /// The bytes. This lets the secret out; search for the name to find every place that does.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8] {
        self.bytes.0.get(..self.len).unwrap_or_default()
    }

    /// The bytes, with zeros behind them up to `len` if there are fewer.
    #[inline]
    pub(crate) fn expose_padded(&self, len: usize) -> &[u8] {
        self.bytes.0.get(..self.len.max(len)).unwrap_or_default()
    }
}

// Secrets are filled where they stay: what is returned by value may be copied on its way, and the
// copy is not wiped.
impl Secret {
    const EMPTY: Secret = Secret { bytes: Room([0; Self::MAX_LEN]), len: 0 };

    fn draw(&mut self, algorithm: Algorithm, rng: &mut impl CryptoRng) {
        self.len = algorithm.secret_len();
        if let Some(place) = self.bytes.0.get_mut(..self.len) {
            rng.fill_bytes(place);
        }
    }

    /// Takes the bytes, of which there are not too many.
    #[inline(always)]
    fn fill(&mut self, bytes: &[u8]) {
        let sixteens = self.bytes.0.as_chunks_mut().0;
        if let (Some((first, rest)), Some(last), [start, next, ..]) =
            (bytes.split_first_chunk(), bytes.last_chunk(), sixteens)
            && matches!(rest.len(), 1..=8)
        {
            // Nearly every secret: two pieces of sixteen, the second one ending in zeros.
            *start = *first;
            let before = (bytes.len() as u32).wrapping_neg(); // modulo eight, of the last eight
            let rest = u64::from_le_bytes(*last).wrapping_shr(before.wrapping_mul(8));
            write_at_once(rest.to_le(), black_box(&Beside::ZEROS), next);
        } else if let Some(place) = self.bytes.0.get_mut(..bytes.len()) {
            place.copy_from_slice(bytes);
        }
        self.len = bytes.len();
    }
}

/// What an account holds is boxed, so that only a pointer ever moves.
#[cfg(feature = "alloc")]
impl Secret {
    /// As [`Secret::generate`].
    pub(crate) fn generate_boxed(algorithm: Algorithm, rng: &mut impl CryptoRng) -> Box<Secret> {
        let mut secret = Box::new(Self::EMPTY);
        secret.draw(algorithm, rng);
        secret
    }

    /// As [`Secret::dangerously_allow_short`].
    pub(crate) fn boxed(bytes: &[u8]) -> Result<Box<Secret>, SecretError> {
        refuse_length(bytes)?;
        // With its length: the system hands out a box of nothing but zeros in another, slower way.
        let mut secret = Box::new(Secret { len: bytes.len(), bytes: Room([0; Self::MAX_LEN]) });
        secret.fill(bytes);
        Ok(secret)
    }

    /// A copy for a decision that may be made again. Not `Clone`: a host has no business with two.
    pub(crate) fn duplicate(&self) -> Box<Secret> {
        let mut secret = Box::new(Self::EMPTY);
        (secret.len, secret.bytes.0) = (self.len, self.bytes.0);
        secret
    }
}

impl ConstantTimeEq for Secret {
    /// Constant-time in the bytes, not in the length.
    fn ct_eq(&self, other: &Secret) -> Choice {
        self.expose_bytes().ct_eq(other.expose_bytes())
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let Secret { bytes, len } = self;
        bytes.0.as_mut_slice().zeroize(); // a slice is filled at once, an array byte by byte
        *len = 0;
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret([{} bytes])", self.len)
    }
}

#[inline(always)]
fn refuse_length(bytes: &[u8]) -> Result<(), SecretError> {
    match bytes.len() {
        0 => Err(SecretError::TooShort { bytes: 0 }),
        1..=Secret::MAX_LEN => Ok(()),
        len => Err(SecretError::TooLong { bytes: len }),
    }
}

/// Why bytes or a text are no secret. Says nothing of the secret but its length.
/// ```
/// use countersign::{otp::SecretError, Secret};
/// // A row of a seed file that RFC 4226 forbids.
/// assert_eq!(Secret::from_bytes(&[7; 10]).err(), Some(SecretError::TooShort { bytes: 10 }));
/// assert!(Secret::dangerously_allow_short(&[7; 10])?.is_short());
/// # Ok::<(), SecretError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SecretError {
    /// Fewer bytes than RFC 4226 R6 allows, or none at all.
    TooShort {
        /// How many there were.
        bytes: usize,
    },
    /// More than [`Secret::MAX_LEN`] bytes, or more than the buffer given.
    TooLong {
        /// How many there were, or one more than there was room for.
        bytes: usize,
    },
    /// The text is not base32.
    Base32(Base32Error),
}

/// What about a text is not base32.
/// ```
/// use countersign::otp::{Base32Error, SecretError};
/// use countersign::Secret;
/// // A person copied a zero for the letter O: the form says that the character is wrong.
/// let error = Secret::from_base32_lenient("gezd gnb0").err();
/// assert_eq!(error, Some(SecretError::Base32(Base32Error::Character)));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Base32Error {
    /// A character outside the alphabet; never mapped to a look-alike.
    Character,
    /// A length that no number of bytes encodes to: 1, 3 or 6 more than a multiple of eight.
    Length,
    /// Padding of the wrong length or in the wrong place.
    Padding,
    /// The bits that no byte takes are not zero: a second text for one secret.
    TrailingBits,
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretError::TooShort { bytes: 0 } => f.write_str("the secret is empty"),
            SecretError::TooShort { bytes } => {
                write!(f, "the secret is too short: {bytes} bytes, at least 16 (RFC 4226 R6)")
            }
            SecretError::TooLong { .. } => f.write_str("the secret is too long: at most 128 bytes"),
            SecretError::Base32(error) => write!(f, "the secret is not base32: {error}"),
        }
    }
}

impl fmt::Display for Base32Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Base32Error::Character => "a character outside A-Z and 2-7",
            Base32Error::Length => "an impossible length",
            Base32Error::Padding => "wrong padding",
            Base32Error::TrailingBits => "the unused last bits are not zero",
        })
    }
}

impl core::error::Error for SecretError {}
impl core::error::Error for Base32Error {}
