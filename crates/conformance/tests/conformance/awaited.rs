//! Stores that are awaited.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use countersign::{AccountId, AsyncStore, MemoryStore, Record, Store, Swap, Write};

use crate::stores::*;

/// A right store that takes its time.
pub struct Yielding(pub MemoryStore);

impl AsyncStore for Yielding {
    type Error = Infallible;

    async fn load(&self, id: &AccountId) -> Result<Option<Record>, Infallible> {
        pause().await;
        Store::load(&self.0, id)
    }

    async fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Infallible> {
        pause().await;
        let swap = Store::swap(&self.0, id, write);
        pause().await;
        swap
    }
}

/// Right between handles, wrong between the futures on one: they share one connection, and with it
/// one transaction, so that the one that is Stale rolls the other one's write back.
pub struct SharesOneTransaction {
    table: Arc<Table>,
    undo: Mutex<Vec<Record>>,
}

impl WrongAsync for SharesOneTransaction {
    type World = Table;
    fn open(world: &Arc<Table>) -> SharesOneTransaction {
        SharesOneTransaction { table: Arc::clone(world), undo: Mutex::default() }
    }
}

impl AsyncStore for SharesOneTransaction {
    type Error = String;

    async fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        load_right(&self.table, id)
    }

    async fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        pause().await;
        let before = load_right(&self.table, id)?;
        if swap_right(&self.table, id, write) == Swap::Stale {
            for record in self.undo.lock().unwrap().drain(..).rev() {
                self.table.put(id.as_bytes(), record);
            }
            return Ok(Swap::Stale);
        }
        self.undo.lock().unwrap().extend(before);
        pause().await;
        self.undo.lock().unwrap().clear();
        Ok(Swap::Stored)
    }
}

/// Writes the version, awaits, writes the bytes.
pub struct DroppedHalfWay(Arc<Table>);

impl WrongAsync for DroppedHalfWay {
    type World = Table;
    fn open(world: &Arc<Table>) -> DroppedHalfWay {
        DroppedHalfWay(Arc::clone(world))
    }
}

impl AsyncStore for DroppedHalfWay {
    type Error = String;

    async fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        load_right(&self.0, id)
    }

    async fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        let version = write.record().version();
        let before = self.0.load(id.as_bytes()).map_or(Vec::new(), |r| r.as_bytes().to_vec());
        let first = Record::new(version, before);
        if self.0.swap(id.as_bytes(), write.expected(), first) == Swap::Stale {
            return Ok(Swap::Stale);
        }
        pause().await;
        Ok(self.0.swap(id.as_bytes(), Some(version), write.record().clone()))
    }
}

/// A handle with a transaction of its own, which a dropped future leaves open: what the handle
/// writes from then on, nobody else sees.
pub struct DroppedInTransaction {
    table: Arc<Table>,
    open: Mutex<Option<HashMap<Vec<u8>, Record>>>,
}

impl WrongAsync for DroppedInTransaction {
    type World = Table;
    fn open(world: &Arc<Table>) -> DroppedInTransaction {
        DroppedInTransaction { table: Arc::clone(world), open: Mutex::default() }
    }
}

impl AsyncStore for DroppedInTransaction {
    type Error = String;

    async fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        let own =
            self.open.lock().unwrap().as_ref().and_then(|rows| rows.get(id.as_bytes()).cloned());
        Ok(own.or_else(|| self.table.load(id.as_bytes())))
    }

    async fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        let left_open = {
            let mut open = self.open.lock().unwrap();
            let rows = open.take();
            let left_open = rows.is_some();
            *open = Some(rows.unwrap_or_default());
            left_open
        };
        pause().await;
        let mut open = self.open.lock().unwrap();
        if left_open {
            let own = open.as_mut().unwrap();
            let stored = own.get(id.as_bytes()).cloned().or_else(|| self.table.load(id.as_bytes()));
            if stored.as_ref().map(Record::version) != write.expected() {
                return Ok(Swap::Stale);
            }
            own.insert(id.as_bytes().to_vec(), write.record().clone());
            return Ok(Swap::Stored);
        }
        *open = None;
        Ok(swap_right(&self.table, id, write))
    }
}

