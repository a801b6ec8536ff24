#![doc = include_str!("../README.md")]
//!
//! Standard: the promises of [`countersign::Store`]; 45 CFR 164.312(b) (the audit trail is written with
//! the state, or neither is).
//!
//! Each swap is one statement, so it is one transaction and one round trip, whatever else the host
//! does: nothing is there to be forgotten, rolled back or left open. READ COMMITTED is enough and is
//! what is set: the UPDATE waits for a row that another one has locked, and then looks at the newest
//! version of it, not at the one in its snapshot. The connection is the store's own and goes to the
//! primary: not to a replica, and not through a pooler in transaction mode, which forgets the
//! settings of the session and its prepared statements.
//!
//! After a failover the new primary has to have every acknowledged commit, or a used code comes back:
//! name a standby in `synchronous_standby_names`.

use std::error;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use countersign::{AccountId, AsyncStore, Event, Record, Store, Swap, UnixTime, Write};
use postgres::NoTls;
use postgres::types::ToSql;

/// Ids are bytea: a text column may fold case or refuse a NUL, and then two people are one, or one
/// is none.
const SCHEMA: &str = "
    BEGIN;
    SELECT pg_advisory_xact_lock(hashtext('mfa_account'));    -- IF NOT EXISTS alone is a race

    CREATE TABLE IF NOT EXISTS mfa_account (
        id      bytea  PRIMARY KEY,
        version bigint NOT NULL,
        record  bytea  NOT NULL,               -- sealed; at most 20 KiB

        -- For the host's own queries, as of the last write. Nothing below decides anything.
        epoch               bigint NOT NULL,   -- a session opened under a lower one has to end
        devices             bigint NOT NULL,   -- in use
        recovery_codes_left bigint NOT NULL,
        last_used           bigint,            -- Unix time, as all times here
        waiting_until       bigint,
        offboarded_at       bigint
    ) WITH (fillfactor = 70);                  -- room to replace a row in its own page

    -- The audit trail: the version says which write it belongs to, and a hole is a lost row.
    CREATE TABLE IF NOT EXISTS mfa_event (
        account bytea  NOT NULL,
        version bigint NOT NULL,
        place   bigint NOT NULL,               -- among the events of that version, from 0
        at      bigint NOT NULL,
        event   jsonb  NOT NULL,
        PRIMARY KEY (account, version, place)
    );

    -- Attempts that changed nothing. An attacker can make them without end, so the same one twice in
    -- a second is one row; delete old ones as you like.
    CREATE TABLE IF NOT EXISTS mfa_note (
        account bytea  NOT NULL,
        at      bigint NOT NULL,
        event   jsonb  NOT NULL,
        PRIMARY KEY (account, at, event)
    );
    COMMIT;
";

/// Whatever the server's defaults are: a commit is on the disk before it is answered, a statement
/// sees the newest commit, and a server that hangs is an error.
const SESSION: &str = "
    SET synchronous_commit = on;
    SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED;
    SET statement_timeout = '10s';
";

const DURABLE: &str = "SELECT NOT pg_is_in_recovery() AND current_setting('fsync') = 'on'";

const LOAD: &str = "SELECT version, record FROM mfa_account WHERE id = $1";

