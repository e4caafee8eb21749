//! What an application may know about the person it acts for.

use base::Timestamp;
use oidc::claims::{Organisation, Profile, RealName, UserInfo};
use store::rows::accounts::{self, AccountRow, AccountState};
use store::rows::units;
use store::{BadRow, Conn};

use crate::env::Env;
use crate::error::{Failure, Fault, Reason, Rejected};
use crate::{caller, people};

/// The claims that the access token's scope allows (OIDC Core, 5.3).
pub async fn user_info(env: &Env, now: Timestamp, token: Option<&str>) -> Result<UserInfo, Failure> {
    let caller = caller::authenticate(env, now, token, oidc::scope::OPENID).await?;
    let no_person = || {
        let message = "the access token speaks for an application, not for a person";
        Rejected::new(Reason::Forbidden, "insufficient_scope", message)
    };
    let id = caller.account.ok_or_else(no_person)?;
    let mut conn = env.db.read().await?;
    let account = accounts::lookup(&mut conn, id).await?.filter(|a| a.state == AccountState::Active);
    let account = account.ok_or_else(|| {
        Rejected::new(Reason::Unauthenticated, "invalid_token", "the person's account may no longer be used")
    })?;
    let organisation = organisation(&mut conn, &account).await?;
    let everything = UserInfo {
        sub: account.id.to_string(),
        profile: Some(Profile {
            name: account.display_name.clone(),
            preferred_username: account.user_name.clone(),
            updated_at: Some(account.created.unix_seconds()),
            ..Profile::default()
        }),
        email: None,
        phone: None,
        address: None,
        real_name: Some(RealName {
            real_name_level: account.real_name_level.to_string(),
            id_number_masked: people::masked_id_number(env, &account)?,
        }),
        organisation,
    };
    Ok(everything.limited_to(&caller.scope))
}

async fn organisation(conn: &mut Conn, account: &AccountRow) -> Result<Option<Organisation>, Fault> {
    let Some(official) = accounts::lookup_official(conn, account.id).await? else { return Ok(None) };
    let unit = units::lookup(conn, official.unit).await?;
    let unit = unit.ok_or_else(|| BadRow::new("official", "unit_id", account.id, official.unit))?;
    Ok(Some(Organisation {
        unit: unit.id.to_string(),
        name: unit.name_zh,
        path: unit.path,
        post: official.post,
    }))
}
