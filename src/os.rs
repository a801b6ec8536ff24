//! What only an operating system has: randomness and a clock.
//!
//! Standard: NIST SP 800-63B-4 section 3.2.12 (an approved generator; its failure is an error).

use core::fmt;

use crate::text::unit_error;
use crate::time::UnixTime;

impl UnixTime {
    /// The operating system's clock.
    ///
    /// # Errors
    /// [`ClockError`] when the clock is before 1970.
    pub fn now() -> Result<UnixTime, ClockError> {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map(|since| UnixTime::from_secs(since.as_secs()))
            .map_err(|_| ClockError)
    }
}

impl From<std::time::SystemTime> for UnixTime {
    /// Whole seconds, rounded down. A moment before 1970 is 1970-01-01T00:00:00Z: that is not
    /// [plausible](UnixTime::is_plausible), so the account layer decides nothing then, as with any
    /// other clock that was never set. [`UnixTime::now`] says of such a clock that it is wrong.
    fn from(time: std::time::SystemTime) -> UnixTime {
        time.duration_since(std::time::UNIX_EPOCH)
            .map_or(UnixTime::default(), |since| UnixTime::from_secs(since.as_secs()))
    }
}

/// Sleeps 0 to 64 ms, more the more races were lost.
pub(crate) fn sleep_a_random_while(lost: usize) {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let random = RandomState::new().build_hasher().finish(); // two threads do not draw the same
    let longest = 1_u64.wrapping_shl(u32::try_from(lost.min(16)).unwrap_or(16)).min(64);
    let millis = random.checked_rem(longest.saturating_add(1)).unwrap_or(0);
    std::thread::sleep(std::time::Duration::from_millis(millis));
}

unit_error! {
    /// The operating system's clock is before 1970.
    /// ```
    /// use countersign::{os::ClockError, UnixTime};
    /// // A machine that starts with a dead battery says so and signs no one in.
    /// let now = match UnixTime::now() {
    ///     Ok(now) => now,
    ///     Err(ClockError) => panic!("{ClockError}"),
    /// };
    /// assert!(now.is_plausible());
    /// ```
    ClockError: "the system clock is before 1970-01-01"
}

/// A random generator seeded once from the operating system: what to pass as `rng`.
///
/// Make one per request; it is a ChaCha12 stream, wiped when dropped, but not if the process
/// forks with it.
/// ```
/// use countersign::OsRandom;
/// use rand::Rng;
/// // A new sealing key, for the file that only the host reads.
/// let mut key = [0; 32];
/// OsRandom::new()?.fill_bytes(&mut key);
/// assert_ne!(key, [0; 32]);
/// # Ok::<(), countersign::os::OsRandomError>(())
/// ```
pub struct OsRandom(rand::rngs::StdRng);

impl OsRandom {
    /// Draws a seed from the operating system.
    ///
    /// # Errors
    /// [`OsRandomError`] when the system has no randomness to give. There is no default seed.
    pub fn new() -> Result<OsRandom, OsRandomError> {
        <rand::rngs::StdRng as rand::SeedableRng>::try_from_rng(&mut rand::rngs::SysRng)
            .map(OsRandom)
            .map_err(|_| OsRandomError)
    }
}

impl rand::TryRng for OsRandom {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.0.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.try_fill_bytes(bytes)
    }
}

impl rand::TryCryptoRng for OsRandom {}

impl fmt::Debug for OsRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OsRandom")
    }
}

unit_error! {
    /// The operating system has no randomness to give.
    /// ```
    /// use countersign::os::{OsRandom, OsRandomError};
    /// // Without randomness the host does not enrol: there is no other seed.
    /// fn random() -> Result<OsRandom, OsRandomError> {
    ///     OsRandom::new()
    /// }
    /// assert!(random().is_ok());
    /// assert_eq!(OsRandomError.to_string(), "the operating system gave no randomness");
    /// ```
    OsRandomError: "the operating system gave no randomness"
}

#[cfg(test)]
#[path = "../tests/unit/os.rs"]
mod tests;
