//! A package made ready for a signature, and the signature put in (GB/T 33190-2016, 18; GB/T 38540-2020, 7.2 b1 and b6).
//!
//! The new signature lists **every** file of the package, `OFD.xml` and the seal included. `Signatures.xml` is listed only when no
//! more signatures shall follow ([`Protection::Whole`]): adding one changes it.

use std::fmt::Write;

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::number::mm;
use super::package::{OfdError, Package, Page, PhysicalBox, ROOT_FILE, SignatureRef, SignatureType};
use super::signature_xml::{Provider, SignatureXml};
use super::{coverage, path};
use crate::xml::{self, XmlError, escape};
use crate::zip::{DosTime, Writer, ZipError};

/// SM3, the digest of every reference we write (GB/T 33560).
pub const CHECK_METHOD_SM3: &str = "1.2.156.10197.1.401";

/// What to sign and how.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Seal or plain signature.
    pub type_: SignatureType,
    /// The seal (`Seal.esl`); wanted for [`SignatureType::Seal`], refused for [`SignatureType::Sign`].
    pub seal: Option<&'a [u8]>,
    /// Where the seal's picture is shown; at least one place for a seal.
    pub stamps: &'a [StampPlacement],
    /// The program that signs.
    pub provider: &'a Provider,
    /// The signature algorithm's object identifier: `1.2.156.10197.1.501` for SM2 with SM3.
    pub signature_method: &'a str,
    /// Whether more signatures may follow.
    pub protection: Protection,
    /// The time of signing, as claimed.
    pub now: Timestamp,
}

/// A place for the seal's picture, in millimetres from the page's upper left corner.
#[derive(Clone, Debug, PartialEq)]
pub struct StampPlacement {
    /// The page, counted from 0.
    pub page: usize,
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width of the whole picture.
    pub width: f64,
    /// Height of the whole picture.
    pub height: f64,
    /// The part that is shown, for a seal across several pages' edges; the whole when `None`.
    pub clip: Option<PhysicalBox>,
}

/// Whether more signatures may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// They may: `Signatures.xml` stays outside.
    MoreSignatures,
    /// They may not: `Signatures.xml` is covered too.
    Whole,
}

/// Why a package cannot be made ready for a signature.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LayoutError {
    /// The package cannot be read.
    #[error(transparent)]
    Package(#[from] OfdError),
    /// The package would be too large.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// An existing signature covers the list of signatures.
    #[error("signature `{id}` protects the list of signatures: no further signature may be added")]
    SignaturesProtected {
        /// That signature.
        id: String,
    },
    /// An existing signature cannot be read, so that nobody knows what it protects.
    #[error("the signature at `{path}` cannot be read")]
    UnreadableSignature {
        /// Where it is.
        path: String,
    },
    /// A GM/T 0099 integrity list covers the package's set of files.
    #[error("the package is protected by `{file}` (GM/T 0099): adding a file would break it")]
    IntegrityProtected {
        /// The list.
        file: String,
    },
    /// Signature parts that no list names.
    #[error("the package holds signature parts that no list names, first `{first}`")]
    OrphanSignature {
        /// The first of them.
        first: String,
    },
    /// More or fewer documents than one.
    #[error("expected a package of one document, got {got}")]
    NotOneDocument {
        /// How many came.
        got: usize,
    },
    /// A page that is not there.
    #[error("expected a page below {pages}, got {page}, counted from 0")]
    NoSuchPage {
        /// The page asked for.
        page: usize,
        /// How many pages there are.
        pages: usize,
    },
    /// A place that is empty, not a number, or outside the page.
    #[error("the seal's place on page {page} is empty or outside the page")]
    OutsidePage {
        /// The page, counted from 0.
        page: usize,
    },
    /// A seal signature without seal or place, or a plain signature with a seal.
    #[error("a seal signature needs a seal and a place for it; a plain signature takes no seal")]
    SealMismatch,
}

