//! The conformance kit against stores that are wrong: each is caught, every time, by the promise it
//! breaks. And against stores that are right, in which it finds nothing.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(clippy::arithmetic_side_effects, clippy::panic)]

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use countersign::account::{EventKind, RejectionReason};
use countersign::{AccountId, AsyncStore, MemoryStore, Record, Store, Swap, Write};
use countersign_conformance::{self as conformance, Broken, Promise};

#[test]
fn a_right_store_passes() {
    let store = Arc::new(MemoryStore::new());
    let report = conformance::run(move || Ok::<_, Infallible>(Arc::clone(&store))).unwrap();
    assert!(report.handles > 100 && report.swaps > 1000 && report.loads > 1000, "{report}");
}

#[test]
fn a_right_store_that_is_awaited_passes() {
    let store = Arc::new(MemoryStore::new());
    let open = move || std::future::ready(Ok::<_, Infallible>(Arc::clone(&store)));
    conformance::run_async(open, |task| block_on(task)).unwrap();

    let store = Arc::new(Yielding(MemoryStore::new()));
    let open = move || std::future::ready(Ok::<_, Infallible>(Arc::clone(&store)));
    conformance::run_async(open, |task| block_on(task)).unwrap();
}

#[test]
fn every_wrong_store_is_caught() {
    catch_all();
}

#[test]
#[ignore = "takes minutes: .ci/run runs it"]
fn every_wrong_store_is_caught_a_hundred_times() {
    for _ in 0..100 {
        catch_all();
    }
}

#[test]
#[ignore = "waits out the kit's two minutes: .ci/run runs it"]
fn a_store_that_hangs_does_not_hang_the_kit() {
    let world = Arc::new(Table::default());
    let outcome = conformance::run(move || Ok::<_, Infallible>(Hangs::open(&world)));
    let broken = outcome.unwrap_err();
    assert!(broken.to_string().contains("C1 create once: no answer within 120 s"), "{broken}");
    assert_eq!(broken.promises().len(), 1);
}

#[test]
fn a_store_that_does_not_open_breaks_every_promise() {
    let open = || Err::<MemoryStore, _>("connection refused");
    let broken = conformance::run(open).unwrap_err();
    assert_eq!(broken.promises().len(), Promise::ALL.len());
    assert!(broken.to_string().contains("a handle did not open: \"connection refused\""));
}

/// No database behind it: what it answers, it makes up.
#[test]
fn an_answer_without_a_database_is_caught() {
    type Answer = (Result<Option<Record>, String>, Result<Swap, String>);
    struct Unreachable(Answer);
    impl Store for Unreachable {
        type Error = String;
        fn load(&self, _: &AccountId) -> Result<Option<Record>, String> {
            self.0.0.clone()
        }
        fn swap(&self, _: &AccountId, _: &Write<'_>) -> Result<Swap, String> {
            self.0.1.clone()
        }
    }
    let down = || "connection refused".to_owned();
    conformance::run_unreachable(&Unreachable((Err(down()), Err(down())))).unwrap();
    for wrong in
        [(Ok(None), Err(down())), (Err(down()), Ok(Swap::Stored)), (Err(down()), Ok(Swap::Stale))]
    {
        let broken = conformance::run_unreachable(&Unreachable(wrong)).unwrap_err();
        assert!(broken.names(Promise::Faults), "{broken}");
    }
}

