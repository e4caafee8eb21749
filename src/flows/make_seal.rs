//! Making an electronic seal for a unit (GB/T 38540, 6.2).

use base::id::{Seal, Unit};
use base::{Id, Timestamp};
use kms::{Algorithm, Purpose};
use pki::Name;
use pki::issue::Profile;
use seal::SealTemplate;
use seal::make::MakeError;
use seal::ses::Picture;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::rows::seals::{self, SealRow, SealState};
use store::rows::units::{self, UnitRow};

use crate::caller::Authority;
use crate::certificates::{self, Order};
use crate::env::Env;
use crate::error::{Failure, Rejected};
use crate::keyring::profile;
use crate::log::{self, Act, Kind};
use crate::seal_picture;

const VENDOR: &str = "Yinxin";
const SEAL_YEARS: i64 = 3;
const YEAR_SECONDS: i64 = 365 * 86_400;
/// The side of a unit's round seal, in millimetres (the usual size of a county bureau's).
const PICTURE_MM: i64 = 42;
/// `type` of a unit's seal in GM/T 0031.
const UNIT_SEAL: i64 = 1;

/// A seal to be made.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSeal {
    /// The unit it belongs to.
    pub unit: Id<Unit>,
    /// Its name, as registered.
    pub name: String,
    /// Its registered code; one is made when none is given.
    #[serde(default)]
    pub es_id: Option<String>,
    /// A picture, PNG in base64; a ring with a star is drawn when none is given.
    #[serde(default)]
    pub picture_png: Option<String>,
}

/// A seal that was made.
#[derive(Debug, Clone, Serialize)]
pub struct MadeSeal {
    /// Its identifier.
    pub id: Id<Seal>,
    /// Its code in the seal itself.
    pub es_id: String,
    /// Valid until.
    pub valid_until: String,
    /// The log entry.
    pub log_entry: Id<base::id::Entry>,
}

/// Makes the unit's signing key, its certificate, and the seal bound to it, signed by the built-in seal maker.
pub async fn make(
    env: &Env,
    now: Timestamp,
    authority: Authority<'_>,
    order: NewSeal,
    sample: bool,
) -> Result<MadeSeal, Failure> {
    authority.require(env, now, "administer", "console", &order.unit.to_string()).await?;
    let unit = units::lookup(&mut *env.db.read().await?, order.unit).await?;
    let unit = unit
        .ok_or_else(|| Rejected::not_found("no_such_unit", format!("there is no unit `{}`", order.unit)))?;
    let id = Id::<Seal>::new(now, env.entropy.as_ref());
    let es_id = order.es_id.clone().unwrap_or_else(|| id.to_string());
    let actor = authority.actor();

    // Everything is signed before the transaction opens.
    let (provider, entropy) = (env.keys.as_ref(), env.entropy.as_ref());
    let keyring = env.keyring();
    let (key_id, key) = certificates::new_key(provider, Purpose::SealSigning, Algorithm::Sm2, now, entropy)?;
    let issuing =
        certificates::Authority { certificate: Some(&keyring.issuing), signer: &keyring.issuing_signer() };
    let certificate_order = Order {
        profile: Profile::SealSigner,
        profile_name: profile::SEAL_SIGNER,
        subject: subject(&unit),
        alt_names: Vec::new(),
        key: &key,
        key_id,
        valid_seconds: SEAL_YEARS * YEAR_SECONDS,
        actor: &actor,
    };
    let certificate = certificates::sign(&certificate_order, &issuing, now, entropy)?;
    let template = SealTemplate {
        es_id: es_id.clone(),
        vendor: VENDOR.to_owned(),
        type_: UNIT_SEAL,
        name: order.name.clone(),
        signer_certificates: vec![certificate.clone()],
        created: now,
        valid_from: now,
        valid_until: certificate.not_after(),
        picture: picture(&order)?,
    };
    let maker = keyring.seal_maker_signer();
    let esl = seal::make(&template, &maker, &keyring.seal_maker).map_err(refused)?;

    let row = SealRow {
        id,
        es_id: es_id.clone(),
        name: order.name,
        unit: unit.id,
        unit_path: unit.path,
        signer_certificate: certificate.serial_hex(),
        esl,
        state: SealState::Active,
        sample,
        valid_from: template.valid_from,
        valid_until: template.valid_until,
        created: now,
    };
    let mut tx = env.db.begin().await?;
    certificates::keep_key(&mut tx, key_id, &key, &actor, now, entropy).await?;
    certificates::keep(&mut tx, &certificate_order, issuing.certificate, &certificate, now, entropy).await?;
    if let Err(error) = seals::add(&mut tx, &row).await {
        if error.is_duplicate() {
            return Err(
                Rejected::conflict("seal_exists", format!("a seal with the code `{es_id}` exists")).into()
            );
        }
        return Err(error.into());
    }
    let detail = json!({
        "es_id": row.es_id,
        "name": row.name,
        "unit": row.unit,
        "certificate": row.signer_certificate,
        "seal_sm3": base::encoding::hex(&gm::sm3::hash(&row.esl)),
    });
    let subject = id.to_string();
    let act = Act { kind: Kind::SealMade, actor: &actor, subject: &subject, detail };
    let log_entry = log::write(env, &mut tx, now, act).await?;
    // COMMIT POINT: key, certificate, seal and leaf exist together.
    tx.commit().await?;
    Ok(MadeSeal { id, es_id, valid_until: row.valid_until.rfc3339(), log_entry })
}

