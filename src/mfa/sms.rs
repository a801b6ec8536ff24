//! SMS, the restricted last resort: binding a telephone, sending a code, answering it.
//!
//! Standard: NIST SP 800-63B-4 sections 3.1.3 and 3.2.9.

use alloc::{boxed::Box, vec::Vec};

use rand::CryptoRng;

use crate::account::{
    Account, AnyPurpose, ChallengeId, ChallengeSeed, ChangeFactors, Class, DAY, Device, DeviceId,
    EventKind, Factor, Gate, Label, MAX_LIVE_TEXTS, Method, OutOfBand, PhoneNumber, Proof, Proven,
    Purpose, Refusal, RejectionReason, SentText, typed_code,
};
use crate::mfa::answer::Verdict;
use crate::mfa::decision::{Context, Decision, DraftEvent, expired, malformed};
use crate::mfa::enrol::Offered;
use crate::mfa::handle::AccountAt;
use crate::mfa::operation::{Attempt, Change, without_traces};
use crate::otp::code::Code;
use crate::text::Text;
use crate::time::UnixTime;

impl<'m> AccountAt<'m> {
    /// Starts the binding of a telephone for SMS, the restricted last resort. Returns a code for the host
    /// to send to the new number, [confirmed](AccountAt::confirm) like any enrolment, within five minutes.
    ///
    /// The person must have been told of the risk and offered something better ([`RestrictedNotice`]).
    /// The new number replaces a bound one. Proof as for [`AccountAt::enrol`]; three starts a day. Emits
    /// `EnrolmentStarted`. NIST SP 800-63B-4 sections 3.1.3.3 and 3.2.9.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = countersign::AccountId::new("42")?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::{account::PhoneNumber, mfa::RestrictedNotice};
    /// // After the page that says what SMS does not protect against and offers an app.
    /// let (number, told) = (PhoneNumber::new("+12025550123")?, RestrictedNotice::given_by_host());
    /// let sent = dana.enrol_phone("Mobile", number, told, &mut rng).run(&store)?;
    /// let typed = sent.to_send().ok_or("nothing to send")?.expose_str(); // as it came by text
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

    /// Makes a code for the bound telephone; the host sends it. A code that was sent before stays good
    /// for its purpose.
    ///
    /// Asked for again within thirty seconds, it names the code that is on its way, with nothing to send.
    /// Refused: no telephone, a purpose not for SMS, a wait, or too many: five at once and eight in a day
    /// from unknown browsers, ten in a day with remembered ones; a success gives all back. Emits
    /// `ChallengeIssued`. NIST SP 800-63B-4 section 3.1.3.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = host::telephone(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::SignIn;
    /// // The gateway sends it, once.
    /// let sent = dana.send_code(SignIn, &mut rng).run(&store)?;
    /// assert_eq!(sent.destination().as_str(), "+12025550123");
    /// let again = dana.send_code(SignIn, &mut rng).run(&store)?;
    /// assert!(again.id() == sent.id() && again.to_send().is_none());
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
    /// A right answer burns the code. Five wrong ones end it, and each is counted. Emits `Accepted`,
    /// `Rejected`, `ClosedToStrangers`, `Disabled`, or a note. NIST SP 800-63B-4 section 3.1.3.2.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let id = host::telephone(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::{Method, SignIn};
    /// let sent = dana.send_code(SignIn, &mut rng).run(&store)?;
    /// let typed = sent.to_send().ok_or("nothing to send")?.expose_str(); // as it came by text
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
        let code = without_traces(|| typed_code(code));
        self.attempt(purpose, move |account, cx, purpose| {
            Ok(account.verify_sent_code(cx, challenge, Option::as_ref(&code), purpose))
        })
    }
}

/// Bindings of a telephone that can be started in a day: each texts a number that an attacker may choose.
const BINDINGS_A_DAY: usize = 3;

/// Codes that can be sent in a day, and how many of them only from a remembered browser.
const TEXTS_A_DAY: usize = 10;
const KEPT_FOR_REMEMBERED: usize = 2;

