//! See `crates/billing/tests/laws/operation_file.rs`.
#![no_main]

#[path = "../../crates/billing/tests/laws/operation_file.rs"]
mod law;
#[path = "../../examples/billing/operation.rs"]
mod operation;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    law::hold(data);
});
