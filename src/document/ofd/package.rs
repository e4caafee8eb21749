//! A package as it is: read once, checked, kept in memory.

use std::collections::{BTreeMap, BTreeSet};

use super::{SignatureXml, path};
use crate::xml::{self, Element, XmlError};
use crate::zip::{self, Archive, Limits, ZipError};

/// The entry point of every package (GB/T 33190-2016, 7.1).
pub(super) const ROOT_FILE: &str = "OFD.xml";
/// Most document bodies.
const MAX_DOC_BODIES: usize = 64;
/// Most signatures of one package.
const MAX_SIGNATURES: usize = 128;
/// Most pages of one document.
const MAX_PAGES: usize = 10_000;

/// An OFD package.
#[derive(Clone, Debug)]
pub struct Package {
    files: BTreeMap<String, Vec<u8>>,
    /// Names in lower case, for packages whose references spell a name in another case than the archive does.
    folded: BTreeMap<String, String>,
    /// Names in the order of the archive.
    order: Vec<String>,
    doc_bodies: Vec<DocBody>,
    signatures: Vec<SignatureRef>,
    warnings: Vec<PackageWarning>,
}

/// One document of a package: a `DocBody` of `OFD.xml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocBody {
    /// What the document says about itself.
    pub info: DocInfo,
    /// The document's root file, as a name in the package.
    pub doc_root: Option<String>,
    /// The list of signatures, as a name in the package.
    pub signatures: Option<String>,
    /// Lists of earlier versions (`Version/@BaseLoc`), as names in the package.
    pub versions: Vec<String>,
}

/// `DocInfo`: metadata that a document carries about itself (GB/T 33190-2016, 7.4). Nothing here is proven.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocInfo {
    /// The document's identifier, 32 hexadecimal digits when it is as it should be.
    pub doc_id: Option<String>,
    /// The title.
    pub title: Option<String>,
    /// The author.
    pub author: Option<String>,
    /// The date of making, as written.
    pub creation_date: Option<String>,
    /// The program that made it.
    pub creator: Option<String>,
    /// A cover picture, as a name in the package.
    pub cover: Option<String>,
    /// `CustomData` by name, in order.
    pub custom_data: Vec<(String, String)>,
}

/// What kind of signature value a signature has (GB/T 33190-2016, 18.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureType {
    /// An e-seal signature (`SES_Signature`); the default when the attribute is absent.
    Seal,
    /// A plain digital signature (GB/T 35275).
    Sign,
}

/// A signature that a `Signatures.xml` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureRef {
    /// The signature's identifier, as written.
    pub id: String,
    /// Seal or plain signature.
    pub type_: SignatureType,
    /// The `Signature.xml`, as a name in the package; as written when it leads out of the package.
    pub base_loc: String,
    /// The identifier of the signature that this one builds on (OFD 2.0).
    pub relative: Option<String>,
    /// Which document body it belongs to, counted from 0.
    pub doc_body: usize,
}

/// A page that a document lists.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The page's identifier, as written; `StampAnnot/@PageRef` names it.
    pub id: String,
    /// The page's content file, as a name in the package.
    pub path: Option<String>,
    /// The page's size: its own, else the document's.
    pub physical_box: Option<PhysicalBox>,
}

/// A rectangle in millimetres, origin top left (`ST_Box`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhysicalBox {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl PhysicalBox {
    /// Parses four finite numbers with spaces between.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_whitespace().map(|n| n.parse::<f64>().ok().filter(|n| n.is_finite()));
        let parsed = Self {
            x: numbers.next()??,
            y: numbers.next()??,
            width: numbers.next()??,
            height: numbers.next()??,
        };
        numbers.next().is_none().then_some(parsed)
    }
}

/// Something a report should mention although the package can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackageWarning {
    /// About the archive.
    Zip(zip::Warning),
    /// A name is written in another case than the file has; readers differ in whether they find it.
    OtherCase {
        /// As written.
        written: String,
        /// As the file is called.
        file: String,
    },
    /// A part names a file that is not there.
    MissingPart {
        /// What is missing, as written.
        part: String,
        /// The file that names it.
        named_by: String,
    },
    /// The same signature identifier twice.
    DuplicateSignatureId {
        /// The identifier.
        id: String,
    },
}

