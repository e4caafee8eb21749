//! Pushed requests: what must not be pushed, who may use what was, and how often (RFC 9126; FAPI 2.0, 5.3.2.2).

use std::time::Duration;

use http::Method;

use super::fapi_flow::{begin, second_client};
use super::requests::error_page;
use crate::op::checks::{authorization, errors};
use crate::op::finding::{fail, warn};
use crate::op::flow::Ask;
use crate::op::kit::browser::{Aim, Asked, End, Visit};
use crate::op::kit::http::{Call, Reply};
use crate::op::kit::jose::Token;
use crate::op::kit::{random_text, random_token};
use crate::op::test::{Step, Test};

/// A request URI that lives longer is not waited for.
const PATIENCE_SECONDS: i64 = 600;

/// How a request has to be refused: when it is pushed, or when it is opened.
pub(super) struct Refusal {
    /// Errors when it is pushed.
    pub(super) pushed: &'static [&'static str],
    pub(super) name: &'static str,
    pub(super) clause: &'static str,
    /// Errors at the client when it was not refused before.
    pub(super) opened: &'static [&'static str],
    /// Whether the provider knows the request when it is opened, and so its state.
    pub(super) known: bool,
}

const INVALID: Refusal = Refusal {
    pushed: &["invalid_request", "invalid_request_object"],
    name: "EnsurePARInvalidRequestOrInvalidRequestObjectError",
    clause: "RFC 9126 2.3",
    opened: &["invalid_request", "invalid_request_object"],
    known: true,
};

/// Pushes the request, which has to be refused.
pub(super) async fn refused(test: &mut Test, ask: &Ask, refusal: &Refusal) -> Step {
    let reply = test.push_raw(ask).await?;
    refused_with(test, ask, &reply, refusal).await
}

/// The answer to a pushed request that has to be refused now, or when it is opened.
pub(super) async fn refused_with(test: &mut Test, ask: &Ask, reply: &Reply, refusal: &Refusal) -> Step {
    if !reply.is_success() {
        test.note_all(errors::pushed(reply, refusal.pushed, refusal.name, refusal.clause));
        return Ok(());
    }
    let request_uri = test.pushed(reply)?;
    let address = test.pushed_address(ask, &request_uri)?;
    let visit = test.browse(&address, Aim::Allow).await?;
    refused_when_opened(test, ask, visit, refusal).await
}

async fn refused_when_opened(test: &mut Test, ask: &Ask, visit: Visit, refusal: &Refusal) -> Step {
    let landing = match visit.end {
        End::Landed(landing) => landing,
        End::Page(page) => {
            test.note(
                fail(refusal.name, refusal.clause)
                    .holds(page.status >= 400, || format!("expected a refusal, got {}", page.brief())),
            );
            return Ok(());
        }
    };
    let answer = match refusal.known {
        true => test.answer(ask, &landing)?,
        false => test.bare_answer(ask, &landing)?,
    };
    test.note_all(authorization::error(&answer, refusal.opened, refusal.name, refusal.clause));
    Ok(())
}

/// A request without a redirect URI (FAPI 2.0, 5.3.2.2).
pub(super) async fn without_redirect_uri(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let ask = test.ask(&client).without("redirect_uri");
    refused(test, &ask, &INVALID).await
}

/// The redirect URI only outside of what is pushed (Message Signing, 5.3.2).
pub(super) async fn without_redirect_uri_inside(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let mut ask = test.ask(&client);
    let duplicates = ["response_type", "client_id", "scope", "redirect_uri"];
    ask.outside = Some(ask.params.iter().filter(|(name, _)| duplicates.contains(name)).collect());
    let ask = ask.without("redirect_uri");
    refused(test, &ask, &INVALID).await
}

/// A redirect URI that is not registered: refused, or allowed for clients that authenticate (RFC 9126, 2.4).
pub(super) async fn unregistered_redirect_uri(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let ask = test.ask(&client).with("redirect_uri", format!("{}/{}", client.redirect_uri, random_text(10)));
    let reply = test.push_raw(&ask).await?;
    if !reply.is_success() {
        test.note_all(errors::pushed(&reply, INVALID.pushed, INVALID.name, INVALID.clause));
        return Ok(());
    }
    let request_uri = test.pushed(&reply)?;
    let address = test.pushed_address(&ask, &request_uri)?;
    let visit = test.browse(&address, Aim::Allow).await?;
    if matches!(visit.end, End::Page(_)) {
        test.note(error_page(&visit, "ExpectRedirectUriErrorPage", "RFC 9126 2.1-3"));
        return Ok(());
    }
    let landing = test.landed(visit)?;
    let code = test.code(&ask, &landing)?;
    let granted = test.exchange(&ask, &code).await?;
    test.use_token(&granted).await
}

