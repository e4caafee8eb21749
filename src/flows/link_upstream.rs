//! Whose account at an upstream provider is whose here: said by the person, never guessed from a mail address, a number or a name.

use base::id::Account;
use base::{Id, Timestamp};
use identity::LoginName;
use identity::account::LOGIN_NAME_MAX_CHARS;
use identity::upstream::Described;
use serde_json::json;
use store::Tx;
use store::rows::accounts;
use store::rows::upstreams::{self as rows, UpstreamLinkRow, UpstreamLoginRow};
use url::Url;

use crate::authorize::LoginWish;
use crate::env::Env;
use crate::error::{Failure, Fault, Reason, Rejected};
use crate::log::{self, Act, Kind};
use crate::log_in::LoggedIn;
use crate::log_in_through::{self as through, Arrived, Arriving, Beginning, Strong, There};
use crate::people::{self, Prepared};
use crate::self_description::{self, Claimed, SelfDescription};
use crate::sessions::{self, Login};
use crate::upstreams::{Strangers, Upstream};

/// How long ago somebody must have authenticated who links or unlinks, in seconds.
pub const AUTHENTICATED_MAX_AGE_SECONDS: i64 = 300;
/// How many characters tell two people of one name apart.
const SUFFIX_CHARS: usize = 6;

/// Somebody whom a provider knows, and nobody here is linked to.
pub struct Arrival {
    /// The provider's short name.
    pub upstream: String,
    /// What goes on afterwards.
    pub flow: String,
    /// What the provider calls them.
    pub name: Option<String>,
    /// Whether they may be given a new account.
    pub may_create: bool,
    /// Whether it may be any account: nobody who was logged in began.
    pub may_be_another: bool,
    /// Whether the login that stands beside them is recent enough to link with.
    pub may_link: bool,
}

/// Who came under `arrival` in the browser `browser`, for the page that asks who they are here.
pub async fn look(
    env: &Env,
    now: Timestamp,
    browser: &[u8; 32],
    arrival: &str,
    login: Option<&Login>,
) -> Result<Arrival, Failure> {
    let (upstream, row, arrived) = find(env, now, browser, arrival, login).await?;
    let described = upstream.settings.rules.describe(&arrived.claims);
    Ok(Arrival {
        upstream: row.upstream,
        flow: row.flow,
        name: described.name.map(|name| name.as_str().to_owned()).or(described.user_name),
        may_create: may_create(upstream, row.account),
        may_be_another: row.account.is_none(),
        may_link: login.is_some_and(|login| is_recent(login, now)),
    })
}

fn may_create(upstream: &Upstream, account: Option<Id<Account>>) -> bool {
    upstream.settings.strangers == Strangers::Create && account.is_none()
}

/// Whether the person authenticated a moment ago.
pub fn is_recent(login: &Login, now: Timestamp) -> bool {
    now <= login.session.authenticated.plus_seconds(AUTHENTICATED_MAX_AGE_SECONDS)
}

fn require_recent(login: &Login, now: Timestamp) -> Result<(), Failure> {
    if is_recent(login, now) {
        return Ok(());
    }
    let message = "show again that it is you: log in again first";
    Err(Rejected::new(Reason::Unauthenticated, "authenticate_again", message).into())
}

async fn find<'a>(
    env: &'a Env,
    now: Timestamp,
    browser: &[u8; 32],
    arrival: &str,
    login: Option<&Login>,
) -> Result<(&'a Upstream, UpstreamLoginRow, Arrived), Failure> {
    let hash = sessions::hash(arrival);
    let row = rows::find_arrival(&mut *env.db.read().await?, &hash).await?;
    let row = row.filter(|row| {
        let of_another = row.account.is_some_and(|account| login.is_none_or(|l| l.account.id != account));
        row.browser_hash == *browser && row.finished.is_none() && now < row.expires && !of_another
    });
    let row = row.ok_or_else(over)?;
    let upstream = through::find(env, &row.upstream)?;
    let sealed = row.arrived_sealed.as_deref().ok_or_else(over)?;
    let opened = env.keys.open_blob(&through::context(&hash), sealed)?;
    let arrived = serde_json::from_slice(opened.expose())?;
    Ok((upstream, row, arrived))
}

fn over() -> Rejected {
    let message = "this page has been answered, is too old, or belongs to another browser: log in again";
    Rejected::bad_request("expired_ticket", message)
}

