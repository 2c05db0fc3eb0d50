//! The UTF-8 grammar: any name and any value, in double quotes where they hold a reserved character. Quoted texts have the
//! escapes of a Go string.

use super::{MatchOp, Parts, is_reserved};

pub(super) fn parse(text: &str) -> Result<Vec<Parts>, &'static str> {
    let (mut rest, is_braced) = match text.trim_start().strip_prefix('{') {
        Some(inner) => (inner.trim_start(), true),
        None => (text.trim_start(), false),
    };
    let mut matchers = Vec::new();
    while !rest.is_empty() && !rest.starts_with('}') {
        let (matcher, after) = one(rest)?;
        matchers.push(matcher);
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if after.is_empty() || after.starts_with('}') => after,
            None => return Err("a comma is missing between two matchers"),
        };
    }
    let closed = rest.strip_prefix('}');
    match (is_braced, closed) {
        (true, None) => return Err("its brace is not closed"),
        (false, Some(_)) => return Err("its brace is not opened"),
        _ => {}
    }
    if !closed.unwrap_or_default().trim_start().is_empty() {
        return Err("something stands behind the closing brace");
    }
    Ok(matchers)
}

/// A matcher, and what stands behind it and its white space.
fn one(text: &str) -> Result<(Parts, &str), &'static str> {
    let (name, rest) = token(text)?;
    let (op, rest) = operator(rest.trim_start()).ok_or("an operator is missing: =, !=, =~ or !~")?;
    let (value, rest) = token(rest.trim_start())?;
    Ok((Parts { name, op, value }, rest.trim_start()))
}

pub(super) fn operator(text: &str) -> Option<(MatchOp, &str)> {
    MatchOp::SPELLINGS.iter().find_map(|(spelling, op)| Some((*op, text.strip_prefix(spelling)?)))
}

/// A quoted text, or a run of characters that need no quotes.
fn token(text: &str) -> Result<(String, &str), &'static str> {
    if let Some(inner) = text.strip_prefix('"') {
        return quoted(inner);
    }
    let end = text.find(is_reserved).unwrap_or(text.len());
    let (token, rest) = text.split_at(end);
    if token.is_empty() {
        return Err("a name or value is missing or needs double quotes");
    }
    Ok((token.to_owned(), rest))
}

fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                let value = String::from_utf8(value).map_err(|_| "a quoted text is no UTF-8")?;
                return Ok((value, chars.as_str()));
            }
            '\\' => {
                chars = escape(chars.as_str(), &mut value)
                    .ok_or("a backslash in quotes must begin an escape such as \\\\, \\\" or \\n")?
                    .chars();
            }
            '\n' => return Err("a quoted text runs over the end of the line"),
            other => value.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err("a double quote is not closed")
}

/// Adds what the escape stands for, and returns what follows it.
fn escape<'t>(text: &'t str, value: &mut Vec<u8>) -> Option<&'t str> {
    let kind = text.chars().next()?;
    let rest = text.strip_prefix(kind)?;
    let digits = |text: &'t str, count: usize, radix: u32| {
        let (digits, rest) = text.split_at_checked(count)?;
        let is_plain = digits.chars().all(|c| c.is_digit(radix));
        Some((u32::from_str_radix(digits, radix).ok().filter(|_| is_plain)?, rest))
    };
    let mut character = |code: u32| {
        value.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
        Some(())
    };
    let simple = match kind {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => 10,
        'r' => 13,
        't' => 9,
        'v' => 11,
        '\\' | '"' => u32::from(kind),
        'u' | 'U' => {
            let (code, rest) = digits(rest, if kind == 'u' { 4 } else { 8 }, 16)?;
            character(code)?;
            return Some(rest);
        }
        // Bytes, not characters.
        'x' => {
            let (byte, rest) = digits(rest, 2, 16)?;
            value.push(u8::try_from(byte).ok()?);
            return Some(rest);
        }
        '0'..='7' => {
            let (byte, rest) = digits(text, 3, 8)?;
            value.push(u8::try_from(byte).ok()?);
            return Some(rest);
        }
        _ => return None,
    };
    character(simple)?;
    Some(rest)
}
