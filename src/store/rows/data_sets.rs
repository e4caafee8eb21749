//! The catalogue of graded data.

use base::id::Unit;
use base::{Id, Timestamp};

use super::{id, small};
use crate::db::{Conn, Tx, find, list, run};
use crate::error::StoreError;

const ADD: &str =
    "INSERT INTO data_set (id, name, unit_id, grade, sample, created_us) VALUES ($1, $2, $3, $4, $5, $6)";
const LOOKUP: &str = "SELECT d.id, d.name, d.unit_id, d.grade, u.path FROM data_set d \
     JOIN org_unit u ON u.id = d.unit_id WHERE d.id = $1";
const LIST: &str = "SELECT d.id, d.name, d.unit_id, d.grade, u.path FROM data_set d \
     JOIN org_unit u ON u.id = d.unit_id ORDER BY d.id LIMIT 1000";

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[ADD, LOOKUP, LIST];

/// A data set.
#[derive(Clone, Debug)]
pub struct DataSetRow {
    /// Its identifier, chosen by its owner.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The unit it belongs to.
    pub unit: Id<Unit>,
    /// The identifiers from the top of the tree down to the unit, joined by `/`. Not written.
    pub unit_path: String,
    /// Its grade, 1 to 4.
    pub grade: u8,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: String,
    name: String,
    unit_id: String,
    grade: i64,
    path: String,
}

impl TryFrom<Raw> for DataSetRow {
    type Error = StoreError;
    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        Ok(Self {
            unit: id("data_set", "unit_id", &raw.unit_id)?,
            grade: small("data_set", "grade", &raw.id, raw.grade)?,
            id: raw.id,
            name: raw.name,
            unit_path: raw.path,
        })
    }
}

/// Keeps a new data set.
pub async fn add(tx: &mut Tx, data_set: &DataSetRow, sample: bool, now: Timestamp) -> Result<(), StoreError> {
    run!(
        tx,
        ADD,
        &data_set.id,
        &data_set.name,
        data_set.unit.to_string(),
        i64::from(data_set.grade),
        i64::from(sample),
        now.us()
    )
    .map(drop)
}

/// The data set `id`.
pub async fn lookup(conn: &mut Conn, id: &str) -> Result<Option<DataSetRow>, StoreError> {
    find!(Raw, conn, LOOKUP, id)?.map(DataSetRow::try_from).transpose()
}

/// All data sets; at most 1000.
pub async fn all(conn: &mut Conn) -> Result<Vec<DataSetRow>, StoreError> {
    list!(Raw, conn, LIST)?.into_iter().map(DataSetRow::try_from).collect()
}
