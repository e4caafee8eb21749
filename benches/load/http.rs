//! HTTP/1.1 as one connection of the generator speaks it: one request, its answer, the next on the same socket.
//!
//! Plain on purpose. A general client costs more processor time than some of the server's answers, and would then be what is
//! measured.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take.
const ANSWER_TIMEOUT_SECONDS: u64 = 30;
/// The longest head of an answer that is read.
const HEAD_MAX_BYTES: usize = 64 << 10;
/// The longest body of an answer that is read.
const BODY_MAX_BYTES: usize = 64 << 20;
const CHUNK_BYTES: usize = 64 << 10;

/// A connection that is kept alive.
pub struct Connection {
    stream: TcpStream,
    chunk: Box<[u8; CHUNK_BYTES]>,
}

/// A whole answer.
#[derive(Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Connection {
    /// Connects to the server.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let timeout = Duration::from_secs(ANSWER_TIMEOUT_SECONDS);
        let stream = TcpStream::connect_timeout(&address, timeout)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(timeout))?;
        Ok(Self { stream, chunk: Box::new([0; CHUNK_BYTES]) })
    }

    /// The server's address.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }

    /// Sends `request` and reads the answer.
    pub fn send(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request)?;
        let mut received = Vec::with_capacity(4096);
        let head_length = loop {
            let seen = received.len();
            self.read_more(&mut received)?;
            if let Some(length) = head_length(&received, seen) {
                break length;
            }
            if received.len() > HEAD_MAX_BYTES {
                return Err(malformed("a head that ends"));
            }
        };
        let body = received.split_off(head_length);
        let head = String::from_utf8(received).map_err(|_| malformed("a head in ASCII"))?;
        let status = head.get(9..12).and_then(|digits| digits.parse().ok());
        let mut answer = Answer { status: status.ok_or_else(|| malformed("a status"))?, head, body };
        let length = answer.header("content-length").and_then(|value| value.parse().ok());
        let length: usize =
            length.filter(|l| *l <= BODY_MAX_BYTES).ok_or_else(|| malformed("a content-length"))?;
        answer.body.reserve_exact(length.saturating_sub(answer.body.len()));
        while answer.body.len() < length {
            self.read_more(&mut answer.body)?;
        }
        if answer.body.len() > length {
            return Err(malformed("nothing after the body"));
        }
        Ok(answer)
    }

    fn read_more(&mut self, into: &mut Vec<u8>) -> io::Result<()> {
        let count = self.stream.read(self.chunk.as_mut_slice())?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        into.extend_from_slice(self.chunk.get(..count).unwrap_or_default());
        Ok(())
    }
}

/// Where the body begins, looking only at what came after the first `seen` bytes (and the blank line's first part before it).
fn head_length(received: &[u8], seen: usize) -> Option<usize> {
    let from = seen.saturating_sub(3);
    let fresh = received.get(from..)?;
    fresh.windows(4).position(|window| window == b"\r\n\r\n").map(|at| from + at + 4)
}

fn malformed(expected: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("expected an answer with {expected}"))
}

impl Answer {
    /// The value of the first header called `name`, which is in lower case.
    pub fn header<'a>(&'a self, name: &str) -> Option<&'a str> {
        self.headers(name).next()
    }

    /// The values of all headers called `name`, which is in lower case.
    pub fn headers<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let fields = self.head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        fields.filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The body's beginning as text, for saying what came.
    pub fn excerpt(&self) -> String {
        String::from_utf8_lossy(self.body.get(..self.body.len().min(300)).unwrap_or_default()).into_owned()
    }
}

/// A request, put together before the clock starts.
pub struct Request {
    text: String,
    body: Vec<u8>,
}

impl Request {
    /// `GET path`.
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// `POST path`.
    pub fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    fn new(method: &str, path: &str) -> Self {
        let text = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nuser-agent: yinxin-load\r\naccept: */*\r\n"
        );
        Self { text, body: Vec::new() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        // Writing to a `String` cannot fail.
        let _ = write!(self.text, "{name}: {value}\r\n");
        self
    }

    /// Carries an access token (RFC 6750, 2.1).
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Carries a body.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    /// Carries a form.
    #[must_use]
    pub fn form<'a>(self, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.body("application/x-www-form-urlencoded", encoded(fields))
    }

    /// Carries JSON.
    #[must_use]
    pub fn json(self, value: &serde_json::Value) -> Self {
        self.body("application/json", value.to_string())
    }

    /// The bytes that go over the wire.
    pub fn into_bytes(self) -> Vec<u8> {
        let length = self.body.len();
        let has_body = self.text.starts_with("POST");
        let mut bytes = self.text.into_bytes();
        if has_body {
            bytes.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// `fields` in the form encoding of the URL standard.
pub fn encoded<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
