//! See `tests/laws/record.rs`.
#![no_main]

#[path = "../../tests/common/keys.rs"]
mod keys;
#[path = "../../tests/common/plain.rs"]
mod plain;
#[path = "../../tests/laws/record.rs"]
mod law;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    law::hold(data);
});
