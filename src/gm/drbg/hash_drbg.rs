//! The generator itself, without sources, limits or time: GM/T 0105-2021 over SM3, in the shape of NIST SP 800-90A, 10.1.1.
//!
//! Three things differ from SP 800-90A: a reseed takes the entropy before V, a request gives at most one digest, and the seed's
//! age counts besides the number of requests (that is for [`super::Drbg`] to watch).

use alloc::vec;
use alloc::vec::Vec;
use core::iter;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::sm3::{self, DIGEST_BYTES};

/// Length of V and C in bytes: 440 bits, as for every hash of 256 bits (SP 800-90A, table 2).
const SEED_BYTES: usize = 55;

type Seed = [u8; SEED_BYTES];

/// The most that one request gives, in bytes.
pub(crate) const REQUEST_BYTES: usize = DIGEST_BYTES;

/// The working state. Wiped when dropped; not `Clone` and not `Debug`.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct HashDrbg {
    v: Seed,
    c: Seed,
    /// The number of the next request since the last seed, from 1.
    request: u64,
}

impl HashDrbg {
    /// Seeds a new state from entropy, nonce and personalization, put one after the other.
    pub(crate) fn instantiate(seed_material: &[&[u8]]) -> Self {
        Self::from_seed(&derived(seed_material))
    }

    /// Seeds it again; what it was goes on to count.
    pub(crate) fn reseed(&mut self, entropy: &[u8], additional: &[u8]) {
        *self = Self::from_seed(&derived(&[&[1], entropy, &self.v, additional]));
    }

    /// Fills `out`, at most [`REQUEST_BYTES`]; what is beyond them stays as it is.
    pub(crate) fn generate(&mut self, out: &mut [u8], additional: &[u8]) {
        if !additional.is_empty() {
            let w = Zeroizing::new(sm3::hash_all(&[&[2], &self.v, additional]));
            add(&mut self.v, w.as_slice());
        }
        let block = Zeroizing::new(sm3::hash(&self.v));
        out.iter_mut().zip(block.iter()).for_each(|(out, b)| *out = *b);
        // V = V + H + C + reseed_counter
        let h = Zeroizing::new(sm3::hash_all(&[&[3], &self.v]));
        add(&mut self.v, h.as_slice());
        add(&mut self.v, &self.c);
        add(&mut self.v, &self.request.to_be_bytes());
        self.request = self.request.saturating_add(1);
    }

    /// How many requests were answered since the last seed.
    pub(crate) const fn requests(&self) -> u64 {
        self.request.saturating_sub(1)
    }

    fn from_seed(v: &Seed) -> Self {
        Self { v: *v, c: *derived(&[&[0], v]), request: 1 }
    }
}

/// A generator that has been seeded and not asked yet. Its first block needs V alone, so that who wants no more derives no C.
pub(crate) struct Seeded(Zeroizing<Seed>);

impl Seeded {
    /// Seeds from entropy, nonce and personalization, put one after the other.
    pub(crate) fn new(seed_material: &[&[u8]]) -> Self {
        Self(derived(seed_material))
    }

    /// The first block.
    pub(crate) fn first_block(&self) -> Zeroizing<[u8; DIGEST_BYTES]> {
        Zeroizing::new(sm3::hash(self.0.as_slice()))
    }

    /// The generator after its first block.
    pub(crate) fn asked_once(&self) -> HashDrbg {
        let mut generator = HashDrbg::from_seed(&self.0);
        generator.generate(&mut [], &[]);
        generator
    }

    /// The first block of a generator from each of `materials`, hashed many at a time.
    pub(crate) fn first_block_of_each<const N: usize>(
        materials: &[[u8; N]],
    ) -> Zeroizing<Vec<[u8; DIGEST_BYTES]>> {
        let halves: [Zeroizing<Vec<[u8; DIGEST_BYTES]>>; 2] = [1, 2].map(|counter| {
            let mut sm3 = sm3::Sm3::new();
            sm3.update(&[counter]);
            sm3.update(&BITS);
            Zeroizing::new(sm3.finish_many(materials))
        });
        let [low, high] = &halves;
        let mut seeds = Zeroizing::new(vec![[0; SEED_BYTES]; materials.len()]);
        for (seed, (low, high)) in seeds.iter_mut().zip(low.iter().zip(high.iter())) {
            seed.iter_mut().zip(low.iter().chain(high)).for_each(|(s, b)| *s = *b);
        }
        Zeroizing::new(sm3::hash_many(&seeds))
    }
}

/// The length of a seed in bits, as `Hash_df` takes it in.
const BITS: [u8; 4] = (SEED_BYTES as u32 * 8).to_be_bytes();

/// `Hash_df(material, 440)` (SP 800-90A, 10.3.1).
fn derived(material: &[&[u8]]) -> Zeroizing<Seed> {
    let mut seed = Zeroizing::new([0; SEED_BYTES]);
    for (counter, chunk) in (1u8..).zip(seed.chunks_mut(DIGEST_BYTES)) {
        let mut sm3 = sm3::Sm3::new();
        sm3.update(&[counter]);
        sm3.update(&BITS);
        material.iter().for_each(|part| sm3.update(part));
        let block = Zeroizing::new(sm3.end());
        chunk.iter_mut().zip(block.iter()).for_each(|(s, b)| *s = *b);
    }
    seed
}

/// `v = v + number` modulo 2^440; both are big-endian, `number` at most as long as `v`.
fn add(v: &mut Seed, number: &[u8]) {
    let mut carry = 0;
    for (v, n) in v.iter_mut().rev().zip(number.iter().rev().chain(iter::repeat(&0))) {
        let sum = u16::from(*v) + u16::from(*n) + carry;
        let [high, low] = sum.to_be_bytes();
        *v = low;
        carry = u16::from(high);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generator_seeded_but_not_asked_gives_the_same_blocks() {
        let materials = [[7; 96], [8; 96]];
        let first = Seeded::first_block_of_each(&materials);
        for (material, first) in materials.iter().zip(first.iter()) {
            let mut plain = HashDrbg::instantiate(&[material]);
            let mut blocks = [[0; DIGEST_BYTES]; 3];
            blocks.iter_mut().for_each(|block| plain.generate(block, &[]));
            assert_eq!(*first, blocks[0]);
            assert_eq!(*Seeded::new(&[material]).first_block(), blocks[0]);
            let mut asked = Seeded::new(&[material]).asked_once();
            let mut next = [[0; DIGEST_BYTES]; 2];
            next.iter_mut().for_each(|block| asked.generate(block, &[]));
            assert_eq!(next, blocks[1..]);
        }
    }

    /// The addition against the one of 128-bit numbers, carries through all of V included.
    #[test]
    fn addition_carries_to_the_end_and_past_it() {
        let mut v = [0xff; SEED_BYTES];
        add(&mut v, &[1]);
        assert_eq!(v, [0; SEED_BYTES], "modulo 2^440");
        let (a, b) = (0x0123_4567_89ab_cdef_0fed_cba9_8765_4321_u128, u128::MAX / 3);
        let mut v = [0; SEED_BYTES];
        add(&mut v, &a.to_be_bytes());
        add(&mut v, &b.to_be_bytes());
        assert_eq!(v.last_chunk(), Some(&(a + b).to_be_bytes()));
    }
}
