use super::*;
use crate::der::write;
use crate::issue::{Draft, Extension, Profile, issue};
use crate::key::{PublicKey, Signer};
use crate::testing::{Authority, DAY_SECONDS, NOW, P256Key, Sm2Key, name, template};

const CA: &[u8] = &[0x30, 0x03, 0x01, 0x01, 0xff];
const CA_PATH_LEN_0: &[u8] = &[0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01, 0x00];
const KEY_CERT_SIGN: &[u8] = &[0x03, 0x02, 0x02, 0x04];
const DIGITAL_SIGNATURE: &[u8] = &[0x03, 0x02, 0x07, 0x80];

/// A certificate that our own authority would never issue.
fn forge(
    common_name: &str,
    key: &PublicKey,
    issuer: Option<&Certificate>,
    signer: &dyn Signer,
    extensions: &[(&'static str, bool, &[u8])],
) -> Certificate {
    let subject = name(common_name).to_der().unwrap();
    let draft = Draft {
        serial: vec![7],
        issuer: issuer.map_or(subject.clone(), |certificate| certificate.subject_der().to_vec()),
        subject,
        not_before: NOW.plus_seconds(-DAY_SECONDS),
        not_after: NOW.plus_seconds(DAY_SECONDS),
        public_key: key,
        extensions: extensions
            .iter()
            .map(|(oid, critical, value)| Extension { oid, critical: *critical, value: value.to_vec() })
            .collect(),
    };
    Certificate::from_der(&draft.sign(signer).unwrap()).unwrap()
}

fn anchors(root: &Certificate) -> Anchors {
    Anchors::from_iter([root.clone()])
}

#[test]
fn a_leaf_leads_through_the_issuing_authority_to_the_root() {
    let authority = Authority::sm2();
    let leaf = authority.certify(Profile::SealSigner, "某机构");
    let stranger = Authority::sm2();
    let offered = [stranger.issuing, stranger.root, authority.issuing.clone()];
    let path = validate(&leaf, &offered, &anchors(&authority.root), NOW, Purpose::SealSigner).unwrap();
    assert_eq!(path, [leaf.clone(), authority.issuing.clone(), authority.root.clone()]);
    // An issuing authority may itself be the anchor.
    let path = validate(&leaf, &[], &anchors(&authority.issuing), NOW, Purpose::SealSigner).unwrap();
    assert_eq!(path.len(), 2);
}

#[test]
fn a_path_may_mix_national_and_international_keys() {
    let authority = Authority::with_keys(Box::new(P256Key::new()), Box::new(Sm2Key::new()));
    let leaf = authority.certify(Profile::SealSigner, "某机构");
    let intermediates = [authority.issuing.clone()];
    assert!(validate(&leaf, &intermediates, &anchors(&authority.root), NOW, Purpose::SealSigner).is_ok());
}

#[test]
fn a_foreign_anchor_a_missing_authority_or_no_anchor_is_refused_by_name() {
    let authority = Authority::sm2();
    let leaf = authority.certify(Profile::SealSigner, "某机构");
    let own = anchors(&authority.root);
    let missing = validate(&leaf, &[], &own, NOW, Purpose::Any);
    assert_eq!(missing, Err(PathError::NoChain { issuer: authority.issuing.subject().to_owned() }));

    let foreign_key = Sm2Key::new();
    let foreign = template(Profile::RootCa, "外省根", foreign_key.public_key());
    let foreign = issue(&foreign, None, &foreign_key).unwrap();
    let untrusted = Err(PathError::NoChain { issuer: authority.root.subject().to_owned() });
    let intermediates = [authority.issuing.clone(), authority.root.clone()];
    assert_eq!(validate(&leaf, &intermediates, &anchors(&foreign), NOW, Purpose::Any), untrusted);
    assert_eq!(validate(&leaf, &intermediates, &Anchors::new(), NOW, Purpose::Any), untrusted);
}

#[test]
fn an_anchor_of_the_same_name_with_another_key_does_not_vouch() {
    let authority = Authority::sm2();
    let impostor = Authority::sm2();
    let leaf = authority.certify(Profile::SealSigner, "某机构");
    let refused = validate(
        &leaf,
        std::slice::from_ref(&authority.issuing),
        &anchors(&impostor.root),
        NOW,
        Purpose::Any,
    );
    let (subject, issuer) = (authority.issuing.subject().to_owned(), authority.root.subject().to_owned());
    assert_eq!(refused, Err(PathError::BadSignature { subject, issuer }));
}

#[test]
fn validity_is_judged_at_the_instant_asked_for() {
    let authority = Authority::sm2();
    let leaf = authority.certify(Profile::SealSigner, "某机构");
    let (intermediates, anchors) = ([authority.issuing.clone()], anchors(&authority.root));
    let at = |at: Timestamp| validate(&leaf, &intermediates, &anchors, at, Purpose::SealSigner);
    assert!(at(leaf.not_before()).is_ok() && at(leaf.not_after()).is_ok(), "both ends are included");
    let subject = leaf.subject().to_owned();
    let late = leaf.not_after().plus_seconds(1);
    let expired = PathError::Expired { subject: subject.clone(), until: leaf.not_after(), at: late };
    assert_eq!(at(late), Err(expired));
    let early = leaf.not_before().plus_seconds(-1);
    assert_eq!(at(early), Err(PathError::NotYetValid { subject, from: leaf.not_before(), at: early }));
}

#[test]
fn an_expired_authority_does_not_vouch_for_a_valid_leaf() {
    let authority = Authority::sm2();
    let key = Sm2Key::new();
    let leaf = forge("某机构", &key.public_key(), Some(&authority.issuing), &*authority.issuing_key, &[]);
    let short_lived = template(Profile::RootCa, "测试签发中心", authority.issuing_key.public_key());
    let short_lived = crate::issue::Template { not_after: NOW.plus_seconds(-DAY_SECONDS), ..short_lived };
    let expired = issue(&short_lived, None, &*authority.issuing_key).unwrap();
    let refused = validate(&leaf, &[], &anchors(&expired), NOW, Purpose::Any);
    assert!(matches!(refused, Err(PathError::Expired { subject, .. }) if subject == expired.subject()));
}

#[test]
fn a_holder_of_a_leaf_cannot_issue() {
    let authority = Authority::sm2();
    let key = Sm2Key::new();
    let holder = template(Profile::SealSigner, "某机构", key.public_key());
    let holder = issue(&holder, Some(&authority.issuing), &*authority.issuing_key).unwrap();
    let signing = [(oid::KEY_USAGE, true, DIGITAL_SIGNATURE)];
    let forged = forge("假机构", &Sm2Key::new().public_key(), Some(&holder), &key, &signing);
    let intermediates = [holder.clone(), authority.issuing.clone()];
    let refused = validate(&forged, &intermediates, &anchors(&authority.root), NOW, Purpose::SealSigner);
    assert_eq!(refused, Err(PathError::NotCa { subject: holder.subject().to_owned() }));
}

#[test]
fn an_authority_without_the_right_to_sign_certificates_does_not_vouch() {
    let root_key = Sm2Key::new();
    let extensions = [(oid::BASIC_CONSTRAINTS, true, CA), (oid::KEY_USAGE, true, DIGITAL_SIGNATURE)];
    let root = forge("旧根", &root_key.public_key(), None, &root_key, &extensions);
    let leaf = forge("某机构", &Sm2Key::new().public_key(), Some(&root), &root_key, &[]);
    let refused = validate(&leaf, &[], &anchors(&root), NOW, Purpose::Any);
    let (subject, got) = (root.subject().to_owned(), "digitalSignature".to_owned());
    assert_eq!(refused, Err(PathError::KeyUsage { subject, needed: "keyCertSign", got }));
    // Unless the operator trusts its name and key alone.
    let mut bare = Anchors::new();
    bare.add_key_only(root.clone());
    assert!(validate(&leaf, &[], &bare, NOW, Purpose::Any).is_ok());
}

#[test]
fn more_authorities_than_the_path_length_allows_are_refused() {
    let authority = Authority::sm2();
    let (town_key, leaf_key) = (Sm2Key::new(), Sm2Key::new());
    let ca = [(oid::BASIC_CONSTRAINTS, true, CA), (oid::KEY_USAGE, true, KEY_CERT_SIGN)];
    let town =
        forge("镇签发中心", &town_key.public_key(), Some(&authority.issuing), &*authority.issuing_key, &ca);
    let leaf = forge("某机构", &leaf_key.public_key(), Some(&town), &town_key, &[]);
    let refused =
        validate(&leaf, &[town, authority.issuing.clone()], &anchors(&authority.root), NOW, Purpose::Any);
    let subject = authority.issuing.subject().to_owned();
    assert_eq!(refused, Err(PathError::PathLenExceeded { subject, allowed_count: 0, found_count: 1 }));
}

#[test]
fn a_self_issued_authority_does_not_count_against_the_path_length() {
    // A root with path length 0 changes its key, and vouches for the new one under its own name.
    let (old_key, new_key) = (Sm2Key::new(), Sm2Key::new());
    let root_extensions =
        [(oid::BASIC_CONSTRAINTS, true, CA_PATH_LEN_0), (oid::KEY_USAGE, true, KEY_CERT_SIGN)];
    let root = forge("根", &old_key.public_key(), None, &old_key, &root_extensions);
    let renewed = forge("根", &new_key.public_key(), Some(&root), &old_key, &root_extensions);
    let leaf = forge("某机构", &Sm2Key::new().public_key(), Some(&renewed), &new_key, &[]);
    assert!(validate(&leaf, &[renewed], &anchors(&root), NOW, Purpose::Any).is_ok());
}

#[test]
fn a_critical_extension_nobody_understands_is_refused_anywhere_in_the_path() {
    let root_key = Sm2Key::new();
    let unknown = ("1.2.156.10260.4.1.1", true, &[0x05, 0x00][..]);
    let ca = [(oid::BASIC_CONSTRAINTS, true, CA), (oid::KEY_USAGE, true, KEY_CERT_SIGN), unknown];
    let (plain_ca, strange_ca) = (&ca[..2], &ca[..]);
    for (root_extensions, leaf_extensions) in [(plain_ca, &[unknown][..]), (strange_ca, &[][..])] {
        let root = forge("根", &root_key.public_key(), None, &root_key, root_extensions);
        let leaf = forge("某机构", &Sm2Key::new().public_key(), Some(&root), &root_key, leaf_extensions);
        let refused = validate(&leaf, &[], &anchors(&root), NOW, Purpose::Any);
        assert!(matches!(refused, Err(PathError::UnknownCriticalExtension { oid, .. }) if oid == unknown.0));
    }
}

#[test]
fn a_leaf_is_good_only_for_its_purpose() {
    let authority = Authority::sm2();
    let (intermediates, anchors) = ([authority.issuing.clone()], anchors(&authority.root));
    let accepted = |profile: Profile| -> Vec<Purpose> {
        let mut wanted = template(profile, "某机构", Sm2Key::new().public_key());
        wanted.alt_names = vec![crate::AltName::Dns("a.example".into())];
        let leaf = issue(&wanted, Some(&authority.issuing), &*authority.issuing_key).unwrap();
        let purposes = [
            Purpose::SealMaker,
            Purpose::SealSigner,
            Purpose::TimeStamping,
            Purpose::TlsServer,
            Purpose::TlsClient,
        ];
        let holds = |purpose: &Purpose| validate(&leaf, &intermediates, &anchors, NOW, *purpose).is_ok();
        purposes.into_iter().filter(holds).collect()
    };
    // Neither seal profile restricts TLS: RFC 5280 lets an absent extended key usage mean any.
    let tls = [Purpose::TlsServer, Purpose::TlsClient];
    assert_eq!(accepted(Profile::SealMaker), [&[Purpose::SealMaker, Purpose::SealSigner], &tls[..]].concat());
    assert_eq!(accepted(Profile::SealSigner), [&[Purpose::SealSigner], &tls[..]].concat());
    assert_eq!(accepted(Profile::TlsServer), [Purpose::SealSigner, Purpose::TlsServer]);
    assert_eq!(accepted(Profile::TlsClient), [Purpose::SealSigner, Purpose::TlsClient]);
    assert_eq!(accepted(Profile::TimeStamping), [Purpose::SealSigner, Purpose::TimeStamping]);
}

#[test]
fn each_refused_purpose_has_its_reason() {
    let authority = Authority::sm2();
    let (intermediates, anchors) = ([authority.issuing.clone()], anchors(&authority.root));
    let refused =
        |leaf: &Certificate, purpose| validate(leaf, &intermediates, &anchors, NOW, purpose).unwrap_err();

    let signer = authority.certify(Profile::SealSigner, "某机构");
    let subject = signer.subject().to_owned();
    let policy = PathError::Policy { subject: subject.clone(), policy: oid::POLICY_SEAL_MAKER };
    assert_eq!(refused(&signer, Purpose::SealMaker), policy);
    let needed = oid::TIME_STAMPING;
    assert_eq!(refused(&signer, Purpose::TimeStamping), PathError::ExtendedKeyUsage { subject, needed });

    let encrypting = [(oid::KEY_USAGE, true, &[0x03, 0x02, 0x03, 0x38][..])];
    let key = Sm2Key::new().public_key();
    let encrypting = forge("加密证书", &key, Some(&authority.issuing), &*authority.issuing_key, &encrypting);
    let got = "keyEncipherment,dataEncipherment,keyAgreement".to_owned();
    let (subject, needed) = (encrypting.subject().to_owned(), "digitalSignature or nonRepudiation");
    assert_eq!(refused(&encrypting, Purpose::SealSigner), PathError::KeyUsage { subject, needed, got });

    let subject = authority.issuing.subject().to_owned();
    assert_eq!(refused(&authority.issuing, Purpose::SealSigner), PathError::IsCa { subject });
}

#[test]
fn work_stays_bounded_whatever_is_offered() {
    // A hundred authorities that all carry the issuer's name: none may cost more than its share.
    let authority = Authority::sm2();
    let leaf = authority.certify(Profile::SealSigner, "某机构");
    let decoys: Vec<Certificate> = (0..100)
        .map(|_| {
            let key = Sm2Key::new();
            issue(&template(Profile::RootCa, "测试签发中心", key.public_key()), None, &key).unwrap()
        })
        .collect();
    let refused = validate(&leaf, &decoys, &anchors(&authority.root), NOW, Purpose::Any);
    assert!(matches!(refused, Err(PathError::BadSignature { .. })));

    // Authorities that vouch for each other in every direction.
    let keys: Vec<Sm2Key> = (0..6).map(|_| Sm2Key::new()).collect();
    let ca = [(oid::BASIC_CONSTRAINTS, true, CA), (oid::KEY_USAGE, true, KEY_CERT_SIGN)];
    let seed = forge("环", &keys[0].public_key(), None, &keys[0], &ca);
    let each_with_each = keys.iter().flat_map(|signer| keys.iter().map(move |key| (signer, key)));
    let ring: Vec<Certificate> = each_with_each
        .map(|(signer, key)| forge("环", &key.public_key(), Some(&seed), signer, &ca))
        .collect();
    let refused = validate(&ring[1], &ring, &anchors(&authority.root), NOW, Purpose::Any);
    assert_eq!(refused, Err(PathError::TooMuchWork { max_count: SIGNATURES_MAX_COUNT }));
}

#[test]
fn a_path_longer_than_the_limit_is_not_followed() {
    let ca = [(oid::BASIC_CONSTRAINTS, true, CA), (oid::KEY_USAGE, true, KEY_CERT_SIGN)];
    let root_key = Sm2Key::new();
    let mut chain = vec![forge("第0级", &root_key.public_key(), None, &root_key, &ca)];
    let mut signer = root_key;
    for level in 1..=PATH_MAX_COUNT {
        let key = Sm2Key::new();
        let above = chain.last().unwrap();
        let below = forge(&format!("第{level}级"), &key.public_key(), Some(above), &signer, &ca);
        chain.push(below);
        signer = key;
    }
    let anchors = anchors(&chain[0]);
    let check = |leaf: usize| validate(&chain[leaf], &chain[1..], &anchors, NOW, Purpose::Any);
    assert_eq!(check(PATH_MAX_COUNT - 1).unwrap().len(), PATH_MAX_COUNT);
    assert!(matches!(check(PATH_MAX_COUNT), Err(PathError::NoChain { .. })));
}

#[test]
fn the_same_extension_twice_is_no_certificate() {
    let key = Sm2Key::new();
    let subject = name("某机构").to_der().unwrap();
    let extension = || Extension { oid: oid::KEY_USAGE, critical: true, value: DIGITAL_SIGNATURE.to_vec() };
    let public_key = key.public_key();
    let draft = Draft {
        serial: vec![7],
        issuer: subject.clone(),
        subject,
        not_before: NOW,
        not_after: NOW,
        public_key: &public_key,
        extensions: vec![extension(), extension()],
    };
    let refused = Certificate::from_der(&draft.sign(&key).unwrap());
    let twice = crate::CertificateError::DuplicateExtension { oid: oid::KEY_USAGE.to_owned() };
    assert_eq!(refused.unwrap_err(), twice);
    let malformed = Draft {
        extensions: vec![Extension { oid: oid::KEY_USAGE, critical: false, value: write::null() }],
        ..draft
    };
    let refused = Certificate::from_der(&malformed.sign(&key).unwrap());
    let unreadable = crate::CertificateError::MalformedExtension { oid: oid::KEY_USAGE.to_owned() };
    assert_eq!(refused.unwrap_err(), unreadable);
}
