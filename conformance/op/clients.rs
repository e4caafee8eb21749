//! The relying party's clients: registered for the module that needs them, or set up by hand.

use std::sync::Arc;

use serde_json::{Value, json};
use url::Url;

use super::finding::{Condition, Finding, fail, info};
use super::kit::http::{Call, Reply};
use super::kit::keys::KeyPair;
use super::kit::tls::Identity;
use super::kit::{jose, random_text, x509};
use super::plans::{Auth, Bound};
use super::test::{Step, Test};
use super::world::StaticClient;

/// A client.
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: Option<String>,
    pub(crate) auth: Auth,
    /// Signs its assertions and request objects.
    pub(crate) key: Option<Arc<KeyPair>>,
    /// An RSA key that is registered beside, for RS256 where it must not be taken.
    pub(crate) rsa: Option<Arc<KeyPair>>,
    /// Proves possession (RFC 9449).
    pub(crate) dpop: Arc<KeyPair>,
    pub(crate) identity: Option<Arc<Identity>>,
    pub(crate) redirect_uri: String,
    pub(crate) post_logout_redirect_uri: Option<String>,
    /// Whether its authorization requests use PKCE.
    pub(crate) pkce: bool,
    /// The algorithm of its ID tokens.
    pub(crate) id_token_alg: String,
    /// What registration answered.
    pub(crate) registered: Value,
}

/// What a module wants of a client beyond what the variant asks.
pub(crate) struct Wish {
    /// The client's part: which static client plays it.
    role: &'static str,
    auth: Auth,
    metadata: Value,
    with_rsa: bool,
    query: &'static str,
}

impl Wish {
    /// A client that authenticates as `auth`.
    pub(crate) fn new(role: &'static str, auth: Auth) -> Self {
        Self { role, auth, metadata: json!({}), with_rsa: false, query: "" }
    }

    /// With this metadata.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        jose::set(&mut self.metadata, name, value);
        self
    }

    /// With this query in its redirect URI (RFC 6749, 3.1.2).
    pub(crate) fn with_query(mut self, query: &'static str) -> Self {
        self.query = query;
        self
    }

    /// With an RSA key beside the other.
    pub(crate) fn with_rsa(mut self) -> Self {
        self.with_rsa = true;
        self
    }
}

/// What a client is registered with, and the secrets that stay here.
pub(crate) struct Registration {
    pub(crate) metadata: Value,
    client: Client,
}

impl Test {
    /// The client for the role, as the variant needs it.
    pub(crate) async fn client(&mut self, role: &'static str) -> Step<Arc<Client>> {
        let auth = self.variant.auth;
        self.client_as(Wish::new(role, auth)).await
    }

    /// The client that is wished for.
    pub(crate) async fn client_as(&mut self, wish: Wish) -> Step<Arc<Client>> {
        if let Some(known) = self.world.clients.get(wish.role).cloned() {
            let client = self.static_client(&known, &wish);
            return self.obtain(info("GetStaticClientConfiguration", "RFC 6749 2"), client).map(Arc::new);
        }
        let registration = self.registration(&wish)?;
        let reply = self.register(&registration.metadata).await?;
        self.registered(registration, &reply).map(Arc::new)
    }

    /// Everything for a registration request (RFC 7591, 2).
    pub(crate) fn registration(&mut self, wish: &Wish) -> Step<Registration> {
        let made = self.draft_registration(wish);
        self.obtain(info("CreateDynamicRegistrationRequest", "RFC 7591 2"), made)
    }

