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
    let code = RecoveryCode(core::array::from_fn(|at| {
        let byte = (at as u8).wrapping_mul(37) ^ 0xa5;
        if at + 1 < CODE_LEN { byte } else { byte & 0xf0 }
    }));
    let text = code.expose_text();
    assert_eq!(text.len(), 34);
    assert_eq!(RecoveryCode::parse(&text).map(|read| read.0), Ok(code.0));
    let typed = text.to_lowercase().replace('-', " ").replace('1', "l").replace('0', "o");
    assert_eq!(RecoveryCode::parse(&typed).map(|read| read.0), Ok(code.0));
    for wrong in [&text[1..], "", "ÄÖ", &std::format!("{}0", *text)] {
        assert!(RecoveryCode::parse(wrong).is_err(), "{wrong}");
    }
    for unknown in ["U", "u", "!", "\0", "UU", "U!U"] {
        let wrong = std::format!("{}{unknown}", &text[..34 - unknown.len()]);
        assert!(RecoveryCode::parse(&wrong).is_err(), "{wrong}");
    }
}

/// A set whose codes are the bytes 0, 1, 2 and so on, over and over, but for the last four bits.
fn seed() -> RecoverySeed {
    let code = |at: usize| {
        let mut code = [at as u8; CODE_LEN];
        code[CODE_LEN - 1] &= 0xf0;
        code
    };
    let id = ChallengeId::from_bytes([5; 16]);
    RecoverySeed { id, codes: core::array::from_fn(code), salt: [7; 16] }
}

fn issued() -> (RecoveryCodes, Recovery) {
    let (codes, set) = seed().issue(10, at(0));
    (codes, Recovery { newest: Some(set), old: None })
}

fn at(secs: u64) -> UnixTime {
    UnixTime::from_secs(1_800_000_000 + secs)
}

/// The code with another secret.
fn misread(code: &RecoveryCode) -> RecoveryCode {
    let mut bytes = code.0;
    bytes[10] ^= 1;
    RecoveryCode(bytes)
}

#[test]
fn each_code_of_a_set_is_spent_once() {
    let (codes, mut recovery) = issued();
    assert_eq!((codes.len(), recovery.left()), (10, 10));
    assert_eq!(recovery.spend(&RecoveryCode([99; CODE_LEN]), at(1)), Spent::Never);
    for (spent, code) in (1_u8..).zip(codes.iter()) {
        assert_eq!(recovery.spend(code, at(1)), Spent::Now);
        assert_eq!(recovery.spend(code, at(601)), Spent::Repeated); // a form sent twice
        assert_eq!(recovery.spend(code, at(602)), Spent::Before);
        assert_eq!(recovery.left(), 10 - spent);
    }
}

#[test]
fn a_failure_counts_on_the_code_that_was_named_and_a_hundred_close_it() {
    let (codes, mut recovery) = issued();
    let all: Vec<_> = codes.iter().collect();
    for _ in 0..99 {
        assert_eq!(recovery.spend(&misread(all[3]), at(1)), Spent::Counted);
    }
    assert_eq!(recovery.spend(&misread(all[3]), at(1)), Spent::Closed);
    assert_eq!(recovery.spend(&misread(all[3]), at(1)), Spent::Never);
    assert_eq!(recovery.spend(all[3], at(1)), Spent::Before); // closed
    assert_eq!(recovery.left(), 9);
    assert_eq!(recovery.spend(all[4], at(1)), Spent::Now);
}

#[test]
fn the_old_set_lives_until_the_new_one_is_seen_and_a_day_at_most() {
    let other = || {
        let mut seed = seed();
        seed.id = ChallengeId::from_bytes([6; 16]);
        seed.codes.iter_mut().for_each(|code| code[0] ^= 0x80);
        seed.issue(10, at(10)).1
    };
    let day = 24 * 60 * 60;
    let nothing: fn(&mut Recovery) = |_| {};
    type End = (fn(&mut Recovery), u64);
    let ends: [End; 3] = [
        (|recovery| assert!(recovery.acknowledge(ChallengeId::from_bytes([6; 16]))), 21),
        (nothing, 10 + day + 1),
        (
            |recovery| {
                let set = recovery.newest.take().unwrap();
                recovery.replace(set, true, at(11));
            },
            21,
        ),
    ];
    for (end, then) in ends {
        let (codes, mut recovery) = issued();
        let all: Vec<_> = codes.iter().collect();
        recovery.replace(other(), false, at(10));
        assert_eq!(recovery.spend(all[0], at(20)), Spent::Now);
        end(&mut recovery);
        assert_eq!(recovery.spend(all[1], at(then)), Spent::Never);
    }
    // A write by a clock that was wrong ends nothing: it is judged when a code comes.
    let (codes, mut recovery) = issued();
    let all: Vec<_> = codes.iter().collect();
    recovery.replace(other(), false, at(10));
    assert_eq!(recovery.spend(all[0], at(365 * day)), Spent::Never);
    assert_eq!(recovery.spend(all[0], at(10 + day)), Spent::Now);
    let (_, mut recovery) = issued();
    assert!(!recovery.acknowledge(ChallengeId::from_bytes([9; 16])) && !recovery.is_seen());
}

#[test]
fn a_set_is_printed_one_code_a_line() {
    let (codes, _) = seed().issue(3, at(0));
    let lines = codes.expose_lines();
    assert_eq!(
        lines.as_str(),
        "0000-0000-0000-0000-0000-0000-0000\n\
         040G-2081-040G-2081-040G-2081-040G\n\
         0810-40G2-0810-40G2-0810-40G2-0810\n"
    );
    assert!(codes.iter().zip(lines.lines()).all(|(code, line)| *code.expose_text() == line));
    assert_eq!((codes.len(), codes.is_empty()), (3, false));
    let (none, _) = seed().issue(0, at(0)); // no policy says so
    assert_eq!((none.len(), none.is_empty()), (0, true));
}
