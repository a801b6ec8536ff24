//! The truth tables, whole: which method serves which purpose, which proof allows which change, how
//! every operation moves a device from state to state, when a factor is the last one, and what a
//! recovery is worth. Through real operations over a store; a row that is missing does not compile
//! or does not pass.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::arithmetic_side_effects, missing_docs)]

use crate::common::acting;
use crate::common::*;
use crate::throttle::{UNKNOWN_RECOVERY_CODE, close};
use countersign::account::{
    AnyPurpose, Assertion, DeviceStatus, ExistingDevice, PhoneNumber, Refusal, RejectionReason,
    Text, permits,
};
use countersign::mfa::{Change, Entered, ExternalMethod, NotDone, RestrictedNotice};
use countersign::{
    AccountId, ActForOther, Algorithm, ChangeFactors, DeviceId, Digits, Method, Proof, Purpose,
    Secret, SignIn, Verdict,
};

// Methods and purposes.

/// Who tries: a person with this method, and with nothing stronger.
struct Holder {
    practice: Practice,
    person: Person,
    device: Option<DeviceId>,
    token: Option<Authenticator>,
}

fn token_of(byte: u8) -> ExistingDevice {
    let secret = Secret::from_bytes(&[byte; 20]).unwrap();
    let label = Text::new("Token").unwrap();
    ExistingDevice::hotp(label, secret, Algorithm::Sha1, Digits::Six, 0)
}

fn holder(method: Method) -> Holder {
    let practice = Practice::new();
    let id = account(1);
    let bare = |device: DeviceId, app: Authenticator, recovery_codes: Vec<String>| Person {
        id,
        device,
        app,
        recovery_codes,
    };
    match method {
        Method::Totp | Method::RecoveryCode => {
            let person = practice.person(1);
            let device = (method == Method::Totp).then_some(person.device);
            Holder { practice, person, device, token: None }
        }
        Method::Emergency | Method::Pass => {
            let (mut person, operator) = (practice.person(1), practice.person(2));
            let pass = match method {
                Method::Emergency => practice.emergency(&id, &operator, 14_400),
                _ => practice.reset(&id, &operator),
            };
            person.recovery_codes = vec![pass];
            Holder { practice, person, device: None, token: None }
        }
        Method::Hotp => {
            let (mut rng, now) = (practice.rng(), practice.now());
            let enrol = practice.mfa.account(&id).at(now).enrol_existing(token_of(0x5a), &mut rng);
            let pending = practice.run(enrol).unwrap();
            let (token, app) = (Authenticator::of(&pending), Authenticator::of(&pending));
            let bound = practice.confirm(&id, pending.id(), &token.at(0)).accepted().unwrap();
            let person = bare(bound.device(), app, recovery_codes(&bound));
            Holder { practice, person, device: Some(bound.device()), token: Some(token) }
        }
        Method::Passkey | Method::Pki => {
            let external = match method {
                Method::Pki => ExternalMethod::Pki,
                _ => ExternalMethod::Passkey,
            };
            let device = practice.external(&id, external, None);
            let person = bare(device, holder(Method::Totp).person.app, Vec::new());
            Holder { practice, person, device: Some(device), token: None }
        }
        Method::TrustedBrowser => panic!("no factor: see `trusted`"),
        Method::Sms => {
            let device = practice.phone(&id, "+15550100100", None);
            let person = bare(device, holder(Method::Totp).person.app, Vec::new());
            Holder { practice, person, device: Some(device), token: None }
        }
    }
}

/// Tries for a proof; `Err` is the refusal to begin.
fn attempt<P: Purpose>(
    holder: &Holder,
    method: Method,
    purpose: P,
) -> Result<Verdict<Proof<P>>, Refusal> {
    let Holder { practice, person, device, token } = holder;
    let id = &person.id;
    Ok(match method {
        Method::Totp => {
            let code = person.app.code(practice.now());
            practice.run(practice.at(id).verify(&code, purpose))
        }
        Method::Hotp => {
            let code = token.as_ref().unwrap().at(1);
            practice.run(practice.at(id).verify(&code, purpose))
        }
        Method::Passkey | Method::Pki => {
            let started = practice.start_external(id, purpose.clone());
            let verified = Assertion::verified_by_host(&started, device.unwrap());
            practice.settle(id, verified, purpose)
        }
        Method::Sms => {
            let sent = or_refusal(practice.challenge(id, purpose.clone()))?;
            let code = sent.to_send().unwrap().expose_str();
            practice.run(practice.at(id).verify_sent_code(sent.id(), code, purpose))
        }
        Method::RecoveryCode => {
            let code = &person.recovery_codes[0];
            practice.run(practice.at(id).recover(code, purpose))
        }
        Method::Emergency | Method::Pass => panic!("a pass is entered for no purpose"),
        Method::TrustedBrowser => panic!("it is for signing in, by its type"),
    })
}

/// Tries for a proof for a purpose from a table.
fn attempt_any(
    holder: &Holder,
    method: Method,
    purpose: &AnyPurpose,
) -> Result<Verdict<AnyProof>, Refusal> {
    let (id, codes) = (&holder.person.id, &holder.person.recovery_codes);
    if let Method::Emergency | Method::Pass = method {
        let entered = holder.practice.enter(id, &codes[0]);
        return Ok(accepted_as(entered, |entered| match entered {
            Entered::SignIn(proof) => AnyProof::SignIn(proof),
            Entered::Enrolment(proof) => AnyProof::ChangeFactors(proof),
        }));
    }
    Ok(for_any_purpose!(purpose, purpose => attempt(holder, method, purpose)?))
}

