//! Devices as people have them: confirmed twice, off by minutes or counters, drifting and set right; and
//! secrets that come back, which they do above their last code or never.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use crate::common::acting;
use crate::common::*;
use crate::throttle::close;
use countersign::account::HostsWord;
use countersign::account::{
    DeviceStatus, EventKind, ExistingDevice, Label, Refusal, RejectionReason,
};
use countersign::otp::Parameters;
use countersign::{
    AccountId, ActForOther, Algorithm, ChangeFactors, DeviceId, Digits, Keyring, Mfa, Proof,
    Recommended, Secret, SignIn,
};

/// The secret of the RFCs' vectors.
const K20: &[u8] = b"12345678901234567890";

fn secret(bytes: &[u8]) -> Secret {
    Secret::from_bytes(bytes).unwrap()
}

fn label() -> Label {
    Label::new("Token").unwrap()
}

fn existing_totp(bytes: &[u8], last: Option<u64>) -> ExistingDevice {
    ExistingDevice::totp(label(), secret(bytes), Parameters::default(), last)
}

fn existing_hotp(bytes: &[u8], next: u64) -> ExistingDevice {
    ExistingDevice::hotp(label(), secret(bytes), Algorithm::Sha1, Digits::Six, next)
}

fn totp(bytes: &[u8]) -> Authenticator {
    let parameters = Parameters::default();
    Authenticator::App { totp: countersign::Totp::new(&secret(bytes), parameters), parameters }
}

fn hotp(bytes: &[u8]) -> Authenticator {
    let hotp = countersign::Hotp::new(&secret(bytes), Algorithm::Sha1, Digits::Six);
    Authenticator::Token { hotp }
}

/// Starts the enrolment of a device whose secret exists.
fn start(
    practice: &Practice,
    id: &AccountId,
    device: ExistingDevice,
    proof: Option<Proof<ChangeFactors>>,
) -> Result<countersign::mfa::PendingEnrolment, Refusal> {
    let enrol = practice.at(id).enrol_existing(device, &mut practice.rng());
    or_refusal(practice.run(match proof {
        Some(proof) => enrol.proven_by(proof),
        None => enrol,
    }))
}

fn import(
    practice: &Practice,
    id: &AccountId,
    device: ExistingDevice,
) -> Result<DeviceId, Refusal> {
    or_refusal(practice.run(practice.at(id).import(device, &mut practice.rng())))
}

// Confirming.

/// F-40: a form that was sent twice says that it is done: no proof, no codes, no charge. Any other code,
/// or the same later or for another enrolment, is answered as for an enrolment that is gone.
///
/// Guards `Account::confirm_again` and `confirmed_by`.
#[test]
fn a_second_confirm_says_that_it_is_done() {
    let practice = Practice::new();
    let id = account(1);
    let enrol = practice.at(&id).enrol("Phone", &mut practice.rng());
    let pending = practice.run(enrol).unwrap();
    let app = Authenticator::of(&pending);
    let code = app.code(practice.now());
    let confirm = |code: &str| said(&practice.confirm(&id, pending.id(), code));
    assert_eq!(confirm(&code), Said::Accepted);
    practice.store.take_events();
    let before = practice.store.records();
    assert_eq!(confirm(&code), Said::AlreadyConfirmed);
    let events = practice.store.take_events();
    assert_eq!(events[0].kind, EventKind::Rejected(RejectionReason::AlreadyConfirmed));
    assert!(events[0].id.is_none() && events[0].notice().is_none());
    let step = app.step(practice.now());
    for other in [app.at(step - 1), app.at(step + 1), "000000".into(), "no code".into()] {
        assert_eq!(confirm(&other), Said::Expired, "{other}");
    }
    let pair = [app.at(step - 1), code.clone()];
    let pair =
        practice.at(&id).confirm_pair(pending.id(), [&pair[0], &pair[1]], &mut practice.rng());
    assert_eq!(said(&practice.run(pair)), Said::Expired, "it was confirmed by one code");
    let other = practice.at(&account(2)).confirm(pending.id(), &code, &mut practice.rng());
    assert_eq!(said(&practice.run(other)), Said::Expired, "somebody else");
    assert_eq!(practice.store.records(), before, "none of it is written or counted");
    // Ten minutes, as long as it could have waited.
    practice.wait(600);
    assert_eq!(confirm(&code), Said::AlreadyConfirmed);
    practice.wait(1);
    assert_eq!(confirm(&code), Said::Expired);

    // A telephone is confirmed by its text.
    let id = account(3);
    let sent = practice.enrol_phone(&id, "+15550100100", None).unwrap();
    let text = sent.to_send().unwrap().expose_str();
    assert_eq!(said(&practice.confirm(&id, sent.id(), text)), Said::Accepted);
    assert_eq!(said(&practice.confirm(&id, sent.id(), text)), Said::AlreadyConfirmed);
    assert_eq!(said(&practice.confirm(&id, sent.id(), &other_than(text))), Said::Expired);
    let answer = practice.challenge(&id, SignIn).unwrap();
    let typed = answer.to_send().unwrap().expose_str();
    let proof = practice.answer(&id, answer.id(), typed).accepted().unwrap();
    let phone = practice.summary(&id).devices[0].id;
    practice.run(practice.at(&id).report_lost(phone, proof)).unwrap();
    assert_eq!(said(&practice.confirm(&id, sent.id(), text)), Said::Expired, "not in use");
    // Two codes by the same two, in that order.
    let id = account(4);
    let pending = start(&practice, &id, existing_hotp(K20, 0), None).unwrap();
    let token = hotp(K20);
    let confirm = |first: u64, second: u64| {
        let (first, second) = (token.at(first), token.at(second));
        let confirm =
            practice.at(&id).confirm_pair(pending.id(), [&first, &second], &mut practice.rng());
        said(&practice.run(confirm))
    };
    assert_eq!(confirm(7, 8), Said::Accepted);
    assert_eq!(confirm(7, 8), Said::AlreadyConfirmed);
    for (first, second) in [(8, 7), (6, 7), (8, 9), (7, 7), (8, 8)] {
        assert_eq!(confirm(first, second), Said::Expired);
    }
    assert_eq!(said(&practice.confirm(&id, pending.id(), &token.at(8))), Said::Expired);
    // It says nothing of a device that is not in use any more.
    let verify = practice.at(&id).verify(&token.at(9), SignIn);
    let proof = practice.run(verify).accepted().unwrap();
    practice.run(practice.at(&id).report_lost(pending.device(), proof)).unwrap();
    assert_eq!(confirm(7, 8), Said::Expired);
}

