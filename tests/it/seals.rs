//! Electronic seals: made, used, suspended, and what verification says of what they were put on.

use audit::Kind;
use base::Id;
use base::id::Seal;
use document::ofd::Provider;
use document::ofd::seal_layout::{Protection, StampPlacement};
use kms::CertSigner;
use pki::Certificate;
use reqwest::multipart::{Form, Part};
use seal::TrustAnchors;
use seal::sign::SignRequest;
use serde_json::{Value, json};
use store::rows::{keys, seals};

use crate::kit::app::{Engine, TestApp, stories};
use crate::kit::command::yinxin;
use crate::kit::documents::{one_page, with_another_page};
use crate::kit::packages::{file_in, repacked, with_file};
use crate::kit::services::Offline;

const HOUR_SECONDS: i64 = 3_600;
const PAGE: &str = "Doc_0/Pages/Page_0/Content.xml";
const KEEPER: &str = "chen.ruoshui";

stories! {
    async fn an_administrator_makes_a_seal_and_nobody_else(app: TestApp) {
        let administrator = app.administrator_enrols().await;
        let order = json!({ "unit": app.sample.units["gushan"], "name": "鼓山区民政局（示例）", "es_id": "35010200009001" });
        let before = app.log_size().await;
        let machine = app.machine_token().await;
        app.posts(&machine, "/v1/seals", &order).await.assert_problem(403, "insufficient_scope", "`admin`");
        for (user_name, why) in [
            (KEEPER, "you must be administrator of this unit"),
            (KEEPER, "须为该单位或其上级单位的管理员"),
            ("li.xiaoman", "is not enough to decide"),
        ] {
            let token = app.token_of(user_name, "openid admin").await;
            let refused = app.posts(&token, "/v1/seals", &order).await;
            refused.assert_problem(403, "refused_by_policy", why);
        }
        let token = administrator.token("openid admin").await;
        for (member, bad, why) in [("picture_png", "@@@", "base64"), ("name", "", "name")] {
            let mut order = order.clone();
            order[member] = json!(bad);
            let refused = app.posts(&token, "/v1/seals", &order).await;
            assert_eq!(refused.status, 422, "{member}: {refused:?}");
            assert!(refused.text("detail").contains(why), "{member}: {refused:?}");
        }
        assert_eq!(app.log_size().await, before, "nothing refused is kept");

        let made = app.posts(&token, "/v1/seals", &order).await;
        assert_eq!((made.status, made.text("es_id")), (201, "35010200009001"), "{made:?}");
        assert_eq!(app.log_size().await, before + 3, "its key, its certificate, the seal");
        let seal = app.fetches(&format!("/v1/seals/{}/file", made.text("id"))).await;
        let entry = app.proven_entry(made.text("log_entry")).await;
        assert_eq!((entry.kind(), entry.subject()), (Kind::SealMade, made.text("id")));
        assert_eq!(entry.detail()["seal_sm3"], hex::encode(gm::sm3::hash(&seal)));

        let report = app.verifies(&seal).await;
        assert_eq!(
            (&report["kind"], &report["indication"]),
            (&json!("seal"), &json!("TOTAL-PASSED")),
            "{report}"
        );
        let read = &report["seal"];
        assert_eq!(
            (&read["structure"], &read["es_id"], &read["name"]),
            (&json!("v4"), &order["es_id"], &order["name"])
        );
        let offline = Offline::with(&app, &seal).await;
        assert_eq!(
            (offline.verify().code, offline.verify().first_line()),
            (0, "seal: PASSED (TOTAL-PASSED)")
        );

        let again = app.posts(&token, "/v1/seals", &order).await;
        again.assert_problem(409, "seal_exists", "`35010200009001`");
        let keeper = app.token_of(KEEPER, "openid seal:use").await;
        let id = made.text("id").parse().unwrap();
        let sealed = app.seals(&keeper, id, one_page("关于停水的通知")).await.unwrap();
        assert_eq!(app.verifies(&sealed.file).await["signatures"][0]["seal_name"], order["name"]);
    }

    async fn a_sealed_document_is_good_online_and_offline_and_a_changed_byte_is_named(app: TestApp) {
        let keeper = app.token_of(KEEPER, "openid seal:use").await;
        let document = one_page("关于举办社区开放日的通知");
        let sealed = app.seals(&keeper, of_gushan(&app), document.clone()).await.unwrap();

        let entry = app.proven_entry(&sealed.log_entry).await;
        assert_eq!(
            (entry.kind(), entry.subject()),
            (Kind::DocumentSealed, of_gushan(&app).to_string().as_str())
        );
        assert_eq!(entry.actor(), app.person(KEEPER).sample.id.to_string());
        assert_eq!(entry.detail()["sealing"], sealed.sealing);
        assert_eq!(entry.detail()["original_sm3"], hex::encode(gm::sm3::hash(&document)));
        assert_eq!(entry.detail()["sealed_sm3"], hex::encode(gm::sm3::hash(&sealed.file)));

        let report = app.verifies(&sealed.file).await;
        assert_eq!(report["indication"], "TOTAL-PASSED", "{}", report["reason"]);
        assert_eq!(report["verdicts"]["gbt38540"]["indication"], "TOTAL-PASSED");
        assert_eq!(report["verdicts"]["strict"]["indication"], "TOTAL-PASSED", "{}", report["verdicts"]);
        let signature = &report["signatures"][0];
        assert_eq!(
            (&signature["references_bad"], &signature["uncovered_essential"]),
            (&json!(0), &json!([]))
        );
        let proof: audit::InclusionProof = serde_json::from_value(report["log"].clone()).unwrap();
        let proven = proof.verify(&app.log_key().await).unwrap();
        assert_eq!(proven.leaf_hash, entry.leaf_hash(), "the report carries the proof of this very sealing");

        let offline = Offline::with(&app, &sealed.file).await;
        let told = offline.verify();
        assert_eq!((told.code, told.first_line()), (0, "OFD document: PASSED (TOTAL-PASSED)"), "{told:?}");
        let trusting_nobody = yinxin(["verify", &offline.file()]);
        assert_eq!(trusting_nobody.code, 2, "{trusting_nobody:?}");
        assert_eq!(
            trusting_nobody.first_line(),
            "OFD document: CANNOT BE CONFIRMED (INDETERMINATE / NO_CERTIFICATE_CHAIN_FOUND)"
        );
        assert_eq!(yinxin(["verify", "no-such-file.ofd"]).code, 3);
        if app.engine() == Engine::Sqlite {
            let data = app.config().data.to_str().unwrap();
            let beside_the_server = yinxin(["verify", &offline.file(), "--data", data]);
            assert_eq!(beside_the_server.code, 0, "{beside_the_server:?}");
        }

        let changed = with_another_page(&sealed.file, "关于取消社区开放日的通知");
        let report = app.verifies(&changed).await;
        assert_eq!(
            (&report["indication"], &report["sub_indication"]),
            (&json!("TOTAL-FAILED"), &json!("HASH_FAILURE"))
        );
        assert_eq!(report["signatures"][0]["bad_files"], json!([format!("/{PAGE}")]));
        assert_eq!(report.get("log"), None, "the log knows the file that was sealed, not this one");
        let told = Offline::with(&app, &changed).await.verify();
        assert_eq!((told.code, told.first_line()), (1, "OFD document: FAILED (TOTAL-FAILED / HASH_FAILURE)"));
        assert!(told.out.contains(&format!("! changed file: /{PAGE}\n")), "{told:?}");
    }

    async fn whatever_is_changed_on_a_sealed_document_is_found(app: TestApp) {
        let keeper = app.token_of(KEEPER, "openid seal:use").await;
        let sealed = app.seals(&keeper, of_gushan(&app), one_page("通知")).await.unwrap().file;
        let flipped = |ending: &'static str, at: usize| {
            repacked(&sealed, move |name, data| {
                let mut data = data.to_vec();
                *data.get_mut(at)? ^= 1;
                name.ends_with(ending).then_some(data)
            })
        };
        let (signed_value, value) = file_in(&sealed, "SignedValue.dat");
        let (seal_file, _) = file_in(&sealed, ".esl");
        for (changed, sub_indication, named) in [
            (flipped("Document.xml", 60), "HASH_FAILURE", "/Doc_0/Document.xml"),
            (flipped("OFD.xml", 60), "HASH_FAILURE", "/OFD.xml"),
            (flipped("Signature.xml", 80), "HASH_FAILURE", ""),
            (flipped(".esl", 200), "HASH_FAILURE", seal_file.as_str()),
        ] {
            let report = app.verifies(&changed).await;
            assert_eq!(report["indication"], "TOTAL-FAILED", "{named}: {}", report["reason"]);
            // A flipped letter may also make a file unreadable, which says as much.
            let found =
                [sub_indication, "FORMAT_FAILURE"].contains(&report["sub_indication"].as_str().unwrap());
            assert!(found && report.to_string().contains(named), "{named}: {}", report["reason"]);
        }
        for at in (0..value.len()).step_by(97) {
            let report = app.verifies(&flipped("SignedValue.dat", at)).await;
            assert_ne!(report["indication"], "TOTAL-PASSED", "byte {at} of {signed_value}");
        }
        let with_more = with_file(&sealed, "Doc_0/Pages/Page_1/Content.xml", b"<ofd/>");
        let report = app.verifies(&with_more).await;
        assert!(
            report["signatures"][0]["uncovered"].to_string().contains("Page_1"),
            "{}",
            report["signatures"]
        );
        assert_eq!(
            check(&report, "ofd.coverage")["result"],
            "Warning",
            "nothing names it, but a person should know"
        );
    }

    async fn the_page_shows_the_verdict_first_in_both_languages(app: TestApp) {
        let keeper = app.token_of(KEEPER, "openid seal:use").await;
        let sealed = app.seals(&keeper, of_gushan(&app), one_page("通知")).await.unwrap().file;
        let changed = with_another_page(&sealed, "别的通知");
        for (language, file, words) in [
            ("zh-CN", &sealed, ["鼓山区人民政府（示例）", "TOTAL-PASSED"]),
            ("en", &sealed, ["鼓山区人民政府（示例）", "TOTAL-PASSED"]),
            ("zh-CN", &changed, [PAGE, "TOTAL-FAILED / HASH_FAILURE"]),
            ("en", &changed, [PAGE, "TOTAL-FAILED / HASH_FAILURE"]),
        ] {
            let page = uploaded(&app, language, file).await;
            for word in words {
                assert!(page.contains(word), "{language}: expected `{word}` in {page}");
            }
            let lang = format!("lang=\"{language}\"");
            assert!(page.contains(&lang), "expected {lang} in {page}");
        }
    }

    async fn a_seal_is_used_by_those_it_was_given_to(app: TestApp) {
        let before = app.log_size().await;
        let refused = async |user_name: &str, seal, why: &str| {
            let token = app.token_of(user_name, "openid seal:use").await;
            let refused = app.seals(&token, seal, one_page("通知")).await.unwrap_err();
            refused.assert_problem(403, "refused_by_policy", why);
        };
        refused("lin.zhixing", of_gushan(&app), "you must be seal keeper of the unit whose seal it is").await;
        refused("li.xiaoman", of_gushan(&app), "is not enough to decide").await;
        refused(KEEPER, of_ludao(&app), "须为该印章所属单位的印章管理员").await;
        let machine = app.machine_token().await;
        let of_another = app.seals(&machine, of_ludao(&app), one_page("通知")).await.unwrap_err();
        of_another.assert_problem(
            403,
            "refused_by_policy",
            "the application must be granted the use of this seal",
        );
        let without_scope = app.token_of(KEEPER, "openid").await;
        let refused = app.seals(&without_scope, of_gushan(&app), one_page("通知")).await.unwrap_err();
        refused.assert_problem(403, "insufficient_scope", "`seal:use`");
        let refused =
            app.seals_at(&machine, "/v1/seals/gushan/documents", one_page("通知")).await.unwrap_err();
        refused.assert_problem(400, "bad_identifier", "expected an identifier like `sel_`");
        assert_eq!(app.log_size().await, before, "nothing refused is written down");

        app.reports(&machine, KEEPER, "device_lost", "high").await;
        let distrusted = app.token_of(KEEPER, "openid seal:use").await;
        let refused = app.seals(&distrusted, of_gushan(&app), one_page("通知")).await.unwrap_err();
        refused.assert_problem(403, "refused_by_policy", "Using a seal needs a trust score of at least 60");

        let sealed = app.seals(&machine, of_gushan(&app), one_page("通知")).await.unwrap();
        let entry = app.proven_entry(&sealed.log_entry).await;
        assert_eq!(entry.actor(), app.application("system").client_id, "a system seals under its own name");
    }

    async fn a_suspended_seal_seals_nothing_and_what_it_sealed_before_stays_good(app: TestApp) {
        let administrator = app.administrator_enrols().await;
        let seal = of_gushan(&app);
        let before = app.seals(&app.machine_token().await, seal, one_page("停用前")).await.unwrap().file;
        app.advance(HOUR_SECONDS);
        let token = administrator.token("openid admin").await;
        let keeper = app.token_of(KEEPER, "openid admin").await;
        app.moves_seal(&keeper, seal, "suspended").await.unwrap_err().assert_problem(
            403,
            "refused_by_policy",
            "administrator",
        );
        app.moves_seal(&token, seal, "lost").await.unwrap_err().assert_problem(
            422,
            "bad_state",
            "got `lost`",
        );
        app.moves_seal(&token, seal, "active").await.unwrap_err().assert_problem(
            409,
            "no_such_transition",
            "from `active` to `active`",
        );
        app.moves_seal(&token, seal, "suspended").await.unwrap();

        app.advance(HOUR_SECONDS);
        let size = app.log_size().await;
        let refused = app.seals(&app.machine_token().await, seal, one_page("停用中")).await.unwrap_err();
        refused.assert_problem(403, "refused_by_policy", "The seal is suspended or destroyed");
        assert_eq!(app.log_size().await, size);
        // Whoever gets hold of its key can still sign; verification knows that it was not in use.
        let stolen = sealed_with_a_stolen_key(&app, seal, &one_page("停用中")).await;
        let verdict = async |file: &[u8]| {
            let report = app.verifies(file).await;
            (
                report["indication"].clone(),
                report["sub_indication"].clone(),
                report["verdicts"]["strict"]["sub_indication"].clone(),
            )
        };
        let failed = (json!("TOTAL-FAILED"), json!("SEAL_REVOKED"), json!("SEAL_REVOKED"));
        assert_eq!(verdict(&stolen).await, failed);
        assert_eq!(
            verdict(&before).await,
            (json!("TOTAL-PASSED"), Value::Null, json!("REVOKED_NO_POE")),
            "nothing proves that it is older"
        );
        let status = status_check(&app.verifies(&before).await);
        assert!(status.contains("suspended now"), "{status}");

        app.advance(HOUR_SECONDS);
        let token = administrator.token("openid admin").await;
        app.moves_seal(&token, seal, "active").await.unwrap();
        let after = app.seals(&app.machine_token().await, seal, one_page("恢复后")).await.unwrap().file;
        assert_eq!(verdict(&after).await.0, "TOTAL-PASSED");
        assert_eq!(
            verdict(&stolen).await,
            failed,
            "what it states is a time at which the seal was not in use"
        );

        app.advance(1);
        app.moves_seal(&token, seal, "destroyed").await.unwrap();
        app.advance(1);
        let back = app.moves_seal(&token, seal, "active").await.unwrap_err();
        back.assert_problem(409, "no_such_transition", "from `destroyed` to `active`");
        let refused = app.seals(&app.machine_token().await, seal, one_page("注销后")).await.unwrap_err();
        refused.assert_problem(403, "refused_by_policy", "suspended or destroyed");
        assert_eq!(verdict(&before).await.0, "TOTAL-PASSED");
        let status = status_check(&app.verifies(&before).await);
        assert!(status.contains("revoked now"), "{status}");
    }

    async fn a_seal_stands_where_it_was_asked_for(app: TestApp) {
        let token = app.machine_token().await;
        let path = |place: &str| format!("/v1/seals/{}/documents?{place}", of_gushan(&app));
        let size = app.log_size().await;
        for (place, status, code, why) in [
            ("page=1", 422, "bad_document", "expected a page below 1, got 1"),
            ("x_mm=NaN", 422, "bad_document", "outside the page"),
            ("y_mm=inf", 422, "bad_document", "outside the page"),
            ("x_mm=-42", 422, "bad_document", "outside the page"),
            ("y_mm=297", 422, "bad_document", "outside the page"),
            ("x_mm=left", 400, "bad_query", "`x_mm`"),
            ("page=-1", 400, "bad_query", "`page` (from 0)"),
            ("z_mm=1", 400, "bad_query", "`y_mm`"),
        ] {
            let refused = app.seals_at(&token, &path(place), one_page("通知")).await;
            let refused = refused.err().unwrap_or_else(|| panic!("sealed at {place}"));
            refused.assert_problem(status, code, why);
        }
        assert_eq!(app.log_size().await, size);
        let once =
            app.seals_at(&token, &path("page=0&x_mm=20.5&y_mm=30"), one_page("通知")).await.unwrap().file;
        let (_, signature) = file_in(&once, "Signature.xml");
        let signature = String::from_utf8(signature).unwrap();
        assert!(signature.contains("Boundary=\"20.5 30 42 42\""), "{signature}");

        let twice = app.seals_at(&token, &path("x_mm=120&y_mm=30"), once).await.unwrap().file;
        let report = app.verifies(&twice).await;
        assert_eq!(report["indication"], "TOTAL-PASSED", "{}", report["reason"]);
        let signatures = report["signatures"].as_array().unwrap();
        assert_eq!(signatures.len(), 2, "the first seal is still there");
        assert!(
            signatures.iter().all(|s| s["signature_ok"] == true && s["bad_files"] == json!([])),
            "{report}"
        );
    }
}

