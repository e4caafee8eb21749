//! A seal, and a sealed document, with one thing changed, and what the verifier reports of them.

use base::Timestamp;
use document::ofd::seal_layout::Prepared;
use pki::Signer;
use pki::der::write;
use pki::issue::Profile;
use seal::ses::{Seal, SesSignature};
use seal::verify::SealState;
use seal::{Report, SealTemplate, TrustAnchors, verify_file, verify_seal};

use super::cast::{Cast, SM2_WITH_SM3, assembled, made, prepared, rewritten, sealed, tbs_sign};
use super::stamp;
use crate::authority::{DAY_SECONDS, Holder, Key, NOW, template};
use crate::data::words;

/// The report on the cast's seal after `change`.
pub(super) fn of_a_seal(cast: &Cast, change: &str) -> Result<Report, String> {
    let esl = cast.seal()?;
    let online = cast.online();
    let at = |seconds| Ok(verify_seal(&esl, &online, NOW.plus_seconds(seconds)));
    let told = |trust: &TrustAnchors| Ok(verify_seal(&esl, trust, NOW));
    let instead = |other: &[u8]| Ok(verify_seal(other, &online, NOW));
    let year = 365 * DAY_SECONDS;
    match change {
        "none" => at(0),
        "last second" => at(year),
        "a second too late" => at(year + 1),
        "too early" => at(-3601),
        "suspended" => told(&cast.told((SealState::Suspended, NOW), None)),
        "destroyed" => told(&cast.told((SealState::Revoked, NOW), None)),
        "maker revoked" => {
            let before = NOW.plus_seconds(-7200);
            told(&cast.told((SealState::Normal, NOW), Some((&cast.maker.certificate, before))))
        }
        "cut short" => instead(esl.split_last().map(|(_, rest)| rest).unwrap_or_default()),
        "another name" => instead(&replaced(&esl, "审批专用章", "财务专用章")?),
        "another header" => {
            let info = Seal::parse(&esl).map_err(words)?.0.info;
            instead(&assembled(&replaced(&info, "\u{16}\u{2}ES", "\u{16}\u{2}XX")?, &cast.maker)?)
        }
        "another maker's certificate" => {
            let read = Seal::parse(&esl).map_err(words)?.0;
            let other = cast.authority.certify(Profile::SealMaker, "另一制章中心")?;
            instead(&write::sequence(&[
                read.info.as_slice(),
                &write::octet_string(other.certificate.der()),
                &write::oid(&SM2_WITH_SM3),
                &write::bit_string(&read.signature.octets),
            ]))
        }
        "a stranger's maker" => {
            instead(&made(&cast.template(), &cast.elsewhere.certify(Profile::SealMaker, "制章中心")?)?)
        }
        "made by a signer" => instead(&made(&cast.template(), &cast.bureau)?),
        other => Err(unknown(other)),
    }
}

/// The report on the cast's sealed document after `change`.
pub(super) fn of_a_document(cast: &Cast, change: &str) -> Result<Report, String> {
    let ofd = sealed(&cast.seal()?, &cast.bureau, &cast.online(), NOW)?.map_err(words)?;
    let online = cast.online();
    let read = |ofd: &[u8]| Ok(verify_file(ofd, &online, NOW));
    let told =
        |state, revoked| Ok(verify_file(&ofd, &cast.told(state, revoked), NOW.plus_seconds(DAY_SECONDS)));
    let (before, after) = (NOW.plus_seconds(-10), NOW.plus_seconds(10));
    let revoked = |at| told((SealState::Normal, NOW), Some((&cast.bureau.certificate, at)));
    match change {
        "none" => read(&ofd),
        "years later" => Ok(verify_file(&ofd, &online, NOW.plus_seconds(400 * DAY_SECONDS))),
        "suspended before signing" => told((SealState::Suspended, before), None),
        "destroyed before signing" => told((SealState::Revoked, before), None),
        "destroyed after signing" => told((SealState::Revoked, after), None),
        "revoked before signing" => revoked(before),
        "revoked after signing" => revoked(after),
        "page changed" => read(&rewritten(&ofd, |name, data| match name.contains("/Pages/") {
            true => Some(replaced(&data, "10000", "90000").unwrap_or(data)),
            false => Some(data),
        })?),
        "file taken out" => {
            read(&rewritten(&ofd, |name, data| (!name.ends_with("/PublicRes.xml")).then_some(data))?)
        }
        "Signature.xml changed" => read(&rewritten(&ofd, |name, data| {
            Some(if name.ends_with("/Signature.xml") { [data.as_slice(), b"\n"].concat() } else { data })
        })?),
        "value cut short" => read(&with_value(&ofd, |value| {
            Ok(value.split_last().map(|(_, rest)| rest.to_vec()).unwrap_or_default())
        })?),
        "another time" => {
            read(&with_value(&ofd, |value| replaced(value, "20261124080000Z", "20261124080001Z"))?)
        }
        "another signature" => read(&with_value(&ofd, |value| Ok(last_bit_turned(value)))?),
        stamped if stamped.starts_with("stamped") => stamped_document(cast, &ofd, stamped),
        forged => forged_document(cast, forged),
    }
}

