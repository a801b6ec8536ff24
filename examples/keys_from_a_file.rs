//! Keys: the newest seals, older ones open, and both come from files that the database does not hold.
//!
//! `cargo run --example keys_from_a_file -- NEWEST [OLDER…]`; make one with
//! `head -c 32 /dev/urandom >mfa.key && chmod 600 mfa.key`. Without a file it shows how.

use std::error::Error;
use std::fs;

use countersign::{Keyring, Mfa, Recommended};

/// Reads one key: 32 random bytes, as they are.
fn key(path: &str) -> Result<[u8; 32], Box<dyn Error>> {
    let bytes = fs::read(path).map_err(|error| format!("key file {path}: {error}"))?;
    let key = <[u8; 32]>::try_from(bytes.as_slice())
        .map_err(|_| format!("key file {path} has {} bytes, not 32", bytes.len()))?;
    if key.iter().all(|byte| Some(byte) == key.first()) {
        return Err(format!("key file {path} is one byte repeated, not random").into());
    }
    Ok(key)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths = std::env::args().skip(1);
    let Some(newest) = paths.next() else {
        println!("no key file: head -c 32 /dev/urandom >mfa.key && chmod 600 mfa.key");
        return Ok(());
    };
    let mut keyring = Keyring::new(key(&newest)?);
    for older in paths {
        keyring = keyring.with_older(key(&older)?); // opens what it sealed; seals nothing new
    }
    let mfa = Mfa::new(keyring, Recommended);
    println!("{mfa:?}"); // the keys are not shown
    Ok(())
}
