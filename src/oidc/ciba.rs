//! Asking a person where they are, at the request of an application that they are not looking at (OpenID Connect Client-Initiated
//! Backchannel Authentication 1.0), in the poll and ping modes.

use base::Secret;
use serde::Serialize;

use crate::authorize::checks::{authorization_details, scope};
use crate::client::{Client, GrantType, hides_or_reorders};
use crate::deferred::Asked;
use crate::error::{ErrorCode, OauthError, invalid_request};
use crate::lifetimes::{DEFERRED_REQUEST_TTL_SECONDS, POLL_INTERVAL_SECONDS};
use crate::params::Params;
use crate::resource;
use crate::scope::OPENID;

/// Longest message that is shown with the question, in characters.
pub const BINDING_MESSAGE_MAX_CHARS: usize = 64;
/// Longest `client_notification_token`, in bytes (CIBA Core 1.0, 7.1).
pub const NOTIFICATION_TOKEN_MAX_BYTES: usize = 1_024;
/// Shortest one: 128 bits in base64url (CIBA Core 1.0, 7.1).
const NOTIFICATION_TOKEN_MIN_BYTES: usize = 22;
/// Most questions of one application that wait for one person at a time.
pub const WAITING_MAX_COUNT: i64 = 3;
/// Most questions of all applications that wait for one person at a time, but for the first of an application that has none waiting.
pub const WAITING_IN_ALL_MAX_COUNT: i64 = 6;
/// Most questions that one application asks one person within [`ASKED_WINDOW_SECONDS`].
pub const ASKED_MAX_COUNT: i64 = 20;
/// How far back questions are counted, in seconds.
pub const ASKED_WINDOW_SECONDS: i64 = 3_600;

/// How the application learns that there is an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Delivery {
    /// It asks again and again.
    #[default]
    Poll,
    /// It is told at this address, and asks then.
    Ping {
        /// `backchannel_client_notification_endpoint`.
        uri: String,
    },
}

impl Delivery {
    /// The modes that are offered.
    pub const MODES: [&str; 2] = ["poll", "ping"];
}

/// Whom the application wants asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// Who logs in with this name.
    LoginName(String),
    /// Whom this ID token names; not verified here.
    IdToken(String),
}

/// A backchannel authentication request, typed. Holds a secret: not printable.
pub struct BackchannelRequest {
    /// What is asked.
    pub asked: Asked,
    /// Whom.
    pub hint: Hint,
    /// What the application wants to be told with; there in ping mode.
    pub notification_token: Option<Secret<String>>,
    /// How long there is, in seconds.
    pub expires_in: i64,
}

impl BackchannelRequest {
    /// Reads the request of `client`, which has authenticated.
    ///
    /// `acr_values` is a wish and changes nothing; `user_code` is not used, as the metadata says. Fails with `unauthorized_client`,
    /// `invalid_request`, `invalid_scope`, `invalid_target`, `invalid_authorization_details` or `invalid_binding_message`.
    /// Source: CIBA Core 1.0, 7.1, 7.2 and 13.
    pub fn parse(params: &Params, client: &Client) -> Result<Self, OauthError> {
        if !client.may_use(GrantType::Ciba) {
            let grant = GrantType::Ciba.as_str();
            let description = format!("client `{}` is not registered for the grant {grant}", client.id);
            return Err(OauthError::new(ErrorCode::UnauthorizedClient, description));
        }
        if params.value("request").is_some() {
            return Err(invalid_request(
                "signed requests are not taken here: send the parameters themselves",
            ));
        }
        let scope = scope::check(params, client)?;
        if !scope.contains(OPENID) {
            let description = "expected `openid` in `scope` (CIBA Core 1.0, 7.1)";
            return Err(OauthError::new(ErrorCode::InvalidScope, description));
        }
        Ok(Self {
            asked: Asked {
                scope,
                resources: resource::check(params, client)?,
                authorization_details: authorization_details::check(params, client)?,
                binding_message: binding_message(params)?,
            },
            hint: hint(params)?,
            notification_token: notification_token(params, client)?,
            expires_in: expires_in(params)?,
        })
    }
}

/// Exactly one hint (CIBA Core 1.0, 7.1); tokens of other parties are not taken.
fn hint(params: &Params) -> Result<Hint, OauthError> {
    let one = || invalid_request("expected exactly one of `login_hint` and `id_token_hint`");
    if params.value("login_hint_token").is_some() {
        return Err(invalid_request(
            "`login_hint_token` is not taken here: send `login_hint` or `id_token_hint`",
        ));
    }
    match (params.value("login_hint"), params.value("id_token_hint")) {
        (Some(name), None) => Ok(Hint::LoginName(name.to_owned())),
        (None, Some(token)) => Ok(Hint::IdToken(token.to_owned())),
        (None, None) | (Some(_), Some(_)) => Err(one()),
    }
}

