//! A billing office and its second factor, on one SQLite file.
//!
//! Without a command: a walk-through, with a simulated phone and clock. With one: the same for a real
//! phone, each command one call of the program, as a web server would be one request. The password,
//! which comes first, is not shown.
//!
//! Everything is decided before anything is printed, so bad use never leaves half an answer on
//! standard output.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use countersign::account::{DeviceStatus, RecoveryCode, Refusal};
use countersign::mfa::{self, NotDone};
use countersign::otp::Parameters;
use countersign::{
    AccountId, Action, ChangeFactors, Code, Digits, Keyring, Mfa, OsRandom, Proof, ProvisioningUri,
    Purpose, Recommended, Secret, SignIn, Summary, UnixTime, Verdict,
};
use countersign_billing::inventory::PersonId;
use countersign_billing::rollout::Practice;

mod host;
mod offboard;
#[allow(clippy::arithmetic_side_effects)] // the seconds of a day, the number of a line
mod operation;
mod qr;
mod report;
mod stores;
mod walk;

use host::{ISSUER, People, Person};
use report::Format;
use stores::{AnyStore, Fault, Place, StoreFault};

const USAGE: &str = "\
usage: billing [--store STORE] [COMMAND]

  Without a command: a walk-through on a new database, with a simulated phone and clock.

  enrol NAME [--code CODE]   Show a QR code for NAME's authenticator app. Whoever has a phone already
                             proves it with --code, a code of that phone or a recovery code; the new
                             phone then takes its place.
  confirm NAME CODE          Bind the phone by the first code it shows, and sign in. Prints recovery
                             codes, once.
  verify NAME CODE           Sign in.
  step-up NAME ACTION CODE   Confirm one action, for example release-claims.
  recover NAME CODE          Sign in with a recovery code, which is spent.
  status                     Everybody, and where they stand.

  offboard NAME [--format md|json]
                             What ends and what is left to do elsewhere when NAME leaves. Changes
                             nothing.
  offboard NAME --confirm NAME [--format md|json]
                             End everything of NAME here; that is final. Not of a person who is still
                             employed by the operation file: write the last day there first.
  offboard --feed FILE.csv [--format md|json]
                             The same for many: a personnel list with the column person (an id or a
                             name) and, if it has one, until (the last day, or nothing). Says who would
                             be ended, is unknown, still employed or already gone. Changes nothing.
  offboard --feed FILE.csv --apply
                             End those who would be ended. Nothing is done if one line is bad.
  coverage [--format md|csv|json] [--as-of DATE]
                             Which systems of the operation are covered, and which not.
  readiness [--format md|json] [--as-of DATE]
                             Whether the go-live dates can hold.
  gaps [--format md|json] [--as-of DATE]
                             What cannot be protected yet, and what was done instead.

  --operation FILE           The billing operation, in TOML; by default the made-up one beside this
                             program. OPERATION.md beside it describes every key. A person's id there is the NAME of their account here.
  --store sqlite:PATH | postgres://… | redis://…
                             The database. By default a file in cargo's target directory, which stays
                             between calls. The walk-through takes a new file only.

A code may be typed as it is shown: \"123 456\" is 123456.

Exit status: 0 accepted or done; 1 refused, with one line that says what was refused; 2 bad use or a
fault, with one line on standard error (of a file: one for each thing that is wrong) and nothing on
standard output; of an account that cannot be read, `status` and the reports say so in its line, and show
all others.
";

/// What a command says, and the exit status.
struct Answer {
    text: String,
    status: u8,
}

fn accepted(line: impl AsRef<str>) -> Answer {
    Answer { text: format!("accepted: {}\n", line.as_ref()), status: 0 }
}

fn refused(line: impl AsRef<str>) -> Answer {
    Answer { text: format!("refused: {}\n", line.as_ref()), status: 1 }
}

