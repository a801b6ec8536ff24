//! What a program without std has to bring: here, proof that the OTP core needs none of it.
#![no_std]

#[cfg(feature = "alloc")]
mod heap;

use core::convert::Infallible;
use core::panic::PanicInfo;

use rand_core::{TryCryptoRng, TryRng};

/// The entry point of a program that runs `$run` and ends with 0, or with the number of the check that
/// failed.
#[macro_export]
macro_rules! program {
    ($run:path) => {
        #[unsafe(no_mangle)]
        extern "C" fn main() -> i32 {
            match $run() {
                Ok(()) => 0,
                Err(check) => check,
            }
        }
    };
}

/// Goes on if all is `right`.
///
/// # Errors
/// The number of this check.
pub fn require(right: bool, check: i32) -> Result<(), i32> {
    if right { Ok(()) } else { Err(check) }
}

/// Counts; a device would ask its hardware.
pub struct Counting(pub u64);

impl TryRng for Counting {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        Ok(self.0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let drawn = self.try_next_u64()?.to_be_bytes();
            chunk.iter_mut().zip(drawn).for_each(|(place, byte)| *place = byte);
        }
        Ok(())
    }
}

impl TryCryptoRng for Counting {}

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
