//! The laws of the short texts in an operation file: each door takes what a naive model takes, gives
//! back what was typed or its one canonical spelling, and is bounded.

use countersign::account::Text;
use countersign_billing::date::{Date, UtcOffset};
use countersign_billing::inventory::{PersonId, TextLine};

/// What holds for any text. Says which doors took it: those for an identifier, a line of the
/// inventory, a day, an offset.
///
/// # Panics
/// If it does not.
pub fn hold(data: &[u8]) -> [bool; 4] {
    let text = &*String::from_utf8_lossy(data);
    [identifier(text), line(text), day(text), offset(text)]
}

/// All four identifiers are one macro.
fn identifier(text: &str) -> bool {
    let known = |character| "abcdefghijklmnopqrstuvwxyz0123456789-_.".contains(character);
    let fits = (1..=64).contains(&text.len()) && !text.starts_with(['-', '_', '.']);
    let id = PersonId::new(text);
    assert_eq!(id.is_ok(), fits && text.chars().all(known), "{text:?}");
    if let Ok(id) = &id {
        assert_eq!((id.as_str(), &*id.to_string()), (text, text));
    }
    id.is_ok()
}

/// What a `Text` takes, which the library's own law of labels says, of at most 500 characters.
fn line(text: &str) -> bool {
    let fits = Text::<2000>::new(text).is_ok() && text.chars().count() <= 500;
    let line = TextLine::new(text);
    assert_eq!(line.is_ok(), fits, "{text:?}");
    if let Ok(line) = &line {
        assert_eq!((line.as_str(), &*line.to_string()), (text, text));
    }
    line.is_ok()
}

fn day(text: &str) -> bool {
    let fits = match text.split('-').collect::<Vec<_>>().as_slice() {
        [year, month, day] => match [(year, 4), (month, 2), (day, 2)].map(number) {
            [Some(year), Some(month), Some(day)] => {
                let leap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0;
                let days = match month {
                    2 if leap => 29,
                    2 => 28,
                    4 | 6 | 9 | 11 => 30,
                    1..=12 => 31,
                    _ => 0,
                };
                (1900..=9998).contains(&year) && (1..=days).contains(&day)
            }
            _ => false,
        },
        _ => false,
    };
    let date = Date::parse(text);
    assert_eq!(date.is_ok(), fits, "{text:?}");
    if let Ok(date) = &date {
        assert_eq!(date.to_string(), text);
    }
    date.is_ok()
}

fn offset(text: &str) -> bool {
    let minutes = match text.split_at_checked(1) {
        Some(("Z", "")) => Some(0),
        Some((sign @ ("+" | "-"), time)) => match time.split(':').collect::<Vec<_>>().as_slice() {
            [hours, minutes] => match [(hours, 2), (minutes, 2)].map(number) {
                [Some(hours), Some(minutes)] if minutes < 60 => {
                    let ahead = hours * 60 + minutes;
                    Some(if sign == "-" { -ahead } else { ahead })
                }
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    let fits = minutes.is_some_and(|minutes| (-720..=840).contains(&minutes));
    let offset = UtcOffset::parse(text);
    assert_eq!(offset.is_ok(), fits, "{text:?}");
    if let Ok(offset) = &offset {
        // One print for UTC, whose spellings are three.
        let printed = if minutes == Some(0) { "+00:00" } else { text };
        assert_eq!(offset.to_string(), printed);
        assert_eq!(UtcOffset::parse(printed).as_ref(), Ok(offset));
    }
    offset.is_ok()
}

/// So many ASCII digits, as a number.
fn number((text, digits): (&&str, usize)) -> Option<i32> {
    let fits = text.len() == digits && text.chars().all(|digit| "0123456789".contains(digit));
    fits.then(|| text.parse().unwrap())
}
