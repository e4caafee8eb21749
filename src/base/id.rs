//! Identifiers that know what they identify.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use crate::{Entropy, Timestamp};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const BODY_LEN: usize = 26;

/// What an [`Id`] identifies: a marker type with the prefix that its identifiers carry.
pub trait Kind {
    /// The text before the underscore: `usr` in `usr_01jd…`.
    const PREFIX: &'static str;
}

/// An identifier of a `T`: `prefix_` and 26 characters, ordered by the time of making.
///
/// 48 bits of milliseconds and 80 random bits in Crockford's base 32 (the ULID form). Not a secret: never use one as a token.
pub struct Id<T: Kind> {
    body: [u8; BODY_LEN],
    kind: PhantomData<fn() -> T>,
}

impl<T: Kind> Id<T> {
    /// A new identifier, made at `now`.
    pub fn new(now: Timestamp, entropy: &dyn Entropy) -> Self {
        let ms = u64::try_from(now.us().div_euclid(1000)).unwrap_or(0) & 0xffff_ffff_ffff;
        let random = crate::entropy::bytes::<10>(entropy);
        let low = random.iter().fold(0u128, |v, b| (v << 8) | u128::from(*b));
        Self::from_value((u128::from(ms) << 80) | low)
    }

    /// The identifier in 16 bytes, big-endian.
    pub fn to_bytes(&self) -> [u8; 16] {
        let digit = |c: &u8| ALPHABET.iter().position(|known| known == c).unwrap_or(0) as u128;
        self.body.iter().fold(0u128, |value, c| (value << 5) | digit(c)).to_be_bytes()
    }

    /// The identifier whose [`Self::to_bytes`] are `bytes`.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self::from_value(u128::from_be_bytes(bytes))
    }

    fn from_value(value: u128) -> Self {
        let mut body = [b'0'; BODY_LEN];
        for (i, c) in body.iter_mut().rev().enumerate() {
            let index = (value >> (5 * i)) & 31;
            *c = ALPHABET.get(index as usize).copied().unwrap_or(b'0');
        }
        Self { body, kind: PhantomData }
    }

    fn body(&self) -> &str {
        // INVARIANT: `body` holds characters of ALPHABET only, which are ASCII.
        std::str::from_utf8(&self.body).unwrap_or_default()
    }
}

/// A text that is not an identifier of the kind expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an identifier like `{prefix}_` and 26 characters, got `{got}`")]
pub struct BadId {
    /// The prefix that was expected.
    pub prefix: &'static str,
    /// What came, cut to 64 characters.
    pub got: String,
}

impl<T: Kind> FromStr for Id<T> {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId { prefix: T::PREFIX, got: text.chars().take(64).collect() };
        let body = text.strip_prefix(T::PREFIX).and_then(|t| t.strip_prefix('_')).ok_or_else(bad)?;
        let body: [u8; BODY_LEN] = body.as_bytes().try_into().map_err(|_| bad())?;
        // The first character carries three bits only, so that the value fits in 128.
        let fits = body.first().is_some_and(|c| (b'0'..=b'7').contains(c));
        if !fits || body.iter().any(|c| !ALPHABET.contains(c)) {
            return Err(bad());
        }
        Ok(Self { body, kind: PhantomData })
    }
}

impl<T: Kind> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", T::PREFIX, self.body())
    }
}

impl<T: Kind> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T: Kind> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Kind> Copy for Id<T> {}
impl<T: Kind> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.body == other.body
    }
}
impl<T: Kind> Eq for Id<T> {}
impl<T: Kind> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T: Kind> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.body.cmp(&other.body)
    }
}
impl<T: Kind> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.body.hash(state);
    }
}
impl<T: Kind> serde::Serialize for Id<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de, T: Kind> serde::Deserialize<'de> for Id<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Declares marker types and their prefixes: `kinds! { Person = "usr"; }`.
#[macro_export]
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)+) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub enum $name {}
            impl $crate::id::Kind for $name {
                const PREFIX: &'static str = $prefix;
            }
        )+
    };
}

kinds! {
    /// An account: one person who can log in.
    Account = "usr";
    /// A unit of the organisation tree.
    Unit = "org";
    /// A legal person.
    LegalPerson = "leg";
    /// A login session in one browser.
    Session = "ses";
    /// An authorization given by one person to one application.
    Grant = "gra";
    /// A relying application.
    Client = "app";
    /// A key.
    Key = "key";
    /// An electronic seal.
    Seal = "sel";
    /// One sealing of one document.
    Sealing = "sng";
    /// An entry of the log.
    Entry = "log";
    /// A trust signal.
    Signal = "sig";
    /// A failed login.
    Failure = "fai";
    /// A client that must be told of a logout.
    LogoutNotice = "lgo";
    /// A request that a person answers elsewhere.
    DeferredRequest = "dfr";
    /// A request of an official for an application.
    ApplicationRequest = "apr";
    /// A token with which applications register themselves.
    InitialAccess = "iat";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OsEntropy;

    type Thing = Account;
    type Other = Unit;

    #[test]
    fn an_identifier_survives_text_and_keeps_its_kind() {
        let now = Timestamp::from_unix_seconds(1_795_507_200);
        let id = Id::<Thing>::new(now, &OsEntropy);
        let text = id.to_string();
        assert_eq!(text.len(), 4 + BODY_LEN);
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(Id::<Thing>::from_bytes(id.to_bytes()), id);
        assert!(text.parse::<Id<Other>>().is_err(), "another kind's identifier must be refused");
        assert!(Id::<Thing>::new(now.plus_seconds(1), &OsEntropy) > id, "later identifiers sort after");
    }

    #[test]
    fn bad_identifiers_are_refused_with_what_was_expected() {
        for bad in ["", "usr_", "usr_8zzzzzzzzzzzzzzzzzzzzzzzzz", "usr_01jd00000000000000000000iL", "org_0"] {
            let error = bad.parse::<Id<Thing>>().unwrap_err();
            assert_eq!(error.prefix, "usr");
        }
    }
}
