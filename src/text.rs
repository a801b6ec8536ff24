//! Text that a person wrote, and what no text may hold because it does not show.
//!
//! Standard: CWE-116 and CWE-1007 (a name that shows as another name).
//!
//! Says nothing of what a name means or whether it is taken.

use alloc::string::String;
use core::fmt;

/// A line of text that a person wrote: 1 to `MAX` bytes of UTF-8 without control characters, line
/// separators and marks that reverse the direction of what stands around it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// Takes the text as it is.
    ///
    /// # Errors
    /// [`TextError`]: empty, longer than `MAX` bytes, or with a control character.
    pub fn new(text: &str) -> Result<Text<MAX>, TextError> {
        if text.is_empty() {
            Err(TextError::Empty)
        } else if text.len() > MAX {
            Err(TextError::TooLong { bytes: text.len(), limit: MAX })
        } else if text.chars().any(steers_the_screen) {
            Err(TextError::ControlCharacter)
        } else {
            Ok(Text(text.into()))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TextError {
    /// A control character, a line break or a mark of direction included.
    ControlCharacter,
    /// No text at all.
    Empty,
    /// More bytes than there may be.
    TooLong {
        /// How many there were.
        bytes: usize,
        /// How many there may be.
        limit: usize,
    },
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TextError::ControlCharacter => f.write_str("the text has a control character"),
            TextError::Empty => f.write_str("the text is empty"),
            TextError::TooLong { bytes, limit } => {
                write!(f, "the text has {bytes} bytes, at most {limit}")
            }
        }
    }
}

impl core::error::Error for TextError {}

/// Control characters, line separators and the marks that reverse the direction of text: a name
/// with one of these can make a screen or a log show another name.
pub(crate) fn steers_the_screen(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
