use std::string::String;
use std::vec::Vec;

use super::*;

const DAY: u64 = 24 * 60 * 60;
const RECOMMENDED: Throttle = Throttle::RECOMMENDED;

fn at(secs: u64) -> UnixTime {
    UnixTime::from_secs(1_800_000_000 + secs)
}

/// Lets an attacker from an unknown browser fail at every moment at which an attempt is evaluated, up
/// to `until`. Returns the moments and weights.
fn fail_until(budget: &mut Budget, weight: u8, from: u64, until: u64) -> Vec<(u64, u64)> {
    let (mut now, mut all) = (from, Vec::new());
    while now < until {
        match budget.gate(&RECOMMENDED, false, weight, at(now)).1 {
            Gate::Open => {
                budget.charge(&RECOMMENDED, Lane::Unknown, weight, at(now));
                all.push((now, weight.into()));
            }
            Gate::Wait(moment) => now = moment.as_secs() - 1_800_000_000,
            Gate::Closed => break,
        }
    }
    all
}

#[test]
fn any_thirty_days_hold_fifty_and_eighty_in_a_row_close() {
    let mut budget = Budget::default();
    let all = fail_until(&mut budget, 1, 0, 400 * DAY);
    assert_eq!(all.len(), 80);
    for (start, _) in &all {
        let within = all.iter().filter(|(now, _)| now >= start && *now < start + 30 * DAY);
        assert!(within.map(|(_, weight)| weight).sum::<u64>() <= 50);
    }
    assert!(budget.is_closed(&RECOMMENDED) && !budget.is_disabled(&RECOMMENDED));
    // Remembered browsers have the other twenty of the hundred.
    let mut others = 0;
    let mut now = 400 * DAY;
    while let (Lane::Remembered, gate) = budget.gate(&RECOMMENDED, true, 1, at(now)) {
        match gate {
            Gate::Open => {
                budget.charge(&RECOMMENDED, Lane::Remembered, 1, at(now));
                others += 1;
            }
            Gate::Wait(moment) => now = moment.as_secs() - 1_800_000_000,
            Gate::Closed => break,
        }
    }
    assert_eq!(others, 20);
    assert!(budget.is_disabled(&RECOMMENDED));
    assert_eq!(budget.gate(&RECOMMENDED, true, 1, at(now)), (Lane::Unknown, Gate::Closed));
}

#[test]
fn a_success_ends_the_rows_and_not_the_thirty_days() {
    let mut budget = Budget::default();
    let mut all = Vec::new();
    for day in 0..120 {
        all.extend(fail_until(&mut budget, 1, day * DAY, day * DAY + 4));
        budget.succeed();
        assert_eq!(budget.unknown.row, 0);
    }
    for (start, _) in &all {
        let within = all.iter().filter(|(now, _)| now >= start && *now < start + 30 * DAY);
        assert!(within.count() <= 50);
    }
}

#[test]
fn a_person_empties_twice_in_thirty_days_and_an_operator_always() {
    let mut budget = Budget::default();
    let mut left = Vec::new();
    for round in 0..3 {
        fail_until(&mut budget, 25, round * 100, round * 100 + 50);
        assert!(budget.forgive(false, at(round * 100 + 60)), "the row at least");
        assert_eq!(budget.unknown.row, 0);
        left.push(budget.unknown.weigh(at(round * 100 + 61)));
    }
    assert_eq!(left, [0, 0, 50]);
    assert!(!budget.forgive(false, at(499)), "nothing is left that the person can forgive");
    assert!(budget.forgive(true, at(500)));
    assert!(!budget.forgive(true, at(501)));
    assert_eq!(budget.unknown.weigh(at(501)), 0);
}

#[test]
fn a_clock_that_was_ahead_holds_nobody_longer_than_thirty_days() {
    let mut budget = Budget::default();
    fail_until(&mut budget, 50, 365 * DAY, 365 * DAY + 1);
    // The wait of a failure that has not happened yet does not hold; the weight of it counts as of now.
    let (_, gate) = budget.gate(&RECOMMENDED, false, 1, at(0));
    assert_eq!(gate, Gate::Wait(at(30 * DAY)));
    assert!(budget.is_ahead(at(0)));
    budget.make_room(at(0));
    assert_eq!(budget.gate(&RECOMMENDED, false, 1, at(30 * DAY)).1, Gate::Open);
}

