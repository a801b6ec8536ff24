//! Every order in which up to four parallel attempts can load and swap one record, without a
//! thread: an attempt is a load, a pure decision and a swap, so an order is a list of who goes next.
//!
//! After every single step the invariants of the account are held against what happened: a moving
//! factor is accepted once and none below it after it; every answer but a throttled one was paid
//! for with a write; nothing is accepted of a person who has been offboarded, or by a device that
//! is no longer in use. At the end of every order the record is probed: whatever was accepted is
//! accepted no more.
//!
//! The number of orders is asserted, so that the enumeration cannot shrink unseen. And it is shown
//! to find what it looks for: over cells that are broken in the ways in which stores are broken, the
//! explorer reports a violation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use countersign::account::{AnyChange, CarriedProof, HostsWord, Operator, PassLength};
use std::collections::BTreeMap;
use std::fmt::Debug;

use crate::keys::{keyring, sealing_key};
use countersign::account::{Assertion, Bounded, Class, EventKind, PhoneNumber, Refusal, Throttle};
use countersign::mfa::{
    Changed, Confirmed, Decided, Entered, ExternalMethod, MAX_TRIES, PendingEnrolment,
    RestrictedNotice, Resynchronised,
};
use countersign::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

// What an attempt does.

/// What an attempt came to.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Outcome {
    /// A right code: by which device, at which moving factor.
    Accepted {
        device: Option<DeviceId>,
        moving_factor: Option<u64>,
    },
    Bound {
        device: DeviceId,
        recovery_codes: usize,
    },
    Done,
    /// Evaluated and counted.
    Rejected,
    /// Not evaluated, or not counted: waiting, expired, closed, the copy of a used code.
    NotEvaluated,
    Refused,
    Contended,
}

impl Outcome {
    fn is_yes(&self) -> bool {
        matches!(self, Outcome::Accepted { .. } | Outcome::Bound { .. } | Outcome::Done)
    }
}

/// A record as the cell keeps it.
type Stored = Option<(u64, Vec<u8>)>;

fn record(stored: &Stored) -> Option<Record> {
    stored.as_ref().map(|(version, bytes)| Record::new(*version, bytes.clone()))
}

/// What an attempt decided on what it loaded.
enum Decision {
    Answer(Outcome),
    Write { expected: Option<u64>, next: Stored, settle: Box<dyn FnOnce(Swap) -> Option<Outcome>> },
}

/// One attempt, to be decided on whatever it loads.
struct Attempt<'m> {
    name: &'static str,
    decide: Box<dyn Fn(Option<Record>) -> Decision + 'm>,
}

/// An operation of the library's, attempt or change: a decision is all that is taken of it.
trait Operates<T> {
    fn decide(&self, loaded: Option<Record>, operator: Option<Record>) -> Decided<T>;
}

impl<T> Operates<Verdict<T>> for mfa::Attempt<'_, T> {
    fn decide(&self, loaded: Option<Record>, operator: Option<Record>) -> Decided<Verdict<T>> {
        self.operation().decide(loaded, operator).unwrap()
    }
}

impl<T, A> Operates<Answered<T>> for mfa::Change<'_, T, A> {
    fn decide(&self, loaded: Option<Record>, operator: Option<Record>) -> Decided<Answered<T>> {
        self.operation().decide(loaded, operator).unwrap()
    }
}

/// What a change answers.
type Answered<T> = Result<Changed<T>, Refusal>;

/// An attempt from an operation. `operator` is the operator's record, if it takes one.
fn attempt<'m, T: 'static>(
    name: &'static str,
    op: impl Operates<T> + 'm,
    operator: Option<Record>,
    read: impl Fn(T, Option<u64>) -> Outcome + Copy + 'static,
) -> Attempt<'m> {
    let decide = move |loaded: Option<Record>| match op.decide(loaded, operator.clone()) {
        Decided::Answer { answer, .. } => {
            let outcome = read(answer, None);
            assert!(!outcome.is_yes(), "{name}: a yes that was not written");
            Decision::Answer(outcome)
        }
        Decided::Write(prepared) => {
            let write = prepared.write();
            let moving_factor = write.events().iter().find_map(|event| match event.kind {
                EventKind::Accepted { moving_factor, .. } => moving_factor,
                _ => None,
            });
            let next = Some((write.record().version(), write.record().as_bytes().to_vec()));
            let expected = write.expected();
            let settle = Box::new(move |swap| {
                prepared.release(swap).map(|answer| read(answer, moving_factor))
            });
            Decision::Write { expected, next, settle }
        }
    };
    Attempt { name, decide: Box::new(decide) }
}

fn verdict(verdict: Verdict<Proof<SignIn>>, moving_factor: Option<u64>) -> Outcome {
    match verdict {
        Verdict::Accepted(proof) => Outcome::Accepted { device: proof.device(), moving_factor },
        Verdict::Rejected { .. } => Outcome::Rejected,
        _ => Outcome::NotEvaluated,
    }
}

fn entered(verdict: Verdict<Entered>, _: Option<u64>) -> Outcome {
    match verdict {
        Verdict::Accepted(_) => Outcome::Done,
        _ => Outcome::NotEvaluated, // what a failure is counted on does not show in the summary
    }
}

fn taught(verdict: Verdict<Resynchronised>, _: Option<u64>) -> Outcome {
    match verdict {
        Verdict::Accepted(_) => Outcome::Done,
        Verdict::Rejected { .. } => Outcome::Rejected,
        _ => Outcome::NotEvaluated,
    }
}

fn bound(verdict: Verdict<Confirmed>, _: Option<u64>) -> Outcome {
    match verdict {
        Verdict::Accepted(bound) => Outcome::Bound {
            device: bound.device(),
            recovery_codes: bound.recovery_codes().map_or(0, |codes| codes.len()),
        },
        Verdict::Rejected { .. } => Outcome::Rejected,
        _ => Outcome::NotEvaluated,
    }
}

fn change<T>(change: Answered<T>, _: Option<u64>) -> Outcome {
    match change {
        Ok(_) => Outcome::Done,
        Err(_) => Outcome::Refused,
    }
}

// Where the record is kept.

/// A cell that attempts load from and swap into. `by` is the number of the attempt.
trait Cell: Clone + Ord + Debug {
    fn new(stored: Stored) -> Self;
    fn stored(&self) -> &Stored;
    fn load(&mut self, by: usize) -> Stored;
    fn swap(&mut self, by: usize, expected: Option<u64>, next: Stored) -> Swap;
}

