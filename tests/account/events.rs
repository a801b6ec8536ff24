//! The audit trail: every decision is in it, once, with who, whose, when, from where, which device
//! and why; its ids have no holes; and what the person must be told can be read off it.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use crate::common::acting;
use countersign::account::HostsWord;
use std::collections::BTreeMap;

use crate::common::*;
use crate::throttle::{UNKNOWN_RECOVERY_CODE, close, misread};
use countersign::account::{
    Actor, Assertion, ChallengeId, Class, EventId, EventKind, ExistingDevice, Notice, PassEnd,
    PassKind, PhoneNumber, RecordName, Refusal, RejectionReason, Text,
};
use countersign::mfa::{self, AccountAt, Attempt, ExternalMethod, RestrictedNotice};
use countersign::otp::Parameters;
use countersign::{
    AccountId, ActForOther, AsyncStore, ChangeFactors, DeviceId, Digits, Event, Method, Proof,
    Purpose, Record, Secret, SignIn, Store, Swap, UnixTime, Verdict, Write,
};

/// Takes the events of the operation that has just been run: there are some, all of one account and
/// one moment. Their kinds by name, written or only noted.
fn kinds(practice: &Practice, id: &AccountId) -> String {
    let events = practice.store.take_events();
    assert!(!events.is_empty(), "a decision without an event");
    let mut names = Vec::new();
    for event in &events {
        assert_eq!((&event.account, event.at), (id, practice.now()));
        let kind = format!("{:?}", event.kind);
        let name: String = match &event.kind {
            EventKind::Rejected(_) | EventKind::Refused(_) => kind,
            _ => kind.chars().take_while(|c| c.is_alphanumeric()).collect(),
        };
        names.push(if event.id.is_some() { name } else { format!("({name})") });
    }
    names.join(" ")
}

