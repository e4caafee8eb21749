//! A request of a client at one of the endpoints where it authenticates: token, pushed requests, revocation, introspection.

use std::sync::Arc;

use base::Timestamp;
use oidc::client_authentication::{self as rules, ClientAuthentication, Proof};
use oidc::dpop::{self, DpopProof};
use oidc::{Client, OauthError, Params};
use store::Tx;
use store::rows::once::{self, Shown};

use crate::dpop::{Bound, ProofHeader};
use crate::env::Env;
use crate::error::{Failure, Fault};
use crate::{client_keys, clients};

/// What came.
#[derive(Clone, Copy, Debug)]
pub struct ClientRequest<'a> {
    /// The endpoint's path.
    pub path: &'static str,
    /// The Authorization header.
    pub authorization: Option<&'a [u8]>,
    /// The proof of a key.
    pub proof: &'a ProofHeader,
    /// The form-encoded body.
    pub body: &'a [u8],
}

/// Who sent it, and what may not be shown again.
pub(crate) struct Authenticated {
    pub(crate) client: Arc<Client>,
    pub(crate) params: Params,
    /// The key that the sender proved to hold.
    pub(crate) proof: Option<DpopProof>,
    /// What is still to be recorded: the proof of a client that does not authenticate. Anybody can send one, so it is written down only with
    /// what it is for.
    unrecorded: Option<Shown>,
}

impl Authenticated {
    /// Records what is still to be recorded, in the transaction of what it is for.
    pub(crate) async fn record(&self, tx: &mut Tx) -> Result<(), Failure<OauthError>> {
        let Some(shown) = self.unrecorded else { return Ok(()) };
        if once::show(tx, shown, None).await? { Ok(()) } else { Err(dpop::proof_replayed().into()) }
    }
}

/// Who sent `request`: a client that proved it.
///
/// What may be shown once is recorded before anything else happens, so that it is used up whatever comes of the request.
pub(crate) async fn authenticate(
    env: &Env,
    now: Timestamp,
    request: ClientRequest<'_>,
) -> Result<Authenticated, Failure<OauthError>> {
    let params = Params::parse(request.body).map_err(|e| e.to_oauth_error())?;
    let shown = rules::parse(request.authorization, &params)?;
    let client = clients::lookup(env, now, &shown.client_id).await?;
    rules::check(client.as_deref(), &shown)?;
    let client = client.ok_or_else(|| Fault::message("an unknown client authenticated"))?;
    let assertion = assertion(env, now, &client, &shown).await?;
    let bound = Bound { method: "POST", path: request.path, token: None };
    let proof = crate::dpop::check(env, now, request.proof, bound)?;
    let shown = proof.as_ref().map(crate::dpop::shown);
    if !client.is_confidential() {
        return Ok(Authenticated { client, params, proof, unrecorded: shown });
    }
    record(env, assertion, shown).await?;
    Ok(Authenticated { client, params, proof, unrecorded: None })
}

async fn record(
    env: &Env,
    assertion: Option<Shown>,
    proof: Option<Shown>,
) -> Result<(), Failure<OauthError>> {
    let (first, second, refusal) = match (assertion, proof) {
        (None, None) => return Ok(()),
        (Some(assertion), proof) => (assertion, proof, rules::assertion_replayed()),
        (None, Some(proof)) => (proof, None, dpop::proof_replayed()),
    };
    let mut tx = env.db.begin().await?;
    if !once::show(&mut tx, first, second).await? {
        return Err(refusal.into());
    }
    // COMMIT POINT: for exactly one request.
    Ok(tx.commit().await?)
}

async fn assertion(
    env: &Env,
    now: Timestamp,
    client: &Client,
    shown: &ClientAuthentication,
) -> Result<Option<Shown>, Failure<OauthError>> {
    let Proof::Assertion(assertion) = &shown.proof else { return Ok(None) };
    let check =
        |keys: &jose::KeySet| rules::check_assertion(client, assertion, keys, &env.settings.issuer, now);
    let used = client_keys::with(env, now, client, assertion, check).await?;
    let hash = gm::sm3::hash(format!("assertion\0{}\0{}", client.id, used.jti).as_bytes());
    Ok(Some(Shown { hash, expires: used.expires }))
}
