//! Lengths as OFD writes them.

/// `value` (millimetres) with at most three decimals and no trailing zeros: `12.5`, `210`.
pub(super) fn mm(value: f64) -> String {
    let fixed = format!("{value:.3}");
    let short = fixed.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::mm;

    #[test]
    fn lengths_are_short_and_exact_to_a_micrometre() {
        for (value, text) in
            [(210.0, "210"), (12.5, "12.5"), (0.1 + 0.2, "0.3"), (-0.0001, "0"), (1.0005, "1")]
        {
            assert_eq!(mm(value), text);
        }
    }
}
