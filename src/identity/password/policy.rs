//! Which passwords are good: long enough and not among the first guesses. No rules of composition, no expiry.
//!
//! Source: NIST SP 800-63B-4, 3.1.1.2; ASVS 5.0 V6.2.

use super::Password;
use crate::account::LoginName;

/// Fewest characters of a password.
pub const PASSWORD_MIN_CHARS: usize = 8;
/// Most characters of a password.
pub const PASSWORD_MAX_CHARS: usize = 128;

/// What everybody guesses first: eight characters and more, in small letters, sorted.
const COMMON: &str = include_str!("common.txt");

/// Why a password is not good. Never repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPassword {
    /// Fewer than [`PASSWORD_MIN_CHARS`].
    #[error("expected at least {PASSWORD_MIN_CHARS} characters, got {0}")]
    TooShort(usize),
    /// More than [`PASSWORD_MAX_CHARS`].
    #[error("expected at most {PASSWORD_MAX_CHARS} characters")]
    TooLong,
    /// Among the first guesses.
    #[error("this password is one of the first that anyone would guess: choose another")]
    Common,
    /// One character repeated, or a run of the alphabet or the digits.
    #[error("expected more than one character repeated or counted up or down")]
    Pattern,
    /// Little more than the login name.
    #[error("expected a password that is more than the login name")]
    LoginName,
}

/// Whether `password` may be chosen by the person who logs in as `login_name`.
pub fn check(password: &Password, login_name: &LoginName) -> Result<(), BadPassword> {
    let length = password.expose().chars().count();
    let folded = zeroize::Zeroizing::new(password.expose().to_lowercase());
    if length < PASSWORD_MIN_CHARS {
        Err(BadPassword::TooShort(length))
    } else if length > PASSWORD_MAX_CHARS {
        Err(BadPassword::TooLong)
    } else if is_pattern(&folded) {
        Err(BadPassword::Pattern)
    } else if is_common(&folded) {
        Err(BadPassword::Common)
    } else if is_little_more_than(&folded, login_name.as_str()) {
        Err(BadPassword::LoginName)
    } else {
        Ok(())
    }
}

fn is_common(folded: &str) -> bool {
    COMMON.lines().any(|common| common == folded)
}

/// Whether every character is as far from the one before: `aaaaaaaa`, `12345678`, `hgfedcba`.
fn is_pattern(folded: &str) -> bool {
    let steps = folded
        .chars()
        .zip(folded.chars().skip(1))
        .map(|(a, b)| i64::from(u32::from(b)) - i64::from(u32::from(a)));
    let mut steps = steps.peekable();
    let first = steps.peek().copied().unwrap_or(0);
    first.abs() <= 1 && steps.all(|step| step == first)
}

/// Whether what is left without the login name would be too short by itself.
fn is_little_more_than(folded: &str, login_name: &str) -> bool {
    folded.contains(login_name) && folded.chars().count() < login_name.chars().count() + PASSWORD_MIN_CHARS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_has_nothing_that_another_rule_refuses() {
        let lines: Vec<&str> = COMMON.lines().collect();
        assert!(lines.len() > 200 && lines.is_sorted());
        for line in lines {
            assert!(line.chars().count() >= PASSWORD_MIN_CHARS && line.to_lowercase() == line, "{line}");
            assert!(!is_pattern(line), "{line}");
        }
    }
}
