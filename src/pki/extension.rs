//! The version 3 extensions that are understood (RFC 5280, 4.2.1).

use std::fmt;
use std::net::IpAddr;
use std::ops::BitOr;

use x509_parser::certificate::TbsCertificate;
use x509_parser::extensions::{ExtendedKeyUsage, GeneralName, ParsedExtension, X509Extension};

use crate::certificate::CertificateError;
use crate::der::oid_text;
use crate::oid;

/// The most extensions a certificate may have. Real ones have at most a dozen.
pub const EXTENSIONS_MAX_COUNT: usize = 64;

/// What a key may be used for (RFC 5280, 4.2.1.3): a set of bits, bit 0 first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// Signatures other than those on certificates and CRLs.
    pub const DIGITAL_SIGNATURE: Self = Self(1);
    /// Signatures that bind their maker (`nonRepudiation`, also called `contentCommitment`).
    pub const NON_REPUDIATION: Self = Self(1 << 1);
    /// Encryption of keys.
    pub const KEY_ENCIPHERMENT: Self = Self(1 << 2);
    /// Encryption of data.
    pub const DATA_ENCIPHERMENT: Self = Self(1 << 3);
    /// Key agreement.
    pub const KEY_AGREEMENT: Self = Self(1 << 4);
    /// Signatures on certificates.
    pub const KEY_CERT_SIGN: Self = Self(1 << 5);
    /// Signatures on CRLs.
    pub const CRL_SIGN: Self = Self(1 << 6);

    const NAMES: [&'static str; 9] = [
        "digitalSignature",
        "nonRepudiation",
        "keyEncipherment",
        "dataEncipherment",
        "keyAgreement",
        "keyCertSign",
        "cRLSign",
        "encipherOnly",
        "decipherOnly",
    ];

    /// Whether every use in `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether some use in `other` is in this set.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The bits, digitalSignature lowest.
    pub const fn bits(self) -> u16 {
        self.0
    }
}

impl BitOr for KeyUsage {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for KeyUsage {
    /// The standard's names, joined by commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = |(i, _): &(usize, &&str)| self.0 >> i & 1 == 1;
        let names: Vec<&str> = Self::NAMES.iter().enumerate().filter(set).map(|(_, name)| *name).collect();
        f.write_str(&names.join(","))
    }
}

/// Another name of the subject (RFC 5280, 4.2.1.6); the kinds that are used here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AltName {
    /// A host name, perhaps with a leading `*.`.
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
    /// A URI.
    Uri(String),
    /// A mail address.
    Email(String),
}

/// The extensions of one certificate, read once.
#[derive(Debug, Default)]
pub(crate) struct Extensions {
    pub(crate) is_ca: bool,
    pub(crate) path_len: Option<u32>,
    pub(crate) key_usage: Option<KeyUsage>,
    pub(crate) key_usage_critical: bool,
    pub(crate) extended_key_usage: Option<Vec<String>>,
    pub(crate) extended_key_usage_critical: bool,
    pub(crate) subject_key_id: Option<Vec<u8>>,
    pub(crate) authority_key_id: Option<Vec<u8>>,
    pub(crate) alt_names: Vec<AltName>,
    pub(crate) policies: Vec<String>,
    pub(crate) unknown_critical: Vec<String>,
}

impl Extensions {
    /// Reads all extensions. Fails on a second instance of one (RFC 5280, 4.2), and on basic constraints or a key usage that
    /// cannot be read; another that cannot be read counts as unknown.
    pub(crate) fn read(certificate: &TbsCertificate<'_>) -> Result<Self, CertificateError> {
        let found = certificate.extensions();
        if found.len() > EXTENSIONS_MAX_COUNT {
            return Err(CertificateError::TooManyExtensions {
                max_count: EXTENSIONS_MAX_COUNT,
                got_count: found.len(),
            });
        }
        let mut seen: Vec<String> = Vec::with_capacity(found.len());
        let mut out = Self::default();
        for extension in found {
            let oid = oid_text(extension.oid.as_bytes()).map_err(|_| CertificateError::Malformed)?;
            if seen.contains(&oid) {
                return Err(CertificateError::DuplicateExtension { oid });
            }
            if !out.understand(extension) {
                out.refuse_or_ignore(extension, &oid)?;
            }
            seen.push(oid);
        }
        Ok(out)
    }

    /// Takes over the meaning of `extension`; false when it is none of those understood.
    fn understand(&mut self, extension: &X509Extension<'_>) -> bool {
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(basic) => {
                self.is_ca = basic.ca;
                self.path_len = basic.path_len_constraint.filter(|_| basic.ca);
            }
            ParsedExtension::KeyUsage(usage) => {
                self.key_usage = Some(KeyUsage(usage.flags));
                self.key_usage_critical = extension.critical;
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                self.extended_key_usage = Some(purposes(usage));
                self.extended_key_usage_critical = extension.critical;
            }
            ParsedExtension::SubjectKeyIdentifier(id) => self.subject_key_id = Some(id.0.to_vec()),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                self.authority_key_id = id.key_identifier.as_ref().map(|id| id.0.to_vec());
            }
            ParsedExtension::SubjectAlternativeName(names) => {
                self.alt_names = names.general_names.iter().filter_map(alt_name).collect();
            }
            ParsedExtension::CertificatePolicies(policies) => {
                self.policies =
                    policies.iter().filter_map(|p| oid_text(p.policy_id.as_bytes()).ok()).collect();
            }
            _ => return false,
        }
        true
    }

    fn refuse_or_ignore(&mut self, extension: &X509Extension<'_>, oid: &str) -> Result<(), CertificateError> {
        if [oid::BASIC_CONSTRAINTS, oid::KEY_USAGE, oid::EXTENDED_KEY_USAGE].contains(&oid) {
            return Err(CertificateError::MalformedExtension { oid: oid.to_owned() });
        }
        if extension.critical {
            self.unknown_critical.push(oid.to_owned());
        }
        Ok(())
    }
}

fn purposes(usage: &ExtendedKeyUsage<'_>) -> Vec<String> {
    let named = [
        (usage.any, oid::ANY_EXTENDED_KEY_USAGE),
        (usage.server_auth, oid::SERVER_AUTH),
        (usage.client_auth, oid::CLIENT_AUTH),
        (usage.code_signing, oid::CODE_SIGNING),
        (usage.email_protection, oid::EMAIL_PROTECTION),
        (usage.time_stamping, oid::TIME_STAMPING),
        (usage.ocsp_signing, oid::OCSP_SIGNING),
    ];
    let named = named.iter().filter(|(set, _)| *set).map(|(_, oid)| (*oid).to_owned());
    named.chain(usage.other.iter().filter_map(|o| oid_text(o.as_bytes()).ok())).collect()
}

fn alt_name(name: &GeneralName<'_>) -> Option<AltName> {
    match name {
        GeneralName::DNSName(host) => Some(AltName::Dns((*host).to_owned())),
        GeneralName::URI(uri) => Some(AltName::Uri((*uri).to_owned())),
        GeneralName::RFC822Name(address) => Some(AltName::Email((*address).to_owned())),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).ok().map(IpAddr::from);
            v4.or_else(|| <[u8; 16]>::try_from(*bytes).ok().map(IpAddr::from)).map(AltName::Ip)
        }
        _ => None,
    }
}
