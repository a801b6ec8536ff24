//! Guessing and locking out: the attacks T1 to T15, each named after what an advisory says somebody
//! else got wrong. Every test names the line it guards, and was seen to fail with that line removed.
//!
//! Of these names, one half is not the library's: that a *store* keeps what it was given (T4) and
//! compares ids bytewise (T6) is asked of every store by the conformance kit. The library's half of
//! both is here. Refunds (T13) do not exist: nothing is ever given back, so the test is that a
//! failure of the store before the evaluation costs nothing, and one after it costs the try.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

use crate::common::*;
use countersign::account::{
    Assertion, Bounded, Class, DeviceStatus, EventKind, Policy, RecordError, Refusal,
    RejectionReason, Standing, Throttle,
};
use countersign::mfa;
use countersign::{
    AccountId, AsyncStore, ChangeFactors, Mfa, Proof, Recommended, Record, SignIn, Store, Swap,
    Verdict, Write,
};

/// The budgets of a person, class by class: consecutive failures of unknown browsers.
fn failures<P: Policy>(practice: &Practice<P>, id: &AccountId) -> [u16; 2] {
    let summary = practice.summary(id);
    [summary.codes, summary.out_of_band].map(|throttle| throttle.consecutive_failures)
}

/// CVE-2024-4629, CVE-2023-47111, two-factor-auth 418: all of the parallel guesses are evaluated
/// before the first of them counts.
///
/// Guards `next: Some(self)` in `Account::reject` (a failure is a write) and `Swap::Stale => None`
/// in `Prepared::release` (an answer is a stored write).
#[test]
fn t01_parallel_guesses() {
    for round in 0..4 {
        let practice = Practice::new();
        let person = practice.person(round);
        let now = practice.now();
        let store = Rendezvous::new(&practice.store, 32);
        let answers: Vec<Option<Said>> = thread::scope(|scope| {
            let attempt = |n| {
                let guess = wrong_code(&[&person.app], now, n);
                let (mfa, store, id) = (&practice.mfa, &store, &person.id);
                move || {
                    let verdict = mfa.account(id).at(now).verify(&guess, SignIn).run(store);
                    verdict.decided().ok().map(|verdict| said(&verdict))
                }
            };
            let threads: Vec<_> = (0..32).map(|n| scope.spawn(attempt(n))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let evaluated: Vec<_> = answers
            .iter()
            .filter(|said| matches!(said, Some(Said::Rejected(_) | Said::Accepted)))
            .collect();
        assert_eq!(evaluated.len(), usize::from(FREE), "{answers:?}");
        for tries_left in 0..FREE {
            let told = Some(Said::Rejected(tries_left));
            assert_eq!(answers.iter().filter(|said| **said == told).count(), 1, "{answers:?}");
        }
        let rejected = practice.store.events();
        let rejected = rejected.iter().filter(|event| matches!(event.kind, EventKind::Rejected(_)));
        assert_eq!(rejected.count(), usize::from(FREE), "every answer was paid for");
        assert!(practice.store.stale() >= 31, "all of them decided from one version");
    }
    // Every class: as many attempts as there are, decided from one and the same record, and only
    // the first one that is written gives an answer.
    let practice = Practice::new();
    let (person, sent, challenge, key) = everything(&practice);
    let now = practice.now();
    let wrong = wrong_code(&[&person.app], now, 0);
    let (id, mfa) = (&person.id, &practice.mfa);
    let guess = other_than(&person.recovery_codes[0]);
    let attempts = [
        mfa.account(id).at(now).verify(&wrong, SignIn),
        mfa.account(id).at(now).recover(&guess, SignIn),
        mfa.account(id).at(now).verify_sent_code(
            sent.id(),
            &other_than(sent.to_send().unwrap().expose_str()),
            SignIn,
        ),
    ];
    for attempt in &attempts {
        let loaded = practice.store.record(id);
        let decided = [0; 4].map(|_| attempt.operation().decide(loaded.clone(), None).unwrap());
        let mut answers = 0;
        for decided in decided {
            let countersign::mfa::Decided::Write(prepared) = decided else {
                panic!("a guess that is answered for nothing")
            };
            let swap = practice.store.swap(id, &prepared.write()).unwrap();
            answers += usize::from(prepared.release(swap).is_some());
        }
        assert_eq!(answers, 1);
    }
    assert_eq!(failures(&practice, id), [1, 1]);
    // A passkey cannot be guessed: a failed check is a note.
    let failed = Assertion::failed_at_host(&challenge, key);
    let failed = mfa.account(id).at(now).finish_external(failed, SignIn);
    let decided = failed.operation().decide(practice.store.record(id), None).unwrap();
    assert!(matches!(decided, countersign::mfa::Decided::Answer { .. }));
}

/// The name of no code.
const WRONG_RECOVERY_CODE: &str = "0000-0000-0000-0000-0000-0000-0000";

/// A person with an app, a telephone and a passkey, a sent code and a started check.
fn everything<P: Policy>(
    practice: &Practice<P>,
) -> (Person, countersign::account::OutOfBand, String, countersign::DeviceId) {
    let person = practice.person(1);
    let proof = practice.proof(&person, ChangeFactors);
    practice.phone(&person.id, "+15550100100", Some(proof));
    let proof = practice.proof(&person, ChangeFactors);
    let key = practice.passkey(&person.id, Some(proof));
    practice.wait(60);
    let sent = practice.challenge(&person.id, SignIn).unwrap().into_inner();
    let challenge = practice.start_external(&person.id, SignIn);
    (person, sent, challenge, key)
}

/// CVE-2026-35597 (Vikunja): the lock was written, and then the wrong code was an error, and the
/// error rolled the transaction back.
///
/// Guards that `Account::reject` answers with `Verdict::Rejected`, and that `Verdict::decided`
/// makes no `Err` of it: `?` lets every verdict through but the fault.
#[test]
fn t02_rollback_of_the_caller() {
    /// A host that commits on `Ok` and rolls back on `Err`, as every framework does.
    fn in_transaction<T, E>(store: &Ledger, body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let before = store.records();
        body().inspect_err(|_| before.into_iter().for_each(|(id, record)| store.put(id, record)))
    }
    let practice = Practice::new();
    let (person, sent, challenge, key) = everything(&practice);
    let now = practice.now();
    let wrong = wrong_code(&[&person.app], now, 0);
    let other = other_than(sent.to_send().unwrap().expose_str());
    let failed = Assertion::failed_at_host(&challenge, key);
    let (id, mfa) = (&person.id, &practice.mfa);
    let pair = [wrong.as_str(), wrong.as_str()];
    let guess = other_than(&person.recovery_codes[0]);
    let resync = mfa.account(id).at(now).resynchronise(person.device, pair);
    let verdict = in_transaction(&practice.store, || resync.run(&practice.store).decided());
    assert!(matches!(verdict, Ok(Verdict::Rejected { .. })), "{verdict:?}");
    for attempt in [
        mfa.account(id).at(now).verify(&wrong, SignIn),
        mfa.account(id).at(now).recover(&guess, SignIn),
        mfa.account(id).at(now).verify_sent_code(sent.id(), &other, SignIn),
        mfa.account(id).at(now).finish_external(failed, SignIn),
    ] {
        let verdict = in_transaction(&practice.store, || attempt.run(&practice.store).decided());
        assert!(matches!(verdict, Ok(Verdict::Rejected { .. })), "{verdict:?}");
    }
    assert_eq!(failures(&practice, id), [2, 1], "what was counted stays counted");
    // Whatever the answer is: malformed, waiting, expired and closed are no errors either.
    let host = || -> Result<Vec<Said>, mfa::Fault<Broken>> {
        let dana = mfa.account(id).at(now);
        let none = dana.enter_pass(NO_PASS).run(&practice.store).decided()?;
        let typo = dana.verify("no code", SignIn).run(&practice.store).decided()?;
        Ok(vec![said(&none), said(&typo)])
    };
    assert_eq!(host().unwrap(), [Said::Rejected(255), Said::Malformed]);
}

/// AuthQuake 2024 (ten tries for each session, sessions without end), CVE-2026-27801,
/// CVE-2026-33640 (a new code is a new budget), CVE-2020-25827, CVE-2026-45364 (by address),
/// Instagram's reset codes.
///
/// Guards that the budget is the account's: `self.budgets.of_mut(class).charge(..)` in
/// `Account::reject`, that `Account::send_code` forgives nothing, and `may_send`.
#[test]
fn t03_nothing_refills() {
    // A thousand checks of a passkey are started and fail, from a thousand addresses: nothing is written,
    // and the owner's own is accepted at the first try.
    let practice = Practice::new();
    let id = account(1);
    let key = practice.passkey(&id, None);
    let before = practice.store.records();
    let owners = practice.start_external(&id, SignIn);
    for n in 0..1_000 {
        let started = practice.start_external(&id, SignIn);
        let failed = Assertion::failed_at_host(&started, key);
        let settle = practice.at(&id).finish_external(failed, SignIn);
        let verdict = practice.run(settle.from_source(&format!("198.51.100.{n}")));
        assert_eq!(said(&verdict), Said::Rejected(255));
    }
    assert_eq!(practice.store.records(), before);
    let verified = Assertion::verified_by_host(&owners, key);
    assert_eq!(said(&practice.settle(&id, verified, SignIn)), Said::Accepted);

    // A new code for each guess, as fast as they are sent, for a day.
    let practice = Practice::new();
    let id = account(2);
    practice.phone(&id, "+15550100100", None);
    let day = practice.now().plus(86_400);
    let (mut guesses, mut sent) = (0, 0);
    while practice.now() < day {
        if let Ok(challenge) = or_refusal(practice.challenge(&id, SignIn)) {
            sent += 1;
            let guess = other_than(challenge.to_send().unwrap().expose_str());
            let verdict = practice.answer(&id, challenge.id(), &guess);
            guesses += usize::from(matches!(verdict, Verdict::Rejected { .. }));
        }
        practice.wait(30);
    }
    assert_eq!(guesses, sent);
    // Five texts at once, and three more in the day.
    assert_eq!(guesses, 8, "guesses in a day");

    // A second device, a second instance, another purpose: one budget.
    let practice = Practice::new();
    let person = practice.person(3);
    let (_, tablet) = practice.second_app(&person, "Tablet");
    let now = practice.now();
    let guess = wrong_code(&[&person.app, &tablet], now, 0);
    for n in 0..u8::try_from(12).unwrap() {
        let instance = Mfa::new(keyring(7), Recommended);
        let dana = instance.account(&person.id).at(now);
        let verdict = if n % 2 == 0 {
            said(&dana.verify(&guess, SignIn).from_source("a device").run(&practice.store))
        } else {
            let release = action("release-claims");
            said(&dana.verify(&guess, release).from_source("a device").run(&practice.store))
        };
        match n {
            0..FREE => assert_eq!(verdict, Said::Rejected(FREE - 1 - n)),
            _ => assert_eq!(verdict, Said::Wait(now.plus(30))),
        }
    }
}

/// CVE-2026-27801 (Vaultwarden): `attempts += 1` on a copy that was never saved.
///
/// Guards `next: Some(self)` in `Account::reject` and the budgets in `record::write_account`.
#[test]
fn t04_the_count_is_stored() {
    let practice = Practice::new();
    let (person, sent, _, key) = everything(&practice);
    let id = &person.id;
    let guess = other_than(&person.recovery_codes[0]);
    for round in 1..=4 {
        let before = practice.store.record(id).unwrap();
        assert_eq!(said(&practice.miss(&person)), Said::Rejected(FREE - round));
        let named = practice.store.record(id).unwrap();
        assert_eq!(said(&practice.recover(id, &guess)), Said::Rejected(255));
        assert_ne!(practice.store.record(id).unwrap(), named);
        let wrong = other_than(sent.to_send().unwrap().expose_str());
        assert_eq!(said(&practice.answer(id, sent.id(), &wrong)), Said::Rejected(FREE - round));
        assert_ne!(practice.store.record(id).unwrap(), before);

        // Read back from bytes, by another instance.
        let restored = Ledger::default();
        let record = practice.store.record(id).unwrap();
        restored.put(*id, Record::new(record.version(), record.as_bytes().to_vec()));
        let other = Mfa::new(keyring(7), Recommended);
        let summary =
            other.account(id).at(practice.now()).summary().run(&restored).unwrap().unwrap();
        let counted = [summary.codes, summary.out_of_band];
        assert_eq!(counted.map(|throttle| throttle.consecutive_failures), [u16::from(round); 2]);
        assert_eq!(counted.map(|throttle| throttle.weight), [u64::from(round); 2]);
        assert_eq!(practice.store.columns(id).unwrap().codes, summary.codes);
    }
    // A failed check of a passkey and an unknown name count nowhere.
    let before = practice.store.record(id);
    let challenge = practice.start_external(id, SignIn);
    let failed = Assertion::failed_at_host(&challenge, key);
    assert_eq!(said(&practice.settle(id, failed, SignIn)), Said::Rejected(255));
    assert_eq!(said(&practice.recover(id, WRONG_RECOVERY_CODE)), Said::Rejected(255));
    assert_eq!(practice.store.record(id), before);
}

/// futrx 112, dragonflight: the right password, or another factor, cleared the count of this one.
///
/// Guards the class in each `succeed`: `Account::accept_code` and `verify_sent_code`. And that
/// `Budget::succeed` leaves the failures of thirty days.
#[test]
fn t05_success_elsewhere() {
    type Setup<'a> = (&'a countersign::account::OutOfBand, countersign::DeviceId);

    /// Two failures in every class, then one success.
    fn after(success: impl Fn(&Practice, &Person, Setup<'_>)) -> [u16; 2] {
        let practice = Practice::new();
        let (person, sent, _, key) = everything(&practice);
        let id = &person.id;
        for _ in 0..2 {
            let _ = practice.miss(&person);
            let wrong = other_than(sent.to_send().unwrap().expose_str());
            let _ = practice.answer(id, sent.id(), &wrong);
        }
        assert_eq!(failures(&practice, id), [2, 2]);
        success(&practice, &person, (&sent, key));
        failures(&practice, id)
    }
    let code = |practice: &Practice, person: &Person, _: Setup<'_>| {
        let code = person.app.code(practice.now());
        assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
    };
    let recovery = |practice: &Practice, person: &Person, _: Setup<'_>| {
        let verdict = practice.recover(&person.id, &person.recovery_codes[0]);
        assert_eq!(said(&verdict), Said::Accepted);
    };
    let sms = |practice: &Practice, person: &Person, (sent, _): Setup<'_>| {
        let verdict = practice.answer(&person.id, sent.id(), sent.to_send().unwrap().expose_str());
        assert_eq!(said(&verdict), Said::Accepted);
    };
    let passkey = |practice: &Practice, person: &Person, (_, key): Setup<'_>| {
        let challenge = practice.start_external(&person.id, SignIn);
        let verified = Assertion::verified_by_host(&challenge, key);
        assert_eq!(said(&practice.settle(&person.id, verified, SignIn)), Said::Accepted);
    };
    // Somebody else's success, and the word of the host that the password was right.
    let others = |practice: &Practice, person: &Person, _: Setup<'_>| {
        let other = practice.person(2);
        assert_eq!(practice.proof(&other, SignIn).account(), &other.id);
        let wrong = practice.at(&person.id).verify("no code", SignIn);
        assert_eq!(said(&practice.run(wrong.first_factor_passed())), Said::Malformed);
    };
    assert_eq!(after(code), [0, 2]);
    assert_eq!(after(recovery), [2, 2]);
    assert_eq!(after(sms), [2, 0]);
    assert_eq!(after(passkey), [2, 2]);
    assert_eq!(after(others), [2, 2]);

    // Ten tries for every sign-in of the owner: the long window remembers all of them.
    let practice = Practice::new();
    let person = practice.person(1);
    let mut guesses = 0;
    let until = 'guessing: loop {
        for _ in 0..4 {
            match said(&practice.miss(&person)) {
                Said::Rejected(_) if guesses < 50 => guesses += 1,
                Said::Wait(until) => break 'guessing until,
                other => panic!("{other:?}"),
            }
        }
        let code = person.app.code(practice.wait(30));
        match said(&practice.verify(&person.id, &code)) {
            Said::Accepted => {}
            Said::Wait(until) => break 'guessing until,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(guesses, 50);
    assert!(until > practice.now().plus(3_600), "longer than any wait for consecutive failures");
    // And the owner comes in all the same: with a recovery code, which opens the codes again.
    let code = &person.recovery_codes[0];
    let proof = practice.run(practice.at(&person.id).recover(code, ChangeFactors));
    let unlock = practice.at(&person.id).unlock(proof.accepted().unwrap());
    practice.run(unlock).unwrap();
    let code = person.app.code(practice.wait(30));
    assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
}

