//! Identifiers of certificates, people and companies, and dates: what is read is written the same again.
#![no_main]

use ecert::{CertificateIdentifier, Date};
use identity::{ResidentId, SocialCreditCode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok((identifier, deviations)) = CertificateIdentifier::read(text) {
        assert_eq!(identifier.to_string(), text);
        assert_eq!(text.parse::<CertificateIdentifier>().is_ok(), deviations.is_empty());
        let _ = identifier.next_version();
    }
    if let Ok(id) = text.parse::<ResidentId>() {
        assert!(id.as_str().eq_ignore_ascii_case(text) && id.region().is_some());
        let _ = (id.age(fuzz::NOW), id.sex(), id.masked());
    }
    if let Ok(code) = text.parse::<SocialCreditCode>() {
        assert!(code.as_str().eq_ignore_ascii_case(text) && !code.department().is_empty());
        let _ = (code.region(), code.organisation_code());
    }
    if let Ok(date) = text.parse::<Date>() {
        assert_eq!(date.to_string().parse::<Date>(), Ok(date));
        let _ = (date.chinese(), date.last_day_of_years(50));
    }
});
