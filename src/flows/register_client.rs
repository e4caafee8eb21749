//! Registration by the application itself (RFC 7591), and its management of what it registered (RFC 7592).
//!
//! Behind an initial access token that an administrator gives out. What registers itself gets no scope of the province's own APIs, no
//! consent on anybody's behalf, and nothing that policies look at: that is for officials.

use audit::entry::Kind;
use base::id::Client as ClientKind;
use base::{Id, Secret, Timestamp};
use oidc::client::{BadRegistration, GrantType};
use oidc::registration::BadMember;
use oidc::{ErrorCode, OauthError, Registration, scope};
use serde_json::{Map, Value, json};
use store::rows::clients::{self as rows, ClientRow};
use store::rows::settings;

use crate::caller::Authority;
use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};
use crate::log::{self, Act};
use crate::{people, subjects};

/// The purpose under which initial access tokens are kept.
const INITIAL_ACCESS: &str = "client-registration";
/// Longest life of an initial access token, in seconds.
pub const INITIAL_ACCESS_MAX_SECONDS: i64 = 90 * 86_400;
/// The name under which an application that registers itself stands in the log.
const SELF: &str = "self-registration";

/// The members that an application may register itself (RFC 7591, 2; OIDC Dynamic Registration 1.0, 2 and others named in
/// [`Registration`]). Others are overlooked, as the standard asks (RFC 7591, 2).
const MEMBERS: &[&str] = &[
    "application_type",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
    "jwks",
    "jwks_uri",
    "redirect_uris",
    "post_logout_redirect_uris",
    "grant_types",
    "response_types",
    "scope",
    "id_token_signed_response_alg",
    "access_token_format",
    "userinfo_signed_response_alg",
    "authorization_signed_response_alg",
    "introspection_signed_response_alg",
    "id_token_encrypted_response_alg",
    "id_token_encrypted_response_enc",
    "userinfo_encrypted_response_alg",
    "userinfo_encrypted_response_enc",
    "authorization_encrypted_response_alg",
    "authorization_encrypted_response_enc",
    "introspection_encrypted_response_alg",
    "introspection_encrypted_response_enc",
    "subject_type",
    "sector_identifier_uri",
    "request_object_signing_alg",
    "require_signed_request_object",
    "require_pushed_authorization_requests",
    "dpop_bound_access_tokens",
    "tls_client_certificate_bound_access_tokens",
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
    "default_max_age",
    "require_auth_time",
    "initiate_login_uri",
    "frontchannel_logout_uri",
    "frontchannel_logout_session_required",
    "backchannel_logout_uri",
    "backchannel_logout_session_required",
    "backchannel_token_delivery_mode",
    "backchannel_client_notification_endpoint",
    "backchannel_user_code_parameter",
    "client_uri",
    "logo_uri",
    "policy_uri",
    "tos_uri",
    "contacts",
    "software_id",
    "software_version",
    "client_name#zh-CN",
    "client_name#en",
];
/// The scopes that an application may register itself for.
const SCOPES: &[&str] =
    &[scope::OPENID, scope::PROFILE, scope::EMAIL, scope::PHONE, scope::ADDRESS, scope::OFFLINE_ACCESS];

/// What an application is told of its registration (RFC 7591, 3.2.1).
pub type Information = Map<String, Value>;

/// A new initial access token, good for `ttl_seconds` and any number of applications; shown once.
pub async fn initial_access_token(
    env: &Env,
    now: Timestamp,
    authority: Authority<'_>,
    ttl_seconds: i64,
) -> Result<Secret<String>, Failure> {
    if !(1..=INITIAL_ACCESS_MAX_SECONDS).contains(&ttl_seconds) {
        let message =
            format!("expires_in: expected 1 to {INITIAL_ACCESS_MAX_SECONDS} seconds, got {ttl_seconds}");
        return Err(Rejected::unprocessable("bad_registration", message).into());
    }
    if let Authority::Caller(_) = authority {
        let top = people::top_unit(env).await?;
        authority.require(env, now, "administer", "console", &top.to_string()).await?;
    }
    let token = base::entropy::token(env.entropy.as_ref());
    let mut tx = env.db.begin().await?;
    let expires = now.plus_seconds(ttl_seconds);
    settings::add_enrolment(&mut tx, &hash(&token), INITIAL_ACCESS, now, expires).await?;
    let detail = json!({ "expires_us": expires.us() });
    let act = Act {
        kind: Kind::ClientRegistrationOpened,
        actor: &authority.actor(),
        subject: INITIAL_ACCESS,
        detail,
    };
    log::write(env, &mut tx, now, act).await?;
    // COMMIT POINT: the token is shown only once it works.
    tx.commit().await?;
    Ok(Secret::new(token))
}

