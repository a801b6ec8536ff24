//! The numbers of the account layer. A policy supplies them and decides nothing.
//!
//! Standard: the numbers of NIST SP 800-63B-4 sections 3.1.3 (out-of-band), 3.1.4 (codes), 3.2.2
//! (failures), 4.1.2 (binding); each method names its own.
//!
//! Every return type is bounded, so that a policy can be stricter or more patient, and cannot turn
//! a no into a yes or say "unlimited".

use core::fmt;

use crate::account::id::AccountId;
use crate::account::proof::AnyPurpose;
use crate::account::summary::MAX_OTP_DEVICES;
use crate::account::throttle::{Class, Throttle};
use crate::bounded::Bounded;
use crate::otp::{Digits, LookAhead, Parameters, Reach, Window};

/// The numbers. The provided methods are the recommended ones; override what you have a reason for.
///
/// ```
/// use countersign::{Policy, Bounded, account::{Class, Throttle}};
///
/// struct Stricter;
///
/// impl Policy for Stricter {
///     fn throttle(&self, _: Class) -> Throttle {
///         Throttle { closed_at: Bounded::of::<20>(), ..Throttle::RECOMMENDED }
///     }
/// }
/// ```
pub trait Policy: Send + Sync {
    /// What a new TOTP device computes. SHA-1, six digits, thirty seconds: what every app can.
    fn parameters(&self) -> Parameters {
        Parameters::default()
    }

    /// Which steps are tried at sign-in (RFC 6238 section 5.2). One back, one forward.
    fn window(&self) -> Window {
        Window::ONE_EACH_WAY
    }

    /// Which counters are tried at sign-in (RFC 4226 section 7.4). Five.
    fn look_ahead(&self) -> LookAhead {
        LookAhead::of::<5>()
    }

    /// How many seconds each way two consecutive codes of a TOTP device are looked for, and how far
    /// its clock may be off at most. Ten minutes; never more than an hour, because two codes that were
    /// seen once are good for that long.
    fn clock_reach(&self) -> Bounded<0, 3600> {
        Bounded::of::<600>()
    }

    /// How many counters ahead two consecutive codes of an HOTP device are looked for. A thousand.
    fn counter_reach(&self) -> Reach {
        Reach::of::<1000>()
    }

    /// How many steps of drift are remembered at most (RFC 6238 section 6). Two.
    fn drift_limit(&self) -> Bounded<0, 2> {
        Bounded::of::<2>()
    }

    /// After how many seconds without use drift is forgotten. Thirty days.
    fn drift_memory(&self) -> Bounded<3600, 2_592_000> {
        Bounded::of::<2_592_000>()
    }

    /// The failures of one class (NIST SP 800-63B-4 section 3.2.2).
    fn throttle(&self, class: Class) -> Throttle {
        let _ = class; // the same for each
        Throttle::RECOMMENDED
    }

    /// Seconds in which a started enrolment can be confirmed (NIST SP 800-63B-4 section 4.1.2.2: at
    /// most ten minutes). Ten minutes.
    fn pending_lifetime(&self) -> Bounded<60, 600> {
        Bounded::of::<600>()
    }

    /// How many wrong codes end a pending enrolment. Five: its secret was just shown to the person who
    /// proved another factor, so it waits for no class.
    fn pending_tries(&self) -> Bounded<1, 10> {
        Bounded::of::<5>()
    }

    /// How many recovery codes are issued. Ten.
    fn recovery_codes(&self) -> Bounded<1, 16> {
        Bounded::of::<10>()
    }

    /// How many digits a sent code has. Six.
    fn challenge_digits(&self) -> Digits {
        Digits::Six
    }

    /// Seconds for which a sent code is valid (NIST SP 800-63B-4 section 3.1.3.2: at most ten
    /// minutes). Five minutes.
    fn challenge_lifetime(&self) -> Bounded<60, 600> {
        Bounded::of::<300>()
    }

    /// How many wrong answers end a sent code. Five.
    fn challenge_tries(&self) -> Bounded<1, 10> {
        Bounded::of::<5>()
    }

    /// Seconds within which asking for a code again sends nothing and returns the one that waits:
    /// sending costs money and the person's patience (ASVS 2.4.1). Thirty.
    fn challenge_interval(&self) -> Bounded<10, 600> {
        Bounded::of::<30>()
    }

    /// How many seconds old a proof may be when it is used to change something (ASVS 7.5.1). Five
    /// minutes.
    fn proof_age(&self, purpose: &AnyPurpose) -> Bounded<1, 3600> {
        let _ = purpose; // the same for each
        Bounded::of::<300>()
    }

