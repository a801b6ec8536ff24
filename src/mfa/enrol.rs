//! Starting an enrolment: of an app, of a token, of a device whose secret exists already.
//!
//! Standard: NIST SP 800-63B-4 section 4.1.2.

use alloc::{boxed::Box, vec::Vec};

use rand::CryptoRng;

use crate::account::{
    Account, ChallengeId, ChangeFactors, Class, Device, DeviceId, DeviceStatus, EventKind,
    ExistingDevice, Factor, Label, MAX_EXTERNAL_DEVICES, MAX_FORMER_SECRETS, MAX_OTP_DEVICES,
    MayChangeOwnFactors, Method, Pending, Proof, Refusal, class_of,
};
use crate::mfa::decision::{Context, Decision, DraftEvent};
use crate::mfa::handle::AccountAt;
use crate::mfa::operation::Change;
use crate::otp::{Algorithm, Digits, ProvisioningUri, Secret, UriError};
use crate::text::Text;
use crate::time::UnixTime;

/// Seconds between two starts: an attacker who starts without end must not hinder a revocation.
const BETWEEN_STARTS: u64 = 30;

pub(crate) enum Offered {
    New(Factor),
    Existing(ExistingDevice),
}

impl<'m> AccountAt<'m> {
    /// Starts the enrolment of an authenticator app.
    ///
    /// A person's first factor needs no proof where [`Policy::first_enrolment`](crate::Policy::first_enrolment)
    /// says so; any other needs [`Change::proven_by`], with a proof or an operator's pass. It satisfies nothing until it is confirmed, within ten minutes. A second
    /// start replaces it, 30 seconds later at the earliest. Emits `EnrolmentStarted`. NIST SP 800-63B-4
    /// section 4.1.2.
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
    pub fn replace<A: MayChangeOwnFactors>(
        &self,
        old: DeviceId,
        label: &str,
        proof: A,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, PendingEnrolment, A> {
        self.enrol_app(label, Some(old), rng).proven_by(proof)
    }

    fn enrol_app(
        &self,
        label: &str,
        replaces: Option<DeviceId>,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, PendingEnrolment, Proof<ChangeFactors>> {
        let parameters = self.account.policy.parameters();
        let secret = Secret::generate_boxed(parameters.algorithm, rng);
        let factor = Factor::Totp { secret, parameters, last_step: None, drift: 0, offset: 0 };
        self.start_enrolment(label, Offered::New(factor), replaces, rng)
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
        self.start_enrolment(label, Offered::New(factor), None, rng)
    }

    /// Starts the enrolment of a device whose secret exists already, as [`AccountAt::enrol`]: a token
    /// with a seed file. Refused: a secret that a device of the person has already, or that was reported
    /// lost. A secret that was in use before comes back above its last used code.
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
        let label = device.label.clone();
        self.start_enrolment(label.as_str(), Offered::Existing(device), None, rng)
    }

    /// Starts an enrolment as [`AccountAt::enrol_existing`] does, whose confirmation revokes `old` in the
    /// same write: a new token for an old one.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::account::{ExistingDevice, Label};
    /// use countersign::{Algorithm, ChangeFactors, Digits, Secret};
    /// # let secret = Secret::generate(Algorithm::Sha1, &mut rng);
    /// let verdict = dana.verify(&phone.code(now), ChangeFactors).run(&store);
    /// let proof = verdict.accepted().ok_or("wrong code")?;
    /// // A line of the seed file, for a person who no longer wants the phone.
    /// let label = Label::new("Token 7")?;
    /// let token = ExistingDevice::hotp(label, secret, Algorithm::Sha1, Digits::Six, 0);
    /// let pending = dana.replace_with_existing(phone.device, token, proof, &mut rng).run(&store)?;
    /// assert_ne!(pending.device(), phone.device);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn replace_with_existing<A: MayChangeOwnFactors>(
        &self,
        old: DeviceId,
        device: ExistingDevice,
        proof: A,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, PendingEnrolment, A> {
        let label = device.label.clone();
        self.start_enrolment(label.as_str(), Offered::Existing(device), Some(old), rng)
            .proven_by(proof)
    }

    /// Returns a waiting enrolment once more, with the same secret, to the session that the host named when
    /// it began ([`Change::for_session`]). A page that is loaded again must not make a new secret, because
    /// the app holds the first one.
    ///
    /// Writes nothing, and counts no try. Refused as not found: another session, an empty one, an enrolment
    /// that named none, and one that has ended. ASVS 6.6.2.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = countersign::AccountId::new("42")?;
    /// # let dana = mfa.account(&id).at(now);
    /// # let (session, another) = ("8f1c6a", "03b97d");
    /// let pending = dana.enrol("Phone", &mut rng).for_session(session).run(&store)?;
    /// let scanned = pending.uri("Acme Billing", "dana")?;
    /// // The page is loaded again: the same QR code.
    /// let again = dana.show_pending(pending.id(), session).run(&store)?;
    /// assert_eq!(again.uri("Acme Billing", "dana")?.expose_uri(), scanned.expose_uri());
    /// // An attacker who saw the id in a form has another session.
    /// assert!(dana.show_pending(pending.id(), another).run(&store).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn show_pending(
        &self,
        pending: ChallengeId,
        session: impl AsRef<[u8]>,
    ) -> Change<'m, PendingEnrolment> {
        self.change(move |account, cx| Ok(account.show_pending(cx, pending)))
            .in_session(session.as_ref())
    }

    fn start_enrolment(
        &self,
        label: &str,
        offered: Offered,
        replaces: Option<DeviceId>,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, PendingEnrolment, Proof<ChangeFactors>> {
        let (id, device) = (ChallengeId::generate(rng), DeviceId::from_u64(rng.next_u64()));
        let label = Text::new(label);
        self.change(move |account, cx| {
            let label = label.as_ref().map_err(|error| *error)?;
            Ok(account.enrol(cx, (id, device), label, &offered, replaces))
        })
    }
}