fn main() -> ExitCode {
    let answer = match Arguments::read().and_then(answer) {
        Ok(answer) => answer,
        Err(fault) => {
            match fault.downcast_ref::<Lines>() {
                Some(Lines(lines)) => {
                    lines.iter().for_each(|line| eprintln!("billing: {}", one_line(line)));
                }
                None => eprintln!("billing: {}", one_line(&fault.to_string())),
            }
            return ExitCode::from(2);
        }
    };
    let mut stdout = io::stdout().lock();
    match stdout.write_all(answer.text.as_bytes()).and_then(|()| stdout.flush()) {
        // A reader that has seen enough is no failure: the status still is the answer.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("billing: standard output: {error}");
            ExitCode::from(2)
        }
        _ => ExitCode::from(answer.status),
    }
}

fn answer(mut arguments: Arguments) -> Result<Answer, Fault> {
    if arguments.help {
        return Ok(Answer { text: USAGE.to_owned(), status: 0 });
    }
    let words: Vec<&str> = arguments.words.iter().map(String::as_str).collect();
    let known = match words.first() {
        None => &[][..],
        Some(command) => match COMMANDS.iter().find(|(name, _)| name == command) {
            Some((_, options)) => options,
            None => return Err("no such command; --help lists them".into()),
        },
    };
    let place = arguments.values.remove("store");
    if let Some(option) = arguments.values.keys().find(|option| !known.contains(option)) {
        return Err(format!("--{option} is no option of this command; --help lists them").into());
    }
    let options = Options(&arguments.values);
    let office = || Office::open(place.as_deref());
    match words.as_slice() {
        [] => walk_through(place.as_deref()),
        ["enrol", name] => enrol(office, name, options.of("code")),
        ["confirm", name, code] => confirm(office, name, code),
        ["verify", name, code] => attempt(office, name, code, SignIn, open_session),
        ["step-up", name, action, code] => {
            let action = Action::new(action).map_err(|error| format!("the action: {error}"))?;
            attempt(office, name, code, action, act)
        }
        ["recover", name, code] => recover(office, name, code),
        ["status"] => status(office),
        ["offboard", name] => offboard::one(office, name, options),
        ["offboard"] if options.of("feed").is_some() => offboard::many(office, options),
        [report @ ("coverage" | "gaps" | "readiness")] => reported(office, report, options),
        [command, ..] => Err(format!("{command} takes other arguments; --help lists them").into()),
    }
}

/// Every command, and the options that it takes besides `--store`.
const COMMANDS: [(&str, &[&str]); 10] = [
    ("confirm", &[]),
    ("coverage", &["as-of", "format", "operation"]),
    ("enrol", &["code"]),
    ("gaps", &["as-of", "format", "operation"]),
    ("offboard", &["apply", "confirm", "feed", "format", "operation"]),
    ("readiness", &["as-of", "format", "operation"]),
    ("recover", &[]),
    ("status", &[]),
    ("step-up", &[]),
    ("verify", &[]),
];

/// The program as it stands between two requests: the library, the store, and the host's own table.
struct Office {
    mfa: Mfa<Keyring, Recommended>,
    store: AnyStore,
    people: People,
    now: UnixTime,
    /// Where the host's own table is.
    file: PathBuf,
    /// What `--store` said, for the next command to type.
    option: String,
}

impl Office {
    fn open(place: Option<&str>) -> Result<Office, Fault> {
        let option = place.map(|place| format!(" --store {}", shell_word(place)));
        let place = match place {
            Some(place) => Place::parse(place)?,
            None => Place::Sqlite(host::state_directory()?.join("billing.sqlite")),
        };
        let file = match place.file() {
            Some(file) => file.to_owned(),
            None => host::state_directory()?.join("host.sqlite"),
        };
        let keys = host::keyring(&file)?; // before the database: see there
        let in_file = |error: Fault| format!("{}: {error}", file.display());
        Ok(Office {
            mfa: Mfa::new(keys, Recommended),
            store: place.open()?,
            people: People::open(&file).map_err(in_file)?,
            now: UnixTime::now()?,
            file,
            option: option.unwrap_or_default(),
        })
    }

    /// Whose account an attempt is on. A name that is nobody's goes the same way, so that an attempt
    /// does not tell who has an account.
    fn account(&self, name: &str) -> Result<AccountId, Fault> {
        match self.people.find(name)? {
            Some(person) => Ok(person.account),
            None => host::nobody(),
        }
    }

    fn summary(&self, id: &AccountId) -> Result<Option<Summary>, Fault> {
        Ok(self.mfa.account(id).at(self.now).summary().run(&self.store)?)
    }

