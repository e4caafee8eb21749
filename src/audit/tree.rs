//! Frontier, roots, inclusion and consistency proofs, and their checks (RFC 9162, 2.1, with SM3).
//!
//! Subtrees are named `(level, index)`: the perfect subtree over the leaves `index * 2^level .. (index + 1) * 2^level`.

use crate::hash::Hash;

/// More hashes than any proof in a tree of up to 2^63 leaves can have; what is longer is refused unread.
pub const PROOF_LENGTH_MAX_HASHES: usize = 128;
/// The largest tree: sizes fit a signed 64-bit column.
pub const TREE_SIZE_MAX: u64 = i64::MAX as u64;

/// The right edge of a tree: enough to append to it and to know its root, at most 63 hashes.
///
/// `hashes` are the roots of the perfect subtrees that the tree's size is made of in binary, the largest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

impl Frontier {
    /// The tree without leaves.
    pub const fn new() -> Self {
        Self { size: 0, hashes: Vec::new() }
    }

    /// A frontier as it was stored; `None` unless there is one hash for each one-bit of `size`.
    pub fn from_parts(size: u64, hashes: Vec<Hash>) -> Option<Self> {
        (size <= TREE_SIZE_MAX && hashes.len() == size.count_ones() as usize).then_some(Self { size, hashes })
    }

    /// How many leaves the tree has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the perfect subtrees, the largest first.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Appends a leaf: one hash on average, at most 63.
    ///
    /// Does nothing on a tree of [`TREE_SIZE_MAX`] leaves: 290,000 years of a million entries a second.
    pub fn push(&mut self, leaf: Hash) {
        if self.size >= TREE_SIZE_MAX {
            return;
        }
        // A carry for each trailing one-bit: two subtrees of one height become one of the next.
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.hashes.pop() {
                hash = Hash::node(&left, &hash);
            }
        }
        self.hashes.push(hash);
        self.size += 1;
    }

    /// The root of the tree as it is now.
    pub fn root(&self) -> Hash {
        join(&self.hashes)
    }
}

/// The root of the tree over `leaves`, level by level: the nodes of one level are hashed many at a time.
pub fn root_of(leaves: &[Hash]) -> Hash {
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        level = Hash::level_above(&level);
    }
    level.first().copied().unwrap_or_else(Hash::empty_root)
}

/// A position that the tree does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a position inside a tree of {size}, got {got}")]
pub struct OutOfTree {
    /// The size of the tree.
    pub size: u64,
    /// The index or smaller size that was asked for.
    pub got: u64,
}

/// The proof that leaf `index` is in the tree of `size` leaves (RFC 9162, 2.1.3.1), from the leaf upwards.
///
/// `read` gives the root of the perfect subtree `(level, index)`, at most `2 * 63` times. Its errors are passed on.
pub fn inclusion_proof<E: From<OutOfTree>>(
    index: u64,
    size: u64,
    mut read: impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    if index >= size || size > TREE_SIZE_MAX {
        return Err(OutOfTree { size, got: index }.into());
    }
    let (mut low, mut high) = (0, size);
    let mut proof = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            proof.push(range_root(middle, high, &mut read)?);
            high = middle;
        } else {
            proof.push(range_root(low, middle, &mut read)?);
            low = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The proof that the tree of `old` leaves is a prefix of the tree of `new` leaves (RFC 9162, 2.1.4.1).
///
/// Empty when `old` is `new` or 0: every tree begins with the empty one. `read` as in [`inclusion_proof`].
pub fn consistency_proof<E: From<OutOfTree>>(
    old: u64,
    new: u64,
    mut read: impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    if old > new || new > TREE_SIZE_MAX {
        return Err(OutOfTree { size: new, got: old }.into());
    }
    let mut proof = Vec::new();
    if old == 0 {
        return Ok(proof);
    }
    // SUBPROOF(m, D_n, b) of the RFC, unrolled: `low..high` is D_n, `whole` is b.
    let (mut low, mut high, mut whole) = (0, new, true);
    while old != high {
        let middle = low + split(high - low);
        if old <= middle {
            proof.push(range_root(middle, high, &mut read)?);
            high = middle;
        } else {
            proof.push(range_root(low, middle, &mut read)?);
            low = middle;
            whole = false;
        }
    }
    if !whole {
        proof.push(range_root(low, high, &mut read)?);
    }
    proof.reverse();
    Ok(proof)
}

/// A proof that does not prove. Deliberately without a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not lead to the root")]
pub struct NotProven;

/// Checks that `leaf` is the leaf `index` of the tree of `size` leaves with `root` (RFC 9162, 2.1.3.2).
///
/// `size` and `root` are taken from one signed checkpoint; see [`verify_consistency`].
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), NotProven> {
    // Step 1
    if index >= size || size > TREE_SIZE_MAX || proof.len() > PROOF_LENGTH_MAX_HASHES {
        return Err(NotProven);
    }
    // Steps 2 and 3
    let (mut fn_, mut sn, mut r) = (index, size - 1, *leaf);
    // Step 4
    for p in proof {
        if sn == 0 {
            return Err(NotProven);
        }
        if fn_ & 1 == 1 || fn_ == sn {
            r = Hash::node(p, &r);
            while fn_ & 1 == 0 && fn_ != 0 {
                fn_ >>= 1;
                sn >>= 1;
            }
        } else {
            r = Hash::node(&r, p);
        }
        fn_ >>= 1;
        sn >>= 1;
    }
    // Step 5
    if sn == 0 && same(&r, root) { Ok(()) } else { Err(NotProven) }
}

