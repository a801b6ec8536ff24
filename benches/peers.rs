//! The same work by countersign and by other crates, in one table, with the floor beside it.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml            # half a minute
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- --quick # a few seconds
//! ```
//!
//! Contestants take turns (`shared/turns.rs`). The numbers are nanoseconds of one machine; the
//! ratios are the result.
//!
//! The floor is the work that nobody can leave out once the pads are compressed: two compressions a
//! code, inner and outer, laid side by side, from blocks that are ready and states that do not wait
//! for each other. Then countersign from three starting points: "ready key" has the key schedule
//! and the typed code at hand; "from secret" a `Secret` and the text that was typed; "from bytes"
//! copies the secret's bytes into a `Secret` first, and wipes it again.
//!
//! The peers start at the text that was typed and at the secret as they keep it: totp-rs in an
//! object made before the clock ran, as "from secret"; totp-rfc, totp-lite and libreauth at bytes;
//! google-authenticator at base32. None of them can keep a key schedule.

#[path = "shared/floor.rs"]
mod floor;
#[path = "shared/turns.rs"]
mod turns;

use std::hint::black_box;
use std::process::ExitCode;

use countersign::otp::LookAhead;
use countersign::otp::Parameters;
use countersign::{Algorithm, Code, Digits, Hotp, Secret, Totp, UnixTime, Window};
use google_authenticator::GoogleAuthenticator;
use libreauth::hash::HashFunction;
use libreauth::oath::{HOTPBuilder, TOTPBuilder};
use turns::{Batch, batch, take_turns};

/// RFC 6238 appendix B: the seeds of the three hashes are its first 20, 32 and 64 bytes.
const SEED: &[u8; 64] = b"1234567890123456789012345678901234567890123456789012345678901234";
const NOW: u64 = 1_111_111_109;
const PERIOD: u64 = 30;

const CONTESTANTS: [&str; 9] = [
    "floor",
    "ready key",
    "from secret",
    "from bytes",
    "totp-rs",
    "totp-rfc",
    "totp-lite",
    "libreauth",
    "google-authenticator",
];

/// A batch, or `None` where the contestant cannot do the work.
type Cell = Option<Batch>;

fn cell<T>(work: impl FnMut() -> T + 'static) -> Cell {
    Some(batch(work))
}

fn main() -> ExitCode {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (rounds, times) = if quick { (600, 100) } else { (6_000, 100) };

    let mut table: Vec<(String, [Cell; 9])> = Vec::new();
    for algorithm in [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512] {
        table.push((format!("generate {}", algorithm.name()), generate(algorithm)));
    }
    let [previous, next, miss] = typed();
    table.push(("window 1/1, hit first".to_owned(), window(&previous, true)));
    table.push(("window 1/1, hit last".to_owned(), window(&next, true)));
    table.push(("window 1/1, miss".to_owned(), window(&miss, false)));
    table.push(("10 counters, miss".to_owned(), look_ahead(&miss)));

    print!("{:<22}", "ns");
    let wide = CONTESTANTS.map(|name| name.len().max(11) + 2);
    CONTESTANTS.iter().zip(wide).for_each(|(name, wide)| print!("{name:>wide$}"));
    println!();
    let mut verdict = None;
    for (work, cells) in &mut table {
        print!("{work:<22}");
        let times = take_turns(cells, rounds, times);
        for (time, wide) in times.iter().zip(wide) {
            match time {
                Some(time) => print!("{time:>wide$.0}"),
                None => print!("{:>wide$}", "cannot"),
            }
        }
        println!();
        if work == "window 1/1, miss" {
            verdict = Some(times);
        }
    }
    let verdict: Option<Vec<f64>> = verdict.and_then(|times| times.into_iter().take(6).collect());
    let Some([floor, ready, _, from_bytes, totp_rs, totp_rfc]) = verdict.as_deref() else {
        return ExitCode::FAILURE;
    };
    println!(
        "window 1/1 miss: {:.1} x totp-rs, {:.1} x totp-rfc, {:.2} of floor",
        totp_rs / from_bytes,
        totp_rfc / from_bytes,
        ready / floor,
    );
    ExitCode::SUCCESS
}

fn seed(algorithm: Algorithm) -> &'static [u8] {
    &SEED[..algorithm.secret_len()]
}

fn parameters(algorithm: Algorithm) -> Parameters {
    Parameters { algorithm, ..Parameters::default() }
}

fn totp(algorithm: Algorithm) -> Totp {
    let secret = Secret::from_bytes(seed(algorithm)).expect("a secret");
    Totp::new(&secret, parameters(algorithm))
}

