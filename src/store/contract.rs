//! The storage contract: two methods that a host writes, and what they promise.
//!
//! Standard: NIST SP 800-63B-4 sections 3.1.4.2 (accepted once) and 3.2.2 (failures counted), ASVS
//! 15.4 (time of check, time of use).
//!
//! One record per person holds everything that decides. A store keeps it as opaque bytes under a
//! version and replaces it only if the version is still the one that was read. That is all: exactly
//! one of many parallel attempts wins, on any engine with a conditional write, and the library makes
//! the others decide again. There is no delete (a deleted record is a fresh failure budget), no
//! list, no increment, and no cache (a cached record accepts a code twice).

use alloc::boxed::Box;
use core::future::Future;

use crate::account::{AccountId, Event, Record, Summary};

/// One write, complete: a database commits all of it together.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let id = countersign::AccountId::new("42")?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{Record, Store, Summary, Swap, Write};
/// // A test of a store: the first write of a record succeeds once.
/// let (record, summary) = (Record::new(1, vec![1, 2, 3]), Summary::default());
/// let write = Write::new(None, &record, &summary, &[]);
/// assert_eq!(Store::swap(&store, &id, &write)?, Swap::Stored);
/// assert_eq!(Store::swap(&store, &id, &write)?, Swap::Stale);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    pub(crate) expected: Option<u64>,
    pub(crate) record: &'a Record,
    pub(crate) summary: &'a Summary,
    pub(crate) events: &'a [Event],
}

impl<'a> Write<'a> {
    /// Puts a write together from its parts, for the tests of a store. A host never calls this: the
    /// library makes every write that a store meets in production.
    #[must_use]
    pub const fn new(
        expected: Option<u64>,
        record: &'a Record,
        summary: &'a Summary,
        events: &'a [Event],
    ) -> Write<'a> {
        Write { expected, record, summary, events }
    }

    /// The version that must be stored now; `None`: no record at all, not even an offboarded one.
    pub const fn expected(&self) -> Option<u64> {
        self.expected
    }

    /// What to store.
    pub const fn record(&self) -> &'a Record {
        self.record
    }

    /// The same without secrets, for the host's own columns.
    pub const fn summary(&self) -> &'a Summary {
        self.summary
    }

    /// What happened, for the audit trail. Written with the record, the trail has no holes.
    pub const fn events(&self) -> &'a [Event] {
        self.events
    }
}

/// What became of a write.
/// ```
/// use countersign::Swap;
/// // What a store makes of the number of rows that its UPDATE changed.
/// fn swapped(rows_changed: u64) -> Swap {
///     if rows_changed == 1 { Swap::Stored } else { Swap::Stale }
/// }
/// assert_eq!(swapped(0), Swap::Stale);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Swap {
    /// It is durable and every later load, from anywhere, returns it.
    Stored,
    /// Another version was stored; nothing changed. A store that counts these counts lost races.
    Stale,
}

/// Where records are kept.
///
/// In SQL, on a connection of the store's own that commits each statement:
///
/// ```sql
/// INSERT INTO mfa (id, version, record) VALUES (:id, :version, :record) ON CONFLICT DO NOTHING;
/// UPDATE mfa SET version = :version, record = :record WHERE id = :id AND version = :expected;
/// ```
///
/// One row changed is [`Swap::Stored`], none is [`Swap::Stale`]. The id goes in a binary column: a
/// collation that folds case or trims spaces makes two people one. Do not write inside a transaction
/// that the host may roll back: a counted failure would be rolled back with it.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let id = countersign::AccountId::new("42")?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{AccountId, Record, Store, Swap, Write};
/// use std::{collections::HashMap, convert::Infallible, sync::Mutex};
/// #[derive(Default)]
/// struct Rows(Mutex<HashMap<AccountId, Record>>); // yours is a table
/// impl Store for Rows {
///     type Error = Infallible;
///     fn load(&self, id: &AccountId) -> Result<Option<Record>, Infallible> {
///         Ok(self.0.lock().unwrap().get(id).cloned())
///     }
///     fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Infallible> {
///         let mut rows = self.0.lock().unwrap();
///         if rows.get(id).map(Record::version) != write.expected() {
///             return Ok(Swap::Stale);
///         }
///         rows.insert(*id, write.record().clone());
///         Ok(Swap::Stored)
///     }
/// }
/// assert!(dana.enrol("Dana's phone", &mut rng).run(&Rows::default()).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Store {
    /// What can go wrong in the store. A fault is never an acceptance.
    type Error;

    /// The newest committed record: never from a cache, a replica, or a snapshot taken earlier.
    ///
    /// # Errors
    /// The store's own. The attempt is not decided.
    fn load(&self, id: &AccountId) -> Result<Option<Record>, Self::Error>;

    /// Writes if and only if the stored version is `write.expected()`.
    ///
    /// [`Swap::Stored`] only once it is durable and visible to every later load; [`Swap::Stale`] if
    /// another write was first and nothing changed.
    ///
    /// # Errors
    /// The store's own. Whether the write happened may be unknown; the attempt is not accepted.
    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Self::Error>;

    /// Audit events of attempts that changed nothing: throttled ones, or
    /// [`Contended`](crate::account::EventKind::Contended), whose fault here is ignored. An attacker can
    /// make them without end: keep at most one a minute for each person and kind
    /// ([`Event::minute`], [`EventKind::name`](crate::account::EventKind::name)). Does nothing unless
    /// overridden.
    ///
    /// # Errors
    /// The store's own. The attempt is not answered.
    #[allow(unused_variables)] // named for the reader who overrides it
    fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Waits a random while after the `lost`-th lost race of a revocation, so that the next round meets
    /// fewer others. With the feature `std` the thread sleeps, at most 64 ms.
    #[allow(unused_variables)]
    fn pause(&self, lost: usize) {
        #[cfg(feature = "std")]
        crate::os::sleep_a_random_while(lost);
    }
}

