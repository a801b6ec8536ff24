//! Constant time, by machine: `bash .ci/evidence` runs these, or
//! `cargo test --test machine constant_time:: -- --ignored` where valgrind is installed.
//!
//! Memcheck tracks which bits are undefined and reports every branch and every address that depends
//! on one. So the secret, the typed code, what a record keeps, and the randomness of what is issued
//! are marked as undefined, and then everything is done with them
//! (`tests/evidence/src/bin/silence.rs`). The outcome of a comparison becomes public in two
//! functions, `ct::reveal` and `ct::reveal_search`, and their results are marked as defined. Valgrind does not offer
//! the processor's hash instructions to a program, so under it the portable compressions run; with
//! the instructions, the same library code is stepped through one instruction at a time and has to
//! execute the same list for every secret.
//!
//! What was revealed is public to memcheck, so it says nothing of a loop that stops because of it.
//! Callgrind does: searches for codes, resynchronisations, and the comparisons of recovery codes are
//! to take as many instructions wherever the match is, and where there is none, or no account.
//!
//! Not shown are two: of the reading of a URI the addresses (the instructions are), and the drawing of
//! a QR code, which is by tables and is in the README's list of what leaks.
//!
//! To read what the compiler made of a change, after these have run:
//! `objdump --disassemble --demangle target/tmp/evidence/evidence/silence`. In `Hotp::scan`,
//! `Key::generate`, what these call of `Pads`, and `RecoverySet::spend` a jump may ask for the hash, the number of digits or
//! codes, and the place in a loop, and for nothing else.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::{Command, Output};

use crate::programs::{build, disassembled, said};

const REPORTED: i32 = 9;

fn memcheck(what: &str) -> Output {
    let program = build("countersign-evidence", "evidence", "silence", "");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--error-exitcode=9", "--num-callers=8"]).arg(program).arg(what);
    valgrind.output().expect("valgrind is not installed")
}

const BRANCH: &str = "Conditional jump or move depends on uninitialised value";
const ADDRESS: &str = "Use of uninitialised value";

/// Each is the name of the function that leaks, and the report has to name it: it is the hidden
/// bytes there that were seen.
#[test]
#[ignore = "needs valgrind: .ci/evidence installs it"]
fn a_planted_leak_is_reported() {
    for (leak, report) in [
        ("leaks_by_a_branch", BRANCH),
        ("leaks_by_a_table", ADDRESS),
        ("leaks_a_typed_code", BRANCH),
        ("leaks_a_generated_code", BRANCH),
        ("leaks_a_printed_secret", BRANCH),
        ("leaks_an_issued_secret", BRANCH),
        ("leaks_an_issued_pass", BRANCH),
        ("leaks_an_issued_recovery_code", BRANCH),
        ("leaks_an_issued_sent_code", BRANCH),
        ("leaks_a_kept_secret", BRANCH),
        ("leaks_a_kept_recovery_code", BRANCH),
        ("leaks_a_kept_sent_code", BRANCH),
    ] {
        let output = memcheck(leak);
        assert_eq!(output.status.code(), Some(REPORTED), "{leak}: {}", said(&output));
        assert!(said(&output).contains(report), "{leak}: {}", said(&output));
        assert!(said(&output).contains(&format!("silence::{leak} ")), "{leak}: {}", said(&output));
    }
}

#[test]
#[ignore = "needs valgrind: .ci/evidence installs it"]
fn the_core_is_silent_about_secrets_and_codes() {
    silent("core");
}

#[test]
#[ignore = "needs valgrind: .ci/evidence installs it"]
fn printing_is_silent_about_secrets() {
    silent("text");
}

#[test]
#[ignore = "needs valgrind: .ci/evidence installs it"]
fn accounts_are_silent_about_what_is_issued_and_what_a_record_keeps() {
    silent("accounts");
}

fn silent(what: &str) {
    let output = memcheck(what);
    assert_eq!(output.status.code(), Some(0), "{what}: {}", said(&output));
    assert!(said(&output).contains("0 errors, under valgrind: true"), "{}", said(&output));
}

/// Whether a typed text has the right form is asked by branches, so those are reported. No address
/// is: nothing looks a character up.
#[test]
#[ignore = "needs valgrind: .ci/evidence installs it"]
fn no_typed_character_is_looked_up_in_a_table() {
    let said = said(&memcheck("typed-text"));
    assert!(said.contains("under valgrind: true"), "{said}");
    assert!(said.contains(BRANCH), "nothing was hidden: {said}");
    assert!(!said.contains(ADDRESS), "{said}");
}

