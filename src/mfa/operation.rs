//! An operation as a value, and the two drivers that run it over a store.
//!
//! An operation does nothing until it is run. One attempt is one transition: load, decide, swap; and
//! only a stored swap releases the answer. If somebody else was first, the record is loaded and the
//! decision is made again from scratch, never patched. After eight lost races there is no answer at
//! all. [`Operation::decide`] is the same without the loop, for other runtimes and for trying every
//! order of parallel attempts in a test.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::fmt;

use crate::account::event::{Actor, Event, EventId, Kind, Source};
use crate::account::policy::Policy;
use crate::account::proof::Proof;
use crate::account::record::{self, Owner, Record, RecordError, Seal};
use crate::account::state::Account;
use crate::account::summary::{AccountId, Summary};
use crate::mfa::decision::{Context, Decision, Happening};
use crate::store::{AsyncStore, Store, Swap, Write};
use crate::text::{Text, TextError};
use crate::time::UnixTime;
use crate::wipe;

/// How often a decision is made again after a lost race.
pub const MAX_TRIES: usize = 8;

/// Bytes of stack that a decision may use; a release build uses about two thirds of it.
const TRACES: usize = 10_240;

type Transition<'m, T> =
    Box<dyn Fn(Box<Account>, &Context<'_>) -> Result<Decision<T>, TextError> + Send + Sync + 'm>;

/// One operation on one account, to be [run](Operation::run) over a store.
///
/// Running it again after a store fault is safe: time and randomness were drawn when it was made,
/// and whatever the first run may have written makes the second one refuse.
#[must_use = "an operation does nothing until it is run"]
pub struct Operation<'m, T> {
    keys: &'m dyn Seal,
    policy: &'m dyn Policy,
    id: AccountId,
    now: UnixTime,
    actor: Option<Actor>,
    source: Option<Result<Source, TextError>>,
    first_factor_passed: bool,
    proof: Option<Proof>,
    transition: Transition<'m, T>,
}

impl<'m, T> Operation<'m, T> {
    pub(crate) fn new(
        keys: &'m dyn Seal,
        policy: &'m dyn Policy,
        id: &AccountId,
        now: UnixTime,
        transition: impl Fn(Box<Account>, &Context<'_>) -> Result<Decision<T>, TextError>
        + Send
        + Sync
        + 'm,
    ) -> Operation<'m, T> {
        Operation {
            keys,
            policy,
            id: *id,
            now,
            actor: None,
            source: None,
            first_factor_passed: false,
            proof: None,
            transition: Box::new(transition),
        }
    }

