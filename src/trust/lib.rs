//! How far an account can be trusted now, from what has been reported about it. No I/O, no clock.
//!
//! - [`signal`] what can be reported, and what each kind weighs: one table.
//! - [`evaluation`] the score, with every signal's part in it.
//! - [`mod@bar`] how much trust data of each grade requires.
//!
//! The score is one of two axes (NIST SP 800-207, 3.3): hard criteria, such as a closed account or a missing clearance,
//! are policies that forbid and no points to be weighed against others.

pub mod bar;
pub mod evaluation;
pub mod signal;

pub use bar::bar;
pub use evaluation::{Contribution, Trust, evaluate};
pub use signal::{Kind, Severity, Signal, UnknownKind, UnknownSeverity};