/// What the contract asks for.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Sound(Stored);

impl Cell for Sound {
    fn new(stored: Stored) -> Sound {
        Sound(stored)
    }

    fn stored(&self) -> &Stored {
        &self.0
    }

    fn load(&mut self, _: usize) -> Stored {
        self.0.clone()
    }

    fn swap(&mut self, _: usize, expected: Option<u64>, next: Stored) -> Swap {
        if self.0.as_ref().map(|(version, _)| *version) != expected {
            return Swap::Stale;
        }
        self.0 = next;
        Swap::Stored
    }
}

/// Writes whatever the version: `UPDATE .. WHERE id = ..`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Unconditional(Stored);

impl Cell for Unconditional {
    fn new(stored: Stored) -> Unconditional {
        Unconditional(stored)
    }

    fn stored(&self) -> &Stored {
        &self.0
    }

    fn load(&mut self, _: usize) -> Stored {
        self.0.clone()
    }

    fn swap(&mut self, _: usize, _: Option<u64>, next: Stored) -> Swap {
        self.0 = next;
        Swap::Stored
    }
}

/// Says that it wrote when somebody else was first: a swallowed error.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct AlwaysStored(Stored);

impl Cell for AlwaysStored {
    fn new(stored: Stored) -> AlwaysStored {
        AlwaysStored(stored)
    }

    fn stored(&self) -> &Stored {
        &self.0
    }

    fn load(&mut self, _: usize) -> Stored {
        self.0.clone()
    }

    fn swap(&mut self, _: usize, expected: Option<u64>, next: Stored) -> Swap {
        if self.0.as_ref().map(|(version, _)| *version) == expected {
            self.0 = next;
        }
        Swap::Stored
    }
}

/// Reads and compares in the snapshot in which the attempt began (GHSA-qq2p-4282-cfc5).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Snapshot {
    stored: Stored,
    snapshots: BTreeMap<usize, Stored>,
}

impl Cell for Snapshot {
    fn new(stored: Stored) -> Snapshot {
        Snapshot { stored, snapshots: BTreeMap::new() }
    }

    fn stored(&self) -> &Stored {
        &self.stored
    }

    fn load(&mut self, by: usize) -> Stored {
        self.snapshots.entry(by).or_insert_with(|| self.stored.clone()).clone()
    }

    fn swap(&mut self, by: usize, expected: Option<u64>, next: Stored) -> Swap {
        if self.load(by).map(|(version, _)| version) != expected {
            return Swap::Stale;
        }
        self.snapshots.insert(by, next.clone());
        self.stored = next;
        Swap::Stored
    }
}

/// Says that it wrote before the write is visible: the newest write is seen with the next one.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct WriteBehind {
    visible: Stored,
    written: Stored,
}

impl Cell for WriteBehind {
    fn new(stored: Stored) -> WriteBehind {
        WriteBehind { visible: stored.clone(), written: stored }
    }

    fn stored(&self) -> &Stored {
        &self.written
    }

    fn load(&mut self, _: usize) -> Stored {
        self.visible.clone()
    }

    fn swap(&mut self, _: usize, expected: Option<u64>, next: Stored) -> Swap {
        if self.visible.as_ref().map(|(version, _)| *version) != expected {
            return Swap::Stale;
        }
        self.visible = std::mem::replace(&mut self.written, next);
        Swap::Stored
    }
}

/// One record to read.
struct ReadOnly(Option<Record>);

impl Store for ReadOnly {
    type Error = std::convert::Infallible;

    fn load(&self, _: &AccountId) -> Result<Option<Record>, Self::Error> {
        Ok(self.0.clone())
    }

    fn swap(&self, _: &AccountId, _: &Write<'_>) -> Result<Swap, Self::Error> {
        panic!("a summary writes nothing")
    }
}

// The enumeration.

/// Where an attempt stands.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Phase {
    ToLoad { tries: usize },
    ToSwap { tries: usize, loaded: Stored },
    Answered(Outcome),
}

/// Where everything stands. Two orders that lead to the same place continue alike.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Place<C> {
    cell: C,
    phases: Vec<Phase>,
    /// Every acceptance so far, in the order of the commits.
    accepted: Vec<(Option<DeviceId>, Option<u64>)>,
}

/// What an exploration came to.
#[derive(Debug)]
struct Explored {
    /// Different orders of steps, retries included.
    orders: u64,
    /// The different ways in which it can end.
    endings: BTreeMap<Vec<Outcome>, u64>,
}

struct Explorer<'a, 'm, C> {
    attempts: &'a [Attempt<'m>],
    scene: &'a Scene<'m>,
    seen: BTreeMap<Place<C>, BTreeMap<Vec<Outcome>, u64>>,
}

/// Tries every order.
///
/// # Errors
/// The first violation, with the steps that lead to it.
fn explore<'m, C: Cell>(scene: &Scene<'m>, attempts: &[Attempt<'m>]) -> Result<Explored, String> {
    let mut explorer = Explorer::<C> { attempts, scene, seen: BTreeMap::new() };
    let place = Place {
        cell: C::new(scene.start.clone()),
        phases: vec![Phase::ToLoad { tries: 0 }; attempts.len()],
        accepted: Vec::new(),
    };
    let endings = explorer.endings(&place, &mut Vec::new())?;
    Ok(Explored { orders: endings.values().sum(), endings })
}

impl<C: Cell> Explorer<'_, '_, C> {
    /// The ways to end from `place`, each with the number of orders that lead there.
    fn endings(
        &mut self,
        place: &Place<C>,
        path: &mut Vec<String>,
    ) -> Result<BTreeMap<Vec<Outcome>, u64>, String> {
        if let Some(endings) = self.seen.get(place) {
            return Ok(endings.clone());
        }
        let mut endings = BTreeMap::new();
        for at in 0..place.phases.len() {
            if matches!(place.phases[at], Phase::Answered(_)) {
                continue;
            }
            let mut next = place.clone();
            let step = self.step(&mut next, at);
            path.push(format!("{} {}", self.attempts[at].name, step.0));
            step.1.map_err(|violation| format!("{violation}\n  after: {}", path.join(", ")))?;
            for (ending, orders) in self.endings(&next, path)? {
                *endings.entry(ending).or_default() += orders;
            }
            path.pop();
        }
        if endings.is_empty() {
            let all = place.phases.iter().map(|phase| match phase {
                Phase::Answered(outcome) => outcome.clone(),
                _ => panic!("somebody could have gone on"),
            });
            self.scene
                .probe(place.cell.stored(), &place.accepted)
                .map_err(|violation| format!("{violation}\n  after: {}", path.join(", ")))?;
            endings.insert(all.collect(), 1);
        }
        self.seen.insert(place.clone(), endings.clone());
        Ok(endings)
    }

