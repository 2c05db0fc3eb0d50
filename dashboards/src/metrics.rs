//! `/metrics`: the numbers about ourselves in Prometheus' text format, version 0.0.4.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};

/// Counts kept by the rooms, read at the moment of the scrape.
pub trait MetricsSource: Debug + Send + Sync {
    /// In any order. Samples of one name share the help and the kind of the first.
    fn samples(&self) -> Vec<Sample>;
}

/// One number. `name` is `plimsoll_<crate>_<noun>_<unit>`, with `_total` at the end of a counter's.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub name: &'static str,
    pub help: &'static str,
    pub kind: MetricKind,
    pub labels: Vec<(&'static str, String)>,
    pub value: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    Counter,
    Gauge,
}

pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All samples of a name stand together under one HELP and one TYPE, as the format demands; names are sorted.
pub(crate) fn render(samples: &[Sample]) -> String {
    let mut families: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        families.entry(sample.name).or_default().push(sample);
    }
    let mut text = String::new();
    for (name, family) in families {
        write_family(&mut text, name, &family).expect("writing to a String cannot fail");
    }
    text
}

fn write_family(text: &mut String, name: &str, family: &[&Sample]) -> std::fmt::Result {
    let Some(first) = family.first() else { return Ok(()) };
    writeln!(text, "# HELP {name} {}", escape_help(first.help))?;
    writeln!(text, "# TYPE {name} {}", first.kind.as_str())?;
    for sample in family {
        text.push_str(name);
        write_labels(text, &sample.labels)?;
        writeln!(text, " {}", number(sample.value))?;
    }
    Ok(())
}

fn write_labels(text: &mut String, labels: &[(&str, String)]) -> std::fmt::Result {
    if labels.is_empty() {
        return Ok(());
    }
    let mut separator = '{';
    for (name, value) in labels {
        write!(text, "{separator}{name}=\"{}\"", escape_label(value))?;
        separator = ',';
    }
    text.write_char('}')
}

/// Rust writes `inf` and `-inf` where Prometheus reads `+Inf` and `-Inf`.
fn number(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    value.to_string()
}

fn escape_help(help: &str) -> String {
    help.replace('\\', r"\\").replace('\n', r"\n")
}

fn escape_label(value: &str) -> String {
    escape_help(value).replace('"', r#"\""#)
}

impl MetricKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(reason: &str, value: f64) -> Sample {
        Sample {
            name: "plimsoll_collector_refused_items_total",
            help: "Items refused, by reason.",
            kind: MetricKind::Counter,
            labels: vec![("reason", reason.to_owned())],
            value,
        }
    }

    fn buffered(value: f64) -> Sample {
        let (name, help) = ("plimsoll_lake_buffered_bytes", "Arrow memory\nnot yet in a file.");
        Sample { name, help, kind: MetricKind::Gauge, labels: Vec::new(), value }
    }

    #[test]
    fn a_name_has_one_help_and_one_type_however_its_samples_arrive() {
        let text = render(&[refused("size", 2.0), buffered(1.5), refused("depth", 0.0)]);
        assert_eq!(
            text,
            "# HELP plimsoll_collector_refused_items_total Items refused, by reason.\n\
             # TYPE plimsoll_collector_refused_items_total counter\n\
             plimsoll_collector_refused_items_total{reason=\"size\"} 2\n\
             plimsoll_collector_refused_items_total{reason=\"depth\"} 0\n\
             # HELP plimsoll_lake_buffered_bytes Arrow memory\\nnot yet in a file.\n\
             # TYPE plimsoll_lake_buffered_bytes gauge\n\
             plimsoll_lake_buffered_bytes 1.5\n"
        );
    }

    #[test]
    fn a_label_can_neither_end_its_quotes_nor_its_line() {
        let text = render(&[refused("a\"b\\c\nd", 1.0)]);
        assert!(text.ends_with("{reason=\"a\\\"b\\\\c\\nd\"} 1\n"), "{text}");
    }

    #[test]
    fn what_is_not_finite_is_written_as_prometheus_reads_it() {
        let values = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN].map(|value| render(&[buffered(value)]));
        for (text, expected) in values.iter().zip(["+Inf", "-Inf", "NaN"]) {
            assert!(text.ends_with(&format!(" {expected}\n")), "{text}");
        }
    }
}
