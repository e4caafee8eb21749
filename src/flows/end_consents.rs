//! What people gave an application ends: because its registration is not any more what they said yes to, or because it is gone.
//!
//! The one place for it, whoever changed the registration: two officials ([`crate::request_application`]) or the application itself
//! ([`crate::register_client`]). The rule is [`oidc::registration_change`].

use base::id::Grant;
use base::{Id, Timestamp};
use oidc::{Registration, registration_change};
use store::Tx;
use store::rows::{applications, clients};

use crate::error::Fault;

/// Ends what was given if the change from `before` to `after` asks for that; the grants that ended, which must be noted after the commit.
pub(crate) async fn after_change(
    tx: &mut Tx,
    now: Timestamp,
    client_id: &str,
    before: &Registration,
    after: &Registration,
) -> Result<Vec<Id<Grant>>, Fault> {
    match registration_change::ends_what_was_given(before, after) {
        Some(why) => all(tx, now, client_id, why).await,
        None => Ok(Vec::new()),
    }
}

/// Ends everything that was given; the grants that ended, which must be noted after the commit.
pub(crate) async fn all(
    tx: &mut Tx,
    now: Timestamp,
    client_id: &str,
    why: &str,
) -> Result<Vec<Id<Grant>>, Fault> {
    // The consents first: whoever gives a code at this moment holds theirs, and is waited for, so that the grant is found below.
    clients::withdraw_all(tx, client_id, now).await?;
    Ok(applications::take_back(tx, client_id, why, now).await?)
}
