//! Key exchange between two parties, with someone in between, and with a party that follows the standard's text to the letter
//! over arithmetic that others wrote. The published example is in `sm2/exchange/known_answers.rs`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "support/seeded_rng.rs"]
mod seeded_rng;

use ::sm2::elliptic_curve::ops::Reduce;
use ::sm2::elliptic_curve::point::AffineCoordinates;
use ::sm2::elliptic_curve::sec1::FromSec1Point;
use ::sm2::{AffinePoint, FieldBytes, ProjectivePoint, Scalar, Sec1Point};
use gm::sm2::exchange::{Agreement, EphemeralKey, Initiator, MAX_KEY_BYTES, Responder, Response};
use gm::sm2::{DEFAULT_ID, DecryptingKey, EncryptingKey, Error, MAX_ID_BYTES, VerifyingKey};
use gm::{Rejected, kdf, sm3};
use seeded_rng::SeededRng;

const ALICE: &[u8] = b"ALICE123@YAHOO.COM";
const BOB: &[u8] = b"BILL456@YAHOO.COM";

struct Parties {
    alice: DecryptingKey,
    bob: DecryptingKey,
    rng: SeededRng,
}

impl Parties {
    fn new(seed: u64) -> Self {
        let mut rng = SeededRng::new(seed);
        let (alice, bob) = (DecryptingKey::generate(&mut rng), DecryptingKey::generate(&mut rng));
        Self { alice, bob, rng }
    }

    fn alice_begins(&mut self, key_bytes: usize) -> (Initiator, EphemeralKey) {
        let with_bob = Agreement::new(&self.alice, ALICE, self.bob.encrypting_key(), BOB, key_bytes).unwrap();
        with_bob.initiate(&mut self.rng)
    }

    fn bob_answers(&mut self, ephemeral: &EphemeralKey, key_bytes: usize) -> (Responder, Response) {
        let with_alice =
            Agreement::new(&self.bob, BOB, self.alice.encrypting_key(), ALICE, key_bytes).unwrap();
        with_alice.respond(ephemeral, &mut self.rng).unwrap()
    }
}

#[test]
fn both_sides_have_the_same_key_and_know_it() {
    let mut parties = Parties::new(1);
    let mut keys = Vec::new();
    for key_bytes in [1, 16, 31, 32, 33, 48, MAX_KEY_BYTES] {
        let (alice, ephemeral) = parties.alice_begins(key_bytes);
        let sent = EphemeralKey::from_sec1(&ephemeral.to_sec1()).unwrap();
        let (bob, response) = parties.bob_answers(&sent, key_bytes);
        let (alices_key, confirmation) = alice.confirm(&response).unwrap();
        let bobs_key = bob.confirm(&confirmation).unwrap();
        assert_eq!(alices_key, bobs_key);
        assert_eq!(alices_key.len(), key_bytes);
        keys.push(alices_key);
    }
    let fresh = keys.iter().filter(|key| key.len() >= 16).map(|key| key[..16].to_vec());
    let distinct: std::collections::BTreeSet<_> = fresh.collect();
    assert_eq!(distinct.len(), 6, "each exchange has a key of its own");
}

#[test]
fn without_confirmation_the_keys_agree_all_the_same() {
    let mut parties = Parties::new(2);
    let (alice, ephemeral) = parties.alice_begins(48);
    let (bob, response) = parties.bob_answers(&ephemeral, 48);
    assert_eq!(alice.unconfirmed(&response.ephemeral), Ok(bob.unconfirmed()));
}