/// [`Store`] for stores that are awaited. The same promises, method by method.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{mfa::AccountAt, AsyncStore, SignIn};
/// // A handler of the host, over any store that is awaited.
/// async fn sign_in<S: AsyncStore>(dana: AccountAt<'_>, typed: &str, store: &S) -> bool {
///     dana.verify(typed, SignIn).run_async(store).await.accepted().is_some()
/// }
/// # use std::task::{Context, Poll, Waker};
/// let typed = phone.code(now);
/// let mut signed_in = std::pin::pin!(sign_in(dana, &typed, &store));
/// # let signed_in = signed_in.as_mut().poll(&mut Context::from_waker(Waker::noop()));
/// # assert_eq!(signed_in, Poll::Ready(true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait AsyncStore {
    /// As [`Store::Error`].
    type Error: Send;

    /// As [`Store::load`].
    ///
    /// # Errors
    /// As [`Store::load`].
    fn load(
        &self,
        id: &AccountId,
    ) -> impl Future<Output = Result<Option<Record>, Self::Error>> + Send;

    /// As [`Store::swap`]. A future that is dropped half-way must have written all or nothing.
    ///
    /// # Errors
    /// As [`Store::swap`].
    fn swap(
        &self,
        id: &AccountId,
        write: &Write<'_>,
    ) -> impl Future<Output = Result<Swap, Self::Error>> + Send;

    /// As [`Store::note`].
    ///
    /// # Errors
    /// As [`Store::note`].
    #[allow(unused_variables)] // named for the reader who overrides it
    fn note(
        &self,
        id: &AccountId,
        events: &[Event],
    ) -> impl Future<Output = Result<(), Self::Error>> + Send {
        core::future::ready(Ok(()))
    }

    /// Waits a random while after the `lost`-th lost race of a revocation, as [`Store::pause`]. Override
    /// it with the runtime's timer: without one it lets other tasks run, and goes on.
    #[allow(unused_variables)]
    fn pause(&self, lost: usize) -> impl Future<Output = ()> + Send {
        let mut waited = false;
        core::future::poll_fn(move |task| {
            if core::mem::replace(&mut waited, true) {
                return core::task::Poll::Ready(());
            }
            task.waker().wake_by_ref();
            core::task::Poll::Pending
        })
    }
}

macro_rules! stores_through_a_pointer {
    ($($pointer:ty),*) => {$(
        impl<S: Store + ?Sized> Store for $pointer {
            type Error = S::Error;

            fn load(&self, id: &AccountId) -> Result<Option<Record>, Self::Error> {
                (**self).load(id)
            }

            fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Self::Error> {
                (**self).swap(id, write)
            }

            fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), Self::Error> {
                (**self).note(id, events)
            }

            fn pause(&self, lost: usize) {
                (**self).pause(lost);
            }
        }

        impl<S: AsyncStore> AsyncStore for $pointer {
            type Error = S::Error;

            fn load(
                &self,
                id: &AccountId,
            ) -> impl Future<Output = Result<Option<Record>, Self::Error>> + Send {
                (**self).load(id)
            }

            fn swap(
                &self,
                id: &AccountId,
                write: &Write<'_>,
            ) -> impl Future<Output = Result<Swap, Self::Error>> + Send {
                (**self).swap(id, write)
            }

            fn note(
                &self,
                id: &AccountId,
                events: &[Event],
            ) -> impl Future<Output = Result<(), Self::Error>> + Send {
                (**self).note(id, events)
            }

            fn pause(&self, lost: usize) -> impl Future<Output = ()> + Send {
                (**self).pause(lost)
            }
        }
    )*};
}

stores_through_a_pointer!(&S, Box<S>);
// A target without compare-and-swap has no `Arc`.
#[cfg(target_has_atomic = "ptr")]
stores_through_a_pointer!(alloc::sync::Arc<S>);
