//! HTTP: routes, what comes in, what goes out. The only crate that knows `axum`.
//!
//! - [`listen`] sockets, TLS, connections, graceful end; how many of them each network may hold: [`places`]; one closes in stages: [`linger`].
//! - [`visitor`] what is known of a request: who, from where, in which language.
//! - [`certificate`] the certificate that a client showed.
//! - [`problem`] refusals and faults as answers: RFC 6749 JSON, RFC 9457 problem JSON, or a page. Nothing else knows statuses.
//! - [`refusal`] why something was not done, in the reader's words.
//! - [`around`] what happens around every request; [`headers`] what every answer carries.
//! - [`body`] bodies with limits and content types.
//! - [`oidc`] the OpenID provider's endpoints.
//! - [`decisions`] AuthZEN.
//! - [`api`] seals, certificates, signals, applications, the log.
//! - [`openapi`] the API description.
//! - [`site`] login, consent, enrolment, logout; [`person`] one's own account; [`verifying`] files and certificates.
//! - [`upstream`] logging in through another provider, and whose account there is whose here.
//! - [`answers`] what people answer to what is asked elsewhere: on a device, or by an application that they are not looking at.
//! - [`console`] the officials' console.
//! - [`pages`] what pages look like.

pub mod answers;
pub mod api;
mod around;
pub mod body;
pub mod certificate;
pub mod console;
pub mod decisions;
pub mod headers;
mod linger;
pub mod listen;
pub mod oidc;
pub mod openapi;
pub mod pages;
pub mod person;
pub mod places;
pub mod problem;
pub mod refusal;
pub mod site;
pub mod upstream;
pub mod verifying;
pub mod visitor;

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::middleware;
use flows::Env;

use pages::Pages;

/// What handlers work with; cheap to clone, since every handler is given one of its own.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] is made of.
pub struct Parts {
    /// The flows' environment.
    pub env: Arc<Env>,
    /// The pages' words and files.
    pub pages: Pages,
    /// The discovery document, made once.
    pub discovery: Arc<str>,
}

impl App {
    /// An application over `env`; `sample_data` puts a ribbon on every page.
    pub fn new(env: Arc<Env>, sample_data: bool) -> Result<Self, pages::PagesError> {
        let discovery = oidc::discovery_document(&env.settings).to_string().into();
        Ok(Self(Arc::new(Parts { env, pages: Pages::load(sample_data)?, discovery })))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Every route.
pub fn router(app: App) -> Router {
    let pages = Router::new()
        .merge(oidc::routes())
        .merge(openapi::routes())
        .merge(site::routes())
        .merge(person::routes())
        .merge(upstream::routes())
        .merge(answers::routes())
        .merge(verifying::routes())
        .merge(console::routes());
    finished(pages.merge(for_programs()), app)
}

/// The routes of the address where client certificates are asked for: what applications call, and no page, so that no browser is led there
/// to ask people for a certificate.
pub fn router_with_certificates(app: App) -> Router {
    finished(for_programs().merge(oidc::client_routes()), app)
}

/// What is guarded by access tokens, which may be bound to a certificate.
fn for_programs() -> Router<App> {
    Router::new().merge(decisions::routes()).merge(api::routes())
}

fn finished(routes: Router<App>, app: App) -> Router {
    routes
        .fallback(site::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(middleware::from_fn_with_state(app.clone(), around::around))
        .with_state(app)
}
