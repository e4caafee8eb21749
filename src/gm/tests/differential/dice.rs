//! Random input that can be made again, with the numbers that break arithmetic mixed in.

use std::convert::Infallible;

use gm::sm2::DEFAULT_ID;
use rand_core::{TryCryptoRng, TryRng};

/// A number, 32 bytes big-endian.
pub(crate) type Number = [u8; 32];

/// The field's prime (GB/T 32918.5-2017, 2).
pub(crate) const P: Number = hex32(b"fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff");

/// The order of the group (GB/T 32918.5-2017, 2).
pub(crate) const N: Number = hex32(b"fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123");

/// SplitMix64: no secret hangs on it, and none of the algorithms compared is in it. Source: Steele, Lea, Flood 2014.
#[derive(Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice of one case.
    pub(crate) fn new(seed: u64, operation: &str, index: u64) -> Self {
        let mut this = Self(seed);
        for word in operation.bytes().map(u64::from).chain([index]) {
            this.0 = this.roll() ^ word;
        }
        this
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `limit - 1`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap();
        usize::try_from(self.roll() % limit).unwrap()
    }

    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        *from.get(self.below(from.len())).unwrap()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut out = vec![0; length];
        self.try_fill_bytes(&mut out).unwrap();
        out
    }

    pub(crate) fn array<const LENGTH: usize>(&mut self) -> [u8; LENGTH] {
        self.bytes(LENGTH).try_into().unwrap()
    }

    /// A length up to about `limit`, often at or beside a border of blocks of 16 bytes.
    pub(crate) fn length(&mut self, limit: usize) -> usize {
        match self.below(4) {
            0 => self.below(20),
            1 => (16 * (1 + self.below(limit / 16)) + self.below(3)).saturating_sub(1),
            _ => self.below(limit + 1),
        }
    }

    /// A message of up to 300 bytes.
    pub(crate) fn message(&mut self) -> Vec<u8> {
        let length = self.length(300);
        self.bytes(length)
    }

    /// A distinguishing id; half of the time the usual one.
    pub(crate) fn id(&mut self) -> String {
        if self.one_in(2) {
            return String::from_utf8(DEFAULT_ID.to_vec()).unwrap();
        }
        let length = 1 + self.below(80);
        (0..length)
            .map(|_| char::from(self.pick(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-.@abcdefgh")))
            .collect()
    }

    /// Any 256-bit number, every third time one of those at which something wraps, borrows or is skipped.
    pub(crate) fn number(&mut self) -> Number {
        if !self.one_in(3) {
            return self.array();
        }
        let small = small(self.below(9));
        match self.below(12) {
            0 => small,
            1 => minus(N, small),
            2 => plus(N, small),
            3 => minus(P, small),
            4 => plus(P, small),
            5 => minus([0; 32], small),
            6 => minus(HALF_N, small),
            7 => plus(HALF_N, small),
            8 => power_of_two(self.below(256)),
            9 => minus(power_of_two(self.below(256)), small),
            10 => plus(power_of_two(self.below(256)), power_of_two(self.below(256))),
            // Digits of windows that are all alike: 00, ff, and the borders of signed digits.
            _ => {
                let word: [u8; 2] =
                    [self.pick(&[0, 0xff, 0x80, 0x7f, 0x40, 0x55]), self.pick(&[0, 0xff, 0x80, 0x01])];
                let (chunks, from) = (word.repeat(16), self.below(32));
                let kept = chunks.iter().enumerate().map(|(i, b)| if i < from { 0 } else { *b });
                kept.collect::<Vec<u8>>().try_into().unwrap()
            }
        }
    }

    /// A private key: from 1 to n-2.
    pub(crate) fn private_key(&mut self) -> Number {
        loop {
            let number = self.number();
            if number != [0; 32] && number < minus(N, small(1)) {
                return number;
            }
        }
    }

    /// Turns one bit over.
    pub(crate) fn spoil(&mut self, bytes: &mut [u8]) {
        let bit = self.below(8);
        let at = self.below(bytes.len());
        *bytes.get_mut(at).unwrap() ^= 1 << bit;
    }
}

impl TryRng for Dice {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.array()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.roll())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(self.roll().to_le_bytes().get(..chunk.len()).unwrap());
        }
        Ok(())
    }
}

impl TryCryptoRng for Dice {}

/// `(n - 1) / 2`
const HALF_N: Number = hex32(b"7fffffff7fffffffffffffffffffffffb901efb590e30295a9ddfa049ceaa091");

pub(crate) fn small(number: usize) -> Number {
    let mut out = [0; 32];
    out[31] = u8::try_from(number).unwrap();
    out
}

fn power_of_two(exponent: usize) -> Number {
    let mut out = [0; 32];
    out[31 - exponent / 8] = 1 << (exponent % 8);
    out
}

/// `a + b` modulo 2^256.
pub(crate) fn plus(mut a: Number, b: Number) -> Number {
    let mut carry = 0;
    for (a, b) in a.iter_mut().zip(b).rev() {
        let sum = u16::from(*a) + u16::from(b) + carry;
        *a = sum.to_be_bytes()[1];
        carry = sum >> 8;
    }
    a
}

/// `a - b` modulo 2^256.
pub(crate) fn minus(a: Number, b: Number) -> Number {
    plus(plus(a, b.map(|byte| !byte)), small(1))
}

const fn hex32(digits: &[u8; 64]) -> Number {
    const fn digit(ascii: u8) -> u8 {
        if ascii.is_ascii_digit() { ascii - b'0' } else { ascii - b'a' + 10 }
    }
    let mut out = [0; 32];
    let mut i = 0;
    while i < 32 {
        out[i] = digit(digits[2 * i]) << 4 | digit(digits[2 * i + 1]);
        i += 1;
    }
    out
}