    /// One atomic step of attempt `at`: its load, or its swap.
    fn step(&self, place: &mut Place<C>, at: usize) -> (&'static str, Result<(), String>) {
        let decide = &self.attempts[at].decide;
        match place.phases[at].clone() {
            Phase::ToLoad { tries } => {
                let loaded = place.cell.load(at);
                place.phases[at] = match decide(record(&loaded)) {
                    Decision::Answer(outcome) => Phase::Answered(outcome),
                    Decision::Write { .. } => Phase::ToSwap { tries: tries + 1, loaded },
                };
                ("loads", Ok(()))
            }
            Phase::ToSwap { tries, loaded } => {
                // The decision is pure: made again, it is the one that was made at the load.
                let Decision::Write { expected, next, settle } = decide(record(&loaded)) else {
                    return ("swaps", Err("one record, two decisions".into()));
                };
                let before = place.cell.stored().clone();
                let swap = place.cell.swap(at, expected, next);
                let Some(outcome) = settle(swap) else {
                    place.phases[at] = match tries < MAX_TRIES {
                        true => Phase::ToLoad { tries },
                        false => Phase::Answered(Outcome::Contended),
                    };
                    return ("swaps too late", Ok(()));
                };
                let held = self.scene.holds(&before, place, &outcome);
                if let Outcome::Accepted { device, moving_factor } = &outcome {
                    place.accepted.push((*device, *moving_factor));
                }
                place.phases[at] = Phase::Answered(outcome);
                ("swaps", held)
            }
            Phase::Answered(_) => panic!("nothing left to do"),
        }
    }
}

// The invariants.

type Probe<'m> = Box<dyn Fn() -> Attempt<'m> + 'm>;

/// Where a scenario begins, and what is tried when it is over.
struct Scene<'m> {
    mfa: &'m Mfa<Keyring, Few>,
    id: AccountId,
    start: Stored,
    /// Attempts that must not be accepted at the end, if one of the same was accepted before.
    spent: Vec<Probe<'m>>,
}

impl Scene<'_> {
    fn summary(&self, stored: &Stored) -> Summary {
        let summary = self.mfa.account(&self.id).at(NOW).summary();
        summary.run(&ReadOnly(record(stored))).unwrap().unwrap_or_default()
    }

    /// What has to be true of an answer that leaves after its write.
    fn holds<C: Cell>(
        &self,
        before: &Stored,
        place: &Place<C>,
        outcome: &Outcome,
    ) -> Result<(), String> {
        let after = place.cell.stored();
        let (was, is) = (self.summary(before), self.summary(after));
        if was.offboarded_at.is_some() && (outcome.is_yes() || is.offboarded_at.is_none()) {
            return Err("6: something was accepted of somebody who had been offboarded".into());
        }
        if let Outcome::Accepted { device, moving_factor } = outcome {
            let in_use = |device: DeviceId| was.confirmed().any(|known| known.id == device);
            if device.is_some_and(|device| !in_use(device)) {
                return Err("6: a device was accepted that was no longer in use".into());
            }
            let older = place.accepted.iter().filter(|(by, _)| by == device);
            if moving_factor.is_some() && older.max().is_some_and(|(_, last)| last >= moving_factor)
            {
                return Err("1: a moving factor was accepted at or below an accepted one".into());
            }
        }
        let version = |stored: &Stored| stored.as_ref().map_or(0, |(version, _)| *version);
        if version(after) != version(before) + 1 {
            return Err("2: an answer left that was not paid for with a write of its own".into());
        }
        if matches!(outcome, Outcome::Rejected) && !counted(&was, &is) {
            return Err("2: a rejected attempt was not counted".into());
        }
        if is.epoch < was.epoch {
            return Err("5: the epoch went down".into());
        }
        Ok(())
    }

    /// What has to be true when everybody has an answer: nothing that is spent is accepted.
    fn probe(
        &self,
        stored: &Stored,
        accepted: &[(Option<DeviceId>, Option<u64>)],
    ) -> Result<(), String> {
        let summary = self.summary(stored);
        for probe in &self.spent {
            let attempt = probe();
            let Decision::Write { settle, .. } = (attempt.decide)(record(stored)) else { continue };
            let outcome = settle(Swap::Stored).unwrap();
            let spent = match &outcome {
                Outcome::Accepted { device, moving_factor } => {
                    accepted.contains(&(*device, *moving_factor))
                }
                _ => false,
            };
            if spent {
                return Err(format!("1: {} is accepted once more at the end", attempt.name));
            }
            if summary.offboarded_at.is_some() && outcome.is_yes() {
                return Err(format!("6: {} works after the offboarding", attempt.name));
            }
        }
        Ok(())
    }
}

/// A failure shows in the summary: one more in a row, or a class that ended.
fn counted(was: &Summary, is: &Summary) -> bool {
    let classes = |summary: &Summary| [summary.codes, summary.out_of_band];
    let mut both = classes(was).into_iter().zip(classes(is));
    both.any(|(was, is)| is.consecutive_failures > was.consecutive_failures)
}

// The scenarios.

/// Two failures are free.
#[derive(Debug)]
struct Few;

impl Policy for Few {
    fn throttle(&self, _: Class) -> Throttle {
        Throttle { free: Bounded::of::<2>(), ..Throttle::RECOMMENDED }
    }

    fn recovery_codes(&self) -> Bounded<1, 16> {
        Bounded::of::<2>()
    }

    fn trusted_browsers(&self, _: &AccountId) -> Option<Bounded<3600, 2_592_000>> {
        Some(Bounded::of::<86_400>())
    }

    fn clock_reach(&self) -> Bounded<0, 3600> {
        Bounded::of::<600>()
    }
}

/// The moment of the attempts, and what came before.
const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const BEFORE: UnixTime = UnixTime::from_secs(1_800_000_000 - 240);

/// A person in memory, and what they know.
struct Stage {
    mfa: Mfa<Keyring, Few>,
    store: MemoryStore,
    draws: std::cell::Cell<u64>,
    id: AccountId,
    operator: AccountId,
    authenticators: BTreeMap<DeviceId, Totp>,
    recovery_codes: Vec<String>,
}

