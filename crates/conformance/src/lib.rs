#![doc = include_str!("../README.md")]
//!
//! Standard: the contract of [`Store`]; NIST SP 800-63B-4 sections 3.1.4.2 (accepted once) and 3.2.2
//! (failures counted); ASVS 15.4 (races).
//!
//! [`run`] and [`run_async`] try the ten [promises](Promise) in order, each on its thread;
//! [`run_unreachable`] tries a store whose database is out of reach, which the kit cannot bring about
//! by itself.

use std::cell::Cell;
use std::fmt::{self, Debug};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Barrier};
use std::task::{self, Poll};
use std::thread;
use std::time::Duration;

use countersign::account::{Event, EventId, EventKind, RejectionReason, SealingKey};
use countersign::mfa::{Change, Changed, Fault as Undecided, NotDone};
use countersign::{
    AccountId, AsyncStore, ChangeFactors, DeviceId, Keyring, Mfa, OsRandom, Proof, Recommended,
    Record, SignIn, Store, Summary, Swap, Totp, UnixTime, Verdict, Write,
};

/// What a store promises, in the order in which it is tried.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Promise {
    /// C1: of many who create one account at once, one does.
    CreateOnce,
    /// C2: a write that expects another version is refused and changes nothing.
    StaleRefused,
    /// C3: no stored write is overwritten by one that had not seen it.
    NoLostUpdate,
    /// C4: what was stored is there at once for every other handle, and after the writer is gone.
    ReadYourWrite,
    /// C5: bytes and versions come back as they were given.
    RoundTrip,
    /// C6: two ids that differ in one bit are two accounts.
    BytewiseIds,
    /// C7: an offboarded account stays, and cannot be created again.
    Tombstone,
    /// C8: accounts do not disturb each other.
    Independence,
    /// C9: over the store, the library accepts a code once and counts every failure.
    EndToEnd,
    /// C10: a call that fails, before or after its write, accepts nothing and spoils nothing.
    Faults,
}

impl Promise {
    /// All ten.
    pub const ALL: [Promise; 10] = [
        Promise::CreateOnce,
        Promise::StaleRefused,
        Promise::NoLostUpdate,
        Promise::ReadYourWrite,
        Promise::RoundTrip,
        Promise::BytewiseIds,
        Promise::Tombstone,
        Promise::Independence,
        Promise::EndToEnd,
        Promise::Faults,
    ];

    /// Its number and name: `C1 create once`, and so on.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Promise::CreateOnce => "C1 create once",
            Promise::StaleRefused => "C2 stale refused",
            Promise::NoLostUpdate => "C3 no lost update",
            Promise::ReadYourWrite => "C4 read your write",
            Promise::RoundTrip => "C5 round trip",
            Promise::BytewiseIds => "C6 bytewise ids",
            Promise::Tombstone => "C7 tombstone",
            Promise::Independence => "C8 independence",
            Promise::EndToEnd => "C9 end to end",
            Promise::Faults => "C10 faults",
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Every promise was kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Report {
    /// How many handles were opened.
    pub handles: u64,
    /// How many times a record was loaded.
    pub loads: u64,
    /// How many writes were tried.
    pub swaps: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { handles, loads, swaps } = self;
        write!(f, "C1 to C10 kept: {handles} handles, {loads} loads, {swaps} swaps")
    }
}

/// A promise that was not kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BrokenPromise {
    /// Which.
    pub promise: Promise,
    /// What was seen, and what usually causes it.
    pub what: String,
}

/// The promises that were not kept. `Debug` prints the sentences too, so that `unwrap` in a test
/// shows them.
#[derive(Clone, Eq, PartialEq)]
pub struct Broken {
    promises: Vec<BrokenPromise>,
}

impl Broken {
    /// Each of them, in order; never none.
    #[must_use]
    pub fn promises(&self) -> &[BrokenPromise] {
        &self.promises
    }

