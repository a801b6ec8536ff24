//! What the library costs over a store: ratios within one run, because seconds are the machine's.
//!
//! `.ci/servers cargo bench --bench stores`. SQLite always runs; PostgreSQL and Redis where
//! `DATABASE_URL` and `REDIS_URL` say. Without `--bench`, as in `cargo test --benches`, the same with
//! tiny numbers, to see that it runs.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::env;
use std::fmt::Debug;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use countersign::account::ExistingDevice;
use countersign::account::Text;
use countersign::mfa::Decided;
use countersign::otp::Parameters;
use countersign::{
    AccountId, Algorithm, Keyring, MemoryStore, Mfa, OsRandom, Purpose, Recommended, Record,
    Secret, Store, Swap, Totp, UnixTime, Verdict, Write,
};
use postgres::NoTls;

#[allow(dead_code)]
#[path = "../examples/stores/postgres.rs"]
mod postgres_store;
#[path = "../examples/stores/redis.rs"]
mod redis_store;
#[path = "../examples/stores/sqlite.rs"]
mod sqlite_store;

use postgres_store::PostgresStore;
use redis_store::RedisStore;
use sqlite_store::SqliteStore;

fn main() {
    let full = env::args().any(|argument| argument == "--bench");
    let size = if full { Size::FULL } else { Size::TINY };
    println!("an attempt: load, decide, swap; a right code, one event written with the record\n");
    library_alone(&size);
    let [database, redis] = ["DATABASE_URL", "REDIS_URL"].map(|name| env::var(name).ok());

    println!(
        "\nattempts per second; against a bare loop of the same SELECT and UPDATE, audit trail and \
         all, over the same driver (goal 0.80); and against one that keeps no audit trail"
    );
    let file = file("ratio.sqlite");
    for connections in [1, 4] {
        let lane = |_| {
            let store = SqliteStore::open(&file).unwrap();
            Lane::new(store, BareSqlite::open(&file))
        };
        ratio(&size, "SQLite", (0..connections).map(lane).collect());
    }
    if let Some(url) = &database {
        postgres_store::create_schema(url).unwrap();
        for connections in [1, 4, 16] {
            let lane = |_| Lane::new(PostgresStore::open(url).unwrap(), BarePostgres::open(url));
            ratio(&size, "PostgreSQL", (0..connections).map(lane).collect());
        }
    }
    if let Some(url) = &redis {
        for connections in [1, 4] {
            let lane = |_| Lane::new(RedisStore::open(url).unwrap(), BareRedis::open(url));
            ratio(&size, "Redis", (0..connections).map(lane).collect());
        }
    }

    println!("\none attempt among 10 accounts, and among {}", size.accounts);
    let files = ["few.sqlite", "many.sqlite"].map(self::file);
    growth(&size, "SQLite", files.each_ref().map(|file| SqliteStore::open(file).unwrap()), || {
        fill_sqlite(&files[1], size.accounts);
    });
    if let Some(url) = &database {
        let urls = ["few", "many"].map(|name| schema(url, name));
        let stores = urls.each_ref().map(|url| PostgresStore::open(url).unwrap());
        growth(&size, "PostgreSQL", stores, || fill_postgres(&urls[1], size.accounts));
    }
}

struct Size {
    /// How long one side of a ratio runs before the other side has its turn, and how often.
    block: Duration,
    blocks: u32,
    accounts: usize,
    /// Attempts among few, and as many among many.
    samples: usize,
}

impl Size {
    const FULL: Size =
        Size { block: Duration::from_millis(500), blocks: 10, accounts: 1_000_000, samples: 5_000 };
    const TINY: Size =
        Size { block: Duration::from_millis(10), blocks: 2, accounts: 1000, samples: 100 };
}

/// Somebody with a phone who signs in again and again.
struct Person {
    id: AccountId,
    phone: Totp,
    turn: u64,
}

