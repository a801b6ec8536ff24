//! See `tests/laws/secret.rs`.
#![no_main]

#[path = "../../tests/laws/secret.rs"]
mod law;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    law::hold(data);
});
