//! TOTP: codes by time step, windows and drift.
//!
//! Standard: RFC 6238 sections 4 (X, T0), 5.2 (a code is accepted once; one step for network
//! delay), 6 (drift, backward and forward); NIST SP 800-63B-4 section 3.1.4.2 (a defined lifetime)
//! and 3.1.4.1 (a step of at most two minutes).
//!
//! A window is evaluated whole. Steps at or below the last accepted one are left out *before*
//! comparing, and of the rest the highest match wins: equal codes at neighbouring steps exist, and
//! a verifier that takes the first lets the same digits in twice.

use core::fmt;
use core::hint::select_unpredictable;
use core::num::NonZeroU32;

use crate::bounded::Bounded;
use crate::ct::Scan;
use crate::otp::algorithm::Algorithm;
use crate::otp::code::{Code, Digits};
use crate::otp::hotp::{Factors, Hotp, Reach};
use crate::otp::key::Key;
use crate::otp::secret::Secret;
use crate::time::UnixTime;

/// The time step X in seconds: 1 to 120 (NIST SP 800-63B-4 section 3.1.4.1). 30 is what every
/// authenticator app computes.
/// ```
/// use countersign::otp::Period;
/// // From a column of another system: a token with a step of a minute.
/// assert_eq!(Period::new(60), Some(Period::of::<60>()));
/// assert_eq!(Period::new(0), None);
/// ```
pub type Period = Bounded<1, 120>;

/// Everything about a time-based authenticator but its secret. The default is what every app
/// computes: SHA-1, six digits, thirty seconds from the Unix epoch.
/// ```
/// use countersign::{otp::{Parameters, Period}, Digits, UnixTime};
/// // A token with eight digits and a step of a minute.
/// let (digits, period) = (Digits::Eight, Period::of::<60>());
/// let token = Parameters { digits, period, ..Parameters::default() };
/// assert_eq!(token.step_at(UnixTime::from_secs(120)), Some(2));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Parameters {
    /// The hash under HMAC.
    pub algorithm: Algorithm,
    /// How many digits a code has.
    pub digits: Digits,
    /// The time step X.
    pub period: Period,
    /// T0, from which steps are counted.
    pub t0: UnixTime,
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters {
            algorithm: Algorithm::Sha1,
            digits: Digits::Six,
            period: Period::of::<30>(),
            t0: UnixTime::default(),
        }
    }
}

impl Parameters {
    /// The time step at `now`, for which no key is needed: `floor((now - T0) / X)`; `None` before
    /// T0.
    #[must_use]
    pub const fn step_at(&self, now: UnixTime) -> Option<u64> {
        match now.as_secs().checked_sub(self.t0.as_secs()) {
            Some(since) => since.checked_div(self.period.as_u64()),
            None => None,
        }
    }
}

/// Which steps around the present one are tried: 0 to 10 back and 0 to 10 forward.
/// ```
/// use countersign::{otp::Period, Window};
/// // What a security paper asks: for how long a code can be used.
/// assert_eq!(Window::ONE_EACH_WAY.lifetime(Period::of::<30>()), 90);
/// assert_eq!(Window::new(2, 0).map(Window::steps), Some(3));
/// assert_eq!(Window::new(11, 0), None);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Window {
    /// Steps tried before the present one.
    pub backward: Bounded<0, 10>,
    /// Steps tried after the present one.
    pub forward: Bounded<0, 10>,
}

impl Window {
    /// The present step alone.
    pub const ZERO: Window = Window { backward: Bounded::of::<0>(), forward: Bounded::of::<0>() };

    /// One step each way, the recommended window.
    pub const ONE_EACH_WAY: Window =
        Window { backward: Bounded::of::<1>(), forward: Bounded::of::<1>() };

    /// A window of at most ten steps each way, in numbers known when the program runs.
    #[must_use]
    pub const fn new(backward: u64, forward: u64) -> Option<Window> {
        match (Bounded::new(backward), Bounded::new(forward)) {
            (Some(backward), Some(forward)) => Some(Window { backward, forward }),
            _ => None,
        }
    }

    /// How many steps are tried: 1 to 21.
    pub const fn steps(self) -> u32 {
        self.backward.as_u32().saturating_add(self.forward.as_u32()).saturating_add(1)
    }

