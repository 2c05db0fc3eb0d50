//! Native histograms as exponential histograms. Both have the base 2^(2^-scale); Prometheus' bucket i ends where OTLP's
//! bucket i - 1 does.

use super::malformed;
use super::otlp::{Buckets, ExponentialPoint};
use super::wire::{BucketSpan, Count, Histogram, ZeroCount};
use crate::refusal::Refusal;

/// Of one side. A span may name any distance; what lies between becomes zeros.
const MAX_BUCKETS: usize = 20_000;
/// Of the exponential schemas; -53 is custom bounds, which no version of remote write 1.0 sends.
const SCALES: std::ops::RangeInclusive<i32> = -4..=8;

pub(super) fn point(histogram: &Histogram) -> Result<ExponentialPoint, Refusal> {
    if !SCALES.contains(&histogram.schema) {
        return Err(malformed(&format!(
            "a native histogram has the schema {}; known are -4 to 8",
            histogram.schema
        )));
    }
    let positive = side(&histogram.positive_spans, &histogram.positive_deltas, &histogram.positive_counts)?;
    let negative = side(&histogram.negative_spans, &histogram.negative_deltas, &histogram.negative_counts)?;
    let count = match histogram.count {
        Some(Count::Whole(count)) => count,
        Some(Count::Float(count)) => whole(count),
        None => 0,
    };
    let zero_count = match histogram.zero_count {
        Some(ZeroCount::Whole(count)) => count,
        Some(ZeroCount::Float(count)) => whole(count),
        None => 0,
    };
    Ok(ExponentialPoint {
        count,
        sum: Some(histogram.sum).filter(|sum| !sum.is_nan()),
        scale: histogram.schema,
        zero_count,
        zero_threshold: histogram.zero_threshold,
        positive,
        negative,
        ..ExponentialPoint::default()
    })
}

fn side(spans: &[BucketSpan], deltas: &[i64], floats: &[f64]) -> Result<Option<Buckets>, Refusal> {
    let Some(first) = spans.first() else { return Ok(None) };
    let mut given = counts(deltas, floats)?.into_iter();
    let mut counts = Vec::new();
    for (position, span) in spans.iter().enumerate() {
        let gap = if position == 0 { 0 } else { usize::try_from(span.offset).map_err(|_| backwards())? };
        let length = span.length as usize;
        if gap.saturating_add(length).saturating_add(counts.len()) > MAX_BUCKETS {
            return Err(malformed(&format!("a native histogram has more than {MAX_BUCKETS} buckets")));
        }
        counts.resize(counts.len() + gap, 0);
        let wanted = counts.len() + length;
        counts.extend(given.by_ref().take(length));
        if counts.len() < wanted {
            return Err(malformed("the spans of a native histogram name more buckets than it has"));
        }
    }
    Ok(Some(Buckets { offset: first.offset.saturating_sub(1), bucket_counts: counts }))
}

fn backwards() -> Refusal {
    malformed("the spans of a native histogram overlap")
}

fn counts(deltas: &[i64], floats: &[f64]) -> Result<Vec<u64>, Refusal> {
    if deltas.is_empty() {
        return Ok(floats.iter().map(|count| whole(*count)).collect());
    }
    let mut total = 0_i64;
    let step = |delta: &i64| {
        total = total.checked_add(*delta).filter(|count| *count >= 0)?;
        u64::try_from(total).ok()
    };
    let counts: Option<Vec<u64>> = deltas.iter().map(step).collect();
    counts.ok_or_else(|| malformed("a native histogram has a bucket with fewer than no observations"))
}

/// OTLP counts whole observations.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float's cast stops at the bounds"
)]
fn whole(count: f64) -> u64 {
    count.round() as u64
}
