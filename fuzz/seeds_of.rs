//! The seeds: what the product makes, small, and the same in every run.

use std::sync::LazyLock;

use base::encoding::base64url;
use jose::jws::{JwsSigner, compact};
use jose::{Algorithm, Jwk};
use pki::Signer;
use pki::der::write;
use pki::issue::Profile;
use serde_json::{Value, json};

use crate::authority::{Key, NOW};
use crate::cast::{self, Cast, SM2_WITH_SM3};
use crate::{as_text, seeds_of_gm, stamp};

pub(crate) type Seed = (&'static str, &'static str, Vec<u8>);

/// Target, name and content of each seed.
pub fn seeds() -> Vec<Seed> {
    let mut all = Vec::new();
    certificates_and_seals(&mut all);
    tokens(&mut all);
    proofs_and_key_sets(&mut all);
    texts(&mut all);
    seeds_of_gm::add(&mut all);
    all
}

fn certificates_and_seals(all: &mut Vec<Seed>) {
    let cast = Cast::new().unwrap();
    let (authority, bureau) = (&cast.authority, &cast.bureau);
    let esl = cast.seal().unwrap();
    let ofd = cast::sealed(&esl, bureau, &cast.online(), NOW).unwrap().unwrap();
    let package = document::ofd::Package::open(&ofd).unwrap();
    let part = |end: &str| package.files().find(|(name, _)| name.ends_with(end)).unwrap().1.to_vec();
    let stamper = authority.certify(Profile::TimeStamping, "时间戳服务").unwrap();
    let token = stamp::token(&esl, NOW, &stamper).unwrap();

    for (name, certificate) in [
        ("root", &authority.root.certificate),
        ("issuing", &authority.issuing.certificate),
        ("maker", &cast.maker.certificate),
        ("time_stamping", &stamper.certificate),
    ] {
        all.push(("certificate", name, certificate.der().to_vec()));
    }
    all.push(("der", "certificate", bureau.certificate.der().to_vec()));
    all.push(("der", "seal", esl.clone()));
    all.push(("cms", "time_stamp", token));
    all.push(("cms", "signed", plain_signature(&cast)));
    all.push(("ses_seal", "seal", esl.clone()));
    all.push(("ses_seal", "signature", part("/SignedValue.dat")));
    all.push(("verify_file", "seal", esl));
    for target in ["ofd_package", "verify_file"] {
        all.push((target, "sealed_zip", ofd.clone()));
        all.push((target, "sealed_text", as_text(&ofd)));
    }
}

/// A signed message of GB/T 35275 over `message`, content inside.
fn plain_signature(cast: &Cast) -> Vec<u8> {
    let id = |dotted: &str| write::oid(&pki::der::ObjectIdentifier::new(dotted).unwrap());
    let (data, signed_data) = (id("1.2.156.10197.6.1.4.2.1"), id("1.2.156.10197.6.1.4.2.2"));
    let sm3 = write::sequence(&[id(pki::oid::SM3)]);
    let certificate = &cast.bureau.certificate;
    let signer = write::sequence(&[
        write::integer(1),
        write::sequence(&[certificate.issuer_der().to_vec(), write::unsigned_integer(certificate.serial())]),
        sm3.clone(),
        write::sequence(&[write::oid(&SM2_WITH_SM3)]),
        write::octet_string(&cast.bureau.key.sign(b"message").unwrap()),
    ]);
    let content = write::sequence(&[
        write::integer(1),
        write::set_of(&[sm3]),
        write::sequence(&[data, write::explicit(0, &write::octet_string(b"message"))]),
        write::explicit(0, certificate.der()),
        write::set_of(&[signer]),
    ]);
    write::sequence(&[signed_data, write::explicit(0, &content)])
}

/// A key that signs tokens under SM2.
struct TokenKey(Key, String);

impl JwsSigner for TokenKey {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Sm2Sm3
    }

    fn kid(&self) -> &str {
        &self.1
    }

    fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, jose::SignError> {
        let der = self.0.sign(signing_input).unwrap();
        Ok(gm::sm2::Signature::from_der(&der).unwrap().to_bytes().to_vec())
    }
}

