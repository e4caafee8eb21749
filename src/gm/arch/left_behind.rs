//! For tests: what is left in memory of a value that was dropped, and of memory that was given back.

#![expect(unsafe_code, reason = "reads the memory of a value that is gone, and of a block that goes")]

use core::mem::{MaybeUninit, size_of};
use core::sync::atomic::{AtomicUsize, Ordering};
use std::alloc::{GlobalAlloc, Layout, System};
use std::vec::Vec;

/// The bytes of `value` itself, not of what it points to, before it is dropped and after.
pub(crate) fn left_behind<T>(value: T) -> [Vec<u8>; 2] {
    let mut place = MaybeUninit::<T>::zeroed();
    place.write(value);
    let before = bytes_of(&place);
    // SAFETY: a value was written, and nobody uses it afterwards.
    unsafe { place.assume_init_drop() };
    [before, bytes_of(&place)]
}

fn bytes_of<T>(place: &MaybeUninit<T>) -> Vec<u8> {
    let bytes = place.as_ptr().cast::<u8>();
    // SAFETY: inside `place`, whose bytes were all set when it was zeroed; volatile, so that they are read from memory.
    (0..size_of::<T>()).map(|i| unsafe { bytes.add(i).read_volatile() }).collect()
}

/// What a block must not hold when it is given back. No test looks for anything else, whatever threads they run in.
pub(crate) const MARK: [u8; 8] = *b"\xf5secret\xf7";

/// How many blocks have held [`MARK`] when they were given back.
pub(crate) fn given_back_with_mark() -> usize {
    FOUND.load(Ordering::SeqCst)
}

static FOUND: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static WATCHED: Watched = Watched;

/// The system's allocator, which looks at what it gets back.
struct Watched;

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Watched {
    // SAFETY: the trait's contract is the system allocator's.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Zeroed, so that there is nothing in a block but what was written to it.
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    // SAFETY: the trait's contract is the system allocator's.
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is the caller's, of this length, and all of it was set when it was handed out.
        let bytes = unsafe { core::slice::from_raw_parts(block, layout.size()) };
        if bytes.windows(MARK.len()).any(|window| window == MARK) {
            FOUND.fetch_add(1, Ordering::SeqCst);
        }
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(block, layout) }
    }
    // INVARIANT: `realloc` is the trait's own, which hands out a new block, copies, and gives the old one back through `dealloc`.
}
