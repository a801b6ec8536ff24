//! See `tests/laws/code.rs`.
#![no_main]

#[path = "../../tests/laws/code.rs"]
mod law;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    law::hold(data);
});
