//! Reading matchers: the UTF-8 grammar first, the classic one for what it doesn't take (Alertmanager since 0.27).

use super::{MatchOp, Matcher, MatcherError};

const MAX_TEXT_BYTES: usize = 16 << 10;

/// One or several matchers, with or without braces around them.
pub(crate) fn parse_matchers(text: &str) -> Result<Vec<Matcher>, MatcherError> {
    if text.len() > MAX_TEXT_BYTES {
        let text = text.chars().take(40).collect::<String>() + "...";
        return Err(MatcherError::Syntax { text, problem: "it is longer than 16 KiB" });
    }
    match utf8(text) {
        Ok(matchers) => build(&matchers),
        // The first parser's complaint is the one to show: it knows what both would take.
        Err(problem) => match classic(text) {
            Some(matchers) => build(&matchers),
            None => Err(MatcherError::Syntax { text: text.to_owned(), problem }),
        },
    }
}

type Parts = (String, MatchOp, String);

fn build(parts: &[Parts]) -> Result<Vec<Matcher>, MatcherError> {
    parts.iter().map(|(name, op, value)| Matcher::new(name, *op, value)).collect()
}

fn utf8(text: &str) -> Result<Vec<Parts>, &'static str> {
    let text = text.trim();
    let (mut rest, braced) = text.strip_prefix('{').map_or((text, false), |inner| (inner, true));
    if braced {
        rest = rest.strip_suffix('}').ok_or("its brace is not closed")?;
    }
    rest = rest.trim_start();
    if rest.is_empty() {
        return if braced { Ok(Vec::new()) } else { Err("it is empty") };
    }
    let mut matchers = Vec::new();
    loop {
        let (name, after) = token(rest)?;
        let (op, after) = operator(after.trim_start()).ok_or("an operator is missing: =, !=, =~ or !~")?;
        let (value, after) = token(after.trim_start())?;
        matchers.push((name, op, value));
        let after = after.trim_start();
        if after.is_empty() {
            return Ok(matchers);
        }
        rest = after.strip_prefix(',').ok_or("a comma is missing between two matchers")?.trim_start();
        if rest.is_empty() {
            return Ok(matchers);
        }
    }
}

fn operator(text: &str) -> Option<(MatchOp, &str)> {
    MatchOp::SPELLINGS.iter().find_map(|(spelling, op)| Some((*op, text.strip_prefix(spelling)?)))
}

/// A quoted text, or a run of characters that need no quotes.
fn token(text: &str) -> Result<(String, &str), &'static str> {
    if let Some(inner) = text.strip_prefix('"') {
        return quoted(inner);
    }
    let end = text.find(|c: char| c.is_whitespace() || "{}!=~,\\\"'`".contains(c)).unwrap_or(text.len());
    let (token, rest) = text.split_at(end);
    if token.is_empty() {
        return Err("a name or value is missing or needs double quotes");
    }
    Ok((token.to_owned(), rest))
}

fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Ok((value, chars.as_str())),
            '\\' => value.push(match chars.next() {
                Some(same @ ('"' | '\\')) => same,
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                _ => return Err("a backslash in quotes must stand before \\, \", n, r or t"),
            }),
            '\n' => return Err("a quoted text runs over the end of the line"),
            other => value.push(other),
        }
    }
    Err("a double quote is not closed")
}

fn classic(text: &str) -> Option<Vec<Parts>> {
    let text = text.trim();
    let text = text.strip_prefix('{').unwrap_or(text);
    let text = text.strip_suffix('}').unwrap_or(text);
    let mut pieces = split_outside_quotes(text);
    if pieces.last().is_some_and(|last| last.trim().is_empty()) {
        pieces.pop();
    }
    if pieces.is_empty() {
        return None;
    }
    pieces.into_iter().map(classic_one).collect()
}

fn split_outside_quotes(text: &str) -> Vec<&str> {
    let (mut in_quotes, mut escaped) = (false, false);
    text.split(|c: char| {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => in_quotes = !in_quotes,
            _ => {}
        }
        c == ',' && !in_quotes
    })
    .collect()
}

fn classic_one(text: &str) -> Option<Parts> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "_:".contains(c)))?;
    let (name, rest) = text.split_at(end);
    if !is_classic_name(name) {
        return None;
    }
    let (op, raw) = operator(rest.trim_start())?;
    Some((name.to_owned(), op, classic_value(raw.trim())?))
}

/// Quotes are optional; `\n`, `\"` and `\\` are escapes, any other backslash is itself.
fn classic_value(raw: &str) -> Option<String> {
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

pub(super) fn is_classic_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || "_:".contains(c))
        && chars.all(|c| c.is_ascii_alphanumeric() || "_:".contains(c))
}
