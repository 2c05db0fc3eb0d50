//! The body, section by section, in the order in which somebody who was just woken asks.

use plimsoll_model::Timestamp;

use super::impact::{self, measures};
use super::purpose;
use super::silence_link::silence_url;
use super::subject::{news, scope, what};
use super::words::{clean, duration, is_web_address, label, moment, name};
use super::{Kind, Line, Section, handling, incident_url};
use crate::notification::{Notification, NotifiedAlert};

/// Of the alerts beside the first, this many get their line.
const MAX_OTHERS: usize = 10;
/// Of a rule's own annotations, this many are shown.
const MAX_DETAILS: usize = 30;
const MAX_LABELS: usize = 40;
/// Annotations that have a place of their own.
const PLACED: [&str; 9] = [
    "summary",
    "description",
    "cause",
    "changed",
    "change_url",
    "action",
    "runbook_url",
    "impact_currency",
    "sql",
];

pub(super) fn sections(notification: &Notification, public_url: &str) -> Vec<Section> {
    let mut sections = Vec::new();
    match notification.alerts.first() {
        Some(lead) => {
            sections.push(opening(lead, notification.decided_at));
            sections.push(purpose::section(notification));
            sections.push(handling::section(notification));
            sections.push(impact::section(notification, lead));
            sections.extend([cause(lead), changed(lead)]);
            if lead.is_firing() {
                sections.extend([action(lead), example(lead, public_url)]);
            }
            sections.push(impact::by_place(notification, lead));
            sections.push(others(notification, public_url, true));
            sections.push(others(notification, public_url, false));
            sections.push(details(lead));
        }
        None => {
            let over = Line::Text("Nothing of this group fires any more.".to_owned());
            sections.push(Section::new(Kind::Opening, "It is over", vec![over]));
        }
    }
    sections.push(links(notification, public_url));
    sections.push(labels(notification));
    sections.push(reproduction(notification));
    sections.retain(|section| !section.lines.is_empty());
    sections
}

fn opening(lead: &NotifiedAlert, now: Timestamp) -> Section {
    let since = moment(lead.starts_at, now);
    let when = match lead.resolved_at {
        None => format!("Since {since}, for {} now.", duration(now.since(lead.starts_at))),
        Some(end) => {
            let lasted = duration(end.since(lead.starts_at));
            format!("It lasted {lasted}: from {since} to {}.", moment(end, now))
        }
    };
    let mut lines = vec![Line::Text(when)];
    lines.extend(annotation(lead, "description").map(Line::Text));
    Section::new(Kind::Opening, what(lead), lines)
}

fn annotation(lead: &NotifiedAlert, name: &str) -> Option<String> {
    lead.annotations.get(name).map(|text| clean(text)).filter(|text| !text.is_empty())
}

/// The sentence, if somebody found one, and the evidence for it. What is over has it as it was known last.
fn cause(lead: &NotifiedAlert) -> Section {
    let cause = annotation(lead, "cause");
    let title = match (&cause, lead.is_firing()) {
        (Some(_), true) => "Likeliest cause",
        (Some(_), false) => "Likeliest cause, as last known",
        (None, true) => "Evidence",
        (None, false) => "Evidence, as last known",
    };
    let lines = cause.map(Line::Text).into_iter().chain(measures(lead, "evidence_")).collect();
    Section::new(Kind::Text, title, lines)
}

fn changed(lead: &NotifiedAlert) -> Section {
    let sentence = annotation(lead, "changed").map(Line::Text);
    let url = lead.annotations.get("change_url").map(|url| link("Change", url));
    Section::new(Kind::Text, "What changed", sentence.into_iter().chain(url).collect())
}

/// A trace is a link; anything else that stands for the many is shown as it is.
fn example(lead: &NotifiedAlert, public_url: &str) -> Section {
    let examples =
        lead.annotations.iter().filter_map(|(name, value)| Some((name.strip_prefix("example_")?, value)));
    let lines = examples
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(name, value)| {
            let is_trace = name.contains("trace") && value.len() == 32 && is_hexadecimal(value);
            if is_trace {
                return Line::Link { label: "Trace".to_owned(), url: format!("{public_url}/traces/{value}") };
            }
            Line::Item { label: label(name), value: clean(value) }
        })
        .collect();
    Section::new(Kind::Text, "Example", lines)
}

