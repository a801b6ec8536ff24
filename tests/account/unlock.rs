//! Unlocking: who may, how often, and what it leaves as it was.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use crate::common::acting;
use crate::common::*;
use crate::throttle::{MONTH, close};
use countersign::account::{Assertion, Class, EventKind, Notice, Refusal};
use countersign::{ActForOther, ChangeFactors, DeviceId, Method, Proof};

const HOUR: u64 = 3_600;

/// A person with everything: an app, a passkey, a telephone, and a remembered browser.
struct Owner {
    practice: Practice,
    person: Person,
    operator: Person,
    key: DeviceId,
    browser: String,
}

impl Owner {
    fn new() -> Owner {
        let practice = Practice::new();
        let (person, operator) = (practice.person(1), practice.person(2));
        let proof = practice.proof(&person, ChangeFactors);
        let key = practice.passkey(&person.id, Some(proof));
        let proof = practice.proof(&person, ChangeFactors);
        practice.phone(&person.id, "+15550100100", Some(proof));
        let browser = practice.remember(&person).expose_token().to_owned();
        Owner { practice, person, operator, key, browser }
    }

    /// A stranger fails until both classes have to wait.
    fn lock(&self) {
        for _ in 0..FREE {
            let _ = self.practice.miss(&self.person);
        }
        let id = &self.person.id;
        let sent = self.practice.challenge(id, countersign::SignIn).unwrap();
        let wrong = other_than(sent.to_send().unwrap().expose_str());
        for _ in 0..FREE {
            let _ = self.practice.answer(id, sent.id(), &wrong);
        }
        assert_eq!(self.rows(), (5, 5));
    }

    /// Failures of codes and of texts in a row.
    fn rows(&self) -> (u16, u16) {
        let summary = self.practice.summary(&self.person.id);
        (summary.codes.consecutive_failures, summary.out_of_band.consecutive_failures)
    }

    fn recovery_proof(&self, at: usize) -> Proof<ChangeFactors> {
        let code = &self.person.recovery_codes[at];
        let recover = self.practice.at(&self.person.id).recover(code, ChangeFactors);
        self.practice.run(recover).accepted().unwrap()
    }

    fn unlock(&self, proof: Proof<ChangeFactors>) -> Option<Refusal> {
        refusal(self.practice.run(self.practice.at(&self.person.id).unlock(proof)))
    }
}

