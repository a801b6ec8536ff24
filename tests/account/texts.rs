//! Codes that are sent: how long they live, how many tries they have, how many are sent, and to how
//! many numbers.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use crate::common::*;
use countersign::account::{Bounded, EventKind, OutOfBand, Refusal};
use countersign::{AccountId, ChangeFactors, SignIn, UnixTime};

const DAY: u64 = 86_400;

/// The code that was sent.
fn text(sent: &OutOfBand) -> &str {
    sent.to_send().expect("a text").expose_str()
}

/// A practice with a person who has a telephone and nothing else.
fn with_phone() -> (Practice, AccountId) {
    let practice = Practice::new();
    practice.phone(&account(1), "+15550100100", None);
    (practice, account(1))
}

fn too_soon(until: UnixTime) -> Option<Refusal> {
    Some(Refusal::TooSoon { until })
}

/// NIST SP 800-63B-4 section 3.1.3.2, CVE-2026-33640: five tries, and a new code is none more.
#[test]
fn a_sent_code_dies_after_five() {
    let (practice, id) = with_phone();
    let sent = practice.challenge(&id, SignIn).unwrap();
    let right = text(&sent);
    for tries in 1..=5 {
        assert_eq!(
            said(&practice.answer(&id, sent.id(), &other_than(right))),
            Said::Rejected(5 - tries)
        );
    }
    assert_eq!(said(&practice.answer(&id, sent.id(), right)), Said::Wait(practice.now().plus(30)));
    practice.wait(30);
    assert_eq!(said(&practice.answer(&id, sent.id(), right)), Said::Expired, "dead, not waiting");
    // A new code: the sixth failure, and the wait of a sixth failure.
    let next = practice.challenge(&id, SignIn).unwrap();
    let wrong = other_than(text(&next));
    assert_eq!(said(&practice.answer(&id, next.id(), &wrong)), Said::Rejected(0));
    assert_eq!(practice.summary(&id).out_of_band.consecutive_failures, 6);
    let until = practice.now().plus(60);
    let right = text(&next);
    assert_eq!(said(&practice.answer(&id, next.id(), right)), Said::Wait(until));
    // While the class waits, nothing is sent for another purpose either.
    assert_eq!(refusal(practice.challenge(&id, ChangeFactors)), too_soon(until));
    practice.wait(60);
    assert_eq!(said(&practice.answer(&id, next.id(), right)), Said::Accepted, "it has tries left");
    assert_eq!(said(&practice.answer(&id, next.id(), right)), Said::Expired, "once");
    // The enrolment of a number has five tries, of its own.
    let id = account(2);
    let sent = practice.enrol_phone(&id, "+15550100101", None).unwrap();
    let right = text(&sent);
    for tries in 1..=5 {
        let verdict = practice.confirm(&id, sent.id(), &other_than(right));
        assert_eq!(said(&verdict), Said::Rejected(5 - tries));
    }
    assert_eq!(said(&practice.confirm(&id, sent.id(), right)), Said::Expired);
    assert_eq!(practice.summary(&id).out_of_band, Default::default());
}

/// A newer code does not end an older one, for the same purpose or another: each is good for its own.
///
/// Guards that `Account::send_code` keeps what is live.
#[test]
fn an_older_live_code_stays_good_for_its_own_purpose() {
    let (practice, id) = with_phone();
    let older = practice.challenge(&id, SignIn).unwrap();
    let other = practice.challenge(&id, ChangeFactors).unwrap();
    practice.wait(30);
    let newer = practice.challenge(&id, SignIn).unwrap();
    assert!(older.id() != newer.id() && older.id() != other.id());
    let crossed = practice.answer(&id, newer.id(), text(&older));
    assert_eq!(said(&crossed), Said::Rejected(4), "a code belongs to its challenge");
    let for_another = practice.answer(&id, other.id(), text(&other));
    assert_eq!(said(&for_another), Said::Rejected(3), "and to its purpose");
    for sent in [&older, &newer] {
        assert_eq!(said(&practice.answer(&id, sent.id(), text(sent))), Said::Accepted);
        assert_eq!(said(&practice.answer(&id, sent.id(), text(sent))), Said::Expired, "once");
    }
    let answer = practice.at(&id).verify_sent_code(other.id(), text(&other), ChangeFactors);
    assert_eq!(said(&practice.run(answer)), Said::Accepted);
}

