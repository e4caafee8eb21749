//! Token exchange (RFC 8693): an API that was called for a person calls the next one for them, under a token of its own that says so.

use base::{Secret, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::client::Client;
use crate::details::{self, Details};
use crate::error::{ErrorCode, OauthError, invalid_request};
use crate::issuer::Issuer;
use crate::lifetimes::ACCESS_TOKEN_TTL_SECONDS;
use crate::params::Params;
use crate::resource;
use crate::scope::{BadScope, OFFLINE_ACCESS, Scope};

/// An access token (RFC 8693, 3).
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// An ID token (RFC 8693, 3).
pub const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
/// How many may stand one behind the other between the person and the API.
pub const ACTORS_MAX_COUNT: usize = 4;
/// `true` asks for a token that does not say who acts; ours, and for policies to permit.
const IMPERSONATE: &str = "yinxin_impersonate";

/// What a token was said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// An access token of ours.
    Access,
    /// An ID token of ours for the same client.
    Id,
}

/// A request to exchange a token, typed. Holds secrets: not printable.
pub struct ExchangeRequest {
    /// The token of the person for whom something is done.
    pub subject_token: Secret<String>,
    /// What it was said to be.
    pub subject_type: TokenType,
    /// The token of who does it; the client itself when `None`. Always an access token.
    pub actor_token: Option<Secret<String>>,
    /// Less than what the subject's token allows, when named.
    pub scope: Option<Scope>,
    /// Less than what the subject's token allows in detail, when named (RFC 9396, 6).
    pub authorization_details: Option<Details>,
    /// Which APIs the new token is for; at least one.
    pub audiences: Vec<String>,
    /// Whether the new token is not to say who acts.
    pub impersonates: bool,
}

impl ExchangeRequest {
    /// Reads the exchange request of `client`, which has authenticated and is registered for the grant.
    ///
    /// Fails with `invalid_request`, `invalid_scope`, `invalid_target` or `invalid_authorization_details`. Source: RFC 8693, 2.1 and 2.2.2.
    pub fn parse(params: &Params, client: &Client) -> Result<Self, OauthError> {
        let subject_token = token(params.required("subject_token")?);
        let subject_type = match params.required("subject_token_type")? {
            ACCESS_TOKEN => TokenType::Access,
            ID_TOKEN => TokenType::Id,
            other => {
                return Err(wrong_type(
                    "subject_token_type",
                    &format!("{ACCESS_TOKEN}` or `{ID_TOKEN}"),
                    other,
                ));
            }
        };
        if let Some(other) = params.value("requested_token_type").filter(|kind| *kind != ACCESS_TOKEN) {
            return Err(wrong_type("requested_token_type", ACCESS_TOKEN, other));
        }
        Ok(Self {
            subject_token,
            subject_type,
            actor_token: actor_token(params)?,
            scope: requested_scope(params)?,
            authorization_details: details::requested(params, client)?,
            audiences: audiences(params, client)?,
            impersonates: match params.value(IMPERSONATE) {
                None | Some("false") => false,
                Some("true") => true,
                Some(other) => {
                    return Err(invalid_request(format!(
                        "{IMPERSONATE}: expected `true` or `false`, got `{other}`"
                    )));
                }
            },
        })
    }
}

fn actor_token(params: &Params) -> Result<Option<Secret<String>>, OauthError> {
    match (params.value("actor_token"), params.value("actor_token_type")) {
        (None, None) => Ok(None),
        (Some(actor), Some(ACCESS_TOKEN)) => Ok(Some(token(actor))),
        (Some(_), Some(other)) => Err(wrong_type("actor_token_type", ACCESS_TOKEN, other)),
        (Some(_), None) => Err(invalid_request("`actor_token_type` is missing: send it with `actor_token`")),
        (None, Some(_)) => Err(invalid_request("`actor_token_type` came without `actor_token`")),
    }
}

fn requested_scope(params: &Params) -> Result<Option<Scope>, OauthError> {
    let parse = |text: &str| text.parse().map_err(|error: BadScope| error.to_oauth_error());
    params.value("scope").map(parse).transpose()
}

/// `resource` and `audience` name the same things here: what the client may ask access tokens for (RFC 8693, 2.1).
fn audiences(params: &Params, client: &Client) -> Result<Vec<String>, OauthError> {
    let mut audiences = resource::check(params, client)?;
    for audience in resource::check_named(params, "audience", client)? {
        if !audiences.contains(&audience) {
            audiences.push(audience);
        }
    }
    if audiences.is_empty() {
        let description = "expected `resource` or `audience`: name the API that the token is for";
        return Err(OauthError::new(ErrorCode::InvalidTarget, description));
    }
    Ok(audiences)
}

