//! SM4 on every path that the processor has, against RustCrypto's cipher and GHASH with the modes spelled out as the standards do.
//!
//! With the feature `cpu-limit` all paths are taken, one after the other; without it, the one of the product.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "support/seeded_rng.rs"]
mod seeded_rng;

use std::sync::{Mutex, PoisonError};

use ::sm4::Sm4;
use ::sm4::cipher::{BlockCipherEncrypt, KeyInit};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use gm::sm4::{Block, Key, cbc, ccm, cfb, ctr, ecb, gcm, key_wrap, ofb, xts};
use seeded_rng::SeededRng;

/// Lengths that fill registers, batches and pieces, one more and one less, and those between.
fn lengths() -> impl Iterator<Item = usize> {
    let blocks = (0..=200).map(|blocks| 16 * blocks);
    let odd = (0..=80).chain((1..=50).map(|i| 67 * i + i % 16));
    let pieces = [1023, 1024, 1025, 2047, 2048, 2049, 4095, 4096, 4097, 8192, 9001];
    blocks.chain(odd).chain(pieces)
}

/// Says `story` once for each path; one story at a time, for the limit is everybody's.
fn on_every_path(story: impl Fn()) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    #[cfg(feature = "cpu-limit")]
    for level in gm::cpu::Level::ALL {
        gm::cpu::limit(level);
        eprintln!("{}", gm::cpu::level().name());
        story();
    }
    #[cfg(not(feature = "cpu-limit"))]
    story();
}

/// A key for both sides, and data from a seed.
struct Case {
    ours: Key,
    theirs: Sm4,
    rng: SeededRng,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut rng = SeededRng::new(seed);
        let bytes = rng.array();
        Self { ours: Key::new(&bytes), theirs: Sm4::new(&bytes.into()), rng }
    }
}

fn e(cipher: &Sm4, mut block: Block) -> Block {
    cipher.encrypt_block((&mut block).into());
    block
}

fn add(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

fn block(bytes: &[u8]) -> Block {
    bytes.try_into().unwrap()
}

#[test]
fn blocks_and_keys() {
    on_every_path(|| {
        for seed in 0..2000 {
            let Case { ours, theirs, mut rng } = Case::new(seed);
            let plaintext: Block = rng.array();
            let mut block = plaintext;
            ours.encrypt_block(&mut block);
            assert_eq!(block, e(&theirs, plaintext));
            ours.decrypt_block(&mut block);
            assert_eq!(block, plaintext);
        }
    });
}

#[test]
fn any_number_of_blocks_at_once() {
    on_every_path(|| {
        for (seed, bytes) in (0..).zip(lengths()) {
            let Case { ours, theirs, mut rng } = Case::new(seed);
            let plaintext = rng.bytes(bytes / 16 * 16);
            let mut data = plaintext.clone();
            ecb::encrypt(&ours, &mut data).unwrap();
            let expected: Vec<u8> = plaintext.chunks(16).flat_map(|p| e(&theirs, block(p))).collect();
            assert_eq!(data, expected, "{bytes} bytes");
            ecb::decrypt(&ours, &mut data).unwrap();
            assert_eq!(data, plaintext, "{bytes} bytes");
        }
    });
}

#[test]
fn cbc_with_and_without_padding_whole_and_in_pieces() {
    on_every_path(|| {
        for (seed, bytes) in (0..).zip(lengths()) {
            let Case { ours, theirs, mut rng } = Case::new(seed);
            let (iv, plaintext): (Block, _) = (rng.array(), rng.bytes(bytes));
            let padding = 16 - bytes % 16;
            let padded = [plaintext.clone(), vec![padding as u8; padding]].concat();
            let mut previous = iv;
            let mut expected = Vec::new();
            for p in padded.chunks(16) {
                previous = e(&theirs, block(&add(p, &previous)));
                expected.extend(previous);
            }
            assert_eq!(cbc::encrypt(&ours, &iv, &plaintext), expected, "{bytes} bytes");
            assert_eq!(cbc::decrypt(&ours, &iv, &expected), Ok(plaintext.clone()), "{bytes} bytes");

            let mut whole = padded.clone();
            cbc::encrypt_whole(&ours, &iv, &mut whole).unwrap();
            assert_eq!(whole, expected, "{bytes} bytes");
            cbc::decrypt_whole(&ours, &iv, &mut whole).unwrap();
            assert_eq!(whole, padded, "{bytes} bytes");

            let (mut encryptor, mut out) = (cbc::Encryptor::new(&ours, &iv), Vec::new());
            pieces(&plaintext, &mut rng).for_each(|piece| encryptor.update(piece, &mut out));
            encryptor.finish(&mut out);
            assert_eq!(out, expected, "{bytes} bytes in pieces");

            let (mut decryptor, mut out) = (cbc::Decryptor::new(&ours, &iv), Vec::new());
            pieces(&expected, &mut rng).for_each(|piece| decryptor.update(piece, &mut out));
            decryptor.finish(&mut out).unwrap();
            assert_eq!(out, plaintext, "{bytes} bytes in pieces");
        }
    });
}

/// `data` cut where chance has it, sometimes into nothing.
fn pieces<'a>(data: &'a [u8], rng: &mut SeededRng) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let cuts = rng.bytes(3 + data.len() / 20);
    let mut rest = data;
    let cut = move |at: usize| {
        let (piece, after) = rest.split_at(at.min(rest.len()));
        rest = after;
        piece
    };
    let lengths = cuts.into_iter().map(|cut| usize::from(cut) % 90).chain([usize::MAX]);
    lengths.map(cut)
}