    /// The command line of a next step.
    fn next(&self, command: &str, name: &str, rest: &str) -> String {
        self.command(&format!("{command} {}{rest}", shell_word(name)))
    }

    /// A command line with these words.
    fn command(&self, words: &str) -> String {
        format!("cargo run --example billing --{} {words}", self.option)
    }
}

/// The first factor is over; whatever else a host wants a code for goes through here. The purpose says
/// what can be done with the proof.
fn attempt<P: Purpose>(
    office: impl FnOnce() -> Result<Office, Fault>,
    name: &str,
    code: &str,
    purpose: P,
    spend: impl FnOnce(&str, Proof<P>) -> String,
) -> Result<Answer, Fault> {
    let code = typed(code)?;
    let office = office()?;
    let id = office.account(name)?;
    let verify = office.mfa.account(&id).at(office.now).verify(code.expose_str(), purpose);
    match verify.first_factor_passed().run(&office.store) {
        Verdict::Accepted(proof) => Ok(accepted(spend(name, proof))),
        no => office.no(no),
    }
}

fn recover(
    office: impl FnOnce() -> Result<Office, Fault>,
    name: &str,
    code: &str,
) -> Result<Answer, Fault> {
    let code = RecoveryCode::parse(code)?;
    let office = office()?;
    let id = office.account(name)?;
    let recover = office.mfa.account(&id).at(office.now).recover(&code.expose_text(), SignIn);
    match recover.first_factor_passed().run(&office.store) {
        Verdict::Accepted(proof) => {
            let left = office.summary(&id)?.map_or(0, |summary| summary.recovery_codes_left);
            let line = format!("{}; {left} recovery codes are left", open_session(name, proof));
            Ok(accepted(line))
        }
        no => office.no(no),
    }
}

/// Opens a session, and nothing but this proof does. A host keeps the proof's epoch and time with the
/// session.
fn open_session(name: &str, proof: Proof<SignIn>) -> String {
    format!("{name} is signed in ({})", proof.method().name())
}

/// Does the action that the proof names, once.
fn act(name: &str, proof: Proof<Action>) -> String {
    format!("{name} may {}, once ({})", proof.purpose().name(), proof.method().name())
}

fn enrol(
    office: impl FnOnce() -> Result<Office, Fault>,
    name: &str,
    proof: Option<&str>,
) -> Result<Answer, Fault> {
    // A name that no URI can carry is refused before anything is written.
    ProvisioningUri::totp(ISSUER, name, &Secret::from_bytes(&[0; 20])?, Parameters::default())?;
    let proof = proof.map(Factor::parse).transpose()?;
    let office = office()?;
    let mut rng = OsRandom::new()?;
    let Person { account, .. } = match proof {
        None => office.people.find_or_add(name, &mut rng)?,
        Some(_) => match office.people.find(name)? {
            Some(person) => person,
            None => Person { name: name.into(), account: host::nobody()?, pending: None },
        },
    };
    let now = office.now;
    let mut started = match proof {
        None => office.mfa.account(&account).at(now).enrol(LABEL, &mut rng),
        Some(factor) => {
            let proof = match factor.prove(&office, &account) {
                Verdict::Accepted(proof) => proof,
                no => return office.no(no),
            };
            // One phone for each person: the new one takes the place of the one in use, if any is.
            let summary = office.summary(&account)?.unwrap_or_default();
            let old = summary.confirmed().next().map(|device| device.id);
            match old {
                Some(old) => {
                    office.mfa.account(&account).at(now).replace(old, LABEL, proof, &mut rng)
                }
                None => {
                    office.mfa.account(&account).at(now).enrol(LABEL, &mut rng).proven_by(proof)
                }
            }
        }
    };
    let pending = match started.run(&office.store) {
        Ok(pending) => pending,
        Err(NotDone::Refused { refusal: Refusal::ProofRequired, .. }) => {
            let line = format!("{name} has a factor; add --code with one of its codes");
            return Ok(refused(line));
        }
        Err(NotDone::Refused { refusal, .. }) => return Ok(refused(refusal.to_string())),
        Err(NotDone::Undecided(fault)) => return Err(fault.into()),
    };
    office.people.remember(name, pending.id())?;
    let uri = pending.uri(ISSUER, name)?;
    let text = format!(
        "{}\n{}\n\naccepted: {name} has {} minutes, until {}, to scan this and to confirm:\n{}\n\
         The state is in {}.\n",
        *qr::for_terminal(&uri),
        *uri.expose_uri(),
        pending.until().since(now) / 60,
        utc(pending.until()),
        office.next("confirm", name, " CODE"),
        office.file.display(),
    );
    Ok(Answer { text, status: 0 })
}

