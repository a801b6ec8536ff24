//! The library against a naive account ([`reference`]), over random schedules of every operation:
//! five people, two of them operators, clocks that jump, codes right, wrong, old and replayed,
//! things expired, and a store that fails at every point. Every answer, every summary and every
//! write has to be the same; and awaiting has to be the same as not awaiting, byte for byte.
//!
//! The schedules are the same in every run. `PROPTEST_CASES=100000 PROPTEST_RNG_SEED=1 cargo test
//! --test model` plays more, and others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use std::collections::BTreeMap;

use countersign::Recommended;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

#[path = "model/adversary.rs"]
mod adversary;
#[path = "common/keys.rs"]
mod keys;
#[path = "model/reference.rs"]
mod reference;
#[path = "model/schedule.rs"]
mod schedule;
#[path = "model/text.rs"]
mod text;
#[path = "model/trusted.rs"]
mod trusted;

use schedule::{Async, Bench, Fault, Modelled, Narrow, Runner, Step, Sync, What, nodes};

/// The same seed in every run, unless the environment says otherwise.
fn runner(cases: u32) -> TestRunner {
    let config = ProptestConfig::default();
    TestRunner::new(ProptestConfig {
        cases: if std::env::var_os("PROPTEST_CASES").is_some() { config.cases } else { cases },
        rng_seed: match config.rng_seed {
            RngSeed::Random => RngSeed::Fixed(20_261_123),
            fixed => fixed,
        },
        failure_persistence: None,
        max_shrink_iters: 4000,
        ..config
    })
}

type Transcript = (Vec<(String, Option<countersign::Record>)>, BTreeMap<String, u64>);

fn play<P: Modelled, R: Runner>(steps: &[Step], everybody: bool) -> Transcript {
    let nodes = nodes();
    let mut bench: Bench<'_, P, R> = Bench::new(&nodes);
    if everybody {
        bench.enrol_everybody();
    }
    for step in steps {
        bench.play(step);
    }
    bench.compare_summaries();
    (bench.transcript, bench.tally)
}

fn play_both_ways<P: Modelled>(bytes: &[u8], everybody: bool) -> BTreeMap<String, u64> {
    let steps = Step::schedule(bytes);
    let (blocking, tally) = play::<P, Sync>(&steps, everybody);
    let (awaited, _) = play::<P, Async>(&steps, everybody);
    assert!(blocking == awaited, "run and run_async disagree");
    tally
}

fn schedules(steps: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<[u8; 8]>(), 0..steps).prop_map(|steps| steps.concat())
}

/// What the schedules have to reach: a test of nothing agrees with anything.
const REACHED: &[&str] = &[
    "Acknowledge: done",
    "Acknowledge: refused NotFound",
    "Acknowledge: refused Offboarded",
    "Answer: accepted",
    "Answer: closed",
    "Answer: expired",
    "Answer: malformed",
    "Answer: rejected",
    "Answer: wait",
    "BindExternal: done",
    "BindExternal: refused Offboarded",
    "BindExternal: refused ProofRequired",
    "BindExternal: refused ProofUnfit",
    "Challenge: done until",
    "Challenge: done waits",
    "Challenge: refused NotPermitted",
    "Challenge: refused NothingBound",
    "Challenge: refused Offboarded",
    "Challenge: refused TooSoon",
    "Confirm: accepted",
    "Confirm: already-confirmed",
    "Confirm: error clock",
    "Confirm: error store",
    "Confirm: expired",
    "Confirm: rejected",
    "ConfirmPair: accepted",
    "ConfirmPair: expired",
    "ConfirmPair: rejected",
    "Enrol: done until",
    "Enrol: error clock",
    "Enrol: error contended",
    "Enrol: error store",
    "Enrol: error text",
    "Enrol: refused Offboarded",
    "Enrol: refused ProofExpired",
    "Enrol: refused ProofRequired",
    "Enrol: refused ProofUnfit",
    "Enrol: refused TooSoon",
    "EnrolExisting: done until",
    "EnrolExisting: refused ClockTooFar",
    "EnrolExisting: refused Offboarded",
    "EnrolExisting: refused ProofRequired",
    "EnrolExisting: refused ProofUnfit",
    "EnrolExisting: refused ReportedLost",
    "EnrolHotp: done until",
    "EnrolHotp: refused Offboarded",
    "EnrolHotp: refused ProofRequired",
    "EnrolHotp: refused ProofUnfit",
    "EnrolPhone: done until",
    "EnrolPhone: refused Offboarded",
    "EnrolPhone: refused ProofRequired",
    "EnrolPhone: refused ProofUnfit",
    "EnrolPhone: refused TooSoon",
    "ForgetBrowser: done",
    "ForgetBrowser: refused NotFound",
    "GrantEmergencyAccess: done until",
    "GrantEmergencyAccess: refused Offboarded",
    "GrantEmergencyAccess: refused OwnAccount",
    "GrantEmergencyAccess: refused ProofExpired",
    "GrantEmergencyAccess: refused ProofUnfit",
    "Import: done",
    "Import: refused AlreadyBound",
    "Import: refused ImportEnded",
    "Import: refused Offboarded",
    "Import: refused ProofRequired",
    "Offboard: done",
    "Offboard: refused Offboarded",
    "Prove: accepted",
    "Prove: closed",
    "Prove: rejected",
    "Prove: wait",
    "Recover: accepted",
    "Recover: error store",
    "Recover: malformed",
    "Recover: refused",
    "Recover: rejected",
    "Regenerate: done recovery",
    "Regenerate: refused ProofUnfit",
    "RememberBrowser: done",
    "RememberBrowser: refused Offboarded",
    "RememberBrowser: refused ProofExpired",
    "RememberBrowser: refused ProofUnfit",
    "Replace: done until",
    "Replace: refused ProofExpired",
    "Replace: refused ProofUnfit",
    "ReportLost: done",
    "ReportLost: refused NoSuchDevice",
    "ReportLost: refused Offboarded",
    "ReportLost: refused ProofExpired",
    "ReportLost: refused ProofUnfit",
    "Reseal: done false",
    "Reseal: done true",
    "Reset: done until",
    "Reset: refused Offboarded",
    "Reset: refused OwnAccount",
    "Reset: refused ProofExpired",
    "Resynchronise: accepted",
    "Resynchronise: closed",
    "Resynchronise: rejected",
    "Resynchronise: wait",
    "Revoke: done",
    "Revoke: refused LastFactor",
    "Revoke: refused NoSuchDevice",
    "Revoke: refused Offboarded",
    "Revoke: refused ProofExpired",
    "Revoke: refused ProofUnfit",
    "SettleExternal: accepted",
    "SettleExternal: expired",
    "SettleExternal: rejected",
    "Unlock: done",
    "Unlock: refused NotPermitted",
    "Unlock: refused Offboarded",
    "Unlock: refused ProofExpired",
    "Unlock: refused ProofUnfit",
    "UseCarried: done",
    "UseCarried: done recovery",
    "UseCarried: done until",
    "UseCarried: refused LastFactor",
    "UseCarried: refused ProofExpired",
    "UseCarried: refused ProofUnfit",
    "EnterPass: accepted",
    "EnterPass: expired",
    "EnterPass: rejected",
    "Invite: done until",
    "Invite: refused FactorInUse",
    "Verify: accepted",
    "Verify: closed",
    "Verify: error clock",
    "Verify: error contended",
    "Verify: error store",
    "Verify: malformed",
    "Verify: rejected",
    "Verify: wait",
];

