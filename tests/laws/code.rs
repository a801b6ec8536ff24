//! The laws of typed codes: what is taken, against a model that counts characters.

use countersign::{Code, Digits};

/// What holds for any text. Says which doors took it, the strict and the lenient one.
///
/// # Panics
/// If it does not.
pub fn hold(data: &[u8]) -> [bool; 2] {
    let text = &*String::from_utf8_lossy(data);
    let dropped: String = text.chars().filter(|character| !" -".contains(*character)).collect();
    let mut taken = [false; 2];
    for digits in [Digits::Six, Digits::Seven, Digits::Eight] {
        let model = |text: &str| {
            let only_digits = text.chars().all(|character| "0123456789".contains(character));
            only_digits && text.chars().count() == usize::from(digits.count())
        };
        let strict = Code::parse(text, digits);
        assert_eq!(strict.is_ok(), model(text), "{text:?}");
        if let Ok(code) = &strict {
            assert_eq!((code.expose_str(), code.digits()), (text, digits));
        }
        let lenient = Code::parse_lenient(text, digits);
        assert_eq!(lenient.is_ok(), model(&dropped), "{text:?}");
        // The lenient door returns the one canonical code: nothing after it sees the spelling.
        if let Ok(code) = &lenient {
            assert_eq!(code.expose_str(), dropped);
            assert_eq!(Code::parse(&dropped, digits).as_ref(), Ok(code));
        }
        taken = [taken[0] | strict.is_ok(), taken[1] | lenient.is_ok()];
    }
    taken
}
