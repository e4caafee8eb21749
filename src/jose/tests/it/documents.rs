//! The two published key documents, and those that others publish.

use jose::{Algorithm, Jwk, JwkError, Jwks, KeySet, KeySetError};
use serde_json::{Value, json};

use crate::actors::{EcKey, EdKey, RsaKey, Sm2Key};

#[test]
fn an_sm2_key_never_stands_in_the_ordinary_document() {
    let (ec, sm2) = (EcKey::new().jwk, Sm2Key::new().jwk);
    let all = [ec.clone(), sm2.clone()];
    let ordinary = Jwks::international(all.clone());
    let national = Jwks::national(all);
    assert_eq!((ordinary.keys(), national.keys()), ([ec].as_slice(), [sm2].as_slice()));
    assert!(!ordinary.to_json().to_string().contains("SM2"));
    for document in [ordinary, national] {
        assert_eq!(Jwks::from_json(document.to_json().to_string().as_bytes()), Ok(document.clone()));
        assert_eq!(serde_json::to_value(&document).unwrap(), document.to_json());
    }
}

#[test]
fn a_published_key_says_what_it_is_for_and_nothing_secret() {
    let json = EcKey::new().jwk.to_json();
    let mut names: Vec<&String> = json.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    assert_eq!((&json["use"], &json["alg"]), (&"sig".into(), &"ES256".into()));
}

#[test]
fn an_rsa_key_says_its_algorithm_when_it_has_one() {
    let rsa = RsaKey::new(Algorithm::Ps256).jwk;
    assert_eq!(rsa.algorithms(), [Algorithm::Ps256, Algorithm::Rs256]);
    assert_eq!(rsa.to_json().get("alg"), None);
    for algorithm in [Algorithm::Ps256, Algorithm::Rs256] {
        let one = rsa.clone().only_for(algorithm).unwrap();
        assert_eq!(
            (one.algorithms(), &one.to_json()["alg"]),
            (algorithm.alone(), &algorithm.as_str().into())
        );
        assert_eq!(one.thumbprint(), rsa.thumbprint());
        assert_eq!(Jwk::from_json(one.to_json().to_string().as_bytes()), Ok(one.clone()));
        assert_eq!(one.only_for(Algorithm::Es256), Err(JwkError::Unsupported { member: "alg" }));
    }
    let mut json = rsa.to_json();
    for alg in ["ES256", "PS384", "RSA-OAEP", ""] {
        json["alg"] = alg.into();
        let read = Jwk::from_json(json.to_string().as_bytes());
        assert_eq!(read, Err(JwkError::Unsupported { member: "alg" }), "{alg}");
    }
}

#[test]
fn an_ed25519_key_survives_both_its_forms() {
    let jwk = EdKey::new().jwk;
    let json = jwk.to_json();
    assert_eq!(
        (&json["kty"], &json["crv"], &json["alg"]),
        (&"OKP".into(), &"Ed25519".into(), &"EdDSA".into())
    );
    assert_eq!(json.get("y"), None);
    assert_eq!(Jwk::from_json(json.to_string().as_bytes()), Ok(jwk.clone()));
    assert_eq!(Jwk::from_public(&jwk.to_public().unwrap()), Ok(jwk.clone()));
    let read = |member: &str, value: Value| {
        let mut json = jwk.to_json();
        json[member] = value;
        Jwk::from_json(json.to_string().as_bytes())
    };
    assert_eq!(read("alg", json!("Ed25519")), Ok(jwk.clone()));
    for x in ["", "AA", "A"] {
        assert_eq!(read("x", json!(x)), Err(JwkError::Member { member: "x" }), "{x}");
    }
    assert_eq!(read("crv", json!("X25519")), Err(JwkError::Unsupported { member: "crv" }));
    let spki = jwk.to_public().unwrap().to_spki_der();
    let of = |spki_der: &[u8]| {
        Jwk::from_public(&pki::PublicKey::Other { algorithm_oid: String::new(), spki_der: spki_der.to_vec() })
    };
    for bad in [&spki[..43], &[&spki[..], &[0]].concat(), &[]] {
        assert_eq!(of(bad), Err(JwkError::Unsupported { member: "kty" }));
    }
}

#[test]
fn a_key_verifies_bytes_as_it_verifies_tokens() {
    use jose::JwsSigner;
    let (ec, ed, sm2, rsa) = (EcKey::new(), EdKey::new(), Sm2Key::new(), RsaKey::new(Algorithm::Ps256));
    let signers: [(&dyn JwsSigner, &Jwk); 4] =
        [(&ec, &ec.jwk), (&ed, &ed.jwk), (&sm2, &sm2.jwk), (&rsa, &rsa.jwk)];
    for (signer, jwk) in signers {
        let signature = signer.sign(b"message").unwrap();
        for algorithm in Algorithm::ALL {
            let holds = jwk.verifies(algorithm, b"message", &signature);
            assert_eq!(holds, algorithm == signer.algorithm());
        }
        assert!(!jwk.verifies(signer.algorithm(), b"massage", &signature));
        assert!(!jwk.verifies(signer.algorithm(), b"message", &[]));
    }
}

