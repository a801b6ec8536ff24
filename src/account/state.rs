//! The state of one person, and its transitions: pure functions from a state and an attempt to an
//! answer, the state to store before the answer may leave, and what happened.
//!
//! Standard: RFC 4226 sections 7.2 to 7.4, RFC 6238 sections 5.2 and 6, NIST SP 800-63B-4 sections
//! 3.1, 3.2.2 and 4; each transition names its own.
//!
//! Nothing here does I/O, reads a clock or draws randomness, so a transition can be made again from
//! scratch after a lost race, and every order of parallel attempts can be tried in a plain test. A
//! transition that returns no state has changed nothing.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::account::challenge::{
    Assertion, Challenge, ChallengeId, ChallengeSeed, ExternalChallenge, OutOfBand, PhoneNumber,
    SentCode,
};
use crate::account::device::{
    Accepted, Device, ExistingDevice, Factor, ImportedState, MAX_EXTERNAL_DEVICES, MAX_OTP_DEVICES,
    class_of, same_secret,
};
use crate::account::event::{Kind, Why};
use crate::account::policy::Policy;
use crate::account::proof::{Change, Proof, Purpose, Refusal, Verdict, permits};
use crate::account::recovery::{RecoveryCode, RecoveryCodes, RecoverySeed, RecoverySet, Spent};
use crate::account::summary::{
    AccountId, DeviceId, DeviceStatus, Label, Method, Reason, Summary, ThrottleSummary,
};
use crate::account::throttle::{Budget, Class};
use crate::ct::Scan;
use crate::otp::code::Code;
use crate::otp::secret::Secret;
use crate::otp::totp::Totp;
use crate::time::UnixTime;

/// Former devices that an account remembers; the audit events remember all.
const MAX_FORMER_DEVICES: usize = 16;

/// The state of one person. Opaque: a store keeps it sealed, and only a transition changes it.
///
/// Boxed from one transition to the next: every move of its many fields would leave a copy of them
/// on the stack, which takes time to make and time to wipe.
#[derive(Default)]
pub struct Account {
    /// Whether there is a record at all; not itself recorded.
    pub(crate) exists: bool,
    pub(crate) epoch: u32,
    pub(crate) last_write: UnixTime,
    pub(crate) first_bound_at: Option<UnixTime>,
    pub(crate) offboarded_at: Option<UnixTime>,
    pub(crate) reenrol_until: Option<UnixTime>,
    pub(crate) emergency_until: Option<UnixTime>,
    pub(crate) devices: Vec<Device>,
    pub(crate) pending: Option<Pending>,
    pub(crate) recovery: Option<RecoverySet>,
    pub(crate) sent: Option<Challenge>,
    pub(crate) external: Option<Challenge>,
    /// When a code was last sent, whatever it was for and whatever became of it.
    pub(crate) code_sent_at: Option<UnixTime>,
    pub(crate) budgets: Budgets,
}

/// One budget for each class.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Budgets {
    pub(crate) codes: Budget,
    pub(crate) recovery: Budget,
    pub(crate) out_of_band: Budget,
    pub(crate) external: Budget,
}

impl Budgets {
    const fn of(&self, class: Class) -> &Budget {
        match class {
            Class::Codes => &self.codes,
            Class::Recovery => &self.recovery,
            Class::OutOfBand => &self.out_of_band,
            Class::External => &self.external,
        }
    }

    const fn of_mut(&mut self, class: Class) -> &mut Budget {
        match class {
            Class::Codes => &mut self.codes,
            Class::Recovery => &mut self.recovery,
            Class::OutOfBand => &mut self.out_of_band,
            Class::External => &mut self.external,
        }
    }
}

/// An enrolment that waits for its first code. It satisfies nothing and blocks nothing.
pub(crate) struct Pending {
    pub(crate) id: ChallengeId,
    pub(crate) until: UnixTime,
    pub(crate) device: Device,
    pub(crate) replaces: Option<DeviceId>,
    /// The code sent to a telephone that is being bound, and its wrong answers so far.
    pub(crate) sent: Option<(Box<SentCode>, u8)>,
}

/// What a transition may look at beside the account.
pub struct Context<'a> {
    pub(crate) id: &'a AccountId,
    pub(crate) now: UnixTime,
    pub(crate) policy: &'a dyn Policy,
    pub(crate) proof: Option<&'a Proof>,
    /// The account of the operator whose proof it is, if it is not the person's own.
    pub(crate) operator: Option<&'a Account>,
}

