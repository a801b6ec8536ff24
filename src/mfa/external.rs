//! Passkeys and certificates, which the host checks.
//!
//! Standard: NIST SP 800-63B-4 section 3.2.5.

use alloc::boxed::Box;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use rand::CryptoRng;

use crate::account::{
    Account, AnyPurpose, Assertion, ChallengeId, ChangeFactors, Device, DeviceId, DeviceStatus,
    EventKind, ExternalChallenge, Factor, Label, Method, Proof, Proven, Purpose, RecoverySeed,
    Refusal, RejectionReason, Returned, SealError, UsedChallenge,
};
use crate::mfa::answer::Verdict;
use crate::mfa::confirm::Bound;
use crate::mfa::decision::{Context, Decision, DraftEvent, NO_WAIT, expired, left, waiting};
use crate::mfa::handle::{AccountAt, AccountHandle};
use crate::mfa::operation::{Attempt, Change, Round};
use crate::text::Text;

impl<'m> AccountAt<'m> {
    /// Binds a passkey or certificate that the host has registered and checked itself.
    ///
    /// Proof as for [`AccountAt::enrol`]; recovery codes come with a person's first factor. The epoch
    /// rises. Emits `Bound` and `RecoveryCodesIssued`.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = countersign::AccountId::new("42")?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::{mfa::ExternalMethod, Method};
    /// // After the host's WebAuthn library has registered the credential.
    /// let bound = dana.bind_external("Laptop", ExternalMethod::Passkey, &mut rng).run(&store)?;
    /// assert!(bound.recovery_codes().is_some()); // the first factor: show them once
    /// let summary = dana.summary().run(&store)?.ok_or("no record")?;
    /// assert_eq!(summary.strongest(), Some(Method::Passkey));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bind_external(
        &self,
        label: &str,
        method: ExternalMethod,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, Bound, Proof<ChangeFactors>> {
        let method = match method {
            ExternalMethod::Passkey => Method::Passkey,
            ExternalMethod::Pki => Method::Pki,
        };
        let (seed, device) = (RecoverySeed::generate(rng), DeviceId::from_u64(rng.next_u64()));
        let label = Text::new(label);
        self.change(move |account, cx| {
            let label = label.as_ref().map_err(|error| *error)?;
            Ok(account.bind_external(cx, device, method, label, &seed))
        })
    }

    /// Starts the host's own check of a passkey or certificate: a challenge to be signed, or to be kept
    /// beside the host's own.
    ///
    /// Reads and writes nothing, and says nothing of the account: an unknown one gets a challenge too.
    ///
    /// # Errors
    /// [`SealError`]: the key management has no answer.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = countersign::AccountId::new("42")?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::SignIn;
    /// // The browser has to sign these bytes; the token waits in the form or the session.
    /// let challenge = dana.start_external(SignIn, &mut rng)?;
    /// assert_eq!(challenge.id().as_bytes().len(), 16);
    /// assert!(challenge.until() > now && !challenge.token().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start_external(
        &self,
        purpose: impl Purpose,
        rng: &mut impl CryptoRng,
    ) -> Result<ExternalChallenge, SealError> {
        let (id, mut nonce) = (ChallengeId::generate(rng), [0; 12]);
        rng.fill_bytes(&mut nonce);
        let AccountHandle { keys, policy, id: account } = &self.account;
        let lasts = (self.now, policy.challenge_lifetime().as_u64());
        ExternalChallenge::seal(*keys, account, (id, nonce), &purpose.to_any(), lasts)
    }

    /// Takes the host's word on a passkey or certificate, once for each challenge.
    ///
    /// Only a check that passed uses the challenge up. A failed one is noted and counted nowhere, because a
    /// signature cannot be guessed and an attacker must not be able to block the owner's passkey. A second
    /// acceptance in one second gets `Wait`. Emits `Accepted`, `Rejected` on probation, or a note. NIST SP
    /// 800-63B-4 section 3.2.5: what makes a passkey or certificate phishing-resistant.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = countersign::AccountId::new("42")?;
    /// # let dana = mfa.account(&id).at(now);
    /// # let method = countersign::mfa::ExternalMethod::Passkey;
    /// # let passkey = dana.bind_external("Laptop", method, &mut rng).run(&store)?.device();
    /// use countersign::{account::Assertion, SignIn};
    /// let challenge = dana.start_external(SignIn, &mut rng)?;
    /// // The host's WebAuthn library has checked signature, origin and presence.
    /// let word = Assertion::verified_by_host(challenge.token(), passkey);
    /// let proof = dana.finish_external(word, SignIn).run(&store).accepted().ok_or("refused")?;
    /// assert!(proof.method().is_phishing_resistant());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn finish_external<P: Purpose>(
        &self,
        assertion: Assertion,
        purpose: P,
    ) -> Attempt<'m, Proof<P>> {
        self.attempt(purpose, move |account, cx, purpose| {
            account.finish_external(cx, &assertion, purpose)
        })
    }
}

