//! The `claims` parameter: claims asked for one by one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::claims::scope_of_claim;
use crate::error::{OauthError, invalid_request};
use crate::scope::Scope;

/// Most claims that one request may name.
pub const CLAIMS_MAX_COUNT: usize = 64;
/// Most values that one claim may be asked to have.
pub const CLAIM_VALUES_MAX_COUNT: usize = 16;

/// What is asked for, by where it is to appear (OIDC Core, 5.5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimsRequest {
    /// From userinfo.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub userinfo: Vec<ClaimRequest>,
    /// In the ID token.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub id_token: Vec<ClaimRequest>,
}

/// One claim that is asked for (OIDC Core, 5.5.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRequest {
    /// Its name.
    pub name: String,
    /// Whether the client cannot do without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub essential: bool,
    /// The values it should have, best first; any when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

impl ClaimsRequest {
    /// Reads the parameter. Members that are not understood are overlooked (OIDC Core, 5.5).
    pub(crate) fn parse(json: &str) -> Result<Self, OauthError> {
        let jose::json::StrictObject(members) = jose::json::StrictObject::from_slice(json.as_bytes())
            .map_err(|e| invalid_request(format!("expected `claims` as a JSON object: {e}")))?;
        let request = Self {
            userinfo: claims(members.get("userinfo"), "userinfo")?,
            id_token: claims(members.get("id_token"), "id_token")?,
        };
        if request.userinfo.len() + request.id_token.len() > CLAIMS_MAX_COUNT {
            return Err(invalid_request(format!("expected at most {CLAIMS_MAX_COUNT} claims")));
        }
        Ok(request)
    }

    /// The same without claims whose scope is not in `scope`.
    pub(crate) fn limited_to(self, scope: &Scope) -> Self {
        let allowed = |claims: Vec<ClaimRequest>| {
            let may = |claim: &ClaimRequest| scope_of_claim(&claim.name).is_none_or(|s| scope.contains(s));
            claims.into_iter().filter(may).collect()
        };
        Self { userinfo: allowed(self.userinfo), id_token: allowed(self.id_token) }
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.userinfo.is_empty() && self.id_token.is_empty()
    }

    /// The scopes that what is asked for belongs to: the person is asked for these.
    pub fn scopes(&self) -> impl Iterator<Item = &'static str> {
        self.userinfo.iter().chain(&self.id_token).filter_map(|claim| scope_of_claim(&claim.name))
    }

    /// What is asked of the ID token's claim `name`.
    pub fn in_id_token(&self, name: &str) -> Option<&ClaimRequest> {
        self.id_token.iter().find(|claim| claim.name == name)
    }
}

fn claims(member: Option<&Value>, place: &str) -> Result<Vec<ClaimRequest>, OauthError> {
    match member {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(claims)) => claims.iter().map(|(name, asked)| claim(name, asked)).collect(),
        Some(_) => Err(invalid_request(format!("expected `claims.{place}` to be a JSON object"))),
    }
}

fn claim(name: &str, asked: &Value) -> Result<ClaimRequest, OauthError> {
    let wrong = || {
        invalid_request(format!(
            "claims: expected null, or an object with `essential`, `value` or `values`, for `{name}`"
        ))
    };
    let none = Map::new();
    let asked = match asked {
        Value::Null => &none,
        Value::Object(asked) => asked,
        _ => return Err(wrong()),
    };
    let essential = match asked.get("essential") {
        None => false,
        Some(value) => value.as_bool().ok_or_else(wrong)?,
    };
    let listed = match asked.get("values") {
        None => &[][..],
        Some(values) => values.as_array().ok_or_else(wrong)?,
    };
    if listed.len() > CLAIM_VALUES_MAX_COUNT {
        return Err(wrong());
    }
    let values = asked.get("value").into_iter().chain(listed);
    let values = values.map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect();
    Ok(ClaimRequest { name: name.to_owned(), essential, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_asked_for_one_by_one() {
        let asked = r#"{"userinfo":{"name":{"essential":true},"unheard_of":null},"id_token":{"acr":{"values":["a","b"]},"sub":{"value":"usr_1"}},"x":1}"#;
        let request = ClaimsRequest::parse(asked).unwrap();
        assert!(request.userinfo.iter().any(|c| c.name == "name" && c.essential));
        assert_eq!(request.in_id_token("acr").unwrap().values, ["a", "b"]);
        assert_eq!(request.in_id_token("sub").unwrap().values, ["usr_1"]);
        assert_eq!(request.scopes().collect::<Vec<_>>(), ["profile"]);
        let limited = request.limited_to(&"openid".parse().unwrap());
        assert!(!limited.userinfo.iter().any(|c| c.name == "name") && limited.in_id_token("acr").is_some());
    }

    #[test]
    fn other_shapes_are_refused() {
        for bad in [
            "",
            "[]",
            "1",
            r#"{"userinfo":[]}"#,
            r#"{"userinfo":{"name":1}}"#,
            r#"{"userinfo":{"name":{"essential":"yes"}}}"#,
            r#"{"id_token":{"acr":{"values":"a"}}}"#,
            r#"{"userinfo":{},"userinfo":{}}"#,
        ] {
            assert!(ClaimsRequest::parse(bad).is_err(), "{bad}");
        }
        let many: String = (0..=CLAIMS_MAX_COUNT).map(|i| format!("\"c{i}\":null,")).collect();
        assert!(
            ClaimsRequest::parse(&format!("{{\"userinfo\":{{{}}}}}", many.trim_end_matches(','))).is_err()
        );
    }
}
