//! Reads a file: its directives here, its steps in `steps`. What is wrong is said with its line, and all of
//! it at once.

use std::collections::{HashMap, HashSet};

use countersign::account::Label;
use countersign::otp::{Parameters, Period};
use countersign::{AccountId, Algorithm, Digits};

use super::devices::base32;
use super::script::{Line, Rules, Verb};
use super::steps;
use super::words::{Word, number, seconds, split};

/// The names that the lines so far have given.
#[derive(Default)]
pub struct Names {
    pub devices: HashMap<String, Kind>,
    /// Names of passkeys, and telephone numbers, which can be revoked by their number.
    pub passkeys: HashSet<String>,
    pub numbers: HashSet<String>,
    /// Labels of texts, of checks of a passkey, of browsers, and of passes.
    pub texts: HashSet<String>,
    pub checks: HashSet<String>,
    pub browsers: HashSet<String>,
    /// Labels of carried proofs, and the operator whose it is, if it is for another person.
    pub carried: HashMap<String, Option<AccountId>>,
    pub passes: HashSet<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Phone,
    Token,
}

/// Reads every line.
///
/// # Errors
/// Each line that is wrong, by its number, and what is wrong.
pub fn parse(text: &str) -> Result<Vec<Line>, Vec<(usize, String)>> {
    let (mut names, mut lines, mut wrong) = (Names::default(), Vec::new(), Vec::new());
    let mut block = None; // where `same-time` is, until `together`
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in (1_usize..).zip(text.lines()) {
        let read = split(line).and_then(|words| read(number, words, &mut names));
        let read = read.and_then(|read| match (&read, block) {
            (Some(Line::SameTime), Some(begun)) => {
                Err(format!("same-time, and the one of line {begun} is not ended"))
            }
            (Some(Line::Together), None) => Err("together without same-time".to_owned()),
            _ => Ok(read),
        });
        match read {
            Ok(Some(line)) => {
                block = match line {
                    Line::SameTime => Some(number),
                    Line::Together => None,
                    _ => block,
                };
                lines.push(line);
            }
            Ok(None) => {}
            Err(complaint) => wrong.push((number, complaint)),
        }
    }
    if let Some(begun) = block {
        wrong.push((begun, "same-time without together".to_owned()));
    }
    name_changes(&mut lines);
    if wrong.is_empty() { Ok(lines) } else { Err(wrong) }
}

/// An operator names the change when the proof is carried, and the file does when it is used.
fn name_changes(lines: &mut [Line]) {
    let mut used = HashMap::new();
    for line in lines.iter_mut().rev() {
        let Line::Step(step) = line else { continue };
        used.extend(step.verb.carried_for_other()); // the first use is the last of this walk
        if let Verb::Carry { change, label, .. } = &mut step.verb {
            *change = used.get(label).copied();
        }
    }
}

/// The words of one line that are not read yet.
pub struct Words {
    plain: std::collections::VecDeque<Word>,
    options: Vec<(String, Word)>,
}

impl Words {
    pub fn new(words: impl IntoIterator<Item = Word>) -> Words {
        let (mut plain, mut options) = (std::collections::VecDeque::new(), Vec::new());
        for word in words {
            match word.option() {
                Some((key, value)) => options.push((key.to_owned(), value)),
                None => plain.push_back(word),
            }
        }
        Words { plain, options }
    }

    /// The next word that is no option.
    pub fn next(&mut self, what: &str) -> Result<Word, String> {
        self.plain.pop_front().ok_or_else(|| format!("{what} is missing"))
    }

    /// The next word, if there is one more.
    pub fn more(&mut self) -> Option<Word> {
        self.plain.pop_front()
    }

    /// The value of an option.
    pub fn option(&mut self, key: &str) -> Result<Option<Word>, String> {
        let mut found = None;
        while let Some(place) = self.options.iter().position(|(name, _)| name == key) {
            let (_, value) = self.options.remove(place);
            if found.replace(value).is_some() {
                return Err(format!("{key}= is given twice"));
            }
        }
        Ok(found)
    }

    /// The value of an option that has to be there.
    pub fn needed(&mut self, key: &str) -> Result<Word, String> {
        self.option(key)?.ok_or_else(|| format!("{key}= is missing"))
    }

    /// Whether one of the next words is `flag`.
    pub fn flag(&mut self, flag: &str) -> bool {
        match self.plain.iter().position(|word| word.is(flag)) {
            Some(place) => self.plain.remove(place).is_some(),
            None => false,
        }
    }

    /// Refuses what is left over.
    pub fn end(self) -> Result<(), String> {
        match (self.plain.front(), self.options.first()) {
            (Some(word), _) => Err(format!("'{}' does not belong here", word.text)),
            (None, Some((key, _))) => Err(format!("{key}= does not belong here")),
            (None, None) => Ok(()),
        }
    }
}

