//! Accounts and the officials among them.

use base::id::{Account, Unit};
use base::{Id, Timestamp};

use super::{Count, hash32, id, small, word_enum, words};
use crate::db::{Conn, Tx, find, list, run};
use crate::error::{BadRow, StoreError};

const COLUMNS_ADD: &str = "INSERT INTO account (id, user_name, display_name, password_hash, real_name_level, \
     id_number_sealed, id_number_index, state, sample, created_us, updated_us, self_description_sealed) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11)";
const LOOKUP: &str = "SELECT id, user_name, display_name, password_hash, real_name_level, id_number_sealed, \
     id_number_index, state, sample, created_us, self_description_sealed FROM account WHERE id = $1";
const LOOKUP_PERSON: &str = "SELECT a.id, a.user_name, a.display_name, a.password_hash, a.real_name_level, \
     a.id_number_sealed, a.id_number_index, a.state, a.sample, a.created_us, a.self_description_sealed, \
     u.id AS unit_id, u.name_zh AS unit_name_zh, u.path AS unit_path, o.post FROM account a \
     LEFT JOIN official o ON o.account_id = a.id AND o.state = 'active' LEFT JOIN org_unit u ON u.id = o.unit_id \
     WHERE a.id = $1";
const FIND_BY_USER_NAME: &str = "SELECT id, user_name, display_name, password_hash, real_name_level, \
     id_number_sealed, id_number_index, state, sample, created_us, self_description_sealed FROM account WHERE user_name = $1";
const FIND_BY_ID_NUMBER: &str = "SELECT id, user_name, display_name, password_hash, real_name_level, \
     id_number_sealed, id_number_index, state, sample, created_us, self_description_sealed FROM account WHERE id_number_index = $1";
const LIST: &str = "SELECT id, user_name, display_name, password_hash, real_name_level, id_number_sealed, \
     id_number_index, state, sample, created_us, self_description_sealed FROM account WHERE id > $1 ORDER BY id LIMIT $2";
const COUNT: &str = "SELECT COUNT(*) AS n FROM (SELECT 1 FROM account LIMIT 100000) t";
const DESCRIBE: &str = "UPDATE account SET self_description_sealed = $2, updated_us = $3 WHERE id = $1";
const HOLD_ACTIVE: &str = "UPDATE account SET state = state WHERE id = $1 AND state = 'active'";
const HOLD_AS_VERIFIED: &str =
    "UPDATE account SET state = state WHERE id = $1 AND state = 'active' AND password_hash = $2";
const DISABLE: &str = "UPDATE account SET state = 'disabled', updated_us = $3 \
     WHERE id = $1 AND id <> $2 AND state = 'active' AND (NOT EXISTS ( \
       SELECT 1 FROM official o JOIN org_unit u ON u.id = o.unit_id WHERE o.account_id = $1 AND o.state = 'active' \
       AND u.parent_id IS NULL AND o.roles LIKE '%\"administrator\"%') \
     OR EXISTS ( \
       SELECT 1 FROM official o JOIN org_unit u ON u.id = o.unit_id JOIN account a ON a.id = o.account_id \
       WHERE o.account_id <> $1 AND o.state = 'active' AND a.state = 'active' \
       AND u.parent_id IS NULL AND o.roles LIKE '%\"administrator\"%'))";
const ENABLE: &str =
    "UPDATE account SET state = 'active', updated_us = $2 WHERE id = $1 AND state = 'disabled'";
const REHASH: &str =
    "UPDATE account SET password_hash = $3, updated_us = $4 WHERE id = $1 AND password_hash = $2";
const ADD_OFFICIAL: &str = "INSERT INTO official (account_id, unit_id, post, clearance, roles, state, created_us) \
     VALUES ($1, $2, $3, $4, $5, 'active', $6)";
const LOOKUP_OFFICIAL: &str = "SELECT o.account_id, o.unit_id, o.post, o.clearance, o.roles, o.state, u.path \
     FROM official o JOIN org_unit u ON u.id = o.unit_id WHERE o.account_id = $1";
