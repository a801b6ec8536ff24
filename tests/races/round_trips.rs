//! What an attempt costs a store: two round trips, one load and one swap; and nothing written while
//! an account has to wait.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

use countersign::account::{HostsWord, Operator, PassLength};
use std::cell::Cell;
use std::convert::Infallible;

use crate::keys::keyring;
use countersign::{
    AccountId, ActForOther, Event, MemoryStore, Mfa, OsRandom, Recommended, Record, SignIn, Store,
    Swap, Totp, UnixTime, Verdict, Write,
};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// Counts calls: each is one round trip to a database.
#[derive(Default)]
struct Counting {
    store: MemoryStore,
    loads: Cell<u32>,
    swaps: Cell<u32>,
    notes: Cell<u32>,
    /// Writes of somebody else that come in between, still to happen.
    interlopers: Cell<u32>,
}

impl Counting {
    /// Loads, swaps and notes since the last time.
    fn calls(&self) -> [u32; 3] {
        [self.loads.take(), self.swaps.take(), self.notes.take()]
    }
}

impl Store for Counting {
    type Error = Infallible;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Infallible> {
        self.loads.set(self.loads.get() + 1);
        Store::load(&self.store, id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Infallible> {
        self.swaps.set(self.swaps.get() + 1);
        if self.interlopers.get() > 0 {
            self.interlopers.set(self.interlopers.get() - 1);
            return Ok(Swap::Stale);
        }
        Store::swap(&self.store, id, write)
    }

    fn note(&self, _: &AccountId, _: &[Event]) -> Result<(), Infallible> {
        self.notes.set(self.notes.get() + 1);
        Ok(())
    }
}

#[test]
fn an_attempt_is_one_load_and_one_swap() {
    let (store, mut rng) = (Counting::default(), OsRandom::new().unwrap());
    let mfa = Mfa::new(keyring(7), Recommended);
    let id = AccountId::new(1_u64.to_be_bytes()).unwrap();

    let pending = mfa.account(&id).at(NOW).enrol("phone", &mut rng).run(&store).unwrap();
    assert_eq!(store.calls(), [1, 1, 0], "enrol");
    let uri = pending.uri("Acme Billing", "dana").unwrap();
    let phone = Totp::new(uri.secret(), uri.totp_parameters().unwrap());
    let code = |at| phone.generate(at).unwrap().expose_str().to_owned();
    let bound = mfa.account(&id).at(NOW).confirm(pending.id(), &code(NOW), &mut rng).run(&store);
    assert!(bound.accepted().is_some());
    assert_eq!(store.calls(), [1, 1, 0], "confirm");

    let verify = |nth: u64, code: &str| {
        mfa.account(&id).at(NOW.plus(nth * 30)).verify(code, SignIn).run(&store)
    };
    let right = code(NOW.plus(60));
    assert!(matches!(verify(2, &right), Verdict::Accepted(_)));
    assert_eq!(store.calls(), [1, 1, 0], "accepted");
    assert!(matches!(verify(2, &right), Verdict::Rejected { .. }));
    assert_eq!(store.calls(), [1, 0, 1], "the copy of the code used last is a note");
    let wrong = code(NOW.plus(6_000));
    for _ in 0..5 {
        assert!(matches!(verify(2, &wrong), Verdict::Rejected { .. }));
        assert_eq!(store.calls(), [1, 1, 0], "rejected");
    }
    assert!(matches!(verify(2, &right), Verdict::Wait { .. }));
    assert_eq!(store.calls(), [1, 0, 1], "while it waits, nothing is written");

    // Each lost race is another load and another swap.
    store.interlopers.set(3);
    assert!(matches!(verify(10, &code(NOW.plus(300))), Verdict::Accepted(_)));
    assert_eq!(store.calls(), [4, 4, 0], "three races lost");

    mfa.account(&id).at(NOW.plus(330)).offboard(HostsWord::Process, "left").run(&store).unwrap();
    assert_eq!(store.calls(), [1, 1, 0], "offboard");
}

/// Somebody who acts for another person is loaded as well: three.
#[test]
fn an_operator_is_one_load_more() {
    let (store, mut rng) = (Counting::default(), OsRandom::new().unwrap());
    let mfa = Mfa::new(keyring(7), Recommended);
    let enrol = |number: u64, rng: &mut OsRandom| {
        let id = AccountId::new(number.to_be_bytes()).unwrap();
        let pending = mfa.account(&id).at(NOW).enrol("phone", rng).run(&store).unwrap();
        let uri = pending.uri("Acme Billing", "somebody").unwrap();
        let phone = Totp::new(uri.secret(), uri.totp_parameters().unwrap());
        let code = phone.generate(NOW).unwrap();
        let confirm = mfa.account(&id).at(NOW).confirm(pending.id(), code.expose_str(), rng);
        assert!(confirm.run(&store).accepted().is_some());
        (id, phone)
    };
    let (person, _) = enrol(1, &mut rng);
    let (operator, phone) = enrol(2, &mut rng);
    let now = NOW.plus(60);
    let code = phone.generate(now).unwrap();
    let verify = mfa.account(&operator).at(now).verify(code.expose_str(), ActForOther);
    let proof = verify.run(&store).accepted().unwrap();
    store.calls();
    mfa.account(&person)
        .at(now)
        .reset(
            Operator::checked_by_host(proof, "help desk"),
            PassLength::Long,
            "lost phone",
            &mut rng,
        )
        .run(&store)
        .unwrap();
    assert_eq!(store.calls(), [2, 1, 0]);
}
