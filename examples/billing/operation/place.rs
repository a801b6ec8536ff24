//! Where in a file something stands, and everything that was found wrong in it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::ops::Range;

use countersign::UnixTime;
use countersign_billing::date::{Date, UtcOffset};
use countersign_billing::inventory::{ClientId, PersonId, SystemId, TextLine};
use countersign_billing::rollout::PracticeError;
use toml::Spanned;
use toml::value::{Datetime, Offset};

/// What is wrong with a file, and in which line.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct FileError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, in one line.
    pub what: String,
    /// The line of the other record, if two of them contradict each other.
    pub other: Option<usize>,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)?;
        self.other.map_or(Ok(()), |other| write!(f, " (see line {other})"))
    }
}

/// Everything that is wrong with a file, by line; never empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileErrors(pub Vec<FileError>);

impl fmt::Display for FileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if place == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl Error for FileErrors {}

/// Where in the file something stands, for errors, and the errors so far.
pub struct Place<'t> {
    text: &'t str,
    /// Where each line begins.
    lines: Vec<usize>,
    errors: RefCell<Vec<FileError>>,
    /// What was refused, by name: that it is missing afterwards is no second error.
    failed: RefCell<BTreeSet<String>>,
}

impl<'t> Place<'t> {
    pub fn new(text: &'t str) -> Place<'t> {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Place {
            text,
            lines: std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect(),
            errors: RefCell::default(),
            failed: RefCell::default(),
        }
    }

    fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset.min(self.text.len())).max(1)
    }

    pub fn refuse(&self, span: Range<usize>, what: impl fmt::Display) {
        self.refuse_with(span, what, None);
    }

    pub fn refuse_with(
        &self,
        span: Range<usize>,
        what: impl fmt::Display,
        other: Option<Range<usize>>,
    ) {
        let line = self.line(span.start);
        let other = other.map(|other| self.line(other.start)).filter(|other| *other != line);
        self.errors.borrow_mut().push(FileError { line, what: what.to_string(), other });
    }

    pub fn refuse_toml(&self, error: &toml::de::Error) {
        let what = error.message().lines().collect::<Vec<_>>().join("; ");
        let span = error.span().unwrap_or_default();
        // A second one in the same line follows from the first.
        let line = self.line(span.start);
        if !self.errors.borrow().iter().any(|earlier| earlier.line == line) {
            self.refuse(span, what);
        }
    }

    pub fn is_clean(&self) -> bool {
        self.errors.borrow().is_empty()
    }

    pub fn errors(&self) -> FileErrors {
        let mut errors = self.errors.borrow().clone();
        errors.sort();
        errors.dedup();
        FileErrors(errors)
    }

    pub fn failed(&self, name: &str) {
        self.failed.borrow_mut().insert(name.to_owned());
    }

    pub fn has_failed(&self, name: &str) -> bool {
        self.failed.borrow().contains(name)
    }

    /// Whether a refusal only says that something refused before is missing.
    pub fn follows(&self, refusal: &PracticeError) -> bool {
        match refusal {
            PracticeError::UnknownClient(id) => self.has_failed(id.as_str()),
            PracticeError::UnknownPerson(id) => self.has_failed(id.as_str()),
            PracticeError::UnknownSystem(id) => self.has_failed(id.as_str()),
            PracticeError::NoLogin { system, person } => {
                self.has_failed(&login_key(system.as_str(), person.as_str()))
            }
            _ => false,
        }
    }

    /// The value of `make`; an error is kept with the line of `at`.
    pub fn of<T, U, E: fmt::Display>(
        &self,
        at: &Spanned<T>,
        make: impl FnOnce(&T) -> Result<U, E>,
    ) -> Option<U> {
        make(at.get_ref()).map_err(|error| self.refuse(at.span(), error)).ok()
    }

    pub fn text(&self, at: &Spanned<String>) -> Option<TextLine> {
        self.of(at, |text| TextLine::new(text))
    }

    pub fn person(&self, at: &Spanned<String>) -> Option<PersonId> {
        self.of(at, |text| PersonId::new(text))
    }

    pub fn people(&self, all: &[Spanned<String>]) -> Option<Vec<PersonId>> {
        all_of(all.iter().map(|at| self.person(at)))
    }

    pub fn system(&self, at: &Spanned<String>) -> Option<SystemId> {
        self.of(at, |text| SystemId::new(text))
    }

    pub fn client(&self, at: &Spanned<String>) -> Option<ClientId> {
        self.of(at, |text| ClientId::new(text))
    }

    /// A bare TOML date: no time, no offset.
    pub fn date(&self, at: &Spanned<Datetime>) -> Option<Date> {
        self.of(at, |written| match written {
            Datetime { date: Some(date), time: None, offset: None } => {
                Date::new(date.year, date.month, date.day).ok_or("a year before 1900")
            }
            _ => Err("a day is written YYYY-MM-DD, without a time"),
        })
    }

    /// `None` if it is wrong, `Some(None)` if it is not there.
    pub fn dates(&self, at: &Option<Spanned<Datetime>>) -> Option<Option<Date>> {
        at.as_ref().map_or(Some(None), |at| self.date(at).map(Some))
    }

    /// A TOML date and time; without its own offset it is in the operation's.
    pub fn moment(&self, at: &Spanned<Datetime>, local: UtcOffset) -> Option<UnixTime> {
        self.of(at, |written| {
            moment(written, local).ok_or("a moment is written YYYY-MM-DDTHH:MM:SS")
        })
    }

    /// One of a few words.
    pub fn word<T: Copy>(&self, at: &Spanned<String>, words: &[(&str, T)]) -> Option<T> {
        let found = words.iter().find(|(word, _)| *word == at.get_ref());
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.refuse(at.span(), format!("{:?} is none of {}", at.get_ref(), known.join(", ")));
        }
        found.map(|(_, meaning)| *meaning)
    }
}

/// Under which name a refused login is kept. No identifier has a blank.
pub fn login_key(system: &str, person: &str) -> String {
    format!("{system} {person}")
}

/// Everything, or nothing if one is missing; each is looked at, so that each error is found.
pub fn all_of<T>(items: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    let found: Vec<Option<T>> = items.collect();
    found.into_iter().collect()
}

pub fn moment(written: &Datetime, local: UtcOffset) -> Option<UnixTime> {
    let (date, time) = (written.date?, written.time?);
    let offset = match written.offset {
        None => local,
        Some(Offset::Z) => UtcOffset::UTC,
        Some(Offset::Custom { minutes }) => UtcOffset::from_minutes(minutes)?,
    };
    let date = Date::new(date.year, date.month, date.day)?;
    let seconds = u64::from(time.hour) * 3_600
        + u64::from(time.minute) * 60
        + u64::from(time.second.unwrap_or(0)).min(59);
    Some(offset.day_start(date).plus(seconds)).filter(|moment| moment.is_plausible())
}