impl Stage {
    fn empty() -> Stage {
        Stage {
            mfa: Mfa::with_policy(keyring(7), Few).unwrap(),
            store: MemoryStore::new(),
            draws: std::cell::Cell::new(0),
            id: AccountId::new("person").unwrap(),
            operator: AccountId::new("operator").unwrap(),
            authenticators: BTreeMap::new(),
            recovery_codes: Vec::new(),
        }
    }

    /// A generator of its own for every draw.
    fn rng(&self) -> StdRng {
        self.draws.set(self.draws.get() + 1);
        StdRng::seed_from_u64(self.draws.get())
    }

    /// A person with an app, confirmed a while ago.
    fn enrolled() -> (Stage, DeviceId) {
        let mut stage = Stage::empty();
        let id = stage.id;
        let device = stage.bind_app(&id, None);
        (stage, device)
    }

    fn bind_app(&mut self, id: &AccountId, proof: Option<Proof<ChangeFactors>>) -> DeviceId {
        let mut op = self.mfa.account(id).at(BEFORE).enrol("app", &mut self.rng());
        if let Some(proof) = proof {
            op = op.proven_by(proof);
        }
        let pending = op.run(&self.store).unwrap();
        let totp = authenticator(&pending);
        let code = totp.generate(BEFORE).unwrap();
        let op = self.mfa.account(id).at(BEFORE).confirm(
            pending.id(),
            code.expose_str(),
            &mut self.rng(),
        );
        let bound = op.run(&self.store).accepted().unwrap();
        if let Some(codes) = bound.recovery_codes() {
            self.recovery_codes = codes.iter().map(|code| code.expose_text().to_string()).collect();
        }
        self.authenticators.insert(bound.device(), totp);
        bound.device()
    }

    fn code(&self, device: DeviceId, secs: i64) -> String {
        let at = UnixTime::from_secs(NOW.as_secs().saturating_add_signed(secs));
        self.authenticators[&device].generate(at).unwrap().expose_str().to_owned()
    }

    /// A proof of `device`, by the code of `secs` before the attempts.
    fn proof(&self, device: DeviceId, secs: u64) -> Proof<ChangeFactors> {
        let at = UnixTime::from_secs(NOW.as_secs() - secs);
        let code = self.authenticators[&device].generate(at).unwrap();
        let op = self.mfa.account(&self.id).at(at).verify(code.expose_str(), ChangeFactors);
        op.run(&self.store).accepted().unwrap()
    }

    /// A proof of an operator, and the operator's record.
    fn operator_proof(&mut self) -> (Proof<ActForOther>, Option<Record>) {
        self.operator_proof_before(60)
    }

    /// Of a code from so many seconds ago.
    fn operator_proof_before(&mut self, secs: u64) -> (Proof<ActForOther>, Option<Record>) {
        let operator = self.operator;
        let known = self.mfa.account(&operator).at(NOW).summary().run(&self.store).unwrap();
        let device = match known.map(|summary| summary.devices[0].id) {
            Some(device) => device,
            None => self.bind_app(&operator, None),
        };
        let at = UnixTime::from_secs(NOW.as_secs() - secs);
        let code = self.authenticators[&device].generate(at).unwrap();
        let op = self.mfa.account(&operator).at(at).verify(code.expose_str(), ActForOther);
        let proof = op.run(&self.store).accepted().unwrap();
        (proof, self.store_of(&operator))
    }

    fn store_of(&self, id: &AccountId) -> Option<Record> {
        Store::load(&self.store, id).unwrap()
    }

    fn scene<'m>(&'m self, spent: Vec<Probe<'m>>) -> Scene<'m> {
        let record = self.store_of(&self.id);
        let start = record.map(|record| (record.version(), record.as_bytes().to_vec()));
        Scene { mfa: &self.mfa, id: self.id, start, spent }
    }

    fn verify<'m>(&'m self, name: &'static str, code: &str) -> Attempt<'m> {
        attempt(name, self.mfa.account(&self.id).at(NOW).verify(code, SignIn), None, verdict)
    }

    fn probe<'m>(&'m self, name: &'static str, code: &str) -> Probe<'m> {
        let code = code.to_owned();
        Box::new(move || self.verify(name, &code))
    }

    fn recover<'m>(&'m self, name: &'static str, code: &str) -> Attempt<'m> {
        attempt(name, self.mfa.account(&self.id).at(NOW).recover(code, SignIn), None, verdict)
    }

    fn offboard(&self) -> Attempt<'_> {
        let op = self.mfa.account(&self.id).at(NOW).offboard(HostsWord::Process, "left");
        attempt("offboard", op, None, change)
    }
}

fn authenticator(pending: &PendingEnrolment) -> Totp {
    let uri = pending.uri("Acme", "person").unwrap();
    Totp::new(uri.secret(), uri.totp_parameters().unwrap())
}

fn yeses(ending: &[Outcome]) -> usize {
    ending.iter().filter(|outcome| outcome.is_yes()).count()
}

fn count(ending: &[Outcome], wanted: &Outcome) -> usize {
    ending.iter().filter(|outcome| *outcome == wanted).count()
}

/// Explores, and asserts the number of orders.
fn all_orders<'m>(scene: &Scene<'m>, attempts: &[Attempt<'m>], orders: u64) -> Explored {
    let explored = explore::<Sound>(scene, attempts).unwrap_or_else(|found| panic!("{found}"));
    for ending in explored.endings.keys() {
        assert_eq!(count(ending, &Outcome::Contended), 0, "four attempts never contend");
    }
    assert_eq!(explored.orders, orders, "the enumeration has another size than it had");
    explored
}

#[test]
fn one_code_is_accepted_once_by_two_three_and_four() {
    let (stage, device) = Stage::enrolled();
    let code = stage.code(device, 0);
    for (attempts, orders) in [(2, 6), (3, 150), (4, 11_112)] {
        let scene = stage.scene(vec![stage.probe("verify", &code)]);
        let attempts: Vec<_> = (0..attempts).map(|_| stage.verify("verify", &code)).collect();
        let explored = all_orders(&scene, &attempts, orders);
        for ending in explored.endings.keys() {
            assert_eq!(yeses(ending), 1, "{ending:?}");
        }
    }
}

