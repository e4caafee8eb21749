//! XML into a small tree of local names: no DTD, no entities but the five of XML, depth and size limited.
//!
//! Namespaces are not compared: OFD files in the wild carry `http://www.ofdspec.org/2016`, `http://www.ofdspec.org`, and both in
//! one package. A name's local part decides.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::escape::EscapeError;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

/// Deepest nesting.
pub const MAX_DEPTH: usize = 64;
/// Largest XML part, in bytes.
pub const MAX_XML_BYTES: usize = 32 << 20;
/// Most elements that a tree keeps.
pub const MAX_ELEMENTS: usize = 200_000;
/// Most attributes of one element.
pub const MAX_ATTRIBUTES: usize = 64;

/// Why a part is not accepted as XML.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Bytes that are not UTF-8, or a declaration of another encoding.
    #[error("expected XML in UTF-8")]
    NotUtf8,
    /// Not well formed.
    #[error("malformed XML near byte {at}")]
    Malformed {
        /// About where, in bytes.
        at: u64,
    },
    /// A document type declaration, which can expand without bound or reach outside.
    #[error("a document type declaration is not allowed")]
    DoctypeForbidden,
    /// A reference to an entity that is not one of XML's five.
    #[error("unknown entity `{name}`")]
    UnknownEntity {
        /// The entity's name.
        name: String,
    },
    /// Above a limit.
    #[error("the XML has more than {limit} {what}")]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// How much is allowed.
        limit: usize,
    },
}

/// An element and what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// The local name: `Signature` for `ofd:Signature`.
    pub name: String,
    /// The attributes by local name, in order; namespace declarations left out.
    pub attributes: Vec<(String, String)>,
    /// The text directly inside, trimmed.
    pub text: String,
    /// The child elements, in order.
    pub children: Vec<Element>,
}

impl Element {
    /// The value of the attribute `name`.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first child named `name`.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|c| c.name == name)
    }

    /// Every child named `name`.
    pub fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |c| c.name == name)
    }

    /// The text of the first child named `name`, when there is any.
    pub fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|c| c.text.as_str()).filter(|t| !t.is_empty())
    }

    /// This element and everything below it, in document order.
    pub fn descendants(&self) -> Vec<&Self> {
        let mut found = vec![self];
        // INVARIANT: trees come from `parse`, so that the depth is at most MAX_DEPTH.
        for child in &self.children {
            found.extend(child.descendants());
        }
        found
    }
}

/// Parses `bytes` into the root element.
pub fn parse(bytes: &[u8]) -> Result<Element, XmlError> {
    parse_without(bytes, &[])
}

/// Like [`parse`], but elements named in `skipped` are only checked, not kept: a page's graphics need no tree.
pub fn parse_without(bytes: &[u8], skipped: &[&str]) -> Result<Element, XmlError> {
    let mut builder = Builder { skipped, ..Builder::default() };
    for_each_event(bytes, |event, _| builder.take(event).map(|()| true))?;
    builder.root.ok_or(XmlError::Malformed { at: bytes.len() as u64 })
}

/// The local name of the root element, when `bytes` begin as XML does; reads no further.
pub fn root_name(bytes: &[u8]) -> Option<String> {
    let mut name = None;
    let outcome = for_each_event(bytes, |event, _| {
        if let Event::Start(start) | Event::Empty(start) = event {
            name = Some(start.local_name().as_ref().to_owned());
        }
        Ok(name.is_none())
    });
    outcome.ok().and(name)
}

/// Where the first end tag of `local_name` starts, in bytes, and the prefix it is written with (`ofd:` or nothing).
pub fn end_tag_position(bytes: &[u8], local_name: &str) -> Result<Option<(usize, String)>, XmlError> {
    let mut found = None;
    for_each_event(bytes, |event, from| {
        if let Event::End(end) = event
            && end.local_name().as_ref() == local_name
        {
            let prefix = end.name().prefix().map(|p| format!("{}:", p.as_ref())).unwrap_or_default();
            found = Some((from, prefix));
        }
        Ok(found.is_none())
    })?;
    Ok(found)
}

