//! From when a system asks for a second factor, since when people know, and every time it was moved.
//!
//! Standard: CISA CPG 2.0 3.F. A roll-out without an end stays incomplete: so a date has a ceiling, a
//! date that has passed does not move, and no move is forgotten.

use std::fmt;

use crate::date::Date;
use crate::inventory::{PersonId, SystemId, TextLine};
use crate::rollout::{Practice, PracticeError};

/// From when a system asks for a second factor, and since when people know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GoLive {
    on: Date,
    announced_on: Date,
}

impl GoLive {
    /// The longest from the announcement to the date, in calendar months.
    pub const LONGEST_MONTHS: u32 = 12;

    /// A date that was announced on or before it, at most [`GoLive::LONGEST_MONTHS`] ahead.
    ///
    /// ```
    /// use countersign_billing::date::Date;
    /// use countersign_billing::rollout::{GoLive, GoLiveError};
    ///
    /// let announced = Date::parse("2026-09-14")?;
    /// assert!(GoLive::new(Date::parse("2027-09-14")?, announced).is_ok());
    /// let for_ever = GoLive::new(Date::parse("9998-12-31")?, announced);
    /// assert_eq!(for_ever, Err(GoLiveError::TooFar));
    /// # Ok::<(), countersign_billing::date::DateError>(())
    /// ```
    ///
    /// # Errors
    /// [`GoLiveError::AnnouncedAfter`], [`GoLiveError::TooFar`].
    pub fn new(on: Date, announced_on: Date) -> Result<GoLive, GoLiveError> {
        if announced_on > on {
            return Err(GoLiveError::AnnouncedAfter);
        }
        if on > announced_on.plus_months(Self::LONGEST_MONTHS) {
            return Err(GoLiveError::TooFar);
        }
        Ok(GoLive { on, announced_on })
    }

    /// The first day on which the factor is required.
    #[must_use]
    pub const fn on(self) -> Date {
        self.on
    }

    /// When people were told, for the first time.
    #[must_use]
    pub const fn announced_on(self) -> Date {
        self.announced_on
    }
}

/// Why a date is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum GoLiveError {
    /// It was announced after the date itself.
    AnnouncedAfter,
    /// More than [`GoLive::LONGEST_MONTHS`] after its announcement.
    TooFar,
}

impl fmt::Display for GoLiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GoLiveError::AnnouncedAfter => "announced after the date itself",
            GoLiveError::TooFar => "more than twelve calendar months after it was announced",
        })
    }
}

impl std::error::Error for GoLiveError {}

/// That a go-live date was moved, before it came.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct GoLiveMove {
    /// The date until then.
    pub from: Date,
    /// The date from then on.
    pub to: Date,
    /// When it was moved and people were told.
    pub moved_on: Date,
    /// Who moved it.
    pub by: PersonId,
    /// Why.
    pub reason: TextLine,
}

impl Practice {
    /// Records every move of a go-live date, the oldest first, once. The last one leads to the date
    /// that counts, and all of them stay within the ceiling from the first announcement.
    ///
    /// # Errors
    /// [`PracticeError::Twice`]; [`PracticeError::GraceWithoutGoLive`] where no date is set;
    /// [`PracticeError::BrokenMove`] for moves that do not lead from one to the next, are not in the
    /// order of their days, or end at another date; [`PracticeError::MovedAfterwards`] for a move on or
    /// after the date that it moves: what is enforced stays enforced;
    /// [`PracticeError::UnknownPerson`], [`PracticeError::NotEmployedThen`], [`PracticeError::Ahead`].
    pub fn set_go_live_moves(
        &mut self,
        system: &SystemId,
        moves: Vec<GoLiveMove>,
    ) -> Result<(), PracticeError> {
        let go_live = self.go_live(system).ok_or(PracticeError::GraceWithoutGoLive)?;
        if self.moves.contains_key(system) {
            return Err(PracticeError::Twice);
        }
        let broken = |at: &GoLiveMove| PracticeError::BrokenMove(at.moved_on);
        let mut told = go_live.announced_on;
        for (place, step) in moves.iter().enumerate() {
            let next = moves.get(place.saturating_add(1)).map_or(go_live.on, |next| next.from);
            if step.to != next || step.moved_on < told {
                return Err(broken(step));
            }
            if step.moved_on >= step.from {
                return Err(PracticeError::MovedAfterwards(step.from));
            }
            GoLive::new(step.to, go_live.announced_on).map_err(|_| broken(step))?;
            self.employed_on(&step.by, step.moved_on)?;
            self.not_ahead([step.moved_on])?;
            told = step.moved_on;
        }
        self.moves.insert(system.clone(), moves);
        Ok(())
    }

    /// How often and when the go-live date of a system was moved, the oldest move first.
    #[must_use]
    pub fn go_live_moves(&self, system: &SystemId) -> &[GoLiveMove] {
        self.moves.get(system).map(Vec::as_slice).unwrap_or_default()
    }
}
