//! How much is at risk: of one alert, or of all places where the same rule fires, in all and place by place. Numbers of
//! different rules are never added: they may count the same orders.

use std::collections::BTreeMap;

use super::subject::{currency, place};
use super::words::{measured, name};
use super::{Kind, Line, Section};
use crate::notification::{Notification, NotifiedAlert};

/// Of the places, this many get their line.
const MAX_PLACES: usize = 10;
/// Words in the names of what can't be added up.
const NOT_SUMS: [&str; 14] = [
    "oldest", "longest", "max", "min", "avg", "mean", "p50", "p95", "p99", "share", "ratio", "percent",
    "rate", "age",
];

pub(super) fn section(notification: &Notification, lead: &NotifiedAlert) -> Section {
    let title = if lead.is_firing() { "At risk" } else { "What it cost" };
    let alike = alike(notification, lead);
    if alike.len() < 2 {
        return Section::new(Kind::Figures, title, measures(lead, "impact_"));
    }
    Section::new(Kind::Figures, format!("{title}, in {} places", alike.len()), totals(&alike))
}

/// One line for each place, when there are several.
pub(super) fn by_place(notification: &Notification, lead: &NotifiedAlert) -> Section {
    let alike = alike(notification, lead);
    if alike.len() < 2 {
        return Section::default();
    }
    let shown = alike.iter().take(MAX_PLACES);
    let mut lines: Vec<Line> = shown
        .map(|alert| {
            let said: Vec<String> =
                items(alert, "impact_").map(|(label, value)| phrase(&label, &value)).collect();
            Line::Item { label: name_of(alert, &alike), value: said.join(", ") }
        })
        .collect();
    if alike.len() > MAX_PLACES {
        lines.push(Line::Text(format!("and {} more places", alike.len() - MAX_PLACES)));
    }
    Section::new(Kind::Table, "Where", lines)
}

/// The firing alerts of the lead's rule that say what they cost, the lead among them; of a resolve, all of them.
pub(super) fn alike<'a>(notification: &'a Notification, lead: &'a NotifiedAlert) -> Vec<&'a NotifiedAlert> {
    let name = lead.labels.get("alertname");
    let is_alike = |alert: &&NotifiedAlert| {
        alert.labels.get("alertname") == name
            && alert.is_firing() == lead.is_firing()
            && items(alert, "impact_").next().is_some()
    };
    let alike: Vec<&NotifiedAlert> = notification.alerts.iter().filter(is_alike).collect();
    if name.is_empty() || !alike.iter().any(|alert| alert.fingerprint == lead.fingerprint) {
        return Vec::new();
    }
    alike
}

/// Where it is, by what tells it apart from the others.
fn name_of(alert: &NotifiedAlert, alike: &[&NotifiedAlert]) -> String {
    let is_common =
        |label: &str| alike.iter().all(|other| other.labels.get(label) == alert.labels.get(label));
    let own = alert.labels.iter().filter(|(label, _)| !is_common(label)).collect();
    let place_of_own = place(&own);
    if !place_of_own.is_empty() {
        return place_of_own;
    }
    let others: Vec<String> =
        own.iter().filter(|(label, _)| *label != "severity").map(|(_, value)| name(value)).collect();
    if others.is_empty() { place(&alert.labels) } else { others.join(" ") }
}

/// `41 orders late`, `12,400 EUR value at risk`.
fn phrase(label: &str, value: &str) -> String {
    let mut chars = label.chars();
    let label: String = chars.next().map(char::to_lowercase).into_iter().flatten().chain(chars).collect();
    format!("{value} {label}")
}

/// What can be added up, by measure and currency.
fn totals(alerts: &[&NotifiedAlert]) -> Vec<Line> {
    let mut sums: BTreeMap<(String, String), f64> = BTreeMap::new();
    for alert in alerts {
        let currency = currency(alert).unwrap_or_default();
        for (name, value) in of_kind(alert, "impact_") {
            let has_unit = measured(name, "1", Some("unit")) != measured(name, "1", None);
            let currency = if has_unit { currency.clone() } else { String::new() };
            let is_sum = !name.split('_').any(|word| NOT_SUMS.contains(&word) || matches!(word, "s" | "ms"));
            if let Some(number) =
                value.trim().parse::<f64>().ok().filter(|number| is_sum && number.is_finite())
            {
                *sums.entry((name.to_owned(), currency)).or_default() += number;
            }
        }
    }
    sums.into_iter()
        .map(|((name, currency), sum)| {
            let currency = Some(currency).filter(|text| !text.is_empty());
            let (label, value) = measured(&name, &format!("{sum:.2}"), currency.as_deref());
            Line::Item { label, value }
        })
        .collect()
}

/// Numbered annotations of one kind, readable.
pub(super) fn measures(alert: &NotifiedAlert, prefix: &str) -> Vec<Line> {
    items(alert, prefix).map(|(label, value)| Line::Item { label, value }).collect()
}

fn items<'a>(alert: &'a NotifiedAlert, prefix: &'a str) -> impl Iterator<Item = (String, String)> + 'a {
    let currency = currency(alert);
    of_kind(alert, prefix).map(move |(name, value)| measured(name, value, currency.as_deref()))
}

/// `impact_currency` is a unit, not a number.
fn of_kind<'a>(alert: &'a NotifiedAlert, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let of_kind = alert.annotations.iter().filter(|(name, _)| name.as_str() != "impact_currency");
    of_kind
        .filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
        .filter(|(_, value)| !value.trim().is_empty())
}
