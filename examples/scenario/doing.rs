//! One step as it is done: how an attempt and a change are run, and how a person proves possession.

use countersign::account::{Assertion, FirstEnrolment, RecordError, RecoveryCodes};
use countersign::mfa::{AccountAt, Attempt, Change, Entered, Fault, NotDone};
use countersign::{
    AccountId, ActForOther, Bounded, ChangeFactors, DeviceId, Keyring, Mfa, Policy, UnixTime,
    Verdict,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::ZERO;
use super::expect::Outcome;
use super::known::{Known, NO_CHALLENGE};
use super::script::{Code, Operator, Proof, Step};
use super::stores::{Recorder, kebab};

/// The library as one deployment has configured it.
pub type Library = Mfa<Keyring, Numbers>;

/// `Recommended`, and what `policy` lines turn on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers {
    pub trusted: bool,
    pub invited: bool,
}

impl Policy for Numbers {
    fn first_enrolment(&self) -> FirstEnrolment {
        if self.invited { FirstEnrolment::Invited } else { FirstEnrolment::Open }
    }

    fn trusted_browsers(&self, _: &AccountId) -> Option<Bounded<3600, 2_592_000>> {
        self.trusted.then_some(Bounded::of::<2_592_000>())
    }
}

/// One step as it is done.
pub struct Doing<'a> {
    pub mfa: &'a Library,
    pub store: &'a Recorder<'a>,
    /// The number of that store.
    pub place: usize,
    pub known: &'a mut Known,
    pub step: &'a Step,
}

/// What a part of a step gave, or with what outcome the step ends here.
pub type Part<T> = Result<T, Outcome>;

/// The moment `at` seconds after the beginning of the scenario's time.
pub fn moment(at: i64) -> UnixTime {
    UnixTime::from_secs(ZERO.as_secs().saturating_add_signed(at))
}

