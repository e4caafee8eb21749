//! Why something was not done, in the reader's words: the codes of flows and what they are called on a page.

use flows::{Failure, Rejected};

use crate::pages::{Lang, Message};

/// Codes and the keys of their words. What has `{ $detail }` in it also shows the flow's own message.
const WORDS: &[(&str, &str)] = &[
    ("account_disabled", "refused-out-of-use"),
    ("account_exists", "refused-account-exists"),
    ("account_state_changed", "refused-account-state-changed"),
    ("administrators_only", "refused-administrators-only"),
    ("already_decided", "refused-already-decided"),
    ("applicant_gone", "refused-applicant-gone"),
    ("application_changed", "refused-application-changed"),
    ("application_disabled", "refused-application-disabled"),
    ("already_answered", "refused-already-answered"),
    ("authenticate_again", "authenticate-again"),
    ("bad_account", "refused-bad-account"),
    ("bad_application", "refused-bad-certificate"),
    ("bad_certificate", "refused-bad-certificate"),
    ("bad_document", "refused-bad-document"),
    ("bad_enrolment_code", "enrol-code-wrong"),
    ("bad_post", "refused-bad-post"),
    ("bad_registration", "refused-bad-registration"),
    ("bad_seal", "refused-bad-seal"),
    ("bad_ticket", "login-foreign"),
    ("bad_unit", "refused-bad-unit"),
    ("bad_upstream_answer", "upstream-answer-unknown"),
    ("busy", "refused-busy"),
    ("expired_ticket", "login-expired"),
    ("no_account_made", "upstream-no-account"),
    ("last_administrator", "refused-last-administrator"),
    ("no_password", "refused-no-password"),
    ("no_secret", "refused-no-secret"),
    ("no_such_account", "refused-no-such-account"),
    ("no_such_application", "refused-no-such-application"),
    ("no_such_request", "refused-no-such-request"),
    ("not_disabled", "refused-not-disabled"),
    ("nothing_changed", "refused-nothing-changed"),
    ("own_account", "refused-own-account"),
    ("own_request", "refused-own-request"),
    ("registered_itself", "refused-registered-itself"),
    ("registrars_only", "refused-registrars-only"),
    ("request_waits", "refused-request-waits"),
    ("secret_refused", "refused-secret"),
    ("too_many_requests", "refused-too-many-requests"),
    ("no_such_certificate", "refused-no-such-certificate"),
    ("no_such_certificate_type", "refused-no-such-type"),
    ("no_such_consent", "refused-no-such-consent"),
    ("no_such_link", "upstream-no-link"),
    ("no_such_seal", "refused-no-such-seal"),
    ("no_such_session", "refused-no-such-session"),
    ("no_such_token", "refused-no-such-token"),
    ("no_such_transition", "refused-transition"),
    ("no_such_unit", "refused-no-such-unit"),
    ("no_such_upstream", "upstream-gone"),
    ("no_units", "refused-no-units"),
    ("not_an_official", "officials-here"),
    ("not_found", "error-not-found-detail"),
    ("not_logged_in", "log-in-first"),
    ("only_way_in", "upstream-only-way"),
    ("out_of_service", "refused-out-of-service"),
    ("seal_exists", "refused-seal-exists"),
    ("seal_not_in_use", "refused-seal-not-in-use"),
    ("seal_unusable", "refused-seal-unusable"),
    ("stale_form", "form-expired"),
    ("state_changed", "refused-state-changed"),
    ("too_large", "error-too-large"),
    ("too_many_attempts", "refused-too-many"),
    ("unit_exists", "refused-unit-exists"),
    ("unit_without_code", "refused-unit-without-code"),
    ("unknown_client", "application-gone"),
    ("unknown_redirect_uri", "application-gone"),
    ("upstream_denied", "upstream-denied"),
    ("upstream_down", "upstream-down"),
    ("upstream_linked_before", "upstream-linked-before"),
    ("upstream_login_too_old", "upstream-login-too-old"),
    ("upstream_refused", "upstream-refused"),
    ("upstream_taken", "upstream-taken"),
    ("upstream_unbelievable", "upstream-unbelievable"),
    ("wrong_user_code", "device-wrong"),
];

/// What a page says of `rejected`.
pub fn words(rejected: &Rejected, lang: Lang) -> Message {
    if rejected.code == "refused_by_policy" {
        return Message::new("not-permitted").with("reason", explanation(&rejected.message, lang));
    }
    let key = WORDS.iter().find(|(code, _)| *code == rejected.code).map_or("refused", |(_, key)| key);
    Message::new(key).with("detail", &rejected.message)
}

