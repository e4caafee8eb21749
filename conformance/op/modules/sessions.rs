//! Whether the person is asked again: prompts, ages, hints (OpenID Connect Core, 3.1.2.1).

use std::time::Duration;

use super::basic::begin;
use crate::op::checks::{authorization, id_token};
use crate::op::flow::Ask;
use crate::op::kit::browser::Aim;
use crate::op::kit::jose::Token;
use crate::op::kit::random_text;
use crate::op::test::{Step, Test};

/// Two logins in the same browser, `seconds` apart: the ID tokens of both.
async fn twice(
    test: &mut Test,
    first: fn(Ask) -> Ask,
    seconds: u64,
    second: impl FnOnce(Ask, &Token) -> Ask,
    login_again: bool,
) -> Step<(Token, Token)> {
    let client = begin(test).await?;
    let ask = first(test.ask(&client));
    let granted = test.log_in(&ask).await?;
    test.use_token(&granted).await?;
    let before = test.id_token(&granted)?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let ask = second(test.ask(&client), &before);
    let visit = test.visit(&ask, Aim::Allow).await?;
    test.login_shown(&visit, login_again);
    let landing = test.landed(visit)?;
    let code = test.code(&ask, &landing)?;
    let granted = test.exchange(&ask, &code).await?;
    test.use_token(&granted).await?;
    let after = test.id_token(&granted)?;
    Ok((before, after))
}

const SAME: fn(Ask) -> Ask = |ask| ask;

/// `prompt=login` asks again, and `auth_time` says so.
pub(super) async fn prompt_login(test: &mut Test) -> Step {
    let (before, after) = twice(test, SAME, 1, |ask, _| ask.with("prompt", "login"), true).await?;
    test.note(id_token::later_auth_time(&before, &after));
    Ok(())
}

/// `prompt=none` without a session is refused at the client (3.1.2.6).
pub(super) async fn prompt_none_logged_out(test: &mut Test) -> Step {
    let client = begin(test).await?;
    let ask = test.ask(&client).with("prompt", "none").with("state", random_text(128));
    refused_without_page(test, &ask).await
}

/// A request with `prompt=none` that needs a page ends at the client with an error that says so.
pub(super) async fn refused_without_page(test: &mut Test, ask: &Ask) -> Step {
    let visit = test.visit(ask, Aim::Look).await?;
    let landing = test.landed(visit)?;
    let answer = test.answer(ask, &landing)?;
    test.note_all(authorization::error(
        &answer,
        authorization::NEEDS_A_PAGE,
        "CheckErrorFromAuthorizationEndpointIsOneThatRequiredAUserInterface",
        "OIDCC 3.1.2.6",
    ));
    Ok(())
}

/// `prompt=none` with a session is silent, for the same login.
pub(super) async fn prompt_none_logged_in(test: &mut Test) -> Step {
    let tokens = twice(test, SAME, 0, |ask, _| ask.with("prompt", "none"), false).await?;
    same_login(test, &tokens);
    Ok(())
}

/// `max_age=1` two seconds later asks again.
pub(super) async fn max_age_1(test: &mut Test) -> Step {
    let (before, after) = twice(test, SAME, 2, |ask, _| ask.with("max_age", "1"), true).await?;
    test.note_all([
        id_token::auth_time_present(&after),
        id_token::later_auth_time(&before, &after),
        id_token::auth_time_recent(&after),
    ]);
    Ok(())
}

/// A large `max_age` does not ask again, and `auth_time` is told.
pub(super) async fn max_age_10000(test: &mut Test) -> Step {
    let first: fn(Ask) -> Ask = |ask| ask.with("max_age", "15000");
    let tokens = twice(test, first, 1, |ask, _| ask.with("max_age", "10000"), false).await?;
    test.note(id_token::auth_time_present(&tokens.0));
    test.note(id_token::auth_time_present(&tokens.1));
    same_login(test, &tokens);
    Ok(())
}

/// `prompt=none` with the ID token as a hint is silent, for the same login.
pub(super) async fn id_token_hint(test: &mut Test) -> Step {
    let hinted =
        |ask: Ask, token: &Token| ask.with("prompt", "none").with("id_token_hint", token.compact.as_str());
    let tokens = twice(test, SAME, 0, hinted, false).await?;
    same_login(test, &tokens);
    Ok(())
}

fn same_login(test: &mut Test, (before, after): &(Token, Token)) {
    test.note(id_token::same_auth_time(before, after));
    test.note(id_token::same_subject(before, after));
}
