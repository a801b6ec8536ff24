//! Confirming an enrolment: a pending device becomes a bound one by its codes.
//!
//! Standard: NIST SP 800-63B-4 section 4.1.2.2.

use alloc::{boxed::Box, vec::Vec};
use core::ops::Deref;

use rand::CryptoRng;

use crate::account::{
    Account, AnyPurpose, ChallengeId, Class, Device, DeviceId, DeviceStatus, EventKind,
    LastConfirmed, Method, Pending, Proof, RecoveryCodes, RecoverySeed, RejectionReason, SignIn,
    typed_code,
};
use crate::mfa::answer::Verdict;
use crate::mfa::decision::{Context, Decision, DraftEvent, expired, left, malformed, unevaluated};
use crate::mfa::handle::AccountAt;
use crate::mfa::operation::{Attempt, without_traces};
use crate::otp::Code;

impl<'m> AccountAt<'m> {
    /// Binds a pending device with one of its codes, which is burnt.
    ///
    /// Returns a proof for signing in, and with a person's first factor the recovery codes, to be shown
    /// once. The epoch rises. A wrong code counts on this enrolment alone, which ends after five, so no
    /// stranger's failures keep the owner from binding. A binding forgives the failures of its class. The
    /// same code again within ten minutes gets [`Verdict::AlreadyConfirmed`]. Emits
    /// `Bound`, `Revoked` for a device that is replaced, `Forgiven` and `RecoveryCodesIssued`; or
    /// `Rejected`. NIST SP 800-63B-4 section 4.1.2.2.
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
        let code = without_traces(|| typed_code(code));
        let seed = RecoverySeed::generate(rng);
        Attempt::new(self.operation(move |account, cx| {
            let typed = Option::as_ref(&code).map(|code| (code, None));
            Ok(account.confirm(cx, pending, typed, &seed))
        }))
    }

    /// Binds a pending device with two of its codes in a row, as [`AccountAt::confirm`] with one: a token
    /// whose clock is off by up to ten minutes, or whose button was pressed up to a thousand times. Burns
    /// both codes and all below them, and learns the clock error or the counter.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = countersign::AccountId::new("42")?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::{Digits, Hotp};
    /// let pending = dana.enrol_hotp("Token", Digits::Six, &mut rng).run(&store)?;
    /// let uri = pending.uri("Acme Billing", "dana")?;
    /// let token = Hotp::new(uri.secret(), uri.algorithm(), uri.digits());
    /// // Its button was pressed twenty times on the way from the shelf.
    /// let (first, second) = (token.generate(20), token.generate(21));
    /// let codes = [first.expose_str(), second.expose_str()];
    /// assert!(dana.confirm_pair(pending.id(), codes, &mut rng).run(&store).accepted().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn confirm_pair(
        &self,
        pending: ChallengeId,
        codes: [&str; 2],
        rng: &mut impl CryptoRng,
    ) -> Attempt<'m, Confirmed> {
        let codes = without_traces(|| codes.map(typed_code));
        let seed = RecoverySeed::generate(rng);
        Attempt::new(self.operation(move |account, cx| {
            let [first, second] = codes.each_ref().map(Option::as_ref);
            let typed = first.zip(second).map(|(first, second)| (first, Some(second)));
            Ok(account.confirm(cx, pending, typed, &seed))
        }))
    }
}

type Typed<'a> = (&'a Code, Option<&'a Code>);

