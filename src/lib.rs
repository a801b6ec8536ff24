#![doc = include_str!("../README.md")]
// docs.rs says at each item which feature it takes.
#![cfg_attr(docsrs, feature(doc_cfg))]
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

mod bounded;

mod named;

#[cfg(feature = "alloc")]
mod text;

pub mod time;

mod ct;

mod wipe;

#[cfg(feature = "std")]
pub mod os;

pub mod otp;

#[cfg(feature = "alloc")]
pub mod account;

#[cfg(feature = "alloc")]
pub mod store;

#[cfg(feature = "alloc")]
pub mod mfa;

pub use bounded::Bounded;
pub use otp::vectors;
pub use otp::{Algorithm, Code, Digits, Hotp, Key, LookAhead, Secret, Totp, Window};
pub use time::UnixTime;

#[cfg(feature = "alloc")]
pub use self::{
    account::{
        AccountId, ActForOther, Action, ChangeFactors, ChangePrivileges, DeviceId, Event, Keyring,
        Method, Policy, Proof, Purpose, Recommended, Record, SignIn, Summary,
    },
    mfa::{Mfa, Verdict},
    otp::ProvisioningUri,
    store::{AsyncStore, Store, Swap, Write},
};
#[cfg(feature = "std")]
pub use self::{os::OsRandom, store::memory::MemoryStore};
