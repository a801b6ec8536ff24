//! A small office to edit: a file, one change, and what is said of it.
#![allow(dead_code)] // no test needs all of it

use countersign::UnixTime;
use countersign_billing::date::{Date, UtcOffset};
use countersign_billing::rollout::Practice;

use crate::operation;

/// A billing company on 20 November 2026: Dana works at a portal, Karen has left, Omar signs, Ines
/// looks.
pub const OFFICE: &str = include_str!("office.toml");

/// Noon of 20 November 2026.
pub fn now() -> UnixTime {
    UtcOffset::UTC.day_start(Date::parse("2026-11-20").unwrap()).plus(43_200)
}

/// The file with each `from` replaced, once.
pub fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(OFFICE.to_owned(), |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text.replacen(from, to, 1)
    })
}

/// Every error as: the line that it names, what it says, and the other line that it names.
pub fn refused(edits: &[(&str, &str)]) -> Vec<(String, String, String)> {
    let text = edited(edits);
    let line = |number: usize| text.lines().nth(number - 1).unwrap_or_default().trim().to_owned();
    let Err(errors) = operation::parse_at(&text, now()) else { return Vec::new() };
    let errors = errors.0.into_iter();
    errors.map(|it| (line(it.line), it.what, it.other.map(line).unwrap_or_default())).collect()
}

pub fn practice(edits: &[(&str, &str)]) -> Practice {
    operation::parse_at(&edited(edits), now()).unwrap()
}
