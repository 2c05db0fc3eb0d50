//! Literals in SQL text, as PostgreSQL reads it. Not a parser: it must do something safe with half a statement, since
//! instrumentations cut long ones.

use std::borrow::Cow;

const PLACE: &str = "?";

/// Strings and numbers become `?`; identifiers, parameters (`$1`, `%s`, `:name`) and comments stay. A string that does not
/// end takes the rest of the text with it.
pub(super) fn without_literals(sql: &str) -> Cow<'_, str> {
    let mut kept = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(token) = next_token(sql, at) {
        if token.is_literal && !is_placeholder(sql, token.start, token.end) {
            kept.push_str(slice(sql, copied, token.start));
            kept.push_str(PLACE);
            copied = token.end;
        }
        at = token.end;
    }
    if copied == 0 && kept.is_empty() {
        return Cow::Borrowed(sql);
    }
    kept.push_str(slice(sql, copied, sql.len()));
    Cow::Owned(kept)
}

struct Token {
    start: usize,
    end: usize,
    is_literal: bool,
}

/// The next token from `at` on that needs a decision; what lies between is kept as it is.
fn next_token(sql: &str, at: usize) -> Option<Token> {
    let bytes = sql.as_bytes();
    let mut start = at;
    loop {
        let byte = *bytes.get(start)?;
        let next = bytes.get(start + 1).copied().unwrap_or(0);
        let (end, is_literal) = match (byte, next) {
            (b'\'', _) => (string_end(bytes, start + 1, false), true),
            (b'E' | b'e', b'\'') => (string_end(bytes, start + 2, true), true),
            (b'B' | b'b' | b'X' | b'x' | b'N' | b'n', b'\'') => (string_end(bytes, start + 2, false), true),
            (b'"', _) => (quoted_end(bytes, start + 1, b'"'), false),
            (b'-', b'-') => (find(bytes, start, b"\n"), false),
            (b'/', b'*') => (find(bytes, start + 2, b"*/"), false),
            (b'$', b'0'..=b'9') => (word_end(bytes, start + 1), false),
            (b'$', _) => match dollar_end(bytes, start) {
                Some(end) => (end, true),
                None => (start + 1, false),
            },
            (b'0'..=b'9', _) | (b'.', b'0'..=b'9') => (number_end(bytes, start), true),
            (byte, _) if is_word(byte) => (word_end(bytes, start), false),
            _ => {
                start += 1;
                continue;
            }
        };
        return Some(Token { start, end, is_literal });
    }
}

/// What an earlier redaction or a driver left: `'?'` says nothing any more.
fn is_placeholder(sql: &str, start: usize, end: usize) -> bool {
    matches!(slice(sql, start, end), "'?'" | "'%s'")
}

/// Past the closing quote; a doubled one is content, and so is an escaped one where backslashes escape.
fn string_end(bytes: &[u8], mut at: usize, has_escapes: bool) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if has_escapes => at += 2,
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            b'\'' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn quoted_end(bytes: &[u8], from: usize, quote: u8) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.iter().position(|byte| *byte == quote).map_or(bytes.len(), |length| from + length + 1)
}

fn find(bytes: &[u8], from: usize, needle: &[u8]) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let found = rest.windows(needle.len()).position(|window| window == needle);
    found.map_or(bytes.len(), |length| from + length + needle.len())
}

/// `$$...$$` and `$tag$...$tag$`; `None` when no such string begins here.
fn dollar_end(bytes: &[u8], start: usize) -> Option<usize> {
    let tag_length = bytes.get(start + 1..)?.iter().position(|byte| !is_word(*byte) || *byte == b'$')?;
    let tag_end = start + 1 + tag_length;
    (bytes.get(tag_end) == Some(&b'$')).then(|| find(bytes, tag_end + 1, &bytes[start..=tag_end]))
}

/// Digits, a point, an exponent with its sign.
fn number_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        let is_sign = matches!(byte, b'+' | b'-');
        let after_exponent = at > start && matches!(bytes[at - 1], b'e' | b'E');
        let is_hex_prefix = at > start && matches!(bytes[start..at], [b'0', b'x' | b'X', ..]);
        if is_word(*byte) || *byte == b'.' || (is_sign && after_exponent && !is_hex_prefix) {
            at += 1;
        } else {
            break;
        }
    }
    at
}

fn word_end(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    rest.iter().position(|byte| !is_word(*byte) && *byte != b'$').map_or(bytes.len(), |length| start + length)
}

/// Letters of every language are part of a word.
const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Both ends lie beside an ASCII byte, or at an end of the text.
fn slice(sql: &str, start: usize, end: usize) -> &str {
    sql.get(start..end.min(sql.len())).unwrap_or_default()
}
