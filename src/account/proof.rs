//! What an accepted attempt is worth: a [`Proof`], for one [`Purpose`], from one [`Method`].
//!
//! Standard: NIST SP 800-63B-4 sections 4.1.2.1 (binding needs authentication) and 6.3 (one factor
//! must not fetch another), ASVS 7.5.1 (a fresh factor before factors change), RFC 4226 RP1 (one
//! factor of two, never "may sign in").
//!
//! Most bypasses in the field are another door: a session opened before the second factor, a reset
//! that asked for nothing. So a session is opened with a proof, factors are changed with a proof,
//! and only a committed acceptance makes one.

use alloc::boxed::Box;
use core::fmt;

use crate::account::id::{AccountId, DeviceId};
use crate::account::summary::Method;
use crate::text::{Text, TextError};
use crate::time::UnixTime;

/// What the person is about to do, as a type: a proof for one purpose does not compile where another
/// is needed. Sealed; the five purposes are [`SignIn`], [`Action`], [`ChangeFactors`],
/// [`ChangePrivileges`] and [`ActForOther`].
/// ```
/// use countersign::{Action, Purpose, SignIn};
/// // A line of the host's log, for any purpose.
/// fn line(purpose: &impl Purpose) -> String {
///     format!("purpose={}", purpose.to_any())
/// }
/// assert_eq!(line(&SignIn), "purpose=sign-in");
/// assert_eq!(line(&Action::new("release-claims")?), "purpose=action:release-claims");
/// # Ok::<(), countersign::account::TextError>(())
/// ```
pub trait Purpose: Sealed + Clone + fmt::Debug + Send + Sync + 'static {
    /// The purpose as a value, for events and logs.
    fn to_any(&self) -> AnyPurpose;
}

/// Not exported: no type beyond this file is a purpose.
pub trait Sealed {}

macro_rules! purposes {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub struct $name;

        impl Sealed for $name {}

        impl Purpose for $name {
            fn to_any(&self) -> AnyPurpose {
                AnyPurpose::$name
            }
        }
    )*};
}

purposes! {
    /// Opening a session. A proof for it is the only thing that opens one.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::{AccountId, Proof, SignIn};
    /// // The host's only function that opens a session.
    /// fn open_session(proof: Proof<SignIn>) -> AccountId {
    ///     *proof.account()
    /// }
    /// let proof = dana.verify(&phone.code(now), SignIn).run(&store).accepted().ok_or("wrong code")?;
    /// assert_eq!(open_session(proof), id);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    SignIn,
    /// Enrolling, replacing or revoking a factor, and new recovery codes.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::ChangeFactors;
    /// // The page "new recovery codes": a fresh code allows one change.
    /// let verdict = dana.verify(&phone.code(now), ChangeFactors).run(&store);
    /// let proof = verdict.accepted().ok_or("wrong code")?;
    /// let codes = dana.regenerate_recovery_codes(proof, &mut rng).run(&store)?;
    /// assert_eq!(codes.len(), 10);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ChangeFactors,
    /// Changing what a person may do.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// use countersign::ChangePrivileges;
    /// // Before the host makes a person an administrator: a recovery code is not enough.
    /// let printed = &phone.recovery_codes[0];
    /// assert!(dana.recover(printed, ChangePrivileges).run(&store).accepted().is_none());
    /// let typed = phone.code(now);
    /// assert!(dana.verify(&typed, ChangePrivileges).run(&store).accepted().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ChangePrivileges,
    /// Acting on another person's account, as an operator.
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
    /// # let (mfa, store, mut rng, now) = host::new()?;
    /// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
    /// # let dana = mfa.account(&id).at(now);
    /// # let (operator, lee) = host::person(&mfa, &store, &mut rng, "7", now)?;
    /// use countersign::{account::{Operator, PassLength}, ActForOther};
    /// // The help desk types a fresh code before it resets another person.
    /// let verdict = mfa.account(&operator).at(now).verify(&lee.code(now), ActForOther).run(&store);
    /// let proof = verdict.accepted().ok_or("wrong code")?;
    /// let lee = Operator::checked_by_host(proof, "role help-desk");
    /// dana.reset(lee, PassLength::Long, "lost phone, passport seen", &mut rng).run(&store)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ActForOther
}

