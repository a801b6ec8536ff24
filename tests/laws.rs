//! The laws that are fuzzed, replayed on a stable compiler over the corpora in `fuzz/corpus`: what
//! fuzzing starts from, and every input that ever broke a law.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

#[path = "laws/code.rs"]
mod code;
#[path = "common/corpus.rs"]
mod corpus;
#[path = "common/keys.rs"]
mod keys;
#[path = "common/plain.rs"]
mod plain;
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
#[path = "laws/sealed.rs"]
mod sealed;
#[path = "laws/secret.rs"]
mod secret;
#[path = "laws/seeds.rs"]
mod seeds;
#[path = "model/text.rs"]
mod text;
#[path = "laws/typed.rs"]
mod typed;
#[path = "laws/uri.rs"]
mod uri;

use std::fs;
use std::path::Path;

use corpus::{corpus, replay};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
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
fn other_texts_that_people_type() {
    replay("typed", typed::hold);
}

#[test]
fn record_bytes() {
    replay("record", record::hold);
}

/// A seed is what its name says. If the format of records changes, the plaintexts have to be written
/// again, or the law would only ever see what no reader takes.
#[test]
fn records_that_open_are_the_whole_one_and_the_plaintexts() {
    for (name, input) in corpus("record") {
        let expected = [name == "whole", name.starts_with("plaintext-")];
        assert_eq!(record::hold(&input), expected, "{name}");
    }
}

#[test]
fn texts_that_are_sealed() {
    replay("sealed", sealed::hold);
}

#[test]
fn schedules_of_operations() {
    replay("operations", |schedule| {
        operations::hold(schedule);
        []
    });
}

/// Fuzzing starts from what is known: the corpora hold every text of these columns.
#[test]
fn every_vector_is_in_its_corpus() {
    for (target, table, columns) in [
        ("code", "v1-rfc4226-appendix-d.txt", [5].as_slice()),
        ("code", "v2-rfc6238-appendix-b.txt", &[4]),
        ("secret", "v3-rfc4648-section-10.txt", &[1, 2]),
        ("secret", "v3b-base32hex.txt", &[1]),
        ("secret", "v3c-decoder.txt", &[0]),
        ("secret", "v3d-documents.txt", &[0]),
        ("uri", "v10-accepted.txt", &[0]),
        ("uri", "v10-refused.txt", &[0]),
        ("uri", "import-accepted.txt", &[0]),
        ("uri", "import-refused.txt", &[0]),
    ] {
        let seeds = corpus(target);
        let rows = fs::read_to_string(root().join("tests/data").join(table)).unwrap();
        for row in rows.lines().filter(|row| !row.starts_with('#') && !row.is_empty()) {
            for column in columns {
                let text = row.split('|').nth(*column).unwrap().trim();
                let text = if text.starts_with('"') { rows::text(text) } else { text.to_owned() };
                assert!(seeds.values().any(|seed| seed == text.as_bytes()), "{target}: {text:?}");
            }
        }
    }
}

/// And every golden record, as what the record of somebody else is replaced with.
#[test]
fn every_golden_record_is_in_its_corpus() {
    let seeds = corpus("record");
    for (name, bytes) in seeds::golden() {
        assert!(seeds.values().any(|seed| *seed == bytes), "{name}");
    }
}

#[test]
#[ignore = "writes the corpus of records again"]
fn write_the_seeds_of_records() {
    seeds::write(&root().join("fuzz/corpus/record"));
}
