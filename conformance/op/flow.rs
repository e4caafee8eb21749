//! The authorization code flow, step by step, with the conditions that every module looks at.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};
use url::Url;

use super::checks::{authorization, errors, id_token, jwks, token, userinfo};
use super::clients::Client;
use super::finding::{Severity, fail, info};
use super::kit::browser::{Aim, Asked, End, Landing, Visit};
use super::kit::http::{Call, Reply};
use super::kit::jose::{Draft, Token};
use super::kit::keys::{KeyPair, sha256_b64, thumbprint};
use super::kit::{Params, now, random_token};
use super::plans::{Auth, Bound};
use super::test::{Step, Test};

/// How long an assertion, a proof or a request object is good for.
pub(crate) const LIFETIME_SECONDS: i64 = 60;

/// A change of a token before it is signed.
pub(crate) type Edit = Arc<dyn Fn(&mut Draft) + Send + Sync>;

/// An authorization request in the making.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) client: Arc<Client>,
    pub(crate) params: Params,
    /// The secret behind the code challenge (RFC 7636).
    pub(crate) verifier: Option<String>,
    /// Parameters at the authorization endpoint beside `request_uri`; the usual duplicates without any.
    pub(crate) outside: Option<Params>,
    /// Changes the request object before it is signed.
    pub(crate) edit: Option<Edit>,
    /// Proves the DPoP key when the request is pushed (RFC 9449, 10.1).
    pub(crate) proven: bool,
}

impl Ask {
    /// Gives a parameter this value.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.params.set(name, value);
        self
    }

    /// Takes a parameter away.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.params.remove(name);
        self
    }

    /// Where the answer has to come.
    pub(crate) fn redirect_uri(&self) -> &str {
        self.params.get("redirect_uri").unwrap_or(&self.client.redirect_uri)
    }
}

/// What a code or a refresh token brought.
#[derive(Clone)]
pub(crate) struct Granted {
    pub(crate) client: Arc<Client>,
    pub(crate) answer: Value,
    pub(crate) access_token: String,
    pub(crate) refresh_token: Option<String>,
    pub(crate) id_token: Option<Token>,
}

impl Granted {
    /// `sub` of the ID token.
    pub(crate) fn sub(&self) -> Option<&str> {
        self.id_token.as_ref()?.text("sub")
    }
}

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

/// A DPoP proof in the making (RFC 9449, 4.2).
#[derive(Clone)]
pub(crate) struct Proof {
    pub(crate) key: Arc<KeyPair>,
    edit: Option<Edit>,
    shape: Shape,
}

/// How a proof leaves the client: right, or wrong in a way that is not in its claims.
#[derive(Clone)]
pub(crate) enum Shape {
    Signed,
    /// With `alg` none.
    Unsigned,
    /// With another signature.
    Tampered,
    /// Signed, with no `alg` in the header.
    WithoutAlgorithm,
    /// Signed with a key that is not the one in the header.
    Foreign(Arc<KeyPair>),
    /// Something that is not a token.
    NotAToken,
    /// Two proofs at once.
    Twice,
    /// No proof.
    Absent,
}

impl Proof {
    /// A good proof under `key`.
    pub(crate) fn of(key: &Arc<KeyPair>) -> Self {
        Self { key: Arc::clone(key), edit: None, shape: Shape::Signed }
    }

    /// Changed before it is signed.
    pub(crate) fn edited(mut self, edit: impl Fn(&mut Draft) + Send + Sync + 'static) -> Self {
        self.edit = Some(Arc::new(edit));
        self
    }

