//! The one line that wakes somebody: `[FIRING:1] PAGE sales WH1: 41 orders posted late since 10:02 UTC`.

use plimsoll_model::Labels;

use super::purpose;
use super::words::{clean, duration, measured, moment, name};
use crate::notification::{Notification, NotifiedAlert};

/// What a mail's header line may have, and more than a phone shows.
const MAX_SUBJECT_CHARS: usize = 78;
/// Where in the business it is, from the widest to the narrowest.
const PLACES: [&str; 7] = ["service", "company", "warehouse", "channel", "carrier", "product", "user_group"];

pub(super) fn subject(notification: &Notification) -> String {
    let firing = notification.firing().count();
    let state = if firing > 0 { format!("[FIRING:{firing}]") } else { "[RESOLVED]".to_owned() };
    let state = format!("{}{state}", purpose::mark(&notification.purpose));
    let Some(lead) = notification.alerts.first() else {
        return cut(&format!("{state} {}", place(&notification.group_labels)));
    };
    let others = if firing > 0 { firing - 1 } else { notification.alerts.len() - 1 };
    let more = if others > 0 { format!(" (+{others})") } else { String::new() };
    let headline = Headline::of(lead);
    let forms = [
        headline.whole(),
        headline.without_risk(),
        headline.without_time(),
        headline.sentence(),
        headline.urgent(),
    ];
    let forms = forms.map(|form| format!("{state} {form}{more}"));
    let shortest = forms.last().cloned().unwrap_or_default();
    let fitting = forms.into_iter().find(|form| form.chars().count() <= MAX_SUBJECT_CHARS);
    fitting.unwrap_or_else(|| cut(&shortest))
}

/// At the end of a word, if one ends in the last third.
fn cut(text: &str) -> String {
    if text.chars().count() <= MAX_SUBJECT_CHARS {
        return text.to_owned();
    }
    let kept: String = text.chars().take(MAX_SUBJECT_CHARS - 1).collect();
    let words = kept.rsplit_once(' ').map(|(words, _)| words);
    let kept = words.filter(|words| words.chars().count() > MAX_SUBJECT_CHARS * 2 / 3).unwrap_or(&kept);
    format!("{kept}…")
}

/// One alert in one line: `PAGE sales WH1: 41 orders posted late since 10:02 UTC (12,400 EUR at risk)`.
pub(crate) fn headline(alert: &NotifiedAlert) -> String {
    Headline::of(alert).whole()
}

/// How urgent and where, without saying again what the sentence says: `PAGE sales WH1`.
pub(super) fn scope(alert: &NotifiedAlert) -> String {
    Headline::of(alert).scope
}

/// What and since when, or for how long.
pub(super) fn news(alert: &NotifiedAlert) -> String {
    let headline = Headline::of(alert);
    format!("{}{}{}", headline.what, headline.time, headline.risk)
}

struct Headline {
    urgency: String,
    scope: String,
    what: String,
    /// With a space before it.
    time: String,
    risk: String,
}

impl Headline {
    fn of(alert: &NotifiedAlert) -> Self {
        let what = what(alert);
        let urgency = name(alert.labels.get("severity")).to_uppercase();
        let place = place_unsaid(&alert.labels, &what);
        let scope: Vec<&str> =
            [urgency.as_str(), &place].into_iter().filter(|part| !part.is_empty()).collect();
        let risk = at_risk(alert).filter(|amount| !says(&what, amount) && alert.is_firing());
        let time = match alert.resolved_at {
            None if what.contains(" since ") => String::new(),
            None => format!(" since {}", moment(alert.starts_at, alert.starts_at)),
            Some(end) => format!(" is over after {}", duration(end.since(alert.starts_at))),
        };
        Self {
            scope: scope.join(" "),
            urgency: urgency.clone(),
            time,
            risk: risk.map(|amount| format!(" ({amount} at risk)")).unwrap_or_default(),
            what,
        }
    }

    fn scoped(&self, text: &str) -> String {
        if self.scope.is_empty() { text.to_owned() } else { format!("{}: {text}", self.scope) }
    }

    fn whole(&self) -> String {
        self.scoped(&format!("{}{}{}", self.what, self.time, self.risk))
    }

    fn without_time(&self) -> String {
        self.scoped(&format!("{}{}", self.what, self.risk))
    }

    fn without_risk(&self) -> String {
        self.scoped(&format!("{}{}", self.what, self.time))
    }

    /// The least: how urgent, and what.
    fn urgent(&self) -> String {
        let urgency = &self.urgency;
        if urgency.is_empty() { self.what.clone() } else { format!("{urgency}: {}", self.what) }
    }

    fn sentence(&self) -> String {
        self.scoped(&self.what)
    }
}

/// The rule's own sentence; a rule without one is known by its name.
pub(super) fn what(alert: &NotifiedAlert) -> String {
    let summary = alert.annotations.get("summary").map(|text| clean(text)).unwrap_or_default();
    let summary = summary.trim_end_matches('.');
    if !summary.is_empty() {
        return summary.to_owned();
    }
    let named = ["alertname", "slo"].map(|label| name(alert.labels.get(label)));
    named.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| "an alert without a name".to_owned())
}

pub(super) fn place(labels: &Labels) -> String {
    place_unsaid(labels, "")
}

fn place_unsaid(labels: &Labels, sentence: &str) -> String {
    let is_said = |value: &str| sentence.split([' ', ',', ':', ';', '(', ')']).any(|word| word == value);
    let places = PLACES.iter().map(|label| name(labels.get(label)));
    places.filter(|value| !value.is_empty() && !is_said(value)).collect::<Vec<_>>().join(" ")
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
    alert.annotations.get("impact_currency").map(|text| name(text)).filter(|text| !text.is_empty())
}
