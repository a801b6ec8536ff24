//! Runs the library one instruction at a time and compares which instructions ran. On the bare
//! processor, so that the hash instructions which valgrind does not know are in it: between two
//! breakpoints the list of addresses is to be the same for every secret, and for a hit anywhere in
//! the window.
//!
//! `steps core` compares the OTP core; `steps text` what prints and reads secrets and codes;
//! `steps leak` is the positive control and fails.

#[path = "../../../common/keys.rs"]
mod keys;

use std::alloc::{GlobalAlloc, Layout, System};
use std::arch::asm;
use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::hint::black_box;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign::account::RecoveryCode;
use countersign::mfa::AccountAt;
use countersign::otp::Digits;
use countersign::otp::LookAhead;
use countersign::otp::Parameters;
use countersign::{
    AccountId, Algorithm, Code, Hotp, Mfa, ProvisioningUri, Recommended, Secret, SignIn, Totp,
    UnixTime, Window,
};

const HASHES: [Algorithm; 3] = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512];

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["core"] => compare(&CORE),
        ["text"] => compare(&TEXT),
        ["leak"] => compare(&LEAK),
        ["core-child"] => core(),
        ["text-child"] => text(),
        ["leak-child"] => leak(),
        other => panic!("what is {other:?}?"),
    }
}

/// What a child runs: for each group and each secret, its regions in their order.
struct Stepped {
    child: &'static str,
    groups: &'static [&'static str],
    secrets: u8,
    regions: usize,
    /// Regions in which a hit is to be as a miss.
    alike: &'static [std::ops::RangeInclusive<usize>],
}

/// Regions 2 to 4 hit, 5 misses; 6 and 7 hit, 8 misses.
const CORE: Stepped = Stepped {
    child: "core-child",
    groups: &["SHA-1", "SHA-256", "SHA-512"],
    secrets: 4,
    regions: 9,
    alike: &[2..=5, 6..=8],
};
const TEXT: Stepped =
    Stepped { child: "text-child", groups: &["text"], secrets: 17, regions: 15, alike: &[] };
const LEAK: Stepped =
    Stepped { child: "leak-child", groups: &["leak"], secrets: 4, regions: 1, alike: &[] };

/// An allocator looks for room where there is some, and a copy goes by where things lie: so that two
/// secrets meet the same, each begins with the same room.
struct Rewound {
    room: UnsafeCell<[u8; 1 << 18]>,
    /// How many bytes are taken; without a room to begin with, the system's allocator is asked.
    taken: AtomicUsize,
}

const NO_ROOM: usize = usize::MAX;

#[global_allocator]
static HEAP: Rewound =
    Rewound { room: UnsafeCell::new([0; 1 << 18]), taken: AtomicUsize::new(NO_ROOM) };

// SAFETY: bytes are handed out once before the next rewinding, and there is one thread.
unsafe impl Sync for Rewound {}

impl Rewound {
    /// Nothing that was taken since the last time may live on.
    fn rewind(&self) {
        self.taken.store(0, Ordering::Relaxed);
    }
}

// SAFETY: gives out parts of `room` that do not overlap, or hands everything on to the system.
unsafe impl GlobalAlloc for Rewound {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let taken = self.taken.load(Ordering::Relaxed);
        if taken == NO_ROOM {
            // SAFETY: the caller's promises are handed on.
            return unsafe { System.alloc(layout) };
        }
        let room = self.room.get().cast::<u8>();
        let place = (room.addr() + taken).next_multiple_of(layout.align().max(64)) - room.addr();
        if place + layout.size() > 1 << 18 {
            return null_mut();
        }
        self.taken.store(place + layout.size(), Ordering::Relaxed);
        room.wrapping_add(place)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let room = self.room.get().addr();
        if !(room..room + (1 << 18)).contains(&memory.addr()) {
            // SAFETY: the caller's promises are handed on.
            unsafe { System.dealloc(memory, layout) }
        }
    }
}

// What is stepped through. Each region stands between two breakpoints; the first pass of a group is
// thrown away, because it looks up the processor's features.

