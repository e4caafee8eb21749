//! A request of a client at one of the endpoints where it authenticates: token, pushed requests, revocation, introspection.

use std::sync::Arc;

use base::Timestamp;
use oidc::client::AuthMethod;
use oidc::client_authentication::{self as rules, ClientAuthentication, Proof};
use oidc::dpop::{self, DpopProof};
use oidc::mtls::{self, ClientCertificate};
use oidc::{Client, Confirmation, ErrorCode, OauthError, Params};
use store::Tx;
use store::rows::keys;
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
    /// The certificate on the connection.
    pub certificate: Option<&'a ClientCertificate>,
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
    /// The thumbprint of the certificate that it showed.
    certificate: Option<String>,
    /// What the tokens that it gets are bound to: a key that it proved, and its certificate when it registered for that.
    pub(crate) bound_to: Confirmation,
}

impl Authenticated {
    /// Records what is still to be recorded, in the transaction of what it is for.
    pub(crate) async fn record(&self, tx: &mut Tx) -> Result<(), Failure<OauthError>> {
        let Some(shown) = self.unrecorded else { return Ok(()) };
        if once::show(tx, shown).await? { Ok(()) } else { Err(dpop::proof_replayed().into()) }
    }

    /// What the sender has proven, for what is bound already.
    pub(crate) fn shown(&self) -> Confirmation {
        let jkt = self.proof.as_ref().map(|proof| proof.jkt.clone());
        Confirmation { jkt, x5t_s256: self.certificate.clone() }
    }

    /// Whether everything came that its tokens must be bound to (RFC 9449, 5.2; RFC 8705, 3.4).
    pub(crate) fn check_binding(&self) -> Result<(), OauthError> {
        let binding = self.client.binding;
        if binding.dpop && self.proof.is_none() {
            return Err(dpop::proof_missing());
        }
        if binding.certificate && self.certificate.is_none() {
            return Err(mtls::certificate_missing());
        }
        Ok(())
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
    let client = clients::current(env, now, &shown.client_id).await.map_err(|failure| match failure {
        Failure::Rejected(bad) => {
            OauthError::new(ErrorCode::InvalidClient, format!("client_id: {bad}")).into()
        }
        Failure::Fault(fault) => Failure::Fault(fault),
    })?;
    rules::check(client.as_deref(), &shown)?;
    let client = client.ok_or_else(|| Fault::message("an unknown client authenticated"))?;
    let assertion = assertion(env, now, &client, &shown).await?;
    certificate(env, now, &client, request.certificate).await?;
    let bound = Bound { method: "POST", path: request.path, token: None };
    let proof = crate::dpop::check(env, now, request.proof, bound)?;
    let mut unrecorded = proof.as_ref().map(|proof| crate::dpop::shown(proof, now));
    if client.is_confidential() {
        record(env, assertion, unrecorded.take()).await?;
    }
    let certificate = request.certificate.map(|certificate| certificate.thumbprint().to_owned());
    let bound_to = Confirmation {
        jkt: proof.as_ref().map(|proof| proof.jkt.clone()),
        x5t_s256: certificate.clone().filter(|_| client.binding.certificate),
    };
    Ok(Authenticated { client, params, proof, unrecorded, certificate, bound_to })
}

/// Whether the certificate on the connection proves the client, where that is how it authenticates.
async fn certificate(
    env: &Env,
    now: Timestamp,
    client: &Client,
    shown: Option<&ClientCertificate>,
) -> Result<(), Failure<OauthError>> {
    match client.auth_method {
        AuthMethod::TlsClientAuth => {
            let keyring = env.keyring();
            let mut anchors = keyring.anchors();
            env.settings.certificates.roots.iter().cloned().for_each(|root| anchors.add(root));
            mtls::check_issued(client, shown, &anchors, &keyring.intermediates(), now)?;
            not_revoked(env, shown).await
        }
        AuthMethod::SelfSignedTlsClientAuth => {
            let known = |keys: &jose::KeySet| shown.is_some_and(|shown| mtls::is_of(shown, keys));
            let keys = client_keys::all(env, now, client, known).await?;
            Ok(mtls::check_own(client, shown, &keys, now)?)
        }
        AuthMethod::ClientSecretBasic
        | AuthMethod::ClientSecretPost
        | AuthMethod::PrivateKeyJwt
        | AuthMethod::None => Ok(()),
    }
}

/// What the built-in authority issued it may have taken back.
async fn not_revoked(env: &Env, shown: Option<&ClientCertificate>) -> Result<(), Failure<OauthError>> {
    let Some(shown) = shown else { return Ok(()) };
    let issued = keys::find_certificate(&mut *env.db.read().await?, &shown.fingerprint_sm3()).await?;
    match issued.and_then(|row| row.revoked) {
        Some(_) => Err(mtls::revoked().into()),
        None => Ok(()),
    }
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
    let shown = [Some(first), second].into_iter().flatten().collect();
    if env.shown.first_time(&env.db, shown).await? { Ok(()) } else { Err(refusal.into()) }
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
    Ok(Some(Shown::new(hash, used.expires, now)))
}
