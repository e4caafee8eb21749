//! TLS: a chain from files, or a certificate of the built-in authority.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use flows::Env;
use kms::PrivateKey;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureAlgorithm, SignatureScheme};

use crate::StartError;
use crate::config::Tls;

/// The file in the data folder that holds the built-in authority's TLS root, for those who are to trust it.
pub const ROOT_FILE: &str = "tls-root.pem";

/// Makes `ring` the cryptography of every TLS connection of this process whose maker names none; calling again does nothing.
pub fn provide() {
    default_provider().install_default().ok();
}

/// The server's TLS configuration; `None` for plain HTTP.
pub async fn server_config(
    tls: &Tls,
    env: &Env,
    data: &Path,
) -> Result<Option<Arc<ServerConfig>>, StartError> {
    let certified = match tls {
        Tls::Off => return Ok(None),
        Tls::Files { certificate, key } => from_files(certificate, key)?,
        Tls::BuiltIn => built_in(env, data).await?,
    };
    configure(certified, WebPkiClientVerifier::no_client_auth()).map(Some)
}

/// The TLS configuration of the address where clients are asked for a certificate, and need not have one. Where plain HTTP is spoken
/// elsewhere, the certificate is one of the built-in authority.
pub async fn server_config_with_certificates(
    tls: &Tls,
    env: &Env,
    data: &Path,
) -> Result<Arc<ServerConfig>, StartError> {
    let certified = match tls {
        Tls::Files { certificate, key } => from_files(certificate, key)?,
        Tls::Off | Tls::BuiltIn => built_in(env, data).await?,
    };
    configure(certified, Arc::new(AnyClient(default_provider().signature_verification_algorithms)))
}

fn configure(
    certified: CertifiedKey,
    clients: Arc<dyn ClientCertVerifier>,
) -> Result<Arc<ServerConfig>, StartError> {
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| StartError::Configuration(format!("TLS: {e}")))?;
    let certificate = Arc::new(Always(Arc::new(certified)));
    let mut config = builder.with_client_cert_verifier(clients).with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Lets every client through that holds the key of the certificate it shows, and those that show none. Who it is, is for the OAuth
/// layer to judge (RFC 8705, 2.1 and 2.2): a certificate that signed itself is as good there as one of an authority.
#[derive(Debug)]
struct AnyClient(WebPkiSupportedAlgorithms);

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

fn from_files(certificate: &Path, key: &Path) -> Result<CertifiedKey, StartError> {
    let bad = |path: &Path, e: &dyn fmt::Display| {
        StartError::Configuration(format!("TLS file `{}`: {e}", path.display()))
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|e| bad(certificate, &e))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|e| bad(key, &e))?;
    let signing = default_provider().key_provider.load_private_key(private).map_err(|e| bad(key, &e))?;
    let certified = CertifiedKey::new(chain, signing);
    certified.keys_match().map_err(|e| bad(certificate, &e))?;
    Ok(certified)
}

async fn built_in(env: &Env, data: &Path) -> Result<CertifiedKey, StartError> {
    let issued = flows::tls_certificate::find_or_issue(env, env.now()).await?;
    let path = data.join(ROOT_FILE);
    std::fs::write(&path, issued.root.to_pem()).map_err(|source| StartError::File {
        what: "TLS root file",
        path,
        source,
    })?;
    let chain = vec![CertificateDer::from(issued.certificate.der().to_vec())];
    Ok(CertifiedKey::new(chain, Arc::new(KmsKey(issued.key))))
}

/// One certificate for every name that is asked for.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// A P-256 key behind `kms`, as rustls signs with it.
struct KmsKey(Arc<dyn PrivateKey>);

impl fmt::Debug for KmsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KmsKey").field(&self.0.id()).finish()
    }
}

impl SigningKey for KmsKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let ours = SignatureScheme::ECDSA_NISTP256_SHA256;
        offered.contains(&ours).then(|| Box::new(Self(Arc::clone(&self.0))) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for KmsKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        self.0.sign_der(message).map_err(|e| rustls::Error::General(e.to_string()))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP256_SHA256
    }
}
