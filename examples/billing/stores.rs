//! `--store`: which database keeps the records. One arm for each adapter in `examples/stores/`.

use std::error;
use std::path::{Path, PathBuf};

use countersign::{AccountId, Event, Record, Store, Swap, Write};

#[path = "../stores/sqlite.rs"]
mod sqlite;

/// Any fault, in words. A host would keep the types apart; this program prints them and ends.
pub type Fault = Box<dyn error::Error + Send + Sync>;

/// A store of any kind.
pub type AnyStore = Box<dyn Store<Error = Fault>>;

/// Where the records are.
#[derive(Debug)]
pub enum Place {
    Sqlite(PathBuf),
}

impl Place {
    /// From `sqlite:PATH`. Nothing is opened yet.
    pub fn parse(text: &str) -> Result<Place, Fault> {
        match text.split_once(':') {
            Some(("sqlite", "")) => Err("--store sqlite: needs a path".into()),
            // SQLite would read these as something else than the path that the key lies beside.
            Some(("sqlite", path)) if path.starts_with("file:") || path == ":memory:" => {
                Err("--store sqlite: takes the path of a file".into())
            }
            Some(("sqlite", path)) => Ok(Place::Sqlite(PathBuf::from(path))),
            // The rest of the address may hold a password, so it is not repeated.
            Some((kind @ ("postgres" | "postgresql" | "redis"), _)) => {
                Err(format!("--store {kind}: is not built in").into())
            }
            _ => Err("--store is not sqlite:PATH".into()),
        }
    }

    /// The file, where the store is one: the host then keeps its own tables in it as well.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Place::Sqlite(path) => Some(path),
        }
    }

    /// Opens it, with a connection of its own.
    pub fn open(&self) -> Result<AnyStore, Fault> {
        match self {
            Place::Sqlite(path) => Ok(Box::new(Adapter(sqlite::SqliteStore::open(path)?))),
        }
    }
}

/// A store with its own error turned into words, so that all of them have one type.
struct Adapter<S>(S);

impl<S: Store<Error: Into<Fault>>> Store for Adapter<S> {
    type Error = Fault;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Fault> {
        self.0.load(id).map_err(Into::into)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Fault> {
        self.0.swap(id, write).map_err(Into::into)
    }

    fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), Fault> {
        self.0.note(id, events).map_err(Into::into)
    }
}