    fn draft_registration(&self, wish: &Wish) -> Result<Registration, String> {
        let variant = self.variant;
        let needs_key = variant.fapi || wish.auth == Auth::PrivateKeyJwt;
        let key = needs_key.then(|| KeyPair::new("ES256")).transpose()?.map(Arc::new);
        let rsa = wish.with_rsa.then(|| KeyPair::new("RS256")).transpose()?.map(Arc::new);
        let identity = variant.needs_certificate().then(|| self.new_identity()).transpose()?;
        let mut keys: Vec<Value> = [&key, &rsa].into_iter().flatten().map(|key| key.public.clone()).collect();
        keys.extend(identity.as_ref().map(|(_, jwk)| jwk.clone()));
        let redirect_uri = self.new_redirect_uri() + wish.query;
        let mut metadata = json!({
            "client_name": "conformance",
            "redirect_uris": [redirect_uri],
            "response_types": ["code"],
            "grant_types": ["authorization_code"],
            "token_endpoint_auth_method": wish.auth.as_str(),
            "contacts": ["conformance@rp.example"],
        });
        if !keys.is_empty() {
            jose::set(&mut metadata, "jwks", json!({"keys": keys}));
        }
        let id_token_alg = self.id_token_alg();
        if variant.fapi {
            self.add_fapi_metadata(&mut metadata, &id_token_alg);
        }
        for (name, value) in wish.metadata.as_object().into_iter().flatten() {
            jose::set(&mut metadata, name, value.clone());
        }
        let client = Client {
            id: String::new(),
            secret: None,
            auth: wish.auth,
            key,
            rsa,
            dpop: Arc::new(KeyPair::new("ES256")?),
            identity: identity.map(|(identity, _)| identity),
            redirect_uri,
            post_logout_redirect_uri: post_logout_redirect_uri(&metadata),
            pkce: variant.fapi || self.world.options.pkce,
            id_token_alg,
            registered: Value::Null,
        };
        Ok(Registration { metadata, client })
    }

    /// FAPI 2.0, 5.3.2: pushed requests and tokens that are bound; Message Signing, 5: signed ones.
    fn add_fapi_metadata(&self, metadata: &mut Value, id_token_alg: &str) {
        let mut add = |name: &str, value: Value| jose::set(metadata, name, value);
        add("grant_types", json!(["authorization_code", "refresh_token"]));
        add("require_pushed_authorization_requests", json!(true));
        add("id_token_signed_response_alg", json!(id_token_alg));
        match self.variant.bound {
            Bound::Dpop => add("dpop_bound_access_tokens", json!(true)),
            Bound::Certificate => add("tls_client_certificate_bound_access_tokens", json!(true)),
            Bound::Nobody => {}
        }
        if self.variant.signed {
            add("request_object_signing_alg", json!("ES256"));
            add("require_signed_request_object", json!(true));
            add("authorization_signed_response_alg", json!(id_token_alg));
        }
    }

    /// RS256 unless FAPI 2.0 forbids it (5.4): then the first allowed algorithm that the provider offers.
    fn id_token_alg(&self) -> String {
        let offered = self.world.provider.list("id_token_signing_alg_values_supported").unwrap_or_default();
        let allowed = ["ES256", "PS256", "EdDSA"].into_iter().find(|alg| offered.contains(alg));
        match allowed.filter(|_| self.variant.fapi) {
            Some(alg) => alg.to_owned(),
            None if self.variant.fapi => "ES256".to_owned(),
            None => "RS256".to_owned(),
        }
    }

    /// A certificate of its own for one client, and the JWK that registers it (RFC 8705, 2.2.2).
    fn new_identity(&self) -> Result<(Arc<Identity>, Value), String> {
        let key = KeyPair::new("ES256")?;
        let certificate = x509::self_signed(&key, "conformance")?;
        let jwk = x509::jwk(&key, &certificate);
        Ok((Arc::new(self.world.http.trust.identity(certificate, key.pkcs8.clone())?), jwk))
    }

    /// A redirect URI that nobody else has.
    pub(crate) fn new_redirect_uri(&self) -> String {
        let base = self.world.options.redirect_base.as_str();
        format!("{}/{}/callback", base.trim_end_matches('/'), random_text(12))
    }

    /// Sends a registration request (RFC 7591, 3.1).
    pub(crate) async fn register(&mut self, metadata: &Value) -> Step<Reply> {
        let Ok(endpoint) = self.world.provider.endpoint("registration_endpoint") else {
            return Err(self.skip("no `registration_endpoint` and no static client for this part"));
        };
        let mut call = Call::json(&endpoint, metadata).header("accept", "application/json");
        if let Some(token) = &self.world.registration_token {
            call = call.header("authorization", format!("Bearer {token}"));
        }
        self.call("CallDynamicRegistrationEndpoint", call).await
    }

