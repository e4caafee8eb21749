//! The API description: what every endpoint for programs takes and answers.

use axum::Router;
use axum::response::Response;
use axum::routing::get;

use crate::App;
use crate::oidc::published;

/// Where it is.
pub const PATH: &str = "/openapi.json";

/// OpenAPI 3.1. `tests/it/openapi.rs` compares it with the routes and with what they answer.
const DOCUMENT: &str = include_str!("../../docs/openapi.json");

/// The routes of this file.
pub fn routes() -> Router<App> {
    Router::new().route(PATH, get(document))
}

async fn document() -> Response {
    published(DOCUMENT.to_owned(), "application/json")
}
