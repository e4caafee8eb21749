//! The API description (`docs/openapi.json`): it names every endpoint for programs, and what it says of each is so.

mod description;
mod routes;
mod schema;

use std::collections::BTreeSet;

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::kit::actors::Application;
use crate::kit::app::{TestApp, stories};
use crate::kit::documents::one_page;
use description::{Description, Operation};

/// The most that a JSON body may be.
const JSON_MAX_BYTES: usize = 1 << 20;

stories! {
    async fn every_example_is_answered_with_success_and_in_the_form_described(app: TestApp) {
        let description = Description::read();
        let province = Province::of(&app).await;
        let mut operations = description.operations();
        // What takes a thing out of use comes last, what takes it away after that.
        let takes = |operation: &Operation, verbs: &[&str]| verbs.iter().any(|v| operation.id().starts_with(v));
        operations.sort_by_key(|o| (takes(o, &["revoke", "remove"]), takes(o, &["change"])));
        for operation in &operations {
            for (name, body) in operation.examples() {
                let request = province.example(operation, &name, body);
                let answer = Told::by(request).await;
                assert!(answer.status.as_u16() < 400, "{} {name}: {}", operation.id(), answer.text());
                answer.is_described(&description, operation);
            }
        }
        assert!(operations.len() > 30, "expected a whole API, found {} operations", operations.len());
    }

    async fn without_a_token_or_with_one_for_something_else_what_is_guarded_is_refused_as_described(app: TestApp) {
        let description = Description::read();
        let citizens = app.token_of("li.xiaoman", "openid").await;
        let machines = app.machine_token().await;
        let mut guarded = BTreeSet::new();
        for operation in &description.operations() {
            let Some(scope) = operation.scope() else { continue };
            let nobody = Told::by(plain(&app, operation)).await;
            nobody.is_refused(&description, operation, 401, "no_token");
            let stranger = Told::by(plain(&app, operation).bearer_auth("e30.e30.e30")).await;
            stranger.is_refused(&description, operation, 401, "invalid_token");
            let other = if scope == "openid" { &machines } else { &citizens };
            let unfit = Told::by(plain(&app, operation).bearer_auth(other)).await;
            unfit.is_refused(&description, operation, 403, "insufficient_scope");
            assert!(unfit.text().contains(&format!("`{scope}`")), "{}: {}", operation.id(), unfit.text());
            guarded.insert(scope);
        }
        let ours: BTreeSet<_> = flows::caller::scope::ALL.iter().copied().chain(["openid"]).collect();
        assert_eq!(guarded.iter().map(String::as_str).collect::<BTreeSet<_>>(), ours, "each guards something");
    }

    async fn a_body_that_cannot_be_read_is_refused_as_described(app: TestApp) {
        let description = Description::read();
        let province = Province::of(&app).await;
        for operation in description.operations().iter().filter(|o| o.content("application/json").is_some()) {
            let (_, example) = operation.examples().remove(0);
            let request = || province.request(operation);
            let typed = |body: String| request().header(CONTENT_TYPE, "application/json").body(body);
            let mut bodies = vec![
                request().header(CONTENT_TYPE, "text/plain").body(example.to_string()),
                typed(String::new()),
                typed("{".to_owned()),
                typed("[]".to_owned()),
                typed(" ".repeat(JSON_MAX_BYTES + 1)),
            ];
            if operation.takes_no_other_members(&description) {
                let mut more = example.clone();
                more["another"] = json!(1);
                bodies.push(typed(more.to_string()));
            }
            for request in bodies {
                let answer = Told::by(request).await;
                assert!(answer.status.is_client_error(), "{}: {}", operation.id(), answer.status);
                answer.is_described(&description, operation);
            }
        }
    }

    async fn a_path_that_is_no_text_is_refused_as_described(app: TestApp) {
        let description = Description::read();
        let with_places = description.operations().into_iter().filter(|o| o.path.contains('{'));
        for operation in with_places {
            for bad in ["%00", "%ff", "a%1fb"] {
                let places = operation.path_parameters();
                let path = places.iter().fold(operation.path.clone(), |path, name| path.replace(&format!("{{{name}}}"), bad));
                let answer = Told::by(app.http().request(operation.method(), app.url(&path))).await;
                answer.is_refused(&description, &operation, 400, "bad_path");
            }
        }
    }

    async fn what_scripts_of_any_origin_may_call_says_so_to_the_browser_that_asks_first(app: TestApp) {
        let operations = Description::read().operations();
        let mut count = 0;
        for operation in operations.iter().filter(|o| o.is_open_to_scripts()) {
            let ask = app.http().request(Method::OPTIONS, app.url(&operation.filled_path()));
            let ask = ask.header("origin", "https://app.example");
            let ask = ask.header("access-control-request-headers", "dpop");
            let ask = ask.header("access-control-request-method", operation.method().as_str());
            let told = Told::by(ask).await;
            let says = |name: &str| told.headers.get(name).map_or("", |v| v.to_str().unwrap());
            assert_eq!(told.status, 204, "{}", operation.id());
            assert_eq!(says("access-control-allow-origin"), "*", "{}", operation.id());
            let methods = says("access-control-allow-methods");
            assert!(methods.split(", ").any(|method| method == operation.method().as_str()), "{methods}");
            assert_eq!(says("access-control-allow-headers"), "authorization, content-type, dpop");
            assert_eq!(says("access-control-allow-credentials"), "", "no cookies");
            let got = Told::by(plain(&app, operation).header("origin", "https://app.example")).await;
            assert_eq!(got.headers["access-control-allow-origin"], "*", "{}", operation.id());
            count += 1;
        }
        assert!(count > 8, "expected tokens, userinfo, registration and others, found {count}");
    }

    async fn scripts_of_any_origin_may_read_the_document_and_the_start_page_leads_there(app: TestApp) {
        let answer = Told::by(app.http().get(app.url("/openapi.json"))).await;
        assert_eq!(answer.json(), Description::read().document);
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        assert!(app.browser().open("/").await.unwrap().text.contains("href=\"/openapi.json\""));
    }
}

