//! The reports as people read them: Markdown to print and sign, CSV for a spreadsheet.
//!
//! Standard: CommonMark with tables; RFC 4180 (quoting; lines end in LF). JSON for machines comes
//! from `serde` on the same types.
//!
//! Names and notes in a report were typed by people, some of them outside. In Markdown every
//! character that could start markup is escaped; in CSV a field that a spreadsheet would take for a
//! formula gets an apostrophe in front, because a report is opened by exactly the person who can
//! see everything. Quoting itself is the CSV library's.
//!
//! No report says that a rule is met.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};

use countersign::{Method, UnixTime};

use crate::coverage::{
    ControlGroup, Coverage, CoverageLine, CoverageStatus, Evidence, GapLine, SystemCoverage,
};
use crate::date::{Date, UtcOffset};
use crate::gap::{GapState, VendorContact, WrittenChannel};
use crate::inventory::{
    Enforcement, GapId, OfferedFactor, PersonId, Privilege, SystemId, TextLine,
};
use crate::offboarding::{OffboardingDeadlines, OffboardingPlan, RemainingAccessKind};
use crate::readiness::Readiness;

mod csv;
mod gaps;
mod text;

pub use csv::CoverageCsv;

use gaps::{GapStateText, Name, gaps, vendors};
use text::*;

/// The coverage report in Markdown.
#[derive(Clone, Copy, Debug)]
pub struct CoverageMarkdown<'r>(pub &'r Coverage);

impl Display for CoverageMarkdown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let name = Escaped(report.practice.as_str());
        writeln!(f, "# Second factors: {name}\n")?;
        writeln!(f, "As of **{}**.\n", report.offset.show(report.as_of))?;
        forecast(f, report.ahead)?;
        writeln!(f, "{NOT_A_JUDGEMENT}\n")?;
        summary(f, report)?;
        due(f, report)?;
        systems(f, report)?;
        gaps(f, report)?;
        vendors(f, report)?;
        administrators(f, report)?;
        leavers(f, report)?;
        records(f, report)?;
        controls(f)?;
        signatures(f)
    }
}

/// The gap register and the conversation with vendors in Markdown: the part of the report that a
/// risk analysis takes (45 CFR 164.308(a)(1)(ii)(A)).
#[derive(Clone, Copy, Debug)]
pub struct GapsMarkdown<'r>(pub &'r Coverage);

impl Display for GapsMarkdown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let name = Escaped(report.practice.as_str());
        writeln!(f, "# Gaps in second factors: {name}\n")?;
        writeln!(f, "As of **{}**.\n", report.offset.show(report.as_of))?;
        forecast(f, report.ahead)?;
        writeln!(f, "{NOT_A_JUDGEMENT}\n")?;
        gaps(f, report)?;
        vendors(f, report)?;
        signatures(f)
    }
}

/// The readiness for go-live in Markdown.
#[derive(Clone, Copy, Debug)]
pub struct ReadinessMarkdown<'r>(pub &'r Readiness);

impl Display for ReadinessMarkdown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        writeln!(f, "# Ready for go-live: {}\n", Escaped(report.practice.as_str()))?;
        writeln!(f, "As of **{}**.\n", report.as_of_date)?;
        forecast(f, report.ahead)?;
        writeln!(f, "| System | Go-live | People | Enrolled | Excused | Trained | Can it hold? |")?;
        writeln!(f, "|---|---|--:|--:|--:|--:|---|")?;
        for system in &report.systems {
            let mut holds = String::new();
            for blocker in &system.blockers {
                let separator = if holds.is_empty() { "**no**: " } else { "; " };
                write!(holds, "{separator}{}", blocker.name())?;
            }
            if holds.is_empty() {
                holds.push_str("yes");
            }
            writeln!(
                f,
                "| {} | {} | {} | {} | {} | {} | {holds} |",
                Escaped(system.name.as_str()),
                OrDash(system.go_live),
                system.people,
                Share(system.enrolled, system.percent_enrolled()),
                system.excused,
                Share(system.trained, system.percent_trained()),
            )?;
        }
        writeln!(f, "\n## Who is missing what\n")?;
        let missing = || report.systems.iter().flat_map(|system| &system.missing);
        if missing().next().is_none() {
            return writeln!(f, "Nobody is missing anything.");
        }
        writeln!(f, "| System | Person | Enrolment | Training |")?;
        writeln!(f, "|---|---|---|---|")?;
        for system in &report.systems {
            for person in &system.missing {
                let state = |missing| if missing { "**missing**" } else { "done" };
                writeln!(
                    f,
                    "| {} | {} | {} | {} |",
                    Escaped(system.name.as_str()),
                    Escaped(&person.called),
                    state(person.enrolment),
                    state(person.training),
                )?;
            }
        }
        Ok(())
    }
}

