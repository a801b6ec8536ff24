//! See `tests/laws/typed.rs`, and `crates/billing/tests/laws/typed.rs`.
#![no_main]

#[path = "../../crates/billing/tests/laws/typed.rs"]
mod billing;
#[path = "../../tests/common/keys.rs"]
mod keys;
#[path = "../../tests/laws/typed.rs"]
mod law;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    law::hold(data);
    billing::hold(data);
});
