//! What the tests of the account layer share: an authenticator made from nothing but the URI that a
//! person scans, a store that keeps the whole history and fails on demand, policies that count or
//! differ in one number, and a practice with people, operators and a clock.
#![allow(dead_code)] // every test crate takes a part of it

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, MutexGuard};

#[path = "keys.rs"]
mod keys;
mod plain;
#[allow(unused_imports)] // every test crate takes a part of it
pub use keys::{deployment, key_bytes, keyring, nameless, sealing_key, unreadable};
#[allow(unused_imports)]
pub use plain::Plain;

use countersign::account::{
    AnyPurpose, Assertion, Bounded, ChallengeId, Class, DeviceStatus, EventKind, HostsWord,
    Operator, OutOfBand, PhoneNumber, Refusal, RejectionReason, RememberedBrowser, Throttle,
    TrustedBrowser,
};
use countersign::mfa::{
    self, AccountAt, Attempt, Change, Changed, Confirmed, Entered, ExternalMethod, NoProof,
    NotDone, PendingEnrolment, Reading, RestrictedNotice,
};
use countersign::otp::{Parameters, Reach};
use countersign::{
    AccountId, ActForOther, Action, ChangeFactors, ChangePrivileges, DeviceId, Event, Hotp,
    Keyring, LookAhead, Mfa, Policy, Proof, ProvisioningUri, Purpose, Recommended, Record, SignIn,
    Store, Summary, Swap, Totp, UnixTime, Verdict, Window, Write,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// Where every test starts: a moment at the beginning of a time step.
pub const START: UnixTime = UnixTime::from_secs(1_800_000_000);

/// The key of every practice: [`keyring`] 7.
pub const KEY: [u8; 32] = key_bytes(7);

/// How often a wrong code is answered by `Rejected` before the first wait, under `Recommended`.
pub const FREE: u8 = 5;

pub fn account(number: u64) -> AccountId {
    AccountId::new(number.to_be_bytes()).unwrap()
}

pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

// The person's side.

/// An app or a token.
pub enum Authenticator {
    App { totp: Totp, parameters: Parameters },
    Token { hotp: Hotp },
}

impl Authenticator {
    /// Scans the URI, as an app would.
    pub fn scan(uri: &ProvisioningUri) -> Authenticator {
        match uri.totp_parameters() {
            Some(parameters) => {
                Authenticator::App { totp: Totp::new(uri.secret(), parameters), parameters }
            }
            None => Authenticator::Token {
                hotp: Hotp::new(uri.secret(), uri.algorithm(), uri.digits()),
            },
        }
    }

    pub fn of(pending: &PendingEnrolment) -> Authenticator {
        Authenticator::scan(&pending.uri("Acme Billing", "dana").unwrap())
    }

    /// The library's own type, to print.
    pub fn totp(&self) -> Option<&Totp> {
        match self {
            Authenticator::App { totp, .. } => Some(totp),
            Authenticator::Token { .. } => None,
        }
    }

    /// The time step at `now`.
    pub fn step(&self, now: UnixTime) -> u64 {
        match self {
            Authenticator::App { totp, .. } => totp.step_at(now).unwrap(),
            Authenticator::Token { .. } => panic!("a token has no clock"),
        }
    }

    /// The code of a time step or counter.
    pub fn at(&self, moving_factor: u64) -> String {
        let code = match self {
            Authenticator::App { totp, parameters } => {
                let start = parameters.t0.plus(moving_factor * parameters.period.as_u64());
                totp.generate(start).unwrap()
            }
            Authenticator::Token { hotp } => hotp.generate(moving_factor),
        };
        code.expose_str().to_owned()
    }

    /// The code that an app shows at `now`.
    pub fn code(&self, now: UnixTime) -> String {
        self.at(self.step(now))
    }
}

/// The `index`-th six-digit code that is right nowhere near `now`, nor among the first counters.
pub fn wrong_code(authenticators: &[&Authenticator], now: UnixTime, index: usize) -> String {
    let right: Vec<String> = authenticators
        .iter()
        .flat_map(|authenticator| {
            let from = match authenticator {
                Authenticator::App { .. } => authenticator.step(now) - 20,
                Authenticator::Token { .. } => 0,
            };
            (from..from + 200).map(|factor| authenticator.at(factor))
        })
        .collect();
    let mut wrong = (0..1_000_000).map(|n| format!("{n:06}")).filter(|code| !right.contains(code));
    wrong.nth(index).unwrap()
}

/// A person, as they left the enrolment.
pub struct Person {
    pub id: AccountId,
    pub device: DeviceId,
    pub app: Authenticator,
    pub recovery_codes: Vec<String>,
}

pub fn recovery_codes(bound: &Confirmed) -> Vec<String> {
    let codes = bound.recovery_codes().map(|codes| codes.iter());
    codes.into_iter().flatten().map(|code| code.expose_text().to_string()).collect()
}

// The store.

/// Where a store breaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    Load,
    /// Nothing is written.
    BeforeWrite,
    /// It is written, and the answer is lost.
    AfterWrite,
    Note,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken on demand")
    }
}

