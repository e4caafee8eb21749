//! Bytes from strangers: an error, never a panic, and never a second encoding of the same thing.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "support/seeded_rng.rs"]
mod seeded_rng;

use gm::sm2::{
    Ciphertext, DEFAULT_ID, DecryptingKey, Error, MAX_ID_BYTES, MAX_PLAINTEXT_BYTES, Signature, SigningKey,
    VerifyingKey,
};
use gm::sm4::{self, Key, cbc, ccm, ctr, ecb, gcm, key_wrap, xts};
use gm::{Rejected, TooLong, hmac};
use proptest::prelude::*;
use seeded_rng::SeededRng;

const N_MINUS_1: &str = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54122";
const N: &str = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";

fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[0x11; 32]).unwrap()
}

fn decrypting_key() -> DecryptingKey {
    DecryptingKey::from_bytes(&[0x22; 32]).unwrap()
}

fn scalar(hex_text: &str) -> [u8; 32] {
    hex::decode(hex_text).unwrap().try_into().unwrap()
}

#[test]
fn private_keys_outside_the_range_are_refused() {
    for bad in [[0; 32], scalar(N_MINUS_1), scalar(N), [0xff; 32]] {
        assert_eq!(SigningKey::from_bytes(&bad).err(), Some(Error::PrivateKeyRange));
        assert_eq!(DecryptingKey::from_bytes(&bad).err(), Some(Error::PrivateKeyRange));
    }
    let mut largest = scalar(N_MINUS_1);
    largest[31] -= 1;
    let key = SigningKey::from_bytes(&largest).unwrap();
    let signature = key.sign(b"n-2 signs", DEFAULT_ID, &mut SeededRng::new(1)).unwrap();
    assert_eq!(key.verifying_key().verify(b"n-2 signs", DEFAULT_ID, &signature), Ok(()));
}

#[test]
fn an_id_beyond_what_entl_can_hold_is_refused_when_signing_and_when_checking() {
    let (key, mut rng) = (signing_key(), SeededRng::new(2));
    let id = vec![b'i'; MAX_ID_BYTES + 1];
    assert_eq!(key.sign(b"m", &id, &mut rng), Err(Error::IdTooLong { bytes: MAX_ID_BYTES + 1 }));
    let signature = key.sign(b"m", &id[1..], &mut rng).unwrap();
    assert_eq!(key.verifying_key().verify(b"m", &id[1..], &signature), Ok(()));
    assert_eq!(key.verifying_key().verify(b"m", &id, &signature), Err(Rejected));
}

#[test]
fn a_signature_holds_for_its_message_id_and_key_only() {
    let (key, mut rng) = (signing_key(), SeededRng::new(3));
    let signature = key.sign("闽政通".as_bytes(), DEFAULT_ID, &mut rng).unwrap();
    let public = key.verifying_key();
    assert_eq!(public.verify("闽政通".as_bytes(), DEFAULT_ID, &signature), Ok(()));
    assert_eq!(public.verify("闽政痛".as_bytes(), DEFAULT_ID, &signature), Err(Rejected));
    assert_eq!(public.verify("闽政通".as_bytes(), b"", &signature), Err(Rejected));
    let other = SigningKey::generate(&mut rng);
    assert_eq!(other.verifying_key().verify("闽政通".as_bytes(), DEFAULT_ID, &signature), Err(Rejected));
    let again = key.sign("闽政通".as_bytes(), DEFAULT_ID, &mut rng).unwrap();
    assert_ne!(again, signature, "fresh randomness makes another signature");
}

#[test]
fn every_single_bit_of_a_signature_matters() {
    let key = signing_key();
    let signature = key.sign(b"one bit", DEFAULT_ID, &mut SeededRng::new(4)).unwrap().to_bytes();
    for bit in 0..512 {
        let mut changed = signature;
        changed[bit / 8] ^= 1 << (bit % 8);
        let holds = Signature::from_bytes(&changed)
            .is_ok_and(|s| key.verifying_key().verify(b"one bit", DEFAULT_ID, &s).is_ok());
        assert!(!holds, "bit {bit}");
    }
}

