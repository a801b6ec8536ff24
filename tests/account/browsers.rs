//! Remembered browsers: whose they are, how long they last, what ends them, and the budget of failures
//! that no stranger can use up.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use crate::common::acting;
use crate::common::*;
use crate::throttle::close;
use countersign::account::HostsWord;
use countersign::account::{Assertion, Class, EventKind, Refusal, RememberedBrowser};
use countersign::mfa::Entered;
use countersign::{
    AccountId, ActForOther, ChangeFactors, Mfa, Policy, Proof, Recommended, SignIn, UnixTime,
    Verdict,
};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

fn remember<P: Policy>(
    practice: &Practice<P>,
    id: &AccountId,
    proof: &Proof<SignIn>,
) -> Done<RememberedBrowser> {
    let remember = practice.at(id).remember_browser(proof, &mut practice.rng());
    practice.run(remember)
}

/// Whether the library takes an attempt with this token for one of a remembered browser: then a failure
/// is counted among theirs.
fn is_known<P: Policy>(practice: &Practice<P>, person: &Person, token: &str) -> bool {
    let failures = || {
        let codes = practice.summary(&person.id).codes;
        (codes.consecutive_failures, codes.remembered_failures)
    };
    let before = failures();
    practice.wait(HOUR); // longer than any wait
    assert!(matches!(said(&practice.miss_from(person, token)), Said::Rejected(_)));
    match failures() {
        after if after == (before.0, before.1 + 1) => true,
        after if after == (before.0 + 1, before.1) => false,
        after => panic!("from {before:?} to {after:?}"),
    }
}

/// Twenty in a row, for all browsers together, with the waits of strangers; and a stranger's row is
/// another. Who has used it up is as a stranger. The owner, at the worst moment, gets in.
///
/// Guards `Lane` in `Budget::gate` and `Budget::charge`.
#[test]
fn remembered_browsers_have_a_budget_of_their_own() {
    let practice = Practice::new();
    let person = practice.person(1);
    let id = &person.id;
    let browsers = [practice.remember(&person), practice.remember(&person)];
    close(&practice, &person);
    // Four free, then thirty seconds and a minute, from whichever of the two.
    for failure in 1..=6_u8 {
        let token = browsers[usize::from(failure % 2)].expose_token();
        let verdict = practice.miss_from(&person, token);
        assert_eq!(said(&verdict), Said::Rejected(5_u8.saturating_sub(failure)));
        let wait = [0, 0, 0, 0, 30, 60][usize::from(failure) - 1];
        if wait > 0 {
            let until = practice.now().plus(wait);
            for browser in &browsers {
                let verdict = practice.miss_from(&person, browser.expose_token());
                assert_eq!(said(&verdict), Said::Wait(until));
            }
            practice.set_clock(until);
        }
    }
    assert_eq!(practice.summary(id).codes.remembered_failures, 6);
    // Up to the nineteenth the owner's right code is accepted, and it ends both rows.
    for _ in 7..=19 {
        practice.wait(HOUR);
        let _ = practice.miss_from(&person, browsers[0].expose_token());
    }
    let code = person.app.code(practice.wait(HOUR));
    assert_eq!(said(&practice.verify(id, &code)), Said::Closed);
    let verdict = practice.verify_from(id, &code, browsers[1].expose_token());
    assert_eq!(said(&verdict), Said::Accepted);
    let codes = practice.summary(id).codes;
    assert_eq!((codes.consecutive_failures, codes.remembered_failures), (0, 0));
    assert!(!codes.closed_to_strangers);
    // Their thirty days are kept: one more is theirs, and the twenty-first is as a stranger's.
    assert!(is_known(&practice, &person, browsers[0].expose_token()));
    assert!(!is_known(&practice, &person, browsers[0].expose_token()));
    assert!(!is_known(&practice, &person, browsers[1].expose_token()));
    // Thirty days later it is whole again.
    practice.wait(30 * DAY);
    assert!(is_known(&practice, &person, browsers[0].expose_token()));
}

