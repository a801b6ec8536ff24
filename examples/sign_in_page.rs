//! The page after the password: what it shows is where the person stands.
//!
//! `cargo run --example sign_in_page`

use countersign::account::HostsWord;
use std::error::Error;

use countersign::UnixTime;
use countersign::account::Standing;

#[path = "shared/person.rs"]
mod person;

/// No arm lets anyone in: "no factor yet" is a page, never a way around the second factor.
fn page(standing: Standing, now: UnixTime) -> String {
    match standing {
        Standing::NeverEnrolled | Standing::Reset { .. } => "set up an authenticator app".into(),
        Standing::Pending { .. } => "scan the code and type what the app shows".into(),
        Standing::InUse => "type the code of your app".into(),
        Standing::Waiting { until } => {
            format!("wait {} seconds, or use a recovery code", until.since(now))
        }
        Standing::ClosedToStrangers => {
            "use your usual computer, a passkey or a recovery code".into()
        }
        Standing::RecoveryCodesOnly => "use a recovery code".into(),
        Standing::OperatorOnly => "call the help desk".into(),
        Standing::Offboarded => "this account has ended".into(),
        _ => "try again later".into(), // a standing that a later release adds
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let example = person::Example::new()?;
    let (store, now) = (&example.store, example.now);
    let nobody = countersign::AccountId::new("43")?;
    println!("43: {}", page(example.mfa.account(&nobody).at(now).standing().run(store)?, now));
    let dana = example.mfa.account(&example.id).at(now);
    println!("42: {}", page(dana.standing().run(store)?, now));
    for _ in 0..5 {
        let _ = dana.verify("000000", countersign::SignIn).run(store);
    }
    println!("42: {}", page(dana.standing().run(store)?, now));
    dana.offboard(HostsWord::Process, "employment ended").run(store)?;
    println!("42: {}", page(dana.standing().run(store)?, now));
    Ok(())
}