#[test]
fn cfb_and_ofb() {
    on_every_path(|| {
        for (seed, bytes) in (0..).zip(lengths()) {
            let Case { ours, theirs, mut rng } = Case::new(seed);
            let (iv, plaintext): (Block, _) = (rng.array(), rng.bytes(bytes));
            let (mut fed_back, mut previous) = (Vec::new(), iv);
            for p in plaintext.chunks(16) {
                let c = add(p, &e(&theirs, previous));
                previous = c.as_slice().try_into().unwrap_or_default();
                fed_back.extend(c);
            }
            let mut data = plaintext.clone();
            cfb::encrypt(&ours, &iv, &mut data);
            assert_eq!(data, fed_back, "CFB, {bytes} bytes");
            cfb::decrypt(&ours, &iv, &mut data);
            assert_eq!(data, plaintext, "CFB, {bytes} bytes");

            let stream = std::iter::successors(Some(e(&theirs, iv)), |o| Some(e(&theirs, *o)));
            let stream: Vec<u8> = stream.take(bytes.div_ceil(16)).flatten().collect();
            ofb::apply(&ours, &iv, &mut data);
            assert_eq!(data, add(&plaintext, &stream), "OFB, {bytes} bytes");
        }
    });
}

/// Counters near nothing, near the end of 32 bits, and near the end of all.
fn counters(rng: &mut SeededRng) -> [u128; 4] {
    let random = u128::from_be_bytes(rng.array());
    [random, random | 0xffff_ffe0, u128::MAX - 33, (random << 32) | 0xffff_ffff]
}

fn counter_stream(cipher: &Sm4, first: u128, bytes: usize) -> Vec<u8> {
    let blocks = (0..bytes.div_ceil(16) as u128).flat_map(|i| e(cipher, first.wrapping_add(i).to_be_bytes()));
    blocks.take(bytes).collect()
}

#[test]
fn ctr_whole_in_pieces_and_from_anywhere() {
    on_every_path(|| {
        for (seed, bytes) in (0..).zip(lengths()) {
            let Case { ours, theirs, mut rng } = Case::new(seed);
            for first in counters(&mut rng) {
                let plaintext = rng.bytes(bytes);
                let expected = add(&plaintext, &counter_stream(&theirs, first, bytes));
                let mut data = plaintext.clone();
                ctr::apply(&ours, &first.to_be_bytes(), &mut data);
                assert_eq!(data, expected, "{bytes} bytes from {first:x}");
            }
            let (first, plaintext) = (u128::MAX - 7, rng.bytes(bytes));
            let expected = add(&plaintext, &counter_stream(&theirs, first, bytes));
            let (mut stream, mut data) = (ctr::Stream::new(&ours, &first.to_be_bytes()), Vec::new());
            for piece in pieces(&plaintext, &mut rng) {
                let mut piece = piece.to_vec();
                stream.apply(&mut piece).unwrap();
                data.extend(piece);
                assert_eq!(stream.position_bytes(), data.len() as u64);
            }
            assert_eq!(data, expected, "{bytes} bytes in pieces");
            for from in [0, 1, 15, 16, 17, bytes / 2].into_iter().filter(|from| *from <= bytes) {
                let mut tail = plaintext[from..].to_vec();
                stream.seek(from as u64);
                stream.apply(&mut tail).unwrap();
                assert_eq!(tail, expected[from..], "{bytes} bytes from {from}");
            }
        }
    });
}