/// NIST SP 800-63B-4 sections 3.1.3.3 and 6.3, and the table in the documentation of `permits`.
#[test]
fn every_method_for_every_purpose() {
    // Sign in, a named action, change factors, change privileges, act for other.
    let table = |method| match method {
        Method::Totp | Method::Hotp | Method::Passkey | Method::Pki => [true; 5],
        Method::Sms | Method::RecoveryCode => [true, true, true, false, false],
        Method::Emergency => [true, false, false, false, false],
        Method::Pass => [false, false, true, false, false],
        Method::TrustedBrowser => [true, false, false, false, false],
    };
    for method in Method::ALL {
        for (purpose, expected) in purposes().iter().zip(table(method)) {
            let case = format!("{} for {purpose}", method.name());
            assert_eq!(permits(method, purpose), expected, "{case}");
            if method == Method::TrustedBrowser {
                continue; // a visit is for signing in, by its type
            }
            let holder = holder(method);
            let answer = attempt_any(&holder, method, purpose);
            if !expected && matches!(method, Method::Emergency | Method::Pass) {
                continue; // its proof has one purpose, whatever is asked for
            }
            if !expected {
                // Each says so in its own way, and none of them with a proof.
                match method {
                    Method::Sms => assert_eq!(answer.unwrap_err(), Refusal::NotPermitted, "{case}"),
                    _ => {
                        assert_eq!(said(&answer.unwrap()), Said::Refused, "{case}");
                        let why = holder.practice.why();
                        assert_eq!(why, Some(RejectionReason::NotPermitted), "{case}");
                        let left = holder.practice.summary(&holder.person.id);
                        assert_eq!(left.recovery_codes_left, 10, "not spent for nothing");
                    }
                }
                continue;
            }
            let proof = answer.unwrap().accepted().unwrap_or_else(|| panic!("{case}"));
            let (by, device, due) = for_any_proof!(&proof, proof => {
                (proof.method(), proof.device(), proof.replacement_due())
            });
            assert_eq!((by, proof.purpose()), (method, purpose.clone()), "{case}");
            assert_eq!(device, holder.device, "{case}");
            assert_eq!(due, method == Method::RecoveryCode, "{case}");
            // What the proof is good for is what it does. Emergency access takes nothing out of use.
            let session = !matches!(proof, AnyProof::ChangeFactors(_) | AnyProof::ActForOther(_));
            let ends_nothing = method == Method::Emergency && session;
            let refused = ends_nothing.then_some(Refusal::NotPermitted);
            assert_eq!(uses(&holder, proof), refused, "{case}");
        }
    }
}

/// Uses a proof for what it is for. One of sign-in, of a named action or of privileges is for the
/// host, and compiles nowhere here but where a loss is reported.
fn uses(holder: &Holder, proof: AnyProof) -> Option<Refusal> {
    let Holder { practice, person, device, .. } = holder;
    match proof {
        AnyProof::ActForOther(proof) => {
            let now = practice.now();
            let other = practice.person(3);
            practice.set_clock(now);
            refusal(practice.run(practice.at(&other.id).reset(
                acting(proof),
                PassLength::Long,
                "lost everything",
                &mut practice.rng(),
            )))
        }
        AnyProof::ChangeFactors(proof) => {
            let enrol = practice.at(&person.id).enrol("New", &mut practice.rng());
            refusal(practice.run(enrol.proven_by(proof)))
        }
        other => {
            let lost = device.unwrap_or(person.device);
            for_any_proof!(other, proof => {
                refusal(practice.run(practice.at(&person.id).report_lost(lost, proof)))
            })
        }
    }
}

/// The one entry that depends on the account: SMS changes factors only for whoever never had
/// anything stronger that somebody could have talked out of the way. Whoever took over a telephone
/// number must not bind an app beside the owner's, nor after having reported the owner's app lost,
/// nor after having guessed at it until it was closed.
#[test]
fn a_stolen_number_binds_nothing() {
    let owner = || {
        let practice = Practice::new();
        let person = practice.person(1);
        let proof = practice.proof(&person, ChangeFactors);
        let phone = practice.phone(&person.id, "+15550100100", Some(proof));
        (practice, person, phone)
    };
    fn thief<P: Purpose>(
        practice: &Practice,
        person: &Person,
        purpose: P,
    ) -> Result<Proof<P>, Refusal> {
        practice.wait(60);
        let sent = or_refusal(practice.challenge(&person.id, purpose.clone()))?;
        let code = sent.to_send().unwrap().expose_str();
        let answer = practice.at(&person.id).verify_sent_code(sent.id(), code, purpose);
        Ok(practice.run(answer).accepted().unwrap())
    }
    // Beside the app.
    let (practice, person, _) = owner();
    assert_eq!(thief(&practice, &person, ChangeFactors).unwrap_err(), Refusal::NotPermitted);
    // A text reports no app lost: the thief would take it from its owner.
    let proof = thief(&practice, &person, SignIn).unwrap();
    let lost = practice.at(&person.id).report_lost(person.device, proof);
    assert_eq!(refusal(practice.run(lost)), Some(Refusal::NotPermitted));
    // The owner reports it; that is no step up for the thief.
    let proof = practice.proof(&person, SignIn);
    practice.run(practice.at(&person.id).report_lost(person.device, proof)).unwrap();
    assert_eq!(thief(&practice, &person, ChangeFactors).unwrap_err(), Refusal::NotPermitted);
    // Eighty wrong codes close the app to strangers; that is none either.
    let (practice, person, _) = owner();
    close(&practice, &person);
    assert_eq!(practice.status(&person.id, person.device), Some(DeviceStatus::Confirmed));
    assert_eq!(thief(&practice, &person, ChangeFactors).unwrap_err(), Refusal::NotPermitted);
    // Nor is it that the account remembers sixteen former devices and no more: the app, the oldest of
    // all, is not the one that is forgotten when it is reported lost.
    let (practice, person, _) = owner();
    for n in 0..16 {
        let (tablet, _) = practice.second_app(&person, &format!("Tablet {n}"));
        let proof = practice.proof(&person, ChangeFactors);
        let revoke = practice.at(&person.id).revoke(tablet, proof);
        practice.run(revoke).unwrap();
    }
    let proof = practice.proof(&person, SignIn);
    practice.run(practice.at(&person.id).report_lost(person.device, proof)).unwrap();
    assert_eq!(thief(&practice, &person, ChangeFactors).unwrap_err(), Refusal::NotPermitted);
    assert_eq!(practice.status(&person.id, person.device), Some(DeviceStatus::Lost));
    // The owner's recovery code does it in all cases.
    let code = &person.recovery_codes[0];
    let recover = practice.at(&person.id).recover(code, ChangeFactors);
    let proof = practice.run(recover).accepted().unwrap();
    let enrol = practice.at(&person.id).enrol("New", &mut practice.rng());
    assert_eq!(refusal(practice.run(enrol.proven_by(proof))), None);
    // An app that was *revoked* was so with a stronger proof: then SMS is what the person has.
    let (practice, person, phone) = owner();
    let proof = practice.proof(&person, ChangeFactors);
    let revoke = practice.at(&person.id).revoke(person.device, proof);
    practice.run(revoke).unwrap();
    assert_eq!(thief(&practice, &person, ChangeFactors).unwrap().device(), Some(phone));
}

// Proofs and changes.