/// Registers what `members` say, on the strength of an initial access token (RFC 7591, 3.1).
pub async fn register(
    env: &Env,
    now: Timestamp,
    token: Option<&str>,
    members: Map<String, Value>,
) -> Result<Information, Failure<OauthError>> {
    let hash_of_token = token.map(hash).ok_or_else(no_token)?;
    if !settings::is_enrolment_open(&mut *env.db.read().await?, &hash_of_token, INITIAL_ACCESS, now).await? {
        return Err(no_token().into());
    }
    let id = Id::<ClientKind>::new(now, env.entropy.as_ref()).to_string();
    let registration = read(members)?;
    let (secret, secret_hash) = match needs_secret(&registration) {
        true => {
            let (secret, hash) = oidc::client_authentication::new_secret(env.entropy.as_ref());
            (Some(secret), Some(hash))
        }
        false => (None, None),
    };
    check(env, &registration, &id, secret_hash)?;
    subjects::check_sector(env, &registration).await.map_err(|e| invalid(e.to_string()))?;
    let management = base::entropy::token(env.entropy.as_ref());
    let row = ClientRow {
        id: id.clone(),
        metadata: serde_json::to_string(&registration)?,
        secret_hash,
        active: true,
        sample: false,
        created: now,
        in_use_since: None,
    };
    let mut tx = env.db.begin().await?;
    rows::add(&mut tx, &row).await?;
    rows::manage_with(&mut tx, &id, &hash(&management)).await?;
    write_down(env, &mut tx, now, Kind::ClientRegistered, &id, &registration).await?;
    // COMMIT POINT: the secret and the management token are shown only once the application and its leaf exist.
    tx.commit().await?;
    let mut said = information(env, &row, &registration)?;
    if let Some(secret) = secret {
        said.insert("client_secret".to_owned(), secret.expose().as_str().into());
        said.insert("client_secret_expires_at".to_owned(), 0.into());
    }
    said.insert("registration_access_token".to_owned(), management.into());
    Ok(said)
}

/// What the application `id` registered (RFC 7592, 2.1). Its secret is kept as a hash, so it is not said again.
pub async fn show(env: &Env, id: &str, token: Option<&str>) -> Result<Information, Failure<OauthError>> {
    let (row, registration) = managed(env, id, token).await?;
    Ok(information(env, &row, &registration)?)
}

/// Replaces what the application `id` registered (RFC 7592, 2.2).
pub async fn change(
    env: &Env,
    now: Timestamp,
    id: &str,
    token: Option<&str>,
    mut members: Map<String, Value>,
) -> Result<Information, Failure<OauthError>> {
    let (row, before) = managed(env, id, token).await?;
    if members.get("client_id").and_then(Value::as_str) != Some(id) {
        return Err(invalid(format!("client_id: expected `{id}`")).into());
    }
    if let Some(shown) = members.remove("client_secret") {
        let same = shown.as_str().is_some_and(|s| row.secret_hash == Some(gm::sm3::hash(s.as_bytes())));
        if !same {
            return Err(invalid("client_secret: expected the one that was issued, or none".to_owned()).into());
        }
    }
    let registration = read(members)?;
    if needs_secret(&registration) != needs_secret(&before) {
        let message = "token_endpoint_auth_method: a method with a secret cannot become one without, or the other way: register anew";
        return Err(invalid(message.to_owned()).into());
    }
    check(env, &registration, id, row.secret_hash)?;
    let subject = |registration: &Registration| registration.to_client(id).map(|client| client.subject).ok();
    if subject(&registration) != subject(&before) {
        let message = "subject_type: people would have other names at this application, or its sector is another one: register anew";
        return Err(invalid(message.to_owned()).into());
    }
    subjects::check_sector(env, &registration).await.map_err(|e| invalid(e.to_string()))?;
    let metadata = serde_json::to_string(&registration)?;
    let mut tx = env.db.begin().await?;
    rows::change(&mut tx, id, &metadata, now).await?;
    write_down(env, &mut tx, now, Kind::ClientChanged, id, &registration).await?;
    // COMMIT POINT: the registration and its leaf.
    tx.commit().await?;
    env.clients.forget(id);
    Ok(information(env, &row, &registration)?)
}

/// Takes the application `id` out of use (RFC 7592, 2.3); what it got stops working with it.
pub async fn remove(
    env: &Env,
    now: Timestamp,
    id: &str,
    token: Option<&str>,
) -> Result<(), Failure<OauthError>> {
    let (_, registration) = managed(env, id, token).await?;
    let mut tx = env.db.begin().await?;
    rows::disable(&mut tx, id, now).await?;
    write_down(env, &mut tx, now, Kind::ClientRemoved, id, &registration).await?;
    // COMMIT POINT: the application is out of use, and its leaf says so.
    tx.commit().await?;
    env.clients.forget(id);
    Ok(())
}

/// The application `id` and its registration, for who holds its management token. Everybody else learns the same, whether it exists or
/// not (RFC 7592, 2.1).
async fn managed(
    env: &Env,
    id: &str,
    token: Option<&str>,
) -> Result<(ClientRow, Registration), Failure<OauthError>> {
    let hash = token.map(hash).ok_or_else(no_token)?;
    let row = rows::find_managed(&mut *env.db.read().await?, id, &hash).await?;
    let row = row.filter(|row| row.active).ok_or_else(no_token)?;
    let bad = |e| Fault::from(store::BadRow::new("client", "metadata", &row.id, e));
    let registration = serde_json::from_str(&row.metadata).map_err(bad)?;
    Ok((row, registration))
}