/// ASVS 16.3.1, 45 CFR 164.312(b): a life with everything that can be decided, decision by decision.
/// In brackets: noted, because nothing changed.
#[test]
fn every_decision_has_its_events() {
    let practice = Practice::new();
    let id = &account(1);
    let mfa = &practice.mfa;
    let rng = || practice.rng();
    macro_rules! assert_kinds {
        ($operation:expr, $expected:expr) => {{
            let mut operation = $operation;
            let answer = practice.run_ref(&mut operation);
            assert_eq!(kinds(&practice, operation.operation().account()), $expected);
            answer
        }};
    }
    let sign_in = || SignIn;
    let now = practice.now();
    let none = ChallengeId::from_bytes([0; 16]);

    // Nobody yet.
    let nobody = "(Rejected(UnknownAccount))";
    let _ = assert_kinds!(mfa.account(id).at(now).verify("123456", sign_in()), nobody);
    let pair = ["123456", "654321"];
    let device = DeviceId::from_u64(1);
    let _ = assert_kinds!(mfa.account(id).at(now).resynchronise(device, pair), nobody);
    let unknown_code = || mfa.account(id).at(practice.now()).recover(UNKNOWN_RECOVERY_CODE, SignIn);
    let _ = assert_kinds!(unknown_code(), nobody);
    let _ = assert_kinds!(mfa.account(id).at(now).verify("12345", sign_in()), "(Malformed)");
    let _ = assert_kinds!(mfa.account(id).at(now).resynchronise(device, ["", ""]), "(Malformed)");
    let _ = assert_kinds!(mfa.account(id).at(now).recover("", sign_in()), "(Malformed)");
    let expired = "(Rejected(Expired))";
    let _ =
        assert_kinds!(mfa.account(id).at(now).verify_sent_code(none, "123456", sign_in()), expired);
    let _ = assert_kinds!(mfa.account(id).at(now).confirm(none, "123456", &mut rng()), expired);
    let _ = assert_kinds!(mfa.account(id).at(now).confirm_pair(none, pair, &mut rng()), expired);
    let assertion = Assertion::verified_by_host("", device);
    let _ = assert_kinds!(mfa.account(id).at(now).finish_external(assertion, sign_in()), expired);
    // A check can be started for anyone; what comes back is refused by a note.
    let token = practice.start_external(id, SignIn);
    let assertion = Assertion::verified_by_host(&token, device);
    let _ = assert_kinds!(mfa.account(id).at(now).finish_external(assertion, sign_in()), nobody);
    let _ = assert_kinds!(mfa.account(id).at(now).enter_pass(NO_PASS), nobody);
    let _ = assert_kinds!(mfa.account(id).at(now).enter_pass("no pass"), "(Malformed)");
    let nothing = "(Refused(NothingBound))";
    let _ = assert_kinds!(mfa.account(id).at(now).send_code(sign_in(), &mut rng()), nothing);
    let not_found = "(Refused(NotFound))";
    let _ = assert_kinds!(mfa.account(id).at(now).acknowledge_recovery_codes(none), not_found);
    let forget =
        || mfa.account(id).at(practice.now()).forget_browser("0".repeat(16).parse().unwrap());
    let _ = assert_kinds!(forget(), not_found);
    let _ = assert_kinds!(mfa.account(id).at(now).visit("00"), nobody);
    let distrust = mfa.account(id).at(now).distrust_browser("0".repeat(16).parse().unwrap());
    let _ = assert_kinds!(distrust, not_found);

    // The first app.
    let enrol = mfa.account(id).at(now).enrol("Phone", &mut rng());
    let pending = assert_kinds!(enrol, "EnrolmentStarted").unwrap();
    let enrol = mfa.account(id).at(now).enrol("Phone", &mut rng());
    let _ = assert_kinds!(enrol, format!("(Refused({:?}))", too_soon(now.plus(30))));
    let app = Authenticator::of(&pending);
    let wrong = wrong_code(&[&app], now, 0);
    let confirm = |code: &str| mfa.account(id).at(now).confirm(pending.id(), code, &mut rng());
    let _ = assert_kinds!(confirm("12345"), "(Malformed)");
    let _ = assert_kinds!(confirm(&wrong), "Rejected(WrongCode)");
    let bound = assert_kinds!(confirm(&app.code(now)), "Bound RecoveryCodesIssued");
    let bound = bound.accepted().unwrap();
    let codes = recovery_codes(&bound);
    let _ = assert_kinds!(confirm(&app.code(now)), "(Rejected(AlreadyConfirmed))");
    let _ = assert_kinds!(confirm(&wrong), expired);
    let set = bound.recovery_codes().unwrap().set();
    let _ =
        assert_kinds!(mfa.account(id).at(now).acknowledge_recovery_codes(set), "RecoveryCodesSeen")
            .unwrap();
    let person = Person { id: *id, device: bound.device(), app, recovery_codes: codes };
    let enrol = mfa.account(id).at(now).enrol("Mine", &mut rng());
    let _ = assert_kinds!(enrol, "(Refused(ProofRequired))");

    // Codes.
    let now = practice.wait(60);
    let code = person.app.code(now);
    let _ = assert_kinds!(mfa.account(id).at(now).verify(&code, sign_in()), "Accepted");
    let _ = assert_kinds!(mfa.account(id).at(now).verify(&code, sign_in()), "(Rejected(Repeated))");
    let older = person.app.code(UnixTime::from_secs(now.as_secs() - 30));
    let _ = assert_kinds!(mfa.account(id).at(now).verify(&older, sign_in()), "Rejected(Replayed)");
    let _ = assert_kinds!(mfa.account(id).at(now).verify(&wrong, sign_in()), "Rejected(WrongCode)");
    let far = person.app.step(now) + 15;
    let (one, two) = (person.app.at(far), person.app.at(far + 1));
    let resync = mfa.account(id).at(now).resynchronise(person.device, [&one, &two]);
    let _ = assert_kinds!(resync, "Resynchronised");
    let resync = mfa.account(id).at(now).resynchronise(person.device, [&one, &two]);
    let _ = assert_kinds!(resync, "(Rejected(Repeated))");
    let dana = || practice.at(id);
    let saved = |at: usize| person.recovery_codes[at].as_str();
    let _ = assert_kinds!(dana().recover(saved(0), sign_in()), "RecoveryCodeSpent Accepted");
    let _ = assert_kinds!(dana().recover(saved(0), sign_in()), "(Rejected(Repeated))");
    let _ = assert_kinds!(dana().recover(saved(1), ActForOther), "(Rejected(NotPermitted))");
    let _ = assert_kinds!(dana().recover(&misread(saved(1)), sign_in()), "Rejected(WrongCode)");
    let _ = assert_kinds!(unknown_code(), "(Rejected(WrongCode))");
    for _ in 0..5 {
        let _ =
            assert_kinds!(mfa.account(id).at(now).verify(&wrong, sign_in()), "Rejected(WrongCode)");
    }
    let _ = assert_kinds!(mfa.account(id).at(now).verify(&wrong, sign_in()), "(Waiting)");
    // A printed code opens it again.
    let proof = practice.run(dana().recover(saved(5), ChangeFactors)).accepted().unwrap();
    practice.store.take_events();
    let _ = assert_kinds!(mfa.account(id).at(now).unlock(proof), "Forgiven").unwrap();
    // A browser is remembered, and forgotten.
    let proof = practice.run(dana().recover(saved(6), SignIn)).accepted().unwrap();
    practice.store.take_events();
    let remember = mfa.account(id).at(now).remember_browser(&proof, &mut rng());
    let browser = assert_kinds!(remember, "BrowserRemembered").unwrap().id();
    let _ = assert_kinds!(mfa.account(id).at(now).forget_browser(browser), "BrowserForgotten");

    // A telephone and a passkey.
    let change = |at: usize| {
        let proof = practice.run(dana().recover(saved(at), ChangeFactors)).accepted().unwrap();
        practice.store.take_events();
        proof
    };
    let number = PhoneNumber::new("+15550100100").unwrap();
    let told = RestrictedNotice::given_by_host();
    let phone =
        mfa.account(id).at(now).enrol_phone("SMS", number, told, &mut rng()).proven_by(change(1));
    let sent = assert_kinds!(phone, "EnrolmentStarted").unwrap();
    let confirm = mfa.account(id).at(now).confirm(
        sent.id(),
        sent.to_send().unwrap().expose_str(),
        &mut rng(),
    );
    let _ = assert_kinds!(confirm, "Bound");
    let now = practice.wait(60);
    let challenge = || mfa.account(id).at(practice.now()).send_code(SignIn, &mut rng());
    let sent = assert_kinds!(challenge(), "ChallengeIssued").unwrap();
    let _ = assert_kinds!(challenge(), "(ChallengeIssued)");
    let code = sent.to_send().unwrap().expose_str();
    let answer = |code: &str| mfa.account(id).at(now).verify_sent_code(sent.id(), code, sign_in());
    let _ = assert_kinds!(answer(&other_than(code)), "Rejected(WrongCode)");
    let other = mfa.account(id).at(now).verify_sent_code(sent.id(), code, action("pay"));
    let _ = assert_kinds!(other, "Rejected(WrongPurpose)");
    let _ = assert_kinds!(answer(code), "Accepted");
    let bind = mfa.account(id).at(now).bind_external("Key", ExternalMethod::Passkey, &mut rng());
    let key = assert_kinds!(bind.proven_by(change(2)), "Bound").unwrap().device();
    let start = || practice.start_external(id, SignIn);
    let finish = |assertion| mfa.account(id).at(practice.now()).finish_external(assertion, SignIn);
    let failed = Assertion::failed_at_host(&start(), key);
    let _ = assert_kinds!(finish(failed), "(Rejected(HostCheckFailed))");
    let foreign = Assertion::verified_by_host(&start(), DeviceId::from_u64(1));
    let _ = assert_kinds!(finish(foreign), "(Rejected(NoDevice))");
    let other = practice.start_external(id, ChangeFactors);
    let other = Assertion::verified_by_host(&other, key);
    let _ = assert_kinds!(finish(other), "(Rejected(WrongPurpose))");
    let token = start();
    let _ = assert_kinds!(finish(Assertion::verified_by_host(&token, key)), "Accepted");
    let _ = assert_kinds!(finish(Assertion::verified_by_host(&token, key)), expired);
    let _ = assert_kinds!(finish(Assertion::verified_by_host(&start(), key)), "(Waiting)");

    // Changes.
    let replace = mfa.account(id).at(now).replace(person.device, "New", change(3), &mut rng());
    let pending = assert_kinds!(replace, "EnrolmentStarted").unwrap();
    let now = practice.now();
    let new = Authenticator::of(&pending);
    let confirm = mfa.account(id).at(now).confirm(pending.id(), &new.code(now), &mut rng());
    let device = assert_kinds!(confirm, "Revoked Bound").accepted().unwrap().device();
    let renew = mfa.account(id).at(now).regenerate_recovery_codes(change(4), &mut rng());
    let renewed = assert_kinds!(renew, "RecoveryCodesIssued").unwrap();
    let renewed: Vec<_> = renewed.iter().map(|code| code.expose_text().to_string()).collect();
    let change = |at: usize| {
        let recover = mfa.account(id).at(practice.now()).recover(&renewed[at], ChangeFactors);
        let proof = practice.run(recover).accepted().unwrap();
        practice.store.take_events();
        proof
    };
    let _ = assert_kinds!(mfa.account(id).at(now).report_lost(device, change(0)), "ReportedLost");
    let _ = assert_kinds!(
        mfa.account(id).at(now).report_lost(device, change(1)),
        "(Refused(NoSuchDevice))"
    );
    let _ = assert_kinds!(mfa.account(id).at(now).revoke(key, change(2)), "Revoked");

    // Operators, and the end.
    let operator = practice.person(2);
    let act = || {
        let proof = practice.proof(&operator, ActForOther);
        practice.store.take_events();
        proof
    };
    let (proof, now) = (act(), practice.now());
    let grant = mfa.account(id).at(now).grant_emergency_access(
        acting(proof),
        PassLength::Long,
        600,
        "in repair",
        &mut practice.rng(),
    );
    let pass = assert_kinds!(grant, "EmergencyGranted").unwrap().expose_text();
    let enter = || mfa.account(id).at(practice.now()).enter_pass(&pass);
    let _ = assert_kinds!(enter(), "PassEnded Accepted");
    let _ = assert_kinds!(enter(), "(Rejected(NoDevice))");
    let by = acting(act());
    let _ = assert_kinds!(practice.at(id).revoke_passes(by), "(Refused(NotFound))");
    let (proof, now) = (act(), practice.now());
    let _ = assert_kinds!(
        mfa.account(id).at(now).reset(
            acting(proof),
            PassLength::Long,
            "showed a passport",
            &mut practice.rng()
        ),
        "Reset"
    );
    let (proof, now) = (act(), practice.now());
    let invite = mfa.account(id).at(now).invite(
        acting(proof),
        PassLength::Short,
        "starts",
        &mut practice.rng(),
    );
    let _ = assert_kinds!(invite, "PassEnded Invited");
    let by = acting(act());
    let _ = assert_kinds!(practice.at(id).revoke_passes(by), "PassEnded");
    let _ = assert_kinds!(practice.at(id).verify(&wrong, sign_in()), "Rejected(NoDevice)");
    let offboard = || mfa.account(id).at(practice.now()).offboard(HostsWord::Process, "left");
    let _ = assert_kinds!(offboard(), "Offboarded");
    let _ = assert_kinds!(offboard(), "(Refused(Offboarded))");
    let _ = assert_kinds!(practice.at(id).verify(&wrong, sign_in()), "(Rejected(Offboarded))");

    // Somebody from another system.
    let (id, now) = (&account(3), practice.now());
    let mistyped = mfa.account(id).at(now).offboard(HostsWord::Process, "left");
    let _ = assert_kinds!(mistyped, "(Refused(UnknownAccount))");
    let import = mfa.account(id).at(now).import(imported(), &mut rng());
    let _ = assert_kinds!(import, "Imported");
    let import = mfa.account(id).at(now).import(imported(), &mut rng());
    let _ = assert_kinds!(import, "(Refused(AlreadyBound))");
    // A summary and a standing decide nothing and leave nothing.
    let _ = practice.run(mfa.account(id).at(now).standing());
    assert!(practice.run(mfa.account(id).at(now).summary()).is_some());
    assert!(practice.store.take_events().is_empty());
    // A clock that was set back, beside whatever it is that was decided; by a minute is no news.
    practice.set_clock(UnixTime::from_secs(now.as_secs() - 60));
    let _ = assert_kinds!(unknown(practice.at(id)), "(Rejected(NoDevice))");
    let verify = mfa.account(id).at(practice.now()).verify(&wrong, sign_in());
    let _ = assert_kinds!(verify, "Rejected(WrongCode)");
    practice.set_clock(UnixTime::from_secs(practice.now().as_secs() - 61));
    let verify = mfa.account(id).at(practice.now()).verify(&wrong, sign_in());
    let _ = assert_kinds!(verify, "ClockWentBack Rejected(WrongCode)");
}

