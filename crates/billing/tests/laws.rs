//! The laws that are fuzzed, replayed on a stable compiler over the corpora in `fuzz/corpus`: what
//! fuzzing starts from, and every input that ever broke a law.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

#[path = "../../../tests/common/corpus.rs"]
mod corpus;
#[path = "../../../examples/billing/operation.rs"]
mod operation;
#[path = "laws/operation_file.rs"]
mod operation_file;
#[path = "laws/typed.rs"]
mod typed;

use std::fs;
use std::path::{Path, PathBuf};

use corpus::{corpus, replay};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn operation_files() {
    replay("operation_file", operation_file::hold);
}

#[test]
fn short_texts_in_an_operation_file() {
    replay("typed", typed::hold);
}

#[test]
fn the_example_is_in_its_corpus() {
    let example = fs::read(root().join("examples/billing/operation.toml")).unwrap();
    let seeds = corpus("operation_file");
    assert!(seeds["the-example.toml"] == example, "copy the example's file into the corpus");
}
