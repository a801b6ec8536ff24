//! Whole numbers within bounds.
//!
//! A number of this type was looked at once, where it came in, so nothing that is handed one has to
//! ask again.

/// A whole number from `MIN` to `MAX`. A policy hands out these, so no policy can say "unlimited".
/// What the number counts is said where it is used; some have a name of their own, as
/// [`LookAhead`](crate::LookAhead).
/// ```
/// use countersign::Bounded;
/// // A setting from the host's own file, read once and never out of its bounds again.
/// let minutes = Bounded::<1, 60>::new(15).ok_or("minutes: not from 1 to 60")?;
/// assert_eq!(minutes.as_u64(), 15);
/// assert_eq!(Bounded::<1, 60>::new(0), None);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Bounded<const MIN: u64, const MAX: u64>(u64);

impl<const MIN: u64, const MAX: u64> Bounded<MIN, MAX> {
    /// A number known when the program is written; out of bounds it does not compile.
    ///
    /// ```compile_fail
    /// use countersign::Bounded;
    /// let limit: Bounded<1, 100> = Bounded::of::<101>();
    /// ```
    #[must_use]
    pub const fn of<const N: u64>() -> Self {
        const { assert!(MIN <= N && N <= MAX, "out of the bounds of this number") };
        Bounded(N)
    }

    /// A number known when the program runs, from a configuration file say.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        if MIN <= number && number <= MAX { Some(Bounded(number)) } else { None }
    }

    /// The number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The number, where it is known to have 32 bits: the bounds say so, or it does not compile.
    pub(crate) const fn as_u32(self) -> u32 {
        const { assert!(MAX <= u32::MAX as u64, "not a number of 32 bits") };
        self.0 as u32
    }
}
