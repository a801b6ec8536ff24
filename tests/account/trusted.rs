//! Trusted browsers: who may begin a trust and with what, how its token turns, what a copy of one is
//! worth, what ends it, and what its proof is not good for.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use crate::common::*;
use countersign::account::{Aal, Assertion, Bounded, EventKind, Notice, Refusal, TrustedBrowser};
use countersign::mfa::ExternalMethod;
use countersign::{
    AccountId, ChangeFactors, Method, Mfa, Policy, Proof, Recommended, SignIn, UnixTime,
};

const DAY: u64 = 86_400;

const REJECTED: Said = Said::Rejected(u8::MAX);

fn office() -> Practice<Trusting> {
    Practice::with(Trusting)
}

fn trust<P: Policy>(
    practice: &Practice<P>,
    id: &AccountId,
    proof: &Proof<SignIn>,
) -> Result<TrustedBrowser, Refusal> {
    or_refusal(practice.run(practice.at(id).trust_browser(proof, &mut practice.rng())))
}

/// Visits, and keeps the next token.
fn visit<P: Policy>(practice: &Practice<P>, id: &AccountId, held: &mut TrustedBrowser) -> Said {
    let verdict = practice.visit(id, held.expose_token());
    let said = said(&verdict);
    if let Some((proof, next)) = verdict.accepted() {
        assert_eq!((proof.method(), proof.device()), (Method::TrustedBrowser, None));
        assert_eq!((next.id(), next.until()), (held.id(), held.until()));
        *held = next;
    }
    said
}

fn notices(practice: &Practice<Trusting>) -> Vec<Notice> {
    practice.store.take_events().iter().filter_map(|event| event.notice()).collect()
}

/// The owner gets in by the factor, whatever became of the trust.
fn owner_gets_in<P: Policy>(practice: &Practice<P>, person: &Person) {
    let code = person.app.code(practice.wait(60));
    assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
}

/// Off unless the policy of the host says otherwise, for each person, at the beginning and at every visit.
///
/// Guards `Policy::trusted_browsers` in `Account::trusts`.
#[test]
fn a_policy_can_forbid_it_and_does_at_first() {
    let mut practice = Practice::new();
    let person = practice.person(1);
    let proof = practice.proof(&person, SignIn);
    assert_eq!(trust(&practice, &person.id, &proof).unwrap_err(), Refusal::NotPermitted);
    let office = office();
    let administrator = office.person(9);
    let proof = office.proof(&administrator, SignIn);
    assert_eq!(trust(&office, &administrator.id, &proof).unwrap_err(), Refusal::NotPermitted);
    // A host that turns it off has turned it off for the tokens that are out.
    let staff = office.person(1);
    let browser = office.trust(&staff);
    practice.set_clock(office.now());
    practice.store.put(staff.id, office.store.record(&staff.id).unwrap());
    practice.mfa = Mfa::new(keyring(7), Recommended);
    assert_eq!(said(&practice.visit(&staff.id, browser.expose_token())), REJECTED);
    assert!(practice.summary(&staff.id).trusted_browsers.is_empty());
    owner_gets_in(&practice, &staff);
}

/// What a text, a recovery code, emergency access or another trust proves lasts minutes, not weeks.
///
/// Guards `strong` in `Account::trust_browser`.
#[test]
fn a_real_factor_begins_it() {
    let practice = office();
    let person = practice.person(1);
    let id = &person.id;
    let passkey = practice.passkey(id, Some(practice.proof(&person, ChangeFactors)));
    let card =
        practice.external(id, ExternalMethod::Pki, Some(practice.proof(&person, ChangeFactors)));
    practice.phone(id, "+15550100100", Some(practice.proof(&person, ChangeFactors)));
    let operator = practice.person(2);
    let pass = practice.emergency(id, &operator, 3600);
    let sent = practice.challenge(id, SignIn).unwrap();
    let code = sent.to_send().unwrap().expose_str();
    let external = |device| {
        practice.wait(1);
        let token = practice.start_external(id, SignIn);
        practice.settle(id, Assertion::verified_by_host(&token, device), SignIn).accepted().unwrap()
    };
    let refused = Some(Refusal::NotPermitted);
    let mut browser = practice.trust(&person);
    let verdict = practice.visit(id, browser.expose_token());
    let (by_trust, next) = verdict.accepted().unwrap();
    browser = next;
    for (proof, expected) in [
        (external(passkey), None),
        (external(card), None),
        (practice.proof(&person, SignIn), None),
        (practice.answer(id, sent.id(), code).accepted().unwrap(), refused),
        (practice.recover(id, &person.recovery_codes[0]).accepted().unwrap(), refused),
        (signed_in(practice.enter(id, &pass)), refused),
        (by_trust, refused),
    ] {
        assert_eq!(trust(&practice, id, &proof).err(), expected, "{:?}", proof.method());
    }
    // Nor an old proof, another person's, or one from before a change of factors.
    let proof = practice.proof(&person, SignIn);
    assert_eq!(trust(&practice, &operator.id, &proof).unwrap_err(), Refusal::ProofUnfit);
    practice.wait(301);
    assert_eq!(trust(&practice, id, &proof).unwrap_err(), Refusal::ProofExpired);
    let proof = practice.proof(&person, SignIn);
    practice.regenerate(id, practice.proof(&person, ChangeFactors));
    assert_eq!(trust(&practice, id, &proof).unwrap_err(), Refusal::ProofUnfit);
    assert_eq!(visit(&practice, id, &mut browser), REJECTED);
    owner_gets_in(&practice, &person);
}

