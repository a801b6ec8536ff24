//! One enrolled device: what it proves possession with, how its codes are looked for, and what a
//! right one teaches.
//!
//! Standard: RFC 4226 sections 7.2 to 7.4, RFC 6238 sections 5.2 and 6 (drift, bounded, and moved by
//! accepted codes only).

use alloc::boxed::Box;
use core::fmt;

use subtle::ConstantTimeEq;

use crate::account::challenge::PhoneNumber;
use crate::account::policy::Policy;
use crate::account::summary::{DeviceId, DeviceStatus, DeviceSummary, Label, Method};
use crate::account::throttle::Class;
use crate::ct::{Scan, reveal};
use crate::otp::algorithm::Algorithm;
use crate::otp::code::{Code, Digits};
use crate::otp::hotp::{Factors, Hotp};
use crate::otp::secret::Secret;
use crate::otp::totp::{Parameters, Totp};
use crate::otp::uri::{Part, ProvisioningUri, UriError};
use crate::time::UnixTime;

/// Confirmed OTP devices that a person may have; each one's window adds to a guesser's odds.
pub const MAX_OTP_DEVICES: usize = 5;

/// Confirmed passkeys and certificates that a person may have.
pub const MAX_EXTERNAL_DEVICES: usize = 8;

/// One enrolled device.
pub(crate) struct Device {
    pub(crate) id: DeviceId,
    pub(crate) label: Label,
    pub(crate) status: DeviceStatus,
    pub(crate) bound_at: UnixTime,
    pub(crate) last_used: Option<UnixTime>,
    pub(crate) imported: bool,
    pub(crate) factor: Factor,
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
        /// The clock error that the last resynchronisation found; `drift` is counted from it.
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

/// A device whose secret exists already: a token with a seed file, or what another system enrolled.
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
    pub(crate) secret: Box<Secret>,
    pub(crate) moving: ImportedState,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum ImportedState {
    Totp { parameters: Parameters, last_step: Option<u64> },
    Hotp { algorithm: Algorithm, digits: Digits, next: Option<u64> },
}

impl ImportedState {
    pub(crate) fn factor(self, secret: Box<Secret>) -> Factor {
        match self {
            ImportedState::Totp { parameters, last_step } => {
                Factor::Totp { secret, parameters, last_step, drift: 0, offset: 0 }
            }
            ImportedState::Hotp { algorithm, digits, next } => {
                Factor::Hotp { secret, algorithm, digits, next }
            }
        }
    }
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
        ExistingDevice { label, secret, moving: ImportedState::Totp { parameters, last_step } }
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
        let next = Some(next);
        ExistingDevice { label, secret, moving: ImportedState::Hotp { algorithm, digits, next } }
    }

