//! The forms of the console: what each asks for, how a refused one is shown again.

use super::frame::Frame;
use super::texts::Message;

/// The longest single line.
const LINE_LENGTH_ATTRIBUTE: &str = " maxlength=\"256\"";

/// A form as it is drawn. Posts `csrf`, the hidden fields and each field under its name.
#[derive(Debug, Clone)]
pub struct Form {
    /// A short name, unique on the page: part of element ids.
    pub name: &'static str,
    /// Its heading.
    pub title: String,
    /// A sentence under the heading; may be empty.
    pub lead: String,
    /// The path that it posts to.
    pub action: &'static str,
    /// The token against cross-site request forgery.
    pub csrf: String,
    /// Names and values that the reader does not see.
    pub hidden: Vec<(String, String)>,
    /// What it asks for.
    pub fields: Vec<Field>,
    /// What it asks for beside, folded away until somebody wants it.
    pub more: Vec<Group>,
    /// What its button says.
    pub submit: String,
}

/// Fields that belong together and are folded away.
#[derive(Debug, Clone)]
pub struct Group {
    /// What they are about.
    pub title: String,
    /// The fields.
    pub fields: Vec<Field>,
}

impl Group {
    /// Whether something in it is wrong, so that it is shown.
    pub fn is_wrong(&self) -> bool {
        self.fields.iter().any(|field| field.error.is_some())
    }
}

impl Form {
    /// The same form with what was entered before. Passwords and files are entered again.
    #[must_use]
    pub fn filled(mut self, entered: impl Fn(&str) -> Option<String>) -> Self {
        for field in self.all_fields() {
            if !matches!(field.kind, FieldKind::Password | FieldKind::File { .. }) {
                // What was taken out, or unticked, is not put back.
                field.value = entered(&field.name).unwrap_or_default();
            }
        }
        self
    }

    /// The same form with a mistake marked at the field `name`.
    #[must_use]
    pub fn wrong(mut self, name: &str, error: Message) -> Self {
        if let Some(field) = self.all_fields().find(|f| f.name == name) {
            field.error = Some(error);
        }
        self
    }

    /// Whether a mistake is marked in it.
    pub fn is_wrong(&self) -> bool {
        self.fields.iter().any(|field| field.error.is_some()) || self.more.iter().any(Group::is_wrong)
    }

    fn all_fields(&mut self) -> impl Iterator<Item = &mut Field> {
        self.fields.iter_mut().chain(self.more.iter_mut().flat_map(|group| group.fields.iter_mut()))
    }

    /// Whether it carries a file and so posts `multipart/form-data`.
    pub fn has_file(&self) -> bool {
        self.fields.iter().any(|f| matches!(f.kind, FieldKind::File { .. }))
    }
}

/// One field of a form.
#[derive(Debug, Clone)]
pub struct Field {
    /// The name that it posts under.
    pub name: String,
    /// What it asks for.
    pub label: String,
    /// How it is entered.
    pub kind: FieldKind,
    /// What it holds.
    pub value: String,
    /// How to fill it in; may be empty.
    pub hint: String,
    /// Whether it must be filled in.
    pub required: bool,
    /// What is wrong with what was entered.
    pub error: Option<Message>,
}

impl Field {
    /// A field that must be filled in.
    pub fn required(name: impl Into<String>, label: impl Into<String>, kind: FieldKind) -> Self {
        let (name, label) = (name.into(), label.into());
        Self { name, label, kind, value: String::new(), hint: String::new(), required: true, error: None }
    }

    /// A field that may stay empty.
    pub fn optional(name: impl Into<String>, label: impl Into<String>, kind: FieldKind) -> Self {
        Self { required: false, ..Self::required(name, label, kind) }
    }

    /// The same field with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The same field with a value to start with.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// Its element's id: ASCII letters, digits, `-` and `_` only, so that it is safe in an attribute.
    pub fn id(&self, form: &str) -> String {
        let safe = self.name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' });
        format!("{form}-{}", safe.collect::<String>())
    }

