//! `yinxin serve`: where it listens, what it prints, and what is there after a stop.

use oidc::lifetimes::REFRESH_GRACE_SECONDS;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, Stream};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use yinxin::Seams;
use yinxin::browser::Browser;
use yinxin::commands::serve::Running;

use crate::kit::app::{TestApp, stories};
use crate::kit::command::yinxin;
use crate::kit::documents::one_page;
use crate::kit::program::Program;

const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";
const MASTER_KEY: &str = "keys/master.key";

#[test]
fn plain_http_is_for_this_machine_only() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let refused = |arguments: &[&str], why: &str| {
        let told = yinxin(["serve", "--data", data.to_str().unwrap()].iter().chain(arguments));
        assert_eq!(told.code, 3, "{told:?}");
        assert!(told.err.contains(why) && told.out.is_empty(), "expected `{why}`: {told:?}");
    };
    for open in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8080", "[2001:db8::1]:8080"] {
        refused(&["--listen", open], "plain HTTP is for loopback only");
        refused(&["--listen", "127.0.0.1:0", "--listen", open], "plain HTTP is for loopback only");
        let with_sample = ["--listen", open, "--tls-certificate", "built-in", "--demo"];
        refused(&with_sample, "the sample province is for trying things on this machine only");
    }
    refused(&["--tls-certificate", "chain.pem"], "`tls_certificate` and `tls_key` go together");
    refused(&["--tls-certificate", "built-in", "--tls-key", "key.pem"], "brings its own key");
    refused(&["--issuer", "http://id.example.org"], "issuer: ");
    refused(&["--config", "no-such-file.toml"], "configuration file `no-such-file.toml`");
    assert!(!data.exists(), "whoever is refused leaves nothing behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_start_gives_a_new_enrolment_link_until_there_is_an_administrator() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let issuer = format!("http://localhost:{port}");
    let listen = format!("127.0.0.1:{port}");
    let start = || Served::start(&folder, &["--listen", &listen]);
    let mut codes = Vec::new();
    for _ in 0..2 {
        let told = start().stop();
        assert!(
            told.contains(&format!("issuer   {issuer}\n"))
                && told.contains(&format!("console  {issuer}/console\n")),
            "{told}"
        );
        codes.push(enrolment_code(&told, &issuer).unwrap_or_else(|| panic!("no link in {told}")));
    }
    assert_ne!(codes[0], codes[1]);
    let mode = |name: &str| {
        fs::metadata(folder.path().join("data").join(name)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode(""), mode("keys"), mode(MASTER_KEY)), (0o700, 0o700, 0o600));

    let served = start();
    let told = served.told();
    let code = enrolment_code(&told, &issuer).unwrap();
    let browser = Browser::new(&issuer).unwrap();
    let page = browser.open("/enrol").await.unwrap();
    let enrols = async |code: &str| {
        let fields = [
            ("code", code),
            ("name", "林管理"),
            ("username", "admin.lin"),
            ("password", "a-seal-and-a-signature-9"),
            ("password_again", "a-seal-and-a-signature-9"),
        ];
        browser.submit(&page, "/enrol", &fields).await.unwrap().status.as_u16()
    };
    for earlier in &codes {
        assert_eq!(enrols(earlier).await, 403, "a new link ends the one before");
    }
    assert_eq!(enrols(&code).await, 303);
    assert_eq!(enrols(&code).await, 403, "it works once");
    served.stop();
    let told = start().stop();
    assert_eq!(enrolment_code(&told, &issuer), None, "{told}");
    assert!(told.contains(&format!("console  {issuer}/console\n")), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_in_the_log_and_nobody_writes_lines_of_their_own() {
    let program = Program::serve_sample_province_with(&["--log", "trace"]);
    let browser = Browser::new(&program.issuer).unwrap();
    let (citizen, portal) = (program.citizen(), program.application("portal"));
    let http = reqwest::Client::new();
    let verifier = base::entropy::token(&base::OsEntropy);
    let challenge = verifier.parse::<oidc::pkce::CodeVerifier>().unwrap().challenge();
    let request = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", &portal.client_id),
            ("redirect_uri", &portal.redirect_uris[0]),
            ("scope", "openid profile offline_access"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ])
        .finish();
    let path = format!("/oauth2/authorize?{request}");
    let wrong = "wrong-horse-battery-9";
    let login = browser.open(&path).await.unwrap();
    browser.submit(&login, "/login", &[("username", &citizen.user_name), ("password", wrong)]).await.unwrap();
    let (url, _) = browser.authorize(&path, &citizen.user_name, Some(&citizen.password)).await.unwrap();
    let code = url.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let asks = async |form: &[(&str, &str)]| -> Value {
        let asked = http
            .post(program.url("/oauth2/token"))
            .basic_auth(&portal.client_id, Some(&portal.client_secret));
        asked.form(form).send().await.unwrap().json().await.unwrap()
    };
    let redemption = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", &portal.redirect_uris[0]),
        ("code_verifier", &verifier),
    ];
    let tokens = asks(&redemption).await;
    let of = |name: &str| tokens[name].as_str().unwrap_or_else(|| panic!("{tokens}")).to_owned();
    let (access, refresh, id) = (of("access_token"), of("refresh_token"), of("id_token"));
    http.get(program.url("/oauth2/userinfo")).bearer_auth(&access).send().await.unwrap();
    asks(&redemption).await; // a replay is told to the operator, without the code
    asks(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await;
    let secret = "a-secret-that-was-guessed";
    let guessed = http.post(program.url("/oauth2/token")).basic_auth(&portal.client_id, Some(secret));
    guessed.form(&redemption).send().await.unwrap();
    http.get(program.url("/oauth2/userinfo")).bearer_auth("not-a-token-of-anybody").send().await.unwrap();
    let lines = "x\n2026-01-01T00:00:00.000000Z  INFO yinxin: forged";
    let mut form = login.hidden_fields("/login").unwrap();
    form.push(("decision".to_owned(), lines.to_owned()));
    browser.post("/consent", &form).await.unwrap();

    let log = fs::read_to_string(program.folder().join("log")).unwrap();
    assert!(log.contains("decision"), "what was refused is there: {log}");
    let sign = |token: &str| token.rsplit('.').next().unwrap().to_owned();
    for (what, secret) in [
        ("password", citizen.password.as_str()),
        ("wrong password", wrong),
        ("client secret", &portal.client_secret),
        ("wrong client secret", secret),
        ("code", &code),
        ("verifier", &verifier),
        ("access token", &sign(&access)),
        ("refresh token", &refresh),
        ("ID token", &sign(&id)),
        ("no token of ours", "not-a-token-of-anybody"),
    ] {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "the {what} is in the log: {line:?}");
    }
    for line in log.lines() {
        assert!(!line.starts_with("2026-01-01T00:00:00"), "{line}");
        assert!(line.starts_with("20") && line.contains("Z "), "each line is ours: {line:?}");
    }
}