    /// Where the request came from, for the events: an address, a device name; 1 to 128 bytes.
    pub fn from_source(mut self, source: &str) -> Operation<'m, T> {
        self.source = Some(Text::new(source));
        self
    }

    /// The host has checked the first factor, and it was right: a wrong code is then an alert (ASVS
    /// 6.3.5).
    pub fn first_factor_passed(mut self) -> Operation<'m, T> {
        self.first_factor_passed = true;
        self
    }

    /// The proof that allows a change. Where an operation takes its proof as an argument, there is
    /// nothing to add; the enrolments take it here, because a person's first one has none.
    pub fn proven_by(mut self, proof: Proof) -> Operation<'m, T> {
        self.proof = Some(proof);
        self
    }

    pub(crate) fn acted_by(mut self, actor: Actor) -> Operation<'m, T> {
        self.actor = Some(actor);
        self
    }

    /// Whose account it is about: what to load and swap.
    #[must_use]
    pub const fn account(&self) -> &AccountId {
        &self.id
    }

    /// The operator whose account has to be loaded as well, for an operation on somebody else. It is
    /// read, not held: an operator who is offboarded between that load and the swap still gets
    /// through, once.
    #[must_use]
    pub fn operator(&self) -> Option<&AccountId> {
        self.proof.as_ref().map(Proof::account).filter(|account| **account != self.id)
    }

    /// Runs over `store`. At most [`MAX_TRIES`] loads and swaps; two round trips where nobody
    /// interferes, three with an operator.
    ///
    /// # Errors
    /// [`Error`]: the operation is not decided, nothing is accepted.
    pub fn run<S: Store + ?Sized>(&self, store: &S) -> Result<T, Error<S::Error>> {
        for _ in 0..MAX_TRIES {
            let operator = match self.operator() {
                Some(operator) => store.load(operator).map_err(Error::Store)?,
                None => None,
            };
            let loaded = store.load(&self.id).map_err(Error::Store)?;
            match self.decide(loaded, operator).map_err(Error::lift)? {
                Decided::Answer { answer, events } => {
                    if !events.is_empty() {
                        store.note(&self.id, &events).map_err(Error::Store)?;
                    }
                    return Ok(answer);
                }
                Decided::Write(prepared) => {
                    let swap = store.swap(&self.id, &prepared.write()).map_err(Error::Store)?;
                    if let Some(answer) = prepared.settle(swap) {
                        return Ok(answer);
                    }
                }
            }
        }
        Err(Error::Contended)
    }

    /// Runs over an asynchronous store. Dropping the future loses the answer, never the count: what
    /// was swapped stays swapped, and nothing was accepted.
    ///
    /// # Errors
    /// As [`Operation::run`].
    pub async fn run_async<S: AsyncStore>(&self, store: &S) -> Result<T, Error<S::Error>> {
        for _ in 0..MAX_TRIES {
            let operator = match self.operator() {
                Some(operator) => store.load(operator).await.map_err(Error::Store)?,
                None => None,
            };
            let loaded = store.load(&self.id).await.map_err(Error::Store)?;
            match self.decide(loaded, operator).map_err(Error::lift)? {
                Decided::Answer { answer, events } => {
                    if !events.is_empty() {
                        store.note(&self.id, &events).await.map_err(Error::Store)?;
                    }
                    return Ok(answer);
                }
                Decided::Write(prepared) => {
                    let swap = store.swap(&self.id, &prepared.write()).await;
                    if let Some(answer) = prepared.settle(swap.map_err(Error::Store)?) {
                        return Ok(answer);
                    }
                }
            }
        }
        Err(Error::Contended)
    }

    /// Decides once, from the records as they were loaded. Pure: the same records give the same
    /// decision.
    ///
    /// # Errors
    /// Whatever keeps it from deciding; never [`Error::Store`] or [`Error::Contended`].
    pub fn decide(
        &self,
        loaded: Option<Record>,
        operator: Option<Record>,
    ) -> Result<Decided<T>, Error<Infallible>> {
        wipe::after::<TRACES, _>(|| self.decide_and_leave_traces(loaded, operator))
    }

    /// Decides, and leaves copies on the stack: a value that is wiped when it is dropped may have been
    /// copied before, as it moved from one call to the next.
    fn decide_and_leave_traces(
        &self,
        loaded: Option<Record>,
        operator: Option<Record>,
    ) -> Result<Decided<T>, Error<Infallible>> {
        if !self.now.is_plausible() {
            return Err(Error::ClockImplausible(self.now));
        }
        let source = self.source.clone().transpose().map_err(Error::Text)?;
        let expected = loaded.as_ref().map(Record::version);
        let owner = Owner::new(&self.id);
        let account = match &loaded {
            Some(record) => self.open(record, &owner)?,
            None => Box::default(),
        };
        let operator = match (&operator, self.operator()) {
            (Some(record), Some(id)) => Some(self.open(record, &Owner::new(id))?),
            _ => None,
        };
        let last_write = account.last_write;
        let cx = Context {
            id: &self.id,
            now: self.now,
            policy: self.policy,
            proof: self.proof.as_ref(),
            operator: operator.as_deref(),
        };
        let decision = (self.transition)(account, &cx).map_err(Error::Text)?;
        let Decision { answer, next, mut happened } = decision;
        let Some(mut next) = next else {
            let events = self.events(happened, None, &source);
            return Ok(Decided::Answer { answer, events });
        };
        let by = last_write.since(self.now);
        if by > 60 {
            happened.insert(0, Happening::plain(Kind::ClockWentBack { by }));
        }
        next.settle(self.now);
        let version = expected.map_or(Some(1), |expected| expected.checked_add(1));
        let version = version.ok_or(Error::Record(RecordError::Version))?;
        let record = record::seal(&next, &owner, version, self.keys).map_err(Error::Record)?;
        let summary = next.summary(self.policy, self.now);
        let events = self.events(happened, Some(version), &source);
        Ok(Decided::Write(Box::new(Prepared { answer, expected, record, summary, events })))
    }

    fn open(&self, record: &Record, owner: &Owner<'_>) -> Result<Box<Account>, Error<Infallible>> {
        record::open(record, owner, self.keys).map_err(Error::Record)
    }

    fn events(
        &self,
        happened: Vec<Happening>,
        version: Option<u64>,
        source: &Option<Source>,
    ) -> Vec<Event> {
        let actor = match (&self.actor, self.operator()) {
            (Some(actor), _) => actor.clone(),
            (None, Some(operator)) => Actor::Operator(*operator),
            (None, None) => Actor::Subject,
        };
        let event = |(index, happening): (u16, Happening)| {
            let Happening { kind, device, method, purpose } = happening;
            Event {
                id: version.map(|version| EventId { account: self.id, version, index }),
                account: self.id,
                at: self.now,
                actor: actor.clone(),
                source: source.clone(),
                first_factor_passed: self.first_factor_passed,
                device,
                method,
                purpose,
                kind,
            }
        };
        (0_u16..).zip(happened).map(event).collect()
    }
}