    /// The attributes that tie hint and mistake to the element `id`, which comes from [`Field::id`].
    pub fn described_by(&self, id: &str) -> String {
        let hint = if self.hint.is_empty() { None } else { Some(format!("{id}-hint")) };
        let wrong = self.error.as_ref().map(|_| format!("{id}-wrong"));
        let invalid = if wrong.is_some() { " aria-invalid=\"true\"" } else { "" };
        let ids: Vec<_> = hint.into_iter().chain(wrong).collect();
        if ids.is_empty() {
            String::new()
        } else {
            format!(" aria-describedby=\"{}\"{invalid}", ids.join(" "))
        }
    }
}

/// How a field is entered.
#[derive(Debug, Clone)]
pub enum FieldKind {
    /// One line.
    Text,
    /// Several lines.
    LongText,
    /// A date, `2026-11-24`.
    Date,
    /// A whole number.
    Number {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// A new password for somebody.
    Password,
    /// A file.
    File {
        /// The endings that are offered: `.ofd`.
        accept: &'static str,
    },
    /// One of several.
    Choice(Vec<Choice>),
    /// Yes (posts `on`) or no (posts nothing).
    Check,
}

impl FieldKind {
    /// The `type` of its input element; choices and long texts have elements of their own.
    pub const fn input_type(&self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Number { .. } => "number",
            Self::Password => "password",
            Self::File { .. } => "file",
            Self::Check => "checkbox",
            Self::Text | Self::LongText | Self::Choice(_) => "text",
        }
    }

    /// Its other attributes, all of them fixed texts and numbers.
    pub fn constraints(&self) -> String {
        match self {
            Self::Text => LINE_LENGTH_ATTRIBUTE.into(),
            Self::Number { min, max } => {
                format!(" min=\"{min}\" max=\"{max}\" step=\"1\" inputmode=\"numeric\"")
            }
            Self::Password => " autocomplete=\"new-password\" minlength=\"8\" maxlength=\"128\"".into(),
            Self::File { accept } => format!(" accept=\"{accept}\""),
            Self::LongText | Self::Date | Self::Choice(_) | Self::Check => String::new(),
        }
    }
}

/// One of several values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What is posted.
    pub value: String,
    /// What is read.
    pub label: String,
}

impl Choice {
    /// `value`, read as `label`.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into() }
    }
}

/// Adds an account: `POST /console/people` with `kind` (`citizen` or `official`), `name`, `username`, `password`,
/// `identity_number` and `seen_in_person` (citizens), `unit`, `post`, `clearance` and `role.<role>` for each of `roles`
/// (officials).
pub fn add_account(frame: &Frame, csrf: &str, units: Vec<Choice>, roles: &[&str]) -> Form {
    let kinds = ["citizen", "official"].map(|kind| Choice::new(kind, frame.t(&format!("person-{kind}"))));
    let grades = (1..=4).map(|g| Choice::new(g.to_string(), frame.t1("grade", "grade", g))).collect();
    let mut fields = vec![
        Field::required("kind", frame.t("person-kind"), FieldKind::Choice(kinds.to_vec())).value("official"),
        Field::required("name", frame.t("person-name"), FieldKind::Text),
        Field::required("username", frame.t("user-name"), FieldKind::Text).hint(frame.t("user-name-bad")),
        Field::required("password", frame.t("initial-password"), FieldKind::Password)
            .hint(frame.t("password-hint")),
        Field::optional("identity_number", frame.t("identity-number"), FieldKind::Text)
            .hint(frame.t("identity-number-hint")),
        Field::optional("seen_in_person", frame.t("seen-in-person"), FieldKind::Check)
            .hint(frame.t("seen-in-person-hint")),
        Field::optional("unit", frame.t("unit"), FieldKind::Choice(units)).hint(frame.t("officials-only")),
        Field::optional("post", frame.t("post"), FieldKind::Text).hint(frame.t("officials-only")),
        Field::optional("clearance", frame.t("clearance"), FieldKind::Choice(grades))
            .hint(frame.t("officials-only")),
    ];
    fields.extend(roles.iter().map(|role| {
        let label = frame.t(&format!("role-{role}"));
        Field::optional(format!("role.{role}"), label, FieldKind::Check).hint(frame.t("officials-only"))
    }));
    Form { fields, ..form(frame, "person", "/console/people", csrf, "add-account", "add") }
}

