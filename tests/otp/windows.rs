//! The edges: of windows and reaches, of time and of the counters, and of the types that bound
//! them. What a debug print shows, and what the numbers for a policy say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects)]

use countersign::otp::CodeError;
use countersign::otp::{Base32Error, SecretError};
use countersign::otp::{LookAhead, Reach};
use countersign::otp::{Parameters, Period};
use countersign::{Algorithm, Code, Digits, Hotp, Key, Secret, Totp, UnixTime, Window, vectors};

const MAX: u64 = u64::MAX;

fn secret() -> Secret {
    Secret::from_bytes(vectors::seed(Algorithm::Sha1)).unwrap()
}

fn hotp() -> Hotp {
    Hotp::new(&secret(), Algorithm::Sha1, Digits::Six)
}

fn totp() -> Totp {
    Totp::new(&secret(), Parameters::default())
}

fn at(secs: u64) -> UnixTime {
    UnixTime::from_secs(secs)
}

/// A moment in a step.
fn in_step(step: u64) -> UnixTime {
    at(step * 30 + 17)
}

/// The codes of consecutive moving factors.
fn codes(from: u64, count: u64) -> Vec<Code> {
    (from..from + count).map(|factor| hotp().generate(factor)).collect()
}

// HOTP

#[test]
fn look_ahead_s_tries_s_counters() {
    let hotp = hotp();
    for s in 1..=50_u64 {
        let look_ahead = LookAhead::new(s).unwrap();
        for counter in [1, 1_000, MAX - 60] {
            let find = |at: u64| hotp.find(&hotp.generate(at), counter, look_ahead);
            let last = counter + s - 1;
            assert_eq!(find(counter - 1), None, "never backwards");
            assert_eq!(find(counter).unwrap().counter(), counter);
            assert_eq!(find(last).unwrap().counter(), last, "C + s - 1");
            assert_eq!(find(last + 1), None, "C + s");
        }
    }
}

#[test]
fn counters_end_and_do_not_wrap() {
    let hotp = hotp();
    let wide = LookAhead::new(50).unwrap();
    let last = hotp.find(&hotp.generate(MAX), MAX - 3, wide).unwrap();
    assert_eq!((last.counter(), last.next()), (MAX, None));
    assert_eq!(hotp.find(&hotp.generate(MAX), MAX, wide).unwrap().counter(), MAX);
    for wrapped in 0..50 {
        assert_eq!(hotp.find(&hotp.generate(wrapped), MAX - 3, wide), None);
    }
    let across = [hotp.generate(MAX), hotp.generate(0)];
    assert_eq!(hotp.resynchronise(&across, MAX - 3, Reach::of::<1000>()), None);
    let at_the_end = [hotp.generate(MAX - 1), hotp.generate(MAX)];
    let found = hotp.resynchronise(&at_the_end, MAX - 3, Reach::of::<1000>()).unwrap();
    assert_eq!((found.counter(), found.next()), (MAX, None));
}

#[test]
fn hotp_resynchronises_on_two_or_three_consecutive_codes() {
    let (hotp, reach) = (hotp(), Reach::new(100).unwrap());
    for count in [2, 3] {
        // The last code at the edge of the reach: counters 50 to 149.
        let found = hotp.resynchronise(&codes(150 - count, count), 50, reach).unwrap();
        assert_eq!((found.counter(), found.next()), (149, Some(150)));
        assert_eq!(hotp.resynchronise(&codes(151 - count, count), 50, reach), None);
        // The first code at its other edge.
        let found = hotp.resynchronise(&codes(50, count), 50, reach).unwrap();
        assert_eq!(found.counter(), 49 + count);
        assert_eq!(hotp.resynchronise(&codes(49, count), 50, reach), None);
    }
}

