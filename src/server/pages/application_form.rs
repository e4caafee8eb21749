//! The form in which an official asks for an application, or for a change of one.
//!
//! Its fields have the names of the registration's members (OIDC Dynamic Registration 1.0, 2; RFC 7591, 2), so that a mistake is marked where
//! it was made. What most applications leave as it is, is folded away.

use super::forms::{Choice, Field, FieldKind, Form, Group, form};
use super::frame::Frame;

/// How an application may prove who it is.
const METHODS: &[&str] = &["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
/// And with a certificate, where those are taken.
const CERTIFICATE_METHODS: &[&str] = &["tls_client_auth", "self_signed_tls_client_auth"];
/// What a certificate may be known by (RFC 8705, 2.1.2).
pub const CERTIFICATE_MEMBERS: &[&str] = &[
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
];
/// How answers may travel, as the form offers it.
pub const RESPONSE_MODES: &[&str] =
    &["query", "form_post", "query.jwt", "form_post.jwt", "fragment", "fragment.jwt"];
/// How old a login may be at most, in seconds: a year.
const AGE_MAX_SECONDS: i64 = 365 * 86_400;

/// What there is to choose from.
#[derive(Debug, Clone)]
pub struct Offered {
    /// Units whose application it may be; of a change, none.
    pub units: Vec<Choice>,
    /// Scopes, as they are called.
    pub scopes: Vec<Choice>,
    /// What tokens may be signed with, the usual one first.
    pub algorithms: &'static [&'static str],
    /// Whether client certificates are taken.
    pub certificates: bool,
}

/// Asks for a new application: `POST /console/applications/requests`.
pub fn ask(frame: &Frame, csrf: &str, offered: &Offered) -> Form {
    let unit = Field::required("unit", frame.t("unit"), FieldKind::Choice(offered.units.clone()))
        .hint(frame.t("application-unit-hint"));
    let mut fields = vec![unit];
    fields.extend(usual(frame, offered));
    Form {
        lead: frame.t("register-application-lead"),
        fields,
        more: folded(frame, offered, true),
        ..form(frame, "ask", "/console/applications/requests", csrf, "register-application", "submit-request")
    }
}

/// Asks for a change of the application `client_id`, whose name is `name`: `POST /console/applications/requests`.
pub fn change(frame: &Frame, csrf: &str, offered: &Offered, client_id: &str, name: &str) -> Form {
    Form {
        title: frame.t1("change-application", "name", name),
        lead: frame.t("change-application-lead"),
        hidden: vec![("client".to_owned(), client_id.to_owned())],
        fields: usual(frame, offered),
        more: folded(frame, offered, false),
        ..form(frame, "ask", "/console/applications/requests", csrf, "register-application", "submit-request")
    }
}

fn usual(frame: &Frame, offered: &Offered) -> Vec<Field> {
    let methods = METHODS.iter().chain(CERTIFICATE_METHODS.iter().filter(|_| offered.certificates));
    let methods = methods.map(|name| Choice::new(*name, frame.t(&format!("method-{name}")))).collect();
    let lines = |name: &str, label: &str, hint: &str| {
        Field::optional(name, frame.t(label), FieldKind::LongText).hint(frame.t(hint))
    };
    let mut fields = vec![
        Field::required("name", frame.t("application-name"), FieldKind::Text)
            .hint(frame.t("application-name-hint")),
        Field::optional("name_en", frame.t("application-name-en"), FieldKind::Text),
        Field::required("purpose", frame.t("purpose"), FieldKind::LongText).hint(frame.t("purpose-hint")),
        Field::required(
            "token_endpoint_auth_method",
            frame.t("member-token_endpoint_auth_method"),
            FieldKind::Choice(methods),
        )
        .value("client_secret_basic"),
        lines("redirect_uris", "redirect-uris", "redirect-uris-hint"),
        lines("post_logout_redirect_uris", "post-logout-redirect-uris", "one-a-line"),
    ];
    fields.extend(offered.scopes.iter().map(|scope| {
        let label = frame.t1("application-may-ask", "scope", &scope.label);
        Field::optional(format!("scope.{}", scope.value), label, FieldKind::Check)
    }));
    if let Some(last) = fields.last_mut() {
        // Mistakes that concern all of them are marked at the last.
        last.hint = frame.t("scopes-hint");
    }
    fields
}

