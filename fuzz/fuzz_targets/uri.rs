//! See `tests/laws/uri.rs`.
#![no_main]

#[path = "../../tests/laws/uri.rs"]
mod law;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    law::hold(data);
});