fn mfa() -> Mfa<Keyring, Recommended> {
    Mfa::new(Keyring::new([7; 32]), Recommended)
}

fn moment(turn: u64) -> UnixTime {
    UnixTime::from_secs(1_800_000_000 + turn * 60)
}

impl Person {
    fn import<S: Store<Error: Debug>>(store: &S) -> Person {
        let mut rng = OsRandom::new().unwrap();
        let secret = Secret::generate(Algorithm::Sha1, &mut rng);
        let id = AccountId::new(Secret::generate(Algorithm::Sha1, &mut rng).expose_bytes());
        let (id, parameters) = (id.unwrap(), Parameters::default());
        let phone = Totp::new(&secret, parameters);
        let label = Text::new("phone").unwrap();
        let device = ExistingDevice::totp(label, secret, parameters, None);
        let import = mfa().import(&id, device, &mut rng, moment(0)).run(store).unwrap();
        import.done().unwrap();
        Person { id, phone, turn: 0 }
    }

    fn sign_in<S: Store<Error: Debug>>(&mut self, mfa: &Mfa<Keyring, Recommended>, store: &S) {
        self.turn += 1;
        let now = moment(self.turn);
        let code = self.phone.generate(now).unwrap();
        let verify = mfa.verify(&self.id, code.expose_str(), Purpose::SignIn, now);
        assert!(matches!(verify.run(store).unwrap(), Verdict::Accepted(_)));
    }
}

/// The library over nothing: what the processor does for one attempt.
fn library_alone(size: &Size) {
    let (store, mfa) = (Remembers::default(), mfa());
    let mut person = Person::import(&store);
    let rounds = size.samples;
    let started = Instant::now();
    for _ in 0..rounds {
        person.sign_in(&mfa, &store);
    }
    let attempt = started.elapsed();
    let record = Store::load(&store, &person.id).unwrap().unwrap();
    let code = person.phone.generate(moment(person.turn + 1)).unwrap();
    let now = moment(person.turn + 1);
    let started = Instant::now();
    for _ in 0..rounds {
        let verify = mfa.verify(&person.id, code.expose_str(), Purpose::SignIn, now);
        let _ = black_box(verify.decide(Some(record.clone()), None).unwrap());
    }
    let decide = started.elapsed();
    let started = Instant::now();
    for _ in 0..rounds {
        let _ = black_box(person.phone.find(&code, now, countersign::Window::ONE_EACH_WAY, None));
    }
    let find = started.elapsed();
    let started = Instant::now();
    for _ in 0..rounds {
        black_box(mfa.summary(&person.id, now).run(&store).unwrap());
    }
    let open = started.elapsed();
    let each = |time: Duration| time.as_secs_f64() * 1e6 / rounds as f64;
    println!(
        "the library alone: {:.1} us an attempt (decide {:.1}; of it open and read {:.1}, window {:.1}); \
         {} bytes a record",
        each(attempt),
        each(decide),
        each(open),
        each(find),
        record.as_bytes().len()
    );
}

/// One record, no lock, no table: not a store, the cheapest thing to decide over.
#[derive(Default)]
struct Remembers(RefCell<Option<Record>>);

impl Store for Remembers {
    type Error = Infallible;

    fn load(&self, _: &AccountId) -> Result<Option<Record>, Infallible> {
        Ok(self.0.borrow().clone())
    }

    fn swap(&self, _: &AccountId, write: &Write<'_>) -> Result<Swap, Infallible> {
        *self.0.borrow_mut() = Some(write.record().clone());
        Ok(Swap::Stored)
    }
}

/// One connection of each kind, and somebody who uses it.
struct Lane<S, B> {
    store: S,
    person: Person,
    bare: B,
}

impl<S: Store<Error: Debug>, B> Lane<S, B> {
    fn new(store: S, bare: B) -> Lane<S, B> {
        Lane { person: Person::import(&store), store, bare }
    }
}

