//! Software statements: what somebody whom the operator trusts says of a piece of software (RFC 7591, 2.3).
//!
//! What a statement says takes precedence over what the software says beside it (3.1.1), and cannot be changed without another statement.

use base::Timestamp;
use jose::{Audience, Expect, KeySet, Type};
use serde_json::{Map, Value};

use crate::authorize::request_object::{CLOCK_LEEWAY_SECONDS, client_algorithms};
use crate::client::ClientKeys;
use crate::error::{ErrorCode, OauthError};
use crate::issuer::Issuer;
use crate::scope;
use crate::self_registration::{MEMBERS, NAME, SCOPE, SCOPES};

/// The member that carries it.
pub const MEMBER: &str = "software_statement";
/// Longest statement, in bytes.
pub const STATEMENT_MAX_BYTES: usize = jose::jws::TOKEN_MAX_BYTES;
/// How many days ago a statement may have been made, unless its issuer's entry says otherwise.
pub const USUAL_AGE_MAX_DAYS: i64 = 365;
/// The most that an entry may say.
pub const AGE_MAX_DAYS: i64 = 3_650;
/// Most issuers.
pub const ISSUERS_MAX_COUNT: usize = 64;
const DAY_SECONDS: i64 = 86_400;
/// Longest issuer, in bytes.
const ISSUER_MAX_BYTES: usize = 512;

/// Somebody who may vouch for software.
#[derive(Debug, Clone)]
pub struct StatementIssuer {
    /// Its name, the statements' `iss`.
    pub issuer: String,
    /// What its statements are verified with.
    pub keys: ClientKeys,
    /// The members it may vouch for.
    pub members: Vec<String>,
    /// The scopes it may vouch for.
    pub scopes: Vec<String>,
    /// How many days ago its statements may have been made.
    pub age_max_days: i64,
}

impl StatementIssuer {
    /// Whether the entry makes sense; says what was expected otherwise.
    pub fn check(&self) -> Result<(), String> {
        let named =
            (1..=ISSUER_MAX_BYTES).contains(&self.issuer.len()) && !self.issuer.contains(char::is_control);
        if !named {
            return Err(format!("issuer: expected 1 to {ISSUER_MAX_BYTES} bytes without control characters"));
        }
        if matches!(self.keys, ClientKeys::None) {
            return Err("expected `jwks` (a file) or `jwks_uri`".to_owned());
        }
        let known = |member: &&String| is_member(member);
        if let Some(unknown) = self.members.iter().find(|member| !known(member)) {
            return Err(format!(
                "members: expected members of a registration that software may make, got `{unknown}`"
            ));
        }
        // The scopes of the province's own APIs are for officials to give, whoever vouches.
        if let Some(other) = self.scopes.iter().find(|token| !scope::KNOWN.contains(&token.as_str())) {
            return Err(format!("scopes: expected some of `{}`, got `{other}`", scope::KNOWN.join(" ")));
        }
        if !(1..=AGE_MAX_DAYS).contains(&self.age_max_days) {
            return Err(format!("max_age_days: expected 1 to {AGE_MAX_DAYS}, got {}", self.age_max_days));
        }
        Ok(())
    }

    /// What an entry that does not say may vouch for: everything that software may register.
    pub fn every_member() -> Vec<String> {
        MEMBERS.iter().chain([&NAME, &SCOPE]).map(|member| (*member).to_owned()).collect()
    }

    /// The scopes that an entry that does not say may vouch for: those that need nobody to.
    pub fn usual_scopes() -> Vec<String> {
        SCOPES.iter().map(|scope| (*scope).to_owned()).collect()
    }
}

fn is_member(name: &str) -> bool {
    name == NAME || name == SCOPE || MEMBERS.contains(&name)
}

/// What a statement vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// The statement itself, as it came.
    pub statement: String,
    /// Who made it.
    pub issuer: String,
    members: Map<String, Value>,
}

/// The issuer that `statement` names. Nothing of the statement is believed yet.
pub fn issuer_of<'a>(
    issuers: &'a [StatementIssuer],
    statement: &str,
) -> Result<&'a StatementIssuer, OauthError> {
    if statement.len() > STATEMENT_MAX_BYTES {
        return Err(invalid(&format!(
            "expected at most {STATEMENT_MAX_BYTES} bytes, got {}",
            statement.len()
        )));
    }
    let named = jose::jws::unverified_issuer(statement)
        .ok_or_else(|| invalid("expected a signed JWT with `iss`, in which no name comes twice"))?;
    let found = issuers.iter().find(|trusted| trusted.issuer == named);
    found.ok_or_else(|| unapproved("its issuer is not one that the operator lets vouch for software"))
}

