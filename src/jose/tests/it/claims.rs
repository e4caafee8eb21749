//! Issuer, audience and times.

use base::Timestamp;
use jose::{Audience, Expect, Reason};
use serde_json::{Value, json};

use crate::actors::{AUDIENCE, EcKey, access_token, at_noon, good_claims, keys, noon, refusal};

/// What becomes of a token whose claim `name` is `value`, or is missing.
fn with_claim(name: &str, value: Option<Value>, expect: &Expect<'_>) -> Result<(), Reason> {
    let ec = EcKey::new();
    let mut claims = good_claims();
    let members = claims.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    let token = access_token(&ec, &claims);
    let set = keys(&[&ec.jwk]);
    if set.verify(&token, expect).is_ok() { Ok(()) } else { Err(refusal(&set, &token, expect)) }
}

#[test]
fn the_issuer_is_compared_exactly() {
    for other in ["https://id.example.gov.cn/", "https://ID.example.gov.cn", "", "https://evil.example"] {
        let got = other.to_owned();
        assert_eq!(with_claim("iss", Some(json!(other)), &at_noon()), Err(Reason::Issuer { got }));
    }
    for bad in [None, Some(json!(null)), Some(json!(["https://id.example.gov.cn"])), Some(json!(1))] {
        assert_eq!(with_claim("iss", bad, &at_noon()), Err(Reason::Claim { claim: "iss" }));
    }
}

#[test]
fn the_audience_is_a_text_or_a_list_of_texts() {
    for good in [json!(AUDIENCE), json!([AUDIENCE]), json!(["other", AUDIENCE])] {
        assert_eq!(with_claim("aud", Some(good), &at_noon()), Ok(()));
    }
    for other in [json!("other"), json!([]), json!(["other"]), json!("fu-an-tax ")] {
        assert_eq!(with_claim("aud", Some(other), &at_noon()), Err(Reason::Audience));
    }
    for bad in [None, Some(json!(null)), Some(json!({"fu-an-tax": 1})), Some(json!([AUDIENCE, 1]))] {
        assert_eq!(with_claim("aud", bad, &at_noon()), Err(Reason::Claim { claim: "aud" }));
    }
    let own_look = Expect { audience: Audience::Any, ..at_noon() };
    assert_eq!(with_claim("aud", Some(json!("other")), &own_look), Ok(()));
}

#[test]
fn an_assertion_for_one_server_names_no_other() {
    let alone = Expect { audience: Audience::Is(AUDIENCE), ..at_noon() };
    assert_eq!(with_claim("aud", Some(json!(AUDIENCE)), &alone), Ok(()));
    for other in [json!("other"), json!(""), json!("fu-an-tax/")] {
        assert_eq!(with_claim("aud", Some(other), &alone), Err(Reason::Audience));
    }
    for bad in [None, Some(json!([AUDIENCE])), Some(json!([AUDIENCE, "other"])), Some(json!([]))] {
        assert_eq!(with_claim("aud", bad, &alone), Err(Reason::Claim { claim: "aud" }));
    }
}

#[test]
fn a_token_lives_until_its_hour_and_the_leeway_no_longer() {
    let now = noon().unix_seconds();
    assert_eq!(with_claim("exp", Some(json!(now - 9)), &at_noon()), Ok(()));
    let at = Timestamp::from_unix_seconds(now - 10);
    assert_eq!(with_claim("exp", Some(json!(now - 10)), &at_noon()), Err(Reason::Expired { at }));
    assert_eq!(with_claim("exp", Some(json!(now as f64 + 1.5)), &at_noon()), Ok(()));
}

#[test]
fn times_that_are_no_times_are_refused() {
    let bad = [
        json!(null),
        json!("1795507200"),
        json!(-1),
        json!(1e300),
        json!(-1e300),
        json!(u64::MAX),
        json!(i64::MAX),
        json!(253_402_300_800_i64),
        json!(true),
        json!([1_795_507_200]),
    ];
    for value in bad {
        for claim in ["exp", "nbf", "iat"] {
            let outcome = with_claim(claim, Some(value.clone()), &at_noon());
            assert_eq!(outcome, Err(Reason::Claim { claim }), "{value}");
        }
    }
    assert_eq!(with_claim("exp", None, &at_noon()), Err(Reason::Claim { claim: "exp" }));
    assert_eq!(with_claim("nbf", None, &at_noon()), Ok(()));
    assert_eq!(with_claim("iat", None, &at_noon()), Ok(()));
}

#[test]
fn a_token_from_the_future_waits() {
    let now = noon().unix_seconds();
    for claim in ["nbf", "iat"] {
        assert_eq!(with_claim(claim, Some(json!(now + 10)), &at_noon()), Ok(()));
        let at = Timestamp::from_unix_seconds(now + 11);
        assert_eq!(with_claim(claim, Some(json!(now + 11)), &at_noon()), Err(Reason::NotYetValid { at }));
    }
}

#[test]
fn how_late_and_how_early_a_token_may_be_are_two_things() {
    let now = noon().unix_seconds();
    let expect = Expect { leeway_seconds: 0, ahead_seconds: 60, ..at_noon() };
    assert_eq!(with_claim("nbf", Some(json!(now + 60)), &expect), Ok(()));
    let at = Timestamp::from_unix_seconds(now + 61);
    assert_eq!(with_claim("nbf", Some(json!(now + 61)), &expect), Err(Reason::NotYetValid { at }));
    let at = Timestamp::from_unix_seconds(now);
    assert_eq!(with_claim("exp", Some(json!(now)), &expect), Err(Reason::Expired { at }));
}

#[test]
fn a_hint_may_have_expired_but_nothing_else_about_it_may_be_wrong() {
    let ec = EcKey::new();
    let set = keys(&[&ec.jwk]);
    let mut claims = good_claims();
    claims["exp"] = json!(noon().unix_seconds() - 1_000_000);
    let token = access_token(&ec, &claims);
    assert!(set.verify(&token, &at_noon()).is_err());
    let hint = set.verify_ignoring_expiry(&token, &at_noon()).unwrap();
    assert_eq!(hint.text("sub"), Some("usr_1"));
    assert_eq!(hint.time("exp"), Some(noon().plus_seconds(-1_000_000)));

    let elsewhere = Expect { issuer: "https://evil.example", ..at_noon() };
    assert!(set.verify_ignoring_expiry(&token, &elsewhere).is_err());
    claims["exp"] = json!("never");
    let reason = set.verify_ignoring_expiry(&access_token(&ec, &claims), &at_noon()).unwrap_err();
    assert_eq!(reason.reason(), &Reason::Claim { claim: "exp" });
}
