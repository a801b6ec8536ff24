//! The library against models written for clarity: base32 over strings, a code as a list of
//! characters, and windows that compute one code at a time with the `hmac` crate.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects)]

use countersign::otp::{LookAhead, Reach};
use countersign::otp::{Parameters, Period};
use countersign::otp::{decode_base32, decode_base32_lenient};
use countersign::{Algorithm, Code, Digits, Hotp, Secret, Totp, UnixTime, Window};
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;

mod model {
    use super::*;

    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    /// RFC 4648 section 6 as a string of bits.
    pub fn encode(bytes: &[u8]) -> String {
        let mut bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
        while !bits.len().is_multiple_of(5) {
            bits.push('0');
        }
        let groups = (0..bits.len()).step_by(5).map(|at| &bits[at..at + 5]);
        let index = |group| usize::from_str_radix(group, 2).unwrap();
        groups.map(|group| ALPHABET.chars().nth(index(group)).unwrap()).collect()
    }

    /// The only text for bytes is the one that they encode to.
    pub fn decode(text: &str) -> Option<Vec<u8>> {
        let mut bits = String::new();
        for character in text.chars() {
            bits += &format!("{:05b}", ALPHABET.find(character)?);
        }
        let whole = (0..bits.len() / 8).map(|at| &bits[at * 8..at * 8 + 8]);
        let bytes: Vec<u8> = whole.map(|bits| u8::from_str_radix(bits, 2).unwrap()).collect();
        Some(bytes).filter(|bytes| encode(bytes) == text)
    }

    pub fn decode_lenient(text: &str) -> Option<Vec<u8>> {
        let text = text.replace([' ', '-'], "");
        if !text.is_ascii() {
            return None;
        }
        let bare = text.trim_end_matches('=');
        let padded = text.len() != bare.len();
        if padded && (!text.len().is_multiple_of(8) || text.len() - bare.len() >= 8) {
            return None;
        }
        decode(&bare.to_ascii_uppercase())
    }

    pub fn code(text: &str, count: usize) -> Option<&str> {
        let digits = text.chars().all(|character| "0123456789".contains(character));
        Some(text).filter(|text| digits && text.chars().count() == count)
    }

    fn mac<M: Mac + KeyInit>(key: &[u8], factor: u64) -> Vec<u8> {
        let mut mac = <M as KeyInit>::new_from_slice(key).unwrap();
        mac.update(&factor.to_be_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    pub fn generate(key: &[u8], algorithm: Algorithm, digits: Digits, factor: u64) -> String {
        let mac = match algorithm {
            Algorithm::Sha1 => mac::<Hmac<sha1::Sha1>>(key, factor),
            Algorithm::Sha256 => mac::<Hmac<sha2::Sha256>>(key, factor),
            Algorithm::Sha512 => mac::<Hmac<sha2::Sha512>>(key, factor),
        };
        let offset = usize::from(mac[mac.len() - 1] & 0xf);
        let four = u32::from_be_bytes(mac[offset..offset + 4].try_into().unwrap());
        let count = usize::from(digits.count());
        let all = format!("{:010}", four & 0x7fff_ffff);
        all[10 - count..].to_owned()
    }

    /// The highest factor of `factors` that is eligible and under which, with the ones before it,
    /// the codes stand in a row, all within the window.
    pub fn find(
        factors: impl Iterator<Item = Option<u64>>,
        eligible: impl Fn(u64) -> bool,
        generate: impl Fn(u64) -> String,
        codes: &[&str],
    ) -> Option<u64> {
        let window: Vec<Option<u64>> = factors.collect();
        let runs = window.windows(codes.len()).filter(|run| {
            run.iter().zip(codes).all(|(factor, code)| {
                factor.is_some_and(|factor| eligible(factor) && generate(factor) == *code)
            })
        });
        runs.filter_map(|run| run[run.len() - 1]).max()
    }
}

fn algorithms() -> impl Strategy<Value = Algorithm> {
    prop::sample::select(vec![Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512])
}

fn digits() -> impl Strategy<Value = Digits> {
    prop::sample::select(vec![Digits::Six, Digits::Seven, Digits::Eight])
}

/// Counters in the middle and at both ends.
fn factors() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0_u64..40, u64::MAX - 40..=u64::MAX]
}

