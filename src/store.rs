//! Where records are kept: the contract that a host's store fulfils, and a store for tests.
//!
//! Keeps nothing for people: that is the host's.

pub(crate) mod contract;

#[cfg(feature = "std")]
pub(crate) mod memory;

pub use self::contract::*;
#[cfg(feature = "std")]
pub use self::memory::*;
