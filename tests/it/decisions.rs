//! Access decisions, as enforcement points ask for them (OpenID AuthZEN Authorization API 1.0), and the trust they weigh.

use audit::Kind;
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::kit::actors::Answer;
use crate::kit::app::{TestApp, stories};

const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";
const HOUR_SECONDS: i64 = 3_600;
const DAY_SECONDS: i64 = 86_400;

/// What decides, in both languages.
type Reason = (&'static str, &'static str);
const OWN_BRANCH: Reason =
    ("数据属于本部门或其下级单位。", "The data belongs to the official's own unit or to one below it.");
const OTHER_BRANCH: Reason = (
    "没有规则允许此操作。最接近的规则要求：数据须属于本人所在单位或其下级单位。",
    "No rule permits this. The nearest one requires: the data must belong to your own unit or to one below it.",
);
const TOO_HIGH: Reason = (
    "四级数据须以两种因素（其一为密码技术）登录。数据级别高于本人可查看的最高级别。",
    "Data of grade 4 needs a login with two factors, one of them cryptographic. The data's grade is above the official's clearance.",
);
const LITTLE_TRUST: Reason =
    ("当前信任分低于该级别数据的要求。", "The trust score is below what data of this grade requires.");

/// Two strange logins may have been the official's own: a login with two factors would show it.
const STRONGER_LOGIN: Reason = (
    "当前信任分低于该级别数据的要求。请使用更高等级的认证方式重新登录后再试。",
    "The trust score is below what data of this grade requires. Log in again with a stronger method, then try again.",
);

