//! The certified client `openid-client` (npm) as the relying party: what `tests/openid_client.mjs` does must hold.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::kit::program::Program;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openid_client.mjs");
const STEPS_COUNT: usize = 6;

#[test]
fn a_certified_client_discovers_logs_in_refreshes_and_logs_out() {
    let folder = tempfile::tempdir().unwrap();
    if let Err(why) = install(folder.path()) {
        eprintln!("skipped: npm could not install openid-client: {why}");
        return;
    }
    let program = Program::serve_sample_province();
    let citizen = program.citizen();
    let application = program.application("portal");
    let given = json!({
        "issuer": program.issuer,
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "redirect_uri": application.redirect_uris[0],
        "post_logout_redirect_uri": application.post_logout_redirect_uris[0],
        "user_name": citizen.user_name,
        "password": citizen.password,
    });

    let script = folder.path().join("openid_client.mjs"); // beside its node_modules
    fs::copy(SCRIPT, &script).unwrap();
    let mut node = Command::new("node")
        .arg(&script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    node.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);

    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(told.lines().filter(|line| line.starts_with("held: ")).count(), STEPS_COUNT, "{told}");
    assert!(told.ends_with("done\n"), "{told}");
}

fn install(folder: &Path) -> Result<(), String> {
    let options =
        ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error", "--fetch-retries=1"];
    let mut npm = Command::new("npm");
    npm.arg("install").args(options).arg("--prefix").arg(folder).arg("openid-client@6").current_dir(folder);
    let output = npm.output().map_err(|error| error.to_string())?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Ok(())
    } else {
        Err(complaint.lines().next().unwrap_or("no reason").to_owned())
    }
}
