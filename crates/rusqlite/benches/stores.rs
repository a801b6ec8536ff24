//! What the library costs over SQLite: `cargo bench -p countersign-rusqlite --bench stores`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

#[path = "../../../benches/shared/stores.rs"]
mod shared;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_rusqlite::SqliteStore;
use shared::{Bare, Lane, begin, growth, random_id, ratio, record_and_event};

fn main() {
    let size = begin();
    let file = file("ratio.sqlite");
    for connections in [1, 4] {
        let lane = |_| {
            let store = SqliteStore::open(&file).unwrap();
            Lane::new(store, BareSqlite::open(&file))
        };
        ratio(&size, "SQLite", (0..connections).map(lane).collect());
    }

    println!("\none attempt among 10 accounts, and among {}", size.accounts);
    let files = ["few.sqlite", "many.sqlite"].map(self::file);
    growth(&size, "SQLite", files.each_ref().map(|file| SqliteStore::open(file).unwrap()), || {
        fill_sqlite(&files[1], size.accounts);
    });
}

struct BareSqlite {
    client: rusqlite::Connection,
    id: Vec<u8>,
    event: String,
}

impl BareSqlite {
    fn open(path: &Path) -> BareSqlite {
        let client = rusqlite::Connection::open(path).unwrap();
        client.busy_timeout(Duration::from_secs(10)).unwrap();
        client.execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;").unwrap();
        let (id, (record, event)) = (random_id(), record_and_event());
        let sql = "INSERT INTO mfa_account (id, version, record) VALUES (?1, 1, ?2)";
        client.execute(sql, (&id, record)).unwrap();
        BareSqlite { client, id, event }
    }

    fn select(&self) -> (i64, Vec<u8>) {
        let sql = "SELECT version, record FROM mfa_account WHERE id = ?1";
        self.client.query_row(sql, [&self.id], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    }

    fn update(client: &rusqlite::Connection, id: &[u8], version: i64, record: Vec<u8>) {
        let sql = "UPDATE mfa_account SET version = ?2, record = ?3 WHERE id = ?1 AND version = ?4";
        assert_eq!(client.execute(sql, (id, version + 1, record, version)).unwrap(), 1);
    }
}

impl Bare for BareSqlite {
    fn with_trail(&mut self) {
        let (version, record) = self.select();
        let immediate = rusqlite::TransactionBehavior::Immediate;
        let transaction = self.client.transaction_with_behavior(immediate).unwrap();
        BareSqlite::update(&transaction, &self.id, version, record);
        let sql = "UPDATE mfa_account
                      SET epoch = ?2, devices = ?3, recovery_codes_left = ?4, last_used = ?5,
                          waiting_until = ?6, offboarded_at = ?7
                    WHERE id = ?1";
        let none = None::<i64>;
        transaction.execute(sql, (&self.id, 1, 1, 10, 1_800_000_000, none, none)).unwrap();
        let sql = "INSERT INTO mfa_event (account, version, place, at, event)
                   VALUES (?1, ?2, 0, ?3, ?4)";
        transaction.execute(sql, (&self.id, version + 1, 1_800_000_000, &self.event)).unwrap();
        transaction.commit().unwrap();
    }

    fn without_trail(&mut self) {
        let (version, record) = self.select();
        BareSqlite::update(&self.client, &self.id, version, record);
    }
}

/// A new file, in a directory that the build owns.
fn file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", path.display()));
    }
    path
}

/// Rows of the usual size, whose ids and places fall anywhere between those that are there.
fn fill_sqlite(path: &Path, accounts: usize) {
    let client = rusqlite::Connection::open(path).unwrap();
    let sql = format!(
        "PRAGMA cache_size = -500000;
         INSERT INTO mfa_account (id, version, record)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {accounts})
         SELECT randomblob(20) AS id, 3, randomblob({}) FROM n ORDER BY id;
         CREATE TEMP TABLE shuffled AS SELECT * FROM mfa_account ORDER BY id;
         DELETE FROM mfa_account;
         INSERT INTO mfa_account SELECT * FROM shuffled;
         PRAGMA wal_checkpoint(TRUNCATE);",
        record_and_event().0.len()
    );
    client.execute_batch(&sql).unwrap();
}
