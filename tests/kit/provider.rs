//! An upstream provider that says whatever a story wants: the truth, or what must not be believed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;
use url::form_urlencoded;

use super::keys::{ClientKey, fresh, put_over};

/// What our side is called there.
pub(crate) const CLIENT_ID: &str = "province";

/// A provider on this machine, until dropped.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    pub(crate) key: ClientKey,
    desk: Arc<Desk>,
}

/// The Authorization header, and the form.
type Asked = (String, Vec<(String, String)>);

#[derive(Default)]
struct Desk {
    metadata: Mutex<Value>,
    jwks: Mutex<Value>,
    /// Codes, and what is given for them: status and answer.
    given: Mutex<HashMap<String, (u16, Value)>>,
    user_info: Mutex<Value>,
    /// What came with the codes.
    asked: Mutex<Vec<Asked>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Provider {
    /// A provider with a key of its own.
    pub(crate) async fn opens() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let key = ClientKey::new("first");
        let desk = Arc::new(Desk::default());
        *lock(&desk.metadata) = json!({
            "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"), "userinfo_endpoint": format!("{issuer}/userinfo"),
            "jwks_uri": format!("{issuer}/jwks"), "response_types_supported": ["code"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256"],
        });
        *lock(&desk.jwks) = key.jwks();
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .route("/userinfo", get(user_info))
            .with_state(Arc::clone(&desk));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { issuer, key, desk }
    }

    /// Its metadata have these members too.
    pub(crate) fn announces(&self, members: &Value) {
        put_over(&mut lock(&self.desk.metadata), members);
    }

    /// From now on it publishes this key, and none else.
    pub(crate) fn publishes(&self, key: &ClientKey) {
        *lock(&self.desk.jwks) = key.jwks();
    }

    /// What its userinfo endpoint says.
    pub(crate) fn knows(&self, user_info: Value) {
        *lock(&self.desk.user_info) = user_info;
    }

    /// What came last to its token endpoint: the Authorization header, and the form.
    pub(crate) fn was_asked(&self) -> Asked {
        lock(&self.desk.asked).last().cloned().expect("somebody asked")
    }

    /// The ID token that the request `asked` wants at `now`, about `subject`, with the members of `over` put over it (null takes one away).
    pub(crate) fn id_token(&self, asked: &Url, now: Timestamp, subject: &str, over: &Value) -> Value {
        let now = now.unix_seconds();
        let mut claims = json!({
            "iss": self.issuer, "sub": subject, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "auth_time": now,
            "nonce": parameter(asked, "nonce"),
        });
        put_over(&mut claims, over);
        claims
    }

    /// The answer to `asked` with a code for which `id_token` is given.
    pub(crate) fn gives(&self, asked: &Url, id_token: &str) -> String {
        let answer = json!({ "access_token": fresh(), "token_type": "Bearer", "expires_in": 60, "id_token": id_token });
        self.gives_what(asked, 200, answer)
    }

    /// The answer to `asked` with a code for which the token endpoint answers this.
    pub(crate) fn gives_what(&self, asked: &Url, status: u16, answer: Value) -> String {
        let code = fresh();
        lock(&self.desk.given).insert(code.clone(), (status, answer));
        self.answers(asked, &[("code", &code)])
    }

    /// The answer to `asked` with these parameters, `state` and `iss`.
    pub(crate) fn answers(&self, asked: &Url, parameters: &[(&str, &str)]) -> String {
        let mut url = Url::parse(&parameter(asked, "redirect_uri")).unwrap();
        url.query_pairs_mut()
            .extend_pairs(parameters)
            .append_pair("state", &parameter(asked, "state"))
            .append_pair("iss", &self.issuer);
        url.into()
    }
}

/// The parameter `name` of `url`.
pub(crate) fn parameter(url: &Url, name: &str) -> String {
    let found = url.query_pairs().find(|(n, _)| n == name);
    found.unwrap_or_else(|| panic!("no `{name}` in {url}")).1.into_owned()
}

fn answer(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

async fn metadata(State(desk): State<Arc<Desk>>) -> Response {
    answer(200, &lock(&desk.metadata))
}

async fn jwks(State(desk): State<Arc<Desk>>) -> Response {
    answer(200, &lock(&desk.jwks))
}

async fn token(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: String) -> Response {
    let form: Vec<_> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let code = form.iter().find(|(name, _)| name == "code").map(|(_, code)| code.clone()).unwrap_or_default();
    let authorization = headers.get(header::AUTHORIZATION).map_or("", |value| value.to_str().unwrap());
    lock(&desk.asked).push((authorization.to_owned(), form));
    // A code is good once.
    let given = lock(&desk.given).remove(&code);
    let (status, given) = given.unwrap_or_else(|| (400, json!({ "error": "invalid_grant" })));
    answer(status, &given)
}

async fn user_info(State(desk): State<Arc<Desk>>) -> Response {
    answer(200, &lock(&desk.user_info))
}
