//! What we encrypt to clients: read by a reader that reads what the RFCs print, and by a library that others wrote.

mod holder;
mod others;

use base::OsEntropy;
use jose::jwe::{
    ContentEncryption, EncryptError, EncryptionKey, EncryptionKeys, Header, KeyManagement,
    PLAINTEXT_MAX_BYTES, encrypt,
};
use jose::{JwkError, jwt};
use serde_json::{Value, json};

use crate::actors::{EcKey, good_claims};
use holder::Holder;

/// RFC 7516, A.1: RSA-OAEP and A256GCM.
const A1_KEY: &str = r#"{"kty":"RSA","n":"oahUIoWw0K0usKNuOR6H4wkf4oBUXHTxRvgb48E-BVvxkeDNjbC4he8rUWcJoZmds2h7M70imEVhRU5djINXtqllXI4DFqcI1DgjT9LewND8MW2Krf3Spsk_ZkoFnilakGygTwpZ3uesH-PFABNIUYpOiN15dsQRkgr0vEhxN92i2asbOenSZeyaxziK72UwxrrKoExv6kc5twXTq4h-QChLOln0_mtUZwfsRaMStPs6mS6XrgxnxbWhojf663tuEQueGC-FCMfra36C9knDFGzKsNa7LZK2djYgyD3JR_MB_4NUJW_TqOQtwHYbxevoJArm-L5StowjzGy-_bq6Gw","e":"AQAB"}"#;
const A1_D: &str = "kLdtIj6GbDks_ApCSTYQtelcNttlKiOyPzMrXHeI-yk1F7-kpDxY4-WY5NWV5KntaEeXS1j82E375xxhWMHXyvjYecPT9fpwR_M9gV8n9Hrh2anTpTD93Dt62ypW3yDsJzBnTnrYu1iwWRgBKrEYY46qAZIrA2xAwnm2X7uGR1hghkqDp0Vqj3kbSCz1XyfCs6_LehBwtxHIyh8Ripy40p24moOAbgxVw3rxT_vlt3UVe4WO3JkJOzlpUf-KTVI2Ptgm-dARxTEtE-id-4OJr0h-K-VFs3VSndVTIznSxfyrj8ILL6MG_Uv8YAu7VILSB3lOW085-4qE3DzgrTjgyQ";
const A1: &str = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGeipsEdY3mx_etLbbWSrFr05kLzcSr4qKAq7YN7e9jwQRb23nfa6c9d-StnImGyFDbSv04uVuxIp5Zms1gNxKKK2Da14B8S4rzVRltdYwam_lDp5XnZAYpQdb76FdIKLaVmqgfwX7XWRxv2322i-vDxRfqNzo_tETKzpVLzfiwQyeyPGLBIO56YJ7eObdv0je81860ppamavo35UgoRdbYaBcoh9QcfylQr66oc6vFWXRcZ_ZT2LawVCWTIy3brGPi6UklfCpIMfIjf7iGdXKHzg.48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A.XFBoMYUZodetZdvTiFvSkQ";

/// RFC 7520, 5.5: ECDH-ES on P-256 and A128CBC-HS256.
const MERRY_KEY: &str = r#"{"kty":"EC","kid":"meriadoc.brandybuck@buckland.example","use":"enc","crv":"P-256","x":"Ze2loSV3wrroKUN_4zhwGhCqo3Xhu1td4QjeQ5wIVR0","y":"HlLtdXARY_f55A3fnzQbPcm6hgr34Mp8p-nuzQCE0Zw"}"#;
const MERRY_D: &str = "r_kHyZ-a06rmxM3yESK84r1otSg-aQcVStkRhA-iCM8";
const TO_MERRY: &str = "eyJhbGciOiJFQ0RILUVTIiwia2lkIjoibWVyaWFkb2MuYnJhbmR5YnVja0BidWNrbGFuZC5leGFtcGxlIiwiZXBrIjp7Imt0eSI6IkVDIiwiY3J2IjoiUC0yNTYiLCJ4IjoibVBVS1RfYkFXR0hJaGcwVHBqanFWc1AxclhXUXVfdndWT0hIdE5rZFlvQSIsInkiOiI4QlFBc0ltR2VBUzQ2ZnlXdzVNaFlmR1RUMElqQnBGdzJTUzM0RHY0SXJzIn0sImVuYyI6IkExMjhDQkMtSFMyNTYifQ..yc9N8v5sYyv3iGQT926IUg.BoDlwPnTypYq-ivjmQvAYJLb5Q6l-F3LIgQomlz87yW4OPKbWE1zSTEFjDfhU9IPIOSA9Bml4m7iDFwA-1ZXvHteLDtw4R1XRGMEsDIqAYtskTTmzmzNa-_q4F_evAPUmwlO-ZG45Mnq4uhM1fm_D9rBtWolqZSF3xGNNkpOMQKF1Cl8i8wjzRli7-IXgyirlKQsbhhqRzkv8IcY6aHl24j03C-AR2le1r7URUhArM79BY8soZU0lzwI-sD5PZ3l4NDCCei9XkoIAfsXJWmySPoeRb2Ni5UZL4mYpvKDiwmyzGd65KqVw7MsFfI_K767G9C9Azp73gKZD0DyUn1mn0WW5LmyX_yJ-3AROq8p1WZBfG-ZyJ6195_JGG2m9Csg.WCCkNa-x4BeB9hIDIfFuhg";

