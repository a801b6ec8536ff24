//! The laws that are fuzzed, replayed on a stable compiler over the corpora in `fuzz/corpus`: what
//! fuzzing starts from, and every input that ever broke a law.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

#[path = "../../../examples/billing/operation.rs"]
mod operation;
#[path = "laws/operation_file.rs"]
mod operation_file;
#[path = "laws/typed.rs"]
mod typed;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The corpus of a target, by file name.
fn corpus(target: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = root().join("fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let file = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read(path).unwrap())
    };
    let seeds: BTreeMap<_, _> = files.map(|entry| file(entry.unwrap().path())).collect();
    assert!(seeds.len() >= 5, "{} files in {folder:?}", seeds.len());
    seeds
}

/// Holds the law over each file of a corpus, and over each file cut short, so that a law also meets
/// what the seeds are next to. Each door takes some of the files and refuses some: a law about a door
/// that takes nothing, or everything, would say nothing.
fn replay<const DOORS: usize>(target: &str, law: fn(&[u8]) -> [bool; DOORS]) {
    let mut outcomes = Vec::new();
    for (name, input) in corpus(target) {
        println!("{target}/{name}");
        outcomes.push(law(&input));
        let _ = law(&input[..input.len() / 2]);
    }
    for door in 0..DOORS {
        let taken = outcomes.iter().filter(|taken| taken[door]).count();
        assert!(taken > 0, "{target}: door {door} takes no seed");
        assert!(taken < outcomes.len(), "{target}: door {door} takes every seed");
    }
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
