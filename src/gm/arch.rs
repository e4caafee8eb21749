//! What is faster with particular instructions of a processor: the only place with `unsafe` code.
//!
//! Every fast path takes a token of [`cpu`], which exists only where the processor has the instructions: holding it is the proof
//! that the call is sound. Without a token there is always a portable path, in safe code, outside this folder.

pub mod cpu;
#[cfg(target_arch = "x86_64")]
pub(crate) mod ghash;
#[cfg(test)]
pub(crate) mod left_behind;
#[cfg(all(feature = "memcheck", target_arch = "x86_64"))]
pub mod memcheck;
#[cfg(target_arch = "x86_64")]
mod sm2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod sm3;
#[cfg(target_arch = "x86_64")]
pub(crate) mod sm4;

/// The same word, and no word to the compiler of where it comes from: what it does not know to be a mask it makes no branch of.
#[inline(always)]
#[expect(unsafe_code, reason = "an empty instruction, which only the compiler sees")]
pub(crate) fn opaque(word: u64) -> u64 {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
    {
        let mut word = word;
        // SAFETY: does nothing; the word stays in its register.
        unsafe {
            core::arch::asm!("/* {0} */", inout(reg) word, options(pure, nomem, nostack, preserves_flags));
        }
        word
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
    core::hint::black_box(word)
}
