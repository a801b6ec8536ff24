//! Half-made, ended and borrowed state: the attacks S1 to S15, each named after what an advisory
//! says somebody else got wrong. Every test names the line it guards, and was seen to fail with that
//! line removed.
//!
//! What no library can do for its host: require the proof at every door (CVE-2026-33315,
//! CVE-2026-34727, CVE-2025-25068, CVE-2022-24857, CVE-2023-42818 and the rest of that list). S4 is
//! the library's half: there is nothing else to open a session with. Of S12, the instructions that
//! are executed are counted elsewhere; here, how many windows are evaluated.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use countersign::account::HostsWord;
use rand::RngExt as _;
use std::fmt::{Debug, Display};

use crate::common::*;
use countersign::account::{
    Actor, Assertion, Bounded, ChallengeId, DeviceStatus, EventKind, ExistingDevice, Label,
    PhoneNumber, Policy, RecordError, Refusal, RejectionReason, Text,
};
use countersign::mfa::{Decided, ExternalMethod, Operation, RestrictedNotice};
use countersign::otp::{Parameters, Period, SecretError};
use countersign::{
    AccountId, ActForOther, Algorithm, ChangeFactors, Code, DeviceId, Digits, Keyring, LookAhead,
    Method, Mfa, Proof, ProvisioningUri, Purpose, Recommended, Record, Secret, SignIn, Store,
    Summary, Swap, UnixTime, Verdict, Window,
};

/// Nextcloud 214, Fortify 201: the half-enrolled person is let in with it, or locked out by it.
/// CVE-2025-3910: a required enrolment was skipped.
///
/// Guards that `Account::verify` looks at `self.devices` alone, and `cx.now <= live.until` and
/// `live.id == pending` in `Account::confirm`.
#[test]
fn s01_pending_never_satisfies() {
    let practice = Practice::new();
    let id = account(1);
    let enrol = || {
        let enrol = practice.at(&id).enrol("Phone", &mut practice.rng());
        practice.run(enrol).unwrap()
    };
    let pending = enrol();
    let app = Authenticator::of(&pending);
    let code = |now| app.code(now);
    // It signs nobody in, at any door; it is no device; and it is no factor.
    let now = practice.now();
    assert_eq!(said(&practice.verify(&id, &code(now))), Said::Rejected(4));
    assert_eq!(practice.why(), Some(RejectionReason::NoDevice));
    let pair = [app.at(app.step(now)), app.at(app.step(now) + 1)];
    let resync = practice.mfa.account(&id).at(now);
    let resync = resync.resynchronise(pending.device(), [&pair[0], &pair[1]]);
    assert_eq!(said(&practice.run(resync)), Said::Rejected(3));
    let summary = practice.summary(&id);
    assert_eq!((summary.confirmed().count(), summary.strongest()), (0, None));
    assert_eq!((summary.first_bound_at, summary.recovery_codes_left), (None, 0));
    assert_eq!(summary.pending_until, Some(now.plus(600)));
    // A second start takes the place of the first one, and needs no proof: nothing is bound. One in
    // thirty seconds.
    let again = practice.at(&id).enrol("Phone", &mut practice.rng());
    assert_eq!(practice.refused(again), Refusal::TooSoon { until: now.plus(30) });
    let now = practice.wait(30);
    let second = enrol();
    assert_eq!(said(&practice.confirm(&id, pending.id(), &code(now))), Said::Expired);
    let other = Authenticator::of(&second);
    // To the second, and not a second longer.
    practice.set_clock(second.until());
    let now = practice.now();
    practice.set_clock(now.plus(1));
    assert_eq!(said(&practice.confirm(&id, second.id(), &other.code(now))), Said::Expired);
    practice.set_clock(now);
    assert_eq!(said(&practice.confirm(&id, second.id(), &other.code(now))), Said::Accepted);

    // It blocks nobody: the old app signs in while a new one is pending, and after it expired.
    let practice = Practice::new();
    let person = practice.person(1);
    let proof = practice.proof(&person, ChangeFactors);
    let replace =
        practice.at(&person.id).replace(person.device, "New phone", proof, &mut practice.rng());
    let pending = practice.run(replace).unwrap();
    assert_eq!(practice.proof(&person, SignIn).device(), Some(person.device));
    practice.set_clock(pending.until().plus(60));
    assert_eq!(practice.proof(&person, SignIn).device(), Some(person.device));
    assert_eq!(practice.summary(&person.id).pending_until, None);
}

/// CVE-2022-36071 (SFTPGo): recovery codes before there was anything to recover. CVE-2026-54040,
/// CVE-2026-42452: new ones for the asking.
///
/// Guards `issue_recovery_codes` standing behind `self.bind` in `Account::confirm`, `subject_proof`
/// and `NothingBound` in `Account::regenerate`.
#[test]
fn s02_recovery_after_confirm() {
    let practice = Practice::new();
    let id = account(1);
    let enrol = practice.at(&id).enrol("Phone", &mut practice.rng());
    let pending = practice.run(enrol).unwrap();
    assert_eq!(practice.summary(&id).recovery_codes_left, 0);
    let wrong = wrong_code(&[&Authenticator::of(&pending)], practice.now(), 0);
    assert_eq!(said(&practice.confirm(&id, pending.id(), &wrong)), Said::Rejected(4));
    assert_eq!(practice.summary(&id).recovery_codes_left, 0);
    assert_eq!(said(&practice.recover(&id, "0".repeat(28).as_str())), Said::Rejected(255));
    assert_eq!(practice.why(), Some(RejectionReason::NoDevice));

    // With the first factor, once, and with the second one not again.
    let person = practice.person(2);
    assert_eq!(person.recovery_codes.len(), 10);
    let proof = practice.proof(&person, ChangeFactors);
    let enrol = practice.at(&person.id).enrol("Tablet", &mut practice.rng());
    let pending = practice.run(enrol.proven_by(proof)).unwrap();
    let code = Authenticator::of(&pending).code(practice.now());
    let bound = practice.confirm(&person.id, pending.id(), &code).accepted().unwrap();
    assert!(bound.recovery_codes().is_none());
    // New ones need a proof, for this purpose.
    practice.wait(60);
    let regenerate = |proof| {
        let (id, now) = (&person.id, practice.now());
        practice.mfa.account(id).at(now).regenerate_recovery_codes(proof, &mut practice.rng())
    };
    let proof = practice.proof(&person, ChangeFactors);
    let renewed = practice.run(regenerate(proof)).unwrap();
    // The old set lives until the new one was seen, in case its page never arrived; then it is dead as
    // one, and the new one is whole.
    let [old, rest @ ..] = &person.recovery_codes[..] else { panic!("no codes") };
    assert_eq!(said(&practice.recover(&person.id, old)), Said::Accepted);
    let seen = practice.at(&person.id).acknowledge_recovery_codes(renewed.set());
    practice.run(seen).unwrap();
    for old in rest {
        assert_eq!(said(&practice.recover(&person.id, old)), Said::Rejected(255));
        assert_eq!(practice.why(), Some(RejectionReason::WrongCode));
    }
    for code in renewed.iter() {
        let verdict = practice.recover(&person.id, &code.expose_text());
        assert_eq!(said(&verdict), Said::Accepted);
    }
    assert_eq!(practice.summary(&person.id).recovery_codes_left, 0);

    // A person who has recovery codes and no device any more cannot have new ones: first a device.
    let person = practice.person(3);
    let proof = practice.proof(&person, SignIn);
    let lost = practice.at(&person.id).report_lost(person.device, proof);
    practice.run(lost).unwrap();
    let (code, now) = (&person.recovery_codes[0], practice.now());
    let recover = practice.mfa.account(&person.id).at(now).recover(code, ChangeFactors);
    let proof = practice.run(recover).accepted().unwrap();
    let mut rng = practice.rng();
    let renew = practice.mfa.account(&person.id).at(now).regenerate_recovery_codes(proof, &mut rng);
    assert_eq!(practice.refused(renew), Refusal::NothingBound);
}

