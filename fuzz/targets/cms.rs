//! Signed messages of GB/T 35275 and time stamp tokens: read, every signer verified.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pki::cms::SignedData;
use pki::cms::time_stamp::TimeStampToken;

fuzz_target!(|data: &[u8]| {
    if let Ok(message) = SignedData::from_der(data) {
        for signer in &message.signers {
            let _ = message.certificate_of(signer);
            for document in [&b"message"[..], message.content.as_deref().unwrap_or_default()] {
                let verdict = message.verify(signer, document, message.certificates.first());
                let _ = verdict.binding.name();
            }
        }
    }
    if let Ok(token) = TimeStampToken::from_der(data) {
        let _ = (token.verify(b"message").is_ok(), token.certificates().len(), token.generated.rfc3339());
    }
});
