//! What tells applications' pages that the login in the browser has changed (OIDC Session Management 1.0).

use base::Id;
use base::encoding::base64url;
use base::id::Session;
use oidc::authorize::AuthorizationRequest;
use oidc::session_state;
use store::rows::sessions::SessionRow;

use crate::env::Env;

/// The cookie that stands for a login towards scripts: it follows from the session and leads to nothing.
pub fn browser_state(env: &Env, session: Id<Session>) -> String {
    let mac = gm::hmac::hmac_sm3(
        env.secrets.forms.expose(),
        &[b"session-state", &[0], session.to_string().as_bytes()],
    );
    let (half, _) = mac.split_at(16);
    base64url(half)
}

/// The `session_state` that goes with the answer to `request`.
pub(crate) fn of(env: &Env, request: &AuthorizationRequest, session: &SessionRow) -> Option<String> {
    let salt = base64url(&base::entropy::bytes::<12>(env.entropy.as_ref()));
    let state = browser_state(env, session.id);
    let wanted = request.is_openid() && !request.response_mode.is_signed();
    wanted.then(|| session_state::value(&request.client_id, &request.redirect_uri, &state, &salt)).flatten()
}
