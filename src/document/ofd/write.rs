//! A new OFD document (GB/T 33190-2016), written as plainly as readers like it: named system fonts, one layer a page.
//!
//! Seals are no part of it: they are drawn from the signature's `StampAnnot` (see [`seal_layout`](super::seal_layout)).
//! The same calls give the same bytes.

mod content;
mod text;

use std::fmt::Write;

use base::Timestamp;
use base::encoding::hex;

use super::number::mm;
use super::seal_layout::xml_head;
use crate::xml::escape;
use crate::zip::{DosTime, Writer, ZipError};

pub use text::{measure, wrap};

/// What the document says about itself (`DocInfo`).
#[derive(Clone, Debug)]
pub struct Info {
    /// The document's identifier: 16 random bytes.
    pub doc_id: [u8; 16],
    /// The title.
    pub title: String,
    /// The author: for a certificate, the issuing authority.
    pub author: String,
    /// When it was made.
    pub created: Timestamp,
    /// The program that made it, and its version.
    pub creator: (String, String),
    /// `CustomData` by name.
    pub custom_data: Vec<(String, String)>,
}

/// A colour: red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

/// Black.
pub const BLACK: Colour = Colour(0, 0, 0);

/// A font of the document; made by [`Builder::font`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Font {
    id: u32,
    bold: bool,
}

/// A picture of the document; made by [`Builder::picture`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture(u32);

/// A page of the document; made by [`Builder::page`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageHandle(usize);

/// An object on a page, for a semantic tag to point at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectRef {
    page: u32,
    object: u32,
}

/// How a line of text lies in its box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Against the left edge.
    Left,
    /// In the middle.
    Centre,
    /// Against the right edge.
    Right,
}

/// One line of text. Lengths in millimetres.
#[derive(Clone, Debug)]
pub struct Text<'a> {
    /// The line; control characters become U+FFFD.
    pub content: &'a str,
    /// The box's left edge.
    pub x: f64,
    /// The box's upper edge; the line is 1.3 times `size` high.
    pub y: f64,
    /// The box's width.
    pub width: f64,
    /// The font.
    pub font: Font,
    /// The height of a Chinese character.
    pub size: f64,
    /// Extra space between characters.
    pub spacing: f64,
    /// The colour.
    pub colour: Colour,
    /// Where the line lies in the box.
    pub align: Align,
}

/// A straight line or the outline of a rectangle. Lengths in millimetres.
#[derive(Clone, Copy, Debug)]
pub struct Stroke {
    /// The line's width.
    pub width: f64,
    /// Its colour.
    pub colour: Colour,
}

/// A rectangle in millimetres, origin at the page's upper left corner.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// A file that travels inside the document.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// The name that readers show.
    pub name: String,
    /// The file's name in the package, plain ASCII.
    pub file_name: String,
    /// The kind of content: `json`, `xml`.
    pub format: String,
    /// The content.
    pub data: Vec<u8>,
}

/// A set of semantic tags: which object on the page carries which value.
#[derive(Clone, Debug)]
pub struct CustomTag {
    /// What kind of tags these are.
    pub type_id: String,
    /// The namespace of the tags.
    pub namespace: String,
    /// Name of the value and the objects that show it.
    pub entries: Vec<(String, Vec<ObjectRef>)>,
}

/// A document in the making.
pub struct Builder {
    info: Info,
    last_id: u32,
    fonts: Vec<(String, Font)>,
    pictures: Vec<(Picture, Vec<u8>)>,
    pages: Vec<PageContent>,
    attachments: Vec<Attachment>,
    tags: Vec<CustomTag>,
}

struct PageContent {
    id: u32,
    layer: u32,
    width: f64,
    height: f64,
    objects: String,
}

impl Builder {
    /// A document without pages.
    pub fn new(info: Info) -> Self {
        Self {
            info,
            last_id: 0,
            fonts: Vec::new(),
            pictures: Vec::new(),
            pages: Vec::new(),
            attachments: Vec::new(),
            tags: Vec::new(),
        }
    }

    /// The font of `family` (`宋体`, `黑体`, `仿宋`, `楷体`), which readers take from the system they run on.
    pub fn font(&mut self, family: &str, bold: bool) -> Font {
        if let Some((_, font)) = self.fonts.iter().find(|(name, font)| name == family && font.bold == bold) {
            return *font;
        }
        let font = Font { id: self.next_id(), bold };
        self.fonts.push((family.to_owned(), font));
        font
    }

    /// Takes in a PNG picture.
    pub fn picture(&mut self, png: Vec<u8>) -> Picture {
        let picture = Picture(self.next_id());
        self.pictures.push((picture, png));
        picture
    }

    /// Adds a page of `width` times `height` millimetres.
    pub fn page(&mut self, width: f64, height: f64) -> PageHandle {
        let (id, layer) = (self.next_id(), self.next_id());
        self.pages.push(PageContent { id, layer, width, height, objects: String::new() });
        PageHandle(self.pages.len() - 1)
    }