#[test]
fn one_write_by_a_clock_far_ahead_destroys_nothing_that_the_right_one_counts() {
    let mut budget = Budget::default();
    for second in 0..3 {
        budget.charge(&RECOMMENDED, Lane::Unknown, 10, at(second));
    }
    // For this clock they are over; it writes one of its own.
    assert_eq!(budget.unknown.weigh(at(31 * DAY)), 0);
    assert_eq!(budget.gate(&RECOMMENDED, false, 10, at(31 * DAY)).1, Gate::Open);
    budget.charge(&RECOMMENDED, Lane::Unknown, 10, at(31 * DAY));
    budget.make_room(at(31 * DAY));
    assert_eq!(budget.unknown.weigh(at(31 * DAY)), 10);
    // The right clock counts the three, and the one that has not happened yet.
    assert_eq!(budget.unknown.weigh(at(60)), 40);
    assert_eq!(budget.gate(&RECOMMENDED, false, 11, at(60)).1, Gate::Wait(at(30 * DAY)));
    budget.make_room(at(60));
    assert_eq!(budget.unknown.weigh(at(60)), 40);
    assert_eq!(budget.unknown.weigh(at(30 * DAY + 2)), 10);
    assert_eq!(budget.unknown.weigh(at(30 * DAY + 60)), 0, "dated back to the first right write");
}

#[test]
fn a_failure_dated_ahead_by_what_it_lasts_counts_until_its_own_end() {
    let mut budget = Budget::default();
    budget.charge(&RECOMMENDED, Lane::Unknown, 50, at(30 * DAY));
    assert!(!budget.is_ahead(at(0)));
    budget.make_room(at(0));
    assert_eq!(budget.gate(&RECOMMENDED, false, 1, at(0)).1, Gate::Wait(at(60 * DAY)));
    assert_eq!(budget.unknown.weigh(at(60 * DAY - 1)), 50);
    assert_eq!(budget.unknown.weigh(at(60 * DAY)), 0);
}

#[test]
fn a_write_keeps_the_order_and_only_the_oldest_make_room() {
    let mut budget = Budget::default();
    for day in [20, 40, 5] {
        budget.unknown.recent.push(Failure { at: at(day * DAY), weight: 1 });
    }
    budget.make_room(at(0));
    let dates =
        |budget: &Budget| budget.unknown.recent.iter().map(|one| one.at).collect::<Vec<_>>();
    assert_eq!(dates(&budget), [at(0), at(5 * DAY), at(20 * DAY)]);
    budget.unknown.recent =
        (0..ROOM as u64 + 2).rev().map(|secs| Failure { at: at(secs), weight: 1 }).collect();
    // All are over by this clock, and only two go.
    budget.make_room(at(365 * DAY));
    assert_eq!(dates(&budget), (2..ROOM as u64 + 2).map(at).collect::<Vec<_>>());
    // The moments at which a person emptied are in the order of the writes, and the oldest go.
    budget.emptied = (0..=ROOM as u64).map(|secs| at(secs + 5)).collect();
    budget.emptied[7] = at(0);
    budget.make_room(at(365 * DAY));
    assert_eq!(budget.emptied.len(), ROOM);
    assert!(budget.emptied.contains(&at(5)) && !budget.emptied.contains(&at(0)));
}

#[test]
fn a_weight_is_one_for_every_three_codes() {
    assert_eq!([0, 1, 3, 4, 15, 25].map(weight), [1, 1, 1, 2, 5, 9]);
}

/// Replays the traces of the model that the proof is about (`tests/proofs`).
#[test]
fn every_trace_of_the_proven_model_is_the_limiters() {
    let throttle = Throttle::RECOMMENDED;
    let (mut budget, mut lane, mut steps) = (Budget::default(), Lane::Unknown, 0);
    for line in include_str!("../data/limiter.txt").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix("lane ") {
            lane = if name == "unknown" { Lane::Unknown } else { Lane::Remembered };
            budget = Budget::default();
            continue;
        }
        let (step, expected) = line.split_once(" -> ").unwrap();
        let (now, step) = step.split_once(' ').unwrap();
        let now = UnixTime::from_secs(now.parse().unwrap());
        let answer = if step == "forgiven" {
            budget.forgive(true, now);
            budget.make_room(now);
            String::from("evaluated")
        } else {
            let (outcome, weight) = step.strip_suffix(')').unwrap().split_once('(').unwrap();
            let weight = weight.parse().unwrap();
            let gate = budget.lane(lane).gate(&throttle, lane, weight, now);
            match gate {
                Gate::Open if outcome == "succeeds" => budget.succeed(),
                Gate::Open => {
                    budget.charge(&throttle, lane, weight, now);
                }
                Gate::Wait(_) | Gate::Closed => {}
            }
            // Every write makes room, and a refusal is one if it finds a failure too far ahead.
            if gate == Gate::Open || budget.is_ahead(now) {
                budget.make_room(now);
            }
            match gate {
                Gate::Open => String::from("evaluated"),
                Gate::Wait(until) => std::format!("wait={}", until.since(now)),
                Gate::Closed => String::from("closed"),
            }
        };
        let failures = budget.lane(lane);
        let answered = std::format!("{answer}, row {}, sum {}", failures.row, failures.weigh(now));
        assert_eq!(answered, expected, "{line}");
        steps += 1;
    }
    assert!(steps > 700, "{steps} steps");
}
