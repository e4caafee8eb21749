//! A TLS certificate for this server from the built-in authority.
//!
//! Browsers and libraries do not know SM2, so TLS has a P-256 root of its own beside the SM2 one.

use std::sync::Arc;

use base::Timestamp;
use kms::{Algorithm, CertSigner, PrivateKey, Purpose};
use pki::issue::Profile;
use pki::{AltName, Certificate, Name};
use store::rows::keys as rows;

use crate::certificates::{self, Authority, Order};
use crate::env::Env;
use crate::error::Fault;
use crate::keyring::{open_key, profile};

const ROOT_SECONDS: i64 = 10 * 365 * 86_400;
/// The longest that browsers accept.
const SERVER_SECONDS: i64 = 397 * 86_400;
/// A certificate is replaced when less is left of it.
const RENEW_BEFORE_SECONDS: i64 = 30 * 86_400;
const SYSTEM: &str = "system";

/// A certificate with its key and the root above it.
pub struct Issued {
    /// The server's certificate.
    pub certificate: Certificate,
    /// Its key.
    pub key: Arc<dyn PrivateKey>,
    /// The root that clients are to trust.
    pub root: Certificate,
}

/// The certificate for the issuer's host, issued when there is none that still holds.
pub async fn find_or_issue(env: &Env, now: Timestamp) -> Result<Issued, Fault> {
    let names = alt_names(env);
    let mut conn = env.db.read().await?;
    let root = rows::certificates(&mut conn, profile::TLS_ROOT).await?.pop();
    let server = rows::certificates(&mut conn, profile::TLS_SERVER).await?.pop();
    if let (Some(root), Some(server)) = (root, server) {
        let certificate = Certificate::from_der(&server.der)?;
        let holds = now.plus_seconds(RENEW_BEFORE_SECONDS) < certificate.not_after();
        if holds && certificate.alt_names() == names {
            let key = open_key(&mut conn, env.keys.as_ref(), server.key_id).await?;
            return Ok(Issued { certificate, key, root: Certificate::from_der(&root.der)? });
        }
    }
    drop(conn);
    issue(env, now, names).await
}

/// The issuer's host, and the one where clients bring their certificates.
fn alt_names(env: &Env) -> Vec<AltName> {
    let mut names = vec![alt_name(&env.settings.issuer)];
    let with_certificates = env.settings.certificates.taken_at.base().map(alt_name);
    names.extend(with_certificates.filter(|name| !names.contains(name)));
    names
}

fn alt_name(issuer: &oidc::Issuer) -> AltName {
    let url = issuer.to_url("");
    match url.as_ref().and_then(url::Url::host) {
        Some(url::Host::Domain(name)) => AltName::Dns(name.to_owned()),
        Some(url::Host::Ipv4(ip)) => AltName::Ip(ip.into()),
        Some(url::Host::Ipv6(ip)) => AltName::Ip(ip.into()),
        None => AltName::Dns("localhost".to_owned()),
    }
}

async fn issue(env: &Env, now: Timestamp, alt_names: Vec<AltName>) -> Result<Issued, Fault> {
    let (provider, entropy) = (env.keys.as_ref(), env.entropy.as_ref());
    let (root_id, root_key) =
        certificates::new_key(provider, Purpose::RootCa, Algorithm::P256, now, entropy)?;
    let (server_id, server_key) =
        certificates::new_key(provider, Purpose::TlsServer, Algorithm::P256, now, entropy)?;
    let name = |common_name: &str| Name { common_name: common_name.to_owned(), ..Name::default() };
    let root_order = Order {
        profile: Profile::RootCa,
        profile_name: profile::TLS_ROOT,
        subject: name("Yinxin TLS Root CA"),
        alt_names: Vec::new(),
        key: &root_key,
        key_id: root_id,
        valid_seconds: ROOT_SECONDS,
        actor: SYSTEM,
    };
    let signer = CertSigner::new(provider.open(&root_key)?)?;
    let root =
        certificates::sign(&root_order, &Authority { certificate: None, signer: &signer }, now, entropy)?;
    let server_order = Order {
        profile: Profile::TlsServer,
        profile_name: profile::TLS_SERVER,
        subject: name("Yinxin"),
        alt_names,
        key: &server_key,
        key_id: server_id,
        valid_seconds: SERVER_SECONDS,
        actor: SYSTEM,
    };
    let under_root = Authority { certificate: Some(&root), signer: &signer };
    let certificate = certificates::sign(&server_order, &under_root, now, entropy)?;
    let mut tx = env.db.begin().await?;
    certificates::keep_key(&mut tx, root_id, &root_key, SYSTEM, now, entropy).await?;
    certificates::keep_key(&mut tx, server_id, &server_key, SYSTEM, now, entropy).await?;
    certificates::keep(&mut tx, &root_order, None, &root, now, entropy).await?;
    certificates::keep(&mut tx, &server_order, Some(&root), &certificate, now, entropy).await?;
    tx.commit().await?;
    Ok(Issued { certificate, key: provider.open(&server_key)?, root })
}
