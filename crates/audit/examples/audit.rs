//! Verifies a trail of JSON Lines, as a stream: `audit verify [--chained] [--begins MARKS] [--ends MARKS] FILE`.
//!
//! MARKS is a file of lines `ACCOUNT VERSION [HASH]`: what the store says, or what `audit marks FILE`
//! printed when the trail was last whole. `-` is the standard input. Exit 0: nothing found; 1: findings,
//! one a line; 2: something could not be read.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::ExitCode;

use countersign::AccountId;
use countersign_audit::{Mark, Verifier};

/// No line of an event is half as long; a file without line breaks must not fill the memory.
const LONGEST: u64 = 16_384;

const USAGE: &str = "usage: audit verify [--chained] [--begins MARKS] [--ends MARKS] FILE
       audit marks FILE";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match run(&arguments, &mut io::stdout().lock()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            eprintln!("audit: {error}");
            ExitCode::from(2)
        }
    }
}

/// Returns the number of findings.
fn run(arguments: &[String], out: &mut impl Write) -> Result<u64, Box<dyn Error>> {
    let mut arguments = arguments.iter().map(String::as_str);
    let command = arguments.next();
    let mut verifier = Verifier::new();
    let (mut begins, mut ends, mut file) = (None, None, None);
    while let Some(argument) = arguments.next() {
        match argument {
            "--chained" => verifier = Verifier::chained(),
            "--begins" => begins = arguments.next(),
            "--ends" => ends = arguments.next(),
            _ if file.is_none() && !argument.starts_with("--") => file = Some(argument),
            _ => return Err(USAGE.into()),
        }
    }
    let (Some(command @ ("verify" | "marks")), Some(file)) = (command, file) else {
        return Err(USAGE.into());
    };
    for (account, mark) in begins.map(marks).transpose()?.unwrap_or_default() {
        verifier.begins_after(account, mark);
    }
    for (account, mark) in ends.map(marks).transpose()?.unwrap_or_default() {
        verifier.ends_at(account, mark);
    }
    let findings = read(opened(file)?, &mut verifier, out)?;
    if command == "marks" && findings == 0 {
        for (account, Mark { version, hash }) in verifier.marks() {
            let hash = hash.map_or(String::new(), |hash| format!(" {hash}"));
            writeln!(out, "{account} {version}{hash}")?;
        }
    }
    Ok(findings)
}

fn read(
    mut trail: impl BufRead,
    verifier: &mut Verifier,
    out: &mut impl Write,
) -> Result<u64, Box<dyn Error>> {
    let (mut findings, mut line) = (0_u64, Vec::new());
    loop {
        line.clear();
        if trail.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        // What is longer comes in pieces, none of which is an event.
        let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line));
        for finding in verifier.line(&text) {
            writeln!(out, "{finding}")?;
            findings = findings.saturating_add(1);
        }
    }
    for finding in verifier.finish() {
        writeln!(out, "{finding}")?;
        findings = findings.saturating_add(1);
    }
    Ok(findings)
}

fn opened(file: &str) -> Result<Box<dyn BufRead>, Box<dyn Error>> {
    if file == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    let opened = File::open(file).map_err(|error| format!("{file}: {error}"))?;
    Ok(Box::new(BufReader::new(opened)))
}

fn marks(file: &str) -> Result<Vec<(AccountId, Mark)>, Box<dyn Error>> {
    let mut marks = Vec::new();
    for (place, line) in opened(file)?.lines().enumerate() {
        let line = line.map_err(|error| format!("{file}: {error}"))?;
        let mark = mark(&line);
        let wrong =
            || format!("{file}: line {}: not ACCOUNT VERSION [HASH]", place.saturating_add(1));
        marks.push(mark.ok_or_else(wrong)?);
    }
    Ok(marks)
}

fn mark(line: &str) -> Option<(AccountId, Mark)> {
    let mut words = line.split_whitespace();
    let account = words.next()?.parse().ok()?;
    let version = words.next()?.parse().ok()?;
    let hash = words.next().map(str::parse).transpose().ok()?;
    words.next().is_none().then_some((account, Mark { version, hash }))
}
