//! Private keys, and points in every encoding, right and wrong.

use gm::sm2::{DecryptingKey, EncryptingKey, SigningKey, VerifyingKey};
use sm2::elliptic_curve::sec1::ToSec1Point as _;
use sm2::{PublicKey, SecretKey};

use super::Paths;
use super::dice::{Dice, N, Number, P, minus, plus, small};

/// Which numbers are private keys, and which public key each has.
pub(super) fn public_key(dice: &mut Dice, paths: &Paths) {
    let number = dice.number();
    // They take n-1 for a key; with it nothing can be signed (GB/T 32918.2-2016, 6.1, A6).
    let theirs = SecretKey::from_slice(&number).ok().filter(|_| number != minus(N, small(1)));
    let theirs = theirs.map(|key| key.public_key().to_sec1_bytes());
    paths.each(|| {
        let signing = SigningKey::from_bytes(&number).ok();
        let decrypting = DecryptingKey::from_bytes(&number).ok();
        assert_eq!(signing.as_ref().map(|key| *key.to_bytes()), theirs.as_ref().map(|_| number));
        for ours in
            [signing.map(|k| k.verifying_key().to_sec1()), decrypting.map(|k| k.encrypting_key().to_sec1())]
        {
            assert_eq!(ours.as_ref().map(<[u8; 65]>::as_slice), theirs.as_deref(), "{number:02x?}");
        }
    });
}

/// Which bytes are a point, and which.
pub(super) fn point(dice: &mut Dice, paths: &Paths) {
    let encoded = encoding(dice);
    let theirs = PublicKey::from_sec1_bytes(&encoded).ok().filter(|_| is_ours_to_read(&encoded));
    let theirs = theirs.map(|key| key.to_sec1_point(false));
    let theirs = theirs.as_ref().map(|point| point.as_bytes());
    paths.each(|| {
        let verifying = VerifyingKey::from_sec1(&encoded).map(|key| key.to_sec1()).ok();
        assert_eq!(verifying.as_ref().map(<[u8; 65]>::as_slice), theirs, "{encoded:02x?}");
        let encrypting = EncryptingKey::from_sec1(&encoded).map(|key| key.to_sec1()).ok();
        assert_eq!(encrypting, verifying, "{encoded:02x?}");
    });
}

/// They also read the form without y's sign (tag 05) of a draft that SM2 knows nothing of.
fn is_ours_to_read(encoded: &[u8]) -> bool {
    encoded.first() != Some(&5)
}

/// The encoding of a point, or nearly one.
fn encoding(dice: &mut Dice) -> Vec<u8> {
    match dice.below(10) {
        // Half of all x have a point; these include p, p-1, 0 and what is near.
        0..3 => compressed(dice.pick(&[2, 3]), dice.number()),
        // A small x in its one form, and as x + p.
        3 => {
            let x = small(dice.below(200));
            compressed(dice.pick(&[2, 3]), if dice.one_in(2) { plus(x, P) } else { x })
        }
        4 => {
            let [x, y] = valid(dice);
            let mut encoded = uncompressed(4, x, y);
            if dice.one_in(2) {
                dice.spoil(&mut encoded);
            }
            encoded
        }
        // The point's negative; the point with y + 2^256 - p, which is y + 1 - (p + 1 - 2^256).
        5 => {
            let [x, y] = valid(dice);
            uncompressed(4, x, if dice.one_in(2) { minus(P, y) } else { minus(y, P) })
        }
        6 => {
            let [x, y] = [dice.number(), dice.number()];
            uncompressed(4, x, y)
        }
        7 => {
            let [x, y] = valid(dice);
            let tag = dice.pick(&[0, 1, 2, 3, 5, 6, 7, 8, 0xff]);
            if dice.one_in(2) { uncompressed(tag, x, y) } else { compressed(tag, x) }
        }
        // Infinity, or what was cut off or hung on.
        8 => vec![0; dice.pick(&[0, 1, 33, 65])],
        _ => {
            let [x, y] = valid(dice);
            let mut encoded = if dice.one_in(2) { uncompressed(4, x, y) } else { compressed(2, x) };
            let kept = dice.below(encoded.len() + 4);
            encoded.resize(kept, 0);
            encoded
        }
    }
}

/// The coordinates of a point.
fn valid(dice: &mut Dice) -> [Number; 2] {
    let key = SecretKey::from_slice(&dice.private_key()).unwrap().public_key().to_sec1_point(false);
    let (_, coordinates) = key.as_bytes().split_first().unwrap();
    let (coordinates, _) = coordinates.as_chunks::<32>();
    coordinates.try_into().unwrap()
}

fn compressed(tag: u8, x: Number) -> Vec<u8> {
    [[tag].as_slice(), &x].concat()
}

fn uncompressed(tag: u8, x: Number, y: Number) -> Vec<u8> {
    [[tag].as_slice(), &x, &y].concat()
}