stories! {
    async fn an_official_reads_graded_data_of_the_own_branch_and_each_answer_says_why(app: TestApp) {
        let pep = EnforcementPoint::of(&app).await;
        pep.asks("lin.zhixing", "gushan-residents").await.permits(OWN_BRANCH, &["data.branch"]);
        pep.asks("lin.zhixing", "grid1-visits").await.permits(OWN_BRANCH, &["data.branch"]);
        pep.asks("lin.zhixing", "ludao-residents").await.denies(OTHER_BRANCH, &[]);
        pep.asks("zhao.yi", "gushan-parks").await.denies(OTHER_BRANCH, &[]);
        let too_high = pep.asks("lin.zhixing", "gushan-informants").await;
        too_high.denies(TOO_HIGH, &["data.assurance", "data.clearance"]);
        let unknown = pep.asks("lin.zhixing", "no-such-data").await;
        unknown.denies(
            (
                "现有信息不足以作出判断，因此拒绝。",
                "What is known is not enough to decide, so it is refused.",
            ),
            &[],
        );
        let admin = unknown.reason("reason_admin", "en");
        assert!(admin.contains("not evaluated"), "the administrator is told what is missing: {admin}");
    }

    async fn a_decision_on_data_of_grade_3_and_up_is_in_the_log_before_it_is_given(app: TestApp) {
        let pep = EnforcementPoint::of(&app).await;
        let lin = app.person("lin.zhixing").sample.id.to_string();
        let system = app.application("system").client_id;
        for (data_set, grade, permitted) in
            [("gushan-residents", 3, true), ("ludao-residents", 3, false), ("gushan-informants", 4, false)]
        {
            let before = app.log_size().await;
            let answer = pep.asks("lin.zhixing", data_set).await;
            let entry = app.proven_entry(answer.log_entry()).await;
            assert_eq!(app.log_size().await, before + 1, "{data_set}: one decision, one leaf");
            assert_eq!((entry.kind(), entry.actor()), (Kind::Decision, system.as_str()));
            assert_eq!(entry.subject(), format!("official:{lin}"));
            let written = entry.detail();
            assert_eq!(written["resource"], format!("dataset:{data_set}"));
            assert_eq!((&written["grade"], &written["decision"]), (&json!(grade), &json!(permitted)));
            assert_eq!((&written["action"], &written["store"]), (&json!("read"), &json!("main")));
            assert_eq!(written["revision"], answer.0.body["context"]["revision"], "by which policies");
            assert_eq!(written["trust"], 100);
        }
        let before = app.log_size().await;
        for data_set in ["gushan-permits", "gushan-parks", "no-such-data"] {
            let answer = pep.asks("lin.zhixing", data_set).await;
            assert_eq!(answer.0.body["context"].get("log_entry"), None, "{data_set}");
        }
        assert_eq!(app.log_size().await, before, "nothing of grade 1 or 2 is written down");
    }

    async fn trust_falls_with_a_reported_signal_and_only_what_fades_comes_back(app: TestApp) {
        let pep = EnforcementPoint::of(&app).await;
        let lost = pep.reports("lin.zhixing", "device_lost", "high").await;
        assert_eq!((lost.status, &lost.body["trust"]["score"]), (201, &json!(50)), "{lost:?}");
        let entry = app.proven_entry(lost.text("log_entry")).await;
        assert_eq!(entry.kind(), Kind::SignalReported);
        assert_eq!(entry.detail()["signal"], lost.body["id"]);
        assert!(!String::from_utf8_lossy(entry.bytes()).contains("电话报告"), "the log forgets nothing");

        let denied = pep.asks("lin.zhixing", "gushan-residents").await;
        denied.denies(LITTLE_TRUST, &["data.trust"]);
        let weighed = &denied.0.body["context"]["trust"];
        assert_eq!((&weighed["score"], &weighed["contributions"][0]["points"]), (&json!(50), &json!(-50)));
        assert_eq!(weighed["contributions"][0]["reason_zh"], "设备丢失");
        assert_eq!(weighed["contributions"][0]["reason_en"], "a device was lost");
        pep.asks("lin.zhixing", "gushan-permits").await.permits(OWN_BRANCH, &["data.branch"]);
        pep.asks("wang.shouyi", "ludao-residents").await.permits(OWN_BRANCH, &["data.branch"]);
        let again = pep.reports("lin.zhixing", "device_lost", "high").await;
        assert_eq!(again.body["trust"]["score"], 50, "the same report twice takes no more");

        // A device that is lost stays lost; two strange logins are half forgotten after half a day.
        pep.reports("wang.shouyi", "impossible_travel", "high").await;
        let fallen = pep.reports("wang.shouyi", "unusual_behaviour", "high").await;
        assert_eq!(fallen.body["trust"]["score"], 40);
        let fallen = pep.asks("wang.shouyi", "ludao-residents").await;
        fallen.denies(STRONGER_LOGIN, &["data.trust"]);
        assert_eq!(fallen.0.body["context"]["requires"], json!({ "acr_values": ["urn:yinxin:loa:2"], "max_age": 900 }));
        assert_eq!(denied.0.body["context"].get("requires"), None, "no login brings a lost device back");
        app.advance(12 * HOUR_SECONDS);
        let pep = EnforcementPoint::of(&app).await;
        let risen = pep.asks("wang.shouyi", "ludao-residents").await;
        risen.permits(OWN_BRANCH, &["data.branch"]);
        assert_eq!(
            risen.0.body["context"]["trust"]["score"], 82,
            "35 points halve once, 25 points six times"
        );
        app.advance(400 * DAY_SECONDS);
        let pep = EnforcementPoint::of(&app).await;
        pep.asks("lin.zhixing", "gushan-residents").await.denies(LITTLE_TRUST, &["data.trust"]);
        pep.asks("wang.shouyi", "ludao-residents").await.permits(OWN_BRANCH, &["data.branch"]);
    }

    async fn signals_come_from_systems_and_only_what_lowers_trust(app: TestApp) {
        let before = app.log_size().await;
        let of_the_portal = app.token_of("li.xiaoman", "openid").await;
        let refused = app.reports(&of_the_portal, "lin.zhixing", "device_lost", "high").await;
        refused.assert_problem(403, "insufficient_scope", "`signal:report`");
        assert_eq!(refused.header("www-authenticate"), "Bearer error=\"insufficient_scope\"");

        let hotline = json!({
            "client_name#zh-CN": "热线", "client_name#en": "Hotline", "scope": "openid signal:report",
            "redirect_uris": ["http://localhost:9873/callback"],
        });
        let hotline = app.registers(hotline).await;
        let of_a_citizen = hotline.admits(&app.person("li.xiaoman"), "openid signal:report").await.access;
        let refused = app.reports(&of_a_citizen, "lin.zhixing", "device_lost", "high").await;
        refused.assert_problem(403, "not_a_system", "client_credentials");
        let after_registration = app.log_size().await;
        assert!(after_registration > before, "only the registration");

        let system = app.machine_token().await;
        let refused = app.reports(&system, "lin.zhixing", "strong_login", "high").await;
        refused.assert_problem(422, "bad_signal", "`strong_login`");
        let refused = app.reports(&system, "lin.zhixing", "device_stolen", "high").await;
        refused.assert_problem(422, "bad_signal", "found `device_stolen`");
        let refused = app.reports(&system, "lin.zhixing", "device_lost", "dreadful").await;
        refused.assert_problem(422, "bad_signal", "`low`, `medium` or `high`");
        let nobody =
            json!({ "subject": "usr_01jd0000000000000000000000", "kind": "device_lost", "severity": "high" });
        app.posts(&system, "/v1/signals", &nobody).await.assert_problem(404, "no_such_account", "usr_01jd");
        let unread =
            json!({ "subject": nobody["subject"], "kind": "device_lost", "severity": "high", "score": 3 });
        app.posts(&system, "/v1/signals", &unread).await.assert_problem(400, "bad_json", "`score`");
        assert_eq!(app.log_size().await, after_registration, "nothing refused is written down");
        let pep = EnforcementPoint::of(&app).await;
        pep.asks("lin.zhixing", "gushan-residents").await.permits(OWN_BRANCH, &["data.branch"]);
    }

    async fn what_an_enforcement_point_says_of_people_and_data_does_not_count(app: TestApp) {
        let pep = EnforcementPoint::of(&app).await;
        let lin = app.person("lin.zhixing").sample.id;
        let ludao = app.sample.units["ludao"].to_string();
        let asserting = json!({
            "subject": { "type": "official", "id": lin, "properties": { "clearance": 4, "unit": ludao, "roles": ["administrator"] } },
            "action": { "name": "read" },
            "resource": { "type": "dataset", "id": "gushan-informants", "properties": { "grade": 1, "unit": ludao } },
            "context": { "trust": 100, "acr": 3, "now": 0 },
        });
        let answer = pep.puts(EVALUATION, &asserting).await;
        answer.denies(TOO_HIGH, &["data.assurance", "data.clearance"]);
        let told = answer.reason("reason_admin", "en");
        for ignored in [
            "subject.properties.clearance",
            "subject.properties.roles",
            "resource.properties.unit",
            "context.acr",
        ] {
            assert!(told.contains(ignored), "expected `{ignored}` among what does not count: {told}");
        }
        assert_eq!(app.proven_entry(answer.log_entry()).await.detail()["grade"], 4, "the catalogue's grade");

        // Whom and what only the caller knows stands in the log under a keyed hash, not under its name.
        let number = "350102198805209018";
        let unknown = json!({
            "subject": { "type": "citizen", "id": number }, "action": { "name": "read" },
            "resource": { "type": "dataset", "id": format!("record-of-{number}"), "properties": { "grade": 3 } },
        });
        let answer = pep.puts(EVALUATION, &unknown).await;
        assert_eq!(answer.0.body["decision"], false);
        let entry = app.proven_entry(answer.log_entry()).await;
        assert!(entry.subject().starts_with("citizen:#"), "{}", entry.subject());
        assert!(!String::from_utf8_lossy(entry.bytes()).contains(number));
    }

    async fn many_questions_in_one_request_are_answered_in_order(app: TestApp) {
        let pep = EnforcementPoint::of(&app).await;
        let mut request = json!({
            "subject": { "type": "official", "id": app.person("lin.zhixing").sample.id },
            "action": { "name": "read" },
            "evaluations": [
                { "resource": { "type": "dataset", "id": "gushan-residents" } },
                { "context": { "purpose": "no resource" } },
                { "resource": { "type": "dataset", "id": "ludao-residents" } },
                { "resource": { "type": "dataset", "id": "gushan-permits" } },
            ],
        });
        let before = app.log_size().await;
        let answer = pep.puts(EVALUATIONS, &request).await.0;
        assert_eq!((answer.status, decisions(&answer)), (200, vec![true, false, false, true]));
        let items = answer.body["evaluations"].as_array().unwrap();
        assert_eq!(items[1]["context"]["error"]["message"], "`evaluations[1].resource` is missing");
        assert_eq!(app.log_size().await, before + 2, "one leaf for each answer about grade 3");
        for logged in [&items[0], &items[2]] {
            let entry = app.proven_entry(logged["context"]["log_entry"].as_str().unwrap()).await;
            assert_eq!(entry.detail()["decision"], logged["decision"]);
        }
        for (semantic, expected) in [
            ("execute_all", vec![true, false, false, true]),
            ("deny_on_first_deny", vec![true, false]),
            ("permit_on_first_permit", vec![true]),
        ] {
            request["options"] = json!({ "evaluations_semantic": semantic });
            assert_eq!(decisions(&pep.puts(EVALUATIONS, &request).await.0), expected, "{semantic}");
        }
    }

    async fn a_request_that_is_none_is_refused_by_what_is_wrong_with_it(app: TestApp) {
        let pep = EnforcementPoint::of(&app).await;
        let good = pep.question("lin.zhixing", "gushan-parks");
        let text = good.to_string();
        let before = app.log_size().await;

        let with_type =
            |content_type: &str| pep.post(EVALUATION).header("content-type", content_type).body(text.clone());
        for wrong in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
            assert_bad(with_type(wrong), "expected content type `application/json`").await;
        }
        assert_bad(pep.post(EVALUATION).body(text.clone()), "expected content type").await;
        let (status, ..) = told(with_type("Application/JSON; charset=utf-8")).await;
        assert_eq!(status, 200, "parameters and capitals of the type mean nothing");

        let twice = text.replacen("\"action\"", "\"action\":{\"name\":\"write\"},\"action\"", 1);
        let nested = format!("{{\"subject\":{}1{}}}", "[".repeat(400), "]".repeat(400));
        for (body, why) in [
            ("", "found an empty body"),
            ("  \n", "found an empty body"),
            ("{not json", "expected JSON"),
            ("[]", "must be an object, found an array"),
            (
                "{\"subject\":\"lin\",\"action\":{\"name\":\"read\"},\"resource\":{}}",
                "`subject` must be an object, found a string",
            ),
            (&text.replace("\"read\"", "1"), "`action.name` must be a string, found a number"),
            (&text.replace("\"read\"", "\"\""), "`action.name` must not be empty"),
            (&text.replace("\"resource\"", "\"ressource\""), "`resource` is missing"),
            (&text.replace("\"official\"", "\"offi\\u0000cial\""), "without control characters"),
            (&twice, "member `action` appears twice"),
            (&nested, "levels of objects and arrays"),
        ] {
            assert_bad(pep.json(EVALUATION, body), why).await;
        }
        let unknown_members = text.replacen('{', "{\"foo\":{\"bar\":[1]},", 1);
        assert_eq!(
            told(pep.json(EVALUATION, &unknown_members)).await.0,
            200,
            "what nobody defined is ignored"
        );

        let large = format!("{{\"padding\":\"{}\"}}", "x".repeat(1 << 20));
        let answer = Answer::to(pep.json(EVALUATION, &large)).await;
        answer.assert_problem(413, "too_large", "larger than this endpoint takes");
        let many = json!({ "evaluations": vec![good.clone(); 1001] });
        assert_bad(pep.json(EVALUATIONS, &many.to_string()), "at most 1000 items, found 1001").await;
        assert_eq!(told(app.http().get(app.url(EVALUATION))).await.0, 405);
        let elsewhere = pep.json("/pdp/nowhere/access/v1/evaluation", &text);
        Answer::to(elsewhere).await.assert_problem(404, "no_such_policy_store", "`nowhere`");
        assert_eq!(app.log_size().await, before);
    }

    async fn only_those_who_may_ask_are_answered_and_every_request_keeps_its_name(app: TestApp) {
        let pep = EnforcementPoint::of(&app).await;
        let text = pep.question("lin.zhixing", "gushan-parks").to_string();
        let with_token = |token: Option<&str>| {
            let request = app.http().post(app.url(EVALUATION)).header("x-request-id", "a-name-of-ours");
            let request = request.header("content-type", "application/json").body(text.clone());
            token.map_or_else(
                || request.try_clone().unwrap(),
                |token| request.try_clone().unwrap().bearer_auth(token),
            )
        };
        let nobody = Answer::to(with_token(None)).await;
        nobody.assert_problem(401, "no_token", "needs an access token");
        assert_eq!(nobody.header("www-authenticate"), "Bearer");
        assert_eq!(nobody.header("x-request-id"), "a-name-of-ours", "refusals too (10.1.4)");
        Answer::to(with_token(Some("e30.e30.e30"))).await.assert_problem(
            401,
            "invalid_token",
            "not one of ours",
        );
        let id_token = app.application("portal").admits(&app.person("li.xiaoman"), "openid").await;
        Answer::to(with_token(Some(id_token.id()))).await.assert_problem(
            401,
            "invalid_token",
            "not one of ours",
        );
        Answer::to(with_token(Some(&id_token.access))).await.assert_problem(
            403,
            "insufficient_scope",
            "`decision:evaluate`",
        );
        let narrow = [("grant_type", "client_credentials"), ("scope", "signal:report")];
        let narrow = app.application("system").asks(&narrow).await.tokens();
        Answer::to(with_token(Some(&narrow.access))).await.assert_problem(
            403,
            "insufficient_scope",
            "`signal:report`",
        );
        let sm2 = app.application("system-sm2").asks(&[("grant_type", "client_credentials")]).await.tokens();
        assert_eq!(
            Answer::to(with_token(Some(&sm2.access))).await.status,
            200,
            "a token signed with SM2 is as good"
        );

        let (status, headers, _) = told(with_token(Some(&pep.token))).await;
        assert_eq!((status, &headers["x-request-id"]), (StatusCode::OK, &"a-name-of-ours".parse().unwrap()));
        assert_eq!(headers["content-type"], "application/json");
        app.advance(oidc::lifetimes::ACCESS_TOKEN_TTL_SECONDS + 6);
        Answer::to(with_token(Some(&pep.token))).await.assert_problem(401, "invalid_token", "has expired");
    }
}