/// GCM as SP 800-38D, 7.1 has it.
fn their_gcm(cipher: &Sm4, nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let hash = |first: &[u8], second: &[u8]| -> Block {
        let mut ghash = GHash::new(&e(cipher, [0; 16]).into());
        ghash.update_padded(first);
        ghash.update_padded(second);
        let lengths = (first.len() as u128 * 8) << 64 | (second.len() as u128 * 8);
        ghash.update_padded(&lengths.to_be_bytes());
        ghash.finalize().into()
    };
    let j0 = match nonce.len() {
        12 => block(&[nonce, &[0, 0, 0, 1]].concat()),
        _ => hash(&[], nonce),
    };
    let last = u32::from_be_bytes(j0[12..].try_into().unwrap());
    let stream = (1..).map(|i| e(cipher, block(&[&j0[..12], &last.wrapping_add(i).to_be_bytes()].concat())));
    let stream: Vec<u8> = stream.take(plaintext.len().div_ceil(16)).flatten().collect();
    let mut out = add(plaintext, &stream);
    out.extend(add(&hash(aad, &out), &e(cipher, j0)));
    out
}

#[test]
fn gcm_whole_in_pieces_and_under_nonces_of_any_length() {
    on_every_path(|| {
        for (seed, bytes) in (0..).zip(lengths()) {
            let Case { ours, theirs, mut rng } = Case::new(seed);
            let (nonce, plaintext): ([u8; 12], _) = (rng.array(), rng.bytes(bytes));
            let aad = rng.bytes(seed as usize * 7 % 600);
            let expected = their_gcm(&theirs, &nonce, &aad, &plaintext);
            assert_eq!(gcm::seal(&ours, &nonce, &aad, &plaintext).unwrap(), expected, "{bytes} bytes");
            assert_eq!(gcm::open(&ours, &nonce, &aad, &expected), Ok(plaintext.clone()), "{bytes} bytes");

            let mut sealer = gcm::Sealer::new(&ours, &nonce, &aad).unwrap();
            let mut sealed = Vec::new();
            for piece in pieces(&plaintext, &mut rng) {
                let mut piece = piece.to_vec();
                sealer.update(&mut piece).unwrap();
                sealed.extend(piece);
            }
            sealed.extend(sealer.finish());
            assert_eq!(sealed, expected, "{bytes} bytes in pieces");

            let nonce = rng.bytes(1 + seed as usize % 70);
            let expected = their_gcm(&theirs, &nonce, &aad, &plaintext);
            assert_eq!(gcm::seal_with_nonce(&ours, &nonce, &aad, &plaintext).unwrap(), expected);
            assert_eq!(gcm::open_with_nonce(&ours, &nonce, &aad, &expected), Ok(plaintext));
        }
    });
}

/// CCM as SP 800-38C, 6.1 and A.2 have it.
fn their_ccm(cipher: &Sm4, nonce: &[u8], tag_bytes: usize, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let q = 15 - nonce.len();
    let numbered = |flags: usize, number: usize| {
        block(&[&[flags as u8], nonce, &(number as u64).to_be_bytes()[8 - q.min(8)..]].concat())
    };
    let flags = usize::from(!aad.is_empty()) * 64 + (tag_bytes - 2) / 2 * 8 + q - 1;
    let mut formatted = numbered(flags, plaintext.len()).to_vec();
    match aad.len() {
        0 => (),
        short @ ..0xff00 => formatted.extend((short as u16).to_be_bytes()),
        long => formatted.extend([&[0xff, 0xfe][..], &(long as u32).to_be_bytes()].concat()),
    }
    formatted.extend(aad);
    formatted.resize(formatted.len().next_multiple_of(16), 0);
    formatted.extend(plaintext);
    formatted.resize(formatted.len().next_multiple_of(16), 0);
    let mac = formatted.chunks(16).fold([0; 16], |mac, b| e(cipher, block(&add(b, &mac))));
    let stream = (1..=plaintext.len().div_ceil(16)).flat_map(|i| e(cipher, numbered(q - 1, i)));
    let mut out = add(plaintext, &stream.collect::<Vec<u8>>());
    out.extend(&add(&mac, &e(cipher, numbered(q - 1, 0)))[..tag_bytes]);
    out
}