    /// Reads a registration response (RFC 7591, 3.2.1).
    pub(crate) fn registered(&mut self, registration: Registration, reply: &Reply) -> Step<Client> {
        self.need(
            fail("EnsureHttpStatusCodeIs201", "OIDCR 3.2")
                .holds(reply.status == 201, || format!("expected 201, got {}", reply.brief())),
        )?;
        self.note(is_json(reply, fail("EnsureContentTypeJson", "OIDCR 3.2")));
        let answer = self.obtain(fail("ExtractDynamicRegistrationResponse", "OIDCR 3.2"), reply.json())?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let id = text("client_id").ok_or_else(|| format!("expected `client_id`, got {answer}"));
        let mut client = registration.client;
        client.id =
            self.obtain(fail("VerifyDynamicRegistrationResponseClientCredentials", "OIDCR 3.2"), id)?;
        client.secret = text("client_secret");
        self.note(secret_with_expiry(&answer, client.auth));
        self.note(management_credentials(&answer));
        if let Some(alg) = text("id_token_signed_response_alg") {
            client.id_token_alg = alg;
        }
        let management = text("registration_client_uri").and_then(|uri| uri.parse::<Url>().ok());
        self.registrations.extend(management.zip(text("registration_access_token")));
        client.registered = answer;
        Ok(client)
    }

    /// Takes back the clients of this module (RFC 7592, 2.3).
    pub(crate) async fn unregister(&mut self) {
        for (address, token) in std::mem::take(&mut self.registrations) {
            let call =
                Call::new(http::Method::DELETE, &address).header("authorization", format!("Bearer {token}"));
            // Registration management is an option, so nothing follows from a refusal.
            let _ = self.world.http.send(call).await;
        }
    }

    fn static_client(&self, known: &StaticClient, wish: &Wish) -> Result<Client, String> {
        let key = known.jwk.as_deref().map(KeyPair::from_jwk).transpose()?.map(Arc::new);
        Ok(Client {
            id: known.client_id.clone(),
            secret: known.client_secret.clone(),
            auth: wish.auth,
            key,
            rsa: None,
            dpop: Arc::new(KeyPair::new("ES256")?),
            identity: None,
            redirect_uri: known.redirect_uri.to_string(),
            post_logout_redirect_uri: known.post_logout_redirect_uri.as_ref().map(Url::to_string),
            pkce: self.variant.fapi || known.pkce,
            id_token_alg: known.id_token_signed_response_alg.clone().unwrap_or_else(|| self.id_token_alg()),
            registered: json!({}),
        })
    }
}

fn post_logout_redirect_uri(metadata: &Value) -> Option<String> {
    metadata.get("post_logout_redirect_uris")?.as_array()?.first()?.as_str().map(str::to_owned)
}

/// The answer's media type is JSON.
pub(crate) fn is_json(reply: &Reply, condition: Condition) -> Finding {
    condition.equal(reply.media_type().as_str(), "application/json")
}

/// RFC 7591, 3.2.1: a secret comes with the time of its end.
fn secret_with_expiry(answer: &Value, auth: Auth) -> Finding {
    let condition = fail("CheckClientSecretExpiresAt", "RFC 7591 3.2.1");
    let wants_secret = matches!(auth, Auth::SecretBasic | Auth::SecretPost);
    match (answer.get("client_secret"), answer.get("client_secret_expires_at")) {
        (None, _) if wants_secret => condition.result(Err("expected `client_secret`, got none".to_owned())),
        (Some(_), None) => condition.result(Err("expected `client_secret_expires_at`, got none".to_owned())),
        _ => condition.result(Ok(())),
    }
}

/// OpenID Connect Registration, 3.2: both or neither.
fn management_credentials(answer: &Value) -> Finding {
    let [address, token] =
        ["registration_client_uri", "registration_access_token"].map(|name| answer.get(name).is_some());
    fail("VerifyClientManagementCredentials", "OIDCR 3.2").holds(address == token, || {
        format!("expected both or neither of address and token, got {address} and {token}")
    })
}
