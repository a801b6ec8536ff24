//! Calendar days: what people write into plans, contracts and audit files.
//!
//! Standard: ISO 8601 (`YYYY-MM-DD`); 45 CFR 164.316(b)(2)(i) (documentation is kept six years from
//! its creation or from when it was last in effect, whichever is later).
//!
//! The arithmetic is the calendar library's. Month ends clamp: 31 August and six months more is the
//! last day of February. A deadline must never move by the machine that computes it, so a day
//! becomes a moment only by an offset that the practice states, without daylight saving: a fixed
//! offset is wrong by an hour for half a year, a time zone database is wrong when it is old.

use std::fmt;

use countersign::UnixTime;
use jiff::{Span, Timestamp, civil, tz};

/// The last day there is: every moment of it exists as a timestamp, whatever the offset.
const LAST: civil::Date = civil::date(9998, 12, 31);

/// A day of the Gregorian calendar, 1900-01-01 to 9998-12-31.
///
/// ```
/// use countersign_billing::date::Date;
///
/// let august = Date::parse("2026-08-31")?;
/// assert_eq!(august.plus_months(6).to_string(), "2027-02-28");
/// assert_eq!(august.plus_years(6).to_string(), "2032-08-31");
/// # Ok::<(), countersign_billing::date::DateError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(into = "String"))]
pub struct Date(civil::Date);

impl Date {
    /// The day, if the calendar has it and its year is 1900 to 9998.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Date> {
        if !(1900..=9998).contains(&year) {
            return None;
        }
        let (year, month, day) =
            (i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        civil::Date::new(year, month, day).ok().map(Date)
    }

    /// Reads exactly `YYYY-MM-DD`: ten ASCII characters and nothing around them.
    ///
    /// # Errors
    /// [`DateError`] for another form, and for a day that the calendar does not have.
    pub fn parse(text: &str) -> Result<Date, DateError> {
        let bytes: &[u8; 10] = text.as_bytes().try_into().map_err(|_| DateError)?;
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *bytes else { return Err(DateError) };
        let year = decimal(&[y1, y2, y3, y4]).ok_or(DateError)?;
        let month = decimal(&[m1, m2]).and_then(|month| u8::try_from(month).ok());
        let day = decimal(&[d1, d2]).and_then(|day| u8::try_from(day).ok());
        match (month, day) {
            (Some(month), Some(day)) => Date::new(year, month, day).ok_or(DateError),
            _ => Err(DateError),
        }
    }

    /// The day on which `moment` falls where `offset` applies.
    #[must_use]
    pub fn of(moment: UnixTime, offset: UtcOffset) -> Date {
        let last = UtcOffset::UTC.day_end(Date(LAST));
        let secs = i64::try_from(moment.min(last).as_secs()).unwrap_or_default();
        let moment = Timestamp::from_second(secs).unwrap_or(Timestamp::UNIX_EPOCH);
        Date(offset.0.to_datetime(moment).date().min(LAST))
    }

    /// The year, 1900 to 9998.
    #[must_use]
    pub fn year(self) -> u16 {
        self.0.year().unsigned_abs()
    }

    /// So many days later; the last day of the calendar stays the last.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Date {
        self.plus(Span::new().try_days(days))
    }

    /// The same day so many months later, or the last day of that month if it is shorter.
    #[must_use]
    pub fn plus_months(self, months: u32) -> Date {
        self.plus(Span::new().try_months(months))
    }

    /// The same day so many years later; 29 February becomes 28 February in a common year.
    #[must_use]
    pub fn plus_years(self, years: u32) -> Date {
        self.plus(Span::new().try_years(years))
    }

    fn plus(self, span: Result<Span, jiff::Error>) -> Date {
        let later = span.and_then(|span| self.0.checked_add(span));
        Date(later.unwrap_or(LAST).min(LAST))
    }

    /// Days from this one to `later`; 0 if `later` is not later.
    #[must_use]
    pub fn days_until(self, later: Date) -> u32 {
        self.0.until(later.0).map_or(0, |span| u32::try_from(span.get_days()).unwrap_or_default())
    }

    /// Until the end of which day a document must be kept (45 CFR 164.316(b)(2)(i)): six years from
    /// the later of its creation and the last day it was in effect.
    #[must_use]
    pub fn retain_until(created: Date, last_in_effect: Option<Date>) -> Date {
        last_in_effect.map_or(created, |last| last.max(created)).plus_years(6)
    }
}

/// The number that ASCII digits spell.
fn decimal(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0_u16, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| u16::from(digit & 0x0f))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl From<Date> for String {
    fn from(date: Date) -> String {
        date.to_string()
    }
}

/// How far local time is ahead of UTC: -12:00 to +14:00, in whole minutes, the whole year.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct UtcOffset(tz::Offset);

impl UtcOffset {
    /// Local time is UTC.
    pub const UTC: UtcOffset = UtcOffset(tz::Offset::UTC);

    /// So many minutes east of Greenwich, -720 to 840.
    #[must_use]
    pub fn from_minutes(minutes: i16) -> Option<UtcOffset> {
        if !(-720..=840).contains(&minutes) {
            return None;
        }
        let secs = i32::from(minutes).checked_mul(60)?;
        tz::Offset::from_seconds(secs).ok().map(UtcOffset)
    }

    /// Reads `+HH:MM`, `-HH:MM` or `Z`.
    ///
    /// # Errors
    /// [`DateError`] for another form and beyond -12:00 or +14:00.
    pub fn parse(text: &str) -> Result<UtcOffset, DateError> {
        if text == "Z" {
            return Ok(UtcOffset::UTC);
        }
        let bytes: &[u8; 6] = text.as_bytes().try_into().map_err(|_| DateError)?;
        let [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] = *bytes else { return Err(DateError) };
        let hours = decimal(&[h1, h2]).ok_or(DateError)?;
        let minutes = decimal(&[m1, m2]).filter(|minutes| *minutes < 60).ok_or(DateError)?;
        let total = hours.saturating_mul(60).saturating_add(minutes);
        let total = i16::try_from(total).map_err(|_| DateError)?;
        let total = if sign == b'-' { total.saturating_neg() } else { total };
        UtcOffset::from_minutes(total).ok_or(DateError)
    }

    /// The first second of `date`; the Unix epoch for days before 1970.
    #[must_use]
    pub fn day_start(self, date: Date) -> UnixTime {
        let start = self.0.to_timestamp(date.0.at(0, 0, 0, 0));
        let secs = start.map_or(0, Timestamp::as_second);
        UnixTime::from_secs(u64::try_from(secs).unwrap_or_default())
    }

    /// The last second of `date`.
    #[must_use]
    pub fn day_end(self, date: Date) -> UnixTime {
        self.day_start(date).plus(86_399)
    }

    /// `moment` as `YYYY-MM-DD HH:MM` and the offset, for people.
    #[must_use]
    pub fn show(self, moment: UnixTime) -> String {
        let date = Date::of(moment, self);
        let minutes = moment.since(self.day_start(date)) / 60;
        format!("{date} {:02}:{:02} {self}", minutes / 60 % 24, minutes % 60)
    }
}

impl Default for UtcOffset {
    fn default() -> UtcOffset {
        UtcOffset::UTC
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for UtcOffset {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0.seconds() / 60;
        let sign = if minutes < 0 { '-' } else { '+' };
        let minutes = minutes.unsigned_abs();
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// A text is no day, or no offset.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DateError;

impl fmt::Display for DateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a day of the calendar as YYYY-MM-DD, or not an offset as +HH:MM")
    }
}

impl std::error::Error for DateError {}
