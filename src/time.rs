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
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
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
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// Whether the moment lies from 2020-01-01 up to and including 2200-01-01. The account layer
    /// refuses to decide anything at another moment: a clock in the wrong unit must not open a
    /// window or a lock.
    #[must_use]
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
}

impl fmt::Display for UnixTime {
    /// As RFC 3339 writes it, in UTC: `2027-01-15T08:00:00Z`. A year after 9999, which RFC 3339 does
    /// not know, has more digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, secs) = (self.0 / 86_400, self.0 % 86_400);
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (secs / 3600, secs / 60 % 60, secs % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// Year, month and day of the Gregorian calendar, `days` days after 1970-01-01.
///
/// Counts from 1 March of the year 0, so that the leap day ends a year, and a month's first day is a
/// straight line through the months: 153 days for every five of them.
#[allow(clippy::arithmetic_side_effects)] // of u64::MAX seconds the days have 48 bits
const fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_OF_400_YEARS: u64 = 146_097;
    let days = days + 719_468; // from 0000-03-01 to 1970-01-01
    let (era, day_of_era) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    // A leap day every 4 years, none every 100, one every 400: the last day of each span is it.
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, later) =
        if month_from_march < 10 { (month_from_march + 3, 0) } else { (month_from_march - 9, 1) };
    (era * 400 + year_of_era + later, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    /// The calendar, day by day and by the rule for leap years, for two times 400 years.
    #[test]
    fn a_day_is_the_one_after_the_day_before() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..2 * 146_097 {
            assert_eq!(civil(days), (year, month, day), "{days} days");
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = match month {
                4 | 6 | 9 | 11 => 30,
                2 if is_leap => 29,
                2 => 28,
                _ => 31,
            };
            (year, month, day) = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                (_, day) if day == last => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
        }
    }

    #[test]
    fn a_time_is_shown_as_rfc_3339_writes_it() {
        for (secs, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (59, "1970-01-01T00:00:59Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_111_111_109, "2005-03-18T01:58:29Z"), // RFC 6238 appendix B, and the two below
            (1_234_567_890, "2009-02-13T23:31:30Z"),
            (20_000_000_000, "2603-10-11T11:33:20Z"),
            (1_800_000_000, "2027-01-15T08:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"), // no leap year
            (UnixTime::EARLIEST_PLAUSIBLE.as_secs(), "2020-01-01T00:00:00Z"),
            (UnixTime::LATEST_PLAUSIBLE.as_secs(), "2200-01-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, "10000-01-01T00:00:00Z"),
            (u64::MAX, "584554051223-11-09T07:00:15Z"),
        ] {
            assert_eq!(UnixTime::from_secs(secs).to_string(), text);
        }
    }
}
