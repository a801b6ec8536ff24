//! What an accepted attempt is worth: a [`Proof`], for one [`Purpose`], from one [`Method`].
//!
//! Standard: NIST SP 800-63B-4 sections 4.1.2.1 (binding needs authentication) and 6.3 (one factor
//! must not fetch another), ASVS 7.5.1 (a fresh factor before factors change), RFC 4226 RP1 (one
//! factor of two, never "may sign in").
//!
//! Most bypasses in the field are another door: a session opened before the second factor, a reset
//! that asked for nothing. So a session is opened with a proof, factors are changed with a proof,
//! and only a committed acceptance makes one.

use core::fmt;

use crate::account::summary::{AccountId, DeviceId, Method};
use crate::text::Text;
use crate::time::UnixTime;

/// What the person is about to do. A proof for one purpose is worth nothing for another.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Purpose {
    /// Opening a session.
    SignIn,
    /// Step-up for an action that the host names, "release-claims" say.
    Action(ActionName),
    /// Enrolling, replacing or revoking a factor, and new recovery codes.
    ChangeFactors,
    /// Changing what somebody may do.
    ChangePrivileges,
    /// Acting on somebody else's account as an operator.
    ActForOther,
}

/// The name of an action that needs a step-up: 1 to 32 bytes.
pub type ActionName = Text<32>;

impl Purpose {
    /// A short name for logs; the host's own for its own actions.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Purpose::SignIn => "sign-in",
            Purpose::Action(name) => name.as_str(),
            Purpose::ChangeFactors => "change-factors",
            Purpose::ChangePrivileges => "change-privileges",
            Purpose::ActForOther => "act-for-other",
        }
    }
}

/// The truth table: whether a proof by `method` can serve `purpose` at all.
///
/// | | sign in | named action | change factors | change privileges | act for other |
/// |---|---|---|---|---|---|
/// | TOTP, HOTP, passkey, PKI | yes | yes | yes | yes | yes |
/// | SMS | yes | yes | only where nothing stronger is bound, lost or disabled | no | no |
/// | recovery code | yes | yes | yes | no | no |
/// | emergency | yes | yes | no | no | no |
///
/// The one entry that depends on the account (SMS) is a yes here and is narrowed where the account
/// is known: whoever took over a phone number must not bind an app beside the owner's.
#[must_use]
pub const fn permits(method: Method, purpose: &Purpose) -> bool {
    match purpose {
        Purpose::SignIn | Purpose::Action(_) => true,
        Purpose::ChangeFactors => !matches!(method, Method::Emergency),
        Purpose::ChangePrivileges | Purpose::ActForOther => {
            matches!(method, Method::Totp | Method::Hotp | Method::Passkey | Method::Pki)
        }
    }
}

/// One accepted and committed attempt.
///
/// Its fields are private, it has no `Clone` and no serialisation, and only the library makes one:
/// what needs a proof cannot be reached without it. Every change of factors raises the account's
/// epoch and so kills the proofs from before it. Consume it where the session is opened; pass it on
/// where factors are changed.
///
/// None of this compiles: copying one, using one twice, altering one, making one from nothing, or
/// reading one from text.
///
/// ```compile_fail
/// fn copy(proof: countersign::Proof) -> (countersign::Proof, countersign::Proof) {
///     (proof.clone(), proof)
/// }
/// ```
/// ```compile_fail
/// fn twice(open_session: impl Fn(countersign::Proof), proof: countersign::Proof) {
///     open_session(proof);
///     open_session(proof);
/// }
/// ```
/// ```compile_fail
/// fn alter(proof: countersign::Proof) -> countersign::Proof {
///     countersign::Proof { purpose: countersign::Purpose::ActForOther, ..proof }
/// }
/// ```
/// ```compile_fail
/// let proof = countersign::Proof::default();
/// ```
/// ```compile_fail
/// fn read<'text, T: serde::Deserialize<'text>>() {}
/// read::<countersign::Proof>();
/// ```
#[must_use = "a session is opened with the proof; without it the acceptance is for nothing"]
pub struct Proof {
    pub(crate) account: AccountId,
    pub(crate) device: Option<DeviceId>,
    pub(crate) method: Method,
    pub(crate) purpose: Purpose,
    pub(crate) epoch: u32,
    pub(crate) at: UnixTime,
}

impl Proof {
    /// Whose proof it is.
    #[must_use]
    pub const fn account(&self) -> &AccountId {
        &self.account
    }

    /// The device, if a device made it.
    #[must_use]
    pub const fn device(&self) -> Option<DeviceId> {
        self.device
    }

    /// How possession was proved.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// What it is good for.
    #[must_use]
    pub const fn purpose(&self) -> &Purpose {
        &self.purpose
    }

