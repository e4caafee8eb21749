//! Language and elder mode: what the reader chose, or what the request suggests.

/// The cookie that remembers the reader's choice. It holds nothing personal and needs no signature.
pub const DISPLAY_COOKIE: &str = "display";
/// How long the choice is remembered.
pub const DISPLAY_COOKIE_AGE_SECONDS: i64 = 365 * 24 * 3600;
/// The path that changes the choice: `?lang=zh|en`, `?elder=on|off`, and `back`, a local path.
pub const DISPLAY_PATH: &str = "/display";

/// More of a language list than this is not read.
const LANGUAGES_MAX: usize = 16;
/// A longer path is not gone back to.
const BACK_LENGTH_MAX_BYTES: usize = 2048;

/// A language that the pages speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// Simplified Chinese; what is spoken when nothing else was asked for.
    #[default]
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The tag for `lang` attributes and `Content-Language` (RFC 5646).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Zh => Self::En,
            Self::En => Self::Zh,
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }

    /// The language that a tag asks for, if it is one of ours: `zh`, `zh-Hans-CN`, `en-GB`.
    fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        [Self::Zh, Self::En].into_iter().find(|l| primary.eq_ignore_ascii_case(l.code()))
    }
}

/// How pages are shown to this reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Display {
    /// The language.
    pub lang: Lang,
    /// Larger text, stronger contrast, larger targets (工信部《互联网网站适老化通用设计规范》).
    pub elder: bool,
}

impl Display {
    /// What to show: the reader's own choice (the [`DISPLAY_COOKIE`]) first, then the application's `ui_locales` (OpenID
    /// Connect Core, 3.1.2.1), then the browser's `Accept-Language` (RFC 9110, 12.5.4), then Chinese.
    pub fn negotiate(cookie: Option<&str>, ui_locales: Option<&str>, accept_language: Option<&str>) -> Self {
        let chosen = cookie.and_then(Self::from_cookie);
        chosen.unwrap_or_else(|| Self {
            lang: ui_locales
                .and_then(first_spoken)
                .or_else(|| accept_language.and_then(most_wanted))
                .unwrap_or_default(),
            elder: false,
        })
    }

    /// This display with the reader's new choices, as the query of [`DISPLAY_PATH`] carries them; others change nothing.
    pub fn choose(self, lang: Option<&str>, elder: Option<&str>) -> Self {
        Self {
            lang: lang.and_then(Lang::of_tag).unwrap_or(self.lang),
            elder: match elder {
                Some("on") => true,
                Some("off") => false,
                _ => self.elder,
            },
        }
    }

    /// The value of the [`DISPLAY_COOKIE`]: `zh`, `en`, `zh.elder`, `en.elder`.
    pub fn cookie_value(self) -> String {
        let elder = if self.elder { ".elder" } else { "" };
        format!("{}{elder}", self.lang.code())
    }

    fn from_cookie(value: &str) -> Option<Self> {
        let (code, elder) = match value.strip_suffix(".elder") {
            Some(code) => (code, true),
            None => (value, false),
        };
        let lang = [Lang::Zh, Lang::En].into_iter().find(|l| l.code() == code)?;
        Some(Self { lang, elder })
    }
}

/// `back` if it is a path on this server, else `/`: never a way to send a reader elsewhere.
pub fn local_path(back: &str) -> &str {
    let rest = back.strip_prefix('/').unwrap_or("/");
    // `//host` and `/\host` name another host to a browser; control characters are dropped by some before they look.
    let elsewhere = rest.starts_with(['/', '\\']);
    let strange =
        back.len() > BACK_LENGTH_MAX_BYTES || back.chars().any(|c| c.is_control() || c == '\\' || c == ' ');
    if elsewhere || strange || !back.starts_with('/') { "/" } else { back }
}

/// The first of the space-separated tags, in the application's order of preference.
fn first_spoken(ui_locales: &str) -> Option<Lang> {
    ui_locales.split(' ').take(LANGUAGES_MAX).find_map(Lang::of_tag)
}

/// The best weighted of the comma-separated ranges; of equals the first.
fn most_wanted(accept_language: &str) -> Option<Lang> {
    let mut best: Option<(u16, Lang)> = None;
    for range in accept_language.split(',').take(LANGUAGES_MAX) {
        let mut parts = range.split(';');
        let Some(lang) = parts.next().and_then(Lang::of_tag) else { continue };
        let weight = parts.find_map(|p| p.trim().strip_prefix("q=")).map_or(Some(1000), thousandths);
        let better = weight.filter(|w| *w > best.map_or(0, |(b, _)| b));
        best = better.map(|w| (w, lang)).or(best);
    }
    best.map(|(_, lang)| lang)
}

/// A weight of RFC 9110, 12.4.2, in thousandths: `0.8` is 800.
fn thousandths(weight: &str) -> Option<u16> {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    match (whole, fraction) {
        ("0", f) => Some(f),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readers_choice_outweighs_the_application_and_the_browser() {
        let lang = |cookie, ui, accept| Display::negotiate(cookie, ui, accept).lang;
        assert_eq!(lang(Some("en"), Some("zh-CN"), Some("zh")), Lang::En);
        assert_eq!(lang(None, Some("fr en-GB zh"), Some("zh-CN")), Lang::En);
        assert_eq!(lang(None, None, Some("fr, en;q=0.7, zh-CN;q=0.8")), Lang::Zh);
        assert_eq!(lang(None, None, Some("zh;q=0, en;q=0.001")), Lang::En);
        assert_eq!(lang(None, None, Some("en-US,en;q=0.9,zh;q=0.9")), Lang::En);
        for nothing in ["", "fr", "*", "zhx", ";;q=;,,,", "en;q=2", "en;q=0.0001"] {
            assert_eq!(lang(None, None, Some(nothing)), Lang::Zh, "{nothing}");
        }
        assert_eq!(lang(Some("fr"), None, Some("en")), Lang::En, "a cookie that is not ours says nothing");
    }

    #[test]
    fn elder_mode_stays_when_the_language_changes() {
        let elder = Display::default().choose(None, Some("on"));
        let english = elder.choose(Some("en"), None);
        assert_eq!(english, Display { lang: Lang::En, elder: true });
        assert_eq!(Display::negotiate(Some(&english.cookie_value()), None, None), english);
        assert_eq!(english.choose(Some("xx"), Some("maybe")), english);
        assert!(!english.choose(None, Some("off")).elder);
    }

    #[test]
    fn nobody_is_sent_to_another_host() {
        for good in ["/", "/login?flow=abc", "/certificates?identifier=1.2.156#top"] {
            assert_eq!(local_path(good), good);
        }
        for bad in [
            "",
            "login",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "/a\\b",
        ] {
            assert_eq!(local_path(bad), "/", "{bad}");
        }
        assert_eq!(local_path(&format!("/{}", "a".repeat(3000))), "/");
    }
}
