//! What crosses a request: a waiting enrolment that is shown again, and a carried proof. Both are bound to
//! the session that the host names.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};

use zeroize::Zeroizing;

use crate::common::*;
use countersign::account::{
    Actor, AnyChange, Assertion, CarriedProof, ChallengeId, Deployment, EventKind, ExistingDevice,
    KeyName, Label, Operator, PassLength, PhoneNumber, RecordError, Refusal, Seal, SealError,
};
use countersign::mfa::{
    Change, Entered, ExternalMethod, NotDone, PendingEnrolment, RestrictedNotice,
};
use countersign::{
    AccountId, ActForOther, Algorithm, ChangeFactors, Digits, Method, Mfa, Proof, Recommended,
    Secret, UnixTime,
};

const SESSION: &str = "8f1c6a";

type Enrolment<'m> = Change<'m, PendingEnrolment, Proof<ChangeFactors>>;

type Door<'a> = &'a dyn Fn(Proof<ChangeFactors>) -> Enrolment<'a>;

/// What a text opens, as it came back.
type CarriedDoor<'a> = &'a dyn Fn(&str) -> Result<(), NotDone<Broken, CarriedProof>>;

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

// Carried proofs.

/// What the form of the first page holds, made with the next code.
fn carried(practice: &Practice, dana: &Person, session: &str) -> String {
    let proof = practice.proof(dana, ChangeFactors);
    let carried = practice.at(&dana.id).carry(proof, session, &mut practice.rng()).unwrap();
    carried.expose_text().to_owned()
}

fn for_other(practice: &Practice, boss: &Person, dana: &AccountId, change: AnyChange) -> String {
    let proof = practice.proof(boss, ActForOther);
    let carry = practice.at(dana).carry_for_other(proof, change, SESSION, &mut practice.rng());
    carry.unwrap().expose_text().to_owned()
}

fn back(text: &str) -> CarriedProof {
    CarriedProof::new(text, SESSION)
}

fn boss(text: &str) -> Operator {
    Operator::carried_checked_by_host(back(text), "role help-desk")
}

/// A failure that there is to forgive.
fn miss(practice: &Practice, person: &Person) {
    assert!(matches!(said(&practice.miss(person)), Said::Rejected(_)));
}

/// What is refused is a note, and what it was refused for can be tried again.
fn unfit<T, A: Debug>(practice: &Practice, change: Change<'_, T, A>) {
    assert_eq!(practice.refused(change), Refusal::ProofUnfit);
    let note = practice.store.take_events().pop().unwrap();
    assert_eq!((note.id, note.kind), (None, EventKind::Refused(Refusal::ProofUnfit)));
}

/// One that does not open proves nothing of anyone.
fn unopened<T, A: Debug>(practice: &Practice, change: Change<'_, T, A>) {
    let mut change = change;
    assert!(practice.run_ref(&mut change).is_err());
    assert_eq!(practice.store.take_events().pop().unwrap().actor, Actor::Unproven);
}

