//! GHASH (NIST SP 800-38D, 6.4): the sum of blocks times powers of a key in GF(2^128).
//!
//! Blocks are read last byte first, as numbers of 128 bits, and the key is doubled once: so GHASH becomes POLYVAL (RFC 8452,
//! appendix A), in whose bit order a product is an ordinary carry-less product.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::partial::Partial;
use super::{BLOCK_BYTES, Block};

#[cfg(target_arch = "x86_64")]
use crate::arch::{
    cpu::{AesNi, Avx512, Vaes},
    ghash::{self as fast, POWERS},
};

/// How many powers are kept.
#[cfg(not(target_arch = "x86_64"))]
const POWERS: usize = 1;

/// A hash in the making; key and state are wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Ghash {
    /// Powers of the key, the highest first; those not needed yet are zero.
    powers: [u128; POWERS],
    known: usize,
    sum: u128,
    partial: Partial,
}

impl Ghash {
    pub(super) fn new(key: &Block) -> Self {
        let mut powers = [0; POWERS];
        let [.., first] = &mut powers;
        *first = double(u128::from_be_bytes(*key));
        Self { powers, known: 1, sum: 0, partial: Partial::default() }
    }

    /// Takes the next bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        if self.partial.filled() > 0 {
            bytes = self.partial.fill(bytes);
            self.partial.take_full().into_iter().for_each(|block| self.absorb(&[*block]));
        }
        let (blocks, rest) = bytes.as_chunks::<BLOCK_BYTES>();
        self.absorb(blocks);
        self.partial.fill(rest);
    }

    /// Fills the block up with zeros, if one has begun.
    pub(super) fn pad(&mut self) {
        if self.partial.filled() > 0 {
            let block = self.partial.take_with(0);
            self.absorb(&[*block]);
        }
    }

    /// Takes two lengths, in bytes, as numbers of bits (SP 800-38D, 7.1, step 5); whole blocks stand before them.
    pub(super) fn update_lengths(&mut self, first_bytes: u64, second_bytes: u64) {
        let bits = (u128::from(first_bytes) << 64 | u128::from(second_bytes)) << 3;
        self.absorb(&[bits.to_be_bytes()]);
    }

    /// The hash of what was taken.
    pub(super) fn finish(self) -> Block {
        self.sum.to_be_bytes()
    }

    #[cfg(target_arch = "x86_64")]
    fn absorb(&mut self, blocks: &[Block]) {
        let Some(token) = AesNi::here() else { return self.absorb_portable(blocks) };
        self.prepare(token, blocks.len().min(POWERS));
        self.sum = match (Avx512::here(), Vaes::here()) {
            (Some(token), _) => fast::absorb_avx512(token, &self.powers, self.sum, blocks),
            (None, Some(token)) => fast::absorb_vaes(token, &self.powers, self.sum, blocks),
            (None, None) => fast::absorb(token, &self.powers, self.sum, blocks),
        };
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn absorb(&mut self, blocks: &[Block]) {
        self.absorb_portable(blocks);
    }

    fn absorb_portable(&mut self, blocks: &[Block]) {
        let [.., key] = self.powers;
        for block in blocks {
            self.sum = multiply(self.sum ^ u128::from_be_bytes(*block), key);
        }
    }

    /// Makes sure of the powers up to the `wanted`th. Each is the product of two of about half of it, so that several are under
    /// way at once.
    #[cfg(target_arch = "x86_64")]
    #[expect(clippy::indexing_slicing, reason = "power `n` is at POWERS - n, for n from 1 to POWERS")]
    fn prepare(&mut self, token: AesNi, wanted: usize) {
        while self.known < wanted {
            self.known += 1;
            let (low, high) = (self.known / 2, self.known.div_ceil(2));
            self.powers[POWERS - self.known] =
                fast::multiply(token, self.powers[POWERS - low], self.powers[POWERS - high]);
        }
    }
}

/// x^127 + x^126 + x^121 + 1: what x^128 is.
const X_128: u128 = 1 << 127 | 1 << 126 | 1 << 121 | 1;

/// `x` times the element.
const fn double(element: u128) -> u128 {
    element << 1 ^ X_128 & (element >> 127).wrapping_neg()
}

/// The product of two elements, divided by x^128 (RFC 8452, 3).
fn multiply(a: u128, b: u128) -> u128 {
    let ([a_low, a_high], [b_low, b_high]) = (halves(a), halves(b));
    let (low, high) = (carry_less(a_low, b_low), carry_less(a_high, b_high));
    let middle = carry_less(a_low ^ a_high, b_low ^ b_high) ^ low ^ high;
    // Twice the lowest 64 bits are taken off by a multiple of the polynomial.
    let (low, high) = (low ^ middle << 64, high ^ middle >> 64);
    high ^ fold(fold(low))
}

/// What stands 64 bits further up when the lower half has been taken off.
const fn fold(x: u128) -> u128 {
    let [low, high] = halves(x);
    let low = low as u128;
    (high as u128 | low << 64) ^ low << 63 ^ low << 62 ^ low << 57
}

const fn halves(x: u128) -> [u64; 2] {
    [x as u64, (x >> 64) as u64]
}

/// Ones in every fifth place.
const EVERY_FIFTH: u128 = {
    let (mut ones, mut place) = (0, 0);
    while place < 128 {
        ones |= 1 << place;
        place += 5;
    }
    ones
};

/// The carry-less product.
///
/// An ordinary product of numbers that have ones in every fifth place at most has room for its carries: at most 13 ones meet in
/// a place, and 13 is written in fewer than five bits. So each number is split into five such, and of each sum of products only
/// the places that count are kept. (Pornin's BearSSL does so with every fourth place and half a product at a time.)
/// Multiplication takes the same time for all operands on the processors this is for.
#[expect(clippy::indexing_slicing, reason = "all indices are below five")]
fn carry_less(a: u64, b: u64) -> u128 {
    let split = |x: u64| [0, 1, 2, 3, 4].map(|place| u128::from(x & (EVERY_FIFTH << place) as u64));
    let (a, b) = (split(a), split(b));
    (0..5).fold(0, |product, place| {
        let sum = (0..5).fold(0, |sum, i| sum ^ (a[i] * b[(place + 5 - i) % 5]));
        product | (sum & (EVERY_FIFTH << place))
    })
}
