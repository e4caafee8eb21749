//! Proofs of possession: tokens that bring their own key.

use base::encoding::base64url;
use jose::proof::{self, DPOP_TYP, PROOF_MAX_BYTES};
use jose::{Algorithm, FormError, Jwk, JwkError, JwsSigner, Proof, Reason};
use serde_json::{Value, json};

use crate::actors::{EcKey, EdKey, RsaKey, Sm2Key, forge};

/// RFC 9449, 4.1, 5 and 7.1: the header of all three examples, and the thumbprint of its key (6.1).
const HEADER: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19";
const THUMBPRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
const EXAMPLES: [(&str, i64); 3] = [
    (
        "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg",
        1_562_262_616,
    ),
    (
        "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjY1Mjk2fQ.pAqut2IRDm_De6PR93SYmGBPXpwrAk90e8cP2hjiaG5QsGSuKDYW7_X620BxqhvYC8ynrrvZLTk41mSRroapUA",
        1_562_265_296,
    ),
    (
        "eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA",
        1_562_262_618,
    ),
];

fn claims() -> String {
    json!({ "jti": "-BwC3ESc6acc2lTc", "htm": "POST", "htu": "https://server.example.com/token", "iat": 1 })
        .to_string()
}

/// A proof of `signer`, as an honest client writes it.
fn header(signer: &dyn JwsSigner, jwk: &Jwk) -> Value {
    json!({ "typ": DPOP_TYP, "alg": signer.algorithm(), "jwk": bare(jwk) })
}

/// The key without `use`, `alg` and `kid`.
fn bare(jwk: &Jwk) -> Value {
    let mut json = jwk.to_json();
    json.as_object_mut().unwrap().retain(|member, _| !["use", "alg", "kid"].contains(&member.as_str()));
    json
}

fn read(proof: &str) -> Result<Proof, Reason> {
    proof::verify(proof, DPOP_TYP, &Algorithm::ALL).map_err(|rejected| rejected.reason().clone())
}

/// What becomes of a proof whose header was changed before it was signed.
fn changed(change: impl Fn(&mut Value)) -> Result<Proof, Reason> {
    let ec = EcKey::new();
    let mut header = header(&ec, &ec.jwk);
    change(&mut header);
    read(&forge(&ec, &header.to_string(), &claims()))
}

#[test]
fn rfc_9449s_examples_verify_and_have_the_thumbprint_it_prints() {
    for (rest, iat) in EXAMPLES {
        let proof = read(&format!("{HEADER}.{rest}")).unwrap();
        assert_eq!((proof.key.thumbprint().as_str(), proof.algorithm), (THUMBPRINT, Algorithm::Es256));
        assert_eq!(proof.claims["iat"], iat);
        assert!(proof.claims["htu"].is_string() && proof.claims["htm"].is_string());
    }
    let [(one, _), (other, _), _] = EXAMPLES;
    let (payload, signature) = (one.split_once('.').unwrap().0, other.split_once('.').unwrap().1);
    assert_eq!(read(&format!("{HEADER}.{payload}.{signature}")).unwrap_err(), Reason::Signature);
}

#[test]
fn a_holder_of_any_kind_of_key_proves_it() {
    let (ec, ed, sm2) = (EcKey::new(), EdKey::new(), Sm2Key::new());
    let [ps256, rs256] = [Algorithm::Ps256, Algorithm::Rs256].map(RsaKey::new);
    let signers: [(&dyn JwsSigner, &Jwk); Algorithm::ALL.len()] =
        [(&ec, &ec.jwk), (&ed, &ed.jwk), (&sm2, &sm2.jwk), (&ps256, &ps256.jwk), (&rs256, &rs256.jwk)];
    for (signer, jwk) in signers {
        let token = forge(signer, &header(signer, jwk).to_string(), &claims());
        let proof = read(&token).unwrap();
        assert_eq!((proof.key.thumbprint(), proof.algorithm), (jwk.thumbprint(), signer.algorithm()));
        assert_eq!(Value::Object(proof.claims).to_string(), claims());

        let others: Vec<Algorithm> =
            Algorithm::ALL.into_iter().filter(|algorithm| *algorithm != signer.algorithm()).collect();
        let refused = proof::verify(&token, DPOP_TYP, &others).unwrap_err();
        assert_eq!(refused.to_string(), "token rejected");
        assert_eq!(refused.reason(), &Reason::AlgorithmNotAccepted { got: signer.algorithm() });
    }
}

#[test]
fn a_proof_is_of_its_type() {
    for typ in ["dpop+jwt", "application/dpop+jwt", "DPOP+JWT"] {
        assert!(changed(|h| h["typ"] = typ.into()).is_ok(), "{typ}");
    }
    for typ in ["JWT", "at+jwt", "", "dpop"] {
        let got = Some(typ.to_owned());
        assert_eq!(changed(|h| h["typ"] = typ.into()).unwrap_err(), Reason::Type { got }, "{typ}");
    }
    let without = changed(|h| drop(h.as_object_mut().unwrap().remove("typ")));
    assert_eq!(without.unwrap_err(), Reason::Type { got: None });
    assert_eq!(changed(|h| h["typ"] = json!(["dpop+jwt"])).unwrap_err(), Reason::Form(FormError::Malformed));
}