#[test]
fn ccm_with_every_length_of_nonce_and_tag() {
    on_every_path(|| {
        for (seed, bytes) in (0..).zip(lengths()) {
            let Case { ours, theirs, mut rng } = Case::new(seed);
            let (nonce, tag_bytes) = (rng.bytes(7 + seed as usize % 7), 4 + 2 * (seed as usize % 7));
            let (aad, plaintext) = (rng.bytes(seed as usize * 5 % 100), rng.bytes(bytes));
            let expected = their_ccm(&theirs, &nonce, tag_bytes, &aad, &plaintext);
            let sealed = ccm::seal(&ours, &nonce, tag_bytes, &aad, &plaintext).unwrap();
            assert_eq!(sealed, expected, "{bytes} bytes");
            assert_eq!(ccm::open(&ours, &nonce, tag_bytes, &aad, &sealed), Ok(plaintext), "{bytes} bytes");
        }
        for bytes in [0xfeff, 0xff00, 0x1_0000] {
            let Case { ours, theirs, mut rng } = Case::new(bytes as u64);
            let (nonce, aad) = (rng.bytes(12), rng.bytes(bytes));
            let expected = their_ccm(&theirs, &nonce, 16, &aad, b"after long additional data");
            assert_eq!(ccm::seal(&ours, &nonce, 16, &aad, b"after long additional data"), Ok(expected));
        }
    });
}

/// XTS as GB/T 17964-2021, 10 has it; only the doubling differs.
fn their_xts(data: &Sm4, tweak: &Sm4, unit: Block, double: fn(Block) -> Block, plaintext: &[u8]) -> Vec<u8> {
    let tweaks: Vec<Block> = std::iter::successors(Some(e(tweak, unit)), |t| Some(double(*t)))
        .take(plaintext.len().div_ceil(16))
        .collect();
    let one = |p: &[u8], t: &Block| add(&e(data, block(&add(p, t))), t);
    let mut out: Vec<Vec<u8>> = plaintext.chunks_exact(16).zip(&tweaks).map(|(p, t)| one(p, t)).collect();
    let rest = plaintext.chunks_exact(16).remainder();
    if !rest.is_empty() {
        let stolen = out.pop().unwrap();
        out.push(one(&[rest, &stolen[rest.len()..]].concat(), tweaks.last().unwrap()));
        out.push(stolen[..rest.len()].to_vec());
    }
    out.concat()
}

/// Bit by bit, towards the end of the block.
fn double_gb(tweak: Block) -> Block {
    let bit = |i: usize| tweak[i / 8] >> (7 - i % 8) & 1;
    let mut doubled = [0; 16];
    for i in 0..128 {
        let carried = bit(127) & u8::from([0, 1, 2, 7].contains(&i));
        doubled[i / 8] |= (i.checked_sub(1).map_or(0, bit) ^ carried) << (7 - i % 8);
    }
    doubled
}

/// Byte by byte (IEEE Std 1619-2018, 5.2).
fn double_ieee(tweak: Block) -> Block {
    let mut doubled = [0; 16];
    for i in 0..16 {
        let carried = if i == 0 { tweak[15] >> 7 } else { tweak[i - 1] >> 7 };
        doubled[i] = tweak[i] << 1 ^ if i == 0 { 0x87 * carried } else { carried };
    }
    doubled
}

#[test]
fn xts_of_both_standards_with_and_without_a_last_block_that_borrows() {
    on_every_path(|| {
        for (seed, bytes) in (0..).zip(lengths()).filter(|(_, bytes)| *bytes >= 16) {
            let mut rng = SeededRng::new(seed);
            let (bytes_of_key, tweak, plaintext): ([u8; 32], _, _) =
                (rng.array(), rng.array(), rng.bytes(bytes));
            let ours = xts::Key::new(&bytes_of_key).unwrap();
            let [for_data, for_tweaks] =
                [0, 16].map(|from| Sm4::new_from_slice(&bytes_of_key[from..][..16]).unwrap());

            let mut data = plaintext.clone();
            xts::encrypt_gb(&ours, &tweak, &mut data).unwrap();
            assert_eq!(
                data,
                their_xts(&for_data, &for_tweaks, tweak, double_gb, &plaintext),
                "GB, {bytes} bytes"
            );
            xts::decrypt_gb(&ours, &tweak, &mut data).unwrap();
            assert_eq!(data, plaintext, "GB, {bytes} bytes");

            xts::encrypt_ieee(&ours, &tweak, &mut data).unwrap();
            assert_eq!(
                data,
                their_xts(&for_data, &for_tweaks, tweak, double_ieee, &plaintext),
                "IEEE, {bytes} bytes"
            );
            xts::decrypt_ieee(&ours, &tweak, &mut data).unwrap();
            assert_eq!(data, plaintext, "IEEE, {bytes} bytes");
        }
    });
}

