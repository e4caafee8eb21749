//! Chromium, driven as a person with a keyboard would.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use thirtyfour::prelude::*;
use thirtyfour::{BrowserLogEntry, LoggingPrefsLogLevel};
use tokio::sync::{Mutex, MutexGuard};

/// Where pictures of the pages are left to be looked at.
const SCREENSHOTS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../screenshots");
/// More than any page has places to stop at.
const TAB_STOPS_MAX_COUNT: usize = 60;
/// The longest that a page may take, on a machine with more to do.
const PAGE_LOAD_MAX: Duration = Duration::from_secs(30);
/// The name of what has the focus, as a screen reader would say it, and whether one sees that it has it.
const FOCUSED: &str = "
    const e = document.activeElement, style = getComputedStyle(e);
    const name = e.getAttribute('aria-label') || (e.labels && e.labels[0] && e.labels[0].textContent) || e.textContent;
    return [name.trim(), style.outlineStyle !== 'none' || style.boxShadow !== 'none'];";

/// A browser with nothing in it, until [`Browser::close`].
pub(crate) struct Browser {
    driver: WebDriver,
    process: Process,
    _profile: TempDir,
    _alone: MutexGuard<'static, ()>,
}

/// One browser at a time: two would slow each other down, and the sample's applications have one address each.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Ends with its owner, also when a story fails.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).ok();
    }
}