    /// Who may bind a person's first factor. Any who know the password, as [`FirstEnrolment::Open`].
    fn first_enrolment(&self) -> FirstEnrolment {
        FirstEnrolment::Open
    }

    /// Seconds for which a long enrolment pass can be entered; a short one has ten minutes. One day.
    fn pass_lifetime(&self) -> Bounded<600, 259_200> {
        Bounded::of::<86_400>()
    }

    /// For how many seconds a browser of this person may be trusted; `None` never. Off. Asked again at
    /// every visit, so a person who becomes an administrator is asked for a code at once. NIST SP
    /// 800-63B-4 section 2.1.3: at most thirty days.
    fn trusted_browsers(&self, of: &AccountId) -> Option<Bounded<3600, 2_592_000>> {
        let _ = of; // nobody's
        None
    }

    /// Seconds for which a long emergency pass can be entered at most (45 CFR 164.312(a)(2)(ii)); a short
    /// one has ten minutes. Four hours.
    fn emergency_lifetime(&self) -> Bounded<60, 86_400> {
        Bounded::of::<14_400>()
    }
}

/// Who may bind a person's first factor. An account that was ever bound, invited, reset or given up is
/// never opened by the password alone.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (_, store, mut rng, now) = host::new()?;
/// # let id = countersign::AccountId::new("42")?;
/// # let keys = Keyring::new("acme", countersign::account::SealingKey::parse(host::KEY)?)?;
/// use countersign::{account::FirstEnrolment, Keyring, Mfa, Policy};
/// struct Invited;
/// impl Policy for Invited {
///     fn first_enrolment(&self) -> FirstEnrolment {
///         FirstEnrolment::Invited
///     }
/// }
/// // The accounts existed before the go-live, and some of their passwords leaked.
/// let mfa = Mfa::with_policy(keys, Invited)?;
/// let refused = mfa.account(&id).at(now).enrol("Phone", &mut rng).run(&store);
/// assert!(refused.is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FirstEnrolment {
    /// The password is enough for an account that never had a record: for people who sign up. The
    /// factor is marked ([`DeviceSummary::bound_openly`](crate::account::DeviceSummary::bound_openly)).
    #[default]
    Open,
    /// An operator's [`invite`](crate::mfa::AccountAt::invite) is needed: for accounts that are older than
    /// the go-live, and for every operator.
    Invited,
}

/// Numbers under which one failure would weigh more than thirty days may hold.
/// ```
/// use countersign::{account::PolicyError, Mfa, Policy, Window};
/// # use countersign::{account::SealingKey, Keyring};
/// # let key = "b19c7a3f5e02d84466ab0f9e31c7d5288e4f6d7023b9a1cc05f87e9b1d3a6240";
/// # let keys = Keyring::new("acme", SealingKey::parse(key)?)?;
/// struct Wide;
/// impl Policy for Wide {
///     fn window(&self) -> Window {
///         Window::new(10, 10).expect("21 steps")
///     }
/// }
/// // With five apps 210 codes would be right at once.
/// let refused = Mfa::with_policy(keys, Wide).err();
/// assert_eq!(refused, Some(PolicyError { weight: 70, limit: 50 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PolicyError {
    /// What one failure would weigh with as many devices as a person may have.
    pub weight: u64,
    /// What the failures of thirty days may weigh.
    pub limit: u64,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PolicyError { weight, limit } = self;
        write!(f, "one failure would weigh {weight}, over the {limit} of thirty days")
    }
}

impl core::error::Error for PolicyError {}

/// Refuses a policy under which a failure could not be counted.
pub(crate) fn accept(policy: &dyn Policy) -> Result<(), PolicyError> {
    let of_totp = policy.window().steps().saturating_mul(2); // around our clock and the device's
    let of_one = of_totp.max(policy.look_ahead().as_u32());
    let acceptable = of_one.saturating_mul(MAX_OTP_DEVICES as u32);
    let weight = u64::from(acceptable.div_ceil(3));
    let limit = policy.throttle(Class::Codes).per_thirty_days.as_u64();
    if weight > limit { Err(PolicyError { weight, limit }) } else { Ok(()) }
}

/// The recommended numbers, all of them.
/// ```
/// use countersign::{Policy, Recommended};
/// // What the page of the recovery codes says of them.
/// let text = format!("You have {} codes.", Recommended.recovery_codes().as_u64());
/// assert_eq!(text, "You have 10 codes.");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Recommended;

impl Policy for Recommended {}
