//! `libsm`, which shares no code with the others. It is not asked where it is known to be wrong: GCM, padding, lax DER, x + p, key
//! exchange, and sums of equal points, which edge numbers would meet.

use std::sync::LazyLock;

use gm::sm2::{Ciphertext, DecryptingKey, Signature, SigningKey, VerifyingKey};
use gm::sm4::Key;
use libsm::sm2::encrypt::{DecryptCtx, EncryptCtx};
use libsm::sm2::signature::{SigCtx, Signature as TheirSignature};
use libsm::sm3::hash::Sm3Hash;
use libsm::sm4::cipher::Sm4Cipher;
use libsm::sm4::{Cipher, Mode};

use super::Paths;
use super::dice::{Dice, N, Number};

static THEIRS: LazyLock<SigCtx> = LazyLock::new(SigCtx::new);

/// A key that is not at an edge.
fn private_key(dice: &mut Dice) -> Number {
    loop {
        let number = dice.array();
        if number < N {
            return number;
        }
    }
}

/// The public key, read by each from the other's encodings.
pub(super) fn key(dice: &mut Dice, paths: &Paths) {
    let d = private_key(dice);
    let point = THEIRS.pk_from_sk(&THEIRS.load_seckey(&d).unwrap()).unwrap();
    let [long, short] = [false, true].map(|compress| THEIRS.serialize_pubkey(&point, compress).unwrap());
    paths.each(|| {
        let ours = SigningKey::from_bytes(&d).unwrap();
        assert_eq!(ours.verifying_key().to_sec1().as_slice(), long);
        assert_eq!(VerifyingKey::from_sec1(&short).as_ref(), Ok(ours.verifying_key()));
    });
}

/// Signatures both ways, whole and spoilt, and the digest under any id.
pub(super) fn sign(dice: &mut Dice, paths: &Paths) {
    let (d, message, id) = (private_key(dice), dice.message(), dice.id());
    let private = THEIRS.load_seckey(&d).unwrap();
    let public = THEIRS.pk_from_sk(&private).unwrap();
    let digest = THEIRS.hash(&id, &public, &message).unwrap();
    // They draw from the operating system: a difference may show itself only once.
    let made = THEIRS.sign_raw(&digest, &private).unwrap().der_encode();
    let ours = paths.agree(|| {
        let key = SigningKey::from_bytes(&d).unwrap();
        assert_eq!(key.verifying_key().digest(&[&message], id.as_bytes()), Ok(digest));
        let theirs = Signature::from_der(&made).unwrap();
        assert_eq!(key.verifying_key().verify(&message, id.as_bytes(), &theirs), Ok(()), "{made:02x?}");
        key.sign(&message, id.as_bytes(), &mut dice.clone()).unwrap()
    });
    let mut bytes = ours.to_bytes();
    let spoilt = dice.one_in(2);
    if spoilt {
        dice.spoil(&mut bytes);
    }
    let (r, s) = bytes.split_at(32);
    let accepted = THEIRS.verify_raw(&digest, &public, &TheirSignature::new(r, s));
    assert_eq!(accepted.unwrap_or(false), !spoilt, "theirs");
    paths.each(|| {
        let key = SigningKey::from_bytes(&d).unwrap();
        let read = Signature::from_bytes(&bytes).ok();
        let accepted = read.is_some_and(|read| key.verifying_key().verify_digest(&digest, &read).is_ok());
        assert_eq!(accepted, !spoilt, "ours");
    });
}

/// Ours opened by them: they know the old order only, C1 || C2 || C3.
pub(super) fn encrypt(dice: &mut Dice, paths: &Paths) {
    let d = private_key(dice);
    let length = 1 + dice.length(200);
    let plaintext = dice.bytes(length);
    let ours = paths.agree(|| {
        let key = DecryptingKey::from_bytes(&d).unwrap();
        key.encrypting_key().encrypt(&plaintext, &mut dice.clone()).unwrap().to_bytes()
    });
    let (c1, rest) = ours.split_at(65);
    let (c3, c2) = rest.split_at(32);
    let opened = DecryptCtx::new(length, THEIRS.load_seckey(&d).unwrap()).decrypt(&[c1, c2, c3].concat());
    assert_eq!(opened.expect("they open ours"), plaintext);
}

/// Theirs opened by us.
pub(super) fn decrypt(dice: &mut Dice, paths: &Paths) {
    let d = private_key(dice);
    let length = 1 + dice.length(200);
    let plaintext = dice.bytes(length);
    let public = THEIRS.pk_from_sk(&THEIRS.load_seckey(&d).unwrap()).unwrap();
    let made = EncryptCtx::new(length, public).encrypt(&plaintext).unwrap();
    paths.each(|| {
        let key = DecryptingKey::from_bytes(&d).unwrap();
        let opened = key.decrypt(&Ciphertext::from_c1c2c3(&made).unwrap());
        assert_eq!(opened.unwrap().as_slice(), plaintext, "{made:02x?}");
    });
}

/// The hash, and HMAC from its definition over theirs.
pub(super) fn sm3(dice: &mut Dice, paths: &Paths) {
    let (message, key) = (dice.message(), dice.array::<64>());
    let theirs = |parts: &[&[u8]]| Sm3Hash::new(&parts.concat()).get_hash();
    let digest = theirs(&[&message]);
    let inner = theirs(&[&key.map(|byte| byte ^ 0x36), &message]);
    let code = theirs(&[&key.map(|byte| byte ^ 0x5c), &inner]);
    paths.each(|| {
        assert_eq!(gm::sm3::hash(&message), digest);
        assert_eq!(gm::hmac::hmac_sm3(&key, &[&message]), code);
    });
}

pub(super) fn sm4(dice: &mut Dice, paths: &Paths) {
    let (bytes, iv, plain, message) =
        (dice.array::<16>(), dice.array::<16>(), dice.array::<16>(), dice.message());
    let theirs = Sm4Cipher::new(&bytes).unwrap();
    let (encrypted, decrypted) = (theirs.encrypt(&plain).unwrap(), theirs.decrypt(&plain).unwrap());
    let [cbc, ctr] = [Mode::Cbc, Mode::Ctr]
        .map(|mode| Cipher::new(&bytes, mode).unwrap().encrypt(&[], &message, &iv).unwrap());
    paths.each(|| {
        let key = Key::new(&bytes);
        let [mut forth, mut back] = [plain, plain];
        key.encrypt_block(&mut forth);
        key.decrypt_block(&mut back);
        assert_eq!((forth, back), (encrypted, decrypted));
        assert_eq!(gm::sm4::cbc::encrypt(&key, &iv, &message), cbc);
        assert_eq!(gm::sm4::cbc::decrypt(&key, &iv, &cbc).as_ref(), Ok(&message));
        let mut stream = message.clone();
        gm::sm4::ctr::apply(&key, &iv, &mut stream);
        assert_eq!(stream, ctr);
    });
}