/// Tokens are as long as a parameter may be.
fn token(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn wrong_type(parameter: &str, expected: &str, got: &str) -> OauthError {
    invalid_request(format!("{parameter}: expected `{expected}`, got `{got}`"))
}

/// What the new token allows: what the subject's token does and the client may have, or less; never more.
///
/// There is no refreshing it, so `offline_access` is left out.
pub fn scope(subject: &Scope, client: &Client, requested: Option<&Scope>) -> Result<Scope, OauthError> {
    let most = subject.intersection(&client.scopes).filtered(|token| token != OFFLINE_ACCESS);
    match requested {
        None => Ok(most),
        Some(requested) if most.covers(requested) => Ok(requested.clone()),
        Some(requested) => Err(OauthError::new(
            ErrorCode::InvalidScope,
            format!(
                "scope `{requested}` exceeds `{most}`, which the subject_token and client `{}` both have",
                client.id
            ),
        )),
    }
}

/// How long the new token lives, in seconds: never longer than the one it was made from.
pub fn lifetime(subject_expires: Timestamp, now: Timestamp) -> i64 {
    ACCESS_TOKEN_TTL_SECONDS.min(subject_expires.unix_seconds() - now.unix_seconds())
}

/// Who acts for the person, and who acted before them (RFC 8693, 4.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Actor {
    /// Who: a client, or an account.
    pub sub: String,
    /// Who acted before; for information only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Value>>,
}

/// `actor` now acts, after those whom the subject's token names.
///
/// Fails with `invalid_request` when there would be more than [`ACTORS_MAX_COUNT`].
pub fn delegate(actor: &str, subject: &Map<String, Value>) -> Result<Actor, OauthError> {
    let before = subject.get("act");
    if actors_count(before) >= ACTORS_MAX_COUNT {
        return Err(too_deep());
    }
    Ok(Actor { sub: actor.to_owned(), act: before.cloned().map(Box::new) })
}

/// The token has been exchanged too often.
pub fn too_deep() -> OauthError {
    invalid_request(format!(
        "the subject_token was exchanged {ACTORS_MAX_COUNT} times already: start with the person's own token"
    ))
}

fn actors_count(act: Option<&Value>) -> usize {
    std::iter::successors(act, |act| act.get("act")).take(ACTORS_MAX_COUNT + 1).count()
}

/// Whether the subject's token lets `actor` act, when it says who may (RFC 8693, 4.4).
///
/// Every member that names somebody must name the actor; one that is not understood names nobody.
pub fn check_may_act(
    subject: &Map<String, Value>,
    actor: &str,
    client: &Client,
    issuer: &Issuer,
) -> Result<(), OauthError> {
    let Some(may_act) = subject.get("may_act") else { return Ok(()) };
    let names = |member: (&String, &Value)| match member.0.as_str() {
        "sub" => member.1 == actor,
        "client_id" => member.1 == client.id.as_str(),
        "iss" => member.1 == issuer.as_str(),
        _ => false,
    };
    let named = may_act
        .as_object()
        .filter(|members| members.contains_key("sub") || members.contains_key("client_id"));
    if named.is_some_and(|members| members.iter().all(names)) {
        Ok(())
    } else {
        Err(invalid_request(format!("`may_act` of the subject_token does not name `{actor}`")))
    }
}

/// The one refusal of subject tokens: it does not say which condition failed (RFC 8693, 2.2.2).
pub fn subject_refused() -> OauthError {
    invalid_request(
        "the subject_token is no live token of ours that speaks of a person and was issued to this client or for one of its audiences",
    )
}

/// The one refusal of actor tokens (RFC 8693, 2.2.2).
pub fn actor_refused() -> OauthError {
    invalid_request("the actor_token is no live access token of ours that was issued to this client")
}

