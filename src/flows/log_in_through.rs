//! Logging in through an upstream provider: the way there, and the way back.
//!
//! What went along with the browser is known by its state, which is used once and by the browser that was given it. Code verifier and nonce
//! follow from the state and a secret of this installation, so that not even the whole database tells them.

use base::id::Account;
use base::{Id, Secret, Timestamp};
use identity::RealNameLevel;
use oidc::Params;
use oidc::lifetimes::{SESSION_ABSOLUTE_SECONDS, UPSTREAM_ARRIVAL_TTL_SECONDS, UPSTREAM_LOGIN_TTL_SECONDS};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::rows::accounts::{self, AccountRow};
use store::rows::upstreams::{self as rows, UpstreamLoginRow};
use url::Url;

use crate::authorize::LoginWish;
use crate::env::Env;
use crate::error::{Failure, Fault, Reason, Rejected};
use crate::log::{self, Act, Kind};
use crate::log_in::{self, LoggedIn, Opened, Opening};
use crate::relying_party::{self, Asking, CLOCK_LEEWAY_SECONDS, Identified, UpstreamError};
use crate::sessions::{self, Login};
use crate::upstreams::Upstream;

/// Most logins of one network that are on their way at once; a whole authority, or a proxy of ours, may be behind one address.
const WAITING_MAX: i64 = 10_000;
/// Longest text that says what goes on afterwards, in bytes.
const FLOW_MAX_BYTES: usize = 16 << 10;
/// How much of a provider's own error is repeated.
const ERROR_MAX_CHARS: usize = 64;

/// A login that begins here.
pub struct Beginning<'a> {
    /// The provider's short name.
    pub upstream: &'a str,
    /// What goes on afterwards.
    pub flow: &'a str,
    /// What the login is needed for.
    pub wish: LoginWish,
    /// Whose account is to be linked, when somebody who is logged in begins.
    pub account: Option<Id<Account>>,
    /// The hash of the browser's cookie.
    pub browser: [u8; 32],
    /// Where it is.
    pub network: String,
    /// The language that the person reads.
    pub ui_locales: &'a str,
}

/// A browser that comes back.
pub struct Arriving {
    /// The hash of its cookie.
    pub browser: [u8; 32],
    /// Where it is.
    pub network: String,
    /// How it names itself.
    pub user_agent: String,
    /// The cookie that this device was given at an earlier login.
    pub device: Option<String>,
    /// Who is logged in, in it.
    pub login: Option<Login>,
    /// The session that it is in or was in last, which this login replaces.
    pub replaces: Option<Login>,
}

/// What comes of it.
pub enum Came {
    /// The person is in.
    In {
        /// The login.
        logged_in: Box<LoggedIn>,
        /// What goes on.
        flow: String,
    },
    /// The account that was to be linked is linked already.
    Linked {
        /// What goes on.
        flow: String,
    },
    /// Nobody here is linked to whoever came.
    Stranger {
        /// What the page must carry on which they say who they are here.
        arrival: Secret<String>,
    },
}

/// The person does not come in.
#[derive(Debug)]
pub struct TurnedAway {
    /// What would have gone on, when it is known: the login page can be shown again.
    pub flow: Option<String>,
    /// Why.
    pub failure: Failure,
}

impl<E: Into<Failure>> From<E> for TurnedAway {
    fn from(error: E) -> Self {
        Self { flow: None, failure: error.into() }
    }
}

/// Who came and is not known here, until they say who they are.
#[derive(Serialize, Deserialize)]
pub(crate) struct Arrived {
    pub(crate) subject: String,
    pub(crate) authenticated: Timestamp,
    pub(crate) acr: Option<String>,
    pub(crate) amr: Vec<String>,
    pub(crate) sid: Option<String>,
    pub(crate) claims: Map<String, Value>,
}

