//! The functions a template may call: Go's own and Alertmanager's.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::budget::Budget;
use super::compare;
use super::encode;
use super::moment::{self, Moment};
use super::print::{plain, shown};
use super::printf::printf;
use super::value::{ListKind, MapKind, Value};

const KEYWORDS: [&str; 10] =
    ["if", "else", "end", "range", "with", "define", "block", "template", "break", "continue"];
/// Name, and the least and the most arguments.
const FUNCTIONS: [(&str, usize, usize); 41] = [
    ("and", 1, MANY),
    ("append", 1, MANY),
    ("base64decode", 1, 1),
    ("base64encode", 1, 1),
    ("date", 2, 2),
    ("dict", 0, MANY),
    ("eq", 2, MANY),
    ("ge", 2, 2),
    ("gt", 2, 2),
    ("html", 0, MANY),
    ("humanizeDuration", 1, 1),
    ("index", 1, MANY),
    ("join", 2, 2),
    ("js", 0, MANY),
    ("le", 2, 2),
    ("len", 1, 1),
    ("list", 0, MANY),
    ("lt", 2, 2),
    ("match", 2, 2),
    ("ne", 2, 2),
    ("not", 1, 1),
    ("now", 0, 0),
    ("or", 1, MANY),
    ("print", 0, MANY),
    ("printf", 1, MANY),
    ("println", 0, MANY),
    ("reReplaceAll", 3, 3),
    ("routeLabels", 1, 1),
    ("safeHtml", 1, 1),
    ("safeUrl", 1, 1),
    ("since", 1, 1),
    ("slice", 1, 3),
    ("stringSlice", 0, MANY),
    ("title", 1, 1),
    ("toJson", 1, 1),
    ("toLower", 1, 1),
    ("toUpper", 1, 1),
    ("trimSpace", 1, 1),
    ("tz", 2, 2),
    ("urlUnescape", 1, 1),
    ("urlquery", 0, MANY),
];
const MANY: usize = 200;

pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word)
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|(name, ..)| *name)
}

/// `Err` with a cure for a word that is no function.
pub(super) fn known(name: &str) -> Result<(), String> {
    if names().any(|known| known == name) {
        return Ok(());
    }
    if is_keyword(name) {
        return Err(format!("`{name}` can't stand here: it begins an action of its own"));
    }
    let known: Vec<&str> = names().collect();
    Err(format!("there is no function `{name}`: use one of {}", known.join(", ")))
}

pub(super) fn call(
    name: &str,
    arguments: &[Value],
    now: Moment,
    budget: &mut Budget,
) -> Result<Value, String> {
    let limits = FUNCTIONS.iter().find(|(known, ..)| *known == name);
    let (_, least, most) = limits.ok_or_else(|| format!("there is no function `{name}`"))?;
    if !(*least..=*most).contains(&arguments.len()) {
        return Err(format!("`{name}` takes {least} or more arguments, and at most {most}"));
    }
    let value = evaluated(name, Arguments(arguments), now, budget).map_err(|why| format!("{name}: {why}"))?;
    budget.spend_value(&value)?;
    Ok(value)
}

/// What a function was called with, asked for by type.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a>(pub(super) &'a [Value]);

impl<'a> Arguments<'a> {
    pub(super) fn get(self, index: usize) -> &'a Value {
        self.0.get(index).unwrap_or(&Value::Nil)
    }

    pub(super) fn text(self, index: usize) -> Result<&'a str, String> {
        match self.get(index) {
            Value::Text(text) => Ok(text),
            other => Err(format!("expected a string, got {}", other.type_name())),
        }
    }

    pub(super) fn time(self, index: usize) -> Result<Moment, String> {
        match self.get(index) {
            Value::Time(time) => Ok(*time),
            other => Err(format!("expected a time, got {}", other.type_name())),
        }
    }

    pub(super) fn texts(self, index: usize) -> Result<Vec<&'a str>, String> {
        match self.get(index) {
            Value::List(ListKind::Texts, values) => Ok(values.iter().filter_map(Value::as_str).collect()),
            other => Err(format!("expected a list of strings, got {}", other.type_name())),
        }
    }

    /// Of all of them, one after the other: what `html` and its like escape.
    fn joined(self) -> String {
        match self.0 {
            [Value::Text(text)] => text.to_string(),
            _ => print(self.0),
        }
    }
}

