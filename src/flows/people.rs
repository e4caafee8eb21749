//! People and organisations: enrolled, posted, placed in the tree.

use base::id::{Account, LegalPerson, Unit};
use base::{Id, Secret, Timestamp};
use identity::organisation::UnitCode;
use identity::password::{self, Password};
use identity::{
    Clearance, Level, LoginName, OrgUnit, PersonName, RealNameLevel, ResidentId, SocialCreditCode,
};
use serde_json::json;
use store::rows::accounts::{self, AccountRow, AccountState, OfficialRow};
use store::rows::data_sets::{self, DataSetRow};
use store::rows::settings;
use store::rows::units::{self, LegalPersonRow, UnitRow};
use store::{StoreError, Tx};

use crate::caller::{Authority, Caller};
use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};
use crate::log::{self, Act, Kind};
use crate::self_description::{self, SelfDescription};
use crate::set_up::ENROL_ADMINISTRATOR;

const ID_NUMBER: &str = "id-number";
const ROOT_CODE: &str = "ROOT";
const DATA_SET_ID_MAX_BYTES: usize = 128;

/// What an account is made of.
pub struct NewAccount {
    /// The name typed at the login.
    pub user_name: String,
    /// The name shown.
    pub display_name: String,
    /// The password.
    pub password: Secret<String>,
    /// The identity number (GB 11643), when it is known.
    pub id_number: Option<String>,
    /// How well the real name is proven.
    pub real_name: RealNameLevel,
    /// What the person says of themselves.
    pub description: SelfDescription,
}

/// A post in a unit.
pub struct Post {
    /// The unit.
    pub unit: Id<Unit>,
    /// What the post is called.
    pub name: String,
    /// The highest grade of data, 1 to 4.
    pub clearance: u8,
    /// Roles, as policies name them.
    pub roles: Vec<String>,
}

/// Enrols the first administrator with the one-time code that the server printed.
///
/// The code works once, and not after an administrator exists. The top of the organisation tree is made when there is none.
pub async fn enrol_administrator(
    env: &Env,
    now: Timestamp,
    code: &str,
    account: NewAccount,
) -> Result<Id<Account>, Failure> {
    let hash = gm::sm3::hash(code.trim().as_bytes());
    let bad_code = || {
        let message = "the code is wrong, used or too old: restart the server to be given another";
        Rejected::forbidden("bad_enrolment_code", message)
    };
    // Looked at before the password is worked on: strangers must not occupy the pool that logins need.
    if !settings::is_enrolment_open(&mut *env.db.read().await?, &hash, ENROL_ADMINISTRATOR, now).await? {
        return Err(bad_code().into());
    }
    let id = Id::<Account>::new(now, env.entropy.as_ref());
    let prepared = prepare(env, id, account, false).await?;
    let mut tx = env.db.begin().await?;
    let usable = settings::consume_enrolment(&mut tx, &hash, ENROL_ADMINISTRATOR, now).await?;
    if !usable || accounts::count_administrators(&mut tx).await? > 0 {
        return Err(bad_code().into());
    }
    add_account(env, &mut tx, now, "enrolment", &prepared, id).await?;
    let root = match units::find_by_code(&mut tx, ROOT_CODE).await? {
        Some(unit) => unit.id,
        None => match units::all(&mut tx).await?.into_iter().find(|u| u.parent.is_none()) {
            Some(unit) => unit.id,
            None => add_root(env, &mut tx, now).await?,
        },
    };
    let post = Post {
        unit: root,
        name: "系统管理员".to_owned(),
        clearance: 4,
        roles: vec!["administrator".to_owned()],
    };
    add_post(env, &mut tx, now, "enrolment", id, &post).await?;
    // COMMIT POINT: the code is used up and the administrator exists, or neither.
    tx.commit().await?;
    Ok(id)
}

async fn add_root(env: &Env, tx: &mut Tx, now: Timestamp) -> Result<Id<Unit>, Failure> {
    let unit = NewUnit {
        parent: None,
        level: Level::Province,
        code: ROOT_CODE.to_owned(),
        name_zh: "本级".to_owned(),
        name_en: "Top unit".to_owned(),
        uscc: None,
    };
    add_unit_in(env, tx, now, "enrolment", unit).await
}

