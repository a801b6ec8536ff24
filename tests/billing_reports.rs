//! The example's operation file and its reports: the golden reports, the file reader's errors, and
//! the laws of the reports.
//!
//! To write the golden files again after a change that is meant: `BLESS=1 cargo test --all-features
//! --test billing_reports`, and read the difference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

#[path = "../examples/billing/operation.rs"]
mod operation;
#[path = "../examples/billing/report.rs"]
mod report;

use countersign::inventory::PersonId;
use countersign::offboarding::Clock;
use countersign::rollout::Operation;
use countersign::summary::{DeviceStatus, DeviceSummary, ThrottleSummary};
use countersign::{DeviceId, Method, Summary, UnixTime};
use report::Format;

const FILE: &str = include_str!("../examples/billing/operation.toml");

fn example() -> Operation {
    operation::parse(FILE).unwrap()
}

/// Friday 20 November 2026, the end of the day in the office.
fn friday(operation: &Operation) -> UnixTime {
    report::as_of(operation, "2026-11-20").unwrap()
}

fn device(number: u64, method: Method, bound_at: u64, last_used: Option<u64>) -> DeviceSummary {
    DeviceSummary {
        id: DeviceId::from_u64(number),
        label: String::from("phone"),
        method,
        status: DeviceStatus::Confirmed,
        bound_at: UnixTime::from_secs(bound_at),
        last_used: last_used.map(UnixTime::from_secs),
        drift: 0,
        clock_offset: 0,
        short_secret: false,
        imported: false,
    }
}

fn enrolled(devices: Vec<DeviceSummary>) -> Summary {
    Summary {
        epoch: devices.len() as u32,
        first_bound_at: devices.iter().map(|device| device.bound_at).min(),
        devices,
        recovery_codes_left: 10,
        ..Summary::default()
    }
}

const OCTOBER: u64 = 1_790_870_400; // 2026-10-01T16:00:00Z
const THURSDAY: u64 = 1_795_100_400; // 2026-11-19T15:00:00Z
const EVENING: u64 = 1_795_239_000; // 2026-11-21T05:30:00Z, half an hour before the Friday ends

/// The accounts of the example on that Friday, one of them unreadable.
fn accounts(person: &PersonId) -> Option<Summary> {
    let summary = match person.as_str() {
        "ruth" => enrolled(vec![device(1, Method::Totp, OCTOBER, Some(THURSDAY))]),
        "omar" => return None,
        "ines" => enrolled(vec![
            device(2, Method::Totp, OCTOBER, Some(THURSDAY)),
            device(3, Method::Passkey, OCTOBER, Some(THURSDAY)),
        ]),
        "dana" => Summary {
            recovery_codes_left: 8,
            recovery_replacement_due: true,
            ..enrolled(vec![device(4, Method::Totp, OCTOBER, Some(THURSDAY))])
        },
        "li" => enrolled(vec![device(5, Method::Totp, OCTOBER, Some(OCTOBER))]),
        "tom" => Summary {
            codes: ThrottleSummary {
                consecutive_failures: 9,
                waiting_until: Some(UnixTime::from_secs(EVENING + 3_600)),
                disabled: false,
            },
            ..enrolled(vec![DeviceSummary {
                short_secret: true,
                imported: true,
                ..device(6, Method::Totp, OCTOBER, Some(THURSDAY))
            }])
        },
        "priya" => Summary {
            pending_until: Some(UnixTime::from_secs(EVENING + 2_000)),
            ..Summary::default()
        },
        "karen" => Summary {
            epoch: 2,
            first_bound_at: Some(UnixTime::from_secs(OCTOBER)),
            offboarded_at: Some(UnixTime::from_secs(1_793_401_320)), // 2026-10-30T17:02-06:00
            devices: vec![DeviceSummary {
                status: DeviceStatus::Revoked,
                ..device(7, Method::Totp, OCTOBER, Some(OCTOBER + 86_400))
            }],
            ..Summary::default()
        },
        _ => Summary::default(),
    };
    Some(summary)
}

fn written(write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn coverage(operation: &Operation, format: Format) -> String {
    let as_of = friday(operation);
    written(|out| report::coverage(operation, &accounts, as_of, format, out))
}

/// Compares with the file under `tests/data`, or writes it when `BLESS` is set.
fn golden(name: &str, found: &str) {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert!(found == expected, "{name} has changed; see the head of this file");
}

#[test]
fn the_reports_are_the_golden_ones() {
    let operation = example();
    let as_of = friday(&operation);
    golden("coverage.md", &coverage(&operation, Format::Markdown));
    golden("coverage.csv", &coverage(&operation, Format::Csv));
    let readiness =
        |format| written(|out| report::readiness(&operation, &accounts, as_of, format, out));
    golden("readiness.md", &readiness(Format::Markdown));
    let gaps = |format| written(|out| report::gaps(&operation, &accounts, as_of, format, out));
    golden("gaps.md", &gaps(Format::Markdown));
    let leaver = |clock, format| {
        written(|out| report::offboard(&operation, &accounts, "karen", clock, as_of, format, out))
    };
    golden("offboarding.md", &leaver(Clock::EndOfDay, Format::Markdown));
    golden("offboarding-proposed.md", &leaver(Clock::Proposed, Format::Markdown));
    #[cfg(feature = "serde")]
    {
        golden("coverage.json", &coverage(&operation, Format::Json));
        golden("readiness.json", &readiness(Format::Json));
        golden("offboarding.json", &leaver(Clock::EndOfDay, Format::Json));
    }
}