/// Adds a unit to the organisation tree: `POST /console/people/units` with `parent`, `level`, `code`, `name`, `name_en`
/// and `uscc`.
pub fn add_unit(frame: &Frame, csrf: &str, units: Vec<Choice>, levels: &[&str]) -> Form {
    let levels = levels.iter().map(|level| Choice::new(*level, frame.t(&format!("level-{level}")))).collect();
    Form {
        fields: vec![
            Field::required("parent", frame.t("unit-above"), FieldKind::Choice(units)),
            Field::required("level", frame.t("unit-level"), FieldKind::Choice(levels)),
            Field::required("code", frame.t("unit-code"), FieldKind::Text).hint(frame.t("unit-code-hint")),
            Field::required("name", frame.t("unit-name"), FieldKind::Text),
            Field::optional("name_en", frame.t("unit-name-en"), FieldKind::Text),
            Field::optional("uscc", frame.t("uscc"), FieldKind::Text).hint(frame.t("uscc-hint")),
        ],
        ..form(frame, "unit", "/console/people/units", csrf, "add-unit", "add")
    }
}

/// Makes a seal: `POST /console/seals` with `name` and `unit`.
pub fn make_seal(frame: &Frame, csrf: &str, units: Vec<Choice>) -> Form {
    Form {
        lead: frame.t("make-seal-lead"),
        fields: vec![
            Field::required("name", frame.t("seal-name"), FieldKind::Text).hint(frame.t("seal-name-hint")),
            Field::required("unit", frame.t("unit"), FieldKind::Choice(units))
                .hint(frame.t("seal-unit-hint")),
        ],
        ..form(frame, "seal", "/console/seals", csrf, "make-seal", "make")
    }
}

/// Asks once more before the seal `id` is destroyed: `POST /console/seals/state` with `seal` and `state`.
pub fn destroy_seal(frame: &Frame, csrf: &str, id: &str, name: &str) -> Form {
    Form {
        title: frame.t1("destroy-seal", "name", name),
        lead: frame.t("destroy-seal-lead"),
        hidden: vec![("seal".into(), id.into()), ("state".into(), "destroyed".into())],
        ..form(frame, "destroy", "/console/seals/state", csrf, "section-seals", "destroy")
    }
}

/// Seals a document: `POST /console/seals/documents` as `multipart/form-data` with `seal`, `file`, `page`, `x`, `y`
/// (millimetres from the upper left corner).
pub fn seal_document(frame: &Frame, csrf: &str, seals: Vec<Choice>) -> Form {
    let millimetres = FieldKind::Number { min: 0, max: 2000 };
    Form {
        lead: frame.t("seal-document-lead"),
        fields: vec![
            Field::required("seal", frame.t("seal"), FieldKind::Choice(seals)),
            Field::required("file", frame.t("ofd-file"), FieldKind::File { accept: ".ofd" }),
            Field::required("page", frame.t("page-number"), FieldKind::Number { min: 1, max: 10_000 })
                .value("1"),
            Field::required("x", frame.t("seal-x"), millimetres.clone()).value("130"),
            Field::required("y", frame.t("seal-y"), millimetres).value("215"),
        ],
        ..form(frame, "document", "/console/seals/documents", csrf, "seal-document", "put-seal")
    }
}

