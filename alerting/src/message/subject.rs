//! The one line that wakes somebody: `PAGE sales WH1: 41 orders posted late since 10:02 UTC (12,400 EUR at risk)`.

use plimsoll_model::Labels;

use super::words::{clean, duration, measured, moment};
use crate::notification::{Notification, NotifiedAlert};

const MAX_SUBJECT_CHARS: usize = 220;
/// Where in the business it is, from the widest to the narrowest.
const PLACES: [&str; 7] = ["service", "company", "warehouse", "channel", "carrier", "product", "user_group"];

pub(super) fn subject(notification: &Notification) -> String {
    let firing = notification.firing().count();
    let state = if firing > 0 { format!("[FIRING:{firing}]") } else { "[RESOLVED]".to_owned() };
    let Some(lead) = notification.alerts.first() else {
        return cut(format!("{state} {}", place(&notification.group_labels)));
    };
    let others = if firing > 0 { firing - 1 } else { notification.alerts.len() - 1 };
    let more = if others > 0 { format!(" (+{others} more)") } else { String::new() };
    cut(format!("{state} {}{more}", headline(lead)))
}

fn cut(text: String) -> String {
    if text.chars().count() <= MAX_SUBJECT_CHARS {
        return text;
    }
    text.chars().take(MAX_SUBJECT_CHARS).collect::<String>() + "..."
}

/// One alert in one line.
pub(crate) fn headline(alert: &NotifiedAlert) -> String {
    let what = what(alert);
    let urgency = clean(alert.labels.get("severity")).to_uppercase();
    let place = place(&alert.labels);
    let scope: Vec<&str> = [urgency.as_str(), &place].into_iter().filter(|part| !part.is_empty()).collect();
    let scope = if scope.is_empty() { String::new() } else { format!("{}: ", scope.join(" ")) };
    let risk = at_risk(alert).filter(|amount| !says(&what, amount));
    let risk = risk.map(|amount| format!(" ({amount} at risk)")).unwrap_or_default();
    match alert.resolved_at {
        None if what.contains(" since ") => format!("{scope}{what}{risk}"),
        None => format!("{scope}{what} since {}{risk}", moment(alert.starts_at, alert.starts_at)),
        Some(end) => {
            let lasted = duration(end.since(alert.starts_at));
            format!("{scope}{what} is over after {lasted}")
        }
    }
}

/// The rule's own sentence; a rule without one is known by its name.
pub(super) fn what(alert: &NotifiedAlert) -> String {
    let summary = alert.annotations.get("summary").map(|text| clean(text)).unwrap_or_default();
    let summary = summary.trim_end_matches('.');
    if !summary.is_empty() {
        return summary.to_owned();
    }
    let named = ["alertname", "slo"].map(|name| clean(alert.labels.get(name)));
    named.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| "an alert without a name".to_owned())
}

fn place(labels: &Labels) -> String {
    let places: Vec<String> =
        PLACES.iter().map(|name| clean(labels.get(name))).filter(|value| !value.is_empty()).collect();
    places.join(" ")
}

/// What the rule calls at risk or, failing that, the amount it names.
fn at_risk(alert: &NotifiedAlert) -> Option<String> {
    let currency = currency(alert);
    let named = |word: &str| {
        let mut impact = alert.annotations.iter();
        impact.find(|(name, _)| name.starts_with("impact_") && name.contains(word))
    };
    let (name, value) = named("at_risk").or_else(|| named("amount"))?;
    let (_, amount) = measured(name.trim_start_matches("impact_"), value, currency.as_deref());
    Some(amount).filter(|amount| !amount.is_empty())
}

/// Whether the sentence has the amount already, with or without its commas.
fn says(what: &str, amount: &str) -> bool {
    let number = amount.split(' ').next().unwrap_or_default().replace(',', "");
    what.replace(',', "").split(' ').any(|word| word == number)
}

/// `impact_currency` is the unit of the amounts beside it.
pub(super) fn currency(alert: &NotifiedAlert) -> Option<String> {
    alert.annotations.get("impact_currency").map(|text| clean(text)).filter(|text| !text.is_empty())
}