#[test]
fn different_codes_are_accepted_in_their_order_only() {
    let (stage, device) = Stage::enrolled();
    let codes = [-30, 0, 30].map(|secs| stage.code(device, secs));
    let [older, present, newer] = &codes;
    let scene = stage.scene(codes.iter().map(|code| stage.probe("again", code)).collect());
    let attempts = [
        stage.verify("older", older),
        stage.verify("present", present),
        stage.verify("present again", present),
        stage.verify("newer", newer),
    ];
    let explored = all_orders(&scene, &attempts, 497_048);
    // All three, if they come in their order; the newest alone, if it comes first.
    let most = explored.endings.keys().map(|ending| yeses(ending)).max();
    let least = explored.endings.keys().map(|ending| yeses(ending)).min();
    assert_eq!((least, most), (Some(1), Some(3)));
    for ending in explored.endings.keys() {
        assert!(!(ending[1].is_yes() && ending[2].is_yes()), "{ending:?}");
    }
}

#[test]
fn wrong_codes_are_evaluated_as_often_as_the_schedule_allows() {
    let (stage, device) = Stage::enrolled();
    let right = stage.code(device, 0);
    let wrong = if right == "000000" { "111111" } else { "000000" };
    let scene = stage.scene(vec![]);
    let attempts = [0; 4].map(|_| stage.verify("wrong", wrong));
    // Two are free, the third is answered and has to wait: a fourth is never evaluated.
    for ending in all_orders(&scene, &attempts, 1_033_272).endings.keys() {
        assert_eq!(count(ending, &Outcome::Rejected), 3, "{ending:?}");
        assert_eq!(count(ending, &Outcome::NotEvaluated), 1, "{ending:?}");
    }
    // A right one among them does not buy the others more than one round.
    let attempts = [
        stage.verify("wrong", wrong),
        stage.verify("wrong", wrong),
        stage.verify("wrong", wrong),
        stage.verify("right", &right),
    ];
    for ending in all_orders(&scene, &attempts, 1_033_272).endings.keys() {
        assert_eq!(count(ending, &Outcome::Rejected), 3, "{ending:?}");
    }
}

/// A sweep meets sign-ins: one acceptance, in every order, no failure lost, and the record moved once.
#[test]
fn a_sweep_takes_nothing_from_a_sign_in() {
    let (mut stage, device) = Stage::enrolled();
    let keys = keyring(8).opening_older(sealing_key(7));
    stage.mfa = Mfa::with_policy(keys, Few).unwrap();
    let code = stage.code(device, 0);
    let wrong = if code == "000000" { "111111" } else { "000000" };
    let scene = stage.scene(vec![stage.probe("verify", &code)]);
    let reseal = || {
        let op = stage.mfa.account(&stage.id).at(NOW).reseal();
        attempt("reseal", op, None, |change: Answered<bool>, _| match *change.unwrap() {
            true => Outcome::Done,
            false => Outcome::NotEvaluated,
        })
    };
    let attempts = [reseal(), stage.verify("right", &code), stage.verify("wrong", wrong), reseal()];
    let explored = all_orders(&scene, &attempts, 60_004);
    let mut moved = Vec::new();
    for ending in explored.endings.keys() {
        assert!(matches!(ending[1], Outcome::Accepted { .. }), "{ending:?}");
        assert_eq!(ending[2], Outcome::Rejected, "{ending:?}");
        moved.push(count(ending, &Outcome::Done)); // none, if a sign-in moved it first
    }
    moved.sort_unstable();
    moved.dedup();
    assert_eq!(moved, [0, 1]);
}

/// Two visits with one token: both are in, with the same successor; a third, with that successor, leaves
/// them behind, and whoever comes later still with the old one is a thief.
///
/// Guards `Trusted::show`, and that its token is made of nothing but the record.
#[test]
fn visits_at_once_get_the_same_successor() {
    let (stage, device) = Stage::enrolled();
    let at = |secs| stage.mfa.account(&stage.id).at(UnixTime::from_secs(NOW.as_secs() - secs));
    let code = stage.code(device, -120);
    let proof = at(120).verify(&code, SignIn).run(&stage.store).accepted().unwrap();
    let first = at(120).trust_browser(&proof, &mut stage.rng()).run(&stage.store).unwrap();
    let made = std::rc::Rc::new(std::cell::RefCell::new(std::collections::BTreeSet::new()));
    let visit = |token: &str| {
        let (made, op) = (made.clone(), at(0).visit(token));
        let decide = move |loaded: Option<Record>| match op.decide(loaded, None) {
            Decided::Answer { answer, .. } => {
                assert!(answer.accepted().is_none(), "a yes that was not written");
                Decision::Answer(Outcome::NotEvaluated)
            }
            Decided::Write(prepared) => {
                let write = prepared.write();
                let next = Some((write.record().version(), write.record().as_bytes().to_vec()));
                let (expected, made) = (write.expected(), made.clone());
                let settle = Box::new(move |swap| {
                    let answer = prepared.release(swap)?.accepted();
                    let Some((_, next)) = answer else { return Some(Outcome::Refused) };
                    made.borrow_mut().insert(next.expose_token().to_owned());
                    Some(Outcome::Accepted { device: None, moving_factor: None })
                });
                Decision::Write { expected, next, settle }
            }
        };
        Attempt { name: "visit", decide: Box::new(decide) }
    };
    let scene = stage.scene(vec![]);
    let two = [visit(first.expose_token()), visit(first.expose_token())];
    let explored = all_orders(&scene, &two, 6);
    for ending in explored.endings.keys() {
        assert_eq!(yeses(ending), 2, "{ending:?}");
    }
    assert_eq!(made.borrow().len(), 1, "one successor");
    // With the successor beside them: it is one step further, and they may come too late.
    let again = at(0).visit(first.expose_token()).run(&stage.store).accepted().unwrap().1;
    assert!(made.borrow().contains(again.expose_token()));
    let scene = stage.scene(vec![]);
    let three =
        [visit(first.expose_token()), visit(first.expose_token()), visit(again.expose_token())];
    let mut ended = 0;
    for ending in all_orders(&scene, &three, 498).endings.keys() {
        assert!(yeses(&ending[..2]) + count(ending, &Outcome::Refused) >= 1, "{ending:?}");
        ended += usize::from(count(ending, &Outcome::Refused) > 0);
    }
    assert!(ended > 0, "reuse after the successor is theft");
    // And nothing after an offboarding.
    let four = [visit(first.expose_token()), visit(first.expose_token()), stage.offboard()];
    let explored = all_orders(&scene, &four, 382);
    assert!(explored.endings.keys().all(|ending| ending[2].is_yes()));
}

