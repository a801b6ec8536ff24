//! Wiping the stack below a call.
//!
//! Standard: CWE-226 and CWE-244 (what is reused or freed still holds a secret).
//!
//! A value that wipes itself when it is dropped wipes the place where it is then. A move from one
//! place to the next leaves a copy, and so does a register that a hash function had to spill: so
//! what handles a secret runs in a separate stack frame, and the caller wipes that frame.
//! `tests/evidence/tests/wiping.rs` looks whether the depths given are enough for a release build.

use zeroize::zeroize_stack;

/// Bytes of stack that an HMAC uses, with room to spare.
#[cfg(feature = "alloc")]
pub(crate) const OF_HMAC: usize = 2048;

/// Calls `run` in a separate stack frame, then wipes `DEPTH` bytes of the stack below the caller.
#[inline(always)]
pub(crate) fn after<const DEPTH: usize, T>(run: impl FnOnce() -> T) -> T {
    #[inline(never)]
    fn in_its_own_frame<T>(run: impl FnOnce() -> T) -> T {
        run()
    }
    let made = in_its_own_frame(run);
    below::<DEPTH>();
    made
}

/// Wipes `DEPTH` bytes of the stack below the caller, where a function that was called and is not
/// inlined was just at work.
#[inline(always)]
pub(crate) fn below<const DEPTH: usize>() {
    zeroize_stack::<DEPTH>();
}