#[test]
fn the_built_in_authority_gives_tls_that_its_own_root_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let start = || {
        let issuer = format!("https://localhost:{port}");
        Served::start(&folder, &["--listen", &listen, "--issuer", &issuer, "--tls-certificate", "built-in"])
    };
    let served = start();
    let root = folder.path().join("data/tls-root.pem");
    let trusting = roots(&root);

    let mut tls = Tls::connect(&listen, "localhost", &trusting, &[HTTP2, HTTP1]).unwrap();
    assert_eq!(tls.connection.alpn_protocol(), Some(HTTP2));
    assert_eq!(tls.connection.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    // The client's preface and empty settings (RFC 9113, 3.4); the server answers with its own.
    tls.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    let mut frame = [0; 9];
    tls.stream().read_exact(&mut frame).unwrap();
    assert_eq!((frame[3], &frame[5..]), (4, [0; 4].as_slice()), "settings, on stream 0");

    let mut tls = Tls::connect(&listen, "localhost", &trusting, &[HTTP1]).unwrap();
    let page = tls.get("/login");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("strict-transport-security: max-age=31536000; includeSubDomains\r\n"), "{page}");
    let cookie =
        page.lines().find(|line| line.starts_with("set-cookie: __Host-")).unwrap_or_else(|| panic!("{page}"));
    assert!(
        cookie.contains("Secure") && cookie.contains("HttpOnly") && cookie.contains("Path=/"),
        "{cookie}"
    );
    let certificate = tls.certificate();

    let trusting_nobody = Arc::new(RootCertStore::empty());
    let refused = Tls::connect(&listen, "localhost", &trusting_nobody, &[HTTP1]).unwrap_err();
    assert!(refused.contains("UnknownIssuer"), "{refused}");
    let refused = Tls::connect(&listen, "id.example.org", &trusting, &[HTTP1]).unwrap_err();
    assert!(refused.contains("certificate not valid for name"), "{refused}");
    let mut plain = TcpStream::connect(&listen).unwrap();
    plain.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    plain.read_to_end(&mut answer).ok();
    assert!(!answer.starts_with(b"HTTP/"), "plain HTTP is not answered");

    served.stop();
    let kept = fs::read(&root).unwrap();
    let served = start();
    assert_eq!(fs::read(&root).unwrap(), kept);
    let again = Tls::connect(&listen, "localhost", &trusting, &[HTTP1]).unwrap();
    assert_eq!(again.certificate(), certificate, "a start does not make clients trust anew");
    served.stop();
}

