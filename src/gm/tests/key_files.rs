//! Key files: what we write is read here and by OpenSSL, what OpenSSL, GmSSL and Tongsuo wrote is read here, and nothing else is.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "support/openssl.rs"]
mod openssl;
#[path = "support/seeded_rng.rs"]
mod seeded_rng;
#[path = "support/vectors.rs"]
#[expect(dead_code, reason = "these vectors say whether they hold in a field of their own")]
mod support;

use std::num::NonZeroU32;

use gm::Rejected;
use gm::sm2::keys::{KeyError, MAX_ITERATIONS};
use gm::sm2::{
    Ciphertext, DEFAULT_ID, DecryptingKey, EncryptingKey, Error, Signature, SigningKey, VerifyingKey,
};
use gm::sm4;
use openssl::OpenSsl;
use seeded_rng::SeededRng;
use support::{Tally, vectors};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

const EC_PUBLIC_KEY: &str = "06072a8648ce3d0201";
const SM2_CURVE: &str = "06082a811ccf5501822d";
const P256_CURVE: &str = "06082a8648ce3d030107";
const PKCS8: &str = "a PKCS #8 key around an ECPrivateKey";
const SPKI: &str = "a SubjectPublicKeyInfo";

fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[0x31; 32]).unwrap()
}

fn few() -> NonZeroU32 {
    NonZeroU32::new(3).unwrap()
}

/// `tag`, length, the concatenated hexadecimal `parts`.
fn tlv(tag: &str, parts: &[&str]) -> String {
    let contents = parts.concat();
    let length = match contents.len() / 2 {
        n @ ..0x80 => format!("{n:02x}"),
        n @ ..0x100 => format!("81{n:02x}"),
        n => format!("82{n:04x}"),
    };
    format!("{tag}{length}{contents}")
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    hex::decode(hexadecimal).unwrap()
}

#[test]
fn keys_survive_every_form() {
    let mut rng = SeededRng::new(1);
    for _ in 0..20 {
        let (signing, decrypting) = (SigningKey::generate(&mut rng), DecryptingKey::generate(&mut rng));
        let same = |key: SigningKey| assert_eq!(key.to_bytes(), signing.to_bytes());
        same(SigningKey::from_pkcs8_der(&signing.to_pkcs8_der()).unwrap());
        same(SigningKey::from_pkcs8_pem(&signing.to_pkcs8_pem()).unwrap());
        let der = signing.to_encrypted_pkcs8_der(b"a password", few(), &mut rng);
        same(SigningKey::from_encrypted_pkcs8_der(&der, b"a password").unwrap());
        let pem = signing.to_encrypted_pkcs8_pem(b"", few(), &mut rng);
        same(SigningKey::from_encrypted_pkcs8_pem(&pem, b"").unwrap());

        let same = |key: DecryptingKey| assert_eq!(key.to_bytes(), decrypting.to_bytes());
        same(DecryptingKey::from_pkcs8_der(&decrypting.to_pkcs8_der()).unwrap());
        let pem = decrypting.to_encrypted_pkcs8_pem("口令".as_bytes(), few(), &mut rng);
        same(DecryptingKey::from_encrypted_pkcs8_pem(&pem, "口令".as_bytes()).unwrap());
        let enveloped = decrypting.to_enveloped_key_der(signing.verifying_key(), &mut rng).unwrap();
        same(DecryptingKey::from_enveloped_key_der(&enveloped, &signing).unwrap());

        let public = signing.verifying_key();
        assert_eq!(VerifyingKey::from_spki_der(&public.to_spki_der()).as_ref(), Ok(public));
        assert_eq!(VerifyingKey::from_spki_pem(&public.to_spki_pem()).as_ref(), Ok(public));
        let public = decrypting.encrypting_key();
        assert_eq!(EncryptingKey::from_spki_der(&public.to_spki_der()).as_ref(), Ok(public));
    }
}