/// Instructions executed within `function`, as `silence` runs with these arguments. Callgrind counts
/// nothing in a function that it does not see, so there have to be some.
///
/// Arguments and environment lie above the stack and their length shifts it, and the C library copies
/// and clears memory in other pieces at other alignments. So the arguments of runs that are compared
/// are as long as each other: the cases of one kind have names of one length.
fn instructions(function: &str, arguments: &[&str]) -> u64 {
    let program = build("countersign-evidence", "evidence", "silence", "");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(format!("--toggle-collect={function}")).arg(program).args(arguments);
    let output = valgrind.output().expect("valgrind is not installed");
    assert!(output.status.success(), "{}", said(&output));
    let said = said(&output);
    let (_, collected) = said.split_once("Collected : ").expect("a count");
    let count = collected.lines().next().unwrap().trim().parse().unwrap();
    assert!(count > 1_000, "{function} was not seen: {count}");
    count
}

/// As `instructions`, for each of these as the last argument.
fn instructions_of_each<const N: usize>(
    function: &str,
    arguments: &[&str],
    cases: [&str; N],
) -> [u64; N] {
    assert!(cases.windows(2).all(|two| two[0].len() == two[1].len()), "see `instructions`");
    cases.map(|case| instructions(function, &[arguments, &[case]].concat()))
}

const HASHES: [&str; 3] = ["SHA1", "SHA256", "SHA512"];

/// The same number of instructions wherever the code is in the window of three, and where it is not:
/// within the search, and in all of `find`, the answer to the caller included, so `find` is longer.
#[test]
#[ignore = "needs valgrind: .ci/evidence installs it"]
fn a_hit_first_a_hit_last_and_a_miss_take_the_same_instructions() {
    for algorithm in HASHES {
        let of = |function| {
            let counts =
                instructions_of_each(function, &["count", algorithm], ["0", "1", "2", "3"]);
            assert_eq!(counts, [counts[0]; 4], "{algorithm}: {function}");
            counts[0]
        };
        let [search, find] = ["*Hotp*scan*", "silence::counted"].map(of);
        println!("{algorithm}: the search {search} instructions, find {find}");
        assert!(find > search, "find was not seen: {find}");
    }
}

/// Of a search for codes in a row, memcheck takes what was revealed of the factors so far as public.
/// One that stopped at a match would tell by its time how far a clock or a counter has run.
#[test]
#[ignore = "needs valgrind: .ci/evidence installs it"]
fn codes_in_a_row_take_the_same_instructions_wherever_they_are() {
    for algorithm in HASHES {
        let cases = ["first", "among", "final", "wrong"];
        let arguments = ["count-pairs", algorithm];
        let counts = instructions_of_each("silence::counted_pairs", &arguments, cases);
        assert_eq!(counts, [counts[0]; 4], "{algorithm}: {cases:?}");
        println!("{algorithm}: resynchronisation {} instructions", counts[0]);
    }
}

/// Every device is evaluated, whatever matches: to a guesser, time says neither that a code was right
/// a moment ago nor on which device. And for nobody a device is evaluated as well, so that time does
/// not say who has an account: for one code, and for two in a row. What surrounds the searches
/// differs, so the searches are counted.
#[test]
#[ignore = "needs valgrind: .ci/evidence installs it"]
fn a_sign_in_searches_as_long_whatever_matches_and_for_nobody() {
    for algorithm in HASHES {
        let cases = [
            "two-fresh-first",
            "two-fresh-other",
            "two-spent-first",
            "two-spent-other",
            "two-apps--wrong",
            "one-app---wrong",
            "nobodys---wrong",
        ];
        let counts = instructions_of_each("*Hotp*scan*", &["count-verify", algorithm], cases);
        let [two @ .., one, nobody] = counts;
        assert_eq!(two, [two[0]; 5], "{algorithm}: {cases:?}");
        // At another depth of the stack, where the C library clears memory in other pieces.
        assert!(one.abs_diff(nobody) < 64, "{algorithm}: one device {one}, nobody {nobody}");
        assert!(two[0] > one, "{algorithm}: the second device was not seen");

        let cases = ["one-app-2-wrong", "nobodys-2-wrong"];
        let counts = instructions_of_each("*Hotp*scan_wiped*", &["count-verify", algorithm], cases);
        let [far, nobody] = counts;
        // The same, some forty times in a row: ten minutes each way.
        assert!(far.abs_diff(nobody) < far / 500, "{algorithm}: one device {far}, nobody {nobody}");
        assert!(far > 10 * (two[0] - one), "{algorithm}: the reach was not searched");
        println!("{algorithm}: searches of two devices {} instructions, of one {one}", two[0]);
    }
}