impl Account {
    pub(crate) fn bind_external(
        mut self: Box<Self>,
        cx: &Context<'_>,
        device: DeviceId,
        method: Method,
        label: &Label,
        seed: &RecoverySeed,
    ) -> Decision<Result<Bound, Refusal>> {
        let allowed = self.may_bind(cx).and_then(|()| self.has_room(method));
        if let Err(refusal) = allowed {
            return Decision::refused(refusal);
        }
        let mut happened =
            Vec::from([DraftEvent::plain(EventKind::Bound { replaces: None }).on(device, method)]);
        let ended = self.bind(
            cx.now,
            Device {
                id: device,
                label: label.clone(),
                status: DeviceStatus::Confirmed,
                bound_at: cx.now,
                last_used: None,
                imported: false,
                probation: cx.proof.and_then(|proof| proof.probation),
                fingerprint: None,
                factor: Factor::External(method),
                openly: cx.proof.is_none(),
            },
        );
        happened.extend(ended.into_iter().map(DraftEvent::plain));
        let recovery_codes = self.issue_first_codes(cx, seed, &mut happened);
        let answer = Bound { device, recovery_codes };
        self.change(answer, happened)
    }

    /// The host's word on a passkey or certificate, accepted once for each challenge.
    pub(crate) fn finish_external(
        self: Box<Self>,
        cx: &Context<'_>,
        assertion: &Assertion,
        purpose: &AnyPurpose,
    ) -> Round<Verdict<Proven>> {
        let challenge = Returned::open(cx.keys, cx.id, &assertion.challenge)?;
        Ok(match challenge.filter(|challenge| self.is_live(cx, challenge)) {
            _ if self.offboarded_at.is_some() => left(NO_WAIT, purpose),
            Some(challenge) => self.decide_external(cx, assertion, &challenge, purpose),
            None => expired(purpose),
        })
    }

    fn decide_external(
        self: Box<Self>,
        cx: &Context<'_>,
        assertion: &Assertion,
        challenge: &Returned,
        purpose: &AnyPurpose,
    ) -> Decision<Verdict<Proven>> {
        let device = self.device(assertion.device);
        let device = device.filter(|device| device.in_use() && self.is_open());
        let device = device.filter(|device| matches!(device.factor, Factor::External(_)));
        let why = match device {
            _ if !self.is_open() => self.why_rejected(false, false),
            None => RejectionReason::NoDevice,
            Some(_) if challenge.purpose != purpose.to_string() => RejectionReason::WrongPurpose,
            Some(_) if !assertion.passed => RejectionReason::HostCheckFailed,
            Some(device) => {
                let (id, method) = (device.id, device.method());
                let decision = self.accept_external(cx, (id, method), challenge, purpose);
                let user_verified = assertion.user_verified;
                return decision
                    .map(|verdict| verdict.map(|proven| Proven { user_verified, ..proven }));
            }
        };
        let mut event = DraftEvent::plain(EventKind::Rejected(why)).purpose(purpose);
        if let Some(device) = device {
            event = event.on(device.id, device.method());
        }
        Decision::unchanged(Verdict::Rejected { tries_left: NO_WAIT }, event)
    }

    fn is_live(&self, cx: &Context<'_>, challenge: &Returned) -> bool {
        let lifetime = cx.policy.challenge_lifetime().as_u64();
        let Returned { id, issued_at, .. } = *challenge;
        issued_at.lasts(lifetime, cx.now)
            && !self.used.has(UsedChallenge { id, issued_at }, lifetime, cx.now)
    }

    fn accept_external(
        mut self: Box<Self>,
        cx: &Context<'_>,
        (device, method): (DeviceId, Method),
        challenge: &Returned,
        purpose: &AnyPurpose,
    ) -> Decision<Verdict<Proven>> {
        // Nothing that the owner of a passkey repeats may keep a revocation from being stored.
        let of_kind = self.devices.iter().filter(|one| matches!(one.factor, Factor::External(_)));
        let last = of_kind.filter_map(|device| device.last_used).max();
        if let Some(last) = last.filter(|at| *at >= cx.now && at.has_begun(cx.now)) {
            return waiting(last.plus(1), purpose);
        }
        self.used.push(UsedChallenge { id: challenge.id, issued_at: challenge.issued_at });
        let mut on_probation = false;
        if let Some(device) = self.device_mut(device) {
            device.last_used = Some(cx.now);
            on_probation = device.on_probation(purpose, cx.now);
        }
        if on_probation {
            return self.refuse_on_probation((device, method), purpose);
        }
        self.accept_as(cx, Some(device), method, purpose, Vec::new())
    }
}

/// A method that the host checks itself.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let id = countersign::AccountId::new("42")?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::mfa::ExternalMethod;
/// // A smart card whose certificate the host's TLS has checked.
/// let bound = dana.bind_external("Staff card", ExternalMethod::Pki, &mut rng).run(&store)?;
/// let summary = dana.summary().run(&store)?.ok_or("no record")?;
/// assert_eq!(summary.devices[0].id, bound.device());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExternalMethod {
    /// A WebAuthn credential.
    Passkey,
    /// A certificate on a smart card or device.
    Pki,
}
