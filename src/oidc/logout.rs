//! Ending the session at the application's request (OIDC RP-Initiated Logout 1.0).

use crate::client::{Client, ClientId};
use crate::params::{Params, append};

/// What a logout request says; every parameter is optional (RP-Initiated Logout 1.0, 2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndSessionRequest {
    /// An ID token of the session to end; not verified here.
    pub id_token_hint: Option<String>,
    /// The client that asks.
    pub client_id: Option<String>,
    /// Where the browser should go afterwards.
    pub post_logout_redirect_uri: Option<String>,
    /// Echoed at that address.
    pub state: Option<String>,
}

/// What became of the `id_token_hint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// None came.
    Absent,
    /// It is not an ID token of ours.
    Invalid,
    /// It is ours; it may have expired.
    Valid {
        /// Its `aud`.
        client_id: ClientId,
        /// Its `sub`.
        subject: String,
        /// Its `sid`, if it has one.
        session: Option<String>,
    },
}

/// The type of a logout token's header (OIDC Back-Channel Logout 1.0, 2.4).
pub const LOGOUT_TOKEN_TYP: &str = "logout+jwt";
/// The event that a logout token tells of.
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How long a logout token is good, in seconds (OIDC Back-Channel Logout 1.0, 2.4: at most two minutes).
const LOGOUT_TOKEN_TTL_SECONDS: i64 = 120;

/// The claims of a logout token; there is never a `nonce` (OIDC Back-Channel Logout 1.0, 2.4).
#[derive(Debug, Clone, serde::Serialize)]
pub struct LogoutTokenClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
    sid: &'a str,
    events: serde_json::Value,
}

impl<'a> LogoutTokenClaims<'a> {
    /// Tells `client` that `session` of `subject` is over.
    pub fn new(
        issuer: &'a crate::Issuer,
        client: &'a ClientId,
        jti: &'a str,
        subject: &'a str,
        session: &'a str,
        now: base::Timestamp,
    ) -> Self {
        Self {
            iss: issuer.as_str(),
            sub: subject,
            aud: client.as_str(),
            iat: now.unix_seconds(),
            exp: now.plus_seconds(LOGOUT_TOKEN_TTL_SECONDS).unix_seconds(),
            jti,
            sid: session,
            events: serde_json::json!({ LOGOUT_EVENT: {} }),
        }
    }
}

/// Longest life of a logout token that is taken from another provider, in seconds.
pub const LOGOUT_TOKEN_LIFE_MAX_SECONDS: i64 = 600;
const LOGOUT_NAME_MAX_BYTES: usize = 255;

/// What a logout token of another provider tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldOf<'a> {
    /// Its own name: it is taken once.
    pub jti: &'a str,
    /// Whose sessions are over; all of them when no session is named.
    pub subject: Option<&'a str>,
    /// Which session is over.
    pub session: Option<&'a str>,
}

/// Reads the claims of a logout token whose signature, issuer, audience and times were found good (OIDC Back-Channel Logout 1.0, 2.6).
///
/// The error says what was expected.
pub fn told_of(claims: &serde_json::Map<String, serde_json::Value>) -> Result<ToldOf<'_>, &'static str> {
    let text = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => {
            let text = value.as_str().filter(|text| (1..=LOGOUT_NAME_MAX_BYTES).contains(&text.len()));
            text.map(Some).ok_or("expected `jti`, `sub` and `sid` to be texts of 1 to 255 bytes")
        }
    };
    let (jti, subject, session) = (text("jti")?, text("sub")?, text("sid")?);
    // 5: what the token is for.
    if !claims.get("events").is_some_and(|events| events.get(LOGOUT_EVENT).is_some_and(|e| e.is_object())) {
        return Err("expected the event of a logout in `events`");
    }
    // 6: an ID token must never pass for one.
    if claims.contains_key("nonce") {
        return Err("expected no `nonce`");
    }
    // 4.
    if subject.is_none() && session.is_none() {
        return Err("expected `sub` or `sid`");
    }
    Ok(ToldOf { jti: jti.ok_or("expected `jti`")?, subject, session })
}

/// Who is logged in in the browser that asks.
#[derive(Debug, Clone, Copy)]
pub struct Current<'a> {
    /// The session.
    pub session: &'a str,
    /// The person.
    pub subject: &'a str,
}

/// What happens next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutPlan {
    /// Whether the person must be asked before the session ends, because anyone could have sent the browser here.
    pub confirm: bool,
    /// Where the browser goes afterwards; `None` for the page that says so.
    pub redirect: Option<String>,
}