/// The same SELECT and UPDATE over the same driver, and nothing between them.
trait Bare: Send {
    /// With the events and the host's columns, in the transaction or the script of the store.
    fn with_trail(&mut self);
    /// The record and its version alone.
    fn without_trail(&mut self);
}

/// Turns about: the library for a while, then the bare loops, and again.
fn ratio<S: Store<Error: Debug> + Send, B: Bare>(
    size: &Size,
    name: &str,
    mut lanes: Vec<Lane<S, B>>,
) {
    let mfa = mfa();
    let (mut rates, mut in_store) = ([0.0; 3], 0.0);
    for _ in 0..size.blocks {
        let spent = at_once(&mut lanes, |lane| {
            let timed = Timed { store: &lane.store, spent: Cell::default() };
            let started = Instant::now();
            let rate = repeat(size.block, || lane.person.sign_in(&mfa, &timed));
            (rate, timed.spent.get().as_secs_f64() / started.elapsed().as_secs_f64())
        });
        rates[0] += spent.iter().map(|(rate, _)| rate).sum::<f64>();
        in_store += spent.iter().map(|(_, spent)| spent).sum::<f64>() / lanes.len() as f64;
        let bare = at_once(&mut lanes, |lane| repeat(size.block, || lane.bare.with_trail()));
        rates[1] += bare.iter().sum::<f64>();
        let bare = at_once(&mut lanes, |lane| repeat(size.block, || lane.bare.without_trail()));
        rates[2] += bare.iter().sum::<f64>();
    }
    let [attempts, with_trail, without_trail] = rates.map(|rate| rate / f64::from(size.blocks));
    let ratio = attempts / with_trail;
    println!(
        "{name:10} {:2} connections: {attempts:6.0}/s, bare {with_trail:6.0}/s: {ratio:.2}{}; \
         without trail {without_trail:6.0}/s: {:.2}; {:.1} % of the time is the store's",
        lanes.len(),
        if ratio < 0.8 { " MISSED" } else { "" },
        attempts / without_trail,
        in_store / f64::from(size.blocks) * 100.0
    );
}

