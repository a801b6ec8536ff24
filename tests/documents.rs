//! What the documents say is there, and is what the code does.
#![allow(missing_docs)]

#[path = "documents/claims.rs"]
mod claims;

#[path = "documents/names.rs"]
mod names;
