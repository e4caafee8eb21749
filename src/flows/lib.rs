//! What people and systems do, one file per thing done. Flows hold the branches and the transaction; the pure crates decide.
//!
//! The ground:
//! - [`env`] the clock, the dice, the database, the keys, the policies: everything a flow needs, made once at the start.
//! - [`error`] the two ways a flow ends early: the caller's fault, with a reason, or ours.
//! - [`keyring`] the opened keys, and the two published key sets.
//! - [`rotate_keys`] the keys that sign tokens take turns.
//! - [`passwords`] Argon2id in a bounded pool off the async threads.
//! - [`set_up`] the first start: keys, certificates, the enrolment code.
//! - [`tls_certificate`] the built-in authority's certificate for this server's TLS.
//! - [`log`] entries written with their effect; the sequencer; proofs. [`log_audit`] the check of the whole.
//!
//! Single sign-on:
//! - [`log_in`], [`sessions`] passwords, cookies, throttling; ending sessions; [`session_limits`] when they end by themselves.
//! - [`authorize`], [`exchange_token`], [`user_info`], [`end_session`] the OpenID provider.
//! - [`authorize_device`] requests that a person answers on another device, and [`deferred`] what becomes of them.
//! - [`ask_person`] requests that we ask a person, where they are; [`ping_clients`] how the application learns of the answer.
//! - `authorize_by_assertion` an assertion about a person becomes a token.
//! - `delegate` a person's token becomes one of who is called for them.
//! - [`push_request`], [`revoke_token`], [`introspect`] its other endpoints; [`client_request`] who calls them.
//! - [`upstreams`] providers through which people may log in; [`log_in_through`] that login; [`link_upstream`] whose account there is whose
//!   here; [`end_by_upstream`] the end of a session there; `relying_party` what we say to them.
//! - [`session_state`], [`tell_clients`] how applications learn of a logout.
//! - [`caller`] who calls an API with an access token; [`tokens`] what the token says; [`revocations`] what was taken back; [`dpop`] what
//!   it is bound to.
//! - [`clients`] applications: registered by officials, looked up; [`register_client`] registered by themselves, with [`initial_access`]
//!   tokens; [`metadata_documents`] registered by a document; [`look_alikes`] not under others' names; `end_consents` what people gave them
//!   ends.
//! - `client_keys` what they sign with, and `published_keys` where anybody's keys come from.
//! - [`request_application`] an official asks for an application, another decides; [`manage_application`] secrets, and out of use.
//! - [`outbound`] calls to addresses that others chose.
//! - `request_objects` signed requests; `encryption` answers that only the application can read; `subjects` the names under which it knows
//!   people.
//! - [`shown_once`] proofs and assertions, written down for many requests at a time.
//! - [`remembered`] what was read a moment ago; [`sweep`] takes away what has had its time.
//!
//! People and organisations:
//! - [`overview`] how many there are of what, and the keys: the console's first look.
//! - [`self_description`] what people say of themselves.
//! - [`stop_account`] accounts out of use and back in; [`change_password`] a new password.
//! - [`people`] enrolling the first administrator, citizens, officials, legal persons, the organisation tree.
//!
//! Decisions:
//! - [`decide`] AuthZEN evaluations, with what the store knows of the subject.
//! - [`report_signal`] what moves trust.
//!
//! Seals and certificates:
//! - [`make_seal`], [`seal_document`], [`verify_file`] electronic seals.
//! - [`ecerts`] types, issuing, looking up, changing state.

pub mod ask_person;
pub mod authorize;
mod authorize_by_assertion;
pub mod authorize_device;
pub mod caller;
mod certificates;
pub mod change_password;
mod client_keys;
pub mod client_request;
pub mod clients;
pub mod decide;
pub mod deferred;
mod delegate;
pub mod dpop;
pub mod ecerts;
mod encryption;
pub mod end_by_upstream;
mod end_consents;
pub mod end_session;
pub mod env;
pub mod error;
pub mod exchange_token;
pub mod initial_access;
pub mod introspect;
pub mod keyring;
pub mod link_upstream;
pub mod log;
pub mod log_audit;
pub mod log_in;
pub mod log_in_through;
pub mod look_alikes;
pub mod make_seal;
pub mod manage_application;
pub mod metadata_documents;
pub mod outbound;
pub mod overview;
pub mod passwords;
pub mod people;
pub mod ping_clients;
pub mod published_keys;
pub mod push_request;
pub mod register_client;
mod relying_party;
pub mod remembered;
pub mod report_signal;
pub mod request_application;
mod request_objects;
pub mod revocations;
pub mod revoke_token;
pub mod rotate_keys;
pub mod seal_document;
mod seal_picture;
pub mod self_description;
pub mod session_limits;
pub mod session_state;
pub mod sessions;
pub mod set_up;
pub mod shown_once;
pub mod stop_account;
mod subjects;
pub mod sweep;
pub mod tell_clients;
pub mod tls_certificate;
pub mod tokens;
mod turns;
pub mod upstreams;
pub mod user_info;
pub mod verify_file;

pub use caller::Caller;
pub use env::{Env, Settings};
pub use error::{Failure, Fault, Reason, Rejected};