#[test]
fn whoever_changes_a_message_is_noticed_by_the_next_to_look() {
    let mut parties = Parties::new(3);
    let mut mallory = SeededRng::new(99);
    let (_, foreign) = parties.alice_begins(16);

    // R_A is exchanged on its way: Alice sees it by S_B.
    let (alice, _) = parties.alice_begins(16);
    let (_, response) = parties.bob_answers(&foreign, 16);
    assert_eq!(alice.confirm(&response), Err(Rejected));

    // R_B is exchanged, or S_B has one bit turned over.
    for change in [0, 1] {
        let (alice, ephemeral) = parties.alice_begins(16);
        let (_, mut response) = parties.bob_answers(&ephemeral, 16);
        match change {
            0 => response.ephemeral = foreign,
            _ => response.confirmation[31] ^= 1,
        }
        assert_eq!(alice.confirm(&response), Err(Rejected));
    }

    // S_A is changed, or is Bob's own S_B sent back to him, or belongs to another exchange.
    let (alice, ephemeral) = parties.alice_begins(16);
    let (_, response) = parties.bob_answers(&ephemeral, 16);
    let (_, earlier) = alice.confirm(&response).unwrap();
    for change in 0..4 {
        let (alice, ephemeral) = parties.alice_begins(16);
        let (bob, response) = parties.bob_answers(&ephemeral, 16);
        let (_, good) = alice.confirm(&response).unwrap();
        let confirmation = match change {
            0 => good.map(|b| b ^ 0x80),
            1 => response.confirmation,
            2 => earlier,
            _ => mallory.array(),
        };
        assert_eq!(bob.confirm(&confirmation), Err(Rejected));
    }
}

#[test]
fn another_key_another_id_or_another_length_is_not_the_same_agreement() {
    let mut parties = Parties::new(4);
    let mallory = DecryptingKey::generate(&mut parties.rng);
    let (bob, alice) = (&parties.bob, &parties.alice);
    let answers = [
        Agreement::new(&mallory, BOB, alice.encrypting_key(), ALICE, 16),
        Agreement::new(bob, BOB, mallory.encrypting_key(), ALICE, 16),
        Agreement::new(bob, DEFAULT_ID, alice.encrypting_key(), ALICE, 16),
        Agreement::new(bob, BOB, alice.encrypting_key(), DEFAULT_ID, 16),
        Agreement::new(bob, ALICE, alice.encrypting_key(), BOB, 16),
    ];
    for answer in answers {
        let begun = Agreement::new(alice, ALICE, bob.encrypting_key(), BOB, 16).unwrap();
        let (initiator, ephemeral) = begun.initiate(&mut parties.rng);
        let (responder, response) = answer.unwrap().respond(&ephemeral, &mut parties.rng).unwrap();
        assert_eq!(initiator.confirm(&response), Err(Rejected));
        drop(responder);
    }
}

#[test]
fn ids_and_key_lengths_have_limits() {
    let Parties { alice, bob, .. } = Parties::new(5);
    let agreement = |id: &[u8], peer_id: &[u8], key_bytes| {
        Agreement::new(&alice, id, bob.encrypting_key(), peer_id, key_bytes).err()
    };
    let (longest, too_long) = (vec![7; MAX_ID_BYTES], vec![7; MAX_ID_BYTES + 1]);
    assert_eq!(agreement(&longest, &longest, 16), None);
    assert_eq!(agreement(b"", b"", 16), None);
    let refused = Some(Error::IdTooLong { bytes: MAX_ID_BYTES + 1 });
    assert_eq!(agreement(&too_long, BOB, 16), refused);
    assert_eq!(agreement(ALICE, &too_long, 16), refused);
    for bytes in [0, MAX_KEY_BYTES + 1, usize::MAX] {
        assert_eq!(agreement(ALICE, BOB, bytes), Some(Error::KeyLength { bytes }));
    }
}

#[test]
fn ephemeral_keys_that_are_no_points_are_refused() {
    let mut parties = Parties::new(6);
    let (_, ephemeral) = parties.alice_begins(16);
    let good = ephemeral.to_sec1();
    let mut off_curve = good;
    off_curve[64] ^= 1;
    assert_eq!(EphemeralKey::from_sec1(&off_curve), Err(Error::PointNotOnCurve));
    assert_eq!(EphemeralKey::from_sec1(&[0]), Err(Error::PointEncoding { bytes: 1 }));
    assert_eq!(EphemeralKey::from_sec1(&[4; 65]), Err(Error::PointNotOnCurve));
    assert_eq!(EphemeralKey::from_sec1(&good[..64]), Err(Error::PointEncoding { bytes: 64 }));
}

