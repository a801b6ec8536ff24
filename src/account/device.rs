//! One enrolled device: what it proves possession with, how its codes are looked for, and what an
//! accepted one teaches.
//!
//! Standard: RFC 4226 sections 7.2 to 7.4, RFC 6238 sections 5.2 and 6 (drift, bounded, and moved by
//! accepted codes only).

use alloc::boxed::Box;
use core::fmt;

use sha1::Sha1;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::account::challenge::PhoneNumber;
use crate::account::former::HmacKey;
use crate::account::id::DeviceId;
use crate::account::policy::Policy;
use crate::account::proof::AnyPurpose;
use crate::account::summary::{DeviceStatus, DeviceSummary, Label, Method};
use crate::account::throttle::Class;
use crate::ct::Scan;
use crate::otp::hotp::Factors;
use crate::otp::{
    Algorithm, Code, Digits, Hotp, Parameters, Part, ProvisioningUri, Secret, Totp, UriError,
};
use crate::text::hexadecimal;
use crate::time::UnixTime;
use crate::wipe;

pub(crate) struct Device {
    pub(crate) id: DeviceId,
    pub(crate) label: Label,
    pub(crate) status: DeviceStatus,
    pub(crate) bound_at: UnixTime,
    pub(crate) last_used: Option<UnixTime>,
    pub(crate) imported: bool,
    /// When its probation began, if a weak factor bound it.
    pub(crate) probation: Option<UnixTime>,
    /// A hash of its secret, under a key of the deployment.
    pub(crate) fingerprint: Option<[u8; 16]>,
    pub(crate) factor: Factor,
    /// Bound with the password alone.
    pub(crate) openly: bool,
}

/// What a device proves possession with. A device that is no longer in use has none: its secret is
/// erased with its use (45 CFR 164.310(d)(2)).
pub(crate) enum Factor {
    Totp {
        secret: Box<Secret>,
        parameters: Parameters,
        /// No step at or below it is ever accepted again.
        last_step: Option<u64>,
        /// Remembered, and moved by at most one step per success.
        drift: i8,
        /// The clock error that two codes or an import taught; `drift` is counted from it.
        offset: i16,
    },
    Hotp {
        secret: Box<Secret>,
        algorithm: Algorithm,
        digits: Digits,
        /// The counter to expect; `None` after 2^64-1.
        next: Option<u64>,
    },
    External(Method),
    Phone(PhoneNumber),
    Former(Method),
}

/// A device whose secret exists already: a token with a seed file, or one that another system enrolled.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let id = countersign::AccountId::new("42")?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::account::{ExistingDevice, Label};
/// use countersign::{Algorithm, Digits, Secret};
/// # let secret = Secret::generate(Algorithm::Sha1, &mut rng);
/// // A line of a token vendor's seed file.
/// let label = Label::new("Token 7")?;
/// let token = ExistingDevice::hotp(label, secret, Algorithm::Sha1, Digits::Six, 0);
/// let pending = dana.enrol_existing(token, &mut rng).run(&store)?;
/// assert_eq!(pending.uri("Acme Billing", "dana")?.counter(), Some(0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ExistingDevice {
    pub(crate) label: Label,
    factor: Factor,
    /// Seconds by which its clock is ahead of ours.
    pub(crate) clock_error: i64,
}

impl ExistingDevice {
    /// A TOTP device. `last_step` is the last step that the other system accepted; imported without
    /// it, every step up to the present one counts as used.
    #[must_use]
    pub fn totp(
        label: Label,
        secret: Secret,
        parameters: Parameters,
        last_step: Option<u64>,
    ) -> ExistingDevice {
        let secret = secret.duplicate(); // and the argument is wiped
        let factor = Factor::Totp { secret, parameters, last_step, drift: 0, offset: 0 };
        ExistingDevice { label, factor, clock_error: 0 }
    }

