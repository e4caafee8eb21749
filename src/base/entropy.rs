//! Where random bytes come from.

/// A source of random bytes fit for keys, nonces and tokens.
///
/// Shared and internally synchronised, so that one source serves all requests; a test passes a seeded one.
pub trait Entropy: Send + Sync {
    /// Fills `out` with random bytes.
    fn fill(&self, out: &mut [u8]);
}

/// `N` random bytes from `entropy`.
pub fn bytes<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut out = [0; N];
    entropy.fill(&mut out);
    out
}

/// A new unguessable token: 32 random bytes as base64url, 43 characters, 256 bits.
pub fn token(entropy: &dyn Entropy) -> String {
    crate::encoding::base64url(&bytes::<32>(entropy))
}

/// `entropy` in the form that RustCrypto's traits take.
pub fn rng(entropy: &dyn Entropy) -> Rng<'_> {
    Rng(entropy)
}

/// An [`Entropy`] seen as a `rand_core` generator; made by [`rng`].
pub struct Rng<'a>(&'a dyn Entropy);

impl rand_core::TryRng for Rng<'_> {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_le_bytes(bytes(self.0)))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_le_bytes(bytes(self.0)))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(out);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Rng<'_> {}

/// The operating system's generator (`getrandom(2)` on Linux).
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    /// Never returns without having filled `out`: a machine that cannot give randomness must not go on, so the process ends.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the operating system's generator is read"
    )]
    fn fill(&self, out: &mut [u8]) {
        if getrandom::fill(out).is_err() {
            std::process::abort();
        }
    }
}