#[test]
fn the_routes_and_the_document_name_the_same_operations() {
    /// The page on which a person says yes to logging out.
    const NOT_FOR_PROGRAMS: (&str, &str) = ("post", "/logout");
    let described: BTreeSet<_> = Description::read().operations().iter().map(Operation::name).collect();
    let mut routed: BTreeSet<_> = ["api", "decisions", "oidc/mod", "oidc/clients", "oidc/logout", "openapi"]
        .into_iter()
        .flat_map(routes::of)
        .collect();
    assert!(routed.remove(&(NOT_FOR_PROGRAMS.0.to_owned(), NOT_FOR_PROGRAMS.1.to_owned())));
    let missing: Vec<_> = routed.difference(&described).collect();
    assert!(missing.is_empty(), "routes that docs/openapi.json does not name: {missing:?}");
    routed.extend(routes::of("site"));
    let invented: Vec<_> = described.difference(&routed).collect();
    assert!(invented.is_empty(), "docs/openapi.json names what is no route: {invented:?}");
}

#[test]
fn the_document_is_sound() {
    let description = Description::read();
    assert_eq!(description.document["openapi"], "3.1.0");
    assert_eq!(description.document["info"]["version"], env!("CARGO_PKG_VERSION"));
    description.every_reference_leads_somewhere();
    let operations = description.operations();
    let ids: BTreeSet<_> = operations.iter().map(Operation::id).collect();
    assert_eq!(ids.len(), operations.len(), "operation identifiers are unique");
    for operation in &operations {
        operation.is_sound(&description);
    }
    description.every_example_fits_its_schema();
}

#[test]
fn the_document_and_the_server_have_the_same_scopes() {
    let description = Description::read();
    let flows = &description.document["components"]["securitySchemes"]["accessToken"]["flows"];
    let scopes = |flow: &str| flows[flow]["scopes"].as_object().unwrap().keys().cloned();
    let described: BTreeSet<String> =
        scopes("clientCredentials").chain(scopes("authorizationCode")).collect();
    let served =
        oidc::scope::KNOWN.iter().chain(flows::caller::scope::ALL).map(|s| (*s).to_owned()).collect();
    assert_eq!(described, served);
}

