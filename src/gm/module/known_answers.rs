//! The known-answer tests: each algorithm on an input whose output was published, compared before anyone is served.

use alloc::vec;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use zeroize::Zeroizing;

use super::Failure;
use crate::drbg::{Drawn, HashDrbg, REQUEST_BYTES, failed_health_tests};
use crate::sm2::exchange::{Agreement, EphemeralKey, Response};
use crate::sm2::{Ciphertext, DEFAULT_ID, DecryptingKey, Signature, SigningKey};
use crate::sm4::{self, cbc, ccm, ctr, gcm, key_wrap, xts};
use crate::{Rejected, hmac, kdf, sm3};

/// An algorithm, what computes, and what must come out.
#[derive(Clone, Copy)]
pub(super) struct KnownAnswer {
    pub(super) test: &'static str,
    /// None when the algorithm refused what it must take.
    pub(super) compute: fn() -> Option<Vec<u8>>,
    /// In hexadecimal; spaces mean nothing.
    pub(super) answer: &'static str,
}

/// Runs `tests` and gives the first that fails.
pub(super) fn check(tests: &[KnownAnswer]) -> Result<(), Failure> {
    match tests.iter().find(|t| (t.compute)() != Some(bytes(t.answer))) {
        Some(failed) => Err(Failure::KnownAnswer { test: failed.test }),
        None => Ok(()),
    }
}

