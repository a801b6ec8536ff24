//! The core: the vectors of the RFCs, the edges, and two other implementations beside it.
#![allow(missing_docs)]

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
