//! Counts what the OTP core takes from the heap: nothing. Ends with a failure if it takes anything,
//! or if the counting does not count.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign::otp::Digits;
use countersign::otp::Parameters;
use countersign::otp::{LookAhead, Reach};
use countersign::vectors::{TOTP, seed};
use countersign::{Code, Hotp, Secret, Totp, Window};

struct Counting;

static TAKEN: AtomicUsize = AtomicUsize::new(0);

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TAKEN.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are handed on.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static HEAP: Counting = Counting;

fn taken_by(run: impl FnOnce()) -> usize {
    let before = TAKEN.load(Ordering::Relaxed);
    run();
    TAKEN.load(Ordering::Relaxed) - before
}

fn main() {
    assert_eq!(taken_by(|| drop(black_box(Box::new(1)))), 1, "the counting does not count");
    let taken = taken_by(|| {
        for row in &TOTP {
            let secret = Secret::from_bytes(seed(row.algorithm)).expect("a seed of the RFC");
            let (algorithm, digits) = (row.algorithm, Digits::Eight);
            let parameters = Parameters { algorithm, digits, ..Parameters::default() };
            let totp = Totp::new(&secret, parameters);
            let code = totp.generate(row.time).expect("after T0");
            let typed = Code::parse(row.code, digits).expect("eight digits");
            assert!(code == typed);
            assert!(totp.find(&typed, row.time, Window::ONE_EACH_WAY, None).is_some());
            assert!(
                totp.resynchronise(&[code, typed], row.time, Reach::of::<1000>(), None).is_none()
            );
            let hotp = Hotp::new(&secret, algorithm, digits);
            assert!(hotp.find(&hotp.generate(4), 0, LookAhead::of::<5>()).is_some());
        }
    });
    assert_eq!(taken, 0, "allocations");
    println!("0 allocations");
}