/// Why a logout request is refused, on a page; the session stays and nothing is redirected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogoutRefused {
    /// The hint is not an ID token of ours.
    #[error("id_token_hint is not an ID token of this provider: send one that it issued")]
    Hint,
    /// The hint was issued to another client than `client_id`.
    #[error("client_id `{client_id}` is not the client that id_token_hint was issued to")]
    ClientMismatch {
        /// What came.
        client_id: String,
    },
    /// A redirect was asked for and nothing says by whom.
    #[error("post_logout_redirect_uri needs id_token_hint or client_id, to know whose it is")]
    NoClient,
    /// There is no such client, or it is disabled.
    #[error("client `{0}` is not registered here, or is disabled")]
    UnknownClient(String),
    /// The address is not one of the client's.
    #[error(
        "post_logout_redirect_uri `{received}` is not registered for client `{client_id}`, which has {}: register this exact string or send a registered one",
        crate::redirect_uri::listed(.registered)
    )]
    RedirectUri {
        /// What came.
        received: String,
        /// Whose it should be.
        client_id: ClientId,
        /// What it registered.
        registered: Vec<String>,
    },
}

impl EndSessionRequest {
    /// Reads the request's parameters.
    pub fn parse(params: &Params) -> Self {
        let text = |name| params.value(name).map(str::to_owned);
        Self {
            id_token_hint: text("id_token_hint"),
            client_id: text("client_id"),
            post_logout_redirect_uri: text("post_logout_redirect_uri"),
            state: text("state"),
        }
    }

    /// Which client to look up, once the hint has been verified; `None` when none is named.
    pub fn client_id(&self, hint: &Hint) -> Result<Option<String>, LogoutRefused> {
        match (hint, &self.client_id) {
            (Hint::Invalid, _) => Err(LogoutRefused::Hint),
            (Hint::Valid { client_id, .. }, Some(named)) if client_id.as_str() != named => {
                Err(LogoutRefused::ClientMismatch { client_id: named.clone() })
            }
            (Hint::Valid { client_id, .. }, _) => Ok(Some(client_id.as_str().to_owned())),
            (Hint::Absent, named) => Ok(named.clone()),
        }
    }

