//! What must hold for every page: words in both languages, nothing unescaped, nothing that the content policy forbids,
//! every control named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::console::Section;
use super::parts::{CheckResult, Verdict};
use super::samples;
use super::texts::{EN, ZH};
use super::{Display, Lang, Message, Pages};

const LANGUAGES: [Lang; 2] = [Lang::Zh, Lang::En];

fn keys(ftl: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut keys = BTreeMap::new();
    for (key, text) in ftl.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(" = ")) {
        let places =
            text.split('{').skip(1).filter_map(|p| p.split_once('}')).map(|(p, _)| p.trim().to_owned());
        assert!(keys.insert(key.to_owned(), places.collect()).is_none(), "{key} twice");
    }
    keys
}

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.to_owned(), root.join("../../web/templates")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs" || e == "html") {
                files.push((path.clone(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files
}

#[test]
fn both_languages_have_the_same_keys_with_the_same_places() {
    assert_eq!(keys(ZH), keys(EN));
    assert!(keys(ZH).len() > 200);
}

#[test]
fn every_key_that_templates_and_handlers_name_exists() {
    let known = keys(ZH);
    let mut seen = 0;
    for (path, text) in sources() {
        for call in ["t(\"", "t1(\"", "t2(\"", "Message::new(\""] {
            for rest in text.split(call).skip(1) {
                let key = rest.split('"').next().unwrap();
                let is_key =
                    key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b));
                // `t("` also ends other calls, such as `insert("`; those of ours follow a dot.
                let ours = call.starts_with('M') || text.contains(&format!("frame.{call}{key}\""));
                if is_key && !key.is_empty() && ours {
                    assert!(known.contains_key(key), "`{key}` in {}", path.display());
                    seen += 1;
                }
            }
        }
    }
    let of_enums = Section::ALL.iter().map(|s| s.key());
    let of_enums =
        of_enums.chain([Verdict::Passed, Verdict::Indeterminate, Verdict::Failed].map(Verdict::key));
    use CheckResult::{Failed, Indeterminate, NotApplicable, Passed, Warning};
    for key in of_enums.chain([Passed, Failed, Warning, NotApplicable, Indeterminate].map(CheckResult::key)) {
        assert!(known.contains_key(key), "`{key}`");
    }
    assert!(seen > 150, "only {seen} keys were found: has the way of naming them changed?");
}

#[test]
fn every_kind_of_log_entry_has_words() {
    let pages = Pages::load(false).unwrap();
    for kind in audit::Kind::ALL {
        let key = format!("kind-{}", kind.as_str());
        assert!(pages.words(Lang::Zh).find(&key).is_some(), "{key}");
    }
}

#[test]
fn no_page_shows_a_key_or_an_unfilled_place() {
    let known = keys(ZH);
    for lang in LANGUAGES {
        for (name, html) in samples::all(Display { lang, elder: false }) {
            for text in html.split('>').filter_map(|t| t.split_once('<')).map(|(t, _)| t.trim()) {
                let raw = text.contains('-') && known.contains_key(text);
                assert!(!raw && !text.contains("{$") && !text.contains("{ $"), "{name}: {text}");
            }
            assert!(html.contains(&format!("<html lang=\"{}\"", lang.tag())), "{name}");
        }
    }
}

#[test]
fn nothing_a_stranger_sends_becomes_markup() {
    for (name, html) in samples::all(Display::default()) {
        assert!(!html.contains("<script>"), "{name}: the samples carry `<script>` in values");
    }
}

#[test]
fn the_content_policy_is_kept_without_exceptions() {
    for (name, mut html) in samples::all(Display::default()) {
        if name == "logged_out" {
            // Applications' own pages in frames: the answer's policy names their origins.
            html = html.replace("<iframe src=\"http", "<iframe");
        }
        for forbidden in
            [" style=", "<style", " onclick", " onload", " onsubmit", "javascript:", "src=\"http"]
        {
            assert!(!html.contains(forbidden), "{name}: {forbidden}");
        }
        for script in html.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"/static/"), "{name}: an inline script");
        }
    }
}

#[test]
fn every_form_that_changes_something_carries_the_csrf_token() {
    for (name, html) in samples::all(Display::default()) {
        for form in html.split("<form").skip(1).filter_map(|f| f.split_once("</form>")).map(|(f, _)| f) {
            let post = form.starts_with(" method=\"post\"");
            assert_eq!(post, form.contains("name=\"csrf\" value=\"csrf-token\""), "{name}: {form}");
        }
    }
}

#[test]
fn every_control_has_a_label_and_every_id_is_used_once() {
    for (name, html) in samples::all(Display { lang: Lang::En, elder: true }) {
        let ids: Vec<_> = html.split(" id=\"").skip(1).filter_map(|t| t.split('"').next()).collect();
        let once: BTreeSet<_> = ids.iter().collect();
        assert_eq!(once.len(), ids.len(), "{name}: {ids:?}");
        for tag in ["<input ", "<select ", "<textarea "] {
            for control in html.split(tag).skip(1).filter_map(|t| t.split('>').next()) {
                let id = control.split("id=\"").nth(1).and_then(|t| t.split('"').next());
                let labelled = id.is_some_and(|id| html.contains(&format!("<label for=\"{id}\"")));
                assert!(labelled || control.contains("type=\"hidden\""), "{name}: {control}");
            }
        }
        for described in html.split("aria-describedby=\"").skip(1).filter_map(|t| t.split('"').next()) {
            for id in described.split(' ') {
                assert!(once.contains(&id), "{name}: {id}");
            }
        }
        assert!(
            html.contains("<html lang=\"en\" class=\"elder\">") && html.matches("<h1").count() == 1,
            "{name}"
        );
        assert!(
            html.contains("class=\"skip\" href=\"#content\"") && html.contains("id=\"content\""),
            "{name}"
        );
    }
}

#[test]
fn passwords_may_be_filled_in_and_pasted_by_a_password_manager() {
    let pages: BTreeMap<_, _> = samples::all(Display::default()).into_iter().collect();
    assert!(
        pages["login"].contains("autocomplete=\"username\"")
            && pages["login"].contains("\"current-password\"")
    );
    assert_eq!(pages["enrol"].matches("autocomplete=\"new-password\"").count(), 2);
    assert!(pages["enrol"].contains("autocomplete=\"one-time-code\""));
    assert!(!pages.values().any(|html| html.contains("onpaste") || html.contains("autocomplete=\"off\"")));
}

#[test]
fn the_style_sheet_stays_small_and_static_files_are_versioned() {
    let pages = Pages::load(false).unwrap();
    let css = pages.assets().iter().find(|a| a.name == "yinxin.css").unwrap();
    assert!(css.bytes.len() < 20_000, "{} bytes", css.bytes.len());
    let home = pages.frame(Display::default(), "/").asset("yinxin.css");
    assert_eq!(home, format!("/static/yinxin.css?v={}", css.etag));
    assert_eq!(css.etag.len(), 16);
}

#[test]
fn switching_the_language_comes_back_to_the_same_page() {
    let pages = Pages::load(false).unwrap();
    let frame = pages.frame(Display::default(), "/login?flow=a&b");
    assert_eq!(frame.switch_lang_href(), "/display?lang=en&back=%2Flogin%3Fflow%3Da%26b");
    assert_eq!(pages.frame(Display::default(), "//evil.example").here, "/");
    assert_eq!(frame.m(&Message::verbatim("<b>")), "<b>", "escaping is the template's work");
    assert_eq!(frame.scope_title("tax:read"), "tax:read");
}