/// CVE-2025-6004, CVE-2025-54998, CVE-2026-47203, CVE-2025-24806, CVE-2020-12812, CVE-2024-12802,
/// CVE-2025-6013: a second spelling of the name has a fresh budget, or no factor at all.
///
/// Guards `place.copy_from_slice(id)` in `AccountId::new`: the bytes as they are, and `owner` and
/// `context` in record.rs, which bind a record to exactly them.
#[test]
fn t06_ids_are_bytes() {
    let spellings: [&[u8]; 9] = [
        b"dana",
        b"Dana",
        b"dana ",
        b" dana",
        b"dana\0",
        "dan\u{e1}".as_bytes(),
        "dana\u{301}".as_bytes(),
        b"dan",
        b"dana@example.com",
    ];
    let practice = Practice::new();
    let ids: Vec<_> = spellings.iter().map(|bytes| AccountId::new(bytes).unwrap()).collect();
    for (at, id) in ids.iter().enumerate() {
        assert_eq!(id.as_bytes(), spellings[at]);
        assert!(
            ids.iter().skip(at + 1).all(|other| other != id && other.as_bytes() != id.as_bytes())
        );
    }
    // The first one is enrolled and locked; the others are strangers, and stay so.
    let enrol = practice.at(&ids[0]).enrol("Phone", &mut practice.rng());
    let pending = practice.run(enrol).unwrap();
    let app = Authenticator::of(&pending);
    let verdict = practice.confirm(&ids[0], pending.id(), &app.code(practice.now()));
    assert_eq!(said(&verdict), Said::Accepted);
    practice.wait(60);
    for _ in 0..FREE {
        let _ = practice.verify(&ids[0], &wrong_code(&[&app], practice.now(), 0));
    }
    assert!(matches!(practice.verify(&ids[0], &app.code(practice.now())), Verdict::Wait { .. }));
    let record = practice.store.record(&ids[0]).unwrap();
    for id in &ids[1..] {
        // Not locked, because there is nothing to lock; and not let in.
        assert_eq!(said(&practice.verify(id, &app.code(practice.now()))), Said::Rejected(4));
        assert_eq!(practice.store.record(id), None, "a stranger has no record to write");
        // A store that folds names gives one person's record to another: it does not open.
        practice.store.put(*id, record.clone());
        let verify = practice.at(id).verify(&app.code(practice.now()), SignIn);
        let error = verify.run(&practice.store).fault();
        assert_eq!(error, Some(unreadable(RecordError::OtherAccount)));
    }
}

