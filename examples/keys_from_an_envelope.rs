//! A sealing key from a key management that is asked once, at start, and awaited.
//!
//! `cargo run --example keys_from_an_envelope`
//!
//! The host keeps an envelope beside its program: a data key, encrypted by the key management. The envelope
//! alone opens nothing. No sign-in waits for the service, and none fails with it.

use std::error::Error;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use countersign::account::SealingKey;
use countersign::{Keyring, Mfa, Recommended};
use zeroize::Zeroizing;

/// Yours calls the service: `decrypt` in most of them.
async fn unwrap(envelope: &[u8]) -> Result<Zeroizing<Vec<u8>>, Box<dyn Error>> {
    let pad = "a simulated key management, which has no secret to speak of".bytes();
    Ok(Zeroizing::new(envelope.iter().zip(pad).map(|(byte, pad)| byte ^ pad).collect()))
}

async fn library(envelope: &[u8]) -> Result<Mfa<Keyring, Recommended>, Box<dyn Error>> {
    let key = SealingKey::new(&unwrap(envelope).await?)?; // the bytes are wiped here
    println!("the key is named {}", key.name());
    Ok(Mfa::new(Keyring::new("acme-production", key)?, Recommended))
}

fn main() -> Result<(), Box<dyn Error>> {
    let envelope: Vec<u8> = (0..32_u8).map(|at| at.wrapping_mul(at).wrapping_mul(41)).collect();
    let mut starting = pin!(library(&envelope));
    let mfa = loop {
        // Your runtime polls it.
        let polled = starting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(mfa) = polled {
            break mfa?;
        }
    };
    println!("{mfa:?}");
    Ok(())
}
