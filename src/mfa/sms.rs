//! SMS, the restricted last resort: binding a telephone, sending a code, answering it.
//!
//! Standard: NIST SP 800-63B-4 sections 3.1.3 and 3.2.9.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand::CryptoRng;

use crate::account::{
    Account, AnyPurpose, Challenge, ChallengeId, ChallengeSeed, ChangeFactors, Class, Device,
    DeviceId, EventKind, Factor, Label, Method, OutOfBand, PhoneNumber, Proof, Proven, Purpose,
    Refusal, RejectionReason, typed_code,
};
use crate::mfa::answer::Verdict;
use crate::mfa::decision::{Context, Decision, DraftEvent, expired, malformed};
use crate::mfa::handle::AccountAt;
use crate::mfa::operation::{Attempt, Change, without_traces};
use crate::otp::code::Code;
use crate::text::Text;

impl<'m> AccountAt<'m> {
    /// Starts the binding of a telephone for SMS, the restricted last resort: a code for the host to
    /// send to the new number, to be [confirmed](AccountAt::confirm) like any enrolment.
    ///
    /// The person must have been told of the risk and offered something better ([`RestrictedNotice`]).
    /// A number that is bound already is replaced. Proof as for [`AccountAt::enrol`]. NIST SP
    /// 800-63B-4 sections 3.1.3.3 and 3.2.9.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = countersign::AccountId::new("42")?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::{account::PhoneNumber, mfa::RestrictedNotice};
    /// // After the page that says what SMS does not protect against and offers an app.
    /// let (number, told) = (PhoneNumber::new("+12025550123")?, RestrictedNotice::given_by_host());
    /// let sent = dana.enrol_phone("Mobile", number, told, &mut rng).run(&store)?;
    /// let typed = sent.code().expose_str(); // as it came by text
    /// assert!(dana.confirm(sent.id(), typed, &mut rng).run(&store).accepted().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn enrol_phone(
        &self,
        label: &str,
        number: PhoneNumber,
        _told: RestrictedNotice,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, OutOfBand, Proof<ChangeFactors>> {
        let seed = ChallengeSeed::generate(rng);
        let device = DeviceId::from_u64(rng.next_u64());
        let label = Text::new(label);
        self.change(move |account, cx| {
            let label = label.as_ref().map_err(|error| *error)?;
            Ok(account.enrol_phone(cx, &number, device, label, &seed))
        })
    }

    /// Makes a code for the bound telephone; the host sends it. It takes the place of the last one.
    ///
    /// Refused: no telephone, the purpose, or too soon. Emits `ChallengeIssued`. NIST SP 800-63B-4
    /// section 3.1.3.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = host::telephone(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::{account::Refusal, SignIn};
    /// // The gateway sends it; a second one within half a minute is refused.
    /// let sent = dana.send_code(SignIn, &mut rng).run(&store)?;
    /// assert_eq!(sent.destination().as_str(), "+12025550123");
    /// let again = dana.send_code(SignIn, &mut rng).run(&store).err().and_then(|no| no.refusal());
    /// assert_eq!(again, Some(Refusal::TooSoon { until: now.plus(30) }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_code(
        &self,
        purpose: impl Purpose,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, OutOfBand> {
        let (seed, purpose) = (ChallengeSeed::generate(rng), purpose.to_any());
        self.change(move |account, cx| Ok(account.send_code(cx, &purpose, &seed)))
    }

    /// Answers a sent code, once, for the purpose it was sent for. Takes what a person pastes, as
    /// [`AccountAt::verify`].
    ///
    /// Five wrong answers end the code, and each counts. Emits `Accepted` or `Rejected`. NIST SP
    /// 800-63B-4 section 3.1.3.2.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = host::telephone(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::{Method, SignIn};
    /// let sent = dana.send_code(SignIn, &mut rng).run(&store)?;
    /// let typed = sent.code().expose_str(); // as it came by text
    /// // The form names the challenge in a hidden field.
    /// let proof = dana.verify_sent_code(sent.id(), typed, SignIn).run(&store).accepted();
    /// assert_eq!(proof.map(|proof| proof.method()), Some(Method::Sms));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify_sent_code<P: Purpose>(
        &self,
        challenge: ChallengeId,
        code: &str,
        purpose: P,
    ) -> Attempt<'m, Proof<P>> {
        without_traces(|| {
            let code = typed_code(code);
            self.attempt(purpose, move |account, cx, purpose| {
                account.verify_sent_code(cx, challenge, code.as_ref(), purpose)
            })
        })
    }
}

impl Account {
    /// Starts the binding of a telephone, the restricted last resort (NIST SP 800-63B-4 section
    /// 3.1.3.3): a code goes to the new number. A person has one; a new number takes over.
    pub(crate) fn enrol_phone(
        self: Box<Self>,
        cx: &Context<'_>,
        number: &PhoneNumber,
        device: DeviceId,
        label: &Label,
        seed: &ChallengeSeed,
    ) -> Decision<Result<OutOfBand, Refusal>> {
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
        decision.map(|answer| {
            answer.map(|enrolment| OutOfBand {
                id: seed.id,
                code: Box::new(seed.code(digits)),
                destination: number.clone(),
                until: until.min(enrolment),
            })
        })
    }

    /// Sends a code to the bound number. A new code takes the place of the old one and of nothing
    /// else: failures stay.
    pub(crate) fn send_code(
        mut self: Box<Self>,
        cx: &Context<'_>,
        purpose: &AnyPurpose,
        seed: &ChallengeSeed,
    ) -> Decision<Result<OutOfBand, Refusal>> {
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
        let event = DraftEvent::plain(EventKind::ChallengeIssued { until }).on(device, Method::Sms);
        self.change(answer, Vec::from([event.purpose(purpose)]))
    }

    /// NIST SP 800-63B-4 section 3.1.3.2: the answer to a sent code, once, for the purpose it was
    /// sent for.
    pub(crate) fn verify_sent_code(
        mut self: Box<Self>,
        cx: &Context<'_>,
        id: ChallengeId,
        typed: Option<&Code>,
        purpose: &AnyPurpose,
    ) -> Decision<Verdict<Proven>> {
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
        let why =
            if same_purpose { RejectionReason::WrongCode } else { RejectionReason::WrongPurpose };
        let event = DraftEvent::plain(EventKind::Rejected(why)).on(device, Method::Sms);
        self.reject(cx, Class::OutOfBand, event.purpose(purpose))
    }

    /// Whether a code may be sent now. The interval holds for the person: answering a code, using
    /// it up or starting something else does not shorten it, or an attacker with the password could
    /// have texts sent without end.
    pub(crate) fn may_send(&self, cx: &Context<'_>) -> Result<(), Refusal> {
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
}

/// The host's word that the person was told, in plain language, what SMS does not protect against,
/// and was offered something better (NIST SP 800-63B-4 section 3.2.9).
/// ```
/// use countersign::mfa::RestrictedNotice;
/// // One place in the host makes it: the handler behind the page that tells and offers.
/// fn told(checked: bool) -> Option<RestrictedNotice> {
///     checked.then(RestrictedNotice::given_by_host)
/// }
/// assert!(told(true).is_some() && told(false).is_none());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RestrictedNotice(());

impl RestrictedNotice {
    /// The person was told and offered. The author of this line answers for it.
    #[must_use]
    pub const fn given_by_host() -> RestrictedNotice {
        RestrictedNotice(())
    }
}