/// Checks that the tree of `old` leaves with `old_root` is a prefix of the one of `new` leaves with `new_root`
/// (RFC 9162, 2.1.4.2).
///
/// Equal sizes need equal roots and an empty proof; size 0 needs the empty tree's root and an empty proof. Sizes are taken
/// from signed checkpoints: neighbouring sizes can share the shape of a proof, so the proof alone does not fix them.
pub fn verify_consistency(
    (old, old_root): (u64, &Hash),
    (new, new_root): (u64, &Hash),
    proof: &[Hash],
) -> Result<(), NotProven> {
    if old > new || new > TREE_SIZE_MAX || proof.len() > PROOF_LENGTH_MAX_HASHES {
        return Err(NotProven);
    }
    if old == new || old == 0 {
        let known = if old == 0 { same(old_root, &Hash::empty_root()) } else { true };
        let agrees = if old == new { same(old_root, new_root) } else { true };
        return if known && agrees && proof.is_empty() { Ok(()) } else { Err(NotProven) };
    }
    // Steps 1 and 2: the old root itself is the first hash when the old tree is one perfect subtree.
    let (first, rest) = if old.is_power_of_two() {
        (*old_root, proof)
    } else {
        proof.split_first().map(|(f, r)| (*f, r)).ok_or(NotProven)?
    };
    // Step 3 and 4
    let (mut fn_, mut sn) = (old - 1, new - 1);
    while fn_ & 1 == 1 {
        fn_ >>= 1;
        sn >>= 1;
    }
    // Step 5 and 6
    let (mut fr, mut sr) = (first, first);
    for c in rest {
        if sn == 0 {
            return Err(NotProven);
        }
        if fn_ & 1 == 1 || fn_ == sn {
            fr = Hash::node(c, &fr);
            sr = Hash::node(c, &sr);
            while fn_ & 1 == 0 && fn_ != 0 {
                fn_ >>= 1;
                sn >>= 1;
            }
        } else {
            sr = Hash::node(&sr, c);
        }
        fn_ >>= 1;
        sn >>= 1;
    }
    // Step 7
    if sn == 0 && same(&fr, old_root) && same(&sr, new_root) { Ok(()) } else { Err(NotProven) }
}

/// The perfect subtrees `(level, index)` that the leaves `low..high` are made of, left to right.
///
/// `low` is a multiple of the largest power of two in the range, as every range in this module is.
pub(crate) fn perfect_subtrees(low: u64, high: u64) -> impl Iterator<Item = (u8, u64)> {
    let mut at = low;
    let mut rest = high.saturating_sub(low);
    std::iter::from_fn(move || {
        let level = rest.checked_ilog2()?;
        let subtree = (u8::try_from(level).ok()?, at >> level);
        at += 1 << level;
        rest -= 1 << level;
        Some(subtree)
    })
}

/// The root over the roots of ever smaller perfect subtrees.
pub(crate) fn join(hashes: &[Hash]) -> Hash {
    let mut from_right = hashes.iter().rev();
    let Some(last) = from_right.next() else { return Hash::empty_root() };
    from_right.fold(*last, |right, left| Hash::node(left, &right))
}

fn range_root<E>(low: u64, high: u64, read: &mut impl FnMut(u8, u64) -> Result<Hash, E>) -> Result<Hash, E> {
    let hashes = perfect_subtrees(low, high)
        .map(|(level, index)| read(level, index))
        .collect::<Result<Vec<_>, E>>()?;
    Ok(join(&hashes))
}

/// The largest power of two smaller than `n`, which is at least 2 (`k` of RFC 9162, 2.1.1).
const fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