/// F-03: a pending device has five tries of its own, and waits for no class; its failures count on no
/// class, and those of strangers do not count on it.
///
/// Guards `pending.failures` in `Account::confirm`, and that it asks no gate.
#[test]
fn a_pending_enrolment_has_five_tries_of_its_own() {
    let practice = Practice::new();
    let person = practice.person(1);
    let id = &person.id;
    close(&practice, &person);
    // Closed out by strangers, somebody guessing every minute: one recovery code and one code bind.
    let recover = practice.at(id).recover(&person.recovery_codes[0], ChangeFactors);
    let proof = practice.run(recover).accepted().unwrap();
    let enrol = practice.at(id).enrol("New", &mut practice.rng()).proven_by(proof);
    let pending = practice.run(enrol).unwrap();
    let new = Authenticator::of(&pending);
    let wrong = wrong_code(&[&new, &person.app], practice.now(), 0);
    let before = practice.summary(id).codes;
    for left in [4, 3, 2, 1] {
        practice.wait(60);
        assert_eq!(said(&practice.miss(&person)), Said::Closed);
        assert_eq!(said(&practice.confirm(id, pending.id(), "12345")), Said::Malformed);
        assert_eq!(said(&practice.confirm(id, pending.id(), &wrong)), Said::Rejected(left));
    }
    assert_eq!(practice.summary(id).codes, before);
    let code = new.code(practice.wait(60));
    assert_eq!(said(&practice.confirm(id, pending.id(), &code)), Said::Accepted);
    assert_eq!(practice.summary(id).codes, Default::default(), "and it forgives the class");
    let code = new.code(practice.wait(60));
    assert_eq!(said(&practice.verify(id, &code)), Said::Accepted);

    // The fifth wrong code ends it; a new one is whole.
    let id = account(2);
    let enrol = || {
        let enrol = practice.at(&id).enrol("Phone", &mut practice.rng());
        practice.run(enrol).unwrap()
    };
    let pending = enrol();
    let app = Authenticator::of(&pending);
    let wrong = wrong_code(&[&app], practice.now(), 0);
    for left in [4, 3, 2, 1, 0] {
        assert_eq!(said(&practice.confirm(&id, pending.id(), &wrong)), Said::Rejected(left));
    }
    let code = app.code(practice.now());
    assert_eq!(said(&practice.confirm(&id, pending.id(), &code)), Said::Expired);
    assert_eq!(practice.summary(&id).pending_until, None);
    assert_eq!(practice.summary(&id).codes, Default::default());
    practice.wait(30);
    let pending = enrol();
    let code = Authenticator::of(&pending).code(practice.now());
    assert_eq!(said(&practice.confirm(&id, pending.id(), &code)), Said::Accepted);
}

