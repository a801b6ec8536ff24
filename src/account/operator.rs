//! Who allows a change: the person with a proof, an operator with a proof and the host's word, or the
//! host's word alone.
//!
//! Standard: ASVS 7.5.1 (a fresh factor before factors change), 8.2.1 (the host's access control).
//!
//! Knows no roles: which account is an operator's, the host says with a word that can be searched for.

use alloc::boxed::Box;

use crate::account::carried::CarriedProof;
use crate::account::id::AccountId;
use crate::account::proof::{ActForOther, ChangeFactors, Proof, Proven, Purpose};
use crate::account::seal::SealError;
use crate::text::Text;

/// An operator who acts for another person: a proof of the operator's own, and the host's word that the
/// operator may. The library knows no roles, so only the host can say it. No `Clone`.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// # let (operator, lee) = host::person(&mfa, &store, &mut rng, "7", now)?;
/// use countersign::{account::Operator, ActForOther};
/// let verdict = mfa.account(&operator).at(now).verify(&lee.code(now), ActForOther).run(&store);
/// let proof = verdict.accepted().ok_or("wrong code")?;
/// // After the host has looked up what Lee may do.
/// let lee = Operator::checked_by_host(proof, "role help-desk");
/// dana.report_lost(phone.device, lee).run(&store)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "an operator is passed on to the change"]
pub struct Operator {
    proof: Result<Proof<ActForOther>, CarriedProof>,
    word: Option<Text<128>>,
}

impl Operator {
    /// The host has checked that the account of the proof may act for others. The author of this line
    /// answers for it: without the check a clerk can reset the owner of the practice.
    ///
    /// `word` says on what ground, for the events: a role, a ticket. It loses invisible characters and is
    /// cut to 128 bytes.
    pub fn checked_by_host(proof: Proof<ActForOther>, word: &str) -> Operator {
        Operator { proof: Ok(proof), word: Text::cleaned(word) }
    }

    /// As [`Operator::checked_by_host`], for a proof that the request before made
    /// ([`AccountAt::carry_for_other`](crate::mfa::AccountAt::carry_for_other)). The host checks again: the
    /// right may have been taken away in between.
    pub fn carried_checked_by_host(carried: CarriedProof, word: &str) -> Operator {
        Operator { proof: Err(carried), word: Text::cleaned(word) }
    }
}

/// The host's word without a proof, on which an account is offboarded: it can only deny.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::account::HostsWord;
/// // The personnel system's list of leavers.
/// dana.offboard(HostsWord::Process, "contract ended").run(&store)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum HostsWord {
    /// A person, as the host says: nothing was proved to this library.
    Person(AccountId),
    /// The host's own process, such as a migration or the personnel system.
    Process,
}

/// Allows a change of factors: the person's proof for it, fresh or carried, or an [`Operator`]. Sealed.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::mfa::{AccountAt, Change};
/// use countersign::{account::MayChangeFactors, ChangeFactors, DeviceId};
/// // One function of the host, for the person's own page and for the help desk's.
/// fn remove<A: MayChangeFactors>(of: AccountAt<'_>, id: DeviceId, by: A) -> Change<'_, (), A> {
///     of.revoke(id, by).from_source("the page of devices")
/// }
/// # let verdict = dana.verify(&phone.code(now), ChangeFactors).run(&store);
/// # let proof = verdict.accepted().ok_or("wrong code")?;
/// assert!(remove(dana, phone.device, proof).run(&store).is_err()); // it is the last factor
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait MayChangeFactors: MayReportLost {}

/// Allows a person to change factors of their own: a proof for it, fresh or carried. Sealed.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::account::{MayChangeOwnFactors, RecoveryCodes};
/// use countersign::{mfa::{AccountAt, Change}, ChangeFactors, OsRandom};
/// // One function of the host, for a page that asks for the code and for one that comes after it.
/// fn renew<A: MayChangeOwnFactors>(of: AccountAt<'_>, proof: A) -> Change<'_, RecoveryCodes, A> {
///     of.regenerate_recovery_codes(proof, &mut OsRandom::new().expect("randomness"))
/// }
/// # let verdict = dana.verify(&phone.code(now), ChangeFactors).run(&store);
/// # let proof = verdict.accepted().ok_or("wrong code")?;
/// assert_eq!(renew(dana, proof).run(&store)?.len(), 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait MayChangeOwnFactors: MayChangeFactors {}

