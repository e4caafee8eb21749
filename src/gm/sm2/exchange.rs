//! Key exchange with key confirmation (GB/T 32918.3-2016): two parties who know each other's public keys agree on a key.
//!
//! ```text
//! initiator A                                   responder B
//! Agreement::initiate            -- R_A -->     Agreement::respond
//! Initiator::confirm             <- R_B, S_B -- Responder
//! key                            -- S_A -->     Responder::confirm, key
//! ```
//!
//! Each step consumes the state before it, so that no ephemeral key serves twice and no step is taken twice. On either side the key
//! comes out when the other side's confirmation was found right; the standard allows to leave that out, and
//! [`Initiator::unconfirmed`] and [`Responder::unconfirmed`] are for protocols that confirm in their own way (TLCP's `Finished`).
//!
//! The key pairs are those for encryption: they are the ones that key agreement uses (GM/T 0018-2012, 6.3; TLCP, GB/T 38636-2020).

#[cfg(test)]
mod known_answers;

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::curve::{self, POINT_BYTES, Point, SCALAR_BYTES, Scalar};
use super::shared::Shared;
use super::{DecryptingKey, EncryptingKey, Error, VerifyingKey};
use crate::declassify::verdict;
use crate::{Rejected, kdf, sm3};

/// The longest key that can be agreed on, in bytes. The standard's limit is that of the KDF; ours keeps requests cheap.
pub const MAX_KEY_BYTES: usize = 65_536;

/// Length of a confirmation, S_A or S_B, in bytes.
pub const CONFIRMATION_BYTES: usize = sm3::DIGEST_BYTES;

/// The agreed key; wiped when dropped.
pub type SharedKey = Zeroizing<Vec<u8>>;

/// What both sides know before they begin: who they are, each other's public keys, and how long the key shall be.
pub struct Agreement<'k> {
    key: &'k DecryptingKey,
    z: [u8; 32],
    peer: Point,
    peer_z: [u8; 32],
    key_bytes: usize,
}

impl<'k> Agreement<'k> {
    /// An agreement between the holder of `key`, whose distinguishing id is `id`, and the holder of `peer`, whose id is `peer_id`,
    /// on a key of `key_bytes` bytes.
    ///
    /// Fails with [`Error::IdTooLong`], or with [`Error::KeyLength`] for none or more than [`MAX_KEY_BYTES`].
    /// Source: GB/T 32918.3-2016, 5.1.
    pub fn new(
        key: &'k DecryptingKey,
        id: &[u8],
        peer: &EncryptingKey,
        peer_id: &[u8],
        key_bytes: usize,
    ) -> Result<Self, Error> {
        if !(1..=MAX_KEY_BYTES).contains(&key_bytes) {
            return Err(Error::KeyLength { bytes: key_bytes });
        }
        let z = |key: &EncryptingKey, id| VerifyingKey::from_point(*key.point()).z(id);
        Ok(Self {
            key,
            z: z(key.encrypting_key(), id)?,
            peer: *peer.point(),
            peer_z: z(peer, peer_id)?,
            key_bytes,
        })
    }

    /// Begins as initiator A: the ephemeral key goes to the responder. Source: GB/T 32918.3-2016, 6.1, A1 to A3.
    pub fn initiate<R: CryptoRng + ?Sized>(self, rng: &mut R) -> (Initiator, EphemeralKey) {
        loop {
            if let Some(begun) = self.initiate_with(&curve::generate(rng)) {
                return begun;
            }
        }
    }

    /// Steps A2 to A5, of which the last two need nothing from B; `None` for `r = 0`.
    pub(super) fn initiate_with(&self, r: &Scalar) -> Option<(Initiator, EphemeralKey)> {
        let own = Half::new(self.key.scalar(), r)?;
        let ephemeral = EphemeralKey(own.ephemeral);
        let initiator =
            Initiator { own, z: self.z, peer: self.peer, peer_z: self.peer_z, key_bytes: self.key_bytes };
        Some((initiator, ephemeral))
    }

    /// Answers initiator A's ephemeral key as responder B.
    ///
    /// Fails with [`Rejected`] when A's keys lead to the point at infinity. Source: GB/T 32918.3-2016, 6.1, B1 to B9.
    pub fn respond<R: CryptoRng + ?Sized>(
        self,
        ephemeral: &EphemeralKey,
        rng: &mut R,
    ) -> Result<(Responder, Response), Rejected> {
        self.respond_with(ephemeral, &curve::generate(rng))
    }

