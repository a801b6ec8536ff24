//! The words of a line: blanks part them, `#` ends them, quotes keep blanks. And the moment that a line
//! begins with.

/// One word of a line.
#[derive(Clone, Debug)]
pub struct Word {
    pub text: String,
    /// Where in `text` the first quotation mark opened.
    quote: Option<usize>,
}

impl Word {
    /// Whether a part of it was in quotes: then it is a text, whatever it looks like.
    pub const fn is_quoted(&self) -> bool {
        self.quote.is_some()
    }

    /// Whether it is `text`, without quotes.
    pub fn is(&self, text: &str) -> bool {
        self.text == text && !self.is_quoted()
    }

    /// The two halves of `KEY=VALUE`; the key has lower-case letters and no quotes. The padding of a
    /// secret is no option.
    pub fn option(&self) -> Option<(&str, Word)> {
        let (key, value) =
            self.text.split_once('=').filter(|(_, value)| !value.starts_with('='))?;
        let plain = self.quote.is_none_or(|quote| quote > key.len());
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        let is_key = plain && !key.is_empty() && key.bytes().all(letters);
        let behind = key.len().saturating_add(1);
        let quote = self.quote.map(|quote| quote.saturating_sub(behind));
        is_key.then(|| (key, Word { text: value.to_owned(), quote }))
    }

    /// What is behind `prefix`, for `recovery:N` and its like.
    pub fn behind(&self, prefix: &str) -> Option<Word> {
        let plain = self.quote.is_none_or(|quote| quote >= prefix.len());
        let rest = self.text.strip_prefix(prefix).filter(|_| plain)?;
        let quote = self.quote.map(|quote| quote.saturating_sub(prefix.len()));
        Some(Word { text: rest.to_owned(), quote })
    }

    /// The two parts of `PERSON/CODE`.
    pub fn at_slash(&self) -> (Word, Option<Word>) {
        match self.text.split_once('/') {
            Some((before, after)) => {
                let part = |text: &str| Word { text: text.to_owned(), quote: None };
                let quoted = self.quote.is_some_and(|quote| quote > before.len());
                let after = Word { text: after.to_owned(), quote: quoted.then_some(0) };
                (part(before), Some(after))
            }
            None => (self.clone(), None),
        }
    }
}

/// Parts a line into its words.
///
/// # Errors
/// A quotation mark without its second.
pub fn split(line: &str) -> Result<Vec<Word>, String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None, false);
    for character in line.chars() {
        match character {
            '"' => {
                quoted = !quoted;
                let open = word.get_or_insert_with(|| Word { text: String::new(), quote: None });
                open.quote = open.quote.or(Some(open.text.len()));
            }
            '#' if !quoted => break,
            ' ' | '\t' | '\r' if !quoted => words.extend(word.take()),
            _ => {
                let open = word.get_or_insert_with(|| Word { text: String::new(), quote: None });
                open.text.push(character);
            }
        }
    }
    if quoted {
        return Err("a quotation mark is not closed".to_owned());
    }
    words.extend(word);
    Ok(words)
}

/// Seconds, as a number or as the parts of a duration: `90`, `1m30s`, `-60`.
pub fn seconds(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1_i64, rest),
        None => (1, text),
    };
    let size = match number(digits) {
        Some(size) => size,
        None => duration(digits)?,
    };
    i64::try_from(size).ok()?.checked_mul(sign)
}

/// Decimal digits and nothing else: the parser of the standard library takes a plus too.
pub fn number(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// The parts from days down to seconds, each at most once.
fn duration(text: &str) -> Option<u64> {
    let (mut rest, mut sum) = (text, 0_u64);
    for (unit, size) in [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)] {
        let Some((count, behind)) = rest.split_once(unit) else { continue };
        sum = sum.checked_add(number(count)?.checked_mul(size)?)?;
        rest = behind;
    }
    (rest.is_empty() && !text.is_empty()).then_some(sum)
}
