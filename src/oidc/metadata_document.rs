//! Clients whose identifier is the address of a document that registers them (draft-ietf-oauth-client-id-metadata-document).
//!
//! Nobody checked such a client: it is like one that registered itself, and all that is known of it is the host in its identifier. So its
//! redirect URIs stay with that host or on the person's own device, it has no shared secret, it knows people by pairwise names, and its
//! keys are published beside its document.

use jose::json::StrictObject;
use serde_json::{Map, Value};
use url::{Host, Url};

use crate::client::{AuthMethod, Client, ClientId, GrantType};
use crate::redirect_uri::{ApplicationType, is_loopback};
use crate::registration::Registration;
use crate::self_registration::{self, NAME, SCOPE, SCOPES};
use crate::subject::SubjectType;

/// Largest document that is read, in bytes (the draft recommends 5 kilobytes).
pub const DOCUMENT_MAX_BYTES: usize = 5 << 10;
/// How long a document is used without looking again, at least, whatever its site says, in seconds.
pub const KEPT_MIN_SECONDS: i64 = 60;
/// And at most.
pub const KEPT_MAX_SECONDS: i64 = 3_600;
/// And when its site does not say.
pub const KEPT_USUAL_SECONDS: i64 = 300;

/// The members of a document that count here, beside name and scope. Others are for other servers.
const DOCUMENT_MEMBERS: &[&str] = &[
    NAME,
    SCOPE,
    "client_name#zh-CN",
    "client_name#en",
    "redirect_uris",
    "post_logout_redirect_uris",
    "grant_types",
    "response_types",
    "response_modes",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
    "jwks",
    "jwks_uri",
    "id_token_signed_response_alg",
    "dpop_bound_access_tokens",
    "request_object_signing_alg",
    "require_signed_request_object",
    "require_pushed_authorization_requests",
    "default_max_age",
];

/// Why a client identifier or the document at it is not taken: what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadDocument(pub String);

/// Whether `id` is meant as the address of a document.
pub fn is_address(id: &str) -> bool {
    id.starts_with("https://") || id.starts_with("http://")
}

/// The address that `id` is, if it may be one: https, a path, no dot segments, no user, query or fragment, no number for a host, and
/// written as every browser would write it, so that no client has two names. `development` lets `http` on this machine pass.
///
/// Source: the draft's section on the client identifier.
pub fn address(id: &ClientId, development: bool) -> Result<Url, BadDocument> {
    let bad = |expected: &str| BadDocument(format!("expected {expected}"));
    let text = id.as_str();
    let url = Url::parse(text).map_err(|_| bad("an absolute URL"))?;
    let here = development && is_loopback(&url);
    if url.scheme() != "https" && !(here && url.scheme() == "http") {
        return Err(bad("an https URL"));
    }
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(bad("a URL without user name, query and fragment"));
    }
    if !matches!(url.host(), Some(Host::Domain(_))) && !here {
        return Err(bad("a host name that people can read"));
    }
    // The URL Standard takes dot segments and letters' case away; what differs then had them, or has no path.
    if url.as_str() != text {
        return Err(BadDocument(format!("expected the URL's normal form with its path, `{url}`")));
    }
    Ok(url)
}

