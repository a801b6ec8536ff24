//! The last day: `offboard`, first to look and then to end, for one person or for a personnel list.
//!
//! What is ended is ended for good, so nothing ends by a first call, and nothing of a person who is
//! still employed by the operation file.

use std::fs;

use countersign::account::HostsWord;
use countersign::mfa::NotDone;
use countersign::{Summary, UnixTime};
use countersign_billing::feed::{FeedLine, FeedOutcome, feed};
use countersign_billing::inventory::{EmploymentStatus, Person as Employee, PersonId};
use countersign_billing::offboarding::OffboardingDeadlines;
use countersign_billing::rollout::Practice;

use crate::host::Person;
use crate::report::{self, Format};
use crate::stores::Fault;
use crate::{Answer, Lines, Office, Options, accepted, one_line, refused, shell_word};

/// `offboard NAME`, and with `--confirm NAME` for good.
pub fn one(
    office: impl FnOnce() -> Result<Office, Fault>,
    name: &str,
    options: Options<'_>,
) -> Result<Answer, Fault> {
    for option in ["apply", "feed"] {
        if options.of(option).is_some() {
            return Err(format!("--{option} is for a personnel list, and not for one NAME").into());
        }
    }
    let (operation, format) = (options.operation()?, options.format("offboard")?);
    let confirm = options.of("confirm");
    if confirm.is_some_and(|again| again != name) {
        return Err("--confirm has another name than the one to offboard".into());
    }
    let office = office()?;
    let leaver = called(&operation, name)?;
    if let Some(person) = leaver
        && let Some(stays) = stays(&operation, person, office.now, confirm.is_some())
    {
        return Ok(refused(stays));
    }
    let accounts = accounts(&office, name, leaver)?;
    let later = leaver.and_then(|person| stays(&operation, person, office.now, true));
    let answer = match (confirm, later) {
        (Some(_), _) => end(&office, name, leaver, &accounts)?,
        (None, Some(later)) => accepted(format!("a preview, nothing was changed; {later}")),
        (None, None) => look(&office, name, leaver, &accounts)?,
    };
    let Some(_) = leaver.filter(|_| answer.status == 0) else { return Ok(answer) };
    let mut plan = Vec::new();
    let summaries = |person: &PersonId| office.summary_for_report(person);
    let (clock, now) = (OffboardingDeadlines::EndOfDay, office.now);
    report::offboard(&operation, &summaries, name, clock, now, format, &mut plan)?;
    // JSON is for machines: there the list is all that is printed.
    let before = if format == Format::Json { "" } else { &answer.text };
    Ok(Answer { text: format!("{before}{}", String::from_utf8(plan)?), ..answer })
}

/// Why nothing of a person ends: no end is recorded, or, for good, it has not come.
fn stays(operation: &Practice, person: &Employee, now: UnixTime, for_good: bool) -> Option<String> {
    let name = &person.id;
    let Some(last) = person.employment.last_day(operation.offset()) else {
        return Some(format!(
            "{name} is employed: write the last day into the operation file first (nothing was changed)"
        ));
    };
    let over = person.employment.at(now, operation.offset()) == EmploymentStatus::Over;
    (for_good && !over)
        .then(|| format!("{name} works here until {last}, and can be ended from then on"))
}

/// The accounts of a person: under what was typed and, for a name in full, under the id of the
/// operation.
fn accounts(office: &Office, name: &str, leaver: Option<&Employee>) -> Result<Vec<Person>, Fault> {
    let id = leaver.map_or(name, |person| person.id.as_str());
    let mut found = Vec::new();
    for name in if id == name { vec![name] } else { vec![name, id] } {
        found.extend(office.people.find(name)?);
    }
    Ok(found)
}

/// What a call with `--confirm` would do.
fn look(
    office: &Office,
    name: &str,
    leaver: Option<&Employee>,
    accounts: &[Person],
) -> Result<Answer, Fault> {
    let mut standing = Vec::new();
    for person in accounts {
        let summary = office.summary(&person.account)?.unwrap_or_default();
        standing.push(summary.offboarded_at.is_some());
    }
    let next = office.next("offboard", name, &format!(" --confirm {}", shell_word(name)));
    let end = format!("accepted: a preview, nothing was changed; to end it for good: {next}\n");
    Ok(match (standing.as_slice(), leaver) {
        ([], None) => refused("nobody of that name is known"),
        ([], Some(_)) => accepted(format!("{name} has no account here")),
        (gone, None) if gone.iter().all(|gone| *gone) => refused("the account was offboarded"),
        (gone, Some(_)) if gone.iter().all(|gone| *gone) => {
            accepted(format!("{name} was offboarded before"))
        }
        _ => Answer { text: end, status: 0 },
    })
}

