//! A secret as text: base32 in and out.
//!
//! Standard: RFC 4648 sections 3 and 6 (base32).
//!
//! Base32 goes through a decoder without tables, because a table indexed by secret characters
//! leaves the secret in the cache. What that decoder does not ask, this file does: how many padding
//! characters, which lengths, and that the unused bits are zero, so that no two texts name one
//! secret.

use core::fmt;

use base32::{Base32Unpadded, Base32UpperUnpadded, Encoding};
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use crate::ct::{reveal, within};
use crate::otp::secret::{Base32Error, Secret, SecretError};
use crate::otp::tolerance::{Tolerance, Tolerated, without_surroundings};

impl Secret {
    /// The strict door for base32: RFC 4648's upper-case alphabet without padding, which is what an
    /// `otpauth://` URI carries.
    ///
    /// # Errors
    /// [`SecretError::Base32`] for text that is not exactly that, then as [`Secret::from_bytes`].
    pub fn from_base32(text: &str) -> Result<Secret, SecretError> {
        let mut buffer = Zeroizing::new([0; Self::MAX_LEN]);
        Self::from_bytes(decode_base32(text, &mut *buffer)?)
    }

    /// The lenient door, for what a person copies from a screen: also takes lower case, spaces and
    /// hyphens anywhere, and correct padding at the end. It still refuses look-alikes (`0`, `1`,
    /// `8`), padding of the wrong length, impossible lengths and non-zero unused bits.
    ///
    /// # Errors
    /// As [`Secret::from_base32`].
    pub fn from_base32_lenient(text: &str) -> Result<Secret, SecretError> {
        let mut buffer = Zeroizing::new([0; Self::MAX_LEN]);
        Self::from_bytes(decode_base32_lenient(text, &mut *buffer)?)
    }

    /// The import door, for what another system has stored or printed. Also takes unused last bits
    /// that are not zero, blanks and line breaks of every kind, and a byte order mark around it; says
    /// what of all that it took. For moving in, never for a secret that a person types.
    ///
    /// It guesses nothing: look-alikes (`0`, `1`, `8`), padding of the wrong length and impossible
    /// lengths are refused here as well.
    /// ```
    /// use countersign::{otp::Tolerance, Secret};
    /// // A column of another system, whose secrets end in bits that belong to no byte.
    /// let (secret, tolerated) = Secret::import_base32("S46SQCPPTCNPROMHWYBDCTBZXV")?;
    /// assert!(tolerated.contains(Tolerance::TrailingBits));
    /// assert_eq!(secret.expose_base32().expose_str(), "S46SQCPPTCNPROMHWYBDCTBZXU");
    /// # Ok::<(), countersign::otp::SecretError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Secret::from_base32_lenient`], but for unused bits.
    pub fn import_base32(text: &str) -> Result<(Secret, Tolerated), SecretError> {
        Self::import(text, Self::from_bytes)
    }

    /// As [`Secret::import_base32`], but takes a secret that RFC 4226 forbids: see
    /// [`Secret::dangerously_allow_short`].
    ///
    /// # Errors
    /// As [`Secret::import_base32`], but only an empty secret is too short.
    pub fn dangerously_import_base32_allowing_short(
        text: &str,
    ) -> Result<(Secret, Tolerated), SecretError> {
        Self::import(text, Self::dangerously_allow_short)
    }

    fn import(
        text: &str,
        take: fn(&[u8]) -> Result<Secret, SecretError>,
    ) -> Result<(Secret, Tolerated), SecretError> {
        let (bare, mut tolerated) = without_surroundings(text);
        let mut buffer = Zeroizing::new([0; Self::MAX_LEN]);
        let (bytes, within) = import_base32(bare, &mut *buffer)?;
        tolerated.add(within);
        Ok((take(bytes)?, tolerated))
    }

    /// The secret as strict base32, without padding, wiped when dropped. This lets the secret out.
    #[must_use]
    pub fn expose_base32(&self) -> Base32Text {
        let mut text = Base32Text::EMPTY;
        self.print(&mut text);
        text
    }

    pub(crate) fn print(&self, text: &mut Base32Text) {
        let printed = Base32UpperUnpadded::encode(self.expose_bytes(), &mut text.ascii);
        text.len = printed.map_or(0, str::len);
        // Clears the high bits, so that what asks whether this is UTF-8 cannot depend on a secret.
        text.ascii.iter_mut().for_each(|character| *character &= 0x7f);
    }
}

/// A secret in base32, on its way to a person's screen. Wiped when dropped; `Debug` is redacted.
/// ```
/// use countersign::{Algorithm, OsRandom, Secret};
/// // In groups of four, on the page of a person who cannot scan.
/// let text = Secret::generate(Algorithm::Sha1, &mut OsRandom::new()?).expose_base32();
/// let groups: Vec<&[u8]> = text.expose_str().as_bytes().chunks(4).collect();
/// assert_eq!(groups.len(), 8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Base32Text {
    ascii: [u8; 208], // 128 bytes take 205 characters
    len: usize,
}

impl Base32Text {
    pub(crate) const EMPTY: Base32Text = Base32Text { ascii: [0; 208], len: 0 };

    /// The text. This lets the secret out.
    #[must_use]
    pub fn expose_str(&self) -> &str {
        core::str::from_utf8(self.ascii.get(..self.len).unwrap_or_default()).unwrap_or_default()
    }
}

impl Drop for Base32Text {
    fn drop(&mut self) {
        let Base32Text { ascii, len } = self;
        ascii.zeroize();
        *len = 0;
    }
}

