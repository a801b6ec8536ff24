//! What every attempt shares: the gate before it, and how it is accepted or rejected.
//!
//! Standard: NIST SP 800-63B-4 section 3.2.2 (failures), ASVS 6.3.8 (no account enumeration).

use alloc::{boxed::Box, vec::Vec};

use crate::account::{
    Accepted, Account, AnyPurpose, Budget, Class, DeviceId, EventKind, Found, Gate, Lane, Method,
    Proven, Refusal, RejectionReason, scan_clock,
};
use crate::mfa::answer::Verdict;
use crate::mfa::decision::{Context, Decision, DraftEvent, closed, waiting};
use crate::otp::{Code, Secret, Totp};

#[derive(Clone, Copy)]
pub(crate) struct Charge {
    pub(crate) class: Class,
    pub(crate) lane: Lane,
    pub(crate) weight: u8,
}

/// A dummy device, so that an unknown account and one without a device cost as much as one device
/// (ASVS 6.3.8).
pub(crate) fn dummy_device(cx: &Context<'_>) -> Option<Totp> {
    let dummy = Secret::from_bytes(&[0; 20]).ok()?;
    Some(Totp::new(&dummy, cx.policy.parameters()))
}

pub(crate) fn evaluate_dummy(cx: &Context<'_>, typed: &Code) {
    if let Some(totp) = dummy_device(cx) {
        let nothing_is_left = Some(u64::MAX);
        let found: Found = scan_clock(&totp, cx.policy, cx.now, typed, 0, nothing_is_left);
        core::hint::black_box(found.seen);
    }
}

