//! Whether the person must log in or consent before the answer.

use base::Timestamp;

use super::AuthorizationRequest;
use crate::client::Client;
use crate::error::{ErrorCode, OauthError};
use crate::scope::Scope;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Show the login page.
    LogIn,
    /// Show the consent page.
    Consent,
    /// Give out the code.
    Answer,
}

/// The browser's login session, as far as the decision needs it.
#[derive(Debug, Clone, Copy)]
pub struct LoggedIn<'a> {
    /// The person's subject identifier.
    pub subject: &'a str,
    /// When they last authenticated.
    pub at: Timestamp,
    /// The authentication context classes that this login fulfils.
    pub acrs: &'a [&'a str],
}

/// What the person allowed this client before.
#[derive(Debug, Clone, Copy)]
pub struct Consented<'a> {
    /// What they allowed.
    pub scope: &'a Scope,
}

/// What is known when the decision is taken.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// When this request arrived: a login or consent after it satisfies `prompt`.
    pub started: Timestamp,
    /// The present.
    pub now: Timestamp,
    /// Who is logged in, if anyone.
    pub logged_in: Option<LoggedIn<'a>>,
    /// The authentication context classes that there are.
    pub acrs_offered: &'a [&'a str],
    /// What they allowed this client, if anything.
    pub consented: Option<Consented<'a>>,
    /// Who the verified `id_token_hint` names, if one came.
    pub hinted_subject: Option<&'a str>,
    /// Whether the person has just said yes to this very request, on its own consent page.
    pub allowed_here: bool,
}

/// Decides what comes next; with `prompt=none`, what would have to be shown becomes an error for the client.
///
/// Source: OIDC Core, 3.1.2.1 (`prompt`, `max_age`, `id_token_hint`), 3.1.2.3, 3.1.2.4, 3.1.2.6 and 5.5.1 (`sub`, essential `acr`); RFC 8252,
/// 8.6 (applications on the person's device); RFC 9470, 5 (`acr_values`).
pub fn next(
    request: &AuthorizationRequest,
    client: &Client,
    situation: &Situation<'_>,
) -> Result<Next, OauthError> {
    let unmet =
        situation.logged_in.is_some_and(|login| lacks_acr(request, situation.acrs_offered, login.acrs));
    let next = if unmet && situation.logged_in.is_some_and(|login| login.at >= situation.started) {
        return Err(OauthError::new(
            ErrorCode::UnmetAuthenticationRequirements,
            "the person logged in, but not in one of the ways that `acr` or `acr_values` ask for",
        ));
    } else if unmet || must_log_in(request, situation) {
        Next::LogIn
    } else if must_consent(request, client, situation) {
        Next::Consent
    } else {
        Next::Answer
    };
    match next {
        Next::LogIn if request.prompt.none => Err(OauthError::new(
            ErrorCode::LoginRequired,
            "the person must log in: send the request without prompt=none",
        )),
        Next::Consent if request.prompt.none => Err(OauthError::new(
            ErrorCode::ConsentRequired,
            "the person must consent: send the request without prompt=none",
        )),
        next => Ok(next),
    }
}

fn must_log_in(request: &AuthorizationRequest, situation: &Situation<'_>) -> bool {
    let Some(logged_in) = situation.logged_in else {
        return true;
    };
    let just_now = logged_in.at >= situation.started;
    let asked_again = request.prompt.login || request.prompt.select_account;
    let too_old = request.max_age_seconds.is_some_and(|max| logged_in.at.plus_seconds(max) < situation.now);
    let asked_for = request.claims.in_id_token("sub").map_or(&[][..], |claim| &claim.values);
    let someone_else = situation.hinted_subject.is_some_and(|hinted| hinted != logged_in.subject)
        || !(asked_for.is_empty() || asked_for.iter().any(|subject| subject == logged_in.subject));
    // A login made for this request answers `prompt` and `max_age`; that it is the hinted person must hold in any case.
    someone_else || (!just_now && (asked_again || too_old))
}

/// Whether a login that fulfils `acrs`, of the classes in `offered`, is not the one that the request cannot do without: only another one can be.
pub fn lacks_acr(request: &AuthorizationRequest, offered: &[&str], acrs: &[&str]) -> bool {
    lacks_essential_acr(request, acrs) || lacks_acr_values(request, offered, acrs)
}

/// An `acr` that the client cannot do without, and does not get from this login (OIDC Core, 5.5.1.1).
fn lacks_essential_acr(request: &AuthorizationRequest, acrs: &[&str]) -> bool {
    let essential =
        request.claims.in_id_token("acr").filter(|claim| claim.essential && !claim.values.is_empty());
    essential.is_some_and(|claim| !claim.values.iter().any(|acr| acrs.contains(&acr.as_str())))
}

/// None of the classes in `acr_values` is reached. Whoever asks for an access token in this way cannot do with less (RFC 9470, 5); names that
/// nobody here knows stay wishes (OIDC Core, 3.1.2.1).
fn lacks_acr_values(request: &AuthorizationRequest, offered: &[&str], acrs: &[&str]) -> bool {
    let known = |acr: &&String| offered.contains(&acr.as_str());
    let mut known = request.acr_values.iter().filter(known).peekable();
    known.peek().is_some() && !known.any(|acr| acrs.contains(&acr.as_str()))
}

fn must_consent(request: &AuthorizationRequest, client: &Client, situation: &Situation<'_>) -> bool {
    let asked_one_by_one = |allowed: &Scope| request.claims.scopes().all(|scope| allowed.contains(scope));
    let covers = |allowed: &Scope| allowed.covers(&request.scope) && asked_one_by_one(allowed);
    // What is asked in detail is for this time only, so yes is said to it each time (RFC 9396, 7). And to who is known only by a document
    // that may say something else tomorrow, as may who answers at its redirect URI (RFC 8252, 8.6).
    let each_time = !request.authorization_details.is_empty() || client.is_document();
    let allowed = situation
        .consented
        .filter(|consented| covers(consented.scope) && (!each_time || situation.allowed_here));
    // What somebody said to the application before says nothing of who asks now.
    if client.could_be_another(&request.redirect_uri) && !situation.allowed_here {
        return true;
    }
    match allowed {
        Some(_) => request.prompt.consent && !situation.allowed_here,
        None => {
            let must_be_seen = request.prompt.consent || !request.authorization_details.is_empty();
            must_be_seen || !client.is_first_party()
        }
    }
}