#[test]
fn points_that_are_not_plain_points_are_refused() {
    let point = signing_key().verifying_key().to_sec1();
    let with = |first: u8, length: usize| {
        let mut bytes = point.to_vec();
        bytes[0] = first;
        bytes.resize(length, 0);
        VerifyingKey::from_sec1(&bytes)
    };
    assert!(with(4, 65).is_ok());
    for (first, length) in
        [(4, 64), (4, 66), (4, 33), (2, 65), (6, 65), (7, 65), (0, 65), (0, 1), (5, 33), (0x44, 65)]
    {
        assert_eq!(
            with(first, length),
            Err(Error::PointEncoding { bytes: length }),
            "{first:02x}, {length} bytes"
        );
    }
    assert_eq!(VerifyingKey::from_sec1(&[]), Err(Error::PointEncoding { bytes: 0 }));
    let mut off_curve = point;
    off_curve[64] ^= 1;
    assert_eq!(VerifyingKey::from_sec1(&off_curve), Err(Error::PointNotOnCurve));
}

#[test]
fn a_changed_ciphertext_yields_nothing() {
    let key = decrypting_key();
    let plaintext = b"sixteen byte key";
    let ciphertext = key.encrypting_key().encrypt(plaintext, &mut SeededRng::new(5)).unwrap().to_bytes();
    for at in 0..ciphertext.len() {
        let mut changed = ciphertext.clone();
        changed[at] ^= 0x10;
        let opened = Ciphertext::from_bytes(&changed).map(|c| key.decrypt(&c));
        assert!(!matches!(opened, Ok(Ok(_))), "byte {at}");
    }
    let other = DecryptingKey::generate(&mut SeededRng::new(6));
    let read = Ciphertext::from_bytes(&ciphertext).unwrap();
    assert_eq!(other.decrypt(&read), Err(Rejected), "another key opens nothing");
    assert_eq!(key.decrypt(&read).as_ref().map(|p| p.as_slice()), Ok(plaintext.as_slice()));
}

#[test]
fn plaintexts_of_no_or_too_many_bytes_are_refused_and_the_longest_is_not() {
    let (key, mut rng) = (decrypting_key(), SeededRng::new(7));
    for bytes in [0, MAX_PLAINTEXT_BYTES + 1] {
        let error = key.encrypting_key().encrypt(&vec![1; bytes], &mut rng);
        assert_eq!(error, Err(Error::PlaintextLength { bytes }));
    }
    let longest = vec![1; MAX_PLAINTEXT_BYTES];
    let ciphertext = key.encrypting_key().encrypt(&longest, &mut rng).unwrap();
    let read = Ciphertext::from_der(&ciphertext.to_der()).unwrap();
    assert_eq!(*key.decrypt(&read).unwrap(), longest);
    let mut longer = ciphertext.to_bytes();
    longer.push(0);
    assert_eq!(Ciphertext::from_bytes(&longer), Err(Error::CiphertextEncoding));
}

#[test]
fn a_compressed_c1_is_read_as_the_same_point() {
    let key = decrypting_key();
    let ciphertext = key.encrypting_key().encrypt(b"k", &mut SeededRng::new(8)).unwrap();
    let raw = ciphertext.to_bytes();
    let parity = 2 + (raw[64] & 1);
    let compressed = [&[parity], &raw[1..33], &raw[65..]].concat();
    assert_eq!(Ciphertext::from_bytes(&compressed), Ok(ciphertext));
}

#[test]
fn a_changed_tag_nonce_or_additional_data_opens_nothing_and_leaves_the_data_alone() {
    let (key, nonce) = (Key::new(&[7; 16]), [9; 12]);
    let sealed = gcm::seal(&key, &nonce, b"row 42", b"secret").unwrap();
    assert_eq!(gcm::open(&key, &nonce, b"row 42", &sealed).unwrap(), b"secret");
    assert_eq!(gcm::open(&key, &nonce, b"row 43", &sealed), Err(Rejected));
    assert_eq!(gcm::open(&key, &[8; 12], b"row 42", &sealed), Err(Rejected));
    assert_eq!(gcm::open(&Key::new(&[6; 16]), &nonce, b"row 42", &sealed), Err(Rejected));
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(gcm::open(&key, &nonce, b"row 42", &changed), Err(Rejected), "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert_eq!(gcm::open(&key, &nonce, b"row 42", &sealed[..length]), Err(Rejected), "{length} bytes");
    }
    let mut data = *b"secret";
    assert_eq!(gcm::open_in_place(&key, &nonce, b"", &mut data, &[0; 16]), Err(Rejected));
    assert_eq!(&data, b"secret");
}

