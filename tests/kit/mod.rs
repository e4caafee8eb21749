//! What the stories stand on.
//!
//! - [`app`] the whole service in this process, on either engine, with a clock that a story moves: [`clock`], and randomness that it
//!   breaks: [`randomness`].
//! - [`actors`] people at their browsers, and applications.
//! - [`keys`] an application's own key, which signs what it should and what nobody should take.
//! - [`services`] what systems ask for: proofs, seals, certificates.
//! - [`program`] the program itself, serving the sample province.
//! - [`command`] its other commands.
//! - [`postgres`] a database for one story, when the run is on PostgreSQL.
//! - [`intruder`] somebody who gets at the database past the service.
//! - [`relying_party`] the place an application is returned to.
//! - [`site`] what an application publishes, and where it is told something.
//! - [`provider`] an upstream provider that says whatever a story wants.
//! - [`reader`] an application with a private key, which reads what is encrypted to it.
//! - [`client_certificates`] certificates of applications, and connections that show them.
//! - [`browser`] Chromium.
//! - [`foreign`] clients that others wrote, from their registries.
//! - [`crash`] the program killed in the middle of its work.
//! - [`documents`] a document to seal, and one that somebody changed afterwards.
//! - [`packages`] packages that are not as they should be.

pub(crate) mod actors;
pub(crate) mod app;
pub(crate) mod browser;
pub(crate) mod client_certificates;
pub(crate) mod clock;
pub(crate) mod command;
pub(crate) mod crash;
pub(crate) mod documents;
pub(crate) mod foreign;
#[path = "../../src/jose/tests/it/jwe/holder.rs"]
#[expect(dead_code, reason = "the tests of `jose` read printed examples too")]
mod holder;
pub(crate) mod intruder;
pub(crate) mod keys;
pub(crate) mod packages;
pub(crate) mod postgres;
pub(crate) mod program;
pub(crate) mod provider;
pub(crate) mod randomness;
pub(crate) mod reader;
pub(crate) mod relying_party;
pub(crate) mod services;
pub(crate) mod site;