/// What is wrong with a proof.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flaw {
    None,
    /// As old as the policy allows: still good.
    AtItsLimit,
    /// A minute ahead, the leeway between two hosts' clocks: still good.
    AMinuteAhead,
    Absent,
    TooOld,
    FromTheFuture,
    OlderEpoch,
    SomebodyElses,
    ForSignIn,
    ForAnAction,
    ForPrivileges,
    /// The person's own where an operator's is needed, and the other way round.
    OfTheOtherRole,
    /// The person's own, for acting on others.
    OwnForOthers,
    /// An operator who left, and one whose factors changed, since they gave the proof.
    OperatorOffboarded,
    OperatorEpochMoved,
}

const FLAWS: [Flaw; 15] = [
    Flaw::None,
    Flaw::AtItsLimit,
    Flaw::AMinuteAhead,
    Flaw::Absent,
    Flaw::TooOld,
    Flaw::FromTheFuture,
    Flaw::OlderEpoch,
    Flaw::SomebodyElses,
    Flaw::ForSignIn,
    Flaw::ForAnAction,
    Flaw::ForPrivileges,
    Flaw::OfTheOtherRole,
    Flaw::OwnForOthers,
    Flaw::OperatorOffboarded,
    Flaw::OperatorEpochMoved,
];

/// Every operation that takes a proof.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Operation {
    Enrol,
    EnrolHotp,
    EnrolExisting,
    EnrolPhone,
    BindExternal,
    Replace,
    Regenerate,
    ReplaceLeaked,
    Revoke,
    ReportLost,
    RevokeAsOperator,
    ReportLostAsOperator,
    UnlockAsOperator,
    Reset,
    GrantEmergency,
}

const OPERATIONS: [Operation; 15] = [
    Operation::Enrol,
    Operation::EnrolHotp,
    Operation::EnrolExisting,
    Operation::EnrolPhone,
    Operation::BindExternal,
    Operation::Replace,
    Operation::Regenerate,
    Operation::ReplaceLeaked,
    Operation::Revoke,
    Operation::ReportLost,
    Operation::RevokeAsOperator,
    Operation::ReportLostAsOperator,
    Operation::UnlockAsOperator,
    Operation::Reset,
    Operation::GrantEmergency,
];

impl Operation {
    /// Whose proof it takes.
    fn is_an_operators(self) -> bool {
        matches!(
            self,
            Operation::RevokeAsOperator
                | Operation::ReportLostAsOperator
                | Operation::UnlockAsOperator
                | Operation::Reset
                | Operation::GrantEmergency
        )
    }

    /// Whether it can be called without one at all, and whether it can be called by either.
    fn proof_is_optional(self) -> bool {
        use Operation::*;
        matches!(self, Enrol | EnrolHotp | EnrolExisting | EnrolPhone | BindExternal)
    }

    fn either_role(self) -> bool {
        use Operation::*;
        matches!(
            self,
            Revoke | ReportLost | RevokeAsOperator | ReportLostAsOperator | UnlockAsOperator
        )
    }

    fn purpose(self) -> AnyPurpose {
        if self.is_an_operators() { AnyPurpose::ActForOther } else { AnyPurpose::ChangeFactors }
    }

    /// Whether a proof for `purpose` compiles there.
    fn takes(self, purpose: &AnyPurpose) -> bool {
        use Operation::*;
        match self {
            ReportLost | ReportLostAsOperator => true,
            Revoke | RevokeAsOperator | UnlockAsOperator => {
                matches!(purpose, AnyPurpose::ChangeFactors | AnyPurpose::ActForOther)
            }
            _ => *purpose == self.purpose(),
        }
    }

    /// What is to be answered.
    fn expected(self, flaw: Flaw) -> Option<Refusal> {
        let operators = self.is_an_operators();
        match flaw {
            Flaw::None | Flaw::AtItsLimit | Flaw::AMinuteAhead => None,
            Flaw::Absent => Some(Refusal::ProofRequired),
            Flaw::TooOld | Flaw::FromTheFuture => Some(Refusal::ProofExpired),
            Flaw::OlderEpoch => Some(Refusal::ProofUnfit),
            // A proof of the person's own, for whatever purpose, is enough to report a loss.
            Flaw::ForSignIn | Flaw::ForAnAction | Flaw::ForPrivileges
                if self == Operation::ReportLost =>
            {
                None
            }
            Flaw::ForSignIn | Flaw::ForAnAction | Flaw::ForPrivileges => Some(Refusal::ProofUnfit),
            Flaw::SomebodyElses => Some(Refusal::ProofUnfit),
            Flaw::OfTheOtherRole => {
                assert!(self.either_role(), "takes one role's proof only");
                // The person's own app code, from a browser that nobody knows, opens no codes.
                match self {
                    Operation::UnlockAsOperator => Some(Refusal::NotPermitted),
                    // Without the host's word an operator is any other person.
                    Operation::ReportLost => Some(Refusal::ProofUnfit),
                    _ => None,
                }
            }
            Flaw::OwnForOthers => match self {
                Operation::ReportLost => None,
                _ => Some(Refusal::OwnAccount),
            },
            Flaw::OperatorOffboarded | Flaw::OperatorEpochMoved if operators => {
                Some(Refusal::ProofUnfit)
            }
            // Nobody asked the operator.
            Flaw::OperatorOffboarded | Flaw::OperatorEpochMoved => None,
        }
    }
}

/// ASVS 7.5.1, NIST SP 800-63B-4 section 6.3.
#[test]
fn every_operation_with_every_proof() {
    let mut refusals = 0;
    for operation in OPERATIONS {
        for flaw in FLAWS {
            let missing = flaw == Flaw::Absent && !operation.proof_is_optional();
            if missing {
                continue; // the proof is an argument: this does not compile
            }
            let practice = Practice::new();
            let (person, operator, stranger) =
                (practice.person(1), practice.person(2), practice.person(3));
            let (spare, _) = practice.second_app(&person, "Spare");
            // All of them in one and the same epoch: no proof is told by its epoch alone.
            let _ = practice.second_app(&operator, "Spare");
            let _ = practice.second_app(&stranger, "Spare");
            let proof = flawed_proof(&practice, operation, flaw, [&person, &operator, &stranger]);
            if proof.as_ref().is_some_and(|proof| !operation.takes(&proof.purpose())) {
                continue; // this does not compile either
            }
            if flaw == Flaw::OperatorOffboarded {
                practice.offboard(&operator.id).unwrap();
            }
            let before = practice.store.records();
            let answer = call(&practice, operation, &person, spare, proof);
            let expected = operation.expected(flaw);
            assert_eq!(answer, expected, "{operation:?} with {flaw:?}");
            if expected.is_some() {
                refusals += 1;
                assert_eq!(practice.store.records(), before, "{operation:?} with {flaw:?}");
            }
        }
    }
    assert_eq!(refusals, 84, "as many rows as there were when this was last read over");
}

