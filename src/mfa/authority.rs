//! Who may change what: the proof of the person, or of an operator.
//!
//! Standard: ASVS 7.5.1 (a fresh factor before factors change), NIST SP 800-63B-4 sections 4.1.2.1
//! and 6.3.

use crate::account::{
    Account, AnyPurpose, ChallengeId, Device, DeviceStatus, Method, PassKind, Proven, Refusal,
    SealError, UsedChallenge, permits,
};
use crate::mfa::decision::Context;
use crate::mfa::operation::Undecided;

impl Account {
    /// Whether a factor may be bound: with a proof of one or with a pass that still lasts, or with the
    /// password alone because there never was one.
    pub(crate) fn may_bind(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        if self.offboarded_at.is_some() {
            return Err(Refusal::Offboarded);
        }
        match cx.proof {
            Some(proof) if proof.method == Method::Pass => {
                self.own_proof(cx, &AnyPurpose::ChangeFactors)?;
                let pass = self.pass(PassKind::Enrolment).filter(|pass| pass.lasts(cx.now));
                pass.map(|_| ()).ok_or(Refusal::ProofExpired)
            }
            Some(_) => self.subject_proof(cx, &AnyPurpose::ChangeFactors),
            None if self.may_enrol_openly(cx.policy) => Ok(()),
            None => Err(Refusal::ProofRequired),
        }
    }

    /// SMS changes factors only where there is nothing stronger. A stronger device that is lost still
    /// counts: an attacker who took over a telephone number can report the owner's app lost with a code
    /// sent to it, and must not come to bind an app of their own that way. One that was revoked was so
    /// with a stronger proof.
    pub(crate) fn sms_permits(&self, purpose: &AnyPurpose) -> bool {
        let stronger = |device: &Device| {
            device.status != DeviceStatus::Revoked && device.method().rank() > Method::Sms.rank()
        };
        let narrowed = *purpose == AnyPurpose::ChangeFactors && self.devices.iter().any(stronger);
        permits(Method::Sms, purpose) && !narrowed
    }

    /// ASVS 7.5.1: the person's own fresh proof for this purpose, from after the last change, and by a
    /// method that may do more than bind.
    pub(crate) fn subject_proof(
        &self,
        cx: &Context<'_>,
        purpose: &AnyPurpose,
    ) -> Result<(), Refusal> {
        let permitted = match self.own_proof(cx, purpose)?.method {
            Method::Sms => self.sms_permits(purpose),
            Method::Pass => false,
            method => permits(method, purpose),
        };
        if permitted { Ok(()) } else { Err(Refusal::NotPermitted) }
    }

    fn own_proof<'a>(&self, cx: &Context<'a>, purpose: &AnyPurpose) -> Result<&'a Proven, Refusal> {
        let proof = cx.proof.ok_or(Refusal::ProofRequired)?;
        if self.offboarded_at.is_some() {
            return Err(Refusal::Offboarded);
        }
        let fits = proof.account == *cx.id && proof.purpose == *purpose;
        if !fits || proof.epoch != self.epoch || !self.exists {
            return Err(Refusal::ProofUnfit);
        }
        fresh(cx, proof)?;
        Ok(proof)
    }

    /// The person's own fresh proof for signing in, handed over beside the session that it opens.
    pub(crate) fn sign_in_proof(&self, cx: &Context<'_>, proof: &Proven) -> Result<(), Refusal> {
        let fits = proof.account == *cx.id && proof.epoch == self.epoch && self.exists;
        if self.offboarded_at.is_some() {
            return Err(Refusal::Offboarded);
        }
        if !fits || proof.purpose != AnyPurpose::SignIn {
            return Err(Refusal::ProofUnfit);
        }
        fresh(cx, proof)
    }

    /// An operator acts on another person, with a proof from the operator's own account as it is now.
    pub(crate) fn operator_proof(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        let proof = cx.proof.ok_or(Refusal::ProofRequired)?;
        if self.offboarded_at.is_some() {
            return Err(Refusal::Offboarded);
        }
        if proof.account == *cx.id {
            return Err(Refusal::OwnAccount);
        }
        let operator = cx.operator.filter(|operator| operator.is_open());
        let same_epoch = operator.is_some_and(|operator| operator.epoch == proof.epoch);
        if !same_epoch || proof.purpose != AnyPurpose::ActForOther {
            return Err(Refusal::ProofUnfit);
        }
        fresh(cx, proof)?;
        if permits(proof.method, &proof.purpose) { Ok(()) } else { Err(Refusal::NotPermitted) }
    }

    /// The number of the proof, if it was carried, is for this, and has not been used.
    pub(crate) fn carried_proof(
        &self,
        cx: &Context<'_>,
    ) -> Result<Result<Option<UsedChallenge>, Refusal>, Undecided> {
        match cx.unopened {
            Some(away @ SealError::Unavailable) => return Err(away.into()),
            Some(_) => return Ok(Err(Refusal::ProofUnfit)),
            None => {}
        }
        let Some((proof, id)) = cx.proof.and_then(|proof| Some((proof, proof.carried?))) else {
            return Ok(Ok(None));
        };
        let carried = UsedChallenge { id: ChallengeId::from_bytes(id), issued_at: proof.at };
        let used = if cx.by_operator { &self.used_for_other } else { &self.used };
        let age = cx.policy.proof_age(&proof.purpose).as_u64();
        let is_used = used.has(carried, age, cx.now);
        Ok(if is_used { Err(Refusal::ProofUnfit) } else { Ok(Some(carried)) })
    }

    pub(crate) fn use_up(&mut self, cx: &Context<'_>, carried: UsedChallenge) {
        let used = if cx.by_operator { &mut self.used_for_other } else { &mut self.used };
        used.push(carried);
    }

    /// The person with a proof for `purpose`, or an operator.
    pub(crate) fn authority(&self, cx: &Context<'_>, purpose: &AnyPurpose) -> Result<(), Refusal> {
        if cx.by_operator { self.operator_proof(cx) } else { self.subject_proof(cx, purpose) }
    }
}

fn fresh(cx: &Context<'_>, proof: &Proven) -> Result<(), Refusal> {
    let age = cx.policy.proof_age(&proof.purpose).as_u64();
    // A minute of leeway for hosts whose clocks differ; more is a proof from the future.
    if proof.at.lasts(age, cx.now) { Ok(()) } else { Err(Refusal::ProofExpired) }
}
