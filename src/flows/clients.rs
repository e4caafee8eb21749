//! Relying applications: registered, looked up.

use audit::entry::Kind;
use base::id::Client as ClientKind;
use base::{Id, Secret, Timestamp};
use oidc::client::{AuthMethod, ClientName, GrantType};
use oidc::redirect_uri::ApplicationType;
use oidc::{Client, ClientId, Scope};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::rows::clients::{self as rows, ClientRow};
use store::{BadRow, Conn, Tx};

use crate::caller::Authority;
use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};
use crate::log::{self, Act};
use crate::people;

/// A registration in the members of OIDC Dynamic Registration 1.0, 2 (RFC 7591, 2), and a few of our own.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// Name in Chinese.
    #[serde(rename = "client_name#zh-CN")]
    pub name_zh: String,
    /// Name in English.
    #[serde(rename = "client_name#en")]
    pub name_en: String,
    /// `web` or `native`.
    #[serde(default = "web")]
    pub application_type: ApplicationType,
    /// `client_secret_basic`, `client_secret_post` or `none`.
    #[serde(default = "basic")]
    pub token_endpoint_auth_method: String,
    /// Where answers may go.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Where the browser may go after logout.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// Names of grants.
    #[serde(default = "code")]
    pub grant_types: Vec<String>,
    /// The most that may ever be granted.
    #[serde(default = "openid")]
    pub scope: String,
    /// The APIs it may ask tokens for.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// What its ID tokens are signed with: a name of [`jose::Algorithm`].
    #[serde(default = "es256")]
    pub id_token_signed_response_alg: String,
    /// What its access tokens are signed with.
    #[serde(default = "es256")]
    pub access_token_signed_response_alg: String,
    /// The government's own: people are not asked for consent.
    #[serde(default)]
    pub first_party: bool,
    /// Data sets that it may read for itself.
    #[serde(default)]
    pub may_read: Vec<String>,
    /// Seals that it may use for itself.
    #[serde(default)]
    pub may_use_seals: Vec<String>,
    /// Types of e-certificates that it may issue for itself.
    #[serde(default)]
    pub may_issue: Vec<String>,
}

const fn web() -> ApplicationType {
    ApplicationType::Web
}
fn basic() -> String {
    AuthMethod::ClientSecretBasic.as_str().to_owned()
}
fn code() -> Vec<String> {
    vec![GrantType::AuthorizationCode.as_str().to_owned()]
}
fn openid() -> String {
    oidc::scope::OPENID.to_owned()
}
fn es256() -> String {
    jose::Algorithm::Es256.as_str().to_owned()
}

/// A newly registered application.
pub struct Registered {
    /// The application.
    pub client: Client,
    /// Its secret, shown once; `None` for a public client.
    pub secret: Option<Secret<String>>,
}

/// Registers an application. Applications serve the whole province, so a caller must administer the top of the tree.
pub async fn register(
    env: &Env,
    now: Timestamp,
    authority: Authority<'_>,
    registration: &Registration,
    sample: bool,
) -> Result<Registered, Failure> {
    if let Authority::Caller(_) = authority {
        let top = people::top_unit(env).await?;
        authority.require(env, now, "administer", "console", &top.to_string()).await?;
    }
    let mut tx = env.db.begin().await?;
    let registered = register_in(env, &mut tx, now, &authority.actor(), registration, sample).await?;
    // COMMIT POINT: the secret is shown only once its application and leaf exist.
    tx.commit().await?;
    Ok(registered)
}

async fn register_in(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    actor: &str,
    registration: &Registration,
    sample: bool,
) -> Result<Registered, Failure> {
    let id = Id::<ClientKind>::new(now, env.entropy.as_ref()).to_string();
    let mut client = registration.to_client(&id).map_err(bad)?;
    let mut secret = None;
    if client.is_confidential() {
        let (text, hash) = oidc::client_authentication::new_secret(env.entropy.as_ref());
        client.secret_hash = Some(hash);
        secret = Some(text);
    }
    client.check_registration().map_err(|e| bad(e.to_string()))?;
    let row = ClientRow {
        id: id.clone(),
        metadata: serde_json::to_string(registration)?,
        secret_hash: client.secret_hash,
        active: true,
        sample,
        created: now,
    };
    rows::add(tx, &row).await?;
    let detail = json!({ "name": client.name.zh, "scope": registration.scope, "redirect_uris_sm3": digest_of(&client.redirect_uris) });
    log::write(env, tx, now, Act { kind: Kind::ClientRegistered, actor, subject: &id, detail }).await?;
    Ok(Registered { client, secret })
}

/// Many long addresses do not fit into a log entry; their digest does.
fn digest_of(uris: &[String]) -> String {
    base::encoding::hex(&gm::sm3::hash(uris.join("\n").as_bytes()))
}

/// The application `id`, if it is registered and may be used.
pub async fn lookup(conn: &mut Conn, id: &ClientId) -> Result<Option<Client>, Fault> {
    rows::lookup(conn, id.as_str()).await?.map(|row| from_row(&row)).transpose()
}

/// All applications.
pub async fn all(env: &Env) -> Result<Vec<Client>, Fault> {
    rows::all(&mut *env.db.read().await?).await?.iter().map(from_row).collect()
}

fn from_row(row: &ClientRow) -> Result<Client, Fault> {
    let bad = |why: String| Fault::from(BadRow::new("client", "metadata", &row.id, why));
    let registration: Registration = serde_json::from_str(&row.metadata).map_err(|e| bad(e.to_string()))?;
    let mut client = registration.to_client(&row.id).map_err(bad)?;
    client.secret_hash = row.secret_hash;
    client.enabled = row.active;
    Ok(client)
}

impl Registration {
    fn to_client(&self, id: &str) -> Result<Client, String> {
        let algorithm = |name: &str| jose::Algorithm::expect(name).map_err(|error| error.to_string());
        let method = &self.token_endpoint_auth_method;
        let grants = self.grant_types.iter().map(|name| {
            GrantType::parse(name).ok_or_else(|| {
                format!("expected grant `authorization_code`, `refresh_token` or `client_credentials`, got `{name}`")
            })
        });
        Ok(Client {
            id: id.parse().map_err(|e: oidc::client::BadClientId| e.to_string())?,
            name: ClientName { zh: self.name_zh.clone(), en: self.name_en.clone() },
            application_type: self.application_type,
            auth_method: AuthMethod::parse(method).ok_or_else(|| {
                format!("expected `client_secret_basic`, `client_secret_post` or `none`, got `{method}`")
            })?,
            secret_hash: None,
            redirect_uris: self.redirect_uris.clone(),
            post_logout_redirect_uris: self.post_logout_redirect_uris.clone(),
            grant_types: grants.collect::<Result<_, _>>()?,
            scopes: self.scope.parse::<Scope>().map_err(|e| e.to_string())?,
            audiences: self.audiences.clone(),
            id_token_alg: algorithm(&self.id_token_signed_response_alg)?,
            access_token_alg: algorithm(&self.access_token_signed_response_alg)?,
            first_party: self.first_party,
            enabled: true,
        })
    }
}

fn bad(why: String) -> Failure {
    Rejected::unprocessable("bad_registration", why).into()
}
