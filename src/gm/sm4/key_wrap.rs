//! Keys under keys (RFC 3394; with padding, RFC 5649), with SM4 as the cipher.
//!
//! The same key wrapped twice gives the same bytes; in return there is no nonce to get wrong, and every bit of what is wrapped is
//! protected.

use alloc::vec::Vec;

use subtle::{Choice, ConstantTimeEq, ConstantTimeGreater};
use zeroize::Zeroizing;

use super::{BLOCK_BYTES, Block, Error, Key};
use crate::declassify::{declassify, verdict};
use crate::{Rejected, TooLong};

/// Length of what is chained, in bytes: half a block.
const HALF_BYTES: usize = BLOCK_BYTES / 2;

/// Half a block.
type Half = [u8; HALF_BYTES];

/// By how much [`wrap`] makes a key longer, in bytes.
pub const OVERHEAD_BYTES: usize = HALF_BYTES;

/// The longest key that [`wrap_padded`] takes, in bytes: its length is written in 32 bits.
pub const PADDED_LIMIT_BYTES: u64 = u32::MAX as u64;

/// What is checked when a key is unwrapped (RFC 3394, 2.2.3.1).
const INITIAL_VALUE: Half = [0xa6; HALF_BYTES];

/// What is checked, before the length, when a padded key is unwrapped (RFC 5649, 3).
const PADDED_INITIAL_VALUE: u32 = 0xa659_59a6;

/// Wraps `wrapped`, a key of at least 16 bytes, a multiple of 8, under `key`; the result is [`OVERHEAD_BYTES`] longer.
///
/// Fails with [`Error::WrappedKeyLength`] for other lengths. Source: RFC 3394, 2.2.1.
pub fn wrap(key: &Key, wrapped: &[u8]) -> Result<Vec<u8>, Error> {
    match wrapped.as_chunks() {
        (halves @ [_, _, ..], []) => Ok(chain(key, INITIAL_VALUE, halves)),
        _ => Err(Error::WrappedKeyLength { got_bytes: wrapped.len() }),
    }
}

/// Unwraps what [`wrap`] made; the key is wiped when dropped.
///
/// Fails with [`Rejected`] when anything was changed or cut short, or under another key. Source: RFC 3394, 2.2.2.
pub fn unwrap(key: &Key, wrapping: &[u8]) -> Result<Zeroizing<Vec<u8>>, Rejected> {
    let (halves, []) = wrapping.as_chunks() else { return Err(Rejected) };
    let [first, halves @ ..] = halves else { return Err(Rejected) };
    if halves.len() < 2 {
        return Err(Rejected);
    }
    let (value, wrapped) = unchain(key, *first, halves);
    // Seen: that it is refused.
    if verdict(bool::from(value.ct_eq(&INITIAL_VALUE))) { Ok(wrapped) } else { Err(Rejected) }
}

/// Wraps `wrapped`, a key of any length from 1 byte to [`PADDED_LIMIT_BYTES`], under `key`; the result is 8 to 15 bytes longer.
///
/// Fails with [`Error::WrappedKeyLength`] for no bytes and with [`Error::TooLong`]. Source: RFC 5649, 4.1.
pub fn wrap_padded(key: &Key, wrapped: &[u8]) -> Result<Vec<u8>, Error> {
    if wrapped.is_empty() {
        return Err(Error::WrappedKeyLength { got_bytes: 0 });
    }
    TooLong::unless_within(PADDED_LIMIT_BYTES, wrapped.len())?;
    let value = padded_value(wrapped.len() as u32);
    let mut padded = Zeroizing::new(Vec::with_capacity(wrapped.len().next_multiple_of(HALF_BYTES)));
    padded.extend_from_slice(wrapped);
    padded.resize(wrapped.len().next_multiple_of(HALF_BYTES), 0);
    Ok(match padded.as_chunks() {
        ([half], _) => {
            let mut block = Zeroizing::new(join(&value, half));
            key.encrypt_block(&mut block);
            block.to_vec()
        }
        (halves, _) => chain(key, value, halves),
    })
}