impl Account {
    /// Starts an enrolment: NIST SP 800-63B-4 section 4.1.2. A second start replaces the first.
    pub(crate) fn enrol(
        mut self: Box<Self>,
        cx: &Context<'_>,
        (id, device): (ChallengeId, DeviceId),
        label: &Label,
        offered: &Offered,
        replaces: Option<DeviceId>,
    ) -> Decision<Result<PendingEnrolment, Refusal>> {
        let method = match offered {
            Offered::New(factor) => factor.method(),
            Offered::Existing(existing) => existing.method(),
        };
        let allowed = self.may_start(cx).and_then(|()| match replaces {
            Some(old) => self.replaceable(old, method),
            None => self.has_room(method),
        });
        let factor = allowed.and_then(|()| match offered {
            Offered::New(factor) => Ok(factor.duplicate()),
            Offered::Existing(existing) => self.admit(cx, existing),
        });
        let factor = match factor {
            Ok(factor) => factor,
            Err(refusal) => return Decision::refused(refusal),
        };
        let fingerprint = factor.hmac_key().and_then(|key| cx.keys.fingerprint(&key[..]));
        let pending = Pending {
            id,
            at: cx.now,
            device: Device {
                id: device,
                label: label.clone(),
                status: DeviceStatus::Confirmed, // once it is among the devices
                bound_at: cx.now,
                last_used: None,
                imported: false,
                probation: cx.proof.and_then(|proof| proof.probation),
                fingerprint,
                factor: factor.duplicate(),
                openly: cx.proof.is_none(),
            },
            replaces,
            proven: cx.proof.is_some_and(|proof| proof.method != Method::Pass),
            failures: 0,
            sent: None,
            session: cx.session,
        };
        let until = pending.until(cx.policy);
        self.pending = Some(pending);
        self.enrolment_began = Some(cx.now);
        let event = DraftEvent::plain(EventKind::EnrolmentStarted { until }).on(device, method);
        self.change(PendingEnrolment { id, device, until, factor }, Vec::from([event]))
    }

    /// The id alone shows nothing: it is in forms and logs, and the secret is the device.
    fn show_pending(
        &self,
        cx: &Context<'_>,
        id: ChallengeId,
    ) -> Decision<Result<PendingEnrolment, Refusal>> {
        let pending = self.pending.as_ref().filter(|pending| {
            let session = pending.session.zip(cx.session);
            let same = session.is_some_and(|(its, named)| its.is(&named));
            same && pending.id == id && pending.lasts(cx.policy, cx.now)
        });
        let Some(pending) = pending else { return Decision::refused(Refusal::NotFound) };
        let Device { id: device, factor, .. } = &pending.device;
        let (until, factor) = (pending.until(cx.policy), factor.duplicate());
        let answer = Ok(PendingEnrolment { id, device: *device, until, factor });
        Decision { answer, next: None, dummy: None, happened: Vec::new() }
    }

