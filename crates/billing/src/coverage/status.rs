//! What can be said of a person on a system, and which controls it is evidence for.
//!
//! Standard: the identifiers are those of each control's list; see [`ControlGroup`].

use super::*;

/// Where one person stands on one system.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(tag = "is", rename_all = "kebab-case")
)]
#[non_exhaustive]
pub enum CoverageStatus {
    /// Has a factor of the upper ranks, used or seen lately.
    Covered {
        /// The strongest one.
        by: Method,
    },
    /// Has SMS and nothing stronger.
    Weak {
        /// The gap that permits it; `None`: nothing does.
        gap: Option<GapId>,
    },
    /// Has no factor, and an open gap names them. Only a standing one excuses.
    Gap {
        /// Which.
        gap: GapId,
        /// Where it stands.
        state: GapState,
    },
    /// Has no factor and is not asked for one yet: the go-live date lies ahead.
    BeforeGoLive {
        /// The first day on which it is asked for.
        on: Date,
    },
    /// Has no factor and a grace.
    InGrace {
        /// The first moment at which it is over.
        until: UnixTime,
    },
    /// Has started to enrol. It satisfies nothing.
    Pending {
        /// Until when it can be confirmed.
        until: UnixTime,
        /// Whether a factor is asked for already: no date ahead and no grace.
        asked: bool,
    },
    /// Has an imported factor that was never used here. It satisfies nothing: the import may hold
    /// another secret than the device.
    NotUsedYet {
        /// The strongest one.
        by: Method,
        /// Whether a factor is asked for already: no date ahead and no grace.
        asked: bool,
    },
    /// Has a factor that was not used, or not seen, for long.
    Stale {
        /// The strongest one.
        by: Method,
        /// When it was last used, bound or seen.
        last: Date,
    },
    /// Has a factor and must wait after failures.
    Waiting {
        /// Until when nothing is evaluated.
        until: UnixTime,
    },
    /// Has a factor whose codes are taken from remembered browsers alone, after many failures.
    ClosedToStrangers,
    /// Has a factor, disabled by failures until another factor or an operator opens it again.
    Disabled,
    /// Has no factor and nothing excuses it.
    NotEnrolled,
    /// Nobody knows: there was no summary of the account.
    NoRecord,
    /// Is employed, and the account was offboarded: one of the two records is wrong.
    Offboarded,
    /// The login is shared.
    Shared {
        /// The open gap about it, if there is one.
        gap: Option<GapId>,
    },
    /// Has left, and this still works or was not ticked off.
    Left {
        /// The last day of work.
        on: Date,
    },
    /// The first day of work has not come.
    Ahead {
        /// When it comes.
        from: Date,
    },
    /// The system is out of scope.
    NotRequired,
}

impl CoverageStatus {
    /// Every name, in the order of the totals.
    pub const NAMES: [&'static str; 18] = [
        "covered",
        "weak",
        "gap",
        "before go-live",
        "in grace",
        "pending",
        "stale",
        "waiting",
        "closed to strangers",
        "disabled",
        "not enrolled",
        "no record",
        "offboarded",
        "shared",
        "left",
        "ahead",
        "not required",
        "not used yet",
    ];

