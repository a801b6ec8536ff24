//! How often an attempt may fail: the numbers, and the state they act on.
//!
//! Standard: NIST SP 800-63B-4 section 3.2.2 (at most 100 consecutive failures, then disabled;
//! waits growing from 30 seconds to an hour), RFC 4226 section 7.3 (throttling holds across
//! sessions), ASVS 6.1.1 (no lockout by malice).
//!
//! The attacker has the password and all the parallel sessions in the world. Two limiters bound
//! them: consecutive failures, which a success forgives, with growing waits and an end; and failures
//! per thirty days, which nothing forgives, because "ten tries for every sign-in of the owner" adds
//! up. Both live in the account's record, so no session, device, address or restart refills them.

use crate::bounded::Bounded;
use crate::time::UnixTime;

/// Which failures count together. Each class has its own budget, so that a guesser who locks the
/// codes does not lock the recovery codes, and a success in one class forgives nothing in another.
/// ```
/// use countersign::{account::{Class, Throttle}, Bounded, Policy};
/// // A policy that waits sooner where each code costs a text.
/// struct Thrifty;
/// impl Policy for Thrifty {
///     fn throttle(&self, class: Class) -> Throttle {
///         let free = if class == Class::OutOfBand { Bounded::of::<2>() } else { Bounded::of::<4>() };
///         Throttle { free, ..Throttle::RECOMMENDED }
///     }
/// }
/// assert_eq!(Thrifty.throttle(Class::OutOfBand).wait_after(3), 30);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename_all = "kebab-case")
)]
pub enum Class {
    /// Codes of apps and tokens: sign-in, step-up, confirmation and resynchronisation alike.
    Codes,
    /// Recovery codes.
    Recovery,
    /// Codes sent by SMS.
    OutOfBand,
    /// Passkeys and PKI, as reported by the host.
    External,
}

/// The numbers of one class.
/// ```
/// use countersign::{account::Throttle, Bounded};
/// // What the help desk tells a person who mistyped: nothing at first, then ever longer.
/// let waits = [4, 5, 6].map(|failures| Throttle::RECOMMENDED.wait_after(failures));
/// assert_eq!(waits, [0, 30, 60]);
/// let strict = Throttle { disable_at: Bounded::of::<20>(), ..Throttle::RECOMMENDED };
/// assert_eq!(strict.disable_at.as_u64(), 20);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Throttle {
    /// Consecutive failures without a wait.
    pub free: Bounded<0, 10>,
    /// Seconds of the first wait; each further failure doubles it.
    pub first_wait: Bounded<1, 3600>,
    /// Seconds of the longest wait.
    pub longest_wait: Bounded<1, 3600>,
    /// Consecutive failures that disable the class: never over 100.
    pub disable_at: Bounded<1, 100>,
    /// Failures in thirty days, which no success in between forgives.
    pub per_thirty_days: Bounded<1, 100>,
}

impl Throttle {
    /// Four free, then 30 s doubling to an hour, disabled at 100; and 50 in thirty days.
    pub const RECOMMENDED: Throttle = Throttle {
        free: Bounded::of::<4>(),
        first_wait: Bounded::of::<30>(),
        longest_wait: Bounded::of::<3600>(),
        disable_at: Bounded::of::<100>(),
        per_thirty_days: Bounded::of::<50>(),
    };

    /// Seconds to wait after the `failures`-th consecutive failure: 0 while they are free, then
    /// doubling, never over the longest wait.
    #[must_use]
    pub fn wait_after(&self, failures: u16) -> u64 {
        let paid = u64::from(failures).saturating_sub(self.free.as_u64());
        match u32::try_from(paid) {
            Ok(0) => 0,
            Ok(paid) => {
                let doubled = 1_u64.checked_shl(paid.saturating_sub(1)).unwrap_or(u64::MAX);
                self.first_wait.as_u64().saturating_mul(doubled).min(self.longest_wait.as_u64())
            }
            Err(_) => self.longest_wait.as_u64(),
        }
    }

    /// Seconds in which one failure of the long window is forgotten.
    fn interval(&self) -> u64 {
        THIRTY_DAYS.checked_div(self.per_thirty_days.as_u64()).unwrap_or(THIRTY_DAYS)
    }
}

const THIRTY_DAYS: u64 = 30 * 24 * 60 * 60;

/// How far the clock may have been set back for a stored wait to be believed.
const CLOCK_ERROR: u64 = 24 * 60 * 60;

/// The failures of one person in one class.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Budget {
    /// Failures since the last success of the class, at most `disable_at`.
    pub(crate) consecutive: u16,
    /// Nothing is evaluated before this moment.
    pub(crate) not_before: UnixTime,
    /// The long window as a generic cell rate: the moment at which all its failures are forgotten.
    pub(crate) forgotten_at: UnixTime,
}

impl Budget {
    /// Until when to wait; `None` if an attempt may be evaluated now. Never further away than the
    /// limiters reach.
    ///
    /// A moment more than a day beyond that reach can only have been written by a clock that was
    /// wrong. It counts as over: one attempt is evaluated and a failure is written with today's
    /// clock; otherwise one bad clock would lock a person out for years. A smaller step back, which
    /// a time daemon may take at any moment, opens nothing.
    pub(crate) fn waits_until(&self, throttle: &Throttle, now: UnixTime) -> Option<UnixTime> {
        let reach = now.plus(throttle.longest_wait.as_u64());
        let by_wait = (self.not_before <= reach.plus(CLOCK_ERROR)).then_some(self.not_before);
        let full = now.plus(THIRTY_DAYS);
        let by_window = (self.forgotten_at <= full.plus(CLOCK_ERROR)).then(|| {
            let freed = self.forgotten_at.plus(throttle.interval());
            UnixTime::from_secs(freed.as_secs().saturating_sub(THIRTY_DAYS))
        });
        let until = by_wait.map(|at| at.min(reach)).max(by_window.map(|at| at.min(full)));
        until.filter(|until| *until > now)
    }

    /// Counts one failure. Returns whether the class is now to be disabled.
    pub(crate) fn charge(&mut self, throttle: &Throttle, now: UnixTime) -> bool {
        let limit = u16::try_from(throttle.disable_at.as_u64()).unwrap_or(100);
        self.consecutive = self.consecutive.saturating_add(1).min(limit);
        self.not_before = now.plus(throttle.wait_after(self.consecutive));
        let full = now.plus(THIRTY_DAYS);
        self.forgotten_at = self.forgotten_at.max(now).plus(throttle.interval()).min(full);
        self.consecutive >= limit
    }

    /// Forgives the consecutive failures, after a success of this class. The long window stays.
    pub(crate) fn forgive(&mut self) {
        self.consecutive = 0;
        self.not_before = UnixTime::default();
    }

    /// How many further attempts come before a wait; the last of them, if it fails, starts it.
    pub(crate) fn tries_left(&self, throttle: &Throttle, now: UnixTime) -> u8 {
        let before_wait = throttle.free.as_u64().saturating_add(1);
        let by_wait = before_wait.saturating_sub(u64::from(self.consecutive));
        let by_end = throttle.disable_at.as_u64().saturating_sub(u64::from(self.consecutive));
        let room = THIRTY_DAYS.saturating_sub(self.forgotten_at.since(now));
        let by_window = room.checked_div(throttle.interval()).unwrap_or(0);
        u8::try_from(by_wait.min(by_end).min(by_window)).unwrap_or(u8::MAX)
    }
}