/// A package with everything in it but the signature value.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The new signature's identifier, `s001` and on.
    pub signature_id: String,
    /// The name of the new `Signature.xml` in the package; `TBS_Sign.propertyInfo` carries it with a leading `/`.
    pub signature_path: String,
    /// The bytes of the new `Signature.xml`; their digest is what gets signed (`dataHash`).
    pub signature_xml: Vec<u8>,
    signed_value_path: String,
    files: Vec<(String, Vec<u8>)>,
    time: DosTime,
}

impl Prepared {
    /// The finished package, with `signed_value` (an `SES_Signature`, or a GB/T 35275 structure) as the signature value.
    pub fn finish(self, signed_value: &[u8]) -> Result<Vec<u8>, LayoutError> {
        let mut writer = Writer::new(self.time);
        for (name, data) in &self.files {
            writer.add(name, data);
        }
        writer.add(&self.signature_path, &self.signature_xml);
        writer.add(&self.signed_value_path, signed_value);
        Ok(writer.finish()?)
    }
}

/// Makes `package` ready for a signature: lists it, adds the seal, and digests every file as it will be.
///
/// Existing signatures stay as they are and keep verifying. The same input gives the same bytes.
pub fn prepare(package: &[u8], request: &Request<'_>) -> Result<Prepared, LayoutError> {
    let package = Package::open(package)?;
    check_may_sign(&package)?;
    let [body] = package.doc_bodies() else {
        return Err(LayoutError::NotOneDocument { got: package.doc_bodies().len() });
    };
    let stamps = stamps(&package.pages(0)?, request)?;

    let root = body.doc_root.as_deref().unwrap_or(ROOT_FILE);
    let list_path =
        body.signatures.clone().unwrap_or_else(|| path::join(path::folder(root), "Signs/Signatures.xml"));
    let number = next_number(&package, &list_path);
    let signature_id = format!("s{number:03}");
    let folder = free_folder(&package, path::folder(&list_path));
    let signature_path = path::join(&folder, "Signature.xml");
    let signed_value_path = path::join(&folder, "SignedValue.dat");

    let mut files = Vec::new();
    for name in package.names_in_archive_order().iter().filter(|name| **name != list_path) {
        let data = package.file(name).unwrap_or_default();
        let is_root = name == ROOT_FILE && body.signatures.is_none();
        let data = if is_root { name_the_list(data, &list_path)? } else { data.to_vec() };
        files.push((name.clone(), data));
    }
    let seal_path = request.seal.map(|seal| {
        let seal_path = path::join(&folder, "Seal.esl");
        files.push((seal_path.clone(), seal.to_vec()));
        seal_path
    });
    let list = signatures_xml(package.signatures(), number, &signature_id, request.type_, &signature_path);
    if request.protection == Protection::Whole {
        files.push((list_path.clone(), list.clone()));
    }
    let references = references(&files);
    if request.protection == Protection::MoreSignatures {
        files.push((list_path, list));
    }

    let parts =
        Parts { references, stamps, seal_path, signed_value_path: &signed_value_path, id: &signature_id };
    let signature_xml = signature_xml(request, &parts).into_bytes();
    let time = DosTime::in_china(request.now);
    Ok(Prepared { signature_id, signature_path, signature_xml, signed_value_path, files, time })
}

fn check_may_sign(package: &Package) -> Result<(), LayoutError> {
    if let Some((file, _)) = package.files().find(|(name, _)| name.eq_ignore_ascii_case("OFDEntries.xml")) {
        return Err(LayoutError::IntegrityProtected { file: file.to_owned() });
    }
    if let Some(first) = package.orphan_signature_files().into_iter().next() {
        return Err(LayoutError::OrphanSignature { first });
    }
    for existing in package.signatures() {
        let unreadable = || LayoutError::UnreadableSignature { path: existing.base_loc.clone() };
        let bytes = package.file(&existing.base_loc).ok_or_else(unreadable)?;
        let signature = SignatureXml::parse(bytes).map_err(|_| unreadable())?;
        let covered = coverage::covered_files(package, &existing.base_loc, &signature);
        if package
            .doc_bodies()
            .iter()
            .filter_map(|b| b.signatures.as_ref())
            .any(|list| covered.contains(list))
        {
            return Err(LayoutError::SignaturesProtected { id: existing.id.clone() });
        }
    }
    Ok(())
}