/// F-22: a token whose clock is off by up to ten minutes, or whose button was pressed up to a thousand
/// times, is bound by two codes in a row, of which both are burnt; and the next one signs in.
///
/// Guards `scan_far` in `Pending::evaluate` and `teach` in `Account::bind_pending`.
#[test]
fn two_codes_in_a_row_bind_a_device_that_is_off() {
    let practice = Practice::new();
    let token = totp(K20);
    practice.wait(3_000_000);
    for (off, bound) in
        [(-22, false), (-21, true), (-8, true), (-2, true), (0, true), (19, true), (20, false)]
    {
        let id = account(1_000_i64.saturating_add(off).cast_unsigned());
        let pending = start(&practice, &id, existing_totp(K20, None), None).unwrap();
        let now = token.step(practice.now());
        let first = now.saturating_add_signed(off);
        let alone = practice.confirm(&id, pending.id(), &token.at(first));
        if off.abs() > 1 {
            assert_eq!(said(&alone), Said::Rejected(4), "{off}");
        } else {
            assert_eq!(said(&alone), Said::Accepted, "{off}");
            continue;
        }
        let pair = [token.at(first), token.at(first + 1)];
        let confirm =
            practice.at(&id).confirm_pair(pending.id(), [&pair[0], &pair[1]], &mut practice.rng());
        let verdict = practice.run(confirm);
        assert_eq!(said(&verdict), if bound { Said::Accepted } else { Said::Rejected(3) }, "{off}");
        if let Some(confirmed) = verdict.accepted() {
            assert!(confirmed.recovery_codes().is_some());
            assert_eq!(confirmed.into_proof().account(), &id);
            let offset = practice.summary(&id).devices[0].clock_offset;
            assert_eq!(i64::from(offset), off + 1, "{off}");
            for code in &pair {
                assert!(matches!(said(&practice.verify(&id, code)), Said::Rejected(_)), "{off}");
            }
            let next = token.at(first + 2);
            assert_eq!(said(&practice.verify(&id, &next)), Said::Accepted, "{off}");
        }
    }
    let token = hotp(K20);
    for (pressed, bound) in [(5, true), (20, true), (1_000, true), (1_001, false), (5_000, false)] {
        let id = account(2_000 + pressed);
        let pending = start(&practice, &id, existing_hotp(K20, 0), None).unwrap();
        let alone = practice.confirm(&id, pending.id(), &token.at(pressed));
        assert_eq!(said(&alone), Said::Rejected(4), "{pressed}");
        let pair = [token.at(pressed), token.at(pressed + 1)];
        let confirm =
            practice.at(&id).confirm_pair(pending.id(), [&pair[0], &pair[1]], &mut practice.rng());
        let said_so = said(&practice.run(confirm));
        assert_eq!(said_so, if bound { Said::Accepted } else { Said::Rejected(3) }, "{pressed}");
        if bound {
            for code in &pair {
                assert!(matches!(said(&practice.verify(&id, code)), Said::Rejected(_)));
            }
            let next = token.at(pressed + 2);
            assert_eq!(said(&practice.verify(&id, &next)), Said::Accepted, "{pressed}");
        }
    }
    // Two codes that are not in a row bind nothing, nor one code twice.
    let id = account(9_000);
    let pending = start(&practice, &id, existing_hotp(K20, 0), None).unwrap();
    for (left, pair) in [(4, [10, 12]), (3, [12, 11]), (2, [11, 11])] {
        let pair = pair.map(|counter| token.at(counter));
        let confirm =
            practice.at(&id).confirm_pair(pending.id(), [&pair[0], &pair[1]], &mut practice.rng());
        assert_eq!(said(&practice.run(confirm)), Said::Rejected(left));
    }
}

// Clocks.

