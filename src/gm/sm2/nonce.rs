//! Nonces that stay secret and different even when the randomness handed in is poor.

use alloc::vec;
use alloc::vec::Vec;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::curve::{self, SCALAR_BYTES, Scalar};
use crate::declassify::verdict;
use crate::drbg::{HashDrbg, Seeded};

/// Length of the fresh randomness in each nonce, in bytes.
const FRESH_BYTES: usize = 32;

/// The nonces of one signature: the generator of GM/T 0105 over 32 fresh random bytes, the private key and the digest.
///
/// With good randomness each is even and unpredictable, as GB/T 32918.2-2016, 6.1 (A3) asks; with a broken source it is still a secret
/// function of key and digest, so that no two messages share one (the idea of RFC 6979).
pub(super) struct Nonces {
    seeded: Seeded,
    /// Nearly always the first nonce is the last: then this stays away.
    generator: Option<HashDrbg>,
    asked: bool,
}

impl Nonces {
    /// Seeds the generator with 32 bytes of `rng`, private key `d` and digest `e`.
    pub(super) fn new<R: CryptoRng + ?Sized>(d: &Scalar, e: &Scalar, rng: &mut R) -> Self {
        let mut fresh = Zeroizing::new([0; FRESH_BYTES]);
        rng.fill_bytes(fresh.as_mut_slice());
        let seeded = Seeded::new(&[material(&fresh, &Zeroizing::new(curve::scalar_bytes(d)), e).as_slice()]);
        Self { seeded, generator: None, asked: false }
    }

    /// The next nonce, from 1 to n-1.
    pub(super) fn draw(&mut self) -> Zeroizing<Scalar> {
        loop {
            if let Some(k) = usable(&self.block()) {
                return k;
            }
        }
    }

    fn block(&mut self) -> Zeroizing<[u8; SCALAR_BYTES]> {
        if !core::mem::replace(&mut self.asked, true) {
            return self.seeded.first_block();
        }
        let mut block = Zeroizing::new([0; SCALAR_BYTES]);
        let generator = self.generator.get_or_insert_with(|| self.seeded.asked_once());
        generator.generate(block.as_mut_slice(), &[]);
        block
    }
}

/// The first nonce of each of the signatures over `digests` by private key `d`; `None` where that is no number from 1 to n-1.
pub(super) fn first_of_each<R: CryptoRng + ?Sized>(
    d: &Scalar,
    digests: &[Scalar],
    rng: &mut R,
) -> Zeroizing<Vec<Option<Scalar>>> {
    let mut fresh = Zeroizing::new(vec![[0; FRESH_BYTES]; digests.len()]);
    rng.fill_bytes(fresh.as_flattened_mut());
    let d = Zeroizing::new(curve::scalar_bytes(d));
    let mut materials = Zeroizing::new(Vec::with_capacity(digests.len()));
    materials.extend(fresh.iter().zip(digests).map(|(fresh, e)| *material(fresh, &d, e)));
    let blocks = Seeded::first_block_of_each(&materials);
    let mut nonces = Zeroizing::new(Vec::with_capacity(digests.len()));
    nonces.extend(blocks.iter().map(|block| usable(block).map(|k| *k)));
    nonces
}

fn material(
    fresh: &[u8; FRESH_BYTES],
    d: &[u8; SCALAR_BYTES],
    e: &Scalar,
) -> Zeroizing<[u8; FRESH_BYTES + 2 * SCALAR_BYTES]> {
    let mut material = Zeroizing::new([0; FRESH_BYTES + 2 * SCALAR_BYTES]);
    material.iter_mut().zip(fresh.iter().chain(d).chain(&curve::scalar_bytes(e))).for_each(|(m, b)| *m = *b);
    material
}

fn usable(block: &[u8; SCALAR_BYTES]) -> Option<Zeroizing<Scalar>> {
    // Seen: that a candidate is thrown away, nothing of the one that is kept.
    curve::scalar(block).map(Zeroizing::new).filter(|k| verdict(!curve::is_zero(k)))
}
