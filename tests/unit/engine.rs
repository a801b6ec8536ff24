//! Unit tests of `src/otp/engine.rs`, which declares this file at its end: they need what it keeps to itself.

use super::rows::{hex, rows};
use super::*;
use crate::otp::code::{Code, Digits};
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use std::string::ToString;
use std::vec::Vec;

const ALL: [Algorithm; 3] = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];

/// RFC 4226 section 5.3 over the `hmac` crate, byte by byte as the RFC has it.
fn oracle(algorithm: Algorithm, key: &[u8], factor: u64) -> u32 {
    fn mac<M: Mac + KeyInit>(key: &[u8], factor: u64) -> Vec<u8> {
        let mut mac = <M as KeyInit>::new_from_slice(key).unwrap();
        mac.update(&factor.to_be_bytes());
        mac.finalize().into_bytes().to_vec()
    }
    let mac = match algorithm {
        Algorithm::Sha1 => mac::<Hmac<sha1::Sha1>>(key, factor),
        Algorithm::Sha256 => mac::<Hmac<sha2::Sha256>>(key, factor),
        Algorithm::Sha512 => mac::<Hmac<sha2::Sha512>>(key, factor),
    };
    let offset = usize::from(mac[mac.len() - 1] & 0xf);
    u32::from_be_bytes(mac[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff
}

fn one(key: &Schedule, factor: u64) -> u32 {
    let mut one = None;
    key.truncate(factor, 1, || (), |(), truncated| one = Some(truncated));
    one.unwrap()
}

fn counting(len: usize) -> Vec<u8> {
    (0..len).map(|at| at as u8).collect()
}

#[test]
fn truncated_values_of_rfc_4226_appendix_d() {
    let key = Schedule::new(Algorithm::Sha1, b"12345678901234567890");
    let table = include_str!("../data/v1-rfc4226-appendix-d.txt");
    for [counter, _, _, _, truncated, _] in rows(table) {
        assert_eq!(one(&key, counter.parse().unwrap()).to_string(), truncated);
    }
}

#[test]
fn the_worked_example_of_rfc_4226_section_5_4() {
    let table = include_str!("../data/v1b-rfc4226-section-5.4.txt");
    for [mac, _offset, truncated, code] in rows(table) {
        let mut state = [0; 5];
        for (word, bytes) in state.iter_mut().zip(hex(mac).chunks_exact(4)) {
            *word = u32::from_be_bytes(bytes.try_into().unwrap());
        }
        let value = dynamic_truncation::<super::Sha1>(&state);
        assert_eq!(value.to_string(), truncated);
        assert_eq!(Code::from_value(Digits::Six.reduce(value), Digits::Six).expose_str(), code);
    }
}

#[test]
fn truncated_values_of_v7() {
    let seed = b"1234567890".repeat(7);
    for [what, name, counter, _, _, _, truncated, _, _] in
        rows(include_str!("../data/v7-truncation.txt"))
    {
        let algorithm = Algorithm::from_name(name).unwrap();
        let key = Schedule::new(algorithm, &seed[..algorithm.secret_len()]);
        let value = one(&key, counter.parse().unwrap());
        assert_eq!(value.to_string(), truncated, "{name} {what}");
    }
}

#[cfg(feature = "alloc")]
#[test]
fn every_length_equals_the_sha2_crate() {
    use sha2::Digest;
    for len in 0..=300 {
        let words = super::sha256(&counting(len)).map(u32::to_be_bytes);
        assert_eq!(words.as_flattened(), sha2::Sha256::digest(counting(len)).as_slice(), "{len}");
    }
}

/// Past two blocks of every hash, so that each way of padding a long key is met.
#[test]
fn every_key_length_equals_the_hmac_crate() {
    for len in 0..=300 {
        let bytes = counting(len);
        for algorithm in ALL {
            let key = Schedule::new(algorithm, &bytes);
            for factor in [0, len as u64, u64::MAX - len as u64] {
                let expected = oracle(algorithm, &bytes, factor);
                assert_eq!(one(&key, factor), expected, "{algorithm:?}, {len} bytes");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_key_and_factor_equal_the_hmac_crate(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        factor in any::<u64>(),
    ) {
        for algorithm in ALL {
            let key = Schedule::new(algorithm, &bytes);
            prop_assert_eq!(one(&key, factor), oracle(algorithm, &bytes, factor));
        }
    }

    /// Lanes side by side give what one after the other gives, across the end of the counters,
    /// and each visit sees what was worked out meanwhile.
    #[test]
    fn lanes_are_the_codes_in_order(
        first in prop_oneof![any::<u64>(), u64::MAX - 5..=u64::MAX],
        used in 1_u32..=4,
    ) {
        for algorithm in ALL {
            let key = Schedule::new(algorithm, b"12345678901234567890");
            let mut visited = Vec::new();
            let visit = |known: &u64, truncated| visited.push((*known, truncated));
            prop_assert_eq!(key.truncate(first, used, || 7, visit), 7);
            let expected: Vec<_> = (0..used.into()).map(|at| {
                (7, oracle(algorithm, b"12345678901234567890", first.wrapping_add(at)))
            }).collect();
            prop_assert_eq!(visited, expected);
        }
    }
}