/// A store that keeps whatever the kit writes by itself, and forgets one kind of decision: what the
/// kit plays through with whole accounts is looked at part by part.
#[test]
fn a_store_that_forgets_one_kind_of_decision_is_caught() {
    type Of = fn(&EventKind) -> bool;
    struct Forgets(Arc<MemoryStore>, Of);
    impl Store for Forgets {
        type Error = Infallible;
        fn load(&self, id: &AccountId) -> Result<Option<Record>, Infallible> {
            Store::load(&self.0, id)
        }
        fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Infallible> {
            let bound =
                write.events().iter().any(|event| matches!(event.kind, EventKind::Bound { .. }));
            if !bound && write.events().iter().any(|event| self.1(&event.kind)) {
                return Ok(Swap::Stored);
            }
            Store::swap(&self.0, id, write)
        }
    }
    let kinds: [(Of, _); 6] = [
        (|kind| matches!(kind, EventKind::Accepted { .. }), "with one right code at once"),
        (|kind| matches!(kind, EventKind::Rejected(_)), "wrong codes at once"),
        (|kind| matches!(kind, EventKind::RecoveryCodeSpent { .. }), "accepted twice or came back"),
        (|kind| matches!(kind, EventKind::RecoveryCodesIssued { .. }), "while old ones were spent"),
        (|kind| matches!(kind, EventKind::ReportedLost), "taken out of use while others signed in"),
        (
            |kind| matches!(kind, EventKind::Offboarded { .. }),
            "taken out of use while others signed in",
        ),
    ];
    for (forgotten, sentence) in kinds {
        let store = Arc::new(MemoryStore::new());
        let open = move || Ok::<_, Infallible>(Forgets(Arc::clone(&store), forgotten));
        let broken = conformance::run(open).unwrap_err();
        assert!(broken.names(Promise::EndToEnd), "{sentence}: {broken}");
        let said = broken.to_string();
        assert!(said.contains(sentence), "{sentence}: {broken}");
        // Of a failure whose answer was lost it is said as well.
        assert_eq!(
            said.contains("it is not counted"),
            forgotten(&EventKind::Rejected(RejectionReason::WrongCode))
        );
    }
}

fn catch_all() {
    use Promise::*;
    caught::<AlwaysTrue>(StaleRefused);
    caught::<SilentlyRefused>(StaleRefused);
    caught::<WritesWhenStale>(StaleRefused);
    caught::<CheckThenWrite>(NoLostUpdate);
    caught::<CheckThenWrite>(CreateOnce);
    caught::<TornRead>(NoLostUpdate);
    caught::<SnapshotAtOpen>(ReadYourWrite);
    caught::<SnapshotAtFirstLoad>(ReadYourWrite);
    caught::<CachingHandle>(ReadYourWrite);
    caught::<WriteBehind>(ReadYourWrite);
    caught::<TrueBeforeDurable>(ReadYourWrite);
    caught::<CreateOverwrites>(CreateOnce);
    caught::<CreateOverwrites>(StaleRefused);
    caught::<DeletesLeavers>(Tombstone);
    caught::<CountsItself>(RoundTrip);
    caught::<Version<u32>>(RoundTrip);
    caught::<Version<i32>>(RoundTrip);
    caught::<Version<f64>>(RoundTrip);
    caught::<Compares32Bits>(RoundTrip);
    caught::<TextRecord>(RoundTrip);
    caught::<ShortRecord>(RoundTrip);
    caught::<Ids<LowerCased>>(BytewiseIds);
    caught::<Ids<Trimmed>>(BytewiseIds);
    caught::<Ids<TrimmedAtTheEnd>>(BytewiseIds);
    caught::<Ids<UpToNul>>(BytewiseIds);
    caught::<Ids<Utf8>>(BytewiseIds);
    caught::<Ids<Composed>>(BytewiseIds);
    caught::<Ids<Short>>(BytewiseIds);
    caught::<Ids<Everybody>>(Independence);
    caught::<Ids<Everybody>>(BytewiseIds);
    caught::<ForgetsTheId>(Independence);
    caught::<OneVersionForAll>(Independence);
    caught::<SwallowsErrors>(NoLostUpdate);
    caught::<FailsWhenBusy>(NoLostUpdate);
    caught::<Panics>(CreateOnce);
    caught_async::<SharesOneTransaction>(NoLostUpdate);
    caught_async::<DroppedHalfWay>(Faults);
    caught_async::<DroppedInTransaction>(Faults);
}

fn caught<S: Wrong>(promise: Promise) {
    let world = Arc::new(S::World::default());
    let outcome = conformance::run(move || Ok::<_, Infallible>(S::open(&world)));
    names::<S>(outcome.expect_err(std::any::type_name::<S>()), promise);
}

fn caught_async<S: WrongAsync>(promise: Promise) {
    let world = Arc::new(S::World::default());
    let open = move || std::future::ready(Ok::<_, Infallible>(S::open(&world)));
    let outcome = conformance::run_async(open, |task| block_on(task));
    names::<S>(outcome.expect_err(std::any::type_name::<S>()), promise);
}

