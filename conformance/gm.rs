//! SM2, SM3, HMAC-SM3, SM4 and its modes, and the random bit generator against the examples in their standards.

mod drbg;
mod exchange;

use base::{OsEntropy, entropy};
use gm::hmac::{HmacSm3, hmac_sm3};
use gm::sm2::{Ciphertext, DecryptingKey, Signature, SigningKey, VerifyingKey};
use gm::{sm3, sm4};
use serde::Deserialize;

use crate::data::{Hex, cases, holds, same, words};
use crate::report::Report;

/// Runs every example.
pub(crate) fn run(report: &mut Report) {
    for case in cases::<Sm3Case>(report, "gm/sm3.toml", include_str!("gm/sm3.toml")) {
        report.case(&case.clause, &case.what, sm3_digest(&case));
    }
    for case in cases::<HmacCase>(report, "gm/hmac_sm3.toml", include_str!("gm/hmac_sm3.toml")) {
        report.case(&case.clause, &case.what, hmac_code(&case));
    }
    drbg::run(report);
    for case in cases::<BlockCase>(report, "gm/sm4.toml", include_str!("gm/sm4.toml")) {
        report.case(&case.clause, &case.what, sm4_block(&case));
    }
    for case in cases::<SealedCase>(report, "gm/sm4_gcm.toml", include_str!("gm/sm4_gcm.toml")) {
        report.case(&case.clause, &case.what, sm4_gcm(&case));
    }
    for case in cases::<SealedCase>(report, "gm/sm4_ccm.toml", include_str!("gm/sm4_ccm.toml")) {
        report.case(&case.clause, &case.what, sm4_ccm(&case));
    }
    for case in cases::<ModeCase>(report, "gm/sm4_modes.toml", include_str!("gm/sm4_modes.toml")) {
        report.case(&case.clause, &case.what, sm4_mode(&case));
    }
    for case in cases(report, "gm/sm2_signature.toml", include_str!("gm/sm2_signature.toml")) {
        sm2_signature(report, &case);
    }
    for case in cases(report, "gm/sm2_encryption.toml", include_str!("gm/sm2_encryption.toml")) {
        sm2_encryption(report, &case);
    }
    for case in cases(report, "gm/sm2_exchange.toml", include_str!("gm/sm2_exchange.toml")) {
        exchange::run(report, &case);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sm3Case {
    clause: String,
    what: String,
    message: String,
    /// How many times `message` stands one after the other.
    times: usize,
    digest: Hex,
}

fn sm3_digest(case: &Sm3Case) -> Result<(), String> {
    let message = case.message.repeat(case.times);
    same("digest", &sm3::hash(message.as_bytes()), &case.digest)?;
    let mut piecewise = sm3::Sm3::new();
    (0..case.times).for_each(|_| piecewise.update(case.message.as_bytes()));
    same("digest of the pieces", &piecewise.finish(), &case.digest)?;
    let side_by_side = sm3::hash_many(&[&message; 3]);
    side_by_side.iter().try_for_each(|digest| same("digest side by side", digest, &case.digest))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HmacCase {
    clause: String,
    what: String,
    key: Hex,
    message: Hex,
    code: Hex,
}

fn hmac_code(case: &HmacCase) -> Result<(), String> {
    same("code", &hmac_sm3(&case.key.0, &[&case.message.0]), &case.code)?;
    let verify = |tag: &[u8]| {
        let mut mac = HmacSm3::new(&case.key.0);
        mac.update(&case.message.0);
        mac.verify(tag)
    };
    holds("the published code", verify(&case.code.0).is_ok())?;
    holds("the refusal of a changed code", verify(&changed(&case.code.0)).is_err())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockCase {
    clause: String,
    what: String,
    key: Hex,
    plaintext: Hex,
    /// How many times the block is encrypted.
    times: usize,
    ciphertext: Hex,
}

fn sm4_block(case: &BlockCase) -> Result<(), String> {
    let key = sm4::Key::new(&case.key.array()?);
    let mut block = case.plaintext.array()?;
    (0..case.times).for_each(|_| key.encrypt_block(&mut block));
    same("ciphertext", &block, &case.ciphertext)?;
    (0..case.times).for_each(|_| key.decrypt_block(&mut block));
    same("plaintext", &block, &case.plaintext)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedCase {
    clause: String,
    what: String,
    key: Hex,
    nonce: Hex,
    additional_data: Hex,
    plaintext: Hex,
    ciphertext: Hex,
    tag: Hex,
}

fn sm4_gcm(case: &SealedCase) -> Result<(), String> {
    let (key, nonce, aad) = (sm4::Key::new(&case.key.array()?), case.nonce.array()?, &case.additional_data.0);
    let expected = Hex([case.ciphertext.0.as_slice(), &case.tag.0].concat());
    let sealed = sm4::gcm::seal(&key, &nonce, aad, &case.plaintext.0).map_err(words)?;
    same("ciphertext and tag", &sealed, &expected)?;
    let opened = sm4::gcm::open(&key, &nonce, aad, &sealed).map_err(words)?;
    same("plaintext", &opened, &case.plaintext)?;
    holds("the refusal of a changed tag", sm4::gcm::open(&key, &nonce, aad, &changed(&sealed)).is_err())
}

fn sm4_ccm(case: &SealedCase) -> Result<(), String> {
    let (key, nonce, aad) = (sm4::Key::new(&case.key.array()?), &case.nonce.0, &case.additional_data.0);
    let (expected, tag_bytes) = (Hex([case.ciphertext.0.as_slice(), &case.tag.0].concat()), case.tag.0.len());
    let sealed = sm4::ccm::seal(&key, nonce, tag_bytes, aad, &case.plaintext.0).map_err(words)?;
    same("ciphertext and tag", &sealed, &expected)?;
    let opened = sm4::ccm::open(&key, nonce, tag_bytes, aad, &sealed).map_err(words)?;
    same("plaintext", &opened, &case.plaintext)?;
    let refused = sm4::ccm::open(&key, nonce, tag_bytes, aad, &changed(&sealed)).is_err();
    holds("the refusal of a changed tag", refused)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModeCase {
    clause: String,
    what: String,
    mode: Mode,
    key: Hex,
    /// The initial value, counter or tweak; of no bytes where the mode has none.
    iv: Hex,
    plaintext: Hex,
    ciphertext: Hex,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    Ecb,
    Cbc,
    Cfb,
    Ofb,
    Ctr,
    XtsGb,
    XtsIeee,
}

fn sm4_mode(case: &ModeCase) -> Result<(), String> {
    let mut data = case.plaintext.0.clone();
    encrypt(case, &mut data)?;
    same("ciphertext", &data, &case.ciphertext)?;
    decrypt(case, &mut data)?;
    same("plaintext", &data, &case.plaintext)
}

fn encrypt(case: &ModeCase, data: &mut [u8]) -> Result<(), String> {
    match case.mode {
        Mode::Ecb => sm4::ecb::encrypt(&no_iv(case)?, data).map_err(words)?,
        Mode::Cbc => sm4::cbc::encrypt_whole(&key(case)?, &case.iv.array()?, data).map_err(words)?,
        Mode::Cfb => sm4::cfb::encrypt(&key(case)?, &case.iv.array()?, data),
        Mode::Ofb => sm4::ofb::apply(&key(case)?, &case.iv.array()?, data),
        Mode::Ctr => sm4::ctr::apply(&key(case)?, &case.iv.array()?, data),
        Mode::XtsGb => sm4::xts::encrypt_gb(&two_keys(case)?, &case.iv.array()?, data).map_err(words)?,
        Mode::XtsIeee => sm4::xts::encrypt_ieee(&two_keys(case)?, &case.iv.array()?, data).map_err(words)?,
    }
    Ok(())
}

fn decrypt(case: &ModeCase, data: &mut [u8]) -> Result<(), String> {
    match case.mode {
        Mode::Ecb => sm4::ecb::decrypt(&no_iv(case)?, data).map_err(words)?,
        Mode::Cbc => sm4::cbc::decrypt_whole(&key(case)?, &case.iv.array()?, data).map_err(words)?,
        Mode::Cfb => sm4::cfb::decrypt(&key(case)?, &case.iv.array()?, data),
        Mode::Ofb | Mode::Ctr => encrypt(case, data)?,
        Mode::XtsGb => sm4::xts::decrypt_gb(&two_keys(case)?, &case.iv.array()?, data).map_err(words)?,
        Mode::XtsIeee => sm4::xts::decrypt_ieee(&two_keys(case)?, &case.iv.array()?, data).map_err(words)?,
    }
    Ok(())
}

fn key(case: &ModeCase) -> Result<sm4::Key, String> {
    Ok(sm4::Key::new(&case.key.array()?))
}

fn no_iv(case: &ModeCase) -> Result<sm4::Key, String> {
    holds("an empty initial value", case.iv.0.is_empty())?;
    key(case)
}

fn two_keys(case: &ModeCase) -> Result<sm4::xts::Key, String> {
    sm4::xts::Key::new(&case.key.array()?).map_err(words)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureCase {
    clause: String,
    id: String,
    message: String,
    private_key: Hex,
    public_key: Hex,
    z: Hex,
    e: Hex,
    nonce: Hex,
    nonce_point: Hex,
    r: Hex,
    s: Hex,
}

fn sm2_signature(report: &mut Report, case: &SignatureCase) {
    let clause = &case.clause;
    report.case(clause, "SM2 key pair, Z and digest", signer(case).map(|_| ()));
    report.case(clause, "SM2 nonce point [k]G", nonce_point(&case.nonce, &case.nonce_point));
    report.case(clause, "SM2 verify the published signature", published_signature(case));
    report.case(clause, "SM2 refuse what was changed", changed_signature(case));
    report.case(clause, "SM2 sign and verify", new_signature(case));
}

fn signer(case: &SignatureCase) -> Result<SigningKey, String> {
    let key = SigningKey::from_bytes(&case.private_key.array()?).map_err(words)?;
    let public = key.verifying_key();
    same("public key", &public.to_sec1(), &case.public_key)?;
    same("Z", &public.z(case.id.as_bytes()).map_err(words)?, &case.z)?;
    let e = public.digest(&[case.message.as_bytes()], case.id.as_bytes()).map_err(words)?;
    same("e", &e, &case.e)?;
    Ok(key)
}

/// The nonce is a scalar like any other: as a private key it shows its point.
fn nonce_point(nonce: &Hex, point: &Hex) -> Result<(), String> {
    let nonce = SigningKey::from_bytes(&nonce.array()?).map_err(words)?;
    same("nonce point", &nonce.verifying_key().to_sec1(), point)
}

fn published_signature(case: &SignatureCase) -> Result<(), String> {
    let (public, signature) = published(case)?;
    let message = case.message.as_bytes();
    holds("the signature", public.verify(message, case.id.as_bytes(), &signature).is_ok())?;
    holds("the signature over e", public.verify_digest(&case.e.array()?, &signature).is_ok())?;
    let read_again = Signature::from_der(&signature.to_der()).map_err(words)?;
    holds("the signature through DER", read_again == signature)
}

fn changed_signature(case: &SignatureCase) -> Result<(), String> {
    let (public, signature) = published(case)?;
    let (message, id) = (case.message.as_bytes(), case.id.as_bytes());
    let verify = |message: &[u8], id: &[u8]| public.verify(message, id, &signature);
    holds("the refusal of a changed message", verify(&changed(message), id).is_err())?;
    holds("the refusal of another id", verify(message, &changed(id)).is_err())?;
    let other = Hex(changed(&signature.to_bytes())).array()?;
    let other = Signature::from_bytes(&other).map_err(words)?;
    holds("the refusal of a changed s", public.verify(message, id, &other).is_err())
}

fn published(case: &SignatureCase) -> Result<(VerifyingKey, Signature), String> {
    let public = VerifyingKey::from_sec1(&case.public_key.0).map_err(words)?;
    let raw = Hex([case.r.0.as_slice(), &case.s.0].concat()).array()?;
    Ok((public, Signature::from_bytes(&raw).map_err(words)?))
}

fn new_signature(case: &SignatureCase) -> Result<(), String> {
    let key = signer(case)?;
    let (message, id) = (case.message.as_bytes(), case.id.as_bytes());
    let signature = key.sign(message, id, &mut entropy::rng(&OsEntropy)).map_err(words)?;
    holds("our signature", key.verifying_key().verify(message, id, &signature).is_ok())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EncryptionCase {
    clause: String,
    plaintext: String,
    private_key: Hex,
    public_key: Hex,
    nonce: Hex,
    c1: Hex,
    c3: Hex,
    c2: Hex,
}

fn sm2_encryption(report: &mut Report, case: &EncryptionCase) {
    let clause = &case.clause;
    report.case(clause, "SM2 nonce point C1 = [k]G", nonce_point(&case.nonce, &case.c1));
    report.case(clause, "SM2 decrypt the published ciphertext", published_ciphertext(case));
    report.case(clause, "SM2 refuse what was changed", changed_ciphertext(case));
    report.case(clause, "SM2 encrypt and decrypt", new_ciphertext(case));
}

fn decrypting_key(case: &EncryptionCase) -> Result<DecryptingKey, String> {
    let key = DecryptingKey::from_bytes(&case.private_key.array()?).map_err(words)?;
    same("public key", &key.encrypting_key().to_sec1(), &case.public_key)?;
    Ok(key)
}

fn published_ciphertext(case: &EncryptionCase) -> Result<(), String> {
    let (key, expected) = (decrypting_key(case)?, Hex(case.plaintext.clone().into_bytes()));
    let raw = [case.c1.0.as_slice(), &case.c3.0, &case.c2.0].concat();
    let old = [case.c1.0.as_slice(), &case.c2.0, &case.c3.0].concat();
    let ciphertext = Ciphertext::from_bytes(&raw).map_err(words)?;
    holds("the old order", Ciphertext::from_c1c2c3(&old).as_ref() == Ok(&ciphertext))?;
    holds("the DER", Ciphertext::from_der(&ciphertext.to_der()).as_ref() == Ok(&ciphertext))?;
    same("plaintext", &key.decrypt(&ciphertext).map_err(words)?, &expected)
}

fn changed_ciphertext(case: &EncryptionCase) -> Result<(), String> {
    let key = decrypting_key(case)?;
    let opens = |c3: &[u8], c2: &[u8]| {
        let ciphertext = Ciphertext::from_bytes(&[&case.c1.0, c3, c2].concat()).map_err(words)?;
        Ok::<_, String>(key.decrypt(&ciphertext).is_ok())
    };
    holds("the refusal of a changed C2", !opens(&case.c3.0, &changed(&case.c2.0))?)?;
    holds("the refusal of a changed C3", !opens(&changed(&case.c3.0), &case.c2.0)?)
}

fn new_ciphertext(case: &EncryptionCase) -> Result<(), String> {
    let (key, expected) = (decrypting_key(case)?, Hex(case.plaintext.clone().into_bytes()));
    let mut rng = entropy::rng(&OsEntropy);
    let ciphertext = key.encrypting_key().encrypt(&expected.0, &mut rng).map_err(words)?;
    same("plaintext", &key.decrypt(&ciphertext).map_err(words)?, &expected)
}

/// `bytes` with the last bit turned over.
fn changed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.last_mut().into_iter().for_each(|b| *b ^= 1);
    bytes
}