    /// Writes a line of text.
    pub fn text(&mut self, page: PageHandle, text: &Text<'_>) -> ObjectRef {
        self.draw(page, |id, out| content::text(out, id, text))
    }

    /// Draws a straight line from one point to another.
    pub fn line(&mut self, page: PageHandle, from: (f64, f64), to: (f64, f64), stroke: Stroke) -> ObjectRef {
        self.draw(page, |id, out| content::line(out, id, from, to, stroke))
    }

    /// Draws the outline of a rectangle.
    pub fn outline(&mut self, page: PageHandle, area: Area, stroke: Stroke) -> ObjectRef {
        self.draw(page, |id, out| content::outline(out, id, area, stroke))
    }

    /// Fills a rectangle.
    pub fn fill(&mut self, page: PageHandle, area: Area, colour: Colour) -> ObjectRef {
        self.draw(page, |id, out| content::fill(out, id, area, colour))
    }

    /// Shows a picture, stretched to `area`.
    pub fn show(&mut self, page: PageHandle, picture: Picture, area: Area) -> ObjectRef {
        self.draw(page, |id, out| content::picture(out, id, picture.0, area))
    }

    /// Adds a file that travels inside the document.
    pub fn attach(&mut self, attachment: Attachment) {
        self.attachments.push(attachment);
    }

    /// Adds a set of semantic tags.
    pub fn tag(&mut self, tag: CustomTag) {
        self.tags.push(tag);
    }

    /// The finished package. Fails when an attachment's `file_name` is unfit or taken, or the package is too large.
    pub fn build(self) -> Result<Vec<u8>, ZipError> {
        let mut writer = Writer::new(DosTime::in_china(self.info.created));
        writer.add("OFD.xml", self.root().as_bytes());
        writer.add("Doc_0/Document.xml", self.document().as_bytes());
        writer.add("Doc_0/PublicRes.xml", self.public_resources().as_bytes());
        if !self.pictures.is_empty() {
            writer.add("Doc_0/DocumentRes.xml", self.document_resources().as_bytes());
        }
        for (i, page) in self.pages.iter().enumerate() {
            writer.add(&format!("Doc_0/Pages/Page_{i}/Content.xml"), page.xml().as_bytes());
        }
        for (picture, png) in &self.pictures {
            writer.add(&format!("Doc_0/Res/{}", picture.file_name()), png);
        }
        if !self.attachments.is_empty() {
            writer.add("Doc_0/Attachs/Attachments.xml", self.attachment_list().as_bytes());
        }
        for attachment in &self.attachments {
            writer.add(&format!("Doc_0/Attachs/{}", attachment.file_name), &attachment.data);
        }
        if !self.tags.is_empty() {
            writer.add("Doc_0/Tags/CustomTags.xml", self.tag_list().as_bytes());
        }
        for (i, tag) in self.tags.iter().enumerate() {
            writer.add(&format!("Doc_0/Tags/CustomTag_{i}.xml"), tag.xml().as_bytes());
        }
        writer.finish()
    }

    fn next_id(&mut self) -> u32 {
        self.last_id = self.last_id.saturating_add(1);
        self.last_id
    }

    fn draw(&mut self, page: PageHandle, write: impl FnOnce(u32, &mut String)) -> ObjectRef {
        let object = self.next_id();
        // INVARIANT: a handle comes from `page`, and pages are never taken away.
        let Some(page) = self.pages.get_mut(page.0) else { return ObjectRef { page: 0, object } };
        write(object, &mut page.objects);
        ObjectRef { page: page.id, object }
    }

    /// `OFD.xml` (7.4).
    fn root(&self) -> String {
        let Info { doc_id, title, author, created, creator, custom_data } = &self.info;
        let mut out = String::from(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ofd:OFD xmlns:ofd=\"http://www.ofdspec.org/2016\" Version=\"1.0\" DocType=\"OFD\">",
        );
        out.push_str("<ofd:DocBody><ofd:DocInfo>");
        element(&mut out, "DocID", &hex(doc_id));
        element(&mut out, "Title", title);
        element(&mut out, "Author", author);
        element(&mut out, "CreationDate", &created.date_in_china());
        element(&mut out, "Creator", &creator.0);
        element(&mut out, "CreatorVersion", &creator.1);
        if !custom_data.is_empty() {
            out.push_str("<ofd:CustomDatas>");
            for (name, value) in custom_data {
                let (name, value) = (escape(name), escape(value));
                let _ = write!(out, "<ofd:CustomData Name=\"{name}\">{value}</ofd:CustomData>");
            }
            out.push_str("</ofd:CustomDatas>");
        }
        out.push_str("</ofd:DocInfo><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>");
        out
    }