/// A proof that is good for `operation` but for one flaw. Leaves the clock where it is to be used.
fn flawed_proof(
    practice: &Practice,
    operation: Operation,
    flaw: Flaw,
    [person, operator, stranger]: [&Person; 3],
) -> Option<AnyProof> {
    let (own, other) =
        if operation.is_an_operators() { (operator, person) } else { (person, operator) };
    let proof = |of: &Person, purpose: AnyPurpose| practice.any_proof(of, &purpose);
    let purpose = operation.purpose();
    Some(match flaw {
        Flaw::None | Flaw::OperatorOffboarded => proof(own, purpose),
        Flaw::Absent => return None,
        Flaw::AtItsLimit => {
            let proof = proof(own, purpose);
            practice.wait(300);
            proof
        }
        Flaw::TooOld => {
            let proof = proof(own, purpose);
            practice.wait(301);
            proof
        }
        Flaw::AMinuteAhead | Flaw::FromTheFuture => {
            let back = if flaw == Flaw::AMinuteAhead { 60 } else { 61 };
            let proof = proof(own, purpose);
            practice.set_clock(countersign::UnixTime::from_secs(practice.now().as_secs() - back));
            proof
        }
        Flaw::OlderEpoch => {
            let older = proof(own, purpose);
            let newer = practice.proof(own, ChangeFactors);
            let _ = practice.regenerate(&own.id, newer);
            older
        }
        Flaw::OperatorEpochMoved => {
            let first = proof(own, purpose);
            let newer = practice.proof(operator, ChangeFactors);
            let _ = practice.regenerate(&operator.id, newer);
            first
        }
        Flaw::SomebodyElses => match operation.is_an_operators() {
            // Of a third person, for what they do to themselves.
            true => proof(stranger, AnyPurpose::ChangeFactors),
            false => proof(stranger, purpose),
        },
        Flaw::ForSignIn => proof(own, AnyPurpose::SignIn),
        Flaw::ForAnAction => proof(own, action("release-claims").to_any()),
        Flaw::ForPrivileges => proof(own, AnyPurpose::ChangePrivileges),
        Flaw::OfTheOtherRole => match operation.is_an_operators() {
            true => proof(other, AnyPurpose::ChangeFactors),
            false => proof(other, AnyPurpose::ActForOther),
        },
        Flaw::OwnForOthers => proof(person, AnyPurpose::ActForOther),
    })
}

fn call(
    practice: &Practice,
    operation: Operation,
    person: &Person,
    spare: DeviceId,
    proof: Option<AnyProof>,
) -> Option<Refusal> {
    /// Runs it; if it is refused, the proof that was given comes back.
    fn run<T, A: std::fmt::Debug>(
        practice: &Practice,
        mut change: Change<'_, T, A>,
        is_proven: bool,
    ) -> Option<Refusal> {
        let NotDone::Refused { refusal, proof } = practice.run_ref(&mut change).err()? else {
            panic!("not decided")
        };
        assert_eq!(proof.is_some(), is_proven);
        Some(refusal)
    }
    fn enrol<T>(
        practice: &Practice,
        change: Change<'_, T, Proof<ChangeFactors>>,
        proof: Option<Proof<ChangeFactors>>,
    ) -> Option<Refusal> {
        match proof {
            Some(proof) => run(practice, change.proven_by(proof), true),
            None => run(practice, change, false),
        }
    }
    let (dana, rng) = (practice.at(&person.id), &mut practice.rng());
    let own = |proof| match proof {
        Some(AnyProof::ChangeFactors(proof)) => Some(proof),
        None => None,
        Some(other) => panic!("{other:?} does not compile"),
    };
    let operators = |proof| match proof {
        Some(AnyProof::ActForOther(proof)) => proof,
        other => panic!("{other:?} does not compile"),
    };
    match operation {
        Operation::Enrol => enrol(practice, dana.enrol("New", rng), own(proof)),
        Operation::EnrolHotp => {
            enrol(practice, dana.enrol_hotp("New", Digits::Eight, rng), own(proof))
        }
        Operation::EnrolExisting => {
            enrol(practice, dana.enrol_existing(token_of(0x33), rng), own(proof))
        }
        Operation::EnrolPhone => {
            let number = PhoneNumber::new("+15550100100").unwrap();
            let told = RestrictedNotice::given_by_host();
            enrol(practice, dana.enrol_phone("SMS", number, told, rng), own(proof))
        }
        Operation::BindExternal => {
            enrol(practice, dana.bind_external("Key", ExternalMethod::Pki, rng), own(proof))
        }
        Operation::Replace => {
            let proof = own(proof).expect("an argument");
            run(practice, dana.replace(spare, "New", proof, rng), true)
        }
        Operation::Regenerate => {
            let proof = own(proof).expect("an argument");
            run(practice, dana.regenerate_recovery_codes(proof, rng), true)
        }
        Operation::ReplaceLeaked => {
            let proof = own(proof).expect("an argument");
            run(practice, dana.replace_leaked_recovery_codes(proof, rng), true)
        }
        Operation::UnlockAsOperator => match proof.expect("an argument") {
            AnyProof::ChangeFactors(proof) => run(practice, dana.unlock(proof), true),
            AnyProof::ActForOther(proof) => run(practice, dana.unlock(acting(proof)), true),
            other => panic!("{other:?} does not compile"),
        },
        Operation::Revoke | Operation::RevokeAsOperator => match proof.expect("an argument") {
            AnyProof::ChangeFactors(proof) => run(practice, dana.revoke(spare, proof), true),
            AnyProof::ActForOther(proof) => run(practice, dana.revoke(spare, acting(proof)), true),
            other => panic!("{other:?} does not compile"),
        },
        Operation::ReportLostAsOperator => match proof.expect("an argument") {
            AnyProof::ActForOther(proof) => {
                run(practice, dana.report_lost(spare, acting(proof)), true)
            }
            own => for_any_proof!(own, proof => {
                run(practice, dana.report_lost(spare, proof), true)
            }),
        },
        Operation::ReportLost => {
            for_any_proof!(proof.expect("an argument"), proof => {
                run(practice, dana.report_lost(spare, proof), true)
            })
        }
        Operation::Reset => run(
            practice,
            dana.reset(
                acting(operators(proof)),
                PassLength::Long,
                "lost everything",
                &mut practice.rng(),
            ),
            true,
        ),
        Operation::GrantEmergency => {
            let grant = dana.grant_emergency_access(
                acting(operators(proof)),
                PassLength::Long,
                600,
                "in repair",
                &mut practice.rng(),
            );
            run(practice, grant, true)
        }
    }
}

