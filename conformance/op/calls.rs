//! What a client calls: endpoints under its own name, and the protected resource with a token.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::json;
use url::Url;

use super::clients::Client;
use super::finding::info;
use super::flow::Granted;
use super::kit::http::{Call, Reply};
use super::kit::jose::Draft;
use super::kit::{Params, now, random_token};
use super::plans::{Auth, Bound};
use super::proof::{Edit, Proof};
use super::test::{Step, Test};

/// How long an assertion, a proof or a request object is good for.
pub(crate) const LIFETIME_SECONDS: i64 = 60;

/// A call that a client makes under its own name.
pub(crate) struct ClientCall {
    pub(crate) client: Arc<Client>,
    /// The member of the metadata with the address.
    pub(crate) endpoint: &'static str,
    pub(crate) form: Params,
    pub(crate) assertion: Assertion,
    /// The DPoP proof that goes with it.
    pub(crate) proof: Option<Proof>,
    /// Whether a certificate of the client's is shown.
    pub(crate) certificate: bool,
    /// The id that is presented, when it is not the client's own.
    pub(crate) presented_id: Option<String>,
}

/// How a client with `private_key_jwt` proves itself.
#[derive(Clone)]
pub(crate) enum Assertion {
    /// As it should.
    Right,
    /// Not at all: the client's id alone.
    Missing,
    /// With claims or a header changed before signing.
    Edited(Edit),
    /// With RS256 under the client's RSA key.
    Rs256,
}

/// A call to the protected resource that is not the usual one.
#[derive(Clone)]
pub(crate) struct Resource {
    pub(crate) method: Method,
    pub(crate) scheme: Option<&'static str>,
    pub(crate) accept: &'static str,
    pub(crate) proof: Option<Proof>,
    /// Whose key or certificate is shown, when not that of the token's client.
    pub(crate) client: Option<Arc<Client>>,
}

impl Default for Resource {
    fn default() -> Self {
        Self { method: Method::GET, scheme: None, accept: "application/json", proof: None, client: None }
    }
}

impl Test {
    /// A call to the token endpoint, with a proof where tokens are bound to a key.
    pub(crate) fn token_call(&self, client: &Arc<Client>, form: Params) -> ClientCall {
        let mut call = self.client_post(client, "token_endpoint", form);
        call.proof = (self.variant.bound == Bound::Dpop).then(|| Proof::of(&client.dpop));
        call.certificate |= self.variant.bound == Bound::Certificate;
        call
    }

    /// A call that `client` makes under its own name.
    pub(crate) fn client_post(
        &self,
        client: &Arc<Client>,
        endpoint: &'static str,
        form: Params,
    ) -> ClientCall {
        ClientCall {
            client: Arc::clone(client),
            endpoint,
            form,
            assertion: Assertion::Right,
            proof: None,
            certificate: client.auth == Auth::SelfSignedTls,
            presented_id: None,
        }
    }

    /// Makes a client's call, once more when the provider wants a nonce in the proof (RFC 9449, 8).
    pub(crate) async fn client_call(&mut self, call: &ClientCall) -> Step<Reply> {
        let reply = self.client_call_once(call).await?;
        if call.proof.is_some() && reply.text("error").as_deref() == Some("use_dpop_nonce") {
            return self.client_call_once(call).await;
        }
        Ok(reply)
    }

    /// The same where TLS may refuse a client that shows no certificate: then there is no reply.
    pub(crate) async fn client_call_or_nothing(&mut self, call: &ClientCall) -> Step<Option<Reply>> {
        let request = self.client_request(call);
        let request = self.obtain(info("PrepareClientRequest", "RFC 6749 2.3"), request)?;
        Ok(self.world.http.send(request).await.ok())
    }

    async fn client_call_once(&mut self, call: &ClientCall) -> Step<Reply> {
        let request = self.client_request(call);
        let request = self.obtain(info("PrepareClientRequest", "RFC 6749 2.3"), request)?;
        let reply = self.call("CallClientEndpoint", request).await?;
        if let Some(nonce) = reply.header("dpop-nonce") {
            self.nonces[0] = Some(nonce.to_owned());
        }
        Ok(reply)
    }