    /// Steps B2 to B9.
    pub(super) fn respond_with(
        &self,
        ephemeral: &EphemeralKey,
        r: &Scalar,
    ) -> Result<(Responder, Response), Rejected> {
        let own = Half::new(self.key.scalar(), r).ok_or(Rejected)?;
        let shared = own.meet(&self.peer, &ephemeral.0).ok_or(Rejected)?;
        let agreed = Transcript {
            zs: [&self.peer_z, &self.z],
            ephemerals: [ephemeral.0.coordinates(), own.ephemeral.coordinates()],
        }
        .agree(&shared, self.key_bytes)
        .ok_or(Rejected)?;
        let Agreed { key, s_b, s_a } = agreed;
        let response = Response { ephemeral: EphemeralKey(own.ephemeral), confirmation: *s_b };
        Ok((Responder { key, s_a }, response))
    }
}

/// One side's ephemeral public key, R_A or R_B: a point of the curve other than infinity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EphemeralKey(Point);

impl EphemeralKey {
    /// Reads a SEC 1 point, as [`EncryptingKey::from_sec1`] does and with the same errors (A6, B5: the curve's equation).
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, Error> {
        Point::from_sec1(bytes).map(Self)
    }

    /// `04 || x || y`, 65 bytes.
    pub fn to_sec1(&self) -> [u8; POINT_BYTES] {
        self.0.sec1()
    }
}

impl fmt::Debug for EphemeralKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EphemeralKey({:?})", self.0)
    }
}

/// What responder B sends: R_B and, unless the protocol leaves it out, S_B.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response {
    /// R_B.
    pub ephemeral: EphemeralKey,
    /// S_B, which shows A that B has the key.
    pub confirmation: [u8; CONFIRMATION_BYTES],
}

/// Initiator A, waiting for the response. Wiped when dropped; used up by the next step.
///
/// ```compile_fail
/// # use gm::sm2::exchange::{Initiator, Response};
/// fn twice(initiator: Initiator, response: &Response) {
///     let _ = initiator.confirm(response);
///     let _ = initiator.confirm(response);
/// }
/// ```
pub struct Initiator {
    own: Half,
    z: [u8; 32],
    peer: Point,
    peer_z: [u8; 32],
    key_bytes: usize,
}

impl Initiator {
    /// Checks that B has the key; gives the key, and S_A to send to B.
    ///
    /// Fails with [`Rejected`] when S_B is not the one expected, which is compared in constant time, or B's keys lead to the point
    /// at infinity. Source: GB/T 32918.3-2016, 6.1, A6 to A10.
    pub fn confirm(self, response: &Response) -> Result<(SharedKey, [u8; CONFIRMATION_BYTES]), Rejected> {
        let Agreed { key, s_b, s_a } = self.agree(&response.ephemeral).ok_or(Rejected)?;
        // A9: S_1 must be S_B. Seen: that it is not.
        if verdict(bool::from(s_b.ct_eq(&response.confirmation))) { Ok((key, *s_a)) } else { Err(Rejected) }
    }

    /// The key, where nobody has shown to be B or to have it: only for protocols that confirm in their own way.
    ///
    /// Fails with [`Rejected`] when B's keys lead to the point at infinity. Source: GB/T 32918.3-2016, 6.1, A6 to A8.
    pub fn unconfirmed(self, ephemeral: &EphemeralKey) -> Result<SharedKey, Rejected> {
        self.agree(ephemeral).map(|agreed| agreed.key).ok_or(Rejected)
    }

    /// What must be gone when it is dropped.
    #[cfg(test)]
    pub(crate) fn t(&self) -> [u8; SCALAR_BYTES] {
        curve::scalar_bytes(&self.own.t)
    }

    fn agree(&self, ephemeral: &EphemeralKey) -> Option<Agreed> {
        let shared = self.own.meet(&self.peer, &ephemeral.0)?;
        let transcript = Transcript {
            zs: [&self.z, &self.peer_z],
            ephemerals: [self.own.ephemeral.coordinates(), ephemeral.0.coordinates()],
        };
        transcript.agree(&shared, self.key_bytes)
    }
}

/// Responder B, waiting for the confirmation. Wiped when dropped; used up by the next step.
pub struct Responder {
    key: SharedKey,
    s_a: Zeroizing<[u8; CONFIRMATION_BYTES]>,
}

