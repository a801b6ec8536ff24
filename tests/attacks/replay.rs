//! One-time use: the attacks R1 to R12, each named after what an advisory says somebody else got
//! wrong. Every test names the line it guards, and was seen to fail with that line removed.
//!
//! Not here, because no line of this library could let them in: a second record of one person in
//! the store, a cache or a replica in front of it (the other halves of R5). Those are the store's,
//! and the conformance kit asks them of every store. Races between threads are here (R4); every
//! order of parallel attempts is enumerated elsewhere.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use std::thread;

use crate::common::*;
use countersign::account::{
    AnyPurpose, Assertion, EventKind, ExistingDevice, Refusal, RejectionReason, Text,
};
use countersign::mfa::{self, Decided};
use countersign::otp::{Parameters, Period};
use countersign::{
    Algorithm, ChangeFactors, Code, Digits, Keyring, MemoryStore, Mfa, Purpose, Recommended,
    Record, Secret, SignIn, Store, Swap, UnixTime, Window,
};

/// CVE-2015-7225, CVE-2021-43177, CVE-2022-25838, CVE-2026-33473, CVE-2026-61630, CVE-2025-43798,
/// CVE-2021-45331, and a dozen more: the code was not burnt, or only for a part of its life.
/// Fortify PR 399: burnt at step 1 instead of its own.
///
/// Guards `*last_step = Some(moving_factor)` in `Device::accept` and `step > last` in
/// `Totp::scan_from`.
#[test]
fn r01_same_code_twice() {
    for late in [0, 1, 29, 30, 31, 59, 60, 89, 90] {
        // The code of the next step: a device whose clock is fast. Whatever the window, it is known as
        // the code that the device used last: refused, and not counted.
        let practice = Practice::new();
        let person = practice.person(1);
        let first = practice.now();
        let step = person.app.step(first) + 1;
        let code = person.app.at(step);
        assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
        let EventKind::Accepted { moving_factor, .. } = practice.store.events().pop().unwrap().kind
        else {
            panic!("no acceptance on record")
        };
        assert_eq!(moving_factor, Some(step), "burnt at its own step");

        practice.wait(late);
        practice.store.take_events();
        assert_eq!(said(&practice.verify(&person.id, &code)), Said::Rejected(4), "{late} s later");
        assert_eq!(practice.why(), Some(RejectionReason::Repeated), "{late} s later");
        assert_eq!(practice.summary(&person.id).codes.consecutive_failures, 0);
    }
    // A token's code as well: CVE-2013-7322, privacyIDEA 171.
    let practice = Practice::new();
    let (id, _, token) = token(&practice, 1);
    assert_eq!(said(&practice.verify(&id, &token.at(1))), Said::Accepted);
    assert_eq!(said(&practice.verify(&id, &token.at(1))), Said::Rejected(4));
    assert_eq!(practice.why(), Some(RejectionReason::Repeated));
    // And however often somebody plays it back, the owner's next code signs in at the first try.
    for _ in 0..1_000 {
        assert_eq!(said(&practice.verify(&id, &token.at(1))), Said::Rejected(4));
    }
    assert_eq!(said(&practice.verify(&id, &token.at(2))), Said::Accepted);
}

/// CVE-2026-84306, CVE-2020-10184, logto 9109: a memory of codes instead of a watermark lets the
/// older of two valid codes in after the newer one.
///
/// Guards `step > last` in `Totp::scan_from` (against `step != last`) and `at >= next` in
/// `Device::scan`.
#[test]
fn r02_older_after_newer() {
    let practice = Practice::new();
    let person = practice.person(1);
    let present = person.app.step(practice.now());
    for (newer, older) in [(present, present - 1), (present + 1, present)] {
        assert_eq!(said(&practice.verify(&person.id, &person.app.at(newer))), Said::Accepted);
        let verdict = practice.verify(&person.id, &person.app.at(older));
        assert_eq!(said(&verdict), Said::Rejected(4), "step {older} after {newer}");
        assert_eq!(practice.why(), Some(RejectionReason::Replayed));
    }
    let practice = Practice::new();
    let (id, _, token) = token(&practice, 1);
    assert_eq!(said(&practice.verify(&id, &token.at(4))), Said::Accepted);
    for skipped in 0..=4 {
        assert_ne!(said(&practice.verify(&id, &token.at(skipped))), Said::Accepted, "{skipped}");
    }
    // The copy of the last one is a repetition; the others were guesses.
    assert_eq!(practice.summary(&id).codes.consecutive_failures, 4);
}