    /// For how many seconds a code is usable at most: the defined lifetime of NIST SP 800-63B-4
    /// section 3.1.4.2.
    #[must_use]
    pub const fn lifetime(self, period: Period) -> u64 {
        period.as_u64().saturating_mul(self.steps() as u64)
    }

    /// The odds that `attempts` guesses meet one of the codes in the window (RFC 4226 section 6).
    #[must_use]
    pub fn guess_probability(self, digits: Digits, attempts: u32) -> f64 {
        digits.guess_probability(self.steps(), attempts)
    }
}

/// A time-based authenticator: a keyed HMAC and its parameters.
///
/// ```
/// use countersign::{Code, Digits, Secret, Totp, UnixTime, Window, otp::Parameters};
///
/// let secret = Secret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")?;
/// let totp = Totp::new(&secret, Parameters::default());
/// let now = UnixTime::from_secs(1_111_111_109);
/// let typed = Code::parse("081804", Digits::Six)?;
///
/// let found = totp.find(&typed, now, Window::ONE_EACH_WAY, None).expect("the code of this step");
/// assert_eq!((found.step(), found.drift()), (37_037_036, 0));
/// // Once its step is stored, the same code is nothing.
/// assert_eq!(totp.find(&typed, now, Window::ONE_EACH_WAY, Some(found.step())), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Totp {
    hotp: Hotp,
    parameters: Parameters,
}

impl Totp {
    /// Keys the HMAC once.
    #[must_use]
    #[inline(never)] // the key is made in its place; see `Schedule::new`
    pub fn new(secret: &Secret, parameters: Parameters) -> Totp {
        let Parameters { algorithm, digits, .. } = parameters;
        Totp { hotp: Hotp::from_key(Key::new(algorithm, secret), digits), parameters }
    }

    /// How many digits its codes have.
    pub const fn digits(&self) -> Digits {
        self.hotp.digits()
    }

    /// The time step X.
    pub const fn period(&self) -> Period {
        self.parameters.period
    }

    /// As [`Parameters::step_at`].
    #[must_use]
    pub const fn step_at(&self, now: UnixTime) -> Option<u64> {
        self.parameters.step_at(now)
    }

    /// For how many more seconds the code of this step is shown: 1 to X; `None` before T0.
    #[must_use]
    pub const fn seconds_left(&self, now: UnixTime) -> Option<u64> {
        let Parameters { period, t0, .. } = self.parameters;
        match now.as_secs().checked_sub(t0.as_secs()) {
            Some(since) => match since.checked_rem(period.as_u64()) {
                Some(gone) => Some(period.as_u64().saturating_sub(gone)),
                None => None,
            },
            None => None,
        }
    }

    #[cfg(feature = "alloc")]
    pub(crate) const fn hotp(&self) -> &Hotp {
        &self.hotp
    }

    /// The code at `now`; `None` before T0.
    #[must_use]
    pub fn generate(&self, now: UnixTime) -> Option<Code> {
        self.step_at(now).map(|step| self.hotp.generate(step))
    }

    /// Looks for `code` in the window around `now`, leaving out every step at or below `after`, the
    /// step of the last accepted code. Before T0 nothing matches.
    #[must_use = "a match is worth nothing until its step is stored"]
    pub fn find(
        &self,
        code: &Code,
        now: UnixTime,
        window: Window,
        after: Option<u64>,
    ) -> Option<StepMatch> {
        self.find_with_drift(code, now, window, 0, after)
    }

    /// As [`Totp::find`] around a clock that is known to run `drift` steps from ours (RFC 6238
    /// section 6). The drift of the match is counted from *our* clock.
    #[must_use = "a match is worth nothing until its step is stored"]
    pub fn find_with_drift(
        &self,
        code: &Code,
        now: UnixTime,
        window: Window,
        drift: i16,
        after: Option<u64>,
    ) -> Option<StepMatch> {
        self.step_match(self.scan(code, now, window, drift, after), now)
    }

    pub(crate) fn scan(
        &self,
        code: &Code,
        now: UnixTime,
        window: Window,
        drift: i16,
        after: Option<u64>,
    ) -> Scan {
        let back = i64::from(drift).saturating_sub(i64::from(window.backward.as_u32()));
        let factors = self.factors(now, back, window.steps(), after);
        factors.map_or(Scan::NOTHING, |factors| self.hotp.scan(&[code], factors))
    }