#[test]
fn sm4_lengths_that_a_mode_does_not_have_are_errors_and_change_nothing() {
    let key = Key::new(&[7; 16]);
    for bytes in (0..100).filter(|bytes| bytes % 16 != 0) {
        let (untouched, mut data) = (vec![3; bytes], vec![3; bytes]);
        let error = Err(sm4::Error::NotWholeBlocks { got_bytes: bytes });
        assert_eq!(ecb::encrypt(&key, &mut data), error);
        assert_eq!(ecb::decrypt(&key, &mut data), error);
        assert_eq!(cbc::encrypt_whole(&key, &[0; 16], &mut data), error);
        assert_eq!(cbc::decrypt_whole(&key, &[0; 16], &mut data), error);
        assert_eq!(cbc::decrypt(&key, &[0; 16], &data), Err(Rejected));
        assert_eq!(data, untouched);
    }
    assert_eq!(cbc::decrypt(&key, &[0; 16], &[]), Err(Rejected));
    assert_eq!((ecb::encrypt(&key, &mut []), cbc::encrypt_whole(&key, &[0; 16], &mut [])), (Ok(()), Ok(())));
}

#[test]
fn a_cbc_decryptor_that_got_no_whole_last_block_gives_no_more_out() {
    let (key, iv) = (Key::new(&[7; 16]), [1; 16]);
    let ciphertext = cbc::encrypt(&key, &iv, b"the padding says how much of this is padding");
    for length in 0..ciphertext.len() {
        let (mut decryptor, mut out) = (cbc::Decryptor::new(&key, &iv), Vec::new());
        decryptor.update(&ciphertext[..length], &mut out);
        let given = out.len();
        // A cut at a whole block leaves a last block whose end is no padding here.
        assert_eq!(decryptor.finish(&mut out), Err(Rejected), "{length} bytes");
        assert_eq!(out.len(), given, "{length} bytes");
    }
}

#[test]
fn an_xts_data_unit_has_16_bytes_to_2_to_the_20_blocks_and_its_keys_differ() {
    assert_eq!(xts::Key::new(&[5; 32]).err(), Some(sm4::Error::EqualKeys));
    let key = xts::Key::new(&core::array::from_fn(|i| i as u8)).unwrap();
    for bytes in 0..16 {
        let mut data = vec![3; bytes];
        let error = Err(sm4::Error::DataUnitTooShort { got_bytes: bytes });
        assert_eq!(xts::encrypt_gb(&key, &[0; 16], &mut data), error);
        assert_eq!(xts::decrypt_gb(&key, &[0; 16], &mut data), error);
        assert_eq!(xts::encrypt_ieee(&key, &[0; 16], &mut data), error);
        assert_eq!(xts::decrypt_ieee(&key, &[0; 16], &mut data), error);
        assert_eq!(data, vec![3; bytes]);
    }
    let mut longest = vec![3; xts::DATA_UNIT_LIMIT_BYTES as usize + 1];
    let got_bytes = xts::DATA_UNIT_LIMIT_BYTES + 1;
    let error = sm4::Error::TooLong(TooLong { limit_bytes: xts::DATA_UNIT_LIMIT_BYTES, got_bytes });
    assert_eq!(xts::encrypt_gb(&key, &[0; 16], &mut longest), Err(error));
    assert!(longest.iter().all(|byte| *byte == 3));
    longest.pop();
    assert_eq!(xts::encrypt_gb(&key, &[0; 16], &mut longest), Ok(()));
}

