//! Calls to addresses that others chose: applications' keys and logout endpoints, the endpoints that an upstream provider names.
//!
//! Whoever registers an application, or answers as an upstream provider, must not be able to make this server speak to what only it can reach (server-side request
//! forgery). So a name is resolved once and only to addresses that may be reached, the connection goes to one of those, redirects are not
//! followed, no proxy is asked, and size and time have limits. Networks inside the province are reached when the operator names them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

pub use base::Network;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Largest answer that is read, in bytes.
pub const ANSWER_MAX_BYTES: usize = 256 << 10;
/// How long a call may take, from the name to the last byte.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Where calls may go, beside the public internet.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// To this machine: in development.
    pub this_machine: bool,
    /// To these networks.
    pub networks: Vec<Network>,
}

/// Calls out, within its reach.
#[derive(Clone)]
pub struct Outbound {
    client: reqwest::Client,
    reach: Arc<Reach>,
}

/// Why a call brought nothing. For the operator, and for the application's developers.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The address may not be called.
    #[error(
        "`{0}` may not be called: expected https and a public address, or one of the networks that the operator allows"
    )]
    OutOfReach(String),
    /// Nothing answered, or not in time.
    #[error("`{url}` did not answer: {why}")]
    NoAnswer {
        /// What was called.
        url: String,
        /// What happened, and what caused it.
        why: String,
    },
    /// Another status than 200 to 299.
    #[error("`{url}` answered {status}")]
    Status {
        /// What was called.
        url: String,
        /// What it answered.
        status: u16,
    },
    /// More than [`ANSWER_MAX_BYTES`].
    #[error("`{0}` answered with more than {ANSWER_MAX_BYTES} bytes")]
    TooLong(String),
}

impl Outbound {
    /// Calls over `tls`, within `reach`.
    pub fn new(tls: rustls::ClientConfig, reach: Reach) -> Result<Self, reqwest::Error> {
        let reach = Arc::new(reach);
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(Resolver(Arc::clone(&reach))))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .user_agent("Yinxin")
            .build()?;
        Ok(Self { client, reach })
    }

    /// What is at `url`.
    pub async fn get(&self, url: &Url, accept: &str) -> Result<Vec<u8>, OutboundError> {
        self.check(url)?;
        let request = self.client.get(url.clone()).header(reqwest::header::ACCEPT, accept);
        read(url, request).await
    }

    /// Posts a form to `url`; what it answers.
    pub async fn post_form(&self, url: &Url, fields: &[(&str, &str)]) -> Result<Vec<u8>, OutboundError> {
        self.check(url)?;
        read(url, self.client.post(url.clone()).form(fields)).await
    }

    /// Posts JSON to `url` with a bearer token; what it answers.
    pub async fn post_json(&self, url: &Url, bearer: &str, body: Vec<u8>) -> Result<Vec<u8>, OutboundError> {
        self.check(url)?;
        let request = self.client.post(url.clone()).bearer_auth(bearer);
        read(url, request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body)).await
    }

    /// Sends `request` as it is; what is answered, with whatever status.
    pub async fn exchange(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, OutboundError> {
        let (parts, body) = request.into_parts();
        let address = parts.uri.to_string();
        let url = Url::parse(&address).map_err(|_| OutboundError::OutOfReach(address))?;
        self.check(&url)?;
        let request = self.client.request(parts.method, url.clone()).headers(parts.headers).body(body);
        let mut response = request.send().await.map_err(|e| no_answer(&url, e))?;
        let mut answer = http::Response::new(Vec::new());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        *answer.body_mut() = body_of(&url, response).await?;
        Ok(answer)
    }

    /// Addresses written as numbers pass no resolver.
    fn check(&self, url: &Url) -> Result<(), OutboundError> {
        let number = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            Some(Host::Domain(_)) => None,
            None => return Err(OutboundError::OutOfReach(url.to_string())),
        };
        let clear = url.scheme() == "http" && self.reach.this_machine;
        let good = (url.scheme() == "https" || clear)
            && url.username().is_empty()
            && url.password().is_none()
            && number.is_none_or(|ip| self.reach.covers(ip));
        if good { Ok(()) } else { Err(OutboundError::OutOfReach(url.to_string())) }
    }
}

async fn read(url: &Url, request: reqwest::RequestBuilder) -> Result<Vec<u8>, OutboundError> {
    let response = request.send().await.map_err(|e| no_answer(url, e))?;
    let status = response.status();
    if !status.is_success() {
        return Err(OutboundError::Status { url: url.to_string(), status: status.as_u16() });
    }
    body_of(url, response).await
}

