//! Certificates made by profile (GB/T 20518-2018), and checked before they leave.
//!
//! The caller keeps what an authority must keep: which serial numbers it gave, to whom, and why.

use base::{Entropy, Timestamp};

use crate::certificate::Certificate;
use crate::der::{tag, write};
use crate::extension::{AltName, KeyUsage};
use crate::key::{PublicKey, SignError, Signer};
use crate::name::{Name, NameError};
use crate::oid;

/// Bytes of a serial number: 126 random bits (RFC 5280, 4.1.2.2 allows 20 bytes).
pub const SERIAL_BYTES: usize = 16;
/// The longest host name in an alternative name (RFC 1035, 2.3.4).
pub const HOST_NAME_MAX_CHARS: usize = 253;

/// What kind of certificate is made; each kind has its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// The self-signed root: issues certificates and CRLs, no limit below.
    RootCa,
    /// An authority under a root that issues to end entities only.
    IssuingCa,
    /// An institution that makes seals (GB/T 38540-2020, 3.6), marked by the policy [`oid::POLICY_SEAL_MAKER`].
    SealMaker,
    /// A unit or a person that signs with a seal.
    SealSigner,
    /// A TLS server; its names are alternative names.
    TlsServer,
    /// A TLS client: a person or a system that logs in by certificate.
    TlsClient,
    /// A time stamping authority (RFC 3161, 2.3).
    TimeStamping,
}

/// What is certified.
#[derive(Clone, Debug)]
pub struct Template {
    /// The kind of certificate.
    pub profile: Profile,
    /// The subject's name.
    pub subject: Name,
    /// The subject's key.
    pub public_key: PublicKey,
    /// A fresh serial number.
    pub serial: Serial,
    /// The first instant of validity; parts of a second are cut.
    pub not_before: Timestamp,
    /// The last second of validity; parts of a second are cut.
    pub not_after: Timestamp,
    /// Other names; required for [`Profile::TlsServer`].
    pub alt_names: Vec<AltName>,
}

/// A certificate's serial number: random, positive, [`SERIAL_BYTES`] long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serial([u8; SERIAL_BYTES]);

impl Serial {
    /// A new serial number. Not a secret, but not to be guessed before the certificate exists.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = base::entropy::bytes::<SERIAL_BYTES>(entropy);
        // Positive, and always of full length.
        let [first, ..] = &mut bytes;
        *first = (*first & 0x3f) | 0x40;
        Self(bytes)
    }
}

/// Why no certificate was made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The subject cannot be written.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The validity ends before it begins.
    #[error("expected a validity that ends after {from}, got {until}")]
    Validity {
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        until: Timestamp,
    },
    /// The certificate would be valid outside the issuer's validity.
    #[error("expected a validity within {issuer_from} to {issuer_until} of `{issuer}`")]
    OutsideIssuer {
        /// The issuer's subject.
        issuer: String,
        /// Its beginning.
        issuer_from: Timestamp,
        /// Its end.
        issuer_until: Timestamp,
    },
    /// A root is its own issuer, all others need one.
    #[error("expected an issuer for every profile but the root's, and none for that")]
    IssuerMismatch,
    /// The issuer may not issue this: no authority, no `keyCertSign`, or no authorities allowed below it.
    #[error("`{issuer}` may not issue this certificate")]
    IssuerMayNot {
        /// The issuer's subject.
        issuer: String,
    },
    /// The signer's key is not the issuer's (for a root: not the template's).
    #[error("expected the signer to hold the issuer's key")]
    WrongSigner,
    /// A subject key of a kind that is not certified here.
    #[error("expected an SM2, P-256 or RSA key, got `{algorithm_oid}`")]
    UnsupportedKey {
        /// Dotted identifier.
        algorithm_oid: String,
    },
    /// An alternative name that cannot be written.
    #[error("expected an alternative name in ASCII without spaces, got `{got}`")]
    AltName {
        /// What came, cut to 64 characters.
        got: String,
    },
    /// A TLS server without a name.
    #[error("expected at least one alternative name for a TLS server")]
    NoAltName,
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The finished certificate was read again and is not what was meant; it was not handed out.
    #[error("the finished certificate fails its check: {finding}")]
    Lint {
        /// What is wrong.
        finding: &'static str,
    },
}