/// A system that asks before it acts, and reports what it sees.
struct EnforcementPoint<'a> {
    app: &'a TestApp,
    token: String,
}

/// A decision, or what came instead.
struct Decided(Answer);

impl<'a> EnforcementPoint<'a> {
    async fn of(app: &'a TestApp) -> Self {
        Self { app, token: app.machine_token().await }
    }

    fn question(&self, official: &str, data_set: &str) -> Value {
        json!({
            "subject": { "type": "official", "id": self.app.person(official).sample.id },
            "action": { "name": "read" },
            "resource": { "type": "dataset", "id": data_set },
        })
    }

    async fn asks(&self, official: &str, data_set: &str) -> Decided {
        self.puts(EVALUATION, &self.question(official, data_set)).await
    }

    async fn puts(&self, path: &str, request: &Value) -> Decided {
        Decided(self.app.posts(&self.token, path, request).await)
    }

    async fn reports(&self, official: &str, kind: &str, severity: &str) -> Answer {
        self.app.reports(&self.token, official, kind, severity).await
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.app.http().post(self.app.url(path)).bearer_auth(&self.token)
    }

    fn json(&self, path: &str, body: &str) -> RequestBuilder {
        self.post(path).header("content-type", "application/json").body(body.to_owned())
    }
}

impl Decided {
    fn permits(&self, reason: Reason, policies: &[&str]) {
        self.is(true, reason, policies);
    }