/// Makes an account, with a post when there is one.
pub async fn add_person(
    env: &Env,
    now: Timestamp,
    authority: Authority<'_>,
    account: NewAccount,
    post: Option<Post>,
    sample: bool,
) -> Result<Id<Account>, Failure> {
    let unit = match &post {
        Some(post) => post.unit,
        None => top_unit(env).await?,
    };
    authority.require(env, now, "administer", "console", &unit.to_string()).await?;
    if let Authority::Caller(caller) = authority {
        check_delegation(env, now, caller, &account, post.as_ref()).await?;
    }
    let id = Id::<Account>::new(now, env.entropy.as_ref());
    let prepared = prepare(env, id, account, sample).await?;
    let actor = authority.actor();
    let mut tx = env.db.begin().await?;
    add_account(env, &mut tx, now, &actor, &prepared, id).await?;
    if let Some(post) = &post {
        add_post(env, &mut tx, now, &actor, id, post).await?;
    }
    tx.commit().await?;
    Ok(id)
}

/// Nobody gives more than they have: no higher clearance than their own; and who somebody is, is recorded at the top only.
async fn check_delegation(
    env: &Env,
    now: Timestamp,
    caller: &Caller,
    account: &NewAccount,
    post: Option<&Post>,
) -> Result<(), Failure> {
    let own = match caller.account {
        Some(account) => accounts::lookup_official(&mut *env.db.read().await?, account).await?,
        None => None,
    };
    let own = own.ok_or_else(|| Rejected::forbidden("not_an_official", "people are added by officials"))?;
    if let Some(post) = post.filter(|post| post.clearance > own.clearance) {
        let message = format!("your clearance is {}, and you cannot give {}", own.clearance, post.clearance);
        return Err(Rejected::forbidden("clearance_too_high", message).into());
    }
    if account.id_number.is_some() || account.real_name != RealNameLevel::Unverified {
        let top = top_unit(env).await?;
        Authority::Caller(caller).require(env, now, "administer", "console", &top.to_string()).await?;
    }
    Ok(())
}

/// The top of the organisation tree.
pub(crate) async fn top_unit(env: &Env) -> Result<Id<Unit>, Failure> {
    let all = units::all(&mut *env.db.read().await?).await?;
    let top = all.into_iter().find(|u| u.parent.is_none());
    Ok(top.ok_or_else(|| Rejected::conflict("no_units", "the organisation tree is empty"))?.id)
}

/// An account whose every value is good and whose password, if it has one, is hashed.
pub(crate) struct Prepared {
    pub(crate) user_name: LoginName,
    pub(crate) display_name: PersonName,
    /// None for somebody who comes through an upstream provider only.
    pub(crate) password_hash: Option<String>,
    pub(crate) id_number: Option<(Vec<u8>, [u8; 32])>,
    pub(crate) real_name: RealNameLevel,
    pub(crate) sample: bool,
    pub(crate) description: Vec<u8>,
}

/// The context of a sealed identity number: bound to its row, so that two cannot be swapped.
fn id_number_context(account: Id<Account>) -> String {
    format!("{ID_NUMBER}/{account}")
}

async fn prepare(env: &Env, id: Id<Account>, account: NewAccount, sample: bool) -> Result<Prepared, Failure> {
    let bad = |field: &str, why: String| Rejected::unprocessable("bad_account", format!("{field}: {why}"));
    let user_name: LoginName =
        account.user_name.trim().parse().map_err(|e| bad("user_name", format!("{e}")))?;
    let display_name: PersonName =
        account.display_name.trim().parse().map_err(|e| bad("name", format!("{e}")))?;
    let password = Password::new(account.password.expose()).map_err(|e| bad("password", e.to_string()))?;
    password::check(&password, &user_name).map_err(|e| bad("password", e.to_string()))?;
    let id_number = match &account.id_number {
        Some(text) => {
            let number: ResidentId = text.trim().parse().map_err(|e| bad("id_number", format!("{e}")))?;
            Some(seal_id_number(env, id, &number)?)
        }
        None => None,
    };
    let entropy = std::sync::Arc::clone(&env.entropy);
    let place = env.passwords.reserve()?;
    let hash = place.run(move |hasher| hasher.hash(&password, entropy.as_ref())).await?;
    let hash = hash.map_err(|e| Fault::message(e.to_string()))?;
    Ok(Prepared {
        user_name,
        display_name,
        password_hash: Some(hash.to_string()),
        id_number,
        real_name: account.real_name,
        description: self_description::seal(env, id, &account.description)?,
        sample,
    })
}