/// CVE-2025-64175 (Gogs): anybody's recovery code worked for everybody. CVE-2020-5240: deleting
/// somebody else's device.
///
/// Guards the search in the account's own devices (`Account::device`), `live.id == ..` in
/// `confirm`, `verify_sent_code` and `finish_external`, and the account's own set in `recover`.
#[test]
fn s03_ownership() {
    let practice = Practice::new();
    let (dana, eli) = (practice.person(1), practice.person(2));
    let nobody = DeviceId::from_u64(99);
    let unknown = ChallengeId::from_bytes([9; 16]);
    let now = practice.now();
    let code = eli.app.code(now);
    assert_eq!(said(&practice.verify(&dana.id, &code)), Said::Rejected(4));
    assert_eq!(said(&practice.recover(&dana.id, &eli.recovery_codes[0])), Said::Rejected(255));
    let own = practice.recover(&eli.id, &eli.recovery_codes[0]);
    assert_eq!(said(&own), Said::Accepted, "it was not spent");
    // A device of somebody else's is no other than one that does not exist.
    for device in [eli.device, nobody] {
        let proof = practice.proof(&dana, ChangeFactors);
        let revoke = practice.at(&dana.id).revoke(device, proof);
        assert_eq!(practice.refused(revoke), Refusal::NoSuchDevice);
        let proof = practice.proof(&dana, ChangeFactors);
        let lost = practice.at(&dana.id).report_lost(device, proof);
        assert_eq!(practice.refused(lost), Refusal::NoSuchDevice);
        let proof = practice.proof(&dana, ChangeFactors);
        let (mut rng, now) = (practice.rng(), practice.now());
        let replace =
            practice.mfa.account(&dana.id).at(now).replace(device, "New", proof, &mut rng);
        assert_eq!(practice.refused(replace), Refusal::NoSuchDevice);
        let codes = [eli.app.code(now), eli.app.at(eli.app.step(now) + 1)];
        let pair = [codes[0].as_str(), codes[1].as_str()];
        let resync = practice.mfa.account(&dana.id).at(now).resynchronise(device, pair);
        assert_eq!(said(&practice.run(resync)), Said::Rejected(4));
    }
    // The same for an enrolment, a sent code, and a passkey's challenge.
    let proof = practice.proof(&eli, ChangeFactors);
    practice.phone(&eli.id, "+15550100100", Some(proof));
    let proof = practice.proof(&eli, ChangeFactors);
    let key = practice.passkey(&eli.id, Some(proof));
    let sent = practice.challenge(&eli.id, SignIn).unwrap();
    let started = practice.start_external(&eli.id, SignIn);
    let proof = practice.proof(&eli, ChangeFactors);
    let enrol = practice.at(&eli.id).enrol("Tablet", &mut practice.rng());
    let pending = practice.run(enrol.proven_by(proof)).unwrap();
    let tablet = Authenticator::of(&pending);
    let before = practice.store.records();
    let code = tablet.code(practice.now());
    for id in [pending.id(), unknown] {
        assert_eq!(said(&practice.confirm(&dana.id, id, &code)), Said::Expired);
    }
    for id in [sent.id(), unknown] {
        let verdict = practice.answer(&dana.id, id, sent.to_send().unwrap().expose_str());
        assert_eq!(said(&verdict), Said::Expired);
    }
    for token in [&*started, "no token"] {
        let assertion = Assertion::verified_by_host(token, key);
        assert_eq!(said(&practice.settle(&dana.id, assertion, SignIn)), Said::Expired);
    }
    assert_eq!(practice.store.records(), before);
    // Nor does the wrong kind of id of the right person do.
    assert_eq!(said(&practice.confirm(&eli.id, sent.id(), &code)), Said::Expired);
    assert_eq!(said(&practice.answer(&eli.id, pending.id(), &code)), Said::Expired);
    assert_eq!(said(&practice.confirm(&eli.id, pending.id(), &code)), Said::Accepted);
}

/// CVE-2026-52827, CVE-2026-45690, CVE-2024-37313, GHSA-xg6x-h9c9-2m83 (sessions from before the
/// second factor), CVE-2026-0723, CVE-2024-10924 (the answer was not looked at), scheb 2018 (a
/// proof made by the client).
///
/// Guards the private fields of `Proof`, that it has no `Clone`, `Copy` or `Default`, and that an
/// acceptance is the only place where there is one. What must not compile is in the documentation
/// of `Proof` and `Verdict`.
#[test]
fn s04_proof_type() {
    type SignedIn = Proof<SignIn>;
    type Answer = Verdict<SignedIn>;
    assert!(implements!(Summary: Clone) && !implements!(SignedIn: Clone), "the probe works");
    assert!(!implements!(SignedIn: Copy) && !implements!(SignedIn: Default));
    assert!(!implements!(SignedIn: From<AccountId>) && !implements!(SignedIn: PartialEq));
    assert!(!implements!(Answer: Clone) && !implements!(Answer: Default));
    assert!(!implements!(Answer: Into<bool>) && !implements!(Assertion: Clone));
    // Only one of the answers holds a proof, and it says whose, how, what for and when.
    let practice = Practice::new();
    let person = practice.person(1);
    let wrong = wrong_code(&[&person.app], practice.now(), 0);
    for code in ["", "123456789", &wrong] {
        assert!(practice.verify(&person.id, code).accepted().is_none());
    }
    let proof = practice.proof(&person, action("release-claims"));
    assert_eq!(proof.account(), &person.id);
    assert_eq!((proof.device(), proof.method()), (Some(person.device), Method::Totp));
    assert_eq!((proof.purpose(), proof.at()), (&action("release-claims"), practice.now()));
    assert_eq!(proof.epoch(), practice.summary(&person.id).epoch);
}

/// CVE-2024-28197, CVE-2026-45010, CVE-2022-23807, CVE-2024-27928, CVE-2026-41660: what was good
/// for one thing was good for another.
///
/// Guards `proof.account == *cx.id && proof.purpose == *purpose` in `Account::subject_proof`, the
/// same in `operator_proof`, and `same_purpose` in `verify_sent_code` and `finish_external`.
#[test]
fn s05_purpose_binding() {
    let practice = Practice::new();
    let (dana, eli) = (practice.person(1), practice.person(2));
    let enrol = || practice.at(&dana.id).enrol("Tablet", &mut practice.rng());
    let proof = practice.proof(&dana, ChangeFactors);
    assert_eq!(refusal(practice.run(enrol().proven_by(proof))), None);
    // Eli's proof is Eli's, also for this purpose; and Dana's own is none for acting on herself.
    let proof = practice.proof(&eli, ChangeFactors);
    assert_eq!(practice.refused(enrol().proven_by(proof)), Refusal::ProofUnfit);
    let proof = practice.proof(&dana, ActForOther);
    let reset =
        practice.at(&dana.id).reset(acting(proof), PassLength::Long, "forgot", &mut practice.rng());
    assert_eq!(practice.refused(reset), Refusal::OwnAccount);
    // A device can be revoked by the person and by an operator, each with a proof for just that.
    let proof = practice.proof(&dana, ActForOther);
    let revoke = practice.at(&dana.id).revoke(dana.device, acting(proof));
    assert_eq!(practice.refused(revoke), Refusal::OwnAccount);
    // And a proof for acting for others is none of an operator, until the host has looked.
    let proof = practice.proof(&eli, ActForOther);
    let lost = practice.at(&dana.id).report_lost(dana.device, proof);
    assert_eq!(practice.refused(lost), Refusal::ProofUnfit);
    let proof = practice.proof(&eli, ChangeFactors);
    let revoke = practice.at(&dana.id).revoke(dana.device, proof);
    assert_eq!(practice.refused(revoke), Refusal::ProofUnfit);

    // A sent code and a passkey's challenge, for another purpose than they were made for.
    let proof = practice.proof(&dana, ChangeFactors);
    practice.phone(&dana.id, "+15550100100", Some(proof));
    let proof = practice.proof(&dana, ChangeFactors);
    let key = practice.passkey(&dana.id, Some(proof));
    made_for_another(&practice, &dana, key, SignIn, action("release-claims"));
    made_for_another(&practice, &dana, key, action("release-claims"), SignIn);
    // A named action is not the purpose of that name.
    made_for_another(&practice, &dana, key, SignIn, action("sign-in"));
    made_for_another(&practice, &dana, key, action("sign-in"), SignIn);
    made_for_another(&practice, &dana, key, action("change-factors"), ChangeFactors);
}

/// A code and a challenge that were made for one purpose serve it, and not the other one.
fn made_for_another<M: Purpose, U: Purpose>(
    practice: &Practice,
    person: &Person,
    key: DeviceId,
    made_for: M,
    used_for: U,
) {
    let id = &person.id;
    practice.wait(60);
    let sent = practice.challenge(id, made_for.clone()).unwrap();
    let code = sent.to_send().unwrap().expose_str();
    let dana = practice.at(id);
    let verdict = practice.run(dana.verify_sent_code(sent.id(), code, used_for.clone()));
    assert!(matches!(said(&verdict), Said::Rejected(_)));
    assert_eq!(practice.why(), Some(RejectionReason::WrongPurpose));
    let verdict = practice.run(dana.verify_sent_code(sent.id(), code, made_for.clone()));
    assert_eq!(said(&verdict), Said::Accepted);
    let started = practice.start_external(id, made_for.clone());
    let verified = || Assertion::verified_by_host(&started, key);
    let verdict = practice.settle(id, verified(), used_for);
    assert!(matches!(said(&verdict), Said::Rejected(_)));
    assert_eq!(practice.why(), Some(RejectionReason::WrongPurpose));
    // It proved nothing, so it is not used up: only an acceptance uses up a challenge.
    let verdict = practice.settle(id, verified(), made_for.clone());
    assert_eq!(said(&verdict), Said::Accepted);
    practice.wait(1);
    assert_eq!(said(&practice.settle(id, verified(), made_for)), Said::Expired);
}

