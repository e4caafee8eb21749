//! A real browser for what needs scripts: Chromium, through chromedriver.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use thirtyfour::prelude::*;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use url::Url;

use super::jar::Kept;

/// How long chromedriver may take to tell its port, and a frame to answer.
const START_SECONDS: u64 = 20;
const ANSWER_SECONDS: u64 = 10;

/// How often the page is looked at.
const LOOK_MILLISECONDS: u64 = 100;

/// Chromium without a window.
pub(crate) struct Chromium {
    driver: WebDriver,
    /// Ends with its owner.
    _process: Child,
}

impl Chromium {
    /// Starts one; none when there is no chromedriver, or no Chromium behind it.
    pub(crate) async fn start() -> Option<Self> {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.kill_on_drop(true).spawn().ok()?;
        let lines = BufReader::new(process.stdout.take()?).lines();
        let port =
            tokio::time::timeout(Duration::from_secs(START_SECONDS), told_port(lines)).await.ok()??;
        let mut capabilities = DesiredCapabilities::chrome();
        for flag in
            ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"]
        {
            capabilities.add_arg(flag).ok()?;
        }
        // The provider's frame in the relying party's page reads its cookie, which is a third party's there.
        let preferences =
            json!({"profile.cookie_controls_mode": 0, "profile.block_third_party_cookies": false});
        capabilities.add_experimental_option("prefs", preferences).ok()?;
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities).await.ok()?;
        Some(Self { driver, _process: process })
    }

    /// Opens `page` with these cookies of the provider's and no others; the text that comes to stand in `#answer`.
    pub(crate) async fn ask(&self, provider: &Url, cookies: &[Kept], page: &Url) -> Result<String, String> {
        self.carry(provider, cookies).await.map_err(|error| error.to_string())?;
        self.driver.goto(page.as_str()).await.map_err(|error| error.to_string())?;
        for _ in 0..ANSWER_SECONDS.saturating_mul(1000) / LOOK_MILLISECONDS {
            let answer = self.driver.find(By::Id("answer")).await.map_err(|error| error.to_string())?;
            let text = answer.text().await.map_err(|error| error.to_string())?;
            if !text.is_empty() {
                return Ok(text);
            }
            tokio::time::sleep(Duration::from_millis(LOOK_MILLISECONDS)).await;
        }
        Err(format!("expected an answer of the frame within {ANSWER_SECONDS} s"))
    }

    /// Makes the cookies of the provider's host these.
    async fn carry(&self, provider: &Url, cookies: &[Kept]) -> WebDriverResult<()> {
        self.driver.goto(provider.as_str()).await?;
        self.driver.delete_all_cookies().await?;
        for kept in cookies {
            let mut cookie = Cookie::new(kept.name.as_str(), kept.value.as_str());
            cookie.set_path(kept.path.as_str());
            cookie.set_secure(kept.secure);
            cookie.set_http_only(kept.http_only);
            cookie.same_site = match kept.same_site {
                Some(cookie::SameSite::Strict) => Some(SameSite::Strict),
                Some(cookie::SameSite::Lax) => Some(SameSite::Lax),
                Some(cookie::SameSite::None) => Some(SameSite::None),
                None => None,
            };
            self.driver.add_cookie(cookie).await?;
        }
        Ok(())
    }

    /// Ends it.
    pub(crate) async fn quit(self) {
        // The process ends with its owner in any case.
        let _ = self.driver.quit().await;
    }
}

async fn told_port(mut lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>) -> Option<u16> {
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            let port = port.trim_end_matches('.').parse().ok();
            // What it says afterwards must not fill the pipe.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return port;
        }
    }
    None
}
