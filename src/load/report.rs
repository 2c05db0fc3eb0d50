//! What a run tells: numbers for programs, lines for people.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::tally::{Items, Tally};
use super::verify::Found;

/// Latencies are milliseconds; bytes are before compression, and as sent. `signals` and `total` count items.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub run: String,
    /// How it was sent, in words.
    pub how: String,
    pub open_loop: bool,
    pub seconds: f64,
    pub signals: BTreeMap<&'static str, Counts>,
    pub total: Counts,
    pub items_per_second: f64,
    pub body_megabytes_per_second: f64,
    pub body_bytes: u64,
    pub wire_bytes: u64,
    pub ack_latency_ms: Option<Quantiles>,
    pub retries: BTreeMap<String, u64>,
    pub refusals: BTreeMap<String, u64>,
    pub first_refusal: Option<String>,
    pub verified: Option<Verified>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Counts {
    pub requests: u64,
    pub sent: u64,
    pub acknowledged: u64,
    pub rejected: u64,
    pub refused: u64,
    pub unknown: u64,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Quantiles {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub max: f64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// Every acknowledged item is stored, once, and nothing else.
    pub right: bool,
    #[serde(flatten)]
    pub found: Found,
}

impl Report {
    pub(super) fn of(run: String, how: String, open_loop: bool, started: Instant, tally: &Tally) -> Self {
        let spent = tally.last_answer.map_or(Duration::ZERO, |last| last.duration_since(started));
        let seconds = spent.as_secs_f64();
        let total = tally.total();
        let per_second = |amount: u64| if seconds > 0.0 { amount as f64 / seconds } else { 0.0 };
        Self {
            run,
            how,
            open_loop,
            seconds,
            signals: tally.signals.iter().map(|(signal, items)| (signal.name(), items.into())).collect(),
            total: (&total).into(),
            items_per_second: per_second(total.acknowledged),
            body_megabytes_per_second: per_second(tally.body_bytes) / 1e6,
            body_bytes: tally.body_bytes,
            wire_bytes: tally.wire_bytes,
            ack_latency_ms: quantiles(tally),
            retries: tally.retries.clone(),
            refusals: tally.refusals.clone(),
            first_refusal: tally.first_refusal.clone(),
            verified: None,
        }
    }

    #[must_use]
    pub fn with(mut self, found: Found) -> Self {
        self.verified = Some(Verified { right: found.is_right(), found });
        self
    }

    /// Something was acknowledged, and if it was looked for, it was found.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.total.acknowledged > 0 && self.verified.as_ref().is_none_or(|verified| verified.right)
    }
}

fn quantiles(tally: &Tally) -> Option<Quantiles> {
    let at = |per_mille| tally.latencies.quantile_ms(per_mille);
    Some(Quantiles { p50: at(500)?, p90: at(900)?, p99: at(990)?, max: tally.latencies.longest_ms() })
}

impl From<&Items> for Counts {
    fn from(items: &Items) -> Self {
        let Items { requests, sent, acknowledged, rejected, refused, unknown } = *items;
        Self { requests, sent, acknowledged, rejected, refused, unknown }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "run {}: {}\n", self.run, self.how)?;
        writeln!(
            f,
            "{:<8} {:>11} {:>14} {:>14} {:>11} {:>11} {:>11}",
            "items", "requests", "sent", "acknowledged", "rejected", "refused", "unknown"
        )?;
        for (name, counts) in &self.signals {
            row(f, name, counts)?;
        }
        if self.signals.len() > 1 {
            row(f, "total", &self.total)?;
        }
        writeln!(
            f,
            "\nrate         {:.0} items/s acknowledged, {:.1} MB/s of OTLP, over {:.2} s",
            self.items_per_second, self.body_megabytes_per_second, self.seconds
        )?;
        if self.wire_bytes != self.body_bytes {
            let ratio = self.body_bytes as f64 / self.wire_bytes.max(1) as f64;
            writeln!(f, "compressed   {ratio:.1} to 1")?;
        }
        if let Some(Quantiles { p50, p90, p99, max }) = self.ack_latency_ms {
            let since = if self.open_loop { "its intended moment" } else { "sending" };
            writeln!(
                f,
                "ack latency  p50 {p50:.2} ms, p90 {p90:.2} ms, p99 {p99:.2} ms, max {max:.2} ms, since {since}"
            )?;
        }
        reasons(f, "retried", &self.retries)?;
        reasons(f, "dropped", &self.refusals)?;
        if let Some(refusal) = &self.first_refusal {
            writeln!(f, "first drop   {refusal}")?;
        }
        self.verified.as_ref().map_or(Ok(()), |verified| verification(f, verified))
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, counts: &Counts) -> fmt::Result {
    let Counts { requests, sent, acknowledged, rejected, refused, unknown } = *counts;
    let [requests, sent, acknowledged, rejected, refused, unknown] =
        [requests, sent, acknowledged, rejected, refused, unknown].map(grouped);
    writeln!(
        f,
        "{name:<8} {requests:>11} {sent:>14} {acknowledged:>14} {rejected:>11} {refused:>11} {unknown:>11}"
    )
}

fn reasons(f: &mut fmt::Formatter<'_>, what: &str, reasons: &BTreeMap<String, u64>) -> fmt::Result {
    if reasons.is_empty() {
        return Ok(());
    }
    let list: Vec<String> =
        reasons.iter().map(|(code, count)| format!("{code} ({})", grouped(*count))).collect();
    writeln!(f, "{what:<12} {}", list.join(", "))
}

fn verification(f: &mut fmt::Formatter<'_>, verified: &Verified) -> fmt::Result {
    let Found { found, lost, twice, repeated, strays, unknown } = &verified.found;
    if verified.right {
        write!(f, "verified     yes: {} acknowledged items are stored, each once", grouped(*found))?;
    } else {
        write!(
            f,
            "verified     NO: of the acknowledged items {} are stored, {} are lost, {} are there again, \
             and {} are there that were not acknowledged",
            grouped(*found),
            grouped(*lost),
            grouped(*twice),
            grouped(*strays)
        )?;
    }
    if *repeated > 0 {
        write!(f, "; {} more than once after a lost answer, which OTLP allows", grouped(*repeated))?;
    }
    if *unknown > 0 {
        write!(f, "; {} of what was given up on is stored", grouped(*unknown))?;
    }
    writeln!(f)
}

/// 1,234,567
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        // Writing to a string can't fail.
        write!(grouped, "{digit}").ok();
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_as_people_read_them() {
        assert_eq!([0, 999, 1_000, 12_345_678].map(grouped), ["0", "999", "1,000", "12,345,678"]);
    }
}