// Devices.

/// Where a device can stand; `Closed` is a confirmed one whose codes are closed to unknown browsers,
/// and `Gone` a pending one that is no more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Pending,
    Confirmed,
    Closed,
    Lost,
    Revoked,
    Gone,
}

const STATES: [State; 5] =
    [State::Pending, State::Confirmed, State::Closed, State::Lost, State::Revoked];

/// Everything that can happen to a device.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    RightCode,
    WrongCode,
    Resynchronise,
    ConfirmRight,
    ConfirmWrong,
    EnrolAnother,
    Replace,
    ReplaceAndConfirm,
    Revoke,
    ReportLost,
    EightyFailures,
    Unlock,
    Recover,
    Regenerate,
    BindPasskey,
    Reset,
    Offboard,
    TenMinutes,
    AYear,
}

const STEPS: [Step; 19] = [
    Step::RightCode,
    Step::WrongCode,
    Step::Resynchronise,
    Step::ConfirmRight,
    Step::ConfirmWrong,
    Step::EnrolAnother,
    Step::Replace,
    Step::ReplaceAndConfirm,
    Step::Revoke,
    Step::ReportLost,
    Step::EightyFailures,
    Step::Unlock,
    Step::Recover,
    Step::Regenerate,
    Step::BindPasskey,
    Step::Reset,
    Step::Offboard,
    Step::TenMinutes,
    Step::AYear,
];

/// The table of NIST SP 800-63B-4 sections 3.2.2, 4.1.2, 4.3 and 4.5. Whether the step was accepted
/// or done, and where the device stands afterwards. There is no way back from `Lost` or `Revoked`; from
/// `Closed` there is, by a proof of another kind. No step but the first two columns' accepts anything.
fn transition(state: State, step: Step) -> (bool, State) {
    use State::*;
    let stays = (false, state);
    let unharmed = (true, state);
    match (state, step) {
        // Whatever is pending dies with every change of factors, with its time, and by being
        // started anew; and it is no device, so that nothing can be done to it.
        (Pending, Step::ConfirmRight) => (true, Confirmed),
        (Pending, Step::TenMinutes | Step::AYear) => (true, Gone),
        (Pending, Step::EightyFailures) => (true, Gone),
        (
            Pending,
            Step::EnrolAnother
            | Step::Regenerate
            | Step::BindPasskey
            | Step::Reset
            | Step::Offboard,
        ) => (true, Gone),
        (Pending, Step::Recover | Step::Unlock) => unharmed,
        (Pending, _) => stays,

        (Confirmed, Step::RightCode | Step::Resynchronise) => unharmed,
        (
            Confirmed | Closed,
            Step::ReplaceAndConfirm | Step::Revoke | Step::Reset | Step::Offboard,
        ) => (true, Revoked),
        (Confirmed | Closed, Step::ReportLost) => (true, Lost),
        (Confirmed, Step::EightyFailures) => (true, Closed),
        (Closed, Step::Unlock) => (true, Confirmed),
        (Confirmed | Closed, Step::Replace) => unharmed,

        (Lost | Revoked, Step::Replace | Step::ReplaceAndConfirm) => stays,
        (Lost | Revoked, Step::Revoke | Step::ReportLost) => stays,

        // What does not concern this device happens all the same.
        (
            Confirmed | Closed | Lost | Revoked,
            Step::EnrolAnother
            | Step::Unlock
            | Step::Recover
            | Step::Regenerate
            | Step::BindPasskey
            | Step::Reset
            | Step::Offboard
            | Step::TenMinutes
            | Step::AYear,
        ) => unharmed,
        (Closed | Lost | Revoked, Step::EightyFailures) => unharmed,
        (Confirmed | Closed | Lost | Revoked, Step::ConfirmRight | Step::ConfirmWrong) => stays,
        (Confirmed | Closed | Lost | Revoked, Step::WrongCode) => stays,
        (Closed | Lost | Revoked, Step::RightCode | Step::Resynchronise) => stays,

        (Gone, _) => panic!("not a state to start from"),
    }
}

/// A person with a passkey, so that nothing here is the last factor, and with one app in `state`.
struct Scene {
    practice: Practice,
    person: Person,
    key: DeviceId,
    pending: countersign::account::ChallengeId,
}

/// A second later, a proof of the passkey's.
fn key_proof<P: Purpose>(
    practice: &Practice,
    id: &AccountId,
    key: DeviceId,
    purpose: P,
) -> Proof<P> {
    practice.wait(1);
    let started = practice.start_external(id, purpose.clone());
    practice.settle(id, Assertion::verified_by_host(&started, key), purpose).accepted().unwrap()
}

fn scene(state: State) -> Scene {
    let practice = Practice::new();
    let id = account(1);
    let bind = practice.at(&id).bind_external("Key", ExternalMethod::Passkey, &mut practice.rng());
    let bound = practice.run(bind).unwrap();
    let codes = bound.recovery_codes().expect("the first factor");
    let recovery_codes = codes.iter().map(|code| code.expose_text().to_string()).collect();
    let key = bound.device();
    let proof = key_proof(&practice, &id, key, ChangeFactors);
    let enrol = practice.at(&id).enrol("Phone", &mut practice.rng());
    let pending = practice.run(enrol.proven_by(proof)).unwrap();
    let app = Authenticator::of(&pending);
    let person = Person { id, device: pending.device(), app, recovery_codes };
    let scene = Scene { practice, person, key, pending: pending.id() };
    scene.practice.wait(30);
    if state != State::Pending {
        assert!(take(&scene, Step::ConfirmRight));
        scene.practice.wait(60);
        match state {
            State::Closed => assert!(take(&scene, Step::EightyFailures)),
            State::Lost => assert!(take(&scene, Step::ReportLost)),
            State::Revoked => assert!(take(&scene, Step::Revoke)),
            _ => {}
        }
        scene.practice.wait(60);
    }
    scene
}