#[test]
fn hotp_resynchronisation_wants_the_order_of_the_device() {
    let (hotp, reach) = (hotp(), Reach::of::<1000>());
    let code = |at| hotp.generate(at);
    let refused: [&[Code]; 9] = [
        &[],
        &[code(60)],
        &codes(60, 4),
        &[code(61), code(60)],
        &[code(60), code(62)],
        &[code(60), code(60)],
        &[code(62), code(61), code(60)],
        &[code(60), code(62), code(61)],
        &[code(60), code(61), code(63)],
    ];
    for codes in refused {
        assert_eq!(hotp.resynchronise(codes, 50, reach), None, "{codes:?}");
    }
    assert_eq!(hotp.resynchronise(&codes(60, 2), 50, reach).unwrap().counter(), 61);
    assert_eq!(hotp.resynchronise(&codes(60, 3), 50, reach).unwrap().counter(), 62);
}

/// 693936 and 0693936 are one number and two codes.
#[test]
fn a_code_of_another_length_never_matches() {
    let sha512 = Secret::from_bytes(vectors::seed(Algorithm::Sha512)).unwrap();
    let seven = Hotp::new(&sha512, Algorithm::Sha512, Digits::Seven);
    assert_eq!(seven.generate(1).expose_str(), "0693936");
    let six_digits = Code::parse("693936", Digits::Six).unwrap();
    assert_eq!(seven.find(&six_digits, 1, LookAhead::new(1).unwrap()), None);
    assert_ne!(six_digits, seven.generate(1));
    let next = seven.generate(2);
    assert_eq!(seven.resynchronise(&[six_digits, next], 0, Reach::of::<1000>()), None);
}

// TOTP

#[test]
fn a_window_ends_where_it_says_on_both_sides() {
    let totp = totp();
    let present = 1_000_i64;
    for (backward, forward) in [(0, 0), (1, 1), (1, 0), (0, 1), (2, 1), (10, 10), (3, 7), (10, 0)] {
        let window = Window::new(backward, forward).unwrap();
        let (back, ahead) = (-backward.cast_signed(), forward.cast_signed());
        for drift in [back - 1, back, 0, ahead, ahead + 1] {
            let step = (present + drift).cast_unsigned();
            let code = totp.generate(in_step(step)).unwrap();
            let found = totp.find(&code, in_step(1_000), window, None);
            if drift < back || drift > ahead {
                assert_eq!(found, None, "{drift} in {window:?}");
            } else {
                let found = found.unwrap();
                assert_eq!((found.step(), i64::from(found.drift())), (step, drift));
            }
        }
    }
}

#[test]
fn steps_up_to_the_last_accepted_are_left_out() {
    let (totp, window) = (totp(), Window::new(2, 2).unwrap());
    for step in 998..=1_002 {
        let code = totp.generate(in_step(step)).unwrap();
        let find =
            |after| totp.find(&code, in_step(1_000), window, after).map(|found| found.step());
        assert_eq!(find(None), Some(step));
        assert_eq!(find(Some(step - 1)), Some(step));
        assert_eq!(find(Some(step)), None, "the accepted step itself");
        assert_eq!(find(Some(step + 1)), None, "an older one");
        assert_eq!(find(Some(MAX)), None);
    }
    // Step 0 is a step: nothing before it was accepted.
    let code = totp.generate(at(0)).unwrap();
    assert_eq!(totp.find(&code, at(0), window, None).unwrap().step(), 0);
    assert_eq!(totp.find(&code, at(0), window, Some(0)), None);
}

#[test]
fn nothing_matches_before_t0_and_steps_count_from_it() {
    let t0 = at(1_000_000);
    let totp = Totp::new(&secret(), Parameters { t0, ..Parameters::default() });
    let code = hotp().generate(0);
    assert_eq!((totp.step_at(at(999_999)), totp.seconds_left(at(999_999))), (None, None));
    assert_eq!(totp.generate(at(999_999)), None);
    assert_eq!(totp.find(&code, at(999_999), Window::new(10, 10).unwrap(), None), None);
    assert_eq!(totp.find_with_drift(&code, at(999_999), Window::ONE_EACH_WAY, 2, None), None);
    let pair = codes(0, 2);
    assert_eq!(totp.resynchronise(&pair, at(999_999), Reach::of::<1000>(), None), None);

    assert_eq!((totp.step_at(t0), totp.seconds_left(t0)), (Some(0), Some(30)));
    assert_eq!(totp.seconds_left(at(1_000_029)), Some(1));
    assert_eq!(totp.step_at(at(1_000_030)), Some(1));
    assert_eq!(totp.find(&code, t0, Window::ZERO, None).unwrap().step(), 0);
}

