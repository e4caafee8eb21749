//! Names that a reader takes for one another, so that no stranger's application passes for one of the province.
//!
//! Two names look alike when their [`skeleton`]s are the same. The idea is that of Unicode Technical Standard 39, 4 (skeletons); the table
//! is a small one of our own: the Latin, Cyrillic and Greek letters that are drawn the same, digits and letters, and the few signs that
//! readers of Chinese mix up. It errs towards seeing a likeness: a stranger can take another name.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::client::hides_or_reorders;

/// Longest skeleton, in characters: names are at most [`crate::client::CLIENT_NAME_MAX_CHARS`] long, and some characters stand for several.
pub const SKELETON_MAX_CHARS: usize = 400;

/// What is left of `name` when all is taken away that a reader does not tell apart: width and style (NFKC), case, accents, spaces,
/// punctuation, characters that are not seen, and the alphabet that a letter comes from.
///
/// Never empty for a name that shows something. Equal skeletons are compared byte for byte, so they can stand in an indexed column.
pub fn skeleton(name: &str) -> String {
    let drawn: String = name
        .nfkd()
        .filter(|c| !is_combining_mark(*c) && !hides_or_reorders(*c))
        .map(drawn_the_same)
        .flat_map(char::to_lowercase)
        .map(drawn_the_same)
        .collect();
    let letters: String = drawn.chars().filter(|c| c.is_alphanumeric()).collect();
    let kept = if letters.is_empty() { drawn.split_whitespace().collect() } else { letters };
    let pairs = PAIRS.iter().fold(kept, |text, (two, one)| text.replace(two, one));
    pairs.chars().take(SKELETON_MAX_CHARS).collect()
}

/// Two letters that are drawn like one.
const PAIRS: &[(&str, &str)] = &[("rn", "m"), ("vv", "w")];

/// Characters that are drawn like the first of their line. Those whose capital and small letter are drawn like different ones stand in both
/// forms; the others are found by their small letter.
const DRAWN_THE_SAME: &[(char, &str)] = &[
    ('a', "АаΑαɑ"),
    ('b', "ВΒвЬьЪъ"),
    ('c', "СсϹϲ"),
    ('d', "ԀԁԂ"),
    ('e', "ЕеΕεєЄ"),
    ('f', "Ϝϝ"),
    ('g', "ɡԌԍ"),
    ('h', "НΗнһҺ"),
    // One stroke.
    ('l', "1Iiİı|ІіΙιӀӏǀ"),
    ('j', "Јјϳ"),
    ('k', "КΚкκ"),
    ('m', "МΜм"),
    ('n', "Νηпп"),
    ('o', "0ОоΟοσ〇"),
    ('p', "РΡрρ"),
    ('q', "Ԛԛ"),
    ('s', "Ѕѕ"),
    ('t', "ТΤтτ"),
    ('u', "μυ"),
    ('v', "νѴѵ"),
    ('w', "ԜԝωШшѡ"),
    ('x', "ХΧхχ"),
    ('y', "УΥуγЎў"),
    ('z', "Ζ"),
    // Katakana, lines and signs that are drawn like Chinese characters.
    ('一', "ーㄧ―─"),
    ('二', "ニ"),
    ('八', "ハ"),
    ('力', "カ"),
    ('口', "ロ囗"),
    ('工', "エ"),
    ('卜', "ト"),
    ('夕', "タ"),
    ('千', "チ"),
];

fn drawn_the_same(c: char) -> char {
    let line = DRAWN_THE_SAME.iter().find(|(_, same)| same.contains(c));
    line.map_or(c, |(first, _)| *first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_a_reader_mixes_up_have_one_skeleton() {
        for (province, strangers) in [
            (
                "Tax service",
                &[
                    "tax  service",
                    "TAX-SERVICE",
                    "Ｔａｘ　Ｓｅｒｖｉｃｅ",
                    "Тах sеrviсе",
                    "Tаx sеrvice.",
                    "Tax sérvice",
                ][..],
            ),
            (
                "Tax service",
                &[
                    "Tax\u{200b} service",
                    "\u{202e}Tax service",
                    "𝐓𝐚𝐱 𝐬𝐞𝐫𝐯𝐢𝐜𝐞",
                    "Τax serνice",
                    "Tax servlce",
                    "Tax serv1ce",
                ][..],
            ),
            (
                "市民服务",
                &["市民 服务", "「市民服务」", "市\u{200d}民服务", "市民服务！", "市民\u{fe0f}服务"][..],
            ),
            ("HOSPITAL 10", &["ΗOSPITAL lO", "нospital 1o", "hospitaI IO"][..]),
            ("一口工程", &["ーロ工程", "一囗エ程"][..]),
            ("modern", &["modem", "rnodern"][..]),
        ] {
            for stranger in strangers {
                assert_eq!(skeleton(stranger), skeleton(province), "{stranger:?} for {province:?}");
            }
        }
    }

    #[test]
    fn names_that_differ_keep_differing() {
        let names = [
            "Tax service",
            "Tax services",
            "Bus tickets",
            "市民服务",
            "市民服务台",
            "税务服务",
            "Reading room",
            "Reading room 2",
        ];
        for (n, one) in names.iter().enumerate() {
            for other in names.iter().skip(n + 1) {
                assert_ne!(skeleton(one), skeleton(other), "{one} and {other}");
            }
        }
        assert!(!skeleton("★ ☆").is_empty() && skeleton("★ ☆") != skeleton("☆ ★"));
    }

    proptest! {
        #[test]
        fn a_skeleton_is_bounded_and_has_no_case(name in "\\PC{0,120}") {
            let once = skeleton(&name);
            prop_assert!(once.chars().count() <= SKELETON_MAX_CHARS);
            prop_assert!(!once.chars().any(hides_or_reorders));
            prop_assert_eq!(skeleton(&name.to_ascii_uppercase()), skeleton(&name.to_ascii_lowercase()));
        }

        #[test]
        fn what_is_not_seen_changes_nothing(name in "[a-zA-Z0-9 \u{4e00}-\u{4eff}]{1,40}", at in 0usize..40, hidden in "[\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2060}-\u{2064}\u{ad}]") {
            let mut characters: Vec<char> = name.chars().collect();
            characters.insert(at.min(characters.len()), hidden.chars().next().unwrap_or('\u{200b}'));
            prop_assert_eq!(skeleton(&characters.into_iter().collect::<String>()), skeleton(&name));
        }
    }
}
