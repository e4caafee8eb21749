//! Checks tokens against a set of keys, one rule after another (RFC 7515, 5.2; RFC 7519, 7.2; RFC 8725).

use std::collections::HashMap;

use base::Timestamp;
use serde_json::{Map, Value};

use crate::algorithm::Names;
use crate::json::StrictObject;
use crate::jws::{FormError, Header, Parts, decode_base64url};
use crate::verifier::Verifier;
use crate::{Algorithm, Jwk, JwkError, Jwks};

/// The latest `NumericDate` taken for a time: the end of the year 9999. Anything later is an attack on arithmetic.
pub const NUMERIC_DATE_MAX_SECONDS: i64 = 253_402_300_799;

/// Verification keys by `kid`. Each key has its algorithms ([`Jwk::algorithms`]); the token's `alg` must name one of them.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: HashMap<String, Entry>,
}

/// What the reader of a token expects of it.
#[derive(Debug, Clone, Copy)]
pub struct Expect<'a> {
    /// The type in the header.
    pub typ: Type<'a>,
    /// The exact `iss`.
    pub issuer: &'a str,
    /// Whom the token is for.
    pub audience: Audience<'a>,
    /// The present.
    pub now: Timestamp,
    /// How long after its `exp` a token passes, in seconds.
    pub leeway_seconds: i64,
    /// How far in the future `nbf` and `iat` may be, in seconds: FAPI 2.0 (Security Profile, 5.3.2.1) wants 10 accepted and more than
    /// 60 refused.
    pub ahead_seconds: i64,
    /// The algorithms accepted from this issuer.
    pub algorithms: &'a [Algorithm],
}

/// What a token says that it is, so that none passes for one of another type (RFC 8725, 3.11).
///
/// Types are compared without letters' case and with or without `application/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type<'a> {
    /// No type, or `JWT`, and nothing else: an ID token, which an access token never passes for.
    Plain,
    /// This type; tokens without it are refused.
    Is(&'a str),
    /// This type, or as [`Type::Plain`]: what was written before its type had a name, a request object (RFC 9101, 10.8) or a client
    /// assertion.
    IsOrPlain(&'a str),
}

/// Whom a token is for (RFC 7519, 4.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience<'a> {
    /// The caller looks at `aud` itself.
    Any,
    /// `aud` is this text, or an array of texts with it.
    Includes(&'a str),
    /// `aud` is this text, and no array: a client assertion that no other server is meant by (FAPI 2.0 Security Profile, 5.3.2.1).
    Is(&'a str),
}

/// A token that passed every rule.
///
/// ECDSA has a second valid signature, `(r, n - s)`, for every first one: whether a token was seen before goes by its `jti`, never
/// by its text.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Its header.
    pub header: Header,
    /// Its claims.
    pub claims: Map<String, Value>,
}

/// A token that did not pass. Its text says nothing more; [`Rejected::reason`] is for the operator's log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("token rejected")]
pub struct Rejected {
    reason: Reason,
}

/// Which rule a token broke. For the operator: a stranger is told no more than "rejected" or, where a protocol asks, "expired".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The token's form is wrong.
    #[error(transparent)]
    Form(FormError),
    /// The algorithm is not accepted from this issuer.
    #[error("expected an algorithm accepted from this issuer, got `{got}`")]
    AlgorithmNotAccepted {
        /// What the header says.
        got: Algorithm,
    },
    /// No key has this `kid`; or there is none in the header and not exactly one key to try.
    #[error("expected a known key, got `{kid:?}`")]
    UnknownKey {
        /// What the header says.
        kid: Option<String>,
    },
    /// The key that a proof brings along is none, or no public one of ours.
    #[error("expected a proof's own key in its header: {0}")]
    OwnKey(JwkError),
    /// The key is for another algorithm.
    #[error("expected {}, as the key is for, got `{got}`", Names(expected))]
    AlgorithmOfAnotherKey {
        /// The key's algorithms.
        expected: &'static [Algorithm],
        /// What the header says.
        got: Algorithm,
    },
    /// The type is another.
    #[error("expected another token type, got `{got:?}`")]
    Type {
        /// What the header says.
        got: Option<String>,
    },
    /// The signature does not verify.
    #[error("expected a valid signature")]
    Signature,
    /// The payload is not a JSON object with each name once.
    #[error("expected claims as a JSON object with each name once")]
    Claims,
    /// A claim is missing or of the wrong kind.
    #[error("expected a valid claim `{claim}`")]
    Claim {
        /// Its name.
        claim: &'static str,
    },
    /// Another issuer.
    #[error("expected another issuer, got `{got}`")]
    Issuer {
        /// What came.
        got: String,
    },
    /// Another audience.
    #[error("expected another audience")]
    Audience,
    /// The token's time is over.
    #[error("expected a token that lives, got one that expired at {at}")]
    Expired {
        /// When it expired.
        at: Timestamp,
    },
    /// The token's time has not come (`nbf`), or it was issued in the future (`iat`).
    #[error("expected a token in force, got one from {at}")]
    NotYetValid {
        /// When it will be.
        at: Timestamp,
    },
}

