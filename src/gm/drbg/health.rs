//! The continuous health tests of an entropy source (NIST SP 800-90B, 4.4; GM/T 0105-2021 asks for the same two).
//!
//! A sample is a byte. Samples become seeds, so they are counted without branches; that a test failed may be seen.

use subtle::{Choice, ConstantTimeEq, ConstantTimeGreater};

use crate::declassify::verdict;

/// How much a source promises for each byte, in bits of min-entropy: 1 to 8 (SP 800-90B, 3.1.3: H).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MinEntropy(u8);

impl MinEntropy {
    /// Eight bits for each byte: a source that was conditioned, such as the generator of an operating system.
    pub const FULL: Self = Self(8);

    /// `bits` for each byte; `None` unless they are 1 to 8.
    pub const fn bits_per_byte(bits: u8) -> Option<Self> {
        if matches!(bits, 1..=8) { Some(Self(bits)) } else { None }
    }

    /// How many bytes hold `bits` of min-entropy.
    pub(super) const fn bytes_for(self, bits: usize) -> usize {
        bits.div_ceil(self.0 as usize)
    }

    /// The run of one value that fails: `1 + ceil(40 / H)` (SP 800-90B, 4.4.1).
    const fn repetition_cutoff(self) -> u32 {
        1 + FALSE_ALARM_BITS.div_ceil(self.0 as u32)
    }

    /// How often a window may not hold the value it began with: `1 + critbinom(512, 2^-H, 1 - 2^-40)` (SP 800-90B, 4.4.2).
    const fn proportion_cutoff(self) -> u32 {
        match self.0 {
            1 => 336,
            2 => 201,
            3 => 123,
            4 => 78,
            5 => 51,
            6 => 35,
            7 => 26,
            _ => 19,
        }
    }
}

/// A sound source fails a test once in 2^40 samples: the least that SP 800-90B, 4.3, allows. More would stop a busy service
/// within days for nothing.
const FALSE_ALARM_BITS: u32 = 40;

/// Samples in a window of the adaptive proportion test, for sources whose samples are not single bits (SP 800-90B, 4.4.2).
const WINDOW_SAMPLES: u32 = 512;

/// Which test a source failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthTest {
    /// One value came again and again: the source is stuck.
    RepetitionCount,
    /// One value came far too often: the source lost entropy.
    AdaptiveProportion,
}

impl core::fmt::Display for HealthTest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::RepetitionCount => "repetition count test",
            Self::AdaptiveProportion => "adaptive proportion test",
        })
    }
}

/// Both tests, running over all samples of one source.
pub(super) struct HealthTests {
    promised: MinEntropy,
    last: u8,
    run: u32,
    /// Samples in the window so far; what it began with; how often that came.
    window: (u32, u8, u32),
}

impl HealthTests {
    pub(super) const fn new(promised: MinEntropy) -> Self {
        Self { promised, last: 0, run: 0, window: (0, 0, 0) }
    }

    /// Takes in `samples` and says which test fails, if one does, after all of them.
    pub(super) fn take(&mut self, samples: &[u8]) -> Result<(), HealthTest> {
        let (mut stuck, mut uneven) = (Choice::from(0), Choice::from(0));
        for sample in samples {
            stuck |= self.repetition(*sample).ct_gt(&(self.promised.repetition_cutoff() - 1));
            uneven |= self.proportion(*sample).ct_gt(&(self.promised.proportion_cutoff() - 1));
        }
        // Seen: that the source failed, and which test; such samples seed nothing.
        match (verdict(bool::from(stuck)), verdict(bool::from(uneven))) {
            (true, _) => Err(HealthTest::RepetitionCount),
            (_, true) => Err(HealthTest::AdaptiveProportion),
            _ => Ok(()),
        }
    }

    /// The length of the run that `sample` is the end of.
    fn repetition(&mut self, sample: u8) -> u32 {
        let again = u32::from(self.last.ct_eq(&sample).unwrap_u8());
        self.run = self.run.wrapping_mul(again).wrapping_add(1);
        self.last = sample;
        self.run
    }

    /// How often the window has held the value it began with.
    fn proportion(&mut self, sample: u8) -> u32 {
        let (samples, first, count) = &mut self.window;
        if *samples == 0 {
            (*first, *count) = (sample, 0);
        }
        *count += u32::from(first.ct_eq(&sample).unwrap_u8());
        *samples = (*samples + 1) % WINDOW_SAMPLES;
        *count
    }
}

