//! HOTP: codes by counter, look-ahead and resynchronisation.
//!
//! Standard: RFC 4226 sections 5.3, 7.2 (validation), 7.4 (look-ahead window `s`, resynchronisation
//! with two or three codes) and appendix A.3.
//!
//! Verification only looks forward, evaluates the whole window whatever matches, and never stores
//! anything: what a match means for the counter is returned, and `account` commits it.

use crate::bounded::Bounded;
use crate::ct::{Scan, equal, nonzero, reveal_search};
use crate::otp::algorithm::Algorithm;
use crate::otp::code::{Code, Digits};
use crate::otp::key::Key;
use crate::otp::secret::Secret;
use crate::wipe;

/// The look-ahead window `s` of RFC 4226 section 7.4: how many counters are tried, the expected one
/// included. 1 is the expected counter alone, 5 the recommended window.
/// ```
/// use countersign::LookAhead;
/// // From the host's own settings.
/// assert_eq!(LookAhead::new(10).map(LookAhead::as_u64), Some(10));
/// assert_eq!(LookAhead::new(51), None);
/// ```
pub type LookAhead = Bounded<1, 50>;

/// How far a resynchronisation looks for its consecutive codes, in moving factors. 1,000 is the
/// recommended reach.
/// ```
/// use countersign::{otp::Reach, vectors, Algorithm, Digits, Hotp, Secret};
/// // A token that was played with: two codes in a row find its counter.
/// let secret = Secret::from_bytes(vectors::seed(Algorithm::Sha1))?;
/// let hotp = Hotp::new(&secret, Algorithm::Sha1, Digits::Six);
/// let found = hotp.resynchronise(&[hotp.generate(700), hotp.generate(701)], 0, Reach::of::<1000>());
/// assert_eq!(found.and_then(|found| found.next()), Some(702));
/// # Ok::<(), countersign::otp::SecretError>(())
/// ```
pub type Reach = Bounded<1, 1000>;

/// A counter-based authenticator: a keyed HMAC and a number of digits.
///
/// ```
/// use countersign::{Algorithm, Code, Digits, Hotp, LookAhead, Secret};
///
/// let secret = Secret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")?;
/// let hotp = Hotp::new(&secret, Algorithm::Sha1, Digits::Six);
/// let typed = Code::parse("969429", Digits::Six)?; // the device was pressed three times too often
///
/// let found = hotp.find(&typed, 0, LookAhead::of::<5>()).expect("within the window");
/// assert_eq!((found.counter(), found.next()), (3, Some(4)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Hotp {
    key: Key,
    digits: Digits,
}

impl Hotp {
    /// Keys the HMAC once.
    #[must_use]
    #[inline(never)] // the key is made in its place; see `Schedule::new`
    pub fn new(secret: &Secret, algorithm: Algorithm, digits: Digits) -> Hotp {
        Hotp::from_key(Key::new(algorithm, secret), digits)
    }

    /// From a key that is ready.
    #[must_use]
    #[inline]
    pub const fn from_key(key: Key, digits: Digits) -> Hotp {
        Hotp { key, digits }
    }

    /// How many digits its codes have.
    pub const fn digits(&self) -> Digits {
        self.digits
    }

    /// The code at `counter`, for every counter up to 2^64-1.
    #[must_use]
    pub fn generate(&self, counter: u64) -> Code {
        self.key.generate(counter, self.digits)
    }

    /// Looks for `code` at `counter` and the counters after it, as many as `look_ahead` says, none
    /// past 2^64-1. If two counters in the window have the same code, the match is the highest, so
    /// that the digits are used up at both.
    #[must_use = "a match is worth nothing until its next counter is stored"]
    pub fn find(&self, code: &Code, counter: u64, look_ahead: LookAhead) -> Option<CounterMatch> {
        let factors = Factors::new(counter.into(), look_ahead.as_u32(), Some(counter));
        self.scan(&[code], factors).accepted().map(|counter| CounterMatch { counter })
    }

    /// Looks within `reach` counters from `counter` on for two or three consecutive codes, in the
    /// order in which the device showed them (RFC 4226 section 7.4). The match is the counter of
    /// the *last* one. Fewer than two or more than three codes never match.
    #[must_use = "a match is worth nothing until its next counter is stored"]
    pub fn resynchronise(
        &self,
        codes: &[Code],
        counter: u64,
        reach: Reach,
    ) -> Option<CounterMatch> {
        let factors = Factors::new(counter.into(), reach.as_u32(), Some(counter));
        let scan = match codes {
            [first, second] => self.scan_wiped(&[first, second], factors),
            [first, second, third] => self.scan_wiped(&[first, second, third], factors),
            _ => return None,
        };
        scan.accepted().map(|counter| CounterMatch { counter })
    }

