//! Which languages the pages are wished in.

use crate::params::Params;

/// Most languages that are looked at.
pub const UI_LOCALES_MAX_COUNT: usize = 8;
/// Longest language tag, in characters.
const LANGUAGE_TAG_MAX_CHARS: usize = 35;

/// `ui_locales` is a space-separated list of BCP 47 tags, best first; what is not one is no error (OIDC Core, 3.1.2.1).
pub(super) fn check(params: &Params) -> Vec<String> {
    let tags = params.value("ui_locales").unwrap_or_default().split_ascii_whitespace();
    tags.filter(|tag| looks_like_a_language_tag(tag)).take(UI_LOCALES_MAX_COUNT).map(str::to_owned).collect()
}

fn looks_like_a_language_tag(tag: &str) -> bool {
    tag.len() <= LANGUAGE_TAG_MAX_CHARS
        && tag
            .split('-')
            .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}
