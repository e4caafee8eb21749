//! Applications that one official asks for and another approves; and out of use (docs/adr/0019).

use oidc::lifetimes::POLL_INTERVAL_SECONDS;
use serde_json::{Value, json};
use store::rows::audit;
use yinxin::browser::Page;

use crate::kit::actors::{Answer, Application, Person, Returned, assert_shown};
use crate::kit::app::{TestApp, stories};
use crate::kit::keys::ClientKey;

const CALLBACK: &str = "https://tickets.example/callback";
const LIST: &str = "/console/applications";
const REQUESTS: &str = "/console/applications/requests";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// How often each pair runs.
const ROUNDS_COUNT: usize = 8;

stories! {
    async fn one_official_asks_another_approves_and_the_application_logs_people_in(app: TestApp) {
        let (deng, gao) = (registrar(&app).await, administrator(&app).await);
        let request = asks(&app, &deng, &[("scope.profile", "on")]).await;
        let page = deng.opens(&request).await;
        for shown in ["登记新应用", "车票查询", CALLBACK, "让市民查询车票", "待审批", "撤回申请"] {
            assert_shown(&page, 200, shown);
        }
        assert!(!page.text.contains("requests/approve"), "nobody is offered to approve their own request");
        assert_shown(&decides(&deng, &request, "approve").await, 403, "不能审批自己的申请");
        assert_shown(&decides(&deng, &request, "refuse").await, 403, "不能审批自己的申请");

        let page = gao.opens(&request).await;
        for shown in [CALLBACK, "让市民查询车票", "官员 deng", "密钥，放在请求头", "基本资料 (profile)"] {
            assert_shown(&page, 200, shown);
        }
        let approved = gao.submits(&page, &format!("{REQUESTS}/approve"), &[]).await;
        let place = place_of(&approved);
        assert!(place.starts_with("/console/applications/app_"), "{place}");
        for person in [&deng, &gao] {
            assert_shown(&person.opens(&place).await, 200, "尚未领取");
            assert_shown(&person.opens(LIST).await, 200, "车票查询");
        }
        let page = gao.opens(&place).await;
        let refused = gao.submits(&page, "/console/applications/secret", &[]).await;
        assert_shown(&refused, 409, "现有登记是由您批准的");
        assert!(!refused.text.contains("client_secret）</dt>"), "the approver is shown no secret");

        let client_id = place.rsplit('/').next().unwrap().to_owned();
        let secret = collects(&deng, &place).await;
        assert!(!deng.opens(&place).await.text.contains(&secret), "it is shown once");
        let tickets = app.application_known_as(&client_id, &secret, CALLBACK);
        let citizen = app.person("li.xiaoman");
        let tokens = tickets.admits(&citizen, "openid profile").await;
        assert_eq!(tickets.user_info(&tokens.access).await.text("name"), citizen.sample.name);

        let another = collects(&deng, &place).await;
        assert_ne!(another, secret);
        let code = citizen.authorizes(&tickets.requests("openid")).await.code();
        tickets.redeems(&code).await.assert_refused(401, "invalid_client", "secret is wrong");
        let renewed = app.application_known_as(&client_id, &another, CALLBACK);
        renewed.admits(&citizen, "openid").await;

        let id = request.rsplit('/').next().unwrap();
        assert_eq!(leaves(&app, id, "application_requested").await.len(), 1);
        let registered = leaves(&app, &client_id, "client_registered").await;
        assert_eq!(registered[0]["actor"], json!(gao.sample.id));
        assert_eq!(registered[0]["detail"]["applicant"], json!(deng.sample.id));
        assert_eq!(registered[0]["detail"]["request"], json!(id));
        let secrets = leaves(&app, &client_id, "client_secret_made").await;
        assert_eq!(secrets.len(), 2);
        assert!(secrets.iter().all(|leaf| leaf["actor"] == json!(deng.sample.id)));
        assert_shown(&decides(&gao, &request, "approve").await, 409, "已经办理或撤回");
    }

    async fn a_request_is_refused_with_a_reason_or_taken_back_and_nothing_comes_of_it(app: TestApp) {
        let (deng, gao) = (registrar(&app).await, administrator(&app).await);
        let refused = asks(&app, &deng, &[]).await;
        let page = gao.opens(&refused).await;
        assert_shown(&gao.submits(&page, &format!("{REQUESTS}/refuse"), &[("reason", " ")]).await, 422, "不能采用");
        let done = gao.submits(&page, &format!("{REQUESTS}/refuse"), &[("reason", "名称应写全称")]).await;
        assert_eq!(place_of(&done), refused);
        for shown in ["已驳回", "名称应写全称", "官员 gao"] {
            assert_shown(&deng.opens(&refused).await, 200, shown);
        }
        let withdrawn = asks(&app, &deng, &[]).await;
        assert_shown(&decides(&gao, &withdrawn, "withdraw").await, 404, "没有这个申请");
        let page = deng.opens(&withdrawn).await;
        let done = deng.submits(&page, &format!("{REQUESTS}/withdraw"), &[]).await;
        assert_eq!(place_of(&done), withdrawn);
        assert_shown(&deng.opens(&withdrawn).await, 200, "已撤回");
        for over in [&refused, &withdrawn] {
            for act in ["approve", "refuse"] {
                assert_shown(&decides(&gao, over, act).await, 409, "已经办理或撤回");
            }
            assert_shown(&decides(&deng, over, "withdraw").await, 409, "已经办理或撤回");
        }
        assert!(!deng.opens(LIST).await.text.contains("/console/applications/app_"), "no application came of it");
    }

    async fn a_change_is_shown_beside_what_is_registered_and_takes_two_officials_too(app: TestApp) {
        let (deng, gao) = (registrar(&app).await, administrator(&app).await);
        let (place, tickets) = registered(&app, &deng, &gao, &[("scope.profile", "on"), ("scope.offline_access", "on")]).await;
        let citizen = app.person("li.xiaoman");
        let tokens = tickets.admits(&citizen, "openid profile offline_access").await;

        let same = changes(&deng, &place, &[("scope.profile", "on"), ("scope.offline_access", "on")]).await;
        assert_shown(&same, 422, "与现有登记相同");
        let wider = [
            ("scope.profile", "on"), ("scope.offline_access", "on"), ("scope.real_name", "on"),
            ("redirect_uris", "https://tickets.example/callback\nhttps://other.example/callback"),
        ];
        let request = place_of(&changes(&deng, &place, &wider).await);
        let again = changes(&deng, &place, &wider).await;
        assert_shown(&again, 409, "已有一个关于该应用的申请");
        let page = gao.opens(&request).await;
        for shown in ["与现有登记的差异", "https://other.example/callback", "实名信息 (real_name)", "分布在多个主机", "会取得证件号码"] {
            assert_shown(&page, 200, shown);
        }
        assert_shown(&decides(&deng, &request, "approve").await, 403, "不能审批自己的申请");
        let elsewhere = tickets.requests("openid").with("redirect_uri", "https://other.example/callback");
        assert_shown(&citizen.opens(&elsewhere.path()).await, 400, "other.example");
        assert_eq!(place_of(&gao.submits(&page, &format!("{REQUESTS}/approve"), &[]).await), place);
        app.advance(1);
        assert_eq!(Returned::by(&citizen.opens(&elsewhere.path()).await).code().len(), 43);
        assert_eq!(tickets.user_info(&tokens.access).await.status, 200, "a wider registration ends nothing");
        let renewed = tickets.refreshes(tokens.refresh()).await.tokens();

        // What was asked about an older registration does not undo a later one.
        let late = place_of(&changes(&deng, &place, &[("name", "车票"), ("scope.profile", "on")]).await);
        let client_id = place.rsplit('/').next().unwrap();
        crate::kit::intruder::Intruder::at(&app)
            .does(&format!("UPDATE client SET metadata = REPLACE(metadata, '车票查询', '车票与时刻') WHERE id = '{client_id}'"))
            .await;
        assert_shown(&decides(&gao, &late, "approve").await, 409, "已被变更或停用");
        assert_shown(&gao.opens(&late).await, 200, "待审批");
        assert_eq!(place_of(&decides(&deng, &late, "withdraw").await), late);

        let narrower = place_of(&changes(&deng, &place, &[("scope.offline_access", "on")]).await);
        assert_eq!(place_of(&decides(&gao, &narrower, "approve").await), place);
        tickets.refreshes(renewed.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
        tickets.user_info(&renewed.access).await.assert_problem(401, "invalid_token", "revoked");
        assert_eq!(citizen.authorizes_in_pages(&tickets.requests("openid")).await.1, 1, "and people are asked anew");
        let changed = leaves(&app, client_id, "client_changed").await;
        assert_eq!(changed.len(), 2);
    }

    async fn who_may_not_is_refused_whatever_the_page_shows(app: TestApp) {
        let (deng, gao) = (registrar(&app).await, administrator(&app).await);
        let stranger = app.official_logged_in("wuyi", "ludao", &["application_registrar", "administrator"]).await;
        let plain = app.official_logged_in("heqi", "gushan", &["seal_keeper"]).await;
        let request = asks(&app, &deng, &[]).await;
        for path in [LIST, "/console/applications/new", request.as_str()] {
            assert_shown(&plain.opens(path).await, 403, "仅供应用登记员和管理员");
        }
        assert_shown(&stranger.opens(&request).await, 404, "没有这个申请");
        for act in ["approve", "refuse", "withdraw"] {
            assert_shown(&decides(&stranger, &request, act).await, 404, "没有这个申请");
        }
        assert!(!stranger.opens(LIST).await.text.contains("车票查询"));
        let form = stranger.opens("/console/applications/new").await;
        let mut fields = fields(&app, &[]);
        let refused = stranger.submits(&form, REQUESTS, &borrowed(&fields)).await;
        assert_shown(&refused, 403, "须为该单位或其上级单位的应用登记员或管理员");

        let second = app.official_logged_in("deng2", "gushan", &["application_registrar"]).await;
        assert_shown(&decides(&second, &request, "approve").await, 403, "须为该单位或其上级单位的管理员");

        // Without the browser's own token nothing is taken.
        let csrf = |page: &Page| page.hidden_fields(&format!("{REQUESTS}/approve")).unwrap();
        let mut hidden = csrf(&gao.opens(&request).await);
        hidden.retain(|(name, _)| name != "csrf");
        let forged = gao.browser.post(&format!("{REQUESTS}/approve"), &hidden).await.unwrap();
        assert_shown(&forged, 403, "页面已过期");
        let foreign = stranger.opens("/console/applications/new").await.hidden_fields(REQUESTS).unwrap();
        let forged = deng.browser.post(REQUESTS, &[foreign, fields.clone()].concat()).await.unwrap();
        assert_shown(&forged, 403, "页面已过期");

        // What reaches beyond one unit is for administrators of the whole.
        fields.push(("scope.signal:report".to_owned(), "on".to_owned()));
        let form = deng.opens("/console/applications/new").await;
        let beyond = place_of(&deng.submits(&form, REQUESTS, &borrowed(&fields)).await);
        assert_shown(&gao.opens(&beyond).await, 200, "须由最高一级管理员批准");
        assert_shown(&decides(&gao, &beyond, "approve").await, 403, "须为该单位或其上级单位的管理员");
        let top = app.official_logged_in("top", "province", &["administrator"]).await;
        assert!(place_of(&decides(&top, &beyond, "approve").await).starts_with("/console/applications/app_"));
        // A registrar of the branch sees no application that is nobody's.
        let portal = app.application("portal");
        assert_shown(&deng.opens(&format!("{LIST}/{}", portal.client_id)).await, 404, "没有这个应用");
        assert_shown(&top.opens(&format!("{LIST}/{}", portal.client_id)).await, 200, "由运维人员或接口登记");
    }

    async fn a_mistake_is_marked_where_it_was_made(app: TestApp) {
        let deng = registrar(&app).await;
        for (change, field, words) in [
            (vec![("name", "")], "ask-name-wrong", "请填写此项"),
            (vec![("purpose", "")], "ask-purpose-wrong", "请填写此项"),
            (vec![("unit", "")], "ask-unit-wrong", "请填写此项"),
            (vec![("redirect_uris", "")], "ask-redirect_uris-wrong", "请填写此项"),
            (vec![("redirect_uris", "https://a.example/*")], "ask-redirect_uris-wrong", "a.example/*"),
            (vec![("redirect_uris", "http://evil.example/cb")], "ask-redirect_uris-wrong", "http://evil.example/cb"),
            (vec![("name", "车\u{202e}票")], "ask-name-wrong", "printable characters"),
            (vec![("jwks", "{")], "ask-jwks-wrong", "JSON Web Key Set"),
            (vec![("token_endpoint_auth_method", "private_key_jwt")], "ask-jwks-wrong", "jwks_uri"),
            (vec![("token_endpoint_auth_method", "tls_client_auth")], "ask-token_endpoint_auth_method-wrong", "none are taken here"),
            (vec![("token_endpoint_auth_method", "magic")], "ask-token_endpoint_auth_method-wrong", "magic"),
            (vec![("backchannel_logout_uri", "http://a.example/out")], "ask-backchannel_logout_uri-wrong", "https"),
            (vec![("response_mode.fragment", "on")], "ask-response_mode-fragment-jwt-wrong", "code id_token"),
            (vec![("default_max_age", "soon")], "ask-default_max_age-wrong", "soon"),
            (vec![("id_token_signed_response_alg", "none")], "ask-id_token_signed_response_alg-wrong", "none"),
            (vec![("token_endpoint_auth_method", "none"), ("pkce_waived", "on")], "ask-pkce_waived-wrong", "require"),
        ] {
            let page = tries_to_ask(&app, &deng, &change).await;
            assert_shown(&page, 422, &format!("id=\"{field}\""));
            assert!(page.text.contains(words), "{change:?}: {}", page.text);
            let mark = page.text.split(&format!("id=\"{field}\">")).nth(1).unwrap().split('<').next().unwrap();
            assert!(!mark.is_empty());
        }
        let page = tries_to_ask(&app, &deng, &[("redirect_uris", "http://evil.example/cb"), ("scope.phone", "on")]).await;
        assert!(page.text.contains(">http://evil.example/cb</textarea>"), "what was entered is still there");
        assert!(page.text.contains("name=\"scope.phone\" type=\"checkbox\" value=\"on\" checked"));
        assert!(!deng.opens(LIST).await.text.contains("车票查询"), "nothing was asked for");
    }

    async fn an_application_with_its_own_keys_is_registered_whole(app: TestApp) {
        let (deng, gao) = (registrar(&app).await, administrator(&app).await);
        let jwks = ClientKey::new("k1").jwks().to_string();
        let (place, tickets) = registered(&app, &deng, &gao, &[
            ("token_endpoint_auth_method", "private_key_jwt"),
            ("jwks", &jwks),
            ("post_logout_redirect_uris", "https://tickets.example/bye"),
            ("backchannel_logout_uri", "https://tickets.example/out"),
            ("frontchannel_logout_uri", "https://tickets.example/front"),
            ("id_token_signed_response_alg", "SM2"),
            ("access_token_format", "opaque"),
            ("dpop_bound_access_tokens", "on"),
            ("require_pushed_authorization_requests", "on"),
            ("pairwise", "on"),
            ("device", "on"),
            ("default_max_age", "3600"),
            ("response_mode.form_post", "on"),
            ("response_mode.query.jwt", "on"),
        ]).await;
        let kept = flows::manage_application::lookup(app.env(), &tickets.client_id).await.unwrap().unwrap();
        let kept = serde_json::to_value(kept.registration).unwrap();
        for (member, value) in [
            ("token_endpoint_auth_method", json!("private_key_jwt")),
            ("jwks", serde_json::from_str(&jwks).unwrap()),
            ("post_logout_redirect_uris", json!(["https://tickets.example/bye"])),
            ("backchannel_logout_uri", json!("https://tickets.example/out")),
            ("frontchannel_logout_uri", json!("https://tickets.example/front")),
            ("id_token_signed_response_alg", json!("SM2")),
            ("access_token_signed_response_alg", json!("SM2")),
            ("access_token_format", json!("opaque")),
            ("dpop_bound_access_tokens", json!(true)),
            ("require_pushed_authorization_requests", json!(true)),
            ("subject_type", json!("pairwise")),
            ("grant_types", json!(["authorization_code", DEVICE_GRANT])),
            ("default_max_age", json!(3600)),
            ("response_modes", json!(["form_post", "query.jwt"])),
        ] {
            assert_eq!(kept[member], value, "{member}");
        }
        let page = deng.opens(&place).await;
        assert!(!page.text.contains("/console/applications/secret"), "it has no secret to collect");
        let hidden = ("client", tickets.client_id.as_str());
        let refused = posts(&deng, "/console/applications/secret", &[hidden]).await;
        assert_shown(&refused, 409, "不使用密钥");
        // The form of a change holds what is registered, folded parts included.
        let form = deng.opens(&format!("{place}/change")).await;
        for shown in ["https://tickets.example/out", "&#34;kid&#34;: &#34;k1&#34;", "value=\"3600\""] {
            assert_shown(&form, 200, shown);
        }
        let machine = registered(&app, &deng, &app.official_logged_in("top", "province", &["administrator"]).await, &[
            ("redirect_uris", ""), ("scope.decision:evaluate", "on"),
        ]).await.1;
        let token = machine.asks(&[("grant_type", "client_credentials")]).await.tokens();
        assert_eq!(token.scope, "decision:evaluate");
    }

    async fn of_two_decisions_at_once_one_is_made(app: TestApp) {
        let (deng, gao) = (registrar(&app).await, administrator(&app).await);
        let other = app.official_logged_in("luan", "gushan", &["administrator"]).await;
        let mut made = 0;
        for round in 0..ROUNDS_COUNT {
            let request = asks(&app, &deng, &[]).await;
            let (one, two, three) = match round % 3 {
                0 => tokio::join!(decides(&gao, &request, "approve"), decides(&other, &request, "approve"), decides(&gao, &request, "approve")),
                1 => tokio::join!(decides(&gao, &request, "approve"), decides(&deng, &request, "withdraw"), decides(&other, &request, "refuse")),
                _ => tokio::join!(decides(&deng, &request, "withdraw"), decides(&deng, &request, "withdraw"), decides(&other, &request, "approve")),
            };
            let pages = [one, two, three];
            let won: Vec<_> = pages.iter().filter(|page| page.status.as_u16() == 303).collect();
            assert_eq!(won.len(), 1, "round {round}: {:?}", pages.map(|page| page.status));
            made += usize::from(place_of(won[0]).starts_with("/console/applications/app_"));
        }
        let all = flows::manage_application::standings(app.env()).await.unwrap();
        assert_eq!(all.iter().filter(|row| row.unit.is_some()).count(), made, "as many applications as approvals");
    }

    async fn out_of_use_everything_an_application_was_given_is_dead(app: TestApp) {
        let gao = app.official_logged_in("top", "province", &["administrator"]).await;
        let second = app.official_logged_in("second", "province", &["administrator"]).await;
        let citizen = app.person("li.xiaoman");
        let members = json!({
            "redirect_uris": ["http://localhost:9873/callback"],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials", DEVICE_GRANT, "urn:openid:params:grant-type:ciba"],
            "scope": "openid profile offline_access decision:evaluate", "audiences": [app.issuer],
        });
        let signed = app.registers(members.clone()).await;
        let mut opaque = members.clone();
        opaque["access_token_format"] = "opaque".into();
        let opaque = app.registers_as("不透明", opaque).await;
        let other_node = app.another_node().await;
        for application in [&signed, &opaque] {
            let tokens = application.admits(&citizen, "openid profile offline_access").await;
            let code = citizen.authorizes(&application.requests("openid")).await.code();
            let machine = application.asks(&[("grant_type", "client_credentials"), ("scope", "decision:evaluate")]).await.tokens();
            let pending = device(application).await;
            let allowed = device(application).await;
            let typed = citizen.opens(&format!("/device?user_code={}", allowed.text("user_code"))).await;
            let asked = citizen.submits(&typed, "/device", &[("user_code", allowed.text("user_code"))]).await;
            citizen.submits(&asked, "/device/answer", &[("decision", "allow")]).await;
            let counter = posted(application, "/oauth2/bc-authorize", &[("login_hint", "li.xiaoman"), ("scope", "openid")]).await;
            let waiting = citizen.opens("/approvals").await;
            let pushed = Answer::to(
                application.request("/oauth2/par").basic_auth(&application.client_id, Some(&application.client_secret))
                    .header("content-type", "application/x-www-form-urlencoded").body(application.requests("openid").encoded()),
            ).await;
            let ticket = app.person("chen.apo");
            let login = ticket.opens(&application.requests("openid").path()).await;
            assert!(taken(&other_node, &app, &tokens.access).await);
            assert!(flows::revocations::read(&other_node, app.now()).await.is_ok());

            let place = format!("{LIST}/{}", application.client_id);
            let page = gao.opens(&place).await;
            assert_shown(&gao.submits(&page, "/console/applications/disable", &[("reason", "")]).await, 422, "不能采用");
            let done = gao.submits(&page, "/console/applications/disable", &[("reason", "密钥疑似泄露")]).await;
            assert_eq!(place_of(&done), place);
            for shown in ["已停用", "密钥疑似泄露", "官员 top"] {
                assert_shown(&gao.opens(&place).await, 200, shown);
            }
            // At every endpoint where it proves who it is.
            let code_form = application.redemption(&code);
            for (path, form) in [
                ("/oauth2/token", &code_form[..]),
                ("/oauth2/token", &[("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())]),
                ("/oauth2/token", &[("grant_type", "client_credentials")]),
                ("/oauth2/token", &[("grant_type", DEVICE_GRANT), ("device_code", allowed.text("device_code"))]),
                ("/oauth2/par", &[("response_type", "code")]),
                ("/oauth2/introspect", &[("token", &tokens.access)]),
                ("/oauth2/revoke", &[("token", &tokens.access)]),
                ("/oauth2/device_authorization", &[("scope", "openid")]),
                ("/oauth2/bc-authorize", &[("login_hint", "li.xiaoman"), ("scope", "openid")]),
            ] {
                posted(application, path, form).await.assert_refused(401, "invalid_client", "unknown or disabled");
            }
            application.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "");
            let asks = app.http().post(app.url("/access/v1/evaluation")).bearer_auth(&machine.access);
            Answer::to(asks.json(&json!({}))).await.assert_problem(401, "invalid_token", "");
            assert_shown(&citizen.opens(&application.requests("openid").path()).await, 400, &application.client_id);
            assert_shown(&ticket.enters(&login).await, 400, "已停止使用");
            let answered = citizen.submits(&waiting, "/approvals", &[("decision", "allow")]).await;
            assert_shown(&answered, 409, "已经答复过");
            // Another node learns of it within a second.
            app.advance(1);
            flows::revocations::read(&other_node, app.now()).await.unwrap();
            assert!(!taken(&other_node, &app, &tokens.access).await);

            // Back in use by two officials, and nothing of it comes back.
            let back = gao.submits(&gao.opens(&place).await, "/console/applications/enable", &[("reason", "密钥已更换")]).await;
            let request = place_of(&back);
            assert_shown(&decides(&gao, &request, "approve").await, 403, "不能审批自己的申请");
            application.refreshes(tokens.refresh()).await.assert_refused(401, "invalid_client", "");
            assert_eq!(place_of(&decides(&second, &request, "approve").await), place);
            app.advance(1);
            application.redeems(&code).await.assert_refused(400, "invalid_grant", "");
            application.refreshes(tokens.refresh()).await.assert_refused(400, "invalid_grant", "revoked");
            application.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "");
            for dead in [&tokens.access, &machine.access, tokens.refresh()] {
                assert_eq!(posted(application, "/oauth2/introspect", &[("token", dead)]).await.body, json!({ "active": false }), "{dead}");
            }
            app.advance(POLL_INTERVAL_SECONDS);
            for begun in [&pending, &allowed] {
                let polled = application.asks(&[("grant_type", DEVICE_GRANT), ("device_code", begun.text("device_code"))]).await;
                assert_eq!(polled.status, 400, "{polled:?}");
                assert!(["expired_token", "invalid_grant"].contains(&polled.text("error")), "{polled:?}");
            }
            let polled = application.asks(&[("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", counter.text("auth_req_id"))]).await;
            assert_eq!((polled.status, polled.text("error")), (400, "expired_token"));
            let uri = pushed.text("request_uri").replace(':', "%3A");
            let brought = format!("/oauth2/authorize?client_id={}&request_uri={uri}", application.client_id);
            assert_shown(&citizen.opens(&brought).await, 400, "request_uri");
            let fresh = application.admits(&citizen, "openid profile offline_access").await;
            assert_eq!(application.user_info(&fresh.access).await.status, 200);
            let fresh = application.asks(&[("grant_type", "client_credentials"), ("scope", "decision:evaluate")]).await.tokens();
            assert_eq!(posted(application, "/oauth2/introspect", &[("token", &fresh.access)]).await.body["active"], json!(true));
            assert_eq!(leaves(&app, &application.client_id, "client_disabled").await.len(), 1);
            assert_eq!(leaves(&app, &application.client_id, "client_enabled").await.len(), 1);
        }
    }

    async fn to_stop_an_application_takes_one_administrator_over_it_and_it_stops_once(app: TestApp) {
        let (deng, gao) = (registrar(&app).await, administrator(&app).await);
        let (place, tickets) = registered(&app, &deng, &gao, &[]).await;
        let hidden = [("client", tickets.client_id.as_str()), ("reason", "试试")];
        let stop = "/console/applications/disable";
        let stranger = app.official_logged_in("wuyi", "ludao", &["administrator"]).await;
        assert_shown(&posts(&stranger, stop, &hidden).await, 404, "没有这个应用");
        assert_shown(&posts(&deng, stop, &hidden).await, 403, "须为该单位或其上级单位的管理员");
        let portal = app.application("portal");
        let others = [("client", portal.client_id.as_str()), ("reason", "试试")];
        assert_shown(&posts(&gao, stop, &others).await, 404, "没有这个应用");
        assert_eq!(portal.admits(&app.person("li.xiaoman"), "openid").await.scope, "openid");

        let two = app.official_logged_in("luan", "gushan", &["administrator"]).await;
        let (one, other) = tokio::join!(posts(&gao, stop, &hidden), posts(&two, stop, &hidden));
        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 409]);
        assert_eq!(leaves(&app, &tickets.client_id, "client_disabled").await.len(), 1);
        assert_shown(&posts(&deng, "/console/applications/secret", &hidden).await, 409, "应用已停用");
        assert_shown(&deng.opens(&format!("{place}/change")).await, 200, "车票查询");
        assert_shown(&changes(&deng, &place, &[("name", "新名称")]).await, 409, "该应用已停用");
        // In use already, or out of it by its own management, it is not taken back.
        let request = place_of(&posts(&deng, "/console/applications/enable", &hidden).await);
        assert_eq!(place_of(&decides(&gao, &request, "approve").await), place);
        assert_shown(&posts(&deng, "/console/applications/enable", &hidden).await, 409, "只有由公务人员停用");
    }
}