/// Step-up for an action that the host names, "release-claims" for example. A proof for it opens
/// nothing but what the host ties to that name: compare [`Action::name`] of [`Proof::purpose`].
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::Action;
/// // A step-up before claims are released.
/// let release = Action::new("release-claims")?;
/// let proof = dana.verify(&phone.code(now), release).run(&store).accepted().ok_or("wrong code")?;
/// assert_eq!(proof.purpose().name(), "release-claims");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Action(ActionName);

/// The name of an action that needs a step-up: 1 to 32 bytes.
/// ```
/// use countersign::account::{ActionName, AnyPurpose};
/// // What an event says of a step-up.
/// let purpose = AnyPurpose::Action(ActionName::new("release-claims")?);
/// assert_eq!(purpose.to_string(), "action:release-claims");
/// # Ok::<(), countersign::account::TextError>(())
/// ```
pub type ActionName = Text<32>;

impl Action {
    /// Names the action.
    ///
    /// # Errors
    /// [`TextError`]: the name is empty, over 32 bytes, or has invisible characters.
    pub fn new(name: &str) -> Result<Action, TextError> {
        Text::new(name).map(Action)
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.0.as_str()
    }
}

impl Sealed for Action {}

impl Purpose for Action {
    fn to_any(&self) -> AnyPurpose {
        AnyPurpose::Action(self.0.clone())
    }
}

/// A purpose as events and logs record it. It opens nothing: only the type of a [`Proof`] does.
/// ```
/// use countersign::{account::AnyPurpose, ChangeFactors, Purpose};
/// // A column of the host's audit table.
/// let purpose = ChangeFactors.to_any();
/// assert_eq!(purpose, AnyPurpose::ChangeFactors);
/// assert_eq!(purpose.to_string(), "change-factors");
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum AnyPurpose {
    /// [`SignIn`].
    SignIn,
    /// [`Action`], with its name.
    Action(ActionName),
    /// [`ChangeFactors`].
    ChangeFactors,
    /// [`ChangePrivileges`].
    ChangePrivileges,
    /// [`ActForOther`].
    ActForOther,
}