/// NIST SP 800-63B-4 section 3.1.3.2: never over ten minutes, by type; five by default.
#[test]
fn a_sent_code_lives_ten_minutes_at_most() {
    assert_eq!(Bounded::<60, 600>::new(601), None);
    for (lifetime, secs) in [(None, 300), (Some(600), 600), (Some(60), 60)] {
        for late in [0, 1] {
            let practice =
                Practice::with(Numbers { challenge_lifetime: lifetime, ..Numbers::default() });
            let id = account(1);
            // At the binding of the number, and at sign-in with it.
            let sent = practice.enrol_phone(&id, "+15550100100", None).unwrap();
            assert_eq!(sent.until(), practice.now().plus(secs));
            practice.wait(secs + late);
            let bound = said(&practice.confirm(&id, sent.id(), text(&sent)));
            assert_eq!(bound, if late == 0 { Said::Accepted } else { Said::Expired });
            if late == 1 {
                practice.phone(&id, "+15550100100", None);
            }
            practice.wait(60);
            let sent = practice.challenge(&id, SignIn).unwrap();
            assert_eq!(sent.until(), practice.now().plus(secs));
            practice.wait(secs + late);
            let answer = said(&practice.answer(&id, sent.id(), text(&sent)));
            assert_eq!(answer, if late == 0 { Said::Accepted } else { Said::Expired });
        }
    }
}

/// ASVS 2.4.1: messages cost money. Asked again within thirty seconds, nothing is sent, and the code
/// that is on its way stays good: a stranger who asks without end takes no place of the owner's.
///
/// Guards `waits` in `Account::send_code`.
#[test]
fn half_a_minute_between_two_codes() {
    let (practice, id) = with_phone();
    let sent = practice.challenge(&id, SignIn).unwrap();
    practice.store.take_events();
    let before = practice.store.records();
    for later in [0, 1, 28] {
        practice.wait(later);
        let again = practice.challenge(&id, SignIn).unwrap();
        assert_eq!((again.id(), again.until()), (sent.id(), sent.until()));
        assert!(again.to_send().is_none(), "nothing is sent");
        assert_eq!(again.destination(), sent.destination());
    }
    assert_eq!(practice.store.records(), before, "and nothing is written");
    let notes = practice.store.take_events();
    assert!(notes.iter().all(|note| note.id.is_none()) && notes.len() == 3, "but three notes");
    assert!(notes.iter().all(|note| matches!(note.kind, EventKind::ChallengeIssued { .. })));
    // Another purpose is another text.
    assert!(practice.challenge(&id, ChangeFactors).unwrap().to_send().is_some());
    // The thirtieth second brings a new one, and the first is good still.
    practice.wait(1);
    let next = practice.challenge(&id, SignIn).unwrap();
    assert!(next.to_send().is_some() && next.id() != sent.id());
    assert_eq!(said(&practice.answer(&id, sent.id(), text(&sent))), Said::Accepted);
    assert_eq!(said(&practice.answer(&id, next.id(), text(&next))), Said::Accepted);
    // What was answered does not wait any more: the next sign-in has a text of its own, at once.
    let after = practice.challenge(&id, SignIn).unwrap();
    assert!(after.to_send().is_some() && after.id() != next.id());
}

/// From unknown browsers five at once, then one in each fifth of a day, eight in a day; two more for
/// remembered browsers, ten in all; a success gives all back.
///
/// Guards `Account::may_send`.
#[test]
fn ten_texts_a_day_and_two_of_them_for_remembered_browsers() {
    let practice = Practice::new();
    let person = practice.person(1);
    let id = &person.id;
    let proof = practice.proof(&person, ChangeFactors);
    practice.phone(id, "+15550100100", Some(proof));
    let browser = practice.remember(&person);
    let from_browser = || {
        let send = practice.at(id).send_code(SignIn, &mut practice.rng());
        practice.run(send.from_browser(browser.expose_token()))
    };
    let is_sent = |sent: Done<OutOfBand>| sent.unwrap().to_send().is_some();
    // Five at once.
    let first = practice.wait(30);
    for _ in 0..5 {
        assert!(is_sent(practice.challenge(id, SignIn)));
        practice.wait(30);
    }
    let until = first.plus(DAY / 5);
    assert_eq!(refusal(practice.challenge(id, SignIn)), too_soon(until));
    practice.set_clock(UnixTime::from_secs(until.as_secs() - 1));
    assert_eq!(refusal(practice.challenge(id, SignIn)), too_soon(until));
    // One in each fifth of a day: six, seven, eight.
    for fifth in 1..=3 {
        practice.set_clock(first.plus(fifth * DAY / 5));
        assert!(is_sent(practice.challenge(id, SignIn)), "fifth {fifth}");
    }
    // No ninth before the first is a day old, from an unknown browser. The owner's has two more.
    practice.set_clock(first.plus(4 * DAY / 5));
    let until = first.plus(DAY + 1);
    assert_eq!(refusal(practice.challenge(id, SignIn)), too_soon(until));
    assert!(is_sent(from_browser()));
    practice.wait(30);
    let last = from_browser().unwrap();
    practice.wait(30);
    assert_eq!(refusal(from_browser()), too_soon(until), "ten in all");
    // The owner's answer gives all back: to the unknown browsers as well.
    assert_eq!(said(&practice.answer(id, last.id(), text(&last))), Said::Accepted);
    for _ in 0..5 {
        assert!(is_sent(practice.challenge(id, SignIn)));
        practice.wait(30);
    }
    assert!(matches!(refusal(practice.challenge(id, SignIn)), Some(Refusal::TooSoon { .. })));
}