#[test]
fn nothing_is_accepted_after_an_offboarding() {
    let (stage, device) = Stage::enrolled();
    let proof = stage.proof(device, 60);
    let (mfa, id) = (&stage.mfa, stage.id);
    let mut op = mfa.account(&id).at(NOW).enrol("second", &mut stage.rng()).proven_by(proof);
    let pending = op.run(&stage.store).unwrap();
    let second = authenticator(&pending).generate(NOW).unwrap();
    let confirm =
        mfa.account(&id).at(NOW).confirm(pending.id(), second.expose_str(), &mut stage.rng());
    let confirm = attempt("confirm", confirm, None, bound);
    let code = stage.code(device, 0);
    let probes: Vec<Probe<'_>> = vec![
        stage.probe("verify", &code),
        stage.probe("verify the next", &stage.code(device, 30)),
        Box::new(|| stage.recover("recover", &stage.recovery_codes[1])),
    ];
    let scene = stage.scene(probes);
    let attempts = [
        stage.offboard(),
        stage.verify("verify", &code),
        confirm,
        stage.recover("recover", &stage.recovery_codes[0]),
    ];
    let explored = all_orders(&scene, &attempts, 597_132);
    for ending in explored.endings.keys() {
        assert_eq!(ending[0], Outcome::Done, "an offboarding gets through: {ending:?}");
    }
    let none = vec![Outcome::Done, Outcome::Rejected, Outcome::Rejected, Outcome::Rejected];
    assert!(explored.endings.contains_key(&none), "the offboarding was first");
}

#[test]
fn nothing_begins_after_an_id_is_barred() {
    // Nobody yet: the tombstone comes first, or the enrolment does.
    let stage = Stage::empty();
    let (mfa, id) = (&stage.mfa, stage.id);
    let enrol = mfa.account(&id).at(NOW).enrol("app", &mut stage.rng());
    let passkey = mfa.account(&id).at(NOW).bind_external(
        "passkey",
        ExternalMethod::Passkey,
        &mut stage.rng(),
    );
    let again = mfa.account(&id).at(NOW).enrol_hotp("token", Digits::Six, &mut stage.rng());
    let scene = stage.scene(vec![]);
    let bar = mfa.account(&id).at(NOW).bar(HostsWord::Process, "left");
    let attempts = [
        attempt("bar", bar, None, change),
        attempt("enrol", enrol, None, change),
        attempt("bind a passkey", passkey, None, change),
        attempt("enrol a token", again, None, change),
    ];
    let explored = all_orders(&scene, &attempts, 51_268);
    let none = vec![Outcome::Done, Outcome::Refused, Outcome::Refused, Outcome::Refused];
    assert!(explored.endings.contains_key(&none), "the bar was first");
}

#[test]
fn a_device_is_revoked_lost_or_replaced_against_its_own_codes() {
    let (mut stage, device) = Stage::enrolled();
    let id = stage.id;
    let proof = stage.proof(device, 180);
    let second = stage.bind_app(&id, Some(proof));
    let codes = [0, 30].map(|secs| stage.code(device, secs));
    let by_second = stage.code(second, 0);

    let revoke = stage.mfa.account(&id).at(NOW).revoke(device, stage.proof(second, 120));
    let lost = stage.mfa.account(&id).at(NOW).report_lost(device, stage.proof(second, 60));
    let scene = stage.scene(vec![stage.probe("again", &codes[0])]);
    let attempts = [
        attempt("revoke", revoke, None, change),
        attempt("report lost", lost, None, change),
        stage.verify("its code", &codes[0]),
        stage.verify("the other's code", &by_second),
    ];
    let explored = all_orders(&scene, &attempts, 391_484);
    for ending in explored.endings.keys() {
        // The first of the two changes kills the proof of the second one.
        assert_eq!(count(&ending[..2], &Outcome::Done), 1, "{ending:?}");
        assert!(ending[3].is_yes(), "the other device is nobody's business: {ending:?}");
    }

    let mut replace = stage.mfa.account(&id).at(NOW).replace(
        device,
        "new",
        stage.proof(second, 30),
        &mut stage.rng(),
    );
    let pending = replace.run(&stage.store).unwrap();
    let code = authenticator(&pending).generate(NOW).unwrap();
    let confirm = |name| {
        let op = stage.mfa.account(&id).at(NOW).confirm(
            pending.id(),
            code.expose_str(),
            &mut stage.rng(),
        );
        attempt(name, op, None, bound)
    };
    let attempts = [
        confirm("confirm the new"),
        confirm("confirm it again"),
        stage.verify("the old", &codes[0]),
        stage.verify("the old, next", &codes[1]),
    ];
    let scene = stage.scene(codes.iter().map(|code| stage.probe("the old", code)).collect());
    for ending in all_orders(&scene, &attempts, 391_484).endings.keys() {
        let bound = |outcome: &&Outcome| matches!(outcome, Outcome::Bound { .. });
        assert_eq!(ending.iter().filter(bound).count(), 1, "{ending:?}");
    }
}

/// The second page is sent by several tabs at once: one change is made. Starting an enrolment and unlocking
/// leave the epoch, so only the number of the proof keeps the second one out.
///
/// Guards `use_up` in `AccountAt::change`.
#[test]
fn a_carried_proof_allows_one_of_several_changes_at_once() {
    let (mut stage, device) = Stage::enrolled();
    let printed = stage.recovery_codes.clone(); // the operator has others
    let operator = stage.operator_proof();
    let (mfa, id) = (&stage.mfa, stage.id);
    let right = stage.code(device, 0);
    let wrong = if right == "000000" { "111111" } else { "000000" };
    let at = mfa.account(&id).at(NOW);
    let missed = at.verify(wrong, SignIn).run(&stage.store); // a failure to forgive
    assert!(matches!(missed, Verdict::Rejected { .. }));
    let proof = at.recover(&printed[0], ChangeFactors).run(&stage.store);
    let carried = at.carry(proof.accepted().unwrap(), "session", &mut stage.rng()).unwrap();
    let back = || CarriedProof::new(carried.expose_text(), "session");
    let enrol = at.enrol("app", &mut stage.rng()).proven_by(back());
    let renew = at.regenerate_recovery_codes(back(), &mut stage.rng());
    let attempts = [
        attempt("enrol", enrol, None, change),
        attempt("unlock", at.unlock(back()), None, change),
        attempt("renew", renew, None, change),
        stage.verify("a code", &right),
    ];
    let scene = stage.scene(vec![stage.probe("again", &right)]);
    let explored = all_orders(&scene, &attempts, 97_134);
    for ending in explored.endings.keys() {
        assert_eq!(count(&ending[..3], &Outcome::Done), 1, "{ending:?}");
        assert!(ending[3].is_yes(), "the owner gets in: {ending:?}");
    }
    assert_eq!(explored.endings.len(), 3, "each of the three can be the one");

    // An operator's, in the record of the person.
    let unlock = AnyChange::Unlock;
    let carried = at.carry_for_other(operator.0, unlock, "session", &mut stage.rng()).unwrap();
    let unlock = |name| {
        let carried = CarriedProof::new(carried.expose_text(), "session");
        let lee = Operator::carried_checked_by_host(carried, "role help-desk");
        attempt(name, at.unlock(lee), operator.1.clone(), change)
    };
    let attempts = [
        unlock("unlock"),
        unlock("unlock again"),
        stage.verify("wrong", wrong),
        stage.verify("wrong", wrong),
    ];
    let explored = all_orders(&stage.scene(vec![]), &attempts, 391_484);
    for ending in explored.endings.keys() {
        assert_eq!(count(&ending[..2], &Outcome::Done), 1, "{ending:?}");
    }
}

