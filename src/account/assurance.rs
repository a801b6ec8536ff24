//! How much an accepted attempt is worth to others: levels, and the claims of a token.
//!
//! Standard: NIST SP 800-63B-4 section 2 (levels), RFC 8176 (`amr`), OpenID Connect Core sections 2
//! (`acr`, `amr`, `auth_time`) and 3.1.2.1 (`max_age`).
//!
//! Says what was proved to this library and what the host said, and never AAL3: that takes a hardware
//! authenticator that nobody here has seen.

use alloc::vec::Vec;

use crate::account::proof::Proof;
use crate::account::summary::Method;
use crate::time::UnixTime;

/// The authenticator assurance level of one sign-in (NIST SP 800-63B-4 section 2).
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{account::Aal, SignIn};
/// // The password was right; the claims of the token that the host signs.
/// let attempt = dana.verify(&phone.code(now), SignIn).first_factor_passed();
/// let proof = attempt.run(&store).accepted().ok_or("wrong code")?;
/// assert_eq!((proof.aal(), proof.amr()), (Aal::Two, vec!["pwd", "otp", "mfa"]));
/// assert_eq!(proof.aal().acr(), "http://idmanagement.gov/ns/assurance/aal/2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Aal {
    /// One factor, or more than one without the certainty that they are two.
    One,
    /// Two distinct factors, one of which resists replay (section 2.2).
    Two,
}

impl Aal {
    /// Returns the `acr` value, as the United States' federal profile of OpenID Connect spells it.
    #[must_use]
    pub const fn acr(self) -> &'static str {
        match self {
            Aal::One => "http://idmanagement.gov/ns/assurance/aal/1",
            Aal::Two => "http://idmanagement.gov/ns/assurance/aal/2",
        }
    }
}

impl<P> Proof<P> {
    /// Returns the level: two if a password and a code, text, passkey or certificate came together, or a
    /// passkey or certificate that verified its user. The password is the host's word, by
    /// [`first_factor_passed`](crate::mfa::Attempt::first_factor_passed); user verification too, by
    /// [`user_verified`](crate::account::Assertion::user_verified). A recovery code, emergency access and a
    /// trusted browser are level one. A service at level two also offers a passkey or certificate (section
    /// 2.2.2).
    pub fn aal(&self) -> Aal {
        let proven = &self.proven;
        let two = match proven.method {
            Method::Passkey | Method::Pki => proven.first_factor || proven.user_verified,
            Method::Totp | Method::Hotp | Method::Sms => proven.first_factor,
            Method::RecoveryCode | Method::Emergency | Method::Pass | Method::TrustedBrowser => {
                false
            }
        };
        if two { Aal::Two } else { Aal::One }
    }

    /// Returns the `amr` values (RFC 8176 section 2): `pwd` if the host said that the first factor was
    /// right, `otp`, `sms`, or `pop` and for a passkey `user`; `mfa` at level two. A recovery code,
    /// emergency access and a trusted browser have no value.
    pub fn amr(&self) -> Vec<&'static str> {
        let mut values: Vec<_> = self.proven.first_factor.then_some("pwd").into_iter().collect();
        values.extend_from_slice(match self.proven.method {
            Method::Totp | Method::Hotp => &["otp"],
            Method::Passkey => &["pop", "user"],
            Method::Pki => &["pop"],
            Method::Sms => &["sms"],
            Method::RecoveryCode | Method::Emergency | Method::Pass | Method::TrustedBrowser => &[],
        });
        values.extend((self.aal() == Aal::Two).then_some("mfa"));
        values
    }

    /// Whether the attempt is at most `max_age` seconds old at `now`: the question of `max_age`, where
    /// `auth_time` is [`Proof::at`]. No for one that is more than a minute ahead.
    pub fn is_within(&self, max_age: u64, now: UnixTime) -> bool {
        self.proven.at.lasts(max_age, now)
    }
}
