//! Nonces that stay secret and different even when the randomness handed in is poor.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::curve::{self, Scalar};
use crate::hmac::{HmacSm3, hmac_sm3};

/// The nonces of one signature: an HMAC-SM3 generator over the private key, the digest and 32 fresh random bytes.
///
/// With good randomness each is even and unpredictable, as GB/T 32918.2-2016, 6.1 (A3) asks; with a broken source it is still
/// that of RFC 6979, so that no two messages share one. Source: RFC 6979, 3.2, with the additional data of 3.6.
pub(super) struct Nonces {
    key: Zeroizing<[u8; 32]>,
    value: Zeroizing<[u8; 32]>,
}

impl Nonces {
    /// Seeds the generator with private key `d`, digest `e` and 32 bytes of `rng`.
    pub(super) fn new<R: CryptoRng + ?Sized>(d: &Scalar, e: &Scalar, rng: &mut R) -> Self {
        let mut fresh = Zeroizing::new([0; 32]);
        rng.fill_bytes(fresh.as_mut_slice());
        let d = Zeroizing::new(curve::scalar_bytes(d));
        let e = curve::scalar_bytes(e);
        let mut this = Self { key: Zeroizing::new([0; 32]), value: Zeroizing::new([1; 32]) };
        for round in [0, 1] {
            this.stir(&[&[round], d.as_slice(), &e, fresh.as_slice()]);
        }
        this
    }

    /// The next nonce, from 1 to n-1.
    pub(super) fn draw(&mut self) -> Zeroizing<Scalar> {
        loop {
            self.step();
            let k = curve::scalar(&self.value).map(Zeroizing::new);
            self.stir(&[&[0]]);
            if let Some(k) = k.filter(|k| !curve::is_zero(k)) {
                return k;
            }
        }
    }

    /// `K = HMAC_K(V || seed)`, then a step.
    fn stir(&mut self, seed: &[&[u8]]) {
        let mut mac = HmacSm3::new(self.key.as_slice());
        mac.update(self.value.as_slice());
        seed.iter().for_each(|part| mac.update(part));
        *self.key = mac.finish();
        self.step();
    }

    /// `V = HMAC_K(V)`
    fn step(&mut self) {
        *self.value = hmac_sm3(self.key.as_slice(), &[self.value.as_slice()]);
    }
}
