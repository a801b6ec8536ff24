//! Somebody who has Dana's password guesses until codes have to wait. Dana gets in all the same.
//!
//! `cargo run --example locked_out`

use std::error::Error;

use countersign::{ChangeFactors, SignIn, Verdict};

#[path = "shared/person.rs"]
mod person;

fn main() -> Result<(), Box<dyn Error>> {
    let mut example = person::Example::new()?;
    let code = example.next_code()?;
    let (mfa, store, rng, now) = (&example.mfa, &example.store, &mut example.rng, example.now);
    let dana = mfa.account(&example.id).at(now);

    // Dana ticked "this is my computer" when she signed in: the token is a cookie of her browser.
    let proof = dana.verify(&code, SignIn).run(store).decided()?.accepted().ok_or("wrong code")?;
    let browser = dana.remember_browser(&proof, rng).run(store)?;

    // An hour of guesses from elsewhere.
    let guess = |at| mfa.account(&example.id).at(at).verify("000000", SignIn).run(store);
    let guesses = (0..3600).step_by(60).map(|secs| guess(now.plus(secs)));
    let refused = guesses.filter(|verdict| matches!(verdict, Verdict::Rejected { .. })).count();
    println!("{refused} of 60 guesses were looked at");

    let later = now.plus(3600);
    let dana = mfa.account(&example.id).at(later);
    let code = example.phone.generate(later).ok_or("no code")?;
    println!("where she stands: {}", dana.standing().run(store)?.name());
    if let Verdict::Wait { until } = dana.verify(code.expose_str(), SignIn).run(store) {
        println!("from another computer: not before {until}");
    }

    // Her own browser has failures of its own, which nobody else can use up; and her success ends the
    // waits.
    let attempt = dana.verify(code.expose_str(), SignIn).from_browser(browser.expose_token());
    println!("from her browser: {}", attempt.run(store).accepted().is_some());
    println!("where she stands: {}", dana.standing().run(store)?.name());

    // What fails in thirty days is limited, and a success does not empty that. A recovery code does.
    let weight = || dana.summary().run(store).map(|summary| summary.map(|it| it.codes.weight));
    println!("the failures of thirty days: {:?}", weight()?);
    let printed = example.recovery_codes.first().ok_or("none")?;
    let proof = dana.recover(printed, ChangeFactors).run(store).decided()?.accepted();
    dana.unlock(proof.ok_or("wrong code")?).run(store)?;
    println!("after unlocking: {:?}", weight()?);
    Ok(())
}
