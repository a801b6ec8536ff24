//! Binding a device: started, confirmed by one of its codes, or brought over.
//!
//! Standard: NIST SP 800-63B-4 section 4.1.2.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand::CryptoRng;

use crate::account::{
    Account, Actor, AnyPurpose, ChallengeId, ChangeFactors, Class, Device, DeviceId, DeviceStatus,
    EventKind, ExistingDevice, Factor, ImportedState, Label, MAX_EXTERNAL_DEVICES, MAX_OTP_DEVICES,
    Method, Pending, Proof, RecoveryCodes, RecoverySeed, Refusal, RejectionReason, SignIn,
    class_of, typed_code,
};
use crate::mfa::answer::Verdict;
use crate::mfa::decision::{Context, Decision, DraftEvent, expired, malformed, waiting};
use crate::mfa::handle::AccountAt;
use crate::mfa::operation::{Attempt, Change, without_traces};
use crate::otp::{Algorithm, Code, Digits, ProvisioningUri, Secret, UriError};
use crate::text::Text;
use crate::time::UnixTime;

impl<'m> AccountAt<'m> {
    /// Starts the enrolment of an authenticator app.
    ///
    /// A person's first factor needs no proof, nor does one after an operator's reset; any other
    /// needs [`Change::proven_by`]. It satisfies nothing until it is confirmed, and a second start
    /// replaces it. Emits `EnrolmentStarted`. NIST SP 800-63B-4 section 4.1.2.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = countersign::AccountId::new("42")?;
    /// # let dana = mfa.account(&id).at(now);
    /// // The page shows the URI as a QR code, once, and asks for the first code.
    /// let pending = dana.enrol("Dana's phone", &mut rng).run(&store)?;
    /// assert_eq!(pending.uri("Acme Billing", "dana")?.issuer(), Some("Acme Billing"));
    /// assert_eq!(pending.until(), now.plus(600));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn enrol(
        &self,
        label: &str,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, PendingEnrolment, Proof<ChangeFactors>> {
        self.enrol_app(label, None, rng)
    }

    /// Starts an enrolment as [`AccountAt::enrol`] does, whose confirmation revokes `old` in the same
    /// write.
    ///
    /// NIST SP 800-63B-4 section 4.1.4.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::{ChangeFactors, SignIn};
    /// let verdict = dana.verify(&phone.code(now), ChangeFactors).run(&store);
    /// let proof = verdict.accepted().ok_or("wrong code")?;
    /// // A new phone: the old one works until the new one is confirmed.
    /// let pending = dana.replace(phone.device, "New phone", proof, &mut rng).run(&store)?;
    /// assert_ne!(pending.device(), phone.device);
    /// assert!(dana.verify(&phone.code(now.plus(30)), SignIn).run(&store).accepted().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn replace(
        &self,
        old: DeviceId,
        label: &str,
        proof: Proof<ChangeFactors>,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, PendingEnrolment, Proof<ChangeFactors>> {
        self.enrol_app(label, Some(old), rng).proven_by(proof)
    }

