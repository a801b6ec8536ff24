//! The answers of operations: the verdict on an attempt, the result of a change, and the fault that
//! kept either from being decided.
//!
//! Standard: NIST SP 800-63B-4 section 3.2.2 (failures), ASVS 6.3.8 (same words for an unknown
//! account).
//!
//! "Decided no" is a value, "could not decide" is a fault. A wrong code is never an `Err`, which would
//! make the host's transaction roll back, and the counted failure with it (CVE-2026-35597).

use core::convert::Infallible;
use core::fmt;
use core::ops::Deref;

use crate::account::{RecordError, RecordName, Refusal, SealError};
use crate::text::TextError;
use crate::time::UnixTime;

/// The answer to an attempt. [`Attempt::run`](crate::mfa::Attempt::run) gives it with a [`Fault`] as
/// one of its words; [`Verdict::decided`] takes the fault out.
///
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, _, now) = host::new()?;
/// use countersign::{AccountId, SignIn, Verdict};
/// let id = AccountId::new("7")?;
/// match mfa.account(&id).at(now).verify("123456", SignIn).run(&store) {
///     Verdict::Accepted(proof) => println!("open a session with {proof:?}"),
///     Verdict::Wait { until } => println!("try again after {until:?}"),
///     Verdict::Undecided(fault) => println!("unavailable: {fault}"),
///     _ => println!("wrong code"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A verdict is no `Result` and no `bool`, and it cannot be ignored (CVE-2026-0723):
///
/// ```compile_fail,E0599
/// # use countersign::{mfa::Attempt, MemoryStore, Proof, SignIn};
/// fn sign_in(attempt: &Attempt<'_, Proof<SignIn>>, store: &MemoryStore) -> bool {
///     attempt.run(store).is_ok()
/// }
/// ```
/// ```compile_fail,E0277
/// # use countersign::{mfa::Attempt, MemoryStore, Proof, SignIn};
/// fn sign_in(attempt: &Attempt<'_, Proof<SignIn>>, store: &MemoryStore) -> Option<()> {
///     attempt.run(store)?;
///     Some(())
/// }
/// ```
/// ```compile_fail
/// #![deny(unused_must_use)]
/// # use countersign::{mfa::Attempt, MemoryStore, Proof, SignIn};
/// fn sign_in(attempt: &Attempt<'_, Proof<SignIn>>, store: &MemoryStore) {
///     attempt.run(store);
/// }
/// ```
#[must_use = "anything but Accepted is a no"]
#[derive(Debug)]
#[allow(missing_docs)] // a variant says what its fields are
pub enum Verdict<T, F = Infallible> {
    /// The code was right, is used up, and that is committed.
    Accepted(T),
    /// The code was not accepted: wrong, used, unknown account, no device. Only the audit event tells
    /// which. `tries_left`: further attempts before the account has to wait.
    Rejected { tries_left: u8 },
    /// Nothing was evaluated, and nothing will be before `until`. The answer is the same for every code.
    Wait { until: UnixTime },
    /// Too many failures in a row: codes of this kind are closed to unknown browsers, or after a hundred
    /// to every browser, and time does not open them. A success from a remembered browser does, or
    /// [`unlock`](crate::mfa::AccountAt::unlock), or a new device.
    Closed,
    /// The enrolment or sent code that the attempt names has expired or is gone: start again.
    /// Never the answer to [`AccountAt::verify`](crate::mfa::AccountAt::verify).
    Expired,
    /// Not a code at all: nothing was evaluated and nothing was counted.
    Malformed,
    /// The factor may not prove this purpose: nothing was counted.
    Refused,
    /// The enrolment was confirmed a moment ago by this very code, a form sent twice say: the device is
    /// bound. Neither a proof nor recovery codes. Only the answer to
    /// [`confirm`](crate::mfa::AccountAt::confirm).
    AlreadyConfirmed,
    /// The attempt could not be decided: nothing was accepted.
    Undecided(F),
}

impl<T, F> Verdict<T, F> {
    /// Returns the verdict without its fault, so that `?` can be used.
    ///
    /// # Errors
    /// The fault of [`Verdict::Undecided`].
    pub fn decided(self) -> Result<Verdict<T>, F> {
        self.convert(|accepted| accepted, Err)
    }

    /// Returns what was accepted, and `None` for every other verdict.
    #[must_use]
    pub fn accepted(self) -> Option<T> {
        match self {
            Verdict::Accepted(accepted) => Some(accepted),
            _ => None,
        }
    }

    /// The same verdict with another thing accepted, and another fault or an error in place of it.
    fn convert<U, G, E>(
        self,
        accept: impl FnOnce(T) -> U,
        fault: impl FnOnce(F) -> Result<G, E>,
    ) -> Result<Verdict<U, G>, E> {
        Ok(match self {
            Verdict::Accepted(accepted) => Verdict::Accepted(accept(accepted)),
            Verdict::Rejected { tries_left } => Verdict::Rejected { tries_left },
            Verdict::Wait { until } => Verdict::Wait { until },
            Verdict::Closed => Verdict::Closed,
            Verdict::Expired => Verdict::Expired,
            Verdict::Malformed => Verdict::Malformed,
            Verdict::Refused => Verdict::Refused,
            Verdict::AlreadyConfirmed => Verdict::AlreadyConfirmed,
            Verdict::Undecided(undecided) => Verdict::Undecided(fault(undecided)?),
        })
    }
}

impl<T> Verdict<T> {
    pub(crate) fn or_undecided<F>(verdict: Result<Verdict<T>, F>) -> Verdict<T, F> {
        match verdict {
            Ok(verdict) => verdict.map(|accepted| accepted),
            Err(fault) => Verdict::Undecided(fault),
        }
    }

