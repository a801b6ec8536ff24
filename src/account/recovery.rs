//! Recovery codes: look-up secrets for the day the phone is gone.
//!
//! Standard: NIST SP 800-63B-4 sections 3.1.2 (look-up secrets) and 4.2.1.1 (saved recovery codes:
//! at least 64 bits, hashed, used once, replaced after use), ASVS 6.5.1 to 6.5.3.
//!
//! A code is a random name of 28 bits and a random secret of 112 bits, which is long enough for a fast
//! approved hash instead of a slow one; it is salted all the same. A failure counts on the code that it
//! names, so an attacker who knows no name can close none. A set is issued whole and shown once.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use rand::CryptoRng;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::account::challenge::ChallengeId;
use crate::account::typed;
use crate::ct::{reveal, reveal_search, within};
use crate::text::unit_error;
use crate::time::UnixTime;
use crate::wipe;

/// One recovery code: 140 bits, printed as seven groups of four characters of Crockford's base32,
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
pub struct RecoveryCode([u8; CODE_LEN]);

/// 140 bits, and four that are zero.
const CODE_LEN: usize = 18;

pub(crate) const CHARACTERS: usize = 28;

impl RecoveryCode {
    /// Reads what a person typed or pasted, in either case, with `I` and `L` as `1` and `O` as `0`. Drops
    /// blanks, line breaks, hyphens and invisible characters of every kind, quotation marks around the
    /// code, a dot after it, and a list number before it (`1. `). Reads digits of other scripts and
    /// full-width letters by their value.
    ///
    /// # Errors
    /// [`RecoveryCodeError`] for anything that is not 28 such characters, or has more than 256 bytes.
    pub fn parse(text: &str) -> Result<RecoveryCode, RecoveryCodeError> {
        let mut code = RecoveryCode([0; CODE_LEN]);
        if code.read(text) == Some(CHARACTERS) { Ok(code) } else { Err(RecoveryCodeError) }
    }

    /// Reads five bits for each character, and returns how many there were; `None` for what has another
    /// character, or too many.
    pub(crate) fn read(&mut self, text: &str) -> Option<usize> {
        let mut bits = 0_u32; // the low `held` bits are waiting for a byte
        let (mut held, mut typed, mut known) = (0_u32, 0_usize, u8::MAX);
        let mut place = self.0.iter_mut();
        for byte in typed::characters(text)? {
            let (value, is_known) = crockford_value(byte);
            known &= is_known;
            typed = typed.saturating_add(1);
            bits = (bits << 5) | u32::from(value);
            held = held.saturating_add(5);
            if held >= 8 {
                held = held.saturating_sub(8);
                *place.next()? = (bits >> (held & 7)) as u8;
            }
        }
        if let Some(last) = place.next().filter(|_| held > 0) {
            *last = (bits << (8_u32.saturating_sub(held) & 7)) as u8; // four bits are left of 140
        }
        bits.zeroize();
        reveal(known.ct_eq(&u8::MAX)).then_some(typed)
    }

    /// Draws as many bytes where they stay, so that no copy is left on the way.
    pub(crate) fn fill(&mut self, bytes: usize, rng: &mut impl CryptoRng) {
        rng.fill_bytes(self.0.get_mut(..bytes).unwrap_or_default());
        if let Some(last) = self.0.last_mut() {
            *last &= 0xf0;
        }
    }

    pub(crate) const fn blank() -> RecoveryCode {
        RecoveryCode([0; CODE_LEN])
    }

    /// Copied where it stays.
    pub(crate) fn duplicate(&self) -> Box<RecoveryCode> {
        let mut copy = Box::new(RecoveryCode::blank());
        copy.0.copy_from_slice(&self.0);
        copy
    }

    pub(crate) const fn expose_bytes(&self) -> &[u8; CODE_LEN] {
        &self.0
    }

    /// The code as a person reads it, `XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX`. Exposes the secret: show it
    /// once, never log it.
    #[must_use]
    pub fn expose_text(&self) -> Zeroizing<String> {
        self.expose(CHARACTERS)
    }

