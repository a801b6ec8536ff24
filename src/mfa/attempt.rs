//! What every attempt shares: the gate before it, and how it is accepted or rejected.
//!
//! Standard: NIST SP 800-63B-4 section 3.2.2 (failures), ASVS 6.3.8 (no account enumeration).

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::account::{
    Accepted, Account, AnyPurpose, Budget, Class, DeviceId, EventKind, Method, Proven, Refusal,
    RejectionReason,
};
use crate::ct::Scan;
use crate::mfa::answer::Verdict;
use crate::mfa::decision::{Context, Decision, DraftEvent, waiting};
use crate::otp::{Secret, Totp};

/// Evaluates a dummy secret, so that an unknown account and one without a device cost as much as one
/// device (ASVS 6.3.8).
pub(crate) fn evaluate_dummy(cx: &Context<'_>, scan: impl FnOnce(&Totp, Option<u64>) -> Scan) {
    if let Ok(dummy) = Secret::from_bytes(&[0; 20]) {
        let totp = Totp::new(&dummy, cx.policy.parameters());
        let nothing_is_left = Some(u64::MAX);
        core::hint::black_box(scan(&totp, nothing_is_left));
    }
}

impl Account {
    /// The answer that does not depend on the code, if there is one.
    pub(crate) fn gate(
        &self,
        cx: &Context<'_>,
        class: Class,
        purpose: &AnyPurpose,
    ) -> Option<Decision<Verdict<Proven>>> {
        if !self.is_open() {
            return None; // evaluated for dummy, and rejected like any wrong code
        }
        let throttle = cx.policy.throttle(class);
        if self.is_disabled(class) {
            let event =
                DraftEvent::plain(EventKind::Rejected(RejectionReason::Disabled)).purpose(purpose);
            return Some(Decision::unchanged(Verdict::Disabled, event));
        }
        self.budgets.of(class).waits_until(&throttle, cx.now).map(|until| waiting(until, purpose))
    }

    pub(crate) fn why_rejected(&self, evaluated: bool, replayed: bool) -> RejectionReason {
        if !self.exists {
            RejectionReason::UnknownAccount
        } else if self.offboarded_at.is_some() {
            RejectionReason::Offboarded
        } else if !evaluated {
            RejectionReason::NoDevice
        } else if replayed {
            RejectionReason::Replayed
        } else {
            RejectionReason::WrongCode
        }
    }

    /// Counts a failure. Nobody's failure is not counted: there is no record to count it in, and a
    /// guesser must not be able to make one.
    pub(crate) fn reject<T>(
        mut self: Box<Self>,
        cx: &Context<'_>,
        class: Class,
        event: DraftEvent,
    ) -> Decision<Verdict<T>> {
        let throttle = cx.policy.throttle(class);
        if !self.is_open() {
            let mut dummy = Budget::default();
            dummy.charge(&throttle, cx.now);
            let tries_left = dummy.tries_left(&throttle, cx.now);
            return Decision::unchanged(Verdict::Rejected { tries_left }, event);
        }
        let disable = self.budgets.of_mut(class).charge(&throttle, cx.now);
        let tries_left = self.budgets.of(class).tries_left(&throttle, cx.now);
        let mut happened = Vec::from([event]);
        if disable && self.disable(class) {
            happened.push(DraftEvent::plain(EventKind::Disabled { class }));
        }
        Decision { answer: Verdict::Rejected { tries_left }, next: Some(self), happened }
    }

    pub(crate) fn accept_code(
        mut self: Box<Self>,
        cx: &Context<'_>,
        accepted: Accepted,
        purpose: &AnyPurpose,
        mut happened: Vec<DraftEvent>,
    ) -> Decision<Verdict<Proven>> {
        self.budgets.codes.forgive();
        let Accepted { device, method, moving_factor, drift } = accepted;
        let kind = EventKind::Accepted { moving_factor: Some(moving_factor), drift };
        happened.push(DraftEvent::plain(kind).on(device, method).purpose(purpose));
        let proof = self.proof(cx, Some(device), method, purpose);
        Decision { answer: Verdict::Accepted(proof), next: Some(self), happened }
    }

    pub(crate) fn accept_as(
        self: Box<Self>,
        cx: &Context<'_>,
        device: Option<DeviceId>,
        method: Method,
        purpose: &AnyPurpose,
        mut happened: Vec<DraftEvent>,
    ) -> Decision<Verdict<Proven>> {
        let kind = EventKind::Accepted { moving_factor: None, drift: None };
        let mut event = DraftEvent::plain(kind).by(method).purpose(purpose);
        event.device = device;
        happened.push(event);
        let proof = self.proof(cx, device, method, purpose);
        Decision { answer: Verdict::Accepted(proof), next: Some(self), happened }
    }

    /// The only place where a proof is made.
    pub(crate) fn proof(
        &self,
        cx: &Context<'_>,
        device: Option<DeviceId>,
        method: Method,
        purpose: &AnyPurpose,
    ) -> Proven {
        let (account, purpose) = (*cx.id, purpose.clone());
        Proven { account, device, method, purpose, epoch: self.epoch, at: cx.now }
    }

    pub(crate) fn change<T>(
        self: Box<Self>,
        answer: T,
        happened: Vec<DraftEvent>,
    ) -> Decision<Result<T, Refusal>> {
        Decision { answer: Ok(answer), next: Some(self), happened }
    }
}
