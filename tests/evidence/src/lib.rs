//! What the programs share: how to talk to valgrind, and how to make a value visible to nobody.
//!
//! The requests are the ones of `valgrind/valgrind.h` and `valgrind/memcheck.h`: four rotations that
//! together do nothing, and an exchange of a register with itself. On the bare processor they are
//! that nothing; under valgrind they are a call.

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!("the requests to valgrind are written for x86-64 Linux");

use core::arch::{asm, global_asm};

const RUNNING_ON_VALGRIND: usize = 0x1001;
const COUNT_ERRORS: usize = 0x1201;
const MAKE_MEM_UNDEFINED: usize = 0x4d43_0001; // 'M', 'C', 1
const MAKE_MEM_DEFINED: usize = 0x4d43_0002;

fn request(number: usize, first: usize, second: usize) -> usize {
    let arguments = [number, first, second, 0, 0, 0];
    let mut answer = 0;
    // SAFETY: reads `arguments` and writes `rdx`; the rotations add up to 128 bits.
    unsafe {
        asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") arguments.as_ptr(),
            inout("rdx") answer,
            options(nostack),
        );
    }
    answer
}

/// Whether the program runs under valgrind.
#[must_use]
pub fn under_valgrind() -> bool {
    request(RUNNING_ON_VALGRIND, 0, 0) > 0
}

/// How many errors valgrind has reported so far.
#[must_use]
pub fn errors() -> usize {
    request(COUNT_ERRORS, 0, 0)
}

/// From here on, a branch or an address that depends on these bytes is an error. Takes bytes and
/// nothing else: of a reference to them, the address would be hidden and the bytes would not.
#[inline(always)]
pub fn hide(bytes: &[u8]) {
    mark(MAKE_MEM_UNDEFINED, bytes.as_ptr(), bytes.len());
}

/// These bytes are public from here on.
#[inline(always)]
pub fn show<T: ?Sized>(value: &T) {
    mark(MAKE_MEM_DEFINED, core::ptr::from_ref(value).cast(), size_of_val(value));
}

/// By a pointer and out of line: behind a shared reference the compiler may take what it has read
/// already for what is there, and what it has in a register is not marked.
#[inline(never)]
fn mark(number: usize, place: *const u8, len: usize) {
    request(number, place.expose_provenance(), len);
}

// The two functions of the library in which the outcome of a comparison becomes public, and no
// others, are wrapped: valgrind calls these in their place, they call the original, and mark what it
// returned as defined. The names are patterns ("Za" is an asterisk), matched against the program's
// own symbols. Without a match the outcome stays undefined and the first branch on it is an error,
// so a change of the names below or in the library cannot go unnoticed.
global_asm!(
    ".pushsection .text.countersign_wrappers, \"ax\", @progbits",
    // countersign::ct::reveal_search: two words at the address in rdi
    ".globl _vgw00000ZZ_NONE_Zacountersign2ct13revealZusearchZa",
    ".type _vgw00000ZZ_NONE_Zacountersign2ct13revealZusearchZa, @function",
    "_vgw00000ZZ_NONE_Zacountersign2ct13revealZusearchZa:",
    "push rdi",
    "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51",
    "xchg rcx, rcx", // rax: the original
    "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51",
    "xchg rdx, rdx", // calls it
    "pop rdi",
    "push rax",
    "mov rsi, 16",
    "call 2f",
    "pop rax",
    "ret",
    ".size _vgw00000ZZ_NONE_Zacountersign2ct13revealZusearchZa, . - _vgw00000ZZ_NONE_Zacountersign2ct13revealZusearchZa",
    // countersign::ct::reveal: a bool in al
    ".globl _vgw00000ZZ_NONE_Zacountersign2ct6revealZa",
    ".type _vgw00000ZZ_NONE_Zacountersign2ct6revealZa, @function",
    "_vgw00000ZZ_NONE_Zacountersign2ct6revealZa:",
    "sub rsp, 8",
    "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51",
    "xchg rcx, rcx",
    "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51",
    "xchg rdx, rdx",
    "mov [rsp], rax",
    "mov rdi, rsp",
    "mov rsi, 8",
    "call 2f",
    "pop rax",
    "ret",
    ".size _vgw00000ZZ_NONE_Zacountersign2ct6revealZa, . - _vgw00000ZZ_NONE_Zacountersign2ct6revealZa",
    // marks rsi bytes at rdi as defined
    "2:",
    "sub rsp, 56",
    "mov qword ptr [rsp], {defined}",
    "mov [rsp + 8], rdi",
    "mov [rsp + 16], rsi",
    "mov qword ptr [rsp + 24], 0",
    "mov qword ptr [rsp + 32], 0",
    "mov qword ptr [rsp + 40], 0",
    "mov rax, rsp",
    "xor edx, edx",
    "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51",
    "xchg rbx, rbx",
    "add rsp, 56",
    "ret",
    ".popsection",
    defined = const MAKE_MEM_DEFINED,
);

unsafe extern "C" {
    #[link_name = "_vgw00000ZZ_NONE_Zacountersign2ct13revealZusearchZa"]
    fn wrapped_search();
    #[link_name = "_vgw00000ZZ_NONE_Zacountersign2ct6revealZa"]
    fn wrapped_comparison();
}

/// Keeps the wrappers in the program: valgrind finds them by name, and nothing calls them.
#[must_use]
pub fn wrappers() -> [unsafe extern "C" fn(); 2] {
    [wrapped_search, wrapped_comparison]
}
