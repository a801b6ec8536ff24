//! Handles that remember: snapshots, caches, writes that are not there yet.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use countersign::{AccountId, Record, Store, Swap, Write};

use crate::stores::*;

/// A transaction that was begun when the handle was opened, at REPEATABLE READ.
pub struct SnapshotAtOpen {
    table: Arc<Table>,
    snapshot: HashMap<Vec<u8>, Record>,
    own: Mutex<HashSet<Vec<u8>>>,
}

impl Wrong for SnapshotAtOpen {
    type World = Table;
    fn open(world: &Arc<Table>) -> SnapshotAtOpen {
        let snapshot = world.0.lock().unwrap().clone();
        SnapshotAtOpen { table: Arc::clone(world), snapshot, own: Mutex::default() }
    }
}

impl Store for SnapshotAtOpen {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        if self.own.lock().unwrap().contains(id.as_bytes()) {
            return load_right(&self.table, id);
        }
        Ok(self.snapshot.get(id.as_bytes()).cloned())
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        self.own.lock().unwrap().insert(id.as_bytes().to_vec());
        Ok(swap_right(&self.table, id, write))
    }
}

/// The same, begun by the first load.
pub struct SnapshotAtFirstLoad {
    table: Arc<Table>,
    snapshot: Mutex<Option<HashMap<Vec<u8>, Record>>>,
}

impl Wrong for SnapshotAtFirstLoad {
    type World = Table;
    fn open(world: &Arc<Table>) -> SnapshotAtFirstLoad {
        SnapshotAtFirstLoad { table: Arc::clone(world), snapshot: Mutex::default() }
    }
}

impl Store for SnapshotAtFirstLoad {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        let mut snapshot = self.snapshot.lock().unwrap();
        let snapshot = snapshot.get_or_insert_with(|| self.table.0.lock().unwrap().clone());
        Ok(snapshot.get(id.as_bytes()).cloned())
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        *self.snapshot.lock().unwrap() = None;
        Ok(swap_right(&self.table, id, write))
    }
}

/// Remembers what it loaded until it writes that account itself.
pub struct CachingHandle {
    table: Arc<Table>,
    cache: Mutex<HashMap<Vec<u8>, Option<Record>>>,
}

impl Wrong for CachingHandle {
    type World = Table;
    fn open(world: &Arc<Table>) -> CachingHandle {
        CachingHandle { table: Arc::clone(world), cache: Mutex::default() }
    }
}

impl Store for CachingHandle {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        let mut cache = self.cache.lock().unwrap();
        let key = id.as_bytes().to_vec();
        Ok(cache.entry(key).or_insert_with(|| self.table.load(id.as_bytes())).clone())
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        self.cache.lock().unwrap().remove(id.as_bytes());
        Ok(swap_right(&self.table, id, write))
    }
}

/// Answers from memory, and writes a little later.
pub struct WriteBehind {
    table: Arc<Table>,
    behind: Mutex<HashMap<Vec<u8>, Record>>,
}

impl Wrong for WriteBehind {
    type World = Table;
    fn open(world: &Arc<Table>) -> WriteBehind {
        WriteBehind { table: Arc::clone(world), behind: Mutex::default() }
    }
}

impl Store for WriteBehind {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        let behind = self.behind.lock().unwrap();
        Ok(behind.get(id.as_bytes()).cloned().or_else(|| self.table.load(id.as_bytes())))
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        if self.load(id)?.as_ref().map(Record::version) != write.expected() {
            return Ok(Swap::Stale);
        }
        let (key, record) = (id.as_bytes().to_vec(), write.record().clone());
        self.behind.lock().unwrap().insert(key.clone(), record.clone());
        let table = Arc::clone(&self.table);
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            table.put(&key, record);
        });
        Ok(Swap::Stored)
    }
}

/// Every handle sees the write at once; but it is a transaction that nobody committed, and closing
/// the handle rolls it back.
pub struct TrueBeforeDurable {
    table: Arc<Table>,
    before: Mutex<HashMap<Vec<u8>, Option<Record>>>,
}

impl Wrong for TrueBeforeDurable {
    type World = Table;
    fn open(world: &Arc<Table>) -> TrueBeforeDurable {
        TrueBeforeDurable { table: Arc::clone(world), before: Mutex::default() }
    }
}

impl Store for TrueBeforeDurable {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        load_right(&self.table, id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        let before = load_right(&self.table, id)?;
        let swap = swap_right(&self.table, id, write);
        if swap == Swap::Stored {
            // The next statement on this handle commits the one before.
            *self.before.lock().unwrap() = HashMap::from([(id.as_bytes().to_vec(), before)]);
        }
        Ok(swap)
    }
}

impl Drop for TrueBeforeDurable {
    fn drop(&mut self) {
        let mut rows = self.table.0.lock().unwrap();
        for (key, before) in self.before.lock().unwrap().drain() {
            match before {
                Some(record) => drop(rows.insert(key, record)),
                None => drop(rows.remove(&key)),
            }
        }
    }
}

/// A cache of the thread, whatever the handle. A write that is Stale drops what was remembered.
pub struct ThreadCache(Arc<Table>);

thread_local! {
    static CACHE: RefCell<HashMap<(usize, Vec<u8>), Record>> = RefCell::default();
}

impl ThreadCache {
    fn key(&self, id: &AccountId) -> (usize, Vec<u8>) {
        (Arc::as_ptr(&self.0).addr(), id.as_bytes().to_vec())
    }
}

impl Wrong for ThreadCache {
    type World = Table;
    fn open(world: &Arc<Table>) -> ThreadCache {
        ThreadCache(Arc::clone(world))
    }
}

impl Store for ThreadCache {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        let cached = CACHE.with_borrow(|cache| cache.get(&self.key(id)).cloned());
        let found = cached.or_else(|| self.0.load(id.as_bytes()));
        if let Some(found) = &found {
            CACHE.with_borrow_mut(|cache| cache.insert(self.key(id), found.clone()));
        }
        Ok(found)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        let swap = swap_right(&self.0, id, write);
        CACHE.with_borrow_mut(|cache| match swap {
            Swap::Stored => drop(cache.insert(self.key(id), write.record().clone())),
            Swap::Stale => drop(cache.remove(&self.key(id))),
        });
        Ok(swap)
    }
}