    /// An HOTP device that is expected to show the code of counter `next`.
    #[must_use]
    pub fn hotp(
        label: Label,
        secret: Secret,
        algorithm: Algorithm,
        digits: Digits,
        next: u64,
    ) -> ExistingDevice {
        let secret = secret.duplicate(); // and the argument is wiped
        let factor = Factor::Hotp { secret, algorithm, digits, next: Some(next) };
        ExistingDevice { label, factor, clock_error: 0 }
    }

    /// The device that the `otpauth://` URI of another system describes. `last` is the last step (TOTP)
    /// or counter (HOTP) that the other system accepted, and nothing up to it is accepted here. An HOTP
    /// device never starts before the counter of the URI.
    #[must_use]
    pub fn from_uri(label: Label, uri: &ProvisioningUri, last: Option<u64>) -> ExistingDevice {
        let secret = uri.secret().duplicate();
        let factor = match (uri.totp_parameters(), uri.counter()) {
            (Some(parameters), _) => {
                Factor::Totp { secret, parameters, last_step: last, drift: 0, offset: 0 }
            }
            (None, counter) => Factor::Hotp {
                secret,
                algorithm: uri.algorithm(),
                digits: uri.digits(),
                // None only after counter 2^64-1: that device is used up.
                next: match last {
                    Some(last) => last.checked_add(1).map(|next| next.max(counter.unwrap_or(0))),
                    None => counter,
                },
            },
        };
        ExistingDevice { label, factor, clock_error: 0 }
    }

    /// Adds what is known of the device's clock: it is `secs` seconds ahead of ours, negative if slow.
    /// An error of more than [`Policy::clock_reach`] is refused when the device is enrolled or imported.
    /// HOTP has no clock to set right.
    #[must_use]
    pub fn with_clock_error(mut self, secs: i64) -> ExistingDevice {
        self.clock_error = secs;
        self
    }

    pub(crate) const fn method(&self) -> Method {
        self.factor.method()
    }

    pub(crate) fn is_short(&self) -> bool {
        self.factor.secret().is_some_and(Secret::is_short)
    }

    /// What the account keeps of it. Everything up to `used` counts as used.
    pub(crate) fn factor(&self, used: Option<u64>) -> Factor {
        let mut factor = self.factor.duplicate();
        match &mut factor {
            Factor::Totp { parameters, last_step, offset, .. } => {
                let period = parameters.period.as_u64().cast_signed();
                let half = period.checked_div(2).unwrap_or(0);
                let rounded =
                    self.clock_error.saturating_add(half).checked_div_euclid(period).unwrap_or(0);
                *offset = i16::try_from(rounded).unwrap_or(0);
                *last_step = (*last_step).max(used);
            }
            Factor::Hotp { next, .. } => {
                let after = used.map_or(Some(0), |used| used.checked_add(1));
                *next = next.zip(after).map(|(next, after)| next.max(after));
            }
            Factor::External(_) | Factor::Phone(_) | Factor::Former(_) => {}
        }
        factor
    }
}

impl Factor {
    pub(crate) const fn method(&self) -> Method {
        match self {
            Factor::Totp { .. } => Method::Totp,
            Factor::Hotp { .. } => Method::Hotp,
            Factor::Phone(_) => Method::Sms,
            Factor::External(method) | Factor::Former(method) => *method,
        }
    }

    /// A copy for a decision that may have to be made again.
    pub(crate) fn duplicate(&self) -> Factor {
        match self {
            Factor::Totp { secret, parameters, last_step, drift, offset } => Factor::Totp {
                secret: secret.duplicate(),
                parameters: *parameters,
                last_step: *last_step,
                drift: *drift,
                offset: *offset,
            },
            Factor::Hotp { secret, algorithm, digits, next } => Factor::Hotp {
                secret: secret.duplicate(),
                algorithm: *algorithm,
                digits: *digits,
                next: *next,
            },
            Factor::External(method) => Factor::External(*method),
            Factor::Phone(number) => Factor::Phone(number.clone()),
            Factor::Former(method) => Factor::Former(*method),
        }
    }

