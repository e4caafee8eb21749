//! A name that somebody wrote down (RFC 4514), to be compared with those in certificates.

use std::fmt;
use std::iter::Peekable;
use std::str::{Chars, FromStr};

use x509_parser::der_parser::asn1_rs::Any;
use x509_parser::prelude::FromDer;

use super::{Attribute, NAME_ATTRIBUTES_MAX_COUNT, SHORT_NAMES, fold_rdn, string};

/// The longest text that is read as a name, in bytes.
pub const EXPECTED_NAME_MAX_BYTES: usize = 2_048;

/// Names of attributes that are in use beside [`SHORT_NAMES`]; both are read without regard to case (RFC 4514, 3).
const OTHER_NAMES: [(&str, &str); 4] = [
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("2.5.4.97", "OrganizationIdentifier"),
    ("2.5.4.4", "surname"),
    ("2.5.4.42", "givenName"),
];

/// A distinguished name in the text form of RFC 4514: `CN=tax-web,O=省税务局,C=CN`, the last relative name of the encoding first.
#[derive(Clone, Debug)]
pub struct ExpectedName {
    text: String,
    pub(super) folded: Vec<u8>,
}

/// A text that is not a name in the form of RFC 4514.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a distinguished name like `CN=tax-web,O=Tax,C=CN` (RFC 4514): {0}")]
pub struct BadExpectedName(&'static str);

impl FromStr for ExpectedName {
    type Err = BadExpectedName;

    fn from_str(text: &str) -> Result<Self, BadExpectedName> {
        if text.len() > EXPECTED_NAME_MAX_BYTES {
            return Err(BadExpectedName("it is too long"));
        }
        let mut rdns = vec![Vec::new()];
        let mut rest = text.chars().peekable();
        for _ in 0..NAME_ATTRIBUTES_MAX_COUNT {
            let attribute = attribute(&mut rest)?;
            if let Some(last) = rdns.last_mut() {
                last.push(attribute);
            }
            match rest.next() {
                None => {
                    let folded = rdns.iter().rev().flat_map(|rdn| fold_rdn(rdn)).collect();
                    return Ok(Self { text: text.to_owned(), folded });
                }
                Some(',') => rdns.push(Vec::new()),
                // `+`: one more attribute of the same relative name.
                Some(_) => {}
            }
        }
        Err(BadExpectedName("it has too many attributes"))
    }
}

impl fmt::Display for ExpectedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `type=value`, up to a `,` or `+` or the end.
fn attribute(rest: &mut Peekable<Chars<'_>>) -> Result<Attribute, BadExpectedName> {
    let mut kind = String::new();
    loop {
        match rest.next() {
            Some('=') => break,
            Some(c) if !matches!(c, ',' | '+' | '\\' | '"') => kind.push(c),
            _ => return Err(BadExpectedName("an attribute is not written as `type=value`")),
        }
    }
    let oid = oid_of(kind.trim()).ok_or(BadExpectedName("an attribute's type is not known"))?;
    while rest.next_if_eq(&' ').is_some() {}
    if rest.next_if_eq(&'#').is_some() { encoded(rest, oid) } else { written(rest, oid) }
}

fn oid_of(kind: &str) -> Option<String> {
    let mut known = SHORT_NAMES.iter().chain(&OTHER_NAMES);
    if let Some((oid, _)) = known.find(|(_, name)| name.eq_ignore_ascii_case(kind)) {
        return Some((*oid).to_owned());
    }
    let mut arcs = kind.split('.');
    let dotted =
        kind.contains('.') && arcs.all(|arc| !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()));
    dotted.then(|| kind.to_owned())
}

/// The value as the hexadecimal of its encoding, after `#`.
fn encoded(rest: &mut Peekable<Chars<'_>>, oid: String) -> Result<Attribute, BadExpectedName> {
    let wrong = BadExpectedName("a value after `#` is not the hexadecimal of an encoded one");
    let mut digits = String::new();
    while let Some(digit) = rest.next_if(|c| !matches!(c, ',' | '+')) {
        digits.push(digit);
    }
    let der = bytes_of(digits.trim()).ok_or_else(|| wrong.clone())?;
    let Ok(([], value)) = Any::from_der(&der) else { return Err(wrong) };
    let tag = value.tag().0;
    Ok(Attribute { oid, text: string(tag, value.data), tag, value: value.data.to_vec() })
}

