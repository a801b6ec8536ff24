//! An operation as a value, and the two drivers that run it over a store.
//!
//! Standard: NIST SP 800-63B-4 sections 3.1.4.2 (accepted once) and 3.2.2 (failures counted).
//!
//! An operation does nothing until it is run. One attempt is one transition: load, decide, swap; and
//! only a stored swap releases the answer. After a lost race the record is loaded and the decision is
//! made again from scratch, never patched. After eight lost races there is no answer at all, and a note.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::convert::Infallible;
use core::fmt;

use zeroize::Zeroizing;

use crate::account::browser;
use crate::account::record::{self, Owner, Record, RecordError};
use crate::account::{
    Account, AccountId, AnyChange, BrowserId, Event, EventId, EventKind, Policy, Refusal, Seal,
    Sealed, Session, Shown, Shows, Source, Summary,
};
use crate::mfa::answer::{Changed, Fault, NotDone, Verdict};
use crate::mfa::decision::{Context, Decision, DraftEvent, Floor, Mode, actor, believed, open};
use crate::store::contract::{AsyncStore, Store, Swap, Write};
use crate::text::Text;
use crate::time::UnixTime;
use crate::wipe;

/// How often a decision is made again after a lost race.
pub const MAX_TRIES: usize = 8;

/// How often, where it takes something out of use: nothing that a stranger or a leaver can repeat may
/// keep it from being stored.
pub const MAX_TRIES_OF_REVOCATION: usize = 128;

/// Bytes of stack that a decision may use; a release build uses about two thirds of it.
const TRACES: usize = 10_240;

/// Bytes of stack below the call in which a typed code is read. Enough for a release build:
/// `tests/evidence/tests/wiping.rs` looks.
const TRACES_OF_READING: usize = 2048;

/// Reads a typed code into the place where the operation keeps it. A move leaves a copy on the stack, and
/// from there in the gaps of whatever is put on the heap next; an attacker who reads memory later would
/// find a code that may not be used up yet.
pub(crate) fn without_traces<T>(read: impl FnOnce() -> T) -> Box<T> {
    wipe::after::<TRACES_OF_READING, _>(|| Box::new(read()))
}

type Transition<'m, T> = Box<dyn Fn(Box<Account>, &Context<'_>) -> Round<T> + Send + Sync + 'm>;

/// What a transition decided, or why it could not.
pub(crate) type Round<T> = Result<Decision<T>, Undecided>;

pub(crate) type Undecided = Fault<Infallible>;

/// What an attempt, a change or a reading does to one account, without a store:
/// [`Operation::decide`] is one round of [`Attempt::run`] for a runtime that brings its own loads and
/// swaps, and for trying every order of parallel attempts in a test.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{mfa::Decided, SignIn, Store};
/// // One round, with loads and swaps of the host's own.
/// let attempt = dana.verify(&phone.code(now), SignIn);
/// let loaded = Store::load(&store, attempt.operation().account())?;
/// let decided = attempt.operation().decide(loaded, None)?;
/// assert!(matches!(decided, Decided::Write(_))); // not accepted before it is written
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "an operation does nothing until it is run"]
pub struct Operation<'m, T> {
    keys: &'m dyn Seal,
    policy: &'m dyn Policy,
    id: AccountId,
    now: UnixTime,
    floor: Floor,
    source: Option<Source>,
    browser: Option<Zeroizing<String>>,
    first_factor_passed: bool,
    tries: usize,
    mode: Mode,
    session: Option<Session>,
    shown: Option<Shown>,
    transition: Transition<'m, T>,
}