impl Account {
    /// NIST SP 800-63B-4 section 4.1.2.2: a pending device becomes a bound one by its codes, which are
    /// burnt. Its secret was just shown to the person who proved another factor, so it has separate
    /// tries and waits for no class: an attacker who fails elsewhere cannot hold it up.
    pub(crate) fn confirm(
        mut self: Box<Self>,
        cx: &Context<'_>,
        id: ChallengeId,
        typed: Option<Typed<'_>>,
        seed: &RecoverySeed,
    ) -> Decision<Verdict<Confirmed>> {
        let purpose = AnyPurpose::ChangeFactors;
        let named = |live: &mut Pending| live.id == id && live.lasts(cx.policy, cx.now);
        let is_open = self.is_open();
        let Some(mut pending) = self.pending.take_if(|live| is_open && named(live)) else {
            return self.confirm_again(cx, id, typed);
        };
        let Some(typed) = typed else { return malformed(&purpose) };
        let (right, moving_factor) = pending.evaluate(cx, typed);
        if right {
            return self.bind_pending(cx, pending, (moving_factor, typed.1.is_some()), seed);
        }
        let (device, method) = (pending.device.id, pending.device.method());
        pending.failures = pending.failures.saturating_add(1);
        let left = cx.policy.pending_tries().as_u64().saturating_sub(pending.failures.into());
        self.pending = (left > 0).then_some(pending);
        let event = DraftEvent::plain(EventKind::Rejected(RejectionReason::WrongCode));
        let event = event.on(device, method).purpose(&purpose);
        let tries_left = u8::try_from(left).unwrap_or(u8::MAX);
        Decision::stored(Verdict::Rejected { tries_left }, self, Vec::from([event]))
    }

    /// Answers where no such enrolment waits. The very code that confirmed it gets `AlreadyConfirmed`,
    /// for a form sent twice; anything else is answered as if the enrolment were gone.
    fn confirm_again(
        &self,
        cx: &Context<'_>,
        id: ChallengeId,
        typed: Option<Typed<'_>>,
    ) -> Decision<Verdict<Confirmed>> {
        let purpose = AnyPurpose::ChangeFactors;
        let lifetime = cx.policy.pending_lifetime().as_u64();
        let done = self.confirmed.as_ref();
        let done = done.filter(|done| done.id == id && done.at.lasts(lifetime, cx.now));
        if self.offboarded_at.is_some() {
            let tries = cx.policy.pending_tries().as_u64().saturating_sub(1);
            return left(u8::try_from(tries).unwrap_or(u8::MAX), &purpose);
        }
        let done = done.filter(|_| self.is_open()).zip(typed);
        if done.is_some_and(|(done, typed)| self.confirmed_by(done, typed)) {
            let kind = EventKind::Rejected(RejectionReason::AlreadyConfirmed);
            return unevaluated(Verdict::AlreadyConfirmed, kind, &purpose);
        }
        expired(&purpose)
    }

    fn confirmed_by(&self, done: &LastConfirmed, (last, second): Typed<'_>) -> bool {
        let Some(device) = self.device(done.device).filter(|device| device.in_use()) else {
            return false;
        };
        if let Some(sent) = &done.sent {
            return second.is_none() && sent.is(&done.id, last);
        }
        let Some(moving_factor) = done.moving_factor else { return false };
        second.is_some() == done.of_two && device.showed(moving_factor, last, second)
    }

