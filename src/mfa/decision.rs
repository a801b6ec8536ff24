//! What a transition may look at, and what it decides: an answer, the state to store before the answer
//! may leave, and what happened.
//!
//! Standard: RFC 4226 sections 7.2 to 7.4, RFC 6238 sections 5.2 and 6, NIST SP 800-63B-4 sections
//! 3.1, 3.2.2 and 4; each transition names its own.
//!
//! Nothing here does I/O, reads a clock or draws randomness, so a transition can be made again from
//! scratch after a lost race, and every order of parallel attempts can be tried in a plain test. A
//! transition that returns no state has changed nothing.

use alloc::{boxed::Box, vec::Vec};
use core::convert::Infallible;

use crate::account::record::{self, Owner, Record, RecordError};
use crate::account::{
    Account, AccountId, Actor, AnyPurpose, BrowserId, DeviceId, EventKind, HostsWord, Method,
    Policy, Proven, RecordName, Refusal, RejectionReason, Seal, SealError, Session, Shown,
};
use crate::mfa::answer::{Fault, Verdict};
use crate::time::UnixTime;

pub(crate) struct Context<'a> {
    pub(crate) id: &'a AccountId,
    pub(crate) now: UnixTime,
    pub(crate) policy: &'a dyn Policy,
    pub(crate) keys: &'a dyn Seal,
    /// The remembered browser that the attempt comes from.
    pub(crate) browser: Option<BrowserId>,
    pub(crate) proof: Option<&'a Proven>,
    /// The session that the host named.
    pub(crate) session: Option<Session>,
    /// The record that was loaded, and whether it did not open.
    pub(crate) record: Option<(RecordName, bool)>,
    pub(crate) first_factor_passed: bool,
    /// The account of the operator whose proof it is, if it is not the person's own.
    pub(crate) by_operator: bool,
    /// Why a carried proof that came with it did not open.
    pub(crate) unopened: Option<SealError>,
    pub(crate) operator: Option<&'a Account>,
}

/// The oldest state of an account that the host may meet: what it keeps elsewhere, in a session or in a
/// second table.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{account::RecordError, mfa::{Fault, Floor}, MemoryStore, SignIn, Verdict};
/// let proof = dana.verify(&phone.code(now), SignIn).run(&store).accepted().ok_or("wrong code")?;
/// let floor = Floor { epoch: proof.epoch(), ..Floor::default() }; // kept with the session
/// // The row is deleted. Without the floor the next factor would be bound without a proof.
/// let emptied = MemoryStore::new();
/// let enrolled = dana.not_older_than(floor).enrol("A stranger's phone", &mut rng).run(&emptied);
/// assert!(enrolled.is_err_and(|no| no.refusal().is_none())); // not refused: undecided
/// let verdict = dana.not_older_than(floor).verify("123456", SignIn).run(&emptied);
/// let rolled_back = RecordError::RolledBack;
/// assert!(matches!(verdict, Verdict::Undecided(Fault::Record { error, .. }) if error == rolled_back));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Floor {
    /// The version of a [`Record`](crate::Record) that was once stored; 0 if the host keeps none.
    pub version: u64,
    /// The epoch of a [`Summary`](crate::Summary), [`Proof`](crate::Proof) or [`Changed`](crate::mfa::Changed); 0 if the host keeps none. It
    /// sees no more than changes of factors.
    pub epoch: u32,
}

/// What an operation does with the record beside its decision.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Mode {
    /// Notes the time of the write, and drops what has expired.
    Usual,
    /// Stores the state as it was.
    AsItIs,
    /// Decides on a record that does not open as well.
    GiveUp,
}

/// The account that was loaded, and whether its record is to be given up.
pub(crate) fn believed(
    loaded: Option<&Record>,
    owner: &Owner,
    keys: &dyn Seal,
    floor: Floor,
    mode: Mode,
) -> Result<(Box<Account>, bool), Fault<Infallible>> {
    let (account, broken) = match loaded.map(|record| open(record, owner, keys)) {
        Some(Err(Fault::Record { error, .. })) if mode == Mode::GiveUp && error.is_for_good() => {
            (Box::default(), true)
        }
        opened => (opened.transpose()?.unwrap_or_default(), false),
    };
    let version = loaded.map_or(0, Record::version);
    if version < floor.version || (account.epoch < floor.epoch && !broken) {
        let record = loaded.map(Record::name);
        return Err(Fault::Record { error: RecordError::RolledBack, record });
    }
    Ok((account, broken))
}

pub(crate) fn open(
    record: &Record,
    owner: &Owner,
    keys: &dyn Seal,
) -> Result<Box<Account>, Fault<Infallible>> {
    let fault = |error| Fault::Record { error, record: Some(record.name()) };
    record::open(record, owner, keys).map_err(fault)
}