/// F-15: two codes in a row teach and do not admit. Both are burnt, with all below them; the reach is
/// ten minutes, or a thousand counters; and the person is told.
///
/// Guards `Account::resynchronise`, whose answer is no proof, and `clock_reach`.
#[test]
fn resynchronising_teaches_and_does_not_admit() {
    for (ahead, found) in [(-21, true), (19, true), (-22, false), (20, false), (990, false)] {
        let practice = Practice::new();
        let id = account(1);
        practice.wait(3_000_000);
        let long_ago = totp(K20).step(practice.now()) - 1_000;
        let device = import(&practice, &id, existing_totp(K20, Some(long_ago))).unwrap();
        let token = totp(K20);
        let first = token.step(practice.now()).saturating_add_signed(ahead);
        let pair = [token.at(first), token.at(first + 1)];
        let resync = || practice.at(&id).resynchronise(device, [&pair[0], &pair[1]]);
        let epoch = practice.summary(&id).epoch;
        practice.store.take_events();
        let verdict = practice.run(resync());
        let Some(right) = verdict.accepted() else {
            assert!(!found, "{ahead}");
            continue;
        };
        assert!(found, "{ahead}");
        assert_eq!(right.device(), device);
        let events = practice.store.take_events();
        assert_eq!(events.len(), 1, "an event, and no acceptance beside it");
        let offset = i16::try_from(ahead + 1).unwrap();
        assert_eq!(events[0].kind, EventKind::Resynchronised { clock_offset: Some(offset) });
        assert!(events[0].notice().is_some());
        assert_eq!(practice.summary(&id).epoch, epoch, "no session ends");
        assert_eq!(said(&practice.run(resync())), Said::Rejected(4), "a recording of it");
        for code in &pair {
            assert!(matches!(said(&practice.verify(&id, code)), Said::Rejected(_)), "{ahead}");
        }
        let next = token.at(first + 2);
        assert_eq!(said(&practice.verify(&id, &next)), Said::Accepted, "{ahead}");
    }
    for (ahead, found) in [(6, true), (1_000, true), (1_001, false)] {
        let practice = Practice::new();
        let id = account(1);
        let device = import(&practice, &id, existing_hotp(K20, 0)).unwrap();
        let token = hotp(K20);
        let pair = [token.at(ahead), token.at(ahead + 1)];
        let resync = practice.at(&id).resynchronise(device, [&pair[0], &pair[1]]);
        assert_eq!(practice.run(resync).accepted().is_some(), found, "{ahead}");
        let next = practice.verify(&id, &token.at(ahead + 2));
        assert_eq!(said(&next) == Said::Accepted, found, "{ahead}");
    }
}

/// F-20: a phone that was fast, was followed, and is set right: its codes are accepted from the first
/// step above the last accepted one. With the codes of the report.
///
/// Guards that `scan_clock` looks around our own clock as well.
#[test]
fn a_phone_that_is_set_right_is_accepted() {
    let practice = Practice::new();
    let id = account(1);
    let pending = start(&practice, &id, existing_totp(K20, None), None).unwrap();
    assert_eq!(said(&practice.confirm(&id, pending.id(), "768147")), Said::Accepted);
    for (secs, code) in [
        (3_600, "634455"),  // thirty seconds fast
        (7_200, "829898"),  // a minute fast
        (10_800, "355839"), // right from here on
        (10_845, "546740"),
        (10_890, "469530"),
    ] {
        practice.set_clock(START.plus(secs));
        assert_eq!(said(&practice.verify(&id, code)), Said::Accepted, "{secs}: {code}");
    }
    // Nine minutes fast, found by two codes, and then set right: accepted at once where the step is
    // above the last one, and the offset ends with a success that only our own clock explains.
    let token = totp(K20);
    let far = token.step(practice.wait(3_600)) + 18;
    let pair = [token.at(far), token.at(far + 1)];
    let resync = practice.at(&id).resynchronise(pending.device(), [&pair[0], &pair[1]]);
    assert_eq!(said(&practice.run(resync)), Said::Accepted);
    assert_eq!(practice.summary(&id).devices[0].clock_offset, 19);
    let code = token.code(practice.now());
    assert_eq!(said(&practice.verify(&id, &code)), Said::Rejected(4), "below the last one");
    let code = token.code(practice.wait(600));
    assert_eq!(said(&practice.verify(&id, &code)), Said::Accepted);
    assert_eq!(practice.summary(&id).devices[0].clock_offset, 0);
    let still_fast = token.at(token.step(practice.now()) + 19);
    assert_eq!(said(&practice.verify(&id, &still_fast)), Said::Rejected(4));
}

/// A code in both windows counts once, and a code of either is accepted. The offset is forgotten after a
/// year without use, and not before.
///
/// Guards `OFFSET_MEMORY`.
#[test]
fn an_offset_is_forgotten_after_a_year_without_use() {
    const YEAR: u64 = 365 * 86_400;
    for (late, known) in [(0, true), (1, false)] {
        let practice = Practice::new();
        let id = account(1);
        let token = totp(K20);
        let device = existing_totp(K20, Some(1)).with_clock_error(600);
        import(&practice, &id, device).unwrap();
        let ahead = |now| token.at(token.step(now) + 20);
        assert_eq!(said(&practice.verify(&id, &ahead(practice.now()))), Said::Accepted);
        let code = ahead(practice.wait(YEAR + late));
        let verdict = practice.verify(&id, &code);
        assert_eq!(said(&verdict) == Said::Accepted, known, "{late} s after a year");
    }
}

