//! Seals, certificates, signals, applications, the log: the API of systems.

use audit::tile::TileId;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use base::Id;
use base::id::{Entry, Seal};
use flows::caller::{self, Authority, scope};
use flows::clients::{self, Registration};
use flows::ecerts::{self, Application};
use flows::initial_access::{self, Order, Standing};
use flows::log::Artefact;
use flows::make_seal::{self, NewSeal};
use flows::report_signal::{self, Report};
use flows::rotate_keys::{self, Rotation};
use flows::seal_document::{self, Place};
use flows::{Rejected, log, verify_file};
use serde::Deserialize;
use serde_json::json;

use crate::App;
use crate::body::{self, Received};
use crate::problem::Problem;
use crate::visitor::{AccessToken, Named, Now};

/// OFD's media type (GB/T 33190).
pub const OFD: &str = "application/ofd";
const SEALING: HeaderName = HeaderName::from_static("yinxin-sealing");
const LOG_ENTRY: HeaderName = HeaderName::from_static("yinxin-log-entry");

type Answer = Result<Response, Problem>;

/// The routes of this file.
pub fn routes() -> Router<App> {
    let json = Router::new()
        .route("/v1/signals", post(report))
        .route("/v1/clients", post(register_client))
        .route("/v1/initial-access-tokens", get(initial_access_tokens).post(initial_access_token))
        .route("/v1/initial-access-tokens/{id}", delete(withdraw_initial_access_token))
        .route("/v1/token-keys/rotate", post(rotate_token_keys))
        .route("/v1/seals", post(make))
        .route("/v1/seals/{id}/file", get(seal_file))
        .route("/v1/seals/{id}/state", post(seal_state))
        .route("/v1/certificates", post(issue))
        .route("/v1/certificates/{identifier}", get(standing))
        .route("/v1/certificates/{identifier}/file", get(certificate_file))
        .route("/v1/certificates/{identifier}/state", post(certificate_state))
        .route("/v1/certificate-types", get(certificate_types))
        .route("/v1/log/entries/{id}/proof", get(proof))
        .route("/v1/log/proof", get(artefact_proof))
        .route("/log/checkpoint", get(checkpoint))
        .route("/log/key", get(log_key))
        .route("/log/tile/{level}/{*path}", get(tile))
        .route("/pki/root.pem", get(root))
        .route("/pki/issuing.pem", get(issuing))
        .layer(DefaultBodyLimit::max(body::JSON_MAX_BYTES));
    let files = Router::new()
        .route("/v1/verify", post(verify))
        .route("/v1/seals/{id}/documents", post(seal_a_document))
        .layer(DefaultBodyLimit::max(body::FILE_MAX_BYTES));
    json.merge(files)
}

async fn report(
    State(app): State<App>,
    Now(now): Now,
    AccessToken(token): AccessToken,
    headers: HeaderMap,
    received: Received,
) -> Answer {
    let caller = caller::authenticate(&app.env, now, &token, scope::REPORT_SIGNAL).await?;
    let report: Report = body::json(&headers, received)?;
    let reported = report_signal::report(&app.env, now, &caller, report).await?;
    Ok((StatusCode::CREATED, axum::Json(reported)).into_response())
}

async fn register_client(
    State(app): State<App>,
    Now(now): Now,
    AccessToken(token): AccessToken,
    headers: HeaderMap,
    received: Received,
) -> Answer {
    let caller = caller::authenticate(&app.env, now, &token, scope::ADMINISTER).await?;
    let registration: Registration = body::json(&headers, received)?;
    let registered =
        clients::register(&app.env, now, Authority::Caller(&caller), &registration, false).await?;
    let mut answer = json!({ "client_id": registered.client.id });
    if let (Some(members), Some(secret)) = (answer.as_object_mut(), registered.secret) {
        members.insert("client_secret".to_owned(), json!(secret.expose()));
        members.insert("client_secret_expires_at".to_owned(), json!(0));
    }
    Ok((StatusCode::CREATED, axum::Json(answer)).into_response())
}

/// What a token for registration is to be good for.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct InitialAccess {
    expires_in: i64,
    #[serde(default = "usual_applications")]
    applications: u32,
    #[serde(default)]
    note: String,
}

const fn usual_applications() -> u32 {
    initial_access::APPLICATIONS_USUAL_COUNT
}

async fn initial_access_token(
    State(app): State<App>,
    Now(now): Now,
    AccessToken(token): AccessToken,
    headers: HeaderMap,
    received: Received,
) -> Answer {
    let caller = caller::authenticate(&app.env, now, &token, scope::ADMINISTER).await?;
    let InitialAccess { expires_in, applications, note } = body::json(&headers, received)?;
    let order = Order { ttl_seconds: expires_in, applications_max: applications, note };
    let given = initial_access::give(&app.env, now, Authority::Caller(&caller), order).await?;
    let answer = json!({
        "id": given.id, "initial_access_token": given.token.expose(),
        "expires_in": expires_in, "applications": applications,
    });
    Ok((StatusCode::CREATED, axum::Json(answer)).into_response())
}

