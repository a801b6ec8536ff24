//! What each verb does: the calls of the library.

use countersign::account::{Assertion, ExistingDevice, HostsWord, PhoneNumber, RecordName};
use countersign::mfa::{Confirmed, ExternalMethod, Fault, RestrictedNotice};
use countersign::{
    AccountId, ActForOther, ChangeFactors, ChangePrivileges, DeviceId, SignIn, Store,
};

use super::devices::Device;
use super::doing::{Doing, Part, undecided, with_own};
use super::expect::Outcome;
use super::fields::field;
use super::known::{Browser, Check, NO_BROWSER, NO_CHALLENGE, Sent, Trusted};
use super::script::{Allowed, Code, Held, Help, Proof, Purpose, Verb};

/// Runs an expression with the purpose as a value of its type.
macro_rules! with_purpose {
    ($purpose:expr, $typed:ident => $run:expr) => {
        match $purpose {
            Purpose::SignIn => {
                let $typed = SignIn;
                $run
            }
            Purpose::ChangeFactors => {
                let $typed = ChangeFactors;
                $run
            }
            Purpose::ChangePrivileges => {
                let $typed = ChangePrivileges;
                $run
            }
            Purpose::ActForOther => {
                let $typed = ActForOther;
                $run
            }
            Purpose::Action(action) => {
                let $typed = action.clone();
                $run
            }
        }
    };
}

