//! The message: what a person reads at night on a phone. What broke for the business, since when, how much is at risk,
//! the likeliest cause and its evidence, what to do; then links and labels for whoever digs.
//!
//! A message is built once as sections and written twice, as plain text and as HTML. Values come from telemetry, so
//! they may say anything: control characters are dropped, lengths cut, HTML escaped, and nothing is a template.

mod body;
mod layout;
mod subject;
mod words;

use crate::notification::Notification;

pub(crate) use subject::headline;
pub(crate) use words::is_web_address;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

pub(crate) fn render(notification: &Notification, public_url: &str) -> Message {
    let sections = body::sections(notification, public_url);
    Message {
        subject: subject::subject(notification),
        text: layout::text(&sections),
        html: layout::html(&sections),
    }
}

pub(crate) fn incident_url(public_url: &str, incident_id: &str) -> String {
    format!("{public_url}/incidents/{incident_id}")
}

/// For receivers with a layout of their own.
pub(crate) fn sections(notification: &Notification, public_url: &str) -> Vec<Section> {
    body::sections(notification, public_url)
}

/// A titled part of a message.
#[derive(Debug, Default)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) lines: Vec<Line>,
}

#[derive(Debug)]
pub(crate) enum Line {
    Text(String),
    Item { label: String, value: String },
    Link { label: String, url: String },
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