/// A form is sent twice, an answer is lost: for a minute the same token gets the same successor, and the
/// next visit gets another.
///
/// Guards `Some(1) if self.turned_at.lasts(GRACE, now)` in `Trusted::show`.
#[test]
fn the_same_token_gets_the_same_successor_for_a_minute() {
    let practice = office();
    let person = practice.person(1);
    let id = &person.id;
    let mut held = practice.trust(&person);
    for day in 0..3 {
        practice.wait(DAY);
        let old = held.expose_token().to_owned();
        assert_eq!(visit(&practice, id, &mut held), Said::Accepted, "day {day}");
        assert_ne!(held.expose_token(), old);
        for secs in [0, 1, 59] {
            practice.wait(secs);
            let (_, again) = practice.visit(id, &old).accepted().expect("the answer was lost");
            assert_eq!(again.expose_token(), held.expose_token());
        }
    }
    let events = practice.store.take_events();
    let trusted = EventKind::BrowserTrusted { browser: held.id() };
    assert!(events.iter().any(|event| event.kind == trusted));
    assert_eq!(visit(&practice, id, &mut held), Said::Accepted);
}

/// A minute later, the successor unused: its owner holds a dead token, or a thief the live one. Neither
/// signs in by it, and the person is told without alarm.
///
/// Guards `Shown::Late` in `Account::visit`: without it a thief who was first would stay for thirty days.
#[test]
fn a_late_token_ends_the_trust() {
    let practice = office();
    let person = practice.person(1);
    let id = &person.id;
    let mut owners = practice.trust(&person);
    let mut thiefs = visit_copy(&practice, id, &owners);
    practice.wait(61);
    practice.store.take_events();
    assert_eq!(visit(&practice, id, &mut owners), REJECTED);
    assert_eq!(notices(&practice), [Notice::BrowserDistrusted]);
    assert_eq!(visit(&practice, id, &mut thiefs), REJECTED);
    assert_eq!(notices(&practice), []);
    owner_gets_in(&practice, &person);
}

/// Visits with a copy of the token, as a thief does.
fn visit_copy(
    practice: &Practice<Trusting>,
    id: &AccountId,
    held: &TrustedBrowser,
) -> TrustedBrowser {
    let (_, next) = practice.visit(id, held.expose_token()).accepted().expect("the live token");
    next
}

/// A token whose successor was used: two hold tokens of one browser. The trust ends, for both; an event, a
/// notice, and the sessions end.
///
/// Guards `Shown::Reused` in `Trusted::show` and in `Account::visit`.
#[test]
fn a_token_that_comes_again_is_theft() {
    let practice = office();
    let person = practice.person(1);
    let id = &person.id;
    for owner_first in [true, false] {
        let mut first = practice.trust(&person);
        let old = first.expose_token().to_owned();
        // The first of the two visits twice, the other comes with the old token.
        assert_eq!(visit(&practice, id, &mut first), Said::Accepted);
        assert_eq!(visit(&practice, id, &mut first), Said::Accepted);
        practice.store.take_events();
        // At once or a day later: nothing lasts for a minute here.
        practice.wait(if owner_first { 0 } else { DAY });
        assert_eq!(said(&practice.visit(id, &old)), REJECTED);
        let events = practice.store.take_events();
        let kinds: Vec<_> = events.iter().map(|event| event.kind.clone()).collect();
        assert_eq!(kinds, [EventKind::TrustedTokenReused { browser: first.id() }]);
        assert_eq!(events[0].method, Some(Method::TrustedBrowser));
        assert!(events[0].ends_sessions());
        assert_eq!(events[0].notice(), Some(Notice::TrustedBrowserCopied));
        assert_eq!(visit(&practice, id, &mut first), REJECTED);
        assert!(practice.summary(id).trusted_browsers.is_empty());
        owner_gets_in(&practice, &person);
    }
}