/// CVE-2024-45042 (Kratos), CVE-2022-30689, CVE-2023-45292 ("" equals ""), Keycloak 26104: what is
/// not there is taken for what is fine.
///
/// Guards `is_open` in the account's gate, the tags in `record::read_factor` and the numbers
/// in `read_method`, the empty set in `StoredCode::is_open`, and the lengths of codes and secrets.
#[test]
fn s06_absence_fails_closed() {
    let practice = Practice::new();
    let stranger = account(9);
    // No record: nothing is accepted, and nothing is made.
    let code = ["000000", "00000000"];
    for code in code {
        assert_eq!(said(&practice.verify(&stranger, code)), Said::Rejected(4));
    }
    for code in ["", " ", "0"] {
        assert_eq!(said(&practice.verify(&stranger, code)), Said::Malformed, "{code:?}");
        assert_eq!(said(&practice.recover(&stranger, code)), Said::Malformed, "{code:?}");
    }
    let id = ChallengeId::from_bytes([0; 16]);
    let device = DeviceId::from_u64(0);
    assert_eq!(said(&practice.recover(&stranger, &"0".repeat(28))), Said::Rejected(255));
    assert_eq!(said(&practice.answer(&stranger, id, "000000")), Said::Expired);
    assert_eq!(said(&practice.confirm(&stranger, id, "000000")), Said::Expired);
    let assertion = Assertion::verified_by_host("", device);
    assert_eq!(said(&practice.settle(&stranger, assertion, SignIn)), Said::Expired);
    let started = practice.start_external(&stranger, SignIn);
    let assertion = Assertion::verified_by_host(&started, device);
    assert_eq!(said(&practice.settle(&stranger, assertion, SignIn)), Said::Rejected(255));
    for pass in [NO_PASS, "0000-0000"] {
        assert_eq!(said(&practice.enter(&stranger, pass)), Said::Rejected(255));
    }
    let summary = practice.at(&stranger).summary();
    assert_eq!(practice.run(summary), None);
    assert!(practice.store.records().is_empty());

    // No secret, no code, no id.
    assert_eq!(Secret::from_bytes(&[]).err(), Some(SecretError::TooShort { bytes: 0 }));
    assert!(Secret::dangerously_allow_short(&[]).is_err());
    assert!(Code::parse("", Digits::Six).is_err());
    assert!(AccountId::new([]).is_err());

    // A recovery code that a hundred failures closed is met by nothing, and neither is a used one; the
    // others are untouched.
    let practice = Practice::new();
    let person = practice.person(1);
    let [closed, others @ ..] = &person.recovery_codes[..] else { panic!("no codes") };
    let guess = other_than(closed);
    for _ in 0..100 {
        assert_eq!(said(&practice.recover(&person.id, &guess)), Said::Rejected(255));
    }
    assert_eq!(said(&practice.recover(&person.id, closed)), Said::Rejected(255));
    for code in others {
        assert_eq!(said(&practice.recover(&person.id, code)), Said::Accepted);
        assert_eq!(said(&practice.recover(&person.id, code)), Said::Rejected(255));
    }
    assert_eq!(practice.summary(&person.id).recovery_codes_left, 0);
    assert_eq!(said(&practice.recover(&person.id, &"0".repeat(28))), Said::Rejected(255));

    // A method of a later release, in a record that opens: nothing is accepted or overwritten.
    let mfa = Mfa::new(Plain, Recommended);
    let store = Ledger::default();
    let pending =
        mfa.account(&account(1)).at(START).enrol("Phone", &mut rng(1)).run(&store).unwrap();
    let app = Authenticator::of(&pending);
    let confirm =
        mfa.account(&account(1)).at(START).confirm(pending.id(), &app.code(START), &mut rng(2));
    assert_eq!(said(&confirm.run(&store)), Said::Accepted);
    let good = store.record(&account(1)).unwrap();
    let now = START.plus(60);
    let verify = mfa.account(&account(1)).at(now).verify(&app.code(now), SignIn);
    let mut tags = 0;
    for tag in [1, 2, 3, 5, 23] {
        let mut bytes = good.as_bytes().to_vec();
        let place = bytes.windows(3).position(|at| at == [0x86, 0x00, 0x54]).unwrap();
        bytes[place + 1] = tag;
        let strange = Record::new(good.version(), bytes);
        store.put(account(1), strange.clone());
        assert_eq!(verify.run(&store).fault(), Some(unreadable(RecordError::Malformed)));
        assert_eq!(store.record(&account(1)), Some(strange));
        tags += 1;
    }
    assert_eq!(tags, 5);
    store.put(account(1), good);
    assert_eq!(said(&verify.run(&store)), Said::Accepted);
    let mut bind = mfa.account(&account(2)).at(START).bind_external(
        "Key",
        ExternalMethod::Passkey,
        &mut rng(3),
    );
    let _ = bind.run(&store).unwrap();
    let good = store.record(&account(2)).unwrap();
    let started = mfa.account(&account(2)).at(now).start_external(SignIn, &mut rng(4)).unwrap();
    let key = mfa.account(&account(2)).at(now).summary().run(&store).unwrap().unwrap();
    let assertion = Assertion::verified_by_host(started.token(), key.devices[0].id);
    let settle = mfa.account(&account(2)).at(now).finish_external(assertion, SignIn);
    for method in [9, 23] {
        let strange = altered(&good, &[0x82, 0x02, 0x02], &[0x82, 0x02, method]);
        store.put(account(2), strange.clone());
        assert_eq!(settle.run(&store).fault(), Some(unreadable(RecordError::Malformed)));
        assert_eq!(store.record(&account(2)), Some(strange));
    }
    store.put(account(2), good);
    assert_eq!(said(&settle.run(&store)), Said::Accepted);
}

/// privacyIDEA 2243, Gitea's password reset: what was revoked a moment ago is accepted, because it
/// was read a moment before.
///
/// Guards `Swap::Stale => None` in `Prepared::release`, and that a lost race is decided again from
/// the newest record.
#[test]
fn s07_revoke_wins() {
    /// Loads and decides `operation`, lets `change` happen, and swaps: `operation` is still to be
    /// run to its end.
    fn overtake<T>(practice: &Practice, operation: &Operation<'_, T>, change: impl FnOnce()) {
        let loaded = practice.store.record(operation.account());
        let operator = operation.operator().and_then(|id| practice.store.record(id));
        let Decided::Write(prepared) = operation.decide(loaded, operator).unwrap() else {
            panic!("nothing to be overtaken")
        };
        change();
        let swap = practice.store.swap(operation.account(), &prepared.write()).unwrap();
        assert_eq!(swap, Swap::Stale);
        assert!(prepared.release(swap).is_none(), "no answer leaves");
    }
    fn offboard(practice: &Practice, person: &Person) {
        practice.offboard(&person.id).unwrap();
    }
    // A code against the revocation of its device.
    let practice = Practice::new();
    let person = practice.person(1);
    let (_, tablet) = practice.second_app(&person, "Tablet");
    let now = practice.now();
    let proof = practice
        .run(practice.mfa.account(&person.id).at(now).verify(&tablet.code(now), ChangeFactors));
    let proof = proof.accepted().unwrap();
    let verify = practice.mfa.account(&person.id).at(now).verify(&person.app.code(now), SignIn);
    overtake(&practice, verify.operation(), || {
        let revoke = practice.mfa.account(&person.id).at(now).revoke(person.device, proof);
        practice.run(revoke).unwrap();
    });
    assert_eq!(said(&practice.run(verify)), Said::Rejected(4));

    // Everything against offboarding.
    type Attempt = fn(&Practice, &Person) -> Said;
    let attempts: [Attempt; 4] = [
        |practice, person| {
            let now = practice.now();
            let code = person.app.code(now);
            let verify = practice.mfa.account(&person.id).at(now).verify(&code, SignIn);
            overtake(practice, verify.operation(), || offboard(practice, person));
            said(&practice.run(verify))
        },
        |practice, person| {
            let (code, now) = (&person.recovery_codes[0], practice.now());
            let recover = practice.mfa.account(&person.id).at(now).recover(code, SignIn);
            overtake(practice, recover.operation(), || offboard(practice, person));
            said(&practice.run(recover))
        },
        |practice, person| {
            let now = practice.now();
            let step = person.app.step(now);
            let codes = [person.app.at(step), person.app.at(step + 1)];
            let pair = [codes[0].as_str(), codes[1].as_str()];
            let resync =
                practice.mfa.account(&person.id).at(now).resynchronise(person.device, pair);
            overtake(practice, resync.operation(), || offboard(practice, person));
            said(&practice.run(resync))
        },
        |practice, person| {
            let proof = practice.proof(person, ChangeFactors);
            let now = practice.now();
            let enrol =
                practice.mfa.account(&person.id).at(now).enrol("Tablet", &mut practice.rng());
            let pending = practice.run(enrol.proven_by(proof)).unwrap();
            let code = Authenticator::of(&pending).code(now);
            let mut rng = practice.rng();
            let confirm =
                practice.mfa.account(&person.id).at(now).confirm(pending.id(), &code, &mut rng);
            overtake(practice, confirm.operation(), || offboard(practice, person));
            said(&practice.run(confirm))
        },
    ];
    for (at, attempt) in attempts.into_iter().enumerate() {
        let practice = Practice::new();
        let person = practice.person(1);
        let verdict = attempt(&practice, &person);
        let expected = match at {
            1 => Said::Rejected(255), // a recovery code waits for nothing
            _ => Said::Rejected(4),
        };
        assert_eq!(verdict, expected, "attempt {at}");
    }
    // A change against offboarding.
    let practice = Practice::new();
    let person = practice.person(1);
    let proof = practice.proof(&person, ChangeFactors);
    let now = practice.now();
    let mut rng = practice.rng();
    let renew = practice.mfa.account(&person.id).at(now).regenerate_recovery_codes(proof, &mut rng);
    overtake(&practice, renew.operation(), || offboard(&practice, &person));
    assert_eq!(refusal(practice.run(renew)), Some(Refusal::Offboarded));

    // The tombstone is a record: nothing can be created in its place.
    let newcomer = Ledger::default();
    let enrol = practice.at(&person.id).enrol("Phone", &mut practice.rng());
    let Decided::Write(prepared) = enrol.operation().decide(None, None).unwrap() else {
        panic!("no write")
    };
    assert_eq!(prepared.write().expected(), None);
    assert_eq!(newcomer.swap(&person.id, &prepared.write()), Ok(Swap::Stored));
    let swap = practice.store.swap(&person.id, &prepared.write()).unwrap();
    assert_eq!(swap, Swap::Stale);
    assert_eq!(practice.refused(enrol), Refusal::Offboarded);
}

