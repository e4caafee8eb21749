//! Keys from shared secrets and from passwords.

use core::array;
use core::num::NonZeroU32;

use zeroize::Zeroizing;

use crate::TooLong;
use crate::hmac::{Chain, Chains, HmacSm3, hmac_sm3};
use crate::sm3::{self, DIGEST_BYTES, Sm3, many};

/// The most that [`sm2_kdf`] and [`pbkdf2_hmac_sm3`] give out: their block counter has 32 bits and starts at 1.
pub const COUNTER_LIMIT_BYTES: u64 = (u32::MAX as u64) * (DIGEST_BYTES as u64);

/// The most that [`hkdf_expand`] gives out: its block counter has 8 bits and starts at 1 (RFC 5869, 2.3).
pub const HKDF_LIMIT_BYTES: u64 = 255 * (DIGEST_BYTES as u64);

/// Fills `out` from the shared secret made of `shared`'s parts: `SM3(Z || 1) || SM3(Z || 2) || ...`.
///
/// Fails with [`TooLong`] above [`COUNTER_LIMIT_BYTES`]. Source: GB/T 32918.4-2016, 5.4.3 (also 32918.3, 5.4.3).
pub fn sm2_kdf(shared: &[&[u8]], out: &mut [u8]) -> Result<(), TooLong> {
    TooLong::unless_within(COUNTER_LIMIT_BYTES, out.len())?;
    let mut keyed = Sm3::new();
    shared.iter().for_each(|part| keyed.update(part));
    let mut counters = 1..=u32::MAX;
    for group in out.chunks_mut(SIDE_BY_SIDE * DIGEST_BYTES) {
        let suffixes = array::from_fn::<_, SIDE_BY_SIDE, _>(|_| counters.next().unwrap_or(0).to_be_bytes());
        let (suffixes, _) = suffixes.split_at(group.len().div_ceil(DIGEST_BYTES));
        many::finish(&keyed, suffixes, |i, block| {
            group.chunks_mut(DIGEST_BYTES).skip(i).take(1).for_each(|chunk| fill(chunk, &block));
        });
    }
    Ok(())
}

/// How many blocks of key are computed at once.
const SIDE_BY_SIDE: usize = 16;

/// HKDF with HMAC-SM3, both steps: fills `out` from the key material `ikm`.
///
/// Fails with [`TooLong`] above [`HKDF_LIMIT_BYTES`]. Source: RFC 5869, 2.
pub fn hkdf_sm3(salt: &[u8], ikm: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), TooLong> {
    hkdf_expand(&hkdf_extract(salt, ikm), &[info], out)
}

/// HKDF's first step: a key of even entropy from `ikm`. An empty `salt` stands for 32 zero bytes. Source: RFC 5869, 2.2.
pub fn hkdf_extract(salt: &[u8], ikm: &[u8]) -> Zeroizing<[u8; DIGEST_BYTES]> {
    Zeroizing::new(hmac_sm3(salt, &[ikm]))
}

/// HKDF's second step: fills `out` for the purpose that `info`'s parts name.
///
/// Fails with [`TooLong`] above [`HKDF_LIMIT_BYTES`]. Source: RFC 5869, 2.3.
pub fn hkdf_expand(prk: &[u8; DIGEST_BYTES], info: &[&[u8]], out: &mut [u8]) -> Result<(), TooLong> {
    TooLong::unless_within(HKDF_LIMIT_BYTES, out.len())?;
    let keyed = HmacSm3::new(prk);
    let mut previous: Option<Zeroizing<[u8; DIGEST_BYTES]>> = None;
    for (counter, chunk) in (1..=u8::MAX).zip(out.chunks_mut(DIGEST_BYTES)) {
        let mut mac = keyed.fork();
        previous.iter().for_each(|block| mac.update(block.as_slice()));
        info.iter().for_each(|part| mac.update(part));
        mac.update(&[counter]);
        let block = Zeroizing::new(mac.end());
        fill(chunk, &block);
        previous = Some(block);
    }
    Ok(())
}

/// PBKDF2 with HMAC-SM3: fills `out` from `password`, slowed by `iterations`.
///
/// Fails with [`TooLong`] above [`COUNTER_LIMIT_BYTES`]. Source: RFC 8018, 5.2; pseudorandom function 1.2.156.10197.1.401.2.
pub fn pbkdf2_hmac_sm3(
    password: &[u8],
    salt: &[u8],
    iterations: NonZeroU32,
    out: &mut [u8],
) -> Result<(), TooLong> {
    TooLong::unless_within(COUNTER_LIMIT_BYTES, out.len())?;
    let keyed = HmacSm3::new(password);
    let mut counters = 1..=u32::MAX;
    for group in out.chunks_mut(SIDE_BY_SIDE * DIGEST_BYTES) {
        let mut chains = Chains::default();
        let count = group.len().div_ceil(DIGEST_BYTES);
        for (chain, counter) in chains.iter_mut().zip(counters.by_ref().take(count)) {
            let mut first = keyed.fork();
            first.update(salt);
            first.update(&counter.to_be_bytes());
            *chain = Chain::new(&Zeroizing::new(first.end()));
        }
        Chain::run(&mut chains, count, &keyed, iterations.get() - 1);
        for (chunk, chain) in group.chunks_mut(DIGEST_BYTES).zip(&chains) {
            fill(chunk, &Zeroizing::new(sm3::digest(&chain.sum)));
        }
    }
    Ok(())
}

/// Copies as much of `block` as `chunk` has room for.
fn fill(chunk: &mut [u8], block: &[u8; DIGEST_BYTES]) {
    chunk.iter_mut().zip(block).for_each(|(out, b)| *out = *b);
}