/// What `statement` of `issuer`, whose keys are `keys`, vouches for.
///
/// Signed under an algorithm of the closed list, of no type or `JWT`, for this provider if it has an `aud` (an ID token of the same
/// issuer always has another one), made not too long ago (`iat`), not expired (`exp`, which it may leave out); and it says nothing that
/// its issuer may not vouch for. Source: RFC 7591, 2.3 and 3.1.1; RFC 8725, 3.
pub fn check(
    issuer: &StatementIssuer,
    statement: &str,
    keys: &KeySet,
    us: &Issuer,
    now: Timestamp,
) -> Result<Vouched, OauthError> {
    let algorithms = client_algorithms();
    let expect = Expect {
        typ: Type::Plain,
        issuer: &issuer.issuer,
        audience: Audience::Any,
        now,
        leeway_seconds: CLOCK_LEEWAY_SECONDS,
        ahead_seconds: CLOCK_LEEWAY_SECONDS,
        algorithms: &algorithms,
    };
    let verified = keys
        .verify_with_or_without_expiry(statement, &expect)
        .map_err(|rejected| invalid(&rejected.reason().to_string()))?;
    let made = verified.time("iat").ok_or_else(|| invalid("expected a time in `iat`"))?;
    if made.plus_seconds(issuer.age_max_days * DAY_SECONDS) <= now {
        return Err(invalid(&format!("expected one that was made at most {} days ago", issuer.age_max_days)));
    }
    let for_us = match verified.claims.get("aud") {
        None => true,
        Some(Value::String(one)) => one == us.as_str(),
        Some(Value::Array(many)) => many.iter().any(|one| one == us.as_str()),
        Some(_) => false,
    };
    if !for_us {
        return Err(invalid("expected this provider in `aud`, or no `aud`"));
    }
    let vouched = Vouched::of(statement, &issuer.issuer, &verified.claims);
    vouched.is_within(issuer)?;
    Ok(vouched)
}

/// What `statement`, which was verified when it was registered, vouches for; `None` when it is none.
pub fn registered(statement: &str) -> Option<Vouched> {
    let claims = jose::jws::unverified_claims(statement)?;
    let issuer = claims.get("iss")?.as_str()?.to_owned();
    Some(Vouched::of(statement, &issuer, &claims))
}

impl Vouched {
    fn of(statement: &str, issuer: &str, claims: &Map<String, Value>) -> Self {
        let said = claims.iter().filter(|(member, value)| is_member(member) && !value.is_null());
        let members = said.map(|(member, value)| (member.clone(), value.clone())).collect();
        Self { statement: statement.to_owned(), issuer: issuer.to_owned(), members }
    }

    fn is_within(&self, issuer: &StatementIssuer) -> Result<(), OauthError> {
        if let Some(member) = self.members.keys().find(|member| !issuer.members.contains(member)) {
            return Err(unapproved(&format!("its issuer may not vouch for `{member}` here")));
        }
        let Some(scope) = self.members.get(SCOPE) else { return Ok(()) };
        let scope = scope.as_str().ok_or_else(|| invalid("expected a text in `scope`"))?;
        let other =
            scope.split(' ').filter(|t| !t.is_empty()).find(|t| !issuer.scopes.iter().any(|s| s == t));
        match other {
            Some(other) => Err(unapproved(&format!("its issuer may not vouch for the scope `{other}` here"))),
            None => Ok(()),
        }
    }

    /// `members` as the software sent them, with what is vouched for in their place (RFC 7591, 3.1.1).
    ///
    /// A name in one language stands for all: who sends `client_name#en` beside a vouched `client_name` does not get another name.
    pub fn over(&self, members: Map<String, Value>) -> Map<String, Value> {
        let bare = |member: &str| member.split('#').next().unwrap_or_default().to_owned();
        let vouched: Vec<String> = self.members.keys().map(|member| bare(member)).collect();
        // Two ways to say the same: who vouches for one vouches for there being no other.
        let keys = ["jwks", "jwks_uri"];
        let about_keys = vouched.iter().any(|member| keys.contains(&member.as_str()));
        let is_vouched = |member: &String| {
            vouched.contains(&bare(member)) || (about_keys && keys.contains(&member.as_str()))
        };
        let beside = members.into_iter().filter(|(member, _)| !is_vouched(member));
        beside.chain(self.members.clone()).collect()
    }

