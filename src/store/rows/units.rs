//! The organisation tree and legal persons.

use base::id::{Account, LegalPerson, Unit};
use base::{Id, Timestamp};

use super::{id, optional_id};
use crate::db::{Conn, Tx, find, list, run};
use crate::error::StoreError;

const ADD: &str = "INSERT INTO org_unit (id, parent_id, level, code, name_zh, name_en, uscc, path, created_us) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const LOOKUP: &str =
    "SELECT id, parent_id, level, code, name_zh, name_en, uscc, path, created_us FROM org_unit WHERE id = $1";
const FIND_BY_CODE: &str = "SELECT id, parent_id, level, code, name_zh, name_en, uscc, path, created_us FROM org_unit WHERE code = $1";
const LIST: &str = "SELECT id, parent_id, level, code, name_zh, name_en, uscc, path, created_us \
     FROM org_unit ORDER BY path LIMIT 1000";
const HOLD_TOP: &str = "UPDATE org_unit SET path = path WHERE parent_id IS NULL";
const ADD_LEGAL_PERSON: &str =
    "INSERT INTO legal_person (id, uscc, name, sample, created_us) VALUES ($1, $2, $3, $4, $5)";
const ADD_AGENT: &str =
    "INSERT INTO agent (legal_person_id, account_id, role, created_us) VALUES ($1, $2, $3, $4)";
const LIST_LEGAL_PERSONS_OF: &str = "SELECT l.id, l.uscc, l.name FROM legal_person l \
     JOIN agent a ON a.legal_person_id = l.id WHERE a.account_id = $1 ORDER BY l.id LIMIT 100";

/// The statements of this file.
pub const STATEMENTS: &[&str] =
    &[ADD, LOOKUP, FIND_BY_CODE, LIST, HOLD_TOP, ADD_LEGAL_PERSON, ADD_AGENT, LIST_LEGAL_PERSONS_OF];

/// Holds the top of the tree until the transaction ends: others that ask the same wait.
pub async fn hold_top(tx: &mut Tx) -> Result<(), StoreError> {
    run!(tx, HOLD_TOP).map(drop)
}

/// A unit of the organisation tree.
#[derive(Clone, Debug)]
pub struct UnitRow {
    /// Its identifier.
    pub id: Id<Unit>,
    /// The unit above; `None` at the top.
    pub parent: Option<Id<Unit>>,
    /// Its level: province, city, county, township, village, grid (the word of `identity`).
    pub level: String,
    /// Its code, unique.
    pub code: String,
    /// Name in Chinese.
    pub name_zh: String,
    /// Name in English.
    pub name_en: String,
    /// Unified social credit code (GB 32100), when it has one.
    pub uscc: Option<String>,
    /// The identifiers from the top down to this unit, joined by `/`.
    pub path: String,
    /// When it was added.
    pub created: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: String,
    parent_id: Option<String>,
    level: String,
    code: String,
    name_zh: String,
    name_en: String,
    uscc: Option<String>,
    path: String,
    created_us: i64,
}

impl TryFrom<Raw> for UnitRow {
    type Error = StoreError;
    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        Ok(Self {
            id: id("org_unit", "id", &raw.id)?,
            parent: optional_id("org_unit", "parent_id", raw.parent_id.as_deref())?,
            level: raw.level,
            code: raw.code,
            name_zh: raw.name_zh,
            name_en: raw.name_en,
            uscc: raw.uscc,
            path: raw.path,
            created: Timestamp::from_us(raw.created_us),
        })
    }
}

/// Keeps a new unit.
pub async fn add(tx: &mut Tx, unit: &UnitRow) -> Result<(), StoreError> {
    run!(
        tx,
        ADD,
        unit.id.to_string(),
        unit.parent.map(|p| p.to_string()),
        &unit.level,
        &unit.code,
        &unit.name_zh,
        &unit.name_en,
        unit.uscc.as_deref(),
        &unit.path,
        unit.created.us()
    )
    .map(drop)
}

/// The unit `id`.
pub async fn lookup(conn: &mut Conn, id: Id<Unit>) -> Result<Option<UnitRow>, StoreError> {
    find!(Raw, conn, LOOKUP, id.to_string())?.map(UnitRow::try_from).transpose()
}

/// The unit with `code`.
pub async fn find_by_code(conn: &mut Conn, code: &str) -> Result<Option<UnitRow>, StoreError> {
    find!(Raw, conn, FIND_BY_CODE, code)?.map(UnitRow::try_from).transpose()
}

/// The tree, parents before children; at most 1000 units.
pub async fn all(conn: &mut Conn) -> Result<Vec<UnitRow>, StoreError> {
    list!(Raw, conn, LIST)?.into_iter().map(UnitRow::try_from).collect()
}

/// A legal person (GB 32100).
#[derive(Clone, Debug)]
pub struct LegalPersonRow {
    /// Its identifier.
    pub id: Id<LegalPerson>,
    /// Unified social credit code.
    pub uscc: String,
    /// Registered name.
    pub name: String,
}

#[derive(sqlx::FromRow)]
struct RawLegalPerson {
    id: String,
    uscc: String,
    name: String,
}

/// Keeps a new legal person.
pub async fn add_legal_person(
    tx: &mut Tx,
    person: &LegalPersonRow,
    sample: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    run!(tx, ADD_LEGAL_PERSON, person.id.to_string(), &person.uscc, &person.name, i64::from(sample), now.us())
        .map(drop)
}

/// `account` may act for `person` as `role`.
pub async fn add_agent(
    tx: &mut Tx,
    person: Id<LegalPerson>,
    account: Id<Account>,
    role: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    run!(tx, ADD_AGENT, person.to_string(), account.to_string(), role, now.us()).map(drop)
}

/// The legal persons that `account` may act for.
pub async fn legal_persons_of(
    conn: &mut Conn,
    account: Id<Account>,
) -> Result<Vec<LegalPersonRow>, StoreError> {
    let rows = list!(RawLegalPerson, conn, LIST_LEGAL_PERSONS_OF, account.to_string())?;
    rows.into_iter()
        .map(|raw| {
            Ok(LegalPersonRow { id: id("legal_person", "id", &raw.id)?, uscc: raw.uscc, name: raw.name })
        })
        .collect()
}