/// Policies said no, because of `why`.
pub fn not_permitted(why: &str) -> OauthError {
    OauthError::new(ErrorCode::AccessDenied, why)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::example::{ISSUER, params, web_client};

    const API: &str = "https://api.tax.example";

    fn request(pairs: &[(&str, &str)]) -> Result<ExchangeRequest, OauthError> {
        let usual = [("subject_token", "a.b.c"), ("subject_token_type", ACCESS_TOKEN), ("audience", API)];
        let named = |name: &str| pairs.iter().any(|(n, _)| *n == name);
        let kept = usual.into_iter().filter(|(name, _)| !named(name));
        let all: Vec<_> = kept.chain(pairs.iter().copied()).collect();
        ExchangeRequest::parse(&params(&all), &web_client())
    }

    fn refusal(pairs: &[(&str, &str)]) -> ErrorCode {
        request(pairs).err().unwrap().code
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_request_becomes_typed() {
        let asked = request(&[("resource", API), ("requested_token_type", ACCESS_TOKEN)]).ok().unwrap();
        assert_eq!((asked.audiences, asked.impersonates), (vec![API.to_owned()], false));
        assert!(asked.actor_token.is_none() && asked.scope.is_none());
        let with_actor =
            [("actor_token", "d.e.f"), ("actor_token_type", ACCESS_TOKEN), (IMPERSONATE, "true")];
        let asked = request(&with_actor).ok().unwrap();
        assert!(asked.actor_token.is_some() && asked.impersonates);
    }

    #[test]
    fn what_is_not_offered_is_refused() {
        use ErrorCode::{InvalidRequest, InvalidTarget};
        assert_eq!(refusal(&[("subject_token", "")]), InvalidRequest);
        assert_eq!(
            refusal(&[("subject_token_type", "urn:ietf:params:oauth:token-type:saml2")]),
            InvalidRequest
        );
        assert_eq!(refusal(&[("requested_token_type", ID_TOKEN)]), InvalidRequest);
        assert_eq!(refusal(&[("actor_token", "x")]), InvalidRequest);
        assert_eq!(refusal(&[("actor_token_type", ACCESS_TOKEN)]), InvalidRequest);
        assert_eq!(refusal(&[("actor_token", "x"), ("actor_token_type", ID_TOKEN)]), InvalidRequest);
        assert_eq!(refusal(&[(IMPERSONATE, "yes")]), InvalidRequest);
        assert_eq!(refusal(&[("audience", "")]), InvalidTarget);
        assert_eq!(refusal(&[("audience", "https://other.example")]), InvalidTarget);
    }

    #[test]
    fn a_token_allows_less_each_time_and_never_lives_longer() {
        let subject: Scope = "openid profile offline_access email".parse().unwrap();
        let ask = |text: &str| scope(&subject, &web_client(), Some(&text.parse().unwrap()));
        assert_eq!(scope(&subject, &web_client(), None).unwrap().to_string(), "openid profile");
        assert_eq!(ask("profile").unwrap().to_string(), "profile");
        for more in ["email", "phone", "offline_access", "profile tax:read"] {
            assert_eq!(ask(more).unwrap_err().code, ErrorCode::InvalidScope, "{more}");
        }
        let now = Timestamp::from_unix_seconds(1_795_507_200);
        assert_eq!(lifetime(now.plus_seconds(30), now), 30);
        assert_eq!(lifetime(now.plus_seconds(3_000), now), 600);
    }

    #[test]
    fn those_who_act_stand_one_behind_the_other_up_to_a_limit() {
        let mut claims = object(json!({}));
        for count in 1..=ACTORS_MAX_COUNT {
            let actor = delegate(&format!("app_{count}"), &claims).unwrap();
            claims.insert("act".to_owned(), serde_json::to_value(actor).unwrap());
        }
        assert_eq!(
            claims["act"],
            json!({"sub": "app_4", "act": {"sub": "app_3", "act": {"sub": "app_2", "act": {"sub": "app_1"}}}})
        );
        assert_eq!(delegate("app_5", &claims), Err(too_deep()));
    }

    #[test]
    fn who_may_act_is_respected_when_it_is_said() {
        let (client, issuer) = (web_client(), ISSUER.parse().unwrap());
        let check = |may_act: Value| {
            check_may_act(&object(json!({ "may_act": may_act })), "tax-web", &client, &issuer).is_ok()
        };
        assert_eq!(check_may_act(&object(json!({})), "tax-web", &client, &issuer), Ok(()));
        assert!(check(json!({"sub": "tax-web"})) && check(json!({"sub": "tax-web", "iss": ISSUER})));
        for another in [
            json!({"sub": "another"}),
            json!({"sub": "tax-web", "iss": "https://other.example"}),
            json!({"sub": "tax-web", "email": "x"}),
            json!({"iss": ISSUER}),
            json!({}),
            json!("tax-web"),
        ] {
            assert!(!check(another.clone()), "{another}");
        }
    }
}