    /// Whether it says anything of `member`.
    pub fn vouches_for(&self, member: &str) -> bool {
        self.members.contains_key(member)
    }

    /// The most scopes that software with this statement may have: those that are vouched for, or those that need nobody to.
    pub fn scopes(&self) -> Vec<&str> {
        match self.members.get(SCOPE).and_then(Value::as_str) {
            Some(vouched) => {
                scope::KNOWN.iter().copied().filter(|s| vouched.split(' ').any(|t| t == *s)).collect()
            }
            None => SCOPES.to_vec(),
        }
    }
}

/// What is wrong with the statement itself.
pub fn invalid(why: &str) -> OauthError {
    OauthError::new(ErrorCode::InvalidSoftwareStatement, format!("{MEMBER}: {why}"))
}

fn unapproved(why: &str) -> OauthError {
    OauthError::new(ErrorCode::UnapprovedSoftwareStatement, format!("{MEMBER}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn issuer() -> StatementIssuer {
        let at = "https://directory.example/keys".parse().unwrap();
        StatementIssuer {
            issuer: "https://directory.example".to_owned(),
            keys: ClientKeys::At(at),
            members: StatementIssuer::every_member(),
            scopes: StatementIssuer::usual_scopes(),
            age_max_days: USUAL_AGE_MAX_DAYS,
        }
    }

    #[test]
    fn what_is_vouched_for_takes_the_place_of_what_is_said_beside_it() {
        let vouched = Vouched::of(
            "s",
            "i",
            &object(json!({
                "client_name": "Hospital", "redirect_uris": ["https://hospital.example/cb"], "jwks_uri": "https://hospital.example/k",
                "iat": 1, "unheard_of": 1, "tos_uri": null,
            })),
        );
        let over = vouched.over(object(json!({
            "client_name": "Tax", "client_name#zh-CN": "税务局", "client_name#en": "Tax", "redirect_uris": ["https://evil.example/cb"],
            "jwks": { "keys": [] }, "tos_uri": "https://hospital.example/tos",
        })));
        assert_eq!(
            over,
            object(json!({
                "client_name": "Hospital", "redirect_uris": ["https://hospital.example/cb"], "jwks_uri": "https://hospital.example/k",
                "tos_uri": "https://hospital.example/tos",
            }))
        );
        let tagged = Vouched::of("s", "i", &object(json!({ "client_name#en": "Hospital" })));
        assert_eq!(
            tagged.over(object(json!({ "client_name": "税务局" }))),
            object(json!({ "client_name#en": "Hospital" }))
        );
        assert!(vouched.vouches_for("redirect_uris") && !vouched.vouches_for("contacts"));
    }

    #[test]
    fn nobody_vouches_for_more_than_the_operator_lets_them() {
        let says = |claims| Vouched::of("s", "i", &object(claims));
        assert!(says(json!({ "scope": "openid profile", "client_name": "x" })).is_within(&issuer()).is_ok());
        for (claims, why) in [
            (json!({ "scope": "openid real_name" }), "`real_name`"),
            (json!({ "scope": "admin" }), "`admin`"),
        ] {
            let refused = says(claims).is_within(&issuer()).unwrap_err();
            assert_eq!(refused.code, ErrorCode::UnapprovedSoftwareStatement);
            assert!(refused.description().contains(why), "{refused}");
        }
        let names = StatementIssuer { members: vec!["client_name".to_owned()], ..issuer() };
        assert!(says(json!({ "redirect_uris": [] })).is_within(&names).is_err());
        for wrong in [
            StatementIssuer { scopes: vec!["seal:use".to_owned()], ..issuer() },
            StatementIssuer { members: vec!["first_party".to_owned()], ..issuer() },
            StatementIssuer { keys: ClientKeys::None, ..issuer() },
            StatementIssuer { issuer: String::new(), ..issuer() },
            StatementIssuer { age_max_days: 0, ..issuer() },
        ] {
            assert!(wrong.check().is_err());
        }
        assert_eq!(issuer().check(), Ok(()));
    }
}