/// What the person calls the device. A host would ask.
const LABEL: &str = "phone";

/// What proves a person who wants to change a factor.
enum Factor {
    Phone(Code),
    Paper(RecoveryCode),
}

impl Factor {
    /// Six digits, or else a recovery code.
    fn parse(text: &str) -> Result<Factor, Fault> {
        match RecoveryCode::parse(text) {
            Ok(code) => Ok(Factor::Paper(code)),
            Err(_) => typed(text).map(Factor::Phone),
        }
    }

    fn prove(
        &self,
        office: &Office,
        id: &AccountId,
    ) -> Verdict<Proof<ChangeFactors>, mfa::Fault<StoreFault>> {
        let account = office.mfa.account(id).at(office.now);
        let prove = match self {
            Factor::Phone(code) => account.verify(code.expose_str(), ChangeFactors),
            Factor::Paper(code) => account.recover(&code.expose_text(), ChangeFactors),
        };
        prove.first_factor_passed().run(&office.store)
    }
}

fn confirm(
    office: impl FnOnce() -> Result<Office, Fault>,
    name: &str,
    code: &str,
) -> Result<Answer, Fault> {
    let code = typed(code)?;
    let office = office()?;
    let waiting =
        office.people.find(name)?.and_then(|person| Some((person.account, person.pending?)));
    let Some((id, pending)) = waiting else { return office.no::<()>(Verdict::Expired) };
    let mut rng = OsRandom::new()?;
    let confirm =
        office.mfa.account(&id).at(office.now).confirm(pending, code.expose_str(), &mut rng);
    let bound = match confirm.first_factor_passed().run(&office.store) {
        Verdict::Accepted(bound) => bound,
        no => return office.no(no),
    };
    let mut codes = String::new();
    if let Some(issued) = bound.recovery_codes() {
        codes.push_str("Recovery codes, shown this once; each works once. Print them:\n");
        codes.push_str(&issued.expose_lines());
    }
    // The code that binds the phone signs in as well: no second one is needed.
    let session = open_session(name, bound.into_proof());
    let line = accepted(format!("{name}'s phone is bound, and {session}"));
    Ok(Answer { text: format!("{}{codes}", line.text), ..line })
}

/// A report over the operation and the accounts in the store.
fn reported(
    office: impl FnOnce() -> Result<Office, Fault>,
    report: &str,
    options: Options<'_>,
) -> Result<Answer, Fault> {
    let (operation, format) = (options.operation()?, options.format(report)?);
    let date = options.of("as-of");
    let as_of = date.map(|date| report::as_of(&operation, date)).transpose();
    let as_of = as_of.map_err(|error| format!("--as-of: {error}"))?;
    let office = office()?;
    let as_of = as_of.unwrap_or(office.now);
    let unread = Cell::new(false);
    let summaries = |person: &PersonId| {
        let summary = office.summary_for_report(person);
        unread.set(unread.get() || summary.is_none());
        summary
    };
    let mut out = Vec::new();
    match report {
        "coverage" => report::coverage(&operation, &summaries, as_of, format, &mut out)?,
        "gaps" => report::gaps(&operation, &summaries, as_of, format, &mut out)?,
        _ => report::readiness(&operation, &summaries, as_of, format, &mut out)?,
    }
    Ok(Answer { text: String::from_utf8(out)?, status: if unread.get() { 2 } else { 0 } })
}

impl Office {
    /// The account behind a person of the operation. `None`: the store could not be asked, and nobody
    /// knows. Somebody who has no account is known to have none.
    fn summary_for_report(&self, person: &PersonId) -> Option<Summary> {
        let Some(known) = self.people.find(person.as_str()).ok()? else {
            return Some(Summary::default());
        };
        self.summary(&known.account).ok().map(Option::unwrap_or_default)
    }
}