    /// The end of a right [`Account::confirm`]: the device is bound, and the one that it replaces ends.
    fn bind_pending(
        mut self: Box<Self>,
        cx: &Context<'_>,
        pending: Pending,
        (moving_factor, of_two): (Option<u64>, bool),
        seed: &RecoverySeed,
    ) -> Decision<Verdict<Confirmed>> {
        let Pending { id, device: mut bound, replaces, proven, sent, .. } = pending;
        let (device, method, class) = (bound.id, bound.method(), bound.class());
        match moving_factor {
            Some(moving_factor) if of_two => drop(bound.teach(cx.now, moving_factor)),
            Some(moving_factor) => drop(bound.accept(cx.policy, cx.now, moving_factor)),
            None => {}
        }
        bound.bound_at = cx.now;
        bound.last_used = Some(cx.now); // a telephone as well: it has no moving factor to burn
        let mut happened = Vec::new();
        if let Some((old, was)) =
            replaces.and_then(|old| Some((old, self.take_out(old, DeviceStatus::Revoked)?)))
        {
            happened.push(DraftEvent::plain(EventKind::Revoked).on(old, was));
        }
        happened.push(DraftEvent::plain(EventKind::Bound { replaces }).on(device, method));
        if let Some(class) = class {
            self.budget_mut(class).succeed();
            self.use_browser(cx);
            // A person's first device as well: the failures before it were guesses at nothing.
            self.forgive(cx, class, !proven, &mut happened);
            if class == Class::OutOfBand {
                self.texts.sent.clear(); // a success gives the texts back
            }
        }
        self.confirmed =
            Some(LastConfirmed { id, at: cx.now, device, moving_factor, of_two, sent });
        happened.extend(self.bind(cx.now, bound).into_iter().map(DraftEvent::plain));
        let recovery_codes = self.issue_first_codes(cx, seed, &mut happened);
        let proven = self.proof(cx, Some(device), method, &AnyPurpose::SignIn);
        let proof = Proof { proven: Box::new(proven), purpose: SignIn };
        let answer = Confirmed { bound: Bound { device, recovery_codes }, proof };
        Decision::stored(Verdict::Accepted(answer), self, happened)
    }

    pub(crate) fn forgive(
        &mut self,
        cx: &Context<'_>,
        class: Class,
        by_operator: bool,
        happened: &mut Vec<DraftEvent>,
    ) {
        if self.budget_mut(class).forgive(by_operator, cx.now) {
            happened.push(DraftEvent::plain(EventKind::Forgiven { class }));
        }
    }

    /// Recovery codes come with a person's first factor.
    pub(crate) fn issue_first_codes(
        &mut self,
        cx: &Context<'_>,
        seed: &RecoverySeed,
        happened: &mut Vec<DraftEvent>,
    ) -> Option<RecoveryCodes> {
        let is_first = self.recovery.newest.is_none();
        is_first.then(|| self.issue_recovery_codes(cx, seed, false, happened))
    }

    pub(crate) fn issue_recovery_codes(
        &mut self,
        cx: &Context<'_>,
        seed: &RecoverySeed,
        leaked: bool,
        happened: &mut Vec<DraftEvent>,
    ) -> RecoveryCodes {
        let (codes, set) = seed.issue(cx.policy.recovery_codes().as_u64(), cx.now);
        let count = u8::try_from(codes.len()).unwrap_or(u8::MAX);
        let kind = EventKind::RecoveryCodesIssued { count };
        happened.push(DraftEvent::plain(kind).by(Method::RecoveryCode));
        self.recovery.replace(set, leaked, cx.now);
        codes
    }
}

impl Pending {
    /// Whether this code, or these two, are the device's, and the moving factor of the last one.
    fn evaluate(&self, cx: &Context<'_>, (first, second): Typed<'_>) -> (bool, Option<u64>) {
        let device: &Device = &self.device;
        let found = match (&self.sent, second) {
            (Some(sent), None) => return (sent.is(&self.id, first), None),
            (Some(_), Some(_)) => None,
            (None, None) => device.scan(cx.policy, cx.now, first).and_then(|found| found.at),
            (None, Some(second)) => {
                let scan = device.scan_far(cx.policy, cx.now, first, second);
                scan.and_then(|scan| scan.accepted())
            }
        };
        (found.is_some(), found)
    }
}

/// A bound device, and the recovery codes if they came with it.
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
    pub const fn device(&self) -> DeviceId {
        self.device
    }

    /// The recovery codes that came with a person's first factor: show them once.
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
    /// The account's new epoch: sessions opened under a lower one should end.
    pub fn epoch(&self) -> u32 {
        self.proof.epoch()
    }

    /// Takes the proof out, to open a session with.
    pub fn into_proof(self) -> Proof<SignIn> {
        self.proof
    }
}

impl Deref for Confirmed {
    type Target = Bound;

    fn deref(&self) -> &Bound {
        &self.bound
    }
}
