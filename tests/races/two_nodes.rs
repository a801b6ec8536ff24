//! Replay over random schedules: two nodes with clocks of their own over one store, codes of the
//! past, the present and the future in any order. Whatever happens, the accepted moving factors of
//! a device only rise, so that no code is ever accepted twice (RFC 6238 section 5.2, RFC 4226
//! section 7.2).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Mutex;

use crate::keys::keyring;
use countersign::account::{Bounded, Class, EventKind, ExistingDevice, Text, Throttle};
use countersign::otp::Parameters;
use countersign::*;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// Hardly any wait, so that the schedule is about codes.
#[derive(Debug)]
struct Patient;

impl Policy for Patient {
    fn throttle(&self, _: Class) -> Throttle {
        Throttle {
            free: Bounded::of::<10>(),
            first_wait: Bounded::of::<1>(),
            longest_wait: Bounded::of::<1>(),
            closed_at: Bounded::of::<80>(),
            per_thirty_days: Bounded::of::<50>(),
            remembered: Bounded::of::<20>(),
        }
    }
}

/// A memory store that keeps the moving factors of the events that were committed.
#[derive(Default)]
struct Witness {
    records: MemoryStore,
    accepted: Mutex<Vec<u64>>,
}

impl Store for Witness {
    type Error = Infallible;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Infallible> {
        Store::load(&self.records, id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Infallible> {
        let swap = Store::swap(&self.records, id, write)?;
        let factors = write.events().iter().filter_map(|event| match event.kind {
            EventKind::Accepted { moving_factor, .. } => moving_factor,
            _ => None,
        });
        if swap == Swap::Stored {
            self.accepted.lock().unwrap().extend(factors);
        }
        Ok(swap)
    }
}

/// One submission: how many seconds later (or earlier), at which node, and which code: one of a
/// moving factor near the present one, or one that was submitted before.
#[derive(Clone, Copy, Debug)]
struct Submission {
    clock: i64,
    node: bool,
    code: Typed,
}

#[derive(Clone, Copy, Debug)]
enum Typed {
    Again(prop::sample::Index),
    Near(i64),
}

fn submissions() -> impl Strategy<Value = Vec<Submission>> {
    let clock = prop_oneof![6 => 0..61_i64, 1 => -200..0_i64, 1 => 61..4000_i64];
    let code = prop_oneof![
        3 => (-4..5_i64).prop_map(Typed::Near),
        2 => any::<prop::sample::Index>().prop_map(Typed::Again),
    ];
    let submission = (clock, any::<bool>(), code).prop_map(|(clock, node, code)| Submission {
        clock,
        node,
        code,
    });
    prop::collection::vec(submission, 1..60)
}

const START: u64 = 1_800_000_000;
const SECRET: [u8; 20] = *b"12345678901234567890";

/// Plays the schedule and returns the accepted moving factors. `factor` is the one that the device
/// shows at a moment and after some presses.
fn play(
    device: ExistingDevice,
    skew: u64,
    schedule: &[Submission],
    code_of: impl Fn(u64) -> String,
    factor: impl Fn(u64, u64) -> u64,
) -> Vec<u64> {
    let nodes = [0, 1].map(|_| Mfa::with_policy(keyring(7), Patient).unwrap());
    let (store, id) = (Witness::default(), AccountId::new("person").unwrap());
    let mut rng = StdRng::seed_from_u64(1);
    let mut imported =
        nodes[0].account(&id).at(UnixTime::from_secs(START)).import(device, &mut rng);
    imported.run(&store).unwrap();

    let (mut clock, mut submitted, mut accepted) = (START, Vec::<String>::new(), 0);
    for Submission { clock: by, node, code } in schedule {
        clock = clock.saturating_add_signed(*by);
        let now = if *node { clock + skew } else { clock };
        let typed = match code {
            Typed::Again(index) if !submitted.is_empty() => index.get(&submitted).clone(),
            Typed::Again(_) => code_of(factor(now, accepted)),
            Typed::Near(away) => code_of(factor(now, accepted).saturating_add_signed(*away)),
        };
        let at = UnixTime::from_secs(now);
        let op = nodes[usize::from(*node)].account(&id).at(at).verify(&typed, SignIn);
        let before = store.accepted.lock().unwrap().len();
        let yes = op.run(&store).decided().unwrap().accepted().is_some();
        let factors = store.accepted.lock().unwrap()[before..].to_vec();
        assert_eq!(factors.len(), usize::from(yes), "an acceptance is an event, and one");
        for factor in factors {
            assert_eq!(code_of(factor), typed, "it was accepted for what it is");
            accepted += 1;
        }
        submitted.push(typed);
    }
    store.accepted.into_inner().unwrap()
}

fn hotp() -> Hotp {
    Hotp::new(&Secret::from_bytes(&SECRET).unwrap(), Algorithm::Sha1, Digits::Six)
}

fn code_of(factor: u64) -> String {
    hotp().generate(factor).expose_str().to_owned()
}

fn rises(accepted: &[u64]) -> bool {
    let different: BTreeSet<_> = accepted.iter().collect();
    different.len() == accepted.len() && accepted.is_sorted()
}

/// The same schedules in every run, unless the environment says otherwise.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig {
        cases: if std::env::var_os("PROPTEST_CASES").is_some() { config.cases } else { 150 },
        rng_seed: match config.rng_seed {
            RngSeed::Random => RngSeed::Fixed(20_261_123),
            fixed => fixed,
        },
        failure_persistence: None,
        ..config
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_step_is_accepted_twice_or_below_an_accepted_one(
        schedule in submissions(),
        skew in 0..90_u64,
    ) {
        let (label, secret) = (Text::new("app").unwrap(), Secret::from_bytes(&SECRET).unwrap());
        let device = ExistingDevice::totp(label, secret, Parameters::default(), Some(0));
        let accepted = play(device, skew, &schedule, code_of, |now, _| now / 30);
        prop_assert!(rises(&accepted), "{accepted:?}");
    }

    #[test]
    fn no_counter_is_accepted_twice_or_below_an_accepted_one(schedule in submissions()) {
        let (label, secret) = (Text::new("token").unwrap(), Secret::from_bytes(&SECRET).unwrap());
        let device = ExistingDevice::hotp(label, secret, Algorithm::Sha1, Digits::Six, 10);
        let accepted = play(device, 0, &schedule, code_of, |_, accepted| 10 + accepted * 2);
        prop_assert!(rises(&accepted), "{accepted:?}");
    }
}

/// The schedules are about something: an honest one gets through, code by code.
#[test]
fn an_honest_schedule_is_accepted_throughout() {
    let (label, secret) = (Text::new("app").unwrap(), Secret::from_bytes(&SECRET).unwrap());
    let device = ExistingDevice::totp(label, secret, Parameters::default(), Some(0));
    let honest = Submission { clock: 30, node: false, code: Typed::Near(0) };
    let again = Submission { clock: 0, node: true, code: Typed::Near(0) };
    let schedule = [honest, again].repeat(20);
    let accepted = play(device, 0, &schedule, code_of, |now, _| now / 30);
    assert_eq!(accepted, (START / 30 + 1..=START / 30 + 20).collect::<Vec<_>>());
}