fn read(number: usize, words: Vec<Word>, names: &mut Names) -> Result<Option<Line>, String> {
    let Some(first) = words.first() else { return Ok(None) };
    let rest = || Words::new(words.iter().skip(1).cloned());
    if first.is_quoted() {
        return Err(format!("'{}' is neither a time nor a directive", first.text));
    }
    let line = match first.text.as_str() {
        "phone" => phone(rest(), names)?,
        "token" => token(rest(), names)?,
        "skew" => skew(rest(), names)?,
        "press" => press(rest(), names)?,
        "store" => {
            let mut rest = rest();
            let name = rest.next("the name of the store")?.text;
            rest.end()?;
            Line::Store(name)
        }
        "keys" => keys(rest())?,
        "policy" => Line::Policy(policy(rest())?),
        "same-time" => rest().end().map(|()| Line::SameTime)?,
        "together" => rest().end().map(|()| Line::Together)?,
        time => match seconds(time) {
            Some(at) => return steps::step(number, at, &words, names).map(Some),
            None => return Err(format!("'{time}' is neither a time nor a directive")),
        },
    };
    Ok(Some(line))
}

/// The name of a new phone or token.
fn device(words: &mut Words, names: &mut Names, kind: Kind) -> Result<(String, Vec<u8>), String> {
    let name = words.next("the name")?.text;
    let known = names.devices.contains_key(&name) || names.texts.contains(&name);
    if known {
        return Err(format!("'{name}' has a meaning already"));
    }
    Label::new(&name).map_err(|error| format!("'{name}' cannot be a name: {error}"))?;
    names.devices.insert(name.clone(), kind);
    let secret = words.next("the secret")?.text;
    let secret = base32(&secret).ok_or("the secret is not base32 of 1 to 128 bytes")?;
    Ok((name, secret))
}

fn algorithm(words: &mut Words) -> Algorithm {
    let known =
        [("sha1", Algorithm::Sha1), ("sha256", Algorithm::Sha256), ("sha512", Algorithm::Sha512)];
    let found = known.into_iter().find(|(name, _)| words.flag(name));
    found.map_or(Algorithm::Sha1, |(_, algorithm)| algorithm)
}

fn digits(words: &mut Words) -> Result<Digits, String> {
    let Some(word) = words.option("digits")? else { return Ok(Digits::Six) };
    let count = number(&word.text).and_then(|count| u8::try_from(count).ok());
    count.and_then(Digits::new).ok_or_else(|| "digits= takes 6, 7 or 8".to_owned())
}

fn phone(mut words: Words, names: &mut Names) -> Result<Line, String> {
    let (name, secret) = device(&mut words, names, Kind::Phone)?;
    let (algorithm, digits) = (algorithm(&mut words), digits(&mut words)?);
    let period = match words.option("period")? {
        Some(word) => number(&word.text).and_then(Period::new).ok_or("period= takes 1 to 120")?,
        None => Period::of::<30>(),
    };
    words.end()?;
    let parameters = Parameters { algorithm, digits, period, ..Parameters::default() };
    Ok(Line::Phone { name, secret, parameters })
}

fn token(mut words: Words, names: &mut Names) -> Result<Line, String> {
    let (name, secret) = device(&mut words, names, Kind::Token)?;
    let (algorithm, digits) = (algorithm(&mut words), digits(&mut words)?);
    let counter = number(&words.needed("counter")?.text).ok_or("counter= takes a number")?;
    words.end()?;
    Ok(Line::Token { name, secret, algorithm, digits, counter })
}

fn skew(mut words: Words, names: &Names) -> Result<Line, String> {
    let name = words.next("the name of a phone")?.text;
    if names.devices.get(&name) != Some(&Kind::Phone) {
        return Err(format!("'{name}' is no phone"));
    }
    let secs = words.next("the number of seconds")?.text;
    words.end()?;
    let secs = seconds(&secs).ok_or_else(|| format!("'{secs}' is no number of seconds"))?;
    Ok(Line::Skew { name, secs })
}

fn press(mut words: Words, names: &Names) -> Result<Line, String> {
    let name = words.next("the name of a token")?.text;
    if names.devices.get(&name) != Some(&Kind::Token) {
        return Err(format!("'{name}' is no token"));
    }
    let times = words.next("how often it is pressed")?.text;
    words.end()?;
    let times = number(&times).ok_or_else(|| format!("'{times}' is no number"))?;
    Ok(Line::Press { name, times })
}

fn keys(mut words: Words) -> Result<Line, String> {
    let mut keys = vec![words.next("the name of the newest key")?.text];
    while let Some(word) = words.more() {
        keys.push(word.text);
    }
    words.end()?;
    Ok(Line::Keys(keys))
}

/// The first of each is the default.
fn policy(mut words: Words) -> Result<Rules, String> {
    let enrolment = words.option("first-enrolment")?;
    let trusted = words.option("trusted")?;
    words.end()?;
    if enrolment.is_none() && trusted.is_none() {
        return Err("a policy is missing: first-enrolment= or trusted=".to_owned());
    }
    let choice = |key: &str, value: Option<Word>, first: &str, second: &str| match value {
        Some(value) if value.text == first => Ok(Some(false)),
        Some(value) if value.text == second => Ok(Some(true)),
        Some(_) => Err(format!("{key}= takes {first} or {second}")),
        None => Ok(None),
    };
    Ok(Rules {
        invited: choice("first-enrolment", enrolment, "open", "invited")?,
        trusted: choice("trusted", trusted, "off", "on")?,
    })
}
