//! Schedules of operations, decoded from bytes, and the bench that plays one on the library and on
//! the reference and compares every answer, every summary and every write.
//!
//! A schedule is bytes, eight for each step, and every byte string is a schedule: proptest shrinks
//! them and a fuzzer mutates them.

use crate::keys::{keyring, sealing_key};
use countersign::account::{AnyChange, CarriedProof, HostsWord, Operator};
use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use countersign::account::{
    AnyPurpose, Assertion, Bounded, BrowserId, ChallengeId, Class, ExistingDevice, OutOfBand, Pass,
    PassLength, PhoneNumber, RecoveryCodes, Refusal, RememberedBrowser, Text, Throttle,
};
use countersign::mfa::{
    self, AccountAt, Attempt, Bound, Change, Changed, Confirmed, Decided, Entered, ExternalMethod,
    NotDone, Operation, PendingEnrolment, Reading, RestrictedNotice, Resynchronised,
};
use countersign::otp::{LookAhead, Parameters, Period, Reach};
use countersign::{
    AccountId, ActForOther, Action, Algorithm, AsyncStore, ChangeFactors, ChangePrivileges,
    DeviceId, Digits, Event, Keyring, Mfa, Policy, Proof, Purpose, Recommended, Record, Secret,
    SignIn, Store, Swap, UnixTime, Verdict, Window, Write,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::reference::{self, Drawn, Existing, Factor, Generator, Numbers, Time, Token, World};
use crate::text;

/// A policy whose ends a short schedule reaches.
#[derive(Debug)]
pub struct Narrow;

impl Narrow {
    pub const NUMBERS: Numbers = Numbers {
        window_back: 2,
        window_forward: 1,
        look_ahead: 3,
        clock_reach: 180,
        counter_reach: 6,
        drift_limit: 2,
        drift_memory: 86_400,
        free: 2,
        first_wait: 20,
        longest_wait: 70,
        closed_at: 7,
        per_thirty_days: 16,
        remembered: 5,
        pending_lifetime: 120,
        pending_tries: 3,
        recovery_codes: 3,
        challenge_lifetime: 90,
        challenge_tries: 3,
        challenge_interval: 45,
        proof_age: 200,
        pass_lifetime: 3600,
        emergency_lifetime: 600,
    };
}

impl Policy for Narrow {
    fn window(&self) -> Window {
        Window::new(2, 1).unwrap()
    }

    fn look_ahead(&self) -> LookAhead {
        LookAhead::new(3).unwrap()
    }

    fn clock_reach(&self) -> Bounded<0, 3600> {
        Bounded::of::<180>()
    }

    fn counter_reach(&self) -> Reach {
        Reach::new(6).unwrap()
    }

    fn drift_memory(&self) -> Bounded<3600, 2_592_000> {
        Bounded::of::<86_400>()
    }

    fn throttle(&self, _: Class) -> Throttle {
        Throttle {
            free: Bounded::of::<2>(),
            first_wait: Bounded::of::<20>(),
            longest_wait: Bounded::of::<70>(),
            closed_at: Bounded::of::<7>(),
            per_thirty_days: Bounded::of::<16>(),
            remembered: Bounded::of::<5>(),
        }
    }

    fn pending_tries(&self) -> Bounded<1, 10> {
        Bounded::of::<3>()
    }

    fn pending_lifetime(&self) -> Bounded<60, 600> {
        Bounded::of::<120>()
    }

    fn recovery_codes(&self) -> Bounded<1, 16> {
        Bounded::of::<3>()
    }

    fn challenge_digits(&self) -> Digits {
        Digits::Eight
    }

    fn challenge_lifetime(&self) -> Bounded<60, 600> {
        Bounded::of::<90>()
    }

    fn challenge_tries(&self) -> Bounded<1, 10> {
        Bounded::of::<3>()
    }

    fn challenge_interval(&self) -> Bounded<10, 600> {
        Bounded::of::<45>()
    }

    fn proof_age(&self, _: &AnyPurpose) -> Bounded<1, 3600> {
        Bounded::of::<200>()
    }

    fn pass_lifetime(&self) -> Bounded<600, 259_200> {
        Bounded::of::<3600>()
    }

    fn emergency_lifetime(&self) -> Bounded<60, 86_400> {
        Bounded::of::<600>()
    }
}

/// A policy that the reference knows the numbers of.
pub trait Modelled: Policy + Debug {
    const NUMBERS: Numbers;
    fn new() -> Self;
}

impl Modelled for Narrow {
    const NUMBERS: Numbers = Narrow::NUMBERS;

    fn new() -> Narrow {
        Narrow
    }
}

impl Modelled for Recommended {
    const NUMBERS: Numbers = Numbers::RECOMMENDED;

    fn new() -> Recommended {
        Recommended
    }
}

/// What the store does to one operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    None,
    /// The host's clock counts milliseconds.
    Clock,
    Load,
    Note,
    /// Somebody else is always first.
    StaleAlways,
    /// Somebody else is first, once.
    StaleOnce,
    /// It says that it failed, and has written.
    SwapAfter,
    /// It fails before it writes.
    SwapBefore,
}

/// The store's own error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken on purpose")
    }
}

/// A store that fails as it is told.
#[derive(Debug)]
pub struct FaultyStore(Mutex<(BTreeMap<AccountId, Record>, Fault)>);

impl FaultyStore {
    fn new() -> FaultyStore {
        FaultyStore(Mutex::new((BTreeMap::new(), Fault::None)))
    }

    pub fn peek(&self, id: &AccountId) -> Option<Record> {
        self.0.lock().unwrap().0.get(id).cloned()
    }

    fn set_fault(&self, fault: Fault) {
        self.0.lock().unwrap().1 = fault;
    }
}

impl Store for FaultyStore {
    type Error = Broken;

    fn load(&self, id: &AccountId) -> Result<Option<Record>, Broken> {
        let (records, fault) = &*self.0.lock().unwrap();
        if *fault == Fault::Load { Err(Broken) } else { Ok(records.get(id).cloned()) }
    }

    fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Broken> {
        let (records, fault) = &mut *self.0.lock().unwrap();
        match *fault {
            Fault::SwapBefore => return Err(Broken),
            Fault::StaleAlways => return Ok(Swap::Stale),
            Fault::StaleOnce => {
                *fault = Fault::None;
                return Ok(Swap::Stale);
            }
            _ => {}
        }
        assert_eq!(records.get(id).map(Record::version), write.expected(), "nobody else writes");
        records.insert(*id, write.record().clone());
        if *fault == Fault::SwapAfter { Err(Broken) } else { Ok(Swap::Stored) }
    }

    fn note(&self, _: &AccountId, events: &[Event]) -> Result<(), Broken> {
        assert!(!events.is_empty());
        if self.0.lock().unwrap().1 == Fault::Note { Err(Broken) } else { Ok(()) }
    }

    fn pause(&self, _: usize) {}
}

impl AsyncStore for FaultyStore {
    type Error = Broken;

    async fn load(&self, id: &AccountId) -> Result<Option<Record>, Broken> {
        Yield(false).await;
        Store::load(self, id)
    }

    async fn swap(&self, id: &AccountId, write: &Write<'_>) -> Result<Swap, Broken> {
        Yield(false).await;
        let swap = Store::swap(self, id, write);
        Yield(false).await;
        swap
    }

    async fn note(&self, id: &AccountId, events: &[Event]) -> Result<(), Broken> {
        Yield(false).await;
        Store::note(self, id, events)
    }

    async fn pause(&self, _: usize) {}
}

/// Not ready once, as a socket is.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// What can be run in two ways.
pub trait Runs {
    /// What it answers where it could be decided.
    type Answer;

    /// # Errors
    /// Whatever kept it from being decided.
    fn run(&mut self, store: &FaultyStore) -> Result<Self::Answer, mfa::Fault<Broken>>;

    fn run_async(
        &mut self,
        store: &FaultyStore,
    ) -> impl Future<Output = Result<Self::Answer, mfa::Fault<Broken>>>;
}

/// An attempt or a change.
pub trait Played: Runs {
    fn operation(&self) -> &Operation<'_, Self::Answer>;
}

impl<T> Runs for Attempt<'_, T> {
    type Answer = Verdict<T>;

    fn run(&mut self, store: &FaultyStore) -> Result<Verdict<T>, mfa::Fault<Broken>> {
        Attempt::run(self, store).decided()
    }

    async fn run_async(&mut self, store: &FaultyStore) -> Result<Verdict<T>, mfa::Fault<Broken>> {
        Attempt::run_async(self, store).await.decided()
    }
}

impl<T> Played for Attempt<'_, T> {
    fn operation(&self) -> &Operation<'_, Verdict<T>> {
        Attempt::operation(self)
    }
}

/// What a change answers where it could be decided.
type Answered<T> = Result<Changed<T>, Refusal>;

fn decided<T, A>(
    answer: Result<Changed<T>, NotDone<Broken, A>>,
) -> Result<Answered<T>, mfa::Fault<Broken>> {
    match answer {
        Ok(changed) => Ok(Ok(changed)),
        Err(NotDone::Refused { refusal, .. }) => Ok(Err(refusal)),
        Err(NotDone::Undecided(fault)) => Err(fault),
    }
}

impl<T, A> Runs for Change<'_, T, A> {
    type Answer = Answered<T>;

    fn run(&mut self, store: &FaultyStore) -> Result<Answered<T>, mfa::Fault<Broken>> {
        decided(Change::run(self, store))
    }

    async fn run_async(&mut self, store: &FaultyStore) -> Result<Answered<T>, mfa::Fault<Broken>> {
        decided(Change::run_async(self, store).await)
    }
}