fn folded(frame: &Frame, offered: &Offered, is_new: bool) -> Vec<Group> {
    vec![keys(frame, offered), addresses(frame), tokens(frame, offered, is_new), requests(frame)]
}

fn keys(frame: &Frame, offered: &Offered) -> Group {
    let mut fields = vec![
        member(frame, "jwks", FieldKind::LongText).hint(frame.t("jwks-hint")),
        member(frame, "jwks_uri", FieldKind::Text).hint(frame.t("jwks-uri-hint")),
    ];
    if offered.certificates {
        let members = CERTIFICATE_MEMBERS;
        let choices =
            members.iter().map(|name| Choice::new(*name, frame.t(&format!("member-{name}")))).collect();
        fields.push(Field::optional(
            "certificate_member",
            frame.t("certificate-member"),
            FieldKind::Choice(choices),
        ));
        fields.push(
            Field::optional("tls_client_auth_subject_dn", frame.t("certificate-value"), FieldKind::Text)
                .hint(frame.t("certificate-value-hint")),
        );
    }
    Group { title: frame.t("group-keys"), fields }
}

fn addresses(frame: &Frame) -> Group {
    let address = |name: &str, hint: &str| member(frame, name, FieldKind::Text).hint(frame.t(hint));
    Group {
        title: frame.t("group-addresses"),
        fields: vec![
            address("backchannel_logout_uri", "backchannel-hint"),
            address("frontchannel_logout_uri", "frontchannel-hint"),
            address("initiate_login_uri", "initiate-login-hint"),
        ],
    }
}

fn tokens(frame: &Frame, offered: &Offered, is_new: bool) -> Group {
    let algorithms: Vec<_> = offered.algorithms.iter().map(|alg| Choice::new(*alg, *alg)).collect();
    let preferred = algorithms.first().map(|choice| choice.value.clone()).unwrap_or_default();
    let formats = ["jwt", "opaque"].map(|name| Choice::new(name, frame.t(&format!("format-{name}"))));
    let mut fields = vec![
        member(frame, "id_token_signed_response_alg", FieldKind::Choice(algorithms))
            .value(preferred)
            .hint(frame.t("id-token-alg-hint")),
        member(frame, "access_token_format", FieldKind::Choice(formats.to_vec())).value("jwt"),
        member(frame, "dpop_bound_access_tokens", FieldKind::Check).hint(frame.t("dpop-hint")),
    ];
    if offered.certificates {
        fields.push(member(frame, "tls_client_certificate_bound_access_tokens", FieldKind::Check));
    }
    if is_new {
        fields.push(member(frame, "pairwise", FieldKind::Check).hint(frame.t("pairwise-hint")));
    }
    Group { title: frame.t("group-tokens"), fields }
}

fn requests(frame: &Frame) -> Group {
    let age = FieldKind::Number { min: 0, max: AGE_MAX_SECONDS };
    let mut fields = vec![
        member(frame, "require_pushed_authorization_requests", FieldKind::Check),
        member(frame, "require_signed_request_object", FieldKind::Check),
        member(frame, "default_max_age", age).hint(frame.t("max-age-hint")),
        member(frame, "device", FieldKind::Check).hint(frame.t("device-hint")),
        member(frame, "pkce_waived", FieldKind::Check).hint(frame.t("pkce-hint")),
        member(frame, "hybrid", FieldKind::Check).hint(frame.t("hybrid-hint")),
    ];
    fields.extend(RESPONSE_MODES.iter().map(|mode| {
        let label = frame.t1("application-answers", "mode", response_mode(frame, mode));
        Field::optional(format!("response_mode.{mode}"), label, FieldKind::Check)
    }));
    if let Some(last) = fields.last_mut() {
        // Mistakes that concern all of them are marked at the last.
        last.hint = frame.t("response-modes-hint");
    }
    Group { title: frame.t("group-requests"), fields }
}

/// What the mode called `name` is called on pages.
pub fn response_mode(frame: &Frame, name: &str) -> String {
    frame.word_or(&format!("mode-{}", name.replace('.', "-")), name)
}

/// A field of the member `name`, called as everywhere.
fn member(frame: &Frame, name: &str, kind: FieldKind) -> Field {
    Field::optional(name, frame.t(&format!("member-{name}")), kind)
}
