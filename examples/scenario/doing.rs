//! One step as it is done: how an attempt and a change are run, and how a person proves possession.

use countersign::account::{
    AnyChange, Assertion, CarriedProof, FirstEnrolment, RecordError, RecoveryCodes,
};
use countersign::mfa::{AccountAt, Attempt, Change, Entered, Fault, NotDone};
use countersign::{
    AccountId, ActForOther, Bounded, ChangeFactors, DeviceId, Keyring, Mfa, Policy, UnixTime,
    Verdict,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::ZERO;
use super::expect::Outcome;
use super::known::{Known, NO_CHALLENGE};
use super::script::{Code, Operator, Proof, Purpose, Step};
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

/// Runs an expression with the person's own proof as a value of its type: fresh, or carried.
macro_rules! with_own {
    ($doing:expr, $proof:expr, $own:ident => $run:expr) => {
        match $proof {
            Proof::Carried(label) => {
                let $own = $doing.carried(label, $doing.step.id);
                $run
            }
            fresh => {
                let $own = $doing.own(fresh)?;
                $run
            }
        }
    };
}

pub(super) use with_own;

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
            Proof::Carried(_) => Err(Outcome::Refused(None)), // it serves a change, and nothing else
            Proof::Pass(_) => Err(Outcome::Refused(None)),    // it proves nothing but an enrolment
        }
    }

    /// The proof that a form brings back, in the step's session.
    pub fn carried(&self, label: &str, of: AccountId) -> CarriedProof {
        let text = self.known.carried.get(label).map_or("", String::as_str);
        CarriedProof::new(text, self.session(of))
    }

    /// A person has one session, unless the line names another.
    fn session(&self, of: AccountId) -> Vec<u8> {
        let named = self.step.session.as_ref();
        named.map_or_else(|| of.as_bytes().to_vec(), |name| name.as_bytes().to_vec())
    }

    /// Proves, and carries the proof to the next request. Only these two can be carried.
    pub fn carry(
        &mut self,
        with: &Proof,
        purpose: &Purpose,
        (to, change): (Option<AccountId>, Option<AnyChange>),
    ) -> Part<String> {
        let (id, mut rng) = (self.step.id, self.rng());
        let _ = rng.next_u64(); // a challenge of this step has drawn the first numbers
        let session = self.session(id);
        let carried = match purpose {
            Purpose::ChangeFactors => {
                let proof = self.prove(id, with, ChangeFactors)?;
                self.account().carry(proof, session, &mut rng)
            }
            Purpose::ActForOther => {
                let proof = self.prove(id, with, ActForOther)?;
                let change = change.unwrap_or(AnyChange::Revoke);
                let person = self.account_of(&to.unwrap_or(id));
                person.carry_for_other(proof, change, session, &mut rng)
            }
            _ => return Err(Outcome::Refused(None)),
        };
        let carried = carried.map_err(|error| unreadable(RecordError::from(error)))?;
        Ok(carried.expose_text().to_owned())
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
        const WORD: &str = "named by the scenario";
        if let Proof::Carried(label) = proof {
            let carried = self.carried(label, id);
            return Ok(countersign::account::Operator::carried_checked_by_host(carried, WORD));
        }
        let proof = self.prove(id, proof, ActForOther)?;
        Ok(countersign::account::Operator::checked_by_host(proof, WORD))
    }

    /// Adds the proof to an enrolment, if the step has one.
    pub fn proven<T>(
        &mut self,
        change: Change<'a, T, countersign::Proof<ChangeFactors>>,
        with: Option<&Proof>,
    ) -> Part<T> {
        match with {
            Some(proof) => with_own!(self, proof, own => self.change(change.proven_by(own))),
            None => self.change(change),
        }
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
