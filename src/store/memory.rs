//! A store for tests and first steps.

use core::convert::Infallible;
use core::future::{Future, ready};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::account::{AccountId, Record};
use crate::store::contract::{AsyncStore, Store, Swap, Write};

/// Records in this process's memory: for tests and first steps. Every used code, counted failure
/// and revoked device is forgotten when the process ends, so it is no store for people.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let id = countersign::AccountId::new("42")?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{MemoryStore, Store};
/// // A first step, before the host has a table.
/// let store = MemoryStore::new();
/// dana.enrol("Dana's phone", &mut rng).run(&store)?;
/// assert!(Store::load(&store, &id)?.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore {
    records: Mutex<HashMap<AccountId, Record>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    fn records(&self) -> MutexGuard<'_, HashMap<AccountId, Record>> {
        // A change of a record cannot panic half-way, so a thread that panicked left it whole.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    type Error = Infallible;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Infallible> {
        Ok(self.records().get(id).cloned())
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Infallible> {
        let mut records = self.records();
        if records.get(id).map(Record::version) != write.expected() {
            return Ok(Swap::Stale);
        }
        records.insert(*id, write.record().clone());
        Ok(Swap::Stored)
    }
}

impl AsyncStore for MemoryStore {
    type Error = Infallible;

    fn load(
        &self,
        id: &AccountId,
    ) -> impl Future<Output = Result<Option<Record>, Infallible>> + Send {
        ready(Store::load(self, id))
    }

    fn swap(
        &self,
        id: &AccountId,
        write: &Write<'_>,
    ) -> impl Future<Output = Result<Swap, Infallible>> + Send {
        ready(Store::swap(self, id, write))
    }
}
