use base::Timestamp;

use super::interaction::{Consented, LoggedIn, Next, Situation, next};
use super::*;
use crate::client::Approval;
use crate::example::{CHALLENGE, ISSUER, REDIRECT_URI, machine_client, native_client, query, web_client};

/// A good request, to be changed one parameter at a time.
fn good() -> Vec<(&'static str, &'static str)> {
    vec![
        ("client_id", "tax-web"),
        ("redirect_uri", REDIRECT_URI),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "s t+a%te&印"),
        ("nonce", "n"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
}

fn with<'a>(name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut pairs: Vec<(&str, &str)> = good().into_iter().filter(|(n, _)| *n != name).collect();
    pairs.push((name, value));
    pairs
}

fn send(client: &Client, pairs: &[(&str, &str)]) -> Result<AuthorizationRequest, Refusal> {
    check(&parse(query(pairs).as_bytes()).unwrap(), Some(client), Via::default(), &ISSUER.parse().unwrap())
}

/// The address that carries `response`.
fn address(response: AuthorizationResponse) -> String {
    match response.deliver() {
        Delivery::Redirect(url) => url,
        Delivery::Form { action, .. } => panic!("a form for {action}"),
    }
}

fn code(request: &AuthorizationRequest, code: &str) -> AuthorizationResponse {
    AuthorizationResponse::code(request, code.to_owned(), None, &ISSUER.parse().unwrap())
}

fn asked(name: &str, value: &str) -> AuthorizationRequest {
    send(&web_client(), &with(name, value)).unwrap()
}

fn redirected(name: &str, value: &str) -> OauthError {
    match send(&web_client(), &with(name, value)).unwrap_err() {
        Refusal::Redirect(refusal) => {
            assert_eq!(refusal.redirect_uri, REDIRECT_URI);
            refusal.error
        }
        Refusal::Page(page) => panic!("expected a redirect, got the page: {page}"),
    }
}

fn page(client: &Client, pairs: &[(&str, &str)]) -> PageError {
    match send(client, pairs).unwrap_err() {
        Refusal::Page(page) => page,
        Refusal::Redirect(refusal) => panic!("redirected to {}", refusal.redirect_uri),
    }
}

#[test]
fn a_good_request_becomes_typed_and_survives_storage() {
    let request = send(&web_client(), &good()).unwrap();
    assert!(request.is_openid());
    assert_eq!(request.scope.to_string(), "openid profile");
    assert_eq!(request.state.as_deref(), Some("s t+a%te&印"));
    let stored = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<AuthorizationRequest>(&stored).unwrap(), request);
}

#[test]
fn parameters_nobody_knows_are_overlooked() {
    for (name, value) in
        [("extra", "foobar"), ("display", "popup"), ("claims_locales", "se"), ("claims", "{}")]
    {
        assert!(send(&web_client(), &with(name, value)).is_ok(), "{name}");
    }
}

#[test]
fn the_code_goes_back_with_state_and_issuer_and_keeps_the_registered_query() {
    let request = send(&web_client(), &good()).unwrap();
    assert_eq!(
        address(code(&request, "c0de")),
        "https://app.example/cb?tenant=1&code=c0de&state=s%20t%2Ba%25te%26%E5%8D%B0&iss=https%3A%2F%2Fid.fujian.example"
    );
    let mut without_state = send(&native_client(), &native("http://127.0.0.1:51004/cb")).unwrap();
    without_state.state = None;
    assert_eq!(
        address(code(&without_state, "c")),
        "http://127.0.0.1:51004/cb?code=c&iss=https%3A%2F%2Fid.fujian.example"
    );
}

#[test]
fn a_refusal_goes_back_with_state_and_issuer() {
    let request = send(&web_client(), &good()).unwrap();
    let refusal = request.refuse(&ISSUER.parse().unwrap(), ErrorCode::AccessDenied, "the person said no");
    assert_eq!(
        address(AuthorizationResponse::error(&refusal)),
        "https://app.example/cb?tenant=1&error=access_denied&error_description=the%20person%20said%20no\
         &state=s%20t%2Ba%25te%26%E5%8D%B0&iss=https%3A%2F%2Fid.fujian.example"
    );
}

