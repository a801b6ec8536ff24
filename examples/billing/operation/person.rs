//! `[[person]]`.

use std::ops::Range;

use countersign_billing::date::{Date, UtcOffset};
use countersign_billing::inventory::{Duty, Employment, Person, Privilege};
use countersign_billing::rollout::PracticeError;
use serde::Deserialize;
use toml::value::Datetime;
use toml::{Spanned, Value};

use super::place::{Place, all_of, moment};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonTable {
    pub id: Spanned<String>,
    name: Spanned<String>,
    privilege: Spanned<String>,
    #[serde(default)]
    duties: Vec<Spanned<String>>,
    employed: EmployedTable,
    trained_on: Option<Spanned<Datetime>>,
    #[serde(default)]
    clients: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EmployedTable {
    from: Spanned<Datetime>,
    until: Spanned<Value>,
}

const PRIVILEGES: [(&str, Privilege); 3] = [
    ("staff", Privilege::Staff),
    ("administrator", Privilege::Administrator),
    ("multi-client-administrator", Privilege::MultiClientAdministrator),
];

const DUTIES: [(&str, Duty); 3] = [
    ("billing-manager", Duty::BillingManager),
    ("security-official", Duty::SecurityOfficial),
    ("systems-administrator", Duty::SystemsAdministrator),
];

impl PersonTable {
    pub fn read(&self, place: &Place<'_>, offset: UtcOffset) -> Option<Person> {
        let id = place.person(&self.id);
        let name = place.text(&self.name);
        let privilege = place.word(&self.privilege, &PRIVILEGES);
        let duties = all_of(self.duties.iter().map(|at| place.word(at, &DUTIES)));
        let employment = self.employed.read(place, offset);
        let trained_on = place.dates(&self.trained_on);
        let clients = all_of(self.clients.iter().map(|at| place.client(at)));
        Some(Person {
            id: id?,
            name: name?,
            privilege: privilege?,
            duties: duties?,
            employment: employment?,
            trained_on: trained_on?,
            clients: clients?,
        })
    }

    /// Where in the table the thing stands that was refused.
    pub fn at(&self, refusal: &PracticeError) -> Range<usize> {
        match refusal {
            PracticeError::Ahead(_) => self.trained_on.as_ref().map(Spanned::span),
            PracticeError::Backwards => Some(self.employed.until.span()),
            PracticeError::SeveralClients(_) => Some(self.privilege.span()),
            PracticeError::UnknownClient(client) => {
                let mut named = self.clients.iter();
                named.find(|at| at.get_ref() == client.as_str()).map(Spanned::span)
            }
            _ => None,
        }
        .unwrap_or(self.id.span())
    }

    pub fn employed(&self) -> Range<usize> {
        self.employed.from.span()
    }

    pub fn privilege(&self) -> Range<usize> {
        self.privilege.span()
    }
}

impl EmployedTable {
    /// `until` is `"present"`, the last day, or the moment.
    fn read(&self, place: &Place<'_>, offset: UtcOffset) -> Option<Employment> {
        let from = place.date(&self.from);
        let end = place.of(&self.until, |until| {
            let at = match until {
                Value::String(text) if text == "present" => return Ok(None),
                Value::Datetime(Datetime { date: Some(day), time: None, .. }) => {
                    let day = Date::new(day.year, day.month, day.day);
                    day.map(|day| offset.day_end(day).plus(1)) // the last day still counts
                }
                Value::Datetime(written) => moment(written, offset),
                _ => None,
            };
            at.map(Some).ok_or("until is \"present\", the last day, or a moment")
        });
        let from = from?;
        Some(match end? {
            None => Employment::Current { from },
            Some(at) => Employment::Ended { from, at },
        })
    }
}
