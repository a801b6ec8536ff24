//! The stores to copy, against real databases: each passes the conformance kit.
//!
//! SQLite always runs. The others need a server: `.ci/servers cargo test --test stores -- --ignored`
//! starts one of each, or set `DATABASE_URL` and `REDIS_URL`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

use std::env;
use std::fmt::Debug;
use std::fs;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use countersign::{
    AccountId, Algorithm, Keyring, Mfa, OsRandom, Purpose, Recommended, Secret, Store, Totp,
    UnixTime, Verdict,
};
use countersign_conformance as conformance;
use serde_json::Value;
use tokio::runtime::Builder;
use tokio_postgres::NoTls;

#[path = "../examples/stores/postgres.rs"]
mod postgres_store;
#[path = "../examples/stores/redis.rs"]
mod redis_store;
#[path = "../examples/stores/sqlite.rs"]
mod sqlite_store;

use postgres_store::{AsyncPostgresStore, PostgresStore};
use redis_store::RedisStore;
use sqlite_store::SqliteStore;

/// A new file, in a directory that the build owns.
fn file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", path.display()));
    }
    path
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} says where the server is"))
}

fn database() -> String {
    let url = variable("DATABASE_URL");
    postgres_store::create_schema(&url).unwrap();
    url
}

async fn connect(url: &str) -> Result<AsyncPostgresStore, postgres_store::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    AsyncPostgresStore::new(client).await
}

#[test]
fn sqlite_keeps_every_promise() {
    let path = file("conformance.sqlite");
    println!("{}", conformance::run(move || SqliteStore::open(&path)).unwrap());
}

#[test]
#[ignore = "needs DATABASE_URL: .ci/run starts a server"]
fn postgres_keeps_every_promise() {
    let url = database();
    println!("{}", conformance::run(move || PostgresStore::open(&url)).unwrap());
}

#[test]
#[ignore = "needs DATABASE_URL: .ci/run starts a server"]
fn postgres_awaited_keeps_every_promise() {
    let url = variable("DATABASE_URL");
    let runtime = Arc::new(Builder::new_multi_thread().enable_all().build().unwrap());
    let schema = async {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
        tokio::spawn(connection);
        postgres_store::create_schema_async(&client).await
    };
    runtime.block_on(schema).unwrap();
    let open = move || {
        let url = url.clone();
        async move { connect(&url).await }
    };
    let report = conformance::run_async(open, move |task| runtime.block_on(task));
    println!("{}", report.unwrap());
}

/// On one thread, as many small hosts run it.
#[test]
#[ignore = "needs DATABASE_URL: .ci/run starts a server"]
fn postgres_awaited_on_one_thread_keeps_every_promise() {
    let url = database();
    let runtime = Arc::new(Builder::new_current_thread().enable_all().build().unwrap());
    let open = move || {
        let url = url.clone();
        async move { connect(&url).await }
    };
    let report = conformance::run_async(open, move |task| runtime.block_on(task));
    println!("{}", report.unwrap());
}

#[test]
#[ignore = "needs REDIS_URL: .ci/run starts a server"]
fn redis_keeps_every_promise() {
    let url = variable("REDIS_URL");
    println!("{}", conformance::run(move || RedisStore::open(&url)).unwrap());
}

/// Whatever the defaults of the database are, the store sets what it needs.
#[test]
#[ignore = "needs DATABASE_URL: .ci/run starts a server"]
fn postgres_keeps_every_promise_whatever_the_defaults() {
    let url = database();
    let options = "options=-c%20default_transaction_isolation=serializable\
                   %20-c%20synchronous_commit=off";
    let url = format!("{url}?{options}");
    println!("{}", conformance::run(move || PostgresStore::open(&url)).unwrap());
}

#[test]
#[ignore = "needs DATABASE_URL: .ci/run starts a server"]
fn postgres_out_of_reach_answers_nothing() {
    let line = Line::to(&database());
    let store = PostgresStore::open(&line.url).unwrap();
    out_of_reach(&store, &line);
}

#[test]
#[ignore = "needs REDIS_URL: .ci/run starts a server"]
fn redis_out_of_reach_answers_nothing() {
    let line = Line::to(&variable("REDIS_URL"));
    let store = RedisStore::open(&line.url).unwrap();
    out_of_reach(&store, &line);
}

