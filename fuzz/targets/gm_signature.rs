//! SM2 signatures: read in both encodings, written again byte for byte, and checked in every way, which agree; changed ones do not hold.
#![no_main]

use std::sync::LazyLock;

use fuzz::cryptography::{Dice, PATHS_OF_SM2, changed, on_every_path, signing_key};
use gm::Rejected;
use gm::sm2::{DEFAULT_ID, DerSignature, HotVerifyingKey, Signature, SigningKey, verify_batch};
use libfuzzer_sys::fuzz_target;

static KEY: LazyLock<SigningKey> = LazyLock::new(signing_key);
static HOT_KEY: LazyLock<HotVerifyingKey> = LazyLock::new(|| HotVerifyingKey::new(KEY.verifying_key()));

fuzz_target!(|data: &[u8]| {
    let read = Signature::from_der(data);
    assert_eq!(DerSignature::from_bytes(data).map(Signature::from), read);
    if let Ok(signature) = read {
        assert_eq!(signature.to_der(), data);
        assert_eq!(DerSignature::from(signature).to_bytes(), data);
        assert_eq!(Signature::from_bytes(&signature.to_bytes()), Ok(signature));
        let _ = holds(&signature, b"message");
    }
    if let Some((raw, message)) = data.split_first_chunk() {
        if let Ok(signature) = Signature::from_bytes(raw) {
            assert_eq!(signature.to_bytes(), *raw);
            assert_eq!(Signature::from_der(&signature.to_der()), Ok(signature));
            let _ = holds(&signature, message);
        }
        only_the_signed_holds(message, raw);
    }
});

/// Every way to check `signature`, alone and beside another.
fn holds(signature: &Signature, message: &[u8]) -> Result<(), Rejected> {
    static OTHER: LazyLock<Signature> = LazyLock::new(|| sign(&[7; 32]));
    let key = KEY.verifying_key();
    let e = key.digest(&[message], DEFAULT_ID).unwrap();
    on_every_path(PATHS_OF_SM2, || {
        let verdict = key.verify(message, DEFAULT_ID, signature);
        assert_eq!(HOT_KEY.verify_digest(&e, signature), verdict);
        assert_eq!(verify_batch(&[(key, e, signature), (key, [7; 32], &OTHER)]), [verdict, Ok(())]);
        verdict
    })
}

fn sign(e: &[u8; 32]) -> Signature {
    KEY.sign_digest(e, &mut base::entropy::rng(&Dice::default()))
}

/// A signature over `message` holds, and with the bits of `mask` turned over it does not.
fn only_the_signed_holds(message: &[u8], mask: &[u8; 64]) {
    let key = KEY.verifying_key();
    let e = key.digest(&[message], DEFAULT_ID).unwrap();
    let signature = on_every_path(PATHS_OF_SM2, || sign(&e));
    assert_eq!(key.verify_digest(&e, &signature), Ok(()));
    let changed = changed(&signature.to_bytes(), mask)
        .and_then(|changed| Signature::from_bytes(changed.first_chunk()?).ok());
    assert!(changed.is_none_or(|changed| HOT_KEY.verify_digest(&e, &changed).is_err()));
}