/// F-23: what is known of a token's clock is brought along, to the nearest step; more than the reach is
/// refused, by import and by enrolment.
///
/// Guards `clock_error` in `Account::admit` and `ExistingDevice::factor`.
#[test]
fn a_known_clock_error_is_brought_along() {
    for (secs, steps) in [(0, 0), (-240, -8), (240, 8), (44, 1), (46, 2), (600, 20), (-600, -20)] {
        let practice = Practice::new();
        let token = totp(K20);
        let id = account(1);
        let device = || existing_totp(K20, Some(1)).with_clock_error(secs);
        import(&practice, &id, device()).unwrap();
        assert_eq!(practice.summary(&id).devices[0].clock_offset, steps, "{secs}");
        let now = token.step(practice.now());
        let code = token.at(now.saturating_add_signed(steps.into()));
        assert_eq!(said(&practice.verify(&id, &code)), Said::Accepted, "{secs}");
        let id = account(2);
        let pending = start(&practice, &id, device(), None).unwrap();
        assert_eq!(said(&practice.confirm(&id, pending.id(), &code)), Said::Accepted, "{secs}");
    }
    let practice = Practice::new();
    for secs in [601, -601, i64::MAX, i64::MIN] {
        let device = || existing_totp(K20, Some(1)).with_clock_error(secs);
        assert_eq!(import(&practice, &account(1), device()), Err(Refusal::ClockTooFar));
        let refused = start(&practice, &account(1), device(), None).unwrap_err();
        assert_eq!(refused, Refusal::ClockTooFar);
    }
    assert!(practice.store.records().is_empty());
    // What the other system accepted last is not known: everything that the device has shown is used.
    let id = account(3);
    let token = totp(K20);
    import(&practice, &id, existing_totp(K20, None).with_clock_error(240)).unwrap();
    let shown = token.step(practice.now()) + 8;
    assert_eq!(said(&practice.verify(&id, &token.at(shown))), Said::Rejected(4));
    assert_eq!(said(&practice.verify(&id, &token.at(shown + 1))), Said::Accepted);
}

// Secrets that were in use before.

/// How a device was taken out of use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Out {
    Revoked,
    Replaced,
    Reset,
    Lost,
}

/// F-12: once anything of an account was taken out of use, import ends for it: the nightly migration
/// brings back no stolen phone.
///
/// Guards `import_ended` in `Account::take_out` and `retire_all`.
#[test]
fn import_ends_with_the_first_device_that_is_taken_out_of_use() {
    for out in [Out::Revoked, Out::Replaced, Out::Reset, Out::Lost] {
        let practice = Practice::new();
        let operator = practice.person(2);
        let id = account(1);
        let first = import(&practice, &id, existing_totp(&[1; 20], None)).unwrap();
        import(&practice, &id, existing_totp(&[2; 20], None)).unwrap();
        let act = || practice.proof(&operator, ActForOther);
        match out {
            Out::Revoked => {
                let proof = act();
                practice.run(practice.at(&id).revoke(first, acting(proof))).unwrap();
            }
            Out::Lost => {
                let proof = act();
                practice.run(practice.at(&id).report_lost(first, acting(proof))).unwrap();
            }
            Out::Reset => {
                practice.reset(&id, &operator);
            }
            Out::Replaced => {
                let code = totp(&[1; 20]).code(practice.wait(30));
                let verify = practice.at(&id).verify(&code, ChangeFactors);
                let proof = practice.run(verify).accepted().unwrap();
                let replace = practice.at(&id).replace(first, "New", proof, &mut practice.rng());
                let pending = practice.run(replace).unwrap();
                let code = Authenticator::of(&pending).code(practice.now());
                assert_eq!(said(&practice.confirm(&id, pending.id(), &code)), Said::Accepted);
            }
        }
        practice.wait(86_400);
        for byte in [1, 2, 3] {
            let again = import(&practice, &id, existing_totp(&[byte; 20], None));
            assert_eq!(again, Err(Refusal::ImportEnded), "{out:?}, {byte}");
        }
        assert!(matches!(
            said(&practice.verify(&id, &totp(&[1; 20]).code(practice.now()))),
            Said::Rejected(_)
        ));
    }
    // A migration that is run again finds what it brought, and says so.
    let practice = Practice::new();
    let id = account(1);
    import(&practice, &id, existing_totp(&[1; 20], None)).unwrap();
    let again = import(&practice, &id, existing_totp(&[1; 20], None));
    assert_eq!(again, Err(Refusal::AlreadyBound));
    practice.run(practice.at(&id).offboard(HostsWord::Process, "left")).unwrap();
    let again = import(&practice, &id, existing_totp(&[3; 20], None));
    assert_eq!(again, Err(Refusal::Offboarded));
}

/// A person with an app, to prove with, and with a token that was used up to some counter.
fn with_used_token(practice: &Practice) -> (Person, DeviceId) {
    let person = practice.person(1);
    let proof = practice.proof(&person, ChangeFactors);
    let pending = start(practice, &person.id, existing_hotp(K20, 0), Some(proof)).unwrap();
    let confirm = practice.confirm(&person.id, pending.id(), "755224");
    assert_eq!(said(&confirm), Said::Accepted);
    for code in ["287082", "359152"] {
        assert_eq!(said(&practice.verify(&person.id, code)), Said::Accepted);
    }
    practice.wait(30);
    (person, pending.device())
}