#[test]
fn an_answer_can_be_posted_and_can_be_signed() {
    let issuer = ISSUER.parse().unwrap();
    let posted = code(&asked("response_mode", "form_post"), "c0de").deliver();
    let Delivery::Form { action, fields } = posted else { panic!("{posted:?}") };
    assert_eq!(action, REDIRECT_URI);
    assert_eq!(fields, [("code", "c0de".into()), ("state", "s t+a%te&印".into()), ("iss", ISSUER.into())]);

    let request = asked("response_mode", "jwt");
    let refused = request.refuse(&issuer, ErrorCode::AccessDenied, "no");
    let refusal = AuthorizationResponse::error(&refused);
    let claims = serde_json::to_value(refusal.claims(&request.client_id, STARTED)).unwrap();
    assert_eq!((&claims["iss"], &claims["aud"]), (&ISSUER.into(), &"tax-web".into()));
    assert_eq!((&claims["error"], &claims["state"]), (&"access_denied".into(), &"s t+a%te&印".into()));
    let life = claims["exp"].as_i64().unwrap() - STARTED.unix_seconds();
    assert!((10..=600).contains(&life), "{life}");
    let signed = refusal.deliver_signed("h.p.s".into());
    assert_eq!(signed, Delivery::Redirect(format!("{REDIRECT_URI}&response=h.p.s")));
}

#[test]
fn a_client_registered_for_pushed_or_signed_requests_cannot_send_others() {
    let mut client = web_client();
    client.requests.pushed_only = true;
    let params = parse(query(&good()).as_bytes()).unwrap();
    let issuer = ISSUER.parse().unwrap();
    let code = |client: &Client, via| match check(&params, Some(client), via, &issuer) {
        Err(Refusal::Redirect(refusal)) => Some(refusal.error.code),
        Err(Refusal::Page(page)) => panic!("{page}"),
        Ok(_) => None,
    };
    let (pushed, signed) = (Via { pushed: true, signed: false }, Via { pushed: false, signed: true });
    assert_eq!(code(&client, Via::default()), Some(ErrorCode::InvalidRequest));
    assert_eq!(code(&client, signed), Some(ErrorCode::InvalidRequest));
    assert_eq!(code(&client, pushed), None);
    client.requests.signed_only = true;
    assert_eq!(code(&client, pushed), Some(ErrorCode::InvalidRequest));
    assert_eq!(code(&client, Via { pushed: true, signed: true }), None);
}

// What is never redirected.

#[test]
fn an_unknown_client_gets_a_page() {
    let params = parse(query(&good()).as_bytes()).unwrap();
    let issuer = ISSUER.parse().unwrap();
    let unknown = PageError::UnknownClient { client_id: "tax-web".into() };
    assert_eq!(check(&params, None, Via::default(), &issuer), Err(unknown.clone().into()));
    assert_eq!(
        check(&params, Some(&native_client()), Via::default(), &issuer),
        Err(unknown.clone().into()),
        "another was looked up"
    );
    let mut disabled = web_client();
    disabled.enabled = false;
    assert_eq!(page(&disabled, &good()), unknown);
    assert!(matches!(page(&web_client(), &with("client_id", "a b")), PageError::UnknownClient { .. }));
    assert_eq!(page(&web_client(), &with("client_id", "")), PageError::Missing("client_id"));
}

#[test]
fn an_unregistered_redirect_uri_gets_a_page_that_says_what_came_and_what_is_registered() {
    let refusal = page(&web_client(), &with("redirect_uri", "https://evil.example/cb"));
    assert_eq!(
        refusal.to_string(),
        "redirect_uri `https://evil.example/cb` is not registered for client `tax-web`, which has `https://app.example/cb?tenant=1`: register this exact string or send a registered one"
    );
    assert!(matches!(refusal, PageError::RedirectUri { registered, .. } if registered == [REDIRECT_URI]));
    assert_eq!(page(&web_client(), &with("redirect_uri", "")), PageError::Missing("redirect_uri"));
}

