//! Reads JSON token by token: brackets and commas by hand, each scalar through serde_json, which also steps over what
//! nobody asked for without recursing. Messages give a byte offset, never the text itself.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, Visitor};

use super::malformed::Malformed;

pub(super) struct JsonReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

#[derive(Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
}

impl<'a> JsonReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next byte that is not white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.take(byte) { Ok(()) } else { Err(self.unexpected(&format!("'{}'", char::from(byte)))) }
    }

    pub(super) fn key(&mut self) -> Result<String, Malformed> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a key in quotes"));
        }
        let key = self.read()?;
        self.expect(b':')?;
        Ok(key)
    }

    pub(super) fn scalar(&mut self) -> Result<Scalar, Malformed> {
        match self.peek() {
            None | Some(b'{' | b'[' | b'}' | b']' | b',' | b':') => Err(self.unexpected("a single value")),
            Some(_) => self.read(),
        }
    }

    pub(super) fn skip_value(&mut self) -> Result<(), Malformed> {
        self.read::<IgnoredAny>().map(|_| ())
    }

    pub(super) fn end(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end")),
        }
    }

    fn read<T: for<'de> Deserialize<'de>>(&mut self) -> Result<T, Malformed> {
        let mut values = serde_json::Deserializer::from_slice(&self.bytes[self.at..]).into_iter();
        let value = values.next().and_then(Result::ok);
        let Some(value) = value else { return Err(self.unexpected("valid JSON")) };
        self.at += values.byte_offset();
        Ok(value)
    }

    pub(super) fn unexpected(&self, wanted: &str) -> Malformed {
        Malformed::new(format!("expected {wanted} at byte {} of the JSON", self.at))
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a single value")
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Scalar, E> {
        Ok(Scalar::Text(value))
    }
}