    /// Decides what happens; `client` is what was found under [`Self::client_id`], `current` who is logged in in this browser.
    ///
    /// A redirect goes only to an address that the client registered, byte for byte; without a hint that names the current
    /// session, or the current person when it names no session, the person is asked first. Source: RP-Initiated Logout 1.0, 2, 3 and 6.
    pub fn plan(
        &self,
        hint: &Hint,
        client: Option<&Client>,
        current: Option<Current<'_>>,
    ) -> Result<LogoutPlan, LogoutRefused> {
        let client_id = self.client_id(hint)?;
        let redirect = match &self.post_logout_redirect_uri {
            Some(uri) => Some(self.redirect(uri, client_id, client)?),
            None => None,
        };
        let is_meant = |current: Current<'_>| match hint {
            Hint::Valid { session: Some(session), .. } => session == current.session,
            Hint::Valid { subject, session: None, .. } => subject == current.subject,
            Hint::Absent | Hint::Invalid => false,
        };
        let confirm = current.is_some_and(|current| !is_meant(current));
        Ok(LogoutPlan { confirm, redirect })
    }

    fn redirect(
        &self,
        uri: &str,
        client_id: Option<String>,
        client: Option<&Client>,
    ) -> Result<String, LogoutRefused> {
        let client_id = client_id.ok_or(LogoutRefused::NoClient)?;
        let client = client
            .filter(|client| client.enabled && client.id.as_str() == client_id)
            .ok_or(LogoutRefused::UnknownClient(client_id))?;
        if !client.has_post_logout_redirect_uri(uri) {
            return Err(LogoutRefused::RedirectUri {
                received: uri.to_owned(),
                client_id: client.id.clone(),
                registered: client.post_logout_redirect_uris.clone(),
            });
        }
        let mut url = uri.to_owned();
        if let Some(state) = &self.state {
            append(&mut url, "state", state);
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{native_client, params, web_client};

    const CURRENT: Option<Current<'static>> = Some(Current { session: "ses_1", subject: "usr_1" });
    const BYE: &str = "https://app.example/bye";

    fn request(pairs: &[(&str, &str)]) -> EndSessionRequest {
        EndSessionRequest::parse(&params(pairs))
    }

    fn hint() -> Hint {
        Hint::Valid {
            client_id: "tax-web".parse().unwrap(),
            subject: "usr_1".into(),
            session: Some("ses_1".into()),
        }
    }

    #[test]
    fn the_session_named_by_the_hint_ends_and_the_browser_goes_to_the_registered_address() {
        let plan = request(&[("post_logout_redirect_uri", BYE), ("state", "a b")]).plan(
            &hint(),
            Some(&web_client()),
            CURRENT,
        );
        let redirect = Some("https://app.example/bye?state=a%20b".to_owned());
        assert_eq!(plan, Ok(LogoutPlan { confirm: false, redirect }));
    }

    #[test]
    fn without_a_hint_for_this_session_the_person_is_asked() {
        let asked = |request: EndSessionRequest, hint: &Hint, session| {
            request.plan(hint, Some(&web_client()), session).unwrap().confirm
        };
        assert!(asked(request(&[]), &Hint::Absent, CURRENT));
        assert!(asked(
            request(&[("client_id", "tax-web"), ("post_logout_redirect_uri", BYE)]),
            &Hint::Absent,
            CURRENT
        ));
        let another = Some(Current { session: "ses_2", subject: "usr_1" });
        assert!(asked(request(&[]), &hint(), another), "the hint speaks of another session");
        let Hint::Valid { client_id, subject, .. } = hint() else { panic!() };
        let of_the_person = Hint::Valid { client_id, subject, session: None };
        assert!(!asked(request(&[]), &of_the_person, another), "the hint names no session, but the person");
        let somebody = Some(Current { session: "ses_2", subject: "usr_2" });
        assert!(asked(request(&[]), &of_the_person, somebody));
        assert!(!asked(request(&[]), &Hint::Absent, None), "nothing to end");
    }

    #[test]
    fn with_no_address_there_is_a_page_whatever_else_came() {
        for pairs in [&[][..], &[("state", "x")], &[("client_id", "tax-web")]] {
            assert_eq!(request(pairs).plan(&hint(), None, None).unwrap().redirect, None);
        }
    }

    /// The modules of the RP-initiated logout plan that must not redirect.
    #[test]
    fn nothing_is_redirected_that_should_not_be() {
        let to = |uri| request(&[("post_logout_redirect_uri", uri)]);
        let web = web_client();
        for uri in [
            "https://evil.example",
            "https://app.example/bye?x=1",
            "https://app.example/bye/",
            "javascript:x",
        ] {
            let refused = to(uri).plan(&hint(), Some(&web), None).unwrap_err();
            assert!(matches!(refused, LogoutRefused::RedirectUri { received, .. } if received == uri));
        }
        assert_eq!(to(BYE).plan(&Hint::Invalid, Some(&web), None), Err(LogoutRefused::Hint));
        assert_eq!(to(BYE).plan(&Hint::Absent, None, None), Err(LogoutRefused::NoClient));
        assert!(matches!(to(BYE).plan(&hint(), None, None), Err(LogoutRefused::UnknownClient(_))));
        assert!(matches!(
            to(BYE).plan(&hint(), Some(&native_client()), None),
            Err(LogoutRefused::UnknownClient(_))
        ));
        let mismatch = request(&[("client_id", "fujian-app"), ("post_logout_redirect_uri", BYE)]);
        assert!(matches!(
            mismatch.plan(&hint(), Some(&web), None),
            Err(LogoutRefused::ClientMismatch { .. })
        ));
    }

    #[test]
    fn a_logout_token_tells_of_somebody_or_a_session_and_is_no_id_token() {
        let event = serde_json::json!({ LOGOUT_EVENT: {} });
        let good = serde_json::json!({ "jti": "1", "sub": "s", "sid": "t", "events": event });
        let told = |over: serde_json::Value| {
            let mut claims = good.as_object().unwrap().clone();
            for (name, value) in over.as_object().unwrap() {
                if value.is_null() {
                    claims.remove(name)
                } else {
                    claims.insert(name.clone(), value.clone())
                };
            }
            told_of(&claims).map(|told| (told.subject.map(str::to_owned), told.session.map(str::to_owned)))
        };
        let (s, t) = (Some("s".to_owned()), Some("t".to_owned()));
        assert_eq!(told(serde_json::json!({})), Ok((s.clone(), t.clone())));
        assert_eq!(told(serde_json::json!({ "sub": null })), Ok((None, t)));
        assert_eq!(told(serde_json::json!({ "sid": null })), Ok((s, None)));
        for bad in [
            serde_json::json!({ "jti": null }),
            serde_json::json!({ "jti": "" }),
            serde_json::json!({ "sub": null, "sid": null }),
            serde_json::json!({ "sub": 7 }),
            serde_json::json!({ "nonce": "n" }),
            serde_json::json!({ "events": null }),
            serde_json::json!({ "events": { "other": {} } }),
            serde_json::json!({ "events": { LOGOUT_EVENT: true } }),
        ] {
            assert!(told(bad.clone()).is_err(), "{bad}");
        }
    }
}
