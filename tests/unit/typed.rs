//! Unit tests of `src/account/typed.rs`, which declares this file at its end: they need what it keeps to
//! itself.

use super::*;
use crate::otp::engine::rows::{rows, text};
use std::string::String;
use std::vec::Vec;

fn read(typed: &str) -> Option<String> {
    characters(typed).map(|typed| typed.map(char::from).collect())
}

/// All but planes of ideographs, of private use, and without characters.
fn is_tried(character: char) -> bool {
    matches!(character, '\0'..='\u{20000}' | '\u{DFFFF}'..='\u{E1000}' | char::MAX)
}

/// The characters of the rows of a table, each with its place in its row.
fn listed(rows: Vec<[&'static str; 4]>) -> Vec<(char, u32, [&'static str; 2])> {
    let number = |hex: &str| u32::from_str_radix(hex, 16).unwrap();
    let row = |[first, last, third, fourth]: [&'static str; 4]| {
        let (first, last) = (number(first), number(last));
        (first..=last)
            .map(move |code| (char::from_u32(code).unwrap(), code - first, [third, fourth]))
    };
    rows.into_iter().flat_map(row).collect()
}

/// Every character of the planes that have any of these, against the tables: what it counts for, and whether it stands around.
#[test]
fn characters_are_what_the_tables_say() {
    let digits = listed(rows(include_str!("../data/decimal-digits.txt")));
    let separators = listed(rows(include_str!("../data/separators.txt")));
    let hidden = listed(
        rows(include_str!("../data/invisible.txt"))
            .into_iter()
            .map(|[first, last, what]| [first, last, "between", what])
            .collect(),
    );
    assert_eq!(digits.iter().filter(|(.., [ascii, _])| *ascii == "0").count(), 770);
    let mut expected: Vec<(Option<u8>, bool)> = ('\0'..=char::MAX)
        .map(|it| (Some(if it.is_ascii() { it as u8 } else { 0 }), false))
        .collect();
    // The range of characters leaves the surrogates out.
    let at = |it: char| it as usize - if it < '\u{E000}' { 0 } else { 0x800 };
    for (character, place, [ascii, _]) in digits {
        let value = Some(ascii.as_bytes()[0] + u8::try_from(place).unwrap());
        expected[at(character)] = (value, false);
    }
    for (character, _, [_, _]) in hidden.into_iter().filter(|(it, ..)| !it.is_control()) {
        expected[at(character)] = (None, true);
    }
    for (character, _, [place, _]) in separators {
        let kept = Some(if character.is_ascii() { character as u8 } else { 0 });
        expected[at(character)] = (kept.filter(|_| place == "around"), true);
    }
    let all = ('\0'..=char::MAX).zip(expected);
    for (character, expected) in all.filter(|(it, _)| is_tried(*it)) {
        let found = (counted(character), stands_around(character));
        assert_eq!(found, expected, "{character:?} U+{:04X}", u32::from(character));
    }
}

/// What Unicode calls a blank is dropped, by the properties of the standard library, which may be newer
/// than the table.
#[test]
fn every_blank_is_a_separator() {
    for character in ('\0'..='\u{FFFF}').filter(|it| it.is_whitespace()) {
        assert_eq!(counted(character), None, "{character:?}");
    }
    for character in ('\0'..='\u{FFFF}').filter(|it| value(*it) != 0) {
        assert!(!character.is_control() && !character.is_whitespace(), "{character:?}");
    }
}

#[test]
fn codes() {
    let (mut taken, mut refused) = (0, 0);
    for [typed, code] in rows(include_str!("../data/typed-codes.txt")) {
        let read = typed_code(&text(typed));
        let read = read.as_ref().map_or("-", Code::expose_str);
        assert_eq!(read, code, "{typed}");
        *(if code == "-" { &mut refused } else { &mut taken }) += 1;
    }
    assert!(taken > 50 && refused > 40, "{taken} and {refused}");
}

#[test]
fn a_text_is_bounded() {
    let longest = std::format!("123{}456", "\u{200b}".repeat(83));
    assert_eq!((longest.len(), read(&longest).as_deref()), (255, Some("123456")));
    for longer in [std::format!(" {longest} "), "0".repeat(257), " ".repeat(1 << 20)] {
        assert!(read(&longer).is_none() && typed_code(&longer).is_none(), "{}", longer.len());
    }
}

/// What stands around goes first, then one dot, then the number of a list; nothing else of the text.
#[test]
fn the_parts_go_in_one_order() {
    for (typed, expected) in [
        ("1. ab", "ab"),
        ("1 .ab", "1.ab"),
        ("12) ab", "ab"),
        ("(12) ab", "ab"),
        ("(12. ab", "(12.ab"),
        ("12.ab", "12.ab"),
        ("123. ab", "123.ab"),
        ("1: ab: cd", "ab:cd"),
        ("'1. 'ab'.'", "ab"),
        ("ab. .", "ab."),
        ("1.", "1"),
        ("1. .", "1."),
        ("\u{ff08}\u{661}\u{ff09}\u{3000}ab", "ab"),
        ("\u{feff}1\u{ff1a}\u{a0}ab", "ab"),
        ("", ""),
        ("''", ""),
    ] {
        assert_eq!(read(typed).as_deref(), Some(expected), "{typed:?}");
    }
}