impl Account {
    /// How a failure of this attempt would be counted, or the answer that does not depend on the code.
    ///
    /// An unknown account has no gate: it is evaluated against a dummy and rejected like any wrong code.
    pub(crate) fn gate<T>(
        self: Box<Self>,
        cx: &Context<'_>,
        class: Class,
        purpose: &AnyPurpose,
    ) -> Result<(Box<Self>, Charge), Decision<Verdict<T>>> {
        let weight = self.weight(class, cx.policy, cx.now);
        if !self.is_open() {
            return Ok((self, Charge { class, lane: Lane::Unknown, weight }));
        }
        let (budget, throttle) = (self.budget(class), cx.policy.throttle(class));
        let (lane, gate) = budget.gate(&throttle, cx.browser.is_some(), weight, cx.now);
        let mut no = match gate {
            Gate::Open => return Ok((self, Charge { class, lane, weight })),
            Gate::Wait(until) => waiting(until, purpose),
            Gate::Closed => closed(purpose),
        };
        // Failures that were written by a clock ahead of ours would hold until their date comes: the
        // write dates them back to now.
        if budget.is_ahead(cx.now) {
            no.next = Some(self);
        }
        Err(no)
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

    /// Counts a failure, but not of an unknown account: it has no record to count it in, and a guesser
    /// must not be able to make one.
    pub(crate) fn reject<T>(
        mut self: Box<Self>,
        cx: &Context<'_>,
        charge: Charge,
        event: DraftEvent,
    ) -> Decision<Verdict<T>> {
        let Charge { class, lane, weight } = charge;
        let throttle = cx.policy.throttle(class);
        if !self.is_open() {
            let mut dummy = Budget::default();
            dummy.charge(&throttle, lane, weight, cx.now);
            let tries_left = dummy.tries_left(&throttle, lane, weight, cx.now);
            return Decision::unchanged(Verdict::Rejected { tries_left }, event);
        }
        let budget = self.budget_mut(class);
        let at_end = budget.charge(&throttle, lane, weight, cx.now);
        let tries_left = budget.tries_left(&throttle, lane, weight, cx.now);
        let mut happened = Vec::from([event]);
        if at_end && lane == Lane::Unknown {
            happened.push(DraftEvent::plain(EventKind::ClosedToStrangers { class }));
        }
        if at_end && budget.is_disabled(&throttle) {
            happened.push(DraftEvent::plain(EventKind::Disabled { class }));
        }
        Decision::stored(Verdict::Rejected { tries_left }, self, happened)
    }

    /// Refuses the copy of the code that was accepted last, as when a form is sent twice. It costs the
    /// owner nothing, and looks like a counted failure, down to the work.
    pub(crate) fn repeat<T>(
        self: Box<Self>,
        cx: &Context<'_>,
        charge: Charge,
        event: DraftEvent,
    ) -> Decision<Verdict<T>> {
        let Decision { answer, next, .. } =
            self.reject(cx, charge, DraftEvent::plain(event.kind.clone()));
        Decision { answer, next: None, dummy: next, happened: Vec::from([event]) }
    }

    /// Does what every success of a class does: ends its streaks, and keeps the browser remembered.
    pub(crate) fn succeed(&mut self, cx: &Context<'_>, charge: Charge) {
        self.budget_mut(charge.class).succeed();
        if charge.lane == Lane::Remembered {
            self.use_browser(cx);
        }
    }

    pub(crate) fn use_browser(&mut self, cx: &Context<'_>) {
        let used = self.browsers.iter_mut().find(|browser| Some(browser.id) == cx.browser);
        if let Some(browser) = used {
            browser.used_at = cx.now;
        }
    }

    pub(crate) fn accept_code(
        mut self: Box<Self>,
        cx: &Context<'_>,
        charge: Charge,
        accepted: Accepted,
        purpose: &AnyPurpose,
    ) -> Decision<Verdict<Proven>> {
        self.succeed(cx, charge);
        let Accepted { device, method, moving_factor, drift } = accepted;
        let kind = EventKind::Accepted { moving_factor: Some(moving_factor), drift };
        let event = DraftEvent::plain(kind).on(device, method).purpose(purpose);
        let mut proof = self.proof(cx, Some(device), method, purpose);
        proof.remembered = charge.lane == Lane::Remembered; // not one without a budget left
        Decision::stored(Verdict::Accepted(proof), self, Vec::from([event]))
    }

    /// Refuses a purpose to a factor on probation. Uses up its code or challenge, and counts nothing.
    pub(crate) fn refuse_on_probation(
        self: Box<Self>,
        (device, method): (DeviceId, Method),
        purpose: &AnyPurpose,
    ) -> Decision<Verdict<Proven>> {
        let kind = EventKind::Rejected(RejectionReason::NotPermitted);
        let event = DraftEvent::plain(kind).on(device, method).purpose(purpose);
        Decision::stored(Verdict::Refused, self, Vec::from([event]))
    }

    pub(crate) fn accept_as(
        mut self: Box<Self>,
        cx: &Context<'_>,
        device: Option<DeviceId>,
        method: Method,
        purpose: &AnyPurpose,
        mut happened: Vec<DraftEvent>,
    ) -> Decision<Verdict<Proven>> {
        self.use_browser(cx);
        let kind = EventKind::Accepted { moving_factor: None, drift: None };
        let mut event = DraftEvent::plain(kind).by(method).purpose(purpose);
        event.device = device;
        happened.push(event);
        let proof = self.proof(cx, device, method, purpose);
        Decision::stored(Verdict::Accepted(proof), self, happened)
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
        let remembered = cx.browser.is_some();
        // For privileges a new factor is worth what bound it: the thief of a telephone number could bind
        // an app with a text, and act for others half a minute later.
        let probation = match method {
            Method::Sms | Method::RecoveryCode => Some(cx.now),
            _ => device.and_then(|device| self.device(device)?.probation),
        };
        Proven {
            account,
            device,
            method,
            purpose,
            epoch: self.epoch,
            at: cx.now,
            remembered,
            probation,
            first_factor: cx.first_factor_passed,
            user_verified: false,
            carried: None,
        }
    }

    pub(crate) fn change<T>(
        self: Box<Self>,
        answer: T,
        happened: Vec<DraftEvent>,
    ) -> Decision<Result<T, Refusal>> {
        Decision::stored(Ok(answer), self, happened)
    }
}
