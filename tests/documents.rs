//! What the documents say is there, and is what the code does.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

#[path = "common/keys.rs"]
mod keys;

#[path = "documents/claims.rs"]
mod claims;

#[path = "documents/names.rs"]
mod names;