/// The value as text, with what has a meaning of its own escaped.
fn written(rest: &mut Peekable<Chars<'_>>, oid: String) -> Result<Attribute, BadExpectedName> {
    let wrong = BadExpectedName("a value has a character that must be escaped with `\\`, or a bad escape");
    let (mut bytes, mut significant) = (Vec::new(), 0);
    let mut utf8 = [0; 4];
    while let Some(c) = rest.next_if(|c| !matches!(c, ',' | '+')) {
        match c {
            '\\' => bytes.extend(escaped(rest).ok_or_else(|| wrong.clone())?),
            '"' | ';' | '<' | '>' | '\0' => return Err(wrong),
            c => bytes.extend(c.encode_utf8(&mut utf8).bytes()),
        }
        if c != ' ' {
            significant = bytes.len();
        }
    }
    // White space that is not escaped is not part of the value.
    bytes.truncate(significant);
    let text = String::from_utf8(bytes).map_err(|_| wrong)?;
    if text.is_empty() || text.contains(char::REPLACEMENT_CHARACTER) {
        return Err(BadExpectedName("a value is empty, or no text"));
    }
    Ok(Attribute { oid, text: Some(text), tag: 0, value: Vec::new() })
}

/// What follows a `\`: a special character, or the two hexadecimal digits of a byte (RFC 4514, 3).
fn escaped(rest: &mut Peekable<Chars<'_>>) -> Option<Vec<u8>> {
    let first = rest.next()?;
    if matches!(first, ' ' | '"' | '#' | '+' | ',' | ';' | '<' | '=' | '>' | '\\') {
        return Some(vec![u8::try_from(first).ok()?]);
    }
    let pair = [first, rest.next()?];
    bytes_of(&pair.iter().collect::<String>())
}

/// The bytes of a hexadecimal text; at least one.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let digit = |c: char| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits: Vec<u8> = text.chars().map(digit).collect::<Option<_>>()?;
    let (pairs, odd) = digits.as_chunks::<2>();
    let whole = odd.is_empty() && !pairs.is_empty();
    whole.then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{DistinguishedName, Name};
    use x509_parser::x509::X509Name;

    fn bureau() -> DistinguishedName {
        let name = Name {
            country: "CN".into(),
            organization: "甲, Inc. + 乙".into(),
            common_name: "tax web".into(),
            ..Name::default()
        };
        DistinguishedName::read(&X509Name::from_der(&name.to_der().unwrap()).unwrap().1).unwrap()
    }

    #[test]
    fn a_name_is_known_however_it_is_spelt_and_no_other() {
        let is = |text: &str| text.parse::<ExpectedName>().unwrap().folded == bureau().folded;
        assert!(is(&bureau().text_4514), "{}", bureau().text_4514);
        assert!(is("CN=tax web,O=甲\\, Inc. \\+ 乙,C=CN"));
        assert!(is("cn = Tax  Web , o= 甲\\2c Inc. \\2b \\e4\\b9\\99 , 2.5.4.6=cn"));
        assert!(is("CN=#0c0774617820776562,O=甲\\, Inc. \\+ 乙,C=CN"));
        assert!(!is("C=CN,O=甲\\, Inc. \\+ 乙,CN=tax web"), "the order counts");
        assert!(!is("CN=tax web,O=甲\\, Inc. \\+ 乙") && !is("CN=tax web+O=甲\\, Inc. \\+ 乙,C=CN"));
        assert!(!is("CN=tax-web,O=甲\\, Inc. \\+ 乙,C=CN"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = format!("CN={}", "x".repeat(EXPECTED_NAME_MAX_BYTES));
        let many = vec!["CN=x"; NAME_ATTRIBUTES_MAX_COUNT + 1].join(",");
        for bad in [
            "",
            "CN",
            "CN=",
            "=x",
            "CN=x,",
            "CN=x+",
            "XX=x",
            "1..2=x",
            "CN=a;b",
            "CN=\"a\"",
            "CN=a\\",
            "CN=a\\zz",
            "CN=\\ff",
            "CN=#zz",
            "CN=#0c05aa",
            &long,
            &many,
        ] {
            assert!(bad.parse::<ExpectedName>().is_err(), "{bad}");
        }
    }
}
