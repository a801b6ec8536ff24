//! The escapes by themselves: with characters that no text of an event holds, because `Text` refuses
//! them, and that a later field might.

use crate::{cef, line, syslog};

const HOSTILE: &str = "a\"b\\c]d|e=f\ng\rh\0i\u{2028}j\u{2029}k\u{85}l\u{7f}m\u{1b}n日";

#[test]
fn json_is_one_line_for_every_reader() {
    let mut text = String::new();
    line::write_text(HOSTILE, &mut text);
    assert_eq!(text, r#""a\"b\\c]d|e=f\ng\rh\u0000i\u2028j\u2029k\u0085l\u007fm\u001bn日""#);
    assert_eq!(serde_json::from_str::<String>(&text).ok().as_deref(), Some(HOSTILE));
}

#[test]
fn syslog_escapes_three_characters_and_replaces_what_does_not_show() {
    let expected = r#"a\"b\\c\]d|e=f�g�h�i�j�k�l�m�n日"#;
    assert_eq!(syslog::escaped(HOSTILE), expected);
}

#[test]
fn cef_escapes_by_place() {
    assert_eq!(cef::escaped(HOSTILE), r#"a"b\\c]d|e\=f\ng\rh�i�j�k�l�m�n日"#);
    assert_eq!(cef::header(HOSTILE), r#"a"b\\c]d\|e=f�g�h�i�j�k�l�m�n日"#);
}
