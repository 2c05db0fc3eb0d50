//! Data points of each kind, as they were sent, and what makes one a good one.

use super::attributes::Attributes;
use super::items::known_nanos;
use super::rejections::ItemReason;
use crate::wire::{Fields, Part};

/// Gauges and sums have the same points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Histogram,
    ExponentialHistogram,
    Summary,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Int(i64),
    Double(f64),
}

/// One point of any kind, in room that the next one reuses. Counts are unsigned on the wire: one beyond `i64` shows as
/// negative, and is refused.
#[derive(Debug, Default)]
pub(super) struct Point<'a> {
    start_time: u64,
    time: u64,
    pub(super) flags: u32,
    pub(super) value: Option<Number>,
    pub(super) count: i64,
    pub(super) sum: Option<f64>,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) bucket_bounds: Vec<f64>,
    pub(super) bucket_counts: Vec<i64>,
    pub(super) scale: i32,
    pub(super) zero_count: i64,
    pub(super) zero_threshold: f64,
    pub(super) positive: Buckets,
    pub(super) negative: Buckets,
    pub(super) quantiles: Vec<f64>,
    pub(super) quantile_values: Vec<f64>,
    pub(super) exemplars: Vec<&'a [u8]>,
}

/// One side of an exponential histogram.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    /// `None` when this side was not sent.
    pub(super) offset: Option<i32>,
    pub(super) counts: Vec<i64>,
}

/// Of a point that has been found good; `None` when the sender did not know.
#[derive(Clone, Copy, Debug)]
pub(super) struct PointTimes {
    pub(super) start: Option<i64>,
    pub(super) time: Option<i64>,
}

/// The bit that says "the series ended here": no value, which is not zero.
const NO_RECORDED_VALUE: u32 = 1;

impl<'a> Point<'a> {
    pub(super) fn read(&mut self, kind: Kind, point: &'a [u8], attributes: &mut Attributes<'a>) {
        self.clear();
        for part in Fields::of(point) {
            match kind {
                Kind::Number => self.read_number(part, attributes),
                Kind::Histogram => self.read_histogram(part, attributes),
                Kind::ExponentialHistogram => self.read_exponential(part, attributes),
                Kind::Summary => self.read_summary(part, attributes),
            }
        }
    }

    fn clear(&mut self) {
        (self.start_time, self.time, self.flags) = (0, 0, 0);
        (self.value, self.sum, self.min, self.max) = (None, None, None, None);
        (self.count, self.scale, self.zero_count, self.zero_threshold) = (0, 0, 0, 0.0);
        self.bucket_bounds.clear();
        self.bucket_counts.clear();
        self.positive.clear();
        self.negative.clear();
        self.quantiles.clear();
        self.quantile_values.clear();
        self.exemplars.clear();
    }

    fn read_number(&mut self, part: Part<'a>, attributes: &mut Attributes<'a>) {
        match part.number {
            2 => self.start_time = part.value,
            3 => self.time = part.value,
            4 => self.value = Some(Number::Double(part.double())),
            5 => self.exemplars.push(part.bytes),
            6 => self.value = Some(Number::Int(part.int64())),
            7 => attributes.add(part.bytes),
            8 => self.flags = part.uint32(),
            _ => {}
        }
    }

    fn read_histogram(&mut self, part: Part<'a>, attributes: &mut Attributes<'a>) {
        match part.number {
            2 => self.start_time = part.value,
            3 => self.time = part.value,
            4 => self.count = part.int64(),
            5 => self.sum = Some(part.double()),
            6 => part.fixed64s(&mut self.bucket_counts, u64::cast_signed),
            7 => part.fixed64s(&mut self.bucket_bounds, f64::from_bits),
            8 => self.exemplars.push(part.bytes),
            9 => attributes.add(part.bytes),
            10 => self.flags = part.uint32(),
            11 => self.min = Some(part.double()),
            12 => self.max = Some(part.double()),
            _ => {}
        }
    }

    fn read_exponential(&mut self, part: Part<'a>, attributes: &mut Attributes<'a>) {
        match part.number {
            1 => attributes.add(part.bytes),
            2 => self.start_time = part.value,
            3 => self.time = part.value,
            4 => self.count = part.int64(),
            5 => self.sum = Some(part.double()),
            6 => self.scale = part.sint32(),
            7 => self.zero_count = part.int64(),
            8 => self.positive.read(part.bytes),
            9 => self.negative.read(part.bytes),
            10 => self.flags = part.uint32(),
            11 => self.exemplars.push(part.bytes),
            12 => self.min = Some(part.double()),
            13 => self.max = Some(part.double()),
            14 => self.zero_threshold = part.double(),
            _ => {}
        }
    }

    fn read_summary(&mut self, part: Part<'a>, attributes: &mut Attributes<'a>) {
        match part.number {
            2 => self.start_time = part.value,
            3 => self.time = part.value,
            4 => self.count = part.int64(),
            5 => self.sum = Some(part.double()),
            6 => self.read_quantile(part.bytes),
            7 => attributes.add(part.bytes),
            8 => self.flags = part.uint32(),
            _ => {}
        }
    }

    fn read_quantile(&mut self, at: &[u8]) {
        let (mut quantile, mut value) = (0.0, 0.0);
        for part in Fields::of(at) {
            match part.number {
                1 => quantile = part.double(),
                2 => value = part.double(),
                _ => {}
            }
        }
        self.quantiles.push(quantile);
        self.quantile_values.push(value);
    }

    pub(super) fn is_recorded(&self) -> bool {
        self.flags & NO_RECORDED_VALUE == 0
    }

    pub(super) fn check(&self, kind: Kind) -> Result<PointTimes, ItemReason> {
        if kind == Kind::Number && self.is_recorded() && self.value.is_none() {
            return Err(ItemReason::PointWithoutValue);
        }
        if !self.has_fitting_buckets() {
            return Err(ItemReason::HistogramMismatch);
        }
        let times = PointTimes { start: known_nanos(self.start_time)?, time: known_nanos(self.time)? };
        let lists = [&self.bucket_counts, &self.positive.counts, &self.negative.counts];
        let mut counts = lists.into_iter().flatten().chain([&self.count, &self.zero_count]);
        if counts.any(|count| *count < 0) {
            return Err(ItemReason::CountOutOfRange);
        }
        Ok(times)
    }

    /// One count more than bounds, or neither; bounds strictly rising (so never NaN).
    fn has_fitting_buckets(&self) -> bool {
        let bounds = &self.bucket_bounds;
        let neither = bounds.is_empty() && self.bucket_counts.is_empty();
        let fits = neither || self.bucket_counts.len() == bounds.len() + 1;
        fits && bounds.windows(2).all(|pair| pair[0] < pair[1]) && !bounds.iter().any(|bound| bound.is_nan())
    }
}

impl Buckets {
    fn clear(&mut self) {
        self.offset = None;
        self.counts.clear();
    }

    fn read(&mut self, buckets: &[u8]) {
        self.offset.get_or_insert(0);
        for part in Fields::of(buckets) {
            match part.number {
                1 => self.offset = Some(part.sint32()),
                2 => part.varints(&mut self.counts),
                _ => {}
            }
        }
    }
}

impl Number {
    pub(super) fn as_f64(self) -> f64 {
        match self {
            Self::Double(value) => value,
            Self::Int(value) => value as f64,
        }
    }

    pub(super) fn as_int(self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(value),
            Self::Double(_) => None,
        }
    }
}
