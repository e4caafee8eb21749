//! What is kept, on SQLite or PostgreSQL, from one SQL text each. The only crate that knows `sqlx`.
//!
//! - [`db`] a database of either engine; [`db::Reader`] to read from, [`db::Tx`] to change things in.
//! - [`error`] what can go wrong, and the refusal of rows that cannot be.
//! - [`rows`] one file per table or pair of tables: its statements, and a function per verb.
//!
//! Flows open and commit; functions here take `&mut Conn` to read and `&mut Tx` to write, and never commit.
//! A state change is a conditional `UPDATE` that says whether it happened.

pub mod db;
pub mod dialect;
pub mod error;
mod readers;
pub mod rows;
mod sqlite;
#[cfg(test)]
mod tests;

pub use db::{Conn, Db, Reader, Tx};
pub use error::{BadRow, StoreError};
