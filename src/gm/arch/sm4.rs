//! SM4 on the AES instructions and on GFNI.
//!
//! All paths keep the state in another basis of GF(2^8), in which the S-box begins with an inversion and nothing else ([`basis`]
//! has the derivation). They differ in how many blocks a register holds and in how they invert; the rest is in [`lanes`].

pub(crate) mod basis;
mod lanes;
mod memory;

pub(crate) mod aes_ni;
pub(crate) mod avx2;
pub(crate) mod gfni;
pub(crate) mod vaes;

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;

    use crate::sm4::Key;

    #[test]
    #[expect(unsafe_code, reason = "reads what is left of a secret")]
    fn nothing_is_left_of_a_key_that_was_dropped() {
        const BYTES: usize = size_of::<Key>();
        let mut place = MaybeUninit::new(Key::new(&[7; 16]));
        let bytes = place.as_ptr().cast::<[u8; BYTES]>();
        // SAFETY: a key is numbers of 32 bits and nothing between, so its bytes can be read while it lives.
        let before = unsafe { bytes.read_volatile() };
        // SAFETY: it was written above and is dropped once.
        unsafe { place.assume_init_drop() };
        // SAFETY: the place is still there and its bytes were written.
        let after = unsafe { bytes.read_volatile() };
        assert!(before.iter().filter(|byte| **byte != 0).count() > BYTES / 2);
        assert_eq!(after, [0; BYTES]);
    }
}