#[test]
fn no_bit_of_a_key_file_can_be_changed_cut_off_or_added() {
    let key = signing_key();
    let (private, public) = (key.to_pkcs8_der().to_vec(), key.verifying_key().to_spki_der());
    assert_eq!((private.len(), public.len()), (138, 91));
    let mut rng = SeededRng::new(2);
    let decrypting = DecryptingKey::generate(&mut rng);
    let enveloped = decrypting.to_enveloped_key_der(key.verifying_key(), &mut rng).unwrap();
    type Reads = fn(&[u8]) -> bool;
    let readers: [(&[u8], Reads); 3] = [
        (&private, |der| SigningKey::from_pkcs8_der(der).is_ok()),
        (&public, |der| VerifyingKey::from_spki_der(der).is_ok()),
        (&enveloped, |der| DecryptingKey::from_enveloped_key_der(der, &signing_key()).is_ok()),
    ];
    for (whole, reads) in readers {
        assert!(reads(whole));
        assert!((0..whole.len()).all(|length| !reads(&whole[..length])));
        assert!(!reads(&[whole, &[0]].concat()));
        for bit in 0..whole.len() * 8 {
            let mut changed = whole.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!reads(&changed), "bit {bit} of {} bytes", whole.len());
        }
    }
}

/// The parts of a PKCS #8 key in hexadecimal, to be put together otherwise.
struct Parts {
    version: &'static str,
    curve: &'static str,
    inner_version: &'static str,
    d: String,
    parameters: String,
    inner_public: String,
    attributes: String,
    public: String,
}

impl Parts {
    fn new() -> Self {
        let d = tlv("04", &[&hex::encode(signing_key().to_bytes().as_slice())]);
        let none = String::new;
        let (parameters, inner_public, attributes, public) = (none(), none(), none(), none());
        Self {
            version: "00",
            curve: SM2_CURVE,
            inner_version: "01",
            d,
            parameters,
            inner_public,
            attributes,
            public,
        }
    }

    fn key(&self) -> Result<SigningKey, KeyError> {
        let inner_version = tlv("02", &[self.inner_version]);
        let inner = tlv("30", &[&inner_version, &self.d, &self.parameters, &self.inner_public]);
        let algorithm = tlv("30", &[EC_PUBLIC_KEY, self.curve]);
        let version = tlv("02", &[self.version]);
        let key = tlv("04", &[&inner]);
        let whole = tlv("30", &[&version, &algorithm, &key, &self.attributes, &self.public]);
        SigningKey::from_pkcs8_der(&bytes(&whole))
    }

    fn is_read(&self) -> bool {
        self.key().is_ok_and(|key| key.to_bytes() == signing_key().to_bytes())
    }

    fn refusal(&self) -> KeyError {
        self.key().err().unwrap()
    }
}