fn same(a: &Hash, b: &Hash) -> bool {
    base::encoding::same_bytes(a.as_bytes(), b.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// MTH of RFC 9162, 2.1.1, as the definition reads: the reference that everything else is compared with.
    fn mth(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::empty_root(),
            [one] => *one,
            _ => {
                let k = leaves.len().next_power_of_two() / 2;
                Hash::node(&mth(&leaves[..k]), &mth(&leaves[k..]))
            }
        }
    }

    /// PATH of RFC 9162, 2.1.3.1.
    fn path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return vec![];
        }
        let k = leaves.len().next_power_of_two() / 2;
        let (mut proof, other) = if m < k {
            (path(m, &leaves[..k]), mth(&leaves[k..]))
        } else {
            (path(m - k, &leaves[k..]), mth(&leaves[..k]))
        };
        proof.push(other);
        proof
    }

    /// SUBPROOF of RFC 9162, 2.1.4.1.
    fn subproof(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
        let n = leaves.len();
        if m == n {
            return if whole { vec![] } else { vec![mth(leaves)] };
        }
        let k = n.next_power_of_two() / 2;
        let (mut proof, other) = if m <= k {
            (subproof(m, &leaves[..k], whole), mth(&leaves[k..]))
        } else {
            (subproof(m - k, &leaves[k..], false), mth(&leaves[..k]))
        };
        proof.push(other);
        proof
    }

    fn leaves(n: u64) -> Vec<Hash> {
        (0..n).map(|i| Hash::leaf(&i.to_be_bytes())).collect()
    }

    #[derive(Debug, PartialEq)]
    struct Outside;
    impl From<OutOfTree> for Outside {
        fn from(_: OutOfTree) -> Self {
            Self
        }
    }
    impl From<Infallible> for Outside {
        fn from(never: Infallible) -> Self {
            match never {}
        }
    }

    fn reader(leaves: &[Hash]) -> impl FnMut(u8, u64) -> Result<Hash, Outside> {
        |level, index| {
            let width = 1usize << level;
            let from = index as usize * width;
            Ok(mth(&leaves[from..from + width]))
        }
    }

    #[test]
    fn roots_of_all_sizes_are_those_of_the_definition() {
        let all = leaves(300);
        let mut frontier = Frontier::new();
        for n in 0..=all.len() {
            assert_eq!(frontier.root(), mth(&all[..n]), "size {n}");
            assert_eq!(root_of(&all[..n]), frontier.root());
            let again = Frontier::from_parts(frontier.size(), frontier.hashes().to_vec()).unwrap();
            assert_eq!(again, frontier);
            if let Some(leaf) = all.get(n) {
                frontier.push(*leaf);
            }
        }
        assert_eq!(Frontier::from_parts(3, leaves(1)), None, "a frontier with a hash missing");
        assert_eq!(Frontier::from_parts(u64::MAX, leaves(64)), None);
    }

    #[test]
    fn inclusion_proofs_of_all_sizes_are_those_of_the_definition_and_hold() {
        for n in (1..=130).chain([255, 256, 257, 300]) {
            let all = leaves(n);
            let root = mth(&all);
            for index in 0..n {
                let proof = inclusion_proof(index, n, reader(&all)).unwrap();
                assert_eq!(proof, path(index as usize, &all), "{index} of {n}");
                assert_eq!(verify_inclusion(&all[index as usize], index, n, &proof, &root), Ok(()));
            }
            assert_eq!(inclusion_proof(n, n, reader(&all)), Err(Outside));
        }
    }

    #[test]
    fn consistency_proofs_of_all_sizes_are_those_of_the_definition_and_hold() {
        for n in (1..=70).chain([128, 129, 255, 256, 257]) {
            let all = leaves(n);
            let new_root = mth(&all);
            for m in 0..=n {
                let old_root = mth(&all[..m as usize]);
                let proof = consistency_proof(m, n, reader(&all)).unwrap();
                if m > 0 {
                    assert_eq!(proof, subproof(m as usize, &all, true), "{m} to {n}");
                }
                assert_eq!(verify_consistency((m, &old_root), (n, &new_root), &proof), Ok(()), "{m} to {n}");
            }
            assert_eq!(consistency_proof(n + 1, n, reader(&all)), Err(Outside));
        }
    }

    #[test]
    fn an_inclusion_proof_with_anything_changed_proves_nothing() {
        for n in [1u64, 2, 3, 7, 8, 11, 64, 100] {
            let all = leaves(n);
            let root = mth(&all);
            for index in 0..n {
                let leaf = all[index as usize];
                let proof = inclusion_proof(index, n, reader(&all)).unwrap();
                for other in (0..n + 3).filter(|i| *i != index) {
                    assert_eq!(
                        verify_inclusion(&leaf, other, n, &proof, &root),
                        Err(NotProven),
                        "moved to {other}"
                    );
                }
                for at in 0..proof.len() * 32 {
                    let mut bad = proof.clone();
                    let mut bytes = *bad[at / 32].as_bytes();
                    bytes[at % 32] ^= 1 << (at % 8);
                    bad[at / 32] = Hash::from_bytes(bytes);
                    assert_eq!(verify_inclusion(&leaf, index, n, &bad, &root), Err(NotProven), "byte {at}");
                }
                let longer: Vec<_> = proof.iter().copied().chain([leaf]).collect();
                assert_eq!(verify_inclusion(&leaf, index, n, &longer, &root), Err(NotProven));
                if let Some((_, shorter)) = proof.split_last() {
                    assert_eq!(verify_inclusion(&leaf, index, n, shorter, &root), Err(NotProven));
                }
                assert_eq!(verify_inclusion(&Hash::leaf(b"other"), index, n, &proof, &root), Err(NotProven));
            }
        }
        let flood = vec![Hash::empty_root(); PROOF_LENGTH_MAX_HASHES + 1];
        assert_eq!(
            verify_inclusion(&Hash::leaf(b""), 0, u64::MAX, &flood, &Hash::empty_root()),
            Err(NotProven)
        );
    }

    #[test]
    fn a_rewritten_past_is_not_consistent() {
        let (old, new) = (leaves(21), leaves(50));
        let (old_root, new_root) = (mth(&old), mth(&new));
        let proof = consistency_proof(21, 50, reader(&new)).unwrap();
        let mut rewritten = old.clone();
        rewritten[4] = Hash::leaf(b"it never happened");
        assert_eq!(verify_consistency((21, &mth(&rewritten)), (50, &new_root), &proof), Err(NotProven));
        for at in 0..proof.len() * 32 {
            let mut bad = proof.clone();
            let mut bytes = *bad[at / 32].as_bytes();
            bytes[at % 32] ^= 0x80;
            bad[at / 32] = Hash::from_bytes(bytes);
            assert_eq!(
                verify_consistency((21, &old_root), (50, &new_root), &bad),
                Err(NotProven),
                "byte {at}"
            );
        }
        for (m, n) in [(20, 50), (22, 50), (21, 32), (21, 65), (50, 21), (0, 50), (21, 21)] {
            assert_eq!(
                verify_consistency((m, &old_root), (n, &new_root), &proof),
                Err(NotProven),
                "{m} to {n}"
            );
        }
        assert_eq!(
            verify_consistency((21, &old_root), (21, &new_root), &[]),
            Err(NotProven),
            "two roots for one size"
        );
        assert_eq!(verify_consistency((21, &old_root), (50, &new_root), &[]), Err(NotProven));
        assert_eq!(
            verify_consistency((0, &old_root), (50, &new_root), &[]),
            Err(NotProven),
            "not the empty root"
        );
    }

    #[test]
    fn a_known_answer_computed_apart() {
        // Leaves "", 0x00, 0x10, "20 21", "30 31" .. as in the Certificate Transparency test tree, hashed with SM3.
        let inputs: [&[u8]; 8] = [
            &[],
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        let leaves = inputs.map(Hash::leaf);
        let roots: Vec<_> = (0..=8).map(|n| base::encoding::hex(root_of(&leaves[..n]).as_bytes())).collect();
        assert_eq!(roots, KNOWN_ROOTS);
    }

    const KNOWN_ROOTS: [&str; 9] = [
        "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b",
        "2daef60e7a0b8f5e024c81cd2ab3109f2b4f155cf83adeb2ae5532f74a157fdf",
        "0b990fe0c7ad70f1bf1a1262f2c7908ea48146b14253a6db99f2917ab1f5cc4d",
        "209ec96a210d662a964772680e8544d18cab7b88ffec3e00962220349b56ea56",
        "28e4e307ef6d2d0c62d84b11ef96e835efe490f35b93c8f024ecfe38c8dd4377",
        "bb10c996aeebbcdc69be3715fc847344de77442d37a5ab8213da9f41785b103b",
        "8723c1ab1f82ddfba4a3733ac0c80d936d9f4c208c7dbc8cc81ca9fff8584f66",
        "bd36c22a1ac6ff4308e0c3cc1a85bf0ffa30538ec60a55c70413ab15d45db4d2",
        "bc48ba7a709184b5f2a631e1adeb8dc2a0d4c018c1d6cc89b5664fe154c93b38",
    ];
}