/// Creates if there is no row at all. The row of an offboarded person is a row.
const CREATE: &str = "
    WITH swapped AS (
        INSERT INTO mfa_account (id, version, record, epoch, devices, recovery_codes_left,
                                 last_used, waiting_until, offboarded_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (id) DO NOTHING
        RETURNING id, version
    ), events AS (
        INSERT INTO mfa_event (account, version, place, at, event)
        SELECT id, version, place - 1, at, event::jsonb
          FROM swapped, unnest($10::bigint[], $11::text[]) WITH ORDINALITY AS e (at, event, place)
    )
    SELECT FROM swapped";

/// The condition is in the statement, not in the program: if the version were read first and compared
/// here, two processes could both be first.
const REPLACE: &str = "
    WITH swapped AS (
        UPDATE mfa_account
           SET version = $2, record = $3, epoch = $4, devices = $5, recovery_codes_left = $6,
               last_used = $7, waiting_until = $8, offboarded_at = $9
         WHERE id = $1 AND version = $12
        RETURNING id, version
    ), events AS (
        INSERT INTO mfa_event (account, version, place, at, event)
        SELECT id, version, place - 1, at, event::jsonb
          FROM swapped, unnest($10::bigint[], $11::text[]) WITH ORDINALITY AS e (at, event, place)
    )
    SELECT FROM swapped";

const NOTE: &str = "
    INSERT INTO mfa_note (account, at, event)
    SELECT $1, at, event::jsonb FROM unnest($2::bigint[], $3::text[]) AS e (at, event)
    ON CONFLICT DO NOTHING";

/// Creates the tables where they are missing: once, at deployment, by a role that may.
///
/// # Errors
/// [`Error::Postgres`].
pub fn create_schema(url: &str) -> Result<(), Error> {
    Ok(postgres::Client::connect(url, NoTls)?.batch_execute(SCHEMA)?)
}

/// Records in PostgreSQL, over one connection. Behind a pool, one of these for each connection.
///
/// A connection that broke is replaced by the next call. The call that met it fails: its write may
/// have happened, and only the library can tell what that means.
pub struct PostgresStore {
    url: String,
    session: Mutex<Session>,
}

/// A connection and its prepared statements.
struct Session {
    client: postgres::Client,
    load: postgres::Statement,
    create: postgres::Statement,
    replace: postgres::Statement,
}

impl PostgresStore {
    /// Connects to the primary at `url`, whose tables exist.
    ///
    /// Without TLS, for a socket or the loopback; to a server elsewhere, copy this file and put your
    /// TLS connector in the place of `NoTls`. `connect_timeout` and `tcp_user_timeout` in the URL say
    /// how long a server that has vanished is waited for.
    ///
    /// # Errors
    /// [`Error::Postgres`]; [`Error::NotDurable`] for a replica, or a server without `fsync`.
    pub fn open(url: &str) -> Result<PostgresStore, Error> {
        Ok(PostgresStore { url: url.into(), session: Mutex::new(Session::open(url)?) })
    }

    fn with<T>(&self, call: impl FnOnce(&mut Session) -> Result<T, Error>) -> Result<T, Error> {
        // A statement is whole or not at all, so a thread that panicked left nothing half done.
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if session.client.is_closed() {
            *session = Session::open(&self.url)?;
        }
        call(&mut session)
    }
}

impl Session {
    fn open(url: &str) -> Result<Session, Error> {
        let mut client = postgres::Client::connect(url, NoTls)?;
        client.batch_execute(SESSION)?;
        if !client.query_one(DURABLE, &[])?.try_get::<_, bool>(0)? {
            return Err(Error::NotDurable);
        }
        let [load, create, replace] = [LOAD, CREATE, REPLACE].map(|sql| client.prepare(sql));
        Ok(Session { load: load?, create: create?, replace: replace?, client })
    }
}

impl Store for PostgresStore {
    type Error = Error;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Error> {
        self.with(|Session { client, load, .. }| {
            client.query_opt(load, &[&id.as_bytes()])?.map(record).transpose()
        })
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Error> {
        let values = Values::of(id, write)?;
        let rows = self.with(|Session { client, create, replace, .. }| {
            Ok(match write.expected() {
                None => client.execute(create, &values.to_create())?,
                Some(_) => client.execute(replace, &values.to_replace())?,
            })
        })?;
        Ok(swap(rows))
    }

    fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), Error> {
        let (at, events) = columns(events)?;
        self.with(|session| {
            session.client.execute(NOTE, &[&id.as_bytes(), &at, &events])?;
            Ok(())
        })
    }
}

/// As [`create_schema`].
///
/// # Errors
/// As [`create_schema`].
pub async fn create_schema_async(client: &tokio_postgres::Client) -> Result<(), Error> {
    Ok(client.batch_execute(SCHEMA).await?)
}

/// [`PostgresStore`] over a connection that is awaited.
///
/// Any number of tasks may share one: their statements are sent one behind the other. A task that is
/// dropped while it waits has written all or nothing, since a statement that was sent runs to its
/// end. When the connection breaks, every call fails, and the host opens another one.
pub struct AsyncPostgresStore {
    client: tokio_postgres::Client,
    load: tokio_postgres::Statement,
    create: tokio_postgres::Statement,
    replace: tokio_postgres::Statement,
}

impl AsyncPostgresStore {
    /// Takes a client as `tokio_postgres::connect` gave it, with its connection already spawned, and
    /// nobody else's: the settings of its session are the store's.
    ///
    /// # Errors
    /// As [`PostgresStore::open`].
    pub async fn new(client: tokio_postgres::Client) -> Result<AsyncPostgresStore, Error> {
        client.batch_execute(SESSION).await?;
        if !client.query_one(DURABLE, &[]).await?.try_get::<_, bool>(0)? {
            return Err(Error::NotDurable);
        }
        let load = client.prepare(LOAD).await?;
        let create = client.prepare(CREATE).await?;
        let replace = client.prepare(REPLACE).await?;
        Ok(AsyncPostgresStore { client, load, create, replace })
    }
}

impl AsyncStore for AsyncPostgresStore {
    type Error = Error;

    async fn load(&self, id: &AccountId) -> Result<Option<Record>, Error> {
        let row = self.client.query_opt(&self.load, &[&id.as_bytes()]).await?;
        row.map(record).transpose()
    }

    async fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Error> {
        let values = Values::of(id, write)?;
        let rows = match write.expected() {
            None => self.client.execute(&self.create, &values.to_create()).await?,
            Some(_) => self.client.execute(&self.replace, &values.to_replace()).await?,
        };
        Ok(swap(rows))
    }

    async fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), Error> {
        let (at, events) = columns(events)?;
        self.client.execute(NOTE, &[&id.as_bytes(), &at, &events]).await?;
        Ok(())
    }
}

