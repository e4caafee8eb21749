//! What the service does for systems, asked over HTTP as systems ask: proofs, verdicts, seals, certificates.

use std::fs;

use audit::proof::Leaf;
use audit::{Entry, InclusionProof, LogKey};
use base::Id;
use base::id::Seal;
use serde_json::{Value, json};
use tempfile::TempDir;
use yinxin::browser::Browser;

use super::actors::{Answer, Returned};
use super::app::TestApp;
use super::command::{Told, yinxin};

const ADMINISTRATOR: &str = "admin.lin";
const PASSWORD: &str = "a-seal-and-a-signature-9";

/// The first administrator.
pub(crate) struct Administrator<'a> {
    app: &'a TestApp,
    browser: Browser,
}

/// A document that was sealed.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) file: Vec<u8>,
    pub(crate) sealing: String,
    pub(crate) log_entry: String,
}

impl TestApp {
    /// The database, as the program opens it.
    pub(crate) fn database_address(&self) -> String {
        let own = || format!("sqlite:{}", self.config().data.join("yinxin.db").display());
        self.config().database.clone().unwrap_or_else(own)
    }

    /// The first administrator enrols with the one-time code.
    pub(crate) async fn administrator_enrols(&self) -> Administrator<'_> {
        let browser = self.browser();
        let page = browser.open("/enrol").await.unwrap();
        let fields = [
            ("code", self.enrolment_code.as_str()),
            ("name", "林管理"),
            ("username", ADMINISTRATOR),
            ("password", PASSWORD),
            ("password_again", PASSWORD),
        ];
        let done = browser.submit(&page, "/enrol", &fields).await.unwrap();
        assert!(done.status.is_redirection(), "{}", done.unexpected("an enrolment"));
        Administrator { app: self, browser }
    }

    /// What `path` holds for everyone.
    pub(crate) async fn fetches(&self, path: &str) -> Vec<u8> {
        let response = self.http().get(self.url(path)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.bytes().await.unwrap().to_vec()
    }

    /// The log's published key.
    pub(crate) async fn log_key(&self) -> LogKey {
        String::from_utf8(self.fetches("/log/key").await).unwrap().trim().parse().unwrap()
    }

    /// How many entries the log has, those that were just written included.
    pub(crate) async fn log_size(&self) -> u64 {
        flows::log::sequence(self.env()).await.unwrap()
    }

    /// The entry `id`, its proof checked with nothing but the published key.
    pub(crate) async fn proven_entry(&self, id: &str) -> Entry {
        let proof = self.fetches(&format!("/v1/log/entries/{id}/proof")).await;
        let proof = InclusionProof::from_json(&proof).unwrap();
        let proven = proof.verify(&self.log_key().await).unwrap();
        let Leaf::Entry(entry) = proof.leaf else { panic!("the proof carries its entry") };
        assert_eq!(entry.id().to_string(), id);
        assert!(proof.index < proven.checkpoint.size());
        *entry
    }

    /// The graded report on `file`.
    pub(crate) async fn verifies(&self, file: &[u8]) -> Value {
        let answer = Answer::to(self.http().post(self.url("/v1/verify")).body(file.to_vec())).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// Has `document` sealed; or why it was not.
    pub(crate) async fn seals(
        &self,
        token: &str,
        seal: Id<Seal>,
        document: Vec<u8>,
    ) -> Result<Sealed, Answer> {
        self.seals_at(token, &format!("/v1/seals/{seal}/documents"), document).await
    }

    /// As [`Self::seals`], by the address of the request.
    pub(crate) async fn seals_at(
        &self,
        token: &str,
        path: &str,
        document: Vec<u8>,
    ) -> Result<Sealed, Answer> {
        let request = self.http().post(self.url(path)).bearer_auth(token).body(document);
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.unwrap().to_vec();
        if status != 201 {
            return Err(Answer { status, headers, body: serde_json::from_slice(&body).unwrap() });
        }
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "application/ofd");
        Ok(Sealed { file: body, sealing: header("yinxin-sealing"), log_entry: header("yinxin-log-entry") })
    }

    /// Asks for what stands at `path`, with `body`.
    pub(crate) async fn posts(&self, token: &str, path: &str, body: &Value) -> Answer {
        Answer::to(self.http().post(self.url(path)).bearer_auth(token).json(body)).await
    }

    /// Reports that something happened to `user_name`.
    pub(crate) async fn reports(&self, token: &str, user_name: &str, kind: &str, severity: &str) -> Answer {
        let subject = self.person(user_name).sample.id;
        let report =
            json!({ "subject": subject, "kind": kind, "severity": severity, "detail": "电话报告，待核实" });
        self.posts(token, "/v1/signals", &report).await
    }

    /// Moves a seal to another state; the status of the answer, and why not.
    pub(crate) async fn moves_seal(&self, token: &str, seal: Id<Seal>, state: &str) -> Result<(), Answer> {
        let request = self.http().post(self.url(&format!("/v1/seals/{seal}/state")));
        let response = request.bearer_auth(token).json(&json!({ "state": state })).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.unwrap();
        if status == 204 {
            return Ok(());
        }
        Err(Answer { status, headers, body: serde_json::from_slice(&body).unwrap() })
    }
}

/// A file with the authority's published certificates beside it, and no server.
pub(crate) struct Offline {
    folder: TempDir,
}

impl Offline {
    pub(crate) async fn with(app: &TestApp, file: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), file).unwrap();
        for name in ["root.pem", "issuing.pem"] {
            fs::write(folder.path().join(name), app.fetches(&format!("/pki/{name}")).await).unwrap();
        }
        Self { folder }
    }

    pub(crate) fn file(&self) -> String {
        self.path("file")
    }

    /// What the command says that is given the two certificates.
    pub(crate) fn verify(&self) -> Told {
        let (root, issuing) = (self.path("root.pem"), self.path("issuing.pem"));
        yinxin(["verify", &self.file(), "--anchor", &root, "--anchor", &issuing])
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}

impl Administrator<'_> {
    /// An access token with `scope` that the administrator lets the portal have.
    pub(crate) async fn token(&self, scope: &str) -> String {
        let portal = self.app.application("portal");
        let request = portal.requests(scope).path();
        let (url, _) = self.browser.authorize(&request, ADMINISTRATOR, Some(PASSWORD)).await.unwrap();
        portal.redeems(&Returned(url).code()).await.tokens().access
    }
}
