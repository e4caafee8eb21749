//! `aead` 0.6 on SM4-GCM.

use aead::consts::{U12, U16};
use aead::inout::InOutBuf;
use aead::{AeadCore, AeadInOut, Error, KeyInit, KeySizeUser, Nonce, Tag, TagPosition};

use crate::sm4::{Key, gcm};

/// SM4-GCM under one key, as [`aead`] speaks of it: nonces of 12 bytes, tags of 16 behind the ciphertext.
///
/// Source: RFC 8998, 3.2.1.
pub struct Sm4Gcm(Key);

impl From<Key> for Sm4Gcm {
    fn from(key: Key) -> Self {
        Self(key)
    }
}

impl KeySizeUser for Sm4Gcm {
    type KeySize = U16;
}

impl KeyInit for Sm4Gcm {
    fn new(key: &aead::Key<Self>) -> Self {
        Self(Key::new(key.as_ref()))
    }
}

impl AeadCore for Sm4Gcm {
    type NonceSize = U12;
    type TagSize = U16;
    const TAG_POSITION: TagPosition = TagPosition::Postfix;
}

impl AeadInOut for Sm4Gcm {
    fn encrypt_inout_detached(
        &self,
        nonce: &Nonce<Self>,
        associated_data: &[u8],
        buffer: InOutBuf<'_, '_, u8>,
    ) -> Result<Tag<Self>, Error> {
        let data = moved_to_output(buffer);
        let tag = gcm::seal_in_place(&self.0, nonce.as_ref(), associated_data, data);
        tag.map(Into::into).map_err(|_| Error)
    }

    /// The output holds the ciphertext when the tag is refused.
    fn decrypt_inout_detached(
        &self,
        nonce: &Nonce<Self>,
        associated_data: &[u8],
        buffer: InOutBuf<'_, '_, u8>,
        tag: &Tag<Self>,
    ) -> Result<(), Error> {
        let data = moved_to_output(buffer);
        gcm::open_in_place(&self.0, nonce.as_ref(), associated_data, data, tag.as_ref()).map_err(|_| Error)
    }
}

/// The output, holding what the input held; they may be the same.
fn moved_to_output<'out>(mut buffer: InOutBuf<'_, 'out, u8>) -> &'out mut [u8] {
    for mut byte in buffer.reborrow() {
        let value = *byte.get_in();
        *byte.get_out() = value;
    }
    buffer.into_out()
}