/// Why a package cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfdError {
    /// The archive is refused.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// The archive holds no `OFD.xml`.
    #[error("expected an OFD package, found no `OFD.xml`")]
    NotOfd,
    /// A part is not well-formed XML.
    #[error("part `{part}`: {source}")]
    Xml {
        /// The part.
        part: String,
        /// What is wrong.
        source: XmlError,
    },
    /// A part has another root element than it should.
    #[error("part `{part}`: expected root element `{expected}`, got `{got}`")]
    WrongRoot {
        /// The part.
        part: String,
        /// What was expected.
        expected: &'static str,
        /// What came.
        got: String,
    },
    /// An element that may stand once stands again: one reader would take the first, another the last.
    #[error("part `{part}`: expected one `{element}`, got several")]
    Repeated {
        /// The part.
        part: String,
        /// The element.
        element: &'static str,
    },
    /// A list of signatures that `OFD.xml` names is not there.
    #[error("`{named_by}` names `{part}`, which is not in the package")]
    MissingPart {
        /// What is missing.
        part: String,
        /// The file that names it.
        named_by: String,
    },
    /// Above a limit.
    #[error("the package has more than {limit} {what}")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
}

impl Package {
    /// Reads the package in `bytes` with the default [`Limits`].
    ///
    /// Every file is inflated and checked, every document body's list of signatures is read. Source: GB/T 33190-2016, 7 and 18.
    pub fn open(bytes: &[u8]) -> Result<Self, OfdError> {
        Self::open_within(bytes, &Limits::default())
    }

    /// Like [`Package::open`] with other limits: a package inside a seal picture deserves narrow ones.
    pub fn open_within(bytes: &[u8], limits: &Limits) -> Result<Self, OfdError> {
        let archive = Archive::open(bytes, limits)?;
        let warnings = archive.warnings().iter().cloned().map(PackageWarning::Zip).collect();
        let mut package = Self::from_entries(archive.into_entries(), warnings);
        package.read_doc_bodies()?;
        package.read_signature_lists()?;
        Ok(package)
    }

