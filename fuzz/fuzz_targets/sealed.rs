//! See `tests/laws/sealed.rs`.
#![no_main]

#[path = "../../tests/common/keys.rs"]
mod keys;
#[path = "../../tests/common/plain.rs"]
mod plain;
#[path = "../../tests/laws/sealed.rs"]
mod law;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    law::hold(data);
});