/// An official who asks for applications of Gushan.
async fn registrar(app: &TestApp) -> Person<'static> {
    app.official_logged_in("deng", "gushan", &["application_registrar"]).await
}

/// An administrator of the city above.
async fn administrator(app: &TestApp) -> Person<'static> {
    app.official_logged_in("gao", "rongcheng", &["administrator"]).await
}

/// What is entered for a new application, with `changes` put over it.
fn fields(app: &TestApp, changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let unit = app.sample.units["gushan"].to_string();
    put_over(&[("unit", &unit)], changes)
}

/// What is entered for any application, with `changes` put over it.
fn put_over(first: &[(&str, &str)], changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let usual = [
        ("name", "车票查询"),
        ("name_en", "Tickets"),
        ("purpose", "让市民查询车票"),
        ("token_endpoint_auth_method", "client_secret_basic"),
        ("redirect_uris", CALLBACK),
        ("id_token_signed_response_alg", "ES256"),
        ("access_token_format", "jwt"),
    ];
    let usual = first.iter().chain(&usual).filter(|(name, _)| !changes.iter().any(|(n, _)| n == name));
    owned_pairs(&usual.copied().chain(changes.iter().copied()).collect::<Vec<_>>())
}

fn owned_pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

async fn tries_to_ask(app: &TestApp, person: &Person<'_>, changes: &[(&str, &str)]) -> Page {
    let form = person.opens("/console/applications/new").await;
    person.submits(&form, REQUESTS, &borrowed(&fields(app, changes))).await
}

