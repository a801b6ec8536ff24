//! The core: the vectors of the RFCs, the edges, and two other implementations beside it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

#[allow(dead_code)] // each test takes a part of it
#[path = "data/rows.rs"]
mod rows;

#[path = "otp/vectors.rs"]
mod vectors;

#[path = "otp/windows.rs"]
mod windows;

#[path = "otp/models.rs"]
mod models;

#[path = "otp/differential.rs"]
mod differential;

#[cfg(feature = "alloc")]
#[path = "otp/uri.rs"]
mod uri;

#[cfg(feature = "alloc")]
#[path = "otp/import.rs"]
mod import;