    /// Whether `promise` is among them.
    #[must_use]
    pub fn names(&self, promise: Promise) -> bool {
        self.promises.iter().any(|broken| broken.promise == promise)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store broke its promises:")?;
        self.promises
            .iter()
            .try_for_each(|BrokenPromise { promise, what }| write!(f, "\n  {promise}: {what}"))
    }
}

impl Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Broken {}

/// Tries every promise on the store that `open` opens.
///
/// Each call of `open` makes another handle to the same store: a new connection, as
/// another process would have. Up to 33 are open at once. With every record elsewhere (a pool, a
/// file, a server) nothing is shared between them. A promise that takes more than two minutes is
/// broken, and the rest is not tried.
///
/// # Errors
/// [`Broken`] names each broken promise and what was seen.
pub fn run<S, E>(open: impl Fn() -> Result<S, E> + Send + Sync + 'static) -> Result<Report, Broken>
where
    S: Store + 'static,
    S::Error: Debug,
    E: Debug,
{
    Kit::new(move |calls| {
        let store = open().map_err(|error| format!("a handle did not open: {error:?}"))?;
        Ok(Box::new(Plain { store, calls }))
    })?
    .try_all()
}

/// A future for the host's runtime, as [`run_async`] hands it over.
pub type Task<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// As [`run`], for a store that is awaited, and with two trials more: many futures in flight on one
/// handle at once (C3), and futures that are dropped half-way (C10).
///
/// `block_on` runs a future to its end on the calling thread, and is called from many threads at
/// once: the races are between threads of the system, whatever the runtime. With Tokio:
///
/// ```ignore
/// let runtime = Arc::new(tokio::runtime::Builder::new_multi_thread().enable_all().build()?);
/// conformance::run_async(open, move |task| runtime.block_on(task))?;
/// ```
///
/// Call it from a plain `#[test]`, not from within the runtime.
///
/// # Errors
/// As [`run`].
pub fn run_async<S, E, F>(
    open: impl Fn() -> F + Send + Sync + 'static,
    block_on: impl for<'a> Fn(Task<'a>) + Send + Sync + 'static,
) -> Result<Report, Broken>
where
    S: AsyncStore + Send + Sync + 'static,
    S::Error: Debug,
    E: Debug + Send,
    F: Future<Output = Result<S, E>> + Send,
{
    let block_on: Arc<BlockOn> = Arc::new(block_on);
    Kit::new(move |calls| {
        let store = wait_for(&*block_on, open())?
            .map_err(|error| format!("a handle did not open: {error:?}"))?;
        Ok(Box::new(Awaited { store, block_on: Arc::clone(&block_on), calls }))
    })?
    .try_all()
}

/// A store whose database is out of reach: every call must fail. A swap that is answered without a
/// database loses a counted failure, and a load that says "no record" makes an account look new.
///
/// Give it a handle that worked and whose server was stopped since, or whose connection was cut;
/// [`run`] cannot do that to your store itself. C10 is what it breaks.
///
/// # Errors
/// [`Broken`] if a call was answered.
pub fn run_unreachable<S>(store: &S) -> Result<(), Broken>
where
    S: Store + ?Sized,
    S::Error: Debug,
{
    let answered = |what: &str| {
        let what = format!(
            "{what} although the database is out of reach: pass every error of the driver on, and \
             turn none into an answer"
        );
        Err(Broken { promises: Vec::from([BrokenPromise { promise: Promise::Faults, what }]) })
    };
    let Ok(id) = AccountId::new(b"countersign: out of reach") else { return Ok(()) };
    if let Ok(record) = store.load(&id) {
        return answered(&format!("load answered {record:?}"));
    }
    for expected in [None, Some(1)] {
        let draft = Draft::new(&id, expected, Record::new(expected.map_or(1, next), Vec::new()));
        if let Ok(swap) = store.swap(&id, &draft.write()) {
            return answered(&format!("swap answered {swap:?}"));
        }
    }
    Ok(())
}

