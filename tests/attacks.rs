//! The attacks of the catalogue, each named after the advisory of a system that fell to it.
#![allow(missing_docs)]

#[macro_use]
mod common;

#[path = "attacks/replay.rs"]
mod replay;

#[path = "attacks/state.rs"]
mod state;

#[path = "attacks/throttle.rs"]
mod throttle;
