//! Attribute values as text, so that `attributes['http.route']` reads alike for every sender: strings as they are,
//! numbers and booleans in their JSON form, lists and maps as JSON (keys sorted, the last of each), bytes as base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::wire::{Fields, text_entry};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum AnyValue<'a> {
    Empty,
    Text(&'a [u8]),
    Bool(bool),
    Int(i64),
    Double(f64),
    List(&'a [u8]),
    Map(&'a [u8]),
    Bytes(&'a [u8]),
}

/// Where the text of a value is: within the body, or written down as it had to be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Text<'a> {
    /// A value that is there but empty.
    #[default]
    Null,
    Sent(&'a [u8]),
    Rendered {
        start: usize,
        end: usize,
    },
}

impl<'a> AnyValue<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Self {
        let mut value = Self::Empty;
        for part in Fields::of(bytes) {
            value = match part.number {
                1 => Self::Text(part.bytes),
                2 => Self::Bool(part.bool()),
                3 => Self::Int(part.int64()),
                4 => Self::Double(part.double()),
                5 => Self::List(part.bytes),
                6 => Self::Map(part.bytes),
                7 => Self::Bytes(part.bytes),
                // An index into a table that only profiles have.
                8 => Self::Empty,
                _ => value,
            };
        }
        value
    }

    /// What has to be made is appended to `rendered`.
    pub(super) fn text(self, rendered: &mut Vec<u8>) -> Text<'a> {
        let start = rendered.len();
        match self {
            Self::Empty => return Text::Null,
            Self::Text(text) => return Text::Sent(text),
            Self::Bytes(bytes) => rendered.extend_from_slice(STANDARD.encode(bytes).as_bytes()),
            Self::Double(number) if !number.is_finite() => {
                rendered.extend_from_slice(special(number).as_bytes());
            }
            other => other.write_json(rendered),
        }
        Text::Rendered { start, end: rendered.len() }
    }

    /// Nested no deeper than the structural check let through.
    fn write_json(self, out: &mut Vec<u8>) {
        match self {
            Self::Empty => out.extend_from_slice(b"null"),
            Self::Text(text) => json(as_str(text), out),
            Self::Bool(flag) => json(&flag, out),
            Self::Int(number) => json(&number, out),
            Self::Double(number) if number.is_finite() => json(&number, out),
            Self::Double(number) => json(special(number), out),
            Self::Bytes(bytes) => json(&STANDARD.encode(bytes), out),
            Self::List(list) => {
                let values = Fields::of(list).filter(|part| part.number == 1);
                enclosed([b'[', b']'], values, out, |value, out| Self::read(value.bytes).write_json(out));
            }
            Self::Map(map) => {
                enclosed([b'{', b'}'], entries(map).into_iter(), out, |(key, value), out| {
                    json(as_str(key), out);
                    out.push(b':');
                    value.write_json(out);
                });
            }
        }
    }
}

impl<'a> Text<'a> {
    /// A text that was not sent as it is.
    pub(super) fn rendered(text: &str, rendered: &mut Vec<u8>) -> Self {
        let start = rendered.len();
        rendered.extend_from_slice(text.as_bytes());
        Self::Rendered { start, end: rendered.len() }
    }

    pub(super) fn len(self) -> usize {
        match self {
            Self::Null => 0,
            Self::Sent(text) => text.len(),
            Self::Rendered { start, end } => end - start,
        }
    }

    pub(super) fn get<'t>(self, rendered: &'t [u8]) -> Option<&'t [u8]>
    where
        'a: 't,
    {
        match self {
            Self::Null => None,
            Self::Sent(text) => Some(text),
            Self::Rendered { start, end } => Some(&rendered[start..end]),
        }
    }
}

/// A key and what stands under it; a value that is not there is an empty one.
#[inline]
pub(super) fn key_value(bytes: &[u8]) -> (&[u8], AnyValue<'_>) {
    if let Some((key, text)) = text_entry(bytes) {
        return (key, AnyValue::Text(text));
    }
    let (mut key, mut value) = ([].as_slice(), AnyValue::Empty);
    for part in Fields::of(bytes) {
        match part.number {
            1 => key = part.bytes,
            2 => value = AnyValue::read(part.bytes),
            _ => {}
        }
    }
    (key, value)
}

/// Sorted, so that equal maps are equal texts whatever the order in which their sender keeps them.
fn entries(map: &[u8]) -> Vec<(&[u8], AnyValue<'_>)> {
    let entries = Fields::of(map).filter(|part| part.number == 1);
    let mut entries: Vec<_> = entries.map(|entry| key_value(entry.bytes)).collect();
    // Stable: the last of a key comes first once all are turned round.
    entries.reverse();
    entries.sort_by_key(|(key, _)| *key);
    entries.dedup_by(|(later, _), (kept, _)| later == kept);
    entries
}

fn enclosed<T>(
    [open, close]: [u8; 2],
    items: impl Iterator<Item = T>,
    out: &mut Vec<u8>,
    write: impl Fn(T, &mut Vec<u8>),
) {
    out.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(close);
}

fn json(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("a vector takes every byte");
}

/// As proto3 JSON spells them; JSON itself has no such numbers.
fn special(number: f64) -> &'static str {
    match (number.is_nan(), number > 0.0) {
        (true, _) => "NaN",
        (false, true) => "Infinity",
        (false, false) => "-Infinity",
    }
}

/// The structural check has read it already.
fn as_str(text: &[u8]) -> &str {
    std::str::from_utf8(text).unwrap_or_default()
}