/// F-13: a secret that was revoked, replaced or reset comes back only above its last code, and one that
/// was reported lost never does. With the codes of the report.
///
/// Guards `Account::admit`.
#[test]
fn a_former_secret_comes_back_above_its_last_code_or_never() {
    for out in [Out::Revoked, Out::Replaced, Out::Reset, Out::Lost] {
        let practice = Practice::new();
        let (person, token) = with_used_token(&practice);
        let operator = practice.person(2);
        let id = &person.id;
        let own = || practice.proof(&person, ChangeFactors);
        let proof = match out {
            Out::Revoked => {
                let by = own();
                practice.run(practice.at(id).revoke(token, by)).unwrap();
                Some(own())
            }
            Out::Lost => {
                let by = own();
                practice.run(practice.at(id).report_lost(token, by)).unwrap();
                Some(own())
            }
            Out::Replaced => {
                let by = own();
                let replace = practice.at(id).replace(token, "New", by, &mut practice.rng());
                let pending = practice.run(replace).unwrap();
                let code = Authenticator::of(&pending).code(practice.now());
                assert_eq!(said(&practice.confirm(id, pending.id(), &code)), Said::Accepted);
                Some(own())
            }
            Out::Reset => {
                let pass = practice.reset(id, &operator);
                Some(practice.entered(id, &pass))
            }
        };
        let started = start(&practice, id, existing_hotp(K20, 0), proof);
        if out == Out::Lost {
            assert_eq!(started.unwrap_err(), Refusal::ReportedLost);
            // Nor as a device of another kind.
            let started = start(&practice, id, existing_totp(K20, None), Some(own()));
            assert_eq!(started.unwrap_err(), Refusal::ReportedLost);
            continue;
        }
        let pending = started.unwrap();
        assert_eq!(pending.uri("Acme Billing", "dana").unwrap().counter(), Some(3), "{out:?}");
        for (left, used) in [(4, "755224"), (3, "287082"), (2, "359152")] {
            let confirm = practice.confirm(id, pending.id(), used);
            assert_eq!(said(&confirm), Said::Rejected(left), "{out:?}, {used}");
        }
        let next = hotp(K20).at(3);
        assert_eq!(said(&practice.confirm(id, pending.id(), &next)), Said::Accepted, "{out:?}");
        for used in ["755224", "287082", "359152", &next] {
            assert_ne!(said(&practice.verify(id, used)), Said::Accepted, "{out:?}, {used}");
        }
        assert_eq!(said(&practice.verify(id, &hotp(K20).at(4))), Said::Accepted, "{out:?}");
    }
}

/// The moving factor is of the secret: what was used by clock is used by counter, and the other way
/// round; and each time a secret goes, the highest of its factors is what counts.
#[test]
fn a_secret_that_changes_its_kind_stays_above_its_last_factor() {
    let practice = Practice::new();
    let person = practice.person(1);
    let id = &person.id;
    let own = || practice.proof(&person, ChangeFactors);
    // By counter up to 10,000, then by clock: the steps of today are above that, and it works.
    let pending = start(&practice, id, existing_hotp(K20, 10_000), Some(own())).unwrap();
    let code = hotp(K20).at(10_000);
    assert_eq!(said(&practice.confirm(id, pending.id(), &code)), Said::Accepted);
    let proof = own();
    practice.run(practice.at(id).revoke(pending.device(), proof)).unwrap();
    let pending = start(&practice, id, existing_totp(K20, None), Some(own())).unwrap();
    let step = totp(K20).step(practice.now());
    let code = totp(K20).at(step);
    assert_eq!(said(&practice.confirm(id, pending.id(), &code)), Said::Accepted);
    let proof = own();
    practice.run(practice.at(id).revoke(pending.device(), proof)).unwrap();
    // By clock up to today's step, then by counter from 0: expected above the step.
    let pending = start(&practice, id, existing_hotp(K20, 0), Some(own())).unwrap();
    let uri = pending.uri("Acme Billing", "dana").unwrap();
    assert_eq!(uri.counter(), Some(step + 1));
    for (left, used) in [(4, 0), (3, 10_001), (2, step)] {
        let confirm = practice.confirm(id, pending.id(), &hotp(K20).at(used));
        assert_eq!(said(&confirm), Said::Rejected(left), "{used}");
    }
    let code = hotp(K20).at(step + 1);
    assert_eq!(said(&practice.confirm(id, pending.id(), &code)), Said::Accepted);
    let proof = own();
    practice.run(practice.at(id).revoke(pending.device(), proof)).unwrap();
    // Used up to the end of all counters, it never comes back into use.
    let pending = start(&practice, id, existing_hotp(K20, u64::MAX), Some(own())).unwrap();
    let code = hotp(K20).at(u64::MAX);
    assert_eq!(said(&practice.confirm(id, pending.id(), &code)), Said::Accepted);
    let proof = own();
    practice.run(practice.at(id).revoke(pending.device(), proof)).unwrap();
    let pending = start(&practice, id, existing_totp(K20, None), Some(own())).unwrap();
    let code = totp(K20).code(practice.now());
    assert_eq!(said(&practice.confirm(id, pending.id(), &code)), Said::Rejected(4));
}

