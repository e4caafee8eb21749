//! Tokens under SM2 with SM3.

use base::OsEntropy;
use base::encoding::{base64url, from_base64url};
use jose::{Jwk, JwkError, Reason};

use crate::actors::{EcKey, Sm2Key, access_token, at_noon, forge, good_claims, keys, refusal};

/// The order of the SM2 base point (GB/T 32918.5-2017, 2).
const N: &str = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";

fn order() -> [u8; 32] {
    std::array::from_fn(|i| u8::from_str_radix(&N[2 * i..2 * i + 2], 16).unwrap())
}

/// `a - b` of big-endian numbers, `a >= b`.
fn minus(a: [u8; 32], b: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    let mut borrow = 0;
    for i in (0..32).rev() {
        let difference = i16::from(a[i]) - i16::from(b[i]) - borrow;
        borrow = i16::from(difference < 0);
        out[i] = u8::try_from(difference + 256 * borrow).unwrap();
    }
    out
}

#[test]
fn the_names_are_those_of_the_table() {
    let sm2 = Sm2Key::new();
    let json = sm2.jwk.to_json();
    assert_eq!((&json["kty"], &json["crv"], &json["alg"]), (&"EC".into(), &"SM2".into(), &"SM2".into()));
    assert_eq!(Jwk::from_json(json.to_string().as_bytes()).unwrap(), sm2.jwk);
    let token = access_token(&sm2, &good_claims());
    let header = from_base64url(token.split('.').next().unwrap()).unwrap();
    let expected = format!(r#"{{"alg":"SM2","typ":"at+jwt","kid":"{}"}}"#, sm2.jwk.thumbprint());
    assert_eq!(String::from_utf8(header).unwrap(), expected);

    let kid = sm2.jwk.kid().unwrap();
    let other_spelling = format!(r#"{{"alg":"SM3WithSM2","typ":"at+jwt","kid":"{kid}"}}"#);
    let token = forge(&sm2, &other_spelling, &good_claims().to_string());
    assert!(keys(&[&sm2.jwk]).verify(&token, &at_noon()).is_ok());
}

#[test]
fn no_second_signature_can_be_made_from_the_first() {
    let sm2 = Sm2Key::new();
    let set = keys(&[&sm2.jwk]);
    let token = access_token(&sm2, &good_claims());
    let (input, signature) = token.rsplit_once('.').unwrap();
    let signature = from_base64url(signature).unwrap();
    let (r, s) = signature.split_at(32);
    let other_s = minus(order(), s);
    let der = gm::sm2::Signature::from_bytes(signature.as_slice().try_into().unwrap()).unwrap().to_der();
    let variants = [
        [r, other_s.as_slice()].concat(),
        [minus(order(), r).as_slice(), s].concat(),
        [s, r].concat(),
        [r, order().as_slice()].concat(),
        [r, [0; 32].as_slice()].concat(),
        [[0; 32].as_slice(), s].concat(),
        der,
        [signature.as_slice(), &[0]].concat(),
        [&[0], signature.as_slice()].concat(),
        Vec::new(),
    ];
    for variant in variants {
        let token = format!("{input}.{}", base64url(&variant));
        assert_eq!(refusal(&set, &token, &at_noon()), Reason::Signature);
    }
}

#[test]
fn a_signature_under_another_distinguishing_id_is_refused() {
    let sm2 = Sm2Key::new();
    let token = access_token(&sm2, &good_claims());
    let (input, _) = token.rsplit_once('.').unwrap();
    let mut rng = base::entropy::rng(&OsEntropy);
    let signature = sm2.key.sign(input.as_bytes(), b"ALICE123@YAHOO.COM", &mut rng).unwrap();
    let token = format!("{input}.{}", base64url(&signature.to_bytes()));
    assert_eq!(refusal(&keys(&[&sm2.jwk]), &token, &at_noon()), Reason::Signature);
}

#[test]
fn a_point_of_one_curve_is_no_key_of_the_other() {
    let p256 = EcKey::new().jwk.to_json().to_string();
    let relabelled = p256.replace("P-256", "SM2").replace("ES256", "SM2");
    assert_eq!(Jwk::from_json(relabelled.as_bytes()), Err(JwkError::Member { member: "x" }));
}

#[test]
fn a_key_that_many_tokens_come_under_goes_on_judging_as_at_first() {
    let sm2 = Sm2Key::new();
    let set = keys(&[&sm2.jwk]);
    let good = access_token(&sm2, &good_claims());
    let (input, signature) = good.rsplit_once('.').unwrap();
    let of_another = access_token(&Sm2Key::new(), &good_claims());
    let forged = format!("{input}.{}", of_another.rsplit_once('.').unwrap().1);
    let turned = format!("{input}.{}", signature.chars().rev().collect::<String>());
    // Its table of multiples is made on the way (`pki::Sm2Key`).
    for _ in 0..50 {
        assert!(set.verify(&good, &at_noon()).is_ok());
        assert_eq!(refusal(&set, &forged, &at_noon()), Reason::Signature);
        assert!(set.verify(&turned, &at_noon()).is_err());
    }
}