/// Every recovery code of two sets is compared, whatever matches, and for nobody as many. What is noted,
/// that a code is spent or a failure on the one that was named, is some instructions, which are fewer
/// than one comparison has.
#[test]
#[ignore = "needs valgrind: .ci/evidence installs it"]
fn a_recovery_code_is_compared_as_long_wherever_it_is_and_for_nobody() {
    let cases = ["first", "final", "named", "older", "spent", "wrong", "empty"];
    let counts = instructions_of_each("*RecoverySet*spend*", &["count-recover"], cases);
    let [first, last, named, older, spent, wrong, nobody] = counts;
    assert_eq!([first, wrong], [last, nobody], "{cases:?}: {counts:?}");
    for near in [first, named, older, spent] {
        assert!(near.abs_diff(wrong) < 64, "{cases:?}: {counts:?}");
    }
    println!("recovery codes: a hit {first} instructions, a miss {wrong}");
}

/// The copy of the code that was accepted last costs nothing, and takes as long as a failure that is
/// counted: its record is sealed as well, and thrown away. Only which of two answers comes out differs.
#[test]
#[ignore = "needs valgrind: .ci/evidence installs it"]
fn a_repeated_code_is_decided_as_long_as_a_failure_that_is_counted() {
    let cases = ["repeated", "charged-"];
    let counts = instructions_of_each("silence::counted_decision", &["count-refused"], cases);
    let [repeated, charged] = counts;
    assert!(repeated.abs_diff(charged) < charged / 100, "{cases:?}: {counts:?}");
    println!("a decision: repeated {repeated} instructions, counted {charged}");
}

fn steps(what: &str) -> Output {
    Command::new(build("countersign-evidence", "evidence", "steps", "")).arg(what).output().unwrap()
}

#[test]
#[ignore = "steps through a program for a minute: .ci/evidence runs it"]
fn the_same_instructions_run_for_every_secret_on_the_bare_processor() {
    let output = steps("core");
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    println!("{said}");
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap();
    if processor.split_ascii_whitespace().any(|flag| flag == "sha_ni") {
        for hash in ["SHA-1", "SHA-256"] {
            let ran = format!("{hash}, hash instructions among them: true");
            assert!(said.contains(&ran), "the processor's hash instructions did not run: {said}");
        }
    } else {
        println!("NOT SHOWN: this processor has no hash instructions (sha_ni)");
    }
}

#[test]
#[ignore = "steps through a program for some seconds: .ci/evidence runs it"]
fn the_same_instructions_print_and_read_every_secret_on_the_bare_processor() {
    let output = steps("text");
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

/// How long a division takes depends on what is divided. The library divides times by periods, room for
/// failures by their weight, and a random pause, in the functions named here, and nothing else: what
/// handles secrets and codes stands in others.
#[test]
#[ignore = "builds a program: .ci/evidence runs it"]
fn no_secret_is_divided() {
    const CRATES: [&str; 11] = [
        "countersign::",
        "aes::",
        "aes_gcm_siv::",
        "base32ct::",
        "digest::",
        "hmac::",
        "minicbor::",
        "polyval::",
        "sha1::",
        "sha2::",
        "subtle::",
    ];
    const TIMES: [&str; 7] = [
        "countersign::account::device::",
        "countersign::account::state::Account",
        "countersign::mfa::attempt::evaluate_dummy",
        "countersign::mfa::sign_in::evaluate_two_dummies",
        "countersign::os::sleep_a_random_while",
        "countersign::account::throttle::",
        "countersign::otp::totp::Totp",
    ];
    let program = build("countersign-evidence", "evidence", "silence", "");
    let functions = disassembled(&program);
    let named = |part: [&str; 2], name: &str| part.iter().all(|part| name.contains(part));
    for seen in [
        ["hotp::Hotp", "scan"],
        ["hotp::Hotp", "generate"],
        ["recovery::RecoverySet", "spend"],
        ["challenge::ChallengeSeed", "generate"],
        ["challenge::SentCode", "is"],
    ] {
        assert!(functions.iter().any(|(name, _)| named(seen, name)), "{seen:?} is not in sight");
    }
    let divides = |instruction: &String| {
        let mnemonic = instruction.split_ascii_whitespace().next().unwrap_or_default();
        let width = mnemonic.trim_start_matches('i').strip_prefix("div");
        width.is_some_and(|width| ["", "b", "w", "l", "q"].contains(&width))
    };
    let dividing: Vec<&str> = functions
        .iter()
        .filter(|(name, instructions)| {
            CRATES.iter().any(|it| name.contains(it)) && instructions.iter().any(divides)
        })
        // A method of an account stands in the file of its operation: "sms::<impl Account>::send_code".
        .map(|(name, _)| name.split_once("<impl ").map_or(name.as_str(), |(_, method)| method))
        .map(|name| name.trim_start_matches('<'))
        .collect();
    println!("divisions in {dividing:?}");
    let is_time = |name: &&str| TIMES.iter().any(|it| name.starts_with(it));
    let others: Vec<_> = dividing.iter().filter(|name| !is_time(name)).collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(
        dividing.iter().any(|name| name.starts_with("countersign::otp::totp::Totp")),
        "the time step is divided, and that is not seen"
    );
}