/// A correct store that keeps everything it was ever given, and breaks on demand.
#[derive(Default)]
pub struct Ledger(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    records: BTreeMap<AccountId, Record>,
    /// Every record there ever was: what a write-ahead log would hold.
    history: Vec<(AccountId, Record)>,
    summaries: BTreeMap<AccountId, Summary>,
    /// Written ones and notes, in the order in which they came.
    events: Vec<Event>,
    fault: Option<Fault>,
    stored: usize,
    stale: usize,
}

impl Ledger {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap()
    }

    pub fn break_at(&self, fault: Option<Fault>) {
        self.pages().fault = fault;
    }

    /// The stored bytes, all of them, for "nothing was written".
    pub fn records(&self) -> BTreeMap<AccountId, Record> {
        self.pages().records.clone()
    }

    pub fn record(&self, id: &AccountId) -> Option<Record> {
        self.pages().records.get(id).cloned()
    }

    pub fn history(&self) -> Vec<(AccountId, Record)> {
        self.pages().history.clone()
    }

    /// What a host's own columns say.
    pub fn columns(&self, id: &AccountId) -> Option<Summary> {
        self.pages().summaries.get(id).cloned()
    }

    /// Puts a record there past the library, as a backup or a stranger would.
    pub fn put(&self, id: AccountId, record: Record) {
        self.pages().records.insert(id, record);
    }

    /// Deletes a row past the library.
    pub fn remove(&self, id: &AccountId) {
        self.pages().records.remove(id);
    }

    /// The events that were written with records.
    pub fn events(&self) -> Vec<Event> {
        self.pages().events.iter().filter(|event| event.id.is_some()).cloned().collect()
    }

    /// The events of attempts that changed nothing.
    pub fn notes(&self) -> Vec<Event> {
        self.pages().events.iter().filter(|event| event.id.is_none()).cloned().collect()
    }

    pub fn stored(&self) -> usize {
        self.pages().stored
    }

    pub fn stale(&self) -> usize {
        self.pages().stale
    }

    /// The events and notes since the last call.
    pub fn take_events(&self) -> Vec<Event> {
        std::mem::take(&mut self.pages().events)
    }
}

