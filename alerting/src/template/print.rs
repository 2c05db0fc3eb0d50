//! Values written as Go's `fmt` writes them: `%v`, numbers, quoted texts.

use std::fmt::Write;

use super::moment;
use super::value::{ListKind, MapKind, Record, Value, sorted_pairs};

/// What `{{ value }}` prints.
pub(super) fn shown(value: &Value) -> String {
    if *value == Value::Nil {
        return "<no value>".to_owned();
    }
    let mut out = String::new();
    write_value(&mut out, value, Style::Plain);
    out
}

/// `%v` of what may be nil.
pub(super) fn plain(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value, Style::Plain);
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    /// `%+v`: records with the names of their fields.
    Named,
}

pub(super) fn write_value(out: &mut String, value: &Value, style: Style) {
    match value {
        Value::Nil => out.push_str("<nil>"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => write(out, format_args!("{value}")),
        Value::Float(value) => out.push_str(&shortest(*value)),
        Value::Text(text) | Value::Html(text) | Value::Url(text) => out.push_str(text),
        Value::Time(time) => out.push_str(&time.shown()),
        Value::Duration(nanos) => out.push_str(&moment::duration(*nanos)),
        Value::Named(_, name, _) => out.push_str(name),
        Value::List(ListKind::Pairs, pairs) => {
            let pairs: Vec<&Record> = pairs.iter().filter_map(record).collect();
            let pairs = pairs.iter().map(|pair| (pair.get("Name"), pair.get("Value")));
            let pairs: Vec<_> = pairs.filter_map(|(name, value)| Some((name?.as_str()?, value?))).collect();
            write_pairs(out, &pairs);
        }
        Value::List(_, values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                out.push_str(if index > 0 { " " } else { "" });
                write_value(out, value, style);
            }
            out.push(']');
        }
        Value::Map(MapKind::Kv, map) => write_pairs(out, &sorted_pairs(map)),
        Value::Map(MapKind::Any, map) => {
            out.push_str("map[");
            for (index, (name, value)) in map.iter().enumerate() {
                write(out, format_args!("{}{name}:", if index > 0 { " " } else { "" }));
                write_value(out, value, style);
            }
            out.push(']');
        }
        Value::Record(record) => write_record(out, record, style),
    }
}

fn record(value: &Value) -> Option<&Record> {
    if let Value::Record(record) = value { Some(record) } else { None }
}

/// Labels and pairs have a form of their own: `alertname=OrdersPostedLate, service=sales`.
fn write_pairs(out: &mut String, pairs: &[(&str, &Value)]) {
    for (index, (name, value)) in pairs.iter().enumerate() {
        write(out, format_args!("{}{name}=", if index > 0 { ", " } else { "" }));
        write_value(out, value, Style::Plain);
    }
}

fn write_record(out: &mut String, record: &Record, style: Style) {
    out.push('{');
    for (index, ((name, _), value)) in record.kind.fields().iter().zip(&record.values).enumerate() {
        out.push_str(if index > 0 { " " } else { "" });
        if style == Style::Named {
            write(out, format_args!("{name}:"));
        }
        write_value(out, value, style);
    }
    out.push('}');
}

pub(super) fn write(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a string takes everything");
}

/// The shortest text that reads as the same number, with an exponent where the first digit's is below -4 or above 5.
fn shortest(value: f64) -> String {
    if !value.is_finite() {
        return not_finite(value);
    }
    let (digits, exponent) = parts(&format!("{value:e}"));
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    scientific(value.is_sign_negative(), &digits, exponent, 'e')
}

/// C's `%g` with so many significant digits, without zeros at the end.
pub(super) fn general(value: f64, precision: usize) -> String {
    if !value.is_finite() {
        return not_finite(value);
    }
    let precision = precision.max(1);
    let (digits, exponent) = parts(&format!("{:.*e}", precision - 1, value));
    let digits = digits.trim_end_matches('0');
    let in_front = i32::try_from(precision).unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= in_front {
        let digits = if digits.is_empty() { "0" } else { digits };
        return scientific(value.is_sign_negative(), digits, exponent, 'e');
    }
    let decimals = usize::try_from(in_front - 1 - exponent).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// `%e`: at least two digits of exponent, with its sign.
pub(super) fn exponential(value: f64, precision: usize, mark: char) -> String {
    if !value.is_finite() {
        return not_finite(value);
    }
    let (digits, exponent) = parts(&format!("{value:.precision$e}"));
    scientific(value.is_sign_negative(), &digits, exponent, mark)
}

fn not_finite(value: f64) -> String {
    let text = if value.is_nan() { "NaN" } else { "+Inf" };
    (if value == f64::NEG_INFINITY { "-Inf" } else { text }).to_owned()
}

/// Digits without sign and point, and the exponent of the first, of Rust's `1.5e3`.
fn parts(text: &str) -> (String, i32) {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    (digits.chars().filter(char::is_ascii_digit).collect(), exponent.parse().unwrap_or(0))
}

fn scientific(is_negative: bool, digits: &str, exponent: i32, mark: char) -> String {
    let (first, rest) = digits.split_at_checked(1).unwrap_or((digits, ""));
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if is_negative { "-" } else { "" };
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{first}{point}{rest}{mark}{exponent_sign}{:02}", exponent.abs())
}

/// Go's `%q`: double quotes, and escapes for what can't be seen.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if c.is_ascii_control() => write(&mut out, format_args!("\\x{:02x}", u32::from(c))),
            c if is_invisible(c) && u32::from(c) < 0x10000 => {
                write(&mut out, format_args!("\\u{:04x}", u32::from(c)));
            }
            c if is_invisible(c) => write(&mut out, format_args!("\\U{:08x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Spaces other than the space, controls, and marks of direction.
fn is_invisible(c: char) -> bool {
    c != ' '
        && (c.is_control()
            || c.is_whitespace()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'))
}
