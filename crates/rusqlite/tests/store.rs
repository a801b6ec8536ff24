//! SQLite against the conformance kit, without its tables, and its audit trail.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

#[path = "../../../tests/common/stores.rs"]
mod stores;

use std::fs;
use std::path::PathBuf;

use countersign_conformance as conformance;
use countersign_rusqlite::SqliteStore;
use stores::{assert_trail, sign_in};

#[test]
fn sqlite_keeps_every_promise() {
    let path = file("conformance.sqlite");
    println!("{}", conformance::run(move || SqliteStore::open(&path)).unwrap());
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
