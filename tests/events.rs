//! The audit trail: every decision is in it, once, with who, whose, when, from where, which device
//! and why; its ids have no holes; and what the person must be told can be read off it.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

mod common;

use std::collections::BTreeMap;

use common::*;
use countersign::account::Class;
use countersign::account::ExistingDevice;
use countersign::account::Refusal;
use countersign::account::Text;
use countersign::account::{Actor, EventId, Kind, Notice, Why};
use countersign::account::{Assertion, ChallengeId, PhoneNumber};
use countersign::mfa::{ExternalMethod, RestrictedNotice};
use countersign::otp::Parameters;
use countersign::{AccountId, DeviceId, Digits, Event, Method, Purpose, Secret, UnixTime};

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
            Kind::Rejected(_) | Kind::Refused(_) => kind,
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
            let operation = $operation;
            let answer = practice.run_ref(&operation);
            assert_eq!(kinds(&practice, operation.account()), $expected);
            answer
        }};
    }
    let sign_in = || Purpose::SignIn;
    let now = practice.now();
    let none = ChallengeId::from_bytes([0; 16]);

    // Nobody yet.
    let nobody = "(Rejected(UnknownAccount))";
    let _ = assert_kinds!(mfa.verify(id, "123456", sign_in(), now), nobody);
    let pair = ["123456", "654321"];
    let device = DeviceId::from_u64(1);
    let _ = assert_kinds!(mfa.resynchronise(id, device, pair, sign_in(), now), nobody);
    let _ = assert_kinds!(mfa.recover(id, &"0".repeat(24), sign_in(), now), nobody);
    let _ = assert_kinds!(mfa.verify(id, "12345", sign_in(), now), "(Malformed)");
    let _ = assert_kinds!(mfa.resynchronise(id, device, ["", ""], sign_in(), now), "(Malformed)");
    let _ = assert_kinds!(mfa.recover(id, "", sign_in(), now), "(Malformed)");
    let expired = "(Rejected(Expired))";
    let _ = assert_kinds!(mfa.answer(id, none, "123456", sign_in(), now), expired);
    let _ = assert_kinds!(mfa.confirm(id, none, "123456", &mut rng(), now), expired);
    let assertion = Assertion::verified_by_host(none, device);
    let _ = assert_kinds!(mfa.settle_external(id, assertion, sign_in(), now), expired);
    let _ = assert_kinds!(mfa.use_emergency_access(id, sign_in(), now), expired);
    let nothing = "(Refused(NothingBound))";
    let _ = assert_kinds!(mfa.challenge(id, sign_in(), &mut rng(), now), nothing);
    let _ = assert_kinds!(mfa.start_external(id, sign_in(), &mut rng(), now), nothing);

    // The first app.
    let enrol = mfa.enrol(id, "Phone", &mut rng(), now);
    let pending = assert_kinds!(enrol, "EnrolmentStarted").done().unwrap();
    let app = Authenticator::of(&pending);
    let wrong = wrong_code(&[&app], now, 0);
    let confirm = |code: &str| mfa.confirm(id, pending.id(), code, &mut rng(), now);
    let _ = assert_kinds!(confirm("12345"), "(Malformed)");
    let _ = assert_kinds!(confirm(&wrong), "Rejected(WrongCode)");
    let bound = assert_kinds!(confirm(&app.code(now)), "Bound RecoveryCodesIssued");
    let bound = bound.accepted().unwrap();
    let codes = recovery_codes(&bound);
    let person = Person { id: *id, device: bound.device(), app, recovery_codes: codes };
    let enrol = mfa.enrol(id, "Mine", &mut rng(), now);
    let _ = assert_kinds!(enrol, "(Refused(ProofRequired))");

    // Codes.
    let now = practice.wait(60);
    let code = person.app.code(now);
    let _ = assert_kinds!(mfa.verify(id, &code, sign_in(), now), "Accepted");
    let _ = assert_kinds!(mfa.verify(id, &code, sign_in(), now), "Rejected(Replayed)");
    let _ = assert_kinds!(mfa.verify(id, &wrong, sign_in(), now), "Rejected(WrongCode)");
    let far = person.app.step(now) + 300;
    let (one, two) = (person.app.at(far), person.app.at(far + 1));
    let resync = mfa.resynchronise(id, person.device, [&one, &two], sign_in(), now);
    let _ = assert_kinds!(resync, "Resynchronised Accepted");
    let resync = mfa.resynchronise(id, person.device, [&one, &two], sign_in(), now);
    let _ = assert_kinds!(resync, "Rejected(Replayed)");
    let recover = |at: usize, purpose: Purpose| {
        mfa.recover(id, &person.recovery_codes[at], purpose, practice.now())
    };
    let _ = assert_kinds!(recover(0, sign_in()), "RecoveryCodeSpent Accepted");
    let _ = assert_kinds!(recover(0, sign_in()), "Rejected(Replayed)");
    let _ = assert_kinds!(recover(1, Purpose::ActForOther), "Rejected(WrongPurpose)");
    for _ in 0..4 {
        let _ = assert_kinds!(mfa.verify(id, &wrong, sign_in(), now), "Rejected(WrongCode)");
    }
    let _ = assert_kinds!(mfa.verify(id, &wrong, sign_in(), now), "(Waiting)");

    // A telephone and a passkey.
    let change = |at: usize| {
        let proof = practice.run(recover(at, Purpose::ChangeFactors)).accepted().unwrap();
        practice.store.take_events();
        proof
    };
    let number = PhoneNumber::new("+15550100100").unwrap();
    let told = RestrictedNotice::given_by_host();
    let phone = mfa.enrol_phone(id, "SMS", number, told, &mut rng(), now).proven_by(change(1));
    let sent = assert_kinds!(phone, "EnrolmentStarted").done().unwrap();
    let confirm = mfa.confirm(id, sent.id(), sent.code().expose_str(), &mut rng(), now);
    let _ = assert_kinds!(confirm, "Bound");
    let now = practice.wait(60);
    let challenge = || mfa.challenge(id, Purpose::SignIn, &mut rng(), practice.now());
    let sent = assert_kinds!(challenge(), "ChallengeIssued").done().unwrap();
    let _ = assert_kinds!(challenge(), format!("(Refused({:?}))", too_soon(now.plus(30))));
    let code = sent.code().expose_str();
    let answer = |code: &str, purpose| mfa.answer(id, sent.id(), code, purpose, now);
    let _ = assert_kinds!(answer(&other_than(code), sign_in()), "Rejected(WrongCode)");
    let _ = assert_kinds!(answer(code, action("pay")), "Rejected(WrongPurpose)");
    let _ = assert_kinds!(answer(code, sign_in()), "Accepted");
    let bind = mfa.bind_external(id, "Key", ExternalMethod::Passkey, &mut rng(), now);
    let key = assert_kinds!(bind.proven_by(change(2)), "Bound").done().unwrap().device();
    let start = || {
        let start = mfa.start_external(id, Purpose::SignIn, &mut rng(), practice.now());
        assert_kinds!(start, "ChallengeIssued").done().unwrap().id()
    };
    let failed = Assertion::failed_at_host(start(), key);
    let _ =
        assert_kinds!(mfa.settle_external(id, failed, sign_in(), now), "Rejected(HostCheckFailed)");
    let foreign = Assertion::verified_by_host(start(), DeviceId::from_u64(1));
    let _ = assert_kinds!(mfa.settle_external(id, foreign, sign_in(), now), "Rejected(NoDevice)");
    let verified = Assertion::verified_by_host(start(), key);
    let _ = assert_kinds!(mfa.settle_external(id, verified, sign_in(), now), "Accepted");

    // Changes.
    let replace = mfa.replace(id, person.device, "New", change(3), &mut rng(), now);
    let pending = assert_kinds!(replace, "EnrolmentStarted").done().unwrap();
    practice.wait(60); // the codes had to wait
    let now = practice.now();
    let new = Authenticator::of(&pending);
    let confirm = mfa.confirm(id, pending.id(), &new.code(now), &mut rng(), now);
    let device = assert_kinds!(confirm, "Revoked Bound").accepted().unwrap().device();
    let renew = mfa.regenerate_recovery_codes(id, change(4), &mut rng(), now);
    let renewed = assert_kinds!(renew, "RecoveryCodesIssued").done().unwrap();
    let renewed: Vec<_> = renewed.iter().map(|code| code.expose_text().to_string()).collect();
    let change = |at: usize| {
        let recover = mfa.recover(id, &renewed[at], Purpose::ChangeFactors, practice.now());
        let proof = practice.run(recover).accepted().unwrap();
        practice.store.take_events();
        proof
    };
    let _ = assert_kinds!(mfa.report_lost(id, device, change(0), now), "ReportedLost");
    let _ = assert_kinds!(mfa.report_lost(id, device, change(1), now), "(Refused(NoSuchDevice))");
    let _ = assert_kinds!(mfa.revoke(id, key, change(2), now), "Revoked");

    // Operators, and the end.
    let operator = practice.person(2);
    let act = || {
        let proof = practice.proof(&operator, Purpose::ActForOther);
        practice.store.take_events();
        proof
    };
    let (proof, now) = (act(), practice.now());
    let grant = mfa.grant_emergency_access(id, proof, 600, "in repair", now);
    let _ = assert_kinds!(grant, "EmergencyGranted");
    let _ = assert_kinds!(mfa.use_emergency_access(id, sign_in(), now), "Accepted");
    let privileges = mfa.use_emergency_access(id, Purpose::ChangePrivileges, now);
    let _ = assert_kinds!(privileges, "(Rejected(WrongPurpose))");
    let (proof, now) = (act(), practice.now());
    let _ = assert_kinds!(mfa.reset(id, proof, "showed a passport", now), "Reset");
    let _ = assert_kinds!(mfa.verify(id, &wrong, sign_in(), now), "Rejected(NoDevice)");
    let offboard = || mfa.offboard(id, Actor::Host, "left", practice.now());
    let _ = assert_kinds!(offboard(), "Offboarded");
    let _ = assert_kinds!(offboard(), "(Refused(Offboarded))");
    let _ = assert_kinds!(mfa.verify(id, &wrong, sign_in(), now), "(Rejected(Offboarded))");

    // Somebody from another system.
    let id = &account(3);
    let import = mfa.import(id, imported(), &mut rng(), now);
    let _ = assert_kinds!(import, "Imported");
    let import = mfa.import(id, imported(), &mut rng(), now);
    let _ = assert_kinds!(import, "(Refused(AlreadyBound))");
    // A summary decides nothing and leaves nothing.
    assert!(practice.run(mfa.summary(id, now)).is_some());
    assert!(practice.store.take_events().is_empty());
    // A clock that was set back, beside whatever it is that was decided; by a minute is no news.
    practice.set_clock(UnixTime::from_secs(now.as_secs() - 60));
    let none = "0000-0000-0000-0000-0000-0000";
    let recover = mfa.recover(id, none, sign_in(), practice.now());
    let _ = assert_kinds!(recover, "Rejected(NoDevice)");
    practice.set_clock(UnixTime::from_secs(practice.now().as_secs() - 61));
    let verify = mfa.verify(id, &wrong, sign_in(), practice.now());
    let _ = assert_kinds!(verify, "ClockWentBack Rejected(WrongCode)");
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
            let _ = practice.proof(person, Purpose::SignIn);
            let _ = practice.miss(person);
            let _ = practice.recover(&person.id, &person.recovery_codes[round]);
            let _ = practice.verify(&person.id, "no code");
        }
        let proof = practice.proof(&people[0], Purpose::ChangeFactors);
        let _ = practice.passkey(&people[0].id, Some(proof));
    }
    // Fault and contention leave no hole and no second copy.
    practice.store.break_at(Some(Fault::BeforeWrite));
    let wrong = wrong_code(&[&people[0].app], practice.now(), 0);
    let verify = practice.mfa.verify(&people[0].id, &wrong, Purpose::SignIn, practice.now());
    assert!(verify.run(&practice.store).is_err());
    practice.store.break_at(None);
    assert_eq!(said(&practice.run_ref(&verify)), Said::Rejected(4));
    practice.offboard(&people[2].id).done().unwrap();

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
    let verify = practice.mfa.verify(id, &person.app.code(now), action("release-claims"), now);
    let proof = practice.run(verify.from_source("198.51.100.7 Firefox")).accepted();
    let event = last();
    assert_eq!(event.source.as_ref().map(Text::as_str), Some("198.51.100.7 Firefox"));
    assert_eq!((event.actor, event.device), (Actor::Subject, proof.unwrap().device()));
    assert_eq!((event.method, event.purpose), (Some(Method::Totp), Some(action("release-claims"))));
    let Kind::Accepted { moving_factor, drift } = event.kind else { panic!("not accepted") };
    assert_eq!((moving_factor, drift), (Some(person.app.step(now)), Some(0)));
    // A note has them as well.
    let malformed = practice.mfa.verify(id, "x", Purpose::SignIn, now).from_source("a kiosk");
    let _ = practice.run(malformed.first_factor_passed());
    let event = last();
    assert_eq!(event.source.as_ref().map(Text::as_str), Some("a kiosk"));
    assert!(event.first_factor_passed && event.id.is_none());
    // What was not said is not there.
    let _ = practice.miss(&person);
    let event = last();
    assert_eq!((event.source, event.first_factor_passed, event.device), (None, false, None));

    // An operator, whether it is done or refused; and all of the events of one operation.
    let proof = practice.proof(&operator, Purpose::ActForOther);
    let reset = practice.mfa.reset(id, proof, "showed a passport", practice.now());
    practice.run(reset.from_source("the help desk")).done().unwrap();
    let event = last();
    assert_eq!((&event.account, event.actor), (id, Actor::Operator(operator.id)));
    assert_eq!(event.source.as_ref().map(Text::as_str), Some("the help desk"));
    let Kind::Reset { reason } = &event.kind else { panic!("not reset") };
    assert_eq!(reason.as_str(), "showed a passport");
    let proof = practice.proof(&operator, Purpose::SignIn);
    let reset = practice.mfa.reset(id, proof, "once more", practice.now());
    assert_eq!(practice.refused(reset), Refusal::ProofUnfit);
    assert_eq!(last().actor, Actor::Operator(operator.id));
    // The host, and whoever the host names.
    let import = practice.mfa.import(&account(3), imported(), &mut practice.rng(), practice.now());
    practice.run(import).done().unwrap();
    assert_eq!(last().actor, Actor::Host);
    let by = Actor::Operator(operator.id);
    let offboard = practice.mfa.offboard(&account(3), by.clone(), "left", practice.now());
    practice.run(offboard).done().unwrap();
    let events = practice.store.take_events();
    assert_eq!(events.len(), 2, "the device, and the person");
    assert!(events.iter().all(|event| event.actor == by));
    assert_eq!((events[0].method, &events[0].kind), (Some(Method::Totp), &Kind::Revoked));
}

