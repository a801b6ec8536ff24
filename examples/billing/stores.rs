//! `--store`: which database keeps the records. One arm for each adapter in `crates/`;
//! the servers are features of this package, so that a first look builds no drivers for them.

use std::error;
use std::fmt;
use std::path::{Path, PathBuf};

use countersign::{AccountId, Event, Record, Store, Swap, Write};
#[cfg(feature = "postgres")]
use countersign_postgres::{PostgresStore, create_schema};
#[cfg(feature = "redis")]
use countersign_redis::RedisStore;
use countersign_rusqlite::SqliteStore;

/// Any fault, in words. A host would keep the types apart; this program prints them and ends.
pub type Fault = Box<dyn error::Error + Send + Sync>;

/// A store of any kind.
pub type AnyStore = Box<dyn Store<Error = StoreFault>>;

/// What went wrong in a store of any kind.
#[derive(Debug)]
pub struct StoreFault(Fault);

impl fmt::Display for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl error::Error for StoreFault {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.source()
    }
}

/// Where the records are. The addresses may hold a password and are never printed.
pub enum Place {
    #[cfg(feature = "postgres")]
    Postgres(String),
    #[cfg(feature = "redis")]
    Redis(String),
    Sqlite(PathBuf),
}

impl Place {
    /// From `sqlite:PATH`, `postgres://…` or `redis://…`. Nothing is opened yet.
    pub fn parse(text: &str) -> Result<Place, Fault> {
        match text.split_once(':') {
            Some(("sqlite", "")) => Err("--store sqlite: needs a path".into()),
            // SQLite would read these as something else than the path that the key lies beside.
            Some(("sqlite", path)) if path.starts_with("file:") || path == ":memory:" => {
                Err("--store sqlite: takes the path of a file".into())
            }
            Some(("sqlite", path)) => Ok(Place::Sqlite(PathBuf::from(path))),
            #[cfg(feature = "postgres")]
            Some(("postgres" | "postgresql", _)) => Ok(Place::Postgres(text.to_owned())),
            #[cfg(not(feature = "postgres"))]
            Some(("postgres" | "postgresql", _)) => {
                Err("--store postgres://… needs cargo's --features postgres".into())
            }
            #[cfg(feature = "redis")]
            Some(("redis" | "rediss", _)) => Ok(Place::Redis(text.to_owned())),
            #[cfg(not(feature = "redis"))]
            Some(("redis" | "rediss", _)) => {
                Err("--store redis://… needs cargo's --features redis".into())
            }
            _ => Err("--store is not sqlite:PATH, postgres://… or redis://…".into()),
        }
    }

    /// The file, where the store is one: the host then keeps its own tables in it as well.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Place::Sqlite(path) => Some(path),
            #[cfg(any(feature = "postgres", feature = "redis"))]
            _ => None,
        }
    }

    /// Opens it, with a connection of its own. A fault names the store: it is not the host's own file
    /// that cannot be opened.
    pub fn open(&self) -> Result<AnyStore, Fault> {
        self.connected().map_err(|error| format!("{self} does not open: {error}").into())
    }

    fn connected(&self) -> Result<AnyStore, Fault> {
        match self {
            #[cfg(feature = "postgres")]
            Place::Postgres(url) => {
                create_schema(url)?;
                Ok(Box::new(Adapter(PostgresStore::open(url)?)))
            }
            #[cfg(feature = "redis")]
            Place::Redis(url) => Ok(Box::new(Adapter(RedisStore::open(url)?))),
            Place::Sqlite(path) => Ok(Box::new(Adapter(SqliteStore::open(path)?))),
        }
    }
}

/// As a complaint names it: a file by its path, a server by its option alone.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "postgres")]
            Place::Postgres(_) => f.write_str("--store postgres://…"),
            #[cfg(feature = "redis")]
            Place::Redis(_) => f.write_str("--store redis://…"),
            Place::Sqlite(path) => path.display().fmt(f),
        }
    }
}

/// A store whose errors are of the one type that all of them have here.
struct Adapter<S>(S);

impl<S: Store<Error: Into<Fault>>> Store for Adapter<S> {
    type Error = StoreFault;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, StoreFault> {
        self.0.load(id).map_err(|error| StoreFault(error.into()))
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, StoreFault> {
        self.0.swap(id, write).map_err(|error| StoreFault(error.into()))
    }

    fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), StoreFault> {
        self.0.note(id, events).map_err(|error| StoreFault(error.into()))
    }
}