    fn client_request(&self, call: &ClientCall) -> Result<Call, String> {
        let provider = &self.world.provider;
        let identity = call.client.identity.clone().filter(|_| call.certificate);
        let url = match self.variant.needs_certificate() {
            true => provider.mtls_endpoint(call.endpoint),
            false => provider.endpoint(call.endpoint),
        }?;
        let mut form = call.form.clone();
        let mut authorization = None;
        match (call.client.auth, call.client.secret.as_deref()) {
            (Auth::SecretBasic, secret) => {
                authorization = Some(basic(&call.client.id, secret.unwrap_or_default()))
            }
            (Auth::SecretPost, secret) => {
                form.set("client_id", call.client.id.as_str())
                    .set("client_secret", secret.unwrap_or_default());
            }
            (Auth::SelfSignedTls, _) => {
                form.set("client_id", call.presented_id.as_ref().unwrap_or(&call.client.id).as_str());
            }
            (Auth::PrivateKeyJwt, _) => self.assert(call, &mut form)?,
        }
        let mut request = Call::form(&url, &form).header("accept", "application/json").identity(identity);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        if let Some(proof) = &call.proof {
            for header in proof.headers(&Method::POST, &url, None, self.nonces[0].as_ref())? {
                request = request.header("dpop", header);
            }
        }
        Ok(request)
    }

    /// Puts the client's assertion into the form (RFC 7523, 2.2; FAPI 2.0, 5.3.2.1: the audience is the issuer alone).
    fn assert(&self, call: &ClientCall, form: &mut Params) -> Result<(), String> {
        let client = &call.client;
        let key = client.key.as_ref().ok_or("expected a key of the client")?;
        let claims = json!({
            "iss": client.id, "sub": client.id, "aud": self.world.provider.issuer, "jti": random_token(),
            "iat": now(), "exp": now() + LIFETIME_SECONDS,
        });
        let mut draft = Draft::new(key, None, claims.clone());
        let signed = match &call.assertion {
            Assertion::Missing => {
                form.set("client_id", client.id.as_str());
                return Ok(());
            }
            Assertion::Right => draft.sign(key)?,
            Assertion::Edited(edit) => {
                edit(&mut draft);
                draft.sign(key)?
            }
            Assertion::Rs256 => {
                let rsa = client.rsa.as_ref().ok_or("expected an RSA key of the client")?;
                Draft::new(rsa, None, claims).sign(rsa)?
            }
        };
        form.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            .set("client_assertion", signed);
        Ok(())
    }

    /// A call to UserInfo, once more when the resource wants a nonce in the proof (RFC 9449, 9).
    pub(crate) async fn resource(&mut self, granted: &Granted, resource: &Resource) -> Step<Reply> {
        let reply = self.resource_once(granted, resource).await?;
        let challenge = reply.header("www-authenticate").unwrap_or_default();
        if reply.status == 401 && challenge.contains("use_dpop_nonce") {
            self.nonce_demanded = true;
            return self.resource_once(granted, resource).await;
        }
        Ok(reply)
    }

    async fn resource_once(&mut self, granted: &Granted, resource: &Resource) -> Step<Reply> {
        let request = self.resource_request(granted, resource);
        let request = self.obtain(info("PrepareResourceRequest", "RFC 6750 2"), request)?;
        let reply = self.call("CallProtectedResource", request).await?;
        if let Some(nonce) = reply.header("dpop-nonce") {
            self.nonces[1] = Some(nonce.to_owned());
        }
        Ok(reply)
    }

    fn resource_request(&self, granted: &Granted, resource: &Resource) -> Result<Call, String> {
        let url = self.resource_address()?;
        let scheme =
            resource.scheme.unwrap_or(if self.variant.bound == Bound::Dpop { "DPoP" } else { "Bearer" });
        let token = &granted.access_token;
        let client = resource.client.as_ref().unwrap_or(&granted.client);
        let mut call = Call::new(resource.method.clone(), &url).header("accept", resource.accept);
        if resource.method == Method::POST {
            call = call.header("content-length", "0");
        }
        if self.variant.bound == Bound::Certificate {
            call = call.identity(client.identity.clone());
        }
        call = call.header("authorization", format!("{scheme} {token}"));
        if self.variant.bound == Bound::Dpop {
            let proof = resource.proof.clone().unwrap_or_else(|| Proof::of(&client.dpop));
            for header in proof.headers(&resource.method, &url, Some(token), self.nonces[1].as_ref())? {
                call = call.header("dpop", header);
            }
        }
        Ok(call)
    }

    /// Where the protected resource is: UserInfo.
    pub(crate) fn resource_address(&self) -> Result<Url, String> {
        match self.variant.bound {
            Bound::Certificate => self.world.provider.mtls_endpoint("userinfo_endpoint"),
            Bound::Nobody | Bound::Dpop => self.world.provider.endpoint("userinfo_endpoint"),
        }
    }
}

/// RFC 6749, 2.3.1: id and secret are form-encoded before they are joined.
fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}
