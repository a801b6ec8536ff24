//! The throttle in numbers: every wait of a hundred failures, any thirty days, clocks that jump, what
//! a lock does not lock, and how the owner gets in at the worst moment.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use crate::common::*;
use countersign::account::{
    Assertion, Bounded, Class, DeviceStatus, EventKind, Notice, PolicyError, RejectionReason,
    Standing, Throttle,
};
use countersign::otp::{Parameters, Period};
use countersign::{ChangeFactors, LookAhead, Mfa, Policy, SignIn, UnixTime, Window};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
pub const MONTH: u64 = 30 * DAY;

/// A code that nobody was given: its name is on no list.
pub const UNKNOWN_RECOVERY_CODE: &str = "0000-0000-0000-0000-0000-0000-0000";

/// A recovery code with the right name and a wrong secret.
pub fn misread(code: &str) -> String {
    let (head, last) = code.split_at(code.len() - 1);
    format!("{head}{}", if last == "0" { '1' } else { '0' })
}

/// The seconds from the first of eighty failures to each, if every attempt is made the moment it is
/// evaluated: from the twelfth on an hour lies between two, and the fifty-first waits until the first
/// is thirty days old.
fn schedule() -> Vec<u64> {
    let mut all = vec![0];
    while all.len() < 80 {
        let paid = all.len().saturating_sub(4);
        let doubled = if paid == 0 { 0 } else { 30 << (paid - 1).min(20) };
        let after_wait = all[all.len() - 1] + doubled.min(HOUR);
        let room = all.len().checked_sub(50).map_or(0, |oldest| all[oldest] + MONTH);
        all.push(after_wait.max(room));
    }
    all
}

/// A stranger fails until there are eighty failures in a row, at least an hour apart.
pub fn close<P: Policy>(practice: &Practice<P>, person: &Person) {
    while !practice.summary(&person.id).codes.closed_to_strangers {
        let until = practice.summary(&person.id).codes.waiting_until.unwrap_or_default();
        practice.set_clock(until.max(practice.now().plus(HOUR)));
        assert!(matches!(said(&practice.miss(person)), Said::Rejected(_)));
    }
}