    /// In another shape.
    pub(crate) fn shaped(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// The values of the `DPoP` header.
    pub(crate) fn headers(
        &self,
        method: &Method,
        url: &Url,
        token: Option<&str>,
        nonce: Option<&String>,
    ) -> Result<Vec<String>, String> {
        let draft = self.draft(method, url, token, nonce);
        let one = match &self.shape {
            Shape::Signed => draft.sign(&self.key)?,
            Shape::Unsigned => draft.unsigned(),
            Shape::Tampered => draft.tampered(&self.key)?,
            Shape::WithoutAlgorithm => draft.sign_as(&self.key, &self.key.alg)?,
            Shape::Foreign(other) => draft.sign(other)?,
            Shape::NotAToken => draft.sign(&self.key)?.replace('.', ""),
            Shape::Twice => {
                let second = self.draft(method, url, token, nonce);
                return Ok(vec![draft.sign(&self.key)?, second.sign(&self.key)?]);
            }
            Shape::Absent => return Ok(Vec::new()),
        };
        Ok(vec![one])
    }

    fn draft(&self, method: &Method, url: &Url, token: Option<&str>, nonce: Option<&String>) -> Draft {
        let mut htu = url.clone();
        htu.set_query(None);
        htu.set_fragment(None);
        let header = match self.shape {
            Shape::WithoutAlgorithm => json!({"typ": "dpop+jwt", "jwk": self.key.bare()}),
            _ => json!({"typ": "dpop+jwt", "alg": self.key.alg, "jwk": self.key.bare()}),
        };
        let claims =
            json!({"jti": random_token(), "htm": method.as_str(), "htu": htu.as_str(), "iat": now()});
        let mut draft = Draft { header, claims };
        if let Some(token) = token {
            draft.claim("ath", sha256_b64(token.as_bytes()));
        }
        if let Some(nonce) = nonce {
            draft.claim("nonce", nonce.as_str());
        }
        if let Some(edit) = &self.edit {
            edit(&mut draft);
        }
        draft
    }
}

impl Test {
    /// Fetches and judges the provider's keys: the beginning of every module.
    pub(crate) async fn fetch_keys(&mut self) -> Step {
        let address = self.world.provider.endpoint("jwks_uri");
        let address = self.obtain(fail("CheckJwksUri", "OIDCD 3"), address)?;
        let reply = self.call("FetchServerKeys", Call::get(&address)).await?;
        let set = self.obtain(fail("FetchServerKeys", "OIDCD 3"), reply.json())?;
        let keys = set.get("keys").and_then(Value::as_array).cloned();
        self.keys = self.obtain(
            fail("FetchServerKeys", "RFC 7517 5"),
            keys.ok_or_else(|| format!("expected `keys`, got {set}")),
        )?;
        for finding in jwks::all(&self.keys) {
            self.note(finding);
        }
        if self.variant.fapi {
            self.note(jwks::long_enough(&self.keys));
        }
        Ok(())
    }

    /// A good authorization request of `client`.
    pub(crate) fn ask(&self, client: &Arc<Client>) -> Ask {
        let scope = if self.variant.fapi { self.fapi_scope() } else { "openid".to_owned() };
        let mut params: Params = [
            ("client_id", client.id.as_str()),
            ("redirect_uri", client.redirect_uri.as_str()),
            ("response_type", "code"),
            ("scope", scope.as_str()),
        ]
        .into_iter()
        .collect();
        params.set("state", random_token()).set("nonce", random_token());
        if self.variant.form_post {
            params.set("response_mode", "form_post");
        }
        if self.variant.signed {
            params.set("response_mode", "jwt");
        }
        let ask = Ask {
            client: Arc::clone(client),
            params,
            verifier: None,
            outside: None,
            edit: None,
            proven: false,
        };
        if client.pkce { ask.with_challenge() } else { ask }
    }

    /// `openid`, and `profile` where there is one: two scopes, so that their order can change.
    fn fapi_scope(&self) -> String {
        let profile = self.world.provider.lists("scopes_supported", "profile");
        if profile { "openid profile".to_owned() } else { "openid".to_owned() }
    }

    /// Takes the request to the provider: pushed first under FAPI 2.0.
    pub(crate) async fn visit(&mut self, ask: &Ask, aim: Aim) -> Step<Visit> {
        let address = if self.variant.fapi {
            let request_uri = self.push(ask).await?;
            self.pushed_address(ask, &request_uri)?
        } else {
            self.authorization_address(&ask.params)?
        };
        self.browse(&address, aim).await
    }

    /// Opens `address` in the person's browser.
    pub(crate) async fn browse(&mut self, address: &Url, aim: Aim) -> Step<Visit> {
        let visit = self.browser.visit(address, aim).await;
        self.obtain(info("BrowserVisit", "RFC 6749 4.1.1"), visit)
    }

    /// The authorization endpoint with these parameters.
    pub(crate) fn authorization_address(&mut self, params: &Params) -> Step<Url> {
        let endpoint = self.world.provider.endpoint("authorization_endpoint");
        let mut url = self.obtain(fail("CheckDiscEndpointAuthorizationEndpoint", "OIDCD 3"), endpoint)?;
        url.query_pairs_mut().extend_pairs(params.iter());
        Ok(url)
    }

