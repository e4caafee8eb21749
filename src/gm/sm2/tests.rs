//! The arithmetic, path by path, against proofs and definitions. What the schemes make of it is tested through the public interface.

mod curve;
mod field;
mod scalar;

use super::field::words;
use super::scalar::Scalar;

/// The scalar that hexadecimal digits are.
fn scalar(digits: &str) -> Scalar {
    Scalar::from_bytes(&number(digits)).unwrap()
}

/// 32 big-endian bytes of at most 64 hexadecimal digits.
fn number(digits: &str) -> [u8; 32] {
    hex::decode(format!("{digits:0>64}")).unwrap().try_into().unwrap()
}

/// Numbers at which arithmetic goes wrong first: around 0, around the modulus, all ones in one word and nothing else.
fn edges(modulus: &[u64; 4]) -> Vec<[u64; 4]> {
    let [low, a, b, c] = *modulus;
    let mut edges =
        vec![[0; 4], [1, 0, 0, 0], [2, 0, 0, 0], [low - 1, a, b, c], [low - 2, a, b, c], [0, a, b, c]];
    for word in 0..4 {
        for value in [1, 1 << 32, 1 << 63, 0xffff_ffff, 0xffff_ffff_0000_0000, u64::MAX] {
            let mut edge = [0; 4];
            edge[word] = value;
            edges.push(edge);
        }
    }
    edges.retain(|edge| super::scalar::is_below(edge, modulus));
    edges
}

/// Numbers below the modulus: the edges, then as many random ones.
fn numbers(modulus: [u64; 4], random_count: usize) -> impl Iterator<Item = [u64; 4]> {
    let mut rng = super::known_answers::seeded_rng::SeededRng::new(11);
    let random = std::iter::repeat_with(move || words(&rng.array()));
    let random = random.filter(move |number| super::scalar::is_below(number, &modulus)).take(random_count);
    edges(&modulus).into_iter().chain(random)
}
