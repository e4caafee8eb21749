//! What an application may know about the person it acts for.

use std::sync::Arc;

use base::id::{Account, Grant};
use base::{Id, Timestamp};
use identity::RealNameLevel;
use identity::resident_id::Sex;
use oidc::authorize::ClaimRequest;
use oidc::claims::{
    Address, Email, ID_TOKEN_TYP, Organisation, Phone, Profile, RealName, UserInfo, scope_of_claim,
};
use oidc::{Client, Scope};
use serde_json::{Map, Value};
use store::rows::accounts::{self, AccountState, PersonRow};
use store::rows::grants;

use crate::caller::Presented;
use crate::env::Env;
use crate::error::{Failure, Fault, Reason, Rejected};
use crate::tokens::Known;
use crate::{caller, clients, encryption, exchange_token, people, self_description, subjects};

/// Claims about a person, as they are sent.
#[derive(Debug)]
pub enum Claims {
    /// JSON.
    Plain(Map<String, Value>),
    /// A token that says them, signed or encrypted or both (OIDC Core, 5.3.2).
    Token(String),
}

/// The claims that the access token's scope allows, and those asked for one by one (OIDC Core, 5.3).
pub async fn user_info(env: &Env, now: Timestamp, presented: &Presented) -> Result<Claims, Failure> {
    let known = caller::known(env, now, presented, oidc::scope::OPENID).await?;
    let caller = &known.caller;
    let no_person = || {
        let message = "the access token speaks for an application, not for a person";
        Rejected::new(Reason::Forbidden, "insufficient_scope", message)
    };
    let (id, grant) = caller.account.zip(caller.grant).ok_or_else(no_person)?;
    let person = person(env, now, id).await?.ok_or_else(|| {
        Rejected::new(Reason::Unauthenticated, "invalid_token", "the person's account may no longer be used")
    })?;
    let mut claims = person.released(&caller.scope, asked_of(env, &known, grant).await?);
    let client = caller.client_id.parse().map_err(|_| no_person())?;
    let client = clients::lookup(env, now, &client).await?;
    let client = client.ok_or_else(no_person)?;
    claims.insert("sub".to_owned(), subjects::of(env, &client, id).into());
    form_for(env, now, &client, claims).await
}

/// What was asked for one by one when the grant was given; it never changes, so it is kept with the token.
async fn asked_of<'a>(env: &Env, known: &'a Known, grant: Id<Grant>) -> Result<&'a [ClaimRequest], Fault> {
    if let Some(asked) = known.asked_of_user_info.get() {
        return Ok(asked);
    }
    let asked = match grants::claims_of(&mut *env.db.read().await?, grant).await? {
        Some(json) => exchange_token::read_claims(grant, &json)?.userinfo,
        None => Vec::new(),
    };
    Ok(known.asked_of_user_info.get_or_init(|| asked))
}

/// The claims as `client` wants them: a token says by whom and for whom it is, and is signed before it is encrypted (OIDC Core, 5.3.2).
async fn form_for(
    env: &Env,
    now: Timestamp,
    client: &Client,
    mut claims: Map<String, Value>,
) -> Result<Claims, Failure> {
    let (algorithm, encryption) = (client.algorithms.userinfo, client.encryptions.userinfo);
    if algorithm.is_none() && encryption.is_none() {
        return Ok(Claims::Plain(claims));
    }
    let unusable = |error: oidc::OauthError| Rejected::unprocessable("bad_client_keys", error.description());
    let recipient = encryption::recipient(env, now, client, encryption).await.map_err(unusable)?;
    claims.insert("iss".to_owned(), env.settings.issuer.as_str().into());
    claims.insert("aud".to_owned(), client.id.as_str().into());
    let keyring = env.keyring();
    Ok(Claims::Token(match algorithm {
        Some(algorithm) => {
            recipient.wrap(env, jose::jwt::sign(keyring.token_signer(algorithm)?, ID_TOKEN_TYP, &claims)?)?
        }
        None => recipient.wrap_claims(env, &serde_json::to_vec(&claims)?)?,
    }))
}

/// The claims about `account` that were asked for one by one, for the ID token.
pub(crate) async fn asked(
    env: &Env,
    now: Timestamp,
    account: Id<Account>,
    asked: &[ClaimRequest],
) -> Result<Map<String, Value>, Fault> {
    if asked.iter().all(|claim| scope_of_claim(&claim.name).is_none()) {
        return Ok(Map::new());
    }
    let Some(person) = person(env, now, account).await? else { return Ok(Map::new()) };
    let mut claims = person.released(&Scope::default(), asked);
    claims.remove("sub");
    Ok(claims)
}

/// Everything that may be said of an active account; what another node changed is seen after
/// [`KEPT_SECONDS`](crate::remembered::KEPT_SECONDS).
async fn person(env: &Env, now: Timestamp, id: Id<Account>) -> Result<Option<Arc<UserInfo>>, Fault> {
    if let Some(person) = env.persons.find(&id, now) {
        return Ok(Some(person));
    }
    let person = accounts::lookup_person(&mut *env.db.read().await?, id).await?;
    let Some(person) = person.filter(|person| person.account.state == AccountState::Active) else {
        return Ok(None);
    };
    let person = Arc::new(described(env, person)?);
    env.persons.keep(id, Arc::clone(&person), now);
    Ok(Some(person))
}

fn described(env: &Env, PersonRow { account, post }: PersonRow) -> Result<UserInfo, Fault> {
    let said = self_description::of(env, &account)?;
    let number = people::id_number(env, &account)?;
    // What the number says of the person is theirs once it is shown to be theirs.
    let proven = account.real_name_level >= people::level_number(RealNameLevel::Matched);
    let known = number.as_ref().filter(|_| proven);
    Ok(UserInfo {
        sub: account.id.to_string(),
        profile: Some(Profile {
            name: account.display_name.clone(),
            preferred_username: account.user_name.clone(),
            gender: known.map(|number| match number.sex() {
                Sex::Female => "female".to_owned(),
                Sex::Male => "male".to_owned(),
            }),
            birthdate: known.map(|number| number.birth_date().to_string()),
            updated_at: Some(account.created.unix_seconds()),
            family_name: said.family_name,
            given_name: said.given_name,
            middle_name: said.middle_name,
            nickname: said.nickname,
            profile: said.profile,
            picture: said.picture,
            website: said.website,
            locale: said.locale,
            zoneinfo: said.zoneinfo,
        }),
        email: said.email.map(|it| Email { email: it.value, email_verified: it.verified }),
        phone: said.phone.map(|it| Phone { phone_number: it.value, phone_number_verified: it.verified }),
        address: said.address.map(|formatted| Address { formatted }),
        real_name: Some(RealName {
            real_name_level: account.real_name_level.to_string(),
            id_number_masked: number.map(|number| number.masked()),
        }),
        organisation: post.map(|post| Organisation {
            unit: post.unit.to_string(),
            name: post.unit_name_zh,
            path: post.unit_path,
            post: post.post,
        }),
    })
}
