//! Devices without a browser, or with one that nobody wants to type into: the person goes on at another one (RFC 8628).

use std::fmt;
use std::str::FromStr;

use base::Entropy;
use serde::Serialize;

use crate::authorize::checks::{authorization_details, scope};
use crate::client::{Client, GrantType};
use crate::deferred::Asked;
use crate::discovery::paths;
use crate::error::{ErrorCode, OauthError};
use crate::issuer::Issuer;
use crate::lifetimes::{DEFERRED_REQUEST_TTL_SECONDS, POLL_INTERVAL_SECONDS};
use crate::params::{Params, append};
use crate::resource;

/// The letters of user codes: consonants without `Y`, so that no word comes out (RFC 8628, 6.1).
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// How many letters a user code has: 20^8, 34.5 bits.
const LETTERS_COUNT: usize = 8;
/// Longest text in which a user code is looked for, in bytes.
const TYPED_MAX_BYTES: usize = 64;
/// Random bytes up to this are taken for a letter, those above thrown again, so that every letter is as likely as any other.
const FAIR: u8 = 240;

/// What a person types to say which device they mean: eight letters, shown as `BCDF-GHJK`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCode(String);

/// A text that is no user code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a code of {LETTERS_COUNT} letters, as the device shows it")]
pub struct BadUserCode;

impl UserCode {
    /// A new code.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let mut letters = String::with_capacity(LETTERS_COUNT);
        while letters.len() < LETTERS_COUNT {
            let [byte] = base::entropy::bytes::<1>(entropy);
            let letter = ALPHABET.get(usize::from(byte) % ALPHABET.len()).filter(|_| byte < FAIR);
            letters.extend(letter.copied().map(char::from));
        }
        Self(letters)
    }

    /// The letters alone: what is compared.
    pub fn letters(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0.split_at_checked(LETTERS_COUNT / 2).unwrap_or((&self.0, ""));
        write!(f, "{first}-{second}")
    }
}

impl FromStr for UserCode {
    type Err = BadUserCode;

    /// Reads what a person typed: case, spaces and punctuation do not count (RFC 8628, 6.1).
    fn from_str(typed: &str) -> Result<Self, BadUserCode> {
        if typed.len() > TYPED_MAX_BYTES {
            return Err(BadUserCode);
        }
        let letters: String =
            typed.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_uppercase()).collect();
        let good = letters.len() == LETTERS_COUNT && letters.bytes().all(|b| ALPHABET.contains(&b));
        if good { Ok(Self(letters)) } else { Err(BadUserCode) }
    }
}

/// Reads the device authorization request of `client`, which has authenticated.
///
/// Fails with `unauthorized_client` when the grant is not registered for the client, `invalid_scope`, `invalid_target` or
/// `invalid_authorization_details`. Source: RFC 8628, 3.1.
pub fn check_request(params: &Params, client: &Client) -> Result<Asked, OauthError> {
    if !client.may_use(GrantType::DeviceCode) {
        let grant = GrantType::DeviceCode.as_str();
        let description = format!("client `{}` is not registered for the grant {grant}", client.id);
        return Err(OauthError::new(ErrorCode::UnauthorizedClient, description));
    }
    Ok(Asked {
        scope: scope::check(params, client)?,
        resources: resource::check(params, client)?,
        authorization_details: authorization_details::check(params, client)?,
        binding_message: None,
    })
}

/// Too many requests of this client from this network wait for an answer.
pub fn too_many() -> OauthError {
    let description = "too many requests from this network wait for an answer: try again in a few minutes";
    OauthError::new(ErrorCode::SlowDown, description)
}

/// The answer (RFC 8628, 3.2). Holds a secret: not printable.
#[derive(Serialize)]
pub struct DeviceAuthorization {
    /// What the device asks the token endpoint with.
    pub device_code: String,
    /// What the person types.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// The same with the code in it, for a picture to be scanned.
    pub verification_uri_complete: String,
    /// How long there is, in seconds.
    pub expires_in: i64,
    /// How long to wait between two polls, in seconds.
    pub interval: i64,
}

impl DeviceAuthorization {
    /// The answer that gives out `device_code` and `user_code`.
    pub fn new(issuer: &Issuer, device_code: String, user_code: &UserCode) -> Self {
        let verification_uri = issuer.url(paths::DEVICE);
        let user_code = user_code.to_string();
        let mut verification_uri_complete = verification_uri.clone();
        append(&mut verification_uri_complete, "user_code", &user_code);
        Self {
            device_code,
            user_code,
            verification_uri,
            verification_uri_complete,
            expires_in: DEFERRED_REQUEST_TTL_SECONDS,
            interval: POLL_INTERVAL_SECONDS,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::example::{ISSUER, params, web_client};

    #[test]
    fn a_code_is_eight_fair_letters() {
        let mut counts = BTreeMap::new();
        for _ in 0..2_000 {
            let code = UserCode::new(&base::OsEntropy);
            assert_eq!(code.letters().len(), 8);
            code.letters().bytes().for_each(|letter| *counts.entry(letter).or_insert(0_u32) += 1);
        }
        assert_eq!(counts.keys().copied().collect::<Vec<_>>(), ALPHABET);
        // 800 each are expected; six standard deviations around it.
        assert!(counts.values().all(|n| (630..970).contains(n)), "{counts:?}");
    }

    #[test]
    fn how_a_code_is_typed_does_not_matter_but_its_letters_do() {
        let code: UserCode = "BCDF-GHJK".parse().unwrap();
        assert_eq!((code.letters(), code.to_string().as_str()), ("BCDFGHJK", "BCDF-GHJK"));
        for typed in ["bcdfghjk", " bcdf ghjk ", "BcDf–GhJk", "b.c.d.f.g.h.j.k", "bcdf_ghjk"] {
            assert_eq!(typed.parse(), Ok(code.clone()), "{typed}");
        }
        for typed in ["", "BCDF-GHJ", "BCDF-GHJKL", "ACDF-GHJK", "8CDF-GHJK", "印CDFGHJK", &"B-".repeat(40)]
        {
            assert_eq!(typed.parse::<UserCode>(), Err(BadUserCode), "{typed}");
        }
    }

    #[test]
    fn a_request_is_cut_to_what_the_client_may_have() {
        let mut client = web_client();
        let ask = |client: &Client, scope| check_request(&params(&[("scope", scope)]), client);
        assert_eq!(ask(&client, "openid").unwrap_err().code, ErrorCode::UnauthorizedClient);
        client.grant_types.push(GrantType::DeviceCode);
        assert_eq!(ask(&client, "openid email").unwrap().scope.to_string(), "openid");
        assert_eq!(ask(&client, "email").unwrap_err().code, ErrorCode::InvalidScope);
        let elsewhere = params(&[("scope", "openid"), ("resource", "https://other.example")]);
        assert_eq!(check_request(&elsewhere, &client).unwrap_err().code, ErrorCode::InvalidTarget);
    }

    #[test]
    fn the_answer_says_where_to_go() {
        let answer = DeviceAuthorization::new(
            &ISSUER.parse().unwrap(),
            "d3v1ce".into(),
            &"BCDF-GHJK".parse().unwrap(),
        );
        assert_eq!(
            serde_json::to_value(answer).unwrap(),
            serde_json::json!({
                "device_code": "d3v1ce",
                "user_code": "BCDF-GHJK",
                "verification_uri": "https://id.fujian.example/device",
                "verification_uri_complete": "https://id.fujian.example/device?user_code=BCDF-GHJK",
                "expires_in": 600,
                "interval": 5,
            })
        );
    }
}
