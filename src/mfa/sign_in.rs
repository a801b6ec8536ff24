//! Signing in and stepping up with a code, and resynchronising.
//!
//! Standard: RFC 4226 sections 7.2 and 7.4, RFC 6238 sections 5.2 and 6, NIST SP 800-63B-4 section
//! 3.1.4.2.

use alloc::{boxed::Box, vec::Vec};

use crate::account::{
    Account, AnyPurpose, Class, DeviceId, EventKind, Proof, Proven, Purpose, RejectionReason,
    reach_in_steps, typed_code,
};
use crate::mfa::answer::Verdict;
use crate::mfa::attempt::{dummy_device, evaluate_dummy};
use crate::mfa::decision::{Context, Decision, DraftEvent, malformed};
use crate::mfa::handle::AccountAt;
use crate::mfa::operation::{Attempt, without_traces};
use crate::otp::code::Code;

impl<'m> AccountAt<'m> {
    /// Signs in, or steps up, with a code of an app or token.
    ///
    /// Call it after the first factor, with the text just as the person typed or pasted it. Drops blanks,
    /// line breaks, hyphens, invisible characters, quotation marks around the code, a dot after it and a
    /// list number before it (`1. `). Reads digits of every script by their value. If what is left is not
    /// six to eight digits, the text is malformed and not counted.
    ///
    /// Accepted: burns the step or counter and all below it, and ends the streaks of failures. Rejected:
    /// counted, unless it is the last code that the device had accepted. Refused: burnt, but the device is
    /// on probation for this purpose. Emits `Accepted`, `Rejected`, `ClosedToStrangers`, `Disabled`, or a
    /// note. NIST SP 800-63B-4 section 3.1.4.2.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::SignIn;
    /// // The handler of the second page: once accepted, the same code is nothing.
    /// let typed = phone.code(now);
    /// assert!(dana.verify(&typed, SignIn).run(&store).accepted().is_some());
    /// assert!(dana.verify(&typed, SignIn).run(&store).accepted().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify<P: Purpose>(&self, code: &str, purpose: P) -> Attempt<'m, Proof<P>> {
        let code = without_traces(|| typed_code(code));
        self.attempt(purpose, move |account, cx, purpose| {
            Ok(account.verify(cx, Option::as_ref(&code), purpose))
        })
    }

    /// Sets right a device that has left every window, with two of its codes in a row: a phone whose
    /// clock is off by up to ten minutes, a token whose button was pressed up to a thousand times.
    ///
    /// Gives no proof, because two codes that an attacker once saw must not be worth a sign-in later. Burns
    /// both codes and all below them. Rejected: counted with the failures of [`AccountAt::verify`], at
    /// weight 1. Emits `Resynchronised`, a notice to the person, or else what `verify` emits. RFC 4226
    /// section 7.4, RFC 6238 section 6.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::SignIn;
    /// // A phone whose clock is ten minutes fast: the page asks for two codes in a row.
    /// let shown = now.plus(540);
    /// let codes = [&*phone.code(shown), &*phone.code(shown.plus(30))];
    /// assert!(dana.resynchronise(phone.device, codes).run(&store).accepted().is_some());
    /// // The next code of that phone signs in.
    /// let typed = phone.code(shown.plus(60));
    /// assert!(dana.verify(&typed, SignIn).run(&store).accepted().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resynchronise(&self, device: DeviceId, codes: [&str; 2]) -> Attempt<'m, Resynchronised> {
        let codes = without_traces(|| codes.map(typed_code));
        Attempt::new(self.operation(move |account, cx| {
            let [first, second] = codes.each_ref().map(Option::as_ref);
            Ok(account.resynchronise(cx, device, first.zip(second)))
        }))
    }
}

/// A device that was set right. It is no proof: the person signs in with the next code.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// let shown = now.plus(300);
/// let codes = [&*phone.code(shown), &*phone.code(shown.plus(30))];
/// let verdict = dana.resynchronise(phone.device, codes).run(&store);
/// // The page asks for the next code.
/// assert_eq!(verdict.accepted().map(|right| right.device()), Some(phone.device));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Resynchronised {
    device: DeviceId,
}

impl Resynchronised {
    /// The device's number.
    pub const fn device(self) -> DeviceId {
        self.device
    }
}

