//! For tests: what a value leaves in memory when it is dropped.

#![expect(unsafe_code, reason = "reads the memory of a value that is gone")]

use core::mem::{MaybeUninit, size_of};
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
