//! Unit tests of `src/account/recovery.rs`, which declares this file at its end: they need what it keeps to itself.

use super::*;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#[test]
fn characters_equal_the_alphabet_and_read_back() {
    for (value, character) in (0_u8..).zip(ALPHABET) {
        assert_eq!(crockford_character(value), *character, "{value}");
    }
    for typed in 0..=u8::MAX {
        let upper = match typed.to_ascii_uppercase() {
            b'I' | b'L' => b'1',
            b'O' => b'0',
            other => other,
        };
        let model = match (0_u8..).zip(ALPHABET).find(|(_, character)| **character == upper) {
            Some((value, _)) => (value, u8::MAX),
            None => (0, 0),
        };
        assert_eq!(crockford_value(typed), model, "{typed:#x}");
    }
}

#[test]
fn a_code_reads_back_from_what_it_prints() {
    let code = RecoveryCode(core::array::from_fn(|at| (at as u8).wrapping_mul(37) ^ 0xa5));
    let text = code.expose_text();
    assert_eq!(text.len(), 29);
    assert_eq!(RecoveryCode::parse(&text).map(|read| read.0), Ok(code.0));
    let typed = text.to_lowercase().replace('-', " ").replace('1', "l").replace('0', "o");
    assert_eq!(RecoveryCode::parse(&typed).map(|read| read.0), Ok(code.0));
    for wrong in [&text[1..], "", "ÄÖ", &std::format!("{}0", *text)] {
        assert!(RecoveryCode::parse(wrong).is_err(), "{wrong}");
    }
    for unknown in ["U", "u", "!", "\0", "UU", "U!U"] {
        let wrong = std::format!("{}{unknown}", &text[..29 - unknown.len()]);
        assert!(RecoveryCode::parse(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn each_code_of_a_set_is_spent_once() {
    let seed = RecoverySeed { codes: core::array::from_fn(|at| [at as u8; 15]), salt: [7; 16] };
    let (codes, mut set) = seed.issue(10, UnixTime::from_secs(1));
    assert_eq!((codes.len(), set.left()), (10, 10));
    assert_eq!(set.spend(&RecoveryCode([99; 15])), Spent::Never);
    for (spent, code) in (1_u8..).zip(codes.iter()) {
        assert_eq!(set.spend(code), Spent::Now);
        assert_eq!(set.spend(code), Spent::Before);
        assert_eq!(set.left(), 10 - spent);
    }
}

#[test]
fn a_set_is_printed_one_code_a_line() {
    let seed = RecoverySeed { codes: core::array::from_fn(|at| [at as u8; 15]), salt: [7; 16] };
    let (codes, _) = seed.issue(3, UnixTime::from_secs(1));
    let lines = codes.expose_lines();
    assert_eq!(
        lines.as_str(),
        "0000-0000-0000-0000-0000-0000\n\
         040G-2081-040G-2081-040G-2081\n\
         0810-40G2-0810-40G2-0810-40G2\n"
    );
    assert!(codes.iter().zip(lines.lines()).all(|(code, line)| *code.expose_text() == line));
    assert_eq!((codes.len(), codes.is_empty()), (3, false));
    let (none, _) = seed.issue(0, UnixTime::from_secs(1)); // no policy says so
    assert_eq!((none.len(), none.is_empty()), (0, true));
}