/// ASVS 6.3.5: the right password with a wrong second factor is an alert, at every door that takes a
/// code. Without the host's word it is none.
#[test]
fn a_right_password_with_a_wrong_code() {
    for door in 0..4 {
        let practice = Practice::new();
        let person = practice.person(1);
        let (id, mfa, now) = (&person.id, &practice.mfa, practice.now());
        let used = person.app.code(now);
        assert_eq!(said(&practice.verify(id, &used)), Said::Accepted);
        let wrong = wrong_code(&[&person.app], now, 0);
        let attempt = match door {
            0 => mfa.verify(id, &wrong, Purpose::SignIn, now),
            1 => mfa.verify(id, &used, Purpose::SignIn, now),
            2 => mfa.resynchronise(id, person.device, [&wrong, &wrong], Purpose::SignIn, now),
            _ => mfa.recover(id, &"0".repeat(24), Purpose::SignIn, now),
        };
        practice.store.take_events();
        let _ = practice.run_ref(&attempt);
        assert_eq!(notices(&practice.store.take_events()), [], "door {door}");
        let _ = practice.run(attempt.first_factor_passed());
        let told = notices(&practice.store.take_events());
        assert_eq!(told, [Notice::SuspiciousAttempt], "door {door}");
    }
    // A throttled attempt is none each time: the person was told, and an attacker could flood them.
    let practice = Practice::new();
    let person = practice.person(1);
    for _ in 0..FREE {
        let _ = practice.miss(&person);
    }
    practice.store.take_events();
    let wrong = wrong_code(&[&person.app], practice.now(), 0);
    let verify = practice.mfa.verify(&person.id, &wrong, Purpose::SignIn, practice.now());
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
    let event = |kind: Kind, first_factor_passed: bool| Event {
        id: None,
        account: account(1),
        at: START,
        actor: Actor::Subject,
        source: None,
        first_factor_passed,
        device: None,
        method: None,
        purpose: None,
        kind,
    };
    let reason = || Text::new("left").unwrap();
    let until = START;
    let none = None;
    // The kind, what is told, and whether other sessions should end (ASVS 7.4.2, 7.4.3).
    let table = [
        (Kind::Accepted { moving_factor: None, drift: None }, none, false),
        (Kind::Bound { replaces: None }, Some(Notice::FactorAdded), true),
        (Kind::ChallengeIssued { until }, none, false),
        (Kind::ClockWentBack { by: 61 }, none, false),
        (Kind::Disabled { class: Class::Codes }, Some(Notice::FactorDisabled), false),
        (Kind::EmergencyGranted { until, reason: reason() }, Some(Notice::EmergencyAccess), false),
        (Kind::EnrolmentStarted { until }, none, false),
        (Kind::Imported { short_secret: false }, Some(Notice::FactorAdded), false),
        (Kind::Malformed, none, false),
        (Kind::Offboarded { reason: reason() }, none, true),
        (Kind::RecoveryCodesIssued { count: 10 }, Some(Notice::RecoveryCodesReplaced), true),
        (Kind::RecoveryCodeSpent { left: 9 }, Some(Notice::RecoveryCodeUsed), false),
        (Kind::Refused(Refusal::LastFactor), none, false),
        (Kind::ReportedLost, Some(Notice::FactorRemoved), true),
        (Kind::Reset { reason: reason() }, Some(Notice::AccountReset), true),
        (Kind::Resynchronised { clock_offset: None }, none, false),
        (Kind::Revoked, Some(Notice::FactorRemoved), true),
        (Kind::Waiting { until }, none, false),
    ];
    let mut places: Vec<_> = table.iter().map(|(kind, ..)| place(kind)).collect();
    places.sort_unstable();
    assert_eq!(places, (0..18).collect::<Vec<_>>(), "each kind has its row; rejections are below");
    for (kind, notice, ends_sessions) in table {
        for first_factor_passed in [false, true] {
            let event = event(kind.clone(), first_factor_passed);
            assert_eq!(event.notice(), notice, "{kind:?}");
            assert_eq!(event.ends_sessions(), ends_sessions, "{kind:?}");
        }
    }
    let rejected = [
        (Why::Disabled, none),
        (Why::Expired, none),
        (Why::HostCheckFailed, Some(Notice::SuspiciousAttempt)),
        (Why::NoDevice, none),
        (Why::Offboarded, none),
        (Why::Replayed, Some(Notice::SuspiciousAttempt)),
        (Why::UnknownAccount, none),
        (Why::WrongCode, Some(Notice::SuspiciousAttempt)),
        (Why::WrongPurpose, none),
    ];
    for (why, notice) in rejected {
        assert_eq!(event(Kind::Rejected(why), false).notice(), None, "{why:?}");
        assert_eq!(event(Kind::Rejected(why), true).notice(), notice, "{why:?}");
        assert!(!event(Kind::Rejected(why), true).ends_sessions());
    }
    // Each is one sentence, and none of them asks for anything or names a secret.
    for notice in [
        Notice::AccountReset,
        Notice::EmergencyAccess,
        Notice::FactorAdded,
        Notice::FactorDisabled,
        Notice::FactorRemoved,
        Notice::RecoveryCodeUsed,
        Notice::RecoveryCodesReplaced,
        Notice::SuspiciousAttempt,
    ] {
        let text = notice.to_string();
        assert!(text.ends_with('.') && text.matches('.').count() == 1, "{text}");
    }
}

