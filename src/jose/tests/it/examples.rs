//! The examples that the standards print.

use base::Timestamp;
use jose::{Algorithm, Audience, Expect, Jwk, JwkError, Jwks, KeySet, Reason, Type};

/// RFC 7515, A.2.1 and A.3.1: the same claims under two algorithms.
const CLAIMS: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

const A2_KEY: &str = r#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#;

const A2_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

const A3_KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

const A3_SIGNATURE: &str =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

fn joe_in_2011() -> Expect<'static> {
    Expect {
        typ: Type::Plain,
        issuer: "joe",
        audience: Audience::Any,
        now: Timestamp::from_unix_seconds(1_300_819_379),
        leeway_seconds: 0,
        ahead_seconds: 0,
        algorithms: &Algorithm::INTERNATIONAL,
    }
}

#[test]
fn rfc_7515_a2_and_a3_verify_until_their_hour() {
    let rs256 = format!("eyJhbGciOiJSUzI1NiJ9.{CLAIMS}.{A2_SIGNATURE}");
    let es256 = format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}.{A3_SIGNATURE}");
    for (token, key) in [(rs256, A2_KEY), (es256, A3_KEY)] {
        let mut keys = KeySet::new();
        keys.insert(&Jwk::from_json(key.as_bytes()).unwrap()).unwrap();
        let verified = keys.verify(&token, &joe_in_2011()).unwrap();
        assert_eq!(verified.text("iss"), Some("joe"));
        assert_eq!(verified.claims.get("http://example.com/is_root"), Some(&true.into()));

        let later = Expect { now: Timestamp::from_unix_seconds(1_300_819_380), ..joe_in_2011() };
        let at = Timestamp::from_unix_seconds(1_300_819_380);
        assert_eq!(keys.verify(&token, &later).unwrap_err().reason(), &Reason::Expired { at });
        assert!(keys.verify_ignoring_expiry(&token, &later).is_ok());
    }
}

#[test]
fn rfc_7515_a1s_symmetric_key_and_a3s_private_key_are_refused() {
    let symmetric = br#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
    assert_eq!(Jwk::from_json(symmetric), Err(JwkError::PrivateMember { member: "k" }));
    let private = A3_KEY.replace('}', r#","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#);
    assert_eq!(Jwk::from_json(private.as_bytes()), Err(JwkError::PrivateMember { member: "d" }));
}

const RFC_7638_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

#[test]
fn rfc_7638_section_3_1s_thumbprint_comes_out() {
    let json = format!(r#"{{"kty":"RSA","n":"{RFC_7638_N}","e":"AQAB","alg":"RS256","kid":"2011-04-29"}}"#);
    let jwk = Jwk::from_json(json.as_bytes()).unwrap();
    assert_eq!(jwk.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_eq!(jwk.kid(), Some("2011-04-29"));
    let through_der = Jwk::from_public(&jwk.to_public().unwrap()).unwrap();
    assert_eq!(through_der.kid(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
    assert_eq!(through_der.with_kid("2011-04-29").only_for(Algorithm::Rs256), Ok(jwk));
}

#[test]
fn rfc_7517_a1s_set_gives_its_signing_key_and_passes_over_the_encryption_key() {
    let json = format!(
        r#"{{"keys":[
            {{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
              "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"}},
            {{"kty":"RSA","n":"{RFC_7638_N}","e":"AQAB","alg":"RS256","kid":"2011-04-29"}}]}}"#
    );
    let set = Jwks::from_json(json.as_bytes()).unwrap();
    assert_eq!(set.keys().iter().map(Jwk::kid).collect::<Vec<_>>(), [Some("2011-04-29")]);
}
