//! Codes alone, without an account: what an authenticator app computes, and how one is checked.
//!
//! `cargo run --example codes`. A host that stores nothing but the last step can use this much; the
//! account layer does the storing, the counting and the races as well.

use countersign::otp::Parameters;
use countersign::{Algorithm, Code, Digits, OsRandom, Secret, Totp, UnixTime, Window};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = Secret::generate(Algorithm::Sha1, &mut OsRandom::new()?);
    let totp = Totp::new(&secret, Parameters::default()); // SHA-1, six digits, thirty seconds

    let now = UnixTime::now()?;
    let shown = totp.generate(now).ok_or("before T0")?; // on the phone
    println!("the phone shows {}", shown.expose_str());

    let typed = Code::parse_lenient(shown.expose_str(), Digits::Six)?; // takes "123 456" as well
    let last_step = None; // no code was accepted yet
    let matched = totp.find(&typed, now, Window::ONE_EACH_WAY, last_step).ok_or("wrong code")?;
    println!("accepted at step {}", matched.step());

    // The step that was accepted is burnt: store it, and pass it next time.
    let again = totp.find(&typed, now, Window::ONE_EACH_WAY, Some(matched.step()));
    println!("accepted a second time: {}", again.is_some());
    Ok(())
}
