//! What crosses a request: a waiting enrolment that is shown again, and a carried proof. Both are bound to
//! the session that the host names.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use crate::common::*;
use countersign::account::{ChallengeId, EventKind, ExistingDevice, Label, Refusal};
use countersign::mfa::{Change, PendingEnrolment};
use countersign::{AccountId, Algorithm, ChangeFactors, Digits, Proof, Secret};

const SESSION: &str = "8f1c6a";

type Enrolment<'m> = Change<'m, PendingEnrolment, Proof<ChangeFactors>>;

type Door<'a> = &'a dyn Fn(Proof<ChangeFactors>) -> Enrolment<'a>;

fn shown(practice: &Practice, id: &AccountId, pending: ChallengeId) -> Option<PendingEnrolment> {
    let before = practice.store.records();
    let shown = practice.run(practice.at(id).show_pending(pending, SESSION));
    assert_eq!(practice.store.records(), before, "showing wrote something");
    match shown {
        Ok(pending) => Some(pending.into_inner()),
        Err(refused) => {
            assert_eq!(refused.refusal(), Some(Refusal::NotFound));
            None
        }
    }
}

fn uri(pending: &PendingEnrolment) -> String {
    pending.uri("Acme Billing", "dana").unwrap().expose_uri().to_string()
}

/// F-39: the page is loaded again, and again. The first scan works.
///
/// Guards `session` in `Account::enrol`.
#[test]
fn a_waiting_enrolment_is_shown_to_its_session_again() {
    let practice = Practice::new();
    let dana = practice.person(1);
    let doors: [Door<'_>; 4] = [
        &|proof| practice.at(&dana.id).enrol("App", &mut practice.rng()).proven_by(proof),
        &|proof| {
            let digits = Digits::Eight;
            practice.at(&dana.id).enrol_hotp("Token", digits, &mut practice.rng()).proven_by(proof)
        },
        &|proof| {
            let secret = Secret::from_bytes(&[9; 20]).unwrap();
            let label = Label::new("Token").unwrap();
            let token = ExistingDevice::hotp(label, secret, Algorithm::Sha1, Digits::Six, 0);
            practice.at(&dana.id).enrol_existing(token, &mut practice.rng()).proven_by(proof)
        },
        &|proof| practice.at(&dana.id).replace(dana.device, "New", proof, &mut practice.rng()),
    ];
    for door in doors {
        let proof = practice.proof(&dana, ChangeFactors);
        let pending = practice.run(door(proof).for_session(SESSION)).unwrap();
        for _ in 0..3 {
            let again = shown(&practice, &dana.id, pending.id()).expect("the same enrolment");
            assert_eq!(uri(&again), uri(&pending));
            assert_eq!((again.id(), again.device()), (pending.id(), pending.device()));
            assert_eq!(again.until(), pending.until());
            practice.wait(60);
        }
        let verdict = practice.confirm(&dana.id, pending.id(), "00000000");
        assert_eq!(said(&verdict), Said::Rejected(4), "showing is no try");
    }
    // The owner scanned the first picture.
    let id = account(2);
    let enrol = practice.at(&id).enrol("App", &mut practice.rng()).for_session(SESSION);
    let pending = practice.run(enrol).unwrap();
    let app = Authenticator::of(&pending);
    assert!(shown(&practice, &id, pending.id()).is_some());
    let code = app.code(practice.wait(600));
    assert!(shown(&practice, &id, pending.id()).is_some());
    assert_eq!(said(&practice.confirm(&id, pending.id(), &code)), Said::Accepted);
    assert!(shown(&practice, &id, pending.id()).is_none(), "it no longer waits");
}

/// F-39: the id alone shows nothing, and what is refused is no try and no write.
///
/// Guards the conditions of `Account::show_pending`, and that no bytes are no session.
#[test]
fn a_waiting_enrolment_is_shown_to_no_other_session() {
    let practice = Practice::new();
    let (id, other) = (account(1), account(2));
    let start = |id: &AccountId| practice.at(id).enrol("App", &mut practice.rng());
    let pending = practice.run(start(&id).for_session(SESSION)).unwrap();
    let another = practice.run(start(&other).for_session(SESSION)).unwrap();
    let refused = |id: &AccountId, pending: ChallengeId, session: &str| {
        let refusal = practice.refused(practice.at(id).show_pending(pending, session));
        assert_eq!(refusal, Refusal::NotFound);
        let note = practice.store.take_events().pop().unwrap();
        assert!(note.id.is_none() && note.kind == EventKind::Refused(Refusal::NotFound));
    };
    for session in ["8f1c6b", "8f1c6", "8f1c6a ", ""] {
        refused(&id, pending.id(), session);
    }
    refused(&id, another.id(), SESSION);
    refused(&other, pending.id(), SESSION);
    refused(&account(3), pending.id(), SESSION);
    let wrong = wrong_code(&[&Authenticator::of(&pending)], practice.now(), 0);
    assert_eq!(said(&practice.confirm(&id, pending.id(), &wrong)), Said::Rejected(4));

    // One that named no session, or an empty one, is shown to none.
    let id = account(4);
    for is_named in [false, true] {
        practice.wait(30);
        let start = if is_named { start(&id).for_session("") } else { start(&id) };
        let pending = practice.run(start).unwrap();
        refused(&id, pending.id(), "");
        refused(&id, pending.id(), SESSION);
    }
    // A telephone's code was sent to the telephone.
    practice.wait(30);
    let sent = practice.enrol_phone(&id, "+12025550123", None).unwrap();
    refused(&id, sent.id(), SESSION);
    // What has ended is not shown: by time, by a second start, by the last wrong code, by a change.
    practice.wait(601);
    refused(&other, another.id(), SESSION);
    let first = practice.run(start(&id).for_session(SESSION)).unwrap();
    practice.wait(30);
    let second = practice.run(start(&id).for_session(SESSION)).unwrap();
    refused(&id, first.id(), SESSION);
    let app = Authenticator::of(&second);
    let wrong = wrong_code(&[&app], practice.now(), 0);
    for left in [4, 3, 2, 1, 0] {
        let verdict = practice.confirm(&id, second.id(), &wrong);
        assert_eq!(said(&verdict), Said::Rejected(left));
    }
    refused(&id, second.id(), SESSION);
    practice.wait(30);
    let last = practice.run(start(&id).for_session(SESSION)).unwrap();
    practice.offboard(&id).unwrap();
    refused(&id, last.id(), SESSION);
    // And the owner binds.
    let code = Authenticator::of(&pending).code(practice.now());
    let id = account(1);
    assert_eq!(said(&practice.confirm(&id, pending.id(), &code)), Said::Expired);
    let pending = practice.run(start(&id).for_session(SESSION)).unwrap();
    let again = shown(&practice, &id, pending.id()).expect("the same enrolment");
    let code = Authenticator::of(&again).code(practice.now());
    assert_eq!(said(&practice.confirm(&id, pending.id(), &code)), Said::Accepted);
}