#[test]
fn an_operator_resets_and_resynchronisation_burns() {
    let (mut stage, device) = Stage::enrolled();
    let id = stage.id;
    let (proof, operator) = stage.operator_proof();
    let reset = stage.mfa.account(&id).at(NOW).reset(
        Operator::checked_by_host(proof, "help desk"),
        PassLength::Long,
        "phone stolen",
        &mut StdRng::seed_from_u64(9),
    );
    let codes = [300, 330].map(|secs| stage.code(device, secs));
    let pair = [codes[0].as_str(), codes[1].as_str()];
    let resynchronise = |name| {
        let op = stage.mfa.account(&id).at(NOW).resynchronise(device, pair);
        attempt(name, op, None, taught)
    };
    let again: Probe<'_> = Box::new(|| resynchronise("resynchronise"));
    let scene = stage.scene(vec![again, stage.probe("verify", &stage.code(device, 0))]);
    let attempts = [
        attempt("reset", reset, operator, change),
        resynchronise("resynchronise"),
        resynchronise("resynchronise again"),
        stage.verify("verify", &stage.code(device, 0)),
    ];
    let explored = all_orders(&scene, &attempts, 497_048);
    for ending in explored.endings.keys() {
        assert_eq!(ending[0], Outcome::Done);
        assert!(!(ending[1].is_yes() && ending[2].is_yes()), "{ending:?}");
    }
}

/// F-04: an emergency pass signs in once, however many requests carry it at one time; and a stranger's
/// guesses beside it neither use it up nor get in.
#[test]
fn an_emergency_pass_signs_in_once() {
    let (mut stage, _) = Stage::enrolled();
    let id = stage.id;
    let (proof, _) = stage.operator_proof();
    let by = Operator::checked_by_host(proof, "help desk");
    let mut grant = stage.mfa.account(&id).at(NOW).grant_emergency_access(
        by,
        PassLength::Short,
        600,
        "phone at home",
        &mut stage.rng(),
    );
    let pass = grant.run(&stage.store).unwrap().expose_text();
    let guess = if pass.starts_with('0') { "1111-1111" } else { "0000-0000" };
    let enter =
        |name, text| attempt(name, stage.mfa.account(&id).at(NOW).enter_pass(text), None, entered);
    let again: Probe<'_> = Box::new(|| enter("afterwards", &pass));
    let scene = stage.scene(vec![again]);
    let attempts = [
        enter("enter", &pass),
        enter("enter again", &pass),
        enter("and again", &pass),
        enter("guess", guess),
    ];
    for ending in all_orders(&scene, &attempts, 86_052).endings.keys() {
        assert_eq!(yeses(ending), 1, "{ending:?}");
        assert!(!ending[3].is_yes(), "{ending:?}");
    }
}

/// F-05: after a reset the binding with the pass and a revocation of the pass: whatever the order, either
/// the factor is bound or nothing is.
#[test]
fn a_pass_that_is_revoked_binds_nothing() {
    let (mut stage, _) = Stage::enrolled();
    let id = stage.id;
    let (proof, _) = stage.operator_proof();
    let (second, operator) = stage.operator_proof_before(30);
    let by = Operator::checked_by_host(proof, "help desk");
    let account = stage.mfa.account(&id).at(NOW);
    let mut reset = account.reset(by, PassLength::Long, "phone stolen", &mut stage.rng());
    let pass = reset.run(&stage.store).unwrap().expose_text();
    let account = stage.mfa.account(&id).at(NOW);
    let entered = account.enter_pass(&pass).run(&stage.store).accepted().unwrap();
    let Entered::Enrolment(own) = entered else { panic!("a pass to enrol with") };
    let method = ExternalMethod::Passkey;
    let bind = account.bind_external("laptop", method, &mut stage.rng()).proven_by(own);
    let by = Operator::checked_by_host(second, "help desk");
    let account = stage.mfa.account(&id).at(NOW);
    let revoke = account.revoke_passes(by);
    let openly = account.enrol("theirs", &mut stage.rng());
    let scene = stage.scene(vec![]);
    let attempts = [
        attempt("bind", bind, None, change),
        attempt("revoke", revoke, operator, change),
        attempt("enrol with the password", openly, None, change),
    ];
    for ending in all_orders(&scene, &attempts, 32).endings.keys() {
        assert_eq!(yeses(&ending[..2]), 1, "{ending:?}");
        assert_eq!(ending[2], Outcome::Refused, "{ending:?}");
    }
}