impl fmt::Debug for Base32Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base32Text([{} characters])", self.len)
    }
}

/// Strict base32 into the caller's buffer: upper case, no padding, any length that RFC 4648 section
/// 6 knows, unused bits zero (section 3.5). Returns the decoded part of `buffer`, which the caller
/// wipes.
///
/// # Errors
/// [`SecretError::Base32`]; [`SecretError::TooLong`] when the buffer is too small.
pub fn decode_base32<'b>(text: &str, buffer: &'b mut [u8]) -> Result<&'b [u8], SecretError> {
    decode::<Base32UpperUnpadded>(text.as_bytes(), buffer).and_then(without_other_bits)
}

/// Lenient base32 into the caller's buffer: as [`Secret::from_base32_lenient`], for any length.
///
/// # Errors
/// As [`decode_base32`].
pub fn decode_base32_lenient<'b>(
    text: &str,
    buffer: &'b mut [u8],
) -> Result<&'b [u8], SecretError> {
    let mut folded = Zeroizing::new([0_u8; LONGEST_TEXT]);
    let (letters, _) = gather(text.bytes(), &mut folded, buffer.len())?;
    decode::<Base32Unpadded>(letters, buffer).and_then(without_other_bits)
}

/// Base32 as other systems print it, into the caller's buffer, and what was tolerated in it.
pub(crate) fn import_base32<'b>(
    text: &str,
    buffer: &'b mut [u8],
) -> Result<(&'b [u8], Tolerated), SecretError> {
    let bytes = text.chars().map(|character| match u8::try_from(character) {
        _ if character.is_whitespace() => b' ',
        Ok(byte) if byte.is_ascii() => byte,
        _ => u8::MAX, // in no alphabet
    });
    let mut folded = Zeroizing::new([0_u8; LONGEST_TEXT]);
    let (letters, is_padded) = gather(bytes, &mut folded, buffer.len())?;
    let (bytes, has_no_other_bits) = decode::<Base32Unpadded>(letters, buffer)?;
    let lower = text.bytes().fold(0, |lower, byte| lower | within(byte, b'a', b'z'));
    let mut tolerated = Tolerated::when(Tolerance::LowerCase, lower != 0);
    tolerated.add(Tolerated::when(Tolerance::Blanks, text.contains(char::is_whitespace)));
    tolerated.add(Tolerated::when(Tolerance::Hyphens, text.contains('-')));
    tolerated.add(Tolerated::when(Tolerance::Padding, is_padded));
    tolerated.add(Tolerated::when(Tolerance::TrailingBits, !reveal(has_no_other_bits)));
    Ok((bytes, tolerated))
}

/// The letters and digits of `text` in lower case, and whether padding stood behind them.
fn gather(
    text: impl Iterator<Item = u8>,
    folded: &mut [u8; LONGEST_TEXT],
    most: usize,
) -> Result<(&[u8], bool), SecretError> {
    let (mut len, mut pads) = (0_usize, 0_usize);
    for byte in text.filter(|byte| !matches!(byte, b' ' | b'-')) {
        if byte == b'=' {
            pads = pads.saturating_add(1);
            continue;
        }
        if pads > 0 {
            return Err(SecretError::Base32(Base32Error::Padding)); // something after the padding
        }
        let place =
            folded.get_mut(len).ok_or(SecretError::TooLong { bytes: most.saturating_add(1) })?;
        *place = fold_case(byte);
        len = len.saturating_add(1);
    }
    let right = len.wrapping_neg() % 8; // up to the next multiple of eight (RFC 4648 section 6)
    if pads > 0 && pads != right {
        return Err(SecretError::Base32(Base32Error::Padding));
    }
    Ok((folded.get(..len).unwrap_or_default(), pads > 0))
}

/// Enough for a base32 text of any secret, padded, before the decoder is asked.
const LONGEST_TEXT: usize = 216;

/// Upper case to lower, by mask: the letter is secret.
const fn fold_case(byte: u8) -> u8 {
    byte | (within(byte, b'A', b'Z') & 0x20)
}

/// The bytes, and whether the last character's bits that no byte takes are zero (section 3.5).
fn decode<'b, E: Encoding>(
    text: &[u8],
    buffer: &'b mut [u8],
) -> Result<(&'b [u8], Choice), SecretError> {
    if matches!(text.len() % 8, 1 | 3 | 6) {
        return Err(SecretError::Base32(Base32Error::Length)); // RFC 4648 section 6: impossible
    }
    let capacity = buffer.len();
    let bytes = E::decode(text, buffer).map_err(|error| match error {
        base32::Error::InvalidEncoding => SecretError::Base32(Base32Error::Character),
        base32::Error::InvalidLength => SecretError::TooLong { bytes: capacity.saturating_add(1) },
    })?;
    // Prints the last bytes again and compares. Constant-time, because the character is secret.
    let mut again = Zeroizing::new([0_u8; 8]);
    let last_bytes = bytes.chunks_exact(5).remainder();
    let last_text = text.chunks_exact(8).remainder();
    let printed = E::encode(last_bytes, &mut *again).unwrap_or_default();
    Ok((bytes, printed.as_bytes().ct_eq(last_text)))
}

fn without_other_bits((bytes, has_no_other_bits): (&[u8], Choice)) -> Result<&[u8], SecretError> {
    if reveal(has_no_other_bits) {
        Ok(bytes)
    } else {
        Err(SecretError::Base32(Base32Error::TrailingBits))
    }
}

#[cfg(test)]
#[path = "../../tests/unit/base32.rs"]
mod tests;