impl Doing<'_> {
    /// Does the step, as far as it goes.
    pub fn outcome(mut self) -> Outcome {
        self.perform().unwrap_or_else(|ended| ended)
    }

    fn perform(&mut self) -> Part<Outcome> {
        match &self.step.verb {
            Verb::Bind { device, code, with } => self.bind(device, code, with.as_ref()),
            Verb::Enrol { device, with } => self.enrol(device, with.as_ref()),
            Verb::Confirm(codes) => self.confirm(codes).map(|()| Outcome::Accepted),
            Verb::Replace { device, by, code, with } => self.replace(device, by, code, with),
            Verb::Import { device, last, clock } => self.import(device, *last, *clock),
            Verb::Verify { code, purpose } => {
                let (typed, account) = (self.typed(code), self.account());
                with_purpose!(purpose, purpose => self.accepted(account.verify(&typed, purpose)))
            }
            Verb::Resynchronise { device, codes } => {
                let (device, account) = (self.device(device), self.account());
                let [first, second] = codes.each_ref().map(|code| self.typed(code));
                self.accepted(account.resynchronise(device, [&first, &second]))
            }
            Verb::Recover { code, purpose } => {
                let typed = self.known.printed(code, self.place, self.step.id);
                let account = self.account();
                with_purpose!(purpose, purpose => self.accepted(account.recover(&typed, purpose)))
            }
            Verb::Regenerate { with, leaked } => self.regenerate(with, *leaked),
            Verb::Acknowledge => {
                let set = self.known.person(self.place, self.step.id).set.unwrap_or(NO_CHALLENGE);
                self.done(self.account().acknowledge_recovery_codes(set))
            }
            Verb::Revoke { device, allowed } => self.revoke(device, allowed),
            Verb::Lost { device, allowed } => self.lost(device, allowed),
            Verb::Unlock(allowed) => self.unlock(allowed),
            Verb::Carry { with, purpose, to, change, label } => {
                let text = self.carry(with, purpose, (*to, *change))?;
                self.known.carried.insert(label.clone(), text);
                Ok(Outcome::Done)
            }
            Verb::Remember { code, browser } => self.remember(code, browser),
            Verb::Trust { code, browser } => self.trust(code, browser),
            Verb::Visit(token) => self.visit(token),
            Verb::Forget(browser) if self.known.trusted.contains_key(browser) => {
                let id = self.known.trusted.get(browser).map(|trusted| trusted.id);
                let id = id.ok_or(Outcome::Malformed)?;
                self.done(self.account().distrust_browser(id))
            }
            Verb::Forget(browser) => {
                let known = self.known.browsers.get(browser).map(|browser| browser.id);
                let id = known.map_or_else(|| NO_BROWSER.parse().ok(), Some);
                let id = id.ok_or(Outcome::Malformed)?;
                self.done(self.account().forget_browser(id))
            }
            Verb::PhoneNumber { number, with } => self.phone_number(number, with.as_ref()),
            Verb::EnrolNumber { number, label, with } => {
                let sent = self.enrol_number(number, with.as_ref())?;
                self.known.texts.insert(label.clone(), sent);
                Ok(Outcome::Done)
            }
            Verb::Text { label, purpose } => self.text(label, purpose),
            Verb::Answer { label, code, purpose } => self.answer(label, code, purpose),
            Verb::Passkey { name, with } => self.passkey(name, with.as_ref()),
            Verb::Touch { name, fails, purpose } => {
                let check = self.ask(name, purpose)?;
                self.settle(&check, *fails)
            }
            Verb::Ask { name, label, purpose } => {
                let check = self.ask(name, purpose)?;
                self.known.checks.insert(label.clone(), check);
                Ok(Outcome::Done)
            }
            Verb::Settle { label, fails } => {
                let check = self.known.checks.get(label).cloned().unwrap_or_else(nothing_asked);
                self.settle(&check, *fails)
            }
            Verb::Help { help, operator, length, label } => {
                let proof = self.operator(operator)?;
                let (account, mut rng) = (self.account(), self.rng());
                let pass = self.change(match help {
                    Help::Invite => account.invite(proof, *length, REASON, &mut rng),
                    Help::Reset => account.reset(proof, *length, REASON, &mut rng),
                    Help::Emergency(secs) => {
                        account.grant_emergency_access(proof, *length, *secs, REASON, &mut rng)
                    }
                })?;
                self.known.passes.insert(label.clone(), pass.expose_text().to_string());
                Ok(Outcome::Done)
            }
            Verb::Enter(pass) => self.accepted(self.account().enter_pass(&self.known.pass(pass))),
            Verb::Withdraw(allowed) => match allowed {
                Allowed::Own(proof) => {
                    with_own!(self, proof, own => self.done(self.account().revoke_passes(own)))
                }
                Allowed::Operator(operator) => {
                    let proof = self.operator(operator)?;
                    self.done(self.account().revoke_passes(proof))
                }
            },
            Verb::Bar => self.done(self.account().bar(HostsWord::Process, REASON)),
            Verb::Reseal => self.done(self.account().reseal()),
            Verb::Abandon(operator) => {
                let proof = self.operator(operator)?;
                // What the error of a sign-in says.
                let stored = Store::load(self.store, &self.step.id);
                let stored = stored.map_err(|fault| undecided(&Fault::Store(fault)))?;
                let broken = stored.map(|record| record.name());
                let broken = broken.unwrap_or(RecordName { key: None, version: 0 });
                self.done(self.account().abandon(broken, proof, REASON))
            }
            Verb::Offboard(by) => self.offboard(by.as_ref()),
            Verb::Summary(name) => {
                let read = self.account().summary().run(self.store);
                let summary = read.map_err(|fault| undecided(&fault))?.unwrap_or_default();
                Ok(Outcome::Value(field(&summary, name).unwrap_or_default()))
            }
        }
    }

    /// What the seed file says of a phone or token.
    fn existing(&self, name: &str, last: Option<u64>) -> Part<ExistingDevice> {
        let device = self.known.devices.get(name);
        device.and_then(|device| device.existing(name, last)).ok_or(Outcome::Malformed)
    }

    fn enrol(&mut self, name: &str, with: Option<&Proof>) -> Part<Outcome> {
        let device = self.existing(name, None)?;
        let change = self.account().enrol_existing(device, &mut self.rng());
        let pending = self.proven(change, with)?;
        let person = self.known.person(self.place, self.step.id);
        person.pending = Some((pending.id(), name.to_owned()));
        Ok(Outcome::Done)
    }

    /// The enrolment that was started last, or the one that the code was sent for.
    fn confirm(&mut self, codes: &[Code]) -> Part<()> {
        let label = codes.iter().find_map(|code| match code {
            Code::Sent(label) => Some(label),
            _ => None,
        });
        let sent = label.and_then(|label| self.known.texts.get(label));
        let by_text = sent.and_then(|sent| Some((sent.id, sent.binds.clone()?)));
        let person = self.known.person(self.place, self.step.id);
        let pending = by_text.or_else(|| person.pending.clone());
        let (id, name) = pending.unwrap_or((NO_CHALLENGE, String::new()));
        let typed: Vec<String> = codes.iter().map(|code| self.typed(code)).collect();
        let (account, mut rng) = (self.account(), self.rng());
        let confirmed = match typed.as_slice() {
            [code] => self.attempt(account.confirm(id, code, &mut rng))?,
            [first, second] => self.attempt(account.confirm_pair(id, [first, second], &mut rng))?,
            _ => return Err(Outcome::Malformed),
        };
        for name in label.into_iter().chain([&name]) {
            self.is_bound(name, &confirmed);
        }
        Ok(())
    }

    fn is_bound(&mut self, name: &str, confirmed: &Confirmed) {
        self.show_codes(confirmed.recovery_codes());
        let person = self.known.person(self.place, self.step.id);
        person.bound.insert(name.to_owned(), confirmed.device());
    }

    fn bind(&mut self, name: &str, code: &Code, with: Option<&Proof>) -> Part<Outcome> {
        self.enrol(name, with)?;
        self.confirm(std::slice::from_ref(code))?;
        Ok(Outcome::Done)
    }

    /// The new phone scans the secret that the library drew for it.
    fn replace(&mut self, old: &str, by: &str, code: &Code, with: &Proof) -> Part<Outcome> {
        let (device, existing) = (self.device(old), self.existing(by, None)?);
        let (account, mut rng) = (self.account(), self.rng());
        let pending = with_own!(self, with, own => {
            self.change(account.replace_with_existing(device, existing, own, &mut rng))
        })?;
        let person = self.known.person(self.place, self.step.id);
        person.pending = Some((pending.id(), by.to_owned()));
        self.confirm(std::slice::from_ref(code))?;
        Ok(Outcome::Done)
    }

    fn import(&mut self, name: &str, last: Option<u64>, clock: Option<i64>) -> Part<Outcome> {
        // A migration knows what its own records say of a clock that is off.
        let known = clock.or_else(|| match self.known.devices.get(name) {
            Some(Device::Phone(phone)) => Some(phone.skew).filter(|skew| skew.abs() <= 600),
            _ => None,
        });
        let device = self.existing(name, last)?.with_clock_error(known.unwrap_or(0));
        let id = self.change(self.account().import(device, &mut self.rng()))?;
        self.known.person(self.place, self.step.id).bound.insert(name.to_owned(), id);
        Ok(Outcome::Done)
    }

    fn regenerate(&mut self, with: &Proof, leaked: bool) -> Part<Outcome> {
        let (account, mut rng) = (self.account(), self.rng());
        let codes = with_own!(self, with, own => self.change(match leaked {
            true => account.replace_leaked_recovery_codes(own, &mut rng),
            false => account.regenerate_recovery_codes(own, &mut rng),
        }))?;
        self.show_codes(Some(&codes));
        Ok(Outcome::Done)
    }

    fn revoke(&mut self, name: &str, allowed: &Allowed) -> Part<Outcome> {
        let (device, account) = (self.device(name), self.account());
        match allowed {
            Allowed::Own(proof) => {
                with_own!(self, proof, own => self.done(account.revoke(device, own)))
            }
            Allowed::Operator(operator) => {
                let proof = self.operator(operator)?;
                self.done(account.revoke(device, proof))
            }
        }
    }

    /// A proof for any purpose is enough, so the answer to a text is given for what it was asked for.
    fn lost(&mut self, name: &str, allowed: &Allowed) -> Part<Outcome> {
        let (device, account) = (self.device(name), self.account());
        let proof = match allowed {
            Allowed::Own(Proof::Carried(label)) => {
                let carried = self.carried(label, self.step.id);
                return self.done(account.report_lost(device, carried));
            }
            Allowed::Own(proof) => proof,
            Allowed::Operator(operator) => {
                let proof = self.operator(operator)?;
                return self.done(account.report_lost(device, proof));
            }
        };
        let asked_for = match proof {
            Proof::Text(label) => self.known.texts.get(label).map(|sent| sent.purpose.clone()),
            _ => None,
        };
        with_purpose!(&asked_for.unwrap_or(Purpose::ChangeFactors), purpose => {
            let proof = self.prove(self.step.id, proof, purpose)?;
            self.done(account.report_lost(device, proof))
        })
    }

    fn unlock(&mut self, allowed: &Allowed) -> Part<Outcome> {
        match allowed {
            Allowed::Own(proof) => {
                with_own!(self, proof, own => self.done(self.account().unlock(own)))
            }
            Allowed::Operator(operator) => {
                let proof = self.operator(operator)?;
                self.done(self.account().unlock(proof))
            }
        }
    }

    fn remember(&mut self, code: &Code, name: &str) -> Part<Outcome> {
        let (typed, account) = (self.typed(code), self.account());
        let proof = self.attempt(account.verify(&typed, SignIn))?;
        let browser = self.change(account.remember_browser(&proof, &mut self.rng()))?;
        let browser = Browser { id: browser.id(), token: browser.expose_token().to_owned() };
        self.known.browsers.insert(name.to_owned(), browser);
        Ok(Outcome::Accepted)
    }

    fn trust(&mut self, code: &Code, name: &str) -> Part<Outcome> {
        let (typed, account) = (self.typed(code), self.account());
        let proof = self.attempt(account.verify(&typed, SignIn))?;
        let browser = self.change(account.trust_browser(&proof, &mut self.rng()))?;
        let (id, tokens) = (browser.id(), vec![browser.expose_token().to_owned()]);
        self.known.trusted.insert(name.to_owned(), Trusted { id, tokens });
        Ok(Outcome::Accepted)
    }

    /// A token that was handed out before is the same one again.
    fn visit(&mut self, token: &Held) -> Part<Outcome> {
        let text = self.known.token(token);
        let (_, next) = self.attempt(self.account().visit(&text))?;
        let next = next.expose_token().to_owned();
        if let Some(trusted) = self.known.trusted.get_mut(token.browser())
            && !trusted.tokens.contains(&next)
        {
            trusted.tokens.push(next);
        }
        Ok(Outcome::Accepted)
    }

    fn enrol_number(&mut self, number: &str, with: Option<&Proof>) -> Part<Sent> {
        let destination = PhoneNumber::new(number).map_err(|_| Outcome::Malformed)?;
        let told = RestrictedNotice::given_by_host();
        let change = self.account().enrol_phone(number, destination, told, &mut self.rng());
        let sent = self.proven(change, with)?;
        let code = sent.to_send().map(|code| code.expose_str().to_owned()).unwrap_or_default();
        let (id, number) = (sent.id(), number.to_owned());
        self.known.person(self.place, self.step.id).pending = Some((id, number.clone()));
        Ok(Sent { id, code, purpose: Purpose::ChangeFactors, binds: Some(number) })
    }

    fn phone_number(&mut self, number: &str, with: Option<&Proof>) -> Part<Outcome> {
        let sent = self.enrol_number(number, with)?;
        self.confirm(&[Code::Text(sent.code)])?;
        Ok(Outcome::Done)
    }

    /// Asked again too soon, the code of the earlier text is the one that counts.
    fn text(&mut self, label: &str, purpose: &Purpose) -> Part<Outcome> {
        let account = self.account();
        let sent = with_purpose!(purpose, purpose => {
            self.change(account.send_code(purpose, &mut self.rng()))?
        });
        let (id, texts) = (sent.id(), &self.known.texts);
        let code = match sent.to_send() {
            Some(code) => code.expose_str().to_owned(),
            None => {
                let earlier = texts.values().find(|sent| sent.id == id);
                earlier.map(|sent| sent.code.clone()).unwrap_or_default()
            }
        };
        let sent = Sent { id, code, purpose: purpose.clone(), binds: None };
        self.known.texts.insert(label.to_owned(), sent);
        Ok(Outcome::Done)
    }

    fn answer(&mut self, label: &str, code: &Code, purpose: &Purpose) -> Part<Outcome> {
        let id = self.known.texts.get(label).map_or(NO_CHALLENGE, |sent| sent.id);
        let (typed, account) = (self.typed(code), self.account());
        with_purpose!(purpose, purpose => {
            self.accepted(account.verify_sent_code(id, &typed, purpose))
        })
    }

    fn passkey(&mut self, name: &str, with: Option<&Proof>) -> Part<Outcome> {
        let method = ExternalMethod::Passkey;
        let change = self.account().bind_external(name, method, &mut self.rng());
        let bound = self.proven(change, with)?;
        self.show_codes(bound.recovery_codes());
        let person = self.known.person(self.place, self.step.id);
        person.bound.insert(name.to_owned(), bound.device());
        Ok(Outcome::Done)
    }

    fn ask(&mut self, name: &str, purpose: &Purpose) -> Part<Check> {
        let device = self.device(name);
        let token = with_purpose!(purpose, purpose => self.challenge(&self.step.id, purpose))?;
        Ok(Check { token, device, purpose: purpose.clone() })
    }

    fn settle(&mut self, check: &Check, fails: bool) -> Part<Outcome> {
        let Check { token, device, purpose } = check;
        let word = match fails {
            true => Assertion::failed_at_host(token, *device),
            false => Assertion::verified_by_host(token, *device),
        };
        let account = self.account();
        with_purpose!(purpose, purpose => self.accepted(account.finish_external(word, purpose)))
    }

    fn offboard(&mut self, by: Option<&(AccountId, Option<Proof>)>) -> Part<Outcome> {
        let word = match by {
            None => HostsWord::Process,
            Some((operator, None)) => HostsWord::Person(*operator),
            Some((operator, Some(proof))) => {
                let operator = self.acting(*operator, proof)?;
                return self.done(self.account().offboard(operator, REASON));
            }
        };
        self.done(self.account().offboard(word, REASON))
    }
}

/// Why an operator or the host does something.
const REASON: &str = "scenario";

/// A check of a passkey that was never started.
fn nothing_asked() -> Check {
    let device = DeviceId::from_u64(0);
    Check { token: String::new(), device, purpose: Purpose::SignIn }
}