/// Why a key cannot join a [`KeySet`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// The identifier is taken.
    #[error("expected distinct key identifiers, got `{kid}` twice")]
    DuplicateKid {
        /// The identifier.
        kid: String,
    },
    /// Another `jsonwebtoken` provider was installed before ours, so its verdicts would not be ours.
    #[error("expected our provider in `jsonwebtoken`, got another one")]
    ForeignProvider,
}

impl Rejected {
    /// Which rule was broken, for the operator's log.
    pub const fn reason(&self) -> &Reason {
        &self.reason
    }
}

impl From<Reason> for Rejected {
    fn from(reason: Reason) -> Self {
        Self { reason }
    }
}

impl Verified {
    /// The text of `claim`; `None` when it is missing or no text.
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }

    /// The time in `claim`; `None` when it is missing or no `NumericDate`.
    pub fn time(&self, claim: &str) -> Option<Timestamp> {
        self.claims.get(claim).and_then(numeric_date)
    }
}

impl KeySet {
    /// A set without keys; every token is rejected.
    pub fn new() -> Self {
        Self::default()
    }

    /// The keys of `jwks`. Fails when two have the same identifier.
    pub fn from_jwks(jwks: &Jwks) -> Result<Self, KeySetError> {
        let mut set = Self::new();
        jwks.keys().iter().try_for_each(|jwk| set.insert(jwk))?;
        Ok(set)
    }

    /// Adds a key under its `kid`, or under its thumbprint when it has none. Fails when the identifier is taken.
    pub fn insert(&mut self, jwk: &Jwk) -> Result<(), KeySetError> {
        if !crate::provider::install() {
            return Err(KeySetError::ForeignProvider);
        }
        let kid = jwk.kid().map_or_else(|| jwk.thumbprint(), str::to_owned);
        if self.keys.contains_key(&kid) {
            return Err(KeySetError::DuplicateKid { kid });
        }
        self.keys.insert(kid, Entry::new(jwk));
        Ok(())
    }

    /// Takes the key with `kid` out of the set; returns whether it was there.
    pub fn remove(&mut self, kid: &str) -> bool {
        self.keys.remove(kid).is_some()
    }

    /// Whether `token` names a key of this set, or none. Nothing else of it is looked at.
    pub fn knows(&self, token: &str) -> bool {
        let header = Parts::split(token).map(|parts| parts.header);
        header.is_ok_and(|header| header.kid.is_none_or(|kid| self.keys.contains_key(&kid)))
    }