/// Sixty-four former secrets are remembered. Then enrolling secrets that exist ends, because one could
/// not be told from a former one; and new ones still bind.
///
/// Guards `FormerSecret::MOST`.
#[test]
fn after_sixty_four_former_secrets_only_new_ones_bind() {
    let practice = Practice::new();
    let person = practice.person(1);
    let id = &person.id;
    let own = || practice.proof(&person, ChangeFactors);
    let (mut lost, mut devices) = (None, Vec::new());
    for n in 0..64_u8 {
        let bytes = [n + 1; 20];
        let pending = start(&practice, id, existing_hotp(&bytes, 5), Some(own())).unwrap();
        let code = hotp(&bytes).at(5);
        assert_eq!(said(&practice.confirm(id, pending.id(), &code)), Said::Accepted, "{n}");
        let proof = own();
        if n == 0 {
            practice.run(practice.at(id).report_lost(pending.device(), proof)).unwrap();
            lost = Some(bytes);
        } else {
            practice.run(practice.at(id).revoke(pending.device(), proof)).unwrap();
        }
        devices.push(pending.device());
    }
    let refused =
        |bytes: &[u8]| start(&practice, id, existing_hotp(bytes, 0), Some(own())).unwrap_err();
    assert_eq!(refused(&[200; 20]), Refusal::TooManyFormerDevices);
    assert_eq!(refused(&lost.unwrap()), Refusal::ReportedLost, "the first of them, still");
    assert_eq!(refused(&[64; 20]), Refusal::TooManyFormerDevices);
    // The summary shows sixteen former devices, and the lost one is not the one that is forgotten.
    let summary = practice.summary(id);
    assert_eq!(summary.devices.len() - summary.confirmed().count(), 16);
    assert_eq!(practice.status(id, devices[0]), Some(DeviceStatus::Lost));
    // A new secret binds, is taken out, and another one binds.
    for _ in 0..2 {
        let (device, _) = practice.second_app(&person, "New");
        let proof = own();
        practice.run(practice.at(id).revoke(device, proof)).unwrap();
    }
}

/// F-14: one secret that is bound to two people has one fingerprint, for a unique column of the host; in
/// another deployment it has another, and a new key of the ring does not change it.
///
/// Guards `Keyring::fingerprint`.
#[test]
fn one_secret_has_one_fingerprint_in_one_deployment() {
    let fingerprints = |keys: Keyring| {
        let mut practice = Practice::new();
        practice.mfa = Mfa::new(keys, Recommended);
        for (number, bytes) in [(1, K20), (2, K20), (3, &[7; 20])] {
            import(&practice, &account(number), existing_totp(bytes, None)).unwrap();
        }
        let pending = start(&practice, &account(4), existing_hotp(K20, 0), None).unwrap();
        let confirm = practice.confirm(&account(4), pending.id(), "755224");
        assert_eq!(said(&confirm), Said::Accepted);
        let of =
            |number| practice.summary(&account(number)).devices[0].fingerprint.clone().unwrap();
        let all = [of(1), of(2), of(3), of(4)];
        // It is what the host's own columns are given, and it goes with the secret's use or stays with
        // the device for as long as that is shown.
        assert_eq!(
            practice.store.columns(&account(1)).unwrap().devices[0].fingerprint,
            Some(of(1))
        );
        all
    };
    let [one, two, other, by_counter] = fingerprints(keyring(1));
    assert_eq!((&one, &one), (&two, &by_counter));
    assert_ne!(one, other);
    assert!(one.len() == 32 && one.bytes().all(|digit| digit.is_ascii_hexdigit()), "{one}");
    // The same secret elsewhere, and after two rotations of the key.
    let [elsewhere, ..] = fingerprints(keyring(2));
    assert_ne!(one, elsewhere);
    let ring = keyring(3).opening_older(sealing_key(2)).opening_older(sealing_key(1));
    assert_eq!(fingerprints(ring)[0], one);
    // A telephone and a passkey have none.
    let practice = Practice::new();
    practice.phone(&account(1), "+15550100100", None);
    practice.passkey(&account(2), None);
    for number in [1, 2] {
        assert_eq!(practice.summary(&account(number)).devices[0].fingerprint, None);
    }
}

