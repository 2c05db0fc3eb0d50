//! Where in a page a value stands, and how it is written there so that it is text and nothing else.
//!
//! The page's own markup moves the place along; values don't, since they are escaped. Places where escaping would be
//! guesswork (scripts, styles, names of tags and attributes, values without quotes) take no values.

use super::encode;
use super::print::{plain, write};
use super::value::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    place: Place,
    /// The tag that is open, and its attribute, in small letters.
    element: String,
    attribute: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Text,
    Comment,
    /// Text without tags: `title` and `textarea`.
    PlainText,
    /// `script` and `style`.
    Code,
    Tag,
    AttributeName,
    AfterName,
    BeforeValue,
    Value {
        quote: char,
        kind: Kind,
        part: Part,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Address,
    /// Scripts, styles, and whole pages in an attribute.
    Code,
}

/// How much of an address stands before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Nothing,
    Path,
    Query,
    /// One way or another, by the branch that was taken.
    Unsure,
}

/// What Go puts in place of an address that may run something.
const UNSAFE_ADDRESS: &str = "#ZgotmplZ";
const ADDRESSES: [&str; 18] = [
    "action",
    "archive",
    "background",
    "cite",
    "classid",
    "codebase",
    "data",
    "formaction",
    "href",
    "icon",
    "longdesc",
    "manifest",
    "ping",
    "poster",
    "profile",
    "src",
    "usemap",
    "xmlns",
];

impl Page {
    pub(super) fn new() -> Self {
        Self { place: Place::Text, element: String::new(), attribute: String::new() }
    }

    pub(super) fn is_in_text(&self) -> bool {
        self.place == Place::Text
    }

    /// `None` where two ways through a template leave the page in different places.
    pub(super) fn joined(&self, other: &Self) -> Option<Self> {
        if self == other {
            return Some(self.clone());
        }
        match (self.place, other.place) {
            (Place::Value { quote, kind, .. }, Place::Value { quote: q, kind: k, .. })
                if quote == q && kind == k && self.element == other.element =>
            {
                Some(Self { place: Place::Value { quote, kind, part: Part::Unsure }, ..self.clone() })
            }
            _ => None,
        }
    }

    /// Moves over markup of the template's own and writes it, without its comments.
    pub(super) fn markup(&mut self, text: &str, out: &mut String) -> Result<(), String> {
        let mut rest = text;
        while !rest.is_empty() {
            rest = self.advance(rest, out)?;
        }
        Ok(())
    }