impl Browser {
    /// Opens one that prefers `language`; `None`, with a word, when there is no chromedriver.
    pub(crate) async fn open(language: &str) -> Option<Self> {
        yinxin::tls::provide(); // for the driver's own client
        let alone = ALONE.lock().await;
        let (process, port) = start_chromedriver()?;
        let profile = tempfile::tempdir().unwrap();
        let mut chromium = DesiredCapabilities::chrome();
        let folder = format!("--user-data-dir={}", profile.path().display());
        let accepted = format!("--accept-lang={language}");
        let flags = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--window-size=1200,900",
            &folder,
            &accepted,
        ];
        flags.into_iter().try_for_each(|flag| chromium.add_arg(flag)).unwrap();
        chromium.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), chromium).await.unwrap();
        Some(Self { driver, process, _profile: profile, _alone: alone })
    }

    pub(crate) async fn go(&self, url: &str) {
        self.driver.goto(url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    pub(crate) async fn address(&self) -> String {
        self.driver.current_url().await.unwrap().into()
    }

    /// All the words of the page.
    pub(crate) async fn words(&self) -> String {
        self.driver.find(By::Tag("body")).await.unwrap().text().await.unwrap()
    }

    /// Presses keys, wherever the focus is.
    pub(crate) async fn press(&self, keys: impl Into<thirtyfour::TypingData>) {
        self.driver.action_chain().send_keys(keys).perform().await.unwrap();
    }

    /// Presses Enter and waits until the page that it leads to is there: what is asked next is asked of that page.
    pub(crate) async fn enter(&self) {
        self.ask::<Value>("window.isBefore = true; return null;").await;
        self.press(Key::Enter).await;
        let loaded = async { while !self.shows_another_page().await {} };
        tokio::time::timeout(PAGE_LOAD_MAX, loaded).await.expect("Enter leads to another page");
    }

    /// Waits until the browser has come, by itself, to an address that begins with `prefix`, and the page there has been read.
    pub(crate) async fn reaches(&self, prefix: &str) {
        let reached =
            async { while !self.address().await.starts_with(prefix) || !self.shows_another_page().await {} };
        tokio::time::timeout(PAGE_LOAD_MAX, reached).await.unwrap_or_else(|_| panic!("never at {prefix}"));
    }

    /// Whether a page other than the one that [`Self::enter`] marked has been read to its end. Between two pages the browser
    /// answers no question; then it does not.
    async fn shows_another_page(&self) -> bool {
        let script = "return !window.isBefore && document.readyState === 'complete';";
        let answer = self.driver.execute(script, Vec::<Value>::new()).await;
        answer.is_ok_and(|answer| answer.convert::<bool>().unwrap_or(false))
    }

    /// Presses Tab until the focus is on what is called `name`; every stop on the way must be seen to have the focus.
    pub(crate) async fn tab_to(&self, name: &str) {
        let mut passed = Vec::new();
        for _ in 0..TAB_STOPS_MAX_COUNT {
            self.press(Key::Tab).await;
            let (focused, visible) = self.ask::<(String, bool)>(FOCUSED).await;
            assert!(visible, "one cannot see that `{focused}` has the focus");
            if focused == name {
                return;
            }
            passed.push(focused);
        }
        panic!("no `{name}` among {passed:?}");
    }

    /// Chooses a file in the page's only file field. (The system's file dialogue is not the page's.)
    pub(crate) async fn choose_file(&self, file: &Path) {
        let field = self.driver.find(By::Css("input[type=file]")).await.unwrap();
        field.send_keys(file.to_str().unwrap()).await.unwrap();
    }

    /// Whether the page has what the CSS selector describes.
    pub(crate) async fn has(&self, selector: &str) -> bool {
        !self.driver.find_all(By::Css(selector)).await.unwrap().is_empty()
    }

    /// Where the links lead that lie within what the CSS selector describes.
    pub(crate) async fn links_in(&self, selector: &str) -> Vec<String> {
        self.ask(&format!("return [...document.querySelectorAll('{selector} a')].map(a => a.href);")).await
    }

    pub(crate) async fn resize(&self, width_px: u32, height_px: u32) {
        self.driver.set_window_rect(0, 0, width_px, height_px).await.unwrap();
    }

    /// Nothing sticks out to the side (WCAG 2.2, 1.4.10).
    pub(crate) async fn assert_fits(&self) {
        let script = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth];";
        let (content, window) = self.ask::<(u64, u64)>(script).await;
        assert!(content <= window, "{}: {content} px of content in {window} px", self.address().await);
    }

    /// Leaves a picture of the page in `target/screenshots`.
    pub(crate) async fn screenshot(&self, name: &str) {
        std::fs::create_dir_all(SCREENSHOTS).unwrap();
        self.driver.screenshot(&Path::new(SCREENSHOTS).join(format!("{name}.png"))).await.unwrap();
    }

    /// Waits until the page has these words.
    pub(crate) async fn wait_for(&self, words: &str) {
        let there = async {
            loop {
                // Between two pages there is none to look at.
                let script = "return document.body ? document.body.innerText : '';";
                let shown = self.driver.execute(script, Vec::<Value>::new()).await;
                let shown = shown.ok().and_then(|shown| shown.convert::<String>().ok()).unwrap_or_default();
                assert!(!shown.contains("failed: "), "{shown}");
                if shown.contains(words) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(PAGE_LOAD_MAX, there).await.is_err() {
            panic!("expected `{words}` at {}, found: {}", self.address().await, self.words().await);
        }
    }

    /// Presses the button that the CSS selector describes, in a page that is nobody's to judge.
    pub(crate) async fn click(&self, selector: &str) {
        self.driver.find(By::Css(selector)).await.unwrap().click().await.unwrap();
    }

    /// The console has no complaint: no error, no violated content policy. Then the browser is closed.
    pub(crate) async fn close(self) {
        self.close_after(&[]).await;
    }

    /// The same, but for complaints that have one of these texts in them.
    pub(crate) async fn close_after(self, expected: &[&str]) {
        let mut complaints: Vec<BrowserLogEntry> = self.driver.browser_log().await.unwrap();
        complaints.retain(|entry| ["SEVERE", "WARNING"].contains(&entry.level.as_str()));
        complaints.retain(|entry| !expected.iter().any(|text| entry.message.contains(text)));
        self.driver.quit().await.unwrap();
        drop(self.process);
        assert!(complaints.is_empty(), "the console says: {complaints:#?}");
    }

    async fn ask<T: serde::de::DeserializeOwned>(&self, script: &str) -> T {
        let no_arguments: Vec<Value> = Vec::new();
        self.driver.execute(script, no_arguments).await.unwrap().convert().unwrap()
    }
}

/// Starts chromedriver on a port that it chooses and tells.
#[expect(
    clippy::disallowed_methods,
    reason = "a run is told by the environment whether it may do without a browser"
)]
fn start_chromedriver() -> Option<(Process, u16)> {
    let mut command = Command::new("chromedriver");
    let started =
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = started else {
        let required = std::env::var("YINXIN_TEST_BROWSER").is_ok_and(|value| value == "required");
        assert!(!required, "no chromedriver: {started:?}");
        eprintln!("skipped: no chromedriver");
        return None;
    };
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let process = Process(child);
    let port = lines.find_map(|line| told_port(&line));
    std::thread::spawn(move || lines.for_each(drop));
    Some((process, port.expect("chromedriver tells its port")))
}

/// `ChromeDriver was started successfully on port 39229.`
fn told_port(line: &str) -> Option<u16> {
    let (_, port) = line.split_once("successfully on port ")?;
    port.trim_end_matches('.').parse().ok()
}
