//! One-time passwords: generation and windows, from a secret and from a ready key, each hash, with
//! the floor beside them.
//!
//! ```text
//! cargo bench --bench verify               # about three minutes
//! cargo bench --bench verify -- --quick    # about half a minute
//! ```
//!
//! On a busy machine compare within one group, or use `benches/peers`, whose contestants take turns.
#![allow(missing_docs, clippy::expect_used, clippy::indexing_slicing)]

#[path = "shared/floor.rs"]
mod floor;

use std::hint::black_box;

use countersign::otp::Parameters;
use countersign::{Algorithm, Code, Digits, Hotp, LookAhead, Secret, Totp, UnixTime, Window};
use countersign::{Key, vectors};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};

const ALL: [Algorithm; 3] = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];
const NOW: UnixTime = UnixTime::from_secs(1_111_111_109);
const STEP: u64 = 1_111_111_109 / 30;

fn secret(algorithm: Algorithm) -> Secret {
    Secret::from_bytes(vectors::seed(algorithm)).expect("a secret")
}

fn totp(secret: &Secret, algorithm: Algorithm) -> Totp {
    Totp::new(secret, Parameters { algorithm, ..Parameters::default() })
}

/// A code of none of the factors within fifty of the present step.
fn miss(hotp: &Hotp) -> Code {
    let near = |code: &Code| (STEP - 50..STEP + 50).any(|factor| hotp.generate(factor) == *code);
    let codes = (0..).map(|number| Code::parse(&format!("{number:06}"), Digits::Six));
    codes.map(|code| code.expect("six digits")).find(|code| !near(code)).expect("most miss")
}

fn floor<const N: usize>(group: &mut BenchmarkGroup<'_, WallTime>, algorithm: Algorithm) {
    let name = "floor";
    match algorithm {
        Algorithm::Sha1 => group.bench_function(name, |b| b.iter(floor::sha1::<N>())),
        Algorithm::Sha256 => group.bench_function(name, |b| b.iter(floor::sha256::<N>())),
        Algorithm::Sha512 => group.bench_function(name, |b| b.iter(floor::sha512::<N>())),
    };
}

fn generate(c: &mut Criterion) {
    for algorithm in ALL {
        let mut group = c.benchmark_group(format!("generate {}", algorithm.name()));
        floor::<1>(&mut group, algorithm);
        let (secret, bytes) = (secret(algorithm), vectors::seed(algorithm));
        let key = Key::new(algorithm, &secret);
        group.bench_function("ready key", |b| {
            b.iter(|| key.generate(black_box(STEP), Digits::Six));
        });
        group.bench_function("from secret", |b| {
            b.iter(|| totp(black_box(&secret), algorithm).generate(black_box(NOW)));
        });
        group.bench_function("from bytes", |b| {
            b.iter(|| {
                let secret = Secret::from_bytes(black_box(bytes)).expect("a secret");
                totp(&secret, algorithm).generate(black_box(NOW))
            });
        });
        group.finish();
    }
}

/// One step each way: the code of the first step, of the last, and of none take the same time.
fn window(c: &mut Criterion) {
    for algorithm in ALL {
        let mut group = c.benchmark_group(format!("window 1-1 {}", algorithm.name()));
        floor::<3>(&mut group, algorithm);
        let (secret, bytes) = (secret(algorithm), vectors::seed(algorithm));
        let hotp = Hotp::new(&secret, algorithm, Digits::Six);
        let ready = totp(&secret, algorithm);
        for (name, code) in [
            ("hit first", hotp.generate(STEP - 1)),
            ("hit last", hotp.generate(STEP + 1)),
            ("miss", miss(&hotp)),
        ] {
            let find = |totp: &Totp, code: &Code| {
                totp.find(code, black_box(NOW), Window::ONE_EACH_WAY, None)
            };
            assert_eq!(find(&ready, &code).is_none(), name == "miss");
            group.bench_function(format!("ready key, {name}"), |b| {
                b.iter(|| find(&ready, black_box(&code)));
            });
            group.bench_function(format!("from secret, {name}"), |b| {
                b.iter(|| find(&totp(black_box(&secret), algorithm), black_box(&code)));
            });
            let typed = code.expose_str();
            group.bench_function(format!("from bytes and text, {name}"), |b| {
                b.iter(|| {
                    let secret = Secret::from_bytes(black_box(bytes)).expect("a secret");
                    let code = Code::parse(black_box(typed), Digits::Six).expect("six digits");
                    find(&totp(&secret, algorithm), &code)
                });
            });
        }
        group.finish();
    }
}

fn look_ahead(c: &mut Criterion) {
    let ten = LookAhead::new(10).expect("at most 50");
    for algorithm in ALL {
        let mut group = c.benchmark_group(format!("10 counters {}", algorithm.name()));
        floor::<10>(&mut group, algorithm);
        let secret = secret(algorithm);
        let ready = Hotp::new(&secret, algorithm, Digits::Six);
        for (name, code) in [
            ("hit first", ready.generate(STEP)),
            ("hit last", ready.generate(STEP + 9)),
            ("miss", miss(&ready)),
        ] {
            assert_eq!(ready.find(&code, STEP, ten).is_none(), name == "miss");
            group.bench_function(format!("ready key, {name}"), |b| {
                b.iter(|| ready.find(black_box(&code), black_box(STEP), ten));
            });
        }
        group.bench_function("from secret, miss", |b| {
            let code = miss(&ready);
            b.iter(|| {
                let hotp = Hotp::new(black_box(&secret), algorithm, Digits::Six);
                hotp.find(&code, black_box(STEP), ten)
            });
        });
        group.finish();
    }
}

criterion_group!(benches, generate, window, look_ahead);
criterion_main!(benches);
