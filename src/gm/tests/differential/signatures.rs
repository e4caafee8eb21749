//! Signatures made on one side and checked on the other, and signatures built so that the sums inside meet their edges.

use gm::sm2::{Signature, SigningKey, VerifyingKey};
use signature::hazmat::{PrehashVerifier as _, RandomizedPrehashSigner as _};
use signature::{RandomizedSigner as _, Verifier as _};
use sm2::elliptic_curve::ops::{MulByGeneratorVartime as _, Reduce as _};
use sm2::elliptic_curve::point::AffineCoordinates as _;
use sm2::elliptic_curve::sec1::ToSec1Point as _;
use sm2::elliptic_curve::{Group as _, PrimeField as _};
use sm2::{FieldBytes, ProjectivePoint, PublicKey, Scalar, dsa};

use super::Paths;
use super::dice::{Dice, Number};

/// A message under an id, each side's signature checked by the other.
pub(super) fn sign(dice: &mut Dice, paths: &Paths) {
    let (d, message, id) = (dice.private_key(), dice.message(), dice.id());
    let their_key = dsa::SigningKey::from_slice(&id, &d).unwrap();
    let made: dsa::Signature = their_key.try_sign_with_rng(dice, &message).unwrap();
    let read =
        [Signature::from_bytes(&made.to_bytes().into()), Signature::from_der(made.to_der().as_bytes())];
    let [Ok(theirs), Ok(from_der)] = read else { panic!("unread: {made:?}") };
    assert_eq!(theirs, from_der);

    let ours = paths.agree(|| {
        let key = SigningKey::from_bytes(&d).unwrap();
        assert_eq!(key.verifying_key().verify(&message, id.as_bytes(), &theirs), Ok(()));
        // The nonce comes from key, message and dice: on each path the same.
        key.sign(&message, id.as_bytes(), &mut dice.clone()).unwrap()
    });
    let read = dsa::Signature::from_der(&ours.to_der()).unwrap();
    assert_eq!(read.to_bytes().as_slice(), ours.to_bytes());
    their_key.verifying_key().verify(&message, &read).expect("they accept ours");
}

/// A digest, which can be 0, n, or any other number of 256 bits.
pub(super) fn sign_digest(dice: &mut Dice, paths: &Paths) {
    let (d, e) = (dice.private_key(), dice.number());
    let their_key = dsa::SigningKey::from_slice("", &d).unwrap();
    let made: dsa::Signature = their_key.sign_prehash_with_rng(dice, &e).unwrap();
    let theirs = Signature::from_bytes(&made.to_bytes().into()).unwrap();

    let ours = paths.agree(|| {
        let key = SigningKey::from_bytes(&d).unwrap();
        assert_eq!(key.verifying_key().verify_digest(&e, &theirs), Ok(()));
        key.sign_digest(&e, &mut dice.clone())
    });
    let read = dsa::Signature::from_slice(&ours.to_bytes()).unwrap();
    their_key.verifying_key().verify_prehash(&e, &read).expect("they accept ours");
}

/// A signature chosen backwards from s and t, so that `[s]G + [t]P` adds equal points, opposite ones, or small multiples; then, half
/// of the time, with a bit turned over somewhere.
pub(super) fn verify(dice: &mut Dice, paths: &Paths) {
    let d = reduced(&dice.private_key());
    let t = reduced(&dice.number());
    let s = match dice.below(8) {
        // [s]G = [t]P: the sum is a doubling.
        0 => t * d,
        // [s]G = -[t]P: the sum is infinity, and nothing may verify.
        1 => -(t * d),
        _ => reduced(&dice.number()),
    };
    let r = t - s;
    let sum = (ProjectivePoint::mul_by_generator_vartime(&(s + t * d))).to_affine();
    let infinity = bool::from(Scalar::is_zero(&(s + t * d)));
    let mut e = if infinity { dice.number() } else { bytes(&(r - reduced(&sum.x().into()))) };
    let mut signature = [bytes(&r), bytes(&s)].concat();
    let mut key = ProjectivePoint::mul_by_generator_vartime(&d);
    let spoilt = dice.one_in(2);
    match dice.below(8) {
        _ if !spoilt => (),
        0 => key = -key,
        1 => key += ProjectivePoint::generator(),
        2..4 => dice.spoil(&mut e),
        _ => dice.spoil(&mut signature),
    }
    let Ok(key) = PublicKey::from_affine(key.to_affine()) else { return };

    let signature: [u8; 64] = signature.try_into().unwrap();
    let their_key = dsa::VerifyingKey::new("", key).unwrap();
    let read = dsa::Signature::from_slice(&signature).ok();
    let theirs = read.as_ref().map(|read| their_key.verify_prehash(&e, read).is_ok());
    if !spoilt && theirs.is_some() {
        let zero = bool::from(Scalar::is_zero(&t));
        assert_eq!(
            theirs,
            Some(!infinity && !zero),
            "built to be right unless the sum is infinity or t is 0"
        );
    }
    let encoded = key.to_sec1_point(false);
    paths.each(|| {
        let ours = Signature::from_bytes(&signature).ok().map(|signature| {
            let key = VerifyingKey::from_sec1(encoded.as_bytes()).unwrap();
            key.verify_digest(&e, &signature).is_ok()
        });
        assert_eq!(ours, theirs, "{signature:02x?} over {e:02x?}");
    });
}

fn reduced(number: &Number) -> Scalar {
    Scalar::reduce(&FieldBytes::from(*number))
}

fn bytes(scalar: &Scalar) -> Number {
    scalar.to_repr().into()
}