fn at_once<L: Send, T: Send>(lanes: &mut [L], work: impl Fn(&mut L) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> =
            lanes.iter_mut().map(|lane| scope.spawn(move || work(lane))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Times per second.
fn repeat(time: Duration, mut work: impl FnMut()) -> f64 {
    let started = Instant::now();
    let mut count = 0_u32;
    while started.elapsed() < time {
        work();
        count += 1;
    }
    f64::from(count) / started.elapsed().as_secs_f64()
}

/// How long the store takes.
struct Timed<'a, S> {
    store: &'a S,
    spent: Cell<Duration>,
}

impl<S: Store> Store for Timed<'_, S> {
    type Error = S::Error;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, S::Error> {
        let started = Instant::now();
        let loaded = self.store.load(id);
        self.spent.set(self.spent.get() + started.elapsed());
        loaded
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, S::Error> {
        let started = Instant::now();
        let swap = self.store.swap(id, write);
        self.spent.set(self.spent.get() + started.elapsed());
        swap
    }
}

/// The record of somebody with one app, and the event of a sign-in.
fn record_and_event() -> (Vec<u8>, String) {
    let store = MemoryStore::new();
    let mut person = Person::import(&store);
    person.sign_in(&mfa(), &store);
    let record = Store::load(&store, &person.id).unwrap();
    let code = person.phone.generate(moment(9)).unwrap();
    let mfa = mfa();
    let verify = mfa.verify(&person.id, code.expose_str(), Purpose::SignIn, moment(9));
    let Decided::Write(prepared) = verify.decide(record, None).unwrap() else { panic!() };
    let write = prepared.write();
    (write.record().as_bytes().to_vec(), serde_json::to_string(&write.events()[0]).unwrap())
}

fn random_id() -> Vec<u8> {
    let random = Secret::generate(Algorithm::Sha1, &mut OsRandom::new().unwrap());
    random.expose_bytes().to_vec()
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
        let source = include_str!("../examples/stores/postgres.rs");
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

struct BareRedis {
    client: redis::Connection,
    swap: redis::Script,
    key: Vec<u8>,
    event: String,
}

impl BareRedis {
    fn open(url: &str) -> BareRedis {
        let mut client = redis::Client::open(url).unwrap().get_connection().unwrap();
        let (record, event) = record_and_event();
        let key = [b"bare:".as_slice(), &random_id()].concat();
        let mut set = redis::cmd("HSET");
        set.arg(&key).arg("version").arg(1).arg("record").arg(record);
        set.exec(&mut client).unwrap();
        let swap = redis::Script::new(
            "if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
             redis.call('HSET', KEYS[1], 'version', ARGV[2], 'record', ARGV[3])
             if ARGV[4] then redis.call('XADD', KEYS[2], ARGV[2] .. '-1', 'event', ARGV[4]) end
             return 1",
        );
        BareRedis { client, swap, key, event }
    }

    fn select_and_update(&mut self, trail: bool) {
        let mut get = redis::cmd("HMGET");
        get.arg(&self.key).arg(&["version", "record"]);
        let (version, record): (u64, Vec<u8>) = get.query(&mut self.client).unwrap();
        let mut swap = self.swap.prepare_invoke();
        swap.key(&self.key).key([&self.key, b":events".as_slice()].concat());
        swap.arg(version).arg(version + 1).arg(record);
        if trail {
            swap.arg(&self.event);
        }
        assert_eq!(swap.invoke::<u8>(&mut self.client).unwrap(), 1);
    }
}

impl Bare for BareRedis {
    fn with_trail(&mut self) {
        self.select_and_update(true);
    }

    fn without_trail(&mut self) {
        self.select_and_update(false);
    }
}

/// Ten people in one database; in the other as many as there are samples, each somewhere among a
/// million, so that every attempt meets a row that nobody touched before.
fn growth<S: Store<Error: Debug>>(size: &Size, name: &str, stores: [S; 2], fill: impl FnOnce()) {
    let mfa = mfa();
    let [few, many] = stores;
    let mut ten: Vec<Person> = (0..10).map(|_| Person::import(&few)).collect();
    let mut scattered: Vec<Person> = (0..size.samples).map(|_| Person::import(&many)).collect();
    fill();
    let mut times: [Vec<Duration>; 2] = Default::default();
    // In turns, so that whatever else the machine does falls on both.
    for sample in 0..size.samples {
        let started = Instant::now();
        ten[sample % 10].sign_in(&mfa, &few);
        times[0].push(started.elapsed());
        let started = Instant::now();
        scattered[sample].sign_in(&mfa, &many);
        times[1].push(started.elapsed());
    }
    let [few, many] = times.map(|mut times| {
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
        [at(50), at(99)].map(|time| time.as_secs_f64() * 1e6)
    });
    println!(
        "{name:11} median {:.0} and {:.0} us, {:.2} times; p99 {:.0} and {:.0} us, {:.2} times \
         (goal 1.50){}",
        few[0],
        many[0],
        many[0] / few[0],
        few[1],
        many[1],
        many[1] / few[1],
        if many[1] > 1.5 * few[1] { " MISSED" } else { "" }
    );
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

/// A schema of that name, empty, and the URL at which the tables are found there.
fn schema(url: &str, name: &str) -> String {
    let sql = format!(
        "DROP SCHEMA IF EXISTS countersign_bench_{name} CASCADE;
         CREATE SCHEMA countersign_bench_{name}"
    );
    postgres::Client::connect(url, NoTls).unwrap().batch_execute(&sql).unwrap();
    let url = format!("{url}?options=-c%20search_path%3Dcountersign_bench_{name}");
    postgres_store::create_schema(&url).unwrap();
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
