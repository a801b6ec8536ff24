//! What people paste, at every door of the account layer, and where it came from.
#![cfg(feature = "std")]

use std::iter;

use crate::common::*;
use crate::rows::{rows, text};
use countersign::SignIn;
use countersign::account::{RecoveryCode, RecoveryCodeError, Source};

/// A code as people paste it. Each is read as the same code.
fn pasted(code: &str) -> Vec<String> {
    let (head, tail) = code.split_at(code.len() / 2);
    let wide = |zero: u32| -> String {
        code.chars().map(|it| char::from_u32(zero + it.to_digit(10).unwrap()).unwrap()).collect()
    };
    vec![
        format!("{head} {tail}"),
        format!("{head}\u{a0}{tail}\r\n"),
        format!("\t{head}\u{2011}{tail}\u{200b}"),
        format!("\u{2068}{code}\u{2069}"),
        format!("\u{201e}{code}\u{201c}."),
        format!("1. {head} {tail}"),
        format!("(2)\u{a0}{code}"),
        wide(0xff10),
        wide(0x660),
    ]
}

/// F-37, at each door that takes a code of an app, a token or a text.
#[test]
fn codes() {
    for (at, _) in pasted("123456").iter().enumerate() {
        let practice = Practice::new();
        let id = &account(1);
        let enrol = practice.mfa.account(id).at(practice.now()).enrol("Phone", &mut practice.rng());
        let pending = practice.run(enrol).unwrap();
        let app = Authenticator::of(&pending);
        let typed = pasted(&app.code(practice.now())).remove(at);
        let bound = practice.confirm(id, pending.id(), &typed).accepted().unwrap();

        let typed = pasted(&app.code(practice.wait(60))).remove(at);
        assert_eq!(said(&practice.verify(id, &typed)), Said::Accepted, "{typed:?}");

        let now = practice.wait(60);
        let codes = [570, 600].map(|ahead| pasted(&app.code(now.plus(ahead))).remove(at));
        let [first, second] = codes.each_ref().map(String::as_str);
        let resynchronise =
            practice.mfa.account(id).at(now).resynchronise(bound.device(), [first, second]);
        assert_eq!(said(&practice.run(resynchronise)), Said::Accepted, "{codes:?}");

        let id = &account(2);
        practice.phone(id, "+15550100100", None);
        practice.wait(60);
        let sent = practice.challenge(id, SignIn).unwrap();
        let typed = pasted(sent.to_send().unwrap().expose_str()).remove(at);
        assert_eq!(said(&practice.answer(id, sent.id(), &typed)), Said::Accepted, "{typed:?}");
    }
}

/// F-37, at the door for recovery codes.
#[test]
fn recovery_codes() {
    let practice = Practice::new();
    let person = practice.person(1);
    let code = &person.recovery_codes[0];
    let reads = |typed: &str| match RecoveryCode::parse(typed) {
        Ok(read) => {
            assert_eq!(*read.expose_text(), *code, "{typed:?}");
            true
        }
        Err(RecoveryCodeError) => false,
    };
    let (mut taken, mut refused) = (0, 0);
    for [pattern, expected] in rows(include_str!("../data/typed-recovery-codes.txt")) {
        let read = reads(&text(pattern).replace('@', code));
        assert_eq!(read, expected == "yes", "{pattern}");
        *(if read { &mut taken } else { &mut refused }) += 1;
    }
    assert!(taken > 25 && refused > 20, "{taken} and {refused}");
    // Every separator there is, between all characters.
    for [first, last, place, what] in rows(include_str!("../data/separators.txt")) {
        let [first, last] = [first, last].map(|hex| u32::from_str_radix(hex, 16).unwrap());
        for separator in (first..=last).filter_map(char::from_u32) {
            let apart = code.replace('-', &separator.to_string());
            assert_eq!(reads(&apart), place == "between", "{separator:?}: {what}");
            assert!(reads(&format!("{separator}{code}{separator}")), "{separator:?}: {what}");
        }
    }
    // In small letters, in full-width ones, with what is misread.
    let wide = |it: char| match it {
        '!'..='~' => char::from_u32(u32::from(it) + 0xfee0).unwrap(),
        other => other,
    };
    let misread = code.replace('0', "o").replace('1', "I");
    for typed in [code.to_lowercase(), misread.clone(), misread.replace('I', "l")] {
        assert!(reads(&typed), "{typed}");
        assert!(reads(&typed.chars().map(wide).collect::<String>()), "{typed}");
        let one = typed.chars().map(|it| if it == 'a' || it == '7' { wide(it) } else { it });
        assert!(reads(&one.collect::<String>()), "{typed}");
    }
    // A bound on the work.
    let long = |blanks: usize| {
        let (head, tail) = code.split_at(9);
        head.chars().chain(iter::repeat_n(' ', blanks)).chain(tail.chars()).collect::<String>()
    };
    assert!(reads(&long(256 - code.len())) && !reads(&long(257 - code.len())));
    // And it is the code that signs in, once.
    let typed = format!(" \u{201c}1. {}.\u{201d}\n", code.to_lowercase().replace('-', "\u{2013}"));
    assert_eq!(said(&practice.recover(&person.id, &typed)), Said::Accepted);
    assert_eq!(said(&practice.recover(&person.id, code)), Said::Rejected(u8::MAX));
}

/// F-38: the note never decides anything, whatever a browser says of itself.
#[test]
fn where_it_came_from_fails_nothing() {
    let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, \
                 like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
    assert_eq!(agent.len(), 137);
    for (source, kept) in [
        (agent, Some(&agent[..128])),
        ("", None),
        (" \t ", None),
        ("\0\u{1b}", None),
        ("a\u{1b}[2Jb\r\n", Some("a[2Jb")),
    ] {
        let practice = Practice::new();
        let person = practice.person(1);
        let now = practice.now();
        practice.store.take_events();
        let verify = practice.at(&person.id).verify(&person.app.code(now), SignIn);
        let verdict = practice.run(verify.from_source(source));
        assert_eq!(said(&verdict), Said::Accepted, "{source:?}");
        let event = practice.store.take_events().pop().unwrap();
        assert_eq!(event.source.as_ref().map(Source::as_str), kept, "{source:?}");
    }
}