/// `text` with XML's special characters escaped; what XML 1.0 cannot carry becomes U+FFFD.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

/// Calls `visit` with each event and the byte offset where it starts, until it answers `false` or the document ends.
fn for_each_event(
    bytes: &[u8],
    mut visit: impl FnMut(&Event<'_>, usize) -> Result<bool, XmlError>,
) -> Result<(), XmlError> {
    if bytes.len() > MAX_XML_BYTES {
        return Err(XmlError::TooLarge { what: "bytes", limit: MAX_XML_BYTES });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| XmlError::NotUtf8)?;
    let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut reader = Reader::from_str(text.get(mark..).unwrap_or_default());
    reader.config_mut().check_comments = true;
    let mut depth = 0usize;
    loop {
        let from = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).saturating_add(mark);
        let malformed = XmlError::Malformed { at: from as u64 };
        let event = reader.read_event().map_err(|_| malformed.clone())?;
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::DocType(_) => return Err(XmlError::DoctypeForbidden),
            Event::Decl(declaration) => {
                let encoding = declaration.encoding().transpose().map_err(|_| malformed.clone())?;
                if encoding
                    .is_some_and(|e| !e.eq_ignore_ascii_case("utf-8") && !e.eq_ignore_ascii_case("utf8"))
                {
                    return Err(XmlError::NotUtf8);
                }
            }
            Event::Eof => return if depth == 0 { Ok(()) } else { Err(malformed) },
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(XmlError::TooLarge { what: "levels", limit: MAX_DEPTH });
        }
        if !visit(&event, from)? {
            return Ok(());
        }
    }
}

/// Grows the tree event by event.
#[derive(Default)]
struct Builder<'a> {
    skipped: &'a [&'a str],
    /// How deep we are inside a skipped element; 0 outside.
    skipping: usize,
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Builder<'_> {
    fn take(&mut self, event: &Event<'_>) -> Result<(), XmlError> {
        match event {
            Event::Start(start) => self.start(start),
            Event::Empty(start) => self.start(start).and_then(|()| self.end()),
            Event::End(_) => self.end(),
            Event::Text(text) => self.text(&text.xml10_content()),
            Event::CData(text) => self.text(&text.xml10_content()),
            Event::GeneralRef(reference) => self.text(&resolve(reference)?),
            _ => Ok(()),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), XmlError> {
        if self.open.is_empty() && self.root.is_some() {
            return Err(XmlError::TooLarge { what: "root elements", limit: 1 });
        }
        let local = start.local_name();
        if self.skipping > 0 || self.skipped.contains(&local.as_ref()) {
            self.skipping += 1;
            return Ok(());
        }
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            return Err(XmlError::TooLarge { what: "elements", limit: MAX_ELEMENTS });
        }
        let attributes = attributes(start)?;
        self.open.push(Element { name: local.as_ref().to_owned(), attributes, ..Element::default() });
        Ok(())
    }

    fn end(&mut self) -> Result<(), XmlError> {
        if self.skipping > 0 {
            self.skipping -= 1;
            return Ok(());
        }
        let Some(mut done) = self.open.pop() else {
            return Err(XmlError::Malformed { at: 0 });
        };
        done.text = done.text.trim().to_owned();
        match self.open.last_mut() {
            Some(parent) => parent.children.push(done),
            None => self.root = Some(done),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        match self.open.last_mut() {
            Some(element) if self.skipping == 0 => element.text.push_str(text),
            Some(_) => {}
            None if text.trim().is_empty() || self.skipping > 0 => {}
            None => return Err(XmlError::Malformed { at: 0 }),
        }
        Ok(())
    }
}

fn attributes(start: &BytesStart<'_>) -> Result<Vec<(String, String)>, XmlError> {
    let mut found = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| XmlError::Malformed { at: 0 })?;
        if found.len() == MAX_ATTRIBUTES {
            return Err(XmlError::TooLarge { what: "attributes of one element", limit: MAX_ATTRIBUTES });
        }
        let name = attribute.key.as_ref();
        if name == "xmlns" || name.starts_with("xmlns:") {
            continue;
        }
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|e| match e {
            quick_xml::Error::Escape(EscapeError::UnrecognizedEntity(_, name)) => {
                XmlError::UnknownEntity { name }
            }
            _ => XmlError::Malformed { at: 0 },
        })?;
        found.push((attribute.key.local_name().as_ref().to_owned(), value.into_owned()));
    }
    Ok(found)
}

