//! One deterministic text for a JSON value: RFC 8785 (JCS), restricted to integers.

use serde_json::Value;

/// How deep arrays and objects may nest.
pub(crate) const NESTING_LEVELS_MAX: usize = 16;
/// The largest whole number that every JSON reader holds exactly (RFC 8785, 3.1: I-JSON).
const INTEGER_MAX: i64 = (1 << 53) - 1;

/// Why a value has no canonical text here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotCanonical {
    #[error("expected whole numbers between -(2^53 - 1) and 2^53 - 1, got `{0}`")]
    Number(String),
    #[error("expected at most {NESTING_LEVELS_MAX} levels of nesting")]
    TooDeep,
}

/// The canonical text of `value`: members sorted by UTF-16 code units, no white space, shortest escapes.
pub(crate) fn text(value: &Value) -> Result<String, NotCanonical> {
    let mut out = String::new();
    write(value, 0, &mut out)?;
    Ok(out)
}

fn write(value: &Value, depth: usize, out: &mut String) -> Result<(), NotCanonical> {
    if depth > NESTING_LEVELS_MAX {
        return Err(NotCanonical::TooDeep);
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => out.push_str(&integer(n)?.to_string()),
        Value::String(s) => quoted(s, out),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, depth + 1, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (i, (name, member)) in members.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                quoted(name, out);
                out.push(':');
                write(member, depth + 1, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn integer(n: &serde_json::Number) -> Result<i64, NotCanonical> {
    n.as_i64()
        .filter(|i| (-INTEGER_MAX..=INTEGER_MAX).contains(i))
        .ok_or_else(|| NotCanonical::Number(n.to_string()))
}

/// `serde_json` writes exactly the escapes of RFC 8785, 3.2.2.2: `\b \t \n \f \r \" \\` and lower-case `\u00xx`.
fn quoted(text: &str, out: &mut String) {
    out.push_str(&Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_are_sorted_by_utf16_as_in_rfc_8785_3_2_3() {
        // The example of RFC 8785, 3.2.3, without its comments.
        let value = json!({"\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew", "1": "One",
                           "\u{1f600}": "Emoji", "\u{80}": "Control", "\u{f6}": "Latin"});
        let text = text(&value).unwrap();
        let order =
            ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"].map(|w| text.find(w).unwrap());
        assert!(order.is_sorted(), "{text}");
    }

    #[test]
    fn escapes_are_the_shortest() {
        assert_eq!(
            text(&json!("\u{8}\t\n\u{c}\r\"\\/\u{1f}\u{7f}印")).unwrap(),
            "\"\\b\\t\\n\\f\\r\\\"\\\\/\\u001f\u{7f}印\""
        );
    }

    #[test]
    fn what_readers_disagree_on_is_refused() {
        assert!(matches!(text(&json!(1.5)), Err(NotCanonical::Number(_))));
        assert!(matches!(text(&json!(1u64 << 53)), Err(NotCanonical::Number(_))));
        assert!(matches!(text(&json!(u64::MAX)), Err(NotCanonical::Number(_))));
        assert_eq!(text(&json!(-((1i64 << 53) - 1))).unwrap(), "-9007199254740991");
        let deep = (0..=NESTING_LEVELS_MAX).fold(json!(1), |v, _| json!([v]));
        assert_eq!(text(&deep), Err(NotCanonical::TooDeep));
    }
}
