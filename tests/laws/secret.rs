//! The laws of secret text, for any text.

use countersign::Secret;
use countersign::otp::{decode_base32, decode_base32_lenient};

/// What holds for any bytes, as text and as a secret. Says which doors took them: the strict and
/// the lenient one for text, and the one for bytes.
///
/// # Panics
/// If it does not.
pub fn hold(data: &[u8]) -> [bool; 3] {
    let [strict, lenient] = of_text(&String::from_utf8_lossy(data));
    [strict, lenient, of_bytes(data)]
}

fn of_text(text: &str) -> [bool; 2] {
    let (mut strict, mut lenient) = ([0; Secret::MAX_LEN], [0; Secret::MAX_LEN]);
    let strict = decode_base32(text, &mut strict);
    let lenient = decode_base32_lenient(text, &mut lenient);
    // Whatever the strict door takes, the lenient one takes and reads alike.
    if let Ok(strict) = &strict {
        assert_eq!(lenient.as_ref(), Ok(strict), "{text}");
        // However a person spells it: in lower case, in groups, dashed.
        let spelled: String =
            text.chars().flat_map(|character| [character.to_ascii_lowercase(), '-', ' ']).collect();
        let mut buffer = [0; Secret::MAX_LEN];
        assert_eq!(decode_base32_lenient(&spelled, &mut buffer).as_ref(), Ok(strict), "{spelled}");
        // One text for one secret: a second one would be a second spelling of it.
        if let Ok(secret) = Secret::dangerously_allow_short(strict) {
            assert_eq!(secret.expose_base32().expose_str(), text);
        }
    }
    // Whatever the lenient door takes, it takes for its canonical spelling, which is strict.
    if let Ok(lenient) = &lenient {
        let bare: String = text.chars().filter(|character| !" -=".contains(*character)).collect();
        let mut buffer = [0; Secret::MAX_LEN];
        let canonical = decode_base32(&bare.to_ascii_uppercase(), &mut buffer);
        assert_eq!(canonical.as_ref(), Ok(lenient), "{text}");
    }
    // The doors to secrets are the decoders and a length.
    let long_enough = |bytes: &&[u8]| bytes.len() >= Secret::MIN_LEN;
    let door = Secret::from_base32(text);
    let expected = strict.as_ref().ok().copied().filter(long_enough);
    assert_eq!(door.as_ref().ok().map(Secret::expose_bytes), expected, "{text}");
    let door = Secret::from_base32_lenient(text);
    let expected = lenient.as_ref().ok().copied().filter(long_enough);
    assert_eq!(door.as_ref().ok().map(Secret::expose_bytes), expected, "{text}");
    [strict.is_ok(), lenient.is_ok()]
}

fn of_bytes(bytes: &[u8]) -> bool {
    let secret = Secret::dangerously_allow_short(bytes);
    match &secret {
        Ok(secret) => {
            assert_eq!(secret.expose_bytes(), bytes);
            let printed = secret.expose_base32();
            let mut buffer = [0; Secret::MAX_LEN];
            assert_eq!(decode_base32(printed.expose_str(), &mut buffer), Ok(bytes));
            assert_eq!(secret.is_short(), Secret::from_bytes(bytes).is_err());
        }
        Err(_) => assert!(bytes.is_empty() || bytes.len() > Secret::MAX_LEN),
    }
    secret.is_ok()
}
