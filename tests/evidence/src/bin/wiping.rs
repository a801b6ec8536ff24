//! Handles secrets and stops now and then, so that `tests/evidence/tests/wiping.rs` can look at its
//! memory. Stopping must not disturb what lies on the stack below: it is two system calls, without a
//! function call.

use std::alloc::{GlobalAlloc, Layout, System};
use std::arch::asm;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign::account::{Deployment, KeyName, Seal, SealError, SealingKey};
use countersign::{Algorithm, Keyring, OsRandom};
use rand::Rng;
use zeroize::Zeroizing;

#[path = "../scenario.rs"]
mod scenario;

/// Gives nothing back: what was freed stays as it was left, to be searched. The system's allocator
/// writes its notes over it and hands it out again, and so hides a copy that nobody wiped. A block
/// that grows is left behind as well, by `realloc` as the trait has it.
struct Keeping;

// SAFETY: what is handed out is the system's, once, and never taken back.
unsafe impl GlobalAlloc for Keeping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static HEAP: Keeping = Keeping;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let seed = arguments[1].parse().expect("a seed");
    let len = arguments[2].parse().expect("the length of a secret");
    plant_on_the_heap();
    plant_on_the_stack();
    stop();
    match arguments[0].as_str() {
        "sha1" => scenario::core(Algorithm::Sha1, len, seed, |_| stop()),
        "sha256" => scenario::core(Algorithm::Sha256, len, seed, |_| stop()),
        "sha512" => scenario::core(Algorithm::Sha512, len, seed, |_| stop()),
        "accounts" => {
            let mut key = [0; 32];
            scenario::Known(!seed).fill(&mut key);
            let keys = SealingKey::new(&key).expect("random bytes");
            let keys = Keyring::new("tests", keys).expect("a name");
            zeroize::Zeroize::zeroize(&mut key);
            stop(); // at what making a keyring left
            scenario::accounts(Stopping(keys), seed, |_| (), |_| stop());
        }
        "random" => {
            let mut random = Box::new(OsRandom::new().expect("randomness"));
            black_box(random.next_u64());
            zeroize::zeroize_stack::<16_384>(); // where it was seeded and moved
            stop();
            drop(random);
            stop();
        }
        other => panic!("what is {other}?"),
    }
}

/// Leaves behind what the test must find, or it does not look where it says: a block that was freed,
/// and one that was outgrown.
fn plant_on_the_heap() {
    let mut freed = Box::new([0; 16]);
    scenario::Known(scenario::FREED).fill(&mut *freed);
    drop(black_box(freed));
    let mut outgrown = vec![0; 16];
    scenario::Known(scenario::OUTGROWN).fill(&mut outgrown);
    black_box(&mut outgrown).reserve_exact(4096);
    black_box(&mut outgrown).fill(0);
}

/// The same on the stack: just below the caller, and as deep as a decision reaches.
#[inline(never)]
fn plant_on_the_stack() {
    let mut room = [0; 10_240];
    let (deep, rest) = room.split_at_mut(16);
    scenario::Known(scenario::DEEP).fill(deep);
    let near = rest.len() - 16;
    scenario::Known(scenario::NEAR).fill(&mut rest[near..]);
    black_box(&mut room);
}

/// Stops while a plaintext is there, when it is told to.
struct Stopping(Keyring);

impl Seal for Stopping {
    fn seal(&self, context: &[u8], nonce: [u8; 12], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        if scenario::LOOK_INSIDE.swap(false, Ordering::Relaxed) {
            stop();
        }
        self.0.seal(context, nonce, plain)
    }

    fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let plain = self.0.open(context, sealed)?;
        if scenario::LOOK_INSIDE.load(Ordering::Relaxed) {
            stop();
        }
        Ok(plain)
    }

    fn fingerprint(&self, secret: &[u8]) -> Option<[u8; 16]> {
        self.0.fingerprint(secret)
    }

    fn deployment(&self) -> &Deployment {
        self.0.deployment()
    }

    fn is_current(&self, key: KeyName) -> bool {
        self.0.is_current(key)
    }
}

/// Tells where the stack ends, and waits for a byte.
#[inline(always)]
fn stop() {
    static STACK: AtomicU64 = AtomicU64::new(0);
    static ANSWER: AtomicU64 = AtomicU64::new(0);
    const READ: u64 = 0;
    const WRITE: u64 = 1;
    let end: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rsp", out(reg) end, options(nomem, nostack)) };
    STACK.store(end, Ordering::Relaxed);
    system_call(WRITE, 1, &STACK, 8);
    system_call(READ, 0, &ANSWER, 1);
}

#[inline(always)]
fn system_call(number: u64, file: u64, buffer: &'static AtomicU64, len: u64) {
    // SAFETY: reads or writes at most eight bytes of a static; the system clobbers rcx and r11.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => _,
            in("rdi") file,
            in("rsi") buffer.as_ptr(),
            in("rdx") len,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
}
