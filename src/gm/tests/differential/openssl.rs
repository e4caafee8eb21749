//! The command `openssl`: a process for each case, fed through files of a folder of its own.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use gm::sm2::{Ciphertext, DecryptingKey, Signature, SigningKey};
use gm::sm4::Key;
use tempfile::TempDir;

use super::Paths;
use super::dice::{Dice, Number};

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| TempDir::with_prefix("gm-openssl").unwrap());

/// Whether there is one that knows the algorithms.
pub(super) fn is_there() -> bool {
    static THERE: LazyLock<bool> = LazyLock::new(|| {
        let key = SigningKey::from_bytes(&[1; 32]).unwrap();
        let file = public_file(&key.verifying_key().to_sec1());
        let mut reads_keys = Command::new("openssl");
        reads_keys.args(["pkey", "-pubin", "-inform", "DER", "-noout"]);
        fed(&mut reads_keys, &file).is_ok_and(|output| output.status.success())
    });
    *THERE
}

/// Theirs, checked by us.
pub(super) fn sign(dice: &mut Dice, paths: &Paths) {
    let (d, message, id) = (dice.private_key(), dice.message(), dice.id());
    let key = SigningKey::from_bytes(&d).unwrap();
    let [private, id_option] =
        [write("key", &private_file(&d, &key.verifying_key().to_sec1())), format!("distid:{id}")];
    let made =
        openssl(&["dgst", "-sm3", "-sign", &private, "-keyform", "DER", "-sigopt", &id_option], &message);
    let made = Signature::from_der(&made.expect("they sign")).unwrap();
    paths.each(|| {
        let key = SigningKey::from_bytes(&d).unwrap();
        assert_eq!(key.verifying_key().verify(&message, id.as_bytes(), &made), Ok(()), "{made:?}");
    });
}

/// Ours, checked by them; half of the time spoilt.
pub(super) fn verify(dice: &mut Dice, paths: &Paths) {
    let (d, mut message, id) = (dice.private_key(), dice.message(), dice.id());
    let key = SigningKey::from_bytes(&d).unwrap();
    let ours = paths.agree(|| {
        let key = SigningKey::from_bytes(&d).unwrap();
        key.sign(&message, id.as_bytes(), &mut dice.clone()).unwrap()
    });
    let spoilt = dice.one_in(2) && !message.is_empty();
    if spoilt {
        dice.spoil(&mut message);
    }
    let public = write("public", &public_file(&key.verifying_key().to_sec1()));
    let (signature, id) = (write("signature", &ours.to_der()), format!("distid:{id}"));
    let arguments =
        ["dgst", "-sm3", "-verify", &public, "-keyform", "DER", "-sigopt", &id, "-signature", &signature];
    assert_eq!(openssl(&arguments, &message).is_some(), !spoilt, "{ours:?}");
}

/// Ours, opened by them.
pub(super) fn encrypt(dice: &mut Dice, paths: &Paths) {
    let d = dice.private_key();
    let length = 1 + dice.length(200);
    let plaintext = dice.bytes(length);
    let key = DecryptingKey::from_bytes(&d).unwrap();
    let made = paths.agree(|| {
        let key = DecryptingKey::from_bytes(&d).unwrap();
        key.encrypting_key().encrypt(&plaintext, &mut dice.clone()).unwrap().to_der()
    });
    let private = write("key", &private_file(&d, &key.encrypting_key().to_sec1()));
    let opened = openssl(&["pkeyutl", "-decrypt", "-inkey", &private, "-keyform", "DER"], &made);
    assert_eq!(opened.expect("they open ours"), plaintext);
}

