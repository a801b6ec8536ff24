//! The throttle in numbers: every wait of a hundred failures, both limiters, clocks that jump, what
//! a lock does not lock, and the codes that are sent.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use crate::common::*;
use countersign::account::{
    Assertion, Bounded, Class, DeviceStatus, EventKind, Notice, Refusal, RejectionReason, Throttle,
};
use countersign::{ActForOther, ChangeFactors, SignIn, UnixTime};

/// A share of thirty days that one of fifty failures takes up.
const SHARE: u64 = 30 * 86_400 / 50;

const WRONG_RECOVERY_CODE: &str = "0000-0000-0000-0000-0000-0000";

/// Seconds to wait after each failure, if every attempt is made the moment it is evaluated again.
/// From the 12th on an hour; from the 52nd on the long window is full, and each failure waits until
/// a share of it is forgotten. The sum is 31 days and 6 hours: what a guesser needs to disable it.
fn waits() -> Vec<u64> {
    let mut waits = vec![0, 0, 0, 0, 30, 60, 120, 240, 480, 960, 1_920];
    waits.extend([3_600; 40]);
    // Of 52 shares, what was forgotten in 147,810 seconds is free again, and 49 shares may be full.
    waits.push(52 * SHARE - 147_810 - 49 * SHARE);
    waits.extend([SHARE; 47]);
    waits
}

/// NIST SP 800-63B-4 section 3.2.2: waits from 30 seconds to an hour, disabled at 100.
#[test]
fn a_hundred_failures_under_recommended() {
    let practice = Practice::new();
    let person = practice.person(1);
    let waits = waits();
    assert_eq!(waits.len(), 99);
    assert_eq!(waits[..51].iter().sum::<u64>(), 147_810);
    for (wait, failure) in waits.iter().zip(1_u64..) {
        let failed_at = practice.now();
        let tries_left = u8::try_from(5_u64.saturating_sub(failure)).unwrap();
        assert_eq!(said(&practice.miss(&person)), Said::Rejected(tries_left), "failure {failure}");
        let summary = practice.summary(&person.id);
        assert_eq!(u64::from(summary.codes.consecutive_failures), failure);
        assert!(!summary.codes.disabled);
        let until = (*wait > 0).then(|| failed_at.plus(*wait));
        assert_eq!(summary.codes.waiting_until, until, "failure {failure}");
        let Some(until) = until else { continue };
        // Whatever comes before the end of the wait is not looked at, to the second.
        for early in [0, wait / 2, wait - 1] {
            practice.set_clock(failed_at.plus(early));
            let code = person.app.code(practice.now());
            assert_eq!(said(&practice.verify(&person.id, &code)), Said::Wait(until));
        }
        practice.set_clock(until);
    }
    practice.store.take_events();
    assert_eq!(said(&practice.miss(&person)), Said::Rejected(0), "the hundredth");
    let kinds: Vec<_> = practice.store.take_events().into_iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [
            EventKind::Rejected(RejectionReason::WrongCode),
            EventKind::Disabled { class: Class::Codes }
        ],
        "once, with the failure that did it"
    );
    // No time brings it back, and no code.
    assert_eq!(practice.status(&person.id, person.device), Some(DeviceStatus::Disabled));
    for years in [0, 1, 10, 100] {
        practice.wait(years * 365 * 86_400);
        let before = practice.store.records();
        let code = person.app.code(practice.now());
        assert_eq!(said(&practice.verify(&person.id, &code)), Said::Disabled);
        assert_eq!(said(&practice.miss(&person)), Said::Disabled);
        let (two, now) = (person.app.at(person.app.step(practice.now()) + 1), practice.now());
        let pair = [code.as_str(), two.as_str()];
        let id = &person.id;
        let resync = practice.mfa.account(id).at(now).resynchronise(person.device, pair, SignIn);
        assert_eq!(said(&practice.run(resync)), Said::Disabled);
        assert_eq!(practice.store.records(), before);
    }
    // A new binding does, for the new device; the old one stays what it is.
    let now = practice.now();
    let code = &person.recovery_codes[0];
    let recover = practice.mfa.account(&person.id).at(now).recover(code, ChangeFactors);
    let proof = practice.run(recover).accepted().unwrap();
    let enrol = practice.mfa.account(&person.id).at(now).enrol("New", &mut practice.rng());
    let pending = practice.run(enrol.proven_by(proof)).unwrap();
    let new = Authenticator::of(&pending);
    let confirm = practice.confirm(&person.id, pending.id(), &new.code(now));
    assert_eq!(said(&confirm), Said::Accepted);
    let now = practice.wait(60);
    assert_eq!(practice.summary(&person.id).codes.consecutive_failures, 0);
    assert_eq!(said(&practice.verify(&person.id, &person.app.code(now))), Said::Rejected(4));
    assert_eq!(said(&practice.verify(&person.id, &new.code(now))), Said::Accepted);
    assert_eq!(practice.status(&person.id, person.device), Some(DeviceStatus::Disabled));
}