/// The list for one leaver in Markdown.
#[derive(Clone, Copy, Debug)]
pub struct OffboardingMarkdown<'r>(pub &'r OffboardingPlan);

impl Display for OffboardingMarkdown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.0;
        let offset = plan.offset;
        writeln!(f, "# Offboarding: {}\n", Escaped(&plan.called))?;
        writeln!(
            f,
            "Employment ends **{}**. As of {}.\n",
            if plan.ended_at == offset.day_end(plan.last_day).plus(1) {
                format!("with the end of {}", plan.last_day)
            } else {
                offset.show(plan.ended_at)
            },
            offset.show(plan.as_of)
        )?;
        writeln!(
            f,
            "{}\n",
            match plan.deadlines {
                OffboardingDeadlines::EndOfDay =>
                    "Due by the end of that day. The rule in force names no time.",
                OffboardingDeadlines::Proposed => {
                    "Due within one hour, notices to clients within 24 hours: the clocks of a \
                     proposed rule (90 FR 898), not in force."
                }
            }
        )?;
        writeln!(f, "| | What | Due | Done | By |")?;
        writeln!(f, "|---|---|---|---|---|")?;
        for line in &plan.lines {
            let mark = if line.done.is_some() { "[x]" } else { "[ ]" };
            let late = if line.late { " **late**" } else { "" };
            let done = line.done.as_ref();
            let by = done.map(|done| done.by_name.as_ref().map_or("the library", TextLine::as_str));
            writeln!(
                f,
                "| {mark} | {} | {} | {}{late} | {} |",
                Escaped(&line.what),
                offset.show(line.due),
                OrDash(done.map(|done| offset.show(done.at))),
                OrDash(by.map(Escaped)),
            )?;
        }
        match plan.retain_until {
            Some(until) => writeln!(f, "\nAll done. Keep this record until {until}."),
            None => writeln!(
                f,
                "\n{} open. Keep this record for six years after the last of them is done.",
                plan.open().count()
            ),
        }?;
        writeln!(f, "\nEvidence for {}.\n", Joined(ControlGroup::Termination.identifiers()))?;
        signatures(f)
    }
}

const NOT_A_JUDGEMENT: &str = "This is a record of what was found. It does not say that any rule is \
met; the controls it names are those the lines are evidence for.";

/// The mark of a report for a day that has not come.
fn forecast(f: &mut fmt::Formatter<'_>, ahead: bool) -> fmt::Result {
    if !ahead {
        return Ok(());
    }
    writeln!(f, "**This day has not come.** What is below is what would be if nothing changed.\n")
}

