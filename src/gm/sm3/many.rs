//! Many digests after one prefix.

#[cfg(target_arch = "x86_64")]
use super::lanes::{self, WORTH_A_STEP};
use super::{DIGEST_BYTES, Sm3};
#[cfg(target_arch = "x86_64")]
use crate::arch::cpu::Avx2;

/// Hashes each of `messages` after `prefix` and hands its number and digest to `done`, in any order.
pub(crate) fn finish<M: AsRef<[u8]>>(
    prefix: &Sm3,
    messages: &[M],
    mut done: impl FnMut(usize, [u8; DIGEST_BYTES]),
) {
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = Avx2::here().filter(|_| messages.len() >= WORTH_A_STEP) {
        return lanes::finish(avx2, prefix, messages, done);
    }
    for (number, message) in messages.iter().enumerate() {
        let mut sm3 = prefix.clone();
        sm3.update(message.as_ref());
        done(number, sm3.end());
    }
}
