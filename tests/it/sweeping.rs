//! What nobody can use any more is taken away; what somebody can is not.

use base::Id;
use base::id::Session;
use store::rows::logouts;

use crate::kit::actors::claims_of;
use crate::kit::app::{TestApp, stories};

const DAY: i64 = 86_400;

stories! {
    async fn grants_and_sessions_go_when_nothing_can_come_of_them(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let (portal, fund) = (app.application("portal"), app.application("fund"));
        let offline = portal.admits(&citizen, "openid offline_access").await;
        let brief = fund.admits(&citizen, "openid").await;
        let session: Id<Session> = claims_of(&offline.access)["sid"].as_str().unwrap().parse().unwrap();
        let applications = async || {
            logouts::clients_of(&mut app.env().db.read().await.unwrap(), session).await.unwrap()
        };
        sweep(&app).await;
        assert_eq!(fund.user_info(&brief.access).await.status, 200);
        assert_eq!(applications().await.len(), 2);

        // The application that may come without the person does, all its 90 days; the other's grant ended with the login.
        let mut refresh = offline.refresh().to_owned();
        for _ in 0..8 {
            app.advance(11 * DAY);
            sweep(&app).await;
            refresh = portal.refreshes(&refresh).await.tokens().refresh().to_owned();
        }
        assert_eq!(applications().await, [portal.client_id.as_str()]);
        app.advance(2 * DAY + 1);
        sweep(&app).await;
        portal.refreshes(&refresh).await.assert_refused(400, "invalid_grant", "");
        assert_eq!(applications().await.len(), 1, "kept a while longer, so that what is shown again is recognized");

        app.advance(16 * DAY);
        assert!(sweep(&app).await >= 2, "the refresh tokens and the grant");
        assert!(applications().await.is_empty());
        app.advance(20 * DAY);
        assert_eq!(sweep(&app).await, 1, "the session");
        assert_eq!(sweep(&app).await, 0);
        portal.admits(&citizen, "openid offline_access").await;
    }

    async fn a_grant_lives_as_long_as_a_login_that_is_shown_again(app: TestApp) {
        let citizen = app.person("li.xiaoman");
        let portal = app.application("portal");
        let tokens = portal.admits(&citizen, "openid").await;
        for _ in 0..11 {
            app.advance(3_600);
            citizen.opens("/account").await;
        }
        citizen.authorizes(&portal.requests("openid").with("prompt", "login")).await.code();
        for _ in 0..11 {
            app.advance(3_600);
            citizen.opens("/account").await;
        }
        let tokens = portal.refreshes(tokens.refresh()).await.tokens();
        assert_eq!(portal.user_info(&tokens.access).await.status, 200);
        app.advance(3_600);
        portal.refreshes(tokens.refresh()).await.assert_refused(400, "invalid_grant", "");
    }
}

async fn sweep(app: &TestApp) -> u64 {
    flows::sweep::sweep(app.env(), app.now()).await.unwrap()
}
