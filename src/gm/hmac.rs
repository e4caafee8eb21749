//! HMAC-SM3: a message authentication code of 32 bytes (RFC 2104 over SM3; GM/T 0042-2015, Annex D.3).

use alloc::vec::Vec;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::Rejected;
#[cfg(target_arch = "x86_64")]
use crate::arch::{
    cpu::{Avx2, Avx512},
    sm3::{run_chains_8, run_chains_16},
};
use crate::declassify::verdict;
use crate::sm3::compress::{State, Word, compress};
#[cfg(target_arch = "x86_64")]
use crate::sm3::lanes::WORTH_A_STEP;
use crate::sm3::{self, BLOCK_BYTES, DIGEST_BYTES, Sm3};

/// The code of `parts`, put one after the other, under `key` of any length.
pub fn hmac_sm3(key: &[u8], parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    let mut mac = HmacSm3::new(key);
    parts.iter().for_each(|part| mac.update(part));
    mac.end()
}

/// A code in the making. Wiped when dropped; not `Clone` and not `Debug`, since it is as good as its key.
///
/// ```compile_fail
/// let copied = gm::hmac::HmacSm3::new(b"key").clone();
/// ```
/// ```compile_fail
/// fn printed(mac: &gm::hmac::HmacSm3) -> String { format!("{mac:?}") }
/// ```
pub struct HmacSm3 {
    inner: Sm3,
    outer: Sm3,
}

impl HmacSm3 {
    /// Starts a code under `key`; a key longer than 64 bytes is hashed first (RFC 2104, 2).
    pub fn new(key: &[u8]) -> Self {
        let mut block = Zeroizing::new([0; BLOCK_BYTES]);
        let digest = Zeroizing::new(if key.len() > BLOCK_BYTES { sm3::hash(key) } else { [0; DIGEST_BYTES] });
        let key = if key.len() > BLOCK_BYTES { digest.as_slice() } else { key };
        block.iter_mut().zip(key).for_each(|(b, k)| *b = *k);
        Self { inner: keyed(&block, 0x36), outer: keyed(&block, 0x5c) }
    }

    /// Takes in the next `bytes` of the message.
    pub fn update(&mut self, bytes: &[u8]) {
        self.inner.update(bytes);
    }

    /// The code of everything taken in.
    pub fn finish(mut self) -> [u8; DIGEST_BYTES] {
        self.end()
    }

    /// As [`Self::finish`], where it is: see [`Sm3::end`].
    pub(crate) fn end(&mut self) -> [u8; DIGEST_BYTES] {
        self.outer.update(&self.inner.end());
        self.outer.end()
    }

    /// For each of `rests` the code of everything taken in and then that, in their order; computed for 8 or 16 of them at a time
    /// where the processor can (see [`Sm3::finish_many`]).
    pub fn finish_many<M: AsRef<[u8]>>(&self, rests: &[M]) -> Vec<[u8; DIGEST_BYTES]> {
        let inner = Zeroizing::new(self.inner.finish_many(rests));
        self.outer.finish_many(&inner)
    }

    /// Whether `tag` is the whole code of everything taken in; compared in constant time.
    pub fn verify(mut self, tag: &[u8]) -> Result<(), Rejected> {
        // Seen: that it is refused.
        if verdict(bool::from(self.end().ct_eq(tag))) { Ok(()) } else { Err(Rejected) }
    }

    /// The same key and the same bytes taken in, for functions that key once and run many times.
    pub(crate) fn fork(&self) -> Self {
        Self { inner: self.inner.clone(), outer: self.outer.clone() }
    }
}

fn keyed(key_block: &[u8; BLOCK_BYTES], pad: u8) -> Sm3 {
    let padded = Zeroizing::new(key_block.map(|b| b ^ pad));
    let mut sm3 = Sm3::new();
    sm3.update(padded.as_slice());
    sm3
}

/// As many chains as can go side by side.
pub(crate) type Chains = [Chain; 16];

/// Codes of codes: each is that of the one before it, and all are summed by exclusive or. Wiped when dropped.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Chain {
    /// The last code, as words.
    pub(crate) last: State,
    /// The sum of all so far.
    pub(crate) sum: State,
}

impl Chain {
    /// A chain of one code.
    pub(crate) fn new(code: &[u8; DIGEST_BYTES]) -> Self {
        let mut last = State::default();
        last.iter_mut().zip(code.as_chunks().0).for_each(|(word, bytes)| *word = u32::from_be_bytes(*bytes));
        Self { last, sum: last }
    }

    /// `times` further codes in the first `count` of `chains`, under `key`; many go side by side where the processor can.
    ///
    /// What the chains after them hold may change too.
    pub(crate) fn run(chains: &mut Chains, count: usize, key: &HmacSm3, times: u32) {
        let key = [*key.inner.state(), *key.outer.state()];
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = Avx2::here().filter(|_| count >= WORTH_A_STEP) {
            if let Some(avx512) = Avx512::here().filter(|_| count > chains.len() / 2) {
                return run_chains_16(avx512, &key, chains, times);
            }
            let (halves, _) = chains.as_chunks_mut();
            let halves = halves.iter_mut().take(count.div_ceil(8));
            return halves.for_each(|eight| run_chains_8(avx2, &key, eight, times));
        }
        let chains = chains.iter_mut().take(count);
        chains.for_each(|chain| run_chain(&key, &mut chain.last, &mut chain.sum, times));
    }
}

/// Takes `times` further steps of a chain under the key whose blocks are compressed in `key`, the inner and the outer.
///
/// Each is two compressions and nothing else: a code is half a block, and what follows it is the same every time.
#[inline(always)]
pub(crate) fn run_chain<W: Word>(
    [inner, outer]: &[[W; 8]; 2],
    last: &mut [W; 8],
    sum: &mut [W; 8],
    times: u32,
) {
    for _ in 0..times {
        for key in [inner, outer] {
            let [a, b, c, d, e, f, g, h] = *last;
            let (one, zero, bits) = (a.all(0x8000_0000), a.all(0), a.all(CHAINED_BITS));
            let mut words = [a, b, c, d, e, f, g, h, one, zero, zero, zero, zero, zero, zero, bits];
            *last = *key;
            compress(last, &mut words);
        }
        sum.iter_mut().zip(&*last).for_each(|(sum, last)| *sum = sum.xor(*last));
    }
}

/// The length in bits of what is hashed in each half of a step: the key block and a code.
const CHAINED_BITS: u32 = (BLOCK_BYTES + DIGEST_BYTES) as u32 * 8;