    /// `Document.xml` (7.5), its elements in the order of the standard's schema.
    fn document(&self) -> String {
        let mut out = xml_head("Document");
        let (width, height) = self.pages.first().map_or((210.0, 297.0), |p| (p.width, p.height));
        let _ = write!(
            out,
            "<ofd:CommonData><ofd:MaxUnitID>{}</ofd:MaxUnitID><ofd:PageArea><ofd:PhysicalBox>0 0 {} {}</ofd:PhysicalBox></ofd:PageArea>",
            self.last_id,
            mm(width),
            mm(height),
        );
        element(&mut out, "PublicRes", "PublicRes.xml");
        if !self.pictures.is_empty() {
            element(&mut out, "DocumentRes", "DocumentRes.xml");
        }
        out.push_str("</ofd:CommonData><ofd:Pages>");
        for (i, page) in self.pages.iter().enumerate() {
            let _ = write!(out, "<ofd:Page ID=\"{}\" BaseLoc=\"Pages/Page_{i}/Content.xml\"/>", page.id);
        }
        out.push_str("</ofd:Pages>");
        if !self.tags.is_empty() {
            element(&mut out, "CustomTags", "Tags/CustomTags.xml");
        }
        if !self.attachments.is_empty() {
            element(&mut out, "Attachments", "Attachs/Attachments.xml");
        }
        out.push_str("</ofd:Document>");
        out
    }

    /// `PublicRes.xml`: the fonts (7.9, 11.1).
    fn public_resources(&self) -> String {
        let mut out = resource_head();
        out.push_str("<ofd:Fonts>");
        for (family, font) in &self.fonts {
            let (family, bold) = (escape(family), if font.bold { " Bold=\"true\"" } else { "" });
            let _ = write!(
                out,
                "<ofd:Font ID=\"{}\" FontName=\"{family}\" FamilyName=\"{family}\"{bold}/>",
                font.id
            );
        }
        out.push_str("</ofd:Fonts></ofd:Res>");
        out
    }

    /// `DocumentRes.xml`: the pictures (7.9, 10).
    fn document_resources(&self) -> String {
        let mut out = resource_head();
        out.push_str("<ofd:MultiMedias>");
        for (picture, _) in &self.pictures {
            let _ = write!(out, "<ofd:MultiMedia ID=\"{}\" Type=\"Image\" Format=\"PNG\">", picture.0);
            element(&mut out, "MediaFile", &picture.file_name());
            out.push_str("</ofd:MultiMedia>");
        }
        out.push_str("</ofd:MultiMedias></ofd:Res>");
        out
    }

    /// `Attachments.xml` (20).
    fn attachment_list(&self) -> String {
        let mut out = xml_head("Attachments");
        for (i, attachment) in self.attachments.iter().enumerate() {
            let kilobytes = attachment.data.len() as f64 / 1024.0;
            let _ = write!(
                out,
                "<ofd:Attachment ID=\"A{}\" Name=\"{}\" Format=\"{}\" CreationDate=\"{}\" Size=\"{kilobytes:.3}\" Visible=\"true\">",
                i + 1,
                escape(&attachment.name),
                escape(&attachment.format),
                self.info.created.rfc3339(),
            );
            element(&mut out, "FileLoc", &attachment.file_name);
            out.push_str("</ofd:Attachment>");
        }
        out.push_str("</ofd:Attachments>");
        out
    }

    /// `CustomTags.xml` (16).
    fn tag_list(&self) -> String {
        let mut out = xml_head("CustomTags");
        for (i, tag) in self.tags.iter().enumerate() {
            let _ = write!(out, "<ofd:CustomTag TypeID=\"{}\">", escape(&tag.type_id));
            element(&mut out, "FileLoc", &format!("CustomTag_{i}.xml"));
            out.push_str("</ofd:CustomTag>");
        }
        out.push_str("</ofd:CustomTags>");
        out
    }
}

impl Picture {
    fn file_name(self) -> String {
        format!("image_{}.png", self.0)
    }
}

impl PageContent {
    /// `Content.xml` (7.7).
    fn xml(&self) -> String {
        let Self { layer, width, height, objects, .. } = self;
        let (width, height) = (mm(*width), mm(*height));
        format!(
            "{}<ofd:Area><ofd:PhysicalBox>0 0 {width} {height}</ofd:PhysicalBox></ofd:Area><ofd:Content><ofd:Layer ID=\"{layer}\" Type=\"Body\">{objects}</ofd:Layer></ofd:Content></ofd:Page>",
            xml_head("Page"),
        )
    }
}

impl CustomTag {
    fn xml(&self) -> String {
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Tags xmlns=\"{}\" xmlns:ofd=\"http://www.ofdspec.org/2016\">",
            escape(&self.namespace),
        );
        for (name, objects) in &self.entries {
            let _ = write!(out, "<Tag Name=\"{}\">", escape(name));
            for ObjectRef { page, object } in objects {
                let _ = write!(out, "<ofd:ObjectRef PageRef=\"{page}\">{object}</ofd:ObjectRef>");
            }
            out.push_str("</Tag>");
        }
        out.push_str("</Tags>");
        out
    }
}

/// The head of a resource list whose files lie in `Res`.
fn resource_head() -> String {
    let mut head = xml_head("Res");
    head.pop();
    head.push_str(" BaseLoc=\"Res\">");
    head
}

fn element(out: &mut String, name: &str, text: &str) {
    let _ = write!(out, "<ofd:{name}>{}</ofd:{name}>", escape(text));
}
