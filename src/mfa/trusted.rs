//! Trusting a browser, signing in by that trust, and ending it.
//!
//! Standard: see [`TrustedBrowser`]; NIST SP 800-63B-4 sections 2.1 (what is left is AAL1) and 4.6 (the
//! person is told).

use alloc::{boxed::Box, string::String, vec::Vec};

use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::account::{
    Account, AnyPurpose, BrowserId, EventKind, MAX_BROWSERS, Method, Presented, Proof, Proven,
    Refusal, RejectionReason, Sealed, SignIn, Trusted, TrustedBrowser, browser, make_room, trusted,
};
use crate::mfa::answer::Verdict;
use crate::mfa::decision::{Context, Decision, DraftEvent, NO_WAIT};
use crate::mfa::handle::AccountAt;
use crate::mfa::operation::{Attempt, Change, Round, Undecided};
use crate::time::UnixTime;

impl<'m> AccountAt<'m> {
    /// Trusts the browser from which the person has just signed in: for a time its token takes the place
    /// of the second factor at sign-in, and of nothing else.
    ///
    /// Off unless [`Policy::trusted_browsers`](crate::Policy::trusted_browsers) turns it on, which can
    /// leave out administrators. Takes a proof by app, token, passkey or certificate: not by a text, whose
    /// number may be in other hands for an hour, nor by a recovery code, which is good for one sign-in, nor
    /// by emergency access or another trusted browser. Every change of factors ends the trust. A ninth
    /// browser replaces the longest unused. Emits `BrowserTrusted`, a notice. Departs from NIST SP
    /// 800-63B-4 section 5.1: `docs/LOCKOUT.md` says how far.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::trusting()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::SignIn;
    /// let proof = dana.verify(&phone.code(now), SignIn).run(&store).accepted().ok_or("wrong code")?;
    /// // The box "do not ask for a code on this computer" was ticked. The proof then opens the session.
    /// let browser = dana.trust_browser(&proof, &mut rng).run(&store)?;
    /// assert!(!browser.expose_token().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trust_browser(
        &self,
        proof: &Proof<SignIn>,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, TrustedBrowser> {
        let (id, proven) = (BrowserId::from_u64(rng.next_u64()), proof.proven.clone());
        self.change(move |account, cx| account.trust_browser(cx, &proven, id))
    }

    /// Signs in by the token of a trusted browser, after the first factor, and returns the next token.
    ///
    /// A token is good for one sign-in. For 60 seconds, and as long as its successor was not used, it gets
    /// the same successor again: a form is sent twice, and answers are lost. After that the trust ends,
    /// because its owner holds a dead token, or a thief the live one. Rejected: the token does not open, or
    /// the trust has ended. Nothing is counted, because a sealed token cannot be guessed; go on as if it had
    /// not been sent. The proof is AAL1, neither unlocks nor remembers nor trusts a browser, and reports
    /// nothing lost; a visit ends no streak of failures. Emits `Accepted`; `TrustedTokenReused` for a token
    /// whose successor was used, and `BrowserDistrusted` for one that came too late, both notices; or a note.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::trusting()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::{Method, SignIn};
    /// let proof = dana.verify(&phone.code(now), SignIn).run(&store).accepted().ok_or("wrong code")?;
    /// let browser = dana.trust_browser(&proof, &mut rng).run(&store)?;
    /// // The next morning, after the password: no code, and a new cookie.
    /// let dana = mfa.account(&id).at(now.plus(86_400));
    /// let visit = dana.visit(browser.expose_token()).first_factor_passed();
    /// let (proof, next) = visit.run(&store).accepted().ok_or("ask for a code")?;
    /// assert_eq!(proof.method(), Method::TrustedBrowser);
    /// assert_ne!(next.expose_token(), browser.expose_token());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn visit(&self, token: &str) -> Attempt<'m, (Proof<SignIn>, TrustedBrowser)> {
        let token = Zeroizing::new(String::from(token));
        Attempt::new(self.operation(move |account, cx| {
            let proof = |proven| Proof { proven: Box::new(proven), purpose: SignIn };
            let decision = account.visit(cx, &token)?;
            Ok(decision.map(|verdict| verdict.map(|(proven, next)| (proof(proven), next))))
        }))
    }

    /// Ends the trust in a browser. Needs no proof, because it can only deny. Emits `BrowserDistrusted`, a
    /// notice.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::trusting()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::SignIn;
    /// let proof = dana.verify(&phone.code(now), SignIn).run(&store).accepted().ok_or("wrong code")?;
    /// let browser = dana.trust_browser(&proof, &mut rng).run(&store)?;
    /// // The button beside it on the page "my browsers".
    /// dana.distrust_browser(browser.id()).run(&store)?;
    /// assert!(dana.visit(browser.expose_token()).run(&store).accepted().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn distrust_browser(&self, browser: BrowserId) -> Change<'m> {
        self.change(move |mut account, _| {
            Ok(match account.distrust(browser) {
                Some(event) => account.change((), Vec::from([event])),
                None => Decision::refused(Refusal::NotFound),
            })
        })
        .persistent()
    }
}

