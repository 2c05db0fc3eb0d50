//! Go's literals: numbers as they may be written, and the escapes of a quoted text.

use super::token::Kind;

pub(super) fn number(text: &str) -> Option<Kind> {
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (if text.starts_with('-') { "-" } else { "" }, digits),
        None => ("", text),
    };
    let plain = without_separators(digits)?;
    let lower = plain.to_ascii_lowercase();
    let bases = [("0x", 16), ("0b", 2), ("0o", 8)];
    if let Some((digits, base)) = bases.iter().find_map(|(p, base)| Some((lower.strip_prefix(p)?, *base))) {
        return i64::from_str_radix(&format!("{sign}{digits}"), base).ok().map(Kind::Int);
    }
    if lower.contains(['.', 'e']) {
        let is_float = lower.chars().all(|c| c.is_ascii_digit() || ".e+-".contains(c));
        let value =
            format!("{sign}{lower}").parse::<f64>().ok().filter(|value| is_float && value.is_finite());
        return value.map(Kind::Float);
    }
    if !lower.chars().all(|c| c.is_ascii_digit()) || lower.is_empty() {
        return None;
    }
    let base = if lower.len() > 1 && lower.starts_with('0') { 8 } else { 10 };
    i64::from_str_radix(&format!("{sign}{lower}"), base).ok().map(Kind::Int)
}

/// `1_000` is a thousand; an underscore stands between two digits only, or after the base.
fn without_separators(text: &str) -> Option<String> {
    let is_misplaced = text.starts_with('_') || text.ends_with('_') || text.contains("__");
    (!is_misplaced).then(|| text.replace('_', ""))
}

/// The text between two quotes with its escapes resolved; `None` for an escape that Go doesn't have, or bytes that
/// are no UTF-8.
pub(super) fn unquote(text: &str, quote: char) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.extend(c.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        let escape = chars.next()?;
        match escape {
            'a' => out.push(7),
            'b' => out.push(8),
            'f' => out.push(12),
            'n' => out.push(b'\n'),
            'r' => out.push(b'\r'),
            't' => out.push(b'\t'),
            'v' => out.push(11),
            '\\' => out.push(b'\\'),
            c if c == quote => out.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            'x' => out.push(u8::try_from(digits(&mut chars, 2, 16)?).ok()?),
            'u' => push_char(&mut out, digits(&mut chars, 4, 16)?)?,
            'U' => push_char(&mut out, digits(&mut chars, 8, 16)?)?,
            '0'..='7' => {
                let rest = digits(&mut chars, 2, 8)?;
                out.push(u8::try_from(escape.to_digit(8)? * 64 + rest).ok()?);
            }
            _ => return None,
        }
    }
    String::from_utf8(out).ok()
}

fn digits(chars: &mut std::str::Chars<'_>, count: usize, base: u32) -> Option<u32> {
    let mut value = 0_u32;
    for _ in 0..count {
        value = value.checked_mul(base)?.checked_add(chars.next()?.to_digit(base)?)?;
    }
    Some(value)
}

fn push_char(out: &mut Vec<u8>, code: u32) -> Option<()> {
    out.extend(char::from_u32(code)?.encode_utf8(&mut [0; 4]).bytes());
    Some(())
}
