//! The layer line of ARCHITECTURE.md, compared with what the manifests say.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Low to high: a crate may use any crate of a lower layer.
const LAYERS: &[&[&str]] = &[
    &["base", "gm"],
    &["pki", "jose"],
    &["identity", "oidc", "policy", "trust", "document", "seal", "ecert", "kms", "audit"],
    &["store"],
    &["flows"],
    &["server"],
    &["yinxin", "conformance"],
];

/// Who may use whom within a layer, and why.
const SIDEWAYS: &[(&str, &str, &str)] = &[
    ("jose", "pki", "a JWK is made from a `pki::PublicKey` and turned back into one"),
    ("seal", "document", "a seal is put on, and read from, a document"),
    ("ecert", "document", "an e-certificate's face is an OFD page"),
    ("ecert", "identity", "a holder is a person or a company, with a number that is checked"),
];

/// Crates that stand for a kind of work, and the only ones of ours that may do it.
const RESERVED: &[(&str, &[&str], &str)] = &[
    ("sqlx", &["store"], "only `store` knows the databases"),
    ("axum", &["server"], "only `server` speaks HTTP"),
    ("hyper", &["server"], "only `server` speaks HTTP"),
    ("cookie", &["server"], "only `server` speaks HTTP"),
    ("askama", &["server"], "pages are the server's"),
    ("fluent-bundle", &["server"], "pages are the server's"),
    (
        "reqwest",
        &["flows", "yinxin"],
        "the service calls applications from one place; the tour and the tests are clients",
    ),
    ("openidconnect", &["flows"], "upstream providers are asked in one place"),
    ("clap", &["yinxin"], "the binary alone has a command line"),
    ("tokio", &["store", "flows", "server", "yinxin"], "what is below `store` does no input or output"),
    ("tracing", &["store", "flows", "server", "yinxin"], "what is below `store` tells its caller, not a log"),
    ("cedar-policy", &["policy"], "the policy language is an inner matter of `policy`"),
    ("x509-parser", &["pki"], "certificates are read in one place"),
    ("jsonwebtoken", &["jose"], "tokens are read and made in one place"),
    ("quick-xml", &["document"], "XML is read and written in one place"),
    ("miniz_oxide", &["document"], "ZIP is read and written in one place"),
    ("getrandom", &["base"], "randomness enters through `base::Entropy`"),
    ("argon2", &["identity"], "passwords are an inner matter of `identity`"),
];

/// The crate that is no part of the product.
const JUDGE: &str = "conformance";

/// Never in the product, whoever asks: only under `[dev-dependencies]`.
const TESTS_ONLY: &[&str] = &[
    "libsm",
    "aes-gcm",
    "ctr",
    "p256",
    "proptest",
    "tempfile",
    "thirtyfour",
    "sm2",
    "sm3",
    "sm4",
    "ghash",
    "x509-cert",
    "hmac",
    "pbkdf2",
    "hkdf",
];

#[test]
fn every_crate_has_its_place_in_the_line() {
    let placed: BTreeSet<&str> = LAYERS.iter().copied().flatten().copied().collect();
    let crates = crates();
    let members: BTreeSet<&str> = crates.keys().map(String::as_str).collect();
    assert_eq!(members, placed, "the workspace's members, and the crates of the layer line");
}

#[test]
fn a_crate_uses_lower_layers_only() {
    let mut used_sideways = BTreeSet::new();
    for (user, uses) in &crates() {
        // A crate may name itself among what its tests use: that turns a feature on for them.
        let itself = |used: &Dependency| used.name == *user && used.kind == Kind::Tests;
        for used in uses.iter().filter(|used| layer(&used.name).is_some() && !itself(used)) {
            if sideways(user, &used.name) {
                used_sideways.insert((user.clone(), used.name.clone()));
                continue;
            }
            assert!(
                layer(&used.name) < layer(user),
                "`{user}` uses `{}`: not a lower layer, nor in the table of sideways uses",
                used.name
            );
        }
    }
    for (user, used, why) in SIDEWAYS {
        let still = used_sideways.contains(&((*user).to_owned(), (*used).to_owned()));
        assert!(still, "`{user}` no longer uses `{used}` ({why}): take the line out of the table");
    }
}

#[test]
fn each_kind_of_work_is_done_by_its_own_crates() {
    for (user, uses) in &crates() {
        for used in uses {
            let Some((_, allowed, why)) = RESERVED.iter().find(|(name, ..)| *name == used.name) else {
                continue;
            };
            // The judge of other providers is a tool for tests, with a command line and a client of its own.
            let tests_of_the_whole = user == JUDGE || (user == "yinxin" && used.kind == Kind::Tests);
            assert!(
                allowed.contains(&user.as_str()) || tests_of_the_whole,
                "`{user}` uses `{}`: {why}",
                used.name
            );
        }
    }
}

#[test]
fn what_is_for_tests_stays_out_of_the_product() {
    for (user, uses) in &crates() {
        for used in uses.iter().filter(|used| used.kind != Kind::Tests && user != JUDGE) {
            assert!(!TESTS_ONLY.contains(&used.name.as_str()), "`{user}` ships `{}`", used.name);
        }
    }
}

#[derive(PartialEq, Eq, Debug)]
enum Kind {
    Product,
    Build,
    Tests,
}

struct Dependency {
    name: String,
    kind: Kind,
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|names| names.contains(&name))
}

fn sideways(user: &str, used: &str) -> bool {
    SIDEWAYS.iter().any(|(from, to, _)| (*from, *to) == (user, used))
}

/// What each member of the workspace depends on, by its name.
fn crates() -> BTreeMap<String, Vec<Dependency>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--no-deps", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

fn package(package: &Value) -> (String, Vec<Dependency>) {
    let dependencies = package["dependencies"].as_array().unwrap().iter().map(dependency).collect();
    (package["name"].as_str().unwrap().to_owned(), dependencies)
}

fn dependency(dependency: &Value) -> Dependency {
    let kind = match dependency["kind"].as_str() {
        None => Kind::Product,
        Some("dev") => Kind::Tests,
        Some(_) => Kind::Build,
    };
    Dependency { name: dependency["name"].as_str().unwrap().to_owned(), kind }
}
