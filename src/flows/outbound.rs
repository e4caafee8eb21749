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
    known: Line,
    strangers: Line,
}

/// Calls within one reach.
#[derive(Clone)]
struct Line {
    client: reqwest::Client,
    reach: Arc<Reach>,
}

/// Who chose an address, and so how far a call to it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// An application that somebody who answers to the province let in, or the operator: networks inside the province are reached.
    Known,
    /// Anybody: those networks are not reached, whatever the operator opens for applications.
    Stranger,
}

/// A document to be had from somewhere.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Where.
    pub url: &'a Url,
    /// The kinds that are understood.
    pub accept: &'a str,
    /// Who chose the address.
    pub whose: Whose,
    /// The most bytes that are read.
    pub max_bytes: usize,
}

/// A document, with what its site says of it.
#[derive(Clone, Debug)]
pub struct Document {
    /// The status, 200 to 299.
    pub status: u16,
    /// Its kind, in lower case and without parameters.
    pub content_type: String,
    /// How long it may be kept.
    pub cache_control: Option<String>,
    /// It.
    pub body: Vec<u8>,
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
    /// More than may be.
    #[error("`{url}` answered with more than {max_bytes} bytes")]
    TooLong {
        /// What was called.
        url: String,
        /// The most that is read.
        max_bytes: usize,
    },
}

impl Outbound {
    /// Calls over `tls`, within `reach`; those to addresses that strangers chose without its networks.
    pub fn new(tls: rustls::ClientConfig, reach: Reach) -> Result<Self, reqwest::Error> {
        let public = Reach { this_machine: reach.this_machine, networks: Vec::new() };
        Ok(Self { known: Line::new(tls.clone(), reach)?, strangers: Line::new(tls, public)? })
    }

    /// What is at `url`.
    pub async fn get(&self, url: &Url, accept: &str) -> Result<Vec<u8>, OutboundError> {
        let wanted = Wanted { url, accept, whose: Whose::Known, max_bytes: ANSWER_MAX_BYTES };
        Ok(self.fetch(wanted).await?.body)
    }

    /// The document that is `wanted`.
    pub async fn fetch(&self, wanted: Wanted<'_>) -> Result<Document, OutboundError> {
        let Wanted { url, accept, whose, max_bytes } = wanted;
        let line = match whose {
            Whose::Known => &self.known,
            Whose::Stranger => &self.strangers,
        };
        line.check(url)?;
        let request = line.client.get(url.clone()).header(reqwest::header::ACCEPT, accept);
        read(url, request, max_bytes).await
    }

    /// Posts a form to `url`; what it answers.
    pub async fn post_form(&self, url: &Url, fields: &[(&str, &str)]) -> Result<Vec<u8>, OutboundError> {
        self.known.check(url)?;
        Ok(read(url, self.known.client.post(url.clone()).form(fields), ANSWER_MAX_BYTES).await?.body)
    }

    /// Posts JSON to `url` with a bearer token; what it answers.
    pub async fn post_json(&self, url: &Url, bearer: &str, body: Vec<u8>) -> Result<Vec<u8>, OutboundError> {
        self.known.check(url)?;
        let request = self.known.client.post(url.clone()).bearer_auth(bearer);
        let request = request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body);
        Ok(read(url, request, ANSWER_MAX_BYTES).await?.body)
    }

    /// Sends `request` as it is to a provider that the operator named; what is answered, with whatever status.
    pub async fn exchange(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, OutboundError> {
        let (parts, body) = request.into_parts();
        let address = parts.uri.to_string();
        let url = Url::parse(&address).map_err(|_| OutboundError::OutOfReach(address))?;
        self.known.check(&url)?;
        let request = self.known.client.request(parts.method, url.clone()).headers(parts.headers).body(body);
        let mut response = request.send().await.map_err(|e| no_answer(&url, e))?;
        let mut answer = http::Response::new(Vec::new());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        *answer.body_mut() = body_of(&url, response, ANSWER_MAX_BYTES).await?;
        Ok(answer)
    }
}

