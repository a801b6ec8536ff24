//! Recovery codes: look-up secrets for the day the phone is gone.
//!
//! Standard: NIST SP 800-63B-4 sections 3.1.2 (look-up secrets) and 4.2.1.1 (saved recovery codes:
//! at least 64 bits, hashed, used once, replaced after use), ASVS 6.5.1 to 6.5.3.
//!
//! A code has 120 random bits, above the 112 from which an approved hash suffices instead of a slow
//! one, and is salted and hashed all the same. A set is issued whole, shown once, and ended whole.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use rand::CryptoRng;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::account::typed;
use crate::ct::{reveal, reveal_search, within};
use crate::text::unit_error;
use crate::time::UnixTime;

/// One recovery code: 120 bits, printed as six groups of four characters of Crockford's base32,
/// which has no `I`, `L`, `O` or `U` to misread. Wiped when dropped; `Debug` is redacted.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::account::RecoveryCode;
/// // A person types it without the hyphens and in small letters.
/// let printed = &phone.recovery_codes[0];
/// let typed = RecoveryCode::parse(&printed.replace('-', "").to_lowercase())?;
/// assert_eq!(typed.expose_text().as_str(), printed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RecoveryCode([u8; 15]);

impl RecoveryCode {
    /// Reads what a person typed or pasted: either case; `I` and `L` are read as `1`, `O` as `0`. Drops
    /// blanks, line breaks, hyphens and marks without a width, each of every kind, quotation marks
    /// around, a dot behind, and the number of a list in front (`1. `). Reads digits of other scripts
    /// and full-width letters by their value.
    ///
    /// # Errors
    /// [`RecoveryCodeError`] for anything that is not 24 such characters, or has more than 256 bytes.
    pub fn parse(text: &str) -> Result<RecoveryCode, RecoveryCodeError> {
        let mut code = RecoveryCode([0; 15]);
        let mut bits = 0_u32; // the low `held` bits are waiting for a byte
        let (mut held, mut typed, mut known) = (0_u32, 0_usize, u8::MAX);
        let mut place = code.0.iter_mut();
        for byte in typed::characters(text).ok_or(RecoveryCodeError)? {
            let (value, is_known) = crockford_value(byte);
            known &= is_known;
            typed = typed.saturating_add(1);
            bits = (bits << 5) | u32::from(value);
            held = held.saturating_add(5);
            if held >= 8 {
                held = held.saturating_sub(8);
                *place.next().ok_or(RecoveryCodeError)? = (bits >> (held & 7)) as u8;
            }
        }
        bits.zeroize();
        let is_code = reveal(known.ct_eq(&u8::MAX)) && typed == 24;
        if is_code { Ok(code) } else { Err(RecoveryCodeError) }
    }

    /// The code as a person reads it, `XXXX-XXXX-XXXX-XXXX-XXXX-XXXX`. This lets it out: show it
    /// once, never log it.
    #[must_use]
    pub fn expose_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(29)); // never grows, so leaves no copy
        let (mut bits, mut held, mut printed) = (0_u32, 0_u32, 0_u32);
        for byte in self.0 {
            bits = (bits << 8) | u32::from(byte);
            held = held.saturating_add(8);
            while held >= 5 {
                held = held.saturating_sub(5);
                if printed > 0 && printed % 4 == 0 {
                    text.push('-');
                }
                printed = printed.saturating_add(1);
                text.push(char::from(crockford_character((bits >> (held & 7)) as u8 & 31)));
            }
        }
        bits.zeroize();
        text
    }

    fn hash(&self, salt: &[u8; 16]) -> [u8; 16] {
        // HMAC takes a key of any length; the error cannot happen and hashes to what never matches.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(salt) else { return [0; 16] };
        mac.update(b"countersign recovery code 1");
        mac.update(&self.0);
        let mut whole: [u8; 32] = mac.finalize().into_bytes().into();
        let (head, _) = whole.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
        let hash = *head;
        whole.zeroize();
        hash
    }
}

/// The character for five bits, without a table: the bits are secret when a set is printed.
const fn crockford_character(value: u8) -> u8 {
    // 0-9, then A-Z leaving out I, L, O and U: a step of one at each gap.
    let mut character = value.wrapping_add(b'0');
    character = character.wrapping_add(within(value, 10, 31) & 7); // from ':' to 'A'
    character = character.wrapping_add(within(value, 18, 31) & 1); // no I
    character = character.wrapping_add(within(value, 20, 31) & 1); // no L
    character = character.wrapping_add(within(value, 22, 31) & 1); // no O
    character.wrapping_add(within(value, 27, 31) & 1) // no U
}

/// The five bits of a typed character, and all ones if it has any. Without a branch or a table: a
/// code that a person types and that is right is a secret.
fn crockford_value(typed: u8) -> (u8, u8) {
    const RANGES: [(u8, u8, u8); 9] = [
        (b'0', b'9', 0),
        (b'A', b'H', 10),
        (b'I', b'I', 1),
        (b'J', b'K', 18),
        (b'L', b'L', 1),
        (b'M', b'N', 20),
        (b'O', b'O', 0),
        (b'P', b'T', 22),
        (b'V', b'Z', 27),
    ];
    let upper = typed & !(within(typed, b'a', b'z') & 0x20);
    let (mut value, mut known) = (0, 0);
    for (first, last, start) in RANGES {
        let here = within(upper, first, last);
        value |= upper.wrapping_sub(first).wrapping_add(start) & here;
        known |= here;
    }
    (value, known)
}

