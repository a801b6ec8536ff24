//! PostgreSQL under processes that are killed and sessions that are ended in mid-attempt, and under
//! eight processes at once: `.ci/servers cargo test -p countersign-postgres -- --ignored`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

#[path = "../../../tests/common/faults.rs"]
mod faults;

use std::env;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use countersign::{AccountId, Record, Store, Swap, Write};
use countersign_postgres::{PostgresStore, create_schema};
use faults::{
    Answer, AnyStore, Database, FAULTS, History, Person, Said, TURN, compare, eight_processes,
    kill_in_mid_attempt,
};
use postgres::{Client, NoTls};

#[test]
#[ignore = "needs DATABASE_URL: .ci/run starts a server"]
fn postgres_survives_the_death_of_its_process() {
    let database = Postgres::new();
    kill_in_mid_attempt(&database, &database.of_a_victim()).unwrap();
}

#[test]
#[ignore = "needs DATABASE_URL: .ci/run starts a server"]
fn postgres_survives_the_death_of_its_connection() {
    end_sessions_in_mid_attempt(&Postgres::new(), false).unwrap();
}

/// The same over a store that takes a cut connection for a stored write.
#[test]
#[ignore = "needs DATABASE_URL: .ci/run starts a server"]
fn a_store_that_takes_a_cut_for_a_yes_is_seen() {
    let seen = end_sessions_in_mid_attempt(&Postgres::new(), true).unwrap_err();
    assert!(seen.contains("was answered and is not in the history"), "{seen}");
}

#[test]
#[ignore = "needs DATABASE_URL: .ci/run starts a server"]
fn eight_processes_on_postgres() {
    eight_processes(&Postgres::new());
}

#[test]
#[ignore = "the other processes of these tests; by itself it does nothing"]
fn child() {
    faults::child::<Postgres>();
}

/// The URL of the server.
struct Postgres(String);

impl Postgres {
    fn new() -> Postgres {
        let url = env::var("DATABASE_URL").expect("DATABASE_URL says where the server is");
        create_schema(&url).unwrap();
        Postgres(url)
    }
}

impl Database for Postgres {
    fn open(name: &str) -> AnyStore {
        Box::new(Said(PostgresStore::open(name).unwrap()))
    }

    fn of_a_victim(&self) -> String {
        format!("{self}?application_name={}", victim())
    }

    fn outlive(&self) {
        let mut client = Client::connect(&self.0, NoTls).unwrap();
        let sql = "SELECT FROM pg_stat_activity WHERE application_name = $1";
        let started = Instant::now();
        while !client.query(sql, &[&victim()]).unwrap().is_empty() {
            assert!(started.elapsed() < Duration::from_secs(20), "a session without a client");
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn events(&self, id: &AccountId, after: u64) -> Vec<(i64, i64, String)> {
        let sql = "SELECT version, place, event::text FROM mfa_event
                    WHERE account = $1 AND version > $2
                    ORDER BY version, place";
        let mut client = Client::connect(&self.0, NoTls).unwrap();
        let after = i64::try_from(after).unwrap();
        let rows = client.query(sql, &[&id.as_bytes(), &after]).unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
    }
}

impl fmt::Display for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of the sessions that are to end.
fn victim() -> String {
    format!("victim-{}-{:?}", std::process::id(), thread::current().id())
}

/// Wrong: an error is a stored write.
struct ErrorsAreStored(AnyStore);

impl Store for ErrorsAreStored {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        self.0.load(id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        Ok(self.0.swap(id, write).unwrap_or(Swap::Stored))
    }
}

/// One thread tries and tries; another one ends its sessions.
fn end_sessions_in_mid_attempt(database: &Postgres, wrong: bool) -> Result<(), String> {
    let here = Postgres::open(&database.to_string());
    let person = Person::enrol(&here);
    let mut history = History::begin(database, &here, &person);
    let name = victim();
    let mut store = Postgres::open(&database.of_a_victim());
    if wrong {
        store = Box::new(ErrorsAreStored(store));
    }
    let over = AtomicBool::new(false);
    let (attempts, ended) = thread::scope(|scope| {
        let trying = scope.spawn(|| {
            let mut attempts = Vec::new();
            for turn in 1.. {
                for kind in TURN {
                    let answer = person.attempt(&store, turn, kind);
                    attempts.push((turn, answer));
                    // After a lost answer the next turn, so that each decision has one place.
                    if answer == Answer::Lost {
                        break;
                    }
                }
                if over.load(Ordering::Relaxed) {
                    break;
                }
            }
            attempts
        });
        let mut client = Client::connect(&database.to_string(), NoTls).unwrap();
        let sql =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1";
        let sql = client.prepare(sql).unwrap();
        let (mut ended, started) = (0, Instant::now());
        for nth in 0_u64.. {
            if ended >= FAULTS + FAULTS / 2 || started.elapsed() > Duration::from_secs(120) {
                break;
            }
            thread::sleep(Duration::from_micros(10_000 + nth * 7_333 % 40_000));
            ended += client.query(&sql, &[&name]).unwrap().len();
        }
        over.store(true, Ordering::Relaxed);
        (trying.join().unwrap(), ended)
    });
    let lost = attempts.iter().filter(|(_, answer)| *answer == Answer::Lost).count();
    let decided = history.read(database, &here, &person)?;
    compare(&attempts, &decided)?;
    println!(
        "{ended} sessions ended, {lost} attempts lost their answer; {} accepted, {} rejected",
        history.accepted, history.rejected
    );
    assert!(lost >= FAULTS, "{lost} attempts were interrupted");
    assert!(history.accepted > FAULTS / 2, "the attempts were real");
    Ok(())
}
