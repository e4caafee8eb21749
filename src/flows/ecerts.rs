//! E-certificates: types, issuing, looking up, changing state.

use std::collections::BTreeMap;

use base::id::{Entry, Unit};
use base::{Id, Timestamp};
use ecert::metadata::HolderType;
use ecert::render::Request;
use ecert::{CertificateIdentifier, CertificateType, Date, Metadata, State, surface};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::rows::accounts::AccountRow;
use store::rows::ecerts::{self as rows, EcertRow, TypeRow};
use store::rows::{seals, units};
use store::{BadRow, StoreError};

use crate::caller::Authority;
use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};
use crate::log::{self, Act, Kind};
use crate::people;
use crate::seal_document::{self, Digests};

const HOLDER_NAME_MAX_CHARS: usize = 100;
const REASON_MAX_CHARS: usize = 200;
/// What certificates of the sample province carry across their corner.
const SAMPLE_MARK: &str = "示例数据 SAMPLE";

/// Enters a type into the catalogue; its certificates are sealed with `seal` and issued by `unit`.
pub async fn add_type(
    env: &Env,
    now: Timestamp,
    authority: Authority<'_>,
    type_: &CertificateType,
    unit: Id<Unit>,
    seal: Id<base::id::Seal>,
    sample: bool,
) -> Result<(), Failure> {
    authority.require(env, now, "administer", "console", &unit.to_string()).await?;
    // Every certificate of the type is sealed without asking again, so the seal must be the caller's to give.
    let sealed_with = seals::lookup(&mut *env.db.read().await?, seal).await?;
    let sealed_with = sealed_with
        .ok_or_else(|| Rejected::not_found("no_such_seal", format!("there is no seal `{seal}`")))?;
    authority.require(env, now, "administer", "console", &sealed_with.unit.to_string()).await?;
    type_.check().map_err(|e| Rejected::unprocessable("bad_certificate_type", e.to_string()))?;
    let row = TypeRow {
        code: type_.code.clone(),
        document: serde_json::to_string(type_)?,
        unit,
        unit_path: String::new(),
        seal,
        sample,
        created: now,
    };
    let actor = authority.actor();
    let mut tx = env.db.begin().await?;
    rows::add_type(&mut tx, &row).await.map_err(|e| exists(e, "a certificate type with this code exists"))?;
    let detail = json!({ "act": "certificate_type_added", "unit": unit, "seal": seal });
    log::write(env, &mut tx, now, Act { kind: Kind::AdminAct, actor: &actor, subject: &row.code, detail })
        .await?;
    Ok(tx.commit().await?)
}

/// A certificate to be issued.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// The type's code, 21 characters.
    pub type_code: String,
    /// The holder's name.
    pub holder_name: String,
    /// The kind of the holder's number: `111` citizen, `001` unified social credit code.
    pub holder_type: HolderType,
    /// The holder's number.
    pub holder_code: String,
    /// The fields that the page shows, by key.
    #[serde(default)]
    pub surface: BTreeMap<String, String>,
}

/// A certificate that was issued.
#[derive(Debug, Clone, Serialize)]
pub struct Issued {
    /// Its identifier (GB/T 36904).
    pub identifier: String,
    /// SM3 of its file, hexadecimal.
    pub sm3: String,
    /// The log entry.
    pub log_entry: Id<Entry>,
    /// The sealed OFD file.
    #[serde(skip)]
    pub file: Vec<u8>,
}

