//! A new phone: the old one proves, the new one is confirmed, and the old one ends in the same write.
//!
//! `cargo run --example replace_phone`

use std::error::Error;

use countersign::{ChangeFactors, Totp, Verdict};

#[path = "shared/person.rs"]
mod person;

fn main() -> Result<(), Box<dyn Error>> {
    let mut example = person::Example::new()?;
    let code = example.next_code()?;
    let (store, dana) = (&example.store, example.mfa.account(&example.id).at(example.now));

    let verdict = dana.verify(&code, ChangeFactors).run(store);
    let Verdict::Accepted(proof) = verdict.decided()? else { return Err("wrong code".into()) };
    let summary = dana.summary().run(store)?.ok_or("no record")?;
    let old = summary.confirmed().next().ok_or("no phone")?.id;

    let pending = dana.replace(old, "New phone", proof, &mut example.rng).run(store)?;
    let uri = pending.uri("Acme Billing", "dana")?; // show it as a QR code, once
    println!("confirm the new phone before {}", pending.until());

    let new = Totp::new(uri.secret(), uri.totp_parameters().ok_or("not TOTP")?);
    let code = new.generate(example.now).ok_or("no code")?;
    match dana.confirm(pending.id(), code.expose_str(), &mut example.rng).run(store) {
        Verdict::Accepted(bound) => println!("bound {}, epoch {}", bound.device(), bound.epoch()),
        other => println!("try again: {other:?}"),
    }
    let summary = dana.summary().run(store)?.ok_or("no record")?;
    for device in &summary.devices {
        println!("{} is {:?}", device.label, device.status);
    }
    Ok(())
}