#[test]
fn ccm_refuses_lengths_that_it_does_not_have_and_wipes_what_it_rejects() {
    let key = Key::new(&[7; 16]);
    for bytes in (0..=20).chain([255, 268]) {
        let nonce = vec![1; bytes];
        let fits = (7..=13).contains(&bytes);
        let sealed = ccm::seal(&key, &nonce, 16, b"", b"secret");
        let error = sm4::Error::NonceLength { least_bytes: 7, most_bytes: 13, got_bytes: bytes };
        assert_eq!(sealed.err(), (!fits).then_some(error));
        assert_eq!(ccm::plaintext_limit_bytes(bytes) > 0, fits);
        assert_eq!(ccm::open(&key, &nonce, 16, b"", &[0; 22]), Err(Rejected));
    }
    for bytes in 0..=40 {
        let sealed = ccm::seal(&key, &[1; 12], bytes, b"", b"secret");
        let error = sm4::Error::TagLength { got_bytes: bytes };
        assert_eq!(sealed.err(), (![4, 6, 8, 10, 12, 14, 16].contains(&bytes)).then_some(error));
        assert_eq!(ccm::open(&key, &[1; 12], bytes, b"", &[0; 38]), Err(Rejected));
    }
    // 13 bytes of nonce leave two for the length.
    let (mut data, mut tag) = (vec![3; 0x1_0000], [9; 16]);
    let error = TooLong { limit_bytes: 0xffff, got_bytes: 0x1_0000 };
    assert_eq!(ccm::seal_in_place(&key, &[1; 13], b"", &mut data, &mut tag), Err(error.into()));
    assert_eq!((data.iter().all(|byte| *byte == 3), tag), (true, [9; 16]));
    assert_eq!(ccm::open_in_place(&key, &[1; 13], b"", &mut data, &tag), Err(Rejected));
    assert!(data.iter().all(|byte| *byte == 3), "a length that is refused is no plaintext");
    assert_eq!(ccm::open_in_place(&key, &[1; 12], b"", &mut data, &tag), Err(Rejected));
    assert!(data.iter().all(|byte| *byte == 0), "nothing is left of a plaintext that was rejected");

    let sealed = ccm::seal(&key, &[1; 12], 8, b"row 42", b"secret").unwrap();
    assert_eq!(ccm::open(&key, &[1; 12], 8, b"row 42", &sealed).unwrap(), b"secret");
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(ccm::open(&key, &[1; 12], 8, b"row 42", &changed), Err(Rejected), "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert_eq!(
            ccm::open(&key, &[1; 12], 8, b"row 42", &sealed[..length]),
            Err(Rejected),
            "{length} bytes"
        );
    }
    assert_eq!(ccm::open(&key, &[1; 12], 8, b"row 43", &sealed), Err(Rejected));
    assert_eq!(ccm::open(&key, &[1; 12], 6, b"row 42", &sealed), Err(Rejected));
}

#[test]
fn a_gcm_nonce_of_no_bytes_is_refused() {
    let key = Key::new(&[7; 16]);
    let error = sm4::Error::NonceLength { least_bytes: 1, most_bytes: usize::MAX, got_bytes: 0 };
    assert_eq!(gcm::seal_with_nonce(&key, b"", b"", b"secret"), Err(error));
    assert_eq!(gcm::open_with_nonce(&key, b"", b"", &[0; 22]), Err(Rejected));
}

#[test]
fn a_ctr_stream_ends_where_its_position_does() {
    let key = Key::new(&[7; 16]);
    let mut stream = ctr::Stream::new(&key, &[9; 16]);
    stream.seek(u64::MAX - 5);
    let mut data = [3; 6];
    let error = TooLong { limit_bytes: 5, got_bytes: 6 };
    assert_eq!((stream.apply(&mut data), data), (Err(error), [3; 6]));
    assert_eq!(stream.apply(&mut data[..5]), Ok(()));
    assert_eq!(stream.position_bytes(), u64::MAX);
}

#[test]
fn wrapped_keys_that_were_changed_or_cut_short_are_refused() {
    let key = Key::new(&[7; 16]);
    for bytes in (0..40).filter(|bytes| *bytes < 16 || bytes % 8 != 0) {
        let error = sm4::Error::WrappedKeyLength { got_bytes: bytes };
        assert_eq!(key_wrap::wrap(&key, &vec![1; bytes]), Err(error));
    }
    assert_eq!(key_wrap::wrap_padded(&key, b""), Err(sm4::Error::WrappedKeyLength { got_bytes: 0 }));
    for padded in [false, true] {
        for bytes in [8, 16, 24, 40] {
            let wrapping = match padded {
                true => key_wrap::wrap_padded(&key, &vec![1; bytes]).unwrap(),
                false if bytes == 8 => continue,
                false => key_wrap::wrap(&key, &vec![1; bytes]).unwrap(),
            };
            let unwrap = |wrapping: &[u8]| match padded {
                true => key_wrap::unwrap_padded(&key, wrapping),
                false => key_wrap::unwrap(&key, wrapping),
            };
            assert_eq!(unwrap(&wrapping).as_deref(), Ok(&vec![1; bytes]));
            for bit in 0..wrapping.len() * 8 {
                let mut changed = wrapping.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(unwrap(&changed), Err(Rejected), "{bytes} bytes, bit {bit}");
            }
            for length in 0..wrapping.len() {
                assert_eq!(unwrap(&wrapping[..length]), Err(Rejected), "{length} of {bytes} bytes");
            }
            let other = Key::new(&[8; 16]);
            assert!(key_wrap::unwrap(&other, &wrapping).is_err());
            assert!(key_wrap::unwrap_padded(&other, &wrapping).is_err());
        }
    }
}

