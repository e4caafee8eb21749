//! The text armour of certificates (RFC 7468).

use x509_parser::pem::Pem;

/// The longest text that is read: a bundle of some hundred certificates.
pub const PEM_MAX_BYTES: usize = 1 << 20;

/// Text that is not the armour of what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// Longer than [`PEM_MAX_BYTES`].
    #[error("expected a text of at most {max_bytes} bytes, got {got_bytes}")]
    TooLong {
        /// The limit.
        max_bytes: usize,
        /// What came.
        got_bytes: usize,
    },
    /// A block without an end, or with a body that is not base64.
    #[error("expected base64 between `BEGIN` and `END` lines")]
    Malformed,
    /// No block with the label.
    #[error("expected a block labelled `{label}`, found none")]
    Missing {
        /// The label that was expected.
        label: &'static str,
    },
}

/// The contents of every block labelled `label`, in order; blocks with other labels and the text between them are passed over.
pub fn decode_all(text: &str, label: &'static str) -> Result<Vec<Vec<u8>>, PemError> {
    if text.len() > PEM_MAX_BYTES {
        return Err(PemError::TooLong { max_bytes: PEM_MAX_BYTES, got_bytes: text.len() });
    }
    let mut out = Vec::new();
    for block in Pem::iter_from_buffer(text.as_bytes()) {
        let block = block.map_err(|_| PemError::Malformed)?;
        if block.label == label {
            out.push(block.contents);
        }
    }
    if out.is_empty() { Err(PemError::Missing { label }) } else { Ok(out) }
}

/// The content of the first block labelled `label`.
pub fn decode(text: &str, label: &'static str) -> Result<Vec<u8>, PemError> {
    decode_all(text, label)?.into_iter().next().ok_or(PemError::Missing { label })
}

/// `der` under `label`, in lines of 64 characters.
pub fn encode(der: &[u8], label: &str) -> String {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        out.extend(line.iter().map(|b| char::from(*b)));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn armour_round_trips_and_other_blocks_are_passed_over() {
        let der: Vec<u8> = (0..200).collect();
        let text = format!("a note\n{}{}", encode(b"key", "EC PARAMETERS"), encode(&der, "CERTIFICATE"));
        assert_eq!(decode_all(&text, "CERTIFICATE"), Ok(vec![der]));
        assert!(text.lines().all(|line| line.len() <= 64));
    }

    #[test]
    fn broken_armour_is_refused() {
        assert_eq!(decode("nothing", "CERTIFICATE"), Err(PemError::Missing { label: "CERTIFICATE" }));
        let open = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        assert_eq!(decode(open, "CERTIFICATE"), Err(PemError::Malformed));
        let not_base64 = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
        assert_eq!(decode(not_base64, "CERTIFICATE"), Err(PemError::Malformed));
    }
}