/// The form of RFC 3394, 2.2.1 that shifts; ours is the one that indexes.
fn their_wrap(cipher: &Sm4, value: [u8; 8], wrapped: &[u8]) -> Vec<u8> {
    let n = wrapped.len() / 8;
    let mut registers: Vec<[u8; 8]> = wrapped.chunks(8).map(|half| half.try_into().unwrap()).collect();
    registers.insert(0, value);
    for t in 1..=6 * n as u64 {
        let b = e(cipher, block(&[registers[0], registers[1]].concat()));
        registers[0] = block_half(&add(&b[..8], &t.to_be_bytes()));
        registers.remove(1);
        registers.push(block_half(&b[8..]));
    }
    registers.concat()
}

fn block_half(bytes: &[u8]) -> [u8; 8] {
    bytes.try_into().unwrap()
}

#[test]
fn keys_are_wrapped_and_unwrapped() {
    on_every_path(|| {
        for bytes in 1..=130usize {
            let Case { ours, theirs, mut rng } = Case::new(bytes as u64);
            let wrapped = rng.bytes(bytes);
            if bytes >= 16 && bytes % 8 == 0 {
                let wrapping = key_wrap::wrap(&ours, &wrapped).unwrap();
                assert_eq!(wrapping, their_wrap(&theirs, [0xa6; 8], &wrapped), "{bytes} bytes");
                assert_eq!(*key_wrap::unwrap(&ours, &wrapping).unwrap(), wrapped, "{bytes} bytes");
            }
            let mut padded = wrapped.clone();
            padded.resize(bytes.next_multiple_of(8), 0);
            let value = [0xa6, 0x59, 0x59, 0xa6, 0, 0, 0, bytes as u8];
            let expected = match bytes {
                ..=8 => e(&theirs, block(&[&value[..], &padded].concat())).to_vec(),
                _ => their_wrap(&theirs, value, &padded),
            };
            let wrapping = key_wrap::wrap_padded(&ours, &wrapped).unwrap();
            assert_eq!(wrapping, expected, "{bytes} bytes");
            assert_eq!(*key_wrap::unwrap_padded(&ours, &wrapping).unwrap(), wrapped, "{bytes} bytes");
        }
    });
}

/// RFC 5649, 4.2: the value, the length and the padding are all looked at.
#[test]
fn a_padded_key_with_a_wrong_value_length_or_padding_is_refused() {
    on_every_path(|| {
        let Case { ours, theirs, .. } = Case::new(1);
        let unwraps = |value: [u8; 8], padded: &[u8]| {
            let wrapping = match padded.len() {
                8 => e(&theirs, block(&[&value[..], padded].concat())).to_vec(),
                _ => their_wrap(&theirs, value, padded),
            };
            key_wrap::unwrap_padded(&ours, &wrapping).is_ok()
        };
        let value = |bytes: u32| {
            let [a, b, c, d] = bytes.to_be_bytes();
            [0xa6, 0x59, 0x59, 0xa6, a, b, c, d]
        };
        let key = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0, 0, 0];
        for stated in 0..40 {
            assert_eq!(unwraps(value(stated), &key), (12..=16).contains(&stated), "{stated} of 16");
            assert_eq!(
                unwraps(value(stated), &[7, 7, 7, 0, 0, 0, 0, 0]),
                (3..=8).contains(&stated),
                "{stated} of 8"
            );
        }
        assert!(!unwraps(value(0x100_0000c), &key), "a length whose low bytes would do");
        assert!(!unwraps([0xa6, 0x59, 0x59, 0xa7, 0, 0, 0, 12], &key));
        assert!(!unwraps([0xa6; 8], &key), "the value of RFC 3394");
        for at in 12..16 {
            let mut changed = key;
            changed[at] = 1;
            assert!(!unwraps(value(12), &changed), "padding byte {at}");
        }
    });
}
