//! SQLite under processes that are killed in mid-attempt, and under eight processes at once.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

#[path = "../../../tests/common/faults.rs"]
mod faults;

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use countersign::{AccountId, Event, Record, Store, Swap, Write};
use countersign_rusqlite::SqliteStore;
use faults::{AnyStore, Database, Said, eight_processes, kill_in_mid_attempt};

#[test]
fn sqlite_survives_the_death_of_its_process() {
    let database = Sqlite::new("killed.sqlite");
    kill_in_mid_attempt(&database, &database.of_a_victim()).unwrap();
}

/// The same test fails over stores that are wrong in the two ways that a kill shows.
#[test]
fn a_store_that_a_kill_breaks_is_seen() {
    // The record in one transaction and its events in the next.
    let database = Sqlite::new("torn.sqlite");
    let seen = kill_in_mid_attempt(&database, &format!("torn:{database}")).unwrap_err();
    assert!(seen.contains("no event"), "{seen}");
    // Stored first, and committed a little later.
    let database = Sqlite::new("behind.sqlite");
    let seen = kill_in_mid_attempt(&database, &format!("behind:{database}")).unwrap_err();
    assert!(seen.contains("was answered and is not in the history"), "{seen}");
}

#[test]
fn eight_processes_on_sqlite() {
    eight_processes(&Sqlite::new("eight.sqlite"));
}

#[test]
#[ignore = "the other processes of these tests; by itself it does nothing"]
fn child() {
    faults::child::<Sqlite>();
}

/// The file of one test.
struct Sqlite(PathBuf);

impl Sqlite {
    fn new(name: &str) -> Sqlite {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        for end in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{end}", path.display()));
        }
        Sqlite(path)
    }
}

impl Database for Sqlite {
    fn open(name: &str) -> AnyStore {
        if let Some(path) = name.strip_prefix("torn:") {
            return Box::new(TwoTransactions::open(path, Duration::ZERO));
        }
        if let Some(path) = name.strip_prefix("behind:") {
            return Box::new(TwoTransactions::open(path, Duration::from_millis(2)));
        }
        Box::new(Said(SqliteStore::open(name).unwrap()))
    }

    fn of_a_victim(&self) -> String {
        self.to_string()
    }

    fn outlive(&self) {}

    fn events(&self, id: &AccountId, after: u64) -> Vec<(i64, i64, String)> {
        let sql = "SELECT version, place, event FROM mfa_event WHERE account = ? AND version > ?
                    ORDER BY version, place";
        let client = rusqlite::Connection::open(&self.0).unwrap();
        client.busy_timeout(Duration::from_secs(10)).unwrap();
        let mut statement = client.prepare(sql).unwrap();
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let after = i64::try_from(after).unwrap();
        let rows = statement.query_map((id.as_bytes(), after), row).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

impl fmt::Display for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.display())
    }
}

/// Wrong: the record and its events in two transactions; and both a while after the answer, if there
/// is a delay.
struct TwoTransactions {
    store: SqliteStore,
    path: String,
    behind: Option<mpsc::Sender<Batch>>,
    newest: Mutex<Option<Record>>,
}

struct Batch {
    id: AccountId,
    record: Record,
    events: Vec<Event>,
}

impl TwoTransactions {
    fn open(path: &str, delay: Duration) -> TwoTransactions {
        let store = SqliteStore::open(path).unwrap();
        let behind = (!delay.is_zero()).then(|| {
            let (send, receive) = mpsc::channel::<Batch>();
            let path = path.to_owned();
            thread::spawn(move || {
                for batch in receive {
                    thread::sleep(delay);
                    TwoTransactions::write(&path, &batch, true);
                }
            });
            send
        });
        TwoTransactions { store, path: path.to_owned(), behind, newest: Mutex::default() }
    }

    fn write(path: &str, batch: &Batch, together: bool) {
        let client = rusqlite::Connection::open(path).unwrap();
        client.busy_timeout(Duration::from_secs(10)).unwrap();
        if together {
            client.execute_batch("BEGIN IMMEDIATE").unwrap();
        }
        let version = i64::try_from(batch.record.version()).unwrap();
        let account = batch.id.as_bytes();
        let sql = "UPDATE mfa_account SET version = ?2, record = ?3 WHERE id = ?1";
        client.execute(sql, (account, version, batch.record.as_bytes())).unwrap();
        for (place, event) in (0_i64..).zip(&batch.events) {
            let sql = "INSERT INTO mfa_event (account, version, place, at, event)
                       VALUES (?1, ?2, ?3, 0, ?4)";
            let event = serde_json::to_string(event).unwrap();
            client.execute(sql, (account, version, place, event)).unwrap();
        }
        if together {
            client.execute_batch("COMMIT").unwrap();
        }
    }
}

impl Store for TwoTransactions {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        let newest = self.newest.lock().unwrap().clone();
        Ok(newest.or_else(|| self.store.load(id).unwrap()))
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        if self.load(id)?.as_ref().map(Record::version) != write.expected() {
            return Ok(Swap::Stale);
        }
        let (record, events) = (write.record().clone(), write.events().to_vec());
        let batch = Batch { id: *id, record: record.clone(), events };
        match &self.behind {
            Some(behind) => {
                *self.newest.lock().unwrap() = Some(record);
                behind.send(batch).unwrap();
            }
            None => TwoTransactions::write(&self.path, &batch, false),
        }
        Ok(Swap::Stored)
    }
}