/// The registration that the document `body` at `address` makes of the client `id`.
///
/// Source: the draft's sections on the document, on client authentication and on the relationship between `redirect_uris` and `client_id`.
pub fn read(id: &ClientId, address: &Url, body: &[u8]) -> Result<Registration, BadDocument> {
    let bad = |expected: String| BadDocument(format!("document: expected {expected}"));
    if body.len() > DOCUMENT_MAX_BYTES {
        return Err(bad(format!("at most {DOCUMENT_MAX_BYTES} bytes")));
    }
    let StrictObject(members) = StrictObject::from_slice(body)
        .map_err(|_| bad("a JSON object in which no name comes twice".to_owned()))?;
    if members.get("client_id").and_then(Value::as_str) != Some(id.as_str()) {
        return Err(bad(format!("`client_id` to be `{id}`, byte for byte")));
    }
    if ["client_secret", "client_secret_expires_at"].iter().any(|secret| members.contains_key(*secret)) {
        return Err(bad("no secret: everybody can read it".to_owned()));
    }
    let mut kept: Map<String, Value> =
        members.into_iter().filter(|(member, _)| DOCUMENT_MEMBERS.contains(&member.as_str())).collect();
    // RFC 7591 has `client_secret_basic` here, which cannot be meant.
    let method = kept.entry("token_endpoint_auth_method").or_insert_with(|| AuthMethod::None.as_str().into());
    let methods = [AuthMethod::None, AuthMethod::PrivateKeyJwt].map(AuthMethod::as_str);
    if !method.as_str().is_some_and(|method| methods.contains(&method)) {
        return Err(bad(format!("`token_endpoint_auth_method` to be `{}`", methods.join("` or `"))));
    }
    only(
        &mut kept,
        "grant_types",
        &[GrantType::AuthorizationCode, GrantType::RefreshToken].map(GrantType::as_str),
    );
    only(&mut kept, "response_types", &["code"]);
    let mut registration =
        self_registration::read(kept, SCOPES).map_err(|e| bad(format!("a registration: {e}")))?;
    let logs_in = registration.grant_types.iter().any(|grant| grant == GrantType::AuthorizationCode.as_str());
    if !logs_in || registration.response_types.is_empty() {
        return Err(bad("grant `authorization_code` and response type `code` among its own".to_owned()));
    }
    let uris = || registration.redirect_uris.iter().chain(&registration.post_logout_redirect_uris);
    if let Some(elsewhere) = uris().find(|uri| !stays_with(uri, address)) {
        let shown: String = elsewhere.chars().take(200).collect();
        return Err(bad(format!(
            "redirect URIs at `{}`, on a loopback address, or with the scheme `{}`; got `{shown}`",
            address.origin().ascii_serialization(),
            own_scheme(address),
        )));
    }
    if registration.jwks_uri.as_deref().is_some_and(|uri| !is_at(uri, address)) {
        return Err(bad(format!("`jwks_uri` at `{}`", address.origin().ascii_serialization())));
    }
    if uris().any(|uri| !is_at(uri, address)) {
        registration.application_type = ApplicationType::Native;
    }
    client(id, &registration)?;
    Ok(registration)
}

/// The client that `registration`, which is the document at `id`, makes.
pub fn client(id: &ClientId, registration: &Registration) -> Result<Client, BadDocument> {
    let bad = |why: String| BadDocument(format!("document: {why}"));
    let mut client = registration.to_client(id.as_str()).map_err(|e| bad(e.to_string()))?;
    client.check_registration().map_err(|e| bad(e.to_string()))?;
    client.document = Some(serde_json::to_string(registration).map_err(|e| bad(e.to_string()))?.into());
    // Its names for people stay when its redirect URIs move, and mean nothing at other hosts.
    let host = client.document_host().ok_or_else(|| bad("expected an address".to_owned()))?;
    client.subject = SubjectType::Pairwise { sector: host };
    Ok(client)
}

/// How long a document may be used that came with this `Cache-Control`, in seconds (RFC 9111, 5.2.2, within our bounds).
pub fn kept_seconds(cache_control: Option<&str>) -> i64 {
    let Some(text) = cache_control else { return KEPT_USUAL_SECONDS };
    let directives = || text.split(',').map(|part| part.trim().to_ascii_lowercase());
    if directives().any(|d| d == "no-store" || d == "no-cache" || d.starts_with("no-cache=")) {
        return KEPT_MIN_SECONDS;
    }
    let age = directives().find_map(|d| d.strip_prefix("max-age=").map(|n| n.trim_matches('"').to_owned()));
    match age {
        // What is too large for a number is large all the same.
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().unwrap_or(KEPT_MAX_SECONDS).clamp(KEPT_MIN_SECONDS, KEPT_MAX_SECONDS)
        }
        Some(_) => KEPT_MIN_SECONDS,
        None => KEPT_USUAL_SECONDS,
    }
}

/// Leaves of the list `member` what is known here: the document is for every server, also for those that know more.
fn only(members: &mut Map<String, Value>, member: &str, known: &[&str]) {
    if let Some(Value::Array(list)) = members.get_mut(member) {
        list.retain(|value| value.as_str().is_none_or(|name| known.contains(&name)));
    }
}

