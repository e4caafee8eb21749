//! Documents: sealed, issued as e-certificates, verified.

use base::{Clock, SystemClock, Timestamp};
use document::ofd::write::{Align, BLACK, Builder, Info, Text};
use ecert::CertificateIdentifier;
use pki::Certificate;
use seal::report::Indication;
use seal::{TrustAnchors, verify};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Wrong;
use crate::decisions::Prover;
use crate::http::{Answer, Connection, Request};
use crate::measure::{Operation, Worker};
use crate::tokens::{Client, unexpected};

const OFD: &str = "application/ofd";
const A4_MM: (f64, f64) = (210.0, 297.0);

/// A letter of one page.
pub fn letter(now: Timestamp) -> Result<Vec<u8>, Wrong> {
    let mut letter = Builder::new(Info {
        doc_id: *b"yinxin-load-test",
        title: "关于办理情况的复函".to_owned(),
        author: "示例市人民政府办公厅".to_owned(),
        created: now,
        creator: ("yinxin-load".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        custom_data: Vec::new(),
    });
    let font = letter.font("宋体", false);
    let page = letter.page(A4_MM.0, A4_MM.1);
    for line in 0..20u8 {
        letter.text(
            page,
            &Text {
                content: "来函收悉。经研究，现将有关办理情况函复如下，请予查收。",
                x: 25.0,
                y: 37.0 + 8.0 * f64::from(line),
                width: 160.0,
                font,
                size: 5.0,
                spacing: 0.0,
                colour: BLACK,
                align: Align::Left,
            },
        );
    }
    letter.build().map_err(|e| Wrong::new(format!("the letter: {e}")))
}

/// Whom the generator trusts when it verifies sealed files itself.
pub fn anchors(connection: &mut Connection) -> Result<TrustAnchors, Wrong> {
    let root = certificate(connection, "/pki/root.pem")?;
    let issuing = certificate(connection, "/pki/issuing.pem")?;
    Ok(TrustAnchors { anchors: [root].into_iter().collect(), intermediates: vec![issuing], statuses: None })
}

fn certificate(connection: &mut Connection, path: &str) -> Result<Certificate, Wrong> {
    let answer = connection.send(&Request::get(path).into_bytes())?;
    Certificate::from_pem(&String::from_utf8_lossy(&answer.body))
        .map_err(|e| Wrong::new(format!("`{path}`: {e}")))
}

/// Verifies a sealed file without the server: every digest and signature must hold, from the seal up to the root.
fn verify_offline(file: &[u8], trust: &TrustAnchors) -> Result<(), Wrong> {
    let report = verify::verify_file(file, trust, SystemClock.now());
    let sealed =
        !report.signatures.is_empty() && report.verdicts.gbt38540.indication == Indication::TotalPassed;
    if sealed { Ok(()) } else { Err(Wrong::new(format!("a sealed file does not verify: {}", report.reason))) }
}

/// A one-page document is sealed.
pub struct Sealing<'a> {
    /// Who seals; may use scope `seal:use`, and this seal.
    pub client: &'a Client,
    /// The seal.
    pub seal: &'a str,
    /// The document.
    pub document: &'a [u8],
    /// Whom to trust.
    pub trust: &'a TrustAnchors,
}

impl Sealing<'_> {
    /// The request that seals the document.
    pub fn request(&self, connection: &mut Connection) -> Result<Vec<u8>, Wrong> {
        let path = format!("/v1/seals/{}/documents", self.seal);
        let token = self.client.token(connection)?;
        Ok(Request::post(&path).bearer(&token).body(OFD, self.document).into_bytes())
    }
}

impl Operation for Sealing<'_> {
    fn name(&self) -> &'static str {
        "seal a one-page OFD"
    }

    fn worker(&self, connection: &mut Connection) -> Result<Box<dyn Worker + '_>, Wrong> {
        let prover = Prover::new(connection)?;
        Ok(Box::new(SealingWorker { request: self.request(connection)?, trust: self.trust, prover }))
    }
}

struct SealingWorker<'a> {
    request: Vec<u8>,
    trust: &'a TrustAnchors,
    prover: Prover,
}

impl Worker for SealingWorker<'_> {
    fn request(&mut self) -> Option<&[u8]> {
        Some(&self.request)
    }

    fn check(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let sealing = answer.header("yinxin-sealing").is_some_and(|id| id.starts_with("sng_"));
        let good = answer.status == 201 && sealing && answer.body.starts_with(b"PK\x03\x04");
        if good { Ok(()) } else { Err(unexpected("201 and a sealed OFD", answer)) }
    }

    fn check_fully(&mut self, answer: &Answer) -> Result<(), Wrong> {
        verify_offline(&answer.body, self.trust)?;
        self.prover.check(answer.header("yinxin-log-entry").unwrap_or_default())
    }
}