/// Every algorithm that the module offers.
pub(super) const KNOWN_ANSWERS: &[KnownAnswer] = &[
    // GB/T 32905-2016, A.1
    KnownAnswer {
        test: "SM3",
        compute: || Some(sm3::hash(b"abc").to_vec()),
        answer: "66c7f0f4 62eeedd9 d1f2d46b dc10e4e2 4167c487 5cf2f7a2 297da02b 8f4ba8e0",
    },
    // GB/T 32905-2016, A.2, in more lanes than there are
    KnownAnswer {
        test: "SM3 of many messages",
        compute: sm3_of_many,
        answer: "debe9ff9 2275b8a1 38604889 c18e5a4d 6fdb70e5 387e5765 293dcba3 9c0c5732",
    },
    // GM/T 0042-2015, D.3
    KnownAnswer {
        test: "HMAC-SM3",
        compute: || Some(hmac::hmac_sm3(b"Jefe", &[b"what do ya want for nothing?"]).to_vec()),
        answer: "2e87f1d1 6862e6d9 64b50a52 00bf2b10 b764faa9 680a296a 2405f24b ec39f882",
    },
    // RFC 5869, A.1, with SM3; as published by GmSSL
    KnownAnswer {
        test: "HKDF",
        compute: hkdf,
        answer: "c69fe91b7aaee2dd5718d72dcaee0cce93f1b8e41f792da51261b6a517e68b36ed2c595572b01dfa359b",
    },
    // RFC 7914, 11, with SM3; as published by GmSSL
    KnownAnswer {
        test: "PBKDF2",
        compute: || pbkdf2(1, 64),
        answer: "30530b86537c85ea33fbe26ee0adea8d8bd91d283b87936f400e83ad2364ef26
            32cd8662313657c0e6138ffeda2c4e6805869cbd8030188858d8a675ac762523",
    },
    // SM3 of 520 bytes, recomputed with OpenSSL's SM3 from RFC 8018, 5.2, and from GB/T 32918.4-2016, 5.4.3
    KnownAnswer {
        test: "PBKDF2 of many blocks",
        compute: || pbkdf2(2, 520).map(|key| sm3::hash(&key).to_vec()),
        answer: "bf1d3868dfd8f9d22efd3837fe19156eecbf0d7738b0a6cdc0eb6542b9f33625",
    },
    KnownAnswer {
        test: "SM2 key derivation",
        compute: sm2_kdf,
        answer: "36f97b410927340e9bd5f2c482d3d312ed4c2e2ba037b63efc36d069d1dc5a3a",
    },
    // GB/T 32907-2016, A.1
    KnownAnswer {
        test: "SM4",
        compute: || sm4_block(sm4::Key::encrypt_block, "0123456789abcdeffedcba9876543210"),
        answer: "681edf34 d206965e 86b3e94f 536e4246",
    },
    KnownAnswer {
        test: "SM4 decryption",
        compute: || sm4_block(sm4::Key::decrypt_block, "681edf34 d206965e 86b3e94f 536e4246"),
        answer: "0123456789abcdeffedcba9876543210",
    },
    // Wycheproof's AES cases with SM4; as published by GmSSL
    KnownAnswer {
        test: "SM4-CBC",
        compute: sm4_cbc,
        answer: "dcedae60f03d9d435405aacb8cdab67a2808b529fe970c069e84592571e785eb 01",
    },
    // draft-ribose-cfrg-sm4, A.2.5
    KnownAnswer {
        test: "SM4-CTR",
        compute: sm4_ctr,
        answer: "c2b4759e78ac3cf43d0852f4e8d5f9fd7256e8a5fcb65a350ee00630912e4449
            2a0b17e1b85b060d0fba612d8a95831638b361fd5ffacd942f081485a83ca35d",
    },
    // RFC 8998, A.1
    KnownAnswer {
        test: "SM4-GCM",
        compute: sm4_gcm,
        answer: "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735
            d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d
            83de3541e4c2b58177e065a9bf7b62ec 01 01",
    },
    // RFC 8998, A.2
    KnownAnswer {
        test: "SM4-CCM",
        compute: sm4_ccm,
        answer: "48af93501fa62adbcd414cce6034d895dda1bf8f132f042098661572e7483094
            fd12e518ce062c98acee28d95df4416bed31a2f04476c18bb40c84a74b97dc5b
            16842d4fa186f56ab33256971fa110f4 01 01",
    },
    // The example of GB/T 17964-2021, and the same input under IEEE Std 1619; both as published by OpenSSL
    KnownAnswer {
        test: "SM4-XTS",
        compute: || sm4_xts(xts::encrypt_gb, xts::decrypt_gb),
        answer: "e9538251c71d7b80bbe4483fef497bd12c5c581bd6242fc51e08964fb4f60fdb
            0ba42f63499279213d318d2c11f6886e903be7f93a1b3479 01",
    },
    KnownAnswer {
        test: "SM4-XTS of IEEE Std 1619",
        compute: || sm4_xts(xts::encrypt_ieee, xts::decrypt_ieee),
        answer: "e9538251c71d7b80bbe4483fef497bd1b3db1a3e60408c575d63ff7db39f8326
            0869f9e2585fec9f0b863bf8fd784b8627d16c0db6d2cfc7 01",
    },
    // RFC 3394, 4.1, and RFC 5649, 6, with SM4; recomputed with OpenSSL's SM4 from RFC 3394, 2.2.1, and RFC 5649, 4.1
    KnownAnswer {
        test: "SM4 key wrap",
        compute: || sm4_key_wrap(key_wrap::wrap, key_wrap::unwrap, "00112233445566778899aabbccddeeff"),
        answer: "c72e8dbfefe856259fff77de2023b380a9e2d0b8acb9b6f6 01 01",
    },
    KnownAnswer {
        test: "SM4 key wrap with padding",
        compute: || {
            let key = "c37b7e6492584340bed12207808941155068f738";
            sm4_key_wrap(key_wrap::wrap_padded, key_wrap::unwrap_padded, key)
        },
        answer: "acd25d0362933afeb91634fe2ad2ed1ac170ebb31d1b2585c68112851eb72eab 01 01",
    },
    KnownAnswer {
        test: "SM4 key wrap of one half block",
        compute: || sm4_key_wrap(key_wrap::wrap_padded, key_wrap::unwrap_padded, "466f7250617369"),
        answer: "b9b4758a0818b2faeb3eba37a35883c2 01 01",
    },
    // GB/T 32918.5-2017, A.2: Z and e; the published signature holds, changed it does not, and a new one holds
    KnownAnswer {
        test: "SM2 signature",
        compute: sm2_signature,
        answer: "b2e14c5c 79c6df5b 85f4fe7e d8db7a26 2b9da7e0 7ccb0ea9 f4747b8c cda8a4f3
            f0b43e94 ba45acca ace692ed 534382eb 17e6ab5a 19ce7b31 f4486fdf c0d28640 01 01 01",
    },
    // GB/T 32918.5-2017, C.2: the public key; the published ciphertext opens, changed it does not, and a new one opens
    KnownAnswer {
        test: "SM2 encryption",
        compute: sm2_encryption,
        answer: "04 09f9df31 1e5421a1 50dd7d16 1e4bc5c6 72179fad 1833fc07 6bb08ff3 56f35020
            ccea490c e26775a5 2dc6ea71 8cc1aa60 0aed05fb f35e084a 6632f607 2da9ad13
            656e6372797074696f6e207374616e64617264 01 01",
    },
    // GB/T 32918.5-2017, B: R_A, R_B, S_B, S_A and the key, which both sides have; other confirmations yield none
    KnownAnswer {
        test: "SM2 key exchange",
        compute: sm2_exchange,
        answer: "04 64ced1bd bc99d590 049b434d 0fd73428 cf608a5d b8fe5ce0 7f150269 40bae40e
            376629c7 ab21e7db 26092249 9ddb118f 07ce8eaa e3e7720a fef6a5cc 062070c0
            04 acc27688 a6f7b706 098bc91f f3ad1bff 7dc2802c db14cccc db0a9047 1f9bd707
            2fedac04 94b2ffc4 d6853876 c79b8f30 1c6573ad 0aa50f39 fc87181e 1a1b46fe
            d3a0fe15 dee185ce ae907a6b 595cc32a 266ed7b3 367e9983 a896dc32 fa20f8eb
            18c7894b 3816df16 cf07b05c 5ec0bef5 d655d58f 779cc1b4 00a4f388 4644db88
            6c893473 54de2484 c60b4ab1 fde4c6e5 01 01 01",
    },
    // The second SM3 case of `emmansun/gmsm`, recomputed: seeded, seeded again, two requests with additional input
    KnownAnswer {
        test: "random bit generator",
        compute: random_bit_generator,
        answer: "8b0c52ee88fb558b9dc6f674bf1121f6f7975757c159c0c385e907613c76c465
            48709db5509a03d6131775fbbfe74fe52611e760d22fde61e274a295f4354d67",
    },
    // A sound source passes; one that is stuck and one that favours a value do not
    KnownAnswer {
        test: "health tests",
        compute: || Some(failed_health_tests().to_vec()),
        answer: "00 01 02",
    },
];

