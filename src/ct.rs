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

pub(crate) fn nonzero(bits: u32) -> u64 {
    u64::from(bits.ct_eq(&0).unwrap_u8()).wrapping_sub(1)
}

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
#[path = "../tests/unit/ct.rs"]
mod tests;