/// CVE-2026-41660, CVE-2026-45610: the last factor is taken away, and with it the requirement.
///
/// Guards `LastFactor` in `Account::revoke` (the whole table is in tables.rs).
#[test]
fn s08_last_factor() {
    let practice = Practice::new();
    let person = practice.person(1);
    let operator = practice.person(2);
    let dana = || practice.at(&person.id);
    let proof = practice.proof(&person, ChangeFactors);
    assert_eq!(practice.refused(dana().revoke(person.device, proof)), Refusal::LastFactor);
    let proof = practice.proof(&operator, ActForOther);
    assert_eq!(practice.refused(dana().revoke(person.device, acting(proof))), Refusal::LastFactor);
    let (second, tablet) = practice.second_app(&person, "Tablet");
    let proof = practice.proof(&person, ChangeFactors);
    practice.run(dana().revoke(person.device, proof)).unwrap();
    let now = practice.wait(60);
    let verify = practice.mfa.account(&person.id).at(now).verify(&tablet.code(now), ChangeFactors);
    let proof = practice.run(verify).accepted().unwrap();
    assert_eq!(practice.refused(dana().revoke(second, proof)), Refusal::LastFactor);
    practice.offboard(&person.id).unwrap();
}

/// CVE-2023-37919, CVE-2024-21722, CVE-2022-23807: sessions and proofs from before a change of
/// factors go on working after it.
///
/// Guards `change_epoch` in `bind`, `retire`, `regenerate`, `reset` and `offboard`, and
/// `proof.epoch != self.epoch` in `subject_proof`.
#[test]
fn s09_change_needs_and_kills_proofs() {
    type Step<'p> = &'p dyn Fn(&Practice, &Person, Proof<ChangeFactors>) -> bool;
    let operator_proof = |practice: &Practice| {
        let operator = practice.person(77);
        practice.proof(&operator, ActForOther)
    };
    let changes: [(&str, Step<'_>); 7] = [
        ("confirm", &|practice, person, proof| {
            let now = practice.now();
            let enrol =
                practice.mfa.account(&person.id).at(now).enrol("Tablet", &mut practice.rng());
            let pending = practice.run(enrol.proven_by(proof)).unwrap();
            let code = Authenticator::of(&pending).code(now);
            practice.confirm(&person.id, pending.id(), &code).accepted().is_some()
        }),
        ("bind a passkey", &|practice, person, proof| {
            let _ = practice.passkey(&person.id, Some(proof));
            true
        }),
        ("regenerate", &|practice, person, proof| {
            let (mut rng, now) = (practice.rng(), practice.now());
            let renew =
                practice.mfa.account(&person.id).at(now).regenerate_recovery_codes(proof, &mut rng);
            practice.run(renew).is_ok()
        }),
        ("revoke", &|practice, person, proof| {
            let summary = practice.summary(&person.id);
            let other = summary.confirmed().find(|device| device.id != person.device).unwrap().id;
            let revoke = practice.at(&person.id).revoke(other, proof);
            practice.run(revoke).is_ok()
        }),
        ("report lost", &|practice, person, proof| {
            let lost = practice.at(&person.id).report_lost(person.device, proof);
            practice.run(lost).is_ok()
        }),
        ("reset", &|practice, person, _| {
            let proof = operator_proof(practice);
            let reset = practice.at(&person.id).reset(
                acting(proof),
                PassLength::Long,
                "lost everything",
                &mut practice.rng(),
            );
            practice.run(reset).is_ok()
        }),
        ("offboard", &|practice, person, _| practice.offboard(&person.id).is_ok()),
    ];
    for (name, change) in changes {
        let practice = Practice::new();
        let person = practice.person(1);
        let (_, tablet) = practice.second_app(&person, "Tablet");
        let before = practice.summary(&person.id).epoch;
        // Three proofs of one epoch: one is used, one is kept, one opened a session.
        let used = practice.proof(&person, ChangeFactors);
        let kept = practice.proof(&person, ChangeFactors);
        let now = practice.now();
        let session = practice.mfa.account(&person.id).at(now).verify(&tablet.code(now), SignIn);
        let session = practice.run(session).accepted().unwrap();
        practice.store.take_events();
        assert!(change(&practice, &person, used), "{name}");
        let summary = practice.summary(&person.id);
        assert_eq!(summary.epoch, before + 1, "{name}");
        assert!(session.epoch() < summary.epoch, "the host can tell an old session, {name}");
        let ends = practice.store.take_events();
        assert!(ends.iter().any(|event| event.account == person.id && event.ends_sessions()));
        let late = practice.at(&person.id).enrol("Mine", &mut practice.rng());
        let expected = if name == "offboard" { Refusal::Offboarded } else { Refusal::ProofUnfit };
        assert_eq!(practice.refused(late.proven_by(kept)), expected, "{name}");
    }
    // And without any proof, there is no change (CVE-2026-42452).
    let practice = Practice::new();
    let person = practice.person(1);
    let (mut rng, now) = (practice.rng(), practice.now());
    let enrol = practice.mfa.account(&person.id).at(now).enrol("Mine", &mut rng);
    assert_eq!(practice.refused(enrol), Refusal::ProofRequired);
    let bind =
        practice.mfa.account(&person.id).at(now).bind_external("K", ExternalMethod::Pki, &mut rng);
    assert_eq!(practice.refused(bind), Refusal::ProofRequired);
    let change = practice.enrol_phone(&person.id, "+15550100100", None);
    assert_eq!(refusal(change), Some(Refusal::ProofRequired));
    let import = practice.mfa.account(&person.id).at(now).import(token(0x5a, None), &mut rng);
    assert_eq!(practice.refused(import), Refusal::ProofRequired);
}

/// A leaver's app, recovery codes, telephone, passkey, half-made enrolment or emergency grant still
/// works: ASVS 7.4.2, and every offboarding check list that forgot one.
///
/// Guards `is_open` in `gate` and `confirm`, `Offboarded` in `may_bind`,
/// `subject_proof`, `operator_proof`, `send_code`, `start_external` and `import`, and `retire_all`.
#[test]
fn s10_leaver() {
    let practice = Practice::new();
    let person = practice.person(1);
    let operator = practice.person(2);
    let id = &person.id;
    let proof = practice.proof(&person, ChangeFactors);
    practice.phone(id, "+15550100100", Some(proof));
    let proof = practice.proof(&person, ChangeFactors);
    let key = practice.passkey(id, Some(proof));
    let pass = practice.emergency(id, &operator, 14_400);
    let sent = practice.challenge(id, SignIn).unwrap();
    let started = practice.start_external(id, SignIn);
    let proof = practice.proof(&person, ChangeFactors);
    let enrol = practice.at(id).enrol("Tablet", &mut practice.rng());
    let pending = practice.run(enrol.proven_by(proof)).unwrap();
    let tablet = Authenticator::of(&pending);
    let proofs: Vec<_> = (0..3).map(|_| practice.proof(&person, ChangeFactors)).collect();
    let [own, other, third] = proofs.try_into().unwrap();

    let writes = practice.store.stored();
    practice.store.take_events();
    practice.offboard(id).unwrap();
    assert_eq!(practice.store.stored(), writes + 1, "one write");
    let events = practice.store.take_events();
    let revoked = events.iter().filter(|event| event.kind == EventKind::Revoked).count();
    assert_eq!(revoked, 3, "evidence for each device");
    assert!(matches!(events.last().unwrap().kind, EventKind::Offboarded { .. }));
    assert!(events.iter().all(|event| event.actor == Actor::Host(HostsWord::Process)));

    let after = practice.store.records();
    let now = practice.wait(30);
    for code in [person.app.code(now), tablet.code(now)] {
        assert_eq!(said(&practice.verify(id, &code)), Said::Rejected(4));
    }
    let step = person.app.step(now);
    let codes = [person.app.at(step), person.app.at(step + 1)];
    let pair = [codes[0].as_str(), codes[1].as_str()];
    let resync = practice.mfa.account(id).at(now).resynchronise(person.device, pair);
    assert_eq!(said(&practice.run(resync)), Said::Rejected(4));
    for code in &person.recovery_codes {
        assert_eq!(said(&practice.recover(id, code)), Said::Rejected(255));
    }
    assert_eq!(
        said(&practice.answer(id, sent.id(), sent.to_send().unwrap().expose_str())),
        Said::Rejected(4)
    );
    // Checks are started for everybody, and settled for nobody who left.
    for started in [started, practice.start_external(id, SignIn)] {
        let verified = Assertion::verified_by_host(&started, key);
        assert_eq!(said(&practice.settle(id, verified, SignIn)), Said::Rejected(255));
    }
    // A leaver gets the words of a wrong code, at every door.
    assert_eq!(said(&practice.confirm(id, pending.id(), &tablet.code(now))), Said::Rejected(4));
    assert_eq!(said(&practice.enter(id, &pass)), Said::Rejected(255));

    let rng = &mut practice.rng();
    let mfa = &practice.mfa;
    let gone = Some(Refusal::Offboarded);
    assert_eq!(refusal(practice.challenge(id, SignIn)), gone);
    assert_eq!(refusal(practice.run(mfa.account(id).at(now).enrol("P", rng))), gone);
    assert_eq!(refusal(practice.run(mfa.account(id).at(now).enrol("P", rng).proven_by(own))), gone);
    assert_eq!(
        refusal(practice.run(mfa.account(id).at(now).enrol_hotp("P", Digits::Six, rng))),
        gone
    );
    let existing = mfa.account(id).at(now).enrol_existing(token(1, None), rng);
    assert_eq!(refusal(practice.run(existing)), gone);
    assert_eq!(refusal(practice.enrol_phone(id, "+15550100101", None)), gone);
    let bind = mfa.account(id).at(now).bind_external("K", ExternalMethod::Passkey, rng);
    assert_eq!(refusal(practice.run(bind)), gone);
    assert_eq!(refusal(practice.run(mfa.account(id).at(now).import(token(1, None), rng))), gone);
    let renew = mfa.account(id).at(now).regenerate_recovery_codes(other, rng);
    assert_eq!(refusal(practice.run(renew)), gone);
    assert_eq!(refusal(practice.run(mfa.account(id).at(now).revoke(key, third))), gone);
    assert_eq!(refusal(practice.offboard(id)), gone);
    for act in 0..5 {
        let proof = practice.proof(&operator, ActForOther);
        let now = practice.now();
        let refusal = match act {
            0 => refusal(practice.run(mfa.account(id).at(now).reset(
                acting(proof),
                PassLength::Long,
                "came back",
                &mut practice.rng(),
            ))),
            1 => refusal(practice.run(mfa.account(id).at(now).grant_emergency_access(
                acting(proof),
                PassLength::Long,
                60,
                "once",
                &mut practice.rng(),
            ))),
            2 => refusal(practice.run(mfa.account(id).at(now).report_lost(key, proof))),
            3 => refusal(practice.run(mfa.account(id).at(now).unlock(acting(proof)))),
            _ => refusal(practice.run(mfa.account(id).at(now).revoke(key, acting(proof)))),
        };
        assert_eq!(refusal, gone);
    }
    assert_eq!(practice.store.records()[id], after[id], "and nothing of it was written");
    let summary = practice.summary(id);
    assert!(summary.devices.iter().all(|device| device.status == DeviceStatus::Revoked));
    assert_eq!((summary.recovery_codes_left, summary.pending_until), (0, None));
    assert_eq!((summary.emergency_until, summary.confirmed().count()), (None, 0));
}

/// F-05: a stranger with the password, for as long as the pass lasts and through every door, with passes of
/// both lengths and with everything that the person had before the reset. Nothing is bound or accepted, and
/// then the owner enters the pass and is in.
///
/// Guards `may_enrol_openly`, and `is_named` in `Account::enter_pass`.
#[test]
fn s15_a_pass_against_a_stranger() {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let practice = Practice::new();
    let (person, operator) = (practice.person(1), practice.person(2));
    let id = &person.id;
    let pass = practice.reset(id, &operator);
    let mut drawn = practice.rng();
    for turn in 0..400_usize {
        let now = practice.wait(200);
        let guess: String = (0..if turn % 2 == 0 { 28 } else { 8 })
            .map(|_| char::from(ALPHABET[usize::from(drawn.random::<u8>()) % 32]))
            .collect();
        assert_eq!(said(&practice.enter(id, &guess)), Said::Rejected(255));
        let rng = &mut practice.rng();
        let refused = match turn % 8 {
            0 => refusal(practice.run(practice.at(id).enrol("Mine", rng))),
            1 => refusal(practice.run(practice.at(id).enrol_hotp("Mine", Digits::Six, rng))),
            2 => refusal(practice.run(practice.at(id).enrol_existing(token(1, None), rng))),
            3 => refusal(practice.enrol_phone(id, "+15550100199", None)),
            4 => {
                let bind = practice.at(id).bind_external("Mine", ExternalMethod::Pki, rng);
                refusal(practice.run(bind))
            }
            5 => refusal(practice.run(practice.at(id).import(token(1, None), rng))),
            6 => {
                assert_ne!(said(&practice.verify(id, &person.app.code(now))), Said::Accepted);
                refusal(practice.challenge(id, SignIn))
            }
            _ => {
                let code = &person.recovery_codes[turn / 8 % 10];
                assert_eq!(said(&practice.recover(id, code)), Said::Rejected(255));
                continue;
            }
        };
        assert!(refused.is_some(), "{turn}");
    }
    let proof = practice.entered(id, &pass);
    let _ = practice.passkey(id, Some(proof));
}

/// Nothing that the owner of a pass repeats keeps a revocation from being stored: a revocation is tried 128
/// times, and a pass is entered at most a hundred times, or twenty.
///
/// Guards `pass.count` in `Account::enter`.
#[test]
fn a_pass_is_entered_a_limited_number_of_times() {
    let practice = Practice::new();
    let operator = practice.person(2);
    for (number, length, times) in [(3, PassLength::Long, 100), (4, PassLength::Short, 20)] {
        let id = &account(number);
        let by = acting(practice.proof(&operator, ActForOther));
        let invite = practice.at(id).invite(by, length, "starts today", &mut practice.rng());
        let pass = practice.run(invite).unwrap().expose_text();
        for _ in 1..times {
            assert_eq!(said(&practice.enter(id, &pass)), Said::Accepted);
        }
        // The last proof binds all the same: the owner is not the one who has to wait.
        let proof = practice.entered(id, &pass);
        assert_eq!(said(&practice.enter(id, &pass)), Said::Rejected(255));
        let _ = practice.passkey(id, Some(proof));
    }
}

/// No word of a record says yes against another that says no. No operation writes such a record; a
/// backup put together by hand, or a fault of this library, might.
///
/// Guards `is_open` in `Account::enter_pass`, `operator.is_open()` in `operator_proof`,
/// and `in_use` in `Device::scan`, `scan_far` and `Account::send_code`.
#[test]
fn s10_a_no_is_enough() {
    let (mfa, store) = (Mfa::new(Plain, Recommended), Ledger::default());
    let person = |number: u64| {
        let (id, rng) = (account(number), &mut rng(number));
        let enrol = mfa.account(&id).at(START).enrol("Phone", rng).run(&store).unwrap();
        let app = Authenticator::of(&enrol);
        let confirm = mfa.account(&id).at(START).confirm(enrol.id(), &app.code(START), rng);
        assert_eq!(said(&confirm.run(&store)), Said::Accepted);
        (id, app)
    };
    let ((id, app), (operator, operators_app)) = (person(1), person(2));
    let now = START.plus(60);
    let act = |now: UnixTime| {
        let code = operators_app.code(now);
        let verify = mfa.account(&operator).at(now).verify(&code, ActForOther);
        verify.run(&store).accepted().unwrap()
    };
    // A date where there was none: epoch 1, the last write, the first binding, and no end.
    let moment = |at: UnixTime| {
        let secs = u32::try_from(at.as_secs()).unwrap().to_be_bytes();
        [&[0x1a], &secs[..]].concat()
    };
    let offboarded = |id: &AccountId, written: UnixTime| {
        let head = [moment(written), moment(START)].concat();
        let (open, ended) = ([&head[..], &[0xf6]].concat(), [&head[..], &moment(written)].concat());
        altered(&store.record(id).unwrap(), &open, &ended)
    };

    // A tombstone beside a grant.
    let mut grant = mfa.account(&id).at(now).grant_emergency_access(
        acting(act(now)),
        PassLength::Long,
        600,
        "in repair",
        &mut rng(9),
    );
    let pass = grant.run(&store).unwrap().expose_text();
    let granted = store.record(&id).unwrap();
    let emergency = mfa.account(&id).at(now).enter_pass(&pass);
    let Decided::Write(_) = emergency.operation().decide(Some(granted), None).unwrap() else {
        panic!("the grant holds")
    };
    let ended = offboarded(&id, now);
    let Decided::Answer { answer, .. } = emergency.operation().decide(Some(ended), None).unwrap()
    else {
        panic!("a write after the end")
    };
    assert_eq!(said(&answer), Said::Rejected(255));

    // An operator who was offboarded in the epoch of the proof.
    let now = now.plus(60);
    let reset = mfa.account(&id).at(now).reset(
        acting(act(now)),
        PassLength::Long,
        "lost everything",
        &mut rng(9),
    );
    let loaded = store.record(&id);
    let in_office = store.record(&operator);
    assert!(matches!(reset.operation().decide(loaded.clone(), in_office), Ok(Decided::Write(_))));
    let Decided::Answer { answer, .. } =
        reset.operation().decide(loaded.clone(), Some(offboarded(&operator, now))).unwrap()
    else {
        panic!("somebody who left has reset an account")
    };
    assert_eq!(answer.err(), Some(Refusal::ProofUnfit));

    // A device that is lost or revoked, and still has its secret.
    let step = app.step(now);
    let (one, two) = (app.at(step), app.at(step + 1));
    let device = app_device(&mfa, &store, &id, now);
    let verify = mfa.account(&id).at(now).verify(&one, SignIn);
    let resync = mfa.account(&id).at(now).resynchronise(device, [&one, &two]);
    for status in 0..=2_u8 {
        let record = altered(
            loaded.as_ref().unwrap(),
            b"\x65Phone\x00",
            &[b"\x65Phone", &[status][..]].concat(),
        );
        fn verdict<T>(operation: &Operation<'_, Verdict<T>>, record: &Record) -> Said {
            match operation.decide(Some(record.clone()), None).unwrap() {
                Decided::Answer { answer, .. } => said(&answer),
                Decided::Write(prepared) => said(&prepared.release(Swap::Stored).unwrap()),
            }
        }
        for verdict in [verdict(verify.operation(), &record), verdict(resync.operation(), &record)]
        {
            assert_eq!(verdict == Said::Accepted, status == 0, "status {status}: {verdict:?}");
        }
    }

    // A telephone that is lost or revoked, and still has its number.
    let own = mfa.account(&id).at(now).verify(&one, ChangeFactors).run(&store);
    let number = PhoneNumber::new("+15550100100").unwrap();
    let told = RestrictedNotice::given_by_host();
    let enrol = mfa.account(&id).at(now).enrol_phone("Text", number, told, &mut rng(3));
    let mut enrol = enrol.proven_by(own.accepted().unwrap());
    let sent = enrol.run(&store).unwrap();
    let confirm = mfa.account(&id).at(now).confirm(
        sent.id(),
        sent.to_send().unwrap().expose_str(),
        &mut rng(4),
    );
    assert_eq!(said(&confirm.run(&store)), Said::Accepted);
    let now = now.plus(60);
    let challenge = mfa.account(&id).at(now).send_code(SignIn, &mut rng(5));
    for status in 0..=2_u8 {
        let to = [b"\x64Text", &[status][..]].concat();
        let record = altered(&store.record(&id).unwrap(), b"\x64Text\x00", &to);
        match challenge.operation().decide(Some(record), None).unwrap() {
            Decided::Write(_) => assert_eq!(status, 0, "a code for a number out of use"),
            Decided::Answer { answer, .. } => {
                assert_eq!((status > 0, answer.err()), (true, Some(Refusal::NothingBound)));
            }
        }
    }
}

fn app_device(
    mfa: &Mfa<Plain, Recommended>,
    store: &Ledger,
    id: &AccountId,
    now: UnixTime,
) -> DeviceId {
    mfa.account(id).at(now).summary().run(store).unwrap().unwrap().devices[0].id
}

/// Whatever a secret may be found as in a text: itself, in hexadecimal, as a list of numbers.
fn spellings_of(secret: &[u8]) -> Vec<String> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{:?}", &secret[..4]);
    vec![hex.clone(), hex.to_uppercase(), list.trim_matches(['[', ']']).to_owned()]
}