/// The loop of both drivers; `$wait` is `await` over an asynchronous store.
macro_rules! driven {
    ($operation:ident, $store:ident $(, $wait:tt)?) => {{
        for lost in 1..=$operation.tries {
            let operator = match $operation.operator() {
                Some(operator) => $store.load(operator)$(.$wait)?.map_err(Fault::Store)?,
                None => None,
            };
            let loaded = $store.load(&$operation.id)$(.$wait)?.map_err(Fault::Store)?;
            match $operation.decide(loaded, operator).map_err(Fault::lift)? {
                Decided::Answer { answer, events } => {
                    if !events.is_empty() {
                        $store.note(&$operation.id, &events)$(.$wait)?.map_err(Fault::Store)?;
                    }
                    return Ok(answer);
                }
                Decided::Write(prepared) => {
                    let swap = $store.swap(&$operation.id, &prepared.write())$(.$wait)?;
                    if let Some(answer) = prepared.release(swap.map_err(Fault::Store)?) {
                        return Ok(answer);
                    }
                }
            }
            if lost >= MAX_TRIES {
                $store.pause(lost)$(.$wait)?;
            }
        }
        // No more than a trace: what goes wrong with it changes nothing.
        let lost = EventKind::Contended { lost: $operation.tries as u64 };
        let events = $operation.events(Vec::from([DraftEvent::plain(lost)]), None);
        let _ = $store.note(&$operation.id, &events)$(.$wait)?;
        Err(Fault::Contended)
    }};
}

impl<'m, T> Operation<'m, T> {
    pub(crate) fn new(
        keys: &'m dyn Seal,
        policy: &'m dyn Policy,
        id: AccountId,
        now: UnixTime,
        floor: Floor,
        transition: impl Fn(Box<Account>, &Context<'_>) -> Round<T> + Send + Sync + 'm,
    ) -> Operation<'m, T> {
        Operation {
            keys,
            policy,
            id,
            now,
            floor,
            source: None,
            browser: None,
            first_factor_passed: false,
            tries: MAX_TRIES,
            mode: Mode::Usual,
            session: None,
            shown: None,
            transition: Box::new(transition),
        }
    }

    /// Whose account it is about: what to load and swap.
    pub const fn account(&self) -> &AccountId {
        &self.id
    }

    /// The operator whose account has to be loaded as well, for an operation on another person. It is
    /// read, not held: an operator who is offboarded between that load and the swap still gets
    /// through, once.
    pub fn operator(&self) -> Option<&AccountId> {
        match &self.shown {
            Some(Shown::Operator(proven, _)) => {
                Some(&proven.account).filter(|account| **account != self.id)
            }
            _ => None,
        }
    }

    fn drive<S: Store + ?Sized>(&self, store: &S) -> Result<T, Fault<S::Error>> {
        driven!(self, store)
    }

    async fn drive_async<S: AsyncStore>(&self, store: &S) -> Result<T, Fault<S::Error>> {
        driven!(self, store, await)
    }

    /// Decides once, from the records as they were loaded. Pure: the same records give the same
    /// decision.
    ///
    /// # Errors
    /// Returns the reason why it could not decide; never [`Fault::Store`] or [`Fault::Contended`].
    pub fn decide(
        &self,
        loaded: Option<Record>,
        operator: Option<Record>,
    ) -> Result<Decided<T>, Fault<Infallible>> {
        wipe::after::<TRACES, _>(|| self.decide_and_leave_traces(loaded, operator))
    }

