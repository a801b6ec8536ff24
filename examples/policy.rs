//! A policy: stricter numbers for one host. A number out of its bounds does not compile, and windows so
//! wide that one failure would fill thirty days are refused.
//!
//! `cargo run --example policy`

use std::error::Error;

use countersign::account::{Class, SealingKey, Throttle};
use countersign::{
    AccountId, Bounded, Keyring, MemoryStore, Mfa, OsRandom, Policy, SignIn, UnixTime, Verdict,
};
use rand::Rng;

/// Two free failures, and waits that start at a minute.
struct Stricter;

impl Policy for Stricter {
    fn throttle(&self, _: Class) -> Throttle {
        Throttle {
            free: Bounded::of::<2>(),
            first_wait: Bounded::of::<60>(),
            ..Throttle::RECOMMENDED
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut rng, mut key) = (OsRandom::new()?, [0; 32]);
    rng.fill_bytes(&mut key);
    let mfa = Mfa::with_policy(Keyring::new("acme", SealingKey::new(&key)?)?, Stricter)?;
    let store = MemoryStore::new();
    let (id, now) = (AccountId::new("42")?, UnixTime::now()?);
    let dana = mfa.account(&id).at(now);
    let _pending = dana.enrol("Phone", &mut rng).run(&store)?;
    for attempt in 1..=4 {
        match dana.verify("000000", SignIn).run(&store) {
            Verdict::Rejected { tries_left } => println!("{attempt}: {tries_left} tries left"),
            Verdict::Wait { until } => println!("{attempt}: not before {until}"),
            other => println!("{attempt}: {other:?}"),
        }
    }
    Ok(())
}
