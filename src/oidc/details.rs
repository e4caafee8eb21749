//! What was granted in detail (RFC 9396), when a token is made of a grant or of another token: all of it, or less.

use serde_json::{Map, Value};

use crate::authorize::checks::authorization_details;
use crate::client::Client;
use crate::error::{ErrorCode, OauthError};
use crate::params::Params;

/// The objects of `authorization_details`.
pub type Details = Vec<Map<String, Value>>;

/// What a token request asks for in detail; `None` when it leaves that to what was granted (RFC 9396, 6).
pub(crate) fn requested(params: &Params, client: &Client) -> Result<Option<Details>, OauthError> {
    let named = params.value("authorization_details").map(|_| authorization_details::check(params, client));
    named.transpose()
}

/// What a token may do of what was `granted`: all of it, or those of its objects that are `requested`; never another (RFC 9396, 6.1).
///
/// Whether one object is less than another only the API knows that it is for, so each is compared whole.
pub fn narrowed(granted: Details, requested: Option<&Details>) -> Result<Details, OauthError> {
    let Some(requested) = requested else { return Ok(granted) };
    match requested.iter().find(|detail| !granted.contains(detail)) {
        None => Ok(requested.clone()),
        Some(more) => {
            let kind = more.get("type").and_then(Value::as_str).unwrap_or_default();
            let message = format!(
                "`authorization_details` hold an object of type `{kind}` that was not granted: repeat granted ones, whole, or authorize again"
            );
            Err(OauthError::new(ErrorCode::InvalidAuthorizationDetails, message))
        }
    }
}

/// What a client that exchanges a token may have of what that token allows: the types that it is registered for.
pub fn of_client(granted: Details, client: &Client) -> Details {
    let is_theirs = |detail: &Map<String, Value>| {
        let kind = detail.get("type").and_then(Value::as_str);
        client.authorization_details_types.iter().any(|registered| Some(registered.as_str()) == kind)
    };
    granted.into_iter().filter(is_theirs).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::example::web_client;

    fn details(value: Value) -> Details {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_token_gets_whole_objects_of_those_that_were_granted_and_no_other() {
        let granted = || details(json!([{ "type": "a", "n": 1 }, { "type": "a", "n": 2, "to": ["x", "y"] }]));
        let asks = |value: Value| narrowed(granted(), Some(&details(value)));
        assert_eq!(narrowed(granted(), None), Ok(granted()));
        assert_eq!(
            asks(json!([{ "n": 1, "type": "a" }])).unwrap(),
            details(json!([{ "type": "a", "n": 1 }]))
        );
        for more in [
            json!([{ "type": "a", "n": 3 }]),
            json!([{ "type": "a" }]),
            json!([{ "type": "b", "n": 1 }]),
            json!([{ "type": "a", "n": 1 }, { "type": "a", "n": 1, "to": [] }]),
            json!([{ "type": "a", "n": 2, "to": ["x"] }]),
        ] {
            let refused = asks(more.clone()).unwrap_err();
            assert_eq!(refused.code, ErrorCode::InvalidAuthorizationDetails, "{more}");
        }
        assert!(narrowed(Details::new(), Some(&details(json!([{ "type": "a" }])))).is_err());
    }

    #[test]
    fn who_exchanges_a_token_gets_the_types_that_they_are_registered_for() {
        let mut client = web_client();
        client.authorization_details_types = vec!["a".to_owned()];
        let granted = details(json!([{ "type": "a" }, { "type": "b" }, { "n": 1 }]));
        assert_eq!(of_client(granted, &client), details(json!([{ "type": "a" }])));
    }
}