fn names<S>(broken: Broken, promise: Promise) {
    assert!(broken.names(promise), "{}: not {promise}, but {broken}", std::any::type_name::<S>());
}

/// What lies between two statements of a real store: long enough for another handle to come in
/// between, whatever else the machine is doing. A mere yield was not, about once in fifty runs.
fn a_round_trip() {
    thread::sleep(Duration::from_micros(200));
}

/// A store that is wrong, as handles to a shared world.
trait Wrong: Store<Error: Debug> + 'static {
    type World: Default + Send + Sync + 'static;
    fn open(world: &Arc<Self::World>) -> Self;
}

trait WrongAsync: AsyncStore<Error: Debug> + Send + Sync + 'static {
    type World: Default + Send + Sync + 'static;
    fn open(world: &Arc<Self::World>) -> Self;
}

/// What a right store would hold.
#[derive(Default)]
struct Table(Mutex<HashMap<Vec<u8>, Record>>);

impl Table {
    fn load(&self, key: &[u8]) -> Option<Record> {
        self.0.lock().unwrap().get(key).cloned()
    }

    fn put(&self, key: &[u8], record: Record) {
        self.0.lock().unwrap().insert(key.to_vec(), record);
    }

    fn version(&self, key: &[u8]) -> Option<u64> {
        self.0.lock().unwrap().get(key).map(Record::version)
    }

    fn swap(&self, key: &[u8], expected: Option<u64>, record: Record) -> Swap {
        let mut rows = self.0.lock().unwrap();
        if rows.get(key).map(Record::version) != expected {
            return Swap::Stale;
        }
        rows.insert(key.to_vec(), record);
        Swap::Stored
    }
}

fn swap_right(table: &Table, id: &AccountId, write: &Write<'_>) -> Swap {
    table.swap(id.as_bytes(), write.expected(), write.record().clone())
}