/// The private key of GB/T 32918.5-2017, A.2 and C.2.
const PRIVATE_KEY: &str = "3945208f 7b2144b1 3f36e38a c6d39f95 88939369 2860b51a 42fb81ef 4df7c5b8";

fn sm3_of_many() -> Option<Vec<u8>> {
    let digests = sm3::hash_many(&[*b"abcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcd"; 19]);
    let (first, others) = digests.split_first()?;
    others.iter().all(|d| d == first).then(|| first.to_vec())
}

fn hkdf() -> Option<Vec<u8>> {
    let mut okm = vec![0; 42];
    let (salt, info) = (bytes("000102030405060708090a0b0c"), bytes("f0f1f2f3f4f5f6f7f8f9"));
    kdf::hkdf_sm3(&salt, &[0x0b; 22], &info, &mut okm).ok()?;
    Some(okm)
}

fn pbkdf2(iterations: u32, length: usize) -> Option<Vec<u8>> {
    let mut key = vec![0; length];
    kdf::pbkdf2_hmac_sm3(b"passwd", b"salt", NonZeroU32::new(iterations)?, &mut key).ok()?;
    Some(key)
}

fn sm2_kdf() -> Option<Vec<u8>> {
    let mut key = vec![0; 520];
    kdf::sm2_kdf(&[b"shared ", b"secret"], &mut key).ok()?;
    Some(sm3::hash(&key).to_vec())
}

fn sm4_block(apply: fn(&sm4::Key, &mut sm4::Block), block: &str) -> Option<Vec<u8>> {
    let mut block = array(block)?;
    apply(&sm4::Key::new(&array("0123456789abcdeffedcba9876543210")?), &mut block);
    Some(block.to_vec())
}

fn sm4_cbc() -> Option<Vec<u8>> {
    let key = sm4::Key::new(&array("e09eaa5a3f5e56d279d5e7a03373f6ea")?);
    let (iv, plaintext) =
        (array("c9ee3cd746bf208c65ca9e72a266d54f")?, bytes("ef4eab37181f98423e53e947e7050fd0"));
    let mut out = cbc::encrypt(&key, &iv, &plaintext);
    let opens = cbc::decrypt(&key, &iv, &out) == Ok(plaintext);
    out.push(opens.into());
    Some(out)
}

fn sm4_ctr() -> Option<Vec<u8>> {
    let key = sm4::Key::new(&array("0123456789abcdeffedcba9876543210")?);
    let mut data =
        [[0xaa; 8], [0xbb; 8], [0xcc; 8], [0xdd; 8], [0xee; 8], [0xff; 8], [0xee; 8], [0xaa; 8]].concat();
    ctr::apply(&key, &array("0123456789abcdeffedcba9876543210")?, &mut data);
    Some(data)
}