/// Takes a step; whether it was accepted or done.
fn take(scene: &Scene, step: Step) -> bool {
    let Scene { practice, person, key, pending } = scene;
    let (id, mfa, now) = (&person.id, &practice.mfa, practice.now());
    let rng = &mut practice.rng();
    let change = || key_proof(practice, id, *key, ChangeFactors);
    let replace = || {
        let (rng, proof, now) = (&mut practice.rng(), change(), practice.now());
        practice.run(mfa.account(id).at(now).replace(person.device, "New", proof, rng)).ok()
    };
    match step {
        Step::RightCode => said(&practice.verify(id, &person.app.code(now))) == Said::Accepted,
        Step::WrongCode => said(&practice.miss(person)) == Said::Accepted,
        Step::Resynchronise => {
            let far = person.app.step(now) + 15;
            let codes = [person.app.at(far), person.app.at(far + 1)];
            let pair = [codes[0].as_str(), codes[1].as_str()];
            let resync = mfa.account(id).at(now).resynchronise(person.device, pair);
            said(&practice.run(resync)) == Said::Accepted
        }
        Step::ConfirmRight => {
            said(&practice.confirm(id, *pending, &person.app.code(now))) == Said::Accepted
        }
        Step::ConfirmWrong => {
            let wrong = wrong_code(&[&person.app], now, 0);
            said(&practice.confirm(id, *pending, &wrong)) == Said::Accepted
        }
        Step::EnrolAnother => {
            practice.run(mfa.account(id).at(now).enrol("Other", rng).proven_by(change())).is_ok()
        }
        Step::Replace => replace().is_some(),
        Step::ReplaceAndConfirm => {
            // After eighty failures as well: what is pending waits for no class.
            replace().is_some_and(|new| {
                let code = Authenticator::of(&new).code(practice.now());
                said(&practice.confirm(id, new.id(), &code)) == Said::Accepted
            })
        }
        Step::Revoke => {
            practice.run(mfa.account(id).at(now).revoke(person.device, change())).is_ok()
        }
        Step::ReportLost => {
            practice.run(mfa.account(id).at(now).report_lost(person.device, change())).is_ok()
        }
        Step::EightyFailures => {
            // A day is longer than any wait. A pending enrolment has run out by then.
            (0..80).all(|_| {
                practice.wait(86_400);
                said(&practice.miss(person)) != Said::Accepted
            })
        }
        Step::Unlock => practice.run(practice.at(id).unlock(change())).is_ok(),
        Step::Recover => {
            let code = &person.recovery_codes[0];
            said(&practice.recover(id, code)) == Said::Accepted
        }
        Step::Regenerate => {
            practice.run(mfa.account(id).at(now).regenerate_recovery_codes(change(), rng)).is_ok()
        }
        Step::BindPasskey => {
            let _ = practice.passkey(id, Some(change()));
            true
        }
        Step::Reset => {
            let operator = practice.person(2);
            let proof = practice.proof(&operator, ActForOther);
            practice
                .run(mfa.account(id).at(practice.now()).reset(
                    acting(proof),
                    PassLength::Long,
                    "lost everything",
                    &mut practice.rng(),
                ))
                .is_ok()
        }
        Step::Offboard => practice.offboard(id).is_ok(),
        Step::TenMinutes => {
            practice.wait(601);
            true
        }
        Step::AYear => {
            practice.wait(365 * 86_400);
            true
        }
    }
}

/// Where the app stands, by everything that can be seen of it.
fn state_of(scene: &Scene) -> State {
    let Scene { practice, person, pending, .. } = scene;
    let summary = practice.summary(&person.id);
    let found = summary.devices.iter().find(|device| device.id == person.device);
    match found.map(|device| device.status) {
        Some(DeviceStatus::Confirmed) if summary.codes.closed_to_strangers => State::Closed,
        Some(DeviceStatus::Confirmed) => State::Confirmed,
        Some(DeviceStatus::Lost) => State::Lost,
        Some(DeviceStatus::Revoked) => State::Revoked,
        None => {
            // Another enrolment may be pending by now: ask this one, with what is no code at all.
            let asked = said(&practice.confirm(&person.id, *pending, "not a code"));
            if asked == Said::Malformed { State::Pending } else { State::Gone }
        }
    }
}

#[test]
fn every_state_and_every_step() {
    for state in STATES {
        for step in STEPS {
            let scene = scene(state);
            assert_eq!(state_of(&scene), state);
            let (done, then) = transition(state, step);
            assert_eq!(take(&scene, step), done, "{state:?}, {step:?}");
            assert_eq!(state_of(&scene), then, "{state:?}, {step:?}");
            // A device that is not in use accepts nothing, now or later.
            let practice = &scene.practice;
            if then != State::Confirmed && step != Step::Offboard {
                let now = practice.wait(86_400);
                let code = scene.person.app.code(now);
                let verdict = said(&practice.verify(&scene.person.id, &code));
                assert_ne!(verdict, Said::Accepted, "{state:?}, {step:?}");
            }
            // And its secret is gone with its use: nothing of it is in the record any more. (The
            // summary shows it: no secret, no mark and no drift.)
            let summary = practice.summary(&scene.person.id);
            for device in summary.devices {
                if device.status != DeviceStatus::Confirmed {
                    assert!(!device.short_secret && device.drift == 0 && device.clock_offset == 0);
                }
            }
        }
    }
}

// The last factor.