/// What ends it: time, whatever was visited; every change of factors; the person, one by one; the end of
/// the account.
///
/// Guards `since.lasts` in `Account::trusts`, `Account::change_epoch`, `Account::distrust`.
#[test]
fn what_ends_it() {
    type Step = fn(&Practice<Trusting>, &Person, &TrustedBrowser);
    let steps: [(&str, bool, Step); 9] = [
        ("the last day", true, |practice, person, browser| {
            practice.set_clock(browser.until());
            let _ = person;
        }),
        ("a second more", false, |practice, _, browser| {
            practice.set_clock(browser.until().plus(1))
        }),
        ("a failure and a success", true, |practice, person, _| {
            let _ = practice.miss(person);
            let _ = practice.proof(person, ChangeFactors);
        }),
        ("a second app", false, |practice, person, _| {
            practice.second_app(person, "Tablet");
        }),
        ("new recovery codes", false, |practice, person, _| {
            practice.regenerate(&person.id, practice.proof(person, ChangeFactors));
        }),
        ("a loss", false, |practice, person, _| {
            let proof = practice.proof(person, ChangeFactors);
            practice.run(practice.at(&person.id).report_lost(person.device, proof)).unwrap();
        }),
        ("a reset", false, |practice, person, _| {
            let operator = practice.person(2);
            let _ = practice.reset(&person.id, &operator);
        }),
        ("the button", false, |practice, person, browser| {
            practice.run(practice.at(&person.id).distrust_browser(browser.id())).unwrap();
        }),
        ("offboarding", false, |practice, person, _| {
            practice.offboard(&person.id).unwrap();
        }),
    ];
    for (what, lives, step) in steps {
        let practice = office();
        let person = practice.person(1);
        let (mut browser, mut other) = (practice.trust(&person), practice.trust(&person));
        step(&practice, &person, &browser);
        let listed = practice.summary(&person.id).trusted_browsers;
        assert_eq!(listed.iter().any(|one| one.id == browser.id()), lives, "{what}");
        let expected = if lives { Said::Accepted } else { REJECTED };
        assert_eq!(visit(&practice, &person.id, &mut browser), expected, "{what}");
        if what == "the button" {
            assert_eq!(visit(&practice, &person.id, &mut other), Said::Accepted);
            let again = practice.at(&person.id).distrust_browser(browser.id());
            assert_eq!(practice.refused(again), Refusal::NotFound);
            assert!(notices(&practice).contains(&Notice::BrowserDistrusted));
        }
    }
}

/// Thirty days at most from the proof of the factor, less if the policy says so, and no longer than the
/// drift of an app is remembered. A wrong clock extends nothing.
///
/// Guards `drift_memory` in `Account::trusts`, and `LONGEST` in `Account::expire`.
#[test]
fn it_lasts_no_longer_than_the_factor_may_rest() {
    struct Forgetful;
    impl Policy for Forgetful {
        fn trusted_browsers(&self, _: &AccountId) -> Option<Bounded<3600, 2_592_000>> {
            Some(Bounded::of::<864_000>())
        }
        fn drift_memory(&self) -> Bounded<3600, 2_592_000> {
            Bounded::of::<86_400>()
        }
    }
    let practice = Practice::with(Forgetful);
    let person = practice.person(1);
    let browser = practice.trust(&person);
    assert_eq!(browser.until(), practice.now().plus(DAY), "an app");
    let card = account(3);
    let device = practice.passkey(&card, None);
    let token = practice.start_external(&card, SignIn);
    let word = Assertion::verified_by_host(&token, device);
    let proof = practice.settle(&card, word, SignIn).accepted().unwrap();
    practice.wait(300);
    let browser = trust(&practice, &card, &proof).unwrap();
    assert_eq!(browser.until(), proof.at().plus(10 * DAY), "a passkey, from its proof");
    // Trusted while the clock was a year ahead: nothing once it is right, and nothing a year later.
    let office = office();
    let person = office.person(1);
    office.wait(365 * DAY);
    let mut browser = office.trust(&person);
    let ahead = office.now();
    office.set_clock(START.plus(DAY));
    assert_eq!(visit(&office, &person.id, &mut browser), REJECTED);
    let _ = office.miss(&person); // any write
    office.set_clock(ahead.plus(60));
    assert_eq!(visit(&office, &person.id, &mut browser), REJECTED);
}

