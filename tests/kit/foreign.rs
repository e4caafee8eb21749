//! Clients that others wrote: installed from their registry, each run by a script of `tests/clients` beside what it needs.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use yinxin::browser::Browser;

use super::program::Program;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");
const ADMINISTRATOR: (&str, &str) = ("admin.lin", "a-seal-and-a-signature-9");

/// A folder with the scripts, a client's packages, and what runs them.
pub(crate) struct Workshop {
    folder: TempDir,
    interpreter: PathBuf,
}

impl Workshop {
    /// With packages of npm's registry, `name@version`; `None`, with a word, when they cannot be had.
    pub(crate) fn of_node(packages: &[&str]) -> Option<Self> {
        let folder = folder();
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]);
        npm.args(["--fetch-retries=1", "--prefix"]).arg(folder.path()).args(packages);
        installed(npm.current_dir(folder.path()), packages)?;
        Some(Self { folder, interpreter: "node".into() })
    }

    /// With packages of PyPI, `name==version`, in an environment of their own; `None`, with a word, when they cannot be had.
    pub(crate) fn of_python(packages: &[&str]) -> Option<Self> {
        let folder = folder();
        let environment = folder.path().join("environment");
        installed(Command::new("python3").args(["-m", "venv"]).arg(&environment), packages)?;
        let interpreter = environment.join("bin/python");
        let mut pip = Command::new(&interpreter);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries=1"]);
        installed(pip.args(packages), packages)?;
        Some(Self { folder, interpreter })
    }

    /// Runs the script to its end; it must hold in `steps` steps.
    pub(crate) fn holds(&self, script: &str, given: &Value, steps: usize) {
        let mut child = Command::new(&self.interpreter)
            .arg(self.folder.path().join(script))
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(told.lines().filter(|line| line.starts_with("held: ")).count(), steps, "{told}");
        assert!(told.ends_with("done\n"), "{told}");
    }

    /// What lies at `path` in it.
    pub(crate) fn file(&self, path: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

/// A new folder with the scripts in it.
fn folder() -> TempDir {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for script in fs::read_dir(SCRIPTS).unwrap().map(|entry| entry.unwrap().path()) {
        if script.is_file() {
            fs::copy(&script, folder.path().join(script.file_name().unwrap())).unwrap();
        }
    }
    folder
}

fn installed(command: &mut Command, packages: &[&str]) -> Option<()> {
    let why = match command.output() {
        Ok(output) if output.status.success() => return Some(()),
        Ok(output) => complaint(&output),
        Err(error) => error.to_string(),
    };
    let tool = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy();
    eprintln!("skipped: {tool} could not install {}: {why}", packages.join(" "));
    None
}

fn complaint(output: &Output) -> String {
    let said = [&output.stderr, &output.stdout].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let first = said.iter().flat_map(|text| text.lines()).find(|line| !line.trim().is_empty());
    first.unwrap_or("no reason").to_owned()
}

impl Program {
    /// What a script is told: the provider, the application `portal`, the citizen, and what opens registration.
    pub(crate) async fn given(&self) -> Value {
        let (citizen, application) = (self.citizen(), self.application("portal"));
        let token = self.administrators_token().await;
        let asked = json!({ "expires_in": 600 });
        let opened = self.posts(&token, "/v1/initial-access-tokens", &asked).await;
        json!({
            "issuer": self.issuer,
            "client_id": application.client_id,
            "client_secret": application.client_secret,
            "redirect_uri": application.redirect_uris[0],
            "post_logout_redirect_uri": application.post_logout_redirect_uris[0],
            "user_name": citizen.user_name,
            "password": citizen.password,
            "initial_access_token": opened["initial_access_token"],
            "administrators_token": token,
        })
    }

    /// What comes of posting `body`, which must be taken.
    pub(crate) async fn posts(&self, token: &str, path: &str, body: &Value) -> Value {
        let answer = http().post(self.url(path)).bearer_auth(token).json(body).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 201, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The first administrator enrols and lets the portal have a token with the scope `admin`.
    pub(crate) async fn administrators_token(&self) -> String {
        let browser = Browser::new(&self.issuer).unwrap();
        let (_, code) = self.enrol_link.split_once('#').expect("the link carries a code");
        let page = browser.open("/enrol").await.unwrap();
        let (user_name, password) = ADMINISTRATOR;
        let fields = [
            ("code", code),
            ("name", "林管理"),
            ("username", user_name),
            ("password", password),
            ("password_again", password),
        ];
        let done = browser.submit(&page, "/enrol", &fields).await.unwrap();
        assert!(done.status.is_redirection(), "{}", done.unexpected("an enrolment"));

        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let portal = self.application("portal");
        let request = [
            ("response_type", "code"),
            ("client_id", &portal.client_id),
            ("redirect_uri", &portal.redirect_uris[0]),
            ("scope", "openid admin"),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ];
        let request = url::Url::parse_with_params(&self.url("/oauth2/authorize"), request).unwrap();
        let (answer, _) = browser.authorize(request.as_str(), user_name, Some(password)).await.unwrap();
        let code = answer.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &portal.redirect_uris[0]),
            ("code_verifier", verifier),
        ];
        let asked = http().post(self.url("/oauth2/token")).form(&form);
        let answer = asked.basic_auth(&portal.client_id, Some(&portal.client_secret)).send().await.unwrap();
        let tokens: Value = answer.error_for_status().unwrap().json().await.unwrap();
        tokens["access_token"].as_str().unwrap().to_owned()
    }
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}
