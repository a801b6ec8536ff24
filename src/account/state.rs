//! The state of one person, and the changes of it that keep it whole.
//!
//! Standard: NIST SP 800-63B-4 sections 3.2.2 (disabling) and 4 (the life of an authenticator).
//!
//! Decides nothing: a transition in `mfa` does.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::account::challenge::{Challenge, ChallengeId, SentCode};
use crate::account::device::{Device, same_secret};
use crate::account::policy::Policy;
use crate::account::recovery::RecoverySet;
use crate::account::summary::{DeviceId, DeviceStatus, Summary, ThrottleSummary};
use crate::account::throttle::{Budget, Class};
use crate::otp::secret::Secret;
use crate::time::UnixTime;

/// Former devices that an account remembers; the audit events remember all.
const MAX_FORMER_DEVICES: usize = 16;

/// The state of one person. Opaque: a store keeps it sealed, and only a transition changes it.
///
/// Boxed from one transition to the next: every move of its many fields would leave a copy of them
/// on the stack, which takes time to make and time to wipe.
#[derive(Default)]
pub(crate) struct Account {
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
    /// When a code was last sent, for any purpose and with any outcome.
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
    pub(crate) const fn of(&self, class: Class) -> &Budget {
        match class {
            Class::Codes => &self.codes,
            Class::Recovery => &self.recovery,
            Class::OutOfBand => &self.out_of_band,
            Class::External => &self.external,
        }
    }

    pub(crate) const fn of_mut(&mut self, class: Class) -> &mut Budget {
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

impl Account {
    pub(crate) fn is_open(&self) -> bool {
        self.exists && self.offboarded_at.is_none()
    }

    pub(crate) fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices.iter().find(|device| device.id == id)
    }

    pub(crate) fn device_mut(&mut self, id: DeviceId) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| device.id == id)
    }

    /// Whether a device has this secret already.
    pub(crate) fn holds(&self, secret: &Secret) -> bool {
        let mut held = self.devices.iter().filter_map(|device| device.factor.secret());
        held.any(|held| same_secret(held, secret))
    }

    /// Whether failures have disabled the class: it had a device, and now it has only disabled ones.
    pub(crate) fn is_disabled(&self, class: Class) -> bool {
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

    /// Disables every factor of a class, and only a new binding brings the class back (NIST SP 800-63B-4
    /// section 3.2.2). Returns whether there was one.
    pub(crate) fn disable(&mut self, class: Class) -> bool {
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

    /// What every write does besides: the clock it was made by, and nothing that has run out.
    pub(crate) fn expire(&mut self, now: UnixTime) {
        self.last_write = now;
        let _ = self.pending.take_if(|pending| pending.until < now);
        let _ = self.sent.take_if(|challenge| challenge.until < now);
        let _ = self.external.take_if(|challenge| challenge.until < now);
        let _ = self.emergency_until.take_if(|until| *until < now);
        let _ = self.reenrol_until.take_if(|until| *until < now);
    }

    /// Ends the proofs, challenges and enrolments from before a change of factors.
    pub(crate) fn change_epoch(&mut self) {
        self.epoch = self.epoch.saturating_add(1);
        self.pending = None;
        self.sent = None;
        self.external = None;
    }

    pub(crate) fn bind(&mut self, now: UnixTime, device: Device) {
        self.devices.push(device);
        self.first_bound_at.get_or_insert(now);
        self.reenrol_until = None;
        self.change_epoch();
        self.forget_oldest();
    }

    /// Keeps the record small. Of the former devices the revoked ones go first, and of those the
    /// oldest: what is lost or disabled still says what the person had ([`Account::sms_permits`]).
    pub(crate) fn forget_oldest(&mut self) {
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

    pub(crate) fn retire_all(&mut self) {
        for device in self.devices.iter_mut().filter(|device| device.status != DeviceStatus::Lost) {
            device.retire(DeviceStatus::Revoked);
        }
        self.recovery = None;
        self.emergency_until = None;
        self.forget_oldest();
    }
}
