//! Certificates of clients (RFC 8705): where they are taken, and whom one proves.
//!
//! A connection proves that the client holds the certificate's key, and nothing more: whoever made the certificate, whatever it
//! says. Here it is judged.

use std::fmt;
use std::net::IpAddr;

use base::Timestamp;
use base::encoding::base64url;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jose::KeySet;
use pki::path::{self, Anchors, Purpose};
use pki::{AltName, Certificate, ExpectedName};

use crate::client::{AuthMethod, Client};
use crate::error::{ErrorCode, OauthError, invalid_request};
use crate::issuer::Issuer;

/// Most certificates that are taken from one request, the client's own included.
pub const CHAIN_MAX_COUNT: usize = path::PATH_MAX_COUNT;

/// The members of a registration that say what a certificate must name (RFC 8705, 2.1.2).
pub const CERTIFICATE_MEMBERS: [&str; 5] = [
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
];

/// Where client certificates are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TakenAt {
    /// Nowhere: neither by a listener of ours nor by a proxy.
    #[default]
    Nowhere,
    /// At the ordinary addresses.
    TheIssuer,
    /// At the same paths under this base, so that browsers are not asked for one (RFC 8705, 5).
    Base(Issuer),
}

impl TakenAt {
    /// Whether they are taken at all.
    pub fn is_somewhere(&self) -> bool {
        *self != Self::Nowhere
    }

    /// The base that is not the issuer.
    pub const fn base(&self) -> Option<&Issuer> {
        match self {
            Self::Base(base) => Some(base),
            Self::Nowhere | Self::TheIssuer => None,
        }
    }
}

/// The certificate that came with a request, and those that came with it to prove it.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    thumbprint: String,
    der: Vec<u8>,
    above: Vec<Vec<u8>>,
}

impl ClientCertificate {
    /// The client's own certificate in DER, and what came `above` it. Nothing of them is read yet.
    pub fn new(der: Vec<u8>, above: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, &der);
        let above = above.into_iter().take(CHAIN_MAX_COUNT - 1).collect();
        Self { thumbprint: base64url(digest.as_ref()), der, above }
    }

    /// What a proxy says that it was shown: `own` and `chain` as in the headers of RFC 9440, 2 (`:base64:`, several after commas). Taken are
    /// also bare base64 and PEM, percent-encoded, which other proxies write. `None` when it is none of these.
    pub fn forwarded(own: &str, chain: &str) -> Option<Self> {
        let mut shown = certificates(own)?.into_iter();
        let der = shown.next()?;
        Some(Self::new(der, shown.chain(certificates(chain)?)))
    }

    /// The SHA-256 of its DER as base64url: `x5t#S256` (RFC 8705, 3.1).
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The SM3 of its DER, under which the built-in authority keeps what it issued.
    pub fn fingerprint_sm3(&self) -> [u8; 32] {
        gm::sm3::hash(&self.der)
    }

    fn read(&self) -> Result<Certificate, OauthError> {
        Certificate::from_der(&self.der).map_err(|e| wrong(&e.to_string()))
    }
}

fn certificates(text: &str) -> Option<Vec<Vec<u8>>> {
    let text = percent_decoded(text.trim())?;
    if text.is_empty() {
        return Some(Vec::new());
    }
    if text.contains("-----BEGIN") {
        return pki::pem::decode_all(&text, "CERTIFICATE").ok();
    }
    let bare = |item: &str| {
        let item = item.trim();
        let inside = item.strip_prefix(':').and_then(|rest| rest.strip_suffix(':'));
        STANDARD.decode(inside.unwrap_or(item)).ok()
    };
    text.split(',').take(CHAIN_MAX_COUNT).map(bare).collect()
}

