//! The program killed in the middle of its work, and what those it worked for may hold it to.
//!
//! - [`installation`] one data folder and port; the program starts on it, is killed, starts again.
//! - [`client`] requests whose answer may never come, and the person at a browser.
//! - [`journal`] what was acknowledged, kept on the client's side; [`grant`] a login's one-time things, each with its fate.
//! - [`load`] those who work with the program until it falls silent.
//! - [`books`] what the database says when one looks into it without the program.
//! - [`disk`] a disk that is full, or refuses.
//! - [`dice`] choices that a printed seed repeats.

pub(crate) mod books;
pub(crate) mod client;
pub(crate) mod dice;
pub(crate) mod disk;
pub(crate) mod grant;
pub(crate) mod installation;
pub(crate) mod journal;
pub(crate) mod load;