/// The address at the provider to which the browser goes.
pub async fn begin(env: &Env, now: Timestamp, beginning: Beginning<'_>) -> Result<Url, Failure> {
    let upstream = find(env, beginning.upstream)?;
    if beginning.flow.len() > FLOW_MAX_BYTES {
        let message = format!("expected `flow` of at most {FLOW_MAX_BYTES} bytes");
        return Err(Rejected::bad_request("bad_ticket", message).into());
    }
    let waiting = rows::count_waiting(&mut *env.db.read().await?, &beginning.network, now).await?;
    if waiting >= WAITING_MAX {
        let message = "too many logins from your network are on their way: try again in a minute";
        let reason = Reason::TooMany { retry_after_seconds: 60 };
        return Err(Rejected::new(reason, "too_many_attempts", message).into());
    }
    let state = base::entropy::token(env.entropy.as_ref());
    let age_max = beginning.wish.max_age_seconds.unwrap_or(SESSION_ABSOLUTE_SECONDS);
    let asking = Asking {
        state: &state,
        nonce: nonce(env, &state),
        verifier: verifier(env, &state),
        again: beginning.wish.again,
        max_age_seconds: age_max.clamp(0, SESSION_ABSOLUTE_SECONDS),
        ui_locales: beginning.ui_locales,
    };
    let url = relying_party::authorization_url(env, upstream, asking).await;
    let url = url.map_err(|e| refused(upstream, e))?;
    let row = UpstreamLoginRow {
        state_hash: sessions::hash(&state),
        upstream: upstream.settings.id.as_str().to_owned(),
        browser_hash: beginning.browser,
        network: beginning.network,
        flow: beginning.flow.to_owned(),
        account: beginning.account,
        asked_again: beginning.wish.again || age_max == 0,
        created: now,
        expires: now.plus_seconds(UPSTREAM_LOGIN_TTL_SECONDS),
        consumed: None,
        arrived_sealed: None,
        finished: None,
    };
    let mut tx = env.db.begin().await?;
    rows::add(&mut tx, &row).await?;
    // COMMIT POINT: the browser leaves only with a state that is known.
    tx.commit().await?;
    Ok(url)
}

/// The browser is back from the provider `id`, with an answer (form-encoded).
pub async fn arrive(
    env: &Env,
    now: Timestamp,
    id: &str,
    answer: &[u8],
    arriving: Arriving,
) -> Result<Came, TurnedAway> {
    let upstream = find(env, id)?;
    let params =
        Params::parse(answer).map_err(|e| Rejected::bad_request("bad_upstream_answer", e.to_string()))?;
    let state = params.value("state").unwrap_or_default();
    let row = waiting(env, now, upstream, state, &arriving).await?;
    let came = arrived(env, now, upstream, &row, &params, state, arriving).await;
    // Who is logged in and wanted to link comes to no login page.
    came.map_err(|failure| TurnedAway { flow: row.account.is_none().then_some(row.flow), failure })
}

async fn arrived(
    env: &Env,
    now: Timestamp,
    upstream: &Upstream,
    row: &UpstreamLoginRow,
    params: &Params,
    state: &str,
    arriving: Arriving,
) -> Result<Came, Failure> {
    let issuer = relying_party::check_issuer(env, upstream, params.value("iss")).await;
    issuer.map_err(|e| refused(upstream, e))?;
    let mut tx = env.db.begin().await?;
    if !rows::consume(&mut tx, &row.state_hash, now).await? {
        return Err(not_waiting().into());
    }
    // COMMIT POINT: the state is used up, whatever comes of it; of two that bring it one goes on.
    tx.commit().await?;
    let code = code(upstream, params)?;
    let identified =
        relying_party::identify(env, now, upstream, code, nonce(env, state), verifier(env, state)).await;
    let mut identified = identified.map_err(|e| refused(upstream, e))?;
    identified.authenticated = authenticated(now, upstream, row, &identified)?;

    let issuer = upstream.settings.issuer.as_str();
    let link = rows::find_link(&mut *env.db.read().await?, issuer, &identified.subject).await?;
    match (link, row.account) {
        (Some(link), None) => {
            let opened = open(env, now, upstream, link.account, &identified, arriving).await?;
            Ok(Came::In { logged_in: Box::new(opened), flow: row.flow.clone() })
        }
        (Some(link), Some(account)) if link.account == account => Ok(Came::Linked { flow: row.flow.clone() }),
        (Some(_), Some(_)) => Err(taken()),
        (None, _) => keep(env, now, upstream, row, identified).await,
    }
}

/// The login that waits for `state`, if it is this provider's and this browser's.
async fn waiting(
    env: &Env,
    now: Timestamp,
    upstream: &Upstream,
    state: &str,
    arriving: &Arriving,
) -> Result<UpstreamLoginRow, TurnedAway> {
    let row = rows::lookup(&mut *env.db.read().await?, &sessions::hash(state)).await?;
    let row = row.filter(|row| {
        let of_another_login = row
            .account
            .is_some_and(|account| arriving.login.as_ref().is_none_or(|login| login.account.id != account));
        row.upstream == upstream.settings.id.as_str()
            && row.browser_hash == arriving.browser
            && row.consumed.is_none()
            && now < row.expires
            && !of_another_login
    });
    Ok(row.ok_or_else(not_waiting)?)
}

