//! Reads I-JSON (RFC 7493) from hostile bytes: no member twice, no deep nesting, no size without a limit.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Objects and arrays inside one another.
pub(crate) const MAX_DEPTH_LEVELS: usize = 16;
/// Values, counted wherever they stand.
pub(crate) const MAX_VALUES: usize = 20_000;

/// What made a text no I-JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Malformed(String),
    Duplicate(String),
    TooDeep,
    TooMany,
}

/// The value that `text` says, whole.
pub(crate) fn parse(text: &[u8]) -> Result<Value, Refusal> {
    let state = State { refusal: RefCell::new(None), values: RefCell::new(0) };
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let parsed = Strict { state: &state, depth: 0 }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    parsed.map_err(|error| state.refusal.take().unwrap_or_else(|| Refusal::Malformed(error.to_string())))
}

struct State {
    refusal: RefCell<Option<Refusal>>,
    values: RefCell<usize>,
}

impl State {
    /// Notes the refusal beside serde's error, which can carry only text.
    fn refuse<E: serde::de::Error>(&self, refusal: Refusal) -> E {
        let error = E::custom("refused");
        self.refusal.replace(Some(refusal));
        error
    }
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    state: &'a State,
    depth: usize,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH_LEVELS {
            return Err(self.state.refuse(Refusal::TooDeep));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let count = self.state.values.replace_with(|n| n.saturating_add(1));
        if count >= MAX_VALUES {
            return Err(self.state.refuse(Refusal::TooMany));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let seed = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(seed)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let seed = self.deeper()?;
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            if members.contains_key(&name) {
                return Err(self.state.refuse(Refusal::Duplicate(name)));
            }
            let value = access.next_value_seed(seed)?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_i_json_forbids_is_refused_by_name() {
        assert_eq!(parse(br#"{"a":1,"b":{"c":1,"c":2}}"#), Err(Refusal::Duplicate("c".into())));
        assert_eq!(parse("[".repeat(MAX_DEPTH_LEVELS + 1).as_bytes()), Err(Refusal::TooDeep));
        assert_eq!(parse(format!("[{}0]", "0,".repeat(MAX_VALUES)).as_bytes()), Err(Refusal::TooMany));
        for malformed in
            [&b""[..], b"{", b"{} {}", b"nul", b"\"\xff\"", br#""\ud800""#, b"1e999", b"{\"a\":01}"]
        {
            assert!(matches!(parse(malformed), Err(Refusal::Malformed(_))), "{malformed:?}");
        }
    }

    #[test]
    fn what_is_in_order_comes_out_as_it_went_in() {
        let text = br#"{"a":[1,-2,true,null,"\u5370\u4fe1",{"b":1.5}],"c":18446744073709551615}"#;
        assert_eq!(parse(text), Ok(serde_json::from_slice(text).unwrap()));
    }
}
