//! Tables and forms of the console.

use askama::Template;

use super::forms::{FieldKind, Form};
use super::frame::Frame;
use super::parts::{Fact, Link, Tone};
use super::texts::Message;

/// A part of the console, as its navigation lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Counts and what is new.
    Overview,
    /// Relying applications.
    Applications,
    /// Citizens and officials.
    People,
    /// Electronic seals.
    Seals,
    /// E-certificates: types and issued ones.
    Certificates,
    /// The tamper-evident log.
    Log,
    /// Keys.
    Keys,
}

impl Section {
    /// Every part, in the order of the navigation.
    pub const ALL: &[Self] = &[
        Self::Overview,
        Self::Applications,
        Self::People,
        Self::Seals,
        Self::Certificates,
        Self::Log,
        Self::Keys,
    ];

    /// Its path.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/console",
            Self::Applications => "/console/applications",
            Self::People => "/console/people",
            Self::Seals => "/console/seals",
            Self::Certificates => "/console/certificates",
            Self::Log => "/console/log",
            Self::Keys => "/console/keys",
        }
    }

    /// The key of its name.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Overview => "section-overview",
            Self::Applications => "section-applications",
            Self::People => "section-people",
            Self::Seals => "section-seals",
            Self::Certificates => "section-certificates",
            Self::Log => "section-log",
            Self::Keys => "section-keys",
        }
    }
}

/// The first page of the console.
#[derive(Template)]
#[template(path = "console_home.html")]
pub struct ConsoleHome {
    /// What every page shares.
    pub frame: Frame,
    /// How many there are of what.
    pub counts: Vec<Count>,
    /// What is new.
    pub tables: Vec<Table>,
}

impl ConsoleHome {
    const fn section(&self) -> Section {
        Section::Overview
    }
}

/// How many there are of something.
#[derive(Debug, Clone)]
pub struct Count {
    /// Of what.
    pub label: Message,
    /// How many.
    pub value: u64,
    /// Where they are listed.
    pub href: String,
}

/// A part of the console: what was just done, tables, forms.
#[derive(Template)]
#[template(path = "console_list.html")]
pub struct ConsoleList {
    /// What every page shares.
    pub frame: Frame,
    /// Which part.
    pub section: Section,
    /// What was just done.
    pub done: Option<Done>,
    /// Why it was not.
    pub error: Option<Message>,
    /// Where to go on.
    pub links: Vec<Link>,
    /// What there is.
    pub tables: Vec<Table>,
    /// What can be done.
    pub forms: Vec<Form>,
}

impl ConsoleList {
    const fn section(&self) -> Section {
        self.section
    }
}

/// What was just done, with what is shown only now: a new application's secret, a new certificate's identifier.
#[derive(Debug, Clone)]
pub struct Done {
    /// What was done.
    pub message: Message,
    /// What came of it.
    pub facts: Vec<Fact>,
    /// Where to go on.
    pub links: Vec<Link>,
}

/// A page with one form: issuing a certificate of a chosen type.
#[derive(Template)]
#[template(path = "console_form.html")]
pub struct ConsoleForm {
    /// What every page shares.
    pub frame: Frame,
    /// The part of the console that it belongs to.
    pub section: Section,
    /// Why it was not done.
    pub error: Option<Message>,
    /// The form.
    pub form: Form,
}

impl ConsoleForm {
    const fn section(&self) -> Section {
        self.section
    }
}

/// One application, or one request for one: what is known of it, what to look at, what can be done.
#[derive(Template)]
#[template(path = "console_case.html")]
pub struct ConsoleCase {
    /// What every page shares.
    pub frame: Frame,
    /// The part of the console that it belongs to.
    pub section: Section,
    /// Its name.
    pub title: String,
    /// Its state, coloured and in words.
    pub state: (Tone, String),
    /// What was just done.
    pub done: Option<Done>,
    /// Why it was not.
    pub error: Option<Message>,
    /// Where it comes from.
    pub facts: Vec<Fact>,
    /// What to look at.
    pub concerns: Vec<String>,
    /// What would be another than it is.
    pub changes: Vec<Change>,
    /// What is registered, or asked for.
    pub members: Vec<Member>,
    /// What else there is.
    pub tables: Vec<Table>,
    /// Where to go on.
    pub links: Vec<Link>,
    /// What can be done.
    pub forms: Vec<Form>,
}

impl ConsoleCase {
    const fn section(&self) -> Section {
        self.section
    }
}

/// A member of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// What it is called.
    pub label: String,
    /// Its values.
    pub lines: Vec<String>,
}

/// A member of a registration that would be another than it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it is called.
    pub label: String,
    /// What is registered.
    pub before: Vec<String>,
    /// What is asked for.
    pub after: Vec<String>,
}

/// The log: its head, how to check it, its latest entries.
#[derive(Template)]
#[template(path = "console_log.html")]
pub struct ConsoleLog {
    /// What every page shares.
    pub frame: Frame,
    /// How many entries it has.
    pub size: u64,
    /// The signed note of the latest checkpoint.
    pub checkpoint: String,
    /// The log's public key on one line (`audit::LogKey`).
    pub log_key: String,
    /// The command that checks the whole log.
    pub verify_command: String,
    /// The latest entries.
    pub entries: Table,
}

impl ConsoleLog {
    const fn section(&self) -> Section {
        Section::Log
    }
}

/// A list as a table.
#[derive(Debug, Clone)]
pub struct Table {
    /// What it lists.
    pub caption: String,
    /// The names of its columns.
    pub headers: Vec<String>,
    /// Its rows, one cell a column.
    pub rows: Vec<Vec<Cell>>,
    /// Where there is more.
    pub more: Option<Link>,
}

/// One cell of a [`Table`].
#[derive(Debug, Clone)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A date, or a date and a time in China Standard Time: `2026-11-24 16:00`.
    Time(String),
    /// An identifier, a digest.
    Code(String),
    /// A state, coloured and in words.
    Badge {
        /// The colour.
        tone: Tone,
        /// The words.
        text: String,
    },
    /// Places to go.
    Links(Vec<Link>),
    /// Something to do to this row.
    Act(Act),
}

/// A button that posts: `csrf` and the hidden fields to `action`.
#[derive(Debug, Clone)]
pub struct Act {
    /// The path.
    pub action: String,
    /// The token against cross-site request forgery.
    pub csrf: String,
    /// Names and values.
    pub hidden: Vec<(String, String)>,
    /// What the button says.
    pub label: Message,
}