    /// Whether `key` is one of this set. Never so for kinds of keys that no algorithm here has.
    pub fn has(&self, key: &pki::PublicKey) -> bool {
        let thumbprint = Jwk::from_public(key).map(|jwk| jwk.thumbprint());
        thumbprint.is_ok_and(|thumbprint| self.keys.values().any(|entry| entry.thumbprint == thumbprint))
    }

    /// Checks form, algorithm, key, type, signature, issuer, audience and times of `token`, in this order.
    pub fn verify(&self, token: &str, expect: &Expect<'_>) -> Result<Verified, Rejected> {
        let verified = self.verify_ignoring_expiry(token, expect)?;
        check_expiry(&verified, expect)?;
        Ok(verified)
    }

    /// As [`KeySet::verify`], but a token whose time is over passes: an `id_token_hint` usually is (OpenID Connect
    /// RP-Initiated Logout 1.0, 4). It must carry an `exp` all the same.
    pub fn verify_ignoring_expiry(&self, token: &str, expect: &Expect<'_>) -> Result<Verified, Rejected> {
        let verified = self.verify_undated(token, expect)?;
        required_time(&verified, "exp")?;
        Ok(verified)
    }

    /// Everything but `exp`.
    fn verify_undated(&self, token: &str, expect: &Expect<'_>) -> Result<Verified, Rejected> {
        let parts = Parts::split(token).map_err(Reason::Form)?;
        let entry = self.key_for(&parts.header, expect)?;
        check_type(&parts.header, expect)?;
        let claims = signed_claims(&entry.verifier, &parts)?;
        let verified = Verified { header: parts.header, claims };
        check_issuer(&verified, expect)?;
        check_audience(&verified, expect)?;
        check_beginning(&verified, expect)?;
        Ok(verified)
    }

    /// As [`KeySet::verify`], but a token may go without `exp`: how long what it says may be believed is then its reader's to decide, by its
    /// `iat` (a software statement, RFC 7591, 2.3).
    pub fn verify_with_or_without_expiry(
        &self,
        token: &str,
        expect: &Expect<'_>,
    ) -> Result<Verified, Rejected> {
        let verified = self.verify_undated(token, expect)?;
        if verified.claims.contains_key("exp") {
            check_expiry(&verified, expect)?;
        }
        Ok(verified)
    }

    /// The key that the header names, if its algorithm is the header's and is accepted.
    fn key_for(&self, header: &Header, expect: &Expect<'_>) -> Result<&Entry, Reason> {
        let got = header.algorithm;
        if !expect.algorithms.contains(&got) {
            return Err(Reason::AlgorithmNotAccepted { got });
        }
        let found = match &header.kid {
            Some(kid) => self.keys.get(kid),
            None => self.only_key_for(got),
        };
        let entry = found.ok_or_else(|| Reason::UnknownKey { kid: header.kid.clone() })?;
        let expected = entry.algorithms;
        if expected.contains(&got) { Ok(entry) } else { Err(Reason::AlgorithmOfAnotherKey { expected, got }) }
    }

    /// A header may leave `kid` out when there is one key it can mean (OpenID Connect Core 1.0, 10.1).
    fn only_key_for(&self, algorithm: Algorithm) -> Option<&Entry> {
        let mut candidates = self.keys.values().filter(|entry| entry.algorithms.contains(&algorithm));
        let first = candidates.next();
        if candidates.next().is_none() { first } else { None }
    }
}

/// A key ready to verify, and what it may verify.
#[derive(Debug)]
struct Entry {
    thumbprint: String,
    algorithms: &'static [Algorithm],
    verifier: Verifier,
}

impl Entry {
    fn new(jwk: &Jwk) -> Self {
        Self {
            thumbprint: jwk.thumbprint(),
            algorithms: jwk.algorithms(),
            verifier: Verifier::new(jwk.key()),
        }
    }
}