/// The public keys that the target `jws_verify` knows: SM2, and those of RFC 7515, A.2 and A.3.
pub fn jws_keys() -> [Jwk; 3] {
    let rsa = br#"{"kty":"RSA","kid":"rsa","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#;
    let ec = br#"{"kty":"EC","kid":"ec","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    let sm2 = Jwk::from_public(&Key::of("token").unwrap().public_key()).unwrap();
    [Jwk::from_json(rsa).unwrap(), Jwk::from_json(ec).unwrap(), sm2.with_kid("sm2")]
}

fn tokens(all: &mut Vec<Seed>) {
    const CLAIMS: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const A3: &str = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let key = TokenKey(Key::of("token").unwrap(), "sm2".into());
    let claims = format!(
        r#"{{"iss":"joe","aud":["a","b"],"exp":{},"iat":{}}}"#,
        NOW.unix_seconds() + 600,
        NOW.unix_seconds()
    );
    let sm2 = compact(&key, "JWT", claims.as_bytes()).unwrap();
    all.push(("jws_verify", "sm2", sm2.into_bytes()));
    all.push(("jws_verify", "es256", format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}.{A3}").into_bytes()));
    for (name, jwk) in ["rsa_key", "p256_key", "sm2_key"].into_iter().zip(jws_keys()) {
        all.push(("jws_verify", name, jwk.to_json().to_string().into_bytes()));
    }
}

/// A proof with this header, signed by the key that it should carry, and that key.
pub fn proof_with_header(header: &[u8]) -> (String, Jwk) {
    static KEY: LazyLock<(TokenKey, Jwk)> = LazyLock::new(|| {
        let key = Key::of("holder").unwrap();
        let jwk = Jwk::from_public(&key.public_key()).unwrap();
        (TokenKey(key, String::new()), jwk)
    });
    let (key, jwk) = &*KEY;
    let input = format!("{}.{}", base64url(header), base64url(b"{}"));
    let signature = key.sign(input.as_bytes()).unwrap();
    (format!("{input}.{}", base64url(&signature)), jwk.clone())
}

/// RFC 9449, 4.1: the example of a proof.
const DPOP_EXAMPLE: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";

/// Proofs, a header that is accepted, and key sets with keys to sign and to encrypt with.
fn proofs_and_key_sets(all: &mut Vec<Seed>) {
    let (_, jwk) = proof_with_header(b"");
    let header = json!({ "typ": "dpop+jwt", "alg": "SM2", "jwk": jwk.to_json() }).to_string();
    all.push(("jws_proof", "sm2", proof_with_header(header.as_bytes()).0.into_bytes()));
    all.push(("jws_proof", "sm2_header", header.into_bytes()));
    all.push(("jws_proof", "es256", DPOP_EXAMPLE.as_bytes().to_vec()));

    let keys = jws_keys().map(|jwk| jwk.to_json());
    let for_encryption = |mut key: Value, alg: &str| {
        key["use"] = "enc".into();
        key["alg"] = alg.into();
        key
    };
    let [rsa, ec, sm2] = keys.clone();
    let encryption = [
        for_encryption(rsa, "RSA-OAEP-256"),
        for_encryption(ec, "ECDH-ES"),
        for_encryption(sm2, jose::algorithm::NATIONAL.encryption_alg),
        // RFC 8037, A.6: the recipient's key.
        json!({ "kty": "OKP", "crv": "X25519", "x": "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08" }),
    ];
    let set = |keys: &[Value]| json!({ "keys": keys }).to_string().into_bytes();
    all.push(("client_jwks", "signing", set(&keys)));
    all.push(("client_jwks", "encryption", set(&encryption)));
    all.push(("client_jwks", "both", set(&[&keys[..], &encryption[..]].concat())));

    let id = "https://app.example.com/client.json";
    let document = json!({
        "client_id": id, "client_name": "Reading room", "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": ["https://app.example.com/cb", "http://127.0.0.1/cb", "com.example.app:/cb"],
        "response_types": ["code"], "scope": "openid profile", "token_endpoint_auth_method": "none",
    });
    all.push(("client_documents", "good", format!("{id}\n{document}").into_bytes()));
    all.push(("client_documents", "cache", b"max-age=600, public\n".to_vec()));
    let statement = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJpIiwiY2xpZW50X25hbWUiOiJFeGFtcGxlIn0.AAAA";
    all.push(("client_documents", "statement", statement.as_bytes().to_vec()));
}

/// The key of the log whose notes are the seeds of `checkpoint_note`.
pub fn log_key() -> audit::LogKey {
    let pki::PublicKey::Sm2(key) = Key::of("log").unwrap().public_key() else { unreachable!("an SM2 key") };
    audit::LogKey::new("id.fujian.example/log".parse().unwrap(), key)
}

fn texts(all: &mut Vec<Seed>) {
    let log = log_key();
    let entry = r#"{"actor":"usr","at":1795507200000000,"detail":{"n":1},"id":"log_01kag1yg000000000000000000","kind":"decision","subject":"s","v":1}"#;
    let root = audit::Hash::leaf(entry.as_bytes());
    let checkpoint = audit::Checkpoint::new(log.name().clone(), 1, root);
    let der = Key::of("log").unwrap().sign(checkpoint.text().as_bytes()).unwrap();
    let note = checkpoint.note(&log, &gm::sm2::Signature::from_der(&der).unwrap());
    let proof = audit::InclusionProof {
        leaf: audit::proof::Leaf::Hash(root),
        index: 0,
        hashes: Vec::new(),
        checkpoint: note.clone(),
    };
    all.push(("checkpoint_note", "note", note.into_bytes()));
    all.push(("checkpoint_note", "key", log.to_string().into_bytes()));
    all.push(("checkpoint_note", "proof", proof.to_json().to_string().into_bytes()));
    all.push(("checkpoint_note", "entry", entry.into()));
    for (name, text) in [
        (
            "good",
            "client_id=tax-web&redirect_uri=https%3A%2F%2Fapp.example%2Fcb%3Ftenant%3D1&response_type=code&scope=openid+profile&state=s%E5%8D%B0&nonce=n&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&prompt=login&max_age=10&acr_values=urn%3Ayinxin%3Aloa%3A2&ui_locales=zh-CN+en",
        ),
        (
            "phone",
            "client_id=fujian-app&redirect_uri=http%3A%2F%2F127.0.0.1%3A51004%2Fcb&response_type=code&scope=openid&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
        ),
        (
            "token",
            "grant_type=authorization_code&code=c&redirect_uri=https%3A%2F%2Fapp.example%2Fcb%3Ftenant%3D1&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&client_id=tax-web&client_secret=s",
        ),
        ("logout", "post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye&client_id=tax-web&state=x"),
        ("basic", "Basic dGF4LXdlYjphIHNlY3JldA=="),
    ] {
        all.push(("authorize_params", name, text.into()));
    }
    for (name, text) in [
        (
            "one",
            r#"{"subject":{"type":"user","id":"CiRmZDE2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"},"action":{"name":"can_update_todo"},"resource":{"type":"todo","id":"t","properties":{"ownerID":"morty@the-citadel.com"}},"context":{"a":[1,true,"x"]}}"#,
        ),
        (
            "many",
            r#"{"options":{"evaluations_semantic":"deny_on_first_deny"},"subject":{"type":"user","id":"CiRmZDMxNGQ"},"action":{"name":"can_read_todos"},"evaluations":[{"resource":{"type":"todo","id":"1"}},{},{"action":{"name":"can_read_user"},"resource":{"type":"user","id":"u"}}]}"#,
        ),
    ] {
        all.push(("authzen_json", name, text.into()));
    }
    for (name, text) in [
        ("identifier", "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U"),
        (
            "letters_from_eleven",
            "1.2.156.3005.2.11100000000013661B006.113700000045046442.209FA4E88F9E4C878F3E9BED2CE7EA49.001.M",
        ),
        ("resident", "11010519491231002X"),
        ("social_credit_code", "91350100M000100Y43"),
        ("date", "2026-11-24"),
    ] {
        all.push(("ecert_identifier", name, text.into()));
    }
}
