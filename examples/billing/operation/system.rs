//! `[[system]]`, with its logins and what was seen there.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use countersign::Method;
use countersign_billing::date::Date;
use countersign_billing::inventory::{
    Attestation, BillingData, Enforcement, Login, LoginKind, OfferedFactor, SupportRecord, System,
    SystemId, SystemKind,
};
use countersign_billing::rollout::{GoLive, GoLiveError, GoLiveMove, Practice, PracticeError};
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::File;
use super::other::is_day;
use super::place::{Place, all_of, login_key};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemTable {
    pub id: Spanned<String>,
    name: Spanned<String>,
    kind: Spanned<String>,
    enforcement: Spanned<String>,
    internet_facing: bool,
    touches: Vec<Spanned<String>>,
    support: Option<SupportTable>,
    go_live: Option<GoLiveTable>,
    #[serde(default)]
    logins: Vec<Spanned<String>>,
    #[serde(default)]
    shared_logins: Vec<Spanned<String>>,
    #[serde(default)]
    attested: Vec<AttestedTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SupportTable {
    offers: Spanned<String>,
    seen_on: Spanned<Datetime>,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GoLiveTable {
    on: Spanned<Datetime>,
    announced_on: Spanned<Datetime>,
    #[serde(default)]
    moved: Vec<MovedTable>,
}

/// A move of the date: `on` the day on which it was moved, away from the date `from`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MovedTable {
    from: Spanned<Datetime>,
    on: Spanned<Datetime>,
    by: Spanned<String>,
    reason: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttestedTable {
    person: Spanned<String>,
    method: Spanned<String>,
    seen_on: Spanned<Datetime>,
    by: Spanned<String>,
}

const ENFORCEMENTS: [(&str, Enforcement); 2] =
    [("attested", Enforcement::Attested), ("enforced", Enforcement::Enforced)];

impl SystemTable {
    pub fn read(&self, place: &Place<'_>) -> Option<System> {
        let kinds = SystemKind::ALL.map(|kind| (kind.name(), kind));
        let mut touches = Some(BillingData::default());
        for at in &self.touches {
            let words = [("claims", 0), ("patient-information", 1), ("payer-communication", 2)];
            let word = place.word(at, &words);
            touches = touches.and_then(|mut touches| {
                match word? {
                    0 => touches.claims = true,
                    1 => touches.patient_information = true,
                    _ => touches.payer_communication = true,
                }
                Some(touches)
            });
        }
        let id = place.system(&self.id);
        let name = place.text(&self.name);
        let kind = place.word(&self.kind, &kinds);
        let enforcement = place.word(&self.enforcement, &ENFORCEMENTS);
        let support = self.support.as_ref().map_or(Some(None), |it| it.read(place).map(Some));
        Some(System {
            id: id?,
            name: name?,
            kind: kind?,
            enforcement: enforcement?,
            internet_facing: self.internet_facing,
            touches: touches?,
            support: support?,
        })
    }

    pub fn enforcement(&self) -> Option<Enforcement> {
        let mut words = ENFORCEMENTS.iter();
        words.find(|(word, _)| *word == self.enforcement.get_ref()).map(|(_, meaning)| *meaning)
    }

    pub fn kind(&self) -> Option<SystemKind> {
        SystemKind::from_name(self.kind.get_ref())
    }

    /// Where in the table the thing stands that was refused.
    pub fn at(&self, refusal: &PracticeError) -> Range<usize> {
        match (refusal, &self.support) {
            (PracticeError::Ahead(_), Some(support)) => support.seen_on.span(),
            (
                PracticeError::NeverEnforced(_)
                | PracticeError::NotOurs(_)
                | PracticeError::OursAndAttested(_)
                | PracticeError::OwnWithoutFactor(_),
                _,
            ) => self.enforcement.span(),
            _ => self.id.span(),
        }
    }

    pub fn offers(&self) -> Option<Range<usize>> {
        self.support.as_ref().map(|support| support.offers.span())
    }

    pub fn go_live(&self) -> Option<Range<usize>> {
        self.go_live.as_ref().map(|table| table.on.span())
    }

    pub fn shared(&self) -> Option<Range<usize>> {
        self.shared_logins.first().map(Spanned::span)
    }

    /// Where a person was seen here on a day.
    pub fn sight(&self, person: &str, on: Date) -> Option<Range<usize>> {
        let mut seen = self.attested.iter().filter(|seen| seen.person.get_ref() == person);
        seen.find(|seen| is_day(&seen.seen_on, on)).map(|seen| seen.seen_on.span())
    }

    pub fn read_logins(&self, place: &Place<'_>, file: &File, practice: &mut Practice) {
        let Ok(system) = SystemId::new(self.id.get_ref()) else { return };
        let mut seen: BTreeMap<&str, &AttestedTable> = BTreeMap::new();
        for table in &self.attested {
            if let Some(first) = seen.insert(table.person.get_ref(), table) {
                let other = Some(first.person.span());
                place.refuse_with(table.person.span(), "attested twice", other);
            }
        }
        let personal = self.logins.iter().map(|at| (at, LoginKind::Personal));
        let shared = self.shared_logins.iter().map(|at| (at, LoginKind::Shared));
        for (at, kind) in personal.chain(shared) {
            let seen = seen.get(at.get_ref().as_str()).copied();
            self.read_login(place, file, practice, &system, (at, kind, seen));
        }
        let has_login: BTreeSet<&str> =
            self.logins.iter().chain(&self.shared_logins).map(|at| at.get_ref().as_str()).collect();
        for table in self.attested.iter().filter(|it| !has_login.contains(&**it.person.get_ref())) {
            place.refuse(table.person.span(), "attested without a login");
        }
        if let Some(table) = &self.go_live {
            self.read_go_live(place, file, practice, &system, table);
        }
    }

    fn read_go_live(
        &self,
        place: &Place<'_>,
        file: &File,
        practice: &mut Practice,
        system: &SystemId,
        table: &GoLiveTable,
    ) {
        let Some(go_live) = table.read(place) else {
            place.failed(&login_key(system.as_str(), "go_live"));
            return;
        };
        if let Err(refusal) = practice.set_go_live(system, go_live) {
            place.failed(&login_key(system.as_str(), "go_live"));
            let at = match &refusal {
                PracticeError::Ahead(_) => table.announced_on.span(),
                _ => table.on.span(),
            };
            return file.refuse(place, at, &refusal, system.as_str());
        }
        let moves = table.moves(place, go_live.on());
        if let Some(Err(refusal)) = moves.map(|moves| practice.set_go_live_moves(system, moves)) {
            file.refuse(place, table.move_at(&refusal), &refusal, system.as_str());
        }
    }

    fn read_login(
        &self,
        place: &Place<'_>,
        file: &File,
        practice: &mut Practice,
        system: &SystemId,
        (at, kind, seen): (&Spanned<String>, LoginKind, Option<&AttestedTable>),
    ) {
        let person = place.person(at);
        let attestation = seen.map_or(Some(None), |table| table.read(place).map(Some));
        let (Some(person), Some(attestation)) = (person, attestation) else {
            place.failed(&login_key(system.as_str(), at.get_ref()));
            return;
        };
        let login = Login { person, system: system.clone(), kind, attestation };
        let Err(refusal) = practice.add_login(login) else { return };
        if refusal != PracticeError::Twice {
            place.failed(&login_key(system.as_str(), at.get_ref()));
        }
        let stands = seen.map_or(at.span(), |seen| seen.at(&refusal, at));
        file.refuse(place, stands, &refusal, at.get_ref());
    }
}

impl SupportTable {
    fn read(&self, place: &Place<'_>) -> Option<SupportRecord> {
        let offers = [
            OfferedFactor::Unknown,
            OfferedFactor::NoMfa,
            OfferedFactor::SmsOnly,
            OfferedFactor::App,
            OfferedFactor::PhishingResistant,
        ]
        .map(|offer| (offer.name(), offer));
        let offer = place.word(&self.offers, &offers);
        let seen_on = place.date(&self.seen_on);
        let source = place.text(&self.source);
        Some(SupportRecord { offer: offer?, seen_on: seen_on?, source: source? })
    }
}

impl GoLiveTable {
    fn read(&self, place: &Place<'_>) -> Option<GoLive> {
        let (on, announced_on) = (place.date(&self.on), place.date(&self.announced_on));
        match GoLive::new(on?, announced_on?) {
            Ok(go_live) => Some(go_live),
            Err(error) => {
                let (on, announced) = (self.on.span(), self.announced_on.span());
                match error {
                    GoLiveError::TooFar => place.refuse_with(on, error, Some(announced)),
                    _ => place.refuse_with(announced, error, Some(on)),
                }
                None
            }
        }
    }

    /// The moves, each to the date that the next one moves away from, the last to the date that counts.
    fn moves(&self, place: &Place<'_>, on: Date) -> Option<Vec<GoLiveMove>> {
        let from = all_of(self.moved.iter().map(|table| place.date(&table.from)))?;
        let to = from.iter().skip(1).copied().chain([on]);
        let moves = self.moved.iter().zip(from.iter().copied().zip(to));
        all_of(moves.map(|(table, (from, to))| {
            let (moved_on, by) = (place.date(&table.on), place.person(&table.by));
            let reason = place.text(&table.reason);
            Some(GoLiveMove { from, to, moved_on: moved_on?, by: by?, reason: reason? })
        }))
    }

    /// Where the thing stands that was refused of the moves.
    fn move_at(&self, refusal: &PracticeError) -> Range<usize> {
        let found = match refusal {
            PracticeError::BrokenMove(on)
            | PracticeError::Ahead(on)
            | PracticeError::NotEmployedThen { on, .. } => {
                self.moved.iter().find(|table| is_day(&table.on, *on))
            }
            PracticeError::MovedAfterwards(from) => {
                self.moved.iter().find(|table| is_day(&table.from, *from))
            }
            PracticeError::UnknownPerson(by) => {
                self.moved.iter().find(|table| table.by.get_ref() == by.as_str())
            }
            _ => None,
        };
        found.map_or(self.on.span(), |table| table.on.span())
    }
}

impl AttestedTable {
    fn read(&self, place: &Place<'_>) -> Option<Attestation> {
        // An administrator may type an SMS attestation; what it is worth is the report's matter.
        let methods = Method::ALL.map(|method| (method.name(), method));
        let method = place.word(&self.method, &methods);
        let seen_on = place.date(&self.seen_on);
        let by = place.person(&self.by);
        Some(Attestation { method: method?, seen_on: seen_on?, by: by? })
    }

    /// Where in the table the thing stands that was refused; a matter of the login is at `login`.
    fn at(&self, refusal: &PracticeError, login: &Spanned<String>) -> Range<usize> {
        match refusal {
            PracticeError::OffersLess { .. } => self.method.span(),
            PracticeError::Ahead(_) => self.seen_on.span(),
            PracticeError::NotEmployedThen { person, .. } if person.as_str() == login.get_ref() => {
                self.seen_on.span()
            }
            PracticeError::UnknownPerson(person) if person.as_str() == login.get_ref() => {
                login.span()
            }
            PracticeError::Twice | PracticeError::SharedAtGoLive { .. } => login.span(),
            _ => self.by.span(),
        }
    }
}
