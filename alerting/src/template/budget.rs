//! What one rendering may cost: steps, bytes, regular expressions. A template that would take more is stopped, so that
//! none can hold up the page.

use std::collections::HashMap;

use regex::{Regex, RegexBuilder};

use super::value::Value;

/// The longest text that a template may make, or give to a function.
pub(super) const MAX_OUTPUT_BYTES: usize = 1 << 20;
/// Steps and bytes together.
const MAX_WORK: usize = 16 << 20;
/// What one step counts beside the bytes that it makes.
const STEP: usize = 32;
const MAX_REGEXES: usize = 64;
const MAX_PATTERN_BYTES: usize = 1 << 10;
const MAX_COMPILED_BYTES: usize = 1 << 20;

#[derive(Debug, Default)]
pub(super) struct Budget {
    spent: usize,
    regexes: HashMap<String, Regex>,
}

impl Budget {
    pub(super) fn step(&mut self) -> Result<(), String> {
        self.spend(STEP)
    }

    pub(super) fn spend(&mut self, work: usize) -> Result<(), String> {
        self.spent = self.spent.saturating_add(work);
        if self.spent > MAX_WORK {
            return Err("the template takes too many steps: let it range over less".to_owned());
        }
        Ok(())
    }

    pub(super) fn spend_value(&mut self, value: &Value) -> Result<(), String> {
        let bytes = match value {
            Value::List(_, values) => values.len() * STEP,
            Value::Map(_, values) => values.len() * STEP,
            other => other.as_str().map_or(0, str::len),
        };
        if bytes > MAX_OUTPUT_BYTES {
            return Err(format!("a value is larger than {MAX_OUTPUT_BYTES} bytes"));
        }
        self.spend(bytes)
    }

    pub(super) fn regex(&mut self, pattern: &str) -> Result<Regex, String> {
        if let Some(regex) = self.regexes.get(pattern) {
            return Ok(regex.clone());
        }
        if self.regexes.len() >= MAX_REGEXES {
            return Err(format!("more than {MAX_REGEXES} different regular expressions"));
        }
        let regex = regex(pattern)?;
        self.regexes.insert(pattern.to_owned(), regex.clone());
        Ok(regex)
    }
}

pub(super) fn regex(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(format!("a regular expression is longer than {MAX_PATTERN_BYTES} bytes"));
    }
    let built = RegexBuilder::new(pattern).size_limit(MAX_COMPILED_BYTES).build();
    built.map_err(|error| {
        let text = error.to_string();
        let why = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        format!("`{pattern}` is not a regular expression: {why}")
    })
}