/// A passkey and a recovery code open both; an app's code from a remembered browser too, and from
/// another only texts; a text opens nothing. An operator opens both.
///
/// Guards `opens` in `unlock.rs`.
#[test]
fn who_may_unlock() {
    for (by, refused, left) in [
        ("passkey", None, (0, 0)),
        ("recovery code", None, (0, 0)),
        ("operator", None, (0, 0)),
        // The app's own success has ended the row of codes already; that is no forgiving.
        ("app from a remembered browser", None, (0, 0)),
        ("app from another browser", None, (0, 0)),
    ] {
        let owner = Owner::new();
        let Owner { practice, person, operator, key, browser } = &owner;
        let id = &person.id;
        owner.lock();
        let now = practice.wait(HOUR);
        let weights = || {
            let summary = practice.summary(id);
            (summary.codes.weight, summary.out_of_band.weight)
        };
        assert_eq!(weights(), (5, 5));
        let by_code = |browser: &str| {
            let verify = practice.at(id).verify(&person.app.code(now), ChangeFactors);
            practice.run(verify.from_browser(browser)).accepted().unwrap()
        };
        let answer = match by {
            "passkey" => {
                let challenge = practice.start_external(id, ChangeFactors);
                let assertion = Assertion::verified_by_host(&challenge, *key);
                let proof = practice.settle(id, assertion, ChangeFactors).accepted().unwrap();
                owner.unlock(proof)
            }
            "recovery code" => owner.unlock(owner.recovery_proof(0)),
            "operator" => {
                let proof = practice.proof(operator, ActForOther);
                refusal(practice.run(practice.at(id).unlock(acting(proof))))
            }
            "app from a remembered browser" => owner.unlock(by_code(browser)),
            _ => owner.unlock(by_code("")),
        };
        assert_eq!(answer, refused, "{by}");
        assert_eq!(owner.rows(), left, "{by}");
        let codes = if by == "app from another browser" { 5 } else { 0 };
        assert_eq!(weights(), (codes, 0), "{by}");
    }
    // A browser that has used up its budget is as an unknown one: its code opens no codes either.
    let owner = Owner::new();
    let Owner { practice, person, browser, .. } = &owner;
    for _ in 0..20 {
        practice.wait(HOUR);
        let _ = practice.miss_from(person, browser);
    }
    let now = practice.wait(HOUR);
    let verify = practice.at(&person.id).verify(&person.app.code(now), ChangeFactors);
    let proof = practice.run(verify.from_browser(browser)).accepted().unwrap();
    let unlock = practice.at(&person.id).unlock(proof);
    assert_eq!(practice.refused(unlock), Refusal::NotPermitted);
    // Where no text has failed, an app's code from an unknown browser opens nothing.
    let practice = Practice::new();
    let person = practice.person(1);
    let _ = practice.miss(&person);
    let proof = practice.proof(&person, ChangeFactors);
    assert_eq!(practice.refused(practice.at(&person.id).unlock(proof)), Refusal::NotPermitted);
    // A text opens nothing, also where there is nothing stronger.
    let practice = Practice::new();
    let id = account(3);
    practice.phone(&id, "+15550100100", None);
    let sent = practice.challenge(&id, ChangeFactors).unwrap();
    let code = sent.to_send().unwrap().expose_str();
    let wrong = practice.at(&id).verify_sent_code(sent.id(), &other_than(code), ChangeFactors);
    assert_eq!(said(&practice.run(wrong)), Said::Rejected(4));
    let answer = practice.at(&id).verify_sent_code(sent.id(), code, ChangeFactors);
    let proof = practice.run(answer).accepted().unwrap();
    assert_eq!(practice.refused(practice.at(&id).unlock(proof)), Refusal::NotPermitted);
    // Nor does a pass to enrol with: it binds, and does nothing else. An emergency pass gives no proof for it.
    let (person, operator) = (practice.person(1), practice.person(2));
    let _ = practice.miss(&person);
    let pass = practice.reset(&person.id, &operator);
    let proof = practice.entered(&person.id, &pass);
    assert_eq!(practice.refused(practice.at(&person.id).unlock(proof)), Refusal::NotPermitted);
    let proof = practice.entered(&person.id, &pass);
    let revoke = practice.at(&person.id).revoke_passes(proof);
    assert_eq!(practice.refused(revoke), Refusal::NotPermitted);
    let proof = practice.entered(&person.id, &pass);
    let _ = practice.passkey(&person.id, Some(proof)); // the owner gets in
}

/// The person can empty the thirty days twice in thirty days; after that only waits and rows end. An
/// operator always can.
///
/// Guards `MOST_EMPTIED`.
#[test]
fn a_person_empties_the_thirty_days_twice_and_an_operator_always() {
    let owner = Owner::new();
    let Owner { practice, person, operator, .. } = &owner;
    let id = &person.id;
    let fill = || {
        while practice.summary(id).codes.weight < 50 {
            practice.wait(HOUR);
            assert!(matches!(said(&practice.miss(person)), Said::Rejected(_)));
        }
    };
    let weight = || practice.summary(id).codes.weight;
    let mut first = None;
    for round in 0..2 {
        fill();
        assert_eq!(owner.unlock(owner.recovery_proof(round)), None);
        assert_eq!((owner.rows().0, weight()), (0, 0), "round {round}");
        first.get_or_insert(practice.now());
    }
    fill();
    assert_eq!(owner.unlock(owner.recovery_proof(2)), None);
    assert_eq!((owner.rows().0, weight()), (0, 50), "the row ends, and the thirty days stay");
    let code = person.app.code(practice.wait(60));
    assert!(matches!(said(&practice.verify(id, &code)), Said::Wait(_)));
    // The owner has the browser.
    assert_eq!(said(&practice.verify_from(id, &code, &owner.browser)), Said::Accepted);
    // A fourth, which would end nothing, is no forgiving, and mails nobody.
    practice.store.take_events();
    assert_eq!(owner.unlock(owner.recovery_proof(3)), None);
    let forgiven = |event: &countersign::Event| matches!(event.kind, EventKind::Forgiven { .. });
    assert!(!practice.store.take_events().iter().any(forgiven));
    // An operator, twice as well.
    for _ in 0..2 {
        let proof = practice.proof(operator, ActForOther);
        practice.run(practice.at(id).unlock(acting(proof))).unwrap();
        assert_eq!(weight(), 0);
        fill();
    }
    // Thirty days after the first, the person can again.
    practice.set_clock(first.unwrap().plus(MONTH));
    let before = weight();
    assert!(before > 0);
    assert_eq!(owner.unlock(owner.recovery_proof(4)), None);
    assert_eq!(weight(), 0);
}

