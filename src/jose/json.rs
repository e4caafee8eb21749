//! JSON objects in which no name comes twice.
//!
//! RFC 7515 (4) and RFC 7519 (4) let a reader either refuse repeated names or take the last. Two readers that choose differently
//! see two different tokens under one signature, so we refuse.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How deep arrays and objects may stand inside each other.
pub const MAX_DEPTH: usize = 16;

/// A JSON object without repeated names at any level and no deeper than [`MAX_DEPTH`].
#[derive(Debug, Clone, PartialEq)]
pub struct StrictObject(pub Map<String, Value>);

impl StrictObject {
    /// Reads one object from `json`; fails on repeated names, on more depth than allowed and on anything after the object.
    pub fn from_slice(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }
}

impl<'de> serde::Deserialize<'de> for StrictObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match (Strict { depth: MAX_DEPTH }).deserialize(deserializer)? {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(D::Error::custom("expected an object")),
        }
    }
}

/// Reads a value; `depth` is how many more levels may open.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1);
        depth
            .map(|depth| Self { depth })
            .ok_or_else(|| E::custom(format_args!("expected at most {MAX_DEPTH} levels")))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_u64<E: Error>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_i64<E: Error>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_f64<E: Error>(self, v: f64) -> Result<Value, E> {
        Number::from_f64(v).map(Value::Number).ok_or_else(|| E::custom("expected a finite number"))
    }

    fn visit_str<E: Error>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut out = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            out.push(item);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut out = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if out.contains_key(&name) {
                return Err(A::Error::custom(format_args!("expected each name once, got `{name}` again")));
            }
            let value = members.next_value_seed(inner)?;
            out.insert(name, value);
        }
        Ok(Value::Object(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_name_is_refused_at_every_level() {
        let good = r#"{"a":[1,-2,0.5,null,true,"x"],"b":{"a":{}}}"#;
        let StrictObject(members) = StrictObject::from_slice(good.as_bytes()).unwrap();
        assert_eq!(Value::Object(members), serde_json::from_str::<Value>(good).unwrap());
        for bad in [r#"{"a":1,"a":1}"#, r#"{"x":{"a":1,"a":2}}"#, r#"{"x":[{"a":1,"\u0061":2}]}"#] {
            assert!(StrictObject::from_slice(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn other_shapes_and_depth_are_refused() {
        let nested = |n| format!("{}{}", r#"{"a":"#.repeat(n), "1") + &"}".repeat(n);
        assert!(StrictObject::from_slice(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(StrictObject::from_slice(nested(MAX_DEPTH + 1).as_bytes()).is_err());
        assert!(StrictObject::from_slice(nested(100_000).as_bytes()).is_err());
        for bad in ["", "[]", "1", "null", "{} {}", "{", r#"{"a":1e999}"#, "{\"a\":\"\u{1}\"}"] {
            assert!(StrictObject::from_slice(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
