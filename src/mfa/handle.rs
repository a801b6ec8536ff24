//! The way in: keys that seal records, a policy that supplies numbers, and the handle of one account
//! at one moment.
//!
//! Standard: each operation names its own.
//!
//! Does nothing: each method of [`AccountAt`] makes an operation, and an operation does nothing until
//! it is run over a store.

use alloc::boxed::Box;
use core::fmt;

use crate::account::{
    Account, AccountId, AnyPurpose, Policy, PolicyError, Proof, Proven, Purpose, Recommended,
    Refusal, Seal, policy,
};
use crate::mfa::answer::{Changed, Verdict};
use crate::mfa::decision::{Context, Decision, Floor};
use crate::mfa::operation::{Attempt, Change, Operation, Round};
use crate::time::UnixTime;

/// The library, configured: the keys that seal records, and the policy that supplies numbers.
///
/// ```
/// use countersign::{account::SealingKey, AccountId, Keyring, MemoryStore, Mfa, OsRandom, Recommended, UnixTime};
/// # let key = "b19c7a3f5e02d84466ab0f9e31c7d5288e4f6d7023b9a1cc05f87e9b1d3a6240";
/// let keys = Keyring::new("acme-production", SealingKey::parse(key)?)?; // 64 digits, from a file
/// let mfa = Mfa::new(keys, Recommended);
/// let (store, mut rng) = (MemoryStore::new(), OsRandom::new()?);
/// let id = AccountId::new(42_u64.to_be_bytes())?;
/// let dana = mfa.account(&id).at(UnixTime::now()?);
/// let pending = dana.enrol("Dana's phone", &mut rng).run(&store)?;
/// assert!(pending.uri("Acme Billing", "dana").is_ok()); // show it as a QR code
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Mfa<K, P> {
    keys: K,
    policy: P,
}

impl<K: Seal> Mfa<K, Recommended> {
    /// Takes the keys, a [`Keyring`](crate::Keyring) for example, and the recommended policy.
    pub const fn new(keys: K, policy: Recommended) -> Mfa<K, Recommended> {
        Mfa { keys, policy }
    }
}

impl<K: Seal, P: Policy> Mfa<K, P> {
    /// Takes the keys and another policy.
    ///
    /// # Errors
    /// [`PolicyError`]: with these windows one failure would weigh more than thirty days may hold.
    pub fn with_policy(keys: K, policy: P) -> Result<Mfa<K, P>, PolicyError> {
        policy::accept(&policy)?;
        Ok(Mfa { keys, policy })
    }

    /// Returns the handle of the account `id`, whether or not it has a record yet.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> AccountHandle<'_> {
        AccountHandle { keys: &self.keys, policy: &self.policy, id: *id }
    }
}

/// One person's account. [`AccountHandle::at`] adds the moment.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{mfa::AccountHandle, SignIn};
/// // Kept for a whole request; the moment is said with each operation.
/// let account: AccountHandle<'_> = mfa.account(&id);
/// assert!(account.at(now).summary().run(&store)?.is_some());
/// assert!(account.at(now).verify(&phone.code(now), SignIn).run(&store).accepted().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct AccountHandle<'m> {
    pub(crate) keys: &'m dyn Seal,
    pub(crate) policy: &'m dyn Policy,
    pub(crate) id: AccountId,
}

impl<'m> AccountHandle<'m> {
    /// Returns the account at the moment `now`, by the server's own clock.
    #[must_use]
    pub const fn at(self, now: UnixTime) -> AccountAt<'m> {
        AccountAt { account: self, now, floor: Floor { version: 0, epoch: 0 } }
    }
}

impl fmt::Debug for AccountHandle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountHandle").field("id", &self.id).finish()
    }
}

/// One person's account at one moment: every operation is a method of it.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::SignIn;
/// // One person, at one moment: an operation does nothing until it is run over a store.
/// let attempt = dana.verify(&phone.code(now), SignIn);
/// assert_eq!(attempt.operation().account(), &id);
/// assert!(attempt.run(&store).accepted().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AccountAt<'m> {
    pub(crate) account: AccountHandle<'m>,
    pub(crate) now: UnixTime,
    pub(crate) floor: Floor,
}

impl<'m> AccountAt<'m> {
    /// Believes no record older than `floor`, and none that is gone: an operation is then undecided
    /// ([`RecordError::RolledBack`](crate::account::RecordError)) and writes nothing. Without a floor
    /// a row that was deleted or put back is believed.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::{mfa::Floor, SignIn};
    /// // A second table, in another database, keeps the highest version.
    /// let dana = dana.not_older_than(Floor { version: 2, epoch: 0 });
    /// assert!(dana.verify(&phone.code(now), SignIn).run(&store).accepted().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn not_older_than(mut self, floor: Floor) -> AccountAt<'m> {
        self.floor = floor;
        self
    }

    pub(crate) fn operation<T>(
        &self,
        transition: impl Fn(Box<Account>, &Context<'_>) -> Round<T> + Send + Sync + 'm,
    ) -> Operation<'m, T> {
        let AccountHandle { keys, policy, id } = self.account;
        Operation::new(keys, policy, id, self.now, self.floor, transition)
    }

    pub(crate) fn attempt<P: Purpose>(
        &self,
        purpose: P,
        transition: impl Fn(Box<Account>, &Context<'_>, &AnyPurpose) -> Round<Verdict<Proven>>
        + Send
        + Sync
        + 'm,
    ) -> Attempt<'m, Proof<P>> {
        let any = purpose.to_any();
        Attempt::new(self.operation(move |account, cx| {
            let decision = transition(account, cx, &any)?;
            let proof = |proven| Proof { proven: Box::new(proven), purpose: purpose.clone() };
            Ok(decision.map(|verdict| verdict.map(proof)))
        }))
    }

    pub(crate) fn change<T, A>(
        &self,
        transition: impl Fn(Box<Account>, &Context<'_>) -> Round<Result<T, Refusal>> + Send + Sync + 'm,
    ) -> Change<'m, T, A> {
        Change::new(self.operation(move |account, cx| {
            let before = account.epoch;
            let carried = match account.carried_proof(cx)? {
                Ok(carried) => carried,
                Err(refusal) => return Ok(Decision::refused(refusal)),
            };
            let mut decision = transition(account, cx)?;
            if let Some((next, carried)) = decision.next.as_mut().zip(carried) {
                next.use_up(cx, carried); // in the same write
            }
            let epoch = decision.next.as_ref().map_or(before, |next| next.epoch);
            Ok(decision.map(|answer| answer.map(|value| Changed { value, epoch })))
        }))
    }
}
