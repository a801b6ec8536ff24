//! Where records are kept: the contract that a host's store fulfils, and a store in memory.
//!
//! Standard: each file names its own.
//!
//! Knows no engine: the stores for SQLite, PostgreSQL and Redis are crates beside this one.

pub(crate) mod contract;

#[cfg(feature = "std")]
pub(crate) mod memory;

pub use self::contract::*;
