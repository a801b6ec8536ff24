//! One-time passwords: secrets, codes, keys, HOTP and TOTP, and the URI that provisions them.
//!
//! Standard: RFC 4226 (HOTP), RFC 6238 (TOTP), RFC 4648 (base32).
//!
//! Computes and compares; remembers nothing. Without an allocator but for the URI.

pub(crate) mod algorithm;
pub(crate) mod engine;
pub(crate) mod secret;
pub(crate) mod tolerance;
pub(crate) mod base32;
pub(crate) mod code;
pub(crate) mod key;
pub(crate) mod hotp;
pub(crate) mod totp;
#[cfg(feature = "alloc")]
pub(crate) mod uri;
pub mod vectors;

#[cfg(feature = "alloc")]
pub use self::uri::*;
pub use self::{
    algorithm::*, base32::*, code::*, hotp::*, key::*, secret::*, tolerance::*, totp::*,
};