fn binding_message(params: &Params) -> Result<Option<String>, OauthError> {
    let Some(message) = params.value("binding_message") else { return Ok(None) };
    let shown = !message.trim().is_empty() && !message.chars().any(hides_or_reorders);
    if shown && message.chars().count() <= BINDING_MESSAGE_MAX_CHARS {
        return Ok(Some(message.to_owned()));
    }
    let description =
        format!("expected a binding_message of 1 to {BINDING_MESSAGE_MAX_CHARS} printable characters");
    Err(OauthError::new(ErrorCode::InvalidBindingMessage, description))
}

/// A bearer token of the application's making (RFC 6750, 2.1), needed in ping mode and overlooked in poll mode.
fn notification_token(params: &Params, client: &Client) -> Result<Option<Secret<String>>, OauthError> {
    if client.ciba == Delivery::Poll {
        return Ok(None);
    }
    let token = params.required("client_notification_token")?;
    let good = (NOTIFICATION_TOKEN_MIN_BYTES..=NOTIFICATION_TOKEN_MAX_BYTES).contains(&token.len())
        && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
    if good {
        return Ok(Some(Secret::new(token.to_owned())));
    }
    Err(invalid_request(format!(
        "client_notification_token: expected {NOTIFICATION_TOKEN_MIN_BYTES} to {NOTIFICATION_TOKEN_MAX_BYTES} characters of a bearer token"
    )))
}

/// What the application asks for, but not longer than ours.
fn expires_in(params: &Params) -> Result<i64, OauthError> {
    let Some(text) = params.value("requested_expiry") else { return Ok(DEFERRED_REQUEST_TTL_SECONDS) };
    match text.parse::<i64>() {
        Ok(seconds) if seconds > 0 => Ok(seconds.min(DEFERRED_REQUEST_TTL_SECONDS)),
        _ => Err(invalid_request(format!(
            "requested_expiry: expected a positive number of seconds, got `{text}`"
        ))),
    }
}

/// The answer (CIBA Core 1.0, 7.3). Holds a secret: not printable.
#[derive(Serialize)]
pub struct BackchannelAuthentication {
    /// What the application asks the token endpoint with.
    pub auth_req_id: String,
    /// How long there is, in seconds.
    pub expires_in: i64,
    /// How long to wait between two polls, in seconds.
    pub interval: i64,
}

impl BackchannelAuthentication {
    /// The answer that gives out `auth_req_id`.
    pub const fn new(auth_req_id: String, expires_in: i64) -> Self {
        Self { auth_req_id, expires_in, interval: POLL_INTERVAL_SECONDS }
    }
}

/// What the application is told at its own address (CIBA Core 1.0, 10.2).
#[derive(Serialize)]
pub struct Notification {
    /// Which request has an answer.
    pub auth_req_id: String,
}

/// The hint names nobody who can be asked: there is no such account, or it may not be used.
pub fn unknown_user() -> OauthError {
    OauthError::new(ErrorCode::UnknownUserId, "the hint names nobody who can be asked")
}

/// What a person has been asked already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AskedAlready {
    /// What waits of the application that wants to ask.
    pub waiting: i64,
    /// What waits of all applications.
    pub waiting_in_all: i64,
    /// What the application asked within [`ASKED_WINDOW_SECONDS`].
    pub lately: i64,
}

/// Whether a person may be asked once more: not so often that they are worn down until they say yes, and never so that one application
/// keeps another from asking.
pub fn check_asked(already: AskedAlready) -> Result<(), OauthError> {
    let worn_down = already.waiting >= WAITING_MAX_COUNT || already.lately >= ASKED_MAX_COUNT;
    let crowded = already.waiting > 0 && already.waiting_in_all >= WAITING_IN_ALL_MAX_COUNT;
    if worn_down || crowded { Err(too_many()) } else { Ok(()) }
}