impl fmt::Display for AnyPurpose {
    /// `sign-in`, `change-factors`, `change-privileges`, `act-for-other` or `action:NAME`: no action
    /// can take the name of another purpose.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnyPurpose::SignIn => f.write_str("sign-in"),
            AnyPurpose::Action(name) => write!(f, "action:{name}"),
            AnyPurpose::ChangeFactors => f.write_str("change-factors"),
            AnyPurpose::ChangePrivileges => f.write_str("change-privileges"),
            AnyPurpose::ActForOther => f.write_str("act-for-other"),
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
/// | emergency pass | yes | no | no | no | no |
/// | enrolment pass | no | no | only to bind | no | no |
/// | trusted browser | yes | no | no | no | no |
///
/// The entries that say "only" are a yes here, and the decision narrows them: an attacker who took over a
/// phone number must not bind an app beside the owner's.
#[must_use]
pub const fn permits(method: Method, purpose: &AnyPurpose) -> bool {
    match purpose {
        AnyPurpose::SignIn => !matches!(method, Method::Pass),
        AnyPurpose::Action(_) => {
            !matches!(method, Method::Emergency | Method::Pass | Method::TrustedBrowser)
        }
        AnyPurpose::ChangeFactors => !matches!(method, Method::Emergency | Method::TrustedBrowser),
        AnyPurpose::ChangePrivileges | AnyPurpose::ActForOther => {
            matches!(method, Method::Totp | Method::Hotp | Method::Passkey | Method::Pki)
        }
    }
}

/// One accepted and committed attempt, for the purpose `P`.
///
/// Its fields are private, it has no `Clone` and no serialisation, and only the library makes one:
/// what needs a proof cannot be reached without it. To the next request it goes as a
/// [`CarriedProof`](crate::account::CarriedProof), for one change of this library's own. Every change of factors raises the account's
/// epoch and so ends the proofs from before it. Consume it where the session is opened; pass it on
/// where factors are changed.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::SignIn;
/// // The session keeps whose it is, since when, and the epoch that ends it.
/// let proof = dana.verify(&phone.code(now), SignIn).run(&store).accepted().ok_or("wrong code")?;
/// assert_eq!((proof.account(), proof.at()), (&id, now));
/// let summary = dana.summary().run(&store)?.ok_or("no record")?;
/// assert!(proof.epoch() >= summary.epoch); // not ended
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// None of this compiles: copying one, using one twice, making one from nothing, reading one from
/// text, or using one for another purpose, with the host or with the library.
///
/// ```compile_fail,E0599
/// use countersign::{Proof, SignIn};
/// fn copy(proof: Proof<SignIn>) -> (Proof<SignIn>, Proof<SignIn>) {
///     (proof.clone(), proof)
/// }
/// ```
/// ```compile_fail,E0382
/// use countersign::{Proof, SignIn};
/// fn twice(open_session: impl Fn(Proof<SignIn>), proof: Proof<SignIn>) {
///     open_session(proof);
///     open_session(proof);
/// }
/// ```
/// ```compile_fail,E0599
/// let proof = countersign::Proof::<countersign::SignIn>::default();
/// ```
/// ```compile_fail,E0277
/// fn read<'text, T: serde::Deserialize<'text>>() {}
/// read::<countersign::Proof<countersign::SignIn>>();
/// ```
/// ```compile_fail,E0308
/// use countersign::{Action, Proof, SignIn};
/// fn open(sign_in: impl Fn(Proof<SignIn>), released_claims: Proof<Action>) {
///     sign_in(released_claims);
/// }
/// ```
/// ```compile_fail,E0308
/// use countersign::mfa::{Change, PendingEnrolment};
/// use countersign::{ChangeFactors, Proof, SignIn};
/// type Enrolment<'m> = Change<'m, PendingEnrolment, Proof<ChangeFactors>>;
/// fn enrol(tablet: Enrolment<'_>, signed_in: Proof<SignIn>) -> Enrolment<'_> {
///     tablet.proven_by(signed_in)
/// }
/// ```
/// ```compile_fail,E0308
/// use countersign::{account::PassLength, mfa::AccountAt, ChangeFactors, OsRandom, Proof};
/// fn reset(dana: AccountAt<'_>, own: Proof<ChangeFactors>, rng: &mut OsRandom) {
///     let _ = dana.reset(own, PassLength::Long, "lost everything", rng);
/// }
/// ```
/// ```compile_fail,E0308
/// use countersign::{account::PassLength, mfa::AccountAt, ActForOther, OsRandom, Proof};
/// fn reset(dana: AccountAt<'_>, of_a_clerk: Proof<ActForOther>, rng: &mut OsRandom) {
///     let _ = dana.reset(of_a_clerk, PassLength::Long, "lost everything", rng);
/// }
/// ```
/// ```compile_fail,E0308
/// use countersign::{mfa::AccountAt, OsRandom, Proof, SignIn};
/// fn carry(dana: AccountAt<'_>, signed_in: Proof<SignIn>, rng: &mut OsRandom) {
///     let _ = dana.carry(signed_in, "session", rng);
/// }
/// ```
/// ```compile_fail,E0277
/// use countersign::{mfa::AccountAt, ChangePrivileges, DeviceId, Proof};
/// fn revoke(dana: AccountAt<'_>, phone: DeviceId, proof: Proof<ChangePrivileges>) {
///     let _ = dana.revoke(phone, proof);
/// }
/// ```
#[derive(Debug)]
#[must_use = "a session is opened with the proof; without it the acceptance is for nothing"]
pub struct Proof<P> {
    /// Boxed, so that a refusal that hands the proof back stays small.
    pub(crate) proven: Box<Proven>,
    pub(crate) purpose: P,
}

/// The contents of a proof, with its purpose as a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proven {
    pub(crate) account: AccountId,
    pub(crate) device: Option<DeviceId>,
    pub(crate) method: Method,
    pub(crate) purpose: AnyPurpose,
    pub(crate) epoch: u32,
    pub(crate) at: UnixTime,
    pub(crate) remembered: bool,
    /// When the probation began of a factor that this proof binds.
    pub(crate) probation: Option<UnixTime>,
    /// Whether the host said that the first factor was right, and that a passkey verified its user.
    pub(crate) first_factor: bool,
    pub(crate) user_verified: bool,
    /// By which number the account knows it once it is used, if it was carried.
    pub(crate) carried: Option<[u8; 16]>,
}

impl<P> Proof<P> {
    /// Whose proof it is.
    pub fn account(&self) -> &AccountId {
        &self.proven.account
    }

    /// The device, if a device made it.
    pub fn device(&self) -> Option<DeviceId> {
        self.proven.device
    }

    /// How possession was proved.
    pub fn method(&self) -> Method {
        self.proven.method
    }

    /// What it is good for.
    pub const fn purpose(&self) -> &P {
        &self.purpose
    }

