//! The least that is an allocator: it hands out a piece of memory once, front to back.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

const SIZE: usize = 1024 * 1024;

struct Bump {
    memory: UnsafeCell<[u8; SIZE]>,
    used: AtomicUsize,
}

// SAFETY: `used` gives each part of the memory to one caller only.
unsafe impl Sync for Bump {}

// SAFETY: what is returned is aligned, inside the memory, and given to nobody else.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.memory.get().cast::<u8>();
        let place = |used: usize| {
            let at = start.addr().checked_add(used)?.checked_next_multiple_of(layout.align())?;
            let from = at.checked_sub(start.addr())?;
            Some((from, from.checked_add(layout.size())?)).filter(|(_, to)| *to <= SIZE)
        };
        let next = |used| place(used).map(|(_, to)| to);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            Ok(used) => place(used).map_or(null_mut(), |(from, _)| start.wrapping_add(from)),
            Err(_) => null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static HEAP: Bump = Bump { memory: UnsafeCell::new([0; SIZE]), used: AtomicUsize::new(0) };
