//! `otpauth://`: what a QR code tells an authenticator app, printed and parsed.
//!
//! Standard: there is none. This is the de facto format of the Key URI Format page (2018), read
//! with draft-andesco-otpauth-uri-00 (duplicates, splitting the label, the issuer's two places) and
//! RFC 3986 (percent-encoding: a space is `%20`, a plus is a plus).
//!
//! The whole URI is as secret as the secret in it: no `Display`, a redacted `Debug`, and text that
//! is wiped. A URI that comes in is hostile until read: it is bounded, nothing in it is defaulted
//! that it names badly, and no known parameter may stand in it twice, because two readers would
//! pick two values. Apps ignore parameters silently, so a device that was shown a URI is bound
//! only once a code has been confirmed; that is `mfa`'s part.

pub(crate) mod error;

pub(crate) mod syntax;

pub(crate) mod import;

pub use self::error::*;

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::otp::algorithm::Algorithm;
use crate::otp::base32::{Base32Text, decode_base32, import_base32};
use crate::otp::code::Digits;
use crate::otp::secret::{Secret, SecretError};
use crate::otp::tolerance::{Tolerance, Tolerated, without_surroundings};
use crate::otp::totp::{Parameters, Period};
use crate::otp::uri::import::{
    import_algorithm, import_issuer, import_label, import_secret_text, without_html,
};
use crate::otp::uri::syntax::{
    MISSING_ACCOUNT, MISSING_ISSUER, decode, has_html_ampersand, name, number, split_label,
    split_query,
};
use crate::time::UnixTime;
use crate::wipe;

/// An `otpauth://` URI: a secret, its parameters, and the names to show beside it.
///
/// ```
/// use countersign::{ProvisioningUri, Secret, otp::Parameters};
///
/// let secret = Secret::from_base32("HXDMVJECJJWSRB3HWIZR4IFUGFTMXBOZ")?;
/// let uri = ProvisioningUri::totp("ACME Co", "john@example.com", &secret, Parameters::default())?;
/// assert_eq!(
///     uri.expose_uri().as_str(),
///     "otpauth://totp/ACME%20Co:john@example.com?secret=HXDMVJECJJWSRB3HWIZR4IFUGFTMXBOZ\
///      &issuer=ACME%20Co&algorithm=SHA1&digits=6&period=30",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ProvisioningUri {
    moving: Moving,
    issuer: Option<String>,
    prefix: Option<String>,
    account: String,
    secret: Box<Secret>,
    algorithm: Algorithm,
    digits: Digits,
    ignored: Vec<String>,
}

/// TYPE, with the one parameter that only this type has.
#[derive(Clone, Copy)]
enum Moving {
    Counter(u64),
    Step(Period),
}

/// Bytes of stack that reading a URI may use.
const TRACES: usize = 4 * 1024;

impl ProvisioningUri {
    /// The most bytes of a URI that is parsed. No printed one is longer.
    pub const MAX_LEN: usize = 2048;

    /// The most bytes of an issuer, as UTF-8 before percent-encoding, which can make three of one.
    pub const MAX_ISSUER_LEN: usize = syntax::MAX_ISSUER_LEN;

    /// The most bytes of an account name: room for the longest e-mail address.
    pub const MAX_ACCOUNT_LEN: usize = syntax::MAX_ACCOUNT_LEN;

    /// The URI of a time-based authenticator. Spaces before the account name are dropped, as every
    /// reader of the URI would.
    ///
    /// # Errors
    /// [`UriError::Missing`] for an empty name, [`UriError::Text`] for one that is too long or has
    /// a colon or a character that does not show in it, [`UriError::T0`] for steps that are not counted from
    /// the Unix epoch, which the format cannot say.
    pub fn totp(
        issuer: &str,
        account: &str,
        secret: &Secret,
        parameters: Parameters,
    ) -> Result<ProvisioningUri, UriError> {
        let Parameters { algorithm, digits, period, t0 } = parameters;
        if t0 != UnixTime::default() {
            return Err(UriError::T0);
        }
        Self::new(Moving::Step(period), issuer, account, secret, algorithm, digits)
    }

