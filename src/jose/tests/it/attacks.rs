//! What an attacker sends: every one is refused, and the operator sees which rule it broke.

use base::encoding::base64url;
use jose::algorithm::UnknownAlgorithm;
use jose::{Algorithm, Expect, FormError, JwsSigner, KeySet, Reason, Type};

use crate::actors::{EcKey, EdKey, RsaKey, Sm2Key, access_token, at_noon, forge, good_claims, keys, refusal};

fn stage() -> (EcKey, Sm2Key, KeySet) {
    let (ec, sm2) = (EcKey::new(), Sm2Key::new());
    let set = keys(&[&ec.jwk, &sm2.jwk]);
    (ec, sm2, set)
}

fn header(alg: &str, key: &EcKey, more: &str) -> String {
    format!(r#"{{"alg":"{alg}","typ":"at+jwt","kid":"{}"{more}}}"#, key.jwk.kid().unwrap())
}

#[test]
fn an_honest_token_passes_and_carries_what_was_signed() {
    let (ec, ed, sm2) = (EcKey::new(), EdKey::new(), Sm2Key::new());
    let [ps256, rs256] = [Algorithm::Ps256, Algorithm::Rs256].map(RsaKey::new);
    let set = keys(&[&ec.jwk, &ed.jwk, &sm2.jwk, &ps256.jwk]);
    let signers: [&dyn JwsSigner; Algorithm::ALL.len()] = [&ec, &ps256, &ed, &rs256, &sm2];
    assert_eq!(signers.map(JwsSigner::algorithm), Algorithm::ALL);
    for signer in signers {
        let verified = set.verify(&access_token(signer, &good_claims()), &at_noon()).unwrap();
        assert_eq!(serde_json::Value::Object(verified.claims), good_claims());
        assert_eq!(verified.header.typ.as_deref(), Some("at+jwt"));
    }
}

#[test]
fn algorithms_outside_the_list_are_refused_in_every_spelling() {
    let (ec, _, set) = stage();
    let claims = good_claims().to_string();
    for alg in
        ["none", "None", "nOnE", "NONE", "HS256", "HS512", "ES384", "PS384", "Ed448", "es256", "sm2", ""]
    {
        let signed = forge(&ec, &header(alg, &ec, ""), &claims);
        let bare = format!("{}.", signed.rsplit_once('.').unwrap().0);
        for token in [signed, bare] {
            let reason = refusal(&set, &token, &at_noon());
            let unknown = UnknownAlgorithm { got: alg.to_owned() };
            assert_eq!(reason, Reason::Form(FormError::Algorithm(unknown)));
        }
    }
}

#[test]
fn the_public_key_is_not_an_hmac_secret() {
    let (ec, _, set) = stage();
    let input = format!(
        "{}.{}",
        base64url(header("HS256", &ec, "").as_bytes()),
        base64url(good_claims().to_string().as_bytes())
    );
    let secret = ec.jwk.to_public().unwrap().to_spki_der();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret);
    let token = format!("{input}.{}", base64url(ring::hmac::sign(&key, input.as_bytes()).as_ref()));
    assert!(matches!(refusal(&set, &token, &at_noon()), Reason::Form(FormError::Algorithm(_))));
}

#[test]
fn the_algorithm_is_the_keys_and_not_the_headers() {
    let (ec, sm2, set) = stage();
    let claims = good_claims().to_string();
    for got in [Algorithm::Ps256, Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Sm2Sm3] {
        let token = forge(&ec, &header(got.as_str(), &ec, ""), &claims);
        let expected = Algorithm::Es256.alone();
        assert_eq!(refusal(&set, &token, &at_noon()), Reason::AlgorithmOfAnotherKey { expected, got });
    }
    let as_ecdsa = header("ES256", &ec, "").replace(ec.jwk.kid().unwrap(), sm2.jwk.kid().unwrap());
    let token = forge(&sm2, &as_ecdsa, &claims);
    let (expected, got) = (Algorithm::Sm2Sm3.alone(), Algorithm::Es256);
    assert_eq!(refusal(&set, &token, &at_noon()), Reason::AlgorithmOfAnotherKey { expected, got });

    let national_only = Expect { algorithms: &[Algorithm::Sm2Sm3], ..at_noon() };
    let reason = refusal(&set, &access_token(&ec, &good_claims()), &national_only);
    assert_eq!(reason, Reason::AlgorithmNotAccepted { got: Algorithm::Es256 });
}

