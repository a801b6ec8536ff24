//! Passes: what an operator hands to a person outside the session, so that help is never the absence of a
//! factor.
//!
//! Standard: NIST SP 800-63B-4 sections 3.2.2 (at most 100 failures) and 4.1.2.1 (binding needs
//! authentication), ASVS 6.4.1 (random, short-lived, used once) and 6.4.4, 45 CFR 164.312(a)(2)(ii).
//!
//! A long pass is made like a recovery code: a failure counts on the pass that it names, so an attacker
//! who knows no name cannot close it. A short one is read over the telephone; an attacker can close it,
//! and the operator is told. Both are kept as a MAC under a key that only the sealed record holds.

use alloc::{boxed::Box, string::String};

use rand::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::account::challenge::{Message, SentCode};
use crate::account::event::{EventKind, PassEnd};
use crate::account::id::AccountId;
use crate::account::recovery::{CHARACTERS, RecoveryCode};
use crate::account::summary::PassKind;
use crate::ct::reveal;
use crate::time::UnixTime;

/// How long a pass is, and so how it reaches the person.
/// ```
/// use countersign::account::PassLength;
/// // Read out by the help desk, or printed and handed over.
/// fn length(on_the_telephone: bool) -> PassLength {
///     if on_the_telephone { PassLength::Short } else { PassLength::Long }
/// }
/// assert_eq!(length(false), PassLength::Long);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PassLength {
    /// 28 characters. No stranger can use up its tries.
    Long,
    /// 8 characters, for ten minutes and twenty tries, which a stranger with the password can use up.
    Short,
}

/// Bytes that a short pass fills: 40 bits.
const SHORT_LEN: usize = 5;
const SHORT_CHARACTERS: usize = 8;
const SHORT_SECS: u64 = 600;

/// A pass, on its way to the person by way of the operator. It exists once: the account keeps a MAC.
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/host.rs")); }
/// # let (mfa, store, mut rng, now) = host::new()?;
/// # let (operator, lee) = host::person(&mfa, &store, &mut rng, "7", now)?;
/// # let dana = mfa.account(&countersign::AccountId::new("42")?).at(now);
/// use countersign::account::PassLength;
/// # use countersign::ActForOther;
/// # let verdict = mfa.account(&operator).at(now).verify(&lee.code(now), ActForOther).run(&store);
/// # let proof = verdict.accepted().ok_or("wrong code")?;
/// # let lee = countersign::account::Operator::checked_by_host(proof, "role help-desk");
/// // Shown to the operator once, who prints it for the person.
/// let pass = dana.invite(lee, PassLength::Long, "starts on Monday", &mut rng).run(&store)?;
/// assert_eq!(pass.expose_text().len(), 34); // seven groups of four
/// assert_eq!(pass.until(), now.plus(86_400));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "the pass is shown now or never"]
pub struct Pass {
    code: Box<RecoveryCode>,
    length: PassLength,
    until: UnixTime,
}

impl Pass {
    /// The pass as a person reads it, `XXXX-XXXX`, or seven such groups. Exposes the secret: show it to the
    /// operator once, never log it.
    #[must_use]
    pub fn expose_text(&self) -> Zeroizing<String> {
        self.code.expose(self.length.characters())
    }

    /// Until when it can be entered.
    pub const fn until(&self) -> UnixTime {
        self.until
    }
}

impl PassLength {
    const fn characters(self) -> usize {
        match self {
            PassLength::Long => CHARACTERS,
            PassLength::Short => SHORT_CHARACTERS,
        }
    }
}

/// What a person typed for a pass.
pub(crate) struct TypedPass {
    code: RecoveryCode,
    length: PassLength,
}

impl TypedPass {
    pub(crate) fn parse(text: &str) -> Option<TypedPass> {
        let mut typed = TypedPass { code: RecoveryCode::blank(), length: PassLength::Long };
        typed.length = match typed.code.read(text)? {
            CHARACTERS => PassLength::Long,
            SHORT_CHARACTERS => PassLength::Short,
            _ => return None,
        };
        Some(typed)
    }

    fn message(&self) -> Message<'_> {
        message(&self.code, self.length)
    }
}

fn message(code: &RecoveryCode, length: PassLength) -> Message<'_> {
    let length: &[u8] = match length {
        PassLength::Long => b"long",
        PassLength::Short => b"short",
    };
    [b"countersign pass 1", length, code.expose_bytes()]
}

