//! Where something that was computed from a secret stops being one.
//!
//! In the proof that the core runs in constant time (feature `memcheck`) these tell valgrind, which reports every other branch on
//! what was computed from a secret. Every place that calls them says why it may be seen; the list of them is in `README.md`.

/// A yes or no that may be seen from here on: whether something is refused, or thrown away.
///
/// It is computed as a whole before anyone branches on it. Without that the compiler is free to branch on its parts: on the highest
/// words of a comparison first, on one of two conditions.
#[inline(always)]
pub(crate) fn verdict(holds: bool) -> bool {
    declassify(crate::arch::opaque(u64::from(holds))) != 0
}

/// The same value, which may be seen from here on. In the product it is nothing.
#[inline(always)]
pub(crate) fn declassify<T: Copy>(value: T) -> T {
    #[cfg(all(feature = "memcheck", target_arch = "x86_64"))]
    let value = crate::arch::memcheck::declassified(value);
    value
}

/// As [`declassify`], of bytes where they lie.
#[inline(always)]
pub(crate) fn declassify_bytes(bytes: &[u8]) {
    #[cfg(all(feature = "memcheck", target_arch = "x86_64"))]
    crate::arch::memcheck::make_public(bytes);
    let _ = bytes;
}
