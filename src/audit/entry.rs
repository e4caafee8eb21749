//! What happened, and its one canonical form.

use base::{Id, Timestamp};
use serde_json::{Value, json};

use crate::canonical;
use crate::hash::Hash;

/// The form of the canonical bytes that this crate writes and reads.
const VERSION: i64 = 1;
/// The longest entry: C2SP `tlog-tiles` bundles carry the length in 16 bits.
pub const ENTRY_LENGTH_MAX_BYTES: usize = 65_535;
/// The longest actor or subject.
pub const NAME_LENGTH_MAX_BYTES: usize = 512;

/// The identifier of an entry: `log_…`, known before its place in the tree is.
pub type EntryId = Id<base::id::Entry>;

/// One thing that happened: who did what to what, when. Becomes one leaf of the tree.
///
/// Its canonical bytes are the JSON object `{"actor","at","detail","id","kind","subject","v"}` under RFC 8785 with whole
/// numbers only; `at` is in microseconds since 1970-01-01T00:00:00Z, `v` is 1. Personal data does not belong into it:
/// entries cannot be taken back, so subjects are identifiers, and digests stand for documents.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    id: EntryId,
    at: Timestamp,
    kind: Kind,
    actor: String,
    subject: String,
    detail: Value,
    bytes: Vec<u8>,
}

impl Entry {
    /// The entry saying that `actor` did `kind` to `subject` at `at`; `detail` is a JSON object with what else matters.
    ///
    /// `actor` and `subject` are identifiers (`usr_…`, a client's id, `system`), 1 to [`NAME_LENGTH_MAX_BYTES`] bytes
    /// without control characters. Fails when `detail` is no object, holds fractions or whole numbers beyond 2^53 - 1,
    /// or the whole is longer than [`ENTRY_LENGTH_MAX_BYTES`].
    pub fn new(
        id: EntryId,
        at: Timestamp,
        kind: Kind,
        actor: impl Into<String>,
        subject: impl Into<String>,
        detail: Value,
    ) -> Result<Self, EntryError> {
        let (actor, subject) = (name("actor", actor.into())?, name("subject", subject.into())?);
        if !detail.is_object() {
            return Err(EntryError::DetailNotObject);
        }
        let object = json!({
            "v": VERSION, "id": id, "at": at.us(), "kind": kind.as_str(),
            "actor": actor, "subject": subject, "detail": detail,
        });
        let bytes =
            canonical::text(&object).map_err(|e| EntryError::NotCanonical(e.to_string()))?.into_bytes();
        if bytes.len() > ENTRY_LENGTH_MAX_BYTES {
            return Err(EntryError::TooLong { got_bytes: bytes.len() });
        }
        Ok(Self { id, at, kind, actor, subject, detail, bytes })
    }

    /// Reads canonical bytes; any other text of the same value is refused, so an entry has one hash only.
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() > ENTRY_LENGTH_MAX_BYTES {
            return Err(EntryError::TooLong { got_bytes: bytes.len() });
        }
        let wire: Wire = serde_json::from_slice(bytes).map_err(|e| EntryError::NotEntry(e.to_string()))?;
        if wire.v != VERSION {
            return Err(EntryError::UnknownVersion { got: wire.v });
        }
        let kind = Kind::parse(&wire.kind).ok_or(EntryError::UnknownKind { got: wire.kind })?;
        let entry =
            Self::new(wire.id, Timestamp::from_us(wire.at), kind, wire.actor, wire.subject, wire.detail)?;
        if entry.bytes != bytes {
            return Err(EntryError::NotCanonical("expected the canonical text of the same value".into()));
        }
        Ok(entry)
    }

    /// The canonical bytes: what is stored, hashed and shown.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The hash of this entry's leaf.
    pub fn leaf_hash(&self) -> Hash {
        Hash::leaf(&self.bytes)
    }

    /// Its identifier.
    pub const fn id(&self) -> EntryId {
        self.id
    }

    /// When it happened.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// What happened.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Who did it.
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// What it was done to.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What else matters: a JSON object, its members depending on the kind.
    pub const fn detail(&self) -> &Value {
        &self.detail
    }
}

