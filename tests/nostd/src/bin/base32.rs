//! Secrets in base32, read and printed, right and wrong: the program ends with 0 if all is right, else
//! with the number of the check that failed. It links with a panic, because the library behind it
//! has bounds checks; the test looks for any other.
#![no_std]
#![no_main]

use core::hint::black_box;

use countersign::Secret;
use countersign::otp::{decode_base32, decode_base32_lenient};
use countersign_nostd::require;

countersign_nostd::program!(run);

fn run() -> Result<(), i32> {
    let text = black_box("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    let secret = Secret::from_base32(text).map_err(|_| 1)?;
    require(secret.expose_bytes() == b"12345678901234567890", 2)?;
    require(secret.expose_base32().expose_str() == text, 3)?;
    let loose = black_box("gezd gnbv gy3t qojq gezd gnbv gy3t qojq");
    let lenient = Secret::from_base32_lenient(loose).map_err(|_| 4)?;
    require(lenient.expose_bytes() == secret.expose_bytes(), 5)?;
    let (mut small, mut large) = ([0; 4], [0; Secret::MAX_LEN]);
    for wrong in black_box(["", "1", "GEZDGNBVGY3TQOJ", "\u{e9}\u{e9}", loose]) {
        require(Secret::from_base32(wrong).is_err(), 6)?;
        require(decode_base32(wrong, &mut large).is_err() || wrong.is_empty(), 7)?;
        require(decode_base32(wrong, &mut small).is_err() || wrong.is_empty(), 8)?;
    }
    require(decode_base32(text, &mut large).is_ok_and(|bytes| bytes.len() == 20), 9)?;
    require(decode_base32_lenient(loose, &mut large).is_ok_and(|bytes| bytes.len() == 20), 10)?;
    require(decode_base32_lenient(loose, &mut small).is_err(), 11)
}
