//! Recovery codes: the names that take the failures, and the sets that come after each other.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use crate::common::*;
use crate::throttle::{UNKNOWN_RECOVERY_CODE, misread};
use countersign::account::{ChallengeId, EventKind, Refusal, RejectionReason};
use countersign::{AccountId, ChangeFactors, Summary};

const DAY: u64 = 86_400;

fn texts(codes: &countersign::account::RecoveryCodes) -> Vec<String> {
    codes.iter().map(|code| code.expose_text().to_string()).collect()
}

/// Replaces the codes: the number of the new set, and its codes.
fn renew(practice: &Practice, person: &Person, leaked: bool) -> (ChallengeId, Vec<String>) {
    let proof = practice.proof(person, ChangeFactors);
    let (dana, rng) = (practice.at(&person.id), &mut practice.rng());
    let renew = match leaked {
        true => dana.replace_leaked_recovery_codes(proof, rng),
        false => dana.regenerate_recovery_codes(proof, rng),
    };
    let codes = practice.run(renew).unwrap();
    (codes.set(), texts(&codes))
}

fn acknowledge(practice: &Practice, id: &AccountId, set: ChallengeId) -> Option<Refusal> {
    refusal(practice.run(practice.at(id).acknowledge_recovery_codes(set)))
}

/// What the summary says: left, seen, due.
fn of(summary: &Summary) -> (u8, bool, bool) {
    let Summary { recovery_codes_left, recovery_codes_seen, recovery_replacement_due, .. } =
        summary;
    (*recovery_codes_left, *recovery_codes_seen, *recovery_replacement_due)
}

/// A wrong name counts nowhere and writes nothing, however often: no number of wrong codes holds the
/// right one.
///
/// Guards `Spent::Never`, and that `Account::recover` asks no gate.
#[test]
fn a_wrong_name_counts_nowhere() {
    let practice = Practice::new();
    let person = practice.person(1);
    let id = &person.id;
    let before = practice.store.records();
    for _ in 0..2_000 {
        assert_eq!(said(&practice.recover(id, UNKNOWN_RECOVERY_CODE)), Said::Rejected(255));
    }
    assert_eq!(practice.store.records(), before);
    assert_eq!(practice.why(), Some(RejectionReason::WrongCode));
    assert_eq!(said(&practice.recover(id, &person.recovery_codes[0])), Said::Accepted);
    // One that is spent says the same, and counts nowhere either.
    let before = practice.store.records();
    for wrong in [person.recovery_codes[0].clone(), misread(&person.recovery_codes[0])] {
        assert_eq!(said(&practice.recover(id, &wrong)), Said::Rejected(255));
    }
    assert_eq!(practice.store.records(), before);
}

/// A failure counts on the code that was named: a hundred close that one, which is told, and no other.
///
/// Guards `StoredCode::CLOSED_AT`.
#[test]
fn a_hundred_failures_close_the_code_that_was_named() {
    let practice = Practice::new();
    let person = practice.person(1);
    let id = &person.id;
    let [first, second, ..] = &person.recovery_codes[..] else { panic!("ten") };
    for failure in 1..=100 {
        practice.store.take_events();
        let stored = practice.store.stored();
        assert_eq!(said(&practice.recover(id, &misread(first))), Said::Rejected(255));
        assert_eq!(practice.store.stored(), stored + 1, "failure {failure}");
        let closed = EventKind::RecoveryCodeClosed { left: 9 };
        let told = practice.store.take_events().iter().any(|event| event.kind == closed);
        assert_eq!(told, failure == 100, "failure {failure}");
    }
    assert_eq!(said(&practice.recover(id, first)), Said::Rejected(255));
    assert_eq!(of(&practice.summary(id)), (9, false, false));
    assert_eq!(said(&practice.recover(id, second)), Said::Accepted);
    assert_eq!(of(&practice.summary(id)), (8, true, true));
    // Ninety-nine do not: the owner's is accepted at the first try.
    let third = &person.recovery_codes[2];
    for _ in 0..99 {
        let _ = practice.recover(id, &misread(third));
    }
    assert_eq!(said(&practice.recover(id, third)), Said::Accepted);
}

/// F-40: codes whose showing was never acknowledged are known as such. They are seen when the person
/// says so, or uses one.
///
/// Guards `RecoverySet::seen`.
#[test]
fn codes_that_nobody_saw_are_known_to_be_unseen() {
    let practice = Practice::new();
    let id = account(1);
    let enrol = practice.at(&id).enrol("Phone", &mut practice.rng());
    let pending = practice.run(enrol).unwrap();
    let app = Authenticator::of(&pending);
    let code = app.code(practice.now());
    let confirmed = practice.confirm(&id, pending.id(), &code).accepted().unwrap();
    let (set, codes) = (confirmed.recovery_codes().unwrap().set(), recovery_codes(&confirmed));
    let person = Person { id, device: pending.device(), app, recovery_codes: codes };
    assert_eq!(of(&practice.summary(&id)), (10, false, false));
    let none = ChallengeId::from_bytes([0; 16]);
    assert_eq!(acknowledge(&practice, &id, none), Some(Refusal::NotFound));
    assert_eq!(acknowledge(&practice, &account(2), set), Some(Refusal::NotFound));
    assert_eq!(of(&practice.summary(&id)), (10, false, false));
    let epoch = practice.summary(&id).epoch;
    assert_eq!(acknowledge(&practice, &id, set), None);
    assert_eq!(of(&practice.summary(&id)), (10, true, false));
    assert_eq!(practice.summary(&id).epoch, epoch, "no session ends for it");
    // The click again is a note: nothing that can be repeated without end is written.
    let before = practice.store.records();
    practice.store.take_events();
    assert_eq!(acknowledge(&practice, &id, set), None);
    assert_eq!(practice.store.records(), before);
    let events = practice.store.take_events();
    assert_eq!((&events[0].kind, &events[0].id), (&EventKind::RecoveryCodesSeen, &None));
    // A new set is unseen again, until one of it is used.
    let (_, newer) = renew(&practice, &person, false);
    assert_eq!(of(&practice.summary(&id)), (10, false, false));
    assert_eq!(said(&practice.recover(&id, &newer[4])), Said::Accepted);
    assert_eq!(of(&practice.summary(&id)), (9, true, true));
    practice.offboard(&id).unwrap();
    assert_eq!(acknowledge(&practice, &id, set), Some(Refusal::Offboarded));
}

