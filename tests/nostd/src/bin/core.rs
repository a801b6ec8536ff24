//! The tables of RFC 4226 and RFC 6238, generated and found, without std or an allocator: the
//! program ends with 0 if every row is right, else with the number of the check that failed.
#![no_std]
#![no_main]

use core::hint::black_box;

use countersign::code::Digits;
use countersign::hotp::{LookAhead, Reach};
use countersign::totp::Parameters;
use countersign::vectors::{HOTP, TOTP, seed};
use countersign::{Algorithm, Code, Hotp, Secret, Totp, Window};
use countersign_nostd as _;

#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    match run() {
        Ok(()) => 0,
        Err(check) => check,
    }
}

fn run() -> Result<(), i32> {
    for row in black_box(&TOTP) {
        let secret = Secret::from_bytes(seed(row.algorithm)).map_err(|_| 1)?;
        let (algorithm, digits) = (row.algorithm, Digits::Eight);
        let totp = Totp::new(&secret, Parameters { algorithm, digits, ..Parameters::default() });
        let shown = totp.generate(row.time).ok_or(2)?;
        let typed = Code::parse(row.code, digits).map_err(|_| 3)?;
        require(shown == typed, 4)?;
        let found = totp.find(&typed, row.time, Window::ONE_EACH_WAY, None).ok_or(5)?;
        require(found.step() == row.step, 6)?;
        let again = totp.find(&typed, row.time, Window::ONE_EACH_WAY, Some(found.step()));
        require(again.is_none(), 7)?;
    }
    let secret = Secret::from_bytes(seed(Algorithm::Sha1)).map_err(|_| 8)?;
    let hotp = Hotp::new(&secret, Algorithm::Sha1, Digits::Six);
    for row in black_box(&HOTP) {
        let typed = Code::parse(row.code, Digits::Six).map_err(|_| 9)?;
        require(hotp.generate(row.counter) == typed, 10)?;
        let found = hotp.find(&typed, row.counter, LookAhead::FIVE).ok_or(11)?;
        require(found.counter() == row.counter, 12)?;
    }
    let [_, _, third, fourth, ..] = black_box(&HOTP);
    let codes = [third, fourth].map(|row| Code::parse_lenient(row.code, Digits::Six));
    let [Ok(first), Ok(second)] = codes else { return Err(13) };
    let found = hotp.resynchronise(&[first, second], 0, Reach::THOUSAND).ok_or(14)?;
    require(found.next() == Some(4), 15)
}

fn require(right: bool, check: i32) -> Result<(), i32> {
    if right { Ok(()) } else { Err(check) }
}
