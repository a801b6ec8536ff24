//! What gives a person time, and for how long.
//!
//! Standard: none asks for it. A grace always has an end, and only gets shorter.

use super::*;

/// How long a grace can be: 1 to 90 days.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GraceDays(u8);

impl GraceDays {
    /// The longest grace there is.
    pub const LONGEST: GraceDays = GraceDays(90);

    /// So many days, 1 to 90.
    #[must_use]
    pub const fn new(days: u8) -> Option<GraceDays> {
        if days >= 1 && days <= 90 { Some(GraceDays(days)) } else { None }
    }
}

/// A moment until which one person may enter one system without a second factor. It always has an
/// end, is computed once and stored by the host as that moment, and afterwards only gets shorter:
/// nothing that starts again (a sign-in, a session, a later go-live date) makes it longer.
///
/// ```
/// use countersign::UnixTime;
/// use countersign_billing::date::{Date, UtcOffset};
/// use countersign_billing::rollout::{GoLive, Grace, GraceDays};
///
/// let go_live = GoLive::new(Date::parse("2026-11-02")?, Date::parse("2026-09-15")?).unwrap();
/// let hired = Date::parse("2026-11-16")?;
/// let grace = Grace::fix(go_live, hired, GraceDays::new(7).unwrap(), UtcOffset::UTC);
/// assert_eq!(UtcOffset::UTC.show(grace.until()), "2026-11-23 00:00 +00:00");
/// assert_eq!(grace.shorten(grace.until().plus(86_400)), grace);
/// # Ok::<(), countersign_billing::date::DateError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Grace {
    until: UnixTime,
}

impl Grace {
    /// So many days from the go-live date or from the person's first day, whichever is later.
    /// Compute it once and store [`Grace::until`].
    #[must_use]
    pub fn fix(go_live: GoLive, first_day: Date, days: GraceDays, offset: UtcOffset) -> Grace {
        let start = go_live.on().max(first_day);
        Grace { until: offset.day_start(start.plus_days(u32::from(days.0))) }
    }

    /// The grace that was stored.
    #[must_use]
    pub const fn restore(until: UnixTime) -> Grace {
        Grace { until }
    }

    /// The first moment at which it is over.
    #[must_use]
    pub const fn until(self) -> UnixTime {
        self.until
    }

    /// Ends it at `until` if that is earlier; never makes it longer.
    #[must_use]
    pub fn shorten(self, until: UnixTime) -> Grace {
        Grace { until: self.until.min(until) }
    }

    /// Ends it where the account's first factor was confirmed, if it was. The gate does not depend
    /// on this being stored; it keeps a stored grace from coming back with an emptied account.
    #[must_use]
    pub fn end_with(self, summary: &Summary) -> Grace {
        summary.first_bound_at.map_or(self, |bound| self.shorten(bound))
    }
}

/// After how many days without use an enrolled factor shows as stale: 1 to 365, 30 by default (the
/// example of CISA CPG 2.0 3.D).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StaleDays(u16);

impl StaleDays {
    /// Thirty days.
    pub const THIRTY: StaleDays = StaleDays(30);

    /// So many days, 1 to 365.
    #[must_use]
    pub const fn new(days: u16) -> Option<StaleDays> {
        if days >= 1 && days <= 365 { Some(StaleDays(days)) } else { None }
    }

    /// Days.
    #[must_use]
    pub const fn days(self) -> u16 {
        self.0
    }
}