/// The end itself, with waits out of the way: at the number that the policy says and not before.
#[test]
fn disabled_at_the_limit_exactly() {
    for limit in [1, 2, 10, 99, 100] {
        let throttle = Throttle {
            free: Bounded::of::<10>(),
            first_wait: Bounded::of::<1>(),
            longest_wait: Bounded::of::<1>(),
            disable_at: Bounded::new(limit).unwrap(),
            per_thirty_days: Bounded::of::<100>(),
        };
        let practice = Practice::with(Numbers { throttle: Some(throttle), ..Numbers::default() });
        let person = practice.person(1);
        for failure in 1..=limit {
            practice.wait(1);
            let left = 11_u64.saturating_sub(failure).min(limit - failure);
            let told = Said::Rejected(u8::try_from(left).unwrap());
            assert_eq!(said(&practice.miss(&person)), told, "{failure} of {limit}");
            let status = practice.status(&person.id, person.device).unwrap();
            assert_eq!(status == DeviceStatus::Disabled, failure == limit, "{failure} of {limit}");
        }
        let code = person.app.code(practice.wait(365 * 86_400));
        assert_eq!(said(&practice.verify(&person.id, &code)), Said::Disabled);
        // A success one failure before the end starts the count again.
        if limit > 1 {
            let practice =
                Practice::with(Numbers { throttle: Some(throttle), ..Numbers::default() });
            let person = practice.person(1);
            for _ in 1..limit {
                practice.wait(1);
                assert!(matches!(said(&practice.miss(&person)), Said::Rejected(_)));
            }
            practice.wait(60);
            let code = person.app.code(practice.now());
            assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
            assert!(matches!(said(&practice.miss(&person)), Said::Rejected(_)));
            assert_eq!(practice.summary(&person.id).codes.consecutive_failures, 1);
        }
    }
}

/// What is guessed at while it is pending dies with the class, and the person starts again.
#[test]
fn a_pending_enrolment_dies_with_its_class() {
    let throttle = Throttle { disable_at: Bounded::of::<3>(), ..Throttle::RECOMMENDED };
    let practice = Practice::with(Numbers { throttle: Some(throttle), ..Numbers::default() });
    let id = account(1);
    let enrol = || {
        let enrol = practice.at(&id).enrol("Phone", &mut practice.rng());
        practice.run(enrol).unwrap()
    };
    let pending = enrol();
    let app = Authenticator::of(&pending);
    let wrong = wrong_code(&[&app], practice.now(), 0);
    for left in [2, 1, 0] {
        assert_eq!(said(&practice.confirm(&id, pending.id(), &wrong)), Said::Rejected(left));
    }
    let code = app.code(practice.now());
    assert_eq!(said(&practice.confirm(&id, pending.id(), &code)), Said::Expired);
    assert_eq!(practice.summary(&id).pending_until, None);
    let pending = enrol();
    let code = Authenticator::of(&pending).code(practice.now());
    assert_eq!(said(&practice.confirm(&id, pending.id(), &code)), Said::Accepted);
    assert_eq!(practice.summary(&id).codes.consecutive_failures, 0);
}

