//! Passkeys and certificates, which the host checks.
//!
//! Standard: NIST SP 800-63B-4 section 3.2.5.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand::CryptoRng;

use crate::account::{
    Account, AnyPurpose, Assertion, Challenge, ChallengeId, ChangeFactors, Class, Device, DeviceId,
    DeviceStatus, EventKind, ExternalChallenge, Factor, Label, Method, Proof, Proven, Purpose,
    RecoverySeed, Refusal, RejectionReason, class_of,
};
use crate::mfa::answer::Verdict;
use crate::mfa::decision::{Context, Decision, DraftEvent, expired};
use crate::mfa::enrol::Bound;
use crate::mfa::handle::AccountAt;
use crate::mfa::operation::{Attempt, Change};
use crate::text::Text;

impl<'m> AccountAt<'m> {
    /// Binds a passkey or certificate that the host has registered and checked itself.
    ///
    /// Proof as for [`AccountAt::enrol`]; recovery codes come with a person's first factor. Emits
    /// `Bound`.
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

    /// Starts the host's own check of a passkey or certificate.
    ///
    /// The challenge has to be signed, or be kept beside the host's own. Emits `ChallengeIssued`.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = countersign::AccountId::new("42")?;
    /// # let dana = mfa.account(&id).at(now);
    /// # let method = countersign::mfa::ExternalMethod::Passkey;
    /// # let passkey = dana.bind_external("Laptop", method, &mut rng).run(&store)?.device();
    /// use countersign::SignIn;
    /// // The browser has to sign these bytes.
    /// let challenge = dana.start_external(SignIn, &mut rng).run(&store)?;
    /// assert_eq!(challenge.id().as_bytes().len(), 16);
    /// assert!(challenge.until() > now);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start_external(
        &self,
        purpose: impl Purpose,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, ExternalChallenge> {
        let (challenge, purpose) = (ChallengeId::generate(rng), purpose.to_any());
        self.change(move |account, cx| Ok(account.start_external(cx, &purpose, challenge)))
    }

    /// Takes the host's word on a passkey or certificate, once for each challenge.
    ///
    /// A failed check counts, and uses the challenge up as well. Emits `Accepted` or `Rejected`.
    /// NIST SP 800-63B-4 section 3.2.5: what makes a passkey or certificate phishing-resistant.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = countersign::AccountId::new("42")?;
    /// # let dana = mfa.account(&id).at(now);
    /// # let method = countersign::mfa::ExternalMethod::Passkey;
    /// # let passkey = dana.bind_external("Laptop", method, &mut rng).run(&store)?.device();
    /// use countersign::{account::Assertion, SignIn};
    /// let challenge = dana.start_external(SignIn, &mut rng).run(&store)?;
    /// // The host's WebAuthn library has checked signature, origin and presence.
    /// let word = Assertion::verified_by_host(challenge.id(), passkey);
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
    /// Binds a passkey or certificate that the host has just registered.
    pub(crate) fn bind_external(
        mut self: Box<Self>,
        cx: &Context<'_>,
        device: DeviceId,
        method: Method,
        label: &Label,
        seed: &RecoverySeed,
    ) -> Decision<Result<Bound, Refusal>> {
        let external = class_of(method) == Class::External;
        let allowed = self.may_bind(cx).and_then(|()| self.has_room(method));
        if let Err(refusal) = allowed {
            return Decision::refused(refusal);
        }
        if !external {
            return Decision::refused(Refusal::NotPermitted);
        }
        let mut happened =
            Vec::from([DraftEvent::plain(EventKind::Bound { replaces: None }).on(device, method)]);
        self.budgets.external.forgive();
        self.bind(
            cx.now,
            Device {
                id: device,
                label: label.clone(),
                status: DeviceStatus::Confirmed,
                bound_at: cx.now,
                last_used: None,
                imported: false,
                factor: Factor::External(method),
            },
        );
        let recovery_codes =
            self.recovery.is_none().then(|| self.issue_recovery_codes(cx, seed, &mut happened));
        let answer = Bound { device, recovery_codes };
        self.change(answer, happened)
    }

    /// Starts a host's check of a passkey or certificate.
    pub(crate) fn start_external(
        mut self: Box<Self>,
        cx: &Context<'_>,
        purpose: &AnyPurpose,
        id: ChallengeId,
    ) -> Decision<Result<ExternalChallenge, Refusal>> {
        let usable = |device: &&Device| device.in_use() && device.class() == Class::External;
        let bound = self.devices.iter().find(usable).map(|device| device.id);
        let throttle = cx.policy.throttle(Class::External);
        let wait = self.budgets.external.waits_until(&throttle, cx.now);
        let device = match (bound, wait) {
            _ if self.offboarded_at.is_some() => return Decision::refused(Refusal::Offboarded),
            (None, _) => return Decision::refused(Refusal::NothingBound),
            (_, Some(until)) => return Decision::refused(Refusal::TooSoon { until }),
            (Some(device), None) => device,
        };
        let until = cx.now.plus(cx.policy.challenge_lifetime().as_u64());
        self.external = Some(Challenge {
            id,
            purpose: purpose.clone(),
            until,
            device,
            failures: 0,
            sent: None,
        });
        let event = DraftEvent::plain(EventKind::ChallengeIssued { until }).purpose(purpose);
        self.change(ExternalChallenge { id, until }, Vec::from([event]))
    }

    /// The host's word on a passkey or certificate, once for each challenge, right or wrong.
    pub(crate) fn finish_external(
        mut self: Box<Self>,
        cx: &Context<'_>,
        assertion: &Assertion,
        purpose: &AnyPurpose,
    ) -> Decision<Verdict<Proven>> {
        if let Some(no) = self.gate(cx, Class::External, purpose) {
            return no;
        }
        let live = self.external.take_if(|live| live.id == assertion.id && cx.now <= live.until);
        let Some(challenge) = live else { return expired(purpose) };
        let id = assertion.device;
        let method = self.device(id).filter(|device| device.in_use()).map(Device::method);
        let method = method.filter(|method| class_of(*method) == Class::External);
        let same_purpose = challenge.purpose == *purpose;
        match method {
            Some(method) if assertion.passed && same_purpose => {
                self.budgets.external.forgive();
                if let Some(device) = self.device_mut(id) {
                    device.last_used = Some(cx.now);
                }
                self.accept_as(cx, Some(id), method, purpose, Vec::new())
            }
            _ => {
                let why = match method {
                    None => RejectionReason::NoDevice,
                    Some(_) if !same_purpose => RejectionReason::WrongPurpose,
                    Some(_) => RejectionReason::HostCheckFailed,
                };
                let mut event = DraftEvent::plain(EventKind::Rejected(why)).purpose(purpose);
                if let Some(method) = method {
                    event = event.on(id, method);
                }
                self.reject(cx, Class::External, event)
            }
        }
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