/// CVE-2018-14657, CVE-2026-9798, CVE-2026-16103, Keycloak 26177: the lock was looked at when the
/// attempt began, and not when the code came.
///
/// Guards the `gate` in `Account::verify` and `Account::verify_sent_code`, that there is none in
/// `Account::finish_external`, `recover` and `confirm`, and `forgive` in `bind_pending`.
#[test]
fn t07_locked_at_redemption() {
    // The lock falls between a start and its finish: a sent code, a passkey, an enrolment.
    let practice = Practice::new();
    let (person, sent, started, key) = everything(&practice);
    let id = &person.id;
    let proof = practice.proof(&person, ChangeFactors);
    let enrol = practice.at(id).enrol("Tablet", &mut practice.rng());
    let pending = practice.run(enrol.proven_by(proof)).unwrap();
    let tablet = Authenticator::of(&pending);

    let now = practice.now();
    for _ in 0..FREE {
        let guess = wrong_code(&[&person.app, &tablet], now, 0);
        let _ = practice.verify(id, &guess);
    }
    let right = person.app.at(person.app.step(now) + 1);
    assert_eq!(said(&practice.verify(id, &right)), Said::Wait(now.plus(30)));

    // Out-of-band failures are counted at a challenge that is not the last one, so the last one is
    // alive when the lock falls: four wrong answers, and one more to a new code.
    let wrong = other_than(sent.to_send().unwrap().expose_str());
    for _ in 0..4 {
        assert!(matches!(said(&practice.answer(id, sent.id(), &wrong)), Said::Rejected(_)));
    }
    let last = practice.challenge(id, SignIn).unwrap();
    let _ = practice.answer(id, last.id(), &other_than(last.to_send().unwrap().expose_str()));
    let verdict = practice.answer(id, last.id(), last.to_send().unwrap().expose_str());
    assert_eq!(said(&verdict), Said::Wait(now.plus(30)));

    // What cannot be guessed does not wait: a passkey, a recovery code, an enrolment whose secret was
    // just shown to whoever proved themselves.
    for _ in 0..FREE {
        let failed = Assertion::failed_at_host(&started, key);
        assert_eq!(said(&practice.settle(id, failed, SignIn)), Said::Rejected(255));
    }
    let started = practice.start_external(id, SignIn);
    let verified = Assertion::verified_by_host(&started, key);
    assert_eq!(said(&practice.settle(id, verified, SignIn)), Said::Accepted);
    let recovery = practice.recover(id, &person.recovery_codes[0]);
    assert_eq!(said(&recovery), Said::Accepted);
    assert_eq!(
        said(&practice.verify(id, &right)),
        Said::Wait(now.plus(30)),
        "none of them opens it"
    );
    assert_eq!(said(&practice.confirm(id, pending.id(), &tablet.code(now))), Said::Accepted);
    // A binding that a proof allowed forgives the class.
    assert_eq!(said(&practice.verify(id, &right)), Said::Accepted);
}