    pub(crate) fn uri(&self, issuer: &str, account: &str) -> Result<ProvisioningUri, UriError> {
        match self {
            Factor::Totp { secret, parameters, .. } => {
                ProvisioningUri::totp(issuer, account, secret, *parameters)
            }
            Factor::Hotp { secret, algorithm, digits, next } => {
                let counter = next.unwrap_or(u64::MAX);
                ProvisioningUri::hotp(issuer, account, secret, *algorithm, *digits, counter)
            }
            Factor::External(_) | Factor::Phone(_) | Factor::Former(_) => {
                Err(UriError::Missing(Part::Secret))
            }
        }
    }

    pub(crate) fn secret(&self) -> Option<&Secret> {
        match self {
            Factor::Totp { secret, .. } | Factor::Hotp { secret, .. } => Some(secret),
            Factor::External(_) | Factor::Phone(_) | Factor::Former(_) => None,
        }
    }

    pub(crate) fn hmac_key(&self) -> Option<Box<Zeroizing<HmacKey>>> {
        let (secret, algorithm) = match self {
            Factor::Totp { secret, parameters, .. } => (secret, parameters.algorithm),
            Factor::Hotp { secret, algorithm, .. } => (secret, *algorithm),
            Factor::External(_) | Factor::Phone(_) | Factor::Former(_) => return None,
        };
        let mut key = Box::new(Zeroizing::new([0; 128])); // filled where it stays
        let mut fill = |bytes: &[u8]| {
            key.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
        };
        let bytes = secret.expose_bytes();
        wipe::after::<{ wipe::OF_HMAC }, _>(|| match algorithm {
            Algorithm::Sha1 if bytes.len() > 64 => fill(&Zeroizing::new(Sha1::digest(bytes).0)[..]),
            Algorithm::Sha256 if bytes.len() > 64 => {
                fill(&Zeroizing::new(Sha256::digest(bytes).0)[..]);
            }
            _ => fill(bytes), // a block of SHA-512 is as long as the longest secret
        });
        Some(key)
    }
}

impl fmt::Debug for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Factor({}, [redacted])", self.method().name())
    }
}

/// What the account learns from a code that was right.
#[derive(Clone, Copy)]
pub(crate) struct Accepted {
    pub(crate) device: DeviceId,
    pub(crate) method: Method,
    pub(crate) moving_factor: u64,
    pub(crate) drift: Option<i16>,
}

impl Device {
    pub(crate) const fn method(&self) -> Method {
        self.factor.method()
    }

    pub(crate) fn in_use(&self) -> bool {
        self.status == DeviceStatus::Confirmed
    }

    pub(crate) const fn class(&self) -> Option<Class> {
        class_of(self.factor.method())
    }

    /// Whether it is too new to prove this purpose, for which the factor that bound it is too weak.
    pub(crate) fn on_probation(&self, purpose: &AnyPurpose, now: UnixTime) -> bool {
        let is_high = matches!(purpose, AnyPurpose::ChangePrivileges | AnyPurpose::ActForOther);
        is_high && self.probation.is_some_and(|began| began.lasts(PROBATION, now))
    }

    /// Ends its use and erases its secret.
    pub(crate) fn retire(&mut self, status: DeviceStatus) {
        self.factor = Factor::Former(self.method());
        (self.fingerprint, self.status) = (None, status); // the column is for what is in use
    }

    /// The highest moving factor that was accepted, or counts as used.
    pub(crate) fn last_used_factor(&self) -> Option<u64> {
        match &self.factor {
            Factor::Totp { last_step, .. } => *last_step,
            Factor::Hotp { next, .. } => next.map_or(Some(u64::MAX), |next| next.checked_sub(1)),
            Factor::External(_) | Factor::Phone(_) | Factor::Former(_) => None,
        }
    }