/// CVE-2025-11794, PYSEC-2019-29, CVE-2019-7929, CVE-2020-15105: secrets in answers, lists, logs
/// and sessions.
///
/// Guards every redacted `Debug`: `Secret`, `Code`, `Factor`, `RecoveryCode`, `PhoneNumber`,
/// `Keyring`, `Record`, `Operation`, `Prepared`; and that `Event` and `Summary` have no place for a
/// secret.
#[test]
fn s11_secret_hygiene() {
    let mut shown: Vec<String> = Vec::new();
    let mut show = |text: String| {
        assert!(!text.is_empty());
        shown.push(text);
    };
    fn debug(value: &dyn Debug) -> String {
        format!("{value:?} {value:#?}")
    }
    fn display(value: &dyn Display) -> String {
        format!("{value}")
    }
    let practice = Practice::new();
    let id = account(1);
    let now = practice.now();

    // What must not be seen, and everything that could show it.
    let enrol = practice.mfa.account(&id).at(now).enrol("Phone", &mut practice.rng());
    show(debug(&enrol));
    let decided = enrol.operation().decide(None, None).unwrap();
    show(debug(&decided));
    if let Decided::Write(prepared) = &decided {
        show(debug(&prepared.write()));
    }
    let pending = practice.run(enrol).unwrap();
    show(debug(&pending));
    let uri = pending.uri("Acme Billing", "dana").unwrap();
    show(debug(&uri));
    show(debug(uri.secret()));
    show(debug(&uri.secret().expose_base32()));
    show(debug(&Authenticator::of(&pending).totp()));
    let app = Authenticator::of(&pending);
    let first = app.code(now);
    show(debug(&Code::parse(&first, Digits::Six).unwrap()));
    let confirm =
        practice.mfa.account(&id).at(now).confirm(pending.id(), &first, &mut practice.rng());
    show(debug(&confirm));
    let verdict = practice.run(confirm);
    show(debug(&verdict));
    let bound = verdict.accepted().unwrap();
    show(debug(&bound));
    show(debug(&bound.recovery_codes().unwrap()));
    show(debug(&bound.recovery_codes().unwrap().iter().next().unwrap()));
    let recovery = recovery_codes(&bound);
    let now = practice.wait(60);
    let person = Person { id, device: bound.device(), app, recovery_codes: recovery };

    let proof = practice.proof(&person, ChangeFactors);
    show(debug(&proof));
    let number = "+15550123489";
    let destination = PhoneNumber::new(number).unwrap();
    show(debug(&destination));
    let told = RestrictedNotice::given_by_host();
    show(debug(&told));
    let mut sms_rng = practice.rng();
    let sms = practice.at(&id).enrol_phone("SMS", destination, told, &mut sms_rng);
    let sms = sms.proven_by(proof);
    show(debug(&sms));
    let change = practice.run(sms);
    show(debug(&change));
    let sent = change.unwrap();
    let sms_code = sent.to_send().unwrap().expose_str().to_owned();
    let confirm = practice.confirm(&id, sent.id(), &sms_code);
    show(debug(&confirm));
    practice.wait(60);
    let challenge = practice.challenge(&id, SignIn).unwrap();
    show(debug(&challenge));
    let second_code = challenge.to_send().unwrap().expose_str().to_owned();
    let answer = practice.at(&id).verify_sent_code(challenge.id(), &second_code, SignIn);
    show(debug(&answer));
    show(debug(&answer.operation().decide(practice.store.record(&id), None).unwrap()));
    show(debug(&practice.run(answer)));
    let now = practice.wait(60).max(now);
    let code = person.app.code(now);
    let verify = practice.mfa.account(&id).at(now).verify(&code, SignIn);
    show(debug(&verify));
    show(debug(&verify.operation().decide(practice.store.record(&id), None).unwrap()));
    show(debug(&practice.run(verify)));
    let recover = practice.mfa.account(&id).at(now).recover(&person.recovery_codes[0], SignIn);
    show(debug(&recover));
    show(debug(&recover.operation().decide(practice.store.record(&id), None).unwrap()));
    show(debug(&practice.run(recover)));
    let existing = token(0xc5, Some(3));
    show(debug(&existing));
    let import = practice.mfa.account(&account(2)).at(now).import(existing, &mut practice.rng());
    show(debug(&import));
    show(debug(&practice.run(import)));
    let signed_in = practice.proof(&person, SignIn);
    let remember = practice.at(&id).remember_browser(&signed_in, &mut practice.rng());
    show(debug(&remember));
    let browser = practice.run(remember).unwrap();
    show(debug(&browser));
    let token_of_browser = browser.expose_token().to_owned();
    let from_it = practice.at(&id).verify("123456", SignIn).from_browser(&token_of_browser);
    show(debug(&from_it));
    show(debug(&practice.store.record(&id).unwrap()));
    show(debug(&practice.summary(&id)));
    show(debug(&keyring(7).opening_older(sealing_key(9))));
    show(debug(&practice.mfa));
    for event in practice.store.events().iter().chain(&practice.store.notes()) {
        show(debug(event));
        if let Some(notice) = event.notice() {
            show(display(&notice));
        }
    }
    // Errors about texts that are secrets.
    let base32 = uri.secret().expose_base32().expose_str().to_owned();
    let broken = format!("{base32}0");
    show(debug(&Secret::from_base32(&broken).unwrap_err()));
    show(display(&Secret::from_base32(&broken).unwrap_err()));
    let bad_uri = uri.expose_uri().replace("digits=6", "digits=5");
    show(debug(&ProvisioningUri::parse(&bad_uri).unwrap_err()));
    show(display(&ProvisioningUri::parse(&bad_uri).unwrap_err()));
    show(display(&Code::parse(&format!("{code}x"), Digits::Six).unwrap_err()));
    show(debug(&PhoneNumber::new("+1555012348x").unwrap_err()));

    let mut canaries = vec![base32.clone(), base32.to_lowercase(), first, code];
    canaries.extend([sms_code, second_code, number.to_owned(), number[1..].to_owned()]);
    canaries.push(token_of_browser);
    canaries.extend(spellings_of(uri.secret().expose_bytes()));
    canaries.extend(spellings_of(&[0xc5; 20]));
    canaries.extend(spellings_of(&KEY));
    canaries.extend(spellings_of(&[9; 32]));
    for code in &person.recovery_codes {
        canaries.extend([code.clone(), code.replace('-', ""), code[..14].to_owned()]);
    }
    assert!(shown.len() > 50, "{}", shown.len());
    for text in &shown {
        for canary in &canaries {
            // A six-digit code may stand by chance inside a hexadecimal id or a time; not as a word.
            let digits = canary.len() == 6 && canary.bytes().all(|byte| byte.is_ascii_digit());
            let found = match digits {
                true => text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == canary),
                false => text.contains(canary.as_str()),
            };
            assert!(!found, "{canary} in {text}");
        }
    }
    // What is shown in their place.
    for word in [
        "Secret([20 bytes])",
        "Code([6 digits])",
        "Factor(totp, [redacted])",
        "RecoveryCode([redacted])",
        "PhoneNumber(…89)",
        ": seals with ",
        "[redacted]), epoch: ",
        "Operation { account: AccountId(0000000000000001), now: UnixTime(1800000000) }",
        "Prepared { write: Write { expected: None, record: Record(version 1, [",
        "Proof { proven: Proven { account: AccountId(0000000000000001), device: Some(DeviceId(",
    ] {
        assert!(shown.iter().any(|text| text.contains(word)), "{word}");
    }
    // Nor do the stored bytes have one: they are sealed.
    for (_, record) in practice.store.history() {
        let bytes = record.as_bytes();
        let secret = uri.secret().expose_bytes();
        assert!(!bytes.windows(8).any(|window| secret.windows(8).any(|part| part == window)));
        assert!(!bytes.windows(8).any(|window| window == &number.as_bytes()[2..10]));
        assert!(!bytes.windows(8).any(|window| window == [0xc5; 8]));
    }
    // And the types that hold them cannot be copied or printed.
    assert!(!implements!(Secret: Clone) && !implements!(Secret: Display));
    assert!(!implements!(Code: Clone) && !implements!(Code: Display));
    assert!(!implements!(Keyring: Clone) && !implements!(Authenticator: Debug));
    assert!(!implements!(PhoneNumber: Display) && !implements!(Record: Display));
}

