//! Reading matchers as Alertmanager has since 0.27: by the UTF-8 grammar, and by the classic one where that refuses or the
//! two disagree, so that no file changes its meaning.

mod classic;
mod utf8;

use super::{MatchOp, Matcher, MatcherError};

const MAX_TEXT_BYTES: usize = 16 << 10;

/// What both grammars make of a text before regular expressions are compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) name: String,
    pub(super) op: MatchOp,
    pub(super) value: String,
}

/// Matchers, and what whoever wrote them should know.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) note: Option<Note>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// The UTF-8 grammar, to which Alertmanager moves, refuses the text.
    ClassicOnly,
    /// Both read it, and not alike: the classic reading holds.
    Disagreement,
}

/// None, one or several matchers, with or without braces around them.
pub(crate) fn parse_matchers(text: &str) -> Result<Vec<Matcher>, MatcherError> {
    Ok(parse_with_note(text)?.matchers)
}

pub(crate) fn parse_with_note(text: &str) -> Result<Parsed, MatcherError> {
    if text.len() > MAX_TEXT_BYTES {
        let text = text.chars().take(40).collect::<String>() + "...";
        return Err(MatcherError::Syntax { text, problem: "it is longer than 16 KiB" });
    }
    let utf8 = utf8::parse(text).map_err(|problem| MatcherError::Syntax { text: text.to_owned(), problem });
    let (parts, note) = match (utf8, classic::parse(text)) {
        (Ok(utf8), Some(classic)) if utf8 != classic => (classic, Some(Note::Disagreement)),
        (Ok(utf8), _) => (utf8, None),
        (Err(_), Some(classic)) => (classic, Some(Note::ClassicOnly)),
        // The first grammar's complaint is the one to show: it knows what both would take.
        (Err(refused), None) => return Err(refused),
    };
    let matchers = parts.iter().map(|part| Matcher::new(&part.name, part.op, &part.value));
    Ok(Parsed { matchers: matchers.collect::<Result<_, _>>()?, note })
}

/// Exactly one, without braces.
pub(crate) fn parse_matcher(text: &str) -> Result<Matcher, MatcherError> {
    let refused = |problem| MatcherError::Syntax { text: text.to_owned(), problem };
    if text.starts_with('{') || text.ends_with('}') {
        return Err(refused("it stands in braces"));
    }
    let mut matchers = parse_matchers(text)?;
    match matchers.len() {
        1 => Ok(matchers.remove(0)),
        _ => Err(refused("one matcher belongs here")),
    }
}

pub(super) fn is_classic_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || "_:".contains(c))
        && chars.all(|c| c.is_ascii_alphanumeric() || "_:".contains(c))
}

/// As Prometheus has always known them.
pub(crate) fn is_label_name(name: &str) -> bool {
    is_classic_name(name) && !name.contains(':')
}

/// What a name or value without quotes may not hold.
pub(super) fn is_reserved(c: char) -> bool {
    c.is_whitespace() || "{}!=~,\\\"'`".contains(c)
}