/// The stamps with the identifiers of their pages.
fn stamps(pages: &[Page], request: &Request<'_>) -> Result<Vec<(String, StampPlacement)>, LayoutError> {
    let wants_seal = request.type_ == SignatureType::Seal;
    let has_seal = request.seal.is_some() && !request.stamps.is_empty();
    if wants_seal != has_seal
        || (!wants_seal && !request.stamps.is_empty())
        || request.seal.is_some() != wants_seal
    {
        return Err(LayoutError::SealMismatch);
    }
    let mut placed = Vec::new();
    for stamp in request.stamps {
        let page = pages.get(stamp.page);
        let page = page.ok_or(LayoutError::NoSuchPage { page: stamp.page, pages: pages.len() })?;
        if !shows_on(stamp, page.physical_box) {
            return Err(LayoutError::OutsidePage { page: stamp.page });
        }
        placed.push((page.id.clone(), stamp.clone()));
    }
    Ok(placed)
}

/// A seal across the edge reaches beyond the page; a part of it must be on the page.
fn shows_on(stamp: &StampPlacement, page: Option<PhysicalBox>) -> bool {
    let numbers = [stamp.x, stamp.y, stamp.width, stamp.height];
    let sound = numbers.iter().all(|n| n.is_finite()) && stamp.width > 0.0 && stamp.height > 0.0;
    sound
        && page.is_none_or(|p| {
            stamp.x < p.width
                && stamp.y < p.height
                && stamp.x + stamp.width > 0.0
                && stamp.y + stamp.height > 0.0
        })
}

/// One more than the largest number that ends an identifier or stands in `MaxSignId` (GB/T 33190-2016, 18.1).
fn next_number(package: &Package, list_path: &str) -> u64 {
    let largest = match package.part(list_path) {
        Some(Ok(list)) => list.child_text("MaxSignId").map(trailing_number),
        _ => None,
    };
    let ids = package.signatures().iter().map(|s| trailing_number(&s.id));
    ids.chain(largest).max().unwrap_or(0) + 1
}

/// The number at the end of `id`, at most 9 digits of it; 0 when there is none.
fn trailing_number(id: &str) -> u64 {
    let digits: Vec<char> = id.chars().rev().take_while(char::is_ascii_digit).take(9).collect();
    digits.iter().rev().collect::<String>().parse().unwrap_or(0)
}

fn free_folder(package: &Package, signs: &str) -> String {
    let taken = |folder: &str| package.files().any(|(name, _)| name.to_lowercase().starts_with(folder));
    let mut number = 0;
    loop {
        let folder = path::join(signs, &format!("Sign_{number}"));
        if !taken(&format!("{}/", folder.to_lowercase())) {
            return folder;
        }
        number += 1;
    }
}

/// `OFD.xml` with the list of signatures named as the last child of `DocBody`; every other byte stays.
fn name_the_list(root: &[u8], list_path: &str) -> Result<Vec<u8>, LayoutError> {
    let failed = |source| OfdError::Xml { part: ROOT_FILE.to_owned(), source };
    let (at, prefix) = xml::end_tag_position(root, "DocBody")
        .and_then(|found| found.ok_or(XmlError::Malformed { at: root.len() as u64 }))
        .map_err(failed)?;
    let (before, after) = root.split_at_checked(at).ok_or(failed(XmlError::Malformed { at: at as u64 }))?;
    let named = format!("<{prefix}Signatures>/{}</{prefix}Signatures>", escape(list_path));
    Ok([before, named.as_bytes(), after].concat())
}

