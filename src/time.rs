//! The time, as the caller knows it: whole seconds since 1970-01-01T00:00:00Z.
//!
//! Standard: RFC 6238 section 3 (R1: prover and verifier know the Unix time); ASVS 6.5.8 (the
//! server's own trusted clock, never a time that came with a request).
//!
//! Nothing in this crate reads a clock: every operation takes `now`, so a decision can be made
//! again after a lost race and every test can choose its moment.

use core::fmt;

/// A moment in UTC: seconds since the Unix epoch. The type keeps a millisecond clock or a duration
/// from being passed by mistake only if the caller converts honestly; the account layer therefore
/// refuses moments that are not [plausible](UnixTime::is_plausible).
/// ```
/// use countersign::UnixTime;
/// // From a clock in milliseconds; a moment in the wrong unit is noticed.
/// let millis = 1_800_000_000_000;
/// assert!(UnixTime::from_secs(millis / 1000).is_plausible());
/// assert!(!UnixTime::from_secs(millis).is_plausible());
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize), serde(transparent))]
pub struct UnixTime(u64);

impl UnixTime {
    /// 2020-01-01T00:00:00Z. A server that believes it is earlier has lost its clock.
    pub const EARLIEST_PLAUSIBLE: UnixTime = UnixTime(1_577_836_800);

    /// 2200-01-01T00:00:00Z. A later moment is a clock in milliseconds, or broken.
    pub const LATEST_PLAUSIBLE: UnixTime = UnixTime(7_258_118_400);

    /// The moment `secs` seconds after the Unix epoch. Every value is representable.
    #[must_use]
    pub const fn from_secs(secs: u64) -> UnixTime {
        UnixTime(secs)
    }

    /// Seconds since the Unix epoch.
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// Whether the moment lies from 2020-01-01 up to and including 2200-01-01. The account layer
    /// refuses to decide anything at another moment: a clock in the wrong unit must not open a
    /// window or a lock.
    pub const fn is_plausible(self) -> bool {
        self.0 >= Self::EARLIEST_PLAUSIBLE.0 && self.0 <= Self::LATEST_PLAUSIBLE.0
    }

    /// This moment and `secs` seconds more; the end of representable time stays the end.
    #[must_use]
    pub const fn plus(self, secs: u64) -> UnixTime {
        UnixTime(self.0.saturating_add(secs))
    }

    /// Seconds from `earlier` to this moment; 0 if `earlier` is in fact later (a clock that was
    /// set back never makes something older than it is).
    #[must_use]
    pub const fn since(self, earlier: UnixTime) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whether what began at this moment and lasts `secs` seconds lasts at `now`. It does not last
    /// before it began, so an error of the clock ends with the error; a minute of leeway is for hosts
    /// whose clocks differ.
    #[cfg(feature = "alloc")]
    pub(crate) const fn lasts(self, secs: u64, now: UnixTime) -> bool {
        self.has_begun(now) && now.0 <= self.0.saturating_add(secs)
    }

    /// Whether this moment is over, or at most a minute ahead.
    #[cfg(feature = "alloc")]
    pub(crate) const fn has_begun(self, now: UnixTime) -> bool {
        self.0 <= now.0.saturating_add(60)
    }
}

impl fmt::Display for UnixTime {
    /// Prints the seconds. For a date, hand [`UnixTime::as_secs`] to the host's calendar library.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
