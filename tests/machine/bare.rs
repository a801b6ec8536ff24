//! What the OTP core does without: std, an allocator, a panic. `bash .ci/evidence` runs these, or
//! `cargo test --test machine bare:: -- --ignored`.
//!
//! The programs of `tests/nostd` have no std, no start-up code but C's, and a panic handler that
//! calls a function which exists nowhere: with one panic left anywhere, the program does not link.
//! The program of the account layer has an allocator of its own, and nothing else.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::programs::{build, build_with, disassembled, said};

const PACKAGE: &str = "countersign-nostd";

/// SHA-2 without the processor's vectors. In `sha2`'s AVX2 code for SHA-512 the compiler cannot see
/// that an index stays in its table, and leaves a check that can never fail; see below.
const PORTABLE: &str = "--cfg sha2_backend=\"soft\"";

fn run(program: &Path) {
    let output = Command::new(program).output().unwrap();
    assert!(output.status.success(), "{program:?}: {:?}", output.status);
}

#[test]
#[ignore = "builds a program: .ci/evidence runs it"]
fn the_core_links_without_std_an_allocator_or_a_panic() {
    let (program, built) = build_with(PORTABLE, PACKAGE, "bare", "core", "");
    assert!(built.status.success(), "{}", said(&built));
    run(&program);
}

#[test]
#[ignore = "builds a program: .ci/evidence runs it"]
fn a_program_with_a_panic_does_not_link() {
    let (_, built) = build_with(PORTABLE, PACKAGE, "bare", "control", "");
    assert!(!built.status.success());
    assert!(
        said(&built).contains("undefined symbol: a_panic_is_reachable")
            || said(&built).contains("undefined reference to `a_panic_is_reachable'"),
        "{}",
        said(&built)
    );
}

/// With the processor's vectors: the one function that is left with a panic is not ours, and its
/// index is a constant of an unrolled loop.
#[test]
#[ignore = "builds a program: .ci/evidence runs it"]
fn only_a_check_that_cannot_fail_is_left_with_vectors() {
    let program = build(PACKAGE, "bare", "core", "may-panic");
    run(&program);
    for (function, panic) in panics_of(&program) {
        assert_eq!(function, "sha2::sha512::x86_avx2::compress", "{panic}");
    }
    let control = panics_of(&build(PACKAGE, "bare", "control", "may-panic"));
    assert!(
        control.iter().any(|(function, _)| function == "main"),
        "nothing is found: {control:?}"
    );
}

/// The library behind base32 indexes blocks that it has cut itself, in functions of its own, and in
/// the two of ours that it is inlined into.
#[test]
#[ignore = "builds a program: .ci/evidence runs it"]
fn only_checks_that_cannot_fail_are_left_in_base32() {
    let program = build(PACKAGE, "bare", "base32", "may-panic");
    run(&program);
    let found = panics_of(&program);
    println!("{found:?}");
    assert!(!found.is_empty(), "the search finds nothing");
    for (function, panic) in found {
        let known =
            function.contains("base32ct::") || function.contains("otp::base32::decode_base32");
        assert!(known && panic.ends_with("::panic_bounds_check"), "{function}: {panic}");
    }
}

/// The functions of a program from which a panic is called, and which; the panics themselves left
/// out.
fn panics_of(program: &Path) -> BTreeSet<(String, String)> {
    let is_panic = |name: &str| name.contains("panic") || name.contains("_fail");
    let mut found = BTreeSet::new();
    for (function, instructions) in disassembled(program) {
        for instruction in instructions.iter().filter(|_| !is_panic(&function)) {
            let target = instruction.split_once('<').and_then(|(_, name)| name.rsplit_once('>'));
            let panic = target.map(|(name, _)| name).filter(|name| is_panic(name));
            found.extend(panic.map(|panic| (function.clone(), panic.to_owned())));
        }
    }
    found
}

#[test]
#[ignore = "builds a program: .ci/evidence runs it"]
fn the_account_layer_needs_an_allocator_and_nothing_else() {
    run(&build(PACKAGE, "bare", "accounts", "alloc"));
}

#[test]
#[ignore = "builds a program: .ci/evidence runs it"]
fn the_core_takes_nothing_from_the_heap() {
    run(&build("countersign-evidence", "evidence", "allocations", ""));
}
