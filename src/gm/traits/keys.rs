//! `spki` 0.8 and `pkcs8` 0.11 on the keys of SM2: the forms of [`crate::sm2::keys`] under their traits.

use pkcs8::der::asn1::{Any, BitString, ObjectIdentifier};
use pkcs8::der::{Document, Encode, SecretDocument};
use pkcs8::spki::{
    self, AlgorithmIdentifier, AlgorithmIdentifierOwned, AssociatedAlgorithmIdentifier,
    DynSignatureAlgorithmIdentifier, SignatureBitStringEncoding, SubjectPublicKeyInfoRef,
};
use pkcs8::{EncodePrivateKey, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use crate::sm2::{DecryptingKey, DerSignature, EncryptingKey, SigningKey, VerifyingKey};

/// The curve sm2p256v1 (GB/T 33560-2017).
const SM2_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");
/// id-ecPublicKey (RFC 5480, 2.1.1).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// SM2 with SM3 (GB/T 20518-2018).
const SM2_WITH_SM3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.501");

macro_rules! private_key_traits {
    ($($key:ident),*) => {$(
        impl EncodePrivateKey for $key {
            fn to_pkcs8_der(&self) -> pkcs8::Result<SecretDocument> {
                Ok(SecretDocument::try_from(Self::to_pkcs8_der(self).as_slice())?)
            }
        }

        impl TryFrom<PrivateKeyInfoRef<'_>> for $key {
            type Error = pkcs8::Error;

            fn try_from(info: PrivateKeyInfoRef<'_>) -> pkcs8::Result<Self> {
                // Written again, so that one reader decides what a key is.
                let der = Zeroizing::new(info.to_der()?);
                Self::from_pkcs8_der(&der).map_err(|_| pkcs8::KeyError::Invalid.into())
            }
        }
    )*};
}

private_key_traits!(SigningKey, DecryptingKey);

macro_rules! public_key_traits {
    ($($key:ident),*) => {$(
        impl spki::EncodePublicKey for $key {
            fn to_public_key_der(&self) -> spki::Result<Document> {
                Ok(Document::try_from(self.to_spki_der())?)
            }
        }

        impl TryFrom<SubjectPublicKeyInfoRef<'_>> for $key {
            type Error = spki::Error;

            fn try_from(info: SubjectPublicKeyInfoRef<'_>) -> spki::Result<Self> {
                // Written again, so that one reader decides what a key is.
                Self::from_spki_der(&info.to_der()?).map_err(|_| spki::Error::KeyMalformed)
            }
        }

        impl AssociatedAlgorithmIdentifier for $key {
            type Params = ObjectIdentifier;

            const ALGORITHM_IDENTIFIER: AlgorithmIdentifier<ObjectIdentifier> =
                AlgorithmIdentifier { oid: EC_PUBLIC_KEY, parameters: Some(SM2_CURVE) };
        }
    )*};
}

public_key_traits!(VerifyingKey, EncryptingKey);

/// SM2 with SM3, without parameters (GB/T 20518-2018).
macro_rules! signature_algorithm {
    ($($key:ident),*) => {$(
        impl DynSignatureAlgorithmIdentifier for $key {
            fn signature_algorithm_identifier(&self) -> spki::Result<AlgorithmIdentifierOwned> {
                Ok(AlgorithmIdentifier::<Any> { oid: SM2_WITH_SM3, parameters: None })
            }
        }
    )*};
}

signature_algorithm!(SigningKey, VerifyingKey);

/// The DER in a BIT STRING, as certificates carry it. [`crate::sm2::Signature`] has no such form, so that `r || s` cannot get there.
impl SignatureBitStringEncoding for DerSignature {
    fn to_bitstring(&self) -> pkcs8::der::Result<BitString> {
        BitString::from_bytes(&self.to_bytes())
    }
}