    fn enrol_app(
        &self,
        label: &str,
        replaces: Option<DeviceId>,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, PendingEnrolment, Proof<ChangeFactors>> {
        let parameters = self.policy().parameters();
        let secret = Secret::generate_boxed(parameters.algorithm, rng);
        let factor = Factor::Totp { secret, parameters, last_step: None, drift: 0, offset: 0 };
        self.start_enrolment(label, factor, replaces, rng)
    }

    /// Starts the enrolment of a counter-based authenticator with a new secret, as
    /// [`AccountAt::enrol`].
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = countersign::AccountId::new("42")?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::{Digits, Hotp};
    /// // A token that the host writes the secret to.
    /// let pending = dana.enrol_hotp("Token", Digits::Eight, &mut rng).run(&store)?;
    /// let uri = pending.uri("Acme Billing", "dana")?;
    /// let typed = Hotp::new(uri.secret(), uri.algorithm(), uri.digits()).generate(0);
    /// let verdict = dana.confirm(pending.id(), typed.expose_str(), &mut rng).run(&store);
    /// assert!(verdict.accepted().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn enrol_hotp(
        &self,
        label: &str,
        digits: Digits,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, PendingEnrolment, Proof<ChangeFactors>> {
        let algorithm = Algorithm::Sha1;
        let secret = Secret::generate_boxed(algorithm, rng);
        let factor = Factor::Hotp { secret, algorithm, digits, next: Some(0) };
        self.start_enrolment(label, factor, None, rng)
    }

    /// Starts the enrolment of a device whose secret exists already, as [`AccountAt::enrol`]: a token
    /// with a seed file. A secret that a device of the person has already is refused.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = countersign::AccountId::new("42")?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::account::{ExistingDevice, Label};
    /// use countersign::{otp::Parameters, Algorithm, Secret};
    /// # let secret = Secret::generate(Algorithm::Sha1, &mut rng);
    /// // A token out of the box, with the secret of its line in the seed file.
    /// let token = ExistingDevice::totp(Label::new("Token 7")?, secret, Parameters::default(), None);
    /// let pending = dana.enrol_existing(token, &mut rng).run(&store)?;
    /// assert!(pending.until() > now); // the person confirms it with a code
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn enrol_existing(
        &self,
        device: ExistingDevice,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, PendingEnrolment, Proof<ChangeFactors>> {
        let ExistingDevice { label, secret, moving } = device;
        self.start_enrolment(label.as_str(), moving.factor(secret), None, rng)
    }

    fn start_enrolment(
        &self,
        label: &str,
        factor: Factor,
        replaces: Option<DeviceId>,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, PendingEnrolment, Proof<ChangeFactors>> {
        let (id, device) = (ChallengeId::generate(rng), DeviceId::from_u64(rng.next_u64()));
        let label = Text::new(label);
        self.change(move |account, cx| {
            let label = label.as_ref().map_err(|error| *error)?;
            let decision = account.enrol(cx, id, device, label, &factor, replaces);
            Ok(decision.map(|answer| {
                let factor = || factor.duplicate();
                answer.map(|until| PendingEnrolment { id, device, until, factor: factor() })
            }))
        })
    }

    /// Binds a pending device by one of its codes, which is burnt. Takes what a person pastes, as
    /// [`AccountAt::verify`].
    ///
    /// The answer is a proof to sign in with. With a person's first factor come recovery codes, shown
    /// once. The epoch rises. Emits `Bound`, `Revoked` for a device that is replaced, and
    /// `RecoveryCodesIssued`; or `Rejected`, on the failures of its class. NIST SP 800-63B-4 section
    /// 4.1.2.2.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = countersign::AccountId::new("42")?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::Totp;
    /// let pending = dana.enrol("Dana's phone", &mut rng).run(&store)?;
    /// let uri = pending.uri("Acme Billing", "dana")?;
    /// let phone = Totp::new(uri.secret(), uri.totp_parameters().ok_or("not TOTP")?);
    /// // The person types the first code of the app.
    /// let typed = phone.generate(now).ok_or("before T0")?;
    /// let verdict = dana.confirm(pending.id(), typed.expose_str(), &mut rng).run(&store);
    /// let bound = verdict.accepted().ok_or("wrong code")?;
    /// assert!(bound.recovery_codes().is_some_and(|codes| codes.len() == 10)); // show them once
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn confirm(
        &self,
        pending: ChallengeId,
        code: &str,
        rng: &mut impl CryptoRng,
    ) -> Attempt<'m, Confirmed> {
        without_traces(|| {
            let code = typed_code(code);
            let seed = RecoverySeed::generate(rng);
            Attempt::new(self.operation(move |account, cx| {
                Ok(account.confirm(cx, pending, code.as_ref(), &seed))
            }))
        })
    }

    /// Brings over a device that another system enrolled, on the host's word, without a code.
    ///
    /// For a migration, row by row; the same secret a second time is refused, so a migration can be
    /// run again. Refused as well once the person has used a factor here. A short secret is marked
    /// for as long as the device lives. Emits `Imported`.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = countersign::AccountId::new("42")?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::account::{ExistingDevice, Label};
    /// use countersign::{otp::Parameters, Algorithm, ProvisioningUri, Secret};
    /// # let secret = Secret::generate(Algorithm::Sha1, &mut rng);
    /// # let uri = ProvisioningUri::totp("Old", "dana", &secret, Parameters::default())?;
    /// // A row of the old system's export; a second run of the migration is refused.
    /// let label = Label::new("App")?;
    /// let row = || ExistingDevice::from_uri(label.clone(), &uri, None);
    /// assert!(dana.import(row(), &mut rng).run(&store).is_ok());
    /// assert!(dana.import(row(), &mut rng).run(&store).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn import(&self, device: ExistingDevice, rng: &mut impl CryptoRng) -> Change<'m, DeviceId> {
        let number = DeviceId::from_u64(rng.next_u64());
        self.change(move |account, cx| Ok(account.import(cx, number, &device)))
            .acted_by(Actor::Host)
    }
}

impl Account {
    /// Starts an enrolment: NIST SP 800-63B-4 section 4.1.2. A second start replaces the first.
    pub(crate) fn enrol(
        mut self: Box<Self>,
        cx: &Context<'_>,
        id: ChallengeId,
        device: DeviceId,
        label: &Label,
        factor: &Factor,
        replaces: Option<DeviceId>,
    ) -> Decision<Result<UnixTime, Refusal>> {
        let until = cx.now.plus(cx.policy.pending_lifetime().as_u64());
        let allowed = self.may_bind(cx).and_then(|()| match replaces {
            Some(old) => self.replaceable(old, factor.method()),
            None => self.has_room(factor.method()),
        });
        // A second device on one secret would take every code of the first once more.
        let allowed = allowed.and_then(|()| match factor.secret() {
            Some(secret) if self.holds(secret) => Err(Refusal::AlreadyBound),
            _ => Ok(()),
        });
        if let Err(refusal) = allowed {
            return Decision::refused(refusal);
        }
        let method = factor.method();
        self.pending = Some(Pending {
            id,
            until,
            device: Device {
                id: device,
                label: label.clone(),
                status: DeviceStatus::Confirmed, // once it is among the devices
                bound_at: cx.now,
                last_used: None,
                imported: false,
                factor: factor.duplicate(),
            },
            replaces,
            sent: None,
        });
        let event = DraftEvent::plain(EventKind::EnrolmentStarted { until }).on(device, method);
        self.change(until, Vec::from([event]))
    }

