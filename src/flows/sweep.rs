//! Takes away what has had its time, a few rows at a time, so that the database does not grow with every login.

use base::Timestamp;
use identity::throttle::WINDOW_SECONDS;
use oidc::lifetimes::{INTERACTION_TTL_SECONDS, REFRESH_GRACE_SECONDS, REFRESH_IDLE_SECONDS};
use store::rows::sweep::{self, Pile};

use crate::env::Env;
use crate::error::Fault;

/// How long used codes are kept after their time, so that one that is shown again is recognized, in seconds.
const CODES_KEPT_SECONDS: i64 = 7 * 86_400;
/// How long notices are kept after they ended, in seconds.
const NOTICES_KEPT_SECONDS: i64 = 30 * 86_400;
/// How long requests that are answered elsewhere are kept after their time, in seconds: whoever polls for an hour is told why, and a
/// person is not asked more often because old requests are forgotten.
const DEFERRED_KEPT_SECONDS: i64 = 3_600;
/// How long grants are kept after their time, in seconds: the last of their refresh tokens is gone by then, and so are their codes.
const GRANTS_KEPT_SECONDS: i64 = REFRESH_IDLE_SECONDS + 86_400;
/// How long sessions are kept after their time and that of their grants, in seconds: the notices of their end are gone by then.
const SESSIONS_KEPT_SECONDS: i64 = NOTICES_KEPT_SECONDS + 2 * 86_400;
/// How long initial access tokens are kept after their time, in seconds: whoever looks at the list sees what became of them.
const INITIAL_ACCESS_KEPT_SECONDS: i64 = 90 * 86_400;
/// How long an application is kept whose registration is a document, and that nobody let have anything, in seconds.
const DOCUMENT_CLIENTS_KEPT_SECONDS: i64 = 86_400;

/// Sweeps every pile; how many rows were taken away. One that cannot be swept keeps nobody from the others.
pub async fn sweep(env: &Env, now: Timestamp) -> Result<u64, Fault> {
    let mut all = Ok(0);
    for pile in Pile::ALL {
        let swept = sweep_pile(env, now, pile).await;
        all = all.and_then(|taken| Ok(taken + swept?));
    }
    all
}

async fn sweep_pile(env: &Env, now: Timestamp, pile: Pile) -> Result<u64, Fault> {
    let before = now.plus_seconds(-kept_seconds(pile));
    let mut taken = 0;
    loop {
        let mut tx = env.db.begin().await?;
        let portion = sweep::sweep(&mut tx, pile, before).await?;
        tx.commit().await?;
        if portion == 0 {
            return Ok(taken);
        }
        taken += portion;
    }
}

/// How long rows of a pile are kept after their time.
const fn kept_seconds(pile: Pile) -> i64 {
    match pile {
        Pile::PushedRequests => INTERACTION_TTL_SECONDS,
        Pile::Jtis | Pile::RevokedTokens | Pile::OpaqueTokens => 60,
        Pile::Codes => CODES_KEPT_SECONDS,
        Pile::RefreshTokens => REFRESH_GRACE_SECONDS,
        Pile::LoginFailures => WINDOW_SECONDS,
        Pile::LogoutNotices => NOTICES_KEPT_SECONDS,
        Pile::DeferredRequests => DEFERRED_KEPT_SECONDS,
        Pile::UpstreamLogins => 60,
        Pile::Grants => GRANTS_KEPT_SECONDS,
        Pile::Sessions => SESSIONS_KEPT_SECONDS,
        Pile::InitialAccess => INITIAL_ACCESS_KEPT_SECONDS,
        Pile::DocumentClients => DOCUMENT_CLIENTS_KEPT_SECONDS,
    }
}
