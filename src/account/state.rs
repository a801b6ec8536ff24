//! The state of one person, and the changes of it that keep it whole.
//!
//! Standard: NIST SP 800-63B-4 sections 3.2.2 (failures) and 4 (the life of an authenticator).
//!
//! Decides nothing: a transition in `mfa` does. What lasts for a time is kept with the moment at which
//! it began, so that a clock error does no harm once the clock is right again.

use alloc::{boxed::Box, vec::Vec};

use subtle::ConstantTimeEq;

use crate::account::browser::{self, Browser, MAX_BROWSERS};
use crate::account::carried::Session;
use crate::account::challenge::{ChallengeId, SentCode, SentText, Used};
use crate::account::device::Device;
use crate::account::event::{EventKind, PassEnd};
use crate::account::former::{FormerSecret, HmacKey, MAX_FORMER_SECRETS, hash_of};
use crate::account::id::{AccountId, BrowserId, DeviceId};
use crate::account::pass::StoredPass;
use crate::account::policy::{FirstEnrolment, Policy};
use crate::account::recovery::Recovery;
use crate::account::summary::{
    BrowserSummary, DeviceStatus, Method, PassKind, Standing, Summary, ThrottleSummary,
    TrustedBrowserSummary,
};
use crate::account::throttle::{Budget, Class, Gate, make_room};
use crate::account::trusted::{self, Trusted};
use crate::ct::reveal;
use crate::time::UnixTime;

/// Former devices that an account shows; the audit events remember all.
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
    pub(crate) devices: Vec<Device>,
    pub(crate) former: Vec<FormerSecret>,
    /// Something was taken out of use, which ends imports.
    pub(crate) import_ended: bool,
    pub(crate) enrolment_began: Option<UnixTime>,
    pub(crate) pending: Option<Pending>,
    pub(crate) confirmed: Option<LastConfirmed>,
    pub(crate) recovery: Recovery,
    pub(crate) texts: Texts,
    /// Challenges, and the person's carried proofs.
    pub(crate) used: Used,
    pub(crate) browsers: Vec<Browser>,
    pub(crate) browser_generation: u32,
    pub(crate) codes: Budget,
    pub(crate) out_of_band: Budget,
    /// At most one of each kind.
    pub(crate) passes: Vec<StoredPass>,
    /// An operator took the account in hand: no first factor is bound without a pass.
    pub(crate) needs_pass: bool,
    /// An operator gave up a record that did not open; until a pass allows a factor.
    pub(crate) abandoned_at: Option<UnixTime>,
    pub(crate) trusted: Vec<Trusted>,
    /// Carried proofs of operators. Apart, because a leaver with a passkey can push all of `used` out, and
    /// must not end an operator's proof that way.
    pub(crate) used_for_other: Used,
}

#[derive(Default)]
pub(crate) struct Texts {
    pub(crate) live: Vec<SentText>,
    /// When codes were sent in the last day, the oldest first, and whether to a remembered browser.
    pub(crate) sent: Vec<(UnixTime, bool)>,
    /// When the bindings of the last day were started.
    pub(crate) bindings: Vec<UnixTime>,
}

impl Texts {
    fn make_room(&mut self, now: UnixTime) {
        make_room(&mut self.sent, 16, DAY, now, |(at, _)| at);
        make_room(&mut self.bindings, 8, DAY, now, |at| at);
    }
}

/// An enrolment that waits for its first code. It satisfies nothing and blocks nothing.
pub(crate) struct Pending {
    pub(crate) id: ChallengeId,
    pub(crate) at: UnixTime,
    pub(crate) device: Device,
    pub(crate) replaces: Option<DeviceId>,
    /// Whether a proof of a factor allowed it.
    pub(crate) proven: bool,
    pub(crate) failures: u8,
    /// The code sent to a telephone that is being bound.
    pub(crate) sent: Option<Box<SentCode>>,
    /// The session that may see it again.
    pub(crate) session: Option<Session>,
}

/// The last confirmed enrolment, by which a form sent twice is recognised.
pub(crate) struct LastConfirmed {
    pub(crate) id: ChallengeId,
    pub(crate) at: UnixTime,
    pub(crate) device: DeviceId,
    /// The moving factor of the code, and whether it was the second of two.
    pub(crate) moving_factor: Option<u64>,
    pub(crate) of_two: bool,
    pub(crate) sent: Option<Box<SentCode>>,
}