/// Asks for a new application; where the request is.
async fn asks(app: &TestApp, person: &Person<'_>, changes: &[(&str, &str)]) -> String {
    place_of(&tries_to_ask(app, person, changes).await)
}

/// Asks for a change of the application at `place`.
async fn changes(person: &Person<'_>, place: &str, changes: &[(&str, &str)]) -> Page {
    let form = person.opens(&format!("{place}/change")).await;
    person.submits(&form, REQUESTS, &borrowed(&put_over(&[], changes))).await
}

/// `act` on the request at `place`, whatever its page offers.
async fn decides(person: &Person<'_>, place: &str, act: &str) -> Page {
    let id = place.rsplit('/').next().unwrap();
    posts(person, &format!("{REQUESTS}/{act}"), &[("request", id), ("reason", "不合适")]).await
}

/// Posts `fields` to `action` with the token of this browser, whatever the pages offer.
async fn posts(person: &Person<'_>, action: &str, fields: &[(&str, &str)]) -> Page {
    let page = person.opens("/account").await;
    let csrf = page.hidden_fields("/logout").unwrap();
    person.browser.post(action, &[csrf, owned_pairs(fields)].concat()).await.unwrap()
}

/// Where `page` leads, without what it says there.
#[track_caller]
fn place_of(page: &Page) -> String {
    let location = page.location.as_deref();
    let location = location.unwrap_or_else(|| panic!("{}", page.unexpected("a redirect")));
    location.split('?').next().unwrap().to_owned()
}

