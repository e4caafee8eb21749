//! The closed list of signature algorithms, and the one table of national names.

use std::fmt;

/// How much of a name that is refused a message repeats.
const SHOWN_CHARACTERS: usize = 32;

/// A signature algorithm of a JWS. There is no `none` and nothing symmetric, so neither can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256 (RFC 7518, 3.4); the signature is `r || s`, 64 bytes.
    Es256,
    /// RSASSA-PSS with SHA-256 (RFC 7518, 3.5), keys of 2048 to 4096 bits; the salt has the hash's 32 bytes.
    Ps256,
    /// EdDSA on Ed25519 (RFC 8037, 3.1); the signature is `R || S`, 64 bytes. RFC 9864 calls it `Ed25519`, which is read too.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, 3.3), keys of 2048 to 4096 bits.
    Rs256,
    /// SM2 with SM3 (GB/T 32918.2) under the default distinguishing id; the signature is `r || s`, 64 bytes.
    Sm2Sm3,
}

/// The names that no registry holds yet. GM/T 0069 (section 10) may settle them: then they change here and nowhere else.
///
/// `SM2` is the value most seen in use for `alg` and the only one for `crv`; RFC 7518 has the shape of everything else. Nobody is known
/// to use names for encryption: ours follow `A128GCM` and the `KE` that RFC 7516, 2 has for key encryption, apart from the signature's.
pub const NATIONAL: NationalNames = NationalNames {
    alg: "SM2",
    alg_aliases: &["SM3WithSM2", "SM2SM3"],
    kty: "EC",
    crv: "SM2",
    encryption_alg: "SM2-KE",
    enc: "SM4GCM",
};

/// The names of SM2 with SM3, SM2 encryption and SM4-GCM in JOSE.
#[derive(Debug)]
pub struct NationalNames {
    /// The `alg` that we write.
    pub alg: &'static str,
    /// Other spellings of `alg` that we read.
    pub alg_aliases: &'static [&'static str],
    /// The `kty` of an SM2 key.
    pub kty: &'static str,
    /// The `crv` of an SM2 key.
    pub crv: &'static str,
    /// The `alg` of a content key that is encrypted with SM2.
    pub encryption_alg: &'static str,
    /// The `enc` of a content that is encrypted with SM4-GCM.
    pub enc: &'static str,
}

impl Algorithm {
    /// Every algorithm there is.
    pub const ALL: [Self; 5] = [Self::Es256, Self::Ps256, Self::EdDsa, Self::Rs256, Self::Sm2Sm3];

    /// The algorithms of the standard clients, those of FAPI 2.0 (Security Profile, 5.4) first.
    pub const INTERNATIONAL: [Self; 4] = [Self::Es256, Self::Ps256, Self::EdDsa, Self::Rs256];

    /// The name that goes into `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Sm2Sm3 => NATIONAL.alg,
        }
    }

    /// The algorithm called `name`, exactly: letters' case counts (RFC 7515, 4.1.1). `None` for every other name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.as_str() == name || a.aliases().contains(&name))
    }

    /// The algorithm called `name`, as [`Algorithm::parse`] finds it, or what to tell whoever wrote another name.
    pub fn expect(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::parse(name)
            .ok_or_else(|| UnknownAlgorithm { got: name.chars().take(SHOWN_CHARACTERS).collect() })
    }

    /// Other names of `alg` that we read and never write.
    const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::EdDsa => &["Ed25519"],
            Self::Sm2Sm3 => NATIONAL.alg_aliases,
            Self::Es256 | Self::Ps256 | Self::Rs256 => &[],
        }
    }

    /// The list of this algorithm alone.
    pub const fn alone(self) -> &'static [Self] {
        match self {
            Self::Es256 => &[Self::Es256],
            Self::Ps256 => &[Self::Ps256],
            Self::EdDsa => &[Self::EdDsa],
            Self::Rs256 => &[Self::Rs256],
            Self::Sm2Sm3 => &[Self::Sm2Sm3],
        }
    }

    /// Whether this is SM2-with-SM3, whose keys stand in a document of their own.
    pub const fn is_national(self) -> bool {
        matches!(self, Self::Sm2Sm3)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Algorithm {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Algorithm {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::expect(&name).map_err(serde::de::Error::custom)
    }
}

/// A name that is not in the closed list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {}, got `{got}`", Names(&Algorithm::ALL))]
pub struct UnknownAlgorithm {
    /// What came, cut to 32 characters.
    pub got: String,
}

/// Algorithms as a message lists them: `` `ES256`, `PS256` or `SM2` ``.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a, T>(pub &'a [T]);

impl<T: fmt::Display> fmt::Display for Names<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.0.len().saturating_sub(1);
        self.0.iter().enumerate().try_for_each(|(at, algorithm)| {
            let before = match at {
                0 => "",
                at if at == last => " or ",
                _ => ", ",
            };
            write!(f, "{before}`{algorithm}`")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_listed_names_are_algorithms() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(algorithm.as_str()), Some(algorithm));
        }
        assert_eq!(Algorithm::parse("SM3WithSM2"), Some(Algorithm::Sm2Sm3));
        assert_eq!(Algorithm::parse("Ed25519"), Some(Algorithm::EdDsa));
        let neighbours = ["es256", "ES256 ", "sm2", "PS384", "ES384", "RS512", "eddsa", "ed25519", "Ed448"];
        for refused in ["none", "None", "NONE", "", "HS256"].iter().chain(&neighbours) {
            assert_eq!(Algorithm::parse(refused), None, "{refused}");
        }
    }

    #[test]
    fn each_is_international_or_national_and_a_list_of_its_own() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::INTERNATIONAL.contains(&algorithm), !algorithm.is_national());
            assert_eq!(algorithm.alone(), [algorithm]);
        }
    }

    #[test]
    fn whoever_writes_another_name_is_told_them_all() {
        let told = Algorithm::expect("HS256").unwrap_err().to_string();
        assert_eq!(told, "expected `ES256`, `PS256`, `EdDSA`, `RS256` or `SM2`, got `HS256`");
        assert_eq!(Names::<Algorithm>(&[]).to_string(), "");
        assert_eq!(Names(Algorithm::Es256.alone()).to_string(), "`ES256`");
        assert_eq!(Algorithm::expect(&"x".repeat(40)).unwrap_err().got.len(), 32);
    }
}
