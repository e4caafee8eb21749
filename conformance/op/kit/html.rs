//! Enough of HTML to fill in a form: forms and their fields, links, frames, refreshes.
//!
//! A reader of what providers really send, not of all of the HTML standard: it knows tags, quoted attributes, entities and the raw
//! text of scripts, and never fails; what it does not understand it skips.

/// What a page offers.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// Forms, in order.
    pub(crate) forms: Vec<Form>,
    /// Targets of links with their text.
    pub(crate) links: Vec<(String, String)>,
    /// Sources of frames.
    pub(crate) frames: Vec<String>,
    /// Where `<meta http-equiv="refresh">` leads.
    pub(crate) refresh: Option<String>,
    /// The text of scripts.
    pub(crate) scripts: String,
    /// The words a person reads.
    pub(crate) text: String,
}

/// A form.
#[derive(Debug, Default)]
pub(crate) struct Form {
    id: Option<String>,
    /// Where it is sent; empty means the page itself.
    pub(crate) action: String,
    /// Whether it is sent by POST.
    pub(crate) post: bool,
    /// The encoding it asks for.
    pub(crate) enctype: Option<String>,
    /// Its controls, in order.
    pub(crate) fields: Vec<Field>,
}

/// A control of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) value: String,
}

/// How a control takes part in the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sent as it stands.
    Hidden,
    /// A text a person may change.
    Text,
    /// A password.
    Password,
    /// Sent only when pressed.
    Button,
    /// A box or radio button that is not ticked.
    Unticked,
}

impl Form {
    /// The pairs that are sent when `press` is pressed and the texts of `fill` are typed in.
    pub(crate) fn submission(&self, press: Option<&Field>, fill: &[(&str, &str)]) -> super::Params {
        let typed = |field: &Field| fill.iter().find(|(name, _)| *name == field.name).map(|(_, text)| *text);
        let sent = self.fields.iter().filter_map(|field| match field.kind {
            Kind::Button => press.filter(|p| *p == field).map(|p| (p.name.as_str(), p.value.as_str())),
            Kind::Unticked => None,
            Kind::Hidden | Kind::Text | Kind::Password => {
                Some((field.name.as_str(), typed(field).unwrap_or(&field.value)))
            }
        });
        sent.filter(|(name, _)| !name.is_empty()).collect()
    }

    /// The first control for which `wanted` holds.
    pub(crate) fn find(&self, wanted: impl Fn(&Field) -> bool) -> Option<&Field> {
        self.fields.iter().find(|field| wanted(field))
    }

    /// The button that Enter presses: the first one.
    pub(crate) fn default_button(&self) -> Option<&Field> {
        self.find(|field| field.kind == Kind::Button)
    }
}

/// Reads a page.
pub(crate) fn read(html: &str) -> Document {
    let mut reader = Reader::default();
    let mut rest = html;
    while let Some((text, after)) = rest.split_once('<') {
        reader.text(text);
        rest = reader.markup(after);
    }
    reader.text(rest);
    reader.finish()
}

#[derive(Default)]
struct Reader {
    document: Document,
    /// The form whose tag is open.
    open_form: Option<usize>,
    /// Controls that name their form by its id.
    elsewhere: Vec<(String, Field)>,
    /// The link whose text is being read.
    open_link: bool,
    /// The select whose options are being read, and whether one was taken.
    open_select: Option<(String, bool)>,
}

impl Reader {
    fn text(&mut self, text: &str) {
        let text = decode(text);
        self.document.text.push_str(&text);
        if self.open_link
            && let Some((_, label)) = self.document.links.last_mut()
        {
            label.push_str(&text);
        }
    }