/// Makes a certificate under `issuer` (none for a root) and reads it again before it is returned.
///
/// Writes version 3, the algorithms without parameters, names as UTF8String, both key identifiers, and basic constraints and key
/// usage as critical. `signer` holds the issuer's key.
pub fn issue(
    template: &Template,
    issuer: Option<&Certificate>,
    signer: &dyn Signer,
) -> Result<Certificate, IssueError> {
    check_template(template)?;
    check_issuer(template, issuer, signer)?;
    let subject = template.subject.to_der()?;
    let draft = Draft {
        serial: template.serial.0.to_vec(),
        issuer: issuer.map_or_else(|| subject.clone(), |certificate| certificate.subject_der().to_vec()),
        subject,
        not_before: template.not_before,
        not_after: template.not_after,
        public_key: &template.public_key,
        extensions: extensions(template, &authority_key_id(template, issuer))?,
    };
    lint(&draft.sign(signer)?, template, issuer, signer)
}

fn check_template(template: &Template) -> Result<(), IssueError> {
    if let PublicKey::Other { algorithm_oid, .. } = &template.public_key {
        return Err(IssueError::UnsupportedKey { algorithm_oid: algorithm_oid.clone() });
    }
    if template.not_after <= template.not_before {
        return Err(IssueError::Validity { from: template.not_before, until: template.not_after });
    }
    if template.profile == Profile::TlsServer && template.alt_names.is_empty() {
        return Err(IssueError::NoAltName);
    }
    Ok(())
}

fn check_issuer(
    template: &Template,
    issuer: Option<&Certificate>,
    signer: &dyn Signer,
) -> Result<(), IssueError> {
    match (template.profile, issuer) {
        (Profile::RootCa, None) if signer.public_key() == template.public_key => Ok(()),
        (Profile::RootCa, None) => Err(IssueError::WrongSigner),
        (Profile::RootCa, Some(_)) | (_, None) => Err(IssueError::IssuerMismatch),
        (_, Some(issuer)) if signer.public_key() != *issuer.public_key() => Err(IssueError::WrongSigner),
        (_, Some(issuer)) => check_may_issue(template, issuer),
    }
}

/// Whether `issuer` is an authority that may issue the template's kind of certificate for its validity.
fn check_may_issue(template: &Template, issuer: &Certificate) -> Result<(), IssueError> {
    let may_sign = issuer.is_ca() && issuer.key_usage().is_none_or(|u| u.contains(KeyUsage::KEY_CERT_SIGN));
    let may_go_deeper = !template.profile.rules().is_ca || issuer.path_len() != Some(0);
    if !may_sign || !may_go_deeper {
        return Err(IssueError::IssuerMayNot { issuer: issuer.subject().to_owned() });
    }
    let starts_within = issuer.not_before().unix_seconds() <= template.not_before.unix_seconds();
    if !starts_within || !issuer.is_valid_at(template.not_after) {
        return Err(IssueError::OutsideIssuer {
            issuer: issuer.subject().to_owned(),
            issuer_from: issuer.not_before(),
            issuer_until: issuer.not_after(),
        });
    }
    Ok(())
}

/// What a profile writes.
#[derive(Clone, Copy)]
struct Rules {
    is_ca: bool,
    path_len: Option<u32>,
    key_usage: KeyUsage,
    /// The one extended purpose; critical for time stamping alone (RFC 3161, 2.3).
    extended_key_usage: Option<&'static str>,
    policy: Option<&'static str>,
}

impl Profile {
    fn rules(self) -> Rules {
        let authority = KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN;
        let signing = KeyUsage::DIGITAL_SIGNATURE | KeyUsage::NON_REPUDIATION;
        let end = Rules {
            is_ca: false,
            path_len: None,
            key_usage: signing,
            extended_key_usage: None,
            policy: None,
        };
        let login = Rules { key_usage: KeyUsage::DIGITAL_SIGNATURE, ..end };
        match self {
            Self::RootCa => Rules { is_ca: true, key_usage: authority, ..end },
            Self::IssuingCa => Rules {
                is_ca: true,
                path_len: Some(0),
                key_usage: authority,
                // Asserting it makes the path check insist on it below: see `path::Purpose::SealMaker`.
                policy: Some(oid::POLICY_SEAL_MAKER),
                ..end
            },
            Self::SealMaker => Rules { policy: Some(oid::POLICY_SEAL_MAKER), ..end },
            Self::SealSigner => end,
            Self::TlsServer => Rules { extended_key_usage: Some(oid::SERVER_AUTH), ..login },
            Self::TlsClient => Rules { extended_key_usage: Some(oid::CLIENT_AUTH), ..login },
            Self::TimeStamping => Rules { extended_key_usage: Some(oid::TIME_STAMPING), ..end },
        }
    }
}