/// What no honest program would sign.
fn forged_document(cast: &Cast, change: &str) -> Result<Report, String> {
    let seal = cast.seal()?;
    let listing = |holder: &Holder| {
        made(
            &SealTemplate { signer_certificates: vec![holder.certificate.clone()], ..cast.template() },
            &cast.maker,
        )
    };
    let days = |days: i64| NOW.plus_seconds(days * DAY_SECONDS);
    let long_after = days(9 * 365);
    let (ofd, now) = match change {
        "a changed seal" => {
            let changed = replaced(&seal, "审批专用章", "财务专用章")?;
            (forged(&changed, &cast.bureau, NOW)?, NOW)
        }
        "a stranger's seal" => {
            let maker = cast.elsewhere.certify(Profile::SealMaker, "制章中心")?;
            (forged(&made(&cast.template(), &maker)?, &cast.bureau, NOW)?, NOW)
        }
        "digest alone signed" => (
            signed_over(&seal, &cast.bureau, NOW, |prepared, _| {
                gm::sm3::hash(&prepared.signature_xml).to_vec()
            })?,
            NOW,
        ),
        "unlisted signer" => {
            (forged(&seal, &cast.authority.certify(Profile::SealSigner, "财务处")?, NOW)?, NOW)
        }
        "renewed signer" => {
            (forged(&seal, &cast.authority.certify(Profile::SealSigner, "审批服务处")?, NOW)?, NOW)
        }
        "a stranger's signature" => {
            let stranger = cast.elsewhere.certify(Profile::SealSigner, "审批服务处")?;
            (forged(&listing(&stranger)?, &stranger, NOW)?, NOW)
        }
        "an authority's signature" => {
            let authority = &cast.authority.issuing;
            (forged(&listing(authority)?, authority, NOW)?, NOW)
        }
        "signed after the seal's end" => (forged(&seal, &cast.bureau, days(366))?, long_after),
        "signed before the certificate" => (forged(&seal, &cast.bureau, days(-2))?, NOW),
        "signed after the certificate" => (forged(&seal, &cast.bureau, days(3 * 365))?, long_after),
        "maker ended before signing" => {
            let maker = short_lived_maker(cast)?;
            (forged(&made(&cast.template(), &maker)?, &cast.bureau, days(2))?, days(2))
        }
        other => return Err(unknown(other)),
    };
    Ok(verify_file(&ofd, &cast.online(), now))
}

/// A maker whose certificate ends tomorrow.
fn short_lived_maker(cast: &Cast) -> Result<Holder, String> {
    let key = Key::of("短期制章中心")?;
    let mut wanted = template(Profile::SealMaker, "短期制章中心", &key, 1);
    wanted.not_after = NOW.plus_seconds(DAY_SECONDS);
    cast.authority.certify_as(wanted, key)
}