fn too_many() -> OauthError {
    let description = format!(
        "the person has {WAITING_MAX_COUNT} questions of yours waiting or many of others, or was asked by you {ASKED_MAX_COUNT} times within an hour: try again later"
    );
    OauthError::new(ErrorCode::AccessDenied, description)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{params, web_client};

    const TOKEN: &str = "8d67dc78-7faa-4d41-aabd-67707b374255";

    fn client(delivery: Delivery) -> Client {
        let mut client = web_client();
        client.grant_types.push(GrantType::Ciba);
        client.ciba = delivery;
        client
    }

    fn ping() -> Delivery {
        Delivery::Ping { uri: "https://app.example/ping".into() }
    }

    fn request(client: &Client, pairs: &[(&str, &str)]) -> Result<BackchannelRequest, OauthError> {
        let usual = [("scope", "openid profile"), ("login_hint", "li.xiaoman")];
        let named = |name: &str| pairs.iter().any(|(n, _)| *n == name);
        let kept = usual.into_iter().filter(|(name, _)| !named(name));
        let all: Vec<_> = kept.chain(pairs.iter().copied()).collect();
        BackchannelRequest::parse(&params(&all), client)
    }

    #[test]
    fn a_request_becomes_typed() {
        let asked = request(&client(Delivery::Poll), &[("binding_message", "W4SCT")]).ok().unwrap();
        assert_eq!(asked.asked.binding_message.as_deref(), Some("W4SCT"));
        assert_eq!((asked.hint, asked.expires_in), (Hint::LoginName("li.xiaoman".into()), 600));
        let pairs = [("login_hint", ""), ("id_token_hint", "a.b.c"), ("requested_expiry", "120")];
        let asked = request(&client(Delivery::Poll), &pairs).ok().unwrap();
        assert_eq!((asked.hint, asked.expires_in), (Hint::IdToken("a.b.c".into()), 120));
        assert_eq!(
            request(&client(Delivery::Poll), &[("requested_expiry", "86400")]).ok().unwrap().expires_in,
            600
        );
    }

    #[test]
    fn what_is_not_as_it_should_be_is_refused_under_its_own_name() {
        use ErrorCode::{InvalidBindingMessage, InvalidRequest, InvalidScope, UnauthorizedClient};
        let refusal = |pairs: &[(&str, &str)]| request(&client(Delivery::Poll), pairs).err().unwrap().code;
        assert_eq!(request(&web_client(), &[]).err().unwrap().code, UnauthorizedClient);
        assert_eq!(refusal(&[("scope", "profile")]), InvalidScope);
        assert_eq!(refusal(&[("login_hint", "")]), InvalidRequest);
        assert_eq!(refusal(&[("id_token_hint", "x")]), InvalidRequest, "two hints");
        assert_eq!(refusal(&[("login_hint_token", "x")]), InvalidRequest);
        assert_eq!(refusal(&[("request", "x")]), InvalidRequest);
        for seconds in ["0", "-1", "x", "1.5"] {
            assert_eq!(refusal(&[("requested_expiry", seconds)]), InvalidRequest, "{seconds}");
        }
        for message in [" ", "a\u{202e}b", "a\nb", &"x".repeat(65)] {
            assert_eq!(refusal(&[("binding_message", message)]), InvalidBindingMessage, "{message}");
        }
    }

    #[test]
    fn in_ping_mode_the_application_says_what_it_wants_to_be_told_with() {
        let of = |pairs: &[(&str, &str)]| request(&client(ping()), pairs);
        assert!(of(&[("client_notification_token", TOKEN)]).ok().unwrap().notification_token.is_some());
        for bad in ["", "short", &"x".repeat(1_025), "8d67dc78 7faa 4d41 aabd 67707b374255"] {
            let error = of(&[("client_notification_token", bad)]).err().unwrap();
            assert_eq!(error.code, ErrorCode::InvalidRequest, "{bad}");
        }
        let polled = request(&client(Delivery::Poll), &[("client_notification_token", TOKEN)]);
        assert!(polled.ok().unwrap().notification_token.is_none(), "overlooked");
    }

    #[test]
    fn no_application_wears_a_person_down_or_keeps_another_from_asking() {
        let asked = |waiting, waiting_in_all, lately| {
            check_asked(AskedAlready { waiting, waiting_in_all, lately }).map_err(|error| error.code)
        };
        assert_eq!(asked(0, 0, 0), Ok(()));
        assert_eq!(asked(2, 2, 19), Ok(()));
        assert_eq!(asked(3, 3, 3), Err(ErrorCode::AccessDenied), "three of its own wait");
        assert_eq!(asked(0, 0, 20), Err(ErrorCode::AccessDenied), "twenty within an hour");
        assert_eq!(asked(1, 6, 1), Err(ErrorCode::AccessDenied), "the person has enough to answer");
        assert_eq!(asked(0, 1_000, 0), Ok(()), "whatever others ask, its first question is put");
    }
}
