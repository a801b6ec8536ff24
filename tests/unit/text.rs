//! Unit tests of `src/text.rs`, which declares this file at its end: they need what it keeps to itself.

use super::*;
use crate::otp::engine::rows::rows;

fn new(text: &str) -> Result<Text<64>, TextError> {
    Text::new(text)
}

/// F-46: marks that turn text around, and spaces without a width.
#[test]
fn what_does_not_show_is_refused() {
    for hidden in ['\u{200F}', '\u{61C}', '\u{200B}', '\u{FEFF}', '\n', '\u{202E}', '\u{AD}'] {
        for text in [
            std::format!("{hidden}Dana"),
            std::format!("Da{hidden}na"),
            std::format!("Dana{hidden}"),
            std::format!("数{hidden}字"),
        ] {
            assert_eq!(new(&text), Err(TextError::Invisible), "{text:?}");
        }
    }
}

#[test]
fn invisible_are_the_characters_of_the_table_and_no_others() {
    let table: std::vec::Vec<_> = rows(include_str!("../data/invisible.txt"))
        .into_iter()
        .map(|[first, last, _]| {
            u32::from_str_radix(first, 16).unwrap()..=u32::from_str_radix(last, 16).unwrap()
        })
        .collect();
    for character in '\0'..=char::MAX {
        let listed = table.iter().any(|range| range.contains(&character.into()));
        assert_eq!(is_invisible(character), listed, "{character:?}");
    }
}

/// F-38: a user agent of 135 bytes, an empty header, a control character.
#[test]
fn a_note_is_cut_and_cleaned() {
    let cleaned = |text: &str| Text::<8>::cleaned(text).map(|text| text.0);
    assert_eq!(cleaned("Mozilla/5.0").as_deref(), Some("Mozilla/"));
    assert_eq!(cleaned("a\u{1b}[2J\n\u{200b}b").as_deref(), Some("a[2Jb"));
    assert_eq!(cleaned("1234567ü").as_deref(), Some("1234567"));
    assert_eq!((cleaned(""), cleaned(" "), cleaned("\u{feff}")), (None, None, None));
}

#[test]
fn what_people_type_is_taken() {
    for text in [
        "Dana's phone",
        "Müller, O'Brien & Söhne – 2",
        "می\u{200C}خواهم",     // Persian
        "क\u{94D}\u{200D}ष",   // Hindi
        "👩\u{200D}💻 laptop", // a joined emoji
        "❤\u{FE0F}",           // an emoji by a selector
        "❤\u{FE0F}\u{200D}🔥", // and joined behind one
        "שלום",                // right to left by its own letters
        "x",
    ] {
        assert_eq!(new(text).map(|text| text.0), Ok(text.into()), "{text:?}");
    }
}

/// They join what shows; behind a letter of ASCII, or one after the other, they only hide.
#[test]
fn joiners_and_selectors_stand_only_behind_what_they_join() {
    for joiner in JOINERS.into_iter().chain(SELECTORS) {
        for text in [
            std::format!("{joiner}"),
            std::format!("{joiner}字"),
            std::format!("Dana{joiner}s"),
            std::format!("字{joiner}{joiner}字"),
            std::format!("字 {joiner}字"),
            std::format!("字\u{200D}{joiner}字"),
        ] {
            assert_eq!(new(&text), Err(TextError::Invisible), "{text:?}");
        }
        assert!(new(&std::format!("字{joiner}字")).is_ok(), "{joiner:?}");
    }
}

#[test]
fn a_text_has_something_in_it_and_not_too_much() {
    for nothing in ["", " ", "\u{3000}\u{A0} "] {
        assert_eq!(new(nothing), Err(TextError::Empty), "{nothing:?}");
    }
    assert!(new(&"x".repeat(64)).is_ok());
    let too_long = TextError::TooLong { bytes: 66, limit: 64 };
    assert_eq!(new(&"é".repeat(33)), Err(too_long));
}