/// Issues a certificate: page drawn, sealed, kept, written down.
pub async fn issue(
    env: &Env,
    now: Timestamp,
    authority: Authority<'_>,
    application: Application,
) -> Result<Issued, Failure> {
    let (type_row, type_) = lookup_type(env, &application.type_code).await?;
    authority.require(env, now, "issue_certificate", "certificate_type", &type_.code).await?;
    let metadata = metadata(env, now, &type_row, &type_, &application).await?;
    let identifier = metadata.certificate_identifier.to_string();
    let doc_id = base::entropy::bytes::<16>(env.entropy.as_ref());
    let mark = type_row.sample.then_some(SAMPLE_MARK);
    let page = Request { type_: &type_, metadata: &metadata, doc_id, now, mark };
    let rendered =
        ecert::render(&page).map_err(|e| Rejected::unprocessable("bad_certificate", e.to_string()))?;
    let tool = seal_document::open(env, type_row.seal).await?;
    let original_digest = gm::sm3::hash(&rendered.ofd);
    let file = seal_document::apply(env, &tool, rendered.ofd, rendered.seal_place, now).await?;
    let file_digest = gm::sm3::hash(&file);
    let digests = Digests { original: original_digest, sealed: file_digest };

    let actor = authority.actor();
    let mut tx = env.db.begin().await?;
    let sealing = seal_document::keep(env, &mut tx, now, &actor, &tool.row, digests).await?;
    let detail = json!({
        "type": type_.code,
        "sealing": sealing.id,
        "file_sm3": base::encoding::hex(&file_digest),
    });
    let act = Act { kind: Kind::EcertIssued, actor: &actor, subject: &identifier, detail };
    let entry = log::write(env, &mut tx, now, act).await?;
    let row = EcertRow {
        identifier: identifier.clone(),
        type_code: type_.code.clone(),
        serial: metadata.certificate_identifier.serial().to_owned(),
        version: metadata.certificate_identifier.version(),
        holder_name: metadata.holder_name.clone(),
        metadata: serde_json::to_string(&metadata)?,
        file,
        file_digest,
        state: State::Valid.code().to_owned(),
        entry,
        issued: now,
    };
    let holder_index = people::holder_index(env, &metadata.holder_code);
    rows::add(&mut tx, &row, &holder_index).await?;
    // COMMIT POINT: certificate, sealing and both leaves exist together; only then is the file handed out.
    tx.commit().await?;
    Ok(Issued { identifier, sm3: base::encoding::hex(&file_digest), log_entry: entry, file: row.file })
}

async fn metadata(
    env: &Env,
    now: Timestamp,
    type_row: &TypeRow,
    type_: &CertificateType,
    application: &Application,
) -> Result<Metadata, Failure> {
    let bad = |why: String| Rejected::unprocessable("bad_application", why);
    let fields = surface::check(type_, &application.surface).map_err(|e| bad(e.to_string()))?;
    let holder_name = application.holder_name.trim();
    if holder_name.is_empty() || holder_name.chars().count() > HOLDER_NAME_MAX_CHARS {
        return Err(bad(format!("holder_name: expected 1 to {HOLDER_NAME_MAX_CHARS} characters")).into());
    }
    let holder_code = application
        .holder_type
        .check(&application.holder_code)
        .map_err(|e| bad(format!("holder_code: {e}")))?;
    let unit = units::lookup(&mut *env.db.read().await?, type_row.unit).await?;
    let unit = unit.ok_or_else(|| BadRow::new("ecert_type", "unit_id", &type_row.code, type_row.unit))?;
    let issuer = unit.uscc.as_deref().ok_or_else(|| {
        Rejected::conflict(
            "unit_without_code",
            format!("unit `{}` has no unified social credit code", unit.id),
        )
    })?;
    let serial = serial(env, now);
    let identifier =
        CertificateIdentifier::new(&type_.code, issuer, &serial, 1).map_err(|e| bad(e.to_string()))?;
    let today = Date::in_china(now);
    Ok(Metadata {
        certificate_name: type_.name.clone(),
        certificate_type_name: type_.name.clone(),
        certificate_type_code: type_.code.clone(),
        certificate_number: serial,
        certificate_version: format!("{:03}", identifier.version()),
        certificate_identifier: identifier,
        issuing_authority_name: unit.name_zh.clone(),
        issuing_authority_code: issuer.to_owned(),
        issued_date: today,
        define_authority_name: type_.define_authority_name.clone(),
        define_authority_code: type_.define_authority_code().to_owned(),
        validate_start: today,
        validate_end: type_.validate_end(today),
        area_code: unit.code.chars().filter(char::is_ascii_digit).take(6).collect(),
        holder_name: holder_name.to_owned(),
        holder_code,
        holder_type: application.holder_type.clone(),
        related_item_name: None,
        related_item_code: None,
        surface: fields,
        copy: None,
    })
}