pub(crate) const DAY: u64 = 24 * 60 * 60;

impl Account {
    pub(crate) fn is_open(&self) -> bool {
        self.exists && self.offboarded_at.is_none()
    }

    pub(crate) fn budget(&self, class: Class) -> &Budget {
        match class {
            Class::Codes => &self.codes,
            Class::OutOfBand => &self.out_of_band,
        }
    }

    pub(crate) fn budget_mut(&mut self, class: Class) -> &mut Budget {
        match class {
            Class::Codes => &mut self.codes,
            Class::OutOfBand => &mut self.out_of_band,
        }
    }

    pub(crate) fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices.iter().find(|device| device.id == id)
    }

    pub(crate) fn device_mut(&mut self, id: DeviceId) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| device.id == id)
    }

    pub(crate) fn holds(&self, key: &HmacKey) -> bool {
        let mut held = self.devices.iter().filter_map(|device| device.factor.hmac_key());
        held.any(|held| reveal(held.ct_eq(key)))
    }

    pub(crate) fn acceptable(&self, policy: &dyn Policy, now: UnixTime) -> u32 {
        let codes = self.devices.iter().map(|device| device.acceptable(policy, now));
        codes.fold(0, u32::saturating_add)
    }

    /// The browser that a token is for; `None` if it is no longer remembered.
    pub(crate) fn remembers(
        &self,
        (id, generation): (BrowserId, u32),
        now: UnixTime,
    ) -> Option<BrowserId> {
        let known = self.browsers.iter().find(|browser| browser.id == id)?;
        let lasts = generation == self.browser_generation
            && known.used_at.lasts(browser::MEMORY, now)
            && self.is_open();
        lasts.then_some(id)
    }

    /// Remembers a browser, in place of the longest unused one if the list is full.
    pub(crate) fn remember(&mut self, id: BrowserId, now: UnixTime) {
        let room = const { MAX_BROWSERS - 1 };
        make_room(&mut self.browsers, room, browser::MEMORY, now, |one| &mut one.used_at);
        self.browsers.push(Browser { id, used_at: now });
    }

    /// Until when a browser is trusted; `None` if it is not, or no longer. Counts from the proof of the
    /// factor behind it, and lets an app rest no longer than its drift is remembered: after that its code
    /// might be refused.
    pub(crate) fn trusts(
        &self,
        one: &Trusted,
        id: &AccountId,
        policy: &dyn Policy,
        now: UnixTime,
    ) -> Option<UnixTime> {
        let device = self.device(one.device).filter(|device| device.in_use())?;
        let longest = policy.trusted_browsers(id)?.as_u64();
        let secs = match device.method() {
            Method::Totp => longest.min(policy.drift_memory().as_u64()),
            _ => longest,
        };
        (one.since.lasts(secs, now) && self.is_open()).then(|| one.since.plus(secs))
    }

    pub(crate) fn forget_browsers(&mut self) {
        self.browsers.clear();
        self.browser_generation = self.browser_generation.saturating_add(1);
    }

    pub(crate) fn pass(&self, kind: PassKind) -> Option<&StoredPass> {
        self.passes.iter().find(|pass| pass.kind == kind)
    }

    /// Ends the passes of a kind, or all, and returns the events of it.
    pub(crate) fn end_passes(
        &mut self,
        kind: Option<PassKind>,
        why: PassEnd,
        now: UnixTime,
    ) -> Vec<EventKind> {
        let ends = |pass: &&mut StoredPass| kind.is_none_or(|kind| pass.kind == kind);
        let mut ended = self.passes.iter_mut().filter(ends);
        let events = ended.by_ref().filter_map(|pass| pass.end(why, now)).collect();
        self.passes.retain(|pass| kind.is_some_and(|kind| pass.kind != kind));
        events
    }

    /// Does what every write does: notes its time, drops expired secrets, keeps lists within their room.
    /// Returns the events of passes that are over, which are kept for a day to say so.
    pub(crate) fn expire(&mut self, policy: &dyn Policy, now: UnixTime) -> Vec<EventKind> {
        self.last_write = now;
        let pending_lifetime = policy.pending_lifetime().as_u64();
        let challenge_lifetime = policy.challenge_lifetime().as_u64();
        let _ = self.pending.take_if(|pending| pending.until(policy) < now);
        let _ = self.confirmed.take_if(|done| done.at.plus(pending_lifetime) < now);
        self.texts.live.retain(|text| text.at.plus(challenge_lifetime) >= now);
        self.texts.make_room(now);
        self.trusted.retain(|one| one.since.lasts(trusted::LONGEST, now));
        make_room(&mut self.browsers, MAX_BROWSERS, browser::MEMORY, now, |one| &mut one.used_at);
        self.codes.make_room(now);
        self.out_of_band.make_room(now);
        let over = self.passes.iter_mut().filter(|pass| pass.until() < now);
        let events = over.filter_map(|pass| pass.end(PassEnd::Expired, now)).collect();
        self.passes.retain(|pass| pass.until().plus(DAY) >= now);
        events
    }

    /// Ends the proofs, challenges, enrolments and trusted browsers from before a change of factors.
    pub(crate) fn change_epoch(&mut self) {
        self.epoch = self.epoch.saturating_add(1);
        self.pending = None;
        self.texts.live.clear();
        self.trusted.clear();
    }

    /// Puts a device in use, which ends every pass: returns the events of that.
    #[must_use]
    pub(crate) fn bind(&mut self, now: UnixTime, device: Device) -> Vec<EventKind> {
        self.devices.push(device);
        self.first_bound_at.get_or_insert(now);
        self.abandoned_at = None;
        self.enrolment_began = None;
        self.change_epoch();
        self.forget_oldest();
        self.end_passes(None, PassEnd::Bound, now)
    }

    /// Takes a device out of use. Remembers its secret by a hash, so that it comes back only above the
    /// last code that was used, or not at all. Returns the device's method.
    pub(crate) fn take_out(&mut self, id: DeviceId, status: DeviceStatus) -> Option<Method> {
        let device = self.devices.iter_mut().find(|device| device.id == id)?;
        let key = device.factor.hmac_key();
        let (last, lost) = (device.last_used_factor(), status == DeviceStatus::Lost);
        let hash = key.as_deref().map(|key| hash_of(id, key));
        let former = hash.map(|hash| FormerSecret { device: id, hash, last, lost });
        let method = device.method();
        device.retire(status);
        self.import_ended = true;
        if self.former.len() < MAX_FORMER_SECRETS {
            self.former.extend(former);
        }
        Some(method)
    }

    /// Keeps the record small. Forgets revoked devices before lost ones, and the oldest first: a lost one
    /// still says which factors the person had ([`Account::sms_permits`]).
    pub(crate) fn forget_oldest(&mut self) {
        let former = self.devices.iter().filter(|device| !device.in_use()).count();
        let mut excess = former.saturating_sub(MAX_FORMER_DEVICES);
        for status in [DeviceStatus::Revoked, DeviceStatus::Lost] {
            self.devices.retain(|device| {
                let forget = excess > 0 && device.status == status;
                excess = excess.saturating_sub(usize::from(forget));
                !forget
            });
        }
    }

    pub(crate) fn retire_all(&mut self) {
        let in_use: Vec<_> =
            self.devices.iter().filter(|device| device.in_use()).map(|device| device.id).collect();
        for id in in_use {
            self.take_out(id, DeviceStatus::Revoked);
        }
        self.import_ended = true;
        self.recovery = Recovery::default();
        self.confirmed = None;
        self.forget_browsers();
        self.forget_oldest();
    }
}

