//! What a transition may look at, and what it decides: an answer, the state to store before the answer
//! may leave, and what happened.
//!
//! Standard: RFC 4226 sections 7.2 to 7.4, RFC 6238 sections 5.2 and 6, NIST SP 800-63B-4 sections
//! 3.1, 3.2.2 and 4; each transition names its own.
//!
//! Nothing here does I/O, reads a clock or draws randomness, so a transition can be made again from
//! scratch after a lost race, and every order of parallel attempts can be tried in a plain test. A
//! transition that returns no state has changed nothing.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::account::event::{Kind, Why};
use crate::account::policy::Policy;
use crate::account::proof::{Change, Proof, Purpose, Refusal, Verdict};
use crate::account::state::Account;
use crate::account::summary::{AccountId, DeviceId, Method};
use crate::time::UnixTime;

/// What a transition may look at beside the account.
pub struct Context<'a> {
    pub(crate) id: &'a AccountId,
    pub(crate) now: UnixTime,
    pub(crate) policy: &'a dyn Policy,
    pub(crate) proof: Option<&'a Proof>,
    /// The account of the operator whose proof it is, if it is not the person's own.
    pub(crate) operator: Option<&'a Account>,
}

/// What a transition decided.
pub struct Decision<T> {
    pub(crate) answer: T,
    /// To be stored before the answer may leave; `None` if nothing changed.
    pub(crate) next: Option<Box<Account>>,
    pub(crate) happened: Vec<Happening>,
}

/// One event in the making.
pub(crate) struct Happening {
    pub(crate) kind: Kind,
    pub(crate) device: Option<DeviceId>,
    pub(crate) method: Option<Method>,
    pub(crate) purpose: Option<Purpose>,
}

impl Happening {
    pub(crate) const fn plain(kind: Kind) -> Happening {
        Happening { kind, device: None, method: None, purpose: None }
    }

    pub(crate) fn on(mut self, device: DeviceId, method: Method) -> Happening {
        self.device = Some(device);
        self.method = Some(method);
        self
    }

    pub(crate) fn by(mut self, method: Method) -> Happening {
        self.method = Some(method);
        self
    }

    pub(crate) fn purpose(mut self, purpose: &Purpose) -> Happening {
        self.purpose = Some(purpose.clone());
        self
    }
}

impl<T> Decision<T> {
    /// An answer that changes nothing.
    pub(crate) fn unchanged(answer: T, happened: Happening) -> Decision<T> {
        Decision { answer, next: None, happened: Vec::from([happened]) }
    }
}

impl<T> Decision<Change<T>> {
    /// The same decision with another thing done.
    pub(crate) fn map<U>(self, done: impl FnOnce(T) -> U) -> Decision<Change<U>> {
        let Decision { answer, next, happened } = self;
        let answer = match answer {
            Change::Done(answer) => Change::Done(done(answer)),
            Change::Refused(refusal) => Change::Refused(refusal),
        };
        Decision { answer, next, happened }
    }

    pub(crate) fn refused(refusal: Refusal) -> Decision<Change<T>> {
        Self::unchanged(Change::Refused(refusal), Happening::plain(Kind::Refused(refusal)))
    }
}

pub(crate) fn malformed<T>(purpose: &Purpose) -> Decision<Verdict<T>> {
    Decision::unchanged(Verdict::Malformed, Happening::plain(Kind::Malformed).purpose(purpose))
}

pub(crate) fn expired<T>(purpose: &Purpose) -> Decision<Verdict<T>> {
    let happening = Happening::plain(Kind::Rejected(Why::Expired)).purpose(purpose);
    Decision::unchanged(Verdict::Expired, happening)
}

pub(crate) fn waiting<T>(until: UnixTime, purpose: &Purpose) -> Decision<Verdict<T>> {
    let happening = Happening::plain(Kind::Waiting { until }).purpose(purpose);
    Decision::unchanged(Verdict::Wait { until }, happening)
}
