//! The parts of a provisioning URI, and what can be wrong with each.
//!
//! Says which part and what, and shows nothing of the URI: it may hold a secret.

use core::fmt;

use crate::named::named;
use crate::otp::secret::SecretError;

named! {
    /// A part of the URI.
    /// ```
    /// use countersign::{otp::{Part, UriError}, ProvisioningUri};
    /// // The log of a migration names the part, and never its value.
    /// let error = ProvisioningUri::parse("otpauth://totp/dana").unwrap_err();
    /// assert_eq!(error, UriError::Missing(Part::Secret));
    /// assert_eq!(Part::Secret.name(), "secret");
    /// ```
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    pub enum Part {
        /// The issuer before the account name in the label.
        Prefix = "prefix",
        /// The account name.
        Account = "account",
        /// The parameter `secret`.
        Secret = "secret",
        /// The parameter `issuer`.
        Issuer = "issuer",
        /// The parameter `algorithm`.
        Algorithm = "algorithm",
        /// The parameter `digits`.
        Digits = "digits",
        /// The parameter `period`.
        Period = "period",
        /// The parameter `counter`.
        Counter = "counter",
        /// A parameter that is not known here.
        Other = "unknown parameter",
    }
    /// Its name: a known parameter's own, or a word for the part.
    #[must_use]
    pub fn name;
}

/// Why something is no provisioning URI. Shows nothing of it.
/// ```
/// use countersign::{otp::UriError, ProvisioningUri};
/// // A row of a migration that is no URI: it is skipped and logged.
/// let error = ProvisioningUri::parse("https://example.com/dana").unwrap_err();
/// assert_eq!(error, UriError::Scheme);
/// assert_eq!(error.to_string(), "the URI does not begin with otpauth://");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UriError {
    /// More than [`ProvisioningUri::MAX_LEN`](crate::ProvisioningUri::MAX_LEN) bytes.
    TooLong {
        /// How many there were.
        bytes: usize,
    },
    /// It does not begin with `otpauth://`.
    Scheme,
    /// The type is neither `hotp` nor `totp`.
    Type,
    /// It has a fragment: an unescaped `#`.
    Fragment,
    /// `&amp;` in place of `&`, as a page of HTML writes it: what follows would be read over. Refused
    /// by the import door only beside a plain `&`, or escaped twice.
    HtmlAmpersand,
    /// A parameter `encoder`: the codes are not the decimal digits of HOTP and TOTP.
    Encoder,
    /// A known parameter is in it twice.
    Duplicate(Part),
    /// A required part is not there, or is empty.
    Missing(Part),
    /// A value that the part cannot have. Never replaced by a default.
    Value(Part),
    /// A part whose text cannot be used.
    Text {
        /// Which part.
        part: Part,
        /// What is wrong with its text.
        error: PartError,
    },
    /// The secret is not base32, too short or too long.
    Secret(SecretError),
    /// Time steps that are not counted from the Unix epoch: the format cannot say so.
    T0,
}

/// What is wrong with a text.
/// ```
/// use countersign::otp::{Parameters, Part, PartError, UriError};
/// use countersign::{Algorithm, OsRandom, ProvisioningUri, Secret};
/// // A practice with a colon in its name: its display name has to be another.
/// let secret = Secret::generate(Algorithm::Sha1, &mut OsRandom::new()?);
/// let uri = ProvisioningUri::totp("Acme: Billing", "dana", &secret, Parameters::default());
/// let colon = UriError::Text { part: Part::Issuer, error: PartError::Colon };
/// assert_eq!(uri.err(), Some(colon));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PartError {
    /// A colon, which would be read as the end of the prefix.
    Colon,
    /// A character that does not show, or that turns the text around it, as in a
    /// [`Text`](crate::account::Text).
    Invisible,
    /// A `%` without two hexadecimal digits after it.
    Escape,
    /// Escapes that decode to something else than UTF-8.
    NotUtf8,
    /// More bytes than [`MAX_ISSUER_LEN`](crate::ProvisioningUri::MAX_ISSUER_LEN) or [`MAX_ACCOUNT_LEN`](crate::ProvisioningUri::MAX_ACCOUNT_LEN).
    TooLong {
        /// How many there were, decoded.
        bytes: usize,
    },
}

impl From<SecretError> for UriError {
    fn from(error: SecretError) -> UriError {
        UriError::Secret(error)
    }
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UriError::TooLong { bytes } => {
                write!(f, "the URI is too long: {bytes} bytes, at most 2048")
            }
            UriError::Scheme => f.write_str("the URI does not begin with otpauth://"),
            UriError::Type => f.write_str("the type is neither hotp nor totp"),
            UriError::Fragment => f.write_str("the URI has a fragment: an unescaped #"),
            UriError::HtmlAmpersand => f.write_str("the URI has &amp; where & belongs"),
            UriError::Encoder => f.write_str("encoder is given, and the codes are not decimal"),
            UriError::Duplicate(part) => write!(f, "{} is given twice", part.name()),
            UriError::Missing(part) => write!(f, "{} is missing", part.name()),
            UriError::Value(Part::Algorithm) => {
                f.write_str("algorithm is none of SHA1, SHA256 and SHA512")
            }
            UriError::Value(Part::Digits) => f.write_str("digits is not 6, 7 or 8"),
            UriError::Value(Part::Period) => f.write_str("period is not a number from 1 to 120"),
            UriError::Value(part) => write!(f, "{} is not a number below 2^64", part.name()),
            UriError::Text { part, error } => write!(f, "{} has {error}", part.name()),
            UriError::Secret(error) => error.fmt(f),
            UriError::T0 => f.write_str("T0 is not 0, and an otpauth URI cannot say so"),
        }
    }
}

impl fmt::Display for PartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PartError::Colon => f.write_str("a colon in it"),
            PartError::Invisible => f.write_str("a character in it that does not show"),
            PartError::Escape => f.write_str("a malformed percent escape"),
            PartError::NotUtf8 => f.write_str("escapes that are not UTF-8"),
            PartError::TooLong { bytes } => write!(f, "too many bytes: {bytes}"),
        }
    }
}

impl core::error::Error for UriError {}
impl core::error::Error for PartError {}