/// The codes of the steps before and after the present one, and one that is nowhere near.
fn typed() -> [String; 3] {
    let totp = totp(Algorithm::Sha1);
    let code =
        |secs| totp.generate(UnixTime::from_secs(secs)).expect("after T0").expose_str().to_owned();
    let found = |code: &str| {
        let code = Code::parse(code, Digits::Six).expect("six digits");
        let hotp = Hotp::new(
            &Secret::from_bytes(seed(Algorithm::Sha1)).expect("a secret"),
            Algorithm::Sha1,
            Digits::Six,
        );
        let ahead = LookAhead::new(50).expect("at most 50");
        totp.find(&code, UnixTime::from_secs(NOW), Window::new(10, 10).expect("at most 10"), None)
            .is_some()
            || hotp.find(&code, 0, ahead).is_some()
    };
    let miss = (0..).map(|number| format!("{number:06}")).find(|code| !found(code));
    [code(NOW - PERIOD), code(NOW + PERIOD), miss.expect("most codes miss")]
}

fn generate(algorithm: Algorithm) -> [Cell; 9] {
    let now = || UnixTime::from_secs(black_box(NOW));
    let ready = totp(algorithm);
    let secret = Secret::from_bytes(seed(algorithm)).expect("a secret");
    let from_secret = move || Totp::new(black_box(&secret), parameters(algorithm)).generate(now());
    let from_bytes = move || {
        let secret = Secret::from_bytes(black_box(seed(algorithm))).expect("a secret");
        Totp::new(&secret, parameters(algorithm)).generate(now())
    };
    let expected = from_bytes().expect("after T0").expose_str().to_owned();

    let (rs, rfc) = match algorithm {
        Algorithm::Sha1 => (totp_rs::Algorithm::SHA1, totp_rfc::Algorithm::Sha1),
        Algorithm::Sha256 => (totp_rs::Algorithm::SHA256, totp_rfc::Algorithm::Sha256),
        Algorithm::Sha512 => (totp_rs::Algorithm::SHA512, totp_rfc::Algorithm::Sha512),
    };
    let rs = totp_rs::Builder::new().with_algorithm(rs).with_secret(seed(algorithm)).build();
    let rs = rs.expect("totp-rs takes it");
    assert_eq!(rs.generate(NOW).to_string(), expected);
    let rfc =
        totp_rfc::Totp::new(rfc, totp_rfc::Digits::SIX, PERIOD, 0).expect("totp-rfc takes it");
    let by_rfc = move || {
        let secret = totp_rfc::Secret::new(black_box(seed(algorithm))).expect("a secret");
        rfc.generate(&secret, black_box(NOW)).expect("after T0")
    };
    assert_eq!(by_rfc().to_string(), expected);
    let lite = move || {
        let (secret, now) = (black_box(seed(algorithm)), black_box(NOW));
        match algorithm {
            Algorithm::Sha1 => totp_lite::totp_custom::<totp_lite::Sha1>(PERIOD, 6, secret, now),
            Algorithm::Sha256 => {
                totp_lite::totp_custom::<totp_lite::Sha256>(PERIOD, 6, secret, now)
            }
            Algorithm::Sha512 => {
                totp_lite::totp_custom::<totp_lite::Sha512>(PERIOD, 6, secret, now)
            }
        }
    };
    assert_eq!(lite(), expected);
    // libreauth reads the clock itself and is told how far off it is, so it has to be told each
    // time.
    let libreauth = move || libreauth_at(algorithm, black_box(NOW)).generate();
    assert_eq!(libreauth(), expected);
    let google = (algorithm == Algorithm::Sha1).then(|| {
        let (google, secret) = (GoogleAuthenticator::new(), base32());
        let by_google = move || google.get_code(black_box(&secret), black_box(NOW / PERIOD));
        assert_eq!(by_google().expect("google-authenticator takes it"), expected);
        by_google
    });
    [
        match algorithm {
            Algorithm::Sha1 => cell(floor::sha1::<1>()),
            Algorithm::Sha256 => cell(floor::sha256::<1>()),
            Algorithm::Sha512 => cell(floor::sha512::<1>()),
        },
        cell(move || ready.generate(now())),
        cell(from_secret),
        cell(from_bytes),
        cell(move || rs.generate(black_box(NOW))),
        cell(by_rfc),
        cell(lite),
        cell(libreauth),
        google.and_then(cell),
    ]
}

/// google-authenticator takes its secret as base32 only.
fn base32() -> String {
    let secret = Secret::from_bytes(seed(Algorithm::Sha1)).expect("a secret");
    secret.expose_base32().expose_str().to_owned()
}

fn libreauth_at(algorithm: Algorithm, now: u64) -> libreauth::oath::TOTP {
    let hash = match algorithm {
        Algorithm::Sha1 => HashFunction::Sha1,
        Algorithm::Sha256 => HashFunction::Sha256,
        Algorithm::Sha512 => HashFunction::Sha512,
    };
    TOTPBuilder::new()
        .key(seed(algorithm))
        .hash_function(hash)
        .timestamp(now.cast_signed())
        .tolerance(1)
        .finalize()
        .expect("libreauth takes it")
}

