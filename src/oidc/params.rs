//! Request parameters (`application/x-www-form-urlencoded`) from hostile bytes.

/// Longest query or body, in bytes.
pub const PARAMS_MAX_BYTES: usize = 32 * 1024;
/// Most parameters in one request.
pub const PARAMS_MAX_COUNT: usize = 64;
/// Longest parameter name, decoded, in bytes.
pub const PARAM_NAME_MAX_BYTES: usize = 128;
/// Longest parameter value, decoded, in bytes.
pub const PARAM_VALUE_MAX_BYTES: usize = 8 * 1024;

/// The only parameters that may come more than once (RFC 8707, 2; RFC 8693, 2.1).
const REPEATABLE: [&str; 2] = ["resource", "audience"];

/// The parameters of one request, each decoded once.
#[derive(Clone, Default)]
pub struct Params {
    pairs: Vec<(String, String)>,
    duplicated: Vec<String>,
}

/// Why a query or body is not a set of parameters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// The whole is longer than [`PARAMS_MAX_BYTES`].
    #[error("expected at most {PARAMS_MAX_BYTES} bytes of parameters, got {0}")]
    TooLong(usize),
    /// There are more than [`PARAMS_MAX_COUNT`] parameters.
    #[error("expected at most {PARAMS_MAX_COUNT} parameters")]
    TooMany,
    /// A name is longer than [`PARAM_NAME_MAX_BYTES`].
    #[error("expected parameter names of at most {PARAM_NAME_MAX_BYTES} bytes, got {0}")]
    NameTooLong(usize),
    /// A value is longer than [`PARAM_VALUE_MAX_BYTES`].
    #[error("expected `{name}` to have at most {PARAM_VALUE_MAX_BYTES} bytes, got {len}")]
    ValueTooLong {
        /// Whose value it is.
        name: String,
        /// Its length in bytes.
        len: usize,
    },
    /// A `%` is not followed by two hexadecimal digits, or what comes out is not UTF-8 or holds U+0000.
    #[error("expected `{name}` to be percent-encoded UTF-8 without U+0000")]
    Encoding {
        /// Whose encoding it is, as far as it could be read.
        name: String,
    },
    /// The parameter came more than once (RFC 6749, 3.1 and 3.2).
    #[error("expected `{0}` once, got it more than once")]
    Duplicated(String),
}

impl ParamsError {
    /// The error as the caller may know it.
    pub fn to_oauth_error(&self) -> crate::OauthError {
        crate::error::invalid_request(self.to_string())
    }
}

impl Params {
    /// Reads `bytes` and refuses a parameter that comes twice.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParamsError> {
        let params = Self::parse_keeping_duplicates(bytes)?;
        match params.duplicated.first() {
            Some(name) => Err(ParamsError::Duplicated(name.clone())),
            None => Ok(params),
        }
    }

    /// Reads `bytes` and remembers which parameters came twice; of those, the first value is kept.
    ///
    /// For the authorization endpoint alone, which must know the redirect URI before it can say what is wrong.
    pub(crate) fn parse_keeping_duplicates(bytes: &[u8]) -> Result<Self, ParamsError> {
        if bytes.len() > PARAMS_MAX_BYTES {
            return Err(ParamsError::TooLong(bytes.len()));
        }
        let mut params = Self::default();
        for pair in bytes.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
            if params.pairs.len() + params.duplicated.len() == PARAMS_MAX_COUNT {
                return Err(ParamsError::TooMany);
            }
            params.take(pair)?;
        }
        Ok(params)
    }

    /// Parameters that did not come form-encoded, under the same limits.
    pub(crate) fn from_members(pairs: Vec<(String, String)>) -> Result<Self, ParamsError> {
        if pairs.len() > PARAMS_MAX_COUNT {
            return Err(ParamsError::TooMany);
        }
        let mut params = Self::default();
        for (name, value) in pairs {
            params.keep(name, value)?;
        }
        Ok(params)
    }

    /// The value of `name`; `None` when it is absent or empty, which is the same (RFC 6749, 3.1).
    pub fn value(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    /// Every value of `name` that is not empty, in order; more than one only for `resource` and `audience`.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    /// The value of `name`, or the error that says it is missing.
    pub fn required(&self, name: &str) -> Result<&str, crate::OauthError> {
        self.value(name).ok_or_else(|| crate::error::invalid_request(format!("`{name}` is missing: send it")))
    }

    /// The parameters that came more than once.
    pub(crate) fn duplicated(&self) -> impl Iterator<Item = &str> {
        self.duplicated.iter().map(String::as_str)
    }

    fn take(&mut self, pair: &[u8]) -> Result<(), ParamsError> {
        let mut halves = pair.splitn(2, |b| *b == b'=');
        let name = halves.next().unwrap_or_default();
        let value = halves.next().unwrap_or_default();
        let name = decode(name).ok_or_else(|| ParamsError::Encoding { name: readable(name) })?;
        let value = decode(value).ok_or_else(|| ParamsError::Encoding { name: readable(name.as_bytes()) })?;
        self.keep(name, value)
    }

    fn keep(&mut self, name: String, value: String) -> Result<(), ParamsError> {
        if name.len() > PARAM_NAME_MAX_BYTES {
            return Err(ParamsError::NameTooLong(name.len()));
        }
        if value.contains('\0') {
            return Err(ParamsError::Encoding { name });
        }
        if value.len() > PARAM_VALUE_MAX_BYTES {
            return Err(ParamsError::ValueTooLong { name, len: value.len() });
        }
        if !REPEATABLE.contains(&name.as_str()) && self.pairs.iter().any(|(n, _)| *n == name) {
            self.duplicated.push(name);
        } else {
            self.pairs.push((name, value));
        }
        Ok(())
    }
}

