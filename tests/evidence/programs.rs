//! Builds the programs of `tests/evidence` and `tests/nostd`, for the tests that run them, and takes
//! them apart.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Builds one program and says where it is.
pub fn build(package: &str, profile: &str, program: &str, features: &str) -> PathBuf {
    let (path, built) = build_with("", package, profile, program, features);
    assert!(built.status.success(), "{package} does not build:\n{}", said(&built));
    path
}

/// Builds one program with these flags for the compiler; says where it is and how it went.
pub fn build_with(
    flags: &str,
    package: &str,
    profile: &str,
    program: &str,
    features: &str,
) -> (PathBuf, Output) {
    let directory = if flags.is_empty() { "evidence" } else { "evidence-with-flags" };
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(directory);
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_TARGET_DIR", &target);
    cargo.env("RUSTFLAGS", flags);
    // Would build elsewhere, or with other flags: an old program would be examined, or another one.
    for other in ["CARGO_BUILD_TARGET", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"] {
        cargo.env_remove(other);
    }
    cargo.args(["build", "--quiet", "--package", package, "--profile", profile]);
    cargo.args(["--bin", program, "--no-default-features", "--features", features]);
    let built = cargo.output().expect("cargo");
    (target.join(profile).join(program), built)
}

/// Everything a program printed, on either stream.
pub fn said(output: &Output) -> String {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{out}{err}")
}

/// The functions of a program by name, each with its instructions as objdump prints them.
pub fn disassembled(program: &Path) -> Vec<(String, Vec<String>)> {
    let mut objdump = Command::new("objdump");
    objdump.args(["--disassemble", "--demangle", "--no-show-raw-insn"]).arg(program);
    let listing = objdump.output().expect("objdump is not installed").stdout;
    let mut functions: Vec<(String, Vec<String>)> = Vec::new();
    for line in String::from_utf8(listing).expect("text").lines() {
        let head = line.strip_suffix(">:").and_then(|head| head.split_once('<'));
        match (head, line.split_once('\t'), functions.last_mut()) {
            (Some((_, name)), _, _) => functions.push((name.to_owned(), Vec::new())),
            (None, Some((_, instruction)), Some((_, all))) => all.push(instruction.to_owned()),
            _ => {}
        }
    }
    functions
}