/// Moves a seal between in use, suspended and destroyed.
pub async fn change_state(
    env: &Env,
    now: Timestamp,
    authority: Authority<'_>,
    id: Id<Seal>,
    to: &str,
) -> Result<(), Failure> {
    let to = SealState::parse(to).ok_or_else(|| {
        let message = format!("expected state `active`, `suspended` or `destroyed`, got `{to}`");
        Rejected::unprocessable("bad_state", message)
    })?;
    let row = seals::lookup(&mut *env.db.read().await?, id).await?;
    let row = row.ok_or_else(|| Rejected::not_found("no_such_seal", format!("there is no seal `{id}`")))?;
    authority.require(env, now, "administer", "console", &row.unit.to_string()).await?;
    let open = matches!(
        (row.state, to),
        (SealState::Active, SealState::Suspended)
            | (SealState::Suspended, SealState::Active)
            | (SealState::Active | SealState::Suspended, SealState::Destroyed)
    );
    let closed = || {
        let message = format!("a seal cannot go from `{}` to `{}`", row.state.as_str(), to.as_str());
        Rejected::conflict("no_such_transition", message)
    };
    if !open {
        return Err(closed().into());
    }
    let mut tx = env.db.begin().await?;
    if !seals::move_state(&mut tx, id, row.state, to).await? {
        return Err(closed().into());
    }
    let (actor, subject) = (authority.actor(), id.to_string());
    let detail = json!({ "from": row.state.as_str(), "to": to.as_str() });
    let act = Act { kind: Kind::SealStateChanged, actor: &actor, subject: &subject, detail };
    log::write(env, &mut tx, now, act).await?;
    Ok(tx.commit().await?)
}

/// All seals, for the console.
pub async fn all(env: &Env) -> Result<Vec<SealRow>, crate::Fault> {
    Ok(seals::all(&mut *env.db.read().await?).await?)
}

/// The seal itself (`Seal.esl`).
pub async fn file(env: &Env, id: Id<Seal>) -> Result<Vec<u8>, Failure> {
    let row = seals::lookup(&mut *env.db.read().await?, id).await?;
    let row = row.ok_or_else(|| Rejected::not_found("no_such_seal", format!("there is no seal `{id}`")))?;
    Ok(row.esl)
}

fn refused(error: MakeError) -> Failure {
    match error {
        MakeError::Sign(error) => error.into(),
        other => Rejected::unprocessable("bad_seal", other.to_string()).into(),
    }
}

fn subject(unit: &UnitRow) -> Name {
    Name {
        country: "CN".to_owned(),
        organization: unit.name_zh.clone(),
        organization_identifier: unit.uscc.as_ref().map(|code| format!("NTRCN-{code}")).unwrap_or_default(),
        common_name: unit.name_zh.clone(),
        ..Name::default()
    }
}

fn picture(order: &NewSeal) -> Result<Picture, Failure> {
    let data = match &order.picture_png {
        Some(text) => {
            use base64::Engine;
            let decoded = base64::engine::general_purpose::STANDARD.decode(text);
            decoded.map_err(|_| Rejected::unprocessable("bad_picture", "expected `picture_png` in base64"))?
        }
        None => seal_picture::draw()?,
    };
    Ok(Picture { type_: "PNG".to_owned(), data, width_mm: PICTURE_MM, height_mm: PICTURE_MM })
}
