//! The signed statement "at this size the root was this" (C2SP `tlog-checkpoint` in a `signed-note`).
//!
//! ```text
//! localhost:8080/log
//! 4
//! 6cyrwNKVCaMcTkvNcAkqm2xBXDgkVPdvYUrRVQdl3qY=
//!
//! — localhost:8080/log OvRkDq…
//! ```
//!
//! The signature is SM2 (GB/T 32918.2, `r || s`) with the default distinguishing id over the text up to and with the
//! newline before the blank line. C2SP has no byte for SM2, so the signature type is its escape `0xff` and a name of ours:
//! key id = the first 4 bytes of `SM3(name || 0x0A || 0xff || "GB/T 32918 SM2-with-SM3" || public key)`, the public key
//! being 65 bytes, `04 || x || y`.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gm::sm2::{DEFAULT_ID, Signature, VerifyingKey};
use pki::Sm2Key;

use crate::hash::Hash;
use crate::tree::TREE_SIZE_MAX;

/// The longest note that is read: room for the log and 16 witnesses with today's signatures, and then some.
pub const NOTE_LENGTH_MAX_BYTES: usize = 16_384;
/// The most signatures that are read (C2SP demands at least 16).
pub const NOTE_SIGNATURES_MAX: usize = 32;
/// The longest origin.
pub const ORIGIN_LENGTH_MAX_BYTES: usize = 255;

const SIGNATURE_TYPE: &[u8] = b"\xffGB/T 32918 SM2-with-SM3";

/// A tree head: what the log says of itself. Trust it only as it comes from [`Checkpoint::open`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: Origin,
    size: u64,
    root: Hash,
}

impl Checkpoint {
    /// The head of the log `origin` at `size` leaves.
    pub const fn new(origin: Origin, size: u64, root: Hash) -> Self {
        Self { origin, size, root }
    }

    /// Which log.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How many leaves it has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root over them.
    pub const fn root(&self) -> &Hash {
        &self.root
    }

    /// The text that is signed: three lines, the last newline included.
    ///
    /// To sign it: SM2 with [`DEFAULT_ID`] over these bytes, then [`Checkpoint::note`].
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    /// The signed note: the text, a blank line and the log's signature line.
    pub fn note(&self, key: &LogKey, signature: &Signature) -> String {
        format!("{}\n{}", self.text(), key.signature_line(signature))
    }

    /// Reads `note` and checks that the log with `key` signed it.
    ///
    /// Lines signed by others are ignored, as C2SP demands; a bad signature under the log's own name and key id refuses
    /// the whole note. The note's origin must be the key's name.
    pub fn open(note: &str, key: &LogKey) -> Result<Self, CheckpointError> {
        let note = Note::parse(note)?;
        if note.checkpoint.origin != key.name {
            return Err(CheckpointError::NotSigned);
        }
        let mut lines =
            note.signatures.iter().filter(|s| s.name == key.name.0 && s.key_id == key.id).peekable();
        lines.peek().ok_or(CheckpointError::NotSigned)?;
        for line in lines {
            let signature = line.signature.first_chunk().filter(|c| c.len() == line.signature.len());
            let signature =
                signature.and_then(|s| Signature::from_bytes(s).ok()).ok_or(CheckpointError::NotSigned)?;
            key.key
                .verify(note.text.as_bytes(), DEFAULT_ID, &signature)
                .map_err(|_| CheckpointError::NotSigned)?;
        }
        Ok(note.checkpoint)
    }

    /// Reads `note` without checking who signed it: to know which tiles to load, never to believe it.
    pub fn peek(note: &str) -> Result<Self, CheckpointError> {
        Note::parse(note).map(|n| n.checkpoint)
    }
}

/// A note that is not a checkpoint of this log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Longer than [`NOTE_LENGTH_MAX_BYTES`].
    #[error("expected a checkpoint of at most {NOTE_LENGTH_MAX_BYTES} bytes, got {got_bytes}")]
    TooLong {
        /// The length that came.
        got_bytes: usize,
    },
    /// Not the form of a signed checkpoint.
    #[error("expected {expected} in the checkpoint")]
    Malformed {
        /// What was expected.
        expected: &'static str,
    },
    /// No good signature of the log. Deliberately without a reason.
    #[error("the checkpoint is not signed by the log")]
    NotSigned,
}