/// Codes are disabled when both lanes are at their end, whichever was the last, and not before: the
/// twenty of remembered browsers alone leave strangers their eighty.
///
/// Guards `Budget::is_disabled`.
#[test]
fn codes_are_disabled_when_both_lanes_are_at_their_end() {
    let practice = Practice::new();
    let person = practice.person(1);
    let id = &person.id;
    let browser = practice.remember(&person);
    practice.store.take_events();
    for _ in 0..20 {
        practice.wait(HOUR);
        let _ = practice.miss_from(&person, browser.expose_token());
    }
    let codes = practice.summary(id).codes;
    assert_eq!((codes.remembered_failures, codes.disabled), (20, false));
    let disabled = EventKind::Disabled { class: Class::Codes };
    assert!(practice.store.take_events().iter().all(|event| event.kind != disabled));
    // Thirty days later they have room again, and the row is still at its end: as strangers.
    practice.wait(30 * DAY);
    assert!(!is_known(&practice, &person, browser.expose_token()));
    practice.store.take_events();
    close(&practice, &person);
    let kinds: Vec<_> = practice.store.take_events().into_iter().map(|event| event.kind).collect();
    let closed = EventKind::ClosedToStrangers { class: Class::Codes };
    assert_eq!(kinds[kinds.len() - 2..], [closed, disabled]);
    assert!(practice.summary(id).codes.disabled);
}

/// A browser that is remembered skips no factor: a wrong code is wrong from it, and a used one used.
#[test]
fn a_remembered_browser_skips_no_factor() {
    let practice = Practice::new();
    let person = practice.person(1);
    let browser = practice.remember(&person);
    let used = person.app.code(practice.now());
    for code in ["", "000000", &used] {
        let verdict = practice.verify_from(&person.id, code, browser.expose_token());
        assert_ne!(said(&verdict), Said::Accepted, "{code}");
    }
    let recover = practice.at(&person.id).recover("", SignIn);
    assert_eq!(said(&practice.run(recover.from_browser(browser.expose_token()))), Said::Malformed);
}

/// Eight are remembered; the ninth takes the place of the one that was not used for the longest, and a
/// browser that is remembered again takes its own.
///
/// Guards `Account::remember`, and `cx.browser` in `Account::remember_browser`.
#[test]
fn the_ninth_browser_replaces_the_longest_unused() {
    let practice = Practice::new();
    let person = practice.person(1);
    let id = &person.id;
    let mut browsers: Vec<_> = (0..8).map(|_| practice.remember(&person)).collect();
    // The oldest was used since; the second oldest is now the longest unused.
    let code = person.app.code(practice.wait(30));
    let verdict = practice.verify_from(id, &code, browsers[0].expose_token());
    assert_eq!(said(&verdict), Said::Accepted);
    browsers.push(practice.remember(&person));
    let listed = |browser: &RememberedBrowser| {
        practice.summary(id).browsers.iter().any(|listed| listed.id == browser.id())
    };
    for (at, browser) in browsers.iter().enumerate() {
        assert_eq!(listed(browser), at != 1, "browser {at}");
        assert_eq!(is_known(&practice, &person, browser.expose_token()), at != 1, "browser {at}");
    }
    assert_eq!(practice.summary(id).browsers.len(), 8);
    // Again from a browser that is known: eight stay eight, and only its own token is a new one.
    let proof = practice.proof(&person, SignIn);
    let again = practice.at(id).remember_browser(&proof, &mut practice.rng());
    let again = practice.run(again.from_browser(browsers[8].expose_token())).unwrap();
    assert!(!listed(&browsers[8]) && listed(&again));
    assert!([0, 2, 3, 4, 5, 6, 7].iter().all(|at| listed(&browsers[*at])));
}