    /// As `scan`, for several codes, whose numbers stay on the stack (that of one, in a register).
    #[inline(never)] // so that its instructions can be counted
    pub(crate) fn scan_wiped<const N: usize>(&self, codes: &[&Code; N], factors: Factors) -> Scan {
        wipe::after::<2560, _>(|| self.scan(codes, factors)) // twice as deep as a release build reaches
    }

    /// Evaluates moving factors and looks for `codes` in a row.
    ///
    /// A run is accepted when every factor under it is eligible; the highest one wins. `seen` says
    /// that the codes stood somewhere in the window at all: a replay, if nothing was accepted.
    /// Neither the number of codes computed nor any branch depends on where the match is.
    pub(crate) fn scan<const N: usize>(&self, codes: &[&Code; N], factors: Factors) -> Scan {
        let typed = || {
            codes.map(|code| {
                // How many digits were typed is public. Another number of them never matches.
                if code.digits() == self.digits { code.value() } else { Code::NO_VALUE }
            })
        };
        let Factors { first, count, eligible } = factors;
        // hits[n]: the n-th code stood at this factor. Bits, the four factors evaluated last on top,
        // so that a run may begin among those before.
        let mut hits = [0_u32; N];
        let (mut accepted, mut seen, mut index) = (0_u64, 0_u32, 0_u32);
        while index < count {
            let used = count.saturating_sub(index).min(4);
            hits.iter_mut().for_each(|hits| *hits >>= 4);
            let mut lane = 1_u32 << 28;
            let (_, allowed) = self.key.truncate(
                first.wrapping_add(index.into()),
                used,
                || (typed(), eligible.lanes(index, N as u32)),
                |(typed, _), truncated| {
                    let value = self.digits.reduce(truncated);
                    for (hits, code) in hits.iter_mut().zip(typed) {
                        *hits |= equal(value, *code) & lane;
                    }
                    lane <<= 1;
                },
            );
            let (mut runs, mut ago) = (15_u32, N);
            for hits in hits {
                ago = ago.saturating_sub(1);
                runs &= (hits << (ago & 3)) >> 28; // `ago` factors ago; two at most
            }
            let allowed = runs & allowed;
            let any = nonzero(allowed);
            accepted = accepted & !any | (u64::from(index) << 32 | u64::from(allowed)) & any;
            seen |= runs;
            index = index.saturating_add(used);
        }
        reveal_search(first, accepted, seen)
    }
}

/// The moving factors that a scan evaluates, and which of them, by index, may be accepted.
#[derive(Clone, Debug)]
pub(crate) struct Factors {
    first: u64,
    count: u32,
    eligible: Eligible,
}

impl Factors {
    /// `count` factors from `first` on. Those from `lowest` on may be accepted; without a lowest,
    /// none. A window may begin before the first factor there is, or end after the last: what lies
    /// outside is evaluated as if factors wrapped, so that the work is the same, and never accepted.
    #[inline]
    pub(crate) fn new(first: i128, count: u32, lowest: Option<u64>) -> Factors {
        let index = |factor: i128| {
            let index = factor.saturating_sub(first).clamp(0, count.into());
            u32::try_from(index).unwrap_or(count)
        };
        let from = lowest.map_or(count, |lowest| index(lowest.into()));
        Factors { first: first as u64, count, eligible: Eligible { from, to: index(1 << 64) } }
    }
}

/// A range of indices, the end not included. Public.
#[derive(Clone, Debug)]
struct Eligible {
    from: u32,
    to: u32,
}

impl Eligible {
    /// Bit n: the `run` factors that end at `index + n` lie all within the range.
    fn lanes(&self, index: u32, run: u32) -> u32 {
        let from = self.from.saturating_add(run.saturating_sub(1));
        lowest(self.to.saturating_sub(index)) & !lowest(from.saturating_sub(index))
    }
}

fn lowest(count: u32) -> u32 {
    15 >> 4_u32.saturating_sub(count)
}

/// A counter whose code was found.
/// ```
/// use countersign::{vectors, Algorithm, Digits, Hotp, LookAhead, Secret};
/// # let secret = Secret::from_bytes(vectors::seed(Algorithm::Sha1))?;
/// # let hotp = Hotp::new(&secret, Algorithm::Sha1, Digits::Six);
/// // The host stores the next counter before it lets the person in.
/// let found = hotp.find(&hotp.generate(3), 0, LookAhead::of::<5>()).expect("within the window");
/// assert_eq!((found.counter(), found.next()), (3, Some(4)));
/// assert_eq!(hotp.find(&hotp.generate(3), 4, LookAhead::of::<5>()), None);
/// # Ok::<(), countersign::otp::SecretError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CounterMatch {
    counter: u64,
}

impl CounterMatch {
    /// The counter that matched, the last one if there were several codes.
    pub const fn counter(self) -> u64 {
        self.counter
    }

    /// The counter to expect next (RFC 4226 section 7.2); `None` after 2^64-1, when the device is
    /// used up.
    pub const fn next(self) -> Option<u64> {
        self.counter.checked_add(1)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/hotp.rs"]
mod tests;
