//! The standards' own examples, run against this product and told clause by clause.
//!
//! `cargo run -p conformance -- gm` runs one domain, `-- all` every one. Exits with failure when a case does not hold, when a data
//! file has a field that its runner does not consume, or when there was nothing to run.
//!
//! - [`data`] reads the data files: facts in our own form, each with the clause it comes from.
//! - [`report`] counts and prints.
//! - [`gm`] SM2, SM3, SM4.
//! - [`jose`] tokens and keys.
//! - [`oidc`] OpenID Connect.
//! - [`ecert`] identifiers of certificates and their holders.
//! - [`audit`] the log.
//! - [`authzen`] access decisions.
//! - [`pki`] certificates.
//! - [`seal`] seals.
//! - [`op`] an OpenID provider judged over HTTP: `cargo run -p conformance -- oidc --issuer URL`.
//! - [`authority`] the authority, the seal maker and the bureau that the last two need.

mod audit;
mod authority;
mod authzen;
mod data;
mod ecert;
mod gm;
mod jose;
mod oidc;
mod op;
mod pki;
mod report;
mod seal;

use std::io::{self, Write};
use std::process::ExitCode;

use report::Report;

/// One field of standards: its data lies in `conformance/NAME/*.toml`, its runner in `conformance/NAME.rs`.
struct Domain {
    name: &'static str,
    about: &'static str,
    run: fn(&mut Report),
}

/// Every domain there is. A new one is a module, a folder of data and a line here.
const DOMAINS: &[Domain] = &[
    Domain { name: "gm", about: "SM2, SM3, SM4 and what is built on them", run: gm::run },
    Domain { name: "jose", about: "signed tokens, keys and their thumbprints", run: jose::run },
    Domain {
        name: "oidc",
        about: "OpenID Connect: proof keys, metadata, authorization requests",
        run: oidc::run,
    },
    Domain { name: "ecert", about: "identifiers of certificates and of their holders", run: ecert::run },
    Domain { name: "audit", about: "the log: its tree, its proofs, its checkpoints", run: audit::run },
    Domain { name: "authzen", about: "access decisions as OpenID AuthZEN asks for them", run: authzen::run },
    Domain { name: "pki", about: "certificates in the national profile", run: pki::run },
    Domain { name: "seal", about: "seals and sealed documents, step by step", run: seal::run },
];

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("oidc", arguments)) = names.split_first().map(|(name, rest)| (name.as_str(), rest))
        && !arguments.is_empty()
        && arguments.iter().all(|argument| DOMAINS.iter().all(|domain| domain.name != argument))
    {
        return op::main(arguments);
    }
    let all = names.iter().any(|n| n == "all");
    let wanted = |domain: &&Domain| all || names.iter().any(|n| n == domain.name);
    let unknown = names.iter().find(|n| *n != "all" && DOMAINS.iter().all(|d| d.name != *n));
    if names.is_empty() || unknown.is_some() {
        return usage(unknown);
    }
    let mut report = Report::new(Box::new(io::stdout()));
    for domain in DOMAINS.iter().filter(wanted) {
        report.domain(domain.name, domain.about, domain.run);
    }
    if report.finish() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn usage(unknown: Option<&String>) -> ExitCode {
    let mut err = io::stderr();
    // Nobody can be told when the error stream is closed; the exit code still says it.
    if let Some(name) = unknown {
        let _ = writeln!(err, "no domain `{name}`");
    }
    let _ = writeln!(err, "usage: conformance all | DOMAIN... | oidc --issuer URL [--help]");
    for Domain { name, about, .. } in DOMAINS {
        let _ = writeln!(err, "  {name:<10} {about}");
    }
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_of_every_domain_holds() {
        for domain in DOMAINS {
            let mut report = Report::new(Box::new(io::sink()));
            report.domain(domain.name, domain.about, domain.run);
            assert!(report.finish(), "run `conformance {}` to see which case does not hold", domain.name);
        }
    }
}
