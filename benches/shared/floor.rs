//! The work that nobody can leave out of `N` codes once the pads are compressed: `N` inner and then
//! `N` outer compressions side by side, from blocks that are ready and states that do not wait for
//! each other.

use std::array::from_ref;
use std::hint::black_box;

/// SHA-1.
pub fn sha1<const N: usize>() -> impl FnMut() -> [[[u32; 5]; N]; 2] {
    let blocks = [[0x36; 64]; N];
    move || side_by_side([1; 5], &blocks, |s, b| sha1::block_api::compress(s, from_ref(b)))
}

/// SHA-256.
pub fn sha256<const N: usize>() -> impl FnMut() -> [[[u32; 8]; N]; 2] {
    let blocks = [[0x36; 64]; N];
    move || side_by_side([1; 8], &blocks, |s, b| sha2::block_api::compress256(s, from_ref(b)))
}

/// SHA-512.
pub fn sha512<const N: usize>() -> impl FnMut() -> [[[u64; 8]; N]; 2] {
    let blocks = [[0x36; 128]; N];
    move || side_by_side([1; 8], &blocks, |s, b| sha2::block_api::compress512(s, from_ref(b)))
}

#[inline(always)]
fn side_by_side<const N: usize, S: Copy, B>(
    start: S,
    blocks: &[B; N],
    compress: impl Fn(&mut S, &B),
) -> [[S; N]; 2] {
    let mut states = [black_box([start; N]), black_box([start; N])];
    let blocks = black_box(blocks);
    for lanes in &mut states {
        for (state, block) in lanes.iter_mut().zip(blocks) {
            compress(state, block);
        }
    }
    states
}