impl Account {
    fn trust_browser(
        mut self: Box<Self>,
        cx: &Context<'_>,
        proof: &Proven,
        id: BrowserId,
    ) -> Round<Result<TrustedBrowser, Refusal>> {
        let strong = proof.method.rank() > Method::Sms.rank();
        let trusted = proof.device.filter(|_| strong).map(|device| {
            let (since, turned_at) = (proof.at, cx.now);
            Trusted { id, device, since, turn: 0, turned_at, repeats: 0 }
        });
        let until = |one| Some((one, self.trusts(&one, cx.id, cx.policy, cx.now)?));
        let allowed = self.sign_in_proof(cx, proof).map(|()| trusted.and_then(until));
        let (trusted, until) = match allowed {
            Ok(Some(trusted)) => trusted,
            Ok(None) => return Ok(Decision::refused(Refusal::NotPermitted)),
            Err(refusal) => return Ok(Decision::refused(refusal)),
        };
        let room = const { MAX_BROWSERS - 1 };
        make_room(&mut self.trusted, room, trusted::LONGEST, cx.now, |one| &mut one.turned_at);
        self.trusted.push(trusted);
        let event = DraftEvent::plain(EventKind::BrowserTrusted { browser: id });
        Ok(self.change(next(cx, &trusted, until)?, Vec::from([event.by(proof.method)])))
    }

    fn visit(
        mut self: Box<Self>,
        cx: &Context<'_>,
        token: &str,
    ) -> Round<Verdict<(Proven, TrustedBrowser)>> {
        let token = browser::open(Sealed::Trusted, cx.keys, cx.id, token)?;
        let shown = token.and_then(|token| self.show(cx, token));
        let purpose = &AnyPurpose::SignIn;
        let by = |event: DraftEvent| event.by(Method::TrustedBrowser).purpose(purpose);
        let ended = match shown {
            Some((Presented::Good, trusted, until)) => {
                let proof = self.proof(cx, None, Method::TrustedBrowser, purpose);
                let answer = Verdict::Accepted((proof, next(cx, &trusted, until)?));
                let kind = EventKind::Accepted { moving_factor: None, drift: None };
                let event = by(DraftEvent::plain(kind));
                return Ok(Decision::stored(answer, self, Vec::from([event])));
            }
            Some((Presented::Late, one, _)) => self.distrust(one.id),
            Some((Presented::Reused, one, _)) => {
                let kind = EventKind::TrustedTokenReused { browser: one.id };
                self.distrust(one.id).map(|_| DraftEvent::plain(kind))
            }
            _ => None,
        };
        let no = Verdict::Rejected { tries_left: NO_WAIT };
        Ok(match ended {
            Some(ended) => Decision::stored(no, self, Vec::from([by(ended)])),
            None => {
                let gone = self.is_open().then_some(RejectionReason::Expired);
                let why = gone.unwrap_or_else(|| self.why_rejected(false, false));
                Decision::unchanged(no, by(DraftEvent::plain(EventKind::Rejected(why))))
            }
        })
    }

    fn show(
        &mut self,
        cx: &Context<'_>,
        (id, turn): (BrowserId, u32),
    ) -> Option<(Presented, Trusted, UnixTime)> {
        let at = self.trusted.iter().position(|one| one.id == id)?;
        let until = self.trusts(self.trusted.get(at)?, cx.id, cx.policy, cx.now)?;
        let one = self.trusted.get_mut(at)?;
        Some((one.show(turn, cx.now), *one, until))
    }

    fn distrust(&mut self, id: BrowserId) -> Option<DraftEvent> {
        let before = self.trusted.len();
        self.trusted.retain(|one| one.id != id);
        let event = DraftEvent::plain(EventKind::BrowserDistrusted { browser: id });
        (self.trusted.len() < before).then_some(event)
    }
}

/// Seals the newest token: the same text for the same number, so both make the nonce.
fn next(cx: &Context<'_>, one: &Trusted, until: UnixTime) -> Result<TrustedBrowser, Undecided> {
    let (id, numbers) = (one.id, (one.id, one.turn));
    let nonce = browser::plaintext(numbers);
    let token = browser::token(Sealed::Trusted, cx.keys, cx.id, nonce, numbers);
    Ok(TrustedBrowser { id, until, token: token? })
}