/// Advisories of other providers: CVE-2024-8883, CVE-2026-7504, CVE-2026-3872, CVE-2026-9086.
#[test]
fn the_tricks_that_worked_elsewhere_get_a_page() {
    for trick in [
        "https://app.example/cb",
        "https://app.example/cb?tenant=1&x=2",
        "https://app.example/cb?tenant=2",
        "https://app.example/cb?tenant=1#",
        "https://app.example@evil.example/cb?tenant=1",
        "https://app.example/cb/..;/evil?tenant=1",
        "https://app.example.evil.example/cb?tenant=1",
        "JAVASCRIPT:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "\\\\evil.example",
    ] {
        assert!(
            matches!(page(&web_client(), &with("redirect_uri", trick)), PageError::RedirectUri { .. }),
            "{trick}"
        );
    }
}

/// Errors that redirect must not come before the redirect URI is found good: authlib CVE-2026-41479, CVE-2026-44681.
#[test]
fn with_a_bad_redirect_uri_no_other_fault_redirects() {
    for (name, value) in [("response_type", "token"), ("scope", "\""), ("prompt", "none"), ("request", "x")] {
        let mut pairs = with(name, value);
        pairs.iter_mut().filter(|(n, _)| *n == "redirect_uri").for_each(|(_, v)| *v = "https://evil.example");
        assert!(matches!(page(&web_client(), &pairs), PageError::RedirectUri { .. }), "{name}");
    }
}

#[test]
fn a_duplicated_client_or_redirect_uri_gets_a_page() {
    for name in ["client_id", "redirect_uri"] {
        let mut pairs = good();
        let twice = *pairs.iter().find(|(n, _)| *n == name).unwrap();
        pairs.push(twice);
        assert_eq!(page(&web_client(), &pairs), PageError::Params(ParamsError::Duplicated(name.into())));
    }
    assert!(matches!(parse(b"state=%"), Err(PageError::Params(ParamsError::Encoding { .. }))));
}

// What is redirected.

#[test]
fn any_other_duplicate_is_told_to_the_client() {
    for name in ["response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method"] {
        let mut pairs = good();
        pairs.push((name, "x"));
        let Err(Refusal::Redirect(refusal)) = send(&web_client(), &pairs) else {
            panic!("{name}: not redirected")
        };
        assert_eq!(refusal.error.code, ErrorCode::InvalidRequest);
        assert!(refusal.error.description().contains(name));
    }
}

#[test]
fn only_codes_are_given_out() {
    assert_eq!(redirected("response_type", "").code, ErrorCode::InvalidRequest);
    for other in ["token", "id_token", "code id_token", "code token", "none", "CODE"] {
        assert_eq!(redirected("response_type", other).code, ErrorCode::UnsupportedResponseType, "{other}");
    }
    assert!(send(&web_client(), &with("response_mode", "query")).is_ok());
    for other in ["fragment", "fragment.jwt", "web_message", "QUERY"] {
        assert!(redirected("response_mode", other).description().contains(other));
    }
}

