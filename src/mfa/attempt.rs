//! What every attempt shares: the gate before it, and how it is accepted or rejected.
//!
//! Standard: NIST SP 800-63B-4 section 3.2.2 (failures), ASVS 6.3.8 (no account enumeration).

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::account::device::Accepted;
use crate::account::event::{Kind, Why};
use crate::account::proof::{Change, Proof, Purpose, Verdict};
use crate::account::state::Account;
use crate::account::summary::{DeviceId, Method};
use crate::account::throttle::{Budget, Class};
use crate::ct::Scan;
use crate::mfa::decision::{Context, Decision, Happening, waiting};
use crate::otp::secret::Secret;
use crate::otp::totp::Totp;

/// Evaluates nobody's device, so that an unknown account and one without a device cost what one
/// device costs (ASVS 6.3.8).
pub(crate) fn evaluate_for_nobody(cx: &Context<'_>, scan: impl FnOnce(&Totp, Option<u64>) -> Scan) {
    if let Ok(nobody) = Secret::from_bytes(&[0; 20]) {
        let totp = Totp::new(&nobody, cx.policy.parameters());
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
        purpose: &Purpose,
    ) -> Option<Decision<Verdict>> {
        if !self.is_open() {
            return None; // evaluated for nobody, and rejected like any wrong code
        }
        let throttle = cx.policy.throttle(class);
        if self.is_disabled(class) {
            let happening = Happening::plain(Kind::Rejected(Why::Disabled)).purpose(purpose);
            return Some(Decision::unchanged(Verdict::Disabled, happening));
        }
        self.budgets.of(class).waits_until(&throttle, cx.now).map(|until| waiting(until, purpose))
    }

    pub(crate) fn why_rejected(&self, evaluated: bool, replayed: bool) -> Why {
        if !self.exists {
            Why::UnknownAccount
        } else if self.offboarded_at.is_some() {
            Why::Offboarded
        } else if !evaluated {
            Why::NoDevice
        } else if replayed {
            Why::Replayed
        } else {
            Why::WrongCode
        }
    }

    /// Counts a failure. Nobody's failure is not counted: there is no record to count it in, and a
    /// guesser must not be able to make one.
    pub(crate) fn reject<T>(
        mut self: Box<Self>,
        cx: &Context<'_>,
        class: Class,
        happening: Happening,
    ) -> Decision<Verdict<T>> {
        let throttle = cx.policy.throttle(class);
        if !self.is_open() {
            let mut nobody = Budget::default();
            nobody.charge(&throttle, cx.now);
            let tries_left = nobody.tries_left(&throttle, cx.now);
            return Decision::unchanged(Verdict::Rejected { tries_left }, happening);
        }
        let disable = self.budgets.of_mut(class).charge(&throttle, cx.now);
        let tries_left = self.budgets.of(class).tries_left(&throttle, cx.now);
        let mut happened = Vec::from([happening]);
        if disable && self.disable(class) {
            happened.push(Happening::plain(Kind::Disabled { class }));
        }
        Decision { answer: Verdict::Rejected { tries_left }, next: Some(self), happened }
    }

    pub(crate) fn accept_code(
        mut self: Box<Self>,
        cx: &Context<'_>,
        accepted: Accepted,
        purpose: &Purpose,
        mut happened: Vec<Happening>,
    ) -> Decision<Verdict> {
        self.budgets.codes.forgive();
        let Accepted { device, method, moving_factor, drift } = accepted;
        let kind = Kind::Accepted { moving_factor: Some(moving_factor), drift };
        happened.push(Happening::plain(kind).on(device, method).purpose(purpose));
        let proof = self.proof(cx, Some(device), method, purpose);
        Decision { answer: Verdict::Accepted(proof), next: Some(self), happened }
    }

    pub(crate) fn accept_as(
        self: Box<Self>,
        cx: &Context<'_>,
        device: Option<DeviceId>,
        method: Method,
        purpose: &Purpose,
        mut happened: Vec<Happening>,
    ) -> Decision<Verdict> {
        let kind = Kind::Accepted { moving_factor: None, drift: None };
        let mut happening = Happening::plain(kind).by(method).purpose(purpose);
        happening.device = device;
        happened.push(happening);
        let proof = self.proof(cx, device, method, purpose);
        Decision { answer: Verdict::Accepted(proof), next: Some(self), happened }
    }

    /// The only place where a proof is made.
    pub(crate) fn proof(
        &self,
        cx: &Context<'_>,
        device: Option<DeviceId>,
        method: Method,
        purpose: &Purpose,
    ) -> Proof {
        let (account, purpose) = (*cx.id, purpose.clone());
        Proof { account, device, method, purpose, epoch: self.epoch, at: cx.now }
    }

    pub(crate) fn change<T>(
        self: Box<Self>,
        answer: Change<T>,
        happened: Vec<Happening>,
    ) -> Decision<Change<T>> {
        Decision { answer, next: Some(self), happened }
    }
}
