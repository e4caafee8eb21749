//! OpenID Connect: PKCE, the metadata document, and authorization requests with their answers.

use std::collections::BTreeMap;

use oidc::authorize::{self, AuthorizationResponse, Delivery, PageError, Refusal, Via};
use oidc::client::{AuthMethod, GrantType};
use oidc::discovery::{self, Offer};
use oidc::pkce::{self, CodeChallenge, CodeVerifier};
use oidc::redirect_uri::ApplicationType;
use oidc::{Client, Issuer, Params, Registration};
use serde::Deserialize;

use crate::data::{cases, equal, holds, words};
use crate::report::Report;

const ISSUER: &str = "https://id.fujian.example";
const REDIRECT_URI: &str = "https://app.example/cb?tenant=1";

/// Runs every case.
pub(crate) fn run(report: &mut Report) {
    for case in cases::<PkceCase>(report, "oidc/pkce.toml", include_str!("oidc/pkce.toml")) {
        report.case(&case.clause, &case.what, proof_key(&case));
    }
    for case in cases::<MemberCase>(report, "oidc/discovery.toml", include_str!("oidc/discovery.toml")) {
        report.case(&case.clause, &case.member, member(&case));
    }
    for case in cases::<RequestCase>(report, "oidc/authorize.toml", include_str!("oidc/authorize.toml")) {
        report.case(&case.clause, &case.what, request(&case));
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PkceCase {
    clause: String,
    what: String,
    verifier: String,
    challenge: String,
    opens: Option<bool>,
    refused: Option<String>,
}

fn proof_key(case: &PkceCase) -> Result<(), String> {
    let (verifier, challenge) =
        (case.verifier.parse::<CodeVerifier>(), case.challenge.parse::<CodeChallenge>());
    let refused = match (&verifier, &challenge) {
        (Ok(_), Ok(_)) => None,
        (Err(_), Ok(_)) => Some("verifier"),
        (Ok(_), Err(_)) => Some("challenge"),
        (Err(_), Err(_)) => Some("both"),
    };
    equal("refused", &refused, &case.refused.as_deref())?;
    let opens = verifier.ok().zip(challenge.ok()).map(|(verifier, challenge)| {
        let own = verifier.challenge().as_str() == case.challenge;
        pkce::verify(&verifier, &challenge) && own
    });
    equal("opens", &opens, &case.opens)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberCase {
    clause: String,
    member: String,
    is: Option<serde_json::Value>,
    includes: Option<Vec<String>>,
    under_issuer: Option<String>,
    #[serde(default)]
    absent: bool,
}

fn member(case: &MemberCase) -> Result<(), String> {
    let issuer: Issuer = ISSUER.parse().map_err(words)?;
    let acr_values = identity::Assurance::ALL.map(identity::Assurance::as_str);
    let offer = Offer {
        acr_values: &acr_values,
        ui_locales: &["zh-CN", "en"],
        api_scopes: &[],
        certificates: &oidc::mtls::TakenAt::Nowhere,
        metadata_documents: false,
    };
    let document = discovery::document(&issuer, &offer);
    let got = document.get(&case.member);
    if case.absent {
        return equal("value", &got, &None);
    }
    let got = got.ok_or_else(|| format!("expected `{}`, got a document without it", case.member))?;
    match (&case.is, &case.includes, &case.under_issuer) {
        (Some(value), None, None) => equal("value", got, value),
        (None, Some(values), None) => {
            let includes = |value: &String| got.as_array().is_some_and(|all| all.iter().any(|v| v == value));
            let missing: Vec<&String> = values.iter().filter(|value| !includes(value)).collect();
            holds(&format!("that {missing:?} are among {got}"), missing.is_empty())
        }
        (None, None, Some(path)) => equal("address", got, &format!("{ISSUER}{path}")),
        _ => Err("expected one of `is`, `includes`, `under_issuer` and `absent` in the data".to_owned()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestCase {
    clause: String,
    what: String,
    #[serde(default)]
    set: BTreeMap<String, String>,
    #[serde(default)]
    add: BTreeMap<String, String>,
    #[serde(default)]
    leave_out: Vec<String>,
    answer: String,
    error: Option<String>,
}

fn request(case: &RequestCase) -> Result<(), String> {
    let (answer, error) = send(&query(case))?;
    equal("answer", &answer, &case.answer)?;
    equal("error", &error.as_deref(), &case.error.as_deref())
}

/// The answer to the request `query`, and its error code.
fn send(query: &str) -> Result<(&'static str, Option<String>), String> {
    let issuer: Issuer = ISSUER.parse().map_err(words)?;
    let answer = authorize::parse(query.as_bytes()).map_err(Refusal::from).and_then(|params| {
        let found = authorize::client_id(&params).map(|id| registered().into_iter().find(|c| c.id == id))?;
        authorize::check(&params, found.as_ref(), Via::default(), &issuer)
    });
    match answer {
        Ok(_) => Ok(("accepted", None)),
        Err(Refusal::Page(page)) => {
            let said =
                !matches!(page, PageError::RedirectUri { ref registered, .. } if registered.is_empty());
            holds("that the page says what is registered", said)?;
            Ok(("page", None))
        }
        Err(Refusal::Redirect(refusal)) => {
            equal("issuer in the answer (RFC 9207, 2)", &refusal.iss, &issuer)?;
            let state = given(query)?.value("state").map(str::to_owned);
            equal("state in the answer (RFC 6749, 4.1.2.1)", &refusal.state, &state)?;
            let Delivery::Redirect(url) = AuthorizationResponse::error(&refusal).deliver() else {
                return Err("expected a redirect, got a form".to_owned());
            };
            holds("that the answer goes to the redirect URI", url.starts_with(REDIRECT_URI))?;
            Ok(("redirect", Some(refusal.error.code.as_str().to_owned())))
        }
    }
}

/// The parameters of `query` as the answer to them is compared with.
fn given(query: &str) -> Result<Params, String> {
    authorize::parse(query.as_bytes()).map_err(words)
}

/// A good request, changed as the case says.
fn query(case: &RequestCase) -> String {
    let good = [
        ("client_id", "tax-web"),
        ("redirect_uri", REDIRECT_URI),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "s t+a%te&印"),
        ("nonce", "n-0S6_WzA2Mj"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    let stays = |name: &str| !case.set.contains_key(name) && !case.leave_out.iter().any(|n| n == name);
    let kept = good.into_iter().filter(|(name, _)| stays(name));
    let changed = case.set.iter().chain(&case.add).map(|(name, value)| (name.as_str(), value.as_str()));
    kept.chain(changed)
        .map(|(name, value)| format!("{name}={}", percent(value)))
        .collect::<Vec<_>>()
        .join("&")
}

fn percent(value: &str) -> String {
    value.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// An application on a server, one on a phone, and a batch job that happens to have a redirect URI.
fn registered() -> Vec<Client> {
    let client = |id: &str, kind, method: AuthMethod, redirect_uris: &[&str], grants: &[GrantType]| {
        let registration = Registration {
            name_zh: "税务服务".into(),
            name_en: "Tax service".into(),
            application_type: kind,
            token_endpoint_auth_method: method.as_str().into(),
            redirect_uris: redirect_uris.iter().map(|uri| (*uri).to_owned()).collect(),
            grant_types: grants.iter().map(|grant| grant.as_str().to_owned()).collect(),
            scope: "openid profile phone offline_access tax:read".into(),
            audiences: vec!["https://api.tax.example".into()],
            ..Registration::default()
        };
        let secret_hash = method.has_secret().then(|| gm::sm3::hash(b"a secret of 256 random bits"));
        registration.to_client(id).ok().map(|client| Client { secret_hash, ..client })
    };
    let people = [GrantType::AuthorizationCode, GrantType::RefreshToken];
    let on_a_phone = ["http://127.0.0.1/cb", "cn.gov.fujian.app:/cb"];
    let secret = AuthMethod::ClientSecretBasic;
    let clients = [
        client("tax-web", ApplicationType::Web, secret, &[REDIRECT_URI], &people),
        client("fujian-app", ApplicationType::Native, AuthMethod::None, &on_a_phone, &people),
        client("tax-batch", ApplicationType::Web, secret, &[REDIRECT_URI], &[GrantType::ClientCredentials]),
    ];
    clients.into_iter().flatten().collect()
}
