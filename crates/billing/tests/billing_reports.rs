//! The example's operation file and its reports: the golden reports, the file reader's errors, and
//! the laws of the reports.
//!
//! To write the golden files again after a change that is meant: `BLESS=1 cargo test -p
//! countersign-billing --test billing_reports`, and read the difference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

mod common;
#[path = "../../../examples/billing/operation.rs"]
mod operation;
#[path = "../../../examples/billing/report.rs"]
mod report;

use common::Opens;
use countersign::account::{DeviceStatus, DeviceSummary, Standing, ThrottleSummary};
use countersign::{DeviceId, Method, Summary, UnixTime};
use countersign_billing::inventory::PersonId;
use countersign_billing::offboarding::OffboardingDeadlines;
use countersign_billing::rollout::Practice;
use report::Format;

const FILE: &str = include_str!("../../../examples/billing/operation.toml");

fn example() -> Practice {
    operation::parse(FILE).unwrap()
}

/// Friday 20 November 2026, the end of the day in the office.
fn friday(operation: &Practice) -> UnixTime {
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
        digits: None,
        fingerprint: None,
        bound_openly: false,
    }
}

fn enrolled(devices: Vec<DeviceSummary>) -> Summary {
    Summary {
        epoch: devices.len() as u32,
        first_bound_at: devices.iter().map(|device| device.bound_at).min(),
        devices,
        recovery_codes_left: 10,
        standing: Standing::InUse,
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
        "li" => enrolled(vec![DeviceSummary {
            bound_openly: true,
            ..device(5, Method::Totp, OCTOBER, Some(OCTOBER))
        }]),
        "tom" => Summary {
            standing: Standing::Waiting { until: UnixTime::from_secs(EVENING + 3_600) },
            codes: ThrottleSummary {
                consecutive_failures: 9,
                waiting_until: Some(UnixTime::from_secs(EVENING + 3_600)),
                ..ThrottleSummary::default()
            },
            ..enrolled(vec![DeviceSummary {
                short_secret: true,
                imported: true,
                ..device(6, Method::Totp, OCTOBER, Some(THURSDAY))
            }])
        },
        "priya" => Summary {
            standing: Standing::Pending { until: UnixTime::from_secs(EVENING + 2_000) },
            pending_until: Some(UnixTime::from_secs(EVENING + 2_000)),
            ..Summary::default()
        },
        "karen" => Summary {
            standing: Standing::Offboarded,
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

fn coverage(operation: &Practice, format: Format) -> String {
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
    golden("offboarding.md", &leaver(OffboardingDeadlines::EndOfDay, Format::Markdown));
    golden("offboarding-proposed.md", &leaver(OffboardingDeadlines::Proposed, Format::Markdown));
    #[cfg(feature = "serde")]
    {
        golden("coverage.json", &coverage(&operation, Format::Json));
        golden("readiness.json", &readiness(Format::Json));
        golden("offboarding.json", &leaver(OffboardingDeadlines::EndOfDay, Format::Json));
    }
}

#[test]
fn the_example_is_what_it_says_it_is() {
    let operation = example();
    assert_eq!(operation.systems().len(), 12);
    assert_eq!(operation.people().count(), 9);
    assert_eq!(operation.gaps().count(), 3);
    assert_eq!(operation.missing_kinds().count(), 0);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for format in [Format::Markdown, Format::Csv] {
        assert_eq!(coverage(&example(), format), coverage(&example(), format));
    }
    assert_eq!(
        ["md", "csv", "json", "pdf"].map(Format::from_name),
        [Some(Format::Markdown), Some(Format::Csv), Some(Format::Json), None]
    );
}

#[test]
fn the_csv_has_a_row_for_each_line_of_the_report() {
    let csv = coverage(&example(), Format::Csv);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let markdown = coverage(&example(), Format::Markdown);
    let systems = markdown.split("## Systems").nth(1).unwrap().split("## Gap register").next();
    let lines = systems.unwrap().lines().filter(|line| line.starts_with("| "));
    assert_eq!(rows.len(), lines.filter(|line| !line.starts_with("| Person")).count());
    assert!(rows.iter().all(|row| row.len() == 26 && &row[0] == "2026-11-20"));
}

/// Of each covered line: when, by whom, on what ground, in every format.
#[test]
fn every_factor_that_is_claimed_has_its_evidence() {
    let csv = coverage(&example(), Format::Csv);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let columns: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let at = |row: &csv::StringRecord, column: &str| {
        row[columns.iter().position(|name| name == column).unwrap()].to_owned()
    };
    let (mut own, mut seen) = (0, 0);
    for row in reader.records().map(Result::unwrap) {
        let claimed = ["covered", "stale", "waiting", "weak"].contains(&&*at(&row, "status"));
        let ground = at(&row, "evidence");
        assert_eq!(!ground.is_empty(), claimed, "{row:?}");
        if !claimed {
            continue;
        }
        assert_eq!(at(&row, "evidence_on").len(), 10, "{row:?}");
        match at(&row, "enforcement").as_str() {
            "enforced" => {
                assert_eq!(
                    (ground.as_str(), at(&row, "evidence_by").as_str()),
                    ("own sign-in", "")
                );
                assert!(at(&row, "evidence_source").contains(", epoch "), "{row:?}");
                own += usize::from(at(&row, "status") == "covered");
            }
            _ => {
                assert_eq!((ground.as_str(), at(&row, "evidence_by").is_empty()), ("seen", false));
                seen += usize::from(at(&row, "status") == "covered");
            }
        }
    }
    assert!(own > 1 && seen > 1, "{own}, {seen}");
    let markdown = coverage(&example(), Format::Markdown);
    let apart =
        format!("**{own}** were checked by our own sign-in and **{seen}** were seen by a person");
    assert!(markdown.contains(&apart), "{apart}");
    for told in [
        "| Ruth Alvarez | covered | app code | our sign-in, 2026-11-19 09:00 -06:00 (epoch 1) | A |",
        "| Ruth Alvarez | covered | passkey | seen 2026-09-25 by Ines Kowalczyk | A |",
        "offers: app codes (looked up 2026-08-20: Meridian security settings page)",
        "- Notice about SMS read by Dana Whitfield on 2026-09-28",
        "| Ruth Alvarez | read, epoch 1 | in-use | 2026-09-22 | 2026-10-01 |  |",
    ] {
        assert!(markdown.contains(told), "{told}\n{markdown}");
    }
    #[cfg(feature = "serde")]
    {
        let json: serde_json::Value =
            serde_json::from_str(&coverage(&example(), Format::Json)).unwrap();
        let lines = json["systems"].as_array().unwrap().iter();
        let lines = lines.flat_map(|system| system["lines"].as_array().unwrap());
        let covered: Vec<_> = lines.filter(|line| line["status"]["is"] == "covered").collect();
        assert_eq!(covered.len(), own + seen);
        assert!(covered.iter().all(|line| line["evidence"]["ground"].is_string()));
    }
}

/// A report for a day does not show what came after it.
#[test]
fn evidence_is_no_younger_than_the_report() {
    let operation = example();
    let day = report::as_of(&operation, "2026-11-10").unwrap();
    let shown = written(|out| report::coverage(&operation, &accounts, day, Format::Markdown, out));
    assert!(shown.contains("our sign-in, bound 2026-10-01 10:00 -06:00"), "{shown}");
    assert!(!shown.contains("our sign-in, 2026-11-19"), "{shown}");
}

#[cfg(feature = "serde")]
#[test]
fn the_json_says_as_of_and_from_what_and_shows_no_label() {
    let json: serde_json::Value =
        serde_json::from_str(&coverage(&example(), Format::Json)).unwrap();
    assert_eq!(json["as_of_date"], "2026-11-20");
    assert_eq!(json["records"].as_array().unwrap().len(), 9);
    assert_eq!(json["systems"].as_array().unwrap().len(), 12);
    assert!(!json.to_string().contains("phone"));
    let line = &json["systems"][0]["lines"][0];
    assert_eq!(line["status"]["is"], "weak");
    assert_eq!(line["controls"][0], "45 CFR 164.312(d)");
}

#[test]
fn offboarding_of_nobody_and_of_somebody_who_stays_is_refused() {
    let operation = example();
    let refusal = |name: &str| {
        let mut out = Vec::new();
        let (now, format) = (friday(&operation), Format::Markdown);
        let clock = OffboardingDeadlines::EndOfDay;
        report::offboard(&operation, &accounts, name, clock, now, format, &mut out)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(refusal("eve"), "nobody is called \"eve\"");
    assert_eq!(refusal("=1+1\n"), "nobody is called \"=1+1\\n\"");
    assert_eq!(refusal("ruth"), "ruth is not leaving");
    let plan = |name: &str| {
        let (now, clock) = (friday(&operation), OffboardingDeadlines::EndOfDay);
        let format = Format::Markdown;
        written(|out| report::offboard(&operation, &accounts, name, clock, now, format, out))
    };
    assert_eq!(plan("Karen Novak"), plan("karen"));
}

/// Replaces the one line that is `from`, and says which error in which line comes of it.
fn broken(from: &str, to: &str) -> (usize, usize, String) {
    let line = FILE.lines().position(|line| line == from).expect(from) + 1;
    let text = FILE.replacen(&format!("\n{from}\n"), &format!("\n{to}\n"), 1);
    let errors = operation::parse(&text).map(|_| ()).expect_err(to);
    // What only follows from another error is left out; of a changed id the old name is unknown.
    assert!(errors.0.len() == 1 || to.contains("Lakeview"), "{to}: {errors}");
    (line, errors.0[0].line, errors.0[0].what.clone())
}

#[test]
fn a_bad_file_gives_the_line_and_what_is_wrong() {
    let cases = [
        (
            "utc_offset = \"-06:00\"       # standard time, the whole year",
            "utc_offset = \"-6\"",
            "offset",
        ),
        (
            "stale_after_days = 30       # a factor not used for longer shows as stale",
            "stale_after_days = 0",
            "1 to 365 days",
        ),
        ("id = \"lakeview\"", "id = \"Lakeview\"", "an identifier is"),
        ("name = \"Ruth Alvarez\"", "name = \"  \"", "the text is empty"),
        ("name = \"Ruth Alvarez\"", "nmae = \"Ruth Alvarez\"", "unknown field `nmae`"),
        ("duties = [\"security-official\"]", "duties = [\"boss\"]", "\"boss\" is none of"),
        (
            "employed = { from = 2016-03-01, until = \"present\" }",
            "employed = { from = 2016-03-01 }",
            "missing field `until`",
        ),
        (
            "employed = { from = 2016-03-01, until = \"present\" }",
            "employed = { from = 2016-03-01, until = \"now\" }",
            "until is",
        ),
        (
            "employed = { from = 2016-03-01, until = \"present\" }",
            "employed = { from = 2016-02-30, until = \"present\" }",
            "",
        ),
        (
            "privilege = \"administrator\"                 # of one client's data",
            "privilege = \"root\"",
            "is none of",
        ),
        ("kind = \"cloud-storage\"", "kind = \"cloud\"", "is none of"),
        (
            "shared_logins = [\"li\", \"tom\"]               # one login for the whole office; no go-live until it ends",
            "shared_logins = [\"li\", \"tom\", \"eve\"]",
            "nobody is called eve",
        ),
        (
            "go_live = { on = 2026-12-01, announced_on = 2026-10-15 }",
            "go_live = { on = 2026-12-01, announced_on = 2026-12-02 }",
            "announced after",
        ),
        (
            "go_live = { on = 2026-12-01, announced_on = 2026-10-15 }",
            "go_live = { on = 2026-12-01, announced_on = 2026-10-15 }\nshared_logins = [\"li\"]",
            "end the sharing first",
        ),
        (
            "    { person = \"dana\", method = \"sms\", seen_on = 2026-09-28, by = \"ines\" },",
            "    { person = \"dana\", method = \"email\", seen_on = 2026-09-28, by = \"ines\" },",
            "\"email\" is none of",
        ),
        (
            "    { person = \"dana\", method = \"sms\", seen_on = 2026-09-28, by = \"ines\" },",
            "    { person = \"dana\", method = \"sms\", seen_on = 2026-09-28, by = \"dana\" },",
            "made by somebody else",
        ),
        ("until = 2026-11-30", "until = \"for ever\"", ""),
        ("until = 2026-11-30", "until = 2027-02-15", "at most 90 days"),
        (
            "named_users = [\"dana\", \"tom\"]",
            "named_users = [\"dana\", \"tom\", \"omar\"]",
            "omar has no login on dental-exchange",
        ),
        (
            "named_users = [\"dana\", \"tom\"]",
            "named_users = [\"dana\", \"tom\", \"ines\"]",
            "without exception",
        ),
        ("review_every_months = 6", "review_every_months = 13", "every 1 to 12 months"),
        (
            "    { by = \"omar\", on = 2026-09-03, until = 2027-08-31 },",
            "    { by = \"ruth\", on = 2026-09-03, until = 2027-08-31 },",
            "the owner of a gap cannot approve it",
        ),
        (
            "    { by = \"omar\", on = 2026-09-03, until = 2027-08-31 },",
            "    { by = \"omar\", on = 2026-09-03, until = 2027-09-04 },",
            "more than twelve calendar months",
        ),
        ("status = \"open\"", "status = \"closed\"", "exactly when"),
        ("client = \"prairie\"", "client = \"stclair\"", "nothing of the kind"),
    ];
    for (from, to, what) in cases {
        let (line, found, said) = broken(from, to);
        assert!(said.contains(what), "{to}: {said}");
        let added = to.matches('\n').count();
        assert!((line..=line + added).contains(&found), "{to}: line {line}, not {found}: {said}");
        assert!(!said.contains('\n'), "one line: {said}");
    }
    let no_controls = FILE.replace(
        "controls = [\n    { kind = \"password-manager\", since = 2026-04-16",
        "controls = []\nother = [\n    { kind = \"password-manager\", since = 2026-04-16",
    );
    assert!(operation::parse(&no_controls).is_err());
    let long = operation::parse(&"#".repeat((1 << 26) + 1)).unwrap_err();
    assert_eq!(long.to_string(), "line 1: the file is longer than 64 megabytes");
}

/// The file reader keeps the law of the gate: whichever line is lost, the file is refused or opens
/// nothing that was closed.
#[test]
fn losing_a_line_of_the_file_never_opens_anything() {
    let base = example();
    let enforced: Vec<_> = ["billing-desk", "desk-admin", "mail"]
        .map(|id| countersign_billing::inventory::SystemId::new(id).unwrap())
        .to_vec();
    let people: Vec<PersonId> = base.people().map(|person| person.id.clone()).collect();
    let moments =
        ["2026-09-30", "2026-10-30", "2026-10-31", "2026-11-20", "2026-11-30", "2026-12-01"];
    let moments = moments.map(|day| report::as_of(&base, day).unwrap());
    let states = [
        None,
        Some(Summary::default()),
        accounts(&PersonId::new("ruth").unwrap()),
        accounts(&PersonId::new("ines").unwrap()),
        Some(enrolled(vec![device(9, Method::Sms, OCTOBER, None)])),
    ];
    let lines: Vec<&str> = FILE.lines().collect();
    let (mut accepted, mut refused) = (0, 0);
    for lost in 0..lines.len() {
        if lines[lost].is_empty() || lines[lost].starts_with('#') {
            continue;
        }
        let kept = lines.iter().enumerate().filter(|(place, _)| *place != lost);
        let text: Vec<&str> = kept.map(|(_, line)| *line).collect();
        let Ok(less) = operation::parse(&text.join("\n")) else {
            refused += 1;
            continue;
        };
        accepted += 1;
        for (person, system) in people.iter().flat_map(|it| enforced.iter().map(move |at| (it, at)))
        {
            for (now, summary) in
                moments.iter().flat_map(|now| states.iter().map(move |it| (now, it)))
            {
                let before = base.gate(person, system, summary.as_ref(), *now);
                let after = less.gate(person, system, summary.as_ref(), *now);
                for proved in Method::ALL.map(Some).into_iter().chain([None]) {
                    assert!(
                        before.opens(proved) || !after.opens(proved),
                        "without {:?}: {person} on {system}: {before:?} became {after:?}",
                        lines[lost]
                    );
                }
            }
        }
    }
    assert!(accepted > 30 && refused > 100, "{accepted} accepted, {refused} refused");
}

#[test]
fn the_reader_takes_any_bytes_without_a_panic() {
    use proptest::prelude::*;
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let cut = (0..FILE.len(), 0..200_usize, ".{0,12}");
    let law = |(from, len, put): (usize, usize, String)| {
        let mut bytes = FILE.as_bytes().to_vec();
        let to = (from + len).min(bytes.len());
        bytes.splice(from..to, put.bytes());
        if let Ok(text) = String::from_utf8(bytes)
            && let Err(errors) = operation::parse(&text)
        {
            for error in errors.0 {
                prop_assert!(error.line >= 1 && error.line <= text.lines().count() + 1);
                prop_assert!(!error.what.is_empty());
            }
        }
        Ok(())
    };
    runner.run(&cut, law).unwrap();
}
