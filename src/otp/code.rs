//! What a person reads off a display and types: exactly six, seven or eight decimal digits.
//!
//! Standard: RFC 4226 section 5.3 and R4 (at least six digits, leading zeros kept), NIST SP
//! 800-63B-4 section 3.1.4.1 (as few as six).
//!
//! A code is text, never a number: `007081` is not `7081`. The strict door takes the digits and
//! nothing else, because a spelling that one layer trims and another does not is a second use of
//! the same code (CVE-2025-6014). The lenient door has its own name and *returns* the canonical
//! code, so nothing downstream ever sees the spelling.

use core::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

use crate::ct::reveal;

/// How many decimal digits a code has. Ten would be meaningless (2^31 has ten digits and the first
/// is 0, 1 or 2); nine are left out because no authenticator shows them.
/// ```
/// use countersign::Digits;
/// // From a column of another system.
/// assert_eq!(Digits::new(8), Some(Digits::Eight));
/// assert_eq!(Digits::new(4), None);
/// // The odds of three guesses at one of three codes.
/// assert_eq!(Digits::Six.guess_probability(3, 3), 9e-6);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub enum Digits {
    /// Six digits, what every authenticator app shows. The default.
    #[default]
    Six,
    /// Seven digits.
    Seven,
    /// Eight digits.
    Eight,
}

impl Digits {
    /// From the number of digits: 6, 7 or 8.
    #[must_use]
    pub const fn new(count: u8) -> Option<Digits> {
        match count {
            6 => Some(Digits::Six),
            7 => Some(Digits::Seven),
            8 => Some(Digits::Eight),
            _ => None,
        }
    }

    /// The number of digits: 6, 7 or 8.
    pub const fn count(self) -> u8 {
        match self {
            Digits::Six => 6,
            Digits::Seven => 7,
            Digits::Eight => 8,
        }
    }

    /// How many different codes there are: 10^6, 10^7 or 10^8.
    pub const fn codes(self) -> u32 {
        match self {
            Digits::Six => 1_000_000,
            Digits::Seven => 10_000_000,
            Digits::Eight => 100_000_000,
        }
    }

    /// The odds that `attempts` guesses meet one of `codes` acceptable codes: `s * v / 10^Digit`
    /// of RFC 4226 section 6, never over 1.
    #[must_use]
    pub fn guess_probability(self, codes: u32, attempts: u32) -> f64 {
        let odds = f64::from(codes) * f64::from(attempts) / f64::from(self.codes());
        odds.min(1.0)
    }

    /// `truncated` mod 10^digits, for a 31-bit value.
    ///
    /// The value is secret and a division instruction takes a time that depends on its operands,
    /// so the quotient comes from a multiplication by a rounded-up reciprocal. With `2^shift` at
    /// least `2^31 * 10^digits` the quotient is exact for every 31-bit value.
    #[allow(clippy::arithmetic_side_effects)] // 31 bits times at most 33 bits; quotient * divisor <= value
    pub(crate) const fn reduce(self, truncated: u32) -> u32 {
        // Divided when this is compiled: a compiler given the divisor at run time divides there.
        let (shift, reciprocal) = match self {
            Digits::Six => (51, const { (1_u64 << 51) / 1_000_000 + 1 }),
            Digits::Seven => (55, const { (1_u64 << 55) / 10_000_000 + 1 }),
            Digits::Eight => (58, const { (1_u64 << 58) / 100_000_000 + 1 }),
        };
        let quotient = ((truncated as u64 * reciprocal) >> shift) as u32;
        truncated - quotient * self.codes()
    }
}

/// A code of exactly [`Digits`] ASCII digits, wiped when dropped.
///
/// Equality is constant-time in the digits. `Debug` shows none of them.
///
/// ```
/// use countersign::{Code, Digits};
///
/// let code = Code::parse("081804", Digits::Six)?;
/// assert_eq!(code.expose_str(), "081804");
/// assert_eq!(code, Code::parse_lenient("081 804", Digits::Six)?);
/// assert!(Code::parse("081 804", Digits::Six).is_err());
/// # Ok::<(), countersign::otp::CodeError>(())
/// ```
pub struct Code {
    ascii: [u8; 8], // zero after the last digit
    digits: Digits,
}

impl Code {
    /// The strict door: exactly `digits` ASCII digits and nothing else.
    ///
    /// # Errors
    /// [`CodeError::Length`] for another number of bytes, [`CodeError::NotADigit`] for anything
    /// that is not `0` to `9`: spaces, signs, separators, full-width or Arabic digits.
    pub fn parse(text: &str, digits: Digits) -> Result<Code, CodeError> {
        Self::from_typed(text.bytes(), digits)
    }

    /// The lenient door, for what people paste: drops spaces and hyphens anywhere, then asks what
    /// [`Code::parse`] asks. Returns the canonical code; keep nothing keyed on the text itself.
    ///
    /// # Errors
    /// As [`Code::parse`], counted after dropping.
    pub fn parse_lenient(text: &str, digits: Digits) -> Result<Code, CodeError> {
        Self::from_typed(text.bytes().filter(|byte| !matches!(byte, b' ' | b'-')), digits)
    }

