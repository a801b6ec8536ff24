//! What only the compiled program shows: `bash .ci/evidence` runs these.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

#[allow(dead_code)] // each test takes a part of it
#[path = "evidence/programs.rs"]
mod programs;

#[path = "machine/constant_time.rs"]
mod constant_time;

#[path = "machine/bare.rs"]
mod bare;