/// The name of a log: a URL without its scheme, `id.fj.gov.cn/log`; no spaces, control characters or `+`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let good = (1..=ORIGIN_LENGTH_MAX_BYTES).contains(&text.len()) && text.chars().all(is_name_character);
        if good {
            Ok(Self(text.into()))
        } else {
            Err(malformed("an origin of 1 to 255 bytes without spaces or `+`"))
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A log's name and public key: all that is needed to check its checkpoints.
///
/// Its text form fits on a line, `<name>+<key id in hex>+<base64 of type and key>`, the "vkey" of `signed-note`.
#[derive(Debug, Clone, PartialEq)]
pub struct LogKey {
    name: Origin,
    id: [u8; 4],
    /// A whole log's checkpoints come under it, so that it becomes fast.
    key: Sm2Key,
}

impl LogKey {
    /// The key of the log called `name`.
    pub fn new(name: Origin, key: impl Into<Sm2Key>) -> Self {
        let key = key.into();
        let digest = gm::sm3::hash_all(&[name.0.as_bytes(), b"\n", SIGNATURE_TYPE, &key.to_sec1()]);
        let [a, b, c, d, ..] = digest;
        Self { name, id: [a, b, c, d], key }
    }

    /// The log's name, which is the origin line of its checkpoints.
    pub const fn name(&self) -> &Origin {
        &self.name
    }

    /// The short name of the key on signature lines. It finds the key; it proves nothing.
    pub const fn id(&self) -> [u8; 4] {
        self.id
    }

    /// The SM2 public key.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    fn signature_line(&self, signature: &Signature) -> String {
        let bytes: Vec<u8> = self.id.into_iter().chain(signature.to_bytes()).collect();
        format!("— {} {}\n", self.name, STANDARD.encode(bytes))
    }
}

impl fmt::Display for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [SIGNATURE_TYPE, &self.key.to_sec1()].concat();
        write!(f, "{}+{}+{}", self.name, base::encoding::hex(&self.id), STANDARD.encode(key))
    }
}

impl FromStr for LogKey {
    type Err = CheckpointError;

    /// Reads the one-line form and checks that the key id belongs to name and key.
    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let bad = || malformed("a log key `<name>+<key id>+<type and SM2 public key in base64>`");
        if text.len() > NOTE_LENGTH_MAX_BYTES {
            return Err(CheckpointError::TooLong { got_bytes: text.len() });
        }
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad());
        };
        let key = STANDARD.decode(key).map_err(|_| bad())?;
        let key = key.strip_prefix(SIGNATURE_TYPE).ok_or_else(bad)?;
        let read = Self::new(name.parse()?, VerifyingKey::from_sec1(key).map_err(|_| bad())?);
        if read.to_string() == text { Ok(read) } else { Err(bad()) }
    }
}

/// A note taken apart: nothing of it is believed yet.
struct Note<'a> {
    text: &'a str,
    checkpoint: Checkpoint,
    signatures: Vec<SignatureLine<'a>>,
}

struct SignatureLine<'a> {
    name: &'a str,
    key_id: [u8; 4],
    signature: Vec<u8>,
}

impl<'a> Note<'a> {
    fn parse(note: &'a str) -> Result<Self, CheckpointError> {
        if note.len() > NOTE_LENGTH_MAX_BYTES {
            return Err(CheckpointError::TooLong { got_bytes: note.len() });
        }
        if note.chars().any(|c| c != '\n' && c < ' ') {
            return Err(malformed("no control characters"));
        }
        let (text, signatures) = note.rsplit_once("\n\n").ok_or_else(|| malformed("a blank line"))?;
        let signatures = signatures.strip_suffix('\n').ok_or_else(|| malformed("a newline at the end"))?;
        let signatures: Vec<_> = signatures
            .split('\n')
            .take(NOTE_SIGNATURES_MAX + 1)
            .map(signature_line)
            .collect::<Result<_, _>>()?;
        if signatures.len() > NOTE_SIGNATURES_MAX {
            return Err(malformed("at most 32 signatures"));
        }
        let checkpoint = tree_head(text)?;
        // The signed text ends with the newline that `rsplit_once` took.
        let text = note.get(..=text.len()).ok_or_else(|| malformed("a newline after the root"))?;
        Ok(Self { text, checkpoint, signatures })
    }
}