/// In any twenty-four hours: a stranger who asks every minute for a week has eight texts sent in any
/// day of it.
#[test]
fn no_day_has_more_than_eight_texts_of_strangers() {
    let (practice, id) = with_phone();
    let mut sent = Vec::new();
    for _ in 0..7 * 24 * 60 {
        let now = practice.wait(60);
        if practice.challenge(&id, SignIn).is_ok_and(|sent| sent.to_send().is_some()) {
            sent.push(now);
        }
    }
    assert!(sent.len() >= 7 * 5, "{}", sent.len());
    for start in &sent {
        let day = sent.iter().filter(|at| *at >= start && at.since(*start) < DAY);
        assert!(day.count() <= 8);
    }
}

/// However many codes are sent and answered, the record stays readable: of those that can still be
/// answered it keeps the newest.
///
/// Guards `SentText::MOST`.
#[test]
fn the_newest_sixteen_codes_can_be_answered() {
    let (practice, id) = with_phone();
    let mut sent = Vec::new();
    for number in 0..100 {
        // Each answer gives the texts back; four of five are never answered.
        let purpose = action(&format!("pay-{number}"));
        let text = practice.challenge(&id, purpose.clone()).unwrap();
        if number % 5 == 4 {
            let code = text.to_send().unwrap().expose_str();
            let answer = practice.at(&id).verify_sent_code(text.id(), code, purpose);
            assert_eq!(said(&practice.run(answer)), Said::Accepted, "{number}");
        } else {
            sent.push((purpose, text));
        }
        practice.summary(&id);
    }
    let answers: Vec<_> = sent
        .iter()
        .map(|(purpose, text)| {
            let code = text.to_send().unwrap().expose_str();
            let answer = practice.at(&id).verify_sent_code(text.id(), code, purpose.clone());
            said(&practice.run(answer)) == Said::Accepted
        })
        .collect();
    // The last one that was answered had the sixteenth place.
    assert_eq!(answers.iter().filter(|accepted| **accepted).count(), 15);
    assert!(answers[answers.len() - 15..].iter().all(|accepted| *accepted));
}

/// Three numbers a day, because each text goes to a number that the attacker chose, and half a minute
/// between two.
///
/// Guards `BINDINGS_A_DAY` and `BETWEEN_STARTS`.
#[test]
fn three_numbers_a_day() {
    let practice = Practice::new();
    let id = account(1);
    let numbers = ["+15550199991", "+15550199992", "+15550199993", "+15550199994"];
    let first = practice.now();
    for number in &numbers[..2] {
        let until = practice.now().plus(30);
        assert_eq!(refusal(practice.enrol_phone(&id, number, None)), None);
        practice.wait(29);
        assert_eq!(refusal(practice.enrol_phone(&id, numbers[3], None)), too_soon(until));
        // An app's enrolment has the same half minute, and does not bury the number's.
        let enrol = practice.at(&id).enrol("Phone", &mut practice.rng());
        assert_eq!(refusal(practice.run(enrol)), too_soon(until));
        practice.wait(1);
    }
    assert_eq!(refusal(practice.enrol_phone(&id, numbers[2], None)), None);
    practice.wait(30);
    let until = first.plus(DAY + 1);
    assert_eq!(refusal(practice.enrol_phone(&id, numbers[3], None)), too_soon(until));
    // An app can be bound all the same, and the way of the owner is open.
    let enrol = practice.at(&id).enrol("Phone", &mut practice.rng());
    let pending = practice.run(enrol).unwrap();
    let code = Authenticator::of(&pending).code(practice.now());
    assert_eq!(said(&practice.confirm(&id, pending.id(), &code)), Said::Accepted);
    // Without a proof it says so, rather than until when.
    assert_eq!(refusal(practice.enrol_phone(&id, numbers[3], None)), Some(Refusal::ProofRequired));
    // A day later there is room; and a number that is bound gives the bindings back.
    let practice = Practice::new();
    let id = account(2);
    for number in &numbers[..3] {
        assert_eq!(refusal(practice.enrol_phone(&id, number, None)), None);
        practice.wait(30);
    }
    practice.set_clock(first.plus(DAY + 1));
    let sent = practice.enrol_phone(&id, numbers[3], None).unwrap();
    assert_eq!(said(&practice.confirm(&id, sent.id(), text(&sent))), Said::Accepted);
}