fn key(jwk: &Value) -> Result<EncryptionKey, JwkError> {
    EncryptionKey::from_json(jwk.to_string().as_bytes())
}

#[test]
fn the_reader_reads_what_the_rfcs_print() {
    let a1 = Holder::rsa(A1_KEY, A1_D);
    let (header, plaintext) = a1.reads(A1).unwrap();
    assert_eq!(header, json!({ "alg": "RSA-OAEP", "enc": "A256GCM" }));
    assert_eq!(plaintext, b"The true sign of intelligence is not knowledge but imagination.");

    let (header, plaintext) = Holder::p256(MERRY_D).reads(TO_MERRY).unwrap();
    assert_eq!((&header["alg"], &header["enc"]), (&"ECDH-ES".into(), &"A128CBC-HS256".into()));
    assert!(
        plaintext.starts_with(b"You can trust us") && plaintext.ends_with(b"We are your friends, Frodo.")
    );
}

#[test]
fn the_keys_of_the_rfcs_are_read_and_encrypted_to() {
    for (holder, jwk) in [(Holder::rsa(A1_KEY, A1_D), A1_KEY), (Holder::p256(MERRY_D), MERRY_KEY)] {
        let key = EncryptionKey::from_json(jwk.as_bytes()).unwrap();
        for alg in key.algorithms() {
            let token =
                encrypt(&key, *alg, ContentEncryption::default(), &Header::default(), b"x", &OsEntropy);
            let (header, plaintext) = holder.reads(&token.unwrap()).unwrap();
            assert_eq!((header["kid"].as_str(), plaintext.as_slice()), (key.kid(), b"x".as_slice()));
        }
    }
}

#[test]
fn every_holder_reads_what_is_encrypted_to_it_in_every_way() {
    let lengths = [0, 1, 15, 16, 17, 4_096];
    for holder in Holder::one_of_each_kind() {
        let key = key(&holder.jwk).unwrap();
        for (alg, enc) in key.algorithms().iter().flat_map(|a| ContentEncryption::ALL.map(|e| (*a, e))) {
            let said = Header { typ: Some("JOSE"), cty: Some("JWT"), iss: None };
            for plaintext in lengths.map(|length| vec![b'x'; length]) {
                let token = encrypt(&key, alg, enc, &said, &plaintext, &OsEntropy).unwrap();
                let (header, read) = holder.reads(&token).unwrap();
                assert_eq!(read, plaintext, "{alg} {enc}");
                assert_eq!((&header["alg"], &header["enc"]), (&alg.as_str().into(), &enc.as_str().into()));
                assert_eq!((&header["typ"], &header["cty"]), (&"JOSE".into(), &"JWT".into()));
                assert_eq!(header["kid"], holder.jwk["kid"]);
                assert_eq!(header.get("epk").is_some(), alg.as_str().starts_with("ECDH-ES"));
            }
        }
    }
}

#[test]
fn nothing_is_used_twice_and_nothing_may_be_changed() {
    let holder = Holder::one_of_each_kind().remove(0);
    let key = key(&holder.jwk).unwrap();
    for alg in key.algorithms() {
        let make = || {
            encrypt(&key, *alg, ContentEncryption::A256Gcm, &Header::default(), b"same", &OsEntropy).unwrap()
        };
        let [one, other] = [make(), make()];
        // A key that was agreed differs in our half, which the header has; every other reaches its holder in the second part.
        let first = if *alg == KeyManagement::EcdhEs { 2 } else { 1 };
        for part in first..5 {
            assert_ne!(one.split('.').nth(part), other.split('.').nth(part), "{alg}, part {part}");
        }
        let [one_epk, other_epk] = [&one, &other].map(|token| holder.reads(token).unwrap().0["epk"].clone());
        assert_ne!(one_epk, other_epk);
        for at in 0..one.len() {
            let mut changed = one.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(holder.reads(&String::from_utf8(changed).unwrap()), None, "{alg}, {at}");
        }
    }
}