    /// Looks for two or three consecutive codes up to `reach` steps before and after `now`: a clock
    /// that has drifted out of every window (RFC 6238 section 6). The match is the step of the last
    /// code. Every step under the codes must be above `after`.
    #[must_use = "a match is worth nothing until its step is stored"]
    pub fn resynchronise(
        &self,
        codes: &[Code],
        now: UnixTime,
        reach: Reach,
        after: Option<u64>,
    ) -> Option<StepMatch> {
        let reach = (reach.as_u32(), reach.as_u32());
        let scan = match codes {
            [first, second] => self.scan_far(&[first, second], now, reach, after),
            [first, second, third] => self.scan_far(&[first, second, third], now, reach, after),
            _ => return None,
        };
        self.step_match(scan, now)
    }

    pub(crate) fn scan_far<const N: usize>(
        &self,
        codes: &[&Code; N],
        now: UnixTime,
        (before, ahead): (u32, u32),
        after: Option<u64>,
    ) -> Scan {
        let back = i64::from(before).saturating_neg();
        let count = before.saturating_add(ahead).saturating_add(1);
        let factors = self.factors(now, back, count, after);
        factors.map_or(Scan::NOTHING, |factors| self.hotp.scan_wiped(codes, factors))
    }

    /// `count` steps, the first one `back` steps (negative) from that at `now`; `None` before T0.
    fn factors(&self, now: UnixTime, back: i64, count: u32, after: Option<u64>) -> Option<Factors> {
        let first = i128::from(self.step_at(now)?).saturating_add(back.into());
        let lowest = after.map_or(Some(0), |last| last.checked_add(1)); // what is below is used up
        Some(Factors::new(first, count, lowest))
    }

    /// The answer to a caller, without a branch, so that a hit and a miss take the same
    /// instructions and differ in nothing but what they say.
    fn step_match(&self, scan: Scan, now: UnixTime) -> Option<StepMatch> {
        let present = self.step_at(now)?;
        let drift = scan.at.wrapping_sub(present) as u32; // a window away, at most
        let drift = select_unpredictable(scan.hit, drift.wrapping_add(DriftOfMatch::ZERO), 0);
        NonZeroU32::new(drift).map(|drift| StepMatch { step: scan.at, drift: DriftOfMatch(drift) })
    }
}

/// A time step whose code was found.
/// ```
/// use countersign::{otp::Parameters, vectors, Algorithm, Secret, Totp, UnixTime, Window};
/// # let secret = Secret::from_bytes(vectors::seed(Algorithm::Sha1))?;
/// # let totp = Totp::new(&secret, Parameters::default());
/// let (now, shown) = (UnixTime::from_secs(1000), UnixTime::from_secs(970));
/// let typed = totp.generate(shown).expect("after T0");
/// // The host stores the step before it lets the person in.
/// let found = totp.find(&typed, now, Window::ONE_EACH_WAY, None).expect("within the window");
/// assert_eq!((found.step(), found.drift()), (32, -1));
/// # Ok::<(), countersign::otp::SecretError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StepMatch {
    step: u64,
    drift: DriftOfMatch,
}

/// How the drift of a match is kept: with 2^31 on top, so that zero is left to say that there is no
/// match, and the answer is one choice between two numbers.
#[derive(Clone, Copy, Eq, PartialEq)]
struct DriftOfMatch(NonZeroU32);

impl DriftOfMatch {
    const ZERO: u32 = 1 << 31;

    const fn steps(self) -> i32 {
        self.0.get().wrapping_sub(Self::ZERO).cast_signed()
    }
}

impl fmt::Debug for DriftOfMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps().fmt(f)
    }
}

impl StepMatch {
    /// The step that matched, the last one if there were several codes. Store it: no step at or
    /// below it may be accepted again (RFC 6238 section 5.2).
    pub const fn step(self) -> u64 {
        self.step
    }

    /// How many steps the device's clock was ahead of ours (negative: behind).
    pub const fn drift(self) -> i32 {
        self.drift.steps()
    }
}
