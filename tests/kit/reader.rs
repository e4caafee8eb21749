//! An application with a private key of its own, which reads what is encrypted to it.

use serde_json::{Value, json};

use super::holder::Holder;

/// A private key and its public half.
pub(crate) struct Reader(Holder);

impl Reader {
    /// One with P-256, one with RSA, one with SM2.
    pub(crate) fn one_of_each_kind() -> Vec<Self> {
        Holder::one_of_each_kind().into_iter().map(Self).collect()
    }

    /// The key set that it publishes.
    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": [self.0.jwk] })
    }

    /// Header and content of `token`.
    #[track_caller]
    pub(crate) fn reads(&self, token: &str) -> (Value, String) {
        assert_eq!(token.split('.').count(), 5, "an encrypted token: {token}");
        let (header, content) = self.0.reads(token).expect("it is for this reader");
        (header, String::from_utf8(content).unwrap())
    }

    /// The signed token inside `token`.
    #[track_caller]
    pub(crate) fn unwraps(&self, token: &str) -> String {
        let (header, inner) = self.reads(token);
        assert_eq!(header["cty"], "JWT", "RFC 7519, 5.2");
        assert_eq!(inner.split('.').count(), 3, "a signed token: {inner}");
        inner
    }
}
