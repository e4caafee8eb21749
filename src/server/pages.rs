//! The pages that people see: views with plain fields, rendered on the server, in Chinese and English, without scripts.
//!
//! A handler makes a [`Frame`] from [`Pages`], fills one of the views and calls `render()`. What a page says stands in
//! `web/locales`, how it is laid out in `web/templates`, how it looks in `web/static/yinxin.css`; `web/README.md` lists
//! every path and form field that the templates use.
//!
//! - [`display`] language and elder mode: what the reader chose, or what the request suggests.
//! - [`texts`] the words of a language, and messages that are put into words late.
//! - [`frame`] what every page shares: header, language switch, account, static files.
//! - [`assets`] the embedded static files.
//! - [`parts`] links, facts, badges and verdicts that several pages show.
//! - [`person`] login, consent, enrolment, logout, account, errors.
//! - [`verifying`] a file's report, and a certificate looked up by its identifier.
//! - [`console`] tables and forms of the console, and [`forms`] the forms themselves; [`application_form`] the largest of them.

pub mod application_form;
pub mod assets;
pub mod console;
pub mod display;
pub mod forms;
pub mod frame;
pub mod parts;
pub mod person;
pub mod texts;
pub mod verifying;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use askama::Template;
pub use assets::Asset;
pub use display::{Display, Lang};
pub use frame::{Frame, Pages, PagesError};
pub use texts::{Message, Texts};