    /// The first characters, in groups of four.
    pub(crate) fn expose(&self, characters: usize) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(34)); // never grows, so leaves no copy
        let (mut bits, mut held, mut printed) = (0_u32, 0_u32, 0_usize);
        for byte in &self.0 {
            bits = (bits << 8) | u32::from(*byte);
            held = held.saturating_add(8);
            while held >= 5 && printed < characters {
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

    /// The first 28 bits: which code of a set it is.
    pub(crate) fn name(&self) -> u32 {
        let [a, b, c, d, ..] = self.0;
        u32::from_be_bytes([a, b, c, d]) >> 4
    }

    fn hash(&self, salt: &[u8; 16]) -> [u8; 16] {
        wipe::after::<{ wipe::OF_HMAC }, _>(|| self.hash_and_leave_traces(salt))
    }

    fn hash_and_leave_traces(&self, salt: &[u8; 16]) -> [u8; 16] {
        // HMAC takes a key of any length; the error cannot happen and hashes to what never matches.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(salt) else { return [0; 16] };
        mac.update(b"countersign recovery code 2");
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
    /// The text is not a recovery code: 28 characters of Crockford's base32.
    /// ```
    /// use countersign::account::{RecoveryCode, RecoveryCodeError};
    /// // The form says how long a code is, before an attempt is made.
    /// assert_eq!(RecoveryCode::parse("ABCD-1234").err(), Some(RecoveryCodeError));
    /// assert_eq!(RecoveryCodeError.to_string(), "a recovery code has 28 letters and digits");
    /// ```
    RecoveryCodeError: "a recovery code has 28 letters and digits"
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
pub struct RecoveryCodes {
    set: ChallengeId,
    codes: Vec<RecoveryCode>,
}

impl RecoveryCodes {
    /// The number of the set, for
    /// [`acknowledge_recovery_codes`](crate::mfa::AccountAt::acknowledge_recovery_codes).
    pub const fn set(&self) -> ChallengeId {
        self.set
    }

    /// The codes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &RecoveryCode> {
        self.codes.iter()
    }

    /// The number of codes, 1 to 16.
    pub const fn len(&self) -> usize {
        self.codes.len()
    }

    /// Always `false`: a set has at least one code.
    pub const fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// One code a line, for a page or a printer. Exposes the secrets: never log them.
    #[must_use]
    pub fn expose_lines(&self) -> Zeroizing<String> {
        let mut lines = Zeroizing::new(String::with_capacity(self.codes.len().saturating_mul(35)));
        for code in &self.codes {
            lines.push_str(&code.expose_text());
            lines.push('\n');
        }
        lines
    }
}

/// The random part of a set, drawn before the decision that may issue it.
pub(crate) struct RecoverySeed {
    id: ChallengeId,
    codes: [[u8; CODE_LEN]; 16],
    salt: [u8; 16],
}

impl RecoverySeed {
    /// Filled where it stays, so that no copy is left on the way.
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Box<RecoverySeed> {
        let id = ChallengeId::generate(rng);
        let mut seed = Box::new(RecoverySeed { id, codes: [[0; CODE_LEN]; 16], salt: [0; 16] });
        for code in &mut seed.codes {
            rng.fill_bytes(code);
            if let Some(last) = code.last_mut() {
                *last &= 0xf0;
            }
        }
        rng.fill_bytes(&mut seed.salt);
        seed
    }

    /// The first `count` codes, and what the account keeps of them.
    pub(crate) fn issue(&self, count: u64, now: UnixTime) -> (RecoveryCodes, RecoverySet) {
        let count = usize::try_from(count).unwrap_or(16);
        let copy = || self.codes.iter().take(count).map(|code| RecoveryCode(*code)).collect();
        let codes: Vec<_> = wipe::after::<1024, _>(copy);
        let stored = |code: &RecoveryCode| StoredCode {
            name: code.name(),
            hash: code.hash(&self.salt),
            failures: 0,
            spent_at: None,
        };
        let set = RecoverySet {
            id: self.id,
            salt: self.salt,
            codes: codes.iter().map(stored).collect(),
            issued_at: now,
            seen: false,
        };
        (RecoveryCodes { set: self.id, codes }, set)
    }
}

impl Drop for RecoverySeed {
    fn drop(&mut self) {
        let RecoverySeed { id: _, codes, salt: _ } = self;
        codes.zeroize();
    }
}

/// The set that was issued last, and the one before it until the person has seen the new one.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Recovery {
    pub(crate) newest: Option<RecoverySet>,
    pub(crate) old: Option<OldSet>,
}

#[derive(Debug, Eq, PartialEq)]
pub(crate) struct OldSet {
    pub(crate) replaced_at: UnixTime,
    pub(crate) set: RecoverySet,
}

#[derive(Debug, Eq, PartialEq)]
pub(crate) struct RecoverySet {
    pub(crate) id: ChallengeId,
    pub(crate) salt: [u8; 16],
    pub(crate) codes: Vec<StoredCode>, // at most 16
    pub(crate) issued_at: UnixTime,
    /// Whether the person is known to have it: said so, or used one of its codes.
    pub(crate) seen: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct StoredCode {
    pub(crate) name: u32,
    pub(crate) hash: [u8; 16],
    /// Wrong secrets behind this name.
    pub(crate) failures: u8,
    pub(crate) spent_at: Option<UnixTime>,
}

impl StoredCode {
    /// Failures that close a code (NIST SP 800-63B-4 section 3.2.2).
    const CLOSED_AT: u8 = 100;

    /// Without a branch, so that the codes of a dummy set take as long.
    const fn is_open(&self) -> bool {
        self.spent_at.is_none() & (self.failures < Self::CLOSED_AT)
    }
}

/// Seconds within which a spent code that comes again is a form sent twice, and raises no alarm.
const REPEATED_WITHIN: u64 = 600;

/// Seconds for which a replaced set works, unless the new one is seen earlier: a day.
const OLD_SET_LIFETIME: u64 = 24 * 60 * 60;

impl Recovery {
    pub(crate) fn left(&self) -> u8 {
        let open = self.newest.iter().flat_map(|set| &set.codes).filter(|code| code.is_open());
        u8::try_from(open.count()).unwrap_or(u8::MAX)
    }

    pub(crate) fn is_seen(&self) -> bool {
        self.newest.as_ref().is_some_and(|set| set.seen)
    }

    pub(crate) fn is_replacement_due(&self) -> bool {
        self.newest.iter().flat_map(|set| &set.codes).any(|code| code.spent_at.is_some())
    }

    /// Puts a set in place. The one before it lives on until this one is seen, unless it leaked.
    pub(crate) fn replace(&mut self, set: RecoverySet, leaked: bool, now: UnixTime) {
        let before = self.newest.replace(set);
        // A set that was never seen lets no one in; the one before it may.
        let lives = self.old.as_ref().is_some_and(|old| old.lasts(now));
        let before = before.filter(|before| before.seen || !lives);
        if let Some(set) = before {
            self.old = Some(OldSet { replaced_at: now, set });
        }
        if leaked {
            self.old = None;
        }
    }

    /// Notes that the person has the set `id`, which ends the one before it; `false` without one.
    pub(crate) fn acknowledge(&mut self, id: ChallengeId) -> bool {
        let newest = self.newest.as_mut().filter(|set| set.id == id);
        let found = newest.map(|set| set.seen = true).is_some();
        if found {
            self.old = None;
        }
        found
    }

    /// Spends `code` if a live set has it. Compares every code of two sets, dummies where there are none,
    /// so the time taken says neither whether nor where it was found.
    pub(crate) fn spend(&mut self, code: &RecoveryCode, now: UnixTime) -> Spent {
        let newest = match &mut self.newest {
            Some(set) => set.spend(code, now),
            None => RecoverySet::dummy().spend(code, now),
        };
        let old = match self.old.as_mut().filter(|old| old.lasts(now)) {
            Some(old) => old.set.spend(code, now),
            None => RecoverySet::dummy().spend(code, now),
        };
        if newest == Spent::Now {
            if let Some(set) = &mut self.newest {
                set.seen = true; // and so the one before it has ended
            }
            self.old = None;
        }
        newest.max(old)
    }
}

impl OldSet {
    fn lasts(&self, now: UnixTime) -> bool {
        self.replaced_at.lasts(OLD_SET_LIFETIME, now)
    }
}

impl RecoverySet {
    /// A dummy set that no code matches: the same work where there is no set.
    fn dummy() -> RecoverySet {
        let spent_at = Some(UnixTime::default());
        let none = StoredCode { name: u32::MAX, hash: [0; 16], failures: 0, spent_at };
        RecoverySet {
            id: ChallengeId::from_bytes([0; 16]),
            salt: [0; 16],
            codes: alloc::vec![none; 10],
            issued_at: UnixTime::default(),
            seen: false,
        }
    }

    /// Spends `code`, or counts a failure on the code that it names.
    fn spend(&mut self, code: &RecoveryCode, now: UnixTime) -> Spent {
        let (name, typed) = (code.name(), code.hash(&self.salt));
        let (mut hits, mut named) = (0_u32, 0_u32);
        for (at, stored) in (0_u32..).zip(&self.codes) {
            hits |= u32::from(stored.hash.ct_eq(&typed).unwrap_u8()).wrapping_shl(at);
            named |= u32::from(stored.name.ct_eq(&name).unwrap_u8()).wrapping_shl(at);
        }
        let place = |bits: u32| {
            let found = reveal_search(0, bits.into(), bits).accepted();
            found.and_then(|place| usize::try_from(place).ok())
        };
        if let Some(stored) = place(hits).and_then(|place| self.codes.get_mut(place)) {
            return match stored.spent_at {
                Some(at) if at.lasts(REPEATED_WITHIN, now) => Spent::Repeated,
                _ if !stored.is_open() => Spent::Before,
                _ => {
                    stored.spent_at = Some(now);
                    Spent::Now
                }
            };
        }
        let named = place(named).and_then(|place| self.codes.get_mut(place));
        match named.filter(|stored| stored.is_open()) {
            Some(stored) => {
                stored.failures = stored.failures.saturating_add(1);
                if stored.is_open() { Spent::Counted } else { Spent::Closed }
            }
            None => Spent::Never,
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Spent {
    /// It names no code that can be used: counted nowhere.
    Never,
    /// It is spent, or closed.
    Before,
    /// It was spent a moment ago: a form sent twice.
    Repeated,
    /// A failure on the code that it names.
    Counted,
    /// The failure that closed the code that it names.
    Closed,
    Now,
}

#[cfg(test)]
#[path = "../../tests/unit/recovery.rs"]
mod tests;