/// One word for all: whether a state exists, and whose it is, is nobody else's to know.
fn not_waiting() -> Rejected {
    let message =
        "no login of this browser waits for this answer: it was answered, is too old, or began elsewhere";
    Rejected::bad_request("bad_upstream_answer", message)
}

fn code<'a>(upstream: &Upstream, params: &'a Params) -> Result<&'a str, Failure> {
    if let Some(error) = params.value("error") {
        let denied = error == "access_denied";
        let error: String = error.chars().take(ERROR_MAX_CHARS).collect();
        tracing::info!(upstream = upstream.settings.id.as_str(), "the provider answered `{error}`");
        return Err(if denied {
            Rejected::forbidden("upstream_denied", "the login there was cancelled").into()
        } else {
            Rejected::new(Reason::Elsewhere, "upstream_refused", error).into()
        });
    }
    let code = params.value("code").filter(|code| !code.is_empty());
    Ok(code.ok_or_else(|| Rejected::bad_request("bad_upstream_answer", "expected `code` or `error`"))?)
}

/// When the person authenticated, in our time; refused when that is not what was asked.
fn authenticated(
    now: Timestamp,
    upstream: &Upstream,
    row: &UpstreamLoginRow,
    identified: &Identified,
) -> Result<Timestamp, Failure> {
    let said = identified.authenticated;
    let id = upstream.settings.id.as_str();
    if row.asked_again {
        // Its clock may go after ours, and counts whole seconds: a login made for this request is not before it.
        if said.plus_seconds(CLOCK_LEEWAY_SECONDS) >= row.created {
            return Ok(said.max(row.created));
        }
        tracing::warn!(upstream = id, "the person was to authenticate again, and did not");
    } else if now < said.plus_seconds(SESSION_ABSOLUTE_SECONDS) {
        return Ok(said);
    }
    let message = "the login there is older than was asked for: log out there, and try again";
    Err(Rejected::new(Reason::Elsewhere, "upstream_login_too_old", message).into())
}

/// Opens a session of the account that is linked.
async fn open(
    env: &Env,
    now: Timestamp,
    upstream: &Upstream,
    account: Id<Account>,
    identified: &Identified,
    arriving: Arriving,
) -> Result<LoggedIn, Failure> {
    let row = accounts::lookup(&mut *env.db.read().await?, account).await?;
    let row =
        row.ok_or_else(|| Fault::message(format!("a link names account `{account}`, which is not there")))?;
    let strong =
        Strong { acr: identified.acr.as_deref(), amr: &identified.amr, at: identified.authenticated };
    let opening = opening(env, now, upstream, &row, strong, arriving).await?;
    let mut tx = env.db.begin().await?;
    let still = rows::find_link(&mut tx, upstream.settings.issuer.as_str(), &identified.subject).await?;
    if still.is_none_or(|link| link.account != account) {
        let message = "your account there was unlinked meanwhile: try again";
        return Err(Rejected::conflict("state_changed", message).into());
    }
    if !accounts::hold_active(&mut tx, account).await? {
        let message = "the account here that is linked to yours may not be used";
        return Err(Rejected::forbidden("account_disabled", message).into());
    }
    let there = There { subject: &identified.subject, sid: identified.sid.as_deref() };
    let opened = open_in(env, &mut tx, now, upstream, row, opening, there).await?;
    // COMMIT POINT: session and entry; the cookie is given out only for a session that exists.
    tx.commit().await?;
    Ok(opened.note(env, now))
}

/// How strong the login there was, in its words.
pub(crate) struct Strong<'a> {
    pub(crate) acr: Option<&'a str>,
    pub(crate) amr: &'a [String],
    pub(crate) at: Timestamp,
}

/// The session that is opened for `account`, worth what the operator allows.
pub(crate) async fn opening(
    env: &Env,
    now: Timestamp,
    upstream: &Upstream,
    account: &AccountRow,
    strong: Strong<'_>,
    arriving: Arriving,
) -> Result<Opening, Fault> {
    let level = RealNameLevel::ALL.get(usize::from(account.real_name_level)).copied();
    let level = level.unwrap_or(RealNameLevel::Unverified);
    let (acr, amr) = upstream.settings.rules.strength(strong.acr, strong.amr, level);
    let known = log_in::known_device(env, now, account.id, arriving.device.as_deref()).await?;
    Ok(Opening {
        acr,
        amr,
        authenticated: strong.at,
        network: arriving.network,
        user_agent: arriving.user_agent,
        device: arriving.device.filter(|_| known.is_some()),
        replaces: arriving.replaces,
    })
}

