//! People who leave: the day that was written, a list that can be finished, and many at once.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![allow(clippy::panic, missing_docs)]

mod office;
#[path = "../../../examples/billing/operation.rs"]
mod operation;

use countersign::account::{DeviceStatus, DeviceSummary};
use countersign::{DeviceId, Method, Summary, UnixTime};
use countersign_billing::coverage::{Coverage, CoverageStatus};
use countersign_billing::date::{Date, UtcOffset};
use countersign_billing::feed::{FeedOutcome, feed};
use countersign_billing::inventory::PersonId;
use countersign_billing::offboarding::{OffboardingDeadlines, OffboardingPlan};
use countersign_billing::report::OffboardingMarkdown;
use countersign_billing::rollout::Practice;
use countersign_billing::table::{TableError, table};
use office::{now, practice};

fn day(text: &str) -> Date {
    Date::parse(text).unwrap()
}

fn plan(practice: &Practice, summary: Option<&Summary>) -> OffboardingPlan {
    let (karen, clock) = (PersonId::new("karen").unwrap(), OffboardingDeadlines::EndOfDay);
    OffboardingPlan::new(practice, &karen, summary, clock, now()).unwrap()
}

#[test]
fn the_last_day_is_the_day_that_was_written() {
    let untouched = [("at = 2026-10-30T17:25:00", "at = 2026-11-02T09:00:00")];
    for (until, last, ends) in [
        ("until = 2026-10-30", "2026-10-30", "with the end of 2026-10-30"),
        ("until = 2026-10-31", "2026-10-31", "with the end of 2026-10-31"),
        ("until = 2026-10-31T00:00:00", "2026-10-30", "with the end of 2026-10-30"),
        ("until = 2026-10-30T17:00:00", "2026-10-30", "2026-10-30 17:00 +00:00"),
    ] {
        let practice = practice(&[("until = 2026-10-30", until), untouched[0]]);
        let plan = plan(&practice, None);
        assert_eq!(plan.last_day, day(last), "{until}");
        let due = UtcOffset::UTC.day_end(day(last));
        assert!(plan.lines.iter().all(|line| line.due == due), "{until}");
        assert!(OffboardingMarkdown(&plan).to_string().contains(&format!("ends **{ends}**")));
        let early = UtcOffset::UTC.day_end(day("2026-10-31"));
        let report = Coverage::new(&practice, &|_| Some(Summary::default()), early.plus(1));
        let left = report.lines().find(|(_, line)| line.person.as_str() == "karen");
        assert_eq!(left.unwrap().1.status, CoverageStatus::Left { on: day(last) }, "{until}");
        let due = report.due.iter().find(|due| due.what.contains("Payer: remove the login"));
        assert_eq!(due.unwrap().on, day(last), "{until}");
    }
}

#[test]
fn a_leaver_who_never_had_an_account_can_be_finished() {
    let practice = practice(&[]);
    let never = plan(&practice, Some(&Summary::default()));
    assert_eq!(never.open().count(), 0);
    assert_eq!(never.lines[0].what, "offboard the account: there is none");
    assert!(!never.lines[0].late);
    assert_eq!(never.retain_until, Some(day("2032-10-30")));
    // What is not known is not finished, and neither is what works.
    assert_eq!(plan(&practice, None).open().count(), 1);
    assert_eq!(plan(&practice, Some(&working())).open().count(), 1);
    let report = Coverage::new(&practice, &|_| Some(Summary::default()), now());
    assert!(!report.due.iter().any(|due| due.what.contains("leaves")), "{:?}", report.due);
}

fn working() -> Summary {
    let device = DeviceSummary {
        bound_openly: false,
        id: DeviceId::from_u64(1),
        label: String::from("phone"),
        method: Method::Totp,
        status: DeviceStatus::Confirmed,
        bound_at: UnixTime::from_secs(1_790_870_400),
        last_used: None,
        drift: 0,
        clock_offset: 0,
        short_secret: false,
        imported: false,
        digits: None,
        fingerprint: None,
    };
    let first_bound_at = Some(device.bound_at);
    Summary { epoch: 1, first_bound_at, devices: vec![device], ..Summary::default() }
}

/// Two people of one name, and three more leavers.
fn many() -> Practice {
    let people = "\
[[person]]
id = \"a\"
name = \"Alex Kim\"
privilege = \"staff\"
employed = { from = 2020-01-01, until = 2026-10-30 }

[[person]]
id = \"b\"
name = \"Alex Kim\"
privilege = \"staff\"
employed = { from = 2020-01-01, until = 2026-10-30 }

[[person]]
id = \"gone\"
name = \"Gone\"
privilege = \"staff\"
employed = { from = 2020-01-01, until = 2026-10-30 }

[[person]]
id = \"unread\"
name = \"Unread\"
privilege = \"staff\"
employed = { from = 2020-01-01, until = 2026-10-30 }

[[person]]
id = \"next\"
name = \"Next\"
privilege = \"staff\"
employed = { from = 2020-01-01, until = 2026-12-31 }

[[system]]
id = \"desk\"";
    practice(&[("[[system]]\nid = \"desk\"", people)])
}

