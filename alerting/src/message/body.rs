//! The body, section by section, in the order in which somebody who was just woken asks.

use plimsoll_model::Timestamp;

use super::subject::{currency, headline, what};
use super::words::{clean, duration, is_web_address, label, measured, moment};
use super::{Line, Section, incident_url};
use crate::notification::{Notification, NotifiedAlert};

/// Of the alerts beside the first, this many get their line.
const MAX_OTHERS: usize = 10;
/// Annotations that have a place of their own.
const PLACED: [&str; 6] = ["summary", "description", "cause", "action", "runbook_url", "impact_currency"];

pub(super) fn sections(notification: &Notification, public_url: &str) -> Vec<Section> {
    let mut sections = Vec::new();
    match notification.alerts.first() {
        Some(lead) => {
            sections.push(opening(lead, notification.decided_at));
            sections.push(impact(lead));
            if lead.is_firing() {
                sections.extend([cause(lead), example(lead, public_url), action(lead)]);
            }
            sections.push(details(lead));
            sections.push(others(notification, true));
            sections.push(others(notification, false));
        }
        None => sections.push(Section {
            title: "It is over".to_owned(),
            lines: vec![Line::Text("Nothing of this group fires any more.".to_owned())],
        }),
    }
    sections.push(links(notification, public_url));
    sections.push(labels(notification));
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
    let description = lead.annotations.get("description").map(|text| clean(text));
    lines.extend(description.filter(|text| !text.is_empty()).map(Line::Text));
    Section { title: what(lead), lines }
}

fn impact(lead: &NotifiedAlert) -> Section {
    let title = if lead.is_firing() { "At risk" } else { "Impact at the end" };
    Section { title: title.to_owned(), lines: measures(lead, "impact_") }
}

fn cause(lead: &NotifiedAlert) -> Section {
    let cause = lead.annotations.get("cause").map(|text| clean(text)).filter(|text| !text.is_empty());
    let title = if cause.is_some() { "Likeliest cause" } else { "Evidence" };
    let lines = cause.map(Line::Text).into_iter().chain(measures(lead, "evidence_")).collect();
    Section { title: title.to_owned(), lines }
}

/// Numbered annotations of one kind, readable; `impact_currency` is a unit, not a line.
fn measures(lead: &NotifiedAlert, prefix: &str) -> Vec<Line> {
    let currency = currency(lead);
    let of_kind = lead.annotations.iter().filter(|(name, _)| !PLACED.contains(&name.as_str()));
    of_kind
        .filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, value)))
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(name, value)| {
            let (label, value) = measured(name, value, currency.as_deref());
            Line::Item { label, value }
        })
        .collect()
}

/// A trace is a link; anything else that stands for the many is shown as it is.
fn example(lead: &NotifiedAlert, public_url: &str) -> Section {
    let examples =
        lead.annotations.iter().filter_map(|(name, value)| Some((name.strip_prefix("example_")?, value)));
    let lines = examples
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(name, value)| {
            let is_trace = name.contains("trace") && value.chars().all(|c| c.is_ascii_hexdigit());
            if is_trace {
                return Line::Link { label: "Trace".to_owned(), url: format!("{public_url}/traces/{value}") };
            }
            Line::Item { label: label(name), value: clean(value) }
        })
        .collect();
    Section { title: "Example".to_owned(), lines }
}

fn action(lead: &NotifiedAlert) -> Section {
    let action = lead.annotations.get("action").map(|text| clean(text)).filter(|text| !text.is_empty());
    let runbook = lead.annotations.get("runbook_url").map(|url| link("Runbook", url));
    Section {
        title: "What to do".to_owned(),
        lines: action.map(Line::Text).into_iter().chain(runbook).collect(),
    }
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
        .map(|(name, value)| link(&label(name), value))
        .collect();
    Section { title: "Details".to_owned(), lines }
}

fn others(notification: &Notification, firing: bool) -> Section {
    let others: Vec<_> =
        notification.alerts.iter().skip(1).filter(|alert| alert.is_firing() == firing).collect();
    let word = if firing { "Also firing" } else { "Resolved" };
    let mut lines: Vec<_> = others.iter().take(MAX_OTHERS).map(|alert| Line::Text(headline(alert))).collect();
    if others.len() > MAX_OTHERS {
        lines.push(Line::Text(format!("... and {} more", others.len() - MAX_OTHERS)));
    }
    Section { title: format!("{word} ({})", others.len()), lines }
}

fn links(notification: &Notification, public_url: &str) -> Section {
    let mut lines = Vec::new();
    if !notification.incident_id.is_empty() {
        let url = incident_url(public_url, &notification.incident_id);
        lines.push(Line::Link { label: format!("Incident {}", notification.incident_id), url });
    }
    let rule = notification.alerts.first().map(|lead| lead.generator_url.as_str());
    lines.extend(rule.filter(|url| !url.is_empty()).map(|url| link("Alert", url)));
    Section { title: "Links".to_owned(), lines }
}

fn labels(notification: &Notification) -> Section {
    let labels = notification.alerts.first().map_or(&notification.group_labels, |lead| &lead.labels);
    let item = |(name, value)| Line::Item { label: clean(name), value: clean(value) };
    Section { title: "Labels".to_owned(), lines: labels.iter().map(item).collect() }
}

fn link(label: &str, text: &str) -> Line {
    if is_web_address(text) {
        return Line::Link { label: label.to_owned(), url: text.to_owned() };
    }
    Line::Item { label: label.to_owned(), value: clean(text) }
}