    /// The account's epoch. Keep it with the session, and end the session when
    /// [`Summary::epoch`](crate::Summary::epoch) is higher.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// When the attempt was accepted: the `auth_time` of the session, from which its
    /// re-authentication is counted (NIST SP 800-63B-4 section 2.2.3).
    #[must_use]
    pub const fn at(&self) -> UnixTime {
        self.at
    }

    /// Whether the person has to be given new recovery codes: one of them made this proof (NIST SP
    /// 800-63B-4 section 4.2.1.1).
    #[must_use]
    pub const fn replacement_due(&self) -> bool {
        matches!(self.method, Method::RecoveryCode)
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Proof { account, device, method, purpose, epoch, at } = self;
        f.debug_struct("Proof")
            .field("account", account)
            .field("device", device)
            .field("method", method)
            .field("purpose", purpose)
            .field("epoch", epoch)
            .field("at", at)
            .finish()
    }
}

/// The answer to an attempt with a code. A wrong code is an answer, never an error: an error makes
/// the host's transaction roll back, and the counted failure with it (CVE-2026-35597). It cannot be
/// read over (CVE-2026-0723) or taken for a `bool`:
///
/// ```compile_fail
/// #![deny(unused_must_use)]
/// fn sign_in(verify: impl Fn() -> countersign::Verdict) {
///     verify();
/// }
/// ```
#[must_use = "anything but Accepted is a no"]
#[derive(Debug)]
pub enum Verdict<T = Proof> {
    /// The code was right, is used up, and that is committed.
    Accepted(T),
    /// The code was not accepted: wrong, used, unknown account, no device. The reason stands in the
    /// audit event only.
    Rejected {
        /// Further attempts before the account has to wait.
        tries_left: u8,
    },
    /// Nothing was evaluated. The answer is the same whatever was typed.
    Wait {
        /// When an attempt will be evaluated again.
        until: UnixTime,
    },
    /// Too many failures: the devices of this kind are disabled and time does not bring them back.
    /// A new device has to be bound.
    Disabled,
    /// What the code was for, an enrolment or a sent code, has expired or is gone: start again.
    /// Never the answer to [`Mfa::verify`](crate::Mfa::verify).
    Expired,
    /// Not a code at all: nothing was evaluated and nothing was counted.
    Malformed,
}

impl<T> Verdict<T> {
    /// What was accepted; `None` for every no.
    #[must_use]
    pub fn accepted(self) -> Option<T> {
        match self {
            Verdict::Accepted(accepted) => Some(accepted),
            _ => None,
        }
    }
}

/// The answer to a change that a proof, not a code, has to allow.
#[must_use = "a refused change did not happen"]
#[derive(Debug)]
pub enum Change<T = ()> {
    /// It is done and committed.
    Done(T),
    /// It was refused and nothing was written.
    Refused(Refusal),
}

impl<T> Change<T> {
    /// What was done, or the refusal as an error, for hosts that treat a refusal as a fault of
    /// their own flow.
    ///
    /// # Errors
    /// The refusal.
    pub fn done(self) -> Result<T, Refusal> {
        match self {
            Change::Done(done) => Ok(done),
            Change::Refused(refusal) => Err(refusal),
        }
    }
}

/// Why a change was refused.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Refusal {
    /// The same secret is bound already.
    AlreadyBound,
    /// It would leave the person without a factor; offboard or reset instead.
    LastFactor,
    /// The method cannot serve the purpose ([`permits`]).
    NotPermitted,
    /// No device of this person has that id, or it is no longer in use.
    NoSuchDevice,
    /// The person has no bound factor of the kind that this needs.
    NothingBound,
    /// The person was offboarded. That is final: whoever comes back gets a new account id.
    Offboarded,
    /// An operator and the person are one and the same.
    OwnAccount,
    /// The proof is older than the policy allows, or from the future.
    ProofExpired,
    /// The person has a factor, and changing factors needs a proof of one.
    ProofRequired,
    /// The proof is for another account, another purpose, or from before the last change of
    /// factors.
    ProofUnfit,
    /// Nothing is evaluated or sent before this moment.
    TooSoon {
        /// When it will be.
        until: UnixTime,
    },
    /// As many devices as a person may have.
    TooManyDevices,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::AlreadyBound => "this secret is bound already",
            Refusal::LastFactor => "it is the person's last factor",
            Refusal::NotPermitted => "the method does not permit this purpose",
            Refusal::NoSuchDevice => "no such device in use",
            Refusal::NothingBound => "nothing of that kind is bound",
            Refusal::Offboarded => "the person was offboarded",
            Refusal::OwnAccount => "an operator cannot act on their own account",
            Refusal::ProofExpired => "the proof is too old",
            Refusal::ProofRequired => "a proof of an existing factor is needed",
            Refusal::ProofUnfit => "the proof is not for this",
            Refusal::TooSoon { until } => {
                return write!(f, "not before {} (Unix time)", until.as_secs());
            }
            Refusal::TooManyDevices => "the person has as many devices as allowed",
        })
    }
}

impl core::error::Error for Refusal {}