    /// NIST SP 800-63B-4 section 4.1.2.2: a pending device becomes a bound one by one of its codes,
    /// which is burnt. On the budget that its class has anywhere else.
    pub(crate) fn confirm(
        mut self: Box<Self>,
        cx: &Context<'_>,
        pending: ChallengeId,
        typed: Option<&Code>,
        seed: &RecoverySeed,
    ) -> Decision<Verdict<Confirmed>> {
        let purpose = AnyPurpose::ChangeFactors;
        let live = self.pending.as_ref().filter(|live| live.id == pending && cx.now <= live.until);
        let Some(class) = live.filter(|_| self.is_open()).map(|live| live.device.class()) else {
            return expired(&purpose);
        };
        if let Some(until) = self.budgets.of(class).waits_until(&cx.policy.throttle(class), cx.now)
        {
            return waiting(until, &purpose);
        }
        let Some(typed) = typed else { return malformed(&purpose) };
        let Some(mut pending) = self.pending.take() else { return expired(&purpose) };
        let (right, moving_factor) = match &mut pending.sent {
            Some((sent, _)) => (sent.is(&pending.id, typed), None),
            None => {
                let scan = pending.device.scan(cx.policy, cx.now, typed);
                let accepted = scan.and_then(|scan| scan.accepted());
                (accepted.is_some(), accepted)
            }
        };
        let (device, method) = (pending.device.id, pending.device.method());
        if !right {
            // A sent code ends with its tries; a shown secret lasts its ten minutes.
            let dead = match &mut pending.sent {
                Some((_, failures)) => {
                    *failures = failures.saturating_add(1);
                    u64::from(*failures) >= cx.policy.challenge_tries().as_u64()
                }
                None => false,
            };
            self.pending = (!dead).then_some(pending);
            let event = DraftEvent::plain(EventKind::Rejected(RejectionReason::WrongCode))
                .on(device, method);
            return self.reject(cx, class, event.purpose(&purpose));
        }
        self.bind_pending(cx, pending, moving_factor, seed)
    }

