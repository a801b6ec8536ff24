//! What the library costs over a store: ratios within one run, because seconds are the machine's. The
//! bench of each store includes this file and brings its store and a bare loop.
#![allow(dead_code)] // every bench takes a part of it

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::env;
use std::fmt::Debug;
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use countersign::account::{ExistingDevice, Text};
use countersign::mfa::Decided;
use countersign::otp::Parameters;
#[path = "../../tests/common/keys.rs"]
mod keys;

use countersign::{
    AccountId, Algorithm, Keyring, MemoryStore, Mfa, OsRandom, Recommended, Record, Secret, SignIn,
    Store, Swap, Totp, UnixTime, Verdict, Write,
};

/// Says what is measured, measures the library over nothing, and returns how much to measure: without
/// `--bench`, as in `cargo test --benches`, tiny numbers, to see that it runs.
pub fn begin() -> Size {
    let full = env::args().any(|argument| argument == "--bench");
    let size = if full { Size::FULL } else { Size::TINY };
    println!("an attempt: load, decide, swap; a right code, one event written with the record\n");
    library_alone(&size);
    println!(
        "\nattempts per second; against a bare loop of the same SELECT and UPDATE, audit trail and \
         all, over the same driver (goal 0.80); and against one that keeps no audit trail"
    );
    size
}

pub struct Size {
    /// How long one side of a ratio runs before the other side has its turn, and how often.
    block: Duration,
    blocks: u32,
    pub accounts: usize,
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
pub struct Person {
    id: AccountId,
    phone: Totp,
    turn: u64,
}

pub fn mfa() -> Mfa<Keyring, Recommended> {
    Mfa::new(keys::keyring(7), Recommended)
}

pub fn moment(turn: u64) -> UnixTime {
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
        mfa().account(&id).at(moment(0)).import(device, &mut rng).run(store).unwrap();
        Person { id, phone, turn: 0 }
    }

    fn sign_in<S: Store<Error: Debug>>(&mut self, mfa: &Mfa<Keyring, Recommended>, store: &S) {
        self.turn += 1;
        let now = moment(self.turn);
        let code = self.phone.generate(now).unwrap();
        let verify = mfa.account(&self.id).at(now).verify(code.expose_str(), SignIn);
        assert!(matches!(verify.run(store), Verdict::Accepted(_)));
    }
}

/// The library over nothing: what the processor does for one attempt.
pub fn library_alone(size: &Size) {
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
        let verify = mfa.account(&person.id).at(now).verify(code.expose_str(), SignIn);
        let _ = black_box(verify.operation().decide(Some(record.clone()), None).unwrap());
    }
    let decide = started.elapsed();
    let started = Instant::now();
    for _ in 0..rounds {
        let _ = black_box(person.phone.find(&code, now, countersign::Window::ONE_EACH_WAY, None));
    }
    let find = started.elapsed();
    let started = Instant::now();
    for _ in 0..rounds {
        black_box(mfa.account(&person.id).at(now).summary().run(&store).unwrap());
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
pub struct Lane<S, B> {
    store: S,
    person: Person,
    bare: B,
}

impl<S: Store<Error: Debug>, B> Lane<S, B> {
    pub fn new(store: S, bare: B) -> Lane<S, B> {
        Lane { person: Person::import(&store), store, bare }
    }
}

/// The same SELECT and UPDATE over the same driver, and nothing between them.
pub trait Bare: Send {
    /// With the events and the host's columns, in the transaction or the script of the store.
    fn with_trail(&mut self);
    /// The record and its version alone.
    fn without_trail(&mut self);
}

/// Turns about: the library for a while, then the bare loops, and again.
pub fn ratio<S: Store<Error: Debug> + Send, B: Bare>(
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
pub fn record_and_event() -> (Vec<u8>, String) {
    let store = MemoryStore::new();
    let mut person = Person::import(&store);
    person.sign_in(&mfa(), &store);
    let record = Store::load(&store, &person.id).unwrap();
    let code = person.phone.generate(moment(9)).unwrap();
    let mfa = mfa();
    let verify = mfa.account(&person.id).at(moment(9)).verify(code.expose_str(), SignIn);
    let decided = verify.operation().decide(record, None).unwrap();
    let Decided::Write(prepared) = decided else { panic!() };
    let write = prepared.write();
    (write.record().as_bytes().to_vec(), serde_json::to_string(&write.events()[0]).unwrap())
}

pub fn random_id() -> Vec<u8> {
    let random = Secret::generate(Algorithm::Sha1, &mut OsRandom::new().unwrap());
    random.expose_bytes().to_vec()
}

/// Ten people in one database; in the other as many as there are samples, each somewhere among a
/// million, so that every attempt meets a row that nobody touched before.
pub fn growth<S: Store<Error: Debug>>(
    size: &Size,
    name: &str,
    stores: [S; 2],
    fill: impl FnOnce(),
) {
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