/// An e-certificate is issued: page drawn, sealed, kept, logged.
pub struct Issuing<'a> {
    /// Who issues; may use scope `ecert:issue`, and issue this type.
    pub client: &'a Client,
    /// What is applied for.
    pub application: Value,
    /// Whom to trust.
    pub trust: &'a TrustAnchors,
}

impl Operation for Issuing<'_> {
    fn name(&self) -> &'static str {
        "issue an e-certificate"
    }

    fn worker(&self, connection: &mut Connection) -> Result<Box<dyn Worker + '_>, Wrong> {
        let token = self.client.token(connection)?;
        let request = Request::post("/v1/certificates").bearer(&token).json(&self.application).into_bytes();
        let connection = Connection::open(connection.address()?)?;
        Ok(Box::new(IssuingWorker { request, token, trust: self.trust, connection }))
    }
}

struct IssuingWorker<'a> {
    request: Vec<u8>,
    token: String,
    trust: &'a TrustAnchors,
    connection: Connection,
}

#[derive(Deserialize)]
struct Issued<'a> {
    identifier: &'a str,
    sm3: &'a str,
    log_entry: &'a str,
}

impl IssuingWorker<'_> {
    fn issued<'a>(&self, answer: &'a Answer) -> Result<Issued<'a>, Wrong> {
        let issued: Option<Issued<'_>> = serde_json::from_slice(&answer.body).ok();
        // The check character is part of what is parsed (GB/T 36904).
        let good =
            |i: &Issued<'_>| answer.status == 201 && i.identifier.parse::<CertificateIdentifier>().is_ok();
        issued.filter(good).ok_or_else(|| unexpected("201 and an identifier", answer))
    }
}

impl Worker for IssuingWorker<'_> {
    fn request(&mut self) -> Option<&[u8]> {
        Some(&self.request)
    }

    fn check(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let issued = self.issued(answer)?;
        let complete = issued.sm3.len() == 64 && issued.log_entry.starts_with("log_");
        if complete { Ok(()) } else { Err(unexpected("a digest and a log entry", answer)) }
    }

    fn check_fully(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let issued = self.issued(answer)?;
        let path = format!("/v1/certificates/{}/file", issued.identifier);
        let file = self.connection.send(&Request::get(&path).bearer(&self.token).into_bytes())?;
        if base::encoding::hex(&gm::sm3::hash(&file.body)) != issued.sm3 {
            return Err(unexpected("the file with the digest that was promised", &file));
        }
        verify_offline(&file.body, self.trust)
    }
}

/// A value for each field that `type_`, an entry of the catalogue, asks for.
pub fn application(type_: &ecert::CertificateType, holder: (&str, &str)) -> Value {
    use ecert::certificate_type::FieldKind;
    let surface = type_.surface.iter().map(|field| {
        let value = match &field.kind {
            FieldKind::Text { max_chars } => "示例".chars().take(*max_chars).collect(),
            FieldKind::Date => "2026-11-24".to_owned(),
            FieldKind::Number => "1".to_owned(),
            FieldKind::SocialCreditCode => type_.define_authority_code().to_owned(),
            FieldKind::CitizenNumber => holder.1.to_owned(),
            FieldKind::Choice { values } => values.first().cloned().unwrap_or_default(),
        };
        (field.key.clone(), Value::from(value))
    });
    json!({
        "type_code": type_.code,
        "holder_name": holder.0,
        "holder_type": "111",
        "holder_code": holder.1,
        "surface": surface.collect::<serde_json::Map<_, _>>(),
    })
}

/// A sealed document is verified.
pub struct Verifying<'a> {
    /// The document.
    pub sealed: &'a [u8],
}

impl Operation for Verifying<'_> {
    fn name(&self) -> &'static str {
        "verify a sealed OFD"
    }

    fn worker(&self, _: &mut Connection) -> Result<Box<dyn Worker + '_>, Wrong> {
        let request = Request::post("/v1/verify").body(OFD, self.sealed);
        Ok(Box::new(VerifyingWorker { request: request.into_bytes() }))
    }
}

struct VerifyingWorker {
    request: Vec<u8>,
}

#[derive(Deserialize)]
struct Report<'a> {
    kind: &'a str,
    indication: &'a str,
}

impl Worker for VerifyingWorker {
    fn request(&mut self) -> Option<&[u8]> {
        Some(&self.request)
    }

    fn check(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let report: Option<Report<'_>> = serde_json::from_slice(&answer.body).ok();
        let passed = report.is_some_and(|r| r.kind == "ofd" && r.indication == "TOTAL-PASSED");
        if answer.status == 200 && passed { Ok(()) } else { Err(unexpected("200 and TOTAL-PASSED", answer)) }
    }

    fn check_fully(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let report: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let one_seal = report.get("signatures").and_then(Value::as_array).is_some_and(|s| s.len() == 1);
        let in_log = report.get("log").is_some_and(Value::is_object);
        if one_seal && in_log { Ok(()) } else { Err(unexpected("one signature and the log's proof", answer)) }
    }
}