/// Ninety days without use forget a browser, to the second; each accepted attempt from it begins them
/// anew, by whichever method.
///
/// Guards `browser::MEMORY` and `Account::use_browser`.
#[test]
fn ninety_days_without_use_forget_a_browser() {
    for (late, known) in [(0, true), (1, false)] {
        let practice = Practice::new();
        let person = practice.person(1);
        let browser = practice.remember(&person);
        // One hour of it passes in the question.
        practice.wait(90 * DAY - HOUR + late);
        assert_eq!(is_known(&practice, &person, browser.expose_token()), known);
    }
    for method in 0..4 {
        let practice = Practice::new();
        let person = practice.person(1);
        let id = &person.id;
        let proof = practice.proof(&person, ChangeFactors);
        let key = practice.passkey(id, Some(proof));
        let proof = practice.proof(&person, ChangeFactors);
        practice.phone(id, "+15550100100", Some(proof));
        let browser = practice.remember(&person);
        let token = browser.expose_token();
        let now = practice.wait(60 * DAY);
        let verdict = match method {
            0 => practice.verify_from(id, &person.app.code(now), token),
            1 => {
                let recover = practice.at(id).recover(&person.recovery_codes[0], SignIn);
                practice.run(recover.from_browser(token))
            }
            2 => {
                let challenge = practice.start_external(id, SignIn);
                let assertion = Assertion::verified_by_host(&challenge, key);
                practice.run(practice.at(id).finish_external(assertion, SignIn).from_browser(token))
            }
            _ => {
                let sent = practice.challenge(id, SignIn).unwrap();
                let code = sent.to_send().unwrap().expose_str();
                let answer = practice.at(id).verify_sent_code(sent.id(), code, SignIn);
                practice.run(answer.from_browser(token))
            }
        };
        assert_eq!(said(&verdict), Said::Accepted, "method {method}");
        assert_eq!(practice.summary(id).browsers[0].used_at, now, "method {method}");
        // A failure is no use, and begins nothing.
        practice.wait(60 * DAY);
        assert!(is_known(&practice, &person, token), "method {method}");
        practice.wait(30 * DAY);
        assert!(!is_known(&practice, &person, token), "method {method}");
        assert!(practice.summary(id).browsers.is_empty());
    }
}

/// A browser that was remembered by a clock that was ahead is not remembered before that moment.
#[test]
fn a_browser_from_the_future_is_as_none() {
    let practice = Practice::new();
    let person = practice.person(1);
    let now = practice.now();
    practice.wait(365 * DAY);
    let browser = practice.remember(&person);
    practice.set_clock(now);
    assert!(!is_known(&practice, &person, browser.expose_token()));
}

/// What raises the generation: a reported loss, a reset and offboarding; and nothing else.
///
/// Guards each `forget_browsers`.
#[test]
fn loss_reset_and_offboarding_end_every_token_and_nothing_else_does() {
    let events = [
        "loss",
        "reset",
        "revoke",
        "replace",
        "regenerate",
        "bind",
        "passkey",
        "fail",
        "forget",
        "unlock",
        "remember",
        "emergency",
        "rename nothing",
    ];
    for event in events {
        let practice = Practice::new();
        let (person, operator) = (practice.person(1), practice.person(2));
        let id = &person.id;
        let (spare, _) = practice.second_app(&person, "Spare");
        let browsers = [practice.remember(&person), practice.remember(&person)];
        let own = || practice.proof(&person, ChangeFactors);
        match event {
            "loss" => {
                let proof = own();
                practice.run(practice.at(id).report_lost(spare, proof)).unwrap();
            }
            "reset" => {
                practice.reset(id, &operator);
            }
            "revoke" => {
                let proof = own();
                practice.run(practice.at(id).revoke(spare, proof)).unwrap();
            }
            "replace" => {
                let proof = own();
                let replace = practice.at(id).replace(spare, "New", proof, &mut practice.rng());
                let pending = practice.run(replace).unwrap();
                let code = Authenticator::of(&pending).code(practice.now());
                assert_eq!(said(&practice.confirm(id, pending.id(), &code)), Said::Accepted);
            }
            "regenerate" => drop(practice.regenerate(id, own())),
            "bind" => drop(practice.second_app(&person, "Third")),
            "passkey" => drop(practice.passkey(id, Some(own()))),
            "fail" => (0..20).for_each(|_| {
                practice.wait(HOUR);
                let _ = practice.miss(&person);
            }),
            "forget" => {
                practice.run(practice.at(id).forget_browser(browsers[1].id())).map(drop).unwrap()
            }
            "unlock" => {
                let _ = practice.miss(&person);
                let proof = practice.proof(&operator, ActForOther);
                practice.run(practice.at(id).unlock(acting(proof))).unwrap();
            }
            "remember" => drop(practice.remember(&person)),
            "emergency" => {
                let proof = practice.proof(&operator, ActForOther);
                let grant = practice.at(id).grant_emergency_access(
                    acting(proof),
                    PassLength::Long,
                    600,
                    "in repair",
                    &mut practice.rng(),
                );
                practice.run(grant).unwrap();
            }
            _ => {}
        }
        let ended = matches!(event, "loss" | "reset");
        assert_eq!(is_known(&practice, &person, browsers[0].expose_token()), !ended, "{event}");
        if event == "forget" {
            assert!(!is_known(&practice, &person, browsers[1].expose_token()));
        }
        // A new token after it works, and the old ones stay what they are.
        if event == "loss" {
            let newer = practice.remember(&person);
            assert!(is_known(&practice, &person, newer.expose_token()));
            assert!(!is_known(&practice, &person, browsers[0].expose_token()));
        }
    }
    let practice = Practice::new();
    let person = practice.person(1);
    let browser = practice.remember(&person);
    practice.run(practice.at(&person.id).offboard(HostsWord::Process, "left")).unwrap();
    assert!(practice.summary(&person.id).browsers.is_empty());
    let code = person.app.code(practice.wait(30));
    let verdict = practice.verify_from(&person.id, &code, browser.expose_token());
    assert!(matches!(said(&verdict), Said::Rejected(_)));
    let forget = practice.at(&person.id).forget_browser(browser.id());
    assert_eq!(practice.refused(forget), Refusal::NotFound);
}

