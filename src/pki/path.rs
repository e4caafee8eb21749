//! From a certificate to an anchor: RFC 5280, section 6, the parts that are used here.
//!
//! Checked are names, signatures, validity, certificate authority, path length, key usage and unknown critical extensions.
//! Revocation is not: it needs lists that the caller fetches. Policies are not processed beyond the rule of
//! [`Purpose::SealMaker`], name constraints not at all; where they are critical the certificate is refused.

use base::Timestamp;

use crate::certificate::Certificate;
use crate::extension::KeyUsage;
use crate::oid;

/// The longest path, the leaf and the anchor included.
pub const PATH_MAX_COUNT: usize = 8;
/// The most signatures that are verified for one path, whatever certificates are offered.
pub const SIGNATURES_MAX_COUNT: usize = 64;
/// The most intermediate certificates that are looked at; others are passed over.
pub const INTERMEDIATES_MAX_COUNT: usize = 64;

/// The authorities that are trusted without further proof.
#[derive(Clone, Debug, Default)]
pub struct Anchors(Vec<Anchor>);

#[derive(Clone, Debug)]
struct Anchor {
    certificate: Certificate,
    /// Whether only name and key are trusted, and the certificate's extensions are not looked at.
    key_only: bool,
}

/// What the leaf is to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Signing seals (GB/T 38540-2020, 6.2). Under an authority that asserts [`oid::POLICY_SEAL_MAKER`] the leaf must assert it too,
    /// so that such an authority's other certificates cannot make seals.
    SealMaker,
    /// Signing documents with a seal (GB/T 38540-2020, 7.2). As the clause has it, keyUsage alone decides: authorities issue signers'
    /// certificates with extendedKeyUsage clientAuth or emailProtection, and no purpose identifier for seals exists.
    SealSigner,
    /// Signing time stamps (RFC 3161, 2.3).
    TimeStamping,
    /// Being a TLS server.
    TlsServer,
    /// Being a TLS client.
    TlsClient,
    /// Nothing in particular: the leaf's uses are not looked at.
    Any,
}

/// Why no path holds. When several fail, the reason is that of the first which reached an anchor, else the first bad signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No certificate at hand has the issuer's name, up to a trusted one.
    #[error("expected a path to a trusted authority, found no certificate of `{issuer}`")]
    NoChain {
        /// The issuer that could not be found or is not trusted.
        issuer: String,
    },
    /// Certificates have the issuer's name, but the signature verifies under none of their keys.
    #[error("the signature on `{subject}` does not verify under any key of `{issuer}`")]
    BadSignature {
        /// Whose certificate.
        subject: String,
        /// The name of the issuer.
        issuer: String,
    },
    /// The validity is over.
    #[error("`{subject}` was valid until {until}, not at {at}")]
    Expired {
        /// Whose certificate.
        subject: String,
        /// The last second of validity.
        until: Timestamp,
        /// The instant asked for.
        at: Timestamp,
    },
    /// The validity has not begun.
    #[error("`{subject}` is valid from {from}, not at {at}")]
    NotYetValid {
        /// Whose certificate.
        subject: String,
        /// The first instant of validity.
        from: Timestamp,
        /// The instant asked for.
        at: Timestamp,
    },
    /// An issuer that is no certificate authority.
    #[error("`{subject}` has issued a certificate but is not a certificate authority")]
    NotCa {
        /// Whose certificate.
        subject: String,
    },
    /// A certificate authority where an end entity is needed.
    #[error("`{subject}` is a certificate authority, expected an end entity")]
    IsCa {
        /// Whose certificate.
        subject: String,
    },
    /// More authorities below one than it allows.
    #[error("`{subject}` allows {allowed_count} authorities below it, found {found_count}")]
    PathLenExceeded {
        /// Whose certificate.
        subject: String,
        /// What its path length allows.
        allowed_count: u32,
        /// What stands below it.
        found_count: u32,
    },
    /// A key usage that does not cover the use.
    #[error("the key of `{subject}` may be used for `{got}`, expected `{needed}`")]
    KeyUsage {
        /// Whose certificate.
        subject: String,
        /// What is needed; several are alternatives.
        needed: &'static str,
        /// What the certificate says.
        got: String,
    },
    /// An extended key usage that does not cover the use.
    #[error("the extended key usage of `{subject}` does not hold `{needed}`")]
    ExtendedKeyUsage {
        /// Whose certificate.
        subject: String,
        /// The dotted identifier that is needed.
        needed: &'static str,
    },
    /// A certificate policy that is needed and absent.
    #[error("`{subject}` was not issued under the policy `{policy}`")]
    Policy {
        /// Whose certificate.
        subject: String,
        /// The dotted identifier that is needed.
        policy: &'static str,
    },
    /// A critical extension that is not understood.
    #[error("`{subject}` has the critical extension `{oid}`, which is not understood")]
    UnknownCriticalExtension {
        /// Whose certificate.
        subject: String,
        /// Dotted identifier.
        oid: String,
    },
    /// More signatures than [`SIGNATURES_MAX_COUNT`] would have to be verified.
    #[error("no path found within {max_count} signatures")]
    TooMuchWork {
        /// The limit.
        max_count: usize,
    },
}