fn summary(f: &mut fmt::Formatter<'_>, report: &Coverage) -> fmt::Result {
    writeln!(f, "## In short\n")?;
    let (asked, covered) = (report.asked(), report.total("covered"));
    let resistant = report.lines().filter(|(_, line)| match line.status {
        CoverageStatus::Covered { by } => by.is_phishing_resistant(),
        _ => false,
    });
    writeln!(
        f,
        "- Covered: **{covered} of {asked}** logins that are asked for a second factor, {} of them \
         by a passkey or certificate, the only phishing-resistant factors.",
        resistant.count()
    )?;
    let (own, seen) = report.grounds();
    writeln!(
        f,
        "- Of these, **{own}** were checked by our own sign-in and **{seen}** were seen by a person in a \
         system of others."
    )?;
    writeln!(
        f,
        "- Open vulnerabilities: **{}** logins with nothing sufficient and nothing standing that \
         excuses it, in bold below.",
        report.open()
    )?;
    let reachable = report.lines().filter(|(system, line)| {
        system.offer == OfferedFactor::PhishingResistant
            && matches!(line.status, CoverageStatus::Covered { by } if !by.is_phishing_resistant())
    });
    writeln!(
        f,
        "- Next step: **{}** of the covered logins use codes on a system that also takes a passkey \
         or certificate.",
        reachable.count()
    )?;
    let overdue = report.due.iter().filter(|due| due.overdue).count();
    writeln!(f, "- Overdue: **{overdue}**.")?;
    writeln!(f, "- Left behind by former employees: **{}**.", report.remaining_access.len())?;
    writeln!(
        f,
        "- People who have one secret with another person: **{}**.",
        report.sharing_secrets()
    )?;
    writeln!(
        f,
        "- People with a trusted browser, who sign in there with the password and a cookie (reduced \
         assurance, AAL1): **{}**.",
        report.trusting()
    )?;
    write!(f, "- Kinds of systems of which the inventory has none: ")?;
    let kinds: Vec<&str> = report.missing_kinds.iter().map(|kind| kind.name()).collect();
    writeln!(f, "{}.\n", if kinds.is_empty() { String::from("none") } else { kinds.join(", ") })?;
    writeln!(f, "| Status | Lines | Meaning |")?;
    writeln!(f, "|---|--:|---|")?;
    for total in report.totals.iter().filter(|total| total.lines > 0) {
        writeln!(f, "| {} | {} | {} |", total.status, total.lines, meaning(total.status, report))?;
    }
    writeln!(f)
}

fn meaning(status: &str, report: &Coverage) -> String {
    let text = match status {
        "covered" => "app or token code, passkey or certificate, used or seen lately",
        "weak" => "SMS only",
        "gap" => "no factor; the gap register says why",
        "before go-live" => "no factor; the date on which one is asked for lies ahead",
        "in grace" => "no factor; allowed until a fixed moment",
        "pending" => "enrolment started and not confirmed; counts for nothing",
        "stale" => {
            return format!(
                "a factor not used for more than {} days, or not seen for six months",
                report.stale_days
            );
        }
        "waiting" => "a factor that must wait after failures",
        "closed to strangers" => {
            "a factor whose codes only remembered browsers may use, after failures"
        }
        "disabled" => "a factor disabled by failures; another factor or an operator opens it",
        "not enrolled" => "no factor, and nothing excuses it",
        "no record" => "the account could not be read",
        "offboarded" => "employed, but the account was closed",
        "shared" => "several people use one login",
        "left" => "employment over, and this is not undone",
        "ahead" => "employment has not begun",
        "not required" => "system out of scope",
        "not used yet" => "an imported factor that was never used here; counts for nothing",
        _ => "",
    };
    String::from(text)
}

fn due(f: &mut fmt::Formatter<'_>, report: &Coverage) -> fmt::Result {
    writeln!(f, "## Due next\n")?;
    if report.due.is_empty() {
        return writeln!(f, "Nothing.\n");
    }
    writeln!(f, "| By | What |")?;
    writeln!(f, "|---|---|")?;
    for due in &report.due {
        let overdue = if due.overdue { " **overdue**" } else { "" };
        writeln!(f, "| {}{overdue} | {} |", due.on, Escaped(&due.what))?;
    }
    writeln!(f)
}