/// Every way to spell `code` that some decoder somewhere takes for the same number, but not the account
/// layer.
fn respellings(code: &str) -> Vec<String> {
    let wide = |from: u32| -> String {
        code.chars().map(|c| char::from_u32(from + c as u32 - '0' as u32).unwrap()).collect()
    };
    let (head, tail) = code.split_at(3);
    let mut all = vec![
        format!("{head}_{tail}"),
        format!("{head}.{tail}"),
        format!("{head},{tail}"),
        format!("+{code}"),
        format!("0{code}"),
        format!("00{code}"),
        format!("000{code}"),
        format!("{code}0"),
        format!("0x{code}"),
        format!("{code}\0"),
        format!("\0{code}"),
        format!("{code}.0"),
        format!("{code}.."),
        format!("{code}e0"),
        format!("{code};{code}"),
        format!("{code}{code}"),
        format!("{code} {code}"),
        format!("1.{code}"),
        wide(0x2460), // in circles
        wide(0x2070), // superscript, as far as there are any
        wide(0x2080), // subscript
        // Other characters with the same low four bits, for whoever computes before looking.
        wide('p' as u32),
        wide('@' as u32),
        String::new(),
    ];
    all.push(code[..5].to_owned());
    all.push(code.trim_start_matches('0').to_owned());
    all.retain(|spelling| spelling != code);
    all
}

/// Every way to spell `code` that people's doors take (F-37).
fn pasted(code: &str) -> Vec<String> {
    let wide = |from: u32| -> String {
        code.chars().map(|c| char::from_u32(from + c as u32 - '0' as u32).unwrap()).collect()
    };
    let (head, tail) = code.split_at(3);
    vec![
        format!(" {code}"),
        format!("\t{code}"),
        format!("{code}\r\n"),
        format!("\u{a0}{code}\u{200b}"),
        format!("\u{feff}{code}."),
        code.chars().map(String::from).collect::<Vec<_>>().join(" "),
        format!("{head}-{tail}"),
        format!("{head}\u{2013}{tail}"),
        format!("\u{201c}{head} {tail}\u{201d}"),
        format!("1. {code}"),
        wide(0xff10),  // full width
        wide(0x660),   // Arabic-Indic
        wide(0x966),   // Devanagari
        wide(0x1d7ce), // mathematical bold
    ]
}

/// CVE-2025-6014, CVE-2025-6015, CVE-2025-55000, CVE-2025-55003: the verifier trimmed what the
/// memory of used codes did not. django-otp: `int("１２３")` is a number.
///
/// Guards `is_ascii_digit` and the length in `Code::from_typed`, and `same_digits` in `Hotp::scan`
/// (a seven-digit text is a code, but not of this device).
#[test]
fn r03_spelling() {
    let practice = Practice::new();
    let person = practice.person(1);
    let (mut malformed, mut other_lengths) = (0, 0);
    for used in [false, true] {
        let code = person.app.code(practice.now());
        if used {
            assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
        }
        for spelling in respellings(&code) {
            let before = practice.store.records();
            match said(&practice.verify(&person.id, &spelling)) {
                Said::Malformed => {
                    malformed += 1;
                    assert_eq!(practice.store.records(), before, "{spelling:?} was counted");
                }
                // Seven or eight digits: a code of some device, though not of this one.
                Said::Rejected(_) => {
                    other_lengths += 1;
                    assert!(spelling.len() == 7 || spelling.len() == 8, "{spelling:?}");
                    assert!(spelling.bytes().all(|byte| byte.is_ascii_digit()), "{spelling:?}");
                }
                other => panic!("{spelling:?} was {other:?}"),
            }
        }
        practice.wait(60);
    }
    assert!(malformed >= 40 && other_lengths == 6, "{malformed} and {other_lengths}");
    // What is taken is read as the one code: once, and every other spelling of it is a used code.
    let practice = Practice::new();
    let person = practice.person(1);
    let spellings = pasted("123456").len();
    for first in 0..spellings {
        let code = person.app.code(practice.wait(120));
        let lenient = Code::parse_lenient(&format!(" {}-{} ", &code[..3], &code[3..]), Digits::Six);
        assert_eq!(lenient.unwrap().expose_str(), code);
        let accepted = practice.verify(&person.id, &pasted(&code)[first]);
        assert_eq!(said(&accepted), Said::Accepted, "{:?}", pasted(&code)[first]);
        for again in [first, (first + 1) % spellings] {
            let verdict = practice.verify(&person.id, &pasted(&code)[again]);
            assert!(matches!(said(&verdict), Said::Rejected(_)), "{:?}", pasted(&code)[again]);
            assert_eq!(practice.why(), Some(RejectionReason::Repeated));
        }
        practice.wait(60);
    }
}