    /// Decides, and leaves copies on the stack: a value that is wiped when it is dropped may have been
    /// copied before, as it moved from one call to the next.
    fn decide_and_leave_traces(
        &self,
        loaded: Option<Record>,
        operator: Option<Record>,
    ) -> Result<Decided<T>, Fault<Infallible>> {
        if !self.now.is_plausible() {
            return Err(Fault::ClockImplausible(self.now));
        }
        let expected = loaded.as_ref().map(Record::version);
        let owner = Owner::new(self.keys, &self.id);
        let record = loaded.as_ref().map(Record::name);
        let (account, broken) =
            believed(loaded.as_ref(), &owner, self.keys, self.floor, self.mode)?;
        let operator = match (&operator, self.operator()) {
            (Some(record), Some(id)) => Some(open(record, &Owner::new(self.keys, id), self.keys)?),
            _ => None,
        };
        let by = account.last_write.since(self.now);
        let cx = Context {
            id: &self.id,
            now: self.now,
            policy: self.policy,
            keys: self.keys,
            browser: self.token()?.and_then(|token| account.remembers(token, self.now)),
            proof: self.shown.as_ref().and_then(Shown::proven),
            session: self.session,
            by_operator: matches!(self.shown, Some(Shown::Operator(..))),
            record: record.map(|name| (name, broken)),
            unopened: self.shown.as_ref().and_then(Shown::unopened),
            first_factor_passed: self.first_factor_passed,
            operator: operator.as_deref(),
        };
        let decision = (self.transition)(account, &cx)?;
        let Decision { answer, next, dummy, mut happened } = decision;
        let is_stored = next.is_some();
        let Some(mut next) = next.or(dummy) else {
            let events = self.events(happened, None);
            return Ok(Decided::Answer { answer, events });
        };
        if is_stored && by > 60 && self.mode != Mode::AsItIs {
            happened.insert(0, DraftEvent::plain(EventKind::ClockWentBack { by }));
        }
        if self.mode != Mode::AsItIs {
            let over = next.expire(self.policy, self.now);
            happened.extend(over.into_iter().filter(|_| is_stored).map(DraftEvent::plain));
        }
        let version = expected.map_or(Some(1), |expected| expected.checked_add(1));
        let sealed = version
            .ok_or(RecordError::Version)
            .and_then(|version| Ok((version, record::seal(&next, &owner, version, self.keys)?)));
        let (version, record) = sealed.map_err(|error| Fault::Record { error, record })?;
        let mut summary = next.summary(&self.id, self.policy, self.now);
        summary.sealed_with = record.key_name();
        let events = self.events(happened, is_stored.then_some(version));
        if !is_stored {
            core::hint::black_box((record, summary)); // the work of a failure that is counted
            return Ok(Decided::Answer { answer, events });
        }
        Ok(Decided::Write(Box::new(Prepared { answer, expected, record, summary, events })))
    }

    /// The browser that the request names, and its generation.
    fn token(&self) -> Result<Option<(BrowserId, u32)>, Fault<Infallible>> {
        let open =
            |token: &Zeroizing<String>| browser::open(Sealed::Browser, self.keys, &self.id, token);
        Ok(self.browser.as_ref().map(open).transpose()?.flatten())
    }

