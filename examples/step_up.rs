//! Step-up: a fresh code for one named action. A proof for it opens nothing else.
//!
//! `cargo run --example step_up`

use std::error::Error;

use countersign::{Action, Proof, Verdict};

#[path = "shared/person.rs"]
mod person;

const RELEASE: &str = "release-claims";

/// What is guarded takes the proof by value: one code, one release.
fn release_claims(batch: u32, proof: Proof<Action>) -> Result<(), &'static str> {
    if proof.purpose().name() != RELEASE {
        return Err("the proof is for another action");
    }
    println!("batch {batch} released by {} at {}", proof.account(), proof.at());
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut example = person::Example::new()?;
    let code = example.next_code()?;
    let dana = example.mfa.account(&example.id).at(example.now);

    let attempt = dana.verify(&code, Action::new(RELEASE)?).first_factor_passed();
    match attempt.from_source("192.0.2.7").run(&example.store) {
        Verdict::Accepted(proof) => release_claims(7, proof)?,
        Verdict::Undecided(fault) => println!("try later: {fault}"),
        other => println!("not released: {other:?}"),
    }
    Ok(())
}
