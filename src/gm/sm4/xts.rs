//! SM4-XTS: sectors of a disk, each changed as a whole and none longer than before (OID 1.2.156.10197.1.104.10).
//!
//! There are two, and they disagree from the second block on: that of **GB/T 17964-2021, 10** doubles the tweak in the bit order of
//! GCM, that of **IEEE Std 1619** in the order of its bytes. Ask which one the other side means.
//!
//! A data unit is what is encrypted under one tweak: 16 bytes to 2^20 blocks; a last block that is not whole borrows from the one
//! before it (ciphertext stealing). It hides and does not protect: whoever can write the disk can put back old sectors.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{BLOCK_BYTES, Block, Direction, Error, KEY_BYTES, wipe, xor};
use crate::TooLong;
use crate::declassify::verdict;

/// The longest data unit, in bytes: 2^20 blocks (IEEE Std 1619-2018, 5.1).
pub const DATA_UNIT_LIMIT_BYTES: u64 = (1 << 20) * BLOCK_BYTES as u64;

/// Two keys: one for the data and one for the tweaks. Wiped when dropped; not `Clone` and not `Debug`.
pub struct Key {
    data: super::Key,
    tweak: super::Key,
}

impl Key {
    /// Expands the key for the data, then the key for the tweaks. The caller wipes `bytes`.
    ///
    /// Fails with [`Error::EqualKeys`] when they are the same (FIPS 140-3 IG C.I: with one key twice the proof does not hold).
    pub fn new(bytes: &[u8; 2 * KEY_BYTES]) -> Result<Self, Error> {
        let (halves, _) = bytes.as_chunks::<KEY_BYTES>();
        match halves {
            // Seen: that the halves are the same, which makes them no key.
            [data, tweak] if verdict(bool::from(!data.ct_eq(tweak))) => {
                Ok(Self { data: super::Key::new(data), tweak: super::Key::new(tweak) })
            }
            _ => Err(Error::EqualKeys),
        }
    }
}

/// Encrypts the data unit `data` in place as GB/T 17964-2021 has it.
///
/// `tweak` is the unit's number, or what the format says of it. Fails with [`Error::DataUnitTooShort`] or [`Error::TooLong`], with
/// `data` untouched, outside of 16 bytes to [`DATA_UNIT_LIMIT_BYTES`].
pub fn encrypt_gb(key: &Key, tweak: &Block, data: &mut [u8]) -> Result<(), Error> {
    crypt::<Gb>(key, tweak, Direction::Encrypt, data)
}

/// Decrypts what [`encrypt_gb`] made, in place, and fails as it does.
pub fn decrypt_gb(key: &Key, tweak: &Block, data: &mut [u8]) -> Result<(), Error> {
    crypt::<Gb>(key, tweak, Direction::Decrypt, data)
}

/// Encrypts the data unit `data` in place as IEEE Std 1619 has it.
///
/// `tweak` is the unit's number, lowest byte first. Fails as [`encrypt_gb`] does.
pub fn encrypt_ieee(key: &Key, tweak: &Block, data: &mut [u8]) -> Result<(), Error> {
    crypt::<Ieee>(key, tweak, Direction::Encrypt, data)
}

/// Decrypts what [`encrypt_ieee`] made, in place, and fails as it does.
pub fn decrypt_ieee(key: &Key, tweak: &Block, data: &mut [u8]) -> Result<(), Error> {
    crypt::<Ieee>(key, tweak, Direction::Decrypt, data)
}

/// How tweaks are read as elements of GF(2^128) and doubled.
trait Doubling {
    fn read(tweak: Block) -> u128;
    fn double(tweak: u128) -> u128;
    fn write(tweak: u128) -> Block;
}

/// The first bit of the first byte is the lowest coefficient (GB/T 17964-2021; so has GCM).
struct Gb;

impl Doubling for Gb {
    fn read(tweak: Block) -> u128 {
        u128::from_be_bytes(tweak)
    }