/// A device whose first step is this one: the steps before it do not exist, and the ones at the
/// other end of the numbers are not near.
#[test]
fn a_window_that_reaches_before_the_first_step() {
    let (totp, wide) = (totp(), Window::new(10, 10).unwrap());
    for step in 0..10 {
        let code = totp.generate(in_step(step)).unwrap();
        assert_eq!(totp.find(&code, at(0), wide, None).unwrap().step(), step);
    }
    for back in 0..10 {
        assert_eq!(totp.find(&hotp().generate(MAX - back), at(0), wide, None), None);
    }
    let across = [hotp().generate(MAX), hotp().generate(0)];
    assert_eq!(totp.resynchronise(&across, at(0), Reach::of::<1000>(), None), None);
    assert_eq!(totp.find_with_drift(&hotp().generate(MAX), at(0), wide, i16::MIN, None), None);
}

#[test]
fn a_window_that_reaches_past_the_last_step() {
    let period = Period::new(1).unwrap();
    let totp = Totp::new(&secret(), Parameters { period, ..Parameters::default() });
    let wide = Window::new(10, 10).unwrap();
    assert_eq!(totp.step_at(at(MAX)), Some(MAX));
    for back in 0..=10 {
        let found = totp.find(&hotp().generate(MAX - back), at(MAX), wide, None).unwrap();
        assert_eq!((found.step(), i64::from(found.drift())), (MAX - back, -(back as i64)));
    }
    for wrapped in 0..10 {
        assert_eq!(totp.find(&hotp().generate(wrapped), at(MAX), wide, None), None);
    }
    let across = [hotp().generate(MAX), hotp().generate(0)];
    assert_eq!(totp.resynchronise(&across, at(MAX), Reach::of::<1000>(), None), None);
    assert_eq!(totp.find_with_drift(&hotp().generate(5), at(MAX), wide, i16::MAX, None), None);
    assert_eq!(totp.find(&hotp().generate(MAX), at(MAX), wide, Some(MAX)), None);
}

#[test]
fn a_known_drift_moves_the_window_and_is_counted_from_our_clock() {
    let totp = totp();
    let window = Window::ONE_EACH_WAY;
    for drift in [-2_i16, 2] {
        for off in [-2_i64, -1, 0, 1, 2] {
            let away = i64::from(drift) + off;
            let code = totp.generate(in_step((1_000 + away).cast_unsigned())).unwrap();
            let found = totp.find_with_drift(&code, in_step(1_000), window, drift, None);
            let expected = Some(away).filter(|_| off.abs() <= 1);
            assert_eq!(found.map(|found| i64::from(found.drift())), expected);
        }
    }
}

#[test]
fn totp_resynchronises_within_its_reach() {
    let (totp, reach) = (totp(), Reach::new(100).unwrap());
    let resynchronise =
        |codes: &[Code], after| totp.resynchronise(codes, in_step(5_000), reach, after);
    for count in [2, 3] {
        let found = resynchronise(&codes(5_101 - count, count), None).unwrap();
        assert_eq!((found.step(), found.drift()), (5_100, 100));
        assert_eq!(resynchronise(&codes(5_102 - count, count), None), None);

        let found = resynchronise(&codes(4_900, count), None).unwrap();
        assert_eq!(found.step(), 4_899 + count);
        assert_eq!(i64::from(found.drift()), count as i64 - 101);
        assert_eq!(resynchronise(&codes(4_899, count), None), None);

        // Every code must be above the last accepted step, not only the last one.
        assert_eq!(resynchronise(&codes(5_010, count), Some(5_010)), None);
        let found = resynchronise(&codes(5_010, count), Some(5_009)).unwrap();
        assert_eq!(found.step(), 5_009 + count);
    }
    let code = |step| hotp().generate(step);
    let refused: [&[Code]; 6] = [
        &[],
        &[code(5_001)],
        &codes(5_001, 4),
        &[code(5_002), code(5_001)],
        &[code(5_001), code(5_003)],
        &[code(5_001), code(5_002), code(5_004)],
    ];
    for codes in refused {
        assert_eq!(resynchronise(codes, None), None, "{codes:?}");
    }
}