/// The identity number of the account `id`, sealed, and its index.
pub(crate) fn seal_id_number(
    env: &Env,
    id: Id<Account>,
    number: &ResidentId,
) -> Result<(Vec<u8>, [u8; 32]), Fault> {
    let sealed = env.keys.seal_blob(&id_number_context(id), number.as_str().as_bytes())?;
    Ok((sealed, index_of_id_number(env, number)))
}

/// Keeps a new account, with its entry in the log.
pub(crate) async fn add_account(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    actor: &str,
    prepared: &Prepared,
    id: Id<Account>,
) -> Result<(), Failure> {
    let row = row(prepared, id, now);
    accounts::add(tx, &row).await.map_err(|e| {
        duplicate(e, "account_exists", "an account with this user name or identity number exists")
    })?;
    let subject = id.to_string();
    let detail = json!({ "real_name_level": row.real_name_level, "sample": row.sample });
    log::write(env, tx, now, Act { kind: Kind::AccountEnrolled, actor, subject: &subject, detail }).await?;
    Ok(())
}

/// The new account `id` as it is kept.
pub(crate) fn row(prepared: &Prepared, id: Id<Account>, now: Timestamp) -> AccountRow {
    AccountRow {
        id,
        user_name: prepared.user_name.as_str().to_owned(),
        display_name: prepared.display_name.as_str().to_owned(),
        password_hash: prepared.password_hash.clone(),
        real_name_level: level_number(prepared.real_name),
        id_number_sealed: prepared.id_number.as_ref().map(|(sealed, _)| sealed.clone()),
        id_number_index: prepared.id_number.as_ref().map(|(_, index)| *index),
        state: AccountState::Active,
        sample: prepared.sample,
        created: now,
        self_description_sealed: Some(prepared.description.clone()),
    }
}

async fn add_post(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    actor: &str,
    account: Id<Account>,
    post: &Post,
) -> Result<(), Failure> {
    let bad = |why: String| Rejected::unprocessable("bad_post", why);
    let name: PersonName = post.name.trim().parse().map_err(|e| bad(format!("post: {e}")))?;
    let clearance =
        Clearance::try_from(i64::from(post.clearance)).map_err(|e| bad(format!("clearance: {e}")))?;
    for role in &post.roles {
        role.parse::<identity::official::Role>().map_err(|e| bad(format!("roles: {e}")))?;
    }
    if units::lookup(tx, post.unit).await?.is_none() {
        return Err(Rejected::not_found("no_such_unit", format!("there is no unit `{}`", post.unit)).into());
    }
    accounts::add_official(tx, account, post.unit, name.as_str(), clearance.grade(), &post.roles, now)
        .await?;
    let subject = account.to_string();
    let detail = json!({
        "act": "post_given", "unit": post.unit, "clearance": clearance.grade(), "roles": post.roles,
    });
    log::write(env, tx, now, Act { kind: Kind::AdminAct, actor, subject: &subject, detail }).await?;
    Ok(())
}

/// A unit to be added to the organisation tree.
pub struct NewUnit {
    /// The unit above; `None` for the top.
    pub parent: Option<Id<Unit>>,
    /// Its level.
    pub level: Level,
    /// Its code.
    pub code: String,
    /// Name in Chinese.
    pub name_zh: String,
    /// Name in English.
    pub name_en: String,
    /// Unified social credit code (GB 32100), when it has one.
    pub uscc: Option<String>,
}

/// Adds a unit.
pub async fn add_unit(
    env: &Env,
    now: Timestamp,
    authority: Authority<'_>,
    unit: NewUnit,
) -> Result<Id<Unit>, Failure> {
    if let Authority::Caller(_) = authority {
        // Beside the top stands nobody but who administers it.
        let above = match unit.parent {
            Some(parent) => parent,
            None => top_unit(env).await?,
        };
        authority.require(env, now, "administer", "console", &above.to_string()).await?;
    }
    let actor = authority.actor();
    let mut tx = env.db.begin().await?;
    let id = add_unit_in(env, &mut tx, now, &actor, unit).await?;
    tx.commit().await?;
    Ok(id)
}