    /// The content of the file `path` (a name in the package; a leading `/` is ignored).
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path.strip_prefix('/').unwrap_or(path)).map(Vec::as_slice)
    }

    /// Every file with its content, in the order of their names.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, data)| (name.as_str(), data.as_slice()))
    }

    /// The names of the files in the order of the archive.
    pub fn names_in_archive_order(&self) -> &[String] {
        &self.order
    }

    /// The documents of the package.
    pub fn doc_bodies(&self) -> &[DocBody] {
        &self.doc_bodies
    }

    /// The signatures that the documents' lists name, in order.
    pub fn signatures(&self) -> &[SignatureRef] {
        &self.signatures
    }

    /// What a report should mention.
    pub fn warnings(&self) -> &[PackageWarning] {
        &self.warnings
    }

    /// The file that `location`, written in the file `base`, means; in another case when only that exists.
    pub fn locate(&self, base: &str, location: &str) -> Option<&str> {
        let name = path::resolve(base, location)?;
        match self.files.get_key_value(&name) {
            Some((name, _)) => Some(name),
            None => self.folded.get(&name.to_lowercase()).map(String::as_str),
        }
    }

    /// The part `path` as XML; `None` when there is no such file.
    pub fn part(&self, path: &str) -> Option<Result<Element, OfdError>> {
        self.part_without(path, &[])
    }

    pub(super) fn part_without(&self, path: &str, skipped: &[&str]) -> Option<Result<Element, OfdError>> {
        let parsed = xml::parse_without(self.file(path)?, skipped);
        Some(parsed.map_err(|source| OfdError::Xml { part: path.to_owned(), source }))
    }

    /// The pages of document body `doc_body`, in order.
    ///
    /// Fails when the document's root file is missing or malformed; a page whose file is missing has no `path`.
    pub fn pages(&self, doc_body: usize) -> Result<Vec<Page>, OfdError> {
        let missing =
            |part: &str| OfdError::MissingPart { part: part.to_owned(), named_by: ROOT_FILE.to_owned() };
        let root = self.doc_bodies.get(doc_body).and_then(|body| body.doc_root.as_deref());
        let root = root.ok_or_else(|| missing("DocRoot"))?;
        let document = self.part(root).ok_or_else(|| missing(root))??;
        let document_box =
            document.child("CommonData").and_then(|c| c.child("PageArea")).and_then(physical_box);
        let listed: Vec<&Element> =
            document.child("Pages").map(|pages| pages.children_named("Page").collect()).unwrap_or_default();
        if listed.len() > MAX_PAGES {
            return Err(OfdError::TooMany { what: "pages", limit: MAX_PAGES });
        }
        // Each content file is parsed once, however many pages name it.
        let mut boxes: BTreeMap<&str, Option<PhysicalBox>> = BTreeMap::new();
        let page = |page: &Element| {
            let path = page.attribute("BaseLoc").and_then(|loc| self.locate(root, loc));
            let own_box = path.and_then(|p| *boxes.entry(p).or_insert_with(|| self.content_box(p)));
            let id = page.attribute("ID").unwrap_or_default().to_owned();
            Page { id, path: path.map(str::to_owned), physical_box: own_box.or(document_box) }
        };
        Ok(listed.into_iter().map(page).collect())
    }

    fn content_box(&self, path: &str) -> Option<PhysicalBox> {
        let content = self.part_without(path, &["Content"])?.ok()?;
        content.child("Area").and_then(physical_box)
    }

    /// Files that are parts of signatures and yet named by no list: a signature taken out of `OFD.xml` leaves them behind.
    ///
    /// A part is one by its folder (`Signs`) or by its root element (`Signature`, `Signatures`).
    pub fn orphan_signature_files(&self) -> Vec<String> {
        let named = self.named_signature_files();
        let is_part = |name: &str, data: &[u8]| {
            let in_folder = path::folder(name).split('/').any(|s| s.eq_ignore_ascii_case("Signs"));
            in_folder || xml::root_name(data).is_some_and(|root| root == "Signature" || root == "Signatures")
        };
        let orphans = self.files().filter(|(name, data)| !named.contains(*name) && is_part(name, data));
        orphans.map(|(name, _)| name.to_owned()).collect()
    }

    /// The lists of signatures, the signatures and everything that these name for themselves.
    pub(super) fn named_signature_files(&self) -> BTreeSet<String> {
        let mut named: BTreeSet<String> =
            self.doc_bodies.iter().filter_map(|body| body.signatures.clone()).collect();
        // Each signature is parsed once, however many entries name it.
        let paths: BTreeSet<&str> = self.signatures.iter().map(|s| s.base_loc.as_str()).collect();
        named.extend(paths.into_iter().flat_map(|path| self.own_files(path)));
        named
    }

    /// The `Signature.xml` at `base_loc` with its signed value and seal file.
    pub fn own_files(&self, base_loc: &str) -> Vec<String> {
        let Some(bytes) = self.file(base_loc) else { return Vec::new() };
        let mut own = vec![base_loc.to_owned()];
        if let Ok(signature) = SignatureXml::parse(bytes) {
            let parts = [signature.signed_value_path, signature.seal_base_loc].into_iter().flatten();
            own.extend(parts.filter_map(|loc| self.locate(base_loc, &loc).map(str::to_owned)));
        }
        own
    }

    fn from_entries(entries: Vec<zip::Entry>, warnings: Vec<PackageWarning>) -> Self {
        let order = entries.iter().map(|e| e.name.clone()).collect();
        let folded = entries.iter().map(|e| (e.name.to_lowercase(), e.name.clone())).collect();
        let files = entries.into_iter().map(|e| (e.name, e.data)).collect();
        Self { files, folded, order, doc_bodies: Vec::new(), signatures: Vec::new(), warnings }
    }

    fn read_doc_bodies(&mut self) -> Result<(), OfdError> {
        let root = self.part(ROOT_FILE).ok_or(OfdError::NotOfd)??;
        expect_root(ROOT_FILE, &root, "OFD")?;
        for body in root.children_named("DocBody") {
            if self.doc_bodies.len() == MAX_DOC_BODIES {
                return Err(OfdError::TooMany { what: "document bodies", limit: MAX_DOC_BODIES });
            }
            let info = body.child("DocInfo").map(|info| self.doc_info(info)).unwrap_or_default();
            let doc_root = once(body, "DocRoot")?.and_then(|root| self.named(ROOT_FILE, &root.text));
            let signatures = match once(body, "Signatures")? {
                Some(list) => Some(self.named(ROOT_FILE, &list.text).ok_or_else(|| {
                    OfdError::MissingPart { part: list.text.clone(), named_by: ROOT_FILE.to_owned() }
                })?),
                None => None,
            };
            let versions: Vec<&Element> =
                body.child("Versions").map(|v| v.children_named("Version").collect()).unwrap_or_default();
            let versions = versions.into_iter().filter_map(|v| v.attribute("BaseLoc"));
            let versions = versions.filter_map(|loc| self.named(ROOT_FILE, loc)).collect();
            self.doc_bodies.push(DocBody { info, doc_root, signatures, versions });
        }
        Ok(())
    }

    fn doc_info(&mut self, info: &Element) -> DocInfo {
        let text = |name: &str| info.child_text(name).map(str::to_owned);
        let custom = info.child("CustomDatas").map(|c| c.children.as_slice()).unwrap_or_default();
        let custom = custom.iter().filter(|c| c.name == "CustomData");
        DocInfo {
            doc_id: text("DocID"),
            title: text("Title"),
            author: text("Author"),
            creation_date: text("CreationDate"),
            creator: text("Creator"),
            cover: info.child_text("Cover").and_then(|loc| self.named(ROOT_FILE, loc)),
            custom_data: custom
                .map(|c| (c.attribute("Name").unwrap_or_default().to_owned(), c.text.clone()))
                .collect(),
        }
    }

    /// Like [`Package::locate`], noting what is not as it should be.
    fn named(&mut self, base: &str, location: &str) -> Option<String> {
        let found = self.locate(base, location).map(str::to_owned);
        match &found {
            None => self
                .warnings
                .push(PackageWarning::MissingPart { part: location.to_owned(), named_by: base.to_owned() }),
            Some(file) if path::resolve(base, location).as_ref() != Some(file) => {
                self.warnings
                    .push(PackageWarning::OtherCase { written: location.to_owned(), file: file.clone() });
            }
            Some(_) => {}
        }
        found
    }

    fn read_signature_lists(&mut self) -> Result<(), OfdError> {
        let lists: Vec<(usize, String)> = self
            .doc_bodies
            .iter()
            .enumerate()
            .filter_map(|(i, body)| body.signatures.clone().map(|list| (i, list)))
            .collect();
        for (doc_body, list) in lists {
            let Some(root) = self.part(&list) else { continue };
            let root = root?;
            expect_root(&list, &root, "Signatures")?;
            for listed in root.children_named("Signature") {
                if self.signatures.len() == MAX_SIGNATURES {
                    return Err(OfdError::TooMany { what: "signatures", limit: MAX_SIGNATURES });
                }
                let signature = self.signature_ref(doc_body, &list, listed);
                if self.signatures.iter().any(|s| s.id == signature.id) {
                    self.warnings.push(PackageWarning::DuplicateSignatureId { id: signature.id.clone() });
                }
                self.signatures.push(signature);
            }
        }
        Ok(())
    }

    fn signature_ref(&mut self, doc_body: usize, list: &str, listed: &Element) -> SignatureRef {
        let location = listed.attribute("BaseLoc").unwrap_or_default();
        let type_ = match listed.attribute("Type") {
            Some("Sign") => SignatureType::Sign,
            _ => SignatureType::Seal,
        };
        SignatureRef {
            id: listed.attribute("ID").unwrap_or_default().to_owned(),
            type_,
            base_loc: self.named(list, location).unwrap_or_else(|| location.to_owned()),
            relative: listed.attribute("Relative").map(str::to_owned),
            doc_body,
        }
    }
}

fn physical_box(area: &Element) -> Option<PhysicalBox> {
    area.child_text("PhysicalBox").and_then(PhysicalBox::parse)
}

fn once<'a>(parent: &'a Element, element: &'static str) -> Result<Option<&'a Element>, OfdError> {
    let mut found = parent.children_named(element);
    let first = found.next();
    if found.next().is_some() {
        return Err(OfdError::Repeated { part: ROOT_FILE.to_owned(), element });
    }
    Ok(first)
}

fn expect_root(part: &str, root: &Element, expected: &'static str) -> Result<(), OfdError> {
    if root.name == expected {
        return Ok(());
    }
    let got = root.name.chars().take(64).collect();
    Err(OfdError::WrongRoot { part: part.to_owned(), expected, got })
}