    /// The end of a right [`Account::confirm`]: the device is bound, and the one that it replaces ends.
    fn bind_pending(
        mut self: Box<Self>,
        cx: &Context<'_>,
        pending: Pending,
        moving_factor: Option<u64>,
        seed: &RecoverySeed,
    ) -> Decision<Verdict<Confirmed>> {
        let Pending { device: mut bound, replaces, .. } = pending;
        let (device, method, class) = (bound.id, bound.method(), bound.class());
        if let Some(moving_factor) = moving_factor {
            bound.accept(cx.policy, cx.now, moving_factor, false);
        }
        bound.bound_at = cx.now;
        bound.last_used = Some(cx.now); // a telephone as well: it has no moving factor to burn
        let mut happened = Vec::new();
        if let Some(old) = replaces.and_then(|old| self.device_mut(old)) {
            let was = old.method();
            old.retire(DeviceStatus::Revoked);
            happened.push(DraftEvent::plain(EventKind::Revoked).on(old.id, was));
        }
        happened.push(DraftEvent::plain(EventKind::Bound { replaces }).on(device, method));
        self.budgets.of_mut(class).forgive();
        self.bind(cx.now, bound);
        let recovery_codes =
            self.recovery.is_none().then(|| self.issue_recovery_codes(cx, seed, &mut happened));
        let proven = self.proof(cx, Some(device), method, &AnyPurpose::SignIn);
        let proof = Proof { proven: Box::new(proven), purpose: SignIn };
        let answer = Confirmed { bound: Bound { device, recovery_codes }, proof };
        Decision { answer: Verdict::Accepted(answer), next: Some(self), happened }
    }

    /// Brings a device over from another system, unconfirmed, on the host's word.
    ///
    /// Only into an account that has not been used here: once a person has signed in, an import
    /// would be a way to bind a device without a proof.
    pub(crate) fn import(
        mut self: Box<Self>,
        cx: &Context<'_>,
        device: DeviceId,
        import: &ExistingDevice,
    ) -> Decision<Result<DeviceId, Refusal>> {
        let method = match import.moving {
            ImportedState::Totp { .. } => Method::Totp,
            ImportedState::Hotp { .. } => Method::Hotp,
        };
        let used_here = |device: &Device| !device.imported || device.last_used.is_some();
        let refusal = if self.offboarded_at.is_some() {
            Err(Refusal::Offboarded)
        } else if self.holds(&import.secret) {
            Err(Refusal::AlreadyBound)
        } else if self.recovery.is_some() || self.devices.iter().any(used_here) {
            Err(Refusal::ProofRequired)
        } else {
            self.has_room(method)
        };
        if let Err(refusal) = refusal {
            return Decision::refused(refusal);
        }
        let secret = import.secret.duplicate();
        let moving = match import.moving {
            ImportedState::Totp { parameters, last_step } => {
                let present = parameters.step_at(cx.now);
                ImportedState::Totp { parameters, last_step: last_step.or(present) }
            }
            hotp @ ImportedState::Hotp { .. } => hotp,
        };
        let factor = moving.factor(secret);
        self.bind(
            cx.now,
            Device {
                id: device,
                label: import.label.clone(),
                status: DeviceStatus::Confirmed,
                bound_at: cx.now,
                last_used: None,
                imported: true,
                factor,
            },
        );
        let kind = EventKind::Imported { short_secret: import.secret.is_short() };
        self.change(device, Vec::from([DraftEvent::plain(kind).on(device, method)]))
    }

    pub(crate) fn has_room(&self, method: Method) -> Result<(), Refusal> {
        let class = class_of(method);
        let same = |device: &&Device| device.in_use() && device.class() == class;
        let limit = match class {
            Class::Codes => MAX_OTP_DEVICES,
            Class::External => MAX_EXTERNAL_DEVICES,
            Class::OutOfBand => 1,
            Class::Recovery => 0,
        };
        let count = self.devices.iter().filter(same).count();
        if count < limit { Ok(()) } else { Err(Refusal::TooManyDevices) }
    }

    pub(crate) fn replaceable(&self, old: DeviceId, by: Method) -> Result<(), Refusal> {
        match self.device(old).map(|old| (old.status, old.class())) {
            Some((DeviceStatus::Confirmed, class)) if class == class_of(by) => Ok(()),
            Some((DeviceStatus::Confirmed | DeviceStatus::Disabled, _)) => self.has_room(by),
            _ => Err(Refusal::NoSuchDevice),
        }
    }

