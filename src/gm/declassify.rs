//! Where something that was computed from a secret stops being one.

/// The same value, which may be seen from here on: branched on, written out, compared in any way.
///
/// In the product it is nothing. In the proof that the core runs in constant time (feature `memcheck`) it tells valgrind, which
/// reports every other branch on what was computed from a secret. Every place that calls it says why the value may be seen; the
/// list of them is in `README.md`.
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