/// One row changed, or none.
fn swap(rows: u64) -> Swap {
    if rows == 1 { Swap::Stored } else { Swap::Stale }
}

fn record(row: postgres::Row) -> Result<Record, Error> {
    let version: i64 = row.try_get(0)?;
    let version = u64::try_from(version).map_err(|_| Error::Number)?;
    Ok(Record::new(version, row.try_get(1)?))
}

/// What is written, in the order of the parameters.
struct Values<'a> {
    id: &'a [u8],
    version: i64,
    record: &'a [u8],
    epoch: i64,
    devices: i64,
    recovery_codes_left: i64,
    last_used: Option<i64>,
    waiting_until: Option<i64>,
    offboarded_at: Option<i64>,
    at: Vec<i64>,
    events: Vec<String>,
    expected: Option<i64>,
}

type Value<'a> = &'a (dyn ToSql + Sync);

impl<'a> Values<'a> {
    fn of(id: &'a AccountId, write: &Write<'a>) -> Result<Values<'a>, Error> {
        let summary = write.summary();
        let (at, events) = columns(write.events())?;
        Ok(Values {
            id: id.as_bytes(),
            version: integer(write.record().version())?,
            record: write.record().as_bytes(),
            epoch: summary.epoch.into(),
            devices: integer(summary.confirmed().count() as u64)?,
            recovery_codes_left: summary.recovery_codes_left.into(),
            last_used: moment(summary.last_used())?,
            waiting_until: moment(summary.codes.waiting_until)?,
            offboarded_at: moment(summary.offboarded_at)?,
            at,
            events,
            expected: write.expected().map(integer).transpose()?,
        })
    }

    fn to_create(&self) -> [Value<'_>; 11] {
        [
            &self.id,
            &self.version,
            &self.record,
            &self.epoch,
            &self.devices,
            &self.recovery_codes_left,
            &self.last_used,
            &self.waiting_until,
            &self.offboarded_at,
            &self.at,
            &self.events,
        ]
    }

    fn to_replace(&self) -> [Value<'_>; 12] {
        let [a, b, c, d, e, f, g, h, i, j, k] = self.to_create();
        [a, b, c, d, e, f, g, h, i, j, k, &self.expected]
    }
}

/// The events as two columns: when, and all of it as JSON.
fn columns(events: &[Event]) -> Result<(Vec<i64>, Vec<String>), Error> {
    let row = |event: &Event| Ok((integer(event.at.as_secs())?, serde_json::to_string(event)?));
    events.iter().map(row).collect()
}

/// PostgreSQL has signed integers; the library's versions and times stay below 2^63.
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
    /// The server is a replica, or runs without `fsync`.
    NotDurable,
    /// A number is negative, or above 2^63: nothing that was written here.
    Number,
    /// PostgreSQL's own, or the connection's.
    Postgres(postgres::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Event(error) => write!(f, "an event is no JSON: {error}"),
            Error::NotDurable => f.write_str("the server is a replica, or runs without fsync"),
            Error::Number => f.write_str("a number in the database is out of range"),
            Error::Postgres(error) => error.fmt(f),
        }
    }
}

impl error::Error for Error {}

impl From<postgres::Error> for Error {
    fn from(error: postgres::Error) -> Error {
        Error::Postgres(error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Error {
        Error::Event(error)
    }
}