async fn add_unit_in(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    actor: &str,
    unit: NewUnit,
) -> Result<Id<Unit>, Failure> {
    let bad = |why: String| Rejected::unprocessable("bad_unit", why);
    let id = Id::<Unit>::new(now, env.entropy.as_ref());
    let code: UnitCode = unit.code.parse().map_err(|e| bad(format!("code: {e}")))?;
    let name: PersonName = unit.name_zh.parse().map_err(|e| bad(format!("name: {e}")))?;
    if !unit.name_en.is_empty() {
        unit.name_en.parse::<PersonName>().map_err(|e| bad(format!("name in English: {e}")))?;
    }
    if let Some(uscc) = &unit.uscc {
        uscc.parse::<SocialCreditCode>().map_err(|e| bad(format!("uscc: {e}")))?;
    }
    let placed = match unit.parent {
        None => OrgUnit::root(id, unit.level, name, code),
        Some(parent) => {
            let above = units::lookup(tx, parent).await?.ok_or_else(|| bad(format!("no unit `{parent}`")))?;
            org_unit(&above)?.child(id, unit.level, name, code).map_err(|e| bad(e.to_string()))?
        }
    };
    let row = UnitRow {
        id,
        parent: unit.parent,
        level: placed.level.as_str().to_owned(),
        code: placed.code.as_str().to_owned(),
        name_zh: unit.name_zh,
        name_en: unit.name_en,
        uscc: unit.uscc,
        path: placed.path.to_string(),
        created: now,
    };
    units::add(tx, &row).await.map_err(|e| duplicate(e, "unit_exists", "a unit with this code exists"))?;
    let subject = id.to_string();
    let detail = json!({ "act": "unit_added", "code": row.code, "parent": row.parent });
    log::write(env, tx, now, Act { kind: Kind::AdminAct, actor, subject: &subject, detail }).await?;
    Ok(id)
}

fn org_unit(row: &UnitRow) -> Result<OrgUnit, Fault> {
    let bad = |column, value: &str| Fault::from(store::BadRow::new("org_unit", column, row.id, value));
    Ok(OrgUnit {
        id: row.id,
        path: row.path.parse().map_err(|_| bad("path", &row.path))?,
        level: Level::parse(&row.level).ok_or_else(|| bad("level", &row.level))?,
        name: row.name_zh.parse().map_err(|_| bad("name_zh", &row.name_zh))?,
        code: row.code.parse().map_err(|_| bad("code", &row.code))?,
    })
}

/// Adds a legal person with the account that acts for it.
pub async fn add_legal_person(
    env: &Env,
    now: Timestamp,
    authority: Authority<'_>,
    uscc: &str,
    name: &str,
    agent: Id<Account>,
    sample: bool,
) -> Result<Id<LegalPerson>, Failure> {
    let top = top_unit(env).await?;
    authority.require(env, now, "administer", "console", &top.to_string()).await?;
    let bad = |why: String| Rejected::unprocessable("bad_legal_person", why);
    let code: SocialCreditCode = uscc.parse().map_err(|e| bad(format!("uscc: {e}")))?;
    let name: PersonName = name.parse().map_err(|e| bad(format!("name: {e}")))?;
    let id = Id::<LegalPerson>::new(now, env.entropy.as_ref());
    let row = LegalPersonRow { id, uscc: code.as_str().to_owned(), name: name.as_str().to_owned() };
    let actor = authority.actor();
    let mut tx = env.db.begin().await?;
    if accounts::lookup(&mut tx, agent).await?.is_none() {
        return Err(Rejected::not_found("no_such_account", format!("there is no account `{agent}`")).into());
    }
    units::add_legal_person(&mut tx, &row, sample, now)
        .await
        .map_err(|e| duplicate(e, "legal_person_exists", "a legal person with this code exists"))?;
    units::add_agent(&mut tx, id, agent, "legal_representative", now).await?;
    let subject = id.to_string();
    let detail = json!({ "act": "legal_person_added", "agent": agent });
    log::write(env, &mut tx, now, Act { kind: Kind::AdminAct, actor: &actor, subject: &subject, detail })
        .await?;
    tx.commit().await?;
    Ok(id)
}

