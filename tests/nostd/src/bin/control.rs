//! The positive control: one panic, which must keep this program from linking.
#![no_std]
#![no_main]

use core::hint::black_box;

use countersign::vectors::HOTP;
use countersign_nostd as _;

#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    i32::from(HOTP[black_box(10)].code.is_empty())
}
