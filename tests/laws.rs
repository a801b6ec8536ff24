//! The laws that are fuzzed, replayed over the corpora on a stable compiler: every input that ever
//! taught a fuzz target something, in `fuzz/corpus`.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

#[path = "laws/code.rs"]
mod code;
#[path = "../examples/billing/operation.rs"]
mod operation;
#[path = "laws/operation_file.rs"]
mod operation_file;
#[path = "laws/operations.rs"]
mod operations;
#[path = "laws/record.rs"]
mod record;
#[path = "model/reference.rs"]
mod reference;
#[allow(dead_code)] // the half of it that model.rs plays
#[path = "model/schedule.rs"]
mod schedule;
#[allow(dead_code)] // rows of a fixed width
#[path = "data/rows.rs"]
mod rows;
#[path = "laws/secret.rs"]
mod secret;
#[path = "model/text.rs"]
mod text;
#[path = "laws/uri.rs"]
mod uri;

use std::path::Path;

/// Holds the law over each file of a corpus, and over each file cut short, so that a law also meets
/// what the seeds are next to.
fn replay(target: &str, law: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = std::fs::read_dir(&corpus).unwrap_or_else(|error| panic!("{corpus:?}: {error}"));
    let mut seen = 0;
    for file in files {
        let path = file.unwrap().path();
        println!("{}", path.display());
        let input = std::fs::read(&path).unwrap();
        law(&input);
        law(&input[..input.len() / 2]);
        seen += 1;
    }
    assert!(seen >= 5, "{seen} files in {corpus:?}");
}

#[test]
fn secret_text() {
    replay("secret", secret::hold);
}

#[test]
fn code_text() {
    replay("code", code::hold);
}

#[test]
fn provisioning_uris() {
    replay("uri", uri::hold);
}

#[test]
fn record_bytes() {
    replay("record", record::hold);
}

#[test]
fn schedules_of_operations() {
    replay("operations", operations::hold);
}

#[test]
fn operation_files() {
    replay("operation_file", operation_file::hold);
}

/// Fuzzing starts from what is known: the corpora hold every text of these tables.
#[test]
fn every_vector_is_in_its_corpus() {
    for (target, tables) in [
        ("secret", ["v3c-decoder.txt", "v3d-documents.txt"]),
        ("uri", ["v10-accepted.txt", "v10-refused.txt"]),
    ] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let corpus = std::fs::read_dir(root.join("fuzz/corpus").join(target)).unwrap();
        let seeds: Vec<_> =
            corpus.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
        for table in tables {
            let rows = std::fs::read_to_string(root.join("tests/data").join(table)).unwrap();
            for row in rows.lines().filter(|row| !row.starts_with('#') && !row.is_empty()) {
                let text = row.split('|').next().unwrap().trim();
                let text = if text.starts_with('"') { rows::text(text) } else { text.to_owned() };
                assert!(seeds.iter().any(|seed| seed == text.as_bytes()), "{target}: {text:?}");
            }
        }
    }
}