/// Codes that an unknown browser can have sent at once; then one more in every fifth of a day.
const AT_ONCE: u64 = 5;

impl Account {
    /// Starts the binding of a telephone, the restricted last resort (NIST SP 800-63B-4 section
    /// 3.1.3.3): a code goes to the new number. A person has one; a new number takes over.
    pub(crate) fn enrol_phone(
        mut self: Box<Self>,
        cx: &Context<'_>,
        number: &PhoneNumber,
        device: DeviceId,
        label: &Label,
        seed: &ChallengeSeed,
    ) -> Decision<Result<OutOfBand, Refusal>> {
        let bindings: Vec<_> =
            self.texts.bindings.iter().filter(|at| at.plus(DAY) >= cx.now).copied().collect();
        if bindings.len() >= BINDINGS_A_DAY {
            let until = bindings.first().copied().unwrap_or_default().plus(DAY).plus(1);
            let refusal = self.may_bind(cx).err().unwrap_or(Refusal::TooSoon { until });
            return Decision::refused(refusal);
        }
        self.texts.bindings.push(cx.now);
        let old =
            self.devices.iter().find(|device| device.in_use() && device.method() == Method::Sms);
        let old = old.map(|old| old.id);
        let offered = Offered::New(Factor::Phone(number.clone()));
        let mut decision = self.enrol(cx, (seed.id, device), label, &offered, old);
        let digits = cx.policy.challenge_digits();
        let pending = decision.next.as_mut().and_then(|next| next.pending.as_mut());
        let until = pending.map(|pending| {
            pending.sent = Some(seed.sealed(digits));
            pending.until(cx.policy)
        });
        let until = until.unwrap_or(cx.now);
        decision.map(|answer| {
            answer.map(|_| OutOfBand {
                id: seed.id,
                code: Some(Box::new(seed.code(digits))),
                destination: number.clone(),
                until,
            })
        })
    }

