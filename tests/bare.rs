//! What the OTP core does without: std, an allocator, a panic. `bash .ci/evidence` runs these, or
//! `cargo test --test bare -- --ignored`.
//!
//! The programs of `tests/nostd` have no std, no start-up code but C's, and a panic handler that
//! calls a function which exists nowhere: with one panic left anywhere, the program does not link.
//! The programs of the account layer and of the billing operation have an allocator of their own, and
//! nothing else.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

#[path = "evidence/programs.rs"]
#[allow(dead_code)] // each test uses a part
mod programs;

use programs::{build, build_with, disassembled, said};

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
    let known = BTreeSet::from(["sha2::sha512::x86_avx2::compress".to_owned()]);
    let panicking = functions_that_panic(&program);
    assert!(panicking.is_subset(&known), "{panicking:?}");

    let control = functions_that_panic(&build(PACKAGE, "bare", "control", "may-panic"));
    assert!(control.contains("main"), "the search finds nothing: {control:?}");
}

/// The functions of a program from which a panic is called, the panics themselves left out.
fn functions_that_panic(program: &Path) -> BTreeSet<String> {
    let is_panic = |name: &str| name.contains("panic") || name.contains("_fail");
    let calls_one = |instruction: &String| {
        let target = instruction.split_once('<').and_then(|(_, name)| name.rsplit_once('>'));
        target.is_some_and(|(name, _)| is_panic(name))
    };
    disassembled(program)
        .into_iter()
        .filter(|(name, instructions)| !is_panic(name) && instructions.iter().any(calls_one))
        .map(|(name, _)| name)
        .collect()
}

#[test]
#[ignore = "builds a program: .ci/evidence runs it"]
fn the_account_layer_needs_an_allocator_and_nothing_else() {
    run(&build(PACKAGE, "bare", "accounts", "alloc"));
}

/// So do the features `rollout` and `serde`. Not `qr`, whose library links std.
#[test]
#[ignore = "builds a program: .ci/evidence runs it"]
fn the_billing_operation_needs_an_allocator_and_nothing_else() {
    run(&build(PACKAGE, "bare", "reports", "reports"));
}

#[test]
#[ignore = "builds a program: .ci/evidence runs it"]
fn the_core_takes_nothing_from_the_heap() {
    run(&build("countersign-evidence", "evidence", "allocations", ""));
}
