//! PostgreSQL against the conformance kit, blocking and awaited, out of reach, and its audit trail:
//! `.ci/servers cargo test -p countersign-postgres -- --ignored`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

#[path = "../../../tests/common/stores.rs"]
mod stores;

use std::sync::{Arc, Mutex};
use std::thread;

use countersign::{AccountId, Event};
use countersign_conformance::{self as conformance, Kit};
use countersign_postgres::{
    AsyncPostgresStore, Error, PostgresStore, create_schema, create_schema_async,
};
use stores::{Columns, Line, account, assert_trail, columns, out_of_reach, sign_in, variable};
use tokio::runtime::Builder;
use tokio_postgres::NoTls;

#[test]
#[ignore = "needs DATABASE_URL: .ci/run starts a server"]
fn postgres_keeps_every_promise() {
    let url = database();
    let location = url.clone();
    let client = Mutex::new(postgres::Client::connect(&url, NoTls).unwrap());
    let kit = Kit::new(move || PostgresStore::open(&url))
        .beside(move |id| beside(&mut client.lock().unwrap(), id), columns)
        .second_process("the_second_process", location);
    println!("{}", kit.run().unwrap());
}

#[test]
fn the_second_process() {
    conformance::second_process(|url| Kit::new(move || PostgresStore::open(&url)));
}

/// What the host's queries read beside a record.
fn beside(
    client: &mut postgres::Client,
    id: &AccountId,
) -> Result<(Vec<Event>, Columns), postgres::Error> {
    let sql = "SELECT event::text FROM mfa_event WHERE account = $1 ORDER BY version, place";
    let events = client.query(sql, &[&id.as_bytes()])?;
    let events = events.iter().map(|row| serde_json::from_str(row.get(0)).unwrap()).collect();
    let sql = "SELECT epoch, devices, recovery_codes_left, last_used, waiting_until, offboarded_at
                 FROM mfa_account WHERE id = $1";
    let row = client.query_opt(sql, &[&id.as_bytes()])?;
    // An account that is not there yet has no columns.
    let columns = row.map(|row| [0, 1, 2, 3, 4, 5].map(|nth| row.get(nth))).unwrap_or_default();
    Ok((events, columns))
}

#[test]
#[ignore = "needs DATABASE_URL: .ci/run starts a server"]
fn postgres_awaited_keeps_every_promise() {
    let url = variable("DATABASE_URL");
    let runtime = Arc::new(Builder::new_multi_thread().enable_all().build().unwrap());
    let schema = async {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
        tokio::spawn(connection);
        create_schema_async(&client).await
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
#[ignore = "needs DATABASE_URL: .ci/run starts a server"]
fn postgres_awaited_out_of_reach_answers_nothing() {
    let line = Line::to(&database());
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let store = runtime.block_on(connect(&line.url)).unwrap();
    line.cut();
    conformance::run_unreachable_async(&store, move |task| runtime.block_on(task)).unwrap();
}

/// A server that may forget what it acknowledged is refused before anything is kept in it.
#[test]
#[ignore = "needs CARELESS_DATABASE_URL, without fsync: .ci/run starts a server"]
fn postgres_refuses_a_server_that_forgets() {
    let url = variable("CARELESS_DATABASE_URL");
    create_schema(&url).unwrap();
    let refused = PostgresStore::open(&url).map(drop);
    assert!(matches!(refused, Err(Error::NotDurable)), "{refused:?}");
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let refused = runtime.block_on(connect(&url)).map(drop);
    assert!(matches!(refused, Err(Error::NotDurable)), "{refused:?}");
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
            thread::spawn(move || create_schema(&url))
        });
        for node in nodes.collect::<Vec<_>>() {
            node.join().unwrap().unwrap();
        }
    }
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

fn database() -> String {
    let url = variable("DATABASE_URL");
    create_schema(&url).unwrap();
    url
}

async fn connect(url: &str) -> Result<AsyncPostgresStore, Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    AsyncPostgresStore::new(client).await
}