    /// Sends a code to the bound number. Failures stay, and so does an older code that still lives.
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
        let (device, destination) = match bound {
            _ if self.offboarded_at.is_some() => return Decision::refused(Refusal::Offboarded),
            None => return Decision::refused(Refusal::NothingBound),
            _ if !self.sms_permits(purpose) => return Decision::refused(Refusal::NotPermitted),
            Some(bound) => bound,
        };
        let lifetime = cx.policy.challenge_lifetime().as_u64();
        let interval = cx.policy.challenge_interval().as_u64().saturating_sub(1);
        let waits = self.texts.live.iter().find(|text| {
            text.purpose == *purpose
                && text.remembered == cx.browser.is_some()
                && text.at.lasts(interval.min(lifetime), cx.now)
        });
        if let Some(waits) = waits {
            // Asked for again: an attacker who asks without end neither has texts sent nor takes the
            // place of the owner's. An unknown browser does not learn the number of a text that a
            // remembered one asked for, and so cannot end it with wrong answers.
            let until = waits.at.plus(lifetime);
            let answer = OutOfBand { id: waits.id, code: None, destination, until };
            let event = DraftEvent::plain(EventKind::ChallengeIssued { until });
            let event = event.on(device, Method::Sms).purpose(purpose);
            return Decision::unchanged(Ok(answer), event);
        }
        if let Err(refusal) = self.may_send(cx) {
            return Decision::refused(refusal);
        }
        let until = cx.now.plus(lifetime);
        let digits = cx.policy.challenge_digits();
        self.texts.live.retain(|text| text.at.lasts(lifetime, cx.now));
        if self.texts.live.len() >= MAX_LIVE_TEXTS {
            self.texts.live.remove(0); // the oldest, unless it was answered wrong since
        }
        self.texts.live.push(SentText {
            id: seed.id,
            purpose: purpose.clone(),
            at: cx.now,
            device,
            failures: 0,
            remembered: cx.browser.is_some(),
            sent: seed.sealed(digits),
        });
        self.texts.sent.push((cx.now, cx.browser.is_some()));
        let code = Some(Box::new(seed.code(digits)));
        let answer = OutOfBand { id: seed.id, code, destination, until };
        let event = DraftEvent::plain(EventKind::ChallengeIssued { until }).on(device, Method::Sms);
        self.change(answer, Vec::from([event.purpose(purpose)]))
    }

    /// NIST SP 800-63B-4 section 3.1.3.2: the answer to a sent code, once, for its purpose.
    pub(crate) fn verify_sent_code(
        self: Box<Self>,
        cx: &Context<'_>,
        id: ChallengeId,
        typed: Option<&Code>,
        purpose: &AnyPurpose,
    ) -> Decision<Verdict<Proven>> {
        let (mut account, charge) = match self.gate(cx, Class::OutOfBand, purpose) {
            Ok(open) => open,
            Err(no) => return no,
        };
        let Some(typed) = typed else { return malformed(purpose) };
        if account.offboarded_at.is_some() {
            let event = DraftEvent::plain(EventKind::Rejected(RejectionReason::Offboarded));
            return account.reject(cx, charge, event.purpose(purpose));
        }
        let lifetime = cx.policy.challenge_lifetime().as_u64();
        let live = &mut account.texts.live;
        let place = live.iter().position(|text| text.id == id && text.at.lasts(lifetime, cx.now));
        let Some(mut text) = place.map(|place| live.remove(place)) else { return expired(purpose) };
        let device = text.device;
        let in_use = account.device(device).is_some_and(Device::in_use);
        let same_purpose = text.purpose == *purpose;
        let right = text.sent.is(&id, typed);
        if right && same_purpose && in_use {
            account.succeed(cx, charge);
            account.texts.sent.clear(); // a success gives the texts back
            if let Some(device) = account.device_mut(device) {
                device.last_used = Some(cx.now);
            }
            return account.accept_as(cx, Some(device), Method::Sms, purpose, Vec::new());
        }
        text.failures = text.failures.saturating_add(1);
        if u64::from(text.failures) < cx.policy.challenge_tries().as_u64() {
            account.texts.live.push(text);
        }
        let why =
            if same_purpose { RejectionReason::WrongCode } else { RejectionReason::WrongPurpose };
        let event = DraftEvent::plain(EventKind::Rejected(why)).on(device, Method::Sms);
        account.reject(cx, charge, event.purpose(purpose))
    }

    /// Whether one more code may be sent now. The limits hold for the person, and only a success gives
    /// texts back: an attacker with the password could otherwise have them sent without end.
    pub(crate) fn may_send(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        let throttle = cx.policy.throttle(Class::OutOfBand);
        let (_, gate) = self.out_of_band.gate(&throttle, cx.browser.is_some(), 1, cx.now);
        match gate {
            Gate::Open => {}
            Gate::Wait(until) => return Err(Refusal::TooSoon { until }),
            Gate::Closed => return Err(Refusal::NotPermitted),
        }
        let recent = self.texts.sent.iter().filter(|(at, _)| at.plus(DAY) >= cx.now);
        let sent: Vec<_> = recent.copied().collect();
        let (limit, at_once) = match cx.browser {
            Some(_) => (TEXTS_A_DAY, None),
            None => {
                // Each text takes a fifth of a day to come back.
                let back = DAY.checked_div(AT_ONCE).unwrap_or(DAY);
                let of_unknown = sent.iter().filter(|(_, remembered)| !remembered);
                let all_back = of_unknown
                    .fold(UnixTime::default(), |all_back, (at, _)| all_back.max(*at).plus(back));
                let ahead = back.saturating_mul(AT_ONCE.saturating_sub(1));
                let free_at = UnixTime::from_secs(all_back.as_secs().saturating_sub(ahead));
                (TEXTS_A_DAY.saturating_sub(KEPT_FOR_REMEMBERED), Some(free_at))
            }
        };
        let by_day = sent.len().checked_sub(limit).and_then(|over| sent.get(over));
        let by_day = by_day.map(|(at, _)| at.plus(DAY).plus(1));
        match by_day.max(at_once).filter(|until| *until > cx.now) {
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
    /// The person was told, and was offered something better. The author of this line answers for it.
    #[must_use]
    pub const fn given_by_host() -> RestrictedNotice {
        RestrictedNotice(())
    }
}
