//! The published exchanges, made again from their ephemeral private keys. Here and not in `tests/` because the public interface,
//! rightly, takes none.

use zeroize::Zeroizing;

use super::super::known_answers::seeded_rng::SeededRng;
use super::super::known_answers::support::{Tally, Vector, vectors};
use super::*;
use crate::sm2::DEFAULT_ID;

/// a, b, xG and yG of the curve that the example in GB/T 32918.3-2016, Annex A.2 is on. Nobody computes on it here.
const SAMPLE_CURVE: [&str; 4] = [
    "787968b4fa32c3fd2417842e73bbfeff2f3c848b6831d7e0ec65228b3937e498",
    "63e4c6d3b23b0c849cf84241484bfe48f61d59a5b16ba06e6e12d1da27c5249a",
    "421debd61b62eab6746434ebc3cc315e32220b3badd50bdc4c4e6c147fedd43d",
    "0680512bcbb42c07d47349d2153b70c4e5d7fdfcbfa36ea1a85841b9e46e09a2",
];

#[test]
fn every_published_exchange_is_made_again() {
    let Some(vectors) = vectors("sm2_kex") else { return };
    let mut tally = Tally::default();
    for v in vectors {
        match v.text("curve").as_str() {
            "sm2p256v1" => exchange_is_made_again(&v),
            "fp256-sample" => {
                hashes_are_made_again(&v);
                for scalar in ["dA", "rA", "dB", "rB"] {
                    v.text(scalar);
                    tally.leave_out(format!("{scalar} on the sample curve"));
                }
            }
            other => panic!("{}: curve {other}", v.label()),
        }
        tally.consume(v);
    }
    let left_out = ["dA", "rA", "dB", "rB"].map(|scalar| format!("{scalar} on the sample curve"));
    let left_out = left_out.each_ref().map(|name| (name.as_str(), 1));
    tally.expect("sm2_kex", 2, &left_out);
}

fn exchange_is_made_again(v: &Vector) {
    let [a, b] = ["dA", "dB"].map(|d| DecryptingKey::from_bytes(&v.array(d)).unwrap());
    let [r_a, r_b] = ["rA", "rB"].map(|r| curve::private_scalar(&v.array(r)).unwrap());
    let (id_a, id_b, klen) = (v.bytes("idA"), v.bytes("idB"), klen(v));
    assert_eq!(a.encrypting_key().to_sec1().as_slice(), v.bytes("PA"));
    assert_eq!(b.encrypting_key().to_sec1().as_slice(), v.bytes("PB"));
    let of_a = || Agreement::new(&a, &id_a, b.encrypting_key(), &id_b, klen).unwrap();
    let of_b = Agreement::new(&b, &id_b, a.encrypting_key(), &id_a, klen).unwrap();
    let (za, zb) = (v.array("ZA"), v.array("ZB"));
    assert_eq!((of_b.peer_z, of_b.z), (za, zb));
    assert_eq!((of_a().z, of_a().peer_z), (za, zb));

    let (initiator, ephemeral) = of_a().initiate_with(&r_a).unwrap();
    assert_eq!(ephemeral.to_sec1().as_slice(), v.bytes("RA"));
    let (responder, response) = of_b.respond_with(&ephemeral, &r_b).unwrap();
    assert_eq!(response.ephemeral.to_sec1().as_slice(), v.bytes("RB"));
    assert_eq!(response.confirmation, v.array("S1_SB"));
    let shared = initiator.own.meet(&initiator.peer, &response.ephemeral.0).unwrap();
    assert_eq!([&[4], shared.x.as_slice(), shared.y.as_slice()].concat(), v.bytes("U"));

    let (key, confirmation) = initiator.confirm(&response).unwrap();
    assert_eq!(confirmation, v.array("SA_S2"));
    assert_eq!(*key, v.bytes("K"));
    assert_eq!(responder.confirm(&confirmation), Ok(key.clone()));

    let (initiator, _) = of_a().initiate_with(&r_a).unwrap();
    assert_eq!(initiator.unconfirmed(&response.ephemeral).as_ref(), Ok(&key));
    let (responder, _) = of_b.respond_with(&ephemeral, &r_b).unwrap();
    assert_eq!(responder.unconfirmed(), key);
}

/// Z, K, S_A and S_B are hashes: they hold on any curve of 256 bits.
fn hashes_are_made_again(v: &Vector) {
    let parameters: Vec<u8> = SAMPLE_CURVE.iter().flat_map(|number| hex::decode(number).unwrap()).collect();
    let z = |id: Vec<u8>, point: Vec<u8>| {
        let bits = u16::try_from(id.len() * 8).unwrap();
        sm3::hash_all(&[&bits.to_be_bytes(), &id, &parameters, &point[1..]])
    };
    let zs = [v.array("ZA"), v.array("ZB")];
    assert_eq!([z(v.bytes("idA"), v.bytes("PA")), z(v.bytes("idB"), v.bytes("PB"))], zs);

    let [u, ra, rb] = ["U", "RA", "RB"].map(|point| coordinates(&v.bytes(point)));
    let transcript = Transcript { zs: zs.each_ref(), ephemerals: [(&ra.0, &ra.1), (&rb.0, &rb.1)] };
    let shared = Shared { x: Zeroizing::new(u.0), y: Zeroizing::new(u.1) };
    let agreed = transcript.agree(&shared, klen(v)).unwrap();
    assert_eq!(*agreed.key, v.bytes("K"));
    assert_eq!(*agreed.s_b, v.array("S1_SB"));
    assert_eq!(*agreed.s_a, v.array("SA_S2"));
}

fn coordinates(point: &[u8]) -> ([u8; 32], [u8; 32]) {
    assert_eq!((point.len(), point[0]), (65, 4));
    (point[1..33].try_into().unwrap(), point[33..].try_into().unwrap())
}

fn klen(v: &Vector) -> usize {
    v.value("klen").as_u64().unwrap().try_into().unwrap()
}

/// A party that chooses `d = -x~ r` makes `P + [x~]R` infinity, and with it a key that everybody knows.
#[test]
fn keys_that_cancel_each_other_out_are_refused_by_either_side() {
    let mut rng = SeededRng::new(11);
    let honest = DecryptingKey::generate(&mut rng);
    let r = curve::generate(&mut rng);
    let ephemeral = Point::generator_times(&r).unwrap();
    let d = curve::reduced(&[0; 32]) - truncated(&ephemeral) * *r;
    let hostile = DecryptingKey::from_bytes(&curve::scalar_bytes(&d)).unwrap();
    let agreement = || Agreement::new(&honest, DEFAULT_ID, hostile.encrypting_key(), DEFAULT_ID, 16).unwrap();

    let ephemeral = EphemeralKey(ephemeral);
    assert!(agreement().respond(&ephemeral, &mut rng).is_err());
    let (initiator, _) = agreement().initiate(&mut rng);
    assert_eq!(initiator.unconfirmed(&ephemeral), Err(Rejected));
    let (initiator, _) = agreement().initiate(&mut rng);
    assert_eq!(initiator.confirm(&Response { ephemeral, confirmation: [0; 32] }), Err(Rejected));
}
