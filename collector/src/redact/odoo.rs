//! What Odoo writes into its log about people: the values of a failed statement, and who logged in.

use std::borrow::Cow;

use super::sql;

const BAD_QUERY: &str = "bad query: ";
const LOGINS: [&str; 2] = ["Login successful for ", "Login failed for "];
const LOGIN: &str = "login:";

pub(super) fn without_personal_data(body: &str) -> Cow<'_, str> {
    if let Some((before, statement)) = body.split_once(BAD_QUERY) {
        let kept = format!("{before}{BAD_QUERY}{}", without_values(statement));
        return if kept == body { Cow::Borrowed(body) } else { Cow::Owned(kept) };
    }
    if LOGINS.iter().any(|start| body.contains(start)) {
        return without_login(body);
    }
    Cow::Borrowed(body)
}

/// The statement goes on until PostgreSQL's answer begins, on a line of its own.
fn without_values(text: &str) -> String {
    let (statement, answer) = text.find("\nERROR:").map_or((text, ""), |at| text.split_at(at));
    let statement = match bytes_literal(statement) {
        Some(statement) => sql::without_literals(&statement).into_owned(),
        None => sql::without_literals(statement).into_owned(),
    };
    format!("{statement}{}", without_quotations(answer))
}

/// From Odoo 18 on the statement is logged as Python writes bytes, `b'...'` or `b"..."`.
fn bytes_literal(text: &str) -> Option<String> {
    let text = text.trim_end();
    let quoted = text.strip_prefix('b')?;
    let quote = quoted.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let quoted = quoted.strip_prefix(quote)?;
    let content = quoted.strip_suffix(quote).unwrap_or(quoted);
    let mut plain = String::with_capacity(content.len());
    let mut characters = content.chars();
    while let Some(character) = characters.next() {
        match (character, characters.as_str().chars().next()) {
            ('\\', Some(escaped @ ('\'' | '"' | '\\'))) => {
                plain.push(escaped);
                characters.next();
            }
            ('\\', Some('n')) => {
                plain.push('\n');
                characters.next();
            }
            _ => plain.push(character),
        }
    }
    Some(plain)
}

/// PostgreSQL repeats values: `DETAIL:  Key (email)=(ann@example.com) already exists.`, `LINE 1: ... 'ann'`,
/// `CONTEXT: ... tuple (0,1)`. The message itself, `ERROR:`, is kept but for what stands in quotes after a colon.
fn without_quotations(answer: &str) -> String {
    let mut kept = String::with_capacity(answer.len());
    for line in answer.split_inclusive('\n') {
        let text = line.trim_end();
        let ending = line.get(text.len()..).unwrap_or_default();
        if text.starts_with("DETAIL:") {
            kept.push_str(&without_key_values(text));
        } else if text.starts_with("LINE ") || text.starts_with("CONTEXT:") || text.starts_with("HINT:") {
            kept.push_str(&sql::without_literals(text));
        } else if let Some((message, _)) = text.split_once(": \"") {
            // `invalid input syntax for type integer: "ann@example.com"`
            kept.push_str(message);
            kept.push_str(": ?");
        } else {
            kept.push_str(text);
        }
        kept.push_str(ending);
    }
    kept
}

/// `Key (a, b)=(1, x) ...` keeps the columns; `Failing row contains (...)` keeps nothing of the row.
fn without_key_values(detail: &str) -> String {
    for marker in [")=(", "contains ("] {
        if let Some((before, after)) = detail.split_once(marker) {
            let rest = after.rfind(')').and_then(|end| after.get(end..)).unwrap_or(")");
            return format!("{before}{marker}?{rest}");
        }
    }
    sql::without_literals(detail).into_owned()
}

/// `Login successful for db:X login:Y from Z`; from Odoo 19 on without the database. A login may hold spaces.
fn without_login(body: &str) -> Cow<'_, str> {
    let Some((before, after)) = body.split_once(LOGIN) else { return Cow::Borrowed(body) };
    if after.starts_with("? from ") || after == "?" {
        return Cow::Borrowed(body);
    }
    let rest = after.rfind(" from ").and_then(|end| after.get(end..)).unwrap_or_default();
    Cow::Owned(format!("{before}{LOGIN}?{rest}"))
}