/// CVE-2025-6015, CVE-2021-38155, CVE-2025-6010: the order of the questions tells what the answer
/// does not: "used already" in front of "locked" says that the code was right.
///
/// Guards the `gate` at the head of `Account::verify`, `resynchronise` and `verify_sent_code`, before
/// anything is evaluated.
#[test]
fn t08_a_lock_says_nothing() {
    let policy = Numbers::default();
    let practice = Practice::with(policy.clone());
    let person = practice.person(1);
    let used = person.app.code(practice.now());
    assert_eq!(said(&practice.verify(&person.id, &used)), Said::Accepted);
    for _ in 0..FREE {
        let _ = practice.miss(&person);
    }
    practice.store.take_events();
    let until = practice.now().plus(30);
    let now = practice.now();
    let right = person.app.at(person.app.step(now) + 1);
    let next = person.app.at(person.app.step(now) + 2);
    let before = practice.store.records();
    policy.take_windows();
    let _ = practice.verify(&person.id, &right);
    let counting = policy.take_windows(); // what a failure would weigh
    practice.store.take_events();
    for code in [&right, &used, &wrong_code(&[&person.app], now, 3)] {
        assert_eq!(said(&practice.verify(&person.id, code)), Said::Wait(until));
        let [event] = practice.store.take_events().try_into().expect("one event");
        assert_eq!(
            (event.kind, event.device, event.method),
            (EventKind::Waiting { until }, None, None)
        );
    }
    let codes = [right.as_str(), next.as_str()];
    let resync = practice.mfa.account(&person.id).at(now).resynchronise(person.device, codes);
    assert_eq!(said(&practice.run(resync)), Said::Wait(until));
    assert_eq!(policy.take_windows() % counting, 0, "not one window was evaluated");
    assert_eq!(practice.store.records(), before, "and nothing was written");
    // What is no code at all is not told apart either.
    assert_eq!(said(&practice.verify(&person.id, "12345")), Said::Wait(until));

    // A recovery code does not wait, whatever is guessed beside it; and the owner has to be let in.
    for _ in 0..1_000 {
        let verdict = practice.recover(&person.id, WRONG_RECOVERY_CODE);
        assert_eq!(said(&verdict), Said::Rejected(255));
    }
    assert_eq!(practice.store.records(), before, "an unknown name is written nowhere");
    assert_eq!(said(&practice.recover(&person.id, &person.recovery_codes[0])), Said::Accepted);
}