/// The session there from which one here comes.
pub(crate) struct There<'a> {
    pub(crate) subject: &'a str,
    pub(crate) sid: Option<&'a str>,
}

/// Opens the session and writes that it was through `upstream`.
pub(crate) async fn open_in(
    env: &Env,
    tx: &mut store::Tx,
    now: Timestamp,
    upstream: &Upstream,
    account: AccountRow,
    opening: Opening,
    there: There<'_>,
) -> Result<Opened, Failure> {
    let subject = account.id.to_string();
    let issuer = upstream.settings.issuer.as_str();
    let detail = json!({
        "upstream": upstream.settings.id.as_str(), "issuer": issuer, "acr": opening.acr.as_str(),
    });
    let opened = log_in::open_in(env, tx, now, account, opening).await?;
    rows::remember_session(tx, opened.session(), issuer, there.subject, there.sid).await?;
    let act = Act { kind: Kind::LoggedInThroughUpstream, actor: &subject, subject: &subject, detail };
    log::write(env, tx, now, act).await?;
    Ok(opened)
}

/// Keeps who came until they say who they are here.
async fn keep(
    env: &Env,
    now: Timestamp,
    upstream: &Upstream,
    row: &UpstreamLoginRow,
    identified: Identified,
) -> Result<Came, Failure> {
    let rules = &upstream.settings.rules;
    let mut claims = rules.pick(&identified.claims);
    if rules.claims().any(|name| !claims.contains_key(name)) {
        let more = relying_party::user_info(env, upstream, &identified).await;
        let more = rules.pick(&more.map_err(|e| refused(upstream, e))?);
        // What is signed comes first.
        claims = more.into_iter().chain(claims).collect();
    }
    let arrived = Arrived {
        subject: identified.subject,
        authenticated: identified.authenticated,
        acr: identified.acr,
        amr: identified.amr,
        sid: identified.sid,
        claims,
    };
    let arrival = base::entropy::token(env.entropy.as_ref());
    let hash = sessions::hash(&arrival);
    let sealed = env.keys.seal_blob(&context(&hash), &serde_json::to_vec(&arrived)?)?;
    let expires = now.plus_seconds(UPSTREAM_ARRIVAL_TTL_SECONDS);
    let mut tx = env.db.begin().await?;
    if !rows::arrive(&mut tx, &row.state_hash, &hash, &sealed, expires).await? {
        return Err(not_waiting().into());
    }
    tx.commit().await?;
    Ok(Came::Stranger { arrival: Secret::new(arrival) })
}

/// The context of who came, sealed: bound to its row.
pub(crate) fn context(arrival_hash: &[u8; 32]) -> String {
    format!("upstream-arrival/{}", hex::encode(arrival_hash))
}

pub(crate) fn find<'a>(env: &'a Env, id: &str) -> Result<&'a Upstream, Rejected> {
    let unknown =
        || Rejected::not_found("no_such_upstream", format!("there is no provider `{id}` to log in through"));
    env.upstreams.find(id).ok_or_else(unknown)
}

/// The account there is somebody's already.
pub(crate) fn taken() -> Failure {
    let message = "this account there is linked to another account here";
    Rejected::conflict("upstream_taken", message).into()
}

/// Why is for the operator: the person is told that the provider failed, and a stranger nothing of what only we reach.
fn refused(upstream: &Upstream, error: UpstreamError) -> Failure {
    let id = upstream.settings.id.as_str();
    match error {
        UpstreamError::Ours(fault) => fault.into(),
        UpstreamError::Unusable { .. } => {
            tracing::warn!(upstream = id, "{error}");
            let message = format!("the provider `{id}` does not answer as it should: try again later");
            Rejected::new(Reason::Elsewhere, "upstream_down", message).into()
        }
        UpstreamError::Unbelievable { .. } => {
            tracing::error!(upstream = id, "not believed: {error}");
            let message = format!("what the provider `{id}` said cannot be believed");
            Rejected::new(Reason::Elsewhere, "upstream_unbelievable", message).into()
        }
    }
}

fn nonce(env: &Env, state: &str) -> String {
    env.secrets.of_state("upstream-nonce", state)
}

fn verifier(env: &Env, state: &str) -> String {
    env.secrets.of_state("upstream-verifier", state)
}