    /// The URI of a counter-based authenticator whose next code is the one at `counter`.
    ///
    /// # Errors
    /// As [`ProvisioningUri::totp`], but for T0.
    pub fn hotp(
        issuer: &str,
        account: &str,
        secret: &Secret,
        algorithm: Algorithm,
        digits: Digits,
        counter: u64,
    ) -> Result<ProvisioningUri, UriError> {
        Self::new(Moving::Counter(counter), issuer, account, secret, algorithm, digits)
    }

    fn new(
        moving: Moving,
        issuer: &str,
        account: &str,
        secret: &Secret,
        algorithm: Algorithm,
        digits: Digits,
    ) -> Result<ProvisioningUri, UriError> {
        let issuer = name(Part::Issuer, issuer, Self::MAX_ISSUER_LEN)?.ok_or(MISSING_ISSUER)?;
        let account = name(Part::Account, account.trim_start_matches(' '), Self::MAX_ACCOUNT_LEN)?
            .ok_or(MISSING_ACCOUNT)?;
        let (prefix, issuer) = (Some(issuer.clone()), Some(issuer));
        let (secret, ignored) = (secret.duplicate(), Vec::new());
        Ok(ProvisioningUri { moving, issuer, prefix, account, secret, algorithm, digits, ignored })
    }
}

// Reading.
impl ProvisioningUri {
    /// Reads a URI that someone else printed.
    ///
    /// Scheme, type, parameter names and the algorithm are taken in either case. Without an
    /// algorithm, digits or period the format's defaults hold: SHA-1, six, thirty seconds.
    /// Characters that should have been escaped and cannot be mistaken, such as a space, stand for
    /// themselves. The secret is strict base32.
    ///
    /// # Errors
    /// [`UriError`] names the part and what is wrong with it, and shows nothing of the URI.
    pub fn parse(uri: &str) -> Result<ProvisioningUri, UriError> {
        wipe::after::<TRACES, _>(|| Self::read(uri, Secret::from_bytes))
    }

    /// As [`ProvisioningUri::parse`], but takes a secret that RFC 4226 forbids: see
    /// [`Secret::dangerously_allow_short`]. For moving in devices that another system has set up.
    ///
    /// # Errors
    /// As [`ProvisioningUri::parse`], but only an empty secret is too short.
    pub fn dangerously_parse_allowing_short_secret(uri: &str) -> Result<ProvisioningUri, UriError> {
        wipe::after::<TRACES, _>(|| Self::read(uri, Secret::dangerously_allow_short))
    }

    /// The import door: reads a URI as other systems really print it, and says what it tolerated.
    ///
    /// Also takes what [`Secret::import_base32`] takes, padding and blanks escaped or not; spellings of
    /// the hash such as `HmacSHA256` and `SHA-512`; a label with several colons or without an account,
    /// and an issuer that is an address; `&amp;` for every `&`; and a byte order mark, blanks and line
    /// breaks around. It guesses nothing: what has two readings is refused, and everything else that
    /// [`ProvisioningUri::parse`] refuses. The account may be empty, and the names may have colons in
    /// them, so what [`expose_uri`](ProvisioningUri::expose_uri) prints of it may be for this door only.
    /// ```
    /// use countersign::account::{ExistingDevice, Label};
    /// use countersign::{otp::Tolerance, ProvisioningUri};
    /// // A row of another system's export, padded, with a name of the hash that is Java's.
    /// let row = "otpauth://totp/Acme:dana?secret=HBRTOZDDGY4DGZLBGRSDQNRRGE2TANBXHE4TQNBVME4TQNBZ\
    ///            GNSA%3D%3D%3D%3D&algorithm=HmacSHA256";
    /// assert!(ProvisioningUri::parse(row).is_err());
    /// let (uri, tolerated) = ProvisioningUri::import(row)?;
    /// assert!(tolerated.iter().eq([Tolerance::AlgorithmName, Tolerance::Padding]));
    /// let device = ExistingDevice::from_uri(Label::new("App")?, &uri, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`ProvisioningUri::parse`].
    pub fn import(text: &str) -> Result<(ProvisioningUri, Tolerated), UriError> {
        wipe::after::<TRACES, _>(|| Self::read_foreign(text, Secret::from_bytes))
    }