fn resolve(reference: &BytesRef<'_>) -> Result<Cow<'static, str>, XmlError> {
    if let Some(c) = reference.resolve_char_ref().map_err(|_| XmlError::Malformed { at: 0 })? {
        return Ok(Cow::Owned(c.to_string()));
    }
    let name = reference.xml10_content();
    Ok(Cow::Borrowed(match &*name {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => return Err(XmlError::UnknownEntity { name: name.chars().take(64).collect() }),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_becomes_a_tree_of_local_names() {
        let root = parse("\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ofd:A xmlns:ofd=\"x\" ID=\"1 &amp; 2\"><!-- c --><ofd:B> t&lt;&#x4e2d;<![CDATA[<raw>]]> </ofd:B><C/></ofd:A>".as_bytes()).unwrap();
        assert_eq!((root.name.as_str(), root.attribute("ID")), ("A", Some("1 & 2")));
        assert_eq!(root.child_text("B"), Some("t<中<raw>"));
        assert_eq!(root.attributes.len(), 1, "namespace declarations are not attributes");
        assert_eq!(root.descendants().len(), 3);
    }

    #[test]
    fn a_billion_laughs_are_not_heard() {
        let bomb = b"<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]><l>&b;</l>";
        assert_eq!(parse(bomb), Err(XmlError::DoctypeForbidden));
        assert_eq!(parse(b"<l>&b;</l>"), Err(XmlError::UnknownEntity { name: "b".into() }));
        assert!(parse(b"<l a=\"&b;\"/>").is_err());
    }

    #[test]
    fn what_is_not_well_formed_utf8_is_refused() {
        for bad in [
            &b"<a>"[..],
            b"<a></b>",
            b"",
            b"text",
            b"<a/><b/>",
            b"<a/>x",
            b"<a b=\"1\" b=\"2\"/>",
            b"\xff<a/>",
            b"<a>&#0;</a>",
        ] {
            assert!(parse(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
        assert_eq!(parse(b"<?xml version=\"1.0\" encoding=\"GBK\"?><a/>"), Err(XmlError::NotUtf8));
    }

    #[test]
    fn depth_and_count_are_limited_before_memory_is() {
        let deep = "<a>".repeat(MAX_DEPTH + 1) + &"</a>".repeat(MAX_DEPTH + 1);
        assert_eq!(parse(deep.as_bytes()), Err(XmlError::TooLarge { what: "levels", limit: MAX_DEPTH }));
        let wide = format!("<a>{}</a>", "<b/>".repeat(MAX_ELEMENTS));
        assert!(matches!(parse(wide.as_bytes()), Err(XmlError::TooLarge { what: "elements", .. })));
        let skipped = format!("<a><c>{}</c><d/></a>", "<b/>".repeat(MAX_ELEMENTS));
        assert_eq!(parse_without(skipped.as_bytes(), &["c"]).unwrap().children.len(), 1);
    }

    #[test]
    fn an_end_tag_is_found_where_it_starts() {
        let xml = b"<o:OFD><o:DocBody>x</o:DocBody></o:OFD>";
        let (at, prefix) = end_tag_position(xml, "DocBody").unwrap().unwrap();
        assert_eq!((&xml[at..at + 4], prefix.as_str()), (&b"</o:"[..], "o:"));
    }

    #[test]
    fn escaped_text_reads_back_as_it_was() {
        let text = "a<b>&\"c'\t\n\r中𠮷";
        let xml = format!("<a v=\"{0}\">.{0}.</a>", escape(text));
        let root = parse(xml.as_bytes()).unwrap();
        assert_eq!(root.attribute("v"), Some(text));
        assert_eq!(root.text, format!(".{text}."));
        assert_eq!(escape("\u{1}"), "\u{fffd}");
    }
}
