//! Recovery codes: signing in with one, and a new set.
//!
//! Standard: NIST SP 800-63B-4 sections 3.1.2.2 and 4.2.1.1.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand::CryptoRng;

use crate::account::device::Device;
use crate::account::event::{Kind, Why};
use crate::account::policy::Policy;
use crate::account::proof::{Change, Proof, Purpose, Refusal, Verdict, permits};
use crate::account::record::Seal;
use crate::account::recovery::{RecoveryCode, RecoveryCodes, RecoverySeed, RecoverySet, Spent};
use crate::account::state::Account;
use crate::account::summary::{AccountId, Method};
use crate::account::throttle::Class;
use crate::mfa::decision::{Context, Decision, Happening, malformed};
use crate::mfa::handle::{Mfa, without_traces};
use crate::mfa::operation::Operation;
use crate::time::UnixTime;

impl<K: Seal, P: Policy> Mfa<K, P> {
    /// Signs in, or steps up, with a recovery code, which is spent.
    ///
    /// Its failures count apart from those of apps and tokens. A new set is due afterwards:
    /// [`Proof::replacement_due`]. Emits `RecoveryCodeSpent` and `Accepted`, or `Rejected`. NIST SP
    /// 800-63B-4 sections 3.1.2.2 and 4.2.1.1.
    pub fn recover(
        &self,
        id: &AccountId,
        code: &str,
        purpose: Purpose,
        now: UnixTime,
    ) -> Operation<'_, Verdict> {
        without_traces(|| {
            let code = RecoveryCode::parse(code).ok();
            self.operation(id, now, move |account, cx| {
                Ok(account.recover(cx, code.as_ref(), &purpose))
            })
        })
    }

    /// Issues new recovery codes, shown once. The old set dies as one.
    ///
    /// Needs the person's own proof for [`Purpose::ChangeFactors`]. The epoch rises. Emits
    /// `RecoveryCodesIssued`. NIST SP 800-63B-4 section 4.2.1.1.
    pub fn regenerate_recovery_codes(
        &self,
        id: &AccountId,
        proof: Proof,
        rng: &mut impl CryptoRng,
        now: UnixTime,
    ) -> Operation<'_, Change<RecoveryCodes>> {
        let seed = RecoverySeed::generate(rng);
        self.operation(id, now, move |account, cx| Ok(account.regenerate(cx, &seed)))
            .proven_by(proof)
    }
}

impl Account {
    /// NIST SP 800-63B-4 section 3.1.2.2: a look-up secret, spent once. The codes of apps keep their
    /// own budget: a guesser who locked them has not locked the owner out.
    pub(crate) fn recover(
        mut self: Box<Self>,
        cx: &Context<'_>,
        typed: Option<&RecoveryCode>,
        purpose: &Purpose,
    ) -> Decision<Verdict> {
        if let Some(no) = self.gate(cx, Class::Recovery, purpose) {
            return no;
        }
        let Some(typed) = typed else { return malformed(purpose) };
        let allowed = permits(Method::RecoveryCode, purpose);
        let spent = match &mut self.recovery {
            Some(set) if allowed => set.spend(typed),
            _ => RecoverySet::nobodys().spend(typed), // the same work
        };
        let why = match spent {
            Spent::Now => {
                self.budgets.recovery.forgive();
                let left = self.recovery.as_ref().map_or(0, RecoverySet::left);
                let spent = Happening::plain(Kind::RecoveryCodeSpent { left });
                let happened = Vec::from([spent.by(Method::RecoveryCode).purpose(purpose)]);
                return self.accept_as(cx, None, Method::RecoveryCode, purpose, happened);
            }
            Spent::Before => Why::Replayed,
            Spent::Never if !allowed => Why::WrongPurpose,
            Spent::Never if self.is_open() && self.recovery.is_none() => Why::NoDevice,
            Spent::Never => self.why_rejected(true, false),
        };
        let happening = Happening::plain(Kind::Rejected(why)).by(Method::RecoveryCode);
        self.reject(cx, Class::Recovery, happening.purpose(purpose))
    }

    /// A new set of recovery codes. The old set dies as one.
    pub(crate) fn regenerate(
        mut self: Box<Self>,
        cx: &Context<'_>,
        seed: &RecoverySeed,
    ) -> Decision<Change<RecoveryCodes>> {
        let allowed = self.subject_proof(cx, &Purpose::ChangeFactors);
        if let Err(refusal) = allowed {
            return Decision::refused(refusal);
        }
        if !self.devices.iter().any(Device::in_use) {
            return Decision::refused(Refusal::NothingBound);
        }
        self.change_epoch();
        self.budgets.recovery.forgive();
        let mut happened = Vec::new();
        let codes = self.issue_recovery_codes(cx, seed, &mut happened);
        self.change(Change::Done(codes), happened)
    }
}
