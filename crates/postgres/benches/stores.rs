//! What the library costs over PostgreSQL: `.ci/servers cargo bench -p countersign-postgres --bench
//! stores`. Without `DATABASE_URL`, the library alone.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

#[path = "../../../benches/shared/stores.rs"]
mod shared;

use std::env;

use countersign_postgres::{PostgresStore, create_schema};
use postgres::NoTls;
use shared::{Bare, Lane, begin, growth, random_id, ratio, record_and_event};

fn main() {
    let size = begin();
    let Ok(url) = env::var("DATABASE_URL") else { return };
    create_schema(&url).unwrap();
    for connections in [1, 4, 16] {
        let lane = |_| Lane::new(PostgresStore::open(&url).unwrap(), BarePostgres::open(&url));
        ratio(&size, "PostgreSQL", (0..connections).map(lane).collect());
    }

    println!("\none attempt among 10 accounts, and among {}", size.accounts);
    let urls = ["few", "many"].map(|name| schema(&url, name));
    let stores = urls.each_ref().map(|url| PostgresStore::open(url).unwrap());
    growth(&size, "PostgreSQL", stores, || fill_postgres(&urls[1], size.accounts));
}

struct BarePostgres {
    client: postgres::Client,
    select: postgres::Statement,
    update: postgres::Statement,
    update_and_insert: postgres::Statement,
    id: Vec<u8>,
    event: String,
}

impl BarePostgres {
    fn open(url: &str) -> BarePostgres {
        let mut client = postgres::Client::connect(url, NoTls).unwrap();
        let (id, (record, event)) = (random_id(), record_and_event());
        let sql = "INSERT INTO mfa_account (id, version, record, epoch, devices,
                   recovery_codes_left) VALUES ($1, 1, $2, 1, 1, 10)";
        client.execute(sql, &[&id, &record]).unwrap();
        let sql = "SELECT version, record FROM mfa_account WHERE id = $1";
        let select = client.prepare(sql).unwrap();
        let sql = "UPDATE mfa_account SET version = $2, record = $3 WHERE id = $1 AND version = $4";
        let update = client.prepare(sql).unwrap();
        // The store's own text, so that it is the same statement.
        let source = include_str!("../src/lib.rs");
        let (_, sql) = source.split_once("const REPLACE: &str = \"").unwrap();
        let (sql, _) = sql.split_once('"').unwrap();
        let update_and_insert = client.prepare(sql).unwrap();
        BarePostgres { client, select, update, update_and_insert, id, event }
    }

    fn select(&mut self) -> (i64, Vec<u8>) {
        let row = self.client.query_one(&self.select, &[&self.id]).unwrap();
        (row.get(0), row.get(1))
    }
}

impl Bare for BarePostgres {
    fn with_trail(&mut self) {
        let (version, record) = self.select();
        let (next, none) = (version + 1, None::<i64>);
        let (at, events) = (vec![1_800_000_000_i64], vec![self.event.as_str()]);
        #[rustfmt::skip]
        let values: [&(dyn postgres::types::ToSql + Sync); 12] = [
            &self.id, &next, &record, &1_i64, &1_i64, &10_i64, &Some(1_800_000_000_i64), &none, &none,
            &at, &events, &version,
        ];
        assert_eq!(self.client.execute(&self.update_and_insert, &values).unwrap(), 1);
    }

    fn without_trail(&mut self) {
        let (version, record) = self.select();
        let values: [&(dyn postgres::types::ToSql + Sync); 4] =
            [&self.id, &(version + 1), &record, &version];
        assert_eq!(self.client.execute(&self.update, &values).unwrap(), 1);
    }
}

/// A schema of that name, empty, and the URL at which the tables are found there.
fn schema(url: &str, name: &str) -> String {
    let sql = format!(
        "DROP SCHEMA IF EXISTS countersign_bench_{name} CASCADE;
         CREATE SCHEMA countersign_bench_{name}"
    );
    postgres::Client::connect(url, NoTls).unwrap().batch_execute(&sql).unwrap();
    let url = format!("{url}?options=-c%20search_path%3Dcountersign_bench_{name}");
    create_schema(&url).unwrap();
    url
}

fn fill_postgres(url: &str, accounts: usize) {
    let mut client = postgres::Client::connect(url, NoTls).unwrap();
    let sql = format!(
        "INSERT INTO mfa_account (id, version, record, epoch, devices, recovery_codes_left)
         SELECT substr(sha256(n::text::bytea), 1, 20), 3,
                substr(decode(repeat(md5(n::text), 40), 'hex'), 1, {}), 1, 1, 10
           FROM generate_series(1, {accounts}) AS n",
        record_and_event().0.len()
    );
    client.batch_execute(&sql).unwrap();
    client.batch_execute("CLUSTER mfa_account USING mfa_account_pkey").unwrap();
    client.batch_execute("VACUUM ANALYZE mfa_account").unwrap();
    client.batch_execute("CHECKPOINT").unwrap();
}
