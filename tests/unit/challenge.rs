//! Unit tests of `src/account/challenge.rs`, which declares this file at its end: they need what it keeps to itself.

use super::*;
use core::convert::Infallible;

/// Draws what it is told to, in that order.
struct Drawn<'a>(&'a [u64]);

impl rand::TryRng for Drawn<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("a number has 64 bits");
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let (first, rest) = self.0.split_first().expect("one draw too many");
        self.0 = rest;
        Ok(*first)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(0x55);
        Ok(())
    }
}

impl rand::TryCryptoRng for Drawn<'_> {}

#[test]
fn an_id_reads_back_from_what_it_prints_and_from_nothing_else() {
    let id = ChallengeId::from_bytes(core::array::from_fn(|at| at as u8 * 16 + 1));
    let text = std::format!("{id}");
    assert_eq!(text.parse(), Ok(id));
    assert_eq!(text.to_uppercase().parse(), Ok(id));
    for wrong in [&text[1..], &text[2..], "", &std::format!("{text}00"), &text.replace('0', "g")] {
        assert_eq!(wrong.parse::<ChallengeId>(), Err(ChallengeIdError), "{wrong}");
    }
}

#[test]
fn an_id_is_shown_whole_and_a_number_by_its_end() {
    let id = ChallengeId::from_bytes(core::array::from_fn(|at| at as u8 * 16 + 1));
    let hex = "01112131415161718191a1b1c1d1e1f1";
    assert_eq!(std::format!("{id} {id:?}"), std::format!("{hex} ChallengeId({hex})"));
    let number = PhoneNumber::new("+15550123489").unwrap();
    assert_eq!(std::format!("{number:?}"), "PhoneNumber(…89)");
}

/// As for `reduce`: the first and last number of a quotient prove all that have it, and of the
/// quotients the largest are the least exact.
#[test]
fn last_eight_equals_the_remainder() {
    let whole = 100_000_000;
    let last = u64::MAX / whole;
    let spread = (0..=1 << 16).map(|part| last / (1 << 16) * part);
    for quotient in spread.chain(0..1 << 16).chain(last - (1 << 16)..=last) {
        let multiple = quotient * whole;
        for number in [multiple, multiple.saturating_add(whole - 1)] {
            assert_eq!(last_eight(number), number % whole, "{number}");
        }
    }
}

/// 2^64 is 184,467,440,737 times 10^8 and 9,551,616 more: a draw from those would make the codes
/// below 09551616 likelier than the others.
#[test]
fn a_code_is_the_last_digits_of_an_unbiased_draw() {
    let first_biased = 18_446_744_073_700_000_000;
    for (draws, six, eight) in [
        (&[0][..], "000000", "00000000"),
        (&[12_345_678], "345678", "12345678"),
        (&[100_000_000], "000000", "00000000"),
        (&[4_299_967_295], "967295", "99967295"), // above 2^32
        (&[first_biased - 1], "999999", "99999999"),
        (&[first_biased, u64::MAX, 987_654_321], "654321", "87654321"),
    ] {
        let mut rng = Drawn(draws);
        let seed = ChallengeSeed::generate(&mut rng);
        assert!(rng.0.is_empty(), "{draws:?}: one draw too few");
        assert_eq!(seed.code(Digits::Six).expose_str(), six, "{draws:?}");
        assert_eq!(seed.code(Digits::Eight).expose_str(), eight, "{draws:?}");
    }
}
