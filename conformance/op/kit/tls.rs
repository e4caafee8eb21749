//! Whom TLS believes, what a client shows, and what old versions a server still speaks.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// Debian's bundle of public roots: believed when no other file is named and this one is there.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Whom TLS believes.
#[derive(Clone)]
pub(crate) struct Trust {
    roots: Arc<RootCertStore>,
    everyone: bool,
    anonymous: Arc<ClientConfig>,
}

impl Trust {
    /// Believes the roots in `ca_file`, the system's without one, or everyone when `insecure`.
    pub(crate) fn new(ca_file: Option<&Path>, insecure: bool) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        let file = ca_file.or_else(|| Some(Path::new(SYSTEM_ROOTS)).filter(|path| path.is_file()));
        if let Some(file) = file {
            let text = std::fs::read(file).map_err(|e| format!("{}: {e}", file.display()))?;
            let found = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
            roots.add_parsable_certificates(found.map_err(|e| format!("{}: {e}", file.display()))?);
        }
        let roots = Arc::new(roots);
        let anonymous = Arc::new(configure(&roots, insecure, None)?);
        Ok(Self { roots, everyone: insecure, anonymous })
    }

    /// The configuration of a client that shows no certificate.
    pub(crate) fn anonymous(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.anonymous)
    }

    /// A client's identity: its certificate and its key in PKCS #8.
    pub(crate) fn identity(&self, certificate: Vec<u8>, pkcs8: Vec<u8>) -> Result<Identity, String> {
        let shown = Some((CertificateDer::from(certificate), pkcs8));
        Ok(Identity { config: Arc::new(configure(&self.roots, self.everyone, shown)?) })
    }
}

/// A client's certificate with the key it proves.
pub(crate) struct Identity {
    config: Arc<ClientConfig>,
}

impl Identity {
    /// The configuration of a client that shows this certificate.
    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }
}

type Shown = Option<(CertificateDer<'static>, Vec<u8>)>;

fn configure(roots: &Arc<RootCertStore>, everyone: bool, shown: Shown) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| e.to_string())?;
    let builder = if everyone {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Everyone(provider)))
    } else {
        builder.with_root_certificates(Arc::clone(roots))
    };
    match shown {
        None => Ok(builder.with_no_client_auth()),
        Some((certificate, pkcs8)) => {
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8));
            builder.with_client_auth_cert(vec![certificate], key).map_err(|e| e.to_string())
        }
    }
}

/// Believes every certificate but still checks that the server holds its key.
#[derive(Debug)]
struct Everyone(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for Everyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
