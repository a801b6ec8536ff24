#![cfg_attr(feature = "std", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "std"),
    doc = "Multi-factor authentication to embed in your own program."
)]
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

pub mod time;

pub mod secret;

pub mod code;

pub mod key;

pub mod hotp;

pub mod totp;

#[cfg(feature = "std")]
pub mod os;

#[cfg(feature = "alloc")]
pub mod uri;

#[cfg(feature = "alloc")]
pub mod summary;

#[cfg(feature = "alloc")]
pub mod proof;

#[cfg(feature = "alloc")]
pub mod throttle;

#[cfg(feature = "alloc")]
pub mod policy;

#[cfg(feature = "alloc")]
pub mod event;

#[cfg(feature = "alloc")]
pub mod recovery;

#[cfg(feature = "alloc")]
pub mod challenge;

#[cfg(feature = "alloc")]
pub mod device;

#[cfg(feature = "alloc")]
pub mod account;

#[cfg(feature = "alloc")]
pub mod record;

#[cfg(feature = "alloc")]
pub mod store;

#[cfg(feature = "alloc")]
pub mod operation;

#[cfg(feature = "alloc")]
pub mod mfa;

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

pub mod vectors;

pub use code::{Code, Digits};
pub use hotp::{Hotp, LookAhead};
pub use key::{Algorithm, Key};
pub use secret::Secret;
pub use time::UnixTime;
pub use totp::{Totp, Window};

#[cfg(feature = "alloc")]
pub use self::{
    event::Event,
    mfa::Mfa,
    policy::{Policy, Recommended},
    proof::{Change, Proof, Purpose, Verdict},
    record::{Keyring, Record},
    store::{AsyncStore, Store, Swap, Write},
    summary::{AccountId, DeviceId, Method, Summary},
    uri::ProvisioningUri,
};
#[cfg(feature = "std")]
pub use self::{os::OsRandom, store::MemoryStore};