/// A wrong store whose handle is a pointer to its world: the name, the world, and two functions.
macro_rules! wrong {
    ($(#[$doc:meta])* $name:ident over $world:ty, $load:expr, $swap:expr $(,)?) => {
        $(#[$doc])*
        struct $name(Arc<$world>);

        impl Wrong for $name {
            type World = $world;
            fn open(world: &Arc<$world>) -> $name {
                $name(Arc::clone(world))
            }
        }

        impl Store for $name {
            type Error = String;

            fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
                let load: fn(&$world, &AccountId) -> Result<Option<Record>, String> = $load;
                load(&self.0, id)
            }

            fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
                let swap: fn(&$world, &AccountId, &Write<'_>) -> Result<Swap, String> = $swap;
                swap(&self.0, id, write)
            }
        }
    };
}

fn load_right(table: &Table, id: &AccountId) -> Result<Option<Record>, String> {
    Ok(table.load(id.as_bytes()))
}

wrong! {
    /// Never compares.
    AlwaysTrue over Table, load_right, |table, id, write| {
        table.put(id.as_bytes(), write.record().clone());
        Ok(Swap::Stored)
    }
}

wrong! {
    /// Compares, and says Stored whatever came of it: `execute(..)?` without looking at the count.
    SilentlyRefused over Table, load_right, |table, id, write| {
        let _ = swap_right(table, id, write);
        Ok(Swap::Stored)
    }
}

wrong! {
    /// Says Stale and has written.
    WritesWhenStale over Table, load_right, |table, id, write| {
        let swap = swap_right(table, id, write);
        if write.expected().is_some() {
            table.put(id.as_bytes(), write.record().clone());
        }
        Ok(swap)
    }
}

wrong! {
    /// A SELECT, and an UPDATE without the condition.
    CheckThenWrite over Table, load_right, |table, id, write| {
        if table.version(id.as_bytes()) != write.expected() {
            return Ok(Swap::Stale);
        }
        a_round_trip();
        table.put(id.as_bytes(), write.record().clone());
        Ok(Swap::Stored)
    }
}

wrong! {
    /// Two SELECTs, one for the version and one for the bytes.
    TornRead over Table,
    |table, id| {
        let Some(version) = table.version(id.as_bytes()) else { return Ok(None) };
        a_round_trip();
        let record = table.load(id.as_bytes());
        Ok(record.map(|record| Record::new(version, record.as_bytes().to_vec())))
    },
    |table, id, write| Ok(swap_right(table, id, write))
}

wrong! {
    /// INSERT OR REPLACE for a new account.
    CreateOverwrites over Table, load_right, |table, id, write| {
        if write.expected().is_none() {
            table.put(id.as_bytes(), write.record().clone());
            return Ok(Swap::Stored);
        }
        Ok(swap_right(table, id, write))
    }
}

wrong! {
    /// Cleans up after leavers, and begins again with version 1.
    DeletesLeavers over Table, load_right, |table, id, write| {
        let swap = swap_right(table, id, write);
        if swap == Swap::Stored && write.summary().offboarded_at.is_some() {
            table.0.lock().unwrap().remove(id.as_bytes());
        }
        Ok(swap)
    }
}

wrong! {
    /// `SET version = version + 1`, and 1 for a new row: right only as long as nobody restores one.
    CountsItself over Table, load_right, |table, id, write| {
        let version = write.expected().map_or(1, |version| version + 1);
        let record = Record::new(version, write.record().as_bytes().to_vec());
        Ok(table.swap(id.as_bytes(), write.expected(), record))
    }
}

wrong! {
    /// Keeps 64 bits and compares 32.
    Compares32Bits over Table, load_right, |table, id, write| {
        let stored = table.version(id.as_bytes());
        let same = stored.map(|version| version as u32) == write.expected().map(|e| e as u32);
        Ok(if same { table.swap(id.as_bytes(), stored, write.record().clone()) } else { Swap::Stale })
    }
}

wrong! {
    /// Keeps the record in a text column.
    TextRecord over Table, load_right, |table, id, write| {
        let text = String::from_utf8_lossy(write.record().as_bytes()).into_owned();
        let record = Record::new(write.record().version(), text.into_bytes());
        Ok(table.swap(id.as_bytes(), write.expected(), record))
    }
}

wrong! {
    /// VARBINARY(4096), and an engine that cuts off in silence.
    ShortRecord over Table, load_right, |table, id, write| {
        let bytes = write.record().as_bytes();
        let record = Record::new(write.record().version(), bytes[..bytes.len().min(4096)].to_vec());
        Ok(table.swap(id.as_bytes(), write.expected(), record))
    }
}

wrong! {
    /// `UPDATE .. WHERE version = ..`, and the id forgotten.
    ForgetsTheId over Table, load_right, |table, id, write| {
        let swap = swap_right(table, id, write);
        if let (Swap::Stored, Some(expected)) = (swap, write.expected()) {
            let mut rows = table.0.lock().unwrap();
            for row in rows.values_mut().filter(|row| row.version() == expected) {
                *row = write.record().clone();
            }
        }
        Ok(swap)
    }
}

#[derive(Default)]
struct OneCounter {
    table: Table,
    writes: AtomicU64,
    seen: Mutex<HashMap<Vec<u8>, u64>>,
}

wrong! {
    /// One lock version for the whole table: whoever writes makes everybody else stale.
    OneVersionForAll over OneCounter,
    |world, id| {
        let now = world.writes.load(Ordering::SeqCst);
        world.seen.lock().unwrap().insert(id.as_bytes().to_vec(), now);
        load_right(&world.table, id)
    },
    |world, id, write| {
        let now = world.writes.load(Ordering::SeqCst);
        let seen = world.seen.lock().unwrap().get(id.as_bytes()).copied();
        if write.expected().is_some() && seen != Some(now) {
            return Ok(Swap::Stale);
        }
        let swap = swap_right(&world.table, id, write);
        if swap == Swap::Stored {
            let now = world.writes.fetch_add(1, Ordering::SeqCst) + 1;
            world.seen.lock().unwrap().insert(id.as_bytes().to_vec(), now);
        }
        Ok(swap)
    }
}

#[derive(Default)]
struct Busy {
    table: Table,
    writing: Mutex<()>,
}

impl Busy {
    /// As SQLite without a busy timeout: whoever meets another writer fails.
    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        let _writing = self.writing.try_lock().map_err(|_| "database is locked")?;
        a_round_trip();
        Ok(swap_right(&self.table, id, write))
    }
}

