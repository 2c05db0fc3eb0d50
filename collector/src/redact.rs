//! Personal data and secrets are taken out before anything is written: what is not in the log need not be erased from it.
//!
//! | what | becomes |
//! | --- | --- |
//! | literals in SQL: `db.query.text`, `db.statement`, the body of Odoo's `bad query` records | `?` |
//! | values in PostgreSQL's `DETAIL: Key (...)=(...)` lines of such a body | `?` |
//! | the login in Odoo's `Login successful for` and `Login failed for` records | `?` |
//! | the value of an attribute on the list | [`REDACTED`] |

mod odoo;
mod sql;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

/// Stands where a whole value stood.
pub(crate) const REDACTED: &str = "[redacted]";

/// Attributes that hold SQL, in the current and the former spelling.
const SQL: [&str; 2] = ["db.query.text", "db.statement"];

/// Attributes whose values nobody should find in telemetry; a configuration may name others.
pub const DEFAULT_ATTRIBUTES: [&str; 8] = [
    "db.connection_string",
    "enduser.id",
    "http.request.header.authorization",
    "http.request.header.cookie",
    "http.response.header.set-cookie",
    "user.email",
    "user.full_name",
    "user.name",
];

/// Longer attribute keys than this are on no list.
const LONGEST_KEY: usize = 128;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Sql,
    Whole,
}

/// What to take out; built once, asked for every attribute. Keys are found by their length first: most have one that no
/// rule has, and cost a single look.
#[derive(Clone, Debug)]
pub struct Redactor {
    by_length: Arc<Vec<Vec<(String, Rule)>>>,
    /// Also what Odoo's log says of people.
    bodies: bool,
}

impl Redactor {
    /// Takes literals out of what holds SQL, people out of Odoo's log, and the whole value of `attributes`.
    pub fn new<T: AsRef<str>>(attributes: impl IntoIterator<Item = T>) -> Self {
        let mut by_length = vec![Vec::new(); LONGEST_KEY + 1];
        let mut add = |key: &str, rule| {
            if let Some(rules) = by_length.get_mut(key.len()) {
                rules.push((key.to_owned(), rule));
            }
        };
        // Who asks for the whole of a statement to go gets that: the first rule found is the one that holds.
        attributes.into_iter().for_each(|key| add(key.as_ref(), Rule::Whole));
        SQL.into_iter().for_each(|key| add(key, Rule::Sql));
        Self { by_length: Arc::new(by_length), bodies: true }
    }

    /// For what has been through here before.
    pub(crate) fn nothing() -> Self {
        Self { by_length: Arc::default(), bodies: false }
    }

    /// The value of an attribute as it may be kept; `None` when there is nothing to take out.
    #[inline]
    pub(crate) fn attribute(&self, key: &[u8], value: &[u8]) -> Option<String> {
        match self.rule(key)? {
            Rule::Sql => changed(sql::without_literals(text(value))),
            Rule::Whole if value == REDACTED.as_bytes() => None,
            Rule::Whole => Some(REDACTED.to_owned()),
        }
    }

    /// The body of a log record as it may be kept; `None` when there is nothing to take out.
    pub(crate) fn body(&self, body: &[u8]) -> Option<String> {
        if !self.bodies {
            return None;
        }
        changed(odoo::without_personal_data(text(body)))
    }

    fn rule(&self, key: &[u8]) -> Option<Rule> {
        let rules = self.by_length.get(key.len())?;
        rules.iter().find(|(name, _)| name.as_bytes() == key).map(|(_, rule)| *rule)
    }
}

impl Default for Redactor {
    fn default() -> Self {
        Self::new(DEFAULT_ATTRIBUTES)
    }
}

fn changed(kept: Cow<'_, str>) -> Option<String> {
    match kept {
        Cow::Borrowed(_) => None,
        Cow::Owned(kept) => Some(kept),
    }
}

/// What gets here has been found to be UTF-8; anything else would have nothing to take out that SQL could show.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}