impl Store for Ledger {
    type Error = Broken;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Broken> {
        let pages = self.pages();
        if pages.fault == Some(Fault::Load) {
            return Err(Broken);
        }
        Ok(pages.records.get(id).cloned())
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Broken> {
        let mut pages = self.pages();
        if pages.fault == Some(Fault::BeforeWrite) {
            return Err(Broken);
        }
        if pages.records.get(id).map(Record::version) != write.expected() {
            pages.stale += 1;
            return Ok(Swap::Stale);
        }
        pages.records.insert(*id, write.record().clone());
        pages.history.push((*id, write.record().clone()));
        pages.summaries.insert(*id, write.summary().clone());
        pages.events.extend_from_slice(write.events());
        pages.stored += 1;
        if pages.fault == Some(Fault::AfterWrite) { Err(Broken) } else { Ok(Swap::Stored) }
    }

    fn note(&self, _: &AccountId, events: &[Event]) -> Result<(), Broken> {
        let mut pages = self.pages();
        if pages.fault == Some(Fault::Note) {
            return Err(Broken);
        }
        pages.events.extend_from_slice(events);
        Ok(())
    }
}

/// Makes the first loads of `parties` threads meet, so that all of them decide from one version.
pub struct Rendezvous<S> {
    pub store: S,
    parties: u64,
    arrived: AtomicU64,
    barrier: Barrier,
}

impl<S> Rendezvous<S> {
    pub fn new(store: S, parties: usize) -> Rendezvous<S> {
        let barrier = Barrier::new(parties);
        Rendezvous { store, parties: parties as u64, arrived: AtomicU64::new(0), barrier }
    }
}

impl<S: Store> Store for Rendezvous<S> {
    type Error = S::Error;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, S::Error> {
        let loaded = self.store.load(id);
        if self.arrived.fetch_add(1, Ordering::SeqCst) < self.parties {
            self.barrier.wait();
        }
        loaded
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, S::Error> {
        std::thread::yield_now();
        self.store.swap(id, write)
    }

    fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), S::Error> {
        self.store.note(id, events)
    }
}

/// Replaces `from`, which stands in a bare record once, by `to`.
pub fn altered(record: &Record, from: &[u8], to: &[u8]) -> Record {
    const HEADER: usize = 15; // magic, format, owner and the length of the rest
    let bytes = record.as_bytes();
    let places: Vec<_> =
        (HEADER..bytes.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    let [place] = places[..] else { panic!("{from:x?} stands there {} times", places.len()) };
    let rest = [&bytes[HEADER..place], to, &bytes[place + from.len()..]].concat();
    let length = u32::try_from(rest.len()).unwrap().to_be_bytes();
    Record::new(record.version(), [&bytes[..HEADER - 4], &length[..], &rest[..]].concat())
}

// Policies.

/// `Recommended`, with another number here and there, counting the windows that are evaluated.
#[derive(Clone, Default)]
pub struct Numbers {
    pub window: Option<Window>,
    pub parameters: Option<Parameters>,
    pub throttle: Option<Throttle>,
    pub look_ahead: Option<LookAhead>,
    pub challenge_lifetime: Option<u64>,
    pub recovery_codes: Option<u64>,
    pub windows: Arc<AtomicU64>,
    pub reaches: Arc<AtomicU64>,
}

impl Numbers {
    /// How many windows were asked for since the last call.
    pub fn take_windows(&self) -> u64 {
        self.windows.swap(0, Ordering::SeqCst)
    }

    /// How many reaches of a resynchronisation were asked for since the last call.
    pub fn take_reaches(&self) -> u64 {
        self.reaches.swap(0, Ordering::SeqCst)
    }
}

impl Policy for Numbers {
    fn window(&self) -> Window {
        self.windows.fetch_add(1, Ordering::SeqCst);
        self.window.unwrap_or_else(|| Recommended.window())
    }

    fn look_ahead(&self) -> LookAhead {
        self.windows.fetch_add(1, Ordering::SeqCst);
        self.look_ahead.unwrap_or_else(|| Recommended.look_ahead())
    }

    fn counter_reach(&self) -> Reach {
        self.reaches.fetch_add(1, Ordering::SeqCst);
        Recommended.counter_reach()
    }

    fn clock_reach(&self) -> Bounded<0, 3600> {
        self.reaches.fetch_add(1, Ordering::SeqCst);
        Recommended.clock_reach()
    }

    fn parameters(&self) -> Parameters {
        self.parameters.unwrap_or_else(|| Recommended.parameters())
    }

    fn throttle(&self, class: Class) -> Throttle {
        self.throttle.unwrap_or_else(|| Recommended.throttle(class))
    }

    fn challenge_lifetime(&self) -> Bounded<60, 600> {
        let secs = self.challenge_lifetime.and_then(Bounded::new);
        secs.unwrap_or_else(|| Recommended.challenge_lifetime())
    }

    fn recovery_codes(&self) -> Bounded<1, 16> {
        let count = self.recovery_codes.and_then(Bounded::new);
        count.unwrap_or_else(|| Recommended.recovery_codes())
    }
}

/// `Recommended`, and browsers may be trusted for thirty days: person 9's never.
#[derive(Clone, Copy, Debug)]
pub struct Trusting;

impl Policy for Trusting {
    fn trusted_browsers(&self, of: &AccountId) -> Option<Bounded<3600, 2_592_000>> {
        (*of != account(9)).then_some(Bounded::of::<2_592_000>())
    }
}

// Answers that can be compared.

/// A verdict without what was accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Said {
    Accepted,
    Rejected(u8),
    Wait(UnixTime),
    Closed,
    Expired,
    Malformed,
    Refused,
    AlreadyConfirmed,
}

pub fn said<T, F: std::fmt::Debug>(verdict: &Verdict<T, F>) -> Said {
    match verdict {
        Verdict::Accepted(_) => Said::Accepted,
        Verdict::Rejected { tries_left } => Said::Rejected(*tries_left),
        Verdict::Wait { until } => Said::Wait(*until),
        Verdict::Closed => Said::Closed,
        Verdict::Refused => Said::Refused,
        Verdict::AlreadyConfirmed => Said::AlreadyConfirmed,
        Verdict::Expired => Said::Expired,
        Verdict::Malformed => Said::Malformed,
        Verdict::Undecided(fault) => panic!("{fault:?}"),
    }
}

/// What became of a change that could be decided.
pub type Done<T = (), A = NoProof> = Result<Changed<T>, NotDone<Broken, A>>;

pub fn refusal<T, E, A>(done: Result<Changed<T>, NotDone<E, A>>) -> Option<Refusal> {
    done.err().and_then(|not_done| not_done.refusal())
}

/// What was done, or why it was refused.
pub fn or_refusal<T, A>(done: Done<T, A>) -> Result<T, Refusal> {
    done.map(Changed::into_inner).map_err(|not_done| not_done.refusal().expect("a decision"))
}

/// What kept a change from being decided.
pub fn undecided<T, E, A>(done: Result<Changed<T>, NotDone<E, A>>) -> Option<mfa::Fault<E>> {
    match done {
        Err(NotDone::Undecided(fault)) => Some(fault),
        _ => None,
    }
}

pub use countersign::account::PassLength;

/// The form of a pass, and none.
pub const NO_PASS: &str = "0000-0000-0000-0000-0000-0000-0000";

/// The proof of a pass that signs in.
pub fn signed_in(verdict: Verdict<Entered>) -> Proof<SignIn> {
    match verdict {
        Verdict::Accepted(Entered::SignIn(proof)) => proof,
        other => panic!("{other:?}"),
    }
}

/// The operator whom the host has looked up.
pub fn acting(proof: Proof<ActForOther>) -> Operator {
    Operator::checked_by_host(proof, "role help-desk")
}

/// A proof for a purpose that is only known when the test runs.
#[derive(Debug)]
pub enum AnyProof {
    SignIn(Proof<SignIn>),
    Action(Proof<Action>),
    ChangeFactors(Proof<ChangeFactors>),
    ChangePrivileges(Proof<ChangePrivileges>),
    ActForOther(Proof<ActForOther>),
}

/// Computes `$value` with the proof as its type.
#[macro_export]
macro_rules! for_any_proof {
    ($any:expr, $proof:ident => $value:expr) => {
        match $any {
            $crate::common::AnyProof::SignIn($proof) => $value,
            $crate::common::AnyProof::Action($proof) => $value,
            $crate::common::AnyProof::ChangeFactors($proof) => $value,
            $crate::common::AnyProof::ChangePrivileges($proof) => $value,
            $crate::common::AnyProof::ActForOther($proof) => $value,
        }
    };
}

/// Calls `$make` with the purpose as its type, and gives back what it accepted as an [`AnyProof`].
#[macro_export]
macro_rules! for_any_purpose {
    ($any:expr, $purpose:ident => $verdict:expr) => {{
        use countersign::account::AnyPurpose;
        use $crate::common::{AnyProof, accepted_as};
        match $any.clone() {
            AnyPurpose::SignIn => {
                let $purpose = countersign::SignIn;
                accepted_as($verdict, AnyProof::SignIn)
            }
            AnyPurpose::Action(name) => {
                let $purpose = countersign::Action::new(name.as_str()).unwrap();
                accepted_as($verdict, AnyProof::Action)
            }
            AnyPurpose::ChangeFactors => {
                let $purpose = countersign::ChangeFactors;
                accepted_as($verdict, AnyProof::ChangeFactors)
            }
            AnyPurpose::ChangePrivileges => {
                let $purpose = countersign::ChangePrivileges;
                accepted_as($verdict, AnyProof::ChangePrivileges)
            }
            AnyPurpose::ActForOther => {
                let $purpose = countersign::ActForOther;
                accepted_as($verdict, AnyProof::ActForOther)
            }
        }
    }};
}

impl AnyProof {
    pub fn purpose(&self) -> AnyPurpose {
        for_any_proof!(self, proof => proof.purpose().to_any())
    }
}

/// The same verdict with another thing accepted.
pub fn accepted_as<T, U, F>(verdict: Verdict<T, F>, accept: impl FnOnce(T) -> U) -> Verdict<U, F> {
    match verdict {
        Verdict::Accepted(accepted) => Verdict::Accepted(accept(accepted)),
        Verdict::Rejected { tries_left } => Verdict::Rejected { tries_left },
        Verdict::Wait { until } => Verdict::Wait { until },
        Verdict::Closed => Verdict::Closed,
        Verdict::Refused => Verdict::Refused,
        Verdict::AlreadyConfirmed => Verdict::AlreadyConfirmed,
        Verdict::Expired => Verdict::Expired,
        Verdict::Malformed => Verdict::Malformed,
        Verdict::Undecided(fault) => Verdict::Undecided(fault),
    }
}

/// What a test runs over the practice's store, which must decide: the verdict of an attempt, the
/// result of a change, what a reading reads.
pub trait Run {
    type Answer;

