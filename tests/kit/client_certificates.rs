//! Certificates of applications, authorities that issue them, and connections over which they are shown.

use std::net::TcpListener;
use std::sync::Arc;

use base::{Clock, OsEntropy, Timestamp};
use oidc::mtls::TakenAt;
use pki::issue::{Profile, Serial, Template, issue};
use pki::{AltName, Certificate, Name, PublicKey, SignError, SignatureAlgorithm, Signer};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore, SignatureScheme, SupportedProtocolVersion};

use super::app::TestApp;
use super::clock::FixedClock;

const DAY_SECONDS: i64 = 86_400;

/// A P-256 key.
pub(crate) struct Key {
    pkcs8: Vec<u8>,
    pair: EcdsaKeyPair,
}

/// A certificate with the key that it is for, and what stands above it.
pub(crate) struct Identity {
    pub(crate) certificate: Certificate,
    pub(crate) above: Vec<Certificate>,
    pub(crate) key: Key,
}

/// What a certificate says.
#[derive(Clone)]
pub(crate) struct Says {
    pub(crate) profile: Profile,
    pub(crate) subject: Name,
    pub(crate) alt_names: Vec<AltName>,
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

impl Key {
    pub(crate) fn new() -> Self {
        let rng = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &rng).unwrap();
        let pkcs8 = made.as_ref().to_vec();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8, &rng).unwrap();
        Self { pkcs8, pair }
    }

    /// As it is registered.
    pub(crate) fn jwk(&self) -> serde_json::Value {
        jose::Jwk::from_public(&self.public_key()).unwrap().to_json()
    }
}

impl Signer for Key {
    fn public_key(&self) -> PublicKey {
        PublicKey::P256(self.pair.public_key().as_ref().try_into().unwrap())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaSha256
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(self.pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec())
    }
}

impl Says {
    /// That it is a TLS client's, called `common_name`, good from yesterday to tomorrow.
    pub(crate) fn client(app: &TestApp, common_name: &str) -> Self {
        Self {
            profile: Profile::TlsClient,
            subject: Name {
                country: "CN".into(),
                organization: "税务局".into(),
                common_name: common_name.into(),
                ..Name::default()
            },
            alt_names: Vec::new(),
            from: app.now().plus_seconds(-DAY_SECONDS),
            until: app.now().plus_seconds(DAY_SECONDS),
        }
    }

    pub(crate) fn named(self, alt_names: &[AltName]) -> Self {
        Self { alt_names: alt_names.to_vec(), ..self }
    }

    fn template(&self, public_key: PublicKey) -> Template {
        Template {
            profile: self.profile,
            subject: self.subject.clone(),
            public_key,
            serial: Serial::random(&OsEntropy),
            not_before: self.from,
            not_after: self.until,
            alt_names: self.alt_names.clone(),
        }
    }
}

impl Identity {
    /// An authority.
    pub(crate) fn root(app: &TestApp, common_name: &str) -> Self {
        let (from, until) =
            (app.now().plus_seconds(-9 * DAY_SECONDS), app.now().plus_seconds(9 * DAY_SECONDS));
        Self::self_signed(Says { profile: Profile::RootCa, from, until, ..Says::client(app, common_name) })
    }

    /// One that signs itself, whatever it `says`.
    pub(crate) fn self_signed(says: Says) -> Self {
        let key = Key::new();
        let template = Says { profile: Profile::RootCa, ..says }.template(key.public_key());
        Self { certificate: issue(&template, None, &key).unwrap(), above: Vec::new(), key }
    }

    /// One that this authority issues.
    pub(crate) fn issues(&self, says: &Says) -> Self {
        let above = [&self.above[..], std::slice::from_ref(&self.certificate)].concat();
        Self::issued(says, &self.certificate, &self.key, above)
    }

    /// One that the authority built into the service issues, which signs with SM2.
    pub(crate) fn of_the_built_in_authority(app: &TestApp, says: &Says) -> Self {
        let keyring = app.env().keyring();
        let says = Says { from: app.now(), ..says.clone() };
        Self::issued(&says, &keyring.issuing, &keyring.issuing_signer(), Vec::new())
    }

    fn issued(says: &Says, issuer: &Certificate, signer: &dyn Signer, above: Vec<Certificate>) -> Self {
        let key = Key::new();
        let certificate = issue(&says.template(key.public_key()), Some(issuer), signer).unwrap();
        Self { certificate, above, key }
    }

    /// `x5t#S256`.
    pub(crate) fn thumbprint(&self) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA256, self.certificate.der());
        base::encoding::base64url(digest.as_ref())
    }

    fn chain(&self) -> Vec<CertificateDer<'static>> {
        let chain = std::iter::once(&self.certificate).chain(&self.above);
        chain.map(|certificate| CertificateDer::from(certificate.der().to_vec())).collect()
    }
}

impl TestApp {
    /// Starts again with an address where clients are asked for certificates, believing those of `authorities`; its base.
    pub(crate) async fn asks_for_certificates(&mut self, authorities: &[&Identity]) -> String {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let base = format!("https://127.0.0.1:{port}");
        let roots = self.config().data.join("clients.pem");
        let text: Vec<String> = authorities.iter().map(|authority| authority.certificate.to_pem()).collect();
        std::fs::write(&roots, text.concat()).unwrap();
        self.restart_with(|config| {
            config.certificates.listen = vec![format!("127.0.0.1:{port}").parse().unwrap()];
            config.certificates.taken_at = TakenAt::Base(base.parse().unwrap());
            config.certificates.roots = if text.is_empty() { Vec::new() } else { vec![roots] };
        })
        .await;
        base
    }

    /// A client that shows `identity`, or none.
    pub(crate) fn shows(&self, identity: Option<&Identity>) -> reqwest::Client {
        self.connects(identity.map(|i| (i.chain(), &i.key)), rustls::DEFAULT_VERSIONS)
    }

    /// The same over TLS 1.2.
    pub(crate) fn shows_in_tls12(&self, identity: &Identity) -> reqwest::Client {
        self.connects(Some((identity.chain(), &identity.key)), &[&rustls::version::TLS12])
    }

    /// A client that shows `identity` and has `another` key.
    pub(crate) fn pretends(&self, identity: &Identity, another: &Key) -> reqwest::Client {
        self.connects(Some((identity.chain(), another)), rustls::DEFAULT_VERSIONS)
    }

    fn connects(
        &self,
        shown: Option<(Vec<CertificateDer<'static>>, &Key)>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> reqwest::Client {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        let root = std::fs::read_to_string(self.config().data.join(yinxin::tls::ROOT_FILE)).unwrap();
        let root = Certificate::from_pem(&root).unwrap().der().to_vec();
        roots.add(CertificateDer::from(root)).unwrap();
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let time = Arc::new(Time(Arc::clone(&self.clock)));
        let builder = ClientConfig::builder_with_details(Arc::clone(&provider), time)
            .with_protocol_versions(versions)
            .unwrap()
            .with_webpki_verifier(verifier.build().unwrap());
        let config = match shown {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.pkcs8.clone()));
                let key = provider.key_provider.load_private_key(key).unwrap();
                let shown = Arc::new(CertifiedKey::new(chain, key));
                builder.with_client_cert_resolver(Arc::new(Always(shown)))
            }
        };
        reqwest::Client::builder().no_proxy().tls_backend_preconfigured(config).build().unwrap()
    }
}

/// The time of the story.
#[derive(Debug)]
struct Time(Arc<FixedClock>);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().unix_seconds()).unwrap();
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}

/// Whatever is asked for, this is shown.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesClientCert for Always {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
