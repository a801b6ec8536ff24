//! How often an attempt may fail: the numbers, and the state they act on.
//!
//! Standard: NIST SP 800-63B-4 section 3.2.2 (at most 100 consecutive failures, then disabled;
//! waits growing from 30 seconds to an hour), RFC 4226 section 7.3 (throttling holds across
//! sessions), ASVS 6.1.1 (no lockout by malice).
//!
//! The attacker has the password and any number of parallel sessions; the owner has the password too,
//! and a browser that the library remembers. So failures count in two lanes: unknown browsers, where an
//! attacker is limited, and remembered ones, which a stranger does not have. Each lane has a streak of
//! consecutive failures, with growing waits and a limit, which a success ends; and a thirty-day total,
//! which a success leaves alone, because "ten tries for every sign-in of the owner" adds up. Both live in
//! the account's record, so no new session, device, address or restart resets them.

use alloc::vec::Vec;

use crate::bounded::Bounded;
use crate::time::UnixTime;

/// Which failures count together. Each class has a separate budget, so a guesser who closes the
/// codes of apps does not close texts. Recovery codes and passkeys have none: a failure counts on the one
/// recovery code that it names, and a signature cannot be guessed.
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
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Class {
    /// Codes of apps and tokens: sign-in, step-up and resynchronisation alike.
    Codes,
    /// Codes sent by SMS.
    OutOfBand,
}

impl Class {
    /// Both classes.
    pub const ALL: [Class; 2] = [Class::Codes, Class::OutOfBand];
}

/// The numbers of one class.
/// ```
/// use countersign::{account::Throttle, Bounded};
/// // What the help desk tells a person who mistyped: nothing at first, then ever longer.
/// let waits = [4, 5, 6].map(|failures| Throttle::RECOMMENDED.wait_after(failures));
/// assert_eq!(waits, [0, 30, 60]);
/// let strict = Throttle { closed_at: Bounded::of::<20>(), ..Throttle::RECOMMENDED };
/// assert_eq!(strict.closed_at.as_u64(), 20);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Throttle {
    /// Consecutive failures without a wait.
    pub free: Bounded<0, 10>,
    /// Seconds of the first wait; each further failure doubles it.
    pub first_wait: Bounded<1, 3600>,
    /// Seconds of the longest wait.
    pub longest_wait: Bounded<1, 3600>,
    /// Consecutive failures that close the class to unknown browsers. At most 80, which with the 20 of
    /// remembered browsers make the 100 of NIST SP 800-63B-4 section 3.2.2.
    pub closed_at: Bounded<1, 80>,
    /// The most that failures from unknown browsers weigh together in any thirty days. One failure weighs
    /// 1 for every three codes that would have been accepted, rounded up.
    pub per_thirty_days: Bounded<1, 50>,
    /// Both limits for all remembered browsers together. Beyond either they count as unknown.
    pub remembered: Bounded<0, 20>,
}

impl Throttle {
    /// Four free, then 30 s doubling to an hour. Unknown browsers: 50 in any thirty days, closed
    /// after 80 in a row. Remembered browsers: 20 in any thirty days and in a row.
    pub const RECOMMENDED: Throttle = Throttle {
        free: Bounded::of::<4>(),
        first_wait: Bounded::of::<30>(),
        longest_wait: Bounded::of::<3600>(),
        closed_at: Bounded::of::<80>(),
        per_thirty_days: Bounded::of::<50>(),
        remembered: Bounded::of::<20>(),
    };

    /// Returns the seconds to wait after the `failures`-th consecutive failure: 0 while they are free,
    /// then doubling, never over the longest wait.
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

    /// The limits of one lane: of its streak, and of its thirty-day total.
    fn limits(&self, lane: Lane) -> (u64, u64) {
        match lane {
            Lane::Unknown => (self.closed_at.as_u64(), self.per_thirty_days.as_u64()),
            Lane::Remembered => (self.remembered.as_u64(), self.remembered.as_u64()),
        }
    }
}

pub(crate) const THIRTY_DAYS: u64 = 30 * 24 * 60 * 60;

/// How often in thirty days a person can clear the thirty-day total. An operator always can.
const MOST_EMPTIED: usize = 2;

/// Failures that a record holds in one lane: 50 at most of thirty days, because each weighs at least 1,
/// and a few older ones.
const ROOM: usize = 60;