#[test]
fn recovery_codes_are_spent_once_and_die_as_one() {
    let (stage, device) = Stage::enrolled();
    let id = stage.id;
    let proofs = [stage.proof(device, 180), stage.proof(device, 120)];
    let [first, second] = [&stage.recovery_codes[0], &stage.recovery_codes[1]];

    // Two codes at once, one of them twice: both end up spent, neither twice.
    let probes: Vec<Probe<'_>> = vec![
        Box::new(|| stage.recover("the first", first)),
        Box::new(|| stage.recover("the second", second)),
    ];
    let scene = stage.scene(probes);
    let attempts = [
        stage.recover("the first", first),
        stage.recover("the first again", first),
        stage.recover("the second", second),
    ];
    for ending in all_orders(&scene, &attempts, 332).endings.keys() {
        assert_eq!(yeses(ending), 2, "{ending:?}");
        assert!(ending[2].is_yes(), "{ending:?}");
    }

    // Against new sets: the first new set kills the old one and the proof of the second.
    let regenerate = proofs.map(|proof| {
        stage.mfa.account(&id).at(NOW).regenerate_recovery_codes(proof, &mut stage.rng())
    });
    let [one, two] = regenerate.map(|op| attempt("regenerate", op, None, change));
    let scene = stage.scene(vec![]);
    let attempts =
        [one, two, stage.recover("an old one", first), stage.recover("the same old one", first)];
    for ending in all_orders(&scene, &attempts, 73_952).endings.keys() {
        assert_eq!(count(&ending[..2], &Outcome::Done), 1, "{ending:?}");
        assert!(yeses(&ending[2..]) <= 1, "{ending:?}");
    }
}

#[test]
fn a_first_enrolment_is_confirmed_once() {
    let stage = Stage::empty();
    let id = stage.id;
    let mut pending = stage.mfa.account(&id).at(NOW).enrol("app", &mut stage.rng());
    let pending = pending.run(&stage.store).unwrap();
    let code = authenticator(&pending).generate(NOW).unwrap();
    let code = code.expose_str();
    let another = stage.mfa.account(&id).at(NOW).enrol("another", &mut stage.rng());
    let confirms = [0; 2]
        .map(|_| stage.mfa.account(&id).at(NOW).confirm(pending.id(), code, &mut stage.rng()));
    let [one, two] = confirms.map(|op| attempt("confirm", op, None, bound));
    let scene = stage.scene(vec![stage.probe("verify", code)]);
    let attempts =
        [one, two, attempt("start another", another, None, change), stage.verify("verify", code)];
    for ending in all_orders(&scene, &attempts, 2_592).endings.keys() {
        let issued =
            |outcome: &&Outcome| matches!(outcome, Outcome::Bound { recovery_codes: 2, .. });
        let bound = ending.iter().filter(issued).count();
        // Whoever starts another enrolment first ends this one.
        assert!(bound == 1 || bound == 0 && ending[2] == Outcome::Done, "{ending:?}");
        assert!(!ending[3].is_yes(), "the code that confirms never signs in: {ending:?}");
    }
}

#[test]
fn sent_codes_and_assertions_are_used_once() {
    let (stage, device) = Stage::enrolled();
    let (id, mfa) = (stage.id, &stage.mfa);
    let number = PhoneNumber::new("+4915112345678").unwrap();
    let told = RestrictedNotice::given_by_host();
    let at = UnixTime::from_secs(NOW.as_secs() - 120);
    let proof = stage.proof(device, 120);
    let mut op = mfa
        .account(&id)
        .at(at)
        .enrol_phone("phone", number, told, &mut stage.rng())
        .proven_by(proof);
    let sent = op.run(&stage.store).unwrap();
    let op = mfa.account(&id).at(at).confirm(
        sent.id(),
        sent.to_send().unwrap().expose_str(),
        &mut stage.rng(),
    );
    let _ = op.run(&stage.store).accepted().unwrap();
    let proof = stage.proof(device, 90);
    let op =
        mfa.account(&id).at(NOW).bind_external("key", ExternalMethod::Passkey, &mut stage.rng());
    let bound = op.proven_by(proof).run(&stage.store).unwrap();
    let key = bound.device();

    let mut sent = mfa.account(&id).at(NOW).send_code(SignIn, &mut stage.rng());
    let sent = sent.run(&stage.store).unwrap();
    let started = mfa.account(&id).at(NOW).start_external(SignIn, &mut stage.rng()).unwrap();
    let right = sent.to_send().unwrap().expose_str();
    let wrong = if right == "000000" { "111111" } else { "000000" };
    let answer = |name, code: &str| {
        attempt(
            name,
            mfa.account(&id).at(NOW).verify_sent_code(sent.id(), code, SignIn),
            None,
            verdict,
        )
    };
    let settle = |name| {
        let assertion = Assertion::verified_by_host(started.token(), key);
        let op = mfa.account(&id).at(NOW).finish_external(assertion, SignIn);
        attempt(name, op, None, verdict)
    };
    let probes = || -> Vec<Probe<'_>> {
        vec![Box::new(|| answer("answer", right)), Box::new(|| settle("settle"))]
    };
    let attempts =
        [answer("answer", right), answer("again", right), answer("wrong", wrong), stage.offboard()];
    for ending in all_orders(&stage.scene(probes()), &attempts, 127_734).endings.keys() {
        assert!(yeses(&ending[..2]) <= 1, "{ending:?}");
    }
    let attempts =
        [settle("settle"), settle("again"), settle("once more"), answer("answer", right)];
    for ending in all_orders(&stage.scene(probes()), &attempts, 97_134).endings.keys() {
        assert_eq!(yeses(&ending[..3]), 1, "{ending:?}");
        assert!(ending[3].is_yes(), "{ending:?}");
    }
}

/// The explorer finds what a broken cell breaks, so it would find it in the library.
#[test]
fn the_explorer_finds_the_bug_in_a_broken_cell() {
    fn broken<C: Cell>() -> [String; 3] {
        let (stage, device) = Stage::enrolled();
        let code = stage.code(device, 0);
        let twice = [0; 2].map(|_| stage.verify("verify", &code));
        let wrong = if code == "000000" { "111111" } else { "000000" };
        let guesses = [0; 4].map(|_| stage.verify("guess", wrong));
        let leaver = [stage.offboard(), stage.verify("verify", &code)];
        let scene = stage.scene(vec![stage.probe("verify", &code)]);
        [&twice[..], &guesses[..], &leaver[..]].map(|attempts| {
            explore::<C>(&scene, attempts).map_or_else(|found| found, |_| "nothing found".into())
        })
    }
    for (cell, found) in [
        ("unconditional", broken::<Unconditional>()),
        ("always stored", broken::<AlwaysStored>()),
        ("snapshot", broken::<Snapshot>()),
        ("write-behind", broken::<WriteBehind>()),
    ] {
        println!("{cell}:\n{}", found.join("\n"));
        let [twice, guesses, leaver] = found;
        assert!(twice.starts_with("1: a moving factor was accepted"), "{cell}: {twice}");
        assert!(guesses.starts_with("2: an answer left"), "{cell}: {guesses}");
        assert!(leaver.starts_with("6: something was accepted"), "{cell}: {leaver}");
    }
}
