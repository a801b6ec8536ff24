//! A store for tests and first steps.

use core::convert::Infallible;
use core::fmt;
use core::future::{Future, ready};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use crate::account::record::Record;
use crate::account::summary::AccountId;
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
    records: Mutex<HashMap<AccountId, Row>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    fn records(&self) -> MutexGuard<'_, HashMap<AccountId, Row>> {
        // A change of a record cannot panic half-way, so a thread that panicked left it whole.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A record, in its place in the map. Among a million people each place that a record is kept in costs
/// a wait for memory, and bytes that stand apart are one more: so they stand here, as many as nearly
/// every record has.
struct Row {
    version: u64,
    len: usize,
    bytes: [u8; Row::ROOM],
    more: Vec<u8>,
}

impl Row {
    /// For an app and a set of recovery codes.
    const ROOM: usize = 384;

    const EMPTY: Row = Row { version: 0, len: 0, bytes: [0; Row::ROOM], more: Vec::new() };

    fn keep(&mut self, record: &Record) {
        let bytes = record.as_bytes();
        let (here, more) = bytes.split_at(bytes.len().min(Self::ROOM));
        self.version = record.version();
        self.len = here.len();
        if let Some(place) = self.bytes.get_mut(..here.len()) {
            place.copy_from_slice(here);
        }
        self.more.clear();
        self.more.extend_from_slice(more);
    }

    fn record(&self) -> Record {
        let mut bytes = Vec::with_capacity(self.len.saturating_add(self.more.len()));
        bytes.extend_from_slice(self.bytes.get(..self.len).unwrap_or_default());
        bytes.extend_from_slice(&self.more);
        Record::new(self.version, bytes)
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.record().fmt(f)
    }
}

impl Store for MemoryStore {
    type Error = Infallible;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Infallible> {
        Ok(self.records().get(id).map(Row::record))
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Infallible> {
        let mut records = self.records();
        let stored = records.get_mut(id);
        if stored.as_ref().map(|row| row.version) != write.expected() {
            return Ok(Swap::Stale);
        }
        match stored {
            Some(row) => row.keep(write.record()),
            None => records.entry(*id).or_insert(Row::EMPTY).keep(write.record()),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Around the room that a row has, longer and shorter ones after each other.
    #[test]
    fn a_row_gives_back_the_record_that_it_keeps() {
        let mut row = Row::EMPTY;
        for (version, len) in (1..).zip([349, 384, 0, 385, 5000, 383, 1, 16_384, 20]) {
            let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            let record = Record::new(version, bytes);
            row.keep(&record);
            assert_eq!((row.version, row.record()), (version, record));
        }
        assert_eq!(std::format!("{row:?}"), "Record(version 9, [20 bytes])");
    }
}
