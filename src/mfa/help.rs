//! What an operator does for somebody else: a reset, and emergency access.
//!
//! Standard: ASVS 6.4.4, 45 CFR 164.312(a)(2)(ii).

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::account::event::{Kind, Why};
use crate::account::policy::Policy;
use crate::account::proof::{Change, Proof, Purpose, Refusal, Verdict, permits};
use crate::account::record::Seal;
use crate::account::state::{Account, Budgets};
use crate::account::summary::{AccountId, Method, Reason};
use crate::mfa::decision::{Context, Decision, Happening};
use crate::mfa::handle::Mfa;
use crate::mfa::operation::Operation;
use crate::text::Text;
use crate::time::UnixTime;

impl<K: Seal, P: Policy> Mfa<K, P> {
    /// An operator removes every factor of somebody else and forgives the failures; for a day the
    /// person can enrol as if for the first time. Make sure first who is asking.
    ///
    /// The proof is the operator's own, for [`Purpose::ActForOther`]. The epoch rises. Emits
    /// `Reset`. ASVS 6.4.4.
    pub fn reset(
        &self,
        id: &AccountId,
        operator: Proof,
        reason: &str,
        now: UnixTime,
    ) -> Operation<'_, Change> {
        let reason: Result<Reason, _> = Text::new(reason);
        self.operation(id, now, move |account, cx| {
            Ok(account.reset(cx, reason.as_ref().map_err(|error| *error)?))
        })
        .proven_by(operator)
    }

    /// An operator lets somebody else in without a factor for `secs` seconds, the policy's limit at
    /// most. Returns until when.
    ///
    /// The proof is the operator's own, for [`Purpose::ActForOther`]; an account that never was is
    /// refused. Emits `EmergencyGranted`. 45 CFR 164.312(a)(2)(ii).
    pub fn grant_emergency_access(
        &self,
        id: &AccountId,
        operator: Proof,
        secs: u64,
        reason: &str,
        now: UnixTime,
    ) -> Operation<'_, Change<UnixTime>> {
        let reason: Result<Reason, _> = Text::new(reason);
        self.operation(id, now, move |account, cx| {
            let reason = reason.as_ref().map_err(|error| *error)?;
            Ok(account.grant_emergency_access(cx, secs, reason))
        })
        .proven_by(operator)
    }

    /// Signs in on an operator's grant of emergency access, for as long as it lasts.
    ///
    /// Without one: [`Verdict::Expired`]. Emits `Accepted` each time. 45 CFR 164.312(a)(2)(ii).
    pub fn use_emergency_access(
        &self,
        id: &AccountId,
        purpose: Purpose,
        now: UnixTime,
    ) -> Operation<'_, Verdict> {
        self.operation(id, now, move |account, cx| Ok(account.use_emergency_access(cx, &purpose)))
    }
}

impl Account {
    /// An operator's last help: every factor goes, failures are forgiven, and for a day a factor can
    /// be enrolled as if for the first time.
    pub(crate) fn reset(
        mut self: Box<Self>,
        cx: &Context<'_>,
        reason: &Reason,
    ) -> Decision<Change> {
        if let Err(refusal) = self.operator_proof(cx) {
            return Decision::refused(refusal);
        }
        if !self.exists {
            return Decision::refused(Refusal::NothingBound);
        }
        self.retire_all();
        // Both limiters: what was guessed at is gone, and the person has to be able to confirm a new
        // device within the ten minutes that it waits, whatever a guesser did to the old one.
        self.budgets = Budgets::default();
        self.reenrol_until = Some(cx.now.plus(cx.policy.reset_lifetime().as_u64()));
        self.change_epoch();
        let happening = Happening::plain(Kind::Reset { reason: reason.clone() });
        self.change(Change::Done(()), Vec::from([happening]))
    }

    /// 45 CFR 164.312(a)(2)(ii): an operator lets the person in without a factor, for a time, with a
    /// reason. Factors and failures stay as they are.
    pub(crate) fn grant_emergency_access(
        mut self: Box<Self>,
        cx: &Context<'_>,
        secs: u64,
        reason: &Reason,
    ) -> Decision<Change<UnixTime>> {
        if let Err(refusal) = self.operator_proof(cx) {
            return Decision::refused(refusal);
        }
        if !self.exists {
            return Decision::refused(Refusal::NothingBound); // an id that was mistyped lets nobody in
        }
        let until = cx.now.plus(secs.min(cx.policy.emergency_lifetime().as_u64()));
        self.emergency_until = Some(until);
        let kind = Kind::EmergencyGranted { until, reason: reason.clone() };
        let happening = Happening::plain(kind).by(Method::Emergency);
        self.change(Change::Done(until), Vec::from([happening]))
    }

    /// 45 CFR 164.312(a)(2)(ii): signs in on a grant, for as long as it lasts.
    pub(crate) fn use_emergency_access(
        self: Box<Self>,
        cx: &Context<'_>,
        purpose: &Purpose,
    ) -> Decision<Verdict> {
        let granted = self.emergency_until.is_some_and(|until| cx.now <= until);
        if granted && self.is_open() && permits(Method::Emergency, purpose) {
            return self.accept_as(cx, None, Method::Emergency, purpose, Vec::new());
        }
        let why = if granted { Why::WrongPurpose } else { Why::Expired };
        let happening = Happening::plain(Kind::Rejected(why)).by(Method::Emergency);
        Decision::unchanged(Verdict::Expired, happening.purpose(purpose))
    }
}
