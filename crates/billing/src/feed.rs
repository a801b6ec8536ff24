//! Many leavers at once: what a personnel list says, and what it would end here.
//!
//! Standard: 45 CFR 164.308(a)(3)(ii)(C) (ending access when an employment ends); CISA CPG 2.0 3.D.
//!
//! The list is judged whole before anything happens. Only a person whose employment is over in the
//! practice as well is ended: a list from elsewhere can be wrong about a person, and what is ended is
//! ended for good. Ending is the host's call; this module changes nothing.

use std::collections::BTreeMap;
use std::fmt;

use countersign::{Summary, UnixTime};

use crate::date::Date;
use crate::inventory::{EmploymentStatus, Person, PersonId};
use crate::offboarding;
use crate::rollout::Practice;
use crate::table::{TableError, TableRow, table};

/// What would become of one row of a personnel list.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum FeedOutcome {
    /// The employment is over and the account still works: it is ended.
    Ends,
    /// The employment is over, and whether there is an account is not known.
    NoRecord,
    /// No person of the practice is called so.
    Unknown,
    /// Still employed, or not yet over, by the practice or by the list.
    Employed,
    /// The account was offboarded before.
    Gone,
    /// The employment is over, and there is no account here.
    NoAccount,
}

impl FeedOutcome {
    /// Every outcome, in the order of a listing.
    pub const ALL: [FeedOutcome; 6] = [
        FeedOutcome::Ends,
        FeedOutcome::NoRecord,
        FeedOutcome::Unknown,
        FeedOutcome::Employed,
        FeedOutcome::Gone,
        FeedOutcome::NoAccount,
    ];

    /// What it says in a listing.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            FeedOutcome::Ends => "would be ended",
            FeedOutcome::NoRecord => "the account could not be read",
            FeedOutcome::Unknown => "unknown here",
            FeedOutcome::Employed => "still employed",
            FeedOutcome::Gone => "already gone",
            FeedOutcome::NoAccount => "has no account here",
        }
    }
}

impl fmt::Display for FeedOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One row of a personnel list, judged.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FeedLine {
    /// The line in the list, from 1.
    pub line: u64,
    /// The name or identifier in the list.
    pub name: String,
    /// Who that is; `None`: no person of the practice.
    pub person: Option<PersonId>,
    /// The last day by the practice; `None`: no end is recorded.
    pub last_day: Option<Date>,
    /// What would become of it.
    pub outcome: FeedOutcome,
}

/// Judges a personnel list in CSV: the column `person` has an identifier or a name, and the column
/// `until`, if there is one, the last day, or `present` or nothing for a person who stays. Without it
/// every row is of a leaver. `summaries` is as for [`Coverage::new`](crate::coverage::Coverage::new).
///
/// # Errors
/// Every bad line: those of [`table`], a row without a person, a name of several people, a person
/// listed twice, a day that is none, and a last day that is not the one of the practice. Nothing is
/// to be done then.
pub fn feed(
    list: &str,
    practice: &Practice,
    summaries: &dyn Fn(&PersonId) -> Option<Summary>,
    now: UnixTime,
) -> Result<Vec<FeedLine>, Vec<TableError>> {
    let rows = table(list, &["person"], &["until"])?;
    let mut by_name: BTreeMap<&str, Vec<&Person>> = BTreeMap::new();
    for person in practice.people() {
        by_name.entry(person.id.as_str()).or_default().push(person);
        if person.name.as_str() != person.id.as_str() {
            by_name.entry(person.name.as_str()).or_default().push(person);
        }
    }
    let (mut lines, mut errors) = (Vec::new(), Vec::new());
    let mut listed: BTreeMap<&str, u64> = BTreeMap::new();
    for row in &rows {
        let judged = judge(row, &by_name, practice, summaries, now);
        match judged {
            Ok(line) => {
                let key = match &line.person {
                    Some(person) => practice.person(person).map(|person| person.id.as_str()),
                    None => row.field("person"),
                };
                match listed.insert(key.unwrap_or_default(), line.line) {
                    Some(first) => {
                        let what = format!("{} is in line {first} already", line.name);
                        errors.push(TableError::new(line.line, what));
                    }
                    None => lines.push(line),
                }
            }
            Err(what) => errors.push(TableError::new(row.line, what)),
        }
    }
    if errors.is_empty() { Ok(lines) } else { Err(errors) }
}

fn judge(
    row: &TableRow,
    by_name: &BTreeMap<&str, Vec<&Person>>,
    practice: &Practice,
    summaries: &dyn Fn(&PersonId) -> Option<Summary>,
    now: UnixTime,
) -> Result<FeedLine, String> {
    let name = row.field("person").ok_or("no person is named")?;
    let until = match row.field("until") {
        None | Some("present") => None,
        Some(day) => Some(Date::parse(day).map_err(|_| format!("{day:?} is no day YYYY-MM-DD"))?),
    };
    let called = by_name.get(name).map(Vec::as_slice).unwrap_or_default();
    let person = match called {
        [] => {
            let (line, name) = (row.line, name.to_owned());
            let outcome = FeedOutcome::Unknown;
            return Ok(FeedLine { line, name, person: None, last_day: None, outcome });
        }
        [person] => *person,
        _ => return Err(format!("{} people are called {name:?}: take the id", called.len())),
    };
    let last_day = person.employment.last_day(practice.offset());
    if let (Some(until), Some(last_day)) = (until, last_day)
        && until != last_day
    {
        return Err(format!(
            "{name} left on {until} by the list and on {last_day} by the practice"
        ));
    }
    let over = person.employment.at(now, practice.offset()) == EmploymentStatus::Over;
    let stays = row.has("until") && until.is_none();
    let outcome = if !over || stays {
        FeedOutcome::Employed
    } else {
        match summaries(&person.id) {
            None => FeedOutcome::NoRecord,
            Some(summary) if offboarding::is_usable(&summary) => FeedOutcome::Ends,
            Some(summary) if summary.offboarded_at.is_some() => FeedOutcome::Gone,
            Some(_) => FeedOutcome::NoAccount,
        }
    };
    let (line, name, person) = (row.line, name.to_owned(), Some(person.id.clone()));
    Ok(FeedLine { line, name, person, last_day, outcome })
}
