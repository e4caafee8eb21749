//! What a reader shows and what a signature leaves out: the weak point of OFD signatures.
//!
//! A signature protects the files it lists and nothing else. A page template, an annotation or `OFD.xml` itself left out of the
//! list can be changed while every digest still matches, so a verdict needs this comparison (GM/T 0099 calls the trick 夹带).

use std::collections::{BTreeMap, BTreeSet};

use super::package::{Package, ROOT_FILE};
use super::{SignatureXml, path};
use crate::xml::Element;

/// Most files that are followed from one package.
const MAX_FOLLOWED: usize = 20_000;

/// What a file does for a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// `OFD.xml`.
    Root,
    /// A document's root file.
    Document,
    /// A page's content.
    Page,
    /// A page template.
    Template,
    /// A list of fonts, pictures, colours or shared graphics.
    Resource,
    /// A font, picture or other file that a resource list names.
    Media,
    /// The list of annotations or the annotations of one page.
    Annotation,
    /// The list of attachments or an attachment.
    Attachment,
    /// The list of semantic tags or a set of them.
    CustomTag,
    /// The list of extensions or one's data.
    Extension,
    /// The list of an earlier version's files.
    Version,
    /// A list of signatures, a signature, its value or its seal.
    Signature,
}

/// What a signature leaves out, sorted by how much it matters. Every list is in the order of the names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Every file of the package that the signature does not list.
    pub uncovered: Vec<String>,
    /// Those of them that a reader shows or follows: changing them changes what people see.
    pub essential: Vec<String>,
    /// Those that belong to signatures: this one's own value, the list of signatures, later signatures.
    pub signature_parts: Vec<String>,
    /// Those that nothing names.
    pub unreachable: Vec<String>,
}

impl Coverage {
    /// Compares the files of `package` with those in `covered`.
    pub fn of(package: &Package, covered: &BTreeSet<String>) -> Self {
        let roles = reachable(package);
        let uncovered = uncovered_files(package, covered);
        let mut coverage = Self::default();
        for name in &uncovered {
            let list = match roles.get(name) {
                Some(Role::Signature) => &mut coverage.signature_parts,
                Some(_) => &mut coverage.essential,
                None => &mut coverage.unreachable,
            };
            list.push(name.clone());
        }
        Self { uncovered, ..coverage }
    }

    /// Whether everything a reader shows now is covered and nothing else came along.
    pub fn is_whole_document(&self) -> bool {
        self.essential.is_empty() && self.unreachable.is_empty()
    }
}

/// The files that the signature at `signature_path` lists, as names in the package; files that are not there left out.
pub fn covered_files(package: &Package, signature_path: &str, signature: &SignatureXml) -> BTreeSet<String> {
    let listed = signature.references.iter();
    listed.filter_map(|r| package.locate(signature_path, &r.file_ref)).map(str::to_owned).collect()
}

/// Every file of `package` that is not in `covered`, in the order of the names.
pub fn uncovered_files(package: &Package, covered: &BTreeSet<String>) -> Vec<String> {
    package.files().map(|(name, _)| name).filter(|name| !covered.contains(*name)).map(str::to_owned).collect()
}

/// Every file that the current `OFD.xml` leads to, with its role.
///
/// Parts that cannot be parsed lead nowhere; their own role stands.
pub fn reachable(package: &Package) -> BTreeMap<String, Role> {
    let mut walk = Walk { package, found: BTreeMap::new(), open: Vec::new() };
    walk.found.insert(ROOT_FILE.to_owned(), Role::Root);
    for body in package.doc_bodies() {
        walk.note(body.info.cover.as_deref(), Role::Media);
        walk.note(body.doc_root.as_deref(), Role::Document);
        body.versions.iter().for_each(|v| walk.note(Some(v), Role::Version));
    }
    while let Some((name, role)) = walk.open.pop() {
        walk.follow(&name, role);
    }
    for name in package.named_signature_files() {
        walk.found.entry(name).or_insert(Role::Signature);
    }
    walk.found
}

