//! Right on the day, and wrong later: rows that expire, are cleaned up, or make room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign::{AccountId, Record, Store, Swap, Write};

use crate::stores::*;

/// A table on a server with a clock that a test can move.
#[derive(Default)]
pub struct Server {
    table: Table,
    /// Seconds since the server was started.
    clock: AtomicU64,
    touched: Mutex<HashMap<Vec<u8>, u64>>,
    order: Mutex<Vec<Vec<u8>>>,
    loaded: Mutex<HashMap<Vec<u8>, Instant>>,
}

const HOUR: u64 = 60 * 60;

impl Server {
    /// Moves the clock.
    pub fn forward(&self, by: Duration) {
        self.clock.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    fn now(&self) -> u64 {
        self.clock.load(Ordering::SeqCst)
    }

    /// Removes the row if it was last written so long ago.
    fn expire(&self, id: &AccountId, after: u64) {
        let touched = self.touched.lock().unwrap().get(id.as_bytes()).copied();
        if touched.is_some_and(|touched| self.now() >= touched + after) {
            self.table.0.lock().unwrap().remove(id.as_bytes());
        }
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Swap {
        let swap = swap_right(&self.table, id, write);
        if swap == Swap::Stored {
            self.touched.lock().unwrap().insert(id.as_bytes().to_vec(), self.now());
        }
        swap
    }

    /// Removes what was created first, beyond so many rows.
    fn make_room(&self, id: &AccountId, write: &Write<'_>, rows: usize) -> Swap {
        let swap = swap_right(&self.table, id, write);
        if swap == Swap::Stored && write.expected().is_none() {
            let mut order = self.order.lock().unwrap();
            order.push(id.as_bytes().to_vec());
            if order.len() > rows {
                let first = order.remove(0);
                self.table.0.lock().unwrap().remove(&first);
            }
        }
        swap
    }
}

wrong! {
    /// `SET .. EX 3600`, as a cache is used.
    Expires over Server,
    |server, id| {
        server.expire(id, HOUR);
        load_right(&server.table, id)
    },
    |server, id, write| {
        server.expire(id, HOUR);
        Ok(server.swap(id, write))
    }
}

wrong! {
    /// The same with a year, which is as good as for ever, somebody thought.
    ExpiresInAYear over Server,
    |server, id| {
        server.expire(id, 365 * 24 * HOUR);
        load_right(&server.table, id)
    },
    |server, id, write| {
        server.expire(id, 365 * 24 * HOUR);
        Ok(server.swap(id, write))
    }
}

wrong! {
    /// A job that removes leavers after ninety days.
    RemovesLeaversLater over Server,
    |server, id| {
        let leavers = server.loaded.lock().unwrap().contains_key(id.as_bytes());
        if leavers {
            server.expire(id, 90 * 24 * HOUR);
        }
        load_right(&server.table, id)
    },
    |server, id, write| {
        if write.summary().offboarded_at.is_some() {
            server.loaded.lock().unwrap().insert(id.as_bytes().to_vec(), Instant::now());
        }
        Ok(server.swap(id, write))
    }
}

wrong! {
    /// Room for ten thousand rows; the oldest one makes way.
    EvictsTheOldest over Server,
    |server, id| load_right(&server.table, id),
    |server, id, write| Ok(server.make_room(id, write, 10_000))
}

wrong! {
    /// Rows that nobody asked for in three seconds are evicted.
    EvictsTheIdle over Server,
    |server, id| {
        let mut loaded = server.loaded.lock().unwrap();
        let last = loaded.insert(id.as_bytes().to_vec(), Instant::now());
        if last.is_some_and(|last| last.elapsed() > Duration::from_secs(3)) {
            server.table.0.lock().unwrap().remove(id.as_bytes());
        }
        load_right(&server.table, id)
    },
    |server, id, write| {
        let swap = server.swap(id, write);
        if swap == Swap::Stored {
            server.loaded.lock().unwrap().insert(id.as_bytes().to_vec(), Instant::now());
        }
        Ok(swap)
    }
}

wrong! {
    /// Right: a row stays.
    Stays over Server,
    |server, id| load_right(&server.table, id),
    |server, id, write| Ok(server.swap(id, write))
}