fn unknown(dana: AccountAt<'_>) -> Attempt<'_, Proof<SignIn>> {
    dana.recover(UNKNOWN_RECOVERY_CODE, SignIn)
}

fn too_soon(until: UnixTime) -> Refusal {
    Refusal::TooSoon { until }
}

fn imported() -> ExistingDevice {
    let secret = Secret::from_bytes(&[0x5a; 20]).unwrap();
    ExistingDevice::totp(Text::new("Old phone").unwrap(), secret, Parameters::default(), None)
}

/// Every version of an account is in the trail, from 1, and every event of a version, from 0: what
/// is missing was lost or removed.
#[test]
fn ids_are_unique_and_without_holes() {
    let practice = Practice::new();
    let people = [practice.person(1), practice.person(2), practice.person(3)];
    for round in 0..6 {
        for person in &people {
            let _ = practice.proof(person, SignIn);
            let _ = practice.miss(person);
            let _ = practice.recover(&person.id, &person.recovery_codes[round]);
            let _ = practice.verify(&person.id, "no code");
        }
        let proof = practice.proof(&people[0], ChangeFactors);
        let _ = practice.passkey(&people[0].id, Some(proof));
    }
    // Fault and contention leave no hole and no second copy.
    practice.store.break_at(Some(Fault::BeforeWrite));
    let wrong = wrong_code(&[&people[0].app], practice.wait(30), 0);
    let verify = practice.at(&people[0].id).verify(&wrong, SignIn);
    assert!(verify.run(&practice.store).decided().is_err());
    practice.store.break_at(None);
    assert_eq!(said(&practice.run(verify)), Said::Rejected(4));
    practice.offboard(&people[2].id).unwrap();

    let mut trail: BTreeMap<(AccountId, u64), Vec<u16>> = BTreeMap::new();
    for event in practice.store.events() {
        let EventId { account, version, index } = event.id.unwrap();
        assert_eq!(account, event.account);
        trail.entry((account, version)).or_default().push(index);
    }
    for person in &people {
        let newest = practice.store.record(&person.id).unwrap().version();
        assert!(newest > 10);
        for version in 1..=newest {
            let indices = &trail[&(person.id, version)];
            let expected: Vec<u16> = (0..u16::try_from(indices.len()).unwrap()).collect();
            assert!(!indices.is_empty() && *indices == expected, "version {version}: {indices:?}");
        }
        assert_eq!(trail.keys().filter(|(id, _)| *id == person.id).count() as u64, newest);
    }
    assert!(practice.store.notes().iter().all(|event| event.id.is_none()));
}

/// Who did it, from where, with which device and what for; an operator by account, the host's own
/// process as the host.
#[test]
fn events_say_who_and_whence() {
    let practice = Practice::new();
    let (person, operator) = (practice.person(1), practice.person(2));
    let id = &person.id;
    let now = practice.now();
    let last = || practice.store.take_events().pop().unwrap();
    let verify =
        practice.mfa.account(id).at(now).verify(&person.app.code(now), action("release-claims"));
    let proof = practice.run(verify.from_source("198.51.100.7 Firefox")).accepted();
    let event = last();
    assert_eq!(event.source.as_ref().map(Text::as_str), Some("198.51.100.7 Firefox"));
    assert_eq!((event.actor, event.device), (Actor::Subject, proof.unwrap().device()));
    assert_eq!(
        (event.method, event.purpose),
        (Some(Method::Totp), Some(action("release-claims").to_any()))
    );
    let EventKind::Accepted { moving_factor, drift } = event.kind else { panic!("not accepted") };
    assert_eq!((moving_factor, drift), (Some(person.app.step(now)), Some(0)));
    // A note has them as well.
    let malformed = practice.mfa.account(id).at(now).verify("x", SignIn).from_source("a kiosk");
    let _ = practice.run(malformed.first_factor_passed());
    let event = last();
    assert_eq!(event.source.as_ref().map(Text::as_str), Some("a kiosk"));
    assert!(event.first_factor_passed && event.id.is_none());
    // What was not said is not there.
    let _ = practice.miss(&person);
    let event = last();
    assert_eq!((event.source, event.first_factor_passed, event.device), (None, false, None));
    assert_eq!(event.actor, Actor::Unproven);

    // An operator, whether it is done or refused; and all of the events of one operation.
    let proof = practice.proof(&operator, ActForOther);
    let reset = practice.at(id).reset(
        acting(proof),
        PassLength::Long,
        "showed a passport",
        &mut practice.rng(),
    );
    practice.run(reset.from_source("the help desk")).unwrap();
    let event = last();
    let by = Actor::Operator {
        account: operator.id,
        device: Some(operator.device),
        method: Method::Totp,
        word: Text::cleaned("role help-desk"),
    };
    assert_eq!((&event.account, &event.actor), (id, &by));
    assert_eq!(event.source.as_ref().map(Text::as_str), Some("the help desk"));
    let EventKind::Reset { reason, .. } = &event.kind else { panic!("not reset") };
    assert_eq!(reason.as_str(), "showed a passport");
    let proof = practice.proof(&operator, ActForOther);
    practice.wait(301);
    let reset =
        practice.at(id).reset(acting(proof), PassLength::Long, "once more", &mut practice.rng());
    assert_eq!(practice.refused(reset), Refusal::ProofExpired);
    assert_eq!(last().actor, by);
    // The host, and the person whom the host names, who proved nothing.
    let import = practice.at(&account(3)).import(imported(), &mut practice.rng());
    practice.run(import).unwrap();
    assert_eq!(last().actor, Actor::Host(HostsWord::Process));
    let named = HostsWord::Person(operator.id);
    practice.run(practice.at(&account(3)).offboard(named, "left")).unwrap();
    let events = practice.store.take_events();
    assert_eq!(events.len(), 2, "the device, and the person");
    assert!(events.iter().all(|event| event.actor == Actor::Host(named)));
    // An operator who ends an account with a proof of their own.
    let proof = practice.proof(&operator, ActForOther);
    practice.run(practice.at(id).offboard(acting(proof), "left")).unwrap();
    assert_eq!(last().actor, by);
    assert_eq!((events[0].method, &events[0].kind), (Some(Method::Totp), &EventKind::Revoked));
}

/// ASVS 6.3.5: the right password with a wrong second factor is an alert, at every door that takes a
/// code. Without the host's word it is none.
#[test]
fn a_right_password_with_a_wrong_code() {
    for door in 0..4 {
        let practice = Practice::new();
        let person = practice.person(1);
        let (id, mfa, now) = (&person.id, &practice.mfa, practice.now());
        // The step before the accepted one: used up, and not the copy that a form sent twice makes.
        let used = person.app.code(UnixTime::from_secs(now.as_secs() - 30));
        assert_eq!(said(&practice.verify(id, &person.app.code(now))), Said::Accepted);
        let wrong = wrong_code(&[&person.app], now, 0);
        let told = |passed: bool| {
            fn attempt<T>(practice: &Practice, attempt: Attempt<'_, T>, passed: bool) {
                let attempt = if passed { attempt.first_factor_passed() } else { attempt };
                assert!(matches!(said(&practice.run(attempt)), Said::Rejected(_)));
            }
            practice.store.take_events();
            let (dana, pair) = (mfa.account(id).at(now), [wrong.as_str(); 2]);
            match door {
                0 => attempt(&practice, dana.verify(&wrong, SignIn), passed),
                1 => attempt(&practice, dana.verify(&used, SignIn), passed),
                2 => attempt(&practice, dana.resynchronise(person.device, pair), passed),
                _ => attempt(&practice, dana.recover(UNKNOWN_RECOVERY_CODE, SignIn), passed),
            }
            notices(&practice.store.take_events())
        };
        assert_eq!(told(false), [], "door {door}");
        let told = told(true);
        assert_eq!(told, [Notice::SuspiciousAttempt], "door {door}");
    }
    // The copy of an accepted code alarms nobody.
    let practice = Practice::new();
    let person = practice.person(1);
    let code = person.app.code(practice.now());
    assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
    practice.store.take_events();
    let copy = practice.at(&person.id).verify(&code, SignIn).first_factor_passed();
    assert_eq!(said(&practice.run(copy)), Said::Rejected(4));
    let events = practice.store.take_events();
    assert_eq!(events[0].kind, EventKind::Rejected(RejectionReason::Repeated));
    assert_eq!(notices(&events), []);
    // A throttled attempt is none each time: the person was told, and an attacker could flood them.
    let practice = Practice::new();
    let person = practice.person(1);
    for _ in 0..FREE {
        let _ = practice.miss(&person);
    }
    practice.store.take_events();
    let wrong = wrong_code(&[&person.app], practice.now(), 0);
    let verify = practice.at(&person.id).verify(&wrong, SignIn);
    let _ = practice.run(verify.first_factor_passed());
    assert_eq!(notices(&practice.store.take_events()), []);
}

fn notices(events: &[Event]) -> Vec<Notice> {
    events.iter().filter_map(Event::notice).collect()
}

/// NIST SP 800-63B-4 section 4.6: what the subscriber must be told, and what they need not be. The
/// whole list of kinds, so that a new one is decided here.
#[test]
fn what_the_person_is_told() {
    let event = |kind: EventKind, first_factor_passed: bool| {
        let mut event = Event::new(account(1), START, kind);
        event.first_factor_passed = first_factor_passed;
        event
    };
    let reason = || Text::new("left").unwrap();
    let (until, class) = (START, Class::Codes);
    let browser = "0".repeat(16).parse().unwrap();
    let none = None;
    let operator = account(2);
    let record = RecordName { key: None, version: 1 };
    let ended = |why| EventKind::PassEnded { pass: PassKind::Enrolment, why, operator };
    // The kind, what is told, and whether other sessions should end (ASVS 7.4.2, 7.4.3).
    let table = [
        (EventKind::Abandoned { record, reason: reason() }, Some(Notice::AccountReset), true),
        (EventKind::Accepted { moving_factor: None, drift: None }, none, false),
        (EventKind::Bound { replaces: None }, Some(Notice::FactorAdded), true),
        (EventKind::BrowserDistrusted { browser }, Some(Notice::BrowserDistrusted), false),
        (EventKind::BrowserForgotten { browser }, none, false),
        (EventKind::BrowserRemembered { browser }, Some(Notice::BrowserRemembered), false),
        (EventKind::BrowserTrusted { browser }, Some(Notice::BrowserTrusted), false),
        (EventKind::ChallengeIssued { until }, none, false),
        (EventKind::ClockWentBack { by: 61 }, none, false),
        (EventKind::ClosedToStrangers { class }, Some(Notice::ClosedToStrangers), false),
        (EventKind::Contended { lost: 8 }, none, false),
        (EventKind::Disabled { class }, Some(Notice::FactorDisabled), false),
        (
            EventKind::EmergencyGranted { until, reason: reason() },
            Some(Notice::EmergencyAccess),
            false,
        ),
        (EventKind::EnrolmentStarted { until }, none, false),
        (EventKind::Forgiven { class }, Some(Notice::FailuresForgiven), false),
        (EventKind::Imported { short_secret: false }, Some(Notice::FactorAdded), false),
        (EventKind::Invited { until, reason: reason() }, Some(Notice::PassIssued), true),
        (EventKind::Malformed, none, false),
        (EventKind::Offboarded { reason: reason() }, none, true),
        (ended(PassEnd::Bound), none, false),
        (EventKind::RecoveryCodeClosed { left: 9 }, Some(Notice::FactorDisabled), false),
        (EventKind::RecoveryCodesIssued { count: 10 }, Some(Notice::RecoveryCodesReplaced), true),
        (EventKind::RecoveryCodesSeen, none, false),
        (EventKind::RecoveryCodeSpent { left: 9 }, Some(Notice::RecoveryCodeUsed), false),
        (EventKind::Refused(Refusal::LastFactor), none, false),
        (EventKind::ReportedLost, Some(Notice::FactorRemoved), true),
        (EventKind::Resealed, none, false),
        (EventKind::Reset { until, reason: reason() }, Some(Notice::AccountReset), true),
        (
            EventKind::Resynchronised { clock_offset: None },
            Some(Notice::DeviceResynchronised),
            false,
        ),
        (EventKind::Revoked, Some(Notice::FactorRemoved), true),
        (EventKind::TrustedTokenReused { browser }, Some(Notice::TrustedBrowserCopied), true),
        (EventKind::Waiting { until }, none, false),
    ];
    let mut places: Vec<_> = table.iter().map(|(kind, ..)| place(kind)).collect();
    places.sort_unstable();
    assert_eq!(places, (0..32).collect::<Vec<_>>(), "each kind has its row; rejections are below");
    for (kind, notice, ends_sessions) in table {
        for first_factor_passed in [false, true] {
            let event = event(kind.clone(), first_factor_passed);
            assert_eq!(event.notice(), notice, "{kind:?}");
            assert_eq!(event.ends_sessions(), ends_sessions, "{kind:?}");
        }
    }
    let rejected = [
        (RejectionReason::AlreadyConfirmed, none),
        (RejectionReason::Closed, none),
        (RejectionReason::Expired, none),
        (RejectionReason::HostCheckFailed, Some(Notice::SuspiciousAttempt)),
        (RejectionReason::NoDevice, none),
        (RejectionReason::Offboarded, none),
        (RejectionReason::NotPermitted, none),
        (RejectionReason::Repeated, none),
        (RejectionReason::Replayed, Some(Notice::SuspiciousAttempt)),
        (RejectionReason::UnknownAccount, none),
        (RejectionReason::WrongCode, Some(Notice::SuspiciousAttempt)),
        (RejectionReason::WrongPurpose, none),
    ];
    for (why, notice) in rejected {
        assert_eq!(event(EventKind::Rejected(why), false).notice(), None, "{why:?}");
        assert_eq!(event(EventKind::Rejected(why), true).notice(), notice, "{why:?}");
        assert!(!event(EventKind::Rejected(why), true).ends_sessions());
    }
    // A pass is told of at each of its steps, once: some of its ends come with another notice.
    for (why, notice) in [
        (PassEnd::Expired, Some(Notice::PassEnded)),
        (PassEnd::Replaced, none),
        (PassEnd::Revoked, Some(Notice::PassEnded)),
        (PassEnd::SignedIn, none),
        (PassEnd::TriesUsedUp, Some(Notice::PassEnded)),
    ] {
        assert_eq!(event(ended(why), true).notice(), notice, "{why:?}");
    }
    for method in Method::ALL {
        let kind = EventKind::Accepted { moving_factor: None, drift: None };
        let mut used = event(kind, true);
        used.method = Some(method);
        let by_pass = matches!(method, Method::Emergency | Method::Pass);
        assert_eq!(used.notice(), by_pass.then_some(Notice::PassUsed), "{method:?}");
    }
    // Each is one sentence, and none of them asks for anything or names a secret.
    for notice in [
        Notice::AccountReset,
        Notice::BrowserDistrusted,
        Notice::BrowserRemembered,
        Notice::BrowserTrusted,
        Notice::ClosedToStrangers,
        Notice::DeviceResynchronised,
        Notice::EmergencyAccess,
        Notice::FailuresForgiven,
        Notice::FactorAdded,
        Notice::FactorDisabled,
        Notice::FactorRemoved,
        Notice::PassEnded,
        Notice::PassIssued,
        Notice::PassUsed,
        Notice::RecoveryCodeUsed,
        Notice::RecoveryCodesReplaced,
        Notice::SuspiciousAttempt,
        Notice::TrustedBrowserCopied,
    ] {
        let text = notice.to_string();
        assert!(text.ends_with('.') && text.matches('.').count() == 1, "{text}");
    }
}

/// A new kind does not pass until it has a number here and a row above: `Event::notice`, which has no
/// wildcard, does not compile before.
fn place(kind: &EventKind) -> usize {
    match kind {
        EventKind::Accepted { .. } => 0,
        EventKind::Bound { .. } => 1,
        EventKind::ChallengeIssued { .. } => 2,
        EventKind::ClockWentBack { .. } => 3,
        EventKind::Disabled { .. } => 4,
        EventKind::EmergencyGranted { .. } => 5,
        EventKind::EnrolmentStarted { .. } => 6,
        EventKind::Imported { .. } => 7,
        EventKind::Malformed => 8,
        EventKind::Offboarded { .. } => 9,
        EventKind::RecoveryCodesIssued { .. } => 10,
        EventKind::RecoveryCodeSpent { .. } => 11,
        EventKind::Refused(_) => 12,
        EventKind::ReportedLost => 13,
        EventKind::Reset { .. } => 14,
        EventKind::Resynchronised { .. } => 15,
        EventKind::Revoked => 16,
        EventKind::Waiting { .. } => 17,
        EventKind::BrowserForgotten { .. } => 18,
        EventKind::BrowserRemembered { .. } => 19,
        EventKind::ClosedToStrangers { .. } => 20,
        EventKind::Forgiven { .. } => 21,
        EventKind::RecoveryCodeClosed { .. } => 22,
        EventKind::RecoveryCodesSeen => 23,
        EventKind::Contended { .. } => 24,
        EventKind::BrowserDistrusted { .. } => 25,
        EventKind::BrowserTrusted { .. } => 26,
        EventKind::TrustedTokenReused { .. } => 27,
        EventKind::Abandoned { .. } => 28,
        EventKind::Invited { .. } => 29,
        EventKind::PassEnded { .. } => 30,
        EventKind::Resealed => 31,
        EventKind::Rejected(_) => 32,
        new => panic!("no number for {new:?}"),
    }
}

/// Through real operations: whoever binds, loses or replaces a factor, or has recovery codes made
/// or used, is told so, each time and once.
#[test]
fn lifecycle_is_told() {
    let practice = Practice::new();
    let person = practice.person(1);
    let told = || notices(&practice.store.take_events());
    assert_eq!(told(), [Notice::FactorAdded, Notice::RecoveryCodesReplaced]);
    let proof = practice.proof(&person, ChangeFactors);
    assert_eq!(told(), []);
    let phone = practice.phone(&person.id, "+15550100100", Some(proof));
    assert_eq!(told(), [Notice::FactorAdded]);
    let proof = practice.proof(&person, ChangeFactors);
    let revoke = practice.at(&person.id).revoke(phone, proof);
    practice.run(revoke).unwrap();
    assert_eq!(told(), [Notice::FactorRemoved]);
    let proof = practice.proof(&person, ChangeFactors);
    let codes = practice.regenerate(&person.id, proof);
    assert_eq!(told(), [Notice::RecoveryCodesReplaced]);
    assert_eq!(said(&practice.recover(&person.id, &codes[0])), Said::Accepted);
    assert_eq!(told(), [Notice::RecoveryCodeUsed]);
    let proof = practice.proof(&person, ChangeFactors);
    let (mut rng, now) = (practice.rng(), practice.now());
    let replace =
        practice.mfa.account(&person.id).at(now).replace(person.device, "New", proof, &mut rng);
    let pending = practice.run(replace).unwrap();
    assert_eq!(told(), []);
    let code = Authenticator::of(&pending).code(now);
    assert_eq!(said(&practice.confirm(&person.id, pending.id(), &code)), Said::Accepted);
    assert_eq!(told(), [Notice::FactorRemoved, Notice::FactorAdded]);
    // A browser that is remembered, a device that is set right, failures that are forgiven.
    let code = Authenticator::of(&pending).code(practice.wait(60));
    let proof = practice.verify(&person.id, &code).accepted().unwrap();
    let remember = practice.at(&person.id).remember_browser(&proof, &mut practice.rng());
    let browser = practice.run(remember).unwrap().id();
    assert_eq!(told(), [Notice::BrowserRemembered]);
    practice.run(practice.at(&person.id).forget_browser(browser)).unwrap();
    assert_eq!(told(), []);
    let app = Authenticator::of(&pending);
    let far = app.step(practice.now()) + 10;
    let (one, two) = (app.at(far), app.at(far + 1));
    let resync = practice.at(&person.id).resynchronise(pending.device(), [&one, &two]);
    assert_eq!(said(&practice.run(resync)), Said::Accepted);
    assert_eq!(told(), [Notice::DeviceResynchronised]);
    close(&practice, &person);
    assert_eq!(told(), [Notice::ClosedToStrangers]);
    let recover = practice.at(&person.id).recover(&codes[1], ChangeFactors);
    let proof = practice.run(recover).accepted().unwrap();
    assert_eq!(told(), [Notice::RecoveryCodeUsed]);
    practice.run(practice.at(&person.id).unlock(proof)).unwrap();
    assert_eq!(told(), [Notice::FailuresForgiven]);
    let now = practice.now();
    let token =
        practice.mfa.account(&account(2)).at(now).enrol_hotp("Token", Digits::Six, &mut rng);
    let pending = practice.run(token).unwrap();
    let code = Authenticator::of(&pending).at(0);
    assert_eq!(said(&practice.confirm(&account(2), pending.id(), &code)), Said::Accepted);
    assert_eq!(told(), [Notice::FactorAdded, Notice::RecoveryCodesReplaced]);
}

/// Another write is always first. Notes are taken, or fail.
struct AlwaysBeaten<'s>(&'s Ledger);

