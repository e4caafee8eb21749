//! Identifiers of certificates and of their holders: read, written again, refused, with their check characters.

use ecert::CertificateIdentifier;
use ecert::identifier::{Deviation, IdentifierError};
use identity::resident_id::{BadResidentId, Sex};
use identity::social_credit_code::BadSocialCreditCode;
use identity::{ResidentId, SocialCreditCode};
use serde::Deserialize;

use crate::data::{cases, equal, holds, words};
use crate::report::Report;

/// What a data file says of a text that is read without reserve.
const AS_IT_SHOULD_BE: &str = "as it should be";

/// Runs every case.
pub(crate) fn run(report: &mut Report) {
    let identifiers = include_str!("ecert/certificate_identifier.toml");
    for case in cases::<IdentifierCase>(report, "ecert/certificate_identifier.toml", identifiers) {
        report.case(&case.clause, &case.what, certificate_identifier(&case));
    }
    let numbers = include_str!("ecert/resident_id.toml");
    for case in cases::<ResidentCase>(report, "ecert/resident_id.toml", numbers) {
        report.case(&case.clause, &case.what, resident_id(&case));
    }
    let codes = include_str!("ecert/social_credit_code.toml");
    for case in cases::<CodeCase>(report, "ecert/social_credit_code.toml", codes) {
        report.case(&case.clause, &case.what, social_credit_code(&case));
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentifierCase {
    clause: String,
    what: String,
    text: String,
    reads: String,
    type_code: Option<String>,
    issuer: Option<String>,
    serial: Option<String>,
    version: Option<u16>,
}

fn certificate_identifier(case: &IdentifierCase) -> Result<(), String> {
    let read = CertificateIdentifier::read(&case.text);
    equal("reading", &how_identifier_reads(&read), &case.reads)?;
    let strict = case.text.parse::<CertificateIdentifier>();
    equal("strictly accepted", &strict.is_ok(), &(case.reads == AS_IT_SHOULD_BE))?;
    let Ok((identifier, _)) = read else { return no_parts(case) };
    equal("type", &Some(identifier.type_code()), &case.type_code.as_deref())?;
    equal("issuer", &Some(identifier.issuer()), &case.issuer.as_deref())?;
    equal("serial", &Some(identifier.serial()), &case.serial.as_deref())?;
    equal("version", &Some(identifier.version()), &case.version)?;
    equal("text", &identifier.to_string(), &case.text)?;
    if let Ok(strict) = strict {
        let (kind, issuer, serial) = (strict.type_code(), strict.issuer(), strict.serial());
        let made = CertificateIdentifier::new(kind, issuer, serial, strict.version()).map_err(words)?;
        equal("the identifier made of its parts", &made.to_string(), &case.text)?;
    }
    Ok(())
}

fn how_identifier_reads(
    read: &Result<(CertificateIdentifier, Vec<Deviation>), IdentifierError>,
) -> &'static str {
    match read {
        Ok((_, deviations)) => match deviations.as_slice() {
            [] => AS_IT_SHOULD_BE,
            [Deviation::LettersFromEleven] => "with letters from eleven",
            [Deviation::IssuerLength { .. }] => "with another issuer length",
            _ => "with several deviations",
        },
        Err(IdentifierError::Shape { .. }) => "refused for its shape",
        Err(IdentifierError::Length { .. }) => "refused for a length",
        Err(IdentifierError::Characters { .. }) => "refused for a character",
        Err(IdentifierError::Version { .. }) => "refused for its version",
        Err(IdentifierError::Check { .. }) => "refused for its check character",
    }
}

fn no_parts(case: &IdentifierCase) -> Result<(), String> {
    let texts = [&case.type_code, &case.issuer, &case.serial];
    holds("that a refused text has no parts", case.version.is_none() && texts.iter().all(|t| t.is_none()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResidentCase {
    clause: String,
    what: String,
    number: String,
    reads: String,
    birth_date: Option<String>,
    sex: Option<String>,
}

fn resident_id(case: &ResidentCase) -> Result<(), String> {
    let read = case.number.parse::<ResidentId>();
    let reads = match &read {
        Ok(_) => AS_IT_SHOULD_BE,
        Err(BadResidentId::Form(_)) => "refused for its form",
        Err(BadResidentId::Region(_)) => "refused for its region",
        Err(BadResidentId::BirthDate(_)) => "refused for its birth date",
        Err(BadResidentId::CheckCharacter) => "refused for its check character",
    };
    equal("reading", &reads, &case.reads)?;
    let id = read.ok();
    let sex = id.as_ref().map(|id| match id.sex() {
        Sex::Female => "female",
        Sex::Male => "male",
    });
    equal("number", &id.as_ref().is_none_or(|id| id.as_str() == case.number), &true)?;
    equal("birth date", &id.as_ref().map(|id| id.birth_date().to_string()), &case.birth_date)?;
    equal("sex", &sex, &case.sex.as_deref())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeCase {
    clause: String,
    what: String,
    code: String,
    reads: String,
    organisation_code: Option<String>,
}

fn social_credit_code(case: &CodeCase) -> Result<(), String> {
    let read = case.code.parse::<SocialCreditCode>();
    let reads = match &read {
        Ok(_) => AS_IT_SHOULD_BE,
        Err(BadSocialCreditCode::Length(_)) => "refused for its length",
        Err(BadSocialCreditCode::Character(_)) => "refused for a character",
        Err(BadSocialCreditCode::Department(_)) => "refused for its department",
        Err(BadSocialCreditCode::CheckCharacter(_)) => "refused for its check character",
    };
    equal("reading", &reads, &case.reads)?;
    let code = read.ok();
    equal("code", &code.as_ref().is_none_or(|code| code.as_str() == case.code), &true)?;
    equal(
        "organisation code",
        &code.as_ref().map(SocialCreditCode::organisation_code),
        &case.organisation_code.as_deref(),
    )
}
