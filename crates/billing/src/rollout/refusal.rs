//! Why a record is refused, in words that name its subject and its value.

use std::fmt;

use countersign::Method;

use crate::date::Date;
use crate::inventory::{ClientId, OfferedFactor, PersonId, SystemId};

/// Why a record is refused.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PracticeError {
    /// A fact dated after the day on which the records are read.
    Ahead(Date),
    /// An attestation on an enforced system, by the person themself, or of no standing factor.
    Attestation,
    /// An end before its start.
    Backwards,
    /// A move of a go-live date, on this day, that does not lead from the date before to the next one.
    BrokenMove(Date),
    /// A grace that goes on for more than 90 days.
    GraceTooLong,
    /// A grace on a system without a go-live date would have nothing to count from.
    GraceWithoutGoLive,
    /// An administrator of several clients has no grace and is named in no gap.
    NoException(PersonId),
    /// Somebody without a login on the system.
    NoLogin {
        /// Where.
        system: SystemId,
        /// Who.
        person: PersonId,
    },
    /// A person who witnessed, was seen, signed or asked on a day on which they did not work here.
    NotEmployedThen {
        /// Who.
        person: PersonId,
        /// When.
        on: Date,
    },
    /// The leaver has nothing of the kind.
    NoSuchTask,
    /// A go-live date that was moved on or after this day, on which it came.
    MovedAfterwards(Date),
    /// Medicare PECOS signs people in itself.
    NeverEnforced(SystemId),
    /// They stay.
    NotLeaving(PersonId),
    /// A gap about a platform that forces sharing, where no login is shared.
    NothingShared(SystemId),
    /// The host does not name the system as guarded by its own sign-in.
    NotOurs(SystemId),
    /// Done by the leaver, or by a person not employed then.
    NotTheirs(PersonId),
    /// A factor was seen that the system does not offer.
    OffersLess {
        /// Where.
        system: SystemId,
        /// Whose factor.
        person: PersonId,
        /// What was seen.
        method: Method,
        /// What the support record says.
        offer: OfferedFactor,
    },
    /// The host names the system as guarded by its own sign-in, and the system is not enforced.
    OursAndAttested(SystemId),
    /// A system of the host that offers no factor: the sign-in that guards it takes app codes.
    OwnWithoutFactor(SystemId),
    /// The login was ticked off before its user was last seen there.
    SeenLater {
        /// Who left.
        leaver: PersonId,
        /// When they were last seen there.
        seen_on: Date,
    },
    /// An administrator of several clients must be called one.
    SeveralClients(PersonId),
    /// A shared login where a go-live date stands.
    SharedAtGoLive {
        /// Where.
        system: SystemId,
        /// One who shares it.
        person: PersonId,
    },
    /// The support record of the system does not say what the gap says.
    SupportSaysOtherwise {
        /// Where.
        system: SystemId,
        /// What the record says.
        offer: OfferedFactor,
    },
    /// There is one already.
    Twice,
    /// No client of this name.
    UnknownClient(ClientId),
    /// Nobody of this name.
    UnknownPerson(PersonId),
    /// No system of this name.
    UnknownSystem(SystemId),
}

impl fmt::Display for PracticeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PracticeError::Ahead(on) => {
                write!(f, "{on} lies in the future, and what has not happened is no fact")
            }
            PracticeError::Attestation => f.write_str(
                "an attestation is of a standing factor, on a system enforced elsewhere, and made \
                 by somebody else",
            ),
            PracticeError::Backwards => f.write_str("it ends before it starts"),
            PracticeError::BrokenMove(on) => write!(
                f,
                "the move of {on} does not lead from the date before to the next, within twelve \
                 calendar months of the first announcement"
            ),
            PracticeError::GraceTooLong => {
                f.write_str("a grace ends at most 90 days after go-live or the first day of work")
            }
            PracticeError::GraceWithoutGoLive => {
                f.write_str("a grace needs a go-live date to count from")
            }
            PracticeError::MovedAfterwards(on) => {
                write!(
                    f,
                    "the go-live of {on} had come and does not move: what is enforced stays so"
                )
            }
            PracticeError::NoException(person) => write!(
                f,
                "{person} administers several clients: no grace and no gap, without exception"
            ),
            PracticeError::NoLogin { system, person } => {
                write!(f, "{person} has no login on {system}")
            }
            PracticeError::NoSuchTask => f.write_str("the leaver has nothing of the kind to undo"),
            PracticeError::NeverEnforced(system) => {
                write!(f, "{system} signs people in itself and cannot be enforced here")
            }
            PracticeError::NotEmployedThen { person, on } => {
                write!(f, "{person} did not work here on {on}")
            }
            PracticeError::NotLeaving(person) => write!(f, "{person} is not leaving"),
            PracticeError::NotTheirs(person) => {
                write!(f, "{person} cannot tick this off: the leaver, or not employed then")
            }
            PracticeError::NothingShared(system) => {
                write!(f, "no login on {system} is shared: the gap is of another kind")
            }
            PracticeError::NotOurs(system) => write!(
                f,
                "{system} is enforced, and not named as guarded by this program's own sign-in"
            ),
            PracticeError::OffersLess { system, person, method, offer } => write!(
                f,
                "{system} offers {}, and {person} was seen with {}",
                offer.name(),
                method.name()
            ),
            PracticeError::OursAndAttested(system) => write!(
                f,
                "{system} is named as guarded by this program's own sign-in, and is not enforced"
            ),
            PracticeError::OwnWithoutFactor(system) => write!(
                f,
                "{system} is enforced here and offers no-mfa: this program's sign-in takes app codes"
            ),
            PracticeError::SeenLater { leaver, seen_on } => write!(
                f,
                "the login of {leaver} was ticked off before {seen_on}, when they were last seen there"
            ),
            PracticeError::SeveralClients(person) => write!(
                f,
                "{person} administers several clients and must be a multi-client-administrator"
            ),
            PracticeError::SharedAtGoLive { system, person } => write!(
                f,
                "{system} has a go-live date and {person} has a shared login there: end the \
                 sharing first (45 CFR 164.312(a)(2)(i))"
            ),
            PracticeError::SupportSaysOtherwise { system, offer } => write!(
                f,
                "the support record of {system} says {}, which is not what the gap says",
                offer.name()
            ),
            PracticeError::Twice => f.write_str("there is one already"),
            PracticeError::UnknownClient(client) => write!(f, "no client is called {client}"),
            PracticeError::UnknownPerson(person) => write!(f, "nobody is called {person}"),
            PracticeError::UnknownSystem(system) => write!(f, "no system is called {system}"),
        }
    }
}

impl std::error::Error for PracticeError {}
