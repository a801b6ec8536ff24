//! Signing in and stepping up with a code, and resynchronising.
//!
//! Standard: RFC 4226 sections 7.2 and 7.4, RFC 6238 sections 5.2 and 6, NIST SP 800-63B-4 section
//! 3.1.4.2.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::account::{
    Account, AnyPurpose, Class, DeviceId, EventKind, Proof, Proven, Purpose, typed_code,
};
use crate::mfa::answer::Verdict;
use crate::mfa::attempt::evaluate_dummy;
use crate::mfa::decision::{Context, Decision, DraftEvent, malformed};
use crate::mfa::handle::AccountAt;
use crate::mfa::operation::{Attempt, without_traces};
use crate::otp::code::Code;

impl<'m> AccountAt<'m> {
    /// Signs in, or steps up, with a code of an app or token.
    ///
    /// Call it after the first factor, with what the person typed or pasted as it is: blanks, line
    /// breaks, hyphens and marks without a width are dropped, and so are quotation marks around, a dot
    /// behind and the number of a list in front (`1. `); digits of every script are read by their
    /// value. What is left has to be six to eight digits, else it is malformed and not counted.
    ///
    /// Accepted: the step or counter is burnt, with all below it, and consecutive failures are forgiven.
    /// Rejected: counted. Emits `Accepted`, `Rejected`, `Disabled`, or a note. NIST SP 800-63B-4 section
    /// 3.1.4.2.
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
        without_traces(|| {
            let code = typed_code(code);
            self.attempt(purpose, move |account, cx, purpose| {
                account.verify(cx, code.as_ref(), purpose)
            })
        })
    }

    /// Signs in, or steps up, with two consecutive codes of a device that has run out of every
    /// window, on the same failures as [`AccountAt::verify`].
    ///
    /// Both codes and everything below are burnt, and the clock error or counter is learnt. Emits
    /// `Resynchronised` and `Accepted`, or as `verify`. RFC 4226 section 7.4, RFC 6238 section 6.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::SignIn;
    /// // A phone whose clock is ten minutes fast: the page asks for two codes in a row.
    /// let shown = now.plus(600);
    /// let codes = [&*phone.code(shown), &*phone.code(shown.plus(30))];
    /// let verdict = dana.resynchronise(phone.device, codes, SignIn).run(&store);
    /// assert!(verdict.accepted().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resynchronise<P: Purpose>(
        &self,
        device: DeviceId,
        codes: [&str; 2],
        purpose: P,
    ) -> Attempt<'m, Proof<P>> {
        without_traces(|| {
            let [first, second] = codes.map(typed_code);
            self.attempt(purpose, move |account, cx, purpose| {
                account.resynchronise(cx, device, first.as_ref().zip(second.as_ref()), purpose)
            })
        })
    }
}

impl Account {
    /// RFC 6238 section 5.2, RFC 4226 section 7.2.
    pub(crate) fn verify(
        mut self: Box<Self>,
        cx: &Context<'_>,
        typed: Option<&Code>,
        purpose: &AnyPurpose,
    ) -> Decision<Verdict<Proven>> {
        if let Some(no) = self.gate(cx, Class::Codes, purpose) {
            return no;
        }
        let Some(typed) = typed else { return malformed(purpose) };
        // Every device is evaluated, also after a match. A code that matches on two devices is burnt
        // on both: the digits are used up, not the device.
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
            evaluate_dummy(cx, |totp, after| {
                totp.scan(typed, cx.now, cx.policy.window(), 0, after)
            });
        }
        match accepted {
            Some(accepted) => self.accept_code(cx, accepted, purpose, Vec::new()),
            None => {
                let why = self.why_rejected(evaluated, replayed.is_some());
                let mut event = DraftEvent::plain(EventKind::Rejected(why)).purpose(purpose);
                if let Some((device, method)) = replayed {
                    event = event.on(device, method);
                }
                self.reject(cx, Class::Codes, event)
            }
        }
    }

    /// RFC 4226 section 7.4, RFC 6238 section 6: two consecutive codes of one device.
    pub(crate) fn resynchronise(
        mut self: Box<Self>,
        cx: &Context<'_>,
        device: DeviceId,
        typed: Option<(&Code, &Code)>,
        purpose: &AnyPurpose,
    ) -> Decision<Verdict<Proven>> {
        if let Some(no) = self.gate(cx, Class::Codes, purpose) {
            return no;
        }
        let Some((first, second)) = typed else { return malformed(purpose) };
        let found = self.devices.iter_mut().find(|found| found.id == device);
        let scanned = found
            .and_then(|found| Some((found.scan_far(cx.policy, cx.now, first, second)?, found)));
        let Some((scan, found)) = scanned else {
            evaluate_dummy(cx, |totp, after| {
                totp.scan_far(&[first, second], cx.now, cx.policy.resync_reach(), after)
            });
            let why = self.why_rejected(false, false);
            let event = DraftEvent::plain(EventKind::Rejected(why)).purpose(purpose);
            return self.reject(cx, Class::Codes, event);
        };
        let Some(moving_factor) = scan.accepted() else {
            let (id, method) = (found.id, found.method());
            let why = self.why_rejected(true, scan.seen);
            let event = DraftEvent::plain(EventKind::Rejected(why)).on(id, method).purpose(purpose);
            return self.reject(cx, Class::Codes, event);
        };
        let accepted = found.accept(cx.policy, cx.now, moving_factor, true);
        let kind = EventKind::Resynchronised { clock_offset: accepted.drift };
        let happened = Vec::from([DraftEvent::plain(kind).on(accepted.device, accepted.method)]);
        self.accept_code(cx, accepted, purpose, happened)
    }
}
