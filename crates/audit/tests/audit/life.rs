//! A life over a store in memory, and the trail that it leaves.

use std::convert::Infallible;
use std::sync::Mutex;

#[path = "../../../../tests/common/keys.rs"]
mod keys;

use countersign::account::{Actor, PhoneNumber};
use countersign::mfa::{PendingEnrolment, RestrictedNotice};
use countersign::{
    AccountId, ActForOther, ChangeFactors, Event, MemoryStore, Mfa, Recommended, Record, SignIn,
    Store, Swap, Totp, UnixTime, Write,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

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
/// operator.
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
    at(&dana, 11).offboard(Actor::Host, "contract ended").run(&store).unwrap();
    let _ = at(&dana, 20).report_lost(countersign::DeviceId::from_u64(1), proof).run(&store);

    let versions = [dana, lee]
        .map(|id| (id, Store::load(&store, &id).unwrap().map_or(0, |record| record.version())));
    Life { events: store.events.into_inner().unwrap(), versions: versions.into() }
}
