#![doc = include_str!("../README.md")]
//!
//! Standard: the promises of [`countersign::Store`]; 45 CFR 164.312(b) (the audit trail is written with
//! the state, or neither is).

use std::error;
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use countersign::{AccountId, Event, Record, Store, Swap, UnixTime, Write};
use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};

/// Ids are blobs: a text column may fold case or stop at a NUL, and then two people are one.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS mfa_account (
        id      BLOB    NOT NULL PRIMARY KEY,
        version INTEGER NOT NULL,
        record  BLOB    NOT NULL,              -- sealed; at most 20 KiB

        -- For the host's own queries, as of the last write. Nothing below decides anything.
        epoch               INTEGER,           -- a session opened under a lower one has to end
        devices             INTEGER,           -- in use
        recovery_codes_left INTEGER,
        last_used           INTEGER,           -- Unix time, as all times here
        waiting_until       INTEGER,
        offboarded_at       INTEGER
    ) STRICT;

    -- The audit trail: the version says which write it belongs to, and a hole is a lost row.
    CREATE TABLE IF NOT EXISTS mfa_event (
        account BLOB    NOT NULL,
        version INTEGER NOT NULL,
        place   INTEGER NOT NULL,              -- among the events of that version, from 0
        at      INTEGER NOT NULL,
        event   TEXT    NOT NULL,              -- JSON
        PRIMARY KEY (account, version, place)
    ) STRICT, WITHOUT ROWID;

    -- Attempts that changed nothing. An attacker can make them without end, so the same one twice in
    -- a second is one row; delete old ones as you like.
    CREATE TABLE IF NOT EXISTS mfa_note (
        account BLOB    NOT NULL,
        at      INTEGER NOT NULL,
        event   TEXT    NOT NULL,
        PRIMARY KEY (account, at, event)
    ) STRICT, WITHOUT ROWID;
";

const LOAD: &str = "SELECT version, record FROM mfa_account WHERE id = ?1";

/// Creates if there is no row at all. The row of an offboarded person is a row.
const CREATE: &str =
    "INSERT INTO mfa_account (id, version, record) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO NOTHING";

/// The condition is in the statement, not in the program: if the version were read first and compared
/// here, two processes could both be first.
const REPLACE: &str =
    "UPDATE mfa_account SET version = ?2, record = ?3 WHERE id = ?1 AND version = ?4";

const COLUMNS: &str = "
    UPDATE mfa_account
       SET epoch = ?2, devices = ?3, recovery_codes_left = ?4, last_used = ?5, waiting_until = ?6,
           offboarded_at = ?7
     WHERE id = ?1";

const EVENT: &str =
    "INSERT INTO mfa_event (account, version, place, at, event) VALUES (?1, ?2, ?3, ?4, ?5)";

const NOTE: &str =
    "INSERT INTO mfa_note (account, at, event) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";

/// How long a write waits for the writes of others. Each of them takes one flush of the disk.
const PATIENCE: Duration = Duration::from_secs(10);

/// Records in one SQLite file.
///
/// The connection is the store's own. A host that shared its connection could have a transaction open
/// on it, and rolling that back would take a counted failure with it.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Mutex<Connection>,
}

impl SqliteStore {
    /// Opens the file at `path`, with a new connection, and creates what is missing.
    ///
    /// # Errors
    /// [`Error::Sqlite`] if the file cannot be opened or is no database; [`Error::NotDurable`] if the
    /// place cannot hold a write-ahead log, as `:memory:` cannot.
    pub fn open(path: impl AsRef<Path>) -> Result<SqliteStore, Error> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(PATIENCE)?;
        // FULL flushes at every commit. NORMAL, which much advice for WAL recommends, flushes at
        // checkpoints only: after a power cut a used code would work again.
        connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;")?;
        let mode = switch_to_wal(&connection)?;
        if mode != "wal" {
            return Err(Error::NotDurable(mode));
        }
        connection.execute_batch(SCHEMA)?;
        Ok(SqliteStore { connection: Mutex::new(connection) })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A thread that panicked here has rolled its transaction back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for SqliteStore {
    type Error = Error;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Error> {
        // Outside of a transaction, so that it sees the newest commit and not an older snapshot.
        let row: Option<(i64, Vec<u8>)> = self
            .connection()
            .query_row(LOAD, [id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((version, bytes)) = row else { return Ok(None) };
        let version = u64::try_from(version).map_err(|_| Error::Number)?;
        Ok(Some(Record::new(version, bytes)))
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Error> {
        let (id, bytes) = (id.as_bytes(), write.record().as_bytes());
        let version = integer(write.record().version())?;
        let mut connection = self.connection();
        // IMMEDIATE takes the write lock first, and waits for it. A deferred transaction that reads
        // before it writes fails with SQLITE_BUSY instead.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let changed = match write.expected() {
            None => transaction.execute(CREATE, params![id, version, bytes])?,
            Some(expected) => {
                transaction.execute(REPLACE, params![id, version, bytes, integer(expected)?])?
            }
        };
        if changed == 0 {
            return Ok(Swap::Stale); // dropped, the transaction rolls back
        }
        let summary = write.summary();
        let columns = params![
            id,
            summary.epoch,
            integer(summary.confirmed().count() as u64)?,
            summary.recovery_codes_left,
            moment(summary.last_used())?,
            moment(summary.codes.waiting_until)?,
            moment(summary.offboarded_at)?,
        ];
        transaction.execute(COLUMNS, columns)?;
        for (place, event) in (0_i64..).zip(write.events()) {
            let (at, event) = (integer(event.at.as_secs())?, serde_json::to_string(event)?);
            transaction.execute(EVENT, params![id, version, place, at, event])?;
        }
        transaction.commit()?;
        Ok(Swap::Stored)
    }

    fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), Error> {
        let connection = self.connection();
        for event in events {
            let (at, event) = (integer(event.at.as_secs())?, serde_json::to_string(event)?);
            connection.execute(NOTE, params![id.as_bytes(), at, event])?;
        }
        Ok(())
    }
}

/// Two processes that open a new file at once collide here, and here alone SQLite does not wait.
fn switch_to_wal(connection: &Connection) -> Result<String, Error> {
    let started = Instant::now();
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)) {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && started.elapsed() < PATIENCE =>
            {
                thread::sleep(Duration::from_millis(10));
            }
            mode => return Ok(mode?),
        }
    }
}

/// SQLite has signed integers; the library's versions and times stay below 2^63.
fn integer(number: u64) -> Result<i64, Error> {
    i64::try_from(number).map_err(|_| Error::Number)
}

fn moment(at: Option<UnixTime>) -> Result<Option<i64>, Error> {
    at.map(|at| integer(at.as_secs())).transpose()
}

/// What can go wrong. None of it is ever an acceptance.
#[derive(Debug)]
pub enum Error {
    /// An event could not be written as JSON.
    Event(serde_json::Error),
    /// There is no write-ahead log here, but this journal: a database in memory, for example.
    NotDurable(String),
    /// A number is negative, or above 2^63: nothing that was written here.
    Number,
    /// SQLite's own: locked for too long, full, corrupt, no database.
    Sqlite(rusqlite::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Event(error) => write!(f, "an event is no JSON: {error}"),
            Error::NotDurable(mode) => {
                write!(f, "the database has the journal mode {mode} and cannot have wal")
            }
            Error::Number => f.write_str("a number in the database is out of range"),
            Error::Sqlite(error) => error.fmt(f),
        }
    }
}

impl error::Error for Error {}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Error {
        Error::Sqlite(error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Error {
        Error::Event(error)
    }
}
