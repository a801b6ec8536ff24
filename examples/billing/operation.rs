//! Reads an operation from a file that a person writes: TOML, one table for each thing.
//!
//! The reader is as strict as the library: a key it does not know, a day the calendar does not
//! have, a second spelling or a record that contradicts another is an error with its line, and with
//! the line of the other record. All errors of a file come at once; what only follows from another
//! error is left out. Facts that forbid something must be written down: `until = "present"` for a
//! person employed, `status = "open"` for a gap, and every number that a missing line could raise.
//! So a line that gets lost is an error or closes something; it never opens anything.

use std::collections::BTreeSet;

use countersign::UnixTime;
use countersign_billing::date::{Date, UtcOffset};
use countersign_billing::inventory::{Client, Enforcement, SystemId, SystemKind};
use countersign_billing::rollout::{Practice, StaleDays};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

#[path = "operation/done.rs"]
mod done;
#[path = "operation/gap.rs"]
mod gap;
#[path = "operation/other.rs"]
mod other;
#[path = "operation/person.rs"]
mod person;
#[path = "operation/place.rs"]
mod place;
#[path = "operation/system.rs"]
mod system;

use done::{DoneTable, GraceTable};
use gap::GapTable;
use person::PersonTable;
use place::Place;
use system::SystemTable;

/// The longest file that is read.
const LONGEST: usize = 1 << 26;

pub use place::FileErrors;

/// Reads an operation, whatever day it is: the caller answers for dates in the future.
///
/// # Errors
/// Everything that is wrong, by line.
#[allow(dead_code)] // the program reads on a day
pub fn parse(text: &str) -> Result<Practice, FileErrors> {
    read(text, None)
}

/// Reads an operation at a moment: a fact dated after the day on which it falls is an error.
///
/// # Errors
/// Everything that is wrong, by line.
#[allow(dead_code)] // tests read without a day
pub fn parse_at(text: &str, now: UnixTime) -> Result<Practice, FileErrors> {
    read(text, Some(now))
}

fn read(text: &str, now: Option<UnixTime>) -> Result<Practice, FileErrors> {
    let place = Place::new(text);
    if text.len() > LONGEST {
        place.refuse(0..0, "the file is longer than 64 megabytes");
        return Err(place.errors());
    }
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        place.refuse_toml(error);
    }
    if !errors.is_empty() {
        return Err(place.errors()); // of a table that is half read nothing can be said
    }
    let file = File::taken(&place, root);
    let practice = file.practice(&place, now);
    match practice {
        Some(practice) if place.is_clean() => Ok(practice),
        _ => Err(place.errors()),
    }
}

/// The keys above the first table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    name: Spanned<String>,
    utc_offset: Spanned<String>,
    stale_after_days: Option<Spanned<u16>>,
    own_sign_in: Option<Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientTable {
    id: Spanned<String>,
    name: Spanned<String>,
}

/// Everything that stands in a file, as far as its tables have the right keys.
struct File {
    head: Option<Head>,
    clients: Vec<ClientTable>,
    people: Vec<PersonTable>,
    systems: Vec<SystemTable>,
    graces: Vec<GraceTable>,
    gaps: Vec<GapTable>,
    done: Vec<DoneTable>,
}

impl File {
    /// Takes each table by itself, so that one bad key does not hide the errors of another table.
    fn taken(place: &Place<'_>, root: Spanned<DeTable<'_>>) -> File {
        let span = root.span();
        let mut root = root.into_inner();
        let clients = tables(place, &mut root, "client");
        let people = tables(place, &mut root, "person");
        let systems = tables(place, &mut root, "system");
        let graces = tables(place, &mut root, "grace");
        let gaps = tables(place, &mut root, "gap");
        let done = tables(place, &mut root, "done");
        let rest = ValueDeserializer::from(Spanned::new(span, DeValue::Table(root)));
        let head = Head::deserialize(rest).map_err(|error| place.refuse_toml(&error)).ok();
        File { head, clients, people, systems, graces, gaps, done }
    }

