//! The kit, as a host puts it together for its store, and the run of all trials.
//!
//! Standard: the contract of [`Store`] and [`AsyncStore`].
//!
//! Knows nothing of what a promise means: `promises` does.

use std::fmt::Debug;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use countersign::{AccountId, AsyncStore, Event, OsRandom, Store, Summary};

use crate::draft::{PANICKED, id_of};
use crate::opened::{Awaited, BlockOn, Calls, Handle, Plain, Shared, wait_for};
use crate::process::Other;
use crate::promises::{self, Witnesses};
use crate::{Broken, BrokenPromise, NotSeen, Promise, Report, Sentence, Task};

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(120);

type Open = dyn Fn(Arc<Calls>) -> Result<Handle, Sentence> + Send + Sync;

type OpenShared = dyn Fn(Arc<Calls>) -> Result<Shared, Sentence> + Send + Sync;

type Beside = dyn Fn(&AccountId, &[Event], &Summary) -> Result<(), Sentence> + Send + Sync;

/// The trials of one store, and what they are told about it.
///
/// ```
/// use countersign::MemoryStore; // your store in place of this one
/// use countersign_conformance::Kit;
/// use std::{convert::Infallible, sync::Arc};
///
/// let store = Arc::new(MemoryStore::new());
/// let kit = Kit::new(move || Ok::<_, Infallible>(Arc::clone(&store)));
/// let report = kit.rows(2_000).run().unwrap();
/// assert_eq!(report.rows, 2_000);
/// assert!(report.to_string().contains("a second process"), "{report}"); // not seen
/// ```
#[must_use = "a kit tries nothing until it is run"]
pub struct Kit {
    open: Box<Open>,
    shared: Option<Box<OpenShared>>,
    pub(crate) calls: Arc<Calls>,
    /// Letters and digits, so that an id can be typed into a database's console.
    pub(crate) prefix: String,
    accounts: Arc<AtomicU32>,
    pub(crate) beside: Option<Box<Beside>>,
    /// Whether the host's columns are not all the same, so that a wrong one is seen.
    columns_differ: Arc<AtomicBool>,
    pub(crate) process: Option<(String, String)>,
    pub(crate) clock: Option<Box<dyn Fn(Duration) + Send + Sync>>,
    pub(crate) idle: Duration,
    pub(crate) rows: Option<u64>,
    pub(crate) filled: Arc<AtomicU64>,
    pub(crate) witnesses: Witnesses,
    /// Whether a promise was broken already, so that what takes long is left out.
    pub(crate) is_broken: AtomicBool,
    only: Vec<Promise>,
}