impl<T, A> Played for Change<'_, T, A> {
    fn operation(&self) -> &Operation<'_, Answered<T>> {
        Change::operation(self)
    }
}

impl<T> Runs for Reading<'_, T> {
    type Answer = T;

    fn run(&mut self, store: &FaultyStore) -> Result<T, mfa::Fault<Broken>> {
        Reading::run(self, store)
    }

    async fn run_async(&mut self, store: &FaultyStore) -> Result<T, mfa::Fault<Broken>> {
        Reading::run_async(self, store).await
    }
}

/// One of the two ways to run an operation.
pub trait Runner {
    /// # Errors
    /// Whatever kept it from being decided.
    fn run<O: Runs>(op: &mut O, store: &FaultyStore) -> Result<O::Answer, mfa::Fault<Broken>>;
}

pub struct Sync;

impl Runner for Sync {
    fn run<O: Runs>(op: &mut O, store: &FaultyStore) -> Result<O::Answer, mfa::Fault<Broken>> {
        op.run(store)
    }
}

pub struct Async;

impl Runner for Async {
    fn run<O: Runs>(op: &mut O, store: &FaultyStore) -> Result<O::Answer, mfa::Fault<Broken>> {
        let mut future = pin!(op.run_async(store));
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(result) = future.as_mut().poll(&mut cx) {
                return result;
            }
        }
    }
}

/// One step: what is done, to whom, when, and what the store does.
#[derive(Clone, Debug)]
pub struct Step {
    pub what: What,
    pub who: usize,
    pub clock: i64,
    pub fault: Fault,
    /// Everything else: the reading of these depends on what there is to choose from.
    pub a: u8,
    pub b: u8,
    pub c: u8,
    pub proof: u8,
}

macro_rules! operations {
    ($($what:ident $weight:literal,)*) => {
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum What { $($what),* }
        const WEIGHTS: &[(What, u32)] = &[$((What::$what, $weight)),*];
    };
}

operations! {
    Verify 16, Prove 14, Resynchronise 6, Recover 7, Challenge 6, Answer 10, StartExternal 4,
    SettleExternal 7, EnterPass 3, Enrol 7, EnrolHotp 5, EnrolExisting 8, EnrolPhone 5,
    Replace 4, Confirm 16, ConfirmPair 5, BindExternal 4, Import 4, Regenerate 5, Acknowledge 3,
    Revoke 5, ReportLost 3, Reset 3, GrantEmergencyAccess 4, RememberBrowser 7, ForgetBrowser 2,
    Unlock 6, Invite 2, RevokePasses 1, Offboard 1, Guess 7, Reseal 2, Carry 3, UseCarried 2,
}

/// Seconds to the next step: mostly few, now and then a month, now and then back.
fn clock(by: u8) -> i64 {
    const OFTEN: [i64; 12] = [0, 0, 0, 0, 0, 1, 2, 5, 15, 30, 31, 46];
    const SELDOM: [i64; 16] = [
        60, 90, 91, 121, 201, 601, 3601, 86_401, 700_000, 2_592_001, -1, -30, -61, -4000, -90_000,
        -180_000,
    ];
    match by {
        0..208 => OFTEN[usize::from(by) % 12],
        _ => SELDOM[usize::from(by) % 16],
    }
}

/// The people: three who work, two operators.
pub const PEOPLE: usize = 5;

impl Step {
    pub fn from_bytes(bytes: [u8; 8]) -> Step {
        let [what, who, clock_by, fault, a, b, c, proof] = bytes;
        let total: u32 = WEIGHTS.iter().map(|(_, weight)| weight).sum();
        let mut at = u32::from(what) * total / 256;
        let chosen = WEIGHTS.iter().find(|(_, weight)| {
            let here = at < *weight;
            at = at.saturating_sub(*weight);
            here
        });
        Step {
            what: chosen.unwrap().0,
            who: [0, 0, 0, 0, 1, 1, 2, 3, 3, 4][usize::from(who) % 10],
            clock: clock(clock_by),
            fault: match fault {
                0..=5 => Fault::Load,
                6..=11 => Fault::Note,
                12..=15 => Fault::StaleAlways,
                16..=25 => Fault::StaleOnce,
                26..=31 => Fault::SwapAfter,
                32..=37 => Fault::SwapBefore,
                38..=39 => Fault::Clock,
                _ => Fault::None,
            },
            a,
            b,
            c,
            proof,
        }
    }

    pub fn schedule(bytes: &[u8]) -> Vec<Step> {
        let (steps, _) = bytes.as_chunks::<8>();
        steps.iter().map(|step| Step::from_bytes(*step)).collect()
    }
}