/// The old set works until the new one is acknowledged or first used, and for a day at most, to the
/// second; a set that leaked ends at once.
///
/// Guards `OLD_SET_LIFETIME`, and `leaked` in `Recovery::replace`.
#[test]
fn the_old_set_lives_until_the_new_one_is_seen() {
    for (end, lives) in [
        ("nothing", true),
        ("a wrong code", true),
        ("an old code", true),
        ("a day", true),
        ("a day and a second", false),
        ("acknowledged", false),
        ("used", false),
        ("leaked", false),
        ("a clock set back", false),
    ] {
        let practice = Practice::new();
        let person = practice.person(1);
        let id = &person.id;
        let set = practice.summary(id);
        assert_eq!(of(&set), (10, false, false));
        assert_eq!(said(&practice.recover(id, &person.recovery_codes[0])), Said::Accepted);
        let (set, newer) = renew(&practice, &person, end == "leaked");
        match end {
            "a wrong code" => drop(practice.recover(id, &misread(&newer[1]))),
            "an old code" => {
                let old = practice.recover(id, &person.recovery_codes[1]);
                assert_eq!(said(&old), Said::Accepted);
                assert!(!of(&practice.summary(id)).1, "that is not the new one");
            }
            "a day" => drop(practice.wait(DAY)),
            "a day and a second" => drop(practice.wait(DAY + 1)),
            "acknowledged" => assert_eq!(acknowledge(&practice, id, set), None),
            "used" => assert_eq!(said(&practice.recover(id, &newer[1])), Said::Accepted),
            "a clock set back" => {
                let before = practice.now().as_secs() - 61;
                practice.set_clock(countersign::UnixTime::from_secs(before));
            }
            _ => {}
        }
        let old = said(&practice.recover(id, &person.recovery_codes[2]));
        assert_eq!(old, if lives { Said::Accepted } else { Said::Rejected(255) }, "{end}");
        // Of the old set nothing comes back that was spent; and the new one works in any case.
        let spent = practice.recover(id, &person.recovery_codes[0]);
        assert_eq!(said(&spent), Said::Rejected(255), "{end}");
        assert_eq!(said(&practice.recover(id, &newer[9])), Said::Accepted, "{end}");
        let old = practice.recover(id, &person.recovery_codes[3]);
        assert_eq!(said(&old), Said::Rejected(255), "{end}: and with that the old one has ended");
    }
}

/// Two new sets of which neither arrived: the set that the person has lives on, for its day; the one in
/// between was never seen and is nothing.
///
/// Guards the filter in `Recovery::replace`.
#[test]
fn a_set_that_never_arrived_takes_no_place() {
    let practice = Practice::new();
    let person = practice.person(1);
    let id = &person.id;
    assert_eq!(said(&practice.recover(id, &person.recovery_codes[0])), Said::Accepted); // seen
    let (between, lost) = renew(&practice, &person, false);
    let (newest, newer) = renew(&practice, &person, false);
    assert_eq!(said(&practice.recover(id, &lost[0])), Said::Rejected(255));
    assert_eq!(acknowledge(&practice, id, between), Some(Refusal::NotFound));
    assert_eq!(said(&practice.recover(id, &person.recovery_codes[1])), Said::Accepted);
    // The day began with the first of the two.
    practice.wait(DAY - 29);
    assert_eq!(said(&practice.recover(id, &person.recovery_codes[2])), Said::Rejected(255));
    assert_eq!(acknowledge(&practice, id, newest), None);
    assert_eq!(said(&practice.recover(id, &newer[0])), Said::Accepted);
}

/// Failures on a code of the old set count there, and do not carry over.
#[test]
fn failures_stay_with_the_code_that_was_named() {
    let practice = Practice::new();
    let person = practice.person(1);
    let id = &person.id;
    let _ = practice.recover(id, &person.recovery_codes[0]);
    for _ in 0..60 {
        let _ = practice.recover(id, &misread(&person.recovery_codes[1]));
    }
    let (_, newer) = renew(&practice, &person, false);
    for _ in 0..40 {
        let _ = practice.recover(id, &misread(&person.recovery_codes[1]));
    }
    assert_eq!(said(&practice.recover(id, &person.recovery_codes[1])), Said::Rejected(255));
    assert_eq!(said(&practice.recover(id, &person.recovery_codes[2])), Said::Accepted);
    assert_eq!(of(&practice.summary(id)), (10, false, false));
    let proof = practice.recover(id, &newer[0]).accepted().unwrap();
    assert!(proof.replacement_due());
}
