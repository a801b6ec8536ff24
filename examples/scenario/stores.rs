//! The stores of a scenario: in memory, or in SQLite files; and what a step did to them.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use countersign::account::{EventKind, RejectionReason};
use countersign::{AccountId, Event, MemoryStore, Record, Store, Swap, Write};
use countersign_rusqlite::SqliteStore;
use rusqlite::{Connection, OpenFlags};

use super::expect::{Outcome, Report};

/// A store of any kind. A fault is a text.
pub type AnyStore = dyn Store<Error = String>;

/// Where the stores of a scenario are kept.
#[derive(Clone, Debug)]
pub enum Place {
    Memory,
    /// The first in this file, the second in one with `.2` behind its name, and on in this way.
    Sqlite(PathBuf),
}

impl Place {
    /// An empty store, the scenario's `number`-th from 1.
    ///
    /// # Errors
    /// Why there is none.
    pub fn empty(&self, number: usize) -> Result<Box<AnyStore>, String> {
        match self {
            Place::Memory => Ok(Box::new(Faults(MemoryStore::new()))),
            Place::Sqlite(first) => {
                let mut name = first.clone().into_os_string();
                if number > 1 {
                    name.push(format!(".{number}"));
                }
                let path = PathBuf::from(name);
                let store = empty_file(&path);
                let store = store.map_err(|error| format!("{}: {error}", path.display()))?;
                Ok(Box::new(Faults(store)))
            }
        }
    }
}

/// What SQLite keeps in the head of a file to say whose it is. Only such a file is emptied, so that a
/// slip of the hand does not cost a database.
const MARK: i32 = 0x5ce_7a21;

fn empty_file(path: &Path) -> Result<SqliteStore, String> {
    let held = fs::metadata(path).map_or(0, |found| found.len());
    if held > 0 {
        let readable = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let mark = readable.and_then(|file| {
            file.query_row("PRAGMA application_id", [], |row| row.get::<_, i32>(0))
        });
        if mark != Ok(MARK) {
            return Err("it is not empty, and not from a scenario: take another".to_owned());
        }
        for end in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(end);
            let _ = fs::remove_file(name); // of the last two there may be none
        }
    }
    let text = |error: rusqlite::Error| error.to_string();
    let new = Connection::open(path).map_err(text)?;
    new.pragma_update(None, "application_id", MARK).map_err(text)?;
    drop(new);
    SqliteStore::open(path).map_err(|error| error.to_string())
}

/// A store whose faults are texts.
struct Faults<S>(S);

impl<S: Store> Store for Faults<S>
where
    S::Error: std::fmt::Display,
{
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        self.0.load(id).map_err(|error| error.to_string())
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        self.0.swap(id, write).map_err(|error| error.to_string())
    }

    fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), String> {
        self.0.note(id, events).map_err(|error| error.to_string())
    }

    fn pause(&self, lost: usize) {
        self.0.pause(lost);
    }
}

/// A store that remembers what one step did to it.
pub struct Recorder<'s> {
    store: &'s AnyStore,
    seen: RefCell<Seen>,
}

#[derive(Default)]
struct Seen {
    charged: bool,
    notices: Vec<String>,
    writes: usize,
}

impl<'s> Recorder<'s> {
    pub fn new(store: &'s AnyStore) -> Recorder<'s> {
        Recorder { store, seen: RefCell::default() }
    }

    /// What the step came to.
    pub fn report(self, outcome: Outcome) -> Report {
        let Seen { charged, notices, writes } = self.seen.into_inner();
        Report { outcome, charged, notices, writes }
    }
}

impl Seen {
    fn events(&mut self, events: &[Event]) {
        for notice in events.iter().filter_map(Event::notice) {
            let name = kebab(&notice);
            if !self.notices.contains(&name) {
                self.notices.push(name);
            }
        }
    }
}

impl Store for Recorder<'_> {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        self.store.load(id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        let swap = self.store.swap(id, write)?;
        if swap == Swap::Stored {
            let mut seen = self.seen.borrow_mut();
            seen.writes = seen.writes.saturating_add(1);
            // What is refused without being charged is noted, and no part of a write; but for a right
            // code of a factor on probation, which is used up.
            seen.charged |= write.events().iter().any(|event| match event.kind {
                EventKind::Rejected(reason) => reason != RejectionReason::NotPermitted,
                _ => false,
            });
            seen.events(write.events());
        }
        Ok(swap)
    }

    fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), String> {
        self.store.note(id, events)?;
        self.seen.borrow_mut().events(events);
        Ok(())
    }

    fn pause(&self, lost: usize) {
        self.store.pause(lost);
    }
}

/// The name that a value has in JSON, without what belongs to it.
pub fn kebab(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(serde_json::Value::Object(fields)) => fields.into_iter().map(|(name, _)| name).collect(),
        _ => String::new(),
    }
}