    /// Reads what follows a `<`; what is left behind it.
    fn markup<'a>(&mut self, after: &'a str) -> &'a str {
        if let Some(comment) = after.strip_prefix("!--") {
            return comment.split_once("-->").map_or("", |(_, rest)| rest);
        }
        if let Some(end) = after.strip_prefix('/') {
            let (name, rest) = end.split_once('>').unwrap_or((end, ""));
            self.close(&name.trim().to_ascii_lowercase());
            return rest;
        }
        if !after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!') {
            self.text("<");
            return after;
        }
        let (tag, rest) = tag(after);
        self.open(&tag);
        match tag.name.as_str() {
            name @ ("script" | "style" | "textarea" | "title") => self.raw(name, &tag, rest),
            _ => rest,
        }
    }

    /// The raw text of an element whose content is not markup.
    fn raw<'a>(&mut self, name: &str, tag: &Tag, rest: &'a str) -> &'a str {
        let end = format!("</{name}");
        let at = rest.to_ascii_lowercase().find(&end).unwrap_or(rest.len());
        let (content, rest) = rest.split_at_checked(at).unwrap_or((rest, ""));
        match name {
            "script" => self.document.scripts.push_str(content),
            "textarea" => self.control(tag, Kind::Text, &decode(content)),
            _ => {}
        }
        rest.split_once('>').map_or("", |(_, rest)| rest)
    }

    fn open(&mut self, tag: &Tag) {
        match tag.name.as_str() {
            "form" => {
                self.document.forms.push(Form {
                    id: tag.get("id").map(str::to_owned),
                    action: tag.get("action").unwrap_or_default().to_owned(),
                    post: tag.get("method").is_some_and(|m| m.eq_ignore_ascii_case("post")),
                    enctype: tag.get("enctype").map(str::to_owned),
                    fields: Vec::new(),
                });
                self.open_form = self.document.forms.len().checked_sub(1);
            }
            "input" => self.input(tag),
            "button" if !tag.get("type").is_some_and(|t| t == "button" || t == "reset") => {
                self.control(tag, Kind::Button, tag.get("value").unwrap_or_default());
            }
            "select" => self.open_select = Some((tag.get("name").unwrap_or_default().to_owned(), false)),
            "option" => self.option(tag),
            "a" => {
                self.document.links.push((tag.get("href").unwrap_or_default().to_owned(), String::new()));
                self.open_link = true;
            }
            "iframe" | "frame" => self.document.frames.extend(tag.get("src").map(str::to_owned)),
            "meta" if tag.get("http-equiv").is_some_and(|e| e.eq_ignore_ascii_case("refresh")) => {
                self.document.refresh = tag.get("content").and_then(refresh_target);
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "form" => self.open_form = None,
            "a" => self.open_link = false,
            "select" => self.open_select = None,
            _ => {}
        }
    }

    fn input(&mut self, tag: &Tag) {
        let value = tag.get("value").unwrap_or_default();
        let ticked = tag.get("checked").is_some();
        let (kind, value) = match tag.get("type").unwrap_or("text").to_ascii_lowercase().as_str() {
            "hidden" => (Kind::Hidden, value),
            "password" => (Kind::Password, value),
            "submit" | "image" => (Kind::Button, value),
            "button" | "reset" | "file" => return,
            "checkbox" | "radio" if ticked => (Kind::Hidden, if value.is_empty() { "on" } else { value }),
            "checkbox" | "radio" => (Kind::Unticked, value),
            _ => (Kind::Text, value),
        };
        self.control(tag, kind, value);
    }

    /// The first option is sent unless a later one is marked as selected.
    fn option(&mut self, tag: &Tag) {
        let Some((name, taken)) = self.open_select.clone() else { return };
        let value = tag.get("value").unwrap_or_default().to_owned();
        let selected = tag.get("selected").is_some();
        let Some(form) = self.open_form.and_then(|at| self.document.forms.get_mut(at)) else { return };
        match form.fields.iter_mut().find(|field| taken && field.name == name) {
            Some(field) if selected => field.value = value,
            Some(_) => {}
            None => form.fields.push(Field { kind: Kind::Hidden, name: name.clone(), value }),
        }
        self.open_select = Some((name, true));
    }

    fn control(&mut self, tag: &Tag, kind: Kind, value: &str) {
        let name = tag.get("name").unwrap_or_default().to_owned();
        let field = Field { kind, name, value: value.to_owned() };
        if let Some(id) = tag.get("form") {
            self.elsewhere.push((id.to_owned(), field));
        } else if let Some(form) = self.open_form.and_then(|at| self.document.forms.get_mut(at)) {
            form.fields.push(field);
        }
    }

    fn finish(mut self) -> Document {
        for (id, field) in self.elsewhere {
            if let Some(form) = self.document.forms.iter_mut().find(|f| f.id.as_ref() == Some(&id)) {
                form.fields.push(field);
            }
        }
        self.document
    }
}

struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a tag from its name to its `>`.
fn tag(text: &str) -> (Tag, &str) {
    let (name, mut rest) = split_at(text, |c| c.is_ascii_whitespace() || c == '>' || c == '/');
    let mut tag = Tag { name: name.to_ascii_lowercase(), attributes: Vec::new() };
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return (tag, rest);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (tag, after);
        }
        let (name, after) = split_at(rest, |c| c.is_ascii_whitespace() || c == '>' || c == '=');
        let (value, after) = match after.trim_start().strip_prefix('=') {
            Some(after) => attribute_value(after.trim_start()),
            None => ("", after),
        };
        if name.is_empty() && value.is_empty() && after.len() == rest.len() {
            return (tag, "");
        }
        tag.attributes.push((name.to_ascii_lowercase(), decode(value)));
        rest = after;
    }
}

fn attribute_value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote) {
            return inner.split_once(quote).unwrap_or((inner, ""));
        }
    }
    split_at(text, |c| c.is_ascii_whitespace() || c == '>')
}

fn split_at(text: &str, stop: impl Fn(char) -> bool) -> (&str, &str) {
    let at = text.find(stop).unwrap_or(text.len());
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// The address in the `content` of a refresh: `0; url=https://…`.
fn refresh_target(content: &str) -> Option<String> {
    let (_, target) = content.split_once(';')?;
    let target = target.trim();
    let url = target.get(..4).filter(|p| p.eq_ignore_ascii_case("url=")).and_then(|_| target.get(4..))?;
    Some(url.trim_matches(|c| c == '"' || c == '\'').to_owned())
}

/// Replaces character references.
fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        match after.split_once(';').and_then(|(name, after)| Some((reference(name)?, after))) {
            Some((character, after)) => {
                out.push(character);
                rest = after;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_form_is_filled_in() {
        let page = read(concat!(
            "<!DOCTYPE html><script>var a = '<form>';</script><form method=post action='/login?a=1&amp;b=2'>",
            "<!-- <input name=no> --><input type=hidden name=csrf value=\"x&#x3d;&quot;y\">",
            "<input name=user><input type=password name=password /><input type=checkbox name=stay>",
            "<select name=lang><option value=zh><option value=en selected></select>",
            "<button type=submit name=go value=in>Log in</button><button name=other value=1>Other</button></form>"
        ));
        let form = page.forms.first().unwrap();
        assert_eq!((page.forms.len(), form.action.as_str(), form.post), (1, "/login?a=1&b=2", true));
        let sent = form.submission(form.default_button(), &[("user", "alice"), ("password", "pw")]);
        let sent: Vec<_> = sent.iter().collect();
        let expected =
            [("csrf", "x=\"y"), ("user", "alice"), ("password", "pw"), ("lang", "en"), ("go", "in")];
        assert_eq!(sent, expected);
    }

    #[test]
    fn a_button_may_stand_outside_its_form() {
        let page = read("<form id=f action=/x></form><button form=f name=logout value=yes>Yes</button>");
        let form = page.forms.first().unwrap();
        assert_eq!(form.submission(form.default_button(), &[]).get("logout"), Some("yes"));
    }

    #[test]
    fn links_frames_and_refreshes_are_found() {
        let page = read(concat!(
            "<a href=\"/abort\">[ <b>Cancel</b> ]</a><iframe src=https://rp.example/out?a=1&amp;b=2></iframe>",
            "<meta http-equiv=Refresh content=\"0; URL='https://rp.example/'\"> 1 < 2 & so on <"
        ));
        assert_eq!(page.links, [("/abort".to_owned(), "[ Cancel ]".to_owned())]);
        assert_eq!(page.frames, ["https://rp.example/out?a=1&b=2"]);
        assert_eq!(page.refresh.as_deref(), Some("https://rp.example/"));
    }
}
