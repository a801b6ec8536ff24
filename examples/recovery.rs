//! The phone is gone: a recovery code signs in, takes the phone out of use, and a new set is due.
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

    // Lower case and without hyphens: people type what they read.
    let typed = printed.first().ok_or("none")?.to_lowercase().replace('-', " ");
    let verdict = dana.recover(&typed, SignIn).run(&example.store);
    let Verdict::Accepted(proof) = verdict.decided()? else { return Err("not accepted".into()) };
    println!(
        "signed in by {}; a new set is due: {}",
        proof.method().name(),
        proof.replacement_due()
    );

    // The stolen phone stops at once, before there is a new one. Any proof of Dana's will do.
    let summary = dana.summary().run(&example.store)?.ok_or("no record")?;
    let phone = summary.confirmed().next().ok_or("no phone")?.id;
    let lost = dana.report_lost(phone, proof).run(&example.store)?;
    println!("sessions below epoch {} have to end", lost.epoch());

    // New codes, by a second recovery code. The old set ends as a whole.
    let verdict = dana.recover(printed.get(1).ok_or("none")?, ChangeFactors).run(&example.store);
    let Verdict::Accepted(proof) = verdict.decided()? else { return Err("not accepted".into()) };
    let codes = dana.regenerate_recovery_codes(proof, &mut example.rng).run(&example.store)?;
    println!("show these once:\n{}", *codes.expose_lines());
    Ok(())
}