#[test]
fn every_code_in_the_document_is_one_that_the_server_gives() {
    let sources = routes::sources(&["src/flows", "src/server"]);
    let codes = Description::read().codes();
    assert!(codes.len() > 30, "expected the codes of a whole API, found {}", codes.len());
    for code in codes {
        assert!(sources.contains(&format!("\"{code}\"")), "no refusal has the code `{code}`");
    }
}

/// A request for `operation` with nothing in it, its places filled by the document's examples.
fn plain(app: &TestApp, operation: &Operation) -> RequestBuilder {
    app.http().request(operation.method(), app.url(&operation.filled_path()))
}

/// The sample province, with what stands there for the document's made-up identifiers and secrets.
struct Province<'a> {
    app: &'a TestApp,
    portal: Application,
    system: Application,
    television: Application,
    counter: Application,
    /// What the document has, and what stands for it here.
    exchanged: Vec<(&'static str, String)>,
    /// Access tokens, by whose they are.
    administrators: String,
    citizens: String,
    machines: String,
    /// What lets applications register themselves, and one of them look after what it registered.
    initial_access: String,
    registration_access: String,
}

impl<'a> Province<'a> {
    async fn of(app: &'a TestApp) -> Self {
        let (portal, system) = (app.application("portal"), app.application("system"));
        let citizen = app.person("li.xiaoman");
        let scope = "openid profile offline_access";
        let tokens = portal.admits(&citizen, scope).await;
        let code = portal.authorized(&citizen, scope).await;
        let administrators = app.administrator_enrols().await.token("openid admin").await;
        let machines = app.machine_token().await;
        let permit = Description::read().operation("issueCertificate");
        let permit = app.posts(&machines, "/v1/certificates", permit.examples()[0].1).await;
        app.log_size().await;
        let initial =
            app.posts(&administrators, "/v1/initial-access-tokens", &json!({ "expires_in": 60 })).await;
        let initial_access = initial.text("initial_access_token").to_owned();
        let another =
            app.posts(&administrators, "/v1/initial-access-tokens", &json!({ "expires_in": 60 })).await;
        let register = Description::read().operation("register");
        let registered = app.posts(&initial_access, "/oauth2/register", register.examples()[0].1).await;
        let official = app.person("lin.zhixing").sample.id.to_string();
        let exchanged = vec![
            ("usr_01k9p3v7h04q8m2x6c1t5zj7wd", official),
            ("org_01k9p3v7h0b7d5n9r2f6y3g8ka", app.sample.units["gushan"].to_string()),
            ("sel_01k9p3v7h0e1w4s8p6v2h9m3tq", app.sample.seals[0].id.to_string()),
            ("app_01k9p3v7h0d9x7q4v6k2m8w3ye", portal.client_id.clone()),
            ("app_01k9p3v7h0s3r5t8v2w6y9z1bc", registered.text("client_id").to_owned()),
            ("iat_01k9p3v7h0m5c8t2w6x9y3z7qd", another.text("id").to_owned()),
            ("log_01k9p3v7h0a6f2j8w4m1s9d5ev", permit.text("log_entry").to_owned()),
            (
                "1.2.156.3005.2.11350000009990012G001.11350102009990039A.20261125VD40Q63Z88.001.M",
                permit.text("identifier").to_owned(),
            ),
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", portal.redemption(&code)[3].1.to_owned()),
            ("SplxlOBeZQQYbYS6WxSbIA", code),
            ("8xLOxBtZp8Nq3uG5yKf2rWm1vJ4sD7hA0cE6iT9bXoQ", tokens.refresh().to_owned()),
        ];
        let (citizens, registration_access) =
            (tokens.access, registered.text("registration_access_token").to_owned());
        let television = crate::device::television(app).await;
        let counter = crate::ciba::counter(app).await;
        Self {
            app,
            portal,
            system,
            television,
            counter,
            exchanged,
            administrators,
            citizens,
            machines,
            initial_access,
            registration_access,
        }
    }

