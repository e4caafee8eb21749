//! Code that others wrote over RustCrypto's traits, over our types: it must give what we give.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "support/openssl.rs"]
mod openssl;
#[path = "support/seeded_rng.rs"]
mod seeded_rng;

use std::str::FromStr;

use aead::{Aead, AeadInOut, KeyInit, Payload};
use cipher::{BlockCipherDecrypt, BlockCipherEncrypt};
use digest::{Digest, Mac};
use gm::hmac::{HmacSm3, hmac_sm3};
use gm::sm2::{
    DEFAULT_ID, DecryptingKey, DerSignature, EncryptingKey, Error, Signature, SigningKey, VerifyingKey,
};
use gm::sm3::{self, Sm3};
use gm::sm4;
use gm::traits::{Sm4Gcm, aead, cipher, digest, pkcs8, signature};
use hmac::{SimpleHmac, SimpleHmacReset};
use openssl::OpenSsl;
use pkcs8::spki::{AssociatedAlgorithmIdentifier, DecodePublicKey, EncodePublicKey};
use pkcs8::{DecodePrivateKey, EncodePrivateKey};
use seeded_rng::SeededRng;
use signature::hazmat::{PrehashVerifier, RandomizedPrehashSigner};
use signature::{
    DigestVerifier, Keypair, MultipartVerifier, RandomizedDigestSigner, RandomizedMultipartSigner,
    RandomizedSigner, SignatureEncoding, Verifier,
};
use x509_cert::Certificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::profile::cabf::Root;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::asn1::GeneralizedTime;
use x509_cert::der::{DateTime, Decode, Encode};
use x509_cert::ext::pkix::{KeyUsage, KeyUsages};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::request::{CertReq, RequestBuilder};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{SubjectPublicKeyInfo, SubjectPublicKeyInfoRef};
use x509_cert::time::{Time, Validity};

#[test]
fn certificates_that_x509_cert_builds_verify_with_this_crate_alone_and_with_openssl() {
    let mut rng = SeededRng::new(1);
    let (authority, holder) = (SigningKey::generate(&mut rng), DecryptingKey::generate(&mut rng));
    let name = Name::from_str("CN=Yinxin Root,O=Yinxin,C=CN").unwrap();
    let root = Root::new(false, name.clone()).unwrap();
    let root = issued(root, authority.verifying_key(), &authority, &mut rng);
    let leaf = issued(Encipherment { issuer: name }, holder.encrypting_key(), &authority, &mut rng);

    let [root_key, leaf_key] = [&root, &leaf].map(|der| {
        let read = Certificate::from_der(der).unwrap();
        let tbs = read.tbs_certificate();
        let signature = Signature::from_der(read.signature().raw_bytes()).unwrap();
        let message = tbs.to_der().unwrap();
        assert_eq!(authority.verifying_key().verify(&message, DEFAULT_ID, &signature), Ok(()));
        let algorithm = read.signature_algorithm().to_der().unwrap();
        assert_eq!(algorithm, hex::decode("300a06082a811ccf55018375").unwrap());
        assert_eq!(tbs.signature(), read.signature_algorithm());
        tbs.subject_public_key_info().to_der().unwrap()
    });
    assert_eq!(VerifyingKey::from_spki_der(&root_key).as_ref(), Ok(authority.verifying_key()));
    assert_eq!(EncryptingKey::from_spki_der(&leaf_key).as_ref(), Ok(holder.encrypting_key()));

    let Some(openssl) = OpenSsl::with_sm2() else { return };
    let root = openssl.file("root.pem", armour("CERTIFICATE", &root).as_bytes());
    let leaf = openssl.file("leaf.pem", armour("CERTIFICATE", &leaf).as_bytes());
    let id = ["-vfyopt", "distid:1234567812345678"];
    openssl.run(&[&["verify"], &id[..], &["-CAfile", &root, &leaf]].concat(), b"");
}

/// A certificate for `subject` that `authority` signs, in DER.
fn issued<P: BuilderProfile>(
    profile: P,
    subject: &impl EncodePublicKey,
    authority: &SigningKey,
    rng: &mut SeededRng,
) -> Vec<u8> {
    let year = |year| {
        Time::GeneralTime(GeneralizedTime::from_date_time(DateTime::new(year, 1, 1, 0, 0, 0).unwrap()))
    };
    let validity = Validity::new(year(2020), year(2049));
    let spki = SubjectPublicKeyInfo::from_key(subject).unwrap();
    let builder = CertificateBuilder::new(profile, SerialNumber::from(7u32), validity, spki).unwrap();
    builder.build_with_rng::<_, DerSignature, _>(authority, rng).unwrap().to_der().unwrap()
}

/// The second certificate of national practice, for a key that decrypts.
struct Encipherment {
    issuer: Name,
}