fn authority_key_id(template: &Template, issuer: Option<&Certificate>) -> Vec<u8> {
    let named = issuer.and_then(Certificate::subject_key_id).map(<[u8]>::to_vec);
    named.unwrap_or_else(|| {
        issuer.map_or(&template.public_key, Certificate::public_key).key_identifier().to_vec()
    })
}

/// The extensions of the template's profile.
fn extensions(template: &Template, authority_key_id: &[u8]) -> Result<Vec<Extension>, IssueError> {
    let rules = template.profile.rules();
    let quiet = |oid, value| Extension { oid, critical: false, value };
    let key_id = write::octet_string(&template.public_key.key_identifier());
    let mut out = vec![
        quiet(oid::AUTHORITY_KEY_IDENTIFIER, write::sequence(&[write::implicit(0, authority_key_id)])),
        quiet(oid::SUBJECT_KEY_IDENTIFIER, key_id),
        Extension { oid: oid::KEY_USAGE, critical: true, value: key_usage_der(rules.key_usage) },
        Extension { oid: oid::BASIC_CONSTRAINTS, critical: true, value: basic_constraints_der(&rules) },
    ];
    if let Some(policy) = rules.policy.and_then(oid::to_der) {
        out.push(quiet(oid::CERTIFICATE_POLICIES, write::sequence(&[write::sequence(&[policy])])));
    }
    if !template.alt_names.is_empty() {
        let names = template.alt_names.iter().map(alt_name_der).collect::<Result<Vec<_>, _>>()?;
        out.push(quiet(oid::SUBJECT_ALT_NAME, write::sequence(&names)));
    }
    if let Some(purpose) = rules.extended_key_usage.and_then(oid::to_der) {
        let critical = template.profile == Profile::TimeStamping;
        out.push(Extension { oid: oid::EXTENDED_KEY_USAGE, critical, value: write::sequence(&[purpose]) });
    }
    Ok(out)
}

/// A named bit list: bit 0 is the highest of the first byte, trailing zeros are cut (X.690, 11.2.2).
fn key_usage_der(usage: KeyUsage) -> Vec<u8> {
    let [_, low] = usage.bits().to_be_bytes();
    let bits = low.reverse_bits();
    let unused = u8::try_from(bits.trailing_zeros().min(7)).unwrap_or(0);
    write::tlv(tag::BIT_STRING, &[unused, bits])
}

fn basic_constraints_der(rules: &Rules) -> Vec<u8> {
    let authority = rules.is_ca.then(|| write::boolean(true));
    let path_len = rules.path_len.map(|n| write::integer(i64::from(n)));
    write::sequence(&[authority, path_len].into_iter().flatten().collect::<Vec<_>>())
}

fn alt_name_der(name: &AltName) -> Result<Vec<u8>, IssueError> {
    let text = |number, text: &str, max_chars: usize| {
        let plain = !text.is_empty() && text.len() <= max_chars && text.bytes().all(|b| b.is_ascii_graphic());
        let bad = || IssueError::AltName { got: text.chars().take(64).collect() };
        if plain { Ok(write::implicit(number, text.as_bytes())) } else { Err(bad()) }
    };
    match name {
        AltName::Email(address) => text(1, address, 254),
        AltName::Dns(host) => text(2, host, HOST_NAME_MAX_CHARS),
        AltName::Uri(uri) => text(6, uri, 2048),
        AltName::Ip(std::net::IpAddr::V4(ip)) => Ok(write::implicit(7, &ip.octets())),
        AltName::Ip(std::net::IpAddr::V6(ip)) => Ok(write::implicit(7, &ip.octets())),
    }
}

