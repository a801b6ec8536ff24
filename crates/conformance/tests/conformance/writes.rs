//! Conditional writes that are none, and versions that are cut.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use countersign::{AccountId, Record, Store, Swap, Write};

use crate::stores::*;

wrong! {
    /// Never compares.
    AlwaysTrue over Table, load_right, |table, id, write| {
        table.put(id.as_bytes(), write.record().clone());
        Ok(Swap::Stored)
    }
}

wrong! {
    /// Compares, and says Stored whatever came of it: `execute(..)?` without looking at the count.
    SilentlyRefused over Table, load_right, |table, id, write| {
        let _ = swap_right(table, id, write);
        Ok(Swap::Stored)
    }
}

wrong! {
    /// Says Stale and has written.
    WritesWhenStale over Table, load_right, |table, id, write| {
        let swap = swap_right(table, id, write);
        if write.expected().is_some() {
            table.put(id.as_bytes(), write.record().clone());
        }
        Ok(swap)
    }
}

wrong! {
    /// A SELECT, and an UPDATE without the condition.
    CheckThenWrite over Table, load_right, |table, id, write| {
        if table.version(id.as_bytes()) != write.expected() {
            return Ok(Swap::Stale);
        }
        a_round_trip();
        table.put(id.as_bytes(), write.record().clone());
        Ok(Swap::Stored)
    }
}

wrong! {
    /// Two SELECTs, one for the version and one for the bytes.
    TornRead over Table,
    |table, id| {
        let Some(version) = table.version(id.as_bytes()) else { return Ok(None) };
        a_round_trip();
        let record = table.load(id.as_bytes());
        Ok(record.map(|record| Record::new(version, record.as_bytes().to_vec())))
    },
    |table, id, write| Ok(swap_right(table, id, write))
}

wrong! {
    /// INSERT OR REPLACE for a new account.
    CreateOverwrites over Table, load_right, |table, id, write| {
        if write.expected().is_none() {
            table.put(id.as_bytes(), write.record().clone());
            return Ok(Swap::Stored);
        }
        Ok(swap_right(table, id, write))
    }
}

wrong! {
    /// Cleans up after leavers, and begins again with version 1.
    DeletesLeavers over Table, load_right, |table, id, write| {
        let swap = swap_right(table, id, write);
        if swap == Swap::Stored && write.summary().offboarded_at.is_some() {
            table.0.lock().unwrap().remove(id.as_bytes());
        }
        Ok(swap)
    }
}

wrong! {
    /// `SET version = version + 1`, and 1 for a new row: right only as long as nobody restores one.
    CountsItself over Table, load_right, |table, id, write| {
        let version = write.expected().map_or(1, |version| version + 1);
        let record = Record::new(version, write.record().as_bytes().to_vec());
        Ok(table.swap(id.as_bytes(), write.expected(), record))
    }
}

wrong! {
    /// Keeps 64 bits and compares 32.
    Compares32Bits over Table, load_right, |table, id, write| {
        let stored = table.version(id.as_bytes());
        let same = stored.map(|version| version as u32) == write.expected().map(|e| e as u32);
        Ok(if same { table.swap(id.as_bytes(), stored, write.record().clone()) } else { Swap::Stale })
    }
}

wrong! {
    /// Keeps the record in a text column.
    TextRecord over Table, load_right, |table, id, write| {
        let text = String::from_utf8_lossy(write.record().as_bytes()).into_owned();
        let record = Record::new(write.record().version(), text.into_bytes());
        Ok(table.swap(id.as_bytes(), write.expected(), record))
    }
}

wrong! {
    /// VARBINARY(4096), and an engine that cuts off in silence.
    ShortRecord over Table, load_right, |table, id, write| {
        let bytes = write.record().as_bytes();
        let record = Record::new(write.record().version(), bytes[..bytes.len().min(4096)].to_vec());
        Ok(table.swap(id.as_bytes(), write.expected(), record))
    }
}

