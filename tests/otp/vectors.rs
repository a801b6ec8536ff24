//! The vectors: RFC 4226 appendix D and section 5.4, RFC 6238 appendix B, RFC 4648 section 10, and
//! computed tables for what those leave out (collisions, extremes, truncation, key lengths).
//!
//! The rows are text under `tests/data`. MACs are compared with the `hmac` crate here; what needs
//! the inside of `key` (truncated values, keys that no secret may be) is tested in `src/key.rs`.
//! OCRA (RFC 6287) is no part of this crate, so its vectors (V4) have no table here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects)]

use crate::rows::{hex, rows, text};
use countersign::otp::LookAhead;
use countersign::otp::{Base32Error, SecretError, decode_base32, decode_base32_lenient};
use countersign::otp::{Parameters, Period};
use countersign::{Algorithm, Code, Digits, Hotp, Secret, Totp, UnixTime, Window, vectors};
use hmac::{Hmac, KeyInit, Mac};

fn algorithm(name: &str) -> Algorithm {
    Algorithm::from_name(name).unwrap()
}

fn seed(algorithm: Algorithm) -> Secret {
    Secret::from_bytes(vectors::seed(algorithm)).unwrap()
}

fn hotp(algorithm: Algorithm, digits: u8, counter: u64) -> String {
    let hotp = Hotp::new(&seed(algorithm), algorithm, Digits::new(digits).unwrap());
    hotp.generate(counter).expose_str().to_owned()
}

fn totp(secret: &Secret, algorithm: Algorithm, digits: u8) -> Totp {
    let digits = Digits::new(digits).unwrap();
    Totp::new(secret, Parameters { algorithm, digits, ..Parameters::default() })
}

fn at(secs: &str) -> UnixTime {
    UnixTime::from_secs(secs.parse().unwrap())
}

/// The MAC by the `hmac` crate.
fn mac(algorithm: Algorithm, key: &[u8], counter: u64) -> Vec<u8> {
    fn with<M: Mac + KeyInit>(key: &[u8], counter: u64) -> Vec<u8> {
        let mut mac = <M as KeyInit>::new_from_slice(key).unwrap();
        mac.update(&counter.to_be_bytes());
        mac.finalize().into_bytes().to_vec()
    }
    match algorithm {
        Algorithm::Sha1 => with::<Hmac<sha1::Sha1>>(key, counter),
        Algorithm::Sha256 => with::<Hmac<sha2::Sha256>>(key, counter),
        Algorithm::Sha512 => with::<Hmac<sha2::Sha512>>(key, counter),
    }
}

