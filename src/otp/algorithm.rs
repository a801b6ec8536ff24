//! The hash under HMAC, by name and by the length of its secrets.
//!
//! Standard: RFC 6238 section 1.2 (SHA-1, SHA-256 and SHA-512) and R6, RFC 4226 R6 (lengths).
//!
//! Hashes nothing; that is `key`'s part.

/// The hash under HMAC. SHA-1 is what every authenticator app computes; several accept the name of
/// another and silently compute SHA-1, so a change of algorithm is only safe behind a confirmed
/// code.
/// ```
/// use countersign::Algorithm;
/// // From a column of another system; an unknown name is never taken for SHA-1.
/// assert_eq!(Algorithm::from_name("sha256"), Some(Algorithm::Sha256));
/// assert_eq!(Algorithm::from_name("MD5"), None);
/// assert_eq!(Algorithm::default().secret_len(), 20);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub enum Algorithm {
    /// HMAC-SHA-1, 20-byte secrets. The default.
    #[default]
    Sha1,
    /// HMAC-SHA-256, 32-byte secrets.
    Sha256,
    /// HMAC-SHA-512, 64-byte secrets.
    Sha512,
}

impl Algorithm {
    /// Bytes of a generated secret, the length of the hash: 20, 32 or 64 (RFC 6238 R6, RFC 4226
    /// R6).
    pub const fn secret_len(self) -> usize {
        match self {
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
        }
    }

    /// The name in an `otpauth://` URI: `SHA1`, `SHA256` or `SHA512`.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Sha1 => "SHA1",
            Algorithm::Sha256 => "SHA256",
            Algorithm::Sha512 => "SHA512",
        }
    }

    /// From its name without a hyphen, in either case; anything else is `None`, never a default.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Algorithm> {
        let all = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];
        all.into_iter().find(|algorithm| name.eq_ignore_ascii_case(algorithm.name()))
    }
}