/// One step each way, SHA-1, six digits.
fn window(typed: &str, hit: bool) -> [Cell; 9] {
    let algorithm = Algorithm::Sha1;
    let now = || UnixTime::from_secs(black_box(NOW));
    let (ready, code) = (totp(algorithm), Code::parse(typed, Digits::Six).expect("six digits"));
    let typed = || typed.to_owned();

    let secret = Secret::from_bytes(seed(algorithm)).expect("a secret");
    let text = typed();
    let from_secret = move || {
        let code = Code::parse(black_box(&text), Digits::Six).expect("six digits");
        let totp = Totp::new(black_box(&secret), parameters(algorithm));
        totp.find(&code, now(), Window::ONE_EACH_WAY, None)
    };
    let text = typed();
    let from_bytes = move || {
        let secret = Secret::from_bytes(black_box(seed(algorithm))).expect("a secret");
        let code = Code::parse(black_box(&text), Digits::Six).expect("six digits");
        let totp = Totp::new(&secret, parameters(algorithm));
        totp.find(&code, now(), Window::ONE_EACH_WAY, None)
    };
    assert_eq!(from_bytes().is_some(), hit);
    let rs = totp_rs::Builder::new().with_secret(seed(algorithm)).with_skew(1).build();
    let (rs, text) = (rs.expect("totp-rs takes it"), typed());
    let by_rs = move || rs.check(black_box(&text), black_box(NOW));
    assert_eq!(by_rs().is_some(), hit);
    let rfc = totp_rfc::Totp::new(totp_rfc::Algorithm::Sha1, totp_rfc::Digits::SIX, PERIOD, 0);
    let (rfc, text) = (rfc.expect("totp-rfc takes it"), typed());
    let by_rfc = move || {
        let secret = totp_rfc::Secret::new(black_box(seed(algorithm))).expect("a secret");
        let window = totp_rfc::ValidationWindow::new(1, 1);
        rfc.verify_window(&secret, black_box(NOW), window, black_box(&text)).expect("six digits")
    };
    assert_eq!(by_rfc().is_some(), hit);
    let text = typed();
    let by_libreauth = move || libreauth_at(algorithm, black_box(NOW)).is_valid(black_box(&text));
    assert_eq!(by_libreauth(), hit);
    let (google, secret, text) = (GoogleAuthenticator::new(), base32(), typed());
    let by_google = move || {
        google.verify_code(black_box(&secret), black_box(&text), 1, black_box(NOW / PERIOD))
    };
    assert_eq!(by_google(), hit);
    [
        cell(floor::sha1::<3>()),
        cell(move || ready.find(black_box(&code), now(), Window::ONE_EACH_WAY, None)),
        cell(from_secret),
        cell(from_bytes),
        cell(by_rs),
        cell(by_rfc),
        None, // totp-lite has no verification
        cell(by_libreauth),
        cell(by_google),
    ]
}

/// HOTP, ten counters, SHA-1, six digits, a miss.
fn look_ahead(miss: &str) -> [Cell; 9] {
    let algorithm = Algorithm::Sha1;
    let ten = LookAhead::new(10).expect("at most 50");
    let secret = Secret::from_bytes(seed(algorithm)).expect("a secret");
    let ready = Hotp::new(&secret, algorithm, Digits::Six);
    let code = Code::parse(miss, Digits::Six).expect("six digits");
    let text = miss.to_owned();
    let from_secret = move || {
        let code = Code::parse(black_box(&text), Digits::Six).expect("six digits");
        Hotp::new(black_box(&secret), algorithm, Digits::Six).find(&code, black_box(1), ten)
    };
    let text = miss.to_owned();
    let from_bytes = move || {
        let secret = Secret::from_bytes(black_box(seed(algorithm))).expect("a secret");
        let code = Code::parse(black_box(&text), Digits::Six).expect("six digits");
        Hotp::new(&secret, algorithm, Digits::Six).find(&code, black_box(1), ten)
    };
    let text = miss.to_owned();
    let by_rfc = move || {
        let secret = totp_rfc::Secret::new(black_box(seed(algorithm))).expect("a secret");
        let hotp = totp_rfc::Hotp::new(totp_rfc::Digits::SIX);
        // Nine after the expected one.
        hotp.verify_window(&secret, black_box(1), 9, black_box(&text)).expect("six digits")
    };
    let text = miss.to_owned();
    let by_libreauth = move || {
        let mut hotp = HOTPBuilder::new();
        let hotp = hotp.key(black_box(seed(algorithm))).counter(black_box(1)).look_ahead(9);
        hotp.finalize().expect("libreauth takes it").is_valid(black_box(&text))
    };
    assert!(from_bytes().is_none() && by_rfc().is_none() && !by_libreauth());
    [
        cell(floor::sha1::<10>()),
        cell(move || ready.find(black_box(&code), black_box(1), ten)),
        cell(from_secret),
        cell(from_bytes),
        None, // totp-rs and google-authenticator have no counters
        cell(by_rfc),
        None,
        cell(by_libreauth),
        None,
    ]
}
