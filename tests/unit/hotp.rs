//! Unit tests of `src/otp/hotp.rs`, which declares this file at its end: they need what it keeps to itself.

use super::*;

#[test]
fn eligible_lanes_equal_the_factors_within_the_range() {
    for (from, to) in [(0, 0), (0, 3), (2, 9), (5, 5), (7, 50), (50, 50)] {
        let eligible = Eligible { from, to };
        for run in 1..=3 {
            for index in 0..52 {
                let model = (0..4_u32).filter(|lane| {
                    let last = index + lane;
                    (last + 1).checked_sub(run).is_some_and(|first| first >= from) && last < to
                });
                let model = model.map(|lane| 1 << lane).sum::<u32>();
                assert_eq!(eligible.lanes(index, run), model, "{eligible:?} {run} {index}");
            }
        }
    }
}