/// Text that is nearly base32.
fn nearly_base32() -> impl Strategy<Value = String> {
    let secret =
        || prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| model::encode(&bytes));
    prop_oneof![
        "[A-Z2-7]{0,40}",
        "[A-Za-z2-7 =-]{0,40}",
        "[A-Z0-9=]{0,20}",
        "\\PC{0,20}",
        (secret(), 0_usize..9).prop_map(|(text, pads)| text + &"=".repeat(pads)),
        secret().prop_map(|text| text.to_ascii_lowercase()),
        secret().prop_map(|text| {
            let pads = text.len().wrapping_neg() % 8;
            text + &"=".repeat(pads)
        }),
        (secret(), any::<prop::sample::Index>(), "[ A-Za-z0-9=-]").prop_map(|(text, at, other)| {
            let at = at.index(text.len() + 1);
            format!("{}{other}{}", &text[..at], &text[at..])
        }),
    ]
}

proptest! {
    #[test]
    fn base32_equals_the_model(text in nearly_base32()) {
        let mut buffer = [0; 128];
        let strict = decode_base32(&text, &mut buffer).ok().map(<[u8]>::to_vec);
        prop_assert_eq!(&strict, &model::decode(&text));
        let lenient = decode_base32_lenient(&text, &mut buffer).ok().map(<[u8]>::to_vec);
        prop_assert_eq!(&lenient, &model::decode_lenient(&text));
        // What the strict door takes, the lenient one reads alike.
        prop_assert!(strict.is_none() || strict == lenient);
        let secret = Secret::from_base32(&text).ok().map(|secret| secret.expose_bytes().to_vec());
        prop_assert_eq!(secret, strict.filter(|bytes| (16..=128).contains(&bytes.len())));
    }

    #[test]
    fn a_secret_survives_its_text(bytes in prop::collection::vec(any::<u8>(), 16..=128)) {
        let secret = Secret::from_bytes(&bytes).unwrap();
        let text = secret.expose_base32();
        prop_assert_eq!(text.expose_str(), model::encode(&bytes));
        let again = Secret::from_base32(text.expose_str()).unwrap();
        prop_assert_eq!(again.expose_bytes(), bytes.as_slice());
    }

    #[test]
    fn codes_equal_the_model(
        text in prop_oneof!["[0-9]{5,9}", "[0-9 -]{5,11}", "[0-9+.x٣３ ]{5,9}", "\\PC{0,12}"],
        digits in digits(),
    ) {
        let count = usize::from(digits.count());
        let strict = Code::parse(&text, digits);
        let expected = model::code(&text, count);
        prop_assert_eq!(strict.as_ref().ok().map(Code::expose_str), expected);
        let dropped = text.replace([' ', '-'], "");
        let lenient = Code::parse_lenient(&text, digits);
        prop_assert_eq!(lenient.as_ref().ok().map(Code::expose_str), model::code(&dropped, count));
        if let Ok(strict) = strict {
            prop_assert_eq!(strict.expose_str(), text.as_str());
            prop_assert_eq!(&strict, &lenient.unwrap());
        }
    }

    #[test]
    fn equality_of_codes_is_equality_of_texts(a in "[0-9]{6}", b in "[0-9]{6}", at in 0_usize..6) {
        let parse = |text: &str| Code::parse(text, Digits::Six).unwrap();
        prop_assert_eq!(parse(&a) == parse(&b), a == b);
        let mut near = a.clone().into_bytes();
        near[at] = b'0' + (near[at] - b'0' + 1) % 10;
        prop_assert!(parse(&a) != parse(std::str::from_utf8(&near).unwrap()));
    }

    #[test]
    fn hotp_find_equals_the_model(
        key in prop::collection::vec(any::<u8>(), 16..80),
        algorithm in algorithms(),
        digits in digits(),
        counter in factors(),
        look_ahead in 1_u8..=50,
        off in -3_i64..54,
    ) {
        let hotp = Hotp::new(&Secret::from_bytes(&key).unwrap(), algorithm, digits);
        let shown = counter.wrapping_add_signed(off);
        let code = hotp.generate(shown);
        let text = model::generate(&key, algorithm, digits, shown);
        prop_assert_eq!(code.expose_str(), text.as_str());
        let expected = model::find(
            (0..look_ahead).map(|ahead| counter.checked_add(ahead.into())),
            |_| true,
            |factor| model::generate(&key, algorithm, digits, factor),
            &[&text],
        );
        let found = hotp.find(&code, counter, LookAhead::new(look_ahead.into()).unwrap());
        prop_assert_eq!(found.map(|found| found.counter()), expected);
        prop_assert_eq!(found.map(|found| found.next()), expected.map(|at| at.checked_add(1)));
    }

    #[test]
    fn totp_find_equals_the_model(
        key in prop::collection::vec(any::<u8>(), 16..80),
        algorithm in algorithms(),
        digits in digits(),
        period in 1_u64..=120,
        t0 in prop_oneof![Just(0_u64), 0_u64..100_000, any::<u64>()],
        since in prop_oneof![0_u64..3_000, any::<u64>()],
        (backward, forward) in (0_u8..=10, 0_u8..=10),
        (drift, off) in (-3_i16..=3, -14_i64..=14),
        after in prop::option::of(-14_i64..=14),
    ) {
        let now = t0.saturating_add(since);
        let present = (now - t0) / period;
        let secret = Secret::from_bytes(&key).unwrap();
        let (t0, now) = (UnixTime::from_secs(t0), UnixTime::from_secs(now));
        let period = Period::new(period).unwrap();
        let totp = Totp::new(&secret, Parameters { algorithm, digits, period, t0 });
        prop_assert_eq!(totp.step_at(now), Some(present));

        let shown = present.wrapping_add_signed(off);
        let text = model::generate(&key, algorithm, digits, shown);
        let code = Code::parse(&text, digits).unwrap();
        let after = after.and_then(|off| present.checked_add_signed(off));
        let from = i64::from(drift) - i64::from(backward);
        let to = i64::from(drift) + i64::from(forward);
        let expected = model::find(
            (from..=to).map(|off| present.checked_add_signed(off)),
            |step| after.is_none_or(|last| step > last),
            |step| model::generate(&key, algorithm, digits, step),
            &[&text],
        );
        let window = Window::new(backward.into(), forward.into()).unwrap();
        let found = totp.find_with_drift(&code, now, window, drift, after);
        prop_assert_eq!(found.map(|found| found.step()), expected);
        if let Some(found) = found {
            let away = i128::from(found.step()) - i128::from(present);
            prop_assert_eq!(i128::from(found.drift()), away);
        }
        if drift == 0 {
            prop_assert_eq!(totp.find(&code, now, window, after), found);
        }
    }

    #[test]
    fn resynchronisation_equals_the_model(
        key in prop::collection::vec(any::<u8>(), 16..40),
        counter in factors(),
        reach in 1_u16..40,
        off in -45_i64..45,
        gaps in prop::collection::vec(prop_oneof![4 => Just(1_i64), 1 => -2_i64..3], 1..=2),
        after in prop::option::of(-45_i64..45),
    ) {
        let (algorithm, digits) = (Algorithm::Sha1, Digits::Six);
        let secret = Secret::from_bytes(&key).unwrap();
        let generate = |factor| model::generate(&key, algorithm, digits, factor);
        let mut shown = vec![counter.wrapping_add_signed(off)];
        for gap in gaps {
            shown.push(shown[shown.len() - 1].wrapping_add_signed(gap));
        }
        let texts: Vec<String> = shown.into_iter().map(generate).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let codes: Vec<Code> =
            texts.iter().map(|text| Code::parse(text, digits).unwrap()).collect();
        let far = Reach::new(reach.into()).unwrap();

        let hotp = Hotp::new(&secret, algorithm, digits);
        let ahead = (0..reach).map(|ahead| counter.checked_add(ahead.into()));
        let expected = model::find(ahead, |_| true, generate, &texts);
        let found = hotp.resynchronise(&codes, counter, far);
        prop_assert_eq!(found.map(|found| found.counter()), expected);

        // One second a step, so that the present step is the counter.
        let period = Period::new(1).unwrap();
        let totp = Totp::new(&secret, Parameters { period, ..Parameters::default() });
        let after = after.and_then(|off| counter.checked_add_signed(off));
        let reach = i64::from(reach);
        let around = (-reach..=reach).map(|off| counter.checked_add_signed(off));
        let unused = |step| after.is_none_or(|last| step > last);
        let expected = model::find(around, unused, generate, &texts);
        let found = totp.resynchronise(&codes, UnixTime::from_secs(counter), far, after);
        prop_assert_eq!(found.map(|found| found.step()), expected);
    }
}