fn systems(f: &mut fmt::Formatter<'_>, report: &Coverage) -> fmt::Result {
    writeln!(f, "## Systems, in the order in which to start\n")?;
    for (system, number) in report.systems.iter().zip(1_usize..) {
        writeln!(f, "### {number}. {}\n", Escaped(system.name.as_str()))?;
        let enforcement = match system.enforcement {
            Enforcement::Attested => "enforced elsewhere, recorded here",
            Enforcement::Enforced => "enforced here",
        };
        write!(f, "{}; {enforcement}; offers: {}", system.kind.name(), offer(system.offer))?;
        match (system.offer_seen_on, &system.offer_source) {
            (Some(on), Some(source)) => {
                write!(f, " (looked up {on}: {})", Escaped(source.as_str()))?;
            }
            (Some(on), None) => write!(f, " (looked up {on})")?,
            (None, _) => write!(f, " (never looked up)")?,
        }
        match system.go_live {
            Some(on) => {
                write!(f, "; go-live {on}")?;
                match system.announced_on {
                    Some(told) => writeln!(f, ", announced {told}.\n")?,
                    None => writeln!(f, ".\n")?,
                }
            }
            None if system.offer == OfferedFactor::NoMfa => {
                writeln!(f, "; nothing to go live with.\n")?
            }
            None if system.in_scope => writeln!(f, "; **no go-live date**.\n")?,
            None => writeln!(f, "; out of scope.\n")?,
        }
        for step in &system.go_live_moves {
            let (from, to, by) = (step.from, step.to, Name(report, &step.by));
            let reason = Escaped(step.reason.as_str());
            writeln!(f, "**Moved** from {from} to {to} by {by} on {}: {reason}\n", step.moved_on)?;
        }
        if system.lines.is_empty() {
            writeln!(f, "Nobody has a login.\n")?;
            continue;
        }
        writeln!(f, "| Person | Status | Detail | Evidence | Controls |")?;
        writeln!(f, "|---|---|---|---|---|")?;
        for line in &system.lines {
            let bold = if line.status.is_open() { "**" } else { "" };
            writeln!(
                f,
                "| {} | {bold}{}{bold} | {} | {} | {} |",
                Name(report, &line.person),
                line.status.name(),
                detail(&line.status, report.offset),
                OrDash(line.evidence.as_ref().map(|it| evidence(it, report))),
                line.controls.letter(),
            )?;
        }
        writeln!(f)?;
    }
    Ok(())
}

const fn offer(offer: OfferedFactor) -> &'static str {
    match offer {
        OfferedFactor::App => "app codes",
        OfferedFactor::NoMfa => "no second factor",
        OfferedFactor::PhishingResistant => "passkeys or certificates",
        OfferedFactor::SmsOnly => "SMS only",
        OfferedFactor::Unknown => "unknown",
    }
}

const fn method(method: Method) -> &'static str {
    match method {
        Method::Emergency => "emergency access",
        Method::Pass => "an enrolment pass",
        Method::Hotp => "token code",
        Method::Passkey => "passkey",
        Method::Pki => "certificate",
        Method::RecoveryCode => "recovery code",
        Method::Sms => "SMS code",
        Method::Totp => "app code",
        Method::TrustedBrowser => "trusted browser",
    }
}

