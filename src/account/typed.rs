//! What a person typed or pasted, down to the characters that count.
//!
//! Standard: Unicode 18.0, UAX #44 (White_Space, Dash, general categories Nd, Cf and Pd); NIST SP
//! 800-63B-4 section 3.1.2.2 for what is typed in place of an authenticator.
//!
//! Drops separators and what surrounds the code, and reads digits of other scripts by their value.
//! Guesses nothing else: every other character stays, for the reader that knows the alphabet to refuse.
//!
//! Public: where the separators are, how many characters count, and of which script they are. Which
//! digits and letters they are decides no branch and no address.

use crate::ct::within;
use crate::otp::code::Code;
use crate::text::is_invisible;

/// The most bytes of a typed text: a code takes fewer than half, in any script and spelling.
const MAX_LEN: usize = 256;

/// The characters that count, as ASCII, NUL for each that no code has; `None` for too long a text.
pub(crate) fn characters(text: &str) -> Option<impl Iterator<Item = u8> + Clone> {
    if text.len() > MAX_LEN {
        return None;
    }
    let bare = text.trim_matches(stands_around);
    let bare = bare.strip_suffix(is_dot).unwrap_or(bare).trim_end_matches(stands_around);
    Some(without_number(bare).chars().filter_map(counted))
}

/// The code of an app, a token or a text: six to eight digits.
pub(crate) fn typed_code(text: &str) -> Option<Code> {
    characters(text).and_then(Code::of_any_length)
}

/// The text without a list's number: one or two digits, a dot, colon or parenthesis, and a blank.
fn without_number(text: &str) -> &str {
    let inner = text.strip_prefix(['(', '\u{FF08}']).unwrap_or(text);
    let mut behind_a_digit = inner.char_indices().skip(1).take(2);
    let Some((at, ending)) = behind_a_digit.find(|(_, character)| ends_number(*character)) else {
        return text; // most texts: no digit of a code has been looked at
    };
    let (number, rest) = inner.split_at_checked(at).unwrap_or_default();
    let rest = rest.strip_prefix(ending).unwrap_or_default();
    let is_closed = inner.len() == text.len() || matches!(ending, ')' | '\u{FF09}');
    let is_number = number.chars().all(|it| counted(it).is_some_and(|it| it.is_ascii_digit()));
    if is_closed && is_number && rest.starts_with(char::is_whitespace) {
        rest.trim_start_matches(stands_around)
    } else {
        text
    }
}

/// One character that counts, as ASCII, or NUL if no code has it; `None` for one that separates.
fn counted(character: char) -> Option<u8> {
    let separates = is_one(character, &[(b'\t', b'\r'), (b' ', b' '), (b'-', b'-')], |character| {
        let hides = is_invisible(character) && !character.is_control();
        hides || character.is_whitespace() || is_hyphen(character)
    });
    if separates { None } else { Some(ascii(character).unwrap_or_else(|| value(character))) }
}

/// Whether a character may surround a code: a separator or a quotation mark.
fn stands_around(character: char) -> bool {
    let quotes = [(b'"', b'"'), (b'\'', b'\''), (b'`', b'`')];
    is_one(character, &quotes, is_quotation_mark) || counted(character).is_none()
}

fn ends_number(character: char) -> bool {
    let ascii = [(b')', b')'), (b'.', b'.'), (b':', b':')];
    is_one(character, &ascii, |it| matches!(it, '\u{FF09}' | '\u{FF0E}' | '\u{FF1A}'))
}

/// A full stop, an East Asian or a full-width one too.
fn is_dot(character: char) -> bool {
    let east = |character| matches!(character, '\u{3002}' | '\u{FF0E}' | '\u{FF61}');
    is_one(character, &[(b'.', b'.')], east)
}

/// Whether a character is in one of these ranges of ASCII, or one of those `beyond` it. The same
/// instructions run for every digit and letter that counts.
fn is_one(character: char, ranges: &[(u8, u8)], beyond: impl Fn(char) -> bool) -> bool {
    match ascii(character) {
        Some(byte) => {
            ranges.iter().fold(0, |is, (first, last)| is | within(byte, *first, *last)) != 0
        }
        None => value(character) == 0 && beyond(character),
    }
}

fn ascii(character: char) -> Option<u8> {
    u8::try_from(character).ok().filter(u8::is_ascii)
}

/// The ASCII of a digit beyond ASCII or a full-width letter; else NUL. Reads the table to its end.
fn value(character: char) -> u8 {
    let zeros = ZEROS.into_iter().map(|zero| (zero, 10, b'0'));
    let runs = zeros.chain([(0xFF21, 26, b'A'), (0xFF41, 26, b'a')]);
    runs.fold(0, |value, (first, count, ascii): (u32, u64, u8)| {
        let place = u32::from(character).wrapping_sub(first);
        let is_here = (u64::from(place).wrapping_sub(count) >> 63) as u8; // 1 if it is below
        value | (place as u8).wrapping_add(ascii) & is_here.wrapping_neg()
    })
}

/// The properties Dash and Hyphen of Unicode beyond ASCII, and the bullet that is named after it.
fn is_hyphen(character: char) -> bool {
    matches!(character,
        '\u{AD}' | '\u{58A}' | '\u{5BE}' | '\u{1400}' | '\u{1806}' | '\u{2010}'..='\u{2015}'
        | '\u{2043}' | '\u{2053}' | '\u{207B}' | '\u{208B}' | '\u{2212}' | '\u{2E17}' | '\u{2E1A}'
        | '\u{2E3A}'..='\u{2E3B}' | '\u{2E40}' | '\u{2E5D}' | '\u{301C}' | '\u{3030}' | '\u{30A0}'
        | '\u{30FB}' | '\u{FE31}'..='\u{FE32}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}' | '\u{FF65}'
        | '\u{10D6E}' | '\u{10EAD}')
}

/// The property Quotation_Mark of Unicode beyond ASCII, accents that are typed for one, and primes.
fn is_quotation_mark(character: char) -> bool {
    matches!(character,
        '\u{AB}' | '\u{B4}' | '\u{BB}' | '\u{2018}'..='\u{201F}' | '\u{2032}'..='\u{2036}'
        | '\u{2039}'..='\u{203A}' | '\u{2E42}' | '\u{300C}'..='\u{300F}' | '\u{301D}'..='\u{301F}'
        | '\u{FE41}'..='\u{FE44}' | '\u{FF02}' | '\u{FF07}' | '\u{FF40}' | '\u{FF62}'..='\u{FF63}')
}

/// The zeros of all scripts beyond ASCII, as of Unicode 18: the digits of its general category Nd follow
/// each other from the zero on. `tests/data/decimal-digits.txt` says what each is.
#[rustfmt::skip]
const ZEROS: [u32; 76] = [
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6,
    0xE50, 0xED0, 0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50,
    0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
    0x104A0, 0x10D30, 0x10D40, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0,
    0x11650, 0x116C0, 0x116D0, 0x116DA, 0x11730, 0x118E0, 0x11950, 0x11BF0, 0x11C50, 0x11D50,
    0x11DA0, 0x11DE0, 0x11F50, 0x16130, 0x16A60, 0x16AC0, 0x16B50, 0x16D70, 0x1CCF0, 0x1D7CE,
    0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E5F1, 0x1E950, 0x1FBF0,
];

#[cfg(test)]
#[path = "../../tests/unit/typed.rs"]
mod tests;