    fn advance<'a>(&mut self, rest: &'a str, out: &mut String) -> Result<&'a str, String> {
        Ok(match self.place {
            Place::Text => self.text(rest, out),
            Place::Comment => {
                let Some((_, after)) = rest.split_once("-->") else { return Ok("") };
                self.place = Place::Text;
                after
            }
            Place::PlainText | Place::Code => self.until_closed(rest, out),
            Place::Tag => return self.tag(rest, out),
            Place::AttributeName => self.attribute_name(rest, out),
            Place::AfterName => self.after_name(rest, out),
            Place::BeforeValue => self.before_value(rest, out),
            Place::Value { quote, kind, part } => self.in_value(rest, out, quote, kind, part),
        })
    }

    fn text<'a>(&mut self, rest: &'a str, out: &mut String) -> &'a str {
        let Some((before, after)) = rest.split_once('<') else {
            out.push_str(rest);
            return "";
        };
        out.push_str(before);
        if let Some(after) = after.strip_prefix("!--") {
            self.place = Place::Comment;
            return after;
        }
        let name = after.strip_prefix('/').unwrap_or(after);
        let is_doctype = after.get(..8).is_some_and(|word| word.eq_ignore_ascii_case("!doctype"));
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            out.push_str(if is_doctype { "<" } else { "&lt;" });
            return after;
        }
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == ':';
        let end = name.find(|c| !is_of_name(c)).unwrap_or(name.len());
        let (word, rest) = name.split_at_checked(end).unwrap_or((name, ""));
        let is_closing = name.len() < after.len();
        self.element = if is_closing { String::new() } else { word.to_ascii_lowercase() };
        self.place = Place::Tag;
        out.push_str(if is_closing { "</" } else { "<" });
        out.push_str(word);
        rest
    }

    fn until_closed<'a>(&mut self, rest: &'a str, out: &mut String) -> &'a str {
        let closing = format!("</{}", self.element);
        let end = rest.to_ascii_lowercase().find(&closing);
        let (before, after) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, ""));
        out.push_str(before);
        if end.is_some() {
            self.place = Place::Text;
        }
        after
    }

    fn tag<'a>(&mut self, rest: &'a str, out: &mut String) -> Result<&'a str, String> {
        let rest = spaces(rest, out);
        match rest.chars().next() {
            None | Some('/') => Ok(one_of(rest, "/", out)),
            Some('>') => {
                self.place = match self.element.as_str() {
                    "title" | "textarea" => Place::PlainText,
                    "script" | "style" => Place::Code,
                    _ => Place::Text,
                };
                if self.place == Place::Text {
                    self.element.clear();
                }
                Ok(one_of(rest, ">", out))
            }
            Some(c @ ('"' | '\'' | '<' | '=')) => Err(format!("{c} can't stand in a tag there")),
            Some(_) => {
                self.place = Place::AttributeName;
                self.attribute.clear();
                Ok(rest)
            }
        }
    }

    fn attribute_name<'a>(&mut self, rest: &'a str, out: &mut String) -> &'a str {
        let end = rest.find(|c: char| c.is_ascii_whitespace() || "/>=".contains(c));
        let (name, after) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, ""));
        self.attribute.push_str(&name.to_ascii_lowercase());
        out.push_str(name);
        if end.is_some() {
            self.place = Place::AfterName;
        }
        after
    }

    fn after_name<'a>(&mut self, rest: &'a str, out: &mut String) -> &'a str {
        let rest = spaces(rest, out);
        if rest.starts_with('=') {
            self.place = Place::BeforeValue;
        } else if !rest.is_empty() {
            self.place = Place::Tag;
            self.attribute.clear();
        }
        one_of(rest, "=", out)
    }

    fn before_value<'a>(&mut self, rest: &'a str, out: &mut String) -> &'a str {
        let rest = spaces(rest, out);
        let (quote, rest) = match rest.chars().next() {
            None => return "",
            Some('>') => {
                self.place = Place::Tag;
                return rest;
            }
            Some(quote @ ('"' | '\'')) => (quote, one_of(rest, "\"'", out)),
            Some(_) => (' ', rest),
        };
        self.place = Place::Value { quote, kind: kind_of(&self.attribute), part: Part::Nothing };
        rest
    }

    fn in_value<'a>(
        &mut self,
        rest: &'a str,
        out: &mut String,
        quote: char,
        kind: Kind,
        part: Part,
    ) -> &'a str {
        let ends = |c: char| if quote == ' ' { c.is_ascii_whitespace() || c == '>' } else { c == quote };
        let end = rest.find(ends);
        let (text, after) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, ""));
        out.push_str(text);
        if end.is_none() {
            let part = match part {
                _ if text.contains(['?', '#']) => Part::Query,
                Part::Nothing if !text.trim().is_empty() => Part::Path,
                part => part,
            };
            self.place = Place::Value { quote, kind, part };
            return after;
        }
        self.place = Place::Tag;
        self.attribute.clear();
        if quote == ' ' { after } else { one_of(after, "\"'", out) }
    }

    /// Whether a value may stand here at all.
    pub(super) fn takes_values(&self) -> Result<(), String> {
        let refused = |what: &str| Err(format!("a value can't stand {what}"));
        match self.place {
            Place::Text | Place::PlainText | Place::Comment => Ok(()),
            Place::Code => refused("in a script or style: put it in the text"),
            Place::Tag | Place::AttributeName | Place::AfterName => refused("in a tag, outside of quotes"),
            Place::BeforeValue | Place::Value { quote: ' ', .. } => {
                refused("in an attribute without quotes: put the attribute's value in quotes")
            }
            Place::Value { kind: Kind::Code, .. } => {
                refused(&format!("in the attribute `{}`: it can run something", self.attribute))
            }
            Place::Value { kind: Kind::Address, part: Part::Unsure, .. } => {
                refused("there: whether it is the path or the query of an address depends on a branch")
            }
            Place::Value { .. } => Ok(()),
        }
    }

    /// The value as it is written here.
    pub(super) fn escaped(&self, value: &Value) -> Result<String, String> {
        self.takes_values()?;
        let text = if *value == Value::Nil { String::new() } else { plain(value) };
        Ok(match (self.place, value) {
            (Place::Comment, _) => String::new(),
            (Place::Text, Value::Html(_)) => text,
            (Place::Value { kind: Kind::Address, part, .. }, _) => {
                let is_trusted = matches!(value, Value::Url(_)) || part != Part::Nothing;
                let text = if is_trusted || is_harmless(&text) { text } else { UNSAFE_ADDRESS.to_owned() };
                escaped(&address(&text, part == Part::Query && !matches!(value, Value::Url(_))))
            }
            _ => escaped(&text),
        })
    }
}

/// Moves over what is a space in HTML.
fn spaces<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let after = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
    out.push_str(rest.get(..rest.len() - after.len()).unwrap_or_default());
    after
}

/// Moves over one character if it is one of these.
fn one_of<'a>(rest: &'a str, of: &str, out: &mut String) -> &'a str {
    let mut chars = rest.chars();
    match chars.next().filter(|c| of.contains(*c)) {
        Some(c) => {
            out.push(c);
            chars.as_str()
        }
        None => rest,
    }
}

fn kind_of(attribute: &str) -> Kind {
    let name = attribute.strip_prefix("data-").unwrap_or(attribute);
    let name = match name.split_once(':') {
        Some(("xmlns", _)) => "xmlns",
        Some((_, local)) => local,
        None => name,
    };
    if name.starts_with("on") || matches!(name, "style" | "srcset" | "imagesrcset" | "srcdoc") {
        return Kind::Code;
    }
    let is_address =
        ADDRESSES.contains(&name) || ["src", "uri", "url"].iter().any(|part| name.contains(part));
    if is_address { Kind::Address } else { Kind::Plain }
}

/// Relative, or of a kind that runs nothing.
fn is_harmless(address: &str) -> bool {
    match address.split_once(':') {
        Some((scheme, _)) if !scheme.contains('/') => {
            ["http", "https", "mailto"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
        }
        _ => true,
    }
}

/// Percent signs for what can't stand in an address; within a query also for what means something there.
fn address(text: &str, is_in_query: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, byte) in text.bytes().enumerate() {
        let is_escape = byte == b'%' && {
            let next = |by: usize| text.as_bytes().get(index + by).is_some_and(u8::is_ascii_hexdigit);
            next(1) && next(2)
        };
        let is_kept = byte.is_ascii_alphanumeric()
            || b"-._~".contains(&byte)
            || !is_in_query && (is_escape || b"!#$&*+,/:;=?@[]".contains(&byte));
        if is_kept {
            out.push(char::from(byte));
        } else {
            write(&mut out, format_args!("%{byte:02x}"));
        }
    }
    out
}

/// Also the plus, as Go does: an old browser would read it as UTF-7.
fn escaped(text: &str) -> String {
    encode::html(text).replace('+', "&#43;")
}
