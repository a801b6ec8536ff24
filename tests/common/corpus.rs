//! The corpora in `fuzz/corpus`, and a law held over one. For the root's laws and those of a crate beside
//! it: the file that includes this one has `root()`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::root;

/// The corpus of a target, by file name.
pub fn corpus(target: &str) -> BTreeMap<String, Vec<u8>> {
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
pub fn replay<const DOORS: usize>(target: &str, law: fn(&[u8]) -> [bool; DOORS]) {
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