/// Keeps a list of what lasts `secs` seconds to `room` items. Drops the oldest, and only to make room: what
/// has expired is skipped by the readers, because one write under a wrong clock must not destroy what the
/// right one still counts. Dates back to now what is dated more than `secs` ahead, or it would hold for
/// longer than it was meant to.
pub(crate) fn make_room<T>(
    list: &mut Vec<T>,
    room: usize,
    secs: u64,
    now: UnixTime,
    began: impl Fn(&mut T) -> &mut UnixTime,
) {
    for item in list.iter_mut() {
        let at = began(item);
        if *at > now.plus(secs) {
            *at = now;
        }
    }
    while list.len() > room {
        let dates = list.iter_mut().map(|item| *began(item)).enumerate();
        let oldest = dates.min_by_key(|(_, at)| *at).map_or(0, |(index, _)| index);
        list.remove(oldest);
    }
}

/// Where an attempt comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lane {
    Unknown,
    Remembered,
}

/// Whether an attempt may be evaluated now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Gate {
    Open,
    /// Not before this moment.
    Wait(UnixTime),
    /// The streak has reached its limit.
    Closed,
}

/// The weight of a failure where `acceptable` codes would have been accepted: 1 for every three, because
/// a device with the recommended window accepts three.
pub(crate) fn weight(acceptable: u32) -> u8 {
    u8::try_from(acceptable.div_ceil(3)).unwrap_or(u8::MAX).max(1)
}

/// The failures of one person in one class.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Budget {
    pub(crate) unknown: Failures,
    pub(crate) remembered: Failures,
    /// When the person cleared the thirty-day total.
    pub(crate) emptied: Vec<UnixTime>,
}

/// The failures in one lane.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Failures {
    /// The streak: failures since the last success.
    pub(crate) row: u16,
    /// When the last of them happened.
    pub(crate) failed_at: UnixTime,
    /// Those of the last thirty days, the oldest first.
    pub(crate) recent: Vec<Failure>,
}

/// One failure of the last thirty days.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Failure {
    pub(crate) at: UnixTime,
    pub(crate) weight: u8,
}

impl Failures {
    /// The total weight of the failures that are less than thirty days old, or dated ahead by a clock
    /// that was wrong.
    pub(crate) fn weigh(&self, now: UnixTime) -> u64 {
        let recent = self.recent.iter().filter(|failure| failure.at.plus(THIRTY_DAYS) > now);
        recent.map(|failure| u64::from(failure.weight)).sum()
    }

    /// Until when the failures of thirty days leave no room for one more of `weight`.
    fn full_until(&self, limit: u64, weight: u8, now: UnixTime) -> Option<UnixTime> {
        let mut sum = self.weigh(now).saturating_add(weight.into());
        let recent = self.recent.iter().filter(|failure| failure.at.plus(THIRTY_DAYS) > now);
        // A weight over the limit never has room; no policy that was accepted has one.
        let mut until = (sum > limit).then(|| now.plus(THIRTY_DAYS));
        for failure in recent {
            if sum <= limit {
                break;
            }
            sum = sum.saturating_sub(failure.weight.into());
            // The write of this answer dates back to now what is dated further ahead.
            let is_ahead = failure.at > now.plus(THIRTY_DAYS);
            until = Some(if is_ahead { now } else { failure.at }.plus(THIRTY_DAYS));
        }
        until
    }

    /// Until when the wait after the last failure holds. A wait that begins in the future does not: a
    /// clock that was ahead for one failure must not keep the owner out until that date.
    fn waits_until(&self, throttle: &Throttle, now: UnixTime) -> Option<UnixTime> {
        let wait = throttle.wait_after(self.row);
        let until = self.failed_at.min(now).plus(wait);
        (self.failed_at.has_begun(now) && until > now).then_some(until)
    }

    fn gate(&self, throttle: &Throttle, lane: Lane, weight: u8, now: UnixTime) -> Gate {
        let (end, limit) = throttle.limits(lane);
        if u64::from(self.row) >= end {
            return Gate::Closed;
        }
        match self.waits_until(throttle, now).max(self.full_until(limit, weight, now)) {
            Some(until) => Gate::Wait(until),
            None => Gate::Open,
        }
    }

    fn charge(&mut self, weight: u8, now: UnixTime) {
        self.row = self.row.saturating_add(1);
        self.failed_at = now;
        self.recent.push(Failure { at: now, weight });
        self.make_room(now);
    }

    fn end_row(&mut self) {
        (self.row, self.failed_at) = (0, UnixTime::default());
    }

    fn make_room(&mut self, now: UnixTime) {
        make_room(&mut self.recent, ROOM, THIRTY_DAYS, now, |failure| &mut failure.at);
        // What was dated back is no longer at the end.
        self.recent.sort_unstable_by_key(|failure| failure.at);
    }
}