    /// The authorization endpoint for a pushed request (RFC 9126, 4; the duplicates of OpenID Connect Core, 6.1).
    pub(crate) fn pushed_address(&mut self, ask: &Ask, request_uri: &str) -> Step<Url> {
        let mut params = ask.outside.clone().unwrap_or_else(|| {
            let duplicates = ["response_type", "client_id", "scope", "redirect_uri"];
            ask.params.iter().filter(|(name, _)| duplicates.contains(name)).collect()
        });
        params.set("client_id", ask.client.id.as_str()).set("request_uri", request_uri);
        self.authorization_address(&params)
    }

    /// Pushes the request; the reply, whatever it is (RFC 9126, 2.1).
    pub(crate) async fn push_raw(&mut self, ask: &Ask) -> Step<Reply> {
        let form = self.pushed_form(ask)?;
        self.client_call(&self.pushing(ask, form)).await
    }

    /// What is pushed: the parameters, or a request object with them.
    pub(crate) fn pushed_form(&mut self, ask: &Ask) -> Step<Params> {
        if !self.variant.signed {
            return Ok(ask.params.clone());
        }
        let key = ask.client.key.clone().ok_or_else(|| "expected a key of the client".to_owned());
        let key = self.obtain(info("SignRequestObject", "RFC 9101 4"), key)?;
        let signed = self.request_object(ask, &key).sign(&key);
        let signed = self.obtain(info("SignRequestObject", "RFC 9101 4"), signed)?;
        Ok([("client_id", ask.client.id.as_str()), ("request", signed.as_str())].into_iter().collect())
    }

    /// The call that pushes `form`.
    pub(crate) fn pushing(&self, ask: &Ask, form: Params) -> ClientCall {
        let mut call = self.client_post(&ask.client, "pushed_authorization_request_endpoint", form);
        call.proof = (ask.proven && self.variant.bound == Bound::Dpop).then(|| Proof::of(&ask.client.dpop));
        call
    }

    /// The request object before it is signed (FAPI 2.0 Message Signing, 5.3.1; RFC 9101, 4).
    pub(crate) fn request_object(&self, ask: &Ask, key: &KeyPair) -> Draft {
        let mut draft = Draft::new(key, Some("oauth-authz-req+jwt"), json!({}));
        for (name, value) in ask.params.iter() {
            let structured = if name == "claims" { serde_json::from_str(value).ok() } else { None };
            draft.claim(name, structured.unwrap_or_else(|| json!(value)));
        }
        let now = now();
        draft
            .claim("iss", ask.client.id.as_str())
            .claim("aud", self.world.provider.issuer.as_str())
            .claim("nbf", now)
            .claim("iat", now)
            .claim("exp", now + LIFETIME_SECONDS * 5);
        if let Some(edit) = &ask.edit {
            edit(&mut draft);
        }
        draft
    }

    /// Pushes the request; its `request_uri` (RFC 9126, 2.2).
    pub(crate) async fn push(&mut self, ask: &Ask) -> Step<String> {
        let reply = self.push_raw(ask).await?;
        self.pushed(&reply)
    }

    /// Judges the answer to a pushed request.
    pub(crate) fn pushed(&mut self, reply: &Reply) -> Step<String> {
        self.need(
            fail("CheckPAREndpointResponse201WithNoError", "RFC 9126 2.2")
                .holds(reply.status == 201, || format!("expected 201, got {}", reply.brief())),
        )?;
        self.note(super::clients::is_json(reply, fail("EnsureContentTypeJson", "RFC 9126 2.2")));
        let answer = self.obtain(fail("CheckForRequestUriValue", "RFC 9126 2.2"), reply.json())?;
        let seconds = answer.get("expires_in").and_then(Value::as_i64);
        self.note(
            fail("CheckForPARResponseExpiresIn", "RFC 9126 2.2")
                .holds(seconds.is_some_and(|seconds| (5..31_536_000).contains(&seconds)), || {
                    format!("expected 5 s to a year, got {seconds:?}")
                }),
        );
        let request_uri = answer.get("request_uri").and_then(Value::as_str).map(str::to_owned);
        let missing = || format!("expected `request_uri`, got {answer}");
        let request_uri = self.obtain(
            fail("ExtractRequestUriFromPARResponse", "RFC 9126 2.2"),
            request_uri.ok_or_else(missing),
        )?;
        let unguessable = fail("EnsureMinimumRequestUriEntropy", "RFC 9126 2.2, 7.1");
        self.note(super::checks::random_enough(unguessable, &request_uri));
        Ok(request_uri)
    }

    /// Logs in and consents; the code, with everything looked at on the way.
    pub(crate) async fn authorize(&mut self, ask: &Ask) -> Step<String> {
        let visit = self.visit(ask, Aim::Allow).await?;
        let landing = self.landed(visit)?;
        self.code(ask, &landing)
    }

