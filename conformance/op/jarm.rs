//! Answers that are tokens: JWT Secured Authorization Response Mode.

use serde_json::Value;

use super::checks::id_token::FAPI_ALGORITHMS;
use super::finding::{Finding, fail, warn};
use super::flow::Ask;
use super::kit::jose::Token;
use super::kit::{Params, now};
use super::test::{Step, Test};

/// Claims of the token itself (RFC 7519, 4.1); the others are the answer, `iss` among them.
const ENVELOPE: &[&str] = &["sub", "aud", "exp", "nbf", "iat", "jti"];

/// How far the provider's clock may be off.
const SKEW_SECONDS: i64 = 300;

/// How long an answer has to be good for to be of use, and how long at most (JARM, 2.1: ten minutes).
const LIFETIME_SECONDS: std::ops::RangeInclusive<i64> = 10..=600 + SKEW_SECONDS;

impl Test {
    /// The parameters inside the token of a `jwt` answer (JARM, 2.1 and 2.4).
    ///
    /// An error that comes in the plain is taken where the module says that the provider may not have known the response mode.
    pub(crate) fn jarm(&mut self, ask: &Ask, outer: Params) -> Step<Params> {
        if self.plain_errors && !outer.has("response") && outer.has("error") {
            return Ok(outer);
        }
        let compact =
            outer.get("response").ok_or_else(|| format!("expected `response`, got {}", outer.encode()));
        let token = compact.and_then(Token::read);
        let token = self.obtain(fail("ExtractJARMFromURLQuery", "JARM 2.3.1, 2.3.4"), token)?;
        let own = Params::parse(ask.redirect_uri().split_once('?').map_or("", |(_, query)| query));
        let beside: Vec<&str> = outer.names().filter(|name| *name != "response" && !own.has(name)).collect();
        self.note(
            fail("RejectNonJarmResponsesInUrlQuery", "JARM 2.1")
                .holds(beside.is_empty(), || format!("expected `response` alone, got also {beside:?}")),
        );
        let issuer = self.world.provider.issuer.clone();
        let findings = judge(&token, &issuer, &ask.client.id, &self.keys);
        self.note_all(findings);
        let claims = token.claims.as_object().into_iter().flatten();
        let claims = claims.filter(|(name, _)| !ENVELOPE.contains(&name.as_str()));
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Ok(claims.map(|(name, value)| (name.as_str(), text(value))).collect())
    }
}

fn judge(token: &Token, issuer: &str, client_id: &str, keys: &[Value]) -> Vec<Finding> {
    let left = token.number("exp").map(|exp| exp - now());
    vec![
        fail("ValidateJARMResponse: iss", "JARM 2.4-2").equal(token.text("iss"), Some(issuer)),
        fail("ValidateJARMResponse: aud", "JARM 2.4-3").equal(token.text("aud"), Some(client_id)),
        fail("ValidateJARMResponse: exp", "JARM 2.4-4")
            .holds(left.is_some_and(|left| left > -SKEW_SECONDS), || {
                format!("expected a time to come, got {left:?} s")
            }),
        warn("ValidateJARMExpRecommendations", "JARM 2.1")
            .holds(left.is_some_and(|left| LIFETIME_SECONDS.contains(&left)), || {
                format!("expected {LIFETIME_SECONDS:?} s, got {left:?}")
            }),
        fail("FAPI2ValidateJarmSigningAlg", "FAPI2-SP 5.4")
            .holds(FAPI_ALGORITHMS.contains(&token.alg()), || {
                format!("expected one of {FAPI_ALGORITHMS:?}, got {}", token.alg())
            }),
        fail("ValidateJARMSignatureUsingKid", "JARM 2.4-5").result(match token.header_text("kid") {
            Some(_) => token.verify(keys),
            None => Err("expected `kid`, got none".to_owned()),
        }),
    ]
}