async fn initial_access_tokens(
    State(app): State<App>,
    Now(now): Now,
    AccessToken(token): AccessToken,
) -> Answer {
    let caller = caller::authenticate(&app.env, now, &token, scope::ADMINISTER).await?;
    let rows = initial_access::all(&app.env, now, Authority::Caller(&caller)).await?;
    let tokens: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "id": row.id, "note": row.note, "made_by": row.made_by, "state": Standing::of(row, now).as_str(),
                "created": row.created.unix_seconds(), "expires": row.expires.unix_seconds(),
                "applications": row.applications_max, "registered": row.applications,
            })
        })
        .collect();
    Ok(axum::Json(json!({ "tokens": tokens })).into_response())
}

async fn withdraw_initial_access_token(
    State(app): State<App>,
    Now(now): Now,
    AccessToken(token): AccessToken,
    Named(id): Named<String>,
) -> Answer {
    let caller = caller::authenticate(&app.env, now, &token, scope::ADMINISTER).await?;
    let id =
        id.parse().map_err(|e: base::id::BadId| Rejected::bad_request("bad_identifier", e.to_string()))?;
    initial_access::withdraw(&app.env, now, Authority::Caller(&caller), id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn rotate_token_keys(
    State(app): State<App>,
    Now(now): Now,
    AccessToken(token): AccessToken,
    headers: HeaderMap,
    received: Received,
) -> Answer {
    let caller = caller::authenticate(&app.env, now, &token, scope::ADMINISTER).await?;
    let asked: Rotation = body::json(&headers, received)?;
    let keys = rotate_keys::rotate(&app.env, now, Authority::Caller(&caller), asked).await?;
    Ok((StatusCode::CREATED, axum::Json(json!({ "keys": keys }))).into_response())
}

async fn make(
    State(app): State<App>,
    Now(now): Now,
    AccessToken(token): AccessToken,
    headers: HeaderMap,
    received: Received,
) -> Answer {
    let caller = caller::authenticate(&app.env, now, &token, scope::ADMINISTER).await?;
    let order: NewSeal = body::json(&headers, received)?;
    let made = make_seal::make(&app.env, now, Authority::Caller(&caller), order, false).await?;
    Ok((StatusCode::CREATED, axum::Json(made)).into_response())
}

async fn seal_file(State(app): State<App>, Named(id): Named<String>) -> Answer {
    let esl = make_seal::file(&app.env, seal_id(&id)?).await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], esl).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSealState {
    state: String,
}

async fn seal_state(
    State(app): State<App>,
    Now(now): Now,
    AccessToken(token): AccessToken,
    Named(id): Named<String>,
    headers: HeaderMap,
    received: Received,
) -> Answer {
    let caller = caller::authenticate(&app.env, now, &token, scope::ADMINISTER).await?;
    let wanted: NewSealState = body::json(&headers, received)?;
    make_seal::change_state(&app.env, now, Authority::Caller(&caller), seal_id(&id)?, &wanted.state).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Where {
    page: Option<usize>,
    x_mm: Option<f64>,
    y_mm: Option<f64>,
}

async fn seal_a_document(
    State(app): State<App>,
    Now(now): Now,
    AccessToken(token): AccessToken,
    Named(id): Named<String>,
    wanted: Result<Query<Where>, QueryRejection>,
    request: Request,
) -> Answer {
    let Query(wanted) = wanted.map_err(|_| {
        Rejected::bad_request(
            "bad_query",
            "expected `page` (from 0), `x_mm` and `y_mm` (millimetres) as numbers",
        )
    })?;
    let caller = caller::authenticate(&app.env, now, &token, scope::SEAL).await?;
    let upload = body::upload(request).await?;
    let usual = Place::default();
    let place = Place {
        page: wanted.page.unwrap_or(usual.page),
        x_mm: wanted.x_mm.unwrap_or(usual.x_mm),
        y_mm: wanted.y_mm.unwrap_or(usual.y_mm),
    };
    let authority = Authority::Caller(&caller);
    let sealed = seal_document::seal(&app.env, now, authority, seal_id(&id)?, upload.file, place).await?;
    let headers = [
        (header::CONTENT_TYPE, OFD.to_owned()),
        (SEALING, sealed.id.to_string()),
        (LOG_ENTRY, sealed.log_entry.to_string()),
    ];
    Ok((StatusCode::CREATED, headers, sealed.file).into_response())
}

async fn verify(State(app): State<App>, Now(now): Now, request: Request) -> Answer {
    let upload = body::upload(request).await?;
    let verified = verify_file::verify(&app.env, now, upload.file).await?;
    Ok(axum::Json(verified).into_response())
}

async fn issue(
    State(app): State<App>,
    Now(now): Now,
    AccessToken(token): AccessToken,
    headers: HeaderMap,
    received: Received,
) -> Answer {
    let caller = caller::authenticate(&app.env, now, &token, scope::ISSUE_ECERT).await?;
    let application: Application = body::json(&headers, received)?;
    let issued = ecerts::issue(&app.env, now, Authority::Caller(&caller), application).await?;
    let location = [(header::LOCATION, format!("/v1/certificates/{}", issued.identifier))];
    Ok((StatusCode::CREATED, location, axum::Json(issued)).into_response())
}

async fn standing(State(app): State<App>, Now(now): Now, Named(identifier): Named<String>) -> Answer {
    Ok(axum::Json(ecerts::find(&app.env, now, &identifier).await?).into_response())
}

async fn certificate_file(
    State(app): State<App>,
    Now(now): Now,
    AccessToken(token): AccessToken,
    Named(identifier): Named<String>,
) -> Answer {
    let caller = caller::authenticate(&app.env, now, &token, scope::ISSUE_ECERT).await?;
    let file = ecerts::file(&app.env, now, Authority::Caller(&caller), &identifier).await?;
    Ok(([(header::CONTENT_TYPE, OFD)], file.file).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCertificateState {
    state: String,
    #[serde(default)]
    reason: String,
}

async fn certificate_state(
    State(app): State<App>,
    Now(now): Now,
    AccessToken(token): AccessToken,
    Named(identifier): Named<String>,
    headers: HeaderMap,
    received: Received,
) -> Answer {
    let caller = caller::authenticate(&app.env, now, &token, scope::ISSUE_ECERT).await?;
    let wanted: NewCertificateState = body::json(&headers, received)?;
    let authority = Authority::Caller(&caller);
    let changed =
        ecerts::change_state(&app.env, now, authority, &identifier, &wanted.state, &wanted.reason).await?;
    Ok(axum::Json(changed).into_response())
}

async fn certificate_types(State(app): State<App>) -> Answer {
    let types: Vec<_> = ecerts::types(&app.env).await?.into_iter().map(|(_, type_)| type_).collect();
    Ok(axum::Json(json!({ "types": types })).into_response())
}

async fn proof(State(app): State<App>, Named(id): Named<String>) -> Answer {
    let id: Id<Entry> =
        id.parse().map_err(|e: base::id::BadId| Rejected::bad_request("bad_identifier", e.to_string()))?;
    Ok(axum::Json(log::prove(&app.env, id).await?).into_response())
}

/// Which artefact: exactly one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfWhat {
    token_key: Option<String>,
    seal: Option<String>,
    certificate: Option<String>,
    ecert: Option<String>,
}

async fn artefact_proof(State(app): State<App>, wanted: Result<Query<OfWhat>, QueryRejection>) -> Answer {
    let unclear = || {
        let message =
            "expected one of `token_key` (kid), `seal`, `certificate` (serial) and `ecert` (identifier)";
        Rejected::bad_request("bad_query", message)
    };
    let Query(wanted) = wanted.map_err(|_| unclear())?;
    let named = |text: Option<String>| text.filter(|text| !text.contains(char::is_control));
    let mut named = [
        named(wanted.token_key).map(Artefact::TokenKey),
        named(wanted.seal).map(Artefact::Seal),
        named(wanted.certificate).map(Artefact::Certificate),
        named(wanted.ecert).map(Artefact::Ecert),
    ]
    .into_iter()
    .flatten();
    let (Some(artefact), None) = (named.next(), named.next()) else { return Err(unclear().into()) };
    Ok(axum::Json(log::prove_artefact(&app.env, &artefact).await?).into_response())
}

async fn checkpoint(State(app): State<App>) -> Answer {
    let checkpoint = log::checkpoint(&app.env).await.map_err(flows::Failure::from)?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], checkpoint.note).into_response())
}

async fn log_key(State(app): State<App>) -> Response {
    format!("{}\n", app.env.keyring().log_key()).into_response()
}

/// A tile under its C2SP `tlog-tiles` path.
async fn tile(State(app): State<App>, Named((level, path)): Named<(String, String)>) -> Answer {
    let not_there = || Rejected::not_found("no_such_tile", "the log has no such tile");
    let level = level.parse().map_err(|_| not_there())?;
    let (id, width) = TileId::parse(level, &path).ok_or_else(not_there)?;
    let hashes = log::tile(&app.env, id, width).await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], hashes).into_response())
}

async fn root(State(app): State<App>) -> Response {
    pem(app.env.keyring().root.to_pem())
}

async fn issuing(State(app): State<App>) -> Response {
    pem(app.env.keyring().issuing.to_pem())
}

fn pem(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/pem-certificate-chain")], text).into_response()
}

fn seal_id(text: &str) -> Result<Id<Seal>, Rejected> {
    text.parse().map_err(|e: base::id::BadId| Rejected::bad_request("bad_identifier", e.to_string()))
}
