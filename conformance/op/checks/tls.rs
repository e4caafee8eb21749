//! What protects an endpoint (FAPI 2.0, 5.2; RFC 9325).

use rustls::ProtocolVersion;
use url::Url;

use crate::op::finding::{Finding, fail, info, warn};
use crate::op::kit::probe::{self, FINITE_FIELD, OTHER, RECOMMENDED, TLS_1_0, TLS_1_1, TLS_1_2};
use crate::op::kit::tls::Trust;

/// Asks the server behind `url` what it still speaks.
pub(crate) async fn all(trust: &Trust, url: &Url) -> Vec<Finding> {
    if url.scheme() != "https" {
        let skipped =
            info("DisallowTLS10, DisallowTLS11, RequireOnlyBCP195RecommendedCiphersForTLS12", "FAPI2-SP 5.2");
        return vec![skipped.held_but("not asked: the endpoint is not https")];
    }
    let every: Vec<u16> = [RECOMMENDED, FINITE_FIELD, OTHER].concat();
    let old = [
        (TLS_1_0, fail("DisallowTLS10", "FAPI2-SP 5.2.1")),
        (TLS_1_1, fail("DisallowTLS11", "FAPI2-SP 5.2.1")),
    ];
    let mut findings = Vec::new();
    for (version, condition) in old {
        let suite = probe::offer(url, version, &every).await;
        findings.push(
            condition.holds(matches!(suite, Ok(None)), || format!("expected a refusal, got {suite:?}")),
        );
    }
    let preferred = probe::preferred(trust, url).await;
    let modern = matches!(preferred, Ok(Some(ProtocolVersion::TLSv1_3)));
    let recommended = probe::offer(url, TLS_1_2, RECOMMENDED).await;
    findings.push(
        fail("EnsureTLS12RequireBCP195Ciphers", "FAPI2-SP 5.2.3")
            .holds(modern || matches!(recommended, Ok(Some(_))), || {
                format!("expected TLS 1.3 or a suite of RFC 9325, got {preferred:?} and {recommended:04x?}")
            }),
    );
    let weak = probe::offer(url, TLS_1_2, OTHER).await;
    findings.push(
        fail("RequireOnlyBCP195RecommendedCiphersForTLS12", "FAPI2-SP 5.2.2")
            .holds(matches!(weak, Ok(None)), || {
                format!("expected a refusal of suites that RFC 9325 does not recommend, got {weak:04x?}")
            }),
    );
    let finite = probe::offer(url, TLS_1_2, FINITE_FIELD).await;
    findings.push(
        warn("CheckForBCP195InsecureFAPICiphers", "RFC 9325 4.2")
            .holds(matches!(finite, Ok(None)), || format!("expected a refusal of DHE, got {finite:04x?}")),
    );
    findings.push(
        warn("EnsureTLS13OrLater", "RFC 9325 3.1.1")
            .holds(modern, || format!("expected TLS 1.3, got {preferred:?}")),
    );
    findings
}