impl Line {
    fn new(tls: rustls::ClientConfig, reach: Reach) -> Result<Self, reqwest::Error> {
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

async fn read(
    url: &Url,
    request: reqwest::RequestBuilder,
    max_bytes: usize,
) -> Result<Document, OutboundError> {
    let response = request.send().await.map_err(|e| no_answer(url, e))?;
    let status = response.status();
    if !status.is_success() {
        return Err(OutboundError::Status { url: url.to_string(), status: status.as_u16() });
    }
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let kind = header(reqwest::header::CONTENT_TYPE).unwrap_or_default();
    let content_type = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let cache_control = header(reqwest::header::CACHE_CONTROL).map(str::to_owned);
    let body = body_of(url, response, max_bytes).await?;
    Ok(Document { status: status.as_u16(), content_type, cache_control, body })
}

fn no_answer(url: &Url, error: reqwest::Error) -> OutboundError {
    OutboundError::NoAnswer { url: url.to_string(), why: with_causes(&error.without_url()) }
}

async fn body_of(
    url: &Url,
    mut response: reqwest::Response,
    max_bytes: usize,
) -> Result<Vec<u8>, OutboundError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| no_answer(url, e))? {
        if body.len() + chunk.len() > max_bytes {
            return Err(OutboundError::TooLong { url: url.to_string(), max_bytes });
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

    /// Calls out, trusting nobody, within `reach`.
    fn outbound(reach: Reach) -> Outbound {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let tls = tls.unwrap().with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
        Outbound::new(tls, reach).unwrap()
    }

    /// A site on this machine that answers each request with `answer`; its port, and how often it was called.
    async fn site(answer: String) -> (u16, Arc<std::sync::atomic::AtomicUsize>) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let calls = Arc::<std::sync::atomic::AtomicUsize>::default();
        let counted = Arc::clone(&calls);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let mut head = [0; 1_024];
                assert!(stream.read(&mut head).await.is_ok());
                stream.write_all(answer.as_bytes()).await.ok();
                stream.shutdown().await.ok();
            }
        });
        (port, calls)
    }

    #[tokio::test]
    async fn whoever_leads_inside_is_not_followed_there_by_number_by_name_or_by_redirect() {
        let (port, calls) = site("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_owned()).await;
        let outside = outbound(Reach::default());
        let get = async |outbound: &Outbound, url: String| outbound.get(&url.parse().unwrap(), "*/*").await;
        for url in [
            format!("http://127.0.0.1:{port}/"),
            format!("https://127.0.0.1:{port}/"),
            format!("https://0x7f000001:{port}/"),
            format!("https://2130706433:{port}/"),
            format!("https://[::ffff:127.0.0.1]:{port}/"),
            format!("https://localhost:{port}/"),
            format!("https://user@localhost:{port}/"),
            "https://169.254.169.254/latest/meta-data/".to_owned(),
            "https://[fd00:ec2::254]/".to_owned(),
            "file:///etc/passwd".to_owned(),
        ] {
            assert!(get(&outside, url.clone()).await.is_err(), "{url}");
        }
        assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 0, "nothing was even connected to");

        let here = outbound(Reach { this_machine: true, networks: Vec::new() });
        assert_eq!(get(&here, format!("http://127.0.0.1:{port}/")).await.unwrap(), b"{}");
        let moved = format!(
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{port}/secret\r\ncontent-length: 0\r\n\r\n"
        );
        let (leading, _) = site(moved).await;
        let refused = get(&here, format!("http://127.0.0.1:{leading}/")).await.unwrap_err();
        assert!(matches!(refused, OutboundError::Status { status: 302, .. }), "{refused}");
        assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 1, "and is not followed");
    }

    #[tokio::test]
    async fn an_answer_without_end_is_not_read_to_the_end() {
        let here = outbound(Reach { this_machine: true, networks: Vec::new() });
        let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(ANSWER_MAX_BYTES + 1));
        let (port, _) = site(endless).await;
        let url: Url = format!("http://127.0.0.1:{port}/").parse().unwrap();
        assert!(matches!(here.get(&url, "*/*").await, Err(OutboundError::TooLong { .. })));
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