impl Pending {
    /// Until when it can be confirmed.
    pub(crate) fn until(&self, policy: &dyn Policy) -> UnixTime {
        self.at.plus(self.lifetime(policy))
    }

    pub(crate) fn lasts(&self, policy: &dyn Policy, now: UnixTime) -> bool {
        self.at.lasts(self.lifetime(policy), now)
    }

    /// At most that of the sent code, where there is one.
    fn lifetime(&self, policy: &dyn Policy) -> u64 {
        let whole = policy.pending_lifetime().as_u64();
        match self.sent {
            Some(_) => whole.min(policy.challenge_lifetime().as_u64()),
            None => whole,
        }
    }
}

/// What the account is, without a secret.
impl Account {
    pub(crate) fn summary(&self, id: &AccountId, policy: &dyn Policy, now: UnixTime) -> Summary {
        let trusted = |one: &Trusted| {
            let until = self.trusts(one, id, policy, now)?;
            let Trusted { id, since, device, turned_at: used_at, .. } = *one;
            Some(TrustedBrowserSummary { id, since, until, used_at, device })
        };
        let pending = self.pending.as_ref().filter(|pending| pending.lasts(policy, now));
        let emergency = self.pass(PassKind::Emergency).filter(|pass| pass.is_open(now));
        Summary {
            epoch: self.epoch,
            first_bound_at: self.first_bound_at,
            offboarded_at: self.offboarded_at,
            standing: self.standing(policy, now),
            devices: self.devices.iter().map(Device::summary).collect(),
            browsers: self
                .browsers
                .iter()
                .filter(|browser| browser.used_at.lasts(browser::MEMORY, now))
                .map(|browser| BrowserSummary { id: browser.id, used_at: browser.used_at })
                .collect(),
            trusted_browsers: self.trusted.iter().filter_map(trusted).collect(),
            pending_until: pending.map(|pending| pending.until(policy)),
            recovery_codes_left: self.recovery.left(),
            recovery_codes_seen: self.recovery.is_seen(),
            recovery_replacement_due: self.recovery.is_replacement_due(),
            codes: self.throttle_summary(Class::Codes, policy, now),
            out_of_band: self.throttle_summary(Class::OutOfBand, policy, now),
            emergency_until: emergency.map(StoredPass::until),
            sealed_with: None, // the account does not know; the operation does
        }
    }

