//! The key sets of clients: what is read can be encrypted to or says that it cannot, and no private key is taken from anybody.
#![no_main]

use base::OsEntropy;
use jose::jwe::{
    ContentEncryption, EncryptError, EncryptionKey, EncryptionKeys, Header, KeyManagement, encrypt,
};
use jose::{JwkError, Jwks, KeySet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (signing, encryption) = (Jwks::from_json(data), EncryptionKeys::from_json(data));
    // A private member is one for both readers; anything else may trouble the one that the key is for.
    let private =
        |error: &JwkError| matches!(error, JwkError::PrivateMember { .. } | JwkError::TooMany { .. });
    if let (Err(error), Ok(keys)) = (&signing, &encryption) {
        assert!(!matches!(error, JwkError::TooMany { .. }), "{keys:?}");
    }
    if let Ok(keys) = &signing {
        assert!(!encryption.as_ref().is_err_and(private), "{keys:?}");
        let _ = KeySet::from_jwks(keys);
    }
    for key in encryption.iter().flat_map(EncryptionKeys::keys) {
        assert!(!key.algorithms().is_empty());
        key.algorithms().iter().for_each(|alg| encrypts(key, *alg));
    }
    if let Ok(keys) = &encryption {
        for alg in KeyManagement::ALL {
            assert!(keys.find(alg).is_none_or(|key| key.algorithms().contains(&alg)));
        }
    }
});

fn encrypts(key: &EncryptionKey, alg: KeyManagement) {
    let header = Header { typ: None, cty: Some("JWT"), iss: None };
    match encrypt(key, alg, ContentEncryption::A128Gcm, &header, b"token", &OsEntropy) {
        Ok(token) => assert_eq!(token.split('.').count(), 5),
        Err(error) => assert_eq!(error, EncryptError::Recipient { alg }),
    }
}