/// The claims of a token whose signature `verifier` accepts.
pub(crate) fn signed_claims(verifier: &Verifier, parts: &Parts<'_>) -> Result<Map<String, Value>, Reason> {
    let message = parts.signing_input.as_bytes();
    if !verifier.verifies(parts.header.algorithm, message, parts.signature) {
        return Err(Reason::Signature);
    }
    let json = decode_base64url(parts.payload).ok_or(Reason::Claims)?;
    StrictObject::from_slice(&json).map(|object| object.0).map_err(|_| Reason::Claims)
}

fn check_type(header: &Header, expect: &Expect<'_>) -> Result<(), Reason> {
    let is = |name: &str| header.typ.as_deref().is_some_and(|typ| same_type(typ, name));
    let is_plain = || header.typ.is_none() || is("JWT");
    let holds = match expect.typ {
        Type::Plain => is_plain(),
        Type::Is(name) => is(name),
        Type::IsOrPlain(name) => is(name) || is_plain(),
    };
    if holds { Ok(()) } else { Err(Reason::Type { got: header.typ.clone() }) }
}

/// Media types are compared without letters' case, and `application/` may be left out (RFC 7515, 4.1.9).
pub(crate) fn same_type(typ: &str, name: &str) -> bool {
    let bare = match typ.split_once('/') {
        Some((tree, rest)) if tree.eq_ignore_ascii_case("application") => rest,
        _ => typ,
    };
    bare.eq_ignore_ascii_case(name)
}

fn check_issuer(token: &Verified, expect: &Expect<'_>) -> Result<(), Reason> {
    let got = token.text("iss").ok_or(Reason::Claim { claim: "iss" })?;
    if got == expect.issuer { Ok(()) } else { Err(Reason::Issuer { got: got.to_owned() }) }
}

/// `aud` is a text or an array of texts (RFC 7519, 4.1.3).
fn check_audience(token: &Verified, expect: &Expect<'_>) -> Result<(), Reason> {
    let (audience, may_be_one_of_many) = match expect.audience {
        Audience::Any => return Ok(()),
        Audience::Includes(audience) => (audience, true),
        Audience::Is(audience) => (audience, false),
    };
    let addressed = match token.claims.get("aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(many)) if may_be_one_of_many && many.iter().all(Value::is_string) => {
            many.iter().any(|v| v == audience)
        }
        _ => return Err(Reason::Claim { claim: "aud" }),
    };
    if addressed { Ok(()) } else { Err(Reason::Audience) }
}

/// `nbf` and `iat`, when they are there, are not in the future.
fn check_beginning(token: &Verified, expect: &Expect<'_>) -> Result<(), Reason> {
    for claim in ["nbf", "iat"] {
        if token.claims.contains_key(claim) {
            let at = required_time(token, claim)?;
            if at > expect.now.plus_seconds(expect.ahead_seconds) {
                return Err(Reason::NotYetValid { at });
            }
        }
    }
    Ok(())
}

/// The present is before `exp` (RFC 7519, 4.1.4: "on or after which" the token is not accepted).
fn check_expiry(token: &Verified, expect: &Expect<'_>) -> Result<(), Reason> {
    let at = required_time(token, "exp")?;
    if expect.now < at.plus_seconds(expect.leeway_seconds) { Ok(()) } else { Err(Reason::Expired { at }) }
}

fn required_time(token: &Verified, claim: &'static str) -> Result<Timestamp, Reason> {
    token.time(claim).ok_or(Reason::Claim { claim })
}

/// A `NumericDate`: seconds since 1970, whole or not (RFC 7519, 2), within 0 and [`NUMERIC_DATE_MAX_SECONDS`].
pub fn numeric_date(value: &Value) -> Option<Timestamp> {
    let seconds = match value.as_i64() {
        Some(whole) => whole,
        None => value.as_f64().filter(|s| s.abs() < 1e15).map(|s| s.floor() as i64)?,
    };
    (0..=NUMERIC_DATE_MAX_SECONDS).contains(&seconds).then(|| Timestamp::from_unix_seconds(seconds))
}