fn signatures_xml(
    existing: &[SignatureRef],
    number: u64,
    id: &str,
    type_: SignatureType,
    signature_path: &str,
) -> Vec<u8> {
    let mut out = xml_head("Signatures");
    let _ = write!(out, "<ofd:MaxSignId>s{number:03}</ofd:MaxSignId>");
    let type_name = |type_| if type_ == SignatureType::Seal { "Seal" } else { "Sign" };
    for signature in existing {
        let relative = signature.relative.as_deref().map(|r| format!(" Relative=\"{}\"", escape(r)));
        let _ = write!(
            out,
            "<ofd:Signature ID=\"{}\" Type=\"{}\" BaseLoc=\"/{}\"{}/>",
            escape(&signature.id),
            type_name(signature.type_),
            escape(&signature.base_loc),
            relative.unwrap_or_default(),
        );
    }
    let path = escape(signature_path);
    let _ = write!(out, "<ofd:Signature ID=\"{id}\" Type=\"{}\" BaseLoc=\"/{path}\"/>", type_name(type_));
    out.push_str("</ofd:Signatures>");
    out.into_bytes()
}

fn references(files: &[(String, Vec<u8>)]) -> String {
    let contents: Vec<&[u8]> = files.iter().map(|(_, data)| data.as_slice()).collect();
    let digests = gm::sm3::hash_many(&contents);
    files.iter().zip(digests).fold(String::new(), |mut out, ((name, _), digest)| {
        let (name, digest) = (escape(name), BASE64.encode(digest));
        let _ = write!(
            out,
            "<ofd:Reference FileRef=\"/{name}\"><ofd:CheckValue>{digest}</ofd:CheckValue></ofd:Reference>"
        );
        out
    })
}

struct Parts<'a> {
    references: String,
    stamps: Vec<(String, StampPlacement)>,
    seal_path: Option<String>,
    signed_value_path: &'a str,
    id: &'a str,
}

/// `Signature.xml`, its elements in the order of the standard's schema.
fn signature_xml(request: &Request<'_>, parts: &Parts<'_>) -> String {
    let Provider { name, company, version } = request.provider;
    let mut out = xml_head("Signature");
    let _ = write!(
        out,
        "<ofd:SignedInfo><ofd:Provider ProviderName=\"{}\" Company=\"{}\" Version=\"{}\"/>",
        escape(name),
        escape(company),
        escape(version),
    );
    let method = escape(request.signature_method);
    let time = request.now.generalized_time();
    let _ = write!(out, "<ofd:SignatureMethod>{method}</ofd:SignatureMethod>");
    let _ = write!(out, "<ofd:SignatureDateTime>{time}</ofd:SignatureDateTime>");
    let references = &parts.references;
    let _ = write!(out, "<ofd:References CheckMethod=\"{CHECK_METHOD_SM3}\">{references}</ofd:References>");
    for (i, (page_id, stamp)) in parts.stamps.iter().enumerate() {
        let boundary = rectangle(stamp.x, stamp.y, stamp.width, stamp.height);
        let clip = stamp.clip.map(|c| format!(" Clip=\"{}\"", rectangle(c.x, c.y, c.width, c.height)));
        let _ = write!(
            out,
            "<ofd:StampAnnot ID=\"{}-{}\" PageRef=\"{}\" Boundary=\"{boundary}\"{}/>",
            parts.id,
            i + 1,
            escape(page_id),
            clip.unwrap_or_default(),
        );
    }
    if let Some(seal) = &parts.seal_path {
        let _ = write!(out, "<ofd:Seal><ofd:BaseLoc>/{}</ofd:BaseLoc></ofd:Seal>", escape(seal));
    }
    let value = escape(parts.signed_value_path);
    let _ = write!(out, "</ofd:SignedInfo><ofd:SignedValue>/{value}</ofd:SignedValue></ofd:Signature>");
    out
}

fn rectangle(x: f64, y: f64, width: f64, height: f64) -> String {
    [x, y, width, height].map(mm).join(" ")
}

/// The declaration and the start tag of the root element `name` in OFD's namespace.
pub(super) fn xml_head(name: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ofd:{name} xmlns:ofd=\"http://www.ofdspec.org/2016\">"
    )
}
