//! Unit tests of `src/ct.rs`, which declares this file at its end: they need what it keeps to itself.

use super::*;

#[test]
fn masks_equal_a_plain_comparison() {
    let edges = [0, 1, 2, 255, 256, 999_999, 99_999_999, 1 << 31, u32::MAX - 1, u32::MAX];
    for value in edges {
        for code in edges {
            let model = if value == code { u32::MAX } else { 0 };
            assert_eq!(equal(value, code), model, "{value} and {code}");
        }
        for bit in 0..32 {
            assert_eq!(equal(value, value ^ (1 << bit)), 0, "{value}, bit {bit}");
        }
    }
}

#[test]
fn only_zero_is_no_bit() {
    assert_eq!(nonzero(0), 0);
    for bits in [1, 2, 8, 15, 1 << 31, u32::MAX] {
        assert_eq!(nonzero(bits), u64::MAX, "{bits}");
    }
}

#[test]
fn a_range_equals_a_plain_comparison() {
    for byte in 0..=u8::MAX {
        for first in 0..=u8::MAX {
            for last in first..=u8::MAX {
                let model = if (first..=last).contains(&byte) { u8::MAX } else { 0 };
                assert_eq!(within(byte, first, last), model, "{byte} in {first} to {last}");
            }
        }
    }
}

#[test]
fn what_is_revealed_is_the_choice() {
    assert_eq!([0, 1].map(|bit| reveal(Choice::from(bit))), [false, true]);
}

/// The highest lane of the accepted ones, behind the index of the first.
#[test]
fn what_is_revealed_is_the_highest_factor() {
    for lane in 0..4 {
        for below in 0..1_u64 << lane {
            let accepted = (1996 << 32) | (1 << lane) | below;
            let scan = reveal_search(u64::MAX - 1990, accepted, 15);
            assert_eq!(scan.accepted(), Some(5 + lane), "{lane} over {below:b}");
            assert!(scan.seen);
        }
    }
    assert_eq!((reveal_search(7, 0, 0).accepted(), reveal_search(7, 0, 0).seen), (None, false));
    assert_eq!((reveal_search(7, 0, 2).accepted(), reveal_search(7, 0, 2).seen), (None, true));
}
