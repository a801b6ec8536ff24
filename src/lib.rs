#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
// What the library must not do, its tests may.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

#[cfg(any(test, feature = "alloc"))]
extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod time;

pub mod secret;

pub mod code;

pub mod key;

pub mod hotp;

pub mod totp;

#[cfg(feature = "alloc")]
pub mod uri;

#[cfg(feature = "alloc")]
pub mod summary;

#[cfg(feature = "vectors")]
pub mod vectors;

pub use code::{Code, Digits};
pub use hotp::{Hotp, LookAhead};
pub use key::{Algorithm, Key};
#[cfg(feature = "std")]
pub use secret::OsRandom;
pub use secret::Secret;
#[cfg(feature = "alloc")]
pub use summary::{DeviceId, Method, Summary};
pub use time::UnixTime;
pub use totp::{Totp, Window};
#[cfg(feature = "alloc")]
pub use uri::ProvisioningUri;
