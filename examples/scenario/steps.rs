//! Reads a step: time, person, verb, words, and what is expected.

use countersign::account::{Label, PassLength, PhoneNumber};
use countersign::{AccountId, Action};

use super::expect::Expectation;
use super::fields::is_field;
use super::parse::{Kind, Names, Words};
use super::script::{
    Allowed, Code, Held, Help, Line, Operator, Pass, Printed, Proof, Purpose, Step, Verb,
};
use super::words::{Word, number, seconds};

/// The characters of the shortest pass: a word with fewer is a name.
const SHORT_PASS: usize = 8;

/// What a line's words are read against.
struct Reader<'n> {
    words: Words,
    names: &'n mut Names,
    /// Whether the line expects `malformed`: then a word may be a code that is none.
    malformed: bool,
}

/// Reads the words of one step, of which the first is its time.
pub fn step(line: usize, at: i64, words: &[Word], names: &mut Names) -> Result<Line, String> {
    let arrow = words.iter().position(|word| word.is("->"));
    let (done, expected) = match arrow {
        Some(place) => words.split_at(place),
        None => (words, &[][..]),
    };
    let (mut person, mut word) = (String::new(), String::new());
    let mut rest = done.iter().skip(1);
    for (place, what) in [(&mut person, "the person"), (&mut word, "the verb")] {
        place.clone_from(&rest.next().ok_or_else(|| format!("{what} is missing"))?.text);
    }
    let id = account(&person)?;
    let moment = super::ZERO.as_secs().checked_add_signed(at);
    moment.ok_or("the time is before 1970 or beyond the end of time")?;
    let expected = match expected.split_first() {
        Some((_, behind)) => Some(Expectation::parse(behind, word == "summary")?),
        None => None,
    };
    let malformed = expected.as_ref().is_some_and(|expected| expected.names("malformed"));
    let mut reader = Reader { words: Words::new(rest.cloned()), names, malformed };
    let verb = match word.as_str() {
        "carry" => reader.carry(id)?,
        word => reader.verb(word)?,
    };
    let (from, session) = (reader.browser()?, reader.words.option("session")?);
    let session = session.map(|word| word.text);
    reader.words.end()?;
    Ok(Line::Step(Box::new(Step { line, at, person, id, word, verb, from, session, expected })))
}

fn account(person: &str) -> Result<AccountId, String> {
    AccountId::new(person).map_err(|_| format!("'{person}' is no person: 1 to 64 bytes"))
}

