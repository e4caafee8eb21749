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

mod assertions;
mod authorize;
mod authzen_vectors;
mod bad_files;
mod bad_requests;
mod browser;
mod certificates;
mod ciba;
mod crash;
mod decisions;
mod device;
mod exchange;
mod layers;
mod login;
mod logout;
mod openapi;
mod openid_client;
mod openidconnect_rp;
mod out_of_service;
mod races;
mod real_input;
mod repository;
mod seals;
mod serve;
mod the_log;
mod tokens;
mod tour_story;