#[test]
fn what_the_standards_leave_open_in_a_private_key_is_read_and_nothing_else() {
    let own = hex::encode(signing_key().verifying_key().to_sec1());
    let foreign = hex::encode(SigningKey::from_bytes(&[0x32; 32]).unwrap().verifying_key().to_sec1());
    let bits = |point: &str| tlv("03", &["00", point]);
    let malformed = KeyError::Encoding { expected: PKCS8 };

    let mut file = Parts::new();
    assert!(file.is_read(), "d alone");
    file.parameters = tlv("a0", &[SM2_CURVE]);
    assert!(file.is_read(), "the curve again inside");
    file.inner_public = tlv("a1", &[&bits(&own)]);
    file.attributes = tlv("a0", &["3000"]);
    assert!(file.is_read(), "attributes are passed over");
    (file.version, file.public) = ("01", tlv("81", &["00", &own]));
    assert!(file.is_read(), "version 1 with the public key outside");

    for version in ["00", "02", "ff"] {
        assert_eq!(Parts { version, public: tlv("81", &["00", &own]), ..Parts::new() }.refusal(), malformed);
    }
    assert_eq!(Parts { version: "01", ..Parts::new() }.refusal(), malformed, "version 1 without");
    assert_eq!(Parts { inner_version: "00", ..Parts::new() }.refusal(), malformed);
    for d in [tlv("04", &[&"31".repeat(31)]), tlv("04", &["00", &"31".repeat(32)]), tlv("02", &["31"])] {
        assert_eq!(Parts { d, ..Parts::new() }.refusal(), malformed);
    }
    for d in [tlv("04", &[&"00".repeat(32)]), tlv("04", &[&"ff".repeat(32)])] {
        assert_eq!(Parts { d, ..Parts::new() }.refusal(), KeyError::Key(Error::PrivateKeyRange));
    }
    for curve in [P256_CURVE, "", "0500"] {
        assert_eq!(Parts { curve, ..Parts::new() }.refusal(), KeyError::Algorithm);
    }
    for parameters in [P256_CURVE.to_owned(), format!("{SM2_CURVE}0500"), String::new()] {
        let parameters = tlv("a0", &[&parameters]);
        assert_eq!(Parts { parameters, ..Parts::new() }.refusal(), KeyError::Algorithm);
    }
    let inner_public = tlv("a1", &[&bits(&foreign)]);
    assert_eq!(Parts { inner_public, ..Parts::new() }.refusal(), KeyError::ForeignPublicKey);
    let public = tlv("81", &["00", &foreign]);
    assert_eq!(Parts { version: "01", public, ..Parts::new() }.refusal(), KeyError::ForeignPublicKey);
    let compressed = format!("02{}", &own[2..66]);
    for inner in [bits(&compressed), bits(&own) + "0500", tlv("03", &["01", &own]), tlv("04", &[&own])] {
        let inner_public = tlv("a1", &[&inner]);
        assert_eq!(Parts { inner_public, ..Parts::new() }.refusal(), malformed);
    }
}

#[test]
fn public_keys_have_one_form_and_openssl_s_other_one_its_own_door() {
    let key = signing_key().verifying_key().clone();
    let point = tlv("03", &["00", &hex::encode(key.to_sec1())]);
    let spki = |algorithm: &[&str], point: &str| bytes(&tlv("30", &[&tlv("30", algorithm), point]));
    assert_eq!(VerifyingKey::from_spki_der(&spki(&[EC_PUBLIC_KEY, SM2_CURVE], &point)), Ok(key.clone()));
    for algorithm in [&[SM2_CURVE][..], &[SM2_CURVE, SM2_CURVE]] {
        let quirk = spki(algorithm, &point);
        assert_eq!(VerifyingKey::from_spki_der(&quirk), Err(KeyError::Algorithm));
        assert_eq!(VerifyingKey::from_openssl3_spki_der(&quirk), Ok(key.clone()));
    }
    let both_doors = [VerifyingKey::from_spki_der, VerifyingKey::from_openssl3_spki_der];
    for algorithm in [
        &[EC_PUBLIC_KEY, P256_CURVE][..],
        &[EC_PUBLIC_KEY],
        &[EC_PUBLIC_KEY, SM2_CURVE, "0500"],
        &[SM2_CURVE, P256_CURVE],
        &[SM2_CURVE, SM2_CURVE, SM2_CURVE],
    ] {
        for door in both_doors {
            assert_eq!(door(&spki(algorithm, &point)), Err(KeyError::Algorithm));
        }
    }
    let malformed = Err(KeyError::Encoding { expected: SPKI });
    let x = hex::encode(&key.to_sec1()[1..33]);
    let doors = [(&[EC_PUBLIC_KEY, SM2_CURVE][..], both_doors[0]), (&[SM2_CURVE], both_doors[1])];
    for (algorithm, door) in doors {
        for head in ["02", "03"] {
            assert_eq!(door(&spki(algorithm, &tlv("03", &["00", head, &x]))), malformed, "compressed");
        }
        assert_eq!(door(&spki(algorithm, &tlv("03", &["00", "00"]))), malformed, "infinity");
        let off_curve = tlv("03", &["00", "04", &x, &x]);
        assert_eq!(door(&spki(algorithm, &off_curve)), Err(KeyError::Key(Error::PointNotOnCurve)));
    }
    // A length in two octets where one would do.
    let der = key.to_spki_der();
    assert_eq!(VerifyingKey::from_spki_der(&[&[0x30, 0x81], &der[1..]].concat()), malformed);
}

