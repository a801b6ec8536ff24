//! What the pages name is there: tests, keys, promises of stores, files, commands.
//!
//! Plain text against plain text. `docs/INVARIANTS.md` names each test that carries a key, and only
//! tests that exist; a path in any page leads somewhere; a command in any page names packages, tests,
//! benches and examples that exist.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_key_of_a_test_is_among_the_invariants() {
    let page = read(&root().join("docs/INVARIANTS.md"));
    let wrong = differences(&page, &tests());
    assert!(wrong.is_empty(), "docs/INVARIANTS.md:\n{}", wrong.join("\n"));
}

#[test]
fn a_key_that_is_missing_and_a_test_that_is_not_there_are_seen() {
    let tests = ["r01_twice", "c2_covered", "v2b_prose", "an_old_test", "base32_equals"];
    let tests: BTreeSet<_> = tests.map(str::to_owned).into();
    let all = "| R1 | x | `r01_twice` |\n| c2 | `c2_covered` |\n| V2b | `v2b_prose` |";
    assert_eq!(differences(all, &tests), [""; 0]);
    let page =
        "| R1 | x | `r01_gone`, `an_old_test` |\n| c2 | `c2_covered` |\n| S5 | `v2b_prose` |";
    assert_eq!(
        differences(page, &tests),
        [
            "the test `r01_twice` is not named",
            "the test `v2b_prose` is not in the row of V2b",
            "there is no test `r01_gone`",
        ]
    );
}

/// The kit's promises are keys as well, in their own words.
#[test]
fn every_promise_of_a_store_is_among_the_invariants() {
    let page = read(&root().join("docs/INVARIANTS.md"));
    let sources: String = under(&root().join("crates/conformance/src"), ".rs")
        .iter()
        .map(|file| read(file))
        .collect();
    let is_promise = |text: &&str| {
        text.starts_with('C')
            && text.contains(' ')
            && !text.contains(['{', ':'])
            && key(&text.to_lowercase().replace(' ', "_")).is_some()
    };
    let made: BTreeSet<_> = sources.split('"').filter(is_promise).collect();
    let listed: BTreeSet<_> = page.split('`').filter(is_promise).collect();
    assert!(made.len() >= 10, "{made:?}");
    assert_eq!(made, listed, "the kit's promises, and those in docs/INVARIANTS.md");
}

#[test]
fn every_path_leads_somewhere() {
    let mut wrong = Vec::new();
    for page in pages() {
        let text = read(&page);
        let folder = page.parent().unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://") && !link.starts_with('#')) {
            if !folder.join(link.split('#').next().unwrap()).exists() {
                wrong.push(format!("{}: the link {link}", page.display()));
            }
        }
        for path in text.split('`').filter(|code| is_path(code)) {
            if !root().join(path).exists() && !folder.join(path).exists() {
                wrong.push(format!("{}: the path {path}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "nothing is there:\n{}", wrong.join("\n"));
}

#[test]
fn every_command_names_what_there_is() {
    let packages = packages();
    let mut commands = 0;
    let mut wrong = Vec::new();
    for page in pages() {
        let text = read(&page);
        for command in text.split(['`', '\n', ';']).filter(|text| is_command(text)) {
            commands += 1;
            for missing in missing(command, &packages) {
                wrong.push(format!("{}: {missing} in `{}`", page.display(), command.trim()));
            }
        }
    }
    assert!(commands > 30, "the pages have commands: {commands}");
    assert!(wrong.is_empty(), "nothing is there:\n{}", wrong.join("\n"));
}

#[test]
fn a_dead_command_is_seen() {
    let packages = packages();
    for (command, expected) in [
        ("cargo test --test documents", vec![]),
        ("cargo test --test no_such_test", vec!["the test no_such_test"]),
        ("cargo test -p countersign-billing --test documents", vec!["the test documents"]),
        ("cargo bench -p nothing", vec!["the package nothing"]),
        ("cargo bench --bench nothing", vec!["the bench nothing"]),
        ("cargo run --example nothing # and so on", vec!["the example nothing"]),
        ("bash .ci/servers cargo test -p countersign-redis", vec![]),
        ("bash .ci/nothing", vec!["the script .ci/nothing"]),
        ("cargo run --manifest-path no/Cargo.toml", vec!["the manifest no/Cargo.toml"]),
    ] {
        assert!(is_command(command), "{command}");
        assert_eq!(missing(command, &packages), expected, "{command}");
    }
}

/// Two pages on a screen, and no key that an example seals with is a constant.
#[test]
fn the_readme_is_short_and_shows_no_constant_key() {
    let readme = read(&root().join("README.md"));
    assert!(readme.lines().count() <= 170, "{} lines", readme.lines().count());
    for line in readme.lines() {
        assert!(line.chars().count() <= 120, "over 120 columns: {line}");
    }
    assert!(!readme.contains("Keyring::new(["), "an example seals with a constant");
}

/// What is wrong with a page of invariants, given the tests that exist.
fn differences(page: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with('|')).collect();
    let named: BTreeSet<_> =
        rows.iter().flat_map(|row| row.split('`')).filter(|code| is_test_name(code)).collect();
    let mut wrong = Vec::new();
    for test in tests {
        let Some(key) = key(test) else { continue };
        if !named.contains(test.as_str()) {
            wrong.push(format!("the test `{test}` is not named"));
        } else if !rows.iter().any(|row| has_key(row, &key) && row.contains(&format!("`{test}`"))) {
            wrong.push(format!("the test `{test}` is not in the row of {}", as_printed(&key)));
        }
    }
    let gone = named.iter().filter(|name| !tests.contains(**name));
    wrong.extend(gone.map(|name| format!("there is no test `{name}`")));
    wrong
}

/// Whether the first column of a row has the key, among others perhaps.
fn has_key(row: &str, key: &str) -> bool {
    let keys = row.split('|').nth(1).unwrap_or_default();
    keys.split(',').any(|one| one.trim().eq_ignore_ascii_case(key))
}

/// The key that a test's name begins with: `r01_..` is `r1`, `v2b_..` is `v2b`. No key: `base32_..`.
fn key(test: &str) -> Option<String> {
    let (head, _) = test.split_once('_')?;
    let letter = head.chars().next().filter(|letter| "cmrstuvw".contains(*letter))?;
    let rest = &head[1..];
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let tail = &rest[digits.len()..];
    let is_key = tail.is_empty() || tail.len() == 1 && tail.chars().all(|c| c.is_ascii_lowercase());
    let number: u32 = digits.parse().ok()?;
    is_key.then(|| format!("{letter}{number}{tail}"))
}

/// A key as the page writes those of attacks and vectors.
fn as_printed(key: &str) -> String {
    key[..1].to_uppercase() + &key[1..]
}

fn is_test_name(code: &str) -> bool {
    code.contains('_')
        && code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && code != "compile_fail"
}

/// Every function in the repository that is a test.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in ["src", "tests", "crates", "examples"] {
        for file in under(&root().join(folder), ".rs") {
            let text = read(&file);
            for after in text.split("#[test]").skip(1) {
                let name = after.split("fn ").nth(1).and_then(|rest| rest.split(['(', '<']).next());
                found.extend(name.map(|name| name.trim().to_owned()));
            }
        }
    }
    assert!(found.len() > 200, "{} tests are no search", found.len());
    found
}

/// Every page that a person reads.
fn pages() -> Vec<PathBuf> {
    let mut pages = under(&root().join("docs"), ".md");
    pages.extend(fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()));
    for package in fs::read_dir(root().join("crates")).unwrap() {
        pages.push(package.unwrap().path().join("README.md"));
    }
    pages.retain(|page| page.extension().is_some_and(|end| end == "md") && page.exists());
    assert!(pages.len() > 10, "{pages:?}");
    pages
}