// The types

#[test]
fn the_types_end_where_the_standards_do() {
    let within = |range: std::ops::RangeInclusive<u64>, new: &dyn Fn(u64) -> bool| {
        for number in (0..=300).chain([1_000, 1_001, u64::from(u16::MAX), MAX]) {
            assert_eq!(new(number), range.contains(&number), "{number}");
        }
    };
    within(6..=8, &|count| u8::try_from(count).ok().and_then(Digits::new).is_some());
    within(1..=120, &|secs| Period::new(secs).is_some());
    within(1..=50, &|count| LookAhead::new(count).is_some());
    within(1..=1_000, &|count| Reach::new(count).is_some());
    within(0..=10, &|steps| Window::new(steps, 0).is_some());
    within(0..=10, &|steps| Window::new(0, steps).is_some());

    assert_eq!(LookAhead::of::<5>().as_u64(), 5);
    assert_eq!(Reach::of::<1000>().as_u64(), 1_000);
    assert_eq!(
        Window::new(3, 7).map(|window| (window.backward.as_u64(), window.forward.as_u64())),
        Some((3, 7))
    );
    let defaults = Parameters::default();
    assert_eq!((defaults.algorithm, defaults.digits), (Algorithm::Sha1, Digits::Six));
    assert_eq!((defaults.period.as_u64(), defaults.t0), (30, at(0)));
}

#[test]
fn secrets_have_16_to_128_bytes_or_came_through_the_loud_door() {
    for len in 0..=200 {
        let bytes = vec![7; len];
        let strict = Secret::from_bytes(&bytes).map(|secret| secret.len());
        let loud = Secret::dangerously_allow_short(&bytes).map(|secret| secret.is_short());
        let (expected_strict, expected_loud) = match len {
            0 => (Err(SecretError::TooShort { bytes: 0 }), Err(SecretError::TooShort { bytes: 0 })),
            1..16 => (Err(SecretError::TooShort { bytes: len }), Ok(true)),
            16..=128 => (Ok(len), Ok(false)),
            _ => {
                (Err(SecretError::TooLong { bytes: len }), Err(SecretError::TooLong { bytes: len }))
            }
        };
        assert_eq!((strict, loud), (expected_strict, expected_loud), "{len} bytes");
    }
    // The longest there is, as text, and one character more.
    let longest = Secret::from_bytes(&[0xff; 128]).unwrap();
    let text = longest.expose_base32().expose_str().to_owned();
    assert_eq!(text.len(), 205);
    assert_eq!(Secret::from_base32(&text).unwrap().expose_bytes(), [0xff; 128]);
    assert_eq!(Secret::from_base32_lenient(&text).unwrap().len(), 128);
    let longer = "A".repeat(208);
    let too_long = |error| matches!(error, SecretError::TooLong { .. });
    assert!(too_long(Secret::from_base32(&longer).unwrap_err()));
    assert!(too_long(Secret::from_base32_lenient(&longer).unwrap_err()));
    assert!(too_long(Secret::from_base32_lenient(&"A".repeat(5_000)).unwrap_err()));
}

#[cfg(feature = "std")]
#[test]
fn generated_secrets_are_as_long_as_the_hash_and_differ() {
    let mut rng = countersign::OsRandom::new().unwrap();
    for (algorithm, len) in
        [(Algorithm::Sha1, 20), (Algorithm::Sha256, 32), (Algorithm::Sha512, 64)]
    {
        let (one, two) =
            (Secret::generate(algorithm, &mut rng), Secret::generate(algorithm, &mut rng));
        assert_eq!((one.len(), two.len()), (len, len));
        assert_ne!(one.expose_bytes(), two.expose_bytes());
        // Drawn to the last byte: four zero bytes at the end by chance are one in 2^32.
        assert_ne!(one.expose_bytes()[len - 4..], [0; 4]);
    }
}

// The numbers for a policy