fn accounts(person: &PersonId) -> Option<Summary> {
    match person.as_str() {
        "karen" | "a" | "b" | "dana" => Some(working()),
        "gone" => Some(Summary { offboarded_at: Some(now()), ..Summary::default() }),
        "unread" => None,
        _ => Some(Summary::default()),
    }
}

fn judged(list: &str) -> Vec<(u64, String, FeedOutcome)> {
    let lines = feed(list, &many(), &accounts, now()).unwrap();
    lines.into_iter().map(|line| (line.line, line.name, line.outcome)).collect()
}

#[test]
fn a_personnel_list_says_who_would_be_ended_and_who_not() {
    let list = "person\nkaren\na\nGone\nunread\nnext\ndana\neve\nomar\n";
    let found = judged(list);
    let found: Vec<(u64, &str, FeedOutcome)> =
        found.iter().map(|(line, name, outcome)| (*line, name.as_str(), *outcome)).collect();
    assert_eq!(
        found,
        [
            (2, "karen", FeedOutcome::Ends),
            (3, "a", FeedOutcome::Ends),
            (4, "Gone", FeedOutcome::Gone),
            (5, "unread", FeedOutcome::NoRecord),
            (6, "next", FeedOutcome::Employed),
            (7, "dana", FeedOutcome::Employed),
            (8, "eve", FeedOutcome::Unknown),
            (9, "omar", FeedOutcome::Employed),
        ]
    );
    // The list of a whole office, in which those who stay have no last day.
    let list =
        "\u{feff}until;person\r\n2026-10-30;Karen\r\n;a\r\npresent;gone\r\n2026-11-01;dana\r\n";
    let outcomes: Vec<FeedOutcome> = judged(list).into_iter().map(|line| line.2).collect();
    let stays = FeedOutcome::Employed;
    assert_eq!(outcomes, [FeedOutcome::Ends, stays, stays, stays]);
    let practice = practice(&[("privilege = \"staff\"\nduties", "privilege = \"staff\"\nduties")]);
    let never = feed("person\nkaren\n", &practice, &|_| Some(Summary::default()), now()).unwrap();
    assert_eq!(never[0].outcome, FeedOutcome::NoAccount);
}

fn said(errors: Vec<TableError>) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn every_bad_line_of_a_personnel_list_comes_at_once() {
    let list = "person,until\nAlex Kim,2026-10-30\n,2026-10-30\nkaren,2026-10-29\ngone,30.10.2026\n\
                a,2026-10-30\nKaren,2026-10-30\nKaren,\n";
    assert_eq!(
        said(feed(list, &many(), &accounts, now()).unwrap_err()),
        [
            "line 2: 2 people are called \"Alex Kim\": take the id",
            "line 3: no person is named",
            "line 4: karen left on 2026-10-29 by the list and on 2026-10-30 by the practice",
            "line 5: \"30.10.2026\" is no day YYYY-MM-DD",
            "line 8: Karen is in line 7 already",
        ]
    );
    let twice = said(feed("person\nkaren\neve\neve\n", &many(), &accounts, now()).unwrap_err());
    assert_eq!(twice, ["line 4: eve is in line 3 already"]);
}

#[test]
fn a_table_is_read_as_spreadsheets_write_it() {
    let fields = |text: &str| -> Vec<(u64, Option<String>, Option<String>)> {
        let rows = table(text, &["a"], &["b"]).unwrap();
        let field = |row: &str| Some(row.to_owned());
        rows.iter()
            .map(|row| (row.line, row.field("a").and_then(field), row.field("b").and_then(field)))
            .collect()
    };
    let one = |line, a: &str, b: &str| (line, Some(a.to_owned()), Some(b.to_owned()));
    for text in
        ["a,b\n1,2\n", "a;b\r\n1;2\r\n", "a\tb\r1\t2", "\u{feff}b,a\n2, 1 \n\n", "\n\na,b\n1,2"]
    {
        let found = fields(text);
        assert_eq!(
            (found.len(), &found[0].1, &found[0].2),
            (1, &Some("1".into()), &Some("2".into())),
            "{text:?}"
        );
    }
    let quoted = "a,b\n\"x\n\"\"y\"\"\",2\n\n\n3,\n";
    let found = fields(quoted);
    assert_eq!(found[0], one(2, "x\n\"y\"", "2"));
    assert_eq!(found[1], (6, Some("3".to_owned()), None), "the line in which it begins");
    assert_eq!(fields(&format!("a,b\r\n{},2\r\n", "x".repeat(10_000)))[0].0, 2);
    assert_eq!(
        said(table("a,a,c\n1\n", &["a", "d"], &["b"]).unwrap_err()),
        [
            "line 1: the column a is there twice",
            "line 1: \"c\" is no column: the columns are a, d, b",
            "line 1: the column d is missing",
            "line 2: the row has 1 field, and the header has 3",
        ]
    );
    assert_eq!(
        said(table("", &["a"], &[]).unwrap_err()),
        ["line 1: the table is empty: it begins with its columns"]
    );
}