    /// The code in a good answer.
    pub(crate) fn code(&mut self, ask: &Ask, landing: &Landing) -> Step<String> {
        let answer = self.answer(ask, landing)?;
        self.need(authorization::no_error(&answer))?;
        self.note(authorization::nothing_unexpected(&answer, ask.redirect_uri()));
        let code = self.obtain(
            fail("ExtractAuthorizationCodeFromAuthorizationResponse", "RFC 6749 4.1.2"),
            authorization::code(&answer),
        )?;
        self.note_all(authorization::code_unguessable(&code));
        Ok(code)
    }

    /// The browser has to have come back.
    pub(crate) fn landed(&mut self, visit: Visit) -> Step<Landing> {
        let landing = match visit.end {
            End::Landed(landing) => Ok(landing),
            End::Page(page) => Err(format!("expected a way back to the client, got {}", page.brief())),
        };
        self.obtain(fail("ExpectRedirectUriHasBeenCalled", "RFC 6749 4.1.2"), landing)
    }

    /// The parameters of the answer, good or bad, after the conditions that hold for both.
    pub(crate) fn answer(&mut self, ask: &Ask, landing: &Landing) -> Step<Params> {
        let answer = self.bare_answer(ask, landing)?;
        self.note(authorization::state_returned(&answer, ask.params.get("state")));
        let issuer = self.world.provider.issuer.clone();
        self.note(match self.variant.fapi {
            true => authorization::issuer_told(&answer, &issuer),
            false => authorization::issuer_if_told(&answer, &issuer),
        });
        Ok(answer)
    }

    /// The parameters of an answer of a provider that may not know the request, and so no state.
    pub(crate) fn bare_answer(&mut self, ask: &Ask, landing: &Landing) -> Step<Params> {
        self.note(authorization::came_to(landing, ask.redirect_uri()));
        let answer = if self.variant.form_post {
            self.note_all(authorization::posted(landing));
            landing.form.clone()
        } else {
            self.note_all(authorization::nothing_in_fragment(landing));
            landing.query.clone()
        };
        if self.variant.signed { self.jarm(ask, answer) } else { Ok(answer) }
    }

    /// Exchanges the code; what it brought, with everything looked at.
    pub(crate) async fn exchange(&mut self, ask: &Ask, code: &str) -> Step<Granted> {
        let reply = self.client_call(&self.code_call(ask, code)).await?;
        let granted = self.granted(&ask.client, &reply)?;
        self.judge_id_token(&granted, ask, code)?;
        Ok(granted)
    }

    /// The whole flow.
    pub(crate) async fn log_in(&mut self, ask: &Ask) -> Step<Granted> {
        let code = self.authorize(ask).await?;
        self.exchange(ask, &code).await
    }

