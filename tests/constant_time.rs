//! Constant time, by machine: `bash .ci/evidence` runs these, or
//! `cargo test --test constant_time -- --ignored` where valgrind is installed.
//!
//! Memcheck tracks which bits are undefined and reports every branch and every address that depends
//! on one. So the secret, the typed code, and what a record keeps are marked as undefined, and then
//! everything is done with them (`tests/evidence/src/bin/silence.rs`). The outcome of a comparison
//! becomes public in two functions, both called `reveal`, and their results are marked as defined.
//! Valgrind does not offer the processor's hash instructions to a program, so under it the portable
//! compressions run; with the instructions, the same library code is stepped through one instruction
//! at a time and has to execute the same list for every secret.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::{Command, Output};

#[path = "evidence/programs.rs"]
#[allow(dead_code)] // each test uses a part
mod programs;

use programs::{build, said};

const REPORTED: i32 = 9;

fn memcheck(what: &str) -> Output {
    let program = build("countersign-evidence", "evidence", "silence", "");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--error-exitcode=9", "--num-callers=8"]).arg(program).arg(what);
    valgrind.output().expect("valgrind is not installed")
}

#[test]
#[ignore = "needs valgrind: .ci/evidence installs it"]
fn a_planted_leak_is_reported() {
    for (leak, report) in [
        ("branch", "Conditional jump or move depends on uninitialised value"),
        ("table", "Use of uninitialised value"),
    ] {
        let output = memcheck(leak);
        assert_eq!(output.status.code(), Some(REPORTED), "{leak}: {}", said(&output));
        assert!(said(&output).contains(report), "{leak}: {}", said(&output));
        assert!(
            said(&output).contains(&format!("silence::{leak}")) || said(&output).contains(leak)
        );
    }
}

#[test]
#[ignore = "needs valgrind: .ci/evidence installs it"]
fn the_core_is_silent_about_secrets_and_codes() {
    silent("core");
}

#[test]
#[ignore = "needs valgrind: .ci/evidence installs it"]
fn accounts_are_silent_about_what_a_record_keeps() {
    silent("accounts");
}

fn silent(what: &str) {
    let output = memcheck(what);
    assert_eq!(output.status.code(), Some(0), "{what}: {}", said(&output));
    assert!(said(&output).contains("0 errors, under valgrind: true"), "{}", said(&output));
}

/// Instructions executed within `function`, for one case.
fn instructions(function: &str, case: &str) -> u64 {
    let program = build("countersign-evidence", "evidence", "silence", "");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(format!("--toggle-collect={function}")).arg(program).args(["count", case]);
    let output = valgrind.output().expect("valgrind is not installed");
    assert!(output.status.success(), "{}", said(&output));
    let said = said(&output);
    let (_, collected) = said.split_once("Collected : ").expect("a count");
    collected.lines().next().unwrap().trim().parse().unwrap()
}

/// The same number of instructions wherever the code is, and where it is not: within the search, and
/// in all of `find`, the answer to the caller included.
#[test]
#[ignore = "needs valgrind: .ci/evidence installs it"]
fn a_hit_first_a_hit_last_and_a_miss_take_the_same_instructions() {
    let [first, middle, last, miss] =
        ["first", "middle", "last", "miss"].map(|case| instructions("*Hotp*scan*", case));
    println!("the search: {first} instructions");
    assert!(first > 1_000, "the search was not seen: {first}");
    assert_eq!([first, first, first], [middle, last, miss]);

    let [first, middle, last, miss] =
        ["first", "middle", "last", "miss"].map(|case| instructions("silence::counted", case));
    println!("find: {first} instructions");
    assert_eq!([first, first, first], [middle, last, miss]);
}

fn steps(what: &str) -> Output {
    Command::new(build("countersign-evidence", "evidence", "steps", "")).arg(what).output().unwrap()
}

#[test]
#[ignore = "steps through a program for some seconds: .ci/evidence runs it"]
fn the_same_instructions_run_for_every_secret_on_the_bare_processor() {
    let output = steps("core");
    assert!(output.status.success(), "{}", said(&output));
    println!("{}", said(&output));
}

#[test]
#[ignore = "steps through a program for some seconds: .ci/evidence runs it"]
fn a_comparison_that_stops_early_is_seen_on_the_bare_processor() {
    let output = steps("leak");
    assert!(
        !output.status.success() && said(&output).contains("equal: false"),
        "{}",
        said(&output)
    );
}
