//! The cryptographic module in its error state: the server says so, signs nothing, and leaves nothing half done.

use kms::KmsError;
use yinxin::Seams;
use yinxin::commands::serve::Running;

use crate::kit::actors::assert_shown;
use crate::kit::app::{TestApp, stories};
use crate::kit::documents::one_page;

/// How long the module uses a seed before it asks its source again (GM/T 0105, security level two).
const SEED_SECONDS: i64 = 60;

stories! {
    async fn when_its_randomness_is_stuck_nothing_is_signed_and_nothing_is_half_done(app: TestApp) {
        let mut app = app;
        let portal = app.application("portal");
        let (tokens, browser) = {
            let person = app.person("li.xiaoman");
            (portal.admits(&person, "openid profile offline_access").await, person.browser)
        };
        let (machine, seal) = (app.machine_token().await, app.sample.seals[0].id);
        let size = app.log_size().await;
        assert_eq!(ready(&app).await, (200, format!("ok\nlog {size}\n")));

        app.randomness.sticks();
        app.advance(SEED_SECONDS);
        let refused = portal.refreshes(tokens.refresh()).await;
        refused.assert_refused(503, "temporarily_unavailable", "out of service, and nothing was done");
        assert_eq!(refused.header("retry-after"), "60");
        app.randomness.recovers();

        assert_eq!(ready(&app).await, (503, "not ready\n".to_owned()), "there is no way back but a start");
        assert_eq!(app.fetches("/livez").await, b"ok\n");
        let system = app.application("system");
        let refused = system.asks(&[("grant_type", "client_credentials")]).await;
        refused.assert_refused(503, "temporarily_unavailable", "out of service");
        let refused = app.seals(&machine, seal, one_page("通知")).await.unwrap_err();
        refused.assert_problem(503, "out_of_service", "out of service, and nothing was done");
        assert_eq!(refused.header("retry-after"), "60");
        let refused = portal.user_info(&tokens.access).await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, "60"), "what is sealed stays shut");
        let person = app.person("li.xiaoman").at(browser);
        let page = person.opens("/account").await;
        assert_shown(&page, 503, "密码服务暂不可用");
        assert_eq!(page.headers["retry-after"], "60");
        let browser = person.browser;

        app.stop().await;
        app.start().await;
        assert_eq!(ready(&app).await, (200, format!("ok\nlog {size}\n")), "the log holds what it held");
        let refreshed = portal.refreshes(tokens.refresh()).await.tokens();
        assert_eq!(portal.user_info(&refreshed.access).await.status, 200, "the token was not used up");
        assert_shown(&app.person("li.xiaoman").at(browser).opens("/account").await, 200, "李小满");
        app.seals(&machine, seal, one_page("通知")).await.unwrap();
        assert_eq!(app.log_size().await, size + 1);
    }

    async fn without_sound_randomness_it_does_not_start(app: TestApp) {
        let mut app = app;
        app.stop().await;
        app.randomness.sticks();
        let seams = Seams { entropy: app.randomness.clone(), ..Seams::default() };
        let refused = Running::start(app.config(), Vec::new(), seams).await.err().map(|e| e.to_string());
        let why = "self-tests of the cryptographic module: entropy source 0 failed the repetition count test";
        assert_eq!(refused.as_deref(), Some(why));
        app.randomness.recovers();
        app.start().await;
        assert_eq!(app.env().keys.in_service(), Ok::<_, KmsError>(()));
    }
}

/// What the readiness probe answers.
async fn ready(app: &TestApp) -> (u16, String) {
    let response = app.http().get(app.url("/readyz")).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}