impl BuilderProfile for Encipherment {
    fn get_issuer(&self, _: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        Name::from_str("CN=someone,O=Yinxin,C=CN").unwrap()
    }

    fn build_extensions(
        &self,
        _: SubjectPublicKeyInfoRef<'_>,
        _: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        let usages = KeyUsage(KeyUsages::KeyEncipherment | KeyUsages::KeyAgreement);
        Ok(vec![usages.to_extension(tbs.subject(), &[])?])
    }
}

#[test]
fn a_request_that_x509_cert_builds_verifies_with_this_crate_alone_and_with_openssl() {
    let mut rng = SeededRng::new(2);
    let key = SigningKey::generate(&mut rng);
    let builder = RequestBuilder::new(Name::from_str("CN=someone,O=Yinxin,C=CN").unwrap()).unwrap();
    let built = builder.build_with_rng::<_, DerSignature, _>(&key, &mut rng).unwrap().to_der().unwrap();

    let CertReq { info, algorithm, signature } = CertReq::from_der(&built).unwrap();
    assert_eq!(algorithm.oid.to_string(), "1.2.156.10197.1.501");
    let public = VerifyingKey::from_spki_der(&info.public_key.to_der().unwrap()).unwrap();
    let signature = Signature::from_der(signature.raw_bytes()).unwrap();
    assert_eq!(public.verify(&info.to_der().unwrap(), DEFAULT_ID, &signature), Ok(()));

    let Some(openssl) = OpenSsl::with_sm2() else { return };
    let pem = openssl.file("request.pem", armour("CERTIFICATE REQUEST", &built).as_bytes());
    openssl.run(&["req", "-in", &pem, "-noout", "-verify", "-vfyopt", "distid:1234567812345678"], b"");
}

fn armour(label: &str, der: &[u8]) -> String {
    pem_rfc7468::encode_string(label, pem_rfc7468::LineEnding::LF, der).unwrap()
}

/// Whatever signs through the traits verifies through them and without them.
fn signs_and_verifies<S>(form: fn(&S) -> Vec<u8>)
where
    S: SignatureEncoding + Copy + From<Signature> + Into<Signature>,
    for<'a> <S as TryFrom<&'a [u8]>>::Error: std::fmt::Debug,
{
    let mut rng = SeededRng::new(3);
    let key = SigningKey::generate(&mut rng);
    let public: VerifyingKey = Keypair::verifying_key(&key);
    let (message, rest) = (b"message ".as_slice(), b"digest".as_slice());
    let whole = [message, rest].concat();
    let e = public.digest(&[&whole], DEFAULT_ID).unwrap();
    let absorb = |sm3: &mut Sm3| {
        digest::Update::update(sm3, message);
        digest::Update::update(sm3, rest);
        Ok(())
    };
    let signatures: [S; 4] = [
        RandomizedSigner::sign_with_rng(&key, &mut rng, &whole),
        RandomizedMultipartSigner::multipart_sign_with_rng(&key, &mut rng, &[message, rest]),
        RandomizedDigestSigner::<Sm3, S>::try_sign_digest_with_rng(&key, &mut rng, absorb).unwrap(),
        RandomizedPrehashSigner::sign_prehash_with_rng(&key, &mut rng, &e).unwrap(),
    ];
    for signature in signatures {
        let encoded = signature.to_vec();
        assert_eq!(encoded, form(&signature));
        let read = S::try_from(&encoded).unwrap();
        assert!(S::try_from(&encoded[1..]).is_err() && S::try_from(&[&encoded[..], &[0]].concat()).is_err());
        assert_eq!(public.verify(&whole, DEFAULT_ID, &read.into()), Ok(()));
        Verifier::verify(&public, &whole, &read).unwrap();
        MultipartVerifier::multipart_verify(&public, &[message, rest], &read).unwrap();
        DigestVerifier::<Sm3, S>::verify_digest(&public, absorb, &read).unwrap();
        PrehashVerifier::verify_prehash(&public, &e, &read).unwrap();
        assert!(Verifier::verify(&public, &whole[1..], &read).is_err());
        assert!(PrehashVerifier::verify_prehash(&public, &e[1..], &read).is_err());
    }
    assert!(RandomizedPrehashSigner::<S>::sign_prehash_with_rng(&key, &mut rng, &whole).is_err());
}

#[test]
fn signatures_through_the_traits_are_ours_in_either_form() {
    signs_and_verifies::<Signature>(|signature| signature.to_bytes().to_vec());
    signs_and_verifies::<DerSignature>(|signature| Signature::from(*signature).to_der());
}

#[test]
fn a_signature_in_der_is_read_strictly() {
    let der = DerSignature::from(
        SigningKey::generate(&mut SeededRng::new(4)).sign_digest(&[5; 32], &mut SeededRng::new(5)),
    );
    let bytes = der.to_bytes();
    assert_eq!(DerSignature::from_bytes(&bytes), Ok(der));
    let long_form = [&[0x30, 0x81], &bytes[1..]].concat();
    assert_eq!(DerSignature::from_bytes(&long_form), Err(Error::SignatureEncoding));
}