/// A request that is not pushed is refused (FAPI 2.0, 5.3.2.2).
pub(super) async fn not_pushed(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let ask = test.ask(&client);
    let address = test.authorization_address(&ask.params)?;
    let visit = test.browse(&address, Aim::Allow).await?;
    let refusal = Refusal {
        name: "ExpectAuthorizationRequestWithoutPARError",
        clause: "FAPI2-SP 5.3.2.2-2",
        opened: &["invalid_request"],
        ..INVALID
    };
    refused_when_opened(test, &ask, visit, &refusal).await
}

const RESPONSE_TYPE: Refusal = Refusal {
    pushed: &["unsupported_response_type", "invalid_request", "unauthorized_client"],
    name: "EnsurePARUnsupportedResponseTypeOrInvalidRequestOrUnauthorizedClientError",
    clause: "FAPI2-SP 5.3.2.2-1",
    opened: &["unsupported_response_type", "invalid_request"],
    known: true,
};

/// `response_type=code id_token` is refused.
pub(super) async fn response_type_code_id_token(test: &mut Test) -> Step {
    response_type(test, "code id_token").await
}

/// `response_type=token` is refused.
pub(super) async fn response_type_token(test: &mut Test) -> Step {
    response_type(test, "token").await
}

async fn response_type(test: &mut Test, value: &str) -> Step {
    let client = begin(test).await?;
    let ask = test.ask(&client).with("response_type", value);
    let reply = test.push_raw(&ask).await?;
    if reply.is_success() {
        return refused_with(test, &ask, &reply, &RESPONSE_TYPE).await;
    }
    let status = reply.status;
    test.note(
        fail("EnsureHttpStatusCodeIs4xx", "RFC 9126 2.3")
            .holds((400..500).contains(&status), || format!("expected 4xx, got {status}")),
    );
    let code = reply.text("error").unwrap_or_default();
    test.note(
        warn(RESPONSE_TYPE.name, "RFC 9126 2.3").holds(RESPONSE_TYPE.pushed.contains(&code.as_str()), || {
            format!("expected one of {:?}, got {}", RESPONSE_TYPE.pushed, reply.brief())
        }),
    );
    Ok(())
}

const PKCE: Refusal = Refusal {
    pushed: &["invalid_request"],
    name: "EnsurePARInvalidRequestError",
    clause: "RFC 7636 4.4.1, FAPI2-SP 5.3.2.2-5",
    opened: &["invalid_request"],
    known: true,
};

/// A request without a code challenge is refused (FAPI 2.0, 5.3.2.2).
pub(super) async fn without_challenge(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let ask = test.ask(&client).without("code_challenge").without("code_challenge_method");
    refused(test, &ask, &PKCE).await
}

/// The method `plain` is refused (FAPI 2.0, 5.3.2.2).
pub(super) async fn with_plain_challenge(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let mut ask = test.ask(&client);
    let verifier = random_token();
    ask = ask.with("code_challenge", verifier.as_str()).with("code_challenge_method", "plain");
    ask.verifier = Some(verifier);
    refused(test, &ask, &PKCE).await
}

/// A pushed request has no `request_uri` (RFC 9126, 2.1).
pub(super) async fn with_request_uri(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let ask = test.ask(&client);
    let mut form = test.pushed_form(&ask)?;
    form.set("request_uri", format!("urn:ietf:params:oauth:request_uri:{}", random_token()));
    let reply = test.client_call(&test.pushing(&ask, form)).await?;
    let codes = &["invalid_request", "invalid_request_object", "request_uri_not_supported"];
    let name = "EnsurePARInvalidRequestOrInvalidRequestObjectOrRequestUriNotSupportedError";
    test.note_all(errors::pushed(&reply, codes, name, "RFC 9126 2.1-2"));
    Ok(())
}

/// Requests are pushed by POST alone (RFC 9126, 2.3).
pub(super) async fn by_another_method(test: &mut Test) -> Step {
    begin(test).await?;
    let endpoint = test.world.provider.endpoint("pushed_authorization_request_endpoint");
    let endpoint = test.obtain(fail("CheckDiscEndpointPARSupported", "RFC 9126 5"), endpoint)?;
    let reply = test.call("CallPAREndpoint", Call::new(Method::PUT, &endpoint)).await?;
    test.note(
        fail("EnsureParHTTPError", "RFC 9126 2.3")
            .holds(reply.status >= 400, || format!("expected an error, got {}", reply.brief())),
    );
    Ok(())
}