    pub(crate) fn map<U, F>(self, accept: impl FnOnce(T) -> U) -> Verdict<U, F> {
        let Ok(verdict) = self.convert(accept, |never| -> Result<F, Infallible> { match never {} });
        verdict
    }
}

/// A change that is done and committed.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::ChangeFactors;
/// let verdict = dana.verify(&phone.code(now), ChangeFactors).run(&store);
/// let proof = verdict.accepted().ok_or("wrong code")?;
/// // The session that made the change lives on with the new epoch; the others end.
/// let changed = dana.regenerate_recovery_codes(proof, &mut rng).run(&store)?;
/// let (epoch, codes) = (changed.epoch(), changed.into_inner());
/// assert_eq!((dana.summary().run(&store)?.map(|now| now.epoch), codes.len()), (Some(epoch), 10));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Changed<T = ()> {
    pub(crate) value: T,
    pub(crate) epoch: u32,
}

impl<T> Changed<T> {
    /// The account's epoch after the change. End the sessions with a lower one, and keep the session
    /// that made the change by giving it this epoch.
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Takes out what the change gave.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for Changed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A change that did not happen. `A` is the proof that it was given, if it needed one.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{mfa::NotDone, ChangeFactors};
/// let verdict = dana.verify(&phone.code(now), ChangeFactors).run(&store);
/// let proof = verdict.accepted().ok_or("wrong code")?;
/// // A refusal says why, and the proof serves another change.
/// match dana.revoke(phone.device, proof).run(&store) {
///     Err(NotDone::Refused { proof, .. }) => assert!(proof.is_some()),
///     other => panic!("the last factor: {other:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(missing_docs)] // a variant says what its fields are
pub enum NotDone<E, A = Infallible> {
    /// It was decided against, and nothing was written: why, and the unused proof, which serves
    /// another change; `None` if the change took no proof.
    Refused { refusal: Refusal, proof: Option<A> },
    /// It could not be decided. Running the same change again is safe.
    Undecided(Fault<E>),
}

impl<E, A> NotDone<E, A> {
    /// Returns why the change was refused; `None` if it could not be decided.
    pub const fn refusal(&self) -> Option<Refusal> {
        match self {
            NotDone::Refused { refusal, .. } => Some(*refusal),
            NotDone::Undecided(_) => None,
        }
    }

    /// Takes the unused proof back from a refused change.
    #[must_use]
    pub fn into_proof(self) -> Option<A> {
        match self {
            NotDone::Refused { proof, .. } => proof,
            NotDone::Undecided(_) => None,
        }
    }
}

impl<E: fmt::Display, A> fmt::Display for NotDone<E, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotDone::Refused { refusal, .. } => write!(f, "the change was refused: {refusal}"),
            NotDone::Undecided(fault) => fault.fmt(f),
        }
    }
}

impl<E, A> core::error::Error for NotDone<E, A>
where
    E: core::error::Error + 'static,
    A: fmt::Debug,
{
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            NotDone::Refused { refusal, .. } => Some(refusal),
            NotDone::Undecided(fault) => fault.source(),
        }
    }
}

/// Why an operation could not be decided. Nothing was accepted. Unless the store failed in the middle
/// of a write, nothing was written.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{mfa::Fault, SignIn, UnixTime, Verdict};
/// // A clock in milliseconds: the page says "unavailable", and the log says why.
/// let dana = mfa.account(&id).at(UnixTime::from_secs(now.as_secs() * 1000));
/// let verdict = dana.verify(&phone.code(now), SignIn).run(&store);
/// assert!(matches!(verdict, Verdict::Undecided(Fault::ClockImplausible(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs)] // a variant says what its fields are
pub enum Fault<E> {
    /// The clock is before 2020 or after 2200.
    ClockImplausible(UnixTime),
    /// Too many races lost in a row on this account: try again later.
    Contended,
    /// The stored record does not open, or not as one that the host may believe: why, and which it is,
    /// `None` if none was loaded. It was not overwritten. What does not open for good can be
    /// [given up](crate::mfa::AccountAt::abandon).
    Record { error: RecordError, record: Option<RecordName> },
    /// The store failed. Whether it wrote may be unknown.
    Store(E),
    /// A label or a reason is not a text of the allowed length and characters.
    Text(TextError),
}

impl Fault<Infallible> {
    pub(crate) fn lift<E>(self) -> Fault<E> {
        match self {
            Fault::ClockImplausible(now) => Fault::ClockImplausible(now),
            Fault::Contended => Fault::Contended,
            Fault::Record { error, record } => Fault::Record { error, record },
            Fault::Store(never) => match never {},
            Fault::Text(error) => Fault::Text(error),
        }
    }
}

impl<E> From<SealError> for Fault<E> {
    /// Of what is sealed beside the record, or before it is loaded.
    fn from(error: SealError) -> Fault<E> {
        Fault::Record { error: error.into(), record: None }
    }
}

impl<E> From<TextError> for Fault<E> {
    fn from(error: TextError) -> Fault<E> {
        Fault::Text(error)
    }
}

impl<E: fmt::Display> fmt::Display for Fault<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::ClockImplausible(now) => {
                write!(f, "the clock says {} (Unix time), not from 2020 to 2200", now.as_secs())
            }
            Fault::Contended => f.write_str("too many attempts at once on this account"),
            Fault::Record { error, record: Some(record) } => write!(f, "{error} ({record})"),
            Fault::Record { error, record: None } => error.fmt(f),
            Fault::Store(error) => write!(f, "the store failed: {error}"),
            Fault::Text(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for Fault<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Fault::ClockImplausible(_) | Fault::Contended => None,
            Fault::Record { error, .. } => Some(error),
            Fault::Store(error) => Some(error),
            Fault::Text(error) => Some(error),
        }
    }
}