/// F-41: every change that takes the person's own proof takes a carried one, once. It is burnt in the same
/// write, also where the change does not raise the epoch.
///
/// Guards `use_up` in `AccountAt::change`, and `has` in `Account::carried_proof`.
#[test]
fn a_carried_proof_serves_one_change() {
    let practice = Practice::new();
    let dana = practice.person(1);
    let at = || practice.at(&dana.id);
    let rng = || practice.rng();
    let bind = |text: &str| {
        let bind = at().bind_external("Laptop", ExternalMethod::Passkey, &mut rng());
        practice.run(bind.proven_by(back(text))).map(|_| ())
    };
    let secret = || {
        let secret = Secret::from_bytes(&[9; 20]).unwrap();
        ExistingDevice::hotp(Label::new("Token").unwrap(), secret, Algorithm::Sha1, Digits::Six, 0)
    };
    let number = || (PhoneNumber::new("+12025550123").unwrap(), RestrictedNotice::given_by_host());
    let doors: [CarriedDoor<'_>; 11] = [
        &|text| practice.run(at().enrol("App", &mut rng()).proven_by(back(text))).map(|_| ()),
        &|text| {
            let enrol = at().enrol_hotp("Token", Digits::Six, &mut rng());
            practice.run(enrol.proven_by(back(text))).map(|_| ())
        },
        &|text| {
            let enrol = at().enrol_existing(secret(), &mut rng());
            practice.run(enrol.proven_by(back(text))).map(|_| ())
        },
        &|text| practice.run(at().replace(dana.device, "New", back(text), &mut rng())).map(|_| ()),
        &|text| {
            let (old, by) = (dana.device, back(text));
            practice.run(at().replace_with_existing(old, secret(), by, &mut rng())).map(|_| ())
        },
        &|text| {
            let (number, told) = number();
            let enrol = at().enrol_phone("SMS", number, told, &mut rng());
            practice.run(enrol.proven_by(back(text))).map(|_| ())
        },
        &bind,
        &|text| practice.run(at().regenerate_recovery_codes(back(text), &mut rng())).map(|_| ()),
        &|text| {
            practice.run(at().replace_leaked_recovery_codes(back(text), &mut rng())).map(|_| ())
        },
        &|text| {
            let passkeys = practice.summary(&dana.id).devices;
            let passkey = passkeys.iter().find(|one| one.method == Method::Passkey).unwrap();
            practice.run(at().revoke(passkey.id, back(text))).map(|_| ())
        },
        &|text| practice.run(at().report_lost(dana.device, back(text))).map(|_| ()),
    ];
    for door in doors {
        let text = carried(&practice, &dana, SESSION);
        practice.wait(30);
        let before = practice.store.stored();
        door(&text).unwrap();
        assert_eq!(practice.store.stored(), before + 1);
        practice.wait(30);
        unfit(&practice, at().enrol("Another", &mut rng()).proven_by(back(&text)));
        unfit(&practice, at().report_lost(dana.device, back(&text)));
    }
    // Unlocking, by what another factor proved.
    let bo = practice.person(2);
    miss(&practice, &bo);
    let verdict = practice.run(practice.at(&bo.id).recover(&bo.recovery_codes[0], ChangeFactors));
    let proof = verdict.accepted().unwrap();
    let text = practice.at(&bo.id).carry(proof, SESSION, &mut rng()).unwrap();
    let text = text.expose_text();
    practice.run(practice.at(&bo.id).unlock(back(text))).unwrap();
    miss(&practice, &bo);
    unfit(&practice, practice.at(&bo.id).unlock(back(text)));
    assert_eq!(said(&practice.verify(&bo.id, &bo.app.code(practice.now()))), Said::Accepted);
}

/// A text is for one person, session, kind and change, and no other text opens.
///
/// Guards the context in `Sealed::context`, and that no bytes are no session.
#[test]
fn a_carried_proof_is_bound() {
    let practice = Practice::new();
    let [dana, bo, lee] = [1, 2, 3].map(|number| practice.person(number));
    let text = carried(&practice, &dana, SESSION);
    let renew = |of: &Person, carried| {
        practice.at(&of.id).regenerate_recovery_codes(carried, &mut practice.rng())
    };
    unfit(&practice, renew(&bo, back(&text)));
    for session in ["", "8f1c6", "8f1c6b"] {
        unfit(&practice, renew(&dana, CarriedProof::new(&text, session)));
        unopened(&practice, renew(&dana, CarriedProof::new(&text, session)));
    }
    let none = carried(&practice, &dana, "");
    unfit(&practice, renew(&dana, CarriedProof::new(&none, "")));
    // A proof of another account, sealed for this one.
    let proof = practice.proof(&bo, ChangeFactors);
    let strange = practice.at(&dana.id).carry(proof, SESSION, &mut practice.rng()).unwrap();
    assert_eq!(practice.refused(renew(&dana, strange)), Refusal::ProofUnfit);
    // Other things that are sealed for this person.
    let browser = practice.remember(&dana);
    let challenge = practice.start_external(&dana.id, ChangeFactors);
    for strange in [browser.expose_token(), &challenge, "", "00", "carried"] {
        unfit(&practice, renew(&dana, back(strange)));
    }
    // A person's own is no operator's, and the other way round.
    unfit(
        &practice,
        practice.at(&dana.id).reset(boss(&text), PassLength::Long, "lost", &mut practice.rng()),
    );
    let reset = for_other(&practice, &lee, &dana.id, AnyChange::Reset);
    unfit(
        &practice,
        practice.at(&bo.id).reset(boss(&reset), PassLength::Long, "lost", &mut practice.rng()),
    ); // for another person
    unfit(&practice, renew(&dana, back(&reset)));
    unfit(&practice, renew(&lee, back(&reset)));
    practice.wait(30);
    unfit(
        &practice,
        practice.at(&dana.id).enrol("App", &mut practice.rng()).proven_by(back(&reset)),
    );
    // Another deployment.
    let elsewhere = Mfa::new(keyring(8), Recommended);
    let mut enrol =
        elsewhere.account(&dana.id).at(practice.now()).enrol("App", &mut practice.rng());
    let _ = &mut enrol;
    let mut enrol = enrol.proven_by(back(&text));
    assert_eq!(refusal(enrol.run(&Ledger::default())), Some(Refusal::ProofUnfit));
    // After all of that it serves its person.
    practice.run(renew(&dana, back(&text))).unwrap();
}

