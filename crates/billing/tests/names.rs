//! One type of a name: a reader who finds `Status` in one module has not to ask which one.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const KINDS: [&str; 5] = ["struct", "enum", "trait", "type", "union"];

#[test]
fn no_public_type_name_exists_twice() {
    let mut sources = String::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()) {
            if file.is_dir() {
                folders.push(file);
            } else {
                sources.push_str(&fs::read_to_string(file).unwrap());
            }
        }
    }
    let names = public_types(&sources);
    for known in ["Practice", "PersonId", "CoverageMarkdown"] {
        assert!(names.contains_key(known), "{known} is not seen: the search is blind");
    }
    assert_eq!(twice(&names), [""; 0]);
}

#[test]
fn a_planted_duplicate_is_seen() {
    let plain = "pub struct Line;\npub(crate) struct Plan;\nstruct Plan;\n/// pub enum Line\n";
    assert_eq!(twice(&public_types(plain)), [""; 0]);
    for planted in [
        "    pub enum Line {",
        "pub struct Line<'r>(pub &'r str);",
        "pub type Line = u8;",
        "pub trait Line: Copy {}",
        "pub union Line {",
        "identifier! {\n    /// Names a line.\n    Line\n}",
    ] {
        assert_eq!(twice(&public_types(&format!("{plain}{planted}\n"))), ["Line"], "{planted}");
    }
}

/// The names of the public types, and how often each is there.
fn public_types(sources: &str) -> BTreeMap<&str, usize> {
    let mut found = BTreeMap::new();
    let mut in_identifier = false;
    for line in sources.lines().map(str::trim) {
        let mut words = line.split_whitespace();
        let declared = match (words.next(), words.next(), words.next()) {
            (Some("pub"), Some(kind), Some(name)) if KINDS.contains(&kind) => Some(name),
            // The macro makes a type of the last line.
            (Some(name), None, None) if in_identifier && name != "}" => Some(name),
            _ => None,
        };
        in_identifier = line == "identifier! {" || in_identifier && line.starts_with("//");
        let name = declared.and_then(|name| {
            name.split(|character: char| !character.is_alphanumeric() && character != '_').next()
        });
        // In a macro the name is a variable.
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            *found.entry(name).or_insert(0) += 1;
        }
    }
    found
}

fn twice<'n>(names: &BTreeMap<&'n str, usize>) -> Vec<&'n str> {
    names.iter().filter(|(_, times)| **times > 1).map(|(name, _)| *name).collect()
}
