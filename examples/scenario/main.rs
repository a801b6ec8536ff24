//! Runs scenarios: text files that say who does what and when, and what should follow.
//!
//! ```text
//! cargo run --example scenario -- tests/scenarios/ordinary-days.txt
//! cargo run --example scenario -- --store sqlite:/tmp/scenario.sqlite FILE…
//! ```
//!
//! A file is read whole before its first step is done. It starts from an empty store, in memory or in a
//! SQLite file, under the `Recommended` policy, and prints the same on each run.
//!
//! ```text
//! phone P GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ    # an app with this secret
//! 0     dana  bind P       -> done            # seconds, a person, a verb, its words, what is expected
//! 1h    dana  verify P     -> accepted        # P: what the app shows at that moment
//! 1h    dana  verify P     -> rejected uncharged no-notice
//! ```
//!
//! Before the steps, or between them: `phone`, `token`, `skew`, `press`, `store`, `keys`, `policy`, and
//! `same-time` … `together` around steps whose attempts may interleave in every order. `steps.rs` has the
//! verbs, `parse.rs` the directives, `expect.rs` the outcomes and details.
//!
//! `visit BROWSER` sends the token of a trusted browser that was handed out last, and `visit BROWSER@N` the
//! N-th, from 1: what a thief holds, or a browser whose answer was lost.
//!
//! The exit status is 0 if every step came out as expected, 1 if one did not, and 2 for a file that cannot
//! be read, with the line and the error. So is a file with a verb whose feature is missing.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use countersign::UnixTime;

mod devices;
mod doing;
pub(crate) mod expect;
mod fields;
mod known;
mod parse;
mod run;
mod script;
mod steps;
pub(crate) mod stores;
pub(crate) mod together;
mod verbs;
mod words;

/// Where the time of a scenario begins: a boundary of time steps.
pub const ZERO: UnixTime = UnixTime::from_secs(1_800_000_000);

const USAGE: &str = "\
usage: scenario [--store sqlite:PATH] FILE…

Runs each file over an empty store, in memory by default, and prints a line for each step. A SQLite file
is emptied first if a scenario made it; any other is left alone.

Exit status: 0 every step came out as expected; 1 one did not; 2 bad arguments, or a bad file, with its
line and what is wrong on standard error.
";

fn main() -> ExitCode {
    let (files, place) = match arguments() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => return print(USAGE, 0),
        Err(complaint) => {
            eprintln!("scenario: {complaint}");
            return ExitCode::from(2);
        }
    };
    let (mut printed, mut status) = (String::new(), 0);
    for file in &files {
        let name = Path::new(file).display().to_string();
        match scenario(Path::new(file), &place) {
            Ok(ran) => {
                if files.len() > 1 {
                    printed.push_str(&format!("# {name}\n"));
                }
                printed.push_str(&ran.printed);
                status = status.max(u8::from(!ran.as_expected));
            }
            Err(wrong) => {
                for (line, complaint) in wrong {
                    match line {
                        0 => eprintln!("{name}: {complaint}"),
                        line => eprintln!("{name}:{line}: {complaint}"),
                    }
                }
                status = 2;
            }
        }
    }
    print(&printed, status)
}

/// Reads and runs one file.
fn scenario(file: &Path, place: &stores::Place) -> Result<run::Ran, Vec<(usize, String)>> {
    let bytes = fs::read(file).map_err(|error| vec![(0, error.to_string())])?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count();
        vec![(line.saturating_add(1), "this is not UTF-8".to_owned())]
    })?;
    let lines = parse::parse(&text)?;
    run::run(&lines, place).map_err(|wrong| vec![wrong])
}

/// `None`: help was asked for.
fn arguments() -> Result<Option<(Vec<OsString>, stores::Place)>, String> {
    use lexopt::prelude::*;
    let (mut files, mut place) = (Vec::new(), stores::Place::Memory);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("store") => {
                let value = parser.value().and_then(|value| value.string());
                let value = value.map_err(|error| error.to_string())?;
                let path = value.strip_prefix("sqlite:").filter(|path| !path.is_empty());
                let path =
                    path.ok_or_else(|| format!("--store takes sqlite:PATH, not '{value}'"))?;
                place = stores::Place::Sqlite(path.into());
            }
            Value(file) => files.push(file),
            other => return Err(other.unexpected().to_string()),
        }
    }
    if files.is_empty() {
        return Err("no file; --help says more".to_owned());
    }
    Ok(Some((files, place)))
}

fn print(text: &str, status: u8) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // A reader that has seen enough is no failure: the status still is the answer.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("scenario: standard output: {error}");
            ExitCode::from(2)
        }
        _ => ExitCode::from(status),
    }
}
