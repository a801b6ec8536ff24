//! Sealing keys from files that the database does not hold, or from the environment.
//!
//! `cargo run --example keys_from_a_file -- DEPLOYMENT KEY [older:KEY | next:KEY]…`, where a KEY is a file or
//! `env:NAME`. Make a key with `umask 077; openssl rand -hex 32 >sealing.key`. Without one it shows how.
//! `docs/KEYS.md` says when a key is older, and when next.

use std::error::Error;
use std::fs;

use countersign::account::SealingKey;
use countersign::{Keyring, Mfa, Recommended};
use zeroize::Zeroizing;

/// Reads one key, 64 hexadecimal digits. What is wrong with it is said with the name of its place.
fn key(place: &str) -> Result<SealingKey, Box<dyn Error>> {
    let text = match place.strip_prefix("env:") {
        // Every child process inherits it, and a crash report may hold it: a file is better.
        Some(variable) => {
            std::env::var(variable).map_err(|error| format!("{variable}: {error}"))?
        }
        None => fs::read_to_string(place).map_err(|error| format!("{place}: {error}"))?,
    };
    let text = Zeroizing::new(text);
    Ok(SealingKey::parse(&text).map_err(|error| format!("{place}: {error}"))?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(deployment), Some(newest)) = (arguments.next(), arguments.next()) else {
        println!("no key: umask 077; openssl rand -hex 32 >sealing.key");
        return Ok(());
    };
    let mut keys = Keyring::new(&deployment, key(&newest)?)?;
    for other in arguments {
        keys = match other.split_once(':') {
            Some(("older", place)) => keys.opening_older(key(place)?), // opens what it sealed
            Some(("next", place)) => keys.opening_next(key(place)?), // opens what others seal with it
            _ => return Err(format!("{other} is neither older:KEY nor next:KEY").into()),
        };
    }
    println!("{keys:?}"); // the names of the keys, to compare between nodes
    let _mfa = Mfa::new(keys, Recommended);
    Ok(())
}
