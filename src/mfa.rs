//! The operations: everything that can be done to one person's account.
//!
//! Each method makes an [`Operation`]; nothing happens until it is run over a store. `now` is the
//! server's own clock. Attempts with a code answer with a [`Verdict`], changes with a [`Change`];
//! an error always means that nothing was decided.

use alloc::boxed::Box;

use rand::CryptoRng;
use zeroize::zeroize_stack;

use crate::account::{Account, Bound, Context, Decision};
use crate::challenge::{
    Assertion, ChallengeId, ChallengeSeed, ExternalChallenge, OutOfBand, PhoneNumber,
};
use crate::code::{Code, Digits};
use crate::device::{ExistingDevice, Factor};
use crate::event::Actor;
use crate::key::Algorithm;
use crate::operation::Operation;
use crate::policy::Policy;
use crate::proof::{Change, Proof, Purpose, Verdict};
use crate::record::Seal;
use crate::recovery::{RecoveryCode, RecoveryCodes, RecoverySeed};
use crate::secret::Secret;
use crate::summary::{AccountId, DeviceId, Method, Reason, Summary, Text, TextError};
use crate::time::UnixTime;
use crate::uri::{ProvisioningUri, UriError};

/// Bytes of stack below the call in which an operation is made. Enough for a release build:
/// `tests/evidence/tests/wiping.rs` looks.
const TRACES: usize = 2048;

/// A typed code is moved into its operation, and a move leaves a copy: whoever reads the stack later
/// would find a code that may not be spent yet. So the operation is made in a call of its own, and
/// the stack that it used is wiped.
fn without_traces<T>(make: impl FnOnce() -> T) -> T {
    #[inline(never)]
    fn leave_traces<T>(make: impl FnOnce() -> T) -> T {
        make()
    }
    let made = leave_traces(make);
    zeroize_stack::<TRACES>();
    made
}

/// The way in: keys that seal records, and a policy that supplies numbers.
#[derive(Debug)]
pub struct Mfa<K, P> {
    keys: K,
    policy: P,
}

impl<K: Seal, P: Policy> Mfa<K, P> {
    /// Takes the keys, a [`Keyring`](crate::Keyring) say, and the policy, usually
    /// [`Recommended`](crate::Recommended).
    pub const fn new(keys: K, policy: P) -> Mfa<K, P> {
        Mfa { keys, policy }
    }

    fn operation<'m, T>(
        &'m self,
        id: &AccountId,
        now: UnixTime,
        transition: impl Fn(Box<Account>, &Context<'_>) -> Result<Decision<T>, TextError>
        + Send
        + Sync
        + 'm,
    ) -> Operation<'m, T> {
        Operation::new(&self.keys, &self.policy, id, now, transition)
    }
}