fn sm4_gcm() -> Option<Vec<u8>> {
    let key = sm4::Key::new(&array("0123456789abcdeffedcba9876543210")?);
    let nonce = array("00001234567800000000abcd")?;
    let aad = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    let plaintext =
        [[0xaa; 8], [0xbb; 8], [0xcc; 8], [0xdd; 8], [0xee; 8], [0xff; 8], [0xee; 8], [0xaa; 8]].concat();
    let mut out = gcm::seal(&key, &nonce, &aad, &plaintext).ok()?;
    let opens = gcm::open(&key, &nonce, &aad, &out) == Ok(plaintext);
    let refuses = gcm::open(&key, &nonce, &aad, &changed(&out)).is_err();
    out.extend([u8::from(opens), u8::from(refuses)]);
    Some(out)
}

fn sm4_ccm() -> Option<Vec<u8>> {
    let key = sm4::Key::new(&array("0123456789abcdeffedcba9876543210")?);
    let nonce = bytes("00001234567800000000abcd");
    let aad = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    let plaintext =
        [[0xaa; 8], [0xbb; 8], [0xcc; 8], [0xdd; 8], [0xee; 8], [0xff; 8], [0xee; 8], [0xaa; 8]].concat();
    let mut out = ccm::seal(&key, &nonce, 16, &aad, &plaintext).ok()?;
    let opens = ccm::open(&key, &nonce, 16, &aad, &out) == Ok(plaintext);
    let refuses = ccm::open(&key, &nonce, 16, &aad, &changed(&out)).is_err();
    out.extend([u8::from(opens), u8::from(refuses)]);
    Some(out)
}

/// One way of XTS.
type Xts = fn(&xts::Key, &sm4::Block, &mut [u8]) -> Result<(), sm4::Error>;

fn sm4_xts(encrypt: Xts, decrypt: Xts) -> Option<Vec<u8>> {
    let key = array("2b7e151628aed2a6abf7158809cf4f3c000102030405060708090a0b0c0d0e0f")?;
    let (key, tweak) = (xts::Key::new(&key).ok()?, array("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")?);
    let plaintext = bytes(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51
            30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17",
    );
    let mut out = plaintext.clone();
    encrypt(&key, &tweak, &mut out).ok()?;
    let mut again = out.clone();
    decrypt(&key, &tweak, &mut again).ok()?;
    out.push((again == plaintext).into());
    Some(out)
}

/// A key wrap, and its way back.
type Wrap = fn(&sm4::Key, &[u8]) -> Result<Vec<u8>, sm4::Error>;
type Unwrap = fn(&sm4::Key, &[u8]) -> Result<Zeroizing<Vec<u8>>, Rejected>;

fn sm4_key_wrap(wrap: Wrap, unwrap: Unwrap, wrapped: &str) -> Option<Vec<u8>> {
    let key = sm4::Key::new(&array("000102030405060708090a0b0c0d0e0f")?);
    let mut out = wrap(&key, &bytes(wrapped)).ok()?;
    let opens = unwrap(&key, &out).is_ok_and(|again| *again == bytes(wrapped));
    let refuses = unwrap(&key, &changed(&out)).is_err();
    out.extend([u8::from(opens), u8::from(refuses)]);
    Some(out)
}

fn sm2_signature() -> Option<Vec<u8>> {
    let (key, message) = (SigningKey::from_bytes(&array(PRIVATE_KEY)?).ok()?, b"message digest");
    let public = key.verifying_key();
    let z = public.z(DEFAULT_ID).ok()?;
    let e = public.digest(&[message], DEFAULT_ID).ok()?;
    let published: [u8; 64] = array(
        "f5a03b06 48d2c463 0eeac513 e1bb81a1 5944da38 27d5b741 43ac7eac eee720b3
        b1b6aa29 df212fd8 763182bc 0d421ca1 bb9038fd 1f7f42d4 840b69c4 85bbc1aa",
    )?;
    let verifies = |signature: &Signature| public.verify(message, DEFAULT_ID, signature).is_ok();
    let holds = verifies(&Signature::from_bytes(&published).ok()?);
    let refused = !verifies(&Signature::from_bytes(changed(&published).first_chunk()?).ok()?);
    let new = key.sign(message, DEFAULT_ID, &mut Drawn::known()).is_ok_and(|s| verifies(&s));
    Some([z.as_slice(), &e, &[holds.into(), refused.into(), new.into()]].concat())
}