/// Unlike a form's, a `+` stays what it is.
fn percent_decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.bytes());
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        bytes.push(u8::try_from(digit()? << 4 | digit()?).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// What a certificate from an authority must say to be a client's (RFC 8705, 2.1.2).
#[derive(Debug, Clone)]
pub enum CertificateSubject {
    /// `tls_client_auth_subject_dn`: the subject's name.
    Name(ExpectedName),
    /// `tls_client_auth_san_dns`: a host name.
    Dns(String),
    /// `tls_client_auth_san_uri`: a URI.
    Uri(String),
    /// `tls_client_auth_san_ip`: an IP address.
    Ip(IpAddr),
    /// `tls_client_auth_san_email`: a mail address.
    Email(String),
}

impl CertificateSubject {
    /// Whether `certificate` says so.
    ///
    /// Host names are compared without regard to case and in full: a `*` stands for itself, and none may be registered. URIs are
    /// compared byte for byte, mail addresses likewise but for the host's case (RFC 5280, 7.2 to 7.5).
    pub fn is_in(&self, certificate: &Certificate) -> bool {
        let any = |is: &dyn Fn(&AltName) -> bool| certificate.alt_names().iter().any(is);
        match self {
            Self::Name(expected) => certificate.has_subject(expected),
            Self::Dns(expected) => {
                any(&|name| matches!(name, AltName::Dns(host) if host.eq_ignore_ascii_case(expected)))
            }
            Self::Uri(expected) => any(&|name| matches!(name, AltName::Uri(uri) if uri == expected)),
            Self::Ip(expected) => any(&|name| matches!(name, AltName::Ip(ip) if ip == expected)),
            Self::Email(expected) => {
                any(&|name| matches!(name, AltName::Email(address) if same_mailbox(address, expected)))
            }
        }
    }
}

fn same_mailbox(one: &str, other: &str) -> bool {
    match (one.rsplit_once('@'), other.rsplit_once('@')) {
        (Some((mailbox, host)), Some((other_mailbox, other_host))) => {
            mailbox == other_mailbox && host.eq_ignore_ascii_case(other_host)
        }
        _ => false,
    }
}

/// Whether `shown` proves that the caller is `client`, which registered for `tls_client_auth`: it says what was registered, is for TLS
/// clients, and an authority that is trusted stands above it now. That it was not revoked is the caller's to ask.
///
/// `known` are intermediate certificates at hand beside those that came. Source: RFC 8705, 2.1.
pub fn check_issued(
    client: &Client,
    shown: Option<&ClientCertificate>,
    anchors: &Anchors,
    known: &[Certificate],
    now: Timestamp,
) -> Result<(), OauthError> {
    let shown = shown.ok_or_else(|| none_came(client))?;
    let certificate = shown.read()?;
    if !client.certificate_subject.as_ref().is_some_and(|subject| subject.is_in(&certificate)) {
        return Err(wrong(&format!(
            "it is not the one that client `{}` is registered for, its subject is `{}`",
            client.id,
            certificate.subject_rfc4514()
        )));
    }
    // One that cannot be read helps nobody, and does not stand in the way of the others.
    let above = shown.above.iter().filter_map(|der| Certificate::from_der(der).ok());
    let above: Vec<Certificate> = above.chain(known.iter().cloned()).collect();
    let held = path::validate(&certificate, &above, anchors, now, Purpose::TlsClient);
    held.map(drop).map_err(|e| wrong(&e.to_string()))
}

/// Whether `shown` proves that the caller is `client`, which registered for `self_signed_tls_client_auth`: its key is one of those that
/// the client registered, and its time is now. Who signed it does not matter (RFC 8705, 2.2).
pub fn check_own(
    client: &Client,
    shown: Option<&ClientCertificate>,
    keys: &KeySet,
    now: Timestamp,
) -> Result<(), OauthError> {
    let shown = shown.ok_or_else(|| none_came(client))?;
    if !is_of(shown, keys) {
        return Err(wrong(&format!("its key is none of those that client `{}` registered", client.id)));
    }
    let certificate = shown.read()?;
    if !certificate.is_valid_at(now) {
        let (from, until) = (certificate.not_before(), certificate.not_after());
        return Err(wrong(&format!("it is good from {from} to {until}, and it is {now}")));
    }
    Ok(())
}

/// Whether the certificate's key is one of `keys`.
pub fn is_of(shown: &ClientCertificate, keys: &KeySet) -> bool {
    Certificate::from_der(&shown.der).is_ok_and(|certificate| keys.has(certificate.public_key()))
}

/// No certificate came with a request whose tokens must be bound to one (RFC 8705, 3).
pub fn certificate_missing() -> OauthError {
    invalid_request(
        "this client's tokens are bound to its certificate, and none came: call the addresses in `mtls_endpoint_aliases`",
    )
}

/// The authority above the certificate has taken it back.
pub fn revoked() -> OauthError {
    wrong("it was revoked")
}

fn none_came(client: &Client) -> OauthError {
    OauthError::new(
        ErrorCode::InvalidClient,
        format!(
            "client `{}` is registered for {} and no certificate came: call the addresses in `mtls_endpoint_aliases`",
            client.id,
            client.auth_method.as_str()
        ),
    )
}

fn wrong(what: &str) -> OauthError {
    OauthError::new(ErrorCode::InvalidClient, format!("client certificate: {what}"))
}

impl fmt::Display for CertificateSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name}"),
            Self::Dns(text) | Self::Uri(text) | Self::Email(text) => f.write_str(text),
            Self::Ip(ip) => write!(f, "{ip}"),
        }
    }
}