/// Three lines. C2SP allows opaque extension lines after them; this log writes none and reads none.
fn tree_head(text: &str) -> Result<Checkpoint, CheckpointError> {
    let mut lines = text.split('\n');
    let (Some(origin), Some(size), Some(root), None) =
        (lines.next(), lines.next(), lines.next(), lines.next())
    else {
        return Err(malformed("three lines: origin, size and root"));
    };
    let decimal = !size.is_empty()
        && size.bytes().all(|b| b.is_ascii_digit())
        && (size == "0" || !size.starts_with('0'));
    let size = decimal.then(|| size.parse().ok()).flatten().filter(|s| *s <= TREE_SIZE_MAX);
    Ok(Checkpoint {
        origin: origin.parse()?,
        size: size.ok_or_else(|| malformed("a decimal size without leading zeros"))?,
        root: Hash::from_base64(root).ok_or_else(|| malformed("a root of 32 bytes in standard base64"))?,
    })
}

fn signature_line(line: &str) -> Result<SignatureLine<'_>, CheckpointError> {
    let bad = || malformed("signature lines `— <name> <base64>`");
    let (name, bytes) = line.strip_prefix("— ").and_then(|l| l.split_once(' ')).ok_or_else(bad)?;
    if name.is_empty() || !name.chars().all(is_name_character) {
        return Err(bad());
    }
    let bytes = STANDARD.decode(bytes).map_err(|_| bad())?;
    let (key_id, signature) = bytes.split_first_chunk().ok_or_else(bad)?;
    Ok(SignatureLine { name, key_id: *key_id, signature: signature.to_vec() })
}

fn is_name_character(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && c != '+'
}

