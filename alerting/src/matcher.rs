//! Label matchers as Alertmanager writes and reads them: `severity="page"`, `service=~"odoo.*"`. Regular expressions
//! match the whole value, and a label that is missing equals the empty text.

mod parse;

use std::fmt;

use plimsoll_model::Labels;
use regex::{Regex, RegexBuilder};

pub(crate) use parse::{Note, Parsed, is_label_name, parse_matcher, parse_matchers, parse_with_note};

/// What one expression may cost in memory; compiling it is part of loading a file that somebody wrote.
const MAX_REGEX_BYTES: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MatchOp {
    Equal,
    NotEqual,
    Regex,
    NotRegex,
}

#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    name: String,
    op: MatchOp,
    value: String,
    regex: Option<Regex>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MatcherError {
    #[error("`{text}` is not a matcher ({problem}): write it like severity=\"page\" or service=~\"odoo.*\"")]
    Syntax { text: String, problem: &'static str },
    #[error("a matcher's regular expression is not valid or too large: {0}")]
    Regex(String),
    #[error("a matcher has an empty label name: name the label")]
    EmptyName,
}

impl MatchOp {
    /// The longer spellings first, so that `=~` isn't read as `=`.
    const SPELLINGS: [(&'static str, Self); 4] =
        [("=~", Self::Regex), ("!~", Self::NotRegex), ("!=", Self::NotEqual), ("=", Self::Equal)];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

impl Matcher {
    pub(crate) fn new(name: &str, op: MatchOp, value: &str) -> Result<Self, MatcherError> {
        if name.is_empty() {
            return Err(MatcherError::EmptyName);
        }
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(anchored(value)?),
        };
        Ok(Self { name: name.to_owned(), op, value: value.to_owned(), regex })
    }

    pub(crate) fn matches(&self, labels: &Labels) -> bool {
        self.matches_value(labels.get(&self.name))
    }

    pub(crate) fn matches_value(&self, value: &str) -> bool {
        let hit = self.regex.as_ref().map_or_else(|| value == self.value, |regex| regex.is_match(value));
        match self.op {
            MatchOp::Equal | MatchOp::Regex => hit,
            MatchOp::NotEqual | MatchOp::NotRegex => !hit,
        }
    }

    /// The label and its value, of a matcher that says `=`.
    pub(crate) fn as_label(&self) -> Option<(&str, &str)> {
        (self.op == MatchOp::Equal).then_some((&self.name, &self.value))
    }

    pub(crate) fn sort_key(&self) -> (&str, &str, MatchOp) {
        (&self.name, &self.value, self.op)
    }
}

/// Matchers that must all hold: how people choose among alerts and silences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(Vec<Matcher>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(pub(crate) String);

impl Filter {
    /// Each text is one matcher or several, as in a routing file: `severity="page"`, `{service=~"odoo.*",team!="x"}`.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, FilterError> {
        let mut matchers = Vec::new();
        for text in texts {
            matchers.extend(parse_matchers(text.as_ref()).map_err(|error| FilterError(error.to_string()))?);
        }
        Ok(Self(matchers))
    }

    pub(crate) fn matchers(&self) -> &[Matcher] {
        &self.0
    }

    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        all_match(&self.0, labels)
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.sort_key() == other.sort_key()
    }
}

impl Eq for Matcher {}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_matcher(f, &self.name, self.op, &self.value)
    }
}

pub(crate) fn write_matcher(f: &mut fmt::Formatter<'_>, name: &str, op: MatchOp, value: &str) -> fmt::Result {
    if name.chars().any(parse::is_reserved) {
        write!(f, "{name:?}")?;
    } else {
        f.write_str(name)?;
    }
    f.write_str(op.as_str())?;
    f.write_str("\"")?;
    for c in value.chars() {
        match c {
            '\n' => f.write_str("\\n")?,
            '"' | '\\' => write!(f, "\\{c}")?,
            other => write!(f, "{other}")?,
        }
    }
    f.write_str("\"")
}

pub(crate) fn all_match(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels))
}

/// Both ends are anchored around the whole alternation.
pub(crate) fn anchored(pattern: &str) -> Result<Regex, MatcherError> {
    // Alone first: `a)|(b` would otherwise borrow our brackets.
    let build = |text: &str| RegexBuilder::new(text).size_limit(MAX_REGEX_BYTES).build();
    build(pattern)
        .and_then(|_| build(&format!("^(?:{pattern})$")))
        .map_err(|error| MatcherError::Regex(one_line(&error.to_string())))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