#[test]
fn every_schedule_goes_as_the_reference_says() {
    let tally = std::cell::RefCell::new(BTreeMap::<String, u64>::new());
    let strategy = (schedules(120), prop::bool::weighted(0.7));
    let result = runner(360).run(&strategy, |(bytes, everybody)| {
        let once = play_both_ways::<Narrow>(&bytes, everybody);
        let mut all = tally.borrow_mut();
        once.into_iter().for_each(|(line, times)| *all.entry(line).or_default() += times);
        Ok(())
    });
    for (line, times) in tally.borrow().iter() {
        println!("{times:>6} {line}");
    }
    result.unwrap();
    let tally = tally.borrow();
    let missed: Vec<_> = REACHED.iter().filter(|line| !tally.contains_key(**line)).collect();
    assert_eq!(missed, Vec::<&&str>::new(), "the schedules never came to this");
}

/// A clock two steps ahead is followed step by step, and after a day without use (the narrow policy's
/// memory) no more.
#[test]
fn drift_is_remembered_and_forgotten_as_the_reference_says() {
    let step =
        |what, clock, b| Step { what, who: 0, clock, fault: Fault::None, a: 8, b, c: 0, proof: 3 };
    for (idle, accepted) in [(86_400, 3), (86_430, 2)] {
        let nodes = nodes();
        let mut bench: Bench<'_, Narrow, Sync> = Bench::new(&nodes);
        bench.play(&step(What::Enrol, 0, 0));
        bench.play(&step(What::Confirm, 0, 5)); // one step ahead
        bench.play(&step(What::Verify, 60, 5)); // one more
        bench.play(&step(What::Verify, 60, 5));
        bench.play(&step(What::Verify, idle, 5));
        assert_eq!(bench.tally["Verify: accepted"], accepted, "{:?}", bench.tally);
    }
}

/// Five apps and tokens, eight passkeys and certificates, sixteen former devices: what random
/// schedules seldom fill.
#[test]
fn a_full_house_is_as_the_reference_says() {
    let step = |what, a, b| Step {
        what,
        who: 0,
        clock: 31,
        fault: Fault::None,
        a,
        b,
        c: 2,
        proof: 40, // with a proof, by an app or token
    };
    let nodes = nodes();
    let mut bench: Bench<'_, Narrow, Sync> = Bench::new(&nodes);
    (0..6).for_each(|at| bench.play(&step(What::Import, at * 10, 3)));
    (0..9).for_each(|at| bench.play(&step(What::BindExternal, 1, at)));
    (0..9).for_each(|_| bench.play(&step(What::Revoke, 1, 1 + 4 * 4)));
    let revoked = bench.tally["Revoke: done"];
    (0..20).for_each(|at| {
        bench.play(&step(What::BindExternal, 1, at));
        bench.play(&step(What::Revoke, 1, 1 + 4 * 4));
    });
    bench.play(&step(What::EnrolExisting, 0, 3));
    (0..8).for_each(|at| bench.play(&step(What::Replace, 1, at * 16)));
    assert!(bench.tally["EnrolExisting: refused AlreadyBound"] >= 1, "{:?}", bench.tally);
    assert!(bench.tally["Replace: refused NoSuchDevice"] >= 1, "{:?}", bench.tally);
    assert_eq!(bench.tally["Import: done"], 5);
    assert_eq!(bench.tally["Import: refused TooManyDevices"], 1);
    assert!(bench.tally["BindExternal: refused TooManyDevices"] >= 1);
    assert_eq!((revoked, bench.tally["Revoke: done"]), (9, 29));
}

#[test]
fn the_recommended_numbers_go_as_the_reference_says() {
    let strategy = (schedules(60), prop::bool::weighted(0.7));
    let result = runner(15).run(&strategy, |(bytes, everybody)| {
        play_both_ways::<Recommended>(&bytes, everybody);
        Ok(())
    });
    result.unwrap();
}
