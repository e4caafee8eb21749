//! How wide text is in the fonts every Chinese system has, and where it breaks.

/// The width of `text` in millimetres at `size`, with `spacing` between characters.
///
/// Chinese fonts are built on the square: a Chinese character is as wide as `size`. A Latin letter or digit is half as wide in
/// 宋体 and its like; it is given a little more, so that nothing overlaps where a reader falls back to another font.
pub fn measure(text: &str, size: f64, spacing: f64) -> f64 {
    let advances: f64 = text.chars().map(|c| advance(c, size)).sum();
    advances + spacing * text.chars().count().saturating_sub(1) as f64
}

/// `text` in lines of at most `width` millimetres at `size`; a word of Latin letters or digits stays whole where it fits.
///
/// Line breaks in `text` are kept. The result has at least one line.
pub fn wrap(text: &str, width: f64, size: f64) -> Vec<String> {
    text.split('\n').flat_map(|paragraph| wrap_paragraph(paragraph, width, size)).collect()
}

fn wrap_paragraph(text: &str, width: f64, size: f64) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in words(text) {
        if fits(&line, word, width, size) {
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
        }
        for c in word.chars() {
            if !line.is_empty() && !fits(&line, c.encode_utf8(&mut [0; 4]), width, size) {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    lines.push(line.trim_end().to_owned());
    lines
}

fn fits(line: &str, more: &str, width: f64, size: f64) -> bool {
    measure(line, size, 0.0) + measure(more, size, 0.0) <= width + 1e-9
}

/// Runs of half-width characters up to a space, and single full-width ones together with a mark that may not begin a line.
fn words(text: &str) -> Vec<&str> {
    let mut starts = Vec::new();
    let mut before: Option<char> = None;
    for (i, c) in text.char_indices() {
        let joined = before.is_some_and(|b| {
            let same_word = is_half_width(b) && is_half_width(c) && b != ' ';
            same_word || NOT_AT_START.contains(c)
        });
        if !joined {
            starts.push(i);
        }
        before = Some(c);
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).filter_map(|(from, to)| text.get(*from..to)).collect()
}

/// What a half-width character is given, as a fraction of a full-width one.
const HALF_WIDTH: f64 = 0.55;

/// Marks that may not begin a line.
const NOT_AT_START: &str = "，。、；：？！）》」』】〉”’,.;:?!)]}";

pub(super) fn advance(c: char, size: f64) -> f64 {
    if is_half_width(c) { size * HALF_WIDTH } else { size }
}

fn is_half_width(c: char) -> bool {
    matches!(c, '\u{20}'..='\u{24f}' | '\u{ff61}'..='\u{ff9f}') && c != '·'
}

#[cfg(test)]
mod tests {
    use super::{measure, wrap};

    #[test]
    fn a_latin_letter_is_given_little_more_than_half_of_a_chinese_one() {
        assert!((measure("印信ab", 4.0, 0.0) - 12.4).abs() < 1e-9);
        assert_eq!(measure("印信", 4.0, 1.0), 9.0);
        assert_eq!(measure("", 4.0, 1.0), 0.0);
    }

    #[test]
    fn lines_break_where_a_reader_expects_it() {
        assert_eq!(wrap("福建省食品经营许可证", 16.0, 4.0), ["福建省食", "品经营许", "可证"]);
        assert_eq!(wrap("热食类，冷食类。", 12.0, 4.0), ["热食", "类，冷", "食类。"]);
        assert_eq!(wrap("房号 A1203", 18.0, 4.0), ["房号", "A1203"]);
        assert_eq!(wrap("a\nb", 16.0, 4.0), ["a", "b"]);
        assert_eq!(wrap("", 16.0, 4.0), [""]);
    }

    #[test]
    fn no_character_is_lost_however_narrow_the_column() {
        for width in [0.0, 1.0, 3.0, 7.5] {
            assert_eq!(wrap("统一社会信用代码91350100", width, 4.0).concat(), "统一社会信用代码91350100");
        }
    }
}