    /// The offset, forgotten after a year without use, and the drift from it, after the policy's memory.
    fn learnt(&self, policy: &dyn Policy, now: UnixTime) -> (i16, i8) {
        let Factor::Totp { offset, drift, .. } = &self.factor else { return (0, 0) };
        let used_at = self.last_used.unwrap_or(self.bound_at);
        let limit = drift_limit(policy);
        let idle = now.since(used_at);
        let offset = if idle <= OFFSET_MEMORY { *offset } else { 0 };
        let drift = if idle <= policy.drift_memory().as_u64() { *drift } else { 0 };
        (offset, drift.clamp(limit.saturating_neg(), limit))
    }

    pub(crate) fn acceptable(&self, policy: &dyn Policy, now: UnixTime) -> u32 {
        if !self.in_use() {
            return 0;
        }
        match &self.factor {
            Factor::Totp { parameters, last_step, .. } => {
                let Some(present) = parameters.step_at(now) else { return 0 };
                let unused = last_step.map_or(0, |last| i128::from(last).saturating_add(1));
                let steps = |shift: i16| {
                    let centre = i128::from(present).saturating_add(shift.into());
                    let window = policy.window();
                    let from = centre.saturating_sub(window.backward.as_u32().into());
                    (from.max(unused), centre.saturating_add(window.forward.as_u32().into()))
                };
                let (offset, drift) = self.learnt(policy, now);
                let (ours, learnt) = (steps(0), steps(offset.saturating_add(drift.into())));
                let both = (ours.0.max(learnt.0), ours.1.min(learnt.1));
                let [ours, learnt, both] = [ours, learnt, both]
                    .map(|(from, to)| to.saturating_sub(from).saturating_add(1).max(0));
                let count = ours.saturating_add(learnt).saturating_sub(both);
                u32::try_from(count).unwrap_or(u32::MAX)
            }
            Factor::Hotp { next, .. } => next.map_or(0, |_| policy.look_ahead().as_u32()),
            Factor::External(_) | Factor::Phone(_) | Factor::Former(_) => 0,
        }
    }

    /// Looks for one code; `None` if the device computes none or is not in use. Looks around our clock
    /// and around the device's learnt one, so a phone whose clock is set right is never outside.
    pub(crate) fn scan(&self, policy: &dyn Policy, now: UnixTime, typed: &Code) -> Option<Found> {
        if !self.in_use() {
            return None;
        }
        match &self.factor {
            Factor::Totp { secret, parameters, last_step, .. } => {
                let totp = Totp::new(secret, *parameters);
                let (offset, drift) = self.learnt(policy, now);
                let shift = offset.saturating_add(drift.into());
                Some(scan_clock(&totp, policy, now, typed, shift, *last_step))
            }
            Factor::Hotp { secret, algorithm, digits, next } => {
                // One counter back as well: the last code that was accepted, or a replay of it.
                let hotp = Hotp::new(secret, *algorithm, *digits);
                let expected = next.unwrap_or(u64::MAX);
                let first = expected.saturating_sub(1);
                let ahead = policy.look_ahead().as_u32();
                let count = ahead.saturating_add(u32::from(first != expected));
                let scan = hotp.scan(&[typed], Factors::new(first.into(), count, *next));
                Some(Found::new(scan, repeats(&hotp, typed, self.last_used_factor())))
            }
            Factor::External(_) | Factor::Phone(_) | Factor::Former(_) => None,
        }
    }

