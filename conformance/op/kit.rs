//! A relying party's tools, written for this harness alone: nothing of the product judges the product.
//!
//! - [`params`] parameters of requests and answers.
//! - [`http`] calls, [`tls`] whom they believe and what they show.
//! - [`html`] pages, [`jar`] cookies, [`browser`] a person who walks through them.
//! - [`keys`] key pairs, [`jose`] tokens right and wrong, [`x509`] client certificates.
//! - [`probe`] which versions and suites of TLS a server takes.
//! - [`chromium`] a real browser, for what needs scripts.
//! - [`listener`] what the provider calls: logout tokens, request objects.

pub(crate) mod browser;
pub(crate) mod chromium;
pub(crate) mod html;
pub(crate) mod http;
pub(crate) mod jar;
pub(crate) mod jose;
pub(crate) mod keys;
pub(crate) mod listener;
pub(crate) mod params;
pub(crate) mod probe;
pub(crate) mod tls;
pub(crate) mod x509;

pub(crate) use params::Params;

/// 256 random bits in base64url.
pub(crate) fn random_token() -> String {
    base::entropy::token(&base::OsEntropy)
}

/// `length` random characters of base64url.
pub(crate) fn random_text(length: usize) -> String {
    let mut text = String::new();
    while text.len() < length {
        text.push_str(&random_token());
    }
    text.chars().take(length).collect()
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    use base::Clock as _;
    base::SystemClock.now().unix_seconds()
}

/// The bits of randomness that the spread of characters in `text` speaks for: Shannon's entropy times the length.
pub(crate) fn shannon_bits(text: &str) -> f64 {
    let mut counts = std::collections::BTreeMap::new();
    for character in text.chars() {
        *counts.entry(character).or_insert(0_u32) += 1;
    }
    let length = counts.values().map(|n| f64::from(*n)).sum::<f64>();
    counts.values().map(|n| f64::from(*n)).map(|n| n * (length / n).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_grows_with_length_and_variety() {
        assert!(shannon_bits("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa") < 1.0);
        assert!((shannon_bits("abcd") - 8.0).abs() < 1e-9);
        assert!(shannon_bits(&random_token()) > 96.0);
    }
}