    pub(crate) fn may_start(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        self.may_bind(cx)?;
        match self.enrolment_began {
            Some(at) if at.lasts(BETWEEN_STARTS.saturating_sub(1), cx.now) => {
                Err(Refusal::TooSoon { until: at.min(cx.now).plus(BETWEEN_STARTS) })
            }
            _ => Ok(()),
        }
    }

    /// The factor of a secret that exists already. One that was in use before comes back above the last
    /// code that was used: a secret whose old codes worked again would accept one twice.
    pub(crate) fn admit(
        &self,
        cx: &Context<'_>,
        existing: &ExistingDevice,
    ) -> Result<Factor, Refusal> {
        if existing.clock_error.unsigned_abs() > cx.policy.clock_reach().as_u64() {
            return Err(Refusal::ClockTooFar);
        }
        // A second device on one secret would take every code of the first once more.
        let factor = existing.factor(None);
        let Some(key) = factor.hmac_key() else { return Err(Refusal::NotPermitted) };
        if self.holds(&key) {
            return Err(Refusal::AlreadyBound);
        }
        let mut used = None;
        for former in self.former.iter().filter(|former| former.is(&key)) {
            if former.lost {
                return Err(Refusal::ReportedLost);
            }
            used = used.max(former.last);
        }
        if self.former.len() >= MAX_FORMER_SECRETS {
            return Err(Refusal::TooManyFormerDevices);
        }
        Ok(existing.factor(used))
    }

    pub(crate) fn has_room(&self, method: Method) -> Result<(), Refusal> {
        let kind = |method| (class_of(method), matches!(method, Method::Passkey | Method::Pki));
        let same = |device: &&Device| device.in_use() && kind(device.method()) == kind(method);
        let limit = match class_of(method) {
            Some(Class::Codes) => MAX_OTP_DEVICES,
            Some(Class::OutOfBand) => 1,
            None => MAX_EXTERNAL_DEVICES,
        };
        let count = self.devices.iter().filter(same).count();
        if count < limit { Ok(()) } else { Err(Refusal::TooManyDevices) }
    }

    pub(crate) fn replaceable(&self, old: DeviceId, by: Method) -> Result<(), Refusal> {
        match self.device(old).map(|old| (old.status, old.class())) {
            Some((DeviceStatus::Confirmed, class)) if class == class_of(by) => Ok(()),
            Some((DeviceStatus::Confirmed, _)) => self.has_room(by),
            _ => Err(Refusal::NoSuchDevice),
        }
    }
}

impl<'m, T> Change<'m, T, Proof<ChangeFactors>> {
    /// Adds the proof that allows the enrolment. A person's first factor has none to add.
    pub fn proven_by<A: MayChangeOwnFactors>(self, proof: A) -> Change<'m, T, A> {
        self.allowed_by(proof)
    }
}

impl<A> Change<'_, PendingEnrolment, A> {
    /// Names the host's session, so that [`AccountAt::show_pending`] can show the enrolment to it once more.
    /// Only a digest is kept. An empty name is as none.
    pub fn for_session(self, session: impl AsRef<[u8]>) -> Self {
        self.in_session(session.as_ref())
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
    /// The number that [`AccountAt::confirm`] has to name.
    pub const fn id(&self) -> ChallengeId {
        self.id
    }

    /// The number the device will have.
    pub const fn device(&self) -> DeviceId {
        self.device
    }

    /// Until when it can be confirmed.
    pub const fn until(&self) -> UnixTime {
        self.until
    }

    /// The `otpauth://` URI, to be shown once as a QR code, to this person alone: an attacker who scans
    /// it has the device.
    ///
    /// # Errors
    /// [`UriError`] if the names do not fit a URI, or it cannot express the parameters.
    pub fn uri(&self, issuer: &str, account: &str) -> Result<ProvisioningUri, UriError> {
        self.factor.uri(issuer, account)
    }
}