    fn events(&self, happened: Vec<DraftEvent>, version: Option<u64>) -> Vec<Event> {
        let actor = actor(&self.id, self.shown.as_ref(), self.mode, &happened);
        let event = |(index, event): (u16, DraftEvent)| {
            let DraftEvent { kind, device, method, purpose } = event;
            Event {
                id: version.map(|version| EventId { account: self.id, version, index }),
                account: self.id,
                at: self.now,
                actor: actor.clone(),
                source: self.source.clone(),
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

/// The outcome of [`Operation::decide`].
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{mfa::Decided, SignIn, Store};
/// let attempt = dana.verify(&phone.code(now), SignIn);
/// let accepted = match attempt.operation().decide(Store::load(&store, &id)?, None)? {
///     Decided::Answer { answer, .. } => Some(answer), // after its events are noted
///     Decided::Write(prepared) => {
///         let swap = Store::swap(&store, &id, &prepared.write())?;
///         prepared.release(swap) // `None`: load and decide again
///     }
/// };
/// assert!(accepted.is_some_and(|verdict| verdict.accepted().is_some()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{mfa::Decided, SignIn, Store, Swap};
/// let attempt = dana.verify(&phone.code(now), SignIn);
/// let decided = attempt.operation().decide(Store::load(&store, &id)?, None)?;
/// let Decided::Write(prepared) = decided else { panic!("nothing to write") };
/// // Another node was first: there is no answer, and the host decides again.
/// assert!(prepared.release(Swap::Stale).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    pub fn release(self, swap: Swap) -> Option<T> {
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

/// One try at a code that an attacker could guess, to be [run](Attempt::run) over a store.
///
/// Running it again after a store fault is safe: time and randomness were drawn when it was made,
/// and if the first run was written after all, the second one refuses.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{SignIn, Verdict};
/// // After the password: a wrong code is now an alert, with the address in the trail.
/// let typed = phone.wrong_code(now);
/// let attempt = dana.verify(&typed, SignIn).first_factor_passed().from_source("192.0.2.7");
/// assert!(matches!(attempt.run(&store), Verdict::Rejected { tries_left: 4 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "an attempt does nothing until it is run"]
#[derive(Debug)]
pub struct Attempt<'m, T>(Operation<'m, Verdict<T>>);

impl<'m, T> Attempt<'m, T> {
    pub(crate) const fn new(operation: Operation<'m, Verdict<T>>) -> Attempt<'m, T> {
        Attempt(operation)
    }

    /// Notes where the request came from, for the events: an address, a device name. The note loses
    /// invisible characters and is cut to 128 bytes; it never makes an attempt fail.
    pub fn from_source(mut self, source: &str) -> Attempt<'m, T> {
        self.0.source = Text::cleaned(source);
        self
    }

    /// Hands over the token of a remembered browser, from the request's cookie. It decides on which
    /// budget a failure counts, and lets in nothing that would not be let in without. A token that does
    /// not open is as none.
    pub fn from_browser(mut self, token: &str) -> Attempt<'m, T> {
        self.0.browser = Some(Zeroizing::new(token.into()));
        self
    }

    /// Notes that the host has checked the first factor, and it was right: a wrong code is then an
    /// alert (ASVS 6.3.5).
    pub fn first_factor_passed(mut self) -> Attempt<'m, T> {
        self.0.first_factor_passed = true;
        self
    }

    /// Runs over `store`. At most [`MAX_TRIES`] loads and swaps; two round trips without lost races.
    pub fn run<S: Store + ?Sized>(&self, store: &S) -> Verdict<T, Fault<S::Error>> {
        Verdict::or_undecided(self.0.drive(store))
    }

    /// Runs over an asynchronous store. Dropping the future loses the answer, never the count: what
    /// was swapped stays swapped, and nothing was accepted.
    pub async fn run_async<S: AsyncStore>(&self, store: &S) -> Verdict<T, Fault<S::Error>> {
        Verdict::or_undecided(self.0.drive_async(store).await)
    }

    /// Returns the attempt without its loop.
    pub const fn operation(&self) -> &Operation<'m, Verdict<T>> {
        &self.0
    }
}

/// A change of an account, to be [run](Change::run) over a store. `A` is the proof that allows it, and
/// [`NoProof`] where the change needs none.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::ChangeFactors;
/// let verdict = dana.verify(&phone.code(now), ChangeFactors).run(&store);
/// let proof = verdict.accepted().ok_or("wrong code")?;
/// // The address in the trail, and the proof that allows a second device.
/// let mut change = dana.enrol("Tablet", &mut rng).from_source("192.0.2.7").proven_by(proof);
/// assert!(change.run(&store).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a change does nothing until it is run"]
#[derive(Debug)]
pub struct Change<'m, T = (), A = NoProof> {
    operation: Operation<'m, Result<Changed<T>, Refusal>>,
    proof: Option<A>,
}

/// Takes the place of a proof where a change needs none. It has no value.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let id = host::telephone(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{mfa::{Change, NoProof}, ChangePrivileges, SignIn};
/// // Sending a code needs no proof, so a refusal has none to hand back.
/// let mut change: Change<'_, _, NoProof> = dana.send_code(SignIn, &mut rng);
/// assert!(change.run(&store).is_ok());
/// let refused = dana.send_code(ChangePrivileges, &mut rng).run(&store); // not by a text
/// assert!(refused.is_err_and(|no| no.into_proof().is_none()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoProof {}

impl<'m, T, A> Change<'m, T, A> {
    pub(crate) const fn new(operation: Operation<'m, Result<Changed<T>, Refusal>>) -> Self {
        Change { operation, proof: None }
    }

