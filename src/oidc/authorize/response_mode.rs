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
    /// In the fragment of the redirect URI, for answers with an ID token (OAuth 2.0 Multiple Response Types, 5).
    Fragment,
    /// Signed, in the fragment.
    FragmentJwt,
}

impl ResponseMode {
    /// Every mode of an answer without an ID token, with its name; `jwt` is `query.jwt` there (JARM, 2.3.4).
    const NAMES: [(&'static str, Self); 5] = [
        ("query", Self::Query),
        ("form_post", Self::FormPost),
        ("jwt", Self::QueryJwt),
        ("query.jwt", Self::QueryJwt),
        ("form_post.jwt", Self::FormPostJwt),
    ];

    /// Every mode of an answer with an ID token, which never goes into a query, where logs and headers would keep it.
    const NAMES_WITH_ID_TOKEN: [(&'static str, Self); 5] = [
        ("fragment", Self::Fragment),
        ("form_post", Self::FormPost),
        ("jwt", Self::FragmentJwt),
        ("fragment.jwt", Self::FragmentJwt),
        ("form_post.jwt", Self::FormPostJwt),
    ];

    /// The names, for discovery.
    pub const SUPPORTED: [&'static str; 5] = ["query", "form_post", "jwt", "query.jwt", "form_post.jwt"];

    /// The names for answers with an ID token.
    pub const SUPPORTED_WITH_ID_TOKEN: [&'static str; 5] =
        ["fragment", "form_post", "jwt", "fragment.jwt", "form_post.jwt"];

    /// The modes called `name` in a registration; `jwt` means another one with each response type.
    fn registered(name: &str) -> impl Iterator<Item = Self> {
        Self::NAMES
            .into_iter()
            .chain(Self::NAMES_WITH_ID_TOKEN)
            .filter(move |(n, _)| *n == name)
            .map(|(_, m)| m)
    }

    /// The mode called `name` of an answer without an ID token.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(n, _)| *n == name).map(|(_, mode)| *mode)
    }

    /// The mode called `name` of an answer with an ID token.
    pub fn parse_with_id_token(name: &str) -> Option<Self> {
        Self::NAMES_WITH_ID_TOKEN.iter().find(|(n, _)| *n == name).map(|(_, mode)| *mode)
    }

    /// The mode's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
            Self::QueryJwt => "query.jwt",
            Self::FormPostJwt => "form_post.jwt",
            Self::Fragment => "fragment",
            Self::FragmentJwt => "fragment.jwt",
        }
    }

    /// Whether the answer is signed.
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::QueryJwt | Self::FormPostJwt | Self::FragmentJwt)
    }

    /// Whether the answer stands in the fragment.
    pub const fn is_fragment(self) -> bool {
        matches!(self, Self::Fragment | Self::FragmentJwt)
    }

    /// Whether the answer is posted.
    pub const fn is_form(self) -> bool {
        matches!(self, Self::FormPost | Self::FormPostJwt)
    }
}

/// The modes that a client may ask for (ASVS 5.0, V10.4.12): those that it registered, or all that there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedModes(Option<Vec<ResponseMode>>);

impl AllowedModes {
    /// The modes called `names`; fails with the name that is none.
    pub fn named(names: &[String]) -> Result<Self, &str> {
        match names.iter().find(|name| ResponseMode::registered(name).next().is_none()) {
            Some(unknown) => Err(unknown),
            None => Ok(Self(Some(names.iter().flat_map(|name| ResponseMode::registered(name)).collect()))),
        }
    }

    /// Whether `mode` may be asked for.
    pub fn allows(&self, mode: ResponseMode) -> bool {
        self.0.as_ref().is_none_or(|modes| modes.contains(&mode))
    }

    /// Those that may be asked for of an answer with an ID token, or without, under every name they have.
    pub fn names(&self, with_id_token: bool) -> Vec<&'static str> {
        self.of(with_id_token).map(|(name, _)| name).collect()
    }

    /// The first of those: how an answer travels when what was asked for may not be.
    pub fn first(&self, with_id_token: bool) -> Option<ResponseMode> {
        self.of(with_id_token).map(|(_, mode)| mode).next()
    }

    fn of(&self, with_id_token: bool) -> impl Iterator<Item = (&'static str, ResponseMode)> {
        let names = if with_id_token { ResponseMode::NAMES_WITH_ID_TOKEN } else { ResponseMode::NAMES };
        names.into_iter().filter(|(_, mode)| self.allows(*mode))
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
        Self::parse(&name).or_else(|| Self::parse_with_id_token(&name)).ok_or(name)
    }
}
