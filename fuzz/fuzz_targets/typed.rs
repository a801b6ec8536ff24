//! See `tests/laws/typed.rs`.
#![no_main]

#[path = "../../tests/laws/typed.rs"]
mod law;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    law::hold(data);
});
