//! One file per table or pair of tables. Each lists its `STATEMENTS`, which a test prepares on both engines.

pub mod accounts;
pub mod applications;
pub mod audit;
pub mod clients;
pub mod data_sets;
pub mod deferred;
pub mod ecerts;
pub mod grants;
pub mod initial_access;
pub mod keys;
pub mod logouts;
pub mod once;
pub mod opaque_tokens;
pub mod revocations;
pub mod seals;
pub mod sessions;
pub mod settings;
pub mod signals;
pub mod sweep;
pub mod throttle;
pub mod units;
pub mod upstreams;

use base::Id;
use base::id::Kind;

use crate::error::BadRow;

/// Every statement of every table, by table file: the test that prepares them on both engines walks this.
pub const ALL_STATEMENTS: &[(&str, &[&str])] = &[
    ("accounts", accounts::STATEMENTS),
    ("applications", applications::STATEMENTS),
    ("audit", audit::STATEMENTS),
    ("clients", clients::STATEMENTS),
    ("data_sets", data_sets::STATEMENTS),
    ("deferred", deferred::STATEMENTS),
    ("ecerts", ecerts::STATEMENTS),
    ("grants", grants::STATEMENTS),
    ("initial_access", initial_access::STATEMENTS),
    ("keys", keys::STATEMENTS),
    ("logouts", logouts::STATEMENTS),
    ("once", once::STATEMENTS),
    ("opaque_tokens", opaque_tokens::STATEMENTS),
    ("revocations", revocations::STATEMENTS),
    ("seals", seals::STATEMENTS),
    ("sessions", sessions::STATEMENTS),
    ("settings", settings::STATEMENTS),
    ("signals", signals::STATEMENTS),
    ("sweep", sweep::STATEMENTS),
    ("throttle", throttle::STATEMENTS),
    ("units", units::STATEMENTS),
    ("upstreams", upstreams::STATEMENTS),
];

fn id<T: Kind>(table: &'static str, column: &'static str, text: &str) -> Result<Id<T>, BadRow> {
    text.parse().map_err(|_| BadRow::new(table, column, text, text))
}

fn optional_id<T: Kind>(
    table: &'static str,
    column: &'static str,
    text: Option<&str>,
) -> Result<Option<Id<T>>, BadRow> {
    text.map(|t| id(table, column, t)).transpose()
}

fn words(table: &'static str, column: &'static str, row: &str, json: &str) -> Result<Vec<String>, BadRow> {
    serde_json::from_str(json).map_err(|_| BadRow::new(table, column, row, json))
}

fn small<T: TryFrom<i64>>(
    table: &'static str,
    column: &'static str,
    row: &str,
    value: i64,
) -> Result<T, BadRow> {
    T::try_from(value).map_err(|_| BadRow::new(table, column, row, value))
}

fn hash32(table: &'static str, column: &'static str, row: &str, bytes: &[u8]) -> Result<[u8; 32], BadRow> {
    bytes.try_into().map_err(|_| BadRow::new(table, column, row, format!("{} bytes", bytes.len())))
}

/// A count as a row.
#[derive(sqlx::FromRow)]
struct Count {
    n: i64,
}

/// Declares an enum kept as a word: `word_enum! { State { Active = "active" } }`.
macro_rules! word_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// The word that is kept.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The state that `word` stands for.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
pub(crate) use word_enum;