/// The options that the command has been found to take.
#[derive(Clone, Copy)]
struct Options<'a>(&'a BTreeMap<&'static str, String>);

impl Options<'_> {
    fn of(&self, option: &str) -> Option<&str> {
        self.0.get(option).map(String::as_str)
    }

    fn operation(&self) -> Result<Practice, Fault> {
        let made_up = concat!(env!("CARGO_MANIFEST_DIR"), "/billing/operation.toml");
        let file = self.of("operation").unwrap_or(made_up);
        let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        operation::parse_at(&text, UnixTime::now()?).map_err(|errors| {
            let lines = errors.0.iter().map(|error| format!("{file}: {error}"));
            Lines(lines.collect()).into()
        })
    }

    fn format(&self, command: &str) -> Result<Format, Fault> {
        match Format::from_name(self.of("format").unwrap_or("md")) {
            Some(Format::Csv) if command != "coverage" => {
                Err("--format csv is for coverage only".into())
            }
            Some(format) => Ok(format),
            None => Err("--format is none of md, csv and json".into()),
        }
    }
}

fn status(office: impl FnOnce() -> Result<Office, Fault>) -> Result<Answer, Fault> {
    let office = office()?;
    let mut text = format!("The state is in {}.\n", office.file.display());
    let mut status = 0;
    let people = office.people.all()?;
    if people.is_empty() {
        text += &format!("Nobody is enrolled yet: {}\n", office.next("enrol", "NAME", ""));
    }
    for person in people {
        // A record that does not open hides nobody else.
        let standing = match office.summary(&person.account) {
            Ok(Some(summary)) => standing(&summary),
            Ok(None) => "not enrolled".into(),
            Err(fault) => {
                status = 2;
                format!("not readable: {}", one_line(&fault.to_string()))
            }
        };
        text += &format!("{}: {standing}\n", person.name);
    }
    Ok(Answer { text, status })
}

/// One line of `status`.
fn standing(summary: &Summary) -> String {
    if let Some(at) = summary.offboarded_at {
        return format!("offboarded {}", utc(at));
    }
    let mut said = Vec::new();
    for device in &summary.devices {
        let method = device.method.name();
        said.push(match (device.status, device.last_used) {
            (DeviceStatus::Confirmed, Some(at)) => format!("{method}, last used {}", utc(at)),
            (DeviceStatus::Confirmed, None) => format!("{method}, not used yet"),
            (DeviceStatus::Lost, _) => format!("{method} reported lost"),
            (DeviceStatus::Revoked, _) => format!("{method} revoked"),
        });
    }
    if let Some(until) = summary.pending_until {
        said.push(format!("to be confirmed by {}", utc(until)));
    }
    if let Some(until) = summary.codes.waiting_until {
        said.push(format!("waiting until {}", utc(until)));
    } else if summary.codes.disabled {
        said.push("codes disabled until a recovery code or an operator opens them".into());
    } else if summary.codes.closed_to_strangers {
        said.push("codes closed to unknown browsers".into());
    }
    if summary.first_bound_at.is_some() {
        said.push(format!("{} recovery codes left", summary.recovery_codes_left));
    }
    if said.is_empty() { "not enrolled".into() } else { said.join("; ") }
}

impl Office {
    /// Every "no" in words. Wrong, used, unknown name, no phone, left: one sentence for all of them.
    /// Nothing was accepted if the store failed either, and that is a fault.
    fn no<T>(&self, verdict: Verdict<T, mfa::Fault<StoreFault>>) -> Result<Answer, Fault> {
        Ok(match verdict {
            Verdict::Wait { until } => {
                let secs = until.since(self.now);
                refused(format!("too many wrong codes; wait {secs} seconds"))
            }
            Verdict::Closed => refused("too many wrong codes; use a recovery code"),
            Verdict::AlreadyConfirmed => refused("it is confirmed already; sign in"),
            Verdict::Expired => refused("no enrolment waits to be confirmed; enrol again"),
            Verdict::Refused => refused("not with this factor"),
            Verdict::Undecided(fault) => return Err(fault.into()),
            Verdict::Accepted(_) | Verdict::Malformed | Verdict::Rejected { .. } => {
                refused("the code was not accepted")
            }
        })
    }
}