/// The proof opens a session and nothing else: it remembers and trusts no browser, reports nothing lost,
/// ends no streak of failures and keeps no browser remembered.
///
/// Guards `Method::TrustedBrowser` in `Account::remember_browser` and `may_report`, and that a visit neither
/// succeeds in a class nor uses a browser.
#[test]
fn its_proof_opens_a_session_and_nothing_else() {
    let practice = office();
    let person = practice.person(1);
    let id = &person.id;
    let remembered = practice.remember(&person);
    let mut browser = practice.trust(&person);
    let used_at = |practice: &Practice<Trusting>| practice.summary(id).browsers[0].used_at;
    let before = used_at(&practice);
    for _ in 0..FREE {
        let _ = practice.miss(&person);
    }
    let failures = practice.summary(id).codes;
    let attempt = practice.at(id).visit(browser.expose_token());
    let attempt = attempt.from_browser(remembered.expose_token()).first_factor_passed();
    let (proof, next) =
        practice.run(attempt).accepted().expect("failures of codes make it wait for nothing");
    browser = next;
    assert_eq!(used_at(&practice), before);
    assert_eq!(
        (practice.summary(id).codes, failures.consecutive_failures),
        (failures, FREE.into())
    );
    assert!(failures.waiting_until.is_some());
    assert_eq!((proof.aal(), proof.amr()), (Aal::One, vec!["pwd"]));
    let remember = practice.at(id).remember_browser(&proof, &mut practice.rng());
    assert_eq!(practice.refused(remember), Refusal::NotPermitted);
    let lost = practice.at(id).report_lost(person.device, proof);
    assert_eq!(practice.refused(lost), Refusal::NotPermitted);
    // The owner opens the codes again.
    let recover = practice.at(id).recover(&person.recovery_codes[0], ChangeFactors);
    let proof = practice.run(recover).accepted().unwrap();
    practice.run(practice.at(id).unlock(proof)).unwrap();
    owner_gets_in(&practice, &person);
    assert_eq!(visit(&practice, id, &mut browser), Said::Accepted);
}

/// Eight, and the ninth replaces the one unused for the longest.
///
/// Guards `make_room` in `Account::trust_browser`.
#[test]
fn the_ninth_replaces_the_longest_unused() {
    let practice = office();
    let person = practice.person(1);
    let id = &person.id;
    let mut held: Vec<_> = (0..8).map(|_| practice.trust(&person)).collect();
    practice.wait(1);
    assert_eq!(visit(&practice, id, &mut held[0]), Said::Accepted);
    held.push(practice.trust(&person));
    assert_eq!(practice.summary(id).trusted_browsers.len(), 8);
    for (place, browser) in held.iter_mut().enumerate() {
        let expected = if place == 1 { REJECTED } else { Said::Accepted };
        assert_eq!(visit(&practice, id, browser), expected, "{place}");
    }
}

