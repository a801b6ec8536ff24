//! The size of an operation: everything is linear in the number of logins.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, missing_docs)]

use std::time::{Duration, Instant};

use countersign::{Method, Summary, UnixTime};
use countersign_billing::coverage::Coverage;
use countersign_billing::date::{Date, UtcOffset};
use countersign_billing::inventory::*;
use countersign_billing::report::{CoverageCsv, CoverageMarkdown};
use countersign_billing::rollout::{GoLive, Practice, StaleDays};

fn day(text: &str) -> Date {
    Date::parse(text).unwrap()
}

/// So many people with a login on each of so many systems; every tenth has left.
fn practice(people: usize, systems: usize) -> Practice {
    let text = |line: String| TextLine::new(&line).unwrap();
    let name = text("Large".into());
    let mut practice = Practice::new(name, UtcOffset::UTC, StaleDays::THIRTY);
    let from = day("2020-01-01");
    for number in 0..people {
        let left = Employment::Ended { from, at: UtcOffset::UTC.day_end(day("2026-10-30")) };
        let person = Person {
            id: PersonId::new(&format!("p{number}")).unwrap(),
            name: text(format!("Person {number}")),
            privilege: Privilege::Staff,
            duties: Vec::new(),
            employment: if number % 10 == 9 { left } else { Employment::Current { from } },
            trained_on: None,
            clients: Vec::new(),
        };
        practice.add_person(person).unwrap();
    }
    for number in 0..systems {
        let id = SystemId::new(&format!("s{number}")).unwrap();
        let support = SupportRecord {
            offer: OfferedFactor::App,
            seen_on: day("2026-08-31"),
            source: text("a letter".into()),
        };
        let system = System {
            id: id.clone(),
            name: text(format!("System {number}")),
            kind: SystemKind::PayerPortal,
            enforcement: Enforcement::Attested,
            internet_facing: true,
            touches: BillingData::default(),
            support: Some(support),
        };
        practice.add_system(system).unwrap();
        for number in 0..people {
            let by = PersonId::new(if number == 0 { "p1" } else { "p0" }).unwrap();
            let seen = Attestation { method: Method::Totp, seen_on: day("2026-10-01"), by };
            let login = Login {
                person: PersonId::new(&format!("p{number}")).unwrap(),
                system: id.clone(),
                kind: LoginKind::Personal,
                attestation: Some(seen),
            };
            practice.add_login(login).unwrap();
        }
        let go_live = GoLive::new(day("2026-10-05"), day("2026-09-14")).unwrap();
        practice.set_go_live(&id, go_live).unwrap();
    }
    practice
}

fn printed(practice: &Practice) -> usize {
    let now: UnixTime = UtcOffset::UTC.day_start(day("2026-11-20"));
    let report = Coverage::new(practice, &|_| Some(Summary::default()), now);
    assert!(!CoverageMarkdown(&report).to_string().is_empty());
    CoverageCsv(&report).to_string().lines().count()
}

#[test]
fn a_small_one_has_a_row_for_each_login() {
    assert_eq!(printed(&practice(30, 20)), 1 + 30 * 20);
}

/// Minutes when each login walked over all others; under three seconds of CPU now. The bound is for a
/// machine that does other things as well.
#[test]
#[cfg_attr(debug_assertions, ignore = "cargo test --release -p countersign-billing --test size")]
fn two_hundred_thousand_logins_are_seconds() {
    let started = Instant::now();
    assert_eq!(printed(&practice(2_000, 100)), 1 + 200_000);
    assert!(started.elapsed() < Duration::from_secs(90), "{:?}", started.elapsed());
}