impl Kit {
    /// Takes a store by the way to open it.
    ///
    /// Each call of `open` makes another handle to the same store: a new connection, as another process
    /// would have. Up to 33 are open at once. With every record elsewhere (a pool, a file, a server)
    /// nothing is shared between them. The races are run once over a handle for each thread, and once
    /// over one handle that 32 threads share, as a web server shares it.
    pub fn new<S, E>(open: impl Fn() -> Result<S, E> + Send + Sync + 'static) -> Kit
    where
        S: Store + Send + Sync + 'static,
        S::Error: Debug,
        E: Debug,
    {
        let open = Arc::new(open);
        let again = Arc::clone(&open);
        let shared = move |calls| -> Result<Shared, Sentence> {
            Ok(Arc::new(Plain { store: again().map_err(not_opened)?, calls }))
        };
        let kit = Kit::unshared(move || open());
        Kit { shared: Some(Box::new(shared)), ..kit }
    }

    /// Takes a store that is not `Sync`: the compiler keeps threads from sharing a handle, so the kit
    /// does not try it.
    pub fn unshared<S, E>(open: impl Fn() -> Result<S, E> + Send + Sync + 'static) -> Kit
    where
        S: Store + 'static,
        S::Error: Debug,
        E: Debug,
    {
        Kit::over(Box::new(move |calls| {
            Ok(Box::new(Plain { store: open().map_err(not_opened)?, calls }))
        }))
    }

    /// Takes a store that is awaited, and tries more: many futures in flight on one handle at once (C3),
    /// and futures that are dropped half-way (C10).
    ///
    /// `block_on` runs a future to its end on the calling thread, and is called from many threads at
    /// once: the races are between threads of the system, whatever the runtime. With Tokio:
    ///
    /// ```ignore
    /// let runtime = Arc::new(tokio::runtime::Builder::new_multi_thread().enable_all().build()?);
    /// Kit::new_async(open, move |task| runtime.block_on(task)).run()?;
    /// ```
    ///
    /// Call it from a plain `#[test]`, not from within the runtime.
    pub fn new_async<S, E, F>(
        open: impl Fn() -> F + Send + Sync + 'static,
        block_on: impl for<'a> Fn(Task<'a>) + Send + Sync + 'static,
    ) -> Kit
    where
        S: AsyncStore + Send + Sync + 'static,
        S::Error: Debug,
        E: Debug + Send,
        F: Future<Output = Result<S, E>> + Send,
    {
        let block_on: Arc<BlockOn> = Arc::new(block_on);
        let open = Arc::new(move |calls| {
            let store = wait_for(&*block_on, open())?.map_err(not_opened)?;
            Ok::<_, Sentence>(Awaited { store, block_on: Arc::clone(&block_on), calls })
        });
        let again = Arc::clone(&open);
        let shared = move |calls| -> Result<Shared, Sentence> { Ok(Arc::new(again(calls)?)) };
        let kit = Kit::over(Box::new(move |calls| Ok(Box::new(open(calls)?))));
        Kit { shared: Some(Box::new(shared)), ..kit }
    }

    fn over(open: Box<Open>) -> Kit {
        Kit {
            open,
            shared: None,
            calls: Arc::default(),
            prefix: String::new(),
            accounts: Arc::default(),
            beside: None,
            columns_differ: Arc::default(),
            process: None,
            clock: None,
            idle: Duration::ZERO,
            rows: None,
            filled: Arc::default(),
            witnesses: Witnesses::default(),
            is_broken: AtomicBool::new(false),
            only: Promise::ALL.into(),
        }
    }

    /// Lets the kit read what is kept beside a record (C11).
    ///
    /// `read` returns all events that are kept of an account, in the order of their ids, without its
    /// notes, and the host's columns of the summary; `columns` says what these are for a given summary.
    /// A host that keeps no columns returns `()` from both.
    pub fn beside<K, E>(
        self,
        read: impl Fn(&AccountId) -> Result<(Vec<Event>, K), E> + Send + Sync + 'static,
        columns: impl Fn(&Summary) -> K + Send + Sync + 'static,
    ) -> Kit
    where
        K: Debug + PartialEq + Send + Sync + 'static,
        E: Debug,
    {
        let (first, differ) = (OnceLock::new(), Arc::clone(&self.columns_differ));
        let beside: Box<Beside> = Box::new(move |id, events, summary| {
            let (kept, found) = read(id)
                .map_err(|error| format!("what is beside a record cannot be read: {error:?}"))?;
            promises::same_events(events, &kept)?;
            let expected = columns(summary);
            if *first.get_or_init(|| columns(summary)) != expected {
                differ.store(true, Ordering::Relaxed);
            }
            if found == expected {
                return Ok(());
            }
            Err(format!(
                "the columns hold {found:?}, where the last write's summary says {expected:?}: fill \
                 them in the transaction of every write, the first and all that follow"
            ))
        });
        Kit { beside: Some(beside), ..self }
    }

    /// Lets the kit start this test's executable again and race it: a lock or a cache of the process
    /// does not reach there.
    ///
    /// `test` is the full name of a test that calls [`second_process`](crate::second_process), and
    /// `location` what that one is told: a path, an address, whatever leads to the same records.
    pub fn second_process(self, test: impl Into<String>, location: impl Into<String>) -> Kit {
        Kit { process: Some((test.into(), location.into())), ..self }
    }

    /// Lets the kit move the store's clock ahead, by up to ten years: no record is gone then (C12).
    ///
    /// For an engine of the host's own making, or one whose clock a test can set. `forward` moves the
    /// clock by that much; it is never moved back.
    pub fn clock(self, forward: impl Fn(Duration) + Send + Sync + 'static) -> Kit {
        Kit { clock: Some(Box::new(forward)), ..self }
    }

    /// Lets the kit leave all records alone for so long, in real time, and look for them then (C12): a
    /// little more than the longest time to live that the engine is configured with.
    pub fn idle(self, time: Duration) -> Kit {
        Kit { idle: time, ..self }
    }

    /// Sets how many rows the kit writes beside each other, to see whether rows make way (C12) and
    /// whether ids are hashed (C6): more than the engine's cache has room for.
    ///
    /// 262,144 unless it is set, of a fast store (0.1 ms a write); of a slow one, as many as it writes in
    /// five seconds.
    pub fn rows(self, rows: u64) -> Kit {
        Kit { rows: Some(rows), ..self }
    }

    /// Tries these promises alone, while a store is being mended.
    pub fn only(self, promises: &[Promise]) -> Kit {
        Kit { only: promises.into(), ..self }
    }

    /// Tries every promise. One in which no call ends for two minutes is broken, and the rest is not
    /// tried.
    ///
    /// # Errors
    /// [`Broken`] names each broken promise and what was seen.
    pub fn run(mut self) -> Result<Report, Broken> {
        let mut random = [0; 8];
        let drawn = OsRandom::new().map(|mut rng| rand::Rng::fill_bytes(&mut rng, &mut random));
        drawn.map_err(|error| {
            let what = format!("the kit could not begin: {error}");
            Broken { promises: Vec::from([BrokenPromise { promise: Promise::CreateOnce, what }]) }
        })?;
        self.prefix = format!("kit{:016x}", u64::from_be_bytes(random));
        Arc::new(self).try_all()
    }

    /// Runs each promise on its thread: a store that hangs keeps that thread, not the kit.
    fn try_all(self: Arc<Kit>) -> Result<Report, Broken> {
        let mut broken = Vec::new();
        for promise in self.only.iter().copied() {
            let patience = PATIENCE.saturating_add(self.idle);
            let (tell, hear) = mpsc::channel();
            let kit = Arc::clone(&self);
            let started = thread::Builder::new().spawn(move || {
                // Nobody hears it if the promise took too long.
                let _ = tell.send(promises::try_one(promise, &kit));
            });
            let tried = match started {
                Ok(_) => self.heard(&hear, patience),
                Err(error) => {
                    let what = format!("a thread did not start: {error}");
                    Ok(Err(BrokenPromise { promise, what }))
                }
            };
            let hangs = matches!(tried, Err(RecvTimeoutError::Timeout));
            broken.push(match tried {
                Ok(Ok(())) => continue,
                Ok(Err(broken)) => broken,
                Err(RecvTimeoutError::Disconnected) => {
                    BrokenPromise { promise, what: PANICKED.into() }
                }
                Err(RecvTimeoutError::Timeout) => {
                    let what = format!(
                        "no answer within {} s, and the rest was not tried: a lock that is not given \
                         back, a pool with too few connections, or a runtime that nobody drives",
                        patience.as_secs()
                    );
                    BrokenPromise { promise, what }
                }
            });
            self.is_broken.store(true, Ordering::Relaxed);
            if hangs {
                break;
            }
        }
        if !broken.is_empty() {
            return Err(Broken { promises: broken });
        }
        Ok(self.report())
    }

    /// Waits for a promise as long as calls are made.
    fn heard<T>(&self, hear: &Receiver<T>, patience: Duration) -> Result<T, RecvTimeoutError> {
        let mut seen = self.calls.total();
        loop {
            let heard = hear.recv_timeout(patience);
            let total = self.calls.total();
            if total == seen || !matches!(heard, Err(RecvTimeoutError::Timeout)) {
                return heard;
            }
            seen = total;
        }
    }

    fn report(&self) -> Report {
        let Calls { handles, loads, swaps } = &*self.calls;
        let [handles, loads, swaps, rows] =
            [handles, loads, swaps, &self.filled].map(|n| n.load(Ordering::Relaxed));
        Report {
            kept: self.only.clone(),
            handles,
            loads,
            swaps,
            rows,
            not_seen: self.not_seen(rows),
        }
    }

    fn not_seen(&self, rows: u64) -> Vec<NotSeen> {
        // Of n rows under a hash of b bits, two meet with odds of 1 - exp(-n^2 / 2^(b + 1)): 0.999 for
        // n = 3.8 times the root of 2^b.
        let bits = rows.saturating_mul(10).saturating_div(38).checked_ilog2().unwrap_or(0);
        let hashed = format!("ids hashed to more than {} bits", bits.saturating_mul(2));
        let evicted = format!("rows that make way beyond {rows}");
        let distinct = self.columns_differ.load(Ordering::Relaxed);
        let means = [
            (self.process.is_none(), "a second process", "Kit::second_process tries it"),
            (self.shared.is_none(), "one handle that threads share", "the compiler forbids it"),
            (self.beside.is_none(), "lost events", "Kit::beside reads them back"),
            (!distinct, "wrong columns of the summary", "Kit::beside reads them back"),
            (
                self.clock.is_none(),
                "rows that expire later than this run",
                "does the engine, or a job, ever remove or expire a row? Kit::clock and Kit::idle try it",
            ),
        ];
        let means = means.into_iter().filter(|(missing, ..)| *missing);
        let means = means.map(|(_, what, ask)| NotSeen { what: what.into(), ask });
        let sized = [
            (evicted, "is every policy of eviction off (Redis: maxmemory-policy noeviction)?"),
            (hashed, "is the key the id itself, or a hash of 128 bits or more?"),
        ];
        let sized = sized.map(|(what, ask)| NotSeen { what, ask });
        let always = NEVER_SEEN.map(|(what, ask)| NotSeen { what: what.into(), ask });
        means.chain(sized).chain(always).collect()
    }
}

/// What no test from outside sees.
const NEVER_SEEN: [(&str, &str); 6] = [
    (
        "a loss of power",
        "is a commit flushed to the disk before it is acknowledged (fsync, synchronous_commit, \
         appendfsync always)?",
    ),
    (
        "a replica that answers loads",
        "does every load go to the primary, or to a majority of the nodes?",
    ),
    (
        "a failover",
        "does a new primary have every acknowledged write, or may it lack the last ones?",
    ),
    (
        "a split network",
        "can two nodes take writes of one key at once, and what becomes of the loser's?",
    ),
    (
        "a backup that is put back",
        "a used code and a spent failure come back with it: who raises the version, or ends all sessions?",
    ),
    (
        "an outage",
        "does every call fail then? run_unreachable tries it on a handle that you cut off",
    ),
];

fn not_opened(error: impl Debug) -> Sentence {
    format!("a handle did not open: {error:?}")
}

impl Kit {
    pub(crate) fn open(&self) -> Result<Handle, Sentence> {
        self.calls.handles.fetch_add(1, Ordering::Relaxed);
        (self.open)(Arc::clone(&self.calls))
    }