    pub(crate) fn allowed_by<B: Shows>(self, by: B) -> Change<'m, T, B> {
        self.allowed(None, by)
    }

    /// With the name of the change, for which an operator's proof may have been carried.
    pub(crate) fn allowed<B: Shows>(self, change: Option<AnyChange>, by: B) -> Change<'m, T, B> {
        let mut operation = self.operation;
        operation.shown = Some(by.shown(&|carried, by_operator| {
            carried.open(operation.keys, &operation.id, change.filter(|_| by_operator))
        }));
        Change { operation, proof: Some(by) }
    }

    pub(crate) fn in_session(mut self, session: &[u8]) -> Change<'m, T, A> {
        self.operation.session = Session::new(session);
        self
    }

    pub(crate) fn persistent(mut self) -> Change<'m, T, A> {
        self.operation.tries = MAX_TRIES_OF_REVOCATION;
        self
    }

    pub(crate) fn in_mode(mut self, mode: Mode) -> Change<'m, T, A> {
        self.operation.mode = mode;
        self
    }

    /// Hands over the token of a remembered browser, as [`Attempt::from_browser`].
    pub fn from_browser(mut self, token: &str) -> Change<'m, T, A> {
        self.operation.browser = Some(Zeroizing::new(token.into()));
        self
    }

    /// Notes where the request came from, as [`Attempt::from_source`].
    pub fn from_source(mut self, source: &str) -> Change<'m, T, A> {
        self.operation.source = Text::cleaned(source);
        self
    }

    /// Runs over `store`. At most [`MAX_TRIES`] loads and swaps; two round trips without lost races,
    /// three with an operator.
    ///
    /// A refusal hands the proof back. After a fault the same change can be run again.
    ///
    /// # Errors
    /// [`NotDone`]: the change was refused, or could not be decided.
    pub fn run<S: Store + ?Sized>(
        &mut self,
        store: &S,
    ) -> Result<Changed<T>, NotDone<S::Error, A>> {
        let answer = self.operation.drive(store);
        self.answered(answer)
    }

    /// Runs over an asynchronous store, as [`Attempt::run_async`].
    ///
    /// # Errors
    /// As [`Change::run`].
    pub async fn run_async<S: AsyncStore>(
        &mut self,
        store: &S,
    ) -> Result<Changed<T>, NotDone<S::Error, A>> {
        let answer = self.operation.drive_async(store).await;
        self.answered(answer)
    }

    /// A decided change has used its proof or gives it back; an undecided one keeps it.
    fn answered<E>(
        &mut self,
        answer: Result<Result<Changed<T>, Refusal>, Fault<E>>,
    ) -> Result<Changed<T>, NotDone<E, A>> {
        let answer = answer.map_err(NotDone::Undecided)?;
        self.operation.shown = None;
        let proof = self.proof.take();
        answer.map_err(|refusal| NotDone::Refused { refusal, proof })
    }

    /// Returns the change without its loop.
    pub const fn operation(&self) -> &Operation<'m, Result<Changed<T>, Refusal>> {
        &self.operation
    }
}

/// A look at an account that changes nothing, to be [run](Reading::run) over a store.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{mfa::Reading, Summary};
/// // The page "my factors" reads and writes nothing.
/// let reading: Reading<'_, Option<Summary>> = dana.summary();
/// assert!(reading.run(&store)?.is_some_and(|summary| summary.devices.len() == 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a reading does nothing until it is run"]
#[derive(Debug)]
pub struct Reading<'m, T>(Operation<'m, T>);

impl<'m, T> Reading<'m, T> {
    pub(crate) const fn new(operation: Operation<'m, T>) -> Reading<'m, T> {
        Reading(operation)
    }

    /// Runs over `store`: one load.
    ///
    /// # Errors
    /// [`Fault`]: nothing is known.
    pub fn run<S: Store + ?Sized>(&self, store: &S) -> Result<T, Fault<S::Error>> {
        self.0.drive(store)
    }

    /// Runs over an asynchronous store.
    ///
    /// # Errors
    /// As [`Reading::run`].
    pub async fn run_async<S: AsyncStore>(&self, store: &S) -> Result<T, Fault<S::Error>> {
        self.0.drive_async(store).await
    }
}
