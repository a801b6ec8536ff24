//! HMAC, tuned: key schedules, and the truncated values of moving factors side by side.
//!
//! Standard: RFC 4226 section 5.3 (dynamic truncation), RFC 6238 section 1.2 (SHA-256 and SHA-512),
//! RFC 2104 (HMAC; section 4 describes keying once).
//!
//! This file exists for two reasons. Speed: the inner and outer pads are compressed when the key is
//! made, and the codes of a window run side by side, because independent compressions overlap in
//! the processor and chained ones cannot. Silence: truncation reads the same words whatever the
//! offset, no division is fed a secret, and nothing here branches on one. It does not compare
//! anything; windows do that (`hotp`, `totp`).
//!
//! Nothing else in this crate is tuned to a processor: all of that stays behind [`Schedule`].

use core::array;
use core::hint::black_box;

use subtle::{Choice, ConditionallySelectable};
use zeroize::{Zeroize, Zeroizing, optimization_barrier};

use crate::otp::algorithm::Algorithm;
use crate::wipe;

/// The two compressed pads of one key. Wiped when dropped.
pub(crate) struct Schedule(AnyPads);

enum AnyPads {
    Sha1(Pads<Sha1>),
    Sha256(Pads<Sha256>),
    Sha512(Pads<Sha512>),
}

impl Schedule {
    /// Any key that HMAC takes, the ones that no authenticator may hold included: for the vectors.
    ///
    /// Out of line, so that the key is written once, into the place where the caller will have it:
    /// a key schedule that moves leaves a copy behind, and the processor waits for it.
    #[inline(never)]
    pub(crate) fn new(algorithm: Algorithm, bytes: &[u8]) -> Schedule {
        match algorithm {
            Algorithm::Sha1 => Self::keyed(bytes, AnyPads::Sha1, algorithm),
            Algorithm::Sha256 => Self::keyed(bytes, AnyPads::Sha256, algorithm),
            Algorithm::Sha512 => Self::keyed(bytes, AnyPads::Sha512, algorithm),
        }
    }

    #[inline(always)]
    fn keyed<H: Hash>(
        bytes: &[u8],
        pads: fn(Pads<H>) -> AnyPads,
        algorithm: Algorithm,
    ) -> Schedule {
        match H::whole_block(bytes) {
            Some(block) => Schedule(pads(Pads::new(block))),
            None => {
                let mut block = Zeroizing::new(H::ZERO);
                // The hash of a long key is as good as the key, and moves.
                wipe::after::<2048, _>(|| *block = key_block::<H>(bytes));
                Self::new(algorithm, block.as_ref())
            }
        }
    }

