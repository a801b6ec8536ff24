//! Trusted browsers: a token in place of the second factor at sign-in, off by default.
//!
//! Standard: a departure from NIST SP 800-63B-4 section 5.1 (a cookie is no authenticator), so what comes
//! of it is AAL1; RFC 9700 section 4.14.2 (rotation, and theft noticed by reuse).
//!
//! Not a word for a [remembered](crate::account::RememberedBrowser) browser, which skips nothing.

use alloc::string::String;
use core::fmt;

use zeroize::Zeroizing;

use crate::account::id::{BrowserId, DeviceId};
use crate::time::UnixTime;

/// Seconds a browser is trusted at most: 30 days.
pub(crate) const LONGEST: u64 = 30 * 24 * 60 * 60;

/// Seconds in which a token gets its successor again: a form is sent twice, and answers are lost.
const GRACE: u64 = 60;

/// How often the token of one moment, or one second, is answered again: nothing that its owner repeats may keep a
/// revocation from being stored.
const MOST_REPEATS: u8 = 8;

/// Raises `turn` with every token: the newest one has this number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Trusted {
    pub(crate) id: BrowserId,
    /// The factor behind it, and when that was proved.
    pub(crate) device: DeviceId,
    pub(crate) since: UnixTime,
    pub(crate) turn: u32,
    pub(crate) turned_at: UnixTime,
    pub(crate) repeats: u8,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Presented {
    /// It signs in, and the newest token is handed out.
    Good,
    /// Its successor was not used, and it is too late for the same one again. Either the answer with it
    /// was lost for good, and the trust is dead to its owner, or a thief of this token was here first.
    Late,
    /// Its successor was used: two hold tokens of one browser.
    Reused,
    /// This browser was never given it, or it comes too often at once.
    Nothing,
}

impl Trusted {
    pub(crate) fn show(&mut self, turn: u32, now: UnixTime) -> Presented {
        match self.turn.checked_sub(turn) {
            Some(0) => {}
            Some(1) if self.turned_at.lasts(GRACE, now) => {}
            Some(1) => return Presented::Late,
            Some(_) => return Presented::Reused,
            None => return Presented::Nothing, // of a record that was put back
        }
        let is_newest = turn == self.turn;
        if is_newest && self.turned_at != now {
            self.repeats = 0;
        } else if self.repeats >= MOST_REPEATS {
            return Presented::Nothing;
        } else {
            self.repeats = self.repeats.saturating_add(1);
        }
        if is_newest {
            (self.turn, self.turned_at) = (self.turn.saturating_add(1), now);
        }
        Presented::Good
    }
}

/// The next token of a trusted browser, good for one sign-in. Set it as a cookie that scripts cannot read
/// (`HttpOnly`, `Secure`, `SameSite=Lax`) until [`TrustedBrowser::until`], in place of the one before.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::trusting()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::SignIn;
/// let proof = dana.verify(&phone.code(now), SignIn).run(&store).accepted().ok_or("wrong code")?;
/// let browser = dana.trust_browser(&proof, &mut rng).run(&store)?;
/// let age = browser.until().since(now);
/// let token = browser.expose_token();
/// let cookie = format!("trust={token}; Max-Age={age}; HttpOnly; Secure; SameSite=Lax");
/// # assert!(cookie.len() > 100);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the token is handed to the browser now or never"]
pub struct TrustedBrowser {
    pub(crate) id: BrowserId,
    pub(crate) until: UnixTime,
    pub(crate) token: Zeroizing<String>,
}

impl TrustedBrowser {
    /// The browser's number, as the summary lists it. The same after every sign-in.
    pub const fn id(&self) -> BrowserId {
        self.id
    }

    /// When the trust ends at the latest. No visit moves it.
    pub const fn until(&self) -> UnixTime {
        self.until
    }

    /// The token, for the cookie: hexadecimal digits. Never log it.
    pub fn expose_token(&self) -> &str {
        &self.token
    }
}

impl fmt::Debug for TrustedBrowser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustedBrowser({}, [redacted])", self.id)
    }
}