/// What a transition decided.
pub struct Decision<T> {
    pub(crate) answer: T,
    /// To be stored before the answer may leave; `None` if nothing changed.
    pub(crate) next: Option<Box<Account>>,
    pub(crate) happened: Vec<Happening>,
}

/// One event in the making.
pub(crate) struct Happening {
    pub(crate) kind: Kind,
    pub(crate) device: Option<DeviceId>,
    pub(crate) method: Option<Method>,
    pub(crate) purpose: Option<Purpose>,
}

impl Happening {
    pub(crate) const fn plain(kind: Kind) -> Happening {
        Happening { kind, device: None, method: None, purpose: None }
    }

    fn on(mut self, device: DeviceId, method: Method) -> Happening {
        self.device = Some(device);
        self.method = Some(method);
        self
    }

    fn by(mut self, method: Method) -> Happening {
        self.method = Some(method);
        self
    }

    fn purpose(mut self, purpose: &Purpose) -> Happening {
        self.purpose = Some(purpose.clone());
        self
    }
}

impl<T> Decision<T> {
    /// An answer that changes nothing.
    fn unchanged(answer: T, happened: Happening) -> Decision<T> {
        Decision { answer, next: None, happened: Vec::from([happened]) }
    }
}

impl<T> Decision<Change<T>> {
    /// The same decision with another thing done.
    pub(crate) fn map<U>(self, done: impl FnOnce(T) -> U) -> Decision<Change<U>> {
        let Decision { answer, next, happened } = self;
        let answer = match answer {
            Change::Done(answer) => Change::Done(done(answer)),
            Change::Refused(refusal) => Change::Refused(refusal),
        };
        Decision { answer, next, happened }
    }

    fn refused(refusal: Refusal) -> Decision<Change<T>> {
        Self::unchanged(Change::Refused(refusal), Happening::plain(Kind::Refused(refusal)))
    }
}

/// A device that is in place and works.
#[derive(Debug)]
#[must_use = "recovery codes are shown now or never"]
pub struct Bound {
    pub(crate) device: DeviceId,
    pub(crate) epoch: u32,
    pub(crate) recovery_codes: Option<RecoveryCodes>,
}

impl Bound {
    /// The device's number.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.device
    }

    /// The account's new epoch: sessions opened under a lower one should end.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Recovery codes, issued with the person's first factor.
    #[must_use]
    pub const fn recovery_codes(&self) -> Option<&RecoveryCodes> {
        self.recovery_codes.as_ref()
    }
}

/// Evaluates nobody's device, so that an unknown account and one without a device cost what one
/// device costs (ASVS 6.3.8).
fn evaluate_for_nobody(cx: &Context<'_>, scan: impl FnOnce(&Totp, Option<u64>) -> Scan) {
    if let Ok(nobody) = Secret::from_bytes(&[0; 20]) {
        let totp = Totp::new(&nobody, cx.policy.parameters());
        let nothing_is_left = Some(u64::MAX);
        core::hint::black_box(scan(&totp, nothing_is_left));
    }
}

// The attempts: each is one try of something that a guesser could try.
impl Account {
    /// RFC 6238 section 5.2, RFC 4226 section 7.2.
    pub(crate) fn verify(
        mut self: Box<Self>,
        cx: &Context<'_>,
        typed: Option<&Code>,
        purpose: &Purpose,
    ) -> Decision<Verdict> {
        if let Some(no) = self.gate(cx, Class::Codes, purpose) {
            return no;
        }
        let Some(typed) = typed else { return malformed(purpose) };
        // Every device is evaluated, whatever matches. Should a code match on two, it is burnt on
        // both: the digits are used up, not the device.
        let (mut accepted, mut replayed, mut evaluated) = (None, None, false);
        for device in &mut self.devices {
            let Some(scan) = device.scan(cx.policy, cx.now, typed) else { continue };
            evaluated = true;
            if let Some(moving_factor) = scan.accepted() {
                let matched = device.accept(cx.policy, cx.now, moving_factor, false);
                accepted.get_or_insert(matched);
            } else if scan.seen {
                replayed.get_or_insert((device.id, device.method()));
            }
        }
        if !evaluated {
            evaluate_for_nobody(cx, |totp, after| {
                totp.scan(typed, cx.now, cx.policy.window(), 0, after)
            });
        }
        match accepted {
            Some(accepted) => self.accept_code(cx, accepted, purpose, Vec::new()),
            None => {
                let why = self.why_rejected(evaluated, replayed.is_some());
                let mut happening = Happening::plain(Kind::Rejected(why)).purpose(purpose);
                if let Some((device, method)) = replayed {
                    happening = happening.on(device, method);
                }
                self.reject(cx, Class::Codes, happening)
            }
        }
    }