#[test]
fn a_code_cut_short_is_no_code() {
    let code = hmac::hmac_sm3(b"key", &[b"message"]);
    let verify = |tag: &[u8]| {
        let mut mac = hmac::HmacSm3::new(b"key");
        mac.update(b"message");
        mac.verify(tag)
    };
    assert_eq!(verify(&code), Ok(()));
    assert_eq!(verify(&code[..31]), Err(Rejected));
    assert_eq!(verify(&[]), Err(Rejected));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_never_panic_and_what_is_read_is_written_back_the_same(
        bytes in proptest::collection::vec(any::<u8>(), 0..=200),
    ) {
        if let Ok(signature) = Signature::from_der(&bytes) {
            prop_assert_eq!(signature.to_der(), bytes.clone());
        }
        if let Ok(ciphertext) = Ciphertext::from_der(&bytes) {
            prop_assert_eq!(ciphertext.to_der(), bytes.clone());
        }
        let _ = VerifyingKey::from_sec1(&bytes);
        let _ = Ciphertext::from_bytes(&bytes);
        let _ = Ciphertext::from_c1c2c3(&bytes);
        let _ = gcm::open(&Key::new(&[0; 16]), &[0; 12], &[], &bytes);
        let _ = cbc::decrypt(&Key::new(&[0; 16]), &[0; 16], &bytes);
        let _ = gcm::open_with_nonce(&Key::new(&[0; 16]), &bytes, &[], &bytes);
        let _ = ccm::open(&Key::new(&[0; 16]), &[0; 12], bytes.len() % 20, &[], &bytes);
        let _ = key_wrap::unwrap(&Key::new(&[0; 16]), &bytes);
        let _ = key_wrap::unwrap_padded(&Key::new(&[0; 16]), &bytes);
    }

    #[test]
    fn mutated_signatures_are_refused_or_have_one_encoding(
        length in 0..=80usize, at in 0..80usize, value in any::<u8>(), insert in any::<bool>(),
    ) {
        let mut der = signing_key().sign_digest(&[3; 32], &mut SeededRng::new(9)).to_der();
        if insert { der.insert(at % der.len(), value) } else { let at = at % der.len(); der[at] = value }
        der.resize(length, value);
        if let Ok(signature) = Signature::from_der(&der) {
            prop_assert_eq!(signature.to_der(), der);
        }
    }

    #[test]
    fn mutated_ciphertexts_are_refused_or_have_one_encoding(
        length in 0..=200usize, at in 0..200usize, value in any::<u8>(), insert in any::<bool>(),
    ) {
        let key = decrypting_key();
        let mut der = key.encrypting_key().encrypt(&[5; 40], &mut SeededRng::new(10)).unwrap().to_der();
        if insert { der.insert(at % der.len(), value) } else { let at = at % der.len(); der[at] = value }
        der.resize(length, value);
        if let Ok(ciphertext) = Ciphertext::from_der(&der) {
            prop_assert_eq!(ciphertext.to_der(), der);
            let _ = key.decrypt(&ciphertext);
        }
    }

    #[test]
    fn whatever_is_sealed_opens_again(
        plaintext in proptest::collection::vec(any::<u8>(), 0..=300),
        aad in proptest::collection::vec(any::<u8>(), 0..=40),
        key in any::<[u8; 16]>(), nonce in any::<[u8; 12]>(), iv in any::<[u8; 16]>(),
    ) {
        let key = Key::new(&key);
        let sealed = gcm::seal(&key, &nonce, &aad, &plaintext).unwrap();
        prop_assert_eq!(gcm::open(&key, &nonce, &aad, &sealed), Ok(plaintext.clone()));
        prop_assert_eq!(cbc::decrypt(&key, &iv, &cbc::encrypt(&key, &iv, &plaintext)), Ok(plaintext));
    }

    #[test]
    fn whatever_is_signed_verifies_in_both_encodings(
        message in proptest::collection::vec(any::<u8>(), 0..=100), d in any::<[u8; 32]>(), seed in any::<u64>(),
    ) {
        let Ok(key) = SigningKey::from_bytes(&d) else { return Ok(()) };
        let signature = key.sign(&message, DEFAULT_ID, &mut SeededRng::new(seed)).unwrap();
        prop_assert_eq!(Signature::from_der(&signature.to_der()), Ok(signature));
        prop_assert_eq!(Signature::from_bytes(&signature.to_bytes()), Ok(signature));
        prop_assert_eq!(key.verifying_key().verify(&message, DEFAULT_ID, &signature), Ok(()));
    }
}