stories! {
    async fn a_stop_and_a_start_keep_everything(app: TestApp) {
        let mut app = app;
        let portal = app.application("portal");
        let (tokens, browser) = {
            let person = app.person("li.xiaoman");
            (portal.admits(&person, "openid profile offline_access").await, person.browser)
        };
        let used_up = portal.refreshes(tokens.refresh()).await.tokens();
        let seal = app.sample.seals[0].id;
        let sealed = app.seals(&app.machine_token().await, seal, one_page("通知")).await.unwrap();
        let published = Published::by(&app).await;
        let size = app.log_size().await;

        app.stop().await;
        assert!(app.http().get(app.url("/livez")).send().await.is_err(), "it has stopped");
        app.start().await;

        assert_eq!(Published::by(&app).await, published, "the same keys under the same names");
        assert_eq!(app.log_size().await, size, "a start is no act");
        let person = app.person("li.xiaoman").at(browser);
        let silently = person.opens(&portal.requests("openid profile").with("prompt", "none").path()).await;
        let location = silently.location.unwrap_or_else(|| panic!("{}", silently.text));
        assert!(location.contains("code="), "the login is still one: {location}");
        assert!(person.opens("/account").await.text.contains("李小满"));
        assert_eq!(portal.user_info(&used_up.access).await.status, 200);
        let refreshed = portal.refreshes(used_up.refresh()).await.tokens();
        app.advance(REFRESH_GRACE_SECONDS);
        portal.refreshes(used_up.refresh()).await.assert_refused(400, "invalid_grant", "");
        assert_eq!(portal.user_info(&refreshed.access).await.status, 401, "used twice, over a start or not");

        assert_eq!(app.verifies(&sealed.file).await["indication"], "TOTAL-PASSED");
        app.proven_entry(&sealed.log_entry).await;
        let again = app.seals(&app.machine_token().await, seal, one_page("又一份通知")).await.unwrap();
        app.proven_entry(&again.log_entry).await;
        assert_eq!(app.log_size().await, size + 1, "the log goes on where it was");
    }

    async fn a_request_under_way_is_answered_before_it_stops(app: TestApp) {
        let mut app = app;
        let address = app.issuer.strip_prefix("http://").unwrap().to_owned();
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        let document = one_page("通知");
        let (first, second) = document.split_at(document.len() / 2);
        let head = format!(
            "POST /v1/verify HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n",
            document.len()
        );
        stream.write_all(&[head.as_bytes(), first].concat()).await.unwrap();
        // Answered on a connection opened later, so the first has been accepted.
        app.fetches("/livez").await;
        let finishes = async {
            while tokio::net::TcpStream::connect(&address).await.is_ok() {
                tokio::task::yield_now().await;
            }
            stream.write_all(second).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let (answer, ()) = tokio::join!(finishes, app.stop());
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("NO_SIGNATURE_FOUND"), "{answer}");
    }

    async fn an_installation_opens_with_its_own_master_key_only(app: TestApp) {
        let mut app = app;
        app.stop().await;
        let file = app.config().data.join(MASTER_KEY);
        let own = fs::read(&file).unwrap();
        let refused = async |why: &str| {
            let refused = Running::start(app.config(), Vec::new(), Seams::default()).await;
            let refused = refused.err().unwrap_or_else(|| panic!("it starts although {why}")).to_string();
            assert!(refused.contains(why), "expected `{why}`: {refused}");
        };
        let of_another = kms::master::encode(&kms::master::generate(&base::OsEntropy));
        fs::write(&file, of_another.expose()).unwrap();
        refused(
            "the master key opens nothing of the installation in the database: it belongs to another one",
        )
        .await;
        assert_eq!(fs::read(&file).unwrap(), of_another.expose().as_bytes(), "the file is left alone");
        fs::write(&file, "no key\n").unwrap();
        refused("expected one line `yinxin-master-key-v1:`").await;
        fs::remove_file(&file).unwrap();
        refused(&format!("its master key `{}` is not there: restore the key file", file.display())).await;
        assert!(!file.exists(), "no new key is made over data that it cannot open");

        fs::write(&file, own).unwrap();
        app.start().await;
        let sealed =
            app.seals(&app.machine_token().await, app.sample.seals[0].id, one_page("通知")).await.unwrap();
        assert_eq!(app.verifies(&sealed.file).await["indication"], "TOTAL-PASSED");
    }
}

