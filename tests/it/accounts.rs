//! Accounts out of use, and passwords changed: what ends with them, at every door.

use std::time::Duration;

use oidc::lifetimes::POLL_INTERVAL_SECONDS;
use serde_json::{Value, json};
use store::rows::audit;
use yinxin::browser::Page;

use crate::kit::actors::{Answer, Application, Person, Returned, assert_shown};
use crate::kit::app::{TestApp, stories};
use crate::kit::keys::ClientKey;
use crate::kit::site::Site;

const PEOPLE: &str = "/console/people";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const CIBA_GRANT: &str = "urn:openid:params:grant-type:ciba";
/// How often each pair runs.
const ROUNDS_COUNT: usize = 6;

stories! {
    async fn a_disabled_person_cannot_log_in_and_is_told_what_a_stranger_is_told(app: TestApp) {
        let (top, citizen) = (administrator(&app).await, app.person("li.xiaoman"));
        citizen.logs_in().await;
        disables(&top, &citizen).await;
        let here = app.person("li.xiaoman");
        let refused = here.tries(&citizen.sample.password).await;
        let stranger = here.tries_as("no.such.person", &citizen.sample.password).await;
        for page in [&refused, &stranger] {
            assert_shown(page, 401, "用户名或密码不正确");
        }
        assert!(refused.headers.get("set-cookie").is_none());
        enables(&top, &citizen).await;
        app.person("li.xiaoman").logs_in().await;
    }

    async fn a_disabled_person_is_logged_out_everywhere_and_applications_are_told(app: TestApp) {
        let (top, citizen, elsewhere) = (administrator(&app).await, app.person("li.xiaoman"), app.person("li.xiaoman"));
        let mut site = Site::opens().await;
        let told = app.registers(json!({
            "redirect_uris": ["http://localhost:9873/callback"], "scope": "openid",
            "backchannel_logout_uri": site.url("/backchannel"),
        })).await;
        told.admits(&citizen, "openid").await;
        elsewhere.logs_in().await;
        disables(&top, &citizen).await;
        let posted = tokio::time::timeout(Duration::from_secs(20), site.is_posted()).await.expect("it is told");
        assert_eq!(posted[0].0, "logout_token");
        let page = top.opens(PEOPLE).await;
        assert_shown(&page, 200, "已停用");
        enables(&top, &citizen).await;
        for person in [&citizen, &elsewhere] {
            assert_eq!(person.opens("/account").await.location.as_deref(), Some("/login?back=/account"), "it stays so");
            let silent = Returned::by(&person.opens(&told.requests("openid").with("prompt", "none").path()).await);
            assert_eq!(silent.error(), "login_required");
        }
    }

    async fn a_disabled_persons_code_is_not_redeemed(app: TestApp) {
        let (top, citizen, portal) = (administrator(&app).await, app.person("li.xiaoman"), app.application("portal"));
        let code = citizen.authorizes(&portal.requests("openid")).await.code();
        disables(&top, &citizen).await;
        portal.redeems(&code).await.assert_refused(400, "invalid_grant", "");
        enables(&top, &citizen).await;
        portal.redeems(&code).await.assert_refused(400, "invalid_grant", "");
    }

    async fn a_disabled_persons_refresh_token_is_of_no_use(app: TestApp) {
        let (top, citizen, portal) = (administrator(&app).await, app.person("li.xiaoman"), app.application("portal"));
        let tokens = portal.admits(&citizen, "openid offline_access").await;
        // Also of a login that ran out of time: offline access goes on without it.
        let older = portal.admits(&app.person("li.xiaoman"), "openid offline_access").await;
        app.advance(oidc::lifetimes::SESSION_ABSOLUTE_SECONDS + 1);
        let older = portal.refreshes(older.refresh()).await.tokens();
        drop(top);
        let top = app.official_logged_in("top2", "province", &["administrator"]).await;
        disables(&top, &citizen).await;
        for dead in [&tokens, &older] {
            portal.refreshes(dead.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
            assert_eq!(introspects(&portal, dead.refresh()).await, json!({ "active": false }));
        }
        enables(&top, &citizen).await;
        portal.refreshes(tokens.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
    }

    async fn a_disabled_persons_access_token_opens_nothing_at_any_node(app: TestApp) {
        let (top, citizen, portal) = (administrator(&app).await, app.person("li.xiaoman"), app.application("portal"));
        let opaque = app.registers(json!({
            "redirect_uris": ["http://localhost:9873/callback"], "scope": "openid profile", "access_token_format": "opaque",
        })).await;
        let other_node = app.another_node().await;
        let tokens = portal.admits(&citizen, "openid profile").await;
        let silent = opaque.admits(&citizen, "openid profile").await;
        flows::revocations::read(&other_node, app.now()).await.unwrap();
        assert!(taken(&other_node, &app, &tokens.access).await);
        disables(&top, &citizen).await;
        for (application, token) in [(&portal, &tokens.access), (&opaque, &silent.access)] {
            application.user_info(token).await.assert_problem(401, "invalid_token", "");
            assert_eq!(introspects(application, token).await, json!({ "active": false }));
        }
        app.advance(1);
        flows::revocations::read(&other_node, app.now()).await.unwrap();
        assert!(!taken(&other_node, &app, &tokens.access).await, "another node learns of it within a second");
        enables(&top, &citizen).await;
        portal.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "");
    }

    async fn a_disabled_person_approves_no_device_and_what_was_approved_is_dead(app: TestApp) {
        let (top, citizen) = (administrator(&app).await, app.person("li.xiaoman"));
        let television = app.registers(json!({
            "grant_types": ["refresh_token", DEVICE_GRANT], "scope": "openid profile offline_access",
        })).await;
        citizen.logs_in().await;
        let begins = async || posted(&television, "/oauth2/device_authorization", &[("scope", "openid")]).await;
        let (waiting, allowed) = (begins().await, begins().await);
        let opened = opens_device(&citizen, waiting.text("user_code")).await;
        let page = opens_device(&citizen, allowed.text("user_code")).await;
        assert_shown(&citizen.submits(&page, "/device/answer", &[("decision", "allow")]).await, 200, "已同意");
        disables(&top, &citizen).await;
        let late = citizen.submits(&opened, "/device/answer", &[("decision", "allow")]).await;
        assert!(late.status.as_u16() == 401 || late.location.is_some_and(|place| place.starts_with("/login")));
        let polls = async |begun: &Answer| television.asks(&[("grant_type", DEVICE_GRANT), ("device_code", begun.text("device_code"))]).await;
        polls(&waiting).await.assert_refused(400, "authorization_pending", "");
        polls(&allowed).await.assert_refused(400, "invalid_grant", "");
        enables(&top, &citizen).await;
        app.advance(POLL_INTERVAL_SECONDS);
        polls(&allowed).await.assert_refused(400, "invalid_grant", "");
    }

    async fn a_disabled_person_is_asked_nothing_and_answers_nothing_that_was_asked(app: TestApp) {
        let (top, citizen) = (administrator(&app).await, app.person("li.xiaoman"));
        let counter = app.registers(json!({
            "grant_types": ["refresh_token", CIBA_GRANT], "scope": "openid profile offline_access",
        })).await;
        citizen.logs_in().await;
        let asks = async || posted(&counter, "/oauth2/bc-authorize", &[("login_hint", "li.xiaoman"), ("scope", "openid")]).await;
        let allowed = asks().await;
        let page = citizen.opens("/approvals").await;
        assert_shown(&citizen.submits(&page, "/approvals", &[("decision", "allow")]).await, 200, "已同意");
        let waiting = asks().await;
        let page = citizen.opens("/approvals").await;
        disables(&top, &citizen).await;
        let late = citizen.submits(&page, "/approvals", &[("decision", "allow")]).await;
        assert!(late.status.as_u16() == 401 || late.location.is_some_and(|place| place.starts_with("/login")));
        let polls = async |begun: &Answer| counter.asks(&[("grant_type", CIBA_GRANT), ("auth_req_id", begun.text("auth_req_id"))]).await;
        polls(&allowed).await.assert_refused(400, "invalid_grant", "");
        polls(&waiting).await.assert_refused(400, "authorization_pending", "");
        assert_eq!(asks().await.text("error"), "unknown_user_id");
    }

    async fn no_assertion_and_no_exchange_opens_anything_for_a_disabled_person(app: TestApp) {
        let (top, citizen) = (administrator(&app).await, app.person("li.xiaoman"));
        let key = ClientKey::new("city");
        let trusted = json!([{ "iss": "https://city.example", "jwks": key.jwks(), "subject": "user_name" }]);
        let bridge = app.registers(json!({
            "redirect_uris": ["http://localhost:9873/callback"], "scope": "openid profile", "assertion_issuers": trusted,
            "grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:token-exchange"],
            "audiences": ["https://files.example"],
        })).await;
        let tokens = bridge.admits(&citizen, "openid profile").await;
        let asserts = async |jti: &str| {
            let now = app.now().unix_seconds();
            let claims = json!({
                "iss": "https://city.example", "sub": "li.xiaoman", "aud": app.issuer, "iat": now, "exp": now + 60, "jti": jti,
            });
            let assertion = key.signs(&json!({}), &claims);
            let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion.as_str()), ("scope", "profile")];
            bridge.asks(&form).await
        };
        asserts("one").await.tokens();
        disables(&top, &citizen).await;
        asserts("two").await.assert_refused(400, "invalid_grant", "nobody who may log in here");
        for (subject, kind) in [(tokens.access.as_str(), "access_token"), (tokens.id(), "id_token")] {
            let kind = format!("urn:ietf:params:oauth:token-type:{kind}");
            let form = [
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"), ("subject_token", subject),
                ("subject_token_type", kind.as_str()), ("audience", "https://files.example"),
            ];
            assert_eq!(bridge.asks(&form).await.status, 400, "{kind}");
        }
    }

    async fn a_disabled_person_gets_no_further_with_a_page_that_was_open(app: TestApp) {
        let (top, citizen, portal) = (administrator(&app).await, app.person("li.xiaoman"), app.application("portal"));
        citizen.logs_in().await;
        let consent = citizen.opens(&portal.requests("openid profile").path()).await;
        let official = app.person("chen.ruoshui");
        official.logs_in().await;
        let seals = official.opens("/console/seals").await;
        disables(&top, &citizen).await;
        disables(&top, &official).await;
        let answered = citizen.submits(&consent, "/consent", &[("decision", "allow")]).await;
        let to = answered.location.as_deref();
        assert!(to.is_some_and(|to| to.starts_with("/login?flow=")), "{}", answered.unexpected("the login"));
        let made = official.submits(&seals, "/console/seals", &[("name", "新印章"), ("unit", "x")]).await;
        assert_eq!(made.location.as_deref(), Some("/login?back=%2Fconsole"));
    }

    async fn what_a_disabled_official_asked_for_is_not_approved_any_more(app: TestApp) {
        let top = administrator(&app).await;
        let deng = app.official_logged_in("deng", "gushan", &["application_registrar"]).await;
        let unit = app.sample.units["gushan"].to_string();
        let form = deng.opens("/console/applications/new").await;
        let fields = [
            ("unit", unit.as_str()), ("name", "车票查询"), ("purpose", "查询"), ("redirect_uris", "https://tickets.example/cb"),
            ("token_endpoint_auth_method", "client_secret_basic"),
        ];
        let asked = deng.submits(&form, "/console/applications/requests", &fields).await;
        let place = asked.location.unwrap();
        disables(&top, &deng).await;
        let page = top.opens(&place).await;
        let refused = top.submits(&page, "/console/applications/requests/approve", &[]).await;
        assert_shown(&refused, 409, "申请人的账号已停用");
        let done = top.submits(&page, "/console/applications/requests/refuse", &[("reason", "已离职")]).await;
        assert_eq!(done.status.as_u16(), 303);
    }

    async fn nobody_disables_themself_and_an_administrator_of_the_whole_stays(app: TestApp) {
        let (top, citizen) = (administrator(&app).await, app.person("li.xiaoman"));
        assert_shown(&turns(&top, &top, "disable").await, 409, "不能停用自己的账号");
        top.opens("/console").await;
        let county = app.official_logged_in("luan", "gushan", &["administrator"]).await;
        for person in [&top, &citizen, &app.official("wuyi", "ludao", &[]).await] {
            assert_shown(&turns(&county, person, "disable").await, 403, "须为该单位或其上级单位的管理员");
            assert_shown(&turns(&county, person, "enable").await, 403, "须为该单位或其上级单位的管理员");
        }
        let plain = app.official_logged_in("heqi", "gushan", &[]).await;
        assert_shown(&turns(&plain, &county, "disable").await, 403, "仅供管理员");
        let own = app.official("xuan", "dongjie", &[]).await;
        disables(&county, &own).await;
        assert_shown(&turns(&county, &own, "disable").await, 409, "账号状态已被其他人变更");
        assert_shown(&turns(&top, &citizen, "enable").await, 409, "账号状态已被其他人变更");
        let leaves = leaves(&app, &own.sample.id.to_string(), "account_disabled").await;
        assert_eq!((leaves.len(), &leaves[0]["actor"]), (1, &json!(county.sample.id)));

        // Without the browser's own token nothing is done.
        let fields = vec![("account".to_owned(), citizen.sample.id.to_string()), ("reason".to_owned(), "x".to_owned())];
        let forged = top.browser.post("/console/people/disable", &fields).await.unwrap();
        assert_shown(&forged, 403, "页面已过期");
        assert_shown(&turns(&top, &citizen, "disable with no reason").await, 422, "不能采用");
        app.person("li.xiaoman").logs_in().await;
    }

    async fn of_two_administrators_who_disable_each_other_one_stays(app: TestApp) {
        for round in 0..ROUNDS_COUNT {
            let one = app.official_logged_in(&format!("one{round}"), "province", &["administrator"]).await;
            let two = app.official_logged_in(&format!("two{round}"), "province", &["administrator"]).await;
            // Both have the form in front of them; then both press the button.
            let forms = [form_to_turn(&one, &two, "disable").await, form_to_turn(&two, &one, "disable").await];
            let (first, second) = tokio::join!(sends(&one, &forms[0]), sends(&two, &forms[1]));
            let won = [&first, &second].iter().filter(|page| page.status.as_u16() == 303 && !page.location.as_deref().unwrap_or_default().starts_with("/login")).count();
            assert_eq!(won, 1, "round {round}: {} {}", first.status, second.status);
            let (stays, gone) = if one.opens("/account").await.status.as_u16() == 200 { (&one, &two) } else { (&two, &one) };
            assert_eq!(gone.opens("/account").await.status.as_u16(), 303);
            // The last one: there is no third. What one cannot do to oneself, nobody can.
            assert_shown(&turns(stays, stays, "disable").await, 409, "不能停用自己的账号");
            let mut tx = app.env().db.begin().await.unwrap();
            let stopped = store::rows::accounts::disable(&mut tx, stays.sample.id, gone.sample.id, app.now()).await.unwrap();
            assert!(!stopped, "round {round}: the last administrator of the whole stays");
            drop(tx);
            let intruder = crate::kit::intruder::Intruder::at(&app);
            intruder.does(&format!("UPDATE official SET roles = '[]' WHERE account_id = '{}'", stays.sample.id)).await;
        }
    }

    async fn a_login_that_meets_the_end_of_its_account_leaves_nothing_alive(app: TestApp) {
        let top = administrator(&app).await;
        let portal = app.application("portal");
        for _ in 0..ROUNDS_COUNT {
            let citizen = app.person("li.xiaoman");
            let page = citizen.opens("/login").await;
            let (entered, ()) = tokio::join!(citizen.enters(&page), disables(&top, &citizen));
            assert!([303, 401].contains(&entered.status.as_u16()), "{}", entered.status);
            assert_eq!(citizen.opens("/account").await.location.as_deref(), Some("/login?back=/account"));
            enables(&top, &citizen).await;
            assert_eq!(citizen.opens("/account").await.location.as_deref(), Some("/login?back=/account"), "and stays out");
            let tokens = portal.admits(&citizen, "openid offline_access").await;
            let (refreshed, ()) = tokio::join!(portal.refreshes(tokens.refresh()), disables(&top, &citizen));
            let latest = if refreshed.status == 200 { refreshed.tokens() } else { tokens };
            enables(&top, &citizen).await;
            portal.refreshes(latest.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
            portal.user_info(&latest.access).await.assert_problem(401, "invalid_token", "");
        }
    }

    async fn a_new_password_ends_every_other_login_and_keeps_this_one(app: TestApp) {
        let (here, there, portal) = (app.person("li.xiaoman"), app.person("li.xiaoman"), app.application("portal"));
        let kept = portal.admits(&here, "openid offline_access").await;
        let lost = portal.admits(&there, "openid offline_access").await;
        let code = there.authorizes(&portal.requests("openid")).await.code();
        let page = here.opens("/account/password").await;
        assert_shown(&here.opens("/account").await, 200, "修改密码");
        let done = changes(&here, &page, &here.sample.password, "a-new-house-of-words-9").await;
        assert_eq!(done.location.as_deref(), Some("/account?done=password"));
        assert_shown(&here.opens("/account?done=password").await, 200, "密码已修改");
        for given in [&lost, &kept] {
            // Whoever had copied this login's cookie may have let an application in with it.
            portal.refreshes(given.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
            portal.user_info(&given.access).await.assert_problem(401, "invalid_token", "revoked");
        }
        portal.redeems(&code).await.assert_refused(400, "invalid_grant", "");
        portal.admits(&here, "openid offline_access").await; // which asks the person for nothing
        assert_eq!(there.opens("/account").await.location.as_deref(), Some("/login?back=/account"));
        assert_shown(&there.tries(&here.sample.password).await, 401, "用户名或密码不正确");
        assert_eq!(there.tries("a-new-house-of-words-9").await.location.as_deref(), Some("/account"));
        assert_eq!(leaves(&app, &here.sample.id.to_string(), "password_changed").await.len(), 1);
    }

    async fn a_password_is_changed_by_who_knows_it_and_for_a_good_one(app: TestApp) {
        let person = app.person("li.xiaoman");
        assert_eq!(person.opens("/account/password").await.location.as_deref(), Some("/login?back=/account"));
        person.logs_in().await;
        let page = person.opens("/account/password").await;
        let right = person.sample.password.as_str();
        for (current, new, status, words) in [
            ("guessed", "a-new-house-of-words-9", 422, "当前密码不正确"),
            (right, "short", 422, "密码须为 8 至 128 个字符"),
            (right, "12345678", 422, "密码须为 8 至 128 个字符"),
            (right, right, 422, "新密码不能与当前密码相同"),
        ] {
            let refused = changes(&person, &page, current, new).await;
            assert_shown(&refused, status, words);
            assert!(!refused.text.contains("a-new-house"), "a password is not sent back");
        }
        let fields = [("current_password", right), ("password", "a-new-house-of-words-9"), ("password_again", "another")];
        assert_shown(&person.submits(&page, "/account/password", &fields).await, 422, "两次输入的密码不一致");
        let forged: Vec<_> = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_shown(&person.browser.post("/account/password", &forged).await.unwrap(), 403, "页面已过期");
        // A browser left open is not an account given away: guesses are slowed down as at the login, on a known device after some more.
        let mut statuses = Vec::new();
        for guess in 0..12 {
            statuses.push(changes(&person, &page, &format!("guess-number-{guess}"), "a-new-house-of-words-9").await.status.as_u16());
        }
        assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
        app.person("chen.apo").logs_in().await;
        let (one, two) = {
            let other = app.person("chen.apo");
            other.logs_in().await;
            let page = other.opens("/account/password").await;
            let current = other.sample.password.as_str();
            tokio::join!(
                changes(&other, &page, current, "one-new-house-of-words"),
                changes(&other, &page, current, "two-new-house-of-words")
            )
        };
        let mut statuses = [one.status.as_u16(), two.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses[0], 303, "{statuses:?}");
        assert_ne!(statuses[1], 303, "of two changes at once one is made");
    }

    async fn the_account_page_shows_what_every_application_has_and_takes_it_back(app: TestApp) {
        let (citizen, portal) = (app.person("li.xiaoman"), app.application("portal"));
        let own = app.registers_as("政务自有", json!({
            "redirect_uris": ["http://localhost:9873/callback"], "scope": "openid profile offline_access", "first_party": true,
            "grant_types": ["authorization_code", "refresh_token"],
        })).await;
        let given = portal.admits(&citizen, "openid profile").await;
        let unasked = own.admits(&citizen, "openid profile offline_access").await;
        let page = citizen.opens("/account").await;
        for shown in ["市民服务门户", "政务自有", "持续访问"] {
            assert_shown(&page, 200, shown);
        }
        for (application, tokens) in [(&portal, &given), (&own, &unasked)] {
            let csrf = page.hidden_fields("/logout").unwrap();
            let fields = [csrf, vec![("client".to_owned(), application.client_id.clone())]].concat();
            let done = citizen.browser.post("/account/grants/withdraw", &fields).await.unwrap();
            assert_eq!(done.location.as_deref(), Some("/account"));
            application.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "revoked");
            application.refreshes(tokens.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
            assert_eq!(leaves(&app, &application.client_id, "consent_withdrawn").await.len(), 1);
            let again = citizen.browser.post("/account/grants/withdraw", &fields).await.unwrap();
            assert_shown(&again, 404, "没有向这个应用授权");
        }
        assert_shown(&citizen.opens("/account").await, 200, "您还没有向任何应用授权");
        assert_shown(&citizen.opens(&portal.requests("openid").path()).await, 200, "授权确认");
    }
}

/// An administrator of the whole.
async fn administrator(app: &TestApp) -> Person<'static> {
    app.official_logged_in("top", "province", &["administrator"]).await
}

