//! The whole, as its users meet it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

#[path = "../kit/mod.rs"]
mod kit;

mod accounts;
mod applications;
mod assertions;
mod authorize;
mod authzen_vectors;
mod bad_files;
mod bad_requests;
mod browser;
mod certificates;
mod changed_registrations;
mod ciba;
mod crash;
mod decisions;
mod developers;
mod device;
mod encryption;
mod exchange;
mod federation;
mod hardening;
mod hybrid;
mod layers;
mod login;
mod logout;
mod metadata_documents;
mod mtls;
mod opaque;
mod openapi;
mod openidconnect_rp;
mod out_of_service;
mod pairwise;
mod proofs;
mod pushed_requests;
mod races;
mod real_clients;
mod real_input;
mod registration;
mod repository;
mod response_modes;
mod revocation;
mod seals;
mod serve;
mod sessions;
mod statements;
mod step_up;
mod strangers;
mod sweeping;
mod tabs;
mod the_log;
mod token_keys;
mod tokens;
mod tour_story;