/// What must be the same after every start.
#[derive(Debug, PartialEq)]
struct Published {
    discovery: Value,
    keys: [Value; 2],
    log_key: String,
    certificates: [Vec<u8>; 2],
}

impl Published {
    async fn by(app: &TestApp) -> Self {
        let json = async |path: &str| serde_json::from_slice(&app.fetches(path).await).unwrap();
        Self {
            discovery: json("/.well-known/openid-configuration").await,
            keys: [json("/oauth2/jwks").await, json("/oauth2/jwks-sm").await],
            log_key: app.log_key().await.to_string(),
            certificates: [app.fetches("/pki/root.pem").await, app.fetches("/pki/issuing.pem").await],
        }
    }
}

/// The code in the enrolment link, if one was printed.
fn enrolment_code(told: &str, issuer: &str) -> Option<String> {
    let prefix = format!("enrol    {issuer}/enrol#");
    told.lines().find_map(|line| line.strip_prefix(&prefix)).map(str::to_owned)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn roots(file: &Path) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file).unwrap()).unwrap();
    Arc::new(roots)
}

/// The program itself, serving a folder, until stopped or dropped.
struct Served {
    child: Child,
    out: PathBuf,
}

impl Served {
    /// Starts it on the folder's `data`, and returns when it has said all of its greeting.
    fn start(folder: &TempDir, arguments: &[&str]) -> Self {
        let out = folder.path().join("out");
        let mut command = Command::new(env!("CARGO_BIN_EXE_yinxin"));
        command.arg("serve").arg("--data").arg(folder.path().join("data")).args(arguments);
        command.env_clear().current_dir(folder.path()).stdin(Stdio::null());
        command.stdout(File::create(&out).unwrap()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It greets on the standard output, then says in its log where it listens.
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut said = Vec::new();
        let listening =
            log.by_ref().inspect(|line| said.push(line.clone())).any(|line| line.contains("listening on "));
        assert!(listening, "it ended before it served: {said:?}");
        let tested =
            said.iter().position(|line| line.contains("cryptographic module: self-tests passed in "));
        assert_eq!(tested, Some(0), "the first thing it does: {said:?}");
        let paths = gm::cpu::Level::ALL.map(|level| format!("`{}` path", level.name()));
        assert!(paths.iter().any(|path| said[0].contains(path)), "{said:?}");
        std::thread::spawn(move || log.for_each(drop));
        Self { child, out }
    }

    /// What it has printed so far.
    fn told(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    /// Asks it to stop, as a service manager does; what it has printed.
    fn stop(mut self) -> String {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        assert!(self.child.wait().unwrap().success(), "it stops in order");
        self.told()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().and_then(|()| self.child.wait()).ok();
        }
    }
}

/// A TLS connection.
#[derive(Debug)]
struct Tls {
    connection: ClientConnection,
    socket: TcpStream,
}

impl Tls {
    /// Connects and finishes the handshake; or what the client says against it.
    fn connect(
        address: &str,
        name: &'static str,
        roots: &Arc<RootCertStore>,
        protocols: &[&[u8]],
    ) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(Arc::clone(roots)).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let name = ServerName::try_from(name).unwrap();
        let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut socket = TcpStream::connect(address).unwrap();
        while connection.is_handshaking() {
            connection.complete_io(&mut socket).map_err(|error| error.to_string())?;
        }
        Ok(Self { connection, socket })
    }

    fn stream(&mut self) -> Stream<'_, ClientConnection, TcpStream> {
        Stream::new(&mut self.connection, &mut self.socket)
    }

    fn write(&mut self, bytes: &[u8]) {
        self.stream().write_all(bytes).unwrap();
        self.stream().flush().unwrap();
    }

    /// The answer to `GET path`, whole.
    fn get(&mut self, path: &str) -> String {
        self.write(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes());
        let mut answer = Vec::new();
        self.stream().read_to_end(&mut answer).ok();
        String::from_utf8(answer).unwrap()
    }

    /// The server's own certificate.
    fn certificate(&self) -> Vec<u8> {
        self.connection.peer_certificates().unwrap()[0].to_vec()
    }
}
