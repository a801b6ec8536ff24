//! The reference of the operation file, held against the reader: the keys of each table, and which of
//! them have to be there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects, missing_docs)]

#[path = "../../../examples/billing/operation.rs"]
mod operation;

use std::collections::{BTreeMap, BTreeSet};

const PAGE: &str = include_str!("../../../examples/billing/OPERATION.md");

/// The keys of each section of the page, and whether each has to be there.
fn described() -> BTreeMap<&'static str, BTreeMap<&'static str, bool>> {
    let mut found: BTreeMap<&str, BTreeMap<&str, bool>> = BTreeMap::new();
    let mut section = "";
    for line in PAGE.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            section = name;
        } else if let Some(key) = line.strip_prefix("| ").filter(|line| line.contains('`')) {
            let key = key.split(" | ").next().unwrap();
            let name = key.trim_matches('*').trim_matches('`');
            found.entry(section).or_default().insert(name, key.starts_with("**"));
        }
    }
    found
}

/// What the reader says of a table with these lines.
fn said(section: &str, lines: &str) -> String {
    let mut steps = section.split('.');
    let table = steps.next().unwrap();
    let inner: Vec<&str> = steps.collect();
    let value = inner.iter().rev().fold(lines.replace('\n', ", "), |value, key| {
        // Lists of tables take one as well.
        let list = !["employed", "support", "go_live", "closed"].contains(key);
        let (open, close) = if list { ("[{ ", " }]") } else { ("{ ", " }") };
        format!("{key} = {open}{value}{close}")
    });
    let text = match (table, inner.is_empty()) {
        ("top", _) => lines.to_owned(),
        (table, true) => format!("[[{table}]]\n{lines}"),
        (table, false) => format!("[[{table}]]\n{value}"),
    };
    operation::parse(&text).unwrap_err().to_string()
}

#[test]
fn every_key_that_the_reader_takes_is_described_and_no_other() {
    let described = described();
    assert_eq!(described.len(), 18, "{:?}", described.keys());
    for (section, keys) in &described {
        let said = said(section, "zzz = 1");
        let (_, expected) =
            said.split_once("unknown field `zzz`, expected ").unwrap_or_else(|| {
                panic!("{section}: {said}");
            });
        let expected: BTreeSet<&str> =
            expected.lines().next().unwrap().split('`').skip(1).step_by(2).collect();
        let keys: BTreeSet<&str> = keys.keys().copied().collect();
        assert_eq!(keys, expected, "{section}");
    }
}

/// The reader names the first key that is missing; with every other one there it names each in turn.
#[test]
fn what_has_to_be_there_is_said_to() {
    let sources = [
        include_str!("../../../examples/billing/operation.rs"),
        include_str!("../../../examples/billing/operation/done.rs"),
        include_str!("../../../examples/billing/operation/gap.rs"),
        include_str!("../../../examples/billing/operation/person.rs"),
        include_str!("../../../examples/billing/operation/system.rs"),
    ];
    let optional: BTreeSet<(usize, &str)> = described()
        .values()
        .map(|keys| (keys.len(), keys))
        .flat_map(|(many, keys)| {
            keys.iter().filter(|(_, needed)| !**needed).map(move |(key, _)| (many, *key))
        })
        .collect();
    let mut found = BTreeSet::new();
    for source in sources {
        for table in source.split("#[serde(deny_unknown_fields)]").skip(1) {
            let body = table.split_once("{\n").unwrap().1.split("\n}").next().unwrap();
            let lines: Vec<&str> = body.lines().map(str::trim).collect();
            let fields: Vec<&str> =
                lines.iter().copied().filter(|line| line.contains(": ")).collect();
            for (place, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(": ")) {
                let defaults = place > 0 && lines.get(place - 1) == Some(&"#[serde(default)]");
                if defaults || line.contains(": Option<") {
                    let name = line.trim_start_matches("pub ").split(':').next().unwrap();
                    found.insert((fields.len(), name));
                }
            }
        }
    }
    assert_eq!(optional, found);
}