/// A device that has broken.
struct Broken;

impl rand_core::TryRng for Broken {
    type Error = std::io::Error;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Err(std::io::Error::other("no entropy"))
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Err(std::io::Error::other("no entropy"))
    }
    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
        Err(std::io::Error::other("no entropy"))
    }
}

impl rand_core::TryCryptoRng for Broken {}

#[test]
fn without_randomness_nothing_is_signed() {
    let key = SigningKey::generate(&mut SeededRng::new(6));
    let signed: Result<Signature, _> = key.try_sign_with_rng(&mut Broken, b"message");
    assert!(signed.is_err());
}

#[test]
fn keys_through_the_traits_have_the_same_forms() {
    let mut rng = SeededRng::new(7);
    let (signing, decrypting) = (SigningKey::generate(&mut rng), DecryptingKey::generate(&mut rng));
    let der = EncodePrivateKey::to_pkcs8_der(&signing).unwrap();
    assert_eq!(der.as_bytes(), signing.to_pkcs8_der().as_slice());
    let read: SigningKey = DecodePrivateKey::from_pkcs8_der(der.as_bytes()).unwrap();
    assert_eq!(read.to_bytes(), signing.to_bytes());
    let pem = EncodePrivateKey::to_pkcs8_pem(&decrypting, pkcs8::LineEnding::LF).unwrap();
    assert_eq!(*pem, *decrypting.to_pkcs8_pem());
    let read: DecryptingKey = DecodePrivateKey::from_pkcs8_pem(&pem).unwrap();
    assert_eq!(read.to_bytes(), decrypting.to_bytes());
    let mut foreign = der.as_bytes().to_vec();
    foreign[137] ^= 1;
    assert!(<SigningKey as DecodePrivateKey>::from_pkcs8_der(&foreign).is_err());

    let der = signing.verifying_key().to_public_key_der().unwrap();
    assert_eq!(der.as_bytes(), signing.verifying_key().to_spki_der());
    assert_eq!(VerifyingKey::from_public_key_der(der.as_bytes()).as_ref(), Ok(signing.verifying_key()));
    assert!(VerifyingKey::from_public_key_der(&der.as_bytes()[..90]).is_err());
    let der = decrypting.encrypting_key().to_public_key_der().unwrap();
    assert_eq!(EncryptingKey::from_public_key_der(der.as_bytes()).as_ref(), Ok(decrypting.encrypting_key()));
    let algorithm = VerifyingKey::ALGORITHM_IDENTIFIER.to_der().unwrap();
    assert_eq!(algorithm, signing.verifying_key().to_spki_der()[2..23]);
    assert_eq!(EncryptingKey::ALGORITHM_IDENTIFIER, VerifyingKey::ALGORITHM_IDENTIFIER);
}

fn digested<D: Digest>(message: &[u8], cut: usize) -> Vec<u8> {
    let mut digest = D::new();
    message.chunks(cut).for_each(|piece| digest.update(piece));
    digest.finalize().to_vec()
}

#[test]
fn generic_hashing_and_macs_over_our_sm3_give_our_digests_and_codes() {
    let mut rng = SeededRng::new(8);
    for length in [0, 1, 55, 56, 63, 64, 65, 200, 1000] {
        let (key, message) = (rng.bytes(length / 5), rng.bytes(length));
        assert_eq!(digested::<Sm3>(&message, 7), sm3::hash(&message));
        assert_eq!(<Sm3 as Digest>::digest(&message).as_slice(), sm3::hash(&message));
        let code = hmac_sm3(&key, &[&message]);
        assert_eq!(mac::<SimpleHmac<Sm3>>(&key, &message), code);
        assert_eq!(mac::<HmacSm3>(&key, &message), code);
        let mut reset = SimpleHmacReset::<Sm3>::new_from_slice(&key).unwrap();
        for _ in 0..2 {
            Mac::update(&mut reset, &message);
            assert_eq!(reset.finalize_reset().into_bytes().as_slice(), code);
        }
    }
    let mut mac = <HmacSm3 as KeyInit>::new(&[3; 64].into());
    Mac::update(&mut mac, b"message");
    assert!(mac.verify_slice(&hmac_sm3(&[3; 64], &[b"massage"])).is_err());
    let mut sm3 = Sm3::new();
    Digest::update(&mut sm3, b"what is forgotten");
    Digest::reset(&mut sm3);
    Digest::update(&mut sm3, b"abc");
    assert_eq!(sm3.finalize_reset().as_slice(), sm3::hash(b"abc"));
    assert_eq!(Digest::finalize(sm3).as_slice(), sm3::hash(b""));
    assert_eq!(<Sm3 as digest::const_oid::AssociatedOid>::OID.to_string(), "1.2.156.10197.1.401");
    assert_eq!(name::<Sm3>(), "Sm3");
    assert_eq!((name::<HmacSm3>(), name::<sm4::Key>()), ("HmacSm3".to_owned(), "Sm4".to_owned()));
}

fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key).unwrap();
    message.chunks(11).for_each(|piece| mac.update(piece));
    mac.finalize().into_bytes().to_vec()
}

fn name<T: cipher::AlgorithmName>() -> String {
    struct Name<T>(std::marker::PhantomData<T>);
    impl<T: cipher::AlgorithmName> std::fmt::Display for Name<T> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            T::write_alg_name(f)
        }
    }
    Name::<T>(std::marker::PhantomData).to_string()
}

/// Blocks through a cipher that is known by its traits only.
fn there_and_back<C: BlockCipherEncrypt + BlockCipherDecrypt + KeyInit>(
    key: &[u8],
    data: &[u8],
) -> [Vec<u8>; 2] {
    let cipher = C::new_from_slice(key).unwrap();
    let mut blocks: Vec<cipher::Block<C>> =
        data.chunks_exact(16).map(|block| cipher::Block::<C>::try_from(block).unwrap()).collect();
    cipher.encrypt_blocks(&mut blocks);
    let there = blocks.concat();
    cipher.decrypt_blocks(&mut blocks);
    [there, blocks.concat()]
}

#[test]
fn blocks_through_the_traits_are_those_of_sm4() {
    let mut rng = SeededRng::new(9);
    let (key, data) = (rng.array(), rng.bytes(16 * 33));
    let [there, back] = there_and_back::<sm4::Key>(&key, &data);
    let ours = sm4::Key::new(&key);
    let mut expected = data.clone();
    expected.as_chunks_mut().0.iter_mut().for_each(|block| ours.encrypt_block(block));
    assert_eq!((there, back), (expected, data));
    assert!(<sm4::Key as KeyInit>::new_from_slice(&[0; 15]).is_err());
}

/// Seals and opens with an AEAD that is known by its traits only.
fn sealed<A: Aead + KeyInit>(key: &[u8], nonce: &[u8], aad: &[u8], msg: &[u8]) -> Vec<u8> {
    let aead = A::new_from_slice(key).unwrap();
    let nonce = aead::Nonce::<A>::try_from(nonce).unwrap();
    let sealed = aead.encrypt(&nonce, Payload { msg, aad }).unwrap();
    assert_eq!(aead.decrypt(&nonce, Payload { msg: &sealed, aad }).unwrap(), msg);
    for bit in [0, sealed.len() * 8 - 1] {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(aead.decrypt(&nonce, Payload { msg: &changed, aad }).is_err());
    }
    assert!(aead.decrypt(&nonce, Payload { msg: &sealed, aad: b"other" }).is_err());
    assert!(aead.decrypt(&nonce, Payload { msg: &sealed[..15], aad }).is_err());
    sealed
}

#[test]
fn gcm_through_the_traits_is_that_of_sm4() {
    let mut rng = SeededRng::new(10);
    for length in [0, 1, 15, 16, 17, 100, 5000] {
        let (key, nonce) = (rng.array::<16>(), rng.array::<12>());
        let (aad, plaintext) = (rng.bytes(length % 40), rng.bytes(length));
        let ours = sm4::gcm::seal(&sm4::Key::new(&key), &nonce, &aad, &plaintext).unwrap();
        assert_eq!(sealed::<Sm4Gcm>(&key, &nonce, &aad, &plaintext), ours);

        // In place, and from one buffer to another.
        let aead = Sm4Gcm::from(sm4::Key::new(&key));
        let mut buffer = plaintext.clone();
        aead.encrypt_in_place(&nonce.into(), &aad, &mut buffer).unwrap();
        assert_eq!(buffer, ours);
        let mut out = vec![0; length];
        let pair = aead::inout::InOutBuf::new(&plaintext, &mut out).unwrap();
        let tag = aead.encrypt_inout_detached(&nonce.into(), &aad, pair).unwrap();
        assert_eq!([&out[..], tag.as_slice()].concat(), ours);
        let mut back = vec![0; length];
        let pair = aead::inout::InOutBuf::new(&out, &mut back).unwrap();
        let forged = tag.map(|b| b ^ 1);
        assert!(aead.decrypt_inout_detached(&nonce.into(), &aad, pair, &forged).is_err());
        assert_eq!(back, out, "nothing is decrypted before the tag is found right");
        let pair = aead::inout::InOutBuf::new(&out, &mut back).unwrap();
        aead.decrypt_inout_detached(&nonce.into(), &aad, pair, &tag).unwrap();
        assert_eq!(back, plaintext);
    }
}