impl Drop for HealthTests {
    /// The last sample and the one a window began with are parts of seeds.
    fn drop(&mut self) {
        use zeroize::Zeroize;
        self.last.zeroize();
        self.window.1.zeroize();
    }
}

/// What the tests say of a sound source (0), a stuck one (1) and one that favours a value (2): their own known-answer test.
#[cfg(feature = "std")]
pub(crate) fn failed_health_tests() -> [u8; 3] {
    let verdict =
        |samples: [u8; WINDOW_SAMPLES as usize]| match HealthTests::new(MinEntropy::FULL).take(&samples) {
            Ok(()) => 0,
            Err(HealthTest::RepetitionCount) => 1,
            Err(HealthTest::AdaptiveProportion) => 2,
        };
    let counting = core::array::from_fn(|i| i.to_le_bytes()[0]);
    let favouring = counting.map(|sample| if sample % 16 == 0 { 0 } else { sample });
    [verdict(counting), verdict([7; WINDOW_SAMPLES as usize]), verdict(favouring)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn promise(bits: u8) -> MinEntropy {
        MinEntropy::bits_per_byte(bits).unwrap()
    }

    /// The cutoffs again from their definitions, in logarithms of factorials and not with the fractions they were derived with.
    #[test]
    fn the_cutoffs_are_those_of_the_definitions() {
        assert_eq!((MinEntropy::bits_per_byte(0), MinEntropy::bits_per_byte(9)), (None, None));
        let ln_factorial: Vec<f64> = (0..=WINDOW_SAMPLES)
            .scan(0.0, |sum, n| {
                *sum += f64::from(n.max(1)).ln();
                Some(*sum)
            })
            .collect();
        for bits in 1..=8 {
            let p = 0.5f64.powi(i32::from(bits));
            let probability = |k: u32| {
                let [n, k, rest] = [WINDOW_SAMPLES, k, WINDOW_SAMPLES - k].map(|n| ln_factorial[n as usize]);
                n - k - rest
            };
            let term = |k: u32| {
                (probability(k) + f64::from(k) * p.ln() + f64::from(WINDOW_SAMPLES - k) * (1.0 - p).ln())
                    .exp()
            };
            let at_least = |c: u32| (c..=WINDOW_SAMPLES).map(term).sum::<f64>();
            let (cutoff, alarm) = (promise(bits).proportion_cutoff(), 0.5f64.powi(40));
            assert!(at_least(cutoff) <= alarm && at_least(cutoff - 1) > alarm, "{bits} bits");
            let repeated = promise(bits).repetition_cutoff() - 1;
            let run = |times: u32| 0.5f64.powi(i32::from(bits) * times.cast_signed());
            assert!(run(repeated) <= alarm && run(repeated - 1) > alarm, "{bits} bits");
        }
    }

    #[test]
    fn a_run_fails_at_the_cutoff_and_not_before() {
        for bits in 1..=8 {
            let cutoff = promise(bits).repetition_cutoff() as usize;
            let mut tests = HealthTests::new(promise(bits));
            assert_eq!(tests.take(&[&[7, 8][..], &[9].repeat(cutoff - 1), &[8]].concat()), Ok(()));
            assert_eq!(tests.take(&[9].repeat(cutoff - 1)), Ok(()));
            assert_eq!(tests.take(&[9]), Err(HealthTest::RepetitionCount), "over two takes, {bits} bits");
        }
    }

    #[test]
    fn a_value_that_comes_too_often_fails_at_the_cutoff_and_not_before() {
        for bits in 2..=8 {
            let cutoff = promise(bits).proportion_cutoff() as usize;
            // The first value of the window every second time, and never twice running.
            let often =
                |times: usize| -> Vec<u8> { (0..times).flat_map(|i| [5, 100 + (i % 100) as u8]).collect() };
            assert_eq!(HealthTests::new(promise(bits)).take(&often(cutoff - 1)), Ok(()), "{bits} bits");
            let failed = HealthTests::new(promise(bits)).take(&often(cutoff));
            assert_eq!(failed, Err(HealthTest::AdaptiveProportion), "{bits} bits");
        }
    }

    #[test]
    fn each_window_counts_anew() {
        let mut tests = HealthTests::new(MinEntropy::FULL);
        for window in 0..20u32 {
            let first = window as u8;
            let rest = (1..WINDOW_SAMPLES).map(|i| if i % 32 == 0 { first } else { 50 + (i % 200) as u8 });
            let samples: Vec<u8> = core::iter::once(first).chain(rest).collect();
            assert_eq!(tests.take(&samples), Ok(()), "window {window}");
        }
    }
}