/// CVE-2025-6015, CVE-2025-55003: a limiter that forgets in 30 seconds what is valid for 60. koel:
/// every failure renewed the life of what was guessed at.
///
/// Guards `failed_at` in `Failures::charge`, `until > now` in `Failures::waits_until`, and that a wrong
/// answer leaves `SentText::at` and `Pending::at` alone.
#[test]
fn t09_limiter_outlives_code() {
    let practice = Practice::new();
    let person = practice.person(1);
    for _ in 0..FREE {
        let _ = practice.miss(&person);
    }
    let locked = practice.now();
    // Guesses right before and right after the boundary: one, and then a longer wait.
    practice.set_clock(locked.plus(29));
    assert_eq!(said(&practice.miss(&person)), Said::Wait(locked.plus(30)));
    practice.set_clock(locked.plus(30));
    assert_eq!(said(&practice.miss(&person)), Said::Rejected(0));
    assert_eq!(said(&practice.miss(&person)), Said::Wait(locked.plus(90)));
    practice.set_clock(locked.plus(89));
    assert_eq!(said(&practice.miss(&person)), Said::Wait(locked.plus(90)));
    // Not reset by time alone, however much of it passes.
    practice.wait(40 * 86_400);
    assert_eq!(said(&practice.miss(&person)), Said::Rejected(0));
    assert_eq!(practice.summary(&person.id).codes.consecutive_failures, 7);
    // One of the owner's own makes an end of it.
    let code = person.app.code(practice.wait(3_600));
    assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
    assert_eq!(practice.summary(&person.id).codes.consecutive_failures, 0);

    // A wrong answer does not lengthen the life of a sent code, nor of an enrolment.
    let practice = Practice::new();
    let id = account(2);
    practice.phone(&id, "+15550100100", None);
    let sent = practice.challenge(&id, SignIn).unwrap();
    practice.wait(299);
    let wrong = other_than(sent.to_send().unwrap().expose_str());
    assert_eq!(said(&practice.answer(&id, sent.id(), &wrong)), Said::Rejected(4));
    practice.wait(2);
    let verdict = practice.answer(&id, sent.id(), sent.to_send().unwrap().expose_str());
    assert_eq!(said(&verdict), Said::Expired);

    let id = account(3);
    let enrol = practice.at(&id).enrol("Phone", &mut practice.rng());
    let pending = practice.run(enrol).unwrap();
    let app = Authenticator::of(&pending);
    practice.wait(599);
    let wrong = wrong_code(&[&app], practice.now(), 0);
    assert_eq!(said(&practice.confirm(&id, pending.id(), &wrong)), Said::Rejected(4));
    let now = practice.wait(2);
    assert_eq!(said(&practice.confirm(&id, pending.id(), &app.code(now))), Said::Expired);
}