    pub(crate) fn issue_recovery_codes(
        &mut self,
        cx: &Context<'_>,
        seed: &RecoverySeed,
        happened: &mut Vec<DraftEvent>,
    ) -> RecoveryCodes {
        let (codes, set) = seed.issue(cx.policy.recovery_codes().as_u64(), cx.now);
        let kind = EventKind::RecoveryCodesIssued { count: set.left() };
        happened.push(DraftEvent::plain(kind).by(Method::RecoveryCode));
        self.recovery = Some(set);
        codes
    }
}

/// An enrolment that waits for its first code.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let id = countersign::AccountId::new("42")?;
/// # let dana = mfa.account(&id).at(now);
/// // The session keeps the id; the page shows the URI as a QR code, once.
/// let pending = dana.enrol("Dana's phone", &mut rng).run(&store)?;
/// let (id, uri) = (pending.id(), pending.uri("Acme Billing", "dana")?);
/// assert!(uri.expose_uri().starts_with("otpauth://totp/Acme%20Billing:dana?secret="));
/// # let _ = id;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "show the URI as a QR code, then confirm with a code"]
pub struct PendingEnrolment {
    id: ChallengeId,
    device: DeviceId,
    until: UnixTime,
    factor: Factor,
}

impl PendingEnrolment {
    /// What [`AccountAt::confirm`] has to name.
    #[must_use]
    pub const fn id(&self) -> ChallengeId {
        self.id
    }

    /// The number the device will have.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.device
    }

    /// Until when it can be confirmed.
    #[must_use]
    pub const fn until(&self) -> UnixTime {
        self.until
    }

    /// The `otpauth://` URI, to be shown once as a QR code, to this person alone: an attacker who scans
    /// it has the device.
    ///
    /// # Errors
    /// [`UriError`] if the names do not fit a URI, or the parameters cannot be said in one.
    pub fn uri(&self, issuer: &str, account: &str) -> Result<ProvisioningUri, UriError> {
        self.factor.uri(issuer, account)
    }
}

/// A device that is in place and works, and what came with it.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let id = countersign::AccountId::new("42")?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::mfa::{Bound, ExternalMethod};
/// // What the page after a registration shows.
/// let bound = dana.bind_external("Laptop", ExternalMethod::Passkey, &mut rng).run(&store)?;
/// let bound: Bound = bound.into_inner();
/// assert_eq!(bound.recovery_codes().map(|codes| codes.len()), Some(10));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "recovery codes are shown now or never"]
pub struct Bound {
    pub(crate) device: DeviceId,
    pub(crate) recovery_codes: Option<RecoveryCodes>,
}

impl Bound {
    /// The device's number.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.device
    }

    /// Recovery codes, issued with the person's first factor.
    #[must_use]
    pub const fn recovery_codes(&self) -> Option<&RecoveryCodes> {
        self.recovery_codes.as_ref()
    }
}

/// A device bound by one of its codes. The code proved possession, so this is a proof as well.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let id = countersign::AccountId::new("42")?;
/// # let dana = mfa.account(&id).at(now);
/// # let pending = dana.enrol("Dana's phone", &mut rng).run(&store)?;
/// # let uri = pending.uri("Acme Billing", "dana")?;
/// # let phone = countersign::Totp::new(uri.secret(), uri.totp_parameters().ok_or("not TOTP")?);
/// # let typed = phone.generate(now).ok_or("before T0")?;
/// # let typed = typed.expose_str();
/// let verdict = dana.confirm(pending.id(), typed, &mut rng).run(&store);
/// let confirmed = verdict.accepted().ok_or("wrong code")?;
/// // The person has just shown the device: the session opens without a second code.
/// assert_eq!(confirmed.device(), pending.device());
/// let proof = confirmed.into_proof();
/// assert_eq!(proof.account(), &id);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "recovery codes are shown now or never"]
pub struct Confirmed {
    pub(crate) bound: Bound,
    pub(crate) proof: Proof<SignIn>,
}

impl Confirmed {
    /// The device's number.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.bound.device
    }

    /// The account's new epoch: sessions opened under a lower one should end.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.proof.epoch()
    }

    /// Recovery codes, issued with the person's first factor.
    #[must_use]
    pub const fn recovery_codes(&self) -> Option<&RecoveryCodes> {
        self.bound.recovery_codes()
    }

    /// Takes the proof out, to open a session with.
    pub fn into_proof(self) -> Proof<SignIn> {
        self.proof
    }
}