/// How long one promise may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Handles that race.
const CROWD: usize = 32;

/// What was seen, and what usually causes it.
type Sentence = String;

/// One open handle, its error already a sentence.
trait Opened: Store<Error = Sentence> {
    /// Many writers as futures on this one handle; nothing to try on a store that is not awaited.
    fn interleave(&self, id: &AccountId, writers: u64, writes: u64) -> Result<(), Sentence> {
        let _ = (id, writers, writes);
        Ok(())
    }

    /// Starts a write and drops its future after it was polled `polls` times.
    fn abandon(&self, id: &AccountId, write: &Write<'_>, polls: u32) -> Result<(), Sentence> {
        let _ = (id, write, polls);
        Ok(())
    }
}

type Handle = Box<dyn Opened>;

#[derive(Default)]
struct Calls {
    handles: AtomicU64,
    loads: AtomicU64,
    swaps: AtomicU64,
}

struct Plain<S> {
    store: S,
    calls: Arc<Calls>,
}

impl<S> Store for Plain<S>
where
    S: Store,
    S::Error: Debug,
{
    type Error = Sentence;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Sentence> {
        self.calls.loads.fetch_add(1, Ordering::Relaxed);
        self.store.load(id).map_err(load_failed)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Sentence> {
        self.calls.swaps.fetch_add(1, Ordering::Relaxed);
        self.store.swap(id, write).map_err(swap_failed)
    }

    fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), Sentence> {
        self.store.note(id, events).map_err(note_failed)
    }
}

impl<S> Opened for Plain<S>
where
    S: Store,
    S::Error: Debug,
{
}

fn load_failed(error: impl Debug) -> Sentence {
    format!("load failed: {error:?}; an account that is not there is Ok(None)")
}

fn swap_failed(error: impl Debug) -> Sentence {
    format!(
        "swap failed: {error:?}; where others write at once, wait for their lock (a busy timeout), \
         and a conflict is Stale, not an error"
    )
}

fn note_failed(error: impl Debug) -> Sentence {
    format!("note failed: {error:?}; an attempt that is throttled is then not answered")
}

type BlockOn = dyn for<'a> Fn(Task<'a>) + Send + Sync;

fn wait_for<T: Send>(
    block_on: &BlockOn,
    future: impl Future<Output = T> + Send,
) -> Result<T, Sentence> {
    let mut output = None;
    block_on(Box::pin(async { output = Some(future.await) }));
    output.ok_or_else(|| "block_on returned before its future was ready".into())
}

struct Awaited<S> {
    store: S,
    block_on: Arc<BlockOn>,
    calls: Arc<Calls>,
}

impl<S> Store for Awaited<S>
where
    S: AsyncStore + Sync,
    S::Error: Debug,
{
    type Error = Sentence;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Sentence> {
        self.calls.loads.fetch_add(1, Ordering::Relaxed);
        wait_for(&*self.block_on, self.store.load(id))?.map_err(load_failed)
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Sentence> {
        self.calls.swaps.fetch_add(1, Ordering::Relaxed);
        wait_for(&*self.block_on, self.store.swap(id, write))?.map_err(swap_failed)
    }

    fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), Sentence> {
        wait_for(&*self.block_on, self.store.note(id, events))?.map_err(note_failed)
    }
}

