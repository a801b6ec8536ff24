#![doc = include_str!("../README.md")]
//!
//! Standard: the contract of [`Store`]; NIST SP 800-63B-4 sections 3.1.4.2 (accepted once) and 3.2.2
//! (failures counted); ASVS 15.4 (races).
//!
//! [`run`] and [`run_async`] try the twelve [promises](Promise) in order, each on its thread; a [`Kit`]
//! does the same and can be told more about the store. [`run_unreachable`] and
//! [`run_unreachable_async`] try a store whose database is out of reach, which the kit cannot bring
//! about by itself.

mod draft;
mod opened;

mod kit;
mod process;
mod promises;
mod unreachable;

use std::fmt::{self, Debug};
use std::future::Future;
use std::pin::Pin;

use countersign::{AsyncStore, Store};

pub use kit::Kit;
pub use process::second_process;
pub use unreachable::{run_unreachable, run_unreachable_async};

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
    /// C11: the events and the summary of a write are kept with it, and a note changes no record.
    EventsAndSummary,
    /// C12: no record expires, and none makes room for others.
    NothingExpires,
}

impl Promise {
    /// All twelve.
    pub const ALL: [Promise; 12] = [
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
        Promise::EventsAndSummary,
        Promise::NothingExpires,
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
            Promise::EventsAndSummary => "C11 events and summary",
            Promise::NothingExpires => "C12 nothing expires",
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Every promise was kept, as far as the kit saw. Print it in the test: its list says what to look up
/// in the engine's manual.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    /// Which were tried: all, unless [`Kit::only`] says which.
    pub kept: Vec<Promise>,
    /// How many handles were opened.
    pub handles: u64,
    /// How many times a record was loaded.
    pub loads: u64,
    /// How many writes were tried.
    pub swaps: u64,
    /// How many rows were written to see whether rows make way for others, and whether ids are hashed.
    pub rows: u64,
    /// What the kit did not see, with the question that answers it.
    pub not_seen: Vec<NotSeen>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { kept, handles, loads, swaps, rows, not_seen } = self;
        if *kept == Promise::ALL {
            f.write_str("C1 to C12 kept: ")?;
        } else {
            let names: Vec<&str> = kept.iter().map(|promise| promise.name()).collect();
            write!(f, "{} kept: ", names.join(", "))?;
        }
        write!(
            f,
            "{handles} handles, {loads} loads, {swaps} swaps, {rows} rows beside each other"
        )?;
        f.write_str("\nnot seen:")?;
        not_seen.iter().try_for_each(|not_seen| write!(f, "\n  {not_seen}"))
    }
}

/// What the kit did not see: a fault that no test from outside shows, or one that it was not given the
/// means to look for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NotSeen {
    /// The fault.
    pub what: String,
    /// The question to put to the engine's manual, or what to give the [`Kit`].
    pub ask: &'static str,
}

impl fmt::Display for NotSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.ask)
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

/// Tries every promise on the store that `open` opens: [`Kit::new`] and [`Kit::run`].
///
/// # Errors
/// [`Broken`] names each broken promise and what was seen.
pub fn run<S, E>(open: impl Fn() -> Result<S, E> + Send + Sync + 'static) -> Result<Report, Broken>
where
    S: Store + Send + Sync + 'static,
    S::Error: Debug,
    E: Debug,
{
    Kit::new(open).run()
}

/// A future for the host's runtime, as [`run_async`] hands it over.
pub type Task<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// As [`run`], for a store that is awaited: [`Kit::new_async`] and [`Kit::run`].
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
    Kit::new_async(open, block_on).run()
}

/// Handles that race.
const CROWD: usize = 32;

/// What was seen, and what usually causes it.
type Sentence = String;
