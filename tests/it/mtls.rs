//! Client certificates (RFC 8705): who an application is, what its tokens are bound to, and whose word counts for it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oidc::mtls::TakenAt;
use pki::AltName;
use pki::issue::Profile;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::kit::actors::{Answer, Application};
use crate::kit::app::{TestApp, stories};
use crate::kit::client_certificates::{Identity, Key, Says};
use crate::kit::intruder::Intruder;

const DAY_SECONDS: i64 = 86_400;
const MACHINE: [(&str, &str); 1] = [("grant_type", "client_credentials")];

stories! {
    async fn an_application_is_known_by_what_its_authority_certified(app: TestApp) {
        let mut app = app;
        let authority = Identity::root(&app, "政务外网 CA");
        let base = app.asks_for_certificates(&[&authority]).await;
        let names = [
            AltName::Dns("Tax.Example".to_owned()),
            AltName::Uri("urn:example:tax".to_owned()),
            AltName::Ip("10.1.2.3".parse().unwrap()),
            AltName::Email("tax@fujian.example".to_owned()),
        ];
        let certified = authority.issues(&Says::client(&app, "tax web").named(&names));
        let another = authority.issues(&Says::client(&app, "land web"));
        for (member, value, others) in [
            ("tls_client_auth_subject_dn", "CN=Tax Web, O=税务局, C=CN", "CN=tax,O=税务局,C=CN"),
            ("tls_client_auth_san_dns", "tax.example", "example"),
            ("tls_client_auth_san_uri", "urn:example:tax", "urn:example:TAX"),
            ("tls_client_auth_san_ip", "10.1.2.3", "10.1.2.4"),
            ("tls_client_auth_san_email", "tax@FUJIAN.example", "Tax@fujian.example"),
        ] {
            let machine = machine(&app, "tls_client_auth", json!({ member: value })).await;
            ask(&app.shows(Some(&certified)), &base, &machine).await.tokens();
            let refused = ask(&app.shows(Some(&another)), &base, &machine).await;
            refused.assert_refused(401, "invalid_client", "it is not the one");
            let other = self::machine(&app, "tls_client_auth", json!({ member: others })).await;
            let refused = ask(&app.shows(Some(&certified)), &base, &other).await;
            refused.assert_refused(401, "invalid_client", "its subject is `CN=tax web,O=");
        }
    }

    async fn a_certificate_counts_only_whole_in_its_time_and_with_its_key(app: TestApp) {
        let mut app = app;
        let authority = Identity::root(&app, "政务外网 CA");
        let stranger = Identity::root(&app, "Somebody's CA");
        let base = app.asks_for_certificates(&[&authority]).await;
        let says = Says::client(&app, "tax-web");
        let registered = json!({ "tls_client_auth_subject_dn": "CN=tax-web,O=税务局,C=CN" });
        let machine = machine(&app, "tls_client_auth", registered).await;
        let refused = async |identity: &Identity, why: &str| {
            ask(&app.shows(Some(identity)), &base, &machine).await.assert_refused(401, "invalid_client", why);
        };
        let below = authority.issues(&Says {
            profile: Profile::IssuingCa,
            ..Says::client(&app, "签发中心")
        });
        let good = below.issues(&says);
        ask(&app.shows(Some(&good)), &base, &machine).await.tokens();
        ask(&app.shows_in_tls12(&good), &base, &machine).await.tokens();

        refused(&Identity { above: Vec::new(), ..below.issues(&says) }, "found no certificate of").await;
        refused(&stranger.issues(&says), "found no certificate of").await;
        refused(&Identity::self_signed(says.clone()), "found no certificate of").await;
        let alt_names = vec![AltName::Dns("tax.example".to_owned())];
        let server = Says { profile: Profile::TlsServer, alt_names, ..says.clone() };
        refused(&authority.issues(&server), "extended key usage").await;
        let (from, until) = (app.now().plus_seconds(-3_600), app.now().plus_seconds(-1));
        refused(&authority.issues(&Says { from, until, ..says.clone() }), "was valid until").await;
        let (from, until) = (app.now().plus_seconds(60), app.now().plus_seconds(3_600));
        refused(&authority.issues(&Says { from, until, ..says.clone() }), "is valid from").await;

        let nothing = ask(&app.shows(None), &base, &machine).await;
        nothing.assert_refused(401, "invalid_client", "no certificate came");
        let ordinary = ask(&app.http(), &app.issuer, &machine).await;
        ordinary.assert_refused(401, "invalid_client", "`mtls_endpoint_aliases`");
        let with_secret = [("client_id", machine.client_id.as_str()), ("client_secret", "x"), MACHINE[0]];
        let request = app.shows(Some(&good)).post(format!("{base}/oauth2/token")).form(&with_secret);
        Answer::to(request).await.assert_refused(401, "invalid_client", "used client_secret_post");
        let pretending = app.pretends(&good, &Key::new());
        let request = pretending.post(format!("{base}/oauth2/token")).form(&named(&machine, &MACHINE));
        assert!(request.send().await.is_err(), "the handshake does not hold without the key");

        app.advance(DAY_SECONDS + 1);
        ask(&app.shows(Some(&good)), &base, &machine).await.assert_refused(401, "invalid_client", "was valid until");
    }

    async fn the_built_in_authority_certifies_applications_and_takes_it_back(app: TestApp) {
        let mut app = app;
        let base = app.asks_for_certificates(&[]).await;
        let registered = json!({ "tls_client_auth_subject_dn": "CN=tax-web,O=税务局,C=CN" });
        let machine = machine(&app, "tls_client_auth", registered).await;
        let identity = Identity::of_the_built_in_authority(&app, &Says::client(&app, "tax-web"));
        ask(&app.shows(Some(&identity)), &base, &machine).await.tokens();

        let intruder = Intruder::at(&app);
        let (serial, now) = (identity.certificate.serial_hex(), app.now().us());
        let [der, fingerprint] =
            [identity.certificate.der(), &identity.certificate.fingerprint_sm3()].map(|b| intruder.bytes(b));
        intruder
            .does(&format!(
                "INSERT INTO certificate (serial, profile, subject, key_id, der, fingerprint, revoked_us, created_us) \
                 SELECT '{serial}', 'tls-client', 'tax-web', MIN(id), {der}, {fingerprint}, {now}, {now} FROM kms_key"
            ))
            .await;
        ask(&app.shows(Some(&identity)), &base, &machine).await.assert_refused(401, "invalid_client", "was revoked");
    }

    async fn an_application_is_known_by_a_certificate_of_its_own(app: TestApp) {
        let mut app = app;
        let base = app.asks_for_certificates(&[]).await;
        let says = Says::client(&app, "tax-web");
        let (own, others) = (Identity::self_signed(says.clone()), Identity::self_signed(says.clone()));
        let keys = |identity: &Identity| json!({ "jwks": { "keys": [with_certificate(identity)] } });
        let machine = machine(&app, "self_signed_tls_client_auth", keys(&own)).await;
        let other = self::machine(&app, "self_signed_tls_client_auth", keys(&others)).await;
        ask(&app.shows(Some(&own)), &base, &machine).await.tokens();
        ask(&app.shows_in_tls12(&own), &base, &machine).await.tokens();
        ask(&app.shows(Some(&others)), &base, &other).await.tokens();
        for (shown, asking) in [(&others, &machine), (&own, &other)] {
            let refused = ask(&app.shows(Some(shown)), &base, asking).await;
            refused.assert_refused(401, "invalid_client", "its key is none of those");
        }
        ask(&app.shows(None), &base, &machine).await.assert_refused(401, "invalid_client", "no certificate came");
        app.advance(DAY_SECONDS + 1);
        ask(&app.shows(Some(&own)), &base, &machine).await.assert_refused(401, "invalid_client", "it is good from");
    }

    async fn a_stolen_token_is_of_no_use_without_the_certificate(app: TestApp) {
        let mut app = app;
        let base = app.asks_for_certificates(&[]).await;
        let (own, thiefs) = (
            Identity::self_signed(Says::client(&app, "tax-web")),
            Identity::self_signed(Says::client(&app, "tax-web")),
        );
        let citizen = app.person("li.xiaoman");
        let web = app
            .registers(json!({
                "token_endpoint_auth_method": "self_signed_tls_client_auth",
                "tls_client_certificate_bound_access_tokens": true,
                "jwks": { "keys": [own.key.jwk()] },
                "redirect_uris": ["http://localhost:9873/callback"],
                "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
                "scope": "openid profile decision:evaluate",
            }))
            .await;
        let holder = app.shows(Some(&own));
        let code = citizen.authorizes(&web.requests("openid profile")).await.code();
        let answer = post(&holder, &base, &web, &web.redemption(&code)).await;
        assert_eq!(answer.text("token_type"), "Bearer");
        let tokens = answer.tokens();
        let said = claims(&tokens.access);
        assert_eq!(said["cnf"], json!({ "x5t#S256": own.thumbprint() }));

        let form = named(&web, &[("token", &tokens.access)]);
        let introspected = Answer::to(holder.post(format!("{base}/oauth2/introspect")).form(&form)).await;
        assert_eq!((&introspected.body["active"], &introspected.body["cnf"]), (&json!(true), &said["cnf"]));
        assert_eq!(introspected.text("token_type"), "Bearer");

        let user_info = |http: &reqwest::Client, base: &str| http.get(format!("{base}/oauth2/userinfo"));
        let seen = Answer::to(user_info(&holder, &base).bearer_auth(&tokens.access)).await;
        assert_eq!((seen.status, seen.text("name")), (200, "李小满"));
        let stolen = async |request: RequestBuilder| {
            let answer = Answer::to(request.bearer_auth(&tokens.access)).await;
            answer.assert_problem(401, "invalid_token", "bound to a client certificate");
        };
        stolen(user_info(&app.shows(Some(&thiefs)), &base)).await;
        stolen(user_info(&app.shows(None), &base)).await;
        stolen(user_info(&app.http(), &app.issuer)).await;
        let header = user_info(&app.http(), &app.issuer).header("client-cert", in_header(&own));
        stolen(header).await;
        let as_key = user_info(&holder, &base).header("authorization", format!("DPoP {}", tokens.access));
        Answer::to(as_key).await.assert_problem(401, "invalid_token", "send it as `Bearer`");

        let refreshed =
            post(&holder, &base, &web, &[("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())]).await.tokens();
        assert_eq!(refreshed.refresh(), tokens.refresh(), "it is of no use to others, so it stays");

        let machines = ask(&holder, &base, &web).await.tokens().access;
        let question = json!({
            "subject": { "type": "official", "id": "nobody" }, "action": { "name": "read" },
            "resource": { "type": "data_set", "id": "nothing" },
        });
        let decision = |http: reqwest::Client, base: &str| {
            http.post(format!("{base}/access/v1/evaluation")).bearer_auth(&machines).json(&question)
        };
        assert_eq!(Answer::to(decision(holder, &base)).await.status, 200);
        let elsewhere = Answer::to(decision(app.http(), &app.issuer)).await;
        elsewhere.assert_problem(401, "invalid_token", "bound to a client certificate");
    }

    async fn whoever_wants_bound_tokens_must_bring_what_they_are_bound_to(app: TestApp) {
        let mut app = app;
        let base = app.asks_for_certificates(&[]).await;
        let with_secret = app
            .registers(json!({
                "tls_client_certificate_bound_access_tokens": true,
                "grant_types": ["client_credentials"], "scope": "decision:evaluate",
            }))
            .await;
        with_secret.asks(&MACHINE).await.assert_refused(400, "invalid_request", "`mtls_endpoint_aliases`");
        let any = Identity::self_signed(Says::client(&app, "whatever"));
        let bound = app.shows(Some(&any)).post(format!("{base}/oauth2/token")).form(&MACHINE);
        let bound = bound.basic_auth(&with_secret.client_id, Some(&with_secret.client_secret));
        let token = Answer::to(bound).await.tokens().access;
        assert_eq!(claims(&token)["cnf"], json!({ "x5t#S256": any.thumbprint() }));

        let public = app
            .registers(json!({
                "token_endpoint_auth_method": "none", "tls_client_certificate_bound_access_tokens": true,
                "redirect_uris": ["http://localhost:9873/callback"], "scope": "openid",
                "grant_types": ["authorization_code", "refresh_token"],
            }))
            .await;
        let citizen = app.person("li.xiaoman");
        let code = citizen.authorizes(&public.requests("openid")).await.code();
        let unbound = Answer::to(public.token_request().form(&named(&public, &public.redemption(&code)))).await;
        unbound.assert_refused(400, "invalid_request", "bound to its certificate");
        let holder = app.shows(Some(&any));
        let tokens = post(&holder, &base, &public, &public.redemption(&code)).await.tokens();
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())];
        let thief = app.shows(Some(&Identity::self_signed(Says::client(&app, "whatever"))));
        post(&thief, &base, &public, &refresh).await.assert_refused(400, "invalid_grant", "refresh token");
        let nothing = post(&app.shows(None), &base, &public, &refresh).await;
        nothing.assert_refused(400, "invalid_request", "none came");
        let next = post(&holder, &base, &public, &refresh).await.tokens();
        assert_ne!(next.refresh(), tokens.refresh(), "a public client's is replaced all the same");
    }

    async fn a_proxy_is_believed_when_the_operator_names_it_and_nobody_else(app: TestApp) {
        let mut app = app;
        let authority = Identity::root(&app, "政务外网 CA");
        let base = app.asks_for_certificates(&[&authority]).await;
        let below = authority.issues(&Says {
            profile: Profile::IssuingCa,
            ..Says::client(&app, "签发中心")
        });
        let identity = below.issues(&Says::client(&app, "tax-web"));
        let registered = json!({ "tls_client_auth_subject_dn": "CN=tax-web,O=税务局,C=CN" });
        let machine = machine(&app, "tls_client_auth", registered).await;
        let through = |app: &TestApp, headers: &[(&str, &str)]| {
            let request = app.http().post(app.url("/oauth2/token")).form(&named(&machine, &MACHINE));
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
        };
        let unproven = async |request: RequestBuilder| {
            Answer::to(request).await.assert_refused(401, "invalid_client", "no certificate came");
        };
        let own = in_header(&identity);
        let chain = format!("{}, {}", in_header(&below), in_header(&authority));
        let forwarded = [("client-cert", own.as_str()), ("client-cert-chain", chain.as_str())];
        unproven(through(&app, &forwarded)).await;

        app.restart_with(|config| config.certificates.proxies = vec!["10.0.0.0/8".parse().unwrap()]).await;
        unproven(through(&app, &forwarded)).await;

        app.restart_with(|config| {
            config.certificates.proxies = vec!["127.0.0.1/32".parse().unwrap()];
            config.certificates.header = "client-cert".to_owned();
        })
        .await;
        Answer::to(through(&app, &forwarded)).await.tokens();
        let alone = Answer::to(through(&app, &forwarded[..1])).await;
        alone.assert_refused(401, "invalid_client", "found no certificate of");
        unproven(through(&app, &[])).await;
        unproven(through(&app, &[forwarded[0], forwarded[0], forwarded[1]])).await;
        unproven(through(&app, &[("client-cert", "nonsense!"), forwarded[1]])).await;
        let proxys_own = app.shows(Some(&identity));
        let request = proxys_own.post(format!("{base}/oauth2/token")).form(&named(&machine, &MACHINE));
        unproven(request).await;

        app.restart_with(|config| config.certificates.header = "x-ssl-cert".to_owned()).await;
        unproven(through(&app, &forwarded)).await;
        let pem = [identity.certificate.to_pem(), below.certificate.to_pem()].concat();
        let escaped: String = url::form_urlencoded::byte_serialize(pem.as_bytes()).collect();
        let escaped = escaped.replace('+', "%20");
        Answer::to(through(&app, &[("x-ssl-cert", &escaped)])).await.tokens();
        let bare = [identity.certificate.der(), below.certificate.der()].map(|der| STANDARD.encode(der));
        Answer::to(through(&app, &[("x-ssl-cert", &bare.join(","))])).await.tokens();
    }

    async fn people_are_never_asked_for_a_certificate(app: TestApp) {
        let mut app = app;
        let metadata = async |app: &TestApp| {
            Answer::to(app.http().get(app.url("/.well-known/openid-configuration"))).await.body
        };
        let before = metadata(&app).await;
        assert_eq!(before["tls_client_certificate_bound_access_tokens"], false);
        assert_eq!(before.get("mtls_endpoint_aliases"), None);
        let wish = json!({
            "token_endpoint_auth_method": "self_signed_tls_client_auth",
            "jwks": { "keys": [Key::new().jwk()] },
            "redirect_uris": ["https://app.example/cb"],
        });
        registers_itself(&app, &wish).await.assert_refused(400, "invalid_client_metadata", "are not taken here");

        let base = app.asks_for_certificates(&[]).await;
        let announced = metadata(&app).await;
        assert_eq!(announced["tls_client_certificate_bound_access_tokens"], true);
        let methods = announced["token_endpoint_auth_methods_supported"].as_array().unwrap();
        assert!(methods.contains(&json!("tls_client_auth")) && methods.contains(&json!("self_signed_tls_client_auth")));
        let http = app.shows(None);
        for (name, address) in announced["mtls_endpoint_aliases"].as_object().unwrap() {
            let address = address.as_str().unwrap();
            assert!(address.starts_with(&base) && address != announced[name], "{address}");
            let there = http.post(address).send().await.unwrap().status().as_u16();
            assert!(matches!(there, 400 | 401), "{address}: {there}");
        }
        for page in ["/login", "/", "/account", "/console", "/oauth2/authorize", "/oauth2/logout"] {
            assert_eq!(http.get(format!("{base}{page}")).send().await.unwrap().status().as_u16(), 404, "{page}");
        }

        let registered = registers_itself(&app, &wish).await;
        assert_eq!((registered.status, registered.text("token_endpoint_auth_method")), (201, "self_signed_tls_client_auth"));
        assert!(registered.body.get("client_secret").is_none());
        let with = |member: &str, value: Value| {
            let mut wish = wish.clone();
            wish["token_endpoint_auth_method"] = json!("tls_client_auth");
            wish[member] = value;
            wish
        };
        let mut two = with("tls_client_auth_san_dns", json!("tax.example"));
        two["tls_client_auth_san_uri"] = json!("urn:x");
        let mut beside_keys = wish.clone();
        beside_keys["tls_client_auth_san_dns"] = json!("tax.example");
        let mut without_keys = wish.clone();
        without_keys.as_object_mut().unwrap().remove("jwks");
        for (bad, why) in [
            (with("scope", json!("openid")), "needs exactly one of"),
            (two, "nothing beside `tls_client_auth_san_dns`"),
            (beside_keys, "no other method has any"),
            (without_keys, "need `jwks` or `jwks_uri`"),
            (with("tls_client_auth_san_dns", json!("*.example")), "a host name in full"),
            (with("tls_client_auth_san_ip", json!("tax.example")), "an IP address"),
            (with("tls_client_auth_san_email", json!("tax.example")), "a mail address"),
            (with("tls_client_auth_san_uri", json!("tax")), "a URI"),
            (with("tls_client_auth_subject_dn", json!("tax")), "RFC 4514"),
        ] {
            registers_itself(&app, &bad).await.assert_refused(400, "invalid_client_metadata", why);
        }
        let named = registers_itself(&app, &with("tls_client_auth_san_dns", json!("tax.example"))).await;
        assert_eq!((named.status, named.text("tls_client_auth_san_dns")), (201, "tax.example"));
        assert_eq!(app.config().certificates.taken_at, TakenAt::Base(base.parse().unwrap()));
    }
}

/// An application without people.
async fn machine(app: &TestApp, method: &str, mut members: Value) -> Application {
    members["token_endpoint_auth_method"] = json!(method);
    members["grant_types"] = json!(["client_credentials"]);
    members["scope"] = json!("decision:evaluate");
    app.registers(members).await
}

async fn registers_itself(app: &TestApp, members: &Value) -> Answer {
    let authority = flows::caller::Authority::Operator;
    let order = flows::initial_access::Order::for_seconds(60);
    let given = flows::initial_access::give(app.env(), app.now(), authority, order).await.unwrap();
    let request = app.http().post(app.url("/oauth2/register")).bearer_auth(given.token.expose());
    Answer::to(request.json(members)).await
}

/// The machine asks for its tokens.
async fn ask(http: &reqwest::Client, base: &str, application: &Application) -> Answer {
    post(http, base, application, &MACHINE).await
}

/// The application asks the token endpoint, and says who it is with nothing but its name.
async fn post(
    http: &reqwest::Client,
    base: &str,
    application: &Application,
    form: &[(&str, &str)],
) -> Answer {
    Answer::to(http.post(format!("{base}/oauth2/token")).form(&named(application, form))).await
}

fn named<'a>(application: &'a Application, form: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [form, &[("client_id", application.client_id.as_str())]].concat()
}

/// As a proxy writes it (RFC 9440, 2.1).
fn in_header(identity: &Identity) -> String {
    format!(":{}:", STANDARD.encode(identity.certificate.der()))
}

/// The key with its certificate (RFC 7517, 4.7).
fn with_certificate(identity: &Identity) -> Value {
    let mut jwk = identity.key.jwk();
    jwk["x5c"] = json!([STANDARD.encode(identity.certificate.der())]);
    jwk
}

/// What a token says.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base::encoding::from_base64url(payload).unwrap()).unwrap()
}
