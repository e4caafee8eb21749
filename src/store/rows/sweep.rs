//! Rows whose time is over, taken away a few at a time.

use base::Timestamp;

use crate::db::{Tx, run};
use crate::error::StoreError;

const PUSHED: &str = "DELETE FROM pushed_request WHERE name_hash IN \
     (SELECT name_hash FROM pushed_request WHERE expires_us < $1 LIMIT 500)";
const JTIS: &str = "DELETE FROM used_jti WHERE jti_hash IN \
     (SELECT jti_hash FROM used_jti WHERE expires_us < $1 LIMIT 500)";
const REVOKED: &str = "DELETE FROM revoked_token WHERE jti IN \
     (SELECT jti FROM revoked_token WHERE expires_us < $1 LIMIT 500)";
const CODES: &str = "DELETE FROM authorization_code WHERE code_hash IN \
     (SELECT code_hash FROM authorization_code WHERE expires_us < $1 LIMIT 500)";
const REFRESH_TOKENS: &str = "DELETE FROM refresh_token WHERE token_hash IN \
     (SELECT token_hash FROM refresh_token WHERE expires_us < $1 LIMIT 500)";
const OPAQUE_TOKENS: &str = "DELETE FROM opaque_token WHERE token_hash IN \
     (SELECT token_hash FROM opaque_token WHERE expires_us < $1 LIMIT 500)";
const LOGIN_FAILURES: &str =
    "DELETE FROM login_failure WHERE id IN (SELECT id FROM login_failure WHERE at_us < $1 LIMIT 500)";
const NOTICES: &str = "DELETE FROM logout_notice WHERE id IN \
     (SELECT id FROM logout_notice WHERE ended_us IS NOT NULL AND ended_us < $1 LIMIT 500)";
const DEFERRED: &str = "DELETE FROM deferred_request WHERE id IN \
     (SELECT id FROM deferred_request WHERE expires_us < $1 LIMIT 500)";
const UPSTREAM_LOGINS: &str = "DELETE FROM upstream_login WHERE state_hash IN \
     (SELECT state_hash FROM upstream_login WHERE expires_us < $1 LIMIT 500)";
const GRANTS: &str = "DELETE FROM auth_grant WHERE id IN (SELECT id FROM auth_grant WHERE expires_us < $1 \
     AND NOT EXISTS (SELECT 1 FROM authorization_code c WHERE c.grant_id = auth_grant.id) \
     AND NOT EXISTS (SELECT 1 FROM refresh_token r WHERE r.grant_id = auth_grant.id) \
     AND NOT EXISTS (SELECT 1 FROM deferred_request d WHERE d.grant_id = auth_grant.id) LIMIT 500)";
const SESSIONS: &str = "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE kept_us < $1 \
     AND NOT EXISTS (SELECT 1 FROM auth_grant g WHERE g.session_id = session.id) \
     AND NOT EXISTS (SELECT 1 FROM logout_notice n WHERE n.session_id = session.id) LIMIT 500)";
const INITIAL_ACCESS: &str = "DELETE FROM initial_access WHERE id IN \
     (SELECT id FROM initial_access WHERE expires_us < $1 LIMIT 500)";
const DOCUMENTS: &str = "DELETE FROM client WHERE document_us < $1 AND id IN \
     (SELECT id FROM client WHERE document_us < $1 AND state = 'active' \
     AND NOT EXISTS (SELECT 1 FROM consent WHERE consent.client_id = client.id) \
     AND NOT EXISTS (SELECT 1 FROM auth_grant WHERE auth_grant.client_id = client.id) \
     AND NOT EXISTS (SELECT 1 FROM pushed_request WHERE pushed_request.client_id = client.id) \
     AND NOT EXISTS (SELECT 1 FROM deferred_request WHERE deferred_request.client_id = client.id) \
     AND NOT EXISTS (SELECT 1 FROM logout_notice WHERE logout_notice.client_id = client.id) LIMIT 500)";

/// The statements of this file.
pub const STATEMENTS: &[&str] = &[
    PUSHED,
    JTIS,
    REVOKED,
    CODES,
    REFRESH_TOKENS,
    OPAQUE_TOKENS,
    LOGIN_FAILURES,
    NOTICES,
    DEFERRED,
    UPSTREAM_LOGINS,
    GRANTS,
    SESSIONS,
    INITIAL_ACCESS,
    DOCUMENTS,
];

/// What is swept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pile {
    /// Pushed requests.
    PushedRequests,
    /// Identifiers of assertions and proofs.
    Jtis,
    /// Access tokens taken back.
    RevokedTokens,
    /// Authorization codes.
    Codes,
    /// Refresh tokens.
    RefreshTokens,
    /// Opaque access tokens.
    OpaqueTokens,
    /// Failed logins.
    LoginFailures,
    /// Logout notices that ended.
    LogoutNotices,
    /// Requests that a person answers elsewhere.
    DeferredRequests,
    /// Logins at upstream providers.
    UpstreamLogins,
    /// Grants, by the end of their longest life; those that something still refers to stay.
    Grants,
    /// Sessions, by the end of what they are kept for; those that something still refers to stay.
    Sessions,
    /// Initial access tokens.
    InitialAccess,
    /// Applications whose registration is a document, and that nobody let have anything. Their time begins when the document was last held.
    DocumentClients,
}

impl Pile {
    /// Every pile, those that refer to others first.
    pub const ALL: [Self; 14] = [
        Self::PushedRequests,
        Self::Jtis,
        Self::RevokedTokens,
        Self::Codes,
        Self::RefreshTokens,
        Self::OpaqueTokens,
        Self::LoginFailures,
        Self::LogoutNotices,
        Self::DeferredRequests,
        Self::UpstreamLogins,
        Self::Grants,
        Self::Sessions,
        Self::InitialAccess,
        Self::DocumentClients,
    ];
}

/// Takes away at most 500 rows of `pile` whose time was over before `before`; how many there were.
pub async fn sweep(tx: &mut Tx, pile: Pile, before: Timestamp) -> Result<u64, StoreError> {
    match pile {
        Pile::PushedRequests => run!(tx, PUSHED, before.us()),
        Pile::Jtis => run!(tx, JTIS, before.us()),
        Pile::RevokedTokens => run!(tx, REVOKED, before.us()),
        Pile::Codes => run!(tx, CODES, before.us()),
        Pile::RefreshTokens => run!(tx, REFRESH_TOKENS, before.us()),
        Pile::OpaqueTokens => run!(tx, OPAQUE_TOKENS, before.us()),
        Pile::LoginFailures => run!(tx, LOGIN_FAILURES, before.us()),
        Pile::LogoutNotices => run!(tx, NOTICES, before.us()),
        Pile::DeferredRequests => run!(tx, DEFERRED, before.us()),
        Pile::UpstreamLogins => run!(tx, UPSTREAM_LOGINS, before.us()),
        Pile::Grants => run!(tx, GRANTS, before.us()),
        Pile::Sessions => run!(tx, SESSIONS, before.us()),
        Pile::InitialAccess => run!(tx, INITIAL_ACCESS, before.us()),
        Pile::DocumentClients => run!(tx, DOCUMENTS, before.us()),
    }
}