/// A policy's explanation comes as `English / 中文`.
fn explanation(message: &str, lang: Lang) -> &str {
    match (message.split_once(" / "), lang) {
        (Some((en, _)), Lang::En) => en,
        (Some((_, zh)), Lang::Zh) => zh,
        (None, _) => message,
    }
}

/// The field of the form that was refused, and what is wrong with it, when the refusal is about one field.
pub fn field(rejected: &Rejected) -> Option<(String, Message)> {
    if rejected.code == "bad_application" && rejected.message.ends_with(" is required") {
        return Some((own_field(&rejected.message)?, Message::new("field-missing")));
    }
    let (place, why) = rejected.message.split_once(": ")?;
    let refused = || Message::new("field-refused").with("detail", why);
    let (name, message) = match (rejected.code, place) {
        ("field_missing", name) => (name, Message::new("field-missing")),
        ("bad_account", "user_name") => ("username", Message::new("user-name-bad")),
        ("bad_account", "password") => ("password", Message::new("password-refused")),
        ("bad_account", "id_number") => {
            ("identity_number", Message::new("identity-number-bad").with("reason", why))
        }
        ("bad_account" | "bad_unit", "name") => ("name", Message::new("name-refused")),
        ("bad_post", "post" | "clearance") | ("bad_unit", "code" | "uscc") => (place, refused()),
        ("bad_registration", "expires_in") => ("days", refused()),
        ("bad_registration", _) => (registration_field(place), refused()),
        ("bad_reason", _) => (place, refused()),
        ("wrong_password", _) => (place, Message::new("current-password-wrong")),
        ("same_password", _) => (place, Message::new("password-same")),
        ("bad_application", "holder_name") => (place, Message::new("name-refused")),
        ("bad_application", "holder_code") => ("holder_number", refused()),
        ("bad_application", place) => return Some((own_field(place)?, refused())),
        _ => return None,
    };
    Some((name.to_owned(), message))
}

/// The field in which a member of a registration is entered.
fn registration_field(member: &str) -> &str {
    match member {
        "client_name#zh-CN" => "name",
        "client_name#en" => "name_en",
        "subject_type" | "sector_identifier_uri" => "pairwise",
        "require_pkce" => "pkce_waived",
        "response_types" => "hybrid",
        "response_modes" => "response_mode.fragment.jwt",
        // The one field for what a certificate must say.
        "tls_client_auth_san_dns"
        | "tls_client_auth_san_uri"
        | "tls_client_auth_san_ip"
        | "tls_client_auth_san_email" => "tls_client_auth_subject_dn",
        // Scopes, like modes, are boxes to tick; what is wrong with them is said at the last.
        "scope" => "scope.signal:report",
        other => other,
    }
}

/// A field of the certificate's own: ``field `key` (label)``.
fn own_field(place: &str) -> Option<String> {
    let key = place.strip_prefix("field `")?.split('`').next()?;
    Some(format!("field.{key}"))
}

/// A field that must be filled in was left empty.
pub(crate) fn missing(name: &str) -> Failure {
    Rejected::unprocessable("field_missing", format!("{name}: expected a value, got none")).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::Pages;

    #[test]
    fn every_refusal_has_words_in_both_languages() {
        let pages = Pages::load(false).unwrap();
        for (code, key) in WORDS {
            for lang in [Lang::Zh, Lang::En] {
                assert!(pages.words(lang).find(key).is_some(), "{code}: {key}");
            }
        }
    }

    #[test]
    fn a_policys_explanation_is_told_in_one_language() {
        let rejected =
            Rejected::forbidden("refused_by_policy", "you must be seal keeper. / 须为印章管理员。");
        let pages = Pages::load(false).unwrap();
        let in_words = |lang| pages.words(lang).message(&words(&rejected, lang));
        assert_eq!(in_words(Lang::En), "The policy engine did not permit this: you must be seal keeper.");
        assert_eq!(in_words(Lang::Zh), "决策引擎没有允许此操作：须为印章管理员。");
    }

    #[test]
    fn a_mistake_is_marked_at_its_field() {
        let named =
            |code, message: &str| field(&Rejected::unprocessable(code, message)).map(|(name, _)| name);
        assert_eq!(named("bad_account", "password: expected another").as_deref(), Some("password"));
        assert_eq!(
            named("bad_application", "field `address` (经营场所) is required").as_deref(),
            Some("field.address")
        );
        assert_eq!(
            named("bad_application", "field `area` (面积): expected a decimal number, got `x`").as_deref(),
            Some("field.area")
        );
        assert_eq!(named("bad_seal", "expected a: b"), None);
    }
}
