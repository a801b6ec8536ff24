//! Right as long as each thread has a handle, wrong when threads share one: the connection is locked
//! for each statement, and what belongs to a write takes several.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use countersign::{AccountId, Record, Store, Swap, Write};

use crate::stores::*;

/// `UPDATE ..`, and then `changes()`, which counts what the last statement changed, whose ever it was.
pub struct ChangesAfterwards {
    table: Arc<Table>,
    changes: AtomicUsize,
}

impl Wrong for ChangesAfterwards {
    type World = Table;
    fn open(world: &Arc<Table>) -> ChangesAfterwards {
        ChangesAfterwards { table: Arc::clone(world), changes: AtomicUsize::new(0) }
    }
}

impl Store for ChangesAfterwards {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        load_right(&self.table, id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        let changed = swap_right(&self.table, id, write) == Swap::Stored;
        self.changes.store(usize::from(changed), Ordering::SeqCst);
        a_round_trip();
        let changes = self.changes.load(Ordering::SeqCst);
        Ok(if changes == 1 { Swap::Stored } else { Swap::Stale })
    }
}

/// A table, and which handle has its write lock, how many times.
#[derive(Default)]
pub struct Locked {
    table: Table,
    handles: AtomicUsize,
    owner: Mutex<(usize, usize)>,
    free: Condvar,
}

/// `BEGIN IMMEDIATE`, SELECT, an UPDATE without the condition, COMMIT: between handles the lock of the
/// database holds, and threads that share a handle share its transaction.
pub struct SharesItsTransaction {
    world: Arc<Locked>,
    handle: usize,
}

impl Wrong for SharesItsTransaction {
    type World = Locked;
    fn open(world: &Arc<Locked>) -> SharesItsTransaction {
        let handle = world.handles.fetch_add(1, Ordering::SeqCst) + 1;
        SharesItsTransaction { world: Arc::clone(world), handle }
    }
}

impl Store for SharesItsTransaction {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        load_right(&self.world.table, id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        let world = &self.world;
        let mut owner = world.owner.lock().unwrap();
        while owner.1 > 0 && owner.0 != self.handle {
            owner = world.free.wait(owner).unwrap();
        }
        *owner = (self.handle, owner.1 + 1);
        drop(owner);
        let same = world.table.version(id.as_bytes()) == write.expected();
        a_round_trip();
        if same {
            world.table.put(id.as_bytes(), write.record().clone());
        }
        world.owner.lock().unwrap().1 -= 1;
        world.free.notify_all();
        Ok(if same { Swap::Stored } else { Swap::Stale })
    }
}

type Parameters = (AccountId, Option<u64>, Record);

/// Binds the parameters of a prepared statement, and executes it: two steps, one statement.
pub struct BindsThenExecutes {
    table: Arc<Table>,
    bound: Mutex<Option<Parameters>>,
}

impl Wrong for BindsThenExecutes {
    type World = Table;
    fn open(world: &Arc<Table>) -> BindsThenExecutes {
        BindsThenExecutes { table: Arc::clone(world), bound: Mutex::default() }
    }
}

impl Store for BindsThenExecutes {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        load_right(&self.table, id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        *self.bound.lock().unwrap() = Some((*id, write.expected(), write.record().clone()));
        a_round_trip();
        let bound = self.bound.lock().unwrap().clone();
        let (id, expected, record) = bound.ok_or("nothing is bound")?;
        Ok(self.table.swap(id.as_bytes(), expected, record))
    }
}

/// Executes a SELECT, and fetches the row: two steps, one cursor.
pub struct OneCursor {
    table: Arc<Table>,
    row: Mutex<Option<Record>>,
}

impl Wrong for OneCursor {
    type World = Table;
    fn open(world: &Arc<Table>) -> OneCursor {
        OneCursor { table: Arc::clone(world), row: Mutex::default() }
    }
}

impl Store for OneCursor {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        *self.row.lock().unwrap() = self.table.load(id.as_bytes());
        a_round_trip();
        Ok(self.row.lock().unwrap().clone())
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        Ok(swap_right(&self.table, id, write))
    }
}