async fn turns(official: &Person<'_>, person: &Person<'_>, act: &str) -> Page {
    sends(official, &form_to_turn(official, person, act).await).await
}

async fn sends(official: &Person<'_>, (path, fields): &Form) -> Page {
    official.browser.post(path, fields).await.unwrap()
}

/// Where a form goes, and its fields.
type Form = (String, Vec<(String, String)>);

async fn form_to_turn(official: &Person<'_>, person: &Person<'_>, act: &str) -> Form {
    let csrf = official.opens("/account").await.hidden_fields("/logout").unwrap();
    let (act, reason) = match act {
        "disable with no reason" => ("disable", " "),
        other => (other, "离职"),
    };
    let fields =
        vec![("account".to_owned(), person.sample.id.to_string()), ("reason".to_owned(), reason.to_owned())];
    (format!("/console/people/{act}"), [csrf, fields].concat())
}

/// Through the pages: the list, the question, the button.
async fn disables(official: &Person<'_>, person: &Person<'_>) {
    turns_by_page(official, person, "disable", &[("reason", "离职")]).await;
}

async fn enables(official: &Person<'_>, person: &Person<'_>) {
    turns_by_page(official, person, "enable", &[]).await;
}

async fn turns_by_page(official: &Person<'_>, person: &Person<'_>, act: &str, fields: &[(&str, &str)]) {
    let place = format!("{PEOPLE}/{}", person.sample.id);
    assert_shown(&official.opens(PEOPLE).await, 200, &format!("href=\"{place}\""));
    let asked = official.opens(&place).await;
    let done = official.submits(&asked, &format!("{PEOPLE}/{act}"), fields).await;
    assert_eq!(
        done.location.as_deref(),
        Some(format!("{PEOPLE}?done=account-{act}d").as_str()),
        "{}",
        done.text
    );
}