/// A page that is loaded again before the login still works: a request URI is used up by an answer, not by a look.
pub(super) async fn opened_twice_before_login(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let ask = test.ask(&client);
    let request_uri = test.push(&ask).await?;
    let address = test.pushed_address(&ask, &request_uri)?;
    let look = test.browse(&address, Aim::Look).await?;
    let shown = look.asked.contains(&Asked::Login);
    test.need(
        fail("ExpectLoginPage", "FAPI2-SP 5.3.2.2")
            .holds(shown, || format!("expected a login page, got {:?}", look.end)),
    )?;
    let visit = test.browse(&address, Aim::Allow).await?;
    let warning = warn("WarningAboutRequestUriError", "FAPI2-SP 5.3.2.2");
    let landing = match visit.end {
        End::Landed(landing) => landing,
        End::Page(page) => {
            test.note(warning.result(Err(format!("expected a login, got {}", page.brief()))));
            return Ok(());
        }
    };
    let answer = test.answer(&ask, &landing)?;
    if answer.has("error") {
        test.note(warning.result(Err(format!("expected a code, got {}", answer.encode()))));
        let name = "EnsureInvalidRequestUriError";
        test.note_all(authorization::error(&answer, &["invalid_request_uri"], name, "OIDCC 3.3.2.6"));
        return Ok(());
    }
    let code = test.code(&ask, &landing)?;
    let granted = test.exchange(&ask, &code).await?;
    test.use_token(&granted).await
}

/// A request URI that led to a code is used up (RFC 9126, 7.3): a second code is a warning.
pub(super) async fn used_twice(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let ask = test.ask(&client);
    let request_uri = test.push(&ask).await?;
    let address = test.pushed_address(&ask, &request_uri)?;
    let visit = test.browse(&address, Aim::Allow).await?;
    let landing = test.landed(visit)?;
    let code = test.code(&ask, &landing)?;
    let granted = test.exchange(&ask, &code).await?;
    test.use_token(&granted).await?;
    let visit = test.browse(&address, Aim::Allow).await?;
    test.plain_errors = true;
    if let End::Landed(landing) = &visit.end {
        let answer = test.bare_answer(&ask, landing)?;
        if !answer.has("error") {
            let warning = warn("EnsureErrorFromAuthorizationEndpointResponse", "RFC 9126 7.3");
            test.note(
                warning.result(Err("expected a request URI that works once, got a second code".to_owned())),
            );
            return Ok(());
        }
    }
    dead(test, &ask, visit, &["invalid_request_uri"], "RFC 9126 2.2, 7.3").await
}

/// The request URI is not accepted: an error page, or an error at the client.
async fn dead(
    test: &mut Test,
    ask: &Ask,
    visit: Visit,
    codes: &'static [&'static str],
    clause: &'static str,
) -> Step {
    let name = "ExpectInvalidRequestUriErrorPage";
    let refusal = Refusal { pushed: &[], name, clause, opened: codes, known: false };
    test.plain_errors = true;
    refused_when_opened(test, ask, visit, &refusal).await
}

/// A request URI that has run out (RFC 9126, 2.2).
pub(super) async fn used_too_late(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let ask = test.ask(&client);
    let reply = test.push_raw(&ask).await?;
    let request_uri = test.pushed(&reply)?;
    let answer = test.obtain(fail("CheckForPARResponseExpiresIn", "RFC 9126 2.2"), reply.json())?;
    let seconds = answer.get("expires_in").and_then(serde_json::Value::as_i64).unwrap_or(i64::MAX);
    if seconds > PATIENCE_SECONDS {
        return Err(
            test.skip(format!("the request URI lives for {seconds} s, which is too long to wait for"))
        );
    }
    let wait = u64::try_from(seconds).unwrap_or_default().saturating_add(2);
    tokio::time::sleep(Duration::from_secs(wait)).await;
    let address = test.pushed_address(&ask, &request_uri)?;
    let visit = test.browse(&address, Aim::Allow).await?;
    dead(test, &ask, visit, &["invalid_request_uri"], "RFC 9126 2.2").await
}

/// A request URI in the hands of another client (RFC 9126, 4).
///
/// Whose redirect URI an error goes to, and with which state, is nobody's rule here: only that there is no code.
pub(super) async fn used_by_another_client(test: &mut Test) -> Step {
    let first = begin(test).await?;
    let second = second_client(test).await?;
    let request_uri = test.push(&test.ask(&first)).await?;
    let foreign = test.ask(&second);
    let address = test.pushed_address(&foreign, &request_uri)?;
    let visit = test.browse(&address, Aim::Allow).await?;
    let End::Landed(landing) = &visit.end else {
        test.note(error_page(&visit, "ExpectInvalidRequestUriErrorPage", "RFC 9126 2.2, 4"));
        return Ok(());
    };
    let token = landing.query.get("response").and_then(|compact| Token::read(compact).ok());
    let told = token.as_ref().map_or_else(|| landing.query.get("error"), |token| token.text("error"));
    let codes = ["invalid_request", "invalid_request_object", "invalid_request_uri"];
    let condition =
        fail("EnsureInvalidRequestInvalidRequestObjectOrInvalidRequestUriError", "RFC 9126 2.2, 4");
    test.note(condition.holds(told.is_some_and(|told| codes.contains(&told)), || {
        format!("expected one of {codes:?}, got {}", landing.brief())
    }));
    Ok(())
}
