//! Sealing keys for tests: any number names one, and none is secret.

#![allow(dead_code)] // every test crate takes a part of it
#![allow(clippy::unwrap_used)] // in a bench too

use std::sync::OnceLock;

use countersign::Keyring;
use countersign::account::{Deployment, RecordError, SealingKey};
use countersign::mfa::Fault;

/// The bytes of the key of this number. Spread out, because a constant is refused.
pub const fn key_bytes(number: u8) -> [u8; 32] {
    let mut key = [0; 32];
    let (mut at, mut state) = (0, number.wrapping_mul(2).wrapping_add(1) as u32);
    while at < key.len() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        key[at] = (state >> 24) as u8;
        at += 1;
    }
    key
}

/// The key of this number.
pub fn sealing_key(number: u8) -> SealingKey {
    SealingKey::new(&key_bytes(number)).unwrap()
}

/// A keyring of the deployment `tests` that seals with the key of this number.
pub fn keyring(number: u8) -> Keyring {
    Keyring::new("tests", sealing_key(number)).unwrap()
}

/// The label of [`keyring`], for a seal without one.
pub fn deployment() -> &'static Deployment {
    static LABEL: OnceLock<Deployment> = OnceLock::new();
    LABEL.get_or_init(|| Deployment::new("tests").unwrap())
}

/// A record that is not believed, whichever it is.
pub const fn unreadable<E>(error: RecordError) -> Fault<E> {
    Fault::Record { error, record: None }
}

/// A fault without the name of the record.
pub fn nameless<E>(fault: Fault<E>) -> Fault<E> {
    match fault {
        Fault::Record { error, .. } => unreadable(error),
        other => other,
    }
}