/// CVE-2025-64102, CVE-2024-32868, CVE-2024-0227, CVE-2025-60424, CVE-2024-21500, CVE-2025-47951:
/// no limit for this method, or none by default.
///
/// Guards `Policy::throttle` having a body, the bounds of `Throttle`, and `charge` in
/// `Account::reject` for every class.
#[test]
fn t10_default_on() {
    struct Silent;
    impl Policy for Silent {}
    for class in Class::ALL {
        assert_eq!(Silent.throttle(class), Throttle::RECOMMENDED, "{class:?}");
    }
    // No number says "unlimited", and none of the most patient ones is far off.
    assert_eq!(Bounded::<1, 80>::new(0), None);
    assert_eq!(Bounded::<1, 80>::new(81), None);
    assert_eq!(Bounded::<1, 80>::new(u64::MAX), None);
    let most_patient = Throttle {
        free: Bounded::of::<10>(),
        first_wait: Bounded::of::<1>(),
        longest_wait: Bounded::of::<1>(),
        closed_at: Bounded::of::<80>(),
        per_thirty_days: Bounded::of::<50>(),
        remembered: Bounded::of::<20>(),
    };
    // Every class waits, with the numbers of a policy that names none, and closes at last even with
    // those of the most patient one that can be written: 80 failures, of which 50 in thirty days.
    for throttle in [None, Some(most_patient)] {
        let free = throttle.map_or(usize::from(FREE), |_| 11);
        for class in Class::ALL {
            let practice = Practice::with(Numbers { throttle, ..Numbers::default() });
            let (person, ..) = everything(&practice);
            let (mut answered, mut at_once, mut waited) = (0, 0, false);
            let mut moments = Vec::new();
            let last = loop {
                match said(&guess(&practice, &person, class)) {
                    Said::Rejected(_) if answered < 80 => {
                        answered += 1;
                        moments.push(practice.now());
                    }
                    Said::Wait(until) => {
                        waited = true;
                        practice.set_clock(until);
                    }
                    last => break last,
                }
                at_once += usize::from(!waited);
            };
            assert_eq!(last, Said::Closed, "{class:?}");
            assert_eq!(answered, 80, "{class:?}");
            assert!(at_once == free || class == Class::OutOfBand && at_once < free, "{at_once}");
            for (first, later) in moments.iter().zip(&moments[50..]) {
                assert!(*later >= first.plus(30 * 86_400), "51 in less than thirty days");
            }
            // Nothing was destroyed: the owner opens it with a recovery code.
            assert_eq!(practice.summary(&person.id).confirmed().count(), 3);
            let code = &person.recovery_codes[0];
            let proof = practice.run(practice.at(&person.id).recover(code, ChangeFactors));
            let unlock = practice.at(&person.id).unlock(proof.accepted().unwrap());
            practice.run(unlock).unwrap();
            let code = person.app.code(practice.now());
            assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
        }
    }
}

/// One wrong try in one class; a text is sent as needed.
fn guess(practice: &Practice<Numbers>, person: &Person, class: Class) -> Verdict<Proof<SignIn>> {
    let id = &person.id;
    if class == Class::Codes {
        return practice.miss(person);
    }
    match or_refusal(practice.challenge(id, SignIn)) {
        Ok(sent) => {
            // One that waits already has its code elsewhere, and any code is as wrong.
            let wrong =
                sent.to_send().map_or("000000".into(), |code| other_than(code.expose_str()));
            practice.answer(id, sent.id(), &wrong)
        }
        Err(Refusal::TooSoon { until }) => Verdict::Wait { until },
        Err(Refusal::NotPermitted) => Verdict::Closed,
        Err(other) => panic!("{other:?}"),
    }
}

/// django-otp (seventeen years after thirty failures), privacyIDEA (until an administrator comes):
/// whoever guesses locks the owner out.
///
/// Guards `min(self.longest_wait)` in `Throttle::wait_after`, the lane of remembered browsers in
/// `Budget::gate`, and that `Account::recover` asks no budget.
#[test]
fn t11_no_endless_lock() {
    let mut previous = 0;
    for failures in 0..=u16::MAX {
        let wait = Throttle::RECOMMENDED.wait_after(failures);
        assert!(wait >= previous && wait <= 3_600, "{failures} failures, {wait} s");
        previous = wait;
    }
    let extreme = Throttle {
        free: Bounded::of::<0>(),
        first_wait: Bounded::of::<3600>(),
        ..Throttle::RECOMMENDED
    };
    assert_eq!((extreme.wait_after(0), extreme.wait_after(1)), (0, 3_600));
    assert_eq!(extreme.wait_after(u16::MAX), 3_600);

    // However long somebody guesses at the app, the owner has the recovery codes, and with one of
    // them a new app. In the end the app is closed to strangers, and the owner's way is the same.
    let practice = Practice::new();
    let person = practice.person(1);
    let signed_in = practice.proof(&person, SignIn);
    let remember = practice.at(&person.id).remember_browser(&signed_in, &mut practice.rng());
    let browser = practice.run(remember).unwrap();
    let (mut attempts, mut waited) = (0, 0);
    loop {
        attempts += 1;
        assert!(attempts < 250, "it ends");
        match said(&practice.miss(&person)) {
            Said::Wait(until) => {
                let secs = until.since(practice.now());
                assert!(secs <= 3_600 || attempts > 50, "{secs} s after {attempts} attempts");
                assert!(secs <= 30 * 86_400, "never more than what thirty days hold");
                waited = waited.max(secs);
                practice.set_clock(until);
            }
            Said::Rejected(_) => {}
            other => break assert_eq!(other, Said::Closed),
        }
    }
    assert!(waited > 86_400, "fifty in thirty days are enough");
    let id = &person.id;
    assert_eq!(practice.summary(id).standing, Standing::ClosedToStrangers);
    assert_eq!(practice.status(id, person.device), Some(DeviceStatus::Confirmed));
    let enrol_again = |recovery_code: &str| {
        let now = practice.now();
        let proof = practice.mfa.account(id).at(now).recover(recovery_code, ChangeFactors);
        let enrol = practice.mfa.account(id).at(now).enrol("New phone", &mut practice.rng());
        let enrol = enrol.proven_by(practice.run(proof).accepted().unwrap());
        let pending = practice.run(enrol).unwrap();
        let app = Authenticator::of(&pending);
        assert_eq!(said(&practice.confirm(id, pending.id(), &app.code(now))), Said::Accepted);
        app
    };
    // The right code is refused from an unknown browser, and accepted from the one that is remembered;
    // a success there opens the class.
    let before = practice.store.records();
    let code = person.app.code(practice.now());
    assert_eq!(said(&practice.verify(id, &code)), Said::Closed);
    let remembered = practice.at(id).verify(&code, SignIn).from_browser(browser.expose_token());
    assert_eq!(said(&practice.run(remembered)), Said::Accepted);
    assert_eq!(practice.summary(id).codes.consecutive_failures, 0);
    // So does a new app, which the recovery code allows at once.
    before.into_iter().for_each(|(id, record)| practice.store.put(id, record));
    assert_eq!(said(&practice.recover(id, &person.recovery_codes[0])), Said::Accepted);
    let new = enrol_again(&person.recovery_codes[1]);
    assert_eq!(practice.summary(id).codes.consecutive_failures, 0);
    let code = new.code(practice.wait(30));
    assert_eq!(said(&practice.verify(id, &code)), Said::Accepted);
}