fn no_answer(url: &Url, error: reqwest::Error) -> OutboundError {
    OutboundError::NoAnswer { url: url.to_string(), why: with_causes(&error.without_url()) }
}

async fn body_of(url: &Url, mut response: reqwest::Response) -> Result<Vec<u8>, OutboundError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| no_answer(url, e))? {
        if body.len() + chunk.len() > ANSWER_MAX_BYTES {
            return Err(OutboundError::TooLong(url.to_string()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The error and its causes, outermost first: the outermost alone says only that nothing came.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Resolves a name to those of its addresses that may be reached; the connection is made to one of them and none else.
struct Resolver(Arc<Reach>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let reachable: Vec<SocketAddr> = found.filter(|address| reach.covers(address.ip())).collect();
            if reachable.is_empty() {
                return Err("the name leads to no address that may be reached".into());
            }
            let addresses: Addrs = Box::new(reachable.into_iter());
            Ok(addresses)
        })
    }
}

impl Reach {
    /// Whether `ip` may be called.
    pub fn covers(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        if self.networks.iter().any(|network| network.contains(ip)) {
            return true;
        }
        if ip.is_loopback() { self.this_machine } else { is_public(ip) }
    }
}

/// Whether `ip` is an address of the public internet (the IANA registries of special-purpose addresses, RFC 6890).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    const SPECIAL: &[(u32, u32)] = &[
        (0x0000_0000, 8),  // 0.0.0.0/8 this network
        (0x0a00_0000, 8),  // 10.0.0.0/8 private
        (0x6440_0000, 10), // 100.64.0.0/10 shared
        (0x7f00_0000, 8),  // 127.0.0.0/8 loopback
        (0xa9fe_0000, 16), // 169.254.0.0/16 link-local, metadata services
        (0xac10_0000, 12), // 172.16.0.0/12 private
        (0xc000_0000, 24), // 192.0.0.0/24 protocol assignments
        (0xc000_0200, 24), // 192.0.2.0/24 documentation
        (0xc058_6300, 24), // 192.88.99.0/24 6to4 relay
        (0xc0a8_0000, 16), // 192.168.0.0/16 private
        (0xc612_0000, 15), // 198.18.0.0/15 benchmarking
        (0xc633_6400, 24), // 198.51.100.0/24 documentation
        (0xcb00_7100, 24), // 203.0.113.0/24 documentation
        (0xe000_0000, 3),  // 224.0.0.0/4 multicast, 240.0.0.0/4 reserved, broadcast
    ];
    let address = u32::from(ip);
    !SPECIAL.iter().any(|(network, bits)| (address ^ network) >> (32 - bits) == 0)
}

/// Global unicast is 2000::/3; within it are tunnels that lead to IPv4, and networks for other uses.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    const SPECIAL: &[(u128, u32)] = &[
        (0x2001_0000 << 96, 23), // 2001::/23 protocol assignments, Teredo among them
        (0x2001_0db8 << 96, 32), // 2001:db8::/32 documentation
        (0x2002_0000 << 96, 16), // 2002::/16 6to4
        (0x3fff_0000 << 96, 20), // 3fff::/20 documentation
    ];
    let address = u128::from(ip);
    address >> 125 == 1 && !SPECIAL.iter().any(|(network, bits)| (address ^ network) >> (128 - bits) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(reach: &Reach, ip: &str) -> bool {
        reach.covers(ip.parse().unwrap())
    }

    #[test]
    fn only_public_addresses_are_reached() {
        let reach = Reach::default();
        for public in ["8.8.8.8", "223.5.5.5", "172.32.0.1", "100.128.0.1", "2400:3200::1", "::ffff:8.8.8.8"]
        {
            assert!(covers(&reach, public), "{public}");
        }
        for special in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.1.2.3",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "100::1",
        ] {
            assert!(!covers(&reach, special), "{special}");
        }
    }

    #[test]
    fn the_operator_opens_networks_by_name() {
        let networks = vec!["10.20.0.0/16".parse().unwrap(), "fd12::/16".parse().unwrap()];
        let reach = Reach { this_machine: false, networks };
        assert!(
            covers(&reach, "10.20.255.1") && covers(&reach, "::ffff:10.20.0.1") && covers(&reach, "fd12::5")
        );
        assert!(!covers(&reach, "10.21.0.1") && !covers(&reach, "127.0.0.1") && !covers(&reach, "fd13::1"));
        let everything = Reach { this_machine: false, networks: vec!["0.0.0.0/0".parse().unwrap()] };
        assert!(covers(&everything, "192.168.0.1"));
        assert!(covers(&Reach { this_machine: true, networks: Vec::new() }, "127.0.0.1"));
    }
}