wrong! {
    /// `swap(..).unwrap_or(Stored)`.
    SwallowsErrors over Busy,
    |world, id| load_right(&world.table, id),
    |world, id, write| Ok(world.swap(id, write).unwrap_or(Swap::Stored))
}

wrong! {
    /// The same without the swallowing: safe, and people are turned away.
    FailsWhenBusy over Busy,
    |world, id| load_right(&world.table, id),
    |world, id, write| world.swap(id, write)
}

wrong! {
    Panics over Table, load_right, |_, _, _| panic!("no connection")
}

wrong! {
    /// Waits for a lock that nobody gives back.
    Hangs over Table, load_right, |_, _, _| loop {
        thread::park();
    }
}

/// A version that goes through another type.
struct Version<T>(Arc<Table>, std::marker::PhantomData<T>);

trait Narrow: Send + Sync + 'static {
    fn through(version: u64) -> u64;
}

impl Narrow for u32 {
    fn through(version: u64) -> u64 {
        u64::from(version as u32)
    }
}

impl Narrow for i32 {
    fn through(version: u64) -> u64 {
        version as i32 as u64
    }
}

impl Narrow for f64 {
    fn through(version: u64) -> u64 {
        version as f64 as u64
    }
}

impl<T: Narrow> Wrong for Version<T> {
    type World = Table;
    fn open(world: &Arc<Table>) -> Version<T> {
        Version(Arc::clone(world), std::marker::PhantomData)
    }
}

impl<T: Narrow> Store for Version<T> {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        load_right(&self.0, id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        let record = write.record();
        let record = Record::new(T::through(record.version()), record.as_bytes().to_vec());
        Ok(self.0.swap(id.as_bytes(), write.expected().map(T::through), record))
    }
}

/// An id that becomes another one.
struct Ids<T>(Arc<Table>, std::marker::PhantomData<T>);

trait Respell: Send + Sync + 'static {
    fn respell(id: &[u8]) -> Vec<u8>;
}

impl<T: Respell> Wrong for Ids<T> {
    type World = Table;
    fn open(world: &Arc<Table>) -> Ids<T> {
        Ids(Arc::clone(world), std::marker::PhantomData)
    }
}

impl<T: Respell> Store for Ids<T> {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        Ok(self.0.load(&T::respell(id.as_bytes())))
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        let id = T::respell(id.as_bytes());
        Ok(self.0.swap(&id, write.expected(), write.record().clone()))
    }
}

macro_rules! respell {
    ($($name:ident: $respell:expr;)*) => {$(
        struct $name;
        impl Respell for $name {
            fn respell(id: &[u8]) -> Vec<u8> {
                let respell: fn(&[u8]) -> Vec<u8> = $respell;
                respell(id)
            }
        }
    )*};
}

respell! {
    LowerCased: |id| id.to_ascii_lowercase();
    Trimmed: |id| id.trim_ascii().to_vec();
    TrimmedAtTheEnd: |id| id.strip_suffix(b" ").unwrap_or(id).to_vec();
    UpToNul: |id| id.split(|byte| *byte == 0).next().unwrap().to_vec();
    Utf8: |id| String::from_utf8_lossy(id).into_owned().into_bytes();
    Composed: |id| String::from_utf8_lossy(id).replace("a\u{301}", "\u{e1}").into_bytes();
    Short: |id| id[..id.len().min(63)].to_vec();
    Everybody: |_| Vec::new();
}

/// A transaction that was begun when the handle was opened, at REPEATABLE READ.
struct SnapshotAtOpen {
    table: Arc<Table>,
    snapshot: HashMap<Vec<u8>, Record>,
    own: Mutex<HashSet<Vec<u8>>>,
}

impl Wrong for SnapshotAtOpen {
    type World = Table;
    fn open(world: &Arc<Table>) -> SnapshotAtOpen {
        let snapshot = world.0.lock().unwrap().clone();
        SnapshotAtOpen { table: Arc::clone(world), snapshot, own: Mutex::default() }
    }
}