/// "Four guesses for every sign-in of the owner" ends at fifty in thirty days, to the second.
#[test]
fn fifty_in_thirty_days_whatever_succeeds() {
    let practice = Practice::new();
    let person = practice.person(1);
    let (first, mut failures) = (practice.now(), 0);
    while failures < 50 {
        for _ in 0..4.min(50 - failures) {
            assert!(matches!(said(&practice.miss(&person)), Said::Rejected(_)), "{failures}");
            failures += 1;
        }
        if failures < 50 {
            let code = person.app.code(practice.wait(30));
            assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
        }
    }
    // Twelve sign-ins of thirty seconds each have passed.
    let spent = practice.now().since(first);
    assert_eq!(spent, 12 * 30);
    let until = practice.now().plus(SHARE - spent);
    let code = person.app.code(practice.now());
    assert_eq!(said(&practice.verify(&person.id, &code)), Said::Wait(until), "the owner as well");
    assert_eq!(practice.summary(&person.id).codes.waiting_until, Some(until));
    assert_eq!(practice.summary(&person.id).codes.consecutive_failures, 2);
    practice.set_clock(until);
    let code = person.app.code(practice.now());
    assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
    // That one success has not made room: a failure fills the window again.
    assert_eq!(said(&practice.miss(&person)), Said::Rejected(0));
    assert_eq!(said(&practice.miss(&person)), Said::Wait(practice.now().plus(SHARE)));
    // Thirty days without a failure have.
    practice.wait(30 * 86_400);
    for failure in 2..=FREE {
        assert_eq!(said(&practice.miss(&person)), Said::Rejected(FREE - failure));
    }
}

/// An operator's reset forgives the failures: the secrets that were guessed at are gone, and the
/// person has to be able to enrol on the same day.
#[test]
fn a_reset_opens_both_limiters() {
    let practice = Practice::new();
    let (person, operator) = (practice.person(1), practice.person(2));
    for wait in &waits()[..60] {
        assert!(matches!(said(&practice.miss(&person)), Said::Rejected(_)));
        practice.wait(*wait);
    }
    let _ = practice.miss(&person);
    assert!(practice.summary(&person.id).codes.waiting_until.is_some());
    let proof = practice.proof(&operator, ActForOther);
    let reset = practice.at(&person.id).reset(proof, "showed a passport");
    practice.run(reset).unwrap();
    assert_eq!(practice.summary(&person.id).codes, Default::default());
    let enrol = practice.at(&person.id).enrol("New", &mut practice.rng());
    let pending = practice.run(enrol).unwrap();
    let code = Authenticator::of(&pending).code(practice.now());
    assert_eq!(said(&practice.confirm(&person.id, pending.id(), &code)), Said::Accepted);
}

