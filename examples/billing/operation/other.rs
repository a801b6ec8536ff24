//! The other of two records that contradict each other.

use std::ops::Range;

use countersign_billing::date::Date;
use countersign_billing::rollout::PracticeError;
use toml::Spanned;
use toml::value::Datetime;

use super::File;
use super::place::Place;

type Span = Range<usize>;

impl File {
    /// Keeps a refusal with the line of `id`.
    pub fn add(&self, place: &Place<'_>, id: &Spanned<String>, added: Result<(), PracticeError>) {
        self.add_at(place, id, |_| id.span(), added);
    }

    /// Keeps a refusal with the line that `at` says, and what was refused with `id`.
    pub fn add_at(
        &self,
        place: &Place<'_>,
        id: &Spanned<String>,
        at: impl FnOnce(&PracticeError) -> Span,
        added: Result<(), PracticeError>,
    ) {
        let Err(refusal) = added else { return };
        // What came first under an id stays: of a second one nothing is missing.
        if refusal != PracticeError::Twice {
            place.failed(id.get_ref());
        }
        self.refuse(place, at(&refusal), &refusal, id.get_ref());
    }

    /// Keeps a refusal, unless it follows from another.
    pub fn refuse(&self, place: &Place<'_>, at: Span, refusal: &PracticeError, id: &str) {
        if place.follows(refusal) {
            return;
        }
        let other = self.other(refusal, id, &at);
        match refusal {
            PracticeError::NotOurs(_) => {
                place.refuse_with(at, format!("{refusal}: see `own_sign_in`"), other);
            }
            _ => place.refuse_with(at, refusal, other),
        }
    }

    fn other(&self, refusal: &PracticeError, id: &str, at: &Span) -> Option<Span> {
        let offers = |id: &str| self.systems.iter().find(|it| it.id.get_ref() == id)?.offers();
        let person = |id: &str| self.people.iter().find(|it| it.id.get_ref() == id);
        match refusal {
            PracticeError::OffersLess { system, .. }
            | PracticeError::SupportSaysOtherwise { system, .. }
            | PracticeError::OwnWithoutFactor(system) => offers(system.as_str()),
            PracticeError::NotEmployedThen { person: id, .. } | PracticeError::NotTheirs(id) => {
                Some(person(id.as_str())?.employed())
            }
            PracticeError::NotLeaving(id) => Some(person(id.as_str())?.employed()),
            PracticeError::NoException(id) => Some(person(id.as_str())?.privilege()),
            PracticeError::NotOurs(_) | PracticeError::OursAndAttested(_) => {
                let named = self.head.as_ref()?.own_sign_in.as_ref()?;
                let found = named.iter().find(|at| at.get_ref() == id).or(named.first());
                found.map(Spanned::span)
            }
            PracticeError::SeenLater { leaver, seen_on } => self.sight(leaver.as_str(), *seen_on),
            PracticeError::SharedAtGoLive { system, .. } => {
                let system = self.systems.iter().find(|it| it.id.get_ref() == system.as_str())?;
                system.shared().filter(|shared| shared != at).or_else(|| system.go_live())
            }
            PracticeError::Twice => self.first(id, at),
            _ => None,
        }
    }

    /// Where a person was seen on a day: in an attestation, or as a named user of a gap.
    fn sight(&self, leaver: &str, on: Date) -> Option<Span> {
        let attested = self.systems.iter().find_map(|system| system.sight(leaver, on));
        attested.or_else(|| self.gaps.iter().find_map(|gap| gap.sight(leaver, on)))
    }

    /// The first table of this id, of the kind that holds `at`.
    fn first(&self, id: &str, at: &Span) -> Option<Span> {
        let clients: Vec<&Spanned<String>> = self.clients.iter().map(|it| &it.id).collect();
        let people = self.people.iter().map(|it| &it.id).collect();
        let systems = self.systems.iter().map(|it| &it.id).collect();
        let gaps = self.gaps.iter().map(|it| &it.id).collect();
        let kinds: [Vec<&Spanned<String>>; 4] = [clients, people, systems, gaps];
        let kind = kinds.into_iter().find(|kind| kind.iter().any(|it| it.span() == *at))?;
        kind.into_iter().find(|it| it.get_ref() == id && it.span() != *at).map(Spanned::span)
    }
}

/// Whether a bare TOML date is this day.
pub fn is_day(written: &Spanned<Datetime>, day: Date) -> bool {
    let written = written.get_ref().date;
    written.and_then(|it| Date::new(it.year, it.month, it.day)) == Some(day)
}