    /// As [`ProvisioningUri::import`], but takes a secret that RFC 4226 forbids: see
    /// [`Secret::dangerously_allow_short`].
    ///
    /// # Errors
    /// As [`ProvisioningUri::import`], but only an empty secret is too short.
    pub fn dangerously_import_allowing_short_secret(
        text: &str,
    ) -> Result<(ProvisioningUri, Tolerated), UriError> {
        wipe::after::<TRACES, _>(|| Self::read_foreign(text, Secret::dangerously_allow_short))
    }

    /// The secret is handed on by value on its way into its box, and a move leaves a copy: the caller
    /// wipes the stack that this used.
    fn read(uri: &str, take: Take) -> Result<ProvisioningUri, UriError> {
        let raw = Raw::of(uri)?;
        let [secret, issuer, algorithm, ..] = raw.values;
        let secret = decode(Part::Secret, secret.ok_or(UriError::Missing(Part::Secret))?)?;
        let mut buffer = Zeroizing::new([0; Secret::MAX_LEN]);
        let secret = decode_base32(&secret, &mut *buffer).and_then(take)?.duplicate();
        let issuer = match issuer {
            Some(raw) => name(Part::Issuer, &decode(Part::Issuer, raw)?, Self::MAX_ISSUER_LEN)?,
            None => None,
        };
        let algorithm = match algorithm {
            Some(raw) => Algorithm::from_name(&decode(Part::Algorithm, raw)?)
                .ok_or(UriError::Value(Part::Algorithm))?,
            None => Algorithm::Sha1,
        };
        let names = split_label(raw.label)?;
        raw.finish(secret, issuer, names, algorithm)
    }

    /// As [`ProvisioningUri::read`].
    fn read_foreign(text: &str, take: Take) -> Result<(ProvisioningUri, Tolerated), UriError> {
        let (bare, mut tolerated) = without_surroundings(text);
        refuse_length(bare)?;
        let plain = without_html(bare)?;
        tolerated.add(Tolerated::when(Tolerance::HtmlAmpersand, plain.is_some()));
        let raw = Raw::of(plain.as_ref().map_or(bare, |plain| plain))?;
        let [secret, issuer, algorithm, ..] = raw.values;
        let secret = import_secret_text(secret.ok_or(UriError::Missing(Part::Secret))?)?;
        let mut buffer = Zeroizing::new([0; Secret::MAX_LEN]);
        let (secret, of_secret) = import_base32(&secret, &mut *buffer)?;
        tolerated.add(of_secret);
        let secret = take(secret)?.duplicate();
        let issuer = match issuer {
            Some(raw) => import_issuer(raw, &mut tolerated)?,
            None => None,
        };
        let algorithm = match algorithm {
            Some(raw) => import_algorithm(&decode(Part::Algorithm, raw)?, &mut tolerated)?,
            None => Algorithm::Sha1,
        };
        let names = import_label(raw.label, issuer.as_deref(), &mut tolerated)?;
        Ok((raw.finish(secret, issuer, names, algorithm)?, tolerated))
    }
}

type Take = fn(&[u8]) -> Result<Secret, SecretError>;

struct Raw<'u> {
    counts: bool,
    label: &'u str,
    /// `secret`, `issuer`, `algorithm`, `digits`, `period`, `counter`.
    values: [Option<&'u str>; 6],
    ignored: Vec<String>,
}

