//! Requests to valgrind's memcheck, for the proof that no branch and no address depends on a secret.
//!
//! Memcheck follows what has no defined value through memory, registers and flags, and reports every jump and every address that
//! depends on it. A secret that was marked as undefined is such a value, though its bytes stay what they are (Langley, "ctgrind").
//! Outside of valgrind every request does nothing.
//!
//! Source: the client requests of valgrind 3 (valgrind.h, memcheck.h).
#![expect(unsafe_code, reason = "a request is a sequence of instructions that valgrind knows")]

/// A request by number, with up to three arguments; 0 where nobody is listening.
fn request(number: usize, arguments: [usize; 3]) -> usize {
    let [first, second, third] = arguments;
    let block = [number, first, second, third, 0, 0];
    let mut answer = 0;
    // SAFETY: four turns by 128 bits in all and an exchange of a register with itself change nothing; valgrind takes them for a request
    // whose block RAX points to, and answers in RDX.
    unsafe {
        core::arch::asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
            in("rax") block.as_ptr(), inout("rdx") answer,
            options(nostack),
        );
    }
    answer
}

const RUNNING_ON_VALGRIND: usize = 0x1001;
const COUNT_ERRORS: usize = 0x1201;
const MEMCHECK: usize = 0x4d43_0000; // "MC"
const MAKE_MEM_UNDEFINED: usize = MEMCHECK + 1;
const MAKE_MEM_DEFINED: usize = MEMCHECK + 2;
const GET_VBITS: usize = MEMCHECK + 8;

/// Whether valgrind runs the program.
pub fn is_running() -> bool {
    request(RUNNING_ON_VALGRIND, [0; 3]) != 0
}

/// How many branches on secrets and addresses from secrets were seen so far.
pub fn errors() -> usize {
    request(COUNT_ERRORS, [0; 3])
}

/// From here on `bytes` are secret, and so is what is computed from them.
pub fn make_secret(bytes: &mut [u8]) {
    request(MAKE_MEM_UNDEFINED, [bytes.as_mut_ptr().expose_provenance(), bytes.len(), 0]);
}

/// From here on `bytes` are public. What was computed from them before is not.
pub fn make_public(bytes: &[u8]) {
    request(MAKE_MEM_DEFINED, [bytes.as_ptr().expose_provenance(), bytes.len(), 0]);
}

/// Whether any bit of `bytes` is secret.
pub fn has_secret(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| {
        let mut undefined_bits = 0u8;
        let bits = core::ptr::from_mut(&mut undefined_bits).expose_provenance();
        request(GET_VBITS, [core::ptr::from_ref(byte).expose_provenance(), bits, 1]);
        undefined_bits != 0
    })
}

/// The same value, and public.
#[inline(never)]
pub(crate) fn declassified<T: Copy>(value: T) -> T {
    let mut value = value;
    let place = core::ptr::from_mut(&mut value).expose_provenance();
    request(MAKE_MEM_DEFINED, [place, size_of::<T>(), 0]);
    value
}