/// A connection that answers in order: a question whose asker is gone is answered all the same, and
/// the next one hears it.
pub struct AnswersTheLastQuestion {
    table: Arc<Table>,
    answers: Mutex<VecDeque<Option<Record>>>,
}

impl WrongAsync for AnswersTheLastQuestion {
    type World = Table;
    fn open(world: &Arc<Table>) -> AnswersTheLastQuestion {
        AnswersTheLastQuestion { table: Arc::clone(world), answers: Mutex::default() }
    }
}

impl AsyncStore for AnswersTheLastQuestion {
    type Error = String;

    async fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        self.answers.lock().unwrap().push_back(self.table.load(id.as_bytes()));
        pause().await;
        Ok(self.answers.lock().unwrap().pop_front().flatten())
    }

    async fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        Ok(swap_right(&self.table, id, write))
    }
}

/// A pool of ten connections; a future that is dropped never gives its own back.
pub struct PoolLeaks {
    table: Arc<Table>,
    free: Mutex<u32>,
}

impl PoolLeaks {
    fn take(&self) -> bool {
        let mut free = self.free.lock().unwrap();
        let one = *free > 0;
        *free -= u32::from(one);
        one
    }

    async fn connection(&self) -> Result<(), String> {
        for _ in 0..1_000_000 {
            if self.take() {
                return Ok(());
            }
            pause().await;
        }
        Err("no connection within five seconds".into())
    }
}

impl WrongAsync for PoolLeaks {
    type World = Table;
    fn open(world: &Arc<Table>) -> PoolLeaks {
        PoolLeaks { table: Arc::clone(world), free: Mutex::new(10) }
    }
}

impl AsyncStore for PoolLeaks {
    type Error = String;

    async fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        self.connection().await?;
        pause().await;
        *self.free.lock().unwrap() += 1;
        load_right(&self.table, id)
    }

    async fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        self.connection().await?;
        pause().await;
        *self.free.lock().unwrap() += 1;
        Ok(swap_right(&self.table, id, write))
    }
}

/// Turns a broken connection into "no record".
pub struct NoneWithoutAConnection {
    table: Arc<Table>,
    pub is_down: AtomicBool,
}

impl WrongAsync for NoneWithoutAConnection {
    type World = Table;
    fn open(world: &Arc<Table>) -> NoneWithoutAConnection {
        NoneWithoutAConnection { table: Arc::clone(world), is_down: AtomicBool::new(false) }
    }
}

impl AsyncStore for NoneWithoutAConnection {
    type Error = String;

    async fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        if self.is_down.load(Ordering::SeqCst) {
            return Ok(None);
        }
        load_right(&self.table, id)
    }

    async fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err("broken pipe".into());
        }
        Ok(swap_right(&self.table, id, write))
    }
}

/// Says once that there is no connection, and makes up the answers from then on.
#[derive(Default)]
pub struct FailsOnce {
    loads: AtomicU32,
    swaps: AtomicU32,
}

impl Store for FailsOnce {
    type Error = String;

    fn load(&self, _: &AccountId) -> Result<Option<Record>, String> {
        match self.loads.fetch_add(1, Ordering::SeqCst) {
            0 => Err("broken pipe".into()),
            _ => Ok(None),
        }
    }

    fn swap(&self, _: &AccountId, _: &Write<'_>) -> Result<Swap, String> {
        match self.swaps.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Err("broken pipe".into()),
            _ => Ok(Swap::Stale),
        }
    }
}

/// Right, and out of reach.
pub struct AllFail;

impl AsyncStore for AllFail {
    type Error = String;

    async fn load(&self, _: &AccountId) -> Result<Option<Record>, String> {
        Err("broken pipe".into())
    }

    async fn swap(&self, _: &AccountId, _: &Write<'_>) -> Result<Swap, String> {
        Err("broken pipe".into())
    }
}