/// A token of another person, of another kind, cut, altered or made up is a note, and no write: whoever has
/// the password cannot keep the record busy with it, nor with a good one.
///
/// Guards `Sealed::context`, and `MOST_REPEATS` in `Trusted::show`.
#[test]
fn what_does_not_open_is_as_if_it_had_not_been_sent() {
    let practice = office();
    let (person, other) = (practice.person(1), practice.person(2));
    let id = &person.id;
    let browser = practice.trust(&person);
    let token = browser.expose_token();
    let (of_other, remembered) = (practice.trust(&other), practice.remember(&person));
    let huge = "0".repeat(1 << 20);
    let halves = &token[..token.len() / 2];
    // The same random number drawn for one of each kind, and the same bytes in both.
    let proof = practice.proof(&person, SignIn);
    let twin = practice.at(id).trust_browser(&proof, &mut rng(77));
    let twin = practice.run(twin).unwrap().into_inner();
    let of_other_kind = practice.at(id).remember_browser(&proof, &mut rng(77));
    let of_other_kind = practice.run(of_other_kind).unwrap().into_inner();
    assert_eq!(twin.id(), of_other_kind.id());
    let before = practice.store.records();
    let kind = of_other_kind.expose_token();
    let none = [of_other.expose_token(), remembered.expose_token(), kind, halves, &huge, "", "é"];
    for none in none {
        assert_eq!(said(&practice.visit(id, none)), REJECTED, "{none:.40}");
    }
    // Every altered bit.
    for place in 0..token.len() {
        for bit in [1, 2, 4, 8] {
            let digit = u32::from_str_radix(&token[place..=place], 16).unwrap() ^ bit;
            let altered = format!("{}{digit:x}{}", &token[..place], &token[place + 1..]);
            assert_eq!(said(&practice.visit(id, &altered)), REJECTED, "{altered}");
        }
    }
    // Of somebody who has no record, nothing is known; and a trusted browser is no remembered one.
    assert_eq!(said(&practice.visit(&account(8), token)), REJECTED);
    assert_eq!(practice.store.records(), before);
    let _ = practice.miss_from(&person, token);
    assert_eq!(practice.summary(id).codes.remembered_failures, 0);
    // As often as it likes, in one second and with one token: eight writes, and then none.
    let (mut held, before) = (browser, practice.store.stored());
    practice.wait(1);
    let old = held.expose_token().to_owned();
    assert_eq!(visit(&practice, id, &mut held), Said::Accepted);
    for _ in 0..100 {
        let _ = practice.visit(id, &old);
        let _ = visit(&practice, id, &mut held);
    }
    assert!(practice.store.stored() - before <= 10, "{}", practice.store.stored() - before);
    owner_gets_in(&practice, &person);
}

/// A fault after the write: the same attempt again gets the token that the first one made.
#[test]
fn an_answer_that_the_store_lost_is_given_again() {
    let practice = office();
    let person = practice.person(1);
    let browser = practice.trust(&person);
    practice.wait(DAY);
    let attempt = practice.at(&person.id).visit(browser.expose_token());
    practice.store.break_at(Some(Fault::AfterWrite));
    assert!(attempt.run(&practice.store).decided().is_err());
    practice.store.break_at(None);
    let (_, mut next) = attempt.run(&practice.store).accepted().unwrap();
    assert_eq!(visit(&practice, &person.id, &mut next), Said::Accepted);
}

/// A key that seals from now on: the token opens under the older one, and its successor is under the newer.
#[test]
fn a_token_lives_through_a_new_key() {
    let mut practice = office();
    let person = practice.person(1);
    let mut held = practice.trust(&person);
    practice.mfa = Mfa::with_policy(keyring(8).opening_older(sealing_key(7)), Trusting).unwrap();
    assert_eq!(visit(&practice, &person.id, &mut held), Said::Accepted);
    practice.mfa = Mfa::with_policy(keyring(8), Trusting).unwrap();
    assert_eq!(visit(&practice, &person.id, &mut held), Said::Accepted);
}

/// A record that was put back knows nothing of newer tokens: refused, and no theft.
///
/// Guards `None => Shown::Nothing` in `Trusted::show`.
#[test]
fn a_record_that_was_put_back_calls_nobody_a_thief() {
    let practice = office();
    let person = practice.person(1);
    let mut held = practice.trust(&person);
    let backup = practice.store.record(&person.id).unwrap();
    assert_eq!(visit(&practice, &person.id, &mut held), Said::Accepted);
    practice.store.put(person.id, backup);
    practice.store.take_events();
    assert_eq!(visit(&practice, &person.id, &mut held), REJECTED);
    assert_eq!(notices(&practice), []);
    assert_eq!(practice.summary(&person.id).trusted_browsers.len(), 1);
    owner_gets_in(&practice, &person);
}

/// What the token says is printed nowhere.
#[test]
fn nothing_prints_a_token() {
    let practice = office();
    let browser = practice.trust(&practice.person(1));
    let printed =
        format!("{browser:?} {:?}", practice.at(&account(1)).visit(browser.expose_token()));
    assert!(!printed.contains(browser.expose_token()) && printed.contains("redacted"));
    assert!(browser.until() > UnixTime::from_secs(0));
}