/// Unwraps what [`wrap_padded`] made; the key is wiped when dropped.
///
/// Fails with [`Rejected`] when anything was changed or cut short, or under another key: value, length and padding are looked at
/// in constant time, and it cannot be told which was wrong. Source: RFC 5649, 4.2.
pub fn unwrap_padded(key: &Key, wrapping: &[u8]) -> Result<Zeroizing<Vec<u8>>, Rejected> {
    let (halves, []) = wrapping.as_chunks() else { return Err(Rejected) };
    let (value, mut padded) = match halves {
        [] | [_] => return Err(Rejected),
        [first, second] => {
            let mut block = Zeroizing::new(join(first, second));
            key.decrypt_block(&mut block);
            let (value, half) = halve(&block);
            (Zeroizing::new(value), Zeroizing::new(half.to_vec()))
        }
        [first, halves @ ..] => unchain(key, *first, halves),
    };
    let length = length_within(&value, &padded).ok_or(Rejected)?;
    padded.truncate(length);
    Ok(padded)
}

/// RFC 5649, 3: a constant and the length of the key.
fn padded_value(bytes: u32) -> Half {
    (u64::from(PADDED_INITIAL_VALUE) << 32 | u64::from(bytes)).to_be_bytes()
}

/// The length that `value` states, if `value` is one, `padded` has no more than 7 bytes above it, and those are zero.
fn length_within(value: &Half, padded: &[u8]) -> Option<usize> {
    let stated = u64::from_be_bytes(*value) & u64::from(u32::MAX);
    let most = padded.len() as u64;
    let mut good = value.ct_eq(&padded_value(stated as u32));
    good &= !stated.ct_gt(&most) & stated.ct_gt(&most.saturating_sub(HALF_BYTES as u64));
    for (at, byte) in (0u64..).zip(padded) {
        let within: Choice = stated.ct_gt(&at);
        good &= within | byte.ct_eq(&0);
    }
    // Seen: that it is refused, and of what is not the length of the key.
    verdict(bool::from(good)).then(|| declassify(stated) as usize)
}

/// How often each half is encrypted.
const TURNS: u64 = 6;

/// The process W of RFC 3394, 2.2.1, in the form that indexes.
fn chain(key: &Key, value: Half, halves: &[Half]) -> Vec<u8> {
    let mut a = value;
    let mut r = halves.to_vec();
    let mut t = 0u64;
    for _ in 0..TURNS {
        for half in &mut r {
            t += 1;
            let mut block = Zeroizing::new(join(&a, half));
            key.encrypt_block(&mut block);
            (a, *half) = halve(&block);
            a = (u64::from_be_bytes(a) ^ t).to_be_bytes();
        }
    }
    [&[a], r.as_slice()].concat().into_flattened()
}

/// The way back (RFC 3394, 2.2.2): the value to be checked, and the halves.
fn unchain(key: &Key, first: Half, halves: &[Half]) -> (Zeroizing<Half>, Zeroizing<Vec<u8>>) {
    let mut a = Zeroizing::new(first);
    let mut r = halves.to_vec();
    let mut t = TURNS * r.len() as u64;
    for _ in 0..TURNS {
        for half in r.iter_mut().rev() {
            *a = (u64::from_be_bytes(*a) ^ t).to_be_bytes();
            let mut block = Zeroizing::new(join(&a, half));
            key.decrypt_block(&mut block);
            (*a, *half) = halve(&block);
            t -= 1;
        }
    }
    (a, Zeroizing::new(r.into_flattened()))
}

fn join(first: &Half, second: &Half) -> Block {
    (u128::from(u64::from_be_bytes(*first)) << 64 | u128::from(u64::from_be_bytes(*second))).to_be_bytes()
}

fn halve(block: &Block) -> (Half, Half) {
    let both = u128::from_be_bytes(*block);
    (((both >> 64) as u64).to_be_bytes(), (both as u64).to_be_bytes())
}