    fn run_over(&mut self, store: &Ledger) -> Self::Answer;
}

impl<T> Run for Attempt<'_, T> {
    type Answer = Verdict<T>;

    fn run_over(&mut self, store: &Ledger) -> Verdict<T> {
        self.run(store).decided().unwrap()
    }
}

impl<T, A: std::fmt::Debug> Run for Change<'_, T, A> {
    type Answer = Done<T, A>;

    fn run_over(&mut self, store: &Ledger) -> Done<T, A> {
        match self.run(store) {
            Err(NotDone::Undecided(fault)) => panic!("{fault}"),
            decided => decided,
        }
    }
}

impl<T> Run for Reading<'_, T> {
    type Answer = T;

    fn run_over(&mut self, store: &Ledger) -> T {
        self.run(store).unwrap()
    }
}

/// Why an operation of any kind could not be decided; not of which record.
pub trait MayFail<E> {
    fn fault(self) -> Option<countersign::mfa::Fault<E>>;
}

impl<T, E> MayFail<E> for Verdict<T, countersign::mfa::Fault<E>> {
    fn fault(self) -> Option<countersign::mfa::Fault<E>> {
        self.decided().err().map(nameless)
    }
}

impl<T, E, A> MayFail<E> for Result<Changed<T>, NotDone<E, A>> {
    fn fault(self) -> Option<countersign::mfa::Fault<E>> {
        match self {
            Err(NotDone::Undecided(fault)) => Some(nameless(fault)),
            _ => None,
        }
    }
}