/// A clock that is set back opens nothing and locks nobody for longer than the cap; one that was
/// wrong by days is not believed.
#[test]
fn clocks_that_jump() {
    let hour = 3_600;
    let locked_at = START.plus(30 * 86_400);
    // How far the clock is set back, and until when the answer says to wait, if at all.
    let table: [(u64, Option<UnixTime>); 7] = [
        (0, Some(locked_at.plus(30))),
        (1, Some(locked_at.plus(30))),
        (60, Some(locked_at.plus(30))),
        // Never more than the longest wait from now, whatever is on record.
        (hour, Some(locked_at)),
        (20 * hour, Some(UnixTime::from_secs(locked_at.as_secs() - 19 * hour))),
        (25 * hour - 30, Some(UnixTime::from_secs(locked_at.as_secs() - 24 * hour + 30))),
        // More than a day beyond it: only a clock that was wrong can have written that.
        (25 * hour, None),
    ];
    for (back, until) in table {
        let practice = Practice::new();
        let person = practice.person(1);
        practice.set_clock(locked_at);
        for _ in 0..FREE {
            let _ = practice.miss(&person);
        }
        practice.set_clock(UnixTime::from_secs(locked_at.as_secs() - back));
        practice.store.take_events();
        let said = said(&practice.miss(&person));
        match until {
            Some(until) => assert_eq!(said, Said::Wait(until), "{back} s back"),
            None => {
                // One attempt, and what it writes is by today's clock.
                assert_eq!(said, Said::Rejected(0), "{back} s back");
                let events = practice.store.take_events();
                assert_eq!(events[0].kind, EventKind::ClockWentBack { by: back });
                let again = practice.miss(&person);
                let wait = practice.now().plus(60);
                assert_eq!(
                    crate::common::said(&again),
                    Said::Wait(wait),
                    "the sixth failure in a row"
                );
            }
        }
    }
    // A clock in the year 2150, for one failure: nobody is locked out until then.
    let practice = Practice::new();
    let person = practice.person(1);
    let now = practice.now();
    practice.set_clock(UnixTime::from_secs(5_680_281_600));
    for _ in 0..FREE {
        let _ = practice.miss(&person);
    }
    practice.set_clock(now);
    let code = person.app.code(now);
    assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
    // Forward: a wait ends early by as much as the clock is ahead, and no used code comes back.
    let practice = Practice::new();
    let person = practice.person(1);
    let code = person.app.code(practice.now());
    assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
    for _ in 0..FREE {
        let _ = practice.miss(&person);
    }
    practice.wait(86_400);
    let ahead = person.app.code(practice.now());
    assert_eq!(said(&practice.verify(&person.id, &ahead)), Said::Accepted);
    practice.set_clock(UnixTime::from_secs(practice.now().as_secs() - 86_400 + 60));
    // Back again, every step up to the one of the wrong clock is used up: wait, or enrol anew.
    for later in 0..3 {
        let code = person.app.code(practice.wait(30 * later));
        assert!(matches!(said(&practice.verify(&person.id, &code)), Said::Rejected(_)));
    }
}

/// Whoever locks one class has locked no other.
#[test]
fn each_class_locks_alone() {
    for locked in 0..4 {
        let practice = Practice::new();
        let person = practice.person(1);
        let id = &person.id;
        let proof = practice.proof(&person, ChangeFactors);
        practice.phone(id, "+15550100100", Some(proof));
        let proof = practice.proof(&person, ChangeFactors);
        let key = practice.passkey(id, Some(proof));
        practice.wait(60);
        let settle = |passed: bool| {
            let (mut rng, now) = (practice.rng(), practice.now());
            let start = practice.mfa.account(id).at(now).start_external(SignIn, &mut rng);
            match or_refusal(practice.run(start)) {
                Ok(started) if passed => {
                    let verified = Assertion::verified_by_host(started.id(), key);
                    said(&practice.settle(id, verified, SignIn))
                }
                Ok(started) => {
                    let failed = Assertion::failed_at_host(started.id(), key);
                    said(&practice.settle(id, failed, SignIn))
                }
                Err(Refusal::TooSoon { until }) => Said::Wait(until),
                Err(other) => panic!("{other:?}"),
            }
        };
        let sent = practice.challenge(id, SignIn).unwrap();
        let code = sent.code().expose_str();
        for _ in 0..FREE {
            let rejected = match locked {
                0 => said(&practice.miss(&person)),
                1 => said(&practice.recover(id, WRONG_RECOVERY_CODE)),
                2 => said(&practice.answer(id, sent.id(), &other_than(code))),
                _ => settle(false),
            };
            assert!(matches!(rejected, Said::Rejected(_)));
        }
        let answers = [
            said(&practice.verify(id, &person.app.code(practice.now()))),
            said(&practice.recover(id, &person.recovery_codes[0])),
            said(&practice.answer(id, sent.id(), code)),
            settle(true),
        ];
        let until = practice.now().plus(30);
        for (class, answer) in answers.into_iter().enumerate() {
            let expected = if class == locked { Said::Wait(until) } else { Said::Accepted };
            assert_eq!(answer, expected, "class {class} while class {locked} is locked");
        }
    }
}