impl<S> Opened for Awaited<S>
where
    S: AsyncStore + Sync,
    S::Error: Debug,
{
    fn interleave(&self, id: &AccountId, writers: u64, writes: u64) -> Result<(), Sentence> {
        let mut results: Vec<Result<(), Sentence>> = Vec::new();
        results.resize_with(usize::try_from(writers).unwrap_or(0), || Ok(()));
        let tasks = results.iter_mut().enumerate().map(|(writer, result)| -> Task<'_> {
            Box::pin(async move {
                let mut left = writes;
                let mut tries = writers.saturating_mul(writes).saturating_mul(4);
                while left > 0 && result.is_ok() {
                    match self.climb(id, writer).await {
                        Ok(Swap::Stored) => left = left.saturating_sub(1),
                        Ok(Swap::Stale) if tries == 0 => *result = Err(NEVER_ENDS.into()),
                        Ok(Swap::Stale) => tries = tries.saturating_sub(1),
                        Err(sentence) => *result = Err(sentence),
                    }
                }
            })
        });
        wait_for(&*self.block_on, AtOnce(tasks.collect()))?;
        results.into_iter().collect()
    }

    fn abandon(&self, id: &AccountId, write: &Write<'_>, polls: u32) -> Result<(), Sentence> {
        let abandoned = Abandoned { future: Box::pin(self.store.swap(id, write)), polls };
        wait_for(&*self.block_on, abandoned)
    }
}

impl<S> Awaited<S>
where
    S: AsyncStore + Sync,
    S::Error: Debug,
{
    /// Replaces the record by its successor, once.
    async fn climb(&self, id: &AccountId, writer: usize) -> Result<Swap, Sentence> {
        self.calls.loads.fetch_add(1, Ordering::Relaxed);
        self.calls.swaps.fetch_add(1, Ordering::Relaxed);
        let loaded = self.store.load(id).await.map_err(load_failed)?;
        let draft = successor(id, loaded, writer)?;
        self.store.swap(id, &draft.write()).await.map_err(swap_failed)
    }
}

/// Polls all of them until all are ready.
struct AtOnce<'a>(Vec<Task<'a>>);

impl Future for AtOnce<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        self.0.retain_mut(|task| task.as_mut().poll(cx).is_pending());
        if self.0.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Drops a future after that many polls, ready or not.
struct Abandoned<F> {
    future: Pin<Box<F>>,
    polls: u32,
}

impl<F: Future> Future for Abandoned<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let ready = self.future.as_mut().poll(cx).is_ready();
        self.polls = self.polls.saturating_sub(1);
        if ready || self.polls == 0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

type Open = dyn Fn(Arc<Calls>) -> Result<Handle, Sentence> + Send + Sync;

/// A way to open handles, and ids that are new.
struct Kit {
    open: Box<Open>,
    calls: Arc<Calls>,
    /// Letters and digits, so that an id can be typed into a database's console.
    prefix: String,
    accounts: AtomicU32,
}

impl Kit {
    fn new(
        open: impl Fn(Arc<Calls>) -> Result<Handle, Sentence> + Send + Sync + 'static,
    ) -> Result<Arc<Kit>, Broken> {
        let mut random = [0; 8];
        let drawn = OsRandom::new().map(|mut rng| rand::Rng::fill_bytes(&mut rng, &mut random));
        drawn.map_err(|error| {
            let what = format!("the kit could not begin: {error}");
            Broken { promises: Vec::from([BrokenPromise { promise: Promise::CreateOnce, what }]) }
        })?;
        let prefix = format!("kit{:016x}", u64::from_be_bytes(random));
        let calls = Arc::default();
        Ok(Arc::new(Kit { open: Box::new(open), calls, prefix, accounts: AtomicU32::new(0) }))
    }
}

impl Kit {
    fn open(&self) -> Result<Handle, Sentence> {
        self.calls.handles.fetch_add(1, Ordering::Relaxed);
        (self.open)(Arc::clone(&self.calls))
    }

    /// Returns a new account for a trial.
    fn account(&self) -> Result<AccountId, Sentence> {
        self.account_named(b"")
    }

    fn account_named(&self, rest: &[u8]) -> Result<AccountId, Sentence> {
        let number = self.accounts.fetch_add(1, Ordering::Relaxed);
        id_of([format!("{}-{number}-", self.prefix).as_bytes(), rest].concat())
    }