impl<T, E> MayFail<E> for Result<T, countersign::mfa::Fault<E>> {
    fn fault(self) -> Option<countersign::mfa::Fault<E>> {
        self.err().map(nameless)
    }
}

// The practice.

/// A library, a store and a clock.
pub struct Practice<P = Recommended> {
    pub mfa: Mfa<Keyring, P>,
    pub store: Ledger,
    clock: AtomicU64,
    seeds: AtomicU64,
}

impl Practice {
    pub fn new() -> Practice {
        Practice::with(Recommended)
    }
}

impl<P: Policy> Practice<P> {
    pub fn with(policy: P) -> Practice<P> {
        Practice {
            mfa: Mfa::with_policy(keyring(7), policy).unwrap(),
            store: Ledger::default(),
            clock: AtomicU64::new(START.as_secs()),
            seeds: AtomicU64::new(1),
        }
    }

    pub fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.clock.load(Ordering::SeqCst))
    }

    pub fn wait(&self, secs: u64) -> UnixTime {
        self.clock.fetch_add(secs, Ordering::SeqCst);
        self.now()
    }

    pub fn set_clock(&self, now: UnixTime) {
        self.clock.store(now.as_secs(), Ordering::SeqCst);
    }

    /// Randomness that is the same in every run of the tests, and never the same twice in one.
    pub fn rng(&self) -> StdRng {
        rng(self.seeds.fetch_add(1, Ordering::SeqCst))
    }

    pub fn run<O: Run>(&self, mut operation: O) -> O::Answer {
        operation.run_over(&self.store)
    }

    /// An operation that is run again.
    pub fn run_ref<O: Run>(&self, operation: &mut O) -> O::Answer {
        operation.run_over(&self.store)
    }

    /// Runs what is expected to be refused, and finds that nothing was written and the proof is given
    /// back.
    pub fn refused<T, A: std::fmt::Debug>(&self, mut change: Change<'_, T, A>) -> Refusal {
        let before = self.store.records();
        let refusal = refusal(self.run_ref(&mut change)).expect("a refusal");
        assert_eq!(self.store.records(), before, "{refusal:?} wrote something");
        refusal
    }

    /// The person's account now.
    pub fn at(&self, id: &AccountId) -> AccountAt<'_> {
        self.mfa.account(id).at(self.now())
    }

    /// Enrols person `number` with an app, and lets a minute pass, so that the next code is a new
    /// one.
    pub fn person(&self, number: u64) -> Person {
        let id = account(number);
        let pending = self.run(self.at(&id).enrol("Phone", &mut self.rng()));
        let pending = pending.unwrap();
        let app = Authenticator::of(&pending);
        let bound = self.confirm(&id, pending.id(), &app.code(self.now())).accepted().unwrap();
        self.wait(60);
        Person { id, device: bound.device(), app, recovery_codes: recovery_codes(&bound) }
    }

    pub fn confirm(&self, id: &AccountId, pending: ChallengeId, code: &str) -> Verdict<Confirmed> {
        self.run(self.at(id).confirm(pending, code, &mut self.rng()))
    }

    pub fn verify(&self, id: &AccountId, code: &str) -> Verdict<Proof<SignIn>> {
        self.run(self.at(id).verify(code, SignIn))
    }

    /// A wrong code at sign-in.
    pub fn miss(&self, person: &Person) -> Verdict<Proof<SignIn>> {
        self.verify(&person.id, &wrong_code(&[&person.app], self.now(), 0))
    }

    /// As [`Practice::verify`], with the token of a browser.
    pub fn verify_from(&self, id: &AccountId, code: &str, token: &str) -> Verdict<Proof<SignIn>> {
        self.run(self.at(id).verify(code, SignIn).from_browser(token))
    }

    /// A wrong code at sign-in, from a browser with this token.
    pub fn miss_from(&self, person: &Person, token: &str) -> Verdict<Proof<SignIn>> {
        self.verify_from(&person.id, &wrong_code(&[&person.app], self.now(), 0), token)
    }

    /// Signs in and remembers the browser.
    pub fn remember(&self, person: &Person) -> RememberedBrowser {
        let proof = self.proof(person, SignIn);
        let remember = self.at(&person.id).remember_browser(&proof, &mut self.rng());
        self.run(remember).unwrap().into_inner()
    }

    /// Signs in and trusts the browser.
    pub fn trust(&self, person: &Person) -> TrustedBrowser {
        let proof = self.proof(person, SignIn);
        let trust = self.at(&person.id).trust_browser(&proof, &mut self.rng());
        self.run(trust).unwrap().into_inner()
    }

    /// Signs in by a trust, after the password.
    pub fn visit(&self, id: &AccountId, token: &str) -> Verdict<(Proof<SignIn>, TrustedBrowser)> {
        self.run(self.at(id).visit(token).first_factor_passed())
    }

    /// Half a minute later, the next code of the person's app.
    pub fn proof<Q: Purpose>(&self, person: &Person, purpose: Q) -> Proof<Q> {
        let now = self.wait(30);
        let verdict = self.mfa.account(&person.id).at(now).verify(&person.app.code(now), purpose);
        self.run(verdict).accepted().expect("the next code")
    }

    /// As [`Practice::proof`], for a purpose that is only known when the test runs.
    pub fn any_proof(&self, person: &Person, purpose: &AnyPurpose) -> AnyProof {
        let code = person.app.code(self.wait(30));
        let dana = self.at(&person.id);
        let verdict = for_any_purpose!(purpose, purpose => self.run(dana.verify(&code, purpose)));
        verdict.accepted().expect("the next code")
    }

    /// Adds a second app.
    pub fn second_app(&self, person: &Person, label: &str) -> (DeviceId, Authenticator) {
        let proof = self.proof(person, ChangeFactors);
        let pending = self.at(&person.id).enrol(label, &mut self.rng());
        let pending = self.run(pending.proven_by(proof)).unwrap();
        let app = Authenticator::of(&pending);
        let verdict = self.confirm(&person.id, pending.id(), &app.code(self.now()));
        let bound = verdict.accepted().unwrap();
        self.wait(60);
        (bound.device(), app)
    }

    /// New recovery codes.
    pub fn regenerate(&self, id: &AccountId, proof: Proof<ChangeFactors>) -> Vec<String> {
        let renew = self.at(id).regenerate_recovery_codes(proof, &mut self.rng());
        let codes = self.run(renew).unwrap();
        codes.iter().map(|code| code.expose_text().to_string()).collect()
    }

    /// Binds a passkey, with a proof if there is one to bring.
    pub fn passkey(&self, id: &AccountId, proof: Option<Proof<ChangeFactors>>) -> DeviceId {
        self.external(id, ExternalMethod::Passkey, proof)
    }

    pub fn external(
        &self,
        id: &AccountId,
        method: ExternalMethod,
        proof: Option<Proof<ChangeFactors>>,
    ) -> DeviceId {
        let bind = self.at(id).bind_external("Key", method, &mut self.rng());
        let bind = match proof {
            Some(proof) => bind.proven_by(proof),
            None => bind,
        };
        self.run(bind).unwrap().device()
    }

    /// Starts a host's check. Returns the token of the challenge.
    pub fn start_external(&self, id: &AccountId, purpose: impl Purpose) -> String {
        let start = self.at(id).start_external(purpose, &mut self.rng());
        start.unwrap().token().to_owned()
    }

    pub fn settle<Q: Purpose>(
        &self,
        id: &AccountId,
        assertion: Assertion,
        purpose: Q,
    ) -> Verdict<Proof<Q>> {
        self.run(self.at(id).finish_external(assertion, purpose))
    }

    /// Sends a code to a number that is to be bound.
    pub fn enrol_phone(
        &self,
        id: &AccountId,
        number: &str,
        proof: Option<Proof<ChangeFactors>>,
    ) -> Done<OutOfBand, Proof<ChangeFactors>> {
        let number = PhoneNumber::new(number).unwrap();
        let told = RestrictedNotice::given_by_host();
        let enrol = self.at(id).enrol_phone("SMS", number, told, &mut self.rng());
        self.run(match proof {
            Some(proof) => enrol.proven_by(proof),
            None => enrol,
        })
    }

    /// Binds a telephone, with a proof if there is one to bring.
    pub fn phone(
        &self,
        id: &AccountId,
        number: &str,
        proof: Option<Proof<ChangeFactors>>,
    ) -> DeviceId {
        let sent = self.enrol_phone(id, number, proof).unwrap();
        let bound =
            self.confirm(id, sent.id(), sent.to_send().unwrap().expose_str()).accepted().unwrap();
        self.wait(60);
        bound.device()
    }

    pub fn challenge(&self, id: &AccountId, purpose: impl Purpose) -> Done<OutOfBand> {
        self.run(self.at(id).send_code(purpose, &mut self.rng()))
    }

    pub fn answer(&self, id: &AccountId, sent: ChallengeId, code: &str) -> Verdict<Proof<SignIn>> {
        self.run(self.at(id).verify_sent_code(sent, code, SignIn))
    }

    pub fn recover(&self, id: &AccountId, code: &str) -> Verdict<Proof<SignIn>> {
        self.run(self.at(id).recover(code, SignIn))
    }

    /// An emergency pass from an operator, as the person types it.
    pub fn emergency(&self, id: &AccountId, operator: &Person, secs: u64) -> String {
        let (by, mut rng) = (acting(self.proof(operator, ActForOther)), self.rng());
        let help =
            self.at(id).grant_emergency_access(by, PassLength::Long, secs, "repair", &mut rng);
        self.run(help).unwrap().expose_text().to_string()
    }

    /// A pass to enrol with, after a reset by an operator.
    pub fn reset(&self, id: &AccountId, operator: &Person) -> String {
        let (by, mut rng) = (acting(self.proof(operator, ActForOther)), self.rng());
        let help = self.at(id).reset(by, PassLength::Long, "lost it", &mut rng);
        self.run(help).unwrap().expose_text().to_string()
    }

    pub fn enter(&self, id: &AccountId, pass: &str) -> Verdict<Entered> {
        self.run(self.at(id).enter_pass(pass))
    }

    /// The proof of a pass to enrol with.
    pub fn entered(&self, id: &AccountId, pass: &str) -> Proof<ChangeFactors> {
        match self.enter(id, pass) {
            Verdict::Accepted(Entered::Enrolment(proof)) => proof,
            other => panic!("{other:?}"),
        }
    }

    pub fn offboard(&self, id: &AccountId) -> Done<(), HostsWord> {
        let by = HostsWord::Process;
        self.run(self.at(id).offboard(by, "left the practice"))
    }

    pub fn summary(&self, id: &AccountId) -> Summary {
        self.run(self.at(id).summary()).expect("a record")
    }

    pub fn status(&self, id: &AccountId, device: DeviceId) -> Option<DeviceStatus> {
        let summary = self.summary(id);
        summary.devices.iter().find(|found| found.id == device).map(|found| found.status)
    }

    /// Why the last attempt was not accepted, from the events since the last call.
    pub fn why(&self) -> Option<RejectionReason> {
        self.store.take_events().into_iter().rev().find_map(|event| match event.kind {
            EventKind::Rejected(why) => Some(why),
            _ => None,
        })
    }
}

/// A step-up for an action that a host named.
pub fn action(name: &str) -> Action {
    Action::new(name).unwrap()
}

/// Every purpose as a value, one named action included.
pub fn purposes() -> [AnyPurpose; 5] {
    [
        AnyPurpose::SignIn,
        action("release-claims").to_any(),
        AnyPurpose::ChangeFactors,
        AnyPurpose::ChangePrivileges,
        AnyPurpose::ActForOther,
    ]
}

/// Another code of the same length: the last digit is one higher.
pub fn other_than(code: &str) -> String {
    let (head, last) = code.split_at(code.len() - 1);
    let last: u8 = last.parse().unwrap();
    format!("{head}{}", (last + 1) % 10)
}