pub(crate) struct Extension {
    pub(crate) oid: &'static str,
    pub(crate) critical: bool,
    /// The DER inside the OCTET STRING.
    pub(crate) value: Vec<u8>,
}

/// A certificate before it is signed: nothing is checked here.
pub(crate) struct Draft<'a> {
    /// Unsigned, big-endian.
    pub(crate) serial: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    pub(crate) public_key: &'a PublicKey,
    pub(crate) extensions: Vec<Extension>,
}

impl Draft<'_> {
    /// The DER of the signed certificate (RFC 5280, 4.1).
    pub(crate) fn sign(&self, signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
        let algorithm = signer.algorithm().to_der();
        let extensions: Vec<Vec<u8>> = self.extensions.iter().map(extension_der).collect();
        let tbs = write::sequence(&[
            write::explicit(0, &write::integer(2)),
            write::unsigned_integer(&self.serial),
            algorithm.to_vec(),
            self.issuer.clone(),
            write::sequence(&[time_der(self.not_before), time_der(self.not_after)]),
            self.subject.clone(),
            self.public_key.to_spki_der(),
            write::explicit(3, &write::sequence(&extensions)),
        ]);
        let signature = write::bit_string(&signer.sign(&tbs)?);
        Ok(write::sequence(&[&tbs[..], algorithm, &signature]))
    }
}

fn extension_der(extension: &Extension) -> Vec<u8> {
    let critical = extension.critical.then(|| write::boolean(true));
    let parts = [oid::to_der(extension.oid), critical, Some(write::octet_string(&extension.value))];
    write::sequence(&parts.into_iter().flatten().collect::<Vec<_>>())
}

/// UTCTime through 2049, GeneralizedTime after (RFC 5280, 4.1.2.5).
fn time_der(at: Timestamp) -> Vec<u8> {
    let text = at.generalized_time();
    match text.split_at_checked(2) {
        Some((_, short)) if ("1950".."2050").contains(&text.as_str()) => {
            write::tlv(tag::UTC_TIME, short.as_bytes())
        }
        _ => write::generalized_time(at),
    }
}

/// Reads the finished certificate again: what leaves is what was meant, whatever the key's device did.
fn lint(
    der: &[u8],
    template: &Template,
    issuer: Option<&Certificate>,
    signer: &dyn Signer,
) -> Result<Certificate, IssueError> {
    let made = Certificate::from_der(der).map_err(|_| IssueError::Lint { finding: "it cannot be read" })?;
    let rules = template.profile.rules();
    let extended = made.extended_key_usage().unwrap_or_default();
    let authority_key_id = authority_key_id(template, issuer);
    let holds = [
        ("the signature does not verify", made.verify_issued_by(&signer.public_key()).is_ok()),
        (
            "it departs from the profile",
            made.deviations().is_empty() && made.unknown_critical_extensions().is_empty(),
        ),
        ("the key is another", *made.public_key() == template.public_key),
        ("the serial number is another", made.serial() == template.serial.0),
        ("the validity is another", made.not_before().unix_seconds() == template.not_before.unix_seconds()),
        ("the validity is another", made.not_after().unix_seconds() == template.not_after.unix_seconds()),
        ("the subject bears the issuer's name", issuer.is_none() || !made.is_self_issued()),
        ("the issuer is another", issuer.map_or(made.is_self_issued(), |i| made.names_as_issuer(i))),
        ("the key usage is another", made.key_usage() == Some(rules.key_usage)),
        (
            "the basic constraints are others",
            (made.is_ca(), made.path_len()) == (rules.is_ca, rules.path_len),
        ),
        ("the extended key usage is another", extended == rules.extended_key_usage.as_slice()),
        ("the policies are others", made.policies() == rules.policy.as_slice()),
        ("the alternative names are others", made.alt_names() == template.alt_names),
        (
            "the subject key id is another",
            made.subject_key_id() == Some(&template.public_key.key_identifier()),
        ),
        ("the authority key id is another", made.authority_key_id() == Some(&authority_key_id)),
    ];
    match holds.into_iter().find(|(_, holds)| !holds) {
        Some((finding, _)) => Err(IssueError::Lint { finding }),
        None => Ok(made),
    }
}

#[cfg(test)]
mod tests;