fn is_hexadecimal(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_hexdigit())
}

fn action(lead: &NotifiedAlert) -> Section {
    let runbook = lead.annotations.get("runbook_url").map(|url| link("Runbook", url));
    let lines = annotation(lead, "action").map(Line::Text).into_iter().chain(runbook).collect();
    Section::new(Kind::Text, "What to do", lines)
}

/// Whatever else the rule's author wanted to be read.
fn details(lead: &NotifiedAlert) -> Section {
    let is_other = |name: &str| {
        !PLACED.contains(&name)
            && !["impact_", "evidence_", "example_"].iter().any(|kind| name.starts_with(kind))
    };
    let lines = lead
        .annotations
        .iter()
        .filter(|(name, value)| is_other(name) && !value.trim().is_empty())
        .take(MAX_DETAILS)
        .map(|(name, value)| link(&label(name), value))
        .collect();
    Section::new(Kind::Small, "Details", lines)
}

/// Without the lead, and without those that the places before it have shown.
fn others(notification: &Notification, public_url: &str, firing: bool) -> Section {
    let Some(lead) = notification.alerts.first() else { return Section::default() };
    let shown = impact::alike(notification, lead);
    let is_shown = |alert: &NotifiedAlert| {
        alert.fingerprint == lead.fingerprint
            || shown.iter().any(|other| other.fingerprint == alert.fingerprint)
    };
    let others: Vec<_> =
        notification.alerts.iter().filter(|alert| alert.is_firing() == firing && !is_shown(alert)).collect();
    let word = if firing { "Also firing" } else { "Resolved" };
    let mut lines: Vec<_> = others.iter().take(MAX_OTHERS).map(|alert| in_one_line(alert)).collect();
    if others.len() > MAX_OTHERS {
        let label = format!("and {} more", others.len() - MAX_OTHERS);
        lines.push(match notification.incident_id.as_str() {
            "" => Line::Text(label),
            id => Line::Link { label, url: incident_url(public_url, id) },
        });
    }
    Section::new(Kind::Table, format!("{word} ({})", others.len()), lines)
}

fn in_one_line(alert: &NotifiedAlert) -> Line {
    match scope(alert) {
        scope if scope.is_empty() => Line::Text(news(alert)),
        scope => Line::Item { label: scope, value: news(alert) },
    }
}

fn links(notification: &Notification, public_url: &str) -> Section {
    let mut lines = Vec::new();
    if !notification.incident_id.is_empty() {
        let url = incident_url(public_url, &notification.incident_id);
        lines.push(Line::Link { label: format!("Incident {}", notification.incident_id), url });
    }
    let silence = silence_url(notification, public_url);
    lines.extend(silence.map(|url| Line::Link { label: "Silence".to_owned(), url }));
    let rule = notification.alerts.first().map(|lead| lead.generator_url.as_str());
    lines.extend(rule.filter(|url| !url.is_empty()).map(|url| link("Alert", url)));
    Section::new(Kind::Links, "Links", lines)
}

fn labels(notification: &Notification) -> Section {
    let labels = notification.alerts.first().map_or(&notification.group_labels, |lead| &lead.labels);
    let item = |(label, value)| Line::Item { label: name(label), value: clean(value) };
    Section::new(Kind::Small, "Labels", labels.iter().take(MAX_LABELS).map(item).collect())
}

/// The query that shows it again, for whoever has a console open.
fn reproduction(notification: &Notification) -> Section {
    let sql = notification.alerts.first().and_then(|lead| annotation(lead, "sql"));
    Section::new(Kind::Small, "SQL", sql.map(Line::Text).into_iter().collect())
}

fn link(label: &str, text: &str) -> Line {
    if is_web_address(text) {
        return Line::Link { label: label.to_owned(), url: text.to_owned() };
    }
    Line::Item { label: label.to_owned(), value: clean(text) }
}
