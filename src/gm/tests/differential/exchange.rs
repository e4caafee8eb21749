//! Key exchange with a party that follows the standard's text over RustCrypto's points, on either side.

use ::sm3::{Digest as _, Sm3};
use gm::sm2::exchange::{Agreement, EphemeralKey, Response};
use gm::sm2::{DEFAULT_ID, DecryptingKey, EncryptingKey, VerifyingKey};
use sm2::elliptic_curve::ops::{MulByGeneratorVartime as _, Reduce as _};
use sm2::elliptic_curve::sec1::{FromSec1Point as _, ToSec1Point as _};
use sm2::{AffinePoint, FieldBytes, ProjectivePoint, Scalar, Sec1Point};

use super::Paths;
use super::dice::{Dice, Number};

pub(super) fn exchange(dice: &mut Dice, paths: &Paths) {
    let (d, key_bytes) = (dice.private_key(), 1 + dice.length(100));
    let theirs = Textbook::new(dice, key_bytes);
    let peer = EncryptingKey::from_sec1(&theirs.public).unwrap();
    let ephemeral = EphemeralKey::from_sec1(&theirs.ephemeral).unwrap();
    let they_begin = dice.one_in(2);
    paths.each(|| {
        let key = DecryptingKey::from_bytes(&d).unwrap();
        let public = key.encrypting_key().to_sec1();
        let agreement = Agreement::new(&key, DEFAULT_ID, &peer, DEFAULT_ID, key_bytes).unwrap();
        if they_begin {
            let answer = agreement.respond(&ephemeral, &mut dice.clone());
            assert_eq!(answer.is_err(), theirs.meets_infinity);
            let Ok((ours, response)) = answer else { return };
            let agreed = theirs.agree(&public, &response.ephemeral.to_sec1(), they_begin);
            assert_eq!(response.confirmation, agreed.s_b);
            assert_eq!(*ours.confirm(&agreed.s_a).unwrap(), agreed.key);
        } else {
            let (ours, sent) = agreement.initiate(&mut dice.clone());
            let agreed = theirs.agree(&public, &sent.to_sec1(), they_begin);
            let ours = ours.confirm(&Response { ephemeral, confirmation: agreed.s_b });
            let wanted = if theirs.meets_infinity { None } else { Some((agreed.key, agreed.s_a)) };
            assert_eq!(ours.ok().map(|(key, s_a)| (key.to_vec(), s_a)), wanted);
        }
    });
}

/// The other party, with its private scalars.
struct Textbook {
    d: Scalar,
    r: Scalar,
    /// `[d]G` and `[r]G`.
    public: [u8; 65],
    ephemeral: [u8; 65],
    key_bytes: usize,
    /// `P + [x~]R` is infinity: nobody can agree with this party on anything.
    meets_infinity: bool,
}

struct Agreed {
    key: Vec<u8>,
    s_a: Number,
    s_b: Number,
}

impl Textbook {
    fn new(dice: &mut Dice, key_bytes: usize) -> Self {
        let [mut d, r] = [dice.private_key(), dice.private_key()].map(|number| reduced(&number));
        let ephemeral = encoded(ProjectivePoint::mul_by_generator_vartime(&r));
        let meets_infinity = dice.one_in(8);
        if meets_infinity {
            d = -(x_tilde(&ephemeral) * r);
        }
        let public = encoded(ProjectivePoint::mul_by_generator_vartime(&d));
        Self { d, r, public, ephemeral, key_bytes, meets_infinity }
    }

    /// GB/T 32918.3-2016, 6.1, from `peer`'s public key and its ephemeral one.
    fn agree(&self, peer: &[u8; 65], peer_ephemeral: &[u8; 65], initiates: bool) -> Agreed {
        // A5: t = d + x~ r; A7: U = [t](P + [x~]R)
        let t = self.d + x_tilde(&self.ephemeral) * self.r;
        let u = (decoded(peer) + decoded(peer_ephemeral) * x_tilde(peer_ephemeral)) * t;
        let u = if self.meets_infinity { [0; 65] } else { encoded(u) };
        let [_, x, y] = parts(&u);
        let [mine, yours] =
            [&self.public, peer].map(|key| VerifyingKey::from_sec1(key).unwrap().z(DEFAULT_ID).unwrap());
        let (zs, rs) = if initiates {
            ([mine, yours], [&self.ephemeral, peer_ephemeral])
        } else {
            ([yours, mine], [peer_ephemeral, &self.ephemeral])
        };
        // A8: K = KDF(x || y || Z_A || Z_B)
        let blocks = (1_u32..).flat_map(|counter| sm3(&[x, y, &zs[0], &zs[1], &counter.to_be_bytes()]));
        // A9, A10: S = H(02 or 03 || y || H(x || Z_A || Z_B || x1 || y1 || x2 || y2))
        let [[_, x1, y1], [_, x2, y2]] = rs.map(parts);
        let inner = sm3(&[x, &zs[0], &zs[1], x1, y1, x2, y2]);
        let [s_b, s_a] = [2, 3].map(|tag| sm3(&[&[tag], y, &inner]));
        Agreed { key: blocks.take(self.key_bytes).collect(), s_a, s_b }
    }
}

/// `x~ = 2^127 + (x mod 2^127)`
fn x_tilde(point: &[u8; 65]) -> Scalar {
    let [_, x, _] = parts(point);
    let mut low = [0; 32];
    low[16..].copy_from_slice(&x[16..]);
    low[16] |= 0x80;
    reduced(&low)
}

/// The tag, x and y.
fn parts(point: &[u8; 65]) -> [&[u8]; 3] {
    [&point[..1], &point[1..33], &point[33..]]
}

fn sm3(parts: &[&[u8]]) -> Number {
    Sm3::digest(parts.concat()).into()
}

fn reduced(number: &Number) -> Scalar {
    Scalar::reduce(&FieldBytes::from(*number))
}

fn encoded(point: ProjectivePoint) -> [u8; 65] {
    point.to_affine().to_sec1_point(false).as_bytes().try_into().unwrap()
}

fn decoded(point: &[u8; 65]) -> ProjectivePoint {
    AffinePoint::from_sec1_point(&Sec1Point::from_bytes(point).unwrap()).unwrap().into()
}