/// A serial number within its type: the date in China and ten random digits of base 32, in capitals.
fn serial(env: &Env, now: Timestamp) -> String {
    let body = Id::<Entry>::new(now, env.entropy.as_ref()).to_string();
    let tail: String = body.chars().rev().take(10).collect::<String>().to_ascii_uppercase();
    format!("{}{tail}", now.date_in_china().replace('-', ""))
}

/// How a certificate stands now.
#[derive(Debug, Clone, Serialize)]
pub struct Standing {
    /// Its identifier.
    pub identifier: String,
    /// Its name.
    pub name: String,
    /// The state's code (`01` valid …).
    pub state: &'static str,
    /// The state in Chinese.
    pub state_zh: &'static str,
    /// The state in English.
    pub state_en: &'static str,
    /// Who issued it.
    pub issuing_authority: String,
    /// When.
    pub issued_date: String,
    /// Its last day; absent when it holds without an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_end: Option<String>,
    /// The holder's name with all but the first character hidden: enough to compare with, no more.
    pub holder_masked: String,
    /// SM3 of the file that was issued, hexadecimal.
    pub file_sm3: String,
    /// The log entry of its issuance.
    pub log_entry: Id<Entry>,
}

/// The standing of the certificate with `identifier`.
pub async fn find(env: &Env, now: Timestamp, identifier: &str) -> Result<Standing, Failure> {
    let (parsed, _) = CertificateIdentifier::read(identifier.trim())
        .map_err(|e| Rejected::bad_request("bad_identifier", e.to_string()))?;
    let row = rows::lookup(&mut *env.db.read().await?, &parsed.to_string()).await?;
    let row = row.ok_or_else(|| {
        Rejected::not_found("no_such_certificate", format!("no certificate `{parsed}` was issued here"))
    })?;
    Ok(standing(&row, now)?)
}

/// How the certificate in `row` stands at `now`: past its last day it has lapsed, whatever is recorded.
pub fn standing(row: &EcertRow, now: Timestamp) -> Result<Standing, Fault> {
    let bad = |column, why: String| Fault::from(BadRow::new("ecert", column, &row.identifier, why));
    let metadata: Metadata =
        serde_json::from_str(&row.metadata).map_err(|e| bad("metadata", e.to_string()))?;
    let recorded = State::from_code(&row.state).map_err(|e| bad("state", e.to_string()))?;
    let over = metadata.validate_end.is_some_and(|end| Date::in_china(now) > end);
    let state = if over && recorded == State::Valid { State::Lapsed } else { recorded };
    Ok(Standing {
        identifier: row.identifier.clone(),
        name: metadata.certificate_name,
        state: state.code(),
        state_zh: state.name_zh(),
        state_en: state.name_en(),
        issuing_authority: metadata.issuing_authority_name,
        issued_date: metadata.issued_date.to_string(),
        validate_end: metadata.validate_end.map(|end| end.to_string()),
        holder_masked: masked(&metadata.holder_name),
        file_sm3: base::encoding::hex(&row.file_digest),
        log_entry: row.entry,
    })
}

fn masked(name: &str) -> String {
    name.chars().enumerate().map(|(i, c)| if i == 0 { c } else { '*' }).collect()
}