// Attempts.
impl<K: Seal, P: Policy> Mfa<K, P> {
    /// Signs in, or steps up, with a code of an app or token.
    ///
    /// Call it after the first factor. `code` goes through the strict door; pass what a person
    /// pasted through [`Code::parse_lenient`] first. Accepted: the step or counter is burnt, with
    /// all below it, and consecutive failures are forgiven. Rejected: counted. Emits `Accepted`,
    /// `Rejected`, `Disabled`, or a note. NIST SP 800-63B-4 section 3.1.4.2.
    pub fn verify(
        &self,
        id: &AccountId,
        code: &str,
        purpose: Purpose,
        now: UnixTime,
    ) -> Operation<'_, Verdict> {
        without_traces(|| {
            let code = Code::parse_of_any_length(code);
            self.operation(id, now, move |account, cx| {
                Ok(account.verify(cx, code.as_ref(), &purpose))
            })
        })
    }

    /// Signs in, or steps up, with two consecutive codes of a device that has run out of every
    /// window, on the same failures as [`Mfa::verify`].
    ///
    /// Both codes and everything below are burnt, and the clock error or counter is learnt. Emits
    /// `Resynchronised` and `Accepted`, or as `verify`. RFC 4226 section 7.4, RFC 6238 section 6.
    pub fn resynchronise(
        &self,
        id: &AccountId,
        device: DeviceId,
        codes: [&str; 2],
        purpose: Purpose,
        now: UnixTime,
    ) -> Operation<'_, Verdict> {
        without_traces(|| {
            let [first, second] = codes.map(Code::parse_of_any_length);
            self.operation(id, now, move |account, cx| {
                let typed = first.as_ref().zip(second.as_ref());
                Ok(account.resynchronise(cx, device, typed, &purpose))
            })
        })
    }

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

    /// Makes a code for the bound telephone; the host sends it. It takes the place of the last one.
    ///
    /// Refused: no telephone, the purpose, or too soon. Emits `ChallengeIssued`. NIST SP 800-63B-4
    /// section 3.1.3.
    pub fn challenge(
        &self,
        id: &AccountId,
        purpose: Purpose,
        rng: &mut impl CryptoRng,
        now: UnixTime,
    ) -> Operation<'_, Change<OutOfBand>> {
        let seed = ChallengeSeed::generate(rng);
        self.operation(id, now, move |account, cx| Ok(account.challenge(cx, &purpose, &seed)))
    }

    /// Answers a sent code, once, for the purpose it was sent for.
    ///
    /// Five wrong answers kill the code, and each counts. Emits `Accepted` or `Rejected`. NIST SP
    /// 800-63B-4 section 3.1.3.2.
    pub fn answer(
        &self,
        id: &AccountId,
        challenge: ChallengeId,
        code: &str,
        purpose: Purpose,
        now: UnixTime,
    ) -> Operation<'_, Verdict> {
        without_traces(|| {
            let code = Code::parse_of_any_length(code);
            self.operation(id, now, move |account, cx| {
                Ok(account.answer(cx, challenge, code.as_ref(), &purpose))
            })
        })
    }

    /// Starts the host's own check of a passkey or certificate.
    ///
    /// The challenge has to be signed, or be kept beside the host's own. Emits `ChallengeIssued`.
    pub fn start_external(
        &self,
        id: &AccountId,
        purpose: Purpose,
        rng: &mut impl CryptoRng,
        now: UnixTime,
    ) -> Operation<'_, Change<ExternalChallenge>> {
        let challenge = ChallengeId::generate(rng);
        self.operation(id, now, move |account, cx| {
            Ok(account.start_external(cx, &purpose, challenge))
        })
    }

    /// Takes the host's word on a passkey or certificate, once for each challenge.
    ///
    /// A failed check counts, and uses the challenge up as well. Emits `Accepted` or `Rejected`.
    /// NIST SP 800-63B-4 section 3.2.5: what makes a passkey or certificate phishing-resistant.
    pub fn settle_external(
        &self,
        id: &AccountId,
        assertion: Assertion,
        purpose: Purpose,
        now: UnixTime,
    ) -> Operation<'_, Verdict> {
        self.operation(id, now, move |account, cx| {
            Ok(account.settle_external(cx, &assertion, &purpose))
        })
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

