//! The tour's steps.

use audit::checkpoint::LogKey;
use audit::proof::InclusionProof;
use base::{Clock, SystemClock, Timestamp};
use document::ofd::write::{Align, BLACK, Builder, Info, Text};
use flows::log_audit::Finding;
use jose::Algorithm;
use pki::Certificate;
use pki::path::Anchors;
use reqwest::Url;
use seal::TrustAnchors;
use seal::report::Indication;
use serde_json::{Value, json};

use super::application::{RelyingApplication, machine_token, tokens};
use super::{Tour, TourError, chapter, check, holds};
use crate::browser::Browser;
use crate::config::Config;
use crate::demo::{SampleApplication, SamplePerson};

const ADMINISTRATOR: (&str, &str) = ("admin.lin", "tour-of-the-house-7");

impl Tour<'_> {
    fn browser(&self) -> Result<Browser, TourError> {
        Ok(Browser::new(&self.issuer)?)
    }

    fn person(&self, user_name: &str) -> Result<&SamplePerson, TourError> {
        let missing = || TourError::DoesNotHold(format!("the sample has no `{user_name}`"));
        self.sample.person(user_name).ok_or_else(missing)
    }

    fn application(&self, name: &str) -> Result<&SampleApplication, TourError> {
        let missing = || TourError::DoesNotHold(format!("the sample has no application `{name}`"));
        self.sample.application(name).ok_or_else(missing)
    }

    pub(super) async fn enrol(&self) -> Result<(), TourError> {
        chapter("1. The first administrator enrols with the one-time link");
        let browser = self.browser()?;
        let page = browser.open("/enrol").await?;
        let (user_name, password) = ADMINISTRATOR;
        let fields = [
            ("code", self.enrolment_code.as_str()),
            ("name", "林管理"),
            ("username", user_name),
            ("password", password),
            ("password_again", password),
        ];
        let done = browser.submit(&page, "/enrol", &fields).await?;
        check(done.status.is_redirection(), &format!("expected to be enrolled, got {}", done.status))?;
        holds("the administrator exists, with an Argon2id password and an entry in the log");
        let page = browser.open("/enrol").await?;
        let again = [("username", "someone.else")]
            .into_iter()
            .chain(fields.into_iter().filter(|(n, _)| *n != "username"));
        let again = browser.submit(&page, "/enrol", &again.collect::<Vec<_>>()).await?;
        check(again.status == 403, &format!("the code must work once, got {}", again.status))?;
        holds("the same link a second time is refused");
        Ok(())
    }

    pub(super) async fn single_sign_on(&self) -> Result<(), TourError> {
        chapter("2. A citizen logs in once, and two applications believe it");
        let browser = self.browser()?;
        let citizen = self.person("li.xiaoman")?;
        let portal = RelyingApplication::new(self.application("portal")?, &self.issuer);
        let request = portal.request("openid profile real_name offline_access")?;
        let (answer, pages) =
            browser.authorize(&request, &citizen.user_name, Some(&citizen.password)).await?;
        holds(format!("{} logged in with a password and consented: {pages} pages", citizen.name));
        let code = portal.code(&answer)?;
        let first = tokens(portal.redeem(&browser, &code).await?)?;
        let id_token = first.id.as_deref().unwrap_or_default();
        let verified = portal.verify_id_token(&browser, id_token, Algorithm::Es256).await?;
        check(verified.text("sub") == Some(&citizen.id.to_string()), "the ID token names the citizen")?;
        holds("the portal verified the ES256 ID token with the published keys");
        let user_info = self.user_info(&browser, &first.access).await?;
        holds(format!(
            "userinfo says: {}, real-name level {}",
            at(&user_info, "/name"),
            at(&user_info, "/real_name_level")
        ));
        self.keep("portal-id-token.jwt", id_token.as_bytes())?;

        let (status, body) = portal.redeem(&browser, &code).await?;
        check(
            (status, at(&body, "/error").as_str()) == (400, Some("invalid_grant")),
            "a code must work once",
        )?;
        let dead =
            browser.client().get(format!("{}/oauth2/userinfo", self.issuer)).bearer_auth(&first.access);
        check(dead.send().await?.status() == 401, "tokens of a replayed code must be dead")?;
        holds("the same code again is refused, and the tokens it gave are dead");

        let fund = RelyingApplication::new(self.application("fund")?, &self.issuer);
        let request = fund.request("openid profile")?;
        let (answer, pages) = browser.authorize(&request, &citizen.user_name, None).await?;
        let second = tokens(fund.redeem(&browser, &fund.code(&answer)?).await?)?;
        let id_token = second.id.as_deref().unwrap_or_default();
        fund.verify_id_token(&browser, id_token, Algorithm::Sm2Sm3).await?;
        holds(format!("the housing fund was entered without a password ({pages} page, for consent)"));
        holds("its ID token is signed with SM2 and SM3, and verifies with the SM2 key set");
        self.keep("fund-id-token-sm2.jwt", id_token.as_bytes())?;

        let refreshed = fund.refresh(&browser, second.refresh.as_deref().unwrap_or_default()).await?;
        let refreshed = tokens(refreshed)?;
        check(
            refreshed.refresh.is_some() && refreshed.refresh != second.refresh,
            "a refresh token must rotate",
        )?;
        holds("the refresh token was exchanged and replaced");
        self.log_out(&browser, &fund, id_token, refreshed.refresh.as_deref().unwrap_or_default()).await
    }

    async fn user_info(&self, browser: &Browser, access: &str) -> Result<Value, TourError> {
        let request = browser.client().get(format!("{}/oauth2/userinfo", self.issuer)).bearer_auth(access);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    async fn log_out(
        &self,
        browser: &Browser,
        application: &RelyingApplication<'_>,
        id_token: &str,
        refresh: &str,
    ) -> Result<(), TourError> {
        let back = application.registration.post_logout_redirect_uris.first().map_or("", String::as_str);
        let mut url = Url::parse(&format!("{}/oauth2/logout", self.issuer))
            .map_err(|e| TourError::DoesNotHold(e.to_string()))?;
        url.query_pairs_mut()
            .append_pair("id_token_hint", id_token)
            .append_pair("post_logout_redirect_uri", back);
        let page = browser.open(url.as_str()).await?;
        check(page.location.as_deref() == Some(back), "logout returns to the registered address")?;
        let (status, _) = application.refresh(browser, refresh).await?;
        check(status == 400, "after logout nothing can be refreshed")?;
        holds("after logout the session is over and every token that came from it");
        Ok(())
    }

    pub(super) async fn decisions(&self) -> Result<(), TourError> {
        chapter("3. An official's access is decided, and each answer says why");
        let browser = self.browser()?;
        let token = machine_token(&browser, &self.issuer, self.application("system")?).await?;
        let lin = self.person("lin.zhixing")?.id.to_string();
        let own = self.decide(&browser, &token, &lin, "gushan-residents").await?;
        told("reads grade 3 data of the own branch", true, &own)?;
        told("other branch", false, &self.decide(&browser, &token, &lin, "ludao-residents").await?)?;
        told("too high a grade", false, &self.decide(&browser, &token, &lin, "gushan-informants").await?)?;
        let report =
            json!({ "subject": lin, "kind": "device_lost", "severity": "high", "detail": "笔记本遗失" });
        let request =
            browser.client().post(format!("{}/v1/signals", self.issuer)).bearer_auth(&token).json(&report);
        let reported: Value = request.send().await?.error_for_status()?.json().await?;
        holds(format!("a lost device is reported; trust falls to {}", at(&reported, "/trust/score")));
        let after = self.decide(&browser, &token, &lin, "gushan-residents").await?;
        told("the same data as before, now", false, &after)?;
        self.keep("decision-before.json", own.to_string().as_bytes())?;
        self.keep("decision-after-signal.json", after.to_string().as_bytes())?;
        self.keep_proof(&browser, at(&after, "/context/log_entry"), "decision-proof.json").await
    }

    async fn decide(
        &self,
        browser: &Browser,
        token: &str,
        official: &str,
        data_set: &str,
    ) -> Result<Value, TourError> {
        let request = json!({
            "subject": { "type": "official", "id": official },
            "action": { "name": "read" },
            "resource": { "type": "dataset", "id": data_set },
        });
        let url = format!("{}/access/v1/evaluation", self.issuer);
        let response = browser.client().post(url).bearer_auth(token).json(&request).send().await?;
        Ok(response.error_for_status()?.json().await?)
    }

    /// An official's access token for the portal with `scope`.
    async fn official_token(
        &self,
        browser: &Browser,
        user_name: &str,
        scope: &str,
    ) -> Result<String, TourError> {
        let official = self.person(user_name)?;
        let portal = RelyingApplication::new(self.application("portal")?, &self.issuer);
        let request = portal.request(scope)?;
        let (answer, _) = browser.authorize(&request, &official.user_name, Some(&official.password)).await?;
        Ok(tokens(portal.redeem(browser, &portal.code(&answer)?).await?)?.access)
    }

    pub(super) async fn seal(&self) -> Result<(), TourError> {
        chapter("4. A document is sealed and checked");
        let browser = self.browser()?;
        let token = self.official_token(&browser, "chen.ruoshui", "openid seal:use").await?;
        let seal = self.sample.seals.first().ok_or_else(|| TourError::DoesNotHold("no seal".to_owned()))?;
        let document = notice(SystemClock.now())?;
        self.keep("notice.ofd", &document)?;
        let url = format!("{}/v1/seals/{}/documents", self.issuer, seal.id);
        let request = browser.client().post(&url).bearer_auth(&token).body(document.clone());
        let response = request.send().await?.error_for_status()?;
        let entry =
            response.headers().get("yinxin-log-entry").and_then(|v| v.to_str().ok()).map(str::to_owned);
        let sealed = response.bytes().await?.to_vec();
        holds(format!("陈若水 sealed the notice with “{}” (GB/T 38540, SM2)", seal.name));
        self.keep("notice-sealed.ofd", &sealed)?;

        let report = self.verify(&browser, sealed.clone()).await?;
        check(
            at(&report, "/indication") == "TOTAL-PASSED",
            &format!("the sealed file verifies: {}", at(&report, "/indication")),
        )?;
        holds(format!("verified: {}", at(&report, "/indication")));
        check(at(&report, "/log/index").is_u64(), "the report carries the log's proof")?;
        let changed = change_a_page(&sealed)?;
        let report = self.verify(&browser, changed.clone()).await?;
        let bad = at(&report, "/signatures/0/bad_files").to_string();
        check(
            at(&report, "/indication") == "TOTAL-FAILED" && bad.contains("Content.xml"),
            &format!("a changed byte: {bad}"),
        )?;
        holds(format!("one changed character is found, and the file is named: {bad}"));
        self.keep("notice-changed.ofd", &changed)?;
        self.keep("report-changed.json", report.to_string().as_bytes())?;

        let lin = self.browser()?;
        let token = self.official_token(&lin, "lin.zhixing", "openid seal:use").await?;
        let refused = lin.client().post(&url).bearer_auth(&token).body(document).send().await?;
        check(refused.status() == 403, "an official who does not keep the seal is refused")?;
        holds("林知行, who does not keep this seal, is refused by policy");
        self.keep_proof(&browser, &json!(entry), "sealing-proof.json").await
    }

    async fn verify(&self, browser: &Browser, file: Vec<u8>) -> Result<Value, TourError> {
        let request = browser.client().post(format!("{}/v1/verify", self.issuer)).body(file);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    pub(super) async fn certificate(&self) -> Result<(), TourError> {
        chapter("5. An e-certificate is issued and checked, online and offline");
        let browser = self.browser()?;
        let token = self.official_token(&browser, "chen.ruoshui", "openid ecert:issue").await?;
        let citizen = self.person("li.xiaoman")?;
        let type_code = self.sample.certificate_types.get("residence");
        let application = json!({
            "type_code": type_code,
            "holder_name": citizen.name,
            "holder_type": "111",
            "holder_code": citizen.id_number,
            "surface": { "address": "榕城市鼓山区东街街道军门社区 1 号", "since": "2026-01-01" },
        });
        let url = format!("{}/v1/certificates", self.issuer);
        let request = browser.client().post(&url).bearer_auth(&token).json(&application);
        let issued: Value = request.send().await?.error_for_status()?.json().await?;
        let identifier = at(&issued, "/identifier").as_str().unwrap_or_default().to_owned();
        holds(format!("issued: {identifier}"));
        let standing: Value = browser
            .client()
            .get(format!("{url}/{identifier}"))
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        check(at(&standing, "/state") == "01", "the certificate is valid online")?;
        holds(format!("online by identifier: {} ({})", at(&standing, "/state_en"), at(&standing, "/name")));
        let request = browser.client().get(format!("{url}/{identifier}/file")).bearer_auth(&token);
        let file = request.send().await?.error_for_status()?.bytes().await?.to_vec();
        self.keep("certificate.ofd", &file)?;
        self.verify_offline(&browser, &file, &identifier).await?;
        self.keep_proof(&browser, at(&issued, "/log_entry"), "certificate-proof.json").await
    }

    /// With nothing but the file, the root certificate and the issuing one under it.
    async fn verify_offline(
        &self,
        browser: &Browser,
        file: &[u8],
        identifier: &str,
    ) -> Result<(), TourError> {
        let pem = |path: &str| browser.client().get(format!("{}{path}", self.issuer)).send();
        let (root, issuing) =
            (pem("/pki/root.pem").await?.text().await?, pem("/pki/issuing.pem").await?.text().await?);
        self.keep("root.pem", root.as_bytes())?;
        self.keep("issuing.pem", issuing.as_bytes())?;
        let read =
            |text: &str| Certificate::from_pem(text).map_err(|e| TourError::DoesNotHold(format!("PEM: {e}")));
        let trust = TrustAnchors {
            anchors: Anchors::from_iter([read(&root)?]),
            intermediates: vec![read(&issuing)?],
            statuses: None,
        };
        let report = seal::verify_file(file, &trust, SystemClock.now());
        check(report.indication == Indication::TotalPassed, &format!("offline: {}", report.reason))?;
        let package =
            document::ofd::Package::open(file).map_err(|e| TourError::DoesNotHold(e.to_string()))?;
        let metadata = ecert::read_metadata(&package);
        let named = metadata.map(|m| m.certificate_identifier.to_string());
        check(named.as_deref() == Some(identifier), "the file carries its identifier")?;
        holds("offline, with file and the authority's two certificates: TOTAL-PASSED, identifier inside");
        Ok(())
    }

    pub(super) async fn proofs(&self) -> Result<(), TourError> {
        chapter("6. Every act is provable in the log");
        let browser = self.browser()?;
        let key = browser.client().get(format!("{}/log/key", self.issuer)).send().await?.text().await?;
        self.keep("log-key.txt", key.as_bytes())?;
        let key: LogKey = key.trim().parse().map_err(|e| TourError::DoesNotHold(format!("log key: {e}")))?;
        self.keep_key_proofs(&browser).await?;
        for name in [
            "token-key-proof.json",
            "token-key-sm2-proof.json",
            "decision-proof.json",
            "sealing-proof.json",
            "certificate-proof.json",
        ] {
            let bytes = std::fs::read(self.folder.join(name))?;
            let proof =
                InclusionProof::from_json(&bytes).map_err(|e| TourError::DoesNotHold(e.to_string()))?;
            let proven = proof.verify(&key).map_err(|e| TourError::DoesNotHold(format!("{name}: {e}")))?;
            holds(format!(
                "{name}: entry {} of {}, offline with the log's key",
                proof.index,
                proven.checkpoint.size()
            ));
        }
        Ok(())
    }

    /// The keys that signed the tokens are in the log as well.
    async fn keep_key_proofs(&self, browser: &Browser) -> Result<(), TourError> {
        for (set, name) in [("jwks", "token-key-proof.json"), ("jwks-sm", "token-key-sm2-proof.json")] {
            let keys = browser.client().get(format!("{}/oauth2/{set}", self.issuer)).send().await?;
            let keys: Value = keys.error_for_status()?.json().await?;
            let kid = at(&keys, "/keys/0/kid").as_str().unwrap_or_default();
            let url = format!("{}/v1/log/proof?token_key={kid}", self.issuer);
            let proof = browser.client().get(url).send().await?.error_for_status()?.bytes().await?;
            self.keep(name, &proof)?;
        }
        Ok(())
    }

    async fn keep_proof(&self, browser: &Browser, entry: &Value, name: &str) -> Result<(), TourError> {
        let entry =
            entry.as_str().ok_or_else(|| TourError::DoesNotHold(format!("no log entry for {name}")))?;
        let url = format!("{}/v1/log/entries/{entry}/proof", self.issuer);
        let proof = browser.client().get(url).send().await?.error_for_status()?.bytes().await?;
        self.keep(name, &proof)
    }
}

fn told(what: &str, expected: bool, decision: &Value) -> Result<(), TourError> {
    let why = at(decision, "/context/reason_user/en").as_str().unwrap_or_default();
    check(at(decision, "/decision") == expected, &format!("{what}: expected {expected}, got {decision}"))?;
    check(!why.is_empty(), &format!("{what}: the answer says why"))?;
    holds(format!("{what}: {} — {why}", if expected { "permitted" } else { "denied" }));
    Ok(())
}

/// The value at the JSON pointer (RFC 6901); null when there is none.
fn at<'v>(value: &'v Value, pointer: &str) -> &'v Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