impl<T> fmt::Debug for Operation<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("account", &self.id).field("now", &self.now).finish()
    }
}

/// What [`Operation::decide`] decided.
#[must_use]
#[derive(Debug)]
pub enum Decided<T> {
    /// Nothing changes, so the answer may leave at once. Never an acceptance.
    Answer {
        /// The answer.
        answer: T,
        /// For [`Store::note`].
        events: Vec<Event>,
    },
    /// This has to be stored before the answer may leave.
    Write(Box<Prepared<T>>),
}

/// A decision that waits for its write.
#[must_use]
pub struct Prepared<T> {
    answer: T,
    expected: Option<u64>,
    record: Record,
    summary: Summary,
    events: Vec<Event>,
}

impl<T> Prepared<T> {
    /// What to pass to [`Store::swap`].
    #[must_use]
    pub fn write(&self) -> Write<'_> {
        Write {
            expected: self.expected,
            record: &self.record,
            summary: &self.summary,
            events: &self.events,
        }
    }

    /// The answer, if the write was stored. `None`: load and decide again.
    #[must_use]
    pub fn settle(self, swap: Swap) -> Option<T> {
        match swap {
            Swap::Stored => Some(self.answer),
            Swap::Stale => None,
        }
    }
}

impl<T> fmt::Debug for Prepared<T> {
    /// Without the answer: it has not been given.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("write", &self.write()).finish()
    }
}

/// Why an operation could not be decided. Nothing was accepted. Unless the store itself failed in
/// the middle of a write, nothing was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Error<E> {
    /// The clock stands before 2020 or after 2200.
    ClockImplausible(UnixTime),
    /// Eight races lost in a row on this account: try again later.
    Contended,
    /// The stored record does not open. It was not overwritten.
    Record(RecordError),
    /// The store failed. Whether it wrote may be unknown.
    Store(E),
    /// A label, a reason or a source is no text of the allowed length.
    Text(TextError),
}

impl Error<Infallible> {
    fn lift<E>(self) -> Error<E> {
        match self {
            Error::ClockImplausible(now) => Error::ClockImplausible(now),
            Error::Contended => Error::Contended,
            Error::Record(error) => Error::Record(error),
            Error::Store(never) => match never {},
            Error::Text(error) => Error::Text(error),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::ClockImplausible(now) => {
                write!(f, "the clock says {} (Unix time), not from 2020 to 2200", now.as_secs())
            }
            Error::Contended => f.write_str("too many attempts at once on this account"),
            Error::Record(error) => error.fmt(f),
            Error::Store(error) => write!(f, "the store failed: {error}"),
            Error::Text(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for Error<E> {}
