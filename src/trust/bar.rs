//! How much trust data of each grade requires.

/// The least score for data of grade 1, 2, 3 and 4 (GB/T 43697-2024 grades; the numbers are ours).
const BARS: [u8; 4] = [20, 40, 60, 75];

/// The least score with which data of `grade` may be read; `None` for a grade that there is not, which nobody may read.
pub fn bar(grade: u8) -> Option<u8> {
    BARS.get(usize::from(grade.checked_sub(1)?)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_rises_with_the_grade() {
        assert_eq!([0, 1, 2, 3, 4, 5].map(bar), [None, Some(20), Some(40), Some(60), Some(75), None]);
    }

    /// The policies hold the same numbers, because that is where they decide.
    #[test]
    fn the_policies_say_the_same() {
        let policies = include_str!("../../policies/main/data.cedar");
        let expected = "if resource.grade <= 1 then 20 else if resource.grade == 2 then 40 else if resource.grade == 3 then 60 else 75";
        assert!(policies.contains(expected));
    }
}