#[test]
fn the_key_is_a_public_one_and_for_the_algorithm() {
    let private = |member| Reason::OwnKey(JwkError::PrivateMember { member });
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert_eq!(changed(|h| h["jwk"][member] = json!("AA")).unwrap_err(), private(member));
    }
    let oct = json!({ "kty": "oct", "k": "AAAA" });
    assert_eq!(changed(|h| h["jwk"] = oct.clone()).unwrap_err(), private("k"));

    let own = |error| Reason::OwnKey(error);
    for bad in [json!(null), json!("key"), json!([]), json!(7)] {
        assert_eq!(changed(|h| h["jwk"] = bad.clone()).unwrap_err(), own(JwkError::Malformed), "{bad}");
    }
    let without = changed(|h| drop(h.as_object_mut().unwrap().remove("jwk")));
    assert_eq!(without.unwrap_err(), own(JwkError::Malformed));
    for (member, value) in [("kty", "oct"), ("crv", "P-521"), ("use", "enc"), ("alg", "ES384")] {
        let refused = changed(|h| h["jwk"][member] = json!(value)).unwrap_err();
        assert_eq!(refused, own(JwkError::Unsupported { member }), "{member}");
    }
    assert_eq!(changed(|h| h["jwk"]["x"] = json!("AA")).unwrap_err(), own(JwkError::Member { member: "x" }));

    let ed = EdKey::new();
    let expected = Algorithm::EdDsa.alone();
    let refused = changed(|h| h["jwk"] = bare(&ed.jwk)).unwrap_err();
    assert_eq!(refused, Reason::AlgorithmOfAnotherKey { expected, got: Algorithm::Es256 });
    assert_eq!(changed(|h| h["jwk"] = bare(&EcKey::new().jwk)).unwrap_err(), Reason::Signature);
}

#[test]
fn a_point_off_the_curve_proves_nothing() {
    let off = changed(|h| h["jwk"]["y"] = h["jwk"]["x"].clone());
    assert_eq!(off.unwrap_err(), Reason::Signature);
    // The zero point under a signature of zeros.
    let zero = base64url(&[0; 32]);
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": zero, "y": zero });
    let header = json!({ "typ": DPOP_TYP, "alg": "ES256", "jwk": jwk }).to_string();
    let input = format!("{}.{}", base64url(header.as_bytes()), base64url(claims().as_bytes()));
    assert_eq!(read(&format!("{input}.{}", base64url(&[0; 64]))).unwrap_err(), Reason::Signature);
}

#[test]
fn other_keys_and_rules_are_refused_beside_it() {
    for (member, value) in [
        ("jku", json!("https://evil.example/keys")),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
        ("p2c", json!(1)),
    ] {
        let refused = changed(|h| h[member] = value.clone()).unwrap_err();
        assert_eq!(refused, Reason::Form(FormError::RefusedMember { member }));
    }
    assert!(changed(|h| h["kid"] = json!("passed over")).is_ok());
    for alg in ["none", "HS256", "ES384", ""] {
        let refused = changed(|h| h["alg"] = json!(alg)).unwrap_err();
        assert!(matches!(refused, Reason::Form(FormError::Algorithm(_))), "{alg}");
    }
}

#[test]
fn a_proof_has_a_form_and_an_end() {
    let ec = EcKey::new();
    let good = forge(&ec, &header(&ec, &ec.jwk).to_string(), &claims());
    for at in 0..good.len() {
        let mut other = good.clone().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        assert!(read(&String::from_utf8(other).unwrap()).is_err(), "{at}");
        assert!(read(&good[..at]).is_err(), "{at}");
    }
    let long = "A".repeat(PROOF_MAX_BYTES + 1);
    let too_long = |limit, got| Reason::Form(FormError::TooLong { limit, got });
    assert_eq!(read(&long).unwrap_err(), too_long(PROOF_MAX_BYTES, PROOF_MAX_BYTES + 1));
    let wide = changed(|h| h["jwk"]["x5t"] = json!("A".repeat(2_000))).unwrap_err();
    assert!(matches!(wide, Reason::Form(FormError::TooLong { limit: 2_048, .. })));
    for bad in ["", "[]", "null", r#"{"jti":"1","jti":"2"}"#] {
        let proof = forge(&ec, &header(&ec, &ec.jwk).to_string(), bad);
        assert_eq!(read(&proof).unwrap_err(), Reason::Claims, "{bad}");
    }
    let twice = header(&ec, &ec.jwk).to_string().replacen("\"crv\"", "\"crv\":\"P-384\",\"crv\"", 1);
    assert_eq!(read(&forge(&ec, &twice, &claims())).unwrap_err(), Reason::Form(FormError::Malformed));
}