    /// Its name in reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            CoverageStatus::Covered { .. } => "covered",
            CoverageStatus::Weak { .. } => "weak",
            CoverageStatus::Gap { .. } => "gap",
            CoverageStatus::BeforeGoLive { .. } => "before go-live",
            CoverageStatus::InGrace { .. } => "in grace",
            CoverageStatus::Pending { .. } => "pending",
            CoverageStatus::Stale { .. } => "stale",
            CoverageStatus::Waiting { .. } => "waiting",
            CoverageStatus::ClosedToStrangers => "closed to strangers",
            CoverageStatus::Disabled => "disabled",
            CoverageStatus::NotEnrolled => "not enrolled",
            CoverageStatus::NoRecord => "no record",
            CoverageStatus::Offboarded => "offboarded",
            CoverageStatus::Shared { .. } => "shared",
            CoverageStatus::Left { .. } => "left",
            CoverageStatus::Ahead { .. } => "ahead",
            CoverageStatus::NotRequired => "not required",
            CoverageStatus::NotUsedYet { .. } => "not used yet",
        }
    }

    /// Which controls the line is evidence for.
    #[must_use]
    pub const fn controls(&self) -> ControlGroup {
        match self {
            CoverageStatus::Shared { .. } => ControlGroup::UniqueUser,
            CoverageStatus::Left { .. } => ControlGroup::Termination,
            CoverageStatus::Stale { .. } => ControlGroup::Inactivity,
            CoverageStatus::Ahead { .. } => ControlGroup::Provisioning,
            _ => ControlGroup::Authentication,
        }
    }

    /// Whether it is an open vulnerability: nothing strong enough stands there and nothing standing
    /// excuses that.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        match self {
            CoverageStatus::Disabled
            | CoverageStatus::Left { .. }
            | CoverageStatus::NoRecord
            | CoverageStatus::NotEnrolled
            | CoverageStatus::NotUsedYet { asked: true, .. }
            | CoverageStatus::Offboarded
            | CoverageStatus::Pending { asked: true, .. }
            | CoverageStatus::Shared { .. }
            | CoverageStatus::Weak { gap: None } => true,
            CoverageStatus::Gap { state, .. } => !matches!(state, GapState::Standing { .. }),
            _ => false,
        }
    }

    /// Whether the person has enrolled what the system asks for, stale, waiting or closed to strangers
    /// included.
    #[must_use]
    pub const fn is_enrolled(&self) -> bool {
        matches!(
            self,
            CoverageStatus::Covered { .. }
                | CoverageStatus::ClosedToStrangers
                | CoverageStatus::Stale { .. }
                | CoverageStatus::Waiting { .. }
                | CoverageStatus::Weak { gap: Some(_) }
        )
    }
}

/// A group of controls, by identifier. The identifiers of HICP 3.M and of the HHS goals are named
/// without their titles.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ControlGroup {
    /// That the person is the one claimed, by more than a password.
    Authentication,
    /// The same, and that unused accounts are noticed.
    Inactivity,
    /// That access is given in an orderly way.
    Provisioning,
    /// That access ends with the employment.
    Termination,
    /// That a login is one person's.
    UniqueUser,
}

impl ControlGroup {
    /// Every group, by letter.
    pub const ALL: [ControlGroup; 5] = [
        ControlGroup::Authentication,
        ControlGroup::Inactivity,
        ControlGroup::Provisioning,
        ControlGroup::Termination,
        ControlGroup::UniqueUser,
    ];

    /// One letter, for a narrow column: `A`, `I`, `P`, `T`, `U`.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            ControlGroup::Authentication => 'A',
            ControlGroup::Inactivity => 'I',
            ControlGroup::Provisioning => 'P',
            ControlGroup::Termination => 'T',
            ControlGroup::UniqueUser => 'U',
        }
    }

    /// The rule in force (45 CFR part 164, subpart C).
    #[must_use]
    pub const fn in_force(self) -> &'static [&'static str] {
        match self {
            ControlGroup::Authentication | ControlGroup::Inactivity => &["45 CFR 164.312(d)"],
            ControlGroup::Provisioning | ControlGroup::UniqueUser => &["45 CFR 164.312(a)(2)(i)"],
            ControlGroup::Termination => &["45 CFR 164.308(a)(3)(ii)(C)"],
        }
    }

    /// Voluntary goals and practices.
    #[must_use]
    pub const fn voluntary(self) -> &'static [&'static str] {
        match self {
            ControlGroup::Authentication => {
                &["HHS HPH CPG (MFA)", "HICP 3.M.C", "HICP 3.M.D", "CISA CPG 2.0 3.F"]
            }
            ControlGroup::Inactivity => &[
                "HHS HPH CPG (MFA)",
                "HICP 3.M.C",
                "HICP 3.M.D",
                "CISA CPG 2.0 3.D",
                "CISA CPG 2.0 3.F",
            ],
            ControlGroup::Provisioning => &["HICP 3.M.A", "HICP 3.M.B"],
            ControlGroup::Termination => {
                &["HHS HPH CPG (departing workforce)", "HICP 3.M.B", "CISA CPG 2.0 3.D"]
            }
            ControlGroup::UniqueUser => &["HHS HPH CPG (unique credentials)", "HICP 3.M.A"],
        }
    }

    /// All of them, the rule in force first.
    pub fn identifiers(self) -> impl Iterator<Item = &'static str> + Clone {
        self.in_force().iter().chain(self.voluntary()).copied()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for ControlGroup {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.identifiers())
    }
}