/// The random part of a pass, drawn before the decision that may issue it.
pub(crate) struct PassSeed {
    code: RecoveryCode,
    length: PassLength,
    key: [u8; 32],
}

impl PassSeed {
    pub(crate) fn generate(length: PassLength, rng: &mut impl CryptoRng) -> Box<PassSeed> {
        let mut seed = Box::new(PassSeed { code: RecoveryCode::blank(), length, key: [0; 32] });
        let bytes = match length {
            PassLength::Long => seed.code.expose_bytes().len(),
            PassLength::Short => SHORT_LEN,
        };
        seed.code.fill(bytes, rng);
        rng.fill_bytes(&mut seed.key);
        seed
    }

    /// The pass, and what the account keeps of it, for `secs` seconds at most.
    pub(crate) fn issue(
        &self,
        kind: PassKind,
        operator: AccountId,
        at: UnixTime,
        secs: u64,
    ) -> (Pass, StoredPass) {
        let (secs, name) = match self.length {
            PassLength::Long => (secs, Some(self.code.name())),
            PassLength::Short => (secs.min(SHORT_SECS), None),
        };
        let mut sealed = SentCode::blank();
        sealed.key.copy_from_slice(&self.key);
        sealed.write_mac(message(&self.code, self.length));
        let pass = Pass { code: self.code.duplicate(), length: self.length, until: at.plus(secs) };
        let (tries, is_over) = (0, false);
        let stored = StoredPass { kind, at, secs, name, tries, is_over, operator, sealed };
        (pass, stored)
    }
}

impl Drop for PassSeed {
    fn drop(&mut self) {
        let PassSeed { code: _, length: _, key } = self; // a code wipes itself
        key.zeroize();
    }
}

/// What an account keeps of a pass.
pub(crate) struct StoredPass {
    pub(crate) kind: PassKind,
    pub(crate) at: UnixTime,
    pub(crate) secs: u64,
    /// `None` for a short pass, on which every failure counts.
    pub(crate) name: Option<u32>,
    /// Failures, and how often it was entered: nothing that its owner repeats may keep a revocation from
    /// being stored.
    pub(crate) tries: u8,
    /// The trail says that it ended.
    pub(crate) is_over: bool,
    pub(crate) operator: AccountId,
    pub(crate) sealed: Box<SentCode>,
}

impl StoredPass {
    pub(crate) fn until(&self) -> UnixTime {
        self.at.plus(self.secs)
    }

    pub(crate) fn lasts(&self, now: UnixTime) -> bool {
        self.at.lasts(self.secs, now)
    }

    /// Tries that close a pass (NIST SP 800-63B-4 section 3.2.2).
    const fn closed_at(&self) -> u8 {
        if self.name.is_some() { 100 } else { 20 }
    }

    /// Whether it can be entered.
    pub(crate) fn is_open(&self, now: UnixTime) -> bool {
        self.lasts(now) && self.tries < self.closed_at()
    }

    /// Whether `typed` is this pass. Constant-time, and the same work where there is none.
    pub(crate) fn is(stored: Option<&StoredPass>, typed: &TypedPass) -> bool {
        let dummy = SentCode::blank();
        let is = stored.map_or(&dummy, |stored| &stored.sealed).is_of(typed.message());
        is && stored.is_some()
    }

    /// Whether a failure with `typed` counts on it.
    pub(crate) fn is_named(&self, typed: &TypedPass) -> bool {
        match (self.name, typed.length) {
            (Some(name), PassLength::Long) => reveal(name.ct_eq(&typed.code.name())),
            (None, PassLength::Short) => true,
            _ => false,
        }
    }

    /// Counts a try; returns the event if it was the last one.
    pub(crate) fn count(&mut self, now: UnixTime) -> Option<EventKind> {
        self.tries = self.tries.saturating_add(1);
        let is_closed = self.tries >= self.closed_at();
        if is_closed { self.end(PassEnd::TriesUsedUp, now) } else { None }
    }

    /// Notes that it ended; returns the event, once.
    pub(crate) fn end(&mut self, why: PassEnd, now: UnixTime) -> Option<EventKind> {
        if core::mem::replace(&mut self.is_over, true) {
            return None;
        }
        let why = if self.until() < now { PassEnd::Expired } else { why };
        Some(EventKind::PassEnded { pass: self.kind, why, operator: self.operator })
    }
}