    /// Looks for two consecutive codes far away; `None` if the device computes none.
    pub(crate) fn scan_far(
        &self,
        policy: &dyn Policy,
        now: UnixTime,
        first: &Code,
        second: &Code,
    ) -> Option<Scan> {
        if !self.in_use() {
            return None;
        }
        match &self.factor {
            Factor::Totp { secret, parameters, last_step, .. } => {
                let totp = Totp::new(secret, *parameters);
                let reach = reach_in_steps(policy, parameters);
                Some(totp.scan_far(&[first, second], now, reach, *last_step))
            }
            Factor::Hotp { secret, algorithm, digits, next } => {
                let hotp = Hotp::new(secret, *algorithm, *digits);
                let from = next.unwrap_or(u64::MAX);
                // As many presses as the reach, and then two codes.
                let count = policy.counter_reach().as_u32().saturating_add(2);
                let factors = Factors::new(from.into(), count, *next);
                Some(hotp.scan(&[first, second], factors))
            }
            Factor::External(_) | Factor::Phone(_) | Factor::Former(_) => None,
        }
    }

    /// Whether these are its code at `moving_factor`, or its codes before and at it. Constant-time.
    pub(crate) fn showed(&self, moving_factor: u64, first: &Code, second: Option<&Code>) -> bool {
        let hotp = match &self.factor {
            Factor::Totp { secret, parameters, .. } => {
                Hotp::new(secret, parameters.algorithm, parameters.digits)
            }
            Factor::Hotp { secret, algorithm, digits, .. } => {
                Hotp::new(secret, *algorithm, *digits)
            }
            Factor::External(_) | Factor::Phone(_) | Factor::Former(_) => return false,
        };
        let is = |code: &Code, factor| hotp.generate(factor) == *code;
        match second {
            Some(second) => is(first, moving_factor.wrapping_sub(1)) & is(second, moving_factor),
            None => is(first, moving_factor),
        }
    }

    /// Burns `moving_factor` and everything below it. The drift moves by at most one step towards what
    /// the code showed; a code that only our own clock explains ends the offset.
    pub(crate) fn accept(
        &mut self,
        policy: &dyn Policy,
        now: UnixTime,
        moving_factor: u64,
    ) -> Accepted {
        let (known_offset, known_drift) = self.learnt(policy, now);
        let limit = drift_limit(policy);
        let distance = self.burn(now, moving_factor);
        if let (Factor::Totp { drift, offset, .. }, Some(distance)) = (&mut self.factor, distance) {
            let within = |centre: i16| {
                let window = policy.window();
                let off = i64::from(distance).saturating_sub(centre.into());
                off >= i64::from(window.backward.as_u32()).saturating_neg()
                    && off <= i64::from(window.forward.as_u32())
            };
            let learnt = known_offset.saturating_add(known_drift.into());
            let (from, before) = if known_offset != 0 && within(0) && !within(learnt) {
                (0, 0)
            } else {
                (known_offset, known_drift)
            };
            let seen = distance.saturating_sub(from);
            let towards = i8::try_from(seen.saturating_sub(before.into()).signum()).unwrap_or(0);
            *offset = from;
            *drift = before.saturating_add(towards).clamp(limit.saturating_neg(), limit);
        }
        Accepted { device: self.id, method: self.method(), moving_factor, drift: distance }
    }

    /// Burns as [`Device::accept`], and takes the whole clock error that it shows as the new offset.
    pub(crate) fn teach(&mut self, now: UnixTime, moving_factor: u64) -> Accepted {
        let distance = self.burn(now, moving_factor);
        if let (Factor::Totp { drift, offset, .. }, Some(distance)) = (&mut self.factor, distance) {
            (*offset, *drift) = (distance, 0);
        }
        Accepted { device: self.id, method: self.method(), moving_factor, drift: distance }
    }

    /// Returns how many steps ahead of our clock the factor is, for TOTP.
    fn burn(&mut self, now: UnixTime, moving_factor: u64) -> Option<i16> {
        self.last_used = Some(now);
        match &mut self.factor {
            Factor::Totp { parameters, last_step, .. } => {
                *last_step = Some(moving_factor);
                let present = parameters.step_at(now).unwrap_or(0);
                let distance = moving_factor.wrapping_sub(present).cast_signed();
                Some(i16::try_from(distance).unwrap_or(0))
            }
            Factor::Hotp { next, .. } => {
                *next = moving_factor.checked_add(1);
                None
            }
            Factor::External(_) | Factor::Phone(_) | Factor::Former(_) => None,
        }
    }
}