#[test]
fn a_signed_token_goes_inside() {
    let (ec, holder) = (EcKey::new(), Holder::one_of_each_kind().remove(1));
    let signed = jwt::sign(&ec, "JWT", &good_claims()).unwrap();
    let header = Header { typ: None, cty: Some("JWT"), iss: None };
    let key = key(&holder.jwk).unwrap();
    let alg = key.algorithms()[0];
    let token =
        encrypt(&key, alg, ContentEncryption::A128Gcm, &header, signed.as_bytes(), &OsEntropy).unwrap();
    assert_eq!(holder.reads(&token).unwrap().1, signed.as_bytes());
}

#[test]
fn a_key_is_for_its_algorithms_and_no_others() {
    for holder in Holder::one_of_each_kind() {
        let open = key(&holder.jwk).unwrap();
        for alg in KeyManagement::ALL {
            let mut jwk = holder.jwk.clone();
            jwk["alg"] = alg.as_str().into();
            let encrypts =
                |key| encrypt(key, alg, ContentEncryption::A128Gcm, &Header::default(), b"x", &OsEntropy);
            if open.algorithms().contains(&alg) {
                assert_eq!(key(&jwk).unwrap().algorithms(), alg.alone());
                assert!(encrypts(&open).is_ok());
            } else {
                assert_eq!(key(&jwk), Err(JwkError::Unsupported { member: "alg" }));
                assert_eq!(encrypts(&open), Err(EncryptError::AlgorithmOfAnotherKey { alg }));
            }
        }
    }
}

#[test]
fn nothing_is_encrypted_to_a_point_that_is_none() {
    let zero = base::encoding::base64url(&[0; 32]);
    let off = json!({ "kty": "EC", "crv": "P-256", "x": zero, "y": zero });
    let null = json!({ "kty": "OKP", "crv": "X25519", "x": zero });
    for key in [off, null].map(|jwk| key(&jwk).unwrap()) {
        for alg in key.algorithms() {
            let refused =
                encrypt(&key, *alg, ContentEncryption::default(), &Header::default(), b"x", &OsEntropy);
            assert_eq!(refused, Err(EncryptError::Recipient { alg: *alg }));
        }
    }
    let sm2 = json!({ "kty": "EC", "crv": "SM2", "x": zero, "y": zero });
    assert_eq!(key(&sm2), Err(JwkError::Member { member: "x" }));
}

#[test]
fn a_plaintext_has_an_end() {
    let key = EncryptionKey::from_json(MERRY_KEY.as_bytes()).unwrap();
    let encrypts = |length: usize| {
        let plaintext = vec![0; length];
        let enc = ContentEncryption::A128Gcm;
        encrypt(&key, KeyManagement::EcdhEs, enc, &Header::default(), &plaintext, &OsEntropy).map(drop)
    };
    assert_eq!(encrypts(PLAINTEXT_MAX_BYTES), Ok(()));
    let got = PLAINTEXT_MAX_BYTES + 1;
    assert_eq!(encrypts(got), Err(EncryptError::TooLong { limit: PLAINTEXT_MAX_BYTES, got }));
}

#[test]
fn encryption_keys_are_found_among_a_clients_keys() {
    let signing = EcKey::new().jwk.to_json();
    let [mut rsa, mut ec]: [Value; 2] = [A1_KEY, MERRY_KEY].map(|key| serde_json::from_str(key).unwrap());
    let keys = |keys: Vec<&Value>| EncryptionKeys::from_json(json!({ "keys": keys }).to_string().as_bytes());
    rsa["kid"] = "open".into();
    let mut named = rsa.clone();
    named["kid"] = "named".into();
    named["alg"] = "RSA-OAEP-256".into();

    let found = keys(vec![&signing, &rsa, &named, &ec]).unwrap();
    assert_eq!(found.keys().len(), 3, "the signing key is passed over");
    let kid = |alg| found.find(alg).and_then(EncryptionKey::kid);
    assert_eq!(kid(KeyManagement::RsaOaep256), Some("named"), "the key that says so goes first");
    assert_eq!(kid(KeyManagement::RsaOaep), Some("open"));
    assert_eq!(kid(KeyManagement::EcdhEsA256Kw), Some("meriadoc.brandybuck@buckland.example"));
    assert_eq!(kid(KeyManagement::Sm2), None);

    ec["key_ops"] = json!(["verify"]);
    assert_eq!(keys(vec![&ec]).unwrap(), EncryptionKeys::default());
    ec["key_ops"] = json!(["deriveBits"]);
    assert_eq!(keys(vec![&ec]).unwrap().keys().len(), 1);
    ec["d"] = MERRY_D.into();
    assert_eq!(keys(vec![&signing, &ec]).unwrap_err(), JwkError::PrivateMember { member: "d" });
    let many = vec![&signing; 65];
    assert_eq!(keys(many).unwrap_err(), JwkError::TooMany { limit: 64, got: 65 });
    for bad in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[1]}"#, r#"{"keys":[["EC"]]}"#] {
        assert_eq!(EncryptionKeys::from_json(bad.as_bytes()), Err(JwkError::Malformed), "{bad}");
    }
}
