//! The coverage as CSV, for spreadsheets.
//!
//! Standard: RFC 4180; OWASP (CSV injection).

use super::*;

/// The lines of the coverage report as CSV, with a header, one line for each person and system.
#[derive(Clone, Copy, Debug)]
pub struct CoverageCsv<'r>(pub &'r Coverage);

impl Display for CoverageCsv<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = [
            "as_of",
            "system",
            "system_name",
            "kind",
            "enforcement",
            "offer",
            "offer_seen_on",
            "go_live",
            "person",
            "person_name",
            "status",
            "method",
            "date",
            "gap",
            "gap_state",
            "open_vulnerability",
            "control_in_force",
            "voluntary_practices",
            "administers",
            "evidence",
            "evidence_on",
            "evidence_by",
            "evidence_source",
            "offer_source",
            "announced_on",
            "forecast",
        ];
        csv_row(f, &header.map(String::from))?;
        let gaps = self.0.gaps.iter().map(|gap| (&gap.gap, gap)).collect();
        let administrators = self.0.administrators.iter();
        let administrators = administrators.map(|it| (&it.person, it.privilege)).collect();
        for (system, line) in self.0.lines() {
            csv_row(f, &csv_fields(self.0, &gaps, &administrators, system, line))?;
        }
        Ok(())
    }
}

/// One line of the coverage as fields, in the order of the header.
pub(super) fn csv_fields(
    report: &Coverage,
    gaps: &BTreeMap<&GapId, &GapLine>,
    administrators: &BTreeMap<&PersonId, Privilege>,
    system: &SystemCoverage,
    line: &CoverageLine,
) -> Vec<String> {
    let day = |moment: UnixTime| Date::of(moment, report.offset);
    let (by, date, gap, state) = match &line.status {
        CoverageStatus::Ahead { from } => (None, Some(*from), None, None),
        CoverageStatus::BeforeGoLive { on } | CoverageStatus::Left { on } => {
            (None, Some(*on), None, None)
        }
        CoverageStatus::Covered { by } | CoverageStatus::NotUsedYet { by, .. } => {
            (Some(*by), None, None, None)
        }
        CoverageStatus::Gap { gap, state } => (None, None, Some(gap), Some(*state)),
        CoverageStatus::InGrace { until }
        | CoverageStatus::Pending { until, .. }
        | CoverageStatus::Waiting { until } => (None, Some(day(*until)), None, None),
        CoverageStatus::Shared { gap } => (None, None, gap.as_ref(), None),
        CoverageStatus::Stale { by, last } => (Some(*by), Some(*last), None, None),
        CoverageStatus::Weak { gap } => (Some(Method::Sms), None, gap.as_ref(), None),
        CoverageStatus::ClosedToStrangers
        | CoverageStatus::Disabled
        | CoverageStatus::NoRecord
        | CoverageStatus::NotEnrolled
        | CoverageStatus::NotRequired
        | CoverageStatus::Offboarded => (None, None, None, None),
    };
    let listed = gap.and_then(|id| gaps.get(id));
    let administers = administrators.get(&line.person).map(|privilege| match privilege {
        Privilege::MultiClientAdministrator => "several clients",
        _ => "one client",
    });
    let state = state.or_else(|| listed.map(|entry| entry.state));
    let (ground, shown_on, shown_by, source) = match &line.evidence {
        Some(Evidence::OwnSignIn { at, used, epoch }) => {
            let what = if *used { "signed in" } else { "bound" };
            (Some("own sign-in"), Some(day(*at)), None, format!("{what}, epoch {epoch}"))
        }
        Some(Evidence::Seen { on, by, .. }) => {
            (Some("seen"), Some(*on), Some(by), String::from("attestation"))
        }
        None => (None, None, None, String::new()),
    };
    let enforcement = match system.enforcement {
        Enforcement::Attested => "attested",
        Enforcement::Enforced => "enforced",
    };
    let text = |value: &dyn Display| value.to_string();
    let written = |date: Option<Date>| text(&OrEmpty(date));
    vec![
        text(&report.as_of_date),
        text(&system.system),
        text(&system.name),
        text(&system.kind.name()),
        text(&enforcement),
        text(&system.offer.name()),
        written(system.offer_seen_on),
        written(system.go_live),
        text(&line.person),
        text(&line.name),
        text(&line.status.name()),
        text(&OrEmpty(by.map(Method::name))),
        written(date),
        text(&OrEmpty(gap)),
        text(&OrEmpty(state.map(GapState::name))),
        text(&if line.status.is_open() { "yes" } else { "no" }),
        text(&Joined(line.controls.in_force().iter())),
        text(&Joined(line.controls.voluntary().iter())),
        text(&OrEmpty(administers)),
        text(&OrEmpty(ground)),
        written(shown_on),
        text(&OrEmpty(shown_by)),
        text(&source),
        text(&OrEmpty(system.offer_source.as_ref())),
        written(system.announced_on),
        text(&if report.ahead { "yes" } else { "no" }),
    ]
}

/// Writes one line of CSV; the library quotes, [`defused`] keeps spreadsheets from computing.
pub(super) fn csv_row(f: &mut fmt::Formatter<'_>, fields: &[String]) -> fmt::Result {
    let mut writer = csv_core::Writer::new();
    let mut line: Vec<u8> = Vec::new();
    let mut room = [0_u8; 1_024];
    for (place, field) in fields.iter().enumerate() {
        if place > 0 {
            let (_, written) = writer.delimiter(&mut room);
            line.extend(room.iter().take(written));
        }
        let field = defused(field);
        let mut rest = field.as_bytes();
        loop {
            let (result, read, written) = writer.field(rest, &mut room);
            line.extend(room.iter().take(written));
            rest = rest.get(read..).unwrap_or_default();
            if result == csv_core::WriteResult::InputEmpty {
                break;
            }
        }
    }
    let (_, written) = writer.terminator(&mut room);
    line.extend(room.iter().take(written));
    f.write_str(std::str::from_utf8(&line).map_err(|_| fmt::Error)?)
}

/// The field with an apostrophe in front if a spreadsheet would take it for a formula: after any
/// spaces, `=`, `+`, `-`, `@` or their full-width forms; or a tab or line break in front.
pub(super) fn defused(field: &str) -> String {
    let starts = |first: char| matches!(first, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    let breaks = field.starts_with(['\t', '\r', '\n']);
    let formula = field.trim_start().starts_with(starts);
    let mut defused = String::from(if breaks || formula { "'" } else { "" });
    defused.push_str(field);
    defused
}
