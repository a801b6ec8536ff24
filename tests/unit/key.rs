//! Unit tests of `src/otp/key.rs`, which declares this file at its end: they need what it keeps to itself.

use super::*;
use crate::otp::engine::rows::rows;
use std::vec::Vec;

const ALL: [Algorithm; 3] = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];

#[test]
fn every_key_length_of_v8() {
    for [len, sha1, sha256, sha512, _] in rows(include_str!("../data/v8-key-lengths.txt")) {
        for (algorithm, code) in ALL.into_iter().zip([sha1, sha256, sha512]) {
            let bytes: Vec<u8> = (0..len.parse().unwrap()).collect();
            let key = Key(Schedule::new(algorithm, &bytes));
            assert_eq!(key.generate(1, Digits::Six).expose_str(), code, "{len} bytes");
        }
    }
}