/// What people and attackers know: every secret and code that was ever shown.
#[derive(Default)]
struct Known {
    /// Person, device, generator, by how many steps its clock is off, button presses.
    authenticators: Vec<(usize, u64, Generator, i128, u128)>,
    submitted: Vec<(usize, String)>,
    enrolments: Vec<(usize, Drawn)>,
    challenges: Vec<(usize, Drawn, &'static str)>,
    /// Person, token, and what the token says.
    externals: Vec<(usize, String, reference::Challenge, &'static str)>,
    recovery_codes: Vec<(usize, String)>,
    /// Person, and the id of their recovery codes.
    sets: Vec<(usize, [u8; 16])>,
    /// Person, token, and what the token says.
    browsers: Vec<(usize, String, Token)>,
    proofs: Vec<(AnyProof, reference::Proof)>,
    /// For whom, the text, for which change if it is an operator's, and what the text says.
    carried: Vec<(usize, String, Option<AnyChange>, reference::Carried)>,
    /// Person, and a pass.
    passes: Vec<(usize, String)>,
}

/// The library and the reference, side by side.
pub struct Bench<'m, P, R> {
    mfa: &'m Mfa<Keyring, P>,
    nodes: &'m Nodes<P>,
    pub store: FaultyStore,
    rng: StdRng,
    now: Time,
    ids: Vec<(String, AccountId)>,
    world: World,
    known: Known,
    runner: std::marker::PhantomData<R>,
    /// What happened, and how often: a schedule that reaches nothing proves nothing.
    pub tally: BTreeMap<String, u64>,
    /// Each answer and each record.
    pub transcript: Vec<(String, Option<Record>)>,
}

/// The session of every host here, but for an attacker's.
const SESSION: &str = "8f1c6a";

/// The name of no code.
const NO_RECOVERY_CODE: &str = "0000-1111-2222-3333-4444-5555-6666";

const PURPOSES: [&str; 5] =
    ["sign-in", "release-claims", "change-factors", "change-privileges", "act-for-other"];

/// Goes on with the purpose of that name as its type.
macro_rules! for_purpose {
    ($name:expr, $purpose:ident => $go:expr) => {
        match $name {
            "sign-in" => {
                let $purpose = SignIn;
                $go
            }
            "change-factors" => {
                let $purpose = ChangeFactors;
                $go
            }
            "change-privileges" => {
                let $purpose = ChangePrivileges;
                $go
            }
            "act-for-other" => {
                let $purpose = ActForOther;
                $go
            }
            action => {
                let $purpose = Action::new(action).unwrap();
                $go
            }
        }
    };
}

/// A proof of a purpose that the schedule chose.
enum AnyProof {
    SignIn(Proof<SignIn>),
    Action(Proof<Action>),
    ChangeFactors(Proof<ChangeFactors>),
    ChangePrivileges(Proof<ChangePrivileges>),
    ActForOther(Proof<ActForOther>),
}

/// Proofs of one purpose among all.
trait Proven: Purpose + Sized {
    const NAME: &str;
    fn wrap(proof: Proof<Self>) -> AnyProof;
    fn of_any(proof: AnyProof) -> Option<Proof<Self>>;
}

macro_rules! proven {
    ($($purpose:ident $name:literal,)*) => {$(
        impl Proven for $purpose {
            const NAME: &str = $name;

            fn wrap(proof: Proof<Self>) -> AnyProof {
                AnyProof::$purpose(proof)
            }

            fn of_any(proof: AnyProof) -> Option<Proof<Self>> {
                match proof {
                    AnyProof::$purpose(proof) => Some(proof),
                    _ => None,
                }
            }
        }
    )*};
}

proven! {
    SignIn "sign-in",
    Action "release-claims",
    ChangeFactors "change-factors",
    ChangePrivileges "change-privileges",
    ActForOther "act-for-other",
}

/// What the reference has to say of a proof.
fn as_reference<P: Purpose>(proof: &Proof<P>) -> reference::Proof {
    reference::Proof {
        account: String::from_utf8(proof.account().as_bytes().to_vec()).unwrap(),
        device: proof.device().map(DeviceId::as_u64),
        method: proof.method().name().into(),
        purpose: match proof.purpose().to_any() {
            AnyPurpose::Action(name) => name.as_str().into(),
            other => other.to_string(),
        },
        epoch: proof.epoch().into(),
        at: proof.at().as_secs().into(),
        remembered: false, // neither does show
        probation: None,
    }
}

/// What a proof shows of what the reference says of it.
fn shown(model: &reference::Proof) -> reference::Proof {
    reference::Proof { remembered: false, probation: None, ..model.clone() }
}

/// A byte picks one of `all`.
fn pick<T>(all: &[T], by: u8) -> Option<&T> {
    all.get(usize::from(by).checked_rem(all.len())?)
}

/// A byte picks one of `all`, the newest more often than not.
fn pick_new<T>(all: &[T], by: u8) -> Option<&T> {
    if by < 190 { all.last() } else { pick(all, by) }
}

/// Two nodes in the middle of a rollout: each opens what the other one seals.
pub type Nodes<P> = [Mfa<Keyring, P>; 2];

pub fn nodes<P: Modelled>() -> Nodes<P> {
    [[7, 8], [8, 7]].map(|[seals, older]| {
        let keys = keyring(seals).opening_older(sealing_key(older));
        Mfa::with_policy(keys, P::new()).unwrap()
    })
}

impl<'m, P: Modelled, R: Runner> Bench<'m, P, R> {
    /// Everything but a sweep is done at the first node.
    pub fn new(nodes: &'m Nodes<P>) -> Bench<'m, P, R> {
        let mfa = &nodes[0];
        let names = ["ana", "ben", "cleo", "operator-dee", "operator-eli"];
        Bench {
            mfa,
            nodes,
            store: FaultyStore::new(),
            rng: StdRng::seed_from_u64(7),
            now: 1_800_000_000,
            ids: names.map(|name| (name.into(), AccountId::new(name).unwrap())).into(),
            world: World::new(P::NUMBERS),
            known: Known::default(),
            runner: std::marker::PhantomData,
            tally: BTreeMap::new(),
            transcript: Vec::new(),
        }
    }

    /// Everybody has an app, confirmed.
    pub fn enrol_everybody(&mut self) {
        for who in 0..PEOPLE {
            let step = |what, clock| Step {
                what,
                who,
                clock,
                fault: Fault::None,
                a: 0,
                b: 0,
                c: 0,
                proof: 0,
            };
            self.play(&step(What::Enrol, 0));
            self.play(&step(What::Confirm, 1));
        }
    }

    /// Plays one step on both.
    ///
    /// # Panics
    /// If they disagree about anything.
    pub fn play(&mut self, step: &Step) {
        self.now = u128::try_from(i64::try_from(self.now).unwrap() + step.clock).unwrap();
        let Step { what, a, b, c, .. } = *step;
        let step = &Step { who: self.somebody_for(step), ..step.clone() };
        let who = step.who;
        self.prove(step);
        let (name, id) = self.ids[who].clone();
        let unit = if step.fault == Fault::Clock { 1000 } else { 1 };
        let at = UnixTime::from_secs(u64::try_from(self.now * unit).unwrap());
        let now = self.now;
        let mfa = self.mfa;
        let for_what = *pick(&PURPOSES, c).unwrap();
        let label =
            if a >= 248 { "" } else { *pick(&["phone", "Ana’s tablet", "t"], a).unwrap() };
        let reason = if b >= 248 { "line\nbreak" } else { "ticket 4711" };
        let length = if c.is_multiple_of(3) { PassLength::Short } else { PassLength::Long };
        let account = mfa.account(&id).at(at);
        let (browser, token) = self.browser(who, c);
        match what {
            What::Verify => {
                let typed = self.some_code(who, a, b);
                self.known.submitted.push((who, typed.clone()));
                let turn = |world: &mut World, _: &Drawn| {
                    world.verify(&name, &typed, for_what, token, now)
                };
                for_purpose!(for_what, purpose => {
                    self.attempt(step, account.verify(&typed, purpose).from_browser(&browser), turn)
                });
            }
            What::Prove => {
                // A right code of a device in use, for what the schedule needs most.
                self.now += 31;
                let (now, account) = (now + 31, mfa.account(&id).at(at.plus(31)));
                let for_what = if who >= 3 { "act-for-other" } else { "change-factors" };
                let typed = self.fresh_code(who, a);
                let turn = |world: &mut World, _: &Drawn| {
                    world.verify(&name, &typed, for_what, token, now)
                };
                for_purpose!(for_what, purpose => {
                    self.attempt(step, account.verify(&typed, purpose).from_browser(&browser), turn)
                });
            }
            What::Resynchronise => {
                let (device, typed) = self.two_codes(who, a, b);
                let [first, second] = [&*typed[0], &*typed[1]];
                let turn = |world: &mut World, _: &Drawn| {
                    world.resynchronise(&name, device, [first, second], token, now)
                };
                let device = DeviceId::from_u64(device);
                let op = account.resynchronise(device, [first, second]).from_browser(&browser);
                let taught = |taught: &Resynchronised, _: &mut Drawn| {
                    format!("accepted {}", taught.device().as_u64())
                };
                self.turn(step, op, read_verdict(taught), turn);
            }
            What::Recover => {
                let typed = match b {
                    0..=3 => NO_RECOVERY_CODE.into(),
                    4..=5 => "not a code".into(),
                    _ => self.recovery_code(who, a, b),
                };
                let turn = |world: &mut World, _: &Drawn| {
                    world.recover(&name, &typed, for_what, token, now)
                };
                for_purpose!(for_what, purpose => {
                    let op = account.recover(&typed, purpose).from_browser(&browser);
                    self.attempt(step, op, turn)
                });
            }
            What::Answer => {
                let (whose, drawn, sent_for) = match pick_new(&self.known.challenges, a).cloned() {
                    Some(known) => known,
                    None => (who, Drawn::default(), for_what),
                };
                let who = if b % 16 == 1 { who } else { whose };
                let (name, id) = self.ids[who].clone();
                let account = mfa.account(&id).at(at);
                let for_what = if c % 8 == 1 { for_what } else { sent_for };
                let typed = match b {
                    0..=90 => "00000000".to_owned(),
                    91..=95 => "0000 000".to_owned(),
                    _ => drawn.code.clone(),
                };
                let challenge = ChallengeId::from_bytes(drawn.id);
                let (browser, token) = self.browser(who, c);
                let turn = |world: &mut World, _: &Drawn| {
                    world.answer(&name, drawn.id, &typed, for_what, token, now)
                };
                for_purpose!(for_what, purpose => {
                    let op = account.verify_sent_code(challenge, &typed, purpose);
                    self.attempt(step, op.from_browser(&browser), turn)
                });
            }
            What::SettleExternal => {
                let known = pick_new(&self.known.externals, a).cloned();
                let (whose, text, challenge, made_for) = match known {
                    Some((whose, text, says, made_for)) => (whose, text, Some(says), made_for),
                    None => (who, "no token".into(), None, for_what),
                };
                let who = if b % 16 == 1 { who } else { whose };
                let (name, id) = self.ids[who].clone();
                let account = mfa.account(&id).at(at);
                let challenge = challenge.filter(|_| who == whose);
                let for_what = if c % 8 == 1 { for_what } else { made_for };
                let device = self.device_by_method(who, &["passkey", "pki"], b);
                let passed = !a.is_multiple_of(3);
                let assertion = match passed {
                    true => Assertion::verified_by_host,
                    false => Assertion::failed_at_host,
                }(&text, DeviceId::from_u64(device));
                let (browser, token) = self.browser(who, c);
                let turn = |world: &mut World, _: &Drawn| {
                    let how = (device, passed);
                    world.settle_external(&name, challenge.as_ref(), how, for_what, token, now)
                };
                for_purpose!(for_what, purpose => {
                    let op = account.finish_external(assertion, purpose).from_browser(&browser);
                    self.attempt(step, op, turn)
                });
            }
            What::EnterPass => {
                let typed = self.pass(who, a, b);
                let turn =
                    |world: &mut World, _: &Drawn| world.enter_pass(&name, &typed, token, now);
                self.enter(step, account.enter_pass(&typed).from_browser(&browser), turn);
            }
            What::Challenge => {
                let rng = &mut self.rng;
                let op = for_purpose!(for_what, purpose => account.send_code(purpose, rng));
                let turn = |world: &mut World, drawn: &Drawn| {
                    world.challenge(&name, for_what, token, drawn, now)
                };
                let sent = self.change(step, op.from_browser(&browser), sent_code, turn);
                if let Some(drawn) = sent.filter(|drawn| !drawn.code.is_empty()) {
                    self.known.challenges.push((who, drawn, for_what));
                }
            }
            What::StartExternal => {
                // No operation, and nothing is written, whoever it is for.
                let rng = &mut self.rng;
                let started = for_purpose!(for_what, purpose => {
                    account.start_external(purpose, rng).unwrap()
                });
                let says = (*started.id().as_bytes(), now * unit, for_what.to_owned());
                self.known.externals.push((who, started.token().into(), says, for_what));
                // As often as not, the check passes a moment later.
                if step.proof >= 128 && step.fault != Fault::Clock {
                    let what = What::SettleExternal;
                    let (b, proof) = (step.proof % 4 * 8, 3);
                    self.play(&Step { what, clock: 1, a: 1, b, proof, ..*step });
                }
            }
            What::Enrol => {
                let op = account.enrol(label, &mut self.rng);
                self.enrolment(step, op, label, "totp", None);
            }
            What::EnrolHotp => {
                let digits = Digits::new(6 + b % 3).unwrap();
                let op = account.enrol_hotp(label, digits, &mut self.rng);
                self.enrolment(step, op, label, "hotp", None);
            }
            What::EnrolExisting => {
                let existing = self.existing(a, b);
                let method = if existing.generator.steps.is_some() { "totp" } else { "hotp" };
                let op = account.enrol_existing(library_device(&existing), &mut self.rng);
                self.enrolment(step, op, &existing.label, method, Some(&existing));
            }
            What::Replace => {
                let Some((proof, model)) = self.take_proof::<ChangeFactors>(step) else { return };
                let old = self.some_device(who, b);
                let device = DeviceId::from_u64(old);
                let op = account.replace(device, label, proof, &mut self.rng);
                let turn = |world: &mut World, drawn: &Drawn| {
                    let factor = |_: &_, drawn: &Drawn| Ok(factor_of(drawn, "totp"));
                    let (old, proof) = (Some(old), Some(&model));
                    world.enrol(&name, label, factor, "totp", old, proof, drawn, now)
                };
                if let Some(drawn) = self.change(step, op, pending, turn) {
                    self.known.enrolments.push((who, drawn));
                    self.confirm_at_once(step);
                }
            }
            What::EnrolPhone => {
                let number = PhoneNumber::new("+4915112345678").unwrap();
                let told = RestrictedNotice::given_by_host();
                let op = account.enrol_phone(label, number, told, &mut self.rng);
                let (op, model) = self.proven(step, op);
                let turn = |world: &mut World, drawn: &Drawn| {
                    world.enrol_phone(&name, label, model.as_ref(), drawn, now)
                };
                if let Some(drawn) = self.change(step, op, sent_code, turn) {
                    self.known.enrolments.push((who, drawn));
                    self.confirm_at_once(step);
                }
            }
            What::Confirm => self.confirm(step, at, false),
            What::ConfirmPair => self.confirm(step, at, true),
            What::BindExternal => {
                let (method, word) = match b % 2 {
                    0 => (ExternalMethod::Passkey, "passkey"),
                    _ => (ExternalMethod::Pki, "pki"),
                };
                let op = account.bind_external(label, method, &mut self.rng);
                let (op, model) = self.proven(step, op);
                let turn = |world: &mut World, drawn: &Drawn| {
                    world.bind_external(&name, label, word, model.as_ref(), drawn, now)
                };
                if let Some(drawn) = self.change(step, op, bound_externally, turn) {
                    self.show_recovery_codes(who, &drawn);
                }
            }
            What::Import => {
                let existing = self.existing(a, b);
                let op = account.import(library_device(&existing), &mut self.rng);
                let turn =
                    |world: &mut World, drawn: &Drawn| world.import(&name, &existing, drawn, now);
                if let Some(drawn) = self.change(step, op, imported, turn) {
                    let counter = existing.next;
                    let generator = existing.generator;
                    self.known.authenticators.push((who, drawn.device, generator, 0, counter));
                }
            }
            What::Regenerate => {
                let Some((proof, model)) = self.take_proof::<ChangeFactors>(step) else { return };
                let leaked = b % 4 == 3;
                let op = match leaked {
                    true => account.replace_leaked_recovery_codes(proof, &mut self.rng),
                    false => account.regenerate_recovery_codes(proof, &mut self.rng),
                };
                let turn = |world: &mut World, drawn: &Drawn| {
                    world.regenerate(&name, leaked, &model, drawn, now)
                };
                if let Some(drawn) = self.change(step, op, recovery_codes, turn) {
                    self.show_recovery_codes(who, &drawn);
                }
            }
            What::Acknowledge => {
                let mine: Vec<_> = self.known.sets.iter().filter(|(of, _)| *of == who).collect();
                let set = pick_new(&mine, a).map_or([9; 16], |(_, set)| *set);
                let op = account.acknowledge_recovery_codes(ChallengeId::from_bytes(set));
                let turn = |world: &mut World, _: &Drawn| world.acknowledge(&name, set, now);
                self.change(step, op, nothing, turn);
            }
            What::RememberBrowser => {
                let Some((proof, model)) = self.take_proof::<SignIn>(step) else { return };
                let op = account.remember_browser(&proof, &mut self.rng).from_browser(&browser);
                let turn = |world: &mut World, drawn: &Drawn| {
                    world.remember_browser(&name, &model, token, drawn, now)
                };
                let text = std::cell::RefCell::new(String::new());
                let read = |remembered: &Changed<RememberedBrowser>, drawn: &mut Drawn| {
                    *text.borrow_mut() = remembered.expose_token().into();
                    remembered_browser(remembered, drawn)
                };
                if let Some(drawn) = self.change(step, op, read, turn) {
                    let generation = self.world.people[&name].generation;
                    let token = (drawn.browser, generation);
                    self.known.browsers.push((who, text.into_inner(), token));
                }
                self.known.proofs.push((AnyProof::SignIn(proof), model)); // it is not used up
            }
            What::ForgetBrowser => {
                let mine: Vec<_> =
                    self.known.browsers.iter().filter(|(of, ..)| *of == who).collect();
                let forgotten = pick(&mine, a).map_or(42, |(.., (id, _))| *id);
                let op = account.forget_browser(format!("{forgotten:016x}").parse().unwrap());
                let turn =
                    |world: &mut World, _: &Drawn| world.forget_browser(&name, forgotten, now);
                self.change(step, op, nothing, turn);
            }
            What::Unlock => {
                let wanted = if a.is_multiple_of(3) { "act-for-other" } else { "change-factors" };
                let all = ["act-for-other", "change-factors"];
                let Some((proof, model)) = self.take_any_proof(step, wanted, &all) else { return };
                let turn = |world: &mut World, _: &Drawn| world.unlock(&name, &model, now);
                match proof {
                    AnyProof::ChangeFactors(proof) => {
                        self.change(step, account.unlock(proof), nothing, turn)
                    }
                    AnyProof::ActForOther(proof) => self.change(
                        step,
                        account.unlock(Operator::checked_by_host(proof, "help desk")),
                        nothing,
                        turn,
                    ),
                    _ => panic!("neither of the two"),
                };
            }
            What::Revoke => {
                let wanted = if a.is_multiple_of(3) { "act-for-other" } else { "change-factors" };
                let all = ["act-for-other", "change-factors"];
                let Some((proof, model)) = self.take_any_proof(step, wanted, &all) else { return };
                let device = self.some_device(who, b);
                let turn = |world: &mut World, _: &Drawn| world.revoke(&name, device, &model, now);
                let revoked = DeviceId::from_u64(device);
                match proof {
                    AnyProof::ChangeFactors(proof) => {
                        self.change(step, account.revoke(revoked, proof), nothing, turn)
                    }
                    AnyProof::ActForOther(proof) => self.change(
                        step,
                        account.revoke(revoked, Operator::checked_by_host(proof, "help desk")),
                        nothing,
                        turn,
                    ),
                    _ => panic!("neither of the two"),
                };
            }
            What::ReportLost => {
                let wanted = if a.is_multiple_of(3) { "act-for-other" } else { "change-factors" };
                let Some((proof, model)) = self.take_any_proof(step, wanted, &PURPOSES) else {
                    return;
                };
                let device = self.some_device(who, b);
                let turn =
                    |world: &mut World, _: &Drawn| world.report_lost(&name, device, &model, now);
                let lost = DeviceId::from_u64(device);
                match proof {
                    AnyProof::SignIn(proof) => {
                        self.change(step, account.report_lost(lost, proof), nothing, turn)
                    }
                    AnyProof::Action(proof) => {
                        self.change(step, account.report_lost(lost, proof), nothing, turn)
                    }
                    AnyProof::ChangeFactors(proof) => {
                        self.change(step, account.report_lost(lost, proof), nothing, turn)
                    }
                    AnyProof::ChangePrivileges(proof) => {
                        self.change(step, account.report_lost(lost, proof), nothing, turn)
                    }
                    AnyProof::ActForOther(proof) => {
                        let operator = Operator::checked_by_host(proof, "help desk");
                        self.change(step, account.report_lost(lost, operator), nothing, turn)
                    }
                };
            }
            What::Reset => {
                let Some((proof, model)) = self.take_proof::<ActForOther>(step) else { return };
                let by = Operator::checked_by_host(proof, "help desk");
                let op = account.reset(by, length, reason, &mut self.rng);
                let turn = |world: &mut World, drawn: &Drawn| {
                    world.help(&name, &model, reason, ("reset", 0), drawn, now)
                };
                self.help(step, op, turn);
            }
            What::GrantEmergencyAccess => {
                let Some((proof, model)) = self.take_proof::<ActForOther>(step) else { return };
                let secs = u64::from(a) * 4;
                let by = Operator::checked_by_host(proof, "help desk");
                let op = account.grant_emergency_access(by, length, secs, reason, &mut self.rng);
                let turn = |world: &mut World, drawn: &Drawn| {
                    world.help(&name, &model, reason, ("emergency", secs.into()), drawn, now)
                };
                self.help(step, op, turn);
            }
            What::Invite => {
                let Some((proof, model)) = self.take_proof::<ActForOther>(step) else { return };
                let by = Operator::checked_by_host(proof, "help desk");
                let op = account.invite(by, length, reason, &mut self.rng);
                let turn = |world: &mut World, drawn: &Drawn| {
                    world.help(&name, &model, reason, ("invite", 0), drawn, now)
                };
                self.help(step, op, turn);
            }
            What::RevokePasses => {
                let wanted = if a.is_multiple_of(3) { "act-for-other" } else { "change-factors" };
                let all = ["act-for-other", "change-factors"];
                let Some((proof, model)) = self.take_any_proof(step, wanted, &all) else { return };
                let turn = |world: &mut World, _: &Drawn| world.revoke_passes(&name, &model, now);
                match proof {
                    AnyProof::ChangeFactors(proof) => {
                        self.change(step, account.revoke_passes(proof), nothing, turn)
                    }
                    AnyProof::ActForOther(proof) => {
                        let by = Operator::checked_by_host(proof, "help desk");
                        self.change(step, account.revoke_passes(by), nothing, turn)
                    }
                    _ => panic!("neither of the two"),
                };
            }
            What::Offboard => {
                let op = account.offboard(HostsWord::Process, reason);
                let turn = |world: &mut World, _: &Drawn| world.offboard(&name, reason, now);
                self.change(step, op, nothing, turn);
            }
            What::Carry => self.carry(step, account),
            What::UseCarried => self.use_carried(step, at),
            What::Guess => self.guess(step),
            What::Reseal => {
                // A node of each key: each moves to its own what the other one sealed.
                let node = usize::from(step.a % 2);
                let op = self.nodes[node].account(&id).at(at).reseal();
                let read = |moved: &Changed<bool>, _: &mut Drawn| format!("done {}", **moved);
                self.change(step, op, read, |world, _| world.reseal(&name, node));
            }
        }
    }

    /// Seals a proof for the next request; as often as not, it is used twice soon after.
    fn carry(&mut self, step: &Step, account: AccountAt<'_>) {
        let number = u128::try_from(self.known.carried.len()).unwrap() | 1 << 127;
        let (carried, change, proof) = if step.a.is_multiple_of(3) {
            let Some((proof, model)) = self.take_proof::<ActForOther>(step) else { return };
            let change = [AnyChange::Unlock, AnyChange::Revoke][usize::from(step.b) % 2];
            let carried = account.carry_for_other(proof, change, SESSION, &mut self.rng);
            (carried, Some(change), model)
        } else {
            let Some((proof, model)) = self.take_proof::<ChangeFactors>(step) else { return };
            (account.carry(proof, SESSION, &mut self.rng), None, model)
        };
        let text = carried.unwrap().expose_text().to_owned();
        let carried = reference::Carried { id: number.to_be_bytes(), proof };
        self.known.carried.push((step.who, text, change, carried));
        if step.proof >= 128 {
            let what = What::UseCarried;
            for again in [0, 1] {
                let b = step.proof.wrapping_add(again * 64);
                self.play(&Step { what, clock: 40, a: 0, b, proof: 3, ..*step });
            }
        }
    }

    fn use_carried(&mut self, step: &Step, at: UnixTime) {
        let Step { a, b, c, .. } = *step;
        let known = pick_new(&self.known.carried, a).cloned();
        let Some((whose, text, named, carried)) = known else { return };
        let who = if b % 16 == 1 { step.who } else { whose };
        let session = if c % 16 == 1 { "another" } else { SESSION };
        let (name, id) = self.ids[who].clone();
        let (account, now) = (self.mfa.account(&id).at(at), self.now);
        let step = &Step { who, ..step.clone() };
        let back = || CarriedProof::new(&text, session);
        let lee = || Operator::carried_checked_by_host(back(), "help desk");
        let device = self.some_device(who, b);
        let revoked = DeviceId::from_u64(device);
        let opens = who == whose && session == SESSION;
        let opens_for = |change| opens && named.is_none_or(|named| named == change);
        let (unlock, revoke) = (AnyChange::Unlock, AnyChange::Revoke);
        let unlocks = |world: &mut World, _: &Drawn| {
            let opens = opens_for(unlock);
            world.carried(&name, &carried, opens, now, |world, proof| {
                world.unlock(&name, proof, now)
            })
        };
        let revokes = |world: &mut World, _: &Drawn| {
            world.carried(&name, &carried, opens_for(revoke), now, |world, proof| {
                world.revoke(&name, device, proof, now)
            })
        };
        match (named.is_some(), b % 4) {
            (true, 0 | 1) => drop(self.change(step, account.unlock(lee()), nothing, unlocks)),
            (true, _) => drop(self.change(step, account.revoke(revoked, lee()), nothing, revokes)),
            (false, 0) => drop(self.change(step, account.unlock(back()), nothing, unlocks)),
            (false, 1) => {
                drop(self.change(step, account.revoke(revoked, back()), nothing, revokes));
            }
            (false, 2) => {
                let op = account.regenerate_recovery_codes(back(), &mut self.rng);
                let turn = |world: &mut World, drawn: &Drawn| {
                    world.carried(&name, &carried, opens, now, |world, proof| {
                        world.regenerate(&name, false, proof, drawn, now)
                    })
                };
                if let Some(drawn) = self.change(step, op, recovery_codes, turn) {
                    self.show_recovery_codes(who, &drawn);
                }
            }
            (false, _) => {
                let op = account.enrol("carried", &mut self.rng).proven_by(back());
                let turn = |world: &mut World, drawn: &Drawn| {
                    world.carried(&name, &carried, opens, now, |world, proof| {
                        let factor = |_: &_, drawn: &Drawn| Ok(factor_of(drawn, "totp"));
                        let proof = Some(proof);
                        world.enrol(&name, "carried", factor, "totp", None, proof, drawn, now)
                    })
                };
                if let Some(drawn) = self.change(step, op, pending, turn) {
                    self.known.enrolments.push((who, drawn));
                    self.confirm_at_once(step);
                }
            }
        }
    }

    /// Wrong codes of one kind in a row, each as soon as it is evaluated.
    fn guess(&mut self, step: &Step) {
        let what = [What::Verify, What::Verify, What::Recover, What::Answer, What::Confirm]
            [usize::from(step.a) % 5];
        let again = i64::try_from(self.world.numbers.longest_wait).unwrap() + 1;
        for at in 0..=step.b % 10 {
            let clock = if at < 2 { 0 } else { again };
            // The bytes that read as a wrong code, recovery code, answer, confirmation. From a browser
            // that is remembered or not, as the step has it.
            let (a, b) = match what {
                What::Recover => (step.a, 16),
                What::Confirm => (7, 0),
                _ => (0, 0),
            };
            let c = step.c / 128 * 128 + 2;
            let quiet =
                Step { what, clock, a, b, c, fault: Fault::None, proof: 100, ..step.clone() };
            if what == What::Answer {
                self.play(&Step { what: What::Challenge, c: step.c / 128 * 128, ..quiet.clone() });
                self.play(&Step { clock: 0, ..quiet });
            } else {
                self.play(&quiet);
            }
        }
    }

    /// The person of the step, or, more often than not, somebody for whom there is something to
    /// do.
    fn somebody_for(&self, step: &Step) -> usize {
        let has = |who: usize, methods: &[&str]| {
            let person = self.world.people.get(&self.ids[who].0);
            let mut devices = person.into_iter().flat_map(|person| &person.devices);
            devices.any(|device| device.in_use() && methods.contains(&&*device.method))
        };
        let fits = match step.what {
            _ if step.proof % 4 == 3 => None,
            What::Challenge => (0..PEOPLE).find(|who| has(*who, &["sms"])),
            What::StartExternal => (0..PEOPLE).find(|who| has(*who, &["passkey", "pki"])),
            What::Confirm | What::ConfirmPair => self.known.enrolments.last().map(|(who, _)| *who),
            What::Verify if step.c >= 128 => self.known.browsers.last().map(|(who, ..)| *who),
            What::EnterPass => self.known.passes.last().map(|(who, _)| *who),
            _ => None,
        };
        fits.unwrap_or(step.who)
    }

    /// An enrolment that may bring a proof.
    fn enrolment(
        &mut self,
        step: &Step,
        op: Change<'m, PendingEnrolment, Proof<ChangeFactors>>,
        label: &str,
        method: &str,
        existing: Option<&Existing>,
    ) {
        let (name, _) = self.ids[step.who].clone();
        let (op, model) = self.proven(step, op);
        let now = self.now;
        let turn = |world: &mut World, drawn: &Drawn| {
            let n = world.numbers;
            let factor = |person: &reference::Person, drawn: &Drawn| match existing {
                Some(existing) => person.admit(&n, existing),
                None => Ok(factor_of(drawn, method)),
            };
            world.enrol(&name, label, factor, method, None, model.as_ref(), drawn, now)
        };
        if let Some(mut drawn) = self.change(step, op, pending, turn) {
            // Not every generator can be said in a URI; who brings a token knows it anyway.
            drawn.generator = existing.map(|known| known.generator.clone()).or(drawn.generator);
            drawn.next = existing.map_or(0, |known| known.next);
            self.known.enrolments.push((step.who, drawn));
            self.confirm_at_once(step);
        }
    }

    /// As often as not, the right code follows.
    fn confirm_at_once(&mut self, step: &Step) {
        if step.proof >= 128 {
            let what = What::Confirm;
            self.play(&Step { what, clock: 1, fault: Fault::None, a: 0, b: 4, proof: 3, ..*step });
        }
    }

    fn confirm(&mut self, step: &Step, at: UnixTime, two: bool) {
        let Step { who, a, b, c, .. } = *step;
        let mine: Vec<_> =
            self.known.enrolments.iter().filter(|(whose, _)| *whose == who).collect();
        let drawn = match (pick_new(&mine, a), pick(&self.known.enrolments, b)) {
            (_, Some((_, anybodys))) if a % 32 == 31 => anybodys.clone(),
            (Some((_, drawn)), _) => drawn.clone(),
            _ => Drawn::default(),
        };
        let (name, id) = self.ids[who].clone();
        // A device's clock may be off by a few steps, a token's button may have been pressed.
        let skew = match two {
            true => [0, 3, -5, 6][usize::from(b) % 4],
            false => [0, 0, 0, 0, 0, 1, -1, 2, -3][usize::from(b) % 9],
        };
        let presses = drawn.next + u128::from(b % 4 == 3) * 2;
        let code = |further: u128| match (&drawn.generator, a % 8) {
            (_, 7) => "0000000".into(),
            (_, 6) if b.is_multiple_of(4) => "12345a".into(),
            (Some(generator), _) => match generator.step(self.now) {
                Some(step) => {
                    let step = u128::try_from(step + skew).unwrap_or(0);
                    generator.code(step + further)
                }
                None if generator.steps.is_some() => "000000".into(), // before T0
                None => generator.code((presses + further) % (1 << 64)),
            },
            (None, _) => drawn.code.clone(),
        };
        let (first, second) = (code(0), code(1));
        let typed: &[&str] = if two { &[&first, &second] } else { &[&first] };
        self.known.submitted.push((who, first.clone()));
        let challenge = ChallengeId::from_bytes(drawn.id);
        let (browser, token) = self.browser(who, c);
        let account = self.mfa.account(&id).at(at);
        let op = match two {
            true => account.confirm_pair(challenge, [&first, &second], &mut self.rng),
            false => account.confirm(challenge, &first, &mut self.rng),
        };
        let now = self.now;
        let remembered =
            self.world.people.get(&name).is_some_and(|p| p.remembers(token, now).is_some());
        let turn = |world: &mut World, fresh: &Drawn| {
            world.confirm(&name, drawn.id, typed, fresh, token, now)
        };
        let op = op.from_browser(&browser);
        let said = self.turn(step, op, read_verdict(read_confirmed), turn);
        if let Some(Verdict::Accepted(confirmed)) = said {
            let device = confirmed.device().as_u64();
            let used = presses + 1 + u128::from(two);
            if let Some(generator) = drawn.generator {
                self.known.authenticators.push((who, device, generator, skew, used));
            }
            let mut fresh = Drawn::default();
            read_confirmed(&confirmed, &mut fresh);
            self.show_recovery_codes(who, &fresh);
            // The code that confirmed is worth a sign-in.
            let person = self.world.people.get_mut(&name).unwrap();
            let model = reference::Proof {
                account: name,
                device: Some(device),
                method: person.device(device).unwrap().method.clone(),
                purpose: "sign-in".into(),
                epoch: person.epoch,
                at: now,
                remembered,
                probation: match &*person.device(device).unwrap().method {
                    "sms" => Some(now),
                    _ => person.device(device).unwrap().probation,
                },
            };
            let proof = confirmed.into_proof();
            assert_eq!(as_reference(&proof), shown(&model), "{step:?}");
            self.known.proofs.push((SignIn::wrap(proof), model));
        }
    }

    fn show_recovery_codes(&mut self, who: usize, drawn: &Drawn) {
        let shown = drawn.recovery_codes.iter().map(|code| (who, code.clone()));
        self.known.recovery_codes.extend(shown);
        if !drawn.recovery_codes.is_empty() {
            self.known.sets.push((who, drawn.set));
        }
    }

    /// The token that a browser sends, and what it says: in the upper half, mostly one of the person's
    /// own.
    fn browser(&self, who: usize, c: u8) -> (String, Option<Token>) {
        let nobodys = ("no token".into(), None);
        let own: Vec<_> = self.known.browsers.iter().filter(|(of, ..)| *of == who).collect();
        match c {
            0..128 => nobodys,
            128..132 => pick(&self.known.browsers, c).map_or(nobodys, |(of, text, token)| {
                (text.clone(), Some(*token).filter(|_| *of == who))
            }),
            132..152 => {
                pick(&own, c).map_or(nobodys, |(_, text, token)| (text.clone(), Some(*token)))
            }
            _ => own.last().map_or(nobodys, |(_, text, token)| (text.clone(), Some(*token))),
        }
    }

    /// An attempt that answers with a proof.
    fn attempt<Q: Proven>(
        &mut self,
        step: &Step,
        op: Attempt<'_, Proof<Q>>,
        turn: impl FnOnce(&mut World, &Drawn) -> reference::Turn,
    ) {
        let mut model = None;
        let said =
            self.turn(step, op, read_verdict(|_: &Proof<Q>, _| "accepted".into()), |w, drawn| {
                let turn = turn(w, drawn);
                model.clone_from(&turn.proof);
                turn
            });
        if let Some(Verdict::Accepted(proof)) = said {
            let model = model.expect("the reference accepted as well");
            assert_eq!(as_reference(&proof), shown(&model), "{step:?}");
            assert_eq!(proof.replacement_due(), model.method == "recovery-code");
            self.known.proofs.push((Q::wrap(proof), model));
        }
    }

    /// A pass, which says itself what its proof is for.
    fn enter(
        &mut self,
        step: &Step,
        op: Attempt<'_, Entered>,
        turn: impl FnOnce(&mut World, &Drawn) -> reference::Turn,
    ) {
        let mut model = None;
        let read = read_verdict(|_: &Entered, _| "accepted".into());
        let said = self.turn(step, op, read, |w, drawn| {
            let turn = turn(w, drawn);
            model.clone_from(&turn.proof);
            turn
        });
        let Some(Verdict::Accepted(entered)) = said else { return };
        let model = model.expect("the reference accepted as well");
        let proof = match entered {
            Entered::SignIn(proof) => {
                assert_eq!(as_reference(&proof), shown(&model), "{step:?}");
                AnyProof::SignIn(proof)
            }
            Entered::Enrolment(proof) => {
                assert_eq!(as_reference(&proof), shown(&model), "{step:?}");
                AnyProof::ChangeFactors(proof)
            }
        };
        self.known.proofs.push((proof, model));
    }

    /// An operator hands over a pass. As often as not, it is entered a moment later.
    fn help(
        &mut self,
        step: &Step,
        op: Change<'m, Pass, Operator>,
        turn: impl FnOnce(&mut World, &Drawn) -> reference::Turn,
    ) {
        let Some(drawn) = self.change(step, op, issued, turn) else { return };
        self.known.passes.push((step.who, drawn.pass));
        if step.proof >= 128 {
            let what = What::EnterPass;
            self.play(&Step { what, clock: 5, a: 0, b: step.b % 10 + 4, proof: 3, ..*step });
        }
    }

    /// A pass that somebody types: mostly the person's last one, or one that is nearly that.
    fn pass(&self, who: usize, a: u8, b: u8) -> String {
        let mine: Vec<_> = self.known.passes.iter().filter(|(of, _)| *of == who).collect();
        let Some((_, pass)) = pick_new(&mine, a) else { return NO_RECOVERY_CODE.into() };
        match b % 16 {
            0 => NO_RECOVERY_CODE.into(),
            1 => "not a pass".into(),
            2 | 3 => "0000 0000".into(),
            4 | 5 => format!("{}0000", &pass[..pass.len() - 4]),
            6..=8 => pass.to_lowercase().replace('-', ""),
            _ => pass.clone(),
        }
    }

    /// A change. Returns what was drawn if it is done.
    fn change<T, A>(
        &mut self,
        step: &Step,
        op: Change<'_, T, A>,
        read: impl Fn(&Changed<T>, &mut Drawn) -> String,
        turn: impl FnOnce(&mut World, &Drawn) -> reference::Turn,
    ) -> Option<Drawn> {
        let id = *op.operation().account();
        let read_answer = |answer: &Answered<T>, drawn: &mut Drawn| match answer {
            Ok(done) => read(done, drawn),
            Err(Refusal::TooSoon { until }) => format!("refused TooSoon {}", until.as_secs()),
            Err(refusal) => format!("refused {refusal:?}"),
        };
        let done = self.turn(step, op, read_answer, turn)?.ok()?;
        let (name, _) = self.ids.iter().find(|(_, known)| *known == id).unwrap();
        let epoch = self.world.people.get(name).map_or(0, |person| person.epoch);
        assert_eq!(u128::from(done.epoch()), epoch, "{step:?}");
        let mut drawn = Drawn::default();
        read(&done, &mut drawn);
        Some(drawn)
    }

    /// Plays one operation on both, and compares.
    fn turn<O: Played>(
        &mut self,
        step: &Step,
        mut op: O,
        read: impl Fn(&O::Answer, &mut Drawn) -> String,
        turn: impl FnOnce(&mut World, &Drawn) -> reference::Turn,
    ) -> Option<O::Answer> {
        let id = *op.operation().account();
        let (name, _) = self.ids.iter().find(|(_, known)| *known == id).unwrap().clone();
        let before = self.store.peek(&id);

        // A decision is pure: making it beforehand changes nothing, and tells what was drawn even
        // if the store loses the answer.
        let operator = op.operation().operator().and_then(|operator| self.store.peek(operator));
        let mut drawn = Drawn::default();
        let ahead = match op.operation().decide(before.clone(), operator) {
            Ok(Decided::Answer { answer, .. }) => (read(&answer, &mut drawn), false),
            Ok(Decided::Write(prepared)) => {
                assert!(prepared.write().expected() == before.as_ref().map(Record::version));
                (read(&prepared.release(Swap::Stored).unwrap(), &mut drawn), true)
            }
            Err(error) => (error_line(&error), false),
        };

        let mut next = self.world.clone();
        let turn = match step.fault {
            Fault::Clock => reference::Turn {
                answer: "error clock".into(),
                wrote: false,
                silent: false,
                proof: None,
            },
            _ => turn(&mut next, &drawn),
        };
        let context = format!("{step:?} at {} by {name}", self.now);
        assert_eq!(ahead, (turn.answer.clone(), turn.wrote), "{context}");

        let decided = !turn.answer.starts_with("error");
        let (expected, committed) = match step.fault {
            Fault::Load => ("error store".into(), false),
            Fault::Note if !turn.wrote && !turn.silent && decided => ("error store".into(), false),
            Fault::SwapBefore if turn.wrote => ("error store".into(), false),
            Fault::SwapAfter if turn.wrote => ("error store".into(), true),
            Fault::StaleAlways if turn.wrote => ("error contended".into(), false),
            _ => (turn.answer.clone(), turn.wrote),
        };
        self.store.set_fault(step.fault);
        let result = R::run(&mut op, &self.store);
        self.store.set_fault(Fault::None);
        let line = match &result {
            Ok(answer) => read(answer, &mut Drawn::default()),
            Err(error) => error_line(error),
        };
        assert_eq!(line, expected, "{context}");

        // Exactly one version more for a write, and not a byte changed otherwise.
        let after = self.store.peek(&id);
        let version = |record: &Option<Record>| record.as_ref().map_or(0, Record::version);
        match committed {
            true => assert_eq!(version(&after), version(&before) + 1, "{context}"),
            false => assert!(after == before, "{context}"),
        }
        if committed {
            self.world = next;
        }
        self.transcript.push((line.clone(), after));
        let mut words = line.split(' ').take(2).map(|word| word.trim_end_matches(char::is_numeric));
        let (first, second) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let line = format!("{:?}: {first} {second}", step.what);
        *self.tally.entry(line.trim_end().into()).or_default() += 1;
        self.compare_summary(&name, &id);
        result.ok()
    }

    /// Everybody's, whoever was the last to do something.
    pub fn compare_summaries(&self) {
        self.ids.iter().for_each(|(name, id)| self.compare_summary(name, id));
    }

    fn compare_summary(&self, name: &str, id: &AccountId) {
        let now = UnixTime::from_secs(u64::try_from(self.now).unwrap());
        let summary = R::run(&mut self.mfa.account(id).at(now).summary(), &self.store).unwrap();
        assert_eq!(text::of(summary.as_ref()), self.world.summary(name, self.now), "{name}");
    }

    /// A code that somebody might type.
    fn some_code(&mut self, who: usize, a: u8, b: u8) -> String {
        match a % 16 {
            0 | 1 => "000000".into(),
            2 => ["", "12345", " 123456", "123 456", "１２３４５６", "123456789"]
                [usize::from(b) % 6]
                .into(),
            3..=5 => {
                let mine: Vec<_> =
                    self.known.submitted.iter().filter(|(of, _)| *of == who).collect();
                pick_new(&mine, b).map_or("111111".into(), |(_, code)| code.clone())
            }
            6 => match pick(&self.known.authenticators, b) {
                Some((_, _, generator, skew, presses)) => {
                    code_now(generator, self.now, *skew, *presses)
                }
                None => "222222".into(),
            },
            _ => {
                let offset = [0, 0, 0, 0, 0, 1, -1, 2, -2, 3][usize::from(b) % 10];
                pasted(self.own_code(who, b, offset), a)
            }
        }
    }

    fn fresh_code(&mut self, who: usize, by: u8) -> String {
        self.own_code(who, if by < 128 { 0 } else { by }, 0)
    }

    /// A code of one of the person's own devices, one in use rather than a former one.
    fn own_code(&mut self, who: usize, by: u8, offset: i128) -> String {
        let name = &self.ids[who].0;
        let person = self.world.people.get_mut(name);
        let mut in_use = person.into_iter().flat_map(|person| &person.devices);
        let in_use: Vec<u64> = match by % 8 {
            7 => in_use.map(|device| device.id).collect(),
            _ => in_use.by_ref().filter(|device| device.in_use()).map(|device| device.id).collect(),
        };
        let now = self.now;
        let mut own: Vec<_> = self
            .known
            .authenticators
            .iter_mut()
            .filter(|(whose, device, ..)| *whose == who && in_use.contains(device))
            .collect();
        let count = own.len().max(1);
        let Some((_, _, generator, skew, presses)) = own.get_mut(usize::from(by) % count) else {
            return "333333".into();
        };
        let code = code_now(generator, now, *skew + offset, *presses);
        *presses += 1 + offset.unsigned_abs();
        code
    }

    /// Two codes in a row, or nearly.
    fn two_codes(&mut self, who: usize, a: u8, b: u8) -> (u64, [String; 2]) {
        let own: Vec<_> =
            self.known.authenticators.iter_mut().filter(|(whose, ..)| *whose == who).collect();
        let count = own.len().max(1);
        let Some((_, device, generator, skew, presses)) =
            own.into_iter().nth(usize::from(a) % count)
        else {
            return (42, ["000000".into(), "111111".into()]);
        };
        if b % 8 == 5 {
            *skew = [0, 3, -4, 7][usize::from(a) % 4]; // a battery was changed
        }
        let (from, to) = match b % 8 {
            0 => (0, 0),
            1 => (0, 2),
            2 => (1, 0),
            3 => (-1, 0),
            _ => (0, 1),
        };
        let typed = [from, to].map(|offset| match generator.steps {
            Some(_) => code_now(generator, self.now, *skew + offset - 1, 0),
            None => code_now(generator, self.now, 0, presses.saturating_add_signed(offset)),
        });
        *presses += 2;
        match b {
            250 => (*device, ["12".into(), typed[1].clone()]),
            _ => (*device, typed),
        }
    }

    fn recovery_code(&self, who: usize, a: u8, b: u8) -> String {
        let mine: Vec<_> = self.known.recovery_codes.iter().filter(|(of, _)| *of == who).collect();
        let code = match b % 16 {
            6 => pick(&self.known.recovery_codes, a),
            7..=9 => pick(&mine, a).copied(),
            _ => {
                // One of the newest set, often one that is unspent.
                let set = self.world.numbers.recovery_codes;
                let newest = &mine[mine.len().saturating_sub(set)..];
                pick(newest, a).copied()
            }
        };
        let code = code.map_or(NO_RECOVERY_CODE, |(_, code)| code);
        if b.is_multiple_of(16) {
            return format!("{}0000-0000", &code[..25]); // the right name, and hardly the right rest
        }
        if b.is_multiple_of(2) { code.to_lowercase().replace('-', " ") } else { code.to_owned() }
    }

    fn some_device(&mut self, who: usize, by: u8) -> u64 {
        let name = &self.ids[who].0;
        let devices =
            self.world.people.get(name).map(|person| &*person.devices).unwrap_or_default();
        let in_use: Vec<_> = devices.iter().filter(|device| device.in_use()).collect();
        let chosen = match by % 4 {
            0 => pick(devices, by / 4),
            _ => pick(&in_use, by / 4).copied(),
        };
        chosen.map_or(42, |device| device.id)
    }

    fn device_by_method(&self, who: usize, methods: &[&str], by: u8) -> u64 {
        let name = &self.ids[who].0;
        let devices =
            self.world.people.get(name).map(|person| &*person.devices).unwrap_or_default();
        let fit: Vec<_> = devices.iter().filter(|d| methods.contains(&&*d.method)).collect();
        let all: Vec<_> = devices.iter().collect();
        pick(if by % 8 == 7 { &all } else { &fit }, by / 8).map_or(42, |device| device.id)
    }

    /// A proof for a change of factors, or for acting for another.
    fn take_proof<Q: Proven>(&mut self, step: &Step) -> Option<(Proof<Q>, reference::Proof)> {
        let (proof, model) = self.take_any_proof(step, Q::NAME, &[Q::NAME])?;
        Some((Q::of_any(proof).unwrap(), model))
    }

    /// A proof: mostly a fresh one that fits, else any that can be passed.
    fn take_any_proof(
        &mut self,
        step: &Step,
        wanted: &str,
        passable: &[&str],
    ) -> Option<(AnyProof, reference::Proof)> {
        let name = &self.ids[prover_of(step, wanted)].0;
        let fits = |(_, proof): &(AnyProof, reference::Proof)| {
            proof.account == *name && proof.purpose == wanted
        };
        let proofs = &self.known.proofs;
        let newest = proofs.iter().rposition(fits).filter(|_| step.proof >= 40);
        let passable: Vec<usize> =
            (0..proofs.len()).filter(|at| passable.contains(&&*proofs[*at].1.purpose)).collect();
        let at = newest.or_else(|| pick(&passable, step.proof).copied());
        at.map(|at| self.known.proofs.remove(at))
    }

    /// Mostly, somebody has proved something just before.
    fn prove(&mut self, step: &Step) {
        let bound = |person: &reference::Person| !person.devices.is_empty();
        let wanted = match step.what {
            What::Enrol
            | What::EnrolHotp
            | What::EnrolExisting
            | What::EnrolPhone
            | What::BindExternal => {
                let person = self.world.people.get(&self.ids[step.who].0);
                if !person.is_some_and(bound) || step.proof % 8 == 7 {
                    return;
                }
                "change-factors"
            }
            What::Carry if step.a.is_multiple_of(3) => "act-for-other",
            What::Replace | What::Regenerate | What::Carry => "change-factors",
            What::RememberBrowser => "sign-in",
            What::Revoke | What::ReportLost | What::Unlock | What::RevokePasses
                if !step.a.is_multiple_of(3) =>
            {
                "change-factors"
            }
            What::Revoke
            | What::ReportLost
            | What::Unlock
            | What::RevokePasses
            | What::Invite
            | What::Reset
            | What::GrantEmergencyAccess => "act-for-other",
            _ => return,
        };
        if step.proof < 40 {
            return;
        }
        // By an app or token, and now and then by a recovery code or a text message.
        let what = [What::Prove, What::Prove, What::Prove, What::Recover, What::Challenge]
            [usize::from(step.proof / 4) % 5];
        let invited = |person: &reference::Person| person.is_invited(self.now);
        let person = self.world.people.get(&self.ids[step.who].0);
        let what = match person.is_some_and(invited) && wanted == "change-factors" {
            true => What::EnterPass,
            false => what,
        };
        // The purpose is the third one, or the first, from a browser that is remembered or not.
        let c = match wanted {
            "sign-in" => step.c / 128 * 130,
            _ => step.c / 128 * 130 + 2,
        };
        let what = if wanted == "sign-in" && what == What::Prove { What::Verify } else { what };
        let quiet = Step {
            what,
            who: prover_of(step, wanted),
            clock: if wanted == "sign-in" { 31 } else { 0 },
            fault: Fault::None,
            a: if what == What::Verify { 7 } else { step.a / 2 },
            b: 100,
            c,
            proof: 3,
        };
        self.play(&quiet);
        if what == What::Challenge {
            self.play(&Step { what: What::Answer, a: 0, b: 112, c: c / 128 * 152, ..quiet });
        }
    }

    /// An enrolment with a proof, or without.
    fn proven<'o, T>(
        &mut self,
        step: &Step,
        op: Change<'o, T, Proof<ChangeFactors>>,
    ) -> (Change<'o, T, Proof<ChangeFactors>>, Option<reference::Proof>) {
        let person = self.world.people.get(&self.ids[step.who].0);
        let bound = person.is_some_and(|person| !person.devices.is_empty());
        let proof = match bound && step.proof % 8 != 7 {
            true => self.take_proof(step),
            false => None,
        };
        match proof {
            Some((proof, model)) => (op.proven_by(proof), Some(model)),
            None => (op, None),
        }
    }