    fn throttle_summary(
        &self,
        class: Class,
        policy: &dyn Policy,
        now: UnixTime,
    ) -> ThrottleSummary {
        let (budget, throttle) = (self.budget(class), policy.throttle(class));
        let waiting_until = match self.stranger_gate(class, policy, now) {
            Gate::Wait(until) => Some(until),
            Gate::Open | Gate::Closed => None,
        };
        ThrottleSummary {
            consecutive_failures: budget.unknown.row,
            remembered_failures: budget.remembered.row,
            weight: budget.unknown.weigh(now),
            waiting_until,
            closed_to_strangers: budget.is_closed(&throttle),
            disabled: budget.is_disabled(&throttle),
        }
    }

    fn stranger_gate(&self, class: Class, policy: &dyn Policy, now: UnixTime) -> Gate {
        let weight = self.weight(class, policy, now);
        self.budget(class).gate(&policy.throttle(class), false, weight, now).1
    }

    pub(crate) fn weight(&self, class: Class, policy: &dyn Policy, now: UnixTime) -> u8 {
        match class {
            Class::Codes => crate::account::throttle::weight(self.acceptable(policy, now)),
            Class::OutOfBand => 1,
        }
    }

    /// The person's standing, as an unknown browser meets it.
    pub(crate) fn standing(&self, policy: &dyn Policy, now: UnixTime) -> Standing {
        if self.offboarded_at.is_some() {
            return Standing::Offboarded;
        }
        let in_use = || self.devices.iter().filter(|device| device.in_use());
        if in_use().next().is_none() {
            return self.without_device(policy, now);
        }
        let (mut until, mut closed) = (None::<UnixTime>, false);
        for device in in_use() {
            let Some(class) = device.class() else { return Standing::InUse };
            match self.stranger_gate(class, policy, now) {
                Gate::Open => return Standing::InUse,
                Gate::Wait(at) => until = Some(until.map_or(at, |until| until.min(at))),
                Gate::Closed => {
                    closed |= !self.budget(class).is_disabled(&policy.throttle(class));
                }
            }
        }
        match until {
            Some(until) => Standing::Waiting { until },
            None if closed => Standing::ClosedToStrangers,
            None => self.without_device(policy, now),
        }
    }

    /// Whether the password alone may bind a first factor.
    pub(crate) fn may_enrol_openly(&self, policy: &dyn Policy) -> bool {
        let never = self.first_bound_at.is_none() && !self.needs_pass;
        never && policy.first_enrolment() == FirstEnrolment::Open
    }

    fn without_device(&self, policy: &dyn Policy, now: UnixTime) -> Standing {
        let pending = self.pending.as_ref().filter(|pending| pending.lasts(policy, now));
        if let Some(pending) = pending {
            return Standing::Pending { until: pending.until(policy) };
        }
        let pass = self.pass(PassKind::Enrolment).filter(|pass| pass.is_open(now));
        match pass.map(StoredPass::until) {
            Some(until) if self.first_bound_at.is_none() => Standing::Invited { until },
            Some(until) => Standing::Reset { until },
            None if self.may_enrol_openly(policy) => Standing::NeverEnrolled,
            _ if self.recovery.left() > 0 => Standing::RecoveryCodesOnly,
            _ => Standing::OperatorOnly,
        }
    }
}
