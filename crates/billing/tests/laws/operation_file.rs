//! The laws of the operation file: the reader takes any text, points at lines that are there, and
//! what it takes can be reported on at any time, the same every time.

use countersign::{Summary, UnixTime};
use countersign_billing::coverage::Coverage;
use countersign_billing::inventory::PersonId;
use countersign_billing::report::{CoverageCsv, CoverageMarkdown, GapsMarkdown};
use countersign_billing::rollout::Practice;

use crate::operation;

/// What holds for any text. Says whether the reader took it.
///
/// # Panics
/// If it does not.
pub fn hold(data: &[u8]) -> [bool; 1] {
    let text = &*String::from_utf8_lossy(data);
    let read = operation::parse(text);
    match &read {
        Err(errors) => {
            let lines = text.lines().count().max(1) + usize::from(text.ends_with('\n'));
            assert!(!errors.0.is_empty() && errors.0.is_sorted());
            for error in &errors.0 {
                let (line, other) = (error.line, error.other.unwrap_or(1));
                assert!((1..=lines).contains(&line), "line {line} of {lines}");
                assert!((1..=lines).contains(&other), "the other line {other} of {lines}");
                assert!(!error.what.is_empty() && !error.what.contains('\n'), "{:?}", error.what);
            }
        }
        Ok(operation) => {
            // A comment says nothing.
            let again = operation::parse(&format!("# a comment\n\n{text}\n# another\n")).unwrap();
            assert_eq!(format!("{again:?}"), format!("{operation:?}"));
            for year in [2020, 2026, 2030, 2199] {
                reports(operation, UnixTime::from_secs((year - 1970) * 31_556_952));
            }
        }
    }
    [read.is_ok()]
}

/// Of people who have no account and of people whose account is empty.
fn reports(operation: &Practice, as_of: UnixTime) {
    let nobody: fn(&PersonId) -> Option<Summary> = |_| None;
    let empty: fn(&PersonId) -> Option<Summary> = |_| Some(Summary::default());
    for summaries in [nobody, empty] {
        let print = || {
            let report = Coverage::new(operation, &summaries, as_of);
            let csv = CoverageCsv(&report).to_string();
            let mut reader = csv::Reader::from_reader(csv.as_bytes());
            let rows: Vec<_> =
                reader.records().map(|row| row.expect("rows of one length")).collect();
            assert_eq!(rows.len(), report.lines().count(), "a row for each line");
            assert!(report.open() <= report.asked(), "more is open than was asked");
            [csv, CoverageMarkdown(&report).to_string(), GapsMarkdown(&report).to_string()]
        };
        assert_eq!(print(), print());
    }
}