impl Store for AlwaysBeaten<'_> {
    type Error = Broken;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Broken> {
        self.0.load(id)
    }

    fn swap(&self, _: &AccountId, _: &Write<'_>) -> Result<Swap, Broken> {
        Ok(Swap::Stale)
    }

    fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), Broken> {
        self.0.note(id, events)
    }

    fn pause(&self, _: usize) {}
}

impl AsyncStore for AlwaysBeaten<'_> {
    type Error = Broken;

    async fn load(&self, id: &AccountId) -> Result<Option<Record>, Broken> {
        self.0.load(id)
    }

    async fn swap(&self, _: &AccountId, _: &Write<'_>) -> Result<Swap, Broken> {
        Ok(Swap::Stale)
    }

    async fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), Broken> {
        self.0.note(id, events)
    }

    async fn pause(&self, _: usize) {}
}

/// An attacker who keeps an account busy leaves a trace, though nothing is written: with both
/// drivers, with the number of lost races and the source. A fault of the note does not hide the answer,
/// and the owner gets in once the store is free.
#[test]
fn what_loses_every_race_is_in_the_trail() {
    let practice = Practice::new();
    let person = practice.person(1);
    let now = practice.wait(60);
    let code = person.app.code(now);
    let beaten = AlwaysBeaten(&practice.store);
    let attempt = practice.at(&person.id).verify(&code, SignIn).from_source("192.0.2.7");
    let mut offboard = practice.at(&person.id).offboard(HostsWord::Process, "contract ended");
    practice.store.take_events();

    let awaited = |verdict: &mut dyn FnMut() -> bool, lost| {
        assert!(verdict(), "contended");
        let events = practice.store.take_events();
        let [event] = &events[..] else { panic!("{events:?}") };
        assert_eq!(event.kind, EventKind::Contended { lost });
        assert_eq!((event.id, &event.account, event.at), (None, &person.id, now));
        event.clone()
    };
    let sync = awaited(&mut || is_contended(&attempt.run(&beaten)), 8);
    assert_eq!(sync.source.as_ref().map(Text::as_str), Some("192.0.2.7"));
    let polled = awaited(&mut || is_contended(&poll_once(attempt.run_async(&beaten))), 8);
    assert_eq!(sync, polled);
    let host = awaited(
        &mut || undecided(offboard.run(&beaten)).is_some_and(|why| why == mfa::Fault::Contended),
        128,
    );
    assert_eq!(host.actor, Actor::Host(HostsWord::Process));

    practice.store.break_at(Some(Fault::Note));
    assert!(is_contended(&attempt.run(&beaten)));
    practice.store.break_at(None);
    assert_eq!(said(&attempt.run(&practice.store)), Said::Accepted);
}

fn is_contended<T>(verdict: &Verdict<T, mfa::Fault<Broken>>) -> bool {
    matches!(verdict, Verdict::Undecided(mfa::Fault::Contended))
}

/// What a future answers that never waits.
fn poll_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let ready = future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
    let std::task::Poll::Ready(answer) = ready else { panic!("it waited") };
    answer
}