impl Anchors {
    /// No anchors: nothing is trusted.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Trusts `certificate` as an authority, within its validity, path length and key usage. It need not be self-signed.
    pub fn add(&mut self, certificate: Certificate) {
        self.0.push(Anchor { certificate, key_only: false });
    }

    /// Trusts the name and the key of `certificate` within its validity, whatever its extensions say: a trust anchor in the bare
    /// sense of RFC 5280, 6.1.1 (d). For old roots without `keyCertSign`.
    pub fn add_key_only(&mut self, certificate: Certificate) {
        self.0.push(Anchor { certificate, key_only: true });
    }

    /// Whether nothing is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The anchors' certificates.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.0.iter().map(|anchor| &anchor.certificate)
    }
}

impl FromIterator<Certificate> for Anchors {
    /// Each as by [`Anchors::add`].
    fn from_iter<I: IntoIterator<Item = Certificate>>(certificates: I) -> Self {
        Self(certificates.into_iter().map(|certificate| Anchor { certificate, key_only: false }).collect())
    }
}

/// Finds a path from `leaf` to one of `anchors` through `intermediates` that holds at `at` for `purpose`.
///
/// Returns it from the leaf to the anchor, both included. `intermediates` come from whoever shows the leaf and are trusted in
/// nothing. Work is bounded by the constants of this module.
pub fn validate(
    leaf: &Certificate,
    intermediates: &[Certificate],
    anchors: &Anchors,
    at: Timestamp,
    purpose: Purpose,
) -> Result<Vec<Certificate>, PathError> {
    let intermediates: Vec<&Certificate> = intermediates.iter().take(INTERMEDIATES_MAX_COUNT).collect();
    let mut search =
        Search { intermediates, anchors, at, purpose, signatures_left: SIGNATURES_MAX_COUNT, reason: None };
    match search.extend(&mut vec![leaf]) {
        Some(path) => Ok(path),
        None => Err(search.reason.map_or_else(|| no_chain(leaf), |(_, error)| error)),
    }
}

/// A depth-first search for a path that holds.
struct Search<'a> {
    intermediates: Vec<&'a Certificate>,
    anchors: &'a Anchors,
    at: Timestamp,
    purpose: Purpose,
    signatures_left: usize,
    reason: Option<(Weight, PathError)>,
}

/// How much a failure says; the first of the heaviest is reported.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Unlinked,
    BadSignature,
    TooMuchWork,
    ReachedAnchor,
}

