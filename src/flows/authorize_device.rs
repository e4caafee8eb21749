//! Device authorization (RFC 8628): a device shows a code, and its owner types it where they are logged in.

use base::id::DeferredRequest;
use base::{Id, Timestamp};
use identity::throttle::Network;
use oidc::OauthError;
use oidc::deferred::Channel;
use oidc::device::{self as rules, DeviceAuthorization, UserCode};
use oidc::lifetimes::{DEFERRED_REQUEST_TTL_SECONDS, POLL_INTERVAL_SECONDS};
use store::rows::deferred::{self as rows, DeferredRow, Keys};
use store::rows::throttle as failures;

use crate::client_request::{self, ClientRequest};
use crate::deferred::{self, Question};
use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};
use crate::log_in::{self, Who};
use crate::sessions::Login;

/// Most requests of one application from one network that are kept at a time.
const KEPT_MAX_COUNT: i64 = 100;
/// How often another user code is drawn when one is taken.
const DRAWS_MAX_COUNT: u32 = 8;

/// A device asks (RFC 8628, 3.1).
pub async fn begin(
    env: &Env,
    now: Timestamp,
    request: ClientRequest<'_>,
    network: Network,
) -> Result<DeviceAuthorization, Failure<OauthError>> {
    let sender = client_request::authenticate(env, now, request).await?;
    let asked = rules::check_request(&sender.params, &sender.client)?;
    let device_code = base::entropy::token(env.entropy.as_ref());
    let code_hash = gm::sm3::hash(device_code.as_bytes());
    let row = DeferredRow {
        id: Id::<DeferredRequest>::new(now, env.entropy.as_ref()),
        channel: Channel::Device.as_str().to_owned(),
        client_id: sender.client.id.as_str().to_owned(),
        account: None,
        asked: serde_json::to_string(&asked)?,
        network: network.to_string(),
        created: now,
        expires: now.plus_seconds(DEFERRED_REQUEST_TTL_SECONDS),
        answer: None,
        grant: None,
        consumed: None,
    };
    let mut tx = env.db.begin().await?;
    if rows::count_of_client(&mut tx, &row.client_id, &row.network, now).await? >= KEPT_MAX_COUNT {
        return Err(rules::too_many().into());
    }
    for _ in 0..DRAWS_MAX_COUNT {
        let user_code = UserCode::new(env.entropy.as_ref());
        let index = index_of(env, &user_code);
        let keys = Keys {
            code_hash: &code_hash,
            user_code_index: Some(&index),
            interval_seconds: POLL_INTERVAL_SECONDS,
            ping_token_sealed: None,
        };
        if rows::add(&mut tx, &row, keys).await? {
            // COMMIT POINT: the codes are told only for a request that is kept.
            tx.commit().await?;
            return Ok(DeviceAuthorization::new(&env.settings.issuer, device_code, &user_code));
        }
    }
    Err(Fault::message(format!("no free user code in {DRAWS_MAX_COUNT} draws")).into())
}

/// The request whose code the person typed, if it waits for an answer.
///
/// A try is counted before the code is looked at, for the person and for the network, and taken back when the code was right: who has
/// a code of their own guesses no more often for it (RFC 8628, 5.1).
pub async fn look(
    env: &Env,
    now: Timestamp,
    login: &Login,
    network: Network,
    typed: &str,
) -> Result<Question, Failure> {
    let who = Who {
        account_key: env.secrets.index_of("device-code", &login.account.id.to_string()),
        // Apart from those who mistype passwords there.
        network: format!("device-code {network}"),
        known_device: None,
    };
    let counted = log_in::count(env, now, &who, "codes").await?;
    let wrong = || {
        let message = "there is no such code, or its time is over: look at the device again";
        Rejected::unprocessable("wrong_user_code", message)
    };
    let user_code: UserCode = typed.parse().map_err(|_| wrong())?;
    let index = index_of(env, &user_code);
    let row = rows::find_by_user_code(&mut *env.db.read().await?, &index).await?.ok_or_else(wrong)?;
    let question = Question::open(env, now, row).await?.ok_or_else(wrong)?;
    let mut tx = env.db.begin().await?;
    failures::take_back(&mut tx, counted).await?;
    tx.commit().await?;
    Ok(question)
}

/// The person at the page says yes, or no.
pub async fn answer(
    env: &Env,
    now: Timestamp,
    login: &Login,
    network: Network,
    typed: &str,
    allowed: bool,
) -> Result<Question, Failure> {
    let question = look(env, now, login, network, typed).await?;
    if allowed {
        deferred::allow(env, now, login, &question).await?;
    } else {
        deferred::deny(env, now, &question).await?;
    }
    Ok(question)
}

fn index_of(env: &Env, user_code: &UserCode) -> [u8; 32] {
    env.secrets.index_of("user-code", user_code.letters())
}
