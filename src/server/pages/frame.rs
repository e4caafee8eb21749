//! What every page shares: header, language switch, account, static files.

use std::fmt;
use std::sync::Arc;

use super::assets::{self, Asset};
use super::display::{DISPLAY_PATH, Display, Lang, local_path};
use super::parts::Verdict;
use super::texts::{BadTexts, Message, Texts, Words};

/// The pages' words and files, loaded once and shared.
#[derive(Clone)]
pub struct Pages(Arc<Shared>);

struct Shared {
    texts: Texts,
    assets: Vec<Asset>,
    sample_data: bool,
}

/// The embedded pages cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct PagesError(#[from] BadTexts);

impl Pages {
    /// Loads words and files. `sample_data` puts a ribbon on every page that says that nothing here is real.
    pub fn load(sample_data: bool) -> Result<Self, PagesError> {
        Ok(Self(Arc::new(Shared { texts: Texts::load()?, assets: assets::load(), sample_data })))
    }

    /// The words of `lang`.
    pub fn words(&self, lang: Lang) -> Words<'_> {
        self.0.texts.of(lang)
    }

    /// Every static file, for the route `/static/<name>`.
    pub fn assets(&self) -> &[Asset] {
        &self.0.assets
    }

    /// The address of a static file, with the version that lets it be cached.
    pub fn asset_path(&self, name: &str) -> String {
        let etag = self.assets().iter().find(|a| a.name == name).map_or("", |a| a.etag.as_str());
        format!("/static/{name}?v={etag}")
    }

    /// The frame of a page shown at `here` (path and query, to come back to after the language was switched).
    pub fn frame(&self, display: Display, here: &str) -> Frame {
        let here = local_path(here).to_owned();
        Frame { pages: self.clone(), display, here, account: None, sample_data: self.0.sample_data }
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").finish_non_exhaustive()
    }
}

/// What every page shares. Made by [`Pages::frame`].
#[derive(Debug, Clone)]
pub struct Frame {
    pages: Pages,
    /// Language and elder mode.
    pub display: Display,
    /// Path and query to come back to after switching the language; must be a page that can be fetched again.
    pub here: String,
    /// The name of whoever is logged in.
    pub account: Option<String>,
    /// Whether the ribbon "sample data" is shown.
    pub sample_data: bool,
}

impl Frame {
    /// The same frame for a reader who is logged in as `name`.
    #[must_use]
    pub fn known_as(self, name: impl Into<String>) -> Self {
        Self { account: Some(name.into()), ..self }
    }

    /// The text of `key`.
    pub fn t(&self, key: &str) -> String {
        self.words().get(key)
    }

    /// The text of `key` with its one place filled.
    pub fn t1(&self, key: &'static str, name: &'static str, value: impl fmt::Display) -> String {
        self.m(&Message::new(key).with(name, value))
    }

    /// The text of `key` with its two places filled.
    pub fn t2(
        &self,
        key: &'static str,
        name: &'static str,
        value: impl fmt::Display,
        name2: &'static str,
        value2: impl fmt::Display,
    ) -> String {
        self.m(&Message::new(key).with(name, value).with(name2, value2))
    }

    /// The message in the reader's language.
    pub fn m(&self, message: &Message) -> String {
        self.words().message(message)
    }

    /// What a scope is called in plain words; its own name when it is not one of ours.
    pub fn scope_title(&self, scope: &str) -> String {
        self.words().find(&format!("scope-{scope}")).unwrap_or_else(|| scope.to_owned())
    }

    /// The text of `key`, or `other` when there is none: a member or a method that has no words of ours.
    pub fn word_or(&self, key: &str, other: &str) -> String {
        self.words().find(key).unwrap_or_else(|| other.to_owned())
    }

    /// What an application learns or may do through a scope.
    pub fn scope_text(&self, scope: &str) -> String {
        self.words().find(&format!("scope-{scope}-text")).unwrap_or_else(|| self.t("scope-other-text"))
    }

    /// Whichever of the two is in the reader's language.
    pub const fn either<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        match self.display.lang {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }

    /// The one word of a verdict.
    pub fn verdict(&self, verdict: impl std::borrow::Borrow<Verdict>) -> String {
        self.t(verdict.borrow().key())
    }

    /// The present language's tag.
    pub fn lang_tag(&self) -> &'static str {
        self.display.lang.tag()
    }

    /// The other language's tag.
    pub fn other_lang_tag(&self) -> &'static str {
        self.display.lang.other().tag()
    }

    /// The link that switches the language.
    pub fn switch_lang_href(&self) -> String {
        self.display_href("lang", self.other_lang_tag())
    }

    /// The link that turns elder mode on or off.
    pub fn switch_elder_href(&self) -> String {
        self.display_href("elder", if self.display.elder { "off" } else { "on" })
    }

    /// The address of a static file, with the version that lets it be cached.
    pub fn asset(&self, name: &str) -> String {
        self.pages.asset_path(name)
    }

    fn display_href(&self, name: &str, value: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair(name, value).append_pair("back", &self.here);
        format!("{DISPLAY_PATH}?{}", query.finish())
    }

    fn words(&self) -> Words<'_> {
        self.pages.words(self.display.lang)
    }
}