/// A new kind does not compile until it has a number here, and does not pass without a row above.
fn place(kind: &Kind) -> usize {
    match kind {
        Kind::Accepted { .. } => 0,
        Kind::Bound { .. } => 1,
        Kind::ChallengeIssued { .. } => 2,
        Kind::ClockWentBack { .. } => 3,
        Kind::Disabled { .. } => 4,
        Kind::EmergencyGranted { .. } => 5,
        Kind::EnrolmentStarted { .. } => 6,
        Kind::Imported { .. } => 7,
        Kind::Malformed => 8,
        Kind::Offboarded { .. } => 9,
        Kind::RecoveryCodesIssued { .. } => 10,
        Kind::RecoveryCodeSpent { .. } => 11,
        Kind::Refused(_) => 12,
        Kind::ReportedLost => 13,
        Kind::Reset { .. } => 14,
        Kind::Resynchronised { .. } => 15,
        Kind::Revoked => 16,
        Kind::Waiting { .. } => 17,
        Kind::Rejected(_) => 18,
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
    let proof = practice.proof(&person, Purpose::ChangeFactors);
    assert_eq!(told(), []);
    let phone = practice.phone(&person.id, "+15550100100", Some(proof));
    assert_eq!(told(), [Notice::FactorAdded]);
    let proof = practice.proof(&person, Purpose::ChangeFactors);
    let revoke = practice.mfa.revoke(&person.id, phone, proof, practice.now());
    practice.run(revoke).done().unwrap();
    assert_eq!(told(), [Notice::FactorRemoved]);
    let proof = practice.proof(&person, Purpose::ChangeFactors);
    let codes = practice.regenerate(&person.id, proof);
    assert_eq!(told(), [Notice::RecoveryCodesReplaced]);
    assert_eq!(said(&practice.recover(&person.id, &codes[0])), Said::Accepted);
    assert_eq!(told(), [Notice::RecoveryCodeUsed]);
    let proof = practice.proof(&person, Purpose::ChangeFactors);
    let (mut rng, now) = (practice.rng(), practice.now());
    let replace = practice.mfa.replace(&person.id, person.device, "New", proof, &mut rng, now);
    let pending = practice.run(replace).done().unwrap();
    assert_eq!(told(), []);
    let code = Authenticator::of(&pending).code(now);
    assert_eq!(said(&practice.confirm(&person.id, pending.id(), &code)), Said::Accepted);
    assert_eq!(told(), [Notice::FactorRemoved, Notice::FactorAdded]);
    let token = practice.mfa.enrol_hotp(&account(2), "Token", Digits::Six, &mut rng, now);
    let pending = practice.run(token).done().unwrap();
    let code = Authenticator::of(&pending).at(0);
    assert_eq!(said(&practice.confirm(&account(2), pending.id(), &code)), Said::Accepted);
    assert_eq!(told(), [Notice::FactorAdded, Notice::RecoveryCodesReplaced]);
}