    /// The account's epoch. Keep it with the session, and end the session when
    /// [`Summary::epoch`](crate::Summary::epoch) is higher.
    pub fn epoch(&self) -> u32 {
        self.proven.epoch
    }

    /// When the attempt was accepted: the `auth_time` of the session, from which its
    /// re-authentication is counted (NIST SP 800-63B-4 section 2.2.3).
    pub fn at(&self) -> UnixTime {
        self.proven.at
    }

    /// Whether the person needs new recovery codes: one of them made this proof (NIST SP 800-63B-4
    /// section 4.2.1.1).
    pub fn replacement_due(&self) -> bool {
        matches!(self.proven.method, Method::RecoveryCode)
    }
}

/// Why a change was refused.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::account::Refusal;
/// // A second device without a proof of the first: the page asks for a code.
/// let refused = dana.enrol("Tablet", &mut rng).run(&store).err();
/// assert_eq!(refused.and_then(|no| no.refusal()), Some(Refusal::ProofRequired));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
#[allow(missing_docs)] // a variant says what its fields are
pub enum Refusal {
    /// The same secret is bound already.
    AlreadyBound,
    /// The device's clock is off by more than [`Policy::clock_reach`](crate::Policy::clock_reach).
    ClockTooFar,
    /// The person has a factor in use: a reset is the way to a pass.
    FactorInUse,
    /// Something of the account was taken out of use, or the person was invited, which ends imports: an
    /// import on the host's word would bring back what the person removed.
    ImportEnded,
    /// It would leave the person without a factor; offboard or reset instead.
    LastFactor,
    /// The method cannot serve the purpose ([`permits`]).
    NotPermitted,
    /// No device of this person has that id, or it is no longer in use.
    NoSuchDevice,
    /// No such browser is remembered, no such recovery codes were issued, no such record is stored, or no such
    /// enrolment waits for this session.
    NotFound,
    /// The person has no bound factor of the kind that this needs.
    NothingBound,
    /// The person was offboarded. That is final: a person who comes back gets a new account id.
    Offboarded,
    /// An operator and the person are one and the same.
    OwnAccount,
    /// The proof is older than the policy allows, or from the future.
    ProofExpired,
    /// Changing factors needs a proof of one, or an operator's pass where there is none.
    ProofRequired,
    /// The proof is for another account, another purpose, or from before the last change of
    /// factors; or it was carried, and is for another session or change, or used.
    ProofUnfit,
    /// The record opens, so it is not given up.
    RecordOpens,
    /// The secret was of a device that was reported lost. It never comes back.
    ReportedLost,
    /// Nothing is evaluated or sent before this moment.
    TooSoon { until: UnixTime },
    /// As many devices as a person may have.
    TooManyDevices,
    /// So many former devices that a secret could not be told from theirs: only new secrets bind.
    TooManyFormerDevices,
    /// There is no such account. [`bar`](crate::mfa::AccountAt::bar) ends an id before it has one.
    UnknownAccount,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::AlreadyBound => "this secret is bound already",
            Refusal::ClockTooFar => "the device's clock is off by more than is tolerated",
            Refusal::FactorInUse => "the person has a factor in use",
            Refusal::ImportEnded => "a factor was taken out of use, so nothing more is imported",
            Refusal::LastFactor => "it is the person's last factor",
            Refusal::NotPermitted => "the method does not permit this purpose",
            Refusal::NoSuchDevice => "no such device in use",
            Refusal::NotFound => "no such browser, recovery codes, record or waiting enrolment",
            Refusal::NothingBound => "nothing of that kind is bound",
            Refusal::Offboarded => "the person was offboarded",
            Refusal::OwnAccount => "an operator cannot act on their own account",
            Refusal::ProofExpired => "the proof is too old",
            Refusal::ProofRequired => "a proof of an existing factor, or a pass, is needed",
            Refusal::ProofUnfit => "the proof is not for this",
            Refusal::RecordOpens => "the record opens, so it is not given up",
            Refusal::ReportedLost => "the device with this secret was reported lost",
            Refusal::TooSoon { until } => {
                let until = until.as_secs();
                return write!(f, "nothing is evaluated or sent before {until} (Unix time)");
            }
            Refusal::TooManyDevices => "the person has as many devices as allowed",
            Refusal::TooManyFormerDevices => "too many former devices for a secret that exists",
            Refusal::UnknownAccount => "there is no such account",
        })
    }
}

impl core::error::Error for Refusal {}