/// A token of another person, of another deployment, of another kind, cut, altered or made up, is as if
/// none had been sent: the attempt is decided all the same.
///
/// Guards `Sealed::context`.
#[test]
fn a_token_of_another_person_deployment_or_kind_is_as_none() {
    let practice = Practice::new();
    let (person, other) = (practice.person(1), practice.person(2));
    let id = &person.id;
    let browser = practice.remember(&person);
    let token = browser.expose_token();
    let of_other = practice.remember(&other);
    let mut elsewhere = Practice::new();
    elsewhere.mfa = Mfa::new(keyring(8), Recommended);
    let there = elsewhere.person(1);
    let of_elsewhere = elsewhere.remember(&there);
    let challenge = practice.start_external(id, SignIn);
    let record = practice.store.record(id).unwrap();
    let record: String = record.as_bytes()[15..].iter().map(|byte| format!("{byte:02x}")).collect();
    let (half, twice) = (&token[..token.len() / 2], token.repeat(2));
    let last = if token.ends_with('0') { "1" } else { "0" };
    let altered = format!("{}{last}", &token[..token.len() - 1]);
    let huge = "0".repeat(1 << 20);
    let id_of_it = browser.id().to_string();
    for none in [
        of_other.expose_token(),
        of_elsewhere.expose_token(),
        &challenge,
        &record,
        half,
        &twice,
        &altered,
        &huge,
        &id_of_it,
        "",
        "é",
        "browser=1",
    ] {
        assert!(!is_known(&practice, &person, none), "{none:.40}");
    }
    assert!(is_known(&practice, &person, &token.to_uppercase()), "the same bytes");
    assert!(is_known(&practice, &person, token));
    // The right code is accepted with any of them, and a browser's token is no challenge.
    let code = person.app.code(practice.wait(HOUR));
    let verdict = practice.verify_from(id, &code, of_other.expose_token());
    assert_eq!(said(&verdict), Said::Accepted);
    let assertion = Assertion::verified_by_host(token, person.device);
    assert_eq!(said(&practice.settle(id, assertion, SignIn)), Said::Expired);
    // Of somebody who has no record, nothing is known.
    let nobody = account(9);
    let verdict = practice.verify_from(&nobody, "123456", token);
    assert_eq!(said(&verdict), Said::Rejected(4));
    assert_eq!(practice.store.record(&nobody), None);
}

