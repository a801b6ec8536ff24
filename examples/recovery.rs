//! The phone is gone: a recovery code gets a new set, signs in, and takes the phone out of use.
//!
//! `cargo run --example recovery`

use std::error::Error;

use countersign::{ChangeFactors, SignIn, Verdict};

#[path = "shared/person.rs"]
mod person;

fn main() -> Result<(), Box<dyn Error>> {
    let mut example = person::Example::new()?;
    let printed = std::mem::take(&mut example.recovery_codes);
    let dana = example.mfa.account(&example.id).at(example.now);

    // A new set, because one code of the old one is used now. The old set lives until Dana says that she
    // has the new one, or uses it; a day at most.
    // Lower case and without hyphens: people type what they read.
    let typed = printed.first().ok_or("none")?.to_lowercase().replace('-', " ");
    let verdict = dana.recover(&typed, ChangeFactors).run(&example.store);
    let Verdict::Accepted(proof) = verdict.decided()? else { return Err("not accepted".into()) };
    println!("proved by {}; a new set is due: {}", proof.method().name(), proof.replacement_due());
    let codes = dana.regenerate_recovery_codes(proof, &mut example.rng).run(&example.store)?;
    println!("show these once:\n{}", *codes.expose_lines());
    dana.acknowledge_recovery_codes(codes.set()).run(&example.store)?; // the button "I have them"

    // Sign in with one of them. The stolen phone stops at once, before there is a new one.
    let code = codes.iter().next().ok_or("none")?.expose_text();
    let verdict = dana.recover(&code, SignIn).run(&example.store);
    let Verdict::Accepted(proof) = verdict.decided()? else { return Err("not accepted".into()) };
    let summary = dana.summary().run(&example.store)?.ok_or("no record")?;
    let phone = summary.confirmed().next().ok_or("no phone")?.id;
    let lost = dana.report_lost(phone, proof).run(&example.store)?;
    println!("sessions below epoch {} have to end", lost.epoch());
    Ok(())
}