    /// The strict door where the number of digits is not known yet: six, seven or eight.
    #[cfg(feature = "alloc")]
    pub(crate) fn of_any_length(typed: impl Iterator<Item = u8> + Clone) -> Option<Code> {
        let digits = Digits::new(u8::try_from(typed.clone().count()).ok()?)?;
        Self::from_typed(typed, digits).ok()
    }

    fn from_typed(typed: impl Iterator<Item = u8>, digits: Digits) -> Result<Code, CodeError> {
        let mut code = Code { ascii: [0; 8], digits };
        let expected = usize::from(digits.count());
        let mut found = 0_usize;
        for byte in typed {
            if !byte.is_ascii_digit() {
                return Err(CodeError::NotADigit);
            }
            if let Some(place) = code.ascii.get_mut(found) {
                *place = byte;
            }
            found = found.saturating_add(1);
        }
        if found == expected { Ok(code) } else { Err(CodeError::Length { expected: digits }) }
    }

    /// The code of a number below 10^digits. The number is secret, so no division: the digits are
    /// parted in halves, each quotient a multiplication by a rounded-up reciprocal. Four lanes of
    /// one word are worked on at once, first digit lowest, and no carry leaves its lane.
    #[allow(clippy::arithmetic_side_effects)] // eight digits at most, 8 bits each at the end
    pub(crate) fn from_value(value: u32, digits: Digits) -> Code {
        // Clears the high bits, so that what asks whether this is UTF-8 cannot depend on a secret.
        let (scale, shown) = match digits {
            Digits::Six => (100, 0x0000_7f7f_7f7f_7f7f),
            Digits::Seven => (10, 0x007f_7f7f_7f7f_7f7f),
            Digits::Eight => (1, 0x7f7f_7f7f_7f7f_7f7f),
        };
        let eight = u64::from(value) * scale; // the first digit of the code is the first of eight
        let high = (eight * 0xd1b7_1759) >> 45; // by 10,000, exact below 10^8
        let fours = high + ((eight - high * 10_000) << 32);
        let high = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f; // by 100, exact below 10^4
        let twos = high + ((fours - high * 100) << 16);
        let high = ((twos * 103) >> 10) & 0x000f_000f_000f_000f; // by 10, exact below 100
        let ones = high + ((twos - high * 10) << 8);
        let mut ascii = (ones + 0x3030_3030_3030_3030) & shown;
        let code = Code { ascii: ascii.to_le_bytes(), digits };
        ascii.zeroize();
        code
    }

    /// The code as a number below 10^digits, for comparing against truncated values: eight digits
    /// with zeros in front, neighbours joined to twos, fours and eight, as `from_value` parts them.
    #[allow(clippy::arithmetic_side_effects)] // eight digits at most; no carry leaves its lane
    pub(crate) fn value(&self) -> u32 {
        let zeros_in_front = match self.digits {
            Digits::Six => 16,
            Digits::Seven => 8,
            Digits::Eight => 0,
        };
        let ones = (u64::from_le_bytes(self.ascii) & 0x0f0f_0f0f_0f0f_0f0f) << zeros_in_front;
        let twos = (ones * 10 + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
        let fours = (twos * 100 + (twos >> 16)) & 0x0000_ffff_0000_ffff;
        (fours * 10_000 + (fours >> 32)) as u32
    }

    /// The value of no code of any length.
    pub(crate) const NO_VALUE: u32 = u32::MAX;

    /// How many digits it has.
    pub const fn digits(&self) -> Digits {
        self.digits
    }

    /// The digits as text, leading zeros kept. This lets the code out: show it, never log it.
    #[must_use]
    pub fn expose_str(&self) -> &str {
        core::str::from_utf8(self.ascii()).unwrap_or_default() // only ASCII digits are ever written
    }

    pub(crate) fn ascii(&self) -> &[u8] {
        let (typed, _) =
            self.ascii.split_at_checked(usize::from(self.digits.count())).unwrap_or_default();
        typed
    }
}

impl ConstantTimeEq for Code {
    fn ct_eq(&self, other: &Code) -> Choice {
        self.digits.count().ct_eq(&other.digits.count()) & self.ascii.ct_eq(&other.ascii)
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Code) -> bool {
        reveal(self.ct_eq(other))
    }
}

impl Eq for Code {}

impl Drop for Code {
    fn drop(&mut self) {
        let Code { ascii, digits: _ } = self;
        ascii.as_mut_slice().zeroize();
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code([{} digits])", self.digits.count())
    }
}

/// Why a text is no code. Says nothing of the digits.
/// ```
/// use countersign::{otp::CodeError, Code, Digits};
/// // The form says what is missing, and no attempt is counted.
/// let error = Code::parse_lenient("081 80", Digits::Six).unwrap_err();
/// assert_eq!(error, CodeError::Length { expected: Digits::Six });
/// assert_eq!(error.to_string(), "a code has exactly 6 digits");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CodeError {
    /// Another number of digits than the device shows.
    Length {
        /// How many it shows.
        expected: Digits,
    },
    /// Something that is not an ASCII digit.
    NotADigit,
}

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodeError::Length { expected } => {
                write!(f, "a code has exactly {} digits", expected.count())
            }
            CodeError::NotADigit => f.write_str("a code has only the digits 0 to 9"),
        }
    }
}

impl core::error::Error for CodeError {}

#[cfg(test)]
#[path = "../../tests/unit/code.rs"]
mod tests;