impl Reader<'_> {
    fn verb(&mut self, word: &str) -> Result<Verb, String> {
        match word {
            "bind" | "enrol" | "confirm" | "replace" | "import" => self.binding(word),
            "verify" | "resynchronise" | "recover" | "remember" | "trust" => self.attempt(word),
            "phone-number" | "enrol-number" | "text" | "answer" => self.text(word),
            "passkey" | "touch" | "ask" | "settle" => self.passkey(word),
            "regenerate" => Ok(Verb::Regenerate {
                with: self.with()?.ok_or("with= is missing")?,
                leaked: self.words.flag("leaked"),
            }),
            "revoke" => Ok(Verb::Revoke { device: self.bound()?, allowed: self.allowed()? }),
            "lost" => Ok(Verb::Lost { device: self.bound()?, allowed: self.allowed()? }),
            "unlock" => Ok(Verb::Unlock(self.allowed()?)),
            "forget" => {
                let browser = self.words.next("the browser")?;
                Ok(Verb::Forget(known(&self.names.browsers, &browser.text, "browser")?))
            }
            "visit" => self.visit().map(Verb::Visit),
            "acknowledge" => Ok(Verb::Acknowledge),
            "invite" | "reset" | "emergency" => self.help(word),
            "enter" => {
                let pass = self.words.next("the pass")?;
                self.pass(&pass).map(Verb::Enter)
            }
            "withdraw" => Ok(Verb::Withdraw(self.allowed()?)),
            "offboard" => self.offboard(),
            "bar" => Ok(Verb::Bar),
            "reseal" => Ok(Verb::Reseal),
            "abandon" => Ok(Verb::Abandon(self.operator()?.ok_or("by= is missing")?)),
            "summary" => {
                let field = self.words.next("the field")?.text;
                is_field(&field).ok_or_else(|| format!("'{field}' is no field of a summary"))?;
                Ok(Verb::Summary(field))
            }
            unknown => Err(format!("'{unknown}' is no verb")),
        }
    }

    fn binding(&mut self, word: &str) -> Result<Verb, String> {
        if word == "confirm" {
            let mut codes = vec![self.code()?];
            if let Some(second) = self.words.more() {
                codes.push(self.read_code(&second)?);
            }
            return Ok(Verb::Confirm(codes));
        }
        if word == "replace" {
            let (device, by) = (self.bound()?, self.words.needed("by")?);
            let by = self.device_named(&by.text)?;
            let code = Code::Shown { device: by.clone(), shift: 0 };
            let with = self.with()?.ok_or("with= is missing")?;
            return Ok(Verb::Replace { device, by, code, with });
        }
        let device = self.words.next("the phone or token")?;
        let device = self.device_named(&device.text)?;
        Ok(match word {
            "bind" => {
                let code = Code::Shown { device: device.clone(), shift: 0 };
                Verb::Bind { device, code, with: self.with_or_pass()? }
            }
            "enrol" => Verb::Enrol { device, with: self.with_or_pass()? },
            _ => {
                let last = match self.words.option("last")? {
                    Some(word) => Some(number(&word.text).ok_or("last= takes a number")?),
                    None => None,
                };
                let clock = match self.words.option("clock")? {
                    Some(word) => Some(seconds(&word.text).ok_or("clock= takes seconds")?),
                    None => None,
                };
                Verb::Import { device, last, clock }
            }
        })
    }

    fn attempt(&mut self, word: &str) -> Result<Verb, String> {
        Ok(match word {
            "verify" => Verb::Verify { code: self.code()?, purpose: self.purpose()? },
            "resynchronise" => {
                let device = self.words.next("the phone or token")?;
                let device = self.device_named(&device.text)?;
                Verb::Resynchronise { device, codes: [self.code()?, self.code()?] }
            }
            "recover" => {
                let code = self.words.next("the recovery code")?;
                let code = match number(&code.text).filter(|_| !code.is_quoted()) {
                    Some(_) => nth(&code)?,
                    None => Printed::Text(code.text),
                };
                Verb::Recover { code, purpose: self.purpose()? }
            }
            _ => {
                let code = self.code()?;
                let browser = self.words.needed("as")?.text;
                self.names.browsers.insert(browser.clone());
                match word {
                    "remember" => Verb::Remember { code, browser },
                    _ => Verb::Trust { code, browser },
                }
            }
        })
    }

    /// `BROWSER` is the token that was handed out last, `BROWSER@N` the N-th, from 1.
    fn visit(&mut self) -> Result<Held, String> {
        let word = self.words.next("the browser")?.text;
        if let Ok(browser) = known(&self.names.browsers, &word, "browser") {
            return Ok(Held::Newest(browser));
        }
        let (name, place) = word.rsplit_once('@').unwrap_or((&word, ""));
        let browser = known(&self.names.browsers, name, "browser")?;
        let place = number(place).and_then(|place| usize::try_from(place).ok());
        let place = place.filter(|place| *place > 0);
        Ok(Held::Nth(browser, place.ok_or("the tokens of a browser count from 1")?))
    }

    fn text(&mut self, word: &str) -> Result<Verb, String> {
        Ok(match word {
            "text" => {
                let purpose = self.purpose()?;
                Verb::Text { label: self.text_label()?, purpose }
            }
            "answer" => {
                let label = self.words.next("the label")?;
                let label = known(&self.names.texts, &label.text, "text")?;
                Verb::Answer { label, code: self.code()?, purpose: self.purpose()? }
            }
            _ => {
                let number = self.words.next("the telephone number")?.text;
                PhoneNumber::new(&number).map_err(|error| format!("'{number}': {error}"))?;
                self.names.numbers.insert(number.clone());
                let with = self.with_or_pass()?;
                match word {
                    "phone-number" => Verb::PhoneNumber { number, with },
                    _ => Verb::EnrolNumber { number, label: self.text_label()?, with },
                }
            }
        })
    }

    fn passkey(&mut self, word: &str) -> Result<Verb, String> {
        if word == "settle" {
            let label = self.words.next("the label")?;
            let label = known(&self.names.checks, &label.text, "check of a passkey")?;
            return Ok(Verb::Settle { label, fails: self.words.flag("fails") });
        }
        let name = self.words.next("the passkey")?.text;
        if word == "passkey" {
            Label::new(&name).map_err(|error| format!("'{name}' cannot be a name: {error}"))?;
            let with = self.with_or_pass()?;
            self.names.passkeys.insert(name.clone());
            return Ok(Verb::Passkey { name, with });
        }
        let (name, purpose) = (known(&self.names.passkeys, &name, "passkey")?, self.purpose()?);
        if word == "touch" {
            return Ok(Verb::Touch { name, fails: self.words.flag("fails"), purpose });
        }
        let label = self.words.needed("as")?.text;
        self.names.checks.insert(label.clone());
        Ok(Verb::Ask { name, label, purpose })
    }

    fn carry(&mut self, person: AccountId) -> Result<Verb, String> {
        let with = self.with()?.ok_or("with= is missing")?;
        let (purpose, to) = (self.purpose()?, self.words.option("to")?);
        let to = to.map(|word| account(&word.text)).transpose()?;
        if matches!(purpose, Purpose::ActForOther) != to.is_some() {
            return Err("to= belongs to for=act-for-other".to_owned());
        }
        let label = self.words.needed("as")?.text;
        self.names.carried.insert(label.clone(), to.map(|_| person));
        Ok(Verb::Carry { with, purpose, to, change: None, label })
    }

    fn help(&mut self, word: &str) -> Result<Verb, String> {
        let help = match word {
            "invite" => Help::Invite,
            "reset" => Help::Reset,
            _ => {
                let secs =
                    number(&self.words.needed("secs")?.text).ok_or("secs= takes a number")?;
                Help::Emergency(secs)
            }
        };
        let operator = self.operator()?.ok_or("by= is missing")?;
        let short = self.words.flag("short");
        let length = if short { PassLength::Short } else { PassLength::Long };
        let label = self.words.needed("as")?.text;
        self.names.passes.insert(label.clone());
        Ok(Verb::Help { help, operator, length, label })
    }

    /// A pass by its label, or as it is typed.
    fn pass(&self, word: &Word) -> Result<Pass, String> {
        let is_label = self.names.passes.contains(&word.text) && !word.is_quoted();
        if is_label {
            return Ok(Pass::Issued(word.text.clone()));
        }
        let is_typed = word.is_quoted() || self.malformed || word.text.len() >= SHORT_PASS;
        let typed = is_typed.then(|| Pass::Text(word.text.clone()));
        typed.ok_or_else(|| format!("'{}' names no pass", word.text))
    }

    /// What allows an enrolment.
    fn with_or_pass(&mut self) -> Result<Option<Proof>, String> {
        match (self.with()?, self.words.option("pass")?) {
            (Some(_), Some(_)) => Err("with= and pass= exclude each other".to_owned()),
            (with, None) => Ok(with),
            (None, Some(pass)) => self.pass(&pass).map(|pass| Some(Proof::Pass(pass))),
        }
    }

    fn offboard(&mut self) -> Result<Verb, String> {
        let Some(by) = self.words.option("by")? else { return Ok(Verb::Offboard(None)) };
        let (operator, proof) = by.at_slash();
        let proof = proof.map(|proof| self.proof(&proof)).transpose()?;
        Ok(Verb::Offboard(Some((account(&operator.text)?, proof))))
    }

    /// The label of a text. It names a code as well, so it cannot be the name of a device.
    fn text_label(&mut self) -> Result<String, String> {
        let label = self.words.needed("as")?.text;
        if self.names.devices.contains_key(&label) {
            return Err(format!("'{label}' has a meaning already"));
        }
        self.names.texts.insert(label.clone());
        Ok(label)
    }

    fn device_named(&self, name: &str) -> Result<String, String> {
        let known = self.names.devices.contains_key(name);
        known.then(|| name.to_owned()).ok_or_else(|| format!("'{name}' is no phone or token"))
    }

    /// The name of anything that can be bound.
    fn bound(&mut self) -> Result<String, String> {
        let name = self.words.next("the device")?.text;
        let Names { devices, passkeys, numbers, texts, .. } = &*self.names;
        let known = devices.contains_key(&name)
            || [passkeys, numbers, texts].iter().any(|names| names.contains(&name));
        if known { Ok(name) } else { Err(format!("'{name}' names no device")) }
    }

    fn code(&mut self) -> Result<Code, String> {
        let word = self.words.next("the code")?;
        self.read_code(&word)
    }

    /// A code: typed, or by the name of what shows it or of the text that it was sent in. A word with a
    /// letter in front is a name, unless the line expects it to be no code.
    fn read_code(&self, word: &Word) -> Result<Code, String> {
        let typed = Code::Text(word.text.clone());
        if word.is_quoted() {
            return Ok(typed);
        }
        let (name, shift) = match word.text.split_once('@') {
            Some((name, shift)) => (name, Some(shift)),
            None => (word.text.as_str(), None),
        };
        match (self.names.devices.get(name), shift) {
            (Some(Kind::Token), Some(_)) => Err(format!("'{name}' is a token and has no clock")),
            (Some(_), shift) => {
                let shift = shift.unwrap_or("0");
                let moved = seconds(shift.strip_prefix('+').unwrap_or(shift));
                let shift = moved.ok_or_else(|| format!("'{shift}' is no number of seconds"))?;
                Ok(Code::Shown { device: name.to_owned(), shift })
            }
            (None, None) if self.names.texts.contains(name) => Ok(Code::Sent(name.to_owned())),
            _ if self.malformed || !name.starts_with(char::is_alphabetic) => Ok(typed),
            _ => Err(format!("'{name}' is no code and names no phone, token or text")),
        }
    }

    fn purpose(&mut self) -> Result<Purpose, String> {
        let Some(word) = self.words.option("for")? else { return Ok(Purpose::SignIn) };
        Ok(match word.text.as_str() {
            "sign-in" => Purpose::SignIn,
            "change-factors" => Purpose::ChangeFactors,
            "change-privileges" => Purpose::ChangePrivileges,
            "act-for-other" => Purpose::ActForOther,
            other => {
                let unknown = || format!("'{other}' is no purpose");
                let name = other.strip_prefix("action:").ok_or_else(unknown)?;
                let action = Action::new(name);
                Purpose::Action(action.map_err(|error| format!("'{other}': {error}"))?)
            }
        })
    }

    fn browser(&mut self) -> Result<Option<String>, String> {
        let Some(word) = self.words.option("from")? else { return Ok(None) };
        known(&self.names.browsers, &word.text, "browser").map(Some)
    }

    fn with(&mut self) -> Result<Option<Proof>, String> {
        self.words.option("with")?.map(|word| self.proof(&word)).transpose()
    }

    fn operator(&mut self) -> Result<Option<Operator>, String> {
        let Some(word) = self.words.option("by")? else { return Ok(None) };
        let (operator, proof) = word.at_slash();
        let proof = proof.ok_or("by= takes OPERATOR/CODE")?;
        Ok(Some(Operator { id: account(&operator.text)?, proof: self.proof(&proof)? }))
    }

    fn allowed(&mut self) -> Result<Allowed, String> {
        match (self.with()?, self.operator()?) {
            (Some(proof), None) => Ok(match self.carrier(&proof) {
                Some(id) => Allowed::Operator(Operator { id, proof }),
                None => Allowed::Own(proof),
            }),
            (None, Some(operator)) => Ok(Allowed::Operator(operator)),
            (None, None) => Err("with= or by= is missing".to_owned()),
            (Some(_), Some(_)) => Err("with= and by= exclude each other".to_owned()),
        }
    }

    /// The operator whose carried proof it is.
    fn carrier(&self, proof: &Proof) -> Option<AccountId> {
        match proof {
            Proof::Carried(label) => self.names.carried.get(label).copied().flatten(),
            _ => None,
        }
    }

    fn proof(&self, word: &Word) -> Result<Proof, String> {
        if let Some(word) = word.behind("recovery:") {
            return nth(&word).map(Proof::Recovery);
        }
        if let Some(label) = word.behind("text:") {
            return known(&self.names.texts, &label.text, "text").map(Proof::Text);
        }
        if let Some(name) = word.behind("touch:") {
            return known(&self.names.passkeys, &name.text, "passkey").map(Proof::Touch);
        }
        if let Some(label) = word.behind("carried:") {
            let known = self.names.carried.contains_key(&label.text);
            let label = Some(label.text).filter(|_| known).map(Proof::Carried);
            return label.ok_or_else(|| format!("'{}' names no carried proof", word.text));
        }
        self.read_code(word).map(Proof::Code)
    }
}

fn nth(word: &Word) -> Result<Printed, String> {
    let place = number(&word.text).and_then(|place| usize::try_from(place).ok());
    let place = place.filter(|place| *place > 0);
    let wrong = || format!("'{}' is no place in a set: they count from 1", word.text);
    place.map(Printed::Nth).ok_or_else(wrong)
}

fn known(
    names: &std::collections::HashSet<String>,
    name: &str,
    what: &str,
) -> Result<String, String> {
    names.get(name).cloned().ok_or_else(|| format!("'{name}' names no {what}"))
}
