//! AuthZEN Authorization API 1.0: evaluation, evaluations, discovery.

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base::Timestamp;
use flows::caller::{self, scope};
use flows::{Failure, Reason, Rejected, decide};
use serde::Serialize;

use crate::App;
use crate::body::{self, Received};
use crate::problem::{self, Problem};
use crate::visitor::{AccessToken, Named, Now};

/// The routes of this file.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/access/v1/evaluation", post(evaluation_main))
        .route("/access/v1/evaluations", post(evaluations_main))
        .route("/pdp/{store}/access/v1/evaluation", post(evaluation))
        .route("/pdp/{store}/access/v1/evaluations", post(evaluations))
        .route("/.well-known/authzen-configuration", get(metadata_main))
        .route("/.well-known/authzen-configuration/pdp/{store}", get(metadata))
        .layer(DefaultBodyLimit::max(policy::authzen::MAX_BODY_BYTES))
}

const MAIN: &str = policy::vocabulary::STORE;

async fn evaluation_main(
    state: State<App>,
    now: Now,
    bearer: AccessToken,
    headers: HeaderMap,
    received: Received,
) -> Response {
    evaluation(state, now, bearer, Named(MAIN.to_owned()), headers, received).await
}

async fn evaluation(
    State(app): State<App>,
    Now(now): Now,
    bearer: AccessToken,
    Named(store): Named<String>,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let decided = async {
        let (caller, body) = request(&app, now, bearer, &headers, received).await?;
        decide::evaluate(&app.env, now, &caller, &store, &body).await
    };
    answer(decided.await)
}

async fn evaluations_main(
    state: State<App>,
    now: Now,
    bearer: AccessToken,
    headers: HeaderMap,
    received: Received,
) -> Response {
    evaluations(state, now, bearer, Named(MAIN.to_owned()), headers, received).await
}

async fn evaluations(
    State(app): State<App>,
    Now(now): Now,
    bearer: AccessToken,
    Named(store): Named<String>,
    headers: HeaderMap,
    received: Received,
) -> Response {
    let decided = async {
        let (caller, body) = request(&app, now, bearer, &headers, received).await?;
        decide::evaluate_many(&app.env, now, &caller, &store, &body).await
    };
    answer(decided.await)
}

async fn request(
    app: &App,
    now: Timestamp,
    AccessToken(token): AccessToken,
    headers: &HeaderMap,
    received: Received,
) -> Result<(flows::Caller, axum::body::Bytes), Failure> {
    let caller = caller::authenticate(&app.env, now, &token, scope::DECIDE).await?;
    if !body::is_type(headers, "application/json") {
        return Err(
            Rejected::bad_request("invalid_request", "expected content type `application/json`").into()
        );
    }
    Ok((caller, body::bytes(received)?))
}

/// A decision is 200 whatever it is; errors carry their message as the body (10.1.3).
fn answer<T: Serialize>(decided: Result<T, Failure>) -> Response {
    match decided {
        Ok(decision) => axum::Json(decision).into_response(),
        Err(Failure::Rejected(rejected)) if rejected.reason == Reason::BadRequest => {
            tracing::info!("evaluation request refused: {}", rejected.message);
            let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
            (problem::status(rejected.reason), plain, rejected.message).into_response()
        }
        Err(failure) => Problem(failure).into_response(),
    }
}

async fn metadata_main(State(app): State<App>) -> Response {
    axum::Json(policy::authzen::metadata(app.env.settings.issuer.as_str())).into_response()
}

async fn metadata(State(app): State<App>, Named(store): Named<String>) -> Result<Response, Problem> {
    if !app.env.policies.stores().any(|(name, _)| name == store) {
        let message = format!("there is no policy store `{store}`");
        return Err(Rejected::not_found("no_such_policy_store", message).into());
    }
    let base = app.env.settings.issuer.url(&format!("/pdp/{store}"));
    Ok(axum::Json(policy::authzen::metadata(&base)).into_response())
}