// Codes that are sent.

/// NIST SP 800-63B-4 section 3.1.3.2, CVE-2026-33640: five tries, and a new code is none more.
#[test]
fn a_sent_code_dies_after_five() {
    let practice = Practice::new();
    let id = account(1);
    practice.phone(&id, "+15550100100", None);
    let sent = practice.challenge(&id, SignIn).unwrap();
    let right = sent.code().expose_str();
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
    let wrong = other_than(next.code().expose_str());
    assert_eq!(said(&practice.answer(&id, next.id(), &wrong)), Said::Rejected(0));
    assert_eq!(practice.summary(&id).out_of_band.consecutive_failures, 6);
    let until = practice.now().plus(60);
    let right = next.code().expose_str();
    assert_eq!(said(&practice.answer(&id, next.id(), right)), Said::Wait(until));
    assert_eq!(refusal(practice.challenge(&id, SignIn)), Some(Refusal::TooSoon { until }));
    practice.wait(60);
    assert_eq!(said(&practice.answer(&id, next.id(), right)), Said::Accepted, "it has tries left");
    assert_eq!(said(&practice.answer(&id, next.id(), right)), Said::Expired, "once");
    // The enrolment of a number has five tries as well, on the same budget.
    let id = account(2);
    let sent = practice.enrol_phone(&id, "+15550100101", None).unwrap();
    let right = sent.code().expose_str();
    for tries in 1..=5 {
        let verdict = practice.confirm(&id, sent.id(), &other_than(right));
        assert_eq!(said(&verdict), Said::Rejected(5 - tries));
    }
    practice.wait(30);
    assert_eq!(said(&practice.confirm(&id, sent.id(), right)), Said::Expired);
    assert_eq!(practice.summary(&id).out_of_band.consecutive_failures, 5);
}

/// One code is live: a newer one takes the place of the older.
#[test]
fn a_newer_code_replaces_the_older() {
    let practice = Practice::new();
    let id = account(1);
    practice.phone(&id, "+15550100100", None);
    let older = practice.challenge(&id, SignIn).unwrap();
    practice.wait(30);
    let newer = practice.challenge(&id, SignIn).unwrap();
    assert_ne!(older.id(), newer.id());
    let verdict = practice.answer(&id, older.id(), older.code().expose_str());
    assert_eq!(said(&verdict), Said::Expired);
    let crossed = practice.answer(&id, newer.id(), older.code().expose_str());
    assert_eq!(said(&crossed), Said::Rejected(4), "a code belongs to its challenge");
    let verdict = practice.answer(&id, newer.id(), newer.code().expose_str());
    assert_eq!(said(&verdict), Said::Accepted);
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
            let bound = said(&practice.confirm(&id, sent.id(), sent.code().expose_str()));
            assert_eq!(bound, if late == 0 { Said::Accepted } else { Said::Expired });
            if late == 1 {
                practice.phone(&id, "+15550100100", None);
            }
            practice.wait(60);
            let sent = practice.challenge(&id, SignIn).unwrap();
            assert_eq!(sent.until(), practice.now().plus(secs));
            practice.wait(secs + late);
            let answer = said(&practice.answer(&id, sent.id(), sent.code().expose_str()));
            assert_eq!(answer, if late == 0 { Said::Accepted } else { Said::Expired });
        }
    }
}

