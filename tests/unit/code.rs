//! Unit tests of `src/otp/code.rs`, which declares this file at its end: they need what it keeps to itself.

use super::*;

/// The quotient only changes at multiples of the divisor, so the first and last value of every
/// quotient prove all 2^31 values.
#[test]
fn reduce_equals_the_remainder_for_every_31_bit_value() {
    for digits in [Digits::Six, Digits::Seven, Digits::Eight] {
        let divisor = digits.codes();
        let mut multiple = 0_u32;
        while multiple < 1 << 31 {
            for value in [multiple, multiple + 1, multiple + divisor - 1] {
                if value < 1 << 31 {
                    assert_eq!(digits.reduce(value), value % divisor, "{value} mod {divisor}");
                }
            }
            multiple += divisor;
        }
        assert_eq!(digits.reduce((1 << 31) - 1), ((1 << 31) - 1) % divisor);
    }
}

#[test]
fn from_value_prints_what_format_prints() {
    for digits in [Digits::Six, Digits::Seven, Digits::Eight] {
        for value in (0..digits.codes()).step_by(97).chain([digits.codes() - 1]) {
            let width = usize::from(digits.count());
            let code = Code::from_value(value, digits);
            assert_eq!(code.expose_str(), std::format!("{value:0width$}"));
            assert_eq!(code.value(), value);
        }
    }
}

/// A code of another length has the value of no code at all, whatever its digits.
#[test]
fn no_code_has_the_value_of_none() {
    let highest = Code::from_value(99_999_999, Digits::Eight);
    assert!(highest.value() < Code::NO_VALUE);
}