impl<'u> Raw<'u> {
    fn of(uri: &'u str) -> Result<Raw<'u>, UriError> {
        refuse_length(uri)?;
        let rest = match uri.split_at_checked(SCHEME.len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
            _ => return Err(UriError::Scheme),
        };
        if has_html_ampersand(rest) {
            return Err(UriError::HtmlAmpersand);
        }
        if rest.contains('#') {
            return Err(UriError::Fragment); // one reader would stop there and another would not
        }
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (kind, label) = path.split_once('/').unwrap_or((path, ""));
        let counts = kind.eq_ignore_ascii_case("hotp");
        if !counts && !kind.eq_ignore_ascii_case("totp") {
            return Err(UriError::Type);
        }
        let (values, ignored) = split_query(query)?;
        Ok(Raw { counts, label, values: values.map(|(_, value)| value), ignored })
    }

    /// Reads the numbers, which no door reads in two ways.
    fn finish(
        self,
        secret: Box<Secret>,
        issuer: Option<String>,
        (prefix, account): (Option<String>, String),
        algorithm: Algorithm,
    ) -> Result<ProvisioningUri, UriError> {
        let Raw { counts, values, mut ignored, label: _ } = self;
        let [_, _, _, digits, period, counter] = values;
        let digits = read_digits(digits)?;
        let (moving, idle) = if counts {
            (read_counter(counter)?, period.map(|_| Part::Period))
        } else {
            (read_period(period)?, counter.map(|_| Part::Counter))
        };
        ignored.extend(idle.map(|part| part.name().to_string()));
        Ok(ProvisioningUri { moving, issuer, prefix, account, secret, algorithm, digits, ignored })
    }
}

fn refuse_length(uri: &str) -> Result<(), UriError> {
    match uri.len() {
        0..=ProvisioningUri::MAX_LEN => Ok(()),
        bytes => Err(UriError::TooLong { bytes }),
    }
}

fn read_digits(raw: Option<&str>) -> Result<Digits, UriError> {
    let Some(raw) = raw else { return Ok(Digits::Six) };
    let count = u8::try_from(number(Part::Digits, raw)?).ok();
    count.and_then(Digits::new).ok_or(UriError::Value(Part::Digits))
}

fn read_period(raw: Option<&str>) -> Result<Moving, UriError> {
    let Some(raw) = raw else { return Ok(Moving::Step(Period::of::<30>())) };
    let period = Period::new(number(Part::Period, raw)?);
    period.map(Moving::Step).ok_or(UriError::Value(Part::Period))
}

fn read_counter(raw: Option<&str>) -> Result<Moving, UriError> {
    let raw = raw.ok_or(UriError::Missing(Part::Counter))?;
    number(Part::Counter, raw).map(Moving::Counter)
}

// What it says.
impl ProvisioningUri {
    /// Who issued it: the `issuer` parameter, which is the authoritative one, or else the label's
    /// prefix. A display name: nothing in a code depends on it.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref().or(self.prefix.as_deref())
    }

    /// What stood before the account name in the label. It should equal the issuer and in a URI
    /// made by [`ProvisioningUri::totp`] or [`ProvisioningUri::hotp`] it does; in one that was
    /// parsed, a difference is shown to a person and is not by itself a reason to refuse.
    pub fn prefix(&self) -> Option<&str> {
        self.prefix.as_deref()
    }

    /// The account name.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The secret.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The hash under HMAC.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// How many digits a code has.
    pub const fn digits(&self) -> Digits {
        self.digits
    }

    /// The parameters of a time-based authenticator; `None` for a counter-based one.
    pub fn totp_parameters(&self) -> Option<Parameters> {
        let (algorithm, digits, t0) = (self.algorithm, self.digits, UnixTime::default());
        match self.moving {
            Moving::Step(period) => Some(Parameters { algorithm, digits, period, t0 }),
            Moving::Counter(_) => None,
        }
    }

    /// The next counter of a counter-based authenticator; `None` for a time-based one.
    pub const fn counter(&self) -> Option<u64> {
        match self.moving {
            Moving::Counter(counter) => Some(counter),
            Moving::Step(_) => None,
        }
    }