#[test]
fn sqlite_without_its_tables_answers_nothing() {
    let path = file("no-tables.sqlite");
    let store = SqliteStore::open(&path).unwrap();
    let tables = "DROP TABLE mfa_account; DROP TABLE mfa_event; DROP TABLE mfa_note;";
    rusqlite::Connection::open(&path).unwrap().execute_batch(tables).unwrap();
    conformance::run_unreachable(&store).unwrap();
}

/// A server that may forget what it acknowledged is refused before anything is kept in it.
#[test]
#[ignore = "needs CARELESS_DATABASE_URL, without fsync: .ci/run starts a server"]
fn postgres_refuses_a_server_that_forgets() {
    let url = variable("CARELESS_DATABASE_URL");
    postgres_store::create_schema(&url).unwrap();
    let refused = PostgresStore::open(&url).map(drop);
    assert!(matches!(refused, Err(postgres_store::Error::NotDurable)), "{refused:?}");
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let refused = runtime.block_on(connect(&url)).map(drop);
    assert!(matches!(refused, Err(postgres_store::Error::NotDurable)), "{refused:?}");
}

#[test]
#[ignore = "needs CARELESS_REDIS_URL, with everysec: .ci/run starts a server"]
fn redis_refuses_a_server_that_forgets() {
    let refused = RedisStore::open(&variable("CARELESS_REDIS_URL")).map(drop);
    let Err(redis_store::Error::NotDurable { setting: "appendfsync", .. }) = refused else {
        panic!("{refused:?}");
    };
}

/// As at a deployment, where every node does it.
#[test]
#[ignore = "needs DATABASE_URL: .ci/run starts a server"]
fn postgres_creates_its_tables_from_many_places_at_once() {
    let url = variable("DATABASE_URL");
    for _ in 0..5 {
        let name = format!("countersign_{}", account());
        let sql = format!("CREATE SCHEMA {name}");
        postgres::Client::connect(&url, NoTls).unwrap().batch_execute(&sql).unwrap();
        let url = format!("{url}?options=-c%20search_path%3D{name}");
        let nodes = (0..8).map(|_| {
            let url = url.clone();
            thread::spawn(move || postgres_store::create_schema(&url))
        });
        for node in nodes.collect::<Vec<_>>() {
            node.join().unwrap().unwrap();
        }
    }
}

/// It works over the line, fails while the line is cut, and works again by itself.
fn out_of_reach<S: Store<Error: Debug>>(store: &S, line: &Line) {
    let id = account();
    assert_eq!(store.load(&id).unwrap(), None);
    line.cut();
    conformance::run_unreachable(store).unwrap();
    line.mend();
    assert_eq!(store.load(&id).unwrap(), None);
}

/// A line to a server, over a port of our own, which can be cut.
struct Line {
    url: String,
    is_cut: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Line {
    fn to(url: &str) -> Line {
        let start = url.find('@').unwrap_or(url.find("//").unwrap() + 1) + 1;
        let end = url[start..].find(['/', '?']).map_or(url.len(), |end| start + end);
        let server = url[start..end].to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = listener.local_addr().unwrap();
        let (is_cut, streams) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<_>>>::default());
        let (cut, open) = (Arc::clone(&is_cut), Arc::clone(&streams));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if cut.load(Ordering::SeqCst) {
                    continue; // dropped at once
                }
                let server = TcpStream::connect(&server).unwrap();
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    thread::spawn(move || {
                        let _ = io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                open.lock().unwrap().extend([client, server]);
            }
        });
        Line { url: format!("{}{here}{}", &url[..start], &url[end..]), is_cut, streams }
    }

    fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        for stream in self.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        self.is_cut.store(false, Ordering::SeqCst);
    }
}

/// The audit trail stands beside the record, one row for each event, and as much as the library said.
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

