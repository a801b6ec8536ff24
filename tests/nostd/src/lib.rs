//! What a program without std has to bring: here, proof that the OTP core needs none of it.
#![no_std]

#[cfg(feature = "alloc")]
mod heap;

use core::panic::PanicInfo;

#[link(name = "c")] // the C start-up code, memcpy and memset
unsafe extern "C" {
    /// Defined nowhere. If any panic is left in a program, so is the handler, and the program does
    /// not link.
    #[cfg(not(feature = "may-panic"))]
    fn a_panic_is_reachable() -> !;

    #[cfg(feature = "may-panic")]
    fn abort() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: never linked, see above.
    #[cfg(not(feature = "may-panic"))]
    unsafe {
        a_panic_is_reachable()
    }
    // SAFETY: ends the program.
    #[cfg(feature = "may-panic")]
    unsafe {
        abort()
    }
}
