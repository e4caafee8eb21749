//! Registration by the application itself (RFC 7591), and its management of what it registered (RFC 7592).
//!
//! Behind an initial access token that an administrator gives out, and, where the operator wants it so, with a statement of somebody whom the
//! operator trusts. What registers itself gets no scope of the province's own APIs, no consent on anybody's behalf, and nothing that
//! policies look at: that is for officials.

use audit::entry::Kind;
use base::id::Client as ClientKind;
use base::{Id, Timestamp};
use oidc::client::{BadRegistration, ClientKeys};
use oidc::registration::BadMember;
use oidc::software_statement::{self as statements, StatementIssuer, Vouched};
use oidc::{ErrorCode, OauthError, Registration, self_registration};
use serde_json::{Map, Value, json};
use store::rows::clients::{self as rows, ClientRow};
use store::rows::initial_access::{self, InitialAccessRow};

use crate::env::Env;
use crate::error::{Failure, Fault};
use crate::initial_access::{Standing, hash};
use crate::log::{self, Act};
use crate::outbound::Whose;
use crate::published_keys::{self, Published, Unusable};
use crate::{end_consents, look_alikes, subjects};

/// The name under which an application that registers itself stands in the log.
const SELF: &str = "self-registration";
/// Longest name that stands in the log, in characters: it is a stranger's text, and stays there for ever.
const LOGGED_NAME_MAX_CHARS: usize = 100;

/// What an application is told of its registration (RFC 7591, 3.2.1).
pub type Information = Map<String, Value>;

/// Registers what `members` say, on the strength of an initial access token (RFC 7591, 3.1).
pub async fn register(
    env: &Env,
    now: Timestamp,
    token: Option<&str>,
    members: Map<String, Value>,
) -> Result<Information, Failure<OauthError>> {
    let initial = opened_by(env, now, token).await?;
    let id = Id::<ClientKind>::new(now, env.entropy.as_ref()).to_string();
    let vouched = vouched_for(env, now, &members).await?;
    if vouched.is_none() && env.settings.registration.statements_required {
        let message =
            "software_statement: expected one, by somebody whom the operator lets vouch for software";
        return Err(invalid(message.to_owned()).into());
    }
    let registration = read(members, vouched.as_ref())?;
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
        software_statement: vouched.as_ref().map(|vouched| vouched.statement.clone()),
        document: None,
    };
    let mut tx = env.db.begin().await?;
    // Others may use the token at this moment: whoever counts first registers.
    if !initial_access::count_one(&mut tx, initial.id, now).await? {
        return Err(no_token().into());
    }
    if look_alikes::is_taken(&mut tx, &registration).await? {
        return Err(invalid(look_alikes::TAKEN.to_owned()).into());
    }
    rows::add(&mut tx, &row).await?;
    rows::manage_with(&mut tx, &id, &hash(&management)).await?;
    look_alikes::keep(&mut tx, &id, &registration).await?;
    let written = Written { by: Some(initial.id.to_string()), vouched: vouched.as_ref(), ended: None };
    write_down(env, &mut tx, now, Kind::ClientRegistered, &id, &registration, written).await?;
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
    let (mut row, before) = managed(env, id, token).await?;
    if members.get("client_id").and_then(Value::as_str) != Some(id) {
        return Err(invalid(format!("client_id: expected `{id}`")).into());
    }
    if let Some(shown) = members.remove("client_secret") {
        let same = shown.as_str().is_some_and(|s| row.secret_hash == Some(gm::sm3::hash(s.as_bytes())));
        if !same {
            return Err(invalid("client_secret: expected the one that was issued, or none".to_owned()).into());
        }
    }
    // What was vouched for stays as it was vouched for, until another statement says otherwise.
    let stated = row.software_statement.as_deref();
    let sent = members.get(statements::MEMBER).and_then(Value::as_str);
    let vouched = match (stated, sent) {
        (Some(stated), None) => statements::registered(stated),
        (Some(stated), Some(sent)) if stated == sent => statements::registered(stated),
        _ => vouched_for(env, now, &members).await?,
    };
    if stated.is_some() && vouched.is_none() {
        return Err(
            Fault::from(store::BadRow::new("client", "software_statement", id, "no statement")).into()
        );
    }
    let registration = read(members, vouched.as_ref())?;
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
    row.software_statement = vouched.as_ref().map(|vouched| vouched.statement.clone());
    let mut tx = env.db.begin().await?;
    if look_alikes::is_taken(&mut tx, &registration).await? {
        return Err(invalid(look_alikes::TAKEN.to_owned()).into());
    }
    if !rows::change(&mut tx, id, &row.metadata, &metadata, now).await? {
        let message = "the registration was changed meanwhile: read it, and send the change again";
        return Err(invalid(message.to_owned()).into());
    }
    rows::state_software(&mut tx, id, row.software_statement.as_deref()).await?;
    look_alikes::keep(&mut tx, id, &registration).await?;
    let ended = end_consents::after_change(&mut tx, now, id, &before, &registration).await?;
    let written = Written { ended: Some(ended.len()), vouched: vouched.as_ref(), ..Written::default() };
    write_down(env, &mut tx, now, Kind::ClientChanged, id, &registration, written).await?;
    // COMMIT POINT: the registration, the end of what people gave to what it was, and its leaf.
    tx.commit().await?;
    env.clients.forget(id);
    env.revocations.note_grants(ended, now);
    Ok(information(env, &row, &registration)?)
}