    /// Starts the second process, if the host named a test for it.
    pub(crate) fn other(&self) -> Result<Option<Other>, Sentence> {
        let Some((test, location)) = &self.process else { return Ok(None) };
        Other::start(test, location).map(Some)
    }

    /// Returns a kit for the same store whose handles are all one.
    pub(crate) fn over_one_handle(&self) -> Result<Option<Kit>, Sentence> {
        let Some(shared) = &self.shared else { return Ok(None) };
        self.calls.handles.fetch_add(1, Ordering::Relaxed);
        let one = shared(Arc::clone(&self.calls))?;
        let open: Box<Open> = Box::new(move |_| Ok(Box::new(Arc::clone(&one))));
        let (calls, prefix) = (Arc::clone(&self.calls), self.prefix.clone());
        let accounts = Arc::clone(&self.accounts);
        Ok(Some(Kit { calls, prefix, accounts, ..Kit::over(open) }))
    }

    /// Returns a new account for a trial.
    pub(crate) fn account(&self) -> Result<AccountId, Sentence> {
        self.account_named(b"")
    }

    pub(crate) fn account_named(&self, rest: &[u8]) -> Result<AccountId, Sentence> {
        let number = self.accounts.fetch_add(1, Ordering::Relaxed);
        id_of([format!("{}-{number}-", self.prefix).as_bytes(), rest].concat())
    }
}