fn of_gushan(app: &TestApp) -> Id<Seal> {
    app.sample.seals[0].id
}

fn of_ludao(app: &TestApp) -> Id<Seal> {
    app.sample.seals[1].id
}

/// What the report says of the seal's state.
fn status_check(report: &Value) -> String {
    check(report, "seal.status")["detail"].as_str().unwrap().to_owned()
}

/// The check called `id` of the first signature.
fn check<'a>(report: &'a Value, id: &str) -> &'a Value {
    let checks = report["signatures"][0]["checks"].as_array().unwrap();
    checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no `{id}` in {report}"))
}

/// The verification page that a visitor who reads `language` gets for `file`.
async fn uploaded(app: &TestApp, language: &str, file: &[u8]) -> String {
    let browser = app.browser();
    let empty = browser.open("/verify").await.unwrap();
    let csrf =
        empty.hidden_fields("/verify").unwrap().into_iter().find(|(name, _)| name == "csrf").unwrap().1;
    let part = Part::bytes(file.to_vec()).file_name("notice.ofd");
    let request = browser.client().post(app.url("/verify")).header("accept-language", language);
    let answer = request.multipart(Form::new().text("csrf", csrf).part("file", part)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

/// A seal put on `document` by somebody who took its key, past every flow.
async fn sealed_with_a_stolen_key(app: &TestApp, seal: Id<Seal>, document: &[u8]) -> Vec<u8> {
    let env = app.env();
    let mut conn = env.db.read().await.unwrap();
    let row = seals::lookup(&mut conn, seal).await.unwrap().unwrap();
    let certificate = keys::lookup_certificate(&mut conn, &row.signer_certificate).await.unwrap().unwrap();
    let key = flows::keyring::open_key(&mut conn, env.keys.as_ref(), certificate.key_id).await.unwrap();
    let keyring = env.keyring();
    let trust =
        TrustAnchors { anchors: keyring.anchors(), intermediates: keyring.intermediates(), statuses: None };
    let place = StampPlacement { page: 0, x: 130.0, y: 215.0, width: 42.0, height: 42.0, clip: None };
    let request = SignRequest {
        ofd: document,
        seal: &row.esl,
        stamps: &[place],
        protection: Protection::MoreSignatures,
        provider: &Provider {
            name: "other".to_owned(),
            company: "other".to_owned(),
            version: "1".to_owned(),
        },
        now: app.now(),
    };
    let certificate = Certificate::from_der(&certificate.der).unwrap();
    seal::sign_document(&request, &CertSigner::new(key).unwrap(), &certificate, &trust).unwrap()
}
