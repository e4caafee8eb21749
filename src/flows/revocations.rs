//! What was taken back while access tokens of it may still be about.
//!
//! An access token is good while its signature and its time are, and while nobody took it, or the grant it came from, back. What was
//! taken back within an access token's life is little, so every node holds it in memory: its own at once, after the commit and before
//! the answer; other nodes' when it next reads them. A node that has not read for too long asks the database for each token.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use base::id::Grant;
use base::{Id, Timestamp};
use oidc::lifetimes::ACCESS_TOKEN_TTL_SECONDS;
use store::rows::revocations::{self as rows, After};

use crate::env::Env;
use crate::error::Fault;

/// How much longer than an access token a revocation is held, in seconds: clocks differ.
const MARGIN_SECONDS: i64 = 60;
/// How far back a reading looks before the one before, in seconds: a request may take two minutes from its time to its commit, and clocks
/// differ.
const OVERLAP_SECONDS: i64 = 150;
/// A node that has not read for so long asks the database.
const STALE_SECONDS: i64 = 5;

/// What was taken back lately.
#[derive(Default)]
pub struct Revocations(RwLock<Held>);

#[derive(Default)]
struct Held {
    grants: HashMap<Id<Grant>, Timestamp>,
    tokens: HashMap<String, Timestamp>,
    /// When this node last read what all nodes wrote.
    read: Option<Timestamp>,
}

impl Revocations {
    /// Notes that `grants` were taken back, in a transaction that was committed.
    pub(crate) fn note_grants(&self, grants: impl IntoIterator<Item = Id<Grant>>, now: Timestamp) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        held.grants.extend(grants.into_iter().map(|grant| (grant, now)));
    }

    /// Notes that the access token `jti` was taken back, in a transaction that was committed.
    pub(crate) fn note_token(&self, jti: &str, now: Timestamp) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        held.tokens.insert(jti.to_owned(), now);
    }

    /// Whether the access token `jti` was taken back; `None` when this node must ask the database.
    pub(crate) fn is_revoked(&self, jti: &str, grant: Option<Id<Grant>>, now: Timestamp) -> Option<bool> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if held.tokens.contains_key(jti) || grant.is_some_and(|grant| held.grants.contains_key(&grant)) {
            return Some(true);
        }
        let fresh = held.read.is_some_and(|read| read <= now && now < read.plus_seconds(STALE_SECONDS));
        fresh.then_some(false)
    }
}

/// Reads what all nodes took back since the last reading, and lets go of what no access token can be of any more.
pub async fn read(env: &Env, now: Timestamp) -> Result<(), Fault> {
    let last = env.revocations.0.read().unwrap_or_else(PoisonError::into_inner).read;
    let oldest = now.plus_seconds(-(ACCESS_TOKEN_TTL_SECONDS + MARGIN_SECONDS));
    let since = last.map_or(oldest, |read| read.plus_seconds(-OVERLAP_SECONDS));
    let mut conn = env.db.read().await?;
    let (mut grants, mut tokens) = (Vec::new(), Vec::new());
    let mut after = Some(After::all_since(since));
    while let Some(from) = after {
        let page = rows::grants_since(&mut conn, &from).await?;
        grants.extend(page.taken_back);
        after = page.next;
    }
    after = Some(After::all_since(since));
    while let Some(from) = after {
        let page = rows::tokens_since(&mut conn, &from).await?;
        tokens.extend(page.taken_back);
        after = page.next;
    }
    let mut held = env.revocations.0.write().unwrap_or_else(PoisonError::into_inner);
    held.grants.extend(grants);
    held.tokens.extend(tokens);
    held.grants.retain(|_, at| *at >= oldest);
    held.tokens.retain(|_, at| *at >= oldest);
    held.read = Some(now);
    Ok(())
}