fn changed(change: impl Fn(&mut Value)) -> Result<Jwk, JwkError> {
    let mut json = EcKey::new().jwk.to_json();
    change(&mut json);
    Jwk::from_json(json.to_string().as_bytes())
}

#[test]
fn private_members_are_refused_wherever_they_stand() {
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        for value in [json!("AA"), json!(7), json!([])] {
            assert_eq!(changed(|j| j[member] = value.clone()), Err(JwkError::PrivateMember { member }));
        }
        let mut other_kind = json!({ "kty": "OKP", "crv": "Ed448", "x": "AA" });
        other_kind[member] = json!("AA");
        let set = json!({ "keys": [EcKey::new().jwk.to_json(), other_kind] }).to_string();
        assert_eq!(Jwks::from_json(set.as_bytes()), Err(JwkError::PrivateMember { member }));
    }
}

#[test]
fn bad_values_are_refused_and_foreign_kinds_are_passed_over() {
    assert_eq!(changed(|j| j["x"] = json!("AA")), Err(JwkError::Member { member: "x" }));
    assert_eq!(changed(|j| j["y"] = json!("!")), Err(JwkError::Member { member: "y" }));
    assert_eq!(changed(|j| j["y"] = json!(null)), Err(JwkError::Member { member: "y" }));
    assert_eq!(changed(|j| j["kid"] = json!("k".repeat(257))), Err(JwkError::Member { member: "kid" }));
    assert_eq!(changed(|j| j["kty"] = json!(1)), Err(JwkError::Malformed));
    assert_eq!(changed(|j| j["use"] = json!("enc")), Err(JwkError::Unsupported { member: "use" }));
    assert_eq!(changed(|j| j["alg"] = json!("RS256")), Err(JwkError::Unsupported { member: "alg" }));
    assert_eq!(changed(|j| j["alg"] = json!("SM2")), Err(JwkError::Unsupported { member: "alg" }));
    assert_eq!(changed(|j| j["crv"] = json!("P-384")), Err(JwkError::Unsupported { member: "crv" }));
    assert_eq!(
        changed(|j| j["key_ops"] = json!(["encrypt"])),
        Err(JwkError::Unsupported { member: "key_ops" })
    );
    assert!(changed(|j| j["key_ops"] = json!(["verify"])).is_ok());
    assert!(changed(|j| j["x5c"] = json!(["MIIB"])).is_ok());

    let short_rsa = json!({ "kty": "RSA", "n": "w".repeat(171), "e": "AQAB" });
    let ed448 = json!({ "kty": "OKP", "crv": "Ed448", "x": "AA", "kid": "1" });
    let own = EcKey::new().jwk;
    let set = json!({ "keys": [short_rsa, ed448, own.to_json()] }).to_string();
    assert_eq!(Jwks::from_json(set.as_bytes()).unwrap().keys(), [own]);
}

#[test]
fn an_rsa_exponent_that_weakens_or_slows_is_refused() {
    let n = format!("{}Q", "w".repeat(341));
    for e in ["AQ", "Ag", "AA", "", "BAAB", "____________"] {
        let json = json!({ "kty": "RSA", "n": n, "e": e }).to_string();
        assert!(Jwk::from_json(json.as_bytes()).is_err() || e == "BAAB", "{e}");
    }
    let huge = json!({ "kty": "RSA", "n": format!("{}Q", "w".repeat(1_365)), "e": "AQAB" }).to_string();
    assert_eq!(Jwk::from_json(huge.as_bytes()), Err(JwkError::Unsupported { member: "n" }));
}

#[test]
fn a_set_has_distinct_identifiers_and_an_end() {
    let key = EcKey::new().jwk.with_kid("one");
    let twice = json!({ "keys": [key.to_json(), EcKey::new().jwk.with_kid("one").to_json()] }).to_string();
    assert_eq!(Jwks::from_json(twice.as_bytes()), Err(JwkError::DuplicateKid { kid: "one".to_owned() }));
    let mut set = KeySet::new();
    assert_eq!(set.insert(&key), Ok(()));
    assert_eq!(set.insert(&key), Err(KeySetError::DuplicateKid { kid: "one".to_owned() }));
    assert!(set.remove("one") && !set.remove("one"));

    let many = json!({ "keys": vec![json!({ "kty": "OKP" }); 65] }).to_string();
    assert_eq!(Jwks::from_json(many.as_bytes()), Err(JwkError::TooMany { limit: 64, got: 65 }));
    let long = format!(r#"{{"keys":[],"pad":"{}"}}"#, "a".repeat(262_144));
    assert_eq!(Jwks::from_json(long.as_bytes()), Err(JwkError::Malformed));
    let arrays_for_objects = ["[[]]", r#"{"keys":[["EC","sig",null,null,"1","P-256"]]}"#];
    let others = ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[1]}"#, r#"{"keys":[],"keys":[]}"#];
    for bad in others.iter().chain(&arrays_for_objects) {
        assert_eq!(Jwks::from_json(bad.as_bytes()), Err(JwkError::Malformed), "{bad}");
    }
    assert_eq!(Jwks::from_json(br#"{"keys":[]}"#), Ok(Jwks::default()));
}