const LIST_OFFICIALS: &str = "SELECT o.account_id, o.unit_id, o.post, o.clearance, o.roles, o.state, u.path \
     FROM official o JOIN org_unit u ON u.id = o.unit_id ORDER BY o.account_id LIMIT 1000";
const COUNT_ADMINISTRATORS: &str =
    "SELECT COUNT(*) AS n FROM official WHERE state = 'active' AND roles LIKE '%\"administrator\"%'";

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[
    COLUMNS_ADD,
    LOOKUP,
    LOOKUP_PERSON,
    FIND_BY_USER_NAME,
    FIND_BY_ID_NUMBER,
    LIST,
    COUNT,
    DESCRIBE,
    HOLD_ACTIVE,
    HOLD_AS_VERIFIED,
    DISABLE,
    ENABLE,
    REHASH,
    ADD_OFFICIAL,
    LOOKUP_OFFICIAL,
    LIST_OFFICIALS,
    COUNT_ADMINISTRATORS,
];

word_enum! {
    /// Whether an account may be used.
    AccountState {
        /// It may.
        Active = "active",
        /// It may not; nothing of it is deleted.
        Disabled = "disabled",
    }
}

/// One person who can log in.
#[derive(Clone, Debug)]
pub struct AccountRow {
    /// Its identifier, also the `sub` of its tokens.
    pub id: Id<Account>,
    /// The name typed at the login, lower case.
    pub user_name: String,
    /// The name shown.
    pub display_name: String,
    /// PHC string of Argon2id; `None` for an account without a password.
    pub password_hash: Option<String>,
    /// How well the real name is proven, 0 (not) to 4.
    pub real_name_level: u8,
    /// The identity number, sealed by `kms`.
    pub id_number_sealed: Option<Vec<u8>>,
    /// Keyed hash of the identity number, for finding it.
    pub id_number_index: Option<[u8; 32]>,
    /// Whether it may be used.
    pub state: AccountState,
    /// Part of the sample province.
    pub sample: bool,
    /// When it was made.
    pub created: Timestamp,
    /// What the person says of themselves, sealed by `kms`.
    pub self_description_sealed: Option<Vec<u8>>,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: String,
    user_name: String,
    display_name: String,
    password_hash: Option<String>,
    real_name_level: i64,
    id_number_sealed: Option<Vec<u8>>,
    id_number_index: Option<Vec<u8>>,
    state: String,
    sample: i64,
    created_us: i64,
    self_description_sealed: Option<Vec<u8>>,
}

impl TryFrom<Raw> for AccountRow {
    type Error = StoreError;
    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        let bad = |column, value: &dyn std::fmt::Display| BadRow::new("account", column, &raw.id, value);
        if raw.id_number_sealed.is_some() != raw.id_number_index.is_some() {
            return Err(
                bad("id_number_index", &"sealed and index must both be there or both be missing").into()
            );
        }
        let index = raw.id_number_index.as_deref();
        Ok(Self {
            id: id("account", "id", &raw.id)?,
            real_name_level: small("account", "real_name_level", &raw.id, raw.real_name_level)?,
            id_number_index: index.map(|b| hash32("account", "id_number_index", &raw.id, b)).transpose()?,
            state: AccountState::parse(&raw.state).ok_or_else(|| bad("state", &raw.state))?,
            user_name: raw.user_name,
            display_name: raw.display_name,
            password_hash: raw.password_hash,
            id_number_sealed: raw.id_number_sealed,
            sample: raw.sample != 0,
            created: Timestamp::from_us(raw.created_us),
            self_description_sealed: raw.self_description_sealed,
        })
    }
}

/// Keeps a new account. A user name or identity number that exists is a duplicate ([`StoreError::is_duplicate`]).
pub async fn add(tx: &mut Tx, account: &AccountRow) -> Result<(), StoreError> {
    run!(
        tx,
        COLUMNS_ADD,
        account.id.to_string(),
        &account.user_name,
        &account.display_name,
        account.password_hash.as_deref(),
        i64::from(account.real_name_level),
        account.id_number_sealed.as_deref(),
        account.id_number_index.as_ref().map(|h| h.to_vec()),
        account.state.as_str(),
        i64::from(account.sample),
        account.created.us(),
        account.self_description_sealed.as_deref()
    )
    .map(drop)
}