#[test]
#[ignore = "needs DATABASE_URL: .ci/run starts a server"]
fn postgres_writes_the_events() {
    let url = database();
    let id = sign_in(&PostgresStore::open(&url).unwrap());
    let mut client = postgres::Client::connect(&url, NoTls).unwrap();
    let sql = "SELECT version, event::text FROM mfa_event WHERE account = $1
                ORDER BY version, place";
    let rows = client.query(sql, &[&id.as_bytes()]).unwrap();
    assert_trail(rows.iter().map(|row| (row.get(0), row.get(1))).collect());

    let sql =
        "SELECT devices, recovery_codes_left, last_used, epoch FROM mfa_account WHERE id = $1";
    let row = client.query_one(sql, &[&id.as_bytes()]).unwrap();
    assert_eq!([0, 1, 2, 3].map(|column| row.get::<_, i64>(column)), [1, 10, 1_800_000_060, 1]);
    let sql = "SELECT count(*) FROM mfa_note WHERE account = $1";
    let notes: i64 = client.query_one(sql, &[&id.as_bytes()]).unwrap().get(0);
    assert_eq!(notes, 1, "a malformed code, three times in a second");
}

#[test]
#[ignore = "needs REDIS_URL: .ci/run starts a server"]
fn redis_writes_the_events() {
    let url = variable("REDIS_URL");
    let id = sign_in(&RedisStore::open(&url).unwrap());
    let mut client = redis::Client::open(url).unwrap().get_connection().unwrap();
    let key = format!("mfa:{{{id}}}:events");
    let rows: Vec<(String, Vec<(String, String)>)> =
        redis::cmd("XRANGE").arg(key).arg(&["-", "+"]).query(&mut client).unwrap();
    let row = |(at, fields): (String, Vec<(String, String)>)| {
        (at.split_once('-').unwrap().0.parse().unwrap(), fields[0].1.clone())
    };
    assert_trail(rows.into_iter().map(row).collect());
}

/// Enrols, confirms, signs in, is wrong once, and types nonsense three times.
fn sign_in<S: Store<Error: Debug>>(store: &S) -> AccountId {
    let now = UnixTime::from_secs(1_800_000_000);
    let mut rng = OsRandom::new().unwrap();
    let mfa = Mfa::new(Keyring::new([7; 32]), Recommended);
    let id = account();
    let pending = mfa.enrol(&id, "phone", &mut rng, now).run(store).unwrap().done().unwrap();
    let uri = pending.uri("Acme Billing", "dana").unwrap();
    let phone = Totp::new(uri.secret(), uri.totp_parameters().unwrap());
    let code = |at| phone.generate(at).unwrap().expose_str().to_owned();
    let verdict = mfa.confirm(&id, pending.id(), &code(now), &mut rng, now).run(store).unwrap();
    assert!(verdict.accepted().is_some());
    let now = now.plus(60);
    let right = mfa.verify(&id, &code(now), Purpose::SignIn, now).run(store).unwrap();
    assert!(matches!(right, Verdict::Accepted(_)), "{right:?}");
    let wrong = mfa.verify(&id, &code(now), Purpose::SignIn, now).run(store).unwrap();
    assert!(matches!(wrong, Verdict::Rejected { .. }), "{wrong:?}");
    for _ in 0..3 {
        let malformed = mfa.verify(&id, "nonsense", Purpose::SignIn, now).run(store).unwrap();
        assert!(matches!(malformed, Verdict::Malformed), "{malformed:?}");
    }
    id
}

/// An account that no other test and no other run has.
fn account() -> AccountId {
    static ACCOUNTS: AtomicU32 = AtomicU32::new(0);
    let number = ACCOUNTS.fetch_add(1, Ordering::Relaxed);
    let random = Secret::generate(Algorithm::Sha1, &mut OsRandom::new().unwrap());
    AccountId::new([random.expose_bytes(), &number.to_be_bytes()].concat()).unwrap()
}

fn assert_trail(rows: Vec<(i64, String)>) {
    let rows: Vec<(i64, Value)> = rows
        .into_iter()
        .map(|(version, event)| (version, serde_json::from_str(&event).unwrap()))
        .collect();
    let kinds: Vec<(i64, String)> = rows
        .iter()
        .map(|(version, event)| {
            let kind = &event["kind"];
            let name = kind.as_object().map(|kind| kind.keys().next().unwrap().clone());
            (*version, name.unwrap_or_else(|| kind.as_str().unwrap().to_owned()))
        })
        .collect();
    let expected = [
        (1, "enrolment-started"),
        (2, "bound"),
        (2, "recovery-codes-issued"),
        (3, "accepted"),
        (4, "rejected"),
    ];
    let found: Vec<(i64, &str)> =
        kinds.iter().map(|(version, kind)| (*version, kind.as_str())).collect();
    assert_eq!(found, expected);
}