struct Walk<'a> {
    package: &'a Package,
    found: BTreeMap<String, Role>,
    open: Vec<(String, Role)>,
}

impl Walk<'_> {
    fn note(&mut self, name: Option<&str>, role: Role) {
        let Some(name) = name.filter(|_| self.found.len() < MAX_FOLLOWED) else { return };
        // INVARIANT: each name is opened once, so the walk ends.
        if !self.found.contains_key(name) {
            self.found.insert(name.to_owned(), role);
            self.open.push((name.to_owned(), role));
        }
    }

    fn note_at(&mut self, base: &str, location: Option<&str>, role: Role) {
        let name = location.and_then(|l| self.package.locate(base, l)).map(str::to_owned);
        self.note(name.as_deref(), role);
    }

    fn follow(&mut self, name: &str, role: Role) {
        if matches!(role, Role::Media | Role::Signature | Role::Root) {
            return;
        }
        // Attachments and tags may be XML of any kind, or not XML at all: only OFD's own lists lead on.
        let Some(Ok(part)) = self.package.part_without(name, &["Layer"]) else { return };
        match (role, part.name.as_str()) {
            (Role::Document, "Document") => self.document(name, &part),
            (Role::Page | Role::Template, _) => self.texts(name, &part, "PageRes", Role::Resource),
            (Role::Resource, "Res") => self.resources(name, &part),
            (Role::Annotation, "Annotations") => self.texts(name, &part, "FileLoc", Role::Annotation),
            (Role::Attachment, "Attachments") => self.texts(name, &part, "FileLoc", Role::Attachment),
            (Role::CustomTag, "CustomTags") => {
                self.texts(name, &part, "FileLoc", Role::CustomTag);
                self.texts(name, &part, "SchemaLoc", Role::CustomTag);
            }
            (Role::Extension, "Extensions") => self.texts(name, &part, "ExtendData", Role::Extension),
            (Role::Version, "DocVersion") => {
                self.texts(name, &part, "File", Role::Version);
                self.texts(name, &part, "DocRoot", Role::Document);
            }
            _ => {}
        }
    }

    fn document(&mut self, name: &str, part: &Element) {
        self.texts(name, part, "PublicRes", Role::Resource);
        self.texts(name, part, "DocumentRes", Role::Resource);
        self.texts(name, part, "Annotations", Role::Annotation);
        self.texts(name, part, "Attachments", Role::Attachment);
        self.texts(name, part, "CustomTags", Role::CustomTag);
        self.texts(name, part, "Extensions", Role::Extension);
        for element in part.descendants() {
            match element.name.as_str() {
                "Page" => self.note_at(name, element.attribute("BaseLoc"), Role::Page),
                "TemplatePage" => self.note_at(name, element.attribute("BaseLoc"), Role::Template),
                _ => {}
            }
        }
    }

    /// A resource list's files lie in its `BaseLoc` folder (GB/T 33190-2016, 7.9).
    fn resources(&mut self, name: &str, part: &Element) {
        let stated = part.attribute("BaseLoc").and_then(|loc| path::resolve(name, loc));
        let folder = stated.unwrap_or_else(|| path::folder(name).to_owned());
        // Any name in that folder serves as the file that the locations are relative to.
        let base = path::join(&folder, "-");
        for element in part.descendants() {
            match element.name.as_str() {
                "FontFile" | "MediaFile" => {
                    // Some writers put the file beside the list although the list names a folder.
                    let location = Some(element.text.as_str());
                    self.note_at(&base, location, Role::Media);
                    self.note_at(name, location, Role::Media);
                }
                "ColorSpace" => self.note_at(&base, element.attribute("Profile"), Role::Media),
                _ => {}
            }
        }
    }

    /// Notes the file that each element called `element` below `part` names by its text.
    fn texts(&mut self, base: &str, part: &Element, element: &str, role: Role) {
        for found in part.descendants().into_iter().filter(|e| e.name == element && !e.text.is_empty()) {
            self.note_at(base, Some(&found.text), role);
        }
    }
}
