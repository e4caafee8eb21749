//! E-certificates (电子证照): issued, looked up, taken away, carried offline.

use audit::Kind;
use document::ofd::Package;
use serde_json::{Value, json};

use crate::kit::actors::Answer;
use crate::kit::app::{TestApp, stories};
use crate::kit::packages::{file_in, repacked};
use crate::kit::services::Offline;

const ISSUER: &str = "chen.ruoshui";
const DAY_SECONDS: i64 = 86_400;
/// Which characters a check character can be, by their values (ISO/IEC 7064, MOD 37,36).
const ALPHABET: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

stories! {
    async fn a_certificate_is_issued_and_its_identifier_is_one(app: TestApp) {
        let before = app.log_size().await;
        let issued = app.issues(&residence(&app)).await;
        assert_eq!(
            (issued.status, app.log_size().await),
            (201, before + 2),
            "the sealing and the certificate: {issued:?}"
        );
        let identifier = issued.text("identifier");
        assert_eq!(issued.header("location"), format!("/v1/certificates/{identifier}"));

        // GB/T 36904: root, type, issuer, serial, version, check character.
        let parts: Vec<_> = identifier.strip_prefix("1.2.156.3005.2.").unwrap().split('.').collect();
        let [type_code, issuer, serial, version, check] = parts[..] else {
            panic!("five parts: {identifier}")
        };
        assert_eq!(
            (type_code, issuer, version),
            (app.sample.certificate_types["residence"].as_str(), "11350102009990039A", "001")
        );
        assert!(
            serial.starts_with("20261124") && serial.len() == 18,
            "the day of issue and ten more: {serial}"
        );
        assert!(fits(&[type_code, issuer, serial, version].concat(), check), "{identifier}");
        let others = ALPHABET
            .chars()
            .filter(|other| fits(&[type_code, issuer, serial, version].concat(), &other.to_string()));
        assert_eq!(others.count(), 1, "one check character fits");

        let entry = app.proven_entry(issued.text("log_entry")).await;
        assert_eq!((entry.kind(), entry.subject()), (Kind::EcertIssued, identifier));
        assert_eq!(entry.actor(), app.person(ISSUER).sample.id.to_string());
        assert_eq!(entry.detail()["file_sm3"], issued.body["sm3"]);
        let holder = app.person("li.xiaoman").sample;
        let written = String::from_utf8_lossy(entry.bytes()).into_owned();
        assert!(
            !written.contains(&holder.name) && !written.contains(holder.id_number.as_ref().unwrap()),
            "{written}"
        );

        let again = app.issues(&residence(&app)).await;
        assert_ne!(again.text("identifier"), identifier, "the same data again is another certificate");
    }

    async fn anyone_looks_up_how_a_certificate_stands_and_learns_no_more(app: TestApp) {
        let issued = app.issues(&residence(&app)).await;
        let identifier = issued.text("identifier");
        let standing = app.standing(identifier).await;
        let expected = json!({
            "identifier": identifier,
            "name": "居住证（示例）",
            "state": "01", "state_zh": "有效", "state_en": "valid",
            "issuing_authority": "鼓山区",
            "issued_date": "2026-11-24", "validate_end": "2027-11-23",
            "holder_masked": "李**",
            "file_sm3": issued.body["sm3"],
            "log_entry": issued.body["log_entry"],
        });
        assert_eq!((standing.status, &standing.body), (200, &expected), "nothing else");
        let (rest, check) = identifier.split_at(identifier.len() - 1);
        let mut taken_for_another_way_of_counting = 0;
        for other in ALPHABET.chars().filter(|other| other.to_string() != check) {
            let answer = app.standing(&format!("{rest}{other}")).await;
            if answer.status == 404 {
                taken_for_another_way_of_counting += 1;
                continue;
            }
            answer.assert_problem(
                400,
                "bad_identifier",
                &format!("expected check character `{check}`, got `{other}`"),
            );
        }
        assert!(taken_for_another_way_of_counting <= 1, "as a program widespread elsewhere counts");
        let never_issued = "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U";
        app.standing(never_issued).await.assert_problem(404, "no_such_certificate", "was issued here");
        app.standing("1.2.3").await.assert_problem(
            400,
            "bad_identifier",
            "expected `1.2.156.3005.2.type.issuer",
        );
        for (language, words) in [("zh-CN", ["居住证（示例）", "李**"]), ("en", ["居住证（示例）", "李**"])]
        {
            let request = app.http().get(app.url(&format!("/certificates?identifier={identifier}")));
            let page =
                request.header("accept-language", language).send().await.unwrap().text().await.unwrap();
            assert!(words.iter().all(|word| page.contains(word)), "{page}");
            assert!(!page.contains("李小满"), "the page tells no more than the answer does");
        }
    }

    async fn its_file_is_good_online_and_offline_and_says_what_it_is(app: TestApp) {
        let issued = app.issues(&residence(&app)).await;
        let identifier = issued.text("identifier");
        let path = format!("/v1/certificates/{identifier}/file");
        Answer::to(app.http().get(app.url(&path))).await.assert_problem(
            401,
            "no_token",
            "needs an access token",
        );
        let another = app.token_of("lin.zhixing", "openid ecert:issue").await;
        let refused = Answer::to(app.http().get(app.url(&path)).bearer_auth(another)).await;
        refused.assert_problem(403, "refused_by_policy", "you must be certificate issuer");
        let file = app.certificate_file(identifier).await;
        assert_eq!(hex::encode(gm::sm3::hash(&file)), issued.text("sm3"));

        let report = app.verifies(&file).await;
        assert_eq!(report["indication"], "TOTAL-PASSED", "{}", report["reason"]);
        assert_eq!(report["certificate"]["state"], "01");
        let proof: audit::InclusionProof = serde_json::from_value(report["log"].clone()).unwrap();
        let proven = proof.verify(&app.log_key().await).unwrap();
        assert_eq!(proven.leaf_hash, app.proven_entry(issued.text("log_entry")).await.leaf_hash());

        let offline = Offline::with(&app, &file).await.verify();
        assert_eq!(
            (offline.code, offline.first_line()),
            (0, "OFD document: PASSED (TOTAL-PASSED)"),
            "{offline:?}"
        );
        let metadata = ecert::read_metadata(&Package::open(&file).unwrap()).unwrap();
        let holder = app.person("li.xiaoman").sample;
        assert_eq!(metadata.certificate_identifier.to_string(), identifier);
        assert_eq!(
            (&metadata.holder_name, Some(&metadata.holder_code)),
            (&holder.name, holder.id_number.as_ref())
        );
        assert_eq!((metadata.holder_type.code(), metadata.area_code.as_str()), ("111", "350102"));
        assert_eq!(metadata.surface["address"], "榕城市鼓山区东街街道军门社区 1 号");
        assert_eq!(metadata.issuing_authority_code, "11350102009990039A");
        assert_eq!(metadata.validate_end.unwrap().to_string(), "2027-11-23");
    }

    async fn changed_metadata_is_found_on_the_file_alone(app: TestApp) {
        let issued = app.issues(&residence(&app)).await;
        let file = app.certificate_file(issued.text("identifier")).await;
        let (attachment, metadata) = file_in(&file, "metadata.json");
        let metadata = String::from_utf8(metadata).unwrap();
        assert!(metadata.contains("李小满"), "{metadata}");
        let of_another_holder = repacked(&file, |name, _| {
            (name == attachment).then(|| metadata.replace("李小满", "王小满").into_bytes())
        });
        let read = ecert::read_metadata(&Package::open(&of_another_holder).unwrap()).unwrap();
        assert_eq!(read.holder_name, "王小满", "a program that reads only the metadata would believe it");
        let report = app.verifies(&of_another_holder).await;
        assert_eq!(
            (&report["indication"], &report["sub_indication"]),
            (&json!("TOTAL-FAILED"), &json!("HASH_FAILURE"))
        );
        assert_eq!(report["signatures"][0]["bad_files"], json!([format!("/{attachment}")]));
        assert_eq!(report.get("log"), None, "the log knows another file");
        assert_eq!(report["certificate"]["file_sm3"], issued.body["sm3"], "and so does the register");
        let offline = Offline::with(&app, &of_another_holder).await.verify();
        assert!(
            offline.code == 1 && offline.out.contains(&format!("! changed file: /{attachment}\n")),
            "{offline:?}"
        );
    }

    async fn its_state_changes_and_who_looks_sees_it(app: TestApp) {
        let issued = app.issues(&residence(&app)).await;
        let identifier = issued.text("identifier").to_owned();
        let file = app.certificate_file(&identifier).await;
        let holder = app.person("li.xiaoman");
        holder.logs_in().await;
        let account = holder.opens("/account").await.text;
        assert!(
            account.contains(&identifier) && account.contains("居住证（示例）") && account.contains(">有效<"),
            "{account}"
        );
        let download = holder
            .browser
            .client()
            .get(app.url(&format!("/account/certificates/{identifier}")))
            .send()
            .await
            .unwrap();
        assert_eq!(
            (download.status().as_u16(), &download.headers()["content-type"]),
            (200, &"application/ofd".parse().unwrap())
        );
        assert_eq!(
            download.bytes().await.unwrap().to_vec(),
            file,
            "the holder's copy is the file that was issued"
        );
        let neighbour = app.person("zhang.jianguo");
        neighbour.logs_in().await;
        assert!(!neighbour.opens("/account").await.text.contains(&identifier));
        assert_eq!(neighbour.opens(&format!("/account/certificates/{identifier}")).await.status, 404);

        let token = app.token_of(ISSUER, "openid ecert:issue").await;
        let size = app.log_size().await;
        let another = app.token_of("lin.zhixing", "openid ecert:issue").await;
        app.moves(&another, &identifier, "02", "").await.assert_problem(
            403,
            "refused_by_policy",
            "certificate issuer",
        );
        app.moves(&token, &identifier, "08", "").await.assert_problem(
            422,
            "bad_state",
            "01 to 07 or 99, got `08`",
        );
        app.moves(&token, &identifier, "01", "").await.assert_problem(
            409,
            "no_such_transition",
            "from valid to valid",
        );
        app.moves(&token, &identifier, "02", &"长".repeat(201)).await.assert_problem(
            422,
            "bad_reason",
            "at most 200 characters",
        );
        let unknown = "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U";
        app.moves(&token, unknown, "02", "").await.assert_problem(
            404,
            "no_such_certificate",
            "was issued here",
        );
        assert_eq!(app.log_size().await, size);

        let suspended = app.moves(&token, &identifier, "02", "地址待核实").await;
        assert_eq!(
            (suspended.status, suspended.text("state_zh"), suspended.text("state_en")),
            (200, "暂扣", "suspended")
        );
        assert_eq!(app.log_size().await, size + 1);
        assert_eq!(app.standing(&identifier).await.text("state"), "02");
        let report = app.verifies(&file).await;
        assert_eq!(
            (&report["indication"], &report["certificate"]["state"]),
            (&json!("TOTAL-PASSED"), &json!("02")),
            "the seal is genuine, the licence is held back"
        );
        assert!(holder.opens("/account").await.text.contains("暂停使用"));
        assert_eq!(app.moves(&token, &identifier, "01", "已核实").await.text("state"), "01");
        assert_eq!(app.moves(&token, &identifier, "07", "处罚").await.text("state_en"), "revoked");
        for (state, name) in [("01", "valid"), ("02", "suspended"), ("04", "cancelled")] {
            let refused = app.moves(&token, &identifier, state, "").await;
            refused.assert_problem(409, "no_such_transition", &format!("from revoked to {name}"));
        }
        assert_eq!(app.log_size().await, size + 3);
    }

    async fn it_lapses_on_the_day_after_its_last_without_anyones_doing(app: TestApp) {
        let issued = app.issues(&residence(&app)).await;
        let identifier = issued.text("identifier");
        let long_term = app.issues(&json!({
            "type_code": app.sample.certificate_types["volunteer"], "holder_name": "张建国", "holder_type": "111",
            "holder_code": "35010219750301902X", "surface": { "hours": "120", "project": "社区助老" },
        })).await;
        let file = app.certificate_file(identifier).await;
        // 16:00 in China on 2026-11-24; the last day is 2027-11-23.
        app.advance(364 * DAY_SECONDS + 8 * 3_600 - 1);
        assert_eq!(app.standing(identifier).await.text("state"), "01", "its last second");
        app.advance(1);
        let lapsed = app.standing(identifier).await;
        assert_eq!(
            (lapsed.text("state"), lapsed.text("state_zh"), lapsed.text("state_en")),
            ("05", "失效", "lapsed")
        );
        let report = app.verifies(&file).await;
        assert_eq!(
            (&report["indication"], &report["certificate"]["state"]),
            (&json!("TOTAL-PASSED"), &json!("05"))
        );
        app.advance(30 * 365 * DAY_SECONDS);
        let standing = app.standing(long_term.text("identifier")).await;
        assert_eq!((standing.text("state"), standing.body.get("validate_end")), ("01", None), "长期");
    }

    async fn what_does_not_fit_the_type_is_refused_by_its_name(app: TestApp) {
        let size = app.log_size().await;
        let token = app.token_of(ISSUER, "openid ecert:issue").await;
        let changed = |member: &str, value: Value| {
            let mut application = residence(&app);
            match member.strip_prefix("surface.") {
                Some(field) if value.is_null() => {
                    application["surface"].as_object_mut().unwrap().remove(field);
                }
                Some(field) => application["surface"][field] = value,
                None => application[member] = value,
            }
            application
        };
        let type_code = app.sample.certificate_types["residence"].replace("001", "777");
        for (member, value, status, code, why) in [
            (
                "surface.address",
                Value::Null,
                422,
                "bad_application",
                "field `address` (居住地址) is required",
            ),
            (
                "surface.address",
                json!("  "),
                422,
                "bad_application",
                "field `address` (居住地址) is required",
            ),
            ("surface.address", json!("长".repeat(61)), 422, "bad_application", "at most 60 characters"),
            (
                "surface.since",
                json!("2026-02-30"),
                422,
                "bad_application",
                "field `since` (居住起始日期): expected a date",
            ),
            (
                "surface.colour",
                json!("红"),
                422,
                "bad_application",
                "field `colour` is not one of this type's fields: address, since, remark",
            ),
            ("surface.since", json!(20260101), 400, "bad_json", "expected a string"),
            ("holder_name", json!(" "), 422, "bad_application", "holder_name: expected 1 to 100 characters"),
            ("holder_code", json!("350102198805209017"), 422, "bad_application", "holder_code: expected"),
            ("holder_type", json!("001"), 422, "bad_application", "holder_code: expected"),
            ("type_code", json!(type_code), 404, "no_such_certificate_type", "there is no certificate type"),
            ("colour", json!("red"), 400, "bad_json", "unknown field `colour`"),
        ] {
            let refused = app.posts(&token, "/v1/certificates", &changed(member, value)).await;
            refused.assert_problem(status, code, why);
            assert!(!refused.text("detail").contains("35010219880520901"), "the number is not repeated");
        }
        assert_eq!(app.log_size().await, size, "nothing refused is kept");
    }

    async fn it_is_issued_by_those_whose_type_it_is(app: TestApp) {
        let application = residence(&app);
        let size = app.log_size().await;
        for (user_name, why) in [
            ("lin.zhixing", "you must be certificate issuer in the unit in charge of this type"),
            ("wang.shouyi", "须为该类证照主管单位或其下级单位的证照签发员"),
            ("li.xiaoman", "is not enough to decide"),
        ] {
            let token = app.token_of(user_name, "openid ecert:issue").await;
            app.posts(&token, "/v1/certificates", &application).await.assert_problem(
                403,
                "refused_by_policy",
                why,
            );
        }
        let narrow = app.token_of(ISSUER, "openid").await;
        app.posts(&narrow, "/v1/certificates", &application).await.assert_problem(
            403,
            "insufficient_scope",
            "`ecert:issue`",
        );
        let stranger =
            app.registers(json!({ "grant_types": ["client_credentials"], "scope": "ecert:issue" })).await;
        let token = stranger.asks(&[("grant_type", "client_credentials")]).await.tokens().access;
        let refused = app.posts(&token, "/v1/certificates", &application).await;
        refused.assert_problem(
            403,
            "refused_by_policy",
            "the application must be granted the issue of this type",
        );
        assert_eq!(app.log_size().await, size + 1, "only the registration");
        let by_a_system = app.posts(&app.machine_token().await, "/v1/certificates", &application).await;
        assert_eq!(by_a_system.status, 201, "{by_a_system:?}");
        let types: Value = serde_json::from_slice(&app.fetches("/v1/certificate-types").await).unwrap();
        assert_eq!(types["types"].as_array().unwrap().len(), 3, "the catalogue is public");
    }
}

