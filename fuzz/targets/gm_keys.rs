//! SM2's private keys: read from PKCS #8, from PKCS #8 under a password, from SM2EnvelopedKey, and what is written of them read again.
#![no_main]

use std::num::NonZeroU32;
use std::sync::LazyLock;

use base::entropy::rng;
use fuzz::cryptography::{Dice, PASSWORD, changed, decrypting_key, signing_key};
use gm::sm2::keys::KeyError;
use gm::sm2::{DecryptingKey, SigningKey};
use libfuzzer_sys::fuzz_target;
use pki::der::{DerError, Tlv};

static HOLDER: LazyLock<SigningKey> = LazyLock::new(signing_key);
static KEY: LazyLock<DecryptingKey> = LazyLock::new(decrypting_key);

/// More iterations are not waited for.
const MAX_ITERATIONS: i64 = 100;

fuzz_target!(|data: &[u8]| {
    pkcs8(data);
    if asks_little(data) {
        encrypted_pkcs8(data);
    }
    enveloped_key(data);
    if let Ok(text) = std::str::from_utf8(data) {
        pem(text);
    }
    only_the_written_is_read(data);
});

/// The private key that was read, or why not, which is the same for keys of either kind.
type Read = Result<[u8; 32], KeyError>;

fn either(signing: Result<SigningKey, KeyError>, decrypting: Result<DecryptingKey, KeyError>) -> Read {
    let read = signing.map(|key| *key.to_bytes());
    assert_eq!(decrypting.map(|key| *key.to_bytes()), read);
    read
}

fn pkcs8(der: &[u8]) {
    let Ok(d) = either(SigningKey::from_pkcs8_der(der), DecryptingKey::from_pkcs8_der(der)) else { return };
    let key = SigningKey::from_bytes(&d).unwrap();
    let written = key.to_pkcs8_der();
    assert_eq!(DecryptingKey::from_bytes(&d).unwrap().to_pkcs8_der(), written);
    let again = either(SigningKey::from_pkcs8_der(&written), DecryptingKey::from_pkcs8_der(&written));
    assert_eq!(again.as_ref(), Ok(&d));
    let text = key.to_pkcs8_pem();
    assert_eq!(either(SigningKey::from_pkcs8_pem(&text), DecryptingKey::from_pkcs8_pem(&text)), again);
}

fn encrypted_pkcs8(der: &[u8]) {
    let signing = SigningKey::from_encrypted_pkcs8_der(der, PASSWORD);
    let Ok(d) = either(signing, DecryptingKey::from_encrypted_pkcs8_der(der, PASSWORD)) else { return };
    let key = SigningKey::from_bytes(&d).unwrap();
    let written = key.to_encrypted_pkcs8_der(PASSWORD, NonZeroU32::MIN, &mut rng(&Dice::default()));
    let again = SigningKey::from_encrypted_pkcs8_der(&written, PASSWORD);
    assert_eq!(again.map(|key| *key.to_bytes()).as_ref(), Ok(&d));
    let text = key.to_encrypted_pkcs8_pem(PASSWORD, NonZeroU32::MIN, &mut rng(&Dice::default()));
    let again = SigningKey::from_encrypted_pkcs8_pem(&text, PASSWORD);
    assert_eq!(again.map(|key| *key.to_bytes()), Ok(d));
}

/// Whether trying a password on the file `der` is worth the while.
fn asks_little(der: &[u8]) -> bool {
    iterations(der).is_none_or(|iterations| iterations <= MAX_ITERATIONS)
}

/// How often the file `der` asks to iterate, if it is one: EncryptedPrivateKeyInfo, PBES2's parameters, PBKDF2's.
fn iterations(der: &[u8]) -> Option<i64> {
    fn nested(bytes: &[u8], path: &[usize]) -> Result<i64, DerError> {
        let mut elements = pki::der::Reader::new(bytes)?;
        let [number, rest @ ..] = path else { unreachable!("the path ends at the number") };
        for _ in 0..*number {
            elements.element()?;
        }
        let element: Tlv<'_> = elements.element()?;
        if rest.is_empty() { element.small_integer() } else { nested(element.value, rest) }
    }
    nested(der, &[0, 0, 1, 0, 1, 1]).ok()
}

fn enveloped_key(der: &[u8]) {
    if let Ok(key) = DecryptingKey::from_enveloped_key_der(der, &HOLDER) {
        let written = key.to_enveloped_key_der(HOLDER.verifying_key(), &mut rng(&Dice::default())).unwrap();
        let again = DecryptingKey::from_enveloped_key_der(&written, &HOLDER);
        assert_eq!(again.map(|again| *again.to_bytes()), Ok(*key.to_bytes()));
    }
}

/// Not of encrypted keys: how often they ask to iterate is not to be seen in base64.
fn pem(text: &str) {
    if let Ok(d) = either(SigningKey::from_pkcs8_pem(text), DecryptingKey::from_pkcs8_pem(text)) {
        pkcs8(&SigningKey::from_bytes(&d).unwrap().to_pkcs8_der());
    }
}

/// A key in each of its forms, of which with the bits of `mask` turned over nothing is left.
fn only_the_written_is_read(mask: &[u8]) {
    static FORMS: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
        let dice = Dice::default();
        let enveloped = KEY.to_enveloped_key_der(HOLDER.verifying_key(), &mut rng(&dice)).unwrap();
        let encrypted = KEY.to_encrypted_pkcs8_der(PASSWORD, NonZeroU32::MIN, &mut rng(&dice));
        [KEY.to_pkcs8_der().to_vec(), encrypted, enveloped]
    });
    let [plain, encrypted, enveloped] = &*FORMS;
    if let Some(changed) = changed(plain, mask) {
        assert!(DecryptingKey::from_pkcs8_der(&changed).is_err());
    }
    if let Some(changed) = changed(encrypted, mask).filter(|changed| asks_little(changed)) {
        assert!(DecryptingKey::from_encrypted_pkcs8_der(&changed, PASSWORD).is_err());
    }
    if let Some(changed) = changed(enveloped, mask) {
        assert!(DecryptingKey::from_enveloped_key_der(&changed, &HOLDER).is_err());
    }
}