/// Takes the application `id` out of use for good (RFC 7592, 2.3), and back what it was given.
pub async fn remove(
    env: &Env,
    now: Timestamp,
    id: &str,
    token: Option<&str>,
) -> Result<(), Failure<OauthError>> {
    let (_, registration) = managed(env, id, token).await?;
    let mut tx = env.db.begin().await?;
    if !rows::disable(&mut tx, id, now).await? {
        return Err(no_token().into());
    }
    let ended = end_consents::all(&mut tx, now, id, "application removed itself").await?;
    let written = Written { ended: Some(ended.len()), ..Written::default() };
    write_down(env, &mut tx, now, Kind::ClientRemoved, id, &registration, written).await?;
    // COMMIT POINT: the application is out of use, what it was given is taken back, and its leaf says so.
    tx.commit().await?;
    env.clients.forget(id);
    env.revocations.note_grants(ended, now);
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

/// The initial access token, if it registers applications now. Who holds it is told why it does not.
async fn opened_by(
    env: &Env,
    now: Timestamp,
    token: Option<&str>,
) -> Result<InitialAccessRow, Failure<OauthError>> {
    let hash_of_token = token.map(hash).ok_or_else(no_token)?;
    let row = initial_access::find(&mut *env.db.read().await?, &hash_of_token).await?;
    let row = row.ok_or_else(no_token)?;
    let why = match Standing::of(&row, now) {
        Standing::Open => return Ok(row),
        Standing::UsedUp => "has registered as many applications as it may",
        Standing::Expired => "has expired",
        Standing::Withdrawn => "was withdrawn",
    };
    Err(OauthError::new(
        ErrorCode::InvalidToken,
        format!("the initial access token {why}: ask for another one"),
    )
    .into())
}

/// What the statement among `members` vouches for, if there is one (RFC 7591, 3.1.1). Before a transaction opens: it may be a call.
async fn vouched_for(
    env: &Env,
    now: Timestamp,
    members: &Map<String, Value>,
) -> Result<Option<Vouched>, Failure<OauthError>> {
    let statement = match members.get(statements::MEMBER) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(statement)) => statement,
        Some(_) => return Err(statements::invalid("expected a text").into()),
    };
    let issuer = statements::issuer_of(&env.settings.registration.statement_issuers, statement)?;
    let keys = keys_of(env, now, issuer, statement).await?;
    Ok(Some(statements::check(issuer, statement, &keys, &env.settings.issuer, now)?))
}