/// Whether `uri` leads back to who publishes the document, or to the device that the person is at.
fn stays_with(uri: &str, address: &Url) -> bool {
    is_at(uri, address)
        || Url::parse(uri).is_ok_and(|url| {
            (url.scheme() == "http" && is_loopback(&url)) || url.scheme() == own_scheme(address)
        })
}

fn is_at(uri: &str, address: &Url) -> bool {
    Url::parse(uri).is_ok_and(|url| url.origin() == address.origin())
}

/// The private-use scheme that only the owner of the host may use: `com.example.app` for `app.example.com` (RFC 8252, 7.1).
fn own_scheme(address: &Url) -> String {
    let labels: Vec<&str> = address.host_str().unwrap_or_default().split('.').rev().collect();
    labels.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const ID: &str = "https://app.example.com/oauth/client.json";

    fn id(text: &str) -> ClientId {
        text.parse().unwrap()
    }

    fn reads(document: &Value) -> Result<Registration, BadDocument> {
        read(&id(ID), &address(&id(ID), false).unwrap(), document.to_string().as_bytes())
    }

    fn with(member: &str, value: Value) -> Value {
        let mut document =
            json!({ "client_id": ID, "client_name": "App", "redirect_uris": ["https://app.example.com/cb"] });
        document[member] = value;
        document
    }

    #[test]
    fn only_an_address_in_its_normal_form_is_an_identifier() {
        for good in [
            ID,
            "https://app.example.com/",
            "https://app.example.com:8443/a/b",
            "https://xn--fiq228c.example/c",
        ] {
            assert!(address(&id(good), false).is_ok(), "{good}");
        }
        for bad in [
            "http://app.example.com/c",
            "https://app.example.com",
            "https://app.example.com/a/../c",
            "https://app.example.com/./c",
            "https://APP.example.com/c",
            "https://app.example.com:443/c",
            "HTTPS://app.example.com/c",
            "https:app.example.com/c",
            "https:///app.example.com/c",
            "https://127.0.0.1/c",
            "https://127.1/c",
            "https://0x7f.0.0.1/c",
            "https://2130706433/c",
            "https://10.0.0.1/c",
            "https://169.254.169.254/latest/meta-data",
            "https://user:password/c",
            "http://localhost/c",
            "http://127.0.0.1:8080/c",
        ] {
            assert!(address(&id(bad), false).is_err(), "{bad}");
        }
        // Others are no client identifiers at all.
        for bad in [
            "https://u@app.example.com/c",
            "https://app.example.com/c?x=1",
            "https://app.example.com/c#x",
            "https://[::1]/c",
        ] {
            assert!(bad.parse::<ClientId>().is_err(), "{bad}");
        }
        for here in ["http://localhost:1/c", "http://127.0.0.1:8080/c"] {
            assert!(address(&id(here), true).is_ok(), "{here}");
        }
        assert!(address(&id("http://app.example.com/c"), true).is_err());
        assert!(!is_address("app_01k9p3v7h0d9x7q4v6k2m8w3ye") && is_address(ID));
    }

    #[test]
    fn a_document_registers_like_software_that_registers_itself() {
        let registration = reads(&json!({
            "client_id": ID, "client_name": "App", "redirect_uris": ["https://app.example.com/cb", "http://127.0.0.1/cb", "com.example.app:/cb"],
            "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code", "implicit"],
            "response_types": ["code", "code id_token"], "scope": "openid profile offline_access seal:use admin",
            "first_party": true, "require_pkce": false, "backchannel_logout_uri": "https://elsewhere.example/", "unheard_of": {},
        }))
        .unwrap();
        assert_eq!(registration.grant_types, ["authorization_code", "refresh_token"]);
        assert_eq!(
            (registration.scope.as_str(), registration.token_endpoint_auth_method.as_str()),
            ("openid profile offline_access", "none")
        );
        let client = client(&id(ID), &registration).unwrap();
        assert!(
            client.is_document()
                && client.registered_itself
                && !client.is_first_party()
                && !client.requests.pkce_waived
        );
        assert!(!client.has_trusted_redirect_uris() && client.back_channel.is_none());
        assert_eq!(client.application_type, ApplicationType::Native);
        assert_eq!(client.subject.sector(), Some("app.example.com"));
        assert_eq!(client.document_host().as_deref(), Some("app.example.com"));
    }

    #[test]
    fn a_document_that_is_not_the_clients_own_or_says_too_much_is_refused() {
        for (document, why) in [
            (json!([]), "a JSON object"),
            (json!({ "client_name": "App", "redirect_uris": ["https://app.example.com/cb"] }), "`client_id`"),
            (with("client_id", json!("https://app.example.com/oauth/Client.json")), "`client_id`"),
            (with("client_secret", json!("x")), "no secret"),
            (with("client_secret_expires_at", json!(0)), "no secret"),
            (with("token_endpoint_auth_method", json!("client_secret_post")), "`none` or `private_key_jwt`"),
            (with("token_endpoint_auth_method", json!("client_secret_jwt")), "`none` or `private_key_jwt`"),
            (with("token_endpoint_auth_method", json!(1)), "`none` or `private_key_jwt`"),
            (with("token_endpoint_auth_method", json!("private_key_jwt")), "`jwks` or `jwks_uri`"),
            (with("redirect_uris", json!([])), "redirect URI"),
            (with("redirect_uris", Value::Null), "redirect URI"),
            (with("redirect_uris", json!(["https://evil.example/cb"])), "redirect URIs at"),
            (with("redirect_uris", json!(["https://app.example.com.evil.example/cb"])), "redirect URIs at"),
            (with("redirect_uris", json!(["https://app.example.com:8443/cb"])), "redirect URIs at"),
            (with("redirect_uris", json!(["http://app.example.com/cb"])), "redirect URIs at"),
            (with("redirect_uris", json!(["com.example.other:/cb"])), "redirect URIs at"),
            (with("redirect_uris", json!(["javascript:alert(1)"])), "redirect URIs at"),
            (with("redirect_uris", json!(["https://app.example.com/*"])), "without `*`"),
            (with("post_logout_redirect_uris", json!(["https://evil.example/"])), "redirect URIs at"),
            (with("jwks_uri", json!("https://10.0.0.1/keys")), "`jwks_uri` at"),
            (with("grant_types", json!(["client_credentials"])), "authorization_code"),
            (with("response_types", json!(["token"])), "response type `code`"),
            (with("client_name", json!("App\u{202e}")), "printable"),
            (with("client_name", json!("x".repeat(101))), "1 to 100"),
            (with("unheard_of", json!("x".repeat(DOCUMENT_MAX_BYTES))), "bytes"),
        ] {
            let refused = reads(&document).unwrap_err().to_string();
            assert!(refused.contains(why), "{why}: {refused}");
        }
        let twice = format!(
            r#"{{"client_id":"{ID}","redirect_uris":["https://app.example.com/a"],"redirect_uris":["https://app.example.com/b"]}}"#
        );
        assert!(read(&id(ID), &address(&id(ID), false).unwrap(), twice.as_bytes()).is_err());
    }

    #[test]
    fn the_site_says_how_long_a_document_is_kept_within_bounds() {
        for (header, seconds) in [
            (None, 300),
            (Some("max-age=600"), 600),
            (Some("public, Max-Age=600, must-revalidate"), 600),
            (Some("max-age=0"), 60),
            (Some("max-age=31536000"), 3_600),
            (Some("max-age=99999999999999999999999"), 3_600),
            (Some("max-age=-1"), 60),
            (Some("max-age="), 60),
            (Some("no-store"), 60),
            (Some("max-age=600, no-cache"), 60),
            (Some("public"), 300),
            (Some(""), 300),
        ] {
            assert_eq!(kept_seconds(header), seconds, "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_and_documents_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200), name in "\\PC{0,30}", uri in "\\PC{0,60}", header in "\\PC{0,60}") {
            let at = address(&id(ID), false).unwrap();
            let _ = read(&id(ID), &at, &body);
            if let Ok(registration) = reads(&json!({ "client_id": ID, "client_name": name, "redirect_uris": [uri] })) {
                prop_assert!(registration.redirect_uris.iter().all(|uri| stays_with(uri, &at)));
            }
            prop_assert!((KEPT_MIN_SECONDS..=KEPT_MAX_SECONDS).contains(&kept_seconds(Some(&header))));
        }
    }
}