/// Ends everything of a person here.
fn end(
    office: &Office,
    name: &str,
    leaver: Option<&Employee>,
    accounts: &[Person],
) -> Result<Answer, Fault> {
    let mut done = None;
    for person in accounts {
        let by = HostsWord::Process; // who may end an employment; a real host knows who it is
        let mut offboard = office.mfa.account(&person.account).at(office.now).offboard(by, "left");
        done = Some(match offboard.run(&office.store) {
            Ok(_) => Ok(()),
            Err(NotDone::Refused { refusal, .. }) => Err(refusal),
            Err(NotDone::Undecided(fault)) => return Err(fault.into()),
        });
    }
    Ok(match (done, leaver) {
        (None, None) => refused("nobody of that name is known"),
        (Some(Err(refusal)), None) => refused(refusal.to_string()),
        (Some(Err(_)), Some(_)) => accepted(format!("{name} was offboarded before")),
        (Some(Ok(())), _) => accepted(format!("nothing of {name} works any more")),
        (None, Some(_)) => accepted(format!("{name} has no account here")),
    })
}

/// Whom the operation calls so, by identifier or by name.
fn called<'o>(operation: &'o Practice, name: &str) -> Result<Option<&'o Employee>, Fault> {
    let called = |person: &&Employee| person.id.as_str() == name || person.name.as_str() == name;
    let mut people = operation.people().filter(called);
    match (people.next(), people.next()) {
        (_, Some(_)) => Err("several people of the operation are called so; take the id".into()),
        (person, None) => Ok(person),
    }
}

/// `offboard --feed FILE.csv`, and with `--apply` for good.
pub fn many(
    office: impl FnOnce() -> Result<Office, Fault>,
    options: Options<'_>,
) -> Result<Answer, Fault> {
    let file = options.of("feed").unwrap_or_default();
    if options.of("confirm").is_some() {
        return Err("--confirm is for one NAME, and not for a personnel list".into());
    }
    let (operation, format) = (options.operation()?, options.format("offboard")?);
    let list = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let office = office()?;
    // Asked under both names, as for one person.
    let summaries = |id: &PersonId| -> Option<Summary> {
        let person = operation.person(id)?;
        let accounts = accounts(&office, person.name.as_str(), Some(person)).ok()?;
        let read = accounts.iter().map(|it| office.summary(&it.account).ok());
        let read: Option<Vec<_>> = read.collect();
        let read: Vec<Summary> = read?.into_iter().flatten().collect();
        let works = read.iter().find(|summary| summary.offboarded_at.is_none());
        Some(works.or(read.first()).cloned().unwrap_or_default())
    };
    let lines = feed(&list, &operation, &summaries, office.now).map_err(|errors| {
        let lines = errors.iter().map(|error| format!("{file}: {error}"));
        Lines(lines.collect())
    })?;
    let apply = options.of("apply").is_some();
    if apply {
        apply_all(&office, &operation, &lines)?;
    }
    let text = match format {
        Format::Json => serde_json::to_string_pretty(&lines)? + "\n",
        _ => listing(&office, file, &lines, apply),
    };
    Ok(Answer { text, status: 0 })
}

fn apply_all(office: &Office, operation: &Practice, lines: &[FeedLine]) -> Result<(), Fault> {
    let leavers = lines.iter().filter(|line| line.outcome == FeedOutcome::Ends);
    let leavers = leavers.filter_map(|line| operation.person(line.person.as_ref()?));
    for (person, ended) in leavers.zip(0_usize..) {
        let name = person.name.as_str();
        let accounts = accounts(office, name, Some(person));
        if let Err(fault) = accounts.and_then(|found| end(office, name, Some(person), &found)) {
            let id = &person.id;
            return Err(format!("{id}: {fault}; {ended} were ended before, run it again").into());
        }
    }
    Ok(())
}

/// Who would be ended, or was, and who not, and why.
fn listing(office: &Office, file: &str, lines: &[FeedLine], applied: bool) -> String {
    let file = one_line(file);
    let mut text = match applied {
        true => format!("accepted: {file}, {} rows\n", lines.len()),
        false => format!("accepted: {file}, {} rows; nothing was changed\n", lines.len()),
    };
    for outcome in FeedOutcome::ALL {
        let said = match outcome {
            FeedOutcome::Ends if applied => "ended",
            other => other.name(),
        };
        let found: Vec<&FeedLine> = lines.iter().filter(|line| line.outcome == outcome).collect();
        text += &format!("\n{said}: {}\n", found.len());
        for line in found {
            let name = one_line(&line.name);
            let last = line.last_day.map_or(String::new(), |day| format!(", last day {day}"));
            match line.person.as_ref().map(PersonId::as_str) {
                Some(id) if id != name => text += &format!("  {id} ({name}){last}\n"),
                _ => text += &format!("  {name}{last}\n"),
            }
        }
    }
    if !applied && lines.iter().any(|line| line.outcome == FeedOutcome::Ends) {
        let apply = format!("offboard --feed {} --apply", shell_word(&file));
        text += &format!("\nTo end them for good: {}\n", office.command(&apply));
    }
    text
}
