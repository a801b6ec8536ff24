//! Moving in: devices that another system enrolled, row by row, and what is refused.
//!
//! `cargo run --example import`. A migration can be run again: a device that is already here is refused.

use std::error::Error;

use countersign::account::Text;
use countersign::account::{ExistingDevice, Refusal};
use countersign::mfa::NotDone;
use countersign::{AccountId, ProvisioningUri};

#[path = "shared/person.rs"]
mod person;

/// What the other system exported: the person's number, the URI, the last step that it accepted.
const EXPORT: [(u64, &str, Option<u64>); 3] = [
    (
        7,
        "otpauth://totp/Old:lee?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Old",
        Some(57_000_000),
    ),
    (8, "otpauth://totp/Old:ana?secret=mfrg gzdf mztw q2lk nnwg 23tp obyx e43u&issuer=Old", None),
    (
        7,
        "otpauth://totp/Old:lee?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Old",
        Some(57_000_000),
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut example = person::Example::new()?;
    for (number, uri, last_step) in EXPORT {
        let (uri, tolerated) = ProvisioningUri::import(uri)?;
        tolerated.iter().for_each(|what| println!("{number}: {}", what.name()));
        let device = ExistingDevice::from_uri(Text::new("Phone")?, &uri, last_step);
        let id = AccountId::new(number.to_be_bytes())?;
        let account = example.mfa.account(&id).at(example.now);
        match account.import(device, &mut example.rng).run(&example.store) {
            Ok(imported) => println!("{number}: imported as {}", *imported),
            Err(NotDone::Refused { refusal: Refusal::AlreadyBound, .. }) => {
                println!("{number}: was here already");
            }
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}
