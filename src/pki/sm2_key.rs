//! SM2 public keys that become fast when they are used often.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use gm::Rejected;
use gm::sm2::{HotVerifyingKey, Signature, VerifyingKey};

/// After how many signatures a key makes its table. The table costs as much time as some 20 of them and takes three quarters off each
/// further one: it has paid for itself before as many have come again.
const HOT_AFTER_USES: u32 = 32;

/// How many tables this process holds at most, of 148 KiB each. Further keys go on without, and ask again every 32nd signature.
const TABLES_MAX: u32 = 32;

/// How many it holds: a budget of memory, which is the process's, and not of any one set of keys.
static TABLES: AtomicU32 = AtomicU32::new(0);

/// A public key that checks SM2 signatures; clones share what it has learnt.
///
/// A key out of a stranger's file checks a signature or two and is gone. One that stays (an authority's, an issuer's, the log's) makes
/// itself a table of its multiples at its 32nd signature, about a millisecond's work, and is four times as fast from then on. Verdicts
/// are the same with and without.
#[derive(Clone)]
pub struct Sm2Key(Arc<Shared>);

struct Shared {
    key: VerifyingKey,
    uses: AtomicU32,
    hot: OnceLock<Hot>,
}

impl Sm2Key {
    /// Whether `signature` is this key's over `message` by the signer with `id`. As [`VerifyingKey::verify`].
    pub fn verify(&self, message: &[u8], id: &[u8], signature: &Signature) -> Result<(), Rejected> {
        match self.hot() {
            Some(hot) => hot.verify(message, id, signature),
            None => self.0.key.verify(message, id, signature),
        }
    }

    /// The table, when there is one. Whoever comes when it is due makes it; others go on without meanwhile.
    fn hot(&self) -> Option<&HotVerifyingKey> {
        if self.0.hot.get().is_none() {
            let use_ = self.0.uses.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            // Due again after as many uses, where the budget was spent before.
            if use_.is_multiple_of(HOT_AFTER_USES) {
                Hot::of(&self.0.key).map(|hot| self.0.hot.set(hot).ok());
            }
        }
        self.0.hot.get().map(|hot| &hot.0)
    }
}

impl From<VerifyingKey> for Sm2Key {
    fn from(key: VerifyingKey) -> Self {
        Self(Arc::new(Shared { key, uses: AtomicU32::new(0), hot: OnceLock::new() }))
    }
}

impl Deref for Sm2Key {
    type Target = VerifyingKey;

    fn deref(&self) -> &VerifyingKey {
        &self.0.key
    }
}

impl PartialEq for Sm2Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for Sm2Key {}

impl fmt::Debug for Sm2Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.key.fmt(f)
    }
}

/// A table within the budget; it gives its place back when it is dropped.
struct Hot(HotVerifyingKey);

impl Hot {
    fn of(key: &VerifyingKey) -> Option<Self> {
        let place = |tables: u32| (tables < TABLES_MAX).then_some(tables + 1);
        let placed = TABLES.fetch_update(Ordering::Relaxed, Ordering::Relaxed, place);
        placed.is_ok().then(|| Self(HotVerifyingKey::new(key)))
    }
}

impl Drop for Hot {
    fn drop(&mut self) {
        TABLES.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use gm::sm2::{DEFAULT_ID, SigningKey};

    use super::*;

    /// The budget is the process's, so the tests that watch it take turns.
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

    fn signing_key() -> SigningKey {
        SigningKey::generate(&mut base::entropy::rng(&base::OsEntropy))
    }

    fn used(key: &Sm2Key, times: u32) -> bool {
        let signature = Signature::from_bytes(&[1; 64]).unwrap();
        (0..times).for_each(|_| assert_eq!(key.verify(b"message", DEFAULT_ID, &signature), Err(Rejected)));
        key.0.hot.get().is_some()
    }

    #[test]
    fn a_key_that_is_used_often_becomes_hot_and_judges_as_before() {
        let _turn = TURN.lock().unwrap();
        let signer = signing_key();
        let mut rng = base::entropy::rng(&base::OsEntropy);
        let signature = signer.sign(b"message", DEFAULT_ID, &mut rng).unwrap();
        let key = Sm2Key::from(signer.verifying_key().clone());
        let clone = key.clone();
        for use_ in 1..=2 * HOT_AFTER_USES {
            assert_eq!(key.verify(b"message", DEFAULT_ID, &signature), Ok(()));
            assert_eq!(
                clone.0.hot.get().is_some(),
                use_ >= HOT_AFTER_USES,
                "use {use_}; clones learn together"
            );
        }
        assert_eq!(clone.verify(b"massage", DEFAULT_ID, &signature), Err(Rejected));
        assert_eq!(clone.verify(b"message", b"another", &signature), Err(Rejected));
        assert_eq!(clone.verify(b"message", &[0; 8192], &signature), Err(Rejected), "an id that is too long");
        assert_eq!(key, Sm2Key::from(signer.verifying_key().clone()), "hot or not, it is the same key");
    }

    #[test]
    fn there_are_never_more_tables_than_the_budget_and_a_dropped_one_gives_way() {
        let _turn = TURN.lock().unwrap();
        let key = Sm2Key::from(signing_key().verifying_key().clone());
        let another = || Sm2Key::from((*key).clone());
        let mut hot: Vec<_> = (0..TABLES_MAX).map(|_| another()).collect();
        let tables = hot.iter().filter(|key| used(key, HOT_AFTER_USES)).count();
        assert!(tables > 0 && TABLES.load(Ordering::Relaxed) <= TABLES_MAX);
        let late = another();
        assert!(!used(&late, 3 * HOT_AFTER_USES), "the budget is spent, and it goes on without a table");
        hot.clear();
        assert!(used(&late, HOT_AFTER_USES), "there is a place now");
    }
}