#[inline(always)]
fn region<T>(run: impl FnOnce() -> T) -> T {
    // SAFETY: a breakpoint stops the program and changes nothing; the parent lets it go on.
    unsafe { asm!("int3") };
    let done = black_box(run());
    // SAFETY: as above.
    unsafe { asm!("int3") };
    done
}

// Out of line, so that every run of a region is at the same addresses.

#[inline(never)]
fn key(secret: &Secret, parameters: Parameters) -> Totp {
    region(|| Totp::new(secret, parameters))
}

#[inline(never)]
fn generate(totp: &Totp, now: UnixTime) {
    region(|| totp.generate(now));
}

#[inline(never)]
fn find(totp: &Totp, code: &Code, now: UnixTime) {
    region(|| totp.find(code, now, Window::ONE_EACH_WAY, None).is_some());
}

#[inline(never)]
fn find_ahead(hotp: &Hotp, code: &Code) {
    region(|| hotp.find(code, 1_000, LookAhead::of::<5>()).is_some());
}

fn core() -> ExitCode {
    let now = UnixTime::from_secs(1_800_000_015);
    for algorithm in HASHES {
        for secret in 0..CORE.secrets {
            let bytes: Vec<u8> =
                (0..20).map(|at| (at ^ secret).wrapping_mul(0x9d) ^ secret).collect();
            let secret = Secret::from_bytes(&bytes).expect("20 bytes");
            let parameters = Parameters { algorithm, ..Parameters::default() };
            let totp = key(&secret, parameters);
            generate(&totp, now);
            for steps in [-1_i64, 0, 1, 2] {
                let at = UnixTime::from_secs(now.as_secs().saturating_add_signed(steps * 30));
                let code = totp.generate(at).expect("after T0");
                find(&totp, &code, now);
            }
            let hotp = Hotp::new(&secret, algorithm, Digits::Six);
            for ahead in [0, 4, 5] {
                let code = hotp.generate(1_000 + ahead);
                find_ahead(&hotp, &code);
            }
        }
    }
    ExitCode::SUCCESS
}

#[inline(never)]
fn print(secret: &Secret) {
    region(|| secret.expose_base32());
}

#[inline(never)]
fn read(text: &str) {
    region(|| Secret::from_base32(text).is_ok());
}

#[inline(never)]
fn read_leniently(text: &str) {
    region(|| Secret::from_base32_lenient(text).is_ok());
}

#[inline(never)]
fn print_uri(uri: &ProvisioningUri) {
    region(|| uri.expose_uri());
}

#[inline(never)]
fn read_uri(uri: &str) {
    region(|| ProvisioningUri::parse(uri).is_ok());
}

#[inline(never)]
fn read_code(text: &str) {
    region(|| Code::parse(text, Digits::Eight).is_ok());
}

#[inline(never)]
fn read_code_leniently(text: &str) {
    region(|| Code::parse_lenient(text, Digits::Eight).is_ok());
}

#[inline(never)]
fn read_recovery_code(text: &str) {
    region(|| RecoveryCode::parse(text).is_ok());
}

#[inline(never)]
fn import(text: &str) {
    region(|| Secret::import_base32(text).is_ok());
}

#[inline(never)]
fn import_uri(uri: &str) {
    region(|| ProvisioningUri::import(uri).is_ok());
}

/// A code goes through the account layer's door on its way into an attempt.
#[inline(never)]
fn read_typed_code(account: &AccountAt<'_>, text: &str) {
    let _ = region(|| account.verify(text, SignIn));
}

#[inline(never)]
fn print_recovery_code(code: &RecoveryCode) {
    region(|| code.expose_text());
}

/// The character of East Asia's keyboards.
fn full_width(character: char) -> char {
    match character {
        '!'..='~' => char::from_u32(u32::from(character) + 0xfee0).expect("a character"),
        other => other,
    }
}

