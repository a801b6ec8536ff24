//! The core against two other implementations, on random cases. Each case comes from its number, so
//! a failure says which one it was.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects)]

use std::process::Command;

use countersign::otp::{Parameters, Period};
use countersign::{Algorithm, Digits, Hotp, Secret, Totp, UnixTime};
use hmac::{Hmac, KeyInit, Mac};

const ALGORITHMS: [Algorithm; 3] = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];
const DIGITS: [Digits; 3] = [Digits::Six, Digits::Seven, Digits::Eight];

/// Random numbers that follow from a case's number (SplitMix64).
struct Case(u64);

impl Case {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let drawn = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        drawn ^ (drawn >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.draw() % end
    }

    fn one_of<T: Copy>(&mut self, all: [T; 3]) -> T {
        all[self.below(3) as usize]
    }

    /// 1 to 128 bytes: shorter than a block, a block, longer.
    fn secret(&mut self) -> Vec<u8> {
        let len = 1 + self.below(Secret::MAX_LEN as u64);
        (0..len).map(|_| self.draw() as u8).collect()
    }

    /// Small, large and edge counters alike.
    fn counter(&mut self) -> u64 {
        match self.below(4) {
            0 => self.below(1000),
            1 => u64::MAX - self.below(1000),
            2 => 1 << self.below(64),
            _ => self.draw(),
        }
    }
}

/// RFC 4226 section 5.3 as the RFC writes it, over the `hmac` crate.
fn by_the_book(algorithm: Algorithm, key: &[u8], factor: u64, digits: Digits) -> String {
    fn mac<M: Mac + KeyInit>(key: &[u8], factor: u64) -> Vec<u8> {
        let mut mac = <M as KeyInit>::new_from_slice(key).unwrap();
        mac.update(&factor.to_be_bytes());
        mac.finalize().into_bytes().to_vec()
    }
    let mac = match algorithm {
        Algorithm::Sha1 => mac::<Hmac<sha1::Sha1>>(key, factor),
        Algorithm::Sha256 => mac::<Hmac<sha2::Sha256>>(key, factor),
        Algorithm::Sha512 => mac::<Hmac<sha2::Sha512>>(key, factor),
    };
    let offset = usize::from(mac[mac.len() - 1] & 0xf);
    let window = u32::from_be_bytes(mac[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    let width = usize::from(digits.count());
    format!("{:0width$}", window % 10_u32.pow(u32::from(digits.count())))
}

#[test]
fn a_hundred_thousand_codes_equal_the_hmac_crate() {
    for number in 0..100_000 {
        let mut case = Case(number);
        let (algorithm, digits) = (case.one_of(ALGORITHMS), case.one_of(DIGITS));
        let (key, counter) = (case.secret(), case.counter());
        let secret = Secret::dangerously_allow_short(&key).unwrap();
        let code = Hotp::new(&secret, algorithm, digits).generate(counter);
        let expected = by_the_book(algorithm, &key, counter, digits);
        assert_eq!(code.expose_str(), expected, "case {number}: {algorithm:?}, {counter}");
    }
}

/// What oathtool prints for one case: a process for each, of about a millisecond.
fn oathtool(arguments: &[String], secret: &[u8]) -> String {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let output = Command::new("oathtool").args(arguments).arg(hex).output();
    let output = output.expect("oathtool is not installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// With the next, 10,000 cases, each drawn on its own. HOTP is SHA-1 there.
#[test]
#[ignore = "needs oathtool: .ci/evidence installs it"]
fn five_thousand_hotp_cases_equal_oathtool() {
    for number in 0..5_000 {
        let mut case = Case(1_000_000 + number);
        let (secret, digits) = (case.secret(), case.one_of(DIGITS));
        // oathtool reads a counter as a signed number.
        let counter = case.counter() >> 1;
        let arguments = [format!("--counter={counter}"), format!("--digits={}", digits.count())];
        let known = Secret::dangerously_allow_short(&secret).unwrap();
        let code = Hotp::new(&known, Algorithm::Sha1, digits).generate(counter);
        let printed = oathtool(&arguments, &secret);
        assert_eq!(code.expose_str(), printed, "case {number}: {arguments:?} {secret:02x?}");
    }
}

#[test]
#[ignore = "needs oathtool: .ci/evidence installs it"]
fn five_thousand_totp_cases_equal_oathtool() {
    for number in 0..5_000 {
        let mut case = Case(2_000_000 + number);
        let (secret, digits) = (case.secret(), case.one_of(DIGITS));
        let (algorithm, period) = (case.one_of(ALGORITHMS), 1 + case.below(120));
        let t0 = case.below(1_000_000_000);
        let now = t0 + case.below(7_258_118_400 - t0);
        let arguments = [
            format!("--totp={}", algorithm.name().to_lowercase()),
            format!("--digits={}", digits.count()),
            format!("--time-step-size={period}s"),
            format!("--start-time=@{t0}"),
            format!("--now=@{now}"),
        ];
        let known = Secret::dangerously_allow_short(&secret).unwrap();
        let (period, t0) = (Period::new(period).unwrap(), UnixTime::from_secs(t0));
        let totp = Totp::new(&known, Parameters { algorithm, digits, period, t0 });
        let code = totp.generate(UnixTime::from_secs(now)).unwrap();
        let printed = oathtool(&arguments, &secret);
        assert_eq!(code.expose_str(), printed, "case {number}: {arguments:?} {secret:02x?}");
    }
}
