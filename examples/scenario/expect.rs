//! What came of a step, what a line expects of it, and whether the one is the other.

use std::fmt;

use countersign::account::Notice;

use super::words::{Word, number};

/// What came of a step.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Outcome {
    Accepted,
    Already,
    Closed,
    Done,
    Expired,
    Malformed,
    /// With the name of the refusal; an attempt has none.
    Refused(Option<String>),
    Rejected,
    /// With the names of the fault, the widest first.
    Undecided(Vec<String>),
    /// What `summary` printed.
    Value(String),
    /// With the number of seconds.
    Wait(u64),
}

impl Outcome {
    /// Its word, and what may follow the word: behind `=` a number, behind `:` a name.
    fn parts(&self) -> (&str, Vec<String>) {
        let word = match self {
            Outcome::Accepted => "accepted",
            Outcome::Already => "already",
            Outcome::Closed => "closed",
            Outcome::Done => "done",
            Outcome::Expired => "expired",
            Outcome::Malformed => "malformed",
            Outcome::Refused(why) => return ("refused", why.iter().cloned().collect()),
            Outcome::Rejected => "rejected",
            Outcome::Undecided(why) => return ("undecided", why.clone()),
            Outcome::Value(value) => value,
            Outcome::Wait(secs) => return ("wait", vec![secs.to_string()]),
        };
        (word, Vec::new())
    }

    /// Whether a line that expects `wanted` is content with it.
    fn is(&self, wanted: &str) -> bool {
        if let Outcome::Value(value) = self {
            return value == wanted || same_number(value, wanted);
        }
        let (word, names) = self.parts();
        match wanted.split_once([':', '=']) {
            Some((wanted, name)) => word == wanted && names.iter().any(|found| found == name),
            None => word == wanted,
        }
    }

    const fn went_well(&self) -> bool {
        matches!(self, Outcome::Accepted | Outcome::Done | Outcome::Value(_))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, names) = self.parts();
        let sign = if matches!(self, Outcome::Wait(_)) { '=' } else { ':' };
        match names.first() {
            Some(name) => write!(f, "{word}{sign}{name}"),
            None => f.write_str(word),
        }
    }
}

/// Whether a fraction, to as many digits as were written, is the one that was expected.
fn same_number(value: &str, wanted: &str) -> bool {
    let (Ok(value), Ok(expected)) = (value.parse::<f64>(), wanted.parse::<f64>()) else {
        return false;
    };
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    let mantissa = wanted.split(['e', 'E']).next().unwrap_or_default();
    let places = digits(mantissa.trim_start_matches(['0', '.'])).saturating_sub(1);
    let rounded = |number: f64| format!("{number:.places$e}");
    wanted.contains('.') && rounded(value) == rounded(expected)
}

/// Everything that is known of a step once it is over.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Report {
    pub outcome: Outcome,
    /// Whether a failure was counted.
    pub charged: bool,
    /// What the person is told of, by name, each once.
    pub notices: Vec<String>,
    pub writes: usize,
}

impl Report {
    /// The outcome and its details: those of a failure, those that say something, and those that
    /// the line asks for.
    pub fn show(&self, expected: Option<&Expectation>) -> String {
        let mut shown = self.outcome.to_string();
        let mut add = |word: &str| {
            shown.push(' ');
            shown.push_str(word);
        };
        let asked = |detail: fn(&Detail) -> bool| {
            expected.is_some_and(|expected| expected.details.iter().any(detail))
        };
        let charge = |detail: &Detail| matches!(detail, Detail::Charged(_));
        if !self.outcome.went_well() || self.charged || asked(charge) {
            add(if self.charged { "charged" } else { "uncharged" });
        }
        for notice in &self.notices {
            add(&format!("notice={notice}"));
        }
        if self.notices.is_empty() && asked(|detail| matches!(detail, Detail::NoNotice)) {
            add("no-notice");
        }
        if asked(|detail| matches!(detail, Detail::Writes(_))) {
            add(&format!("writes={}", self.writes));
        }
        shown
    }
}

/// What a line expects.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// One of these is the outcome.
    alternatives: Vec<String>,
    /// All of these are so.
    details: Vec<Detail>,
    /// As the file has it.
    text: String,
}

#[derive(Clone, Debug)]
enum Detail {
    Charged(bool),
    NoNotice,
    Notice(String),
    Writes(u64),
}

impl Expectation {
    /// Reads what is behind the arrow.
    ///
    /// # Errors
    /// The word that is no outcome or no detail.
    pub fn parse(words: &[Word], is_value: bool) -> Result<Expectation, String> {
        let Some((outcome, details)) = words.split_first() else {
            return Err("nothing is expected behind ->".to_owned());
        };
        let alternatives: Vec<String> = outcome.text.split('|').map(str::to_owned).collect();
        if !is_value && let Some(unknown) = alternatives.iter().find(|word| !is_outcome(word)) {
            return Err(format!("'{unknown}' is no outcome"));
        }
        let details = details.iter().map(detail).collect::<Result<_, _>>()?;
        let text: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        Ok(Expectation { alternatives, details, text: text.join(" ") })
    }

    /// Whether one of the alternatives is `word`.
    pub fn names(&self, word: &str) -> bool {
        self.alternatives.iter().any(|alternative| alternative == word)
    }

    /// Whether the step came out as expected.
    pub fn holds(&self, report: &Report) -> bool {
        self.alternatives.iter().any(|wanted| report.outcome.is(wanted))
            && self.details.iter().all(|detail| match detail {
                Detail::Charged(charged) => report.charged == *charged,
                Detail::NoNotice => report.notices.is_empty(),
                Detail::Notice(name) => report.notices.contains(name),
                Detail::Writes(writes) => u64::try_from(report.writes) == Ok(*writes),
            })
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_outcome(word: &str) -> bool {
    const WORDS: [&str; 10] = [
        "accepted",
        "rejected",
        "wait",
        "closed",
        "expired",
        "malformed",
        "already",
        "refused",
        "done",
        "undecided",
    ];
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    match word.split_once([':', '=']) {
        Some(("wait", secs)) => word.starts_with("wait=") && number(secs).is_some(),
        Some(("refused" | "undecided", why)) => word.contains(':') && is_name(why),
        Some(_) => false,
        None => WORDS.contains(&word),
    }
}

fn detail(word: &Word) -> Result<Detail, String> {
    let unknown = || format!("'{}' says nothing about an outcome", word.text);
    Ok(match word.text.split_once('=') {
        None if word.text == "charged" => Detail::Charged(true),
        None if word.text == "uncharged" => Detail::Charged(false),
        None if word.text == "no-notice" => Detail::NoNotice,
        Some(("notice", name)) => {
            let known = serde_json::from_value::<Notice>(name.into()).is_ok();
            let name = known.then(|| name.to_owned());
            Detail::Notice(name.ok_or_else(|| format!("'{}' names no notice", word.text))?)
        }
        Some(("writes", count)) => Detail::Writes(number(count).ok_or_else(unknown)?),
        _ => return Err(unknown()),
    })
}
