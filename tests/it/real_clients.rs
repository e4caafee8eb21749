//! Relying parties that nobody here wrote: each goes through its whole life against the program, and what its script in
//! `tests/clients` does must hold. They are installed from their registries, at the versions named here.

mod browser;

use crate::kit::foreign::Workshop;
use crate::kit::program::Program;

pub(crate) const JOSE: &str = "jose@6.2.18";
const OPENID_CLIENT: &str = "openid-client@6.9.0";
const OAUTH4WEBAPI: &str = "oauth4webapi@3.8.8";
const AUTHLIB: &str = "Authlib==1.9.10";
const REQUESTS: &str = "requests==2.34.2";
const IDPYOIDC: &str = "idpyoidc==5.0.0";
/// What the Python clients ask for themselves and leave open.
const CRYPTOJWT: &str = "cryptojwt==1.11.0";
const JOSERFC: &str = "joserfc==1.8.0";

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_plain_and_as_strict_as_it_can_be() {
    let Some(workshop) = Workshop::of_node(&[OPENID_CLIENT, JOSE]) else { return };
    let program = Program::serve_sample_province_with(&["--dpop-nonces-required"]);
    workshop.holds("openid_client.mjs", &program.given().await, 23);
}

#[tokio::test(flavor = "multi_thread")]
async fn oauth4webapi_which_checks_everything() {
    let Some(workshop) = Workshop::of_node(&[OAUTH4WEBAPI, JOSE]) else { return };
    let program = Program::serve_sample_province_with(&["--dpop-nonces-required"]);
    workshop.holds("oauth4webapi.mjs", &program.given().await, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn authlib_with_a_secret_and_with_a_key() {
    let Some(workshop) = Workshop::of_python(&[AUTHLIB, REQUESTS, JOSERFC]) else { return };
    let program = Program::serve_sample_province();
    workshop.holds("authlib_client.py", &program.given().await, 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn idpyoidc_which_registers_itself() {
    let Some(workshop) = Workshop::of_python(&[IDPYOIDC, REQUESTS, CRYPTOJWT]) else { return };
    let program = Program::serve_sample_province();
    workshop.holds("idpyoidc_rp.py", &program.given().await, 5);
}
