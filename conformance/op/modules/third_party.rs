//! Logins that a third party begins (OpenID Connect Core, 4): what registration makes of `initiate_login_uri`.

use serde_json::Value;

use crate::op::clients::{Wish, is_json};
use crate::op::finding::{Finding, fail};
use crate::op::kit::http::Call;
use crate::op::plans::Auth;
use crate::op::test::{Step, Test};

/// A registered URI is told by registration and by the client's configuration (Registration, 3.2 and 4.3).
pub(super) async fn stored(test: &mut Test) -> Step {
    test.fetch_keys().await?;
    let address = format!("{}/initiate", test.new_redirect_uri());
    let wish = Wish::new("initiate-login", Auth::SecretBasic).with("initiate_login_uri", address.as_str());
    let client = test.client_as(wish).await?;
    test.note(tells(
        &client.registered,
        &address,
        "ValidateInitiateLoginUriInRegistrationResponse",
        "OIDCR 3.2",
    ));
    let Some((management, token)) = test.registrations.last().cloned() else {
        return Err(test.skip("registration gave no `registration_client_uri` to read"));
    };
    let call = Call::get(&management).header("authorization", format!("Bearer {token}"));
    let reply = test.call("CallClientConfigurationEndpoint", call).await?;
    test.note(
        fail("CheckRegistrationClientEndpointContentTypeHttpStatus200", "OIDCR 4.3").equal(reply.status, 200),
    );
    test.note(is_json(&reply, fail("CheckRegistrationClientEndpointContentType", "OIDCR 4.3")));
    let stored = test.obtain(fail("ExtractClientConfigurationResponse", "OIDCR 4.3"), reply.json())?;
    test.note(tells(&stored, &address, "ValidateInitiateLoginUriInConfigurationResponse", "OIDCR 4.3"));
    Ok(())
}

fn tells(answer: &Value, address: &str, name: &'static str, clause: &'static str) -> Finding {
    fail(name, clause).equal(answer.get("initiate_login_uri").and_then(Value::as_str), Some(address))
}

/// A URI that is not https is refused (Core, 4; Registration, 3.3).
pub(super) async fn not_https(test: &mut Test) -> Step {
    test.fetch_keys().await?;
    let address = format!("{}/initiate", test.new_redirect_uri()).replacen("https:", "http:", 1);
    let wish = Wish::new("initiate-login", Auth::SecretBasic).with("initiate_login_uri", address);
    let registration = test.registration(&wish)?;
    let reply = test.register(&registration.metadata).await?;
    test.note_all([
        is_json(&reply, fail("EnsureContentTypeJson", "OIDCR 3.3")),
        fail("EnsureHttpStatusCodeIs400", "OIDCR 3.3")
            .holds(reply.status == 400, || format!("expected 400, got {}", reply.brief())),
        fail("CheckErrorFromDynamicRegistrationEndpointIsInvalidClientMetadata", "OIDCR 3.3")
            .equal(reply.text("error").as_deref(), Some("invalid_client_metadata")),
    ]);
    if reply.is_success() {
        // What should not have been registered is taken back with the rest.
        test.registered(registration, &reply).map(drop)?;
    }
    Ok(())
}
