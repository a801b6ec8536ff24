//! The account layer without std, over an allocator and a store of the program's own: enrol,
//! confirm, sign in, be refused the same code. Ends with 0, or the number of the check that failed.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::string::String;
use core::cell::RefCell;
use core::convert::Infallible;

use countersign::account::SealingKey;
use countersign::{
    AccountId, Keyring, Mfa, Recommended, Record, SignIn, Store, Swap, Totp, UnixTime, Verdict,
    Write,
};
use countersign_nostd::Counting;

/// A store for one person.
#[derive(Default)]
struct One(RefCell<Option<Record>>);

impl Store for One {
    type Error = Infallible;

    fn load(&self, _: &AccountId) -> Result<Option<Record>, Infallible> {
        Ok(self.0.borrow().clone())
    }

    fn swap(&self, _: &AccountId, write: &Write<'_>) -> Result<Swap, Infallible> {
        let mut record = self.0.borrow_mut();
        if record.as_ref().map(Record::version) != write.expected() {
            return Ok(Swap::Stale);
        }
        *record = Some(write.record().clone());
        Ok(Swap::Stored)
    }
}

countersign_nostd::program!(run);

fn run() -> Result<(), i32> {
    let key = "b19c7a3f5e02d84466ab0f9e31c7d5288e4f6d7023b9a1cc05f87e9b1d3a6240";
    let key = SealingKey::parse(key).map_err(|_| 20)?;
    let mfa = Mfa::new(Keyring::new("tests", key).map_err(|_| 21)?, Recommended);
    let (store, mut rng) = (One::default(), Counting(42));
    let id = AccountId::new(b"42").map_err(|_| 1)?;
    let now = UnixTime::from_secs(1_800_000_000);

    let enrolled = mfa.account(&id).at(now).enrol("Dana's phone", &mut rng).run(&store);
    let pending = enrolled.map_err(|not_done| if not_done.refusal().is_none() { 2 } else { 3 })?;
    let uri = pending.uri("Acme Billing", "dana").map_err(|_| 4)?;
    let phone = Totp::new(uri.secret(), uri.totp_parameters().ok_or(5)?);
    let shown = |at| phone.generate(at).map(|code| String::from(code.expose_str())).ok_or(6);

    let bound = mfa.account(&id).at(now).confirm(pending.id(), &shown(now)?, &mut rng).run(&store);
    let bound = bound.decided().map_err(|_| 7)?.accepted().ok_or(8)?;
    if bound.recovery_codes().ok_or(9)?.len() != 10 {
        return Err(10);
    }
    let later = now.plus(30);
    let verify = |code: &str| mfa.account(&id).at(later).verify(code, SignIn).run(&store);
    let code = shown(later)?;
    let proof = verify(&code).decided().map_err(|_| 11)?.accepted().ok_or(12)?;
    if *proof.account() != id {
        return Err(15);
    }
    match verify(&code).decided().map_err(|_| 13)? {
        Verdict::Rejected { .. } => Ok(()),
        _ => Err(14),
    }
}
