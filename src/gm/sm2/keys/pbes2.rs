//! EncryptedPrivateKeyInfo (RFC 5958, 3) under PBES2 (RFC 8018, 6.2) with the national algorithms.

use alloc::vec::Vec;
use core::num::NonZeroU32;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{KeyError, encoding};
use crate::sm4::{self, cbc};
use crate::{Rejected, der, kdf};

const EXPECTED: &str = "an EncryptedPrivateKeyInfo";

/// How often PBKDF2 iterates for keys that are written: a quarter of a second of one core, or more.
pub const PBKDF2_ITERATIONS: NonZeroU32 = NonZeroU32::new(600_000).unwrap();

/// The most iterations that a file may ask for, so that opening a stranger's file ends within seconds.
pub const MAX_ITERATIONS: u32 = 10_000_000;

/// PBES2, 1.2.840.113549.1.5.13 (RFC 8018, A.4).
const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
/// PBKDF2, 1.2.840.113549.1.5.12 (RFC 8018, A.2).
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
/// HMAC-SM3, 1.2.156.10197.1.401.2 (GB/T 33560-2017).
const HMAC_SM3: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x11, 0x02];
/// SM4-CBC, 1.2.156.10197.1.104.2 (GB/T 33560-2017).
const SM4_CBC: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x68, 0x02];

/// Salts are written with 16 bytes and read with 8 (RFC 8018, 4.1) to 128.
const SALT_BYTES: usize = 16;
const MIN_SALT_BYTES: usize = 8;
const MAX_SALT_BYTES: usize = 128;

/// Encrypts `plaintext` under a key made of `password`.
pub(super) fn seal<R: CryptoRng + ?Sized>(
    plaintext: &[u8],
    password: &[u8],
    iterations: NonZeroU32,
    rng: &mut R,
) -> Vec<u8> {
    let (mut salt, mut iv) = ([0; SALT_BYTES], [0; sm4::BLOCK_BYTES]);
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut iv);
    let ciphertext = cbc::encrypt(&key(password, &salt, iterations), &iv, plaintext);
    let parameters =
        sequence(&[&pbkdf2(&salt, iterations), &algorithm(SM4_CBC, &value(der::OCTET_STRING, &iv))]);
    sequence(&[&algorithm(PBES2, &parameters), &value(der::OCTET_STRING, &ciphertext)])
}

/// Decrypts `der` under a key made of `password`.
///
/// A wrong password is seen by the padding in most cases; the caller sees the rest when it reads the plaintext.
pub(super) fn open(der: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (scheme, ciphertext) = parts(der).ok_or(encoding(EXPECTED))?;
    let Scheme { salt, iterations, iv } = Scheme::read(scheme).ok_or(KeyError::Encryption)?;
    if iterations.get() > MAX_ITERATIONS {
        return Err(KeyError::Iterations { iterations: iterations.get() });
    }
    let plaintext = cbc::decrypt(&key(password, salt, iterations), iv, ciphertext);
    plaintext.map(Zeroizing::new).map_err(|Rejected| KeyError::Rejected(Rejected))
}

#[expect(clippy::expect_used, reason = "PBKDF2 refuses nothing but lengths beyond its counter")]
fn key(password: &[u8], salt: &[u8], iterations: NonZeroU32) -> sm4::Key {
    let mut key = Zeroizing::new([0; sm4::KEY_BYTES]);
    kdf::pbkdf2_hmac_sm3(password, salt, iterations, key.as_mut_slice()).expect("16 bytes are not too long");
    sm4::Key::new(&key)
}

/// The contents of AlgorithmIdentifier, and the ciphertext.
fn parts(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut info = der::Reader::of_sequence(der)?;
    let scheme = info.value(der::SEQUENCE)?;
    let ciphertext = info.value(der::OCTET_STRING)?;
    info.end()?;
    Some((scheme, ciphertext))
}

/// What PBES2's parameters say, when they are ours.
struct Scheme<'a> {
    salt: &'a [u8],
    iterations: NonZeroU32,
    iv: &'a sm4::Block,
}

impl<'a> Scheme<'a> {
    fn read(contents: &'a [u8]) -> Option<Self> {
        let mut scheme = der::Reader::new(contents);
        scheme.oid(PBES2)?;
        let mut parameters = scheme.sequence()?;
        scheme.end()?;
        let (salt, iterations) = read_pbkdf2(parameters.sequence()?)?;
        let mut cipher = parameters.sequence()?;
        parameters.end()?;
        cipher.oid(SM4_CBC)?;
        let iv = cipher.value(der::OCTET_STRING)?.try_into().ok()?;
        cipher.end()?;
        Some(Self { salt, iterations, iv })
    }
}

/// Salt and iterations, where the function is PBKDF2 over HMAC-SM3 for a key of 16 bytes.
fn read_pbkdf2(mut function: der::Reader<'_>) -> Option<(&[u8], NonZeroU32)> {
    function.oid(PBKDF2)?;
    let mut parameters = function.sequence()?;
    function.end()?;
    let salt = parameters.value(der::OCTET_STRING)?;
    let iterations = NonZeroU32::new(parameters.number()?)?;
    if let Some(key_length) = parameters.optional(der::INTEGER)?
        && key_length != [16]
    {
        return None;
    }
    let mut prf = parameters.sequence()?;
    parameters.end()?;
    prf.oid(HMAC_SM3)?;
    prf.optional_null()?;
    prf.end()?;
    (MIN_SALT_BYTES..=MAX_SALT_BYTES).contains(&salt.len()).then_some((salt, iterations))
}

/// `AlgorithmIdentifier { PBKDF2, { salt, iterations, prf } }`; the key's length follows from the cipher and is left out.
fn pbkdf2(salt: &[u8], iterations: NonZeroU32) -> Vec<u8> {
    let mut count = [0; 32];
    count.iter_mut().rev().zip(iterations.get().to_le_bytes()).for_each(|(to, from)| *to = from);
    let mut number = Vec::new();
    der::write_unsigned(&mut number, &count);
    let prf = algorithm(HMAC_SM3, &value(der::NULL, &[]));
    algorithm(PBKDF2, &sequence(&[&value(der::OCTET_STRING, salt), &number, &prf]))
}

fn algorithm(oid: &[u8], parameters: &[u8]) -> Vec<u8> {
    sequence(&[&value(der::OBJECT_IDENTIFIER, oid), parameters])
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    value(der::SEQUENCE, &parts.concat())
}

fn value(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    der::write(&mut out, tag, contents);
    out
}