    /// x^128 is x^7 + x^2 + x + 1.
    fn double(tweak: u128) -> u128 {
        tweak >> 1 ^ (tweak & 1).wrapping_neg() & 0xe1 << 120
    }

    fn write(tweak: u128) -> Block {
        tweak.to_be_bytes()
    }
}

/// The last bit of the first byte is the lowest coefficient (IEEE Std 1619-2018, 5.2).
struct Ieee;

impl Doubling for Ieee {
    fn read(tweak: Block) -> u128 {
        u128::from_le_bytes(tweak)
    }

    /// x^128 is x^7 + x^2 + x + 1.
    fn double(tweak: u128) -> u128 {
        tweak << 1 ^ (tweak >> 127).wrapping_neg() & 0x87
    }

    fn write(tweak: u128) -> Block {
        tweak.to_le_bytes()
    }
}

/// How many blocks are worked on at once.
const PIECE_BLOCKS: usize = 64;

fn crypt<D: Doubling>(key: &Key, tweak: &Block, direction: Direction, data: &mut [u8]) -> Result<(), Error> {
    let borrowed = borrowed_from(data.len())?;
    let mut first = Zeroizing::new(*tweak);
    key.tweak.encrypt_block(&mut first);
    let mut next = Zeroizing::new(D::read(*first));
    let (blocks, borrowing) = data.split_at_mut(borrowed);
    let (blocks, _) = blocks.as_chunks_mut::<BLOCK_BYTES>();
    let mut tweaks = [[0; BLOCK_BYTES]; PIECE_BLOCKS];
    for piece in blocks.chunks_mut(PIECE_BLOCKS) {
        let (tweaks, _) = tweaks.split_at_mut(piece.len());
        for tweak in tweaks.iter_mut() {
            *tweak = D::write(*next);
            *next = D::double(*next);
        }
        with_tweaks(key, direction, piece, tweaks);
    }
    wipe(&mut tweaks);
    steal::<D>(key, direction, *next, borrowing);
    Ok(())
}

/// Where the block begins from which the last one borrows; the length itself when that is whole.
fn borrowed_from(bytes: usize) -> Result<usize, Error> {
    TooLong::unless_within(DATA_UNIT_LIMIT_BYTES, bytes)?;
    let first_block = bytes.checked_sub(BLOCK_BYTES).ok_or(Error::DataUnitTooShort { got_bytes: bytes })?;
    let over = bytes % BLOCK_BYTES;
    Ok(if over == 0 { bytes } else { first_block - over })
}

/// Ciphertext stealing (GB/T 17964-2021, 10.2.2 and 10.3.2): the last whole block of `data`, and what stands after it.
fn steal<D: Doubling>(key: &Key, direction: Direction, tweak: u128, data: &mut [u8]) {
    let Some((block, rest)) = data.split_first_chunk_mut::<BLOCK_BYTES>() else { return };
    let (tweak, following) = (D::write(tweak), D::write(D::double(tweak)));
    let mut tweaks = match direction {
        Direction::Encrypt => [tweak, following],
        Direction::Decrypt => [following, tweak],
    };
    let [first, second] = &tweaks;
    with_tweaks(key, direction, core::slice::from_mut(block), core::slice::from_ref(first));
    block.iter_mut().zip(rest).for_each(|(a, b)| core::mem::swap(a, b));
    with_tweaks(key, direction, core::slice::from_mut(block), core::slice::from_ref(second));
    wipe(&mut tweaks);
}

/// Each block under its tweak, which is added before and after.
fn with_tweaks(key: &Key, direction: Direction, blocks: &mut [Block], tweaks: &[Block]) {
    xor(blocks.as_flattened_mut(), tweaks.as_flattened());
    key.data.crypt(direction, blocks);
    xor(blocks.as_flattened_mut(), tweaks.as_flattened());
}