    /// The token request for a code (RFC 6749, 4.1.3; RFC 7636, 4.5).
    pub(crate) fn code_call(&self, ask: &Ask, code: &str) -> ClientCall {
        let mut form: Params =
            [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", ask.redirect_uri())]
                .into_iter()
                .collect();
        if let Some(verifier) = &ask.verifier {
            form.set("code_verifier", verifier.as_str());
        }
        self.token_call(&ask.client, form)
    }

    /// The token request for a refresh token (RFC 6749, 6).
    pub(crate) fn refresh_call(
        &self,
        client: &Arc<Client>,
        refresh_token: &str,
        scope: Option<&str>,
    ) -> ClientCall {
        let mut form: Params =
            [("grant_type", "refresh_token"), ("refresh_token", refresh_token)].into_iter().collect();
        if let Some(scope) = scope {
            form.set("scope", scope);
        }
        self.token_call(client, form)
    }

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

    /// Judges a token response (RFC 6749, 5.1).
    pub(crate) fn granted(&mut self, client: &Arc<Client>, reply: &Reply) -> Step<Granted> {
        self.need(
            fail("CheckTokenEndpointHttpStatus200", "RFC 6749 5.1")
                .holds(reply.status == 200, || format!("expected 200, got {}", reply.brief())),
        )?;
        self.note_all(token::envelope(reply));
        let answer = self.obtain(fail("CheckTokenEndpointReturnedJson", "RFC 6749 5.1"), reply.json())?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let access_token =
            text("access_token").ok_or_else(|| format!("expected `access_token`, got {answer}"));
        let access_token =
            self.obtain(fail("ExtractAccessTokenFromTokenResponse", "RFC 6749 5.1"), access_token)?;
        self.note(token::token_type(&answer, self.variant.bound));
        self.note_all(token::access_token(&access_token));
        let missing = if self.variant.fapi { Severity::Warn } else { Severity::Info };
        self.note_all(token::expires_in(&answer, missing));
        self.note(token::scope(&answer));
        let refresh_token = text("refresh_token");
        if let Some(refresh_token) = &refresh_token {
            self.note_all(token::refresh_token(refresh_token));
        }
        let id_token = text("id_token").map(|compact| Token::read(&compact)).transpose();
        let id_token = self.obtain(fail("ExtractIdTokenFromTokenResponse", "OIDCC 3.1.3.3"), id_token)?;
        Ok(Granted { client: Arc::clone(client), answer, access_token, refresh_token, id_token })
    }

    /// The ID token that has to be there.
    pub(crate) fn id_token(&mut self, granted: &Granted) -> Step<Token> {
        let missing = || format!("expected `id_token`, got {}", granted.answer);
        self.obtain(
            fail("ExtractIdTokenFromTokenResponse", "OIDCC 3.1.3.3"),
            granted.id_token.clone().ok_or_else(missing),
        )
    }

    fn judge_id_token(&mut self, granted: &Granted, ask: &Ask, code: &str) -> Step {
        let token = self.id_token(granted)?;
        let expected = id_token::Expected {
            issuer: &self.world.provider.issuer.clone(),
            client_id: &ask.client.id,
            nonce: ask.params.get("nonce"),
            alg: &ask.client.id_token_alg,
        };
        let findings = id_token::standard(&token, &self.keys, &expected);
        self.note_all(findings);
        self.note_all(id_token::hashes(&token, &granted.access_token, code));
        if self.variant.fapi {
            self.note(id_token::has_kid(&token));
            self.note(id_token::fapi_algorithm(&token));
        }
        Ok(())
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

    /// UserInfo with the access token as its kind asks; the claims, with everything looked at.
    pub(crate) async fn userinfo(&mut self, granted: &Granted) -> Step<Value> {
        let reply = self.resource(granted, &Resource::default()).await?;
        self.judge_userinfo(granted, &reply)
    }

    /// Judges an answer of UserInfo.
    pub(crate) fn judge_userinfo(&mut self, granted: &Granted, reply: &Reply) -> Step<Value> {
        self.note_all(userinfo::envelope(reply));
        let claims =
            self.obtain(fail("ExtractUserInfoFromUserInfoEndpointResponse", "OIDCC 5.3.2"), reply.json())?;
        self.note_all(userinfo::standard(&claims, granted.sub()));
        Ok(claims)
    }

    /// The access token works: what every module tries after a login.
    pub(crate) async fn use_token(&mut self, granted: &Granted) -> Step {
        let reply = self.resource(granted, &Resource::default()).await?;
        self.note(errors::resource_served(&reply, "UserInfo"));
        if self.variant.fapi {
            let dated = reply.header("date").is_some();
            self.note(
                fail("CheckForDateHeaderInResourceResponse", "RFC 9110 6.6.1")
                    .holds(dated, || "expected `Date`, got none".to_owned()),
            );
        }
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

    /// Takes several findings down.
    pub(crate) fn note_all(&mut self, findings: impl IntoIterator<Item = super::finding::Finding>) {
        for finding in findings {
            self.note(finding);
        }
    }

    /// The provider asked the person to log in again, or did not.
    pub(crate) fn login_shown(&mut self, visit: &Visit, expected: bool) {
        let shown = visit.asked.contains(&Asked::Login);
        let name = if expected { "ExpectSecondLoginPage" } else { "ExpectNoSecondLoginPage" };
        self.note(fail(name, "OIDCC 3.1.2.1").holds(shown == expected, || {
            format!("expected a login page: {expected}, got one: {shown} ({:?})", visit.asked)
        }));
    }
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

impl Ask {
    /// With a code challenge (RFC 7636, 4.2).
    pub(crate) fn with_challenge(mut self) -> Self {
        let verifier = random_token();
        self.params
            .set("code_challenge", sha256_b64(verifier.as_bytes()))
            .set("code_challenge_method", "S256");
        self.verifier = Some(verifier);
        self
    }

    /// With the thumbprint of the client's DPoP key (RFC 9449, 10).
    pub(crate) fn with_jkt(self) -> Self {
        let jkt = thumbprint(&self.client.dpop.public);
        self.with("dpop_jkt", jkt)
    }
}

/// RFC 6749, 2.3.1: id and secret are form-encoded before they are joined.
fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}
