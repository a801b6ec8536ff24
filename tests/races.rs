//! Parallel attempts, awaited ones, two nodes, and the round trips that each takes.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

#[path = "common/keys.rs"]
mod keys;

#[path = "races/interleavings.rs"]
mod interleavings;

#[path = "races/awaiting.rs"]
mod awaiting;

#[path = "races/two_nodes.rs"]
mod two_nodes;

#[path = "races/round_trips.rs"]
mod round_trips;

#[path = "races/crowd.rs"]
mod crowd;