impl TestApp {
    async fn issues(&self, application: &Value) -> Answer {
        let token = self.token_of(ISSUER, "openid ecert:issue").await;
        self.posts(&token, "/v1/certificates", application).await
    }

    async fn standing(&self, identifier: &str) -> Answer {
        Answer::to(self.http().get(self.url(&format!("/v1/certificates/{identifier}")))).await
    }

    async fn moves(&self, token: &str, identifier: &str, state: &str, reason: &str) -> Answer {
        let path = format!("/v1/certificates/{identifier}/state");
        self.posts(token, &path, &json!({ "state": state, "reason": reason })).await
    }

    async fn certificate_file(&self, identifier: &str) -> Vec<u8> {
        let token = self.token_of(ISSUER, "openid ecert:issue").await;
        let request = self.http().get(self.url(&format!("/v1/certificates/{identifier}/file")));
        let response = request.bearer_auth(token).send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"application/ofd".parse().unwrap())
        );
        response.bytes().await.unwrap().to_vec()
    }
}

/// Li Xiaoman's application for a residence permit.
fn residence(app: &TestApp) -> Value {
    let holder = app.person("li.xiaoman").sample;
    json!({
        "type_code": app.sample.certificate_types["residence"],
        "holder_name": holder.name,
        "holder_type": "111",
        "holder_code": holder.id_number,
        "surface": { "address": "榕城市鼓山区东街街道军门社区 1 号", "since": "2026-01-01" },
    })
}

/// Whether `check` is the check character of `text`: going through all characters must end at 1 (ISO/IEC 7064, MOD 37,36).
fn fits(text: &str, check: &str) -> bool {
    let value = |c: char| ALPHABET.find(c).unwrap();
    let product = text.chars().fold(36, |product, c| {
        let sum = (product + value(c)) % 36;
        2 * if sum == 0 { 36 } else { sum } % 37
    });
    (product + value(check.parse().unwrap())) % 36 == 1
}