fn walk_through(place: Option<&str>) -> Result<Answer, Fault> {
    let place = place.map(Place::parse).transpose()?;
    let (place, file) = match place {
        Some(Place::Sqlite(file)) if file.exists() => {
            let file = file.display();
            return Err(format!("{file} exists, and the walk-through takes a new file").into());
        }
        Some(Place::Sqlite(file)) => (Place::Sqlite(file.clone()), file),
        // The people of the last walk-through are removed with their key. Their records in another
        // database stay there, and nobody meets them: account ids are random.
        other => {
            let file = host::state_directory()?.join("walk-through.sqlite");
            for ending in ["", "-wal", "-shm", ".key"] {
                remove(&host::beside(&file, ending))?;
            }
            (other.unwrap_or_else(|| Place::Sqlite(file.clone())), file)
        }
    };
    let keys = host::keyring(&file)?;
    let in_file = |error: Fault| format!("{}: {error}", file.display());
    place.open()?;
    let people = People::open(&file).map_err(in_file)?;

    let mut stdout = io::stdout().lock();
    let _ = writeln!(
        stdout,
        "The phones and the clock are simulated. The database is real: {}",
        file.display()
    );
    match walk::run(place, &people, keys, &mut stdout) {
        Ok(()) => Ok(Answer { text: AFTER_THE_WALK.into(), status: 0 }),
        Err(walk::Stop::NotAsTold(what)) => {
            Ok(Answer { text: format!("NOT AS TOLD: {what}\n"), status: 1 })
        }
        Err(walk::Stop::Fault(fault)) => Err(fault),
    }
}

const AFTER_THE_WALK: &str = "
With your own phone:  cargo run --example billing -- enrol NAME
Everything else:      cargo run --example billing -- --help
";

fn remove(path: &Path) -> Result<(), Fault> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(format!("{}: {error}", path.display()).into())
        }
        _ => Ok(()),
    }
}

/// What a person typed or pasted, with the spaces that an app shows.
fn typed(code: &str) -> Result<Code, Fault> {
    Ok(Code::parse_lenient(code, Digits::Six)?)
}

fn utc(at: UnixTime) -> String {
    let secs = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(secs).unwrap_or(jiff::Timestamp::MAX).to_string()
}

/// A word as a shell takes it.
fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Everything that is wrong with a file, one line for each.
#[derive(Debug)]
struct Lines(Vec<String>);

impl std::fmt::Display for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for Lines {}

/// A fault on one line, whatever stood in the argument or the file name.
fn one_line(fault: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    fault.chars().map(shown).collect()
}

/// Every option that takes a value.
const OPTIONS: [&str; 7] = ["as-of", "code", "confirm", "feed", "format", "operation", "store"];

/// The command line.
#[derive(Default)]
struct Arguments {
    words: Vec<String>,
    values: BTreeMap<&'static str, String>,
    help: bool,
}

impl Arguments {
    fn read() -> Result<Arguments, Fault> {
        use lexopt::{Arg, ValueExt};

        let mut arguments = Arguments::default();
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            let option = match &argument {
                Arg::Value(word) => {
                    let word = word.clone().string().map_err(|_| "an argument is not UTF-8")?;
                    arguments.words.push(word);
                    continue;
                }
                Arg::Long("help") | Arg::Short('h') => {
                    arguments.help = true;
                    continue;
                }
                // The one option without a value.
                Arg::Long("apply") => {
                    arguments.values.insert("apply", String::new());
                    continue;
                }
                Arg::Long(long) => OPTIONS.into_iter().find(|option| option == long),
                Arg::Short(_) => None,
            };
            let Some(option) = option else { return Err(argument.unexpected().into()) };
            let value = parser.value().map_err(|_| format!("--{option} has no value"))?;
            let value = value.string().map_err(|_| format!("--{option} is not UTF-8"))?;
            if arguments.values.insert(option, value).is_some() {
                return Err(format!("--{option} is given twice").into());
            }
        }
        Ok(arguments)
    }
}