/// NIST SP 800-63B-4 section 3.2.2: waits from 30 seconds to an hour. Strangers are closed out at
/// eighty in a row, and nothing is destroyed. With the twenty of the remembered browsers these are the
/// hundred at which codes are disabled for everybody, until a proof of another kind.
///
/// Guards `limits` and `is_disabled` in `throttle.rs`.
#[test]
fn a_hundred_failures_under_recommended() {
    let practice = Practice::new();
    let person = practice.person(1);
    let id = &person.id;
    let browser = practice.remember(&person);
    practice.wait(60);
    let (schedule, first) = (schedule(), practice.now());
    assert_eq!((schedule[50], schedule[79]), (MONTH, MONTH + 29 * HOUR));
    for (at, failure) in schedule.iter().zip(1_u64..) {
        let now = first.plus(*at);
        practice.set_clock(now);
        practice.store.take_events();
        let tries_left = u8::try_from(5_u64.saturating_sub(failure)).unwrap();
        assert_eq!(said(&practice.miss(&person)), Said::Rejected(tries_left), "failure {failure}");
        let summary = practice.summary(id);
        assert_eq!(u64::from(summary.codes.consecutive_failures), failure);
        assert_eq!(summary.codes.closed_to_strangers, failure == 80);
        assert!(!summary.codes.disabled);
        let within = schedule[..=failure as usize - 1].iter().filter(|old| **old + MONTH > *at);
        assert_eq!(summary.codes.weight, within.count() as u64, "failure {failure}");
        assert!(summary.codes.weight <= 50);
        let until = schedule.get(failure as usize).map(|next| first.plus(*next));
        let until = until.filter(|until| *until > now);
        assert_eq!(summary.codes.waiting_until, until, "failure {failure}");
        let Some(until) = until else { continue };
        // Whatever comes before the end of the wait is not looked at, to the second.
        let wait = until.since(now);
        for early in [0, wait / 2, wait - 1] {
            practice.set_clock(now.plus(early));
            let code = person.app.code(practice.now());
            assert_eq!(said(&practice.verify(id, &code)), Said::Wait(until));
        }
    }
    let kinds: Vec<_> = practice.store.take_events().into_iter().map(|event| event.kind).collect();
    let class = Class::Codes;
    let wrong = EventKind::Rejected(RejectionReason::WrongCode);
    assert_eq!(kinds, [wrong.clone(), EventKind::ClosedToStrangers { class }], "once");
    assert_eq!(practice.summary(id).standing, Standing::ClosedToStrangers);
    assert_eq!(said(&practice.miss(&person)), Said::Closed);
    // The twenty of the remembered browsers, all of which are evaluated.
    for failure in 1..=20 {
        practice.wait(HOUR);
        let tries_left = 5_u8.saturating_sub(failure);
        practice.store.take_events();
        let verdict = practice.miss_from(&person, browser.expose_token());
        assert_eq!(said(&verdict), Said::Rejected(tries_left), "failure {failure}");
        assert_eq!(practice.summary(id).codes.remembered_failures, u16::from(failure));
        assert_eq!(practice.summary(id).codes.disabled, failure == 20);
    }
    let kinds: Vec<_> = practice.store.take_events().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [wrong, EventKind::Disabled { class }], "once, with the hundredth");
    assert_eq!(practice.summary(id).standing, Standing::RecoveryCodesOnly);
    // No time opens it again, and no code from any browser. The device is what it was.
    for years in [0, 1, 10, 100] {
        practice.wait(years * 365 * DAY);
        let before = practice.store.records();
        let code = person.app.code(practice.now());
        assert_eq!(said(&practice.verify(id, &code)), Said::Closed);
        let from_browser = practice.verify_from(id, &code, browser.expose_token());
        assert_eq!(said(&from_browser), Said::Closed);
        assert_eq!(said(&practice.miss(&person)), Said::Closed);
        let (two, now) = (person.app.at(person.app.step(practice.now()) + 1), practice.now());
        let pair = [code.as_str(), two.as_str()];
        let resync = practice.mfa.account(id).at(now).resynchronise(person.device, pair);
        assert_eq!(said(&practice.run(resync)), Said::Closed);
        assert_eq!(practice.store.records(), before);
    }
    assert_eq!(practice.status(id, person.device), Some(DeviceStatus::Confirmed));
    // The owner's recovery code is accepted at the first try, binds a new app, and with it the old one
    // works again.
    let now = practice.now();
    let recover = practice.at(id).recover(&person.recovery_codes[0], ChangeFactors);
    let proof = practice.run(recover).accepted().unwrap();
    let enrol = practice.at(id).enrol("New", &mut practice.rng());
    let pending = practice.run(enrol.proven_by(proof)).unwrap();
    let new = Authenticator::of(&pending);
    let confirm = practice.confirm(id, pending.id(), &new.code(now));
    assert_eq!(said(&confirm), Said::Accepted);
    let now = practice.wait(60);
    assert_eq!(practice.summary(id).codes, Default::default());
    assert_eq!(said(&practice.verify(id, &person.app.code(now))), Said::Accepted);
    assert_eq!(said(&practice.verify(id, &new.code(now))), Said::Accepted);
}

