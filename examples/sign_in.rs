//! Signing in: enrol an app, confirm it, and verify a code on the next day.
//!
//! `cargo run --example sign_in`

use std::error::Error;

use countersign::account::SealingKey;
use countersign::{
    AccountId, Keyring, MemoryStore, Mfa, OsRandom, Proof, Recommended, SignIn, Totp, UnixTime,
    Verdict,
};
use rand::Rng;

/// Takes the proof by value: the only thing that opens a session.
fn open_session(proof: Proof<SignIn>) {
    println!("session open, by {} at {}", proof.method().name(), proof.at());
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut rng = OsRandom::new()?;
    let mut key = [0; 32]; // yours comes from a file: see `keys_from_a_file`
    rng.fill_bytes(&mut key);
    let mfa = Mfa::new(Keyring::new("acme", SealingKey::new(&key)?)?, Recommended);
    let store = MemoryStore::new(); // yours is a database: see `a_store`
    let id = AccountId::new(42_u64.to_be_bytes())?; // the person's primary key, never a name
    let now = UnixTime::now()?;

    let dana = mfa.account(&id).at(now);
    let pending = dana.enrol("Dana's phone", &mut rng).run(&store)?;
    let uri = pending.uri("Acme Billing", "dana")?; // show it as a QR code, once
    let phone = Totp::new(uri.secret(), uri.totp_parameters().ok_or("not TOTP")?);
    let code = phone.generate(now).ok_or("no code")?; // what Dana types
    match dana.confirm(pending.id(), code.expose_str(), &mut rng).run(&store) {
        Verdict::Accepted(bound) => {
            println!("{} recovery codes", bound.recovery_codes().map_or(0, |codes| codes.len()));
            open_session(bound.into_proof());
        }
        other => println!("try again: {other:?}"),
    }

    let tomorrow = now.plus(86_400);
    let code = phone.generate(tomorrow).ok_or("no code")?;
    match mfa.account(&id).at(tomorrow).verify(code.expose_str(), SignIn).run(&store) {
        Verdict::Accepted(proof) => open_session(proof),
        Verdict::Wait { until } => println!("not before {until}"),
        Verdict::Undecided(fault) => println!("try later: {fault}"),
        _ => println!("wrong code"),
    }
    Ok(())
}