/// GHSA-74r7-3mjm-jc5v (eduMFA), django-otp 110, two-factor-auth 473: signing in with one device
/// counted a failure on the others.
///
/// Guards that `Account::verify` evaluates every device and charges once, and `Budgets::of_mut`.
#[test]
fn t12_no_collateral_charge() {
    let practice = Practice::new();
    let (person, ..) = everything(&practice);
    let (_, tablet) = practice.second_app(&person, "Tablet");
    let bystander = practice.person(2);
    let before = practice.store.record(&bystander.id);
    // The second device signs in: nobody is charged, the first one not either.
    let code = tablet.code(practice.now());
    assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
    assert_eq!(failures(&practice, &person.id), [0, 0]);
    // A guess at two devices is one failure, of one class, of one person.
    let guess = wrong_code(&[&person.app, &tablet], practice.now(), 0);
    assert_eq!(said(&practice.verify(&person.id, &guess)), Said::Rejected(4));
    assert_eq!(failures(&practice, &person.id), [1, 0]);
    let named = other_than(&person.recovery_codes[0]);
    assert_eq!(said(&practice.recover(&person.id, &named)), Said::Rejected(255));
    assert_eq!(failures(&practice, &person.id), [1, 0]);
    assert_eq!(practice.summary(&person.id).recovery_codes_left, 10);
    assert_eq!(practice.store.record(&bystander.id), before);
    // What is expired, malformed or somebody else's is no guess at this person.
    let other = practice.challenge(&person.id, SignIn).unwrap();
    let verdict = practice.answer(&bystander.id, other.id(), other.to_send().unwrap().expose_str());
    assert_eq!(said(&verdict), Said::Expired);
    assert_eq!(practice.store.record(&bystander.id), before);
    assert_eq!(failures(&practice, &person.id), [1, 0]);
}

/// A refund on "wrong" is a free guess; a charge without an answer is at most one too many.
///
/// Guards that nothing but `forgive` ever lowers a budget, and the order of `Operation::drive`:
/// load, decide, swap, answer.
#[test]
fn t13_no_refund() {
    let practice = Practice::new();
    let person = practice.person(1);
    let wrong = wrong_code(&[&person.app], practice.now(), 0);
    let attempt = || {
        let now = practice.now();
        let verify = practice.mfa.account(&person.id).at(now).verify(&wrong, SignIn);
        verify.run(&practice.store).decided().map(|verdict| said(&verdict))
    };
    for (fault, counted) in [(Fault::Load, 0), (Fault::BeforeWrite, 0), (Fault::AfterWrite, 1)] {
        practice.store.break_at(Some(fault));
        assert_eq!(attempt(), Err(mfa::Fault::Store(Broken)), "{fault:?}");
        practice.store.break_at(None);
        assert_eq!(failures(&practice, &person.id), [counted, 0], "{fault:?}");
    }
    // The charge whose answer was lost is not given back.
    assert_eq!(attempt(), Ok(Said::Rejected(3)));
    // Nor is any by doing something else: only a success of the class forgives.
    let _ = practice.verify(&person.id, "123");
    let _ = practice.enter(&person.id, NO_PASS);
    let _ = practice.challenge(&person.id, SignIn);
    assert_eq!(failures(&practice, &person.id), [2, 0]);
}

/// CVE-2021-41177 (Nextcloud): no cache, no limiter, no word.
///
/// Guards `.map_err(Fault::Store)?` after each `load` and `note` in `Operation::drive`, and `?`
/// after `record::open`: what cannot be read is never a fresh account.
#[test]
fn t14_fails_closed() {
    let practice = Practice::new();
    let person = practice.person(1);
    let now = practice.now();
    let code = person.app.code(now);
    let verify = || practice.mfa.account(&person.id).at(now).verify(&code, SignIn);
    practice.store.break_at(Some(Fault::Load));
    assert_eq!(verify().run(&practice.store).decided().err(), Some(mfa::Fault::Store(Broken)));
    let mut enrol = practice.mfa.account(&person.id).at(now).enrol("Phone", &mut practice.rng());
    assert_eq!(undecided(enrol.run(&practice.store)), Some(mfa::Fault::Store(Broken)));
    practice.store.break_at(None);

    // Each way in which a record cannot be read, and nothing is written over any of them.
    let good = practice.store.record(&person.id).unwrap();
    let damaged = |damage: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.as_bytes().to_vec();
        damage(&mut bytes);
        Record::new(good.version(), bytes)
    };
    let cases = [
        (damaged(&|bytes| bytes.clear()), RecordError::Foreign),
        (damaged(&|bytes| bytes.truncate(40)), RecordError::Torn),
        (damaged(&|bytes| *bytes.last_mut().unwrap() ^= 1), RecordError::Altered),
        (damaged(&|bytes| bytes[2] = 9), RecordError::NewerFormat(9)),
        (Record::new(good.version() + 1, good.as_bytes().to_vec()), RecordError::Altered),
        (Record::new(0, good.as_bytes().to_vec()), RecordError::Version),
    ];
    for (record, error) in cases {
        practice.store.put(person.id, record.clone());
        assert_eq!(verify().run(&practice.store).fault(), Some(unreadable(error)));
        let mut enrol =
            practice.mfa.account(&person.id).at(now).enrol("Phone", &mut practice.rng());
        assert_eq!(enrol.run(&practice.store).fault(), Some(unreadable(error)));
        let mut offboard = practice
            .mfa
            .account(&person.id)
            .at(now)
            .offboard(countersign::account::HostsWord::Process, "left");
        assert_eq!(offboard.run(&practice.store).fault(), Some(unreadable(error)));
        assert_eq!(practice.store.record(&person.id), Some(record));
    }
    let stranger = Mfa::new(keyring(8), Recommended);
    practice.store.put(person.id, good);
    let verdict = stranger.account(&person.id).at(now).verify(&code, SignIn).run(&practice.store);
    assert_eq!(verdict.fault(), Some(unreadable(RecordError::UnknownKey)));

    // A throttled attempt whose note is lost is not answered either.
    for _ in 0..FREE {
        let _ = practice.miss(&person);
    }
    practice.store.break_at(Some(Fault::Note));
    assert_eq!(verify().run(&practice.store).decided().err(), Some(mfa::Fault::Store(Broken)));
}