/// ASVS 2.4.1: messages cost money. Thirty seconds lie between two codes to one person, whatever
/// was done with the first: answered, killed, bound, or buried under another enrolment.
#[test]
fn half_a_minute_between_two_codes() {
    let too_soon = |until| Some(Refusal::TooSoon { until });
    let bound = || {
        let practice = Practice::new();
        practice.phone(&account(1), "+15550100100", None);
        (practice, account(1))
    };
    let (practice, id) = bound();
    let sent = practice.challenge(&id, SignIn).unwrap();
    let until = practice.now().plus(30);
    for later in [0, 1, 28] {
        practice.wait(later);
        assert_eq!(refusal(practice.challenge(&id, SignIn)), too_soon(until));
    }
    // Answered, and signed in with.
    let verdict = practice.answer(&id, sent.id(), sent.code().expose_str());
    assert_eq!(said(&verdict), Said::Accepted);
    assert_eq!(refusal(practice.challenge(&id, SignIn)), too_soon(until));
    practice.wait(1);
    assert_eq!(refusal(practice.challenge(&id, SignIn)), None);
    // Two hosts whose clocks differ by a few seconds.
    practice.set_clock(UnixTime::from_secs(practice.now().as_secs() - 5));
    let clamped = too_soon(practice.now().plus(30));
    assert_eq!(refusal(practice.challenge(&id, SignIn)), clamped);

    // Bound: the code that bound the number counts like any other.
    let practice = Practice::new();
    let id = account(2);
    let sent = practice.enrol_phone(&id, "+15550100100", None).unwrap();
    let until = practice.now().plus(30);
    let change = practice.enrol_phone(&id, "+15550199999", None);
    assert_eq!(refusal(change), too_soon(until), "to whatever number");
    let verdict = practice.confirm(&id, sent.id(), sent.code().expose_str());
    assert_eq!(said(&verdict), Said::Accepted);
    assert_eq!(refusal(practice.challenge(&id, SignIn)), too_soon(until));

    // Buried: whoever has only the password starts an app's enrolment in between, again and again,
    // and has sent as many messages as they like, to numbers of their own choice.
    let practice = Practice::new();
    let id = account(3);
    let _ = practice.enrol_phone(&id, "+15550100100", None).unwrap();
    let until = practice.now().plus(30);
    for premium in ["+15550199991", "+15550199992"] {
        let enrol = practice.at(&id).enrol("Phone", &mut practice.rng());
        assert_eq!(refusal(practice.run(enrol)), None);
        assert_eq!(refusal(practice.enrol_phone(&id, premium, None)), too_soon(until));
    }
    // Killed by a change of factors.
    let (practice, id) = bound();
    let sent = practice.challenge(&id, ChangeFactors).unwrap();
    let until = practice.now().plus(30);
    let (code, now) = (sent.code().expose_str(), practice.now());
    let answer = practice.mfa.account(&id).at(now).verify_sent_code(sent.id(), code, ChangeFactors);
    let proof = practice.run(answer).accepted().unwrap();
    let _ = practice.regenerate(&id, proof);
    assert_eq!(refusal(practice.challenge(&id, SignIn)), too_soon(until));
}

/// What the person is told when the limiter ends it.
#[test]
fn a_disabled_factor_is_told() {
    let throttle = Throttle { disable_at: Bounded::of::<1>(), ..Throttle::RECOMMENDED };
    let practice = Practice::with(Numbers { throttle: Some(throttle), ..Numbers::default() });
    let person = practice.person(1);
    practice.store.take_events();
    let _ = practice.miss(&person);
    let notices: Vec<_> =
        practice.store.events().iter().filter_map(|event| event.notice()).collect();
    assert_eq!(notices, [Notice::FactorDisabled]);
    practice.store.take_events();
    let _ = practice.recover(&person.id, WRONG_RECOVERY_CODE);
    let notices: Vec<_> =
        practice.store.events().iter().filter_map(|event| event.notice()).collect();
    assert_eq!(notices, [Notice::FactorDisabled]);
}
