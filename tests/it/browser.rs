//! People at the pages, in Chromium, without a mouse.

use serde_json::Value;
use url::Url;
use yinxin::demo::SampleApplication;

use crate::kit::browser::Browser;
use crate::kit::documents;
use crate::kit::program::{Program, free_port};
use crate::kit::relying_party::RelyingParty;

/// RFC 7636, appendix B; nobody redeems these codes.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What the pages call things.
struct Words {
    language: &'static str,
    user_name: &'static str,
    password: &'static str,
    log_in: &'static str,
    allow: &'static str,
    log_out: &'static str,
    logged_out: &'static str,
}

const CHINESE: Words = Words {
    language: "zh-CN",
    user_name: "用户名",
    password: "密码",
    log_in: "登录",
    allow: "同意",
    log_out: "退出登录",
    logged_out: "您已退出登录",
};

const ENGLISH: Words = Words {
    language: "en",
    user_name: "User name",
    password: "Password",
    log_in: "Log in",
    allow: "Allow",
    log_out: "Log out",
    logged_out: "You are logged out",
};

#[tokio::test(flavor = "multi_thread")]
async fn a_citizen_logs_in_once_by_keyboard_in_chinese() {
    log_in_once_by_keyboard(&CHINESE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_citizen_logs_in_once_by_keyboard_in_english() {
    log_in_once_by_keyboard(&ENGLISH).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_administrator_enrols_and_looks_around_the_console() {
    let Some(browser) = Browser::open("zh-CN").await else { return };
    let program = Program::serve_sample_province();
    let (user_name, password) = ("guanli.yuan", "一个足够长的口令 2026");
    browser.go(&program.enrol_link).await;
    assert!(!browser.address().await.contains('#'), "the code has left the address bar");
    let fields =
        [("姓名", "管理员"), ("用户名", user_name), ("设置密码", password), ("再次输入密码", password)];
    for (label, value) in fields {
        browser.tab_to(label).await;
        browser.press(value).await;
    }
    browser.screenshot("enrol").await;
    browser.tab_to("开通").await;
    browser.enter().await;
    for (label, value) in [("用户名", user_name), ("密码", password)] {
        browser.tab_to(label).await;
        browser.press(value).await;
    }
    browser.enter().await;
    assert_eq!(browser.address().await, program.url("/console"));
    browser.screenshot("console").await;
    let sections = browser.links_in("nav.side").await;
    assert!(sections.len() >= 5, "{sections:?}");
    for section in sections {
        browser.go(&section).await;
        let name = section.rsplit('/').next().unwrap();
        assert!(browser.has("main h1").await, "{section}");
        browser.screenshot(&format!("console-{name}")).await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_sees_what_a_seal_proves_and_what_was_changed() {
    let Some(browser) = Browser::open("zh-CN").await else { return };
    let program = Program::serve_sample_province();
    let sealed = seal(&program, documents::one_page("关于公园开放时间的通知")).await;
    let changed = documents::with_another_page(&sealed, "关于公园收费的通知");
    for (name, document, verdict) in [("sealed", sealed, "验证通过"), ("changed", changed, "验证不通过")]
    {
        let file = program.folder().join(format!("{name}.ofd"));
        std::fs::write(&file, document).unwrap();
        browser.go(&program.url("/verify")).await;
        browser.choose_file(&file).await;
        browser.tab_to("开始验证").await;
        browser.enter().await;
        let words = browser.words().await;
        assert!(words.contains(verdict), "{name}: {words}");
        assert_eq!(words.contains("Doc_0/Pages/Page_0/Content.xml"), name == "changed", "{words}");
        browser.screenshot(&format!("verify-{name}")).await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_fit_a_small_phone_in_large_text() {
    let Some(browser) = Browser::open("zh-CN").await else { return };
    let program = Program::serve_sample_province();
    browser.resize(320, 640).await;
    browser.go(&program.url("/display?elder=on&back=/")).await;
    assert!(browser.has("html.elder").await, "large text was asked for");
    let login = authorize_url(&program, program.application("portal"));
    let verify = program.url("/verify");
    for (name, url) in [("home", program.url("/")), ("login", login), ("verify", verify)] {
        browser.go(&url).await;
        browser.assert_fits().await;
        browser.screenshot(&format!("phone-{name}")).await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_citizen_comes_in_through_the_city_and_links_both_accounts_by_keyboard() {
    let Some(browser) = Browser::open("zh-CN").await else { return };
    let city = Program::serve_sample_province_as("127.0.0.1", free_port(), &[]);
    let port = free_port();
    let configuration = city.folder().join("province.toml");
    std::fs::write(&configuration, upstream_table(&city, &format!("http://localhost:{port}")).await).unwrap();
    let options = ["--config", configuration.to_str().unwrap()];
    let program = Program::serve_sample_province_as("localhost", port, &options);
    let (there, here) = (city.sample().person("chen.apo").unwrap(), program.citizen());
    let portal = program.application("portal");
    let mut application = RelyingParty::listen(&portal.redirect_uris[0]).await;

    browser.go(&authorize_url(&program, portal)).await;
    browser.screenshot("login-with-upstream").await;
    browser.tab_to("使用市级节点账号登录").await;
    browser.enter().await;
    browser.reaches(&city.url("/oauth2/authorize")).await;
    log_in_by_keyboard(&browser, &there.user_name, &there.password).await;
    consent_by_keyboard(&browser, &CHINESE).await;
    browser.reaches(&program.url("/link")).await;
    assert!(browser.words().await.contains(&there.name), "who came is named");
    browser.screenshot("link").await;
    log_in_by_keyboard(&browser, &here.user_name, &here.password).await;
    let words = browser.words().await;
    assert!(words.contains(&there.name) && words.contains(&here.name), "both are named: {words}");
    browser.screenshot("link-confirm").await;
    browser.tab_to("确认绑定").await;
    browser.enter().await;
    consent_by_keyboard(&browser, &CHINESE).await;
    assert_returned_with_code(&program, &mut application).await;
    browser.go(&program.url("/account")).await;
    browser.resize(320, 640).await;
    browser.assert_fits().await;
    browser.screenshot("account-with-upstream").await;
    browser.close().await;
}

/// The province at `issuer` registers with `city`; what its operator then writes.
async fn upstream_table(city: &Program, issuer: &str) -> String {
    let members = serde_json::json!({
        "client_name": "省级节点", "redirect_uris": [format!("{issuer}/upstream/city/callback")], "scope": "openid profile",
        "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": format!("{issuer}/oauth2/jwks"),
    });
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = http.post(city.url("/oauth2/register")).bearer_auth(&city.sample().initial_access_token);
    let answer = asked.json(&members).send().await.unwrap();
    let registered: Value = answer.error_for_status().unwrap().json().await.unwrap();
    format!(
        "[[upstream]]\nid = \"city\"\nname_zh = \"市级节点\"\nname_en = \"City node\"\nissuer = \"{}\"\nclient_id = {}\n\
         scopes = [\"profile\"]\nattributes = {{ name = \"name\" }}\n",
        city.issuer, registered["client_id"]
    )
}

async fn log_in_by_keyboard(browser: &Browser, user_name: &str, password: &str) {
    browser.tab_to(CHINESE.user_name).await;
    browser.press(user_name).await;
    browser.tab_to(CHINESE.password).await;
    browser.press(password).await;
    browser.tab_to(CHINESE.log_in).await;
    browser.enter().await;
}

/// The sample's office puts its seal on `document`, through the API.
async fn seal(program: &Program, document: Vec<u8>) -> Vec<u8> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let system = program.application("system");
    let grant = [("grant_type", "client_credentials"), ("scope", "seal:use")];
    let asked = http.post(program.url("/oauth2/token")).form(&grant);
    let answer = asked.basic_auth(&system.client_id, Some(&system.client_secret)).send().await.unwrap();
    let token: Value = answer.error_for_status().unwrap().json().await.unwrap();
    let path = format!("/v1/seals/{}/documents", program.sample().seals[0].id);
    let asked = http.post(program.url(&path)).bearer_auth(token["access_token"].as_str().unwrap());
    let answer = asked.header("content-type", "application/ofd").body(document).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    answer.bytes().await.unwrap().to_vec()
}

async fn log_in_once_by_keyboard(words: &Words) {
    let Some(browser) = Browser::open(words.language).await else { return };
    let program = Program::serve_sample_province();
    let citizen = program.citizen();
    let (first, second) = (program.application("portal"), program.application("fund"));

    let mut application = RelyingParty::listen(&first.redirect_uris[0]).await;
    browser.go(&program.url("/")).await;
    picture(&browser, "home", words).await;
    browser.go(&authorize_url(&program, first)).await;
    picture(&browser, "login", words).await;
    browser.tab_to(words.user_name).await;
    browser.press(citizen.user_name.as_str()).await;
    browser.tab_to(words.password).await;
    browser.press(citizen.password.as_str()).await;
    browser.tab_to(words.log_in).await;
    browser.enter().await;
    assert!(browser.words().await.contains(&citizen.name), "the consent page says whose account it is");
    picture(&browser, "consent", words).await;
    consent_by_keyboard(&browser, words).await;
    assert_returned_with_code(&program, &mut application).await;
    drop(application);

    let mut application = RelyingParty::listen(&second.redirect_uris[0]).await;
    browser.go(&authorize_url(&program, second)).await;
    assert!(!browser.has("input[type=password]").await, "the second application asks for no password");
    if browser.has("button[value=allow]").await {
        consent_by_keyboard(&browser, words).await;
    }
    assert_returned_with_code(&program, &mut application).await;

    browser.go(&program.url("/account")).await;
    assert!(browser.words().await.contains(&citizen.name));
    picture(&browser, "account", words).await;
    browser.tab_to(words.log_out).await;
    browser.enter().await;
    assert!(browser.words().await.contains(words.logged_out));
    picture(&browser, "logged-out", words).await;
    browser.go(&authorize_url(&program, first)).await;
    assert!(browser.has("input[type=password]").await, "after the logout one has to log in again");
    browser.close().await;
}

async fn consent_by_keyboard(browser: &Browser, words: &Words) {
    browser.tab_to(words.allow).await;
    browser.enter().await;
}

async fn assert_returned_with_code(program: &Program, application: &mut RelyingParty) {
    let returned = application.returned().await;
    let value = |name: &str| returned.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    assert!(value("code").is_some_and(|code| !code.is_empty()), "{returned:?}");
    assert_eq!(value("state"), Some("as-it-was"));
    assert_eq!(value("iss"), Some(program.issuer.as_str()), "RFC 9207");
}

async fn picture(browser: &Browser, name: &str, words: &Words) {
    browser.screenshot(&format!("{name}-{}", words.language)).await;
}

fn authorize_url(program: &Program, application: &SampleApplication) -> String {
    let scope = "openid profile";
    let parameters = [
        ("response_type", "code"),
        ("client_id", &application.client_id),
        ("redirect_uri", &application.redirect_uris[0]),
        ("scope", scope),
        ("state", "as-it-was"),
        ("nonce", "once"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    Url::parse_with_params(&program.url("/oauth2/authorize"), parameters).unwrap().into()
}