/// An entry that cannot be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Actor or subject is empty, too long or holds control characters.
    #[error(
        "expected `{member}` of 1 to {NAME_LENGTH_MAX_BYTES} bytes without control characters, got `{got}`"
    )]
    BadName {
        /// `actor` or `subject`.
        member: &'static str,
        /// What came, cut to 64 characters.
        got: String,
    },
    /// The detail is not an object.
    #[error("expected `detail` to be a JSON object")]
    DetailNotObject,
    /// A value without canonical text, or a text that is not canonical.
    #[error("not canonical: {0}")]
    NotCanonical(String),
    /// Longer than a bundle can hold.
    #[error("expected at most {ENTRY_LENGTH_MAX_BYTES} bytes, got {got_bytes}")]
    TooLong {
        /// The length that came.
        got_bytes: usize,
    },
    /// The bytes are not an entry's JSON.
    #[error("expected a log entry: {0}")]
    NotEntry(String),
    /// A form from a later version.
    #[error("expected entry version {VERSION}, got `{got}`")]
    UnknownVersion {
        /// The version that came.
        got: i64,
    },
    /// A kind that this version does not know.
    #[error("expected a known entry kind, got `{got}`")]
    UnknownKind {
        /// The kind that came.
        got: String,
    },
}

macro_rules! entry_kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        /// What happened. The text form is part of the log's bytes and never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])* $name,)+ }

        impl Kind {
            /// Every kind, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The text form: `seal_made`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

entry_kinds! {
    /// A key that signs tokens was created.
    TokenKeyCreated = "token_key_created";
    /// Any key was activated, suspended, retired or destroyed.
    KeyStateChanged = "key_state_changed";
    /// An electronic seal was made.
    SealMade = "seal_made";
    /// An electronic seal was suspended, resumed or destroyed.
    SealStateChanged = "seal_state_changed";
    /// A seal was put on a document.
    DocumentSealed = "document_sealed";
    /// An X.509 certificate was issued.
    CertificateIssued = "certificate_issued";
    /// An X.509 certificate was revoked.
    CertificateRevoked = "certificate_revoked";
    /// An e-certificate (licence) was issued.
    EcertIssued = "ecert_issued";
    /// An e-certificate changed its state: suspended, rescinded, revoked.
    EcertStateChanged = "ecert_state_changed";
    /// Access was decided.
    Decision = "decision";
    /// Another set of policies came into force.
    PolicyActivated = "policy_activated";
    /// A signal about somebody's trustworthiness was reported.
    SignalReported = "signal_reported";
    /// A relying application was registered or changed.
    ClientRegistered = "client_registered";
    /// A relying application's registration was changed.
    ClientChanged = "client_changed";
    /// A relying application was taken out of use.
    ClientRemoved = "client_removed";
    /// An official asked for an application, for a change of one, or for one to be taken back into use.
    ApplicationRequested = "application_requested";
    /// Another official refused it.
    ApplicationRefused = "application_refused";
    /// The official who asked took it back.
    ApplicationWithdrawn = "application_withdrawn";
    /// An official took an application out of use, and everything it had been given back.
    ClientDisabled = "client_disabled";
    /// An application was taken back into use.
    ClientEnabled = "client_enabled";
    /// A new secret was made for an application; the one before is of no use any more.
    ClientSecretMade = "client_secret_made";
    /// A token was given out with which applications register themselves.
    ClientRegistrationOpened = "client_registration_opened";
    /// Such a token was withdrawn.
    ClientRegistrationClosed = "client_registration_closed";
    /// An account was enrolled.
    AccountEnrolled = "account_enrolled";
    /// An account was taken out of use, with its logins and everything that its person gave.
    AccountDisabled = "account_disabled";
    /// An account was taken back into use.
    AccountEnabled = "account_enabled";
    /// A person changed the password; other logins, and what came from them, are over.
    PasswordChanged = "password_changed";
    /// A login was ended by a later one of the same person, who had as many as there may be.
    SessionSuperseded = "session_superseded";
    /// A person took back what an application had been given.
    ConsentWithdrawn = "consent_withdrawn";
    /// A person allowed what was asked elsewhere: on another device, or by an application behind their back.
    RequestAllowed = "request_allowed";
    /// A token was given for a person that does not say who acts.
    Impersonated = "impersonated";
    /// A person logged in through an upstream provider.
    LoggedInThroughUpstream = "logged_in_through_upstream";
    /// A person's account at an upstream provider was linked to one here.
    UpstreamLinked = "upstream_linked";
    /// Such a link was taken away.
    UpstreamUnlinked = "upstream_unlinked";
    /// Another administrative act.
    AdminAct = "admin_act";
}

impl Kind {
    /// The kind with this text form.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|k| k.as_str() == text)
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    v: i64,
    id: EntryId,
    at: i64,
    kind: String,
    actor: String,
    subject: String,
    detail: Value,
}

fn name(member: &'static str, text: String) -> Result<String, EntryError> {
    let good = (1..=NAME_LENGTH_MAX_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    if good { Ok(text) } else { Err(EntryError::BadName { member, got: text.chars().take(64).collect() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal_made() -> Entry {
        let id = "log_01kb9y3e00000000000000000a".parse().unwrap();
        let detail = json!({"seal_name": "示例省人民政府", "es_id": "35000000000001", "alg": "SM2"});
        Entry::new(
            id,
            Timestamp::from_unix_seconds(1_795_507_200),
            Kind::SealMade,
            "usr_clerk",
            "seal_1",
            detail,
        )
        .unwrap()
    }

    #[test]
    fn an_entry_has_one_text_with_sorted_members() {
        let text = String::from_utf8(seal_made().bytes().to_vec()).unwrap();
        assert_eq!(
            text,
            "{\"actor\":\"usr_clerk\",\"at\":1795507200000000,\"detail\":{\"alg\":\"SM2\",\"es_id\":\"35000000000001\",\
             \"seal_name\":\"示例省人民政府\"},\"id\":\"log_01kb9y3e00000000000000000a\",\"kind\":\"seal_made\",\
             \"subject\":\"seal_1\",\"v\":1}"
        );
        assert_eq!(Entry::parse(text.as_bytes()).unwrap(), seal_made());
    }

    #[test]
    fn another_text_of_the_same_value_is_refused() {
        let text = String::from_utf8(seal_made().bytes().to_vec()).unwrap();
        for other in [
            format!("{text} "),
            text.replacen(':', ": ", 1),
            text.replace("示", "\\u793a"),
            text.replace("\"v\":1", "\"v\":1,\"v\":1"),
            text.replacen("\"actor\":\"usr_clerk\"", "\"actor\":\"usr_other\",\"actor\":\"usr_clerk\"", 1),
            text.replace("1795507200000000", "1.7955072e15"),
        ] {
            assert_ne!(other, text);
            assert!(Entry::parse(other.as_bytes()).is_err(), "{other}");
        }
    }

    #[test]
    fn what_does_not_belong_into_the_log_is_refused() {
        let e = seal_made();
        let with = |actor: &str, detail: Value| Entry::new(e.id(), e.at(), e.kind(), actor, "s", detail);
        assert!(matches!(with("", json!({})), Err(EntryError::BadName { member: "actor", .. })));
        assert!(matches!(with("a\nb", json!({})), Err(EntryError::BadName { .. })));
        assert!(matches!(with(&"x".repeat(513), json!({})), Err(EntryError::BadName { .. })));
        assert_eq!(with("a", json!([])), Err(EntryError::DetailNotObject));
        assert!(matches!(with("a", json!({"score": 0.5})), Err(EntryError::NotCanonical(_))));
        assert!(matches!(with("a", json!({"x": "y".repeat(70_000)})), Err(EntryError::TooLong { .. })));
        assert!(matches!(Entry::parse(&[b'['; 60_000]), Err(EntryError::NotEntry(_))));
        let later = String::from_utf8(e.bytes().to_vec()).unwrap().replace("\"v\":1}", "\"v\":2}");
        assert_eq!(Entry::parse(later.as_bytes()), Err(EntryError::UnknownVersion { got: 2 }));
        let strange = String::from_utf8(e.bytes().to_vec()).unwrap().replace("seal_made", "seal_mad");
        assert_eq!(Entry::parse(strange.as_bytes()), Err(EntryError::UnknownKind { got: "seal_mad".into() }));
    }

    #[test]
    fn every_kind_has_its_own_text() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(*kind));
        }
        assert_eq!(Kind::parse("Decision"), None);
    }
}
