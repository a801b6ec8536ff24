//! What only the compiled program shows: `bash .ci/evidence` runs these.
#![allow(missing_docs)]

#[path = "machine/constant_time.rs"]
mod constant_time;

#[path = "machine/bare.rs"]
mod bare;