impl Drop for RecoveryCode {
    fn drop(&mut self) {
        let RecoveryCode(bytes) = self;
        bytes.zeroize();
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode([redacted])")
    }
}

unit_error! {
    /// The text is no recovery code: 24 characters of Crockford's base32.
    /// ```
    /// use countersign::account::{RecoveryCode, RecoveryCodeError};
    /// // The form says how long a code is, before an attempt is made.
    /// assert_eq!(RecoveryCode::parse("ABCD-1234").err(), Some(RecoveryCodeError));
    /// assert_eq!(RecoveryCodeError.to_string(), "a recovery code has 24 letters and digits");
    /// ```
    RecoveryCodeError: "a recovery code has 24 letters and digits"
}

/// A set of recovery codes, on its way to the person. It exists once: the account keeps hashes.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let id = countersign::AccountId::new("42")?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::mfa::ExternalMethod;
/// // The page that is shown once, to be printed.
/// let bound = dana.bind_external("Laptop", ExternalMethod::Passkey, &mut rng).run(&store)?;
/// let codes = bound.recovery_codes().ok_or("not the first factor")?;
/// assert_eq!(codes.expose_lines().lines().count(), codes.len());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "the codes are shown now or never"]
pub struct RecoveryCodes(Vec<RecoveryCode>);

impl RecoveryCodes {
    /// The codes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &RecoveryCode> {
        self.0.iter()
    }

    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none: never.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One code a line, for a page or a printer. This lets them out.
    #[must_use]
    pub fn expose_lines(&self) -> Zeroizing<String> {
        let mut lines = Zeroizing::new(String::with_capacity(self.0.len().saturating_mul(30)));
        for code in &self.0 {
            lines.push_str(&code.expose_text());
            lines.push('\n');
        }
        lines
    }
}

/// The random part of a set, drawn before the decision that may issue it.
pub(crate) struct RecoverySeed {
    codes: [[u8; 15]; 16],
    salt: [u8; 16],
}

impl RecoverySeed {
    /// Filled where it stays, so that no copy is left on the way.
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Box<RecoverySeed> {
        let mut seed = Box::new(RecoverySeed { codes: [[0; 15]; 16], salt: [0; 16] });
        seed.codes.iter_mut().for_each(|code| rng.fill_bytes(code));
        rng.fill_bytes(&mut seed.salt);
        seed
    }

    /// The first `count` codes, and what the account keeps of them.
    pub(crate) fn issue(&self, count: u64, now: UnixTime) -> (RecoveryCodes, RecoverySet) {
        let count = usize::try_from(count).unwrap_or(16);
        let codes: Vec<_> = self.codes.iter().take(count).map(|code| RecoveryCode(*code)).collect();
        let hashes = codes.iter().map(|code| code.hash(&self.salt)).collect();
        let set = RecoverySet { salt: self.salt, hashes, spent: 0, issued_at: now };
        (RecoveryCodes(codes), set)
    }
}

impl Drop for RecoverySeed {
    fn drop(&mut self) {
        let RecoverySeed { codes, salt: _ } = self;
        codes.zeroize();
    }
}

/// What an account keeps of a set.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct RecoverySet {
    pub(crate) salt: [u8; 16],
    pub(crate) hashes: Vec<[u8; 16]>, // at most 16
    pub(crate) spent: u16,            // bit n: the n-th code is spent
    pub(crate) issued_at: UnixTime,
}

impl RecoverySet {
    /// A set that no code is in, for doing the same work where there is none.
    pub(crate) fn dummy() -> RecoverySet {
        RecoverySet {
            salt: [0; 16],
            hashes: alloc::vec![[0; 16]; 10],
            spent: u16::MAX,
            issued_at: UnixTime::default(),
        }
    }

    /// How many codes are unspent.
    pub(crate) fn left(&self) -> u8 {
        let spent = u8::try_from(self.spent.count_ones()).unwrap_or(u8::MAX);
        u8::try_from(self.hashes.len()).unwrap_or(0).saturating_sub(spent)
    }

    /// Spends `code` if it is in the set and unspent. Every hash is compared, the spent ones as
    /// well: how long this takes says neither whether nor where it stood.
    pub(crate) fn spend(&mut self, code: &RecoveryCode) -> Spent {
        let typed = code.hash(&self.salt);
        let (mut hits, mut seen) = (0_u32, 0_u32);
        for (at, hash) in (0_u32..).zip(&self.hashes) {
            let same = u32::from(hash.ct_eq(&typed).unwrap_u8());
            seen |= same;
            hits |= (same & u32::from(self.spent & bit(at) == 0)).wrapping_shl(at);
        }
        let scan = reveal_search(0, hits.into(), seen);
        match scan.accepted().and_then(|place| u32::try_from(place).ok()) {
            Some(place) => {
                self.spent |= bit(place);
                Spent::Now
            }
            None if scan.seen => Spent::Before,
            None => Spent::Never,
        }
    }
}

/// The bit of `spent` for the code at `place`, below 16.
const fn bit(place: u32) -> u16 {
    1_u16.wrapping_shl(place)
}

/// What became of a typed recovery code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Spent {
    Before,
    Never,
    Now,
}

#[cfg(test)]
#[path = "../../tests/unit/recovery.rs"]
mod tests;
