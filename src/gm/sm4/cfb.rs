//! SM4-CFB with feedback of whole blocks (GB/T 17964-2021, 7; OID 1.2.156.10197.1.104.4).
//!
//! It hides and does not protect: pair it with a MAC, or use [`super::gcm`].

use super::{BLOCK_BYTES, Block, Key, wipe, xor};

/// Encrypts `data` of any length in place; `iv` must never repeat under a key.
pub fn encrypt(key: &Key, iv: &Block, data: &mut [u8]) {
    let mut previous = *iv;
    let (blocks, rest) = data.as_chunks_mut::<BLOCK_BYTES>();
    for block in blocks {
        key.encrypt_block(&mut previous);
        xor(block, &previous);
        previous = *block;
    }
    last(key, previous, rest);
}

/// Decrypts what [`encrypt`] made, in place.
pub fn decrypt(key: &Key, iv: &Block, data: &mut [u8]) {
    let mut previous = *iv;
    let (blocks, rest) = data.as_chunks_mut::<BLOCK_BYTES>();
    let mut stream = [[0; BLOCK_BYTES]; PIECE_BLOCKS];
    for piece in blocks.chunks_mut(PIECE_BLOCKS) {
        let (stream, _) = stream.split_at_mut(piece.len());
        stream.iter_mut().zip(core::iter::once(&previous).chain(&*piece)).for_each(|(to, from)| *to = *from);
        piece.last().into_iter().for_each(|last| previous = *last);
        key.encrypt_blocks(stream);
        xor(piece.as_flattened_mut(), stream.as_flattened());
    }
    wipe(&mut stream);
    last(key, previous, rest);
}

/// How many blocks are decrypted at once.
const PIECE_BLOCKS: usize = 128;

/// The bytes after the last whole block; both ways are the same.
fn last(key: &Key, mut previous: Block, rest: &mut [u8]) {
    if !rest.is_empty() {
        key.encrypt_block(&mut previous);
        xor(rest, &previous);
        wipe(core::slice::from_mut(&mut previous));
    }
}