/// Who did it, and why the library believes so.
pub(crate) fn actor(
    id: &AccountId,
    shown: Option<&Shown>,
    mode: Mode,
    happened: &[DraftEvent],
) -> Actor {
    let accepted = |event: &DraftEvent| {
        matches!(event.kind, EventKind::Accepted { .. } | EventKind::Bound { .. })
    };
    match shown {
        Some(Shown::Host(word)) => Actor::Host(*word),
        Some(Shown::Operator(proven, word)) => {
            let Proven { account, device, method, .. } = **proven;
            Actor::Operator { account, device, method, word: word.clone() }
        }
        Some(Shown::Subject(proven)) if proven.account == *id => Actor::Subject,
        _ if mode == Mode::AsItIs => Actor::Host(HostsWord::Process),
        _ if happened.iter().any(accepted) => Actor::Subject,
        _ => Actor::Unproven,
    }
}

pub(crate) struct Decision<T> {
    pub(crate) answer: T,
    /// To be stored before the answer may leave; `None` if nothing changed.
    pub(crate) next: Option<Box<Account>>,
    /// To be sealed and thrown away: the work of a write where nothing may be written.
    pub(crate) dummy: Option<Box<Account>>,
    pub(crate) happened: Vec<DraftEvent>,
}

pub(crate) struct DraftEvent {
    pub(crate) kind: EventKind,
    pub(crate) device: Option<DeviceId>,
    pub(crate) method: Option<Method>,
    pub(crate) purpose: Option<AnyPurpose>,
}

impl DraftEvent {
    pub(crate) const fn plain(kind: EventKind) -> DraftEvent {
        DraftEvent { kind, device: None, method: None, purpose: None }
    }

    pub(crate) fn on(mut self, device: DeviceId, method: Method) -> DraftEvent {
        self.device = Some(device);
        self.method = Some(method);
        self
    }

    pub(crate) fn by(mut self, method: Method) -> DraftEvent {
        self.method = Some(method);
        self
    }

    pub(crate) fn purpose(mut self, purpose: &AnyPurpose) -> DraftEvent {
        self.purpose = Some(purpose.clone());
        self
    }
}

impl<T> Decision<T> {
    pub(crate) fn unchanged(answer: T, happened: DraftEvent) -> Decision<T> {
        Decision { answer, next: None, dummy: None, happened: Vec::from([happened]) }
    }

    pub(crate) fn stored(answer: T, next: Box<Account>, happened: Vec<DraftEvent>) -> Decision<T> {
        Decision { answer, next: Some(next), dummy: None, happened }
    }
}

impl<T> Decision<T> {
    pub(crate) fn map<U>(self, answer: impl FnOnce(T) -> U) -> Decision<U> {
        let Decision { answer: before, next, dummy, happened } = self;
        Decision { answer: answer(before), next, dummy, happened }
    }
}

impl<T> Decision<Result<T, Refusal>> {
    pub(crate) fn refused(refusal: Refusal) -> Decision<Result<T, Refusal>> {
        Self::unchanged(Err(refusal), DraftEvent::plain(EventKind::Refused(refusal)))
    }
}

/// An attempt that was not evaluated, and why.
pub(crate) fn unevaluated<T>(
    verdict: Verdict<T>,
    kind: EventKind,
    purpose: &AnyPurpose,
) -> Decision<Verdict<T>> {
    Decision::unchanged(verdict, DraftEvent::plain(kind).purpose(purpose))
}

pub(crate) fn malformed<T>(purpose: &AnyPurpose) -> Decision<Verdict<T>> {
    unevaluated(Verdict::Malformed, EventKind::Malformed, purpose)
}

pub(crate) fn expired<T>(purpose: &AnyPurpose) -> Decision<Verdict<T>> {
    unevaluated(Verdict::Expired, EventKind::Rejected(RejectionReason::Expired), purpose)
}

pub(crate) fn waiting<T>(until: UnixTime, purpose: &AnyPurpose) -> Decision<Verdict<T>> {
    unevaluated(Verdict::Wait { until }, EventKind::Waiting { until }, purpose)
}

/// The answer to a person who left: that to a wrong code, counted nowhere.
pub(crate) fn left<T>(tries_left: u8, purpose: &AnyPurpose) -> Decision<Verdict<T>> {
    let kind = EventKind::Rejected(RejectionReason::Offboarded);
    unevaluated(Verdict::Rejected { tries_left }, kind, purpose)
}

/// What `tries_left` says where no number of failures makes the person wait.
pub(crate) const NO_WAIT: u8 = u8::MAX;

pub(crate) fn closed<T>(purpose: &AnyPurpose) -> Decision<Verdict<T>> {
    unevaluated(Verdict::Closed, EventKind::Rejected(RejectionReason::Closed), purpose)
}

pub(crate) fn not_permitted<T>(purpose: &AnyPurpose) -> Decision<Verdict<T>> {
    unevaluated(Verdict::Refused, EventKind::Rejected(RejectionReason::NotPermitted), purpose)
}