    fn exchange(&self, text: &str) -> String {
        self.exchanged.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    /// A request for `operation` by somebody who may, its places filled.
    fn request(&self, operation: &Operation) -> RequestBuilder {
        let url = self.app.url(&self.exchange(&operation.filled_path()));
        let request =
            self.app.http().request(operation.method(), url).header("x-request-id", "a-name-of-ours");
        match operation.scope().as_deref() {
            None if operation.is_opened_by("initialAccess") => request.bearer_auth(&self.initial_access),
            None if operation.is_opened_by("registrationAccess") => {
                request.bearer_auth(&self.registration_access)
            }
            None => request,
            Some("admin") => request.bearer_auth(&self.administrators),
            Some("openid") => request.bearer_auth(&self.citizens),
            Some(_) => request.bearer_auth(&self.machines),
        }
    }

    /// The same with the example `name` as its body.
    fn example(&self, operation: &Operation, name: &str, body: &Value) -> RequestBuilder {
        let request = self.request(operation);
        let body: Value = serde_json::from_str(&self.exchange(&body.to_string())).unwrap();
        if operation.content("application/ofd").is_some() {
            return request.header(CONTENT_TYPE, "application/ofd").body(one_page("一份公文"));
        }
        if operation.content("application/x-www-form-urlencoded").is_none() {
            return if body.is_null() { request } else { request.json(&body) };
        }
        let fields = body.as_object().cloned().unwrap_or_default();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name, value.as_str().unwrap())).collect();
        let client = match (operation.id(), name) {
            ("token", "machine") => Some(&self.system),
            ("token" | "pushRequest" | "introspect" | "revoke", _) => Some(&self.portal),
            ("authorizeDevice", _) => Some(&self.television),
            ("askPerson", _) => Some(&self.counter),
            _ => None,
        };
        let request = request.form(&fields);
        match client {
            Some(client) => request.basic_auth(&client.client_id, Some(&client.client_secret)),
            None => request,
        }
    }
}

/// An answer, whatever it is made of.
struct Told {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Told {
    async fn by(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The content type, without its parameters.
    fn content_type(&self) -> &str {
        let whole = self.headers.get(CONTENT_TYPE).map_or("", |value| value.to_str().unwrap());
        whole.split(';').next().unwrap()
    }

    /// The document has this status, these headers, this content type and a body like this.
    fn is_described(&self, description: &Description, operation: &Operation) {
        let id = operation.id();
        let described = operation.response(description, self.status);
        let headers = described["headers"].as_object().into_iter().flatten();
        for (name, _) in headers.filter(|(_, header)| description.always_comes(header)) {
            assert!(self.headers.contains_key(name), "{id}, {}: expected the header `{name}`", self.status);
        }
        let Some(content) = described["content"].as_object() else {
            return assert!(self.body.is_empty(), "{id}, {}: {}", self.status, self.text());
        };
        let media = content.get(self.content_type());
        let media = media.unwrap_or_else(|| panic!("{id}, {}: `{}`", self.status, self.content_type()));
        if self.content_type().ends_with("json") {
            let fits = schema::check(&description.document, &media["schema"], &self.json());
            fits.unwrap_or_else(|why| panic!("{id}, {}: {why}: {}", self.status, self.text()));
        }
    }

    /// The document has this refusal, and it is this one.
    fn is_refused(&self, description: &Description, operation: &Operation, status: u16, code: &str) {
        assert_eq!(self.status.as_u16(), status, "{}: {}", operation.id(), self.text());
        assert_eq!(self.json()["code"], code, "{}", operation.id());
        self.is_described(description, operation);
    }
}

impl Application {
    /// A code that `person` lets this application have.
    async fn authorized(&self, person: &crate::kit::actors::Person<'_>, scope: &str) -> String {
        person.authorizes(&self.requests(scope)).await.code()
    }
}

/// The methods that the document names.
fn method(name: &str) -> Method {
    Method::from_bytes(name.to_ascii_uppercase().as_bytes()).unwrap()
}
