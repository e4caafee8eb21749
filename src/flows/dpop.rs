//! Proofs of a key that come with a request (RFC 9449), and the nonces that make them ours.

use base::Timestamp;
use base::encoding::{base64url, from_base64url, same_bytes};
use oidc::OauthError;
use oidc::dpop::{self as rules, DpopProof, Expected, NONCE_MAX_AGE_SECONDS};
use store::rows::once::Shown;

use crate::env::Env;

/// How long a nonce is given out, in seconds; it is taken for twice as long.
const NONCE_SECONDS: i64 = NONCE_MAX_AGE_SECONDS / 2;
const NONCE_MAC_BYTES: usize = 16;

/// The `DPoP` header of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProofHeader {
    /// None came.
    #[default]
    Absent,
    /// One came.
    One(String),
    /// Several came, or one that is no text.
    Unusable,
}

/// The request that a proof must be made for.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'a> {
    /// Its method, `POST`.
    pub method: &'a str,
    /// Its path under the issuer.
    pub path: &'a str,
    /// The access token that it carries.
    pub token: Option<&'a str>,
}

/// The proof in `header`, if there is one, and it holds for the request. That it was not shown before is for [`shown`] and the store.
pub(crate) fn check(
    env: &Env,
    now: Timestamp,
    header: &ProofHeader,
    bound: Bound<'_>,
) -> Result<Option<DpopProof>, OauthError> {
    let proof = match header {
        ProofHeader::Absent => return Ok(None),
        ProofHeader::Unusable => return Err(rules::not_one_proof()),
        ProofHeader::One(proof) => proof,
    };
    // The client knows under which of our names it calls; a proxy in front may hide it from us.
    let bases = [Some(&env.settings.issuer), env.settings.certificates.taken_at.base()];
    let addresses: Vec<String> = bases.into_iter().flatten().map(|base| base.url(bound.path)).collect();
    let expected = Expected { method: bound.method, addresses: &addresses, access_token: bound.token, now };
    let proof = rules::check(proof, expected, |nonce| is_nonce(env, now, nonce))?;
    if env.settings.dpop_nonces_required && !proof.has_nonce {
        return Err(rules::use_nonce());
    }
    Ok(Some(proof))
}

/// What must be remembered of a proof.
pub(crate) fn shown(proof: &DpopProof, now: Timestamp) -> Shown {
    let hash = gm::sm3::hash(format!("dpop\0{}\0{}", proof.jkt, proof.jti).as_bytes());
    Shown::new(hash, proof.expires, now)
}

/// The nonce to put into the next proofs: the time it was made, sealed. Nothing is stored, and every node takes it.
pub fn nonce(env: &Env, now: Timestamp) -> String {
    nonce_of(env, now.unix_seconds().div_euclid(NONCE_SECONDS))
}

fn is_nonce(env: &Env, now: Timestamp, shown: &str) -> bool {
    let window = now.unix_seconds().div_euclid(NONCE_SECONDS);
    let is = |window: i64| same_bytes(nonce_of(env, window).as_bytes(), shown.as_bytes());
    from_base64url(shown).is_some() && (is(window) | is(window - 1))
}

fn nonce_of(env: &Env, window: i64) -> String {
    let mac = gm::hmac::hmac_sm3(env.secrets.nonces.expose(), &[&window.to_be_bytes()]);
    let (mac, _) = mac.split_at(NONCE_MAC_BYTES);
    base64url(mac)
}
