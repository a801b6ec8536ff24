#![doc = include_str!("../README.md")]
//!
//! Standard: the promises of [`countersign::Store`]; 45 CFR 164.312(b) (the audit trail is written with
//! the state, or neither is).

use std::error;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use countersign::{AccountId, Event, Record, Store, Swap, Write};
use redis::{Client, Cmd, Connection, Script};

/// Runs as a whole, before or after every other command. The version is compared as text: a number
/// in Lua has 53 bits.
///
/// Keys: the record, its events. Arguments: expected version or "", version, record, summary, and
/// one event each.
const SWAP: &str = "
    local stored = redis.call('HGET', KEYS[1], 'version') or ''
    if stored ~= ARGV[1] then return 0 end
    redis.call('HSET', KEYS[1], 'version', ARGV[2], 'record', ARGV[3], 'summary', ARGV[4])
    for place = 5, #ARGV do
        redis.call('XADD', KEYS[2], ARGV[2] .. '-' .. (place - 4), 'event', ARGV[place])
    end
    return 1";

/// Of attempts that changed nothing, the newest; an attacker can make them without end.
const NOTES: usize = 1000;

/// How long a server that hangs is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Records in Redis, over one connection. Behind a pool, one of these for each connection.
///
/// A connection that broke is replaced by the next call. The call that met it fails: its write may
/// have happened, and only the library can tell what that means.
pub struct RedisStore {
    client: Client,
    connection: Mutex<Connection>,
    swap: Script,
}

impl RedisStore {
    /// Connects to the primary at `url`.
    ///
    /// # Errors
    /// [`Error::Redis`]; [`Error::NotDurable`] if the server may lose or evict what it was told.
    pub fn open(url: &str) -> Result<RedisStore, Error> {
        let client = Client::open(url)?;
        let connection = Mutex::new(connect(&client)?);
        Ok(RedisStore { client, connection, swap: Script::new(SWAP) })
    }

    fn with<T>(&self, call: impl FnOnce(&mut Connection) -> Result<T, Error>) -> Result<T, Error> {
        // A script is whole or not at all, so a thread that panicked left nothing half done.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if !redis::ConnectionLike::is_open(&*connection) {
            *connection = connect(&self.client)?;
        }
        call(&mut connection)
    }
}

fn connect(client: &Client) -> Result<Connection, Error> {
    let mut connection = client.get_connection_with_timeout(PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    // Where CONFIG is forbidden, as on most rented servers, make sure of the settings by other means
    // and remove this.
    for (setting, needed) in
        [("appendonly", "yes"), ("appendfsync", "always"), ("maxmemory-policy", "noeviction")]
    {
        let found: Vec<String> =
            redis::cmd("CONFIG").arg("GET").arg(setting).query(&mut connection)?;
        if found.get(1).map(String::as_str) != Some(needed) {
            return Err(Error::NotDurable { setting, needed });
        }
    }
    Ok(connection)
}

/// The id in hexadecimal, which no two ids share. The braces keep the keys of one account on one
/// node of a cluster.
fn keys(id: &AccountId) -> [String; 3] {
    ["", ":events", ":notes"].map(|of| format!("mfa:{{{id}}}{of}"))
}

impl Store for RedisStore {
    type Error = Error;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Error> {
        let [account, ..] = keys(id);
        self.with(|connection| {
            let row: (Option<String>, Option<Vec<u8>>) =
                redis::cmd("HMGET").arg(account).arg(&["version", "record"]).query(connection)?;
            match row {
                (None, None) => Ok(None),
                (Some(version), Some(record)) => {
                    let version = version.parse().map_err(|_| Error::Foreign)?;
                    Ok(Some(Record::new(version, record)))
                }
                _ => Err(Error::Foreign),
            }
        })
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Error> {
        let [account, events, _] = keys(id);
        let mut script = self.swap.prepare_invoke();
        script.key(account).key(events);
        script.arg(write.expected().map_or(String::new(), |version| version.to_string()));
        script.arg(write.record().version().to_string());
        script.arg(write.record().as_bytes());
        script.arg(serde_json::to_string(write.summary())?);
        for event in write.events() {
            script.arg(serde_json::to_string(event)?);
        }
        match self.with(|connection| Ok(script.invoke::<u8>(connection)?))? {
            0 => Ok(Swap::Stale),
            _ => Ok(Swap::Stored),
        }
    }

    fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), Error> {
        let [.., notes] = keys(id);
        self.with(|connection| {
            for event in events {
                Cmd::new()
                    .arg("XADD")
                    .arg(&notes)
                    .arg(&["MAXLEN", "~"])
                    .arg(NOTES)
                    .arg(&["*", "event"])
                    .arg(serde_json::to_string(event)?)
                    .exec(connection)?;
            }
            Ok(())
        })
    }
}

/// What can go wrong. None of it is ever an acceptance.
#[derive(Debug)]
pub enum Error {
    /// An event or a summary could not be written as JSON.
    Event(serde_json::Error),
    /// The key of an account holds something that was not written here.
    Foreign,
    /// The server may lose or evict records: a setting has another value than it needs.
    NotDurable {
        /// The setting.
        setting: &'static str,
        /// The value it needs.
        needed: &'static str,
    },
    /// Redis's own, or the connection's.
    Redis(redis::RedisError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Event(error) => write!(f, "an event is no JSON: {error}"),
            Error::Foreign => f.write_str("the key of an account holds something else"),
            Error::NotDurable { setting, needed } => {
                write!(f, "the server's {setting} is not {needed}")
            }
            Error::Redis(error) => error.fmt(f),
        }
    }
}

impl error::Error for Error {}

impl From<redis::RedisError> for Error {
    fn from(error: redis::RedisError) -> Error {
        Error::Redis(error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Error {
        Error::Event(error)
    }
}