impl Account {
    /// RFC 6238 section 5.2, RFC 4226 section 7.2.
    pub(crate) fn verify(
        self: Box<Self>,
        cx: &Context<'_>,
        typed: Option<&Code>,
        purpose: &AnyPurpose,
    ) -> Decision<Verdict<Proven>> {
        let (mut account, charge) = match self.gate(cx, Class::Codes, purpose) {
            Ok(open) => open,
            Err(no) => return no,
        };
        let Some(typed) = typed else { return malformed(purpose) };
        // Every device is evaluated, also after a match. A code that matches on two devices is burnt
        // on both: the digits are used up, not the device.
        let (mut accepted, mut on_probation, mut before) = (None, None, None);
        let mut evaluated = false;
        for device in &mut account.devices {
            let Some(found) = device.scan(cx.policy, cx.now, typed) else { continue };
            evaluated = true;
            if let Some(moving_factor) = found.at {
                let matched = device.accept(cx.policy, cx.now, moving_factor);
                if device.on_probation(purpose, cx.now) {
                    on_probation.get_or_insert((device.id, device.method()));
                } else {
                    accepted.get_or_insert(matched);
                }
            } else if found.repeated || found.seen {
                let known = before.get_or_insert((device.id, device.method(), false));
                known.2 |= found.repeated;
            }
        }
        if !evaluated {
            evaluate_dummy(cx, typed);
        }
        if let Some(accepted) = accepted {
            return account.accept_code(cx, charge, accepted, purpose);
        }
        if let Some(device) = on_probation {
            return account.refuse_on_probation(device, purpose);
        }
        let why = account.why_rejected(evaluated, before.is_some());
        let rejected = |why| {
            let event = DraftEvent::plain(EventKind::Rejected(why)).purpose(purpose);
            match before {
                Some((device, method, _)) => event.on(device, method),
                None => event,
            }
        };
        // Another device's window cannot make it a guess: a code that was accepted is used up.
        match before {
            Some((.., true)) => account.repeat(cx, charge, rejected(RejectionReason::Repeated)),
            _ => account.reject(cx, charge, rejected(why)),
        }
    }

    /// RFC 4226 section 7.4, RFC 6238 section 6: two consecutive codes of one device.
    pub(crate) fn resynchronise(
        self: Box<Self>,
        cx: &Context<'_>,
        device: DeviceId,
        typed: Option<(&Code, &Code)>,
    ) -> Decision<Verdict<Resynchronised>> {
        let purpose = &AnyPurpose::ChangeFactors;
        let (mut account, mut charge) = match self.gate(cx, Class::Codes, purpose) {
            Ok(open) => open,
            Err(no) => return no,
        };
        charge.weight = 1; // two codes in a row: the odds of a guess are a millionth of a code's
        let Some((first, second)) = typed else { return malformed(purpose) };
        let found = account.devices.iter_mut().find(|found| found.id == device);
        let scanned = found
            .and_then(|found| Some((found.scan_far(cx.policy, cx.now, first, second)?, found)));
        let Some((scan, found)) = scanned else {
            evaluate_two_dummies(cx, first, second);
            let why = account.why_rejected(false, false);
            let event = DraftEvent::plain(EventKind::Rejected(why)).purpose(purpose);
            return account.reject(cx, charge, event);
        };
        let Some(moving_factor) = scan.accepted() else {
            let (id, method) = (found.id, found.method());
            // The very pair that was taught, a form sent twice.
            let last = found.last_used_factor();
            let repeated = last.is_some_and(|last| found.showed(last, first, Some(second)));
            let rejected =
                |why| DraftEvent::plain(EventKind::Rejected(why)).on(id, method).purpose(purpose);
            let why = account.why_rejected(true, scan.seen);
            return if repeated {
                account.repeat(cx, charge, rejected(RejectionReason::Repeated))
            } else {
                account.reject(cx, charge, rejected(why))
            };
        };
        let taught = found.teach(cx.now, moving_factor);
        account.succeed(cx, charge);
        let kind = EventKind::Resynchronised { clock_offset: taught.drift };
        let event = DraftEvent::plain(kind).on(taught.device, taught.method);
        let answer = Verdict::Accepted(Resynchronised { device: taught.device });
        Decision::stored(answer, account, Vec::from([event]))
    }
}

/// Searches for as long as on a device that the person has.
fn evaluate_two_dummies(cx: &Context<'_>, first: &Code, second: &Code) {
    if let Some(totp) = dummy_device(cx) {
        let reach = reach_in_steps(cx.policy, &cx.policy.parameters());
        let scan = totp.scan_far(&[first, second], cx.now, reach, Some(u64::MAX));
        core::hint::black_box(scan);
    }
}
