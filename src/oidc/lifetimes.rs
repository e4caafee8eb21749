//! How long each thing lives, in seconds.

/// An authorization code (RFC 9700, 2.1.1; ASVS 5.0 V10.4.3 level 3; FAPI 2.0, 5.3.2.1: at most 60).
pub const CODE_TTL_SECONDS: i64 = 60;
/// An access token (RFC 9700, 4.10: short; at most ten minutes here).
pub const ACCESS_TOKEN_TTL_SECONDS: i64 = 600;
/// An ID token: read once by the client right after it is issued.
pub const ID_TOKEN_TTL_SECONDS: i64 = 600;
/// A refresh token that is not used.
pub const REFRESH_IDLE_SECONDS: i64 = 14 * 86_400;
/// A refresh token's whole family, however often it is used (ASVS 5.0 V10.4.8).
pub const REFRESH_ABSOLUTE_SECONDS: i64 = 90 * 86_400;
/// A login session in the browser, however often it is used (ASVS 5.0 V7.3.2).
pub const SESSION_ABSOLUTE_SECONDS: i64 = 12 * 3_600;
/// A pushed authorization request that no browser has brought yet (RFC 9126, 2.2; FAPI 2.0 Security Profile, 5.3.2.2: under 600).
pub const PUSHED_REQUEST_TTL_SECONDS: i64 = 90;
/// A request that a person answers elsewhere: on another device, or asked by us (RFC 8628, 3.2).
pub const DEFERRED_REQUEST_TTL_SECONDS: i64 = 600;
/// How long a client waits between two polls, at first (RFC 8628, 3.2).
pub const POLL_INTERVAL_SECONDS: i64 = 5;
/// How much longer it waits each time it polled too soon (RFC 8628, 3.5).
pub const SLOW_DOWN_SECONDS: i64 = 5;
/// A signed answer of the authorization endpoint (JARM, 2.1: at most ten minutes).
pub const SIGNED_RESPONSE_TTL_SECONDS: i64 = 300;
/// How long after its use a refresh token still gets the same successor, for a second tab or a lost answer.
pub const REFRESH_GRACE_SECONDS: i64 = 30;
/// An authorization request that waits for the person at the login and consent pages.
pub const INTERACTION_TTL_SECONDS: i64 = 30 * 60;
/// How long after its expiry an ID token still names a session in `id_token_hint`.
pub const ID_TOKEN_HINT_MAX_AGE_SECONDS: i64 = REFRESH_ABSOLUTE_SECONDS;
/// A login at an upstream provider: from the button here until the browser is back.
pub const UPSTREAM_LOGIN_TTL_SECONDS: i64 = 600;
/// How long after its return from an upstream provider a stranger may still say which account is theirs.
pub const UPSTREAM_ARRIVAL_TTL_SECONDS: i64 = INTERACTION_TTL_SECONDS;