/// RFC 4226 section 5.3, word for word.
fn truncate(mac: &[u8]) -> u32 {
    let offset = usize::from(mac[mac.len() - 1] & 0xf);
    u32::from_be_bytes(mac[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff
}

#[test]
fn v1_rfc_4226_appendix_d() {
    let table = rows::<6>(include_str!("../data/v1-rfc4226-appendix-d.txt"));
    assert_eq!(table.len(), vectors::HOTP.len());
    for ([counter, expected_mac, offset, truncated_hex, truncated, code], row) in
        table.into_iter().zip(vectors::HOTP)
    {
        let counter = counter.parse().unwrap();
        let computed = mac(Algorithm::Sha1, vectors::seed(Algorithm::Sha1), counter);
        assert_eq!(computed, hex(expected_mac), "counter {counter}");
        assert_eq!(usize::from(computed[19] & 0xf), offset.parse::<usize>().unwrap());
        assert_eq!(truncate(&computed), truncated.parse::<u32>().unwrap());
        assert_eq!(truncate(&computed), u32::from_str_radix(truncated_hex, 16).unwrap());
        assert_eq!(hotp(Algorithm::Sha1, 6, counter), code);
        // The constants that others build on are the same table.
        assert_eq!((row.counter, row.mac.as_slice()), (counter, computed.as_slice()));
        assert_eq!((row.truncated, row.code), (truncate(&computed), code));
    }
}

#[test]
fn v2_rfc_6238_appendix_b() {
    let table = rows::<5>(include_str!("../data/v2-rfc6238-appendix-b.txt"));
    assert_eq!(table.len(), vectors::TOTP.len());
    for ([time, _utc, step, name, code], row) in table.into_iter().zip(vectors::TOTP) {
        let step = u64::from_str_radix(step, 16).unwrap();
        let totp = totp(&seed(algorithm(name)), algorithm(name), 8);
        assert_eq!(totp.step_at(at(time)), Some(step));
        assert_eq!(totp.generate(at(time)).unwrap().expose_str(), code, "{name} at {time}");
        let typed = Code::parse(code, Digits::Eight).unwrap();
        let found = totp.find(&typed, at(time), Window::ZERO, None).unwrap();
        assert_eq!((found.step(), found.drift()), (step, 0));
        assert_eq!((row.time, row.step), (at(time), step));
        assert_eq!((row.algorithm, row.code), (algorithm(name), code));
    }
}

#[test]
fn v2b_the_literal_prose_does_not_reproduce_the_table() {
    for [time, name, code, table] in rows(include_str!("../data/v2b-literal-prose.txt")) {
        let totp = totp(&seed(Algorithm::Sha1), algorithm(name), 8);
        assert_eq!(totp.generate(at(time)).unwrap().expose_str(), code);
        assert_ne!(code, table);
    }
}

#[test]
fn v2c_fewer_digits_are_the_last_ones() {
    for [time, name, six, seven, eight] in rows(include_str!("../data/v2c-digits.txt")) {
        for (digits, code) in [(6, six), (7, seven), (8, eight)] {
            let totp = totp(&seed(algorithm(name)), algorithm(name), digits);
            assert_eq!(totp.generate(at(time)).unwrap().expose_str(), code);
        }
    }
}

#[test]
fn v3_rfc_4648_base32() {
    for [ascii, padded, unpadded] in rows(include_str!("../data/v3-rfc4648-section-10.txt")) {
        let (bytes, padded, unpadded) = (text(ascii).into_bytes(), text(padded), text(unpadded));
        let mut buffer = [0; 16];
        assert_eq!(decode_base32(&unpadded, &mut buffer), Ok(bytes.as_slice()));
        assert_eq!(decode_base32_lenient(&unpadded, &mut buffer), Ok(bytes.as_slice()));
        assert_eq!(decode_base32_lenient(&padded, &mut buffer), Ok(bytes.as_slice()));
        if let Ok(secret) = Secret::dangerously_allow_short(&bytes) {
            assert_eq!(secret.expose_base32().expose_str(), unpadded);
        }
    }
}

/// The bytes in hexadecimal, or why not.
fn outcome(decoded: Result<&[u8], SecretError>) -> String {
    match decoded {
        Ok(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Err(SecretError::Base32(error)) => format!("{error:?}"),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn v3b_base32hex_never_names_the_same_bytes() {
    for [ascii, base32hex, expected] in rows(include_str!("../data/v3b-base32hex.txt")) {
        let mut buffer = [0; 16];
        let read = outcome(decode_base32(base32hex.trim_end_matches('='), &mut buffer));
        assert_eq!(read, expected);
        assert_ne!(Ok(text(ascii).as_bytes()), decode_base32_lenient(base32hex, &mut buffer));
    }
}

#[test]
fn v3c_both_doors() {
    for [quoted, strict, lenient] in rows(include_str!("../data/v3c-decoder.txt")) {
        let (text, mut buffer) = (text(quoted), [0; 16]);
        assert_eq!(outcome(decode_base32(&text, &mut buffer)), strict, "strict: {quoted}");
        assert_eq!(
            outcome(decode_base32_lenient(&text, &mut buffer)),
            lenient,
            "lenient: {quoted}"
        );
    }
}

#[test]
fn v3d_secrets_of_documents() {
    for [base32, bytes, len] in rows(include_str!("../data/v3d-documents.txt")) {
        let (bytes, len) = (hex(bytes), len.parse().unwrap());
        let secret = Secret::dangerously_allow_short(&bytes).unwrap();
        assert_eq!((secret.len(), secret.is_short()), (len, len < 16));
        assert_eq!(secret.expose_base32().expose_str(), base32);
        match Secret::from_base32(base32) {
            Ok(strict) => assert_eq!(strict.expose_bytes(), bytes),
            Err(error) => assert_eq!((error, len), (SecretError::TooShort { bytes: 10 }, 10)),
        }
    }
    assert_eq!(
        Secret::from_base32("MZ").unwrap_err(),
        SecretError::Base32(Base32Error::TrailingBits)
    );
}

/// Equal codes at two steps: the verifier that stores the first lets the same digits in twice.
#[test]
fn v5_totp_takes_the_highest_match_and_its_step_uses_up_both() {
    for [name, a, b, code, time_a, time_b] in rows(include_str!("../data/v5-equal-codes.txt")) {
        let algorithm = algorithm(name);
        let totp = totp(&seed(algorithm), algorithm, 6);
        let (a, b): (u64, u64) = (a.parse().unwrap(), b.parse().unwrap());
        let typed = Code::parse(code, Digits::Six).unwrap();
        assert_eq!(totp.generate(at(time_a)).unwrap(), typed);
        assert_eq!(totp.generate(at(time_b)).unwrap(), typed);

        // In step b, with a window that sees both.
        let window = Window::new(b - a, 0).unwrap();
        let found = totp.find(&typed, at(time_b), window, None).unwrap();
        assert_eq!((found.step(), found.drift()), (b, 0));
        assert_eq!(totp.find(&typed, at(time_b), window, Some(found.step())), None);

        // In step a, with a window that sees both: the highest is ahead of our clock.
        let window = Window::new(0, b - a).unwrap();
        let found = totp.find(&typed, at(time_a), window, None).unwrap();
        assert_eq!((found.step(), i64::from(found.drift())), (b, (b - a) as i64));

        // Accepted at a before b was in sight; shown again at b it is the code of another step. The
        // core goes by steps. What "the OTP only once" (RFC 6238 section 5.2) makes of equal
        // digits is decided where the last step is kept.
        let found = totp.find(&typed, at(time_a), Window::ZERO, None).unwrap();
        assert_eq!(found.step(), a);
        assert_eq!(totp.find(&typed, at(time_b), Window::ZERO, Some(a)).unwrap().step(), b);
        // A window too small for the distance does not see a.
        let narrow = Window::new(b - a - 1, 0).unwrap();
        assert_eq!(totp.find(&typed, at(time_b), narrow, Some(b)), None);
    }
}

#[test]
fn v5_hotp_stores_the_highest_match_plus_one() {
    for [name, a, b, code, ..] in rows::<6>(include_str!("../data/v5-equal-codes.txt")) {
        let algorithm = algorithm(name);
        let hotp = Hotp::new(&seed(algorithm), algorithm, Digits::Six);
        let (a, b): (u64, u64) = (a.parse().unwrap(), b.parse().unwrap());
        let typed = Code::parse(code, Digits::Six).unwrap();
        let sees_both = LookAhead::new(b - a + 1).unwrap();
        let found = hotp.find(&typed, a, sees_both).unwrap();
        assert_eq!((found.counter(), found.next()), (b, Some(b + 1)));
        assert_eq!(hotp.find(&typed, b + 1, sees_both), None);

        let sees_one = LookAhead::new(b - a).unwrap();
        assert_eq!(hotp.find(&typed, a, sees_one).unwrap().counter(), a);
    }
}

#[test]
fn v6_counter_extremes() {
    for [counter, six, eight, sha256, sha512] in
        rows(include_str!("../data/v6-counter-extremes.txt"))
    {
        let counter = counter.parse().unwrap();
        assert_eq!(hotp(Algorithm::Sha1, 6, counter), six);
        assert_eq!(hotp(Algorithm::Sha1, 8, counter), eight);
        assert_eq!(hotp(Algorithm::Sha256, 8, counter), sha256);
        assert_eq!(hotp(Algorithm::Sha512, 8, counter), sha512);
    }
}

#[test]
fn v6_time_edges() {
    let totp = totp(&seed(Algorithm::Sha1), Algorithm::Sha1, 6);
    for [time, step] in rows(include_str!("../data/v6-time-edges.txt")) {
        assert_eq!(totp.step_at(at(time)), Some(step.parse().unwrap()), "at {time}");
        assert_eq!(
            totp.seconds_left(at(time)),
            Some(30 - time.parse::<u64>().unwrap() % 30),
            "at {time}"
        );
    }
    assert_eq!(Period::new(0), None);
}

#[test]
fn v7_truncation_corners() {
    for [what, name, counter, expected_mac, offset, masked, truncated, six, eight] in
        rows(include_str!("../data/v7-truncation.txt"))
    {
        let (algorithm, counter) = (algorithm(name), counter.parse().unwrap());
        let computed = mac(algorithm, vectors::seed(algorithm), counter);
        assert_eq!(computed, hex(expected_mac), "{name} {what}");
        let at = usize::from(computed[computed.len() - 1] & 0xf);
        assert_eq!(at, offset.parse::<usize>().unwrap(), "{name} {what}");
        assert_eq!(computed[at] >= 0x80, masked == "yes", "{name} {what}");
        assert_eq!(truncate(&computed), truncated.parse::<u32>().unwrap(), "{name} {what}");
        assert_eq!(hotp(algorithm, 6, counter), six, "{name} {what}");
        assert_eq!(hotp(algorithm, 8, counter), eight, "{name} {what}");
    }
}

#[test]
fn v8_key_lengths_that_a_secret_may_have() {
    let bytes: Vec<u8> = (0..=u8::MAX).collect();
    for [len, sha1, sha256, sha512, may] in rows(include_str!("../data/v8-key-lengths.txt")) {
        let key = &bytes[..len.parse().unwrap()];
        match Secret::from_bytes(key) {
            Err(_) => assert_eq!(may, "no", "{len} bytes"),
            Ok(secret) => {
                assert_eq!(may, "yes", "{len} bytes");
                let six = |algorithm| Hotp::new(&secret, algorithm, Digits::Six).generate(1);
                assert_eq!(six(Algorithm::Sha1).expose_str(), sha1);
                assert_eq!(six(Algorithm::Sha256).expose_str(), sha256);
                assert_eq!(six(Algorithm::Sha512).expose_str(), sha512);
            }
        }
    }
}

#[test]
fn v9_six_seven_or_eight_digits() {
    let truncated = vectors::HOTP[0].truncated;
    for [count, value, may] in rows(include_str!("../data/v9-digits.txt")) {
        let count: u8 = count.parse().unwrap();
        assert_eq!((u64::from(truncated) % 10_u64.pow(count.into())).to_string(), value);
        match Digits::new(count) {
            None => assert_eq!(may, "no"),
            Some(digits) => {
                assert_eq!((may, digits.count()), ("yes", count));
                assert_eq!(hotp(Algorithm::Sha1, count, 0), value);
            }
        }
    }
}
