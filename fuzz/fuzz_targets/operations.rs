//! See `tests/laws/operations.rs`.
#![no_main]

#[path = "../../tests/common/keys.rs"]
mod keys;
#[path = "../../tests/laws/operations.rs"]
mod law;
#[path = "../../tests/model/reference.rs"]
mod reference;
#[allow(dead_code)] // the half of it that tests/model.rs plays
#[path = "../../tests/model/schedule.rs"]
mod schedule;
#[path = "../../tests/model/text.rs"]
mod text;

libfuzzer_sys::fuzz_target!(|data: &[u8]| law::hold(data));
