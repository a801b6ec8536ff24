//! Parallel attempts, awaited ones, two nodes, and the round trips that each takes.
#![allow(missing_docs)]

#[path = "races/interleavings.rs"]
mod interleavings;

#[path = "races/awaiting.rs"]
mod awaiting;

#[path = "races/two_nodes.rs"]
mod two_nodes;

#[path = "races/round_trips.rs"]
mod round_trips;