/// Issues a certificate of the type `type_code`: `POST /console/certificates` with `type`, `holder_name`, `holder_type`
/// (a code of GB/T 36903), `holder_number`, and the type's own fields, each under `field.<key>`.
pub fn issue_certificate(frame: &Frame, csrf: &str, certificate: CertificateToIssue) -> Form {
    let own = certificate.fields.into_iter().map(|mut f| {
        f.name = format!("field.{}", f.name);
        f
    });
    let kinds = ["001", "111", "414", "511", "516", "553"]
        .map(|code| Choice::new(code, frame.t(&format!("holder-type-{code}"))));
    let mut fields = vec![
        Field::required("holder_name", frame.t("holder-name"), FieldKind::Text),
        Field::required("holder_type", frame.t("holder-type"), FieldKind::Choice(kinds.to_vec())),
        Field::required("holder_number", frame.t("holder-number"), FieldKind::Text),
    ];
    fields.extend(own);
    Form {
        title: frame.t1("issue-certificate", "type", certificate.type_name),
        lead: frame.t1("issue-certificate-lead", "until", certificate.valid_until),
        hidden: vec![("type".into(), certificate.type_code)],
        fields,
        ..form(frame, "issue", "/console/certificates", csrf, "section-certificates", "issue")
    }
}

/// What [`issue_certificate`] needs to know of a certificate type.
#[derive(Debug, Clone)]
pub struct CertificateToIssue {
    /// The type's code of 21 characters (GB/T 36902).
    pub type_code: String,
    /// The type's name.
    pub type_name: String,
    /// The fields of its surface, under their keys.
    pub fields: Vec<Field>,
    /// The last day of a certificate issued today, in words when it has none.
    pub valid_until: String,
}

/// Moves the certificate `identifier` to another state: `POST /console/certificates/state` with `identifier`, `state` (one
/// of `states`) and `reason`.
pub fn change_certificate_state(frame: &Frame, csrf: &str, identifier: &str, states: Vec<Choice>) -> Form {
    Form {
        title: frame.t("change-certificate-state"),
        lead: identifier.to_owned(),
        hidden: vec![("identifier".into(), identifier.into())],
        fields: vec![
            Field::required("state", frame.t("new-state"), FieldKind::Choice(states)),
            Field::required("reason", frame.t("state-reason"), FieldKind::Text)
                .hint(frame.t("state-reason-hint")),
        ],
        ..form(frame, "state", "/console/certificates/state", csrf, "section-certificates", "change-state")
    }
}

/// Asks why, before something is done to the application or request `id`: `POST action` with `client` or `request`, and `reason`.
pub fn with_reason(frame: &Frame, csrf: &str, ask: &AskWhy<'_>) -> Form {
    let reason = Field::required("reason", frame.t(ask.label), FieldKind::LongText).hint(frame.t(ask.hint));
    Form {
        lead: frame.t(ask.lead),
        hidden: vec![(ask.subject.0.to_owned(), ask.subject.1.to_owned())],
        fields: vec![reason],
        ..form(frame, ask.name, ask.action, csrf, ask.title, ask.submit)
    }
}

/// What [`with_reason`] asks, and of what; all but the subject are keys of words.
#[derive(Debug, Clone, Copy)]
pub struct AskWhy<'a> {
    /// A short name, unique on the page.
    pub name: &'static str,
    /// Where it posts to.
    pub action: &'static str,
    /// The heading.
    pub title: &'static str,
    /// A sentence under it.
    pub lead: &'static str,
    /// What the reason is called.
    pub label: &'static str,
    /// How to fill it in.
    pub hint: &'static str,
    /// What the button says.
    pub submit: &'static str,
    /// The name and the value of the hidden field.
    pub subject: (&'a str, &'a str),
}

/// A form without fields: `POST action` with a hidden field.
pub fn button(
    frame: &Frame,
    csrf: &str,
    (name, action): (&'static str, &'static str),
    (title, lead, submit): (&'static str, &'static str, &'static str),
    subject: (&str, &str),
) -> Form {
    Form {
        lead: frame.t(lead),
        hidden: vec![(subject.0.to_owned(), subject.1.to_owned())],
        ..form(frame, name, action, csrf, title, submit)
    }
}

pub(super) fn form(
    frame: &Frame,
    name: &'static str,
    action: &'static str,
    csrf: &str,
    title: &'static str,
    submit: &'static str,
) -> Form {
    Form {
        name,
        title: frame.t(title),
        lead: String::new(),
        action,
        csrf: csrf.to_owned(),
        hidden: Vec::new(),
        fields: Vec::new(),
        more: Vec::new(),
        submit: frame.t(submit),
    }
}