/// Theirs, opened by us.
pub(super) fn decrypt(dice: &mut Dice, paths: &Paths) {
    let d = dice.private_key();
    let length = 1 + dice.length(200);
    let plaintext = dice.bytes(length);
    let key = DecryptingKey::from_bytes(&d).unwrap();
    let public = write("public", &public_file(&key.encrypting_key().to_sec1()));
    let made = openssl(&["pkeyutl", "-encrypt", "-pubin", "-inkey", &public, "-keyform", "DER"], &plaintext);
    let made = made.expect("they encrypt");
    paths.each(|| {
        let key = DecryptingKey::from_bytes(&d).unwrap();
        let opened = key.decrypt(&Ciphertext::from_der(&made).unwrap());
        assert_eq!(opened.unwrap().as_slice(), plaintext, "{made:02x?}");
    });
}

pub(super) fn sm3(dice: &mut Dice, paths: &Paths) {
    let length = dice.length(20_000);
    let message = dice.bytes(length);
    let theirs = openssl(&["dgst", "-sm3", "-binary"], &message).unwrap();
    paths.each(|| assert_eq!(gm::sm3::hash(&message).as_slice(), theirs));
}

pub(super) fn sm4_cbc(dice: &mut Dice, paths: &Paths) {
    let (key, iv, length) = (dice.array::<16>(), dice.array::<16>(), dice.length(4000));
    let message = dice.bytes(length);
    let encrypted = encipher("-sm4-cbc", &key, &iv, &message);
    paths.each(|| {
        let key = Key::new(&key);
        assert_eq!(gm::sm4::cbc::encrypt(&key, &iv, &message), encrypted);
        assert_eq!(gm::sm4::cbc::decrypt(&key, &iv, &encrypted).as_ref(), Ok(&message));
    });
}

pub(super) fn sm4_ctr(dice: &mut Dice, paths: &Paths) {
    let (key, mut iv, length) = (dice.array::<16>(), dice.array::<16>(), dice.length(4000));
    if dice.one_in(3) {
        let ones = 1 + dice.below(16);
        iv.iter_mut().rev().take(ones).for_each(|byte| *byte = 0xff);
    }
    let message = dice.bytes(length);
    let encrypted = encipher("-sm4-ctr", &key, &iv, &message);
    paths.each(|| {
        let mut data = message.clone();
        gm::sm4::ctr::apply(&Key::new(&key), &iv, &mut data);
        assert_eq!(data, encrypted);
    });
}

fn encipher(mode: &str, key: &[u8], iv: &[u8], message: &[u8]) -> Vec<u8> {
    openssl(&["enc", mode, "-K", &hex::encode(key), "-iv", &hex::encode(iv)], message).unwrap()
}

/// What the command says on standard output; `None` when it refuses.
fn openssl(arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let output = fed(Command::new("openssl").args(arguments), input).unwrap();
    output.status.success().then_some(output.stdout)
}

fn fed(command: &mut Command, input: &[u8]) -> std::io::Result<Output> {
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    // Less than a pipe holds, so that neither waits for the other.
    process.stdin.take().unwrap().write_all(input)?;
    process.wait_with_output()
}

fn write(name: &str, contents: &[u8]) -> String {
    let path = FOLDER.path().join(name);
    fs::write(&path, contents).unwrap();
    path.into_os_string().into_string().unwrap()
}

/// 1.2.156.10197.1.301
const CURVE: [u8; 10] = [0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d];

/// `ECPrivateKey` in DER (RFC 5915, 3).
fn private_file(d: &Number, public: &[u8; 65]) -> Vec<u8> {
    let head = [0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20];
    [head.as_slice(), d, &[0xa0, 0x0a], &CURVE, &[0xa1, 0x44, 0x03, 0x42, 0x00], public].concat()
}

/// `SubjectPublicKeyInfo` in DER, `id-ecPublicKey` (RFC 5480, 2).
fn public_file(public: &[u8; 65]) -> Vec<u8> {
    let ec_public_key = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    [[0x30, 0x59, 0x30, 0x13].as_slice(), &ec_public_key, &CURVE, &[0x03, 0x42, 0x00], public].concat()
}
