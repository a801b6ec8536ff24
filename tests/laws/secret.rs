//! The laws of secret text, for any text.

use countersign::Secret;
use countersign::otp::{Tolerance, Tolerated, decode_base32, decode_base32_lenient};

/// What holds for any bytes, as text and as a secret. Says which doors took them: the strict, the
/// lenient and the import one for text, and the one for bytes.
///
/// # Panics
/// If it does not.
pub fn hold(data: &[u8]) -> [bool; 4] {
    let text = &*String::from_utf8_lossy(data);
    let [strict, lenient] = of_text(text);
    [strict, lenient, imported(text), of_bytes(data)]
}

/// The import door against a model that reads bit by bit: base32 in either case, with blanks of every
/// kind and hyphens anywhere, the right padding or none, and any unused bits.
fn imported(text: &str) -> bool {
    let around = |it: char| it.is_whitespace() || it == '\u{feff}';
    let bare = text.trim_matches(around);
    let letters: String = bare.chars().filter(|it| !it.is_whitespace() && *it != '-').collect();
    let unpadded = letters.trim_end_matches('=');
    let (len, pads) = (unpadded.chars().count(), letters.len() - unpadded.len());
    let value = |letter: char| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter.to_ascii_uppercase());
    let bits: Option<String> =
        unpadded.chars().map(|it| value(it).map(|five| format!("{five:05b}"))).collect();
    let fits = [0, 2, 4, 5, 7].contains(&(len % 8)) && [0, (8 - len % 8) % 8].contains(&pads);
    let expected = bits.filter(|_| fits).and_then(|bits| {
        let (whole, unused) = bits.split_at(bits.len() / 8 * 8);
        let octets = whole.as_bytes().chunks(8).map(|octet| std::str::from_utf8(octet).unwrap());
        let bytes: Vec<u8> = octets.map(|octet| u8::from_str_radix(octet, 2).unwrap()).collect();
        let tolerated = [
            (Tolerance::Surroundings, bare != text),
            (Tolerance::LowerCase, bare.contains(|it: char| it.is_ascii_lowercase())),
            (Tolerance::Blanks, bare.contains(char::is_whitespace)),
            (Tolerance::Hyphens, bare.contains('-')),
            (Tolerance::Padding, pads > 0),
            (Tolerance::TrailingBits, unused.contains('1')),
        ];
        let tolerated: Vec<_> = tolerated.into_iter().filter(|(_, is)| *is).collect();
        let tolerated = tolerated.into_iter().map(|(tolerance, _)| tolerance).collect::<Vec<_>>();
        (1..=Secret::MAX_LEN).contains(&bytes.len()).then_some((bytes, tolerated))
    });
    let said = |(secret, tolerated): &(Secret, Tolerated)| {
        (secret.expose_bytes().to_vec(), tolerated.iter().collect::<Vec<_>>())
    };
    let loud = Secret::dangerously_import_base32_allowing_short(text);
    assert_eq!(loud.as_ref().ok().map(said), expected, "{text}");
    let import = Secret::import_base32(text);
    let long_enough = expected.filter(|(bytes, _)| bytes.len() >= Secret::MIN_LEN);
    assert_eq!(import.as_ref().ok().map(said), long_enough, "{text}");
    import.is_ok()
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
