//! Unit tests of `src/otp/base32.rs`, which declares this file at its end: they need what it keeps to itself.

use super::*;

#[test]
fn fold_case_equals_a_match_on_every_byte() {
    for byte in 0..=u8::MAX {
        let model = if byte.is_ascii_uppercase() { byte.to_ascii_lowercase() } else { byte };
        assert_eq!(fold_case(byte), model, "{byte:#x}");
    }
}