fn is_path(code: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "./_-".contains(c);
    let folders =
        [".cargo/", ".ci/", "benches/", "crates/", "docs/", "examples/", "fuzz/", "src/", "tests/"];
    code.chars().all(plain) && folders.iter().any(|folder| code.starts_with(folder))
}

fn is_command(text: &str) -> bool {
    ["cargo ", "bash .ci/", "source .ci/"].iter().any(|start| text.trim_start().starts_with(start))
}

/// What a command names that is not there.
fn missing(command: &str, packages: &BTreeMap<String, PathBuf>) -> Vec<String> {
    let command = command.split(" #").next().unwrap();
    let words: Vec<_> = command.split_whitespace().collect();
    let after = |flags: &[&str]| -> Vec<&str> {
        let pairs = words.windows(2).filter(|pair| flags.contains(&pair[0]));
        pairs.map(|pair| pair[1]).filter(|name| !name.starts_with(['$', '<'])).collect()
    };
    let mut wrong = Vec::new();
    let mut folders = Vec::new();
    for name in after(&["-p", "--package"]) {
        match packages.get(name) {
            Some(folder) => folders.push(folder.clone()),
            None => wrong.push(format!("the package {name}")),
        }
    }
    if folders.is_empty() {
        folders = [".", "crates/billing", "crates/conformance", "crates/rusqlite", "examples"]
            .map(|folder| root().join(folder))
            .into();
    }
    for (flag, what, place) in [
        ("--test", "test", "tests"),
        ("--bench", "bench", "benches"),
        ("--example", "example", "."),
    ] {
        for name in after(&[flag]) {
            let is_there = |folder: &PathBuf| {
                folder.join(place).join(name).with_extension("rs").exists()
                    || folder.join(place).join(name).join("main.rs").exists()
                    || read(&folder.join("Cargo.toml"))
                        .contains(&format!("name = \"{name}\"\npath"))
            };
            if !folders.iter().any(is_there) {
                wrong.push(format!("the {what} {name}"));
            }
        }
    }
    let scripts = words.iter().filter(|word| word.starts_with(".ci/"));
    let manifests = after(&["--manifest-path"]);
    for (what, path) in scripts
        .map(|script| ("script", *script))
        .chain(manifests.iter().map(|manifest| ("manifest", *manifest)))
    {
        if !root().join(path).exists() {
            wrong.push(format!("the {what} {path}"));
        }
    }
    wrong
}

/// The folder of each package, by name.
fn packages() -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().to_owned()];
    for parent in [".", "crates", "tests", "benches"] {
        folders
            .extend(fs::read_dir(root().join(parent)).unwrap().map(|entry| entry.unwrap().path()));
    }
    for folder in folders {
        let Ok(manifest) = fs::read_to_string(folder.join("Cargo.toml")) else { continue };
        let name = manifest.lines().find_map(|line| line.strip_prefix("name = \""));
        if let Some(name) = name {
            found.insert(name.trim_end_matches('"').to_owned(), folder);
        }
    }
    found
}

/// The files of a folder, and of those within, whose names end so.
fn under(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(under(&path, end));
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
