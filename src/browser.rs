//! A browser without scripts, for the tour and the story tests: cookies, forms, one redirect at a time.

use reqwest::header::{self, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, RequestBuilder, StatusCode, Url};

/// What went wrong on the way.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// The server could not be reached, or broke off.
    #[error("HTTP: {0}")]
    Http(#[from] reqwest::Error),
    /// The page is not what was expected.
    #[error("{0}")]
    Unexpected(String),
}

/// A page or a redirect.
#[derive(Debug)]
pub struct Page {
    /// Its status.
    pub status: StatusCode,
    /// Where it redirects to.
    pub location: Option<String>,
    /// The address it came from.
    pub url: Url,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its text.
    pub text: String,
}

/// A browser with its own cookies.
pub struct Browser {
    client: Client,
    base: Url,
}

impl Browser {
    /// A browser for the server at `base`.
    pub fn new(base: &str) -> Result<Self, BrowserError> {
        Self::over(Client::builder().cookie_store(true), base)
    }

    /// A browser for the server at `base` over the client of `builder`, which brings the cookie jar.
    pub fn over(builder: ClientBuilder, base: &str) -> Result<Self, BrowserError> {
        crate::tls::provide();
        let client = builder.redirect(Policy::none()).build()?;
        let base = Url::parse(base).map_err(|e| BrowserError::Unexpected(format!("`{base}`: {e}")))?;
        Ok(Self { client, base })
    }

    /// The HTTP client, for APIs.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The address of `path` on the server; a whole address stays as it is.
    pub fn url(&self, path: &str) -> Result<Url, BrowserError> {
        self.base.join(path).map_err(|e| BrowserError::Unexpected(format!("`{path}`: {e}")))
    }

    /// Opens `path`.
    pub async fn open(&self, path: &str) -> Result<Page, BrowserError> {
        self.send(self.client.get(self.url(path)?)).await
    }

    /// Sends the only form of `page` whose action is `action`, with `fields` filled in.
    pub async fn submit(
        &self,
        page: &Page,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Result<Page, BrowserError> {
        let mut form = page.hidden_fields(action)?;
        form.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.post(action, &form).await
    }

    /// Posts `form` to `path`, whatever page it is from.
    pub async fn post(&self, path: &str, form: &[(String, String)]) -> Result<Page, BrowserError> {
        self.send(self.client.post(self.url(path)?).form(form)).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Page, BrowserError> {
        let response = request.header(header::ACCEPT, "text/html").send().await?;
        let location =
            response.headers().get(header::LOCATION).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let (status, url, headers) = (response.status(), response.url().clone(), response.headers().clone());
        Ok(Page { status, location, url, headers, text: response.text().await? })
    }

    /// Follows an authorization request to its answer: logs in where the login page comes, consents where consent is asked.
    ///
    /// Returns the address of the answer at the application and how many pages the person saw.
    pub async fn authorize(
        &self,
        request: &str,
        user_name: &str,
        password: Option<&str>,
    ) -> Result<(Url, u32), BrowserError> {
        let mut page = self.open(request).await?;
        let mut pages = 0;
        for _ in 0..8 {
            if let Some(location) = page.location.clone() {
                let next = page
                    .url
                    .join(&location)
                    .map_err(|e| BrowserError::Unexpected(format!("{location}: {e}")))?;
                if next.origin() != self.base.origin() {
                    return Ok((next, pages));
                }
                page = self.open(next.as_str()).await?;
                continue;
            }
            pages += 1;
            page = if page.text.contains("action=\"/login\"") {
                let password = password.ok_or_else(|| page.unexpected("no login page"))?;
                self.submit(&page, "/login", &[("username", user_name), ("password", password)]).await?
            } else {
                self.submit(&page, "/consent", &[("decision", "allow")]).await?
            };
        }
        Err(page.unexpected("an answer after a few pages"))
    }
}

impl Page {
    /// What the only form of this page whose action is `action` carries unseen.
    pub fn hidden_fields(&self, action: &str) -> Result<Vec<(String, String)>, BrowserError> {
        hidden_fields(&self.text, action).ok_or_else(|| self.unexpected(&format!("a form to `{action}`")))
    }

    /// The error that something else was expected here.
    pub fn unexpected(&self, expected: &str) -> BrowserError {
        let text: String = self.text.chars().take(2000).collect();
        BrowserError::Unexpected(format!(
            "expected {expected}, got {} from {}: {text}",
            self.status, self.url
        ))
    }
}

/// The hidden fields of the form to `action`, or `None` when there is no such form.
fn hidden_fields(html: &str, action: &str) -> Option<Vec<(String, String)>> {
    let form = html.split("<form").skip(1).find(|form| form.contains(&format!("action=\"{action}\"")))?;
    let form = form.split("</form>").next().unwrap_or_default();
    let inputs =
        form.split("<input").skip(1).filter(|input| attribute(input, "type").as_deref() == Some("hidden"));
    Some(inputs.filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?))).collect())
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let value = rest.split('"').next()?;
    Some(
        value
            .replace("&#34;", "\"")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&#60;", "<")
            .replace("&lt;", "<")
            .replace("&#62;", ">")
            .replace("&gt;", ">")
            .replace("&#38;", "&")
            .replace("&amp;", "&"),
    )
}