impl AuthMethod {
    /// Whether it works with a certificate on the connection (RFC 8705, 2).
    pub const fn needs_certificate(self) -> bool {
        matches!(self, Self::TlsClientAuth | Self::SelfSignedTlsClientAuth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_authentication::{check, parse};
    use crate::example::{params, web_client};
    use crate::registration::Registration;

    #[test]
    fn what_a_proxy_says_is_read_in_every_way_that_proxies_write_it() {
        let read = |own: &str, chain: &str| {
            ClientCertificate::forwarded(own, chain).map(|read| (read.der, read.above.len()))
        };
        let der = vec![0xfb, 0xff, 0x30];
        assert_eq!(read(":+/8w:", ""), Some((der.clone(), 0)));
        assert_eq!(read(" :+/8w: ", ":AAAA:, :AAAB:"), Some((der.clone(), 2)));
        assert_eq!(read("+/8w,AAAA", ""), Some((der.clone(), 1)), "several in one");
        assert_eq!(read("%2B%2f8w", ""), Some((der.clone(), 0)));
        let pem = "-----BEGIN%20CERTIFICATE-----%0A%2B/8w%0A-----END%20CERTIFICATE-----%0A";
        assert_eq!(read(pem, ""), Some((der.clone(), 0)));
        let long = vec![":AAAA:"; 20].join(",");
        assert_eq!(read(":+/8w:", &long), Some((der, CHAIN_MAX_COUNT - 1)));
        for bad in
            ["", ":", "::x::", "no", "%", "%2", "%zz", "%ff", ":+/8w:;a=1", "-----BEGIN CERTIFICATE-----"]
        {
            assert_eq!(read(bad, ""), None, "{bad}");
        }
        assert_eq!(read(":+/8w:", "nonsense!"), None, "half of it is not enough");
    }

    #[test]
    fn a_client_with_a_certificate_shows_nothing_in_the_request_and_not_nothing_at_all() {
        let registration = Registration {
            token_endpoint_auth_method: "tls_client_auth".into(),
            tls_client_auth_san_dns: Some("tax.example".into()),
            redirect_uris: vec!["https://app.example/cb".into()],
            ..Registration::default()
        };
        let client = registration.to_client("tax-web").unwrap();
        let named = |extra: &[(&str, &str)]| {
            let pairs = [&[("client_id", "tax-web")], extra].concat();
            parse(None, &params(&pairs)).ok().unwrap()
        };
        assert_eq!(check(Some(&client), &named(&[])), Ok(()));
        assert!(check(Some(&client), &named(&[("client_secret", "x")])).is_err());
        assert!(check(Some(&web_client()), &named(&[])).is_err(), "one with a secret must still show it");
        let now = Timestamp::from_unix_seconds(1_795_507_200);
        let refused = check_issued(&client, None, &Anchors::new(), &[], now).unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidClient);
        let nonsense = ClientCertificate::new(vec![1, 2, 3], []);
        assert!(check_issued(&client, Some(&nonsense), &Anchors::new(), &[], now).is_err());
        assert!(check_own(&client, Some(&nonsense), &KeySet::new(), now).is_err());
        assert!(check_own(&client, None, &KeySet::new(), now).is_err());
    }

    #[test]
    fn mailboxes_differ_by_case_and_their_hosts_do_not() {
        assert!(same_mailbox("tax@Fujian.Example", "tax@fujian.example"));
        assert!(!same_mailbox("Tax@fujian.example", "tax@fujian.example"));
        assert!(!same_mailbox("tax", "tax"));
    }
}