/// The same random number drawn for two people, or once more after a loss: the token of one opens for
/// that person and generation alone.
///
/// Guards the account in `Sealed::context`, and the generation in `Account::remembers`.
#[test]
fn a_token_is_bound_to_a_person_and_a_generation() {
    let practice = Practice::new();
    let (person, other) = (practice.person(1), practice.person(2));
    let (spare, _) = practice.second_app(&person, "Spare");
    let remember = |person: &Person| {
        let proof = practice.proof(person, SignIn);
        let remember = practice.at(&person.id).remember_browser(&proof, &mut rng(77));
        practice.run(remember).unwrap().into_inner()
    };
    let (mine, of_other) = (remember(&person), remember(&other));
    assert_eq!(mine.id(), of_other.id(), "as random as it may be");
    assert!(!is_known(&practice, &person, of_other.expose_token()));
    assert!(is_known(&practice, &person, mine.expose_token()));
    let proof = practice.proof(&person, ChangeFactors);
    practice.run(practice.at(&person.id).report_lost(spare, proof)).unwrap();
    let again = remember(&person);
    assert_eq!(mine.id(), again.id());
    assert!(!is_known(&practice, &person, mine.expose_token()));
    assert!(is_known(&practice, &person, again.expose_token()));
}

/// A token that was sealed under an older key of the ring opens as long as that key is there.
#[test]
fn a_token_lives_through_a_new_key() {
    let mut practice = Practice::new();
    let person = practice.person(1);
    let browser = practice.remember(&person);
    practice.mfa = Mfa::new(keyring(8).opening_older(sealing_key(7)), Recommended);
    assert!(is_known(&practice, &person, browser.expose_token()));
}

/// A browser is remembered for a fresh proof of the person's own for signing in: the first confirmation
/// and any method but emergency access.
///
/// Guards the refusals in `Account::remember_browser`.
#[test]
fn who_may_remember_a_browser() {
    let practice = Practice::new();
    let (person, other) = (practice.person(1), practice.person(2));
    let id = &person.id;
    let refuses = |proof: &Proof<SignIn>| {
        let remember = practice.at(id).remember_browser(proof, &mut practice.rng());
        practice.refused(remember)
    };
    // The first confirmation.
    let newcomer = account(3);
    let enrol = practice.at(&newcomer).enrol("Phone", &mut practice.rng());
    let pending = practice.run(enrol).unwrap();
    let code = Authenticator::of(&pending).code(practice.now());
    let confirmed = practice.confirm(&newcomer, pending.id(), &code).accepted().unwrap();
    assert!(remember(&practice, &newcomer, &confirmed.into_proof()).is_ok());
    // A recovery code; and the proof then opens the session.
    let proof = practice.recover(id, &person.recovery_codes[0]).accepted().unwrap();
    practice.store.take_events();
    let browser = remember(&practice, id, &proof).unwrap();
    let events = practice.store.take_events();
    assert_eq!(events[0].kind, EventKind::BrowserRemembered { browser: browser.id() });
    assert_eq!(events[0].method, Some(proof.method()));
    assert_eq!(
        format!("{:?}", *browser),
        format!("RememberedBrowser({}, [redacted])", browser.id())
    );
    // Emergency access.
    let pass = practice.emergency(id, &other, 600);
    let Verdict::Accepted(Entered::SignIn(proof)) = practice.enter(id, &pass) else { panic!() };
    assert_eq!(refuses(&proof), Refusal::NotPermitted);
    // Another person's, one from before the last change of factors, one that is too old.
    let proof = practice.proof(&other, SignIn);
    assert_eq!(refuses(&proof), Refusal::ProofUnfit);
    let older = practice.proof(&person, SignIn);
    let proof = practice.proof(&person, ChangeFactors);
    drop(practice.regenerate(id, proof));
    assert_eq!(refuses(&older), Refusal::ProofUnfit);
    let proof = practice.proof(&person, SignIn);
    let made_at = practice.now();
    practice.set_clock(made_at.plus(301));
    assert_eq!(refuses(&proof), Refusal::ProofExpired);
    practice.set_clock(UnixTime::from_secs(made_at.as_secs() - 61));
    assert_eq!(refuses(&proof), Refusal::ProofExpired);
    practice.set_clock(made_at.plus(300));
    assert!(remember(&practice, id, &proof).is_ok());
    practice.offboard(id).unwrap();
    assert_eq!(refuses(&proof), Refusal::Offboarded);
}