/// RUSTSEC-2022-0018, CVE-2021-38155, CVE-2025-6011, CVE-2024-41952: what an account is can be read
/// off the words or off the time.
///
/// Guards `evaluate_dummy` in `Account::verify` and `resynchronise`, the budget of nobody in
/// `Account::reject`, and that every eligible step is computed.
#[test]
fn s12_same_words_same_work() {
    let policy = Numbers::default();
    let practice = Practice::with(policy.clone());
    let person = practice.person(1);
    let now = practice.now();
    let used = person.app.code(now);
    assert_eq!(said(&practice.verify(&person.id, &used)), Said::Accepted);
    let wrong = wrong_code(&[&person.app], now, 0);
    // One without a device, one offboarded, one with a pending enrolment, and nobody.
    let (without, leaver, pending, nobody) = (account(2), account(3), account(4), account(5));
    let leaving = practice.person(3);
    practice.offboard(&leaver).unwrap();
    let enrol = practice.at(&pending).enrol("Phone", &mut practice.rng());
    assert_eq!(refusal(practice.run(enrol)), None);
    practice.passkey(&without, None);
    let now = practice.now();
    let cases = [
        ("wrong", person.id, wrong.clone(), RejectionReason::WrongCode),
        ("used", person.id, used, RejectionReason::Repeated),
        ("no device", without, wrong.clone(), RejectionReason::NoDevice),
        ("offboarded", leaver, leaving.app.code(now), RejectionReason::Offboarded),
        ("pending", pending, wrong.clone(), RejectionReason::NoDevice),
        ("unknown", nobody, wrong.clone(), RejectionReason::UnknownAccount),
    ];
    let before = practice.store.records();
    policy.take_windows();
    let _ = practice.verify(&person.id, &wrong);
    let of_a_device = policy.take_windows();
    for (name, id, code, why) in cases {
        // Each from the same state, so that the number of tries is the same for all.
        practice.set_clock(now);
        for (id, record) in &before {
            practice.store.put(*id, record.clone());
        }
        if name == "used" {
            practice.set_clock(START.plus(60));
        }
        policy.take_windows();
        practice.store.take_events();
        let verdict = practice.verify(&id, &code);
        assert_eq!(said(&verdict), Said::Rejected(4), "{name}");
        // To search, and where there is a device, to count what would have been accepted.
        let asked = policy.take_windows();
        let expected = if id == person.id { of_a_device } else { 1 };
        assert_eq!(asked, expected, "{name}: one window is evaluated");
        assert_eq!(practice.why(), Some(why), "the reason stands in the event only");
        let pair = [code.as_str(), wrong.as_str()];
        let device = person.device;
        let resync = practice.mfa.account(&id).at(now).resynchronise(device, pair);
        policy.take_reaches();
        assert!(matches!(said(&practice.run(resync)), Said::Rejected(_)), "{name}");
        assert_eq!(policy.take_reaches(), 1, "one reach is evaluated, {name}");
        // And the same for the recovery code of nobody.
        let verdict = practice.recover(&id, &"7".repeat(28));
        assert_eq!(said(&verdict), Said::Rejected(255), "{name}");
        // An enrolment, a sent code and a passkey's challenge of nobody.
        // For a leaver, a wrong code.
        let none = ChallengeId::from_bytes([1; 16]);
        let [code_of_none, settled_none] = match name {
            "offboarded" => [Said::Rejected(4), Said::Rejected(255)],
            _ => [Said::Expired; 2],
        };
        assert_eq!(said(&practice.confirm(&id, none, &code)), code_of_none, "{name}");
        assert_eq!(said(&practice.answer(&id, none, &code)), code_of_none, "{name}");
        let settled = practice.settle(&id, Assertion::failed_at_host("none", device), SignIn);
        assert_eq!(said(&settled), settled_none, "{name}");
        // A check is started for everybody, and fails alike.
        let started = practice.start_external(&id, SignIn);
        let failed = Assertion::failed_at_host(&started, device);
        assert_eq!(said(&practice.settle(&id, failed, SignIn)), Said::Rejected(255), "{name}");
    }
    // A guesser cannot make records for people who are none.
    assert_eq!(practice.store.record(&nobody), None);
    // A right code costs what a wrong one costs, and so does the position of the match.
    let record = practice.store.record(&person.id).unwrap();
    practice.set_clock(now.plus(7_200));
    let mut asked = Vec::new();
    for ahead in -1..=1 {
        practice.store.put(person.id, record.clone());
        let step = person.app.step(practice.now()).checked_add_signed(ahead).unwrap();
        policy.take_windows();
        let verdict = practice.verify(&person.id, &person.app.at(step));
        assert_eq!(said(&verdict), Said::Accepted);
        asked.push(policy.take_windows());
    }
    assert!(asked.iter().all(|of_one| *of_one == asked[0]), "{asked:?}");
}