fn evaluated(name: &str, on: Arguments<'_>, now: Moment, budget: &mut Budget) -> Result<Value, String> {
    Ok(match name {
        "eq" | "ne" | "lt" | "le" | "gt" | "ge" => Value::Bool(compare::compare(name, on.0)?),
        "not" => Value::Bool(!on.get(0).is_true()),
        "len" => Value::count(length(on.get(0))?),
        "index" => index(on.0)?,
        "slice" => slice(on.0)?,
        "print" => Value::text(print(on.0)),
        "println" => {
            let words: Vec<String> = on.0.iter().map(plain).collect();
            Value::text(words.join(" ") + "\n")
        }
        "printf" => Value::text(printf(on.text(0)?, on.0.get(1..).unwrap_or_default())?),
        "html" => Value::text(encode::html(&on.joined())),
        "js" => Value::text(encode::js(&on.joined())),
        "urlquery" => Value::text(encode::query(&on.joined())),
        "toUpper" => Value::text(on.text(0)?.to_uppercase()),
        "toLower" => Value::text(on.text(0)?.to_lowercase()),
        "title" => Value::text(title(on.text(0)?)),
        "trimSpace" => Value::text(on.text(0)?.trim()),
        "join" => Value::text(on.texts(1)?.join(on.text(0)?)),
        "match" => Value::Bool(budget.regex(on.text(0)?)?.is_match(on.text(1)?)),
        "reReplaceAll" => {
            let found = budget.regex(on.text(0)?)?;
            Value::text(found.replace_all(on.text(2)?, on.text(1)?))
        }
        "stringSlice" => Value::texts((0..on.0.len()).map(|i| on.text(i)).collect::<Result<Vec<_>, _>>()?),
        "safeHtml" => Value::Html(on.text(0)?.into()),
        "safeUrl" => Value::Url(on.text(0)?.into()),
        "urlUnescape" => Value::text(encode::query_decoded(on.text(0)?)?),
        "base64encode" => Value::text(encode::base64(on.text(0)?)),
        "base64decode" => Value::text(encode::base64_decoded(on.text(0)?)?),
        "toJson" => Value::text(encode::json(on.get(0))?),
        "list" => Value::list(ListKind::Any, on.0.to_vec()),
        "append" => append(on.0)?,
        "dict" => dict(on)?,
        "now" => Value::Time(now),
        "since" => Value::Duration(now.since(on.time(0)?)),
        "date" => Value::text(on.time(1)?.format(on.text(0)?)),
        "tz" => Value::Time(Moment { zone: zone(on.text(0)?)?, ..on.time(1)? }),
        "humanizeDuration" => Value::text(moment::humane(seconds(on.get(0))?)),
        // No route has labels here yet.
        "routeLabels" => on.text(0).map(|_| Value::text(""))?,
        _ => return Err("it can't be called".to_owned()),
    })
}

/// A space between two operands of which neither is a text.
fn print(values: &[Value]) -> String {
    let mut out = String::new();
    let mut was_text = true;
    for (index, value) in values.iter().enumerate() {
        let is_text = value.as_str().is_some();
        if index > 0 && !is_text && !was_text {
            out.push(' ');
        }
        out.push_str(&plain(value));
        was_text = is_text;
    }
    out
}

fn length(value: &Value) -> Result<usize, String> {
    match value {
        Value::List(_, values) => Ok(values.len()),
        Value::Map(_, values) => Ok(values.len()),
        other => {
            let text = other.as_str().map(str::len);
            text.ok_or_else(|| format!("{} has no length", other.type_name()))
        }
    }
}

fn index(values: &[Value]) -> Result<Value, String> {
    let (first, indexes) = values.split_first().ok_or("expected something to look into")?;
    let mut value = first.clone();
    for index in indexes {
        value = at(&value, index)?;
    }
    Ok(value)
}