    /// RFC 4226 section 7.4, RFC 6238 section 6: two consecutive codes of one device.
    pub(crate) fn resynchronise(
        mut self: Box<Self>,
        cx: &Context<'_>,
        device: DeviceId,
        typed: Option<(&Code, &Code)>,
        purpose: &Purpose,
    ) -> Decision<Verdict> {
        if let Some(no) = self.gate(cx, Class::Codes, purpose) {
            return no;
        }
        let Some((first, second)) = typed else { return malformed(purpose) };
        let found = self.devices.iter_mut().find(|found| found.id == device);
        let scanned = found
            .and_then(|found| Some((found.scan_far(cx.policy, cx.now, first, second)?, found)));
        let Some((scan, found)) = scanned else {
            evaluate_for_nobody(cx, |totp, after| {
                totp.scan_far(&[first, second], cx.now, cx.policy.resync_reach(), after)
            });
            let why = self.why_rejected(false, false);
            let happening = Happening::plain(Kind::Rejected(why)).purpose(purpose);
            return self.reject(cx, Class::Codes, happening);
        };
        let Some(moving_factor) = scan.accepted() else {
            let (id, method) = (found.id, found.method());
            let why = self.why_rejected(true, scan.seen);
            let happening = Happening::plain(Kind::Rejected(why)).on(id, method).purpose(purpose);
            return self.reject(cx, Class::Codes, happening);
        };
        let accepted = found.accept(cx.policy, cx.now, moving_factor, true);
        let kind = Kind::Resynchronised { clock_offset: accepted.drift };
        let happened = Vec::from([Happening::plain(kind).on(accepted.device, accepted.method)]);
        self.accept_code(cx, accepted, purpose, happened)
    }

    /// NIST SP 800-63B-4 section 4.1.2.2: a pending device becomes a bound one by a code of its own,
    /// which is burnt. On the budget that its class has anywhere else.
    pub(crate) fn confirm(
        mut self: Box<Self>,
        cx: &Context<'_>,
        pending: ChallengeId,
        typed: Option<&Code>,
        seed: &RecoverySeed,
    ) -> Decision<Verdict<Bound>> {
        let purpose = Purpose::ChangeFactors;
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
            // A sent code dies with its tries; a shown secret lives out its ten minutes.
            let dead = match &mut pending.sent {
                Some((_, failures)) => {
                    *failures = failures.saturating_add(1);
                    u64::from(*failures) >= cx.policy.challenge_tries().as_u64()
                }
                None => false,
            };
            self.pending = (!dead).then_some(pending);
            let happening = Happening::plain(Kind::Rejected(Why::WrongCode)).on(device, method);
            return self.reject(cx, class, happening.purpose(&purpose));
        }
        let Pending { device: mut bound, replaces, .. } = pending;
        if let Some(moving_factor) = moving_factor {
            bound.accept(cx.policy, cx.now, moving_factor, false);
        }
        bound.bound_at = cx.now;
        bound.last_used = Some(cx.now); // a telephone as well: it has no moving factor to burn
        let mut happened = Vec::new();
        if let Some(old) = replaces.and_then(|old| self.device_mut(old)) {
            let was = old.method();
            old.retire(DeviceStatus::Revoked);
            happened.push(Happening::plain(Kind::Revoked).on(old.id, was));
        }
        happened.push(Happening::plain(Kind::Bound { replaces }).on(device, method));
        self.budgets.of_mut(class).forgive();
        self.bind(cx, bound);
        let recovery_codes =
            self.recovery.is_none().then(|| self.issue_recovery_codes(cx, seed, &mut happened));
        let answer = Bound { device, epoch: self.epoch, recovery_codes };
        Decision { answer: Verdict::Accepted(answer), next: Some(self), happened }
    }

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

    /// NIST SP 800-63B-4 section 3.1.3.2: the answer to a sent code, once, for the purpose it was
    /// sent for.
    pub(crate) fn answer(
        mut self: Box<Self>,
        cx: &Context<'_>,
        id: ChallengeId,
        typed: Option<&Code>,
        purpose: &Purpose,
    ) -> Decision<Verdict> {
        if let Some(no) = self.gate(cx, Class::OutOfBand, purpose) {
            return no;
        }
        let Some(typed) = typed else { return malformed(purpose) };
        let live = self.sent.take_if(|live| live.id == id && cx.now <= live.until);
        let Some(mut challenge) = live else { return expired(purpose) };
        let device = challenge.device;
        let in_use = self.device(device).is_some_and(Device::in_use);
        let same_purpose = challenge.purpose == *purpose;
        let right = challenge.sent.as_ref().is_some_and(|sent| sent.is(&id, typed));
        if right && same_purpose && in_use {
            self.budgets.out_of_band.forgive();
            if let Some(device) = self.device_mut(device) {
                device.last_used = Some(cx.now);
            }
            return self.accept_as(cx, Some(device), Method::Sms, purpose, Vec::new());
        }
        challenge.failures = challenge.failures.saturating_add(1);
        if u64::from(challenge.failures) < cx.policy.challenge_tries().as_u64() {
            self.sent = Some(challenge);
        }
        let why = if same_purpose { Why::WrongCode } else { Why::WrongPurpose };
        let happening = Happening::plain(Kind::Rejected(why)).on(device, Method::Sms);
        self.reject(cx, Class::OutOfBand, happening.purpose(purpose))
    }

    /// The host's word on a passkey or certificate, once for each challenge, right or wrong.
    pub(crate) fn settle_external(
        mut self: Box<Self>,
        cx: &Context<'_>,
        assertion: &Assertion,
        purpose: &Purpose,
    ) -> Decision<Verdict> {
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
                    None => Why::NoDevice,
                    Some(_) if !same_purpose => Why::WrongPurpose,
                    Some(_) => Why::HostCheckFailed,
                };
                let mut happening = Happening::plain(Kind::Rejected(why)).purpose(purpose);
                if let Some(method) = method {
                    happening = happening.on(id, method);
                }
                self.reject(cx, Class::External, happening)
            }
        }
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