/// The clock of a whole server a year ahead, for one write each: a pending enrolment, a reset, emergency
/// access, a sent code and a passkey challenge of that year are not good now (F-21), and the owner's
/// passkey is (invariant 10).
///
/// Guards `UnixTime::lasts`, and `challenges_ended` in `Account::live_challenge`.
#[test]
fn nothing_of_a_clock_that_was_ahead_is_good_before_it_began() {
    let practice = Practice::new();
    let (person, operator) = (practice.person(1), practice.person(2));
    let id = &person.id;
    let proof = practice.proof(&person, ChangeFactors);
    practice.phone(id, "+15550100100", Some(proof));
    let proof = practice.proof(&person, ChangeFactors);
    let key = practice.passkey(id, Some(proof));
    let now = practice.now();
    // A year ahead, somebody signs in with the passkey more often than challenges are kept.
    practice.wait(365 * 86_400);
    let sign_in = || {
        practice.wait(1);
        let challenge = practice.start_external(id, SignIn);
        let assertion = countersign::account::Assertion::verified_by_host(&challenge, key);
        said(&practice.settle(id, assertion, SignIn))
    };
    for _ in 0..20 {
        assert_eq!(sign_in(), Said::Accepted);
    }
    let sent = practice.challenge(id, SignIn).unwrap();
    let emergency = practice.emergency(id, &operator, 14_400);
    let newcomer = account(3);
    let enrol = practice.at(&newcomer).enrol("Phone", &mut practice.rng());
    let pending = practice.run(enrol).unwrap();
    let third = account(4);
    practice.passkey(&third, None);
    let pass = practice.reset(&third, &operator);
    let old = practice.start_external(id, SignIn);
    // Right again.
    practice.set_clock(now);
    practice.wait(30);
    let code = Authenticator::of(&pending).code(practice.now());
    assert_eq!(said(&practice.confirm(&newcomer, pending.id(), &code)), Said::Expired);
    let text = sent.to_send().unwrap().expose_str();
    assert_eq!(said(&practice.answer(id, sent.id(), text)), Said::Expired);
    assert_eq!(said(&practice.enter(id, &emergency)), Said::Expired);
    assert_eq!(said(&practice.enter(&third, &pass)), Said::Expired);
    let enrol = practice.at(&third).enrol("Phone", &mut practice.rng());
    assert_eq!(practice.refused(enrol), Refusal::ProofRequired);
    let assertion = countersign::account::Assertion::verified_by_host(&old, key);
    assert_eq!(said(&practice.settle(id, assertion, SignIn)), Said::Expired);
    assert_eq!(sign_in(), Said::Accepted, "the owner's passkey, at the first try");
    assert_eq!(said(&practice.recover(id, &person.recovery_codes[0])), Said::Accepted);
}

/// Only an accepted check burns its challenge; beyond sixteen, those that were issued before the oldest
/// kept one end.
///
/// Guards `UsedChallenge::MOST`.
#[test]
fn a_challenge_is_used_once_and_sixteen_are_remembered() {
    let practice = Practice::new();
    let id = account(1);
    let key = practice.passkey(&id, None);
    let verified = countersign::account::Assertion::verified_by_host;
    let failed = countersign::account::Assertion::failed_at_host;
    let settle = |assertion| said(&practice.settle(&id, assertion, SignIn));
    practice.wait(1);
    let unused = practice.start_external(&id, SignIn);
    assert_eq!(settle(failed(&unused, key)), Said::Rejected(255));
    let mut used = Vec::new();
    for nth in 0..20 {
        practice.wait(1);
        let challenge = practice.start_external(&id, SignIn);
        assert_eq!(settle(failed(&challenge, key)), Said::Rejected(255));
        assert_eq!(settle(verified(&challenge, key)), Said::Accepted);
        used.push(challenge);
        practice.wait(1);
        for before in &used {
            assert_eq!(settle(verified(before, key)), Said::Expired, "after {nth}");
        }
        // The one that was not used, a failed check of which burnt nothing, ends with the seventeenth.
        if nth == 15 {
            let newer = practice.start_external(&id, ChangeFactors);
            let other_purpose = practice
                .run(practice.at(&id).finish_external(verified(&newer, key), ChangeFactors));
            assert_eq!(said(&other_purpose), Said::Accepted);
            practice.wait(1);
            assert_eq!(settle(verified(&unused, key)), Said::Expired);
        }
    }
    let record = practice.store.record(&id).unwrap();
    assert!(record.as_bytes().len() < 1_024, "{}", record.as_bytes().len());
}
