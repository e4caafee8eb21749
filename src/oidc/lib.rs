//! OpenID Connect and OAuth 2.0 as rules over values: everything of the protocol that needs no database, clock or network.
//!
//! In the order in which a login meets them:
//!
//! - [`issuer`] the provider's own name, from which every endpoint's address is made.
//! - [`client`] what an application registered, and what it may register; [`registration`] in which words;
//!   [`registration_change`] when people are asked anew because it changed.
//! - [`concerns`] what whoever approves a registration should look at.
//! - [`self_registration`] what software may register for itself, [`software_statement`] what others vouch for, and [`metadata_document`]
//!   registrations that are published where the client's identifier leads.
//! - [`look_alike`] names that a reader takes for one another.
//! - [`encryption`] what answers are encrypted for a client with.
//! - [`redirect_uri`] which redirect URIs may be registered, and when a received one is the same.
//! - [`params`] request parameters from hostile bytes.
//! - [`authorize`] the authorization request: a table of checks, then a typed request; and the two answers.
//! - [`scope`], [`resource`], [`pkce`] the values it carries.
//! - [`client_authentication`] who is calling the token endpoint.
//! - [`dpop`] proofs of a key, to which tokens are bound.
//! - [`mtls`] client certificates: whom one proves.
//! - [`confirmation`] what tokens are bound to: a key, a certificate.
//! - [`token`] what they ask of it, and the rules for codes, refresh tokens and machine clients.
//! - [`details`] what was granted in detail, and who gets how much of it.
//! - [`deferred`] requests that a person answers elsewhere, and [`device`] those that come from a device without a browser.
//! - [`exchange`] a person's token exchanged for one of who is called for them.
//! - [`ciba`] those that we ask a person where they are, at an application's request.
//! - [`jwt_bearer`] assertions about people by issuers that a registration trusts.
//! - [`claims`] what ID tokens, access tokens and userinfo say.
//! - [`subject`] the names under which clients know people.
//! - [`session_state`] how an application's page learns that the login has changed.
//! - [`logout`] ending the session at the application's request.
//! - [`discovery`] what clients read about us, and the paths of the endpoints.
//! - [`error`] the error codes, and what may stand in a description.
//! - [`lifetimes`] how long each thing lives.

pub mod authorize;
pub mod ciba;
pub mod claims;
pub mod client;
pub mod client_authentication;
pub mod concerns;
pub mod confirmation;
pub mod deferred;
pub mod details;
pub mod device;
pub mod discovery;
pub mod dpop;
pub mod encryption;
pub mod error;
pub mod exchange;
pub mod issuer;
pub mod jwt_bearer;
pub mod lifetimes;
pub mod logout;
pub mod look_alike;
pub mod metadata_document;
pub mod mtls;
pub mod params;
pub mod pkce;
pub mod redirect_uri;
pub mod registration;
pub mod registration_change;
pub mod resource;
pub mod scope;
pub mod self_registration;
pub mod session_state;
pub mod software_statement;
pub mod subject;
pub mod token;

pub use client::{Client, ClientId};
pub use confirmation::Confirmation;
pub use error::{ErrorCode, OauthError};
pub use issuer::Issuer;
pub use params::{Params, ParamsError};
pub use registration::Registration;
pub use scope::Scope;

#[cfg(test)]
mod example;