    pub(crate) const fn algorithm(&self) -> Algorithm {
        match self.0 {
            AnyPads::Sha1(_) => Algorithm::Sha1,
            AnyPads::Sha256(_) => Algorithm::Sha256,
            AnyPads::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Visits the truncated 31-bit values of `used` moving factors from `first` on, one to four, side
    /// by side. Past 2^64-1 the factors wrap: the same work is done, and the caller, who knows which
    /// factors exist, leaves those out. What `meanwhile` works out is worked out while the lanes are
    /// busy, is shown to each visit, and comes back.
    #[inline(always)]
    pub(crate) fn truncate<M>(
        &self,
        first: u64,
        used: u32,
        meanwhile: impl FnOnce() -> M,
        visit: impl FnMut(&M, u32),
    ) -> M {
        match &self.0 {
            AnyPads::Sha1(pads) => pads.truncate(first, used, meanwhile, visit),
            AnyPads::Sha256(pads) => pads.truncate(first, used, meanwhile, visit),
            AnyPads::Sha512(pads) => pads.truncate(first, used, meanwhile, visit),
        }
    }
}

/// Writes a word, and another one after it, in one store.
///
/// A processor that loads sixteen bytes while two stores to them are under way waits for all that
/// was stored before, and with it for the search before this one. A compiler that knows one of the
/// two words stores them apart, so it is not told: callers hide `beside` from it. It is one store
/// only where the compiler makes it one, and right in any case.
#[inline(always)]
pub(crate) fn write_at_once(word: u64, beside: &Beside, place: &mut [u8; 16]) {
    let Beside { kept, then } = beside;
    for ((place, kept), then) in place.as_chunks_mut().0.iter_mut().zip(kept).zip(then) {
        *place = (word & kept | then).to_ne_bytes();
    }
}

/// What [`write_at_once`] keeps of the word in each half, and what it writes there beside it: both
/// halves are then made by one operation on a vector.
pub(crate) struct Beside {
    kept: [u64; 2],
    then: [u64; 2],
}

impl Beside {
    pub(crate) const ZEROS: Beside = Beside::then(0);

    pub(crate) const fn then(word: u64) -> Beside {
        Beside { kept: [u64::MAX, 0], then: [0, word] }
    }
}

/// What HMAC needs of a hash: its chaining state, its block, and the padding of the two messages
/// that one code takes (eight bytes of moving factor; one inner digest).
trait Hash: Sized {
    type State: Copy + Zeroize;
    type Block: Copy + AsMut<[u8]> + AsRef<[u8]> + Zeroize;
    const INITIAL: Self::State;
    const ZERO: Self::Block;
    /// A block that ends a message of one key block and eight more bytes; the eight come first.
    const FACTOR: Self::Block;
    /// A block that ends a message of one key block and one digest; the digest comes first.
    const DIGEST: Self::Block;

    /// Wipes the stack below the caller, where `compress` was just at work: a hash function spills
    /// its registers there, the chaining state among them, and does not clean up. As deep as the
    /// deepest of its implementations in a release build, and a good way further.
    fn wipe_below();
    fn whole_block(key: &[u8]) -> Option<&Self::Block>;
    fn compress(state: &mut Self::State, block: &Self::Block);
    /// The digest, big-endian, at the start of `block`.
    fn write(state: &Self::State, block: &mut Self::Block);
    /// The first 160 bits of the digest as words, and the word that holds its last byte.
    fn head_and_tail(state: &Self::State) -> ([u32; 5], u32);
}

/// The last block of a message of `len` bytes, of which the last `tail` are in this block.
#[allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)] // evaluated at compile time
const fn last_block<const B: usize>(len: usize, tail: usize) -> [u8; B] {
    let mut block = [0; B];
    block[tail] = 0x80;
    let bits = (len * 8).to_be_bytes();
    block[B - 2] = bits[bits.len() - 2];
    block[B - 1] = bits[bits.len() - 1];
    block
}

/// What follows a moving factor in its block.
const PADDING: Beside = Beside::then((1_u64 << 63).to_be());

pub(crate) fn write_words<const N: usize>(words: impl Iterator<Item = [u8; N]>, block: &mut [u8]) {
    for (place, word) in block.chunks_exact_mut(N).zip(words) {
        place.copy_from_slice(&word);
    }
}

/// A hash: its state and block, its initial state (FIPS 180-4 section 5.3), the bytes of its digest, the
/// bytes of stack that a compression may leave, the compression, and the head and tail of its digest.
macro_rules! hash {
    ($name:ident, $state:ty, $block:literal, $initial:expr, $digest:literal, $stack:literal,
     $compress:path, $head_and_tail:expr) => {
        struct $name;

        impl Hash for $name {
            type State = $state;
            type Block = [u8; $block];
            const INITIAL: $state = $initial;
            const ZERO: [u8; $block] = [0; $block];
            const FACTOR: [u8; $block] = last_block($block + 8, 8);
            const DIGEST: [u8; $block] = last_block($block + $digest, $digest);

            #[inline(always)]
            fn wipe_below() {
                wipe::below::<$stack>();
            }

            #[inline(always)]
            fn whole_block(key: &[u8]) -> Option<&[u8; $block]> {
                key.try_into().ok()
            }

            #[inline(always)]
            fn compress(state: &mut $state, block: &[u8; $block]) {
                $compress(state, array::from_ref(block));
            }

            #[inline(always)]
            fn write(state: &$state, block: &mut [u8; $block]) {
                write_words(state.iter().map(|word| word.to_be_bytes()), block);
            }

            #[inline(always)]
            fn head_and_tail(state: &$state) -> ([u32; 5], u32) {
                let head_and_tail: fn($state) -> ([u32; 5], u32) = $head_and_tail;
                head_and_tail(*state)
            }
        }
    };
}

hash!(
    Sha1,
    [u32; 5],
    64,
    [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0],
    20,
    256,
    sha1::block_api::compress,
    |state| (state, state[4])
);
hash!(
    Sha256,
    [u32; 8],
    64,
    [
        0x6A09_E667,
        0xBB67_AE85,
        0x3C6E_F372,
        0xA54F_F53A,
        0x510E_527F,
        0x9B05_688C,
        0x1F83_D9AB,
        0x5BE0_CD19
    ],
    32,
    384,
    sha2::block_api::compress256,
    |[a, b, c, d, e, .., last]| ([a, b, c, d, e], last)
);
hash!(
    Sha512,
    [u64; 8],
    128,
    [
        0x6A09_E667_F3BC_C908,
        0xBB67_AE85_84CA_A73B,
        0x3C6E_F372_FE94_F82B,
        0xA54F_F53A_5F1D_36F1,
        0x510E_527F_ADE6_82D1,
        0x9B05_688C_2B3E_6C1F,
        0x1F83_D9AB_FB41_BD6B,
        0x5BE0_CD19_137E_2179
    ],
    64,
    1280,
    sha2::block_api::compress512,
    |[a, b, c, .., last]| {
        let high = |word: u64| (word >> 32) as u32;
        ([high(a), a as u32, high(b), b as u32, high(c)], last as u32)
    }
);

/// The chaining states after the inner and the outer pad. Aligned alike for every hash, so that they
/// stand at one place in [`AnyPads`], and without a gap, which nothing could wipe.
#[repr(align(8))]
struct Pads<H: Hash> {
    inner: H::State,
    outer: H::State,
}

impl<H: Hash> Pads<H> {
    /// Out of line, as [`Schedule::new`] is, and for the same reason.
    #[inline(never)]
    fn new(key: &H::Block) -> Pads<H> {
        Pads { inner: compressed_pad::<H>(key, 0x36), outer: compressed_pad::<H>(key, 0x5c) }
    }

    #[inline(always)]
    fn truncate<M>(
        &self,
        first: u64,
        used: u32,
        meanwhile: impl FnOnce() -> M,
        visit: impl FnMut(&M, u32),
    ) -> M {
        match used {
            1 => self.side_by_side::<1, M>(first, meanwhile, visit),
            2 => self.side_by_side::<2, M>(first, meanwhile, visit),
            3 => self.side_by_side::<3, M>(first, meanwhile, visit),
            _ => self.side_by_side::<4, M>(first, meanwhile, visit),
        }
    }

    /// RFC 4226 section 5.3 at `N` consecutive moving factors.
    ///
    /// A compression that finds its block in smaller stores than it loads waits until these have
    /// left the processor's store queue, and the lanes no longer overlap. So each moving factor is
    /// written in one store, and each inner digest goes into its outer block as soon as it is there,
    /// while the other lanes are still busy. And whatever stands between the last compression of one
    /// search and the first of the next keeps these two apart: so each lane is truncated, visited
    /// and wiped in the shadow of the one after it.
    #[inline(always)]
    fn side_by_side<const N: usize, M>(
        &self,
        first: u64,
        meanwhile: impl FnOnce() -> M,
        mut visit: impl FnMut(&M, u32),
    ) -> M {
        let mut states = [self.inner; N];
        let mut digests = [H::DIGEST; N];
        let (mut at, mut block) = (first, H::FACTOR);
        let padding = black_box(&PADDING);
        for (state, digest) in states.iter_mut().zip(&mut digests) {
            if let Some(place) = block.as_mut().first_chunk_mut() {
                write_at_once(at.to_be(), padding, place);
            }
            at = at.wrapping_add(1);
            H::compress(state, &block);
            H::write(state, digest);
            *state = self.outer;
        }
        let known = meanwhile();
        let mut finish = |state: &mut H::State, digest: &mut H::Block| {
            visit(&known, dynamic_truncation::<H>(state));
            // The MAC and the inner digest go; the barrier keeps the stores from being dropped.
            *state = H::INITIAL;
            *digest = H::ZERO;
            optimization_barrier(state);
            optimization_barrier(digest);
        };
        let mut before = None;
        for (state, digest) in states.iter_mut().zip(&mut digests) {
            H::compress(state, digest);
            if let Some((state, digest)) = before.replace((state, digest)) {
                finish(state, digest);
            }
        }
        H::wipe_below();
        if let Some((state, digest)) = before {
            finish(state, digest);
        }
        known
    }
}

impl<H: Hash> Drop for Pads<H> {
    fn drop(&mut self) {
        (self.inner, self.outer) = (H::INITIAL, H::INITIAL);
        optimization_barrier(self); // or the stores would be dropped as dead
    }
}

/// The chaining state after a key block under a pad. A call for each of them, which wipes what it
/// used: a schedule that is filled by reference is copied into its place, and the copy stays.
#[inline(never)]
fn compressed_pad<H: Hash>(key: &H::Block, pad: u8) -> H::State {
    let (mut state, mut block) = (H::INITIAL, *key);
    block.as_mut().iter_mut().for_each(|byte| *byte ^= pad);
    H::compress(&mut state, &block);
    H::wipe_below();
    let compressed = state;
    (state, block) = (H::INITIAL, H::ZERO);
    optimization_barrier(&state);
    optimization_barrier(&block);
    compressed
}

/// A key as a block: zeros behind a shorter one, the hash of a longer one (RFC 2104 section 2).
fn key_block<H: Hash>(key: &[u8]) -> H::Block {
    let mut block = H::ZERO;
    if let Some(place) = block.as_mut().get_mut(..key.len()) {
        place.copy_from_slice(key);
    } else {
        let mut state = digest::<H>(key);
        H::write(&state, &mut block);
        state.zeroize();
    }
    block
}

/// SHA-256 of a whole message, as words. A short one takes half the time that it takes through a
/// hasher, which keeps a buffer.
#[cfg(feature = "alloc")]
pub(crate) fn sha256(message: &[u8]) -> [u32; 8] {
    digest::<Sha256>(message)
}

fn digest<H: Hash>(message: &[u8]) -> H::State {
    let mut state = H::INITIAL;
    let size = H::ZERO.as_ref().len();
    let mut chunks = message.chunks_exact(size);
    for chunk in &mut chunks {
        let mut block = H::ZERO;
        block.as_mut().copy_from_slice(chunk);
        H::compress(&mut state, &block);
        block.as_mut().zeroize();
    }
    let rest = chunks.remainder();
    let mut block = H::ZERO;
    if let Some((place, [end, ..])) = block.as_mut().split_at_mut_checked(rest.len()) {
        place.copy_from_slice(rest);
        *end = 0x80;
    }
    // The length field takes an eighth of a block; if it does not fit behind the 0x80, one more.
    if rest.len().saturating_add(size / 8) >= size {
        H::compress(&mut state, &block);
        block = H::ZERO;
    }
    if let Some(place) = block.as_mut().last_chunk_mut() {
        *place = (message.len() as u64).wrapping_mul(8).to_be_bytes();
    }
    H::compress(&mut state, &block);
    block.as_mut().zeroize();
    state
}

/// Four bytes of the MAC from an offset of 0 to 15, the top bit cleared (RFC 4226 section 5.3).
///
/// The offset is secret: an address that depended on it would show in the cache. So all five words
/// that can hold the window are read, the half of the offset is chosen by mask, and shifts pick the
/// bytes.
#[inline(always)]
fn dynamic_truncation<H: Hash>(state: &H::State) -> u32 {
    let ([w0, w1, w2, w3, w4], tail) = H::head_and_tail(state);
    let pair = |high: u32, low: u32| (u64::from(high) << 32) | u64::from(low);
    let late = Choice::from((tail >> 3 & 1) as u8);
    let bytes = u64::conditional_select(&pair(w0, w1), &pair(w2, w3), late);
    let after = u64::conditional_select(&pair(w2, w3), &pair(w4, 0), late);
    // The window starts 0 to 7 bytes into `bytes` and may end in `after`. A shift by 64 bits is
    // none, so the bits of `after` go down in two.
    let bits = (tail & 7).wrapping_mul(8);
    let window = (bytes << bits) | (after >> 1 >> 63_u32.wrapping_sub(bits));
    (window >> 32) as u32 & 0x7fff_ffff
}

#[cfg(test)]
#[path = "../../tests/data/rows.rs"]
pub(crate) mod rows;

#[cfg(test)]
#[path = "../../tests/unit/engine.rs"]
mod tests;