fn detail(status: &CoverageStatus, offset: UtcOffset) -> String {
    match status {
        CoverageStatus::Ahead { from } => format!("starts {from}"),
        CoverageStatus::BeforeGoLive { on } => format!("asked for from {on}"),
        CoverageStatus::Covered { by } => method(*by).to_string(),
        CoverageStatus::ClosedToStrangers => "unlock with a recovery code or passkey".to_string(),
        CoverageStatus::Disabled => "unlock with a recovery code or passkey".to_string(),
        CoverageStatus::Gap { gap, state } => format!("gap {gap}: {}", GapStateText(*state)),
        CoverageStatus::InGrace { until } => format!("until {}", offset.show(*until)),
        CoverageStatus::Left { on } => format!("employment ended {on}"),
        CoverageStatus::NoRecord => "the account could not be read".to_string(),
        CoverageStatus::NotEnrolled => "enrol, or close the login".to_string(),
        CoverageStatus::NotRequired => String::new(),
        CoverageStatus::NotUsedYet { by, .. } => {
            format!("imported {}: sign in with it once", method(*by))
        }
        CoverageStatus::Offboarded => "the account is closed".to_string(),
        CoverageStatus::Pending { until, .. } => format!("confirm until {}", offset.show(*until)),
        CoverageStatus::Shared { gap: Some(gap) } => format!("gap {gap}"),
        CoverageStatus::Shared { gap: None } => "no gap is open".to_string(),
        CoverageStatus::Stale { by, last } => format!("{}, last {last}", method(*by)),
        CoverageStatus::Waiting { until } => format!("until {}", offset.show(*until)),
        CoverageStatus::Weak { gap: Some(gap) } => format!("SMS code, permitted by gap {gap}"),
        CoverageStatus::Weak { gap: None } => "SMS code, and nothing permits it".to_string(),
    }
}

/// When, by whom and on what ground.
fn evidence(evidence: &Evidence, report: &Coverage) -> String {
    let offset = report.offset;
    match evidence {
        Evidence::OwnSignIn { at, used: true, epoch } => {
            format!("our sign-in, {} (epoch {epoch})", offset.show(*at))
        }
        Evidence::OwnSignIn { at, epoch, .. } => {
            format!("our sign-in, bound {} (epoch {epoch})", offset.show(*at))
        }
        Evidence::Seen { on, by, .. } => format!("seen {on} by {}", Name(report, by)),
    }
}

fn administrators(f: &mut fmt::Formatter<'_>, report: &Coverage) -> fmt::Result {
    writeln!(f, "## Administrators\n")?;
    if report.administrators.is_empty() {
        return writeln!(f, "None.\n");
    }
    writeln!(f, "| Person | Administers | On | Clients |")?;
    writeln!(f, "|---|---|---|---|")?;
    for line in &report.administrators {
        let mut of = match line.privilege {
            Privilege::MultiClientAdministrator => String::from("several clients, no exception"),
            _ => String::from("one client"),
        };
        if !line.as_written {
            of.push_str(" (**by what they hold, not by their record**)");
        }
        writeln!(
            f,
            "| {} | {of} | {} | {} |",
            Name(report, &line.person),
            OrDash((!line.systems.is_empty()).then(|| Joined(line.systems.iter()))),
            OrDash((!line.clients.is_empty()).then(|| Joined(line.clients.iter()))),
        )?;
    }
    writeln!(f)
}

fn leavers(f: &mut fmt::Formatter<'_>, report: &Coverage) -> fmt::Result {
    writeln!(f, "## Former employees\n")?;
    if report.remaining_access.is_empty() {
        return writeln!(f, "Nothing of theirs is left.\n");
    }
    writeln!(f, "| Person | Left |")?;
    writeln!(f, "|---|---|")?;
    for remaining in &report.remaining_access {
        let name = |id: &SystemId| {
            let found = report.systems.iter().find(|system| system.system == *id);
            String::from(found.map_or(id.as_str(), |system| system.name.as_str()))
        };
        write!(f, "| {} | ", Name(report, &remaining.person))?;
        match &remaining.what {
            RemainingAccessKind::Account => write!(f, "the account is not offboarded")?,
            RemainingAccessKind::AccountUnknown => write!(f, "the account could not be read")?,
            RemainingAccessKind::Login(id) => write!(f, "login in {}", Escaped(&name(id)))?,
            RemainingAccessKind::SharedPassword(id) => {
                write!(f, "knows the shared password of {}", Escaped(&name(id)))?;
            }
        }
        writeln!(f, " |")?;
    }
    writeln!(f)
}

