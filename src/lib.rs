#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

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
pub mod summary;

// The billing operation. `date` and `inventory` come first because a gap names systems and people;
// `gap` before `rollout` because the gate reads the gaps.
#[cfg(feature = "rollout")]
pub mod date;
#[cfg(feature = "rollout")]
pub mod inventory;
#[cfg(feature = "rollout")]
pub mod gap;
#[cfg(feature = "rollout")]
pub mod rollout;
#[cfg(feature = "rollout")]
pub mod offboarding;
#[cfg(feature = "rollout")]
pub mod coverage;
#[cfg(feature = "rollout")]
pub mod readiness;
#[cfg(feature = "rollout")]
pub mod report;

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
