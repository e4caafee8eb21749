//! SM2 ciphertexts: read in every encoding, written again byte for byte, decrypted; of a valid one that was changed nothing comes out.
#![no_main]

use std::sync::LazyLock;

use fuzz::cryptography::{Dice, PATHS_OF_SM2, changed, decrypting_key, on_every_path};
use gm::sm2::{Ciphertext, DecryptingKey};
use libfuzzer_sys::fuzz_target;

static KEY: LazyLock<DecryptingKey> = LazyLock::new(decrypting_key);

fuzz_target!(|data: &[u8]| {
    if let Ok(ciphertext) = Ciphertext::from_bytes(data) {
        // The point may have come compressed.
        let rest = if data[0] == 4 { &data[1..] } else { &data[33..] };
        assert!(ciphertext.to_bytes().ends_with(rest));
        read(&ciphertext);
    }
    if let Ok(ciphertext) = Ciphertext::from_c1c2c3(data) {
        let (c2, c3) = data[if data[0] == 4 { 65 } else { 33 }..].split_last_chunk::<32>().unwrap();
        assert!(ciphertext.to_bytes().ends_with(&[c3, c2].concat()));
        read(&ciphertext);
    }
    if let Ok(ciphertext) = Ciphertext::from_der(data) {
        assert_eq!(ciphertext.to_der(), data);
        read(&ciphertext);
    }
    if let [length, rest @ ..] = data
        && let Some((plaintext, mask)) = rest.split_at_checked(usize::from(*length))
    {
        only_the_encrypted_comes_out(plaintext, mask);
    }
});

/// Written, read again in every order and encoding, decrypted.
fn read(ciphertext: &Ciphertext) {
    let bytes = ciphertext.to_bytes();
    let (c1, rest) = bytes.split_at(65);
    let (c3, c2) = rest.split_at(32);
    assert_eq!(Ciphertext::from_bytes(&bytes).as_ref(), Ok(ciphertext));
    assert_eq!(Ciphertext::from_c1c2c3(&[c1, c2, c3].concat()).as_ref(), Ok(ciphertext));
    assert_eq!(Ciphertext::from_der(&ciphertext.to_der()).as_ref(), Ok(ciphertext));
    if let Ok(plaintext) = on_every_path(PATHS_OF_SM2, || KEY.decrypt(ciphertext)) {
        assert_eq!(plaintext.len(), c2.len());
    }
}

/// `plaintext`, encrypted, comes out again; with the bits of `mask` turned over in either encoding nothing does.
fn only_the_encrypted_comes_out(plaintext: &[u8], mask: &[u8]) {
    let encrypt = || KEY.encrypting_key().encrypt(plaintext, &mut base::entropy::rng(&Dice::default()));
    let Ok(ciphertext) = on_every_path(PATHS_OF_SM2, encrypt) else {
        assert!(plaintext.is_empty());
        return;
    };
    read(&ciphertext);
    assert_eq!(KEY.decrypt(&ciphertext).unwrap().as_slice(), plaintext);
    let raw = changed(&ciphertext.to_bytes(), mask).and_then(|bytes| Ciphertext::from_bytes(&bytes).ok());
    let der = changed(&ciphertext.to_der(), mask).and_then(|der| Ciphertext::from_der(&der).ok());
    for changed in raw.iter().chain(&der) {
        assert!(on_every_path(PATHS_OF_SM2, || KEY.decrypt(changed)).is_err());
    }
}
