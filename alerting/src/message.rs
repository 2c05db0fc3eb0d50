//! The message: what a person reads at night on a phone. What broke for the business, since when, how much is at risk,
//! the likeliest cause and its evidence, what changed, what to do; then links and labels for whoever digs.
//!
//! A message is built once as sections and written twice, as plain text and as a page. Values come from telemetry, so
//! they may say anything: control characters are dropped, lengths cut, HTML escaped, and nothing is a template.

mod body;
mod handling;
mod html;
mod impact;
mod plain;
mod purpose;
mod silence_link;
mod subject;
mod tone;
mod words;

use crate::notification::Notification;

pub(crate) use subject::headline;
pub(crate) use words::is_web_address;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// 78 characters at most.
    pub(crate) subject: String,
    pub(crate) text: String,
    /// A page that loads nothing.
    pub(crate) html: String,
}

pub(crate) fn render(notification: &Notification, public_url: &str) -> Message {
    let sections = sections(notification, public_url);
    let subject = subject::subject(notification);
    Message { text: plain::text(&sections), html: html::page(notification, &subject, &sections), subject }
}

pub(crate) fn incident_url(public_url: &str, incident_id: &str) -> String {
    format!("{public_url}/incidents/{incident_id}")
}

/// What the message says, for receivers with a layout of their own. The first is the sentence itself.
pub(crate) fn sections(notification: &Notification, public_url: &str) -> Vec<Section> {
    body::sections(notification, public_url)
}

/// A titled part of a message.
#[derive(Debug, Default)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) lines: Vec<Line>,
    pub(crate) kind: Kind,
}

/// What a section is to its reader, for layouts that show one differently from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What happened, and since when.
    Opening,
    /// What the reader is asked to answer.
    Answer,
    /// Numbers to be seen at once.
    Figures,
    #[default]
    Text,
    /// One line for each of many.
    Table,
    Links,
    /// For whoever digs.
    Small,
}

#[derive(Debug)]
pub(crate) enum Line {
    Text(String),
    Item { label: String, value: String },
    Link { label: String, url: String },
}

impl Section {
    pub(crate) fn new(kind: Kind, title: impl Into<String>, lines: Vec<Line>) -> Self {
        Self { title: title.into(), lines, kind }
    }
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