/// A one-page notice.
fn notice(now: Timestamp) -> Result<Vec<u8>, TourError> {
    let mut builder = Builder::new(Info {
        doc_id: base::entropy::bytes(&base::OsEntropy),
        title: "通知".to_owned(),
        author: "鼓山区人民政府（示例）".to_owned(),
        created: now,
        creator: ("Yinxin".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        custom_data: Vec::new(),
    });
    let (title, body) = (builder.font("黑体", false), builder.font("宋体", false));
    let page = builder.page(210.0, 297.0);
    let mut line = |content: &str, y: f64, size: f64, font, align| {
        let text = Text { content, x: 25.0, y, width: 160.0, font, size, spacing: 0.0, colour: BLACK, align };
        builder.text(page, &text);
    };
    line("关于举办社区开放日的通知（示例）", 40.0, 7.0, title, Align::Centre);
    line("各社区居民：", 65.0, 5.0, body, Align::Left);
    line("兹定于本周六上午九时在军门社区举办开放日，欢迎参加。", 77.0, 5.0, body, Align::Left);
    line("鼓山区人民政府（示例）", 235.0, 5.0, body, Align::Right);
    line(&now.date_in_china(), 245.0, 5.0, body, Align::Right);
    builder.build().map_err(|e| TourError::DoesNotHold(format!("the notice: {e}")))
}

/// The package with one character of its page changed, packed anew.
fn change_a_page(ofd: &[u8]) -> Result<Vec<u8>, TourError> {
    use document::zip::{Archive, DosTime, Limits, Writer};
    let fail = |e: document::zip::ZipError| TourError::DoesNotHold(format!("repacking: {e}"));
    let archive = Archive::open(ofd, &Limits::default()).map_err(fail)?;
    let mut writer = Writer::new(DosTime::EARLIEST);
    for entry in archive.entries() {
        let data = match entry.name.ends_with("Content.xml") {
            true => String::from_utf8_lossy(&entry.data).replace("周六", "周日").into_bytes(),
            false => entry.data.to_vec(),
        };
        writer.add(&entry.name, &data);
    }
    writer.finish().map_err(fail)
}

/// The whole log checked without the server, after it has stopped.
pub(super) async fn audit_whole_log(config: &Config) -> Result<(), TourError> {
    chapter("7. The server has stopped; the whole log is checked offline");
    let own = format!("sqlite:{}", config.data.join("yinxin.db").display());
    let db =
        store::Db::open(config.database.as_deref().unwrap_or(&own)).await.map_err(crate::StartError::from)?;
    let mut conn = db.read().await.map_err(crate::StartError::from)?;
    let key = crate::commands::audit::own_key(&mut conn).await?;
    let finding =
        flows::log_audit::check(&mut conn, key, None, |_, _| {}).await.map_err(crate::StartError::from)?;
    match finding {
        Finding::Whole { verified, waiting } => {
            check(verified.uncovered == 0 && waiting == 0, "every entry is under a checkpoint")?;
            holds(format!("{} entries, {} checkpoints: whole", verified.entries, verified.checkpoints));
            Ok(())
        }
        Finding::WaitingChanged { entry } => {
            Err(TourError::DoesNotHold(format!("the log: {entry} was changed")))
        }
        Finding::Diverges(divergence) => Err(TourError::DoesNotHold(format!("the log: {divergence}"))),
    }
}