// Binding.
impl<K: Seal, P: Policy> Mfa<K, P> {
    /// Starts the enrolment of an authenticator app.
    ///
    /// A person's first factor needs no proof, nor does one after an operator's reset; any other
    /// needs [`Operation::proven_by`] with a proof for [`Purpose::ChangeFactors`]. It satisfies
    /// nothing until it is confirmed, and a second start replaces it. Emits `EnrolmentStarted`. NIST
    /// SP 800-63B-4 section 4.1.2.
    pub fn enrol(
        &self,
        id: &AccountId,
        label: &str,
        rng: &mut impl CryptoRng,
        now: UnixTime,
    ) -> Operation<'_, Change<PendingEnrolment>> {
        self.enrol_app(id, label, None, rng, now)
    }

    /// As [`Mfa::enrol`], and the confirmation revokes `old` in the same write.
    ///
    /// NIST SP 800-63B-4 section 4.1.4.
    pub fn replace(
        &self,
        id: &AccountId,
        old: DeviceId,
        label: &str,
        proof: Proof,
        rng: &mut impl CryptoRng,
        now: UnixTime,
    ) -> Operation<'_, Change<PendingEnrolment>> {
        self.enrol_app(id, label, Some(old), rng, now).proven_by(proof)
    }

    fn enrol_app(
        &self,
        id: &AccountId,
        label: &str,
        replaces: Option<DeviceId>,
        rng: &mut impl CryptoRng,
        now: UnixTime,
    ) -> Operation<'_, Change<PendingEnrolment>> {
        let parameters = self.policy.parameters();
        let secret = Secret::generate_boxed(parameters.algorithm, rng);
        let factor = Factor::Totp { secret, parameters, last_step: None, drift: 0, offset: 0 };
        self.start_enrolment(id, label, factor, replaces, rng, now)
    }

    /// As [`Mfa::enrol`], for a counter-based authenticator with a new secret.
    pub fn enrol_hotp(
        &self,
        id: &AccountId,
        label: &str,
        digits: Digits,
        rng: &mut impl CryptoRng,
        now: UnixTime,
    ) -> Operation<'_, Change<PendingEnrolment>> {
        let algorithm = Algorithm::Sha1;
        let secret = Secret::generate_boxed(algorithm, rng);
        let factor = Factor::Hotp { secret, algorithm, digits, next: Some(0) };
        self.start_enrolment(id, label, factor, None, rng, now)
    }

    /// As [`Mfa::enrol`], for a device whose secret exists already: a token with a seed file. A
    /// secret that a device of the person has already is refused.
    pub fn enrol_existing(
        &self,
        id: &AccountId,
        device: ExistingDevice,
        rng: &mut impl CryptoRng,
        now: UnixTime,
    ) -> Operation<'_, Change<PendingEnrolment>> {
        let ExistingDevice { label, secret, moving } = device;
        self.start_enrolment(id, label.as_str(), moving.factor(secret), None, rng, now)
    }

    fn start_enrolment(
        &self,
        id: &AccountId,
        label: &str,
        factor: Factor,
        replaces: Option<DeviceId>,
        rng: &mut impl CryptoRng,
        now: UnixTime,
    ) -> Operation<'_, Change<PendingEnrolment>> {
        let (pending, device) = (ChallengeId::generate(rng), DeviceId::from_u64(rng.next_u64()));
        let label = Text::new(label);
        self.operation(id, now, move |account, cx| {
            let label = label.as_ref().map_err(|error| *error)?;
            let decision = account.enrol(cx, pending, device, label, &factor, replaces);
            Ok(decision.map(|until| PendingEnrolment {
                id: pending,
                device,
                until,
                factor: factor.duplicate(),
            }))
        })
    }

    /// Starts the binding of a telephone for SMS, the restricted last resort: a code for the host to
    /// send to the new number, to be [confirmed](Mfa::confirm) like any enrolment.
    ///
    /// The person must have been told of the risk and offered something better ([`RestrictedNotice`]).
    /// A number that is bound already is replaced. Proof as for [`Mfa::enrol`]. NIST SP 800-63B-4
    /// sections 3.1.3.3 and 3.2.9.
    pub fn enrol_phone(
        &self,
        id: &AccountId,
        label: &str,
        number: PhoneNumber,
        _told: RestrictedNotice,
        rng: &mut impl CryptoRng,
        now: UnixTime,
    ) -> Operation<'_, Change<OutOfBand>> {
        let seed = ChallengeSeed::generate(rng);
        let device = DeviceId::from_u64(rng.next_u64());
        let label = Text::new(label);
        self.operation(id, now, move |account, cx| {
            let label = label.as_ref().map_err(|error| *error)?;
            Ok(account.enrol_phone(cx, &number, device, label, &seed))
        })
    }

    /// Binds a pending device by a code of its own, which is burnt.
    ///
    /// With a person's first factor come recovery codes, shown once. The epoch rises. Emits `Bound`,
    /// `Revoked` for a device that is replaced, and `RecoveryCodesIssued`; or `Rejected`, on the
    /// failures of its class. NIST SP 800-63B-4 section 4.1.2.2.
    pub fn confirm(
        &self,
        id: &AccountId,
        pending: ChallengeId,
        code: &str,
        rng: &mut impl CryptoRng,
        now: UnixTime,
    ) -> Operation<'_, Verdict<Bound>> {
        without_traces(|| {
            let code = Code::parse_of_any_length(code);
            let seed = RecoverySeed::generate(rng);
            self.operation(id, now, move |account, cx| {
                Ok(account.confirm(cx, pending, code.as_ref(), &seed))
            })
        })
    }

    /// Binds a passkey or certificate that the host has registered and checked itself.
    ///
    /// Proof as for [`Mfa::enrol`]; recovery codes come with a person's first factor. Emits `Bound`.
    pub fn bind_external(
        &self,
        id: &AccountId,
        label: &str,
        method: ExternalMethod,
        rng: &mut impl CryptoRng,
        now: UnixTime,
    ) -> Operation<'_, Change<Bound>> {
        let method = match method {
            ExternalMethod::Passkey => Method::Passkey,
            ExternalMethod::Pki => Method::Pki,
        };
        let (seed, device) = (RecoverySeed::generate(rng), DeviceId::from_u64(rng.next_u64()));
        let label = Text::new(label);
        self.operation(id, now, move |account, cx| {
            let label = label.as_ref().map_err(|error| *error)?;
            Ok(account.bind_external(cx, device, method, label, &seed))
        })
    }

    /// Brings over a device that another system enrolled, on the host's word, without a code.
    ///
    /// For a migration, row by row; the same secret a second time is refused, so a migration can be
    /// run again. Refused as well once the person has used a factor here. A short secret is marked
    /// for as long as the device lives. Emits `Imported`.
    pub fn import(
        &self,
        id: &AccountId,
        device: ExistingDevice,
        rng: &mut impl CryptoRng,
        now: UnixTime,
    ) -> Operation<'_, Change<DeviceId>> {
        let number = DeviceId::from_u64(rng.next_u64());
        self.operation(id, now, move |account, cx| Ok(account.import(cx, number, &device)))
            .acted_by(Actor::Host)
    }
}