    fn practice(&self, place: &Place<'_>, now: Option<UnixTime>) -> Option<Practice> {
        let mut practice = self.head(place, now)?;
        for table in &self.clients {
            if let (Some(id), Some(name)) = (place.client(&table.id), place.text(&table.name)) {
                self.add(place, &table.id, practice.add_client(Client { id, name }));
            } else {
                place.failed(table.id.get_ref());
            }
        }
        for table in &self.people {
            match table.read(place, practice.offset()) {
                Some(person) => {
                    let added = practice.add_person(person);
                    self.add_at(place, &table.id, |refusal| table.at(refusal), added);
                }
                None => place.failed(table.id.get_ref()),
            }
        }
        for table in &self.systems {
            match table.read(place) {
                Some(system) => {
                    let added = practice.add_system(system);
                    self.add_at(place, &table.id, |refusal| table.at(refusal), added);
                }
                None => place.failed(table.id.get_ref()),
            }
        }
        for table in self.systems.iter().filter(|table| !place.has_failed(table.id.get_ref())) {
            table.read_logins(place, self, &mut practice);
        }
        for table in &self.graces {
            table.read(place, self, &mut practice);
        }
        for table in &self.gaps {
            match table.read(place) {
                Some(gap) => {
                    let added = practice.add_gap(gap);
                    self.add_at(place, &table.id, |refusal| table.at(refusal), added);
                }
                None => place.failed(table.id.get_ref()),
            }
        }
        for table in &self.done {
            table.read(place, self, &mut practice);
        }
        Some(practice)
    }

    fn head(&self, place: &Place<'_>, now: Option<UnixTime>) -> Option<Practice> {
        let head = self.head.as_ref()?;
        let offset = place.of(&head.utc_offset, |text| UtcOffset::parse(text));
        let stale = match &head.stale_after_days {
            Some(at) => place.of(at, |days| StaleDays::new(*days).ok_or("1 to 365 days")),
            None => Some(StaleDays::THIRTY),
        };
        let name = place.text(&head.name);
        let own = self.own(place, head);
        let offset = offset?;
        let practice = Practice::new(name?, offset, stale?).guarding(own);
        Some(match now {
            Some(now) => practice.read_on(Date::of(now, offset)),
            None => practice,
        })
    }

    /// The systems that the host's own sign-in guards: those that `own_sign_in` names. Without the
    /// key every system that says so, but never a payer's portal, which is the payer's.
    fn own(&self, place: &Place<'_>, head: &Head) -> BTreeSet<SystemId> {
        let Some(named) = &head.own_sign_in else {
            let enforced = self.systems.iter().filter(|table| {
                table.enforcement() == Some(Enforcement::Enforced)
                    && table.kind() != Some(SystemKind::PayerPortal)
            });
            return enforced.filter_map(|table| SystemId::new(table.id.get_ref()).ok()).collect();
        };
        let known: BTreeSet<&String> =
            self.systems.iter().map(|table| table.id.get_ref()).collect();
        for at in named {
            if !known.contains(at.get_ref()) && !place.has_failed(at.get_ref()) {
                place.refuse(at.span(), format!("no system is called {}", at.get_ref()));
            }
        }
        named.iter().filter_map(|at| place.system(at)).collect()
    }
}

/// The tables of one kind, as far as their keys are right.
fn tables<T: DeserializeOwned>(place: &Place<'_>, root: &mut DeTable<'_>, key: &str) -> Vec<T> {
    let Some(found) = root.remove(key) else { return Vec::new() };
    let span = found.span();
    let DeValue::Array(array) = found.into_inner() else {
        place.refuse(span, format!("{key:?} is a list of tables: [[{key}]]"));
        return Vec::new();
    };
    let mut all = Vec::new();
    for table in array {
        let id = match table.get_ref() {
            DeValue::Table(table) => table.get("id").and_then(|id| id.get_ref().as_str()),
            _ => None,
        };
        let id = id.map(str::to_owned);
        match T::deserialize(ValueDeserializer::from(table)) {
            Ok(table) => all.push(table),
            Err(error) => {
                place.refuse_toml(&error);
                place.failed(id.as_deref().unwrap_or_default());
            }
        }
    }
    all
}
