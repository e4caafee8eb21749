//! Which old versions and which suites of TLS a server takes: a ClientHello by hand, and the first bytes of the answer.
//!
//! rustls speaks neither TLS 1.0 nor 1.1, so the question is asked without it (RFC 5246, 7.4.1; RFC 2246 likewise).

use std::time::Duration;

use rustls::ProtocolVersion;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use url::Url;

use super::http::{dial, server_name};
use super::tls::Trust;

/// TLS 1.0, 1.1 and 1.2 on the wire.
pub(crate) const TLS_1_0: u16 = 0x0301;
pub(crate) const TLS_1_1: u16 = 0x0302;
pub(crate) const TLS_1_2: u16 = 0x0303;

/// The suites that RFC 9325, 4.2 recommends for TLS 1.2.
pub(crate) const RECOMMENDED: &[u16] = &[0xc02b, 0xc02c, 0xc02f, 0xc030];

/// The finite-field relatives, which FAPI 2.0 once allowed and RFC 9325 no longer recommends.
pub(crate) const FINITE_FIELD: &[u16] = &[0x009e, 0x009f];

/// What else servers still speak: RSA key exchange, CBC, 3DES, RC4, and suites without forward secrecy.
pub(crate) const OTHER: &[u16] = &[
    0x000a, 0x0005, 0x0004, 0x002f, 0x0035, 0x003c, 0x003d, 0x009c, 0x009d, 0x0033, 0x0039, 0x0067, 0x006b,
    0x0016, 0xc009, 0xc00a, 0xc013, 0xc014, 0xc023, 0xc024, 0xc027, 0xc028, 0xc008, 0xc012, 0xc007, 0xc011,
    0x0041, 0x0084,
];

/// How long a server may think about a hello.
const HELLO_SECONDS: u64 = 10;

/// The suite that a server chooses when offered `version` at most and `suites`; none when it refuses.
pub(crate) async fn offer(url: &Url, version: u16, suites: &[u16]) -> Result<Option<u16>, String> {
    let talk = async {
        let mut socket = dial(url).await?;
        socket.write_all(&client_hello(url, version, suites)).await.map_err(|e| e.to_string())?;
        let mut answer = [0; 128];
        let mut read = 0;
        while read < 76 {
            let Some(free) = answer.get_mut(read..) else { break };
            match socket.read(free).await {
                Ok(0) | Err(_) => break,
                Ok(n) => read += n,
            }
            if answer.first() != Some(&0x16) {
                break;
            }
        }
        Ok(chosen(answer.get(..read).unwrap_or_default(), version))
    };
    let within = Duration::from_secs(HELLO_SECONDS);
    tokio::time::timeout(within, talk).await.unwrap_or_else(|_| Err("no answer to a ClientHello".to_owned()))
}

/// The version that a server and a modern client settle on.
pub(crate) async fn preferred(trust: &Trust, url: &Url) -> Result<Option<ProtocolVersion>, String> {
    let socket = dial(url).await?;
    let connector = TlsConnector::from(trust.anonymous());
    let stream = connector.connect(server_name(url)?, socket).await.map_err(|e| e.to_string())?;
    Ok(stream.get_ref().1.protocol_version())
}

/// The suite in a ServerHello of exactly this version (RFC 5246, 7.4.1.3).
fn chosen(record: &[u8], version: u16) -> Option<u16> {
    let is_hello = record.first() == Some(&0x16) && record.get(5) == Some(&0x02);
    let said = u16::from_be_bytes([*record.get(9)?, *record.get(10)?]);
    let session = usize::from(*record.get(43)?);
    let suite = u16::from_be_bytes([*record.get(44 + session)?, *record.get(45 + session)?]);
    (is_hello && said == version).then_some(suite)
}

fn client_hello(url: &Url, version: u16, suites: &[u16]) -> Vec<u8> {
    let suites: Vec<u8> = suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    let random = base::entropy::bytes::<32>(&base::OsEntropy);
    let hello = [
        version.to_be_bytes().to_vec(),
        random.to_vec(),
        vec![0],
        sized(&suites),
        vec![1, 0],
        sized(&extensions(url)),
    ]
    .concat();
    let handshake = [vec![1, 0], sized(&hello)].concat();
    [vec![0x16, 3, 1], sized(&handshake)].concat()
}

fn extensions(url: &Url) -> Vec<u8> {
    let server_name = match url.host() {
        Some(url::Host::Domain(name)) => {
            let entry = [vec![0], sized(name.as_bytes())].concat();
            extension(0, &sized(&entry))
        }
        _ => Vec::new(),
    };
    let groups: Vec<u8> = [0x001d_u16, 0x0017, 0x0018].iter().flat_map(|group| group.to_be_bytes()).collect();
    let schemes = [0x0403_u16, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0601, 0x0203, 0x0201];
    let schemes: Vec<u8> = schemes.iter().flat_map(|scheme| scheme.to_be_bytes()).collect();
    [server_name, extension(10, &sized(&groups)), extension(11, &[1, 0]), extension(13, &sized(&schemes))]
        .concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [kind.to_be_bytes().to_vec(), sized(content)].concat()
}

/// `content` behind its length in two bytes; nothing here comes near 64 KiB.
fn sized(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    [length.to_be_bytes().to_vec(), content.to_vec()].concat()
}