impl<'a> Search<'a> {
    /// The first path that holds and begins with `path`, whose links are verified already.
    fn extend(&mut self, path: &mut Vec<&'a Certificate>) -> Option<Vec<Certificate>> {
        let last = *path.last()?;
        let mut known_name = false;
        for anchor in self.anchors.0.iter().filter(|anchor| last.names_as_issuer(&anchor.certificate)) {
            known_name = true;
            if self.links(last, &anchor.certificate) {
                match check_path(path, anchor, self.at, self.purpose) {
                    Ok(()) => {
                        return Some(path.iter().copied().chain([&anchor.certificate]).cloned().collect());
                    }
                    Err(error) => self.note(Weight::ReachedAnchor, error),
                }
            }
        }
        if path.len() + 1 >= PATH_MAX_COUNT {
            self.note(Weight::Unlinked, no_chain(last));
            return None;
        }
        for authority in self.intermediates.clone() {
            if !last.names_as_issuer(authority) || path.contains(&authority) {
                continue;
            }
            known_name = true;
            if self.links(last, authority) {
                path.push(authority);
                let found = self.extend(path);
                path.pop();
                if found.is_some() {
                    return found;
                }
            }
        }
        if !known_name {
            self.note(Weight::Unlinked, no_chain(last));
        }
        None
    }

    /// Whether `authority`'s key signed `certificate`.
    fn links(&mut self, certificate: &Certificate, authority: &Certificate) -> bool {
        let Some(left) = self.signatures_left.checked_sub(1) else {
            self.note(Weight::TooMuchWork, PathError::TooMuchWork { max_count: SIGNATURES_MAX_COUNT });
            return false;
        };
        self.signatures_left = left;
        let signed = certificate.verify_issued_by(authority.public_key()).is_ok();
        if !signed {
            let (subject, issuer) = (certificate.subject().to_owned(), certificate.issuer().to_owned());
            self.note(Weight::BadSignature, PathError::BadSignature { subject, issuer });
        }
        signed
    }

    fn note(&mut self, weight: Weight, error: PathError) {
        if self.reason.as_ref().is_none_or(|(noted, _)| *noted < weight) {
            self.reason = Some((weight, error));
        }
    }
}

fn no_chain(certificate: &Certificate) -> PathError {
    PathError::NoChain { issuer: certificate.issuer().to_owned() }
}

/// RFC 5280, 6.1.3 to 6.1.5, for `path` (leaf first, signatures verified) and the anchor above it. The leaf is looked at first.
fn check_path(
    path: &[&Certificate],
    anchor: &Anchor,
    at: Timestamp,
    purpose: Purpose,
) -> Result<(), PathError> {
    let (leaf, authorities) =
        path.split_first().map_or((&anchor.certificate, path), |(leaf, above)| (*leaf, above));
    check_valid_at(leaf, at)?;
    check_understood(leaf)?;
    let issuer = authorities.first().copied().unwrap_or(&anchor.certificate);
    check_purpose(leaf, issuer, purpose)?;
    let mut below_count = 0;
    for authority in authorities {
        check_valid_at(authority, at)?;
        check_authority(authority, below_count)?;
        // 6.1.4 (l): self-issued certificates do not count.
        below_count += u32::from(!authority.is_self_issued());
    }
    check_valid_at(&anchor.certificate, at)?;
    if anchor.key_only { Ok(()) } else { check_authority(&anchor.certificate, below_count) }
}

/// 6.1.3 (a)(2): the validity includes `at`.
fn check_valid_at(certificate: &Certificate, at: Timestamp) -> Result<(), PathError> {
    let subject = || certificate.subject().to_owned();
    if at < certificate.not_before() {
        return Err(PathError::NotYetValid { subject: subject(), from: certificate.not_before(), at });
    }
    if !certificate.is_valid_at(at) {
        return Err(PathError::Expired { subject: subject(), until: certificate.not_after(), at });
    }
    Ok(())
}

/// 6.1.4 (o) and 6.1.5 (f): no critical extension is left unprocessed.
fn check_understood(certificate: &Certificate) -> Result<(), PathError> {
    match certificate.unknown_critical_extensions().first() {
        Some(oid) => Err(PathError::UnknownCriticalExtension {
            subject: certificate.subject().to_owned(),
            oid: oid.clone(),
        }),
        None => Ok(()),
    }
}