    /// A device from elsewhere: one of few secrets, so that some meet again.
    fn existing(&self, a: u8, b: u8) -> Existing {
        let (secret, algorithm) = match a % 5 {
            0 => (vec![a; 20], "SHA1"),
            1 => (vec![1; 20], "SHA1"),
            2 => (vec![2; 32], "SHA256"),
            3 => (vec![3; 64], "SHA512"),
            _ => (vec![4; 10], "SHA1"), // short
        };
        let steps = match b % 4 {
            0 => None,
            1 => Some((60, 0)),
            2 => Some((30, self.now / 2)),
            _ => Some((30, 0)),
        };
        let generator = Generator {
            secret,
            algorithm: algorithm.into(),
            digits: 6 + usize::from(b) % 3,
            steps,
        };
        let present = generator.step(self.now);
        let last_step = present.map(|step| step - 5).filter(|_| a.is_multiple_of(2));
        let clock_error = if a % 7 == 3 { [95, -75, 15, 3601][usize::from(b / 4) % 4] } else { 0 };
        let next = if b.is_multiple_of(32) { u128::from(u64::MAX) - 2 } else { u128::from(b) };
        Existing { label: "token".into(), generator, last_step, next, clock_error }
    }
}

/// Who has to prove it.
fn prover_of(step: &Step, wanted: &str) -> usize {
    match wanted {
        "act-for-other" => 3 + usize::from(step.proof / 8) % 2,
        _ => step.who,
    }
}

fn code_now(generator: &Generator, now: Time, offset: i128, presses: u128) -> String {
    match generator.step(now) {
        Some(step) => generator.code(u128::try_from(step + offset).unwrap_or(0)),
        None => generator.code(presses % (1 << 64)),
    }
}

fn library_device(existing: &Existing) -> ExistingDevice {
    let Existing { label, generator, last_step, next, clock_error } = existing;
    let label = Text::new(label).unwrap();
    let secret = Secret::dangerously_allow_short(&generator.secret).unwrap();
    let algorithm = Algorithm::from_name(&generator.algorithm).unwrap();
    let digits = Digits::new(u8::try_from(generator.digits).unwrap()).unwrap();
    let device = match generator.steps {
        Some((period, t0)) => {
            let period = Period::new(u64::try_from(period).unwrap()).unwrap();
            let t0 = UnixTime::from_secs(u64::try_from(t0).unwrap());
            let parameters = Parameters { algorithm, digits, period, t0 };
            let last_step = last_step.map(|step| u64::try_from(step).unwrap());
            ExistingDevice::totp(label, secret, parameters, last_step)
        }
        None => {
            let next = u64::try_from(*next).unwrap();
            ExistingDevice::hotp(label, secret, algorithm, digits, next)
        }
    };
    device.with_clock_error(i64::try_from(*clock_error).unwrap())
}

fn factor_of(drawn: &Drawn, method: &str) -> Factor {
    let generator = drawn.generator.clone().unwrap_or_else(|| {
        let steps = (method == "totp").then_some((30, 0));
        Generator { secret: vec![0], algorithm: "SHA1".into(), digits: 6, steps }
    });
    match method {
        "totp" => Factor::Totp { generator, last_step: None, drift: 0, offset: 0 },
        _ => Factor::Hotp { generator, next: 0 },
    }
}

fn error_line<E>(fault: &mfa::Fault<E>) -> String {
    match fault {
        mfa::Fault::ClockImplausible(_) => "error clock".into(),
        mfa::Fault::Contended => "error contended".into(),
        mfa::Fault::Store(_) => "error store".into(),
        mfa::Fault::Text(_) => "error text".into(),
        mfa::Fault::Record { error, .. } => format!("error record {error:?}"),
    }
}

fn read_verdict<T>(
    accepted: impl Fn(&T, &mut Drawn) -> String,
) -> impl Fn(&Verdict<T>, &mut Drawn) -> String {
    move |verdict, drawn| match verdict {
        Verdict::Accepted(value) => accepted(value, drawn),
        Verdict::Rejected { tries_left } => format!("rejected {tries_left}"),
        Verdict::Wait { until } => format!("wait {}", until.as_secs()),
        Verdict::Closed => "closed".into(),
        Verdict::Refused => "refused".into(),
        Verdict::AlreadyConfirmed => "already-confirmed".into(),
        Verdict::Expired => "expired".into(),
        Verdict::Malformed => "malformed".into(),
        Verdict::Undecided(never) => match *never {},
    }
}

fn codes_of(codes: &RecoveryCodes) -> Vec<String> {
    codes.iter().map(|code| code.expose_text().to_string()).collect()
}

fn read_confirmed(confirmed: &Confirmed, drawn: &mut Drawn) -> String {
    let (device, codes) = (confirmed.device(), confirmed.recovery_codes());
    format!("accepted {}", read_bound(device, confirmed.epoch(), codes, drawn))
}

fn bound_externally(bound: &Changed<Bound>, drawn: &mut Drawn) -> String {
    let (device, codes) = (bound.device(), bound.recovery_codes());
    format!("done {}", read_bound(device, bound.epoch(), codes, drawn))
}

fn read_bound(
    device: DeviceId,
    epoch: u32,
    codes: Option<&RecoveryCodes>,
    drawn: &mut Drawn,
) -> String {
    drawn.device = device.as_u64();
    drawn.recovery_codes = codes.map(codes_of).unwrap_or_default();
    drawn.set = codes.map_or([0; 16], |codes| *codes.set().as_bytes());
    let codes = codes.map_or("none".into(), |codes| codes.len().to_string());
    format!("{} epoch {epoch} recovery codes {codes}", device.as_u64())
}

fn pending(pending: &Changed<PendingEnrolment>, drawn: &mut Drawn) -> String {
    drawn.id = *pending.id().as_bytes();
    drawn.device = pending.device().as_u64();
    drawn.generator = pending.uri("Acme", "person").ok().map(|uri| Generator {
        secret: uri.secret().expose_bytes().to_vec(),
        algorithm: uri.algorithm().name().into(),
        digits: uri.digits().count().into(),
        steps: uri.totp_parameters().map(|p| (p.period.as_u64().into(), p.t0.as_secs().into())),
    });
    format!("done until {}", pending.until().as_secs())
}

fn sent_code(sent: &Changed<OutOfBand>, drawn: &mut Drawn) -> String {
    drawn.id = *sent.id().as_bytes();
    drawn.code = sent.to_send().map(|code| code.expose_str().into()).unwrap_or_default();
    let waits = if sent.to_send().is_some() { "" } else { "waits " };
    format!("done {waits}until {}", sent.until().as_secs())
}

fn remembered_browser(browser: &Changed<RememberedBrowser>, drawn: &mut Drawn) -> String {
    drawn.browser = number_of(browser.id());
    "done".into()
}

fn number_of(browser: BrowserId) -> u64 {
    u64::from_str_radix(&browser.to_string(), 16).unwrap()
}

fn imported(device: &Changed<DeviceId>, drawn: &mut Drawn) -> String {
    drawn.device = device.as_u64();
    format!("done {}", device.as_u64())
}

fn recovery_codes(codes: &Changed<RecoveryCodes>, drawn: &mut Drawn) -> String {
    drawn.recovery_codes = codes_of(codes);
    drawn.set = *codes.set().as_bytes();
    format!("done recovery codes {}", codes.len())
}

fn issued(pass: &Changed<Pass>, drawn: &mut Drawn) -> String {
    drawn.pass = pass.expose_text().to_string();
    format!("done until {}", pass.until().as_secs())
}

fn nothing(_: &Changed, _: &mut Drawn) -> String {
    "done".into()
}

/// A code as a person may paste it.
fn pasted(code: String, by: u8) -> String {
    match by / 16 {
        0 => format!("{} {}\n", &code[..3], &code[3..]),
        1 => format!("\u{201c}1. {code}\u{201d}"),
        2 => code.replace('1', "１"),
        _ => code,
    }
}
