//! The classic grammar: plain names, values that need no quotes, and much forgiveness.

use super::utf8::operator;
use super::{Parts, is_classic_name};

const SPACE: [char; 5] = [' ', '\t', '\n', '\r', '\x0c'];

pub(super) fn parse(text: &str) -> Option<Vec<Parts>> {
    let text = text.strip_prefix('{').unwrap_or(text);
    let text = text.strip_suffix('}').unwrap_or(text);
    let mut pieces = split_outside_quotes(text);
    if pieces.last().is_some_and(|last| last.trim().is_empty()) {
        pieces.pop();
    }
    pieces.into_iter().map(one).collect()
}

/// A comma within double quotes parts nothing; a quote behind a backslash is none.
fn split_outside_quotes(text: &str) -> Vec<&str> {
    let (mut in_quotes, mut is_escaped) = (false, false);
    text.split(|c: char| {
        match c {
            ',' => return !in_quotes,
            '"' if is_escaped => is_escaped = false,
            '"' => in_quotes = !in_quotes,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
        false
    })
    .collect()
}

fn one(text: &str) -> Option<Parts> {
    let text = text.trim_matches(SPACE);
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "_:".contains(c)))?;
    let (name, rest) = text.split_at(end);
    if !is_classic_name(name) {
        return None;
    }
    let (op, raw) = operator(rest.trim_start_matches(SPACE))?;
    Some(Parts { name: name.to_owned(), op, value: value(raw.trim_matches(SPACE))? })
}

/// Quotes are optional; `\n`, `\"` and `\\` are escapes, any other backslash is itself.
fn value(raw: &str) -> Option<String> {
    let (inner, mut quote_is_due) = raw.strip_prefix('"').map_or((raw, false), |inner| (inner, true));
    let mut value = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => value.push('\n'),
                Some(same @ ('"' | '\\')) => value.push(same),
                Some(other) => value.extend(['\\', other]),
                None => value.push('\\'),
            },
            '"' if quote_is_due && chars.as_str().is_empty() => quote_is_due = false,
            '"' => return None,
            other => value.push(other),
        }
    }
    (!quote_is_due).then_some(value)
}