/// Replaces what the person says of themselves; whether there is such an account.
pub async fn describe(
    tx: &mut Tx,
    account: Id<Account>,
    sealed: &[u8],
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(run!(tx, DESCRIBE, account.to_string(), sealed, now.us())? == 1)
}

/// The account `id`.
pub async fn lookup(conn: &mut Conn, id: Id<Account>) -> Result<Option<AccountRow>, StoreError> {
    find!(Raw, conn, LOOKUP, id.to_string())?.map(AccountRow::try_from).transpose()
}

/// A person: an account, and the post that it holds now.
#[derive(Clone, Debug)]
pub struct PersonRow {
    /// The account.
    pub account: AccountRow,
    /// The post.
    pub post: Option<PostRow>,
}

/// A post and its unit, as much as others are told.
#[derive(Clone, Debug)]
pub struct PostRow {
    /// The unit.
    pub unit: Id<Unit>,
    /// Its name in Chinese.
    pub unit_name_zh: String,
    /// The identifiers from the top of the tree down to it, joined by `/`.
    pub unit_path: String,
    /// What the post is called.
    pub post: String,
}

#[derive(sqlx::FromRow)]
struct RawPerson {
    #[sqlx(flatten)]
    account: Raw,
    unit_id: Option<String>,
    unit_name_zh: Option<String>,
    unit_path: Option<String>,
    post: Option<String>,
}

impl TryFrom<RawPerson> for PersonRow {
    type Error = StoreError;
    fn try_from(raw: RawPerson) -> Result<Self, StoreError> {
        let post = match (raw.unit_id, raw.unit_name_zh, raw.unit_path, raw.post) {
            (Some(unit), Some(unit_name_zh), Some(unit_path), Some(post)) => {
                Some(PostRow { unit: id("official", "unit_id", &unit)?, unit_name_zh, unit_path, post })
            }
            (None, None, None, None) => None,
            (_, _, _, post) => {
                let value = post.unwrap_or_default();
                return Err(BadRow::new("official", "unit_id", &raw.account.id, value).into());
            }
        };
        Ok(Self { account: raw.account.try_into()?, post })
    }
}

/// The account `id` with its post, in one look.
pub async fn lookup_person(conn: &mut Conn, id: Id<Account>) -> Result<Option<PersonRow>, StoreError> {
    find!(RawPerson, conn, LOOKUP_PERSON, id.to_string())?.map(PersonRow::try_from).transpose()
}

/// The account that logs in as `user_name`.
pub async fn find_by_user_name(conn: &mut Conn, user_name: &str) -> Result<Option<AccountRow>, StoreError> {
    find!(Raw, conn, FIND_BY_USER_NAME, user_name)?.map(AccountRow::try_from).transpose()
}

/// The account of the person with this identity number's index.
pub async fn find_by_id_number(conn: &mut Conn, index: &[u8; 32]) -> Result<Option<AccountRow>, StoreError> {
    find!(Raw, conn, FIND_BY_ID_NUMBER, &index[..])?.map(AccountRow::try_from).transpose()
}

/// At most `limit` accounts after `after` (empty for the first page), by identifier.
pub async fn page(conn: &mut Conn, after: &str, limit: u16) -> Result<Vec<AccountRow>, StoreError> {
    list!(Raw, conn, LIST, after, i64::from(limit))?.into_iter().map(AccountRow::try_from).collect()
}

/// How many accounts there are, counted no further than 100 000.
pub async fn count(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(find!(Count, conn, COUNT)?.map_or(0, |c| c.n))
}

/// Whether `account` may be used, and keeps it so until the transaction ends: others that ask the same wait.
pub async fn hold_active(tx: &mut Tx, account: Id<Account>) -> Result<bool, StoreError> {
    Ok(run!(tx, HOLD_ACTIVE, account.to_string())? == 1)
}