impl Responder {
    /// Checks that A has the key, and gives it.
    ///
    /// Fails with [`Rejected`] when `confirmation` is not the S_A expected, which is compared in constant time.
    /// Source: GB/T 32918.3-2016, 6.1, B10.
    pub fn confirm(self, confirmation: &[u8; CONFIRMATION_BYTES]) -> Result<SharedKey, Rejected> {
        // Seen: that it is refused.
        if verdict(bool::from(self.s_a.ct_eq(confirmation))) { Ok(self.key) } else { Err(Rejected) }
    }

    /// The key, where nobody has shown to be A or to have it: only for protocols that confirm in their own way.
    pub fn unconfirmed(self) -> SharedKey {
        self.key
    }
}

/// One side's own part: of the ephemeral private key only `t` is left.
struct Half {
    /// `t = d + [x~]r`
    t: Zeroizing<Scalar>,
    ephemeral: Point,
}

impl Half {
    /// Steps A2, A4, A5 (B2, B3, B4); `None` for `r = 0`.
    fn new(d: &Scalar, r: &Scalar) -> Option<Self> {
        // A2: R = [r]G
        let ephemeral = Point::generator_times(r)?.made_public();
        // A4, A5: t = (d + x~ r) mod n
        let product = Zeroizing::new(truncated(&ephemeral) * r);
        Some(Self { t: Zeroizing::new(*product + d), ephemeral })
    }

    /// `U = [h t](P + [x~]R)` for the other side's P and R; `None` for infinity.
    fn meet(&self, peer: &Point, ephemeral: &Point) -> Option<Shared> {
        // A6, B5: R is on the curve since it was read. A7, B6: h = 1. P, R and so their sum are public; only the multiplication by t is not.
        let met = peer.plus_times_vartime(&truncated(ephemeral), ephemeral)?;
        Shared::new(&met, &self.t)
    }
}

/// `x~ = 2^w + (x & (2^w - 1))` with `w = 127`, half of n's length rounded up and less one.
fn truncated(ephemeral: &Point) -> Scalar {
    let (x, _) = ephemeral.coordinates();
    let mut bytes = [0; SCALAR_BYTES];
    bytes.iter_mut().zip(x).skip(SCALAR_BYTES / 2).for_each(|(b, x)| *b = *x);
    bytes.iter_mut().skip(SCALAR_BYTES / 2).take(1).for_each(|b| *b |= 0x80);
    curve::reduced(&bytes)
}

/// What both sides have heard, the initiator's part first.
pub(super) struct Transcript<'a> {
    pub(super) zs: [&'a [u8; 32]; 2],
    pub(super) ephemerals: [(&'a [u8; SCALAR_BYTES], &'a [u8; SCALAR_BYTES]); 2],
}

/// What follows from U: the key and both confirmations.
pub(super) struct Agreed {
    pub(super) key: SharedKey,
    pub(super) s_b: Zeroizing<[u8; CONFIRMATION_BYTES]>,
    pub(super) s_a: Zeroizing<[u8; CONFIRMATION_BYTES]>,
}

impl Transcript<'_> {
    /// Steps A8 to A10 (B7, B8, B10); `None` when the key is longer than the KDF allows.
    pub(super) fn agree(&self, u: &Shared, key_bytes: usize) -> Option<Agreed> {
        let [z_a, z_b] = self.zs;
        // A8, B7: K = KDF(x_U || y_U || Z_A || Z_B, klen)
        let mut key = Zeroizing::new(vec![0; key_bytes]);
        kdf::sm2_kdf(&[u.x.as_slice(), u.y.as_slice(), z_a, z_b], &mut key).ok()?;
        // A9, B8: Hash(x_U || Z_A || Z_B || x_1 || y_1 || x_2 || y_2)
        let [(x1, y1), (x2, y2)] = self.ephemerals;
        let inner = Zeroizing::new(sm3::hash_all(&[u.x.as_slice(), z_a, z_b, x1, y1, x2, y2]));
        // A9, A10, B8, B10: S = Hash(tag || y_U || inner), where the tag is one byte
        let confirmation =
            |tag: u8| Zeroizing::new(sm3::hash_all(&[&[tag], u.y.as_slice(), inner.as_slice()]));
        Some(Agreed { key, s_b: confirmation(2), s_a: confirmation(3) })
    }
}