#[test]
fn guess_probabilities_are_those_of_rfc_4226_section_6() {
    let near = |odds: f64, expected: f64| {
        assert!((odds - expected).abs() < expected * 1e-9, "{odds} is not {expected}");
    };
    near(Window::ONE_EACH_WAY.guess_probability(Digits::Six, 100), 3.0e-4);
    near(Window::ZERO.guess_probability(Digits::Six, 100), 1.0e-4);
    near(Digits::Six.guess_probability(11, 100), 1.1e-3);
    near(Window::ONE_EACH_WAY.guess_probability(Digits::Seven, 100), 3.0e-5);
    near(Window::ONE_EACH_WAY.guess_probability(Digits::Eight, 100), 3.0e-6);
    near(Digits::Six.guess_probability(u32::MAX, u32::MAX), 1.0);
    assert!(Window::ONE_EACH_WAY.guess_probability(Digits::Six, 0) == 0.0);
}

#[test]
fn the_lifetime_is_every_step_in_which_a_code_is_taken() {
    assert_eq!(Window::ZERO.lifetime(Period::of::<30>()), 30);
    assert_eq!(Window::ONE_EACH_WAY.lifetime(Period::of::<30>()), 90);
    assert_eq!(Window::new(10, 10).unwrap().lifetime(Period::new(120).unwrap()), 2_520);
    // Counted: the seconds at which the code of one step is found.
    let (totp, window) = (totp(), Window::new(2, 1).unwrap());
    let code = totp.generate(in_step(1_000)).unwrap();
    let usable =
        (29_000..31_000).filter(|secs| totp.find(&code, at(*secs), window, None).is_some());
    assert_eq!(usable.count() as u64, window.lifetime(Period::of::<30>()));
}

// What is said

#[test]
fn debug_shows_no_secret_and_no_digit() {
    let bytes = b"CANARYCANARYCANARY00";
    let secret = Secret::from_bytes(bytes).unwrap();
    let base32 = secret.expose_base32();
    let code = Code::parse("081804", Digits::Six).unwrap();
    let shown = format!(
        "{secret:?} {secret:#?} {base32:?} {code:?} {code:#?} {:?} {:?} {:?} {:?} {:?}",
        Key::new(Algorithm::Sha1, &secret),
        Hotp::new(&secret, Algorithm::Sha256, Digits::Six),
        Totp::new(&secret, Parameters::default()),
        Secret::from_base32("CANARY"),
        Code::parse("08180x", Digits::Six),
    );
    let found = totp().find(&totp().generate(at(59)).unwrap(), at(60), Window::ONE_EACH_WAY, None);
    assert_eq!(format!("{found:?}"), "Some(StepMatch { step: 1, drift: -1 })");
    let first_bytes = format!("{:?}", &bytes[..4]);
    for canary in ["CANARY", "081804", "08180", base32.expose_str(), &first_bytes[1..14]] {
        assert!(!shown.contains(canary), "{canary} in {shown}");
    }
    for word in [
        "Secret([20 bytes])",
        "Base32Text([32 characters])",
        "Code([6 digits])",
        "Key(Sha1, [redacted])",
    ] {
        assert!(shown.contains(word), "{word} not in {shown}");
    }
}

#[test]
fn errors_name_what_is_wrong_and_show_no_input() {
    let said = |error: &dyn std::error::Error| error.to_string();
    assert_eq!(
        said(&Code::parse("08180", Digits::Six).unwrap_err()),
        "a code has exactly 6 digits"
    );
    assert_eq!(said(&CodeError::NotADigit), "a code has only the digits 0 to 9");
    assert_eq!(
        said(&Secret::from_base32("MZXW6YTB").unwrap_err()),
        "the secret is too short: 5 bytes, at least 16 (RFC 4226 R6)"
    );
    for (text, error, why) in [
        ("M1", Base32Error::Character, "a character outside A-Z and 2-7"),
        ("M", Base32Error::Length, "an impossible length"),
        ("MY=", Base32Error::Padding, "wrong padding"),
        ("MZ", Base32Error::TrailingBits, "the unused last bits are not zero"),
    ] {
        let found = Secret::from_base32_lenient(text).unwrap_err();
        assert_eq!(found, SecretError::Base32(error));
        assert_eq!(said(&error), why);
        assert_eq!(said(&found), format!("the secret is not base32: {why}"));
    }
}
