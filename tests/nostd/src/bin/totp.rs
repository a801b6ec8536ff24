//! The least that is of use: SHA-1 TOTP, generated and found. What `.ci/size` measures. It names no
//! other hash; the others are linked all the same, because a key chooses among them when the program
//! runs.
#![no_std]
#![no_main]

use core::hint::black_box;

use countersign::otp::Parameters;
use countersign::vectors::seed;
use countersign::{Algorithm, Code, Digits, Secret, Totp, UnixTime, Window};
use countersign_nostd as _;

#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    let Ok(secret) = Secret::from_bytes(black_box(seed(Algorithm::Sha1))) else { return 1 };
    let Ok(typed) = Code::parse(black_box("081804"), Digits::Six) else { return 2 };
    let totp = Totp::new(&secret, Parameters::default());
    let now = UnixTime::from_secs(black_box(1_111_111_109));
    let shown = totp.generate(now).is_some_and(|shown| shown == typed);
    let found = totp.find(&typed, now, Window::ONE_EACH_WAY, None).is_some();
    if shown && found { 0 } else { 3 }
}