/// Allows to report a device lost: the person's proof for any purpose, or an [`Operator`]. Sealed.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::{account::MayReportLost, mfa::AccountAt, DeviceId, SignIn};
/// // The button "I lost it", behind whatever the person just proved.
/// fn lost<A: MayReportLost>(of: AccountAt<'_>, id: DeviceId, by: A) -> countersign::mfa::Change<'_, (), A> {
///     of.report_lost(id, by).from_source("the sign-in page")
/// }
/// let verdict = dana.recover(&phone.recovery_codes[0], SignIn).run(&store);
/// lost(dana, phone.device, verdict.accepted().ok_or("wrong code")?).run(&store)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait MayReportLost: Shows {}

/// Allows the end of an account: an [`Operator`], or the [`HostsWord`]. Sealed.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (id, phone) = host::person(&mfa, &store, &mut rng, "42", now)?;
/// # let dana = mfa.account(&id).at(now);
/// use countersign::account::{HostsWord, MayOffboard};
/// use countersign::mfa::{AccountAt, Change};
/// // One function of the host, for the personnel feed and for an administrator.
/// fn end<A: MayOffboard>(of: AccountAt<'_>, by: A) -> Change<'_, (), A> {
///     of.offboard(by, "employment ended")
/// }
/// end(dana, HostsWord::Process).run(&store)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait MayOffboard: Shows {}

impl MayChangeFactors for CarriedProof {}
impl MayChangeFactors for Operator {}
impl MayChangeFactors for Proof<ChangeFactors> {}
impl MayChangeOwnFactors for CarriedProof {}
impl MayChangeOwnFactors for Proof<ChangeFactors> {}
impl MayReportLost for CarriedProof {}
impl MayReportLost for Operator {}
impl<P: Purpose> MayReportLost for Proof<P> {}
impl MayOffboard for HostsWord {}
impl MayOffboard for Operator {}

/// Not exported: no type beyond this file allows a change.
pub trait Shows {
    fn shown(&self, open: Open<'_>) -> Shown;
}

/// Opens a carried proof for the change at hand: the person's own, or, if told so, an operator's.
pub type Open<'o> = &'o dyn Fn(&CarriedProof, bool) -> Result<Box<Proven>, SealError>;

/// What was shown with a change, to be judged when it is decided.
#[derive(Clone, Debug)]
pub enum Shown {
    Host(HostsWord),
    Operator(Box<Proven>, Option<Text<128>>),
    Subject(Box<Proven>),
    /// A carried proof that did not open.
    Unopened(SealError),
}

impl Shown {
    pub(crate) fn proven(&self) -> Option<&Proven> {
        match self {
            Shown::Host(_) | Shown::Unopened(_) => None,
            Shown::Operator(proven, _) | Shown::Subject(proven) => Some(proven),
        }
    }

    pub(crate) const fn unopened(&self) -> Option<SealError> {
        if let Shown::Unopened(error) = self { Some(*error) } else { None }
    }
}

impl Shows for CarriedProof {
    fn shown(&self, open: Open<'_>) -> Shown {
        open(self, false).map_or_else(Shown::Unopened, Shown::Subject)
    }
}

impl Shows for HostsWord {
    fn shown(&self, _: Open<'_>) -> Shown {
        Shown::Host(*self)
    }
}

impl Shows for Operator {
    fn shown(&self, open: Open<'_>) -> Shown {
        let proven = match &self.proof {
            Ok(proof) => Ok(proof.proven.clone()),
            Err(carried) => open(carried, true),
        };
        proven.map_or_else(Shown::Unopened, |proven| Shown::Operator(proven, self.word.clone()))
    }
}

impl<P: Purpose> Shows for Proof<P> {
    fn shown(&self, _: Open<'_>) -> Shown {
        Shown::Subject(self.proven.clone())
    }
}