impl Store for SnapshotAtOpen {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        if self.own.lock().unwrap().contains(id.as_bytes()) {
            return load_right(&self.table, id);
        }
        Ok(self.snapshot.get(id.as_bytes()).cloned())
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        self.own.lock().unwrap().insert(id.as_bytes().to_vec());
        Ok(swap_right(&self.table, id, write))
    }
}

/// The same, begun by the first load.
struct SnapshotAtFirstLoad {
    table: Arc<Table>,
    snapshot: Mutex<Option<HashMap<Vec<u8>, Record>>>,
}

impl Wrong for SnapshotAtFirstLoad {
    type World = Table;
    fn open(world: &Arc<Table>) -> SnapshotAtFirstLoad {
        SnapshotAtFirstLoad { table: Arc::clone(world), snapshot: Mutex::default() }
    }
}

impl Store for SnapshotAtFirstLoad {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        let mut snapshot = self.snapshot.lock().unwrap();
        let snapshot = snapshot.get_or_insert_with(|| self.table.0.lock().unwrap().clone());
        Ok(snapshot.get(id.as_bytes()).cloned())
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        *self.snapshot.lock().unwrap() = None;
        Ok(swap_right(&self.table, id, write))
    }
}

/// Remembers what it loaded until it writes that account itself.
struct CachingHandle {
    table: Arc<Table>,
    cache: Mutex<HashMap<Vec<u8>, Option<Record>>>,
}

impl Wrong for CachingHandle {
    type World = Table;
    fn open(world: &Arc<Table>) -> CachingHandle {
        CachingHandle { table: Arc::clone(world), cache: Mutex::default() }
    }
}

impl Store for CachingHandle {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        let mut cache = self.cache.lock().unwrap();
        let key = id.as_bytes().to_vec();
        Ok(cache.entry(key).or_insert_with(|| self.table.load(id.as_bytes())).clone())
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        self.cache.lock().unwrap().remove(id.as_bytes());
        Ok(swap_right(&self.table, id, write))
    }
}

/// Answers from memory, and writes a little later.
struct WriteBehind {
    table: Arc<Table>,
    behind: Mutex<HashMap<Vec<u8>, Record>>,
}

impl Wrong for WriteBehind {
    type World = Table;
    fn open(world: &Arc<Table>) -> WriteBehind {
        WriteBehind { table: Arc::clone(world), behind: Mutex::default() }
    }
}

impl Store for WriteBehind {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        let behind = self.behind.lock().unwrap();
        Ok(behind.get(id.as_bytes()).cloned().or_else(|| self.table.load(id.as_bytes())))
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        if self.load(id)?.as_ref().map(Record::version) != write.expected() {
            return Ok(Swap::Stale);
        }
        let (key, record) = (id.as_bytes().to_vec(), write.record().clone());
        self.behind.lock().unwrap().insert(key.clone(), record.clone());
        let table = Arc::clone(&self.table);
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            table.put(&key, record);
        });
        Ok(Swap::Stored)
    }
}

/// Every handle sees the write at once; but it is a transaction that nobody committed, and closing
/// the handle rolls it back.
struct TrueBeforeDurable {
    table: Arc<Table>,
    before: Mutex<HashMap<Vec<u8>, Option<Record>>>,
}

impl Wrong for TrueBeforeDurable {
    type World = Table;
    fn open(world: &Arc<Table>) -> TrueBeforeDurable {
        TrueBeforeDurable { table: Arc::clone(world), before: Mutex::default() }
    }
}

impl Store for TrueBeforeDurable {
    type Error = String;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        load_right(&self.table, id)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        let before = load_right(&self.table, id)?;
        let swap = swap_right(&self.table, id, write);
        if swap == Swap::Stored {
            // The next statement on this handle commits the one before.
            *self.before.lock().unwrap() = HashMap::from([(id.as_bytes().to_vec(), before)]);
        }
        Ok(swap)
    }
}

impl Drop for TrueBeforeDurable {
    fn drop(&mut self) {
        let mut rows = self.table.0.lock().unwrap();
        for (key, before) in self.before.lock().unwrap().drain() {
            match before {
                Some(record) => drop(rows.insert(key, record)),
                None => drop(rows.remove(&key)),
            }
        }
    }
}

