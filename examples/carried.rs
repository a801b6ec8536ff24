//! Two pages: the first takes the code, the second chooses. The proof crosses in a hidden field.
//!
//! `cargo run --example carried`

use std::error::Error;

use countersign::account::CarriedProof;
use countersign::mfa::{AccountAt, ExternalMethod};
use countersign::{ChangeFactors, MemoryStore, OsRandom, Verdict};

#[path = "shared/person.rs"]
mod person;

/// The first request: a code, and the form of the second page.
fn form(
    dana: AccountAt<'_>,
    (session, code): (&str, &str),
    store: &MemoryStore,
    rng: &mut OsRandom,
) -> Result<String, Box<dyn Error>> {
    match dana.verify(code, ChangeFactors).run(store) {
        Verdict::Accepted(proof) => Ok(dana.carry(proof, session, rng)?.expose_text().to_owned()),
        other => Err(format!("not now: {other:?}").into()),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut example = person::Example::new()?;
    let (code, session) = (example.next_code()?, "the session's id, from its cookie");
    let dana = example.mfa.account(&example.id).at(example.now);
    let hidden = form(dana, (session, &code), &example.store, &mut example.rng)?;

    // The person chooses "add a passkey". The browser makes one, which takes a minute, and the host's
    // WebAuthn library checks it.
    let dana = example.mfa.account(&example.id).at(example.now.plus(60));
    let bind = dana.bind_external("Laptop", ExternalMethod::Passkey, &mut example.rng);
    let bound = bind.proven_by(CarriedProof::new(&hidden, session)).run(&example.store)?;
    println!("bound {}, epoch {}", bound.device(), bound.epoch());

    // The form again, or from another browser: refused, and counted nowhere.
    for session in [session, "another session"] {
        let again = CarriedProof::new(&hidden, session);
        let refused = dana.regenerate_recovery_codes(again, &mut example.rng).run(&example.store);
        println!("{}", refused.err().ok_or("burnt")?);
    }
    Ok(())
}
