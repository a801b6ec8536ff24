//! Remembering a browser, and forgetting one.
//!
//! Standard: ASVS 6.1.1 (no lockout by malice).

use alloc::{boxed::Box, vec::Vec};

use rand::CryptoRng;

use crate::account::{
    Account, BrowserId, EventKind, Method, Proof, Proven, Refusal, RememberedBrowser, Sealed,
    SignIn, token,
};
use crate::mfa::decision::{Context, Decision, DraftEvent};
use crate::mfa::handle::AccountAt;
use crate::mfa::operation::{Change, Round};

impl<'m> AccountAt<'m> {
    /// Remembers the browser from which the person has just signed in: its failures have a budget that
    /// no stranger can use up. Skips no factor.
    ///
    /// With [`Change::from_browser`] a new token replaces the browser's old one. A ninth browser replaces
    /// the longest unused. 90 days without use forget one; a reported loss, a reset and an offboarding
    /// forget all. Refused: a proof by
    /// emergency access or a trusted browser, or too old. Emits `BrowserRemembered`, a notice.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::SignIn;
    /// let proof = dana.verify(&phone.code(now), SignIn).run(&store).accepted().ok_or("wrong code")?;
    /// // The box "this is my computer" was ticked. The proof then opens the session.
    /// let browser = dana.remember_browser(&proof, &mut rng).run(&store)?;
    /// assert!(!browser.expose_token().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remember_browser(
        &self,
        proof: &Proof<SignIn>,
        rng: &mut impl CryptoRng,
    ) -> Change<'m, RememberedBrowser> {
        let (id, mut nonce) = (BrowserId::from_u64(rng.next_u64()), [0; 12]);
        rng.fill_bytes(&mut nonce);
        let proven = proof.proven.clone();
        self.change(move |account, cx| account.remember_browser(cx, &proven, id, nonce))
    }

    /// Forgets a remembered browser. Needs no proof, because it can only deny. Emits `BrowserForgotten`.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::SignIn;
    /// let proof = dana.verify(&phone.code(now), SignIn).run(&store).accepted().ok_or("wrong code")?;
    /// let browser = dana.remember_browser(&proof, &mut rng).run(&store)?;
    /// // The button beside it on the page "my browsers".
    /// dana.forget_browser(browser.id()).run(&store)?;
    /// assert!(dana.forget_browser(browser.id()).run(&store).is_err()); // gone already
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn forget_browser(&self, browser: BrowserId) -> Change<'m> {
        self.change(move |account, _| Ok(account.forget_browser(browser))).persistent()
    }
}

impl Account {
    fn remember_browser(
        mut self: Box<Self>,
        cx: &Context<'_>,
        proof: &Proven,
        id: BrowserId,
        nonce: [u8; 12],
    ) -> Round<Result<RememberedBrowser, Refusal>> {
        let kept = matches!(proof.method, Method::Emergency | Method::TrustedBrowser);
        let permitted = if kept { Err(Refusal::NotPermitted) } else { Ok(()) };
        if let Err(refusal) = self.sign_in_proof(cx, proof).and(permitted) {
            return Ok(Decision::refused(refusal));
        }
        // The same browser again: its old place goes.
        self.browsers.retain(|browser| Some(browser.id) != cx.browser);
        self.remember(id, cx.now);
        let numbers = (id, self.browser_generation);
        let token = token(Sealed::Browser, cx.keys, cx.id, nonce, numbers)?;
        let event = DraftEvent::plain(EventKind::BrowserRemembered { browser: id });
        Ok(self.change(RememberedBrowser { id, token }, Vec::from([event.by(proof.method)])))
    }

    fn forget_browser(mut self: Box<Self>, id: BrowserId) -> Decision<Result<(), Refusal>> {
        let before = self.browsers.len();
        self.browsers.retain(|browser| browser.id != id);
        if self.browsers.len() == before {
            return Decision::refused(Refusal::NotFound);
        }
        let event = DraftEvent::plain(EventKind::BrowserForgotten { browser: id });
        self.change((), Vec::from([event]))
    }
}
