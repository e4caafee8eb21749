//! How the answer to an authorization request travels.

use std::fmt;

/// The values of `response_mode` (OAuth 2.0 Multiple Response Types, 2.1; Form Post Response Mode, 2; JARM, 2.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// In a form that the browser posts to the redirect URI.
    FormPost,
    /// Signed, in the query.
    QueryJwt,
    /// Signed, in a form.
    FormPostJwt,
}

impl ResponseMode {
    /// Every mode, with its name; `jwt` is `query.jwt` for the response type `code` (JARM, 2.3.4).
    const NAMES: [(&'static str, Self); 5] = [
        ("query", Self::Query),
        ("form_post", Self::FormPost),
        ("jwt", Self::QueryJwt),
        ("query.jwt", Self::QueryJwt),
        ("form_post.jwt", Self::FormPostJwt),
    ];

    /// The names, for discovery.
    pub const SUPPORTED: [&'static str; 5] = ["query", "form_post", "jwt", "query.jwt", "form_post.jwt"];

    /// The mode called `name`.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(n, _)| *n == name).map(|(_, mode)| *mode)
    }

    /// The mode's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
            Self::QueryJwt => "query.jwt",
            Self::FormPostJwt => "form_post.jwt",
        }
    }

    /// Whether the answer is signed.
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::QueryJwt | Self::FormPostJwt)
    }

    /// Whether the answer is posted.
    pub const fn is_form(self) -> bool {
        matches!(self, Self::FormPost | Self::FormPostJwt)
    }
}

impl fmt::Display for ResponseMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<ResponseMode> for String {
    fn from(mode: ResponseMode) -> Self {
        mode.as_str().to_owned()
    }
}

impl TryFrom<String> for ResponseMode {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::parse(&name).ok_or(name)
    }
}
