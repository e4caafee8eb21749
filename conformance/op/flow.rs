//! The authorization code flow, step by step, with the conditions that every module looks at.

use std::sync::Arc;

use serde_json::{Value, json};
use url::Url;

use super::calls::{ClientCall, LIFETIME_SECONDS, Resource};
use super::checks::{authorization, errors, id_token, jwks, token, userinfo};
use super::clients::Client;
use super::finding::{Finding, Severity, fail, info};
use super::kit::browser::{Aim, Asked, End, Landing, Visit};
use super::kit::http::{Call, Reply};
use super::kit::jose::{Draft, Token};
use super::kit::keys::{KeyPair, sha256_b64, thumbprint};
use super::kit::{Params, now, random_token};
use super::plans::Bound;
use super::proof::{Edit, Proof};
use super::test::{Step, Test};

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

    /// Takes several findings down.
    pub(crate) fn note_all(&mut self, findings: impl IntoIterator<Item = Finding>) {
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