    /// What the `otpauth://` URI of another system says. `last` is the last step (TOTP) or counter
    /// (HOTP) that the other system accepted, and nothing up to it is accepted here. An HOTP device
    /// without it is expected at the counter of the URI, and never before it.
    #[must_use]
    pub fn from_uri(label: Label, uri: &ProvisioningUri, last: Option<u64>) -> ExistingDevice {
        let moving = match (uri.totp_parameters(), uri.counter()) {
            (Some(parameters), _) => ImportedState::Totp { parameters, last_step: last },
            (None, counter) => ImportedState::Hotp {
                algorithm: uri.algorithm(),
                digits: uri.digits(),
                // None only after counter 2^64-1: that device is used up.
                next: match last {
                    Some(last) => last.checked_add(1).map(|next| next.max(counter.unwrap_or(0))),
                    None => counter,
                },
            },
        };
        ExistingDevice { label, secret: uri.secret().duplicate(), moving }
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

    /// How an authenticator is told of it.
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

    pub(crate) const fn class(&self) -> Class {
        class_of(self.factor.method())
    }

    /// Ends its use and erases its secret.
    pub(crate) fn retire(&mut self, status: DeviceStatus) {
        self.factor = Factor::Former(self.method());
        self.status = status;
    }

    /// The drift to search around, in steps: none after a month without use.
    fn drift(&self, policy: &dyn Policy, now: UnixTime) -> i8 {
        let Factor::Totp { drift, .. } = &self.factor else { return 0 };
        let idle = now.since(self.last_used.unwrap_or(self.bound_at));
        if idle > policy.drift_memory().as_u64() {
            return 0;
        }
        let limit = drift_limit(policy);
        (*drift).clamp(limit.saturating_neg(), limit)
    }

    /// Looks for one code; `None` if the device computes none or is not in use.
    pub(crate) fn scan(&self, policy: &dyn Policy, now: UnixTime, typed: &Code) -> Option<Scan> {
        if !self.in_use() {
            return None;
        }
        match &self.factor {
            Factor::Totp { secret, parameters, last_step, offset, .. } => {
                let drift = offset.saturating_add(i16::from(self.drift(policy, now)));
                let totp = Totp::new(secret, *parameters);
                Some(totp.scan(typed, now, policy.window(), drift, *last_step))
            }
            Factor::Hotp { secret, algorithm, digits, next } => {
                // One counter back as well, to tell a replay from a guess in the audit event.
                let hotp = Hotp::new(secret, *algorithm, *digits);
                let expected = next.unwrap_or(u64::MAX);
                let first = expected.saturating_sub(1);
                let ahead = policy.look_ahead().as_u32();
                let count = ahead.saturating_add(u32::from(first != expected));
                Some(hotp.scan(&[typed], Factors::new(first.into(), count, *next)))
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
        let reach = policy.resync_reach();
        match &self.factor {
            Factor::Totp { secret, parameters, last_step, .. } => {
                let totp = Totp::new(secret, *parameters);
                Some(totp.scan_far(&[first, second], now, reach, *last_step))
            }
            Factor::Hotp { secret, algorithm, digits, next } => {
                let hotp = Hotp::new(secret, *algorithm, *digits);
                let from = next.unwrap_or(u64::MAX);
                let factors = Factors::new(from.into(), reach.as_u32(), *next);
                Some(hotp.scan(&[first, second], factors))
            }
            Factor::External(_) | Factor::Phone(_) | Factor::Former(_) => None,
        }
    }

    /// Burns `moving_factor` and everything below it. A resynchronisation takes the whole clock
    /// error as the new offset; a plain success moves the drift by at most one step towards it.
    pub(crate) fn accept(
        &mut self,
        policy: &dyn Policy,
        now: UnixTime,
        moving_factor: u64,
        resynchronised: bool,
    ) -> Accepted {
        let remembered = self.drift(policy, now);
        let limit = drift_limit(policy);
        let mut seen_drift = None;
        match &mut self.factor {
            Factor::Totp { parameters, last_step, drift, offset, .. } => {
                let clock = parameters.period.as_u64();
                let present = now.since(parameters.t0).checked_div(clock).unwrap_or(0);
                let distance = moving_factor.wrapping_sub(present).cast_signed();
                let distance = i16::try_from(distance).unwrap_or(0);
                if resynchronised {
                    (*offset, *drift) = (distance, 0);
                } else {
                    let seen = distance.saturating_sub(*offset);
                    let moved = match seen.cmp(&i16::from(remembered)) {
                        core::cmp::Ordering::Less => remembered.saturating_sub(1),
                        core::cmp::Ordering::Equal => remembered,
                        core::cmp::Ordering::Greater => remembered.saturating_add(1),
                    };
                    *drift = moved.clamp(limit.saturating_neg(), limit);
                }
                *last_step = Some(moving_factor);
                seen_drift = Some(distance);
            }
            Factor::Hotp { next, .. } => *next = moving_factor.checked_add(1),
            Factor::External(_) | Factor::Phone(_) | Factor::Former(_) => {}
        }
        self.last_used = Some(now);
        Accepted { device: self.id, method: self.method(), moving_factor, drift: seen_drift }
    }
}

pub(crate) const fn class_of(method: Method) -> Class {
    match method {
        Method::Totp | Method::Hotp => Class::Codes,
        Method::Passkey | Method::Pki => Class::External,
        Method::Sms => Class::OutOfBand,
        Method::RecoveryCode | Method::Emergency => Class::Recovery,
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
        }
    }
}

pub(crate) fn same_secret(one: &Secret, other: &Secret) -> bool {
    reveal(one.ct_eq(other))
}
