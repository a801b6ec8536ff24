#![doc = include_str!("../README.md")]
//!
//! Standard: 45 CFR 164.312(b) (audit controls), ASVS 16.2 (what a log holds) and 16.4 (that it cannot
//! be changed unseen); each file names its format's.
//!
//! Writes no file and opens no socket: each function makes a line, and the host sends it.

mod chain;
mod counters;
mod kinds;
mod line;
mod ocsf;
mod origin;
mod syslog;
mod verify;

mod cef;

#[cfg(feature = "tracing")]
mod emit;

#[cfg(feature = "tracing")]
pub use self::emit::emit;
pub use self::{
    cef::cef,
    chain::{Chain, LineHash, LineHashError},
    counters::{Counted, Counters, Counts},
    kinds::{Severity, severity},
    line::{LineError, from_line, to_line},
    ocsf::ocsf,
    origin::Origin,
    syslog::syslog,
    verify::{Finding, Mark, Verifier, What},
};

#[cfg(test)]
#[path = "../tests/unit/escapes.rs"]
mod escapes;