/// The end itself, with waits out of the way: at the number that the policy says and not before.
///
/// Guards `at_end` in `Account::reject`.
#[test]
fn closed_at_the_limit_exactly() {
    for limit in [1, 2, 10, 79, 80] {
        let throttle = Throttle {
            free: Bounded::of::<10>(),
            first_wait: Bounded::of::<1>(),
            longest_wait: Bounded::of::<1>(),
            closed_at: Bounded::new(limit).unwrap(),
            ..Throttle::RECOMMENDED
        };
        let practice = Practice::with(Numbers { throttle: Some(throttle), ..Numbers::default() });
        let person = practice.person(1);
        for failure in 1..=limit {
            practice.wait(DAY);
            let left = 11_u64.saturating_sub(failure).min(limit - failure);
            let told = Said::Rejected(u8::try_from(left).unwrap());
            assert_eq!(said(&practice.miss(&person)), told, "{failure} of {limit}");
            let closed = practice.summary(&person.id).codes.closed_to_strangers;
            assert_eq!(closed, failure == limit, "{failure} of {limit}");
        }
        assert_eq!(practice.status(&person.id, person.device), Some(DeviceStatus::Confirmed));
        let code = person.app.code(practice.wait(365 * DAY));
        assert_eq!(said(&practice.verify(&person.id, &code)), Said::Closed);
        // A success one failure before the end starts the count again.
        if limit > 1 {
            let practice =
                Practice::with(Numbers { throttle: Some(throttle), ..Numbers::default() });
            let person = practice.person(1);
            for _ in 1..limit {
                practice.wait(DAY);
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

/// At the worst moment, when strangers are closed out: the owner gets in with the right app code from
/// a remembered browser, with a recovery code and with a passkey, each at the first try. The first ends
/// the row for everybody.
///
/// Guards the lane in `Budget::gate`, and that `Account::recover` and `finish_external` ask no gate.
#[test]
fn the_owner_gets_in_while_strangers_are_closed_out() {
    for way in 0..3 {
        let practice = Practice::new();
        let person = practice.person(1);
        let id = &person.id;
        let proof = practice.proof(&person, ChangeFactors);
        let key = practice.passkey(id, Some(proof));
        let browser = practice.remember(&person);
        close(&practice, &person);
        for _ in 0..1_000 {
            let unknown = practice.recover(id, UNKNOWN_RECOVERY_CODE);
            assert_eq!(said(&unknown), Said::Rejected(255));
            let token = practice.start_external(id, SignIn);
            let failed = practice.settle(id, Assertion::failed_at_host(&token, key), SignIn);
            assert_eq!(said(&failed), Said::Rejected(255));
        }
        let now = practice.wait(30);
        let code = person.app.code(now);
        assert_eq!(said(&practice.verify(id, &code)), Said::Closed);
        match way {
            0 => {
                let verdict = practice.verify_from(id, &code, browser.expose_token());
                assert_eq!(said(&verdict), Said::Accepted);
                assert!(!practice.summary(id).codes.closed_to_strangers);
                assert_eq!(practice.summary(id).standing, Standing::InUse);
            }
            1 => {
                let verdict = practice.recover(id, &person.recovery_codes[0]);
                assert_eq!(said(&verdict), Said::Accepted);
            }
            _ => {
                let token = practice.start_external(id, SignIn);
                let assertion = Assertion::verified_by_host(&token, key);
                assert_eq!(said(&practice.settle(id, assertion, SignIn)), Said::Accepted);
            }
        }
        assert_eq!(practice.summary(id).confirmed().count(), 2, "nothing is destroyed");
    }
}

/// "Four guesses for every sign-in of the owner" end at fifty in any thirty days, to the second; and
/// the owner gets in all the same.
///
/// Guards `full_until`, and that `Budget::succeed` leaves the list alone.
#[test]
fn fifty_in_thirty_days_whatever_succeeds() {
    let practice = Practice::new();
    let person = practice.person(1);
    let id = &person.id;
    let browser = practice.remember(&person);
    practice.wait(30);
    let (first, mut failures) = (practice.now(), 0);
    while failures < 50 {
        for _ in 0..4.min(50 - failures) {
            assert!(matches!(said(&practice.miss(&person)), Said::Rejected(_)), "{failures}");
            failures += 1;
        }
        if failures < 50 {
            let code = person.app.code(practice.wait(30));
            assert_eq!(said(&practice.verify(id, &code)), Said::Accepted);
        }
    }
    assert_eq!(practice.now().since(first), 12 * 30);
    let until = first.plus(MONTH);
    for early in [0, 10 * DAY, MONTH - 12 * 30 - 1] {
        practice.set_clock(first.plus(12 * 30 + early));
        let code = person.app.code(practice.now());
        assert_eq!(said(&practice.verify(id, &code)), Said::Wait(until));
        assert_eq!(practice.summary(id).codes.waiting_until, Some(until));
        assert_eq!(practice.summary(id).standing, Standing::Waiting { until });
    }
    // One second before the end: from the remembered browser, and with a recovery code.
    assert_eq!(practice.summary(id).codes.consecutive_failures, 2);
    let code = person.app.code(practice.now());
    let verdict = practice.verify_from(id, &code, browser.expose_token());
    assert_eq!(said(&verdict), Said::Accepted);
    assert_eq!(practice.summary(id).codes.consecutive_failures, 0, "a success ends both rows");
    assert_eq!(practice.summary(id).codes.weight, 50, "and not the thirty days");
    assert_eq!(said(&practice.recover(id, &person.recovery_codes[0])), Said::Accepted);
    practice.set_clock(until);
    // The four failures of the first moment are thirty days old, and no other: there is room for four.
    assert_eq!(practice.summary(id).codes.weight, 46);
    for left in [3, 2, 1, 0] {
        assert_eq!(said(&practice.miss(&person)), Said::Rejected(left));
    }
    assert_eq!(said(&practice.miss(&person)), Said::Wait(until.plus(30)));
    // Thirty days without a failure make room for all.
    let code = person.app.code(practice.wait(MONTH));
    assert_eq!(said(&practice.verify(id, &code)), Said::Accepted);
    for failure in 1..=FREE {
        assert_eq!(said(&practice.miss(&person)), Said::Rejected(FREE - failure));
    }
}

/// A failure weighs as much as the codes that would have been accepted: with five apps of three codes
/// each, ten failures fill thirty days, not fifty.
///
/// Guards `weight` in `throttle.rs` and `Account::acceptable`.
#[test]
fn a_failure_weighs_what_would_have_been_accepted() {
    let practice = Practice::new();
    let person = practice.person(1);
    let id = &person.id;
    let apps: Vec<_> = (2..=5).map(|n| practice.second_app(&person, &format!("App {n}"))).collect();
    practice.wait(600); // no step near now is used
    let all: Vec<_> = apps.iter().map(|(_, app)| app).chain([&person.app]).collect();
    for failure in 1..=10_u64 {
        practice.wait(HOUR);
        let wrong = wrong_code(&all, practice.now(), 0);
        assert!(matches!(said(&practice.verify(id, &wrong)), Said::Rejected(_)), "{failure}");
        assert_eq!(practice.summary(id).codes.weight, 5 * failure);
    }
    let until = practice.now().plus(MONTH - 9 * HOUR);
    assert_eq!(said(&practice.miss(&person)), Said::Wait(until));
    // Used steps are no codes that would be accepted: one app, whose code was just used, weighs one.
    let practice = Practice::new();
    let person = practice.person(1);
    let code = person.app.code(practice.now());
    assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
    let _ = practice.miss(&person);
    assert_eq!(practice.summary(&person.id).codes.weight, 1);
}

/// Numbers under which one failure would weigh more than thirty days may hold are refused.
///
/// Guards `policy::accept`.
#[test]
fn a_policy_that_could_not_count_is_refused() {
    let with = |window: Option<(u64, u64)>, look_ahead: Option<u64>, per: u64| {
        let throttle =
            Throttle { per_thirty_days: Bounded::new(per).unwrap(), ..Throttle::RECOMMENDED };
        let numbers = Numbers {
            window: window.map(|(back, forward)| Window::new(back, forward).unwrap()),
            look_ahead: look_ahead.and_then(LookAhead::new),
            throttle: Some(throttle),
            ..Numbers::default()
        };
        Mfa::with_policy(keyring(7), numbers).err()
    };
    // Five devices, each with its window twice: around our own clock and around its own.
    for (window, look_ahead, per, weight) in [
        (None, None, 10, 10),
        (None, None, 50, 10),
        (Some((0, 0)), Some(1), 4, 4),
        (Some((7, 7)), None, 50, 50),
        (Some((10, 10)), None, 50, 70),
        (None, Some(30), 50, 50),
        (None, Some(50), 50, 84),
    ] {
        let expected = (weight > per).then_some(PolicyError { weight, limit: per });
        assert_eq!(with(window, look_ahead, per), expected, "{window:?} {look_ahead:?} {per}");
        if weight > 1 {
            let error = PolicyError { weight, limit: weight - 1 };
            let tighter = Bounded::<1, 50>::new(weight - 1).map(|limit| limit.as_u64());
            if let Some(limit) = tighter {
                assert_eq!(with(window, look_ahead, limit), Some(error));
            }
        }
    }
    assert_eq!(
        PolicyError { weight: 70, limit: 50 }.to_string(),
        "one failure would weigh 70, over the 50 of thirty days"
    );
}

/// An operator's reset forgives the failures: the secrets that were guessed at are gone, and the
/// person has to be able to enrol on the same day.
#[test]
fn a_reset_opens_both_limiters() {
    let practice = Practice::new();
    let (person, operator) = (practice.person(1), practice.person(2));
    close(&practice, &person);
    let pass = practice.reset(&person.id, &operator);
    assert_eq!(practice.summary(&person.id).codes, Default::default());
    let proof = practice.entered(&person.id, &pass);
    let enrol = practice.at(&person.id).enrol("New", &mut practice.rng());
    let pending = practice.run(enrol.proven_by(proof)).unwrap();
    let code = Authenticator::of(&pending).code(practice.now());
    assert_eq!(said(&practice.confirm(&person.id, pending.id(), &code)), Said::Accepted);
}

/// A clock that is set back opens nothing and locks nobody for longer than a wait; one that was wrong
/// by more than a minute is not believed.
#[test]
fn clocks_that_jump() {
    let locked_at = START.plus(30 * DAY);
    // How far the clock is set back, and how long the answer says to wait, if at all.
    let table: [(u64, Option<u64>); 6] = [
        (0, Some(30)),
        // The leeway of two hosts' clocks: the whole wait, from now on.
        (1, Some(30)),
        (60, Some(30)),
        // Nothing waits before it began.
        (61, None),
        (HOUR, None),
        (25 * HOUR, None),
    ];
    for (back, wait) in table {
        let practice = Practice::new();
        let person = practice.person(1);
        practice.set_clock(locked_at);
        for _ in 0..FREE {
            let _ = practice.miss(&person);
        }
        practice.set_clock(UnixTime::from_secs(locked_at.as_secs() - back));
        practice.store.take_events();
        let verdict = said(&practice.miss(&person));
        match wait {
            Some(wait) => {
                let until = practice.now().plus(wait);
                assert_eq!(verdict, Said::Wait(until), "{back} s back");
                // By the clock that wrote it, it is over when it should be.
                practice.set_clock(locked_at.plus(wait));
                let code = person.app.code(practice.now());
                assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
            }
            None => {
                // One attempt, and what it writes is by today's clock.
                assert_eq!(verdict, Said::Rejected(0), "{back} s back");
                let events = practice.store.take_events();
                assert_eq!(events[0].kind, EventKind::ClockWentBack { by: back });
                let again = practice.miss(&person);
                let wait = practice.now().plus(60);
                assert_eq!(said(&again), Said::Wait(wait), "the sixth failure in a row");
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
    // Nor if the failures of that day filled thirty days: they are those of today, for thirty days.
    let practice = Practice::new();
    let person = practice.person(1);
    let now = practice.now();
    practice.set_clock(UnixTime::from_secs(5_680_281_600));
    for _ in 0..50 {
        practice.wait(HOUR);
        assert!(matches!(said(&practice.miss(&person)), Said::Rejected(_)));
    }
    practice.set_clock(now);
    let until = now.plus(MONTH);
    let code = person.app.code(now);
    assert_eq!(said(&practice.verify(&person.id, &code)), Said::Wait(until));
    assert_eq!(said(&practice.recover(&person.id, &person.recovery_codes[0])), Said::Accepted);
    practice.set_clock(until);
    let code = person.app.code(until);
    assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
    // Forward: a wait ends early by as much as the clock is ahead, and no used code comes back.
    let practice = Practice::new();
    let person = practice.person(1);
    let code = person.app.code(practice.now());
    assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
    for _ in 0..FREE {
        let _ = practice.miss(&person);
    }
    practice.wait(DAY);
    let ahead = person.app.code(practice.now());
    assert_eq!(said(&practice.verify(&person.id, &ahead)), Said::Accepted);
    practice.set_clock(UnixTime::from_secs(practice.now().as_secs() - DAY + 60));
    // Back again, every step up to the one of the wrong clock is used up: wait, or enrol anew.
    for later in 0..3 {
        let code = person.app.code(practice.wait(30 * later));
        assert!(matches!(said(&practice.verify(&person.id, &code)), Said::Rejected(_)));
    }
}

/// A stranger who locks one class has locked no other; recovery codes and passkeys cannot be locked.
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
            let token = practice.start_external(id, SignIn);
            let assertion = match passed {
                true => Assertion::verified_by_host(&token, key),
                false => Assertion::failed_at_host(&token, key),
            };
            said(&practice.settle(id, assertion, SignIn))
        };
        let sent = practice.challenge(id, SignIn).unwrap();
        let code = sent.to_send().unwrap().expose_str();
        for _ in 0..FREE {
            let rejected = match locked {
                0 => said(&practice.miss(&person)),
                1 => said(&practice.answer(id, sent.id(), &other_than(code))),
                2 => said(&practice.recover(id, &misread(&person.recovery_codes[0]))),
                _ => settle(false),
            };
            assert!(matches!(rejected, Said::Rejected(_)));
        }
        let answers = [
            said(&practice.verify(id, &person.app.code(practice.now()))),
            said(&practice.answer(id, sent.id(), code)),
            said(&practice.recover(id, &person.recovery_codes[0])),
            settle(true),
        ];
        let until = practice.now().plus(30);
        for (class, answer) in answers.into_iter().enumerate() {
            let is_locked = class == locked && class < 2;
            let expected = if is_locked { Said::Wait(until) } else { Said::Accepted };
            assert_eq!(answer, expected, "class {class} while class {locked} is locked");
        }
    }
}

/// What the person is told when a limit is reached.
#[test]
fn a_closed_or_disabled_factor_is_told() {
    let throttle = Throttle { closed_at: Bounded::of::<1>(), ..Throttle::RECOMMENDED };
    let throttle = Throttle { remembered: Bounded::of::<10>(), ..throttle };
    let practice = Practice::with(Numbers { throttle: Some(throttle), ..Numbers::default() });
    let person = practice.person(1);
    let browser = practice.remember(&person);
    let told = || -> Vec<_> {
        practice.store.take_events().iter().filter_map(|event| event.notice()).collect()
    };
    told();
    let _ = practice.miss(&person);
    assert_eq!(told(), [Notice::ClosedToStrangers]);
    for failure in 1..=10 {
        practice.wait(HOUR);
        let _ = practice.miss_from(&person, browser.expose_token());
        let expected: &[_] = if failure == 10 { &[Notice::FactorDisabled] } else { &[] };
        assert_eq!(told(), expected);
    }
    let wrong = misread(&person.recovery_codes[0]);
    for failure in 1..=100 {
        let _ = practice.recover(&person.id, &wrong);
        let expected: &[_] = if failure == 100 { &[Notice::FactorDisabled] } else { &[] };
        assert_eq!(told(), expected, "failure {failure}");
    }
    assert_eq!(practice.summary(&person.id).recovery_codes_left, 9);
}

/// A device that steps once a second has three codes as well: the weight is of codes, not of seconds.
#[test]
fn a_short_period_weighs_no_more() {
    let parameters = Parameters { period: Period::new(1).unwrap(), ..Parameters::default() };
    let practice = Practice::with(Numbers { parameters: Some(parameters), ..Numbers::default() });
    let person = practice.person(1);
    assert!(matches!(said(&practice.miss(&person)), Said::Rejected(4)));
    assert_eq!(practice.summary(&person.id).codes.weight, 1);
}