    /// The names of parameters that were read over, in the order in which they stood: the unknown
    /// ones, then a `period` of a counter or a `counter` of a clock. Untrusted text.
    pub fn ignored_parameters(&self) -> impl Iterator<Item = &str> {
        self.ignored.iter().map(String::as_str)
    }
}

// Printing. Each of these lets the secret out.
impl ProvisioningUri {
    /// The URI as text, wiped when dropped. Everything is written out, the defaults too, and the
    /// prefix always equals the issuer. This lets the secret out: show it once, never log it, never
    /// put it into a web page's address.
    #[must_use]
    pub fn expose_uri(&self) -> Zeroizing<String> {
        // Reserved whole, so that no half-written copy stays behind when the text would grow.
        let mut uri = Zeroizing::new(String::with_capacity(Self::MAX_LEN));
        uri.push_str(SCHEME);
        uri.push_str(match self.moving {
            Moving::Counter(_) => "hotp/",
            Moving::Step(_) => "totp/",
        });
        if let Some(issuer) = self.issuer() {
            uri.extend(utf8_percent_encode(issuer, IN_LABEL));
            uri.push(':');
        }
        uri.extend(utf8_percent_encode(&self.account, IN_LABEL));
        uri.push_str("?secret=");
        let mut secret = Base32Text::EMPTY;
        self.secret.print(&mut secret);
        uri.push_str(secret.expose_str());
        if let Some(issuer) = self.issuer() {
            uri.push_str("&issuer=");
            uri.extend(utf8_percent_encode(issuer, IN_QUERY));
        }
        uri.push_str("&algorithm=");
        uri.push_str(self.algorithm.name());
        uri.push_str("&digits=");
        uri.push_str(&self.digits.count().to_string());
        let (parameter, value) = match self.moving {
            Moving::Counter(counter) => ("&counter=", counter),
            Moving::Step(period) => ("&period=", period.as_u64()),
        };
        uri.push_str(parameter);
        uri.push_str(&value.to_string());
        uri
    }

    /// The URI as a QR code in SVG, at error correction level M. This lets the secret out: the text
    /// is wiped when dropped, the working memory of the drawing library is not.
    #[cfg(feature = "qr")]
    #[must_use]
    pub fn expose_qr_svg(&self) -> Zeroizing<String> {
        self.draw(|code| code.render::<qrcode::render::svg::Color<'_>>().build())
    }

    /// The URI as a QR code for a terminal, two rows of modules a line. The blocks are the *light*
    /// modules, right for light text on a dark ground. This lets the secret out, as
    /// [`ProvisioningUri::expose_qr_svg`].
    #[cfg(feature = "qr")]
    #[must_use]
    pub fn expose_qr_text(&self) -> Zeroizing<String> {
        use qrcode::render::unicode::Dense1x2::{Dark, Light};
        self.draw(|code| {
            code.render::<qrcode::render::unicode::Dense1x2>()
                .dark_color(Light)
                .light_color(Dark)
                .build()
        })
    }

    /// A QR code holds 2,331 bytes at level M, more than any URI: there is always one to draw.
    #[cfg(feature = "qr")]
    fn draw(&self, render: impl FnOnce(qrcode::QrCode) -> String) -> Zeroizing<String> {
        let code = qrcode::QrCode::new(self.expose_uri().as_bytes());
        Zeroizing::new(code.map(render).unwrap_or_default())
    }
}

impl fmt::Debug for ProvisioningUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.moving {
            Moving::Counter(_) => "hotp",
            Moving::Step(_) => "totp",
        };
        write!(f, "ProvisioningUri({kind}, [redacted])")
    }
}

const SCHEME: &str = "otpauth://";

/// Escaped in a parameter: all but RFC 3986's unreserved characters.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Escaped in a label: `@` of an address stays legible (RFC 3986 section 3.3 allows it in a path).
const IN_LABEL: &AsciiSet = &IN_QUERY.remove(b'@');
