//! Proofs that bring their own key: whatever the header says, what is accepted was signed by the key that comes back.
#![no_main]

use jose::proof::{self, DPOP_TYP};
use jose::{Algorithm, Jwk, Proof};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some(proof) = std::str::from_utf8(data).ok().and_then(read) {
        is_sound(&proof);
    }
    // The same as the header of a proof that our key signed, so that the reader of headers and keys is reached.
    let (proof, signer) = fuzz::proof_with_header(data);
    if let Some(proof) = read(&proof) {
        is_sound(&proof);
        assert_eq!((proof.key.thumbprint(), proof.algorithm), (signer.thumbprint(), Algorithm::Sm2Sm3));
        assert!(proof.claims.is_empty());
    }
});

fn read(proof: &str) -> Option<Proof> {
    proof::verify(proof, DPOP_TYP, &Algorithm::ALL).ok()
}

fn is_sound(proof: &Proof) {
    assert!(proof.key.algorithms().contains(&proof.algorithm));
    let again = Jwk::from_json(proof.key.to_json().to_string().as_bytes()).unwrap();
    assert_eq!(again, proof.key);
}
