//! Requests that a person answers elsewhere, while the application asks the token endpoint again and again whether they have.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::client::{Client, GrantType};
use crate::error::{ErrorCode, OauthError};
use crate::scope::Scope;

/// How the person is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// By a code that a device shows (RFC 8628).
    Device,
    /// By us, where they are logged in (OIDC CIBA Core 1.0).
    Backchannel,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 2] = [Self::Device, Self::Backchannel];

    /// The word that is kept.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Backchannel => "backchannel",
        }
    }

    /// The channel that `word` stands for.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == word)
    }

    /// The grant under which the application asks for tokens.
    pub const fn grant_type(self) -> GrantType {
        match self {
            Self::Device => GrantType::DeviceCode,
            Self::Backchannel => GrantType::Ciba,
        }
    }

    /// The parameter that carries the application's code there.
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Device => "device_code",
            Self::Backchannel => "auth_req_id",
        }
    }
}

/// What is asked, as it is kept until the person answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// What may be granted to the client of what it asked for.
    pub scope: Scope,
    /// Which APIs the tokens are for (RFC 8707).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// What is asked in detail (RFC 9396).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details: Vec<Map<String, Value>>,
    /// What the application shows too, so that the person knows which question is answered (OIDC CIBA Core 1.0, 7.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding_message: Option<String>,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The person has not answered.
    Pending,
    /// The person said yes.
    Allowed,
    /// The person said no.
    Denied,
}

/// What is known of a request when its client asks, as far as the answer is decided here.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// How the person is asked.
    pub channel: Channel,
    /// Whose request it is.
    pub client_id: &'a str,
    /// When it is too late.
    pub expires: Timestamp,
    /// What the person said.
    pub standing: Standing,
}

/// What the token endpoint does with a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poll {
    /// It waits: `authorization_pending`, or `slow_down` when it came too soon, which the store knows.
    Wait,
    /// The tokens are due, if nobody had them before: that is the store's to say.
    Redeem,
}

/// What becomes of a poll of `client` by `channel`.
///
/// A person's answer is told at once, whatever the interval: who waited long enough for it need not wait longer.
/// Source: RFC 8628, 3.5; CIBA Core 1.0, 11.
pub fn check_poll(
    kept: &Kept<'_>,
    channel: Channel,
    client: &Client,
    now: Timestamp,
) -> Result<Poll, OauthError> {
    if kept.client_id != client.id.as_str() || kept.channel != channel {
        return Err(refused());
    }
    if now >= kept.expires {
        return Err(expired());
    }
    match kept.standing {
        Standing::Pending => Ok(Poll::Wait),
        Standing::Allowed => Ok(Poll::Redeem),
        Standing::Denied => Err(OauthError::new(ErrorCode::AccessDenied, "the person said no")),
    }
}

/// The person has not answered yet.
pub fn pending() -> OauthError {
    OauthError::new(
        ErrorCode::AuthorizationPending,
        "the person has not answered yet: ask again after the interval",
    )
}

/// The same, to a client that asked too soon and must wait longer from now on (RFC 8628, 3.5).
pub fn slow_down() -> OauthError {
    let seconds = crate::lifetimes::SLOW_DOWN_SECONDS;
    let description =
        format!("asked before the interval was over: it is {seconds} seconds longer from now on");
    OauthError::new(ErrorCode::SlowDown, description)
}

/// The person did not answer in time, or the client did not fetch the answer in time.
pub fn expired() -> OauthError {
    OauthError::new(ErrorCode::ExpiredToken, "the request has expired: start again")
}

/// The one refusal of codes: it does not say which condition failed.
pub fn refused() -> OauthError {
    OauthError::new(ErrorCode::InvalidGrant, "the code is unknown or used, or was issued to another client")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{native_client, web_client};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_507_200);

    fn kept(standing: Standing) -> Kept<'static> {
        Kept { channel: Channel::Device, client_id: "tax-web", expires: NOW.plus_seconds(600), standing }
    }

    #[test]
    fn an_answer_is_told_to_whom_it_was_given_while_it_lives() {
        let client = web_client();
        let poll = |kept: &Kept<'_>, at| check_poll(kept, Channel::Device, &client, NOW.plus_seconds(at));
        assert_eq!(poll(&kept(Standing::Pending), 0), Ok(Poll::Wait));
        assert_eq!(poll(&kept(Standing::Allowed), 599), Ok(Poll::Redeem));
        assert_eq!(poll(&kept(Standing::Denied), 1).unwrap_err().code, ErrorCode::AccessDenied);
        for standing in [Standing::Pending, Standing::Allowed, Standing::Denied] {
            assert_eq!(poll(&kept(standing), 600), Err(expired()));
            let others = check_poll(&kept(standing), Channel::Device, &native_client(), NOW);
            assert_eq!(others, Err(refused()), "another client learns nothing");
        }
    }

    #[test]
    fn what_is_asked_survives_being_kept() {
        let asked = Asked { scope: "openid profile".parse().unwrap(), ..Asked::default() };
        let text = serde_json::to_string(&asked).unwrap();
        assert_eq!(text, r#"{"scope":"openid profile"}"#);
        assert_eq!(serde_json::from_str::<Asked>(&text).unwrap(), asked);
    }
}
