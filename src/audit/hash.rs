//! The 32 bytes that everything here is made of: leaves, nodes, roots.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The length of a hash.
pub const HASH_BYTES: usize = 32;

/// Prefix of a leaf's input (RFC 9162, 2.1.1): a leaf can never be mistaken for a node.
const LEAF: &[u8] = &[0x00];
/// Prefix of an inner node's input (RFC 9162, 2.1.1).
const NODE: &[u8] = &[0x01];

/// An SM3 digest in the tree. Written as standard base64, 44 characters with one `=`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The digest with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes, as they are hashed and stored.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash of a leaf: `SM3(0x00 || entry)` (RFC 9162, 2.1.1, with SM3).
    pub fn leaf(entry: &[u8]) -> Self {
        Self(gm::sm3::hash_all(&[LEAF, entry]))
    }

    /// The hash of an inner node: `SM3(0x01 || left || right)` (RFC 9162, 2.1.1, with SM3).
    pub fn node(left: &Self, right: &Self) -> Self {
        Self(gm::sm3::hash_all(&[NODE, &left.0, &right.0]))
    }

    /// The nodes above `hashes`, many at a time: one for each pair, and a last one without a sister as it is.
    pub fn level_above(hashes: &[Self]) -> Vec<Self> {
        let (pairs, last) = hashes.as_chunks();
        let inputs: Vec<[u8; 2 * HASH_BYTES]> = pairs
            .iter()
            .map(|[left, right]| {
                let mut input = [0; 2 * HASH_BYTES];
                input.iter_mut().zip(left.0.iter().chain(&right.0)).for_each(|(byte, h)| *byte = *h);
                input
            })
            .collect();
        let mut begun = gm::sm3::Sm3::new();
        begun.update(NODE);
        begun.finish_many(&inputs).into_iter().map(Self).chain(last.iter().copied()).collect()
    }

    /// The root of the tree without leaves: the digest of nothing (RFC 9162, 2.1.1).
    pub fn empty_root() -> Self {
        Self(gm::sm3::hash(&[]))
    }

    /// Reads standard base64; `None` for anything but the one canonical text of 32 bytes.
    pub fn from_base64(text: &str) -> Option<Self> {
        // The length first: a hostile text must not be decoded at its own size.
        (text.len() == 44).then(|| STANDARD.decode(text).ok())?.and_then(|b| b.try_into().ok()).map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::from_base64(&text)
            .ok_or_else(|| serde::de::Error::custom("expected 32 bytes in standard base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_never_a_node() {
        let (l, r) = (Hash::leaf(b"a"), Hash::leaf(b"b"));
        let forged: Vec<u8> = l.as_bytes().iter().chain(r.as_bytes()).copied().collect();
        assert_ne!(
            Hash::leaf(&forged),
            Hash::node(&l, &r),
            "the second preimage that RFC 9162 2.1.1 speaks of"
        );
        assert_ne!(Hash::node(&l, &r), Hash::node(&r, &l));
    }

    #[test]
    fn the_nodes_of_a_level_are_what_they_are_alone() {
        for count in 0..40u64 {
            let leaves: Vec<_> = (0..count).map(|i| Hash::leaf(&i.to_be_bytes())).collect();
            let pair = |two: &[Hash]| if let [l, r] = two { Hash::node(l, r) } else { two[0] };
            assert_eq!(Hash::level_above(&leaves), leaves.chunks(2).map(pair).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_empty_tree_is_the_digest_of_nothing() {
        // SM3 of the empty string, published with GB/T 32905 implementations.
        let known = "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b";
        assert_eq!(base::encoding::hex(Hash::empty_root().as_bytes()), known);
    }

    #[test]
    fn only_the_canonical_text_of_32_bytes_is_read() {
        let h = Hash::leaf(b"entry");
        assert_eq!(Hash::from_base64(&h.to_string()), Some(h));
        let text = h.to_string();
        for bad in [
            "",
            "AAAA",
            &text[..43],
            &format!("{text}="),
            &text.replace('=', "A"),
            &format!(" {}", &text[1..]),
        ] {
            assert_eq!(Hash::from_base64(bad), None, "{bad}");
        }
        // 43 characters carry 258 bits; the two spare ones must be zero.
        let spare = format!("{}B=", "A".repeat(42));
        assert_eq!(Hash::from_base64(&spare), None, "spare bits set");
    }
}