// The changes: each is allowed by a proof, or by there being nothing to prove yet.
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
    ) -> Decision<Change<UnixTime>> {
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
        let happening = Happening::plain(Kind::EnrolmentStarted { until }).on(device, method);
        self.change(Change::Done(until), Vec::from([happening]))
    }

    /// Starts the binding of a telephone, the restricted last resort (NIST SP 800-63B-4 section
    /// 3.1.3.3): a code goes to the new number. A person has one; a new number takes over.
    pub(crate) fn enrol_phone(
        self: Box<Self>,
        cx: &Context<'_>,
        number: &PhoneNumber,
        device: DeviceId,
        label: &Label,
        seed: &ChallengeSeed,
    ) -> Decision<Change<OutOfBand>> {
        if let Err(refusal) = self.may_bind(cx).and_then(|()| self.may_send(cx)) {
            return Decision::refused(refusal);
        }
        let old =
            self.devices.iter().find(|device| device.in_use() && device.method() == Method::Sms);
        let old = old.map(|old| old.id);
        let factor = Factor::Phone(number.clone());
        let mut decision = self.enrol(cx, seed.id, device, label, &factor, old);
        let until = cx.now.plus(cx.policy.challenge_lifetime().as_u64());
        let digits = cx.policy.challenge_digits();
        if let Some(next) = &mut decision.next {
            next.code_sent_at = Some(cx.now);
            if let Some(pending) = &mut next.pending {
                pending.sent = Some((seed.sealed(digits), 0));
                pending.until = pending.until.min(until);
            }
        }
        decision.map(|enrolment| OutOfBand {
            id: seed.id,
            code: Box::new(seed.code(digits)),
            destination: number.clone(),
            until: until.min(enrolment),
        })
    }

    /// Binds a passkey or certificate that the host has just registered.
    pub(crate) fn bind_external(
        mut self: Box<Self>,
        cx: &Context<'_>,
        device: DeviceId,
        method: Method,
        label: &Label,
        seed: &RecoverySeed,
    ) -> Decision<Change<Bound>> {
        let external = class_of(method) == Class::External;
        let allowed = self.may_bind(cx).and_then(|()| self.has_room(method));
        if let Err(refusal) = allowed {
            return Decision::refused(refusal);
        }
        if !external {
            return Decision::refused(Refusal::NotPermitted);
        }
        let mut happened =
            Vec::from([Happening::plain(Kind::Bound { replaces: None }).on(device, method)]);
        self.budgets.external.forgive();
        self.bind(
            cx,
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
        let answer = Bound { device, epoch: self.epoch, recovery_codes };
        self.change(Change::Done(answer), happened)
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
    ) -> Decision<Change<DeviceId>> {
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
            cx,
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
        let kind = Kind::Imported { short_secret: import.secret.is_short() };
        self.change(Change::Done(device), Vec::from([Happening::plain(kind).on(device, method)]))
    }

    /// Sends a code to the bound number. A new code takes the place of the old one and of nothing
    /// else: failures stay.
    pub(crate) fn challenge(
        mut self: Box<Self>,
        cx: &Context<'_>,
        purpose: &Purpose,
        seed: &ChallengeSeed,
    ) -> Decision<Change<OutOfBand>> {
        let bound = self.devices.iter().find_map(|device| match &device.factor {
            Factor::Phone(number) if device.in_use() => Some((device.id, number.clone())),
            _ => None,
        });
        let (device, destination) = match (bound, self.may_send(cx)) {
            _ if self.offboarded_at.is_some() => return Decision::refused(Refusal::Offboarded),
            (None, _) => return Decision::refused(Refusal::NothingBound),
            _ if !self.sms_permits(purpose) => return Decision::refused(Refusal::NotPermitted),
            (_, Err(refusal)) => return Decision::refused(refusal),
            (Some(bound), Ok(())) => bound,
        };
        let until = cx.now.plus(cx.policy.challenge_lifetime().as_u64());
        let digits = cx.policy.challenge_digits();
        self.sent = Some(Challenge {
            id: seed.id,
            purpose: purpose.clone(),
            until,
            device,
            failures: 0,
            sent: Some(seed.sealed(digits)),
        });
        self.code_sent_at = Some(cx.now);
        let answer =
            OutOfBand { id: seed.id, code: Box::new(seed.code(digits)), destination, until };
        let happening = Happening::plain(Kind::ChallengeIssued { until }).on(device, Method::Sms);
        self.change(Change::Done(answer), Vec::from([happening.purpose(purpose)]))
    }

    /// Starts a host's check of a passkey or certificate.
    pub(crate) fn start_external(
        mut self: Box<Self>,
        cx: &Context<'_>,
        purpose: &Purpose,
        id: ChallengeId,
    ) -> Decision<Change<ExternalChallenge>> {
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
        let happening = Happening::plain(Kind::ChallengeIssued { until }).purpose(purpose);
        self.change(Change::Done(ExternalChallenge { id, until }), Vec::from([happening]))
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

    /// NIST SP 800-63B-4 section 4.5: removes a device, but not the last factor.
    pub(crate) fn revoke(self: Box<Self>, cx: &Context<'_>, device: DeviceId) -> Decision<Change> {
        let others =
            self.devices.iter().filter(|other| other.in_use() && other.id != device).count();
        let allowed = self.authority(cx, &Purpose::ChangeFactors).and_then(|()| {
            let found = self.device(device).ok_or(Refusal::NoSuchDevice)?;
            match found.status {
                DeviceStatus::Confirmed if others == 0 => Err(Refusal::LastFactor),
                DeviceStatus::Confirmed | DeviceStatus::Disabled => Ok(()),
                DeviceStatus::Lost | DeviceStatus::Revoked => Err(Refusal::NoSuchDevice),
            }
        });
        self.retire(allowed, device, DeviceStatus::Revoked, Kind::Revoked)
    }

    /// NIST SP 800-63B-4 section 4.3: one factor of any kind, or an operator, is enough to report a
    /// device lost, and it works for the last one too.
    pub(crate) fn report_lost(
        self: Box<Self>,
        cx: &Context<'_>,
        device: DeviceId,
    ) -> Decision<Change> {
        let own = cx.proof.map_or(Purpose::ChangeFactors, |proof| proof.purpose.clone());
        let allowed = self.authority(cx, &own).and_then(|()| {
            let found = self.device(device).ok_or(Refusal::NoSuchDevice)?;
            match found.status {
                DeviceStatus::Confirmed | DeviceStatus::Disabled => Ok(()),
                DeviceStatus::Lost | DeviceStatus::Revoked => Err(Refusal::NoSuchDevice),
            }
        });
        self.retire(allowed, device, DeviceStatus::Lost, Kind::ReportedLost)
    }

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

    /// 45 CFR 164.308(a)(3)(ii)(C), NIST SP 800-63B-4 section 4.5: the end of everything, in one
    /// write. Works on an account that never was, which then can never be.
    pub(crate) fn offboard(
        mut self: Box<Self>,
        cx: &Context<'_>,
        reason: &Reason,
    ) -> Decision<Change> {
        if self.offboarded_at.is_some() {
            return Decision::refused(Refusal::Offboarded);
        }
        let retired = self.devices.iter().filter(|device| device.in_use());
        let mut happened: Vec<_> = retired
            .map(|device| Happening::plain(Kind::Revoked).on(device.id, device.method()))
            .collect();
        self.retire_all();
        self.reenrol_until = None;
        self.offboarded_at = Some(cx.now);
        self.change_epoch();
        happened.push(Happening::plain(Kind::Offboarded { reason: reason.clone() }));
        self.change(Change::Done(()), happened)
    }

    /// What the account is, without a secret.
    pub(crate) fn summary(&self, policy: &dyn Policy, now: UnixTime) -> Summary {
        let throttle = |class: Class| {
            let budget = self.budgets.of(class);
            ThrottleSummary {
                consecutive_failures: budget.consecutive,
                waiting_until: budget.waits_until(&policy.throttle(class), now),
                disabled: self.is_disabled(class),
            }
        };
        Summary {
            epoch: self.epoch,
            first_bound_at: self.first_bound_at,
            offboarded_at: self.offboarded_at,
            devices: self.devices.iter().map(Device::summary).collect(),
            pending_until: self.pending.as_ref().map(|live| live.until).filter(|at| *at >= now),
            recovery_codes_left: self.recovery.as_ref().map_or(0, RecoverySet::left),
            recovery_replacement_due: self.recovery.as_ref().is_some_and(|set| set.spent != 0),
            codes: throttle(Class::Codes),
            recovery: throttle(Class::Recovery),
            out_of_band: throttle(Class::OutOfBand),
            external: throttle(Class::External),
            emergency_until: self.emergency_until.filter(|until| *until >= now),
        }
    }
}

// What the transitions share.
impl Account {
    fn is_open(&self) -> bool {
        self.exists && self.offboarded_at.is_none()
    }

    fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices.iter().find(|device| device.id == id)
    }

    fn device_mut(&mut self, id: DeviceId) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| device.id == id)
    }

    /// Whether a device has this secret already.
    fn holds(&self, secret: &Secret) -> bool {
        let mut held = self.devices.iter().filter_map(|device| device.factor.secret());
        held.any(|held| same_secret(held, secret))
    }

    /// Whether failures have disabled the class: it had a device, and now it has only disabled ones.
    fn is_disabled(&self, class: Class) -> bool {
        if class == Class::Recovery {
            let limit = self.recovery.as_ref().map(|set| set.hashes.is_empty());
            return limit == Some(true);
        }
        let of_class = |device: &&Device| device.class() == class;
        let mut devices = self.devices.iter().filter(of_class);
        let any =
            |status| self.devices.iter().filter(of_class).any(|device| device.status == status);
        devices.next().is_some() && any(DeviceStatus::Disabled) && !any(DeviceStatus::Confirmed)
    }

    /// The answer that does not depend on the code, if there is one.
    fn gate(&self, cx: &Context<'_>, class: Class, purpose: &Purpose) -> Option<Decision<Verdict>> {
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

    fn why_rejected(&self, evaluated: bool, replayed: bool) -> Why {
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
    fn reject<T>(
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

    /// NIST SP 800-63B-4 section 3.2.2: whatever was guessed at is disabled, and only a new binding
    /// brings the class back. Returns whether there was anything.
    fn disable(&mut self, class: Class) -> bool {
        let mut any = false;
        let hit = |device: &&mut Device| device.in_use() && device.class() == class;
        for device in self.devices.iter_mut().filter(hit) {
            device.retire(DeviceStatus::Disabled);
            any = true;
        }
        if self.pending.take_if(|pending| pending.device.class() == class).is_some() {
            any = true;
        }
        match class {
            Class::Codes => {}
            Class::Recovery => {
                if let Some(set) = self.recovery.as_mut().filter(|set| !set.hashes.is_empty()) {
                    set.hashes.clear();
                    any = true;
                }
            }
            Class::OutOfBand => self.sent = None,
            Class::External => self.external = None,
        }
        any
    }

    fn accept_code(
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

    fn accept_as(
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
    fn proof(
        &self,
        cx: &Context<'_>,
        device: Option<DeviceId>,
        method: Method,
        purpose: &Purpose,
    ) -> Proof {
        let (account, purpose) = (*cx.id, purpose.clone());
        Proof { account, device, method, purpose, epoch: self.epoch, at: cx.now }
    }

    /// What every write does besides: the clock it was made by, and nothing that has run out.
    pub(crate) fn settle(&mut self, now: UnixTime) {
        self.last_write = now;
        let _ = self.pending.take_if(|pending| pending.until < now);
        let _ = self.sent.take_if(|challenge| challenge.until < now);
        let _ = self.external.take_if(|challenge| challenge.until < now);
        let _ = self.emergency_until.take_if(|until| *until < now);
        let _ = self.reenrol_until.take_if(|until| *until < now);
    }

    fn change<T>(
        self: Box<Self>,
        answer: Change<T>,
        happened: Vec<Happening>,
    ) -> Decision<Change<T>> {
        Decision { answer, next: Some(self), happened }
    }

    /// Every change of factors: proofs, challenges and enrolments from before it are dead.
    fn change_epoch(&mut self) {
        self.epoch = self.epoch.saturating_add(1);
        self.pending = None;
        self.sent = None;
        self.external = None;
    }

    fn bind(&mut self, cx: &Context<'_>, device: Device) {
        self.devices.push(device);
        self.first_bound_at.get_or_insert(cx.now);
        self.reenrol_until = None;
        self.change_epoch();
        self.forget_oldest();
    }

    /// Keeps the record small. Of the former devices the revoked ones go first, and of those the
    /// oldest: what is lost or disabled still says what the person had ([`Account::sms_permits`]).
    fn forget_oldest(&mut self) {
        let former = self.devices.iter().filter(|device| !device.in_use()).count();
        let mut excess = former.saturating_sub(MAX_FORMER_DEVICES);
        for status in [DeviceStatus::Revoked, DeviceStatus::Disabled, DeviceStatus::Lost] {
            self.devices.retain(|device| {
                let forget = excess > 0 && device.status == status;
                excess = excess.saturating_sub(usize::from(forget));
                !forget
            });
        }
    }

    fn retire(
        mut self: Box<Self>,
        allowed: Result<(), Refusal>,
        device: DeviceId,
        status: DeviceStatus,
        kind: Kind,
    ) -> Decision<Change> {
        if let Err(refusal) = allowed {
            return Decision::refused(refusal);
        }
        let Some(found) = self.device_mut(device) else {
            return Decision::refused(Refusal::NoSuchDevice);
        };
        let method = found.method();
        found.retire(status);
        self.change_epoch();
        self.forget_oldest();
        self.change(Change::Done(()), Vec::from([Happening::plain(kind).on(device, method)]))
    }

    fn retire_all(&mut self) {
        for device in self.devices.iter_mut().filter(|device| device.status != DeviceStatus::Lost) {
            device.retire(DeviceStatus::Revoked);
        }
        self.recovery = None;
        self.emergency_until = None;
        self.forget_oldest();
    }

    fn issue_recovery_codes(
        &mut self,
        cx: &Context<'_>,
        seed: &RecoverySeed,
        happened: &mut Vec<Happening>,
    ) -> RecoveryCodes {
        let (codes, set) = seed.issue(cx.policy.recovery_codes().as_u64(), cx.now);
        let kind = Kind::RecoveryCodesIssued { count: set.left() };
        happened.push(Happening::plain(kind).by(Method::RecoveryCode));
        self.recovery = Some(set);
        codes
    }

    /// Whether a code may be sent now. The interval holds for the person: answering a code, killing
    /// it or starting something else does not shorten it, or whoever has the password could have
    /// texts sent without end.
    fn may_send(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        let throttle = cx.policy.throttle(Class::OutOfBand);
        let by_failures = self.budgets.out_of_band.waits_until(&throttle, cx.now);
        let interval = cx.policy.challenge_interval().as_u64();
        let reach = cx.now.plus(interval);
        // A moment beyond that reach was written by a clock that was wrong: it does not hold.
        let sent_at = self.code_sent_at.filter(|sent_at| *sent_at <= reach);
        let by_interval = sent_at.map(|sent_at| sent_at.plus(interval).min(reach));
        match by_failures.max(by_interval.filter(|until| *until > cx.now)) {
            Some(until) => Err(Refusal::TooSoon { until }),
            None => Ok(()),
        }
    }

    fn has_room(&self, method: Method) -> Result<(), Refusal> {
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

    fn replaceable(&self, old: DeviceId, by: Method) -> Result<(), Refusal> {
        match self.device(old).map(|old| (old.status, old.class())) {
            Some((DeviceStatus::Confirmed, class)) if class == class_of(by) => Ok(()),
            Some((DeviceStatus::Confirmed | DeviceStatus::Disabled, _)) => self.has_room(by),
            _ => Err(Refusal::NoSuchDevice),
        }
    }

    /// Whether a factor may be bound: with a proof of one, or because there never was one, or
    /// because an operator has just reset the account.
    fn may_bind(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        if self.offboarded_at.is_some() {
            return Err(Refusal::Offboarded);
        }
        let reset = self.reenrol_until.is_some_and(|until| cx.now <= until);
        match cx.proof {
            Some(_) => self.subject_proof(cx, &Purpose::ChangeFactors),
            None if self.first_bound_at.is_none() || reset => Ok(()),
            None => Err(Refusal::ProofRequired),
        }
    }

    /// SMS changes factors only where there is nothing stronger. A stronger device that is lost or
    /// disabled still counts: whoever took over a telephone number can report the owner's app lost
    /// with a code sent to it, and can guess at the app until it is disabled, and must not come to
    /// bind an app of their own that way. One that was revoked was so with a stronger proof.
    fn sms_permits(&self, purpose: &Purpose) -> bool {
        let stronger = |device: &Device| {
            device.status != DeviceStatus::Revoked && device.method().rank() > Method::Sms.rank()
        };
        let narrowed = *purpose == Purpose::ChangeFactors && self.devices.iter().any(stronger);
        permits(Method::Sms, purpose) && !narrowed
    }

    /// ASVS 7.5.1: a fresh proof of the person's own, for this purpose, from after the last change
    /// of factors.
    fn subject_proof(&self, cx: &Context<'_>, purpose: &Purpose) -> Result<(), Refusal> {
        let proof = cx.proof.ok_or(Refusal::ProofRequired)?;
        if self.offboarded_at.is_some() {
            return Err(Refusal::Offboarded);
        }
        let fits = proof.account == *cx.id && proof.purpose == *purpose;
        if !fits || proof.epoch != self.epoch || !self.exists {
            return Err(Refusal::ProofUnfit);
        }
        fresh(cx, proof)?;
        let permitted = match proof.method {
            Method::Sms => self.sms_permits(purpose),
            method => permits(method, purpose),
        };
        if permitted { Ok(()) } else { Err(Refusal::NotPermitted) }
    }

    /// An operator acts on somebody else, with a proof of their own from their own account as it is
    /// now.
    fn operator_proof(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        let proof = cx.proof.ok_or(Refusal::ProofRequired)?;
        if self.offboarded_at.is_some() {
            return Err(Refusal::Offboarded);
        }
        if proof.account == *cx.id {
            return Err(Refusal::OwnAccount);
        }
        let operator = cx.operator.filter(|operator| operator.is_open());
        let same_epoch = operator.is_some_and(|operator| operator.epoch == proof.epoch);
        if !same_epoch || proof.purpose != Purpose::ActForOther {
            return Err(Refusal::ProofUnfit);
        }
        fresh(cx, proof)?;
        if permits(proof.method, &proof.purpose) { Ok(()) } else { Err(Refusal::NotPermitted) }
    }

    /// The person with a proof for `purpose`, or an operator.
    fn authority(&self, cx: &Context<'_>, purpose: &Purpose) -> Result<(), Refusal> {
        match cx.proof {
            Some(proof) if proof.account != *cx.id => self.operator_proof(cx),
            _ => self.subject_proof(cx, purpose),
        }
    }
}

fn fresh(cx: &Context<'_>, proof: &Proof) -> Result<(), Refusal> {
    let age = cx.policy.proof_age(&proof.purpose).as_u64();
    // A minute of leeway for hosts whose clocks differ; more is a proof from the future.
    let ahead = proof.at > cx.now.plus(60);
    if ahead || cx.now.since(proof.at) > age { Err(Refusal::ProofExpired) } else { Ok(()) }
}

fn malformed<T>(purpose: &Purpose) -> Decision<Verdict<T>> {
    Decision::unchanged(Verdict::Malformed, Happening::plain(Kind::Malformed).purpose(purpose))
}

fn expired<T>(purpose: &Purpose) -> Decision<Verdict<T>> {
    let happening = Happening::plain(Kind::Rejected(Why::Expired)).purpose(purpose);
    Decision::unchanged(Verdict::Expired, happening)
}

fn waiting<T>(until: UnixTime, purpose: &Purpose) -> Decision<Verdict<T>> {
    let happening = Happening::plain(Kind::Waiting { until }).purpose(purpose);
    Decision::unchanged(Verdict::Wait { until }, happening)
}