fn sm2_encryption() -> Option<Vec<u8>> {
    let key = DecryptingKey::from_bytes(&array(PRIVATE_KEY)?).ok()?;
    let published = bytes(
        "04 04ebfc71 8e8d1798 62043226 8e77feb6 415e2ede 0e073c0f 4f640ecd 2e149a73
        e858f9d8 1e5430a5 7b36daab 8f950a3c 64e6ee6a 63094d99 283aff76 7e124df0
        59983c18 f809e262 923c53ae c295d303 83b54e39 d609d160 afcb1908 d0bd8766
        21886ca9 89ca9c7d 58087307 ca93092d 651efa",
    );
    let plaintext = key.decrypt(&Ciphertext::from_bytes(&published).ok()?).ok()?;
    let refused = key.decrypt(&Ciphertext::from_bytes(&changed(&published)).ok()?).is_err();
    let new = key.encrypting_key().encrypt(&plaintext, &mut Drawn::known()).ok()?;
    let opens = key.decrypt(&new).is_ok_and(|again| again == plaintext);
    let public = key.encrypting_key().to_sec1();
    Some([public.as_slice(), &plaintext, &[refused.into(), opens.into()]].concat())
}

fn sm2_exchange() -> Option<Vec<u8>> {
    let private_key = |hex| DecryptingKey::from_bytes(&array(hex)?).ok();
    let a = private_key("81eb26e9 41bb5af1 6df11649 5f906952 72ae2cd6 3d6c4ae1 678418be 48230029")?;
    let b = private_key("78512991 7d45a9ea 5437a593 56b82338 eaadda6c eb199088 f14ae10d efa229b5")?;
    let begin = || {
        let r = array("d4de1547 4db74d06 491c440d 305e0124 00990f3e 390c7e87 153c12db 2ea60bb3")?;
        let agreement = Agreement::new(&a, DEFAULT_ID, b.encrypting_key(), DEFAULT_ID, 16).ok()?;
        Some(agreement.initiate(&mut Drawn::known_from(r)))
    };
    let answer = |r_a: &EphemeralKey| {
        let r = array("7e071248 14b30948 9125eaed 10111316 4ebf0f34 58c5bd88 335c1f9d 596243d6")?;
        let agreement = Agreement::new(&b, DEFAULT_ID, a.encrypting_key(), DEFAULT_ID, 16).ok()?;
        agreement.respond(r_a, &mut Drawn::known_from(r)).ok()
    };
    let ((initiator, r_a), (doubting_initiator, _)) = (begin()?, begin()?);
    let ((responder, response), (doubting_responder, _)) = (answer(&r_a)?, answer(&r_a)?);
    let (key, s_a) = initiator.confirm(&response).ok()?;
    let agrees = responder.confirm(&s_a).is_ok_and(|other| other == key);

    let forged = Response { confirmation: *changed(&response.confirmation).first_chunk()?, ..response };
    let a_refuses = doubting_initiator.confirm(&forged).is_err();
    let b_refuses = doubting_responder.confirm(changed(&s_a).first_chunk()?).is_err();
    let points = [r_a.to_sec1(), response.ephemeral.to_sec1()].concat();
    let checks = [u8::from(agrees), a_refuses.into(), b_refuses.into()];
    Some([points.as_slice(), &response.confirmation, &s_a, &key, &checks].concat())
}

fn random_bit_generator() -> Option<Vec<u8>> {
    let mut state = HashDrbg::instantiate(&[
        &bytes("9cfb7ad03be487a3b42be06e9ae44f283c2b1458cec801da2ae6532fcb56cc4c"),
        &bytes("a20765538e8db31295747ec922c13a69"),
    ]);
    state.reseed(
        &bytes("96bc8014f90ebdf690db0e171b59cc46c75e2e9b8e1dc699c65c03ceb2f4d7dc"),
        &bytes("6fea0894052dab3c44d503950c7c72bd7b87de87cb81d3bb51c32a62f742286d"),
    );
    let mut out = vec![0; 2 * REQUEST_BYTES];
    let (first, second) = out.split_at_mut(REQUEST_BYTES);
    state.generate(first, &bytes("d3467c78563b74c13db7af36c2a964820f2a9b1b167474906508fdac9b2049a6"));
    state.generate(second, &bytes("5840a11cc9ebf77b963854726a826370ffdb2fc2b3d8479e1df5dcfa3dddd10b"));
    Some(out)
}

/// `bytes` with the last bit turned over.
fn changed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.last_mut().into_iter().for_each(|b| *b ^= 1);
    bytes
}

/// The bytes that `hex` writes. A wrong digit makes a wrong byte, and the test fail.
fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().filter_map(|c| c.to_digit(16)).filter_map(|d| d.try_into().ok()).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()
}

fn array<const N: usize>(hex: &str) -> Option<[u8; N]> {
    bytes(hex).try_into().ok()
}