wrong! {
    /// `UPDATE .. WHERE version = ..`, and the id forgotten.
    ForgetsTheId over Table, load_right, |table, id, write| {
        let swap = swap_right(table, id, write);
        if let (Swap::Stored, Some(expected)) = (swap, write.expected()) {
            let mut rows = table.0.lock().unwrap();
            for row in rows.values_mut().filter(|row| row.version() == expected) {
                *row = write.record().clone();
            }
        }
        Ok(swap)
    }
}

#[derive(Default)]
pub struct OneCounter {
    table: Table,
    writes: AtomicU64,
    seen: Mutex<HashMap<Vec<u8>, u64>>,
}

wrong! {
    /// One lock version for the whole table: whoever writes makes everybody else stale.
    OneVersionForAll over OneCounter,
    |world, id| {
        let now = world.writes.load(Ordering::SeqCst);
        world.seen.lock().unwrap().insert(id.as_bytes().to_vec(), now);
        load_right(&world.table, id)
    },
    |world, id, write| {
        let now = world.writes.load(Ordering::SeqCst);
        let seen = world.seen.lock().unwrap().get(id.as_bytes()).copied();
        if write.expected().is_some() && seen != Some(now) {
            return Ok(Swap::Stale);
        }
        let swap = swap_right(&world.table, id, write);
        if swap == Swap::Stored {
            let now = world.writes.fetch_add(1, Ordering::SeqCst) + 1;
            world.seen.lock().unwrap().insert(id.as_bytes().to_vec(), now);
        }
        Ok(swap)
    }
}

#[derive(Default)]
pub struct Busy {
    table: Table,
    writing: Mutex<()>,
}

impl Busy {
    /// As SQLite without a busy timeout: whoever meets another writer fails.
    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        let _writing = self.writing.try_lock().map_err(|_| "database is locked")?;
        a_round_trip();
        Ok(swap_right(&self.table, id, write))
    }
}

wrong! {
    /// `swap(..).unwrap_or(Stored)`.
    SwallowsErrors over Busy,
    |world, id| load_right(&world.table, id),
    |world, id, write| Ok(world.swap(id, write).unwrap_or(Swap::Stored))
}

wrong! {
    /// The same without the swallowing: safe, and people are turned away.
    FailsWhenBusy over Busy,
    |world, id| load_right(&world.table, id),
    |world, id, write| world.swap(id, write)
}

wrong! {
    Panics over Table, load_right, |_, _, _| panic!("no connection")
}

wrong! {
    /// Waits for a lock that nobody gives back.
    Hangs over Table, load_right, |_, _, _| loop {
        thread::park();
    }
}

/// A version that goes through another type.
pub struct Version<T>(Arc<Table>, std::marker::PhantomData<T>);

pub trait Narrow: Send + Sync + 'static {
    fn through(version: u64) -> u64;
}

impl Narrow for u32 {
    fn through(version: u64) -> u64 {
        u64::from(version as u32)
    }
}

impl Narrow for i32 {
    fn through(version: u64) -> u64 {
        version as i32 as u64
    }
}

impl Narrow for f64 {
    fn through(version: u64) -> u64 {
        version as f64 as u64
    }
}

impl<T: Narrow> Wrong for Version<T> {
    type World = Table;
    fn open(world: &Arc<Table>) -> Version<T> {
        Version(Arc::clone(world), std::marker::PhantomData)
    }
}

impl<T: Narrow> Store for Version<T> {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        load_right(&self.0, id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        let record = write.record();
        let record = Record::new(T::through(record.version()), record.as_bytes().to_vec());
        Ok(self.0.swap(id.as_bytes(), write.expected().map(T::through), record))
    }
}

wrong! {
    /// A create that meets the same bytes is Stored: somebody made it idempotent.
    IdenticalCreate over Table, load_right, |table, id, write| {
        let same = table.load(id.as_bytes()).as_ref() == Some(write.record());
        if write.expected().is_none() && same {
            return Ok(Swap::Stored);
        }
        Ok(swap_right(table, id, write))
    }
}

#[derive(Default)]
pub struct Lately {
    table: Table,
    creates: Mutex<HashMap<Vec<u8>, std::time::Instant>>,
}

