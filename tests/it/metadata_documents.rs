//! Clients whose identifier is the address of their registration (draft-ietf-oauth-client-id-metadata-document).

use flows::metadata_documents::Documents;
use serde_json::{Value, json};
use store::rows::clients;

use crate::kit::actors::{Answer, Application, Returned, Tokens, assert_shown, claims_of};
use crate::kit::app::{TestApp, stories};
use crate::kit::intruder::Intruder;
use crate::kit::keys::{ClientKey, fresh, put_over};
use crate::kit::site::Site;

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

stories! {
    async fn unless_the_operator_turns_it_on_an_address_is_nobody(app: TestApp) {
        let site = Site::opens().await;
        let reader = reader(&app, &site, json!({}));
        let page = app.person("li.xiaoman").opens(&reader.requests("openid").path()).await;
        assert_shown(&page, 400, &site.url("/client.json"));
        assert_eq!(site.fetches(), 0, "nothing is fetched");
        assert_eq!(app.metadata().await["client_id_metadata_document_supported"], false);
        let refused = reader.asks_openly(&[("grant_type", "refresh_token"), ("refresh_token", "x")]).await;
        refused.assert_refused(401, "invalid_client", "unknown");
        assert_eq!(site.fetches(), 0);
    }

    async fn a_person_lets_an_application_in_that_is_known_by_its_document(app: TestApp) {
        let mut app = app;
        app.lets_documents_register(Documents::Anywhere).await;
        assert_eq!(app.metadata().await["client_id_metadata_document_supported"], true);
        let site = Site::opens().await;
        let reader = reader(&app, &site, json!({ "scope": "openid profile offline_access seal:use" }));
        let citizen = app.person("li.xiaoman");
        let before = app.applications().await;
        let request = reader.requests("openid profile offline_access seal:use");
        let login = citizen.opens(&request.path()).await;
        assert_shown(&login, 200, "127.0.0.1");
        assert_eq!(app.applications().await, before, "a request of nobody's writes nothing down");
        citizen.logs_in().await;
        let consent = citizen.opens(&request.path()).await;
        assert_shown(&consent, 200, "目前只知道它的网址是");
        assert!(!consent.text.contains("seal:use"), "nothing of the province's own APIs");
        let allowed = citizen.submits(&consent, "/consent", &[("decision", "allow")]).await;
        let tokens = reader.redeems_openly(&Returned::by(&allowed).code()).await.tokens();
        assert_eq!(tokens.scope, "openid profile offline_access");
        assert_eq!(site.fetches(), 1, "once for all of it");
        assert_eq!(app.applications().await, before + 1);
        let (said, portal) = (claims_of(tokens.id()), app.token_of("li.xiaoman", "openid").await);
        assert_eq!(said["aud"], reader.client_id);
        assert_ne!(said["sub"], claims_of(&portal)["sub"], "it knows people by names of its own");
        let info = reader.user_info(&tokens.access).await;
        assert_eq!((info.status, &info.body["sub"]), (200, &said["sub"]));
        let refreshed = reader.asks_openly(&[("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())]).await;
        assert_eq!(claims_of(refreshed.tokens().id())["sub"], said["sub"]);
        assert_shown(&citizen.opens("/account").await, 200, "Reading room");

        // Yes is said to it each time: who answers there may be another tomorrow.
        assert_shown(&citizen.opens(&request.path()).await, 200, "目前只知道它的网址是");
        let silent = citizen.opens(&request.with("prompt", "none").path()).await;
        assert_eq!(Returned::by(&silent).error(), "consent_required", "the person went there before");
        app.log_size().await;
        let entry = flows::log::latest(app.env(), 1).await.unwrap().remove(0);
        assert_eq!((entry.kind.as_str(), entry.subject.as_str()), ("client_registered", reader.client_id.as_str()));
    }

    async fn what_is_not_a_good_document_registers_nobody(app: TestApp) {
        let mut app = app;
        app.lets_documents_register(Documents::Anywhere).await;
        let site = Site::opens().await;
        let reader = reader(&app, &site, json!({}));
        let citizen = app.person("li.xiaoman");
        let opens = async |why: &str| {
            app.advance(61);
            let page = citizen.opens(&reader.requests("openid").path()).await;
            assert_shown(&page, 400, why);
        };
        let good = document(&site, json!({})).to_string();
        let json_type = [("content-type", "application/json")];
        for status in [404, 500, 204, 201, 301, 302] {
            site.answers("/client.json", status, &[json_type[0], ("location", &site.url("/other"))], &good);
            opens("client.json").await;
        }
        site.answers("/client.json", 200, &[("content-type", "text/html")], &good);
        opens("content type").await;
        site.answers("/client.json", 200, &[], &good);
        opens("content type").await;
        site.answers("/client.json", 200, &json_type, "{");
        opens("JSON object").await;
        site.answers("/client.json", 200, &json_type, &format!("{good}{}", " ".repeat(5_121)));
        opens("5120 bytes").await;
        for (over, why) in [
            (json!({ "client_id": "http://127.0.0.1/client.json" }), "byte for byte"),
            (json!({ "client_secret": "x" }), "no secret"),
            (json!({ "token_endpoint_auth_method": "client_secret_basic" }), "private_key_jwt"),
            (json!({ "redirect_uris": ["https://evil.example/cb"] }), "redirect URIs at"),
            (json!({ "client_name": "Citizen Portal (Sаmple)" }), "looks like"),
            (json!({ "client_name": "Reading\u{202e}room" }), "printable"),
        ] {
            site.publishes("/client.json", &document(&site, over));
            opens(why).await;
        }
        site.answers("/client.json", 200, &[("content-type", "application/oauth-client+json; charset=utf-8")], &good);
        app.advance(61);
        assert_shown(&citizen.opens(&reader.requests("openid").path()).await, 200, "Reading room");
        assert_eq!(app.applications().await, app.sample.applications.len() as i64, "nobody was registered");
    }

    async fn no_address_inside_is_called(app: TestApp) {
        let mut app = app;
        app.lets_documents_register(Documents::Anywhere).await;
        let citizen = app.person("li.xiaoman");
        for inside in [
            "https://169.254.169.254/latest/meta-data", "https://10.0.0.1/client.json", "https://127.0.0.2/client.json", "https://0x7f000001/c",
            "https://2130706433/c", "http://example.com/client.json", "https://localhost:1/../client.json", "https://intranet.invalid/c",
            "https://example.com", "https://EXAMPLE.com/c", "http://10.0.0.1/c",
        ] {
            let reader = app.application_known_as(inside, "", "https://app.example/cb");
            let page = citizen.opens(&reader.requests("openid").path()).await;
            assert_shown(&page, 400, "expected");
            let refused = reader.asks_openly(&[("grant_type", "authorization_code"), ("code", "x")]).await;
            assert_eq!((refused.status, refused.text("error")), (401, "invalid_client"), "{inside}");
        }
        // Keys that such a client names are fetched within the same bounds, and only beside its document.
        let site = Site::opens().await;
        for inside in ["https://169.254.169.254/keys", "http://127.0.0.1:1/keys", "https://10.0.0.1/keys"] {
            app.advance(61);
            let over = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": inside });
            let reader = reader(&app, &site, over);
            assert_shown(&citizen.opens(&reader.requests("openid").path()).await, 400, "`jwks_uri` at");
        }
    }

    async fn only_hosts_that_the_operator_names_register_when_some_are_named(app: TestApp) {
        let mut app = app;
        let site = Site::opens().await;
        app.lets_documents_register(Documents::At(vec!["apps.fujian.example".to_owned()])).await;
        let reader = reader(&app, &site, json!({}));
        let citizen = app.person("li.xiaoman");
        assert_shown(&citizen.opens(&reader.requests("openid").path()).await, 400, "a host that the operator lets register");
        assert_eq!(site.fetches(), 0);
        app.lets_documents_register(Documents::At(vec!["127.0.0.1".to_owned()])).await;
        let citizen = app.person("li.xiaoman");
        assert_shown(&citizen.opens(&reader.requests("openid").path()).await, 200, "Reading room");
    }

    async fn a_document_is_kept_as_long_as_its_site_says_and_failures_are_not_repeated(app: TestApp) {
        let mut app = app;
        app.lets_documents_register(Documents::Anywhere).await;
        let site = Site::opens().await;
        let reader = reader(&app, &site, json!({}));
        let citizen = app.person("li.xiaoman");
        let opens = async || citizen.opens(&reader.requests("openid").path()).await.status.as_u16();
        let keeps = |value: &str| {
            let headers = [("content-type", "application/json"), ("cache-control", value)];
            site.answers("/client.json", 200, &headers, &document(&site, json!({})).to_string());
        };
        keeps("max-age=600");
        assert_eq!((opens().await, opens().await, site.fetches()), (200, 200, 1));
        app.advance(599);
        assert_eq!((opens().await, site.fetches()), (200, 1));
        keeps("no-store");
        app.advance(2);
        assert_eq!((opens().await, opens().await, site.fetches()), (200, 200, 2), "for a minute at least");
        app.advance(61);
        site.answers("/client.json", 500, &[], "");
        assert_eq!((opens().await, opens().await, site.fetches()), (400, 400, 3), "a failure is not asked for again at once");
        keeps("max-age=99999999");
        assert_eq!((opens().await, site.fetches()), (400, 3));
        app.advance(11);
        assert_eq!((opens().await, site.fetches()), (200, 4), "and not kept");
        app.advance(3_601);
        assert_eq!((opens().await, site.fetches()), (200, 5), "for an hour at most");

        let many = async |from: usize, to: usize| {
            for n in from..to {
                let stranger = app.application_known_as(&site.url(&format!("/{n}.json")), "", "https://x.example/");
                citizen.opens(&stranger.requests("openid").path()).await;
            }
        };
        app.advance(61);
        many(0, 30).await;
        assert_eq!(site.fetches(), 15, "one host is asked ten times a minute");
    }

    async fn a_changed_document_holds_and_ends_what_people_gave_to_what_it_was(app: TestApp) {
        let mut app = app;
        app.lets_documents_register(Documents::Anywhere).await;
        let site = Site::opens().await;
        let mut over = json!({ "redirect_uris": [site.url("/callback"), site.url("/new")] });
        let reader = reader(&app, &site, over.clone());
        let moved = app.application_known_as(&reader.client_id, "", &site.url("/new"));
        let citizen = app.person("li.xiaoman");
        let refreshes = async |tokens: &Tokens| {
            reader.asks_openly(&[("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())]).await
        };
        let consent = citizen.opens(&reader.requests("openid").path()).await;
        for (member, value) in [
            ("client_name", json!("Library")),
            ("scope", json!("openid profile offline_access")),
            ("scope", json!("openid offline_access")),
            ("redirect_uris", json!([site.url("/new")])),
        ] {
            let tokens = moved.admits_openly(&citizen).await;
            over[member] = value;
            site.publishes("/client.json", &document(&site, over.clone()));
            app.advance(301);
            refreshes(&tokens).await.assert_refused(400, "invalid_grant", "");
            reader.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "revoked");
            assert!(!citizen.opens("/account").await.text.contains(&reader.client_id), "{member}");
            app.log_size().await;
            let entry = flows::log::latest(app.env(), 1).await.unwrap().remove(0);
            assert_eq!((entry.kind.as_str(), entry.subject.as_str()), ("client_changed", reader.client_id.as_str()));
            let entry: Value = serde_json::from_slice(&entry.body).unwrap();
            assert_eq!(entry["detail"]["grants"], 1, "{member}");
        }
        let gone = citizen.submits(&consent, "/consent", &[("decision", "allow")]).await;
        assert_eq!((gone.status.as_u16(), gone.location.as_deref()), (400, None), "{}", gone.text);
        assert_shown(&citizen.opens(&reader.requests("openid").path()).await, 400, &site.url("/callback"));
        assert_shown(&citizen.opens(&moved.requests("openid").path()).await, 200, "Library");

        // What concerns nobody's yes ends nothing.
        let tokens = moved.admits_openly(&citizen).await;
        over["scope"] = json!("openid email offline_access");
        over["default_max_age"] = json!(7_200);
        site.publishes("/client.json", &document(&site, over));
        app.advance(301);
        let refreshed = refreshes(&tokens).await.tokens();
        assert_eq!(claims_of(refreshed.id())["sub"], claims_of(tokens.id())["sub"]);
        assert_shown(&citizen.opens("/account").await, 200, "Library");

        // A document that is gone registers nobody any more; what was given is of no use without it.
        site.answers("/client.json", 404, &[], "");
        app.advance(301);
        refreshes(&refreshed).await.assert_refused(401, "invalid_client", "expected a document there");
    }

    async fn what_was_turned_off_or_taken_out_of_use_stays_so(app: TestApp) {
        let mut app = app;
        app.lets_documents_register(Documents::Anywhere).await;
        let site = Site::opens().await;
        let reader = reader(&app, &site, json!({}));
        let citizen = app.person("li.xiaoman");
        let tokens = reader.admits_openly(&citizen).await;
        let refresh = async || reader.asks_openly(&[("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())]).await;
        Intruder::at(&app).does(&format!("UPDATE client SET state = 'disabled' WHERE id = '{}'", reader.client_id)).await;
        app.advance(2);
        refresh().await.assert_refused(401, "invalid_client", "disabled");
        assert_shown(&citizen.opens(&reader.requests("openid").path()).await, 400, &reader.client_id);
        Intruder::at(&app).does(&format!("UPDATE client SET state = 'active' WHERE id = '{}'", reader.client_id)).await;
        let fetched = site.fetches();
        app.lets_documents_register(Documents::Off).await;
        refresh().await.assert_refused(401, "invalid_client", "disabled");
        reader.user_info(&tokens.access).await.assert_problem(401, "invalid_token", "");
        assert_eq!(site.fetches(), fetched);
    }

    async fn a_client_proves_itself_with_keys_beside_its_document(app: TestApp) {
        let mut app = app;
        app.lets_documents_register(Documents::Anywhere).await;
        let (site, key) = (Site::opens().await, ClientKey::new("k1"));
        site.publishes("/keys", &key.jwks());
        let over = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": site.url("/keys") });
        let reader = reader(&app, &site, over);
        let assertion = |key: &ClientKey| {
            let now = app.now().unix_seconds();
            key.signs(&json!({}), &json!({
                "iss": reader.client_id, "sub": reader.client_id, "aud": app.issuer, "iat": now, "exp": now + 60, "jti": fresh(),
            }))
        };
        // It may push its request: who it is was proven, so it is written down.
        let proof = assertion(&key);
        let encoded = format!("{}&client_assertion_type={}&client_assertion={proof}", reader.requests("openid").encoded(), ASSERTION.replace(':', "%3A"));
        let push = app.http().post(app.url("/oauth2/par")).header("content-type", "application/x-www-form-urlencoded");
        let pushed = Answer::to(push.body(encoded)).await;
        assert_eq!(pushed.status, 201, "{pushed:?}");
        let citizen = app.person("li.xiaoman");
        let returned = citizen.authorizes(&reader.requests("openid")).await;
        let code = returned.code();
        reader.redeems_openly(&code).await.assert_refused(401, "invalid_client", "");
        let stranger = assertion(&ClientKey::new("k1"));
        let with = |assertion: &str| {
            let mut form: Vec<(String, String)> = reader.redemption(&code).map(|(n, v)| (n.to_owned(), v.to_owned())).into();
            form.push(("client_assertion_type".to_owned(), ASSERTION.to_owned()));
            form.push(("client_assertion".to_owned(), assertion.to_owned()));
            form
        };
        Answer::to(reader.token_request().form(&with(&stranger))).await.assert_refused(401, "invalid_client", "");
        Answer::to(reader.token_request().form(&with(&assertion(&key)))).await.tokens();
    }

    async fn what_nobody_uses_is_swept_and_what_somebody_allowed_is_not(app: TestApp) {
        let mut app = app;
        app.lets_documents_register(Documents::Anywhere).await;
        let site = Site::opens().await;
        let reader = reader(&app, &site, json!({}));
        reader.admits_openly(&app.person("li.xiaoman")).await;
        let unused = format!("{}?", site.url("/unused.json")).replace('?', "");
        let insert = format!(
            "INSERT INTO client (id, metadata, state, sample, created_us, updated_us, document_us, name_skeleton_zh, name_skeleton_en) \
             SELECT '{unused}', metadata, state, sample, created_us, updated_us, document_us, '', '' FROM client WHERE id = '{}'",
            reader.client_id
        );
        Intruder::at(&app).does(&insert).await;
        let before = app.applications().await;
        flows::sweep::sweep(app.env(), app.now()).await.unwrap();
        assert_eq!(app.applications().await, before, "a day has not passed");
        flows::sweep::sweep(app.env(), app.now().plus_seconds(86_401)).await.unwrap();
        assert_eq!(app.applications().await, before - 1);
        assert!(clients::lookup(&mut app.env().db.read().await.unwrap(), &reader.client_id).await.unwrap().is_some());
    }
}

impl TestApp {
    async fn lets_documents_register(&mut self, documents: Documents) {
        self.restart_with(|config| config.registration.documents = documents).await;
    }

    async fn metadata(&self) -> Value {
        Answer::to(self.http().get(self.url("/.well-known/openid-configuration"))).await.body
    }

    /// How many applications are kept.
    async fn applications(&self) -> i64 {
        clients::count(&mut self.env().db.read().await.unwrap()).await.unwrap()
    }
}

impl Application {
    async fn redeems_openly(&self, code: &str) -> Answer {
        self.asks_openly(&self.redemption(code)).await
    }

    async fn admits_openly(&self, person: &crate::kit::actors::Person<'_>) -> crate::kit::actors::Tokens {
        let returned = person.authorizes(&self.requests("openid profile offline_access")).await;
        self.redeems_openly(&returned.code()).await.tokens()
    }
}

/// A reading room whose document is on `site`, with the members of `over` put over it.
fn reader(app: &TestApp, site: &Site, over: Value) -> Application {
    site.publishes("/client.json", &document(site, over));
    app.application_known_as(&site.url("/client.json"), "", &site.url("/callback"))
}

fn document(site: &Site, over: Value) -> Value {
    let mut document = json!({
        "client_id": site.url("/client.json"), "client_name": "Reading room", "redirect_uris": [site.url("/callback")],
        "grant_types": ["authorization_code", "refresh_token"], "id_token_signed_response_alg": "ES256",
        "logo_uri": "https://10.0.0.1/logo.png",
    });
    put_over(&mut document, &over);
    document
}