/// GHSA-g7m4-839x-ch6v (unbounded digits), CVE-2020-10185, GHSA-2jx3-65f3-xr8r (URI parameters):
/// a number from outside without a bound.
///
/// Guards the constructors of every number: there is no other way to one. (Texts, times and sizes
/// are in bad_input.rs; the parsers are fuzzed.)
#[test]
fn s13_input_limits() {
    let within = |fits: &dyn Fn(u64) -> bool, low: u64, high: u64| {
        for number in [0, 1, low.saturating_sub(1), high + 1, 255, 256, 65_535, 1 << 32, u64::MAX] {
            assert_eq!(fits(number), (low..=high).contains(&number), "{number} of {low} to {high}");
        }
        assert!(fits(low) && fits(high));
    };
    let small = |number: u64| u8::try_from(number).ok();
    within(&|n| small(n).and_then(Digits::new).is_some(), 6, 8);
    within(&|n| Period::new(n).is_some(), 1, 120);
    within(&|n| Window::new(n, 0).is_some(), 0, 10);
    within(&|n| Window::new(0, n).is_some(), 0, 10);
    within(&|n| LookAhead::new(n).is_some(), 1, 50);
    within(&|n| countersign::otp::Reach::new(n).is_some(), 1, 1_000);
    within(&|n| Bounded::<1, 100>::new(n).is_some(), 1, 100);
    within(&|n| Bounded::<60, 600>::new(n).is_some(), 60, 600);
    let bytes = |n: u64| vec![7; usize::try_from(n.min(70_000)).unwrap()];
    within(&|n| Secret::from_bytes(&bytes(n)).is_ok(), 16, 128);
    within(&|n| AccountId::new(bytes(n)).is_ok(), 1, 64);
    let text = |n: u64| "x".repeat(usize::try_from(n.min(70_000)).unwrap());
    within(&|n| Label::new(&text(n)).is_ok(), 1, 64);
    // Unknown URI parameters are read over, and double ones refused: a parameter sets what it names.
    let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let uri =
        |rest: &str| ProvisioningUri::parse(&format!("otpauth://totp/a?secret={secret}{rest}"));
    let read = uri("&issuer_callback=x&__proto__=y&t0=9").unwrap();
    assert_eq!(read.totp_parameters(), Some(Parameters::default()));
    for refused in ["&digits=6&digits=8", "&digits=99999999999", "&period=0", "&algorithm=MD5"] {
        assert!(uri(refused).is_err(), "{refused}");
    }
}