/// The person who is logged in says that whoever came is them; what goes on.
pub async fn link(
    env: &Env,
    now: Timestamp,
    browser: &[u8; 32],
    arrival: &str,
    login: &Login,
) -> Result<String, Failure> {
    require_recent(login, now)?;
    let (upstream, row, arrived) = find(env, now, browser, arrival, Some(login)).await?;
    let account = login.account.id;
    let mut tx = env.db.begin().await?;
    if !rows::finish(&mut tx, &sessions::hash(arrival), now).await? {
        return Err(over().into());
    }
    if !accounts::hold_active(&mut tx, account).await? {
        return Err(Rejected::forbidden("account_disabled", "your account may not be used").into());
    }
    let actor = account.to_string();
    add_link(env, &mut tx, now, upstream, &arrived.subject, account, &actor).await?;
    // COMMIT POINT: the link, and its entry.
    tx.commit().await?;
    Ok(row.flow)
}

async fn add_link(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    upstream: &Upstream,
    subject: &str,
    account: Id<Account>,
    actor: &str,
) -> Result<(), Failure> {
    let issuer = upstream.settings.issuer.as_str();
    if rows::find_link(tx, issuer, subject).await?.is_some() {
        return Err(through::taken());
    }
    let another = "your account here is linked to another account there: unlink that one first";
    let link =
        UpstreamLinkRow { issuer: issuer.to_owned(), subject: subject.to_owned(), account, created: now };
    rows::add_link(tx, &link).await.map_err(|error| {
        if error.is_duplicate() {
            Failure::from(Rejected::conflict("upstream_linked_before", another))
        } else {
            error.into()
        }
    })?;
    let detail = detail(env, upstream.settings.id.as_str(), &link);
    write(env, tx, now, Kind::UpstreamLinked, actor, account, detail).await
}

/// What the log says of a link: who it is there is a name that others know them by, so its keyed hash stands for it.
fn detail(env: &Env, upstream: &str, link: &UpstreamLinkRow) -> serde_json::Value {
    let subject = env.secrets.index_of("upstream-subject", &format!("{}\n{}", link.issuer, link.subject));
    json!({ "upstream": upstream, "issuer": link.issuer, "subject_index": hex::encode(subject) })
}

async fn write(
    env: &Env,
    tx: &mut Tx,
    now: Timestamp,
    kind: Kind,
    actor: &str,
    account: Id<Account>,
    detail: serde_json::Value,
) -> Result<(), Failure> {
    let subject = account.to_string();
    log::write(env, tx, now, Act { kind, actor, subject: &subject, detail }).await?;
    Ok(())
}

/// Whoever came is given a new account, and is logged in to it; and what goes on.
pub async fn create(
    env: &Env,
    now: Timestamp,
    arrival: &str,
    arriving: Arriving,
) -> Result<(LoggedIn, String), Failure> {
    let (upstream, row, arrived) =
        find(env, now, &arriving.browser, arrival, arriving.login.as_ref()).await?;
    if !may_create(upstream, row.account) {
        let message = "who comes through this provider needs an account here: ask for one, and link it";
        return Err(Rejected::forbidden("no_account_made", message).into());
    }
    let id = Id::<Account>::new(now, env.entropy.as_ref());
    let prepared = prepare(env, id, upstream, upstream.settings.rules.describe(&arrived.claims)).await?;
    let account = people::row(&prepared, id, now);
    let strong = Strong { acr: arrived.acr.as_deref(), amr: &arrived.amr, at: arrived.authenticated };
    let opening = through::opening(env, now, upstream, &account, strong, arriving).await?;
    let there = There { subject: &arrived.subject, sid: arrived.sid.as_deref() };
    let actor = format!("upstream:{}", upstream.settings.id.as_str());
    let mut tx = env.db.begin().await?;
    if !rows::finish(&mut tx, &sessions::hash(arrival), now).await? {
        return Err(over().into());
    }
    people::add_account(env, &mut tx, now, &actor, &prepared, id).await?;
    add_link(env, &mut tx, now, upstream, &arrived.subject, id, &actor).await?;
    let opened = through::open_in(env, &mut tx, now, upstream, account, opening, there).await?;
    // COMMIT POINT: account, link, session and their entries.
    tx.commit().await?;
    Ok((opened.note(env, now), row.flow))
}

async fn prepare(
    env: &Env,
    id: Id<Account>,
    upstream: &Upstream,
    described: Described,
) -> Result<Prepared, Failure> {
    let user_name = free_name(env, described.user_name.as_deref(), upstream.settings.id.as_str()).await?;
    let display_name = match described.name {
        Some(name) => name,
        None => user_name.as_str().parse().map_err(|_| Fault::message("a login name that is no name"))?,
    };
    let id_number = described.id_number.map(|number| people::seal_id_number(env, id, &number)).transpose()?;
    // What is no address and no number here is left out: it must not keep anybody from coming in.
    let kept = |description: SelfDescription| {
        self_description::seal(env, id, &description).is_ok().then_some(description)
    };
    let email = described.email.map(Claimed::unverified);
    let email = kept(SelfDescription { email, ..SelfDescription::default() });
    let phone = described.phone.map(Claimed::unverified);
    let phone = kept(SelfDescription { phone, ..SelfDescription::default() });
    let description = SelfDescription {
        email: email.and_then(|description| description.email),
        phone: phone.and_then(|description| description.phone),
        ..SelfDescription::default()
    };
    Ok(Prepared {
        user_name,
        display_name,
        password_hash: None,
        id_number,
        real_name: described.real_name,
        sample: false,
        description: self_description::seal(env, id, &description)?,
    })
}