#[test]
fn armour_holds_one_key_of_the_kind_asked_for() {
    let key = signing_key();
    let (private, public) = (key.to_pkcs8_pem().to_string(), key.verifying_key().to_spki_pem());
    assert!(private.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    assert!(private.ends_with("-----END PRIVATE KEY-----\n"));
    assert!(private.lines().all(|line| line.len() <= 64));
    let refused = Some(KeyError::Armour { label: "PRIVATE KEY" });
    let read = |pem: &str| SigningKey::from_pkcs8_pem(pem);
    assert!(read(&format!("a note before the key\n{private}")).is_ok());
    assert!(read(&private.replace('\n', "\r\n")).is_ok());
    assert_eq!(read(&public).err(), refused);
    assert_eq!(read(&private.replace("PRIVATE KEY", "EC PRIVATE KEY")).err(), refused);
    assert_eq!(read(&private.replace("\nM", "\n!")).err(), refused);
    assert_eq!(read("").err(), refused);
    assert_eq!(read(&format!("{private}{public}")).err(), refused);
    let encrypted = key.to_encrypted_pkcs8_pem(b"p", few(), &mut SeededRng::new(3));
    assert!(encrypted.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    assert_eq!(read(&encrypted).err(), refused);
    let refused = Some(KeyError::Armour { label: "ENCRYPTED PRIVATE KEY" });
    assert_eq!(SigningKey::from_encrypted_pkcs8_pem(&private, b"p").err(), refused);
}

#[test]
fn a_wrong_password_and_changed_bytes_look_alike() {
    let der = signing_key().to_encrypted_pkcs8_der(b"right", few(), &mut SeededRng::new(4));
    let rejected = Some(KeyError::Rejected(Rejected));
    // Some wrong passwords leave a padding that looks right; the key inside does not.
    for n in 0..1000 {
        let password = format!("wrong {n}");
        assert_eq!(SigningKey::from_encrypted_pkcs8_der(&der, password.as_bytes()).err(), rejected);
    }
    for bit in 0..der.len() * 8 {
        let mut changed = der.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(SigningKey::from_encrypted_pkcs8_der(&changed, b"right").is_err(), "bit {bit}");
    }
    for length in 0..der.len() {
        assert!(SigningKey::from_encrypted_pkcs8_der(&der[..length], b"right").is_err());
    }
}

/// An EncryptedPrivateKeyInfo put together by hand around `ciphertext`.
fn encrypted(salt: &[u8], iterations: &str, key_length: &str, prf: &[&str], ciphertext: &[u8]) -> Vec<u8> {
    let salt = tlv("04", &[&hex::encode(salt)]);
    let parameters = tlv("30", &[&salt, &tlv("02", &[iterations]), key_length, &tlv("30", prf)]);
    let kdf = tlv("30", &["06092a864886f70d01050c", &parameters]);
    let cipher = tlv("30", &["06082a811ccf55016802", &tlv("04", &[&"07".repeat(16)])]);
    let scheme = tlv("30", &["06092a864886f70d01050d", &tlv("30", &[&kdf, &cipher])]);
    bytes(&tlv("30", &[&scheme, &tlv("04", &[&hex::encode(ciphertext)])]))
}

#[test]
fn only_the_national_algorithms_open_a_file_and_only_within_limits() {
    const HMAC_SM3: &str = "06092a811ccf5501831102";
    const HMAC_SHA256: &str = "06082a864886f70d0209";
    let mut key = [0; 16];
    gm::kdf::pbkdf2_hmac_sm3(b"p", &[9; 8], NonZeroU32::new(2).unwrap(), &mut key).unwrap();
    let ciphertext = sm4::cbc::encrypt(&sm4::Key::new(&key), &[7; 16], &signing_key().to_pkcs8_der());
    let open = |iterations: &str, key_length: &str, prf: &[&str]| {
        let der = encrypted(&[9; 8], iterations, key_length, prf, &ciphertext);
        SigningKey::from_encrypted_pkcs8_der(&der, b"p").map(|_| ())
    };
    assert_eq!(open("02", "", &[HMAC_SM3, "0500"]), Ok(()));
    assert_eq!(open("02", "", &[HMAC_SM3]), Ok(()), "without NULL");
    assert_eq!(open("02", "020110", &[HMAC_SM3]), Ok(()), "with the key's length");
    for (iterations, key_length, prf) in [
        ("02", "020120", &[HMAC_SM3][..]),
        ("02", "", &[HMAC_SHA256, "0500"]),
        ("02", "", &[HMAC_SM3, "0500", "0500"]),
        ("02", "", &[HMAC_SM3, "0501ff"]),
        ("00", "", &[HMAC_SM3]),
        ("80", "", &[HMAC_SM3]),
        ("0100000000", "", &[HMAC_SM3]),
    ] {
        assert_eq!(open(iterations, key_length, prf), Err(KeyError::Encryption), "{iterations} {prf:?}");
    }
    let above = MAX_ITERATIONS + 1;
    assert_eq!(
        open(&format!("{above:08x}"), "", &[HMAC_SM3]),
        Err(KeyError::Iterations { iterations: above })
    );
    for salt in [&[9; 7][..], &[9; 129]] {
        let der = encrypted(salt, "02", "", &[HMAC_SM3], &ciphertext);
        assert_eq!(SigningKey::from_encrypted_pkcs8_der(&der, b"p").err(), Some(KeyError::Encryption));
    }
}

#[test]
fn an_enveloped_key_opens_for_its_holder_in_every_form_authorities_send() {
    let mut rng = SeededRng::new(5);
    let (holder, other) = (SigningKey::generate(&mut rng), SigningKey::generate(&mut rng));
    let key = DecryptingKey::generate(&mut rng);
    let public = tlv("03", &["00", &hex::encode(key.encrypting_key().to_sec1())]);
    let secret = rng.array();
    let recipient = EncryptingKey::from_sec1(&holder.verifying_key().to_sec1()).unwrap();
    let wrapped = hex::encode(recipient.encrypt(&secret, &mut rng).unwrap().to_der());
    let envelope = |algorithm: &[&str], padding: &[u8]| {
        let mut d = [padding, key.to_bytes().as_slice()].concat();
        let cipher = sm4::Key::new(&secret);
        d.as_chunks_mut().0.iter_mut().for_each(|block| cipher.encrypt_block(block));
        let d = tlv("03", &["00", &hex::encode(d)]);
        bytes(&tlv("30", &[&tlv("30", algorithm), &wrapped, &public, &d]))
    };
    let (sm4, ecb) = ("06072a811ccf550168", "06082a811ccf55016801");
    let opened = |der: &[u8], by| DecryptingKey::from_enveloped_key_der(der, by).map(|key| key.to_bytes());
    for algorithm in [&[sm4][..], &[sm4, "0500"], &[ecb], &[ecb, "0500"]] {
        for padding in [&[][..], &[0; 32]] {
            let der = envelope(algorithm, padding);
            assert_eq!(opened(&der, &holder).as_ref(), Ok(&key.to_bytes()));
            assert_eq!(opened(&der, &other), Err(KeyError::Rejected(Rejected)));
        }
    }
    for padding in [&[0; 16][..], &[1; 32]] {
        assert_eq!(opened(&envelope(&[ecb], padding), &holder), Err(KeyError::Rejected(Rejected)));
    }
    for algorithm in [&["06082a811ccf55016802"][..], &[ecb, "040100"], &[]] {
        assert_eq!(opened(&envelope(algorithm, &[]), &holder), Err(KeyError::Algorithm));
    }
    // The wrapped key is an ordinary ciphertext.
    let ciphertext = Ciphertext::from_der(&bytes(&wrapped)).unwrap();
    let as_decrypting = DecryptingKey::from_bytes(&holder.to_bytes()).unwrap();
    assert_eq!(*as_decrypting.decrypt(&ciphertext).unwrap(), secret);
}

#[test]
fn openssl_reads_our_keys_and_we_read_its() {
    let Some(openssl) = OpenSsl::with_sm2() else { return };
    let mut rng = SeededRng::new(6);
    for round in 0..5 {
        let theirs = openssl.run(&["genpkey", "-algorithm", "SM2"], b"");
        let theirs = SigningKey::from_pkcs8_pem(std::str::from_utf8(&theirs).unwrap()).unwrap();
        for key in [theirs, SigningKey::generate(&mut rng)] {
            let message = rng.bytes(100 + round);
            let (private, input) =
                (openssl.file("key.pem", key.to_pkcs8_pem().as_bytes()), openssl.file("input", &message));
            let public = openssl.run(&["pkey", "-in", &private, "-pubout"], b"");
            assert_eq!(std::str::from_utf8(&public).unwrap(), key.verifying_key().to_spki_pem());
            openssl.run(&["pkey", "-in", &private, "-check", "-noout"], b"");
            // The key signs there and verifies here, and the other way round.
            let sign = ["-rawin", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678", "-in", &input];
            let signature =
                openssl.run(&[&["pkeyutl", "-sign", "-inkey", &private], &sign[..]].concat(), b"");
            let signature = Signature::from_der(&signature).unwrap();
            assert_eq!(key.verifying_key().verify(&message, DEFAULT_ID, &signature), Ok(()));
            let ours = key.sign(&message, DEFAULT_ID, &mut rng).unwrap();
            let (ours, public) =
                (openssl.file("signature", &ours.to_der()), openssl.file("public.pem", &public));
            let verify = ["pkeyutl", "-verify", "-pubin", "-inkey", &public, "-sigfile", &ours];
            openssl.run(&[&verify, &sign[..]].concat(), b"");
        }
    }
}

/// OpenSSL 3 does not know HMAC-SM3 inside PBES2, but it knows the parts.
#[test]
fn openssl_opens_our_encrypted_keys_step_by_step_and_we_open_its() {
    let Some(openssl) = OpenSsl::with_sm2() else { return };
    let key = SigningKey::generate(&mut SeededRng::new(7));
    let derive = |salt: &[u8]| {
        let salt = format!("hexsalt:{}", hex::encode(salt));
        let options =
            ["-kdfopt", "digest:SM3", "-kdfopt", "pass:a password", "-kdfopt", &salt, "-kdfopt", "iter:2048"];
        let text = openssl.run(&[&["kdf", "-keylen", "16"], &options[..], &["PBKDF2"]].concat(), b"");
        String::from_utf8(text).unwrap().trim().replace(':', "")
    };
    let cipher = |direction: &str, key: &str, iv: &[u8], data: &[u8]| {
        openssl.run(&["enc", "-sm4-cbc", direction, "-K", key, "-iv", &hex::encode(iv)], data)
    };

    let iterations = NonZeroU32::new(2048).unwrap();
    let ours = key.to_encrypted_pkcs8_der(b"a password", iterations, &mut SeededRng::new(8));
    let mut dice = SeededRng::new(8);
    let (salt, iv) = (dice.bytes(16), dice.bytes(16));
    let (_, ciphertext) = ours.split_at(ours.len() - 144);
    assert_eq!(cipher("-d", &derive(&salt), &iv, ciphertext), *key.to_pkcs8_der());

    let made = cipher("-e", &derive(&[9; 8]), &[7; 16], &key.to_pkcs8_der());
    let theirs = encrypted(&[9; 8], "0800", "", &["06092a811ccf5501831102", "0500"], &made);
    let read = SigningKey::from_encrypted_pkcs8_der(&theirs, b"a password").unwrap();
    assert_eq!(read.to_bytes(), key.to_bytes());

    // What it writes by itself is under SHA-256, which is refused and not misread.
    let file = openssl.file("key.pem", key.to_pkcs8_pem().as_bytes());
    let arguments = ["pkcs8", "-topk8", "-in", &file, "-v2", "sm4-cbc", "-passout", "pass:a password"];
    let foreign = String::from_utf8(openssl.run(&arguments, b"")).unwrap();
    let refused = SigningKey::from_encrypted_pkcs8_pem(&foreign, b"a password").err();
    assert_eq!(refused, Some(KeyError::Encryption));
}

/// Certificates of authorities, of Tongsuo, GmSSL and gmcert.org, some with the private key: the keys are those of the certificates,
/// and the signatures hold where they should, with nothing but this crate.
#[test]
fn the_keys_in_real_certificates_are_read_and_verify() {
    let Some(vectors) = vectors("x509_sm2") else { return };
    let mut tally = Tally::default();
    for v in vectors {
        let certificate = certificate(&v.text("pem"));
        let key = public_key(&certificate, v.label());
        if v.has("key_pem") {
            match v.value("key_pem").as_str() {
                Some(pem) => assert_eq!(
                    SigningKey::from_pkcs8_pem(pem).unwrap().verifying_key(),
                    &key,
                    "{}",
                    v.label()
                ),
                None => tally.leave_out("certificates without their private key"),
            }
        }
        let valid = v.text("signature") == "valid";
        match v.value("issuer_pem").as_str() {
            Some(issuer) => {
                let issuer = public_key(&self::certificate(issuer), v.label());
                // OpenSSL 3 takes the empty id where none is named; one certificate here is signed under that.
                let (id, other_id) = if v.label().contains("OpenSSL 3.x quirk") {
                    (&b""[..], DEFAULT_ID)
                } else {
                    (DEFAULT_ID, &b""[..])
                };
                assert_eq!(verifies(&certificate, &issuer, id), valid, "{}", v.label());
                assert!(!verifies(&certificate, &issuer, other_id), "{}", v.label());
            }
            None => tally.leave_out("certificates without their issuer"),
        }
        v.value("signature_checked");
        tally.consume(v);
    }
    let left_out = [("certificates without their issuer", 6), ("certificates without their private key", 4)];
    tally.expect("x509_sm2", 29, &left_out);
}

fn certificate(pem: &str) -> Certificate {
    let (label, der) = pem_rfc7468::decode_vec(pem.as_bytes()).unwrap();
    assert_eq!(label, "CERTIFICATE");
    Certificate::from_der(&der).unwrap()
}

/// The certificate's key; Tongsuo and OpenSSL 3 made some with the curve in the algorithm's place.
fn public_key(certificate: &Certificate, label: &str) -> VerifyingKey {
    let spki = certificate.tbs_certificate().subject_public_key_info().to_der().unwrap();
    let quirk = VerifyingKey::from_openssl3_spki_der(&spki);
    match (VerifyingKey::from_spki_der(&spki), &quirk) {
        (Ok(key), Err(KeyError::Algorithm)) => key,
        (Err(KeyError::Algorithm), Ok(key)) => key.clone(),
        neither => panic!("{label}: {neither:?}"),
    }
}

/// Whether `issuer` signed: under SM2 with SM3 inside and outside, and over these bytes.
fn verifies(certificate: &Certificate, issuer: &VerifyingKey, id: &[u8]) -> bool {
    let (tbs, outer) = (certificate.tbs_certificate(), certificate.signature_algorithm());
    let named = tbs.signature() == outer && outer.oid.to_string() == "1.2.156.10197.1.501";
    let signature = Signature::from_der(certificate.signature().raw_bytes());
    let message = tbs.to_der().unwrap();
    named && signature.is_ok_and(|signature| issuer.verify(&message, id, &signature).is_ok())
}