/// Thirty-two threads do the same thing at once; what each was told.
fn at_once<S: Store + Sync>(
    store: &S,
    mfa: &Mfa<Keyring, Recommended>,
    code_of: impl Fn(usize) -> String + Sync,
    person: &Person,
    now: UnixTime,
) -> Vec<Option<Said>> {
    thread::scope(|scope| {
        let attempt = |n: usize| {
            let code = code_of(n);
            move || {
                let verdict = mfa.account(&person.id).at(now).verify(&code, SignIn).run(store);
                match verdict.decided() {
                    Ok(verdict) => Some(said(&verdict)),
                    Err(mfa::Fault::Contended) => None,
                    Err(_) => panic!("the store failed"),
                }
            }
        };
        let threads: Vec<_> = (0..32).map(|n| scope.spawn(attempt(n))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// CVE-2026-20779, CVE-2026-34224, CVE-2026-43930, CVE-2026-40178, GHSA-qq2p-4282-cfc5: two
/// requests read the same state, and both were right.
///
/// Guards `Swap::Stale => None` in `Prepared::release`, and that `Operation::drive` loads and
/// decides again.
#[test]
fn r04_concurrent_same_code() {
    for round in 0..8 {
        let practice = Practice::new();
        let person = practice.person(round);
        let now = practice.now();
        let code = person.app.code(now);
        let store = Rendezvous::new(&practice.store, 32);
        let said = at_once(&store, &practice.mfa, |_| code.clone(), &person, now);
        let accepted = said.iter().filter(|said| **said == Some(Said::Accepted)).count();
        assert_eq!(accepted, 1, "{said:?}");
        assert!(practice.store.stale() >= 31, "all of them decided from one version");
        let events = practice.store.events();
        let accepted =
            events.iter().filter(|event| matches!(event.kind, EventKind::Accepted { .. }));
        assert_eq!(accepted.count(), 1);
    }
    // Over the store that the crate brings, with nothing to make them meet.
    let (store, mfa) = (MemoryStore::new(), Mfa::new(keyring(7), Recommended));
    let pending =
        mfa.account(&account(1)).at(START).enrol("Phone", &mut rng(1)).run(&store).unwrap();
    let app = Authenticator::of(&pending);
    let (id, now) = (account(1), START.plus(60));
    let confirm = mfa.account(&id).at(START).confirm(pending.id(), &app.code(START), &mut rng(2));
    let device = confirm.run(&store).accepted().unwrap().device();
    let person = Person { id, device, app, recovery_codes: Vec::new() };
    let said = at_once(&store, &mfa, |_| person.app.code(now), &person, now);
    assert_eq!(said.iter().filter(|said| **said == Some(Said::Accepted)).count(), 1, "{said:?}");
}

/// CVE-2026-27855, FreeIPA 4493: accepted on one node, replayed on another, or after a restart.
///
/// Guards `write_u64(e, *last_step)` and the counter beside it in `record::write_factor`: what is
/// burnt is in the record.
#[test]
fn r05_restart_and_second_node() {
    let practice = Practice::new();
    let person = practice.person(1);
    let (id, token) = {
        let (id, _, token) = token(&practice, 2);
        (id, token)
    };
    let now = practice.now();
    let code = person.app.code(now);
    let other_node = Mfa::new(keyring(7), Recommended);
    assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
    assert_eq!(said(&practice.verify(&id, &token.at(1))), Said::Accepted);
    let verify = other_node.account(&person.id).at(now).verify(&code, SignIn);
    assert_eq!(said(&verify.run(&practice.store)), Said::Rejected(4));

    // A restart: what was stored is all there is.
    let restored = Ledger::default();
    for (id, record) in practice.store.records() {
        restored.put(id, Record::new(record.version(), record.as_bytes().to_vec()));
    }
    assert_eq!(said(&verify.run(&restored)), Said::Rejected(4), "a copy counts nowhere");
    let verify = other_node.account(&id).at(now).verify(&token.at(1), SignIn);
    assert_eq!(said(&verify.run(&restored)), Said::Rejected(4));
}

/// A store that fails around the write: never an acceptance, and if the write landed, the code is
/// gone.
///
/// Guards `.map_err(Fault::Store)?` after `store.swap` in `Operation::drive`.
#[test]
fn r06_write_fails() {
    let practice = Practice::new();
    let person = practice.person(1);
    for fault in [Fault::BeforeWrite, Fault::AfterWrite] {
        let code = person.app.code(practice.now());
        practice.store.break_at(Some(fault));
        let attempt = practice.at(&person.id).verify(&code, SignIn);
        let answer = attempt.run(&practice.store).decided();
        assert_eq!(answer.err(), Some(mfa::Fault::Store(Broken)), "{fault:?}");
        practice.store.break_at(None);
        // The same attempt again, and the same code in a new one.
        let again = said(&attempt.run(&practice.store));
        let expected = if fault == Fault::BeforeWrite { Said::Accepted } else { Said::Rejected(4) };
        assert_eq!(again, expected, "{fault:?}");
        assert!(matches!(said(&practice.verify(&person.id, &code)), Said::Rejected(_)));
        practice.wait(60);
    }
}

/// Gogs GHSA-5mgh-chvj-hqf5, CVE-2026-20779 (basic authentication), CVE-2025-64102: one endpoint
/// remembers and counts, the next does not.
///
/// Guards the one `last_step` in `Device::accept` and the one budget in `Account::reject`: every
/// door that takes a code shares both.
#[test]
fn r07_every_door() {
    // A code that was taken at one door is burnt at every other.
    let doors = [AnyPurpose::SignIn, action("release-claims").to_any(), AnyPurpose::ChangeFactors];
    let verify = |practice: &Practice, person: &Person, code: &str, door: &AnyPurpose| {
        let dana = practice.at(&person.id);
        said(&for_any_purpose!(door, purpose => practice.run(dana.verify(code, purpose))))
    };
    for door in 0..=doors.len() {
        let practice = Practice::new();
        let person = practice.person(1);
        let now = practice.now();
        let present = person.app.step(now);
        let (one, two) = (person.app.at(present), person.app.at(present + 1));
        let resynchronise = || {
            let codes = [one.as_str(), two.as_str()];
            let dana = practice.mfa.account(&person.id).at(now);
            said(&practice.run(dana.resynchronise(person.device, codes)))
        };
        let verdict = match doors.get(door) {
            Some(door) => verify(&practice, &person, &two, door),
            None => resynchronise(),
        };
        assert_eq!(verdict, Said::Accepted);
        for other in &doors {
            let verdict = verify(&practice, &person, &two, other);
            assert_eq!(verdict, Said::Rejected(4), "{other:?} after door {door}");
            assert_eq!(practice.why(), Some(RejectionReason::Repeated));
        }
        assert_eq!(resynchronise(), Said::Rejected(4), "after door {door}");
    }
    // And every door counts on one budget: a failure at each of four, and one more, and it waits.
    let practice = Practice::new();
    let person = practice.person(1);
    let proof = practice.proof(&person, ChangeFactors);
    let now = practice.now();
    let enrol = practice.mfa.account(&person.id).at(now).enrol("Tablet", &mut practice.rng());
    let pending = practice.run(enrol.proven_by(proof)).unwrap();
    let tablet = Authenticator::of(&pending);
    let wrong = |index| wrong_code(&[&person.app, &tablet], now, index);
    for (tries, purpose) in (1..).zip(&doors) {
        let verdict = verify(&practice, &person, &wrong(0), purpose);
        assert_eq!(verdict, Said::Rejected(5 - tries));
    }
    let (one, two) = (wrong(0), wrong(1));
    let codes = [one.as_str(), two.as_str()];
    let resync = practice.mfa.account(&person.id).at(now).resynchronise(person.device, codes);
    assert_eq!(said(&practice.run(resync)), Said::Rejected(1));
    assert_eq!(said(&practice.miss(&person)), Said::Rejected(0));
    let until = now.plus(30);
    assert_eq!(said(&practice.miss(&person)), Said::Wait(until));
    // An enrolment has five tries of its own: they wait for nothing, and the sixth finds nothing.
    for tries in (1..=4).rev() {
        assert_eq!(said(&practice.confirm(&person.id, pending.id(), &one)), Said::Rejected(tries));
    }
    let code = tablet.code(now);
    assert_eq!(said(&practice.confirm(&person.id, pending.id(), &code)), Said::Accepted);
    // It is bound with a proof, so the owner is let in again.
    let code = person.app.at(person.app.step(now) + 1);
    assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
}

/// Nextcloud 1484, RFC 6238 section 5.2: the code that confirmed an enrolment signs in as well.
///
/// Guards `bound.accept(cx, moving_factor, false)` in `Account::confirm`, and `same` in
/// `Account::enrol`: with one secret on two devices the code would live on the other one.
#[test]
fn r08_enrolment_code_burnt() {
    let practice = Practice::new();
    let id = account(1);
    let enrol = practice.at(&id).enrol("Phone", &mut practice.rng());
    let pending = practice.run(enrol).unwrap();
    let app = Authenticator::of(&pending);
    let present = app.step(practice.now());
    assert_eq!(
        said(&practice.confirm(&id, pending.id(), &app.at(present + 1))),
        Said::Accepted,
        "the code of the next step, which stays in the window longest"
    );
    for step in [present - 1, present, present + 1] {
        assert!(matches!(said(&practice.verify(&id, &app.at(step))), Said::Rejected(_)), "{step}");
    }

    // A token whose seed was loaded twice.
    let practice = Practice::new();
    let (id, _, token) = token(&practice, 1);
    let verdict = practice.at(&id).verify(&token.at(1), ChangeFactors);
    let proof = practice.run(verdict).accepted().unwrap();
    let again = practice.at(&id).enrol_existing(seeded(), &mut practice.rng());
    assert_eq!(practice.refused(again.proven_by(proof)), Refusal::AlreadyBound);
}

/// CVE-2019-12887: resynchronisation accepted codes that had been used.
///
/// Guards `after` in `Device::scan_far`, `*last_step` in `Device::accept`, the run of two in
/// `Hotp::scan`, and the gate in `Account::resynchronise`.
#[test]
fn r09_resync_burns() {
    let practice = Practice::new();
    let person = practice.person(1);
    let resync = |first: u64, second: u64| {
        let (first, second) = (person.app.at(first), person.app.at(second));
        let codes = [first.as_str(), second.as_str()];
        let now = practice.now();
        let id = &person.id;
        practice.run(practice.mfa.account(id).at(now).resynchronise(person.device, codes))
    };
    // The device's clock is five minutes ahead.
    let present = person.app.step(practice.now());
    let far = present + 10;
    // Two different codes of two consecutive steps, in their order and within ten minutes, or nothing.
    for (first, second) in
        [(far, far), (far, far + 2), (far + 1, far), (present + 20, present + 21)]
    {
        assert!(matches!(said(&resync(first, second)), Said::Rejected(_)), "{first}, {second}");
    }
    assert_eq!(said(&resync(far, far + 1)), Said::Accepted);
    assert_eq!(practice.summary(&person.id).codes.consecutive_failures, 0);
    // Both are dead, and everything below: at the door that took them and at the other one. The very
    // pair again is a form sent twice, which counts nowhere.
    assert_eq!(said(&resync(far, far + 1)), Said::Rejected(4));
    assert_eq!(practice.why(), Some(RejectionReason::Repeated));
    for (first, second) in [(far - 1, far), (far - 2, far - 1), (far - 2, far - 1)] {
        assert!(matches!(said(&resync(first, second)), Said::Rejected(_)), "{first}, {second}");
    }
    assert_eq!(practice.why(), Some(RejectionReason::Replayed));
    // The very pair, a form sent twice, cost nothing; the other three did.
    assert_eq!(said(&practice.verify(&person.id, &person.app.at(far + 1))), Said::Rejected(1));
    assert_eq!(practice.why(), Some(RejectionReason::Repeated));
    // And the pair that begins with a used code, though its second one is new.
    assert_eq!(said(&resync(far + 1, far + 2)), Said::Rejected(1));
    assert_eq!(said(&resync(far + 1, far + 2)), Said::Rejected(0));
    // Throttled: five failures, and a right pair is not looked at.
    let before = practice.store.records();
    assert_eq!(said(&resync(far + 2, far + 3)), Said::Wait(practice.now().plus(30)));
    assert_eq!(practice.store.records(), before);
    practice.wait(30);
    assert_eq!(said(&resync(far + 2, far + 3)), Said::Accepted);
    // The learnt clock is kept: a plain code of the device signs in.
    practice.wait(90);
    let code = person.app.at(person.app.step(practice.now()) + 12);
    assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
}

/// CVE-2025-67507, CVE-2026-48505, CVE-2026-31875, CVE-2026-34224, Keycloak 26106, Yuzu 4173,
/// artifact-keeper 1822: a recovery code worked twice, or came back after a lost update.
///
/// Guards `stored.spent_at = Some(now)` in `RecoverySet::spend`, `Swap::Stale => None` in
/// `Prepared::release`, and the whole new set in `RecoverySeed::issue`.
#[test]
fn r10_recovery_single_use() {
    let practice = Practice::new();
    let person = practice.person(1);
    let codes = &person.recovery_codes;
    assert_eq!(codes.len(), 10);
    assert_eq!(said(&practice.recover(&person.id, &codes[0])), Said::Accepted);
    let typed = codes[0].to_lowercase().replace('-', "");
    for again in [&codes[0], &typed] {
        assert!(matches!(said(&practice.recover(&person.id, again)), Said::Rejected(_)));
        assert_eq!(practice.why(), Some(RejectionReason::Repeated));
    }
    // A moment is a form sent twice; later it is a thief with the printed sheet.
    practice.wait(601);
    for again in [&codes[0], &typed] {
        assert!(matches!(said(&practice.recover(&person.id, again)), Said::Rejected(_)));
        assert_eq!(practice.why(), Some(RejectionReason::Replayed));
    }
    assert_eq!(practice.summary(&person.id).recovery_codes_left, 9);

    // Two codes at once, decided from the same record: the second swap is stale and is decided
    // again, and neither code comes back.
    let now = practice.now();
    let recover = |at: usize| practice.mfa.account(&person.id).at(now).recover(&codes[at], SignIn);
    let (first, second) = (recover(1), recover(2));
    let loaded = practice.store.record(&person.id);
    let decisions = [&first, &second].map(|attempt| {
        match attempt.operation().decide(loaded.clone(), None).unwrap() {
            Decided::Write(prepared) => prepared,
            Decided::Answer { .. } => panic!("an acceptance that is not written"),
        }
    });
    let [one, two] = decisions;
    let swap = |write: &countersign::Write<'_>| practice.store.swap(&person.id, write).unwrap();
    let (stored, stale) = (swap(&one.write()), swap(&two.write()));
    assert_eq!((stored, stale), (Swap::Stored, Swap::Stale));
    assert_eq!(one.release(stored).map(|verdict| said(&verdict)), Some(Said::Accepted));
    assert!(two.release(stale).is_none());
    assert_eq!(said(&practice.run(second)), Said::Accepted);
    for spent in [1, 2] {
        assert!(matches!(said(&practice.run(recover(spent))), Said::Rejected(_)), "code {spent}");
    }
    assert_eq!(practice.summary(&person.id).recovery_codes_left, 7);

    // A code that is being used while a set that leaked is replaced: whoever is second decides again.
    practice.wait(3600);
    let proof = practice.proof(&person, ChangeFactors);
    let now = practice.now();
    let used = practice.mfa.account(&person.id).at(now).recover(&codes[3], SignIn);
    let decided = used.operation().decide(practice.store.record(&person.id), None).unwrap();
    let Decided::Write(prepared) = decided else { panic!("an acceptance that is not written") };
    let renew = practice
        .mfa
        .account(&person.id)
        .at(now)
        .replace_leaked_recovery_codes(proof, &mut practice.rng());
    let renewed = practice.run(renew).unwrap();
    let swap = practice.store.swap(&person.id, &prepared.write()).unwrap();
    assert!(prepared.release(swap).is_none());
    assert!(matches!(said(&practice.run(used)), Said::Rejected(_)));
    for old in &codes[4..6] {
        assert!(matches!(said(&practice.recover(&person.id, old)), Said::Rejected(_)));
    }
    let new: Vec<_> = renewed.iter().map(|code| code.expose_text().to_string()).collect();
    assert_eq!(said(&practice.recover(&person.id, &new[0])), Said::Accepted);

    // A set that did not leak lives until the new one is first used, and no code of it twice.
    let newest = practice.regenerate(&person.id, practice.proof(&person, ChangeFactors));
    assert_eq!(said(&practice.recover(&person.id, &new[2])), Said::Accepted);
    assert!(matches!(said(&practice.recover(&person.id, &new[2])), Said::Rejected(_)));
    assert_eq!(said(&practice.recover(&person.id, &newest[0])), Said::Accepted);
    assert!(matches!(said(&practice.recover(&person.id, &new[3])), Said::Rejected(_)));
    let new = newest;

    // Thirty-two threads with one code.
    practice.wait(3600);
    let now = practice.now();
    let store = Rendezvous::new(&practice.store, 32);
    let accepted: usize = thread::scope(|scope| {
        let (practice, store, person, code) = (&practice, &store, &person, &new[1]);
        let attempt = move || {
            let verdict = practice.mfa.account(&person.id).at(now).recover(code, SignIn).run(store);
            usize::from(verdict.accepted().is_some())
        };
        let threads: Vec<_> = (0..32).map(|_| scope.spawn(attempt)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(accepted, 1);
}

/// GHSA-j5rm-v3vh-vx94, CVE-2022-42731, CVE-2026-37982, GHSA-wg23-69c2-gjc8: a passkey assertion
/// that was good once was good again.
///
/// Guards `used_challenges` and `challenges_ended` in `Account::live_challenge` and `accept_external`,
/// and the account in the seal of a challenge's token.
#[test]
fn r11_external_assertion_once() {
    let practice = Practice::new();
    let id = account(1);
    let key = practice.passkey(&id, None);
    let other = account(2);
    let other_key = practice.passkey(&other, None);
    for passed in [true, false] {
        let challenge = practice.start_external(&id, SignIn);
        let verified = || Assertion::verified_by_host(&challenge, key);
        let assertion = || match passed {
            true => verified(),
            false => Assertion::failed_at_host(&challenge, key),
        };
        // Somebody else's challenge is nobody's.
        let verdict = practice.settle(&other, assertion(), SignIn);
        assert_eq!(said(&verdict), Said::Expired);
        let verdict = practice.settle(&id, assertion(), SignIn);
        assert_eq!(said(&verdict), if passed { Said::Accepted } else { Said::Rejected(255) });
        // One that failed is not used up, or whoever sees the page would end the owner's challenge.
        if !passed {
            practice.wait(1);
            assert_eq!(said(&practice.settle(&id, verified(), SignIn)), Said::Accepted);
        }
        practice.wait(1);
        for again in [assertion(), verified()] {
            assert_eq!(said(&practice.settle(&id, again, SignIn)), Said::Expired);
        }
    }
    // A newer challenge does not take the place of the older one; each is good once.
    let older = practice.start_external(&id, SignIn);
    let newer = practice.start_external(&id, SignIn);
    // A device that is not this person's signs for nobody, and spends nothing.
    let foreign = Assertion::verified_by_host(&newer, other_key);
    assert_eq!(said(&practice.settle(&id, foreign, SignIn)), Said::Rejected(255));
    for challenge in [&older, &newer] {
        let verified = || Assertion::verified_by_host(challenge, key);
        assert_eq!(said(&practice.settle(&id, verified(), SignIn)), Said::Accepted);
        // One a second, so that no owner of a passkey keeps a revocation from being stored.
        let another = practice.start_external(&id, SignIn);
        let another = Assertion::verified_by_host(&another, key);
        let until = practice.now().plus(1);
        assert_eq!(said(&practice.settle(&id, another, SignIn)), Said::Wait(until));
        practice.wait(1);
        assert_eq!(said(&practice.settle(&id, verified(), SignIn)), Said::Expired);
    }

    // The account remembers sixteen; what is older than those has ended, used or not.
    let unused = practice.start_external(&id, SignIn);
    practice.wait(1);
    let mut used = Vec::new();
    for _ in 0..17 {
        let challenge = practice.start_external(&id, SignIn);
        let verified = Assertion::verified_by_host(&challenge, key);
        assert_eq!(said(&practice.settle(&id, verified, SignIn)), Said::Accepted);
        used.push(challenge);
        practice.wait(1);
    }
    for challenge in used.iter().chain([&unused]) {
        let verified = Assertion::verified_by_host(challenge, key);
        assert_eq!(said(&practice.settle(&id, verified, SignIn)), Said::Expired);
    }
    let fresh = practice.start_external(&id, SignIn);
    let verified = Assertion::verified_by_host(&fresh, key);
    assert_eq!(said(&practice.settle(&id, verified, SignIn)), Said::Accepted);
}

/// django-allauth: the memory of a used code lasts 30 seconds while the code is usable for 90.
/// CVE-2025-55003: the same, 30 seconds against 60.
///
/// Guards that the memory is a step in the record and not a time: `step > last` in
/// `Totp::scan_from`, whatever the period, the window and the clock.
#[test]
fn r12_memory_outlives_validity() {
    for (period, backward, forward) in
        [(1, 0, 0), (1, 7, 7), (15, 3, 0), (30, 1, 1), (30, 4, 10), (60, 0, 2), (120, 7, 7)]
    {
        let practice = Practice::with(Numbers {
            window: Window::new(backward, forward),
            parameters: Some(Parameters {
                period: Period::new(period).unwrap(),
                ..Parameters::default()
            }),
            ..Numbers::default()
        });
        let person = practice.person(1);
        practice.wait(backward * period + 3600);
        let first = practice.now();
        let code = person.app.at(person.app.step(first) + forward);
        assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
        let used = practice.store.record(&person.id).unwrap();
        let lifetime = (backward + forward + 2) * period;
        for late in 0..=lifetime {
            // Each time from the record as it was after the acceptance, so that no wait helps.
            practice.store.put(person.id, used.clone());
            practice.set_clock(first.plus(late));
            let verdict = said(&practice.verify(&person.id, &code));
            assert_eq!(verdict, Said::Rejected(4), "{period} s, {backward}/{forward}, {late} s");
        }
        // A clock that is set back brings no code back either.
        practice.store.put(person.id, used.clone());
        practice.set_clock(UnixTime::from_secs(first.as_secs() - 2 * period));
        assert_eq!(said(&practice.verify(&person.id, &code)), Said::Rejected(4));
    }
}

/// A token with a seed file, loaded twice or once.
fn seeded() -> ExistingDevice {
    let secret = Secret::from_bytes(&[0x5a; 20]).unwrap();
    ExistingDevice::hotp(Text::new("Token").unwrap(), secret, Algorithm::Sha1, Digits::Six, 0)
}

/// Enrols person `number` with that token.
fn token(
    practice: &Practice,
    number: u64,
) -> (countersign::AccountId, countersign::DeviceId, Authenticator) {
    let id = account(number);
    let enrol = practice.at(&id).enrol_existing(seeded(), &mut practice.rng());
    let pending = practice.run(enrol).unwrap();
    let token = Authenticator::of(&pending);
    let bound = practice.confirm(&id, pending.id(), &token.at(0)).accepted().unwrap();
    practice.wait(60);
    (id, bound.device(), token)
}