impl<'a> Doing<'a> {
    pub fn account(&self) -> AccountAt<'a> {
        self.account_of(&self.step.id)
    }

    fn account_of(&self, id: &AccountId) -> AccountAt<'a> {
        self.mfa.account(id).at(moment(self.step.at))
    }

    /// The same draws on every run: a scenario prints the same each time.
    pub fn rng(&self) -> StdRng {
        StdRng::seed_from_u64(u64::try_from(self.step.line).unwrap_or(u64::MAX))
    }

    pub fn typed(&mut self, code: &Code) -> String {
        self.known.code(code, moment(self.step.at))
    }

    pub fn device(&self, name: &str) -> DeviceId {
        self.known.device(self.place, self.step.id, name)
    }

    /// The token of the browser that the step comes from, if it was given one.
    fn browser(&self) -> Option<&str> {
        let browser = self.known.browsers.get(self.step.from.as_ref()?)?;
        Some(&browser.token)
    }

    /// Runs an attempt, which comes after the right password.
    pub fn attempt<T>(&self, attempt: Attempt<'a, T>) -> Part<T> {
        let attempt = match self.browser() {
            Some(token) => attempt.from_browser(token),
            None => attempt,
        };
        Err(match attempt.first_factor_passed().run(self.store) {
            Verdict::Accepted(accepted) => return Ok(accepted),
            Verdict::Rejected { .. } => Outcome::Rejected,
            Verdict::Wait { until } => Outcome::Wait(until.since(moment(self.step.at))),
            Verdict::Closed => Outcome::Closed,
            Verdict::Expired => Outcome::Expired,
            Verdict::Malformed => Outcome::Malformed,
            Verdict::Refused => Outcome::Refused(None),
            Verdict::AlreadyConfirmed => Outcome::Already,
            Verdict::Undecided(fault) => undecided(&fault),
        })
    }

    pub fn accepted<T>(&self, attempt: Attempt<'a, T>) -> Part<Outcome> {
        self.attempt(attempt).map(|_| Outcome::Accepted)
    }

    pub fn change<T, A>(&self, change: Change<'a, T, A>) -> Part<T> {
        let mut change = match self.browser() {
            Some(token) => change.from_browser(token),
            None => change,
        };
        match change.run(self.store) {
            Ok(changed) => Ok(changed.into_inner()),
            Err(NotDone::Refused { refusal, .. }) => Err(Outcome::Refused(Some(kebab(&refusal)))),
            Err(NotDone::Undecided(fault)) => Err(undecided(&fault)),
        }
    }

    pub fn done<T, A>(&self, change: Change<'a, T, A>) -> Part<Outcome> {
        self.change(change).map(|_| Outcome::Done)
    }

    /// The token of a new challenge for a passkey.
    pub fn challenge(&self, id: &AccountId, purpose: impl countersign::Purpose) -> Part<String> {
        let challenge = self.account_of(id).start_external(purpose, &mut self.rng());
        let challenge = challenge.map_err(|error| unreadable(RecordError::from(error)))?;
        Ok(challenge.token().to_owned())
    }

    /// Proves possession for `purpose`, for the account that it is about.
    pub fn prove<P: countersign::Purpose>(
        &mut self,
        id: AccountId,
        proof: &Proof,
        purpose: P,
    ) -> Part<countersign::Proof<P>> {
        let account = self.account_of(&id);
        match proof {
            Proof::Code(code) => {
                let typed = self.typed(code);
                self.attempt(account.verify(&typed, purpose))
            }
            Proof::Recovery(code) => {
                let typed = self.known.printed(code, self.place, id);
                self.attempt(account.recover(&typed, purpose))
            }
            Proof::Text(label) => {
                let (challenge, typed) = match self.known.texts.get(label) {
                    Some(sent) => (sent.id, sent.code.clone()),
                    None => (NO_CHALLENGE, "000000".to_owned()),
                };
                self.attempt(account.verify_sent_code(challenge, &typed, purpose))
            }
            Proof::Touch(name) => {
                let device = self.known.device(self.place, id, name);
                let token = self.challenge(&id, purpose.clone())?;
                let word = Assertion::verified_by_host(&token, device);
                self.attempt(account.finish_external(word, purpose))
            }
            Proof::Pass(_) => Err(Outcome::Refused(None)), // it proves nothing but an enrolment
        }
    }

    pub fn own(&mut self, proof: &Proof) -> Part<countersign::Proof<ChangeFactors>> {
        let Proof::Pass(pass) = proof else {
            return self.prove(self.step.id, proof, ChangeFactors);
        };
        match self.attempt(self.account().enter_pass(&self.known.pass(pass)))? {
            Entered::Enrolment(proof) => Ok(proof),
            Entered::SignIn(_) => Err(Outcome::Refused(None)),
        }
    }

    pub fn operator(&mut self, operator: &Operator) -> Part<countersign::account::Operator> {
        self.acting(operator.id, &operator.proof)
    }

    /// Whoever a scenario calls an operator is one, on this program's word.
    pub fn acting(&mut self, id: AccountId, proof: &Proof) -> Part<countersign::account::Operator> {
        let proof = self.prove(id, proof, ActForOther)?;
        Ok(countersign::account::Operator::checked_by_host(proof, "named by the scenario"))
    }

    /// Adds the proof to an enrolment, if the step has one.
    pub fn proven<T>(
        &mut self,
        change: Change<'a, T, countersign::Proof<ChangeFactors>>,
        with: Option<&Proof>,
    ) -> Part<T> {
        let change = match with {
            Some(proof) => change.proven_by(self.own(proof)?),
            None => change,
        };
        self.change(change)
    }

    /// The person notes the recovery codes.
    pub fn show_codes(&mut self, codes: Option<&RecoveryCodes>) {
        if let Some(codes) = codes {
            let person = self.known.person(self.place, self.step.id);
            person.printed = codes.iter().map(|code| code.expose_text().to_string()).collect();
            person.set = Some(codes.set());
        }
    }
}

/// The names of a fault, the widest first.
pub fn undecided(fault: &Fault<String>) -> Outcome {
    let name = match fault {
        Fault::Record { error, .. } => return unreadable(*error),
        Fault::ClockImplausible(_) => "clock-implausible",
        Fault::Contended => "contended",
        Fault::Store(_) => "store",
        Fault::Text(_) => "text",
    };
    Outcome::Undecided(vec![name.to_owned()])
}

fn unreadable(error: RecordError) -> Outcome {
    Outcome::Undecided(vec!["record".to_owned(), in_kebab(&format!("{error:?}"))])
}

/// `UnknownKey` as `unknown-key`.
fn in_kebab(name: &str) -> String {
    let mut kebab = String::new();
    for letter in name.chars().take_while(char::is_ascii_alphabetic) {
        if letter.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}