/// Secrets and codes of one length, each with its separators at the same places.
fn text() -> ExitCode {
    let mfa = Mfa::new(keys::keyring(7), Recommended);
    let id = AccountId::new(b"42").expect("an id");
    for secret in 0..TEXT.secrets {
        HEAP.rewind();
        // The last two are all zeros and all ones: one letter and one digit over and over.
        let byte = |at: u8| match TEXT.secrets - secret {
            1 => 0xff,
            2 => 0,
            _ => (at ^ secret).wrapping_mul(0x9d).rotate_left(3) ^ secret,
        };
        let bytes: Vec<u8> = (0..32).map(byte).collect();
        let secret = Secret::from_bytes(&bytes).expect("32 bytes");
        let strict = secret.expose_base32().expose_str().to_owned();
        let lower = strict.to_lowercase();
        let (head, tail) = lower.split_at(26);
        let lenient = format!("{head} -{tail}====");
        let parameters = Parameters::default();
        let uri = ProvisioningUri::totp("Acme", "dana", &secret, parameters).expect("two names");
        let account = mfa.account(&id).at(UnixTime::from_secs(1_800_000_000));
        let digits: String =
            bytes.iter().take(8).map(|byte| char::from(b'0' + byte % 10)).collect();
        let spaced = format!("{}-{}", &digits[..4], &digits[4..]);
        let letters = b"0123456789ABCDEFGHJKMNPQRSTVWXYZabcdefghjkmnpqrstvwxyzilOI";
        let letter = |byte: &u8| char::from(letters[usize::from(*byte) % letters.len()]);
        let recovery: String = bytes.iter().take(28).map(letter).collect();
        let recovery = format!("{}-{}", &recovery[..4], &recovery[4..]);
        print(&secret);
        read(&strict);
        read_leniently(&lenient);
        print_uri(&uri);
        read_uri(&uri.expose_uri());
        read_code(&digits);
        read_code_leniently(&spaced);
        read_recovery_code(&recovery);
        read_recovery_code(&format!(
            "\u{201c}(3) {}\u{a0}{}.\u{201d}\n",
            &recovery[..4],
            &recovery[5..]
        ));
        read_recovery_code(&recovery.chars().map(full_width).collect::<String>());
        import(&format!("{lenient}\n"));
        import_uri(&uri.expose_uri().replace(&strict, &lenient).replace('&', "&amp;"));
        read_typed_code(
            &account,
            &format!("\u{201c}1. {}\u{a0}{}.\u{201d}\n", &digits[..4], &digits[4..]),
        );
        read_typed_code(&account, &digits.chars().map(full_width).collect::<String>());
        print_recovery_code(&RecoveryCode::parse(&recovery).expect("28 characters"));
    }
    ExitCode::SUCCESS
}

#[inline(never)]
fn leaky(code: &Code, typed: &[u8]) {
    // Stops at the first difference.
    region(|| code.expose_str().bytes().zip(typed).all(|(one, other)| one == *other));
}

fn leak() -> ExitCode {
    for secret in 0..LEAK.secrets {
        let secret = Secret::from_bytes(&[secret; 20]).expect("20 bytes");
        let hotp = Hotp::new(&secret, Algorithm::Sha1, Digits::Six);
        leaky(&hotp.generate(0), b"755224");
    }
    ExitCode::SUCCESS
}

// The one who steps.

