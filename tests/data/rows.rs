//! Reads the text files beside it: columns between `|`, `#` for a comment, texts between quotes
//! with the escapes of Rust.

#[allow(unused_imports)] // needed inside the library, which is no_std
use std::{string::String, vec::Vec};

/// The rows of one file under `tests/data`. A file without rows is an error, so that a table cannot
/// pass by being empty.
pub fn rows<const N: usize>(file: &'static str) -> Vec<[&'static str; N]> {
    let lines = file.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let rows: Vec<_> = lines
        .map(|line| {
            let columns: Vec<&str> = line.split('|').map(str::trim).collect();
            columns.try_into().unwrap_or_else(|_| panic!("not {N} columns: {line}"))
        })
        .collect();
    assert!(!rows.is_empty(), "no rows");
    rows
}

/// What stands between quotes.
#[allow(dead_code)]
pub fn text(quoted: &str) -> String {
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let mut rest = inner.unwrap_or_else(|| panic!("no quotes: {quoted}")).chars();
    let mut text = String::new();
    while let Some(character) = rest.next() {
        text.push(match (character, character == '\\') {
            (_, false) => character,
            (_, true) => match rest.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('0') => '\0',
                Some('u') => {
                    let hex: String = rest.by_ref().skip(1).take_while(|c| *c != '}').collect();
                    char::from_u32(u32::from_str_radix(&hex, 16).unwrap()).unwrap()
                }
                other => panic!("no such escape: {other:?}"),
            },
        });
    }
    text
}

/// Bytes in hexadecimal.
#[allow(dead_code)]
pub fn hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "half a byte: {text}");
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