impl Budget {
    pub(crate) const fn lane(&self, lane: Lane) -> &Failures {
        match lane {
            Lane::Unknown => &self.unknown,
            Lane::Remembered => &self.remembered,
        }
    }

    /// The lane of an attempt, and whether it may be evaluated now if its failure would weigh `weight`.
    /// A remembered browser that has no budget left counts as an unknown one.
    pub(crate) fn gate(
        &self,
        throttle: &Throttle,
        remembered: bool,
        weight: u8,
        now: UnixTime,
    ) -> (Lane, Gate) {
        if remembered {
            let (end, limit) = throttle.limits(Lane::Remembered);
            let lane = &self.remembered;
            let has_left =
                u64::from(lane.row) < end && lane.weigh(now).saturating_add(weight.into()) <= limit;
            if has_left {
                return (Lane::Remembered, lane.gate(throttle, Lane::Remembered, weight, now));
            }
        }
        (Lane::Unknown, self.unknown.gate(throttle, Lane::Unknown, weight, now))
    }

    /// Counts one failure. Returns whether the streak has reached its limit.
    pub(crate) fn charge(
        &mut self,
        throttle: &Throttle,
        lane: Lane,
        weight: u8,
        now: UnixTime,
    ) -> bool {
        let failures = match lane {
            Lane::Unknown => &mut self.unknown,
            Lane::Remembered => &mut self.remembered,
        };
        failures.charge(weight, now);
        u64::from(failures.row) >= throttle.limits(lane).0
    }

    /// Ends the streaks of both lanes, after a success. The thirty-day total stays.
    pub(crate) fn succeed(&mut self) {
        self.unknown.end_row();
        self.remembered.end_row();
    }

    /// Ends the streaks and clears the thirty-day total: for the person twice in thirty days, for an
    /// operator always. Returns whether there was anything to forgive.
    pub(crate) fn forgive(&mut self, by_operator: bool, now: UnixTime) -> bool {
        let has_rows = self.unknown.row > 0 || self.remembered.row > 0;
        self.succeed();
        let is_empty = self.unknown.weigh(now) == 0 && self.remembered.weigh(now) == 0;
        let emptied = self.emptied.iter().filter(|at| at.plus(THIRTY_DAYS) > now).count();
        if is_empty || (!by_operator && emptied >= MOST_EMPTIED) {
            return has_rows;
        }
        self.unknown.recent.clear();
        self.remembered.recent.clear();
        if !by_operator {
            self.emptied.push(now);
        }
        true
    }

    /// Keeps every list within its room.
    pub(crate) fn make_room(&mut self, now: UnixTime) {
        self.unknown.make_room(now);
        self.remembered.make_room(now);
        make_room(&mut self.emptied, ROOM, THIRTY_DAYS, now, |at| at);
    }

    /// Whether a failure is dated more than thirty days ahead.
    pub(crate) fn is_ahead(&self, now: UnixTime) -> bool {
        let mut all = self.unknown.recent.iter().chain(&self.remembered.recent);
        all.any(|failure| failure.at > now.plus(THIRTY_DAYS))
    }

    /// Whether the class is closed to unknown browsers.
    pub(crate) fn is_closed(&self, throttle: &Throttle) -> bool {
        u64::from(self.unknown.row) >= throttle.limits(Lane::Unknown).0
    }

    /// Whether the class is closed to every browser: the 100 of NIST SP 800-63B-4 section 3.2.2.
    pub(crate) fn is_disabled(&self, throttle: &Throttle) -> bool {
        let end = throttle.limits(Lane::Remembered).0;
        self.is_closed(throttle) && u64::from(self.remembered.row) >= end
    }

    /// Whether nothing has failed, as far as it is remembered.
    pub(crate) fn is_clean(&self, now: UnixTime) -> bool {
        let clean = |lane: &Failures| lane.row == 0 && lane.weigh(now) == 0;
        clean(&self.unknown) && clean(&self.remembered)
    }

    /// How many more attempts may fail before codes wait or close. The failure of the last of them makes
    /// them.
    pub(crate) fn tries_left(
        &self,
        throttle: &Throttle,
        lane: Lane,
        weight: u8,
        now: UnixTime,
    ) -> u8 {
        let failures = self.lane(lane);
        let (end, limit) = throttle.limits(lane);
        let row = u64::from(failures.row);
        let by_wait = throttle.free.as_u64().saturating_add(1).saturating_sub(row);
        let room = limit.saturating_sub(failures.weigh(now));
        let by_window = room.checked_div(weight.into()).unwrap_or(0);
        u8::try_from(by_wait.min(end.saturating_sub(row)).min(by_window)).unwrap_or(u8::MAX)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/throttle.rs"]
mod tests;
