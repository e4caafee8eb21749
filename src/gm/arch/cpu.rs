//! Which instructions the processor has, asked once.

use core::sync::atomic::{AtomicU32, Ordering};

/// How much of the processor is used; each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Nothing beyond what the compilation target promises.
    Portable,
    /// AES-NI, PCLMULQDQ, SSSE3, SSE4.1 (since 2010).
    AesNi,
    /// AVX2, BMI2, ADX (since 2014).
    Avx2,
    /// VAES and VPCLMULQDQ on 256 bits (since 2020).
    Vaes,
    /// AVX-512 with GFNI, VAES, VPCLMULQDQ, IFMA (since 2019).
    Avx512,
}

impl Level {
    /// All of them, least first.
    pub const ALL: [Self; 5] = [Self::Portable, Self::AesNi, Self::Avx2, Self::Vaes, Self::Avx512];

    /// Its name, as `GM_CPU` spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::AesNi => "aesni",
            Self::Avx2 => "avx2",
            Self::Vaes => "vaes",
            Self::Avx512 => "avx512",
        }
    }
}

/// The level that is in use: the highest that the processor has, or the limit set below it.
pub fn level() -> Level {
    let bits = features();
    let (_, reached) = Level::ALL.split_at(1);
    reached.iter().copied().rfind(|l| bits & l.bit() != 0).unwrap_or(Level::Portable)
}

/// The proofs that a level is in use. They cannot be made elsewhere.
#[cfg(target_arch = "x86_64")]
macro_rules! tokens {
    ($($(#[$doc:meta])* $name:ident = $level:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name(());

        impl $name {
            /// The proof, where the level is in use.
            #[inline]
            pub(crate) fn here() -> Option<Self> {
                (features() & Level::$level.bit() != 0).then_some(Self(()))
            }
        }
    )*};
}

#[cfg(target_arch = "x86_64")]
tokens! {
    /// AES-NI, PCLMULQDQ, SSSE3 and SSE4.1 may be used.
    AesNi = AesNi;
    /// AVX2, BMI1, BMI2 and ADX may be used, besides those of [`AesNi`].
    Avx2 = Avx2;
    /// VAES and VPCLMULQDQ may be used on 256-bit registers, besides those of [`Avx2`].
    Vaes = Vaes;
    /// AVX-512 F, VL, BW, DQ and IFMA, GFNI, VAES and VPCLMULQDQ may be used on 512-bit registers, besides those of [`Vaes`].
    Avx512 = Avx512;
}

impl Level {
    const fn bit(self) -> u32 {
        1 << (self as u8)
    }

    /// The bits of this level and all before it.
    const fn bits(self) -> u32 {
        (self.bit() << 1) - 1
    }
}

/// The bit of [`Level::Portable`] says that the processor has been asked.
static FEATURES: AtomicU32 = AtomicU32::new(0);

#[inline]
fn features() -> u32 {
    // Relaxed is enough: whoever sees 0 asks again and finds the same.
    match FEATURES.load(Ordering::Relaxed) {
        0 => ask(),
        bits => bits,
    }
}

#[cold]
fn ask() -> u32 {
    let highest = Level::ALL.into_iter().rev().find(|l| found() & l.bits() == l.bits());
    let highest = highest.unwrap_or(Level::Portable).min(limit_from_environment());
    FEATURES.store(highest.bits(), Ordering::Relaxed);
    highest.bits()
}

/// From here on nothing above `level` is used. Tests and benches compare the paths with it; the product is built without it.
#[cfg(feature = "cpu-limit")]
pub fn limit(level: Level) {
    let highest = Level::ALL.into_iter().rev().find(|l| found() & l.bits() == l.bits());
    FEATURES.store(highest.unwrap_or(Level::Portable).min(level).bits(), Ordering::Relaxed);
}

#[cfg(not(feature = "cpu-limit"))]
const fn limit_from_environment() -> Level {
    Level::Avx512
}

/// `GM_CPU` names the highest level that a run may use.
#[cfg(feature = "cpu-limit")]
#[expect(
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a run of the tests is told by the environment which path to take, and a misspelt one must not pass"
)]
fn limit_from_environment() -> Level {
    let Ok(name) = std::env::var("GM_CPU") else { return Level::Avx512 };
    let named = Level::ALL.into_iter().find(|l| l.name() == name);
    named.unwrap_or_else(|| panic!("GM_CPU: expected a level, got `{name}`"))
}

/// The bits of the levels whose instructions are all there (each looked at alone).
#[cfg(not(target_arch = "x86_64"))]
const fn found() -> u32 {
    Level::Portable.bit()
}

/// The bits of the levels whose instructions are all there (each looked at alone).
///
/// Source: Intel SDM, volume 2, CPUID; volume 1, 13.3 (the operating system keeps the wide registers).
#[cfg(target_arch = "x86_64")]
fn found() -> u32 {
    use core::arch::x86_64::{__cpuid, __cpuid_count};

    let (leaves, one) = (__cpuid(0).eax, __cpuid(1).ecx);
    let (seven_b, seven_c) =
        if leaves < 7 { (0, 0) } else { (__cpuid_count(7, 0).ebx, __cpuid_count(7, 0).ecx) };
    let all = |register: u32, bits: &[u32]| bits.iter().all(|bit| register >> bit & 1 == 1);

    // PCLMULQDQ, SSSE3, SSE4.1, AES
    let aes_ni = all(one, &[1, 9, 19, 25]);
    // Valgrind executes ADCX and ADOX, which the processor it says to be (a Haswell) does not have.
    #[cfg(feature = "memcheck")]
    let seven_b = seven_b | u32::from(crate::arch::memcheck::is_running()) << 19;
    // XSAVE in use; AVX; BMI1, AVX2, BMI2, ADX
    let saved = if all(one, &[26, 27]) { saved_registers() } else { 0 };
    let avx2 = saved & 0b110 == 0b110 && all(one, &[28]) && all(seven_b, &[3, 5, 8, 19]);
    // VAES, VPCLMULQDQ
    let vaes = all(seven_c, &[9, 10]);
    // AVX512F, DQ, IFMA, BW, VL; GFNI
    let avx512 =
        saved & 0b1110_0110 == 0b1110_0110 && all(seven_b, &[16, 17, 21, 30, 31]) && all(seven_c, &[8]);

    let levels = [(Level::AesNi, aes_ni), (Level::Avx2, avx2), (Level::Vaes, vaes), (Level::Avx512, avx512)];
    levels.into_iter().filter(|(_, there)| *there).fold(Level::Portable.bit(), |bits, (l, _)| bits | l.bit())
}

/// Which registers the operating system keeps when it switches tasks (XCR0).
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "reads a control register")]
fn saved_registers() -> u64 {
    #[target_feature(enable = "xsave")]
    fn xcr0() -> u64 {
        // SAFETY: register 0 exists wherever XSAVE is in use.
        unsafe { core::arch::x86_64::_xgetbv(0) }
    }
    // SAFETY: the caller has found XSAVE (bit 26) and that the operating system uses it (bit 27).
    unsafe { xcr0() }
}
