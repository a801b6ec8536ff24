//! Masks in place of branches, and the exits from them.
//!
//! Standard: RFC 4226 section 7.2 and ASVS 11.2.4 (comparisons that take the same time).
//!
//! What depends on a secret is a mask of all ones or of zeros until it leaves here as an answer. The
//! two exits are [`reveal`] and [`reveal_search`]: what they say is the answer that the caller gets
//! anyway. Both are kept out of line, so that an examination of the binary for branches on secrets
//! can name them.

use core::hint::select_unpredictable;

use subtle::{Choice, ConstantTimeEq};

/// All ones if the two are equal, zero if not. The bit comes through `subtle`, whose barrier hides
/// from the compiler that it is one: told so, it may turn the masks that follow into branches.
pub(crate) fn equal(value: u32, code: u32) -> u32 {
    u32::from(value.ct_eq(&code).unwrap_u8()).wrapping_neg()
}

/// All ones unless `bits` is zero.
pub(crate) fn nonzero(bits: u32) -> u64 {
    u64::from(bits.ct_eq(&0).unwrap_u8()).wrapping_sub(1)
}

/// All ones from `first` to `last`, else zero.
pub(crate) const fn within(byte: u8, first: u8, last: u8) -> u8 {
    let (byte, first, last) = (byte as i16, first as i16, last as i16);
    ((first.wrapping_sub(1).wrapping_sub(byte) & byte.wrapping_sub(last).wrapping_sub(1)) >> 8)
        as u8
}

/// The one way from a comparison of secrets to a branch; a search goes by [`reveal_search`].
#[inline(never)]
pub(crate) fn reveal(same: Choice) -> bool {
    same.into()
}

/// What a search found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Scan {
    /// The moving factor of the last code of the highest eligible run, if one was accepted.
    pub(crate) at: u64,
    pub(crate) hit: bool,
    /// Whether the codes stood anywhere in the window, eligible or not.
    pub(crate) seen: bool,
}

impl Scan {
    /// Of no window at all.
    pub(crate) const NOTHING: Scan = Scan { at: 0, hit: false, seen: false };

    /// The moving factor of the last code of the highest eligible run. Chosen without a branch, so
    /// that a hit and a miss take the same instructions and differ in nothing but what they say.
    #[inline]
    pub(crate) fn accepted(self) -> Option<u64> {
        select_unpredictable(self.hit, Some(self.at), None)
    }
}

/// The one place where the outcome of a search becomes public.
///
/// The upper half of `accepted` is an index from `first` on; the highest bit of the lower half says
/// how many factors further the match is.
#[inline(never)]
pub(crate) fn reveal_search(first: u64, accepted: u64, seen: u32) -> Scan {
    let lane = 31_u32.wrapping_sub((accepted as u32).leading_zeros());
    let index = (accepted >> 32).wrapping_add(lane.into());
    Scan { at: first.wrapping_add(index), hit: accepted != 0, seen: seen != 0 }
}

#[cfg(test)]
mod tests {
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
}
