//! Claims about the person (OpenID Connect Core, 5.1 and 5.3).

use serde_json::Value;

use crate::op::clients::is_json;
use crate::op::finding::{Finding, fail, info, warn};
use crate::op::kit::http::Reply;
use crate::op::kit::now;

/// The kinds of value that claims have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Address,
    Date,
    Flag,
    Number,
    Object,
}

/// The standard claims (5.1).
pub(crate) const STANDARD_CLAIMS: &[(&str, Kind)] = &[
    ("sub", Kind::Text),
    ("name", Kind::Text),
    ("given_name", Kind::Text),
    ("family_name", Kind::Text),
    ("middle_name", Kind::Text),
    ("nickname", Kind::Text),
    ("preferred_username", Kind::Text),
    ("profile", Kind::Address),
    ("picture", Kind::Address),
    ("website", Kind::Address),
    ("email", Kind::Text),
    ("email_verified", Kind::Flag),
    ("gender", Kind::Text),
    ("birthdate", Kind::Date),
    ("zoneinfo", Kind::Text),
    ("locale", Kind::Text),
    ("phone_number", Kind::Text),
    ("phone_number_verified", Kind::Flag),
    ("address", Kind::Object),
    ("updated_at", Kind::Number),
];

/// Claims of ID tokens that are not about the person, and those that refer to others.
const PROTOCOL: &[&str] = &[
    "iss",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "azp",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
    "verified_claims",
    "_claim_names",
    "_claim_sources",
];

/// The members of `address` (5.1.1).
const ADDRESS: &[&str] = &["formatted", "street_address", "locality", "region", "postal_code", "country"];

/// The claims that each scope asks for (5.4).
pub(crate) fn claims_of(scope: &str) -> &'static [&'static str] {
    match scope {
        "profile" => &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
        "email" => &["email", "email_verified"],
        "address" => &["address"],
        "phone" => &["phone_number", "phone_number_verified"],
        _ => &[],
    }
}

/// The envelope of an answer in JSON (5.3.2).
pub(crate) fn envelope(reply: &Reply) -> Vec<Finding> {
    vec![
        fail("EnsureHttpStatusCodeIs200", "OIDCC 5.3.2")
            .holds(reply.status == 200, || format!("expected 200, got {}", reply.brief())),
        is_json(reply, fail("EnsureContentTypeJson", "OIDCC 5.3.2")),
    ]
}

/// Everything that is looked at in every answer.
pub(crate) fn standard(claims: &Value, id_token_sub: Option<&str>) -> Vec<Finding> {
    let sub = claims.get("sub").and_then(Value::as_str);
    vec![
        fail("ValidateUserInfoStandardClaims", "OIDCC 5.1").result(claims_well_formed(claims)),
        fail("EnsureUserInfoContainsSub", "OIDCC 5.3.2")
            .holds(sub.is_some_and(|sub| !sub.is_empty()), || format!("expected `sub`, got {claims}")),
        updated_at(claims, "EnsureUserInfoUpdatedAtValid"),
        claim_sources(claims),
        fail("VerifyUserInfoAndIdTokenInTokenEndpointSameSub", "OIDCC 5.3.2").equal(sub, id_token_sub),
    ]
}

/// Every standard claim that is there has the right kind of value, and none is empty or null (5.1, 5.3.2).
pub(crate) fn claims_well_formed(claims: &Value) -> Result<(), String> {
    for (name, kind) in STANDARD_CLAIMS {
        if let Some(value) = claims.get(name)
            && !well_formed(value, *kind)
        {
            return Err(format!("expected `{name}` as {kind:?}, got {value}"));
        }
    }
    Ok(())
}

fn well_formed(value: &Value, kind: Kind) -> bool {
    let text = value.as_str().filter(|text| !text.trim().is_empty() && !text.eq_ignore_ascii_case("null"));
    match kind {
        Kind::Text => text.is_some(),
        Kind::Address => text.is_some_and(|text| url::Url::parse(text).is_ok()),
        Kind::Date => text.is_some_and(is_birthdate),
        Kind::Flag => value.is_boolean(),
        Kind::Number => value.is_number(),
        Kind::Object => value.as_object().is_some_and(|members| {
            let known = members.iter().filter(|(name, _)| ADDRESS.contains(&name.as_str()));
            !members.is_empty() && known.into_iter().all(|(_, value)| well_formed(value, Kind::Text))
        }),
    }
}

