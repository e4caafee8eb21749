//! What strangers register: documents at the address of their identifier, statements, names. What is read keeps its bounds, whatever it says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oidc::look_alike::{SKELETON_MAX_CHARS, skeleton};
use oidc::metadata_document::{self, KEPT_MAX_SECONDS, KEPT_MIN_SECONDS};
use oidc::{ClientId, software_statement};

// The first line is an identifier, the rest is what is found there.
fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let kept = metadata_document::kept_seconds(Some(first));
    assert!((KEPT_MIN_SECONDS..=KEPT_MAX_SECONDS).contains(&kept));
    assert!(skeleton(first).chars().count() <= SKELETON_MAX_CHARS);
    if let Some(vouched) = software_statement::registered(first) {
        let sent = [("client_name#en".to_owned(), first.into())].into_iter().collect();
        let over = vouched.over(sent);
        assert!(
            !(vouched.vouches_for("client_name") && over.contains_key("client_name#en"))
                || vouched.vouches_for("client_name#en")
        );
    }
    let Ok(id) = first.parse::<ClientId>() else { return };
    let Ok(address) = metadata_document::address(&id, false) else { return };
    assert!(address.scheme() == "https" && address.as_str() == id.as_str());
    let Ok(registration) = metadata_document::read(&id, &address, rest.as_bytes()) else { return };
    let client = metadata_document::client(&id, &registration).expect("it was read");
    assert!(client.registered_itself && !client.is_first_party() && client.secret_hash.is_none());
    assert!(client.document_host().as_deref() == address.host_str());
    assert!(client.scopes.iter().all(|scope| oidc::self_registration::SCOPES.contains(&scope)));
});