/// Seconds without use after which an offset is forgotten: a year.
const OFFSET_MEMORY: u64 = 365 * 24 * 60 * 60;

/// Seconds of probation for a factor that was bound with a text or a recovery code: a day, in which the
/// owner is told and can act.
const PROBATION: u64 = 24 * 60 * 60 - 1;

#[derive(Clone, Copy)]
pub(crate) struct Found {
    pub(crate) at: Option<u64>,
    /// Whether the code was in the window at all: a replay, if nothing was accepted.
    pub(crate) seen: bool,
    /// Whether it is the code that the device's last acceptance used.
    pub(crate) repeated: bool,
}

impl Found {
    fn new(scan: Scan, repeated: bool) -> Found {
        Found { at: scan.accepted(), seen: scan.seen, repeated }
    }
}

/// Looks around our clock, and `shift` steps from it.
pub(crate) fn scan_clock(
    totp: &Totp,
    policy: &dyn Policy,
    now: UnixTime,
    typed: &Code,
    shift: i16,
    last_step: Option<u64>,
) -> Found {
    let window = policy.window();
    let mut found = Found::new(
        totp.scan(typed, now, window, 0, last_step),
        repeats(totp.hotp(), typed, last_step),
    );
    if shift != 0 {
        let far = totp.scan(typed, now, window, shift, last_step);
        found.at = found.at.max(far.accepted()); // a code in both windows is one code
        found.seen |= far.seen;
    }
    found
}

/// Whether `typed` is the code of `last`. Computed in any case, so that the work is the same.
fn repeats(hotp: &Hotp, typed: &Code, last: Option<u64>) -> bool {
    let scan = hotp.scan(&[typed], Factors::new(last.unwrap_or(0).into(), 1, None));
    scan.seen && last.is_some()
}

/// How many steps back and ahead two codes in a row are looked for: the second of them within the reach.
pub(crate) fn reach_in_steps(policy: &dyn Policy, parameters: &Parameters) -> (u32, u32) {
    let reach = policy.clock_reach().as_u32().div_ceil(parameters.period.as_u32().max(1));
    (reach.saturating_add(1), reach)
}

/// The class on whose budget its failures count; `None` for what cannot be guessed.
pub(crate) const fn class_of(method: Method) -> Option<Class> {
    match method {
        Method::Totp | Method::Hotp => Some(Class::Codes),
        Method::Sms => Some(Class::OutOfBand),
        Method::Passkey
        | Method::Pki
        | Method::RecoveryCode
        | Method::Emergency
        | Method::Pass
        | Method::TrustedBrowser => None,
    }
}

fn drift_limit(policy: &dyn Policy) -> i8 {
    i8::try_from(policy.drift_limit().as_u64()).unwrap_or(0)
}

impl Device {
    pub(crate) fn summary(&self) -> DeviceSummary {
        let (drift, clock_offset) = match &self.factor {
            Factor::Totp { drift, offset, .. } => (*drift, *offset),
            _ => (0, 0),
        };
        let digits = match &self.factor {
            Factor::Totp { parameters, .. } => Some(parameters.digits),
            Factor::Hotp { digits, .. } => Some(*digits),
            _ => None,
        };
        DeviceSummary {
            id: self.id,
            label: self.label.as_str().into(),
            method: self.method(),
            status: self.status,
            bound_at: self.bound_at,
            last_used: self.last_used,
            drift,
            clock_offset,
            short_secret: self.factor.secret().is_some_and(Secret::is_short),
            imported: self.imported,
            digits: digits.map(Digits::count),
            fingerprint: self.fingerprint.map(|bytes| hexadecimal(&bytes)),
            bound_openly: self.openly,
        }
    }
}