/// A text for another person is for one change: each door against each name.
///
/// Guards the change in `Sealed::context`, and each name at its door.
#[test]
fn a_carried_proof_for_another_person_is_for_one_change() {
    let practice = Practice::new();
    let lee = practice.person(1);
    let changes = [
        AnyChange::Abandon,
        AnyChange::Bar,
        AnyChange::GrantEmergencyAccess,
        AnyChange::Invite,
        AnyChange::Offboard,
        AnyChange::ReportLost,
        AnyChange::Reset,
        AnyChange::RevokePasses,
        AnyChange::Revoke,
        AnyChange::Unlock,
    ];
    let run = |dana: &Person, laptop, change, text: &str| {
        let (at, rng) = (practice.at(&dana.id), &mut practice.rng());
        let (long, why) = (PassLength::Long, "on call");
        let record = practice.store.record(&dana.id).unwrap().name();
        let by = boss(text);
        let done = match change {
            AnyChange::Abandon => practice.run(at.abandon(record, by, why)).map(|_| ()),
            AnyChange::Bar => practice.run(at.bar(by, why)).map(|_| ()),
            AnyChange::GrantEmergencyAccess => {
                practice.run(at.grant_emergency_access(by, long, 60, why, rng)).map(|_| ())
            }
            AnyChange::Invite => practice.run(at.invite(by, long, why, rng)).map(|_| ()),
            AnyChange::Offboard => practice.run(at.offboard(by, why)).map(|_| ()),
            AnyChange::ReportLost => practice.run(at.report_lost(laptop, by)).map(|_| ()),
            AnyChange::Reset => practice.run(at.reset(by, long, why, rng)).map(|_| ()),
            AnyChange::Revoke => practice.run(at.revoke(laptop, by)).map(|_| ()),
            AnyChange::RevokePasses => practice.run(at.revoke_passes(by)).map(|_| ()),
            AnyChange::Unlock => practice.run(at.unlock(by)).map(|_| ()),
            _ => panic!("{change:?} is not in this test"),
        };
        done.map_err(|not_done| not_done.refusal().unwrap())
    };
    for (number, named) in (10..).zip(changes) {
        let dana = practice.person(number);
        let proof = practice.proof(&dana, ChangeFactors);
        let laptop = practice.passkey(&dana.id, Some(proof));
        miss(&practice, &dana);
        let proof = acting(practice.proof(&lee, ActForOther));
        let (at, rng) = (practice.at(&dana.id), &mut practice.rng());
        let pass = at.grant_emergency_access(proof, PassLength::Long, 600, "on call", rng);
        practice.run(pass).unwrap(); // one to revoke
        let text = for_other(&practice, &lee, &dana.id, named);
        for change in changes.into_iter().filter(|change| *change != named) {
            let before = practice.store.records();
            let refused = run(&dana, laptop, change, &text);
            assert_eq!(refused, Err(Refusal::ProofUnfit), "{named:?} for {change:?}");
            assert_eq!(practice.store.records(), before);
        }
        practice.store.take_events();
        let done = run(&dana, laptop, named, &text);
        let events = practice.store.take_events();
        for event in &events {
            let Actor::Operator { account, method, word, .. } = &event.actor else {
                panic!("{event:?}")
            };
            assert_eq!((*account, *method), (lee.id, Method::Totp));
            assert_eq!(word.as_ref().unwrap().as_str(), "role help-desk");
        }
        assert!(!events.is_empty());
        let again = run(&dana, laptop, named, &text);
        match named {
            // Believed, and refused for what the account is.
            AnyChange::Abandon => assert_eq!((done, again), (Err(Refusal::RecordOpens), done)),
            AnyChange::Invite => assert_eq!((done, again), (Err(Refusal::FactorInUse), done)),
            _ => assert_eq!((done, again), (Ok(()), Err(Refusal::ProofUnfit)), "{named:?}"),
        }
    }
}

