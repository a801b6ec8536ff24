//! The attacks of the catalogue, each named after the advisory of a system that fell to it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

#[macro_use]
mod common;
#[macro_use]
#[path = "common/implements.rs"]
mod implements;

#[path = "attacks/replay.rs"]
mod replay;

#[path = "attacks/state.rs"]
mod state;

#[path = "attacks/throttle.rs"]
mod throttle;

#[path = "attacks/who.rs"]
mod who;
