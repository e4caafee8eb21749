//! Files and certificates that anyone may verify.
//!
//! - [`report`] a graded report as the page draws it.

mod report;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flows::ecerts::{self, Standing};
use flows::verify_file::{self, Verified};
use flows::{Failure, Reason, Rejected};
use serde::Deserialize;

use crate::App;
use crate::body::{self, FILE_MAX_BYTES};
use crate::pages::parts::{Fact, Link, Tone, Verdict};
use crate::pages::verifying::{CertificateLookup, FoundCertificate, Verify, VerifyResult};
use crate::pages::{Frame, Message};
use crate::problem;
use crate::refusal;
use crate::visitor::Visitor;

const CERTIFICATES: &str = "/certificates";
const FILE_MAX_MEGABYTES: u64 = (seal::verify::MAX_FILE_BYTES >> 20) as u64;

/// The routes of this file.
pub fn routes() -> Router<App> {
    let upload = Router::new()
        .route("/verify", get(upload_page).post(verify))
        .layer(DefaultBodyLimit::max(FILE_MAX_BYTES));
    upload.route(CERTIFICATES, get(look_up))
}

async fn upload_page(State(app): State<App>, visitor: Visitor) -> Response {
    upload_view(&app, &visitor, None)
}

fn upload_view(app: &App, visitor: &Visitor, error: Option<Message>) -> Response {
    let frame = visitor.frame(app, "/verify");
    let view = Verify { frame, size_max_megabytes: FILE_MAX_MEGABYTES, error, csrf: visitor.csrf(app) };
    visitor.remember(problem::html(&view))
}

async fn verify(State(app): State<App>, visitor: Visitor, request: Request) -> Response {
    match verified(&app, &visitor, request).await {
        Ok((file_name, size, verified)) => {
            let frame = visitor.frame(&app, "/verify");
            let report = report::view(&frame, &file_name, size, &verified);
            visitor.remember(problem::html(&VerifyResult { frame, report }))
        }
        Err(Failure::Rejected(rejected)) => {
            let error = match rejected.reason {
                Reason::TooLarge => Message::new("error-too-large-detail").with("limit", FILE_MAX_MEGABYTES),
                _ if rejected.code == "no_file" => Message::new("verify-no-file"),
                _ => refusal::words(&rejected, visitor.display.lang),
            };
            (problem::status(rejected.reason), upload_view(&app, &visitor, Some(error))).into_response()
        }
        Err(fault) => problem::page(&app, &visitor, fault),
    }
}

/// The file's name and size, and what is known of it.
async fn verified(
    app: &App,
    visitor: &Visitor,
    request: Request,
) -> Result<(String, usize, Verified), Failure> {
    let upload = body::upload(request).await?;
    visitor.check_csrf(app, upload.fields.text("csrf"))?;
    if upload.file.is_empty() {
        return Err(Rejected::unprocessable("no_file", "expected a file, got none").into());
    }
    let size = upload.file.len();
    Ok((upload.file_name, size, verify_file::verify(&app.env, visitor.now, upload.file).await?))
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    identifier: String,
}

async fn look_up(State(app): State<App>, visitor: Visitor, Query(asked): Query<Asked>) -> Response {
    let identifier = asked.identifier.trim().to_owned();
    let frame = visitor.frame(&app, &here(&identifier));
    let (status, error, found) = match found(&app, &visitor, &frame, &identifier).await {
        Ok(found) => (StatusCode::OK, None, found),
        Err(Failure::Rejected(rejected)) => {
            let error = match rejected.reason {
                Reason::NotFound => Message::new("lookup-none").with("identifier", &identifier),
                _ => Message::new("lookup-bad").with("reason", &rejected.message),
            };
            (problem::status(rejected.reason), Some(error), None)
        }
        Err(fault) => return problem::page(&app, &visitor, fault),
    };
    let view = CertificateLookup { frame, identifier, error, found };
    visitor.remember((status, problem::html(&view)).into_response())
}

fn here(identifier: &str) -> String {
    if identifier.is_empty() {
        return CERTIFICATES.to_owned();
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!("{CERTIFICATES}?{}", query.append_pair("identifier", identifier).finish())
}

async fn found(
    app: &App,
    visitor: &Visitor,
    frame: &Frame,
    identifier: &str,
) -> Result<Option<FoundCertificate>, Failure> {
    if identifier.is_empty() {
        return Ok(None);
    }
    let standing = ecerts::find(&app.env, visitor.now, identifier).await?;
    let proof = flows::log::prove(&app.env, standing.log_entry).await?;
    let mut facts = standing_facts(frame, &standing);
    facts.extend(report::log_facts(frame, &proof));
    Ok(Some(certificate(frame, standing, facts)))
}

fn certificate(frame: &Frame, standing: Standing, facts: Vec<Fact>) -> FoundCertificate {
    let (key, tone) = state_words(standing.state);
    let in_force = tone == Tone::Ok;
    let headline = if in_force { "certificate-headline-in-force" } else { "certificate-headline-not" };
    FoundCertificate {
        verdict: if in_force { Verdict::Passed } else { Verdict::Failed },
        state: frame.t(key),
        headline: frame.t(headline),
        sub_text: match &standing.validate_end {
            Some(end) => frame.t2("certificate-from-until", "from", &standing.issued_date, "until", end),
            None => frame.t1("certificate-from", "from", &standing.issued_date),
        },
        type_name: standing.name,
        facts,
        links: vec![proof_link(standing.log_entry)],
    }
}

/// What anyone may know of a certificate.
fn standing_facts(frame: &Frame, standing: &Standing) -> Vec<Fact> {
    vec![
        Fact::new(frame.t("certificate-identifier"), &standing.identifier),
        Fact::new(frame.t("column-issuer"), &standing.issuing_authority),
        Fact::new(frame.t("column-holder"), &standing.holder_masked),
        Fact::new(frame.t("file-sm3"), &standing.file_sm3),
    ]
}

fn proof_link(entry: base::Id<base::id::Entry>) -> Link {
    Link::new(format!("/v1/log/entries/{entry}/proof"), Message::new("download-proof"))
}

/// The words and the colour of a certificate's state, by its code.
pub fn state_words(code: &str) -> (&'static str, Tone) {
    match code {
        "01" => ("certificate-in-force", Tone::Ok),
        "02" => ("certificate-suspended", Tone::Warn),
        "03" => ("certificate-rescinded", Tone::Bad),
        "04" => ("certificate-cancelled", Tone::Bad),
        "05" => ("certificate-lapsed", Tone::Bad),
        "06" => ("certificate-transferred", Tone::Warn),
        "07" => ("certificate-revoked", Tone::Bad),
        _ => ("certificate-other", Tone::Warn),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::{Lang, Pages};

    #[test]
    fn every_state_of_a_certificate_has_words_and_only_one_is_good() {
        let pages = Pages::load(false).unwrap();
        for code in ["01", "02", "03", "04", "05", "06", "07", "99"] {
            let (key, tone) = state_words(ecert::State::from_code(code).unwrap().code());
            assert!(pages.words(Lang::En).find(key).is_some(), "{key}");
            assert_eq!(tone == Tone::Ok, code == "01");
        }
    }
}