/// Asked by one, approved by the other, its secret collected: where it is, and itself.
async fn registered(
    app: &TestApp,
    asking: &Person<'_>,
    approving: &Person<'_>,
    changes: &[(&str, &str)],
) -> (String, Application) {
    let request = asks(app, asking, changes).await;
    let place = place_of(&decides(approving, &request, "approve").await);
    let has_secret = !changes
        .iter()
        .any(|(name, value)| *name == "token_endpoint_auth_method" && !value.starts_with("client_secret"));
    let secret = if has_secret { collects(asking, &place).await } else { String::new() };
    let client_id = place.rsplit('/').next().unwrap();
    let redirect =
        changes.iter().find(|(name, _)| *name == "redirect_uris").map_or(CALLBACK, |(_, uris)| *uris);
    (place.clone(), app.application_known_as(client_id, &secret, redirect))
}

/// Has the secret of the application at `place` made.
async fn collects(person: &Person<'_>, place: &str) -> String {
    let page = person.opens(place).await;
    let made = person.submits(&page, "/console/applications/secret", &[]).await;
    assert_shown(&made, 200, "只显示这一次");
    let secret =
        made.text.split("（client_secret）</dt><dd><code>").nth(1).unwrap().split('<').next().unwrap();
    assert_eq!(secret.len(), 43, "256 bits");
    secret.to_owned()
}

/// What the log says of `subject`, by kind.
async fn leaves(app: &TestApp, subject: &str, kind: &str) -> Vec<Value> {
    let mut conn = app.env().db.read().await.unwrap();
    let rows = audit::of_subject(&mut conn, subject, kind).await.unwrap();
    rows.iter().map(|row| serde_json::from_slice(&row.body).unwrap()).collect()
}

async fn posted(application: &Application, path: &str, form: &[(&str, &str)]) -> Answer {
    let request =
        application.request(path).basic_auth(&application.client_id, Some(&application.client_secret));
    Answer::to(request.form(form)).await
}

async fn device(application: &Application) -> Answer {
    let begun = posted(application, "/oauth2/device_authorization", &[("scope", "openid profile")]).await;
    assert_eq!(begun.status, 200, "{begun:?}");
    begun
}

/// Whether a node takes `token` at its APIs.
async fn taken(env: &flows::Env, app: &TestApp, token: &str) -> bool {
    let presented = flows::caller::Presented { token: Some(token.to_owned()), ..Default::default() };
    flows::caller::authenticate(env, app.now(), &presented, "openid").await.is_ok()
}