// Changes.
impl<K: Seal, P: Policy> Mfa<K, P> {
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

    /// Removes a device and erases its secret; not the last factor.
    ///
    /// Needs a proof for [`Purpose::ChangeFactors`], or an operator's for [`Purpose::ActForOther`].
    /// The epoch rises. Emits `Revoked`. NIST SP 800-63B-4 section 4.5.
    pub fn revoke(
        &self,
        id: &AccountId,
        device: DeviceId,
        proof: Proof,
        now: UnixTime,
    ) -> Operation<'_, Change> {
        self.operation(id, now, move |account, cx| Ok(account.revoke(cx, device))).proven_by(proof)
    }

    /// Takes a lost, stolen or compromised device out of use at once, the last one too.
    ///
    /// One factor of any kind is enough, with a proof for any purpose; or an operator's for
    /// [`Purpose::ActForOther`]. The epoch rises. Emits `ReportedLost`. NIST SP 800-63B-4 section
    /// 4.3.
    pub fn report_lost(
        &self,
        id: &AccountId,
        device: DeviceId,
        proof: Proof,
        now: UnixTime,
    ) -> Operation<'_, Change> {
        self.operation(id, now, move |account, cx| Ok(account.report_lost(cx, device)))
            .proven_by(proof)
    }

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

    /// Ends everything of a leaver in one write: afterwards nothing of theirs is accepted, enrolled
    /// or changed, ever. Whoever comes back gets a new account id.
    ///
    /// Needs no proof, because it can only deny: whoever may end an employment may call it. The
    /// epoch rises. Emits `Revoked` for each device and `Offboarded`. 45 CFR 164.308(a)(3)(ii)(C).
    pub fn offboard(
        &self,
        id: &AccountId,
        by: Actor,
        reason: &str,
        now: UnixTime,
    ) -> Operation<'_, Change> {
        let reason: Result<Reason, _> = Text::new(reason);
        self.operation(id, now, move |account, cx| {
            Ok(account.offboard(cx, reason.as_ref().map_err(|error| *error)?))
        })
        .acted_by(by)
    }

    /// What the account is, without a secret; `None` if there is no record. Changes nothing.
    pub fn summary(&self, id: &AccountId, now: UnixTime) -> Operation<'_, Option<Summary>> {
        self.operation(id, now, |account, cx| {
            let answer = account.exists.then(|| account.summary(cx.policy, cx.now));
            Ok(Decision { answer, next: None, happened: alloc::vec::Vec::new() })
        })
    }
}

/// An enrolment that waits for its first code.
#[derive(Debug)]
#[must_use = "show the URI as a QR code, then confirm with a code"]
pub struct PendingEnrolment {
    id: ChallengeId,
    device: DeviceId,
    until: UnixTime,
    factor: Factor,
}

impl PendingEnrolment {
    /// What [`Mfa::confirm`] has to name.
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

    /// The `otpauth://` URI, to be shown once as a QR code, to this person alone: whoever scans it
    /// has the device.
    ///
    /// # Errors
    /// [`UriError`] if the names do not fit a URI, or the parameters cannot be said in one.
    pub fn uri(&self, issuer: &str, account: &str) -> Result<ProvisioningUri, UriError> {
        self.factor.uri(issuer, account)
    }
}

/// A method that the host checks itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExternalMethod {
    /// A WebAuthn credential.
    Passkey,
    /// A certificate on a smart card or device.
    Pki,
}

/// The host's word that the person was told, in plain language, what SMS does not protect against,
/// and was offered something better (NIST SP 800-63B-4 section 3.2.9).
#[derive(Clone, Copy, Debug)]
pub struct RestrictedNotice(());

impl RestrictedNotice {
    /// The person was told and offered. Whoever writes this line answers for it.
    #[must_use]
    pub const fn given_by_host() -> RestrictedNotice {
        RestrictedNotice(())
    }
}