#[test]
fn a_client_gets_answers_the_way_it_registered_and_refusals_too() {
    let client = |modes: &[&str]| {
        let names: Vec<_> = modes.iter().map(|mode| (*mode).to_owned()).collect();
        Client { response_modes: AllowedModes::named(&names).unwrap(), ..web_client() }
    };
    let refused = |client: &Client, pairs: &[(&str, &str)]| match send(client, pairs) {
        Err(Refusal::Redirect(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    let form = client(&["form_post"]);
    assert_eq!(
        send(&form, &with("response_mode", "form_post")).unwrap().response_mode,
        ResponseMode::FormPost
    );
    let got_none = refused(&form, &good());
    assert_eq!(
        got_none.error.description(),
        "expected a response_mode that client `tax-web` is registered for: form_post; got none, which means `query`"
    );
    assert_eq!(got_none.mode, ResponseMode::FormPost);
    let got_another = refused(&form, &with("response_mode", "query.jwt"));
    assert_eq!(
        (got_another.mode, got_another.error.code),
        (ResponseMode::FormPost, ErrorCode::InvalidRequest)
    );
    let mut pairs = with("scope", "unheard_of");
    pairs.push(("response_mode", "form_post"));
    let other_fault = refused(&form, &pairs);
    assert_eq!((other_fault.mode, other_fault.error.code), (ResponseMode::FormPost, ErrorCode::InvalidScope));

    for names in [&["jwt"], &["query.jwt"]] {
        let signed = client(names);
        for name in ["jwt", "query.jwt"] {
            assert_eq!(
                send(&signed, &with("response_mode", name)).unwrap().response_mode,
                ResponseMode::QueryJwt
            );
        }
        assert_eq!(refused(&signed, &good()).mode, ResponseMode::QueryJwt);
        assert_eq!(refused(&signed, &with("response_mode", "magic")).mode, ResponseMode::QueryJwt);
    }
}

#[test]
fn a_client_without_the_code_grant_is_refused() {
    let mut machine = machine_client();
    machine.redirect_uris = vec![REDIRECT_URI.into()];
    let Err(Refusal::Redirect(refusal)) = send(&machine, &with("client_id", "tax-batch")) else { panic!() };
    assert_eq!(refusal.error.code, ErrorCode::UnauthorizedClient);
}

#[test]
fn every_client_proves_possession_with_s256() {
    assert!(redirected("code_challenge", "").description().contains("PKCE"));
    assert!(redirected("code_challenge_method", "").description().contains("plain"));
    assert!(redirected("code_challenge_method", "plain").description().contains("S256"));
    for bad in
        [&CHALLENGE[..42], &format!("{CHALLENGE}="), &"!".repeat(43), &format!("{CHALLENGE}{CHALLENGE}")]
    {
        assert!(redirected("code_challenge", bad).description().contains("43 characters"), "{bad}");
    }
}

#[test]
fn scopes_the_client_may_not_have_are_left_out_and_none_at_all_is_an_error() {
    assert_eq!(asked("scope", "email tax:read openid nonsense").scope.to_string(), "tax:read openid");
    assert_eq!(redirected("scope", "").code, ErrorCode::InvalidScope);
    assert!(redirected("scope", "email nonsense").description().contains("none of `email nonsense`"));
    assert_eq!(redirected("scope", "openid a\\b").code, ErrorCode::InvalidScope);
    let mut cannot_refresh = web_client();
    cannot_refresh.grant_types = vec![crate::client::GrantType::AuthorizationCode];
    let request = send(&cannot_refresh, &with("scope", "openid offline_access")).unwrap();
    assert_eq!(request.scope.to_string(), "openid");
}

#[test]
fn state_and_nonce_are_long_enough_for_everyone_and_no_longer() {
    let long = "x".repeat(1_024);
    assert_eq!(asked("state", &long).state, Some(long.clone()));
    assert_eq!(asked("nonce", &long).nonce, Some(long));
    assert_eq!(redirected("state", &"x".repeat(2_049)).code, ErrorCode::InvalidRequest);
    assert_eq!(redirected("nonce", &"x".repeat(1_025)).code, ErrorCode::InvalidRequest);
}

#[test]
fn request_objects_are_refused_by_their_own_codes() {
    assert_eq!(redirected("request", "e30.e30.").code, ErrorCode::InvalidRequestObject);
    assert_eq!(redirected("request_uri", "https://app.example/r").code, ErrorCode::RequestUriNotSupported);
    assert_eq!(redirected("registration", "{}").code, ErrorCode::RegistrationNotSupported);
}

#[test]
fn prompt_max_age_and_hints_are_read_or_refused() {
    let prompt = asked("prompt", "login consent").prompt;
    assert_eq!(prompt, Prompts { login: true, consent: true, ..Prompts::default() });
    assert!(redirected("prompt", "none login").description().contains("none"));
    assert!(redirected("prompt", "create").description().contains("create"));
    assert_eq!(asked("max_age", "10000").max_age_seconds, Some(10_000));
    for bad in ["-1", "+1", "1.5", "x", "99999999999"] {
        assert!(redirected("max_age", bad).description().contains("max_age"), "{bad}");
    }
    assert_eq!(
        asked("ui_locales", "zh-CN en _bad_ x-too-long-subtag").ui_locales,
        ["zh-CN", "en", "x-too-long-subtag"]
    );
    assert_eq!(asked("acr_values", "urn:yinxin:loa:3 urn:yinxin:loa:2").acr_values.len(), 2);
    assert_eq!(redirected("acr_values", "1 2 3 4 5 6 7 8 9").code, ErrorCode::InvalidRequest);
    assert_eq!(asked("login_hint", "林").login_hint.as_deref(), Some("林"));
    assert_eq!(redirected("login_hint", "a\u{1}b").code, ErrorCode::InvalidRequest);
    assert_eq!(asked("id_token_hint", "a.b.c").id_token_hint.as_deref(), Some("a.b.c"));
}

#[test]
fn resources_must_be_registered_and_may_repeat() {
    let mut pairs = with("resource", "https://api.tax.example");
    pairs.push(("resource", "https://api.tax.example"));
    assert_eq!(send(&web_client(), &pairs).unwrap().resources, ["https://api.tax.example"]);
    assert_eq!(redirected("resource", "https://api.other.example").code, ErrorCode::InvalidTarget);
}

fn native(redirect_uri: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut pairs = good();
    pairs[0].1 = "fujian-app";
    pairs[1].1 = redirect_uri;
    pairs
}

#[test]
fn a_native_application_listens_on_any_loopback_port() {
    let request = send(&native_client(), &native("http://127.0.0.1:51004/cb")).unwrap();
    assert_eq!(request.redirect_uri, "http://127.0.0.1:51004/cb");
    assert!(send(&native_client(), &native("cn.gov.fujian.app:/cb")).is_ok());
    for trick in
        ["http://127.0.0.1:51004/evil", "http://localhost:51004/cb", "http://127.0.0.1:1@evil.example/cb"]
    {
        assert!(matches!(page(&native_client(), &native(trick)), PageError::RedirectUri { .. }), "{trick}");
    }
}

// What comes next.

const STARTED: Timestamp = Timestamp::from_unix_seconds(1_795_507_200);

struct Case {
    prompt: &'static str,
    max_age: &'static str,
    logged_in_at: Option<i64>,
    consented_at: Option<i64>,
}

impl Case {
    fn next(&self) -> Result<Next, ErrorCode> {
        let mut pairs = with("prompt", self.prompt);
        pairs.push(("max_age", self.max_age));
        let request = send(&web_client(), &pairs).unwrap();
        let scope = "openid profile phone".parse().unwrap();
        let at = |seconds: i64| STARTED.plus_seconds(seconds);
        let situation = Situation {
            started: STARTED,
            now: at(20),
            logged_in: self.logged_in_at.map(|s| LoggedIn { subject: "usr_1", at: at(s), acrs: &[] }),
            acrs_offered: &[],
            consented: self.consented_at.map(|_| Consented { scope: &scope }),
            hinted_subject: None,
            allowed_here: self.consented_at.is_some_and(|s| s >= 0),
        };
        next(&request, &web_client(), &situation).map_err(|error| error.code)
    }
}

#[test]
fn the_person_is_asked_what_must_be_asked_and_no_more() {
    use ErrorCode::{ConsentRequired, LoginRequired};
    let case = |prompt, max_age, logged_in_at, consented_at| {
        Case { prompt, max_age, logged_in_at, consented_at }.next()
    };
    assert_eq!(case("", "", None, None), Ok(Next::LogIn));
    assert_eq!(case("", "", Some(-100), None), Ok(Next::Consent));
    assert_eq!(case("", "", Some(-100), Some(-100)), Ok(Next::Answer), "single sign-on");
    assert_eq!(case("none", "", None, None), Err(LoginRequired));
    assert_eq!(case("none", "", Some(-100), None), Err(ConsentRequired));
    assert_eq!(case("none", "", Some(-100), Some(-100)), Ok(Next::Answer));
    assert_eq!(case("login", "", Some(-100), Some(-100)), Ok(Next::LogIn));
    assert_eq!(case("login", "", Some(10), Some(-100)), Ok(Next::Answer), "they just did");
    assert_eq!(case("select_account", "", Some(-100), Some(-100)), Ok(Next::LogIn));
    assert_eq!(case("consent", "", Some(-100), Some(-100)), Ok(Next::Consent));
    assert_eq!(case("consent", "", Some(-100), Some(10)), Ok(Next::Answer));
    assert_eq!(case("", "1", Some(-100), Some(-100)), Ok(Next::LogIn));
    assert_eq!(case("", "10000", Some(-100), Some(-100)), Ok(Next::Answer));
    assert_eq!(case("none", "1", Some(-100), Some(-100)), Err(LoginRequired));
    assert_eq!(
        case("", "0", Some(10), Some(-100)),
        Ok(Next::Answer),
        "a login for this request is new enough"
    );
}

#[test]
fn the_hinted_person_and_no_other_is_let_through() {
    let request = send(&web_client(), &with("prompt", "none")).unwrap();
    let scope = "openid profile".parse().unwrap();
    let situation = |hinted_subject| Situation {
        started: STARTED,
        now: STARTED,
        logged_in: Some(LoggedIn { subject: "usr_1", at: STARTED, acrs: &[] }),
        acrs_offered: &[],
        consented: Some(Consented { scope: &scope }),
        hinted_subject,
        allowed_here: false,
    };
    assert_eq!(next(&request, &web_client(), &situation(Some("usr_1"))), Ok(Next::Answer));
    assert_eq!(
        next(&request, &web_client(), &situation(Some("usr_2"))).unwrap_err().code,
        ErrorCode::LoginRequired
    );
}

#[test]
fn the_governments_own_applications_need_no_consent_but_may_ask_for_it() {
    let mut own = web_client();
    own.approval = Approval::FirstParty;
    let situation = Situation {
        started: STARTED,
        now: STARTED,
        logged_in: Some(LoggedIn { subject: "usr_1", at: STARTED, acrs: &[] }),
        acrs_offered: &[],
        consented: None,
        hinted_subject: None,
        allowed_here: false,
    };
    assert_eq!(next(&asked("prompt", ""), &own, &situation), Ok(Next::Answer));
    assert_eq!(next(&asked("prompt", "consent"), &own, &situation), Ok(Next::Consent));
    assert_eq!(next(&asked("prompt", ""), &web_client(), &situation), Ok(Next::Consent));
}

/// RFC 9470, 5.
#[test]
fn an_authentication_context_that_is_asked_for_is_reached_or_the_client_hears_that_it_is_not() {
    let scope = "openid profile".parse().unwrap();
    let reached = |acr_values: &str, prompt: &str, acrs: &[&str], at: i64| {
        let pairs =
            with("acr_values", acr_values).into_iter().chain([("prompt", prompt)]).collect::<Vec<_>>();
        let request = send(&web_client(), &pairs).unwrap();
        let situation = Situation {
            started: STARTED,
            now: STARTED.plus_seconds(20),
            logged_in: Some(LoggedIn { subject: "usr_1", at: STARTED.plus_seconds(at), acrs }),
            acrs_offered: &["one", "two"],
            consented: Some(Consented { scope: &scope }),
            hinted_subject: None,
            allowed_here: false,
        };
        next(&request, &web_client(), &situation).map_err(|error| error.code)
    };
    let (weak, strong) = (&["one"][..], &["one", "two"][..]);
    assert_eq!(reached("two", "", weak, -100), Ok(Next::LogIn));
    assert_eq!(reached("two", "none", weak, -100), Err(ErrorCode::LoginRequired));
    assert_eq!(
        reached("two", "", weak, 10),
        Err(ErrorCode::UnmetAuthenticationRequirements),
        "they just did"
    );
    for (acr_values, acrs) in
        [("two", strong), ("one", strong), ("two one", weak), ("three", weak), ("three", &[])]
    {
        assert_eq!(reached(acr_values, "", acrs, -100), Ok(Next::Answer), "{acr_values} {acrs:?}");
    }
    assert_eq!(reached("three two", "", weak, -100), Ok(Next::LogIn));
}

/// RFC 8252, 8.6; ASVS 5.0 V10.7.1.
#[test]
fn on_the_persons_device_anybody_could_ask_in_an_applications_name_so_the_person_is_asked_each_time() {
    let scope = "openid profile".parse().unwrap();
    let situation = |allowed_here| Situation {
        started: STARTED,
        now: STARTED,
        logged_in: Some(LoggedIn { subject: "usr_1", at: STARTED, acrs: &[] }),
        acrs_offered: &[],
        consented: Some(Consented { scope: &scope }),
        hinted_subject: None,
        allowed_here,
    };
    let mut own = native_client();
    own.approval = Approval::FirstParty;
    for client in [native_client(), own] {
        for redirect_uri in ["http://127.0.0.1:51004/cb", "cn.gov.fujian.app:/cb"] {
            let request = send(&client, &native(redirect_uri)).unwrap();
            assert_eq!(next(&request, &client, &situation(false)), Ok(Next::Consent), "{redirect_uri}");
            assert_eq!(next(&request, &client, &situation(true)), Ok(Next::Answer), "{redirect_uri}");
        }
    }
    let mut claimed = native_client();
    claimed.redirect_uris = vec!["https://app.example/cb".into()];
    let request = send(&claimed, &native("https://app.example/cb")).unwrap();
    assert_eq!(next(&request, &claimed, &situation(false)), Ok(Next::Answer), "an address of its own");
}

// Whatever comes.

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        if let Ok(params) = parse(&bytes) {
            let _ = check(&params, Some(&web_client()), Via::default(), &ISSUER.parse().unwrap());
        }
        let _ = crate::client_authentication::parse(Some(&bytes), &Params::default());
    }

    /// No value of any parameter sends the browser anywhere but to the registered address.
    #[test]
    fn every_answer_goes_to_the_registered_address(which in 0usize..8, value in "\\PC{0,40}") {
        let mut pairs = good();
        pairs[which].1 = &value;
        match send(&web_client(), &pairs) {
            Ok(request) => assert_eq!(request.redirect_uri, REDIRECT_URI),
            Err(Refusal::Page(_)) => assert!(which < 2),
            Err(Refusal::Redirect(refusal)) => {
                let url = address(AuthorizationResponse::error(&refusal));
                assert!(url.starts_with(&format!("{REDIRECT_URI}&error=")));
                let answer = parse(url.split_once('?').unwrap().1.as_bytes()).unwrap();
                assert_eq!(answer.value("state"), Some(pairs[4].1).filter(|state| !state.is_empty()));
                assert_eq!(answer.value("iss"), Some(ISSUER));
            }
        }
    }

    /// Hosts that a browser would leave the machine for are never taken for a loopback address.
    #[test]
    fn a_native_application_is_never_sent_off_the_machine(between in "\\PC{0,20}") {
        let received = format!("http://127.0.0.1{between}/cb");
        if native_client().has_redirect_uri(&received) {
            let url = url::Url::parse(&received).unwrap();
            assert_eq!((url.host_str(), url.path(), url.username()), (Some("127.0.0.1"), "/cb", ""));
        }
    }
}
