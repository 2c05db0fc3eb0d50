//! Texts as other languages take them: HTML, JavaScript, addresses, JSON, base64.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use chrono::SecondsFormat;
use serde_json::{Value as Json, json};

use super::print::write;
use super::value::Value;

/// As Go writes it.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '\0' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

pub(super) fn js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' | '>' | '&' | '=' | '\0'..='\u{1f}' => {
                write(&mut out, format_args!("\\u{:04X}", u32::from(c)))
            }
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                write(&mut out, format_args!("\\u{:04X}", u32::from(c)));
            }
            other => out.push(other),
        }
    }
    out
}

/// What stands in the query of an address; a space is a plus.
pub(super) fn query(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) => out.push(char::from(b)),
            b => write(&mut out, format_args!("%{b:02X}")),
        }
    }
    out
}

pub(super) fn query_decoded(text: &str) -> Result<String, String> {
    let wrong = || format!("`{text}` holds a percent sign without two digits");
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let high = digit(bytes.next()).ok_or_else(wrong)?;
                let low = digit(bytes.next()).ok_or_else(wrong)?;
                out.push(u8::try_from(high * 16 + low).map_err(|_| wrong())?);
            }
            other => out.push(other),
        }
    }
    String::from_utf8(out).map_err(|_| format!("`{text}` is not text"))
}

pub(super) fn base64(text: &str) -> String {
    URL_SAFE.encode(text)
}

pub(super) fn base64_decoded(text: &str) -> Result<String, String> {
    let bytes = URL_SAFE.decode(text).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "it is not text".to_owned())
}

/// With `<`, `>` and `&` escaped, as Go does.
pub(super) fn json(value: &Value) -> Result<String, String> {
    let text = serde_json::to_string(&as_json(value)).map_err(|error| error.to_string())?;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write(&mut out, format_args!("\\u{:04x}", u32::from(c)))
            }
            other => out.push(other),
        }
    }
    Ok(out)
}

fn as_json(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(value) | Value::Duration(value) | Value::Named(_, _, value) => json!(value),
        Value::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => {
            #[expect(clippy::cast_possible_truncation, reason = "a whole number of at most 15 digits")]
            let whole = *value as i64;
            json!(whole)
        }
        Value::Float(value) => json!(value),
        Value::Text(text) | Value::Html(text) | Value::Url(text) => json!(text.as_ref()),
        Value::Time(time) => {
            json!(time.at.with_timezone(&time.zone).to_rfc3339_opts(SecondsFormat::AutoSi, true))
        }
        Value::List(_, values) => values.iter().map(as_json).collect(),
        Value::Map(_, map) => Json::Object(map.iter().map(|(k, v)| (k.clone(), as_json(v))).collect()),
        Value::Record(record) => {
            let names = record.kind.fields().iter().map(|(_, name)| (*name).to_owned());
            Json::Object(names.zip(record.values.iter().map(as_json)).collect())
        }
    }
}
