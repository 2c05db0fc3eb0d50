//! The Go-template subset that annotations and labels of rules may use, parsed at load so that a page never fails on
//! its words: `{{ $labels.x }}`, `{{ .Labels.x }}`, `{{ $value }}`, `{{ .Value }}`, and `{{ $row.impact_x }}` for the
//! columns that are not labels; each with an optional `| humanize`, `| humanizeDuration` (of seconds) or
//! `| humanizePercentage` (of a ratio). Everything else is refused.

use std::collections::BTreeMap;

use plimsoll_model::Labels;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Field(Field, Option<Filter>),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    Label(String),
    Row(String),
    Value,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Filter {
    Humanize,
    HumanizeDuration,
    HumanizePercentage,
}

/// What a template may speak of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) labels: &'a Labels,
    pub(crate) row: &'a BTreeMap<String, String>,
    pub(crate) value: Option<f64>,
}

const KNOWN: &str = "known are {{ $labels.NAME }}, {{ $value }} and {{ $row.COLUMN }}, each with an optional \
                     | humanize, | humanizeDuration or | humanizePercentage";

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (action, after) = after
                .split_once("}}")
                .ok_or_else(|| format!("`{{{{` is never closed: add `}}}}`; {KNOWN}"))?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(action_of(action)?);
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Ok(Self { source: text.to_owned(), parts })
    }

    /// As it stands in the file.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.parts.iter().filter_map(|part| match part {
            Part::Field(field, _) => Some(field),
            Part::Text(_) => None,
        })
    }

    /// What a row does not have is said as nothing.
    pub(crate) fn render(&self, scope: Scope<'_>) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Field(field, filter) => render_field(field, *filter, scope),
            })
            .collect()
    }
}

fn action_of(action: &str) -> Result<Part, String> {
    let refuse = || format!("`{{{{{action}}}}}` is beyond what templates here can do: {KNOWN}");
    let mut pieces = action.trim_matches('-').split('|').map(str::trim);
    let subject = pieces.next().unwrap_or_default();
    let field = field_of(subject).ok_or_else(refuse)?;
    let filter = match (pieces.next(), pieces.next()) {
        (None, _) => None,
        (Some("humanize"), None) => Some(Filter::Humanize),
        (Some("humanizeDuration"), None) => Some(Filter::HumanizeDuration),
        (Some("humanizePercentage"), None) => Some(Filter::HumanizePercentage),
        _ => return Err(refuse()),
    };
    Ok(Part::Field(field, filter))
}

fn field_of(subject: &str) -> Option<Field> {
    if matches!(subject, "$value" | ".Value") {
        return Some(Field::Value);
    }
    let label = subject.strip_prefix("$labels.").or_else(|| subject.strip_prefix(".Labels."));
    let name = label.or_else(|| subject.strip_prefix("$row."))?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let make = if label.is_some() { Field::Label } else { Field::Row };
    is_name.then(|| make(name.to_owned()))
}

fn render_field(field: &Field, filter: Option<Filter>, scope: Scope<'_>) -> String {
    let text = match field {
        Field::Label(name) => scope.labels.get(name).to_owned(),
        Field::Row(name) => scope.row.get(name).cloned().unwrap_or_default(),
        Field::Value => scope.value.map(|value| value.to_string()).unwrap_or_default(),
    };
    match (filter, text.parse::<f64>()) {
        (Some(Filter::Humanize), Ok(number)) => humanize(number),
        (Some(Filter::HumanizeDuration), Ok(seconds)) => humanize_duration(seconds),
        (Some(Filter::HumanizePercentage), Ok(ratio)) => format!("{}%", significant(ratio * 100.0)),
        _ => text,
    }
}

/// `1234567` is `1.235M`, `0.0012` is `1.2m`, as in Prometheus.
fn humanize(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return significant(number);
    }
    let (mut scaled, mut prefix) = (number, "");
    if number.abs() >= 1.0 {
        for larger in ["k", "M", "G", "T", "P", "E", "Z", "Y"] {
            if scaled.abs() < 1_000.0 {
                break;
            }
            (scaled, prefix) = (scaled / 1_000.0, larger);
        }
    } else {
        for smaller in ["m", "u", "n", "p", "f", "a", "z", "y"] {
            if scaled.abs() >= 1.0 {
                break;
            }
            (scaled, prefix) = (scaled * 1_000.0, smaller);
        }
    }
    format!("{}{prefix}", significant(scaled))
}

/// `1d 2h 3m 4s` from a minute on, `12.5s` and `350ms` below.
fn humanize_duration(seconds: f64) -> String {
    let magnitude = seconds.abs();
    if magnitude < 1.0 {
        return format!("{}s", humanize(seconds));
    }
    if magnitude < 60.0 || !magnitude.is_finite() {
        return format!("{}s", significant(seconds));
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let whole =
        std::time::Duration::try_from_secs_f64(magnitude).map_or(u64::MAX, |duration| duration.as_secs());
    let (days, hours, minutes) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60);
    let parts = [(days, "d"), (hours, "h"), (minutes, "m"), (whole % 60, "s")];
    let said =
        parts.iter().skip_while(|(count, _)| *count == 0).map(|(count, unit)| format!("{count}{unit}"));
    format!("{sign}{}", said.collect::<Vec<_>>().join(" "))
}

/// Four significant digits without trailing zeros.
pub(crate) fn significant(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return number.to_string();
    }
    let decimals = (0..=12).find(|decimals| number.abs() * 10_f64.powi(*decimals) >= 1_000.0).unwrap_or(12);
    let text = format!("{number:.*}", usize::try_from(decimals).unwrap_or_default());
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let labels: Labels = [("warehouse", "WH1")].into_iter().collect();
        let row = BTreeMap::from([("impact_orders".to_owned(), "1234567".to_owned())]);
        let template = Template::parse(text).expect("parses");
        assert_eq!(
            template.render(Scope { labels: &labels, row: &row, value: Some(0.256) }),
            expected,
            "{text}"
        );
    }

    #[test]
    fn fields_are_filled_in() {
        check("{{ $labels.warehouse }}: {{$value}}", "WH1: 0.256");
        check("{{ .Labels.warehouse }} {{ .Value | humanizePercentage }}", "WH1 25.6%");
        check("{{- $row.impact_orders | humanize -}} orders", "1.235M orders");
        check("no braces, {one} brace", "no braces, {one} brace");
        check("[{{ $labels.nowhere }}]", "[]");
    }

    #[test]
    fn numbers_are_humanized_as_prometheus_does() {
        for (number, expected) in
            [(0.0, "0"), (1.0, "1"), (1_234.0, "1.234k"), (0.0125, "12.5m"), (-5_000.0, "-5k")]
        {
            assert_eq!(humanize(number), expected);
        }
        for (seconds, expected) in
            [(0.35, "350ms"), (12.5, "12.5s"), (3_723.0, "1h 2m 3s"), (-90.0, "-1m 30s")]
        {
            assert_eq!(humanize_duration(seconds), expected);
        }
        assert_eq!(humanize_duration(90_061.0), "1d 1h 1m 1s");
    }

    #[test]
    fn what_is_beyond_the_subset_is_refused_by_name() {
        for text in [
            "{{ range . }}",
            "{{ if $value }}x{{ end }}",
            "{{ $labels }}",
            "{{ $labels.a.b }}",
            "{{ $value | printf \"%.2f\" }}",
            "{{ $value | humanize | humanize }}",
            "{{ query \"up\" }}",
            "{{ $value",
        ] {
            assert!(Template::parse(text).expect_err(text).contains("$labels.NAME"), "{text}");
        }
    }
}