    /// Runs each promise on its thread: a store that hangs keeps that thread, not the kit.
    fn try_all(self: Arc<Kit>) -> Result<Report, Broken> {
        let mut promises = Vec::new();
        for promise in Promise::ALL {
            let (tell, hear) = mpsc::channel();
            let kit = Arc::clone(&self);
            let started = thread::Builder::new().spawn(move || {
                // Nobody hears it if the promise took too long.
                let _ = tell.send(promises::try_one(promise, &kit));
            });
            let tried = match started {
                Ok(_) => hear.recv_timeout(PATIENCE),
                Err(error) => Ok(Err(format!("a thread did not start: {error}"))),
            };
            let hangs = matches!(tried, Err(RecvTimeoutError::Timeout));
            let what = match tried {
                Ok(Ok(())) => continue,
                Ok(Err(sentence)) => sentence,
                Err(RecvTimeoutError::Disconnected) => PANICKED.into(),
                Err(RecvTimeoutError::Timeout) => format!(
                    "no answer within {} s, and the rest was not tried: a lock that is not given \
                     back, a pool with too few connections, or a runtime that nobody drives",
                    PATIENCE.as_secs()
                ),
            };
            promises.push(BrokenPromise { promise, what });
            if hangs {
                break;
            }
        }
        if !promises.is_empty() {
            return Err(Broken { promises });
        }
        let Calls { handles, loads, swaps } = &*self.calls;
        let [handles, loads, swaps] = [handles, loads, swaps].map(|n| n.load(Ordering::Relaxed));
        Ok(Report { handles, loads, swaps })
    }
}

const PANICKED: &str = "the store panicked: return an error, so that the host can answer";

const NEVER_ENDS: &str = "swap went on answering Stale although every other writer had time to \
                          finish: compare with the version that is stored now";

fn id_of(bytes: impl AsRef<[u8]>) -> Result<AccountId, Sentence> {
    AccountId::new(bytes).map_err(|error| format!("{error}"))
}

/// A write, with everything that it borrows.
struct Draft {
    expected: Option<u64>,
    record: Record,
    summary: Summary,
    events: Vec<Event>,
}

impl Draft {
    fn new(id: &AccountId, expected: Option<u64>, record: Record) -> Draft {
        let version = record.version();
        let kind = EventKind::Rejected(RejectionReason::WrongCode);
        let mut event = Event::new(*id, UnixTime::from_secs(1_800_000_000), kind);
        event.id = Some(EventId { account: *id, version, index: 0 });
        let events = Vec::from([event]);
        Draft { expected, record, summary: Summary::default(), events }
    }

    fn write(&self) -> Write<'_> {
        Write::new(self.expected, &self.record, &self.summary, &self.events)
    }
}

/// What `writer` stores under `version`: its own name and every byte value, so that a record that is
/// half of one write and half of another is seen.
fn record_of(id: &AccountId, version: u64, writer: usize) -> Record {
    let mut bytes = format!("{id} {version} {writer} ").into_bytes();
    bytes.extend(0..=u8::MAX);
    bytes.extend_from_slice(format!(" {version} {writer}").as_bytes());
    Record::new(version, bytes)
}

/// Whether the kit wrote exactly this record to exactly this account.
fn is_whole(id: &AccountId, record: &Record) -> bool {
    (0..CROWD).any(|writer| record_of(id, record.version(), writer) == *record)
}

/// The write that follows on what was loaded.
fn successor(id: &AccountId, loaded: Option<Record>, writer: usize) -> Result<Draft, Sentence> {
    let Some(loaded) = loaded else {
        return Err(
            "load found no record of an account that was created: nothing removes one".into()
        );
    };
    if !is_whole(id, &loaded) {
        return Err(format!(
            "load returned bytes that nobody wrote under version {}: read the version and the \
             bytes in one statement",
            loaded.version()
        ));
    }
    let version = loaded.version();
    Ok(Draft::new(id, Some(version), record_of(id, next(version), writer)))
}

fn next(version: u64) -> u64 {
    version.saturating_add(1)
}

mod promises;
