//! The text of the master key file: `yinxin-master-key-v1:` + 32 bytes in base64url + `:` + a check of 6 characters.
//!
//! The check (32 bits of SM3) finds a mistyped or cut file before anything is done with the wrong key. It tells nothing that
//! would help to guess 256 bits.

use base::encoding::{base64url, from_base64url, same_bytes};
use base::{Entropy, Secret};
use zeroize::{Zeroize, Zeroizing};

/// What the text begins with.
pub const PREFIX: &str = "yinxin-master-key-v1:";

const KEY_CHARACTERS: usize = 43;
const CHECK_CHARACTERS: usize = 6;

/// Text that is no master key. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    /// The text has another form.
    #[error(
        "expected one line `{PREFIX}` with {KEY_CHARACTERS} characters, `:` and {CHECK_CHARACTERS} characters"
    )]
    Form,
    /// The form is right but the check is not that of the key.
    #[error("expected the check of the master key, got another: the file was mistyped or cut")]
    Check,
}

/// A new master key from `entropy`.
pub fn generate(entropy: &dyn Entropy) -> Secret<[u8; 32]> {
    Secret::new(base::entropy::bytes(entropy))
}

/// The text of `key`, one line without its end.
pub fn encode(key: &Secret<[u8; 32]>) -> Secret<String> {
    let body = Zeroizing::new(base64url(key.expose()));
    let mut text = String::with_capacity(PREFIX.len() + KEY_CHARACTERS + 1 + CHECK_CHARACTERS);
    text.push_str(PREFIX);
    text.push_str(&body);
    text.push(':');
    text.push_str(&check(key.expose()));
    Secret::new(text)
}

/// The key in `text`; white space around it, such as the line's end, is passed over.
pub fn decode(text: &str) -> Result<Secret<[u8; 32]>, MasterKeyError> {
    let rest = text.trim().strip_prefix(PREFIX).ok_or(MasterKeyError::Form)?;
    let (body, got) = rest.split_once(':').ok_or(MasterKeyError::Form)?;
    if body.len() != KEY_CHARACTERS || got.len() != CHECK_CHARACTERS {
        return Err(MasterKeyError::Form);
    }
    let bytes = Zeroizing::new(from_base64url(body).ok_or(MasterKeyError::Form)?);
    let mut key = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| MasterKeyError::Form)?;
    let secret = Secret::new(key);
    key.zeroize();
    if same_bytes(check(secret.expose()).as_bytes(), got.as_bytes()) {
        Ok(secret)
    } else {
        Err(MasterKeyError::Check)
    }
}

/// The first 32 bits of SM3 over the prefix and the key.
fn check(key: &[u8; 32]) -> String {
    let digest = gm::sm3::hash_all(&[PREFIX.as_bytes(), key]);
    base64url(digest.first_chunk::<4>().map_or(&[], |c| c.as_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_gives_the_key_back() {
        let key = Secret::new(core::array::from_fn(|i| i as u8));
        let text = encode(&key);
        assert!(
            text.expose().starts_with("yinxin-master-key-v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8:")
        );
        let line = format!("{}\r\n", text.expose());
        assert_eq!(decode(&line).ok().map(|k| *k.expose()), Some(*key.expose()));
    }

    #[test]
    fn a_mistyped_or_cut_file_is_found() {
        let text = encode(&Secret::new([7; 32]));
        let refused = |text: &str| decode(text).err();
        for cut in 0..text.expose().len() {
            let (start, _) = text.expose().split_at(cut);
            assert_eq!(refused(start), Some(MasterKeyError::Form), "{cut}");
        }
        let mistyped = text.expose().replacen("Bwc", "Bwd", 1);
        assert_eq!(refused(&mistyped), Some(MasterKeyError::Check));
        assert_eq!(refused(&text.expose().replace("-v1", "-v2")), Some(MasterKeyError::Form));
        assert_eq!(refused(&format!("{}A", text.expose())), Some(MasterKeyError::Form));
        assert_eq!(refused("yinxin-master-key-v1:印信:AAAAAA"), Some(MasterKeyError::Form));
    }
}
