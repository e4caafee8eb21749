//! The random bit generator: given a case's entropy, its bits.

use gm::drbg::{Drbg, EntropySource, MinEntropy, SecurityLevel, Unavailable};
use gm::sm3;
use serde::Deserialize;

use crate::data::{Hex, cases, holds, same, words};
use crate::report::Report;

/// Runs every case.
pub(super) fn run(report: &mut Report) {
    for case in cases::<Case>(report, "gm/drbg.toml", include_str!("drbg.toml")) {
        report.case(&case.clause, &case.what, generated(&case));
        report.case(&case.clause, "no entropy left: nothing given", exhausted(&case));
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    clause: String,
    what: String,
    entropy: Hex,
    nonce: Hex,
    personalization: Hex,
    reseed_entropy: Hex,
    reseed_additional: Hex,
    request: Vec<Request>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    additional: Hex,
    bits: Hex,
}

fn generated(case: &Case) -> Result<(), String> {
    let mut drbg = seeded_twice(case)?;
    for Request { additional, bits } in &case.request {
        let mut out = vec![0; bits.0.len()];
        drbg.generate(&mut out, &additional.0, 0).map_err(words)?;
        same("bits", &out, bits)?;
    }
    Ok(())
}

fn exhausted(case: &Case) -> Result<(), String> {
    let mut drbg = seeded_twice(case)?;
    let mut out = [0xff; 32];
    let old_seconds = SecurityLevel::Two.reseed_seconds();
    holds("the refusal", drbg.generate(&mut out, &[], old_seconds).is_err() && out == [0; 32])?;
    holds("the error state", drbg.generate(&mut out, &[], 0).is_err())
}

fn seeded_twice(case: &Case) -> Result<Drbg, String> {
    let script = [&case.reseed_entropy, &case.nonce, &case.entropy].map(|part| part.0.clone());
    let source = Box::new(Script { started: false, script: script.into() });
    let mut drbg = Drbg::new(vec![source], &case.personalization.0, SecurityLevel::Two, 0).map_err(words)?;
    drbg.reseed(&case.reseed_additional.0, 0).map_err(words)?;
    Ok(drbg)
}

/// The entropy of a case, after start-up samples that are tested and thrown away.
struct Script {
    started: bool,
    /// The next part last.
    script: Vec<Vec<u8>>,
}

impl EntropySource for Script {
    fn min_entropy(&self) -> MinEntropy {
        MinEntropy::FULL
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<(), Unavailable> {
        let samples = if self.started {
            self.script.pop()
        } else {
            self.started = true;
            Some((0..out.len().div_ceil(32)).flat_map(|i| sm3::hash(&i.to_be_bytes())).collect())
        };
        let samples = samples.filter(|s| s.len() == out.len()).ok_or(Unavailable)?;
        out.copy_from_slice(&samples);
        Ok(())
    }
}