/// No session ends; each class that had failures has an event, of which the person is told; and a proof
/// is used up by it. Where nothing has failed, nothing is written.
///
/// Guards that `Account::unlock` leaves the epoch alone.
#[test]
fn an_unlock_ends_no_session_and_is_told() {
    let owner = Owner::new();
    let Owner { practice, person, .. } = &owner;
    owner.lock();
    let epoch = practice.summary(&person.id).epoch;
    let proof = owner.recovery_proof(0);
    practice.store.take_events();
    let mut unlock = practice.at(&person.id).unlock(proof);
    assert_eq!(practice.run_ref(&mut unlock).unwrap().epoch(), epoch);
    assert_eq!(practice.summary(&person.id).epoch, epoch);
    let events = practice.store.take_events();
    let kinds: Vec<_> = events.iter().map(|event| event.kind.clone()).collect();
    let classes = [Class::Codes, Class::OutOfBand];
    assert_eq!(kinds, classes.map(|class| EventKind::Forgiven { class }));
    assert!(events.iter().all(|event| event.notice() == Some(Notice::FailuresForgiven)));
    assert!(events.iter().all(|event| !event.ends_sessions() && event.id.is_some()));
    assert_eq!(refusal(practice.run_ref(&mut unlock)), Some(Refusal::ProofRequired));
    // Nothing is left to forgive.
    let proof = owner.recovery_proof(1);
    practice.store.take_events();
    let before = practice.store.records();
    assert_eq!(owner.unlock(proof), None);
    assert!(practice.store.take_events().is_empty());
    assert_eq!(practice.store.records(), before);
}

/// At the worst moment, closed out and with the app alone, the owner's recovery code opens the codes,
/// and the app's code signs in from a browser that nobody knows.
#[test]
fn an_unlock_opens_what_strangers_closed() {
    let owner = Owner::new();
    let Owner { practice, person, .. } = &owner;
    close(practice, person);
    let now = practice.wait(30);
    assert_eq!(said(&practice.verify(&person.id, &person.app.code(now))), Said::Closed);
    assert_eq!(owner.unlock(owner.recovery_proof(0)), None);
    assert_eq!(said(&practice.verify(&person.id, &person.app.code(now))), Said::Accepted);
}

/// The number of the person's app.
fn app_of(practice: &Practice, person: &Person) -> DeviceId {
    let summary = practice.summary(&person.id);
    summary.confirmed().find(|device| device.method == Method::Totp).unwrap().id
}

/// A binding that a proof allowed forgives the class, as one of the two, and a person's first one.
///
/// Guards `proven` in `Account::bind_pending`.
#[test]
fn a_binding_that_a_proof_allowed_forgives() {
    let owner = Owner::new();
    let Owner { practice, person, .. } = &owner;
    let id = &person.id;
    let forgivings = || {
        let forgiven = EventKind::Forgiven { class: Class::Codes };
        practice.store.take_events().iter().filter(|event| event.kind == forgiven).count()
    };
    let fill = || {
        while practice.summary(id).codes.weight < 50 {
            practice.wait(HOUR);
            let _ = practice.miss(person);
        }
        forgivings();
    };
    // The third time there is nothing left to forgive: the acceptance itself ends the row.
    for (round, (left, forgiven)) in [(0, 1), (0, 1), (50, 0)].into_iter().enumerate() {
        fill();
        let proof = owner.recovery_proof(round);
        let enrol =
            practice.at(id).replace(app_of(practice, person), "New", proof, &mut practice.rng());
        let pending = practice.run(enrol).unwrap();
        let code = Authenticator::of(&pending).code(practice.now());
        assert_eq!(said(&practice.confirm(id, pending.id(), &code)), Said::Accepted);
        assert_eq!(forgivings(), forgiven, "round {round}");
        let codes = practice.summary(id).codes;
        assert_eq!((codes.consecutive_failures, codes.weight), (0, left), "round {round}");
    }
    // A first factor needs no proof: the failures before it were guesses at nothing.
    let id = account(7);
    let nobody = Person { id, ..practice.person(8) };
    let enrol = practice.at(&id).enrol("Phone", &mut practice.rng());
    let pending = practice.run(enrol).unwrap();
    for _ in 0..3 {
        let _ = practice.miss(&nobody);
    }
    let code = Authenticator::of(&pending).code(practice.now());
    assert_eq!(said(&practice.confirm(&id, pending.id(), &code)), Said::Accepted);
    let codes = practice.summary(&id).codes;
    assert_eq!((codes.consecutive_failures, codes.weight), (0, 0));
    assert_eq!(forgivings(), 1);
}
