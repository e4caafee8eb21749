//! Values that are wiped when dropped and never printed.

use zeroize::Zeroize;

/// A secret: no `Debug`, no `Clone`, no `Serialize`; wiped when dropped; read only through [`Secret::expose`].
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes `value` into keeping.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The secret itself. The name is there to be seen in review.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