/// Five minutes in all, whenever it was carried; and none of another deployment's clock.
///
/// Guards `at` in the sealed proof.
#[test]
fn a_carried_proof_is_as_old_as_the_proof() {
    let practice = Practice::new();
    let dana = practice.person(1);
    let renew = |text: &str| {
        practice.at(&dana.id).regenerate_recovery_codes(back(text), &mut practice.rng())
    };
    let proof = practice.proof(&dana, ChangeFactors);
    practice.wait(200);
    let late = practice.at(&dana.id).carry(proof, SESSION, &mut practice.rng()).unwrap();
    practice.wait(101);
    assert_eq!(practice.refused(renew(late.expose_text())), Refusal::ProofExpired);
    let text = carried(&practice, &dana, SESSION);
    practice.wait(300);
    practice.run(renew(&text)).unwrap();
    // One from a clock that was ahead.
    practice.wait(1000);
    let text = carried(&practice, &dana, SESSION);
    practice.set_clock(UnixTime::from_secs(practice.now().as_secs() - 500));
    assert_eq!(practice.refused(renew(&text)), Refusal::ProofExpired);
    practice.wait(500);
    practice.run(renew(&text)).unwrap();
}

/// A refused change leaves it usable, hands it back, and so does a store that failed.
///
/// Guards that only a stored decision uses it up.
#[test]
fn a_refused_change_leaves_a_carried_proof_usable() {
    let practice = Practice::new();
    let dana = practice.person(1);
    let text = carried(&practice, &dana, SESSION);
    let refused = practice.run(practice.at(&dana.id).revoke(dana.device, back(&text)));
    let refused = refused.unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::LastFactor));
    let handed_back = refused.into_proof().unwrap();
    for fault in [Fault::Load, Fault::BeforeWrite] {
        practice.store.break_at(Some(fault));
        let renew = practice.at(&dana.id);
        let mut renew = renew.regenerate_recovery_codes(back(&text), &mut practice.rng());
        assert!(renew.run(&practice.store).fault().is_some());
        practice.store.break_at(None);
    }
    let renew = practice.at(&dana.id).regenerate_recovery_codes(handed_back, &mut practice.rng());
    practice.run(renew).unwrap();
    unfit(&practice, practice.at(&dana.id).revoke(dana.device, back(&text)));
    // What stored nothing used nothing up: no failure was there to forgive.
    let lee = practice.person(2);
    let text = for_other(&practice, &lee, &dana.id, AnyChange::Unlock);
    practice.run(practice.at(&dana.id).unlock(boss(&text))).unwrap();
    miss(&practice, &dana);
    practice.run(practice.at(&dana.id).unlock(boss(&text))).unwrap();
    miss(&practice, &dana);
    unfit(&practice, practice.at(&dana.id).unlock(boss(&text)));
    practice.wait(30);
    assert_eq!(said(&practice.verify(&dana.id, &dana.app.code(practice.now()))), Said::Accepted);
}

/// A key management that is away is no refusal: the text is as good as before.
///
/// Guards `SealError::Unavailable` in `Operation::decide`.
#[test]
fn a_key_management_that_is_away_decides_nothing() {
    struct Away(AtomicBool);
    impl Seal for Away {
        fn seal(&self, cx: &[u8], nonce: [u8; 12], text: &[u8]) -> Result<Vec<u8>, SealError> {
            keyring(7).seal(cx, nonce, text)
        }
        fn open(&self, cx: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
            match self.0.swap(false, Ordering::SeqCst) {
                true => Err(SealError::Unavailable), // once: the record would open
                false => keyring(7).open(cx, sealed),
            }
        }
        fn deployment(&self) -> &Deployment {
            deployment()
        }
        fn is_current(&self, _: KeyName) -> bool {
            true
        }
    }
    let practice = Practice::new();
    let dana = practice.person(1);
    let text = carried(&practice, &dana, SESSION);
    let mfa = Mfa::new(Away(AtomicBool::new(true)), Recommended);
    let at = mfa.account(&dana.id).at(practice.now());
    let renew = || at.regenerate_recovery_codes(back(&text), &mut practice.rng());
    let fault = renew().run(&practice.store).fault();
    assert_eq!(fault, Some(unreadable(RecordError::SealUnavailable)));
    assert!(renew().run(&practice.store).is_ok());
}

