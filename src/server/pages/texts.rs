//! The words of a language, and messages that are put into words late.

use std::fmt::Display;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

use super::display::Lang;

/// The Chinese words.
pub(super) const ZH: &str = include_str!("../../../web/locales/zh-CN.ftl");
/// The English words.
pub(super) const EN: &str = include_str!("../../../web/locales/en.ftl");

/// Something to tell a reader: a key of `web/locales` and what fills its places. Language comes in when it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    key: &'static str,
    args: Vec<(&'static str, String)>,
}

impl Message {
    /// The message with this key.
    pub const fn new(key: &'static str) -> Self {
        Self { key, args: Vec::new() }
    }

    /// The same with the place `{ $name }` filled.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.args.push((name, value.to_string()));
        self
    }

    /// Text that is the same in every language: a protocol's error description, a name.
    pub fn verbatim(text: impl Display) -> Self {
        Self::new("verbatim").with("text", text)
    }
}

/// The words of both languages; loaded once, then only read.
pub struct Texts {
    zh: FluentBundle<FluentResource>,
    en: FluentBundle<FluentResource>,
}

/// The embedded words cannot be read: a mistake in `web/locales`.
#[derive(Debug, thiserror::Error)]
#[error("expected readable words for `{lang}`: {reason}")]
pub struct BadTexts {
    lang: &'static str,
    reason: String,
}

impl Texts {
    /// Reads the embedded words.
    pub fn load() -> Result<Self, BadTexts> {
        Ok(Self { zh: bundle(Lang::Zh, ZH)?, en: bundle(Lang::En, EN)? })
    }

    /// The words of one language.
    pub const fn of(&self, lang: Lang) -> Words<'_> {
        match lang {
            Lang::Zh => Words(&self.zh),
            Lang::En => Words(&self.en),
        }
    }
}

/// The words of one language.
#[derive(Clone, Copy)]
pub struct Words<'a>(&'a FluentBundle<FluentResource>);

impl Words<'_> {
    /// The text of `key`; the key itself when there is none, so that a gap is seen and not fatal.
    pub fn get(self, key: &str) -> String {
        self.find(key).unwrap_or_else(|| key.to_owned())
    }

    /// The text of `key` if there is one.
    pub fn find(self, key: &str) -> Option<String> {
        self.format(key, None)
    }

    /// The message in this language.
    pub fn message(self, message: &Message) -> String {
        let args: FluentArgs<'_> = message.args.iter().map(|(n, v)| (*n, v.as_str())).collect();
        self.format(message.key, Some(&args)).unwrap_or_else(|| message.key.to_owned())
    }

    fn format(self, key: &str, args: Option<&FluentArgs<'_>>) -> Option<String> {
        let pattern = self.0.get_message(key)?.value()?;
        let mut errors = Vec::new();
        Some(self.0.format_pattern(pattern, args, &mut errors).into_owned())
    }
}

fn bundle(lang: Lang, source: &str) -> Result<FluentBundle<FluentResource>, BadTexts> {
    let bad = |reason: String| BadTexts { lang: lang.tag(), reason };
    let resource =
        FluentResource::try_new(source.to_owned()).map_err(|(_, errors)| bad(format!("{errors:?}")))?;
    let id: LanguageIdentifier = lang.tag().parse().map_err(|e| bad(format!("{e:?}")))?;
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    // Both languages run left to right: isolation marks would only be in the way of copying.
    bundle.set_use_isolating(false);
    bundle.add_resource(resource).map_err(|errors| bad(format!("{errors:?}")))?;
    Ok(bundle)
}
