//! `yinxin verify FILE`: the graded report, offline.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base::{Clock, SystemClock};
use clap::{Args, ValueEnum};
use pki::Certificate;
use pki::path::Anchors;
use seal::report::{Indication, Language};
use seal::{Report, TrustAnchors};
use store::Db;
use store::rows::keys;

use super::{failed, say};
use crate::StartError;

/// Flags of `verify`.
#[derive(Args)]
pub struct VerifyFlags {
    /// The file: a sealed OFD document, an e-certificate, or a seal (.esl)
    file: PathBuf,
    /// A trusted authority's certificate (PEM); may be repeated
    #[arg(long, value_name = "PEM")]
    anchor: Vec<PathBuf>,
    /// Trust the built-in authority of this data folder as well [usual: ./data if it is there]
    #[arg(long, env = "YINXIN_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The whole report as JSON
    #[arg(long)]
    json: bool,
    /// The report's language
    #[arg(long, value_enum, default_value = "en")]
    lang: Lang,
}

#[derive(Clone, Copy, ValueEnum)]
enum Lang {
    Zh,
    En,
}

/// Verifies and prints. Exits with 0 when everything holds, 1 when the file fails, 2 when it cannot be decided.
pub async fn run(flags: VerifyFlags) -> ExitCode {
    match verify(&flags).await {
        Ok(report) => print(&report, &flags),
        Err(error) => failed(&error),
    }
}

async fn verify(flags: &VerifyFlags) -> Result<Report, StartError> {
    let file = read("file", &flags.file)?;
    let trust = trust(flags).await?;
    Ok(seal::verify_file(&file, &trust, SystemClock.now()))
}

async fn trust(flags: &VerifyFlags) -> Result<TrustAnchors, StartError> {
    let mut anchors = Anchors::new();
    for path in &flags.anchor {
        let text = String::from_utf8_lossy(&read("anchor", path)?).into_owned();
        let certificates = Certificate::all_from_pem(&text)
            .map_err(|e| StartError::Configuration(format!("anchor `{}`: {e}", path.display())))?;
        // Named by hand: trusted for its name and key, whatever its extensions say.
        certificates.into_iter().for_each(|certificate| anchors.add_key_only(certificate));
    }
    let mut intermediates = Vec::new();
    let own = flags.data.clone().unwrap_or_else(|| PathBuf::from("data")).join("yinxin.db");
    if own.exists() {
        let (roots, issuing) = built_in(&own).await?;
        roots.into_iter().for_each(|root| anchors.add(root));
        intermediates = issuing;
    } else if flags.data.is_some() {
        return Err(StartError::Configuration(format!("there is no database `{}`", own.display())));
    }
    Ok(TrustAnchors { anchors, intermediates, statuses: None })
}

async fn built_in(database: &Path) -> Result<(Vec<Certificate>, Vec<Certificate>), StartError> {
    let db = Db::open(&format!("sqlite:{}", database.display())).await?;
    let mut conn = db.read().await?;
    let mut load = Vec::new();
    for profile in [flows::keyring::profile::ROOT, flows::keyring::profile::ISSUING] {
        let rows = keys::certificates(&mut conn, profile).await?;
        let certificates = rows.iter().map(|row| Certificate::from_der(&row.der));
        load.push(certificates.collect::<Result<Vec<_>, _>>().map_err(flows::Fault::from)?);
    }
    let issuing = load.pop().unwrap_or_default();
    Ok((load.pop().unwrap_or_default(), issuing))
}

fn print(report: &Report, flags: &VerifyFlags) -> ExitCode {
    if flags.json {
        match serde_json::to_string_pretty(report) {
            Ok(json) => say(json),
            Err(error) => return failed(&error),
        }
    } else {
        let language = match flags.lang {
            Lang::Zh => Language::Chinese,
            Lang::En => Language::English,
        };
        say(report.to_text(language));
    }
    match report.indication {
        Indication::TotalPassed => ExitCode::SUCCESS,
        Indication::TotalFailed => ExitCode::from(1),
        Indication::Indeterminate => ExitCode::from(2),
    }
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, StartError> {
    fs::read(path).map_err(|source| StartError::File { what, path: path.to_owned(), source })
}
