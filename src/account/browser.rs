//! Remembered browsers: a budget of failures that a stranger cannot use up.
//!
//! Standard: ASVS 6.1.1 (no lockout by malice), NIST SP 800-63B-4 section 3.2.2 (the failures of
//! remembered browsers count towards the hundred).
//!
//! Skips no factor: a code from a remembered browser is asked for and evaluated like any other.

use alloc::string::String;
use core::fmt;

use zeroize::Zeroizing;

use crate::account::id::{AccountId, BrowserId};
use crate::account::seal::{Seal, SealError, Sealed};
use crate::time::UnixTime;

/// How many browsers are remembered for one person. One more replaces the longest unused.
pub const MAX_BROWSERS: usize = 8;

/// Seconds without use after which a browser is forgotten: 90 days.
pub(crate) const MEMORY: u64 = 90 * 24 * 60 * 60;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Browser {
    pub(crate) id: BrowserId,
    pub(crate) used_at: UnixTime,
}

/// A token for one browser, given once. Set it as a cookie that scripts cannot read (`HttpOnly`,
/// `Secure`, `SameSite=Lax`) for 90 days, and hand it to
/// [`Attempt::from_browser`](crate::mfa::Attempt::from_browser).
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{SignIn, UnixTime};
/// let proof = dana.verify(&phone.code(now), SignIn).run(&store).accepted().ok_or("wrong code")?;
/// let browser = dana.remember_browser(&proof, &mut rng).run(&store)?;
/// let cookie = format!("browser={}; HttpOnly; Secure; SameSite=Lax", browser.expose_token());
/// # let cookie = cookie.split(['=', ';']).nth(1).ok_or("no token")?;
/// // Weeks of a stranger's wrong codes later, the owner gets in from this browser.
/// let dana = mfa.account(&id).at(now.plus(30));
/// let attempt = dana.verify(&phone.code(now.plus(30)), SignIn).from_browser(cookie);
/// assert!(attempt.run(&store).accepted().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the token is handed to the browser now or never"]
pub struct RememberedBrowser {
    pub(crate) id: BrowserId,
    pub(crate) token: Zeroizing<String>,
}

impl RememberedBrowser {
    /// The browser's number, as the summary lists it.
    pub const fn id(&self) -> BrowserId {
        self.id
    }

    /// The token, for the cookie: hexadecimal digits. Never log it.
    pub fn expose_token(&self) -> &str {
        &self.token
    }
}

impl fmt::Debug for RememberedBrowser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RememberedBrowser({}, [redacted])", self.id)
    }
}

/// Seals a browser and a number as the token of a browser, of the one kind or the other.
pub(crate) fn token(
    kind: Sealed,
    keys: &dyn Seal,
    account: &AccountId,
    nonce: [u8; 12],
    numbers: (BrowserId, u32),
) -> Result<Zeroizing<String>, SealError> {
    kind.seal(keys, account, nonce, &plaintext(numbers)).map(Zeroizing::new)
}

pub(crate) fn plaintext((id, number): (BrowserId, u32)) -> [u8; 12] {
    let mut plaintext = [0; 12];
    let (head, rest) = plaintext.split_at_mut(8);
    head.copy_from_slice(&id.as_u64().to_be_bytes());
    rest.copy_from_slice(&number.to_be_bytes());
    plaintext
}

/// Opens the token of a browser: the browser and the number.
pub(crate) fn open(
    kind: Sealed,
    keys: &dyn Seal,
    account: &AccountId,
    token: &str,
) -> Result<Option<(BrowserId, u32)>, SealError> {
    let opened = kind.open(keys, account, token)?;
    Ok(opened.and_then(|opened| {
        let (head, rest) = opened.split_first_chunk::<8>()?;
        let number = <[u8; 4]>::try_from(rest).ok()?;
        let id = BrowserId::from_u64(u64::from_be_bytes(*head));
        Some((id, u32::from_be_bytes(number)))
    }))
}