/// `YYYY-MM-DD` with a year that may be 0000, or `YYYY` (5.1).
fn is_birthdate(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |part: &&str, digits: usize, most: u16| {
        part.len() == digits && part.parse::<u16>().is_ok_and(|value| value <= most)
    };
    match parts.as_slice() {
        [year] => number(year, 4, 2100),
        [year, month, day] => number(year, 4, 2100) && number(month, 2, 12) && number(day, 2, 31),
        _ => false,
    }
}

/// `updated_at`, when there, is a time in seconds that has come (5.1).
pub(crate) fn updated_at(claims: &Value, name: &'static str) -> Finding {
    let value = claims.get("updated_at");
    let seconds = value.and_then(Value::as_f64);
    #[expect(clippy::cast_precision_loss, reason = "a time in seconds is far below 2^52")]
    let now = now() as f64;
    fail(name, "OIDCC 5.1")
        .holds(value.is_none() || seconds.is_some_and(|at| at > 0.0 && at <= now + 300.0), || {
            format!("expected seconds since 1970, got {value:?}")
        })
}

/// OpenID Connect Core, 5.6.2: what `_claim_names` refers to is in `_claim_sources`.
fn claim_sources(claims: &Value) -> Finding {
    let names = claims.get("_claim_names").and_then(Value::as_object);
    let sources = claims.get("_claim_sources").and_then(Value::as_object);
    let referred = names.into_iter().flatten().filter_map(|(_, source)| source.as_str());
    let missing: Vec<&str> =
        referred.filter(|s| sources.is_none_or(|known| !known.contains_key(*s))).collect();
    fail("EnsureMemberValuesInClaimNameReferenceToMemberNamesInClaimSources", "OIDCC 5.6.2")
        .holds(missing.is_empty(), || format!("expected sources {missing:?}, got none"))
}

/// The claims of the scopes came, and none of a scope that was not asked for (5.4).
pub(crate) fn claims_of_scopes(claims: &Value, scopes: &[&str]) -> Vec<Finding> {
    let expected: Vec<&str> = scopes.iter().flat_map(|scope| claims_of(scope)).copied().collect();
    let missing: Vec<&&str> = expected.iter().filter(|name| claims.get(name).is_none()).collect();
    let all_scopes = ["profile", "email", "address", "phone"];
    let foreign =
        all_scopes.iter().flat_map(|scope| claims_of(scope)).filter(|name| !expected.contains(name));
    let unasked: Vec<&&str> = foreign.filter(|name| claims.get(name).is_some()).collect();
    let got: Vec<&String> = claims.as_object().into_iter().flatten().map(|(name, _)| name).collect();
    vec![
        warn("VerifyScopesReturnedInUserInfoClaims", "OIDCC 5.4")
            .holds(missing.is_empty(), || format!("expected also {missing:?}, got {got:?}")),
        info("CheckForUnrequestedClaimsInUserInfo", "OIDCC 5.4")
            .holds(unasked.is_empty(), || format!("expected no {unasked:?}, got {got:?}")),
    ]
}

/// Claims that no standard names (5.1; RFC 7519, 4.1; Back-Channel Logout, 2.1 for `sid`).
pub(crate) fn nothing_unknown(claims: &Value, name: &'static str) -> Finding {
    let is_known = |claim: &&str| {
        STANDARD_CLAIMS.iter().any(|(standard, _)| standard == claim) || PROTOCOL.contains(claim)
    };
    let names = claims.as_object().into_iter().flatten().map(|(claim, _)| claim.as_str());
    let unknown: Vec<&str> = names.filter(|claim| !is_known(claim)).collect();
    warn(name, "OIDCC 5.1")
        .holds(unknown.is_empty(), || format!("expected standard claims, got also {unknown:?}"))
}

/// A claim is there, or is not.
pub(crate) fn contains(claims: &Value, claim: &str, there: bool, name: &'static str) -> Finding {
    warn(name, "OIDCC 5.5, 5.5.1").holds(claims.get(claim).is_some() == there, || {
        format!("expected `{claim}` to be {}, got {claims}", if there { "there" } else { "absent" })
    })
}