async fn keys_of(
    env: &Env,
    now: Timestamp,
    issuer: &StatementIssuer,
    statement: &str,
) -> Result<std::sync::Arc<jose::KeySet>, Failure<OauthError>> {
    match &issuer.keys {
        ClientKeys::None => Err(statements::invalid("its issuer has no keys").into()),
        ClientKeys::Given { set, .. } => Ok(std::sync::Arc::clone(set)),
        ClientKeys::At(uri) => {
            let published = Published { uri, owner: &issuer.issuer, whose: Whose::Known };
            let keys = published_keys::to_verify(env, now, published, |keys| keys.knows(statement)).await;
            keys.map_err(|Unusable| {
                statements::invalid("the keys of its issuer cannot be had or used").into()
            })
        }
    }
}

/// The registration that `members` describe, with what is `vouched` for in its place.
fn read(members: Map<String, Value>, vouched: Option<&Vouched>) -> Result<Registration, OauthError> {
    let registration = match vouched {
        Some(vouched) => self_registration::read(vouched.over(members), &vouched.scopes()),
        None => self_registration::read(members, self_registration::SCOPES),
    };
    registration.map_err(|e| invalid(e.to_string()))
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

/// What the log says beside the registration.
#[derive(Default)]
struct Written<'a> {
    /// The initial access token that it was registered with.
    by: Option<String>,
    /// How many grants ended.
    ended: Option<usize>,
    /// What somebody vouched for.
    vouched: Option<&'a Vouched>,
}

async fn write_down(
    env: &Env,
    tx: &mut store::Tx,
    now: Timestamp,
    kind: Kind,
    id: &str,
    registration: &Registration,
    written: Written<'_>,
) -> Result<(), Fault> {
    let sm3 = |text: &str| base::encoding::hex(&gm::sm3::hash(text.as_bytes()));
    let name: String = registration.name_zh.chars().take(LOGGED_NAME_MAX_CHARS).collect();
    let detail = json!({
        "name": name, "scope": registration.scope, "redirect_uris_sm3": sm3(&registration.redirect_uris.join("\n")),
    });
    let initial = written.by.map(|by| ("initial_access", Value::from(by)));
    let statement = written
        .vouched
        .map(|vouched| ("statement", json!({ "issuer": vouched.issuer, "sm3": sm3(&vouched.statement) })));
    let ended = written.ended.map(|count| ("grants", Value::from(count)));
    let more =
        [initial, statement, ended].into_iter().flatten().map(|(name, value)| (name.to_owned(), value));
    let members = detail.as_object().cloned().unwrap_or_default().into_iter().chain(more);
    let detail = Value::Object(members.collect());
    log::write(env, tx, now, Act { kind, actor: SELF, subject: id, detail }).await.map(drop)
}

fn information(env: &Env, row: &ClientRow, registration: &Registration) -> Result<Information, Fault> {
    let Value::Object(mut said) = serde_json::to_value(registration)? else { return Ok(Map::new()) };
    said.insert("client_id".to_owned(), row.id.as_str().into());
    said.insert("client_id_issued_at".to_owned(), row.created.unix_seconds().into());
    said.insert("client_name".to_owned(), registration.name_en.as_str().into());
    if let Some(statement) = &row.software_statement {
        // RFC 7591, 3.2.1: unmodified.
        said.insert(statements::MEMBER.to_owned(), statement.as_str().into());
    }
    let place = format!("{}/{}", env.settings.issuer.url(oidc::discovery::paths::REGISTER), row.id);
    said.insert("registration_client_uri".to_owned(), place.into());
    Ok(said)
}

fn invalid(description: String) -> OauthError {
    OauthError::new(ErrorCode::InvalidClientMetadata, description)
}

fn no_token() -> OauthError {
    let message =
        "registration needs an initial access token, or the registration access token, as a bearer token";
    OauthError::new(ErrorCode::InvalidToken, message)
}