/// 6.1.4 (k) to (o): an authority that may issue, with `below_count` authorities between it and the leaf.
fn check_authority(authority: &Certificate, below_count: u32) -> Result<(), PathError> {
    let subject = || authority.subject().to_owned();
    check_understood(authority)?;
    if !authority.is_ca() {
        return Err(PathError::NotCa { subject: subject() });
    }
    if let Some(allowed_count) = authority.path_len().filter(|allowed| *allowed < below_count) {
        return Err(PathError::PathLenExceeded {
            subject: subject(),
            allowed_count,
            found_count: below_count,
        });
    }
    check_key_usage(authority, KeyUsage::KEY_CERT_SIGN, "keyCertSign")
}

/// What the leaf must be for `purpose`. An absent key usage or extended key usage restricts nothing (RFC 5280, 4.2.1.3 and .12).
fn check_purpose(leaf: &Certificate, issuer: &Certificate, purpose: Purpose) -> Result<(), PathError> {
    let signing = KeyUsage::DIGITAL_SIGNATURE | KeyUsage::NON_REPUDIATION;
    if purpose == Purpose::Any {
        return Ok(());
    }
    if leaf.is_ca() {
        return Err(PathError::IsCa { subject: leaf.subject().to_owned() });
    }
    match purpose {
        Purpose::Any => Ok(()),
        Purpose::SealSigner => check_key_usage(leaf, signing, "digitalSignature or nonRepudiation"),
        Purpose::SealMaker => {
            check_key_usage(leaf, signing, "digitalSignature or nonRepudiation")?;
            check_seal_maker_policy(leaf, issuer)
        }
        Purpose::TimeStamping => {
            check_key_usage(leaf, signing, "digitalSignature or nonRepudiation")?;
            check_time_stamping(leaf)
        }
        Purpose::TlsServer => {
            check_key_usage(leaf, KeyUsage::DIGITAL_SIGNATURE, "digitalSignature")?;
            check_extended_key_usage(leaf, oid::SERVER_AUTH)
        }
        Purpose::TlsClient => {
            check_key_usage(leaf, KeyUsage::DIGITAL_SIGNATURE, "digitalSignature")?;
            check_extended_key_usage(leaf, oid::CLIENT_AUTH)
        }
    }
}

fn check_key_usage(
    certificate: &Certificate,
    any_of: KeyUsage,
    needed: &'static str,
) -> Result<(), PathError> {
    match certificate.key_usage() {
        Some(got) if !got.intersects(any_of) => Err(PathError::KeyUsage {
            subject: certificate.subject().to_owned(),
            needed,
            got: got.to_string(),
        }),
        _ => Ok(()),
    }
}

fn check_extended_key_usage(certificate: &Certificate, needed: &'static str) -> Result<(), PathError> {
    let fits = |purposes: &[String]| purposes.iter().any(|p| p == needed || p == oid::ANY_EXTENDED_KEY_USAGE);
    match certificate.extended_key_usage() {
        Some(purposes) if !fits(purposes) => {
            Err(PathError::ExtendedKeyUsage { subject: certificate.subject().to_owned(), needed })
        }
        _ => Ok(()),
    }
}

/// RFC 3161, 2.3: the extended key usage is there, critical, and time stamping alone.
fn check_time_stamping(leaf: &Certificate) -> Result<(), PathError> {
    let alone = leaf.extended_key_usage().is_some_and(|purposes| purposes == [oid::TIME_STAMPING]);
    if alone && leaf.extended_key_usage_is_critical() {
        return Ok(());
    }
    Err(PathError::ExtendedKeyUsage { subject: leaf.subject().to_owned(), needed: oid::TIME_STAMPING })
}

fn check_seal_maker_policy(leaf: &Certificate, issuer: &Certificate) -> Result<(), PathError> {
    let policy = oid::POLICY_SEAL_MAKER;
    let asserts = |certificate: &Certificate| certificate.policies().iter().any(|p| p == policy);
    if asserts(issuer) && !asserts(leaf) {
        return Err(PathError::Policy { subject: leaf.subject().to_owned(), policy });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
