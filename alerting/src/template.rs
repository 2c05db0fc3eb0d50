//! Templates of alertmanager.yml: Go's text/template and html/template, as far as Alertmanager's files use them.
//!
//! We wrote our own because the port that exists (gtmpl) has no assignment, no limits and no escaping for HTML, panics
//! in places, and is kept passively. What a template says that we can't do is refused when it is loaded, with its line. One
//! that is loaded costs a bounded number of steps and bytes, whatever the alerts say, and what they say is a value: it
//! is never read as a template, and in HTML it is text.

mod budget;
mod check;
mod compare;
mod data;
mod definitions;
mod encode;
mod functions;
mod html;
mod kind;
mod literal;
mod methods;
mod moment;
mod parse;
mod pipeline;
mod print;
mod printf;
mod render;
mod syntax;
mod token;
mod value;

use std::sync::Arc;

pub(crate) use data::Data;
pub(crate) use definitions::Definitions;

use syntax::{Bodies, Body};

/// What the text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Text,
    /// Values are escaped for where in the page they stand.
    Html,
    /// Values can begin none of Slack's links, mentions and calls.
    Slack,
    /// Values can be no link of a Teams card.
    Markdown,
}

/// Why a template is refused, or what stopped it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{origin}:{line}: {message}")]
pub(crate) struct TemplateError {
    /// A file, or the key that holds the template.
    pub(crate) origin: String,
    /// Counted from 1, within the file or the key's text.
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// A text with actions, checked.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    mode: Mode,
    body: Arc<Body>,
    bodies: Arc<Bodies>,
}

impl Template {
    /// `origin` is what a fault is told by; `definitions` is what the text may call beside what it defines itself.
    pub(crate) fn parse(
        origin: &str,
        text: &str,
        mode: Mode,
        definitions: &Definitions,
    ) -> Result<Self, TemplateError> {
        let parsed = parse::parse(origin, text);
        let (body, own) = parsed.map_err(|fault| TemplateError::new(origin, fault.line, fault.message))?;
        let bodies = definitions.with(own);
        check::check(&body, &bodies, mode)?;
        Ok(Self { mode, body: Arc::new(body), bodies })
    }

    /// The text for these alerts. `Err` when the alerts lead it to something that only they could show, such as the
    /// second of a list that has one; whoever sends then has words of their own.
    pub(crate) fn render(&self, data: &Data) -> Result<String, TemplateError> {
        render::render(&self.body, &self.bodies, self.mode, data)
    }
}

impl TemplateError {
    fn new(origin: &str, line: usize, message: impl Into<String>) -> Self {
        Self { origin: origin.to_owned(), line, message: message.into() }
    }
}

#[cfg(test)]
mod tests;
