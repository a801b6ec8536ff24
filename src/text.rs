//! Text that a person wrote, and which characters no text may hold because they do not show.
//!
//! Standard: UTR #36 section 2.5 and UAX #9 (text that is shown in another order than it is stored);
//! UAX #31 section 2.3 (joiners, which some languages need).
//!
//! Compares nothing: two names of different letters can still look alike.

use alloc::string::String;
use core::fmt::{self, Write as _};

/// A line of text that a person wrote: 1 to `MAX` bytes of UTF-8, not only spaces, and every
/// character of it shows.
///
/// Refuses control characters, line breaks, format characters (marks that turn the direction of
/// text, spaces without a width, tags) and fillers: with one of these a label can make a screen, a
/// log or a report show another label. Takes a joiner (U+200C, U+200D) or an emoji's selector
/// (U+FE0E, U+FE0F) directly behind a character beyond ASCII, because Persian, Hindi and emoji are
/// typed with them.
/// ```
/// use countersign::account::{Text, TextError};
/// // A form's field is taken as it is or refused; a note that must not fail is cleaned.
/// assert_eq!(Text::<64>::new("Dana's phone")?.as_str(), "Dana's phone");
/// assert_eq!(Text::<64>::new("Dana\u{202E}"), Err(TextError::Invisible));
/// assert_eq!(Text::<4>::cleaned("a\nbcde"), Some(Text::new("abcd")?));
/// # Ok::<(), TextError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// Takes the text as it is.
    ///
    /// # Errors
    /// [`TextError`]: empty, longer than `MAX` bytes, or with a character that does not show.
    pub fn new(text: &str) -> Result<Text<MAX>, TextError> {
        if text.trim().is_empty() {
            Err(TextError::Empty)
        } else if text.len() > MAX {
            Err(TextError::TooLong { bytes: text.len(), limit: MAX })
        } else if hides_something(text) {
            Err(TextError::Invisible)
        } else {
            Ok(Text(text.into()))
        }
    }

    /// Takes what can be taken of `text`: without the characters that do not show, cut to `MAX` bytes;
    /// `None` if nothing is left. For a note that must never make an attempt fail.
    #[must_use]
    pub fn cleaned(text: &str) -> Option<Text<MAX>> {
        let mut cleaned = String::new();
        for character in text.chars().filter(|character| !is_invisible(*character)) {
            if cleaned.len().saturating_add(character.len_utf8()) > MAX {
                break;
            }
            cleaned.push(character);
        }
        Text::new(&cleaned).ok()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(feature = "serde")]
impl<'de, const MAX: usize> serde::Deserialize<'de> for Text<MAX> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Text<MAX>, D::Error> {
        Text::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text was refused.
/// ```
/// use countersign::account::{Text, TextError};
/// // The form says what to change.
/// let error = Text::<8>::new("a very long name").unwrap_err();
/// assert_eq!(error, TextError::TooLong { bytes: 16, limit: 8 });
/// assert_eq!(error.to_string(), "the text has 16 bytes, at most 8");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs)] // a variant says what its fields are
pub enum TextError {
    /// No text at all, or only spaces.
    Empty,
    /// A character that does not show, or that turns the text around it.
    Invisible,
    /// More bytes than the limit.
    TooLong { bytes: usize, limit: usize },
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TextError::Empty => f.write_str("the text is empty"),
            TextError::Invisible => {
                f.write_str("the text has a line break or a character that does not show")
            }
            TextError::TooLong { bytes, limit } => {
                write!(f, "the text has {bytes} bytes, at most {limit}")
            }
        }
    }
}

impl core::error::Error for TextError {}

/// Zero width non-joiner and joiner: they choose the shapes of the letters around them.
const JOINERS: [char; 2] = ['\u{200C}', '\u{200D}'];

/// They choose the shape of the character before them: text, or an emoji.
const SELECTORS: [char; 2] = ['\u{FE0E}', '\u{FE0F}'];

/// Whether a text holds a character that does not show. A selector behind a character beyond ASCII
/// shows in that character, and so does a joiner behind either.
pub(crate) fn hides_something(text: &str) -> bool {
    let (mut may_join, mut may_select) = (false, false);
    for character in text.chars() {
        (may_join, may_select) = if may_join && JOINERS.contains(&character) {
            (false, false)
        } else if may_select && SELECTORS.contains(&character) {
            (true, false)
        } else if is_invisible(character) {
            return true;
        } else {
            let takes_both = !character.is_ascii() && !character.is_whitespace();
            (takes_both, takes_both)
        };
    }
    false
}

/// The general categories Cc, Cf, Zl and Zp, and the property Default_Ignorable_Code_Point of
/// Unicode. `tests/data/invisible.txt` says what each of these is.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(character,
        '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}' | '\u{AD}' | '\u{34F}' | '\u{600}'..='\u{605}'
        | '\u{61C}' | '\u{6DD}' | '\u{70F}' | '\u{890}'..='\u{891}' | '\u{8E2}'
        | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}' | '\u{110BD}' | '\u{110CD}' | '\u{13430}'..='\u{1343F}'
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Reads pairs of hexadecimal digits into `bytes` and returns how many bytes there were; `None` for
/// anything else, or for more than there is room for.
pub(crate) fn read_hex(text: &str, bytes: &mut [u8]) -> Option<usize> {
    let digit =
        |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    let places = bytes.get_mut(..pairs.len()).filter(|_| odd.is_empty())?;
    for (place, [high, low]) in places.iter_mut().zip(pairs) {
        *place = digit(high)?.wrapping_shl(4) | digit(low)?;
    }
    Some(pairs.len())
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        let _ = write!(text, "{byte:02x}"); // to a string: it cannot fail
    }
    text
}

/// An error with one cause, and the sentence that says it.
macro_rules! unit_error {
    ($(#[$doc:meta])* $name:ident: $says:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub struct $name;

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str($says)
            }
        }

        impl core::error::Error for $name {}
    };
}

/// Serialises a type as the text that its `Display` prints and its `FromStr` reads.
macro_rules! serde_as_text {
    ($name:ident) => {
        #[cfg(feature = "serde")]
        const _: () = {
            impl serde::Serialize for $name {
                fn serialize<S: serde::Serializer>(
                    &self,
                    serializer: S,
                ) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(
                    deserializer: D,
                ) -> Result<Self, D::Error> {
                    let text = alloc::string::String::deserialize(deserializer)?;
                    text.parse().map_err(serde::de::Error::custom)
                }
            }
        };
    };
}

pub(crate) use {serde_as_text, unit_error};

#[cfg(test)]
#[path = "../tests/unit/text.rs"]
mod tests;
