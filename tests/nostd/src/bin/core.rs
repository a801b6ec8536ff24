//! The tables of RFC 4226 and RFC 6238, generated and found, and every other function of the core
//! that handles a secret or what somebody typed (but for base32), without std or an allocator: the
//! program ends with 0 if all is right, else with the number of the check that failed.
#![no_std]
#![no_main]

use core::fmt::Write;
use core::hint::black_box;

use countersign::otp::Digits;
use countersign::otp::{LookAhead, Reach};
use countersign::otp::{Parameters, Period};
use countersign::vectors::{HOTP, TOTP, seed};
use countersign::{Algorithm, Code, Hotp, Key, Secret, Totp, UnixTime, Window};
use countersign_nostd::{Counting, require};

countersign_nostd::program!(run);

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
        let found = hotp.find(&typed, row.counter, LookAhead::of::<5>()).ok_or(11)?;
        require(found.counter() == row.counter, 12)?;
    }
    let [_, _, third, fourth, ..] = black_box(&HOTP);
    let codes = [third, fourth].map(|row| Code::parse_lenient(row.code, Digits::Six));
    let [Ok(first), Ok(second)] = codes else { return Err(13) };
    let found = hotp
        .resynchronise(black_box([first, second].as_slice()), 0, Reach::of::<1000>())
        .ok_or(14)?;
    require(found.next() == Some(4), 15)?;
    clock()?;
    texts()?;
    numbers()
}

/// A clock that is wrong: by a little, which is remembered, and by hours.
fn clock() -> Result<(), i32> {
    let algorithm = black_box(Algorithm::Sha256);
    let made = Secret::generate(algorithm, &mut Counting(7));
    require(made.len() == 32, 16)?;
    let totp = Totp::new(&made, Parameters { algorithm, ..Parameters::default() });
    let now = UnixTime::from_secs(black_box(1_111_111_111));
    let code = |ahead| totp.generate(now.plus(ahead)).ok_or(17);
    let found = totp.find_with_drift(&code(60)?, now, Window::ONE_EACH_WAY, 1, None).ok_or(18)?;
    require(found.drift() == 2, 19)?;
    let three = [code(3_600)?, code(3_630)?, code(3_660)?];
    let found = totp
        .resynchronise(black_box(three.as_slice()), now, Reach::of::<1000>(), None)
        .ok_or(20)?;
    require(found.drift() == 122, 21)?;
    require(totp.resynchronise(&three[..1], now, Reach::of::<1000>(), None).is_none(), 22)?;
    let key = Key::new(algorithm, &made);
    require(key.algorithm() == algorithm, 23)?;
    let hotp = Hotp::from_key(key, totp.digits());
    require(totp.step_at(now).map(|step| hotp.generate(step)) == Some(code(0)?), 24)?;
    require(totp.seconds_left(now) == Some(29) && totp.period() == Period::of::<30>(), 25)
}

/// What is typed, right and wrong, and what is printed. Not base32: the library behind it has bounds
/// checks, which never fail, but stay.
fn texts() -> Result<(), i32> {
    let secret = Secret::dangerously_allow_short(black_box(b"1234567890")).map_err(|_| 26)?;
    require(secret.is_short() && secret.len() == 10, 27)?;
    for wrong in black_box(["", "12345", "1234567", "12345x", "\u{661}23456"]) {
        require(Code::parse(wrong, Digits::Six).is_err(), 28)?;
        require(Code::parse_lenient(wrong, Digits::Six).is_err(), 29)?;
    }
    let code = Code::parse_lenient(black_box(" 123 456"), Digits::Six).map_err(|_| 30)?;
    require(code.expose_str() == "123456" && code.digits() == Digits::Six, 31)?;
    let mut shown = Counted(0);
    write!(shown, "{secret:?} {code:?} {:?}", Secret::from_bytes(b"short")).map_err(|_| 32)?;
    require(shown.0 > 0, 33)
}

/// The bounds of every number.
fn numbers() -> Result<(), i32> {
    for count in black_box(0..=255) {
        let number = u64::from(count);
        require(Digits::new(count).is_none_or(|digits| digits.count() == count), 34)?;
        require(LookAhead::new(number).is_none_or(|ahead| ahead.as_u64() == number), 35)?;
        require(Reach::new(number).is_none_or(|reach| reach.as_u64() == number), 36)?;
        require(Period::new(number).is_none_or(|period| period.as_u64() == number), 37)?;
        let window = Window::new(number, 1);
        require(window.is_none_or(|window| window.lifetime(Period::of::<30>()) > 0), 38)?;
    }
    let guessed = Window::ONE_EACH_WAY.guess_probability(Digits::Six, black_box(100));
    require((0.0002..0.0004).contains(&guessed), 39)?;
    require(Algorithm::from_name(black_box("sha512")) == Some(Algorithm::Sha512), 40)?;
    let now = UnixTime::from_secs(black_box(u64::MAX));
    require(!now.plus(1).is_plausible() && now.since(UnixTime::from_secs(0)) == u64::MAX, 41)
}

/// What is written, by its length.
struct Counted(usize);

impl Write for Counted {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.0 = self.0.wrapping_add(text.len());
        Ok(())
    }
}