fn at(value: &Value, index: &Value) -> Result<Value, String> {
    match value {
        Value::Map(kind, map) => {
            let key =
                index.as_str().ok_or_else(|| format!("a key is a string, not {}", index.type_name()))?;
            let missing = if *kind == MapKind::Kv { Value::text("") } else { Value::Nil };
            Ok(map.get(key).cloned().unwrap_or(missing))
        }
        Value::List(_, values) => position(index, values.len(), 0).map(|at| values[at].clone()),
        other => {
            let text = other.as_str().ok_or_else(|| format!("can't index {}", other.type_name()))?;
            position(index, text.len(), 0).map(|at| Value::Int(i64::from(text.as_bytes()[at])))
        }
    }
}

fn position(index: &Value, length: usize, beyond: usize) -> Result<usize, String> {
    let number = index.as_int().ok_or_else(|| format!("can't index with {}", index.type_name()))?;
    let position = usize::try_from(number).ok().filter(|at| *at < length + beyond);
    position.ok_or_else(|| format!("{number} is out of range: there are {length}"))
}

fn slice(values: &[Value]) -> Result<Value, String> {
    let (value, ends) = values.split_first().ok_or("expected something to cut")?;
    let length = length(value)?;
    let from = ends.first().map_or(Ok(0), |end| position(end, length, 1))?;
    let to = ends.get(1).map_or(Ok(length), |end| position(end, length, 1))?;
    if from > to {
        return Err(format!("the end, {to}, lies before the start, {from}"));
    }
    match value {
        Value::List(kind, values) => Ok(Value::list(*kind, values[from..to].to_vec())),
        Value::Map(..) => Err("a map can't be cut".to_owned()),
        other => {
            let part = other.as_str().and_then(|text| text.get(from..to));
            part.map(Value::text).ok_or_else(|| "that would cut a character in two".to_owned())
        }
    }
}

fn append(values: &[Value]) -> Result<Value, String> {
    match values.split_first() {
        Some((Value::List(ListKind::Any, list), more)) => {
            Ok(Value::list(ListKind::Any, list.iter().chain(more).cloned().collect()))
        }
        other => {
            let found = other.map_or("nothing", |(first, _)| first.type_name());
            Err(format!("expected a list made by `list`, got {found}"))
        }
    }
}

fn dict(on: Arguments<'_>) -> Result<Value, String> {
    if !on.0.len().is_multiple_of(2) {
        return Err("expected pairs of a key and a value".to_owned());
    }
    let mut map = BTreeMap::new();
    for index in (0..on.0.len()).step_by(2) {
        map.insert(on.text(index)?.to_owned(), on.get(index + 1).clone());
    }
    Ok(Value::Map(MapKind::Any, Arc::new(map)))
}

/// Each word's first letter large and the others small.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut is_inside, mut is_begun) = (false, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if is_begun {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        let joins = matches!(c, '\'' | '’' | '.' | ':' | '·') && is_inside;
        let goes_on = joins && chars.peek().is_some_and(|next| next.is_alphabetic());
        is_inside = goes_on || c.is_alphanumeric() || c == '_';
        is_begun = is_inside && (is_begun || c.is_alphabetic());
    }
    out
}

fn zone(name: &str) -> Result<chrono_tz::Tz, String> {
    let name = if name.is_empty() { "UTC" } else { name };
    name.parse().map_err(|_| format!("there is no time zone {}", shown(&Value::text(name))))
}

fn seconds(value: &Value) -> Result<f64, String> {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "a person reads four digits of it")]
        Value::Int(number) => Ok(*number as f64),
        Value::Float(number) => Ok(*number),
        #[expect(clippy::cast_precision_loss, reason = "a person reads four digits of it")]
        Value::Duration(nanos) => Ok(*nanos as f64 / 1e9),
        other => {
            let number = other.as_str().and_then(|text| text.parse().ok());
            number.ok_or_else(|| format!("{} is not a number of seconds", plain(other)))
        }
    }
}