/// A user name that nobody has: what they are called there, at the provider. So no provider can take the name of somebody here.
async fn free_name(env: &Env, there: Option<&str>, upstream: &str) -> Result<LoginName, Failure> {
    let suffix = base::entropy::token(env.entropy.as_ref()).to_ascii_lowercase();
    let suffix: String = suffix.chars().filter(char::is_ascii_alphanumeric).take(SUFFIX_CHARS).collect();
    let longest = LOGIN_NAME_MAX_CHARS - upstream.len() - SUFFIX_CHARS - 2;
    let good = |c: &char| c.is_ascii_alphanumeric() || "._+-".contains(*c);
    let there = there.unwrap_or_default();
    let plain: String =
        there.split('@').next().unwrap_or_default().chars().filter(good).take(longest).collect();
    let plain = plain.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let candidates = match plain {
        "" => vec![format!("{suffix}@{upstream}")],
        name => vec![format!("{name}@{upstream}"), format!("{name}-{suffix}@{upstream}")],
    };
    for candidate in candidates {
        let name: LoginName = candidate.parse().map_err(|e| Fault::message(format!("{e}")))?;
        if accounts::find_by_user_name(&mut *env.db.read().await?, name.as_str()).await?.is_none() {
            return Ok(name);
        }
    }
    Err(Rejected::conflict("account_exists", "an account with this user name exists: try again").into())
}

/// Somebody who is logged in wants to link their account at `upstream`: the address there to which the browser goes.
pub async fn begin(
    env: &Env,
    now: Timestamp,
    login: &Login,
    beginning: Beginning<'_>,
) -> Result<Url, Failure> {
    require_recent(login, now)?;
    // Also there they show that it is them, and not who used the browser before.
    let wish = LoginWish { again: true, ..beginning.wish };
    through::begin(env, now, Beginning { account: Some(login.account.id), wish, ..beginning }).await
}

/// A link of an account, and the provider's short name, when it is still one.
pub struct Link {
    /// The link.
    pub row: UpstreamLinkRow,
    /// The provider's short name.
    pub upstream: Option<String>,
}

/// The links of `account`.
pub async fn links_of(env: &Env, account: Id<Account>) -> Result<Vec<Link>, Fault> {
    let rows = rows::links_of(&mut *env.db.read().await?, account).await?;
    Ok(rows.into_iter().map(|row| Link { upstream: name_of(env, &row), row }).collect())
}

fn name_of(env: &Env, link: &UpstreamLinkRow) -> Option<String> {
    env.upstreams.of_issuer(&link.issuer).map(|upstream| upstream.settings.id.as_str().to_owned())
}

/// Takes the link of the person's account at `issuer` away. It ends nothing else: no session, no consent.
///
/// Refused when there would be no way in any more.
pub async fn unlink(env: &Env, now: Timestamp, login: &Login, issuer: &str) -> Result<(), Failure> {
    require_recent(login, now)?;
    let account = login.account.id;
    let mut tx = env.db.begin().await?;
    // Held: of two that are taken away at once, the second sees that the first is gone.
    if !accounts::hold_active(&mut tx, account).await? {
        return Err(Rejected::forbidden("account_disabled", "your account may not be used").into());
    }
    let links = rows::links_of(&mut tx, account).await?;
    let unknown = || Rejected::not_found("no_such_link", format!("you have no account linked at `{issuer}`"));
    let link = links.iter().find(|link| link.issuer == issuer).ok_or_else(unknown)?;
    let row = accounts::lookup(&mut tx, account).await?;
    let has_password = row.is_some_and(|account| account.password_hash.is_some());
    let another = links.iter().any(|other| other.issuer != issuer && name_of(env, other).is_some());
    if !has_password && !another {
        let message = "this is the only way into your account, which has no password";
        return Err(Rejected::conflict("only_way_in", message).into());
    }
    if !rows::remove_link(&mut tx, account, issuer).await? {
        return Err(unknown().into());
    }
    let name = name_of(env, link).unwrap_or_default();
    let actor = account.to_string();
    write(env, &mut tx, now, Kind::UpstreamUnlinked, &actor, account, detail(env, &name, link)).await?;
    // COMMIT POINT: the link is gone, and the log says so.
    tx.commit().await?;
    Ok(())
}
