//! The subcommands that report: `coverage`, `gaps`, `readiness`, `offboard NAME`.
//!
//! Each takes the operation, a way to look up the account summary of a person, the moment to judge
//! for, and where to write. `summaries` answers `Some(Summary::default())` for somebody of whom the
//! store holds no account, and `None` only when the store could not be asked: the first is somebody
//! who has not enrolled, the second is somebody of whom nobody knows.

use std::io::{self, Write};

use countersign::{Summary, UnixTime};
use countersign_billing::coverage::Coverage;
use countersign_billing::date::{Date, DateError};
use countersign_billing::inventory::{Person, PersonId};
use countersign_billing::offboarding::{OffboardingDeadlines, OffboardingPlan};
use countersign_billing::readiness::Readiness;
use countersign_billing::report::{
    CoverageCsv, CoverageMarkdown, GapsMarkdown, OffboardingMarkdown, ReadinessMarkdown,
};
use countersign_billing::rollout::Practice;

/// How to look up the account of a person.
pub type Summaries<'a> = &'a dyn Fn(&PersonId) -> Option<Summary>;

/// How a report is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// Comma-separated values, for a spreadsheet.
    Csv,
    /// JSON, for machines.
    Json,
    /// Markdown, to read, print and sign.
    Markdown,
}

impl Format {
    /// From `md`, `csv` or `json`.
    pub fn from_name(name: &str) -> Option<Format> {
        match name {
            "csv" => Some(Format::Csv),
            "json" => Some(Format::Json),
            "md" => Some(Format::Markdown),
            _ => None,
        }
    }
}

/// The moment that `--as-of DATE` means: the end of that day, where the operation is.
///
/// # Errors
/// [`DateError`] for anything but `YYYY-MM-DD`.
pub fn as_of(operation: &Practice, date: &str) -> Result<UnixTime, DateError> {
    Date::parse(date).map(|date| operation.offset().day_end(date))
}

/// `coverage [--format md|csv|json] [--as-of DATE]`.
///
/// # Errors
/// What the writer says.
pub fn coverage(
    operation: &Practice,
    summaries: Summaries<'_>,
    as_of: UnixTime,
    format: Format,
    out: &mut dyn Write,
) -> io::Result<()> {
    let report = Coverage::new(operation, summaries, as_of);
    match format {
        Format::Csv => write!(out, "{}", CoverageCsv(&report)),
        Format::Json => json(&report, out),
        Format::Markdown => write!(out, "{}", CoverageMarkdown(&report)),
    }
}

/// `gaps`: the register and the vendor list, in Markdown or JSON. CSV is for tables; the register
/// is not one, so it is refused.
///
/// # Errors
/// What the writer says; [`io::ErrorKind::Unsupported`] for CSV.
pub fn gaps(
    operation: &Practice,
    summaries: Summaries<'_>,
    as_of: UnixTime,
    format: Format,
    out: &mut dyn Write,
) -> io::Result<()> {
    let report = Coverage::new(operation, summaries, as_of);
    match format {
        Format::Csv => Err(io::ErrorKind::Unsupported.into()),
        Format::Json => json(&(&report.gaps, &report.missing_gaps, &report.vendors), out),
        Format::Markdown => write!(out, "{}", GapsMarkdown(&report)),
    }
}

/// `readiness`, in Markdown or JSON.
///
/// # Errors
/// What the writer says; [`io::ErrorKind::Unsupported`] for CSV.
pub fn readiness(
    operation: &Practice,
    summaries: Summaries<'_>,
    as_of: UnixTime,
    format: Format,
    out: &mut dyn Write,
) -> io::Result<()> {
    let report = Readiness::new(operation, summaries, as_of);
    match format {
        Format::Csv => Err(io::ErrorKind::Unsupported.into()),
        Format::Json => json(&report, out),
        Format::Markdown => write!(out, "{}", ReadinessMarkdown(&report)),
    }
}

/// `offboard NAME`: the list for one leaver, by identifier or by name, in Markdown or JSON. It changes nothing: offboarding
/// the account is the host's call before it.
///
/// # Errors
/// What the writer says; [`io::ErrorKind::InvalidInput`] for a name that is nobody's or of somebody
/// who stays; [`io::ErrorKind::Unsupported`] for CSV.
pub fn offboard(
    operation: &Practice,
    summaries: Summaries<'_>,
    name: &str,
    clock: OffboardingDeadlines,
    as_of: UnixTime,
    format: Format,
    out: &mut dyn Write,
) -> io::Result<()> {
    let refused = |error: &dyn std::fmt::Display| {
        io::Error::new(io::ErrorKind::InvalidInput, error.to_string())
    };
    let called = |person: &&Person| person.id.as_str() == name || person.name.as_str() == name;
    let mut people = operation.people().filter(called);
    let person = match (people.next(), people.next()) {
        (Some(person), None) => &person.id,
        (None, _) => return Err(refused(&format!("nobody is called {name:?}"))),
        (Some(_), Some(_)) => return Err(refused(&format!("several people are called {name:?}"))),
    };
    let summary = summaries(person);
    let plan = OffboardingPlan::new(operation, person, summary.as_ref(), clock, as_of)
        .map_err(|error| refused(&error))?;
    match format {
        Format::Csv => Err(io::ErrorKind::Unsupported.into()),
        Format::Json => json(&plan, out),
        Format::Markdown => write!(out, "{}", OffboardingMarkdown(&plan)),
    }
}

fn json(report: &impl serde::Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)
}