fn compare(stepped: &Stepped) -> ExitCode {
    let Stepped { child, groups, secrets, regions, alike } = stepped;
    let traces = trace(child);
    let of_group = regions * usize::from(*secrets);
    assert_eq!(traces.len(), of_group * groups.len(), "regions");
    let mut same = true;
    for (name, traces) in groups.iter().zip(traces.chunks(of_group)) {
        let mut of_region: Vec<Vec<&[u64]>> = vec![Vec::new(); *regions];
        for run in traces.chunks(*regions).skip(1) {
            run.iter().zip(&mut of_region).for_each(|(trace, all)| all.push(&trace.addresses));
        }
        for (region, all) in of_region.iter().enumerate() {
            let equal = all.windows(2).all(|two| two[0] == two[1]);
            println!("{name} region {region}: {} instructions, equal: {equal}", all[0].len());
            same &= equal;
        }
        for alike in alike.iter().cloned() {
            same &= of_region[alike].windows(2).all(|two| two[0][0] == two[1][0]);
        }
        let extensions = traces.iter().any(|trace| trace.extensions);
        println!("{name}, hash instructions among them: {extensions}");
    }
    if same { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The instructions of one region.
#[derive(Default)]
struct Trace {
    /// Their addresses, in the order in which they ran.
    addresses: Vec<u64>,
    /// Whether the processor's own for SHA-1 or SHA-256 are among them.
    extensions: bool,
}

#[allow(clippy::zombie_processes)] // `stopped` waits for it
fn trace(child: &str) -> Vec<Trace> {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.arg(child);
    // SAFETY: between fork and exec only one system call is made.
    unsafe {
        command.pre_exec(|| match libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    let child = command.spawn().expect("this program, again");
    let pid = libc::pid_t::try_from(child.id()).expect("a process number");
    let mut stop = wait(pid);
    while let Stop::Signal(signal) = stop {
        go(libc::PTRACE_CONT, pid, signal);
        stop = wait(pid);
    }
    assert!(matches!(stop, Stop::Trap), "it starts stopped");
    let (mut traces, mut text) = (Vec::new(), HashMap::new());
    loop {
        if !runs_on(libc::PTRACE_CONT, pid) {
            return traces;
        }
        let mut trace = Trace::default();
        loop {
            let at = address(pid);
            let word = *text.entry(at).or_insert_with(|| word_at(pid, at));
            let [opcode, ..] = word.to_le_bytes();
            if opcode == 0xcc {
                break;
            }
            trace.extensions |= is_sha(word);
            trace.addresses.push(at);
            assert!(runs_on(libc::PTRACE_SINGLESTEP, pid), "it ended inside a region");
        }
        assert!(runs_on(libc::PTRACE_CONT, pid), "the second breakpoint");
        traces.push(trace);
    }
}

/// sha1rnds4, or one of the instructions from sha1nexte to sha256msg2.
fn is_sha(word: u64) -> bool {
    let (prefixed, bare) = (word >> 8, word); // one prefix byte, 0x40 to 0x4f, for high registers
    let named = |word: u64| {
        matches!(word.to_le_bytes(), [0x0f, 0x3a, 0xcc, ..] | [0x0f, 0x38, 0xc8..=0xcd, ..])
    };
    named(bare) || (word & 0xf0 == 0x40 && named(prefixed))
}

enum Stop {
    /// A breakpoint, or a step.
    Trap,
    /// On its way to the process: a terminal that changes its size sends one, and anybody may.
    Signal(libc::c_int),
    /// The process has ended well.
    Ended,
}

fn wait(pid: libc::pid_t) -> Stop {
    let mut status = 0;
    // SAFETY: `status` is a valid place for the answer.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!(waited, pid, "waitpid");
    if libc::WIFEXITED(status) {
        assert_eq!(libc::WEXITSTATUS(status), 0, "the stepped program failed");
        return Stop::Ended;
    }
    assert!(libc::WIFSTOPPED(status), "{status:#x}");
    match libc::WSTOPSIG(status) {
        libc::SIGTRAP => Stop::Trap,
        signal => Stop::Signal(signal),
    }
}

/// Lets it go on until the next trap; false once it has ended well. A signal comes before the next
/// instruction and is handed on: what it does not end runs as it would have.
fn runs_on(how: libc::c_uint, pid: libc::pid_t) -> bool {
    let mut handed_on = 0;
    loop {
        go(how, pid, handed_on);
        match wait(pid) {
            Stop::Trap => return true,
            Stop::Ended => return false,
            Stop::Signal(signal) => handed_on = signal,
        }
    }
}

fn go(how: libc::c_uint, pid: libc::pid_t, signal: libc::c_int) {
    // SAFETY: the process is ours and stopped.
    let done = unsafe { libc::ptrace(how, pid, 0, libc::c_long::from(signal)) };
    assert_eq!(done, 0, "ptrace: {}", std::io::Error::last_os_error());
}

fn address(pid: libc::pid_t) -> u64 {
    // SAFETY: all zeroes are registers, and there is room for all of them.
    let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let done = unsafe { libc::ptrace(libc::PTRACE_GETREGS, pid, 0, &raw mut registers) };
    assert_eq!(done, 0, "ptrace: {}", std::io::Error::last_os_error());
    registers.rip
}

fn word_at(pid: libc::pid_t, address: u64) -> u64 {
    // SAFETY: reads a word of the stopped process.
    unsafe { libc::ptrace(libc::PTRACE_PEEKTEXT, pid, address, 0) }.cast_unsigned()
}
