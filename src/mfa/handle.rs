//! The way in: keys that seal records, and a policy that supplies numbers.
//!
//! Each method of [`Mfa`] makes an [`Operation`]; nothing happens until it is run over a store. `now` is the
//! server's own clock. Attempts with a code answer with a [`Verdict`], changes with a [`Change`];
//! an error always means that nothing was decided.

use alloc::boxed::Box;

use crate::account::policy::Policy;
use crate::account::record::Seal;
use crate::account::state::Account;
use crate::account::summary::AccountId;
use crate::mfa::decision::{Context, Decision};

use crate::mfa::operation::Operation;
use crate::text::TextError;
use crate::time::UnixTime;
use crate::wipe;

/// Bytes of stack below the call in which an operation is made. Enough for a release build:
/// `tests/wiping.rs` looks.
const TRACES: usize = 2048;

/// A typed code is moved into its operation, and a move leaves a copy: an attacker who reads the
/// stack later would find a code that may not be spent yet.
pub(crate) fn without_traces<T>(make: impl FnOnce() -> T) -> T {
    wipe::after::<TRACES, T>(make)
}

/// The way in: keys that seal records, and a policy that supplies numbers.
#[derive(Debug)]
pub struct Mfa<K, P> {
    keys: K,
    pub(crate) policy: P,
}

impl<K: Seal, P: Policy> Mfa<K, P> {
    /// Takes the keys, a [`Keyring`](crate::Keyring) say, and the policy, usually
    /// [`Recommended`](crate::Recommended).
    pub const fn new(keys: K, policy: P) -> Mfa<K, P> {
        Mfa { keys, policy }
    }

    pub(crate) fn operation<'m, T>(
        &'m self,
        id: &AccountId,
        now: UnixTime,
        transition: impl Fn(Box<Account>, &Context<'_>) -> Result<Decision<T>, TextError>
        + Send
        + Sync
        + 'm,
    ) -> Operation<'m, T> {
        Operation::new(&self.keys, &self.policy, id, now, transition)
    }
}
