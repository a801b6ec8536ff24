//! The audit trail of countersign, as others read it.
//!
//! The program `audit` is run, which `cargo test` builds with the examples.
//!
//! The files in `tests/data` are rewritten by `BLESS=1 cargo test -p countersign-audit`; read what changed.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

#[path = "../../../tests/common/keys.rs"]
mod keys;

#[path = "audit/samples.rs"]
mod samples;

#[path = "audit/life.rs"]
mod life;

#[path = "audit/schema.rs"]
mod schema;

#[path = "audit/formats.rs"]
mod formats;

#[path = "audit/trail.rs"]
mod trail;

#[path = "audit/counters.rs"]
mod counters;

#[cfg(feature = "tracing")]
#[path = "audit/emitted.rs"]
mod emitted;