/// What a person has, and whether each of it can be revoked. A pending device and recovery codes are
/// no factors; one that strangers closed is one still. `report_lost` and `replace` work on the last one.
#[test]
fn when_a_factor_is_the_last() {
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    enum Has {
        App,
        Second,
        Passkey,
        Phone,
        Pending,
    }
    use Has::*;
    let table: [(&[Has], bool); 8] = [
        (&[App], false),
        (&[App, Pending], false),
        (&[App, Second], true),
        (&[App, Passkey], true),
        (&[App, Phone], true),
        (&[App, Second, Passkey, Phone, Pending], true),
        (&[App, Phone, Pending], true),
        (&[App, Passkey, Pending], true),
    ];
    for by_operator in [false, true] {
        for (has, revocable) in table {
            let practice = Practice::new();
            let (person, operator) = (practice.person(1), practice.person(2));
            let own = || practice.proof(&person, ChangeFactors);
            for one in has {
                match one {
                    App => {}
                    Second => {
                        let _ = practice.second_app(&person, "Tablet");
                    }
                    Passkey => {
                        let _ = practice.passkey(&person.id, Some(own()));
                    }
                    Phone => {
                        let _ = practice.phone(&person.id, "+15550100100", Some(own()));
                    }
                    Pending => {
                        let (proof, mut rng, now) = (own(), practice.rng(), practice.now());
                        let enrol = practice.mfa.account(&person.id).at(now).enrol("New", &mut rng);
                        assert_eq!(refusal(practice.run(enrol.proven_by(proof))), None);
                    }
                }
            }
            let told = match by_operator {
                true => {
                    let proof = practice.proof(&operator, ActForOther);
                    refusal(
                        practice.run(practice.at(&person.id).revoke(person.device, acting(proof))),
                    )
                }
                false => {
                    let proof = own();
                    refusal(practice.run(practice.at(&person.id).revoke(person.device, proof)))
                }
            };
            let expected = (!revocable).then_some(Refusal::LastFactor);
            assert_eq!(told, expected, "{has:?}");
        }
    }
    // What strangers closed is a factor still, because it opens again; and it can be revoked.
    for revoke_app in [false, true] {
        let practice = Practice::new();
        let person = practice.person(1);
        let proof = practice.proof(&person, ChangeFactors);
        let key = practice.passkey(&person.id, Some(proof));
        close(&practice, &person);
        let revoke = |device| {
            let proof = key_proof(&practice, &person.id, key, ChangeFactors);
            practice.at(&person.id).revoke(device, proof)
        };
        practice.run(revoke(if revoke_app { person.device } else { key })).unwrap();
        if revoke_app {
            assert_eq!(practice.refused(revoke(key)), Refusal::LastFactor);
        } else {
            // At the worst moment a printed code opens the app again.
            let code = &person.recovery_codes[0];
            let recover = practice.at(&person.id).recover(code, ChangeFactors);
            let proof = practice.run(recover).accepted().unwrap();
            practice.run(practice.at(&person.id).unlock(proof)).unwrap();
            let code = person.app.code(practice.now());
            assert_eq!(said(&practice.verify(&person.id, &code)), Said::Accepted);
        }
    }
    // The last one can be replaced, in one write, and it can be reported lost.
    let practice = Practice::new();
    let person = practice.person(1);
    let proof = practice.proof(&person, ChangeFactors);
    let (mut rng, now) = (practice.rng(), practice.now());
    let replace =
        practice.mfa.account(&person.id).at(now).replace(person.device, "New", proof, &mut rng);
    let pending = practice.run(replace).unwrap();
    let app = Authenticator::of(&pending);
    let writes = practice.store.stored();
    let bound = practice.confirm(&person.id, pending.id(), &app.code(now)).accepted().unwrap();
    assert_eq!(practice.store.stored(), writes + 1, "the old one ends with the new one's begin");
    assert_eq!(practice.status(&person.id, person.device), Some(DeviceStatus::Revoked));
    assert!(bound.recovery_codes().is_none(), "the recovery codes are the person's, and stay");
    let now = practice.wait(60);
    assert!(matches!(said(&practice.verify(&person.id, &person.app.code(now))), Said::Rejected(_)));
    let verify = practice.mfa.account(&person.id).at(now).verify(&app.code(now), SignIn);
    let proof = practice.run(verify).accepted().unwrap();
    let lost = practice.mfa.account(&person.id).at(now).report_lost(bound.device(), proof);
    practice.run(lost).unwrap();
    assert_eq!(practice.summary(&person.id).confirmed().count(), 0);
}

// Recovery.

/// What is left to a person whose app is gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum With {
    Nothing,
    OneCode,
    TwoCodes,
    AnotherFactor,
    Operator,
    SmsAlone,
    Emergency,
}

/// A person whose app is gone, and an operator.
struct Rescue<'p> {
    practice: &'p Practice,
    person: &'p Person,
    operator: &'p Person,
    phone: bool,
    key: Option<DeviceId>,
}

impl Rescue<'_> {
    /// A proof with what is left, if there is one to be had.
    fn proof<P: Purpose>(&self, with: With, purpose: P) -> Option<Proof<P>> {
        let Rescue { practice, person, operator, phone, key } = self;
        let id = &person.id;
        let recover = |at: usize| {
            let recover = practice.at(id).recover(&person.recovery_codes[at], purpose.clone());
            practice.run(recover).accepted()
        };
        match with {
            With::Nothing | With::Operator => None,
            With::OneCode => recover(0),
            With::TwoCodes => recover(1).and(recover(2)),
            With::AnotherFactor => Some(key_proof(practice, id, (*key)?, purpose)),
            With::SmsAlone => {
                assert!(phone);
                let sent = or_refusal(practice.challenge(id, purpose.clone())).ok()?;
                let code = sent.to_send().unwrap().expose_str();
                let answer = practice.at(id).verify_sent_code(sent.id(), code, purpose);
                practice.run(answer).accepted()
            }
            With::Emergency => {
                let pass = practice.emergency(id, operator, 60);
                // It proves that the person may sign in, and for nothing else.
                assert!(matches!(practice.enter(id, &pass), Verdict::Accepted(Entered::SignIn(_))));
                None
            }
        }
    }
}

/// NIST SP 800-63B-4 section 4.2.2.2, as far as it is this crate's: one saved code and the first
/// factor that the host checked, or another bound factor, or an operator who has looked at the
/// person. Two saved codes are no more than one, and none of it grants privileges.
#[test]
fn what_a_recovery_is_worth() {
    use With::*;
    // Can the person bind a new app, get new recovery codes, and act for others?
    let table = [
        (Nothing, false, false),
        (OneCode, true, false),
        (TwoCodes, true, false),
        (AnotherFactor, true, true),
        (Operator, true, false),
        (SmsAlone, false, false),
        (Emergency, false, false),
    ];
    for (with, can_bind, can_act) in table {
        let practice = Practice::new();
        let (person, operator) = (practice.person(1), practice.person(2));
        let id = &person.id;
        let proof = practice.proof(&person, ChangeFactors);
        let phone =
            (with == SmsAlone).then(|| practice.phone(id, "+15550100100", Some(proof))).is_some();
        let key = (with == AnotherFactor).then(|| {
            let proof = practice.proof(&person, ChangeFactors);
            practice.passkey(id, Some(proof))
        });
        // The app is gone: reported lost by an operator.
        let proof = practice.proof(&operator, ActForOther);
        let lost = practice.at(id).report_lost(person.device, acting(proof));
        practice.run(lost).unwrap();
        practice.wait(60);

        let rescue =
            Rescue { practice: &practice, person: &person, operator: &operator, phone, key };
        let acts = rescue.proof(with, ActForOther).is_some();
        assert_eq!(acts, can_act, "{with:?}");
        let proof = match with {
            Operator => Some(practice.entered(id, &practice.reset(id, &operator))),
            _ => rescue.proof(with, ChangeFactors),
        };
        let (mut rng, now) = (practice.rng(), practice.now());
        let enrol = practice.mfa.account(id).at(now).enrol("New phone", &mut rng);
        let enrol = match proof {
            Some(proof) => enrol.proven_by(proof),
            None => enrol,
        };
        let pending = practice.run(enrol);
        assert_eq!(pending.is_ok(), can_bind, "{with:?}");
        let Ok(pending) = pending else { continue };
        let app = Authenticator::of(&pending);
        let bound = practice.confirm(id, pending.id(), &app.code(now)).accepted().unwrap();
        // After a reset the recovery codes are new ones as well; else the spent one is to be replaced.
        assert_eq!(bound.recovery_codes().is_some(), with == Operator, "{with:?}");
        let summary = practice.summary(id);
        let due = matches!(with, OneCode | TwoCodes);
        assert_eq!(summary.recovery_replacement_due, due, "{with:?}");
        // Where an operator opened the door, it closed behind the first who came in.
        let now = practice.wait(60);
        let enrol = practice.mfa.account(id).at(now).enrol("Another", &mut practice.rng());
        assert_eq!(practice.refused(enrol), Refusal::ProofRequired, "{with:?}");
    }
    // And after a day it closes by itself.
    for (late, expected) in [(86_400, Said::Accepted), (86_401, Said::Expired)] {
        let practice = Practice::new();
        let (person, operator) = (practice.person(1), practice.person(2));
        let pass = practice.reset(&person.id, &operator);
        practice.wait(late);
        assert_eq!(said(&practice.enter(&person.id, &pass)), expected, "{late} s");
        let enrol = practice.at(&person.id).enrol("New", &mut practice.rng());
        assert_eq!(practice.refused(enrol), Refusal::ProofRequired, "{late} s");
    }
}

