//! The tables of RFC 4226 and RFC 6238 on a Cortex-M4 without an operating system: `bash .ci/targets`
//! links this program and runs it in an emulator.
//!
//! Prints each wrong row and how many were right, and ends with 0 if all were. Brings its own start-up
//! code and linker script (`link.ld`); `memcpy` and its like are those of `compiler_builtins`. Talks to
//! the emulator by semihosting, the ARM convention for a program under a debugger.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod board;

use core::fmt::{self, Write};

use countersign::vectors::{HOTP, TOTP, seed};
use countersign::{
    Algorithm, Code, Digits, Hotp, LookAhead, Secret, Totp, Window, otp::Parameters,
};

/// Prints the verdict on both tables. `Ok(false)`: a row is wrong.
fn report(out: &mut impl Write) -> Result<bool, fmt::Error> {
    let mut right = 0;
    for row in &HOTP {
        let (digits, counter) = (Digits::Six, row.counter);
        let made = Secret::from_bytes(seed(Algorithm::Sha1)).ok().and_then(|secret| {
            let hotp = Hotp::new(&secret, Algorithm::Sha1, digits);
            let typed = Code::parse(row.code, digits).ok()?;
            let found = hotp.find(&typed, counter, LookAhead::of::<5>())?.counter() == counter;
            Some((hotp.generate(counter), found))
        });
        match made {
            Some((code, true)) if code.expose_str() == row.code => right += 1,
            _ => writeln!(out, "wrong: RFC 4226 appendix D, counter {counter}, {}", row.code)?,
        }
    }
    writeln!(out, "RFC 4226 appendix D: {right} of {} right", HOTP.len())?;
    let mut all = right == HOTP.len();

    right = 0;
    for row in &TOTP {
        let (algorithm, digits) = (row.algorithm, Digits::Eight);
        let made = Secret::from_bytes(seed(algorithm)).ok().and_then(|secret| {
            let parameters = Parameters { algorithm, digits, ..Parameters::default() };
            let totp = Totp::new(&secret, parameters);
            let typed = Code::parse(row.code, digits).ok()?;
            let found = totp.find(&typed, row.time, Window::ONE_EACH_WAY, None)?.step() == row.step;
            Some((totp.generate(row.time)?, found))
        });
        match made {
            Some((code, true)) if code.expose_str() == row.code => right += 1,
            _ => writeln!(
                out,
                "wrong: RFC 6238 appendix B, time {}, {}",
                row.time.as_secs(),
                row.code
            )?,
        }
    }
    writeln!(out, "RFC 6238 appendix B: {right} of {} right", TOTP.len())?;
    all &= right == TOTP.len();
    Ok(all)
}

/// Prints the same on a machine with an operating system.
#[cfg(not(target_os = "none"))]
fn main() {
    let mut out = String::new();
    let right = report(&mut out);
    print!("{out}");
    std::process::exit(i32::from(right != Ok(true)));
}