#[test]
fn an_rsa_key_is_for_what_it_says_and_the_reader_accepts() {
    let [ps256, rs256] = [Algorithm::Ps256, Algorithm::Rs256].map(RsaKey::new);
    let of = |signer: &RsaKey| access_token(signer, &good_claims());
    let both = keys(&[&ps256.jwk]);
    for (signer, other) in [(&ps256, Algorithm::Rs256), (&rs256, Algorithm::Ps256)] {
        let got = signer.algorithm;
        let only = |algorithm| keys(&[&ps256.jwk.clone().only_for(algorithm).unwrap()]);
        assert!(both.verify(&of(signer), &at_noon()).is_ok());
        assert!(only(got).verify(&of(signer), &at_noon()).is_ok());
        let expected = other.alone();
        let reason = refusal(&only(other), &of(signer), &at_noon());
        assert_eq!(reason, Reason::AlgorithmOfAnotherKey { expected, got });
        let other_accepted = Expect { algorithms: expected, ..at_noon() };
        assert_eq!(refusal(&both, &of(signer), &other_accepted), Reason::AlgorithmNotAccepted { got });

        // The signature under the one padding is none under the other.
        let kid = ps256.jwk.kid().unwrap();
        let relabelled = format!(r#"{{"alg":"{other}","typ":"at+jwt","kid":"{kid}"}}"#);
        let token = forge(signer, &relabelled, &good_claims().to_string());
        assert_eq!(refusal(&both, &token, &at_noon()), Reason::Signature);
    }
}

#[test]
fn an_ed25519_token_goes_under_either_name() {
    let ed = EdKey::new();
    let kid = ed.jwk.kid().unwrap();
    for alg in ["EdDSA", "Ed25519"] {
        let header = format!(r#"{{"alg":"{alg}","typ":"at+jwt","kid":"{kid}"}}"#);
        let token = forge(&ed, &header, &good_claims().to_string());
        assert_eq!(
            keys(&[&ed.jwk]).verify(&token, &at_noon()).unwrap().header.algorithm,
            Algorithm::EdDsa,
            "{alg}"
        );
    }
}

#[test]
fn keys_and_rules_that_the_sender_brings_along_are_refused() {
    let (ec, _, set) = stage();
    let claims = good_claims().to_string();
    let embedded = format!(r#","jwk":{}"#, ec.jwk.to_json());
    for (member, more) in [
        ("jwk", embedded.as_str()),
        ("jku", r#","jku":"https://evil.example/keys""#),
        ("x5u", r#","x5u":"https://evil.example/cert""#),
        ("x5c", r#","x5c":["MIIB"]"#),
        ("crit", r#","crit":["exp"]"#),
        ("crit", r#","crit":[]"#),
        ("b64", r#","b64":false"#),
        ("b64", r#","b64":true"#),
        ("zip", r#","zip":"DEF""#),
        ("enc", r#","enc":"A128GCM""#),
        ("p2c", r#","p2c":2000000000"#),
    ] {
        let token = forge(&ec, &header("ES256", &ec, more), &claims);
        let reason = refusal(&set, &token, &at_noon());
        assert_eq!(reason, Reason::Form(FormError::RefusedMember { member }), "{more}");
    }
    // A member that changes nothing is passed over (RFC 7515, 4).
    let token = forge(&ec, &header("ES256", &ec, r#","x5t":"AAAA","x-note":1"#), &claims);
    assert!(set.verify(&token, &at_noon()).is_ok());
}

#[test]
fn a_kid_is_a_name_and_nothing_else() {
    let (ec, _, set) = stage();
    let claims = good_claims().to_string();
    for kid in ["../../../dev/null", "' OR 1=1 --", "", "key\\u0000", "/proc/self/environ"] {
        let token = forge(&ec, &format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}"}}"#), &claims);
        assert!(matches!(refusal(&set, &token, &at_noon()), Reason::UnknownKey { kid: Some(_) }), "{kid}");
    }
    let long = "k".repeat(257);
    let token = forge(&ec, &format!(r#"{{"alg":"ES256","kid":"{long}"}}"#), &claims);
    assert!(matches!(refusal(&set, &token, &at_noon()), Reason::Form(FormError::TooLong { limit: 256, .. })));
    for kid in ["7", "null", "[]"] {
        let token = forge(&ec, &format!(r#"{{"alg":"ES256","kid":{kid}}}"#), &claims);
        assert_eq!(refusal(&set, &token, &at_noon()), Reason::Form(FormError::Malformed), "{kid}");
    }
}

#[test]
fn without_a_kid_there_must_be_one_key_it_can_mean() {
    let (ec, sm2, set) = stage();
    let claims = good_claims().to_string();
    let token = forge(&ec, r#"{"alg":"ES256","typ":"at+jwt"}"#, &claims);
    assert!(set.verify(&token, &at_noon()).is_ok());
    let two = keys(&[&ec.jwk, &EcKey::new().jwk, &sm2.jwk]);
    assert_eq!(refusal(&two, &token, &at_noon()), Reason::UnknownKey { kid: None });
    assert_eq!(refusal(&KeySet::new(), &token, &at_noon()), Reason::UnknownKey { kid: None });
}

#[test]
fn another_key_of_the_same_kind_does_not_verify() {
    let (ec, sm2, _) = stage();
    let claims = good_claims();
    let impostors = keys(&[
        &EcKey::new().jwk.with_kid(ec.jwk.kid().unwrap()),
        &Sm2Key::new().jwk.with_kid(sm2.jwk.kid().unwrap()),
    ]);
    assert_eq!(refusal(&impostors, &access_token(&ec, &claims), &at_noon()), Reason::Signature);
    assert_eq!(refusal(&impostors, &access_token(&sm2, &claims), &at_noon()), Reason::Signature);
}

#[test]
fn repeated_names_are_refused_in_header_and_claims() {
    let (ec, sm2, set) = stage();
    let kid = ec.jwk.kid().unwrap();
    let twice = format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}","alg":"none"}}"#);
    let token = forge(&ec, &twice, &good_claims().to_string());
    assert_eq!(refusal(&set, &token, &at_noon()), Reason::Form(FormError::Malformed));

    let claims = good_claims().to_string().replacen('{', r#"{"sub":"admin","#, 1);
    let token = forge(&ec, &header("ES256", &ec, ""), &claims);
    assert_eq!(refusal(&set, &token, &at_noon()), Reason::Claims);
    let national = format!(r#"{{"alg":"SM2","typ":"at+jwt","kid":"{}"}}"#, sm2.jwk.kid().unwrap());
    assert_eq!(refusal(&set, &forge(&sm2, &national, &claims), &at_noon()), Reason::Claims);
}

#[test]
fn payloads_that_are_no_claims_are_refused() {
    let (ec, _, set) = stage();
    for payload in ["", "[]", "null", "\"x\"", "{", "{}{}", "\u{feff}{}", "eyJhbGciOiJub25lIn0.e30."] {
        let token = forge(&ec, &header("ES256", &ec, ""), payload);
        assert_eq!(refusal(&set, &token, &at_noon()), Reason::Claims, "{payload}");
    }
}

#[test]
fn other_forms_than_three_parts_are_refused() {
    let (ec, _, set) = stage();
    let good = access_token(&ec, &good_claims());
    let json_form = format!(r#"{{"protected":"{good}","payload":"e30","signature":"AA"}}"#);
    let (input, signature) = good.rsplit_once('.').unwrap();
    let malformed = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        input.to_owned(),
        format!("{good}.x"),
        format!("{good}.."),
        format!("{good}.a.b"),
        format!(" {good}"),
        format!("{input}=.{signature}").replacen('.', "=.", 1),
        good.replacen('.', "..", 1),
        json_form,
        "印.信.章".to_owned(),
    ];
    for token in malformed {
        assert_eq!(refusal(&set, &token, &at_noon()), Reason::Form(FormError::Malformed), "{token}");
    }
    for token in
        [format!("{input}."), format!("{good}="), format!("{good} "), format!("{good}\n"), format!("{good}A")]
    {
        assert_eq!(refusal(&set, &token, &at_noon()), Reason::Signature, "{token}");
    }
}

#[test]
fn long_tokens_and_headers_are_refused_unread() {
    let (ec, _, set) = stage();
    let token = "A".repeat(20_000_000);
    let reason = refusal(&set, &token, &at_noon());
    assert_eq!(reason, Reason::Form(FormError::TooLong { limit: 16_384, got: 20_000_000 }));
    let more = format!(r#","x":"{}""#, "a".repeat(2_000));
    let token = forge(&ec, &header("ES256", &ec, &more), &good_claims().to_string());
    assert!(matches!(
        refusal(&set, &token, &at_noon()),
        Reason::Form(FormError::TooLong { limit: 2_048, .. })
    ));
}

#[test]
fn no_changed_character_and_no_cut_passes() {
    let (ec, ed, sm2, rsa) = (EcKey::new(), EdKey::new(), Sm2Key::new(), RsaKey::new(Algorithm::Ps256));
    let set = keys(&[&ec.jwk, &ed.jwk, &sm2.jwk, &rsa.jwk]);
    let signers: [&dyn JwsSigner; 4] = [&ec, &ed, &sm2, &rsa];
    for token in signers.map(|signer| access_token(signer, &good_claims())) {
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(set.verify(&changed, &at_noon()).is_err(), "{at}");
            assert!(set.verify(&token[..at], &at_noon()).is_err(), "{at}");
        }
    }
}

#[test]
fn a_token_of_one_type_never_passes_for_another() {
    let (ec, _, set) = stage();
    let claims = good_claims().to_string();
    let kid = ec.jwk.kid().unwrap();
    let of_type = |typ: Option<&str>| {
        let typ = typ.map(|typ| format!(r#","typ":"{typ}""#)).unwrap_or_default();
        forge(&ec, &format!(r#"{{"alg":"ES256","kid":"{kid}"{typ}}}"#), &claims)
    };
    for same in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        assert!(set.verify(&of_type(Some(same)), &at_noon()).is_ok(), "{same}");
    }
    for other in
        [None, Some("JWT"), Some("logout+jwt"), Some("text/at+jwt"), Some("application/application/at+jwt")]
    {
        assert!(matches!(refusal(&set, &of_type(other), &at_noon()), Reason::Type { .. }), "{other:?}");
    }
    let id_token = Expect { typ: Type::Plain, ..at_noon() };
    assert!(set.verify(&of_type(None), &id_token).is_ok());
    assert!(set.verify(&of_type(Some("jwt")), &id_token).is_ok());
    assert!(matches!(refusal(&set, &of_type(Some("at+jwt")), &id_token), Reason::Type { .. }));
    let either = Expect { typ: Type::IsOrPlain("at+jwt"), ..at_noon() };
    for typ in [None, Some("JWT"), Some("at+jwt"), Some("application/AT+JWT")] {
        assert!(set.verify(&of_type(typ), &either).is_ok(), "{typ:?}");
    }
    assert!(matches!(refusal(&set, &of_type(Some("dpop+jwt")), &either), Reason::Type { .. }));
}

#[test]
fn a_stranger_learns_nothing_from_the_refusal() {
    let (ec, _, set) = stage();
    let good = access_token(&ec, &good_claims());
    let cut = good.rsplit_once('.').unwrap().0;
    for token in [cut, "x", &format!("{cut}.{}", base64url(&[0; 64]))] {
        assert_eq!(set.verify(token, &at_noon()).unwrap_err().to_string(), "token rejected");
    }
}