fn records(f: &mut fmt::Formatter<'_>, report: &Coverage) -> fmt::Result {
    writeln!(f, "## Records this report was made from\n")?;
    let present = report.records.iter().filter(|record| record.epoch.is_some()).count();
    writeln!(
        f,
        "The inventory of {} systems, {} people and {} gaps, and {present} account summaries; {} \
         could not be read.\n",
        report.systems.len(),
        report.records.len(),
        report.gaps.len(),
        report.records.len().saturating_sub(present),
    )?;
    writeln!(f, "| Person | Account summary | Standing | Trained | First factor | Remarks |")?;
    writeln!(f, "|---|---|---|---|---|---|")?;
    for record in &report.records {
        write!(f, "| {} | ", Escaped(&record.called))?;
        match record.epoch {
            Some(epoch) => write!(f, "read, epoch {epoch}")?,
            None => write!(f, "**none**")?,
        }
        let bound = record.first_bound_at.map(|at| Date::of(at, report.offset));
        let mut remarks = Vec::new();
        if record.newer_than_report {
            remarks.push(String::from("changed after this report's moment"));
        }
        if record.short_secret {
            remarks.push(String::from("a secret below 128 bits"));
        }
        if !record.bound_openly.is_empty() {
            let methods: Vec<&str> = record.bound_openly.iter().copied().map(method).collect();
            remarks.push(format!("bound with the password alone: {}", methods.join(", ")));
        }
        match record.trusted_browsers {
            0 => {}
            1 => remarks.push(String::from("1 trusted browser")),
            some => remarks.push(format!("{some} trusted browsers")),
        }
        let name = |person: &PersonId| {
            let found = report.records.iter().find(|record| record.person == *person);
            found.map_or_else(|| person.to_string(), |found| found.called.clone())
        };
        let others: Vec<String> = record.shares_secret_with.iter().map(name).collect();
        if !others.is_empty() {
            remarks.push(format!("**one secret with {}**", Escaped(&others.join(", "))));
        }
        let standing = OrDash(record.standing);
        let trained = OrDash(record.trained_on);
        let (bound, remarks) = (OrDash(bound), remarks.join("; "));
        writeln!(f, " | {standing} | {trained} | {bound} | {remarks} |")?;
    }
    writeln!(f)
}

fn controls(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "## Controls\n")?;
    writeln!(f, "| | In force | Voluntary goals and practices |")?;
    writeln!(f, "|---|---|---|")?;
    for group in ControlGroup::ALL {
        writeln!(
            f,
            "| {} | {} | {} |",
            group.letter(),
            Joined(group.in_force().iter()),
            Joined(group.voluntary().iter()),
        )?;
    }
    writeln!(
        f,
        "\nCISA CPG 2.0 3.F was 2.H in version 1. **Proposed, not in force:** 45 CFR 164.312(f) and \
         164.308(a)(9) as in 90 FR 898 (6 January 2025); whatever this report takes from them is \
         marked as proposed.\n"
    )
}

fn signatures(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "## Signatures\n")?;
    writeln!(f, "| | Name | Signature | Date |")?;
    writeln!(f, "|---|---|---|---|")?;
    writeln!(f, "| Prepared by (billing manager) | | | |")?;
    writeln!(f, "| Reviewed by (Security Official) | | | |")
}

#[cfg(test)]
mod tests {
    use super::csv::defused;
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_compute_is_defused() {
        for field in ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r1", "＝1", "\u{a0}@x"] {
            assert_eq!(defused(field), format!("'{field}"), "{field:?}");
        }
        for field in ["", "2026-11-02", "a=b", "x@y", "(-1)"] {
            assert_eq!(defused(field), field);
        }
    }

    #[test]
    fn markup_is_escaped() {
        let typed = "<b>|`x`|*y*|[z](u)|&amp;\n#";
        let shown = format!("{}", Escaped(typed));
        assert_eq!(shown, "&lt;b&gt;\\|\\`x\\`\\|\\*y\\*\\|\\[z\\](u)\\|&amp;amp; \\#");
    }
}
