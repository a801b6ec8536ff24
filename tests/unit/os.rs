//! Unit tests of `src/os.rs`, which declares this file at its end: they need what it keeps to itself.

use super::*;
use std::time::{Duration, UNIX_EPOCH};

#[test]
fn a_system_time_is_its_whole_seconds_and_never_before_1970() {
    let after = |time: Duration| UnixTime::from(UNIX_EPOCH + time);
    assert_eq!(after(Duration::ZERO), UnixTime::from_secs(0));
    assert_eq!(after(Duration::from_millis(1_800_000_000_999)).as_secs(), 1_800_000_000);
    let before = UnixTime::from(UNIX_EPOCH - Duration::from_secs(1));
    assert_eq!((before, before.is_plausible()), (UnixTime::from_secs(0), false));
}