    fn denies(&self, reason: Reason, policies: &[&str]) {
        self.is(false, reason, policies);
    }

    fn is(&self, decision: bool, (zh, en): Reason, policies: &[&str]) {
        let Answer { status, body, .. } = &self.0;
        assert_eq!((*status, &body["decision"]), (200, &json!(decision)), "{body}");
        assert_eq!((self.reason("reason_user", "zh-CN"), self.reason("reason_user", "en")), (zh, en));
        let mut determining: Vec<_> = body["context"]["policies"].as_array().unwrap().iter().collect();
        determining.sort_by_key(|id| id.as_str());
        assert_eq!(
            determining,
            policies.iter().map(|id| json!(id)).collect::<Vec<_>>().iter().collect::<Vec<_>>()
        );
    }

    fn reason(&self, whose: &str, language: &str) -> &str {
        self.0.body["context"][whose][language].as_str().unwrap_or_else(|| panic!("{:?}", self.0))
    }

    fn log_entry(&self) -> &str {
        self.0.body["context"]["log_entry"].as_str().unwrap_or_else(|| panic!("no leaf: {:?}", self.0))
    }
}

pub(super) fn decisions(answer: &Answer) -> Vec<bool> {
    let all = answer.body["evaluations"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
    all.iter().map(|item| item["decision"].as_bool().unwrap()).collect()
}

/// A bad request's answer is its message (10.1.3).
async fn assert_bad(request: RequestBuilder, why: &str) {
    let (status, headers, message) = told(request).await;
    assert_eq!(status, 400, "{message}");
    assert!(message.contains(why), "expected `{why}`: {message}");
    assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
}

pub(super) async fn told(request: RequestBuilder) -> (StatusCode, HeaderMap, String) {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    (status, headers, response.text().await.unwrap())
}