/// Moves a certificate to another state.
pub async fn change_state(
    env: &Env,
    now: Timestamp,
    authority: Authority<'_>,
    identifier: &str,
    to: &str,
    reason: &str,
) -> Result<Standing, Failure> {
    let to = State::from_code(to).map_err(|e| Rejected::unprocessable("bad_state", e.to_string()))?;
    if reason.chars().count() > REASON_MAX_CHARS {
        let message = format!("expected a reason of at most {REASON_MAX_CHARS} characters");
        return Err(Rejected::unprocessable("bad_reason", message).into());
    }
    let row = rows::lookup(&mut *env.db.read().await?, identifier).await?;
    let mut row = row.ok_or_else(|| {
        Rejected::not_found("no_such_certificate", format!("no certificate `{identifier}` was issued here"))
    })?;
    authority.require(env, now, "issue_certificate", "certificate_type", &row.type_code).await?;
    let from = State::from_code(&row.state).map_err(|e| BadRow::new("ecert", "state", identifier, e))?;
    from.change(to).map_err(|e| Rejected::conflict("no_such_transition", e.to_string()))?;
    let mut tx = env.db.begin().await?;
    if !rows::move_state(&mut tx, identifier, from.code(), to.code(), now).await? {
        return Err(Rejected::conflict("state_changed", "the certificate changed its state meanwhile").into());
    }
    let actor = authority.actor();
    let detail = json!({ "from": from.code(), "to": to.code(), "reason": reason });
    let act = Act { kind: Kind::EcertStateChanged, actor: &actor, subject: identifier, detail };
    log::write(env, &mut tx, now, act).await?;
    tx.commit().await?;
    row.state = to.code().to_owned();
    Ok(standing(&row, now)?)
}

/// The sealed file of the certificate with `identifier`, for whoever may issue its type.
pub async fn file(
    env: &Env,
    now: Timestamp,
    authority: Authority<'_>,
    identifier: &str,
) -> Result<EcertRow, Failure> {
    let row = rows::lookup(&mut *env.db.read().await?, identifier).await?;
    let row = row.ok_or_else(|| {
        Rejected::not_found("no_such_certificate", format!("no certificate `{identifier}` was issued here"))
    })?;
    authority.require(env, now, "issue_certificate", "certificate_type", &row.type_code).await?;
    Ok(row)
}

/// The certificates of which the account's person is the holder.
pub async fn of_account(env: &Env, account: &AccountRow) -> Result<Vec<EcertRow>, Fault> {
    match people::holder_index_of(env, account)? {
        Some(index) => Ok(rows::of_holder(&mut *env.db.read().await?, &index).await?),
        None => Ok(Vec::new()),
    }
}

/// The catalogue of types.
pub async fn types(env: &Env) -> Result<Vec<(TypeRow, CertificateType)>, Fault> {
    let all = rows::types(&mut *env.db.read().await?).await?;
    all.into_iter().map(|row| parse_type(&row).map(|type_| (row, type_))).collect()
}

/// The latest certificates, for the console.
pub async fn latest(env: &Env) -> Result<Vec<EcertRow>, Fault> {
    Ok(rows::latest(&mut *env.db.read().await?).await?)
}

/// The type with `code`.
pub async fn lookup_type(env: &Env, code: &str) -> Result<(TypeRow, CertificateType), Failure> {
    let row = rows::lookup_type(&mut *env.db.read().await?, code).await?;
    let row = row.ok_or_else(|| {
        Rejected::not_found("no_such_certificate_type", format!("there is no certificate type `{code}`"))
    })?;
    let type_ = parse_type(&row)?;
    Ok((row, type_))
}

fn parse_type(row: &TypeRow) -> Result<CertificateType, Fault> {
    serde_json::from_str(&row.document)
        .map_err(|e| BadRow::new("ecert_type", "document", &row.code, e).into())
}

fn exists(error: StoreError, message: &str) -> Failure {
    if error.is_duplicate() { Rejected::conflict("exists", message).into() } else { error.into() }
}
