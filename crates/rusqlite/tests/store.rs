//! SQLite against the conformance kit, without its tables, and its audit trail.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

#[path = "../../../tests/common/stores.rs"]
mod stores;

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use countersign::{AccountId, Event};
use countersign_conformance::{self as conformance, Kit};
use countersign_rusqlite::SqliteStore;
use rusqlite::OptionalExtension;
use stores::{Columns, assert_trail, columns, sign_in};

#[test]
fn sqlite_keeps_every_promise() {
    let path = file("conformance.sqlite");
    let location = path.display().to_string();
    let client = Mutex::new(rusqlite::Connection::open(&path).unwrap());
    let kit = Kit::new(move || SqliteStore::open(&path))
        .beside(move |id| beside(&client.lock().unwrap(), id), columns)
        .second_process("the_second_process", location);
    println!("{}", kit.run().unwrap());
}

#[test]
fn the_second_process() {
    conformance::second_process(|path| Kit::new(move || SqliteStore::open(&path)));
}

/// What the host's queries read beside a record.
fn beside(
    client: &rusqlite::Connection,
    id: &AccountId,
) -> rusqlite::Result<(Vec<Event>, Columns)> {
    let sql = "SELECT event FROM mfa_event WHERE account = ?1 ORDER BY version, place";
    let mut events = client.prepare(sql)?;
    let events = events.query_map([id.as_bytes()], |row| row.get::<_, String>(0))?;
    let events = events.map(|event: Result<String, _>| Ok(serde_json::from_str(&event?).unwrap()));
    let sql = "SELECT epoch, devices, recovery_codes_left, last_used, waiting_until, offboarded_at
                 FROM mfa_account WHERE id = ?1";
    let mut row = client.prepare(sql)?;
    let read = |row: &rusqlite::Row<'_>| {
        let columns: Vec<_> = (0..6).map(|nth| row.get(nth)).collect::<Result<_, _>>()?;
        Ok(columns.try_into().unwrap())
    };
    // An account that is not there yet has no columns.
    let columns = row.query_row([id.as_bytes()], read).optional()?.unwrap_or_default();
    Ok((events.collect::<rusqlite::Result<_>>()?, columns))
}

#[test]
fn sqlite_without_its_tables_answers_nothing() {
    let path = file("no-tables.sqlite");
    let store = SqliteStore::open(&path).unwrap();
    let tables = "DROP TABLE mfa_account; DROP TABLE mfa_event; DROP TABLE mfa_note;";
    rusqlite::Connection::open(&path).unwrap().execute_batch(tables).unwrap();
    conformance::run_unreachable(&store).unwrap();
}

/// The audit trail is beside the record, one row for each event, and as much as the library said.
#[test]
fn sqlite_writes_the_events() {
    let path = file("events.sqlite");
    let store = SqliteStore::open(&path).unwrap();
    let id = sign_in(&store);
    let client = rusqlite::Connection::open(&path).unwrap();
    let sql = "SELECT version, event FROM mfa_event WHERE account = ?1 ORDER BY version, place";
    let mut statement = client.prepare(sql).unwrap();
    let rows = statement.query_map([id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_trail(rows.map(Result::unwrap).collect());
}

/// A new file, in a directory that the build owns.
fn file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", path.display()));
    }
    path
}
