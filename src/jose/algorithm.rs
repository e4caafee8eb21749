//! The closed list of signature algorithms, and the one table of national names.

use std::fmt;

/// A signature algorithm of a JWS. There is no `none` and nothing symmetric, so neither can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256 (RFC 7518, 3.4); the signature is `r || s`, 64 bytes.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, 3.3), keys of 2048 to 4096 bits.
    Rs256,
    /// SM2 with SM3 (GB/T 32918.2) under the default distinguishing id; the signature is `r || s`, 64 bytes.
    Sm2Sm3,
}

/// The names that no registry holds yet. GM/T 0069 (section 10) may settle them: then they change here and nowhere else.
///
/// `SM2` is the value most seen in use for `alg` and the only one for `crv`; RFC 7518 has the shape of everything else.
pub const NATIONAL: NationalNames =
    NationalNames { alg: "SM2", alg_aliases: &["SM3WithSM2", "SM2SM3"], kty: "EC", crv: "SM2" };

/// A row of names for SM2-with-SM3 in JOSE.
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
}

impl Algorithm {
    /// Every algorithm there is.
    pub const ALL: [Self; 3] = [Self::Es256, Self::Rs256, Self::Sm2Sm3];

    /// The algorithms every standard client knows.
    pub const INTERNATIONAL: [Self; 2] = [Self::Es256, Self::Rs256];

    /// The name that goes into `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Sm2Sm3 => NATIONAL.alg,
        }
    }

    /// The algorithm called `name`, exactly: letters' case counts (RFC 7515, 4.1.1). `None` for every other name.
    pub fn parse(name: &str) -> Option<Self> {
        let alias = || NATIONAL.alg_aliases.contains(&name).then_some(Self::Sm2Sm3);
        Self::ALL.into_iter().find(|a| a.as_str() == name).or_else(alias)
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
        Self::parse(&name).ok_or_else(|| {
            serde::de::Error::custom(format_args!("expected `ES256`, `RS256` or `SM2`, got `{name}`"))
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
        for refused in
            ["none", "None", "NONE", "", "HS256", "es256", "ES256 ", "sm2", "PS256", "ES384", "EdDSA"]
        {
            assert_eq!(Algorithm::parse(refused), None, "{refused}");
        }
    }
}