/// A document signed with `esl` as `holder`, no check done before.
fn forged(esl: &[u8], holder: &Holder, now: Timestamp) -> Result<Vec<u8>, String> {
    signed_over(esl, holder, now, |_, tbs| tbs.to_vec())
}

/// The same, the signature over what `message` makes of the prepared document and TBS_Sign.
fn signed_over(
    esl: &[u8],
    holder: &Holder,
    now: Timestamp,
    message: impl Fn(&Prepared, &[u8]) -> Vec<u8>,
) -> Result<Vec<u8>, String> {
    let prepared = prepared(esl, now)?;
    let tbs = tbs_sign(&prepared, esl, now)?;
    let signature = holder.key.sign(&message(&prepared, &tbs)).map_err(words)?;
    let value = write::sequence(&[
        tbs.as_slice(),
        &write::octet_string(holder.certificate.der()),
        &write::oid(&SM2_WITH_SM3),
        &write::bit_string(&signature),
    ]);
    prepared.finish(&value).map_err(words)
}

/// The document with a time stamp in its signature (7.2 b5).
fn stamped_document(cast: &Cast, ofd: &[u8], change: &str) -> Result<Report, String> {
    let honest = cast.authority.certify(Profile::TimeStamping, "时间戳服务")?;
    let stamped = |authority: &Holder, seconds: i64, other_data: Option<&[u8]>| {
        with_value(ofd, |value| {
            let (signature, _) = SesSignature::parse(value).map_err(words)?;
            let data = other_data.unwrap_or(&signature.signature.octets);
            with_time_stamp(&signature, &stamp::token(data, NOW.plus_seconds(seconds), authority)?)
        })
    };
    let ofd = match change {
        "stamped" => stamped(&honest, 5, None)?,
        "stamped elsewhere" => stamped(&honest, 5, Some(b"another signature"))?,
        "stamped too early" => stamped(&honest, -5, None)?,
        "stamped by a stranger" => {
            stamped(&cast.elsewhere.certify(Profile::TimeStamping, "时间戳服务")?, 5, None)?
        }
        "stamped with nothing" => with_value(ofd, |value| {
            with_time_stamp(&SesSignature::parse(value).map_err(words)?.0, &write::null())
        })?,
        other => return Err(unknown(other)),
    };
    Ok(verify_file(&ofd, &cast.online(), NOW.plus_seconds(60)))
}

/// SES_Signature with a token in its last, optional place.
fn with_time_stamp(signature: &SesSignature, token: &[u8]) -> Result<Vec<u8>, String> {
    Ok(write::sequence(&[
        signature.tbs.as_slice(),
        &write::octet_string(&signature.signer_certificate),
        &write::oid(&SM2_WITH_SM3),
        &write::bit_string(&signature.signature.octets),
        &write::explicit(0, &write::bit_string(token)),
    ]))
}

/// The document with another signature value.
fn with_value(ofd: &[u8], change: impl Fn(&[u8]) -> Result<Vec<u8>, String>) -> Result<Vec<u8>, String> {
    let mut failure = None;
    let ofd = rewritten(ofd, |name, data| {
        if !name.ends_with("/SignedValue.dat") {
            return Some(data);
        }
        change(&data).map_err(|error| failure = Some(error)).ok()
    })?;
    failure.map_or(Ok(ofd), Err)
}

/// `bytes` with the only `from` in them turned into `to`, which is as long.
fn replaced(bytes: &[u8], from: &str, to: &str) -> Result<Vec<u8>, String> {
    let place = bytes.windows(from.len()).position(|window| window == from.as_bytes());
    let (head, tail) =
        place.and_then(|place| bytes.split_at_checked(place)).ok_or_else(|| format!("expected `{from}`"))?;
    let tail = tail.get(from.len()..).unwrap_or_default();
    Ok([head, to.as_bytes(), tail].concat())
}

fn last_bit_turned(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.last_mut().into_iter().for_each(|byte| *byte ^= 1);
    bytes
}

fn unknown(change: &str) -> String {
    format!("expected a known change in the data, got `{change}`")
}