/// The standard's text over RustCrypto's arithmetic.
struct Textbook {
    d: Scalar,
    r: Scalar,
}

impl Textbook {
    fn point(k: &Scalar) -> AffinePoint {
        (ProjectivePoint::GENERATOR * k).to_affine()
    }

    fn bytes(point: &AffinePoint) -> [u8; 65] {
        let mut out = [4; 65];
        out[1..33].copy_from_slice(&point.x());
        out[33..].copy_from_slice(&point.y());
        out
    }

    fn x_tilde(point: &AffinePoint) -> Scalar {
        let x: [u8; 32] = point.x().into();
        let low = u128::from_be_bytes(x[16..].try_into().unwrap()) & ((1 << 127) - 1);
        let mut bytes = FieldBytes::default();
        bytes[16..].copy_from_slice(&((1 << 127) + low).to_be_bytes());
        Scalar::reduce(&bytes)
    }

    /// U for the other side's P and R.
    fn shared(&self, p: &[u8], r: &[u8]) -> [u8; 65] {
        let read = |bytes| AffinePoint::from_sec1_point(&Sec1Point::from_bytes(bytes).unwrap()).unwrap();
        let (p, r): (AffinePoint, AffinePoint) = (read(p), read(r));
        let t = self.d + Self::x_tilde(&Self::point(&self.r)) * self.r;
        Self::bytes(
            &((ProjectivePoint::from(p) + ProjectivePoint::from(r) * Self::x_tilde(&r)) * t).to_affine(),
        )
    }
}

#[test]
fn a_party_that_follows_the_text_to_the_letter_agrees() {
    let mut parties = Parties::new(7);
    for round in 1..40 {
        let scalar = |bytes: [u8; 32]| Scalar::reduce(&FieldBytes::from(bytes));
        let theirs = Textbook { d: scalar(parties.rng.array()), r: scalar(parties.rng.array()) };
        let [p, r] = [theirs.d, theirs.r].map(|k| Textbook::bytes(&Textbook::point(&k)));
        let z = |point: &[u8], id| VerifyingKey::from_sec1(point).unwrap().z(id).unwrap();
        let (their_z, our_z) = (z(&p, ALICE), z(&parties.bob.encrypting_key().to_sec1(), BOB));
        let peer = EncryptingKey::from_sec1(&p).unwrap();
        let ours = || Agreement::new(&parties.bob, BOB, &peer, ALICE, round).unwrap();
        let their_ephemeral = EphemeralKey::from_sec1(&r).unwrap();

        // They begin and we answer.
        let (responder, response) = ours().respond(&their_ephemeral, &mut parties.rng).unwrap();
        let our_r = response.ephemeral.to_sec1();
        let u = theirs.shared(&parties.bob.encrypting_key().to_sec1(), &our_r);
        let mut key = vec![0; round];
        kdf::sm2_kdf(&[&u[1..], &their_z, &our_z], &mut key).unwrap();
        let confirmation = |tag: u8, r_a: &[u8; 65], r_b: &[u8; 65], z_a: &[u8; 32], z_b: &[u8; 32]| {
            let inner = sm3::hash_all(&[&u[1..33], z_a, z_b, &r_a[1..], &r_b[1..]]);
            sm3::hash_all(&[&[tag], &u[33..], &inner])
        };
        assert_eq!(response.confirmation, confirmation(2, &r, &our_r, &their_z, &our_z));
        let s_a = confirmation(3, &r, &our_r, &their_z, &our_z);
        assert_eq!(*responder.confirm(&s_a).unwrap(), key);

        // We begin and they answer.
        let (initiator, our_ephemeral) = ours().initiate(&mut parties.rng);
        let u = theirs.shared(&parties.bob.encrypting_key().to_sec1(), &our_ephemeral.to_sec1());
        kdf::sm2_kdf(&[&u[1..], &our_z, &their_z], &mut key).unwrap();
        assert_eq!(*initiator.unconfirmed(&their_ephemeral).unwrap(), key);
    }
}