/// A request that is cancelled between the count and the answer.
///
/// Guards the order in `Operation::drive_async`: the answer is made after the awaited swap, so a
/// dropped future leaves a count behind and never an acceptance.
#[test]
fn t15_cancelled_future() {
    let practice = Practice::new();
    let person = practice.person(1);
    let now = practice.now();
    let code = person.app.code(now);
    let wrong = wrong_code(&[&person.app], now, 0);
    // The future is dropped at each of its points of waiting: the load, before and after the swap.
    for (stop_at, landed) in [(0, false), (1, false), (2, true)] {
        let store = Slow { ledger: &practice.store, stop_at, points: AtomicUsize::new(0) };
        let before = practice.store.record(&person.id);
        let operation = practice.mfa.account(&person.id).at(now).verify(&wrong, SignIn);
        {
            let mut future = pin!(operation.run_async(&store));
            let mut context = Context::from_waker(Waker::noop());
            assert!(future.as_mut().poll(&mut context).is_pending(), "stopped at {stop_at}");
        } // dropped
        assert_eq!(practice.store.record(&person.id) != before, landed, "stopped at {stop_at}");
    }
    assert_eq!(failures(&practice, &person.id), [1, 0], "the charge stays");
    // The right code, and the answer is lost: the code is gone, and nobody is signed in.
    let store = Slow { ledger: &practice.store, stop_at: 2, points: AtomicUsize::new(0) };
    let operation = practice.mfa.account(&person.id).at(now).verify(&code, SignIn);
    {
        let mut future = pin!(operation.run_async(&store));
        let mut context = Context::from_waker(Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(said(&practice.verify(&person.id, &code)), Said::Rejected(4));
    assert_eq!(practice.why(), Some(RejectionReason::Repeated));
    // Without a stop, it answers as `run` does.
    practice.wait(30);
    let store = Slow { ledger: &practice.store, stop_at: usize::MAX, points: AtomicUsize::new(0) };
    let code = person.app.code(practice.now());
    let operation = practice.at(&person.id).verify(&code, SignIn);
    let mut future = pin!(operation.run_async(&store));
    let Poll::Ready(verdict) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("nothing to wait for")
    };
    assert_eq!(said(&verdict), Said::Accepted);
}

/// An asynchronous store that never comes back from one of its points of waiting.
struct Slow<'s> {
    ledger: &'s Ledger,
    stop_at: usize,
    points: AtomicUsize,
}

impl Slow<'_> {
    async fn point(&self) {
        if self.points.fetch_add(1, Ordering::SeqCst) == self.stop_at {
            std::future::pending::<()>().await;
        }
    }
}

impl AsyncStore for Slow<'_> {
    type Error = Broken;

    async fn load(&self, id: &AccountId) -> Result<Option<Record>, Broken> {
        self.point().await;
        Store::load(self.ledger, id)
    }

    async fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Broken> {
        self.point().await;
        let swapped = Store::swap(self.ledger, id, write);
        self.point().await;
        swapped
    }
}

/// A panic between the count and the answer is the same as a lost answer. The thread dies in the
/// store, after the write; what was counted stays.
#[test]
fn t15_panic_after_the_write() {
    struct Panics<'s>(&'s Ledger, Mutex<bool>);
    impl Store for Panics<'_> {
        type Error = Broken;

        fn load(&self, id: &AccountId) -> Result<Option<Record>, Broken> {
            self.0.load(id)
        }

        fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Broken> {
            let swapped = self.0.swap(id, write);
            if std::mem::take(&mut *self.1.lock().unwrap()) {
                std::panic::resume_unwind(Box::new("the connection was pulled"));
            }
            swapped
        }
    }
    let practice = Practice::new();
    let person = practice.person(1);
    let now = practice.now();
    let code = person.app.code(now);
    for (code, then) in [(wrong_code(&[&person.app], now, 0), [1, 0]), (code.clone(), [0, 0])] {
        let store = Panics(&practice.store, Mutex::new(true));
        let operation = practice.mfa.account(&person.id).at(now).verify(&code, SignIn);
        let run = std::panic::AssertUnwindSafe(|| operation.run(&store));
        assert!(std::panic::catch_unwind(run).is_err());
        assert_eq!(failures(&practice, &person.id), then);
    }
    assert_eq!(said(&practice.verify(&person.id, &code)), Said::Rejected(4), "burnt");
}
