//! SM2 key exchange against the example in its standard.

use base::{Entropy, entropy};
use gm::sm2::exchange::{Agreement, EphemeralKey, Initiator, Responder, Response};
use gm::sm2::{DecryptingKey, EncryptingKey, VerifyingKey};
use serde::Deserialize;

use super::{changed, nonce_point};
use crate::data::{Hex, holds, same, words};
use crate::report::Report;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExchangeCase {
    clause: String,
    key_bytes: usize,
    initiator_id: String,
    responder_id: String,
    initiator_private_key: Hex,
    initiator_public_key: Hex,
    responder_private_key: Hex,
    responder_public_key: Hex,
    initiator_z: Hex,
    responder_z: Hex,
    initiator_ephemeral_private_key: Hex,
    initiator_ephemeral_key: Hex,
    responder_ephemeral_private_key: Hex,
    responder_ephemeral_key: Hex,
    responder_confirmation: Hex,
    initiator_confirmation: Hex,
    key: Hex,
}

/// Reports each step of the exchange as a case of its own.
pub(super) fn run(report: &mut Report, case: &ExchangeCase) {
    let clause = &case.clause;
    report.case(clause, "SM2 key exchange, key pairs and Z", parties(case).map(|_| ()));
    report.case(clause, "SM2 key exchange, R_A and R_B", ephemeral_keys(case));
    report.case(clause, "SM2 key exchange, S_B, S_A and the key", published_exchange(case));
    report.case(clause, "SM2 key exchange, refuse what was changed", changed_confirmations(case));
}

fn parties(case: &ExchangeCase) -> Result<[DecryptingKey; 2], String> {
    let party = |private: &Hex, public: &Hex, id: &str, z: &Hex| {
        let key = DecryptingKey::from_bytes(&private.array()?).map_err(words)?;
        same("public key", &key.encrypting_key().to_sec1(), public)?;
        let of_id = VerifyingKey::from_sec1(&public.0).and_then(|key| key.z(id.as_bytes()));
        same("Z", &of_id.map_err(words)?, z)?;
        Ok::<_, String>(key)
    };
    Ok([
        party(
            &case.initiator_private_key,
            &case.initiator_public_key,
            &case.initiator_id,
            &case.initiator_z,
        )?,
        party(
            &case.responder_private_key,
            &case.responder_public_key,
            &case.responder_id,
            &case.responder_z,
        )?,
    ])
}

fn ephemeral_keys(case: &ExchangeCase) -> Result<(), String> {
    nonce_point(&case.initiator_ephemeral_private_key, &case.initiator_ephemeral_key)?;
    nonce_point(&case.responder_ephemeral_private_key, &case.responder_ephemeral_key)
}

fn published_exchange(case: &ExchangeCase) -> Result<(), String> {
    let ((initiator, ephemeral), (responder, response)) = first_two_messages(case)?;
    same("R_A", &ephemeral.to_sec1(), &case.initiator_ephemeral_key)?;
    same("R_B", &response.ephemeral.to_sec1(), &case.responder_ephemeral_key)?;
    same("S_B", &response.confirmation, &case.responder_confirmation)?;
    let (key, confirmation) = initiator.confirm(&response).map_err(words)?;
    same("S_A", &confirmation, &case.initiator_confirmation)?;
    same("the initiator's key", &key, &case.key)?;
    same("the responder's key", &responder.confirm(&confirmation).map_err(words)?, &case.key)
}

fn changed_confirmations(case: &ExchangeCase) -> Result<(), String> {
    let ((initiator, _), (responder, response)) = first_two_messages(case)?;
    let confirmation = Hex(changed(&case.responder_confirmation.0)).array()?;
    let refused = initiator.confirm(&Response { confirmation, ..response }).is_err();
    holds("the refusal of a changed S_B", refused)?;
    let confirmation = Hex(changed(&case.initiator_confirmation.0)).array()?;
    holds("the refusal of a changed S_A", responder.confirm(&confirmation).is_err())
}

type Sides = ((Initiator, EphemeralKey), (Responder, Response));

/// A1 to A3 and B1 to B9, with the published ephemeral private keys.
fn first_two_messages(case: &ExchangeCase) -> Result<Sides, String> {
    let [initiator, responder] = parties(case)?;
    let agreement = |own, own_id: &str, peer: &EncryptingKey, peer_id: &str| {
        Agreement::new(own, own_id.as_bytes(), peer, peer_id.as_bytes(), case.key_bytes).map_err(words)
    };
    let (a, b) = (&case.initiator_id, &case.responder_id);
    let of_a = agreement(&initiator, a, responder.encrypting_key(), b)?;
    let of_b = agreement(&responder, b, initiator.encrypting_key(), a)?;

    let dice = Loaded(case.initiator_ephemeral_private_key.array()?);
    let (initiator, ephemeral) = of_a.initiate(&mut entropy::rng(&dice));
    let dice = Loaded(case.responder_ephemeral_private_key.array()?);
    let answered = of_b.respond(&ephemeral, &mut entropy::rng(&dice)).map_err(words)?;
    Ok(((initiator, ephemeral), answered))
}

/// Dice that show one number: a private key is drawn as 32 bytes, so they choose the ephemeral one.
struct Loaded([u8; 32]);

impl Entropy for Loaded {
    fn fill(&self, out: &mut [u8]) {
        out.iter_mut().zip(self.0).for_each(|(to, from)| *to = from);
    }
}