const fn malformed(expected: &'static str) -> CheckpointError {
    CheckpointError::Malformed { expected }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use gm::sm2::SigningKey;
    use proptest::prelude::*;

    /// A log with a key of its own, as the rest of this crate's tests use it.
    pub(crate) struct SigningLog {
        secret: SigningKey,
        pub(crate) key: LogKey,
    }

    impl SigningLog {
        pub(crate) fn new(name: &str) -> Self {
            let secret = SigningKey::generate(&mut base::entropy::rng(&base::OsEntropy));
            let key = LogKey::new(name.parse().unwrap(), secret.verifying_key().clone());
            Self { secret, key }
        }

        pub(crate) fn checkpoint(&self, size: u64, root: Hash) -> String {
            let checkpoint = Checkpoint::new(self.key.name().clone(), size, root);
            let mut rng = base::entropy::rng(&base::OsEntropy);
            let signature = self.secret.sign(checkpoint.text().as_bytes(), DEFAULT_ID, &mut rng).unwrap();
            checkpoint.note(&self.key, &signature)
        }
    }

    fn log() -> SigningLog {
        SigningLog::new("id.example.gov.cn/log")
    }

    #[test]
    fn a_checkpoint_is_read_back_by_who_has_the_logs_key() {
        let log = log();
        let note = log.checkpoint(20_852_163, Hash::leaf(b"root"));
        assert!(note.starts_with("id.example.gov.cn/log\n20852163\n") && note.ends_with('\n'), "{note}");
        let read = Checkpoint::open(&note, &log.key).unwrap();
        assert_eq!((read.size(), read.root()), (20_852_163, &Hash::leaf(b"root")));
        assert_eq!(log.key.to_string().parse::<LogKey>().unwrap(), log.key);
    }

    #[test]
    fn another_key_another_name_or_a_changed_text_is_not_the_logs_word() {
        let (log, stranger) = (log(), self::log());
        let note = log.checkpoint(7, Hash::leaf(b"root"));
        assert_eq!(Checkpoint::open(&note, &stranger.key), Err(CheckpointError::NotSigned));
        let renamed = LogKey::new("id.other.gov.cn/log".parse().unwrap(), log.key.key().clone());
        assert_eq!(Checkpoint::open(&note, &renamed), Err(CheckpointError::NotSigned));
        let grown = note.replacen("\n7\n", "\n8\n", 1);
        assert_eq!(Checkpoint::open(&grown, &log.key), Err(CheckpointError::NotSigned));
        let other_root = note.replace(&Hash::leaf(b"root").to_string(), &Hash::leaf(b"other").to_string());
        assert_eq!(Checkpoint::open(&other_root, &log.key), Err(CheckpointError::NotSigned));
    }

    #[test]
    fn a_witness_may_sign_beside_the_log_but_not_instead_of_it() {
        let (log, witness) = (log(), SigningLog::new("witness.example.gov.cn"));
        let note = log.checkpoint(7, Hash::leaf(b"root"));
        let lines = |n: &str| n.rsplit_once("\n\n").unwrap().1.to_owned();
        let cosigned = format!("{note}{}", lines(&witness.checkpoint(7, Hash::leaf(b"root"))));
        assert!(Checkpoint::open(&cosigned, &log.key).is_ok());
        let text = note.rsplit_once("\n\n").unwrap().0;
        let alone = format!("{text}\n\n{}", lines(&witness.checkpoint(7, Hash::leaf(b"root"))));
        assert_eq!(Checkpoint::open(&alone, &log.key), Err(CheckpointError::NotSigned));
        // A second line under the log's own name that does not hold spoils the note.
        let spoiled = format!("{note}{}", lines(&log.checkpoint(8, Hash::leaf(b"root"))));
        assert_eq!(Checkpoint::open(&spoiled, &log.key), Err(CheckpointError::NotSigned));
    }

    #[test]
    fn hostile_texts_are_refused() {
        let log = log();
        let note = log.checkpoint(7, Hash::leaf(b"root"));
        let root = Hash::leaf(b"root").to_string();
        for (what, bad) in [
            ("nothing", String::new()),
            ("only newlines", "\n\n\n\n".into()),
            ("no end", note.trim_end().into()),
            ("an extra newline", format!("{note}\n")),
            ("windows newlines", note.replace('\n', "\r\n")),
            ("a hyphen for the dash", note.replace('—', "-")),
            ("an extension line", note.replacen(&root, &format!("{root}\nextension"), 1)),
            ("a missing line", note.replacen("7\n", "", 1)),
            ("a leading zero", note.replacen("\n7\n", "\n07\n", 1)),
            ("a sign", note.replacen("\n7\n", "\n+7\n", 1)),
            ("a size beyond the limit", note.replacen("\n7\n", "\n9223372036854775808\n", 1)),
            ("a size beyond 64 bits", note.replacen("\n7\n", "\n99999999999999999999\n", 1)),
            ("a short root", note.replacen(&root, &root[4..], 1)),
            ("an empty origin", note.replacen("id.example.gov.cn/log", "", 1)),
            ("a nul", note.replacen("id.", "id.\0", 1)),
            ("too long", format!("{note}{}", "x".repeat(NOTE_LENGTH_MAX_BYTES))),
            ("too many signatures", format!("{note}{}", "— a AAAAAAAA\n".repeat(NOTE_SIGNATURES_MAX))),
            ("a signature of three bytes", format!("{note}— a AAAA\n")),
        ] {
            let error = Checkpoint::open(&bad, &log.key).expect_err(what);
            assert_ne!(error, CheckpointError::NotSigned, "{what}: the form must be what is refused");
        }
    }

    #[test]
    fn a_log_key_in_another_text_is_refused() {
        let text = log().key.to_string();
        // The key's own text may hold a `+`.
        let (after_name, _) = text.match_indices('+').nth(1).unwrap();
        let (name_and_id, key) = (&text[..after_name], &text[after_name + 1..]);
        for bad in [
            String::new(),
            "++".into(),
            name_and_id.into(),
            format!("x{text}"),
            text.to_uppercase(),
            format!("{name_and_id}+{}", &key[4..]),
            format!("{text}AAAA"),
            format!("a+{}", "A".repeat(20_000)),
        ] {
            assert!(bad.parse::<LogKey>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_changed_byte_unmakes_the_note(at in 0usize..180, flip in 1u8..=255) {
            let log = log();
            let note = log.checkpoint(123_456, Hash::leaf(b"root"));
            let mut bytes = note.into_bytes();
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= flip;
                if let Ok(text) = String::from_utf8(bytes) {
                    prop_assert!(Checkpoint::open(&text, &log.key).is_err());
                }
            }
        }

        #[test]
        fn any_text_at_all_is_read_without_panic(text in "(.|\n|— ){0,300}") {
            let _ = Checkpoint::peek(&text);
            let _ = text.parse::<LogKey>();
        }
    }
}
