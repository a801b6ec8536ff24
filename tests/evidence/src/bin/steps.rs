//! Runs the library one instruction at a time and compares which instructions ran. On the bare
//! processor, so that the hash instructions which valgrind does not know are in it: between two
//! breakpoints the list of addresses is to be the same for every secret, and for a hit anywhere in
//! the window.
//!
//! `steps core` compares the OTP core; `steps leak` is the positive control and fails.

use std::arch::asm;
use std::collections::HashMap;
use std::hint::black_box;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use countersign::code::Digits;
use countersign::hotp::LookAhead;
use countersign::totp::Parameters;
use countersign::{Algorithm, Code, Hotp, Secret, Totp, UnixTime, Window};

/// The hashes that processors have instructions for; memcheck covers SHA-512 whole.
const HASHES: [Algorithm; 2] = [Algorithm::Sha1, Algorithm::Sha256];
const SECRETS: u8 = 3;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["core"] => compare("core-child"),
        ["leak"] => compare("leak-child"),
        ["core-child"] => core(),
        ["leak-child"] => leak(),
        other => panic!("what is {other:?}?"),
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
    region(|| hotp.find(code, 1_000, LookAhead::FIVE).is_some());
}

fn core() -> ExitCode {
    let now = UnixTime::from_secs(1_800_000_015);
    for algorithm in HASHES {
        for secret in 0..=SECRETS {
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

/// How many regions `core` has for one secret.
const REGIONS: usize = 9;

#[inline(never)]
fn leaky(code: &Code, typed: &[u8]) {
    // Stops at the first difference.
    region(|| code.expose_str().bytes().zip(typed).all(|(one, other)| one == *other));
}

fn leak() -> ExitCode {
    for secret in 0..=SECRETS {
        let secret = Secret::from_bytes(&[secret; 20]).expect("20 bytes");
        let hotp = Hotp::new(&secret, Algorithm::Sha1, Digits::Six);
        let code = hotp.generate(0);
        for _ in 0..REGIONS {
            leaky(&code, b"755224");
        }
    }
    ExitCode::SUCCESS
}

// The one who steps.

fn compare(child: &str) -> ExitCode {
    let (traces, extensions) = trace(child);
    let runs = traces.len() / REGIONS;
    let secrets = usize::from(SECRETS) + 1;
    assert!(traces.len().is_multiple_of(REGIONS) && runs.is_multiple_of(secrets), "{runs} runs");
    let mut same = true;
    for (group, traces) in traces.chunks(REGIONS * secrets).enumerate() {
        let mut of_region: Vec<Vec<&Trace>> = vec![Vec::new(); REGIONS];
        for run in traces.chunks(REGIONS).skip(1) {
            run.iter().zip(&mut of_region).for_each(|(trace, all)| all.push(trace));
        }
        for (region, all) in of_region.iter().enumerate() {
            let equal = all.windows(2).all(|two| two[0] == two[1]);
            println!(
                "group {group} region {region}: {} instructions, equal: {equal}",
                all[0].len()
            );
            same &= equal;
        }
        if child == "core-child" {
            // Regions 2 to 4 hit, 5 misses; 6 and 7 hit, 8 misses.
            for alike in [2..=5, 6..=8] {
                same &= of_region[alike].windows(2).all(|two| two[0][0] == two[1][0]);
            }
        }
    }
    println!("SHA instructions among them: {extensions}");
    if same { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The addresses of the instructions of one region, in the order in which they ran.
type Trace = Vec<u64>;

#[allow(clippy::zombie_processes)] // `stopped` waits for it
fn trace(child: &str) -> (Vec<Trace>, bool) {
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
    assert!(stopped(pid), "it starts stopped");
    let (mut traces, mut extensions) = (Vec::new(), false);
    let mut text = HashMap::new();
    loop {
        go(libc::PTRACE_CONT, pid);
        if !stopped(pid) {
            return (traces, extensions);
        }
        let mut trace = Vec::new();
        loop {
            let at = address(pid);
            let word = *text.entry(at).or_insert_with(|| word_at(pid, at));
            let [opcode, ..] = word.to_le_bytes();
            if opcode == 0xcc {
                break;
            }
            extensions |= is_sha(word);
            trace.push(at);
            go(libc::PTRACE_SINGLESTEP, pid);
            assert!(stopped(pid), "it ended inside a region");
        }
        go(libc::PTRACE_CONT, pid);
        assert!(stopped(pid), "the second breakpoint");
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

/// Waits; false once the process has ended well.
fn stopped(pid: libc::pid_t) -> bool {
    let mut status = 0;
    // SAFETY: `status` is a valid place for the answer.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!(waited, pid, "waitpid");
    if libc::WIFEXITED(status) {
        assert_eq!(libc::WEXITSTATUS(status), 0, "the stepped program failed");
        return false;
    }
    assert!(libc::WIFSTOPPED(status) && libc::WSTOPSIG(status) == libc::SIGTRAP, "{status:#x}");
    true
}

fn go(how: libc::c_uint, pid: libc::pid_t) {
    // SAFETY: the process is ours and stopped.
    let done = unsafe { libc::ptrace(how, pid, 0, 0) };
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
