//! A life over a store in memory, and the trail that it leaves.

use std::convert::Infallible;
use std::sync::Mutex;

use countersign::account::{HostsWord, Operator, PassLength, PhoneNumber};
use countersign::mfa::{Entered, Fault, PendingEnrolment, RestrictedNotice};
use countersign::{
    AccountId, ActForOther, Bounded, ChangeFactors, Event, Keyring, MemoryStore, Mfa, Policy,
    Recommended, Record, SignIn, Store, Swap, Totp, UnixTime, Write,
};
use countersign_audit::{Verifier, to_line};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::keys;
use crate::samples::NOW;

/// Keeps what a store is told.
#[derive(Default)]
pub struct Recorded {
    store: MemoryStore,
    events: Mutex<Vec<Event>>,
}

impl Store for Recorded {
    type Error = Infallible;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Infallible> {
        Store::load(&self.store, id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Infallible> {
        let swap = Store::swap(&self.store, id, write)?;
        if swap == Swap::Stored {
            // The verifier takes a version without an event for a hole.
            assert!(!write.events().is_empty(), "a version without an event");
            self.events.lock().unwrap().extend_from_slice(write.events());
        }
        Ok(swap)
    }

    fn note(&self, _: &AccountId, events: &[Event]) -> Result<(), Infallible> {
        self.events.lock().unwrap().extend_from_slice(events);
        Ok(())
    }
}

/// The trail, and the accounts' versions at its end.
pub struct Life {
    pub events: Vec<Event>,
    pub versions: Vec<(AccountId, u64)>,
}

fn app(pending: &PendingEnrolment) -> Totp {
    let uri = pending.uri("Acme Billing", "dana").unwrap();
    Totp::new(uri.secret(), uri.totp_parameters().unwrap())
}

fn code(app: &Totp, now: UnixTime) -> String {
    app.generate(now).unwrap().expose_str().to_owned()
}

/// Dana binds an app, signs in, is attacked, binds a telephone, loses everything and leaves; Lee is the
/// operator, and helps Kim.
pub fn life() -> Life {
    let store = Recorded::default();
    let mfa = Mfa::new(keys::keyring(7), Recommended);
    let mut rng = StdRng::seed_from_u64(1);
    let [dana, lee] = ["dana", "lee"].map(|id| AccountId::new(id).unwrap());
    let at = |id: &AccountId, minutes: u64| mfa.account(id).at(NOW.plus(60 * minutes));
    let mut bind = |id: &AccountId, minutes: u64| {
        let pending = at(id, minutes).enrol("Phone", &mut rng).run(&store).unwrap();
        let app = app(&pending);
        let typed = code(&app, NOW.plus(60 * minutes));
        let bound = at(id, minutes).confirm(pending.id(), &typed, &mut rng).run(&store);
        let bound = bound.accepted().unwrap();
        let codes = bound.recovery_codes().unwrap();
        let texts: Vec<_> = codes.iter().map(|code| code.expose_text().to_string()).collect();
        at(id, minutes).acknowledge_recovery_codes(codes.set()).run(&store).unwrap();
        (app, texts)
    };
    let (phone, codes) = bind(&dana, 0);
    let (key, _) = bind(&lee, 0);
    let now = |minutes: u64| NOW.plus(60 * minutes);

    // An ordinary day, and the form sent twice.
    let typed = code(&phone, now(2));
    for _ in 0..2 {
        let attempt = at(&dana, 2).verify(&typed, SignIn).from_source("192.0.2.7");
        let _ = attempt.first_factor_passed().run(&store);
    }
    let _ = at(&dana, 2).verify("12", SignIn).run(&store);
    // A guesser, until it waits; then a recovery code.
    for number in 0..6 {
        let guess = format!("{:06}", (typed.parse::<u32>().unwrap() + 7 * number + 1) % 1_000_000);
        let _ = at(&dana, 3).verify(&guess, SignIn).first_factor_passed().run(&store);
    }
    let proof = at(&dana, 4).recover(&codes[0], ChangeFactors).run(&store).accepted().unwrap();
    at(&dana, 4).unlock(proof).run(&store).unwrap();
    // A browser, and a telephone.
    let typed = code(&phone, now(10));
    let proof = at(&dana, 10).verify(&typed, SignIn).run(&store).accepted().unwrap();
    let browser = at(&dana, 10).remember_browser(&proof, &mut rng).run(&store).unwrap().id();
    at(&dana, 11).forget_browser(browser).run(&store).unwrap();
    let typed = code(&phone, now(12));
    let proof = at(&dana, 12).verify(&typed, ChangeFactors).run(&store).accepted().unwrap();
    let number = PhoneNumber::new("+12025550123").unwrap();
    let told = RestrictedNotice::given_by_host();
    let sent = at(&dana, 12).enrol_phone("Mobile", number, told, &mut rng).proven_by(proof);
    let sent = { sent }.run(&store).unwrap();
    let typed = sent.to_send().unwrap().expose_str().to_owned();
    assert!(at(&dana, 12).confirm(sent.id(), &typed, &mut rng).run(&store).accepted().is_some());
    at(&dana, 14).send_code(SignIn, &mut rng).run(&store).unwrap();
    let _ = at(&dana, 14).send_code(ActForOther, &mut rng).run(&store);
    // The operator helps, from a server whose clock is behind; then the person leaves.
    let typed = code(&key, now(20));
    let proof = at(&lee, 20).verify(&typed, ActForOther).run(&store).accepted().unwrap();
    at(&dana, 11).offboard(HostsWord::Process, "contract ended").run(&store).unwrap();
    let by_lee = Operator::checked_by_host(proof, "role help-desk");
    let _ = at(&dana, 20).report_lost(countersign::DeviceId::from_u64(1), by_lee).run(&store);
    let [kim, sam] = ["kim", "sam"].map(|id| AccountId::new(id).unwrap());
    help(&store, &mfa, (lee, &key), kim);
    retire_key(&store, (lee, &key), kim);
    at(&sam, 56).bar(HostsWord::Process, "never started").run(&store).unwrap();
    let _ = at(&sam, 57).offboard(HostsWord::Process, "contract ended").run(&store);

    let versions = [dana, lee, kim, sam]
        .map(|id| (id, Store::load(&store, &id).unwrap().map_or(0, |record| record.version())));
    Life { events: store.events.into_inner().unwrap(), versions: versions.into() }
}

/// What Lee proves before helping.
fn by(
    mfa: &Mfa<Keyring, Recommended>,
    store: &Recorded,
    lee: (AccountId, &Totp),
    minutes: u64,
) -> Operator {
    let now = NOW.plus(60 * minutes);
    let attempt = mfa.account(&lee.0).at(now).verify(&code(lee.1, now), ActForOther);
    Operator::checked_by_host(attempt.run(store).accepted().unwrap(), "role help-desk")
}

/// Kim enrols with a pass, gets in with an emergency pass, ends one that was not asked for, and is reset.
fn help(
    store: &Recorded,
    mfa: &Mfa<Keyring, Recommended>,
    lee: (AccountId, &Totp),
    kim: AccountId,
) {
    let mut rng = StdRng::seed_from_u64(2);
    let at = |minutes: u64| mfa.account(&kim).at(NOW.plus(60 * minutes));
    let (long, short) = (PassLength::Long, PassLength::Short);
    let operator = by(mfa, store, lee, 30);
    let pass = at(30).invite(operator, long, "starts on Monday", &mut rng).run(store).unwrap();
    let _ = at(31).enter_pass("guess").run(store);
    let entered = at(31).enter_pass(&pass.expose_text()).run(store).accepted();
    let Some(Entered::Enrolment(proof)) = entered else { panic!("no pass to enrol with") };
    let pending = { at(31).enrol("Phone", &mut rng).proven_by(proof) }.run(store).unwrap();
    let phone = app(&pending);
    let typed = code(&phone, NOW.plus(60 * 31));
    assert!(at(31).confirm(pending.id(), &typed, &mut rng).run(store).accepted().is_some());

    let why = "phone at home, on call";
    let operator = by(mfa, store, lee, 40);
    let pass = at(40).grant_emergency_access(operator, short, 600, why, &mut rng).run(store);
    let entered = at(41).enter_pass(&pass.unwrap().expose_text()).run(store).accepted();
    assert!(matches!(entered, Some(Entered::SignIn(_))));
    let operator = by(mfa, store, lee, 44);
    at(44).grant_emergency_access(operator, long, 600, why, &mut rng).run(store).unwrap();
    let typed = code(&phone, NOW.plus(60 * 46));
    let proof = at(46).verify(&typed, ChangeFactors).run(store).accepted().unwrap();
    at(46).revoke_passes(proof).run(store).unwrap();
    let operator = by(mfa, store, lee, 50);
    at(50).reset(operator, long, "lost phone, passport seen", &mut rng).run(store).unwrap();
}

/// The old key goes before Kim's record is sealed anew, so the record is given up.
fn retire_key(store: &Recorded, lee: (AccountId, &Totp), kim: AccountId) {
    let [old, new] = [7, 8].map(keys::sealing_key);
    let both = Keyring::new("tests", new).unwrap().opening_older(old);
    let mfa = Mfa::new(both, Recommended);
    assert!(*mfa.account(&lee.0).at(NOW.plus(60 * 52)).reseal().run(store).unwrap());
    let mfa = Mfa::new(keys::keyring(8), Recommended);
    let kim = mfa.account(&kim).at(NOW.plus(60 * 54));
    let Err(Fault::Record { record: Some(broken), .. }) = kim.summary().run(store) else {
        panic!("it opens");
    };
    let operator = by(&mfa, store, lee, 54);
    kim.abandon(broken, operator, "the old key is gone").run(store).unwrap();
    kim.bar(HostsWord::Person(lee.0), "had left before").run(store).unwrap();
}

/// A version without an event reads as a hole. A pass whose tries are used up has ended on the trail, and
/// can still be revoked: it may have started an enrolment.
#[test]
fn a_closed_pass_that_is_revoked_leaves_no_hole() {
    let store = Recorded::default();
    let mfa = Mfa::new(keys::keyring(7), Recommended);
    let mut rng = StdRng::seed_from_u64(3);
    let [kim, lee] = ["kim", "lee"].map(|id| AccountId::new(id).unwrap());
    let pending = mfa.account(&lee).at(NOW).enrol("Phone", &mut rng).run(&store).unwrap();
    let (key, at) = (app(&pending), |minutes: u64| mfa.account(&kim).at(NOW.plus(60 * minutes)));
    let typed = code(&key, NOW);
    let bound = mfa.account(&lee).at(NOW).confirm(pending.id(), &typed, &mut rng).run(&store);
    assert!(bound.accepted().is_some());
    let operator = by(&mfa, &store, (lee, &key), 2);
    let short = PassLength::Short;
    let pass = at(2).invite(operator, short, "starts on Monday", &mut rng).run(&store).unwrap();
    for _ in 0..20 {
        assert!(at(3).enter_pass(&pass.expose_text()).run(&store).accepted().is_some());
    }
    assert!(at(3).enter_pass(&pass.expose_text()).run(&store).accepted().is_none());
    at(4).revoke_passes(by(&mfa, &store, (lee, &key), 4)).run(&store).unwrap();
    // Kim gets another, and in.
    let operator = by(&mfa, &store, (lee, &key), 6);
    let pass = at(6).invite(operator, short, "again", &mut rng).run(&store).unwrap();
    assert!(at(6).enter_pass(&pass.expose_text()).run(&store).accepted().is_some());
    let events = store.events.into_inner().unwrap();
    let is_end = |event: &&Event| event.account == kim && event.kind.name() == "pass-ended";
    assert_eq!(events.iter().filter(is_end).count(), 2, "its tries, and the revocation");
}

/// Some hosts trust browsers for a fortnight.
struct Trusting;

impl Policy for Trusting {
    fn trusted_browsers(&self, _: &AccountId) -> Option<Bounded<3600, 2_592_000>> {
        Some(Bounded::of::<1_209_600>())
    }
}

/// Each write of a trusted browser has its event: trusted, a visit, a stolen token, and ended.
#[test]
fn a_trusted_browser_leaves_no_hole() {
    let store = Recorded::default();
    let mfa = Mfa::with_policy(keys::keyring(7), Trusting).unwrap();
    let mut rng = StdRng::seed_from_u64(4);
    let id = AccountId::new("kim").unwrap();
    let at = |minutes: u64| mfa.account(&id).at(NOW.plus(60 * minutes));
    let pending = at(0).enrol("Phone", &mut rng).run(&store).unwrap();
    let (phone, typed) = (app(&pending), code(&app(&pending), NOW));
    assert!(at(0).confirm(pending.id(), &typed, &mut rng).run(&store).accepted().is_some());
    let mut trust = |minutes: u64| {
        let typed = code(&phone, NOW.plus(60 * minutes));
        let proof = at(minutes).verify(&typed, SignIn).run(&store).accepted().unwrap();
        at(minutes).trust_browser(&proof, &mut rng).run(&store).unwrap()
    };
    let first = trust(2);
    let visit = |minutes: u64, token: &str| at(minutes).visit(token).run(&store).accepted();
    let (_, second) = visit(4, first.expose_token()).unwrap();
    assert!(visit(6, second.expose_token()).is_some());
    assert!(visit(8, first.expose_token()).is_none());
    let again = trust(10);
    at(12).distrust_browser(again.id()).run(&store).unwrap();

    let events = store.events.into_inner().unwrap();
    let names: Vec<_> = events.iter().skip(3).map(|event| event.kind.name()).collect();
    let [trusted, ended] = ["browser-trusted", "browser-distrusted"];
    let visits = ["accepted", "accepted", "trusted-token-reused"];
    let expected = [&["accepted", trusted][..], &visits, &["accepted", trusted, ended]].concat();
    assert_eq!(names, expected);
    let mut verifier = Verifier::new();
    assert!(events.iter().all(|event| verifier.line(&to_line(event)).is_empty()));
}