/// Whether `account` may be used and its password is still the one with this hash, and keeps it so until the transaction ends.
pub async fn hold_as_verified(tx: &mut Tx, account: Id<Account>, hash: &str) -> Result<bool, StoreError> {
    Ok(run!(tx, HOLD_AS_VERIFIED, account.to_string(), hash)? == 1)
}

/// Takes the account out of use, for another person; whether it was in use, and is not the last administrator of the whole.
///
/// INVARIANT: the transaction holds the top of the organisation tree (`units::hold_top`), so that two that do it see each other.
pub async fn disable(
    tx: &mut Tx,
    account: Id<Account>,
    by: Id<Account>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(run!(tx, DISABLE, account.to_string(), by.to_string(), now.us())? == 1)
}

/// Takes the account back into use; whether it was out of it.
pub async fn enable(tx: &mut Tx, account: Id<Account>, now: Timestamp) -> Result<bool, StoreError> {
    Ok(run!(tx, ENABLE, account.to_string(), now.us())? == 1)
}

/// Replaces the password hash `old` by `new`; whether it still was `old`.
pub async fn rehash(
    tx: &mut Tx,
    account: Id<Account>,
    old: &str,
    new: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(run!(tx, REHASH, account.to_string(), old, new, now.us())? == 1)
}

/// An official: an account with a post in a unit.
#[derive(Clone, Debug)]
pub struct OfficialRow {
    /// The account.
    pub account: Id<Account>,
    /// The unit of the post.
    pub unit: Id<Unit>,
    /// The identifiers from the top of the tree down to the unit, joined by `/`.
    pub unit_path: String,
    /// What the post is called.
    pub post: String,
    /// The highest grade of data the official may see, 0 to 4.
    pub clearance: u8,
    /// What the official may do, as policies name it.
    pub roles: Vec<String>,
    /// Whether the post is held now.
    pub state: AccountState,
}

#[derive(sqlx::FromRow)]
struct RawOfficial {
    account_id: String,
    unit_id: String,
    post: String,
    clearance: i64,
    roles: String,
    state: String,
    path: String,
}

impl TryFrom<RawOfficial> for OfficialRow {
    type Error = StoreError;
    fn try_from(raw: RawOfficial) -> Result<Self, StoreError> {
        let state = AccountState::parse(&raw.state)
            .ok_or_else(|| BadRow::new("official", "state", &raw.account_id, &raw.state))?;
        Ok(Self {
            account: id("official", "account_id", &raw.account_id)?,
            unit: id("official", "unit_id", &raw.unit_id)?,
            clearance: small("official", "clearance", &raw.account_id, raw.clearance)?,
            roles: words("official", "roles", &raw.account_id, &raw.roles)?,
            unit_path: raw.path,
            post: raw.post,
            state,
        })
    }
}

/// Makes an account an official.
pub async fn add_official(
    tx: &mut Tx,
    account: Id<Account>,
    unit: Id<Unit>,
    post: &str,
    clearance: u8,
    roles: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    let roles = serde_json::Value::from(roles.to_vec()).to_string();
    run!(
        tx,
        ADD_OFFICIAL,
        account.to_string(),
        unit.to_string(),
        post,
        i64::from(clearance),
        roles.as_str(),
        now.us()
    )
    .map(drop)
}

/// The post of `account`, if it is an official.
pub async fn lookup_official(
    conn: &mut Conn,
    account: Id<Account>,
) -> Result<Option<OfficialRow>, StoreError> {
    find!(RawOfficial, conn, LOOKUP_OFFICIAL, account.to_string())?.map(OfficialRow::try_from).transpose()
}

/// All officials; at most 1000.
pub async fn officials(conn: &mut Conn) -> Result<Vec<OfficialRow>, StoreError> {
    list!(RawOfficial, conn, LIST_OFFICIALS)?.into_iter().map(OfficialRow::try_from).collect()
}

/// How many administrators there are: none yet means the enrolment link is due.
pub async fn count_administrators(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(find!(Count, conn, COUNT_ADMINISTRATORS)?.map_or(0, |c| c.n))
}