/// Decodes one name or value: `+` is a space, `%XX` a byte, the whole UTF-8 without U+0000, which not every database keeps;
/// `None` for anything else.
///
/// Source: URL Standard, 5.1, made strict; RFC 6749, Appendix B.
pub(crate) fn decode(bytes: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => (hex_digit(rest.next()?)? << 4) | hex_digit(rest.next()?)?,
            plain => *plain,
        });
    }
    String::from_utf8(out).ok().filter(|text| !text.contains('\0'))
}

/// Appends `name=value` to the query of `url`, each byte outside RFC 3986's unreserved set percent-encoded.
pub(crate) fn append(url: &mut String, name: &str, value: &str) {
    let has_query = url.contains('?');
    if !url.ends_with(['?', '&']) {
        url.push(if has_query { '&' } else { '?' });
    }
    encode_into(url, name);
    url.push('=');
    encode_into(url, value);
}

fn encode_into(out: &mut String, text: &str) {
    use std::fmt::Write;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

fn hex_digit(byte: &u8) -> Option<u8> {
    char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn readable(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().take(PARAM_NAME_MAX_BYTES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> ParamsError {
        Params::parse(bytes).err().unwrap()
    }

    #[test]
    fn values_are_decoded_once_and_an_empty_one_is_absent() {
        let params =
            Params::parse(b"scope=openid+profile&state=a%2Bb%26c%3D%E5%8D%B0&nonce=&flag&&x=%2541").unwrap();
        assert_eq!(params.value("scope"), Some("openid profile"));
        assert_eq!(params.value("state"), Some("a+b&c=印"));
        assert_eq!(params.value("nonce"), None);
        assert_eq!(params.value("flag"), None);
        assert_eq!(params.value("x"), Some("%41"), "never twice");
    }

    #[test]
    fn a_parameter_that_comes_twice_is_refused_by_name() {
        assert_eq!(refusal(b"a=1&client_id=x&client_id=x"), ParamsError::Duplicated("client_id".into()));
        assert_eq!(refusal(b"state=&state=a"), ParamsError::Duplicated("state".into()));
        assert_eq!(refusal(b"%73tate=b&state=a"), ParamsError::Duplicated("state".into()));
        let resources = Params::parse(b"resource=https%3A%2F%2Fa&resource=https%3A%2F%2Fb").unwrap();
        assert_eq!(resources.values("resource").collect::<Vec<_>>(), ["https://a", "https://b"]);
    }

    #[test]
    fn broken_percent_signs_broken_utf8_and_nul_are_refused_by_name() {
        let broken: [&[u8]; 7] =
            [b"state=%", b"state=%4", b"state=%zz", b"state=%+1", b"state=%ff", b"state=\xff", b"state=a%00"];
        for bytes in broken {
            assert_eq!(refusal(bytes), ParamsError::Encoding { name: "state".into() });
        }
        assert!(matches!(refusal(b"%ff=x"), ParamsError::Encoding { .. }));
    }

    #[test]
    fn there_is_a_limit_on_everything() {
        assert_eq!(refusal(&vec![b'a'; PARAMS_MAX_BYTES + 1]), ParamsError::TooLong(PARAMS_MAX_BYTES + 1));
        let many: String = (0..=PARAMS_MAX_COUNT).map(|i| format!("p{i}=1&")).collect();
        assert_eq!(refusal(many.as_bytes()), ParamsError::TooMany);
        assert_eq!(refusal("a=1&".repeat(PARAMS_MAX_COUNT + 1).as_bytes()), ParamsError::TooMany);
        assert_eq!(refusal(&[b'n'; 129]), ParamsError::NameTooLong(129));
        let long = format!("state={}", "x".repeat(PARAM_VALUE_MAX_BYTES + 1));
        assert!(
            matches!(refusal(long.as_bytes()), ParamsError::ValueTooLong { name, .. } if name == "state")
        );
    }

    #[test]
    fn what_is_appended_reads_back_byte_for_byte() {
        let state = "a b+c%41&d=e#f\"<>'印\u{1}\r\n";
        let mut url = String::from("https://app.example/cb?tenant=1");
        append(&mut url, "state", state);
        let query = url.split_once('?').unwrap().1;
        assert_eq!(Params::parse(query.as_bytes()).unwrap().value("state"), Some(state));
        assert!(url.starts_with("https://app.example/cb?tenant=1&state=a%20b%2Bc"));
    }
}