/// The registration that `members` describe, with the standard's own values for what is absent.
fn read(members: Map<String, Value>) -> Result<Registration, OauthError> {
    let name =
        members.get("client_name").and_then(Value::as_str).unwrap_or("未命名应用 / Unnamed application");
    let name = Value::from(name);
    let mut kept: Map<String, Value> = members
        .into_iter()
        .filter(|(member, value)| MEMBERS.contains(&member.as_str()) && !value.is_null())
        .collect();
    for tagged in ["client_name#zh-CN", "client_name#en"] {
        kept.entry(tagged).or_insert_with(|| name.clone());
    }
    // OIDC Dynamic Registration 1.0, 2: RS256 is what every client understands.
    kept.entry("id_token_signed_response_alg").or_insert_with(|| jose::Algorithm::Rs256.as_str().into());
    let asked = kept.remove("scope");
    let mut registration: Registration =
        serde_json::from_value(Value::Object(kept)).map_err(|e| invalid(e.to_string()))?;
    registration.registered_itself = true;
    registration.scope = scope_of(asked.as_ref().and_then(Value::as_str), &registration);
    Ok(registration)
}

/// What was asked of [`SCOPES`], or all that fit the grants (RFC 7591, 2: the server may choose).
fn scope_of(asked: Option<&str>, registration: &Registration) -> String {
    let has = |grant: GrantType| registration.grant_types.iter().any(|name| name == grant.as_str());
    let fits = |scope: &&&str| match **scope {
        scope::OFFLINE_ACCESS => has(GrantType::RefreshToken),
        _ => GrantType::ALL.into_iter().any(|grant| grant.is_a_persons() && has(grant)),
    };
    let wanted = |scope: &&&str| asked.is_none_or(|asked| asked.split(' ').any(|token| token == **scope));
    SCOPES.iter().filter(fits).filter(wanted).copied().collect::<Vec<_>>().join(" ")
}

fn needs_secret(registration: &Registration) -> bool {
    registration.token_endpoint_auth_method.starts_with("client_secret_")
}

fn check(
    env: &Env,
    registration: &Registration,
    id: &str,
    secret_hash: Option<[u8; 32]>,
) -> Result<(), OauthError> {
    let mut client = registration.to_client(id).map_err(|e: BadMember| invalid(e.to_string()))?;
    client.secret_hash = secret_hash;
    if client.requests.hybrid {
        let message = "response_types: expected `code`: `code id_token` is for administrators to register";
        return Err(invalid(message.to_owned()));
    }
    let needs_certificate = client.auth_method.needs_certificate() || client.binding.certificate;
    if needs_certificate && !env.settings.certificates.taken_at.is_somewhere() {
        let message = "client certificates are not taken here: expected another token_endpoint_auth_method, and tokens not bound to one";
        return Err(invalid(message.to_owned()));
    }
    client.check_registration().map_err(|error| match error {
        BadRegistration::RedirectUri { uri_list: "redirect_uris", .. } | BadRegistration::NoRedirectUri => {
            OauthError::new(ErrorCode::InvalidRedirectUri, error.to_string())
        }
        other => invalid(other.to_string()),
    })
}

async fn write_down(
    env: &Env,
    tx: &mut store::Tx,
    now: Timestamp,
    kind: Kind,
    id: &str,
    registration: &Registration,
) -> Result<(), Fault> {
    let uris = base::encoding::hex(&gm::sm3::hash(registration.redirect_uris.join("\n").as_bytes()));
    let detail =
        json!({ "name": registration.name_zh, "scope": registration.scope, "redirect_uris_sm3": uris });
    log::write(env, tx, now, Act { kind, actor: SELF, subject: id, detail }).await.map(drop)
}

fn information(env: &Env, row: &ClientRow, registration: &Registration) -> Result<Information, Fault> {
    let Value::Object(mut said) = serde_json::to_value(registration)? else { return Ok(Map::new()) };
    said.insert("client_id".to_owned(), row.id.as_str().into());
    said.insert("client_id_issued_at".to_owned(), row.created.unix_seconds().into());
    said.insert("client_name".to_owned(), registration.name_en.as_str().into());
    let place = format!("{}/{}", env.settings.issuer.url(oidc::discovery::paths::REGISTER), row.id);
    said.insert("registration_client_uri".to_owned(), place.into());
    Ok(said)
}

fn hash(token: &str) -> [u8; 32] {
    gm::sm3::hash(token.as_bytes())
}

fn invalid(description: String) -> OauthError {
    OauthError::new(ErrorCode::InvalidClientMetadata, description)
}

fn no_token() -> OauthError {
    let message =
        "registration needs an initial access token, or the registration access token, as a bearer token";
    OauthError::new(ErrorCode::InvalidToken, message)
}