/// What a record holds has a bound, and what is written can be read: whoever has the telephone gets the
/// texts back with each success, and could fill the record with codes that wait until it opens no more,
/// not even to be offboarded.
///
/// Guards `SentText::MOST` in `Account::send_code`.
#[test]
fn s13_a_record_is_never_filled() {
    let practice = Practice::new();
    let id = account(1);
    practice.phone(&id, "+15550100100", None);
    let mut sent = 0;
    for round in 0..40 {
        let codes: Vec<_> = (0..5)
            .map(|n| practice.challenge(&id, action(&format!("release-{round}-{n}"))).unwrap())
            .collect();
        sent += codes.len();
        let newest = codes.last().unwrap();
        let typed = newest.to_send().unwrap().expose_str();
        let purpose = action(&format!("release-{round}-4"));
        let answer = practice.at(&id).verify_sent_code(newest.id(), typed, purpose);
        assert_eq!(said(&practice.run(answer)), Said::Accepted, "round {round}");
    }
    assert_eq!(sent, 200);
    practice.offboard(&id).unwrap();
}

/// CVE-2024-8796 (120 bits by default): weaker than it says, and nobody can see it.
///
/// Guards `MIN_LEN` in `Secret::from_bytes`, `short_secret` in `Device::summary` and in
/// `EventKind::Imported`, and the end of every type that a policy returns.
#[test]
fn s14_downgrade() {
    let short: Vec<u8> = (0..10).collect();
    assert_eq!(Secret::from_bytes(&short).err(), Some(SecretError::TooShort { bytes: 10 }));
    let text = "AAAQEAYEAUDAOCAJ"; // the same ten bytes
    assert!(Secret::from_base32(text).is_err() && Secret::from_base32_lenient(text).is_err());
    let uri = format!("otpauth://totp/old:dana?secret={text}");
    assert!(ProvisioningUri::parse(&uri).is_err());
    // What is generated has the length of its hash.
    for algorithm in [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512] {
        let secret = Secret::generate(algorithm, &mut rng(1));
        assert_eq!(secret.len(), algorithm.secret_len());
        assert!(secret.len() >= 20 && !secret.is_short());
    }
    // The one door for a short one marks it for as long as it lives.
    let practice = Practice::new();
    let old = ProvisioningUri::dangerously_parse_allowing_short_secret(&uri).unwrap();
    let import = |bytes: &[u8]| {
        let secret = Secret::dangerously_allow_short(bytes).unwrap();
        ExistingDevice::totp(Text::new("Old").unwrap(), secret, Parameters::default(), None)
    };
    for (number, bytes, marked) in [(1, old.secret().expose_bytes(), true), (2, &[5; 16], false)] {
        let id = account(number);
        practice.store.take_events();
        let import = practice.at(&id).import(import(bytes), &mut practice.rng());
        let device = practice.run(import).unwrap();
        let [event] = practice.store.take_events().try_into().expect("one event");
        assert_eq!(event.kind, EventKind::Imported { short_secret: marked });
        let summary = practice.summary(&id);
        assert_eq!(summary.devices[0].id, *device);
        assert!(summary.devices[0].imported);
        assert_eq!(summary.devices[0].short_secret, marked);
        assert_eq!(practice.store.columns(&id).unwrap().devices[0].short_secret, marked);
    }
    // Still so after it was used, and read back.
    let app = Authenticator::scan(&old);
    let now = practice.wait(60);
    assert_eq!(said(&practice.verify(&account(1), &app.code(now))), Said::Accepted);
    assert!(practice.summary(&account(1)).devices[0].short_secret);
    // A policy's widest window is the type's, six digits its shortest, and no policy has email.
    let widest = Window::new(10, 10).unwrap();
    assert_eq!((widest.steps(), Window::new(11, 0)), (21, None));
    assert_eq!(Digits::new(5), None);
    assert!(Method::ALL.iter().all(|method| !method.name().contains("mail")));
    assert!(Recommended.challenge_lifetime().as_u64() <= 600);
}

/// GHSA-qgqp-xh8r-v73r (authentik): the code goes where the request says.
///
/// Guards `Factor::Phone(number)` in `Account::send_code`: the destination is the bound record's,
/// and no operation but the enrolment takes one.
#[test]
fn s15_destination_fixed() {
    let practice = Practice::new();
    let id = account(1);
    practice.phone(&id, "+15550100100", None);
    let sent = practice.challenge(&id, SignIn).unwrap();
    assert_eq!(sent.destination().as_str(), "+15550100100");
    let answer = practice.answer(&id, sent.id(), sent.to_send().unwrap().expose_str());
    assert_eq!(said(&answer), Said::Accepted);
    // A new number is a new binding: with a proof, and until it is confirmed, the old one is bound.
    let change = practice.enrol_phone(&id, "+15550199999", None);
    assert_eq!(refusal(change), Some(Refusal::ProofRequired));
    practice.wait(60);
    let proof = sms_proof(&practice, &id, ChangeFactors);
    practice.wait(60);
    let new = practice.enrol_phone(&id, "+15550199999", Some(proof)).unwrap();
    assert_eq!(new.destination().as_str(), "+15550199999");
    practice.wait(60);
    let sent = practice.challenge(&id, SignIn).unwrap();
    assert_eq!(sent.destination().as_str(), "+15550100100", "not the one that is pending");
    // The code for one is no code for the other.
    let crossed = practice.answer(&id, sent.id(), new.to_send().unwrap().expose_str());
    assert!(matches!(said(&crossed), Said::Rejected(_)));
    let bound = practice.confirm(&id, new.id(), new.to_send().unwrap().expose_str());
    assert_eq!(said(&bound), Said::Accepted);
    practice.wait(60);
    let sent = practice.challenge(&id, SignIn).unwrap();
    assert_eq!(sent.destination().as_str(), "+15550199999");
    let phones = practice.summary(&id);
    assert_eq!(phones.confirmed().count(), 1, "a person has one");
}

fn sms_proof<P: Purpose>(practice: &Practice, id: &AccountId, purpose: P) -> Proof<P> {
    let sent = practice.challenge(id, purpose.clone()).unwrap();
    let code = sent.to_send().unwrap().expose_str();
    let answer = practice.at(id).verify_sent_code(sent.id(), code, purpose);
    practice.run(answer).accepted().unwrap()
}

/// A token whose secret exists: twenty times the same byte.
fn token(byte: u8, next: Option<u64>) -> ExistingDevice {
    let secret = Secret::from_bytes(&[byte; 20]).unwrap();
    let label = Text::new("Token").unwrap();
    ExistingDevice::hotp(label, secret, Algorithm::Sha1, Digits::Six, next.unwrap_or(0))
}
