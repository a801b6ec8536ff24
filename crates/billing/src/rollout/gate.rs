//! The gate: who may enter which system today, and what has to be proved there.
//!
//! Standard: 45 CFR 164.312(d) (the one who seeks access is the one claimed).

use super::*;

/// What the gate says at the moment for which it was asked. Ask again at the next one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "the answer is the point"]
pub enum GateAnswer {
    /// The person may enter with a proof by one of these methods, and with nothing less: the
    /// password alone is not enough, and the code is still to be verified.
    Allow(Methods),
    /// The person may enter for now.
    AllowUntil {
        /// The first moment at which this is over.
        until: UnixTime,
        /// Why.
        why: AllowReason,
    },
    /// The person may not enter and must first enrol one of these methods.
    Need(Methods),
    /// The person may not enter.
    Deny(DenyReason),
}

impl GateAnswer {
    /// Whether a session may open now with this proof, which the host then uses up. This is the one
    /// question to ask; a match on [`GateAnswer::Allow`] alone is not an answer, and neither is a method
    /// that the person merely has.
    ///
    /// The proof is of this person's account: the host compares [`Proof::account`]. A proof by a trusted
    /// browser or an emergency pass is reduced assurance. The first never admits an administrator of several
    /// clients. The second admits whoever is not denied: its sign-in used the pass up, so the proof is all
    /// that is left of it.
    ///
    /// ```compile_fail,E0308
    /// use countersign::Summary;
    /// use countersign_billing::rollout::GateAnswer;
    /// fn enter(gate: GateAnswer, summary: &Summary) -> bool {
    ///     gate.admits(summary.strongest()) // nothing was proved
    /// }
    /// ```
    #[must_use]
    pub fn admits(self, proof: &Proof<SignIn>) -> bool {
        let by_pass = proof.method() == Method::Emergency;
        match self {
            GateAnswer::Allow(by) => by_pass || by.contains(proof.method()),
            GateAnswer::AllowUntil { .. } => by_pass || self.admits_password_alone(),
            GateAnswer::Need(_) => by_pass,
            GateAnswer::Deny(_) => false,
        }
    }

    /// Whether the practice asks this person for no factor yet, before the go-live date or in a grace: the
    /// one case in which there is no proof.
    #[must_use]
    pub fn admits_password_alone(self) -> bool {
        matches!(self, GateAnswer::AllowUntil { why: AllowReason::GoLive | AllowReason::Grace, .. })
    }
}

/// Why somebody may enter for now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AllowReason {
    /// An operator granted emergency access (45 CFR 164.312(a)(2)(ii)).
    Emergency,
    /// The go-live date has not come.
    GoLive,
    /// The go-live date is past and this person has a grace.
    Grace,
}

/// Why somebody may not enter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DenyReason {
    /// Their employment is over.
    EmploymentOver,
    /// The clock is broken or in another unit.
    ImplausibleTime,
    /// They have no login on this system.
    NoLogin,
    /// The system is somebody else's: what goes on there is recorded, not decided.
    NotEnforcedHere,
    /// Their first day has not come.
    NotYetEmployed,
    /// Their account was offboarded.
    Offboarded,
    /// Their login is shared.
    SharedLogin,
    /// Nobody of this name.
    UnknownPerson,
    /// No system of this name.
    UnknownSystem,
}

impl fmt::Display for DenyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DenyReason::EmploymentOver => "the employment is over",
            DenyReason::ImplausibleTime => "the clock is not plausible",
            DenyReason::NoLogin => "no login on this system",
            DenyReason::NotEnforcedHere => "the system is not enforced here",
            DenyReason::NotYetEmployed => "the first day has not come",
            DenyReason::Offboarded => "the account was offboarded",
            DenyReason::SharedLogin => "the login is shared",
            DenyReason::UnknownPerson => "unknown person",
            DenyReason::UnknownSystem => "unknown system",
        })
    }
}
