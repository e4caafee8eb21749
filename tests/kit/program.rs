//! The program itself, serving the sample province.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use yinxin::demo::{ACCOUNTS_FILE, Sample, SampleApplication, SamplePerson};

use super::postgres::Database;

/// How much of its log a failed story shows.
const LOG_TAIL_LINES: usize = 40;

/// `yinxin serve --demo` on a folder and a port of its own, until dropped.
pub(crate) struct Program {
    child: Child,
    folder: TempDir,
    /// Dropped after the program has ended.
    _database: Option<Database>,
    /// The link that makes the first administrator.
    pub(crate) enrol_link: String,
    /// Where it is, and what its tokens say: `http://localhost:PORT`, unless a story wants another host.
    pub(crate) issuer: String,
    /// Who and what lives in the sample province, once it serves.
    sample: Option<Sample>,
}

impl Program {
    /// Starts it on SQLite, and returns when it answers.
    pub(crate) fn serve_sample_province() -> Self {
        Self::serve_sample_province_with(&[])
    }

    /// The same with these options more.
    pub(crate) fn serve_sample_province_with(options: &[&str]) -> Self {
        Self::serve(None, options)
    }

    /// The same over `database`.
    pub(crate) fn serve_sample_province_over(database: Option<Database>) -> Self {
        Self::serve(database, &[])
    }

    /// The same as the node of `host`, which leads to this machine, at `port`: to one browser two hosts are two, and two ports are not.
    pub(crate) fn serve_sample_province_as(host: &str, port: u16, options: &[&str]) -> Self {
        Self::serve_at(None, host, port, options)
    }

    fn serve(database: Option<Database>, options: &[&str]) -> Self {
        Self::serve_at(database, "localhost", free_port(), options)
    }

    fn serve_at(database: Option<Database>, host: &str, port: u16, options: &[&str]) -> Self {
        yinxin::tls::provide(); // for the story's own clients: nothing in this process has asked for it
        let folder = tempfile::tempdir().unwrap();
        let issuer = format!("http://{host}:{port}");
        let data = folder.path().join("data");
        let mut command = Command::new(env!("CARGO_BIN_EXE_yinxin"));
        command.args(["serve", "--demo", "--issuer", &issuer, "--listen", &format!("127.0.0.1:{port}")]);
        command.args(options).arg("--data").arg(&data).current_dir(folder.path());
        if let Some(database) = &database {
            command.args(["--database", &database.address()]);
        }
        let log = File::create(folder.path().join("log")).unwrap();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let told = child.stdout.take().unwrap();
        let mut program =
            Self { child, folder, _database: database, issuer, enrol_link: String::new(), sample: None };
        program.wait_until_it_says(BufReader::new(told));
        let sample = fs::read(data.join(ACCOUNTS_FILE)).unwrap();
        program.sample = serde_json::from_slice(&sample).unwrap();
        program
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    pub(crate) fn sample(&self) -> &Sample {
        self.sample.as_ref().expect("it serves")
    }

    /// The citizen Li Xiaoman.
    pub(crate) fn citizen(&self) -> &SamplePerson {
        self.sample().person("li.xiaoman").unwrap()
    }

    /// The application `portal` (ES256), `fund` (SM2), or `system` (no people).
    pub(crate) fn application(&self, name: &str) -> &SampleApplication {
        self.sample().application(name).unwrap()
    }

    /// Its folder, for what a story keeps beside it.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// It prints its addresses once it listens, the sample's last; what it says later is read and forgotten, so that it never waits.
    fn wait_until_it_says(&mut self, told: impl BufRead + Send + 'static) {
        let mut lines = told.lines().map_while(Result::ok);
        let ready = lines.by_ref().any(|line| {
            if let Some(link) = line.strip_prefix("enrol ") {
                link.trim().clone_into(&mut self.enrol_link);
            }
            line.starts_with("sample ")
        });
        assert!(ready, "the program ended before it served: {}", self.log_tail());
        std::thread::spawn(move || lines.for_each(drop));
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        if std::thread::panicking() {
            eprintln!("the program's log ({ended:?}):\n{}", self.log_tail());
        }
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