/// Enters a data set into the catalogue of graded data.
pub async fn add_data_set(
    env: &Env,
    now: Timestamp,
    authority: Authority<'_>,
    data_set: DataSetRow,
    sample: bool,
) -> Result<(), Failure> {
    authority.require(env, now, "administer", "console", &data_set.unit.to_string()).await?;
    let bad = |why: String| Rejected::unprocessable("bad_data_set", why);
    Clearance::try_from(i64::from(data_set.grade)).map_err(|e| bad(e.to_string()))?;
    data_set.name.parse::<PersonName>().map_err(|e| bad(format!("name: {e}")))?;
    let id_is_good = (1..=DATA_SET_ID_MAX_BYTES).contains(&data_set.id.len())
        && data_set.id.bytes().all(|b| b.is_ascii_graphic());
    if !id_is_good {
        return Err(bad(format!("id: expected 1 to {DATA_SET_ID_MAX_BYTES} visible ASCII characters")).into());
    }
    let actor = authority.actor();
    let mut tx = env.db.begin().await?;
    data_sets::add(&mut tx, &data_set, sample, now)
        .await
        .map_err(|e| duplicate(e, "data_set_exists", "a data set with this identifier exists"))?;
    let detail = json!({ "act": "data_set_added", "unit": data_set.unit, "grade": data_set.grade });
    log::write(env, &mut tx, now, Act { kind: Kind::AdminAct, actor: &actor, subject: &data_set.id, detail })
        .await?;
    Ok(tx.commit().await?)
}

/// The account's identity number, when it is known.
pub(crate) fn id_number(env: &Env, account: &AccountRow) -> Result<Option<ResidentId>, Fault> {
    let Some(sealed) = &account.id_number_sealed else { return Ok(None) };
    let opened = env.keys.open_blob(&id_number_context(account.id), sealed)?;
    let bad = || store::BadRow::new("account", "id_number_sealed", account.id, "not an identity number");
    let text = std::str::from_utf8(opened.expose()).map_err(|_| bad())?;
    Ok(Some(text.parse().map_err(|_| bad())?))
}

/// The account's identity number with its middle hidden.
pub fn masked_id_number(env: &Env, account: &AccountRow) -> Result<Option<String>, Fault> {
    Ok(id_number(env, account)?.map(|number| number.masked()))
}

/// The index value under which a holder's e-certificates are found, from the account's sealed number; `None` when it is not
/// proven that the number is the person's.
pub(crate) fn holder_index_of(env: &Env, account: &AccountRow) -> Result<Option<[u8; 32]>, Fault> {
    let proven = account.real_name_level >= level_number(RealNameLevel::Matched);
    let Some(sealed) = account.id_number_sealed.as_ref().filter(|_| proven) else { return Ok(None) };
    let opened = env.keys.open_blob(&id_number_context(account.id), sealed)?;
    let text = std::str::from_utf8(opened.expose()).unwrap_or_default();
    Ok(Some(holder_index(env, text)))
}

/// The index value under which the e-certificates of the holder with `code` are found.
pub(crate) fn holder_index(env: &Env, code: &str) -> [u8; 32] {
    env.secrets.index_of("holder", code)
}

fn index_of_id_number(env: &Env, number: &ResidentId) -> [u8; 32] {
    env.secrets.index_of(ID_NUMBER, number.as_str())
}

pub(crate) fn level_number(level: RealNameLevel) -> u8 {
    let place = RealNameLevel::ALL.iter().position(|l| *l == level);
    place.and_then(|p| u8::try_from(p).ok()).unwrap_or(0)
}

fn duplicate(error: StoreError, code: &'static str, message: &str) -> Failure {
    if error.is_duplicate() { Rejected::conflict(code, message).into() } else { error.into() }
}

/// The official's post, if the account has one.
pub async fn post_of(env: &Env, account: Id<Account>) -> Result<Option<OfficialRow>, Fault> {
    Ok(accounts::lookup_official(&mut *env.db.read().await?, account).await?)
}

/// Accounts for the console: one page after `after`.
pub async fn page(env: &Env, after: &str, limit: u16) -> Result<Vec<AccountRow>, Fault> {
    Ok(accounts::page(&mut *env.db.read().await?, after, limit).await?)
}

/// The account `id`.
pub async fn account(env: &Env, id: Id<Account>) -> Result<Option<AccountRow>, Fault> {
    Ok(accounts::lookup(&mut *env.db.read().await?, id).await?)
}

/// Officials for the console.
pub async fn officials(env: &Env) -> Result<Vec<OfficialRow>, Fault> {
    Ok(accounts::officials(&mut *env.db.read().await?).await?)
}

/// The organisation tree for the console, parents before children.
pub async fn organisation(env: &Env) -> Result<Vec<UnitRow>, Fault> {
    Ok(units::all(&mut *env.db.read().await?).await?)
}