/// A right store that takes its time.
struct Yielding(MemoryStore);

impl AsyncStore for Yielding {
    type Error = Infallible;

    async fn load(&self, id: &AccountId) -> Result<Option<Record>, Infallible> {
        pause().await;
        Store::load(&self.0, id)
    }

    async fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Infallible> {
        pause().await;
        let swap = Store::swap(&self.0, id, write);
        pause().await;
        swap
    }
}

/// Right between handles, wrong between the futures on one: they share one connection, and with it
/// one transaction, so that the one that is Stale rolls the other one's write back.
struct SharesOneTransaction {
    table: Arc<Table>,
    undo: Mutex<Vec<Record>>,
}

impl WrongAsync for SharesOneTransaction {
    type World = Table;
    fn open(world: &Arc<Table>) -> SharesOneTransaction {
        SharesOneTransaction { table: Arc::clone(world), undo: Mutex::default() }
    }
}

impl AsyncStore for SharesOneTransaction {
    type Error = String;

    async fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        load_right(&self.table, id)
    }

    async fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        pause().await;
        let before = load_right(&self.table, id)?;
        if swap_right(&self.table, id, write) == Swap::Stale {
            for record in self.undo.lock().unwrap().drain(..).rev() {
                self.table.put(id.as_bytes(), record);
            }
            return Ok(Swap::Stale);
        }
        self.undo.lock().unwrap().extend(before);
        pause().await;
        self.undo.lock().unwrap().clear();
        Ok(Swap::Stored)
    }
}

/// Writes the version, awaits, writes the bytes.
struct DroppedHalfWay(Arc<Table>);

impl WrongAsync for DroppedHalfWay {
    type World = Table;
    fn open(world: &Arc<Table>) -> DroppedHalfWay {
        DroppedHalfWay(Arc::clone(world))
    }
}

impl AsyncStore for DroppedHalfWay {
    type Error = String;

    async fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        load_right(&self.0, id)
    }

    async fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        let version = write.record().version();
        let before = self.0.load(id.as_bytes()).map_or(Vec::new(), |r| r.as_bytes().to_vec());
        let first = Record::new(version, before);
        if self.0.swap(id.as_bytes(), write.expected(), first) == Swap::Stale {
            return Ok(Swap::Stale);
        }
        pause().await;
        Ok(self.0.swap(id.as_bytes(), Some(version), write.record().clone()))
    }
}

/// A handle with a transaction of its own, which a dropped future leaves open: what the handle
/// writes from then on, nobody else sees.
struct DroppedInTransaction {
    table: Arc<Table>,
    open: Mutex<Option<HashMap<Vec<u8>, Record>>>,
}

impl WrongAsync for DroppedInTransaction {
    type World = Table;
    fn open(world: &Arc<Table>) -> DroppedInTransaction {
        DroppedInTransaction { table: Arc::clone(world), open: Mutex::default() }
    }
}

impl AsyncStore for DroppedInTransaction {
    type Error = String;

    async fn load(&self, id: &AccountId) -> Result<Option<Record>, String> {
        let own =
            self.open.lock().unwrap().as_ref().and_then(|rows| rows.get(id.as_bytes()).cloned());
        Ok(own.or_else(|| self.table.load(id.as_bytes())))
    }

    async fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, String> {
        let left_open = {
            let mut open = self.open.lock().unwrap();
            let rows = open.take();
            let left_open = rows.is_some();
            *open = Some(rows.unwrap_or_default());
            left_open
        };
        pause().await;
        let mut open = self.open.lock().unwrap();
        if left_open {
            let own = open.as_mut().unwrap();
            let stored = own.get(id.as_bytes()).cloned().or_else(|| self.table.load(id.as_bytes()));
            if stored.as_ref().map(Record::version) != write.expected() {
                return Ok(Swap::Stale);
            }
            own.insert(id.as_bytes().to_vec(), write.record().clone());
            return Ok(Swap::Stored);
        }
        *open = None;
        Ok(swap_right(&self.table, id, write))
    }
}

/// Pending once.
async fn pause() {
    let mut paused = false;
    poll_fn(|cx| {
        if paused {
            return Poll::Ready(());
        }
        paused = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future: Pin<&mut _> = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