wrong! {
    /// The same for half a millisecond: two that create at once share one answer.
    CreatesAreMerged over Lately,
    |world, id| load_right(&world.table, id),
    |world, id, write| {
        let mut creates = world.creates.lock().unwrap();
        let swap = swap_right(&world.table, id, write);
        if write.expected().is_some() {
            return Ok(swap);
        }
        if swap == Swap::Stored {
            creates.insert(id.as_bytes().to_vec(), std::time::Instant::now());
            return Ok(swap);
        }
        let lately = creates.get(id.as_bytes()).is_some_and(|at| at.elapsed().as_micros() < 500);
        let same = world.table.load(id.as_bytes()).as_ref() == Some(write.record());
        Ok(if lately && same { Swap::Stored } else { Swap::Stale })
    }
}

wrong! {
    /// Writes over the old bytes, and does not cut off what is left of them.
    KeepsTheTail over Table, load_right, |table, id, write| {
        let mut bytes = write.record().as_bytes().to_vec();
        if let (Some(expected), Some(old)) = (write.expected(), table.load(id.as_bytes())) {
            // A row of a page that is full moves to a new one.
            if old.version() == expected && bytes.len() < 128 {
                bytes.extend(old.as_bytes().get(bytes.len()..).unwrap_or_default());
            }
        }
        let record = Record::new(write.record().version(), bytes);
        Ok(table.swap(id.as_bytes(), write.expected(), record))
    }
}

wrong! {
    /// An INT column, and an engine that says so.
    Overflows over Table, load_right, |table, id, write| {
        if write.record().version() > i32::MAX as u64 {
            return Err("22003: integer out of range".into());
        }
        Ok(swap_right(table, id, write))
    }
}

wrong! {
    /// VARBINARY(4096), and an engine that says so.
    TooLong over Table, load_right, |table, id, write| {
        if write.record().as_bytes().len() > 4096 {
            return Err("1406: data too long for column 'record'".into());
        }
        Ok(swap_right(table, id, write))
    }
}

/// Whether a LIKE of two texts holds.
fn is_like(text: &[u8], pattern: &[u8]) -> bool {
    match (text.split_first(), pattern.split_first()) {
        (_, Some((b'%', rest))) => (0..=text.len()).any(|from| is_like(&text[from..], rest)),
        (Some((_, text)), Some((b'_', rest))) => is_like(text, rest),
        (Some((one, text)), Some((same, rest))) => one == same && is_like(text, rest),
        (None, None) => true,
        _ => false,
    }
}

/// Changes every row of the expected version that is taken for the id.
fn update_all(
    table: &Table,
    id: &AccountId,
    write: &Write<'_>,
    is_taken: impl Fn(&[u8], &[u8]) -> bool,
) -> Swap {
    let swap = swap_right(table, id, write);
    if let (Swap::Stored, Some(expected)) = (swap, write.expected()) {
        let mut rows = table.0.lock().unwrap();
        for (key, row) in rows.iter_mut() {
            if row.version() == expected && is_taken(key, id.as_bytes()) {
                *row = write.record().clone();
            }
        }
    }
    swap
}

wrong! {
    /// `INSERT` by key, and `UPDATE .. WHERE id LIKE ..`.
    UpdatesByPattern over Table, load_right, |table, id, write| {
        Ok(update_all(table, id, write, is_like))
    }
}

wrong! {
    /// `INSERT` by key, and `UPDATE .. WHERE lower(id) = lower(..)`.
    UpdatesAnyCase over Table, load_right, |table, id, write| {
        Ok(update_all(table, id, write, |key, id| key.eq_ignore_ascii_case(id)))
    }
}

wrong! {
    /// Two statements with nothing between them but the moment.
    CheckThenWriteAtOnce over Table, load_right, |table, id, write| {
        if table.version(id.as_bytes()) != write.expected() {
            return Ok(Swap::Stale);
        }
        table.put(id.as_bytes(), write.record().clone());
        Ok(Swap::Stored)
    }
}
