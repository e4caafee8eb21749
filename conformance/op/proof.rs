//! Proofs of possession, right and wrong (RFC 9449, 4.2).

use std::sync::Arc;

use http::Method;
use serde_json::json;
use url::Url;

use super::kit::jose::Draft;
use super::kit::keys::{KeyPair, sha256_b64};
use super::kit::{now, random_token};

/// A change of a token before it is signed.
pub(crate) type Edit = Arc<dyn Fn(&mut Draft) + Send + Sync>;

/// A DPoP proof in the making (RFC 9449, 4.2).
#[derive(Clone)]
pub(crate) struct Proof {
    pub(crate) key: Arc<KeyPair>,
    edit: Option<Edit>,
    shape: Shape,
}

/// How a proof leaves the client: right, or wrong in a way that is not in its claims.
#[derive(Clone)]
pub(crate) enum Shape {
    Signed,
    /// With `alg` none.
    Unsigned,
    /// With another signature.
    Tampered,
    /// Signed, with no `alg` in the header.
    WithoutAlgorithm,
    /// Signed with a key that is not the one in the header.
    Foreign(Arc<KeyPair>),
    /// Something that is not a token.
    NotAToken,
    /// Two proofs at once.
    Twice,
    /// No proof.
    Absent,
}

impl Proof {
    /// A good proof under `key`.
    pub(crate) fn of(key: &Arc<KeyPair>) -> Self {
        Self { key: Arc::clone(key), edit: None, shape: Shape::Signed }
    }

    /// Changed before it is signed.
    pub(crate) fn edited(mut self, edit: impl Fn(&mut Draft) + Send + Sync + 'static) -> Self {
        self.edit = Some(Arc::new(edit));
        self
    }

    /// In another shape.
    pub(crate) fn shaped(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// The values of the `DPoP` header.
    pub(crate) fn headers(
        &self,
        method: &Method,
        url: &Url,
        token: Option<&str>,
        nonce: Option<&String>,
    ) -> Result<Vec<String>, String> {
        let draft = self.draft(method, url, token, nonce);
        let one = match &self.shape {
            Shape::Signed => draft.sign(&self.key)?,
            Shape::Unsigned => draft.unsigned(),
            Shape::Tampered => draft.tampered(&self.key)?,
            Shape::WithoutAlgorithm => draft.sign_as(&self.key, &self.key.alg)?,
            Shape::Foreign(other) => draft.sign(other)?,
            Shape::NotAToken => draft.sign(&self.key)?.replace('.', ""),
            Shape::Twice => {
                let second = self.draft(method, url, token, nonce);
                return Ok(vec![draft.sign(&self.key)?, second.sign(&self.key)?]);
            }
            Shape::Absent => return Ok(Vec::new()),
        };
        Ok(vec![one])
    }

    fn draft(&self, method: &Method, url: &Url, token: Option<&str>, nonce: Option<&String>) -> Draft {
        let mut htu = url.clone();
        htu.set_query(None);
        htu.set_fragment(None);
        let header = match self.shape {
            Shape::WithoutAlgorithm => json!({"typ": "dpop+jwt", "jwk": self.key.bare()}),
            _ => json!({"typ": "dpop+jwt", "alg": self.key.alg, "jwk": self.key.bare()}),
        };
        let claims =
            json!({"jti": random_token(), "htm": method.as_str(), "htu": htu.as_str(), "iat": now()});
        let mut draft = Draft { header, claims };
        if let Some(token) = token {
            draft.claim("ath", sha256_b64(token.as_bytes()));
        }
        if let Some(nonce) = nonce {
            draft.claim("nonce", nonce.as_str());
        }
        if let Some(edit) = &self.edit {
            edit(&mut draft);
        }
        draft
    }
}
