//! What a board support package would bring: vectors, start-up, a way to print and a way to end.

use core::arch::{asm, global_asm};
use core::fmt::{self, Write};
use core::panic::PanicInfo;

// The start-up code, before any Rust: switches on the floating-point unit, whose registers the compiler
// may use on this target, copies `.data` to where it is written, and clears `.bss`.
global_asm!(
    ".section .vectors, \"a\"",
    ".word stack_end",
    ".word reset",
    ".rept 14", // whatever else interrupts is a fault
    ".word fault",
    ".endr",
    ".section .text.reset, \"ax\"",
    ".global reset",
    ".thumb_func",
    "reset:",
    "ldr r0, =0xE000ED88", // CPACR: access to coprocessors 10 and 11
    "ldr r1, [r0]",
    "orr r1, r1, #0xF00000",
    "str r1, [r0]",
    "dsb",
    "isb",
    "ldr r0, =data_start",
    "ldr r1, =data_end",
    "ldr r2, =data_load",
    "1: cmp r0, r1",
    "bhs 2f",
    "ldr r3, [r2], #4",
    "str r3, [r0], #4",
    "b 1b",
    "2: ldr r0, =bss_start",
    "ldr r1, =bss_end",
    "movs r2, #0",
    "3: cmp r0, r1",
    "bhs 4f",
    "str r2, [r0], #4",
    "b 3b",
    "4: bl run",
    ".thumb_func",
    "fault:",
    "bl faulted",
);

/// Called by the start-up code.
#[unsafe(no_mangle)]
extern "C" fn run() -> ! {
    match crate::report(&mut Console) {
        Ok(true) => end(0),
        Ok(false) => end(1),
        Err(fmt::Error) => end(2),
    }
}

#[unsafe(no_mangle)]
extern "C" fn faulted() -> ! {
    let _ = Console.write_str("a fault of the processor\n");
    end(3)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let _ = writeln!(Console, "{info}");
    end(4)
}

/// What the debugger prints.
struct Console;

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const SYS_WRITEC: usize = 0x03;
        for byte in text.bytes() {
            call(SYS_WRITEC, (&raw const byte).addr());
        }
        Ok(())
    }
}

/// Ends the program, and the emulator with this exit status.
fn end(status: usize) -> ! {
    const SYS_EXIT_EXTENDED: usize = 0x20;
    const APPLICATION_EXIT: usize = 0x2_0026;
    let why = [APPLICATION_EXIT, status];
    loop {
        call(SYS_EXIT_EXTENDED, why.as_ptr().addr());
    }
}

/// Asks the debugger for something.
fn call(operation: usize, argument: usize) {
    // SAFETY: a semihosting call. The debugger reads at most what `argument` points to, which outlives
    // the call, and writes only r0.
    unsafe {
        asm!("bkpt #0xAB", inout("r0") operation => _, in("r1") argument, options(nostack));
    }
}