// Ends.

/// What has an end holds to its last second, whatever is written then, and not one second longer.
#[test]
fn what_ends_holds_to_its_last_second() {
    #[derive(Clone, Copy, Debug)]
    enum Ending {
        Enrolment,
        SentCode,
        Check,
        EmergencyAccess,
        Reset,
    }
    use Ending::*;
    for ending in [Enrolment, SentCode, Check, EmergencyAccess, Reset] {
        for late in [0, 1] {
            let practice = &Practice::new();
            let (person, operator) = (practice.person(1), practice.person(2));
            let (id, mfa) = (&person.id, &practice.mfa);
            let own = || practice.proof(&person, ChangeFactors);
            let rng = || practice.rng();
            // Starts it; until when it holds, and how it is used then.
            type Use<'p> = Box<dyn FnOnce() -> bool + 'p>;
            let (until, accepted): (_, Use<'_>) = match ending {
                Enrolment => {
                    let proof = own();
                    let enrol = mfa.account(id).at(practice.now()).enrol("Tablet", &mut rng());
                    let pending = practice.run(enrol.proven_by(proof)).unwrap();
                    let (until, tablet) = (pending.until(), Authenticator::of(&pending));
                    let confirm = move || {
                        let code = tablet.code(practice.now());
                        practice.confirm(id, pending.id(), &code).accepted().is_some()
                    };
                    (until, Box::new(confirm) as _)
                }
                SentCode => {
                    let _ = practice.phone(id, "+15550100100", Some(own()));
                    let sent = practice.challenge(id, SignIn).unwrap();
                    let until = sent.until();
                    let answer = move || {
                        let answer =
                            practice.answer(id, sent.id(), sent.to_send().unwrap().expose_str());
                        answer.accepted().is_some()
                    };
                    (until, Box::new(answer) as _)
                }
                Check => {
                    let key = practice.passkey(id, Some(own()));
                    let now = practice.wait(1);
                    let start = mfa.account(id).at(now).start_external(SignIn, &mut rng());
                    let started = start.unwrap();
                    let until = started.until();
                    let settle = move || {
                        let verified = Assertion::verified_by_host(started.token(), key);
                        practice.settle(id, verified, SignIn).accepted().is_some()
                    };
                    (until, Box::new(settle) as _)
                }
                EmergencyAccess => {
                    let pass = practice.emergency(id, &operator, 600);
                    let enter = move || practice.enter(id, &pass).accepted().is_some();
                    (practice.now().plus(600), Box::new(enter) as _)
                }
                Reset => {
                    let pass = practice.reset(id, &operator);
                    let enter = move || practice.enter(id, &pass).accepted().is_some();
                    (practice.now().plus(86_400), Box::new(enter) as _)
                }
            };
            practice.set_clock(until.plus(late));
            let stored = practice.store.stored();
            assert_eq!(said(&practice.recover(id, UNKNOWN_RECOVERY_CODE)), Said::Rejected(255));
            assert_eq!(practice.store.stored(), stored, "what names no code is not written");
            assert_eq!(said(&practice.miss(&person)), Said::Rejected(4));
            assert_eq!(practice.store.stored(), stored + 1, "a counted failure is written");
            assert_eq!(accepted(), late == 0, "{ending:?}, {late} s after its end");
        }
    }
}

/// A proof allows one change. An operator's is not ended by the change itself, which raises another
/// account's epoch: so the change that is run again has none left.
///
/// Guards `self.operation.shown = None` in `Change::answered`.
#[test]
fn a_change_that_is_done_has_used_its_proof() {
    let practice = Practice::new();
    let (person, operator) = (practice.person(1), practice.person(2));
    let proof = practice.proof(&operator, ActForOther);
    let mut reset = practice.at(&person.id).reset(
        acting(proof),
        PassLength::Long,
        "lost phone",
        &mut practice.rng(),
    );
    assert!(reset.run(&practice.store).is_ok());
    let before = practice.store.records();
    assert_eq!(refusal(reset.run(&practice.store)), Some(Refusal::ProofRequired));
    assert_eq!(practice.store.records(), before);
}

/// A store that fails takes no proof away: the same change is run again, and is done.
///
/// Guards that `Change::answered` takes the proof only after a decision.
#[test]
fn a_change_that_was_not_decided_keeps_its_proof() {
    for fault in [crate::common::Fault::Load, crate::common::Fault::BeforeWrite] {
        let practice = Practice::new();
        let (person, operator) = (practice.person(1), practice.person(2));
        let proof = practice.proof(&operator, ActForOther);
        let mut reset = practice.at(&person.id).reset(
            acting(proof),
            PassLength::Long,
            "lost phone",
            &mut practice.rng(),
        );
        practice.store.break_at(Some(fault));
        assert!(matches!(reset.run(&practice.store), Err(NotDone::Undecided(_))), "{fault:?}");
        practice.store.break_at(None);
        assert!(reset.run(&practice.store).is_ok(), "{fault:?}");
    }
}