/// The operator's account is read at use: a role is asked for again, and who left in between acts no more.
///
/// Guards `operator` for a carried proof, and its epoch.
#[test]
fn the_operator_is_read_when_a_carried_proof_is_used() {
    let practice = Practice::new();
    let [dana, lee] = [1, 2].map(|number| practice.person(number));
    let reset = |of: &Person, text: &str| {
        let (at, by) = (practice.at(&of.id), boss(text));
        at.reset(by, PassLength::Long, "lost", &mut practice.rng())
    };
    let text = for_other(&practice, &lee, &dana.id, AnyChange::Reset);
    practice.offboard(&lee.id).unwrap();
    assert_eq!(practice.refused(reset(&dana, &text)), Refusal::ProofUnfit);
    // One whose factors changed, one for the operator's own account, and one that is right.
    let kim = practice.person(3);
    let text = for_other(&practice, &kim, &dana.id, AnyChange::Reset);
    practice.second_app(&kim, "Tablet");
    assert_eq!(practice.refused(reset(&dana, &text)), Refusal::ProofUnfit);
    let text = for_other(&practice, &kim, &kim.id, AnyChange::Reset);
    assert_eq!(practice.refused(reset(&kim, &text)), Refusal::OwnAccount);
    let text = for_other(&practice, &kim, &dana.id, AnyChange::Reset);
    let pass = practice.run(reset(&dana, &text)).unwrap();
    // The owner enters the pass on one page, and enrols on the next.
    let entered = practice.run(practice.at(&dana.id).enter_pass(&pass.expose_text()));
    let Some(Entered::Enrolment(proof)) = entered.accepted() else { panic!("a pass to enrol") };
    let text = practice.at(&dana.id).carry(proof, SESSION, &mut practice.rng()).unwrap();
    let enrol = practice.at(&dana.id).enrol("New", &mut practice.rng()).proven_by(text);
    let pending = practice.run(enrol).unwrap();
    let code = Authenticator::of(&pending).code(practice.now());
    assert_eq!(said(&practice.confirm(&dana.id, pending.id(), &code)), Said::Accepted);
}

/// The numbers of used ones are kept in bounded room: the seventeenth ends those from before the oldest
/// that is kept. Those of operators have room of their own, so a leaver who repeats what a passkey allows
/// ends no operator's.
///
/// Guards `Used::push`, and `used_for_other`.
#[test]
fn sixteen_used_proofs_are_remembered_and_a_leaver_pushes_none_of_an_operators_out() {
    let practice = Practice::new();
    let [dana, lee] = [1, 2].map(|number| practice.person(number));
    let passkey = practice.passkey(&dana.id, Some(practice.proof(&dana, ChangeFactors)));
    let touch = || {
        practice.wait(1);
        let token = practice.start_external(&dana.id, ChangeFactors);
        let word = Assertion::verified_by_host(&token, passkey);
        let proof = practice.settle(&dana.id, word, ChangeFactors).accepted().unwrap();
        let carried = practice.at(&dana.id).carry(proof, SESSION, &mut practice.rng()).unwrap();
        carried.expose_text().to_owned()
    };
    let unlock = |text: &str| {
        miss(&practice, &dana);
        practice.at(&dana.id).unlock(back(text))
    };
    let lees = for_other(&practice, &lee, &dana.id, AnyChange::Revoke);
    let first = touch();
    let unused = touch();
    let mut used = vec![first];
    for _ in 0..20 {
        practice.run(unlock(used.last().unwrap())).unwrap();
        used.push(touch());
    }
    practice.run(unlock(used.last().unwrap())).unwrap();
    for text in used.iter().chain([&unused]) {
        unfit(&practice, practice.at(&dana.id).unlock(back(text)));
    }
    practice.run(practice.at(&dana.id).revoke(passkey, boss(&lees))).unwrap();
}
