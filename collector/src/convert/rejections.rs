//! Why single items are not kept. The reasons are a bounded set, label values of a metric; the client gets their
//! counts and the place of the first.

use plimsoll_model::Signal;
use std::fmt::Write;

use crate::signal::OnTheWire;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemReason {
    InvalidTraceId,
    InvalidSpanId,
    TimeOutOfRange,
    TooManyAttributes,
    AttributeTooLong,
    MetricWithoutName,
    MetricWithoutData,
    PointWithoutValue,
    TemporalityUnspecified,
    HistogramMismatch,
    CountOutOfRange,
    SeriesLimit,
    /// Decoded, but the lake could not take it: the client was told to send it again.
    NotStored,
}

impl ItemReason {
    pub const ALL: [Self; 13] = [
        Self::InvalidTraceId,
        Self::InvalidSpanId,
        Self::TimeOutOfRange,
        Self::TooManyAttributes,
        Self::AttributeTooLong,
        Self::MetricWithoutName,
        Self::MetricWithoutData,
        Self::PointWithoutValue,
        Self::TemporalityUnspecified,
        Self::HistogramMismatch,
        Self::CountOutOfRange,
        Self::SeriesLimit,
        Self::NotStored,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidTraceId => "invalid_trace_id",
            Self::InvalidSpanId => "invalid_span_id",
            Self::TimeOutOfRange => "time_out_of_range",
            Self::TooManyAttributes => "too_many_attributes",
            Self::AttributeTooLong => "attribute_too_long",
            Self::MetricWithoutName => "metric_without_name",
            Self::MetricWithoutData => "metric_without_data",
            Self::PointWithoutValue => "point_without_value",
            Self::TemporalityUnspecified => "temporality_unspecified",
            Self::HistogramMismatch => "histogram_mismatch",
            Self::CountOutOfRange => "count_out_of_range",
            Self::SeriesLimit => "series_limit",
            Self::NotStored => "not_stored",
        }
    }

    const fn cure(self) -> &'static str {
        match self {
            Self::InvalidTraceId => "a trace id is 16 bytes, not all zero",
            Self::InvalidSpanId => "a span id is 8 bytes, not all zero",
            Self::TimeOutOfRange => "times must lie before the year 2262",
            Self::TooManyAttributes => "more attributes than max_attributes on the item or its resource",
            Self::AttributeTooLong => {
                "an attribute longer than max_attribute_bytes on the item or its resource"
            }
            Self::MetricWithoutName => "a metric needs a name",
            Self::MetricWithoutData => {
                "a metric needs a gauge, sum, histogram, exponentialHistogram or summary"
            }
            Self::PointWithoutValue => "a data point needs asDouble or asInt",
            Self::TemporalityUnspecified => "aggregationTemporality must be delta (1) or cumulative (2)",
            Self::HistogramMismatch => "a histogram needs one count more than bounds, and rising bounds",
            Self::SeriesLimit => "more distinct series this hour than the tenant's quota (series_per_hour)",
            Self::CountOutOfRange => "counts must fit a signed 64-bit integer",
            Self::NotStored => "not stored",
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Rejections {
    counts: [u64; ItemReason::ALL.len()],
    first_place: Option<String>,
}

impl Rejections {
    pub(super) fn add(&mut self, reason: ItemReason, count: u64, place: impl FnOnce() -> String) {
        if count == 0 {
            return;
        }
        self.counts[reason as usize] += count;
        self.first_place.get_or_insert_with(place);
    }

    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub(crate) fn by_reason(&self) -> impl Iterator<Item = (ItemReason, u64)> + '_ {
        ItemReason::ALL.into_iter().zip(self.counts).filter(|(_, count)| *count > 0)
    }

    pub(super) fn counts(&self) -> [u64; ItemReason::ALL.len()] {
        self.counts
    }

    /// What was counted after `before`.
    pub(super) fn since(&self, before: &[u64; ItemReason::ALL.len()]) -> Vec<(ItemReason, u64)> {
        let counts = ItemReason::ALL.into_iter().zip(self.counts.iter().zip(before));
        let grown = counts.map(|(reason, (now, before))| (reason, now - before));
        grown.filter(|(_, count)| *count > 0).collect()
    }

    /// English, as the protocol asks; a few hundred bytes whatever was refused.
    pub(crate) fn message(&self, signal: Signal, received: u64) -> String {
        let mut text = format!("{} of {received} {} were refused", self.total(), signal.items());
        for (reason, count) in self.by_reason() {
            write!(text, "; {count} {}: {}", reason.as_str(), reason.cure())
                .expect("writing to a String cannot fail");
        }
        if let Some(place) = &self.first_place {
            text.push_str("; first at ");
            text.push_str(place);
        }
        text
    }
}