async fn changes(person: &Person<'_>, page: &Page, current: &str, new: &str) -> Page {
    let fields = [("current_password", current), ("password", new), ("password_again", new)];
    person.submits(page, "/account/password", &fields).await
}

async fn opens_device(person: &Person<'_>, user_code: &str) -> Page {
    let page = person.opens("/device").await;
    person.submits(&page, "/device", &[("user_code", user_code)]).await
}

async fn posted(application: &Application, path: &str, form: &[(&str, &str)]) -> Answer {
    let request =
        application.request(path).basic_auth(&application.client_id, Some(&application.client_secret));
    Answer::to(request.form(form)).await
}

async fn introspects(application: &Application, token: &str) -> Value {
    posted(application, "/oauth2/introspect", &[("token", token)]).await.body
}

/// What the log says of `subject`, by kind.
async fn leaves(app: &TestApp, subject: &str, kind: &str) -> Vec<Value> {
    let mut conn = app.env().db.read().await.unwrap();
    let rows = audit::of_subject(&mut conn, subject, kind).await.unwrap();
    rows.iter().map(|row| serde_json::from_slice(&row.body).unwrap()).collect()
}

/// Whether a node takes `token` at its APIs.
async fn taken(env: &flows::Env, app: &TestApp, token: &str) -> bool {
    let presented = flows::caller::Presented { token: Some(token.to_owned()), ..Default::default() };
    flows::caller::authenticate(env, app.now(), &presented, "openid").await.is_ok()
}
